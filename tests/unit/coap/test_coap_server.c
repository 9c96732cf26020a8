/* SPDX-License-Identifier: EUPL-1.2 */
/* What a request to the coap-server driver means and what is answered; limits; payloads in blocks;
 * the keys of its configuration. Without libcoap, sockets or time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "drivers/coap_server.h"

#define ARRIVED INT64_C(1000000000)
#define WALL_US INT64_C(1790000000000000)
#define B(text) text, sizeof(text) - 1

/* Two buoys with paths of their own, two gauges that share one. */
static struct fg_push_link link_conf;
static struct fg_push_device device_conf[4];
static struct fg_push_point point_conf[4][2];
static struct fg_point points[4][2];
static struct fg_device devices[4];
static const struct fg_device *list[4];
static struct fg_link push;
static char body_mem[2000];
static struct fg_buf body;
static struct fg_push_answer answer;

static int begin(void **state)
{
	static const char *const names[] = {"east", "west", "gauge-1", "gauge-2"};

	(void)state;
	memset(point_conf, 0, sizeof(point_conf));
	link_conf = (struct fg_push_link){.time_path = "/time", .max_payload = 4096};
	push = (struct fg_link){.name = "push", .conf = &link_conf, .devices = list,
		.device_count = 4};
	for (uint32_t i = 0; i < 4; i++) {
		device_conf[i] = (struct fg_push_device){0};
		devices[i] = (struct fg_device){.name = names[i], .index = i, .link = &push,
			.points = points[i], .point_count = 2, .read_count = 2,
			.conf = &device_conf[i]};
		list[i] = &devices[i];
		for (uint32_t k = 0; k < 2; k++)
			points[i][k] = (struct fg_point){.name = k ? "depth" : "temp",
				.index = 2 * i + k, .device = &devices[i], .scale = 1,
				.conf = &point_conf[i][k]};
		point_conf[i][0].in.senml = "temp";
		point_conf[i][1].in.senml = "depth";
	}
	device_conf[1].path = "/stations/west";
	device_conf[2].path = device_conf[3].path = "/m";
	device_conf[2].identity = device_conf[3].identity = "logger";
	fg_buf_wrap(&body, body_mem, sizeof(body_mem));
	return 0;
}

static int end(void **state)
{
	(void)state;
	fg_delivery_free(answer.delivery);
	answer.delivery = NULL;
	return 0;
}

static unsigned ask(struct fg_push_request *req)
{
	fg_delivery_free(answer.delivery);
	fg_buf_clear(&body);
	answer = (struct fg_push_answer){.body = &body};
	req->arrived_mono_us = ARRIVED;
	fg_push_answer(&push, req, &answer);
	return (answer.code >> 5) * 100 + (answer.code & 31);
}

static unsigned post(const char *path, const char *identity, int format, const char *data,
	size_t len)
{
	struct fg_push_request req = {.method = FG_PUSH_POST, .path = path, .identity = identity,
		.format = format, .data = data, .len = len, .message = 7};

	return ask(&req);
}

#define PACK "[{\"n\":\"temp\",\"v\":12.5},{\"n\":\"depth\",\"v\":3}]"

static void test_readings(void **state)
{
	const struct fg_batch *batch;

	(void)state;
	assert_int_equal(post("/east", NULL, 110, B(PACK)), 204);
	assert_ptr_equal(answer.delivery->device, &devices[0]);
	assert_true(answer.delivery->kept);
	assert_int_equal(answer.delivery->message, 7);
	batch = &answer.delivery->batch;
	assert_int_equal(batch->count, 2);
	assert_int_equal(batch->readings[0].point, 0);
	assert_float_equal(fg_value_number(&batch->readings[0].value), 12.5, 0);
	assert_false(batch->readings[0].told);
	assert_int_equal(batch->readings[0].taken_mono_us, ARRIVED);
	assert_int_equal(post("/stations/west/", NULL, 110, B(PACK)), 204);
	assert_ptr_equal(answer.delivery->device, &devices[1]);
}

static void test_times(void **state)
{
	const struct fg_batch *batch;

	(void)state;
	assert_int_equal(post("/east", NULL, 110,
		B("[{\"n\":\"temp\",\"v\":1,\"t\":1790000000.25},"
		  "{\"n\":\"temp\",\"v\":2,\"t\":-60}]")), 204);
	batch = &answer.delivery->batch;
	assert_int_equal(batch->count, 2);
	assert_true(batch->readings[0].told);
	assert_int_equal(batch->readings[0].told_wall_ms, INT64_C(1790000000250));
	assert_false(batch->readings[1].told);
	assert_int_equal(batch->readings[1].taken_mono_us, ARRIVED - 60000000);
	/* a minute ahead may be a clock, an hour is the future */
	assert_int_equal(post("/east", NULL, 110, B("[{\"n\":\"temp\",\"v\":1,\"t\":3600}]")), 400);
	assert_null(answer.delivery);
	assert_non_null(strstr(answer.why, "future"));
	assert_int_equal(post("/east", NULL, 110, B("[{\"n\":\"temp\",\"v\":1,\"t\":30}]")), 204);
	assert_int_equal(answer.delivery->batch.readings[0].taken_mono_us, ARRIVED);
}

static void test_who_may_report(void **state)
{
	(void)state;
	link_conf.psk_file = "keys";
	assert_int_equal(post("/east", NULL, 110, B(PACK)), 401);
	assert_int_equal(post("/east", "east", 110, B(PACK)), 204);
	assert_int_equal(post("/east", "west", 110, B(PACK)), 403);
	assert_null(answer.delivery);
	assert_int_equal(post("/nowhere", "west", 110, B(PACK)), 404);
	device_conf[0].identity = "imei-1";
	assert_int_equal(post("/east", "east", 110, B(PACK)), 403);
	assert_int_equal(post("/east", "imei-1", 110, B(PACK)), 204);
}

/* Several share path and identity: the payload says which it is, by base name or by a field. */
static void test_who_by_payload(void **state)
{
	(void)state;
	assert_int_equal(post("/m", "logger", 110,
		B("[{\"bn\":\"gauge-2:\",\"n\":\"temp\",\"v\":4}]")), 204);
	assert_ptr_equal(answer.delivery->device, &devices[3]);
	assert_int_equal(post("/m", "logger", 110,
		B("[{\"bn\":\"gauge-9:\",\"n\":\"temp\",\"v\":4}]")), 403);
	assert_int_equal(post("/m", "logger", 110, B("[{\"n\":\"temp\",\"v\":4}]")), 400);
	device_conf[2].payload.identity.json = "/sn";
	device_conf[2].sender = "A1";
	point_conf[2][0].in = (struct fg_payload_point){.json = "/t"};
	point_conf[2][1].in = (struct fg_payload_point){.json = "/d"};
	assert_int_equal(post("/m", "logger", 50, B("{\"sn\":\"A1\",\"t\":4}")), 204);
	assert_ptr_equal(answer.delivery->device, &devices[2]);
	assert_int_equal(answer.delivery->batch.count, 1);
}

/* Where a device is told to say who it is, it speaks for itself alone. */
static void test_the_wrong_sender(void **state)
{
	(void)state;
	device_conf[0].payload.identity.json = "/sn";
	point_conf[0][0].in = (struct fg_payload_point){.json = "/t"};
	point_conf[0][1].in = (struct fg_payload_point){.json = "/d"};
	assert_int_equal(post("/east", NULL, 50, B("{\"sn\":\"east\",\"t\":4}")), 204);
	assert_int_equal(post("/east", NULL, 50, B("{\"sn\":\"west\",\"t\":4}")), 403);
	assert_int_equal(post("/east", NULL, 50, B("{\"t\":4}")), 400);
}

static void test_points_with_paths(void **state)
{
	(void)state;
	point_conf[0][1].in = (struct fg_payload_point){.path = "/east/depth"};
	assert_int_equal(post("/east/depth", NULL, 0, B("3.5")), 204);
	assert_int_equal(answer.delivery->batch.count, 1);
	assert_int_equal(answer.delivery->batch.readings[0].point, 1);
	assert_int_equal(post("/east", NULL, 110, B(PACK)), 204);
	assert_int_equal(answer.delivery->batch.count, 1); /* the other one has a path of its own */
	assert_int_equal(post("/east/other", NULL, 0, B("3.5")), 404);
}

/* Garbage, depth, numbers, formats, texts: a 4.xx with a reason, and no reading. */
static void test_bad_payloads(void **state)
{
	static const struct {
		int format;
		const char *data;
		size_t len;
		unsigned code;
	} cases[] = {
		{110, B("[{\"n\":\"temp\""), 400},
		{110, B("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), 400},
		{110, B("[{\"n\":\"temp\",\"v\":1e999999}]"), 400},
		{110, B("[{\"n\":\"t\xff\",\"v\":1}]"), 400},
		{110, B("[{\"n\":\"other\",\"v\":1}]"), 400},
		{110, B("[{\"n\":\"temp\",\"v\":1,\"x_\":2}]"), 400}, /* must be understood */
		{110, B("[{\"n\":\"temp\",\"vd\":\"aGk\"}]"), 400},
		{112, B("\x81\xa2"), 400},
		{112, B("\x9f\x9f\x9f\x9f\x9f\x9f"), 400},
		{41, B("<xml/>"), 415},
		{110, B(""), 400},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		unsigned code = post("/east", NULL, cases[i].format, cases[i].data, cases[i].len);

		if (code != cases[i].code)
			fail_msg("case %zu: %u instead of %u (%s)", i, code, cases[i].code,
				answer.why);
		assert_null(answer.delivery);
		assert_true(answer.why[0]);
	}
}

static void test_more_readings_than_a_message_may_have(void **state)
{
	struct fg_buf pack;

	(void)state;
	fg_buf_init(&pack, 60000);
	for (int i = 0; i <= FG_DELIVERY_READINGS; i++)
		fg_buf_printf(&pack, "%c{\"n\":\"temp\",\"v\":%d,\"t\":-%d}", i ? ',' : '[', i,
			600 - i);
	fg_buf_putc(&pack, ']');
	assert_int_equal(post("/east", NULL, 110, pack.data, pack.len), 413);
	fg_buf_fini(&pack);
}

static void test_methods_and_resources(void **state)
{
	struct fg_push_request req = {.method = FG_PUSH_GET, .path = "/east", .format = -1,
		.accept = -1, .wall_us = WALL_US};

	(void)state;
	assert_int_equal(ask(&req), 405);
	req.path = "/nothing";
	assert_int_equal(ask(&req), 404);
	req.method = 4; /* DELETE */
	assert_int_equal(ask(&req), 405);
	req.method = FG_PUSH_GET;
	req.path = "/time";
	assert_int_equal(ask(&req), 205);
	assert_memory_equal(body.data, "1790000000", 10);
	req.method = FG_PUSH_POST;
	assert_int_equal(ask(&req), 205);
	assert_int_equal(body.len, 4);
	assert_memory_equal(body.data, "\x6a\xb1\x3b\x80", 4);
	req.wall_us = 0;
	assert_int_equal(ask(&req), 503);
	assert_int_equal(answer.max_age_s, 60);
}

static void test_links(void **state)
{
	struct fg_push_request req = {.method = FG_PUSH_GET, .path = "/.well-known/core",
		.format = -1, .accept = -1};

	(void)state;
	point_conf[0][1].in.path = "/east/depth";
	assert_int_equal(ask(&req), 205);
	assert_int_equal(answer.format, 40);
	fg_buf_putc(&body, '\0');
	assert_string_equal(body.data,
		"</east>;rt=\"readings\",</east/depth>;rt=\"readings\","
		"</stations/west>;rt=\"readings\",</m>;rt=\"readings\",</time>;rt=\"time\";ct=0");
	req.accept = 60;
	assert_int_equal(ask(&req), 406);
	req.accept = 40;
	req.identity = "logger";
	assert_int_equal(ask(&req), 205);
	fg_buf_putc(&body, '\0');
	assert_string_equal(body.data, "</m>;rt=\"readings\",</time>;rt=\"time\";ct=0");
}

static void test_outcomes(void **state)
{
	static const struct {
		int status;
		unsigned code;
		uint32_t max_age_s;
	} cases[] = {{FG_OK, FG_COAP_CODE(2, 4), 0}, {FG_EINVAL, FG_COAP_CODE(4, 0), 0},
		{FG_EAGAIN, FG_COAP_CODE(5, 3), 60}, {FG_EFULL, FG_COAP_CODE(5, 3), 60},
		{FG_ECANCELED, FG_COAP_CODE(5, 3), 10}, {FG_ENOMEM, FG_COAP_CODE(5, 3), 60}};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_push_answer a = {0};

		fg_push_outcome(cases[i].status, &a);
		assert_int_equal(a.code, cases[i].code);
		assert_int_equal(a.max_age_s, cases[i].max_age_s);
	}
}

/* ---- limits ---- */

static void test_rate(void **state)
{
	static struct fg_push_limit l;
	int64_t now_us = 5000000;

	(void)state;
	memset(&l, 0, sizeof(l));
	for (int i = 0; i < 20; i++) /* ten seconds' worth at once */
		assert_true(fg_push_allow(&l, 1, 2, now_us));
	assert_false(fg_push_allow(&l, 1, 2, now_us));
	assert_true(fg_push_allow(&l, 2, 2, now_us)); /* another one is not to blame */
	assert_true(fg_push_allow(&l, 1, 2, now_us + 500000));
	assert_false(fg_push_allow(&l, 1, 2, now_us + 500000));
	for (uint64_t a = 10; a < 10 + 2 * FG_PUSH_PEERS; a++) /* a flood of addresses */
		assert_true(fg_push_allow(&l, a, 2, now_us + 600000));
}

/* RFC 6347, 4.1 and 4.2.2 */
static void test_hello(void **state)
{
	unsigned char d[80] = {22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 67, 1, 0, 0, 55};
	uint64_t first;

	(void)state;
	d[27] = 1; /* of its random */
	first = fg_push_hello(d, sizeof(d));
	assert_int_not_equal(first, 0);
	d[10] = 7; /* another record, with a cookie */
	d[70] = 9;
	assert_true(fg_push_hello(d, sizeof(d)) == first);
	d[58] = 1;
	assert_true(fg_push_hello(d, sizeof(d)) != first);
	assert_int_equal(fg_push_hello(d, 58), 0);
	d[4] = 1; /* under a key */
	assert_int_equal(fg_push_hello(d, sizeof(d)), 0);
	d[4] = 0;
	d[13] = 16; /* another message of a handshake */
	assert_int_equal(fg_push_hello(d, sizeof(d)), 0);
}

static void test_ended_messages(void **state)
{
	struct fg_push_ended e = {0};

	(void)state;
	assert_false(fg_push_has_ended(&e, 0, 5));
	fg_push_note_ended(&e, 7, 5);
	assert_true(fg_push_has_ended(&e, 7, 5 + FG_PUSH_BODY_US - 1));
	assert_false(fg_push_has_ended(&e, 7, 5 + FG_PUSH_BODY_US));
	assert_false(fg_push_has_ended(&e, 8, 5));
	for (uint64_t i = 0; i < FG_PUSH_ENDED; i++)
		fg_push_note_ended(&e, 100 + i, 6);
	assert_false(fg_push_has_ended(&e, 7, 6));
	assert_true(fg_push_has_ended(&e, 100, 6));
}

static void test_blocks(void **state)
{
	static struct fg_push_bodies b;
	struct fg_push_body *whole = NULL;
	char block[64];
	const int session = 0, other = 0;

	(void)state;
	memset(block, 'x', sizeof(block));
	/* szx 2: 64 bytes */
	assert_int_equal(fg_push_block(&b, &session, 1, 1, 2, true, block, 64, 200, 1, &whole),
		FG_COAP_CODE(4, 8)); /* not from the beginning */
	assert_int_equal(fg_push_block(&b, &session, 1, 0, 2, true, block, 64, 200, 1, &whole),
		FG_COAP_CODE(2, 31));
	assert_int_equal(fg_push_block(&b, &other, 1, 1, 2, true, block, 64, 200, 1, &whole),
		FG_COAP_CODE(4, 8)); /* somebody else's */
	for (int again = 0; again < 2; again++)
		assert_int_equal(
			fg_push_block(&b, &session, 1, 1, 2, true, block, 64, 200, 1, &whole),
			FG_COAP_CODE(2, 31));
	assert_int_equal(fg_push_block(&b, &session, 1, 3, 2, false, block, 1, 200, 1, &whole),
		FG_COAP_CODE(4, 8)); /* one is missing */
	assert_int_equal(fg_push_block(&b, &session, 1, 2, 2, false, block, 9, 200, 1, &whole), 0);
	assert_int_equal(whole->bytes.len, 137);
	fg_push_body_end(whole);
	/* without end, or of wrong sizes */
	fg_push_block(&b, &session, 1, 0, 2, true, block, 64, 100, 1, &whole);
	assert_int_equal(fg_push_block(&b, &session, 1, 1, 2, true, block, 64, 100, 1, &whole),
		FG_COAP_CODE(4, 13));
	assert_int_equal(
		fg_push_block(&b, &session, 1, 1048575, 6, true, block, 64, 100, 1, &whole),
		FG_COAP_CODE(4, 0));
	assert_int_equal(fg_push_block(&b, &session, 1, 0, 2, true, block, 63, 200, 1, &whole),
		FG_COAP_CODE(4, 0));
	/* more than are put together at once: the oldest gives way; what is old is forgotten */
	for (int i = 0; i < FG_PUSH_BODIES + 1; i++)
		fg_push_block(&b, &session, 10 + (uint64_t)i, 0, 2, true, block, 64, 200, 1 + i,
			&whole);
	assert_int_equal(fg_push_block(&b, &session, 10, 1, 2, true, block, 64, 200, 30, &whole),
		FG_COAP_CODE(4, 8));
	assert_int_equal(fg_push_block(&b, &session, 12, 1, 2, true, block, 64, 200,
		FG_PUSH_BODY_US + 40, &whole), FG_COAP_CODE(4, 8));
	fg_push_bodies_forget(&b, NULL);
}

static void test_listen(void **state)
{
	static const struct {
		const char *text;
		bool good, loopback;
	} cases[] = {{"[::]:5684", true, false}, {"[::1]:5684", true, true},
		{"0.0.0.0:5683", true, false}, {"127.0.0.1:5683", true, true},
		{"5684", false, false}, {"[::]", false, false}, {"[::]:0", false, false},
		{"[::]:65536", false, false}, {"localhost:5683", false, false},
		{"::1:5683", false, false}, {":5683", false, false},
		{"[fe80::zz]:1", false, false}};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct sockaddr_storage addr;
		socklen_t len;
		bool loopback = false;

		assert_int_equal(
			fg_push_parse_listen(cases[i].text, &addr, &len, &loopback), cases[i].good);
		if (cases[i].good)
			assert_int_equal(loopback, cases[i].loopback);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_readings),
		TEST(test_times),
		TEST(test_who_may_report),
		TEST(test_who_by_payload),
		TEST(test_the_wrong_sender),
		TEST(test_points_with_paths),
		TEST(test_bad_payloads),
		TEST(test_more_readings_than_a_message_may_have),
		TEST(test_methods_and_resources),
		TEST(test_links),
		TEST(test_outcomes),
		TEST(test_rate),
		TEST(test_blocks),
		TEST(test_ended_messages),
		TEST(test_hello),
		TEST(test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
