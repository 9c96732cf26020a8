/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_COAP_MESSAGE_H
#define FG_PROTOCOL_COAP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* CoAP messages (RFC 7252, section 3) over datagrams, as pure functions over hostile bytes: for the
 * tools that show them to people. The drivers leave messages to libcoap. */

enum fg_coap_type { FG_COAP_CON, FG_COAP_NON, FG_COAP_ACK, FG_COAP_RST };

/* Option numbers that are looked at here. */
enum {
	FG_COAP_OPT_ETAG = 4,
	FG_COAP_OPT_OBSERVE = 6,
	FG_COAP_OPT_URI_PATH = 11,
	FG_COAP_OPT_FORMAT = 12,
	FG_COAP_OPT_MAX_AGE = 14,
	FG_COAP_OPT_ACCEPT = 17,
	FG_COAP_OPT_BLOCK2 = 23,
};

#define FG_COAP_TOKEN_MAX 8
#define FG_COAP_CODE(class, detail) ((class) << 5 | (detail))

struct fg_coap_message {
	enum fg_coap_type type;
	uint8_t code; /* class << 5 | detail */
	uint16_t mid;
	uint8_t token[FG_COAP_TOKEN_MAX];
	size_t token_len;
	/* lent from the bytes */
	const uint8_t *options, *options_end, *payload;
	size_t payload_len;
};

struct fg_coap_option {
	unsigned number;
	const uint8_t *value;
	size_t len;
};

/* FG_EDECODE for anything that a receiver must drop: another version, a token of more than 8
 * bytes, options that are cut short or use the reserved 15, a payload marker with nothing behind,
 * an empty message that is not empty. */
int fg_coap_parse(const void *bytes, size_t len, struct fg_coap_message *ret);

/* The options in their order: begin with *ret all zero. False behind the last. */
bool fg_coap_next_option(const struct fg_coap_message *m, struct fg_coap_option *ret);
/* The first one of a number. */
bool fg_coap_find_option(
	const struct fg_coap_message *m, unsigned number, struct fg_coap_option *ret);
/* Its value as a whole number; what has more than 8 bytes is the largest number. */
uint64_t fg_coap_option_uint(const struct fg_coap_option *o);

/* Writes a message: the head, options in the order of their numbers (*last begins at 0), payload.*/
void fg_coap_put_head(struct fg_buf *out, enum fg_coap_type type, unsigned code, uint16_t mid,
	const void *token, size_t token_len);
void fg_coap_put_option(
	struct fg_buf *out, unsigned *last, unsigned number, const void *value, size_t len);
void fg_coap_put_uint_option(struct fg_buf *out, unsigned *last, unsigned number, uint64_t value);
void fg_coap_put_payload(struct fg_buf *out, const void *payload, size_t len);

/* ---- for people ---- */

/* "2.05 Content"; without a name only the number. */
#define FG_COAP_CODE_TEXT 40
const char *fg_coap_code_text(unsigned code, char text[FG_COAP_CODE_TEXT]);
/* "CON" … */
const char *fg_coap_type_name(enum fg_coap_type type);
/* "Uri-Path"; NULL where the registry has no such number that is known here. */
const char *fg_coap_option_name(unsigned number);
/* "senml+json"-like names of content formats: "application/senml+json"; NULL: not known. */
const char *fg_coap_format_name(unsigned format);
/* An option's value: a number, a text in quotes with its controls replaced, or hexadecimal; blocks
 * as "2/more/1024". */
void fg_coap_put_option_value(struct fg_buf *out, const struct fg_coap_option *o);

#endif
