/* SPDX-License-Identifier: EUPL-1.2 */
/* The storage thread on a spool that fails on command: what was taken is committed in order and
 * once, whatever happens in between. The spool's functions are those of this file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/thread.h"
#include "gateway/store.h"

#define PATIENCE_US 20000000
#define LONG_US INT64_C(3600000000)
#define STORED_MAX 40000
#define EVENTS_MAX 40000

/* Everything here is under `lock`. */
struct fg_spool {
	uint64_t stored[STORED_MAX]; /* first numbers, durable */
	size_t stored_count, group_count;
	bool group, closed;
	/* how many of the next calls fail */
	int fail_begin, fail_append, fail_delivery, fail_commit, fail_reserve, fail_offset, refuse;
	int status; /* with which they fail */
	uint64_t delivered_from, reserved, released;
	int64_t offset_us, max_bytes;
	unsigned commits, tidies, offsets, calls;
	uint64_t tidy_below;
	int64_t tidy_now_ms;
	bool room_by_tidy;
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_cond_t changed;
static struct fg_spool spool;
static struct fg_store_event events[EVENTS_MAX];
static size_t event_count;
static struct fg_store *store;
static uint64_t next_seq;

/* ---- the spool ---- */

static bool fails(int *times)
{
	if (*times <= 0)
		return false;
	--*times;
	return true;
}

#define LOCKED(...)                                                                                \
	pthread_mutex_lock(&lock);                                                                 \
	__VA_ARGS__;                                                                               \
	pthread_cond_broadcast(&changed);                                                          \
	pthread_mutex_unlock(&lock)

void fg_spool_info(struct fg_spool *s, struct fg_spool_info *ret)
{
	(void)s;
	*ret = (struct fg_spool_info){.next_seq = 1, .reserved = 1000, .bytes = 4096};
}

int fg_spool_reserve(struct fg_spool *s, uint64_t limit)
{
	int r;

	LOCKED(r = fails(&s->fail_reserve) ? FG_EAGAIN : FG_OK;
		s->reserved = r ? s->reserved : limit);
	assert_false(s->group);
	return r;
}

int fg_spool_release(struct fg_spool *s, uint64_t next)
{
	s->released = next;
	return FG_OK;
}

void fg_spool_close(struct fg_spool *s)
{
	s->closed = true;
}

int fg_spool_begin(struct fg_spool *s)
{
	int r;

	assert_false(s->group);
	LOCKED(r = fails(&s->fail_begin) ? s->status : FG_OK; s->group = r == FG_OK;
		s->group_count = 0);
	return r;
}

int fg_spool_append(struct fg_spool *s, uint64_t first_seq, unsigned count, const void *record,
	size_t len)
{
	int r = FG_OK;

	assert_true(s->group);
	assert_int_equal(count, 1);
	assert_true(len >= sizeof(first_seq));
	assert_memory_equal(record, &first_seq, sizeof(first_seq));
	pthread_mutex_lock(&lock);
	if (fails(&s->refuse))
		r = FG_EFULL;
	else if (fails(&s->fail_append))
		r = s->status;
	else
		s->stored[s->stored_count + s->group_count++] = first_seq;
	pthread_mutex_unlock(&lock);
	return r;
}

int fg_spool_set_delivery(struct fg_spool *s, const char *destination, const struct fg_ranges *r)
{
	int ret;

	assert_true(s->group);
	assert_string_equal(destination, "town");
	LOCKED(ret = fails(&s->fail_delivery) ? s->status : FG_OK;
		s->delivered_from = fg_ranges_first(r));
	return ret;
}

int fg_spool_commit(struct fg_spool *s)
{
	int r;

	assert_true(s->group);
	pthread_mutex_lock(&lock);
	r = fails(&s->fail_commit) ? s->status : FG_OK;
	if (r == FG_OK) {
		s->stored_count += s->group_count;
		s->group = false;
		s->commits++;
	}
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return r;
}

void fg_spool_rollback(struct fg_spool *s)
{
	LOCKED(s->group = false; s->group_count = 0);
}

int fg_spool_set_era(struct fg_spool *s, const struct fg_era *era)
{
	int r;

	assert_true(s->group);
	assert_true(era->timed);
	LOCKED(s->offsets++; r = fails(&s->fail_offset) ? FG_EAGAIN : FG_OK;
		s->offset_us = r ? s->offset_us : era->offset_us);
	return r;
}

int fg_spool_tidy(struct fg_spool *s, const struct fg_tidy *t)
{
	bool room;

	assert_false(s->group);
	LOCKED(s->tidies++; s->tidy_now_ms = t->now_wall_ms; s->tidy_below = t->delivered_below;
		room = s->room_by_tidy; s->room_by_tidy = false; if (room) s->fail_commit = 0);
	if (room)
		t->dropped(t->arg, 1, 5, 4);
	return room ? FG_TIDY_MORE : FG_TIDY_DONE;
}

void fg_spool_set_limits(struct fg_spool *s, const struct fg_spool_conf *conf)
{
	LOCKED(s->max_bytes = conf->max_bytes);
}

/* What these tests do not reach; test_store_engine.c does. */
int fg_spool_open(const struct fg_spool_conf *conf, struct fg_buf *why, struct fg_spool **ret)
{
	(void)conf;
	(void)why;
	(void)ret;
	fail();
	return FG_EINVAL;
}

int fg_spool_salvage(const struct fg_spool_conf *conf, int64_t now_wall_ms, struct fg_buf *why)
{
	(void)conf;
	(void)now_wall_ms;
	(void)why;
	fail();
	return FG_EINVAL;
}

int fg_spool_resume(struct fg_spool *s, uint64_t next)
{
	(void)s;
	(void)next;
	return FG_EINVAL;
}

int fg_spool_restamp_begin(struct fg_spool *s, uint32_t era, int64_t true_offset_us)
{
	(void)s;
	(void)era;
	(void)true_offset_us;
	return FG_EINVAL;
}

int fg_spool_restamp(struct fg_spool *s, uint64_t first_seq, unsigned max, unsigned *ret_used,
	bool *ret_more)
{
	(void)s;
	(void)first_seq;
	(void)max;
	(void)ret_used;
	(void)ret_more;
	return FG_EINVAL;
}

int fg_spool_losses(struct fg_spool *s, const char *destination, unsigned *ret)
{
	(void)s;
	(void)destination;
	*ret = 0;
	return FG_OK;
}

int fg_spool_issue_losses(struct fg_spool *s, const char *destination, uint64_t first_seq,
	unsigned max, unsigned *ret_used)
{
	(void)s;
	(void)destination;
	(void)first_seq;
	(void)max;
	(void)ret_used;
	return FG_EINVAL;
}

int fg_spool_set_ledger(struct fg_spool *s, const struct fg_ledger_row *row)
{
	(void)s;
	(void)row;
	return FG_EINVAL;
}

int fg_spool_forget_ledger(struct fg_spool *s, const char *device)
{
	(void)s;
	(void)device;
	return FG_EINVAL;
}

int fg_spool_set_state(
	struct fg_spool *s, const char *kind, const char *key, const void *bytes, size_t len)
{
	(void)s;
	(void)kind;
	(void)key;
	(void)bytes;
	(void)len;
	return FG_EINVAL;
}

int fg_spool_set_destinations(struct fg_spool *s, const char *const *names, size_t count,
	int64_t now_wall_ms)
{
	(void)s;
	(void)names;
	(void)count;
	(void)now_wall_ms;
	return FG_EINVAL;
}

int fg_spool_use_reserve(struct fg_spool *s)
{
	(void)s;
	return FG_OK;
}

bool fg_spool_damaged(const struct fg_spool *s)
{
	(void)s;
	return false;
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
	LOCKED(assert_true(event_count < EVENTS_MAX); events[event_count++] = *event);
}

static size_t count_events(enum fg_store_event_type type)
{
	size_t n = 0;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < event_count; i++)
		n += events[i].type == type;
	pthread_mutex_unlock(&lock);
	return n;
}

static bool committed(uint64_t below)
{
	for (size_t i = event_count; i-- > 0;)
		if (events[i].type == FG_STORE_COMMITTED)
			return events[i].a >= below;
	return false;
}

/* Waits until the condition holds, under the lock. */
#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		struct timespec until;                                                             \
		int late = 0;                                                                      \
                                                                                                   \
		fg_clock_deadline(PATIENCE_US, &until);                                            \
		pthread_mutex_lock(&lock);                                                         \
		while (!(condition) && !late)                                                      \
			late = pthread_cond_timedwait(&changed, &lock, &until);                    \
		pthread_mutex_unlock(&lock);                                                       \
		if (late)                                                                          \
			fail_msg("in vain: %s", #condition);                                       \
	} while (0)

static int append(size_t len)
{
	char record[2048] = {0};
	int r;

	memcpy(record, &next_seq, sizeof(next_seq));
	r = fg_store_append(fg_store_sink(store), next_seq, 1, record, len);
	if (r == FG_OK)
		next_seq++;
	return r;
}

static void start(int64_t interval_us)
{
	const struct fg_store_engine_conf conf = {
		.commit_interval_us = interval_us, .spool.file = "r.db"};

	assert_int_equal(fg_store_start(&spool, &conf, on_event, NULL, &store), FG_OK);
}

static int begin(void **state)
{
	(void)state;
	memset(&spool, 0, sizeof(spool));
	spool.status = -EIO;
	event_count = 0;
	next_seq = 1;
	return 0;
}

/* The end of every test: all that was taken is stored, in order, and once. */
static void stop(void)
{
	fg_store_stop(store, next_seq);
	assert_true(spool.closed);
	assert_false(spool.group);
	assert_true(spool.released == next_seq);
	for (size_t i = 1; i < spool.stored_count; i++)
		assert_true(spool.stored[i] > spool.stored[i - 1]);
}

static void all_stored(void)
{
	assert_int_equal(spool.stored_count, next_seq - 1);
}

static void test_failures_pass(void **state)
{
	struct fg_ranges r;

	(void)state;
	start(0);
	fg_ranges_init(&r);
	fg_ranges_add(&r, 7, FG_SEQ_END);
	LOCKED(spool.fail_begin = spool.fail_append = spool.fail_delivery = spool.fail_commit = 1);
	for (int i = 0; i < 10; i++)
		assert_int_equal(append(64), FG_OK);
	assert_int_equal(fg_store_save_delivery(fg_store_sink(store), "town", &r), FG_OK);
	fg_ranges_fini(&r);
	WAIT_FOR(count_events(FG_STORE_FAILED) > 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(append(64), FG_OK);
	WAIT_FOR(committed(next_seq));
	/* nothing counted as durable before all faults had passed */
	for (size_t i = 0, bad = 0; i < event_count; i++) {
		bad += events[i].type == FG_STORE_FAILED;
		if (events[i].type == FG_STORE_COMMITTED)
			assert_int_equal(bad, 4);
	}
	assert_int_equal(count_events(FG_STORE_RECOVERED), 1);
	assert_int_equal(spool.delivered_from, 7);
	stop();
	all_stored();
}

/* The disk fails for so long that everything is full; then what was taken is stored without
 * anything new having to come. */
static void test_a_long_fault_fills_the_queue(void **state)
{
	(void)state;
	start(0);
	LOCKED(spool.fail_commit = 1000000);
	assert_int_equal(append(1024), FG_OK);
	WAIT_FOR(count_events(FG_STORE_FAILED) > 0);
	for (size_t rounds = 2; rounds < 5; rounds++) { /* each takes what it can */
		while (append(1024) == FG_OK)
			;
		WAIT_FOR(count_events(FG_STORE_FAILED) > rounds);
	}
	while (append(1024) == FG_OK)
		;
	assert_in_range(next_seq, 850, 1200);
	assert_int_equal(append(1024), FG_EFULL);
	LOCKED(spool.fail_commit = 0);
	WAIT_FOR(committed(next_seq));
	assert_int_equal(append(1024), FG_OK);
	stop();
	all_stored();
}

static void test_the_end_stores_the_rest(void **state)
{
	(void)state;
	start(LONG_US);
	LOCKED(spool.fail_commit = 1000000);
	while (append(1024) == FG_OK)
		;
	WAIT_FOR(count_events(FG_STORE_FAILED) > 0); /* half full: it did not wait an hour */
	while (append(1024) == FG_OK)
		;
	LOCKED(spool.fail_commit = 2); /* and a passing fault does not lose them */
	stop();
	all_stored();
	assert_true(spool.commits > 1); /* more than one group holds */
}

static void test_the_end_on_a_dead_disk(void **state)
{
	(void)state;
	start(0);
	LOCKED(spool.fail_commit = 1000000);
	append(64);
	fg_store_stop(store, next_seq); /* returns */
	assert_true(spool.closed);
	assert_int_equal(spool.stored_count, 0);
	assert_false(committed(2));
}

static void test_group_commit_and_flush(void **state)
{
	const struct fg_spool_conf limits = {.max_bytes = 77};

	(void)state;
	start(LONG_US);
	for (int i = 0; i < 100; i++)
		append(64);
	fg_store_flush(store);
	WAIT_FOR(committed(next_seq));
	assert_in_range(spool.commits, 1, 2);
	fg_store_set_limits(fg_store_sink(store), 0, &limits);
	append(64);
	WAIT_FOR(committed(next_seq));
	stop();
	all_stored();
	assert_int_equal(spool.max_bytes, 77);
}

/* drop-newest: told once, before the commit that would make it look stored, even where the commit
 * has to be tried again; what follows goes on. */
static void test_refused_readings_are_told_once(void **state)
{
	size_t dropped = EVENTS_MAX, first_commit = EVENTS_MAX;

	(void)state;
	start(LONG_US);
	LOCKED(spool.refuse = 3; spool.fail_begin = 1);
	for (int i = 0; i < 5; i++)
		append(64);
	fg_store_flush(store);
	WAIT_FOR(committed(next_seq));
	assert_int_equal(count_events(FG_STORE_DROPPED), 3);
	pthread_mutex_lock(&lock); /* the thread may tell of losses still */
	for (size_t i = event_count; i-- > 0;) {
		if (events[i].type == FG_STORE_DROPPED)
			dropped = FG_MIN(dropped, i);
		if (events[i].type == FG_STORE_COMMITTED)
			first_commit = i;
	}
	pthread_mutex_unlock(&lock);
	assert_true(dropped + 2 < first_commit);
	assert_int_equal(events[dropped].a, 1);
	assert_int_equal(events[dropped].b, 2);
	assert_int_equal(events[dropped].c, 1);
	append(64);
	stop();
	assert_int_equal(spool.stored_count, 3);
	assert_int_equal(spool.stored[0], 4);
}

static void test_reservation(void **state)
{
	(void)state;
	start(LONG_US);
	LOCKED(spool.fail_reserve = 1);
	append(64);
	/* urgent: waits for no interval */
	assert_int_equal(fg_store_reserve(fg_store_sink(store), 5000), FG_OK);
	WAIT_FOR(count_events(FG_STORE_RESERVED) == 1);
	assert_int_equal(spool.reserved, 5000);
	assert_int_equal(count_events(FG_STORE_FAILED), 1);
	WAIT_FOR(committed(next_seq));
	/* told only after it was durable, and before the readings behind it */
	assert_true(events[0].type == FG_STORE_SIZE && events[1].type == FG_STORE_FAILED &&
		    events[2].type == FG_STORE_RESERVED);
	assert_int_equal(events[2].a, 5000);
	stop();
	all_stored();
}

static int called(struct fg_spool *s, void *arg)
{
	assert_false(s->group);
	assert_ptr_equal(arg, &next_seq);
	assert_int_equal(s->stored_count, 3); /* what came before is stored */
	s->calls++;
	return -7;
}

static void test_calls(void **state)
{
	struct fg_store_call call = {.run = called, .arg = &next_seq};

	(void)state;
	start(LONG_US);
	for (int i = 0; i < 3; i++)
		append(64);
	assert_int_equal(fg_store_call(fg_store_sink(store), &call), FG_OK);
	WAIT_FOR(count_events(FG_STORE_CALLED) == 1);
	assert_int_equal(call.result, -7);
	assert_ptr_equal(events[event_count - 1].call, &call);
	stop();
	assert_int_equal(spool.calls, 1);
}

/* A full disk or store: housekeeping comes before the next try, or it would stay full for ever. */
static void test_a_full_store_makes_room(void **state)
{
	(void)state;
	start(0);
	LOCKED(spool.status = -ENOSPC; spool.fail_commit = 1000000; spool.room_by_tidy = true);
	append(64);
	WAIT_FOR(committed(next_seq));
	assert_int_equal(count_events(FG_STORE_DROPPED), 1);
	stop();
	all_stored();
}

/* There is never room for so much at once: it is stored in smaller groups, by itself. */
static void test_a_group_too_large(void **state)
{
	(void)state;
	start(LONG_US);
	LOCKED(spool.status = -ENOSPC; spool.fail_commit = 2);
	for (int i = 0; i < 40; i++)
		append(64);
	fg_store_flush(store);
	WAIT_FOR(committed(next_seq));
	assert_in_range(spool.commits, 3, 8);
	assert_int_equal(count_events(FG_STORE_FAILED), 2);
	stop();
	all_stored();
}

static void test_housekeeping(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(fg_store_expire(fg_store_sink(store), 1234567, 42), FG_OK);
	WAIT_FOR(spool.tidies > 0 && count_events(FG_STORE_SIZE) > 1);
	assert_true(spool.tidy_now_ms == 1234567);
	assert_int_equal(spool.tidy_below, 42);
	stop();
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_failures_pass),
		TEST(test_a_long_fault_fills_the_queue),
		TEST(test_the_end_stores_the_rest),
		TEST(test_the_end_on_a_dead_disk),
		TEST(test_group_commit_and_flush),
		TEST(test_refused_readings_are_told_once),
		TEST(test_reservation),
		TEST(test_calls),
		TEST(test_a_full_store_makes_room),
		TEST(test_a_group_too_large),
		TEST(test_housekeeping),
	};

	fg_log_set_level((enum fg_log_level)0);
	fg_cond_init(&changed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
