/* SPDX-License-Identifier: EUPL-1.2 */
/* What cannot be meant by a calibration record, each fault with its key and just beside it none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "quality/calibration_check.h"

#define DAY_MS 86400000

/* The only fault is at `key` and says `text`; NULL: there is none. */
static void expect(const struct fg_calibration_faults *f, const char *key, bool warning,
	const char *text)
{
	if (!text) {
		assert_int_equal(f->count, 0);
		return;
	}
	assert_int_equal(f->count, 1);
	assert_int_equal(f->items[0].warning, warning);
	assert_non_null(strstr(f->items[0].text, text));
	if (key)
		assert_string_equal(f->items[0].key, key);
	else
		assert_null(f->items[0].key);
	assert_int_equal(fg_calibration_faulty(f), !warning);
}

static void test_what_is_given(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		const struct fg_calibration_given given = {.has_raw = i & 1,
			.has_reference = i & 2, .has_polynomial = i & 4, .raw = {1, 2},
			.reference = {3, 5}, .polynomial = {7, 11}, .terms = 2};
		struct fg_calibration c = {0};
		struct fg_calibration_faults f = {.count = 0};
		bool taken = fg_calibration_take(&given, &c, &f);

		assert_int_equal(taken, i == 3 || i == 4);
		expect(&f, NULL, false, taken ? NULL : "give raw and reference, or polynomial");
		if (!taken)
			continue;
		assert_int_equal(c.terms, 2);
		assert_int_equal(c.by_points, i == 3);
		assert_true(c.c[0] == (i == 3 ? 1 : 7) && c.c[1] == (i == 3 ? 2 : 11));
	}
}

static void test_lines(void **state)
{
	static const struct {
		double raw[2], reference[2];
		const char *key, *text;
	} rows[] = {
		{{4, 7}, {4.1, 7.2}, NULL, NULL},
		{{4, 4}, {4.1, 7.2}, "raw", "both are 4; no line"},
		{{4, 7}, {5, 5}, "reference", "both are 5; every value"},
		{{4, 7}, {-1e308, 1.7e308}, NULL, "no slope"},
		{{0, 4}, {0, 7}, NULL, NULL},
		{{4, 0}, {7, 0}, NULL, NULL},
		{{1e300, 1e300 + 1e285}, {0, 1e300}, NULL, "no slope"}, /* nothing at zero */
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		struct fg_calibration_given given = {.has_raw = true, .has_reference = true};
		struct fg_calibration c = {0};
		struct fg_calibration_faults f = {.count = 0};

		memcpy(given.raw, rows[i].raw, sizeof(given.raw));
		memcpy(given.reference, rows[i].reference, sizeof(given.reference));
		assert_true(fg_calibration_take(&given, &c, &f));
		expect(&f, rows[i].key, false, rows[i].text);
	}
}

/* What stands behind the terms is not part of the curve. */
static void test_polynomials(void **state)
{
	static const struct {
		double c[FG_CALIBRATION_TERMS];
		int terms;
		const char *text;
	} rows[] = {
		{{5, 0, 7}, 2, "every value would be 5"},
		{{3, 9}, 1, "every value would be 3"},
		{{0, 1}, 2, NULL},
		{{1, 0, 2}, 3, NULL},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		struct fg_calibration_given given = {
			.has_polynomial = true, .terms = rows[i].terms};
		struct fg_calibration c = {0};
		struct fg_calibration_faults f = {.count = 0};

		memcpy(given.polynomial, rows[i].c, sizeof(given.polynomial));
		assert_true(fg_calibration_take(&given, &c, &f));
		assert_int_equal(c.terms, rows[i].terms);
		expect(&f, "polynomial", false, rows[i].text);
	}
}

static void test_dates(void **state)
{
	static const int64_t now = INT64_C(1760000000000);
	const struct {
		int64_t at_ms, next_ms;
		const char *key, *text;
	} rows[] = {
		{now, 0, NULL, NULL},
		{now, now + 1, NULL, NULL},
		{now, now, "next", "due before"},
		{now, now - 1, "next", "due before"},
		{now + DAY_MS, 0, NULL, NULL},
		{now + DAY_MS + 1, 0, "date", "lies ahead"},
		{-5, 0, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		const struct fg_calibration c = {.terms = 2, .c = {0, 1}, .at_ms = rows[i].at_ms,
			.next_ms = rows[i].next_ms};
		struct fg_calibration_faults f = {.count = 0};

		fg_calibration_check(NULL, &c, now, &f);
		expect(&f, rows[i].key, rows[i].key && strcmp(rows[i].key, "date") == 0,
			rows[i].text);
	}
}

static void test_slopes(void **state)
{
	static const double quiet[] = {2, 2.398, 1.602}, told[] = {2.402, 1.598, -2, 200};
	const struct fg_calibration before = {.terms = 2, .c = {0, 2}};
	struct fg_calibration c = {.terms = 2};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(quiet); i++) {
		struct fg_calibration_faults f = {.count = 0};

		c.c[1] = quiet[i];
		fg_calibration_check(&before, &c, 0, &f);
		expect(&f, NULL, true, NULL);
	}
	for (size_t i = 0; i < FG_COUNT(told); i++) {
		struct fg_calibration_faults f = {.count = 0};

		c.c[1] = told[i];
		fg_calibration_check(&before, &c, 0, &f);
		expect(&f, NULL, true, "times that of the record before");
	}
}

static void test_no_more_faults_than_there_is_room_for(void **state)
{
	struct fg_calibration_faults f = {.count = 0};

	(void)state;
	for (int i = 0; i < FG_CALIBRATION_FAULTS + 2; i++)
		fg_calibration_fault(&f, "raw", true, "number %d", i);
	assert_int_equal(f.count, FG_CALIBRATION_FAULTS);
	assert_string_equal(f.items[FG_CALIBRATION_FAULTS - 1].text, "number 5");
	assert_false(fg_calibration_faulty(&f));
	f.items[0].warning = false;
	assert_true(fg_calibration_faulty(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_given),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_polynomials),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_slopes),
		cmocka_unit_test(test_no_more_faults_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
