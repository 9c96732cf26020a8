/* SPDX-License-Identifier: EUPL-1.2 */
/* A disk without room: what is delivered is recorded for ever all the same (spool I14). */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fault_vfs.h"
#include "storage/files.h"

#define ROW 40

static struct store *store;

/* Bytes of the store, the ballast among them. */
static int64_t used(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", ".reserve"};
	int64_t sum = 0;

	for (size_t i = 0; i < FG_COUNT(suffixes); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", store->file, suffixes[i]);
		sum += fg_file_bytes(path);
	}
	return sum;
}

static int64_t bytes_of(const char *suffix)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", store->file, suffix);
	return fg_file_bytes(path);
}

static int write_group(uint64_t seq, unsigned rows)
{
	int rc = fg_spool_begin(store->s);

	for (unsigned i = 0; i < rows && rc == FG_OK; i++)
		rc = store_append(store, seq + i * ROW, ROW, (int64_t)seq, STORE_WALL_MS);
	if (rc == FG_OK)
		rc = fg_spool_commit(store->s);
	if (rc < 0)
		fg_spool_rollback(store->s);
	return rc;
}

/* A state of a thousand intervals, other ones each time. */
static void save_delivery(uint64_t from, unsigned n)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges left = {0};

	for (unsigned i = 0; i < 1000; i++)
		fg_ranges_add(&left, from + i * (1000 + n % 7), from + i * (1000 + n % 7) + 1 + n);
	if (fg_spool_begin(store->s) < 0 ||
		fg_spool_set_delivery(store->s, n % 2 ? "a" : "b", &left) < 0 ||
		fg_spool_commit(store->s) < 0)
		fail_msg("state %u: %s", n, fg_spool_error(store->s));
}

static int room(void *arg, const char *path, int64_t *ret)
{
	(void)arg;
	(void)path;
	*ret = fault.quota ? FG_MAX(fault.quota - used(), 0) : INT64_C(1) << 40;
	return FG_OK;
}

static struct fg_files files; /* the system's but for the room */

static void full_disk(unsigned groups)
{
	struct fg_spool_info info;
	uint64_t first, seq;
	int rc = FG_OK;

	store_open(store);
	assert_true(bytes_of(".reserve") > 0);
	fg_spool_info(store->s, &info);
	first = seq = info.next_seq;
	assert_int_equal(fg_spool_reserve(store->s, seq + 4000000), FG_OK);
	for (unsigned i = 0; i < groups; i++, seq += 10 * ROW)
		assert_int_equal(write_group(seq, 10), FG_OK);
	fault.quota = used() + 3000;
	for (; rc == FG_OK; seq += 10 * ROW)
		rc = write_group(seq, 10);
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(fg_spool_use_reserve(store->s), FG_OK);
	for (unsigned i = 0; i < 400; i++) {
		const struct fg_tidy tidy = {.delivered_below = first + i * ROW};

		save_delivery(first, i);
		assert_true(fg_spool_tidy(store->s, &tidy) >= 0);
		if (i % 50 == 0) /* readings may find room or none, and break nothing */
			write_group(seq + i * ROW, 3);
	}
	/* a start on the full disk */
	store_close(store);
	store_open(store);
	fault.quota = 0;
	assert_true(fg_spool_tidy(store->s, &(const struct fg_tidy){0}) >= 0);
	assert_true(bytes_of(".reserve") > 0);
	fg_spool_info(store->s, &info);
	assert_int_equal(fg_spool_reserve(store->s, info.next_seq + 4000), FG_OK);
	assert_int_equal(write_group(info.next_seq, 10), FG_OK);
}

static void spool_I14_deliveries_are_recorded_on_a_full_disk(void **state)
{
	(void)state;
	for (unsigned groups = 0; groups < 120; groups += 7) {
		struct store t;

		store_init(&t);
		store = &t;
		t.conf.max_bytes = 4 << 20;
		full_disk(groups);
		store_fini(&t);
		fault = (struct fault){.used = used};
	}
}

/* What is delivered makes room for new readings where the file cannot grow, young as it is. */
static void readings_go_on_in_the_place_of_delivered_ones(void **state)
{
	struct fg_spool_info info;
	struct store t;
	uint64_t seq;
	int rc = FG_OK;

	(void)state;
	store_init(&t);
	store = &t;
	t.conf.max_bytes = 64 << 20;
	store_open(&t);
	fg_spool_info(t.s, &info);
	seq = info.next_seq;
	assert_int_equal(fg_spool_reserve(t.s, seq + 40000000), FG_OK);
	for (unsigned i = 0; i < 100; i++, seq += 400 * ROW)
		assert_int_equal(write_group(seq, 400), FG_OK);
	fault.quota = used() + 3000;
	for (; rc == FG_OK; seq += 400 * ROW)
		rc = write_group(seq, 400);
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(fg_spool_use_reserve(t.s), FG_OK);
	for (unsigned i = 0; i < 100; i++, seq += 400 * ROW) {
		const struct fg_tidy tidy = {.delivered_below = seq};

		while ((rc = fg_spool_tidy(t.s, &tidy)) > 0)
			;
		assert_int_equal(rc, FG_TIDY_DONE);
		if (write_group(seq, 400) < 0)
			fail_msg("group %u: %s", i, fg_spool_error(t.s));
	}
	fault.quota = 0;
	/* and no more goes than is needed */
	fg_spool_info(t.s, &info);
	assert_true(info.rows > 1000);
	store_fini(&t);
	fault = (struct fault){.used = used};
}

/* The room that was just given back is for going on, not for the next ballast. */
static void the_ballast_is_not_taken_again_at_once(void **state)
{
	struct store t;

	(void)state;
	store_init(&t);
	store = &t;
	store_open(&t);
	fault.quota = used() + 3000;
	assert_int_equal(fg_spool_use_reserve(t.s), FG_OK);
	assert_true(fg_spool_tidy(t.s, &(const struct fg_tidy){0}) >= 0);
	assert_int_equal(bytes_of(".reserve"), 0);
	/* nor is it needed for a start */
	fault.quota = 0;
	assert_true(fg_spool_tidy(t.s, &(const struct fg_tidy){0}) >= 0);
	assert_true(bytes_of(".reserve") > 0);
	store_close(&t);
	fault.quota = used();
	store_open(&t);
	store_fini(&t);
	fault = (struct fault){.used = used};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spool_I14_deliveries_are_recorded_on_a_full_disk),
		cmocka_unit_test(readings_go_on_in_the_place_of_delivered_ones),
		cmocka_unit_test(the_ballast_is_not_taken_again_at_once),
	};

	fg_files_system(&files);
	files.room = room;
	fg_files_use(&files);
	fault_vfs_install();
	fault.used = used;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
