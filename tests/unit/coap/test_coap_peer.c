/* SPDX-License-Identifier: EUPL-1.2 */
/* The coap driver against libcoap's own example server, plain and with DTLS; skipped where that
 * program is not installed. */
#include "bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER "/usr/bin/coap-server-openssl"

static pid_t spawn_server(uint16_t port)
{
	char text[8];
	pid_t pid;

	snprintf(text, sizeof(text), "%u", port);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 1);
		dup2(null, 2);
		execl(SERVER, SERVER, "-A", "127.0.0.1", "-p", text, "-k", "secret", "-v", "0",
			(char *)NULL);
		_exit(127);
	}
	return pid;
}

static void end_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* DTLS is served one port above. */
static uint16_t two_ports(void)
{
	uint16_t port;

	close(udp_server(&port));
	return port;
}

static void write_keys(char path[32], const char *lines)
{
	int fd;

	snprintf(path, 32, "/tmp/fg-psk-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
	close(fd);
}

/* Polls until the server is up and answers. */
static void poll_until_answer(struct bench *b)
{
	for (int i = 0; i < 30; i++) {
		start(b, 3000000, 1);
		wait_done(b);
		if (b->readings[0].qc == FG_QC_NOT_EVALUATED)
			return;
		poll(NULL, 0, 50); /* a refused connection fails at once */
	}
	fail_msg("no answer: %s", b->explained);
}

/* "/" answers a text with line breaks, "/time" the time as text. */
static const char *const time_path[] = {"/time", NULL, "/absent", NULL, NULL};

static void test_plain(void **state)
{
	uint16_t port = two_ports();
	pid_t pid = spawn_server(port);
	struct bench b;

	(void)state;
	bench_open(&b, "127.0.0.1", port, NULL, time_path);
	b.device.timeout_us = 300000;
	poll_until_answer(&b);
	assert_int_equal(b.readings[0].value.kind, FG_KIND_TEXT);
	assert_int_equal(b.readings[1].reason, FG_REASON_COAP);
	assert_int_equal(b.readings[1].detail, 0x84);
	end_server(pid);
	start(&b, 3000000, 1);
	wait_done(&b);
	assert_int_equal(b.readings[0].qc, FG_QC_MISSING);
	pid = spawn_server(port); /* it comes back, and so do the readings */
	poll_until_answer(&b);
	end_server(pid);
	bench_close(&b);
}

static void test_dtls(void **state)
{
	uint16_t port = two_ports();
	pid_t pid = spawn_server(port);
	char keys[32];
	struct coap_session_t *session;
	struct bench b;

	(void)state;
	write_keys(keys, "# of the pond\nother:00\ngateway:736563726574\r\n");
	bench_open(&b, "127.0.0.1", (uint16_t)(port + 1), keys, time_path);
	b.device.timeout_us = 500000;
	poll_until_answer(&b);
	assert_int_equal(b.readings[1].detail, 0x84);
	session = ((struct fg_coap_endpoint *)b.ls.state)->session;
	start(&b, 3000000, 1);
	wait_done(&b);
	assert_int_equal(b.readings[0].qc, FG_QC_NOT_EVALUATED);
	assert_ptr_equal(((struct fg_coap_endpoint *)b.ls.state)->session, session); /* kept */
	end_server(pid);
	start(&b, 2000000, 1);
	wait_done(&b);
	assert_int_equal(b.readings[0].qc, FG_QC_MISSING);
	pid = spawn_server(port); /* it has forgotten the handshake; a new one is made */
	poll_until_answer(&b);
	end_server(pid);
	bench_close(&b);
	unlink(keys);
}

static void test_dtls_wrong_key(void **state)
{
	uint16_t port = two_ports();
	pid_t pid = spawn_server(port);
	char keys[32];
	struct bench b;

	(void)state;
	write_keys(keys, "gateway:0badc0de\n");
	bench_open(&b, "127.0.0.1", (uint16_t)(port + 1), keys, time_path);
	start(&b, 1500000, 1);
	wait_done(&b);
	assert_int_equal(b.readings[0].qc, FG_QC_MISSING);
	assert_int_equal(b.job.answers, 0);
	bench_close(&b);
	unlink(keys);

	write_keys(keys, "somebody:736563726574\n"); /* no line for us: down at once */
	bench_open(&b, "127.0.0.1", (uint16_t)(port + 1), keys, time_path);
	assert_true(start(&b, 1500000, 1) < 0);
	assert_int_equal(b.batch.count, 2);
	assert_int_equal(b.readings[0].reason, FG_REASON_LINK_DOWN);
	assert_int_equal(b.done, 1); /* by poll(), and not once more */
	bench_close(&b);
	unlink(keys);
	end_server(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_dtls),
		cmocka_unit_test(test_dtls_wrong_key),
	};

	if (access(SERVER, X_OK) < 0) {
		puts("skipped: " SERVER " is not installed");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
