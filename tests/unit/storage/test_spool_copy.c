/* SPDX-License-Identifier: EUPL-1.2 */
/* Copies of a store: a smaller file, backup and restore. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/files.h"
#include "storage/mark.h"

#define ROW 40

static struct fg_spool_info info_of(struct store *t)
{
	struct fg_spool_info info;

	fg_spool_info(t->s, &info);
	return info;
}

static uint64_t fill_rows(struct store *t, unsigned rows)
{
	uint64_t seq = info_of(t).next_seq;

	assert_int_equal(fg_spool_reserve(t->s, seq + rows * ROW), FG_OK);
	for (unsigned i = 0; i < rows; i += 10) {
		assert_int_equal(fg_spool_begin(t->s), FG_OK);
		for (unsigned k = 0; k < 10; k++)
			assert_int_equal(store_append(t, seq + (i + k) * ROW, ROW, 1000,
				STORE_WALL_MS + (i + k) * 1000), FG_OK);
		assert_int_equal(fg_spool_commit(t->s), FG_OK);
	}
	return seq;
}

static unsigned words;

static void on_progress(void *arg, const char *doing, uint64_t rows)
{
	(void)arg;
	(void)rows;
	assert_non_null(strstr(doing, "smaller"));
	words++;
}

static void a_smaller_max_size_shrinks_the_file_at_the_next_start(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0};
	struct store *t = *state;
	struct fg_reader *r;
	struct fg_buf why;
	uint64_t first;

	t->conf.max_bytes = 16 << 20;
	store_open(t);
	first = fill_rows(t, 10000);
	while (fg_spool_tidy(t->s, &(const struct fg_tidy){.now_wall_ms = STORE_WALL_MS * 2,
		       .delivered_below = first + 9400 * ROW}) > 0)
		;
	store_close(t);
	assert_true(fg_file_bytes(t->file) > 3 << 20);
	t->conf.max_bytes = 2 << 20;
	/* not while somebody reads it */
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_reader_open(t->file, &why, &r), FG_OK);
	store_open(t);
	assert_true(fg_file_bytes(t->file) > 3 << 20);
	fg_reader_close(r);
	store_close(t);
	t->conf.progress.fn = on_progress;
	words = 0;
	store_open(t);
	assert_true(words > 0); /* whoever waits for the start hears of it */
	assert_true(info_of(t).bytes <= t->conf.max_bytes);
	assert_true(store_read(t, &seen) >= 600 * ROW);
	assert_true(fg_ranges_has(&seen, first + 10000 * ROW - 1));
	fill_rows(t, 10);
}

static void what_does_not_fit_is_never_lost_to_shrinking(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0};
	struct store *t = *state;

	store_open(t);
	fill_rows(t, 10000);
	store_close(t);
	t->conf.max_bytes = 1 << 20;
	store_open(t);
	assert_int_equal(store_read(t, &seen), 10000 * ROW);
}

static unsigned copied_times;

static void hear_copied(void *arg, const char *doing, uint64_t rows)
{
	double done, whole;

	(void)arg;
	assert_int_equal(rows, 0);
	assert_int_equal(sscanf(doing, "%lf of %lf MB copied", &done, &whole), 2);
	assert_true(whole > 1 && done >= 0 && done < whole * 1.1);
	copied_times++;
}

static void a_long_copy_tells_how_far_it_is(void **state)
{
	const struct fg_progress progress = {.fn = hear_copied};
	struct store *t = *state;
	char copy[128];
	struct fg_buf why;

	snprintf(copy, sizeof(copy), "%s.copy", t->file);
	store_open(t);
	fill_rows(t, 10000);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	copied_times = 0;
	assert_int_equal(fg_spool_backup(t->file, copy, &progress, &why), FG_OK);
	assert_true(copied_times > 0);
	store_close(t);
	copied_times = 0;
	assert_int_equal(fg_spool_restore(copy, t->file, &progress, &why), FG_OK);
	assert_true(copied_times > 0);
	unlink(copy);
}

static void a_backup_of_a_running_store_is_restored_with_new_numbers(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0}, left = {0}, back = {0};
	struct store *t = *state;
	char copy[128];
	uint64_t first, used, next;
	struct fg_buf why;

	snprintf(copy, sizeof(copy), "%s.copy", t->file);
	store_open(t);
	first = fill_rows(t, 100);
	fg_ranges_add(&left, first + 7, FG_SEQ_END);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_delivery(t->s, "a", &left), FG_OK);
	assert_int_equal(store_append(t, first + 100 * ROW, 1, 1, 0), FG_EINVAL); /* not reserved */
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	if (fg_spool_backup(t->file, copy, NULL, &why) < 0)
		fail_msg("%s", t->why);
	/* what comes after is not in it, but its numbers were used */
	assert_int_equal(fg_spool_reserve(t->s, first + (UINT64_C(9) << 32)), FG_OK);
	store_put(t, first + 200 * ROW, ROW, STORE_WALL_MS);
	used = info_of(t).reserved;
	/* a gateway is running */
	assert_int_equal(fg_spool_restore(copy, t->file, NULL, &why), FG_EAGAIN);
	assert_non_null(strstr(t->why, "stop the gateway"));
	store_close(t);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	if (fg_spool_restore(copy, t->file, NULL, &why) < 0)
		fail_msg("%s", t->why);
	assert_int_equal(fg_mark_read(t->mark, &next), FG_OK);
	store_open(t);
	assert_true(info_of(t).next_seq > used);
	assert_int_equal(info_of(t).next_seq, next);
	assert_int_equal(next % (UINT64_C(1) << 32), 0);
	assert_true(next < UINT64_C(1) << 52);
	assert_int_equal(store_read(t, &seen), 100 * ROW);
	assert_int_equal(fg_spool_delivery(t->s, "a", &back), FG_OK);
	assert_int_equal(fg_ranges_first(&back), first + 7);
	fill_rows(t, 10);
	unlink(copy);
}

static void only_a_good_copy_of_ours_is_restored(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0};
	struct store *t = *state;
	char copy[128];
	struct fg_buf why;
	FILE *f;

	snprintf(copy, sizeof(copy), "%s.part", t->file);
	store_open(t);
	fill_rows(t, 100);
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	assert_int_equal(fg_spool_backup(t->file, copy, NULL, &why), FG_OK);
	store_close(t);
	f = fopen(copy, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 68, SEEK_SET), 0); /* application id */
	fputs("oops", f);
	fclose(f);
	assert_true(fg_spool_restore(copy, t->file, NULL, &why) < 0);
	assert_non_null(strstr(t->why, "does not fit its tables"));
	assert_int_equal(truncate(copy, 9000), 0);
	assert_true(fg_spool_restore(copy, t->file, NULL, &why) < 0);
	unlink(copy);
	assert_true(fg_spool_restore(copy, t->file, NULL, &why) < 0);
	store_open(t);
	assert_int_equal(store_read(t, &seen), 100 * ROW);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(a_smaller_max_size_shrinks_the_file_at_the_next_start),
		T(what_does_not_fit_is_never_lost_to_shrinking),
		T(a_long_copy_tells_how_far_it_is),
		T(a_backup_of_a_running_store_is_restored_with_new_numbers),
		T(only_a_good_copy_of_ours_is_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
