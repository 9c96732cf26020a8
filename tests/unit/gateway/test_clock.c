/* SPDX-License-Identifier: EUPL-1.2 */
/* What the core holds for true time: steps, holdover, estimates, bounds, corrections. */
#include "fake.h"

#include <stdio.h>

#include "gateway/clock.h"

#define HOUR (3600 * SEC)

/* ---- scenarios ---- */

/* A second passes (or `after_us`), the system's clock moves by step_us, the daemon looks. */
struct look {
	int64_t after_us, step_us;
	enum fg_clock_level level;
	/* wanted then: accepted - wall time with which the scenario began; INT64_MIN: any */
	int64_t off_us;
	bool holding;
	unsigned eras, jobs; /* told to the store so far */
};

struct scenario {
	const char *name, *trust;
	int64_t wall_us; /* at the start */
	struct look looks[12];
};

#define U FG_CLOCK_UNKNOWN
#define W FG_CLOCK_RTC
#define R FG_CLOCK_RIGHT

static const struct scenario scenarios[] = {
	{"slewed", "kernel", FAKE_WALL_US,
		{{SEC, 0, R, 0, false, 1, 0}, {SEC, 400000, R, 400000, false, 1, 0},
			{SEC, -500000, R, -100000, false, 1, 0},
			{SEC, 90000, U, -10000, false, 1, 0}}},
	{"forward step by the time service", "kernel", FAKE_WALL_US,
		{{SEC, 0, R, 0, false, 1, 0}, {SEC, 10 * SEC, R, 0, true, 1, 0},
			{SEC, 0, R, 10 * SEC, false, 2, 0}, {SEC, 0, R, 10 * SEC, false, 2, 0}}},
	{"backward step by the time service", "kernel", FAKE_WALL_US,
		{{SEC, 0, R, 0, false, 1, 0}, {SEC, -10 * SEC, R, 0, true, 1, 0},
			{SEC, 0, R, -10 * SEC, false, 2, 0}}},
	{"a wrong hand, an hour ahead, and the time service back", "kernel", FAKE_WALL_US,
		{{SEC, 0, R, 0, false, 1, 0}, {SEC, HOUR, R, 0, true, 1, 0},
			{SEC, 0, U, 0, true, 1, 0}, {600 * SEC, 0, U, 0, true, 1, 0},
			{SEC, -HOUR, R, 0, false, 1, 0}, {SEC, 0, R, 0, false, 1, 0}}},
	{"a hand that was right after all", "kernel", FAKE_WALL_US,
		{{SEC, 0, R, 0, false, 1, 0}, {SEC, HOUR, U, 0, true, 1, 0},
			{SEC, 100000, U, 0, true, 1, 0}, {SEC, 0, R, HOUR + 100000, false, 2, 0}}},
	{"a step while it is held", "kernel", FAKE_WALL_US,
		{{SEC, 0, R, 0, false, 1, 0}, {SEC, HOUR, U, 0, true, 1, 0},
			{SEC, HOUR, R, 0, true, 1, 0}, {SEC, 0, R, 2 * HOUR, false, 2, 0}}},
	{"hardware clock an hour behind, then the time service", "auto", FAKE_WALL_US,
		{{SEC, 0, W, 0, false, 1, 0}, {SEC, 0, W, 0, false, 1, 0},
			{SEC, HOUR, R, 0, true, 1, 0}, {SEC, 0, R, HOUR, false, 2, 1},
			{SEC, HOUR, U, HOUR, true, 2, 1}, {SEC, 0, R, 2 * HOUR, false, 3, 1}}},
	{"hardware clock a second behind: not worth a correction", "auto", FAKE_WALL_US,
		{{SEC, 0, W, 0, false, 1, 0}, {SEC, SEC, R, 0, true, 1, 0},
			{SEC, 0, R, SEC, false, 2, 0}}},
	{"hardware clock confirmed", "auto", FAKE_WALL_US,
		{{SEC, 0, W, 0, false, 1, 0}, {SEC, 0, R, 0, false, 1, 0},
			{SEC, HOUR, R, 0, true, 1, 0}, {SEC, 0, R, HOUR, false, 2, 0}}},
	{"unknown at boot, then known", "kernel", 1000 * SEC,
		{{SEC, 0, U, 0, false, 0, 0}, {SEC, 5 * SEC, U, 5 * SEC, false, 0, 0},
			{SEC, FAKE_WALL_US, R, FAKE_WALL_US + 5 * SEC, false, 1, 0}}},
	{"never known, then an estimate, then known", "kernel", 1000 * SEC,
		{{SEC, 0, U, 0, false, 0, 0}, {1800 * SEC, 0, U, INT64_MIN, false, 1, 0},
			{SEC, 7 * SEC, U, INT64_MIN, false, 1, 0},
			{SEC, 0, W, INT64_MIN, false, 1, 0}, /* not good enough any more */
			{SEC, FAKE_WALL_US, R, FAKE_WALL_US + 7 * SEC, false, 2, 1},
			{SEC, 0, R, FAKE_WALL_US + 7 * SEC, false, 2, 1}}},
	{"suspended for a night", "kernel", FAKE_WALL_US,
		{{SEC, 0, R, 0, false, 1, 0}, {8 * HOUR, 0, U, 0, false, 1, 0},
			{SEC, 0, R, 0, false, 1, 0}}},
	{"past 2038", "kernel", (INT64_C(1) << 31) * SEC - 5 * SEC,
		{{SEC, 0, R, 0, false, 1, 0}, {20 * SEC, 0, R, 0, false, 1, 0},
			{SEC, HOUR, R, 0, true, 1, 0}, {SEC, 0, R, HOUR, false, 2, 0}}},
	{"from before 1970", "kernel", -500000 * SEC,
		{{SEC, 0, U, 0, false, 0, 0},
			{SEC, FAKE_WALL_US + 500000 * SEC, R, FAKE_WALL_US + 500000 * SEC, false, 1,
				0}}},
	{"trust: always takes steps at once", "always", FAKE_WALL_US,
		{{SEC, 0, R, 0, false, 1, 0}, {SEC, HOUR, R, HOUR, false, 2, 0},
			{SEC, -2 * HOUR, R, -HOUR, false, 3, 0}}},
};

static struct fake f;

static void begin(const char *trust, int64_t wall_us)
{
	char text[1024], want[40];
	const char *at = strstr(fake_yaml, "trust: always");

	snprintf(want, sizeof(want), "trust: %s", trust);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - fake_yaml), fake_yaml, want,
		at + strlen("trust: always"));
	fake_init_untimed(&f, text);
	f.now.wall_us = wall_us;
	f.core->time.clock.offset_us = f.core->time.clock.system_us = wall_us - f.now.mono_us;
}

static void look(int64_t after_us, int64_t step_us, enum fg_clock_level level)
{
	f.now.mono_us += after_us;
	f.now.wall_us += after_us + step_us;
	fg_core_clock(f.core, f.now, level);
	fg_core_run(f.core, f.now);
}

/* What the store refuses to take the first time comes out the same. */
static void play(const struct scenario *s, bool store_refuses)
{
	int64_t origin_us;

	begin(s->trust, s->wall_us);
	origin_us = f.now.wall_us - f.now.mono_us;
	for (const struct look *l = s->looks; l->after_us; l++) {
		int64_t off_us;

		f.offset_fails = store_refuses;
		look(l->after_us, l->step_us, l->level);
		f.offset_fails = false;
		if (store_refuses && !l->holding) { /* with another look a step might be over */
			fg_core_clock(f.core, f.now, l->level);
			fg_core_run(f.core, f.now);
		}
		off_us = fg_core_wall_us(f.core, f.now.mono_us) - f.now.mono_us - origin_us;
		if ((l->off_us != INT64_MIN && off_us != l->off_us) ||
			fg_core_clock_doubted(f.core) != l->holding || f.era_count != l->eras ||
			f.job_count != l->jobs)
			fail_msg("%s, look %d: off by %lld us (%lld), %s, %zu eras, %zu jobs",
				s->name, (int)(l - s->looks) + 1, (long long)off_us,
				(long long)l->off_us, fg_core_clock_doubted(f.core) ? "held" : "",
				f.era_count, f.job_count);
	}
	fake_fini(&f);
}

static void test_scenarios(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(scenarios); i++)
		play(&scenarios[i], false);
}

static void test_scenarios_with_a_store_that_is_behind(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(scenarios); i++)
		play(&scenarios[i], true);
}

/* ---- what readings carry ---- */

static const struct fg_item *taken(double value)
{
	uint64_t seq = fake_reading(&f, f.config->groups[0], value);

	return &f.stored[seq - FAKE_FIRST_SEQ].item;
}

/* Over a step of a wrong hand readings keep the true time, in the store too. */
static void test_readings_over_a_wrong_hand(void **state)
{
	int64_t true_ms;

	(void)state;
	begin("kernel", FAKE_WALL_US);
	look(SEC, 0, R);
	look(SEC, HOUR, U);
	true_ms = (f.now.wall_us - HOUR) / 1000;
	assert_true(taken(1)->wall_ms == true_ms);
	look(SEC, 0, U);
	assert_true(taken(2)->wall_ms == true_ms + 1000);
	look(SEC, -HOUR, R);
	assert_true(taken(3)->wall_ms == true_ms + 2000);
	assert_int_equal(f.core->era, 1);
	fake_fini(&f);
}

/* Before 2038, over it and far behind it. */
static void test_readings_past_2038(void **state)
{
	(void)state;
	begin("kernel", (INT64_C(1) << 31) * SEC - 2 * SEC);
	look(SEC, 0, R);
	assert_true(taken(1)->wall_ms == INT64_C(2147483647000));
	look(10 * SEC, 0, R);
	assert_true(taken(2)->wall_ms == INT64_C(2147483657000));
	look(SEC, INT64_C(4000000000) * SEC, R);
	look(SEC, 0, R);
	assert_true(taken(3)->wall_ms == INT64_C(6147483659000));
	fake_fini(&f);
}

/* A new relation: records carry its number from then on. */
static void test_records_carry_the_era(void **state)
{
	(void)state;
	begin("kernel", FAKE_WALL_US);
	look(SEC, 0, R);
	taken(1);
	assert_int_equal(f.stored[0].era, 1);
	look(SEC, 10 * SEC, R);
	taken(2);
	assert_int_equal(f.stored[1].era, 1); /* held: the old relation */
	look(SEC, 0, R);
	taken(3);
	assert_int_equal(f.stored[2].era, 2);
	assert_int_equal(f.eras[1].number, 2);
	assert_true(f.eras[1].offset_us == f.now.wall_us - f.now.mono_us);
	fake_fini(&f);
}

/* ---- estimates and corrections ---- */

static void test_estimate_then_truth(void **state)
{
	struct fake_broker *town = &f.brokers[0];
	int64_t mono_us;
	uint64_t first;

	(void)state;
	begin("kernel", 1000 * SEC);
	mono_us = f.now.mono_us;
	look(SEC, 0, U);
	taken(1);
	fake_connect(&f, town, true);
	look(1800 * SEC, 0, U);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 0); /* the store has not recorded it yet */
	assert_int_equal(f.eras[0].uncertainty_s, FG_UNCERTAIN_UNBOUNDED);
	/* not before this program was written */
	assert_true(f.eras[0].offset_us + mono_us == FG_CLOCK_OLDEST_MS * 1000);
	taken(2);
	fake_timed(&f);
	taken(3);
	for (int i = 0; i < 20; i++) {
		fake_turn(&f, SEC / 10);
		fake_settle(&f);
	}
	assert_int_equal(fake_readings(town, 0), 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(fake_sent_reading(town, 0, i)->uncertain);
	for (size_t i = 0; i < 3; i++)
		assert_false(f.stored[i].has_wall); /* the era tells */
	fake_ack_all(&f, town);

	/* the truth: a new era, and corrections of the old one, a lot each commit interval */
	look(SEC, FAKE_WALL_US, R);
	assert_int_equal(f.core->era, 2);
	assert_int_equal(f.jobs[0].number, 1);
	assert_true(f.jobs[0].offset_us == f.now.wall_us - f.now.mono_us);
	assert_int_equal(f.lots, 1);
	assert_true(f.restamp.max > 0);
	fake_turn(&f, 5 * SEC);
	assert_int_equal(f.lots, 1); /* one at a time */
	first = f.restamp.first;
	fake_correct(&f, 2, 0, first, true);
	fake_turn(&f, 0);
	assert_int_equal(f.lots, 2);
	fake_correct(&f, 1, 2, f.restamp.first, false);
	for (int i = 0; i < 20; i++)
		fake_turn(&f, 2 * SEC);
	assert_int_equal(f.lots, 2);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 6);
	for (size_t i = 3; i < 6; i++) {
		const struct fake_sent *s = fake_sent_reading(town, 0, i);

		assert_false(s->uncertain);
		assert_int_equal(s->replaces, FAKE_FIRST_SEQ + i - 3);
		assert_int_equal(s->retain, i == 5); /* of the newest */
	}
	fake_ack_all(&f, town);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
	assert_int_equal(f.series.items[0]->newest.replaces, FAKE_FIRST_SEQ + 2);
	fake_fini(&f);
}

/* Something newer was told of the point meanwhile. */
static void test_a_correction_of_what_is_not_the_newest(void **state)
{
	struct fake_broker *town = &f.brokers[0];
	size_t mark;

	(void)state;
	begin("auto", FAKE_WALL_US);
	look(SEC, 0, W);
	fake_timed(&f);
	fake_connect(&f, town, true);
	taken(1);
	look(SEC, HOUR, R);
	look(SEC, 0, R);
	assert_int_equal(f.job_count, 1);
	fake_turn(&f, SEC);
	fake_answer(&f, f.config->groups[0], 2);
	fake_settle(&f);
	fake_correct(&f, 1, 0, f.restamp.first, false);
	fake_commit(&f);
	fake_turn(&f, 0);
	mark = town->sent_count; /* the newer one is on its way */
	for (int i = 0; i < 20; i++) {
		fake_turn(&f, SEC / 10);
		fake_settle(&f);
	}
	assert_int_equal(fake_readings(town, mark), 1);
	assert_int_equal(fake_sent_reading(town, mark, 0)->replaces, FAKE_FIRST_SEQ);
	assert_false(fake_sent_reading(town, mark, 0)->retain);
	fake_fini(&f);
}

/* A start finds the newest readings within limits, and not behind damage: nobody knows what came
 * after the one that is corrected. */
static void test_a_correction_where_the_newest_is_not_known(void **state)
{
	struct fake_broker *town = &f.brokers[0];
	struct fg_series *series;
	size_t mark;

	(void)state;
	begin("auto", FAKE_WALL_US);
	look(SEC, 0, W);
	fake_timed(&f);
	fake_connect(&f, town, true);
	taken(1);
	fake_settle(&f);
	series = f.series.items[0];
	fg_series_forget(series);
	series->forgotten = false; /* as a start leaves it that has found none */
	look(SEC, HOUR, R);
	look(SEC, 0, R);
	mark = town->sent_count;
	fake_correct(&f, 1, 0, f.restamp.first, false);
	for (int i = 0; i < 20; i++) {
		fake_turn(&f, SEC / 10);
		fake_settle(&f);
	}
	assert_int_equal(fake_readings(town, mark), 1);
	assert_int_equal(fake_sent_reading(town, mark, 0)->replaces, FAKE_FIRST_SEQ);
	assert_false(fake_sent_reading(town, mark, 0)->retain);
	assert_false(series->has_newest);
	fake_fini(&f);
}

/* ---- earlier runs ---- */

static const struct fg_open_era earlier[] = {
	{{.number = 3}, false, true, 10 * SEC, 110 * SEC, 1790000000000},
	{{.number = 4}, true, true, 20 * SEC, 30 * SEC, 1790000000000},
	{{.number = 5, .timed = true, .offset_us = 77, .uncertainty_s = 9}, true, true, 40 * SEC,
		50 * SEC, 1790000000000},
	{{.number = 6, .timed = true, .offset_us = 99, .uncertainty_s = 9}, false, true, 0, 0,
		1790000000000},
	{{.number = 7}, false, false, 0, 0, 1790000000000},
};

static void with_earlier(struct fg_core_start *start)
{
	start->era = 8;
	start->next_era = 9;
	start->eras = earlier;
	start->era_count = FG_COUNT(earlier);
}

static void test_earlier_runs_get_their_times(void **state)
{
	int64_t offset_us;

	(void)state;
	fake_before_start = with_earlier;
	begin("kernel", FAKE_WALL_US + 100000 * SEC);
	look(SEC, 0, R);
	fake_before_start = NULL;
	offset_us = f.now.wall_us - f.now.mono_us;
	assert_int_equal(f.era_count, 3);
	assert_int_equal(f.eras[0].number, 8);
	assert_int_equal(f.eras[1].number, 4); /* of this boot: as exact as ours */
	assert_true(f.eras[1].offset_us == offset_us);
	assert_int_equal(f.eras[1].uncertainty_s, 0);
	assert_int_equal(f.eras[2].number, 3); /* of another: bounds */
	assert_true(f.eras[2].uncertainty_s > 0);
	assert_int_equal(f.job_count, 1); /* its estimate is corrected */
	assert_int_equal(f.jobs[0].number, 5);
	assert_true(f.jobs[0].offset_us == offset_us);
	fake_fini(&f);
}

/* A hardware clock may prove wrong: other boots wait for better, but not for ever. */
static void test_earlier_boots_wait_for_better(void **state)
{
	(void)state;
	fake_before_start = with_earlier;
	begin("auto", FAKE_WALL_US + 100000 * SEC);
	fake_before_start = NULL;
	look(SEC, 0, W);
	assert_int_equal(f.era_count, 2);
	assert_int_equal(f.job_count, 0);
	look(1800 * SEC, 0, W);
	assert_int_equal(f.era_count, 3);
	assert_int_equal(f.eras[2].number, 3);
	fake_fini(&f);
}

/* Nor for a time that does not come: when this boot's readings go out with an estimate, those of
 * earlier ones do before them, and a later look gives them no other time. */
static void test_earlier_boots_are_estimated_first(void **state)
{
	const int64_t before_us = INT64_C(1790000000) * SEC;
	int64_t started_us;

	(void)state;
	fake_before_start = with_earlier;
	begin("kernel", 1000 * SEC);
	fake_before_start = NULL;
	started_us = f.now.mono_us;
	look(SEC, 0, U);
	assert_int_equal(f.era_count, 0);
	f.offset_fails = true;
	look(1800 * SEC, 0, U);
	assert_int_equal(f.era_count, 0);
	f.offset_fails = false;
	look(SEC, 0, U);
	assert_int_equal(f.era_count, 3);
	assert_int_equal(f.eras[0].number, 3);
	assert_true(f.eras[0].offset_us == before_us - 10 * SEC);
	assert_int_equal(f.eras[0].uncertainty_s, FG_UNCERTAIN_UNBOUNDED);
	assert_int_equal(f.eras[1].number, 8); /* began behind it, with its first run */
	assert_true(f.eras[1].offset_us == before_us + 100 * SEC - FG_MIN(started_us, 20 * SEC));
	assert_int_equal(f.eras[1].uncertainty_s, FG_UNCERTAIN_UNBOUNDED);
	assert_int_equal(f.eras[2].number, 4);
	assert_true(f.eras[2].offset_us == f.eras[1].offset_us);
	assert_int_equal(f.core->time.estimated_eras, 2);
	look(SEC, FAKE_WALL_US + 100000 * SEC, R);
	look(3600 * SEC, 0, R);
	assert_int_equal(f.eras[3].number, 9); /* ours alone */
	assert_int_equal(f.era_count, 4);
	assert_int_equal(f.core->time.estimated_eras, 2);
	fake_fini(&f);
}

static struct fg_open_era by_weak_clock[3] = {
	{{.number = 3, .timed = true, .weak = true}, true, true, 20 * SEC, 30 * SEC, 0},
	{{.number = 4, .timed = true, .weak = true}, true, true, 40 * SEC, 50 * SEC, 0},
	{{.number = 5}, true, true, 60 * SEC, 70 * SEC, 0},
};

static void with_weak(struct fg_core_start *start)
{
	start->era = 8;
	start->next_era = 9;
	start->eras = by_weak_clock;
	start->era_count = FG_COUNT(by_weak_clock);
}

/* What an earlier run of this boot told by a weak clock is corrected once the right time is known,
 * where it was wrong, and confirmed where it was not. */
static void test_earlier_run_by_a_weak_clock(void **state)
{
	const int64_t offset_us = FAKE_WALL_US;

	(void)state;
	by_weak_clock[0].era.offset_us = offset_us - HOUR;
	by_weak_clock[1].era.offset_us = offset_us + SEC;
	fake_before_start = with_weak;
	begin("auto", FAKE_WALL_US + 1000 * SEC);
	fake_before_start = NULL;
	assert_true(f.now.wall_us - f.now.mono_us == offset_us);
	look(SEC, 0, W);
	assert_int_equal(f.job_count, 0); /* one weak clock proves nothing of another */
	assert_int_equal(f.era_count, 2);
	assert_true(f.eras[0].weak && f.eras[1].weak);
	f.eras[2] = by_weak_clock[1].era; /* as the store has it */
	f.era_count = 3;
	look(SEC, 0, R);
	look(SEC, 0, R);
	assert_int_equal(f.job_count, 1);
	assert_int_equal(f.jobs[0].number, 3);
	assert_true(f.jobs[0].offset_us == offset_us);
	for (size_t i = 0; i < 3; i++)
		assert_false(f.eras[i].weak);
	assert_int_equal(f.era_count, 3);
	fake_fini(&f);
}

/* What this run gave an earlier one of the boot from a wrong hardware clock is corrected too. */
static void test_earlier_run_timed_by_a_wrong_clock(void **state)
{
	(void)state;
	fake_before_start = with_earlier;
	begin("auto", FAKE_WALL_US + 100000 * SEC);
	fake_before_start = NULL;
	look(SEC, 0, W);
	look(SEC, HOUR, R);
	look(SEC, 0, R);
	assert_int_equal(f.job_count, 3); /* ours, the one we gave a time, the estimated one */
	assert_int_equal(f.jobs[0].number, 8);
	assert_int_equal(f.jobs[1].number, 4);
	assert_int_equal(f.jobs[2].number, 5);
	fake_fini(&f);
}

/* ---- pure ---- */

static void test_bounds(void **state)
{
	const int64_t low_ms = 1790000000000, low_us = low_ms * 1000;
	struct fg_open_era e[] = {
		{{.number = 1}, false, true, 5 * SEC, 105 * SEC, low_ms},
		{{.number = 2}, false, true, 7 * SEC, 207 * SEC, low_ms},
		{{.number = 3}, false, true, 0, 60 * SEC, low_ms + 2000000},
	};

	(void)state;
	fg_clock_bounds(e, 3, low_us + 3060 * SEC);
	/* 2000 s for 300 s: 1700 s to share */
	assert_true(e[0].era.timed && e[1].era.timed && e[2].era.timed);
	assert_true(e[0].era.offset_us == low_us + 850 * SEC - 5 * SEC);
	assert_true(e[1].era.offset_us == low_us + 950 * SEC - 7 * SEC);
	assert_int_equal(e[0].era.uncertainty_s, 851);
	assert_int_equal(e[1].era.uncertainty_s, 851);
	assert_true(e[2].era.offset_us == low_us + 2500 * SEC);
	assert_int_equal(e[2].era.uncertainty_s, 501);
}

/* Every possible truth lies within the uncertainty. */
static void test_bounds_cover_the_truth(void **state)
{
	const int64_t low_us = INT64_C(1790000000) * SEC;
	struct fg_rng rng = {.state = 7};

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct fg_open_era e[5] = {0};
		int64_t truth[5], at_us = low_us;
		size_t n = 1 + (size_t)fg_rng_below(&rng, 5);

		for (size_t i = 0; i < n; i++) {
			int64_t boot_us = at_us + (int64_t)fg_rng_below(&rng, 90000) * SEC;
			int64_t mono_us = (int64_t)fg_rng_below(&rng, 100) * SEC;
			int64_t len_us = (int64_t)fg_rng_below(&rng, 50000) * SEC;

			truth[i] = boot_us;
			e[i] = (struct fg_open_era){{.number = (uint32_t)i}, false, true, mono_us,
				mono_us + len_us, low_us / 1000};
			at_us = boot_us + mono_us + len_us;
		}
		fg_clock_bounds(e, n, at_us + (int64_t)fg_rng_below(&rng, 90000) * SEC);
		for (size_t i = 0; i < n; i++) {
			int64_t off_us = e[i].era.offset_us - truth[i];

			assert_true(e[i].era.timed);
			assert_true((off_us < 0 ? -off_us : off_us) <=
				    e[i].era.uncertainty_s * SEC);
		}
	}
}

static void test_bounds_without_any(void **state)
{
	struct fg_open_era e[] = {
		{{.number = 1}, false, true, 5 * SEC, 105 * SEC, INT64_MIN},
		{{.number = 2}, false, true, 0, INT64_C(1000000) * SEC, INT64_MIN},
	};

	(void)state;
	/* more was measured than there is room: one behind the other all the same */
	fg_clock_bounds(e, 2, FG_CLOCK_OLDEST_MS * 1000 + 100 * SEC);
	assert_true(e[0].era.offset_us == FG_CLOCK_OLDEST_MS * 1000 - 5 * SEC);
	assert_int_equal(e[0].era.uncertainty_s, 1);
	assert_true(e[1].era.offset_us == FG_CLOCK_OLDEST_MS * 1000 + 100 * SEC);
}

static void test_line_up(void **state)
{
	const int64_t low_us = INT64_C(1790000000) * SEC;
	struct fg_open_era e[] = {
		{{.number = 1}, false, true, 5 * SEC, 105 * SEC, low_us / 1000},
		{{.number = 2}, false, false, 0, 900 * SEC, low_us / 1000 + 900000},
		{{.number = 3, .timed = true, .offset_us = low_us, .uncertainty_s = 9}, false, true,
			0, 300 * SEC, low_us / 1000},
		{{.number = 4}, false, true, 7 * SEC, 207 * SEC, low_us / 1000},
		{{.number = 5}, true, true, 0, 60 * SEC, low_us / 1000 + 700000},
	};
	int64_t at_us = FG_CLOCK_OLDEST_MS * 1000;

	(void)state;
	assert_true(fg_clock_line_up(&e[0], &at_us));
	assert_true(e[0].era.timed && e[0].era.offset_us == low_us - 5 * SEC);
	assert_true(at_us == low_us + 100 * SEC);
	assert_false(fg_clock_line_up(&e[0], &at_us)); /* its time is given once */
	assert_true(at_us == low_us + 100 * SEC);
	assert_false(fg_clock_line_up(&e[1], &at_us));
	assert_true(at_us == low_us + 100 * SEC);
	assert_false(fg_clock_line_up(&e[2], &at_us)); /* an estimate of before is not overtaken */
	assert_true(at_us == low_us + 300 * SEC);
	assert_true(fg_clock_line_up(&e[3], &at_us));
	assert_true(e[3].era.offset_us == low_us + 293 * SEC);
	assert_int_equal(e[3].era.uncertainty_s, FG_UNCERTAIN_UNBOUNDED);
	assert_true(at_us == low_us + 500 * SEC);
	assert_false(fg_clock_line_up(&e[4], &at_us));
	assert_true(!e[4].era.timed && at_us == low_us + 700 * SEC);
}

static void test_estimate(void **state)
{
	const struct fg_now now = {.mono_us = 50 * SEC, .wall_us = FAKE_WALL_US};
	const int64_t newest_ms = FAKE_WALL_US / 1000;
	struct fg_clock c;

	(void)state;
	fg_clock_init(&c, now, false);
	assert_true(fg_clock_estimate(&c, 0, 50 * SEC) == FAKE_WALL_US - 50 * SEC);
	assert_true(fg_clock_estimate(&c, newest_ms - 1, 50 * SEC) == FAKE_WALL_US - 50 * SEC);
	/* the clock is behind what was measured: that, and the time since */
	assert_true(fg_clock_estimate(&c, newest_ms + 9000, 40 * SEC) ==
		    FAKE_WALL_US + 9 * SEC - 40 * SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_scenarios_with_a_store_that_is_behind),
		cmocka_unit_test(test_readings_over_a_wrong_hand),
		cmocka_unit_test(test_readings_past_2038),
		cmocka_unit_test(test_records_carry_the_era),
		cmocka_unit_test(test_estimate_then_truth),
		cmocka_unit_test(test_a_correction_of_what_is_not_the_newest),
		cmocka_unit_test(test_a_correction_where_the_newest_is_not_known),
		cmocka_unit_test(test_earlier_runs_get_their_times),
		cmocka_unit_test(test_earlier_boots_wait_for_better),
		cmocka_unit_test(test_earlier_boots_are_estimated_first),
		cmocka_unit_test(test_earlier_run_by_a_weak_clock),
		cmocka_unit_test(test_earlier_run_timed_by_a_wrong_clock),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_bounds_cover_the_truth),
		cmocka_unit_test(test_bounds_without_any),
		cmocka_unit_test(test_line_up),
		cmocka_unit_test(test_estimate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
