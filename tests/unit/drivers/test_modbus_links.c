/* SPDX-License-Identifier: EUPL-1.2 */
/* Time and links: what misbehaving peers may cost. What comes over the wire is tested in
 * tests/replay. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/modbus_common.h"

#define MS   INT64_C(1000)
#define SOON (5000 * MS)
#define MANY 40 /* attempts; together they take twice as long as SOON */

struct rig {
	struct fg_arena *arena;
	const struct fg_driver *driver;
	struct fg_link link;
	struct fg_modbus_device device_conf;
	struct fg_device device;
	struct fg_modbus_point point_conf;
	struct fg_point point;
	const struct fg_point *pointers[1];
	struct fg_group group;
	struct fg_reading reading;
	struct fg_batch batch;
	struct fg_link_state ls;
	struct fg_job job;
};

static void rig_init(struct rig *r, const char *driver, const char *link_text)
{
	struct fg_report *rep = fg_report_new();
	struct fg_bind b = {.rep = rep};
	struct fg_node *node;
	void *conf;

	memset(r, 0, sizeof(*r));
	r->arena = b.arena = fg_arena_new();
	r->driver = fg_driver_find(driver);
	conf = fg_arena_alloc(r->arena, r->driver->link_size);
	assert_int_equal(
		fg_yaml_load_text(r->arena, link_text, strlen(link_text), "t", rep, &node), 0);
	assert_int_equal(
		fg_bind_struct(&b, node, r->driver->link_keys, NULL, conf, "", node->at), 0);
	r->link = (struct fg_link){.name = "link", .driver = r->driver, .conf = conf};
	r->device_conf = (struct fg_modbus_device){.unit_id = 1, .max_registers = 125};
	r->device = (struct fg_device){
		.name = "dev", .link = &r->link, .timeout_us = 300 * MS, .conf = &r->device_conf};
	r->point_conf.span = (struct fg_span){.table = FG_TABLE_HOLDING, .width = 1};
	r->point_conf.read = r->point_conf.span;
	r->point_conf.spec.type = FG_REG_U16;
	r->point = (struct fg_point){
		.name = "p", .scale = 1, .device = &r->device, .conf = &r->point_conf};
	r->pointers[0] = &r->point;
	r->group = (struct fg_group){.device = &r->device, .points = r->pointers, .count = 1};
	assert_int_equal(r->driver->plan(&r->group, r->arena), 0);
	r->ls = (struct fg_link_state){
		.link = &r->link, .state = fg_arena_alloc(r->arena, r->driver->state_size)};
	fg_report_free(rep);
}

static void rig_fini(struct rig *r)
{
	r->driver->close(&r->ls);
	fg_arena_free(r->arena);
}

/* Polls once; returns how long it took. */
static int64_t run(struct rig *r, unsigned attempts, int64_t deadline_us, int *ret_status)
{
	int64_t start = fg_clock_mono_us();

	r->batch = (struct fg_batch){.readings = &r->reading, .cap = 1};
	r->job = (struct fg_job){
		.link = &r->ls,
		.group = &r->group,
		.deadline_mono_us = start + deadline_us,
		.attempts = attempts,
		.batch = &r->batch,
	};
	*ret_status = r->driver->poll(&r->job);
	assert_int_equal(r->batch.count, 1);
	return fg_clock_mono_us() - start;
}

static int listener(int *ret_port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

/* One byte of a frame each 100 ms; a whole foreign frame each 20 ms. */
enum manner { MUTE, SLOW, FLOOD };

struct server {
	int fd;
	enum manner manner;
	atomic_int stop;
};

static void *serve(void *arg)
{
	static const uint8_t frame[] = {0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7};
	static const uint8_t foreign[] = {0x77, 7, 0, 0, 0, 5, 1, 3, 2, 0, 7};
	struct server *s = arg;
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	int c = -1;

	for (size_t at = 0; !s->stop; at++) {
		if (poll(&p, 1, s->manner == FLOOD ? 20 : 100) > 0) {
			if (c >= 0)
				close(c);
			c = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		}
		if (c >= 0 && s->manner == SLOW)
			send(c, frame + at % sizeof(frame), 1, MSG_NOSIGNAL);
		if (c >= 0 && s->manner == FLOOD)
			send(c, foreign, sizeof(foreign), MSG_NOSIGNAL);
	}
	if (c >= 0)
		close(c);
	return NULL;
}

/* However a peer behaves, an attempt takes its timeout at most and a poll ends by its deadline.
 * What else could end it takes twice as long as SOON, which is for a busy machine. */
static void test_tcp_time(void **state)
{
	static const struct {
		enum manner manner;
		unsigned attempts;
		int64_t deadline, least;
		enum fg_reason reason;
	} cases[] = {
		{MUTE, 1, 2 * SOON, 290 * MS, FG_REASON_NO_RESPONSE},
		{MUTE, 3, 2 * SOON, 890 * MS, FG_REASON_NO_RESPONSE},
		{MUTE, MANY, 500 * MS, 490 * MS, FG_REASON_NO_RESPONSE},
		{MUTE, MANY, 0, 0, FG_REASON_NO_RESPONSE},
		{SLOW, 1, 2 * SOON, 290 * MS, FG_REASON_FRAME},
		{SLOW, 3, 2 * SOON, 800 * MS, FG_REASON_FRAME},
		{FLOOD, 1, 2 * SOON, 290 * MS, FG_REASON_FRAME},
		{FLOOD, MANY, 200 * MS, 190 * MS, FG_REASON_FRAME},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct server server = {.manner = cases[i].manner};
		pthread_t thread;
		struct rig r;
		char text[60];
		int port, status;
		int64_t took;

		server.fd = listener(&port);
		pthread_create(&thread, NULL, serve, &server);
		snprintf(text, sizeof(text), "{host: localhost, port: %d}", port);
		rig_init(&r, "modbus-tcp", text);
		assert_int_equal(r.driver->open(&r.ls), 0);
		took = run(&r, cases[i].attempts, cases[i].deadline, &status);
		assert_int_equal(status, 0);
		assert_int_equal(r.reading.qc, FG_QC_MISSING);
		assert_int_equal(r.reading.reason, cases[i].reason);
		if (took < cases[i].least || took > SOON)
			fail_msg("case %zu took %lld us", i, (long long)took);
		rig_fini(&r);
		server.stop = 1;
		pthread_join(thread, NULL);
		close(server.fd);
	}
}

static void test_tcp_down(void **state)
{
	struct rig r;
	char text[60];
	int port, status, fd = listener(&port);

	(void)state;
	close(fd);
	snprintf(text, sizeof(text), "{host: 127.0.0.1, port: %d}", port);
	rig_init(&r, "modbus-tcp", text);
	assert_int_equal(r.driver->open(&r.ls), -ECONNREFUSED);
	assert_true(run(&r, MANY, 2 * SOON, &status) < SOON);
	assert_int_equal(status, -ECONNREFUSED);
	assert_int_equal(r.reading.reason, FG_REASON_LINK_DOWN);
	assert_int_equal(r.job.requests, 0);
	r.driver->close(&r.ls);
	rig_fini(&r);
	rig_init(&r, "modbus-tcp", "{host: nowhere.invalid}");
	assert_true(r.driver->open(&r.ls) < 0);
	rig_fini(&r);
}

/* A descriptor that does not fit into an fd_set must not end the process. */
/* The name two.test has two addresses; all else is looked up as ever. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	bool two = host && strcmp(host, "two.test") == 0;
	int r;

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	r = real(two ? "127.0.0.1" : host, service, hints, ret);
	return r || !two ? r : real("127.0.0.2", service, hints, &(*ret)->ai_next);
}

/* Fills a listener's queue: Linux swallows what comes then. */
static void crowd(int fd, int ret_clients[3])
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	for (int i = 0; i < 3; i++) {
		ret_clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(ret_clients[i], (struct sockaddr *)&addr, len);
	}
}

/* A host that swallows packets is a link that is down, not a device that is silent; and where a
 * name has another address, that one gets its turn. */
static void test_tcp_swallowed(void **state)
{
	struct rig r;
	char text[60];
	struct sockaddr_in other = {.sin_family = AF_INET};
	int port, status, clients[3], fd = listener(&port);
	int second = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	crowd(fd, clients);
	snprintf(text, sizeof(text), "{host: 127.0.0.1, port: %d}", port);
	rig_init(&r, "modbus-tcp", text);
	run(&r, 3, 400 * MS, &status);
	assert_true(status < 0);
	assert_int_equal(r.reading.reason, FG_REASON_LINK_DOWN);
	assert_non_null(strstr(r.ls.why, "timed out"));
	rig_fini(&r);

	other.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	other.sin_port = htons((uint16_t)port);
	assert_int_equal(bind(second, (struct sockaddr *)&other, sizeof(other)), 0);
	assert_int_equal(listen(second, 8), 0);
	snprintf(text, sizeof(text), "{host: two.test, port: %d}", port);
	rig_init(&r, "modbus-tcp", text);
	assert_int_equal(r.driver->open(&r.ls), 0);
	rig_fini(&r);
	for (int i = 0; i < 3; i++)
		close(clients[i]);
	close(second);
	close(fd);
}

static void test_many_descriptors(void **state)
{
	struct rlimit old, more;
	struct rig r;
	char text[60];
	int *fds, port, fd = listener(&port);
	size_t n = 0;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &old);
	more = old;
	more.rlim_cur = FG_MIN(more.rlim_max, (rlim_t)1200);
	fds = malloc(1200 * sizeof(*fds));
	assert_non_null(fds);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
	do
		fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fds[n] >= 0 && fds[n] < 1050 && ++n < 1199);
	snprintf(text, sizeof(text), "{host: 127.0.0.1, port: %d}", port);
	rig_init(&r, "modbus-tcp", text);
	assert_int_equal(r.driver->open(&r.ls), -EMFILE);
	while (n > 0)
		close(fds[--n]);
	assert_int_equal(r.driver->open(&r.ls), 0);
	rig_fini(&r);
	setrlimit(RLIMIT_NOFILE, &old);
	free(fds);
	close(fd);
}

static int open_pty(char *name, size_t size)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(grantpt(fd), 0);
	assert_int_equal(unlockpt(fd), 0);
	assert_int_equal(ptsname_r(fd, name, size), 0);
	return fd;
}

static void test_rtu_unplugged(void **state)
{
	struct rig r;
	char tty[64], text[120];
	int status, fd = open_pty(tty, sizeof(tty));
	int64_t took;

	(void)state;
	snprintf(text, sizeof(text), "{device: %s, baud: 115200}", tty);
	rig_init(&r, "modbus-rtu", text);
	assert_int_equal(r.driver->open(&r.ls), 0);
	took = run(&r, 2, 2 * SOON, &status);
	assert_int_equal(status, 0);
	assert_int_equal(r.reading.reason, FG_REASON_NO_RESPONSE);
	assert_in_range(took, 590 * MS, SOON);
	took = run(&r, MANY, 400 * MS, &status); /* the deadline comes first */
	assert_in_range(took, 390 * MS, SOON);
	close(fd); /* the adapter is pulled out */
	took = run(&r, MANY, 2 * SOON, &status);
	assert_true(status < 0);
	assert_int_equal(r.reading.reason, FG_REASON_LINK_DOWN);
	assert_true(took < SOON);
	r.driver->close(&r.ls);
	assert_true(r.driver->open(&r.ls) < 0);
	assert_true(run(&r, 1, 5000 * MS, &status) >= 0);
	assert_true(status < 0);
	rig_fini(&r);
	rig_init(&r, "modbus-rtu", "{device: /dev/nothing-here}");
	assert_int_equal(r.driver->open(&r.ls), -ENOENT);
	rig_fini(&r);
}

static void test_rtu_rs485(void **state)
{
	struct rig r;
	char tty[64], text[120];
	int fd = open_pty(tty, sizeof(tty));

	(void)state;
	snprintf(text, sizeof(text), "{device: %s, rs485: true}", tty);
	rig_init(&r, "modbus-rtu", text);
	assert_int_equal(r.driver->open(&r.ls), -ENOTTY); /* a pty has no direction to drive */
	rig_fini(&r);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_time),
		cmocka_unit_test(test_tcp_down),
		cmocka_unit_test(test_tcp_swallowed),
		cmocka_unit_test(test_many_descriptors),
		cmocka_unit_test(test_rtu_unplugged),
		cmocka_unit_test(test_rtu_rs485),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
