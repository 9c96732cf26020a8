/* SPDX-License-Identifier: EUPL-1.2 */
/* Modbus PDUs: what is asked, and what is taken for an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/modbus.h"

static void test_request(void **state)
{
	static const struct {
		struct fg_request req;
		uint8_t pdu[5];
	} cases[] = {
		{{FG_TABLE_COIL, 0x13, 0x25}, {1, 0, 0x13, 0, 0x25}},
		{{FG_TABLE_DISCRETE, 0xc4, 0x16}, {2, 0, 0xc4, 0, 0x16}},
		{{FG_TABLE_HOLDING, 0x6b, 3}, {3, 0, 0x6b, 0, 3}},
		{{FG_TABLE_INPUT, 0xfffe, 2}, {4, 0xff, 0xfe, 0, 2}},
		{{FG_TABLE_COIL, 0, 2000}, {1, 0, 0, 7, 0xd0}},
	};
	uint8_t pdu[5];

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		assert_int_equal(fg_modbus_request(&cases[i].req, pdu), 5);
		assert_memory_equal(pdu, cases[i].pdu, 5);
	}
}

static void test_write(void **state)
{
	static const struct {
		unsigned function;
		uint16_t address, values[3];
		size_t count, len;
		uint8_t pdu[12];
	} cases[] = {
		/* Modbus application protocol V1.1b3: the examples of 6.5, 6.6 and 6.12 */
		{5, 0xac, {1}, 1, 5, {5, 0, 0xac, 0xff, 0}},
		{5, 0xac, {0}, 1, 5, {5, 0, 0xac, 0, 0}},
		{6, 1, {3}, 1, 5, {6, 0, 1, 0, 3}},
		{16, 1, {10, 0x102}, 2, 10, {16, 0, 1, 0, 2, 4, 0, 10, 1, 2}},
		{5, 0, {1, 1}, 2, 0, {0}},
		{6, 0, {1, 1}, 2, 0, {0}},
		{16, 0, {0}, 0, 0, {0}},
		{15, 0, {1}, 1, 0, {0}},
		{3, 0, {1}, 1, 0, {0}},
	};
	uint16_t many[124] = {0};
	uint8_t pdu[FG_MODBUS_PDU_MAX];
	size_t answer;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		assert_int_equal(fg_modbus_write(cases[i].function, cases[i].address,
					 cases[i].values, cases[i].count, pdu, &answer),
			cases[i].len);
		assert_memory_equal(pdu, cases[i].pdu, cases[i].len);
	}
	assert_int_equal(fg_modbus_write(16, 0, many, 123, pdu, &answer), 252);
	assert_int_equal(answer, 5);
	assert_true(fg_modbus_write_confirmed(pdu, pdu, 5));
	assert_false(fg_modbus_write_confirmed(pdu, pdu, 6));
	assert_false(fg_modbus_write_confirmed(
		(const uint8_t[]){6, 0, 1, 0, 3}, (const uint8_t[]){6, 0, 1, 0, 2}, 5));
	assert_int_equal(fg_modbus_write(16, 0, many, 124, pdu, &answer), 0);
}

/* The good answer, and that no shorter, longer or altered head of it is taken. */
static void check_answer(
	const struct fg_request *req, const uint8_t *pdu, size_t len, const uint16_t *want)
{
	uint16_t cells[2000];
	uint8_t bad[FG_MODBUS_PDU_MAX + 1];
	unsigned exception = 0;

	assert_int_equal(fg_modbus_answer(req, pdu, len, cells, &exception), FG_OK);
	assert_memory_equal(cells, want, req->count * sizeof(*want));
	for (size_t cut = 0; cut < len; cut++) {
		/* a copy of just that size, so that a sanitizer sees a read beyond it */
		uint8_t *copy = test_malloc(cut + 1);

		memcpy(copy + 1, pdu, cut);
		assert_int_equal(
			fg_modbus_answer(req, copy + 1, cut, cells, &exception), FG_EFRAME);
		test_free(copy);
	}
	memcpy(bad, pdu, len);
	bad[len] = 0;
	assert_int_equal(fg_modbus_answer(req, bad, len + 1, cells, &exception), FG_EFRAME);
	bad[0] ^= 1;
	assert_int_equal(fg_modbus_answer(req, bad, len, cells, &exception), FG_EFRAME);
	bad[0] = pdu[0];
	for (unsigned n = 0; n < 256; n++) {
		bad[1] = (uint8_t)n;
		if (n != pdu[1])
			assert_int_equal(
				fg_modbus_answer(req, bad, len, cells, &exception), FG_EFRAME);
	}
	assert_int_equal(exception, 0);
}

static void test_answer(void **state)
{
	const struct fg_request regs = {FG_TABLE_HOLDING, 0x6b, 3}, one = {FG_TABLE_INPUT, 8, 1};
	const struct fg_request bits = {FG_TABLE_COIL, 0x13, 10}, eight = {FG_TABLE_DISCRETE, 0, 8};

	(void)state;
	check_answer(&regs, (const uint8_t[]){3, 6, 2, 0x2b, 0, 0, 0, 0x64}, 8,
		(const uint16_t[]){0x022b, 0, 0x64});
	check_answer(&one, (const uint8_t[]){4, 2, 0xff, 0xfe}, 4, (const uint16_t[]){0xfffe});
	check_answer(&bits, (const uint8_t[]){1, 2, 0xcd, 0x01}, 4,
		(const uint16_t[]){1, 0, 1, 1, 0, 0, 1, 1, 1, 0});
	check_answer(&eight, (const uint8_t[]){2, 1, 0x80}, 3,
		(const uint16_t[]){0, 0, 0, 0, 0, 0, 0, 1});
}

static void test_refusal(void **state)
{
	const struct fg_request req = {FG_TABLE_HOLDING, 0, 1};
	uint16_t cells[1] = {7};
	unsigned exception = 0;

	(void)state;
	assert_int_equal(fg_modbus_answer(&req, (const uint8_t[]){0x83, 2}, 2, cells, &exception),
		FG_EREFUSED);
	assert_int_equal(exception, 2);
	assert_int_equal(cells[0], 7);
	assert_int_equal(fg_modbus_answer(&req, (const uint8_t[]){0x84, 2}, 2, cells, &exception),
		FG_EFRAME);
	assert_int_equal(
		fg_modbus_answer(&req, (const uint8_t[]){0x83, 2, 0}, 3, cells, &exception),
		FG_EFRAME);
	assert_string_equal(fg_modbus_exception_text(2), "illegal data address");
	for (unsigned code = 0; code < 300; code++)
		assert_non_null(fg_modbus_exception_text(code));
}

static void test_wire_time(void **state)
{
	const struct fg_request req = {FG_TABLE_INPUT, 0, 10}, coils = {FG_TABLE_COIL, 0, 9};

	(void)state;
	/* 8 + 25 characters of 10 bits and twice 3.5 silent ones at 9600 baud */
	assert_in_range(fg_modbus_rtu_wire_us(&req, 9600, 10), 41600, 41700);
	/* 8 + 7 of 11 bits, and twice 1.75 ms above 19200 baud */
	assert_in_range(fg_modbus_rtu_wire_us(&coils, 115200, 11), 4930, 4935);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_wire_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
