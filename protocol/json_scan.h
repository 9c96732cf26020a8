/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_JSON_SCAN_H
#define FG_PROTOCOL_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "model/value.h"

/* JSON as hostile bytes, without a heap: for the decoders of this room. */

struct fg_json_span {
	const unsigned char *at, *end;
};

/* Checks a whole document, with the bounds that fg_payload_json() tells, and finds the value that
 * the pointer leads to: FG_ENOENT where it leads nowhere, FG_EDECODE where the document is bad. */
int fg_json_find(
	const char *payload, size_t len, const char *pointer, struct fg_json_span *ret_value);

/* The same of a document of at most `max` bytes. */
int fg_json_find_within(const char *payload, size_t len, size_t max, const char *pointer,
	struct fg_json_span *ret_value);

/* The rest is for what fg_json_find() has checked: no fault is looked for again. */

/* Takes one character of punctuation with the blanks before it. */
bool fg_json_take(struct fg_json_span *rest, char c);
/* Steps over one value and gives it. */
struct fg_json_span fg_json_step(struct fg_json_span *rest);
/* The next character of a string as UTF-8; 0 at the closing quote (left in place) and at a fault,
 * which is where *p does not point to a quote. */
size_t fg_json_char(const unsigned char **p, const unsigned char *end, unsigned char out[4]);
/* A string without its escapes and with a NUL behind, cut at text_cap - 1 and never inside a
 * character; returns its length. */
size_t fg_json_copy(struct fg_json_span string, char *text, size_t text_cap, bool *ret_cut);
int fg_json_number(struct fg_json_span value, struct fg_value *ret);

/* A number in decimal notation. Whole numbers keep all their digits; 15 significant digits say a
 * decimal exactly, with more it was printed from a double. */
int fg_decimal_parse(const char *text, struct fg_value *ret);

#endif
