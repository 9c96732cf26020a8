/* SPDX-License-Identifier: EUPL-1.2 */
/* The spool's writer: numbers, groups, points, delivery state, and files that are refused. */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/mark.h"

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

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void spool_I1_committed_readings_are_given_back(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0};
	struct store *t = *state;
	uint64_t seq;

	store_open(t);
	seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 1000), FG_OK);
	for (unsigned i = 0; i < 20; i++)
		store_put(t, seq + 10 * i, i % 10 + 1, i % 2 ? STORE_WALL_MS + i * 1000 : 0);
	assert_int_equal(store_read(t, &seen), 110);
	assert_int_equal(info_of(t).rows, 20);
	assert_int_equal(info_of(t).first_seq, seq);
	assert_int_equal(info_of(t).last_seq, seq + 199);
	store_close(t);
	store_open(t);
	assert_int_equal(info_of(t).rows, 20);
	assert_int_equal(info_of(t).last_seq, seq + 199);
	fg_ranges_fini(&seen);
	assert_int_equal(store_read(t, &seen), 110);
	assert_int_equal(fg_ranges_first(&seen), seq);
}

static void spool_I2_a_new_store_starts_at_random(void **state)
{
	struct store *t = *state;
	uint64_t first[2];

	for (int i = 0; i < 2; i++) {
		store_open(t);
		assert_true(info_of(t).new_store);
		first[i] = info_of(t).next_seq;
		assert_true(first[i] > 0 && first[i] < UINT64_C(1) << 52);
		assert_int_equal(first[i] % (UINT64_C(1) << 32), 0);
		assert_int_equal(info_of(t).first_seq, 0);
		assert_int_equal(info_of(t).last_seq, 0);
		store_close(t);
		store_open(t);
		assert_false(info_of(t).new_store);
		assert_int_equal(info_of(t).next_seq, first[i]);
		store_close(t);
		store_remove(t, "");
		store_remove(t, ".mark");
	}
	assert_true(first[0] != first[1]); /* one in a million times by chance */
}

/* What remains beside the other, after a clean end and after none. */
static void spool_I2_numbers_never_come_again(void **state)
{
	static const struct {
		const char *lost;
		bool garbage; /* not removed, but overwritten */
		bool clean;
		bool reserved; /* goes on at what was reserved, else exactly behind the last */
	} rows[] = {
		{NULL, false, true, false},
		{NULL, false, false, true},
		{".mark", false, true, false},
		{".mark", false, false, true},
		{".mark", true, false, true},
		{"", false, true, false},
		{"", false, false, true},
	};
	struct store *t = *state;

	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		uint64_t seq, marked;

		store_open(t);
		seq = info_of(t).next_seq;
		assert_int_equal(fg_spool_reserve(t->s, seq + 100), FG_OK);
		store_put(t, seq, 5, STORE_WALL_MS);
		if (rows[i].clean)
			assert_int_equal(fg_spool_release(t->s, seq + 5), FG_OK);
		store_close(t);
		if (rows[i].garbage)
			write_file(t->mark, "fjordgate next 5\n00000000\n", 26);
		else if (rows[i].lost)
			store_remove(t, rows[i].lost);
		store_open(t);
		assert_false(info_of(t).new_store);
		assert_int_equal(info_of(t).next_seq, seq + (rows[i].reserved ? 100 : 5));
		assert_int_equal(fg_mark_read(t->mark, &marked), FG_OK);
		assert_int_equal(marked, info_of(t).next_seq);
		store_close(t);
	}
}

static void spool_I2_an_emptied_store_goes_on(void **state)
{
	struct store *t = *state;
	uint64_t seq;

	store_open(t);
	seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 10), FG_OK);
	store_put(t, seq, 10, STORE_WALL_MS);
	assert_int_equal(fg_spool_release(t->s, seq + 10), FG_OK);
	store_close(t);
	sql(t, "DELETE FROM reading; DELETE FROM span;");
	store_open(t);
	assert_int_equal(info_of(t).rows, 0);
	assert_int_equal(info_of(t).last_seq, 0);
	assert_int_equal(info_of(t).next_seq, seq + 10);
	/* a database put back from before its numbers were used: the mark is ahead */
	store_close(t);
	sql(t, "UPDATE meta SET value = 7");
	store_open(t);
	assert_int_equal(info_of(t).next_seq, seq + 10);
}

static void spool_I2_two_writers_do_not_share_numbers(void **state)
{
	struct store *t = *state;
	struct store other = *t;

	store_open(t);
	store_open(&other);
	assert_int_equal(fg_spool_reserve(t->s, info_of(t).next_seq + 50), FG_OK);
	assert_int_equal(fg_spool_reserve(other.s, info_of(&other).next_seq + 50), FG_EAGAIN);
	assert_non_null(strstr(fg_spool_error(other.s), "two gateways"));
	store_close(&other);
	assert_int_equal(fg_spool_reserve(t->s, info_of(t).next_seq + 90), FG_OK);
}

static void spool_I3_numbers_rise_and_are_reserved(void **state)
{
	struct store *t = *state;
	uint64_t seq;

	store_open(t);
	seq = info_of(t).next_seq;
	assert_int_equal(store_append(t, seq, 1, 0, 0), FG_EINVAL); /* no group */
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(store_append(t, seq, 1, 0, 0), FG_EINVAL); /* not reserved */
	assert_int_equal(fg_spool_reserve(t->s, seq + 20), FG_EINVAL); /* within a group */
	fg_spool_rollback(t->s);
	assert_int_equal(fg_spool_reserve(t->s, seq + 20), FG_OK);
	assert_int_equal(fg_spool_reserve(t->s, seq + 3), FG_OK); /* is already */
	assert_int_equal(info_of(t).reserved, seq + 20);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_EINVAL);
	assert_int_equal(store_append(t, seq - 1, 1, 0, 0), FG_EINVAL);
	assert_int_equal(store_append(t, seq + 5, 3, 0, 0), FG_OK);
	assert_int_equal(store_append(t, seq + 7, 1, 0, 0), FG_EINVAL);
	assert_int_equal(store_append(t, seq + 18, 3, 0, 0), FG_EINVAL);
	assert_int_equal(store_append(t, seq + 18, 2, 0, 0), FG_OK);
	assert_int_equal(fg_spool_append(t->s, seq + 20, 1, "x", 1), FG_EINVAL);
	assert_int_equal(fg_spool_commit(t->s), FG_OK); /* refusals do no harm to the group */
	assert_int_equal(fg_spool_commit(t->s), FG_EINVAL);
	assert_int_equal(fg_spool_release(t->s, seq + 10), FG_EINVAL);
	assert_int_equal(fg_spool_release(t->s, seq + 20), FG_OK);
	assert_int_equal(info_of(t).rows, 2);
}

static void spool_I4_a_rollback_leaves_nothing(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0}, left = {0}, got = {0};
	const struct fg_point_desc late = {"a", "b", "c", "ph", "[pH]", "air", .decimals = 0};
	struct store *t = *state;
	uint32_t id, again;
	uint64_t seq;

	store_open(t);
	seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 100), FG_OK);
	fg_ranges_add(&left, seq, FG_SEQ_END);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_intern(t->s, &late, &id), FG_OK);
	assert_int_equal(store_append(t, seq, 4, 0, STORE_WALL_MS), FG_OK);
	assert_int_equal(fg_spool_set_delivery(t->s, "open-data", &left), FG_OK);
	fg_spool_rollback(t->s);
	fg_spool_rollback(t->s); /* harmless */
	assert_int_equal(info_of(t).rows, 0);
	assert_int_equal(fg_spool_delivery(t->s, "open-data", &got), FG_ENOENT);
	assert_int_equal(store_read(t, &seen), 0);
	store_put(t, seq, 4, STORE_WALL_MS); /* the numbers are free still, and points are kept */
	assert_int_equal(store_read(t, &seen), 4);
	assert_int_equal(fg_spool_intern(t->s, &late, &again), FG_OK);
	assert_int_equal(id, again);
}

static void spool_I5_delivery_state_is_kept(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges left = {0}, got = {0};
	struct store *t = *state;
	uint64_t seq;

	store_open(t);
	seq = info_of(t).next_seq;
	fg_ranges_add(&left, seq, FG_SEQ_END);
	fg_ranges_remove(&left, seq + 5, seq + 9);
	assert_int_equal(fg_spool_set_delivery(t->s, "open-data", &left), FG_EINVAL);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_delivery(t->s, "open-data", &left), FG_OK);
	assert_int_equal(fg_spool_set_delivery(t->s, "other", &left), FG_OK);
	fg_ranges_remove(&left, seq, seq + 5);
	assert_int_equal(fg_spool_set_delivery(t->s, "open-data", &left), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	assert_int_equal(fg_spool_forget_destination(t->s, "other"), FG_OK);
	store_close(t);
	store_open(t);
	assert_int_equal(fg_spool_delivery(t->s, "other", &got), FG_ENOENT);
	assert_int_equal(fg_spool_delivery(t->s, "open-data", &got), FG_OK);
	assert_int_equal(got.count, 1);
	assert_int_equal(fg_ranges_first(&got), seq + 9);
	assert_int_equal(got.items[0].to, FG_SEQ_END);
	store_close(t);
	sql(t, "UPDATE delivery SET ranges = x'0101FF'");
	store_open(t);
	fg_ranges_fini(&got);
	assert_int_equal(fg_spool_delivery(t->s, "open-data", &got), FG_ECORRUPT);
}

static void spool_I10_a_point_keeps_its_id(void **state)
{
	struct store *t = *state;
	struct fg_point_desc changed = *store_desc(0);
	uint32_t before[4], id, same;

	store_open(t);
	memcpy(before, t->point, sizeof(before));
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(before[i], before[j]);
	assert_int_equal(fg_spool_reserve(t->s, info_of(t).next_seq + 10), FG_OK);
	store_put(t, info_of(t).next_seq, 4, STORE_WALL_MS);
	store_close(t);
	store_open(t);
	assert_memory_equal(t->point, before, sizeof(before));
	changed.unit = "1";
	assert_int_equal(fg_spool_intern(t->s, &changed, &id), FG_OK);
	for (unsigned i = 0; i < 4; i++)
		assert_int_not_equal(id, before[i]);
	assert_int_equal(fg_spool_intern(t->s, &changed, &same), FG_OK);
	assert_int_equal(id, same);
	changed.station = NULL;
	assert_int_equal(fg_spool_intern(t->s, &changed, &same), FG_EINVAL);
}

static void spool_I13_foreign_files_are_refused_and_kept(void **state)
{
	static const struct {
		const char *sql, *text;
		int status;
	} rows[] = {
		{"CREATE TABLE a (b)", "another program", FG_EINVAL},
		{"PRAGMA application_id = 1", "another program", FG_EINVAL},
		{"PRAGMA application_id = 0x464A4754; PRAGMA user_version = 99; CREATE TABLE a (b)",
			"newer fjordgate", FG_EINVAL},
		{"PRAGMA application_id = 0x464A4754; CREATE TABLE a (b)", "unknown layout",
			FG_ECORRUPT},
		{NULL, "no SQLite database", FG_ECORRUPT},
	};
	struct store *t = *state;

	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		char junk[5000], was[20000], is[20000];
		size_t before, after;
		FILE *f;

		if (rows[i].sql) {
			sql(t, rows[i].sql);
		} else {
			memset(junk, 'j', sizeof(junk));
			write_file(t->file, junk, sizeof(junk));
		}
		f = fopen(t->file, "r");
		before = fread(was, 1, sizeof(was), f);
		fclose(f);
		assert_int_equal(store_try_open(t), rows[i].status);
		assert_null(t->s);
		if (!strstr(t->why, rows[i].text) || !strstr(t->why, t->file))
			fail_msg("'%s' does not say '%s'", t->why, rows[i].text);
		f = fopen(t->file, "r");
		after = fread(is, 1, sizeof(is), f);
		fclose(f);
		assert_int_equal(before, after);
		assert_memory_equal(was, is, before);
		store_remove(t, "");
	}
}

static void opening_says_what_is_wrong(void **state)
{
	struct store *t = *state;

	t->conf.file = "/nonexistent/folder/readings.db";
	assert_int_equal(store_try_open(t), FG_ENOENT);
	assert_non_null(strstr(t->why, "/nonexistent/folder/readings.db"));
	t->conf.file = t->dir;
	assert_true(store_try_open(t) < 0);
	assert_non_null(strstr(t->why, t->dir));
	t->conf.file = t->file;
	mkdir(t->mark, 0700);
	assert_int_equal(store_try_open(t), -EISDIR);
	assert_non_null(strstr(t->why, ".mark"));
	rmdir(t->mark);
	write_file(t->file, "", 0); /* what a crash at creation leaves */
	store_open(t);
	assert_true(info_of(t).new_store);
}

/* 20,000 readings in rows of fifty, a row a minute. */
static uint64_t fill_pages(struct store *t)
{
	uint64_t seq;

	store_open(t);
	seq = info_of(t).next_seq;
	assert_int_equal(fg_spool_reserve(t->s, seq + 20000), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(
			store_append(t, seq + 50 * i, 50, i, STORE_WALL_MS + i * 60000), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	store_close(t);
	return seq;
}

#define PAGE 1024

static void damage_page(struct store *t, long page)
{
	FILE *f = fopen(t->file, "r+");
	unsigned char bytes[PAGE];

	assert_non_null(f);
	fseek(f, page * PAGE, SEEK_SET);
	assert_int_equal(fread(bytes, 1, PAGE, f), PAGE);
	for (unsigned i = 0; i < PAGE; i++)
		if (i % 97 == 5 || page % 3 == 1)
			bytes[i] ^= 0x5A;
	fseek(f, page * PAGE, SEEK_SET);
	assert_int_equal(fwrite(bytes, 1, PAGE, f), PAGE);
	fclose(f);
}

static int count(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	unsigned *n = arg;

	(void)item;
	(void)uncertain;
	*n += desc->point != NULL;
	return 0;
}

/* Pages of a good store overwritten: it may be refused or read in part, never more than that. */
static void spool_I6_damaged_pages_are_survived(void **state)
{
	struct store *t = *state;
	unsigned opened = 0, given = 0;

	for (long page = 0; page < 40; page++) {
		uint64_t seq = fill_pages(t);
		struct fg_reader *r;
		struct fg_buf why;

		damage_page(t, page);
		fg_buf_wrap(&why, t->why, sizeof(t->why));
		if (fg_reader_open(t->file, &why, &r) == FG_OK) {
			fg_reader_range(r, 0, FG_SEQ_END, count, &given);
			fg_reader_latest(r, 1000, count, &given);
			fg_reader_history(r, "pier", "x_text", INT64_MIN, INT64_MAX, 0, count,
				&given);
			fg_reader_close(r);
		}
		if (store_try_open(t) == FG_OK) {
			opened++;
			assert_true(info_of(t).next_seq >= seq + 20000);
			fg_spool_tidy(t->s,
				&(const struct fg_tidy){.now_wall_ms = STORE_WALL_MS * 2,
					.delivered_below = FG_SEQ_END});
		}
		store_close(t);
		store_remove(t, "");
		store_remove(t, "-wal");
		store_remove(t, "-shm");
	}
	assert_true(opened > 20 && given > 20000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(spool_I1_committed_readings_are_given_back),
		T(spool_I2_a_new_store_starts_at_random),
		T(spool_I2_numbers_never_come_again),
		T(spool_I2_an_emptied_store_goes_on),
		T(spool_I2_two_writers_do_not_share_numbers),
		T(spool_I3_numbers_rise_and_are_reserved),
		T(spool_I4_a_rollback_leaves_nothing),
		T(spool_I5_delivery_state_is_kept),
		T(spool_I10_a_point_keeps_its_id),
		T(spool_I13_foreign_files_are_refused_and_kept),
		T(opening_says_what_is_wrong),
		T(spool_I6_damaged_pages_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
