/* SPDX-License-Identifier: EUPL-1.2 */
/* Report by exception: what differs from what was told last is told, and the rest often enough. */
#include "base/cleanup.h"
#include "gateway/core_state.h"

/* The next reading would come too late; polls do not come to the microsecond. */
static bool overdue(
	const struct fg_point_run *run, const struct fg_point *point, int64_t taken_mono_us)
{
	int64_t early_us = point->interval_us / 10;

	return taken_mono_us + point->interval_us - run->announced_mono_us >
	       point->at_least_every_us + early_us;
}

/* Which test says what matters where the reading is not good. */
static bool quality_changed(const struct fg_told *told, const struct fg_item *item)
{
	return told->qc != item->qc || told->reason != item->reason ||
	       (item->qc != FG_QC_PASS && told->tests != item->tests);
}

bool fg_report_worth_telling(const struct fg_point_run *run, const struct fg_point *point,
	const struct fg_item *item, int64_t taken_mono_us)
{
	const struct fg_told *told = &run->events.told;

	if (!told->has || quality_changed(told, item) || told->alarm != item->alarm ||
		told->maintenance != item->maintenance)
		return true;
	/* while an alarm holds it is reported at the alarm's interval */
	if (item->alarm != FG_ALARM_NONE)
		return true;
	return fg_value_changed(&told->value, &item->value, point->on_change) ||
	       overdue(run, point, taken_mono_us);
}

void fg_report_told(struct fg_point_run *run, const struct fg_item *item)
{
	run->events.told = (struct fg_told){.has = true, .maintenance = item->maintenance,
		.seq = item->seq, .qc = item->qc, .reason = item->reason, .alarm = item->alarm,
		.tests = item->tests, .value = fg_told_value(&item->value)};
}

void fg_report_forget(struct fg_core *core, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < core->config->point_count; i++) {
		struct fg_told *told = &core->points[i].events.told;

		if (told->has && told->seq >= from && told->seq < to)
			told->has = false;
	}
}
