/* SPDX-License-Identifier: EUPL-1.2 */
/* The clock's witness is believed only in what it says, and now. */
#include "cmocka_all.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

struct witness {
	char folder[64], path[96];
	int listening;
	const char *answers; /* one for each connection; '-': none before it is closed */
	pthread_t thread;
};

static void *answer_each(void *arg)
{
	const struct witness *w = arg;

	for (const char *a = w->answers; *a; a++) {
		int fd = accept(w->listening, NULL, NULL);

		if (fd < 0)
			break;
		if (*a != '-')
			(void)send(fd, a, 1, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static void make_place(struct witness *w)
{
	snprintf(w->folder, sizeof(w->folder), "/tmp/fjordgate-test-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->path, sizeof(w->path), "%s/clock.sock", w->folder);
}

static void listen_at(struct witness *w)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", w->path);
	w->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(w->listening >= 0);
	assert_int_equal(bind(w->listening, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(w->listening, 4), 0);
}

static void leave(struct witness *w)
{
	close(w->listening);
	unlink(w->path);
	rmdir(w->folder);
}

static void test_answers(void **state)
{
	struct witness w = {.answers = "101x-"};

	(void)state;
	make_place(&w);
	listen_at(&w);
	assert_int_equal(pthread_create(&w.thread, NULL, answer_each, &w), 0);
	assert_int_equal(fg_clock_witness(w.path), 1);
	assert_int_equal(fg_clock_witness(w.path), 0);
	assert_int_equal(fg_clock_witness(w.path), 1);
	assert_int_equal(fg_clock_witness(w.path), -EPROTO);
	assert_int_equal(fg_clock_witness(w.path), -EPROTO);
	pthread_join(w.thread, NULL);
	leave(&w);
}

static void test_no_answer(void **state)
{
	char long_path[300];
	struct witness w = {0};

	(void)state;
	make_place(&w);
	assert_int_equal(fg_clock_witness(w.path), -ENOENT);
	listen_at(&w);
	assert_int_equal(fg_clock_witness(w.path), -ETIMEDOUT);
	/* more and more that nobody takes: neither a hang nor a vouch */
	for (int i = 0; i < 8; i++)
		assert_true(fg_clock_witness(w.path) < 0);
	close(w.listening);
	assert_int_equal(fg_clock_witness(w.path), -ECONNREFUSED);
	leave(&w);
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(fg_clock_witness(long_path), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
