/* SPDX-License-Identifier: EUPL-1.2 */
/* Register decoding: every type in every order, and what is not decodable. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/encode.h"
#include "protocol/registers.h"

/* The value as JSON text, "decode" where it is not decodable. */
static void check(const char *type, const char *order, bool high, const uint16_t *regs,
	const char *want, uint64_t want_raw)
{
	struct fg_regspec spec = {.high_byte = high};
	struct fg_value v;
	char text[300], mem[600] = "decode";
	uint64_t raw = 0;
	struct fg_buf b;

	assert_int_equal(fg_regtype_parse(type, &spec), FG_OK);
	if (order[0])
		assert_int_equal(fg_order_parse(order, &spec, &spec.order), FG_OK);
	if (fg_reg_decode(&spec, regs, &v, &raw, text) == FG_OK) {
		fg_buf_wrap(&b, mem, sizeof(mem));
		fg_encode_value(&b, &v, -1);
	}
	if (strcmp(mem, want) != 0 || raw != want_raw)
		fail_msg("%s %s: %s (raw %llx), expected %s (raw %llx)", type, order, mem,
			(unsigned long long)raw, want, (unsigned long long)want_raw);
}

static void test_types(void **state)
{
	static const struct {
		const char *type, *order;
		uint16_t regs[4];
		const char *want;
		uint64_t raw;
	} cases[] = {
		{"bool", "", {0}, "false", 0},
		{"bool", "", {0x0100}, "true", 0x100},
		{"u8", "", {0x12fe}, "254", 0xfe},
		{"i8", "", {0x12fe}, "-2", 0xfe},
		{"u16", "", {0xfffe}, "65534", 0xfffe},
		{"u16", "AB", {0x1234}, "4660", 0x1234},
		{"u16", "BA", {0x1234}, "13330", 0x3412},
		{"i16", "", {0xfffe}, "-2", 0xfffe},
		{"i16", "BA", {0xfeff}, "-2", 0xfffe},
		{"u32", "", {0x1234, 0x5678}, "305419896", 0x12345678},
		{"u32", "ABCD", {0x1234, 0x5678}, "305419896", 0x12345678},
		{"u32", "CDAB", {0x5678, 0x1234}, "305419896", 0x12345678},
		{"u32", "BADC", {0x3412, 0x7856}, "305419896", 0x12345678},
		{"u32", "DCBA", {0x7856, 0x3412}, "305419896", 0x12345678},
		{"u32", "", {0xffff, 0xffff}, "4294967295", 0xffffffff},
		{"i32", "", {0xffff, 0xfffe}, "-2", 0xfffffffe},
		{"i32", "CDAB", {0x0000, 0x8000}, "-2147483648", 0x80000000},
		{"u64", "", {0x0123, 0x4567, 0x89ab, 0xcdef}, "81985529216486895",
			0x0123456789abcdef},
		{"u64", "CDAB", {0xcdef, 0x89ab, 0x4567, 0x0123}, "81985529216486895",
			0x0123456789abcdef},
		{"u64", "BADC", {0x2301, 0x6745, 0xab89, 0xefcd}, "81985529216486895",
			0x0123456789abcdef},
		{"u64", "DCBA", {0xefcd, 0xab89, 0x6745, 0x2301}, "81985529216486895",
			0x0123456789abcdef},
		{"u64", "", {0xffff, 0xffff, 0xffff, 0xffff}, "18446744073709551615", UINT64_MAX},
		{"i64", "", {0xffff, 0xffff, 0xffff, 0xffff}, "-1", UINT64_MAX},
		{"i64", "", {0x8000, 0, 0, 0}, "-9223372036854775808", UINT64_C(1) << 63},
		{"f32", "", {0x419b, 0x3333}, "19.4", 0x419b3333},
		{"float32", "CDAB", {0x3333, 0x419b}, "19.4", 0x419b3333},
		{"f32", "BADC", {0x9b41, 0x3333}, "19.4", 0x419b3333},
		{"f32", "DCBA", {0x3333, 0x9b41}, "19.4", 0x419b3333},
		{"f32", "", {0x7fc0, 0}, "null", 0x7fc00000},
		{"f32", "", {0xff80, 0}, "null", 0xff800000},
		{"f32", "", {0x8000, 0}, "0", 0x80000000},
		{"f32", "", {0, 1}, "1.4013e-45", 1},
		{"f64", "", {0x4009, 0x21fb, 0x5444, 0x2d18}, "3.141592653589793",
			0x400921fb54442d18},
		{"float64", "DCBA", {0x182d, 0x4454, 0xfb21, 0x0940}, "3.141592653589793",
			0x400921fb54442d18},
		{"bcd16", "", {0x1234}, "1234", 0x1234},
		{"bcd16", "", {0x9999}, "9999", 0x9999},
		{"bcd16", "", {0x123a}, "decode", 0x123a},
		{"bcd16", "", {0xf234}, "decode", 0xf234},
		{"bcd16", "BA", {0x3412}, "1234", 0x1234},
		{"bcd32", "", {0x1234, 0x5678}, "12345678", 0x12345678},
		{"bcd32", "CDAB", {0x5678, 0x1234}, "12345678", 0x12345678},
		{"bcd32", "", {0x1234, 0x567f}, "decode", 0x1234567f},
		{"bits(0..0)", "", {0xfffe}, "0", 0},
		{"bits(15..15)", "", {0x8000}, "1", 1},
		{"bits(4..7)", "", {0x1234}, "3", 3},
		{"bits(0..15)", "", {0xffff}, "65535", 0xffff},
		{"bits(0..7)", "BA", {0x1234}, "18", 0x12},
		{"bits(0..63)", "", {0xffff, 0xffff, 0xffff, 0xffff}, "18446744073709551615",
			UINT64_MAX},
		{"bits(15..16)", "", {0x0001, 0x8000}, "3", 3},
		{"bits(15..16)", "CDAB", {0x8000, 0x0001}, "3", 3},
		{"bits(32..40)", "", {0xffff, 0x01ff, 0, 0}, "511", 0x1ff},
		{"bcd64", "", {0x9999, 0x9999, 0x9999, 0x9999}, "9999999999999999",
			0x9999999999999999},
		{"bcd64", "CDAB", {0x3456, 0x9012, 0x5678, 0x1234}, "1234567890123456",
			0x1234567890123456},
		{"bcd64", "", {0, 0, 0, 0x000a}, "decode", 10},
		{"f16", "", {0x3c00}, "1", 0x3c00},
		{"f16", "", {0xc500}, "-5", 0xc500},
		{"f16", "", {0x4e36}, "24.84375", 0x4e36},
		{"float16", "BA", {0x003c}, "1", 0x3c00},
		{"f16", "", {0x0001}, "5.9604645e-08", 1},
		{"f16", "", {0x7bff}, "65504", 0x7bff},
		{"f16", "", {0x7e00}, "null", 0x7e00},
		{"f16", "", {0xfc00}, "null", 0xfc00},
		{"chars(3)", "", {0x0041, 0x0142, 0x0020}, "\"AB\"", 0},
		{"chars(2)", "BA", {0x4100, 0x4200}, "\"AB\"", 0},
		{"string(1)", "", {0x4142}, "\"AB\"", 0},
		{"string(2)", "", {0x4142, 0x4320}, "\"ABC\"", 0},
		{"string(2)", "", {0x4142, 0x0000}, "\"AB\"", 0},
		{"string(2)", "", {0x4100, 0x4200}, "\"A\\u0000B\"", 0},
		{"string(2)", "BA", {0x4241, 0x0043}, "\"ABC\"", 0},
		{"string(2)", "", {0, 0x2020}, "\"\"", 0},
		{"string(2)", "", {0xc3a6, 0x20c3}, "\"æ ?\"", 0},
		{"string(1)", "", {0xffc0}, "\"??\"", 0},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		check(cases[i].type, cases[i].order, false, cases[i].regs, cases[i].want,
			cases[i].raw);
	check("u8", "", true, (const uint16_t[]){0x12fe}, "18", 0x12);
	check("i8", "", true, (const uint16_t[]){0x80fe}, "-128", 0x80);
}

/* What counts of a number, moved down; a sign is that of what is left. */
static void test_masks(void **state)
{
	static const struct {
		const char *type;
		uint64_t mask;
		uint16_t regs[2];
		int64_t want;
		unsigned bits;
	} cases[] = {
		{"u16", 0x0fff, {0xabcd}, 0xbcd, 12},
		{"u16", 0xf000, {0xabcd}, 0xa, 4},
		{"u16", 0x8000, {0x7fff}, 0, 1},
		{"i16", 0xfff0, {0x8010}, -2047, 12},
		{"i16", 0x0fff, {0x07ff}, 2047, 12},
		{"i16", 0x0fff, {0xf800}, -2048, 12},
		{"u8", 0xf0, {0x12a4}, 0xa, 4},
		{"u16", 0x0f0f, {0x1234}, 0x204, 12},
		{"u32", 0x00ffff00, {0x1234, 0x5678}, 0x3456, 16},
		{"bcd16", 0x0ff0, {0xa12f}, 12, 8},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_regspec spec = {.mask = cases[i].mask};
		struct fg_value v;
		uint64_t raw;
		char text[4];

		assert_int_equal(fg_regtype_parse(cases[i].type, &spec), FG_OK);
		assert_int_equal(fg_regspec_bits(&spec), cases[i].bits);
		assert_int_equal(fg_reg_decode(&spec, cases[i].regs, &v, &raw, text), FG_OK);
		assert_int_equal(v.kind, FG_KIND_INT);
		assert_int_equal(v.i, cases[i].want);
	}
}

/* A type's text is what a configuration writes. */
static void test_type_texts(void **state)
{
	static const char *const names[] = {"bool", "u8", "i64", "f16", "f32", "bcd64",
		"string(125)", "chars(7)", "bits(4..63)"};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(names); i++) {
		struct fg_regspec spec = {0};
		char text[FG_REGTYPE_TEXT];

		assert_int_equal(fg_regtype_parse(names[i], &spec), FG_OK);
		assert_string_equal(fg_regtype_text(&spec, text), names[i]);
	}
}

static void test_type_names(void **state)
{
	static const char *const bad[] = {"", "u", "U16", "flaot32", "u16 ", "string", "string()",
		"string(0)", "string(126)", "string(4", "string(4))", "string(-1)",
		"string(99999999999)", "bits(1)", "bits(0..64)", "bits(3..1)", "bits(1..2",
		"bits(..2)", "bits( 1..2)"};
	struct fg_regspec spec = {0};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(bad); i++)
		if (fg_regtype_parse(bad[i], &spec) != FG_EINVAL)
			fail_msg("'%s' was taken for a type", bad[i]);
	for (size_t i = 0; i < fg_regtype_count; i++)
		assert_int_equal(fg_regtype_parse(fg_regtype_names[i], &spec), FG_OK);
	assert_int_equal(fg_regtype_parse("string(125)", &spec), FG_OK);
	assert_int_equal(fg_regspec_width(&spec), 125);
}

static void test_orders(void **state)
{
	static const char *const names[] = {
		"AB", "BA", "ABCD", "CDAB", "BADC", "DCBA", "ACBD", "ab"};
	static const struct {
		const char *type;
		unsigned good; /* bits of names */
	} cases[] = {
		{"u16", 0x17},
		{"bits(0..3)", 0x17},
		{"string(4)", 0x17},
		{"string(2)", 0x17},
		{"f32", 0x3c},
		{"u64", 0x3c},
	};
	enum fg_order order;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_regspec spec = {0};

		assert_int_equal(fg_regtype_parse(cases[i].type, &spec), FG_OK);
		for (size_t j = 0; j < FG_COUNT(names); j++)
			assert_int_equal(fg_order_parse(names[j], &spec, &order) == FG_OK,
				cases[i].good >> j & 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_type_texts),
		cmocka_unit_test(test_type_names),
		cmocka_unit_test(test_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
