/* SPDX-License-Identifier: EUPL-1.2 */
/* Retention: what goes, what stays, what is told, and how large it all gets. */
#include "store.h"

#include "base/cleanup.h"

#define STEP_MS 10000
#define HOUR_MS 3600000

struct told {
	uint64_t count, calls, next;
};

static void note(void *arg, uint64_t from, uint64_t to, unsigned count)
{
	struct told *x = arg;

	assert_true(from < to);
	assert_true(from >= x->next); /* from the oldest on, nothing twice */
	assert_true(count <= to - from);
	x->next = to;
	x->count += count;
	x->calls++;
}

static struct fg_spool_info info_of(struct store *t)
{
	struct fg_spool_info info;

	fg_spool_info(t->s, &info);
	return info;
}

/* A destination lacks all from `below` on, and lets go of it when asked. */
static unsigned tidy_all(struct store *t, int64_t now_ms, uint64_t below, struct told *told)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges left = {0};
	struct fg_owed owed = {.destination = "open-data", .domains = UINT32_MAX};
	struct fg_tidy tidy = {.now_wall_ms = now_ms, .delivered_below = below, .dropped = note,
		.arg = told, .drop_below = FG_SEQ_END};
	unsigned steps = 0;
	int rc;

	if (below < FG_SEQ_END)
		assert_int_equal(fg_ranges_add(&left, below, FG_SEQ_END), FG_OK);
	owed.unacked = left;
	while ((rc = fg_spool_tidy(t->s, &tidy)) > 0) {
		assert_true(++steps < 10000);
		tidy.owed = rc == FG_TIDY_WANTS_ROOM ? &owed : NULL;
		tidy.owed_count = tidy.owed ? 1 : 0;
	}
	if (rc < 0)
		fail_msg("%s", fg_spool_error(t->s));
	return steps;
}

/* Rows of four readings every ten seconds; returns the first number. */
static uint64_t fill_hours(struct store *t, unsigned hours, bool with_wall)
{
	unsigned rows = hours * HOUR_MS / STEP_MS;
	uint64_t seq = info_of(t).next_seq;

	assert_int_equal(fg_spool_reserve(t->s, seq + 4 * rows), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	for (unsigned i = 0; i < rows; i++)
		assert_int_equal(store_append(t, seq + 4 * i, 4, INT64_C(1000) * STEP_MS * i,
					 with_wall ? STORE_WALL_MS + STEP_MS * (int64_t)i : 0),
			FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	return seq;
}

static void spool_I8_delivered_history_expires_and_nothing_else(void **state)
{
	struct store *t = *state;
	struct told told = {0};
	int64_t now = STORE_WALL_MS + 4 * HOUR_MS;
	uint64_t seq, kept, from_ms;

	store_open(t);
	seq = fill_hours(t, 4, true);
	/* nothing is delivered; wall time is not known; nothing is old */
	assert_int_equal(tidy_all(t, now + 99 * HOUR_MS, seq, &told), 0);
	assert_int_equal(tidy_all(t, 0, FG_SEQ_END, &told), 0);
	assert_int_equal(tidy_all(t, STORE_WALL_MS + HOUR_MS, FG_SEQ_END, &told), 0);
	/* the first hour is delivered */
	assert_true(tidy_all(t, now, seq + 4 * 360, &told) > 0);
	kept = info_of(t).first_seq;
	assert_true(kept <= seq + 4 * 360 && kept > seq + 4 * 300 - 4);
	/* all is delivered, an hour is kept */
	assert_true(tidy_all(t, now, FG_SEQ_END, &told) > 0);
	kept = info_of(t).first_seq;
	from_ms = (kept - seq) / 4 * STEP_MS;
	assert_true(from_ms <= 3 * HOUR_MS && from_ms > 3 * HOUR_MS - 11 * 60000);
	assert_int_equal(told.calls, 0);
	assert_int_equal(info_of(t).dropped, 0);
	store_close(t);
	store_open(t);
	assert_int_equal(info_of(t).rows, (seq + 4 * 1440 - kept) / 4);
}

/* Rows of a boot that never had the time go when later ones do, and not before. */
static void rows_of_unknown_time_expire_by_their_order(void **state)
{
	struct store *t = *state;
	struct told told = {0};
	uint64_t first, seq;

	store_open(t);
	first = fill_hours(t, 1, false);
	store_close(t);
	store_open(t);
	assert_int_equal(tidy_all(t, STORE_WALL_MS * 2, FG_SEQ_END, &told), 0);
	assert_int_equal(info_of(t).first_seq, first);
	seq = fill_hours(t, 1, true);
	assert_true(tidy_all(t, STORE_WALL_MS + 2 * HOUR_MS, FG_SEQ_END, &told) > 0);
	assert_true(info_of(t).first_seq >= seq);
}

/* So do those whose time is a guess, which may be decades off. */
static void rows_of_estimated_time_expire_by_their_order(void **state)
{
	struct store *t = *state;
	struct told told = {0};
	uint64_t first, seq;

	store_open(t);
	first = fill_hours(t, 1, false);
	store_time_era(t, info_of(t).era, 1000, FG_UNCERTAIN_UNBOUNDED);
	store_close(t);
	store_open(t);
	assert_int_equal(tidy_all(t, STORE_WALL_MS + 2 * HOUR_MS, FG_SEQ_END, &told), 0);
	assert_int_equal(info_of(t).first_seq, first);
	seq = fill_hours(t, 1, true);
	assert_true(tidy_all(t, STORE_WALL_MS + 2 * HOUR_MS, FG_SEQ_END, &told) > 0);
	assert_true(info_of(t).first_seq >= seq);
}

static void spool_I8_I9_the_oldest_goes_for_room_and_is_told(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0};
	struct store *t = *state;
	uint64_t seq, first, delivered;
	struct told told = {0};
	unsigned stored = 0;

	t->conf.max_bytes = 1 << 20;
	store_open(t);
	first = seq = info_of(t).next_seq;
	delivered = first + 500;
	assert_int_equal(fg_spool_reserve(t->s, seq + 300000), FG_OK);
	for (unsigned group = 0; group < 600; group++) {
		assert_int_equal(fg_spool_begin(t->s), FG_OK);
		for (unsigned i = 0; i < 10; i++, seq += 40, stored += 40)
			assert_int_equal(store_append(t, seq, 40, (int64_t)seq, STORE_WALL_MS),
				FG_OK);
		assert_int_equal(fg_spool_commit(t->s), FG_OK);
		tidy_all(t, 0, delivered, &told);
		assert_true(info_of(t).bytes <= t->conf.max_bytes);
	}
	assert_true(told.count > 100000);
	assert_int_equal(told.count, info_of(t).dropped);
	/* of four, one is an announcement that there is nothing, which counts nowhere */
	assert_int_equal(store_read(t, &seen) + (long)told.count / 3 * 4 + 500, stored);
	assert_int_equal(fg_ranges_first(&seen), told.next);
	assert_true(fg_ranges_count_below(&seen, FG_SEQ_END) * 12 > 3 << 16);
	store_close(t);
	store_open(t);
	assert_int_equal(info_of(t).first_seq, told.next);
	assert_int_equal(info_of(t).next_seq, first + 300000);
}

/* What is in no account yet does not expire: after a crash the ledger would take it for missing. */
static void spool_I8_what_is_not_accounted_for_stays(void **state)
{
	struct fg_ledger_row row = {.device = "sonde", .to_ms = STORE_WALL_MS};
	const int64_t later = STORE_WALL_MS + INT64_C(1000) * 86400000;
	struct store *t = *state;
	struct told told = {0};
	uint64_t first, seq;

	t->conf.keep_ms = 0;
	store_open(t);
	first = seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 100000), FG_OK);
	for (unsigned i = 0; i < 100; i++, seq += 40)
		store_put(t, seq, 40, STORE_WALL_MS + i * 60000);
	row.from_seq = first + 1000;
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_ledger(t->s, &row), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	tidy_all(t, later, seq, &told);
	assert_in_range(info_of(t).first_seq, first + 1, first + 1000);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_forget_ledger(t->s, row.device), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	tidy_all(t, later, seq, &told);
	assert_true(info_of(t).first_seq > first + 2000);
}

static void spool_I8_drop_newest_keeps_what_is_not_delivered(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0}, left = {0};
	struct store *t = *state;
	struct told told = {0};
	uint64_t seq, first;
	int rc = FG_OK;

	t->conf.max_bytes = 1 << 20;
	t->conf.when_full = FG_FULL_DROP_NEWEST;
	store_open(t);
	first = seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 1000000), FG_OK);
	while (rc == FG_OK) {
		assert_true(seq < first + 900000);
		assert_int_equal(fg_spool_begin(t->s), FG_OK);
		rc = store_append(t, seq, 40, (int64_t)seq, STORE_WALL_MS);
		if (rc == FG_OK)
			seq += 40;
		assert_int_equal(fg_spool_commit(t->s), FG_OK);
		tidy_all(t, 0, first, &told);
		assert_true(info_of(t).bytes <= t->conf.max_bytes);
	}
	assert_int_equal(rc, FG_EFULL);
	assert_non_null(strstr(fg_spool_error(t->s), "max_size"));
	assert_int_equal(store_read(t, &seen), seq - first);
	/* a full store takes note of deliveries, or it would stay full */
	fg_ranges_add(&left, seq, FG_SEQ_END);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_delivery(t->s, "open-data", &left), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	assert_true(tidy_all(t, 0, seq, &told) > 0);
	assert_int_equal(told.calls, 0);
	store_put(t, seq, 40, STORE_WALL_MS);
}

/* One number that somebody lacks, at the front, does not keep the store full for ever. */
static void spool_I8_drop_newest_frees_what_lies_behind_an_undelivered_front(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0};
	struct fg_owed owed = {.destination = "open-data", .domains = UINT32_MAX};
	struct store *t = *state;
	uint64_t seq, first;

	t->conf.max_bytes = 1 << 20;
	t->conf.when_full = FG_FULL_DROP_NEWEST;
	store_open(t);
	first = seq = info_of(t).next_seq;
	fg_ranges_add(&owed.unacked, first, first + 1);
	assert_int_equal(fg_spool_reserve(t->s, seq + 1000000), FG_OK);
	for (unsigned i = 0; i < 10000; i++, seq += 40) {
		struct fg_tidy tidy = {.delivered_below = first, .drop_below = seq};
		int rc = FG_TIDY_MORE;

		store_put(t, seq, 40, STORE_WALL_MS);
		while ((rc = fg_spool_tidy(t->s, &tidy)) > 0) {
			tidy.owed = rc == FG_TIDY_WANTS_ROOM ? &owed : NULL;
			tidy.owed_count = tidy.owed ? 1 : 0;
		}
		assert_int_equal(rc, FG_TIDY_DONE);
	}
	assert_true(info_of(t).bytes <= t->conf.max_bytes);
	assert_int_equal(info_of(t).dropped, 0);
	store_read(t, &seen);
	assert_true(fg_ranges_has(&seen, first));
	fg_ranges_fini(&owed.unacked);
}

/* All is delivered, and the store is tidied now and then only: nothing new is ever refused. */
static void spool_I8_drop_newest_refuses_nothing_while_all_is_delivered(void **state)
{
	struct store *t = *state;
	struct told told = {0};
	uint64_t seq, first;

	t->conf.max_bytes = 1 << 20;
	t->conf.when_full = FG_FULL_DROP_NEWEST;
	store_open(t);
	first = seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 1000000), FG_OK);
	for (unsigned i = 0; i < 4000; i++, seq += 40) {
		store_put(t, seq, 40, STORE_WALL_MS);
		if (i % 16 == 15)
			tidy_all(t, 0, seq, &told);
	}
	assert_true(info_of(t).first_seq > first); /* it was full, and more than once */
	assert_int_equal(told.calls, 0);
}

/* Without housekeeping the database's own bound holds. */
static void spool_I9_the_size_holds_without_tidy(void **state)
{
	struct store *t = *state;
	struct told told = {0};
	uint64_t seq;
	int rc = FG_OK;

	t->conf.max_bytes = 1 << 20;
	store_open(t);
	seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 1000000), FG_OK);
	while (rc == FG_OK) {
		rc = fg_spool_begin(t->s);
		if (rc == FG_OK)
			rc = store_append(t, seq, 40, (int64_t)seq, STORE_WALL_MS);
		if (rc == FG_OK)
			rc = fg_spool_commit(t->s);
		seq += 40;
		assert_true(info_of(t).bytes <= t->conf.max_bytes);
	}
	assert_int_equal(rc, -ENOSPC);
	fg_spool_rollback(t->s);
	assert_true(tidy_all(t, 0, 0, &told) > 0);
	store_put(t, seq, 40, STORE_WALL_MS);
}

static int hold(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct store *t = arg;
	uint64_t seq = info_of(t).last_seq + 1;
	int rc = FG_OK;

	(void)item;
	(void)desc;
	(void)uncertain;
	for (unsigned i = 0; i < 2000 && rc == FG_OK; i++, seq += 40) {
		rc = fg_spool_begin(t->s);
		if (rc == FG_OK)
			rc = store_append(t, seq, 40, (int64_t)seq, STORE_WALL_MS);
		if (rc == FG_OK)
			rc = fg_spool_commit(t->s);
		assert_true(info_of(t).bytes <= t->conf.max_bytes);
	}
	assert_int_equal(rc, FG_EAGAIN);
	assert_non_null(strstr(fg_spool_error(t->s), "reader"));
	return 1;
}

static void spool_I9_the_size_holds_while_a_reader_stays(void **state)
{
	struct store *t = *state;
	struct fg_reader *r;
	struct fg_buf why;
	uint64_t seq;

	t->conf.max_bytes = 1 << 20;
	store_open(t);
	seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 1000000), FG_OK);
	store_put(t, seq, 40, STORE_WALL_MS);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_reader_open(t->file, &why, &r), FG_OK);
	assert_int_equal(fg_reader_range(r, 0, FG_SEQ_END, hold, t), 1);
	fg_reader_close(r);
	store_put(t, info_of(t).last_seq + 1, 40, STORE_WALL_MS);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(spool_I8_delivered_history_expires_and_nothing_else),
		T(rows_of_unknown_time_expire_by_their_order),
		T(rows_of_estimated_time_expire_by_their_order),
		T(spool_I8_I9_the_oldest_goes_for_room_and_is_told),
		T(spool_I8_what_is_not_accounted_for_stays),
		T(spool_I8_drop_newest_keeps_what_is_not_delivered),
		T(spool_I8_drop_newest_refuses_nothing_while_all_is_delivered),
		T(spool_I8_drop_newest_frees_what_lies_behind_an_undelivered_front),
		T(spool_I9_the_size_holds_without_tidy),
		T(spool_I9_the_size_holds_while_a_reader_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
