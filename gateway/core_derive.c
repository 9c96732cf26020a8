/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: points that are worked out of others. What is known of each point is kept beside it;
 * with each reading of a derived point's trigger there is a reading of the derived point, with the
 * trigger's time, out of what is known then. Nothing is waited for and nothing allocated. */
#include "gateway/core_state.h"

#include <math.h>

void fg_derive_note(struct fg_core *core, const struct fg_reading *r)
{
	struct fg_point_run *run = &core->points[r->point];

	run->frame = core->frame_number;
	run->known = (struct fg_known){
		.seen = true,
		.value = r->qc == FG_QC_MISSING ? NAN : fg_value_number(&r->value),
		.taken_mono_us = r->taken_mono_us,
		.qc = r->qc,
		.reason = r->reason,
		.detail = r->detail,
	};
}

static void gather(
	const struct fg_core *core, const struct fg_derivation *d, struct fg_known *inputs)
{
	for (size_t i = 0; i < d->input_count; i++)
		if (d->inputs[i].point)
			inputs[i] = core->points[d->inputs[i].point->index].known;
}

bool fg_derive(const struct fg_core *core, const struct fg_point *point, struct fg_reading *ret)
{
	const struct fg_point_run *trigger = &core->points[point->derived->trigger->index];
	struct fg_known inputs[FG_DERIVATION_INPUTS];

	if (trigger->frame != core->frame_number)
		return false;
	gather(core, point->derived, inputs);
	*ret = fg_derivation_reading(point, inputs, trigger->known.taken_mono_us);
	return true;
}

void fg_derive_flag(const struct fg_core *core, struct fg_reading *r)
{
	const struct fg_derivation *d = core->config->points[r->point]->derived;

	for (size_t i = 0; i < d->input_count && r->qc != FG_QC_MISSING; i++) {
		const struct fg_point *in = d->inputs[i].point;
		enum fg_qc qc = in ? core->points[in->index].known.qc : FG_QC_PASS;

		if ((qc == FG_QC_SUSPECT || qc == FG_QC_FAIL) && qc > r->qc)
			r->qc = qc;
	}
}
