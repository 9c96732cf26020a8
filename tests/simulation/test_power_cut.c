/* SPDX-License-Identifier: EUPL-1.2 */
/* The spool alone on a disk that loses its power at random writes: what was committed is there,
 * what was not may be missing, and no number comes twice (spool I1 to I5, I12). */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "disk.h"
#include "seams.h"
#include "storage/spool_private.h"

#define DISKS	      500
#define CUTS_A_DISK   6
#define NUMBERS_MAX   65536
#define STEPS_MAX     200
#define DESTINATION   "town"
#define CALLS_TO_LIVE 160

/* What the outside knows of a store. */
struct witness {
	struct store t;
	struct disk *disk;
	struct fg_rng rng;
	bool normal;	    /* synchronous=NORMAL: the flip that has to be seen */
	uint64_t next;	    /* number to give away */
	struct fg_ranges appended, committed, acked;
	struct fg_ranges saved, saving; /* delivery state: durable; of the group under way */
	uint64_t delivered_below; /* the largest that a tidy was allowed to take */
	unsigned cuts, rows_lost;
};

static void watch(struct witness *w, uint64_t seed, bool normal)
{
	*w = (struct witness){.rng = {seed}, .normal = normal};
	seams_reset(seed);
	seams_boot();
	sqlite3_randomness(0, NULL);
	w->disk = disk_new(seed);
	disk_mount(w->disk);
	snprintf(w->t.file, sizeof(w->t.file), "/sim/readings.db");
	w->t.conf = (struct fg_spool_conf){.file = w->t.file, .keep_ms = 3600000,
		.max_bytes = 64 << 20};
}

static void unwatch(struct witness *w)
{
	store_close(&w->t);
	fg_ranges_fini(&w->appended);
	fg_ranges_fini(&w->committed);
	fg_ranges_fini(&w->acked);
	fg_ranges_fini(&w->saved);
	fg_ranges_fini(&w->saving);
	disk_free(w->disk);
}

/* An opening that the power lets go through, or not. */
static int open_store(struct witness *w)
{
	struct fg_spool_info info;
	int rc = store_try_open(&w->t);

	if (rc < 0) {
		if (!w->disk->off)
			fail_msg("%s", w->t.s ? fg_spool_error(w->t.s) : w->t.why);
		return rc;
	}
	if (w->normal)
		sqlite3_exec(w->t.s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	fg_spool_info(w->t.s, &info);
	assert_true(info.next_seq >= w->next); /* spool I2 */
	w->next = info.next_seq;
	return FG_OK;
}

static int append_some(struct witness *w, struct fg_ranges *ret_group)
{
	int rc = FG_OK;

	for (uint64_t n = 1 + fg_rng_below(&w->rng, 4); n && rc == FG_OK; n--) {
		unsigned count = 1 + (unsigned)fg_rng_below(&w->rng, 12);
		int64_t wall_ms = STORE_WALL_MS + (int64_t)(w->next & 0xFFFF) * 1000;

		rc = store_append(&w->t, w->next, count, 1000, wall_ms);
		fg_ranges_add(&w->appended, w->next, w->next + count);
		fg_ranges_add(ret_group, w->next, w->next + count);
		w->next += count;
	}
	return rc;
}

/* The broker acknowledges some of what is committed; what is left is handed to the store. */
static int save_delivery(struct witness *w)
{
	struct fg_ranges left;
	struct fg_range r;
	int rc;

	fg_ranges_init(&left);
	fg_ranges_add(&left, 1, FG_SEQ_END);
	for (uint64_t at = 0; fg_ranges_next(&w->committed, at, &r); at = r.to)
		if (fg_rng_below(&w->rng, 8))
			fg_ranges_add(&w->acked, r.from,
				r.to - fg_rng_below(&w->rng, r.to - r.from));
	for (size_t i = 0; i < w->acked.count; i++)
		fg_ranges_remove(&left, w->acked.items[i].from, w->acked.items[i].to);
	rc = fg_spool_set_delivery(w->t.s, DESTINATION, &left);
	fg_ranges_fini(&w->saving);
	w->saving = left;
	return rc;
}

static int group(struct witness *w)
{
	bool delivery = fg_rng_below(&w->rng, 3) == 0;
	struct fg_ranges group;
	int rc = fg_spool_begin(w->t.s);

	fg_ranges_init(&group);
	if (rc == FG_OK)
		rc = append_some(w, &group);
	if (rc == FG_OK && delivery)
		rc = save_delivery(w);
	if (rc == FG_OK)
		rc = fg_spool_commit(w->t.s);
	if (rc == FG_OK) {
		for (size_t i = 0; i < group.count; i++)
			fg_ranges_add(&w->committed, group.items[i].from, group.items[i].to);
		if (delivery)
			fg_ranges_copy(&w->saved, &w->saving);
	} else {
		fg_spool_rollback(w->t.s);
	}
	fg_ranges_fini(&group);
	return rc;
}

static void tidy(struct witness *w)
{
	struct fg_tidy t = {.now_wall_ms = STORE_WALL_MS + INT64_C(400) * 24 * 3600 * 1000,
		.delivered_below = w->saved.count ? fg_ranges_first(&w->saved) : 0};

	/* the first number that is not acknowledged: everything below may go */
	if (w->saved.count && w->saved.items[0].from == 1)
		t.delivered_below = 1;
	w->delivered_below = FG_MAX(w->delivered_below, t.delivered_below);
	fg_spool_tidy(w->t.s, &t);
}

static void live(struct witness *w)
{
	for (int i = 0; i < STEPS_MAX && !w->disk->off; i++) {
		struct fg_spool_info info;

		fg_spool_info(w->t.s, &info);
		if (w->next + 64 > info.reserved &&
			fg_spool_reserve(w->t.s, w->next + 200) < 0)
			continue;
		if (fg_rng_below(&w->rng, 12) == 0)
			tidy(w);
		else
			group(w);
	}
	disk_power_off(w->disk); /* if it was not already */
}

/* Everything that was committed and could not be deleted is there, and nothing that never was. */
static void check_rows(struct witness *w, const struct fg_ranges *seen)
{
	struct fg_range r;

	for (uint64_t at = w->delivered_below; fg_ranges_next(&w->committed, at, &r); at = r.to)
		for (uint64_t seq = r.from; seq < r.to; seq++)
			w->rows_lost += !fg_ranges_has(seen, seq);
	for (size_t i = 0; i < seen->count; i++)
		for (uint64_t seq = seen->items[i].from; seq < seen->items[i].to; seq++)
			assert_true(fg_ranges_has(&w->appended, seq));
}

/* Spool I5: it is the last one that was committed, or that of the group under way. */
static void check_delivery(struct witness *w)
{
	struct fg_ranges found;
	int rc;

	fg_ranges_init(&found);
	rc = fg_spool_delivery(w->t.s, DESTINATION, &found);
	if (rc == FG_ENOENT && w->normal) {
		fg_ranges_fini(&found);
		return;
	}
	if (rc == FG_ENOENT) {
		assert_int_equal(w->saved.count, 0);
	} else {
		bool was = found.count == w->saved.count &&
			   memcmp(found.items, w->saved.items,
				   found.count * sizeof(*found.items)) == 0;
		bool new = found.count == w->saving.count &&
			   memcmp(found.items, w->saving.items,
				   found.count * sizeof(*found.items)) == 0;

		assert_int_equal(rc, FG_OK);
		assert_true(was || new || w->normal);
		fg_ranges_copy(&w->saved, &found);
	}
	fg_ranges_fini(&found);
}

static void check(struct witness *w)
{
	struct fg_ranges seen;

	fg_ranges_init(&seen);
	store_read(&w->t, &seen);
	check_rows(w, &seen);
	check_delivery(w);
	/* a group whose commit was cut short may be there: from now on it has to stay */
	fg_ranges_copy(&w->committed, &seen);
	fg_ranges_fini(&seen);
}

static void cut(struct witness *w)
{
	store_close(&w->t);
	disk_power_on(w->disk, fg_rng_next(&w->rng));
	seams_boot();
	w->cuts++;
}

/* One disk through several cuts, some of them while the store is being opened. */
static void one_disk(struct witness *w)
{
	for (int i = 0; i < CUTS_A_DISK; i++) {
		if (w->normal) {
			disk_cut_after(w->disk, UINT64_MAX / 2);
		} else {
			disk_cut_after(w->disk, 1 + fg_rng_below(&w->rng, CALLS_TO_LIVE));
		}
		if (open_store(w) == FG_OK) {
			if (w->normal)
				disk_cut_after(w->disk, 1 + fg_rng_below(&w->rng, CALLS_TO_LIVE));
			live(w);
		}
		cut(w);
		disk_cut_after(w->disk, UINT64_MAX / 2);
		assert_int_equal(open_store(w), FG_OK);
		check(w);
		store_close(&w->t);
		if (w->rows_lost)
			return;
	}
}

static void test_no_cut_costs_what_was_committed(void **state)
{
	unsigned cuts = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= DISKS; seed++) {
		struct witness w;

		watch(&w, seed, false);
		one_disk(&w);
		if (w.rows_lost)
			fail_msg("seed %llu: %u committed readings are gone after cut %u",
				(unsigned long long)seed, w.rows_lost, w.cuts);
		cuts += w.cuts;
		unwatch(&w);
	}
	assert_true(cuts == DISKS * CUTS_A_DISK);
}

/* The test can see a loss: where commits are not flushed, cuts cost committed readings. */
static void test_a_missing_flush_is_seen(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct witness w;

		watch(&w, seed, true);
		one_disk(&w);
		seen += w.rows_lost > 0;
		unwatch(&w);
	}
	assert_in_range(seen, 20, 40);
}

/* Numbers do not come again where the database is lost and the mark is there, or the other way
 * round (spool I2). */
static void test_numbers_outlive_either_file(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct witness w;

		watch(&w, seed, false);
		disk_cut_after(w.disk, 60 + fg_rng_below(&w.rng, CALLS_TO_LIVE));
		if (open_store(&w) == FG_OK)
			live(&w);
		cut(&w);
		disk_remove(w.disk, seed % 2 ? "/sim/readings.db.mark" : "/sim/readings.db");
		if (seed % 2 == 0) {
			disk_remove(w.disk, "/sim/readings.db-wal");
			disk_remove(w.disk, "/sim/readings.db-journal");
		}
		assert_int_equal(open_store(&w), FG_OK); /* looks at the numbers */
		unwatch(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_cut_costs_what_was_committed),
		cmocka_unit_test(test_a_missing_flush_is_seen),
		cmocka_unit_test(test_numbers_outlive_either_file),
	};

	disk_vfs_install();
	disk_files_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
