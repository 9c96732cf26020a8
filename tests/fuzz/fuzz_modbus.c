/* SPDX-License-Identifier: EUPL-1.2 */
/* An answer PDU of any bytes against any request, and any registers as any type. The first bytes
 * choose the request and the type. Also what a device says of itself (functions 17 and 43/14). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "protocol/modbus.h"
#include "protocol/modbus_identity.h"

static void decode(const uint8_t *choice, const uint16_t *cells)
{
	struct fg_regspec spec = {
		.type = (enum fg_regtype)(choice[0] % (FG_REG_LAST + 1)),
		.order = (enum fg_order)(choice[1] & 3),
		.high_byte = choice[1] & 4,
		.lo = choice[2] & 7,
		.hi = (uint8_t)(8 + (choice[2] >> 2) % 56),
		.mask = choice[3] & 128 ? UINT64_C(0x5A) << (choice[3] & 31) : 0,
		.string_registers = (uint16_t)(1 + choice[3] % 125),
	};
	struct fg_value value;
	uint64_t raw;
	char text[2 * 125 + 1];

	fg_reg_decode(&spec, cells, &value, &raw, text);
}

/* Texts for a person's terminal: short, ended, and nothing but what can be printed. */
static void check_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == size)
		abort();
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7E)
			abort();
}

static void identify(const uint8_t *pdu, size_t len)
{
	struct fg_modbus_identity id = {.more = false};
	char text[24] = "";
	unsigned exception;

	fg_modbus_identity_answer(pdu, len, &id, &exception);
	for (size_t i = 0; i < FG_OBJECT_COUNT; i++)
		check_text(id.objects[i], sizeof(id.objects[i]));
	if (fg_modbus_server_id_answer(pdu, len, text, sizeof(text), &exception) == FG_OK)
		check_text(text, sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint16_t cells[2000];
	struct fg_request req;
	unsigned exception;
	bool bits;

	if (size < 8)
		return 0;
	req.table = (enum fg_table)(data[0] & 3);
	req.address = (uint16_t)(data[1] << 8 | data[2]);
	bits = req.table == FG_TABLE_COIL || req.table == FG_TABLE_DISCRETE;
	req.count = (uint16_t)(bits ? 1 + data[3] * 7 : 1 + data[3] % 125);
	memset(cells, 0, sizeof(cells));
	fg_modbus_answer(&req, data + 8, size - 8, cells, &exception);
	decode(data + 4, cells);
	identify(data + 8, size - 8);
	return 0;
}
