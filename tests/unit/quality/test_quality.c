/* SPDX-License-Identifier: EUPL-1.2 */
/* Gross range, roll-up, and the verdict on a reading. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "quality/quality.h"

#define SERIES_MAX 16

/* Series and flags as IOOS's ioos_qc gives them; NaN is a missing value. */
static void gross_range_agrees_with_the_reference(void **state)
{
	static const struct {
		double fail[2], suspect[2];
		size_t count;
		double values[SERIES_MAX];
		int flags[SERIES_MAX];
	} rows[] = {
		{{341.6, 526.3}, {364.9, 503.0}, 6,
			{417.4, 404.7, 526.3, 503.0, 341.6, 364.9}, {1, 1, 3, 1, 3, 1}},
		{{6.64, 11.35}, {6.97, 11.02}, 8,
			{NAN, NAN, 12.46, 9.27, NAN, 9.2, 8.77, 7.81}, {9, 9, 4, 1, 9, 1, 1, 1}},
		{{107.6, 26.1}, {44.6, 89.1}, 7, /* in reverse order */
			{37.0, 41.4, 40.3, NAN, 56.6, 66.5, 120}, {3, 3, 3, 9, 1, 1, 4}},
		{{19.83, 11.37}, {18.81, 12.39}, 3, {18.17, 18.11, 17.94}, {1, 1, 1}},
		{{6.87, 8.15}, {NAN, NAN}, 6, {7.53, NAN, 8.15, 10.05, 5.7, 6.34},
			{1, 9, 1, 4, 4, 4}},
		{{NAN, NAN}, {0, 30}, 4, {-1, 0, 30, 31}, {3, 1, 1, 3}},
		{{NAN, 40}, {NAN, NAN}, 4, {-INFINITY, 40, 41, INFINITY}, {1, 1, 4, 4}},
		{{-2, NAN}, {0, 30}, 4, {-2.5, -2, INFINITY, -INFINITY}, {4, 3, 3, 4}},
		{{NAN, NAN}, {NAN, NAN}, 2, {1, NAN}, {2, 2}},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		struct fg_gross_range g = {true, {rows[i].fail[0], rows[i].fail[1]},
			{rows[i].suspect[0], rows[i].suspect[1]}};

		for (size_t k = 0; k < rows[i].count; k++)
			if ((int)fg_qc_gross_range(&g, rows[i].values[k]) != rows[i].flags[k])
				fail_msg("row %zu, value %zu: not %d", i, k, rows[i].flags[k]);
		g.on = false;
		assert_int_equal(fg_qc_gross_range(&g, rows[i].values[0]), FG_QC_NOT_EVALUATED);
	}
}

static void rollup_agrees_with_the_reference(void **state)
{
	static const struct {
		size_t count;
		enum fg_qc flags[5], want;
	} rows[] = {
		{1, {1}, 1}, {2, {1, 2}, 1}, {2, {1, 3}, 3}, {2, {1, 4}, 4}, {2, {1, 9}, 1},
		{2, {2, 2}, 2}, {2, {2, 3}, 3}, {2, {2, 9}, 2}, {2, {3, 9}, 3}, {2, {4, 9}, 4},
		{2, {9, 9}, 9}, {5, {1, 4, 1, 9, 1}, 4}, {5, {9, 3, 1, 3, 2}, 3},
		{5, {1, 1, 9, 3, 2}, 3}, {0, {0}, 2},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++)
		assert_int_equal(fg_qc_rollup(rows[i].flags, rows[i].count), rows[i].want);
}

static void a_reading_is_judged(void **state)
{
	static const struct {
		enum fg_kind kind;
		double value;
		enum fg_qc driver, want;
		int test; /* 0: not run */
		bool off;
	} rows[] = {
		{FG_KIND_FLOAT, 10, 2, 1, 1, false},
		{FG_KIND_DOUBLE, 35, 2, 3, 3, false},
		{FG_KIND_DECIMAL, 41, 2, 4, 4, false},
		{FG_KIND_INT, 41, 2, 4, 4, false},
		{FG_KIND_UINT, 35, 2, 3, 3, false},
		{FG_KIND_FLOAT, 10, 3, 3, 1, false}, /* the sensor's doubt stays */
		{FG_KIND_FLOAT, 41, 3, 4, 4, false},
		{FG_KIND_FLOAT, 10, 4, 4, 1, false},
		{FG_KIND_NONE, 0, 4, 4, 0, false},
		{FG_KIND_NONE, 0, 9, 9, 0, false},
		{FG_KIND_FLOAT, 41, 9, 9, 0, false},
		{FG_KIND_FLOAT, NAN, 4, 4, 0, false},
		{FG_KIND_BOOL, 1, 2, 2, 0, false},
		{FG_KIND_TEXT, 0, 2, 2, 0, false},
		{FG_KIND_FLOAT, 41, 2, 2, 0, true},
		{FG_KIND_FLOAT, 10, 3, 3, 0, true},
	};
	struct fg_point point = {
		.qc = {.gross_range = {true, {-2, 40}, {0, 30}}},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		struct fg_reading r = {.qc = rows[i].driver, .value = {.kind = rows[i].kind}};

		if (rows[i].kind == FG_KIND_INT || rows[i].kind == FG_KIND_UINT)
			r.value.i = (int64_t)rows[i].value;
		else if (rows[i].kind >= FG_KIND_FLOAT && rows[i].kind <= FG_KIND_DECIMAL)
			r.value.f = rows[i].value;
		point.qc.off = rows[i].off;
		fg_quality_judge(&point, &r);
		if (r.qc != rows[i].want ||
			(int)fg_tests_get(r.tests, FG_TEST_GROSS_RANGE) != rows[i].test)
			fail_msg("row %zu: qc %d, test %d", i, (int)r.qc,
				(int)fg_tests_get(r.tests, FG_TEST_GROSS_RANGE));
	}
	point.qc = (struct fg_qc_conf){.gross_range = {.on = false}};
	struct fg_reading r = {.qc = FG_QC_NOT_EVALUATED, .value = {.kind = FG_KIND_FLOAT, .f = 1}};

	fg_quality_judge(&point, &r);
	assert_int_equal(r.qc, FG_QC_NOT_EVALUATED);
	assert_int_equal(r.tests, 0);
}

/* What is in one test's place, and what is no flag at all. */
static void rollup_of_one_test(void **arg)
{
	static const enum fg_qc flags[] = {FG_QC_NOT_EVALUATED, FG_QC_SUSPECT, FG_QC_FAIL};

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(flags); i++)
		assert_int_equal(
			fg_qc_rollup_tests(FG_QC_MISSING,
				fg_tests_set(0, FG_TEST_SPIKE, flags[i])),
			flags[i]);
	assert_int_equal(fg_qc_rollup_tests(FG_QC_MISSING,
				 fg_tests_set(0, FG_TEST_SPIKE, FG_QC_MISSING)),
		FG_QC_MISSING);
	/* no flag at all, the first number that is none among them */
	for (int none = FG_QC_MISSING + 1; none < 80; none++)
		assert_int_equal(fg_qc_rollup((enum fg_qc[]){FG_QC_MISSING, (enum fg_qc)none}, 2),
			FG_QC_MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gross_range_agrees_with_the_reference),
		cmocka_unit_test(rollup_agrees_with_the_reference),
		cmocka_unit_test(rollup_of_one_test),
		cmocka_unit_test(a_reading_is_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
