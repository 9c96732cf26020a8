/* SPDX-License-Identifier: EUPL-1.2 */
/* The storage thread and the real spool where there is too little room: whatever when_full says,
 * the newest commit comes through or is told, and the thread never gets stuck. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/thread.h"
#include "gateway/store.h"
#include "storage/record.h"

#define PATIENCE_US 60000000
#define RECORDS 350
#define PER_RECORD 60

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static uint64_t committed;
static unsigned dropped;
static bool wants_room;

static void on_event(void *arg, const struct fg_store_event *event)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	if (event->type == FG_STORE_COMMITTED)
		committed = event->a;
	if (event->type == FG_STORE_DROPPED)
		dropped += (unsigned)event->c;
	if (event->type == FG_STORE_WANTS_ROOM)
		wants_room = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* What the core answers: one destination lacks everything, and nothing is on its way to it. */
static void make_room(struct fg_store *s)
{
	struct fg_owed owed = {.destination = "town", .domains = ~0u};

	fg_ranges_add(&owed.unacked, 1, FG_SEQ_END);
	assert_int_equal(fg_store_make_room(fg_store_sink(s), &owed, 1, FG_SEQ_END), FG_OK);
	fg_ranges_fini(&owed.unacked);
}

static void wait_committed(struct fg_store *s, uint64_t below)
{
	struct timespec until;
	int late = 0;

	fg_clock_deadline(PATIENCE_US, &until);
	pthread_mutex_lock(&lock);
	while (committed < below && !late) {
		if (wants_room) {
			wants_room = false;
			pthread_mutex_unlock(&lock);
			make_room(s);
			pthread_mutex_lock(&lock);
			continue;
		}
		late = pthread_cond_timedwait(&changed, &lock, &until);
	}
	pthread_mutex_unlock(&lock);
	assert_int_equal(late, 0);
}

static void append(struct fg_store *s, uint64_t seq, uint32_t era, uint32_t point)
{
	static const char text[41] = "a text that takes its room in the store.";
	struct fg_item items[PER_RECORD];
	int64_t times[PER_RECORD];
	struct fg_record_head head = {.era = era, .mono_us = (int64_t)seq,
		.wall_ms = 1790000000000, .has_wall = true, .count = PER_RECORD};
	struct fg_buf out;

	fg_buf_init(&out, 1 << 16);
	for (int i = 0; i < PER_RECORD; i++) {
		times[i] = head.mono_us;
		items[i] = (struct fg_item){.point = point, .wall_ms = head.wall_ms,
			.qc = FG_QC_PASS,
			.value = {.kind = FG_KIND_TEXT, .text = text, .len = 40}};
	}
	fg_record_encode(&out, &head, items, times);
	assert_false(out.overflow);
	while (fg_store_append(fg_store_sink(s), seq, PER_RECORD, out.data, out.len) == FG_EFULL)
		wait_committed(s, committed + 1);
	fg_buf_fini(&out);
}

static void fill(enum fg_when_full when_full)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", ".mark", ".reserve"};
	const struct fg_point_desc desc = {"pier", "d", "x_t", "x_t", "1", "water", .decimals = -1};
	char dir[] = "/tmp/fjordgate-test-XXXXXX", file[64], path[80], why_text[256];
	struct fg_spool_conf conf = {.file = file, .keep_ms = 86400000, .max_bytes = 1 << 20,
		.when_full = when_full};
	struct fg_store_engine_conf engine;
	struct fg_spool_info info;
	struct fg_spool *spool;
	struct fg_store *store;
	struct fg_buf why;
	uint32_t point;

	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/r.db", dir);
	fg_buf_wrap(&why, why_text, sizeof(why_text));
	assert_int_equal(fg_spool_open(&conf, &why, &spool), FG_OK);
	fg_spool_info(spool, &info);
	assert_int_equal(fg_spool_reserve(spool, info.next_seq + RECORDS * PER_RECORD), FG_OK);
	assert_int_equal(fg_spool_intern(spool, &desc, &point), FG_OK);
	committed = dropped = 0;
	engine = (struct fg_store_engine_conf){.spool = conf};
	assert_int_equal(fg_store_start(spool, &engine, on_event, NULL, &store), FG_OK);
	for (uint64_t i = 0; i < RECORDS; i++) /* 0.9 MB, and nobody has acknowledged any */
		append(store, info.next_seq + i * PER_RECORD, info.era, point);
	fg_store_flush(store);
	wait_committed(store, info.next_seq + RECORDS * PER_RECORD);
	fg_store_stop(store, info.next_seq + RECORDS * PER_RECORD);
	assert_true(dropped > 0);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", file, suffixes[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void test_drop_oldest(void **state)
{
	(void)state;
	fill(FG_FULL_DROP_OLDEST);
}

static void test_drop_newest(void **state)
{
	(void)state;
	fill(FG_FULL_DROP_NEWEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_oldest),
		cmocka_unit_test(test_drop_newest),
	};

	fg_log_set_level((enum fg_log_level)0);
	fg_cond_init(&changed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
