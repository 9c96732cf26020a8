/* SPDX-License-Identifier: EUPL-1.2 */
/* SenML packs, resolved, in both forms; and what breaks a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/encode.h"
#include "protocol/senml.h"

#define NOW 1500000000.0

static void put_record(struct fg_buf *out, const struct fg_senml_record *r)
{
	fg_buf_printf(out, "%s|%s %s ", r->name, r->own, *r->unit ? r->unit : "-");
	if (r->relative)
		fg_buf_printf(out, "%+g ", r->time - NOW);
	else
		fg_buf_printf(out, "%.3f ", r->time);
	if (r->is_data)
		fg_buf_printf(out, "data:%u", r->value.len);
	else
		fg_encode_value(out, &r->value, -1);
	if (r->sum.kind != FG_KIND_NONE) {
		fg_buf_puts(out, " s=");
		fg_encode_value(out, &r->sum, -1);
	}
	if (r->version != 10)
		fg_buf_printf(out, " bver=%u", r->version);
	if (r->has_update)
		fg_buf_printf(out, " ut=%g", r->update);
	fg_buf_puts(out, r->cut ? " cut; " : "; ");
}

/* All records of a pack in a line, or what is wrong with it. The payload stands at the end of its
 * own memory, so that a read beyond it is seen. */
static const char *told(enum fg_senml_form form, unsigned flags, const void *payload, size_t len)
{
	static char text[4000];
	struct fg_buf out;
	struct fg_senml s;
	struct fg_senml_record record;
	char room[24], *copy = malloc(len ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, payload, len);
	fg_buf_wrap(&out, text, sizeof(text));
	r = fg_senml_open(&s, form, flags, copy, len, NOW, room, sizeof(room));
	if (r < 0) {
		assert_int_equal(r, FG_EDECODE);
		fg_buf_puts(&out, s.why);
	}
	while (r == FG_OK) {
		r = fg_senml_next(&s, &record);
		if (r == FG_OK)
			put_record(&out, &record);
		else
			assert_int_equal(r, FG_ENOENT);
	}
	free(copy);
	return text;
}

static void test_json(void **state)
{
	static const struct {
		const char *pack, *want;
	} cases[] = {
		/* names: the base's and the record's own; a base lasts until another comes */
		{"[{\"bn\":\"a:\",\"n\":\"x\",\"v\":1},{\"n\":\"y\",\"v\":2},"
		 "{\"bn\":\"b\",\"v\":3}]",
			"a:x|x - +0 1; a:y|y - +0 2; b| - +0 3; "},
		/* the order of labels in a record says nothing */
		{" [ { \"v\" : 1 , \"n\" : \"x\" , \"bn\" : \"a:\" } ] ", "a:x|x - +0 1; "},
		{"[{\"bu\":\"Cel\",\"n\":\"x\",\"v\":1},{\"n\":\"y\",\"u\":\"V\",\"v\":2},"
		 "{\"n\":\"z\",\"v\":3}]",
			"x|x Cel +0 1; y|y V +0 2; z|z Cel +0 3; "},
		/* times: 2^28 is where they begin to be absolute */
		{"[{\"n\":\"x\",\"t\":268435456,\"v\":1}]", "x|x - 268435456.000 1; "},
		{"[{\"n\":\"x\",\"t\":268435455.5,\"v\":1}]", "x|x - +2.68435e+08 1; "},
		{"[{\"n\":\"x\",\"t\":-7.5,\"v\":1}]", "x|x - -7.5 1; "},
		{"[{\"bt\":-60,\"n\":\"x\",\"t\":10,\"v\":1},{\"n\":\"x\",\"v\":1}]",
			"x|x - -50 1; x|x - -60 1; "},
		{"[{\"bt\":1.4e9,\"n\":\"x\",\"t\":0.25,\"v\":1}]", "x|x - 1400000000.250 1; "},
		/* base value and base sum are added to numbers only */
		{"[{\"bv\":20,\"n\":\"x\",\"v\":0.3},{\"n\":\"x\",\"v\":-1},{\"n\":\"y\","
		 "\"vb\":true},{\"n\":\"z\",\"vs\":\"on\"}]",
			"x|x - +0 20.3; x|x - +0 19; y|y - +0 true; z|z - +0 \"on\"; "},
		{"[{\"bs\":100,\"n\":\"x\",\"v\":1},{\"n\":\"x\",\"s\":5}]",
			"x|x - +0 1 s=100; x|x - +0 null s=105; "},
		{"[{\"bv\":9223372036854775807,\"n\":\"x\",\"v\":1}]",
			"x|x - +0 9.22337203685478e+18; "},
		{"[{\"n\":\"x\",\"v\":9223372036854775807}]", "x|x - +0 9223372036854775807; "},
		{"[{\"n\":\"x\",\"vd\":\"aGkgCg\"},{\"n\":\"y\",\"vd\":\"\"}]",
			"x|x - +0 data:4; y|y - +0 data:0; "},
		{"[{\"n\":\"x\",\"ut\":60,\"v\":1}]", "x|x - +0 1 ut=60; "},
		{"[{\"bver\":26,\"n\":\"x\",\"u\":\"hPa\",\"v\":1},{\"n\":\"y\",\"v\":1}]",
			"x|x hPa +0 1 bver=26; y|y - +0 1 bver=26; "},
		{"[{\"bver\":10,\"n\":\"x\",\"v\":1},{\"bver\":10,\"n\":\"y\",\"v\":1}]",
			"x|x - +0 1; y|y - +0 1; "},
		/* records of base fields alone, and labels nobody knows */
		{"[{\"bn\":\"a\"},{\"bu\":\"V\"},{\"v\":1}]", "a| V +0 1; "},
		{"[{\"n\":\"x\",\"v\":1,\"foo\":{\"bar_\":[\"]}\\\"\"]},\"bfoo\":null}]",
			"x|x - +0 1; "},
		{"[{\"bn\":\"a\"}]", ""},
		/* escapes; a text is cut to the room, never inside a character */
		{"[{\"\\u006e\":\"\\u0078\",\"vs\":\"\\u00e5\\n\"}]", "x|x - +0 \"\xc3\xa5\\n\"; "},
		{"[{\"n\":\"x\",\"vs\":\"0123456789012345678901\xc3\xa5\"}]",
			"x|x - +0 \"0123456789012345678901\" cut; "},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_string_equal(told(FG_SENML_JSON, 0, cases[i].pack, strlen(cases[i].pack)),
			cases[i].want);
}

static void test_json_faults(void **state)
{
	static const struct {
		const char *pack, *want;
	} cases[] = {
		{"", "not JSON (RFC 8259) that can be read"},
		{"[{\"n\":\"x\",\"v\":1}", "not JSON (RFC 8259) that can be read"},
		{"[{\"n\":\"x\",\"v\":1,\"v\":2}]", "not JSON (RFC 8259) that can be read"},
		{"{\"n\":\"x\",\"v\":1}", "not a pack: an array of records"},
		{"[]", "an empty pack"},
		{"[[]]", "record 1: not an object"},
		{"[{\"n\":\"x\",\"v\":1},7]", "record 2: not an object"},
		{"[{\"n\":\"x\",\"v\":1,\"foo_\":2}]", "record 1: must-understand label 'foo_'"},
		{"[{\"n\":\"x\",\"v\":1,\"foo\\u005f\":2}]",
			"record 1: must-understand label 'foo_'"},
		{"[{\"n\":\"x\",\"v\":1,\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee_\":"
		 "2}]",
			"record 1: must-understand label "
			"'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee'"},
		{"[{\"n\":\"x\",\"v\":1,\"vb\":true}]",
			"record 1: multiple values: one of v, vs, vb and vd"},
		{"[{\"n\":\"x\",\"vd\":\"\",\"vs\":\"\"}]",
			"record 1: multiple values: one of v, vs, vb and vd"},
		{"[{\"n\":\"x\",\"v\":1},{\"t\":5}]",
			"record 2: no value: neither v, vs, vb or vd nor a sum (s)"},
		{"[{\"v\":1}]", "record 1: bad name '': letters and digits, behind the first "
				"also - : . / _"},
		{"[{\"n\":\":x\",\"v\":1}]", "record 1: bad name ':x': letters and digits, "
					     "behind the first also - : . / _"},
		{"[{\"n\":\"/3303/0/5700\",\"v\":1}]",
			"record 1: bad name '/3303/0/5700': letters and digits, behind the first "
			"also - : . / _"},
		{"[{\"n\":\"a b\",\"v\":1}]", "record 1: bad name 'a b': letters and digits, "
					      "behind the first also - : . / _"},
		{"[{\"n\":\"a\\u0000b\",\"v\":1}]", "not JSON (RFC 8259) that can be read"},
		{"[{\"n\":\"x\",\"u\":\"\\u001b[2J\",\"v\":1}]",
			"record 1: u holds a control character"},
		{"[{\"n\":\"x\",\"v\":1,\"\\u001b[2J_\":1}]",
			"record 1: must-understand label '?[2J_'"},
		{"[{\"n\":5,\"v\":1}]", "record 1: n is not a string"},
		{"[{\"n\":\"x\",\"v\":\"1\"}]", "record 1: v is not a number"},
		{"[{\"n\":\"x\",\"v\":null}]", "record 1: v is not a number"},
		{"[{\"n\":\"x\",\"vb\":1}]", "record 1: vb is not true or false"},
		{"[{\"n\":\"x\",\"v\":1e999}]", "record 1: v is a number beyond all bounds"},
		{"[{\"n\":\"x\",\"vd\":\"aGkgCg==\"}]",
			"record 1: vd is not base64 (URL-safe alphabet, no padding)"},
		{"[{\"n\":\"x\",\"vd\":\"a\"}]",
			"record 1: vd is not base64 (URL-safe alphabet, no padding)"},
		{"[{\"n\":\"x\",\"vd\":\"ab\"}]",
			"record 1: vd is not base64 (URL-safe alphabet, no padding)"},
		{"[{\"bt\":1e308,\"t\":1e308,\"n\":\"x\",\"v\":1}]",
			"record 1: a time that is no number"},
		{"[{\"bver\":0,\"n\":\"x\",\"v\":1}]",
			"record 1: bver is not a positive whole number"},
		{"[{\"bver\":5.5,\"n\":\"x\",\"v\":1}]",
			"record 1: bver is not a positive whole number"},
		{"[{\"bver\":11,\"n\":\"x\",\"v\":1}]",
			"record 1: unsupported version 11; known are 1 to 10 and 26"},
		{"[{\"bver\":42,\"n\":\"x\",\"v\":1}]",
			"record 1: unsupported version 42; known are 1 to 10 and 26"},
		{"[{\"bver\":4294967306,\"n\":\"x\",\"v\":1}]",
			"record 1: unsupported version 4294967306; known are 1 to 10 and 26"},
		{"[{\"n\":\"x\",\"v\":1},{\"bver\":26,\"n\":\"x\",\"v\":1}]",
			"record 2: version 26 in a pack of version 10"},
		{"[{\"u\":\"0123456789012345678901234567890123456789012345678901234567890123\","
		 "\"n\":\"x\",\"v\":1}]",
			"record 1: u is longer than 63 characters"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_string_equal(told(FG_SENML_JSON, 0, cases[i].pack, strlen(cases[i].pack)),
			cases[i].want);
}

static void test_names(void **state)
{
	char pack[700], name[300];

	(void)state;
	memset(name, 'x', sizeof(name));
	snprintf(pack, sizeof(pack), "[{\"bn\":\"%.200s\",\"n\":\"%.55s\",\"v\":1}]", name, name);
	assert_non_null(strstr(told(FG_SENML_JSON, 0, pack, strlen(pack)), " - +0 1; "));
	snprintf(pack, sizeof(pack), "[{\"bn\":\"%.200s\",\"n\":\"%.56s\",\"v\":1}]", name, name);
	assert_string_equal(told(FG_SENML_JSON, 0, pack, strlen(pack)),
		"record 1: n is longer than 55 characters");
	snprintf(pack, sizeof(pack), "[{\"bn\":\"/3303/0/\",\"n\":\"5700\",\"v\":21.5}]");
	assert_string_equal(told(FG_SENML_JSON, FG_SENML_OBJECT_NAMES, pack, strlen(pack)),
		"/3303/0/5700|5700 - +0 21.5; ");
	snprintf(pack, sizeof(pack), "[{\"n\":\"/a\",\"v\":21.5}]");
	assert_non_null(strstr(
		told(FG_SENML_JSON, FG_SENML_OBJECT_NAMES, pack, strlen(pack)), "bad name '/a'"));
}

/* Bytes of a literal without the NUL behind it. */
#define B(text) text, sizeof(text) - 1

static void test_cbor(void **state)
{
	static const struct {
		const char *pack;
		size_t len;
		const char *want;
	} cases[] = {
		/* {bn "a:", n "x", v 1} */
		{B("\x81\xa3\x21\x62"
		   "a:\x00\x61x\x02\x01"),
			"a:x|x - +0 1; "},
		/* indefinite array, map and texts */
		{B("\x9f\xbf\x00\x7f\x61x\x61y\xff\x02\x20\xff\xff"), "xy|xy - +0 -1; "},
		/* half 1.5, single 19.4, double 19.4 */
		{B("\x83\xa2\x00\x61x\x02\xf9\x3e\x00\xa2\x00\x61x\x02\xfa\x41\x9b\x33\x33"
		   "\xa2\x00\x61x\x02\xfb\x40\x33\x66\x66\x66\x66\x66\x66"),
			"x|x - +0 1.5; x|x - +0 19.4; x|x - +0 19.4; "},
		/* decimal fractions: 4([-1, 194]), 4([2, -3]) */
		{B("\x82\xa2\x00\x61x\x02\xc4\x82\x20\x18\xc2\xa2\x00\x61x\x02\xc4\x82\x02\x22"),
			"x|x - +0 19.4; x|x - +0 -300; "},
		/* t -5, vb true, vs "on", vd h'00ff', s 2, ut 60 */
		{B("\x84\xa3\x00\x61x\x06\x24\x04\xf5\xa2\x00\x61y\x03\x62on\xa2\x00\x61z\x08\x42"
		   "\x00\xff\xa3\x00\x61s\x05\x02\x07\x18\x3c"),
			"x|x - -5 true; y|y - +0 \"on\"; z|z - +0 data:2; s|s - +0 null s=2 "
			"ut=60; "},
		/* a text label that nobody knows, an integer that nobody knows */
		{B("\x81\xa4\x00\x61x\x02\x01\x63"
		   "foo\xf6\x18\x63\x80"),
			"x|x - +0 1; "},
		/* a value that is not a number, but of a sensor all the same */
		{B("\x81\xa2\x00\x61x\x02\xf9\x7e\x00"), "x|x - +0 null; "},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_string_equal(
			told(FG_SENML_CBOR, 0, cases[i].pack, cases[i].len), cases[i].want);
}

static void test_cbor_faults(void **state)
{
	static const struct {
		const char *pack;
		size_t len;
		const char *want;
	} cases[] = {
		{B(""), "not CBOR (RFC 8949) that can be read"},
		{B("\x81\xa2\x00\x61x\x02"), "not CBOR (RFC 8949) that can be read"},
		{B("\x81\xa2\x00\x61x\x02\x01\x00"), "not CBOR (RFC 8949) that can be read"},
		{B("\xa2\x00\x61x\x02\x01"), "not a pack: an array of records"},
		{B("\x80"), "an empty pack"},
		{B("\x9f\xff"), "an empty pack"},
		{B("\x81\x80"), "record 1: not a map"},
		{B("\x81\xa3\x00\x61x\x02\x01\x64"
		   "foo_\x02"),
			"record 1: must-understand label 'foo_'"},
		{B("\x81\xa2\x61n\x61x\x02\x01"), "record 1: label 'n' as a text; in CBOR it is 0"},
		{B("\x81\xa2\x40\x61x\x02\x01"),
			"record 1: a label that is neither an integer nor a text"},
		/* twice, the second time not in its shortest form */
		{B("\x81\xa3\x00\x61x\x02\x01\x18\x02\x02"), "record 1: v stands twice"},
		{B("\x81\xa2\x00\x61x\x02\x61x"), "record 1: v is not a number"},
		{B("\x81\xa2\x00\x41x\x02\x01"), "record 1: n is not a string"},
		{B("\x81\xa2\x00\x61x\x03\x41x"), "record 1: vs is not a string"},
		{B("\x81\xa2\x00\x61x\x08\x61x"), "record 1: vd is not data"},
		{B("\x81\xa2\x00\x61x\x02\xf6"), "record 1: v is not a number"},
		/* a bignum, and decimal fractions that are none */
		{B("\x81\xa2\x00\x61x\x02\xc2\x41\x01"), "record 1: v is not a number"},
		{B("\x81\xa2\x00\x61x\x02\xc4\x81\x20"), "record 1: v is not a number"},
		{B("\x81\xa2\x00\x61x\x02\xc4\x83\x20\x01\x01"), "record 1: v is not a number"},
		{B("\x81\xa2\x00\x61x\x02\xc4\x82\x19\x03\xe8\x01"), "record 1: v is not a number"},
		{B("\x81\xa3\x00\x61x\x02\x01\x06\xf9\x7e\x00"),
			"record 1: t is not a finite number"},
		{B("\x81\xa2\x00\x61x\x05\xf9\x7c\x00"), "record 1: s is not a finite number"},
		{B("\x81\xa2\x00\x62"
		   "a\x00\x02\x01"),
			"record 1: n holds a control character"},
		{B("\x81\xa2\x00\x61"
		   "a\x03\x61\x00"),
			"record 1: vs holds a NUL"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_string_equal(
			told(FG_SENML_CBOR, 0, cases[i].pack, cases[i].len), cases[i].want);
}

static void test_base64(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} cases[] = {
		{B(""), ""},
		{B("f"), "Zg"},
		{B("fo"), "Zm8"},
		{B("foo"), "Zm9v"},
		{B("foob"), "Zm9vYg"},
		{B("\xfb\xff\xfe"), "-__-"},
	};
	char text[16];

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		fg_base64url_put(cases[i].bytes, cases[i].len, text);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(fg_base64url_take(text, strlen(text)), cases[i].len);
		assert_memory_equal(text, cases[i].bytes, cases[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_faults),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_cbor),
		cmocka_unit_test(test_cbor_faults),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
