/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: what a reading is worth, and whether it is told. Each reading of a batch goes through
 * the steps of assess() in their order. */
#include "gateway/core_state.h"

#include "base/plant.h"
#include "quality/quality.h"

/* Whether a reading is told. What the device said itself always is, a sentinel too. That it said
 * nothing is told when the state begins or changes, and then as often as the point asks; what is
 * not told is counted. */
static bool worth_telling(
	struct fg_point_run *run, const struct fg_point *point, const struct fg_reading *r)
{
	if (r->qc != FG_QC_MISSING || r->reason == FG_REASON_SENTINEL ||
		r->reason == FG_REASON_DECODE)
		return true;
	if (run->missing && run->reason == r->reason && run->detail == r->detail &&
		r->taken_mono_us - run->announced_mono_us < point->at_least_every_us)
		return false;
	return true;
}

void fg_judge_told(struct fg_point_run *run, const struct fg_item *item, int64_t mono_us)
{
	run->missing = item->qc == FG_QC_MISSING;
	run->reason = item->reason;
	run->detail = item->detail;
	run->announced_mono_us = mono_us;
}

/* One reading, from what the driver handed over to what is stored of it. */
static void assess(struct fg_core *core, const struct fg_point *point, struct fg_reading *r,
	struct fg_item *ret)
{
	fg_quality_judge(point, r);
	*ret = (struct fg_item){
		.point = core->points[point->index].series->id,
		.wall_ms = fg_core_wall_us(core, r->taken_mono_us) / 1000,
		.uncertainty_s = core->time.clock.uncertainty_s,
		.qc = r->qc,
		.reason = r->reason,
		.detail = r->detail,
		.tests = r->tests,
		.value = r->value,
	};
	if (r->told) {
		ret->wall_ms = r->told_wall_ms;
		ret->uncertainty_s = 0;
		ret->own_time = true;
	}
}

unsigned fg_judge_batch(struct fg_core *core, const struct fg_batch *batch, bool due)
{
	unsigned n = 0;

	for (size_t i = 0; i < batch->count && n < core->item_cap; i++) {
		struct fg_reading r = batch->readings[i];
		const struct fg_point *point = core->config->points[r.point];
		struct fg_point_run *run = &core->points[r.point];

		assess(core, point, &r, &core->items[n]);
		run->has_last = run->seen = true;
		run->last_qc = r.qc;
		if (due && r.qc == FG_QC_MISSING)
			fg_ledgers_missing(core, point, r.reason, r.detail, r.taken_mono_us);
		if (!worth_telling(run, point, &r)) {
			core->suppressed++;
			continue;
		}
		core->items[n].seq = core->next_seq + n;
		core->item_mono_us[n] = r.taken_mono_us;
		core->item_point[n] = r.point;
		n++;
	}
	return n;
}

void fg_judge_unseen(struct fg_core *core, const struct fg_poll_result *result, bool due)
{
	for (size_t i = 0; i < result->group->count; i++) {
		const struct fg_point *point = result->group->points[i];
		struct fg_point_run *run = &core->points[point->index];

		if (due && !run->seen)
			fg_ledgers_missing(core, point, FG_REASON_NO_RESPONSE, 0,
				result->done_mono_us);
		run->seen = false;
	}
}

void fg_judge_note(struct fg_core *core, unsigned n, bool taken)
{
	enum fg_reason why = core->store_writable ? FG_REASON_QUEUE_FULL : FG_REASON_STORAGE;

	for (unsigned i = 0; i < n; i++) {
		const struct fg_point *point = core->config->points[core->item_point[i]];

		if (core->items[i].qc == FG_QC_MISSING)
			continue;
		if (taken || fg_planted(FG_PLANT_FULL_IS_SENT))
			fg_ledgers_sent(core, point, core->item_mono_us[i], core->items[i].wall_ms);
		else
			fg_ledgers_missing(core, point, why, 0, core->item_mono_us[i]);
	}
}

