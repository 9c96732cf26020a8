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
#include "gateway/store_engine.h"

#define SECOND	   INT64_C(1000000)
#define INTERVAL   (10 * SECOND)
#define EVENTS_MAX 4000
#define LOG_MAX	   40000

/* One store on disk: what is committed is a text of what was done, in order. */
struct fg_spool {
	char done[LOG_MAX], group[LOG_MAX];
	bool open, in_group;
	int closes, opens, salvages;
	/* what it answers */
	int fail_commit, commit_status; /* how many commits fail, and how */
	bool full;			/* appends alone do not fit: -ENOSPC */
	int append_status, issue_status, restamp_status, era_status;
	int open_status, salvage_status;
	bool damaged;
	unsigned restamp_used, issue_used, losses;
	bool restamp_more;
	int reserve_uses;
	int tidies, tidy_results[16];
	uint64_t tidy_drop_below;
	char owed[2000];
	int64_t salvage_wall_ms, max_bytes;
	uint64_t resumed_from, last_seq;
};

static struct fg_spool spool;
static struct fg_store_engine *engine;
static struct fg_store_sink *to;
static struct fg_store_event events[EVENTS_MAX];
static size_t event_count;
static struct fg_now now;
static int64_t due_us;

/* ---- the spool ---- */

FG_PRINTF(2, 3) static int note(struct fg_spool *s, const char *fmt, ...)
{
	size_t len = strlen(s->group);
	va_list ap;

	assert_true(s->open);
	assert_true(s->in_group);
	va_start(ap, fmt);
	vsnprintf(s->group + len, sizeof(s->group) - len, fmt, ap);
	va_end(ap);
	return FG_OK;
}

int fg_spool_open(const struct fg_spool_conf *conf, struct fg_buf *why, struct fg_spool **ret)
{
	assert_string_equal(conf->file, "r.db");
	assert_false(spool.open);
	spool.opens++;
	if (spool.open_status < 0) {
		fg_buf_puts(why, "no way");
		return spool.open_status;
	}
	spool.open = true;
	spool.damaged = false;
	*ret = &spool;
	return FG_OK;
}

void fg_spool_close(struct fg_spool *s)
{
	assert_true(s->open);
	assert_false(s->in_group);
	s->open = false;
	s->closes++;
}

int fg_spool_salvage(const struct fg_spool_conf *conf, int64_t now_wall_ms, struct fg_buf *why)
{
	assert_false(spool.open); /* nobody has it open */
	assert_string_equal(conf->file, "r.db");
	spool.salvages++;
	spool.salvage_wall_ms = now_wall_ms;
	fg_buf_puts(why, "nearly all was saved");
	return spool.salvage_status;
}

int fg_spool_resume(struct fg_spool *s, uint64_t next_seq)
{
	s->resumed_from = next_seq;
	return FG_OK;
}

void fg_spool_info(struct fg_spool *s, struct fg_spool_info *ret)
{
	*ret = (struct fg_spool_info){.next_seq = 100, .reserved = 1000, .bytes = 4096, .era = 7,
		.last_seq = s->last_seq};
}

int fg_spool_reserve(struct fg_spool *s, uint64_t limit)
{
	(void)limit;
	assert_false(s->in_group);
	return FG_OK;
}

int fg_spool_release(struct fg_spool *s, uint64_t next)
{
	(void)s;
	(void)next;
	return FG_OK;
}

int fg_spool_begin(struct fg_spool *s)
{
	assert_true(s->open);
	assert_false(s->in_group);
	s->in_group = true;
	s->group[0] = '\0';
	return FG_OK;
}

int fg_spool_append(struct fg_spool *s, uint64_t first_seq, unsigned count, const void *record,
	size_t len)
{
	(void)record;
	(void)len;
	if (s->append_status < 0)
		return s->append_status;
	if (s->full)
		return -ENOSPC;
	return note(s, "append %d+%u\n", (int)first_seq, count);
}

int fg_spool_set_delivery(struct fg_spool *s, const char *destination, const struct fg_ranges *r)
{
	return note(s, "delivery %s %d\n", destination, (int)fg_ranges_first(r));
}

int fg_spool_set_era(struct fg_spool *s, const struct fg_era *era)
{
	if (s->era_status < 0)
		return s->era_status;
	return note(s, "era %u%s\n", era->number, era->timed ? " timed" : "");
}

int fg_spool_restamp_begin(struct fg_spool *s, uint32_t era, int64_t true_offset_us)
{
	return note(s, "restamp era %u to %d\n", era, (int)true_offset_us);
}

int fg_spool_restamp(struct fg_spool *s, uint64_t first_seq, unsigned max, unsigned *ret_used,
	bool *ret_more)
{
	if (s->restamp_status < 0)
		return s->restamp_status;
	*ret_used = s->restamp_used;
	*ret_more = s->restamp_more;
	return note(s, "restamp %d max %u\n", (int)first_seq, max);
}

int fg_spool_losses(struct fg_spool *s, const char *destination, unsigned *ret)
{
	assert_false(s->in_group);
	*ret = s->losses + (unsigned)strlen(destination);
	return FG_OK;
}

int fg_spool_issue_losses(struct fg_spool *s, const char *destination, uint64_t first_seq,
	unsigned max, unsigned *ret_used)
{
	if (s->issue_status < 0)
		return s->issue_status;
	*ret_used = s->issue_used;
	return note(s, "issue '%s' %d max %u\n", destination, (int)first_seq, max);
}

int fg_spool_set_ledger(struct fg_spool *s, const struct fg_ledger_row *row)
{
	return note(s, "ledger %s to %d from %d%s\n", row->device, (int)row->to_ms,
		(int)row->from_seq, row->clean ? " clean" : "");
}

int fg_spool_forget_ledger(struct fg_spool *s, const char *device)
{
	return note(s, "forget %s\n", device);
}

int fg_spool_set_destinations(struct fg_spool *s, const char *const *names, size_t count,
	int64_t now_wall_ms)
{
	note(s, "destinations");
	for (size_t i = 0; i < count; i++)
		note(s, " %s", names[i]);
	return note(s, " at %d\n", (int)now_wall_ms);
}

int fg_spool_commit(struct fg_spool *s)
{
	size_t len = strlen(s->done);

	assert_true(s->in_group);
	if (s->fail_commit > 0) {
		s->fail_commit--;
		return s->commit_status;
	}
	snprintf(s->done + len, sizeof(s->done) - len, "%s", s->group);
	s->in_group = false;
	return FG_OK;
}

void fg_spool_rollback(struct fg_spool *s)
{
	s->in_group = false;
}

void fg_spool_set_limits(struct fg_spool *s, const struct fg_spool_conf *conf)
{
	assert_false(s->in_group);
	assert_string_equal(conf->file, "r.db");
	s->max_bytes = conf->max_bytes;
}

int fg_spool_use_reserve(struct fg_spool *s)
{
	assert_false(s->in_group);
	s->reserve_uses++;
	return FG_OK;
}

bool fg_spool_damaged(const struct fg_spool *s)
{
	return s->damaged;
}

int fg_spool_tidy(struct fg_spool *s, const struct fg_tidy *t)
{
	int result = s->tidies < (int)FG_COUNT(s->tidy_results) ? s->tidy_results[s->tidies] :
								  FG_TIDY_DONE;

	s->tidies++;

	assert_false(s->in_group);
	s->owed[0] = '\0';
	s->tidy_drop_below = t->drop_below;
	for (size_t i = 0; t->owed && i < t->owed_count; i++)
		snprintf(s->owed + strlen(s->owed), sizeof(s->owed) - strlen(s->owed),
			"%s %u %d %d;", t->owed[i].destination, t->owed[i].domains,
			(int)fg_ranges_count_below(&t->owed[i].unacked, t->drop_below),
			(int)fg_ranges_count_below(&t->owed[i].doubt, t->drop_below));
	if (result == FG_TIDY_MORE && t->owed)
		t->dropped(t->arg, 1, 5, 4);
	return result;
}

const char *fg_spool_error(const struct fg_spool *s)
{
	(void)s;
	return "as told";
}

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
	assert_string_equal(last_event(FG_STORE_FAILED)->text, "no way");
	assert_int_equal(append(101, 1), FG_OK);
	spool.open_status = 0;
	pass(2);
	expect_done("era 7\nappend 100+1\nappend 101+1\n");
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
		TEST(test_a_smaller_group_tells_its_own),
		TEST(test_bounds),
		TEST(test_room),
		TEST(test_room_with_long_sets),
		TEST(test_limits),
		TEST(test_damage),
		TEST(test_damage_that_lasts),
		TEST(test_power_cut),
	};

	fg_log_set_level((enum fg_log_level)0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
