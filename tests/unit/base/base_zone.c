/* SPDX-License-Identifier: EUPL-1.2 */
/* Days of local time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/zone.h"

#define H INT64_C(3600000)
#define DAY (24 * H)

/* The length in minutes of the local day around a moment, which it must contain. */
static int minutes(int64_t at_ms)
{
	int64_t from, to, again, end;

	fg_zone_day(at_ms, &from, &to);
	assert_true(from <= at_ms && at_ms < to);
	fg_zone_day(from, &again, &end); /* its first and last moment are of the same day */
	assert_true(again == from && end == to);
	fg_zone_day(to - 1, &again, &end);
	assert_true(again == from && end == to);
	fg_zone_day(to, &again, &end);
	assert_true(again == to);
	return (int)((to - from) / 60000);
}

static void test_days_of_summer_time(void **state)
{
	int64_t from, to;

	(void)state;
	fg_zone_set("Europe/Oslo");
	/* 2026-03-29 00:00 is 2026-03-28T23:00Z; the day ends at 22:00Z */
	fg_zone_day(INT64_C(1774742400000), &from, &to);
	assert_true(from == INT64_C(1774738800000));
	assert_int_equal(to - from, 23 * H);
	/* 2026-10-25 00:00 is 2026-10-24T22:00Z */
	fg_zone_day(INT64_C(1792886400000), &from, &to);
	assert_true(from == INT64_C(1792879200000));
	assert_int_equal(to - from, 25 * H);
	assert_int_equal(minutes(INT64_C(1774742400000) + 2 * DAY), 24 * 60);
}

static void test_each_moment_is_of_one_day(void **state)
{
	/* summer time begins at midnight in Havana, is half an hour in Lord Howe; half hours in
	 * Kolkata; Apia had no 30 December 2011 */
	static const char *const zones[] = {"UTC", "Europe/Oslo", "America/Havana",
		"Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"};

	(void)state;
	for (size_t z = 0; z < sizeof(zones) / sizeof(*zones); z++) {
		fg_zone_set(zones[z]);
		for (int64_t at = INT64_C(1767225600000); at < INT64_C(1798761600000); at += 7 * H)
			assert_in_range(minutes(at + 1234567), 23 * 60, 25 * 60);
	}
	fg_zone_set("Pacific/Apia");
	assert_int_equal(minutes(INT64_C(1325239200000) - 1), 24 * 60);
	assert_int_equal(minutes(INT64_C(1325239200000)), 24 * 60);
}

static void test_zones_change_and_odd_times(void **state)
{
	int64_t from, to;

	(void)state;
	fg_zone_set("Europe/Oslo");
	fg_zone_set("Asia/Kolkata"); /* +05:30 */
	fg_zone_day(INT64_C(1774742400000), &from, &to);
	assert_true(from == INT64_C(1774722600000));
	fg_zone_set("UTC");
	fg_zone_day(-1, &from, &to); /* before 1970 */
	assert_true(from == -DAY && to == 0);
	fg_zone_day(INT64_MAX, &from, &to); /* beyond any calendar */
	assert_true(from == INT64_C(253402300800000) && to == from + DAY);
	fg_zone_day(INT64_MIN, &from, &to);
	assert_true(from < 0 && to == from + DAY);
	fg_zone_set("No/Such");
	fg_zone_day(INT64_C(1774742400000), &from, &to);
	assert_true(from == INT64_C(1774742400000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_days_of_summer_time),
		cmocka_unit_test(test_each_moment_is_of_one_day),
		cmocka_unit_test(test_zones_change_and_odd_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
