/* SPDX-License-Identifier: EUPL-1.2 */
/* Sparkplug payloads, byte for byte as protoc encodes them, and what comes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/sparkplug.h"

static char memory[4096];
static struct fg_buf out;

static void begin(void)
{
	fg_buf_wrap(&out, memory, sizeof(memory));
}

static void assert_hex(const char *want)
{
	char got[2 * sizeof(memory) + 1] = "";

	for (size_t i = 0; i < out.len; i++)
		snprintf(got + 2 * i, 3, "%02x", (unsigned char)out.data[i]);
	assert_string_equal(got, want);
	assert_false(out.overflow);
}

/* ---- messages that protoc 3.21.12 has encoded from the specification's schema ---- */

static void test_node_death(void **state)
{
	(void)state;
	begin();
	assert_true(fg_spb_node_death(&out, 1795287599000, 0));
	assert_hex("08988febfb9f3412120a05626453657118988febfb9f3420045800");
}

static void test_node_birth(void **state)
{
	(void)state;
	begin();
	fg_spb_node_birth(&out, 1795287600000, 0);
	assert_true(fg_spb_end(&out, 0));
	assert_hex("088097ebfb9f3412120a056264536571188097ebfb9f342004580012210a144e6f646520436f"
		   "6e74726f6c2f52656269727468188097ebfb9f34200b70001800");
}

static void test_device_birth(void **state)
{
	static const struct fg_spb_property pm25[] = {{"engUnit", "ug/m3", 0},
		{"Quality", NULL, 192}};
	static const struct fg_spb_property no2[] = {{"Quality", NULL, 500}};
	const struct fg_spb_metric metrics[] = {
		{.name = "pm25", .alias = 12, .time_ms = 1795287600000, .type = FG_SPB_DOUBLE,
			.f = 8.4, .properties = pm25, .property_count = 2},
		{.name = "no2", .alias = 13, .time_ms = 1795287600000, .type = FG_SPB_DOUBLE,
			.null = true, .properties = no2, .property_count = 1},
	};

	(void)state;
	begin();
	fg_spb_begin(&out, 1795287600100);
	fg_spb_put(&out, &metrics[0]);
	fg_spb_put(&out, &metrics[1]);
	assert_true(fg_spb_end(&out, 1));
	assert_hex("08e497ebfb9f3412400a04706d3235100c188097ebfb9f34200a4a240a07656e67556e69740a07"
		   "5175616c6974791209080c420575672f6d331205080318c00169cdcccccccccc204012240a036e"
		   "6f32100d188097ebfb9f34200a38014a100a075175616c6974791205080318f4031801");
}

static void test_device_data(void **state)
{
	const struct fg_spb_metric metrics[] = {
		{.alias = 12, .time_ms = 1795287600000, .type = FG_SPB_DOUBLE, .untold_type = true,
			.historical = true, .f = 9.1},
		{.alias = 12, .time_ms = 1795291200000, .type = FG_SPB_DOUBLE, .untold_type = true,
			.f = 8.7},
	};

	(void)state;
	begin();
	fg_spb_begin(&out, 1795291200400);
	fg_spb_put(&out, &metrics[0]);
	fg_spb_put(&out, &metrics[1]);
	assert_true(fg_spb_end(&out, 2));
	assert_hex("0890f7c6fd9f341214100c188097ebfb9f3428016933333333333322401212100c1880f4c6fd9f"
		   "346966666666666621401802");
}

/* A payload that does not fit is refused, and nothing is written behind the room. */
static void test_no_room(void **state)
{
	char room[40];

	(void)state;
	memset(room, 'x', sizeof(room));
	fg_buf_wrap(&out, room, 27);
	assert_false(fg_spb_node_death(&out, 1795287599000, 0));
	for (size_t i = 27; i < sizeof(room); i++)
		assert_int_equal(room[i], 'x');
	fg_buf_wrap(&out, room, 28);
	assert_true(fg_spb_node_death(&out, 1795287599000, 0));
}

static void test_topics(void **state)
{
	(void)state;
	begin();
	assert_true(fg_spb_topic(&out, "no-0301", "DDATA", "gw01", "st012"));
	assert_string_equal(out.data, "spBv1.0/no-0301/DDATA/gw01/st012");
	begin();
	assert_true(fg_spb_topic(&out, "no-0301", "NBIRTH", "gw01", NULL));
	assert_string_equal(out.data, "spBv1.0/no-0301/NBIRTH/gw01");
	begin();
	assert_true(fg_spb_state_topic(&out, "scada"));
	assert_string_equal(out.data, "spBv1.0/STATE/scada");
}

/* ---- readings ---- */

static const struct fg_point_desc desc = {.station = "bragernes",
	.device = "air-node",
	.point = "pm25",
	.property = "pm25",
	.unit = "ug/m3",
	.domain = "air",
	.decimals = -1};

/* The fields of the only metric that was written, read back by hand: `number` of the field of that
 * wire type 0 or 1; false where it is not there. */
static bool field(unsigned wanted, uint64_t *ret)
{
	const unsigned char *p = (const unsigned char *)memory + 2, *end = p + memory[1];

	if ((unsigned char)memory[1] & 0x80) { /* a length of two bytes */
		end = p + 1 + ((memory[1] & 0x7F) | (memory[2] << 7));
		p++;
	}
	while (p < end) {
		unsigned key = *p++, shift = 0;
		uint64_t v = 0;

		if ((key & 7) == 1) {
			memcpy(&v, p, 8);
			p += 8;
		} else {
			do
				v |= (uint64_t)(*p & 0x7F) << shift;
			while (shift += 7, *p++ & 0x80);
			if ((key & 7) == 2)
				p += v;
		}
		if (key >> 3 == wanted && (key & 7) != 2) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool has_text(const char *text)
{
	return memmem(memory, out.len, text, strlen(text)) != NULL;
}

/* The value of the property `Quality`. */
static unsigned quality_of(const struct fg_item *item, bool stale)
{
	const char *at;
	static const struct {
		unsigned quality;
		const char bytes[8];
	} forms[] = {{0, "\x08\x03\x18"}, {192, "\x08\x03\x18\xc0\x01"},
		{500, "\x08\x03\x18\xf4\x03"}};

	begin();
	/* alone, so that its value is the first one */
	fg_spb_put_item(&out, NULL, 20, FG_SPB_DOUBLE, &desc, item, 5000, stale, false);
	at = memmem(memory, out.len, "\x08\x03\x18", 3);
	assert_non_null(at);
	for (size_t i = 1; i < 3; i++)
		if (memcmp(at, forms[i].bytes, 5) == 0)
			return forms[i].quality;
	assert_int_equal(at[3], 0);
	return 0;
}

static double told(const struct fg_item *item, enum fg_spb_type type)
{
	uint64_t bits;
	double d;

	begin();
	fg_spb_put_item(&out, NULL, 20, type, &desc, item, 0, false, false);
	assert_true(field(13, &bits));
	memcpy(&d, &bits, 8);
	return d;
}

/* Consumers of both forms see one number. */
static void test_number_is_that_of_json(void **state)
{
	struct fg_item item = {.wall_ms = 1000, .qc = FG_QC_PASS,
		.value = {.kind = FG_KIND_FLOAT, .f = (double)19.4f}};
	uint64_t v;

	(void)state;
	assert_true((double)19.4f != 19.4);
	assert_true(told(&item, FG_SPB_DOUBLE) == 19.4);
	item.value = (struct fg_value){.kind = FG_KIND_DECIMAL, .f = 194 * 0.1};
	assert_true(told(&item, FG_SPB_DOUBLE) == 19.4);
	item.value = (struct fg_value){.kind = FG_KIND_INT, .i = 19};
	assert_true(told(&item, FG_SPB_DOUBLE) == 19);
	assert_true(field(2, &v) && v == 20);
	assert_true(field(3, &v) && v == 1000);
	assert_true(field(4, &v) && v == FG_SPB_DOUBLE);
	assert_false(field(5, &v));
	assert_false(field(7, &v));

	item.value = (struct fg_value){.kind = FG_KIND_INT, .i = -5};
	begin();
	fg_spb_put_item(&out, NULL, 20, FG_SPB_INT64, &desc, &item, 0, false, true);
	assert_true(field(11, &v) && (int64_t)v == -5);
	assert_true(field(5, &v) && v == 1); /* historical */

	item.value = (struct fg_value){.kind = FG_KIND_UINT, .u = UINT64_MAX};
	begin();
	fg_spb_put_item(&out, NULL, 20, FG_SPB_UINT64, &desc, &item, 0, false, false);
	assert_true(field(11, &v) && v == UINT64_MAX);

	item.value = (struct fg_value){.kind = FG_KIND_BOOL, .b = true};
	begin();
	fg_spb_put_item(&out, NULL, 20, FG_SPB_BOOLEAN, &desc, &item, 0, false, false);
	assert_true(field(14, &v) && v == 1);

	item.value = (struct fg_value){.kind = FG_KIND_TEXT, .text = "open!", .len = 4};
	begin();
	fg_spb_put_item(&out, NULL, 20, FG_SPB_STRING, &desc, &item, 0, false, false);
	assert_true(has_text("open"));
	assert_false(has_text("open!"));
}

static void test_quality(void **state)
{
	struct fg_item item = {.qc = FG_QC_PASS, .value = {.kind = FG_KIND_DOUBLE, .f = 1}};
	uint64_t v;

	(void)state;
	assert_int_equal(quality_of(&item, false), 192);
	assert_int_equal(quality_of(&item, true), 500);
	assert_int_equal(quality_of(NULL, true), 500);
	item.qc = FG_QC_NOT_EVALUATED;
	assert_int_equal(quality_of(&item, false), 192);
	item.qc = FG_QC_SUSPECT;
	assert_int_equal(quality_of(&item, false), 192);
	item.qc = FG_QC_FAIL;
	assert_int_equal(quality_of(&item, false), 0);
	assert_false(field(7, &v));
	item = (struct fg_item){.qc = FG_QC_MISSING, .reason = FG_REASON_SENTINEL,
		.value = {.kind = FG_KIND_DOUBLE, .f = 1}};
	assert_int_equal(quality_of(&item, false), 0);
	assert_true(field(7, &v) && v == 1);
	assert_false(field(13, &v));
	assert_true(has_text("sentinel"));
	item.reason = FG_REASON_NO_RESPONSE;
	assert_int_equal(quality_of(&item, false), 500);
}

static void test_birth_tells_unit_and_name(void **state)
{
	struct fg_point_desc hourly = desc;
	char name_mem[100];
	struct fg_buf name;
	uint64_t v;

	(void)state;
	hourly.period = FG_TOLD_HOUR;
	hourly.stat = FG_STAT_MEAN;
	fg_buf_wrap(&name, name_mem, sizeof(name_mem));
	assert_true(fg_spb_metric_name(&name, &hourly));
	assert_string_equal(name_mem, "pm25/hourly");
	begin();
	fg_spb_put_item(&out, name_mem, 20, FG_SPB_DOUBLE, &hourly, NULL, 5000, true, false);
	assert_true(has_text("pm25/hourly"));
	assert_true(has_text("engUnit"));
	assert_true(has_text("ug/m3"));
	assert_true(field(3, &v) && v == 5000);
	assert_true(field(7, &v) && v == 1);
}

static void test_types(void **state)
{
	static const struct fg_item none = {.qc = FG_QC_MISSING},
		whole = {.qc = 1, .value = {.kind = FG_KIND_INT, .i = 3}},
		below = {.qc = 1, .value = {.kind = FG_KIND_INT, .i = -3}},
		far = {.qc = 1, .value = {.kind = FG_KIND_UINT, .u = UINT64_MAX}},
		part = {.qc = 1, .value = {.kind = FG_KIND_DECIMAL, .f = 0.5}},
		flag = {.qc = 1, .value = {.kind = FG_KIND_BOOL, .b = true}},
		text = {.qc = 1, .value = {.kind = FG_KIND_TEXT, .text = "a", .len = 1}};
	static const struct {
		enum fg_spb_type known;
		const struct fg_item *item;
		enum fg_spb_type want;
	} cases[] = {
		{FG_SPB_UNKNOWN, &none, FG_SPB_DOUBLE},
		{FG_SPB_UNKNOWN, NULL, FG_SPB_DOUBLE},
		{FG_SPB_STRING, &none, FG_SPB_STRING},
		{FG_SPB_UNKNOWN, &whole, FG_SPB_INT64},
		{FG_SPB_UNKNOWN, &far, FG_SPB_UINT64},
		{FG_SPB_UNKNOWN, &flag, FG_SPB_BOOLEAN},
		{FG_SPB_UNKNOWN, &text, FG_SPB_STRING},
		{FG_SPB_INT64, &part, FG_SPB_DOUBLE},
		{FG_SPB_DOUBLE, &whole, FG_SPB_DOUBLE},
		{FG_SPB_INT64, &far, FG_SPB_UINT64},
		{FG_SPB_UINT64, &whole, FG_SPB_UINT64},
		{FG_SPB_UINT64, &below, FG_SPB_DOUBLE},
		{FG_SPB_DOUBLE, &far, FG_SPB_DOUBLE},
		{FG_SPB_BOOLEAN, &whole, FG_SPB_INT64},
		{FG_SPB_DOUBLE, &text, FG_SPB_STRING},
		{FG_SPB_STRING, &part, FG_SPB_DOUBLE},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_int_equal(fg_spb_type_for(cases[i].known, cases[i].item), cases[i].want);
}

/* ---- what comes in ---- */

static int asked(const char *name, bool value, size_t cut)
{
	const struct fg_spb_metric metric = {.name = name, .type = FG_SPB_BOOLEAN, .b = value};
	char *copy;
	int r;

	begin();
	fg_spb_begin(&out, 1000);
	fg_spb_put(&out, &metric);
	fg_spb_end(&out, -1);
	copy = malloc(out.len - cut); /* a read beyond it is seen */
	assert_non_null(copy);
	memcpy(copy, memory, out.len - cut);
	r = fg_spb_rebirth_asked(copy, out.len - cut);
	free(copy);
	return r;
}

static void test_rebirth(void **state)
{
	static char much[FG_SPB_COMMAND_MAX + 2];

	(void)state;
	assert_int_equal(asked("Node Control/Rebirth", true, 0), 1);
	assert_int_equal(asked("Node Control/Rebirth", false, 0), 0);
	assert_int_equal(asked("Node Control/Reboot", true, 0), 0);
	assert_int_equal(asked("Node Control/Rebirth", true, 1), FG_EDECODE);
	assert_int_equal(fg_spb_rebirth_asked("{}", 2), FG_EDECODE);
	assert_int_equal(fg_spb_rebirth_asked("", 0), 0);
	/* more metrics than there is memory for, each of two bytes; and more bytes than are read */
	for (size_t i = 0; i < sizeof(much); i += 2)
		much[i] = 0x12;
	assert_int_equal(fg_spb_rebirth_asked(much, FG_SPB_COMMAND_MAX), FG_EDECODE);
	assert_int_equal(fg_spb_rebirth_asked(much, sizeof(much)), FG_EDECODE);
}

static void test_host_state(void **state)
{
	static const char *const bad[] = {"", "ONLINE", "{}", "{\"online\":true}",
		"{\"online\":1,\"timestamp\":5}", "{\"online\":true,\"timestamp\":\"5\"}",
		"{\"online\":true,\"timestamp\":5} x", "{\"online\":null,\"timestamp\":5}"};
	bool online = false;
	int64_t at = 0;

	(void)state;
	assert_int_equal(fg_spb_host_state(
				 "{\"online\":true,\"timestamp\":1795287600000}", 41, &online, &at),
		FG_OK);
	assert_true(online);
	assert_true(at == 1795287600000);
	assert_int_equal(
		fg_spb_host_state("{ \"timestamp\": 7, \"online\": false }", 35, &online, &at), 0);
	assert_false(online);
	assert_true(at == 7);
	for (size_t i = 0; i < FG_COUNT(bad); i++)
		assert_int_equal(
			fg_spb_host_state(bad[i], strlen(bad[i]), &online, &at), FG_EDECODE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node_death),
		cmocka_unit_test(test_node_birth),
		cmocka_unit_test(test_device_birth),
		cmocka_unit_test(test_device_data),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_number_is_that_of_json),
		cmocka_unit_test(test_quality),
		cmocka_unit_test(test_birth_tells_unit_and_name),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_rebirth),
		cmocka_unit_test(test_host_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
