/* SPDX-License-Identifier: EUPL-1.2 */
/* Eras: their numbers, their time, which of them wait for it; and the ledger. */
#include "store.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ROWS 100
#define STEP_MS 10000
#define OFFSET (STORE_WALL_MS * 1000)

static struct fg_spool_info info_of(struct store *t)
{
	struct fg_spool_info info;

	fg_spool_info(t->s, &info);
	return info;
}

static void sql(struct store *t, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* Rows of four readings, from mono_us on; with wall time where it is not 0. Some are in spans that
 * are closed, some in the open one. */
static uint64_t fill_rows(struct store *t, int64_t mono_us, int64_t wall_ms)
{
	uint64_t seq = info_of(t).last_seq + 1;

	seq = seq > info_of(t).next_seq ? seq : info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 4 * ROWS), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	for (int i = 0; i < ROWS; i++)
		assert_int_equal(store_append(t, seq + 4 * (unsigned)i, 4,
			mono_us + INT64_C(1000) * STEP_MS * i,
			wall_ms ? wall_ms + INT64_C(1) * STEP_MS * i : 0), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	return seq;
}

static void each_start_begins_an_era(void **state)
{
	struct store *t = *state;
	uint32_t last = 0;

	for (int i = 0; i < 5; i++) {
		t->conf.boot_id = i < 3 ? "one" : "two";
		store_open(t);
		assert_true(info_of(t).era > last);
		assert_int_equal(info_of(t).next_era, info_of(t).era + 1);
		last = info_of(t).era;
		if (i % 2) { /* and the core more of them */
			store_time_era(t, last + 1, OFFSET, 0);
			assert_int_equal(info_of(t).era, last);
			assert_int_equal(info_of(t).next_era, last + 2);
			last++;
		}
		store_close(t);
	}
	/* not even when the table of them is lost, but rows are not */
	t->conf.boot_id = NULL;
	store_open(t);
	last = info_of(t).era;
	fill_rows(t, 1, 0);
	store_close(t);
	sql(t, "DELETE FROM era");
	store_open(t);
	assert_true(info_of(t).era > last);
}

static int try_era(struct store *t, uint32_t number, bool timed, int64_t offset_us, uint32_t unc)
{
	const struct fg_era e = {.number = number, .timed = timed, .offset_us = offset_us,
		.uncertainty_s = unc};

	return fg_spool_set_era(t->s, &e);
}

static void spool_I15_an_era_keeps_its_time(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0};
	struct store *t = *state;
	uint32_t era, next;
	uint64_t seq;

	store_open(t);
	era = info_of(t).era;
	next = era + 1;
	seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 10), FG_OK);
	assert_int_equal(try_era(t, era, true, 5, 0), FG_EINVAL); /* no group */
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(try_era(t, 0, true, 5, 0), FG_EINVAL);
	assert_int_equal(try_era(t, era, true, 5, FG_UNCERTAIN_UNBOUNDED + 1), FG_EINVAL);
	assert_int_equal(try_era(t, era, false, 0, 0), FG_OK); /* as it is */
	assert_int_equal(try_era(t, era, true, 5, 60), FG_OK);
	assert_int_equal(try_era(t, next, false, 0, 0), FG_OK);
	assert_int_equal(info_of(t).next_era, next + 1);
	fg_spool_rollback(t->s);
	assert_int_equal(info_of(t).next_era, next);

	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(try_era(t, era, true, 6, 0), FG_OK); /* 5 was never stored */
	assert_int_equal(try_era(t, next, true, 7, 3600), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	store_close(t);
	store_open(t);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(try_era(t, era, true, 6, 0), FG_OK);
	assert_int_equal(try_era(t, next, true, 7, 3600), FG_OK);
	assert_int_equal(try_era(t, era, true, 7, 0), FG_EINVAL);
	assert_non_null(strstr(fg_spool_error(t->s), "another time"));
	assert_int_equal(try_era(t, era, false, 0, 0), FG_EINVAL);
	assert_int_equal(try_era(t, next, true, 7, 0), FG_EINVAL);
	assert_int_equal(try_era(t, next, true, 8, 3600), FG_EINVAL);
	/* the group goes on */
	assert_int_equal(store_append(t, seq + 10, 1, 0, 0), FG_EINVAL);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	assert_int_equal(fg_spool_reserve(t->s, seq + 20), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(try_era(t, era, true, 7, 0), FG_EINVAL);
	assert_int_equal(store_append(t, seq + 10, 1, 0, 0), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	assert_int_equal(store_read(t, &seen), 1);
}

struct listed {
	struct fg_era era;
	bool same_boot, has_rows;
	int64_t from_us, to_us, before_ms;
};

struct list {
	struct listed items[16];
	unsigned count;
};

static void list_era(void *arg, const struct fg_era *era, bool same_boot, bool has_rows,
	int64_t from_us, int64_t to_us, int64_t before_ms)
{
	struct list *l = arg;

	assert_true(l->count < FG_COUNT(l->items));
	l->items[l->count++] = (struct listed){*era, same_boot, has_rows, from_us, to_us,
		before_ms};
}

static struct list list_of(struct store *t)
{
	struct list l = {0};

	assert_int_equal(fg_spool_open_eras(t->s, list_era, &l), FG_OK);
	return l;
}

static void check_listed(const struct listed *x, uint32_t number, bool same_boot, int64_t from_us,
	int64_t before_ms)
{
	const int64_t length_us = INT64_C(1000) * STEP_MS * (ROWS - 1);

	assert_int_equal(x->era.number, number);
	assert_int_equal(x->same_boot, same_boot);
	assert_true(x->has_rows);
	assert_int_equal(x->from_us, from_us);
	assert_int_equal(x->to_us, from_us + length_us);
	assert_true(x->before_ms == before_ms);
}

static void eras_that_wait_for_their_time_are_listed(void **state)
{
	const int64_t length_ms = STEP_MS * (ROWS - 1);
	struct store *t = *state;
	uint32_t first, estimated, other;
	struct list l;

	t->conf.boot_id = "one";
	store_open(t); /* never knew the time, then an estimate, then nothing was taken */
	first = info_of(t).era;
	estimated = first + 1;
	fill_rows(t, 1000, 0);
	store_time_era(t, estimated, OFFSET, FG_UNCERTAIN_UNBOUNDED);
	t->era = estimated;
	fill_rows(t, 7000000000, 0);
	assert_int_equal(list_of(t).count, 1); /* but for the present one */
	t->era = 0;
	store_close(t);
	t->conf.boot_id = "two";
	store_open(t); /* right time: with it, and given later */
	fill_rows(t, 50, STORE_WALL_MS + 99999999);
	other = info_of(t).next_era;
	store_time_era(t, other, (STORE_WALL_MS + 99999999) * 1000, 0);
	t->era = other;
	fill_rows(t, 2 * INT64_C(1000) * length_ms, 0);
	t->era = 0;
	store_close(t);
	t->conf.boot_id = "one";
	store_open(t);
	fill_rows(t, 123, 0);
	store_close(t);
	store_open(t);
	l = list_of(t);
	assert_int_equal(l.count, 4);
	check_listed(&l.items[0], first, true, 1000, INT64_MIN);
	assert_false(l.items[0].era.timed);
	check_listed(&l.items[1], estimated, true, 7000000000, INT64_MIN);
	assert_true(l.items[1].era.timed);
	assert_int_equal(l.items[1].era.uncertainty_s, FG_UNCERTAIN_UNBOUNDED);
	assert_int_equal(l.items[1].era.offset_us, OFFSET);
	/* boot two's first era has rows of known time only */
	assert_int_equal(l.items[2].era.number, other - 1);
	assert_false(l.items[2].same_boot);
	assert_false(l.items[2].has_rows);
	check_listed(&l.items[3], other + 1, true, 123,
		STORE_WALL_MS + 99999999 + 3 * length_ms);
	/* an estimated one that is being corrected waits for nothing */
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_restamp_begin(t->s, estimated, OFFSET), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	l = list_of(t);
	assert_int_equal(l.count, 3);
	assert_int_equal(l.items[1].era.number, other - 1);
	store_close(t);
	/* a kernel that tells no boot */
	t->conf.boot_id = "00000000-0000-0000-0000-000000000000";
	store_open(t);
	store_close(t);
	store_open(t);
	l = list_of(t);
	for (unsigned i = 0; i < l.count; i++)
		assert_false(l.items[i].same_boot);
}

/* What was stamped by a guess says no more than the guess: nothing is reckoned by it. */
static void times_of_an_estimated_era_are_no_bound(void **state)
{
	struct store *t = *state;
	uint32_t estimated;
	int64_t newest_ms;
	struct list l;

	store_open(t);
	estimated = info_of(t).era;
	fill_rows(t, 1000, STORE_WALL_MS);
	fill_rows(t, 2000, 0);
	store_time_era(t, estimated, OFFSET, FG_UNCERTAIN_UNBOUNDED);
	assert_int_equal(fg_spool_newest_ms(t->s, &newest_ms), FG_OK);
	assert_true(newest_ms == INT64_MIN);
	store_close(t);
	store_open(t);
	l = list_of(t);
	assert_int_equal(l.count, 1);
	check_listed(&l.items[0], estimated, l.items[0].same_boot, 2000, INT64_MIN);
	store_time_era(t, info_of(t).era, OFFSET, 0);
	fill_rows(t, 3000, STORE_WALL_MS);
	assert_int_equal(fg_spool_newest_ms(t->s, &newest_ms), FG_OK);
	assert_true(newest_ms >= STORE_WALL_MS);
}

/* What a salvage may leave: rows, and nothing of their eras. They wait as before. */
static void eras_that_were_lost_are_found_again(void **state)
{
	struct store *t = *state;
	struct list l;
	uint32_t era;

	t->conf.boot_id = "one";
	store_open(t);
	era = info_of(t).era;
	fill_rows(t, 1000, 0);
	store_close(t);
	sql(t, "DELETE FROM era");
	store_open(t);
	l = list_of(t);
	assert_int_equal(l.count, 1);
	check_listed(&l.items[0], era, false, 1000, INT64_MIN);
	store_time_era(t, era, OFFSET, 9);
	assert_int_equal(list_of(t).items[0].era.uncertainty_s, 9);
}

static void an_era_of_before_that_is_gone_needs_no_time(void **state)
{
	struct store *t = *state;
	uint32_t era;

	store_open(t);
	era = info_of(t).era;
	store_close(t);
	sql(t, "DELETE FROM era");
	sql(t, "INSERT INTO era (number, boot_id) VALUES (50, 'x')");
	store_open(t);
	store_time_era(t, era, OFFSET, 0);
	assert_int_equal(list_of(t).count, 1); /* 50 */
}

static int64_t ask(struct store *t, const char *text)
{
	sqlite3_stmt *st;
	int64_t value;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return value;
}

/* An era, and the job that corrected it, go when the last of its rows has gone, not before. */
static void eras_go_with_their_rows(void **state)
{
	const struct fg_tidy old = {.now_wall_ms = STORE_WALL_MS + STEP_MS * ROWS,
		.delivered_below = FG_SEQ_END};
	struct store *t = *state;
	unsigned used;
	uint64_t seq;
	bool more;

	t->conf.keep_ms = 1;
	store_open(t);
	fill_rows(t, 1000, 0);
	store_time_era(t, 1, OFFSET - 86400000000, 0); /* a day before the others */
	store_time_era(t, 2, OFFSET + 3600000000, 0);
	t->era = 2;
	seq = fill_rows(t, 1000, 0) + 4 * ROWS;
	t->era = 0;
	assert_int_equal(fg_spool_reserve(t->s, seq + 1000), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_restamp_begin(t->s, 1, OFFSET + 3600000000), FG_OK);
	assert_int_equal(fg_spool_restamp(t->s, seq, 1000, &used, &more), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	assert_int_equal(used, 3 * ROWS);
	assert_false(more);
	store_close(t);
	store_open(t);
	assert_int_equal(ask(t, "SELECT count(*) FROM era"), 3);
	assert_int_equal(ask(t, "SELECT count(*) FROM restamp"), 1);
	while (fg_spool_tidy(t->s, &old) > 0)
		;
	store_close(t);
	store_open(t);
	assert_int_equal(info_of(t).era, 4);
	assert_int_equal(ask(t, "SELECT count(*) FROM span WHERE era = 1"), 0);
	assert_int_equal(ask(t, "SELECT min(number) FROM era"), 2);
	assert_int_equal(ask(t, "SELECT count(*) FROM restamp"), 0);
	assert_int_equal(info_of(t).first_seq, seq - 4 * ROWS);
}

struct rows {
	struct fg_ledger_row items[8];
	unsigned count;
};

static void note_row(void *arg, const struct fg_ledger_row *row)
{
	struct rows *r = arg;

	assert_true(r->count < FG_COUNT(r->items));
	r->items[r->count++] = *row;
}

static struct rows ledger_of(struct store *t)
{
	struct rows r = {0};

	assert_int_equal(fg_spool_ledger(t->s, note_row, &r), FG_OK);
	return r;
}

static void the_ledger_is_kept(void **state)
{
	struct fg_ledger_row a = {.device = "sonde", .to_ms = STORE_WALL_MS, .from_seq = 70,
		.clean = true};
	struct fg_ledger_row b = {.device = "probe", .to_ms = -5};
	struct fg_ledger_row bad = {.to_ms = 1};
	struct store *t = *state;
	struct rows r;

	store_open(t);
	assert_int_equal(fg_spool_set_ledger(t->s, &a), FG_EINVAL); /* no group */
	assert_int_equal(fg_spool_forget_ledger(t->s, "sonde"), FG_EINVAL);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_ledger(t->s, &bad), FG_EINVAL);
	memset(bad.device, 'x', sizeof(bad.device));
	assert_int_equal(fg_spool_set_ledger(t->s, &bad), FG_EINVAL);
	assert_int_equal(fg_spool_set_ledger(t->s, &a), FG_OK);
	assert_int_equal(fg_spool_set_ledger(t->s, &b), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	b.to_ms = 9;
	assert_int_equal(fg_spool_set_ledger(t->s, &b), FG_OK);
	assert_int_equal(fg_spool_forget_ledger(t->s, "sonde"), FG_OK);
	fg_spool_rollback(t->s);
	store_close(t);
	store_open(t);
	r = ledger_of(t);
	assert_int_equal(r.count, 2);
	assert_string_equal(r.items[0].device, "probe");
	assert_true(r.items[0].to_ms == -5);
	assert_int_equal(r.items[0].from_seq, 0);
	assert_false(r.items[0].clean);
	assert_string_equal(r.items[1].device, "sonde");
	assert_true(r.items[1].to_ms == STORE_WALL_MS);
	assert_int_equal(r.items[1].from_seq, 70);
	assert_true(r.items[1].clean);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_ledger(t->s, &b), FG_OK);
	assert_int_equal(fg_spool_forget_ledger(t->s, "sonde"), FG_OK);
	assert_int_equal(fg_spool_forget_ledger(t->s, "never"), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	r = ledger_of(t);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.items[0].to_ms, 9);
}

static void set_era(struct store *t, const struct fg_era *era)
{
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_era(t->s, era), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
}

static unsigned weak_ones(struct store *t)
{
	struct list l = list_of(t);
	unsigned n = 0;

	for (unsigned i = 0; i < l.count; i++)
		n += l.items[i].era.weak;
	return n;
}

/* A time that nobody confirmed is listed in the same boot, until somebody does; after a salvage
 * too. */
static void a_weak_time_is_known_as_such(void **state)
{
	struct store *t = *state;
	struct fg_buf why;
	struct fg_era era;
	struct list l;

	t->conf.boot_id = "11111111-2222-3333-4444-555555555555";
	store_open(t);
	era = (struct fg_era){.number = info_of(t).era, .timed = true, .offset_us = OFFSET,
		.weak = true};
	set_era(t, &era);
	fill_rows(t, 1000, STORE_WALL_MS);
	store_close(t);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_spool_salvage(&t->conf, STORE_WALL_MS, &why), FG_OK);
	t->conf.boot_id = "another";
	store_open(t);
	assert_int_equal(weak_ones(t), 0);
	store_close(t);
	t->conf.boot_id = "11111111-2222-3333-4444-555555555555";
	store_open(t);
	assert_int_equal(weak_ones(t), 1);
	l = list_of(t);
	assert_int_equal(l.items[0].era.number, era.number);
	assert_true(l.items[0].era.weak && l.items[0].same_boot);
	assert_true(l.items[0].era.offset_us == OFFSET);
	era.weak = false;
	set_era(t, &era);
	assert_int_equal(weak_ones(t), 0);
	store_close(t);
	sql(t, "INSERT INTO meta VALUES ('weak_4000', 1)"); /* of an era that is gone */
	store_open(t);
	assert_int_equal(weak_ones(t), 0);
	sql(t, "INSERT INTO meta VALUES ('weak_4000', 1)"); /* it was taken away */
	{
		char name[400];
		DIR *d = opendir(t->dir);
		struct dirent *e;

		while ((e = readdir(d)))
			if (strstr(e->d_name, ".damaged")) {
				snprintf(name, sizeof(name), "%s/%s", t->dir, e->d_name);
				unlink(name);
			}
		closedir(d);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(each_start_begins_an_era),
		T(spool_I15_an_era_keeps_its_time),
		T(eras_that_wait_for_their_time_are_listed),
		T(eras_that_were_lost_are_found_again),
		T(times_of_an_estimated_era_are_no_bound),
		T(an_era_of_before_that_is_gone_needs_no_time),
		T(eras_go_with_their_rows),
		T(a_weak_time_is_known_as_such),
		T(the_ledger_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
