/* SPDX-License-Identifier: EUPL-1.2 */
/* Modbus protocol data units. */
#include "protocol/modbus.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"

#define EXCEPTION 0x80
#define WRITE_MAX 123

static bool is_bits(enum fg_table table)
{
	return table == FG_TABLE_COIL || table == FG_TABLE_DISCRETE;
}

unsigned fg_modbus_function(enum fg_table table)
{
	static const unsigned functions[] = {
		[FG_TABLE_HOLDING] = 3,
		[FG_TABLE_INPUT] = 4,
		[FG_TABLE_COIL] = 1,
		[FG_TABLE_DISCRETE] = 2,
	};

	return functions[table];
}

size_t fg_modbus_request(const struct fg_request *req, uint8_t ret_pdu[5])
{
	ret_pdu[0] = (uint8_t)fg_modbus_function(req->table);
	ret_pdu[1] = (uint8_t)(req->address >> 8);
	ret_pdu[2] = (uint8_t)(req->address & 0xFF);
	ret_pdu[3] = (uint8_t)(req->count >> 8);
	ret_pdu[4] = (uint8_t)(req->count & 0xFF);
	return 5;
}

/* Data bytes that the answer carries. */
static size_t data_bytes(const struct fg_request *req)
{
	return is_bits(req->table) ? (req->count + 7u) / 8 : 2u * req->count;
}

size_t fg_modbus_answer_length(const struct fg_request *req)
{
	return 2 + data_bytes(req);
}

static void put_word(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)(v & 0xFF);
}

size_t fg_modbus_write(unsigned function, uint16_t address, const uint16_t *values, size_t count,
	uint8_t ret_pdu[FG_MODBUS_PDU_MAX], size_t *ret_answer)
{
	if (count < 1 || count > WRITE_MAX || (function != 16 && count != 1) ||
		(function != 5 && function != 6 && function != 16))
		return 0;
	*ret_answer = 5;
	ret_pdu[0] = (uint8_t)function;
	put_word(ret_pdu + 1, address);
	if (function == 5)
		put_word(ret_pdu + 3, values[0] ? 0xFF00 : 0);
	if (function == 6)
		put_word(ret_pdu + 3, values[0]);
	if (function != 16)
		return 5;
	put_word(ret_pdu + 3, (unsigned)count);
	ret_pdu[5] = (uint8_t)(2 * count);
	for (size_t i = 0; i < count; i++)
		put_word(ret_pdu + 6 + 2 * i, values[i]);
	return 6 + 2 * count;
}

/* All three give back what they were asked: address and value, or address and count. */
bool fg_modbus_write_confirmed(const uint8_t *request, const uint8_t *pdu, size_t len)
{
	return len == 5 && memcmp(request, pdu, 5) == 0;
}

int fg_modbus_answer(const struct fg_request *req, const uint8_t *pdu, size_t len,
	uint16_t *ret_cells, unsigned *ret_exception)
{
	unsigned function = fg_modbus_function(req->table);
	const uint8_t *data = pdu + 2;

	if (len == 2 && pdu[0] == (function | EXCEPTION)) {
		*ret_exception = pdu[1];
		return FG_EREFUSED;
	}
	if (len < 2 || pdu[0] != function || pdu[1] != data_bytes(req) || len != 2u + pdu[1])
		return FG_EFRAME;
	for (unsigned i = 0; i < req->count; i++) {
		if (is_bits(req->table))
			ret_cells[i] = data[i / 8] >> (i % 8) & 1;
		else
			ret_cells[i] = (uint16_t)(data[2 * i] << 8 | data[2 * i + 1]);
	}
	return FG_OK;
}

const char *fg_modbus_exception_text(unsigned code)
{
	static const char *const texts[] = {
		[1] = "illegal function",
		[2] = "illegal data address",
		[3] = "illegal data value",
		[4] = "device failure",
		[5] = "acknowledged, not ready yet",
		[6] = "device busy",
		[7] = "negative acknowledge",
		[8] = "memory parity error",
		[10] = "gateway path unavailable",
		[11] = "gateway target device failed to respond",
	};

	return code < FG_COUNT(texts) && texts[code] ? texts[code] : "unknown exception";
}

int64_t fg_modbus_rtu_wire_us(const struct fg_request *req, unsigned baud, unsigned char_bits)
{
	const int64_t bytes = 8 + 5 + (int64_t)data_bytes(req);
	int64_t char_ns = INT64_C(1000000000) * char_bits / baud;
	int64_t silence_ns = baud > 19200 ? 1750000 : char_ns * 7 / 2;

	return (bytes * char_ns + 2 * silence_ns + 999) / 1000;
}
