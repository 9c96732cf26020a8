/* SPDX-License-Identifier: EUPL-1.2 */
/* What the core tells of hours and of longer periods: when, once, again where it changes, over
 * restarts, reloads and corrections. The store's reader is one of the fake's entries. */
#include "hours_fake.h"

#define POINT(hourly)                                                                              \
	FAKE_HEAD FAKE_TOWN FAKE_LINK                                                              \
	"devices:\n"                                                                               \
	"  air: {station: pier, domain: air, link: plc, unit_id: 1, interval: 5m,\n"              \
	"    points: {no2: {table: input, address: 0, qc: off}}" hourly "}\n"

static const char plain[] = POINT(", hourly: {no2: true}");
static const char longer[] = POINT(", hourly: {no2: {also: [running-8h, running-24h, daily, "
				   "daily-max-8h]}}");
static const char none[] = POINT("");

/* Two devices of a station, one pollutant each, and a third pollutant that nobody reads. */
#define TWO(also)                                                                                  \
	FAKE_HEAD FAKE_TOWN FAKE_LINK                                                              \
	"devices:\n"                                                                               \
	"  air: {station: pier, domain: air, link: plc, unit_id: 1, interval: 5m,\n"              \
	"    points: {no2: {table: input, address: 0, qc: off}},\n"                               \
	"    hourly: {no2: {scheme: eaqi-2024}}}\n"                                               \
	"  dust: {station: pier, domain: air, link: plc, unit_id: 2, interval: 5m,\n"             \
	"    points: {pm10: {table: input, address: 0, qc: off}},\n"                              \
	"    hourly: {pm10: {scheme: eaqi-2024}}}\n" also
static const char two[] = TWO("");
/* One of another station, and one of another scheme. */
static const char four[] = TWO(
	"  elsewhere: {station: park, domain: air, link: plc, unit_id: 3, interval: 5m,\n"
	"    points: {o3: {table: input, address: 0, qc: off}, wet: {property: no2, table: input, "
	"address: 1, qc: off}},\n"
	"    hourly: {o3: {scheme: none}, wet: true}}\n");

static void test_an_hour_is_told_when_it_has_settled(void **state)
{
	int64_t t;
	const struct fg_item *i;

	(void)state;
	begin_with(plain);
	t = to_the_hour(10); /* the hour in which the store began: half of it */
	hour(t, 0);
	fake_turn(&f, 59 * SEC);
	answer_reads();
	hour(t, 0);
	fake_turn(&f, 2 * SEC);
	answer_reads();
	expect(hour(t, 1), NAN, 5);
	steps(12, 10); /* no longer on the hour, by a minute */
	i = hour(t + HOUR_MS, 1);
	expect(i, 10, 12);
	assert_int_equal(i->replaces, 0);
	assert_true(i->aggregate->from_ms == t);
	assert_int_equal(i->aggregate->index, 1);
	assert_string_equal(i->aggregate->scheme, "no-luftkvalitet");
	for (int k = 0; k < 20; k++) { /* it is told once */
		fake_turn(&f, 60 * SEC);
		answer_reads();
	}
	hour(t + HOUR_MS, 1);
}

static void test_an_hour_without_readings_is_told(void **state)
{
	int64_t t;

	(void)state;
	begin_with(plain);
	t = to_the_hour(10);
	for (int k = 0; k < 13; k++) {
		fake_turn(&f, STEP_US);
		answer_reads();
	}
	expect(hour(t + HOUR_MS, 1), NAN, 1);
	assert_int_equal(hour(t + HOUR_MS, 1)->aggregate->missing, 11);
}

static void test_a_correction_is_told_again(void **state)
{
	const struct fg_item *i;
	struct fake_reading *r;
	uint64_t first, corrected;
	int64_t t;

	(void)state;
	begin_with(plain);
	t = to_the_hour(10);
	corrected = f.appended_next;
	steps(13, 10);
	first = hour(t + HOUR_MS, 1)->seq;
	expect(hour(t + HOUR_MS, 1), 10, 12);
	for (int k = 0; k < 2; k++) {
		/* a reading of the hour in another form, by the store */
		f.restamp = (struct fake_lot){.first = f.appended_next, .max = 1};
		r = &f.stored[f.appended_next++ - FAKE_FIRST_SEQ];
		*r = f.stored[corrected - FAKE_FIRST_SEQ];
		while (r->item.kind != FG_ITEM_READING ||
			r->item.wall_ms < t)
			*r = f.stored[++corrected - FAKE_FIRST_SEQ];
		r->item.replaces = corrected;
		r->item.seq = f.appended_next - 1;
		r->item.value.f = 22 + 12 * k;
		f.core->next_seq = f.appended_next;
		fake_commit(&f);
		for (int n = 0; n < 3; n++) {
			fake_turn(&f, 40 * SEC);
			answer_reads();
		}
		i = hour(t + HOUR_MS, 2 + (size_t)k);
		expect(i, 11 + k, 12);
		assert_int_equal(i->replaces, first); /* always the first one */
	}
}

static void test_nothing_twice_over_a_restart(void **state)
{
	uint64_t first;
	int64_t t;

	(void)state;
	begin_with(plain);
	t = to_the_hour(10);
	steps(13, 10);
	first = hour(t + HOUR_MS, 1)->seq;
	steps(6, 30); /* in the middle of the hour */
	restart();
	steps(10, 30);
	assert_int_equal(hour(t + HOUR_MS, 1)->seq, first);
	expect(hour(t + 2 * HOUR_MS, 1), (2 * 10 + 10 * 30) / 12.0, 12);
	assert_int_equal(hour(t + 2 * HOUR_MS, 1)->replaces, 0);
}

static void test_a_crash_before_it_is_told(void **state)
{
	size_t n;
	int64_t t;

	(void)state;
	begin_with(longer);
	for (int k = 0; k < 8; k++)
		to_the_hour(10);
	t = to_the_hour(20);
	until_asked();
	restart();
	steps(3, 20);
	expect(hour(t, 1), (10 + 11 * 20) / 12.0, 12);
	told(FG_TOLD_RUNNING_8H, FG_STAT_MEAN, t, &n);
	assert_int_equal(n, 1);
}

/* Of a new store, whose note has never been due yet: nobody sees the end of its first hour. */
static void test_a_crash_in_the_first_hour(void **state)
{
	int64_t left_us;

	(void)state;
	begin_with(plain);
	left_us = (HOUR_MS - now_ms() % HOUR_MS) * 1000;
	steps((int)(left_us / STEP_US) - 1, 10);
	fake_turn(&f, 0);
	fake_commit(&f);
	f.now.mono_us += HOUR_MS * 1000;
	f.now.wall_us += HOUR_MS * 1000;
	restart();
	steps(2, 10);
	hour(now_ms() - now_ms() % HOUR_MS - HOUR_MS, 1);
}

/* Ten points, ten readings a second: they are not all gathered at once. */
static void test_fast_points_are_looked_at_a_few_at_a_time(void **state)
{
	char yaml[4096];
	size_t most = 0, seen = 0;
	struct fg_buf out;

	(void)state;
	fg_buf_wrap(&out, yaml, sizeof(yaml));
	fg_buf_puts(&out, FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n  air: {station: pier, domain: air, link: plc, unit_id: 1, "
		"interval: 100ms, points: {");
	for (int i = 0; i < 10; i++)
		fg_buf_printf(&out, "x_%d: {table: input, address: %d, unit: \"1\"}, ", i, i);
	fg_buf_puts(&out, "}, hourly: {");
	for (int i = 0; i < 10; i++)
		fg_buf_printf(&out, "x_%d: true, ", i);
	fg_buf_puts(&out, "}}\n");
	begin_with(yaml);
	fake_turn(&f, 0);
	fake_turn(&f, HOUR_MS * 1000);
	until_asked();
	while (asked) {
		most = FG_MAX(most, asked->count);
		seen += asked->count;
		answer_one();
		fake_turn(&f, 0);
	}
	assert_int_equal(most, 7); /* of 36,000 readings each */
	assert_int_equal(seen, 10);
}

/* After two days of standby: each hour of each point is to be told, however many these are. */
static void test_many_points_have_room(void **state)
{
	enum { POINTS = 200, HOURS = 48 };
	static char yaml[32 << 10];
	struct fg_buf out;

	(void)state;
	fg_buf_wrap(&out, yaml, sizeof(yaml));
	fg_buf_puts(&out, FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n  air: {station: pier, domain: air, link: plc, unit_id: 1, "
		"interval: 5m, points: {");
	for (int i = 0; i < POINTS; i++)
		fg_buf_printf(&out, "x_%d: {table: input, address: %d, unit: \"1\"}, ", i, i);
	fg_buf_puts(&out, "}, hourly: {");
	for (int i = 0; i < POINTS; i++)
		fg_buf_printf(&out, "x_%d: true, ", i);
	fg_buf_puts(&out, "}}\n");
	begin_with(yaml);
	fake_turn(&f, 0);
	fake_turn(&f, HOURS * HOUR_MS * 1000);
	assert_int_equal(f.core->hours->mark_count, POINTS * HOURS);
	assert_false(f.core->hours->crowded);
	for (int i = 0; i < 3; i++) { /* and they go, as they are told */
		until_asked();
		answer_one();
		check_marks();
	}
	assert_true(f.core->hours->mark_count < POINTS * HOURS);
}

/* The end comes when an hour is durable and what is made of it is not. */
static void test_a_crash_between_an_hour_and_longer_periods(void **state)
{
	size_t n;
	int64_t t;

	(void)state;
	begin_with(longer);
	for (int k = 0; k < 8; k++)
		to_the_hour(10);
	t = to_the_hour(20);
	until_asked();
	answer_one();
	hour(t, 1);
	told(FG_TOLD_RUNNING_8H, FG_STAT_MEAN, t, &n);
	assert_int_equal(n, 0);
	restart();
	steps(3, 20);
	hour(t, 1);
	told(FG_TOLD_RUNNING_8H, FG_STAT_MEAN, t, &n);
	assert_int_equal(n, 1);
}

static void test_longer_periods(void **state)
{
	const struct fg_item *day;
	size_t n;

	(void)state;
	begin_with(longer);
	steps(12 * 60, 16);
	told(FG_TOLD_RUNNING_8H, FG_STAT_MEAN, 0, &n);
	assert_in_range(n, 58, 60);
	told(FG_TOLD_RUNNING_24H, FG_STAT_MEAN, 0, &n);
	assert_in_range(n, 58, 60);
	day = told(FG_TOLD_DAY, FG_STAT_MEAN, 0, &n);
	assert_in_range(n, 2, 3);
	expect(day, 16, 24);
	assert_true((day->wall_ms + 2 * HOUR_MS) % (24 * HOUR_MS) == 0); /* Oslo, in summer */
	expect(told(FG_TOLD_DAY, FG_STAT_MAX_8H_MEAN, day->wall_ms, &n), 16, 24);
	assert_int_equal(n, 1);
}

/* Beside a running mean of the same hours a day still has its first windows. */
static void test_late_reading_of_the_last_hour_of_a_day(void **state)
{
	const struct fg_item *day;
	struct fake_reading *r;
	uint64_t from = 0;
	int64_t end_ms;
	size_t n;

	(void)state;
	begin_with(longer);
	steps(12 * 60, 16);
	end_ms = told(FG_TOLD_DAY, FG_STAT_MEAN, 0, &n)->wall_ms;
	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next && !from; seq++) {
		r = &f.stored[seq - FAKE_FIRST_SEQ];
		if (r->item.kind == FG_ITEM_READING && r->item.wall_ms >= end_ms - HOUR_MS)
			from = seq;
	}
	r = &f.stored[f.appended_next - FAKE_FIRST_SEQ];
	*r = f.stored[from - FAKE_FIRST_SEQ];
	r->item.replaces = from;
	r->item.seq = f.appended_next++;
	r->item.value.f += 12 * 24;
	f.core->next_seq = f.appended_next;
	fake_commit(&f);
	steps(2, 16);
	day = told(FG_TOLD_DAY, FG_STAT_MEAN, end_ms, &n);
	assert_int_equal(n, 2);
	expect(day, 17, 24);
	day = told(FG_TOLD_DAY, FG_STAT_MAX_8H_MEAN, end_ms, &n);
	assert_int_equal(n, 2);
	expect(day, 19, 24);
	told(FG_TOLD_RUNNING_8H, FG_STAT_MEAN, end_ms, &n);
	assert_int_equal(n, 2);
}

static void test_points_come_and_go(void **state)
{
	int64_t t;
	size_t n;

	(void)state;
	begin_with(longer);
	t = to_the_hour(10);
	until_asked();
	fake_reload(&f, plain);
	steps(1, 10);
	hour(t, 1);
	told(FG_TOLD_RUNNING_8H, FG_STAT_MEAN, 0, &n);
	assert_int_equal(n, 0);
	steps(6, 10);
	fake_reload(&f, none);
	steps(12, 10);
	hour(t + HOUR_MS, 0);
	fake_reload(&f, plain);
	steps(12, 10);
	expect(hour(t + 2 * HOUR_MS, 1), 10, 12); /* what the store has of it */
}

/* Another thread reads the store meanwhile: what it looks for stays until it is back. */
static void test_a_scan_under_way_over_a_reload(void **state)
{
	int64_t t;

	(void)state;
	begin_with(plain);
	t = to_the_hour(10);
	steps(18, 10);
	restart(); /* the hour that is not told yet is looked through */
	for (int i = 0; i < 5 && !asked; i++)
		fake_turn(&f, 0);
	assert_non_null(asked);
	assert_true(asked->scan);
	assert_int_equal(asked->source_count, 1);
	fake_reload(&f, longer);
	fake_reload(&f, none);
	assert_string_equal(asked->sources[0]->station, "pier");
	assert_string_equal(asked->sources[0]->point, "no2");
	fake_reload(&f, plain);
	steps(13, 10);
	expect(hour(t + 2 * HOUR_MS, 1), 10, 12);
}

static void test_a_store_that_cannot_be_read(void **state)
{
	int64_t t;

	(void)state;
	begin_with(plain);
	t = to_the_hour(10);
	store_fails = true;
	steps(13, 10);
	hour(t + HOUR_MS, 0);
	store_fails = false;
	steps(1, 10);
	expect(hour(t + HOUR_MS, 1), 10, 12);
}

static void test_a_full_store(void **state)
{
	int64_t t;

	(void)state;
	begin_with(plain);
	t = to_the_hour(10);
	steps(12, 10);
	f.store_full = true;
	fake_turn(&f, 61 * SEC);
	answer_reads();
	hour(t + HOUR_MS, 0);
	f.store_full = false;
	steps(3, 10);
	expect(hour(t + HOUR_MS, 1), 10, 12);
}

/* ---- the class of a station ---- */

static void two_steps(int n, double no2, double pm10)
{
	for (; n; n--) {
		const struct fg_group *g = fake_group(&f, "dust", 0);

		fake_turn(&f, STEP_US);
		answer(no2);
		f.core->groups[g->index].busy = true;
		if (isnan(pm10))
			fake_fail(&f, g, FG_REASON_NO_RESPONSE);
		else
			fake_answer(&f, g, pm10);
		fake_commit(&f);
		answer_reads();
	}
}

static int64_t two_to_the_hour(double no2, double pm10)
{
	do
		two_steps(1, no2, pm10);
	while (now_ms() % HOUR_MS);
	return now_ms();
}

static const struct fg_item *station(int64_t to_ms, size_t times)
{
	size_t n;
	const struct fg_item *i = told(FG_TOLD_HOUR, FG_STAT_WORST_CLASS, to_ms, &n);

	assert_int_equal(n, times);
	return i;
}

static void expect_class(
	const struct fg_item *i, unsigned class, const char *by, unsigned count)
{
	const struct fg_point_desc *d;

	assert_non_null(i);
	d = &fg_series_by_id(&f.series, i->point)->desc;
	assert_string_equal(d->station, "pier");
	assert_string_equal(d->device, "");
	assert_string_equal(d->point, "air_quality_eaqi_2024");
	assert_int_equal(i->aggregate->index, class);
	assert_string_equal(i->aggregate->by, by);
	assert_int_equal(i->aggregate->count, count);
	assert_int_equal(i->aggregate->expected, 2);
	assert_int_equal(i->aggregate->missing, 2 - count);
	assert_int_equal(i->qc, class ? FG_QC_NOT_EVALUATED : FG_QC_MISSING);
}

static void test_the_worst_of_two_devices(void **state)
{
	int64_t t;

	(void)state;
	begin_with(two);
	t = two_to_the_hour(20, 130); /* half an hour */
	two_steps(1, 20, 130);
	expect_class(station(t, 1), 0, "", 0);
	t = two_to_the_hour(20, 130);
	station(t, 0);
	two_steps(1, 20, NAN);
	expect_class(station(t, 1), 4, "pm10", 2); /* fair and poor */
	assert_int_equal(station(t, 1)->replaces, 0);
	t = two_to_the_hour(20, NAN);
	two_steps(1, 20, 1);
	expect_class(station(t, 1), 2, "no2", 1); /* the other fell silent */
	restart();
	two_steps(3, 20, 1);
	station(t, 1);
}

static void test_a_class_is_told_again(void **state)
{
	uint64_t first;
	int64_t t;

	(void)state;
	begin_with(two);
	two_to_the_hour(20, 1);
	t = two_to_the_hour(20, 1);
	two_steps(1, 20, 1);
	first = station(t, 1)->seq;
	expect_class(station(t, 1), 2, "no2", 2);
	correct(last_no2(t), 20 + 12 * 900, FG_QC_NOT_EVALUATED);
	two_steps(2, 20, 1);
	expect_class(station(t, 2), 6, "no2", 2);
	assert_int_equal(station(t, 2)->replaces, first);
}

/* The end comes when the hours are durable and the class is not. */
static void test_a_crash_between_hours_and_class(void **state)
{
	int64_t t;

	(void)state;
	begin_with(two);
	two_to_the_hour(20, 130);
	t = two_to_the_hour(20, 130);
	until_asked();
	answer_one();
	hour(t, 2);
	station(t, 0);
	restart();
	two_steps(2, 20, 130);
	hour(t, 2);
	expect_class(station(t, 1), 4, "pm10", 2);
}

static void test_stations_and_schemes_are_apart(void **state)
{
	const struct fg_hours_series *s;
	struct fg_hours_series all[8];
	size_t n = 0;

	(void)state;
	begin_with(four);
	for (size_t i = f.config->point_count; i < fg_series_count(f.config); i++)
		all[n++] = fg_hours_series_at(f.config, i);
	assert_int_equal(n, 6); /* four hours, two classes */
	s = &all[4];
	assert_string_equal(s->desc.station, "pier");
	assert_string_equal(s->desc.point, "air_quality_eaqi_2024");
	assert_int_equal(s->pollutants, 2);
	s = &all[5];
	assert_string_equal(s->desc.station, "park");
	assert_string_equal(s->desc.point, "air_quality_no_hourly");
	assert_int_equal(s->pollutants, 1);
}

/* Read five times as often from now on: hours before expect what they expected. */
static void test_another_interval(void **state)
{
	static const char fast[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  air: {station: pier, domain: air, link: plc, unit_id: 1, interval: 1m,\n"
		"    points: {no2: {table: input, address: 0, qc: off}}, hourly: {no2: true}}\n";
	uint64_t last;
	int64_t t;

	(void)state;
	begin_with(plain);
	t = to_the_hour(10);
	steps(13, 10);
	expect(hour(t + HOUR_MS, 1), 10, 12);
	fake_reload(&f, fast);
	last = last_no2(t + HOUR_MS);
	correct(last, 22, FG_QC_PASS);
	steps_of(60 * SEC, 55, 34);
	expect(hour(t + HOUR_MS, 2), 11, 12);
	steps(1, 34);
	/* that in which it changed goes by the longer one */
	expect(hour(t + 2 * HOUR_MS, 1), (10 + (10 + 4 * 34) / 5.0 + 10 * 34) / 12, 12);
	assert_int_equal(hour(t + 2 * HOUR_MS, 1)->aggregate->expected, 12);
	/* and later ones by the new */
	steps_of(60 * SEC, 65, 34);
	assert_int_equal(hour(t + 3 * HOUR_MS, 1)->aggregate->expected, 60);
	/* after a start as well */
	restart();
	correct(last, 10, FG_QC_PASS);
	steps(2, 34);
	expect(hour(t + HOUR_MS, 3), 10, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_an_hour_is_told_when_it_has_settled, end),
		cmocka_unit_test_teardown(test_an_hour_without_readings_is_told, end),
		cmocka_unit_test_teardown(test_a_correction_is_told_again, end),
		cmocka_unit_test_teardown(test_nothing_twice_over_a_restart, end),
		cmocka_unit_test_teardown(test_a_crash_before_it_is_told, end),
		cmocka_unit_test_teardown(test_a_crash_in_the_first_hour, end),
		cmocka_unit_test_teardown(test_fast_points_are_looked_at_a_few_at_a_time, end),
		cmocka_unit_test_teardown(test_a_crash_between_an_hour_and_longer_periods, end),
		cmocka_unit_test_teardown(test_many_points_have_room, end),
		cmocka_unit_test_teardown(test_longer_periods, end),
		cmocka_unit_test_teardown(test_late_reading_of_the_last_hour_of_a_day, end),
		cmocka_unit_test_teardown(test_points_come_and_go, end),
		cmocka_unit_test_teardown(test_another_interval, end),
		cmocka_unit_test_teardown(test_a_scan_under_way_over_a_reload, end),
		cmocka_unit_test_teardown(test_a_store_that_cannot_be_read, end),
		cmocka_unit_test_teardown(test_a_full_store, end),
		cmocka_unit_test_teardown(test_the_worst_of_two_devices, end),
		cmocka_unit_test_teardown(test_a_class_is_told_again, end),
		cmocka_unit_test_teardown(test_a_crash_between_hours_and_class, end),
		cmocka_unit_test_teardown(test_stations_and_schemes_are_apart, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
