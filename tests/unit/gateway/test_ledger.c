/* SPDX-License-Identifier: EUPL-1.2 */
/* The ledger of one device alone: periods, gaps, accounts, refusals, time that becomes known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/status.h"
#include "gateway/ledger.h"

#define SEC  INT64_C(1000000)
#define HOUR (3600 * SEC)
#define NOON INT64_C(1782907200000000) /* 2026-07-01T12:00:00Z */

static const struct fg_point_desc ph = {.station = "pier", .device = "sonde", .point = "ph"};

struct written {
	struct fg_gap gaps[64];
	enum fg_reason reasons[64];
	size_t gap_count;
	struct fg_account accounts[16];
	struct fg_account_line lines[16]; /* the first of each */
	size_t account_count;
	struct fg_ledger_row row;
	unsigned rows;
	bool full, full_of_rows, full_at_end, open;
};

static struct written w;
static struct fg_ledger *l;

static int take_gaps(void *arg, struct fg_item *items, unsigned count)
{
	(void)arg;
	if (w.full)
		return FG_EFULL;
	for (unsigned i = 0; i < count; i++) {
		w.reasons[w.gap_count] = items[i].reason;
		w.gaps[w.gap_count++] = *items[i].gap;
	}
	return FG_OK;
}

static int take_account(void *arg, const struct fg_account *account)
{
	(void)arg;
	assert_true(w.open);
	if (w.full)
		return FG_EFULL;
	w.lines[w.account_count] = account->lines[0];
	w.accounts[w.account_count++] = *account;
	return FG_OK;
}

static int take_row(void *arg, const struct fg_ledger_row *row)
{
	(void)arg;
	if (w.full || w.full_of_rows)
		return FG_EFULL;
	w.row = *row;
	w.rows++;
	return FG_OK;
}

static size_t accounts_before;
static unsigned rows_before;
static struct fg_ledger_row row_before;

static void take_begin(void *arg)
{
	(void)arg;
	accounts_before = w.account_count;
	rows_before = w.rows;
	row_before = w.row;
	w.open = true;
}

static int take_end(void *arg, bool keep)
{
	(void)arg;
	assert_true(w.open);
	w.open = false;
	if (keep && !w.full_at_end)
		return FG_OK;
	w.account_count = accounts_before;
	w.rows = rows_before;
	w.row = row_before;
	return keep ? FG_EFULL : FG_OK;
}

static const struct fg_ledger_sink sink = {.gaps = take_gaps,
	.account = take_account,
	.row = take_row,
	.begin = take_begin,
	.end = take_end};

static int begin(void **state)
{
	(void)state;
	w = (struct written){0};
	l = fg_ledger_new("sonde", NOON + 600 * SEC, 100);
	assert_int_equal(fg_ledger_add_point(l, 7, &ph, false), FG_OK);
	fg_ledger_timed(l, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fg_ledger_free(l);
	return 0;
}

static void missing(enum fg_reason reason, int64_t at_us)
{
	const struct fg_ledger_missing m = {
		.reason = reason, .from_us = at_us, .to_us = at_us, .count = 1};

	fg_ledger_missing(l, 0, &m);
}

static int run(int64_t now_us, uint64_t next_seq)
{
	fg_ledger_roll(l, now_us, next_seq);
	return fg_ledger_write(l, now_us, INT64_MAX, &sink);
}

static void test_gaps_wait_until_the_point_is_good(void **state)
{
	int64_t t = NOON + 700 * SEC;

	(void)state;
	missing(FG_REASON_NO_RESPONSE, t);
	missing(FG_REASON_FRAME, t + 10 * SEC);
	missing(FG_REASON_NO_RESPONSE, t + 20 * SEC);
	run(t + 300 * SEC, 100);
	assert_int_equal(w.gap_count, 0);
	fg_ledger_sent(l, 0, t + 300 * SEC);
	run(t + 359 * SEC, 100);
	assert_int_equal(w.gap_count, 0);
	assert_true(fg_ledger_wake_us(l, t + 359 * SEC) == t + 360 * SEC);
	run(t + 360 * SEC, 100);
	assert_int_equal(w.gap_count, 2);
	assert_int_equal(w.reasons[0], FG_REASON_NO_RESPONSE);
	assert_int_equal(w.gaps[0].count, 2);
	assert_true(w.gaps[0].from_ms == t / 1000 && w.gaps[0].to_ms == t / 1000 + 20000);
	assert_int_equal(w.gaps[1].count, 1);
	run(t + 500 * SEC, 100); /* once */
	assert_int_equal(w.gap_count, 2);
}

static void test_a_fifth_kind_writes_the_oldest(void **state)
{
	int64_t t = NOON + 700 * SEC;

	(void)state;
	for (int i = 0; i < 4; i++)
		missing((enum fg_reason)(FG_REASON_NO_RESPONSE + i), t + i);
	run(t + SEC, 100);
	assert_int_equal(w.gap_count, 0);
	missing(FG_REASON_OVERRUN, t + 10);
	run(t + SEC, 100);
	assert_int_equal(w.gap_count, 1);
	assert_int_equal(w.reasons[0], FG_REASON_NO_RESPONSE);
}

/* However many kinds there are and however long nothing can be written, none is forgotten. */
static void test_many_kinds_while_the_store_is_full(void **state)
{
	uint64_t sum = 0;

	(void)state;
	w.full = true;
	for (int i = 0; i < 20; i++)
		missing((enum fg_reason)(1 + i), NOON + (700 + i) * SEC);
	assert_int_equal(run(NOON + 800 * SEC, 100), FG_EFULL);
	fg_ledger_roll(l, NOON + HOUR, 100);
	for (int i = 0; i < 20; i++)
		missing((enum fg_reason)(1 + i), NOON + HOUR + i * SEC);
	assert_int_equal(run(NOON + HOUR + 60 * SEC, 100), FG_EFULL);
	w.full = false;
	assert_int_equal(run(NOON + HOUR + 60 * SEC, 100), FG_OK);
	for (size_t i = 0; i < w.gap_count; i++)
		sum += w.gaps[i].to_ms < (NOON + HOUR) / 1000 ? w.gaps[i].count : 0;
	assert_int_equal(sum, 20);
	assert_int_equal(w.lines[0].missing, 20);
	run(NOON + 2 * HOUR, 100);
	run(NOON + 2 * HOUR + 5 * SEC, 100);
	assert_int_equal(w.lines[1].missing, 20);
	sum = 0;
	for (size_t i = 0; i < w.gap_count; i++)
		sum += w.gaps[i].count;
	assert_int_equal(sum, 40);
}

static void test_hour(void **state)
{
	int64_t hour = NOON + HOUR;

	(void)state;
	fg_ledger_sent(l, 0, NOON + 700 * SEC);
	fg_ledger_suppressed(l, 0, NOON + 800 * SEC);
	missing(FG_REASON_OVERRUN, hour - SEC);
	fg_ledger_roll(l, hour + SEC, 150);
	fg_ledger_sent(l, 0, hour + SEC);
	fg_ledger_sent(l, 0, hour - SEC / 2); /* late, but of the hour before */
	fg_ledger_write(l, hour + 4 * SEC, INT64_MAX, &sink);
	assert_int_equal(w.account_count, 0);
	/* a poll that began before the hour is under way */
	fg_ledger_write(l, hour + 6 * SEC, hour - SEC, &sink);
	assert_int_equal(w.account_count, 0);
	fg_ledger_write(l, hour + 7 * SEC, hour, &sink);
	assert_int_equal(w.account_count, 1);
	assert_int_equal(w.gap_count, 1);
	assert_true(w.accounts[0].from_ms == (NOON + 600 * SEC) / 1000);
	assert_true(w.accounts[0].to_ms == hour / 1000);
	assert_int_equal(w.lines[0].scheduled, 4);
	assert_int_equal(w.lines[0].sent, 2);
	assert_int_equal(w.lines[0].suppressed, 1);
	assert_int_equal(w.lines[0].missing, 1);
	assert_true(w.row.to_ms == hour / 1000 && w.row.from_seq == 150 && !w.row.clean);
	run(hour + HOUR, 200);
	run(hour + HOUR + 5 * SEC, 201);
	assert_int_equal(w.lines[1].sent, 1);
	assert_true(w.accounts[1].from_ms == w.accounts[0].to_ms);
}

static void test_a_poll_that_hangs_does_not_hold_the_account_for_ever(void **state)
{
	(void)state;
	fg_ledger_roll(l, NOON + HOUR, 150);
	fg_ledger_write(l, NOON + HOUR + 29 * 60 * SEC, NOON, &sink);
	assert_int_equal(w.account_count, 0);
	fg_ledger_write(l, NOON + HOUR + 30 * 60 * SEC, NOON, &sink);
	assert_int_equal(w.account_count, 1);
}

/* Slots on both sides of the hour are in the period of their time. */
static void test_slots_over_the_hour(void **state)
{
	(void)state;
	fg_ledger_roll(l, NOON + HOUR + SEC, 150);
	fg_ledger_slots(l, 0, FG_REASON_GATEWAY_OFF, NOON + HOUR - 25 * SEC, 10 * SEC, 6);
	fg_ledger_write(l, NOON + HOUR + 40 * SEC, INT64_MAX, &sink);
	assert_int_equal(w.lines[0].missing, 3);
	assert_int_equal(w.gaps[0].count, 3);
	assert_true(w.gaps[0].to_ms == (NOON + HOUR) / 1000 - 5000);
	fg_ledger_close(l, NOON + HOUR + 50 * SEC, 160, true);
	fg_ledger_write(l, NOON + HOUR + 50 * SEC, INT64_MAX, &sink);
	assert_int_equal(w.lines[1].missing, 3);
	assert_true(w.gaps[1].from_ms == (NOON + HOUR) / 1000 + 5000);
}

static void test_close(void **state)
{
	(void)state;
	missing(FG_REASON_LINK_DOWN, NOON + 700 * SEC);
	fg_ledger_close(l, NOON + 900 * SEC, 120, true);
	w.full = true;
	assert_int_equal(fg_ledger_write(l, NOON + 900 * SEC, NOON, &sink), FG_EFULL);
	assert_false(fg_ledger_is_done(l));
	w.full = false;
	w.full_of_rows = true;
	assert_int_equal(fg_ledger_write_row(l, &sink), FG_EFULL);
	w.full_of_rows = false;
	assert_int_equal(fg_ledger_write(l, NOON + 901 * SEC, NOON, &sink), FG_OK);
	assert_true(fg_ledger_is_done(l));
	assert_int_equal(w.account_count, 1);
	assert_true(w.accounts[0].to_ms == (NOON + 900 * SEC) / 1000);
	assert_true(w.row.clean && w.row.to_ms == w.accounts[0].to_ms);
}

/* Nothing is written in monotonic time; then all of it is told in wall time. */
static void test_time_becomes_known(void **state)
{
	int64_t hour = 1000 * HOUR; /* of monotonic time */

	(void)state;
	fg_ledger_free(l);
	l = fg_ledger_new("sonde", hour - 500 * SEC, 100);
	assert_int_equal(fg_ledger_add_point(l, 7, &ph, false), FG_OK);
	missing(FG_REASON_LINK_DOWN, hour - 400 * SEC);
	fg_ledger_sent(l, 0, hour - 300 * SEC);
	assert_int_equal(run(hour + 100 * SEC, 110), FG_OK);
	assert_int_equal(w.gap_count + w.account_count, 0);
	assert_int_equal(w.rows, 1); /* but the store knows that there is a ledger */
	assert_true(w.row.to_ms == 0 && w.row.from_seq == 100);
	fg_ledger_timed(l, NOON - hour);
	run(NOON + 100 * SEC, 110);
	assert_int_equal(w.gap_count, 1);
	assert_true(w.gaps[0].from_ms == (NOON - 400 * SEC) / 1000);
	assert_int_equal(w.account_count, 1); /* an hour was full meanwhile */
	assert_true(w.accounts[0].from_ms == (NOON - 500 * SEC) / 1000);
	assert_true(w.row.to_ms == NOON / 1000 && w.row.from_seq == 110);
	assert_int_equal(w.lines[0].scheduled, 2);
}

static void test_clock_set_back(void **state)
{
	(void)state;
	run(NOON + HOUR, 150);
	run(NOON + HOUR + 5 * SEC, 150);
	assert_int_equal(w.account_count, 1);
	missing(FG_REASON_FRAME, NOON + HOUR + 60 * SEC);
	run(NOON - 100 * SEC, 160); /* falls behind the beginning of the hour */
	assert_int_equal(w.account_count, 2);
	assert_true(w.accounts[1].from_ms == w.accounts[0].to_ms);
	assert_true(w.accounts[1].to_ms == (NOON - 100 * SEC) / 1000);
	assert_int_equal(w.lines[1].missing, 1);
	assert_true(w.row.to_ms == w.accounts[1].to_ms && w.row.from_seq == 160);
	assert_true(w.gaps[0].to_ms < w.row.to_ms); /* no restart takes it for a new one */
	run(NOON, 170);
	run(NOON + 5 * SEC, 170);
	assert_true(w.accounts[2].from_ms == w.accounts[1].to_ms);
}

static void reckon(bool clean, uint32_t sent, int64_t first_us)
{
	struct fg_ledger_row row = {"sonde", NOON / 1000, 50, clean};

	fg_ledger_free(l);
	l = fg_ledger_new("sonde", 5 * SEC, 100);
	assert_int_equal(fg_ledger_add_point(l, 7, &ph, false), FG_OK);
	fg_ledger_resume(l, &row, 0, 0);
	fg_ledger_add_known(l, 0, sent, 1);
	fg_ledger_timed(l, first_us - 5 * SEC);
	assert_true(fg_ledger_wants_reckoning(l));
	fg_ledger_reckon(l, 0, first_us, 60 * SEC);
	fg_ledger_reckoned(l);
	assert_false(fg_ledger_wants_reckoning(l));
	fg_ledger_close(l, first_us, 200, true);
	fg_ledger_write(l, first_us, INT64_MAX, &sink);
}

static void test_start_after_a_crash(void **state)
{
	(void)state;
	reckon(false, 10, NOON + 30 * 60 * SEC);
	assert_int_equal(w.lines[0].scheduled, 30);
	assert_int_equal(w.lines[0].sent, 10);
	assert_int_equal(w.gap_count, 1);
	assert_int_equal(w.gaps[0].count, 19);
	assert_true(w.gaps[0].estimated);
	assert_int_equal(w.reasons[0], FG_REASON_GATEWAY_OFF);
	assert_true(w.gaps[0].to_ms == (NOON + 29 * 60 * SEC) / 1000);
	assert_true(w.accounts[0].from_ms == NOON / 1000);
}

static void test_start_after_a_clean_end(void **state)
{
	(void)state;
	reckon(true, 0, NOON + 90 * SEC);
	assert_int_equal(w.gap_count, 0); /* the one that is known was all */
	assert_int_equal(w.lines[0].scheduled, 1);
	reckon(true, 0, NOON + 150 * SEC);
	assert_int_equal(w.gaps[0].count, 1);
	assert_false(w.gaps[0].estimated);
}

/* The device changed before the time was known: the one that comes after it reckons, by what was
 * known of the points that both have, and nobody does it twice. */
static void test_a_successor_reckons(void **state)
{
	struct fg_ledger_row row = {"sonde", NOON / 1000, 50, false};
	const int64_t first_us = NOON + 30 * 60 * SEC;
	struct fg_ledger *before, *twin;

	(void)state;
	fg_ledger_free(l);
	before = fg_ledger_new("sonde", 5 * SEC, 100);
	assert_int_equal(fg_ledger_add_point(before, 7, &ph, false), FG_OK);
	fg_ledger_resume(before, &row, 0, 0);
	fg_ledger_add_known(before, 0, 10, 1);
	l = fg_ledger_new("sonde", 65 * SEC, 120);
	assert_int_equal(fg_ledger_add_point(l, 8, &ph, false), FG_OK); /* it is new */
	assert_int_equal(fg_ledger_add_point(l, 7, &ph, false), FG_OK);
	fg_ledger_succeed(l, before);
	assert_false(fg_ledger_wants_reckoning(before));
	assert_true(fg_ledger_wants_reckoning(l));
	twin = fg_ledger_new("sonde", 65 * SEC, 120);
	fg_ledger_succeed(twin, before);
	assert_false(fg_ledger_wants_reckoning(twin));
	fg_ledger_timed(l, first_us - 65 * SEC);
	fg_ledger_reckon(l, 1, first_us, 60 * SEC);
	fg_ledger_reckoned(l);
	fg_ledger_close(l, first_us + SEC, 200, true);
	assert_int_equal(fg_ledger_write(l, first_us + SEC, INT64_MAX, &sink), FG_OK);
	assert_int_equal(w.gap_count, 1);
	assert_int_equal(w.gaps[0].count, 30 - 11);
	assert_true(w.gaps[0].estimated);
	assert_int_equal(w.lines[0].scheduled, 0);
	fg_ledger_timed(before, first_us - 65 * SEC);
	fg_ledger_close(before, first_us, 120, false);
	assert_int_equal(fg_ledger_write(before, first_us, INT64_MAX, &sink), FG_OK);
	assert_int_equal(w.gap_count, 1);
	assert_int_equal(w.lines[1].scheduled, 11); /* what is known is here alone */
	fg_ledger_free(before);
	fg_ledger_free(twin);
}

/* It was not configured at the start, and came back before the time was known: what was written of
 * it before does not say that nothing follows. */
static void test_a_successor_has_readings(void **state)
{
	const struct fg_ledger_row row = {"sonde", NOON / 1000, 50, false};
	struct fg_ledger *before = fg_ledger_new("sonde", 5 * SEC, 100);

	(void)state;
	assert_int_equal(fg_ledger_add_point(before, 7, &ph, true), FG_OK);
	fg_ledger_resume(before, &row, 0, 0);
	fg_ledger_close(before, 5 * SEC, 100, true);
	fg_ledger_succeed(l, before);
	fg_ledger_timed(before, NOON + HOUR / 2);
	assert_int_equal(fg_ledger_write(before, NOON + HOUR, INT64_MAX, &sink), FG_OK);
	assert_true(fg_ledger_is_done(before));
	assert_true(w.row.from_seq == 100);
	assert_false(w.row.clean);
	fg_ledger_free(before);
}

static void test_more_points_than_an_account_holds(void **state)
{
	size_t lines = 0;

	(void)state;
	for (uint32_t i = 0; i < 149; i++)
		assert_int_equal(fg_ledger_add_point(l, 8 + i, &ph, false), FG_OK);
	for (uint32_t i = 0; i < 10; i++) /* nothing is known of these */
		assert_int_equal(fg_ledger_add_point(l, 300 + i, &ph, true), FG_OK);
	run(NOON + HOUR, 150);
	run(NOON + HOUR + 5 * SEC, 150);
	assert_int_equal(w.account_count, 3);
	for (size_t i = 0; i < 3; i++)
		lines += w.accounts[i].count;
	assert_int_equal(lines, 150);
	assert_int_equal(w.lines[1].point, 7 + FG_ACCOUNT_LINES);
}

/* All accounts of a period and the row that says so, or none of it: one that is stored without the
 * row would be written again after a crash. */
static void test_accounts_and_row_come_together(void **state)
{
	const int64_t t = NOON + HOUR + 5 * SEC;
	unsigned rows;

	(void)state;
	for (uint32_t i = 0; i < 149; i++)
		assert_int_equal(fg_ledger_add_point(l, 8 + i, &ph, false), FG_OK);
	fg_ledger_sent(l, 0, NOON + 700 * SEC);
	run(NOON + HOUR, 150);
	rows = w.rows;
	w.full_at_end = true;
	assert_int_equal(run(t, 150), FG_EFULL);
	w.full_at_end = false;
	w.full_of_rows = true;
	assert_int_equal(run(t, 150), FG_EFULL);
	assert_int_equal(w.account_count, 0);
	assert_int_equal(w.rows, rows);
	w.full_of_rows = false;
	assert_int_equal(run(t, 150), FG_OK);
	assert_int_equal(w.account_count, 3);
	assert_int_equal(w.lines[0].sent, 1);
	assert_int_equal(w.rows, rows + 1);
	assert_true(w.row.to_ms == (NOON + HOUR) / 1000 && w.row.from_seq == 150);
	run(t + SEC, 151);
	assert_int_equal(w.rows, rows + 1);
}

static void test_totals(void **state)
{
	uint64_t all, today;

	(void)state;
	missing(FG_REASON_FRAME, NOON + 700 * SEC);
	missing(FG_REASON_FRAME, NOON + 24 * HOUR);
	fg_ledger_totals(l, NOON + 24 * HOUR, &all, &today);
	assert_int_equal(all, 2);
	assert_int_equal(today, 1);
	fg_ledger_totals(l, NOON + 48 * HOUR, &all, &today);
	assert_int_equal(today, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gaps_wait_until_the_point_is_good),
		TEST(test_a_fifth_kind_writes_the_oldest),
		TEST(test_many_kinds_while_the_store_is_full),
		TEST(test_hour),
		TEST(test_a_poll_that_hangs_does_not_hold_the_account_for_ever),
		TEST(test_slots_over_the_hour),
		TEST(test_close),
		TEST(test_time_becomes_known),
		TEST(test_clock_set_back),
		TEST(test_start_after_a_crash),
		TEST(test_start_after_a_clean_end),
		TEST(test_a_successor_reckons),
		TEST(test_a_successor_has_readings),
		TEST(test_more_points_than_an_account_holds),
		TEST(test_accounts_and_row_come_together),
		TEST(test_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
