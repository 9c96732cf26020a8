/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_MODBUS_IDENTITY_H
#define FG_PROTOCOL_MODBUS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/modbus.h"

/* What an instrument says of itself (Modbus application protocol V1.1b3, sections 6.13 and 6.21),
 * and which requests only look. */

#define FG_MODBUS_SERVER_ID 17
#define FG_MODBUS_IDENTITY  43 /* with MEI type 14 */

/* Objects of the identification that have names. */
enum fg_modbus_object {
	FG_OBJECT_VENDOR,
	FG_OBJECT_PRODUCT_CODE,
	FG_OBJECT_REVISION,
	FG_OBJECT_URL,
	FG_OBJECT_PRODUCT_NAME,
	FG_OBJECT_MODEL,
	FG_OBJECT_APPLICATION,
	FG_OBJECT_COUNT,
};

struct fg_modbus_identity {
	char objects[FG_OBJECT_COUNT][64]; /* printable; empty where not given */
	bool more;			   /* ask again, from `next` on */
	uint8_t next;
};

/* "vendor", "product_code" …; never NULL for an object of the enum. */
const char *fg_modbus_object_name(enum fg_modbus_object object);

/* code 1: vendor, product and revision; 2: all that have names. `object`: where to begin. */
size_t fg_modbus_identity_request(uint8_t code, uint8_t object, uint8_t ret_pdu[4]);
/* Adds the objects of one answer to *id. FG_OK; FG_EREFUSED with *ret_exception; FG_EFRAME. */
int fg_modbus_identity_answer(
	const uint8_t *pdu, size_t len, struct fg_modbus_identity *id, unsigned *ret_exception);

size_t fg_modbus_server_id_request(uint8_t ret_pdu[1]);
/* The text in a server id answer, whose form each maker chooses: its printable characters, a blank
 * for each run of others. */
int fg_modbus_server_id_answer(
	const uint8_t *pdu, size_t len, char *ret_text, size_t size, unsigned *ret_exception);

/* Whether a request PDU is one of functions 1 to 4, 17 and 43/14, and whole: an instrument that is
 * asked so changes nothing. */
bool fg_modbus_only_looks(const uint8_t *pdu, size_t len);

/* PDU bytes of the answer to such a request; 0: not known beforehand. */
size_t fg_modbus_answer_bytes(const uint8_t *pdu, size_t len);

#endif
