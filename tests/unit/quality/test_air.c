/* SPDX-License-Identifier: EUPL-1.2 */
/* Means and classes of air quality where the conformance cases do not go: long days, late readings,
 * tables that are complete, and numbers that no instrument should send. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "quality/air.h"

#define GOOD FG_ACCEPT(FG_QC_PASS)

static void what_a_mean_has_seen(void **state)
{
	struct fg_mean m = {0};

	(void)state;
	assert_true(isnan(fg_mean_of(&m, 4, 0.75)));
	fg_mean_add(&m, 5, FG_QC_PASS, GOOD);
	fg_mean_add(&m, 900, FG_QC_FAIL, GOOD);
	fg_mean_add(&m, 800, FG_QC_SUSPECT, GOOD);
	fg_mean_add(&m, NAN, FG_QC_PASS, GOOD);
	fg_mean_add(&m, -INFINITY, FG_QC_PASS, GOOD);
	fg_mean_add(&m, -2, FG_QC_PASS, GOOD);
	assert_true(isnan(fg_mean_of(&m, 4, 0.75)));
	fg_mean_add(&m, 9, FG_QC_SUSPECT, GOOD | FG_ACCEPT(FG_QC_SUSPECT));
	assert_true(fg_mean_of(&m, 4, 0.75) == 4);
	assert_true(isnan(fg_mean_of(&m, 4.001, 0.75)));
	assert_int_equal(m.count, 3);
	assert_int_equal(m.excluded, 4);
	assert_true(m.low == -2 && m.high == 9);
}

/* A late reading is added to the stored hour: the mean is the one of all in their order. */
static void the_order_does_not_show(void **state)
{
	static const double values[] = {1e16, 3, -1e16, 0.1, 5, 0.3, 7e15, -7e15};
	struct fg_mean forward = {0}, backward = {0};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(values); i++) {
		fg_mean_add(&forward, values[i], FG_QC_PASS, GOOD);
		fg_mean_add(&backward, values[FG_COUNT(values) - 1 - i], FG_QC_PASS, GOOD);
	}
	assert_true(fabs(fg_mean_of(&forward, 8, 1) - 1.05) < 1e-12);
	assert_true(fg_mean_of(&forward, 8, 1) == fg_mean_of(&backward, 8, 1));
	forward = (struct fg_mean){0};
	fg_mean_add(&forward, DBL_MAX, FG_QC_PASS, GOOD);
	fg_mean_add(&forward, DBL_MAX, FG_QC_PASS, GOOD);
	assert_true(isnan(fg_mean_of(&forward, 2, 1)));
}

/* On the days on which summer time begins and ends a day has 23 and 25 hours. */
static void days_of_other_lengths(void **state)
{
	double hourly[60];
	struct fg_day d;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(hourly); i++)
		hourly[i] = (double)i;
	d = fg_day_mean(hourly, FG_COUNT(hourly), 10, 23, 18);
	assert_true(d.valid == 23 && d.value == 21);
	d = fg_day_mean(hourly, FG_COUNT(hourly), 10, 25, 18);
	assert_true(d.valid == 25 && d.value == 22);
	d = fg_day_max_8h(hourly, FG_COUNT(hourly), 10, 25, 18, 6);
	assert_true(d.valid == 25 && d.value == 30.5); /* 27..34 */
	d = fg_day_max_8h(hourly, FG_COUNT(hourly), -12, 24, 6, 6);
	assert_true(d.valid == 7 && d.value == 7.5); /* windows of 0..5, 0..6, … 4..11 */
	d = fg_day_mean(hourly, FG_COUNT(hourly), 55, 24, 6);
	assert_true(d.valid == 5 && isnan(d.value));
	d = fg_day_mean(hourly, FG_COUNT(hourly), INT64_C(1) << 40, 24, 1);
	assert_true(d.valid == 0 && isnan(d.value));
	d = fg_day_mean(NULL, 0, 0, 24, 0);
	assert_true(d.valid == 0 && isnan(d.value));
}

static void running_means_of_nothing(void **state)
{
	double one = 4, ret = 0;

	(void)state;
	fg_running_mean(NULL, 0, 8, 6, NULL);
	fg_running_mean(&one, 1, 8, 1, &ret);
	assert_true(ret == 4);
	fg_running_mean(&one, 1, 8, 2, &ret);
	assert_true(isnan(ret));
}

/* Every table: bounds that rise, a source for each, labels for all classes, names of their own. */
static void tables_are_complete(void **state)
{
	static const char *const pollutants[] = {"pm25", "pm10", "no2", "o3", "so2"};
	const struct fg_air_index *index;
	size_t n = 0;

	(void)state;
	for (; (index = fg_air_index_at(n)) != NULL; n++) {
		assert_ptr_equal(fg_air_index_find(index->name), index);
		assert_true(index->classes >= 2 && index->classes <= FG_AIR_BOUNDS + 1);
		assert_true(
			strlen(index->scheme) && strlen(index->version) && strlen(index->title));
		for (size_t i = 0; i < FG_COUNT(pollutants); i++) {
			const struct fg_air_limits *l = fg_air_limits_find(index, pollutants[i]);

			assert_non_null(l);
			assert_true(l->mean_hours == 1 || l->mean_hours == 24);
			assert_true(strlen(l->source) > 20);
			for (unsigned k = 0; k + 1 < index->classes; k++)
				assert_true(l->bounds[k] > (k ? l->bounds[k - 1] : 0));
		}
		for (unsigned k = 0; k < index->classes; k++) {
			assert_true(strlen(index->keys[k]) && strlen(index->labels[k]));
			assert_null(strchr(index->keys[k], ' '));
		}
		assert_null(fg_air_limits_find(index, "co"));
	}
	assert_int_equal(n, 3);
	assert_null(fg_air_index_find("eaqi"));
}

/* The bounds as they are printed, once more: whoever changes a number changes it twice. */
static void the_printed_bounds(void **state)
{
	static const struct {
		const char *index, *pollutant;
		double bounds[FG_AIR_BOUNDS];
	} printed[] = {
		{"eaqi_2024", "pm25", {5, 15, 50, 90, 140}},
		{"eaqi_2024", "pm10", {15, 45, 120, 195, 270}},
		{"eaqi_2024", "no2", {10, 25, 60, 100, 150}},
		{"eaqi_2024", "o3", {60, 100, 120, 160, 180}},
		{"eaqi_2024", "so2", {20, 40, 125, 190, 275}},
		{"eaqi_2017", "pm25", {10, 20, 25, 50, 75}},
		{"eaqi_2017", "pm10", {20, 40, 50, 100, 150}},
		{"eaqi_2017", "no2", {40, 90, 120, 230, 340}},
		{"eaqi_2017", "o3", {50, 100, 130, 240, 380}},
		{"eaqi_2017", "so2", {100, 200, 350, 500, 750}},
		{"no_hourly", "pm25", {30, 50, 150}},
		{"no_hourly", "pm10", {60, 120, 400}},
		{"no_hourly", "no2", {100, 200, 400}},
		{"no_hourly", "o3", {100, 180, 240}},
		{"no_hourly", "so2", {100, 350, 500}},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(printed); i++) {
		const struct fg_air_limits *l = fg_air_limits_find(
			fg_air_index_find(printed[i].index), printed[i].pollutant);

		for (size_t k = 0; k < FG_AIR_BOUNDS; k++)
			assert_true(l->bounds[k] == printed[i].bounds[k]);
		assert_int_equal(l->mean_hours,
			strcmp(printed[i].index, "eaqi_2017") == 0 && printed[i].pollutant[0] == 'p'
				? 24
				: 1);
	}
}

/* Each class has its own value just below, at and just above each bound. */
static void every_bound(void **state)
{
	const struct fg_air_index *index;

	(void)state;
	for (size_t n = 0; (index = fg_air_index_at(n)) != NULL; n++) {
		for (size_t i = 0; i < index->limit_count; i++) {
			const struct fg_air_limits *l = &index->limits[i];

			for (unsigned k = 0; k + 1 < index->classes; k++) {
				double b = l->bounds[k];

				assert_int_equal(fg_air_class(index, l, nextafter(b, 0)), k + 1);
				assert_int_equal(
					fg_air_class(index, l, b), k + 1 + index->bound_is_worse);
				assert_int_equal(fg_air_class(index, l, nextafter(b, 1e9)), k + 2);
			}
			assert_int_equal(fg_air_class(index, l, -5), 1);
			assert_int_equal(fg_air_class(index, l, DBL_MAX), index->classes);
			assert_int_equal(fg_air_class(index, l, NAN), 0);
			assert_int_equal(fg_air_class(index, l, INFINITY), 0);
		}
	}
}

static void the_norwegian_fraction(void **state)
{
	const struct fg_air_index *no = fg_air_index_find("no_hourly");
	const struct fg_air_index *eu = fg_air_index_find("eaqi_2024");
	const struct fg_air_limits *pm25 = fg_air_limits_find(no, "pm25");
	static const double rows[][2] = {{-3, 1}, {0, 1}, {15, 1.5}, {30, 2}, {40, 2.5}, {50, 3},
		{100, 3.5}, {150, 4}, {225, 4.5}, {299.7, 4.998}, {300, 4.999}, {1e9, 4.999}};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++)
		if (!(fabs(fg_air_continuous(no, pm25, rows[i][0]) - rows[i][1]) < 1e-9))
			fail_msg("row %zu: %g", i, fg_air_continuous(no, pm25, rows[i][0]));
	assert_true(isnan(fg_air_continuous(no, pm25, NAN)));
	assert_true(isnan(fg_air_continuous(eu, fg_air_limits_find(eu, "pm25"), 3)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_mean_has_seen),
		cmocka_unit_test(the_order_does_not_show),
		cmocka_unit_test(days_of_other_lengths),
		cmocka_unit_test(running_means_of_nothing),
		cmocka_unit_test(tables_are_complete),
		cmocka_unit_test(the_printed_bounds),
		cmocka_unit_test(every_bound),
		cmocka_unit_test(the_norwegian_fraction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
