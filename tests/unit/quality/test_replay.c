/* SPDX-License-Identifier: EUPL-1.2 */
/* The tests once more over stored readings: the verdicts of the series, spike's at the reading it
 * is on, whatever lies between. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "quality/replay.h"

#define N 300

static const struct fg_climate may = {FG_CALENDAR_MONTH, {5, 5}, {0, 4}, {NAN, NAN}, {NAN, NAN}};

static const struct fg_qc_tests tests = {
	.on = 1u << FG_TEST_SPIKE | 1u << FG_TEST_RATE_OF_CHANGE | 1u << FG_TEST_FLAT_LINE,
	.spike = {FG_SPIKE_AVERAGE, 1, 3},
	.rate = {0.2, 0.5},
	.flat_line = {30, 60, 0.5},
};

static const struct fg_qc_conf conf = {
	.gross_range = {.on = true, .fail = {NAN, NAN}, .suspect = {0, 6}}, .tests = &tests};

static struct fg_sample window[64];

static enum fg_qc get(const struct fg_replay_reading *r, enum fg_test test)
{
	return fg_tests_get(r->tests, test);
}

static void verdicts_are_those_of_the_series(void **state)
{
	static struct fg_replay_reading in[N];
	static struct fg_sample series[N];
	enum fg_qc spike[N], rate[N], flat[N];

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct fg_rng rng = {seed};

		for (size_t i = 0; i < N; i++) {
			uint64_t r = fg_rng_next(&rng);

			series[i] = (struct fg_sample){(int64_t)i * 10000,
				i && r >> 20 & 1 ? series[i - 1].value :
						   (double)(r % 13 ? r >> 8 & 3 : 8)};
			in[i] = (struct fg_replay_reading){.sample = series[i], .tests = ~0u};
		}
		fg_qc_replay(&conf, 10, window, in, N);
		fg_qc_spike(&tests.spike, series, N, spike);
		fg_qc_rate(&tests.rate, series, N, rate);
		assert_int_equal(fg_qc_flat_line(&tests.flat_line, series, N, flat), 0);
		for (size_t i = 0; i < N; i++) {
			assert_int_equal(get(&in[i], FG_TEST_SPIKE), spike[i]);
			assert_int_equal(get(&in[i], FG_TEST_RATE_OF_CHANGE), rate[i]);
			assert_int_equal(get(&in[i], FG_TEST_FLAT_LINE), flat[i]);
			assert_int_equal(get(&in[i], FG_TEST_GROSS_RANGE),
				series[i].value > 6 ? FG_QC_SUSPECT : FG_QC_PASS);
			assert_int_equal(get(&in[i], FG_TEST_CLIMATOLOGY), 0);
		}
	}
}

/* A reading that came late has the verdicts that need no neighbours, and takes none away. */
static void late_readings_are_no_neighbours(void **state)
{
	struct fg_replay_reading in[] = {
		{.sample = {10000, 1}}, {.sample = {20000, 5}}, {.sample = {15000, 9}},
		{.sample = {20000, 9}}, {.sample = {30000, 1}}, {.sample = {40000, 1}}};

	(void)state;
	fg_qc_replay(&conf, 10, window, in, FG_COUNT(in));
	assert_int_equal(get(&in[1], FG_TEST_SPIKE), FG_QC_FAIL);
	for (size_t i = 2; i <= 3; i++) {
		assert_int_equal(get(&in[i], FG_TEST_GROSS_RANGE), FG_QC_SUSPECT);
		assert_int_equal(get(&in[i], FG_TEST_SPIKE), 0);
		assert_int_equal(get(&in[i], FG_TEST_RATE_OF_CHANGE), 0);
	}
	assert_int_equal(get(&in[4], FG_TEST_SPIKE), FG_QC_SUSPECT); /* 5 1 1 */
	assert_int_equal(get(&in[5], FG_TEST_SPIKE), FG_QC_NOT_EVALUATED);
}

static void a_missing_reading_has_no_verdict(void **state)
{
	struct fg_replay_reading in[] = {{.sample = {10000, 1}}, {.sample = {20000, 5}},
		{.sample = {30000, NAN}}, {.sample = {40000, 1}}, {.sample = {50000, 1}}};

	(void)state;
	fg_qc_replay(&conf, 10, window, in, FG_COUNT(in));
	assert_int_equal(get(&in[1], FG_TEST_SPIKE), FG_QC_NOT_EVALUATED);
	assert_true(in[2].tests == 0);
	assert_int_equal(get(&in[3], FG_TEST_SPIKE), FG_QC_NOT_EVALUATED);
	assert_int_equal(get(&in[3], FG_TEST_RATE_OF_CHANGE), FG_QC_PASS);
}

static void the_calendar_needs_a_time(void **state)
{
	const struct fg_qc_tests calendar = {
		.on = 1u << FG_TEST_CLIMATOLOGY, .climate = &may, .climate_count = 1};
	const struct fg_qc_conf only = {.tests = &calendar};
	const int64_t may_ms = INT64_C(1778000000000); /* 2026-05-05 */
	struct fg_replay_reading in[] = {{.sample = {may_ms, 5}, .timed = true},
		{.sample = {may_ms + 10000, 5}}};

	(void)state;
	fg_qc_replay(&only, 10, NULL, in, FG_COUNT(in));
	assert_int_equal(get(&in[0], FG_TEST_CLIMATOLOGY), FG_QC_SUSPECT);
	assert_int_equal(get(&in[1], FG_TEST_CLIMATOLOGY), FG_QC_NOT_EVALUATED);
}

static void off_is_off(void **state)
{
	struct fg_qc_conf off = conf;
	struct fg_replay_reading in[] = {{.sample = {10000, 99}, .tests = 1}};

	(void)state;
	off.off = true;
	fg_qc_replay(&off, 10, window, in, 1);
	assert_true(in[0].tests == 0);
}

/* A range without bounds says nothing, nor does a point without tests. */
static void nothing_to_judge_by(void **state)
{
	struct fg_qc_conf open = {.gross_range = {.on = true, .fail = {NAN, NAN},
					  .suspect = {NAN, NAN}}};
	struct fg_replay_reading in[] = {{.sample = {10000, 99}}};

	(void)state;
	fg_qc_replay(&open, 10, window, in, 1);
	assert_true(in[0].tests == 0);
	open.gross_range.on = false;
	fg_qc_replay(&open, 10, window, in, 1);
	assert_true(in[0].tests == 0);
}

static void the_worst_verdict(void **state)
{
	enum fg_test test;
	fg_tests t = 0;

	(void)state;
	assert_int_equal(fg_qc_worst(t, &test), FG_QC_NOT_EVALUATED);
	assert_int_equal(test, FG_TEST_COUNT);
	t = fg_tests_set(t, FG_TEST_RULE(0), FG_QC_FAIL); /* rules are not run again */
	assert_int_equal(fg_qc_worst(t, &test), FG_QC_NOT_EVALUATED);
	t = fg_tests_set(t, FG_TEST_TIME_GAP, FG_QC_MISSING);
	t = fg_tests_set(t, FG_TEST_SPIKE, FG_QC_PASS);
	assert_int_equal(fg_qc_worst(t, &test), FG_QC_PASS);
	t = fg_tests_set(t, FG_TEST_GROSS_RANGE, FG_QC_SUSPECT);
	t = fg_tests_set(t, FG_TEST_FLAT_LINE, FG_QC_SUSPECT);
	assert_int_equal(fg_qc_worst(t, &test), FG_QC_SUSPECT);
	assert_int_equal(test, FG_TEST_GROSS_RANGE);
	t = fg_tests_set(t, FG_TEST_RATE_OF_CHANGE, FG_QC_FAIL);
	assert_int_equal(fg_qc_worst(t, &test), FG_QC_FAIL);
	assert_int_equal(test, FG_TEST_RATE_OF_CHANGE);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(verdicts_are_those_of_the_series),
		cmocka_unit_test(late_readings_are_no_neighbours),
		cmocka_unit_test(a_missing_reading_has_no_verdict),
		cmocka_unit_test(the_calendar_needs_a_time),
		cmocka_unit_test(off_is_off),
		cmocka_unit_test(nothing_to_judge_by),
		cmocka_unit_test(the_worst_verdict),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
