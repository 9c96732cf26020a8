/* SPDX-License-Identifier: EUPL-1.2 */
/* The coap driver against a server of a few lines that says exactly what a case wants said. */
#include "bench.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const one_path[] = {"/t", NULL, NULL};

/* ---- what an answer becomes ---- */

static const struct answer_case {
	const char *name, *json;
	unsigned code;
	const char *rest;
	size_t len;
	enum fg_reason reason;
	unsigned detail;
	double value;
} answers[] = {
	{"text", NULL, 0x45,
		"\xff"
		"19.4",
		5, FG_REASON_NONE, 0, 19.4},
	{"text, format 0 as no bytes", NULL, 0x45,
		"\xc0\xff"
		"7",
		3, FG_REASON_NONE, 0, 7},
	{"json", "/gas/no2", 0x45, "\xc1\x32\xff{\"gas\":{\"no2\":3.5}}", 22, FG_REASON_NONE, 0,
		3.5},
	{"json by configuration", "/a", 0x45, "\xff{\"a\":2}", 8, FG_REASON_NONE, 0, 2},
	{"bare json number", NULL, 0x45,
		"\xc1\x32\xff"
		"5",
		4, FG_REASON_NONE, 0, 5},
	{"json object without pointer", NULL, 0x45, "\xc1\x32\xff{}", 5, FG_REASON_DECODE, 0, 0},
	{"pointer leads nowhere", "/b", 0x45, "\xc1\x32\xff{\"a\":2}", 10, FG_REASON_DECODE, 0, 0},
	{"json null", "/a", 0x45, "\xc1\x32\xff{\"a\":null}", 13, FG_REASON_SENTINEL, 0, 0},
	{"text where json is asked", "/a", 0x45, "\xc0\xff{\"a\":2}", 9, FG_REASON_CONTENT_FORMAT,
		0, 0},
	{"octet stream", NULL, 0x45,
		"\xc1\x2a\xff"
		"5",
		4, FG_REASON_CONTENT_FORMAT, 0, 0},
	{"4.04", NULL, 0x84, "", 0, FG_REASON_COAP, 0x84, 0},
	{"5.03 with a text", NULL, 0xa3,
		"\xff"
		"busy",
		5, FG_REASON_COAP, 0xa3, 0},
	{"2.04 is no answer to GET", NULL, 0x44, "", 0, FG_REASON_FRAME, 0, 0},
	{"no payload", NULL, 0x45, "", 0, FG_REASON_DECODE, 0, 0},
	{"a block out of order", NULL, 0x45,
		"\xd1\x0a\x10\xff"
		"5",
		5, FG_REASON_FRAME, 0, 0},
	{"a short block", NULL, 0x45,
		"\xd1\x0a\x08\xff"
		"5",
		5, FG_REASON_FRAME, 0, 0},
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(answers); i++) {
		const struct answer_case *c = &answers[i];
		const char *const paths[] = {"/t", c->json, NULL};
		struct request req;
		struct bench b;

		print_message("  %s\n", c->name);
		open_with_server(&b, paths);
		assert_int_equal(start(&b, 5000000, 1), FG_PENDING);
		assert_true(wait_request(&b, &req, SOON_US));
		answer(&b, &req, c->code, c->rest, c->len);
		wait_done(&b);
		assert_int_equal(b.job.status, FG_OK);
		assert_int_equal(b.readings[0].reason, c->reason);
		assert_int_equal(b.readings[0].detail, c->detail);
		if (c->reason == FG_REASON_NONE)
			assert_true(fg_value_number(&b.readings[0].value) == c->value);
		assert_int_equal(b.job.requests, 1);
		assert_int_equal(b.job.answers, c->reason != FG_REASON_FRAME);
		bench_close(&b);
	}
}

/* ---- requests ---- */

static void test_one_get_a_path(void **state)
{
	static const char *const paths[] = {
		"/s/all?x=1&y=%26", "/a", "/b", NULL, "/s/all?x=1&y=%26", "/c", NULL};
	static const uint8_t options[] = "\xb1s\x03"
					 "all"
					 "\x43x=1\x03y=&\x21\x32"; /* Accept: JSON */
	struct request req;
	struct bench b;

	(void)state;
	open_with_server(&b, paths);
	assert_int_equal(b.group.request_count, 2);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(req.bytes[0], 0x44); /* confirmable, token of 4 */
	assert_int_equal(req.bytes[1], 1);    /* GET */
	assert_int_equal(req.len, 8 + sizeof(options) - 1);
	assert_memory_equal(req.bytes + 8, options, sizeof(options) - 1);
	answer(&b, &req, 0x45, "\xc1\x32\xff{\"a\":1,\"c\":3}", 16);
	assert_true(wait_request(&b, &req, SOON_US));
	answer(&b, &req, 0x45,
		"\xff"
		"2",
		2);
	wait_done(&b);
	assert_int_equal(b.job.requests, 2);
	for (size_t i = 0; i < 3; i++) /* p0 = 1, p1 = 2, p2 = 3 */
		assert_true(fg_value_number(&b.readings[i].value) == b.readings[i].point + 1);
	bench_close(&b);
}

/* The Accept option of a request for /t with a token of 4 bytes; -1: none. */
static int accept_of(const struct request *req)
{
	assert_memory_equal(req->bytes + 8, "\xb1t", 2);
	if (req->len == 10)
		return -1;
	if (req->bytes[10] == 0x62) {
		assert_int_equal(req->len, 13);
		return req->bytes[11] << 8 | req->bytes[12];
	}
	assert_int_equal(req->len, 12);
	assert_int_equal(req->bytes[10], 0x61);
	return req->bytes[11];
}

/* Asks for CBOR first, then for JSON, for TLV, for anything; what was good is asked for again. */
static void test_accept(void **state)
{
	static const char *const paths[] = {"/t", "no2", NULL};
	struct request req;
	struct bench b;

	(void)state;
	open_with_server(&b, paths);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(accept_of(&req), 112);
	answer(&b, &req, 0x86, "", 0); /* 4.06 */
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(accept_of(&req), 110);
	answer(&b, &req, 0x45, "\xc1\x6e\xff[{\"n\":\"no2\",\"v\":7}]", 22);
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 7);
	assert_int_equal(b.job.requests, 2);
	assert_int_equal(b.job.answers, 2);

	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(accept_of(&req), 110);
	answer(&b, &req, 0x82, "", 0); /* 4.02: a critical option it does not know */
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(accept_of(&req), 11542);
	answer(&b, &req, 0x86, "", 0);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(accept_of(&req), -1);
	answer(&b, &req, 0x45, "\xc1\x70\xff\x81\xa2\x00\x63no2\x02\x08", 12);
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 8);

	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(accept_of(&req), -1);
	answer(&b, &req, 0x86, "", 0); /* nothing left to try: refused, and from the start */
	wait_done(&b);
	assert_int_equal(b.readings[0].reason, FG_REASON_COAP);
	assert_int_equal(b.readings[0].detail, 0x86);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(accept_of(&req), 112);
	bench_close(&b);
}

/* Points that read different things of one path leave the choice to the server. */
static void test_accept_mixed(void **state)
{
	static const char *const paths[] = {"/t", "no2", "/t", "/no2", NULL};
	struct request req;
	struct bench b;

	(void)state;
	open_with_server(&b, paths);
	assert_int_equal(b.group.request_count, 1);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(accept_of(&req), -1);
	bench_close(&b);
}

static void test_blocks(void **state)
{
	static const char *const paths[] = {"/big", "/v", NULL};
	char body[100], rest[64];
	struct request req;
	struct bench b;
	size_t len;

	(void)state;
	open_with_server(&b, paths);
	start(&b, 5000000, 1);
	len = (size_t)snprintf(body, sizeof(body), "{\"padding\":\"%050d\",\"v\":42}", 0);
	for (size_t num = 0; num * 16 < len; num++) {
		size_t n = FG_MIN(len - num * 16, (size_t)16), at = 0;

		assert_true(wait_request(&b, &req, SOON_US));
		if (num) { /* Block2 of the request: number, 16 bytes */
			assert_int_equal(req.bytes[req.len - 1], num << 4);
			assert_int_equal(req.bytes[req.len - 2], 0x61);
		}
		memcpy(rest, "\xc1\x32\xb1", 3);
		at = 3;
		rest[at++] = (char)(num << 4 | (num * 16 + n < len ? 8 : 0));
		rest[at++] = (char)0xff;
		memcpy(rest + at, body + num * 16, n);
		answer(&b, &req, 0x45, rest, at + n);
	}
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 42);
	bench_close(&b);
}

/* A peer that never stops sending blocks is stopped at 64 KiB. */
static void test_endless_blocks(void **state)
{
	char rest[1024 + 8];
	struct request req;
	struct bench b;
	unsigned num = 0;

	(void)state;
	open_with_server(&b, one_path);
	start(&b, 9000000, 1);
	while (wait_request(&b, &req, 2000000)) {
		size_t at = 0;

		rest[at++] = (char)0xd2; /* Block2, two bytes: number, more, 1024 */
		rest[at++] = 0x0a;
		rest[at++] = (char)(num >> 4);
		rest[at++] = (char)(num << 4 | 8 | 6);
		rest[at++] = (char)0xff;
		memset(rest + at, '1', 1024);
		answer(&b, &req, 0x45, rest, at + 1024);
		num++;
	}
	wait_done(&b);
	assert_int_equal(num, 65);
	assert_int_equal(b.readings[0].reason, FG_REASON_FRAME);
	bench_close(&b);
}

/* ---- faults ---- */

static void test_silence(void **state)
{
	static const char *const paths[] = {"/a", NULL, "/b", NULL, NULL};
	struct request req;
	struct bench b;
	int64_t began;

	(void)state;
	open_with_server(&b, paths);
	b.device.timeout_us = 300000;
	began = fg_clock_mono_us();
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	wait_done(&b);
	assert_in_range(fg_clock_mono_us() - began, 290000, 4000000); /* before its deadline */
	assert_int_equal(b.readings[0].reason, FG_REASON_NO_RESPONSE);
	assert_int_equal(b.readings[1].reason, FG_REASON_NO_RESPONSE);
	assert_int_equal(b.job.requests, 1); /* the second path of a silent endpoint is not asked */
	assert_int_equal(b.job.answers, 0);

	/* its late answer reaches nobody, and the next poll is its own */
	start(&b, 5000000, 1);
	answer(&b, &req, 0x45,
		"\xff"
		"99",
		3);
	assert_true(wait_request(&b, &req, SOON_US));
	answer(&b, &req, 0x45,
		"\xff"
		"1",
		2);
	assert_true(wait_request(&b, &req, SOON_US));
	answer(&b, &req, 0x45,
		"\xff"
		"2",
		2);
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 1);
	assert_true(fg_value_number(&b.readings[1].value) == 2);
	bench_close(&b);
}

static void test_repeats_then_answer(void **state)
{
	struct request first, second;
	struct bench b;

	(void)state;
	open_with_server(&b, one_path);
	start(&b, 9000000, 3);
	assert_true(wait_request(&b, &first, SOON_US));
	assert_true(wait_request(&b, &second, 2000000)); /* the same message again */
	assert_int_equal(second.len, first.len);
	assert_memory_equal(second.bytes, first.bytes, first.len);
	answer(&b, &second, 0x45,
		"\xff"
		"8",
		2);
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 8);
	assert_int_equal(b.job.requests, 2);
	bench_close(&b);
}

static void test_foreign_token_and_separate_answer(void **state)
{
	struct request req, other;
	uint8_t con[64];
	struct bench b;
	ssize_t n;

	(void)state;
	open_with_server(&b, one_path);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	other = req;
	other.bytes[4] ^=
		0xff; /* somebody else's answer on our ACK's address, then the empty ACK */
	other.bytes[3] ^= 0x55;
	answer(&b, &other, 0x45,
		"\xff"
		"66",
		3);
	sendto(b.server, (uint8_t[]){0x60, 0, req.bytes[2], req.bytes[3]}, 4, 0,
		(struct sockaddr *)&req.from, sizeof(req.from));
	for (int i = 0; i < 3; i++)
		turn(&b, 20);
	assert_int_equal(b.done, 0);
	memcpy(con, (uint8_t[]){0x44, 0x45, 0x12, 0x34}, 4);
	memcpy(con + 4, req.bytes + 4, 4);
	memcpy(con + 8,
		"\xff"
		"5",
		2);
	sendto(b.server, con, 10, 0, (struct sockaddr *)&req.from, sizeof(req.from));
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 5);
	n = recv(b.server, con, sizeof(con), MSG_DONTWAIT);
	assert_int_equal(n, 4); /* acknowledged: ACK, empty, their mid */
	assert_memory_equal(con, "\x60\x00\x12\x34", 4);
	bench_close(&b);
}

static void test_reset_and_refused(void **state)
{
	struct request req;
	struct bench b;
	uint16_t port;

	(void)state;
	open_with_server(&b, one_path);
	start(&b, 5000000, 3);
	assert_true(wait_request(&b, &req, SOON_US));
	sendto(b.server, (uint8_t[]){0x70, 0, req.bytes[2], req.bytes[3]}, 4, 0,
		(struct sockaddr *)&req.from, sizeof(req.from));
	wait_done(&b);
	assert_int_equal(b.readings[0].reason, FG_REASON_NO_RESPONSE);
	bench_close(&b);

	close(udp_server(&port)); /* nobody listens there */
	bench_open(&b, "127.0.0.1", port, NULL, one_path);
	b.device.timeout_us = 200000;
	start(&b, 5000000, 1);
	wait_done(&b);
	assert_int_equal(b.readings[0].reason, FG_REASON_LINK_DOWN);
	assert_int_equal(b.job.status, FG_OK);
	bench_close(&b);
}

static void test_deadline_and_cancel(void **state)
{
	struct request req;
	struct bench b;
	int64_t began;

	(void)state;
	open_with_server(&b, one_path);
	b.device.timeout_us = 9000000;
	began = fg_clock_mono_us();
	start(&b, 200000, 3);
	wait_done(&b);
	assert_in_range(fg_clock_mono_us() - began, 190000, 8000000); /* before the timeout */
	start(&b, 5000000, 3);
	assert_true(wait_request(&b, &req, SOON_US));
	fg_driver_coap.cancel(&b.job);
	assert_int_equal(b.done, 1);
	assert_int_equal(b.job.status, FG_ECANCELED);
	assert_int_equal(b.batch.count, 1);
	turn(&b, 0);
	assert_int_equal(b.done, 1);
	start(&b, 5000000, 3); /* close() ends what is pending */
	fg_driver_coap.close(&b.ls);
	assert_int_equal(b.done, 1);
	bench_close(&b);
}

static void test_names(void **state)
{
	struct request req;
	struct bench b;
	uint16_t port;
	int fd = udp_server(&port);

	(void)state;
	bench_open(&b, "localhost", port, NULL, one_path);
	b.server = fd;
	start(&b, 5000000, 1);
	if (wait_request(&b, &req, 3000000)) { /* not where localhost is ::1 first */
		assert_memory_equal(req.bytes + 8, "\x39localhost\x81t", 12);
		answer(&b, &req, 0x45,
			"\xff"
			"4",
			2);
		wait_done(&b);
		assert_true(fg_value_number(&b.readings[0].value) == 4);
	}
	bench_close(&b);

	bench_open(&b, "no-such-host.invalid", port, NULL, one_path);
	start(&b, 3000000, 1);
	wait_done(&b);
	assert_int_equal(b.readings[0].reason, FG_REASON_LINK_DOWN);
	assert_true(b.job.status < 0);
	bench_close(&b);
}

/* Bytes that are no CoAP at all, and cut and changed answers: the job ends all the same. */
static void test_garbage(void **state)
{
	unsigned seed = 7;
	struct request req;
	struct bench b;

	(void)state;
	open_with_server(&b, one_path);
	b.device.timeout_us = 100000;
	for (int round = 0; round < 20; round++) {
		uint8_t junk[40];

		start(&b, 5000000, 1);
		assert_true(wait_request(&b, &req, SOON_US));
		memcpy(junk, req.bytes, 8);
		junk[0] = 0x64;
		junk[1] = 0x45;
		for (size_t i = 8; i < sizeof(junk); i++) {
			seed = seed * 1103515245 + 12345;
			junk[i] = (uint8_t)(seed >> 16);
		}
		sendto(b.server, junk, (size_t)(round * 2), 0, (struct sockaddr *)&req.from,
			sizeof(req.from));
		wait_done(&b);
	}
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_one_get_a_path),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_accept_mixed),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_endless_blocks),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_repeats_then_answer),
		cmocka_unit_test(test_foreign_token_and_separate_answer),
		cmocka_unit_test(test_reset_and_refused),
		cmocka_unit_test(test_deadline_and_cancel),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
