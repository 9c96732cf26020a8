/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading: ranges, the newest of each point, history by time, boots, damaged rows. */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "storage/files.h"

#define ROWS 300
#define STEP_MS 10000

struct seen {
	uint64_t seq[8192];
	int64_t wall_ms[8192];
	unsigned count, uncertain, stop_at;
};

static struct seen seen;

static int take(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct seen *x = arg;

	assert_true(x->count < FG_COUNT(x->seq));
	assert_string_equal(desc->point, store_desc(item->seq % 4)->point);
	x->wall_ms[x->count] = item->wall_ms;
	x->seq[x->count++] = item->seq;
	x->uncertain += uncertain;
	return x->stop_at && x->count == x->stop_at;
}

static struct fg_reader *open_reader(struct store *t)
{
	struct fg_reader *r;
	struct fg_buf why;

	seen = (struct seen){0};
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	if (fg_reader_open(t->file, &why, &r) < 0)
		fail_msg("%s", t->why);
	return r;
}

static void set_offset(struct store *t, int64_t offset_us)
{
	struct fg_spool_info info;

	fg_spool_info(t->s, &info);
	store_time_era(t, info.era, offset_us, 0);
}

/* Rows of four readings, ten seconds apart; the returned number is the first. */
static uint64_t fill_store(struct store *t, bool with_wall)
{
	struct fg_spool_info info;

	store_open(t);
	fg_spool_info(t->s, &info);
	assert_int_equal(fg_spool_reserve(t->s, info.next_seq + 4 * ROWS), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	for (unsigned i = 0; i < ROWS; i++)
		assert_int_equal(store_append(t, info.next_seq + 4 * i, 4,
					 INT64_C(1000) * STEP_MS * i + 999,
					 with_wall ? STORE_WALL_MS + STEP_MS * (int64_t)i : 0),
			FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	return info.next_seq;
}

static void ranges_begin_and_end_within_rows(void **state)
{
	static const struct {
		uint64_t from, to;
		long want;
	} rows[] = {
		{0, 4, 4}, {1, 4, 3}, {3, 5, 2}, {2, 3, 1}, {5, 5, 0}, {9, 7, 0},
		{4 * ROWS - 1, 4 * ROWS + 100, 1}, {4 * ROWS, 4 * ROWS + 9, 0},
	};
	struct store *t = *state;
	uint64_t seq = fill_store(t, true);
	struct fg_reader *r = open_reader(t);

	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		seen = (struct seen){0};
		assert_int_equal(fg_reader_range(r, seq + rows[i].from, seq + rows[i].to, take,
					 &seen), rows[i].want);
		if (rows[i].want)
			assert_int_equal(seen.seq[0], seq + rows[i].from);
	}
	seen = (struct seen){.stop_at = 6};
	assert_int_equal(fg_reader_range(r, seq + 1, FG_SEQ_END, take, &seen), 6);
	assert_int_equal(fg_reader_range(r, 0, seq, take, &seen), 0);
	/* what is committed later is seen by the same reader */
	assert_int_equal(fg_spool_reserve(t->s, seq + 4 * ROWS + 10), FG_OK);
	assert_int_equal(fg_reader_range(r, seq + 4 * ROWS, FG_SEQ_END, take, &seen), 0);
	store_put(t, seq + 4 * ROWS, 2, STORE_WALL_MS);
	seen = (struct seen){0};
	assert_int_equal(fg_reader_range(r, seq + 4 * ROWS, FG_SEQ_END, take, &seen), 2);
	fg_reader_close(r);
}

static void the_newest_of_each_point(void **state)
{
	struct store *t = *state;
	uint64_t seq = fill_store(t, true);
	struct fg_reader *r = open_reader(t);

	assert_int_equal(fg_reader_latest(r, 100, take, &seen), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(seen.seq[i], seq + 4 * ROWS - 1 - i);
	seen = (struct seen){.stop_at = 2};
	assert_int_equal(fg_reader_latest(r, 100, take, &seen), 2);
	assert_int_equal(fg_reader_latest(r, 0, take, &seen), 0);
	/* a point that was silent lately is found further back, if that far is looked */
	assert_int_equal(fg_spool_reserve(t->s, seq + 4 * ROWS + 100), FG_OK);
	for (unsigned i = 0; i < 5; i++)
		store_put(t, seq + 4 * ROWS + 4 * i, 1, STORE_WALL_MS);
	seen = (struct seen){0};
	assert_int_equal(fg_reader_latest(r, 5, take, &seen), 1);
	seen = (struct seen){0};
	assert_int_equal(fg_reader_latest(r, 6, take, &seen), 4);
	assert_int_equal(seen.seq[0], seq + 4 * ROWS + 16);
	fg_reader_close(r);
}

#define PAGE 1024

/* Swaps a page of the file with `page`. */
static void swap_page(const char *path, long at, char *page)
{
	FILE *f = fopen(path, "r+b");
	char was[PAGE];

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_equal(fread(was, 1, PAGE, f), PAGE);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_equal(fwrite(page, 1, PAGE, f), PAGE);
	fclose(f);
	memcpy(page, was, PAGE);
}

/* What a damaged page hides is older than what lies before it. */
static void the_newest_before_damage(void **state)
{
	struct store *t = *state;
	uint64_t seq = fill_store(t, true);
	int64_t pages;
	unsigned hurt = 0, known = 0;

	store_close(t);
	pages = fg_file_bytes(t->file) / PAGE;
	for (int64_t p = 1; p < pages; p++) {
		char page[PAGE] = {0};
		struct fg_reader *r;
		struct fg_buf why;

		swap_page(t->file, p * PAGE, page);
		seen = (struct seen){0};
		fg_buf_wrap(&why, t->why, sizeof(t->why));
		if (fg_reader_open(t->file, &why, &r) == FG_OK) {
			if (fg_reader_latest(r, 2 * ROWS, take, &seen) == FG_ECORRUPT) {
				hurt++;
				known += seen.count == 4 && seen.seq[0] == seq + 4 * ROWS - 1;
			}
			fg_reader_close(r);
		}
		swap_page(t->file, p * PAGE, page);
	}
	assert_true(hurt > 10);
	assert_true(known > hurt / 2); /* others are of the index, or have the newest */
}

/* Against plain arithmetic: rows i with since <= time < until, of two stations. */
static void history_finds_what_lies_between(void **state)
{
	static const struct {
		int64_t since, until; /* in steps of ten seconds, in halves */
		unsigned first, count;
	} rows[] = {
		{0, 2 * ROWS, 0, ROWS}, {-99999, 99999, 0, ROWS}, {2, 4, 1, 1}, {1, 3, 1, 1},
		{3, 4, 0, 0}, {200, 400, 100, 100}, {201, 401, 101, 100},
		{2 * ROWS - 2, 99999, ROWS - 1, 1}, {2 * ROWS, 99999, 0, 0}, {-50, 0, 0, 0},
	};
	struct store *t = *state;
	uint64_t seq = fill_store(t, true);
	struct fg_reader *r = open_reader(t);

	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		int64_t since = STORE_WALL_MS + rows[i].since * STEP_MS / 2;
		int64_t until = STORE_WALL_MS + rows[i].until * STEP_MS / 2;

		seen = (struct seen){0};
		assert_int_equal(fg_reader_history(r, "pier", "water_temperature", since, until, 0,
					 take, &seen), rows[i].count);
		for (unsigned k = 0; k < rows[i].count; k++)
			assert_int_equal(seen.seq[k], seq + 4 * (rows[i].first + k) + 2);
	}
	seen = (struct seen){0};
	assert_int_equal(fg_reader_history(r, "pier", "ph", 0, INT64_MAX, 0, take, &seen), 0);
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", INT64_MIN, INT64_MAX,
				 seq + 4 * 250, take, &seen), ROWS - 251);
	seen = (struct seen){.stop_at = 70}; /* in pages, as a caller asks for them */
	for (uint64_t after = 0; seen.count < 210; after = seen.seq[seen.count - 1]) {
		assert_int_equal(fg_reader_history(r, "bragernes", "ph", INT64_MIN, INT64_MAX,
					 after, take, &seen), 70);
		seen.stop_at += 70;
	}
	assert_int_equal(seen.seq[209], seq + 4 * 209);
	fg_reader_close(r);
}

static void spool_I11_time_comes_from_the_era_or_is_uncertain(void **state)
{
	struct store *t = *state;
	uint64_t seq = fill_store(t, false);
	struct fg_reader *r = open_reader(t);

	assert_int_equal(fg_reader_range(r, seq, FG_SEQ_END, take, &seen), 4 * ROWS);
	assert_int_equal(seen.uncertain, 4 * ROWS);
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", INT64_MIN, INT64_MAX, 0, take,
				 &seen), 0);
	set_offset(t, STORE_WALL_MS * 1000 + 1);
	seen = (struct seen){0};
	assert_int_equal(fg_reader_range(r, seq, FG_SEQ_END, take, &seen), 4 * ROWS);
	assert_int_equal(seen.uncertain, 0);
	assert_int_equal(seen.wall_ms[0], STORE_WALL_MS + 1); /* 999 + 1 microseconds */
	assert_int_equal(seen.wall_ms[4], STORE_WALL_MS + STEP_MS + 1);
	seen = (struct seen){0};
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", STORE_WALL_MS + 10 * STEP_MS,
				 STORE_WALL_MS + 20 * STEP_MS, 0, take, &seen), 10);
	assert_int_equal(seen.seq[0], seq + 40);
	fg_reader_close(r);
	/* a restart begins another era; this one keeps its time */
	store_close(t);
	store_open(t);
	r = open_reader(t);
	assert_int_equal(fg_reader_range(r, seq, seq + 1, take, &seen), 1);
	assert_int_equal(seen.uncertain, 0);
	fg_reader_close(r);
}

/* Rows with and without wall time take turns within one boot; each is found by its own time. */
static void spool_I11_history_crosses_a_lost_clock(void **state)
{
	const int64_t day_ms = 86400000;
	struct store *t = *state;
	struct fg_spool_info info;
	struct fg_reader *r;
	uint64_t seq;

	store_open(t);
	fg_spool_info(t->s, &info);
	seq = info.next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + ROWS), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	for (unsigned i = 0; i < ROWS; i++)
		assert_int_equal(store_append(t, seq + i, 1, INT64_C(1000) * STEP_MS * i,
					 i / 10 % 2 ? 0 : STORE_WALL_MS + STEP_MS * (int64_t)i),
			FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	set_offset(t, (STORE_WALL_MS + day_ms) * 1000);
	r = open_reader(t);
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", STORE_WALL_MS,
				 STORE_WALL_MS + day_ms, 0, take, &seen), 45);
	seen = (struct seen){0};
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", STORE_WALL_MS + day_ms,
				 STORE_WALL_MS + 2 * day_ms, 0, take, &seen), 30);
	assert_int_equal(seen.seq[0], seq + 12);
	fg_reader_close(r);
}

static void damaged_rows_are_passed_over(void **state)
{
	struct store *t = *state;
	uint64_t seq = fill_store(t, true);
	struct fg_reader *r;
	char text[160];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	snprintf(text, sizeof(text), "UPDATE reading SET record = zeroblob(9) WHERE seq = %llu;"
		"UPDATE reading SET record = x'' WHERE seq = %llu",
		(unsigned long long)seq + 8, (unsigned long long)seq + 16);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM point WHERE id = 2", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	r = open_reader(t);
	/* two rows of four, and one reading of each row that is left */
	assert_int_equal(fg_reader_range(r, seq, FG_SEQ_END, take, &seen), 3 * (ROWS - 2));
	assert_int_equal(fg_reader_damaged(r), 2 + ROWS - 2);
	fg_reader_close(r);
	store_close(t);
	store_open(t);
}

static void readers_refuse_what_is_no_store(void **state)
{
	struct store *t = *state;
	struct fg_reader *r;
	struct fg_buf why;

	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_reader_open(t->file, &why, &r), FG_ENOENT);
	assert_non_null(strstr(t->why, t->file));
	fg_buf_clear(&why);
	fclose(fopen(t->file, "w"));
	assert_int_equal(fg_reader_open(t->file, &why, &r), FG_ENOENT);
	assert_non_null(strstr(t->why, "is empty"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(ranges_begin_and_end_within_rows),
		T(the_newest_of_each_point),
		T(the_newest_before_damage),
		T(history_finds_what_lies_between),
		T(spool_I11_time_comes_from_the_era_or_is_uncertain),
		T(spool_I11_history_crosses_a_lost_clock),
		T(damaged_rows_are_passed_over),
		T(readers_refuse_what_is_no_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
