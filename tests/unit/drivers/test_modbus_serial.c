/* SPDX-License-Identifier: EUPL-1.2 */
/* Serial ports that are taken, gone, hung or cannot do what is asked, on a pty pair through the
 * real driver. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/modbus_line.h"
#include "drivers/modbus_serial.h"

#define MS INT64_C(1000)

/* A port under a stable name, and a link on it with one device. */
struct rig {
	char folder[64], path[80], tty[64];
	int master, slave;
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
};

static void plug_in(struct rig *r)
{
	struct termios tio;

	r->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(r->master >= 0);
	assert_int_equal(grantpt(r->master) | unlockpt(r->master), 0);
	assert_int_equal(ptsname_r(r->master, r->tty, sizeof(r->tty)), 0);
	r->slave = open(r->tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(r->slave, &tio), 0);
	cfmakeraw(&tio);
	tcsetattr(r->slave, TCSANOW, &tio);
	unlink(r->path);
	assert_int_equal(symlink(r->tty, r->path), 0);
}

static void unplug(struct rig *r)
{
	close(r->slave);
	close(r->master);
	unlink(r->path);
}

static void rig_init(struct rig *r, const char *more)
{
	struct fg_report *rep = fg_report_new();
	struct fg_bind b = {.rep = rep};
	struct fg_node *node;
	char text[200];
	void *conf;

	memset(r, 0, sizeof(*r));
	snprintf(r->folder, sizeof(r->folder), "/tmp/fg-serial-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->path, sizeof(r->path), "%s/port", r->folder);
	plug_in(r);
	r->arena = b.arena = fg_arena_new();
	r->driver = fg_driver_find("modbus-rtu");
	conf = fg_arena_alloc(r->arena, r->driver->link_size);
	snprintf(text, sizeof(text), "{device: %s, baud: 115200%s}", r->path, more);
	assert_int_equal(fg_yaml_load_text(r->arena, text, strlen(text), "t", rep, &node), 0);
	assert_int_equal(
		fg_bind_struct(&b, node, r->driver->link_keys, NULL, conf, "", node->at), 0);
	fg_report_free(rep);
	r->link = (struct fg_link){.name = "link", .driver = r->driver, .conf = conf};
	r->device_conf = (struct fg_modbus_device){.unit_id = 1, .max_registers = 125};
	r->device = (struct fg_device){
		.name = "dev", .link = &r->link, .timeout_us = 100 * MS, .conf = &r->device_conf};
	r->point_conf.span = (struct fg_span){.table = FG_TABLE_HOLDING, .address = 0, .width = 1};
	r->point_conf.read = r->point_conf.span;
	r->point_conf.spec.type = FG_REG_U16;
	r->point = (struct fg_point){
		.name = "p", .scale = 1, .device = &r->device, .conf = &r->point_conf};
	r->pointers[0] = &r->point;
	r->group = (struct fg_group){.device = &r->device, .points = r->pointers, .count = 1};
	assert_int_equal(r->driver->plan(&r->group, r->arena), 0);
	r->ls = (struct fg_link_state){
		.link = &r->link, .state = fg_arena_alloc(r->arena, r->driver->state_size)};
}

static void rig_fini(struct rig *r)
{
	r->driver->close(&r->ls);
	unplug(r);
	rmdir(r->folder);
	fg_arena_free(r->arena);
}

static int poll_once(struct rig *r)
{
	struct fg_job job = {
		.link = &r->ls,
		.group = &r->group,
		.deadline_mono_us = fg_clock_mono_us() + 20000 * MS,
		.attempts = 1,
		.batch = &r->batch,
	};
	int status;

	r->batch = (struct fg_batch){.readings = &r->reading, .cap = 1};
	status = r->driver->poll(&job);
	assert_int_equal(r->batch.count, 1);
	return status;
}

/* The device: answers one request with 7. */
static void *answer_once(void *arg)
{
	static const uint8_t pdu[] = {3, 2, 0, 7};
	struct rig *r = arg;
	uint8_t request[8], adu[FG_FRAME_MAX];
	size_t have = 0, len = fg_frame_build(1, pdu, sizeof(pdu), adu);

	while (have < sizeof(request)) {
		ssize_t n = read(r->master, request + have, sizeof(request) - have);

		if (n <= 0)
			return NULL;
		have += (size_t)n;
	}
	if (write(r->master, adu, len) != (ssize_t)len)
		return NULL;
	return r;
}

static void check_answers(struct rig *r)
{
	pthread_t thread;
	void *good;

	assert_int_equal(pthread_create(&thread, NULL, answer_once, r), 0);
	assert_int_equal(poll_once(r), FG_OK);
	pthread_join(thread, &good);
	assert_non_null(good);
	assert_int_equal(r->reading.value.i, 7);
}

/* Another program has locked the port: it is named, and its settings are left alone. */
static void test_port_in_use(void **state)
{
	struct termios before, after;
	struct rig r;
	int ready[2];
	char byte, pid_text[32];
	pid_t pid;

	(void)state;
	rig_init(&r, "");
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(r.path, O_RDWR | O_NOCTTY);

		if (flock(fd, LOCK_EX) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	tcgetattr(r.slave, &before);
	assert_int_equal(r.driver->open(&r.ls), -EBUSY);
	tcgetattr(r.slave, &after);
	assert_int_equal(cfgetospeed(&before), cfgetospeed(&after));
	assert_non_null(strstr(r.ls.why, "is in use by process"));
	snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	assert_non_null(strstr(r.ls.why, pid_text));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(r.driver->open(&r.ls), FG_OK);
	check_answers(&r);
	close(ready[0]);
	close(ready[1]);
	rig_fini(&r);
}

/* Ours is locked against others, and free again when it is closed. */
static void test_port_is_locked(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_init(&r, "");
	assert_int_equal(r.driver->open(&r.ls), FG_OK);
	fd = open(r.tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) { /* TIOCEXCL does not hold for root */
		assert_true(geteuid() == 0);
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	} else {
		assert_int_equal(errno, EBUSY);
	}
	r.driver->close(&r.ls);
	if (fd < 0)
		fd = open(r.tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	rig_fini(&r);
}

static void test_words(void **state)
{
	struct rig r;
	char why[160];

	(void)state;
	fg_serial_explain(-EACCES, "/dev/ttyUSB0", why, sizeof(why));
	assert_non_null(strstr(why, "no permission to open /dev/ttyUSB0"));
	assert_non_null(strstr(why, "dialout"));
	fg_serial_explain(-EPERM, "/dev/ttySC0", why, sizeof(why)); /* a service's devices */
	assert_non_null(strstr(why, "no permission to open /dev/ttySC0: DeviceAllow="));
	rig_init(&r, "");
	unlink(r.path);
	assert_int_equal(r.driver->open(&r.ls), -ENOENT);
	assert_non_null(strstr(r.ls.why, r.path));
	rig_fini(&r);
}

/* A pty has neither RTS nor a transceiver. */
static void test_rs485(void **state)
{
	static const struct {
		const char *key, *said;
	} cases[] = {
		{", rs485: true", "the kernel cannot switch the direction"},
		{", rs485: kernel, rts_delay: 2ms", "the kernel cannot switch the direction"},
		{", rs485: rts", "has no RTS line"},
		{", rs485: rts-inverted", "has no RTS line"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct rig r;

		rig_init(&r, cases[i].key);
		assert_int_equal(r.driver->open(&r.ls), -ENOTTY);
		assert_non_null(strstr(r.ls.why, cases[i].said));
		rig_fini(&r);
	}
}

/* Unplugged, and plugged in again as another port with the same stable name. */
static void test_unplugged(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "");
	assert_int_equal(r.driver->open(&r.ls), FG_OK);
	check_answers(&r);
	unplug(&r);
	assert_true(poll_once(&r) < 0);
	assert_int_equal(r.reading.reason, FG_REASON_LINK_DOWN);
	assert_non_null(strstr(r.ls.why, r.path));
	r.driver->close(&r.ls);
	assert_int_equal(r.driver->open(&r.ls), -ENOENT);
	plug_in(&r);
	assert_int_equal(r.driver->open(&r.ls), FG_OK);
	check_answers(&r);
	rig_fini(&r);
}

/* The old port tells nothing, but its name leads to another one now. */
static void test_renumbered(void **state)
{
	struct rig r;
	int old_master, old_slave;

	(void)state;
	rig_init(&r, "");
	assert_int_equal(r.driver->open(&r.ls), FG_OK);
	assert_int_equal(poll_once(&r), FG_OK); /* a device that is silent is no such thing */
	assert_int_equal(r.reading.reason, FG_REASON_NO_RESPONSE);
	old_master = r.master;
	old_slave = r.slave;
	plug_in(&r);
	assert_int_equal(poll_once(&r), -ENODEV);
	assert_non_null(strstr(r.ls.why, "unplugged?"));
	r.driver->close(&r.ls);
	assert_int_equal(r.driver->open(&r.ls), FG_OK);
	check_answers(&r);
	close(old_slave);
	close(old_master);
	rig_fini(&r);
}

/* A port that takes no bytes any more: the poll ends, and so does closing. */
static void test_hung(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "");
	assert_int_equal(r.driver->open(&r.ls), FG_OK);
	assert_int_equal(tcflow(r.slave, TCOOFF), 0);
	assert_true(poll_once(&r) < 0);
	assert_int_equal(r.reading.reason, FG_REASON_LINK_DOWN);
	r.driver->close(&r.ls);
	assert_int_equal(tcflow(r.slave, TCOON), 0);
	assert_int_equal(r.driver->open(&r.ls), FG_OK);
	check_answers(&r);
	rig_fini(&r);
}

/* ---- direction ---- */

static char order[4];
static size_t steps;
static int peer_fd;

static int note_direction(struct fg_line *l, bool send)
{
	uint8_t bytes[FG_FRAME_MAX];

	assert_true(steps + 1 < sizeof(order));
	order[steps++] = send ? 's' : 'r';
	if (!send) /* when all that is to be sent has been sent */
		assert_int_equal(recv(peer_fd, bytes, sizeof(bytes), MSG_DONTWAIT), l->query.len);
	else
		assert_int_equal(recv(peer_fd, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	return FG_OK;
}

static void test_direction(void **state)
{
	static const uint8_t pdu[] = {3, 0, 0, 0, 1};
	const struct fg_modbus_query q = {.unit = 1, .pdu = pdu, .len = sizeof(pdu), .answer = 4};
	struct fg_device dev = {.name = "dev"};
	struct fg_group group = {.device = &dev};
	struct fg_link link = {.name = "link"};
	struct fg_link_state ls = {.link = &link};
	struct fg_job job = {.link = &ls, .group = &group, .deadline_mono_us = INT64_MAX};
	static struct fg_line l;
	struct fg_modbus_reply reply;
	int fds[2];
	int64_t sent_us;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	peer_fd = fds[1];
	l = (struct fg_line){.baud = 9600, .char_bits = 10, .direction = note_direction};
	fg_line_reset(&l, fds[0]);
	sent_us = fg_clock_mono_us();
	assert_int_equal(fg_line_exchange(&job, &l, &q, sent_us + 20 * MS, &reply), FG_ETIMEOUT);
	assert_string_equal(order, "sr");
	/* the frame's time on the wire, then the time for the answer */
	assert_true(fg_clock_mono_us() - sent_us >= 8334 + 20 * MS);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_in_use),
		cmocka_unit_test(test_port_is_locked),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_rs485),
		cmocka_unit_test(test_unplugged),
		cmocka_unit_test(test_renumbered),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_direction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
