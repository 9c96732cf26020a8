/* SPDX-License-Identifier: EUPL-1.2 */
/* LwM2M TLV: where a resource stands, what it says, and what is no TLV. */
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
#include "protocol/tlv.h"

/* Bytes of a literal without the NUL behind it. */
#define B(text) text, sizeof(text) - 1

static void test_paths(void **state)
{
	static const struct {
		const char *text;
		unsigned depth, ids[4];
	} cases[] = {
		{"3303/0/5700", 3, {3303, 0, 5700, 0}},
		{"/6/65535/0/1?x=1", 4, {6, 65535, 0, 1}},
		{"/3", 1, {3, 0, 0, 0}},
		{"", 0, {0}},
		{"/", 0, {0}},
		{"3303/0/", 0, {0}},
		{"3303//0", 0, {0}},
		{"//3303", 0, {0}},
		{"65536", 0, {0}},
		{"100000", 0, {0}},
		{"1/2/3/4/5", 0, {0}},
		{"3303/0/value", 0, {0}},
		{"-1", 0, {0}},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_object_path p = {0};

		assert_int_equal(fg_object_path_parse(cases[i].text, &p), cases[i].depth > 0);
		assert_int_equal(p.depth, cases[i].depth);
		assert_int_equal(p.object, cases[i].ids[0]);
		assert_int_equal(p.instance, cases[i].ids[1]);
		assert_int_equal(p.resource, cases[i].ids[2]);
		assert_int_equal(p.resource_instance, cases[i].ids[3]);
	}
}

struct tlv_case {
	const char *payload;
	size_t len;
	const char *asked, *path, *want;
};

static const char *told(const struct tlv_case *c)
{
	static char text[300];
	struct fg_object_path asked, path;
	struct fg_value v = {.kind = FG_KIND_NONE};
	struct fg_buf out;
	char *copy = malloc(c->len ? c->len : 1); /* a read beyond its end is seen */
	int r;

	assert_non_null(copy);
	memcpy(copy, c->payload, c->len);
	assert_true(fg_object_path_parse(c->asked, &asked));
	assert_true(fg_object_path_parse(c->path, &path));
	r = fg_tlv_value(copy, c->len, &asked, &path, &v);
	fg_buf_wrap(&out, text, sizeof(text));
	if (r == FG_OK)
		fg_encode_value(&out, &v, -1);
	else
		fg_buf_puts(&out, r == FG_ENOENT ? "nowhere" : "decode");
	free(copy);
	return text;
}

static void try_cases(const struct tlv_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_string_equal(told(&cases[i]), cases[i].want);
}

/* Of the device object, as the specification's example tells it (6.4.3): "Open Mobile Alliance",
 * "Lightweight M2M Client", …, power sources 1 and 5, voltages 3800 and 5000 mV, battery 100 %. */
#define DEVICE                                                                                     \
	"\xC8\x00\x14Open Mobile Alliance"                                                         \
	"\xC8\x01\x16Lightweight M2M Client"                                                       \
	"\x86\x06\x41\x00\x01\x41\x01\x05"                                                         \
	"\x88\x07\x08\x42\x00\x0E\xD8\x42\x01\x13\x88"                                             \
	"\xC1\x09\x64"                                                                             \
	"\xC4\x0D\x51\x82\x42\x8F"

static void test_places(void **state)
{
	static const struct tlv_case cases[] = {
		{B(DEVICE), "/3/0", "3/0/0", "\"Open Mobile Alliance\""},
		{B(DEVICE), "/3/0", "3/0/9", "100"},
		{B(DEVICE), "/3/0", "3/0/13", "1367491215"},
		{B(DEVICE), "/3/0", "3/0/7/1", "5000"},
		{B(DEVICE), "/3/0", "3/0/7/2", "nowhere"},
		{B(DEVICE), "/3/0", "3/0/7", "decode"}, /* which of the two? */
		{B(DEVICE), "/3/0", "3/0/10", "nowhere"},
		{B(DEVICE), "/3/0", "3/1/9", "nowhere"},
		{B(DEVICE), "/3/0/9", "3/0/13", "nowhere"},
		{B(DEVICE), "/3", "3/0/9", "nowhere"}, /* whose is it? */
		{B(DEVICE), "/3/0", "3/0", "decode"},
		/* one instance of a multiple resource need not be named */
		{B("\x83\x07\x41\x05\x7f"), "/3/0", "3/0/7", "127"},
		{B("\x83\x07\x41\x05\x7f"), "/3/0", "3/0/7/5", "127"},
		{B("\x80\x07"), "/3/0", "3/0/7", "nowhere"},
		/* two object instances: ids of one and of two bytes, lengths in the type, of one,
		 * two and three bytes */
		{B("\x08\x00\x07\xe4\x16\x44\x41\xb4\x00\x00"
		   "\x30\x00\x01\x00\x07\xe4\x16\x44\x41\xb8\x00\x00"),
			"/3303", "3303/0/5700", "22.5"},
		{B("\x08\x00\x07\xe4\x16\x44\x41\xb4\x00\x00"
		   "\x30\x00\x01\x00\x07\xe4\x16\x44\x41\xb8\x00\x00"),
			"/3303", "3303/1/5700", "23"},
		{B("\xf8\x16\x44\x00\x00\x04\x41\xb4\x00\x00"), "/3303/0/5700", "3303/0/5700",
			"22.5"},
		/* twice */
		{B("\xc1\x09\x64\xc1\x09\x65"), "/3/0", "3/0/9", "decode"},
		{B(""), "/3/0", "3/0/9", "nowhere"},
	};

	(void)state;
	try_cases(cases, FG_COUNT(cases));
}

static void test_types(void **state)
{
	static const struct tlv_case cases[] = {
		/* 5700, a float of both widths; integers do not pass for one */
		{B("\xe8\x16\x44\x08\x40\x36\x80\x00\x00\x00\x00\x00"), "/3303/0", "3303/0/5700",
			"22.5"},
		{B("\xe2\x16\x44\x00\x16"), "/3303/0", "3303/0/5700", "decode"},
		{B("\xe4\x16\x44\x7f\xc0\x00\x00"), "/3303/0", "3303/0/5700", "null"},
		/* integers of all widths, with their sign */
		{B("\xc1\x09\xff"), "/3/0", "3/0/9", "-1"},
		{B("\xc2\x09\x80\x00"), "/3/0", "3/0/9", "-32768"},
		{B("\xc4\x09\xff\xff\xff\xfe"), "/3/0", "3/0/9", "-2"},
		{B("\xc8\x09\x08\x80\x00\x00\x00\x00\x00\x00\x00"), "/3/0", "3/0/9",
			"-9223372036854775808"},
		{B("\xc3\x09\x00\x00\x01"), "/3/0", "3/0/9", "decode"},
		{B("\xc0\x09"), "/3/0", "3/0/9", "decode"},
		{B("\xe1\x15\x7c\x01"), "/3200/0", "3200/0/5500", "true"},
		{B("\xe1\x15\x7c\x00"), "/3200/0", "3200/0/5500", "false"},
		{B("\xe1\x15\x7c\x02"), "/3200/0", "3200/0/5500", "decode"},
		{B("\xe3\x16\x45"
		   "Cel"),
			"/3303/0", "3303/0/5701", "\"Cel\""},
		{B("\xe1\x16\x45\xff"), "/3303/0", "3303/0/5701", "decode"},
		{B("\xe1\x16\x45\x00"), "/3303/0", "3303/0/5701", "decode"},
		/* water quality, pH; the same resource of another object is not known */
		{B("\xc4\x01\x40\xe8\x00\x00"), "/3426/0", "3426/0/1", "7.25"},
		{B("\xc4\x01\x40\xe8\x00\x00"), "/3425/0", "3425/0/1", "decode"},
		/* a resource of nobody */
		{B("\xe1\x27\x0f\x01"), "/3303/0", "3303/0/9999", "decode"},
	};

	(void)state;
	try_cases(cases, FG_COUNT(cases));
}

/* A fault anywhere on the level that is looked at makes the answer unusable. */
static void test_hostile(void **state)
{
	static const struct tlv_case cases[] = {
		{B("\xc1"), "/3/0", "3/0/9", "decode"},
		{B("\xc1\x09"), "/3/0", "3/0/9", "decode"},
		{B("\xc1\x09\x64\xc1"), "/3/0", "3/0/9", "decode"},
		{B("\xe1\x09"), "/3/0", "3/0/9", "decode"},
		{B("\xc8\x09"), "/3/0", "3/0/9", "decode"},
		{B("\xd8\x09\xff\xff\xff"), "/3/0", "3/0/9", "decode"},
		{B("\x83\x07\x41\x05"), "/3/0", "3/0/7", "decode"},
		{B("\x83\x07\x42\x05\x7f"), "/3/0", "3/0/7", "decode"},
		{B("\x83\x07\xc1\x05\x7f"), "/3/0", "3/0/7", "decode"},
		{B("\x03\x00\xc1\x09"), "/3", "3/0/9", "decode"},
	};

	(void)state;
	try_cases(cases, FG_COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
