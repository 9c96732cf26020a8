/* SPDX-License-Identifier: EUPL-1.2 */
/* Device states: ok, failing, quarantined, and back; each change is told once. */
#include <inttypes.h>

#include "base/log.h"
#include "base/timefmt.h"
#include "drivers/driver.h"
#include "gateway/core_state.h"

#define QUARANTINE_AFTER 3

const char *fg_device_state_name(enum fg_device_state state)
{
	static const char *const names[] = {"unknown", "ok", "failing", "quarantined"};

	return names[state];
}

/* A poll failed when the device said nothing useful about any of its points. A sentinel or a bad
 * quality mark is an answer. */
static bool failed(const struct fg_batch *batch, const struct fg_reading **ret_first)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct fg_reading *r = &batch->readings[i];

		if (r->qc != FG_QC_MISSING || r->reason == FG_REASON_SENTINEL)
			return false;
	}
	if (batch->count == 0)
		return false;
	*ret_first = &batch->readings[0];
	return true;
}

static void set_state(struct fg_core *core, struct fg_now now, struct fg_device_run *dev,
	enum fg_device_state state)
{
	if (dev->state == state)
		return;
	dev->state = state;
	dev->since_wall_ms = now.wall_us / 1000;
	fg_documents_touch(core, FG_DOC_DEVICE, dev->device->index);
}

/* What an answer may take is learned from answers: the longest counts, and is forgotten slowly. */
static void learn(struct fg_device_run *dev, const struct fg_poll_result *result)
{
	int64_t waited_us = result->answer_us;

	if (!waited_us && result->requests)
		waited_us = fg_probe_took_us(result) / result->requests;
	dev->longest_us = FG_MAX(waited_us, dev->longest_us - dev->longest_us / 256);
}

static void good_poll(struct fg_core *core, struct fg_now now, struct fg_device_run *dev,
	const struct fg_poll_result *result)
{
	const struct fg_device *d = dev->device;
	char since[FG_RFC3339_SIZE];

	if (dev->state == FG_DEVICE_FAILING || dev->state == FG_DEVICE_QUARANTINED) {
		fg_rfc3339(dev->failing_since_wall_ms, since);
		fg_notice_of(DEVICE_OK,
			"device '%s' (link '%s'): answers again; no good answer since %s, %u "
			  "polls failed",
			d->name, d->link->name, since, dev->failed);
		if (dev->state == FG_DEVICE_QUARANTINED)
			for (size_t i = 0; i < d->group_count; i++)
				fg_schedule_resume(core, now, &core->groups[d->groups[i].index]);
		fg_probe_wake_neighbours(core, dev, now.mono_us);
	}
	dev->failed = 0;
	dev->reason = FG_REASON_NONE;
	dev->last_ok_wall_ms = now.wall_us / 1000;
	if (result->batch->count) /* no probe, which is shorter */
		dev->answer_us = result->done_mono_us - result->started_mono_us;
	learn(dev, result);
	set_state(core, now, dev, FG_DEVICE_OK);
}

static void failed_poll(struct fg_core *core, struct fg_now now, struct fg_device_run *dev,
	const struct fg_reading *r)
{
	const struct fg_device *d = dev->device;
	char why[FG_REASON_SIZE];
	bool reason_changed = dev->reason != r->reason || dev->detail != r->detail;

	dev->failed++;
	dev->failures++;
	dev->last_error = r->reason;
	dev->last_error_detail = r->detail;
	dev->last_error_wall_ms = now.wall_us / 1000;
	dev->reason = r->reason;
	dev->detail = r->detail;
	fg_reason_text(r->reason, r->detail, why);
	if (dev->state < FG_DEVICE_FAILING) {
		fg_warning_of(DEVICE_FAILING,
			"device '%s' (link '%s'): poll failed: %s", d->name, d->link->name, why);
		dev->failing_since_wall_ms = now.wall_us / 1000;
		dev->failing_since_mono_us = now.mono_us;
		set_state(core, now, dev, FG_DEVICE_FAILING);
	} else if (dev->state == FG_DEVICE_FAILING && dev->failed >= QUARANTINE_AFTER) {
		set_state(core, now, dev, FG_DEVICE_QUARANTINED);
		fg_warning_of(DEVICE_QUARANTINED,
			"device '%s' (link '%s'): %u polls in a row failed (%s); it is probed "
			   "each %" PRId64 " s from now on, or as often as its bus has the time",
			d->name, d->link->name, dev->failed, why,
			fg_probe_pause_us(dev) / 1000000);
		dev->probed_mono_us = dev->dead_mono_us = now.mono_us;
		for (size_t i = 0; i < d->group_count; i++) {
			struct fg_group_run *run = &core->groups[d->groups[i].index];

			if (!fg_reports_by_itself(run))
				run->due_mono_us = now.mono_us + fg_probe_pause_us(dev);
		}
	} else if (reason_changed) {
		fg_documents_touch(core, FG_DOC_DEVICE, d->index);
	}
}

void fg_health_reported(struct fg_core *core, struct fg_now now, struct fg_device_run *dev)
{
	const struct fg_device *d = dev->device;
	char since[FG_RFC3339_SIZE];

	if (dev->state == FG_DEVICE_FAILING || dev->state == FG_DEVICE_QUARANTINED) {
		fg_rfc3339(dev->failing_since_wall_ms, since);
		fg_notice_of(DEVICE_OK,
			"device '%s' (link '%s'): reports again; it was failing since %s",
			d->name, d->link->name, since);
		for (size_t i = 0; dev->state == FG_DEVICE_QUARANTINED && i < d->group_count; i++)
			fg_schedule_resume(core, now, &core->groups[d->groups[i].index]);
	}
	dev->failed = 0;
	dev->reason = FG_REASON_NONE;
	dev->last_ok_wall_ms = now.wall_us / 1000;
	set_state(core, now, dev, FG_DEVICE_OK);
}

void fg_health_late(struct fg_core *core, struct fg_now now, struct fg_device_run *dev)
{
	const struct fg_device *d = dev->device;

	if (dev->state == FG_DEVICE_FAILING)
		return;
	dev->failures++;
	dev->last_error = dev->reason = FG_REASON_NOT_REPORTED;
	dev->last_error_detail = dev->detail = 0;
	dev->last_error_wall_ms = dev->failing_since_wall_ms = now.wall_us / 1000;
	dev->failing_since_mono_us = now.mono_us;
	fg_warning_of(DEVICE_FAILING,
		"device '%s' (link '%s'): has not reported for three intervals", d->name,
		d->link->name);
	set_state(core, now, dev, FG_DEVICE_FAILING);
}

/* A device that answers for another of its groups is not dead, or its state would change with every
 * poll: only these points are told as missing. */
static bool answers_elsewhere(const struct fg_core *core, const struct fg_group_run *run)
{
	const struct fg_device *d = run->group->device;

	for (size_t i = 0; i < d->group_count; i++) {
		const struct fg_group_run *other = &core->groups[d->groups[i].index];

		if (other != run && other->polls > 0 && !other->failed && !other->busy)
			return true;
	}
	return false;
}

void fg_health_polled(struct fg_core *core, struct fg_now now, const struct fg_poll_result *result)
{
	struct fg_group_run *run = &core->groups[result->group->index];
	struct fg_device_run *dev = &core->devices[result->group->device->index];
	const struct fg_reading *first = NULL;

	dev->polls++;
	dev->requests += result->requests;
	dev->answers += result->answers;
	dev->splits = result->splits;
	if (result->batch->count == 0 && !(run->probe && result->answers))
		return;
	run->failed = failed(result->batch, &first);
	if (!run->probe && result->answers)
		run->took_us = fg_probe_took_us(result);
	if (run->probe)
		fg_probe_ended(core, dev, result, !run->failed);
	if (!run->failed)
		good_poll(core, now, dev, result);
	else if (answers_elsewhere(core, run))
		dev->failures++;
	else
		failed_poll(core, now, dev, first);
}
