/* SPDX-License-Identifier: EUPL-1.2 */
/* The store's engine on invented time and a spool that does as it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "fake_spool.h"
#include "gateway/store_engine.h"

#define SECOND	   INT64_C(1000000)
#define INTERVAL   (10 * SECOND)
#define EVENTS_MAX 4000

static struct fg_store_engine *engine;
static struct fg_store_sink *to;
static struct fg_store_event events[EVENTS_MAX];
static size_t event_count;
static struct fg_now now;
static int64_t due_us;

/* ---- the core's side ---- */

static void on_event(void *arg, const struct fg_store_event *event)
{
	(void)arg;
	assert_true(event_count < EVENTS_MAX);
	events[event_count++] = *event;
}

static size_t count_events(enum fg_store_event_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < event_count; i++)
		n += events[i].type == type;
	return n;
}

static const struct fg_store_event *last_event(enum fg_store_event_type type)
{
	for (size_t i = event_count; i-- > 0;)
		if (events[i].type == type)
			return &events[i];
	fail_msg("no event %d", (int)type);
	return NULL;
}

static void run(void)
{
	due_us = fg_store_engine_run(engine, now);
	assert_true(due_us >= now.mono_us);
}

/* Runs what is due until `seconds` have passed. */
static void pass(int seconds)
{
	int64_t end = now.mono_us + seconds * SECOND;

	for (int turns = 0;; turns++) {
		assert_true(turns < 10000); /* it does not spin */
		run();
		if (due_us > end)
			break;
		now.wall_us += due_us - now.mono_us;
		now.mono_us = due_us;
	}
	now.wall_us += end - now.mono_us;
	now.mono_us = end;
}

static int append(uint64_t seq, unsigned count)
{
	return fg_store_append(to, seq, count, "record", 6);
}

static void deliver(const char *name, uint64_t from)
{
	struct fg_ranges r;

	fg_ranges_init(&r);
	fg_ranges_add(&r, from, FG_SEQ_END);
	assert_int_equal(fg_store_save_delivery(to, name, &r), FG_OK);
	fg_ranges_fini(&r);
}

static void expect_done(const char *text)
{
	assert_string_equal(spool.done, text);
	spool.done[0] = '\0';
}

static int set_up(void **state)
{
	const struct fg_store_engine_conf conf = {
		.commit_interval_us = INTERVAL, .spool = {.file = "r.db", .max_bytes = 1}};

	(void)state;
	spool = (struct fg_spool){.open = true, .commit_status = -EIO};
	event_count = 0;
	now = (struct fg_now){.mono_us = 5 * SECOND, .wall_us = 1790000000 * SECOND};
	assert_int_equal(fg_store_engine_new(&spool, &conf, on_event, NULL, &engine), FG_OK);
	to = fg_store_engine_sink(engine);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fg_store_engine_close(engine, 2000);
	assert_false(spool.open);
	return 0;
}

static void test_interval(void **state)
{
	(void)state;
	run();
	assert_true(due_us == INT64_MAX);
	assert_int_equal(count_events(FG_STORE_SIZE), 1);
	append(100, 2);
	run();
	assert_true(due_us == now.mono_us + INTERVAL);
	now.mono_us += INTERVAL / 2;
	append(102, 1);
	run();
	assert_true(due_us == now.mono_us + INTERVAL / 2); /* of the first */
	now.mono_us = due_us;
	run();
	expect_done("append 100+2\nappend 102+1\n");
	assert_int_equal(last_event(FG_STORE_COMMITTED)->a, 103);
	assert_true(due_us == INT64_MAX);
}

/* In order of arrival, in one group; each tells what it did before the commit is told. */
static void test_all_kinds_in_one_group(void **state)
{
	const struct fg_era era = {.number = 8, .timed = true, .offset_us = 5};
	const struct fg_ledger_row row = {.device = "sonde", .to_ms = 60, .from_seq = 101,
		.clean = true};
	static const char *const names[] = {"town", "lab"};

	(void)state;
	spool.restamp_used = 3;
	spool.restamp_more = true;
	spool.issue_used = 2;
	assert_int_equal(fg_store_set_destinations(to, names, 2, 77), FG_OK);
	append(100, 1);
	assert_int_equal(fg_store_set_ledger(to, &row), FG_OK);
	assert_int_equal(fg_store_restamp_begin(to, 7, -9), FG_OK);
	assert_int_equal(fg_store_restamp(to, 101, 10), FG_OK);
	assert_int_equal(fg_store_issue_losses(to, "town", 111, 4), FG_OK);
	assert_int_equal(fg_store_forget_ledger(to, "old"), FG_OK);
	deliver("town", 50);
	assert_int_equal(fg_store_set_era(to, &era), FG_OK); /* readings wait for it: at once */
	spool.fail_commit = 1;
	run();
	assert_string_equal(spool.done, "");
	assert_int_equal(count_events(FG_STORE_NUMBERS_USED), 0); /* nothing is told of a failure */
	assert_int_equal(count_events(FG_STORE_ERA), 0);
	pass(1);
	expect_done("destinations town lab at 77\nappend 100+1\n"
		    "ledger sonde to 60 from 101 clean\nrestamp era 7 to -9\nrestamp 101 max 10\n"
		    "issue 'town' 111 max 4\nforget old\ndelivery town 50\nera 8 timed\n");
	assert_int_equal(count_events(FG_STORE_NUMBERS_USED), 2);
	assert_int_equal(count_events(FG_STORE_COMMITTED), 1);
	assert_int_equal(last_event(FG_STORE_COMMITTED)->a, 115);
	assert_int_equal(last_event(FG_STORE_ERA)->a, 8);
	for (size_t i = 0, used = 0; i < event_count; i++) {
		const struct fg_store_event *e = &events[i];

		if (e->type == FG_STORE_COMMITTED)
			assert_int_equal(used, 2);
		if (e->type != FG_STORE_NUMBERS_USED)
			continue;
		used++;
		assert_int_equal(e->corrections, used == 1);
		assert_int_equal(e->a, used == 1 ? 101 : 111);
		assert_int_equal(e->b, used == 1 ? 10 : 4);
		assert_int_equal(e->c, used == 1 ? 3 : 2);
		assert_int_equal(e->more, used == 1);
	}
	/* for all, and for each that is configured */
	assert_int_equal(count_events(FG_STORE_LOSSES), 3);
	assert_int_equal(last_event(FG_STORE_LOSSES)->a, 3);
	assert_string_equal(last_event(FG_STORE_LOSSES)->text, "lab");
}

/* A store that is full takes no corrections and no gaps now: they are asked for again. */
static void test_full_for_corrections(void **state)
{
	(void)state;
	spool.restamp_status = spool.issue_status = FG_EFULL;
	fg_store_restamp(to, 100, 10);
	fg_store_issue_losses(to, "", 110, 10);
	pass(10);
	assert_int_equal(count_events(FG_STORE_NUMBERS_USED), 2);
	assert_int_equal(last_event(FG_STORE_NUMBERS_USED)->c, 0);
	assert_int_equal(last_event(FG_STORE_COMMITTED)->a, 120);
	assert_int_equal(count_events(FG_STORE_FAILED), 0);
}

/* What is refused for good does not hold up the rest. */
static void test_refused_for_good(void **state)
{
	const struct fg_era era = {.number = 8, .timed = true};

	(void)state;
	spool.era_status = FG_EINVAL;
	fg_store_set_era(to, &era);
	spool.append_status = FG_EINVAL;
	append(100, 2);
	deliver("town", 3);
	pass(10);
	expect_done("delivery town 3\n");
	assert_int_equal(last_event(FG_STORE_DROPPED)->a, 100);
	assert_int_equal(last_event(FG_STORE_DROPPED)->b, 102);
	assert_int_equal(last_event(FG_STORE_ERA)->a, 8);
	assert_int_equal(count_events(FG_STORE_FAILED), 0);
}

static void test_retry_after_a_second(void **state)
{
	(void)state;
	spool.fail_commit = 3;
	append(100, 1);
	pass(10);
	assert_int_equal(count_events(FG_STORE_FAILED), 1);
	pass(2);
	assert_int_equal(count_events(FG_STORE_FAILED), 3);
	pass(1);
	assert_int_equal(count_events(FG_STORE_RECOVERED), 1);
	expect_done("append 100+1\n");
}

/* Without room for readings, delivery and eras are stored all the same; a ledger's row is not,
 * because the account before it is not. */
static void test_disk_full(void **state)
{
	const struct fg_era era = {.number = 8, .timed = true};
	const struct fg_ledger_row row = {.device = "sonde", .to_ms = 60, .from_seq = 101};

	(void)state;
	spool.full = true;
	append(100, 1);
	fg_store_set_ledger(to, &row);
	deliver("town", 50);
	fg_store_set_era(to, &era);
	run();
	expect_done("delivery town 50\nera 8 timed\n");
	assert_int_equal(spool.reserve_uses, 1);
	assert_int_equal(last_event(FG_STORE_ERA)->a, 8);
	assert_int_equal(count_events(FG_STORE_COMMITTED), 0);
	deliver("town", 60);
	pass(30);
	expect_done("delivery town 60\n");
	assert_int_equal(spool.reserve_uses, 1); /* once for the trouble */
	spool.full = false;
	pass(2);
	expect_done("append 100+1\nledger sonde to 60 from 101\n");
	assert_int_equal(last_event(FG_STORE_COMMITTED)->a, 101);
	spool.full = true;
	append(101, 1);
	pass(12);
	assert_int_equal(spool.reserve_uses, 2);
}

static void bundle(uint64_t seq, unsigned n, const char *name, uint64_t from)
{
	struct fg_store_bundle b;
	struct fg_ranges r;

	fg_ranges_init(&r);
	fg_ranges_add(&r, from, FG_SEQ_END);
	fg_store_bundle_begin(&b);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(fg_store_append(&b.sink, seq + i, 1, "record", 6), FG_OK);
	assert_int_equal(fg_store_save_delivery(&b.sink, name, &r), FG_OK);
	assert_int_equal(fg_store_bundle_end(&b, true, to), FG_OK);
	fg_ranges_fini(&r);
}

/* What belongs together is in one commit, however small the groups have become. */
static void test_a_bundle_is_never_split(void **state)
{
	(void)state;
	spool.fail_commit = 12; /* groups become smaller than any message */
	spool.commit_status = -ENOSPC;
	append(100, 1);
	append(101, 1);
	pass(40);
	assert_true(spool.fail_commit == 0);
	append(102, 1);
	spool.done[0] = '\0';
	spool.fail_commit = 11;
	bundle(103, 20, "town", 90);
	append(123, 1);
	deliver("town", 95);
	for (unsigned i = 0; i < 100 && !strstr(spool.done, "append 123"); i++) {
		run();
		now.mono_us = due_us < INT64_MAX ? due_us : now.mono_us;
		/* of the twenty and the delivery, all or none; and no later delivery before */
		assert_true(!strstr(spool.done, "append 103") ==
			    !strstr(spool.done, "append 122+1\ndelivery town 90"));
		assert_true(strstr(spool.done, "append 103") || !strstr(spool.done, "delivery"));
	}
	assert_non_null(strstr(spool.done, "delivery town 90\nappend 123"));
	pass(20);
	assert_non_null(strstr(spool.done, "delivery town 95"));
	assert_int_equal(fg_store_engine_pending(engine), 0);
}

/* On a full disk, delivery state waits for the gaps that belong to it; that of others does not. */
static void test_a_bundle_on_a_full_disk(void **state)
{
	(void)state;
	spool.full = true;
	bundle(100, 1, "town", 40);
	deliver("town", 50);
	deliver("lab", 60);
	pass(20);
	expect_done("delivery lab 60\n");
	deliver("town", 55); /* the newest of those that stand alone is enough */
	spool.full = false;
	pass(20);
	expect_done("append 100+1\ndelivery town 40\ndelivery town 55\n");
}

/* One that cannot be kept whole is not taken at all. */
static void test_a_bundle_that_is_dropped_or_too_large(void **state)
{
	static char record[1000];
	struct fg_store_bundle b;
	int r = FG_OK;

	(void)state;
	fg_store_bundle_begin(&b);
	fg_store_append(&b.sink, 100, 1, "record", 6);
	assert_int_equal(fg_store_bundle_end(&b, false, to), FG_OK);
	fg_store_bundle_begin(&b);
	for (unsigned i = 0; i < 100 && r == FG_OK; i++)
		r = fg_store_append(&b.sink, 100 + i, 1, record, sizeof(record));
	assert_int_equal(r, FG_EINVAL);
	assert_int_equal(fg_store_bundle_end(&b, true, to), FG_EINVAL);
	fg_store_bundle_begin(&b);
	assert_int_equal(fg_store_bundle_end(&b, true, to), FG_OK);
	assert_int_equal(fg_store_engine_pending(engine), 0);
	while (append(100, 1) == FG_OK)
		;
	fg_store_bundle_begin(&b);
	fg_store_append(&b.sink, 100, 1, "record", 6);
	assert_int_equal(fg_store_bundle_end(&b, true, to), FG_EFULL);
	pass(20);
}

static int set_note(struct fg_store_sink *sink, const char *key, const char *text)
{
	return fg_store_set_state(sink, "qc", key, text, strlen(text));
}

/* Of a note that waits only the newest is kept, unless it is bundled with something. */
static void test_notes(void **state)
{
	static char most[FG_STATE_NOTE_MAX + 1], name[FG_STATE_NAME_MAX + 1];
	struct fg_store_bundle b;

	(void)state;
	memset(name, 'n', FG_STATE_NAME_MAX);
	assert_int_equal(fg_store_set_state(to, "qc", "a", most, sizeof(most)), FG_EINVAL);
	assert_int_equal(fg_store_set_state(to, name, "a", "x", 1), FG_EINVAL);
	spool.full = true;
	assert_int_equal(set_note(to, "a", "1"), FG_OK);
	assert_int_equal(set_note(to, "b", "2"), FG_OK);
	fg_store_bundle_begin(&b);
	assert_int_equal(fg_store_append(&b.sink, 100, 1, "record", 6), FG_OK);
	assert_int_equal(set_note(&b.sink, "a", "3"), FG_OK);
	assert_int_equal(fg_store_bundle_end(&b, true, to), FG_OK);
	assert_int_equal(set_note(to, "a", "4"), FG_OK);
	assert_int_equal(set_note(to, "a", ""), FG_OK);
	assert_int_equal(set_note(to, "c", "5"), FG_OK);
	pass(10);
	expect_done(""); /* it is not small */
	spool.full = false;
	pass(10);
	expect_done("note qc/b '2'\nappend 100+1\nnote qc/a '3'\nnote qc/a ''\nnote qc/c '5'\n");
	spool.state_status = FG_EINVAL; /* for ever: the rest goes on */
	assert_int_equal(set_note(to, "a", "6"), FG_OK);
	append(101, 1);
	pass(10);
	expect_done("append 101+1\n");
	assert_int_equal(count_events(FG_STORE_NOTE_REFUSED), 1);
	assert_string_equal(last_event(FG_STORE_NOTE_REFUSED)->text, "qc a");
	spool.state_status = FG_OK;
	while (append(102, 1) == FG_OK)
		;
	assert_int_equal(set_note(to, "a", "7"), FG_EFULL); /* room for what is no reading stays */
	pass(20);
}

/* A group that failed does not make numbers look stored that a smaller one does not hold. */
static void test_a_smaller_group_tells_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		append(100 + i, 1);
	spool.fail_commit = 1;
	spool.commit_status = -ENOSPC;
	pass(10);
	run();
	for (size_t i = 0; i < event_count; i++)
		if (events[i].type == FG_STORE_COMMITTED)
			assert_true(strstr(spool.done, "append 107") || events[i].a < 108);
	pass(3);
	assert_true(count_events(FG_STORE_COMMITTED) > 1);
	assert_int_equal(last_event(FG_STORE_COMMITTED)->a, 108);
}

/* However long nothing can be written: readings are bounded, and delivery still comes in. */
static void test_bounds(void **state)
{
	static char record[1000];
	uint64_t seq = 100;

	(void)state;
	spool.fail_commit = 1000;
	while (fg_store_append(to, seq, 1, record, sizeof(record)) == FG_OK)
		seq++;
	assert_in_range(seq, 500, 900);
	for (unsigned i = 0; i < 20000; i++)
		deliver("town", 50 + i);
	pass(20);
	spool.fail_commit = 0;
	pass(5);
	assert_non_null(strstr(spool.done, "delivery town 20049\n"));
	assert_null(strstr(spool.done, "delivery town 20048\n"));
	assert_int_equal(fg_store_engine_pending(engine), 0);
}

static void test_room(void **state)
{
	struct fg_owed owed[2] = {{.destination = "town", .domains = 3}, {.destination = "lab"}};

	(void)state;
	spool.tidy_results[0] = FG_TIDY_WANTS_ROOM;
	fg_store_expire(to, 0, 10);
	pass(10);
	assert_int_equal(count_events(FG_STORE_WANTS_ROOM), 1);
	spool.tidy_results[1] = FG_TIDY_WANTS_ROOM; /* not answered: asked again after a second */
	pass(1);
	assert_int_equal(count_events(FG_STORE_WANTS_ROOM), 2);
	for (unsigned i = 0; i < 2; i++) {
		fg_ranges_init(&owed[i].unacked);
		fg_ranges_init(&owed[i].doubt);
		fg_ranges_add(&owed[i].unacked, 10 * i, FG_SEQ_END);
		fg_ranges_add(&owed[i].doubt, 40, 44 + i);
	}
	spool.tidy_results[2] = spool.tidy_results[3] = FG_TIDY_MORE;
	assert_int_equal(fg_store_make_room(to, owed, 2, 50), FG_OK);
	run();
	assert_string_equal(spool.owed, "town 3 50 4;lab 0 40 5;");
	assert_int_equal(spool.tidy_drop_below, 50);
	assert_int_equal(count_events(FG_STORE_DROPPED), 1);
	assert_int_equal(count_events(FG_STORE_ROOM_MADE), 0);
	pass(0);
	assert_int_equal(spool.tidies, 5);
	assert_int_equal(count_events(FG_STORE_ROOM_MADE), 1);
	assert_true(last_event(FG_STORE_LOSSES) > last_event(FG_STORE_DROPPED));
	fg_store_expire(to, 0, 10);
	pass(10);
	assert_string_equal(spool.owed, ""); /* they are not true any more */
	assert_true(due_us == INT64_MAX);
	for (unsigned i = 0; i < 2; i++) {
		fg_ranges_fini(&owed[i].unacked);
		fg_ranges_fini(&owed[i].doubt);
	}
}

/* Where destinations change, what was said before to have been delivered to all was not said of
 * them, and of who lacks what neither. */
static void test_other_destinations(void **state)
{
	static const char *const names[] = {"town", "lab"};
	struct fg_owed owed = {.destination = "town", .domains = 3};

	(void)state;
	fg_store_expire(to, 5, 40);
	pass(10);
	assert_int_equal(spool.tidy_delivered_below, 40);
	fg_ranges_init(&owed.unacked);
	fg_ranges_init(&owed.doubt);
	assert_int_equal(fg_store_make_room(to, &owed, 1, 50), FG_OK);
	fg_store_expire(to, 6, 45); /* on its way when the others come */
	assert_int_equal(fg_store_set_destinations(to, names, 2, 77), FG_OK);
	pass(10);
	assert_int_equal(spool.tidy_delivered_below, 0);
	assert_string_equal(spool.owed, "");
	assert_int_equal(count_events(FG_STORE_ROOM_MADE), 1);
	fg_store_expire(to, 7, 42);
	pass(10);
	assert_int_equal(spool.tidy_delivered_below, 42);
}

/* Sets that are too long are cut, and what may go with them. */
static void test_room_with_long_sets(void **state)
{
	struct fg_owed owed[12];
	unsigned town, lab;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		owed[i] = (struct fg_owed){.destination = i ? "lab" : "town"};
		fg_ranges_init(&owed[i].unacked);
		fg_ranges_init(&owed[i].doubt);
		for (uint64_t k = 0; k < FG_RANGES_MAX; k++)
			fg_ranges_add(&owed[i].unacked, (k << 40) + i, (k << 40) + (2 << 20));
		fg_ranges_add(&owed[i].doubt, 0, 4);
	}
	assert_int_equal(fg_store_make_room(to, owed, 12, FG_SEQ_END - 1), FG_OK);
	run();
	assert_true(spool.tidy_drop_below > (UINT64_C(1) << 40));
	assert_true(spool.tidy_drop_below < (UINT64_C(1000) << 40));
	assert_int_equal(sscanf(spool.owed, "town 0 %u 4;lab 0 %u 4;", &town, &lab), 2);
	assert_int_equal(town, fg_ranges_count_below(&owed[0].unacked, spool.tidy_drop_below));
	assert_int_equal(lab, fg_ranges_count_below(&owed[1].unacked, spool.tidy_drop_below));
	for (unsigned i = 0; i < 12; i++) {
		fg_ranges_fini(&owed[i].unacked);
		fg_ranges_fini(&owed[i].doubt);
	}
}

static void test_limits(void **state)
{
	const struct fg_spool_conf limits = {.max_bytes = 99};

	(void)state;
	assert_int_equal(fg_store_set_limits(to, SECOND, &limits), FG_OK);
	run();
	assert_int_equal(spool.max_bytes, 99);
	pass(1);
	assert_int_equal(spool.tidies, 1); /* there may be too much now */
	append(100, 1);
	run();
	assert_true(due_us == now.mono_us + SECOND);
}

/* Damage at run time: set aside, salvaged, opened again, and what waited is stored under the
 * numbers it had. */
static void test_damage(void **state)
{
	const struct fg_era era = {.number = 8, .timed = true};

	(void)state;
	append(100, 1);
	fg_store_set_era(to, &era);
	pass(0);
	expect_done("append 100+1\nera 8 timed\n");
	append(101, 2);
	append(103, 1);
	spool.fail_commit = 1;
	spool.commit_status = FG_ECORRUPT;
	spool.damaged = true;
	spool.last_seq = 102; /* the first of them was durable after all */
	pass(12);
	assert_int_equal(spool.salvages, 1);
	assert_true(spool.salvage_wall_ms > 1790000000000);
	assert_int_equal(spool.resumed_from, 101);
	assert_string_equal(last_event(FG_STORE_SALVAGED)->text, "nearly all was saved");
	assert_true(last_event(FG_STORE_DAMAGED) < last_event(FG_STORE_SALVAGED));
	expect_done("era 7\nera 8 timed\nappend 103+1\n");
	assert_int_equal(last_event(FG_STORE_COMMITTED)->a, 104);
	assert_int_equal(count_events(FG_STORE_RECOVERED), 1);
}

/* What comes after a salvage may fail too: it is tried again, and nothing is stored before. */
static void test_damage_and_then_no_room(void **state)
{
	const struct fg_era era = {.number = 8, .timed = true};

	(void)state;
	fg_store_set_era(to, &era);
	pass(0);
	expect_done("era 8 timed\n");
	append(101, 1);
	now.mono_us += 100 * SECOND;
	run();
	fg_store_found_damage(to);
	spool.fail_commit = 3;
	pass(2);
	expect_done("");
	assert_int_equal(spool.salvages, 1);
	assert_true(count_events(FG_STORE_FAILED) >= 2);
	spool.fail_commit = 0;
	spool.era_status = -EIO; /* no group stays open either */
	pass(2);
	spool.era_status = 0;
	pass(2);
	expect_done("era 7\nera 8 timed\nappend 101+1\n");
	assert_int_equal(spool.salvages, 1);
	assert_int_equal(count_events(FG_STORE_RECOVERED), 1);
}

/* Corrections and losses that were durable when the damage was found are told as such, and those
 * for which the numbers do not fit are asked for again. */
static void test_damage_with_numbers_given_away(void **state)
{
	(void)state;
	spool.restamp_used = 3;
	fg_store_restamp(to, 100, 10);
	fg_store_issue_losses(to, "town", 110, 4);
	spool.fail_commit = 1;
	spool.commit_status = FG_ECORRUPT;
	spool.damaged = true;
	spool.last_seq = 104;
	pass(12);
	assert_int_equal(spool.salvages, 1);
	expect_done("era 7\nissue 'town' 110 max 4\n");
	for (size_t i = 0; i < event_count; i++)
		if (events[i].type == FG_STORE_NUMBERS_USED && events[i].corrections) {
			assert_int_equal(events[i].c, 5);
			assert_true(events[i].more);
		}
	assert_int_equal(count_events(FG_STORE_NUMBERS_USED), 2);
	spool.restamp_status = FG_EINVAL;
	fg_store_restamp(to, 120, 10);
	pass(12);
	assert_int_equal(last_event(FG_STORE_NUMBERS_USED)->c, 0);
	assert_true(last_event(FG_STORE_NUMBERS_USED)->more);
}

/* It cannot be opened again at once: what comes meanwhile waits. */
static void test_damage_that_lasts(void **state)
{
	(void)state;
	run();
	fg_store_found_damage(to);
	spool.open_status = -EIO;
	append(100, 1);
	pass(5);
	assert_int_equal(spool.salvages, 1);
	assert_int_equal(spool.opens, 6);
	append(102, 1); /* what comes meanwhile is no reason to try sooner */
	run();
	run();
	assert_int_equal(spool.opens, 6);
	assert_string_equal(last_event(FG_STORE_FAILED)->text, "no way");
	assert_int_equal(append(103, 1), FG_OK);
	spool.open_status = 0;
	pass(2);
	expect_done("era 7\nappend 100+1\nappend 102+1\nappend 103+1\n");
	fg_store_found_damage(to); /* of the old file: somebody was late */
	pass(1);
	assert_int_equal(spool.salvages, 1);
	now.mono_us += 100 * SECOND;
	run();
	fg_store_found_damage(to);
	pass(1);
	assert_int_equal(spool.salvages, 2);
}

static void test_power_cut(void **state)
{
	(void)state;
	append(100, 1);
	assert_ptr_equal(fg_store_engine_abandon(engine), &spool);
	assert_true(spool.open);
	assert_string_equal(spool.done, "");
	set_up(NULL);
	append(100, 1);
	assert_true(fg_store_engine_rest(engine, now)); /* an orderly end waits for no interval */
	expect_done("append 100+1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_interval),
		TEST(test_all_kinds_in_one_group),
		TEST(test_full_for_corrections),
		TEST(test_refused_for_good),
		TEST(test_retry_after_a_second),
		TEST(test_disk_full),
		TEST(test_a_bundle_is_never_split),
		TEST(test_a_bundle_on_a_full_disk),
		TEST(test_a_bundle_that_is_dropped_or_too_large),
		TEST(test_notes),
		TEST(test_a_smaller_group_tells_its_own),
		TEST(test_bounds),
		TEST(test_room),
		TEST(test_other_destinations),
		TEST(test_room_with_long_sets),
		TEST(test_limits),
		TEST(test_damage),
		TEST(test_damage_and_then_no_room),
		TEST(test_damage_with_numbers_given_away),
		TEST(test_damage_that_lasts),
		TEST(test_power_cut),
	};

	fg_log_set_level((enum fg_log_level)0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
