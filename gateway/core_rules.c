/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: rules of stations. A reading is judged against the newest reading of its partner that
 * is neither too old, nor missing, nor failed; where there is none it is not judged. What a window
 * holds does not outlast the process: it fills again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "gateway/core_state.h"
#include "quality/quality.h"

/* The value of the other point, NaN where there is none to go by. */
static double partner(const struct fg_core *core, const struct fg_rule *rule, size_t i,
	int64_t at_us)
{
	const struct fg_known *k = fg_known_of(core, rule->points[i]);
	int64_t away_us = k->seen ? at_us - k->taken_mono_us : 0;

	if (!k->seen || k->qc == FG_QC_MISSING || k->qc == FG_QC_FAIL ||
		away_us > rule->max_age_us[i] || -away_us > rule->max_age_us[i])
		return NAN;
	return k->value;
}

static enum fg_qc verdict(
	struct fg_core *core, const struct fg_rule *rule, const struct fg_reading *r)
{
	double values[2] = {NAN, NAN};

	for (size_t i = 0; i < rule->point_count; i++) {
		if (rule->points[i]->index != r->point)
			values[i] = partner(core, rule, i, r->taken_mono_us);
		else if (!fg_rule_judges(rule, i))
			return FG_QC_NOT_EVALUATED;
		else
			values[i] = fg_value_number(&r->value);
	}
	return fg_rule_judge(rule, values,
		rule->kind == FG_RULE_OUT_OF_WATER ? &core->windows[rule->window] : NULL,
		r->taken_mono_us);
}

void fg_rules_judge(struct fg_core *core, struct fg_reading *r)
{
	const struct fg_point *point = core->config->points[r->point];
	enum fg_qc flags[2];

	if (r->qc == FG_QC_MISSING || r->qc == FG_QC_FAIL || point->qc.off)
		return;
	for (size_t i = 0; i < point->rule_count; i++) {
		flags[0] = r->qc;
		flags[1] = verdict(core, point->rules[i], r);
		if (flags[1] == FG_QC_NOT_EVALUATED)
			continue;
		r->tests = fg_tests_set(r->tests, FG_TEST_RULE(i), flags[1]);
		r->qc = fg_qc_rollup(flags, 2);
	}
	fg_derive_flagged(core, r);
}

int fg_rules_init(struct fg_core *core, const struct fg_config *config)
{
	core->windows = calloc(config->window_count + 1, sizeof(*core->windows));
	return core->windows ? FG_OK : FG_ENOMEM;
}

void fg_rules_clock(struct fg_core *core, const struct fg_point *point)
{
	for (size_t i = 0; i < point->rule_count; i++) {
		const struct fg_rule *rule = point->rules[i];

		if (rule->kind == FG_RULE_OUT_OF_WATER && rule->points[0] == point)
			core->windows[rule->window] = (struct fg_water_window){0};
	}
}

static bool same_window(const struct fg_rule *a, const struct fg_rule *b)
{
	if (strcmp(a->name, b->name) != 0 || strcmp(a->station, b->station) != 0 ||
		a->water.slot_us != b->water.slot_us || a->water.slots != b->water.slots)
		return false;
	for (size_t i = 0; i < 2; i++)
		if (strcmp(a->points[i]->name, b->points[i]->name) != 0 ||
			strcmp(a->points[i]->device->name, b->points[i]->device->name) != 0)
			return false;
	return true;
}

void fg_rules_carry(const struct fg_core *from, struct fg_core *to)
{
	for (size_t i = 0; i < to->config->window_count; i++)
		for (size_t k = 0; k < from->config->window_count; k++)
			if (same_window(to->config->windows[i], from->config->windows[k]))
				to->windows[i] = from->windows[k];
}
