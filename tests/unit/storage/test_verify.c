/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether a store is sound: beside its writer, at rest, damaged, or with too little time. */
#include "store.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

static void fill(struct store *t)
{
	store_open(t);
	assert_int_equal(fg_spool_reserve(t->s, 100000), FG_OK);
	for (unsigned i = 0; i < 400; i++)
		store_put(t, t->conf.first_seq + i * 40, 40, STORE_WALL_MS + i * 1000);
}

static int verify(struct store *t, bool idle, int64_t time_us, char *why, size_t size)
{
	struct fg_buf found;

	fg_buf_wrap(&found, why, size);
	return fg_spool_verify(t->file, idle, fg_clock_mono_us() + time_us, &found);
}

#define LONG_US INT64_C(60000000)

static bool exists(struct store *t, const char *suffix)
{
	char path[100];

	snprintf(path, sizeof(path), "%s%s", t->file, suffix);
	return access(path, F_OK) == 0;
}

static void sound_beside_its_writer_and_at_rest(void **state)
{
	struct store *t = *state;
	char why[300] = "";

	t->conf.first_seq = 1000;
	fill(t);
	assert_int_equal(verify(t, false, LONG_US, why, sizeof(why)), FG_OK);
	store_close(t);
	assert_int_equal(verify(t, true, LONG_US, why, sizeof(why)), FG_OK);
	assert_string_equal(why, "");
	assert_false(exists(t, "-wal"));
	assert_false(exists(t, "-shm"));
}

static void no_time_is_told_as_such(void **state)
{
	struct store *t = *state;
	char why[300] = "";

	t->conf.first_seq = 1000;
	fill(t);
	assert_int_equal(verify(t, false, 0, why, sizeof(why)), FG_ETIMEOUT);
	assert_string_equal(why, "");
	store_close(t);
}

static void damage(struct store *t)
{
	char bytes[3000];
	int fd;

	t->conf.first_seq = 1000;
	fill(t);
	store_close(t);
	memset(bytes, 0xA5, sizeof(bytes));
	fd = open(t->file, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), 8192), sizeof(bytes));
	close(fd);
}

static void damage_is_found(void **state)
{
	struct store *t = *state;
	char why[300] = "";

	damage(t);
	assert_int_equal(verify(t, true, LONG_US, why, sizeof(why)), FG_ECORRUPT);
	assert_string_not_equal(why, "");
}

static atomic_bool over;

static void *write_on(void *arg)
{
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	while (!atomic_load(&over)) {
		times[1].tv_sec++;
		utimensat(AT_FDCWD, arg, times, 0);
	}
	return NULL;
}

/* Who reads while the gateway starts sees pages of two states, and they are no damage. */
static void a_writer_that_comes_meanwhile(void **state)
{
	struct store *t = *state;
	char why[300] = "";
	const int64_t until_us = fg_clock_mono_us() + LONG_US;
	int r = FG_ECORRUPT;
	pthread_t writer;

	damage(t);
	assert_int_equal(fg_thread_start(&writer, "writer", write_on, t->file), 0);
	while (r == FG_ECORRUPT && fg_clock_mono_us() < until_us) /* it may not have begun */
		r = verify(t, true, LONG_US, why, sizeof(why));
	assert_int_equal(r, FG_EAGAIN);
	assert_string_equal(why, "somebody has begun to write to it");
	atomic_store(&over, true);
	pthread_join(writer, NULL);
}

static void what_is_not_there_is_told(void **state)
{
	struct store *t = *state;
	char why[300] = "";

	assert_true(verify(t, true, LONG_US, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "cannot open"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			sound_beside_its_writer_and_at_rest, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(
			no_time_is_told_as_such, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(damage_is_found, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(
			a_writer_that_comes_meanwhile, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_not_there_is_told, store_setup, store_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
