/* SPDX-License-Identifier: EUPL-1.2 */
/* All tests of a point together, reading by reading: the flags of a whole series by the functions
 * that agree with the reference, and what the daemon adds: missing readings, late ones, fast ones,
 * gaps of unknown length. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "quality/tests.h"

#define N 400

static const struct fg_climate climate[] = {
	{FG_CALENDAR_MONTH, {1, 12}, {-3, 3}, {-4, 4}, {NAN, NAN}},
};

static const struct fg_qc_tests all = {
	.on = ~0u,
	.climate = climate,
	.climate_count = 1,
	.spike = {FG_SPIKE_AVERAGE, 1, 2},
	.rate = {0.1, 0.3},
	.flat_line = {30, 60, 0.5},
	.attenuated = {.suspect = 0.4, .fail = 0.1, .period_s = 60, .min_period_s = 30},
	.time_gap = {15},
};

struct series {
	struct fg_qc_history h;
	struct fg_sample *samples;
};

static void begin(struct series *s, const struct fg_qc_tests *t)
{
	s->samples = calloc(fg_qc_history_memory(t, 10) + 1, sizeof(*s->samples));
	assert_non_null(s->samples);
	fg_qc_history_init(&s->h, t, 10, s->samples);
}

static enum fg_qc get(fg_tests t, enum fg_test test)
{
	return fg_tests_get(t, test);
}

/* Missing ones in a row are told as one, so the series has none twice. */
static size_t make(struct fg_sample *to, uint64_t seed)
{
	struct fg_rng rng = {seed};
	int64_t ms = 0;

	for (size_t i = 0; i < N; i++) {
		uint64_t r = fg_rng_next(&rng);

		ms += 10000 + (r % 50 == 0 ? 60000 : 0);
		to[i] = (struct fg_sample){ms, (double)(r >> 8 & 7) / 2 + (r % 11 == 0 ? 3 : 0)};
		if (r >> 20 & 1 && i)
			to[i].value = isnan(to[i - 1].value) ? 1 : to[i - 1].value;
		if (r % 23 == 0 && i && !isnan(to[i - 1].value))
			to[i].value = NAN;
	}
	return N;
}

static void flags_are_those_of_the_series(void **state)
{
	static struct fg_sample in[N];
	enum fg_qc spike[N], rate[N], flat[N], weak[N], before[N] = {0};
	fg_tests got[N];

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct series s;

		make(in, seed);
		begin(&s, &all);
		for (size_t i = 0; i < N; i++) {
			struct fg_qc_verdict v =
				fg_qc_tests_step(&all, &s.h, 10, in[i], in[i].time_ms);

			got[i] = v.tests;
			if (i)
				before[i - 1] = v.spike_before;
		}
		fg_qc_spike(&all.spike, in, N, spike);
		fg_qc_rate(&all.rate, in, N, rate);
		assert_int_equal(fg_qc_flat_line(&all.flat_line, in, N, flat), 0);
		assert_int_equal(fg_qc_attenuated(&all.attenuated, in, N, weak), 0);
		for (size_t i = 0; i < N - 1; i++) {
			if (isnan(in[i].value)) {
				assert_true(got[i] == 0);
				continue;
			}
			if (!isnan(in[i + 1].value))
				assert_int_equal(before[i], spike[i]);
			assert_int_equal(get(got[i], FG_TEST_GROSS_RANGE), 0); /* another's */
			assert_int_equal(get(got[i], FG_TEST_SPIKE), FG_QC_NOT_EVALUATED);
			assert_int_equal(get(got[i], FG_TEST_RATE_OF_CHANGE), rate[i]);
			assert_int_equal(get(got[i], FG_TEST_FLAT_LINE), flat[i]);
			assert_int_equal(get(got[i], FG_TEST_ATTENUATED_SIGNAL), weak[i]);
			assert_int_equal(get(got[i], FG_TEST_CLIMATOLOGY),
				fg_qc_climatology(climate, 1, in[i], NAN));
		}
		free(s.samples);
	}
}

/* What is kept of a window gives the verdict on the window, however near the threshold is. */
static void a_window_that_runs_is_judged_as_the_whole(void **state)
{
	static struct fg_sample in[N];
	enum fg_qc whole[N];
	unsigned seen = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct fg_rng rng = {seed};
		struct fg_qc_tests t = {.on = 1u << FG_TEST_ATTENUATED_SIGNAL,
			.attenuated = {.range = seed & 1,
				.suspect = (double)(seed % 40) / 20,
				.fail = (double)(seed % 7) / 10,
				.period_s = 300,
				.min_obs = seed % 5 ? 0 : 20,
				.min_period_s = 100}};
		struct series s;

		for (size_t i = 0; i < N; i++)
			in[i] = (struct fg_sample){(int64_t)i * 10000,
				(double)(fg_rng_next(&rng) >> 8 & (i / 100 % 2 ? 7 : 1)) / 4};
		begin(&s, &t);
		assert_int_equal(fg_qc_attenuated(&t.attenuated, in, N, whole), 0);
		for (size_t i = 0; i < N; i++) {
			struct fg_qc_verdict v = fg_qc_tests_step(&t, &s.h, 10, in[i], 0);

			assert_int_equal(get(v.tests, FG_TEST_ATTENUATED_SIGNAL), whole[i]);
			seen |= 1u << whole[i];
		}
		free(s.samples);
	}
	assert_int_equal(seen, 1u << FG_QC_PASS | 1u << FG_QC_NOT_EVALUATED |
				       1u << FG_QC_SUSPECT | 1u << FG_QC_FAIL);
}

static fg_tests step(struct series *s, int64_t s_time, double value)
{
	const struct fg_sample sample = {s_time * 1000, value};

	return fg_qc_tests_step(&all, &s->h, 10, sample, FG_NO_TIME).tests;
}

static void a_late_reading_changes_nothing(void **state)
{
	struct series s, other;

	(void)state;
	begin(&s, &all);
	begin(&other, &all);
	for (int i = 1; i <= 10; i++) {
		step(&s, i * 10, i);
		step(&other, i * 10, i);
		if (i % 3 == 0) {
			assert_int_equal(get(step(&s, i * 10 - 5, 100), FG_TEST_RATE_OF_CHANGE), 0);
			step(&s, i * 10, 100); /* at the same time */
			step(&s, i * 10 - 25, NAN);
		}
	}
	for (int i = 11; i <= 14; i++)
		assert_true(step(&s, i * 10, 11) == step(&other, i * 10, 11));
	free(s.samples);
	free(other.samples);
}

/* An alarm reads every second: what is flat is so after its time, not after as many readings. */
static void fast_readings_do_not_make_a_line_flat(void **state)
{
	struct series s;
	int first_flat = 0;

	(void)state;
	begin(&s, &all);
	for (int i = 0; i < 200 && !first_flat; i++)
		if (get(step(&s, i, 1), FG_TEST_FLAT_LINE) == FG_QC_SUSPECT)
			first_flat = i;
	assert_in_range(first_flat, 25, 60);
	free(s.samples);
}

static void several_missing_in_a_row_are_one(void **state)
{
	struct series s, other;

	(void)state;
	begin(&s, &all);
	begin(&other, &all);
	for (int i = 0; i < 3; i++) {
		step(&s, i * 10, 1);
		step(&other, i * 10, 1);
	}
	for (int i = 3; i < 9; i++)
		step(&s, i * 10, NAN);
	step(&other, 30, NAN);
	assert_int_equal(s.h.running.window.count, other.h.running.window.count);
	assert_int_equal(get(step(&s, 90, 9), FG_TEST_RATE_OF_CHANGE), FG_QC_PASS);
	free(s.samples);
	free(other.samples);
}

/* After a gap of unknown length what counts readings goes on, what counts seconds begins anew. */
static void an_unknown_gap(void **state)
{
	struct series s;
	fg_tests t;

	(void)state;
	begin(&s, &all);
	for (int i = 1; i <= 6; i++)
		step(&s, i * 10, 1);
	fg_qc_history_unknown_gap(&s.h);
	t = step(&s, 5, 1.2); /* the clock may be another one */
	assert_int_equal(get(t, FG_TEST_FLAT_LINE), FG_QC_FAIL);
	assert_int_equal(get(t, FG_TEST_TIME_GAP), FG_QC_NOT_EVALUATED);
	assert_int_equal(get(t, FG_TEST_RATE_OF_CHANGE), FG_QC_PASS);
	assert_int_equal(get(t, FG_TEST_ATTENUATED_SIGNAL), FG_QC_NOT_EVALUATED);
	assert_int_equal(get(step(&s, 15, 9), FG_TEST_RATE_OF_CHANGE), FG_QC_FAIL);
	free(s.samples);
}

/* What a window has, from the newest on. */
static void expect_window(const struct series *s, uint32_t count, const int64_t *times_s)
{
	assert_int_equal(s->h.running.window.count, count);
	for (uint32_t age = 0; age < count; age++)
		assert_int_equal(fg_window_at(&s->h.running.window, age)->time_ms,
			times_s[age] * 1000);
}

/* A quarter more than an interval after the one before the newest: from there on it is one more. */
static void one_sample_an_interval(void **state)
{
	const struct fg_sample early = {12499, 1}, due = {12500, 1};
	struct series s;

	(void)state;
	begin(&s, &all);
	step(&s, 0, 1);
	step(&s, 10, 1);
	fg_qc_tests_step(&all, &s.h, 10, early, FG_NO_TIME);
	assert_int_equal(s.h.running.window.count, 2);
	free(s.samples);
	begin(&s, &all);
	step(&s, 0, 1);
	step(&s, 10, 1);
	fg_qc_tests_step(&all, &s.h, 10, due, FG_NO_TIME);
	assert_int_equal(s.h.running.window.count, 3);
	free(s.samples);
	begin(&s, &all);
	step(&s, 0, 1);
	step(&s, 10, NAN);
	step(&s, 12, 1); /* a missing one keeps its place */
	expect_window(&s, 3, (const int64_t[]){12, 10, 0});
	free(s.samples);
}

/* Also where the newest is the last of the ring. */
static void a_fast_reading_in_a_full_ring(void **state)
{
	struct series s;
	int i = 0;

	(void)state;
	begin(&s, &all);
	assert_int_equal(s.h.running.window.room, 8);
	for (; i < 8; i++)
		step(&s, i * 10, i);
	step(&s, 71, 5);
	expect_window(&s, 8, (const int64_t[]){71, 60, 50, 40, 30, 20, 10, 0});
	assert_true(fg_window_at(&s.h.running.window, 0)->value == 5);
	free(s.samples);
}

/* All that a history has of times, and nothing beside it. */
static void all_times_move(void **state)
{
	const struct fg_sample beside = {42, 42};
	struct series s;

	(void)state;
	begin(&s, &all);
	for (int i = 0; i < 8; i++)
		step(&s, i * 10, i);
	s.samples[8] = beside;
	fg_qc_history_shift(&s.h, 5000);
	expect_window(&s, 8, (const int64_t[]){75, 65, 55, 45, 35, 25, 15, 5});
	assert_int_equal(s.h.rate.last.time_ms, 75000);
	assert_int_equal(s.h.gap.last_ms, 75000);
	assert_int_equal(s.h.last_ms, 75000);
	fg_qc_history_unknown_gap(&s.h);
	for (uint32_t age = 0; age < 8; age++)
		assert_true(fg_window_at(&s.h.running.window, age)->time_ms < INT64_MIN / 8);
	assert_int_equal(s.samples[8].time_ms, 42);
	free(s.samples);
}

static void only_what_is_on_is_told(void **state)
{
	struct fg_qc_tests none = {.on = 0};
	struct fg_qc_tests flat = all;
	struct series s;

	(void)state;
	begin(&s, &none);
	assert_true(fg_qc_tests_step(&none, &s.h, 10, (struct fg_sample){0, 1}, 0).tests == 0);
	free(s.samples);
	flat.on = 1u << FG_TEST_FLAT_LINE;
	begin(&s, &flat);
	assert_true(fg_qc_tests_step(&flat, &s.h, 10, (struct fg_sample){0, 1}, 0).tests ==
		    fg_tests_set(0, FG_TEST_FLAT_LINE, FG_QC_PASS));
	free(s.samples);
}

static void a_history_moves(void **state)
{
	struct fg_qc_tests less = all;
	struct series s, same, smaller;

	(void)state;
	less.flat_line = (struct fg_flat_line){20, 20, 0.5};
	less.on = 1u << FG_TEST_FLAT_LINE | 1u << FG_TEST_TIME_GAP;
	begin(&s, &all);
	begin(&same, &all);
	begin(&smaller, &less);
	for (int i = 1; i <= 9; i++)
		step(&s, i * 10, i);
	fg_qc_history_take(&same.h, &s.h);
	fg_qc_history_take(&smaller.h, &s.h);
	fg_qc_history_shift(&s.h, 7000);
	assert_true(step(&s, 107, 9) == step(&same, 100, 9));
	assert_int_equal(smaller.h.running.window.count, 3);
	assert_true(fg_window_at(&smaller.h.running.window, 2)->value == 7);
	free(s.samples);
	free(same.samples);
	free(smaller.samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_are_those_of_the_series),
		cmocka_unit_test(a_window_that_runs_is_judged_as_the_whole),
		cmocka_unit_test(a_late_reading_changes_nothing),
		cmocka_unit_test(fast_readings_do_not_make_a_line_flat),
		cmocka_unit_test(several_missing_in_a_row_are_one),
		cmocka_unit_test(an_unknown_gap),
		cmocka_unit_test(one_sample_an_interval),
		cmocka_unit_test(a_fast_reading_in_a_full_ring),
		cmocka_unit_test(all_times_move),
		cmocka_unit_test(only_what_is_on_is_told),
		cmocka_unit_test(a_history_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
