/* SPDX-License-Identifier: EUPL-1.2 */
/* The QARTOD tests of a series as readings arrive: over restarts, in rings of memory, with what no
 * sensor should send. What the flags of whole series are is held against the cases in
 * tests/data/vectors. */
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
#include "base/status.h"
#include "quality/qartod.h"

#define COUNT 400

/* A repeatable series with flat stretches, jumps, missing values and gaps. */
static void make_series(struct fg_sample *samples, size_t count, uint32_t seed)
{
	int64_t time_ms = INT64_C(1700000000000);
	double value = 10;

	for (size_t i = 0; i < count; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t dice = seed >> 24;

		time_ms += dice % 16 == 0 ? 600000 : 60000;
		if (dice >= 64 && i % 100 < 80)
			value += (double)(dice % 32) - 15.5;
		samples[i] = (struct fg_sample){time_ms, dice % 11 == 3 ? (double)NAN : value};
	}
}

static void flags_equal(const enum fg_qc *got, const enum fg_qc *want, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (got[i] != want[i])
			fail_msg("reading %zu: %d, not %d", i, (int)got[i], (int)want[i]);
}

/* At every reading the state goes through a file, as it were, and nothing but it is kept. */
static void states_are_stored_and_restored(void **arg)
{
	static const struct fg_spike spike = {FG_SPIKE_AVERAGE, 3, 12};
	static const struct fg_rate rate = {0.02, 0.2};
	struct fg_sample samples[COUNT];
	enum fg_qc want_spike[COUNT], want_rate[COUNT], spikes[COUNT], rates[COUNT];
	unsigned char stored_spike[sizeof(struct fg_spike_state)] = {0};
	unsigned char stored_rate[sizeof(struct fg_rate_state)] = {0};
	size_t seen[10] = {0};

	(void)arg;
	make_series(samples, COUNT, 1);
	fg_qc_spike(&spike, samples, COUNT, want_spike);
	fg_qc_rate(&rate, samples, COUNT, want_rate);
	for (size_t i = 0; i < COUNT; i++) {
		struct fg_spike_state s;
		struct fg_rate_state r;
		enum fg_qc previous;

		memcpy(&s, stored_spike, sizeof(s));
		memcpy(&r, stored_rate, sizeof(r));
		spikes[i] = fg_qc_spike_step(&spike, &s, samples[i].value, &previous);
		assert_int_equal(
			spikes[i], isnan(samples[i].value) ? FG_QC_MISSING : FG_QC_NOT_EVALUATED);
		if (i)
			spikes[i - 1] = previous;
		else
			assert_int_equal(previous, 0);
		rates[i] = fg_qc_rate_step(&rate, &r, samples[i]);
		memcpy(stored_spike, &s, sizeof(s));
		memcpy(stored_rate, &r, sizeof(r));
	}
	flags_equal(spikes, want_spike, COUNT);
	flags_equal(rates, want_rate, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		seen[spikes[i]]++;
	assert_true(seen[1] && seen[2] && seen[3] && seen[4] && seen[9]);
}

/* A ring no larger than asked for gives what the whole series gives; each reading it is emptied
 * and filled again from the oldest, as after a restart. */
static void windows_are_stored_and_restored(void **arg)
{
	static const struct fg_flat_line flat = {180, 420, 0.5};
	static const struct fg_attenuated weak = {.range = false,
		.suspect = 14,
		.fail = 9,
		.period_s = 900,
		.min_obs = 4,
		.min_period_s = NAN};
	struct fg_sample samples[COUNT], memory[32], again[32];
	enum fg_qc want_flat[COUNT], want_weak[COUNT];
	struct fg_window w;
	uint32_t room = fg_qc_flat_line_room(&flat, 60);
	size_t seen[2][10] = {{0}};

	(void)arg;
	assert_int_equal(room, 8);
	assert_true(fg_qc_attenuated_room(&weak, 60) <= FG_COUNT(memory));
	room = fg_qc_attenuated_room(&weak, 60);
	make_series(samples, COUNT, 2);
	assert_int_equal(fg_qc_flat_line(&flat, samples, COUNT, want_flat), FG_OK);
	assert_int_equal(fg_qc_attenuated(&weak, samples, COUNT, want_weak), FG_OK);
	fg_window_init(&w, memory, room);
	for (size_t i = 0; i < COUNT; i++) {
		fg_window_push(&w, samples[i]);
		uint32_t count = w.count;

		for (uint32_t age = 0; age < count; age++)
			again[age] = *fg_window_at(&w, age);
		assert_null(fg_window_at(&w, count));
		fg_window_init(&w, memory, room);
		for (uint32_t age = count; age-- > 0;)
			fg_window_push(&w, again[age]);
		enum fg_qc got[] = {
			fg_qc_flat_line_step(&flat, 60, &w), fg_qc_attenuated_step(&weak, 60, &w)};

		assert_int_equal(got[0], want_flat[i]);
		assert_int_equal(got[1], want_weak[i]);
		seen[0][got[0]]++;
		seen[1][got[1]]++;
	}
	assert_true(seen[0][1] && seen[0][3] && seen[0][4] && seen[0][9]);
	assert_true(seen[1][1] && seen[1][2] && seen[1][3] && seen[1][4] && seen[1][9]);
}

static void a_ring_of_one_and_of_none(void **arg)
{
	static const struct fg_flat_line flat = {0, 0, 1};
	struct fg_sample memory[1];
	struct fg_window w;

	(void)arg;
	fg_window_init(&w, memory, 1);
	assert_int_equal(fg_qc_flat_line_step(&flat, 60, &w), FG_QC_MISSING);
	fg_window_push(&w, (struct fg_sample){1, 1});
	fg_window_push(&w, (struct fg_sample){2, 5});
	assert_int_equal(w.count, 1);
	assert_true(fg_window_at(&w, 0)->value == 5);
	fg_window_init(&w, NULL, 0);
	fg_window_push(&w, (struct fg_sample){1, 1});
	assert_null(fg_window_at(&w, 0));
}

static void the_calendar(void **arg)
{
	static const struct {
		int64_t time_ms;
		int of[FG_CALENDAR_COUNT]; /* year … hour, from index 1 */
	} rows[] = {
		{0, {0, 1970, 1, 1, 1, 1, 1, 3, 0}},
		{-1, {0, 1969, 4, 12, 1, 365, 31, 2, 23}},
		{INT64_C(951782400000), {0, 2000, 1, 2, 9, 60, 29, 1, 0}}, /* 2000-02-29 */
		{INT64_C(951868799999), {0, 2000, 1, 2, 9, 60, 29, 1, 23}},
		{INT64_C(951868800000), {0, 2000, 1, 3, 9, 61, 1, 2, 0}},
		{INT64_C(1609459200000), {0, 2021, 1, 1, 53, 1, 1, 4, 0}}, /* of 2020's last week */
		{INT64_C(1735603200000), {0, 2024, 4, 12, 1, 366, 31, 1, 0}}, /* 2025's first */
		{INT64_C(4107542400000), {0, 2100, 1, 3, 9, 60, 1, 0, 0}},    /* no leap year */
		{INT64_C(13601088000000), {0, 2401, 1, 1, 1, 1, 1, 0, 0}},
		{INT64_C(-62135596800000), {0, 1, 1, 1, 1, 1, 1, 0, 0}},
	};

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		for (int p = FG_CALENDAR_YEAR; p < FG_CALENDAR_COUNT; p++) {
			double at = rows[i].of[p];
			struct fg_climate m = {
				(enum fg_calendar)p, {at, at}, {0, 1}, {NAN, NAN}, {NAN, NAN}};
			struct fg_sample s = {rows[i].time_ms, 0.5};

			if (fg_qc_climatology(&m, 1, s, NAN) != FG_QC_PASS)
				fail_msg("row %zu, period %d: not %d", i, p, rows[i].of[p]);
			m.time[0] = m.time[1] = at + 1;
			assert_int_equal(fg_qc_climatology(&m, 1, s, NAN), FG_QC_NOT_EVALUATED);
		}
	}
	assert_int_equal(fg_qc_climatology(&(struct fg_climate){FG_CALENDAR_YEAR, {0, 1}, {0, 1},
						   {NAN, NAN}, {NAN, NAN}},
				 1, (struct fg_sample){INT64_MIN, 0}, NAN),
		FG_QC_NOT_EVALUATED);
}

static void at_both_ends(struct fg_today *kept, enum fg_calendar period, int number, int64_t day_ms)
{
	const struct fg_climate m = {
		period, {number, number}, {0, 1}, {NAN, NAN}, {NAN, NAN}};
	const struct fg_sample first = {day_ms, 0.5}, last = {day_ms + 86399999, 0.5};

	assert_int_equal(fg_qc_climatology_step(&m, 1, kept, first, NAN), FG_QC_PASS);
	assert_int_equal(fg_qc_climatology_step(&m, 1, kept, last, NAN), FG_QC_PASS);
}

/* Each day of a common and of a leap year, with what is kept from day to day. */
static void the_days_of_two_years(void **arg)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const int64_t from_ms = INT64_C(1672531200000); /* 2023-01-01 */
	struct fg_today kept = {0};
	int64_t at_ms = from_ms;

	(void)arg;
	for (int i = 0; i < 24; i++)
		for (int d = 1; d <= lengths[i % 12] + (i == 13); d++) {
			at_both_ends(&kept, FG_CALENDAR_MONTH, i % 12 + 1, at_ms);
			at_both_ends(&kept, FG_CALENDAR_DAY, d, at_ms);
			at_ms += 86400000;
		}
	assert_int_equal(at_ms, from_ms + INT64_C(731) * 86400000);
}

static void names_of_periods(void **arg)
{
	static const struct {
		const char *name;
		enum fg_calendar period;
	} names[] = {
		{"year", FG_CALENDAR_YEAR},
		{"quarter", FG_CALENDAR_QUARTER},
		{"month", FG_CALENDAR_MONTH},
		{"week", FG_CALENDAR_WEEK},
		{"weekofyear", FG_CALENDAR_WEEK},
		{"dayofyear", FG_CALENDAR_DAY_OF_YEAR},
		{"day_of_year", FG_CALENDAR_DAY_OF_YEAR},
		{"day", FG_CALENDAR_DAY},
		{"dayofweek", FG_CALENDAR_DAY_OF_WEEK},
		{"day_of_week", FG_CALENDAR_DAY_OF_WEEK},
		{"weekday", FG_CALENDAR_DAY_OF_WEEK},
		{"hour", FG_CALENDAR_HOUR},
	};
	enum fg_calendar got;

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(names); i++) {
		assert_true(fg_calendar_parse(names[i].name, &got));
		assert_int_equal(got, names[i].period);
	}
	assert_false(fg_calendar_parse("", &got));
	assert_false(fg_calendar_parse("Month", &got));
}

static void climatology_limits_and_depths(void **arg)
{
	static const struct fg_climate members[] = {
		{FG_CALENDAR_MONTH, {1, 12}, {2, 8}, {0, 10}, {NAN, NAN}},
		{FG_CALENDAR_TIME, {100, 0}, {3, 3}, {NAN, NAN}, {5, 0}},
	};
	static const struct {
		int64_t time_ms;
		double value, depth;
		enum fg_qc want;
	} rows[] = {
		{200000, 2, NAN, 1},
		{200000, 8, 3, 1},
		{200000, 1.9, 3, 3},
		{200000, 8.1, 3, 3},
		{200000, 0, 3, 3},
		{200000, -0.1, 3, 4},
		{200000, 10, 3, 3},
		{200000, 10.1, 3, 4},
		{100000, 4, 5, 3},
		{100000, 3, 0, 1},
		{0, 11, 2, 3}, /* the last member has no fail */
		{100000, 4, 5.1, 1},
		{100001, 4, 5, 1},
		{-1, 4, 5, 1},
		{100000, 4, NAN, 1},
		{0, NAN, 1, 9},
		{0, INFINITY, 1, 9},
	};

	(void)arg;
	assert_null(fg_qc_climatology_fault(members, FG_COUNT(members)));
	for (size_t i = 0; i < FG_COUNT(rows); i++)
		if (fg_qc_climatology(members, FG_COUNT(members),
			    (struct fg_sample){rows[i].time_ms, rows[i].value},
			    rows[i].depth) != rows[i].want)
			fail_msg("row %zu: not %d", i, (int)rows[i].want);
}

static void a_late_reading(void **arg)
{
	static const struct fg_time_gap gap = {90};
	struct fg_time_gap_state s = {0};

	(void)arg;
	assert_int_equal(fg_qc_time_gap_step(&gap, &s, 1000000), FG_QC_NOT_EVALUATED);
	assert_int_equal(fg_qc_time_gap_step(&gap, &s, 1090000), FG_QC_PASS); /* the span itself */
	assert_int_equal(fg_qc_time_gap_step(&gap, &s, 1180001), FG_QC_FAIL);
	assert_int_equal(fg_qc_time_gap_step(&gap, &s, 1000000), FG_QC_PASS); /* set back */
	assert_int_equal(fg_qc_time_gap_step(&gap, &s, FG_NO_TIME), FG_QC_MISSING);
	assert_int_equal(fg_qc_time_gap_step(&gap, &s, 1180001), FG_QC_NOT_EVALUATED);
	assert_int_equal(fg_qc_time_gap_step(&gap, &s, INT64_MAX), FG_QC_FAIL);
	assert_int_equal(fg_qc_time_gap_step(&gap, &s, INT64_MIN + 1), FG_QC_PASS);
}

static void rates_take_whole_seconds(void **arg)
{
	static const struct fg_rate rate = {1, 2};
	static const struct {
		int64_t time_ms;
		double value;
		enum fg_qc want;
	} rows[] = {
		{0, 0, 1},
		{1000, 1, 1},
		{2999, 2.5, 3},
		{3000, 4.6, 4},
		{3000, 5.6, 1},
		{3000, 5.6, 1},
		{1000, 7.7, 3}, /* a step back in time counts as long */
		{1000, INFINITY, 9},
		{5000, 90, 1},
		{INT64_MAX, 95, 1},
		{INT64_MIN, -1e308, 4},
		{0, 1e308, 4},
	};
	struct fg_rate_state s = {0};

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(rows); i++)
		if (fg_qc_rate_step(&rate, &s,
			    (struct fg_sample){rows[i].time_ms, rows[i].value}) != rows[i].want)
			fail_msg("row %zu: not %d", i, (int)rows[i].want);
}

/* The largest and the smallest numbers there are make no NaN that passes. */
static void numbers_at_the_edge(void **arg)
{
	static const double edge[] = {DBL_MAX, -DBL_MAX, 5e-324, -5e-324, 0, INFINITY, -INFINITY,
		NAN, DBL_MAX, DBL_MAX, DBL_MAX, -DBL_MAX};
	static const struct fg_spike spikes[] = {
		{FG_SPIKE_AVERAGE, 1, 2}, {FG_SPIKE_DIFFERENTIAL, 1, 2}};
	static const enum fg_qc want[2][FG_COUNT(edge)] = {
		{2, 4, 4, 1, 2, 9, 9, 9, 2, 1, 4, 2},
		{2, 4, 1, 1, 2, 9, 9, 9, 2, 1, 1, 2},
	};
	static const enum fg_qc weak_want[FG_COUNT(edge)] = {4, 1, 1, 1, 1, 9, 9, 9, 1, 1, 1, 1};
	static const struct fg_attenuated weak = {
		.suspect = 2, .fail = 1, .period_s = 1e9, .min_period_s = NAN};
	struct fg_sample s[FG_COUNT(edge)];
	enum fg_qc got[FG_COUNT(edge)];

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(edge); i++)
		s[i] = (struct fg_sample){(int64_t)i * 60000, edge[i]};
	for (size_t m = 0; m < 2; m++) {
		fg_qc_spike(&spikes[m], s, FG_COUNT(edge), got);
		flags_equal(got, want[m], FG_COUNT(edge));
	}
	assert_int_equal(fg_qc_attenuated(&weak, s, FG_COUNT(edge), got), FG_OK);
	flags_equal(got, weak_want, FG_COUNT(edge));
}

static void times_at_the_edge(void **arg)
{
	static const struct fg_flat_line flat = {60, 120, 1};
	struct fg_attenuated weak = {.suspect = 2, .fail = 1, .period_s = 60, .min_period_s = 60};
	struct fg_sample s[] = {{INT64_MIN, 1}, {INT64_MAX, 1}, {INT64_MIN, 1}, {0, 1}};
	enum fg_qc got[FG_COUNT(s)];

	(void)arg;
	assert_int_equal(fg_qc_flat_line(&flat, s, FG_COUNT(s), got), FG_OK);
	assert_int_equal(got[3], FG_QC_FAIL); /* the median is ages: one reading is enough */
	assert_int_equal(fg_qc_attenuated(&weak, s, FG_COUNT(s), got), FG_EINVAL);
	for (size_t i = 0; i < FG_COUNT(s); i++)
		s[i].time_ms = 7;
	assert_int_equal(fg_qc_flat_line(&flat, s, FG_COUNT(s), got), FG_EINVAL);
	assert_int_equal(fg_qc_attenuated(&weak, s, FG_COUNT(s), got), FG_EINVAL);
	assert_int_equal(fg_qc_flat_line(&flat, s, 0, got), FG_OK);
	assert_int_equal(fg_qc_attenuated(&weak, s, 0, got), FG_OK);
	weak.min_period_s = NAN; /* the same moment again is no step back */
	assert_int_equal(fg_qc_attenuated(&weak, s, FG_COUNT(s), got), FG_OK);
	for (size_t i = 0; i < FG_COUNT(s); i++)
		s[i].time_ms = (int64_t)i * 1000; /* a second is enough */
	assert_int_equal(fg_qc_flat_line(&flat, s, FG_COUNT(s), got), FG_OK);
}

/* Of an even number of intervals the median is the mean of the middle two: 15 s here, so that 30 s
 * are two readings before the last. Whole seconds: 15.9 s are 15. */
static void the_median_interval(void **arg)
{
	static const struct fg_flat_line flat = {30, NAN, 1};
	struct fg_sample s[] = {{0, 1}, {20000, 1}, {30000, 1}};
	enum fg_qc got[FG_COUNT(s)];

	(void)arg;
	assert_int_equal(fg_qc_flat_line(&flat, s, FG_COUNT(s), got), FG_OK);
	flags_equal(got, (const enum fg_qc[]){1, 1, 3}, FG_COUNT(s));
	s[2].time_ms = 31800;
	assert_int_equal(fg_qc_flat_line(&flat, s, FG_COUNT(s), got), FG_OK);
	flags_equal(got, (const enum fg_qc[]){1, 1, 3}, FG_COUNT(s));
	s[2].time_ms = 28000; /* 14 s: still two readings; 9 s: three */
	assert_int_equal(fg_qc_flat_line(&flat, s, FG_COUNT(s), got), FG_OK);
	flags_equal(got, (const enum fg_qc[]){1, 1, 3}, FG_COUNT(s));
	s[1].time_ms = 9999;
	s[2].time_ms = 19998; /* 9 s: three */
	assert_int_equal(fg_qc_flat_line(&flat, s, FG_COUNT(s), got), FG_OK);
	flags_equal(got, (const enum fg_qc[]){1, 1, 1}, FG_COUNT(s));
	s[1].time_ms = 10000;
	s[2].time_ms = 18000;
	assert_int_equal(fg_qc_flat_line(&flat, s, FG_COUNT(s), got), FG_OK);
	flags_equal(got, (const enum fg_qc[]){1, 1, 1}, FG_COUNT(s));
}

static void density_rewrites_the_one_before(void **arg)
{
	static const struct fg_density conf = {-0.01, -0.03};
	static const struct {
		double density, depth;
		enum fg_qc now, previous;
	} rows[] = {
		{1020, 0, 2, 0},
		{1020.1, 1, 1, 1},
		{1020.08, 2, 3, 3},
		{1020.04, 3, 4, 4},
		{1020.06, 2, 3, 4}, /* on the way up: lighter above is good, this is heavier */
		{1020.02, 1, 1, 3},
		{1020, 1, 1, 1},
		{NAN, 1, 9, 1},
		{1020, 0, 9, 9},
		{1020, NAN, 9, 9},
		{1020, 1, 9, 9},
		{1020.2, 2, 1, 9},
		{1020.19, 3, 1, 1},
	};
	struct fg_density_state s = {0};
	enum fg_qc previous, alone;

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		enum fg_qc now =
			fg_qc_density_step(&conf, &s, rows[i].density, rows[i].depth, &previous);

		if (now != rows[i].now || previous != rows[i].previous)
			fail_msg("row %zu: %d, before %d", i, (int)now, (int)previous);
	}
	fg_qc_density(&conf, &rows[0].density, &rows[0].depth, 1, &alone);
	assert_int_equal(alone, FG_QC_NOT_EVALUATED);
	fg_qc_density(&conf, &(double){NAN}, &rows[0].depth, 1, &alone);
	assert_int_equal(alone, FG_QC_NOT_EVALUATED);
}

/* Lengths on the ellipsoid that are known by other formulas. */
static void distances(void **arg)
{
	static const struct {
		double lon1, lat1, lon2, lat2, metres, within;
	} rows[] = {
		{0, 0, 1, 0, 111319.4908, 0.001},	       /* the equator: a * 1 degree */
		{0, 0, 0, 90, 10001965.7293, 0.001},	       /* a quarter of a meridian */
		{179.5, 0, -179.5, 0, 111319.4908, 0.001},     /* over the date line */
		{-73.8, 40.6, -0.5, 51.6, 5551759.400, 0.001}, /* GeographicLib's example */
		{-170, 12, 190, 12, 0, 0}, {5.32, 60.39, 5.32, 60.39, 0, 0},
		{0, 0, 180, 0, 20015114.4, 1},	      /* by the sphere */
		{0, 30, 179.8, -30.1, 19992883.8, 1}, /* Vincenty's steps do not settle */
	};

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		double d = fg_geo_distance(rows[i].lon1, rows[i].lat1, rows[i].lon2, rows[i].lat2);

		if (!(fabs(d - rows[i].metres) <= rows[i].within))
			fail_msg("row %zu: %.4f", i, d);
	}
	assert_true(isnan(fg_geo_distance(0, 90.1, 0, 0)));
	assert_true(isnan(fg_geo_distance(0, NAN, 0, 0)));
	assert_true(isnan(fg_geo_distance(INFINITY, 1, 0, 0)));
}

static void a_place_that_moves(void **arg)
{
	static const struct fg_location conf = {-180, -90, 180, 90, 1000};
	static const struct {
		double lon, lat;
		enum fg_qc want;
	} rows[] = {
		{5, 60, 1},
		{5.01, 60, 1},
		{5.03, 60, 3},
		{NAN, NAN, 9},
		{9, 60, 1},
		{9, NAN, 4},
		{NAN, 60, 4},
		{9, 90, 1},
		{9, 90.5, 4},
		{9, 60, 1},
		{180, 60, 3},
		{-180, 60, 1},
		{180.001, 60, 4},
		{INFINITY, -INFINITY, 9},
	};
	struct fg_location_state s = {0};

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(rows); i++)
		if (fg_qc_location_step(&conf, &s, rows[i].lon, rows[i].lat) != rows[i].want)
			fail_msg("row %zu: not %d", i, (int)rows[i].want);
}

static void faults_are_told(void **arg)
{
	struct fg_climate m = {FG_CALENDAR_MONTH, {1, 2}, {1, 2}, {NAN, NAN}, {NAN, NAN}};

	(void)arg;
	assert_null(fg_qc_spike_fault(&(struct fg_spike){FG_SPIKE_AVERAGE, NAN, 0}));
	assert_non_null(fg_qc_spike_fault(&(struct fg_spike){(enum fg_spike_method)7, 1, 2}));
	assert_non_null(fg_qc_spike_fault(&(struct fg_spike){FG_SPIKE_AVERAGE, -1, 2}));
	assert_non_null(fg_qc_spike_fault(&(struct fg_spike){FG_SPIKE_AVERAGE, 1, INFINITY}));
	assert_null(fg_qc_rate_fault(&(struct fg_rate){0, NAN}));
	assert_non_null(fg_qc_rate_fault(&(struct fg_rate){-1, NAN}));
	assert_null(fg_qc_flat_line_fault(&(struct fg_flat_line){NAN, 1e9, 0}));
	assert_non_null(fg_qc_flat_line_fault(&(struct fg_flat_line){-1, 1, 0}));
	assert_non_null(fg_qc_flat_line_fault(&(struct fg_flat_line){1, 1.1e9, 0}));
	assert_non_null(fg_qc_flat_line_fault(&(struct fg_flat_line){1, 1, NAN}));
	assert_non_null(fg_qc_attenuated_fault(&(struct fg_attenuated){.suspect = -1}));
	assert_non_null(fg_qc_attenuated_fault(&(struct fg_attenuated){.period_s = INFINITY}));
	assert_non_null(fg_qc_attenuated_fault(&(struct fg_attenuated){.min_period_s = -1}));
	assert_null(fg_qc_attenuated_fault(&(struct fg_attenuated){.fail = NAN}));
	assert_null(fg_qc_time_gap_fault(&(struct fg_time_gap){0.5}));
	assert_non_null(fg_qc_time_gap_fault(&(struct fg_time_gap){0}));
	assert_non_null(fg_qc_time_gap_fault(&(struct fg_time_gap){NAN}));
	assert_non_null(fg_qc_density_fault(&(struct fg_density){-INFINITY, 0}));
	assert_non_null(fg_qc_location_fault(&(struct fg_location){1, 0, 0, 1, NAN}));
	assert_non_null(fg_qc_location_fault(&(struct fg_location){0, 1, 1, 0, NAN}));
	assert_non_null(fg_qc_location_fault(&(struct fg_location){0, 0, 1, 1, -0.5}));
	assert_non_null(fg_qc_climatology_fault(&m, 0));
	assert_null(fg_qc_climatology_fault(&m, 1));
	m.fail[0] = 1;
	assert_non_null(fg_qc_climatology_fault(&m, 1));
	m.fail[1] = 2;
	m.period = FG_CALENDAR_COUNT;
	assert_non_null(fg_qc_climatology_fault(&m, 1));
	m.period = FG_CALENDAR_DAY;
	m.suspect[1] = NAN;
	assert_non_null(fg_qc_climatology_fault(&m, 1));
	m.suspect[1] = 2;
	m.depth[1] = 2;
	assert_non_null(fg_qc_climatology_fault(&m, 1));
	m.depth[1] = NAN;
	assert_null(fg_qc_climatology_fault(&m, 1));
	m.time[0] = NAN;
	assert_non_null(fg_qc_climatology_fault(&m, 1));
	m.time[0] = 1;
	m.time[1] = INFINITY;
	assert_non_null(fg_qc_climatology_fault(&m, 1));
}

/* The room of a window is bounded, whatever the interval. */
static void rooms(void **arg)
{
	static const struct fg_attenuated weak = {.period_s = 900};

	(void)arg;
	assert_int_equal(fg_qc_flat_line_room(&(struct fg_flat_line){NAN, NAN, 1}, 60), 1);
	assert_int_equal(
		fg_qc_flat_line_room(&(struct fg_flat_line){1e9, 60, 1}, 1e-3), UINT32_MAX);
	assert_int_equal(fg_qc_attenuated_room(&weak, 60), 17);
	assert_int_equal(fg_qc_attenuated_room(&(struct fg_attenuated){.period_s = NAN}, 60), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_are_stored_and_restored),
		cmocka_unit_test(windows_are_stored_and_restored),
		cmocka_unit_test(a_ring_of_one_and_of_none),
		cmocka_unit_test(the_calendar),
		cmocka_unit_test(the_days_of_two_years),
		cmocka_unit_test(names_of_periods),
		cmocka_unit_test(climatology_limits_and_depths),
		cmocka_unit_test(a_late_reading),
		cmocka_unit_test(rates_take_whole_seconds),
		cmocka_unit_test(numbers_at_the_edge),
		cmocka_unit_test(times_at_the_edge),
		cmocka_unit_test(the_median_interval),
		cmocka_unit_test(density_rewrites_the_one_before),
		cmocka_unit_test(distances),
		cmocka_unit_test(a_place_that_moves),
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(rooms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
