/* SPDX-License-Identifier: EUPL-1.2 */
/* What people change over the control socket is answered when it is on the disk, and not before; a
 * store that refuses, or takes too long, is told as that. The store's side is played here. */
#include "fake.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/control.h"

#define TURNS 20 /* of the loop, more than a request and its answer take */

static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s, points: {\n"
	"    ph: {table: input, address: 0, type: u16}}}\n";

#define ADD "calibration\tsonde\tph\tadd\tpolynomial=0,2\tdate=2026-09-01"

static struct fake f;
static struct fg_daemon d;
static char socket_path[64];
static struct fg_store_call *calls[80];
static size_t call_count;
static int call_status;
static uv_timer_cb bound;
static uv_timer_t *bound_timer;
static uint64_t bound_ms;

struct fg_store_sink *__wrap_fg_store_sink(struct fg_store *s);
int __wrap_fg_store_call(struct fg_store_sink *to, struct fg_store_call *call);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat);
void __wrap_fg_daemon_turn(struct fg_daemon *daemon);
struct fg_now __wrap_fg_clock_now(void);

struct fg_store_sink *__wrap_fg_store_sink(struct fg_store *s)
{
	(void)s;
	return NULL;
}

int __wrap_fg_store_call(struct fg_store_sink *to, struct fg_store_call *call)
{
	(void)to;
	if (call_status == FG_OK)
		calls[call_count++] = call;
	return call_status;
}

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat)
{
	assert_int_equal(repeat, 0);
	bound_timer = timer;
	bound = cb;
	bound_ms = ms;
	return 0;
}

void __wrap_fg_daemon_turn(struct fg_daemon *daemon)
{
	fg_core_run(daemon->core, f.now);
}

struct fg_now __wrap_fg_clock_now(void)
{
	return f.now;
}

static int begin(void **state)
{
	(void)state;
	fg_log_set_level((enum fg_log_level)0);
	fake_init(&f, yaml);
	snprintf(socket_path, sizeof(socket_path), "%s/ctl", f.dir);
	f.config->control.socket = socket_path;
	d = (struct fg_daemon){.config = f.config, .core = f.core};
	call_count = 0;
	call_status = FG_OK;
	bound = NULL;
	assert_int_equal(uv_loop_init(&d.loop), 0);
	assert_int_equal(fg_control_start(&d, &d.control), FG_OK);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fg_control_stop(d.control);
	uv_run(&d.loop, UV_RUN_DEFAULT);
	fg_stored_free(&d);
	assert_int_equal(uv_loop_close(&d.loop), 0);
	f.config->control.socket = NULL;
	fake_fini(&f);
	return 0;
}

static void turns(void)
{
	for (int i = 0; i < TURNS; i++)
		uv_run(&d.loop, UV_RUN_NOWAIT);
}

static int ask(const char *request)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	assert_int_equal(write(fd, "\n", 1), 1);
	turns();
	return fd;
}

static void expect_nothing(int fd)
{
	char byte;

	turns();
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

/* The answer has the text, and the connection ends. */
static void expect(int fd, const char *text)
{
	char answer[8192];
	ssize_t n, len = 0;

	turns();
	while ((n = read(fd, answer + len, sizeof(answer) - 1 - (size_t)len)) > 0)
		len += n;
	assert_int_equal(n, 0);
	answer[len] = '\0';
	if (!strstr(answer, text))
		fail_msg("no '%s' in '%s'", text, answer);
	close(fd);
}

static void tell(enum fg_store_event_type type, const char *text)
{
	struct fg_store_event event = {.type = type};

	snprintf(event.text, sizeof(event.text), "%s", text);
	fg_daemon_store_event(&d, &event);
}

/* The store has come to the n-th call: what was given to it before is durable. */
static void durable(size_t n)
{
	struct fg_store_event event = {.type = FG_STORE_CALLED, .call = calls[n]};

	assert_true(n < call_count);
	event.call->result = event.call->run(NULL, event.call->arg);
	fg_daemon_store_event(&d, &event);
}

static unsigned notes_of(const char *kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < FAKE_NOTES_MAX; i++)
		n += f.notes[i].bytes && strcmp(f.notes[i].kind, kind) == 0;
	return n;
}

static void answered_when_durable(const char *request, const char *kind, const char *text)
{
	const size_t before = call_count;
	int fd = ask(request);

	assert_int_equal(notes_of(kind) > 0, true); /* handed over before the call */
	assert_int_equal(call_count, before + 1);
	expect_nothing(fd);
	durable(before);
	expect(fd, text);
}

static void test_answered_when_durable(void **state)
{
	int fd;

	(void)state;
	answered_when_durable(ADD, "calibration", "\"polynomial\":[0,2]}],\"warnings\":[");
	fd = ask("calibration\tsonde\tph"); /* a list waits for nothing */
	expect(fd, "\"date\":\"2026-09-01T00:00:00.000Z\",\"source\":\"added\"");
	assert_int_equal(call_count, 1);
	fd = ask("calibration\tsonde\tph\tremove\t2026-09-01");
	expect_nothing(fd);
	durable(1);
	expect(fd, "\"calibration\":[]}\n{\"end\":true}\n");
	answered_when_durable("maintenance\tsonde\ton\t0\t0", "maintenance",
		"{\"device\":\"sonde\",\"until_ms\":0}\n{\"end\":true}\n");
	answered_when_durable("notice\tadd\tfault\t0\t0\t\t\t\t", "notice",
		"{\"id\":260921001}\n{\"end\":true}\n");
}

/* What is refused before anything is changed waits for nothing. */
static void test_faults_are_told_at_once(void **state)
{
	(void)state;
	expect(ask("calibration\tsonde\tph\tadd\tpolynomial=1,0"), "\"exit\":64}");
	expect(ask("calibration\tsonde\tph\tremove\t2026-09-01"), "\"exit\":64}");
	assert_int_equal(call_count, 0);
}

#define NOT_YET(why)                                                                               \
	"{\"error\":\"done, but not on the disk yet: " why "; the gateway stores it when it can, " \
	"and forgets it if it ends before\",\"exit\":75}\n"

static void test_the_disk_refuses(void **state)
{
	int fd = ask(ADD);

	(void)state;
	expect_nothing(fd);
	tell(FG_STORE_FAILED, "cannot write: disk I/O error");
	expect(fd, NOT_YET("cannot write: disk I/O error"));
	fd = ask("maintenance\tsonde\ton\t0\t0"); /* known already: no wait */
	expect(fd, NOT_YET("cannot write: disk I/O error"));
	assert_int_equal(call_count, 1);
	tell(FG_STORE_RECOVERED, "");
	durable(0); /* nobody waits for it any more */
	assert_null(d.stored_answers);
	fd = ask("maintenance\tsonde\toff");
	expect_nothing(fd);
	durable(1);
	expect(fd, "{\"device\":\"sonde\",\"ended\":1}\n{\"end\":true}\n");
}

static void test_it_takes_too_long(void **state)
{
	int fd = ask(ADD);

	(void)state;
	expect_nothing(fd);
	assert_int_equal(bound_ms, 10000);
	bound(bound_timer);
	expect(fd, NOT_YET("that takes longer than 10 s"));
	durable(0);
	turns();
	assert_null(d.stored_answers);
}

/* A note is refused before the commit of its group, and so before the call, is told. */
static void test_no_room_for_notes(void **state)
{
	int fd = ask(ADD);

	(void)state;
	tell(FG_STORE_NOTE_REFUSED, "calibration sonde/ph");
	expect(fd, "{\"error\":\"done, but not on the disk: the store has no room for more notes; "
		   "the gateway forgets it when it ends\",\"exit\":75}\n");
	durable(0);
}

static void test_the_store_is_behind(void **state)
{
	int fd;

	(void)state;
	f.ledger_full = true; /* it takes no note */
	expect(ask(ADD), NOT_YET("the store is too far behind"));
	assert_int_equal(call_count, 0);
	f.ledger_full = false;
	fake_turn(&f, 60 * SEC);
	assert_int_equal(notes_of("calibration"), 1); /* later */
	call_status = FG_EFULL;
	expect(ask("maintenance\tsonde\ton\t0\t0"), NOT_YET("the store is too far behind"));
	call_status = FG_OK;
	fd = ask("maintenance\tsonde\toff");
	durable(0);
	expect(fd, "\"ended\":1}");
}

/* However many give up while the store hangs. */
static void test_those_that_wait_have_a_bound(void **state)
{
	(void)state;
	for (size_t i = 0; i < 64; i++) {
		int fd = ask(i % 2 ? "maintenance\tsonde\toff" : "maintenance\tsonde\ton\t0\t0");

		assert_int_equal(call_count, i + 1);
		bound(bound_timer);
		expect(fd, NOT_YET("that takes longer than 10 s"));
	}
	expect(ask(ADD), NOT_YET("the store is too far behind"));
	assert_int_equal(call_count, 64);
	for (size_t i = 0; i < 64; i++)
		durable(i);
	assert_null(d.stored_answers);
}

/* A client that has gone, and one that waits when the daemon ends; that nothing is left of them
 * shows in the sanitizer build. */
static void test_nobody_waits(void **state)
{
	int fd = ask(ADD);

	(void)state;
	close(fd);
	turns();
	durable(0);
	turns();
	assert_null(d.stored_answers);
	fd = ask("maintenance\tsonde\ton\t0\t0");
	expect_nothing(fd);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answered_when_durable),
		TEST(test_faults_are_told_at_once),
		TEST(test_the_disk_refuses),
		TEST(test_it_takes_too_long),
		TEST(test_no_room_for_notes),
		TEST(test_the_store_is_behind),
		TEST(test_those_that_wait_have_a_bound),
		TEST(test_nobody_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
