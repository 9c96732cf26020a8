/* SPDX-License-Identifier: EUPL-1.2 */
/* Corrections of an era: each reading once, whatever happens meanwhile. */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "fault_vfs.h"

#define ERAS 3
#define STEP_US INT64_C(10000000)
#define TRUE_US(era) ((STORE_WALL_MS + 5000 * (int64_t)(era)) * 1000)
#define NUMBERS 100000

/* What the readings should become, and what they became; by number less the first. */
struct seen {
	struct store *t;
	uint64_t first;
	int64_t mono_us[NUMBERS]; /* 0: nothing was appended with this number */
	uint32_t era[NUMBERS];
	unsigned corrected[NUMBERS];
	uint64_t dropped_below;
	unsigned readings, corrections;
};

static struct seen seen;

static struct fg_spool_info info_of(struct store *t)
{
	struct fg_spool_info info;

	fg_spool_info(t->s, &info);
	return info;
}

static void begin_seen(struct store *t)
{
	seen = (struct seen){.t = t, .first = info_of(t).next_seq};
}

static uint64_t next_seq(struct store *t)
{
	struct fg_spool_info info = info_of(t);

	return info.last_seq >= info.next_seq ? info.last_seq + 1 : info.next_seq;
}

/* Appends rows of an era, in the open group; `wall`: they carry the wrong time. */
static void append_rows(struct store *t, uint32_t era, unsigned rows, unsigned row_len, bool wall)
{
	for (unsigned i = 0; i < rows; i++) {
		uint64_t seq = next_seq(t);
		int64_t mono_us = STEP_US * (int64_t)(seq - seen.first + 1) + 777;

		t->era = era;
		assert_int_equal(store_append(t, seq, row_len, mono_us, wall ? 5000 : 0), FG_OK);
		for (unsigned k = 0; k < row_len; k++) {
			seen.mono_us[seq - seen.first + k] = mono_us;
			seen.era[seq - seen.first + k] = era;
		}
	}
	t->era = 0;
}

static void put_rows(struct store *t, uint32_t era, unsigned rows, unsigned row_len, bool wall)
{
	assert_int_equal(fg_spool_reserve(t->s, next_seq(t) + rows * row_len), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	append_rows(t, era, rows, row_len, wall);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
}

static void begin_job(struct store *t, uint32_t era)
{
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_restamp_begin(t->s, era, TRUE_US(era)), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
}

/* A group with up to max corrections; returns whether there is more. */
static bool step(struct store *t, unsigned max, bool commit, unsigned *ret_used)
{
	uint64_t seq = next_seq(t);
	bool more;

	assert_int_equal(fg_spool_reserve(t->s, seq + max), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	if (fg_spool_restamp(t->s, seq, max, ret_used, &more) != FG_OK)
		fail_msg("%s", fg_spool_error(t->s));
	assert_true(*ret_used <= max);
	if (*ret_used)
		assert_int_equal(info_of(t).last_seq, seq + *ret_used - 1);
	if (!commit) {
		fg_spool_rollback(t->s);
		return true;
	}
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	return more;
}

static void correct_all(struct store *t, unsigned max)
{
	unsigned used;

	for (unsigned i = 0; step(t, max, true, &used); i++)
		assert_true(i < 10000);
}

static int check_item(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct seen *x = arg;
	uint64_t at;

	(void)desc;
	assert_int_equal(item->kind, FG_ITEM_READING);
	if (!item->replaces) {
		x->readings++;
		assert_true(store_same(x->t, item, item->seq));
		return 0;
	}
	at = item->replaces - x->first;
	assert_true(item->replaces >= x->first && at < NUMBERS);
	assert_true(item->seq > item->replaces);
	assert_true(x->mono_us[at] != 0); /* there was such a reading, */
	assert_true(store_same(x->t, item, item->replaces)); /* and this is it, */
	assert_int_not_equal(item->qc, FG_QC_MISSING);
	assert_false(uncertain); /* but for the time */
	assert_int_equal(item->uncertainty_s, 0);
	assert_true(item->wall_ms == (x->mono_us[at] + TRUE_US(x->era[at])) / 1000);
	x->corrected[at]++;
	x->corrections++;
	return 0;
}

/* Reads all; each reading of the eras in the bits, and no other, has `times` corrections. */
static void check(struct store *t, unsigned eras, unsigned times)
{
	struct fg_reader *r;
	struct fg_buf why;

	memset(seen.corrected, 0, sizeof(seen.corrected));
	seen.readings = seen.corrections = 0;
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_reader_open(t->file, &why, &r), FG_OK);
	assert_true(fg_reader_range(r, 0, FG_SEQ_END, check_item, &seen) >= 0);
	assert_int_equal(fg_reader_damaged(r), 0);
	fg_reader_close(r);
	for (size_t i = 0; i < NUMBERS; i++) {
		uint64_t seq = seen.first + i;
		bool due = seen.mono_us[i] && (eras >> seen.era[i] & 1) && seq % 4 != 2 &&
			   seq >= seen.dropped_below;
		bool may = seq < seen.dropped_below; /* it may have been in time */

		if (due ? seen.corrected[i] != times : seen.corrected[i] > may)
			fail_msg("reading %zu of era %u has %u corrections", i,
				(unsigned)seen.era[i], seen.corrected[i]);
	}
}

static int count_records(struct store *t)
{
	/* the second byte is the record's type */
	static const char text[] =
		"SELECT count(*) FROM reading WHERE substr(record, 2, 1) = x'02'";
	sqlite3_stmt *st;
	sqlite3 *db;
	int n;

	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void spool_I16_each_reading_is_corrected_once(void **state)
{
	struct store *t = *state;

	t->circumstances = true;
	store_open(t);
	begin_seen(t);
	store_time_era(t, 2, TRUE_US(2), 0);
	put_rows(t, 1, 300, 4, false);
	put_rows(t, 2, 100, 4, true);
	put_rows(t, 1, 3, 4, true); /* of either kind; what is behind the last span too */
	check(t, 0, 0);
	begin_job(t, 1);
	correct_all(t, 50);
	check(t, 1 << 1, 1);
	assert_int_equal(seen.corrections, 303 * 3);
	assert_int_equal(seen.readings, 403 * 4);
	/* the first of four is 0 (mod 4), the third has nothing to correct: two records a row */
	assert_int_equal(count_records(t), 303 * 2);
	/* what follows is not begun again, at once or after a restart */
	begin_job(t, 1);
	correct_all(t, 50);
	store_close(t);
	store_open(t);
	begin_job(t, 1);
	correct_all(t, 50);
	check(t, 1 << 1, 1);
}

/* Readings that follow each other in a row stay one record, unless there are too few numbers. */
static void corrections_keep_to_rows(void **state)
{
	struct store *t = *state;
	unsigned used;

	store_open(t);
	begin_seen(t);
	put_rows(t, 1, 1, 40, false);
	put_rows(t, 1, 1, 40, false);
	begin_job(t, 1);
	assert_true(step(t, 45, true, &used));
	assert_int_equal(used, 30); /* not a part of the second row */
	assert_true(step(t, 7, true, &used));
	assert_int_equal(used, 7);
	assert_true(step(t, 0, true, &used));
	assert_int_equal(used, 0);
	assert_false(step(t, 100, true, &used));
	assert_int_equal(used, 23);
	assert_false(step(t, 0, true, &used));
	check(t, 1 << 1, 1);
	/* eleven runs in each row, one of them split */
	assert_int_equal(count_records(t), 23);
}

/* A start asks whether there is anything to correct before it gives numbers away for it. */
static void a_start_knows_whether_corrections_are_under_way(void **state)
{
	struct store *t = *state;
	unsigned used;
	bool more = true;

	store_open(t);
	begin_seen(t);
	assert_int_equal(fg_spool_restamping(t->s, &more), FG_OK);
	assert_false(more);
	put_rows(t, 1, 20, 4, false);
	begin_job(t, 1);
	assert_true(step(t, 10, true, &used));
	store_close(t);
	store_open(t);
	assert_int_equal(fg_spool_restamping(t->s, &more), FG_OK);
	assert_true(more);
	correct_all(t, 50);
	check(t, 1 << 1, 1);
	store_close(t);
	store_open(t);
	assert_int_equal(fg_spool_restamping(t->s, &more), FG_OK);
	assert_false(more);
}

static void spool_I3_corrections_need_numbers(void **state)
{
	struct store *t = *state;
	unsigned used;
	uint64_t seq;
	bool more;

	store_open(t);
	begin_seen(t);
	put_rows(t, 1, 5, 4, false);
	seq = next_seq(t);
	assert_int_equal(fg_spool_restamp_begin(t->s, 1, 5), FG_EINVAL); /* no group */
	assert_int_equal(fg_spool_restamp(t->s, seq, 4, &used, &more), FG_EINVAL);
	begin_job(t, 1);
	assert_int_equal(fg_spool_reserve(t->s, seq + 10), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_restamp_begin(t->s, 0, 5), FG_EINVAL);
	assert_int_equal(fg_spool_restamp_begin(t->s, 2, INT64_MAX), FG_EINVAL);
	assert_int_equal(fg_spool_restamp(t->s, seq - 1, 4, &used, &more), FG_EINVAL);
	assert_int_equal(fg_spool_restamp(t->s, seq, 11, &used, &more), FG_EINVAL);
	assert_int_equal(fg_spool_restamp(t->s, seq + 10, 1, &used, &more), FG_EINVAL);
	/* the group goes on */
	assert_int_equal(fg_spool_restamp(t->s, seq, 10, &used, &more), FG_OK);
	assert_int_equal(used, 9);
	assert_true(more);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	correct_all(t, 10);
	check(t, 1 << 1, 1);
}

/* A full store takes no corrections (drop-newest); they come when there is room. */
static void corrections_wait_for_room(void **state)
{
	struct store *t = *state;
	unsigned used;
	uint64_t seq;
	bool more;

	store_open(t);
	begin_seen(t);
	put_rows(t, 1, 400, 40, false);
	begin_job(t, 1);
	t->conf.when_full = FG_FULL_DROP_NEWEST;
	t->conf.max_bytes = 1; /* held to the least there may be */
	store_close(t);
	store_open(t);
	seq = next_seq(t);
	assert_int_equal(fg_spool_reserve(t->s, seq + 1500), FG_OK);
	for (int rc = FG_OK; rc == FG_OK;) { /* until it is full */
		assert_int_equal(fg_spool_begin(t->s), FG_OK);
		t->era = 2;
		rc = store_append(t, seq, 1, 5, 0);
		if (rc == FG_OK)
			append_rows(t, 2, 30, 40, false);
		assert_int_equal(fg_spool_commit(t->s), FG_OK);
		seq = next_seq(t);
		assert_int_equal(fg_spool_reserve(t->s, seq + 1500), FG_OK);
		assert_true(seq < seen.first + NUMBERS);
	}
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_restamp(t->s, seq, 50, &used, &more), FG_EFULL);
	assert_int_equal(fg_spool_restamp(t->s, seq, 0, &used, &more), FG_OK);
	assert_true(more);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	t->conf.max_bytes = 64 << 20;
	fg_spool_set_limits(t->s, &t->conf);
	correct_all(t, 500);
	check(t, 1 << 1, 1);
}

/* A row in the middle is damaged: the others are corrected. */
static void damaged_rows_are_not_corrected(void **state)
{
	struct store *t = *state;
	unsigned used, total = 0;
	char text[256];
	sqlite3 *db;

	store_open(t);
	begin_seen(t);
	put_rows(t, 1, 9, 8, false);
	snprintf(text, sizeof(text), "UPDATE reading SET record = x'01020304' WHERE seq = %llu;"
		"UPDATE reading SET record = substr(record, 1, length(record) - 1)"
		" WHERE seq = %llu", (unsigned long long)seen.first + 16,
		(unsigned long long)seen.first + 40);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	begin_job(t, 1);
	for (bool more = true; more; total += used)
		more = step(t, 9, true, &used);
	assert_int_equal(total, 7 * 6);
}

/* Any order of appends, corrections in steps of any size, rollbacks, restarts and drops. */
static void random_run(struct store *t, uint64_t seed)
{
	struct fg_rng rng = {seed};
	unsigned begun = 0, used;

	store_open(t);
	begin_seen(t);
	for (uint32_t era = 2; era <= ERAS + 1; era++)
		store_time_era(t, era, TRUE_US(era) + 5, era == 2 ? 100 : 0);
	for (int i = 0; i < 60; i++) {
		uint32_t era = 1 + (uint32_t)fg_rng_below(&rng, ERAS);

		switch (fg_rng_below(&rng, 6)) {
		case 0:
		case 1: /* only eras that are not being corrected get readings */
			if (!(begun >> era & 1))
				put_rows(t, era, 1 + (unsigned)fg_rng_below(&rng, 30),
					1 + (unsigned)fg_rng_below(&rng, 9),
					fg_rng_below(&rng, 2));
			else
				put_rows(t, ERAS + 1, 2, 4, true);
			break;
		case 2:
			if (i > 20) {
				begin_job(t, era);
				begun |= 1u << era;
			}
			break;
		case 3:
			step(t, (unsigned)fg_rng_below(&rng, 40), true, &used);
			break;
		case 4:
			step(t, (unsigned)fg_rng_below(&rng, 40), false, &used);
			break;
		default:
			store_close(t);
			store_open(t);
		}
	}
	correct_all(t, 1 + (unsigned)fg_rng_below(&rng, 60));
	check(t, begun, 1);
	store_close(t);
}

static void spool_I16_holds_whatever_happens(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct store t;

		store_init(&t);
		random_run(&t, seed);
		store_fini(&t);
	}
}

/* One group as a gateway writes it; false where something failed and was rolled back. */
static bool try_step(struct store *t, bool *ret_more)
{
	uint64_t seq = next_seq(t);
	unsigned used;
	int rc = fg_spool_reserve(t->s, seq + 20);

	if (rc == FG_OK)
		rc = fg_spool_begin(t->s);
	if (rc == FG_OK)
		rc = fg_spool_restamp(t->s, seq, 20, &used, ret_more);
	if (rc == FG_OK)
		rc = fg_spool_commit(t->s);
	if (rc < 0)
		fg_spool_rollback(t->s);
	return rc == FG_OK;
}

/* Each call to the disk fails once, or that and all that follow until the next start. */
static void spool_I16_holds_when_the_disk_fails(void **state)
{
	bool fired = true;

	(void)state;
	for (unsigned n = 1; fired; n++) {
		struct store t;
		bool more = true;

		store_init(&t);
		store_open(&t);
		begin_seen(&t);
		put_rows(&t, 1, 20, 8, false);
		begin_job(&t, 1);
		fault = (struct fault){.fail_at = (n + 1) / 2, .from_then = n % 2};
		for (unsigned i = 0; more && i < 20; i++)
			if (!try_step(&t, &more))
				more = true;
		fired = fault.fired;
		store_close(&t);
		fault = (struct fault){0};
		store_open(&t);
		correct_all(&t, 20);
		check(&t, 1 << 1, 1);
		store_fini(&t);
	}
}

/* What was dropped before its turn came is passed over, and nothing else. */
static void readings_dropped_meanwhile_are_skipped(void **state)
{
	struct store *t = *state;
	unsigned used;

	store_open(t);
	begin_seen(t);
	put_rows(t, 1, 400, 4, false);
	store_time_era(t, 1, TRUE_US(1) - 99000000, 0);
	begin_job(t, 1);
	assert_true(step(t, 30, true, &used));
	assert_true(used > 0);
	assert_int_equal(fg_spool_use_reserve(t->s), FG_OK); /* the disk is full */
	assert_int_equal(fg_spool_tidy(t->s, &(const struct fg_tidy){
			.delivered_below = seen.first + 600}), FG_TIDY_MORE);
	seen.dropped_below = info_of(t).first_seq;
	assert_true(seen.dropped_below > seen.first + 100 &&
		    seen.dropped_below < seen.first + 1000);
	correct_all(t, 64);
	check(t, 1 << 1, 1);
}

/* By its wrong time all of it is old. */
static void what_awaits_its_correction_does_not_expire(void **state)
{
	const struct fg_tidy tidy = {
		.now_wall_ms = STORE_WALL_MS + 9000 * 10000, .delivered_below = FG_SEQ_END};
	struct store *t = *state;
	uint64_t first;
	unsigned used;

	t->conf.keep_ms = 3600000;
	store_open(t);
	begin_seen(t);
	put_rows(t, 1, 400, 4, true);
	first = info_of(t).first_seq;
	put_rows(t, 2, 4, 4, true);
	begin_job(t, 1);
	assert_int_equal(fg_spool_tidy(t->s, &tidy), FG_TIDY_DONE);
	assert_true(step(t, 1000, true, &used));
	assert_int_equal(fg_spool_tidy(t->s, &tidy), FG_TIDY_DONE);
	assert_int_equal(info_of(t).first_seq, first);
	correct_all(t, 64);
	check(t, 1 << 1, 1);
	for (unsigned i = 0; i < 1600; i++)
		assert_int_equal(seen.corrected[i], (first + i) % 4 != 2);
	while (fg_spool_tidy(t->s, &tidy) > 0)
		;
	assert_true(info_of(t).first_seq >= first + 1600);
}

/* Corrections of corrections: none. The era in which they are told may be corrected itself. */
static void corrections_are_not_corrected(void **state)
{
	struct store *t = *state;

	store_open(t);
	begin_seen(t);
	put_rows(t, 1, 50, 4, false);
	store_time_era(t, 2, 1, 0);
	begin_job(t, 1);
	correct_all(t, 64);
	put_rows(t, 2, 50, 4, true);
	store_time_era(t, 3, 1, 0);
	begin_job(t, 2);
	correct_all(t, 64);
	check(t, 1 << 1 | 1 << 2, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(spool_I16_each_reading_is_corrected_once),
		T(corrections_keep_to_rows),
		T(a_start_knows_whether_corrections_are_under_way),
		T(spool_I3_corrections_need_numbers),
		T(corrections_wait_for_room),
		T(damaged_rows_are_not_corrected),
		cmocka_unit_test(spool_I16_holds_whatever_happens),
		cmocka_unit_test(spool_I16_holds_when_the_disk_fails),
		T(readings_dropped_meanwhile_are_skipped),
		T(what_awaits_its_correction_does_not_expire),
		T(corrections_are_not_corrected),
	};

	fault_vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
