/* SPDX-License-Identifier: EUPL-1.2 */
/* What was heard, as a table: bytes or a status → what it is called, and what to try. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "drivers/modbus_diagnose.h"

/* Reads holding registers 0 and 1 of unit 3; the right answer is 9 bytes long. */
#define REQUEST "\x03\x03\x00\x00\x00\x02\xC5\xE9"

static struct fg_raw asked(int status, const char *heard, size_t len, bool echo)
{
	struct fg_raw x = {.unit = 3,
		.pdu = {3, 0, 0, 0, 2},
		.pdu_len = 5,
		.status = status,
		.sent_len = 8,
		.heard_len = len,
		.echo = echo};

	memcpy(x.sent, REQUEST, 8);
	memcpy(x.heard, heard, len);
	return x;
}

static const char *all_words(const struct fg_heard *h)
{
	static char mem[2000];
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_heard_words(h, &out);
	for (size_t i = 0; fg_buf_putc(&out, '\n'), fg_heard_try(h, i, &out); i++)
		;
	assert_false(out.overflow);
	return mem;
}

#define H(text) text, sizeof(text) - 1

static void bytes(void **state)
{
	static const struct {
		const char *heard;
		size_t len;
		bool echo;
		enum fg_heard_kind kind;
		const char *words, *try;
	} cases[] = {
		{H(""), false, FG_HEARD_NOTHING, "unit 3: nothing came back", "wires A and B"},
		{H(REQUEST), true, FG_HEARD_ECHO, "local echo", "harmless"},
		{H("\0\0\0\xFF\0"), false, FG_HEARD_HELD, "5 bytes", "exchange the wires A and B"},
		{H(REQUEST "\0\0\0"), true, FG_HEARD_HELD, "3 bytes", "exchange"},
		/* at a rate that is too high, a byte becomes several */
		{H("\x80\x78\x80\x78\xE6\x98\xFE\x1E\x86\xE0\x78\x06\x9E\x80"), false,
			FG_HEARD_LONG_NOISE, "14 bytes", "the baud rate is wrong"},
		{H("\x8F\x2C\x71"), false, FG_HEARD_NOISE, "3 bytes", "--baud all"},
		{H("\x03\x03\x04\x00"), false, FG_HEARD_SHORT, "broke off after 4 bytes",
			"fewer registers"},
		/* with the wrong parity some characters come as 00 */
		{H("\x03\x03\x00\x00\xF5\x00\x1C\xC9\x68"), false, FG_HEARD_DAMAGED,
			"damaged characters", "--parity all"},
		{H("\x83\x03\x04\x00\xF5\x02\x1C\xC9\x68"), false, FG_HEARD_DAMAGED,
			"damaged characters", "two instruments"},
		{H("\x04\x03\x04\x00\xF5\x02\x1C\xBF\xA8"), false, FG_HEARD_OTHER_UNIT,
			"unit 4 answered, though unit 3 was asked", "another master"},
		{H("\xFF\x04\x03\x04\x00\xF5\x02\x1C\xBF\xA8\x00"), false, FG_HEARD_OTHER_UNIT,
			"unit 4 answered", "ask that one"},
		{H("\x03\x03\x02\x00\xF5\x01\xC3"), false, FG_HEARD_OTHER_ANSWER,
			"not to this request", "late"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_raw x =
			asked(cases[i].len > (cases[i].echo ? 8 : 0) ? FG_EFRAME : FG_ETIMEOUT,
				cases[i].heard, cases[i].len, cases[i].echo);
		struct fg_heard h;
		const char *words;

		assert_true(fg_heard_from_raw(&x, FG_ON_SERIAL, "/dev/ttyS9", &h));
		words = all_words(&h);
		if (h.kind != cases[i].kind || !strstr(words, cases[i].words) ||
			!strstr(words, cases[i].try))
			fail_msg("case %zu: kind %d: %s", i, (int)h.kind, words);
	}
}

static void tcp(void **state)
{
	static const struct {
		const char *heard;
		size_t len;
		const char *words, *try;
	} cases[] = {
		{H(""), "plc:502 took the connection", "1 or 255"},
		{H("\x03\x03\x04\x00\xF5\x02\x1C\xC9\x68"), "does not speak Modbus TCP",
			"rtutcp://"},
		{H("SSH-2.0-x"), "does not speak Modbus TCP", "502"},
		{H("\x00\x07\x00\x00\x00\x03\x09\x83\x02"), "unit 9 answered", "late"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_raw x = asked(cases[i].len ? FG_EFRAME : FG_ETIMEOUT, cases[i].heard,
			cases[i].len, false);
		struct fg_heard h;
		const char *words;

		assert_true(fg_heard_from_raw(&x, FG_ON_TCP, "plc:502", &h));
		words = all_words(&h);
		if (!strstr(words, cases[i].words) || !strstr(words, cases[i].try))
			fail_msg("case %zu: %s", i, words);
	}
}

static void refusals(void **state)
{
	static const struct {
		unsigned exception;
		const char *words, *try;
	} cases[] = {
		{1, "does not know this function", "the other table: input"},
		{2, "no such address", "manuals count from 1"},
		{3, "the count", "fewer registers"},
		{6, "busy", "again"},
		{10, "the gateway answers for unit 3", "routing"},
		{11, "the instrument does not answer it", "bus behind it"},
		{77, "exception 77", "manual"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_raw x = asked(FG_OK, "", 0, false);
		struct fg_heard h;
		const char *words;

		x.answer[0] = 0x83;
		x.answer[1] = (uint8_t)cases[i].exception;
		x.answer_len = 2;
		assert_true(fg_heard_from_raw(&x, FG_ON_TCP, "plc:502", &h));
		words = all_words(&h);
		if (!strstr(words, cases[i].words) || !strstr(words, cases[i].try))
			fail_msg("exception %u: %s", cases[i].exception, words);
		assert_true(fg_heard_from_reason(
			FG_REASON_EXCEPTION, cases[i].exception, FG_ON_SERIAL, 3, &h));
		assert_string_equal(words, all_words(&h));
	}
}

static void ports(void **state)
{
	static const struct {
		int status;
		unsigned on;
		const char *words, *try;
	} cases[] = {
		{-ENOENT, FG_ON_SERIAL, "there is no port P", "/dev/serial/by-id"},
		{-EACCES, FG_ON_SERIAL, "no permission to open P", "dialout"},
		{-EBUSY, FG_ON_SERIAL, "P is in use by another program", "link instead"},
		{-ENOTTY, FG_ON_SERIAL, "no serial port", "by-id"},
		{-EIO, FG_ON_SERIAL, "failed while", "unplugged"},
		{-ENOENT, FG_ON_TCP, "cannot be resolved", "spelling"},
		{-ECONNREFUSED, FG_ON_TCP, "connection refused", "502"},
		{-EHOSTUNREACH, FG_ON_SERVER, "no answer to the attempt", "ping"},
		{-ECONNRESET, FG_ON_SERVER, "closed the connection", "one client"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_raw x = asked(cases[i].status, "", 0, false);
		struct fg_heard h;
		const char *words;

		assert_true(fg_heard_from_raw(&x, cases[i].on, "P", &h));
		words = all_words(&h);
		if (!strstr(words, cases[i].words) || !strstr(words, cases[i].try))
			fail_msg("status %d: %s", cases[i].status, words);
	}
}

static void what_is_well_gets_no_words(void **state)
{
	struct fg_raw x = asked(FG_OK, "", 0, false);
	struct fg_heard h;

	(void)state;
	memcpy(x.answer, "\x03\x04\x00\xF5\x02\x1C", 6);
	x.answer_len = 6;
	assert_false(fg_heard_from_raw(&x, FG_ON_SERIAL, "P", &h));
	assert_false(fg_heard_from_reason(FG_REASON_SENTINEL, 0, FG_ON_SERIAL, 3, &h));
	assert_false(fg_heard_from_reason(FG_REASON_NONE, 0, FG_ON_SERIAL, 3, &h));
}

/* Each thing that can be heard on a link has words there. */
static void nothing_is_left_without_words(void **state)
{
	static const unsigned everywhere[] = {FG_ON_SERIAL, FG_ON_SERVER, FG_ON_TCP};
	static const enum fg_reason reasons[] = {
		FG_REASON_NO_RESPONSE, FG_REASON_FRAME, FG_REASON_EXCEPTION, FG_REASON_LINK_DOWN};
	static const int statuses[] = {-ENOENT, -EACCES, -EBUSY, -EIO, -ECONNREFUSED, -ECONNRESET,
		-EHOSTUNREACH, -EMFILE, FG_ENOMEM};
	struct fg_heard h;

	(void)state;
	for (size_t on = 0; on < FG_COUNT(everywhere); on++) {
		for (size_t i = 0; i < FG_COUNT(reasons); i++) {
			assert_true(fg_heard_from_reason(reasons[i], 4, everywhere[on], 3, &h));
			assert_null(strstr(all_words(&h), "the exchange failed"));
		}
		for (size_t i = 0; i < FG_COUNT(statuses); i++) {
			fg_heard_from_open(statuses[i], everywhere[on], "P", &h);
			assert_null(strstr(all_words(&h), "the exchange failed"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),
		cmocka_unit_test(tcp),
		cmocka_unit_test(refusals),
		cmocka_unit_test(ports),
		cmocka_unit_test(what_is_well_gets_no_words),
		cmocka_unit_test(nothing_is_left_without_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
