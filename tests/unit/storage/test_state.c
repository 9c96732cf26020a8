/* SPDX-License-Identifier: EUPL-1.2 */
/* Notes: the newest of each kind and key, whole or not at all, bounded, and never a damaged one. */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char listed[4096];

static void list(void *arg, const char *kind, const char *key, const void *bytes, size_t len)
{
	size_t used = strlen(listed);

	(void)arg;
	snprintf(listed + used, sizeof(listed) - used, "%s/%s=%.*s(%zu) ", kind, key,
		(int)FG_MIN(len, 20), (const char *)bytes, len);
}

static void expect(struct store *t, const char *want)
{
	listed[0] = '\0';
	assert_int_equal(fg_spool_each_state(t->s, list, NULL), FG_OK);
	assert_string_equal(listed, want);
}

static void begin(struct store *t)
{
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
}

static void commit(struct store *t)
{
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
}

static int set(struct store *t, const char *kind, const char *key, const char *text)
{
	return fg_spool_set_state(t->s, kind, key, text, strlen(text));
}

static void put(struct store *t, const char *kind, const char *key, const char *text)
{
	begin(t);
	assert_int_equal(set(t, kind, key, text), FG_OK);
	commit(t);
}

static void run(struct store *t, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void the_newest_of_each_is_kept(void **state)
{
	struct store *t = *state;

	store_open(t);
	expect(t, "");
	assert_int_equal(set(t, "qc", "a/ph", "1"), FG_EINVAL); /* no group */
	put(t, "qc", "b/ph", "first");
	put(t, "qc", "a/ph", "1");
	put(t, "mean", "a/ph", "other");
	put(t, "qc", "b/ph", "second");
	begin(t);
	assert_int_equal(set(t, "qc", "b/ph", "third"), FG_OK);
	assert_int_equal(set(t, "qc", "a/ph", ""), FG_OK);
	fg_spool_rollback(t->s);
	store_close(t);
	store_open(t);
	expect(t, "mean/a/ph=other(5) qc/a/ph=1(1) qc/b/ph=second(6) ");
	put(t, "qc", "a/ph", "");
	put(t, "qc", "never", "");
	expect(t, "mean/a/ph=other(5) qc/b/ph=second(6) ");
}

/* A note and the readings of its group: both or none. */
static void a_note_is_stored_with_its_readings(void **state)
{
	struct store *t = *state;
	struct fg_spool_info info;

	store_open(t);
	fg_spool_info(t->s, &info);
	assert_int_equal(fg_spool_reserve(t->s, info.next_seq + 10), FG_OK);
	begin(t);
	assert_int_equal(store_append(t, info.next_seq, 3, 1000, STORE_WALL_MS), FG_OK);
	assert_int_equal(set(t, "qc", "a/ph", "1"), FG_OK);
	fg_spool_rollback(t->s);
	expect(t, "");
	fg_spool_info(t->s, &info);
	assert_int_equal(info.rows, 0);
}

static void what_is_too_large_is_refused_and_the_group_goes_on(void **state)
{
	char *most = calloc(1, FG_STATE_NOTE_MAX + 1), name[300];
	struct store *t = *state;
	unsigned n = 0;

	memset(most, 'm', FG_STATE_NOTE_MAX + 1);
	memset(name, 'n', sizeof(name));
	name[FG_STATE_NAME_MAX - 3] = '\0';
	t->conf.max_bytes = 4 << 20; /* a 16th: 256 KiB */
	store_open(t);
	begin(t);
	assert_int_equal(fg_spool_set_state(t->s, "k", "long", most, FG_STATE_NOTE_MAX + 1),
		FG_EINVAL);
	assert_int_equal(set(t, "", "key", "x"), FG_EINVAL);
	assert_int_equal(set(t, "k", "", "x"), FG_EINVAL);
	assert_int_equal(set(t, "kk", name, "x"), FG_EINVAL);
	assert_int_equal(set(t, "k", name, "x"), FG_OK);
	assert_int_equal(set(t, "k", name, ""), FG_OK);
	for (n = 0; n < 100; n++) {
		snprintf(name, sizeof(name), "note%u", n);
		if (fg_spool_set_state(t->s, "k", name, most, FG_STATE_NOTE_MAX) < 0)
			break;
	}
	assert_int_equal(n, 3);
	assert_int_equal(fg_spool_set_state(t->s, "k", "note1", most, FG_STATE_NOTE_MAX), FG_OK);
	assert_int_equal(set(t, "k", "note2", "now it is small"), FG_OK);
	assert_int_equal(fg_spool_set_state(t->s, "k", "note3", most, FG_STATE_NOTE_MAX), FG_OK);
	commit(t);
	store_close(t);
	store_open(t); /* the sum is found again */
	begin(t);
	assert_int_equal(fg_spool_set_state(t->s, "k", "note4", most, FG_STATE_NOTE_MAX),
		FG_EINVAL);
	assert_int_equal(set(t, "k", "note0", ""), FG_OK);
	assert_int_equal(fg_spool_set_state(t->s, "k", "note4", most, FG_STATE_NOTE_MAX), FG_OK);
	commit(t);
	expect(t, "k/note1=mmmmmmmmmmmmmmmmmmmm(65536) k/note2=now it is small(15) "
		"k/note3=mmmmmmmmmmmmmmmmmmmm(65536) k/note4=mmmmmmmmmmmmmmmmmmmm(65536) ");
	free(most);
}

static void a_damaged_or_swapped_note_is_not_there(void **state)
{
	struct store *t = *state;

	store_open(t);
	put(t, "qc", "a", "one");
	put(t, "qc", "b", "two");
	put(t, "qc", "c", "three");
	store_close(t);
	run(t, "UPDATE state SET value = CAST(x'00' || substr(value, 2) AS BLOB) WHERE key = 'a'");
	run(t, "INSERT INTO state SELECT kind, 'd', value FROM state WHERE key = 'b'");
	run(t, "INSERT INTO state VALUES ('qc', 'e', x'')");
	store_open(t);
	expect(t, "qc/b=two(3) qc/c=three(5) ");
}

static void an_older_store_gets_the_table(void **state)
{
	struct store *t = *state;

	store_open(t);
	store_close(t);
	run(t, "DROP TABLE state");
	store_open(t);
	expect(t, "");
	put(t, "qc", "a", "one");
	expect(t, "qc/a=one(3) ");
}

static void salvage_and_backup_keep_notes(void **state)
{
	struct store *t = *state;
	struct fg_buf why;
	char copy[128];

	snprintf(copy, sizeof(copy), "%s.copy", t->file);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	store_open(t);
	put(t, "qc", "a", "one");
	assert_int_equal(fg_spool_backup(t->file, copy, NULL, &why), FG_OK);
	put(t, "qc", "b", "two");
	store_close(t);
	assert_int_equal(fg_spool_salvage(&t->conf, STORE_WALL_MS, &why), FG_OK);
	store_open(t);
	expect(t, "qc/a=one(3) qc/b=two(3) ");
	store_close(t);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	if (fg_spool_restore(copy, t->file, NULL, &why) < 0)
		fail_msg("%s", t->why);
	store_open(t);
	expect(t, "qc/a=one(3) ");
	unlink(copy);
}

#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_newest_of_each_is_kept),
		T(a_note_is_stored_with_its_readings),
		T(what_is_too_large_is_refused_and_the_group_goes_on),
		T(a_damaged_or_swapped_note_is_not_there),
		T(an_older_store_gets_the_table),
		T(salvage_and_backup_keep_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
