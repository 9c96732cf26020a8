/* SPDX-License-Identifier: EUPL-1.2 */
/* A session against a broker of this file that takes everything and acknowledges nothing. */
#include "fake.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/session.h"

#define INFLIGHT    4
#define PATIENCE_MS 10000

static const char yaml_form[] = FAKE_HEAD
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:%d\"], prefix: town,\n"
	"  version: 3.1.1, inflight: %d, daily_budget: 100MiB}}\n" FAKE_LINK
	"devices: {d: {station: pier, domain: water, link: plc, unit_id: 1,\n"
	"  points: {ph: {table: input, address: 0, type: u16}}}}\n";

static struct fake f;
static _Atomic bool connected;
static _Atomic unsigned conflicts, offlines, losses;
static _Atomic uint64_t wire; /* bytes that were told */
static struct fg_session_event loss; /* the last, once it is counted */

static bool on_event(void *arg, const struct fg_session_event *event)
{
	(void)arg;
	if (event->type == FG_SESSION_CONNECTED)
		connected = true;
	if (event->type == FG_SESSION_LOST) {
		wire += event->wire;
		loss = *event;
		losses++;
	}
	conflicts += event->type == FG_SESSION_SEEN_CONFLICT;
	offlines += event->type == FG_SESSION_SEEN_OFFLINE;
	return true;
}

static int listen_on_loopback(int *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void read_all(int fd, unsigned char *mem, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (len) {
		ssize_t n;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		n = read(fd, mem, len);
		assert_true(n > 0);
		mem += n;
		len -= (size_t)n;
	}
}

/* The first byte of the next packet, which is short; 0 at the end of the connection. */
static unsigned char next_packet(int fd, unsigned char body[128])
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	unsigned char head[2];

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	if (read(fd, head, 1) <= 0)
		return 0;
	read_all(fd, head + 1, 1);
	assert_true(head[1] < 128);
	read_all(fd, body, head[1]);
	return head[0];
}

static int accept_client(int listener)
{
	static const unsigned char connack[] = {0x20, 2, 0, 0};
	struct pollfd p = {.fd = listener, .events = POLLIN};
	unsigned char body[128];
	int fd;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(next_packet(fd, body), 0x10);
	assert_int_equal(write(fd, connack, sizeof(connack)), sizeof(connack));
	assert_int_equal(next_packet(fd, body), 0x82);
	for (int i = 0; !connected && i < PATIENCE_MS / 10; i++)
		poll(NULL, 0, 10);
	assert_true(connected);
	return fd;
}

/* At the end no more goes out than may be in flight, and a ring without room for another command
 * does not keep the thread from ending. */
static void test_stop_while_the_wire_is_full(void **state)
{
	struct fg_session_conf conf = {.status_topic = "s", .will = "{}",
		.session = "ours", .event = on_event};
	const struct fg_message m = {.topic = "t", .payload = "1", .len = 1};
	struct fg_session *s = NULL;
	int port, listener = listen_on_loopback(&port), fd;
	char yaml[600];
	unsigned char body[128], type;
	unsigned publishes = 0;
	int r = FG_OK;

	(void)state;
	snprintf(yaml, sizeof(yaml), yaml_form, port, INFLIGHT);
	fake_init(&f, yaml);
	conf.config = f.config;
	conf.dest = &f.config->destinations[0];
	assert_int_equal(fg_session_start(&conf, &s), FG_OK);
	fg_session_connect(s, 0, 1);
	fd = accept_client(listener);
	for (int i = 0; i < 1000000 && r == FG_OK; i++)
		r = fg_session_publish(s, &m, 1);
	assert_int_equal(r, FG_EFULL);
	for (; publishes < INFLIGHT; publishes++)
		assert_int_equal(next_packet(fd, body) & 0xF0, 0x30);
	fg_session_ask_stop(s, true);
	assert_true(fg_session_join(s, PATIENCE_MS * INT64_C(1000)));
	while ((type = next_packet(fd, body)) != 0 && type != 0xE0)
		publishes += (type & 0xF0) == 0x30;
	assert_int_equal(type, 0xE0); /* the goodbye */
	assert_int_equal(publishes, INFLIGHT);
	close(fd);
	close(listener);
	fake_fini(&f);
}

/* What the broker sends of our own status. */
static void tell_status(int fd, bool retained, const char *payload)
{
	unsigned char packet[128] = {retained ? 0x31 : 0x30, (unsigned char)(3 + strlen(payload)),
		0, 1, 's'};
	size_t len = 5 + strlen(payload);

	memcpy(packet + 5, payload, strlen(payload));
	assert_int_equal(write(fd, packet, len), len);
}

/* A status of another session, while we are online, is another gateway's; what the broker kept from
 * before is not, nor is our own or a will. */
static void test_conflict(void **state)
{
	struct fg_session_conf conf = {.status_topic = "s", .will = "{}",
		.session = "ours", .event = on_event};
	struct fg_session *s = NULL;
	int port, listener = listen_on_loopback(&port), fd;
	char yaml[600];

	(void)state;
	connected = false;
	snprintf(yaml, sizeof(yaml), yaml_form, port, INFLIGHT);
	fake_init(&f, yaml);
	conf.config = f.config;
	conf.dest = &f.config->destinations[0];
	assert_int_equal(fg_session_start(&conf, &s), FG_OK);
	fg_session_connect(s, 0, 1);
	fd = accept_client(listener);
	tell_status(fd, true, "{\"state\":\"online\",\"session\":\"before\"}");
	tell_status(fd, false, "{\"state\":\"online\",\"session\":\"ours\"}");
	tell_status(fd, false, "{\"state\":\"offline\"}");
	for (int i = 0; !offlines && i < PATIENCE_MS / 10; i++)
		poll(NULL, 0, 10);
	assert_int_equal(offlines, 1);
	assert_int_equal(conflicts, 0);
	tell_status(fd, false, "{\"state\":\"online\",\"session\":\"ours2\"}");
	for (int i = 0; !conflicts && i < PATIENCE_MS / 10; i++)
		poll(NULL, 0, 10);
	assert_int_equal(conflicts, 1);
	/* kept, but it has replaced ours */
	tell_status(fd, true, "{\"state\":\"online\",\"session\":\"before\"}");
	for (int i = 0; conflicts < 2 && i < PATIENCE_MS / 10; i++)
		poll(NULL, 0, 10);
	assert_int_equal(conflicts, 2);
	fg_session_ask_stop(s, true);
	assert_true(fg_session_join(s, PATIENCE_MS * INT64_C(1000)));
	close(fd);
	close(listener);
	fake_fini(&f);
}

static void await_loss(void)
{
	for (int i = 0; !losses && i < 6 * PATIENCE_MS / 10; i++)
		poll(NULL, 0, 10);
	assert_int_equal(losses, 1);
}

/* Bytes are told though nothing was acknowledged and the broker resets the connection. */
static void test_a_lost_connection_has_its_price(void **state)
{
	struct fg_session_conf conf = {.status_topic = "s", .will = "{}",
		.session = "ours", .event = on_event};
	const struct linger at_once = {.l_onoff = 1};
	static char payload[8000];
	const struct fg_message m = {
		.topic = "t", .payload = payload, .len = sizeof(payload)};
	struct fg_session *s = NULL;
	int port, listener = listen_on_loopback(&port), fd;
	unsigned char bytes[sizeof(payload)];
	char yaml[600];

	(void)state;
	connected = false;
	losses = 0;
	wire = 0;
	snprintf(yaml, sizeof(yaml), yaml_form, port, INFLIGHT);
	fake_init(&f, yaml);
	conf.config = f.config;
	conf.dest = &f.config->destinations[0];
	assert_int_equal(fg_session_start(&conf, &s), FG_OK);
	fg_session_connect(s, 0, 1);
	fd = accept_client(listener);
	assert_int_equal(fg_session_publish(s, &m, 1), FG_OK);
	read_all(fd, bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	await_loss();
	assert_true(wire > sizeof(payload));
	fg_session_ask_stop(s, true);
	assert_true(fg_session_join(s, PATIENCE_MS * INT64_C(1000)));
	close(listener);
	fake_fini(&f);
}

/* One that sends without end before it has taken the connection has no more of our memory. */
static void test_a_flood_before_the_greeting(void **state)
{
	struct fg_session_conf conf = {.status_topic = "s", .will = "{}",
		.session = "ours", .event = on_event};
	static const unsigned char endless[] = {0x30, 0xFF, 0xFF, 0xFF, 0x7F};
	static const char much[64 << 10];
	struct fg_session *s = NULL;
	int port, listener = listen_on_loopback(&port), fd;
	unsigned char body[128];
	struct pollfd p = {.fd = listener, .events = POLLIN};
	char yaml[600];

	(void)state;
	losses = 0;
	snprintf(yaml, sizeof(yaml), yaml_form, port, INFLIGHT);
	fake_init(&f, yaml);
	conf.config = f.config;
	conf.dest = &f.config->destinations[0];
	assert_int_equal(fg_session_start(&conf, &s), FG_OK);
	fg_session_connect(s, 0, 1);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(next_packet(fd, body), 0x10);
	assert_int_equal(write(fd, endless, sizeof(endless)), sizeof(endless));
	for (int i = 0; i < 64 && !losses; i++)
		if (send(fd, much, sizeof(much), MSG_NOSIGNAL) < 0)
			break;
	await_loss();
	assert_true(loss.refused);
	assert_non_null(strstr(loss.text, "far more than was asked"));
	fg_session_ask_stop(s, true);
	assert_true(fg_session_join(s, PATIENCE_MS * INT64_C(1000)));
	close(fd);
	close(listener);
	fake_fini(&f);
}

/* A second greeting with a narrower limit than what is in flight. */
static void test_greeted_twice(void **state)
{
	static const unsigned char greeting[] = {0x20, 3, 0, 0, 0},
				   narrower[] = {0x20, 6, 0, 0, 3, 0x21, 0, 2};
	struct fg_session_conf conf = {.status_topic = "s", .will = "{}",
		.session = "ours", .event = on_event};
	const struct fg_message m = {.topic = "t", .payload = "1", .len = 1};
	struct fg_session *s = NULL;
	int port, listener = listen_on_loopback(&port), fd;
	unsigned char body[128];
	struct pollfd p = {.fd = listener, .events = POLLIN};
	char yaml[600], *version;

	(void)state;
	losses = 0;
	snprintf(yaml, sizeof(yaml), yaml_form, port, INFLIGHT);
	version = strstr(yaml, "3.1.1");
	memcpy(version, "5    ", 5);
	fake_init(&f, yaml);
	conf.config = f.config;
	conf.dest = &f.config->destinations[0];
	assert_int_equal(fg_session_start(&conf, &s), FG_OK);
	fg_session_connect(s, 0, 1);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(next_packet(fd, body), 0x10);
	assert_int_equal(write(fd, greeting, sizeof(greeting)), sizeof(greeting));
	assert_int_equal(next_packet(fd, body), 0x82);
	for (int i = 0; i < 4 * INFLIGHT; i++)
		assert_int_equal(fg_session_publish(s, &m, 1), FG_OK);
	for (int i = 0; i < INFLIGHT; i++)
		assert_int_equal(next_packet(fd, body) & 0xF0, 0x30);
	assert_int_equal(write(fd, narrower, sizeof(narrower)), sizeof(narrower));
	assert_int_equal(next_packet(fd, body), 0);
	await_loss();
	assert_true(loss.refused);
	fg_session_ask_stop(s, true);
	assert_true(fg_session_join(s, PATIENCE_MS * INT64_C(1000)));
	close(fd);
	close(listener);
	fake_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_while_the_wire_is_full),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_a_lost_connection_has_its_price),
		cmocka_unit_test(test_a_flood_before_the_greeting),
		cmocka_unit_test(test_greeted_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
