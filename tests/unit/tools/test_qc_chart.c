/* SPDX-License-Identifier: EUPL-1.2 */
/* The picture of `fjordctl qc`. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fjordctl/qc.h"

#define LINES 19 /* 16 of the picture, the axis, its times, what is beyond */

static char text[16384];

static void draw(const struct qc_dot *dots, size_t count, bool color)
{
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	memset(text, 0, sizeof(text));
	qc_chart(out, dots, count, color);
	fclose(out);
}

static size_t count_of(char mark)
{
	size_t n = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		for (const char *c = line; strlen(line) > 11 && line[10] == '|' && *c != '\n'; c++)
			n += c > line + 10 && *c == mark;
	return n;
}

static fg_tests flag(enum fg_test test, enum fg_qc qc)
{
	return fg_tests_set(0, test, qc);
}

static void nothing_of_nothing(void **state)
{
	(void)state;
	draw(NULL, 0, false);
	assert_string_equal(text, "");
}

/* However the values are, no line is wider than a terminal, and the first and the last dot are at
 * the ends. */
static void it_fits(void **state)
{
	static const double values[][3] = {{1, 2, 3}, {0, 0, 0}, {-1e300, 0, 1e300},
		{1e-300, 2e-300, 0}, {-123456.789, -123456.788, -123456.787}, {5, 5, 5}};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(values); i++) {
		const struct qc_dot dots[] = {{1000, values[i][0], 0, false},
			{500000, values[i][1], 0, false}, {1000000, values[i][2], 0, false}};
		size_t lines = 0;

		draw(dots, 3, false);
		for (const char *line = text; *line; line = strchr(line, '\n') + 1, lines++)
			assert_true(strcspn(line, "\n") <= QC_CHART_WIDTH);
		assert_int_equal(lines, LINES - 1);
		assert_int_equal(count_of('.'), 3);
		assert_non_null(strstr(text, "1970-01-01T00:00:01Z"));
		assert_non_null(strstr(text, "1970-01-01T00:16:40Z\n"));
	}
}

static void marks_say_what_it_is(void **state)
{
	const struct qc_dot dots[] = {{0, 1, 0, false},
		{10, 2, flag(FG_TEST_SPIKE, FG_QC_SUSPECT), false},
		{20, 1.5, 0, true}, {30, 1, flag(FG_TEST_FLAT_LINE, FG_QC_FAIL), true},
		{40, 2, 0, false}};

	(void)state;
	draw(dots, FG_COUNT(dots), false);
	assert_int_equal(count_of('s'), 1);
	assert_int_equal(count_of('F'), 1);
	assert_int_equal(count_of('o'), 1);
	assert_int_equal(count_of('.'), 2);
	assert_null(strchr(text, '\033'));
	draw(dots, FG_COUNT(dots), true);
	assert_non_null(strstr(text, "\033[31mF\033[0m"));
	assert_non_null(strstr(text, "\033[33ms\033[0m"));
	assert_non_null(strstr(text, "\033[32mo\033[0m"));
}

/* Many readings in one place: the worst is seen. */
static void the_worst_is_seen(void **state)
{
	struct qc_dot dots[1000];

	(void)state;
	for (size_t i = 0; i < FG_COUNT(dots); i++)
		dots[i] = (struct qc_dot){(int64_t)i, 1, 0, i == 400};
	dots[500].tests = flag(FG_TEST_RATE_OF_CHANGE, FG_QC_FAIL);
	dots[501].tests = flag(FG_TEST_SPIKE, FG_QC_SUSPECT);
	draw(dots, FG_COUNT(dots), false);
	assert_int_equal(count_of('R'), 1);
	assert_int_equal(count_of('s'), 0);
	assert_int_equal(count_of('o'), 1);
}

/* One absurd value leaves the others their shape. */
static void what_is_absurd_is_at_the_edge(void **state)
{
	const struct qc_dot dots[] = {{0, 10, 0, false}, {10, 11, 0, false}, {20, 12, 0, false},
		{30, -9999, flag(FG_TEST_GROSS_RANGE, FG_QC_FAIL), false}};
	size_t rows = 0;

	(void)state;
	draw(dots, FG_COUNT(dots), false);
	assert_non_null(strstr(text, "beyond the scale: at its edge\n"));
	assert_non_null(strstr(text, "       12 |"));
	assert_non_null(strstr(text, "        8 |"));
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		rows += memchr(line + 10, '.', strcspn(line, "\n") - 10) != NULL && line[10] == '|';
	assert_int_equal(rows, 3);
	assert_int_equal(count_of('G'), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_of_nothing),
		cmocka_unit_test(it_fits),
		cmocka_unit_test(marks_say_what_it_is),
		cmocka_unit_test(the_worst_is_seen),
		cmocka_unit_test(what_is_absurd_is_at_the_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
