/* SPDX-License-Identifier: EUPL-1.2 */
/* Damaged files: the gateway can start whatever the bytes are, what can be read comes back, and
 * nothing that was not there. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/rng.h"
#include "storage/files.h"
#include "storage/mark.h"
#include "storage/reader.h"

#define ROW 20
#define ROWS 900
#define PAGE 1024
#define ROWS_A_PAGE 8 /* more than fit, and those beside them */
#define NOW INT64_C(1790000000000)

static void copy_file(const char *from, const char *to)
{
	size_t size = (size_t)fg_file_bytes(from);
	char *bytes = malloc(size + 1);
	FILE *f;

	assert_int_equal(fg_file_read(from, 0, bytes, size), size);
	f = fopen(to, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	fclose(f);
	free(bytes);
}

static void path_of(const struct store *t, const char *suffix, char path[160])
{
	snprintf(path, 160, "%s%s", t->file, suffix);
}

/* Everything in the folder goes. */
static void empty_folder(const struct store *t)
{
	DIR *d = opendir(t->dir);
	struct dirent *e;

	while ((e = readdir(d))) {
		char path[400];

		snprintf(path, sizeof(path), "%s/%s", t->dir, e->d_name);
		unlink(path);
	}
	closedir(d);
}

static unsigned set_aside(const struct store *t)
{
	DIR *d = opendir(t->dir);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)))
		n += strstr(e->d_name, ".db.damaged-2026") != NULL;
	closedir(d);
	return n;
}

struct original {
	char file[160];	     /* whole, without a log */
	char db[160], wal[160]; /* as a power cut left them; the log holds the newest rows */
	uint64_t first, used;
};

/* A store of many pages, and the same with its last rows in the log. */
static void make_original(struct store *t, struct original *ret)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges left = {0};
	struct fg_spool_info info;
	char path[160];
	struct fg_buf why;

	t->conf.max_bytes = 8 << 20; /* the log is written back now and then */
	store_open(t);
	fg_spool_info(t->s, &info);
	ret->first = info.next_seq;
	ret->used = info.next_seq + ROWS * ROW;
	assert_int_equal(fg_spool_reserve(t->s, ret->used), FG_OK);
	fg_ranges_add(&left, ret->first + 500, FG_SEQ_END);
	for (unsigned i = 0; i < ROWS; i++) {
		assert_int_equal(fg_spool_begin(t->s), FG_OK);
		assert_int_equal(store_append(t, ret->first + i * ROW, ROW, i * 1000,
			STORE_WALL_MS + i * 1000), FG_OK);
		assert_int_equal(fg_spool_set_delivery(t->s, "a", &left), FG_OK);
		assert_int_equal(fg_spool_commit(t->s), FG_OK);
	}
	snprintf(ret->file, sizeof(ret->file), "%s/original", t->dir);
	snprintf(ret->db, sizeof(ret->db), "%s/db", t->dir);
	snprintf(ret->wal, sizeof(ret->wal), "%s/wal", t->dir);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_spool_backup(t->file, ret->file, NULL, &why), FG_OK);
	copy_file(t->file, ret->db);
	path_of(t, "-wal", path);
	copy_file(path, ret->wal);
	store_close(t);
}

static void put_back(struct store *t, const struct original *o)
{
	char path[160];

	copy_file(o->db, t->file);
	path_of(t, "-wal", path);
	copy_file(o->wal, path);
	path_of(t, "-shm", path);
	unlink(path);
	assert_int_equal(fg_mark_write(t->mark, o->used), FG_OK);
}

/* Opens as a gateway does, and reads all; salvages where that fails, or at once. 1: it was
 * salvaged. */
static int start_or_salvage(struct store *t, bool at_once)
{
	struct fg_buf why;
	sqlite3 *db;
	bool bad;
	int rc;

	rc = at_once ? FG_ECORRUPT : store_try_open(t);
	bad = rc < 0;
	if (bad && rc != FG_ECORRUPT && !(t->s && fg_spool_damaged(t->s)))
		fail_msg("refused: %d %s", rc, t->s ? fg_spool_error(t->s) : t->why);
	store_close(t);
	if (!bad) {
		assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
		bad = sqlite3_exec(db, "PRAGMA cell_size_check = ON; SELECT * FROM reading;"
			"SELECT * FROM point; SELECT * FROM era; SELECT * FROM delivery;"
			"SELECT * FROM span", NULL, NULL, NULL) != SQLITE_OK;
		sqlite3_close(db);
	}
	if (bad) {
		fg_buf_wrap(&why, t->why, sizeof(t->why));
		if (fg_spool_salvage(&t->conf, NOW, &why) < 0)
			fail_msg("salvage: %s", t->why);
	}
	rc = store_try_open(t);
	if (rc < 0)
		fail_msg("after it: %d %s %s", rc, t->why, t->s ? fg_spool_error(t->s) : "");
	return bad;
}

static int start(struct store *t)
{
	return start_or_salvage(t, false);
}

static int64_t ask(const struct store *t, const struct original *o, const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t v;
	char attach[256];

	snprintf(attach, sizeof(attach), "ATTACH '%s' AS o", o->file);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, attach, NULL, NULL, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

static void check_salvaged(struct store *t, const struct original *o, unsigned pages,
	const char *what)
{
	int64_t invented = ask(t, o, "SELECT count(*) FROM main.reading r LEFT JOIN o.reading w"
		" USING (seq) WHERE w.record IS NOT r.record");
	int64_t left = ask(t, o, "SELECT count(*) FROM main.reading");
	struct fg_spool_info info;

	fg_spool_info(t->s, &info);
	if (invented || left + pages * ROWS_A_PAGE < ROWS || info.next_seq < o->used)
		fail_msg("%s: %d invented, %d of %d left, %u pages damaged, next %llu of %llu",
			what, (int)invented, (int)left, ROWS, pages,
			(unsigned long long)info.next_seq, (unsigned long long)o->used);
	assert_true(info.salvaged);
	assert_true(set_aside(t) >= 1);
	assert_int_equal(fg_spool_reserve(t->s, info.next_seq + ROW), FG_OK);
	store_put(t, info.next_seq, ROW, STORE_WALL_MS);
}

static void write_at(const char *path, int64_t at, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "r+b");

	assert_non_null(f);
	assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

/* One random damage; returns how many pages it touched. */
static unsigned damage(struct fg_rng *rng, const char *path, bool log)
{
	int64_t pages = fg_file_bytes(path) / PAGE;
	static const char zeros[PAGE];
	unsigned n = 1 + (unsigned)fg_rng_below(rng, 3), kind = (unsigned)fg_rng_below(rng, 3);

	for (unsigned i = 0; i < n; i++) {
		int64_t page = (int64_t)fg_rng_below(rng, (uint64_t)pages);
		char bytes[256];

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (char)fg_rng_next(rng);
		if (kind == 0)
			write_at(path, page * PAGE, zeros, PAGE);
		else if (kind == 1)
			write_at(path, page * PAGE, bytes, sizeof(bytes));
		else
			write_at(path, page * PAGE + (int64_t)fg_rng_below(rng, PAGE - 8), bytes,
				8);
	}
	return log ? 2 * n : n; /* a page of the log lies across two */
}

static void random_damage(struct store *t, bool to_log)
{
	unsigned salvaged = 0;
	struct original o;

	make_original(t, &o);
	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct fg_rng rng = {.state = seed};
		char path[160], what[64];
		unsigned pages;

		put_back(t, &o);
		path_of(t, to_log ? "-wal" : "", path);
		pages = damage(&rng, path, to_log);
		snprintf(what, sizeof(what), "seed %d", (int)seed);
		/* SQLite takes the end of a log that is damaged for the end of it */
		if (start_or_salvage(t, to_log)) {
			check_salvaged(t, &o, pages, what);
			salvaged++;
		}
		store_close(t);
		{
			DIR *d = opendir(t->dir);
			struct dirent *e;

			while ((e = readdir(d)))
				if (strstr(e->d_name, "readings.db")) {
					snprintf(path, sizeof(path), "%.60s/%.90s", t->dir,
						e->d_name);
					unlink(path);
				}
			closedir(d);
		}
	}
	print_message("%u of 150 needed to be salvaged\n", salvaged);
	assert_true(salvaged > 50);
	empty_folder(t);
}

static void random_damage_to_the_file(void **state)
{
	random_damage(*state, false);
}

static void random_damage_to_the_log(void **state)
{
	random_damage(*state, true);
}

static void a_file_cut_off_and_a_mark_unreadable(void **state)
{
	struct store *t = *state;
	struct original o;
	char path[160];
	int64_t size, left;

	make_original(t, &o);
	copy_file(o.file, t->file);
	size = fg_file_bytes(t->file);
	assert_int_equal(truncate(t->file, size / 2 / PAGE * PAGE + 100), 0);
	unlink(t->mark);
	assert_int_equal(start(t), 1);
	left = ask(t, &o, "SELECT count(*) FROM main.reading");
	assert_true(left > ROWS / 4 && left < ROWS * 3 / 4);
	{
		struct fg_spool_info info;

		fg_spool_info(t->s, &info);
		assert_true(info.next_seq >= info.last_seq + (1 << 20));
		assert_true(info.salvaged);
	}
	store_close(t);
	store_open(t); /* it is told once */
	{
		struct fg_spool_info info;

		fg_spool_info(t->s, &info);
		assert_false(info.salvaged);
	}
	store_close(t);
	/* nothing but noise */
	path_of(t, "-wal", path);
	memset(path + 150, 0, 1);
	for (int64_t at = 0; at < fg_file_bytes(t->file); at += 160)
		write_at(t->file, at, path, 160);
	assert_int_equal(start(t), 1);
	{
		struct fg_spool_info info;

		fg_spool_info(t->s, &info);
		assert_int_equal(fg_spool_reserve(t->s, info.next_seq + ROW), FG_OK);
		store_put(t, info.next_seq, ROW, STORE_WALL_MS);
	}
	store_close(t);
	empty_folder(t);
}

/* The power goes when the result is complete and nothing has changed places yet, or half. */
static void a_salvage_that_is_cut_short_goes_on(void **state)
{
	struct store *t = *state;
	char done[160], path[160];
	struct original o;

	make_original(t, &o);
	for (unsigned moved = 0; moved < 3; moved++) {
		put_back(t, &o);
		write_at(t->file, 0, "broken", 6);
		assert_int_equal(start_or_salvage(t, true), 1);
		store_close(t);
		/* as it was before the exchange */
		path_of(t, ".salvaged", done);
		assert_int_equal(rename(t->file, done), 0);
		if (moved < 2)
			copy_file(o.db, t->file);
		path_of(t, "-wal", path);
		if (moved < 1)
			copy_file(o.wal, path);
		store_open(t);
		assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.reading"), ROWS);
		assert_int_equal(access(done, F_OK), -1);
		store_close(t);
	}
	/* an incomplete result is begun anew */
	put_back(t, &o);
	write_at(t->file, 0, "broken", 6);
	path_of(t, ".salvage", path);
	copy_file(o.wal, path);
	assert_int_equal(start_or_salvage(t, true), 1);
	assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.reading"), ROWS);
	assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.delivery"), 1);
	store_close(t);
	empty_folder(t);
}

/* Those of older versions have larger pages: they are gone on with as they are, and salvaged
 * whether or not the size can be read. */
static void a_file_with_larger_pages(void **state)
{
	static const int64_t places[] = {-1, 0, 16};
	struct store *t = *state;
	struct original o;
	sqlite3 *db;

	make_original(t, &o);
	assert_int_equal(sqlite3_open(o.file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA page_size = 4096; VACUUM", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	for (size_t i = 0; i < FG_COUNT(places); i++) {
		copy_file(o.file, t->file);
		if (places[i] >= 0)
			write_at(t->file, places[i], "oops", 4);
		assert_int_equal(start(t), places[i] >= 0);
		assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.reading"), ROWS);
		assert_int_equal(ask(t, &o, "SELECT page_size FROM pragma_page_size"),
			places[i] >= 0 ? PAGE : 4096);
		store_close(t);
	}
	empty_folder(t);
}

/* The header's application id and layout, where the tables are ours. */
static void a_damaged_header_is_not_another_program(void **state)
{
	static const int64_t places[] = {0, 16, 60, 68};
	struct store *t = *state;
	struct original o;

	make_original(t, &o);
	for (size_t i = 0; i < FG_COUNT(places); i++) {
		copy_file(o.file, t->file); /* without a log that would mend it */
		write_at(t->file, places[i], "oops", 4);
		assert_int_equal(start(t), 1);
		assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.reading"), ROWS);
		assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.delivery"), 1);
		store_close(t);
	}
	empty_folder(t);
}

/* A row whose number is damaged, and which meets no other there: it is not believed. */
static void a_row_under_a_wrong_number_is_not_given(void **state)
{
	struct store *t = *state;
	struct original o;
	char sql[160];
	sqlite3 *db;

	make_original(t, &o);
	copy_file(o.file, t->file);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql), "UPDATE reading SET seq = seq + 1048576 WHERE seq = %llu",
		(unsigned long long)(o.first + ROW));
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(start_or_salvage(t, true), 1);
	assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.reading r LEFT JOIN o.reading w"
		" USING (seq) WHERE w.record IS NOT r.record"), 0);
	assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.reading"), ROWS - 1);
	store_close(t);
	empty_folder(t);
}

/* Where damage lets a row appear that cannot be there, that is damage, not a bad request: a start
 * would fail with it for ever. */
static void a_row_that_is_in_the_way_is_damage(void **state)
{
	struct store *t = *state;
	struct fg_spool_info info;
	sqlite3 *db;

	store_open(t);
	fg_spool_info(t->s, &info);
	assert_int_equal(fg_spool_reserve(t->s, info.next_seq + 100), FG_OK);
	store_put(t, info.next_seq, 4, NOW);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO reading SELECT seq + 4, record FROM reading",
				 NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(store_append(t, info.next_seq + 4, 4, 0, NOW), FG_ECORRUPT);
	assert_true(fg_spool_damaged(t->s));
	fg_spool_rollback(t->s);
}

static unsigned words;

static void on_progress(void *arg, const char *doing, uint64_t rows)
{
	(void)arg;
	(void)rows;
	assert_non_null(strstr(doing, "damaged"));
	words++;
}

/* A record of ten readings in the old form, which any number fits. */
static void put_old_row(sqlite3_stmt *st, uint64_t seq)
{
	struct fg_record_head head = {.era = 1, .mono_us = 5, .count = 10};
	struct fg_item items[10] = {{0}};
	int64_t times[10] = {0};
	char mem[512];
	struct fg_buf out;

	for (unsigned i = 0; i < 10; i++)
		items[i] = (struct fg_item){.point = 1, .qc = FG_QC_PASS};
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode(&out, &head, items, times);
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	sqlite3_bind_blob(st, 2, out.data, (int)out.len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_reset(st);
}

/* However many rows overlap, each is looked at a few times: of three each, two overlap. Meanwhile
 * whoever waits hears that the work goes on. */
static void many_rows_that_overlap_take_no_time(void **state)
{
	const unsigned n = 3000;
	struct store *t = *state;
	struct fg_buf why;
	sqlite3_stmt *st;
	sqlite3 *db;

	store_open(t);
	store_close(t);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO reading VALUES (?1, ?2)", -1, &st,
		NULL), SQLITE_OK);
	for (unsigned i = 0; i < n; i++) {
		put_old_row(st, 1000 + i * 100);
		put_old_row(st, 1009 + i * 100);
		put_old_row(st, 1050 + i * 100);
	}
	sqlite3_finalize(st);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	/* rows are looked for in the pages */
	write_at(t->file, 100, "this is no page of a tree of any kind", 37);
	t->conf.progress.fn = on_progress;
	words = 0;
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_spool_salvage(&t->conf, NOW, &why), FG_OK);
	if (!strstr(t->why, "30000 entries in 3000 rows"))
		fail_msg("%s", t->why);
	assert_in_range(words, 9, 40);
	empty_folder(t);
}

/* A number that is in the table already, and the tables gone while it is open, are damage, not a
 * refusal that would come again for ever. */
static void what_sqlite_refuses_is_damage(void **state)
{
	static const char *const changes[] = {
		"INSERT INTO reading SELECT 40 + value, x'00' FROM meta WHERE key = 'reserved'",
		"DROP TABLE reading"};
	struct store *t = *state;
	struct fg_spool_info info;
	sqlite3 *db;

	for (size_t i = 0; i < FG_COUNT(changes); i++) {
		store_open(t);
		fg_spool_info(t->s, &info);
		assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
		if (sqlite3_exec(db, changes[i], NULL, NULL, NULL) != SQLITE_OK)
			fail_msg("%s", sqlite3_errmsg(db));
		sqlite3_close(db);
		assert_int_equal(fg_spool_reserve(t->s, info.next_seq + 100), FG_OK);
		assert_int_equal(fg_spool_begin(t->s), FG_OK);
		assert_int_equal(store_append(t, info.next_seq + 40, 2, 5, STORE_WALL_MS),
			FG_ECORRUPT);
		assert_true(fg_spool_damaged(t->s));
		fg_spool_rollback(t->s);
		store_close(t);
		empty_folder(t);
	}
}

/* The tables are not those of the layout that the header says: a start would fail for ever. */
static void damaged_tables_are_damage(void **state)
{
	static const char *const changes[] = {"ALTER TABLE span RENAME COLUMN rows TO sowr",
		"ALTER TABLE point RENAME TO qoint", "DROP TABLE loss"};
	struct store *t = *state;
	struct original o;
	sqlite3 *db;

	make_original(t, &o);
	for (size_t i = 0; i < FG_COUNT(changes); i++) {
		put_back(t, &o);
		assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
		if (sqlite3_exec(db, changes[i], NULL, NULL, NULL) != SQLITE_OK)
			fail_msg("%s", sqlite3_errmsg(db));
		sqlite3_close(db);
		assert_int_equal(start(t), 1);
		assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.reading"), ROWS);
		store_close(t);
	}
	empty_folder(t);
}

/* Losses have no checksum: of those that cannot be nothing is told. */
static void an_impossible_loss_is_not_saved(void **state)
{
	static const char *const changes[] = {"point = 0", "point = 99999999", "reason = 200",
		"reason = -1", "detail = 256", "step_ms = -5", "missing = -1",
		"missing = 99999999999", "suppressed = -1"};
	struct store *t = *state;
	struct original o;
	char sql[256];
	sqlite3 *db;

	make_original(t, &o);
	for (size_t i = 0; i < FG_COUNT(changes); i++) {
		put_back(t, &o);
		assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
		snprintf(sql, sizeof(sql), "INSERT INTO loss VALUES ('a', 1, 3, 0, 5, 6, 0, 1, 0,"
			" 0, 0, 0), ('b', 1, 3, 0, 5, 6, 0, 1, 0, 0, 0, 0);"
			" UPDATE loss SET %s WHERE destination = 'b'", changes[i]);
		if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			fail_msg("%s", sqlite3_errmsg(db));
		sqlite3_close(db);
		assert_int_equal(start_or_salvage(t, true), 1);
		assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.loss"), 1);
		store_close(t);
	}
	empty_folder(t);
}

/* By the index of time rows are deleted: one that cannot be right is damage. */
static void an_impossible_index_is_damage(void **state)
{
	static const char *const changes[] = {"last = first - 1", "first = -5", "rows = 0",
		"rows = 100000", "last = last + 20", "from_ms = to_ms + 1", "bytes = -1",
		"last = 4611686018427387904", "last = last + 1000000000"};
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0};
	struct store *t = *state;
	struct original o;
	struct fg_buf why;
	char sql[160];
	sqlite3 *db;

	make_original(t, &o);
	for (size_t i = 0; i < FG_COUNT(changes); i++) {
		put_back(t, &o);
		/* the first span, which has one behind it, and the last one */
		snprintf(sql, sizeof(sql), "UPDATE span SET %s WHERE first = (SELECT %s(first) FROM"
			" span) AND (SELECT count(*) FROM span) > 1", changes[i],
			i == FG_COUNT(changes) - 1 ? "max" : "min");
		assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
		if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			fail_msg("%s: %s", sql, sqlite3_errmsg(db));
		assert_true(sqlite3_changes(db) == 1);
		sqlite3_close(db);
		if (store_try_open(t) != FG_ECORRUPT)
			fail_msg("believed: %s", changes[i]);
		assert_non_null(strstr(t->why, "index of time"));
		store_close(t);
		fg_buf_wrap(&why, t->why, sizeof(t->why));
		assert_int_equal(fg_spool_salvage(&t->conf, NOW, &why), FG_OK);
		store_open(t);
		fg_ranges_fini(&seen);
		assert_int_equal(store_read(t, &seen), ROWS * ROW);
		store_close(t);
	}
	empty_folder(t);
}

static void another_programs_file_is_not_salvaged(void **state)
{
	struct store *t = *state;
	struct fg_buf why;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE x (y)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_spool_salvage(&t->conf, NOW, &why), FG_EINVAL);
	assert_non_null(strstr(t->why, "another program"));
	assert_int_equal(set_aside(t), 0);
}

/* ---- who reads while files change their names ---- */

static struct watcher {
	struct fg_files system;
	const char *file;
	pthread_t thread;
	bool begun;
	int rc;
} watcher;

static void *open_a_reader(void *arg)
{
	struct watcher *w = arg;
	struct fg_reader *r = NULL;
	char mem[256];
	struct fg_buf why;

	fg_buf_wrap(&why, mem, sizeof(mem));
	w->rc = fg_reader_open(w->file, &why, &r);
	fg_reader_close(r);
	return NULL;
}

/* With the log aside and the file still there, somebody wants to read. */
static int rename_watched(void *arg, const char *from, const char *to)
{
	struct watcher *w = arg;
	struct timespec until;
	int rc = w->system.rename(w->system.arg, from, to);

	if (!strstr(to, ".damaged-"))
		return rc;
	if (!w->begun) {
		w->begun = true;
		assert_int_equal(pthread_create(&w->thread, NULL, open_a_reader, w), 0);
	}
	/* long enough for a reader that does not wait to be seen */
	fg_clock_deadline(30000, &until);
	assert_int_equal(pthread_clockjoin_np(w->thread, NULL, CLOCK_MONOTONIC, &until), ETIMEDOUT);
	return rc;
}

static void no_file_is_opened_while_names_change(void **state)
{
	struct store *t = *state;
	struct fg_files files;
	struct original o;

	make_original(t, &o);
	put_back(t, &o);
	write_at(t->file, 0, "broken", 6);
	fg_files_system(&watcher.system);
	files = watcher.system;
	files.rename = rename_watched;
	files.arg = &watcher;
	watcher.file = t->file;
	fg_files_use(&files);
	assert_int_equal(start_or_salvage(t, true), 1);
	fg_files_use(NULL);
	assert_true(watcher.begun);
	pthread_join(watcher.thread, NULL);
	assert_int_equal(watcher.rc, FG_OK);
	assert_int_equal(ask(t, &o, "SELECT count(*) FROM main.reading"), ROWS);
	store_close(t);
	empty_folder(t);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(random_damage_to_the_file),
		T(random_damage_to_the_log),
		T(a_file_cut_off_and_a_mark_unreadable),
		T(a_salvage_that_is_cut_short_goes_on),
		T(a_damaged_header_is_not_another_program),
		T(a_file_with_larger_pages),
		T(a_row_under_a_wrong_number_is_not_given),
		T(a_row_that_is_in_the_way_is_damage),
		T(many_rows_that_overlap_take_no_time),
		T(what_sqlite_refuses_is_damage),
		T(damaged_tables_are_damage),
		T(an_impossible_loss_is_not_saved),
		T(an_impossible_index_is_damage),
		T(another_programs_file_is_not_salvaged),
		T(no_file_is_opened_while_names_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
