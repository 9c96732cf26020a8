/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_EXPRESSION_H
#define FG_QUALITY_EXPRESSION_H

#include <stddef.h>

#include "base/arena.h"

/* Arithmetic over named numbers: + - * / ^ (to the right, before the sign: -2^2 is -4), brackets,
 * pi, and abs sqrt exp ln log10 sin cos tan (one value), min max (two or more). A name begins with
 * a letter and goes on with letters, digits and `_`, all small. What is fixed is worked out once.
 * No loops, no memory, no side effects: a value takes as many steps as the text has parts. */

/* Bounds: what a person writes in one line is far below. */
#define FG_EXPRESSION_CHARS 500
#define FG_EXPRESSION_STEPS 200
#define FG_EXPRESSION_DEPTH 32	/* brackets in brackets, and values that wait for their operator */
#define FG_EXPRESSION_NAMES 16

struct fg_step;

struct fg_expression {
	const struct fg_step *steps;
	size_t count;
	const char *names[FG_EXPRESSION_NAMES]; /* in the order in which they come first */
	size_t places[FG_EXPRESSION_NAMES];	/* where in the text */
	size_t name_count;
};

struct fg_expression_fault {
	size_t place; /* in the text, from 0 */
	char text[120];
};

/* Reads a text; steps and names live in the arena. FG_EINVAL, and what is wrong where: not an
 * expression, beyond a bound, a fixed part that is no number (a division by zero), or nothing in it
 * that changes. */
int fg_expression_compile(struct fg_arena *arena, const char *text, struct fg_expression *ret,
	struct fg_expression_fault *ret_fault);

/* Of as many values as there are names. Not finite where a part has no value: any thread. */
double fg_expression_value(const struct fg_expression *e, const double *values);

#endif
