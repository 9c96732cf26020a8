/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_DERIVATION_H
#define FG_QUALITY_DERIVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/point.h"
#include "model/reading.h"
#include "quality/derive.h"
#include "quality/expression.h"

/* How a point is worked out of others, whatever the way: a formula of derive.h by its name, a
 * rating table, or an expression. */

#define FG_FORMULA_INPUTS    5
#define FG_DERIVATION_INPUTS FG_EXPRESSION_NAMES

struct fg_formula_input {
	const char *name; /* NULL ends the list */
	const char *unit; /* in which value() takes it */
	double dflt;	  /* where it is not given; NaN: it has to be */
	bool fixed;	  /* it is a number, no point */
	bool elevation;	  /* where it is not given: the station's */
	bool molar_mass;  /* where it is not given: of the gas that the property names */
};

struct fg_formula {
	const char *name, *method; /* method NULL: there is but one; else the first is the usual */
	const char *unit;	   /* of the value */
	struct fg_formula_input inputs[FG_FORMULA_INPUTS + 1];
	double (*value)(const double *inputs);
};

/* Those of a name stand together. */
extern const struct fg_formula fg_formulas[];
extern const size_t fg_formula_count;

/* The first of a name (method NULL), or that of the method; NULL: there is none. */
const struct fg_formula *fg_formula_find(const char *name, const char *method);

/* One input: a point of the station, or a number. */
struct fg_derivation_input {
	const struct fg_point *point; /* NULL: fixed */
	double fixed;
	double scale, offset; /* from the point's published unit */
	int64_t max_age_us;   /* an older reading of it is none */
};

/* Immutable; belongs to the configuration. */
struct fg_derivation {
	const struct fg_formula *formula;	/* one of the three */
	const struct fg_expression *expression;
	const struct fg_rating *rating;
	size_t rating_count;
	struct fg_derivation_input inputs[FG_DERIVATION_INPUTS];
	size_t input_count;
	/* The point, read from the same device, with each reading of which it is worked out. */
	const struct fg_point *trigger;
};

/* Of the inputs' published values, in the point's published unit. FG_KIND_NONE where there is no
 * value: an input lies where the formula says nothing, or what comes out is no finite number. */
struct fg_value fg_derivation_value(const struct fg_point *point, const double *values);

/* What is known of an input when the point is worked out. */
struct fg_known {
	bool seen;
	double value; /* published; NaN: none */
	int64_t taken_mono_us;
	bool told; /* and its time by the sensor's own clock */
	int64_t told_wall_ms;
	enum fg_qc qc;
	enum fg_reason reason;
	uint8_t detail;
};

/* The reading of a derived point at a time, without its own tests: inputs[i] is what is known of
 * the i-th input (of fixed ones nothing is looked at). Its flag is the worst of its inputs'
 * (1 < 2 < 3 < 4 < 9); an input that is missing, or farther away in time than its bound, makes it
 * missing. */
struct fg_reading fg_derivation_reading(
	const struct fg_point *point, const struct fg_known *inputs, int64_t taken_mono_us);

#endif
