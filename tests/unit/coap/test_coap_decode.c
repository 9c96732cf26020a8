/* SPDX-License-Identifier: EUPL-1.2 */
/* What a payload becomes, by its content format and the point's configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "drivers/coap_internal.h"
#include "protocol/encode.h"

/* Bytes of a literal without the NUL behind it. */
#define B(text) text, sizeof(text) - 1

struct payload_case {
	int format;
	struct fg_payload_point conf;
	const char *data;
	size_t len;
	const char *want; /* the value, or the reason */
	const char *told; /* a part of what a person reads */
};

static struct fg_point point = {.name = "p", .scale = 1, .decimals = -1};

static const char *decoded(const struct payload_case *c, struct fg_buf *explain)
{
	static char text[300], room[300];
	const struct fg_point *points[] = {&point};
	struct fg_coap_request req = {.path = c->conf.path, .points = points, .count = 1};
	struct fg_reading reading;
	struct fg_batch batch = {
		.readings = &reading, .cap = 1, .text = room, .text_cap = sizeof(room)};
	struct fg_job job = {.batch = &batch, .explain = explain};
	struct fg_buf out;

	point.conf = &c->conf;
	fg_coap_decode(&job, &req, c->format, c->data, c->len, 0);
	assert_int_equal(batch.count, 1);
	fg_buf_wrap(&out, text, sizeof(text));
	if (reading.reason)
		fg_buf_puts(&out, fg_reason_text(reading.reason, 0, (char[FG_REASON_SIZE]){0}));
	else
		fg_encode_value(&out, &reading.value, -1);
	return text;
}

static void try_cases(const struct payload_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char explained[1000];
		struct fg_buf explain;

		fg_buf_wrap(&explain, explained, sizeof(explained));
		assert_string_equal(decoded(&cases[i], &explain), cases[i].want);
		if (cases[i].told && !strstr(explained, cases[i].told))
			fail_msg("'%s' does not say '%s'", explained, cases[i].told);
	}
}

#define PACK                                                                                       \
	"[{\"bn\":\"dev:\",\"bt\":-60,\"n\":\"a\",\"t\":5,\"v\":2},{\"n\":\"a\",\"v\":1},"         \
	"{\"n\":\"b\",\"v\":3},{\"n\":\"c\",\"vs\":\"on\"},{\"n\":\"d\",\"vd\":\"aGk\"},"          \
	"{\"n\":\"e\",\"s\":9}]"

static void test_senml(void **state)
{
	static const struct fg_payload_point a = {.path = "/p", .senml = "dev:a"},
					     own = {.path = "/p", .senml = "b"},
					     any = {.path = "/p"},
					     json = {.path = "/p", .json = "/0/v"};
	const struct payload_case cases[] = {
		/* the newest record of a name, wherever it stands */
		{110, a, B(PACK), "2", NULL},
		{110, own, B(PACK), "3", NULL},
		{110, {.path = "/p", .senml = "c"}, B(PACK), "\"on\"", NULL},
		{110, {.path = "/p", .senml = "d"}, B(PACK), "decode", "'dev:d' has bytes (vd)"},
		{110, {.path = "/p", .senml = "e"}, B(PACK), "decode", "only a sum (s)"},
		{110, {.path = "/p", .senml = "x"}, B(PACK), "decode",
			"no record 'x' in this pack"},
		/* the resolved name goes before the own one */
		{110, own, B("[{\"n\":\"b\",\"v\":1},{\"bn\":\"x:\",\"n\":\"b\",\"v\":2}]"), "1",
			NULL},
		{110, own,
			B("[{\"bn\":\"x:\",\"n\":\"b\",\"v\":2},{\"bn\":\"\",\"n\":\"b\",\"v\":1}"
			  "]"),
			"1", NULL},
		{110, own,
			B("[{\"bn\":\"x:\",\"n\":\"b\",\"v\":1},{\"bn\":\"y:\",\"n\":\"b\",\"v\":2}"
			  "]"),
			"decode", "several records fit"},
		/* without a name there must be one record, or several of one name */
		{110, any, B("[{\"n\":\"b\",\"v\":1},{\"n\":\"b\",\"v\":2}]"), "2", NULL},
		{110, any, B(PACK), "decode", "several records fit"},
		{110, any, B("[{\"n\":\"b\",\"v\":1,\"x_\":2}]"), "decode",
			"SenML: record 1: must-understand label 'x_'"},
		{112, any, B("\x81\xa2\x00\x61x\x02\xf9\x3e\x00"), "1.5", NULL},
		{112, any, B("\x81\xa2\x00\x61x\x02\xf9\x7e\x00"), "not_a_number", NULL},
		/* a pack that is called plain JSON or CBOR, or nothing */
		{50, own, B("[{\"n\":\"b\",\"v\":4}]"), "4", NULL},
		{60, own,
			B("\x81\xa2\x00\x61"
			  "b\x02\x05"),
			"5", NULL},
		{-1, own, B(" [{\"n\":\"b\",\"v\":4}]"), "4", NULL},
		{-1, own,
			B("\x81\xa2\x00\x61"
			  "b\x02\x05"),
			"5", NULL},
		{-1, own, B(""), "decode", NULL},
		/* what the configuration cannot mean */
		{0, own, B("4"), "content_format", NULL},
		{110, json, B("[{\"n\":\"b\",\"v\":4}]"), "content_format", NULL},
		{42, own, B("4"), "content_format", NULL},
	};

	(void)state;
	point.unit = NULL;
	try_cases(cases, FG_COUNT(cases));
}

static void test_cbor(void **state)
{
	const struct payload_case cases[] = {
		{60, {.path = "/p", .json = "/a"},
			B("\xa1\x61"
			  "a\xc4\x82\x20\x18\xc2"),
			"19.4", NULL},
		{60, {.path = "/p"}, B("\x18\x2a"), "42", NULL},
		{60, {.path = "/p", .json = "/a"},
			B("\xa1\x61"
			  "a\xf6"),
			"sentinel", NULL},
		{60, {.path = "/p", .json = "/b"},
			B("\xa1\x61"
			  "a\xf6"),
			"decode", "the pointer leads nowhere"},
		{60, {.path = "/p"}, B("\x18"), "decode", "not a value that can be read"},
	};

	(void)state;
	point.unit = NULL;
	try_cases(cases, FG_COUNT(cases));
}

/* Resource 5700 as a single, 5701 "Cel": with and without the entry of the instance. */
#define VALUE "\xe4\x16\x44\x41\xb4\x00\x00"
#define UNIT  "\xe3\x16\x45"
static void test_tlv(void **state)
{
	const struct payload_case cases[] = {
		{11542, {.path = "/3303/0/5700"}, B(VALUE), "22.5", NULL},
		{11542, {.path = "/3303/0?x", .senml = "3303/0/5700"}, B(VALUE UNIT "Cel"), "22.5",
			NULL},
		{11542, {.path = "/3303", .senml = "/3303/0/5700"},
			B("\x08\x00\x0d" VALUE UNIT "Cel"), "22.5", NULL},
		{11542, {.path = "/3303/0", .senml = "3303/0/5700"}, B(VALUE UNIT "ppm"), "decode",
			"in 'ppm', which cannot be converted to 'Cel'"},
		{11542, {.path = "/3303/0", .senml = "3303/0/5700"}, B(VALUE UNIT "\x1b[J"),
			"decode", "in '?[J', which"},
		{11542, {.path = "/3303/1", .senml = "3303/0/5700"}, B(VALUE), "decode",
			"TLV: the resource is not there"},
		{11542, {.path = "/3303/0", .senml = "3303/0/5700"}, B("\xe4\x16\x44\x41"),
			"decode", "TLV: not well-formed"},
		/* where no object was asked for, the instance must be told */
		{11542, {.path = "/t", .senml = "3303/0/5700"}, B(VALUE), "decode",
			"the resource is not there"},
		{11542, {.path = "/t", .senml = "3303/0/5700"}, B("\x08\x00\x0d" VALUE UNIT "Cel"),
			"22.5", NULL},
		{11542, {.path = "/3303/0"}, B(VALUE), "decode", "'/3303/0' names no resource"},
		{110, {.path = "/3303/0", .senml = "3303/0/5700"},
			B("[{\"bn\":\"/3303/0/\",\"n\":\"5700\",\"v\":21.5}]"), "21.5", NULL},
		/* the unit of resource 5701 beside it */
		{110, {.path = "/3303/0/5700"},
			B("[{\"bn\":\"/3303/0/\",\"n\":\"5700\",\"v\":300},{\"n\":\"5701\","
			  "\"vs\":\"K\"},{\"n\":\"5601\",\"v\":1}]"),
			"26.85", "converted from 'K'"},
	};

	(void)state;
	point.unit = "Cel";
	try_cases(cases, FG_COUNT(cases));
}

/* No text takes the room of another point's. */
static void test_long_texts(void **state)
{
	static const struct fg_payload_point tlv = {.path = "/3303/0/5750"}, json = {.path = "/p"};
	char payload[310] = "\xf0\x16\x76\x01\x2c", want[300];
	struct payload_case cases[] = {
		{11542, tlv, payload, 305, want, NULL},
		{110, json, payload, 0, want, NULL},
	};

	(void)state;
	point.unit = NULL;
	/* 250 bytes would end inside of an å */
	memset(payload + 5, 'x', 300);
	memcpy(payload + 5 + 249, "\xc3\xa5", 2);
	snprintf(want, sizeof(want), "\"%.249s\"", payload + 5);
	try_cases(cases, 1);
	cases[1].len = (size_t)snprintf(
		payload, sizeof(payload), "[{\"n\":\"x\",\"vs\":\"%.249s\xc3\xa5y\"}]", want + 1);
	try_cases(cases + 1, 1);
}

static void test_units(void **state)
{
	static const struct {
		const char *told, *unit, *source;
		double scale, offset;
		const char *want, *said;
	} cases[] = {
		{"Cel", "Cel", NULL, 1, 0, "20", NULL},
		{"K", "Cel", NULL, 1, 0, "-253.15", NULL},
		{"%RH", "%", NULL, 1, 0, "20", NULL},
		{"", "Cel", NULL, 1, 0, "20", NULL},
		/* a unit of the configuration: what the payload tells is converted to that one,
		 * and the point's own scale does the rest */
		{"kPa", "hPa", "Pa", 0.01, 0, "200", NULL},
		{"kg/m3", "ug/m3", NULL, 1, 0, "20000000000", NULL},
		{"V", "Cel", NULL, 1, 0, "decode",
			"the device tells its value in 'V', which cannot be converted to 'Cel'"},
		{"furlong", "Cel", NULL, 1, 0, "decode", "'furlong'"},
		/* a property of one's own, in a unit that nobody knows */
		{"furlong", "furlong", NULL, 1, 0, "20", NULL},
		{"furlong", NULL, NULL, 1, 0, "20", NULL},
		{"Cel", "furlong", NULL, 1, 0, "decode", "'furlong'"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char pack[100];
		int n = snprintf(
			pack, sizeof(pack), "[{\"n\":\"x\",\"u\":\"%s\",\"v\":20}]", cases[i].told);
		struct payload_case c = {
			110, {.path = "/p"}, pack, (size_t)n, cases[i].want, cases[i].said};

		point.unit = cases[i].unit;
		point.source_unit = cases[i].source;
		point.scale = cases[i].scale;
		point.offset = cases[i].offset;
		try_cases(&c, 1);
	}
	point.source_unit = NULL;
	point.scale = 1;
	point.offset = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_senml),
		cmocka_unit_test(test_cbor),
		cmocka_unit_test(test_tlv),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
