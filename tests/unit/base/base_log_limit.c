/* SPDX-License-Identifier: EUPL-1.2 */
/* Lines that repeat are left out, counted and told; and a journal that stands still holds up
 * nobody. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_limit.h"
#include "base/thread.h"

static FILE *file;
static char text[4 << 20];

static int to_file(void **state)
{
	(void)state;
	file = tmpfile();
	assert_non_null(file);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	fg_log_limit_start();
	return 0;
}

static int end_limit(void **state)
{
	(void)state;
	fg_log_limit_turn(INT64_MAX);
	fclose(file);
	return 0;
}

/* How many lines have these words in them. */
static unsigned count(const char *words)
{
	unsigned n = 0;
	long len = pread(fileno(file), text, sizeof(text) - 1, 0);

	assert_true(len >= 0);
	text[len] = '\0';
	for (const char *at = text; (at = strstr(at, words)); at += strlen(words))
		n++;
	return n;
}

static void flap(const char *device, unsigned i)
{
	fg_warning("device '%s' (link 'bus'): poll failed: no_response %u", device, i);
	fg_notice("device '%s' (link 'bus'): answers again after %u", device, i);
}

static void a_flood_is_left_out_and_told(void **state)
{
	int64_t now_us = fg_clock_mono_us();

	(void)state;
	for (unsigned i = 1; i <= 1000; i++)
		flap("a", i);
	flap("b", 1); /* another device is another matter */
	assert_int_equal(count("device 'a' (link 'bus'): poll failed"), FG_LOG_BURST);
	assert_int_equal(count("device 'a' (link 'bus'): answers again"), FG_LOG_BURST);
	assert_int_equal(count("device 'b'"), 2);
	fg_log_limit_turn(now_us); /* not yet */
	assert_int_equal(count("left out"), 0);

	/* later: how many there were, with the last of each, in their order */
	fg_log_limit_turn(now_us + FG_LOG_EACH_US + 1000000);
	assert_int_equal(count("left out"), 2);
	assert_int_equal(count("no_response 1000 (980 such lines were left out since 20"), 1);
	assert_int_equal(count("answers again after 1000 (980 such lines were left out"), 1);
	assert_true(strstr(text, "no_response 1000") < strstr(text, "again after 1000"));
	fg_log_limit_turn(now_us + 100 * FG_LOG_EACH_US); /* and once */
	assert_int_equal(count("left out"), 2);
}

static void the_end_tells_the_rest(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= FG_LOG_BURST + 3; i++)
		fg_warning("destination 'town': message %u is too long", i);
	fg_log_limit_turn(INT64_MAX);
	assert_int_equal(count("message 23 is too long (3 such lines were left out"), 1);
	fg_warning("destination 'town': message 24 is too long"); /* without a limit again */
	assert_int_equal(count("message 24 is too long\n"), 1);
	fg_log_limit_start();
}

/* Many names at once stay within a budget of all, and each fault of a file has its line. */
static void the_table_is_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++)
		fg_error("gateway.yaml:%u:3: error: unknown key", i);
	assert_int_equal(count("unknown key"), 200);
	for (unsigned k = 0; k < 50; k++)
		for (unsigned i = 0; i < 2000; i++)
			fg_warning("link 'l%u': down", i);
	assert_true(count(": down") <= 256 * FG_LOG_BURST);
	assert_true(count(": down") >= 100 * FG_LOG_BURST);
}

static void *flood(void *arg)
{
	for (unsigned i = 0; i < 500; i++) {
		fg_warning("link '%s': down", (const char *)arg);
		if (i % 50 == 0)
			fg_log_limit_turn(fg_clock_mono_us());
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(fg_thread_start(&threads[i], "flood", flood, "x"), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(count("link 'x': down\n"), FG_LOG_BURST);
}

/* ---- a journal that takes nothing ---- */

/* Logs until the stream that nobody reads is full, and beyond; then the reader comes. */
static void log_into(int stream, int reader)
{
	char stamp[64], bytes[65536];
	struct stat st;
	ssize_t n;
	int told = 0;

	alarm(20);
	fstat(stream, &st);
	snprintf(stamp, sizeof(stamp), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stamp, 1);
	dup2(stream, STDERR_FILENO);
	for (unsigned i = 0; i < 20000; i++)
		fg_info("line %u of very many", i);
	while (recv(reader, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	fg_info("the next one");
	while ((n = recv(reader, bytes, sizeof(bytes) - 1, MSG_DONTWAIT)) > 0) {
		bytes[n] = '\0';
		told |= !!strstr(bytes, "<6>the next one\n");
		told |= strstr(bytes, " log lines were lost") ? 2 : 0;
	}
	_exit(told == 3 ? 0 : 1);
}

static void a_journal_that_stands_still(void **state)
{
	int pair[2], status;
	pid_t child;

	(void)state;
	if (access("/run/systemd/journal/socket", F_OK) == 0)
		skip(); /* a journal that lives would take it all */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	child = fork();
	if (child == 0)
		log_into(pair[0], pair[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_journal_that_stands_still),
		cmocka_unit_test_setup_teardown(a_flood_is_left_out_and_told, to_file, end_limit),
		cmocka_unit_test_setup_teardown(the_end_tells_the_rest, to_file, end_limit),
		cmocka_unit_test_setup_teardown(the_table_is_bounded, to_file, end_limit),
		cmocka_unit_test_setup_teardown(threads_share_it, to_file, end_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
