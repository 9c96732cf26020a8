/* SPDX-License-Identifier: EUPL-1.2 */
/* Values out of text and JSON payloads, well-formed and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/payload.h"

/* One line for a value: kind and content. */
static const char *told(int status, const struct fg_value *v)
{
	static char text[400];

	if (status == FG_EDECODE)
		return "decode";
	if (status == FG_ENOENT)
		return "nowhere";
	switch (v->kind) {
	case FG_KIND_NONE:
		return "null";
	case FG_KIND_BOOL:
		return v->b ? "bool true" : "bool false";
	case FG_KIND_INT:
		snprintf(text, sizeof(text), "int %lld", (long long)v->i);
		break;
	case FG_KIND_UINT:
		snprintf(text, sizeof(text), "uint %llu", (unsigned long long)v->u);
		break;
	case FG_KIND_DECIMAL:
		snprintf(text, sizeof(text), "decimal %.15g", v->f);
		break;
	case FG_KIND_DOUBLE:
		snprintf(text, sizeof(text), "double %.17g", v->f);
		break;
	case FG_KIND_FLOAT:
		return "float";
	case FG_KIND_TEXT:
		snprintf(text, sizeof(text), "text %.*s", (int)v->len, v->text);
		break;
	}
	return text;
}

/* A payload at the end of its own memory, so that a read beyond it is seen. */
static char *exact(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return copy;
}

static void test_text(void **state)
{
	static const struct {
		const char *payload, *want;
	} cases[] = {
		{"19.4", "decimal 19.4"},
		{" \t-7\r\n", "int -7"},
		{"+19.40", "decimal 19.4"},
		{"007", "int 7"},
		{".5", "decimal 0.5"},
		{"1e3", "decimal 1000"},
		{"9223372036854775807", "int 9223372036854775807"},
		{"18446744073709551615", "uint 18446744073709551615"},
		{"18446744073709551616", "double 1.8446744073709552e+19"},
		{"19.399999618530273", "double 19.399999618530273"},
		{"0.000000000000000000001", "decimal 1e-21"},
		{"true", "bool true"},
		{"false\n", "bool false"},
		{"nan", "double nan"},
		{"-Infinity", "double -inf"},
		{"0x10", "text 0x10"},
		{"12 V", "text 12 V"},
		{"blå", "text blå"},
		{"1e999", "decode"},
		{"1.2.3", "decode"},
		{"1-2", "decode"},
		{"", "decode"},
		{" \n", "decode"},
		{"a\x01"
		 "b",
			"decode"},
		{"\xff\xfe", "decode"},
		{"\xc0\x80", "decode"},
		{"\xed\xa0\x80", "decode"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		size_t len = strlen(cases[i].payload);
		char *payload = exact(cases[i].payload, len);
		struct fg_value v;
		int r = fg_payload_text(payload, len, &v);

		assert_string_equal(told(r, &v), cases[i].want);
		free(payload);
	}
}

static void test_text_length(void **state)
{
	char text[251];
	struct fg_value v;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(fg_payload_text(text, 250, &v), FG_OK);
	assert_int_equal(v.len, 250);
	assert_int_equal(fg_payload_text(text, 251, &v), FG_EDECODE);
}

static const struct json_case {
	const char *payload, *pointer, *want;
} json_cases[] = {
	{"5", "", "int 5"},
	{" [1, 2.5 ,\"x\"] ", "/1", "decimal 2.5"},
	{"{\"gas\":{\"no2\":31.50}}", "/gas/no2", "decimal 31.5"},
	{"{\"n\":12345678901234567890}", "/n", "uint 12345678901234567890"},
	{"{\"n\":9007199254740993}", "/n", "int 9007199254740993"},
	{"{\"n\":-9223372036854775808}", "/n", "int -9223372036854775808"},
	{"{\"a\":null,\"b\":true}", "/a", "null"},
	{"{\"a\":null,\"b\":true}", "/b", "bool true"},
	{"{\"a\":{\"b\":1}}", "/a", "decode"},
	{"[]", "", "decode"},
	/* RFC 6901, section 5 */
	{"{\"a/b\":1}", "/a~1b", "int 1"},
	{"{\"m~n\":8}", "/m~0n", "int 8"},
	{"{\"\":0}", "/", "int 0"},
	{"{\"c%d\":2}", "/c%d", "int 2"},
	{"{\"k\\\"l\":6}", "/k\"l", "int 6"},
	{"{\" \":7}", "/ ", "int 7"},
	{"{\"~1\":3}", "/~01", "int 3"},
	{"{\"\\u00e5\":4}", "/å", "int 4"},
	{"{\"\\ud83d\\ude00\":4}", "/😀", "int 4"},
	{"[0,1,2]", "/3", "nowhere"},
	{"[0,1,2]", "/01", "nowhere"},
	{"[0,1,2]", "/-", "nowhere"},
	{"[0,1,2]", "/1x", "nowhere"},
	{"[0,1,2]", "/18446744073709551617", "nowhere"},
	{"[[0,9]]", "/0/1", "int 9"},
	{"{\"ab\":1}", "/a", "nowhere"},
	{"{\"a\":1}", "/ab", "nowhere"},
	{"{\"A\":1}", "/a", "nowhere"},
	{"5", "/a", "nowhere"},
	{"{\"s\":\"a\\u0062\\n\\\"\"}", "/s", "text ab\n\""},
	/* not JSON, wherever the pointer leads */
	{"{\"a\":1,\"a\":2}", "/a", "decode"},
	{"{\"a\":1,\"\\u0061\":2}", "/a", "decode"},
	{"{\"x\":{\"a\":1,\"a\":2},\"b\":3}", "/b", "decode"},
	{"{\"x\":{\"a\":1},\"y\":{\"a\":3}}", "/y/a", "int 3"},
	{"{\"a\":1}x", "/a", "decode"},
	{"{\"a\":1}{}", "/a", "decode"},
	{"{\"a\":1,}", "/a", "decode"},
	{"[1,]", "/0", "decode"},
	{"[1 2]", "/0", "decode"},
	{"{\"a\" 1}", "/a", "decode"},
	{"{a:1}", "/a", "decode"},
	{"{\"a\":1", "/a", "decode"},
	{"{\"a\":", "/a", "decode"},
	{"{", "/a", "decode"},
	{"", "", "decode"},
	{"  ", "", "decode"},
	{"01", "", "decode"},
	{"-", "", "decode"},
	{"+1", "", "decode"},
	{"1.", "", "decode"},
	{".5", "", "decode"},
	{"1e", "", "decode"},
	{"1e999", "", "decode"},
	{"NaN", "", "decode"},
	{"Infinity", "", "decode"},
	{"nul", "", "decode"},
	{"truex", "", "decode"},
	{"'a'", "", "decode"},
	{"\"a\nb\"", "", "decode"},
	{"\"\\x\"", "", "decode"},
	{"\"\\u12\"", "", "decode"},
	{"\"\\u0000\"", "", "decode"},
	{"\"\\ud800\"", "", "decode"},
	{"\"\\ud800\\u0041\"", "", "decode"},
	{"\"\\udc00\"", "", "decode"},
	{"\"\xff\"", "", "decode"},
	{"\"\\", "", "decode"},
	{"\"abc", "", "decode"},
};

static void test_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(json_cases); i++) {
		const struct json_case *c = &json_cases[i];
		size_t len = strlen(c->payload);
		char *payload = exact(c->payload, len), text[64];
		struct fg_value v;
		int r;

		assert_true(fg_json_pointer_valid(c->pointer));
		r = fg_payload_json(payload, len, c->pointer, text, sizeof(text), &v);
		if (strcmp(told(r, &v), c->want) != 0)
			fail_msg("%s at '%s': %s, not %s", c->payload, c->pointer, told(r, &v),
				c->want);
		free(payload);
	}
}

static void nested(struct fg_buf *b, int depth)
{
	fg_buf_clear(b);
	for (int i = 0; i < depth; i++)
		fg_buf_putc(b, '[');
	for (int i = 0; i < depth; i++)
		fg_buf_putc(b, ']');
}

static void test_json_bounds(void **state)
{
	struct fg_value v;
	struct fg_buf b;
	char text[8];

	(void)state;
	fg_buf_init(&b, 1 << 20);
	nested(&b, 32);
	assert_int_equal(fg_payload_json(b.data, b.len, "/9", text, sizeof(text), &v), FG_ENOENT);
	nested(&b, 33);
	assert_int_equal(fg_payload_json(b.data, b.len, "/9", text, sizeof(text), &v), FG_EDECODE);
	nested(&b, 30000);
	assert_int_equal(fg_payload_json(b.data, b.len, "/9", text, sizeof(text), &v), FG_EDECODE);

	for (unsigned members = 1024; members <= 1025; members++) {
		fg_buf_clear(&b);
		for (unsigned i = 0; i < members; i++)
			fg_buf_printf(&b, "%s\"k%u\":%u", i ? "," : "{", i, i);
		fg_buf_putc(&b, '}');
		assert_int_equal(fg_payload_json(b.data, b.len, "/k7", text, sizeof(text), &v),
			members == 1024 ? FG_OK : FG_EDECODE);
	}

	fg_buf_clear(&b);
	fg_buf_printf(&b, "%*s5", 65535, "");
	assert_int_equal(fg_payload_json(b.data, 65536, "", text, sizeof(text), &v), FG_OK);
	assert_int_equal(fg_payload_json(b.data, 65537, "", text, sizeof(text), &v), FG_EDECODE);
	fg_buf_fini(&b);

	/* cut between characters, never inside one */
	assert_int_equal(
		fg_payload_json("\"abcdef\xc3\xa5x\"", 11, "", text, sizeof(text), &v), FG_OK);
	assert_int_equal(v.len, 6);
	assert_string_equal(text, "abcdef");
}

/* Every prefix and every changed byte of a document is read within its bounds. */
static void test_json_mutations(void **state)
{
	static const char doc[] = "{\"a\":[1,-2.5e3,\"\\u00e5\\ud83d\\ude00\"],\"b\":{\"c\":null}}";
	struct fg_value v;
	char text[16];

	(void)state;
	for (size_t len = 0; len < sizeof(doc) - 1; len++) {
		char *cut = exact(doc, len);

		assert_int_equal(
			fg_payload_json(cut, len, "/b/c", text, sizeof(text), &v), FG_EDECODE);
		free(cut);
	}
	for (size_t at = 0; at < sizeof(doc) - 1; at++) {
		for (int byte = 0; byte < 256; byte++) {
			char *changed = exact(doc, sizeof(doc) - 1);

			changed[at] = (char)byte;
			fg_payload_json(changed, sizeof(doc) - 1, "/a/2", text, sizeof(text), &v);
			fg_payload_text(changed, sizeof(doc) - 1, &v);
			free(changed);
		}
	}
}

static void test_pointer_valid(void **state)
{
	(void)state;
	assert_true(fg_json_pointer_valid(""));
	assert_true(fg_json_pointer_valid("/"));
	assert_true(fg_json_pointer_valid("/a~0~1/0"));
	assert_false(fg_json_pointer_valid("a"));
	assert_false(fg_json_pointer_valid("/a~"));
	assert_false(fg_json_pointer_valid("/a~2"));
}

/* ---- CBOR ---- */

/* Bytes of a literal without the NUL behind it. */
#define B(text) text, sizeof(text) - 1

struct cbor_case {
	const char *payload;
	size_t len;
	const char *pointer, *want;
};

static void try_cbor(const struct cbor_case *c)
{
	char *copy = exact(c->payload, c->len), text[8];
	struct fg_value v = {.kind = FG_KIND_NONE};
	int r = fg_payload_cbor(copy, c->len, c->pointer, text, sizeof(text), &v);

	free(copy);
	if (v.kind == FG_KIND_FLOAT)
		v.kind = FG_KIND_DECIMAL; /* with its digits */
	assert_string_equal(told(r, &v), c->want);
}

static void test_cbor_values(void **state)
{
	static const struct cbor_case cases[] = {
		{B("\x18\x2a"), "", "int 42"},
		{B("\x38\x63"), "", "int -100"},
		{B("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), "", "uint 18446744073709551615"},
		{B("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"), "", "int -9223372036854775808"},
		{B("\x3b\xff\xff\xff\xff\xff\xff\xff\xff"), "", "double -1.8446744073709552e+19"},
		{B("\xf9\x00\x01"), "", "decimal 5.96046447753906e-08"},
		{B("\xf9\xc4\x00"), "", "decimal -4"},
		{B("\xf9\xfc\x00"), "", "decimal -inf"},
		{B("\xfa\x47\xc3\x50\x00"), "", "decimal 100000"},
		{B("\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a"), "", "double 1.1000000000000001"},
		{B("\xc4\x82\x21\x19\x6a\xb3"), "", "decimal 273.15"},
		{B("\xf4"), "", "bool false"},
		{B("\xf6"), "", "null"},
		{B("\xf7"), "", "null"},
		{B("\x63\x62\x6c\x61"), "", "text bla"},
		{B("\x68\x30\x31\x32\x33\x34\x35\xc3\xa5"), "", "text 012345"},
		/* tags that comment: "this is CBOR", a time */
		{B("\xd9\xd9\xf7\x07"), "", "int 7"},
		{B("\xc1\x1a\x51\x4b\x67\xb0"), "", "int 1363896240"},
		/* and some that change the value */
		{B("\xc2\x41\x01"), "", "decode"},
		{B("\xc5\x82\x20\x03"), "", "decode"},
		{B("\xd8\x1e\x82\x01\x03"), "", "decode"},
		/* bytes, an array, another simple value, a text with a NUL */
		{B("\x41\x30"), "", "decode"},
		{B("\x81\x01"), "", "decode"},
		{B("\xf0"), "", "decode"},
		{B("\x61\x00"), "", "decode"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		try_cbor(&cases[i]);
}

static void test_cbor_pointer(void **state)
{
	static const struct cbor_case cases[] = {
	/* {"gas": {"no2": 7}, 5: [10, 11], -1: 3, "a/b": 4} */
#define MAP                                                                                        \
	"\xa4\x63gas\xa1\x63no2\x07\x05\x82\x0a\x0b\x20\x03\x63"                                   \
	"a/b\x04"
		{B(MAP), "/gas/no2", "int 7"},
		{B(MAP), "/5/1", "int 11"},
		{B(MAP), "/5/2", "nowhere"},
		{B(MAP), "/5/01", "nowhere"},
		{B(MAP), "/-1", "int 3"},
		{B(MAP), "/a~1b", "int 4"},
		{B(MAP), "/gas", "decode"},
		{B(MAP), "/gas/no2/x", "nowhere"},
		{B(MAP), "/ga", "nowhere"},
		{B(MAP), "/", "nowhere"},
		{B(MAP), "/0x5/1", "nowhere"},
		/* indefinite lengths: {"xy": [1, 2]} */
		{B("\xbf\x7f\x61x\x61y\xff\x9f\x01\x02\xff\xff"), "/xy/1", "int 2"},
		/* twice: on the way, and beside it */
		{B("\xa2\x61"
		   "a\x01\x61"
		   "a\x02"),
			"/a", "decode"},
		{B("\xa3\x61"
		   "a\x01\x61"
		   "a\x02\x61"
		   "b\x03"),
			"/b", "int 3"},
		{B("\xa2\x05\x01\x18\x05\x02"), "/5", "decode"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		try_cbor(&cases[i]);
}

/* What is not well-formed anywhere makes the whole payload unusable. */
static void test_cbor_hostile(void **state)
{
	static const struct cbor_case cases[] = {
		{B(""), "", "decode"},
		{B("\x01\x01"), "", "decode"},
		{B("\x19\x01"), "", "decode"},
		{B("\x1c"), "", "decode"},
		{B("\x1f"), "", "decode"},
		{B("\xff"), "", "decode"},
		{B("\xf8\x14"), "", "decode"},
		{B("\xdf\x01"), "", "decode"},
		{B("\x62x"), "", "decode"},
		{B("\x61\xff"), "", "decode"},
		{B("\x7b\xff\xff\xff\xff\xff\xff\xff\xff"), "", "decode"},
		{B("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), "", "decode"},
		{B("\xbb\x80\x00\x00\x00\x00\x00\x00\x00"), "", "decode"},
		{B("\x9f\x01"), "", "decode"},
		{B("\xbf\x01\xff"), "", "decode"},
		{B("\xa1\x01\xff"), "", "decode"},
		{B("\x7f\x41x\xff"), "", "decode"},
		{B("\x7f\x7f\x61x\xff\xff"), "", "decode"},
		{B("\x7f\x61\xc3\x61\xa5\xff"), "", "decode"}, /* a character in two chunks */
		{B("\xc4\x01"), "", "decode"},
		{B("\xc4\x82\x01\xf5"), "", "decode"},
	};
	char deep[34];

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		try_cbor(&cases[i]);
	memset(deep, '\x81', sizeof(deep));
	deep[32] = 1;
	try_cbor(&(struct cbor_case){deep, 33,
		"/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0", "int 1"});
	deep[32] = '\x81';
	deep[33] = 1;
	try_cbor(&(struct cbor_case){deep, 34, "/0", "decode"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_length),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_bounds),
		cmocka_unit_test(test_json_mutations),
		cmocka_unit_test(test_pointer_valid),
		cmocka_unit_test(test_cbor_values),
		cmocka_unit_test(test_cbor_pointer),
		cmocka_unit_test(test_cbor_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
