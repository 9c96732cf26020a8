/* SPDX-License-Identifier: EUPL-1.2 */
/* Arithmetic expressions: what they are worth, what is no expression and where, bounds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/status.h"
#include "quality/expression.h"

static struct fg_arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = fg_arena_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	fg_arena_free(arena);
	return 0;
}

/* With a = 7, b = 2 in the order of the alphabet, whatever comes first in the text. */
static double value(const char *text)
{
	struct fg_expression_fault fault = {.place = 0};
	struct fg_expression e;
	double v[FG_EXPRESSION_NAMES];

	if (fg_expression_compile(arena, text, &e, &fault) < 0)
		fail_msg("%s: %zu: %s", text, fault.place, fault.text);
	for (size_t i = 0; i < e.name_count; i++)
		v[i] = strcmp(e.names[i], "a") == 0 ? 7 : 2;
	return fg_expression_value(&e, v);
}

static void test_values(void **state)
{
	static const struct {
		const char *text;
		double value;
	} cases[] = {
		{"a", 7}, {"a + b", 9}, {"a-b", 5}, {"b - a", -5}, {"a * b", 14}, {"a / b", 3.5},
		{"a - b - 1", 4}, {"a - (b - 1)", 6}, {"a / b / 2", 1.75}, {"a + b * 3", 13},
		{"(a + b) * 3", 27}, {"-b", -2}, {"- -b", 2}, {"+a", 7}, {"a - -b", 9},
		{"a ^ b", 49}, {"-b ^ 2", -4}, {"b ^ -1", 0.5}, {"b ^ 3 ^ 2", 512},
		{"2 ^ b * 3", 12}, {"1e3 * b", 2000}, {"1e+3 * b", 2000},
		{"1.5e-1 + b", 2.15}, {".5 * b", 1},
		{"abs(b - a)", 5}, {"sqrt(a + b)", 3}, {"exp(b - 2)", 1}, {"ln(a - 6)", 0},
		{"log10(b * 50)", 2}, {"sin(b - 2)", 0}, {"cos(b - 2)", 1}, {"tan(b - 2)", 0},
		{"min(a, b)", 2}, {"max(a, b)", 7}, {"max(1, a, b)", 7}, {"min(a, b, 1)", 1},
		{"cos(pi) * a", -7}, {"max(-a, -b)", -2}, {"((((a))))", 7}, {"2*3 + 4 + a", 17},
		{"a - 2 * 3", 1}, {"a + 10 / 4", 9.5},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		double v = value(cases[i].text);

		if (fabs(v - cases[i].value) > 1e-12)
			fail_msg("%s: %.17g", cases[i].text, v);
	}
}

static void test_faults_and_their_places(void **state)
{
	static const struct {
		const char *text;
		size_t place;
		const char *why;
	} cases[] = {
		{"", 0, "ends where a value is expected"},
		{"a +", 3, "ends where a value is expected"},
		{"a b", 2, "'b' cannot stand here"},
		{"(a", 2, "')' is missing"},
		{"max(a, b", 8, "')' is missing"},
		{"a)", 1, "cannot stand here"},
		{"a $ b", 2, "cannot stand here"},
		{"a / 0", 2, "divides by zero"},
		{"a + 1 / (2 - 2)", 6, "divides by zero"},
		{"a / (1 - 1)", 2, "divides by zero"},
		{"a + sqrt(-1)", 4, "has no value"},
		{"a + 1e300 * 1e300", 10, "has no value"},
		{"a + 1e999", 4, "not a number"},
		{"a + 1.2.3", 4, "not a number"},
		{"a + 1e", 4, "not a number"},
		{"3 + 4", 0, "names no point"},
		{"sqr(a)", 0, "unknown function 'sqr'"},
		{"sqrt(a, b)", 0, "takes one value"},
		{"min(a)", 0, "takes two values"},
		{"a + Bad", 4, "cannot stand here"},
		{"a ** b", 3, "cannot stand here"},
		{"a, b", 1, "cannot stand here"},
		{"()", 1, "cannot stand here"},
		{"a + $b", 4, "'$' cannot stand here"},
		{"a + \xc3\xa6 b", 4, "'\xc3\xa6' cannot stand here"},
		{"a + \xc3\xa9", 4, "'\xc3\xa9' cannot stand here"},
		{"a \xf0\x9f\x8c\x8a", 2, "'\xf0\x9f\x8c\x8a' cannot stand here"},
		{"a \x80\x81\x82\x83\x84", 2, "'\x80\x81\x82\x83' cannot stand here"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_expression_fault fault = {.place = 999};
		struct fg_expression e;

		if (fg_expression_compile(arena, cases[i].text, &e, &fault) != FG_EINVAL)
			fail_msg("%s: taken", cases[i].text);
		if (fault.place != cases[i].place || !strstr(fault.text, cases[i].why))
			fail_msg("%s: %zu: %s", cases[i].text, fault.place, fault.text);
	}
}

static void compile_long(const char *begin, const char *part, size_t n, const char *why)
{
	static char text[20000];
	struct fg_expression_fault fault;
	struct fg_expression e;

	memcpy(text, begin, strlen(begin) + 1);
	for (size_t i = 0; i < n; i++)
		memcpy(text + strlen(text), part, strlen(part) + 1);
	if (why) {
		assert_int_equal(fg_expression_compile(arena, text, &e, &fault), FG_EINVAL);
		assert_non_null(strstr(fault.text, why));
	} else {
		assert_int_equal(fg_expression_compile(arena, text, &e, &fault), FG_OK);
	}
	memset(text, 0, sizeof(text));
}

/* So many times what opens a bracket, then the inside, then the brackets' ends. */
static void compile_nested(const char *open, const char *inside, int levels, const char *why)
{
	struct fg_expression_fault fault;
	struct fg_expression e;
	char text[200];
	struct fg_buf b;

	fg_buf_wrap(&b, text, sizeof(text));
	for (int i = 0; i < levels; i++)
		fg_buf_puts(&b, open);
	fg_buf_puts(&b, inside);
	for (int i = 0; i < levels; i++)
		fg_buf_putc(&b, ')');
	fg_buf_putc(&b, '\0');
	assert_int_equal(fg_expression_compile(arena, text, &e, &fault), why ? FG_EINVAL : FG_OK);
	if (why)
		assert_non_null(strstr(fault.text, why));
}

static void test_nesting(void **state)
{
	(void)state;
	compile_nested("(", "a", 31, NULL);
	compile_nested("(", "a", 32, "nested deeper");
	/* each level keeps two values waiting */
	compile_nested("a+a*(", "a", 15, NULL);
	compile_nested("a+a*(", "a+a", 15, NULL);
	compile_nested("a+a*(", "a+a*a", 15, "nested deeper");
}

/* One expression ends where another one begins. */
static void test_two_in_one_arena(void **state)
{
	struct fg_expression_fault fault;
	struct fg_expression one, other;
	const double values[] = {7, 2};

	(void)state;
	assert_int_equal(fg_expression_compile(arena, "a", &one, &fault), FG_OK);
	assert_int_equal(fg_expression_compile(arena, "a * b", &other, &fault), FG_OK);
	assert_true(fg_expression_value(&one, values) == 7);
	assert_true(fg_expression_value(&other, values) == 14);
}

static void test_digits(void **state)
{
	(void)state;
	compile_long("a+1.", "0", 61, NULL);
	compile_long("a+1.", "0", 62, "is not a number");
}

static void test_bounds(void **state)
{
	static const char *const many =
		"a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p";
	struct fg_expression_fault fault;
	struct fg_expression e;

	(void)state;
	compile_long("a", "+a", 99, NULL);
	compile_long("a", "+a", 100, "more than 200 parts");
	compile_long("a", "+1*1", 40, NULL); /* what is fixed waits no longer */
	compile_long("a", " ", 499, NULL);
	compile_long("a", " ", 500, "longer than 500");
	compile_long("a", "         ", 60, "longer than 500");
	compile_long("", "(", 40, "nested deeper");
	compile_long("", "-", 40, "nested deeper");
	compile_long("a", "^a", 40, "nested deeper");
	compile_long("", "a+(", 40, "nested deeper");
	assert_int_equal(fg_expression_compile(arena, many, &e, &fault), FG_OK);
	assert_int_equal(e.name_count, 16);
	assert_string_equal(e.names[15], "p");
	assert_int_equal(e.places[15], 30);
	compile_long(many, "+q", 1, "more than 16 different names");
}

static void test_what_has_no_value(void **state)
{
	static const char *const texts[] = {
		"a / b", "sqrt(a - 1)", "ln(b)", "max(a / b, 1)", "min(1, ln(a - 1))", "a ^ (1/b)"};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(texts); i++) {
		struct fg_expression_fault fault;
		struct fg_expression e;
		double v[2] = {0, 0};

		assert_int_equal(fg_expression_compile(arena, texts[i], &e, &fault), FG_OK);
		if (i == 5)
			assert_true(fg_expression_value(&e, v) == 0);
		else
			assert_false((bool)isfinite(fg_expression_value(&e, v)));
		v[0] = NAN;
		v[1] = 1;
		assert_false((bool)isfinite(fg_expression_value(&e, v)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_faults_and_their_places),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_two_in_one_arena),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_what_has_no_value),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
