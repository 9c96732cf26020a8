/* SPDX-License-Identifier: EUPL-1.2 */
/* Calibration records as pure functions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quality/calibration.h"

static void test_two_points(void **state)
{
	const double raw[2] = {4.1, 7.05}, reference[2] = {4.0, 7.0};
	struct fg_calibration c = {.at_ms = 0};

	(void)state;
	assert_true(fg_calibration_line(raw, reference, &c));
	assert_true(fabs(fg_calibrated(&c, 4.1) - 4.0) < 1e-12);
	assert_true(fabs(fg_calibrated(&c, 7.05) - 7.0) < 1e-12);
	assert_true(fabs(c.c[1] - 3.0 / 2.95) < 1e-12);
	assert_int_equal(c.terms, 2);
}

static void test_what_is_no_line(void **state)
{
	static const double pairs[][4] = {
		{1, 1, 4, 7}, {1, 2, 4, 4}, {NAN, 2, 4, 7}, {1, 2, 4, INFINITY}, {1, 2, NAN, 7},
		{3, 3, 4, 4}, {1e300, 1e300 + 1e285, 0, 1e300}};
	struct fg_calibration c;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_false(fg_calibration_line(&pairs[i][0], &pairs[i][2], &c));
}

static void test_polynomial(void **state)
{
	const struct fg_calibration c = {.terms = 4, .c = {1, 2, 3, 0.5}};

	(void)state;
	assert_true(fg_calibrated(&c, 0) == 1);
	assert_true(fg_calibrated(&c, 2) == 1 + 4 + 12 + 4);
}

static void test_the_one_that_is_valid(void **state)
{
	const struct fg_calibration records[] = {{.at_ms = 100}, {.at_ms = 200}};
	const struct fg_calibration others[] = {{.at_ms = 0}, {.at_ms = 100}, {.at_ms = 200}};

	(void)state;
	assert_null(fg_calibration_at(records, 2, 99));
	assert_ptr_equal(fg_calibration_at(records, 2, 100), &records[0]);
	assert_ptr_equal(fg_calibration_at(records, 2, 199), &records[0]);
	assert_ptr_equal(fg_calibration_at(records, 2, 200), &records[1]);
	assert_ptr_equal(fg_calibration_at(records, 2, INT64_MAX), &records[1]);
	assert_null(fg_calibration_at(records, 0, 200));
	assert_null(fg_calibration_at(&others[2], 1, 50)); /* what is before is not looked at */
}

static void test_drift(void **state)
{
	const struct fg_calibration a = {.terms = 2, .c = {1, 2}}, b = {.terms = 2, .c = {1.5, 3}};
	const struct fg_calibration curve = {.terms = 3, .c = {0, 1, 1}};
	double slope, offset;

	(void)state;
	assert_true(fg_calibration_drift(&a, &b, &slope, &offset));
	assert_true(slope == 1.5 && offset == 0.5);
	assert_false(fg_calibration_drift(&a, &curve, &slope, &offset));
	assert_false(fg_calibration_drift(&curve, &a, &slope, &offset));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_points),
		cmocka_unit_test(test_what_is_no_line),
		cmocka_unit_test(test_polynomial),
		cmocka_unit_test(test_the_one_that_is_valid),
		cmocka_unit_test(test_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
