/* SPDX-License-Identifier: EUPL-1.2 */
/* Rules over points of a station: their limits, what is not judged, and a probe that lies dry. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "quality/rules.h"

#define PASS	FG_QC_PASS
#define SUSPECT FG_QC_SUSPECT
#define NONE	FG_QC_NOT_EVALUATED
#define MINUTE	INT64_C(60000000)

static void two_of_one_property(void **state)
{
	static const struct {
		double a, b, tolerance, percent;
		enum fg_qc qc;
	} cases[] = {
		{10, 10.5, 0.5, 0, PASS}, {10.5, 10, 0.5, 0, PASS}, {10, 10.6, 0.5, 0, SUSPECT},
		{10.6, 10, 0.5, 0, SUSPECT}, {-10, 10, 19, 0, SUSPECT}, {100, 120, 1, 20, PASS},
		{100, 130, 1, 20, SUSPECT}, {100, 130, 30, 20, PASS}, {-100, -120, 1, 20, PASS},
		{1, 1.5, 0.5, 20, PASS}, {100, 125, 1, 20, PASS}, {100, 125.2, 1, 20, SUSPECT},
		{NAN, 1, 1, 0, NONE}, {1, NAN, 1, 0, NONE},
		{INFINITY, 1, 1, 0, NONE}, {1, -INFINITY, 1, 0, NONE},
		{5e-324, 0, 0, 0, SUSPECT},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_int_equal(fg_rule_disagree(cases[i].a, cases[i].b, cases[i].tolerance,
					 cases[i].percent),
			cases[i].qc);
}

static void one_above_the_other(void **state)
{
	(void)state;
	assert_int_equal(fg_rule_order(10, 10, 0), PASS);
	assert_int_equal(fg_rule_order(9, 10, 0), PASS);
	assert_int_equal(fg_rule_order(10.1, 10, 0), SUSPECT);
	assert_int_equal(fg_rule_order(10.5, 10, 0.5), PASS);
	assert_int_equal(fg_rule_order(10.6, 10, 0.5), SUSPECT);
	assert_int_equal(fg_rule_order(NAN, 10, 0), NONE);
	assert_int_equal(fg_rule_order(10, NAN, 0), NONE);
	assert_int_equal(fg_rule_order(INFINITY, 10, 0), NONE);
}

static void bounds(void **state)
{
	(void)state;
	assert_int_equal(fg_rule_bounds(150, NAN, 150), PASS);
	assert_int_equal(fg_rule_bounds(150.1, NAN, 150), SUSPECT);
	assert_int_equal(fg_rule_bounds(-5, NAN, 150), PASS);
	assert_int_equal(fg_rule_bounds(1, 1, NAN), PASS);
	assert_int_equal(fg_rule_bounds(0.9, 1, NAN), SUSPECT);
	assert_int_equal(fg_rule_bounds(NAN, 1, 2), NONE);
}

static const struct fg_water_limits limits = {.slot_us = 10 * MINUTE, .slots = 36,
	.correlation = 0.9, .ratio = 0.5, .spread = 1};

/* A summer's day: air from 12 to 22 degrees; the probe shows its share of that. */
static enum fg_qc day(struct fg_water_window *w, double share, double noise, int64_t minutes,
	int64_t step)
{
	struct fg_rng rng = {7};
	enum fg_qc qc = NONE;

	for (int64_t m = 0; m < minutes; m += step) {
		double air = 17 + 5 * sin((double)m / 1440 * 6.283185307179586);
		double random = (double)fg_rng_below(&rng, 1000) / 500 - 1;

		qc = fg_rule_out_of_water(
			w, &limits, m * MINUTE, 16 + share * (air - 17) + noise * random, air);
	}
	return qc;
}

static void a_probe_out_of_the_water(void **state)
{
	struct fg_water_window w = {0};

	(void)state;
	assert_int_equal(day(&w, 1, 0.1, 720, 1), SUSPECT); /* it lies in the air */
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, 1, 0.1, 720, 10), SUSPECT); /* one reading a slot */
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, 0.6, 0.1, 720, 1), SUSPECT); /* in shadow */
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, 0.52, 0, 720, 10), SUSPECT); /* by just over a half */
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, 0.48, 0, 720, 10), PASS);
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, 0.2, 0.05, 720, 1), PASS); /* shallow water follows a little */
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, 0, 0.1, 720, 1), PASS); /* water */
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, 0, 0, 720, 1), PASS); /* not even noise */
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, 0, 8, 720, 10), PASS); /* noise is not air */
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, -1, 0, 720, 10), PASS); /* nor its contrary */
}

static void what_a_window_needs(void **state)
{
	struct fg_water_window w = {0};

	(void)state;
	/* 27 of 36 slots */
	assert_int_equal(day(&w, 1, 0, 260, 10), NONE);
	w = (struct fg_water_window){0};
	assert_int_equal(day(&w, 1, 0, 270, 10), SUSPECT);
	/* what is no number is not judged, and spoils nothing */
	assert_int_equal(fg_rule_out_of_water(&w, &limits, 270 * MINUTE, NAN, 17), NONE);
	assert_int_equal(fg_rule_out_of_water(&w, &limits, 270 * MINUTE, 16, INFINITY), NONE);
	assert_int_equal(fg_rule_out_of_water(&w, &limits, 270 * MINUTE, 18, 19), SUSPECT);
	/* what is older than the window does not count */
	assert_int_equal(fg_rule_out_of_water(&w, &limits, 100000 * MINUTE, 1, 1), NONE);
	/* a pair that is older than the window, or no number */
	assert_int_equal(fg_rule_out_of_water(&w, &limits, 10 * MINUTE, 1, 1), NONE);
	assert_int_equal(fg_rule_out_of_water(&w, &limits, 100000 * MINUTE, NAN, 1), NONE);
	assert_int_equal(fg_rule_out_of_water(&w, &limits, 100000 * MINUTE, 1, INFINITY), NONE);
	assert_int_equal(fg_rule_out_of_water(&w, &limits, -1, 1, 1), NONE);
	/* air that stands still says nothing */
	w = (struct fg_water_window){0};
	for (int64_t m = 0; m < 720; m += 10)
		assert_int_equal(fg_rule_out_of_water(&w, &limits, m * MINUTE,
					 16 + (double)(m % 20) / 20, 17 + (double)(m % 20) / 20),
			NONE);
}

/* A window of as many slots as there may be, in which air and probe go up and down by exactly what
 * is a limit. */
static void limits_themselves(void **state)
{
	static const double slack[] = {0, 1e-9};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		const struct fg_water_limits at = {.slot_us = MINUTE, .slots = FG_WINDOW_SLOTS,
			.correlation = 1 + slack[i & 1], .ratio = 1 + slack[i >> 1 & 1],
			.spread = 1 + slack[i >> 2 & 1]};
		struct fg_water_window w = {0};
		enum fg_qc qc = NONE;

		for (int m = 0; m < FG_WINDOW_SLOTS; m++)
			qc = fg_rule_out_of_water(
				&w, &at, m * MINUTE, 16 + m % 2 * 2, 17 + m % 2 * 2);
		assert_int_equal(qc, i == 0 ? SUSPECT : i < 4 ? PASS : NONE);
	}
}

static void rules_by_kind(void **state)
{
	static const struct {
		enum fg_rule_kind kind;
		double values[2];
		enum fg_qc qc;
	} cases[] = {
		{FG_RULE_DISAGREE, {10, 0.010}, PASS}, {FG_RULE_DISAGREE, {10, 0.012}, SUSPECT},
		{FG_RULE_ORDER, {10, 0.009}, PASS}, {FG_RULE_ORDER, {10, 0.008}, SUSPECT},
		{FG_RULE_DISAGREE, {10, NAN}, NONE},
	};
	struct fg_rule rule = {.point_count = 2, .scale = 1000, .tolerance = 1, .low = 3,
		.high = 5};
	struct fg_water_window w = {0};
	double v = 5;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		rule.kind = cases[i].kind;
		assert_int_equal(fg_rule_judge(&rule, cases[i].values, NULL, 0), cases[i].qc);
		assert_true(fg_rule_judges(&rule, 1));
	}
	rule.offset = 0.5;
	rule.kind = FG_RULE_DISAGREE;
	assert_int_equal(fg_rule_judge(&rule, (const double[]){11.5, 0.010}, NULL, 0), PASS);
	rule.kind = FG_RULE_BOUNDS;
	rule.point_count = 1;
	assert_int_equal(fg_rule_judge(&rule, &v, NULL, 0), PASS);
	v = 2;
	assert_int_equal(fg_rule_judge(&rule, &v, NULL, 0), SUSPECT);
	rule.kind = FG_RULE_OUT_OF_WATER;
	rule.point_count = 2;
	rule.scale = 1;
	rule.water = limits;
	for (int m = 0; m < 720; m += 10) { /* the first is the probe: it stands still */
		const double pair[] = {16, 10 + m / 60};

		assert_int_equal(fg_rule_judge(&rule, pair, &w, m * MINUTE), m < 260 ? NONE : PASS);
	}
	assert_true(fg_rule_judges(&rule, 0));
	assert_false(fg_rule_judges(&rule, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_of_one_property),
		cmocka_unit_test(one_above_the_other),
		cmocka_unit_test(bounds),
		cmocka_unit_test(a_probe_out_of_the_water),
		cmocka_unit_test(what_a_window_needs),
		cmocka_unit_test(limits_themselves),
		cmocka_unit_test(rules_by_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
