/* SPDX-License-Identifier: EUPL-1.2 */
/* Server id and device identification. */
#include "protocol/modbus_identity.h"

#include "base/cleanup.h"
#include "base/status.h"

#define EXCEPTION     0x80
#define MEI_TYPE      14
#define MAX_REGISTERS 125
#define MAX_BITS      2000

const char *fg_modbus_object_name(enum fg_modbus_object object)
{
	static const char *const names[] = {"vendor", "product_code", "revision", "url",
		"product_name", "model", "application"};

	return (size_t)object < FG_COUNT(names) ? names[object] : "unknown";
}

static bool is_printable(uint8_t c)
{
	return c >= 0x20 && c < 0x7F;
}

/* The printable characters; each run of others becomes a blank, none at the ends. */
static void take_text(const uint8_t *bytes, size_t n, char *ret, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < n && len + 1 < size; i++) {
		char c = is_printable(bytes[i]) ? (char)bytes[i] : ' ';

		if (c != ' ' || (len && ret[len - 1] != ' '))
			ret[len++] = c;
	}
	while (len && ret[len - 1] == ' ')
		len--;
	ret[len] = '\0';
}

static bool is_refusal(const uint8_t *pdu, size_t len, uint8_t function, unsigned *ret_exception)
{
	if (len != 2 || pdu[0] != (function | EXCEPTION))
		return false;
	*ret_exception = pdu[1];
	return true;
}

size_t fg_modbus_identity_request(uint8_t code, uint8_t object, uint8_t ret_pdu[4])
{
	ret_pdu[0] = FG_MODBUS_IDENTITY;
	ret_pdu[1] = MEI_TYPE;
	ret_pdu[2] = code;
	ret_pdu[3] = object;
	return 4;
}

int fg_modbus_identity_answer(
	const uint8_t *pdu, size_t len, struct fg_modbus_identity *id, unsigned *ret_exception)
{
	size_t at = 7;

	if (is_refusal(pdu, len, FG_MODBUS_IDENTITY, ret_exception))
		return FG_EREFUSED;
	if (len < at || pdu[0] != FG_MODBUS_IDENTITY || pdu[1] != MEI_TYPE)
		return FG_EFRAME;
	for (unsigned left = pdu[6]; left; left--) {
		if (at + 2 > len || at + 2 + pdu[at + 1] > len)
			return FG_EFRAME;
		if (pdu[at] < FG_OBJECT_COUNT)
			take_text(pdu + at + 2, pdu[at + 1], id->objects[pdu[at]],
				sizeof(id->objects[0]));
		at += 2u + pdu[at + 1];
	}
	id->more = pdu[4] == 0xFF;
	id->next = pdu[5];
	return at == len ? FG_OK : FG_EFRAME;
}

size_t fg_modbus_server_id_request(uint8_t ret_pdu[1])
{
	ret_pdu[0] = FG_MODBUS_SERVER_ID;
	return 1;
}

int fg_modbus_server_id_answer(
	const uint8_t *pdu, size_t len, char *ret_text, size_t size, unsigned *ret_exception)
{
	if (is_refusal(pdu, len, FG_MODBUS_SERVER_ID, ret_exception))
		return FG_EREFUSED;
	if (len < 2 || pdu[0] != FG_MODBUS_SERVER_ID || len != 2u + pdu[1])
		return FG_EFRAME;
	take_text(pdu + 2, len - 2, ret_text, size);
	return FG_OK;
}

static unsigned count_of(const uint8_t *pdu)
{
	return (unsigned)pdu[3] << 8 | pdu[4];
}

bool fg_modbus_only_looks(const uint8_t *pdu, size_t len)
{
	if (len == 0)
		return false;
	if (pdu[0] >= 1 && pdu[0] <= 4)
		return len == 5 && count_of(pdu) >= 1 &&
		       count_of(pdu) <= (pdu[0] <= 2 ? MAX_BITS : MAX_REGISTERS);
	if (pdu[0] == FG_MODBUS_SERVER_ID)
		return len == 1;
	return pdu[0] == FG_MODBUS_IDENTITY && len == 4 && pdu[1] == MEI_TYPE && pdu[2] >= 1 &&
	       pdu[2] <= 4;
}

size_t fg_modbus_answer_bytes(const uint8_t *pdu, size_t len)
{
	if (len != 5 || pdu[0] < 1 || pdu[0] > 4)
		return 0;
	return 2u + (pdu[0] <= 2 ? (count_of(pdu) + 7) / 8 : 2 * count_of(pdu));
}
