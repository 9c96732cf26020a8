/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: points that are worked out of others. What is known of each point is kept beside it;
 * with each reading of a derived point's trigger there is a reading of the derived point, with the
 * trigger's time, out of what is known then. Nothing is waited for and nothing allocated. */
#include "gateway/core_state.h"

#include <math.h>

#include "base/cleanup.h"

static struct fg_known known_from(const struct fg_reading *r)
{
	return (struct fg_known){
		.seen = true,
		.value = r->qc == FG_QC_MISSING ? NAN : fg_value_number(&r->value),
		.taken_mono_us = r->taken_mono_us,
		.told = r->told,
		.told_wall_ms = r->told_wall_ms,
		.qc = r->qc,
		.reason = r->reason,
		.detail = r->detail,
	};
}

void fg_derive_note(struct fg_core *core, const struct fg_reading *r)
{
	struct fg_point_run *run = &core->points[r->point];

	run->frame = core->frame_number;
	run->at_hand = known_from(r);
	if (!run->known.seen || r->taken_mono_us >= run->known.taken_mono_us)
		run->known = run->at_hand;
}

void fg_derive_flagged(struct fg_core *core, const struct fg_reading *r)
{
	struct fg_point_run *run = &core->points[r->point];

	if (run->known.taken_mono_us == run->at_hand.taken_mono_us)
		run->known.qc = r->qc;
	run->at_hand.qc = r->qc;
}

/* What stands beside a reading goes before what came later. */
const struct fg_known *fg_known_of(const struct fg_core *core, const struct fg_point *point)
{
	const struct fg_point_run *run = &core->points[point->index];

	return run->frame == core->frame_number ? &run->at_hand : &run->known;
}

bool fg_derive(const struct fg_core *core, const struct fg_point *point, struct fg_reading *ret)
{
	const struct fg_derivation *d = point->derived;
	const struct fg_point_run *trigger = &core->points[d->trigger->index];
	struct fg_known inputs[FG_DERIVATION_INPUTS];

	if (trigger->frame != core->frame_number)
		return false;
	for (size_t i = 0; i < d->input_count; i++)
		if (d->inputs[i].point)
			inputs[i] = *fg_known_of(core, d->inputs[i].point);
	*ret = fg_derivation_reading(point, inputs, trigger->at_hand.taken_mono_us);
	ret->told = trigger->at_hand.told;
	ret->told_wall_ms = trigger->at_hand.told_wall_ms;
	return true;
}

void fg_derive_flag(const struct fg_core *core, struct fg_reading *r)
{
	const struct fg_point *point = core->config->points[r->point];
	const struct fg_derivation *d = point->derived;
	enum fg_qc worst = FG_QC_PASS;

	for (size_t i = 0; i < d->input_count; i++)
		if (d->inputs[i].point)
			worst = FG_MAX(worst, fg_known_of(core, d->inputs[i].point)->qc);
	if (r->qc == FG_QC_MISSING || (worst != FG_QC_SUSPECT && worst != FG_QC_FAIL))
		return;
	r->tests = fg_tests_set(r->tests, FG_TEST_RULE(point->rule_count), worst);
	r->qc = FG_MAX(r->qc, worst);
}

/* Of a point that is in the batch, or is worked out of it, or is known otherwise. */
static struct fg_known known_with(const struct fg_core *core, const struct fg_config *config,
	const struct fg_batch *batch, const struct fg_point *point)
{
	struct fg_reading r;

	for (size_t i = 0; i < batch->count; i++)
		if (batch->readings[i].point == point->index)
			return known_from(&batch->readings[i]);
	if (point->derived && fg_derive_shown(core, config, batch, point, &r))
		return known_from(&r);
	if (config == core->config) /* else its points have other numbers */
		return core->points[point->index].known;
	return (struct fg_known){.seen = false};
}

bool fg_derive_shown(const struct fg_core *core, const struct fg_config *config,
	const struct fg_batch *batch, const struct fg_point *point, struct fg_reading *ret)
{
	const struct fg_derivation *d = point->derived;
	struct fg_known inputs[FG_DERIVATION_INPUTS];
	size_t at = 0;

	while (at < batch->count && batch->readings[at].point != d->trigger->index)
		at++;
	if (at == batch->count)
		return false;
	for (size_t i = 0; i < d->input_count; i++)
		if (d->inputs[i].point)
			inputs[i] = known_with(core, config, batch, d->inputs[i].point);
	*ret = fg_derivation_reading(point, inputs, batch->readings[at].taken_mono_us);
	return true;
}

size_t fg_derive_most(const struct fg_core *core, const struct fg_batch *batch)
{
	size_t n = 0;

	for (size_t i = 0; i < batch->count; i++) {
		const struct fg_point *p = core->config->points[batch->readings[i].point];

		for (size_t k = 0; k < p->device->derived_count; k++)
			n += p->device->derived[k]->derived->trigger == p;
	}
	return n;
}
