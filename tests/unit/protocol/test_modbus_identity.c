/* SPDX-License-Identifier: EUPL-1.2 */
/* Server id, device identification, and which requests only look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/modbus_identity.h"

/* The example of the application protocol V1.1b3, section 6.21: "Company identification",
 * "Product code XX", "V2.11". */
static const uint8_t company[] = "\x2B\x0E\x01\x01\x00\x00\x03"
				 "\x00\x16"
				 "Company identification"
				 "\x01\x0F"
				 "Product code XX"
				 "\x02\x05"
				 "V2.11";

static void identification(void **state)
{
	struct fg_modbus_identity id = {.next = 9};
	unsigned exception = 0;
	uint8_t pdu[4];

	(void)state;
	assert_int_equal(fg_modbus_identity_request(1, 0, pdu), 4);
	assert_memory_equal(pdu, "\x2B\x0E\x01\x00", 4);
	assert_int_equal(
		fg_modbus_identity_answer(company, sizeof(company) - 1, &id, &exception), FG_OK);
	assert_string_equal(id.objects[FG_OBJECT_VENDOR], "Company identification");
	assert_string_equal(id.objects[FG_OBJECT_PRODUCT_CODE], "Product code XX");
	assert_string_equal(id.objects[FG_OBJECT_REVISION], "V2.11");
	assert_string_equal(id.objects[FG_OBJECT_MODEL], "");
	assert_false(id.more);
	assert_int_equal(
		fg_modbus_identity_answer((const uint8_t *)"\x2B\x0E\x02\x02\xFF\x04\x01\x03\x01x",
			10, &id, &exception),
		FG_OK);
	assert_true(id.more);
	assert_int_equal(id.next, 4);
	assert_string_equal(id.objects[FG_OBJECT_URL], "x");
	assert_string_equal(id.objects[FG_OBJECT_REVISION], "V2.11"); /* kept from before */
}

static void bad_identification(void **state)
{
	struct fg_modbus_identity id = {.next = 0};
	unsigned exception = 0;

	(void)state;
	for (size_t len = 0; len < sizeof(company) - 1; len++)
		assert_int_equal(
			fg_modbus_identity_answer(company, len, &id, &exception), FG_EFRAME);
	assert_int_equal(
		fg_modbus_identity_answer(company, sizeof(company), &id, &exception), FG_EFRAME);
	assert_int_equal(fg_modbus_identity_answer((const uint8_t *)"\xAB\x01", 2, &id, &exception),
		FG_EREFUSED);
	assert_int_equal(exception, 1);
}

static void server_id(void **state)
{
	unsigned exception = 0;
	char text[16];
	uint8_t pdu[1];

	(void)state;
	assert_int_equal(fg_modbus_server_id_request(pdu), 1);
	assert_int_equal(pdu[0], 17);
	assert_int_equal(
		fg_modbus_server_id_answer((const uint8_t *)"\x11\x09\x01\x02TH-20\xFF\x00", 11,
			text, sizeof(text), &exception),
		FG_OK);
	assert_string_equal(text, "TH-20");
	assert_int_equal(fg_modbus_server_id_answer((const uint8_t *)"\x11\x09"
								     "A\033[2JB\nC\x7F",
				 11, text, 5, &exception),
		FG_OK);
	assert_string_equal(text, "A [2"); /* nothing in it steers a terminal; cut to what fits */
	assert_int_equal(fg_modbus_server_id_answer(
				 (const uint8_t *)"\x11\x05x", 3, text, sizeof(text), &exception),
		FG_EFRAME);
	assert_int_equal(fg_modbus_server_id_answer(
				 (const uint8_t *)"\x91\x0B", 2, text, sizeof(text), &exception),
		FG_EREFUSED);
	assert_int_equal(exception, 11);
}

static void only_looks(void **state)
{
	static const struct {
		const char *pdu;
		size_t len;
		bool yes;
		size_t answer;
	} cases[] = {
		{"\x03\x00\x00\x00\x01", 5, true, 4},
		{"\x04\x00\x00\x00\x7D", 5, true, 252},
		{"\x04\x00\x00\x00\x7E", 5, false, 254},
		{"\x03\x00\x00\x00\x00", 5, false, 2},
		{"\x01\x00\x00\x07\xD0", 5, true, 252},
		{"\x02\x00\x00\x07\xD1", 5, false, 253},
		{"\x02\x00\x00\x00\x09", 5, true, 4},
		{"\x03\x00\x00\x00", 4, false, 0},
		{"\x03\x00\x00\x00\x01\x00", 6, false, 0},
		{"\x05\x00\x00\xFF\x00", 5, false, 0},
		{"\x06\x00\x00\x00\x01", 5, false, 0},
		{"\x11", 1, true, 0},
		{"\x11\x00", 2, false, 0},
		{"\x2B\x0E\x01\x00", 4, true, 0},
		{"\x2B\x0E\x04\x05", 4, true, 0},
		{"\x2B\x0E\x05\x00", 4, false, 0},
		{"\x2B\x0D\x01\x00", 4, false, 0},
		{"\x08\x00\x00\x00\x00", 5, false, 0},
		{"", 0, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		const uint8_t *pdu = (const uint8_t *)cases[i].pdu;

		if (fg_modbus_only_looks(pdu, cases[i].len) != cases[i].yes ||
			fg_modbus_answer_bytes(pdu, cases[i].len) != cases[i].answer)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identification),
		cmocka_unit_test(bad_identification),
		cmocka_unit_test(server_id),
		cmocka_unit_test(only_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
