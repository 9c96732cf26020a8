/* SPDX-License-Identifier: EUPL-1.2 */
/* The class of a station: the worst of its pollutants, whose it is, and what is missing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/status.h"
#include "quality/classes.h"

static struct fg_classed memory[5];
static struct fg_classes classes;
static struct fg_period_ask ask;
static struct fg_period_answer out;

static int begin(void **state)
{
	(void)state;
	classes = (struct fg_classes){.items = memory, .cap = 5};
	ask = (struct fg_period_ask){.from_ms = 1000, .index = fg_air_index_find("eaqi_2024")};
	return 0;
}

static void told(uint32_t series, uint64_t seq, const char *pollutant, unsigned class,
	enum fg_qc qc)
{
	struct fg_aggregate a = {.index = (uint8_t)class};
	const struct fg_item item = {.point = series, .seq = seq, .qc = qc, .aggregate = &a};

	snprintf(a.scheme, sizeof(a.scheme), "%s", class ? ask.index->scheme : "");
	snprintf(a.version, sizeof(a.version), "%s", class ? ask.index->version : "");
	assert_int_equal(fg_classes_add(&classes, ask.index, &item, pollutant), FG_OK);
}

static void expect(unsigned class, const char *key, const char *by, unsigned count)
{
	fg_classes_worst(&classes, &ask, 3, &out);
	assert_int_equal(out.a.index, class);
	assert_string_equal(out.a.key, key);
	assert_string_equal(out.a.by, by);
	assert_int_equal(out.a.expected, 3);
	assert_int_equal(out.a.count, count);
	assert_int_equal(out.a.missing, 3 - count);
	assert_int_equal(out.a.from_ms, 1000);
	assert_int_equal(isnan(out.value), class == 0);
	if (class)
		assert_true(out.value == class);
}

static void the_worst_decides(void **state)
{
	(void)state;
	told(1, 10, "no2", 2, FG_QC_PASS);
	expect(2, "fair", "no2", 1);
	told(2, 11, "pm10", 4, FG_QC_PASS);
	told(3, 12, "o3", 1, FG_QC_PASS);
	expect(4, "poor", "pm10", 3);
	assert_int_equal(out.qc, FG_QC_PASS);
	assert_string_equal(out.a.scheme, "eaqi");
	assert_string_equal(out.a.version, "2024");
	told(1, 20, "no2", 6, FG_QC_PASS); /* the last that there is */
	expect(6, "extremely_poor", "no2", 3);
}

static void several_may_decide(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		told(i, i, ask.index->limits[i].pollutant, 3, FG_QC_PASS);
	fg_classes_worst(&classes, &ask, 5, &out);
	assert_string_equal(out.a.by, "pm25 pm10 no2 o3 so2");
	assert_int_equal(out.a.missing, 0);
	assert_int_equal(fg_classes_add(&classes, ask.index,
				 &(struct fg_item){.point = 9,
					 .aggregate = &(struct fg_aggregate){0}},
				 "no2"),
		FG_EFULL);
}

static void two_sensors_of_one_are_one(void **state)
{
	(void)state;
	told(1, 10, "pm25", 2, FG_QC_PASS);
	told(2, 11, "pm25", 3, FG_QC_PASS);
	told(3, 12, "pm10", 3, FG_QC_PASS);
	expect(3, "moderate", "pm25 pm10", 2);
}

static void the_largest_number_counts(void **state)
{
	(void)state;
	told(1, 20, "no2", 2, FG_QC_PASS);
	told(1, 10, "no2", 5, FG_QC_PASS); /* older */
	expect(2, "fair", "no2", 1);
	told(1, 30, "no2", 0, FG_QC_MISSING); /* too little was left of it */
	expect(0, "", "", 0);
	assert_int_equal(out.qc, FG_QC_MISSING);
}

static void what_was_not_judged(void **state)
{
	(void)state;
	told(1, 10, "no2", 2, FG_QC_NOT_EVALUATED);
	told(2, 11, "pm10", 4, FG_QC_PASS);
	expect(4, "poor", "pm10", 2);
	assert_int_equal(out.qc, FG_QC_NOT_EVALUATED);
}

static void another_index_is_none(void **state)
{
	struct fg_aggregate a = {.index = 6, .scheme = "eaqi", .version = "2017"};
	const struct fg_item item = {.point = 4, .seq = 14, .qc = FG_QC_PASS, .aggregate = &a};

	(void)state;
	told(1, 10, "no2", 3, FG_QC_PASS);
	assert_int_equal(fg_classes_add(&classes, ask.index, &item, "pm25"), FG_OK);
	expect(3, "moderate", "no2", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_worst_decides, begin),
		cmocka_unit_test_setup(several_may_decide, begin),
		cmocka_unit_test_setup(two_sensors_of_one_are_one, begin),
		cmocka_unit_test_setup(the_largest_number_counts, begin),
		cmocka_unit_test_setup(what_was_not_judged, begin),
		cmocka_unit_test_setup(another_index_is_none, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
