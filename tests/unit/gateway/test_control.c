/* SPDX-License-Identifier: EUPL-1.2 */
/* The control socket with a store of this file that has no end: clients that do not read, say too
 * much, or vanish. */
#include "fake.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/control.h"
#include "gateway/daemon.h"

#define TURNS_MAX 2000

static struct fg_daemon d;
static struct fg_config config;
static char socket_path[64];
static _Atomic unsigned pieces;

/* In place of the reader's: readings until the piece is full. */
long __wrap_fg_reader_history(struct fg_reader *r, const char *station, const char *point,
	int64_t since_ms, int64_t until_ms, uint64_t after, fg_reader_fn fn, void *arg)
{
	const struct fg_point_desc desc = {.station = station, .device = "d", .point = point,
		.property = "x_test", .unit = "1", .domain = "water", .decimals = -1};
	struct fg_item item = {.seq = after, .wall_ms = since_ms, .qc = FG_QC_PASS,
		.value = {.kind = FG_KIND_INT, .i = 1}};

	(void)r;
	(void)until_ms;
	pieces++;
	do
		item.seq++;
	while (fn(arg, &item, &desc, false) == 0);
	return (long)(item.seq - after);
}

/* What a backfill finds, and what it comes to. */
static int period_status;
static int64_t queued;
static struct fg_range asked;

int __wrap_fg_reader_period(
	struct fg_reader *r, int64_t since_ms, int64_t until_ms, struct fg_ranges *ret)
{
	(void)r;
	asked = (struct fg_range){(uint64_t)since_ms, (uint64_t)until_ms};
	return period_status < 0 ? period_status : fg_ranges_add(ret, 10, 30);
}

int64_t __wrap_fg_core_backfill(struct fg_core *core, struct fg_now now, const char *destination,
	const struct fg_ranges *ranges)
{
	(void)core;
	(void)now;
	assert_string_equal(destination, "town");
	queued = (int64_t)fg_ranges_count_below(ranges, FG_SEQ_END);
	return queued;
}

static int set_up(void **state)
{
	(void)state;
	pieces = 0;
	signal(SIGPIPE, SIG_IGN); /* as the daemon has it: clients vanish while they are answered */
	fg_log_set_level((enum fg_log_level)0);
	snprintf(socket_path, sizeof(socket_path), "/tmp/fjordgate-test-%d.sock", (int)getpid());
	config.gateway.id = "g";
	config.control.socket = socket_path;
	d = (struct fg_daemon){.config = &config};
	assert_int_equal(uv_loop_init(&d.loop), 0);
	assert_int_equal(fg_control_start(&d, &d.control), FG_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fg_control_stop(d.control);
	uv_run(&d.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&d.loop), 0);
	return 0;
}

static int connect_client(const char *request)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	return fd;
}

/* Runs the loop until nothing happens for a while. */
static void settle(void)
{
	for (unsigned quiet = 0, last = pieces, i = 0; quiet < 20 && i < TURNS_MAX; i++) {
		uv_run(&d.loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
		quiet = pieces == last ? quiet + 1 : 0;
		last = pieces;
	}
}

/* That it lets go of the request shows in the leak check of the sanitizer build. */
static void test_history_for_nobody(void **state)
{
	int fd = connect_client("history\tquay/c00\t0\t99\n");

	(void)state;
	for (int i = 0; i < TURNS_MAX && pieces < 2; i++)
		settle(); /* a pool thread of a busy machine takes its time */
	settle();
	assert_in_range(pieces, 2, 50); /* it waits for the client */
	close(fd);
	settle();
}

/* A client that goes on talking is not answered twice. */
static void test_talkative(void **state)
{
	int fd = connect_client("history\tquay/c00\t0\t99\n");
	char noise[4096], *answer = malloc(8u << 20);
	unsigned before;
	size_t len = 0;

	(void)state;
	memset(noise, 'x', sizeof(noise));
	settle();
	assert_true(write(fd, noise, sizeof(noise)) > 0);
	settle();
	before = pieces;
	for (int i = 0; i < TURNS_MAX && pieces < before + 4; i++) {
		ssize_t n = read(fd, answer + len, (8u << 20) - 1 - len);

		if (n > 0)
			len += (size_t)n;
		settle();
	}
	answer[len] = '\0';
	assert_true(pieces >= before + 4);
	assert_null(strstr(answer, "\"error\""));
	free(answer);
	close(fd);
	settle();
}

static void test_too_long(void **state)
{
	char noise[FG_CLIENT_LINE], answer[256];
	ssize_t n;
	int fd;

	(void)state;
	memset(noise, 'x', sizeof(noise) - 1);
	noise[sizeof(noise) - 1] = '\0';
	fd = connect_client(noise);
	settle();
	n = read(fd, answer, sizeof(answer) - 1);
	assert_true(n > 0);
	answer[n] = '\0';
	assert_string_equal(answer, "{\"error\":\"request too long\",\"exit\":64}\n");
	close(fd);
	settle();
}

static void ask(const char *request, char *answer, size_t size)
{
	int fd = connect_client(request);
	ssize_t n = -1;

	for (int i = 0; i < TURNS_MAX && n < 0; i++) {
		settle();
		n = read(fd, answer, size - 1);
	}
	assert_true(n > 0);
	answer[n] = '\0';
	close(fd);
	settle();
}

static void test_backfill(void **state)
{
	const struct fg_destination known[] = {{.name = "town"}, {.name = "lab"}};
	char answer[512];

	(void)state;
	config.destinations = known;
	config.destination_count = 2;
	d.stopped = true; /* no core to run */
	queued = -1;
	ask("backfill\ttown\t1000\t2000\n", answer, sizeof(answer));
	assert_string_equal(answer, "{\"destination\":\"town\",\"queued\":20}\n{\"end\":true}\n");
	assert_true(asked.from == 1000 && asked.to == 2000);
	ask("backfill\ttwon\t1000\t2000\n", answer, sizeof(answer));
	assert_non_null(strstr(answer, "no destination 'twon'; there is 'town', 'lab'"));
	ask("backfill\ttown\t2000\t1000\n", answer, sizeof(answer));
	assert_non_null(strstr(answer, "the period ends before it begins"));
	queued = -1;
	period_status = -EIO;
	ask("backfill\ttown\t1000\t2000\n", answer, sizeof(answer));
	assert_non_null(strstr(answer, "the store cannot be read"));
	assert_int_equal(queued, -1);
	config.destination_count = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_history_for_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_talkative, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_backfill, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
