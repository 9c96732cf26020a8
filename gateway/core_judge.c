/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: what a reading is worth, and whether it is told. Each reading of a batch goes through
 * the steps of assess() in their order, and then what is worked out of it. */
#include "gateway/core_state.h"

#include <string.h>

#include "base/plant.h"
#include "quality/quality.h"

/* Whether a reading is told. What the device said itself always is, a sentinel too. That it said
 * nothing is told when the state begins or changes, and then as often as the point asks; what is
 * not told is counted. */
static bool worth_telling(const struct fg_point_run *run, const struct fg_point *point,
	const struct fg_reading *r, const struct fg_item *item)
{
	if (r->qc != FG_QC_MISSING && point->by_change)
		return fg_report_worth_telling(run, point, item, r->taken_mono_us);
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
	fg_report_told(run, item);
}

/* What a reading is worth by itself, and by what its point showed before. */
static void assess(struct fg_core *core, struct fg_reading *r)
{
	const struct fg_point *point = core->config->points[r->point];

	fg_calibration_apply(core, r);
	fg_quality_judge(point, r);
	fg_quality_step(core, point, r);
	fg_derive_note(core, r);
}

/* From a judged reading to what is stored of it. */
static void lay_out(struct fg_core *core, const struct fg_reading *r, struct fg_item *ret)
{
	*ret = (struct fg_item){
		.point = core->points[r->point].series->id,
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
	ret->has_raw = core->points[r->point].events.has_raw;
	if (ret->has_raw)
		ret->raw = core->points[r->point].events.raw;
	ret->maintenance =
		core->devices[core->config->points[r->point]->device->index].maintenance;
	ret->notice = core->points[r->point].notice;
	ret->alarm = fg_alarm_assess(core, core->config->points[r->point], r);
}

/* Lays a judged reading out as the n-th item, unless it is not told; returns how many there are. */
static unsigned tell(struct fg_core *core, const struct fg_reading *r, bool due, unsigned n)
{
	const struct fg_point *point = core->config->points[r->point];
	struct fg_point_run *run = &core->points[r->point];

	run->has_last = run->seen = true;
	run->last_qc = r->qc;
	if (due && r->qc == FG_QC_MISSING)
		fg_ledgers_missing(core, point, r->reason, r->detail, r->taken_mono_us);
	lay_out(core, r, &core->items[n]);
	if (!worth_telling(run, point, r, &core->items[n])) {
		core->suppressed++;
		if (r->qc != FG_QC_MISSING)
			fg_ledgers_suppressed(core, point, r->taken_mono_us);
		return n;
	}
	fg_quality_laid_out(core, run, n);
	core->item_mono_us[n] = r->taken_mono_us;
	core->item_point[n] = r->point;
	return n + 1;
}

/* Of readings from first on: how many there are until a point comes again, or another time of the
 * sensor's own. Such a frame is what a device said at one time. */
static size_t frame_of(struct fg_core *core, const struct fg_batch *batch, size_t first)
{
	size_t at = first;

	core->frame_number++;
	for (; at < batch->count && at - first < core->frame_cap; at++) {
		const struct fg_reading *r = &batch->readings[at];
		struct fg_point_run *run = &core->points[r->point];

		if (run->frame == core->frame_number ||
			(r->told && r->told_wall_ms != batch->readings[first].told_wall_ms))
			break;
		run->frame = core->frame_number;
	}
	return at - first;
}

/* What was read is judged first, then what is worked out of it, each for itself; then by the rules
 * of the station, which look at all of it. */
static unsigned judge_frame(
	struct fg_core *core, const struct fg_reading *read, size_t count, bool due, unsigned n)
{
	const struct fg_device *device = core->config->points[read->point]->device;
	struct fg_reading *frame = core->frame;
	size_t all = count;

	memcpy(frame, read, count * sizeof(*frame));
	for (size_t i = 0; i < count; i++)
		assess(core, &frame[i]);
	for (size_t i = 0; i < device->derived_count && all < core->frame_cap; i++)
		if (fg_derive(core, device->derived[i], &frame[all]))
			assess(core, &frame[all++]);
	for (size_t i = 0; i < all; i++) {
		if (i >= count)
			fg_derive_flag(core, &frame[i]);
		fg_rules_judge(core, &frame[i]);
	}
	for (size_t i = 0; i < all && n < core->item_cap; i++)
		n = tell(core, &frame[i], due, n);
	core->derived += all - count;
	return n;
}

unsigned fg_judge_batch(struct fg_core *core, const struct fg_batch *batch, bool due)
{
	unsigned n = 0;
	size_t count;

	core->batch_no++;
	core->correction_count = 0;
	for (size_t i = 0; i < batch->count && n < core->item_cap; i += count) {
		count = frame_of(core, batch, i);
		core->laid_out = n;
		n = judge_frame(core, &batch->readings[i], count, due, n);
	}
	return n;
}

static void note_unseen(
	struct fg_core *core, const struct fg_point *point, bool due, int64_t mono_us)
{
	struct fg_point_run *run = &core->points[point->index];

	if (due && !run->seen)
		fg_ledgers_missing(core, point, FG_REASON_NO_RESPONSE, 0, mono_us);
	run->seen = false;
}

void fg_judge_unseen(struct fg_core *core, const struct fg_poll_result *result, bool due)
{
	const struct fg_group *g = result->group;

	for (size_t i = 0; i < g->count; i++)
		note_unseen(core, g->points[i], due, result->done_mono_us);
	for (size_t i = 0; i < g->derived_count; i++)
		note_unseen(core, g->derived[i], due, result->done_mono_us);
}

void fg_judge_note(struct fg_core *core, unsigned n, bool taken)
{
	enum fg_reason why = core->store_writable ? FG_REASON_QUEUE_FULL : FG_REASON_STORAGE;

	for (unsigned i = 0; i < n; i++) {
		const struct fg_point *point = core->config->points[core->item_point[i]];

		if (core->items[i].qc == FG_QC_MISSING ||
			(fg_planted(FG_PLANT_PACE_UNCOUNTED) &&
				core->groups[point->device->groups[0].index].interval_us !=
					point->interval_us))
			continue;
		if (taken || fg_planted(FG_PLANT_FULL_IS_SENT))
			fg_ledgers_sent(core, point, core->item_mono_us[i], core->items[i].wall_ms);
		else
			fg_ledgers_missing(core, point, why, 0, core->item_mono_us[i]);
	}
}

void fg_judge_clock(struct fg_core *core, int64_t by_us)
{
	for (size_t i = 0; i < core->config->point_count; i++) {
		struct fg_point_run *run = &core->points[i];

		if (!run->known.told)
			continue;
		run->known.taken_mono_us -= by_us;
		run->announced_mono_us -= by_us;
		run->events.alarm.last_us -= by_us;
		run->events.alarm.exceeded_us -= by_us;
		fg_quality_clock(run, -(by_us / 1000));
		fg_rules_clock(core, core->config->points[i]);
	}
}
