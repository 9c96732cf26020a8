/* SPDX-License-Identifier: EUPL-1.2 */
/* What is told of a point: report by exception and alarms, with the ledger's account of it. */
#include "fake.h"

static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s, points: {\n"
	"    x_calm: {table: input, address: 0, type: u16, unit: \"1\",\n"
	"      report: {on_change: 0.5, at_least_every: 5m},\n"
	"      qc: {gross_range: {fail: [-50, 50], suspect: [-30, 30]}}}}}\n"
	"  gauge: {station: pier, domain: water, link: plc, unit_id: 2, interval: 60s, points: {\n"
	"    x_level: {table: input, address: 0, type: u16, unit: \"1\",\n"
	"      qc: {gross_range: {fail: [-50, 50], suspect: [-30, 30]}},\n"
	"      alarm: {above: 25, below: -5, hysteresis: 1, interval: 5s}}}}\n";

/* Of the second device: the limit is still there, and something else is not as it was. */
static const char changed_yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s, points: {\n"
	"    x_calm: {table: input, address: 0, type: u16, unit: \"1\",\n"
	"      report: {on_change: 0.5, at_least_every: 5m},\n"
	"      qc: {gross_range: {fail: [-50, 50], suspect: [-30, 30]}}}}}\n"
	"  gauge: {station: pier, domain: water, link: plc, unit_id: 2, interval: 60s,\n"
	"    timeout: 2s, points: {x_level: {table: input, address: 0, type: u16, unit: \"1\",\n"
	"      qc: {gross_range: {fail: [-50, 50], suspect: [-30, 30]}},\n"
	"      alarm: {above: 24, hysteresis: 1, interval: 5s}}}}\n";

static struct fake f;
static const struct fg_group *sonde, *gauge;
static size_t polls_seen;
static double shows[2]; /* what the two instruments show */

static int begin(void **state)
{
	(void)state;
	fake_init(&f, yaml);
	sonde = fake_group(&f, "sonde", 0);
	gauge = fake_group(&f, "gauge", 0);
	polls_seen = 0;
	shows[0] = shows[1] = 10;
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

/* Polls are answered at once. */
static int64_t turn(void)
{
	int64_t next_us = fake_turn(&f, 0);

	for (; polls_seen < f.poll_count; polls_seen++) {
		const struct fg_group *g = f.polls[polls_seen].group;

		fake_answer(&f, g, shows[g->device->index]);
	}
	return FG_MIN(fake_turn(&f, 0), next_us);
}

static void live(int64_t us)
{
	int64_t until_us = f.now.mono_us + us;

	while (f.now.mono_us < until_us) {
		int64_t next_us = FG_MAX(FG_MIN(turn(), until_us), f.now.mono_us + 1);

		f.now.wall_us += next_us - f.now.mono_us;
		f.now.mono_us = next_us;
	}
	turn();
}

static unsigned polls_of(const struct fg_group *g, int64_t us)
{
	size_t from = f.poll_count;
	unsigned n = 0;

	live(us);
	for (; from < f.poll_count; from++)
		n += f.polls[from].group == g;
	return n;
}

static struct fg_point_run *run_of(const struct fg_group *g)
{
	return &f.core->points[g->points[0]->index];
}

static const struct fake_reading *newest(const struct fg_group *g)
{
	for (uint64_t seq = f.appended_next; seq-- > FAKE_FIRST_SEQ;) {
		const struct fake_reading *r = &f.stored[seq - FAKE_FIRST_SEQ];

		if (r->item.kind == FG_ITEM_READING && r->item.point == run_of(g)->series->id)
			return r;
	}
	return NULL;
}

struct sums {
	uint64_t readings, gaps, scheduled, sent, suppressed, missing;
};

static struct sums sums_of(const struct fg_group *g)
{
	const uint32_t id = run_of(g)->series->id;
	struct sums s = {0};

	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++) {
		const struct fake_reading *r = &f.stored[seq - FAKE_FIRST_SEQ];

		if (r->item.kind == FG_ITEM_READING && r->item.point == id)
			s.readings += r->item.qc != FG_QC_MISSING;
		if (r->item.kind == FG_ITEM_GAP && r->item.point == id)
			s.gaps += r->gap.count;
		for (size_t i = 0; r->item.kind == FG_ITEM_ACCOUNT && i < r->account.count; i++) {
			const struct fg_account_line *line = &r->account.lines[i];

			if (line->point != id)
				continue;
			s.scheduled += line->scheduled;
			s.sent += line->sent;
			s.suppressed += line->suppressed;
			s.missing += line->missing;
		}
	}
	return s;
}

static void stop(void)
{
	fg_core_stop(f.core, f.now);
	fake_turn(&f, 2 * SEC);
	fake_commit(&f);
	assert_true(fg_core_idle(f.core));
}

static void restart_untimed(int64_t off_us)
{
	f.now.mono_us += off_us;
	f.now.wall_us += off_us;
	fake_restart(&f);
	polls_seen = f.poll_count;
}

static void know_the_time(void)
{
	f.offset_us = f.now.wall_us - f.now.mono_us;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++) {
		struct fake_reading *s = &f.stored[seq - FAKE_FIRST_SEQ];

		if (!s->has_wall)
			s->item.wall_ms = (s->mono_us + f.offset_us) / 1000;
		s->has_wall = true;
	}
	fake_timed(&f);
}

static void restart(int64_t off_us)
{
	restart_untimed(off_us);
	know_the_time();
}

static void assert_law(const struct sums *s)
{
	assert_int_equal(s->sent, s->readings);
	assert_int_equal(s->missing, s->gaps);
	assert_int_equal(s->scheduled, s->readings + s->suppressed + s->gaps);
}

/* ---- report by exception ---- */

static size_t told(double value)
{
	size_t n = sums_of(sonde).readings;

	shows[0] = value;
	live(60 * SEC);
	return sums_of(sonde).readings - n;
}

static void test_what_changes_is_told(void **state)
{
	(void)state;
	live(SEC);
	assert_int_equal(sums_of(sonde).readings, 1); /* the first */
	assert_int_equal(told(10.4), 0);
	assert_int_equal(told(10.5), 1);
	assert_int_equal(told(10.1), 0);
	assert_int_equal(told(10.0), 1);
	/* small steps add up */
	assert_int_equal(told(10.3), 0);
	assert_int_equal(told(10.6), 1);
	/* at least each five minutes: with the poll before that would be too late */
	for (int i = 0; i < 4; i++)
		assert_int_equal(told(10.6), 0);
	assert_int_equal(told(10.6), 1);
	assert_int_equal(f.core->suppressed, 7);
}

static void test_quality_is_told(void **state)
{
	(void)state;
	live(SEC);
	assert_int_equal(told(29.9), 1);
	assert_int_equal(told(30.1), 1); /* suspect from 30 on */
	assert_int_equal(newest(sonde)->item.qc, FG_QC_SUSPECT);
	assert_int_equal(told(30.2), 0);
	assert_int_equal(told(30), 1);
	assert_int_equal(newest(sonde)->item.qc, FG_QC_PASS);
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	assert_int_equal(newest(sonde)->item.qc, FG_QC_MISSING);
	assert_int_equal(told(30), 1); /* back, though nothing changed */
}

/* A reading that was told and then dropped by the full store is nobody's last one. */
static void test_what_was_dropped_is_told_again(void **state)
{
	(void)state;
	live(SEC);
	assert_int_equal(told(12), 1);
	assert_int_equal(told(12), 0);
	fg_core_dropped(f.core, newest(sonde)->item.seq, newest(sonde)->item.seq + 1, 1);
	assert_int_equal(told(12), 1);
	f.store_full = true;
	shows[0] = 20;
	live(60 * SEC);
	f.store_full = false;
	assert_int_equal(told(20), 1);
}

static void test_suppressed_is_accounted_for(void **state)
{
	struct sums s;

	(void)state;
	live(2 * 3600 * SEC);
	stop();
	s = sums_of(sonde);
	assert_law(&s);
	assert_int_equal(s.scheduled, 121); /* the first at once */
	assert_int_equal(s.gaps, 0);
	assert_int_equal(s.readings, 25); /* each fifth */
}

/* A crash: the notes say what was suppressed, but for the last minute. */
static void test_suppressed_is_known_after_a_crash(void **state)
{
	struct sums s;

	(void)state;
	live(1800 * SEC);
	fake_commit(&f);
	live(180 * SEC); /* nothing of that is durable */
	restart(600 * SEC);
	live(1800 * SEC);
	fake_commit(&f);
	restart(60 * SEC); /* and once more, within the same hour or so */
	live(600 * SEC);
	stop();
	s = sums_of(sonde);
	assert_law(&s);
	assert_in_range(s.scheduled, 83, 86);
	/* the time off, what was not committed, and at most a minute of notes */
	assert_in_range(s.gaps, 3 + 10 - 1, 3 + 10 + 1 + 4);
	assert_true(s.suppressed > 50);
}

/* ---- alarms ---- */

static void test_an_alarm_is_polled_at_its_interval(void **state)
{
	struct sums s;

	(void)state;
	live(600 * SEC);
	assert_int_equal(newest(gauge)->item.alarm, FG_ALARM_NONE);
	shows[1] = 26;
	live(60 * SEC); /* within the next regular poll */
	assert_int_equal(newest(gauge)->item.alarm, FG_ALARM_ABOVE);
	assert_int_equal(polls_of(gauge, 120 * SEC), 24);
	assert_int_equal(polls_of(sonde, 120 * SEC), 2);
	shows[1] = 24.5; /* not back by the hysteresis */
	assert_int_equal(polls_of(gauge, 60 * SEC), 12);
	shows[1] = 24;
	live(10 * SEC);
	assert_int_equal(newest(gauge)->item.alarm, FG_ALARM_NONE);
	assert_int_equal(polls_of(gauge, 600 * SEC), 10);
	stop();
	s = sums_of(gauge);
	assert_law(&s);
	assert_int_equal(s.gaps, 0);
	assert_int_equal(s.scheduled, s.readings);
	s = sums_of(sonde);
	assert_law(&s);
}

/* The regular times are those of before. */
static void test_the_phase_stays(void **state)
{
	int64_t phase_us, last_us = 0;

	(void)state;
	live(600 * SEC);
	phase_us = f.core->groups[gauge->index].slot_mono_us % (60 * SEC);
	shows[1] = 26;
	live(63 * SEC);
	shows[1] = 0;
	live(200 * SEC);
	for (size_t i = 0; i < f.poll_count; i++)
		if (f.polls[i].group == gauge)
			last_us = f.polls[i].mono_us;
	assert_true(last_us % (60 * SEC) == phase_us);
	assert_true(f.core->groups[gauge->index].slot_mono_us % (60 * SEC) == phase_us);
}

static void test_which_readings_are_judged(void **state)
{
	(void)state;
	live(SEC);
	shows[1] = 31; /* suspect: what is not plausible is what an alarm is for */
	live(60 * SEC);
	assert_int_equal(newest(gauge)->item.qc, FG_QC_SUSPECT);
	assert_int_equal(newest(gauge)->item.alarm, FG_ALARM_ABOVE);
	shows[1] = 0;
	live(60 * SEC);
	assert_int_equal(run_of(gauge)->events.alarm.holds, FG_ALARM_NONE);
	shows[1] = 60; /* failed: says nothing */
	live(60 * SEC);
	assert_int_equal(newest(gauge)->item.qc, FG_QC_FAIL);
	assert_int_equal(run_of(gauge)->events.alarm.holds, FG_ALARM_NONE);
	shows[1] = 26;
	live(60 * SEC);
	shows[1] = -60; /* nor does it end an alarm */
	live(60 * SEC);
	assert_int_equal(newest(gauge)->item.qc, FG_QC_FAIL);
	assert_int_equal(newest(gauge)->item.alarm, FG_ALARM_ABOVE);
}

/* A dead device is probed as ever; what is missing is missing at its own interval. */
static void test_a_dead_device_has_no_pace(void **state)
{
	struct sums s;

	(void)state;
	shows[1] = 26;
	live(120 * SEC);
	for (int i = 0; i < 3; i++)
		fake_fail(&f, gauge, FG_REASON_NO_RESPONSE);
	assert_int_equal(fake_device(&f, "gauge")->state, FG_DEVICE_QUARANTINED);
	assert_true(f.core->groups[gauge->index].interval_us == 60 * SEC);
	assert_int_equal(run_of(gauge)->events.alarm.holds, FG_ALARM_ABOVE);
	live(130 * SEC); /* a probe is answered */
	assert_true(f.core->groups[gauge->index].interval_us == 5 * SEC);
	live(60 * SEC);
	stop();
	s = sums_of(gauge);
	assert_law(&s);
}

/* A restart while it holds: not told as begun again, and the pace is that of the alarm. */
static void test_an_alarm_outlives_a_restart(void **state)
{
	int64_t since_ms;
	struct sums s;

	(void)state;
	live(300 * SEC);
	shows[1] = 26;
	live(120 * SEC);
	since_ms = run_of(gauge)->events.alarm_since_wall_ms;
	fake_commit(&f);
	restart(120 * SEC);
	assert_int_equal(run_of(gauge)->events.alarm.holds, FG_ALARM_ABOVE);
	assert_true(run_of(gauge)->events.alarm_since_wall_ms == since_ms);
	assert_in_range(polls_of(gauge, 60 * SEC), 11, 13);
	assert_true(run_of(gauge)->events.alarm_since_wall_ms == since_ms);
	shows[1] = 0;
	live(60 * SEC);
	fake_commit(&f);
	restart(60 * SEC);
	assert_int_equal(run_of(gauge)->events.alarm.holds, FG_ALARM_NONE);
	live(60 * SEC);
	stop();
	s = sums_of(gauge);
	assert_law(&s);
	/* off for two minutes at the alarm's pace, and for one at its own */
	assert_in_range(s.gaps, 23 + 0, 25 + 2);
}

/* Twice off: what is reckoned of the second time is at the pace that was in force then. */
static void test_a_pace_that_changed_before_time_was_known(void **state)
{
	struct sums s;

	(void)state;
	shows[1] = 26;
	live(120 * SEC);
	fake_commit(&f);
	restart_untimed(10 * SEC);
	shows[1] = 0;
	live(600 * SEC);
	know_the_time();
	live(2 * SEC);
	fake_commit(&f);
	restart(3600 * SEC);
	live(60 * SEC);
	stop();
	s = sums_of(gauge);
	assert_law(&s);
	assert_in_range(s.gaps, 60 + 2 - 1, 60 + 2 + 2);
}

/* Nor is the time known when it crashes: what was due meanwhile is known all the same. */
static void test_a_pace_that_changed_in_a_run_without_time(void **state)
{
	struct sums s;

	(void)state;
	shows[1] = 26;
	live(120 * SEC);
	fake_commit(&f);
	for (unsigned run = 0; run < 2; run++) {
		restart_untimed(10 * SEC);
		shows[1] = 0;
		live(3600 * SEC);
		fake_commit(&f);
	}
	restart(10 * SEC);
	live(60 * SEC);
	stop();
	s = sums_of(gauge);
	assert_law(&s);
	assert_in_range(s.gaps, 0, 4);
}

static void test_an_alarm_outlives_a_reload(void **state)
{
	int64_t since_ms;
	struct sums s;

	(void)state;
	shows[1] = 26;
	live(120 * SEC);
	since_ms = run_of(gauge)->events.alarm_since_wall_ms;
	fake_reload(&f, changed_yaml);
	sonde = fake_group(&f, "sonde", 0);
	gauge = fake_group(&f, "gauge", 0);
	polls_seen = f.poll_count;
	assert_int_equal(run_of(gauge)->events.alarm.holds, FG_ALARM_ABOVE);
	assert_in_range(polls_of(gauge, 60 * SEC), 11, 13);
	assert_true(run_of(gauge)->events.alarm_since_wall_ms == since_ms);
	shows[1] = 22;
	live(60 * SEC);
	shows[1] = -10; /* a limit that is no longer there */
	live(120 * SEC);
	assert_int_equal(run_of(gauge)->events.alarm.holds, FG_ALARM_NONE);
	stop();
	s = sums_of(gauge);
	assert_law(&s);
}

/* Notes that make no sense are as none. */
static void test_broken_notes(void **state)
{
	static const char junk[][12] = {("\x01\x01\x02\x7f" "ab"), "\x02", "\x01\x09\x00\x01x",
		"\x01\x01\x00\x07x_level", "\x01\xff\xff\xff"};

	(void)state;
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
		for (size_t len = 0; len < sizeof(junk[0]); len++) {
			assert_int_equal(fg_core_known_state(
				f.core, "alarm", "gauge", junk[i], len), FG_OK);
			assert_int_equal(fg_core_known_state(
				f.core, "ledger", "gauge", junk[i], len), FG_OK);
			assert_int_equal(fg_core_known_state(
				f.core, "maintenance", "gauge", junk[i], len), FG_OK);
		}
	assert_int_equal(run_of(gauge)->events.alarm.holds, FG_ALARM_ABOVE); /* of the whole one */
}

static void test_status_names_alarms(void **state)
{
	struct fg_buf out;

	(void)state;
	shows[1] = 26;
	live(120 * SEC);
	fg_buf_init(&out, 1 << 20);
	fg_core_status(f.core, f.now, &out);
	fg_buf_putc(&out, '\0');
	assert_non_null(strstr(out.data, "\"alarms\":[{\"device\":\"gauge\",\"station\":\"pier\","
		"\"point\":\"x_level\",\"alarm\":\"above\",\"since\":\""));
	assert_non_null(strstr(out.data, "\"value\":26,\"limit\":25,"));
	fg_buf_fini(&out);
}

/* ---- maintenance ---- */

static int maintain(int64_t from_us, int64_t until_us)
{
	struct fg_maintenance_window w = {.reason = "new membrane"};

	if (from_us)
		w.from_ms = (f.now.wall_us + from_us) / 1000;
	if (until_us)
		w.until_ms = (f.now.wall_us + until_us) / 1000;
	return fg_core_maintenance_on(f.core, f.now, "gauge", &w);
}

static void test_maintenance_marks_readings(void **state)
{
	(void)state;
	live(SEC * 60);
	assert_false(newest(gauge)->item.maintenance);
	assert_int_equal(maintain(0, 0), FG_OK);
	shows[1] = 26; /* no alarm begins */
	live(120 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	assert_int_equal(newest(gauge)->item.alarm, FG_ALARM_NONE);
	assert_false(newest(sonde)->item.maintenance);
	assert_int_equal(fg_core_maintenance_off(f.core, f.now, "gauge", false), 1);
	assert_int_equal(fg_core_maintenance_off(f.core, f.now, "gauge", false), 0);
	live(120 * SEC);
	assert_false(newest(gauge)->item.maintenance);
	assert_int_equal(newest(gauge)->item.alarm, FG_ALARM_ABOVE);
	/* what holds ends with it */
	assert_int_equal(maintain(0, 0), FG_OK);
	assert_int_equal(run_of(gauge)->events.alarm.holds, FG_ALARM_NONE);
	assert_int_equal(polls_of(gauge, 300 * SEC), 5);
}

static void test_maintenance_ends_by_itself(void **state)
{
	(void)state;
	assert_int_equal(maintain(0, 300 * SEC), FG_OK);
	live(290 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	live(80 * SEC);
	assert_false(newest(gauge)->item.maintenance);
	/* planned ahead */
	assert_int_equal(maintain(600 * SEC, 900 * SEC), FG_OK);
	live(590 * SEC);
	assert_false(newest(gauge)->item.maintenance);
	live(100 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	live(300 * SEC);
	assert_false(newest(gauge)->item.maintenance);
	assert_int_equal(maintain(600 * SEC, 900 * SEC), FG_OK);
	assert_int_equal(fg_core_maintenance_off(f.core, f.now, "gauge", false), 0);
	assert_int_equal(fg_core_maintenance_off(f.core, f.now, "gauge", true), 1);
}

static void test_maintenance_outlives_a_restart(void **state)
{
	(void)state;
	live(60 * SEC);
	assert_int_equal(maintain(0, 3600 * SEC), FG_OK);
	assert_int_equal(maintain(7200 * SEC, 9000 * SEC), FG_OK);
	fake_commit(&f);
	restart(60 * SEC);
	assert_true(fake_device(&f, "gauge")->maintenance);
	live(60 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	fake_reload(&f, changed_yaml);
	sonde = fake_group(&f, "sonde", 0);
	gauge = fake_group(&f, "gauge", 0);
	polls_seen = f.poll_count;
	assert_true(fake_device(&f, "gauge")->maintenance);
	live(3600 * SEC);
	assert_false(newest(gauge)->item.maintenance);
	live(3600 * SEC);
	assert_true(newest(gauge)->item.maintenance);
}

static int64_t newest_stored_ms;

static void set_newest(struct fg_core_start *start)
{
	start->newest_ms = newest_stored_ms;
}

/* A window with a begin is open when a board without a clock is switched on again. */
static void test_maintenance_goes_on_in_1970(void **state)
{
	int64_t since_ms, right_us;

	(void)state;
	assert_int_equal(maintain(120 * SEC, 7200 * SEC), FG_OK);
	live(300 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	since_ms = fake_device(&f, "gauge")->maintenance_since_ms;
	fake_commit(&f);
	right_us = f.now.wall_us - f.now.mono_us;
	newest_stored_ms = newest(gauge)->item.wall_ms;
	fake_before_start = set_newest;
	f.now.wall_us = 1000 * SEC;
	restart_untimed(60 * SEC);
	fake_before_start = NULL;
	assert_true(fake_device(&f, "gauge")->maintenance);
	live(120 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	assert_int_equal(maintain(0, 60 * SEC), FG_OK); /* by that clock */
	f.now.wall_us = f.now.mono_us + right_us;
	know_the_time();
	live(120 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	assert_true(fake_device(&f, "gauge")->maintenance_since_ms == since_ms);
	live(7200 * SEC);
	assert_false(newest(gauge)->item.maintenance);
}

/* Two hours from now on are two hours, whatever time it turns out to be. */
static void test_maintenance_moves_when_the_time_is_known(void **state)
{
	struct fg_maintenance_window w = {.for_ms = 7200000};
	const struct fg_device_run *dev;
	int64_t right_us, began_us;

	(void)state;
	live(60 * SEC);
	fake_commit(&f);
	newest_stored_ms = newest(gauge)->item.wall_ms;
	right_us = f.now.wall_us - f.now.mono_us + 30 * 86400 * SEC; /* a month in a store room */
	fake_before_start = set_newest;
	restart_untimed(60 * SEC);
	fake_before_start = NULL;
	dev = fake_device(&f, "gauge");
	live(120 * SEC);
	assert_int_equal(fg_core_maintenance_on(f.core, f.now, "gauge", &w), FG_OK);
	assert_true(w.until_ms == f.now.wall_us / 1000 + 7200000);
	began_us = f.now.mono_us + right_us;
	live(120 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	f.now.wall_us = f.now.mono_us + right_us;
	know_the_time();
	live(6600 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	assert_true(dev->maintenance_since_ms == began_us / 1000);
	live(720 * SEC);
	assert_false(newest(gauge)->item.maintenance);
}

/* A start's clock may begin in 1970, long before what is over ended. */
static void test_maintenance_that_is_over_stays_over(void **state)
{
	(void)state;
	assert_int_equal(maintain(0, 300 * SEC), FG_OK);
	live(400 * SEC);
	assert_false(newest(gauge)->item.maintenance);
	fake_commit(&f);
	f.now.wall_us = 1000 * SEC;
	restart(60 * SEC);
	assert_false(fake_device(&f, "gauge")->maintenance);
}

/* The world begins at 2026-09-21T14:30:00Z. */
static const char planned_yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  gauge: {station: pier, domain: water, link: plc, unit_id: 2, interval: 60s,\n"
	"    maintenance: [{from: \"2026-09-21T14:40:00Z\", until: \"2026-09-21T16:00:00Z\",\n"
	"      reason: divers}], timeout: 2s,\n"
	"    points: {x_level: {table: input, address: 0, type: u16, unit: \"1\"}}}\n";

static void test_maintenance_planned_in_the_configuration(void **state)
{
	struct fg_device_run *dev;
	int64_t since_ms;

	(void)state;
	end(NULL);
	fake_init(&f, planned_yaml);
	sonde = gauge = fake_group(&f, "gauge", 0);
	live(500 * SEC);
	assert_false(newest(gauge)->item.maintenance);
	live(200 * SEC);
	assert_true(newest(gauge)->item.maintenance);
	dev = fake_device(&f, "gauge");
	since_ms = dev->maintenance_since_ms;
	assert_string_equal(fg_maintenance_reason(f.core, dev), "divers");
	fake_commit(&f);
	restart(60 * SEC);
	gauge = fake_group(&f, "gauge", 0);
	dev = fake_device(&f, "gauge");
	assert_true(dev->maintenance && dev->maintenance_since_ms == since_ms);
	/* called off it stays off, over a restart too */
	assert_int_equal(fg_core_maintenance_off(f.core, f.now, "gauge", false), 1);
	live(120 * SEC);
	assert_false(newest(gauge)->item.maintenance);
	assert_int_equal(fg_core_maintenance_off(f.core, f.now, "gauge", true), 0);
	assert_int_equal(maintain(0, 60 * SEC), FG_OK);
	live(180 * SEC);
	assert_false(newest(gauge)->item.maintenance);
	fake_commit(&f);
	restart(60 * SEC);
	gauge = fake_group(&f, "gauge", 0);
	live(120 * SEC);
	assert_false(newest(gauge)->item.maintenance);
}

static void test_maintenance_is_refused(void **state)
{
	struct fg_maintenance_window w = {.from_ms = 0};

	(void)state;
	assert_int_equal(maintain(0, -SEC), FG_EINVAL);
	assert_int_equal(maintain(600 * SEC, 600 * SEC), FG_EINVAL);
	assert_int_equal(fg_core_maintenance_on(f.core, f.now, "nobody", &w), FG_ENOENT);
	assert_int_equal(fg_core_maintenance_off(f.core, f.now, "nobody", true), FG_ENOENT);
	for (int i = 1; i <= 16; i++)
		assert_int_equal(maintain(i * 600 * SEC, i * 600 * SEC + SEC), FG_OK);
	assert_int_equal(maintain(0, 0), FG_EFULL);
}

static void test_status_names_maintenance(void **state)
{
	struct fg_buf out;

	(void)state;
	live(60 * SEC);
	assert_int_equal(maintain(0, 0), FG_OK);
	fg_buf_init(&out, 1 << 20);
	fg_core_status(f.core, f.now, &out);
	fg_buf_putc(&out, '\0');
	assert_non_null(strstr(out.data, "\"state\":\"maintenance\""));
	assert_non_null(strstr(out.data, "\"beneath\":\"ok\""));
	assert_non_null(strstr(out.data, "\"reason\":\"new membrane\""));
	fg_buf_fini(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_changes_is_told),
		TEST(test_quality_is_told),
		TEST(test_what_was_dropped_is_told_again),
		TEST(test_suppressed_is_accounted_for),
		TEST(test_suppressed_is_known_after_a_crash),
		TEST(test_an_alarm_is_polled_at_its_interval),
		TEST(test_the_phase_stays),
		TEST(test_which_readings_are_judged),
		TEST(test_a_dead_device_has_no_pace),
		TEST(test_an_alarm_outlives_a_restart),
		TEST(test_a_pace_that_changed_before_time_was_known),
		TEST(test_a_pace_that_changed_in_a_run_without_time),
		TEST(test_an_alarm_outlives_a_reload),
		TEST(test_broken_notes),
		TEST(test_status_names_alarms),
		TEST(test_maintenance_marks_readings),
		TEST(test_maintenance_ends_by_itself),
		TEST(test_maintenance_outlives_a_restart),
		TEST(test_maintenance_goes_on_in_1970),
		TEST(test_maintenance_moves_when_the_time_is_known),
		TEST(test_maintenance_that_is_over_stays_over),
		TEST(test_maintenance_planned_in_the_configuration),
		TEST(test_maintenance_is_refused),
		TEST(test_status_names_maintenance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
