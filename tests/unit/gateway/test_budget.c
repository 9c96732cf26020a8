/* SPDX-License-Identifier: EUPL-1.2 */
/* A day's bytes: what gives first, how even live readings stay, and that a day is never overdrawn
 * by more than what was on its way. A link that costs so many bytes a message is played through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/budget.h"

#define DAY_MS	 INT64_C(86400000)
#define POINTS	 10
#define WIRE	 300 /* what a message costs on this link */
#define READINGS (POINTS * 1440) /* of a day, one a minute of each point */

static struct fg_budget b;
static int64_t now_ms;
static uint64_t seq;
static unsigned live[POINTS], backlog; /* of a day */
static unsigned longest[POINTS];       /* readings between two that went out */

static int begin(void **state)
{
	(void)state;
	b = (struct fg_budget){0};
	now_ms = 100 * DAY_MS;
	seq = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	fg_budget_fini(&b);
	return 0;
}

static void pay(size_t readings)
{
	fg_budget_sent(&b, 150, readings);
	fg_budget_wire(&b, WIRE);
}

/* One day; as much backlog as it may. */
static void live_a_day(bool urgent)
{
	unsigned since[POINTS] = {0};

	fg_budget_day(&b, now_ms, now_ms + DAY_MS);
	memset(live, 0, sizeof(live));
	memset(longest, 0, sizeof(longest));
	backlog = 0;
	for (int minute = 0; minute < 1440; minute++, now_ms += 60000) {
		for (unsigned p = 0; p < POINTS; p++) {
			bool goes = fg_budget_live(&b, now_ms, now_ms * 1000, ++seq, p, urgent);

			assert_int_equal(goes, /* asked again */
				fg_budget_live(&b, now_ms, now_ms * 1000, seq, p, urgent));
			since[p] = goes ? 0 : since[p] + 1;
			if (since[p] > longest[p])
				longest[p] = since[p];
			live[p] += goes;
			if (goes)
				pay(1);
		}
		for (int i = 0; i < 50 && fg_budget_level(&b, now_ms) == FG_BUDGET_ENOUGH; i++) {
			backlog++;
			pay(1);
		}
	}
}

static unsigned all_live(void)
{
	unsigned n = 0;

	for (unsigned p = 0; p < POINTS; p++)
		n += live[p];
	return n;
}

static void test_no_limit(void **state)
{
	(void)state;
	live_a_day(false);
	assert_int_equal(all_live(), READINGS);
	assert_int_equal(fg_budget_level(&b, now_ms), FG_BUDGET_ENOUGH);
}

/* Enough for all that is live and a fifth more: the backlog gets that, and no live one waits. */
static void test_backlog_gets_what_is_left(void **state)
{
	(void)state;
	b.limit = (int64_t)(READINGS * WIRE * 1.2);
	live_a_day(false);
	assert_int_equal(all_live(), READINGS);
	assert_in_range(backlog, READINGS / 20, READINGS / 5);
	assert_true((int64_t)b.wire <= b.limit);
}

static void test_live_is_thinned_evenly(void **state)
{
	(void)state;
	b.limit = READINGS * WIRE / 4;
	live_a_day(false); /* it learns what comes */
	live_a_day(false);
	assert_int_equal(backlog, 0);
	assert_in_range(all_live(), READINGS / 5, READINGS / 4);
	for (unsigned p = 0; p < POINTS; p++) {
		assert_in_range(live[p], 1440 / 6, 1440 / 3); /* no point gives more than another */
		assert_in_range(longest[p], 2, 12);	      /* all day long */
	}
	assert_true((int64_t)b.wire <= b.limit);
	assert_int_equal(b.thinned, READINGS - all_live());
}

static void test_urgent_goes_last(void **state)
{
	(void)state;
	b.limit = 100 * WIRE;
	fg_budget_day(&b, now_ms, now_ms + DAY_MS);
	fg_budget_wire(&b, (uint64_t)b.limit * 96 / 100);
	assert_int_equal(fg_budget_level(&b, now_ms), FG_BUDGET_URGENT);
	assert_false(fg_budget_live(&b, now_ms, 1, ++seq, 1, false));
	assert_true(fg_budget_live(&b, now_ms, 1, ++seq, 1, true));
	fg_budget_wire(&b, (uint64_t)b.limit * 4 / 100);
	assert_int_equal(fg_budget_level(&b, now_ms), FG_BUDGET_SPENT);
	assert_false(fg_budget_live(&b, now_ms, 1, ++seq, 1, true));
	fg_budget_day(&b, now_ms + DAY_MS, now_ms + 2 * DAY_MS);
	assert_true(fg_budget_live(&b, now_ms + DAY_MS, 1, ++seq, 1, false));
}

/* What was handed over counts at once; what the kernel says of it later takes its place. */
/* A clock that is set back must not give a day twice, and the next day begins as ever. */
static void test_a_clock_that_is_set_back(void **state)
{
	(void)state;
	b.limit = 100 * WIRE;
	fg_budget_day(&b, now_ms + DAY_MS, now_ms + 2 * DAY_MS);
	fg_budget_wire(&b, (uint64_t)b.limit);
	fg_budget_day(&b, now_ms, now_ms + DAY_MS);
	assert_int_equal(fg_budget_level(&b, now_ms), FG_BUDGET_SPENT);
	fg_budget_day(&b, now_ms + DAY_MS, now_ms + 2 * DAY_MS);
	assert_int_not_equal(fg_budget_level(&b, now_ms + DAY_MS), FG_BUDGET_SPENT);
}

static void test_guess_and_truth(void **state)
{
	(void)state;
	b.limit = 10000;
	fg_budget_day(&b, now_ms, now_ms + DAY_MS);
	for (int i = 0; i < 40; i++)
		fg_budget_sent(&b, 150, 1);
	assert_int_equal(fg_budget_level(&b, now_ms), FG_BUDGET_SPENT);
	fg_budget_wire(&b, 4000);
	assert_int_equal(fg_budget_level(&b, now_ms), FG_BUDGET_NO_BACKLOG);
}

/* A connection that ends before the kernel was asked: what was handed over stays spent. */
static void test_guess_without_truth(void **state)
{
	(void)state;
	b.limit = 10000;
	fg_budget_day(&b, now_ms, now_ms + DAY_MS);
	for (int i = 0; i < 40; i++)
		fg_budget_sent(&b, 150, 1);
	fg_budget_wire(&b, 0);
	assert_int_equal(fg_budget_level(&b, now_ms), FG_BUDGET_SPENT);
}

static void test_over_a_restart(void **state)
{
	unsigned char note[FG_BUDGET_NOTE];
	struct fg_budget again = {.limit = 100 * WIRE};

	(void)state;
	b.limit = 100 * WIRE;
	live_a_day(false);
	now_ms -= DAY_MS / 2;
	fg_budget_put(&b, note);
	assert_false(fg_budget_take(&again, note, sizeof(note) - 1));
	assert_true(fg_budget_take(&again, note, sizeof(note)));
	fg_budget_day(&again, b.from_ms, b.to_ms);
	assert_int_equal(again.wire, b.wire);
	assert_int_equal(fg_budget_level(&again, now_ms), fg_budget_level(&b, now_ms));
	assert_true(fg_budget_level(&b, now_ms) >= FG_BUDGET_THINNED);
	fg_budget_day(&again, b.from_ms + DAY_MS, b.to_ms + DAY_MS);
	assert_int_equal(again.wire, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_limit, begin, end),
		cmocka_unit_test_setup_teardown(test_backlog_gets_what_is_left, begin, end),
		cmocka_unit_test_setup_teardown(test_live_is_thinned_evenly, begin, end),
		cmocka_unit_test_setup_teardown(test_urgent_goes_last, begin, end),
		cmocka_unit_test_setup_teardown(test_a_clock_that_is_set_back, begin, end),
		cmocka_unit_test_setup_teardown(test_guess_and_truth, begin, end),
		cmocka_unit_test_setup_teardown(test_guess_without_truth, begin, end),
		cmocka_unit_test_setup_teardown(test_over_a_restart, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
