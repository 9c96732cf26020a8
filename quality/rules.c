/* SPDX-License-Identifier: EUPL-1.2 */
/* Rules over points of a station. */
#include "quality/rules.h"

#include <math.h>

#include "base/cleanup.h"

static enum fg_qc suspect_if(bool suspect)
{
	return suspect ? FG_QC_SUSPECT : FG_QC_PASS;
}

enum fg_qc fg_rule_disagree(double a, double b, double tolerance, double percent)
{
	double apart = fabs(a - b), share = percent / 100 * fmax(fabs(a), fabs(b));

	if (!isfinite(a) || !isfinite(b))
		return FG_QC_NOT_EVALUATED;
	return suspect_if(apart > tolerance && apart > share);
}

enum fg_qc fg_rule_order(double lower, double upper, double tolerance)
{
	if (!isfinite(lower) || !isfinite(upper))
		return FG_QC_NOT_EVALUATED;
	return suspect_if(lower - upper > tolerance);
}

enum fg_qc fg_rule_bounds(double v, double low, double high)
{
	if (!isfinite(v))
		return FG_QC_NOT_EVALUATED;
	return suspect_if(v < low || v > high);
}

/* ---- out of the water ---- */

/* False where the pair is older than what stands in its place. */
static bool add(struct fg_water_window *w, const struct fg_water_limits *limits, int64_t number,
	double probe, double air)
{
	struct fg_water_slot *s = &w->slots[number % limits->slots];

	if (s->count && s->number > number)
		return false;
	if (s->number != number)
		*s = (struct fg_water_slot){.number = number};
	s->count++;
	s->probe += probe;
	s->air += air;
	return true;
}

struct moments {
	unsigned n;
	double probe, air, probe2, air2, both;
};

static bool within(
	const struct fg_water_slot *s, const struct fg_water_limits *limits, int64_t last)
{
	return s->count && s->number <= last && s->number > last - (int64_t)limits->slots;
}

/* Means first, then squares of what is left, so that nothing is lost at 280 K of warmth. */
static struct moments moments_of(
	const struct fg_water_window *w, const struct fg_water_limits *limits, int64_t last)
{
	struct moments m = {.n = 0};

	for (unsigned i = 0; i < limits->slots; i++) {
		const struct fg_water_slot *s = &w->slots[i];

		if (!within(s, limits, last))
			continue;
		m.n++;
		m.probe += s->probe / s->count;
		m.air += s->air / s->count;
	}
	m.probe /= m.n;
	m.air /= m.n;
	for (unsigned i = 0; i < limits->slots; i++) {
		const struct fg_water_slot *s = &w->slots[i];
		double p, a;

		if (!within(s, limits, last))
			continue;
		p = s->probe / s->count - m.probe;
		a = s->air / s->count - m.air;
		m.probe2 += p * p;
		m.air2 += a * a;
		m.both += p * a;
	}
	return m;
}

enum fg_qc fg_rule_out_of_water(struct fg_water_window *w, const struct fg_water_limits *limits,
	int64_t at_us, double probe, double air)
{
	int64_t number = at_us / limits->slot_us;
	struct moments m;

	if (!isfinite(probe) || !isfinite(air) || at_us < 0 || !add(w, limits, number, probe, air))
		return FG_QC_NOT_EVALUATED;
	m = moments_of(w, limits, number);
	if (m.n * 4 < limits->slots * 3 || sqrt(m.air2 / m.n) < limits->spread)
		return FG_QC_NOT_EVALUATED;
	/* a probe that does not move at all has no correlation: NaN, which is none */
	return suspect_if(m.both / sqrt(m.probe2 * m.air2) >= limits->correlation &&
			  sqrt(m.probe2 / m.air2) >= limits->ratio);
}

/* ---- as declared ---- */

enum fg_qc fg_rule_judge(const struct fg_rule *rule, const double *values,
	struct fg_water_window *window, int64_t at_us)
{
	double second = rule->point_count > 1 ? values[1] * rule->scale + rule->offset : NAN;

	switch (rule->kind) {
	case FG_RULE_DISAGREE:
		return fg_rule_disagree(values[0], second, rule->tolerance, rule->percent);
	case FG_RULE_ORDER:
		return fg_rule_order(values[0], second, rule->tolerance);
	case FG_RULE_BOUNDS:
		return fg_rule_bounds(values[0], rule->low, rule->high);
	case FG_RULE_OUT_OF_WATER:
		return fg_rule_out_of_water(window, &rule->water, at_us, values[0], second);
	}
	return FG_QC_NOT_EVALUATED;
}
