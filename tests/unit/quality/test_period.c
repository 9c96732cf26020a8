/* SPDX-License-Identifier: EUPL-1.2 */
/* What is told of hours and of longer periods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "quality/period.h"

#define MIN INT64_C(60000)
#define H FG_HOUR_MS
#define T0 (INT64_C(500000) * FG_HOUR_MS)
#define MAX 256

static struct fg_sample items[MAX], speed_items[MAX];
static struct fg_samples samples, speeds;
static struct fg_period_ask ask;
static struct fg_period_answer out;

static int begin(void **state)
{
	(void)state;
	samples = (struct fg_samples){.items = items, .cap = MAX};
	speeds = (struct fg_samples){.items = speed_items, .cap = MAX};
	ask = (struct fg_period_ask){.period = FG_TOLD_HOUR, .stat = FG_STAT_MEAN, .from_ms = T0,
		.to_ms = T0 + H, .step_ms = 5 * MIN};
	return 0;
}

static struct fg_sample *put(struct fg_samples *to, int64_t at_ms, double value, enum fg_qc qc)
{
	static uint64_t seq;

	assert_true(to->count < MAX);
	seq++;
	to->items[to->count] = (struct fg_sample){
		.place = seq, .seq = seq, .at_ms = at_ms, .value = value, .qc = qc};
	return &to->items[to->count++];
}

/* n readings of the hour, a step from each other. */
static void put_many(unsigned n, double value, enum fg_qc qc)
{
	for (unsigned i = 0; i < n; i++)
		put(&samples, T0 + (int64_t)samples.count * ask.step_ms, value, qc);
}

static void reckon(void)
{
	fg_samples_settle(&samples);
	fg_samples_settle(&speeds);
	fg_period_of(&ask, &samples, &speeds, &out);
}

static void expect(double value, enum fg_qc qc, unsigned count)
{
	if (isnan(value))
		assert_true(isnan(out.value));
	else
		assert_true(fabs(out.value - value) < 1e-9);
	assert_int_equal(out.qc, qc);
	assert_int_equal(out.a.count, count);
}

static void test_mean_of_an_hour(void **state)
{
	(void)state;
	put_many(6, 10, FG_QC_PASS);
	put_many(6, 20, FG_QC_PASS);
	put(&samples, T0 - 1, 1000, FG_QC_PASS); /* of the hours beside it */
	put(&samples, T0 + H, 1000, FG_QC_PASS);
	reckon();
	expect(15, FG_QC_PASS, 12);
	assert_int_equal(out.a.expected, 12);
	assert_int_equal(out.a.missing, 0);
	assert_true(out.a.from_ms == T0 && out.a.has_range);
	assert_true(out.a.low == 10 && out.a.high == 20);
	assert_int_equal(out.a.index, 0);
}

static void test_three_quarters(void **state)
{
	(void)state;
	put_many(8, 10, FG_QC_PASS);
	reckon();
	expect(NAN, FG_QC_MISSING, 8);
	assert_int_equal(out.a.missing, 4);
	assert_true(out.a.low == 10); /* told all the same */
	put_many(1, 10, FG_QC_PASS);
	reckon();
	expect(10, FG_QC_PASS, 9);
	assert_int_equal(out.a.missing, 3);
	samples.count = 0;
	reckon();
	expect(NAN, FG_QC_MISSING, 0);
	assert_int_equal(out.a.missing, 12);
	assert_false(out.a.has_range);
}

static void test_what_is_left_out(void **state)
{
	(void)state;
	put_many(9, 4, FG_QC_PASS);
	put_many(1, 100, FG_QC_SUSPECT);
	put_many(1, 1000, FG_QC_FAIL);
	put_many(1, 0, FG_QC_MISSING);
	reckon();
	expect(4, FG_QC_PASS, 9);
	assert_int_equal(out.a.suspect, 1);
	assert_int_equal(out.a.fail, 1);
	assert_int_equal(out.a.missing, 1);
	assert_int_equal(out.a.maintenance, 0);
	assert_true(out.a.high == 4);
	items[0].maintenance = true; /* good otherwise: one too few */
	items[9].maintenance = true; /* counted once */
	reckon();
	expect(NAN, FG_QC_MISSING, 8);
	assert_int_equal(out.a.maintenance, 2);
	assert_int_equal(out.a.suspect, 0);
	assert_int_equal(out.a.missing, 1);
}

static void test_what_is_expected(void **state)
{
	static const int64_t rows[][2] = {
		{2 * H, 1}, {H, 1}, {7 * MIN, 8}, {1, 3600000}, {0, 3600000}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask.step_ms = rows[i][0];
		reckon();
		assert_int_equal(out.a.expected, rows[i][1]);
	}
}

/* By place, of each the latest, whatever the order in which they are found; then by time. */
static void test_settling(void **state)
{
	static const uint64_t rows[][3] = {/* place, seq, minute */
		{5, 9, 30}, {5, 5, 1}, {3, 3, 40}, {7, 7, 20}, {3, 8, 30}, {9, 10, 20}};
	static const uint64_t kept[][2] = {{7, 7}, {9, 10}, {3, 8}, {5, 9}};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct fg_sample *s =
			put(&samples, T0 + (int64_t)rows[i][2] * MIN, 1, FG_QC_PASS);

		s->place = rows[i][0];
		s->seq = rows[i][1];
	}
	items[6] = items[5]; /* behind the end */
	fg_samples_settle(&samples);
	assert_int_equal(samples.count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(items[i].place, kept[i][0]);
		assert_int_equal(items[i].seq, kept[i][1]);
	}
}

static void test_unjudged_makes_unjudged(void **state)
{
	(void)state;
	put_many(11, 4, FG_QC_PASS);
	put_many(1, 4, FG_QC_NOT_EVALUATED);
	reckon();
	expect(4, FG_QC_NOT_EVALUATED, 12);
	items[11].value = INFINITY; /* nothing that is no number is in a mean */
	reckon();
	expect(4, FG_QC_PASS, 11);
	assert_int_equal(out.a.fail, 1);
}

static void test_the_last_form_of_a_reading_counts(void **state)
{
	struct fg_sample *s;
	uint64_t place;

	(void)state;
	put_many(12, 6, FG_QC_PASS);
	place = items[3].place;
	s = put(&samples, T0 + 15 * MIN, 18, FG_QC_PASS);
	s->place = place;
	reckon();
	expect(7, FG_QC_PASS, 12);
	assert_int_equal(samples.count, 12);
	s = put(&samples, T0 + 15 * MIN, 18, FG_QC_FAIL); /* a spike, in the end */
	s->place = place;
	reckon();
	expect(6, FG_QC_PASS, 11);
	s = put(&samples, T0 + 2 * H, 18, FG_QC_PASS); /* it was not of this hour at all */
	s->place = place;
	reckon();
	assert_int_equal(out.a.fail, 0);
	assert_int_equal(out.a.missing, 1);
}

static void test_denser_than_usual(void **state)
{
	(void)state;
	/* ten minutes of an alarm: five readings a step, each step is one value */
	put_many(10, 1, FG_QC_PASS);
	for (int i = 0; i < 10; i++)
		put(&samples, T0 + 50 * MIN + i * MIN, 13, FG_QC_PASS);
	reckon();
	expect(3, FG_QC_PASS, 12);
	/* two more than expected are only polls that came early, whatever the hours beside have */
	samples.count = 0;
	put_many(12, 1, FG_QC_PASS);
	put(&samples, T0 + MIN, 15, FG_QC_PASS);
	put(&samples, T0 + 2 * MIN, 15, FG_QC_PASS);
	put(&samples, T0 - MIN, 100, FG_QC_PASS);
	put(&samples, T0 + H, 100, FG_QC_PASS);
	items[16] = items[0]; /* behind the end */
	reckon();
	expect(3, FG_QC_PASS, 14);
	samples.count = 0;
	put_many(12, 1, FG_QC_PASS);
	for (int i = 1; i <= 3; i++)
		put(&samples, T0 + i * MIN, 15, FG_QC_PASS);
	reckon(); /* the first five minutes are one value of four: 11.5 */
	expect((11 + 11.5) / 12, FG_QC_PASS, 12);
	/* steps begin with the hour, also where they do not divide the day */
	samples.count = 0;
	ask.step_ms = 7 * MIN;
	for (int i = 0; i < 60; i++)
		put(&samples, T0 + i * MIN, i < 7 ? 9 : 0, FG_QC_PASS);
	reckon();
	expect(1, FG_QC_PASS, 9);
}

static void test_denser_sums(void **state)
{
	(void)state;
	put_many(10, 1, FG_QC_PASS);
	for (int i = 0; i < 10; i++)
		put(&samples, T0 + 50 * MIN + i * MIN, 13, FG_QC_PASS);
	/* rain in mm/h likewise */
	ask.stat = FG_STAT_SUM;
	ask.factor = 1 / 12.0;
	reckon();
	expect(3, FG_QC_PASS, 12);
	/* amounts are added up each */
	ask.factor = 0;
	reckon();
	expect(140, FG_QC_PASS, 20);
}

static void test_sums(void **state)
{
	(void)state;
	ask.stat = FG_STAT_SUM;
	put_many(12, 0.2, FG_QC_PASS);
	reckon();
	expect(2.4, FG_QC_PASS, 12);
	ask.factor = 1 / 12.0; /* mm/h, each five minutes */
	reckon();
	expect(0.2, FG_QC_PASS, 12);
	samples.count = 8;
	reckon();
	expect(NAN, FG_QC_MISSING, 8);
	/* nothing is lost beside what is large */
	samples.count = 0;
	ask.factor = 0;
	put_many(1, 1e16, FG_QC_PASS);
	put_many(10, 1, FG_QC_PASS);
	put_many(1, -1e16, FG_QC_PASS);
	reckon();
	expect(10, FG_QC_PASS, 12);
}

static void test_directions_go_round(void **state)
{
	(void)state;
	ask.stat = FG_STAT_CIRCULAR_MEAN;
	put_many(6, 350, FG_QC_PASS);
	put_many(6, 30, FG_QC_PASS);
	reckon();
	expect(10, FG_QC_PASS, 12);
	assert_false(out.a.has_range); /* a circle has no least */
	samples.count = 0;
	put_many(6, 90, FG_QC_PASS);
	put_many(6, 270, FG_QC_PASS);
	reckon(); /* there is none */
	expect(NAN, FG_QC_MISSING, 12);
}

static void test_wind_as_vectors(void **state)
{
	(void)state;
	ask.stat = FG_STAT_VECTOR_MEAN;
	put_many(6, 0, FG_QC_PASS);
	put_many(6, 90, FG_QC_PASS);
	for (int i = 0; i < 12; i++)
		put(&speeds, T0 + i * 5 * MIN, i < 6 ? 1 : sqrt(3), FG_QC_PASS);
	reckon();
	expect(60, FG_QC_PASS, 12);
	/* without a speed a direction is not part of it; two steps are too long */
	memmove(&speed_items[3], &speed_items[6], 6 * sizeof(*speed_items));
	speeds.count = 9;
	reckon();
	assert_int_equal(out.a.count, 11);
	assert_int_equal(out.a.missing, 1);
	speed_items[8].qc = FG_QC_SUSPECT;
	reckon();
	assert_int_equal(out.a.count, 10);
	/* calm: no direction */
	for (size_t i = 0; i < speeds.count; i++)
		speed_items[i].value = 0;
	reckon();
	assert_true(isnan(out.value) && out.qc == FG_QC_MISSING);
}

static void test_a_speed_from_before_the_hour(void **state)
{
	(void)state;
	ask.stat = FG_STAT_VECTOR_MEAN;
	put_many(12, 45, FG_QC_PASS);
	put(&speeds, T0 - 2 * MIN, 5, FG_QC_PASS);
	assert_true(fg_period_since(&ask, T0) == T0 - 10 * MIN);
	reckon();
	assert_int_equal(out.a.count, 2);
	ask.speed_hold_ms = 62 * MIN; /* it is told only where it changes */
	reckon();
	expect(45, FG_QC_PASS, 12);
	assert_true(fg_period_since(&ask, T0) == T0 - 62 * MIN);
}

static void test_what_was_not_told_counts(void **state)
{
	(void)state;
	ask.hold_ms = 35 * MIN;
	put(&samples, T0 - 10 * MIN, 2, FG_QC_PASS); /* stands for 0, 5, 10, 15 minutes */
	put(&samples, T0 + 20 * MIN + 900, 8, FG_QC_PASS); /* and this one for 25 to 55 */
	reckon();
	expect((4 * 2 + 8 * 8) / 12.0, FG_QC_PASS, 12);
	assert_true(out.a.low == 2 && out.a.high == 8);
	assert_true(fg_period_since(&ask, T0) == T0 - 35 * MIN);
	/* not longer than it may stand */
	ask.hold_ms = 20 * MIN;
	reckon();
	expect(NAN, FG_QC_MISSING, 3 + 5);
	assert_int_equal(out.a.missing, 4);
	/* not beyond what failed */
	ask.hold_ms = 60 * MIN;
	put(&samples, T0 + 41 * MIN, NAN, FG_QC_MISSING);
	reckon();
	expect(NAN, FG_QC_MISSING, 8);
	/* what was bad stays bad */
	samples.count = 2;
	items[0].qc = FG_QC_SUSPECT;
	reckon();
	expect(NAN, FG_QC_MISSING, 8);
	assert_int_equal(out.a.suspect, 4);
	items[0].maintenance = true;
	reckon();
	assert_int_equal(out.a.maintenance, 4);
	assert_int_equal(out.a.suspect, 0);
	/* a poll that came half a step early is the one that was due */
	samples.count = 0;
	put(&samples, T0, 3, FG_QC_PASS);
	put(&samples, T0 + 10 * MIN - 150001, 3, FG_QC_PASS);
	ask.hold_ms = 5 * MIN;
	reckon();
	assert_int_equal(out.a.count, 3); /* 0, 7.5, 12.5: not 5 */
	items[1].at_ms++;
	reckon();
	assert_int_equal(out.a.count, 4);
	/* of what is always told, each stands for itself */
	samples.count = 1;
	ask.hold_ms = 0;
	reckon();
	assert_int_equal(out.a.count, 1);
}

static void test_held_sums_and_directions(void **state)
{
	(void)state;
	ask.hold_ms = 65 * MIN;
	ask.stat = FG_STAT_SUM;
	ask.factor = 1 / 12.0;
	put(&samples, T0, 6, FG_QC_PASS);
	put(&samples, T0 + 30 * MIN, 0, FG_QC_PASS);
	reckon();
	expect(3, FG_QC_PASS, 12);
	ask.stat = FG_STAT_CIRCULAR_MEAN;
	items[0].value = 30;
	items[1].value = 350;
	reckon();
	expect(10, FG_QC_PASS, 12);
	ask.stat = FG_STAT_VECTOR_MEAN;
	ask.speed_hold_ms = 65 * MIN;
	items[0].value = 0;
	items[1].value = 90;
	put(&speeds, T0, 1, FG_QC_PASS);
	put(&speeds, T0 + 30 * MIN, sqrt(3), FG_QC_PASS);
	reckon();
	expect(60, FG_QC_PASS, 12);
}

/* ---- longer periods ---- */

static void put_hours(int first, int count, double value)
{
	for (int i = 0; i < count; i++)
		put(&samples, T0 + (first + i + 1) * H, value, FG_QC_PASS);
}

static void test_running_means(void **state)
{
	(void)state;
	ask.period = FG_TOLD_RUNNING_8H;
	ask.to_ms = T0 + 8 * H;
	put_hours(-1, 1, 1000); /* the hour that ends as it begins is not of it */
	put_hours(0, 5, 10);
	reckon();
	expect(NAN, FG_QC_MISSING, 5);
	put_hours(7, 1, 40);
	reckon();
	expect(15, FG_QC_PASS, 6);
	assert_int_equal(out.a.expected, 8);
	assert_int_equal(out.a.missing, 2);
	assert_true(out.a.low == 10 && out.a.high == 40);
	items[2].qc = FG_QC_NOT_EVALUATED;
	reckon();
	expect(15, FG_QC_NOT_EVALUATED, 6);
}

static void test_days_of_23_and_25_hours(void **state)
{
	(void)state;
	ask.period = FG_TOLD_DAY;
	for (int hours = 23; hours <= 25; hours++) {
		const int least = hours == 25 ? 19 : 18; /* three quarters, rounded up */

		samples.count = 0;
		ask.to_ms = T0 + hours * H;
		put_hours(0, least - 1, 3);
		reckon();
		expect(NAN, FG_QC_MISSING, (unsigned)least - 1);
		put_hours(hours - 1, 1, 3 + least);
		put_hours(hours, 1, 1000); /* of the next one */
		reckon();
		assert_true(out.a.low == 3 && out.a.high == 3 + least);
		expect(4, FG_QC_PASS, (unsigned)least);
		assert_int_equal(out.a.expected, hours);
	}
}

static void test_hours_that_are_not_of_it(void **state)
{
	(void)state;
	ask.period = FG_TOLD_DAY;
	ask.to_ms = T0 + 24 * H;
	put_hours(0, 1, 1);
	put_hours(1, 20, 3);
	put_hours(21, 1, 50);
	put_hours(-200, 1, 1000);
	put_hours(200, 1, 1000);
	items[21].qc = FG_QC_SUSPECT;
	reckon();
	expect(61 / 21.0, FG_QC_PASS, 21);
	assert_true(out.a.low == 1 && out.a.high == 3);
	/* no longer than there is room for */
	ask.stat = FG_STAT_SUM;
	ask.to_ms = T0 + 60 * H;
	samples.count = 0;
	put_hours(0, 60, 2);
	reckon();
	expect(114, FG_QC_PASS, 57);
}

static void test_a_day_that_begins_at_half_past(void **state)
{
	(void)state;
	ask.period = FG_TOLD_DAY;
	ask.from_ms = T0 - H / 2;
	ask.to_ms = ask.from_ms + 24 * H;
	put_hours(-1, 24, 5); /* from T0 to T0 + 23 h */
	put_hours(-2, 1, 1000);
	put_hours(23, 1, 1000);
	reckon();
	expect(5, FG_QC_PASS, 24);
	assert_int_equal(out.a.missing, 0);
	/* an hour is of the day as soon as its end is */
	ask.from_ms = T0 - 1;
	samples.count = 0;
	put_hours(-1, 23, 5);
	reckon();
	expect(5, FG_QC_PASS, 23);
}

static void test_largest_mean_over_8_hours(void **state)
{
	(void)state;
	ask.period = FG_TOLD_DAY;
	ask.stat = FG_STAT_MAX_8H_MEAN;
	ask.to_ms = T0 + 24 * H;
	assert_true(fg_period_since(&ask, T0) == T0 - 7 * H);
	put_hours(-7, 7, 80); /* windows begin on the day before */
	put_hours(0, 24, 8);
	reckon();
	expect((7 * 80 + 8) / 8.0, FG_QC_PASS, 24);
	for (int i = 0; i < 7; i++) /* but not eight hours before */
		items[i].at_ms -= 7 * H;
	reckon();
	expect(8, FG_QC_PASS, 19);
	samples.count = 0;
	put_hours(0, 22, 8);
	reckon();
	expect(8, FG_QC_PASS, 19);
	/* six of eight hours, then five */
	samples.count = 0;
	put_hours(-7, 1, 1000);
	put_hours(-5, 4, 8);
	put_hours(0, 24, 8);
	reckon();
	expect(1040 / 6.0, FG_QC_PASS, 24);
	items[0].maintenance = true;
	reckon();
	expect(8, FG_QC_PASS, 23);
	samples.count = 0;
	put_hours(0, 22, 8);
	put_hours(9, 1, 48); /* of twice the same hour the later counts */
	reckon();
	expect(13, FG_QC_PASS, 19);
}

static void test_sum_of_a_day(void **state)
{
	(void)state;
	ask.period = FG_TOLD_DAY;
	ask.stat = FG_STAT_SUM;
	ask.to_ms = T0 + 24 * H;
	put_hours(0, 20, 0.5);
	reckon();
	expect(10, FG_QC_PASS, 20);
	samples.count = 17;
	reckon();
	expect(NAN, FG_QC_MISSING, 17);
	samples.count = 0;
	put_hours(0, 1, 1e16);
	put_hours(1, 18, 1);
	put_hours(19, 1, -1e16);
	reckon();
	expect(18, FG_QC_PASS, 20);
}

static void test_class(void **state)
{
	const struct fg_air_index *index = fg_air_index_find("no_hourly");

	(void)state;
	ask.index = index;
	ask.limits = fg_air_limits_find(index, "no2");
	assert_non_null(ask.limits);
	put_many(12, 250, FG_QC_PASS);
	reckon();
	assert_int_equal(out.a.index, fg_air_class(index, ask.limits, 250));
	assert_true(out.a.index > 1);
	assert_string_equal(out.a.key, index->keys[out.a.index - 1]);
	assert_string_equal(out.a.scheme, index->scheme);
	assert_string_equal(out.a.version, index->version);
	ask.limits = NULL; /* no limits, no class */
	reckon();
	assert_int_equal(out.a.index, 0);
	ask.limits = fg_air_limits_find(index, "no2");
	samples.count = 8; /* no mean, no class */
	reckon();
	assert_int_equal(out.a.index, 0);
	assert_string_equal(out.a.key, "");
}

static void test_sameness(void **state)
{
	struct fg_period_answer a, b;

	(void)state;
	put_many(12, 3, FG_QC_PASS);
	reckon();
	a = out;
#define DIFFERS(change)                                                                            \
	do {                                                                                       \
		b = a;                                                                             \
		change;                                                                            \
		assert_false(fg_period_same(&a, &b));                                              \
	} while (0)
	b = a;
	assert_true(fg_period_same(&a, &b));
	DIFFERS(b.value = 4);
	DIFFERS(b.value = NAN);
	DIFFERS(b.qc = FG_QC_NOT_EVALUATED);
	DIFFERS(b.a.from_ms++);
	DIFFERS(b.a.expected++);
	DIFFERS(b.a.count++);
	DIFFERS(b.a.suspect++);
	DIFFERS(b.a.fail++);
	DIFFERS(b.a.missing++);
	DIFFERS(b.a.maintenance++);
	DIFFERS(b.a.has_range = false);
	DIFFERS(b.a.low = 0);
	DIFFERS(b.a.high = 9);
	DIFFERS(b.a.index = 2);
	DIFFERS(b.a.scheme[0] ^= 1);
	DIFFERS(b.a.version[0] ^= 1);
	DIFFERS(b.a.key[0] ^= 1);
	a.value = NAN;
	b = a;
	assert_true(fg_period_same(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_mean_of_an_hour, begin),
		cmocka_unit_test_setup(test_three_quarters, begin),
		cmocka_unit_test_setup(test_what_is_left_out, begin),
		cmocka_unit_test_setup(test_unjudged_makes_unjudged, begin),
		cmocka_unit_test_setup(test_the_last_form_of_a_reading_counts, begin),
		cmocka_unit_test_setup(test_denser_than_usual, begin),
		cmocka_unit_test_setup(test_denser_sums, begin),
		cmocka_unit_test_setup(test_what_is_expected, begin),
		cmocka_unit_test_setup(test_settling, begin),
		cmocka_unit_test_setup(test_sums, begin),
		cmocka_unit_test_setup(test_directions_go_round, begin),
		cmocka_unit_test_setup(test_wind_as_vectors, begin),
		cmocka_unit_test_setup(test_a_speed_from_before_the_hour, begin),
		cmocka_unit_test_setup(test_what_was_not_told_counts, begin),
		cmocka_unit_test_setup(test_held_sums_and_directions, begin),
		cmocka_unit_test_setup(test_running_means, begin),
		cmocka_unit_test_setup(test_days_of_23_and_25_hours, begin),
		cmocka_unit_test_setup(test_hours_that_are_not_of_it, begin),
		cmocka_unit_test_setup(test_a_day_that_begins_at_half_past, begin),
		cmocka_unit_test_setup(test_largest_mean_over_8_hours, begin),
		cmocka_unit_test_setup(test_sum_of_a_day, begin),
		cmocka_unit_test_setup(test_class, begin),
		cmocka_unit_test_setup(test_sameness, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
