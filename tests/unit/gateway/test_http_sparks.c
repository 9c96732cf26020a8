/* SPDX-License-Identifier: EUPL-1.2 */
/* What the pictures of the last day read of the store: the day by time, and then only what was
 * committed since it was begun, however old or new that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/http_private.h"
#include "model/item.h"

#define NOW_MS INT64_C(1780000000000)
#define NEXT   UINT64_C(5000)

static unsigned slices;
static uint64_t asked_from;
static bool day_is_empty;

long __wrap_fg_reader_times(struct fg_reader *r, int64_t since_ms, int64_t until_ms,
	fg_reader_fn fn, void *arg);
long __wrap_fg_reader_range(
	struct fg_reader *r, uint64_t from, uint64_t to, fg_reader_fn fn, void *arg);

/* One that was committed while the slices were read. */
long __wrap_fg_reader_times(struct fg_reader *r, int64_t since_ms, int64_t until_ms,
	fg_reader_fn fn, void *arg)
{
	struct fg_item item = {.kind = FG_ITEM_GAP, .seq = NEXT + 7, .wall_ms = since_ms};

	(void)r;
	(void)until_ms;
	slices++;
	return day_is_empty ? 0 : fn(arg, &item, NULL, false);
}

long __wrap_fg_reader_range(
	struct fg_reader *r, uint64_t from, uint64_t to, fg_reader_fn fn, void *arg)
{
	(void)r;
	(void)to;
	(void)fn;
	(void)arg;
	asked_from = from;
	return 0;
}

static uint64_t begins_at(bool empty)
{
	struct fg_http h = {.reader = (struct fg_reader *)&slices};

	h.view = fg_view_new(NULL, NULL);
	assert_non_null(h.view);
	h.view->gateway = "g";
	h.view->clock_trusted = true;
	h.view->wall_ms = NOW_MS;
	h.view->committed_next = NEXT;
	day_is_empty = empty;
	slices = 0;
	asked_from = 0;
	while (fg_http_sparks_turn(&h))
		;
	assert_in_range(slices, 96, 98);
	assert_true(fg_http_sparks_ready(&h));
	h.sparks_wanted = true;
	while (fg_http_sparks_turn(&h))
		;
	fg_http_sparks_free(h.sparks);
	fg_view_unref(h.view);
	return asked_from;
}

static void test_what_is_new(void **state)
{
	(void)state;
	assert_int_equal(NEXT, begins_at(false));
}

/* Off for more than a day: the rest of the store is not read for it. */
static void test_empty_day(void **state)
{
	(void)state;
	assert_int_equal(NEXT, begins_at(true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_new),
		cmocka_unit_test(test_empty_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
