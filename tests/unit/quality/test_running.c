/* SPDX-License-Identifier: EUPL-1.2 */
/* A window that runs gives the verdict on the window as it is, however long it has run, whatever
 * levels the signal has had, and where samples are replaced, missing or early. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "quality/running.h"
#include "quality/window.h"

struct subject {
	struct fg_running r;
	struct fg_flat_line flat;
	struct fg_attenuated weak;
	struct fg_sample *memory;
	uint32_t room;
};

static void begin(struct subject *s)
{
	uint32_t weak = fg_qc_attenuated_room(&s->weak, 10);

	s->room = FG_MAX(fg_qc_flat_line_room(&s->flat, 10), weak);
	s->memory = calloc(fg_running_memory(s->room), sizeof(*s->memory));
	assert_non_null(s->memory);
	fg_running_init(&s->r, &s->flat, &s->weak, 10, s->memory, s->room);
}

/* Both verdicts are those on the window; a bit for each that was seen. */
static unsigned check(struct subject *s)
{
	enum fg_qc flat = fg_running_flat_line(&s->r), weak = fg_running_attenuated(&s->r);

	assert_int_equal(flat, fg_qc_flat_line_step(&s->flat, 10, &s->r.window));
	assert_int_equal(weak, fg_qc_attenuated_step(&s->weak, 10, &s->r.window));
	return 1u << flat | 1u << (weak + 16);
}

#define SEEN_FLAT (1u << FG_QC_PASS | 1u << FG_QC_SUSPECT | 1u << FG_QC_FAIL)
#define SEEN_ALL  (SEEN_FLAT << 16 | SEEN_FLAT | 1u << (FG_QC_NOT_EVALUATED + 16))

/* Levels from 1e-3 to 1e9 with noise of 1e-3 of the threshold and more, dead times, drifts. */
static double value_at(struct fg_rng *rng, uint64_t i)
{
	static const double levels[] = {0, 1e9, 20, -5e4, 1e-3};
	double noise = (double)(fg_rng_next(rng) >> 12) / (double)(UINT64_C(1) << 52) - 0.5;

	switch (i / 500 % 4) {
	case 0:
		return levels[i / 2000 % FG_COUNT(levels)] + noise;
	case 1:
		return levels[i / 2000 % FG_COUNT(levels)];
	case 2:
		return levels[i / 2000 % FG_COUNT(levels)] + noise * 0.02;
	default:
		return (double)(i % 500) * 0.01 + noise * 1e-4;
	}
}

static void a_million_readings(void **state)
{
	struct subject s = {.flat = {100, 400, 0.05},
		.weak = {.suspect = 0.2, .fail = 0.004, .period_s = 600, .min_obs = 20}};
	struct fg_rng rng = {7};
	unsigned seen = 0;

	(void)state;
	begin(&s);
	for (uint64_t i = 0; i < 1000000; i++) {
		fg_running_push(&s.r,
			(struct fg_sample){(int64_t)i * 10000, value_at(&rng, i)});
		seen |= check(&s);
	}
	assert_int_equal(seen, SEEN_ALL);
	free(s.memory);
}

/* Values are quarters, so that deviations and ranges often equal a threshold. */
static void thresholds_are_hit(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct subject s = {
			.flat = {(double)(seed % 5) * 20, (double)(seed % 7) * 30,
				(double)(seed % 4) / 4},
			.weak = {.range = seed & 1,
				.suspect = (double)(seed % 9) / 8,
				.fail = seed % 11 ? (double)(seed % 3) / 4 : (double)NAN,
				.period_s = (double)(1 + seed % 30) * 10,
				.min_obs = (uint32_t)(seed % 6),
				.min_period_s = seed % 2 ? (double)NAN : 50}};
		struct fg_rng rng = {seed};
		int64_t ms = 0;

		begin(&s);
		for (size_t i = 0; i < 2000; i++) {
			uint64_t r = fg_rng_next(&rng);
			struct fg_sample sample = {ms, (double)(r >> 8 & (r & 64 ? 3 : 1)) / 4};

			ms += r % 40 ? 10000 : 1 + (int64_t)(r >> 40 & 0x3ffff);
			sample.time_ms = ms;
			if (r % 31 == 0)
				sample.value = NAN;
			if (i && r % 13 == 0)
				fg_running_replace(&s.r, sample);
			else
				fg_running_push(&s.r, sample);
			if (r % 3)
				seen |= check(&s);
		}
		free(s.memory);
	}
	assert_int_equal(seen, SEEN_ALL | 1u << FG_QC_MISSING | 1u << (FG_QC_MISSING + 16));
}

/* What no sum can hold is judged by a look at all; and it is forgotten. */
static void numbers_beyond_sums(void **state)
{
	static const double values[] = {1e200, -1e200, 1e308, 1e-200, 1, 1, 1, 1, 1, 1, 1, 1};
	struct subject s = {.flat = {20, 30, 0.5},
		.weak = {.suspect = 0.1, .fail = NAN, .period_s = 60, .min_obs = 2}};
	unsigned seen = 0;

	(void)state;
	begin(&s);
	for (size_t i = 0; i < FG_COUNT(values); i++) {
		fg_running_push(&s.r, (struct fg_sample){(int64_t)i * 10000, values[i]});
		seen = check(&s);
	}
	assert_int_equal(seen, 1u << FG_QC_FAIL | 1u << (FG_QC_SUSPECT + 16));
	free(s.memory);
}

/* Less than half of any distance between values, by which no sum of squares is over 0. */
static void a_threshold_whose_square_is_nothing(void **state)
{
	struct subject s = {.flat = {20, 30, 0.5},
		.weak = {.suspect = 1e-200, .fail = 0, .period_s = 60, .min_obs = 2}};

	(void)state;
	begin(&s);
	for (int i = 0; i < 20; i++)
		fg_running_push(&s.r, (struct fg_sample){i * 10000, 20});
	assert_int_equal(check(&s), 1u << FG_QC_FAIL | 1u << (FG_QC_SUSPECT + 16));
	free(s.memory);
}

/* What is alone in its period deviates by nothing. */
static void a_value_alone(void **state)
{
	struct subject s = {.flat = {20, 30, 0.5},
		.weak = {.suspect = 0.5, .fail = 0.1, .period_s = 10, .min_obs = 1}};

	(void)state;
	begin(&s);
	for (int i = 0; i < 5; i++) {
		fg_running_push(&s.r, (struct fg_sample){i * 10000, 20 + i});
		assert_int_equal(check(&s), 1u << FG_QC_PASS | 1u << (FG_QC_FAIL + 16));
	}
	free(s.memory);
}

/* The i-th of n values. */
struct shape {
	double (*value)(uint32_t i, uint32_t n, struct fg_rng *rng);
};

/* What was added to the sums is what the deviation is of: there is nothing to spare. */
static double to_and_fro(uint32_t i, uint32_t n, struct fg_rng *rng)
{
	(void)n, (void)rng;
	return i ? (i % 2 ? 0.1 : -0.1) : 0;
}

/* All of the deviation is the newest's. */
static double last_alone(uint32_t i, uint32_t n, struct fg_rng *rng)
{
	(void)rng;
	return i + 1 < n ? 0 : 1000.1;
}

static double any(uint32_t i, uint32_t n, struct fg_rng *rng)
{
	(void)i, (void)n;
	return (double)(fg_rng_next(rng) >> 12) / 1e15;
}

static unsigned verdict_of(const struct shape *shape, uint32_t n, double threshold)
{
	struct subject s = {.flat = {20, 30, 0.5},
		.weak = {.suspect = threshold, .fail = NAN, .period_s = 1000, .min_obs = 1}};
	struct fg_rng rng = {n};
	unsigned seen;

	begin(&s);
	for (uint32_t i = 0; i < n; i++)
		fg_running_push(&s.r,
			(struct fg_sample){(int64_t)i * 10000, shape->value(i, n, &rng)});
	seen = check(&s);
	free(s.memory);
	return seen >> 16;
}

/* The least threshold that the deviation is below. */
static double least_over(const struct shape *shape, uint32_t n)
{
	double low = 0, high = 1e4;

	for (double middle = 5e3; middle > low && middle < high; middle = low + (high - low) / 2) {
		if (verdict_of(shape, n, middle) == 1u << FG_QC_SUSPECT)
			high = middle;
		else
			low = middle;
	}
	return high;
}

/* However near a threshold the deviation comes: what rounding leaves in doubt is looked at. */
static void thresholds_near_the_deviation(void **state)
{
	static const struct shape shapes[] = {{to_and_fro}, {last_alone}, {any}};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(shapes); i++)
		for (uint32_t n = 2; n < 50; n++) {
			double t = least_over(&shapes[i], n), near = t;

			for (int ulp = 0; ulp < 4; ulp++) {
				assert_int_equal(
					verdict_of(&shapes[i], n, near), 1u << FG_QC_SUSPECT);
				near = nextafter(near, INFINITY);
			}
			for (double part = 1e-16; part < 1e-5; part *= 4) {
				verdict_of(&shapes[i], n, t * (1 + part));
				verdict_of(&shapes[i], n, t * (1 - part));
			}
		}
}

/* A dead signal is not looked at whole, neither for a verdict nor when a reading comes: the sums
 * and the first of the smallest and the largest say all, so samples that are changed behind its
 * back change no verdict. */
static void is_not_walked_through(double fail, enum fg_qc verdict, double change)
{
	struct subject s = {.flat = {500, 1000, 0.5},
		.weak = {.suspect = 0.1, .fail = fail, .period_s = 2000, .min_obs = 2}};

	begin(&s);
	for (int i = 0; i < 500; i++)
		fg_running_push(&s.r, (struct fg_sample){i * 10000, 20});
	assert_int_equal(fg_running_flat_line(&s.r), FG_QC_FAIL);
	assert_int_equal(fg_running_attenuated(&s.r), verdict);
	for (uint32_t age = 2; age < s.room - 20; age++)
		((struct fg_sample *)fg_window_at(&s.r.window, age))->value += change;
	assert_int_equal(fg_running_flat_line(&s.r), FG_QC_FAIL);
	assert_int_equal(fg_running_attenuated(&s.r), verdict);
	for (int i = 500; i < 510; i++)
		fg_running_push(&s.r, (struct fg_sample){i * 10000, 20});
	assert_int_equal(fg_running_flat_line(&s.r), FG_QC_FAIL);
	assert_int_equal(fg_running_attenuated(&s.r), verdict);
	free(s.memory);
}

static void a_dead_signal_is_not_walked_through(void **state)
{
	(void)state;
	is_not_walked_through(0.01, FG_QC_FAIL, 50);
	is_not_walked_through(0, FG_QC_SUSPECT, -50);
	is_not_walked_through(NAN, FG_QC_SUSPECT, 50);
}

/* A sample and two places of it; what is more would be wasted by each point. */
static void no_more_memory_than_is_used(void **state)
{
	(void)state;
	assert_int_equal(fg_running_memory(0), 0);
	assert_int_equal(fg_running_memory(1), 2);
	assert_int_equal(fg_running_memory(2), 3);
	assert_int_equal(fg_running_memory(3), 5);
	assert_int_equal(fg_running_memory(1000001), 1500002);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_readings),
		cmocka_unit_test(thresholds_are_hit),
		cmocka_unit_test(numbers_beyond_sums),
		cmocka_unit_test(a_threshold_whose_square_is_nothing),
		cmocka_unit_test(a_value_alone),
		cmocka_unit_test(thresholds_near_the_deviation),
		cmocka_unit_test(a_dead_signal_is_not_walked_through),
		cmocka_unit_test(no_more_memory_than_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
