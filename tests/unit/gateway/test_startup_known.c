/* SPDX-License-Identifier: EUPL-1.2 */
/* What counts as known since the last account. Ledger and entries are those of this file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/status.h"
#include "gateway/startup.h"

#define HOUR INT64_C(3600000)

static struct fg_core_known got[4];
static struct fg_core_known_point got_points[4][4];
static size_t got_count;
static uint64_t asked_from;

int fg_spool_ledger(
	struct fg_spool *s, void (*fn)(void *arg, const struct fg_ledger_row *row), void *arg)
{
	const struct fg_ledger_row rows[] = {
		{.device = "sonde", .to_ms = HOUR, .from_seq = 20},
		{.device = "mast", .to_ms = 2 * HOUR, .from_seq = 10, .clean = true},
	};

	(void)s;
	for (size_t i = 0; i < 2; i++)
		fn(arg, &rows[i]);
	return FG_OK;
}

long fg_reader_range(struct fg_reader *r, uint64_t from, uint64_t to, fg_reader_fn fn, void *arg)
{
	static const struct fg_point_desc ph = {.device = "sonde", .point = "ph"},
		level = {.device = "sonde", .point = "level"},
		wind = {.device = "mast", .point = "wind"},
		other = {.device = "gone", .point = "x"};
	static const struct fg_gap all = {.count = 3}, told = {.count = 5, .destination = "town"};
	static const struct {
		struct fg_item item;
		const struct fg_point_desc *desc;
		bool uncertain;
	} rows[] = {
		{{.seq = 19, .point = 1, .wall_ms = HOUR, .qc = FG_QC_PASS}, &ph, false},
		{{.seq = 20, .point = 1, .wall_ms = HOUR - 1, .qc = FG_QC_PASS}, &ph, false},
		{{.seq = 21, .point = 1, .wall_ms = HOUR, .qc = FG_QC_PASS}, &ph, false},
		{{.seq = 22, .point = 1, .wall_ms = HOUR, .qc = FG_QC_MISSING}, &ph, false},
		{{.seq = 23, .point = 1, .wall_ms = HOUR, .qc = FG_QC_FAIL}, &ph, false},
		{{.seq = 24, .point = 1, .wall_ms = HOUR, .qc = FG_QC_PASS, .replaces = 21}, &ph,
			false},
		{{.seq = 25, .kind = FG_ITEM_GAP, .point = 2, .wall_ms = HOUR, .gap = &all}, &level,
			false},
		{{.seq = 26, .kind = FG_ITEM_GAP, .point = 2, .wall_ms = HOUR, .gap = &told},
			&level, false},
		{{.seq = 27, .kind = FG_ITEM_ACCOUNT, .point = 1, .wall_ms = HOUR}, &ph, false},
		{{.seq = 28, .point = 1, .wall_ms = 0, .qc = FG_QC_SUSPECT}, &ph, true},
		{{.seq = 29, .point = 9, .wall_ms = HOUR, .qc = FG_QC_PASS}, &other, false},
		{{.seq = 30, .point = 3, .wall_ms = HOUR, .qc = FG_QC_PASS}, &wind, false},
	};

	(void)r;
	asked_from = from;
	assert_true(to == FG_SEQ_END);
	for (size_t i = 0; i < FG_COUNT(rows); i++)
		if (fn(arg, &rows[i].item, rows[i].desc, rows[i].uncertain))
			break;
	return (long)FG_COUNT(rows);
}

static int on_known(void *arg, const struct fg_core_known *known)
{
	assert_ptr_equal(arg, got);
	got[got_count] = *known;
	for (size_t i = 0; i < known->count; i++)
		got_points[got_count][i] = known->points[i];
	got_count++;
	return FG_OK;
}

static void test_known(void **state)
{
	(void)state;
	assert_int_equal(fg_startup_known(NULL, NULL, on_known, got), FG_OK);
	assert_int_equal(asked_from, 10);
	assert_int_equal(got_count, 2);
	assert_string_equal(got[0].row.device, "sonde");
	assert_int_equal(got[0].count, 2);
	assert_int_equal(got_points[0][0].id, 1);
	assert_string_equal(got_points[0][0].desc->point, "ph");
	assert_int_equal(got_points[0][0].sent, 3); /* 21, 23, 28 */
	assert_int_equal(got_points[0][0].missing, 0);
	assert_int_equal(got_points[0][1].id, 2);
	assert_int_equal(got_points[0][1].sent, 0);
	assert_int_equal(got_points[0][1].missing, 3);
	assert_string_equal(got[1].row.device, "mast"); /* its row is given without any, too */
	assert_true(got[1].row.clean);
	assert_int_equal(got[1].count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_known)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
