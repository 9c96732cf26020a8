/* SPDX-License-Identifier: EUPL-1.2 */
/* Finding the one answer in what a serial line brings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "drivers/modbus_frame.h"

#define MAX_BYTES 600

/* Bytes of a test: frames are completed with their checksum. */
struct bytes {
	uint8_t at[MAX_BYTES];
	size_t len;
};

static void add(struct bytes *b, const uint8_t *bytes, size_t len)
{
	assert_true(b->len + len <= MAX_BYTES);
	memcpy(b->at + b->len, bytes, len);
	b->len += len;
}

static void add_frame(struct bytes *b, const uint8_t *bytes, size_t len)
{
	uint8_t adu[FG_FRAME_MAX];

	add(b, adu, fg_frame_build(bytes[0], bytes + 1, len - 1, adu));
}

#define ADD(b, ...) add(b, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))
#define ADD_FRAME(b, ...)                                                                          \
	add_frame(b, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))
#define ANSWER 3, 3, 4, 0x00, 0xf5, 0x02, 0x1c

/* Two holding registers of unit 3. */
static void ask_two(struct fg_frame_query *q)
{
	static const uint8_t pdu[] = {3, 0, 0, 0, 2};

	memset(q, 0, sizeof(*q));
	fg_frame_ask(q, 3, pdu, sizeof(pdu), 6);
}

static void check_found(
	const struct fg_frame_query *q, const struct bytes *b, size_t at, size_t len)
{
	size_t found_at = 0, found = 0;

	assert_int_equal(fg_frame_find(q, b->at, b->len, &found_at, &found), FG_OK);
	assert_int_equal(found_at, at);
	assert_int_equal(found, len);
}

static void check_nothing(const struct fg_frame_query *q, const struct bytes *b)
{
	size_t at, len;

	assert_int_equal(fg_frame_find(q, b->at, b->len, &at, &len), FG_PENDING);
}

static void test_build(void **state)
{
	/* Modbus over serial line V1.02 has no example; this is the well-known one of libraries'
	 * manuals: unit 17, holding registers 107..109. */
	static const uint8_t want[] = {0x11, 0x03, 0x00, 0x6b, 0x00, 0x03, 0x76, 0x87};
	uint8_t adu[FG_FRAME_MAX];

	(void)state;
	assert_int_equal(fg_frame_build(0x11, want + 1, 5, adu), sizeof(want));
	assert_memory_equal(adu, want, sizeof(want));
	assert_true(fg_frame_is_whole(adu, sizeof(want)));
	for (size_t i = 0; i < 8 * sizeof(want); i++) {
		adu[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_false(fg_frame_is_whole(adu, sizeof(want)));
		adu[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	assert_false(fg_frame_is_whole(adu, 3));
}

static void test_answer_alone(void **state)
{
	struct fg_frame_query q;
	struct bytes b = {.len = 0};

	(void)state;
	ask_two(&q);
	ADD_FRAME(&b, ANSWER);
	check_found(&q, &b, 0, 9);
	for (b.len = 0; b.len < 9; b.len++)
		check_nothing(&q, &b);
}

static void test_answer_behind(void **state)
{
	struct fg_frame_query q;
	struct bytes noise = {.len = 0}, echo = {.len = 0}, foreign = {.len = 0};

	(void)state;
	ask_two(&q);
	ADD(&noise, 0xff, 0x03, 0x03, 0x04, 0x00);
	ADD_FRAME(&noise, ANSWER);
	ADD(&noise, 0x03);
	check_found(&q, &noise, 5, 9);

	add(&echo, q.adu, q.len);
	assert_int_equal(fg_frame_echo(&q, echo.at, echo.len), 8);
	assert_int_equal(fg_frame_echo(&q, echo.at, 7), 0);
	check_nothing(&q, &echo);
	ADD_FRAME(&echo, ANSWER);
	check_found(&q, &echo, 8, 9);

	ADD_FRAME(&foreign, 4, 3, 4, 0, 1, 0, 2); /* another unit's */
	ADD_FRAME(&foreign, 3, 4, 4, 0, 1, 0, 2); /* another function's */
	ADD_FRAME(&foreign, 3, 3, 2, 0, 1);	  /* another count's: late */
	check_nothing(&q, &foreign);
	ADD_FRAME(&foreign, ANSWER);
	check_found(&q, &foreign, 9 + 9 + 7, 9);
}

static void test_refusal(void **state)
{
	struct fg_frame_query q;
	struct bytes b = {.len = 0};

	(void)state;
	ask_two(&q);
	ADD_FRAME(&b, 3, 0x84, 2); /* of another function */
	check_nothing(&q, &b);
	ADD_FRAME(&b, 3, 0x83, 2);
	check_found(&q, &b, 5, 5);
}

/* Functions 5 and 6 answer with the request itself. */
static void test_write_on_a_line_that_echoes(void **state)
{
	static const uint8_t pdu[] = {6, 0, 1, 0, 3};
	struct fg_frame_query q = {.len = 0};
	struct bytes b = {.len = 0};

	(void)state;
	fg_frame_ask(&q, 3, pdu, sizeof(pdu), 5);
	add(&b, q.adu, q.len);
	check_found(&q, &b, 0, 8);
	q.echoes = true;
	check_nothing(&q, &b);
	add(&b, q.adu, q.len);
	check_found(&q, &b, 8, 8);
}

/* Where the length is not known beforehand, the frame itself tells it. */
static void test_unknown_length(void **state)
{
	static const uint8_t report[] = {17}, identity[] = {43, 14, 1, 0}, other[] = {65, 1};
	struct fg_frame_query q = {.len = 0};
	struct bytes id = {.len = 0}, objects = {.len = 0}, own = {.len = 0};

	(void)state;
	fg_frame_ask(&q, 3, report, sizeof(report), 0);
	ADD_FRAME(&id, 3, 17, 4, 1, 0xff, 'A', 'B');
	id.len--;
	check_nothing(&q, &id);
	id.len++;
	ADD(&id, 0);
	check_found(&q, &id, 0, 9);

	fg_frame_ask(&q, 3, identity, sizeof(identity), 0);
	ADD_FRAME(&objects, 3, 43, 14, 1, 1, 0, 0, 2, 0, 2, 'A', 'B', 1, 1, 'C');
	objects.len--;
	check_nothing(&q, &objects);
	objects.len++;
	check_found(&q, &objects, 0, 17);

	fg_frame_ask(&q, 3, other, sizeof(other), 0);
	ADD_FRAME(&own, 3, 65, 9, 9, 9);
	check_found(&q, &own, 0, 7);
}

/* After a silence: what can only be the answer, damaged, ends the waiting. */
static void test_silence(void **state)
{
	struct fg_frame_query q;
	struct bytes b = {.len = 0};

	(void)state;
	ask_two(&q);
	ADD_FRAME(&b, ANSWER);
	b.at[4] ^= 1;
	assert_int_equal(fg_frame_judge(&q, b.at, b.len), FG_EFRAME);
	assert_int_equal(fg_frame_judge(&q, b.at, b.len - 1), FG_PENDING); /* half a frame */
	b.at[0] = 4;
	assert_int_equal(fg_frame_judge(&q, b.at, b.len), FG_PENDING); /* another unit's */
	b.len = 0;
	ADD_FRAME(&b, 3, 3, 6, 0, 1, 0, 2, 0, 3); /* whole, of another request */
	assert_int_equal(fg_frame_judge(&q, b.at, b.len), FG_PENDING);
	assert_int_equal(fg_frame_judge(&q, b.at, 0), FG_PENDING);
}

static void test_times(void **state)
{
	(void)state;
	assert_int_equal(fg_frame_silence_us(9600, 10), 3646);
	assert_int_equal(fg_frame_silence_us(9600, 11), 4011);
	assert_int_equal(fg_frame_silence_us(19200, 11), 2006);
	assert_int_equal(fg_frame_silence_us(38400, 11), 1750);
	assert_int_equal(fg_frame_chars_us(8, 9600, 10), 8334);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_answer_alone),
		cmocka_unit_test(test_answer_behind),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_write_on_a_line_that_echoes),
		cmocka_unit_test(test_unknown_length),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
