/* SPDX-License-Identifier: EUPL-1.2 */
/* Arithmetic expressions: from text to steps of a stack machine by recursive descent. */
#include "quality/expression.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"

#define PI 3.14159265358979323846

enum op { NUMBER, NAME, NEGATE, ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, MIN, MAX, FUNCTION };

struct fg_step {
	enum op op;
	uint32_t index; /* NAME: which value; FUNCTION: which function */
	double number;
};

static const struct {
	const char *name;
	double (*value)(double x);
} functions[] = {
	{"abs", fabs}, {"sqrt", sqrt}, {"exp", exp}, {"ln", log}, {"log10", log10},
	{"sin", sin}, {"cos", cos}, {"tan", tan},
};

struct parser {
	struct fg_arena *arena;
	const char *text, *at;
	struct fg_step steps[FG_EXPRESSION_STEPS];
	size_t count;
	size_t waiting; /* values on the stack */
	unsigned depth;
	struct fg_expression *out;
	struct fg_expression_fault *fault;
	bool failed;
};

FG_PRINTF(3, 4)
static void fail(struct parser *p, const char *at, const char *fmt, ...)
{
	va_list ap;

	if (p->failed)
		return;
	p->failed = true;
	p->fault->place = (size_t)(at - p->text);
	va_start(ap, fmt);
	vsnprintf(p->fault->text, sizeof(p->fault->text), fmt, ap);
	va_end(ap);
}

static double apply(const struct fg_step *s, double a, double b)
{
	switch (s->op) {
	case NEGATE:
		return -b;
	case ADD:
		return a + b;
	case SUBTRACT:
		return a - b;
	case MULTIPLY:
		return a * b;
	case DIVIDE:
		return a / b;
	case POWER:
		return pow(a, b);
	case MIN: /* not fmin: what is no number stays none */
		return isnan(a) || isnan(b) ? NAN : fmin(a, b);
	case MAX:
		return isnan(a) || isnan(b) ? NAN : fmax(a, b);
	case FUNCTION:
		return functions[s->index].value(b);
	case NUMBER:
	case NAME:
		break;
	}
	return NAN;
}

static bool takes_one(enum op op)
{
	return op == NEGATE || op == FUNCTION;
}

static void push(struct parser *p, const char *at, struct fg_step step)
{
	if (p->count == FG_EXPRESSION_STEPS)
		fail(p, at, "more than %d parts", FG_EXPRESSION_STEPS);
	else if (++p->waiting > FG_EXPRESSION_DEPTH)
		fail(p, at, "nested deeper than %d levels", FG_EXPRESSION_DEPTH);
	if (!p->failed)
		p->steps[p->count++] = step;
}

/* Appends an operator, or puts its value in the place of fixed operands. */
static void operate(struct parser *p, const char *at, struct fg_step step)
{
	size_t takes = takes_one(step.op) ? 1 : 2;
	struct fg_step *last;
	bool fixed;
	double v;

	if (p->failed)
		return;
	last = &p->steps[p->count - 1];
	fixed = last->op == NUMBER && (takes == 1 || last[-1].op == NUMBER);
	if (step.op == DIVIDE && last->op == NUMBER && last->number == 0)
		fail(p, at, "divides by zero");
	if (!fixed) {
		p->waiting -= takes;
		push(p, at, step);
		return;
	}
	v = apply(&step, takes == 1 ? 0 : last[-1].number, last->number);
	if (!isfinite(v))
		fail(p, at, "has no value here, whatever is measured");
	p->count -= takes - 1;
	p->waiting -= takes - 1;
	p->steps[p->count - 1] = (struct fg_step){.op = NUMBER, .number = v};
}

static char peek(struct parser *p)
{
	p->at += strspn(p->at, " \t");
	return *p->at;
}

static bool take(struct parser *p, char c)
{
	if (p->failed || peek(p) != c)
		return false;
	p->at++;
	return true;
}

static void parse_sum(struct parser *p);

static void parse_number(struct parser *p)
{
	const char *at = p->at;
	size_t n = strspn(at, "0123456789.");
	char text[64];
	double v;

	if (at[n] == 'e' || at[n] == 'E') {
		size_t sign = at[n + 1] == '-' || at[n + 1] == '+';

		n += 1 + sign + strspn(at + n + 1 + sign, "0123456789");
	}
	snprintf(text, sizeof(text), "%.*s", (int)FG_MIN(n, sizeof(text)), at);
	if (n >= sizeof(text) || fg_number_parse(text, &v) < 0)
		fail(p, at, "'%.40s' is not a number", text);
	else
		push(p, at, (struct fg_step){.op = NUMBER, .number = v});
	p->at += n;
}

/* MIN and MAX of the values in the brackets; what stands before is put together with each. */
static void parse_values(struct parser *p, const char *at, struct fg_step step)
{
	size_t count = 1;

	parse_sum(p);
	while (take(p, ',')) {
		parse_sum(p);
		if (step.op != FUNCTION)
			operate(p, at, step);
		count++;
	}
	if (step.op == FUNCTION && count == 1)
		operate(p, at, step);
	else if ((step.op == FUNCTION) != (count == 1))
		fail(p, at, step.op == FUNCTION ? "takes one value" : "takes two values or more");
}

static void parse_call(struct parser *p, const char *name, const char *at)
{
	struct fg_step step = {.op = strcmp(name, "min") == 0 ? MIN : MAX};
	bool known = strcmp(name, "min") == 0 || strcmp(name, "max") == 0;

	for (uint32_t i = 0; i < FG_COUNT(functions); i++) {
		if (strcmp(functions[i].name, name) != 0)
			continue;
		step = (struct fg_step){.op = FUNCTION, .index = i};
		known = true;
	}
	if (!known) {
		fail(p, at,
			"unknown function '%.40s'; there are abs cos exp ln log10 max min sin sqrt "
			"tan",
			name);
		return;
	}
	parse_values(p, at, step);
	if (!take(p, ')'))
		fail(p, p->at, "')' is missing");
}

static void use_name(struct parser *p, const char *name, const char *at)
{
	struct fg_expression *e = p->out;
	uint32_t i = 0;

	while (i < e->name_count && strcmp(e->names[i], name) != 0)
		i++;
	if (i == FG_EXPRESSION_NAMES) {
		fail(p, at, "more than %d different names", FG_EXPRESSION_NAMES);
		return;
	}
	if (i == e->name_count) {
		e->names[i] = name;
		e->places[i] = (size_t)(at - p->text);
		e->name_count++;
	}
	push(p, at, (struct fg_step){.op = NAME, .index = i});
}

static void parse_name(struct parser *p)
{
	const char *at = p->at;
	size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
	const char *name = fg_arena_strndup(p->arena, at, n);

	p->at += n;
	if (take(p, '('))
		parse_call(p, name, at);
	else if (strcmp(name, "pi") == 0)
		push(p, at, (struct fg_step){.op = NUMBER, .number = PI});
	else
		use_name(p, name, at);
}

/* The bytes of a character: told as a whole, but for what is none. */
static int character(const char *at)
{
	int n = 1;

	while (n < 4 && ((unsigned char)at[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static void parse_value(struct parser *p)
{
	char c = peek(p);

	if (p->failed)
		return;
	if (take(p, '(')) {
		parse_sum(p);
		if (!take(p, ')'))
			fail(p, p->at, "')' is missing");
	} else if (islower((unsigned char)c)) {
		parse_name(p);
	} else if (isdigit((unsigned char)c) || c == '.') {
		parse_number(p);
	} else if (c) {
		fail(p, p->at, "'%.*s' cannot stand here", character(p->at), p->at);
	} else {
		fail(p, p->at, "it ends where a value is expected");
	}
}

/* A sign binds weaker than a power, in the exponent too. */
static void parse_signed(struct parser *p)
{
	const char *at;

	if (++p->depth > FG_EXPRESSION_DEPTH)
		fail(p, p->at, "nested deeper than %d levels", FG_EXPRESSION_DEPTH);
	if (p->failed)
		return;
	peek(p);
	at = p->at;
	if (take(p, '-')) {
		parse_signed(p);
		operate(p, at, (struct fg_step){.op = NEGATE});
	} else if (take(p, '+')) {
		parse_signed(p);
	} else {
		parse_value(p);
		peek(p);
		at = p->at;
		if (take(p, '^')) {
			parse_signed(p);
			operate(p, at, (struct fg_step){.op = POWER});
		}
	}
	p->depth--;
}

static void parse_product(struct parser *p)
{
	parse_signed(p);
	for (;;) {
		char c = peek(p);
		const char *at = p->at;

		if (!take(p, '*') && !take(p, '/'))
			return;
		parse_signed(p);
		operate(p, at, (struct fg_step){.op = c == '*' ? MULTIPLY : DIVIDE});
	}
}

static void parse_sum(struct parser *p)
{
	parse_product(p);
	for (;;) {
		char c = peek(p);
		const char *at = p->at;

		if (!take(p, '+') && !take(p, '-'))
			return;
		parse_product(p);
		operate(p, at, (struct fg_step){.op = c == '+' ? ADD : SUBTRACT});
	}
}

int fg_expression_compile(struct fg_arena *arena, const char *text, struct fg_expression *ret,
	struct fg_expression_fault *ret_fault)
{
	struct parser p = {
		.arena = arena, .text = text, .at = text, .out = ret, .fault = ret_fault};
	struct fg_step *steps;

	*ret = (struct fg_expression){.steps = NULL};
	if (strlen(text) > FG_EXPRESSION_CHARS)
		fail(&p, text, "longer than %d characters", FG_EXPRESSION_CHARS);
	parse_sum(&p);
	if (peek(&p))
		fail(&p, p.at, "'%.*s' cannot stand here", character(p.at), p.at);
	if (ret->name_count == 0)
		fail(&p, text, "names no point");
	if (p.failed)
		return FG_EINVAL;
	steps = fg_arena_array(arena, p.count, sizeof(*steps));
	memcpy(steps, p.steps, p.count * sizeof(*steps));
	ret->steps = steps;
	ret->count = p.count;
	return FG_OK;
}

double fg_expression_value(const struct fg_expression *e, const double *values)
{
	double stack[FG_EXPRESSION_DEPTH] = {NAN};
	size_t n = 0;

	for (size_t i = 0; i < e->count; i++) {
		const struct fg_step *s = &e->steps[i];

		if (s->op == NUMBER || s->op == NAME) {
			stack[n++] = s->op == NUMBER ? s->number : values[s->index];
			continue;
		}
		if (!takes_one(s->op))
			n--;
		stack[n - 1] = apply(s, stack[n - 1], takes_one(s->op) ? stack[n - 1] : stack[n]);
	}
	return stack[0];
}
