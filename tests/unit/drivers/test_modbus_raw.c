/* SPDX-License-Identifier: EUPL-1.2 */
/* Single exchanges over a pair of sockets: what is taken for the answer, and what is kept of what
 * was heard. The far end's bytes are there before the exchange or come with the request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "drivers/modbus_raw.h"

#define REQUEST	 "\x03\x03\x00\x00\x00\x02\xC5\xE9"
#define ANSWER	 "\x03\x03\x04\x00\xF5\x02\x1C\xC9\x68"
#define SHORT_US 60000
#define LONG_US	 20000000

struct line {
	int near, far;
	const char *reply; /* comes when the request is sent */
	size_t reply_len;
	int status; /* of sending */
};

static int open_line(void **state)
{
	static struct line line;
	int fds[2];

	memset(&line, 0, sizeof(line));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	line.near = fds[0];
	line.far = fds[1];
	*state = &line;
	return 0;
}

static int close_line(void **state)
{
	struct line *l = *state;

	close(l->near);
	if (l->far >= 0)
		close(l->far);
	return 0;
}

static void say(struct line *l, const char *bytes, size_t len)
{
	assert_int_equal(write(l->far, bytes, len), len);
}

static int64_t send_over(void *arg, const uint8_t *adu, size_t len)
{
	struct line *l = arg;

	assert_int_equal(len, 8);
	assert_memory_equal(adu, REQUEST, 8);
	if (l->reply)
		say(l, l->reply, l->reply_len);
	return l->status;
}

static struct fg_raw ask(struct line *l, const char *reply, size_t len, int64_t timeout_us)
{
	struct fg_raw x = {
		.unit = 3, .pdu = {3, 0, 0, 0, 2}, .pdu_len = 5, .timeout_us = timeout_us};

	l->reply = reply;
	l->reply_len = len;
	assert_int_equal(fg_raw_rtu(l->near, send_over, l, 1000, &x), FG_OK);
	return x;
}

#define H(text) text, sizeof(text) - 1

static void assert_answered(const struct fg_raw *x)
{
	assert_int_equal(x->status, FG_OK);
	assert_int_equal(x->answer_len, 6);
	assert_memory_equal(x->answer, "\x03\x04\x00\xF5\x02\x1C", 6);
}

static void answers(void **state)
{
	struct fg_raw x = ask(*state, H(ANSWER), LONG_US);

	assert_answered(&x);
	assert_false(x.echo);
	x = ask(*state, H(REQUEST ANSWER), LONG_US);
	assert_answered(&x);
	assert_true(x.echo);
	x = ask(*state, H("\xFF\x00" ANSWER), LONG_US);
	assert_answered(&x);
	assert_int_equal(x.heard_len, 11);
	x = ask(*state, H("\x03\x83\x02\x61\x31"), LONG_US);
	assert_int_equal(x.status, FG_OK);
	assert_memory_equal(x.answer, "\x83\x02", 2);
}

static void what_was_there_before_is_no_answer(void **state)
{
	struct fg_raw x;

	say(*state, H(ANSWER));
	x = ask(*state, NULL, 0, SHORT_US);
	assert_int_equal(x.status, FG_ETIMEOUT);
	assert_int_equal(x.heard_len, 0);
}

static void failures(void **state)
{
	struct fg_raw x = ask(*state, H(REQUEST), SHORT_US);

	assert_int_equal(x.status, FG_ETIMEOUT);
	assert_true(x.echo);
	/* damaged: nobody waits for the rest of a long time */
	x = ask(*state, H("\x03\x03\x04\x00\xF5\x02\x1C\xC9\x69"), LONG_US);
	assert_int_equal(x.status, FG_EFRAME);
	assert_int_equal(x.heard_len, 9);
	x = ask(*state, H("\x04\x03\x04\x00\xF5\x02\x1C\xBF\xA8"), SHORT_US);
	assert_int_equal(x.status, FG_EFRAME);
}

static void a_flood_is_bounded(void **state)
{
	static char flood[5000];
	struct fg_raw x;

	memset(flood, 0x55, sizeof(flood));
	x = ask(*state, flood, sizeof(flood), SHORT_US);
	assert_int_equal(x.status, FG_EFRAME);
	assert_int_equal(x.heard_len, FG_RAW_HEARD);
}

static void the_end_of_the_line(void **state)
{
	struct line *l = *state;
	struct fg_raw x = {.unit = 3, .pdu = {3, 0, 0, 0, 2}, .pdu_len = 5, .timeout_us = LONG_US};

	l->status = -EPIPE;
	assert_int_equal(fg_raw_rtu(l->near, send_over, l, 1000, &x), -EPIPE);
	l->status = 0;
	close(l->far);
	l->far = -1;
	assert_true(fg_raw_rtu(l->near, send_over, l, 1000, &x) < 0);
}

static void over_tcp(void **state)
{
	struct line *l = *state;
	struct fg_raw x = {.unit = 3, .pdu = {3, 0, 0, 0, 2}, .pdu_len = 5, .timeout_us = LONG_US};
	char sent[32];

	/* a late answer, another unit's, and the right one */
	say(l, H("\x00\x06\x00\x00\x00\x07\x03\x03\x04\x00\x01\x00\x02"
		 "\x00\x07\x00\x00\x00\x07\x04\x03\x04\x00\x01\x00\x02"
		 "\x00\x07\x00\x00\x00\x07\x03\x03\x04\x00\xF5\x02\x1C"));
	assert_int_equal(fg_raw_tcp(l->near, 7, &x), FG_OK);
	assert_answered(&x);
	assert_int_equal(read(l->far, sent, sizeof(sent)), 12);
	assert_memory_equal(sent, "\x00\x07\x00\x00\x00\x06\x03\x03\x00\x00\x00\x02", 12);

	x.heard_len = 0;
	say(l, H("SSH-2.0-dropbear\r\n"));
	assert_int_equal(fg_raw_tcp(l->near, 8, &x), FG_OK);
	assert_int_equal(x.status, FG_EFRAME);

	x.heard_len = 0;
	x.timeout_us = SHORT_US;
	assert_int_equal(fg_raw_tcp(l->near, 9, &x), FG_OK);
	assert_int_equal(x.status, FG_ETIMEOUT);

	close(l->far);
	l->far = -1;
	assert_true(fg_raw_tcp(l->near, 10, &x) < 0);
}

int main(void)
{
#define ON_LINE(t) cmocka_unit_test_setup_teardown(t, open_line, close_line)
	const struct CMUnitTest tests[] = {
		ON_LINE(answers),
		ON_LINE(what_was_there_before_is_no_answer),
		ON_LINE(failures),
		ON_LINE(a_flood_is_bounded),
		ON_LINE(the_end_of_the_line),
		ON_LINE(over_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
