/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings as JSON: the contract's words, numbers, hostile texts, bounds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/rng.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"

#define NOON INT64_C(1782907200000) /* 2026-07-01T12:00:00Z */

static const struct fg_point_desc probe = {
	.station = "bragernes",
	.device = "bathing-probe",
	.point = "water_temperature",
	.property = "water_temperature",
	.unit = "Cel",
	.domain = "bathing",
	.decimals = -1,
};

#define HEAD                                                                                       \
	"{\"v\":1,\"id\":\"drammen-01:18231\",\"station\":\"bragernes\","                          \
	"\"device\":\"bathing-probe\",\"point\":\"water_temperature\","                            \
	"\"property\":\"water_temperature\",\"time\":\"2026-07-01T12:00:00.000Z\",\"value\":"

static struct fg_item item_of(struct fg_value v, enum fg_qc qc)
{
	return (struct fg_item){.seq = 18231, .wall_ms = NOON, .qc = qc, .value = v};
}

static void check(const struct fg_item *item, const char *want)
{
	char mem[700];
	struct fg_buf b;

	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_encode_json(&b, "drammen-01", &probe, item));
	assert_string_equal(mem, want);
	assert_int_equal(b.len, strlen(want));
	for (size_t cap = 0; cap <= strlen(want); cap++) { /* what does not fit leaves nothing */
		fg_buf_wrap(&b, mem, cap);
		assert_false(fg_encode_json(&b, "drammen-01", &probe, item));
		assert_int_equal(b.len, 0);
	}
}

static void test_reading(void **state)
{
	const struct fg_value v = {.kind = FG_KIND_DECIMAL, .f = 194 * 0.1};
	struct fg_item i = item_of(v, FG_QC_PASS);

	(void)state;
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":1}");
	i.tests = fg_tests_set(fg_tests_set(0, FG_TEST_GROSS_RANGE, FG_QC_PASS), FG_TEST_SPIKE,
		FG_QC_NOT_EVALUATED);
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":1}");
	i.qc = FG_QC_SUSPECT;
	i.tests = fg_tests_set(i.tests, FG_TEST_SPIKE, FG_QC_SUSPECT);
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":3,\"qc_tests\":{\"spike\":3}}");
	i.qc = FG_QC_FAIL;
	i.tests = fg_tests_set(i.tests, FG_TEST_GROSS_RANGE, FG_QC_FAIL);
	i.not_stored = true;
	check(&i,
		HEAD "19.4,\"unit\":\"Cel\",\"qc\":4,\"qc_tests\":{\"gross_range\":4,\"spike\":3},"
		     "\"stored\":false}");
	i = item_of(v, FG_QC_PASS);
	i.uncertainty_s = 315360000;
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":1,\"time_uncertainty\":315360000}");
	i.uncertainty_s = 0;
	i.replaces = 18000;
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":1,\"replaces\":\"drammen-01:18000\"}");
	i = item_of(v, FG_QC_FAIL);
	i.reason = FG_REASON_SENSOR_QUALITY;
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":4,\"reason\":\"sensor_quality\"}");
	i = item_of((struct fg_value){0}, FG_QC_FAIL);
	i.reason = FG_REASON_NOT_A_NUMBER;
	check(&i, HEAD "null,\"unit\":\"Cel\",\"qc\":4,\"reason\":\"not_a_number\"}");
	i = item_of(v, FG_QC_MISSING); /* a value has no place in a missing reading */
	i.reason = FG_REASON_EXCEPTION;
	i.detail = 2;
	check(&i, HEAD "null,\"unit\":\"Cel\",\"qc\":9,\"reason\":\"exception:2\"}");
	i = item_of(v, FG_QC_PASS);
	i.reason = FG_REASON_SENTINEL; /* a good reading has no reason */
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":1}");
}

/* What a reading tells of how it came about; the value before calibration is for those who look
 * into the gateway alone. */
static void test_circumstances(void **state)
{
	const struct fg_value v = {.kind = FG_KIND_DECIMAL, .f = 19.4};
	struct fg_item i = item_of(v, FG_QC_PASS);
	char mem[700];
	struct fg_buf b;

	(void)state;
	i.maintenance = true;
	i.alarm = FG_ALARM_ABOVE;
	i.has_raw = true;
	i.raw = 19.1;
	i.not_stored = true;
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":1,\"maintenance\":true,"
		       "\"alarm\":\"above\",\"stored\":false}");
	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_encode_json_raw(&b, "drammen-01", &probe, &i));
	assert_non_null(strstr(mem, ",\"stored\":false,\"raw\":19.1}"));
	i.raw = NAN;
	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_encode_json_raw(&b, "drammen-01", &probe, &i));
	assert_non_null(strstr(mem, ",\"raw\":null}"));
	i = item_of(v, FG_QC_PASS);
	i.alarm = FG_ALARM_BELOW;
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":1,\"alarm\":\"below\"}");
	i.alarm = FG_ALARM_RATE;
	check(&i, HEAD "19.4,\"unit\":\"Cel\",\"qc\":1,\"alarm\":\"rate\"}");
}

/* Rules have the names that the point's descriptor holds; a verdict of one that it does not know
 * says nothing. */
static void test_rules(void **state)
{
	struct fg_point_desc desc = probe;
	struct fg_item i = item_of((struct fg_value){.kind = FG_KIND_INT, .i = 7}, FG_QC_SUSPECT);
	char mem[700];
	struct fg_buf b;

	(void)state;
	desc.rules[0] = "pair";
	desc.rules[7] = "out_of_water";
	i.tests = fg_tests_set(i.tests, FG_TEST_SPIKE, FG_QC_SUSPECT);
	i.tests = fg_tests_set(i.tests, FG_TEST_RULE(0), FG_QC_SUSPECT);
	i.tests = fg_tests_set(i.tests, FG_TEST_RULE(1), FG_QC_FAIL);
	i.tests = fg_tests_set(i.tests, FG_TEST_RULE(7), FG_QC_FAIL);
	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_encode_json(&b, "drammen-01", &desc, &i));
	assert_string_equal(mem, HEAD
		"7,\"unit\":\"Cel\",\"qc\":3,\"qc_tests\":{\"spike\":3,\"pair\":3,"
		"\"out_of_water\":4}}");
	i.tests = fg_tests_set(0, FG_TEST_RULE(0), FG_QC_PASS);
	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_encode_json(&b, "drammen-01", &desc, &i));
	assert_string_equal(mem, HEAD "7,\"unit\":\"Cel\",\"qc\":3}");
}

static void check_aggregate(const struct fg_point_desc *desc, const struct fg_item *item,
	const char *topic, const char *want)
{
	char mem[700];
	struct fg_buf b;

	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_topic_item(&b, "drammen", "drammen-01", desc, item));
	assert_string_equal(mem, topic);
	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_encode_item(&b, "drammen-01", desc, item));
	assert_string_equal(mem, want);
	for (size_t cap = 0; cap <= strlen(want); cap++) {
		fg_buf_wrap(&b, mem, cap);
		assert_false(fg_encode_item(&b, "drammen-01", desc, item));
		assert_int_equal(b.len, 0);
	}
}

static void test_aggregate(void **state)
{
	struct fg_point_desc desc = probe;
	struct fg_aggregate a = {.from_ms = NOON - 3600000, .expected = 60, .count = 59,
		.fail = 1, .has_range = true, .low = 18.9, .high = 20.25,
		.scheme = "no-luftkvalitet", .version = "1", .key = "low", .index = 1};
	struct fg_item i = item_of((struct fg_value){.kind = FG_KIND_DECIMAL, .f = 19.4}, 1);

	(void)state;
	desc.period = FG_TOLD_HOUR;
	desc.stat = FG_STAT_MEAN;
	i.kind = FG_ITEM_AGGREGATE;
	i.aggregate = &a;
	i.replaces = 17;
	check_aggregate(&desc, &i, "drammen/hourly/bathing/bragernes/water_temperature", HEAD
		"19.4,\"unit\":\"Cel\",\"qc\":1,\"period\":\"PT1H\",\"stat\":\"mean\","
		"\"coverage\":0.9833,\"count\":59,\"min\":18.9,\"max\":20.25,"
		"\"excluded\":{\"fail\":1},\"class\":{\"scheme\":\"no-luftkvalitet\","
		"\"version\":\"1\",\"index\":1,\"key\":\"low\"},\"replaces\":\"drammen-01:17\"}");
	a = (struct fg_aggregate){.expected = 60, .suspect = 2, .missing = 55, .maintenance = 3};
	i.replaces = 0;
	i.qc = FG_QC_MISSING;
	i.reason = FG_REASON_COVERAGE;
	desc.period = FG_TOLD_DAY;
	desc.stat = FG_STAT_MAX_8H_MEAN;
	check_aggregate(&desc, &i, "drammen/daily-max-8h/bathing/bragernes/water_temperature", HEAD
		"null,\"unit\":\"Cel\",\"qc\":9,\"reason\":\"coverage\",\"period\":\"P1D\","
		"\"stat\":\"max_8h_mean\",\"coverage\":0,\"count\":0,"
		"\"excluded\":{\"suspect\":2,\"missing\":55,\"maintenance\":3}}");
}

/* No two that are told have one topic, and a share is never rounded up to the whole. */
static void test_aggregate_names(void **state)
{
	const struct fg_aggregate most = {.expected = 100000, .count = 99999};
	const struct fg_aggregate more = {.expected = 60, .count = 61}, none = {.count = 1};

	(void)state;
	assert_string_equal(fg_aggregate_root(FG_TOLD_NONE, FG_STAT_NONE), "obs");
	assert_string_equal(fg_aggregate_root(FG_TOLD_RUNNING_8H, FG_STAT_MEAN), "running-8h");
	assert_string_equal(fg_aggregate_root(FG_TOLD_RUNNING_24H, FG_STAT_MEAN), "running-24h");
	assert_string_equal(fg_aggregate_root(FG_TOLD_DAY, FG_STAT_MEAN), "daily");
	assert_true(fg_aggregate_coverage(&most) < 1);
	assert_true(fg_aggregate_coverage(&more) == 1);
	assert_true(fg_aggregate_coverage(&none) == 0);
	for (unsigned p = 1; p < FG_TOLD_COUNT; p++)
		assert_true(fg_told_period_text((enum fg_told_period)p)[0] == 'P');
	for (unsigned s = 1; s < FG_STAT_COUNT; s++)
		assert_true(strlen(fg_stat_text((enum fg_stat)s)) >= 3);
}

static void test_values(void **state)
{
	static const struct {
		struct fg_value v;
		int decimals;
		const char *want;
	} cases[] = {
		{{.kind = FG_KIND_NONE}, -1, "null"},
		{{.kind = FG_KIND_BOOL, .b = true}, -1, "true"},
		{{.kind = FG_KIND_BOOL, .b = false}, 2, "false"},
		{{.kind = FG_KIND_INT, .i = INT64_MIN}, -1, "-9223372036854775808"},
		{{.kind = FG_KIND_INT, .i = 9007199254740993}, 2, "9007199254740993"},
		{{.kind = FG_KIND_UINT, .u = UINT64_MAX}, -1, "18446744073709551615"},
		{{.kind = FG_KIND_FLOAT, .f = (double)19.4f}, -1, "19.4"},
		{{.kind = FG_KIND_FLOAT, .f = (double)0.1f * 10}, -1, "1"},
		{{.kind = FG_KIND_FLOAT, .f = 1e300}, -1, "1e+300"},
		{{.kind = FG_KIND_DOUBLE, .f = 19.4}, -1, "19.4"},
		{{.kind = FG_KIND_DOUBLE, .f = 0.1 + 0.2}, -1, "0.30000000000000004"},
		{{.kind = FG_KIND_DECIMAL, .f = 0.1 + 0.2}, -1, "0.3"},
		{{.kind = FG_KIND_DECIMAL, .f = 1e-7}, -1, "1e-07"},
		{{.kind = FG_KIND_DECIMAL, .f = 19.456}, 2, "19.46"},
		{{.kind = FG_KIND_FLOAT, .f = -0.001}, 2, "0"},
		{{.kind = FG_KIND_DOUBLE, .f = 19.999}, 1, "20"},
		{{.kind = FG_KIND_DOUBLE, .f = -0.0}, -1, "0"},
		{{.kind = FG_KIND_DOUBLE, .f = NAN}, -1, "null"},
		{{.kind = FG_KIND_FLOAT, .f = INFINITY}, -1, "null"},
		{{.kind = FG_KIND_DECIMAL, .f = -INFINITY}, 2, "null"},
		{{.kind = FG_KIND_TEXT, .text = "a\"b\\\n", .len = 5}, -1, "\"a\\\"b\\\\\\n\""},
		{{.kind = FG_KIND_TEXT, .text = "", .len = 0}, -1, "\"\""},
	};
	char mem[100];
	struct fg_buf b;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		fg_buf_wrap(&b, mem, sizeof(mem));
		fg_encode_value(&b, &cases[i].v, cases[i].decimals);
		assert_string_equal(mem, cases[i].want);
	}
}

/* The slow way: the fewest digits that read back to the same float or double. */
static void shortest(char text[40], double v, bool is_float)
{
	for (int digits = is_float ? 6 : 15; digits <= 17; digits++) {
		snprintf(text, 40, "%.*g", digits, v);
		if (is_float ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
			return;
	}
}

static void check_number(enum fg_kind kind, double v, int decimals, const char *want)
{
	const struct fg_value value = {.kind = kind, .f = v};
	char mem[100];
	struct fg_buf b;

	fg_buf_wrap(&b, mem, sizeof(mem));
	fg_encode_value(&b, &value, decimals);
	/* of a float several texts can be the shortest */
	if (kind == FG_KIND_FLOAT && b.len == strlen(want) && strtof(mem, NULL) == (float)v)
		return;
	if (strcmp(mem, want) != 0)
		fail_msg("%.17g of kind %d with %d decimals: %s, expected %s", v, kind, decimals,
			mem, want);
}

/* Values as sensors have them, and any, written the fast way and the slow one. */
static void test_numbers(void **state)
{
	static const double scales[] = {0.1, 0.01, 0.001, 1e-4, 0.25, 1.0 / 3, 1e-6, 3.5e-7, 0.7};
	struct fg_rng rng = {.state = 1};

	(void)state;
	for (int round = 0; round < 40000; round++) {
		int64_t whole = (int64_t)fg_rng_below(&rng, UINT64_C(1) << (1 + round % 40));
		double v = (double)(round & 1 ? whole : -whole) * scales[round % 9];
		char text[40];
		size_t len;

		if (v == trunc(v) || fabs(v) < 1e-3) /* whole ones have no fraction to search */
			continue;
		snprintf(text, sizeof(text), "%.15g", v);
		check_number(FG_KIND_DECIMAL, v, -1, text);
		shortest(text, v, false);
		check_number(FG_KIND_DOUBLE, v, -1, text);
		if ((double)(float)v != trunc((double)(float)v)) {
			shortest(text, (double)(float)v, true);
			check_number(FG_KIND_FLOAT, (double)(float)v, -1, text);
		}
		len = (size_t)snprintf(text, sizeof(text), "%.3f", v);
		while (text[len - 1] == '0')
			text[--len] = '\0';
		if (text[len - 1] == '.')
			text[--len] = '\0';
		check_number(FG_KIND_DOUBLE, v, 3, strcmp(text, "-0") == 0 ? "0" : text);
	}
}

static void check_valid(const char *json, size_t len)
{
	cJSON *doc = cJSON_ParseWithLengthOpts(json, len + 1, NULL, true);

	assert_non_null(doc);
	assert_true(cJSON_IsObject(doc));
	assert_non_null(cJSON_GetObjectItemCaseSensitive(doc, "qc"));
	cJSON_Delete(doc);
	for (size_t i = 0; i < len;) {
		size_t n = fg_utf8_char((const unsigned char *)json + i, len - i);

		assert_true(n > 0);
		assert_true((unsigned char)json[i] >= 0x20);
		i += n;
	}
}

/* Any bytes, in the value and in what a damaged store could give back as a name. */
static void test_hostile(void **state)
{
	struct fg_rng rng = {.state = 42};

	(void)state;
	for (int round = 0; round < 3000; round++) {
		char text[40], name[20], mem[2000];
		struct fg_point_desc desc = probe;
		struct fg_item item;
		struct fg_buf b;
		size_t len = fg_rng_next(&rng) % sizeof(text);

		for (size_t i = 0; i < len; i++)
			text[i] = (char)(fg_rng_next(&rng) % (round % 2 ? 256 : 64));
		for (size_t i = 0; i < sizeof(name); i++)
			name[i] = (char)(1 + fg_rng_next(&rng) % 255);
		name[fg_rng_next(&rng) % sizeof(name)] = '\0';
		name[sizeof(name) - 1] = '\0';
		desc.station = desc.point = desc.unit = name;
		item = item_of(
			(struct fg_value){.kind = FG_KIND_TEXT, .text = text, .len = (uint32_t)len},
			FG_QC_NOT_EVALUATED);
		fg_buf_wrap(&b, mem, sizeof(mem));
		assert_true(fg_encode_json(&b, "gw", &desc, &item));
		check_valid(mem, b.len);
	}
}

static void test_topics(void **state)
{
	char mem[100];
	struct fg_buf b;

	(void)state;
	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_topic_reading(&b, "drammen", &probe));
	assert_string_equal(mem, "drammen/obs/bathing/bragernes/water_temperature");
	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_topic_gateway(&b, "drammen", "drammen-01", "devices/weir-sonde"));
	assert_string_equal(mem, "drammen/gateways/drammen-01/devices/weir-sonde");
	fg_buf_wrap(&b, mem, 20);
	assert_false(fg_topic_reading(&b, "drammen", &probe));
}

static void test_table(void **state)
{
	bool text = false;

	(void)state;
	assert_string_equal(fg_encoder_names[FG_ENCODER_json], "json");
	assert_string_equal(
		fg_encoders[FG_ENCODER_json]->content_type(NULL, &text), "application/json");
	assert_true(text);
}

/* What does not fit leaves nothing behind. */
static void check_item(const struct fg_item *item, const char *want)
{
	char mem[700];
	struct fg_buf b;

	fg_buf_wrap(&b, mem, sizeof(mem));
	assert_true(fg_encode_item(&b, "drammen-01", &probe, item));
	assert_string_equal(mem, want);
	for (size_t cap = 0; cap <= strlen(want); cap++) {
		fg_buf_wrap(&b, mem, cap);
		assert_false(fg_encode_item(&b, "drammen-01", &probe, item));
		assert_int_equal(b.len, 0);
	}
}

#define ENTRY                                                                                      \
	"{\"v\":1,\"id\":\"drammen-01:17\",\"gateway\":\"drammen-01\","                            \
	"\"station\":\"bragernes\",\"device\":\"bathing-probe\","

static void test_gap(void **state)
{
	struct fg_gap gap = {.from_ms = NOON, .to_ms = NOON + 120000, .count = 3};
	struct fg_item item = {.seq = 17, .kind = FG_ITEM_GAP, .gap = &gap,
		.qc = FG_QC_MISSING, .reason = FG_REASON_EXCEPTION, .detail = 2};

	(void)state;
	check_item(&item, ENTRY "\"point\":\"water_temperature\","
		"\"from\":\"2026-07-01T12:00:00.000Z\",\"to\":\"2026-07-01T12:02:00.000Z\","
		"\"count\":3,\"reason\":\"exception:2\"}");
	gap.step_ms = 600000;
	gap.estimated = true;
	item.reason = FG_REASON_THINNED;
	check_item(&item, ENTRY "\"point\":\"water_temperature\","
		"\"from\":\"2026-07-01T12:00:00.000Z\",\"to\":\"2026-07-01T12:02:00.000Z\","
		"\"count\":3,\"reason\":\"thinned\",\"step\":600,\"estimated\":true}");
	item.gap = NULL; /* no memory was found for its copy */
	assert_false(fg_encode_item(&(struct fg_buf){0}, "g", &probe, &item));
}

static void test_account(void **state)
{
	const struct fg_point_desc ph = {.point = "ph"};
	struct fg_account_line lines[] = {
		{.desc = &ph, .scheduled = 6, .sent = 4, .suppressed = 1, .missing = 1},
		{.desc = NULL, .scheduled = 9, .sent = 9},
		{.desc = &probe, .scheduled = 60, .sent = 60}};
	const struct fg_account account = {.from_ms = NOON, .to_ms = NOON + 3600000,
		.count = FG_COUNT(lines), .lines = lines};
	struct fg_item item = {.seq = 17, .kind = FG_ITEM_ACCOUNT, .account = &account};

	(void)state;
	check_item(&item, ENTRY
		"\"from\":\"2026-07-01T12:00:00.000Z\",\"to\":\"2026-07-01T13:00:00.000Z\","
		"\"points\":{\"ph\":{\"scheduled\":6,\"sent\":4,\"suppressed\":1,\"missing\":1},"
		"\"water_temperature\":{\"scheduled\":60,\"sent\":60,\"suppressed\":0,"
		"\"missing\":0}}}");
	lines[0].desc = lines[2].desc = NULL;
	assert_false(fg_encode_item(&(struct fg_buf){0}, "g", &probe, &item));
}

static void test_topics_of_items(void **state)
{
	static const char *const want[] = {
		[FG_ITEM_READING] = ("t/obs/bathing/bragernes/"
				     "water_temperature"),
		[FG_ITEM_GAP] = "t/gateways/gw/gaps", [FG_ITEM_ACCOUNT] = "t/gateways/gw/account"};

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		const struct fg_item item = {.kind = (enum fg_item_kind)k};
		char mem[100];
		struct fg_buf b;

		fg_buf_wrap(&b, mem, sizeof(mem));
		assert_true(fg_topic_item(&b, "t", "gw", &probe, &item));
		assert_string_equal(mem, want[k]);
		fg_buf_wrap(&b, mem, 10);
		assert_false(fg_topic_item(&b, "t", "gw", &probe, &item));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_topics_of_items),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_circumstances),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_aggregate),
		cmocka_unit_test(test_aggregate_names),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
