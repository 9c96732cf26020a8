/* SPDX-License-Identifier: EUPL-1.2 */
/* Buffers, JSON, numbers, times and durations. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/number.h"
#include "base/rng.h"
#include "base/status.h"
#include "base/timefmt.h"

static void buf_wrapped_keeps_its_bound(void **state)
{
	char mem[8];
	struct fg_buf b;

	(void)state;
	fg_buf_wrap(&b, mem, sizeof(mem));
	fg_buf_puts(&b, "1234567");
	assert_false(b.overflow);
	assert_string_equal(b.data, "1234567");
	fg_buf_putc(&b, '8');
	assert_true(b.overflow);
	assert_string_equal(b.data, "1234567");
	fg_buf_clear(&b);
	assert_false(b.overflow);
	fg_buf_printf(&b, "%s", "12345678"); /* whole or not at all */
	assert_true(b.overflow);
	assert_int_equal(b.len, 0);
	fg_buf_wrap(&b, NULL, 0);
	fg_buf_puts(&b, "x");
	assert_true(b.overflow);
}

static void buf_grows_to_its_limit(void **state)
{
	struct fg_buf b;

	(void)state;
	fg_buf_init(&b, 1000);
	for (int i = 0; i < 999; i++)
		fg_buf_putc(&b, 'x');
	assert_false(b.overflow);
	assert_int_equal(b.len, 999);
	fg_buf_putc(&b, 'x');
	assert_true(b.overflow);
	assert_int_equal(strlen(b.data), 999);
	assert_false(fg_buf_room(&b, SIZE_MAX)); /* no wrap-around */
	fg_buf_fini(&b);
	fg_buf_fini(&b);
}

static void buf_integers(void **state)
{
	static const struct {
		int64_t v;
		const char *text;
	} cases[] = {{0, "0"}, {-1, "-1"}, {INT64_MAX, "9223372036854775807"},
		{INT64_MIN, "-9223372036854775808"}};
	char mem[32];
	struct fg_buf b;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		fg_buf_wrap(&b, mem, sizeof(mem));
		fg_buf_put_int(&b, cases[i].v);
		assert_string_equal(mem, cases[i].text);
	}
	fg_buf_wrap(&b, mem, sizeof(mem));
	fg_buf_put_uint(&b, UINT64_MAX);
	assert_string_equal(mem, "18446744073709551615");
}

static void json_document(void **state)
{
	char mem[400];
	struct fg_buf b;
	struct fg_json j;

	(void)state;
	fg_buf_wrap(&b, mem, sizeof(mem));
	fg_json_init(&j, &b);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "t", "a\"b\\c\n\x01\x7f");
	fg_json_text(&j, "none", NULL);
	fg_json_array(&j, "list");
	fg_json_int(&j, NULL, -3);
	fg_json_uint(&j, NULL, UINT64_MAX);
	fg_json_object(&j, NULL);
	fg_json_end_object(&j);
	fg_json_end_array(&j);
	fg_json_bool(&j, "b", true);
	fg_json_double(&j, "d", 0.1);
	fg_json_double(&j, "nan", NAN);
	fg_json_seconds(&j, "s", 1500000);
	fg_json_time(&j, "at", 0);
	fg_json_raw(&j, "raw", "[1]", 3);
	fg_json_end_object(&j);
	assert_false(b.overflow);
	assert_string_equal(mem,
		"{\"t\":\"a\\\"b\\\\c\\n\\u0001\\u007f\",\"none\":null,"
		"\"list\":[-3,18446744073709551615,{}],\"b\":true,\"d\":0.1,\"nan\":null,\"s\":1.5,"
		"\"at\":\"1970-01-01T00:00:00.000Z\",\"raw\":[1]}");
}

static void json_text_is_always_utf8(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *json;
	} cases[] = {
		{"\xC3\xA5", 2, "\"\xC3\xA5\""},
		{"\xE5", 1, "\"\xEF\xBF\xBD\""},				 /* Latin-1 */
		{"\xC0\x80", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},		 /* overlong */
		{"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* surrogate */
		{"\xF4\x90\x80\x80", 4,
			"\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* above 10FFFF */
		{"\xF0\x9F\x90\x9F", 4, "\"\xF0\x9F\x90\x9F\""},
		{"\xE2\x82", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* cut */
		{"a\0b", 3, "\"a\\u0000b\""},
		{"\b\t\n\v\f\r", 6, "\"\\b\\t\\n\\u000b\\f\\r\""},
	};
	char mem[64];
	struct fg_buf b;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		fg_buf_wrap(&b, mem, sizeof(mem));
		fg_json_quote(&b, cases[i].bytes, cases[i].len);
		assert_string_equal(mem, cases[i].json);
	}
}

static void number_texts(void **state)
{
	static const struct {
		char how; /* d double, f float, x decimal, 0..9 fixed */
		double v;
		const char *text;
	} cases[] = {
		{'d', 0.1, "0.1"},
		{'d', 1.0 / 3, "0.3333333333333333"},
		{'d', 194 * 0.1, "19.400000000000002"},
		{'x', 194 * 0.1, "19.4"},
		{'x', 0.1 + 0.2, "0.3"},
		{'d', -0.0, "0"},
		{'d', 1e15, "1e+15"},
		{'d', 999999999999999.0, "999999999999999"},
		{'d', INFINITY, "null"},
		{'f', (double)19.4f, "19.4"},
		{'f', (double)0.1f, "0.1"},
		{'f', (double)FLT_MAX, "3.4028235e+38"},
		{'2', 1.005, "1"},
		{'2', 12.345678, "12.35"},
		{'0', 0.5000001, "1"},
		{'1', -0.04, "0"},
		{'3', DBL_MIN, "0"},
	};
	char mem[400];
	struct fg_buf b;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		fg_buf_wrap(&b, mem, sizeof(mem));
		if (cases[i].how == 'd')
			fg_number_put_double(&b, cases[i].v);
		else if (cases[i].how == 'f')
			fg_number_put_float(&b, (float)cases[i].v);
		else if (cases[i].how == 'x')
			fg_number_put_decimal(&b, cases[i].v);
		else
			fg_number_put_fixed(&b, cases[i].v, cases[i].how - '0');
		if (strcmp(mem, cases[i].text) != 0)
			fail_msg("case %zu: %s, not %s", i, mem, cases[i].text);
	}
}

static void numbers_read_back(void **state)
{
	struct fg_rng rng = {7};
	char mem[64];
	struct fg_buf b;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		union {
			uint64_t u;
			double d;
		} x = {fg_rng_next(&rng)};
		union {
			uint32_t u;
			float f;
		} y = {(uint32_t)fg_rng_next(&rng)};

		if (isfinite(x.d)) {
			fg_buf_wrap(&b, mem, sizeof(mem));
			fg_number_put_double(&b, x.d);
			assert_true(strtod(mem, NULL) == x.d);
		}
		if (isfinite(y.f)) {
			fg_buf_wrap(&b, mem, sizeof(mem));
			fg_number_put_float(&b, y.f);
			assert_true(strtof(mem, NULL) == y.f);
		}
	}
}

static void number_parse_is_strict(void **state)
{
	static const char *const bad[] = {"", " 1", "1 ", "0x10", "nan", "inf", "1e999", "--1",
		"1,5", ".", "e5", "1e", "+-1"};
	static const char *const bad_integers[] = {
		"", "1.0", "0x", "9223372036854775808", " 1", "1e3", "0xG", "-"};
	double v;
	int64_t n;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(bad); i++)
		assert_int_equal(fg_number_parse(bad[i], &v), FG_EINVAL);
	for (size_t i = 0; i < FG_COUNT(bad_integers); i++)
		assert_int_equal(fg_integer_parse(bad_integers[i], &n), FG_EINVAL);
	assert_int_equal(fg_number_parse("-1.5e2", &v), FG_OK);
	assert_true(v == -150);
	assert_int_equal(fg_integer_parse("0x7FC00000", &n), FG_OK);
	assert_true(n == 0x7FC00000);
	assert_int_equal(fg_integer_parse("-9223372036854775808", &n), FG_OK);
	assert_true(n == INT64_MIN);
	assert_int_equal(fg_integer_parse("010", &n), FG_OK);
	assert_true(n == 10); /* not octal */
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* INT64_MIN: not a time */
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-07-01T12:00:00.125Z", INT64_C(1782907200125)},
		{"2026-07-01 14:00:00+02:00", INT64_C(1782907200000)},
		{"2026-07-01", INT64_C(1782864000000)},
		{"2038-01-19T03:14:08Z", INT64_C(2147483648000)},
		{"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
		{"1969-12-31T23:59:59.999Z", -1},
		{"2025-02-29", INT64_MIN},
		{"2026-13-01", INT64_MIN},
		{"2026-07-01T24:00:00Z", INT64_MIN},
		{"2026-07-01T12:00:00", INT64_MIN},
		{"2026-07-01T12:00:00.Z", INT64_MIN},
		{"2026-07-01T12:00:00Zx", INT64_MIN},
		{"26-07-01", INT64_MIN},
		{"", INT64_MIN},
	};
	char text[FG_RFC3339_SIZE];

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		int64_t ms = INT64_MIN, again;
		int r = fg_rfc3339_parse(cases[i].text, &ms);

		if (ms != cases[i].ms || (r < 0) != (cases[i].ms == INT64_MIN))
			fail_msg("%s", cases[i].text);
		if (r < 0)
			continue;
		fg_rfc3339(ms, text);
		assert_int_equal(fg_rfc3339_parse(text, &again), FG_OK);
		assert_true(again == ms);
	}
	fg_rfc3339(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	fg_rfc3339(INT64_MIN, text);
	assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t us; /* -1: none */
		const char *canonical;
	} cases[] = {
		{"500ms", 500000, "500ms"},
		{"90s", 90000000, "90s"},
		{"5m", 300000000, "5m"},
		{"1.5h", INT64_C(5400000000), "90m"},
		{"90d", INT64_C(7776000000000), "90d"},
		{"0", 0, "0s"},
		{"0s", 0, "0s"},
		{"7us", 7, "7us"},
		{"10", -1, ""},
		{"-1s", -1, ""},
		{"1 s", -1, ""},
		{"1sec", -1, ""},
		{"", -1, ""},
		{"1e3s", -1, ""},
		{"0x10s", -1, ""},
		{"1..5s", -1, ""},
		{"999999999999d", -1, ""},
		{"s", -1, ""},
		{"nan", -1, ""},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		int64_t us = -1;
		int r = fg_duration_parse(cases[i].text, &us);

		if (us != cases[i].us || (r < 0) != (cases[i].us < 0))
			fail_msg("'%s' is %lld", cases[i].text, (long long)us);
		if (r == FG_OK)
			assert_string_equal(
				fg_duration_text(us, text, sizeof(text)), cases[i].canonical);
	}
}

static void every_status_has_a_text(void **state)
{
	(void)state;
	for (int s = -1010; s <= 1; s++)
		assert_true(strlen(fg_strerror(s)) > 0);
	assert_string_equal(fg_strerror(FG_ENOENT), "No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_wrapped_keeps_its_bound),
		cmocka_unit_test(buf_grows_to_its_limit),
		cmocka_unit_test(buf_integers),
		cmocka_unit_test(json_document),
		cmocka_unit_test(json_text_is_always_utf8),
		cmocka_unit_test(number_texts),
		cmocka_unit_test(numbers_read_back),
		cmocka_unit_test(number_parse_is_strict),
		cmocka_unit_test(times),
		cmocka_unit_test(durations),
		cmocka_unit_test(every_status_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
