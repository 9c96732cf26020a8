/* SPDX-License-Identifier: EUPL-1.2 */
/* Observe of the coap driver, against a server that says exactly what a case wants said. */
#include "bench.h"

#include <string.h>
#include <unistd.h>

#define CON 0
#define NON 1
#define ACK 2
#define RST 3

static const char *const one_path[] = {"/t", NULL, NULL};
static const char *const two_paths[] = {"/t", NULL, "/u", NULL, NULL};

static unsigned type_of(const struct request *req)
{
	return req->bytes[0] >> 4 & 3;
}

static unsigned mid_of(const struct request *req)
{
	return (unsigned)req->bytes[2] << 8 | req->bytes[3];
}

/* The value of Observe in a request for /t or /u; -1: it has none. */
static int observe_in(const struct request *req)
{
	const uint8_t *options = req->bytes + 4 + (req->bytes[0] & 15);

	if (*options == 0x60)
		return 0;
	return *options == 0x61 ? options[1] : -1;
}

/* An answer with Observe (seq) and Max-Age, and text. */
static size_t content(uint8_t *out, uint32_t seq, unsigned max_age, const char *text)
{
	size_t n = 0;

	out[n++] = 0x63; /* Observe, three bytes */
	out[n++] = (uint8_t)(seq >> 16);
	out[n++] = (uint8_t)(seq >> 8);
	out[n++] = (uint8_t)seq;
	out[n++] = 0x81; /* Max-Age */
	out[n++] = (uint8_t)max_age;
	out[n++] = 0xff;
	memcpy(out + n, text, strlen(text));
	return n + strlen(text);
}

static void open_observing(struct bench *b, const char *const *paths)
{
	open_with_server(b, paths);
	b->device_conf.observe = true;
	b->group.observed = true; /* as plan() sets it, where it is asked for in time */
}

static void answer_content(struct bench *b, const struct request *req, uint32_t seq,
	unsigned max_age, const char *text)
{
	uint8_t rest[64];

	answer(b, req, 0x45, rest, content(rest, seq, max_age, text));
}

/* Polls and is registered; ret_req: the GET. */
static void register_all(struct bench *b, struct request *ret_req, uint32_t seq, unsigned max_age)
{
	assert_int_equal(start(b, 5000000, 1), FG_PENDING);
	for (size_t i = 0; i < b->group.request_count; i++) {
		assert_true(wait_request(b, ret_req, SOON_US));
		assert_int_equal(observe_in(ret_req), 0);
		answer_content(b, ret_req, seq, max_age, "1");
	}
	wait_done(b);
	assert_true(b->job.observing);
}

/* A message to where the GET came from, with its token. */
static void send_to(struct bench *b, const struct request *get, unsigned type, unsigned code,
	unsigned mid, const void *rest, size_t len)
{
	uint8_t out[256] = {
		(uint8_t)(0x44 | type << 4), (uint8_t)code, (uint8_t)(mid >> 8), (uint8_t)mid};

	memcpy(out + 4, get->bytes + 4, 4);
	memcpy(out + 8, rest, len);
	sendto(b->server, out, 8 + len, 0, (const struct sockaddr *)&get->from, sizeof(get->from));
}

static void notify(struct bench *b, const struct request *get, unsigned type, unsigned mid,
	uint32_t seq, const char *text)
{
	uint8_t rest[64];

	send_to(b, get, type, 0x45, mid, rest, content(rest, seq, 60, text));
}

/* The next message of the driver; b->done is of a poll that is long over. */
static bool hear(struct bench *b, struct request *ret, int64_t within_us)
{
	b->done = 0;
	return wait_request(b, ret, within_us);
}

static double value_of(const struct bench *b, size_t i)
{
	return fg_value_number(&b->delivered[i]->batch.readings[0].value);
}

/* A confirmable notification is acknowledged when its reading is durable, not before. */
static void test_acknowledged_when_durable(void **state)
{
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	register_all(&b, &get, 5, 60);
	assert_true(fg_value_number(&b.readings[0].value) == 1);
	notify(&b, &get, CON, 700, 6, "19.4");
	assert_true(wait_delivery(&b, 1, 0));
	assert_true(value_of(&b, 0) == 19.4);
	assert_true(b.delivered[0]->kept);
	assert_ptr_equal(b.delivered[0]->device, &b.device);
	assert_false(hear(&b, &got, 100000));
	give_back(&b, 0, FG_OK);
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), ACK);
	assert_int_equal(mid_of(&got), 700);
	assert_int_equal(got.len, 4);

	notify(&b, &get, NON, 701, 7, "20");
	assert_true(wait_delivery(&b, 1, 0));
	assert_false(b.delivered[0]->kept);
	give_back(&b, 0, FG_OK);
	assert_false(hear(&b, &got, 100000));
	bench_close(&b);
}

/* What the store refuses is not acknowledged but reset, and the group is polled again. */
static void test_refused(void **state)
{
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	register_all(&b, &get, 5, 60);
	notify(&b, &get, CON, 700, 6, "2");
	assert_true(wait_delivery(&b, 1, 0));
	give_back(&b, 0, FG_EFULL);
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), RST);
	assert_true(wait_delivery(&b, 0, 1));

	register_all(&b, &get, 9, 60);
	b.full = true; /* not even handed over */
	notify(&b, &get, CON, 701, 10, "3");
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), RST);
	b.full = false;
	assert_true(wait_delivery(&b, 0, 2)); /* told when there is room */
	assert_int_equal(b.ls.counts[FG_COAP_COUNT_REFUSED], 2);
	bench_close(&b);
}

/* RFC 7641 3.4: what is older, or the same again, is no reading. */
static void test_late(void **state)
{
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	register_all(&b, &get, 0xfffffe, 60);
	notify(&b, &get, NON, 1, 0xffffff, "2");
	notify(&b, &get, NON, 2, 1, "3");	 /* over the end of 24 bits */
	notify(&b, &get, NON, 3, 0xffffff, "2"); /* came late */
	notify(&b, &get, NON, 4, 1, "3");
	notify(&b, &get, NON, 5, 2, "4");
	assert_true(wait_delivery(&b, 3, 0));
	assert_false(hear(&b, &got, 50000));
	assert_int_equal(b.deliveries, 3);
	assert_true(value_of(&b, 0) == 2);
	assert_true(value_of(&b, 1) == 3);
	assert_true(value_of(&b, 2) == 4);
	assert_int_equal(b.ls.counts[FG_COAP_COUNT_LATE], 2);
	assert_int_equal(b.delivered[2]->late, 2); /* for the status */
	/* a late one that nobody has acknowledged must not be now: it is in no store */
	notify(&b, &get, CON, 6, 0, "0");
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), RST);
	assert_true(wait_delivery(&b, 3, 1));
	bench_close(&b);
}

/* A notification overtook the answer to the registration, and was taken for it. */
static void test_overtaken(void **state)
{
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	assert_int_equal(start(&b, 5000000, 1), FG_PENDING);
	assert_true(wait_request(&b, &get, SOON_US));
	notify(&b, &get, NON, 1, 2, "3");
	wait_done(&b);
	assert_true(b.job.observing);
	answer_content(&b, &get, 1, 60, "2");
	notify(&b, &get, NON, 2, 3, "4");
	assert_true(wait_delivery(&b, 1, 0));
	assert_false(hear(&b, &got, 50000));
	assert_int_equal(b.deliveries, 1);
	assert_true(value_of(&b, 0) == 4);
	assert_int_equal(b.ls.counts[FG_COAP_COUNT_LATE], 1);
	bench_close(&b);
}

/* The same confirmable message after its acknowledgement, behind another: acknowledged again. */
static void test_twice(void **state)
{
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	register_all(&b, &get, 5, 60);
	for (unsigned i = 0; i < 2; i++) {
		notify(&b, &get, CON, 700 + i, 6 + i, "2");
		assert_true(wait_delivery(&b, 1, 0));
		give_back(&b, 0, FG_OK);
		assert_true(hear(&b, &got, SOON_US));
	}
	notify(&b, &get, CON, 700, 6, "2");
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), ACK);
	assert_int_equal(mid_of(&got), 700);
	assert_int_equal(b.deliveries, 0);
	bench_close(&b);
}

/* The same confirmable message before its acknowledgement, behind another: it has to wait. */
static void test_twice_on_its_way(void **state)
{
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	register_all(&b, &get, 5, 60);
	notify(&b, &get, CON, 700, 6, "2");
	notify(&b, &get, CON, 701, 7, "3");
	notify(&b, &get, CON, 700, 6, "2");
	assert_true(wait_delivery(&b, 2, 0));
	assert_false(hear(&b, &got, 100000));
	for (unsigned i = 0; i < 2; i++) {
		give_back(&b, 0, FG_OK);
		assert_true(hear(&b, &got, SOON_US));
		assert_int_equal(type_of(&got), ACK);
		assert_int_equal(mid_of(&got), 700 + i);
	}
	assert_int_equal(b.over, 0);
	assert_int_equal(b.ls.counts[FG_COAP_COUNT_NOTIFIED], 2);
	bench_close(&b);
}

/* 2.03 in a notification: of what was kept, or of something that is to be fetched. */
static void test_valid(void **state)
{
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	assert_int_equal(start(&b, 5000000, 1), FG_PENDING);
	assert_true(wait_request(&b, &get, SOON_US));
	answer(&b, &get, 0x45,
		"\x42"
		"e1"
		"\x21\x05\xff"
		"19.4",
		10);
	wait_done(&b);
	assert_true(b.job.observing);
	send_to(&b, &get, NON, 0x43, 800,
		"\x42"
		"e1"
		"\x21\x06",
		5);
	assert_true(wait_delivery(&b, 1, 0));
	assert_true(value_of(&b, 0) == 19.4);
	assert_int_equal(b.ls.counts[FG_COAP_COUNT_VALID], 1);
	send_to(&b, &get, CON, 0x43, 801,
		"\x42"
		"e2"
		"\x21\x07",
		5);
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), RST);
	assert_true(wait_delivery(&b, 1, 1));
	bench_close(&b);
}

/* A server that does not observe, and one that refuses the whole: the group stays polled, and is
 * not asked to be observed each time. */
static void test_not_observable(void **state)
{
	struct request req;
	struct bench b;

	(void)state;
	open_observing(&b, two_paths);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	answer_content(&b, &req, 5, 60, "1"); /* this one would be */
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(observe_in(&req), 0);
	answer(&b, &req, 0x45,
		"\xff"
		"2",
		2);
	wait_done(&b);
	assert_false(b.job.observing);
	assert_true(fg_value_number(&b.readings[1].value) == 2);
	assert_true(hear(&b, &req, SOON_US)); /* so it is cancelled */
	assert_int_equal(observe_in(&req), 1);
	start(&b, 5000000, 1);
	for (int i = 0; i < 2; i++) {
		assert_true(wait_request(&b, &req, SOON_US));
		assert_int_equal(observe_in(&req), -1);
		answer(&b, &req, 0x45,
			"\xff"
			"3",
			2);
	}
	wait_done(&b);
	assert_false(b.job.observing);
	bench_close(&b);
}

/* Unknown tokens, and those of what has ended, are reset. */
static void test_unknown(void **state)
{
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	register_all(&b, &get, 5, 60);
	get.bytes[4] ^= 0xff;
	notify(&b, &get, CON, 700, 6, "2");
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), RST);
	get.bytes[4] ^= 0xff;
	send_to(&b, &get, CON, 0x84, 701, "", 0); /* 4.04: the resource is gone */
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), ACK);
	assert_true(wait_delivery(&b, 0, 1));
	notify(&b, &get, CON, 702, 7, "3");
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), RST);
	assert_int_equal(b.deliveries, 0);
	bench_close(&b);
}

/* Max-Age has passed: polled again, which registers again; what the first registration still sends
 * is reset. */
static void test_stale(void **state)
{
	struct request get, again, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	register_all(&b, &get, 5, 0);
	assert_true(wait_delivery(&b, 0, 1));
	assert_int_equal(b.ls.counts[FG_COAP_COUNT_STALE], 1);
	register_all(&b, &again, 1, 60); /* it was started anew: its numbers, too */
	assert_memory_not_equal(again.bytes + 4, get.bytes + 4, 4);
	notify(&b, &get, NON, 8, 100, "6");
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), RST);
	assert_int_equal(mid_of(&got), 8);
	notify(&b, &again, NON, 9, 2, "7");
	assert_true(wait_delivery(&b, 1, 1));
	assert_true(value_of(&b, 0) == 7);
	bench_close(&b);
}

/* A representation of several blocks is fetched by the poll that follows. */
static void test_blocks(void **state)
{
	static const uint8_t block[] = "\x61\x06\xd1\x04\x08\xff"
				       "0000000000000000";
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	register_all(&b, &get, 5, 60);
	send_to(&b, &get, NON, 0x45, 700, block, sizeof(block) - 1);
	assert_true(wait_delivery(&b, 0, 1));
	assert_int_equal(b.deliveries, 0);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &got, SOON_US));
	assert_int_equal(observe_in(&got), 0);
	answer(&b, &got, 0x45,
		"\x61\x07\xd1\x04\x08\xff"
		"                ",
		22);
	assert_true(wait_request(&b, &got, SOON_US));
	assert_int_equal(observe_in(&got), -1); /* RFC 7959 2.6: the rest without Observe … */
	assert_memory_not_equal(got.bytes + 4, get.bytes + 4, 4); /* … and under another token */
	answer(&b, &got, 0x45,
		"\xd1\x0a\x10\xff"
		"8",
		5);
	wait_done(&b);
	assert_true(b.job.observing);
	bench_close(&b);
}

/* ---- over TCP (RFC 8323): length and size of the token, code, token, options ---- */

static void tcp_accept(struct bench *b)
{
	static const uint8_t csm[] = {0x00, 0xe1};
	int64_t end = fg_clock_mono_us() + 10000000;
	int fd;

	b->done = 0;
	while (!turn(b, 20) && fg_clock_mono_us() < end)
		;
	fd = accept(b->server, NULL, NULL);
	assert_true(fd >= 0);
	close(b->server);
	b->server = fd;
	assert_int_equal(send(fd, csm, sizeof(csm), 0), sizeof(csm));
}

/* The next GET that comes; what is before it, capabilities, is passed over. */
static void tcp_request(struct bench *b, uint8_t got[64])
{
	int64_t end = fg_clock_mono_us() + 10000000;

	do {
		b->done = 0;
		while (!turn(b, 20) && fg_clock_mono_us() < end)
			;
		assert_int_equal(recv(b->server, got, 2, 0), 2);
		assert_in_range(got[0] >> 4, 0, 12);
		assert_int_equal(recv(b->server, got + 2, (got[0] >> 4) + (got[0] & 15u), 0),
			(got[0] >> 4) + (got[0] & 15));
	} while (got[1] != 1);
	assert_int_equal(got[0] & 15, 4);
}

static void tcp_answer(struct bench *b, const uint8_t *get, unsigned code, unsigned seq)
{
	uint8_t out[] = {0x44, (uint8_t)code, get[2], get[3], get[4], get[5], 0x61, (uint8_t)seq,
		0xff, '1'};

	if (code != 0x45)
		out[0] = 0x24; /* no content */
	assert_true(send(b->server, out, code == 0x45 ? 10 : 8, 0) > 0);
}

/* There is no reset over TCP: what is registered anew is cancelled under its old token, or the
 * server would notify under both. */
static void test_tcp_registers_once(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint8_t first[64], cancel[64], again[64];
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct bench b;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	bench_open(&b, "127.0.0.1", ntohs(a.sin_port), NULL, one_path);
	b.link_conf.tcp = true;
	b.device_conf.observe = true;
	b.group.observed = true;
	b.server = fd;
	assert_int_equal(start(&b, 5000000, 1), FG_PENDING);
	tcp_accept(&b);
	tcp_request(&b, first);
	assert_int_equal(first[6], 0x60);
	tcp_answer(&b, first, 0x45, 5);
	wait_done(&b);
	assert_true(b.job.observing);
	tcp_answer(&b, first, 0x43, 6); /* of an ETag that was never told: to be fetched */
	assert_true(wait_delivery(&b, 0, 1));
	start(&b, 5000000, 1);
	tcp_request(&b, cancel);
	assert_memory_equal(cancel + 2, first + 2, 4);
	assert_int_equal(cancel[6], 0x61);
	assert_int_equal(cancel[7], 1);
	tcp_request(&b, again);
	assert_memory_not_equal(again + 2, first + 2, 4);
	assert_int_equal(again[6], 0x60);
	tcp_answer(&b, again, 0x45, 1);
	wait_done(&b);
	assert_true(b.job.observing);
	bench_close(&b);
}

/* A failed poll ends the session; others of the link are told, the closed link cancels. */
static void test_ends(void **state)
{
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	b.device.timeout_us = 200000;
	register_all(&b, &get, 5, 60);
	start(&b, 5000000, 1);
	wait_done(&b); /* silence */
	assert_int_equal(b.readings[0].reason, FG_REASON_NO_RESPONSE);
	assert_false(b.job.observing);
	assert_int_equal(b.over, 0); /* the core knows from the poll */
	recv(b.server, got.bytes, sizeof(got.bytes), 0);
	start(&b, 5000000, 1); /* is it Observe that it does not like? */
	assert_true(wait_request(&b, &got, SOON_US));
	assert_int_equal(observe_in(&got), -1);
	wait_done(&b); /* no */

	register_all(&b, &got, 5, 60);
	assert_memory_not_equal(got.bytes + 4, get.bytes + 4, 4); /* of another session */
	notify(&b, &got, CON, 700, 6, "2");
	assert_true(wait_delivery(&b, 1, 0)); /* the link closes before it is durable */
	fg_driver_coap.close(&b.ls);
	got.len = (size_t)recv(b.server, got.bytes, sizeof(got.bytes), 0);
	assert_int_equal(observe_in(&got), 1);
	assert_null(b.delivered[0]->done);
	assert_int_equal(fg_driver_coap.open(&b.ls), FG_OK);
	bench_close(&b);
}

/* After a reload the group is another object: a notification before its poll is reset. */
static void test_reloaded(void **state)
{
	struct fg_link other;
	struct request get, got;
	struct bench b;

	(void)state;
	open_observing(&b, one_path);
	register_all(&b, &get, 5, 60);
	other = b.link;
	b.ls.link = &other;
	turn(&b, 1);
	b.done = 0;
	notify(&b, &get, CON, 700, 6, "2");
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), RST);
	register_all(&b, &get, 7, 60);
	b.ls.link = &b.link; /* and again; this time the poll comes first */
	register_all(&b, &got, 9, 60);
	assert_int_equal(((struct fg_coap_endpoint *)b.ls.state)->watch_count, 1);
	notify(&b, &got, NON, 701, 10, "3");
	assert_true(wait_delivery(&b, 1, 0));
	give_back(&b, 0, FG_ECANCELED); /* the device was taken away meanwhile */
	b.done = 0;
	assert_true(hear(&b, &got, SOON_US));
	assert_int_equal(type_of(&got), RST);
	assert_int_equal(mid_of(&got), 701);
	assert_null(((struct fg_coap_endpoint *)b.ls.state)->watches);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acknowledged_when_durable),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_twice_on_its_way),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_not_observable),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_tcp_registers_once),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_reloaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
