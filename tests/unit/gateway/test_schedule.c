/* SPDX-License-Identifier: EUPL-1.2 */
/* When groups are polled, over simulated days: intervals, phases, one poll of a device at a time,
 * overruns, and the wall clock. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

static struct fake f;

#define DAY (86400 * SEC)

/* Polls that are under way, by group index; 0: none. */
static int64_t ends_us[64];
static size_t seen;

static void begin(const char *yaml)
{
	fake_init(&f, yaml);
	f.store_full = true; /* readings are of no interest here */
	memset(ends_us, 0, sizeof(ends_us));
	seen = 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

/* Notes the polls that were just started; each device must have at most one under way. */
static void note_starts(int64_t takes_us)
{
	for (; seen < f.poll_count; seen++) {
		const struct fg_device *d = f.polls[seen].group->device;

		for (size_t i = 0; i < d->group_count; i++)
			assert_true(ends_us[d->groups[i].index] == 0);
		ends_us[f.polls[seen].group->index] = f.now.mono_us + takes_us;
	}
}

/* The daemon's loop: the core is called when it asked to be, `late_us` after that, and when a poll
 * is over; each takes takes_us. */
static void simulate(int64_t for_us, int64_t takes_us, int64_t late_us)
{
	int64_t until = f.now.mono_us + for_us;

	while (f.now.mono_us < until) {
		int64_t next = fake_turn(&f, 0) + late_us, ended = INT64_MAX;
		size_t which = 0;

		note_starts(takes_us);
		for (size_t i = 0; i < f.config->group_count; i++) {
			if (ends_us[i] && ends_us[i] < ended) {
				ended = ends_us[i];
				which = i;
			}
		}
		next = FG_MIN(FG_MIN(next, ended), until);
		f.now.wall_us += FG_MAX(next - f.now.mono_us, 0);
		f.now.mono_us = FG_MAX(next, f.now.mono_us);
		if (ended <= f.now.mono_us) {
			ends_us[which] = 0;
			fake_answer(&f, f.config->groups[which], 1);
		}
	}
}

static size_t polls_of(const struct fg_group *g, int64_t *ret_first, int64_t *ret_last)
{
	size_t n = 0;

	for (size_t i = 0; i < f.poll_count; i++) {
		if (f.polls[i].group != g)
			continue;
		if (n++ == 0)
			*ret_first = f.polls[i].mono_us;
		*ret_last = f.polls[i].mono_us;
	}
	return n;
}

static const char three[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  a: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s,\n"
	"    points: {ph: {table: input, address: 0, type: u16},\n"
	"             water_level: {table: input, address: 1, type: u16, interval: 60s}}}\n"
	"  b: {station: park, domain: air, link: plc, unit_id: 2, interval: 15s,\n"
	"    points: {pm25: {table: input, address: 0, type: u16}}}\n";

/* Each call comes 30 ms late and each poll takes 400 ms: still no poll is lost and none drifts. */
static void test_days_without_drift(void **state)
{
	(void)state;
	begin(three);
	simulate(2 * DAY, 400000, 30000);
	for (size_t i = 0; i < f.config->group_count; i++) {
		const struct fg_group *g = f.config->groups[i];
		int64_t first = 0, last = 0;
		size_t n = polls_of(g, &first, &last);

		assert_in_range(n, 2 * DAY / g->interval_us - 1, 2 * DAY / g->interval_us + 1);
		assert_in_range(llabs(last - first - (int64_t)(n - 1) * g->interval_us), 0,
			SEC / 2);
		assert_int_equal(f.core->groups[i].overruns, 0);
	}
}

static void test_phases_are_spread(void **state)
{
	char yaml[16384] = FAKE_HEAD FAKE_TOWN FAKE_LINK "devices:\n";
	unsigned in_second[60] = {0};
	size_t len = strlen(yaml);

	(void)state;
	for (int i = 0; i < 60; i++)
		len += (size_t)snprintf(yaml + len, sizeof(yaml) - len,
			"  d%d: {station: pier, domain: water, link: plc, unit_id: %d,"
			" interval: 60s,\n"
			"    points: {x_%d: {table: input, address: 0, type: u16}}}\n",
			i, i + 1, i);
	begin(yaml);
	for (int i = 0; i < 60; i++) {
		int64_t in_us = f.core->groups[i].due_mono_us - f.now.mono_us;

		assert_in_range(in_us, 0, 60 * SEC - 1);
		in_second[in_us / SEC]++;
	}
	for (int i = 0; i < 60; i++)
		assert_in_range(in_second[i], 0, 3);
	for (int i = 0; i < 60; i += 10) { /* evenly */
		unsigned n = 0;

		for (int k = i; k < i + 10; k++)
			n += in_second[k];
		assert_in_range(n, 9, 11);
	}
}

static void test_overruns_are_counted(void **state)
{
	uint64_t missed;
	int64_t first, last;
	size_t n;

	(void)state;
	begin(fake_yaml); /* each minute */
	simulate(3600 * SEC, 90 * SEC, 0);
	n = polls_of(f.config->groups[0], &first, &last);
	missed = f.core->groups[0].overruns;
	assert_in_range(n, 29, 31);
	assert_in_range(n + missed, 60, 61); /* every due time is a poll or an overrun */
	assert_int_equal(f.core->overruns, missed);
	assert_int_equal(fake_device(&f, "sonde")->overruns, missed);
}

/* The board slept for an hour: one poll at once, the rest are told as the gateway's own absence,
 * and the phase is kept. */
static void test_a_stall(void **state)
{
	uint64_t before, missing, today;
	int64_t due;

	(void)state;
	begin(fake_yaml);
	simulate(10 * 60 * SEC, 1000, 0);
	due = f.core->groups[0].due_mono_us;
	fg_ledger_totals(f.core->devices[0].ledger, f.now.wall_us, &before, &today);
	f.poll_count = seen = 0;
	fake_turn(&f, 3600 * SEC);
	assert_int_equal(f.poll_count, 1);
	fg_ledger_totals(f.core->devices[0].ledger, f.now.wall_us, &missing, &today);
	assert_in_range(missing - before, 59, 60);
	assert_int_equal(f.core->groups[0].overruns, 0);
	assert_true(f.core->groups[0].due_mono_us > f.now.mono_us);
	assert_true((f.core->groups[0].due_mono_us - due) % (60 * SEC) == 0);
}

/* A fast group whose polls take all the time does not starve the slow one. */
static void test_groups_of_a_device_take_turns(void **state)
{
	static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  a: {station: pier, domain: water, link: plc, unit_id: 1, interval: 1s,\n"
		"    points: {ph: {table: input, address: 0, type: u16},\n"
		"             water_level: {table: input, address: 1, type: u16, interval: 10s,"
		" unit: m}}}\n";
	int64_t first, last;

	(void)state;
	begin(yaml);
	simulate(600 * SEC, 1500000, 0);
	assert_in_range(polls_of(fake_group(&f, "a", 1), &first, &last), 58, 61);
	assert_true(polls_of(fake_group(&f, "a", 0), &first, &last) > 200);
}

static const char aligned[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, align: true,\n"
	"    interval: 10s, points: {ph: {table: input, address: 0, type: u16}}}\n";

static void all_on_the_mark(size_t from, size_t least)
{
	assert_true(f.poll_count - from >= least);
	for (size_t i = from; i < f.poll_count; i++) {
		assert_in_range(f.polls[i].wall_us % (10 * SEC), 0, SEC / 5);
		if (i > from) /* and each mark once */
			assert_true(f.polls[i].wall_us / (10 * SEC) >
				    f.polls[i - 1].wall_us / (10 * SEC));
	}
}

static void test_align(void **state)
{
	size_t from;

	(void)state;
	begin(aligned);
	f.now.wall_us += 3333333;
	f.core->time.clock.offset_us = f.now.wall_us - f.now.mono_us;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	fake_turn(&f, 0);
	f.core->groups[0].due_mono_us = 0;
	fg_schedule_init(f.core, f.now, &f.core->groups[0]);
	from = f.poll_count;
	simulate(3600 * SEC, 100000, 20000);
	all_on_the_mark(from, 359);
	assert_int_equal(f.core->overruns, 0);
}

/* The clock is set: forward, back, by a little, by years. */
static void test_align_over_jumps(void **state)
{
	static const int64_t jumps[] = {4 * SEC, -4 * SEC, 3600 * SEC, -3601 * SEC,
		INT64_C(1000000000) * SEC + 7, 150000, -150000};

	(void)state;
	begin(aligned);
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		size_t from = f.poll_count;

		simulate(100 * SEC, 100000, 5000);
		all_on_the_mark(from, 8);
		f.now.wall_us += jumps[i];
		fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
		fake_turn(&f, 0); /* the daemon looks at least each second */
		note_starts(100000);
	}
}

/* Steps too small to be worth a new schedule never make a mark be polled twice. */
static void test_align_over_small_steps(void **state)
{
	(void)state;
	begin(aligned);
	for (int i = 0; i < 40; i++) {
		size_t from = f.poll_count;

		f.now.wall_us -= 90000;
		fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
		simulate(10 * SEC, 1000, 0);
		assert_true(f.poll_count - from <= 1);
	}
	assert_true(f.poll_count >= 38);
	assert_int_equal(f.core->overruns, 0);
}

/* Before 1970, too. */
static void test_align_with_a_clock_before_the_epoch(void **state)
{
	(void)state;
	begin(aligned);
	f.now.wall_us = -5 * SEC;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	fake_turn(&f, 0);
	assert_true(f.core->groups[0].due_mono_us == f.now.mono_us + 5 * SEC);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_days_without_drift),
		TEST(test_phases_are_spread),
		TEST(test_overruns_are_counted),
		TEST(test_a_stall),
		TEST(test_groups_of_a_device_take_turns),
		TEST(test_align),
		TEST(test_align_over_jumps),
		TEST(test_align_over_small_steps),
		TEST(test_align_with_a_clock_before_the_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
