/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_RULES_H
#define FG_QUALITY_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/point.h"
#include "model/qc.h"

/* Rules that a station declares over its points: what one sensor alone cannot show. Each gives PASS
 * or SUSPECT, and NOT_EVALUATED where something to judge by is not a finite number. Pure; any
 * thread. What equals its limit is good. */

/* Two sensors of one property: farther apart than the tolerance, and than so many percent of the
 * larger amount. */
enum fg_qc fg_rule_disagree(double a, double b, double tolerance, double percent);
/* The lower of two, above the upper by more than the tolerance. */
enum fg_qc fg_rule_order(double lower, double upper, double tolerance);
/* Below low or above high; NaN: open. */
enum fg_qc fg_rule_bounds(double v, double low, double high);

/* A probe that behaves as air does: over a window both vary together, and the probe nearly as
 * much, which water does not. The window is made of slots; each holds the mean of its pairs. */
#define FG_WINDOW_SLOTS	    48
#define FG_WINDOW_SLOTS_MIN 8
struct fg_water_slot {
	int64_t number; /* of its time */
	uint32_t count;
	double probe, air; /* sums */
};
struct fg_water_window {
	struct fg_water_slot slots[FG_WINDOW_SLOTS];
};
struct fg_water_limits {
	int64_t slot_us;
	unsigned slots;	    /* of the window, at most FG_WINDOW_SLOTS */
	double correlation; /* from here on: with air */
	double ratio;	    /* from here on: of the standard deviations, probe to air */
	double spread;	    /* of air, at least: K; with less there is nothing to see */
};
/* Adds a pair and judges the window that ends with it. NOT_EVALUATED until three quarters of its
 * slots hold something, and for a pair that is older than what the window has. */
enum fg_qc fg_rule_out_of_water(struct fg_water_window *w, const struct fg_water_limits *limits,
	int64_t at_us, double probe, double air);

/* ---- as declared ---- */

enum fg_rule_kind {
	FG_RULE_DISAGREE,
	FG_RULE_ORDER,
	FG_RULE_BOUNDS,
	FG_RULE_OUT_OF_WATER,
};

/* Immutable; belongs to the configuration. */
struct fg_rule {
	const char *name, *station;
	enum fg_rule_kind kind;
	const struct fg_point *points[2]; /* BOUNDS: one */
	size_t point_count;
	double scale, offset;  /* from the second's unit to the first's */
	int64_t max_age_us[2]; /* an older reading of it is no partner */
	double tolerance, percent, low, high;
	struct fg_water_limits water;
	size_t window; /* which of the configuration's windows */
};

/* Whether the rule judges readings of its i-th point; OUT_OF_WATER does not judge air. */
static inline bool fg_rule_judges(const struct fg_rule *rule, size_t i)
{
	return i == 0 || rule->kind != FG_RULE_OUT_OF_WATER;
}

/* By published values of its points, in their order. window: of an OUT_OF_WATER rule. */
enum fg_qc fg_rule_judge(const struct fg_rule *rule, const double *values,
	struct fg_water_window *window, int64_t at_us);

#endif
