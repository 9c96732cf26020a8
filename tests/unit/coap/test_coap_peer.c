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
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER	    "/usr/bin/coap-server-openssl"
#define PATIENCE_US 30000000 /* a server on a busy machine takes seconds to begin */

/* certs: a folder with server.crt, server.key and ca.crt; then clients need certificates as well.
 */
static pid_t spawn_secured(uint16_t port, const char *certs)
{
	char text[8], cert[100], key[100], ca[100];
	pid_t pid;

	snprintf(text, sizeof(text), "%u", port);
	snprintf(cert, sizeof(cert), "%s/server.crt", certs);
	snprintf(key, sizeof(key), "%s/server.key", certs);
	snprintf(ca, sizeof(ca), "%s/ca.crt", certs);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 1);
		dup2(null, 2);
		if (*certs)
			execl(SERVER, SERVER, "-A", "127.0.0.1", "-p", text, "-c", cert, "-j", key,
				"-C", ca, "-v", "0", (char *)NULL);
		execl(SERVER, SERVER, "-A", "127.0.0.1", "-p", text, "-k", "secret", "-v", "0",
			(char *)NULL);
		_exit(127);
	}
	return pid;
}

static pid_t spawn_server(uint16_t port)
{
	return spawn_secured(port, "");
}

static void end_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool can_be_bound(uint16_t port)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool can = true;

	for (size_t i = 0; i < FG_COUNT(types); i++) {
		int fd = socket(AF_INET, types[i] | SOCK_CLOEXEC, 0);

		can = can && bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
		close(fd);
	}
	return can;
}

/* No other test has it until this one ends; lib/wait.py of the system tests does the same. */
static bool reserve(uint16_t port)
{
	static int fd = -1;
	const char *folder = getenv("TMPDIR");
	struct flock one = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = port, .l_len = 1};
	char path[200];

	snprintf(path, sizeof(path), "%s/fjordgate-test-ports-%u", folder ? folder : "/tmp",
		(unsigned)getuid());
	if (fd < 0)
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fcntl(fd, F_SETLK, &one) == 0;
}

/* For UDP and TCP, below the ports that the kernel hands out by itself: of those another test may
 * have one by the time the server binds it. DTLS and TLS are served one port above. */
static uint16_t two_ports(void)
{
	for (;;) {
		uint16_t port = 0;

		assert_int_equal(getrandom(&port, sizeof(port), 0), sizeof(port));
		port = (uint16_t)(12000 + port % 18000);
		if (can_be_bound(port) && can_be_bound((uint16_t)(port + 1)) && reserve(port) &&
			reserve((uint16_t)(port + 1)))
			return port;
	}
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
	int64_t end = fg_clock_mono_us() + PATIENCE_US;

	while (fg_clock_mono_us() < end) {
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

/* coap+tcp, and coaps+tcp with a key: an own connection that is kept, and made anew when it is
 * gone. */
static void test_tcp(void **state)
{
	for (int secure = 0; secure <= 1; secure++) {
		uint16_t port = two_ports();
		pid_t pid = spawn_server(port);
		struct coap_session_t *session;
		char keys[32];
		struct bench b;

		(void)state;
		write_keys(keys, "gateway:736563726574\n");
		bench_open(&b, "127.0.0.1", (uint16_t)(port + secure), secure ? keys : NULL,
			time_path);
		b.link_conf.tcp = true;
		b.device.timeout_us = 500000;
		poll_until_answer(&b);
		assert_int_equal(b.readings[1].detail, 0x84);
		session = ((struct fg_coap_endpoint *)b.ls.state)->session;
		start(&b, 3000000, 1);
		wait_done(&b);
		assert_int_equal(b.readings[0].qc, FG_QC_NOT_EVALUATED);
		assert_ptr_equal(((struct fg_coap_endpoint *)b.ls.state)->session, session);
		end_server(pid);
		start(&b, 2000000, 1);
		wait_done(&b);
		assert_int_equal(b.readings[0].qc, FG_QC_MISSING);
		pid = spawn_server(port);
		poll_until_answer(&b);
		end_server(pid);
		bench_close(&b);
		unlink(keys);
	}
}

/* Over TLS the name of the server goes out once the connection stands, long after the session was
 * made. */
static void test_tls_server_name(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
	int64_t end = fg_clock_mono_us() + 10000000;
	socklen_t len = sizeof(a);
	uint8_t hello[2000];
	ssize_t n = -1;
	char keys[32];
	struct bench b;

	(void)state;
	assert_int_equal(bind(listening, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listening, 4), 0);
	getsockname(listening, (struct sockaddr *)&a, &len);
	write_keys(keys, "gateway:736563726574\n");
	bench_open(&b, "localhost", ntohs(a.sin_port), keys, time_path);
	b.link_conf.tcp = true;
	b.server = listening;
	b.done = 1;
	while (n <= 0 && fg_clock_mono_us() < end) {
		if (b.done) /* again, where the name is of other addresses, too */
			start(&b, 2000000, 1);
		if (turn(&b, 20) && fd < 0)
			fd = accept(listening, NULL, NULL);
		n = fd < 0 ? -1 : recv(fd, hello, sizeof(hello), MSG_DONTWAIT);
	}
	assert_true(n > 0);
	assert_non_null(memmem(hello, (size_t)n, "localhost", 9));
	close(fd);
	bench_close(&b);
	unlink(keys);
}

#define OPENSSL "/usr/bin/openssl"

/* An authority, a server "pond.example" at 127.0.0.1 and a gateway, in a new folder. */
static bool make_certificates(char folder[40], const char *days)
{
	char command[1500];

	snprintf(folder, 40, "/tmp/fg-certs-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof(command),
		"cd %s && exec 2>/dev/null && ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256' && "
		"openssl req -x509 $ec -nodes -days 30 -subj /CN=Authority -keyout ca.key -out "
		"ca.crt && openssl req -x509 $ec -nodes -days 30 -subj /CN=Other -keyout other.key "
		"-out other.crt && for who in server gateway; do openssl req $ec -nodes -subj "
		"/CN=$who -keyout $who.key -out $who.csr && echo "
		"'subjectAltName=DNS:first.example,DNS:pond.example,IP:127.0.0.1' >ext && openssl "
		"x509 -req -in $who.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days %s "
		"-extfile ext -out $who.crt || exit 1; done",
		folder, days);
	return system(command) == 0;
}

static void remove_certificates(const char *folder)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static struct pki {
	char ca[60], cert[60], key[60];
} pki;

static void open_pki(struct bench *b, uint16_t port, const char *folder, const char *ca)
{
	bench_open(b, "127.0.0.1", port, "", time_path);
	snprintf(pki.ca, sizeof(pki.ca), "%s/%s.crt", folder, ca);
	snprintf(pki.cert, sizeof(pki.cert), "%s/gateway.crt", folder);
	snprintf(pki.key, sizeof(pki.key), "%s/gateway.key", folder);
	b->link_conf.psk_file = b->link_conf.psk_identity = NULL;
	b->link_conf.ca_file = pki.ca;
	b->link_conf.cert_file = pki.cert;
	b->link_conf.key_file = pki.key;
	b->device.timeout_us = 2000000;
}

/* What the driver last knew of why a handshake failed. */
static void expect_refusal(struct bench *b, enum fg_coap_trouble_kind kind)
{
	struct fg_coap_trouble *told;

	start(b, 8000000, 1);
	wait_done(b);
	assert_int_equal(b->readings[0].qc, FG_QC_MISSING);
	told = ((struct fg_coap_host *)b->host.state)->troubles;
	assert_non_null(told);
	if (told->kind != FG_COAP_NO_TRUST)
		assert_int_equal(told->kind, kind);
}

static void test_certificates(void **state)
{
	char folder[40];

	(void)state;
	assert_true(make_certificates(folder, "30"));
	for (int tcp = 0; tcp <= 1; tcp++) {
		uint16_t port = two_ports();
		pid_t pid = spawn_secured(port, folder);
		struct bench b;

		open_pki(&b, (uint16_t)(port + 1), folder, "ca"); /* by its address */
		b.link_conf.tcp = tcp;
		poll_until_answer(&b);
		bench_close(&b);
		open_pki(&b, (uint16_t)(port + 1), folder, "ca");
		b.link_conf.tcp = tcp;
		b.link_conf.server_name = "pond.example"; /* the second name of it */
		poll_until_answer(&b);
		bench_close(&b);
		open_pki(&b, (uint16_t)(port + 1), folder, "ca");
		b.link_conf.tcp = tcp;
		b.link_conf.server_name = "lake.example";
		expect_refusal(&b, FG_COAP_NO_TRUST);
		bench_close(&b);
		open_pki(&b, (uint16_t)(port + 1), folder, "other");
		b.link_conf.tcp = tcp; /* over TCP libcoap may forget why before it tells */
		expect_refusal(&b, tcp ? FG_COAP_NO_HANDSHAKE : FG_COAP_NO_TRUST);
		bench_close(&b);
		end_server(pid);
	}
	remove_certificates(folder);
}

static void test_expired(void **state)
{
	int64_t end = fg_clock_mono_us() + PATIENCE_US;
	uint16_t port = two_ports();
	char folder[40];
	struct bench b;
	pid_t pid;

	(void)state;
	assert_true(make_certificates(folder, "0"));
	pid = spawn_secured(port, folder);
	poll(NULL, 0, 1100); /* the certificate ends with the second in which it was made */
	open_pki(&b, (uint16_t)(port + 1), folder, "ca");
	while (fg_clock_mono_us() < end) { /* until the server is up */
		start(&b, 3000000, 1);
		wait_done(&b);
		assert_int_equal(b.readings[0].qc, FG_QC_MISSING);
		if (((struct fg_coap_host *)b.host.state)->troubles &&
			((struct fg_coap_host *)b.host.state)->troubles->kind == FG_COAP_NO_TRUST)
			break;
		poll(NULL, 0, 50);
	}
	expect_refusal(&b, FG_COAP_NO_TRUST);
	bench_close(&b);
	end_server(pid);
	remove_certificates(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_dtls),
		cmocka_unit_test(test_dtls_wrong_key),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tls_server_name),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_expired),
	};

	if (access(SERVER, X_OK) < 0) {
		puts("skipped: " SERVER " is not installed");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
