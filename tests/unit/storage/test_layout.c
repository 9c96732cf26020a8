/* SPDX-License-Identifier: EUPL-1.2 */
/* A store of layout 1, as gateways in the field have it, is brought to today's. */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "storage/descriptor.h"

#define FIRST UINT64_C(4294967296000)
#define ROWS 40
#define MONO_US INT64_C(777000000)
#define OFFSET (STORE_WALL_MS * 1000)

static const char layout_1[] =
	"PRAGMA journal_mode = WAL;"
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE boot (number INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, offset_us INTEGER)"
	" STRICT;"
	"CREATE TABLE point (id INTEGER PRIMARY KEY, descriptor BLOB NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE reading (seq INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;"
	"CREATE TABLE span (first INTEGER PRIMARY KEY, last INTEGER NOT NULL,"
	" boot INTEGER NOT NULL, timed INTEGER NOT NULL, from_ms INTEGER NOT NULL,"
	" to_ms INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"
	"CREATE TABLE delivery (destination TEXT PRIMARY KEY, ranges BLOB NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"PRAGMA application_id = 0x464A4754;"
	"PRAGMA user_version = 1;"
	"INSERT INTO meta VALUES ('reserved', 4294967300000);"
	"INSERT INTO boot VALUES (3, 'gone', NULL), (4, 'present', 1790000000000000);"
	/* rows 0 to 19 in a span of boot 3, the others behind the last span */
	"INSERT INTO span VALUES (4294967296000, 4294967296019, 3, 0, 777000, 777019, 20, 400);";

static void run(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
}

static void insert(sqlite3 *db, const char *text, int64_t key, const struct fg_buf *bytes)
{
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	sqlite3_bind_int64(st, 1, key);
	sqlite3_bind_blob(st, 2, bytes->data, (int)bytes->len, SQLITE_TRANSIENT);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
}

static void make_layout_1(struct store *t)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges left = {0};
	char mem[512];
	struct fg_buf out;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	run(db, layout_1);
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_descriptor_encode(store_desc(0), &out);
	insert(db, "INSERT INTO point VALUES (?1, ?2)", 1, &out);
	for (unsigned i = 0; i < ROWS; i++) {
		const struct fg_record_head head = {.era = i < 20 ? 3 : 4,
			.mono_us = MONO_US + 1000 * i, .count = 1};
		const struct fg_item item = {.point = 1, .qc = FG_QC_PASS, .tests = 1,
			.value = {.kind = FG_KIND_INT, .i = i}};

		fg_buf_clear(&out);
		fg_record_encode(&out, &head, &item, &head.mono_us);
		insert(db, "INSERT INTO reading VALUES (?1, ?2)", (int64_t)FIRST + i, &out);
	}
	fg_ranges_add(&left, FIRST + 7, FG_SEQ_END);
	fg_buf_clear(&out);
	fg_ranges_encode(&left, &out);
	insert(db, "INSERT INTO delivery SELECT 'open-data', ?2 WHERE ?1 = 0", 0, &out);
	sqlite3_close(db);
}

static int64_t ask(struct store *t, const char *text)
{
	sqlite3_stmt *st;
	int64_t value;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, text, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return value;
}

static int check(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	unsigned *n = arg, i = *n;

	assert_int_equal(item->seq, FIRST + i);
	assert_int_equal(item->value.i, i);
	assert_string_equal(desc->point, "ph");
	assert_int_equal(uncertain, i < 20);
	if (!uncertain)
		assert_true(item->wall_ms == STORE_WALL_MS + 777000 + i);
	++*n;
	return 0;
}

static void layout_1_is_brought_to_todays(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges left = {0};
	struct store *t = *state;
	struct fg_spool_info info;
	struct fg_reader *r;
	struct fg_buf why;
	unsigned n = 0;

	make_layout_1(t);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_reader_open(t->file, &why, &r), FG_EINVAL);
	assert_non_null(strstr(t->why, "layout 1"));
	for (int i = 0; i < 2; i++) { /* the second time it is one of today */
		store_open(t);
		fg_spool_info(t->s, &info);
		assert_false(info.new_store);
		assert_int_equal(info.era, 5 + i);
		assert_int_equal(info.next_seq, UINT64_C(4294967300000));
		assert_int_equal(info.rows, ROWS);
		assert_int_equal(info.first_seq, FIRST);
		assert_int_equal(info.last_seq, FIRST + ROWS - 1);
		fg_ranges_fini(&left);
		assert_int_equal(fg_spool_delivery(t->s, "open-data", &left), FG_OK);
		assert_int_equal(fg_ranges_first(&left), FIRST + 7);
		fg_buf_clear(&why);
		assert_int_equal(fg_reader_open(t->file, &why, &r), FG_OK);
		n = 0;
		assert_int_equal(fg_reader_range(r, 0, FG_SEQ_END, check, &n), ROWS);
		fg_reader_close(r);
		store_close(t);
		assert_int_equal(ask(t, "PRAGMA user_version"), 2);
		assert_int_equal(ask(t, "SELECT count(*) FROM sqlite_schema WHERE name IN"
					" ('ledger', 'loss', 'restamp', 'era')"), 4);
		assert_int_equal(ask(t, "SELECT count(removed_ms) FROM delivery"), 0);
		assert_int_equal(ask(t, "SELECT max(uncertainty_s) FROM era"), 0);
	}
	/* boot 3 gets its time late, and the readings with it */
	store_open(t);
	store_time_era(t, 3, OFFSET, 0);
	assert_int_equal(ask(t, "SELECT count(*) FROM era WHERE offset_us IS NOT NULL"), 2);
	/* and readings are stored */
	assert_int_equal(fg_spool_reserve(t->s, info.next_seq + 10), FG_OK);
	store_put(t, info.next_seq, 4, STORE_WALL_MS);
}

/* One that is damaged before it was brought to today's is salvaged like any other. */
static void a_damaged_layout_1_is_salvaged(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges left = {0};
	struct store *t = *state;
	struct fg_reader *r;
	struct fg_buf why;
	unsigned n = 0;
	sqlite3 *db;

	make_layout_1(t);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	run(db, "ALTER TABLE span RENAME TO nasp");
	sqlite3_close(db);
	assert_int_equal(store_try_open(t), FG_ECORRUPT);
	store_close(t);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_spool_salvage(&t->conf, STORE_WALL_MS, &why), FG_OK);
	store_open(t);
	assert_int_equal(fg_spool_delivery(t->s, "open-data", &left), FG_OK);
	assert_int_equal(fg_ranges_first(&left), FIRST + 7);
	assert_int_equal(fg_reader_open(t->file, &why, &r), FG_OK);
	assert_int_equal(fg_reader_range(r, 0, FG_SEQ_END, check, &n), ROWS);
	fg_reader_close(r);
}

/* One that was written before there was a table of what was freed gets it. */
static void an_older_layout_2_is_completed(void **state)
{
	struct store *t = *state;
	sqlite3 *db;

	store_open(t);
	store_close(t);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	run(db, "DROP TABLE freed");
	sqlite3_close(db);
	store_open(t);
	assert_int_equal(ask(t, "SELECT count(*) FROM freed"), 0);
}

/* A step of it cannot be done: the file stays what it was. */
static void layout_1_stays_when_it_cannot_be_changed(void **state)
{
	struct store *t = *state;
	sqlite3 *db;

	make_layout_1(t);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	run(db, "CREATE TABLE restamp (a)"); /* the last that is made */
	sqlite3_close(db);
	assert_true(store_try_open(t) < 0);
	assert_null(t->s);
	assert_non_null(strstr(t->why, "to layout 2"));
	assert_int_equal(ask(t, "PRAGMA user_version"), 1);
	assert_int_equal(ask(t, "SELECT count(*) FROM boot"), 2);
	assert_int_equal(ask(t, "SELECT count(boot) FROM span"), 1);
	assert_int_equal(ask(t, "SELECT count(*) FROM sqlite_schema WHERE name = 'ledger'"), 0);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	run(db, "DROP TABLE restamp");
	sqlite3_close(db);
	store_open(t);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(layout_1_is_brought_to_todays),
		T(a_damaged_layout_1_is_salvaged),
		T(an_older_layout_2_is_completed),
		T(layout_1_stays_when_it_cannot_be_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
