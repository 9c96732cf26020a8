/* SPDX-License-Identifier: EUPL-1.2 */
/* A writer killed at random moments, again and again on one store. */
#include "store.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/rng.h"

#define KILLS 20

/* What the writer says before and after each step, through a pipe that outlives it. */
struct said {
	uint64_t used_below;      /* told before a number is used */
	uint64_t committed_below; /* told after the commit */
	uint64_t delivered_below; /* told with it */
};

static void say(int fd, const struct said *said)
{
	if (write(fd, said, sizeof(*said)) != (ssize_t)sizeof(*said))
		_exit(3);
}

/* Never returns. One group after the other; the delivery state always ends where the group before
 * ended. */
static void write_for_ever(struct store *t, int fd, uint64_t seed)
{
	struct fg_rng rng = {seed};
	struct fg_ranges left = {0};
	struct fg_spool_info info;
	struct said said = {0};
	uint64_t seq;

	if (store_try_open(t) < 0)
		_exit(4);
	fg_spool_info(t->s, &info);
	seq = info.next_seq;
	fg_ranges_add(&left, seq, FG_SEQ_END);
	for (;;) {
		unsigned rows = 1 + (unsigned)fg_rng_below(&rng, 8);

		if (seq + 200 > info.reserved && fg_spool_reserve(t->s, seq + 500) < 0)
			_exit(5);
		fg_spool_info(t->s, &info);
		fg_ranges_remove(&left, 0, seq);
		if (fg_spool_begin(t->s) < 0)
			_exit(6);
		said.delivered_below = seq;
		for (unsigned i = 0; i < rows; i++) {
			unsigned n = 1 + (unsigned)fg_rng_below(&rng, 20);

			said.used_below = seq + n;
			say(fd, &said);
			if (store_append(t, seq, n, (int64_t)seq, STORE_WALL_MS) < 0)
				_exit(7);
			seq += n;
		}
		if (fg_spool_set_delivery(t->s, "open-data", &left) < 0 ||
			fg_spool_commit(t->s) < 0)
			_exit(8);
		said.committed_below = seq;
		say(fd, &said);
	}
}

/* Runs a writer for a moment; *ret is the last it said. */
static void run_and_kill(struct store *t, struct fg_rng *rng, struct said *ret)
{
	struct timespec moment = {.tv_nsec = (long)fg_rng_below(rng, 20000000)};
	uint64_t seed = fg_rng_next(rng), words = 1 + fg_rng_below(rng, 40);
	struct said said;
	int fds[2], status;
	pid_t pid;

	*ret = (struct said){0};
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		write_for_ever(t, fds[1], seed);
	}
	close(fds[1]);
	/* so far as the writer has come, however slow the disk is, and a moment more */
	for (; words && read(fds[0], &said, sizeof(said)) == (ssize_t)sizeof(said); words--)
		*ret = said;
	nanosleep(&moment, NULL);
	kill(pid, SIGKILL);
	while (read(fds[0], &said, sizeof(said)) == (ssize_t)sizeof(said)) {
		said.committed_below = FG_MAX(said.committed_below, ret->committed_below);
		*ret = said;
	}
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status)); /* else an exit code tells what failed */
}

static void spool_I1_I2_I4_I5_hold_after_each_kill(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges before = {0};
	struct store *t = *state;
	struct fg_rng rng = {fg_random_seed()};
	uint64_t groups = 0;

	print_message("seed %llu\n", (unsigned long long)rng.state);
	t->conf.max_bytes = 32 << 20;
	for (int i = 0; i < KILLS; i++) {
		FG_CLEANUP(fg_ranges_fini) struct fg_ranges seen = {0}, left = {0};
		struct fg_spool_info info;
		struct said said;
		uint64_t end;

		run_and_kill(t, &rng, &said);
		store_open(t);
		fg_spool_info(t->s, &info);
		assert_true(info.next_seq >= said.used_below); /* I2 */
		store_read(t, &seen);                          /* I1: content is checked there */
		for (size_t k = 0; k < before.count; k++)
			for (uint64_t q = before.items[k].from; q < before.items[k].to; q++)
				assert_true(fg_ranges_has(&seen, q));
		if (said.committed_below)
			assert_true(fg_ranges_has(&seen, said.committed_below - 1));
		/* I4, I5: the state stored is that of the last group stored, whole */
		if (fg_spool_delivery(t->s, "open-data", &left) == FG_OK && info.last_seq) {
			end = fg_ranges_first(&left);
			assert_true(end <= info.last_seq);
			assert_true(fg_ranges_count_below(&seen, FG_SEQ_END) -
					    fg_ranges_count_below(&seen, end) ==
				    info.last_seq + 1 - end);
			assert_true(!said.committed_below || end + 160 >= said.committed_below);
		}
		groups += said.committed_below != 0;
		fg_ranges_copy(&before, &seen);
		store_close(t);
	}
	assert_true(groups > KILLS / 4); /* the writer did get somewhere */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(spool_I1_I2_I4_I5_hold_after_each_kill, store_setup,
			store_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
