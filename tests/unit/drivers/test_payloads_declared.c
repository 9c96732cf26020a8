/* SPDX-License-Identifier: EUPL-1.2 */
/* Payloads that a configuration declares: binary layouts, protocol buffers, texts with columns and
 * documents with conditions; and what no device should send. */
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
#include "base/report.h"
#include "base/status.h"
#include "drivers/payload.h"
#include "protocol/encode.h"

#define B(text) text, sizeof(text) - 1
#define N(x)                                                                                       \
	{                                                                                          \
		true, x                                                                            \
	}
#define U8                                                                                         \
	{                                                                                          \
		true, false, FG_BINARY_UNSIGNED, 1                                                 \
	}
#define U16                                                                                        \
	{                                                                                          \
		true, false, FG_BINARY_UNSIGNED, 2                                                 \
	}
#define I16                                                                                        \
	{                                                                                          \
		true, false, FG_BINARY_SIGNED, 2                                                   \
	}
#define U32                                                                                        \
	{                                                                                          \
		true, false, FG_BINARY_UNSIGNED, 4                                                 \
	}

#define MAX 8

static const struct fg_device device = {.name = "d"};
static struct fg_payload_point places[MAX];
static struct fg_point points[MAX];
static const struct fg_point *all[MAX];
static size_t count;

static char told_text[8000];
static struct fg_buf told;

static void set(const struct fg_payload_conf *conf, const struct fg_payload_point *at, size_t n)
{
	static const char *const names[MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	struct fg_report *rep = fg_report_new();

	for (size_t i = 0; i < n; i++) {
		places[i] = at[i];
		points[i] = (struct fg_point){.name = names[i],
			.index = (uint32_t)i,
			.device = &device,
			.scale = 1,
			.decimals = -1,
			.conf = &places[i]};
		all[i] = &points[i];
		fg_payload_check_point(&points[i], &places[i], conf, rep);
	}
	assert_int_equal(fg_report_errors(rep), 0);
	fg_report_free(rep);
	count = n;
}

static int tell(void *arg, const struct fg_payload_reading *r)
{
	(void)arg;
	fg_buf_printf(&told, "%s=", r->point->name);
	if (r->reading.reason)
		fg_buf_puts(&told, fg_reason_text(r->reading.reason, 0, (char[FG_REASON_SIZE]){0}));
	else
		fg_encode_value(&told, &r->reading.value, -1);
	if (r->clock != FG_PAYLOAD_NOW)
		fg_buf_printf(&told, "%s%lld", r->clock == FG_PAYLOAD_WALL ? "@" : "@+",
			(long long)r->time_us / 1000000);
	fg_buf_putc(&told, ' ');
	return FG_OK;
}

/* Of a copy that ends where its memory ends; the newest of each point behind a bar. */
static const char *decode(
	const struct fg_payload_conf *conf, int format, const char *data, size_t len)
{
	char *copy = malloc(len ? len : 1), why[FG_PAYLOAD_WHY];
	const struct fg_payload p = {format, copy, len, "/", 0};
	int r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	fg_buf_wrap(&told, told_text, sizeof(told_text));
	r = fg_payload_all(conf, all, count, &p, tell, NULL, why);
	if (r < 0)
		fg_buf_printf(&told, "%s: %s ", r == FG_EINVAL ? "format" : "bad", why);
	fg_buf_puts(&told, "| ");
	fg_payload_newest(conf, all, count, &p, tell, NULL);
	free(copy);
	return told_text;
}

static const struct fg_payload_conf logged = {.format = FG_PAYLOAD_BINARY,
	.byte_order = 1,
	.length = N(6),
	.time = {.at = N(2), .type = U32},
	.logged = {.length = N(6), .time = N(2)}};

static void test_logged(void **state)
{
	static const struct fg_payload_point at[] = {{.at = N(0), .logged = N(0), .type = I16}};

	(void)state;
	set(&logged, at, 1);
	assert_string_equal(decode(&logged, 42,
				    B("\xff\xfe\0\0\3\xe8"
				      "\0\5\0\0\3\xdd")),
		"a=-2@1000 a=5@989 | a=-2@1000 ");
	/* what is logged may be newer than what stands in front */
	assert_string_equal(decode(&logged, -1,
				    B("\xff\xfe\0\0\3\xe8"
				      "\0\5\0\0\3\xed")),
		"a=-2@1000 a=5@1005 | a=5@1005 ");
	assert_string_equal(decode(&logged, 0, B("FFFE000003e8")), "a=-2@1000 | a=-2@1000 ");
	/* a clock that is not set */
	assert_string_equal(decode(&logged, 0, B("000100000000")), "a=1 | a=1 ");
	assert_string_equal(decode(&logged, 42,
				    B("\xff\xfe\0\0\3\xe8"
				      "\0\5\0\0\3")),
		"bad: 11 bytes, which the layout of 6 cannot be | a=decode ");
	assert_string_equal(decode(&logged, 42, "", 0),
		"bad: 0 bytes, which the layout of 6 cannot be | a=decode ");
	assert_string_equal(decode(&logged, 50, B("{}")),
		"format: content format 50, which none of the points can be read from | "
		"a=content_format ");
}

static const int64_t ones[] = {1, 3}, twenty[] = {0x20}, nine[] = {9};

static void test_conditions(void **state)
{
	static const struct fg_payload_conf conf = {.format = FG_PAYLOAD_BINARY,
		.byte_order = 1,
		.length = N(4),
		.longer = true,
		.select = {.at = N(0), .mask = N(0xF0), .equals = {twenty, 1}},
		.logged = {.length = N(1), .step_us = 600000000}};
	static const int64_t bits[] = {4, 7};
	static const struct fg_payload_point at[] = {
		{.at = N(1),
			.type = U8,
			.when = {.at = N(0), .mask = N(0x0F), .equals = {ones, 2}}},
		{.at = N(2), .type = U16, .byte_order = 2, .bits = {bits, 2}},
		{.at = N(1),
			.type = U8,
			.invalid = {.at = N(2), .mask = N(1), .equals = {ones, 1}}},
		{.logged = N(0), .type = U8},
	};

	(void)state;
	set(&conf, at, 4);
	assert_string_equal(decode(&conf, 42,
				    B("\x21\x07\xa0\x01"
				      "\x09\x08")),
		"a=7 b=10 c=7 d=9@+-600 d=8@+-1200 | a=7 b=10 c=7 d=9@+-600 ");
	assert_string_equal(decode(&conf, 42, B("\x22\x07\x51\x01")),
		"b=5 c=sentinel | a=decode b=5 c=sentinel d=decode ");
	assert_string_equal(decode(&conf, 42, B("\x31\x07\x51\x01")),
		"bad: byte 0 is not what this layout has there (`select:`) | a=decode b=decode "
		"c=decode d=decode ");
}

static void test_blocks(void **state)
{
	static const int64_t lengths[] = {2, 3, 1};
	static const struct fg_payload_conf conf = {.format = FG_PAYLOAD_BINARY,
		.byte_order = 1,
		.length = N(2),
		.blocks = {.flags = N(0), .lengths = {lengths, 3}}};
	static const struct fg_payload_point at[] = {
		{.block = N(0), .at = N(0), .type = U16},
		{.block = N(1), .at = N(2), .type = U8},
		{.block = N(2), .at = N(0), .type = U8},
		{.at = N(1), .type = U8},
	};

	(void)state;
	set(&conf, at, 4);
	assert_string_equal(decode(&conf, 42,
				    B("\0\7"
				      "\1\2"
				      "\3\4\5"
				      "\6")),
		"a=258 b=5 c=6 d=7 | a=258 b=5 c=6 d=7 ");
	assert_string_equal(decode(&conf, 42,
				    B("\0\6"
				      "\3\4\5"
				      "\6")),
		"b=5 c=6 d=6 | a=decode b=5 c=6 d=6 ");
	assert_string_equal(decode(&conf, 42,
				    B("\0\6"
				      "\3\4\5")),
		"bad: 5 bytes, which the layout of 2 cannot be | a=decode b=decode c=decode "
		"d=decode ");
	assert_string_equal(decode(&conf, 42, B("\0")),
		"bad: 1 bytes, which the layout of 2 cannot be | a=decode b=decode c=decode "
		"d=decode ");
}

/* Fields as protobuf's own documentation writes them: 150 is 96 01, "testing" 07 74 65 …; a map
 * entry within. */
static void test_fields(void **state)
{
	static const struct fg_payload_conf conf = {
		.format = FG_PAYLOAD_PROTOBUF, .time.field = {nine, 1}};
	static const int64_t f1[] = {1}, f2[] = {2}, f3[] = {3, 1}, f4[] = {4}, f5[] = {5},
			     f6[] = {6};
	static const struct fg_payload_point at[] = {
		{.field = {f1, 1}},
		{.field = {f2, 1}, .type = {true, true, FG_PROTOBUF_STRING, 0}},
		{.field = {f3, 2}, .type = {true, true, FG_PROTOBUF_SINT, 0}},
		{.field = {f4, 1}, .type = {true, true, FG_PROTOBUF_FLOAT, 0}},
		{.field = {f5, 1}, .type = {true, true, FG_PROTOBUF_INT, 0}},
		{.field = {f6, 1}, .type = {true, true, FG_PROTOBUF_BYTES, 0}},
	};

	(void)state;
	set(&conf, at, 6);
	assert_string_equal(decode(&conf, 42,
				    B("\x08\x96\x01"
				      "\x12\x07testing"
				      "\x1a\x03\x08\xf3\x01"
				      "\x25\x00\x00\x20\x41"
				      "\x28\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
				      "\x32\x02\xab\x0c"
				      "\x48\xe8\x07")),
		"a=150@1000 b=\"testing\"@1000 c=-122@1000 d=10@1000 e=-2@1000 f=\"ab0c\"@1000 "
		"| a=150@1000 b=\"testing\"@1000 c=-122@1000 d=10@1000 e=-2@1000 "
		"f=\"ab0c\"@1000 ");
	/* the last of a number counts; another wire type is no value */
	assert_string_equal(decode(&conf, 42, B("\x08\x01\x08\x02\x10\x05")),
		"a=2 b=decode | a=2 b=decode c=decode d=decode e=decode f=decode ");
	/* cut short, a length beyond the end, a varint of eleven bytes, a group */
	assert_string_equal(decode(&conf, 42, B("\x08\x96")),
		"bad: not a message of protocol buffers | a=decode b=decode c=decode d=decode "
		"e=decode f=decode ");
	assert_non_null(strstr(decode(&conf, 42, B("\x12\xff\xff\xff\xff\x0fx")), "bad: "));
	assert_non_null(strstr(
		decode(&conf, 42, B("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), "bad: "));
	assert_non_null(strstr(decode(&conf, 42, B("\x0b\x0c")), "bad: "));
	assert_non_null(strstr(decode(&conf, 42, B("\x12\x02\xff\xfe")), "b=decode"));
}

static void test_texts_and_documents(void **state)
{
	static const struct fg_payload_conf conf = {.time.json = "/t"},
					    text = {.format = FG_PAYLOAD_TEXT_PLAIN};
	static const struct fg_payload_point columns[] = {{.column = N(1)}, {.column = N(3)}};
	static const struct fg_payload_point at[] = {
		{.json = "/v", .exponent = "/e"},
		{.json = "/w", .when = {.json = "/u", .equals = {ones, 2}}},
	};

	(void)state;
	set(&text, columns, 2);
	assert_string_equal(decode(&text, 0, B("21;54;7.5")), "a=21 b=7.5 | a=21 b=7.5 ");
	assert_string_equal(decode(&text, 42, B(" 21 , 54\t7")), "a=21 b=7 | a=21 b=7 ");
	assert_string_equal(decode(&text, -1, B("21;54")), "a=21 | a=21 b=decode ");
	set(&conf, at, 2);
	assert_string_equal(
		decode(&conf, 50, B("{\"t\":1000.5,\"v\":2398,\"e\":-2,\"u\":3,\"w\":9}")),
		"a=23.98@1000 b=9@1000 | a=23.98@1000 b=9@1000 ");
	assert_string_equal(
		decode(&conf, 50,
			B("{\"t\":\"1970-01-01T00:16:40Z\",\"v\":5,\"e\":1,\"u\":2,\"w\":9}")),
		"a=50@1000 | a=50@1000 b=decode ");
	assert_string_equal(decode(&conf, 50, B("{\"t\":1800000000000,\"v\":5,\"e\":99}")),
		"a=decode | a=decode b=decode ");
	assert_string_equal(
		decode(&conf, 50, B("{\"t\":-1,\"v\":5,\"e\":0}")), "a=5 | a=5 b=decode ");
}

/* Nobody's payloads: all of them are told as such, for polls and pushes. */
static void test_hostile(void **state)
{
	static const struct fg_payload_conf plain = {.format = FG_PAYLOAD_AUTO};
	static const struct fg_payload_point pack[] = {{.senml = "a"}}, doc[] = {{.json = "/a"}};
	static char deep[70000];
	static const struct {
		int format;
		const char *data;
		size_t len;
	} packs[] =
		{
			{110, B("")},
			{110, B("[")},
			{110, B("[{\"n\":\"a\",\"v\":1e999}]")},
			{110, B("[{\"n\":\"a\",\"v\":\"1\"}]")},
			{110, B("[{\"n\":\"\xff\",\"v\":1}]")},
			{110, B("[{\"n\":\"a\",\"v\":1}]x")},
			{110, B("[{\"n\":\"a\",\"v\":1,\"q_\":1}]")},
			{112, B("\x9b\xff\xff\xff\xff\xff\xff\xff\xff")},
			{112, B("\x81\xbf")},
			{112, B("\x81\xa2\x00\x7a\xff\xff\xff\xff"
				"a")},
			{112, B("\x81\xa2\x00\x61\xff\x02\x01")},
			{112, B("\x1b")},
			{110, deep, sizeof(deep)},
			{112, deep, sizeof(deep)},
		},
	  docs[] = {
		  {50, B("{\"a\":1e400}")},
		  {50, B("{\"a\":1")},
		  {50, B("{\"a\":\"\xc0\xaf\"}")},
		  {50, B("{\"a\":1,\"a\":2}")},
		  {60, B("\xa1\x61"
			 "a\xfb\x00")},
		  {60, B("\xbf")},
		  {60, deep, sizeof(deep)},
		  {50, deep, sizeof(deep)},
	  };

	(void)state;
	memset(deep, '[', sizeof(deep));
	set(&plain, pack, 1);
	for (size_t i = 0; i < FG_COUNT(packs); i++)
		if (!strstr(decode(&plain, packs[i].format, packs[i].data, packs[i].len),
			    "bad: ") ||
			!strstr(told_text, "| a=decode "))
			fail_msg("pack %zu: %s", i, told_text);
	set(&plain, doc, 1);
	for (size_t i = 0; i < FG_COUNT(docs); i++)
		if (strncmp(decode(&plain, docs[i].format, docs[i].data, docs[i].len), "a=1", 3) ==
				0 ||
			!strstr(told_text, "| a=decode "))
			fail_msg("document %zu: %s", i, told_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logged),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_texts_and_documents),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
