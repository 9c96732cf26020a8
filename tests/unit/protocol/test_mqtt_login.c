/* SPDX-License-Identifier: EUPL-1.2 */
/* The bytes that begin an MQTT session, and what is made of the broker's answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/status.h"
#include "protocol/mqtt_login.h"

static void assert_bytes(const struct fg_buf *b, const char *bytes, size_t len)
{
	assert_false(b->overflow);
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, bytes, len);
}

#define ASSERT_BYTES(b, literal) assert_bytes(b, literal, sizeof(literal) - 1)

static void connect_5(void **state)
{
	const struct fg_mqtt_login login = {
		.version = 5, .client_id = "gw", .username = "u", .password = "pw"};
	char mem[100];
	struct fg_buf out;

	(void)state;
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_mqtt_put_connect(&out, &login);
	ASSERT_BYTES(&out, "\x10\x16\0\x04MQTT\x05\xC2\0\x1E\0\0\x02gw\0\x01u\0\x02pw");
	fg_buf_clear(&out);
	fg_mqtt_put_disconnect(&out, 5);
	ASSERT_BYTES(&out, "\xE0\0");
}

static void connect_311(void **state)
{
	const struct fg_mqtt_login login = {.version = 3, .client_id = "gw"};
	char mem[100];
	struct fg_buf out;

	(void)state;
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_mqtt_put_connect(&out, &login);
	ASSERT_BYTES(&out, "\x10\x0E\0\x04MQTT\x04\x02\0\x1E\0\x02gw");
}

/* The length of a long packet takes two bytes; what has no room is told. */
static void long_texts(void **state)
{
	char id[201], mem[300];
	struct fg_mqtt_login login = {.version = 3, .client_id = id};
	struct fg_buf out;

	(void)state;
	memset(id, 'x', 200);
	id[200] = '\0';
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_mqtt_put_connect(&out, &login);
	assert_false(out.overflow);
	assert_memory_equal(out.data, "\x10\xD4\x01", 3);
	assert_int_equal(out.len, 3 + 0xD4);
	fg_buf_wrap(&out, mem, 100);
	fg_mqtt_put_connect(&out, &login);
	assert_true(out.overflow);
}

static int answer(const char *bytes, size_t len, int version, unsigned *ret)
{
	unsigned code = 999;

	/* each beginning of it asks for more, or is refused at once */
	for (size_t i = 0; i < len; i++) {
		int r = fg_mqtt_read_answer(bytes, i, version, &code);

		assert_true(r == FG_EAGAIN || r == FG_EFRAME);
		assert_int_equal(code, 999);
	}
	return fg_mqtt_read_answer(bytes, len, version, ret);
}

#define ANSWER(literal, version, ret) answer(literal, sizeof(literal) - 1, version, ret)

static void answers(void **state)
{
	unsigned code = 999;

	(void)state;
	assert_int_equal(ANSWER("\x20\x02\0\0", 3, &code), FG_OK);
	assert_int_equal(code, 0);
	assert_int_equal(ANSWER("\x20\x02\0\x04", 3, &code), FG_OK);
	assert_string_equal(fg_mqtt_code_text(code, 3), "wrong user name or password");
	assert_int_equal(ANSWER("\x20\x06\0\x87\x03\x22\0\x0A", 5, &code), FG_OK);
	assert_string_equal(fg_mqtt_code_text(code, 5), "not allowed to log in");
	/* a broker that knows no MQTT 5 says so as 3.1.1 does */
	assert_int_equal(ANSWER("\x20\x02\0\x01", 5, &code), FG_OK);
	assert_string_equal(fg_mqtt_code_text(code, 5),
		"the broker does not speak this version of MQTT");
	assert_int_equal(ANSWER("\xE0\x02\x8B\0", 5, &code), FG_OK);
	assert_int_equal(code, 0x8B);
	assert_string_equal(fg_mqtt_code_text(0x42, 5), "refused with an unknown code");
}

static void no_answers(void **state)
{
	unsigned code = 999;

	(void)state;
	assert_int_equal(ANSWER("HTTP/1.1 400 Bad Request", 5, &code), FG_EFRAME);
	assert_int_equal(ANSWER("\x20\x01\0", 5, &code), FG_EFRAME);
	assert_int_equal(ANSWER("\x20\xFF\xFF\xFF\xFF\x01", 5, &code), FG_EFRAME);
	assert_int_equal(ANSWER("\x20\xFF\xFF\xFF\x7F", 5, &code), FG_EFRAME);
	assert_int_equal(ANSWER("\xE0\0", 5, &code), FG_EFRAME);
	assert_int_equal(ANSWER("\xE0\x02\x8B\0", 3, &code), FG_EFRAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_5),
		cmocka_unit_test(connect_311),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(answers),
		cmocka_unit_test(no_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
