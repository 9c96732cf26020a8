/* SPDX-License-Identifier: EUPL-1.2 */
/* The n-th call to the disk fails, for every n that there is. */
#include "store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fault_vfs.h"
#include "storage/mark.h"

#define GROUPS 5
#define ROWS 3
#define ROW 10
#define GROUP_SIZE (ROWS * ROW)

ssize_t __real_write(int fd, const void *bytes, size_t n);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);

static bool fails(void)
{
	bool hit = fault_hit();

	if (hit)
		errno = fault.full ? ENOSPC : EIO;
	return hit;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	return fails() ? -1 : __real_write(fd, bytes, n);
}

int __wrap_fsync(int fd)
{
	return fails() ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
	return fails() ? -1 : __real_rename(from, to);
}

struct run {
	uint64_t first[GROUPS]; /* 0: no numbers could be had */
	bool committed[GROUPS];
	uint64_t used_below;
	uint32_t era; /* 0: it could not be opened */
};

static int write_group(struct store *t, uint64_t seq)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges left = {0};
	int rc = fg_spool_begin(t->s);

	for (unsigned i = 0; i < ROWS && rc == FG_OK; i++)
		rc = store_append(t, seq + i * ROW, ROW, (int64_t)seq, STORE_WALL_MS);
	fg_ranges_add(&left, seq, FG_SEQ_END);
	if (rc == FG_OK)
		rc = fg_spool_set_delivery(t->s, "open-data", &left);
	if (rc == FG_OK)
		rc = fg_spool_commit(t->s);
	if (rc < 0) {
		assert_true(strlen(fg_spool_error(t->s)) > 5);
		fg_spool_rollback(t->s);
	}
	return rc;
}

/* Does what a gateway does, and goes on after each failure as one would. */
static void run(struct store *t, struct run *ret)
{
	struct fg_spool_info info;
	uint64_t seq;

	*ret = (struct run){0};
	if (store_try_open(t) < 0) {
		assert_true(strlen(t->why) > 5);
		assert_null(t->s);
		return;
	}
	fg_spool_info(t->s, &info);
	ret->era = info.era;
	seq = info.next_seq;
	for (unsigned g = 0; g < GROUPS; g++) {
		if (fg_spool_reserve(t->s, seq + GROUP_SIZE) < 0)
			continue;
		ret->first[g] = seq;
		ret->used_below = seq + GROUP_SIZE;
		ret->committed[g] = write_group(t, seq) == FG_OK;
		seq += GROUP_SIZE;
		fg_spool_tidy(t->s, &(const struct fg_tidy){.now_wall_ms = STORE_WALL_MS});
	}
	if (ret->used_below)
		fg_spool_release(t->s, seq);
	store_close(t);
}

static bool has_boot(const struct store *t, uint32_t number)
{
	char sql[64];
	sqlite3_stmt *st;
	sqlite3 *db;
	bool has;

	snprintf(sql, sizeof(sql), "SELECT 1 FROM era WHERE number = %u", (unsigned)number);
	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	has = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return has;
}

static void check(struct store *t, const struct run *run)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0}, left = {0};
	struct fg_spool_info info;
	uint64_t last = 0;

	if (run->era) /* readings speak of it: without it they never get their time */
		assert_true(has_boot(t, run->era));
	store_open(t);
	fg_spool_info(t->s, &info);
	assert_true(info.next_seq >= run->used_below);
	store_read(t, &seen);
	for (unsigned g = 0; g < GROUPS; g++) {
		uint64_t from = run->first[g], n;

		if (!from)
			continue;
		n = fg_ranges_count_below(&seen, from + GROUP_SIZE) -
		    fg_ranges_count_below(&seen, from);
		assert_true(n == GROUP_SIZE || (n == 0 && !run->committed[g]));
		if (n)
			last = from;
	}
	/* the delivery state is that of the last group stored, not of one that failed */
	if (fg_spool_delivery(t->s, "open-data", &left) == FG_OK)
		assert_int_equal(fg_ranges_first(&left), last);
	else
		assert_int_equal(last, 0);
	/* and the store works */
	assert_int_equal(fg_spool_reserve(t->s, info.next_seq + GROUP_SIZE), FG_OK);
	assert_int_equal(write_group(t, info.next_seq), FG_OK);
	store_close(t);
}

static void loop(bool from_then, bool full)
{
	bool fired = true;
	unsigned n;

	for (n = 1; fired; n++) {
		struct store t;
		struct run result;

		assert_true(n < 2000);
		store_init(&t);
		fault = (struct fault){.fail_at = n, .from_then = from_then, .full = full};
		run(&t, &result);
		fired = fault.fired;
		fault = (struct fault){0};
		check(&t, &result);
		store_fini(&t);
		for (unsigned g = 0; g < GROUPS && !fired; g++)
			assert_true(result.committed[g]);
	}
	print_message("%u calls, each made to fail\n", n - 2);
	assert_true(n > 40);
}

static void spool_I12_one_call_fails(void **state)
{
	(void)state;
	loop(false, false);
}

static void spool_I12_one_call_finds_no_room(void **state)
{
	(void)state;
	loop(false, true);
}

static void spool_I12_the_disk_goes_away(void **state)
{
	(void)state;
	loop(true, false);
}

static void spool_I12_the_disk_fills_up(void **state)
{
	(void)state;
	loop(true, true);
}

/* Write, sync, rename, sync of the folder: each failure is told, and leaves a whole mark. */
static void spool_I12_the_mark_is_old_or_new(void **state)
{
	struct store t;
	uint64_t next;

	(void)state;
	store_init(&t);
	for (unsigned n = 1; n <= 5; n++) {
		fault = (struct fault){0};
		assert_int_equal(fg_mark_write(t.mark, 41), FG_OK);
		fault = (struct fault){.fail_at = n};
		assert_int_equal(fg_mark_write(t.mark, 42), n <= 4 ? -EIO : FG_OK);
		assert_int_equal(fg_mark_read(t.mark, &next), FG_OK);
		assert_int_equal(next, n <= 3 ? 41 : 42);
	}
	fault = (struct fault){0};
	store_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spool_I12_one_call_fails),
		cmocka_unit_test(spool_I12_one_call_finds_no_room),
		cmocka_unit_test(spool_I12_the_disk_goes_away),
		cmocka_unit_test(spool_I12_the_disk_fills_up),
		cmocka_unit_test(spool_I12_the_mark_is_old_or_new),
	};

	fault_vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
