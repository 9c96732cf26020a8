/* SPDX-License-Identifier: EUPL-1.2 */
/* Change and alarms as pure functions. */
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <math.h>

#include <cmocka.h>

#include "quality/events.h"

#define SEC INT64_C(1000000)

static struct fg_value number(double v, enum fg_kind kind)
{
	return (struct fg_value){.kind = kind, .f = v};
}

static bool differs(struct fg_value a, struct fg_value b, double by)
{
	const struct fg_told_value told = fg_told_value(&a);

	return fg_value_changed(&told, &b, by);
}

static void test_numbers_change_by_at_least(void **state)
{
	const enum fg_kind d = FG_KIND_DECIMAL, f = FG_KIND_FLOAT;

	(void)state;
	/* 19.4 - 19.3 is less than 0.1 in binary, in float even more so */
	assert_true(differs(number(19.3, d), number(19.4, d), 0.1));
	assert_true(differs(number(19.4, d), number(19.3, d), 0.1));
	assert_true(differs(number((double)19.3f, f), number((double)19.4f, f), 0.1));
	assert_true(differs(number((double)19.5f, f), number((double)19.4f, f), 0.1));
	assert_false(differs(number(19.3, d), number(19.39, d), 0.1));
	assert_false(differs(number((double)19.3f, f), number((double)19.39f, f), 0.1));
	assert_false(differs(number(19.3, d), number(19.3, d), 0.1));
	/* a float on one side alone */
	assert_true(differs(number((double)19.4f, f), number(19.3, d), 0.1));
	assert_true(differs(number(19.3, d), number((double)19.4f, f), 0.1));
	assert_false(differs(number(19.3, d), number(19.39, d), 0.090001));
	/* as much as rounding can have taken, and no more */
	assert_true(differs(number(0, d), number(1, d), 1 + 4 * DBL_EPSILON));
	assert_false(differs(number(0, d), number(1, d), 1 + 5 * DBL_EPSILON));
	/* any change */
	assert_true(differs(number(1, d), number(nextafter(1, 2), d), 0));
	assert_false(differs(number(1, d), number(1, d), 0));
	/* no change is none, however small the threshold */
	assert_false(differs(number(1e9, d), number(1e9, d), 1e-9));
	assert_true(differs(number(-0.05, d), number(0.05, d), 0.1));
}

static void test_whole_numbers_keep_their_digits(void **state)
{
	struct fg_value a = {.kind = FG_KIND_INT, .i = INT64_MAX - 1}, b = a;

	(void)state;
	assert_false(differs(a, b, 0));
	b.i++; /* the same double */
	assert_true(differs(a, b, 0));
	b = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = 7};
	a.i = 7;
	assert_false(differs(a, b, 0));
	assert_false(differs(a, b, 1));
}

static void test_texts_and_booleans(void **state)
{
	struct fg_value yes = {.kind = FG_KIND_BOOL, .b = true}, no = {.kind = FG_KIND_BOOL};
	struct fg_value open = {.kind = FG_KIND_TEXT, .text = "open", .len = 4};
	struct fg_value shut = {.kind = FG_KIND_TEXT, .text = "shut", .len = 4};
	struct fg_value none = {.kind = FG_KIND_NONE};
	struct fg_value a = {.kind = FG_KIND_TEXT, .text = "a", .len = 1};
	struct fg_value foobar = {.kind = FG_KIND_TEXT, .text = "foobar", .len = 6};

	(void)state;
	assert_true(differs(yes, no, 5));
	assert_false(differs(yes, yes, 0));
	assert_true(differs(open, shut, 5));
	assert_false(differs(open, open, 0));
	open.len = 3;
	assert_true(differs(shut, open, 0));
	/* FNV-1a's printed values */
	assert_int_equal(fg_told_value(&a).hash, UINT64_C(0xaf63dc4c8601ec8c) ^ 1);
	assert_int_equal(fg_told_value(&foobar).hash, UINT64_C(0x85944171f73967e8) ^ 6);
	assert_true(differs(none, yes, 0));
	assert_true(differs(number(1, FG_KIND_DOUBLE), yes, 0));
	assert_false(differs(none, none, 0));
}

static void test_a_level_with_hysteresis(void **state)
{
	const struct fg_alarm_conf conf = {.on = true, .above = 25, .below = 0, .rate = NAN,
		.hysteresis = 0.5};
	static const struct {
		double v;
		enum fg_alarm holds;
	} steps[] = {{25, FG_ALARM_NONE}, {25.1, FG_ALARM_ABOVE}, {24.6, FG_ALARM_ABOVE},
		{24.5, FG_ALARM_NONE}, {24.9, FG_ALARM_NONE}, {26, FG_ALARM_ABOVE},
		{-1, FG_ALARM_BELOW}, {0.4, FG_ALARM_BELOW}, {0.5, FG_ALARM_NONE},
		{0, FG_ALARM_NONE}, {-0.01, FG_ALARM_BELOW}, {30, FG_ALARM_ABOVE}};
	struct fg_alarm_state s = {.holds = FG_ALARM_NONE};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_int_equal(fg_alarm_judge(&conf, &s, steps[i].v, (int64_t)i * SEC, SEC),
			steps[i].holds);
}

static void test_a_rate_ends_when_it_is_calm(void **state)
{
	const struct fg_alarm_conf conf = {.on = true, .above = NAN, .below = NAN, .rate = 0.1};
	struct fg_alarm_state s = {.holds = FG_ALARM_NONE};
	const int64_t calm = 60 * SEC;

	(void)state;
	assert_int_equal(fg_alarm_judge(&conf, &s, 10, 0, calm), FG_ALARM_NONE);
	assert_int_equal(fg_alarm_judge(&conf, &s, 16, 60 * SEC, calm), FG_ALARM_NONE);
	assert_int_equal(fg_alarm_judge(&conf, &s, 9.9, 120 * SEC, calm), FG_ALARM_RATE);
	/* the same time again says nothing of a rate */
	assert_int_equal(fg_alarm_judge(&conf, &s, 50, 120 * SEC, calm), FG_ALARM_RATE);
	for (int64_t t = 121; t < 180; t++)
		assert_int_equal(fg_alarm_judge(&conf, &s, 9.9, t * SEC, calm), FG_ALARM_RATE);
	assert_int_equal(fg_alarm_judge(&conf, &s, 9.9, 180 * SEC, calm), FG_ALARM_NONE);
	assert_int_equal(fg_alarm_judge(&conf, &s, 10.1, 181 * SEC, calm), FG_ALARM_RATE);
}

/* Two readings of one time have no rate, though they differ. */
static void test_one_time_has_no_rate(void **state)
{
	const struct fg_alarm_conf conf = {.on = true, .above = NAN, .below = NAN, .rate = 0.1};
	struct fg_alarm_state s = {.holds = FG_ALARM_NONE};

	(void)state;
	fg_alarm_judge(&conf, &s, 10, 5 * SEC, 60 * SEC);
	assert_int_equal(fg_alarm_judge(&conf, &s, 20, 5 * SEC, 60 * SEC), FG_ALARM_NONE);
}

/* A level goes before a rate; what is left of the rate comes back after it. */
static void test_a_level_goes_before_a_rate(void **state)
{
	const struct fg_alarm_conf conf = {.on = true, .above = 20, .below = NAN, .rate = 1};
	struct fg_alarm_state s = {.holds = FG_ALARM_NONE};

	(void)state;
	fg_alarm_judge(&conf, &s, 10, 0, 60 * SEC);
	assert_int_equal(fg_alarm_judge(&conf, &s, 21, SEC, 60 * SEC), FG_ALARM_ABOVE);
	assert_int_equal(fg_alarm_judge(&conf, &s, 19.5, 2 * SEC, 60 * SEC), FG_ALARM_RATE);
	assert_int_equal(fg_alarm_judge(&conf, &s, 19.5, 100 * SEC, 60 * SEC), FG_ALARM_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_change_by_at_least),
		cmocka_unit_test(test_whole_numbers_keep_their_digits),
		cmocka_unit_test(test_texts_and_booleans),
		cmocka_unit_test(test_a_level_with_hysteresis),
		cmocka_unit_test(test_a_rate_ends_when_it_is_calm),
		cmocka_unit_test(test_one_time_has_no_rate),
		cmocka_unit_test(test_a_level_goes_before_a_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
