/* SPDX-License-Identifier: EUPL-1.2 */
/* Every way in which an answer can be wrong, over every transport: the reading says so, nothing of
 * it becomes another request's answer, and the link is usable right after. The peer is a thread;
 * register A holds 100 + A. */
#include <arpa/inet.h>
#include <fcntl.h>
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
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/status.h"
#include "drivers/modbus_common.h"
#include "drivers/modbus_frame.h"

#define MS	   INT64_C(1000)
#define TIMEOUT_US (500 * MS)
/* Between the time-out and the end of the time in which a late answer is waited for. */
#define LATE_MS 750
/* For what is answered at once. */
#define SOON_US (5000 * MS)
/* FG_TEST_SLOWNESS: how many times as long all takes where the processor is emulated. */
#define OTHER	7 /* a register that is asked for in the same form */

/* ---- what can be wrong ---- */

enum wrong {
	RIGHT,
	DAMAGED,    /* the checksum; over Modbus TCP the protocol identifier */
	SHORT,	    /* a byte of the value is missing, everything else fits that */
	LONG,	    /* a register more than was asked for */
	COUNT_LIES, /* two bytes of data, four announced */
	NO_DATA,
	HALF,	  /* the frame's end never comes */
	UNIT,	  /* another unit's */
	FUNCTION, /* input registers instead of holding */
	LONG_REFUSAL,
	NOISE,
	TRANSACTION, /* of a request that was never sent */
	TWICE,
	SILENT,
	LATE,
	SLOW,  /* a byte now and then, without end */
	FLOOD, /* other units' answers without end */
};

#define RTU 1u
#define TCP 2u
#define ALL (RTU | TCP)

static const struct fault {
	enum wrong wrong;
	const char *name;
	unsigned on;
	enum fg_reason reason, tcp_reason;
} faults[] = {
	{RIGHT, "right", ALL, FG_REASON_NONE, FG_REASON_NONE},
	{DAMAGED, "damaged", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{SHORT, "short", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{LONG, "long", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{COUNT_LIES, "count lies", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{NO_DATA, "no data", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{HALF, "half", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{UNIT, "another unit", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{FUNCTION, "another function", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{LONG_REFUSAL, "long refusal", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{NOISE, "noise", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{TRANSACTION, "another transaction", TCP, FG_REASON_NONE, FG_REASON_FRAME},
	{TWICE, "twice", ALL, FG_REASON_NONE, FG_REASON_NONE},
	{SILENT, "silent", ALL, FG_REASON_NO_RESPONSE, FG_REASON_NO_RESPONSE},
	{LATE, "late", ALL, FG_REASON_NO_RESPONSE, FG_REASON_NO_RESPONSE},
	{SLOW, "slow", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
	{FLOOD, "flood", ALL, FG_REASON_FRAME, FG_REASON_FRAME},
};

/* ---- the peer ---- */

struct peer {
	bool tcp;	  /* frames of Modbus TCP */
	int listener, fd; /* listener: -1 on a line */
	enum wrong wrong; /* of the first answer */
	unsigned requests;
	int64_t answered_us; /* last */
	int64_t least_us;    /* the shortest time from an answer to the next request */
	atomic_int stop;
	pthread_t thread;
};

struct frame {
	uint8_t bytes[FG_FRAME_MAX];
	size_t len;
};

static int slowness(void)
{
	const char *text = getenv("FG_TEST_SLOWNESS");
	long n = text ? strtol(text, NULL, 10) : 1;

	return n > 1 && n < 100 ? (int)n : 1;
}

static struct frame frame_of(
	const struct peer *p, const uint8_t *head, uint8_t unit, const uint8_t *pdu, size_t len)
{
	struct frame f = {.len = 0};

	if (p->tcp) {
		memcpy(f.bytes, head, 4);
		f.bytes[5] = (uint8_t)(len + 1);
		f.bytes[6] = unit;
		memcpy(f.bytes + 7, pdu, len);
		f.len = 7 + len;
	} else {
		f.len = fg_frame_build(unit, pdu, len, f.bytes);
	}
	return f;
}

static void put(const struct peer *p, const uint8_t *bytes, size_t len)
{
	if (send(p->fd, bytes, len, MSG_NOSIGNAL) < 0 && write(p->fd, bytes, len) < 0)
		return; /* the driver has hung up */
}

static bool wait_ms(const struct peer *p, int ms)
{
	int64_t end_us = fg_clock_mono_us() + ms * MS;

	while (fg_clock_mono_us() < end_us && !p->stop)
		poll(NULL, 0, 10);
	return !p->stop;
}

/* Until the driver asks again. */
static bool is_asked(const struct peer *p)
{
	struct pollfd fds[2] = {
		{.fd = p->fd, .events = POLLIN}, {.fd = p->listener, .events = POLLIN}};

	return poll(fds, 2, 0) > 0;
}

static void answer_for_ever(
	const struct peer *p, const uint8_t *head, const uint8_t *pdu, const struct frame *right)
{
	struct frame other = frame_of(p, head, 2, pdu, 4);

	for (size_t i = 0; !is_asked(p) && wait_ms(p, 20 * slowness()); i++) {
		if (p->wrong == FLOOD)
			put(p, other.bytes, other.len);
		else if (i % 4 == 0 && i / 4 < right->len)
			put(p, right->bytes + i / 4, 1);
	}
}

static void answer_wrong(const struct peer *p, const uint8_t *head, const uint8_t *pdu)
{
	static const uint8_t noise[] = {0x55, 0xAA, 0x13, 0x37, 0x00, 0x91, 0xFE, 0x10, 0x42};
	const uint8_t more[8] = {pdu[0], 2, pdu[2], pdu[3], 9, 9};
	struct frame right = frame_of(p, head, 1, pdu, 4), f = right;
	uint8_t changed[8], wild[4] = {head[0], (uint8_t)(head[1] + 100), 0, 0};

	memcpy(changed, more, sizeof(changed));
	switch (p->wrong) {
	case DAMAGED:
		f.bytes[p->tcp ? 2 : f.len - 1] ^= 0x10;
		break;
	case SHORT:
		changed[1] = 1;
		f = frame_of(p, head, 1, changed, 3);
		break;
	case LONG:
		changed[1] = 4;
		f = frame_of(p, head, 1, changed, 6);
		break;
	case COUNT_LIES:
		changed[1] = 4;
		f = frame_of(p, head, 1, changed, 4);
		break;
	case NO_DATA:
		changed[1] = 0;
		f = frame_of(p, head, 1, changed, 2);
		break;
	case HALF:
		f.len -= 2;
		break;
	case UNIT:
		f = frame_of(p, head, 2, pdu, 4);
		break;
	case FUNCTION:
		changed[0] = 4;
		f = frame_of(p, head, 1, changed, 4);
		break;
	case LONG_REFUSAL:
		changed[0] |= 0x80;
		f = frame_of(p, head, 1, changed, 3);
		break;
	case NOISE:
		memcpy(f.bytes, noise, sizeof(noise));
		f.len = sizeof(noise);
		break;
	case TRANSACTION:
		f = frame_of(p, wild, 1, pdu, 4);
		break;
	case TWICE:
		put(p, f.bytes, f.len);
		break;
	case LATE:
		wait_ms(p, LATE_MS * slowness());
		break;
	case SILENT:
		f.len = 0;
		break;
	case SLOW:
	case FLOOD:
		answer_for_ever(p, head, pdu, &right);
		return;
	case RIGHT:
		break;
	}
	put(p, f.bytes, f.len);
}

static void answer(struct peer *p, const uint8_t *request)
{
	const uint8_t *ask = p->tcp ? request + 7 : request + 1;
	const uint8_t pdu[4] = {ask[0], 2, 0, (uint8_t)(100 + ask[2])};
	int64_t since_us = fg_clock_mono_us() - p->answered_us;
	struct frame f;

	p->least_us = p->requests ? FG_MIN(p->least_us, since_us) : INT64_MAX;
	p->answered_us = fg_clock_mono_us(); /* not later than the driver hears it */
	if (p->requests++ == 0) {
		answer_wrong(p, request, pdu);
		return;
	}
	f = frame_of(p, request, 1, pdu, 4);
	put(p, f.bytes, f.len);
}

static void take_connection(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = accept(p->listener, NULL, NULL);
}

static void *serve(void *arg)
{
	struct peer *p = arg;
	uint8_t request[12];
	size_t have = 0;

	while (!p->stop) {
		struct pollfd fds[2] = {
			{.fd = p->fd, .events = POLLIN}, {.fd = p->listener, .events = POLLIN}};
		ssize_t n;

		if (poll(fds, 2, 20) <= 0)
			continue;
		if (fds[1].revents) {
			take_connection(p);
			have = 0;
			continue;
		}
		n = read(p->fd, request + have, (p->tcp ? 12 : 8) - have);
		if (n <= 0 && p->listener >= 0) { /* hung up */
			close(p->fd);
			p->fd = -1;
		}
		have = n > 0 ? have + (size_t)n : 0;
		if (have < (p->tcp ? 12 : 8))
			continue;
		have = 0;
		answer(p, request);
	}
	return NULL;
}

/* ---- the gateway's side ---- */

struct rig {
	struct fg_arena *arena;
	const struct fg_driver *driver;
	struct fg_link link;
	struct fg_modbus_device device_conf;
	struct fg_device device;
	struct asked {
		struct fg_modbus_point conf;
		struct fg_point point;
		const struct fg_point *pointer;
		struct fg_group group;
	} asked[2]; /* register 0, register OTHER */
	struct fg_link_state ls;
	struct peer peer;
	int slave; /* keeps a line from hanging up */
};

static void open_line(struct rig *r, char *text, size_t size)
{
	struct termios raw;
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
	r->slave = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(r->slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(r->slave, TCSANOW, &raw), 0);
	snprintf(text, size, "{device: %s, baud: 115200}", ptsname(fd));
	r->peer.fd = fd;
	r->peer.listener = -1;
}

static void open_listener(struct rig *r, char *text, size_t size)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(text, size, "{host: 127.0.0.1, port: %d}", ntohs(addr.sin_port));
	r->peer.listener = fd;
	r->peer.fd = r->slave = -1;
}

static void plan(struct rig *r, struct asked *a, uint16_t address)
{
	a->conf.span = (struct fg_span){.table = FG_TABLE_HOLDING, .address = address, .width = 1};
	a->conf.read = a->conf.span;
	a->conf.spec.type = FG_REG_U16;
	a->point =
		(struct fg_point){.name = "p", .scale = 1, .device = &r->device, .conf = &a->conf};
	a->pointer = &a->point;
	a->group = (struct fg_group){.device = &r->device, .points = &a->pointer, .count = 1};
	assert_int_equal(r->driver->plan(&a->group, r->arena), 0);
}

static void rig_init(struct rig *r, const char *driver, enum wrong wrong)
{
	struct fg_report *rep = fg_report_new();
	struct fg_bind b = {.rep = rep};
	struct fg_node *node;
	char text[128];
	void *conf;

	memset(r, 0, sizeof(*r));
	r->arena = b.arena = fg_arena_new();
	r->driver = fg_driver_find(driver);
	r->peer.tcp = strcmp(driver, "modbus-tcp") == 0;
	r->peer.wrong = wrong;
	if (strcmp(driver, "modbus-rtu") == 0)
		open_line(r, text, sizeof(text));
	else
		open_listener(r, text, sizeof(text));
	conf = fg_arena_alloc(r->arena, r->driver->link_size);
	assert_int_equal(fg_yaml_load_text(r->arena, text, strlen(text), "t", rep, &node), 0);
	assert_int_equal(
		fg_bind_struct(&b, node, r->driver->link_keys, NULL, conf, "", node->at), 0);
	r->link = (struct fg_link){.name = "link", .driver = r->driver, .conf = conf};
	r->device_conf = (struct fg_modbus_device){.unit_id = 1, .max_registers = 125};
	r->device = (struct fg_device){
		.name = "dev", .link = &r->link, .conf = &r->device_conf};
	r->device.timeout_us = TIMEOUT_US * slowness();
	plan(r, &r->asked[0], 0);
	plan(r, &r->asked[1], OTHER);
	r->ls = (struct fg_link_state){
		.link = &r->link, .state = fg_arena_alloc(r->arena, r->driver->state_size)};
	assert_int_equal(pthread_create(&r->peer.thread, NULL, serve, &r->peer), 0);
	assert_int_equal(r->driver->open(&r->ls), FG_OK);
	fg_report_free(rep);
}

static void rig_fini(struct rig *r)
{
	r->peer.stop = 1;
	pthread_join(r->peer.thread, NULL);
	r->driver->close(&r->ls);
	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? r->slave : i == 1 ? r->peer.fd : r->peer.listener;

		if (fd >= 0)
			close(fd);
	}
	fg_arena_free(r->arena);
}

/* One attempt. The link holds. */
static struct fg_reading ask(struct rig *r, const struct asked *a)
{
	struct fg_reading reading;
	struct fg_batch batch = {.readings = &reading, .cap = 1};
	struct fg_job job = {.link = &r->ls,
		.group = &a->group,
		.deadline_mono_us = fg_clock_mono_us() + 20 * 1000 * MS * slowness(),
		.attempts = 1,
		.batch = &batch};

	assert_int_equal(r->driver->poll(&job), FG_OK);
	assert_int_equal(batch.count, 1);
	assert_int_equal(job.requests, 1);
	return reading;
}

static void try_fault(const char *driver, const struct fault *f)
{
	bool tcp = strcmp(driver, "modbus-tcp") == 0;
	enum fg_reason want = tcp ? f->tcp_reason : f->reason;
	struct fg_reading first, other, again;
	struct rig r;

	rig_init(&r, driver, f->wrong);
	if (want == FG_REASON_NONE)
		r.device.timeout_us = SOON_US * slowness();
	first = ask(&r, &r.asked[0]);
	r.device.timeout_us = SOON_US * slowness();
	other = ask(&r, &r.asked[1]);
	again = ask(&r, &r.asked[0]);
	if (first.reason != want || (want == FG_REASON_NONE && first.value.i != 100))
		fail_msg(
			"%s, %s: reason %d, not %d", driver, f->name, (int)first.reason, (int)want);
	assert_int_equal(first.qc, want == FG_REASON_NONE ? FG_QC_NOT_EVALUATED : FG_QC_MISSING);
	if (other.reason != FG_REASON_NONE || other.value.i != 100 + OTHER)
		fail_msg("%s, %s: the next request has reason %d, value %lld", driver, f->name,
			(int)other.reason, (long long)other.value.i);
	if (again.reason != FG_REASON_NONE || again.value.i != 100)
		fail_msg("%s, %s: the one after has reason %d, value %lld", driver, f->name,
			(int)again.reason, (long long)again.value.i);
	rig_fini(&r);
}

static void try_all(const char *driver, unsigned kind)
{
	for (size_t i = 0; i < FG_COUNT(faults); i++)
		if (faults[i].on & kind)
			try_fault(driver, &faults[i]);
}

static void test_serial_line(void **state)
{
	(void)state;
	try_all("modbus-rtu", RTU);
}

static void test_tcp(void **state)
{
	(void)state;
	try_all("modbus-tcp", TCP);
}

static void test_rtu_over_tcp(void **state)
{
	(void)state;
	try_all("modbus-rtu-tcp", RTU);
}

/* The silence that a device asks for goes before each request to it. */
static void test_request_gap(void **state)
{
	static const char *const drivers[] = {"modbus-rtu", "modbus-tcp", "modbus-rtu-tcp"};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(drivers); i++) {
		struct rig r;

		rig_init(&r, drivers[i], RIGHT);
		r.device_conf.cycle.request_gap_us = 120 * MS;
		r.device.timeout_us = SOON_US * slowness();
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(ask(&r, &r.asked[k % 2]).reason, FG_REASON_NONE);
		rig_fini(&r);
		assert_int_equal(r.peer.requests, 3);
		assert_true(r.peer.least_us >= 120 * MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serial_line),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_rtu_over_tcp),
		cmocka_unit_test(test_request_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
