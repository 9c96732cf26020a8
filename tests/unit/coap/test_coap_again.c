/* SPDX-License-Identifier: EUPL-1.2 */
/* What the coap driver remembers from one poll to the next: ETags, what a server asked it to wait,
 * and that a request that need not be confirmed had no answer. */
#include "bench.h"

#include <string.h>

#define CON 0
#define NON 1

static const char *const one_path[] = {"/t", NULL, NULL};

static unsigned type_of(const struct request *req)
{
	return req->bytes[0] >> 4 & 3;
}

/* Whether the request has this option, as it is written behind Uri-Host or nothing. */
static bool has_bytes(const struct request *req, const char *bytes, size_t len)
{
	return memmem(req->bytes + 4, req->len - 4, bytes, len) != NULL;
}

/* Polls once; the server answers with code and rest. */
static void exchange(struct bench *b, unsigned code, const char *rest, size_t len)
{
	struct request req;

	assert_int_equal(start(b, 5000000, 1), FG_PENDING);
	assert_true(wait_request(b, &req, SOON_US));
	answer(b, &req, code, rest, len);
	wait_done(b);
}

/* 2.03: the representation of the ETag is a new reading, at the time of this answer. */
static void test_valid(void **state)
{
	struct request req;
	struct bench b;
	int64_t first_us;

	(void)state;
	open_with_server(&b, one_path);
	exchange(&b, 0x45,
		"\x42"
		"e1"
		"\xff"
		"19.4",
		8);
	first_us = b.readings[0].taken_mono_us;
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_true(has_bytes(&req,
		"\x42"
		"e1",
		3));
	answer(&b, &req, 0x43,
		"\x42"
		"e1",
		3);
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 19.4);
	assert_int_equal(b.readings[0].qc, FG_QC_NOT_EVALUATED);
	assert_true(b.readings[0].taken_mono_us > first_us);

	/* a new one replaces it; one without ETag ends it */
	exchange(&b, 0x45,
		"\x42"
		"e2"
		"\xff"
		"20.5",
		8);
	exchange(&b, 0x43, "", 0);
	assert_true(fg_value_number(&b.readings[0].value) == 20.5);
	assert_int_equal(b.ls.counts[FG_COAP_COUNT_VALID], 2);

	/* one of another representation says nothing of this: it is asked for as a whole */
	exchange(&b, 0x43,
		"\x42"
		"e1",
		3);
	assert_int_equal(b.readings[0].reason, FG_REASON_FRAME);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_false(has_bytes(&req,
		"\x42"
		"e",
		2));
	answer(&b, &req, 0x45,
		"\x42"
		"e3"
		"\xff"
		"22",
		6);
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 22);
	exchange(&b, 0x45,
		"\xff"
		"21",
		3);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_false(has_bytes(&req,
		"\x42"
		"e",
		2));
	answer(&b, &req, 0x43, "", 0); /* valid? what? */
	wait_done(&b);
	assert_int_equal(b.readings[0].reason, FG_REASON_FRAME);
	bench_close(&b);
}

/* Another ETag between two blocks: once more from the first; but not for ever. */
static void test_changed_between_blocks(void **state)
{
	struct request req;
	struct bench b;
	unsigned gets = 0;

	(void)state;
	open_with_server(&b, one_path);
	start(&b, 9000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	answer(&b, &req, 0x45,
		"\x42"
		"e1"
		"\xd1\x06\x08\xff"
		"0000000000000000",
		23);
	assert_true(wait_request(&b, &req, SOON_US));
	answer(&b, &req, 0x45,
		"\x42"
		"e2"
		"\xd1\x06\x10\xff"
		"5",
		8);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_false(has_bytes(&req, "\xd1\x03", 2)); /* from the first block */
	answer(&b, &req, 0x45,
		"\x42"
		"e2"
		"\xff"
		"7",
		5);
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 7);

	start(&b, 9000000, 1);
	while (wait_request(&b, &req, SOON_US)) {
		bool first = gets++ % 2 == 0;

		answer(&b, &req, 0x45,
			first ? "\x42"
				"a1"
				"\xd1\x06\x08\xff"
				"0000000000000000"
			      : "\x42"
				"a2"
				"\xd1\x06\x10\xff"
				"5",
			first ? 23 : 8);
	}
	wait_done(&b);
	assert_int_equal(gets, 6);
	assert_int_equal(b.readings[0].reason, FG_REASON_FRAME);
	bench_close(&b);
}

/* 5.03 with Max-Age: not asked again before, and told as what it was. */
static void test_not_before(void **state)
{
	struct request req;
	struct bench b;
	int64_t began = fg_clock_mono_us();

	(void)state;
	open_with_server(&b, one_path);
	exchange(&b, 0xa3, "\xd1\x01\x01", 3); /* Max-Age 1 */
	assert_int_equal(b.readings[0].detail, 0xa3);
	start(&b, 5000000, 1);
	assert_false(wait_request(&b, &req, 100000));
	wait_done(&b);
	if (fg_clock_mono_us() - began < 900000) { /* a machine that slept proves nothing */
		assert_int_equal(b.job.requests, 0);
		assert_int_equal(b.readings[0].reason, FG_REASON_COAP);
		assert_int_equal(b.readings[0].detail, 0xa3);
	}
	while (fg_clock_mono_us() - began < 3000000 && !b.job.requests) {
		start(&b, 5000000, 1);
		if (wait_request(&b, &req, 100000))
			answer(&b, &req, 0x45,
				"\xff"
				"5",
				2);
		wait_done(&b);
	}
	assert_true(fg_value_number(&b.readings[0].value) == 5);
	bench_close(&b);
}

/* Not confirmable: sent once, answered by its token; silence makes it wait for PROBING_RATE. */
static void test_not_confirmable(void **state)
{
	struct request req;
	struct bench b;

	(void)state;
	open_with_server(&b, one_path);
	b.device_conf.confirmable = false;
	start(&b, 5000000, 3);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(type_of(&req), NON);
	req.bytes[2] ^= 0x55; /* a NON answer has an id of its own */
	answer(&b, &req, 0x45,
		"\xff"
		"5",
		2);
	wait_done(&b);
	assert_true(fg_value_number(&b.readings[0].value) == 5);
	assert_int_equal(b.job.requests, 1);

	b.device.timeout_us = 200000;
	start(&b, 5000000, 3);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_false(wait_request(&b, &req, 3000000)); /* no repetition; done before */
	wait_done(&b);
	assert_int_equal(b.readings[0].reason, FG_REASON_NO_RESPONSE);
	assert_int_equal(b.job.requests, 1);
	start(&b, 5000000, 3);
	wait_done(&b); /* some ten bytes, one a second */
	assert_int_equal(b.job.requests, 0);
	assert_int_equal(b.readings[0].reason, FG_REASON_NO_RESPONSE);
	assert_non_null(strstr(b.explained, "PROBING_RATE"));
	bench_close(&b);
}

static void test_confirmable_is_the_rule(void **state)
{
	struct request req;
	struct bench b;

	(void)state;
	open_with_server(&b, one_path);
	start(&b, 5000000, 1);
	assert_true(wait_request(&b, &req, SOON_US));
	assert_int_equal(type_of(&req), CON);
	answer(&b, &req, 0x45,
		"\xff"
		"5",
		2);
	wait_done(&b);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_changed_between_blocks),
		cmocka_unit_test(test_not_before),
		cmocka_unit_test(test_not_confirmable),
		cmocka_unit_test(test_confirmable_is_the_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
