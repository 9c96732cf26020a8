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
	fg_documents_touch(core, FG_DOC_DEVICES + dev->device->index);
}

/* A good answer says that the link works: neighbours that were lost with it are tried at once. */
static void wake_neighbours(struct fg_core *core, struct fg_now now, const struct fg_device *device)
{
	for (size_t i = 0; i < device->link->device_count; i++) {
		const struct fg_device *d = device->link->devices[i];
		const struct fg_device_run *dev = &core->devices[d->index];

		if (d != device && dev->state == FG_DEVICE_QUARANTINED &&
			dev->reason == FG_REASON_LINK_DOWN)
			fg_schedule_wake(core, d, now.mono_us);
	}
}

static void good_poll(struct fg_core *core, struct fg_now now, struct fg_device_run *dev,
	const struct fg_poll_result *result)
{
	const struct fg_device *d = dev->device;
	char since[FG_RFC3339_SIZE];

	if (dev->state == FG_DEVICE_FAILING || dev->state == FG_DEVICE_QUARANTINED) {
		fg_rfc3339(dev->failing_since_wall_ms, since);
		fg_notice("device '%s' (link '%s'): answers again; no good answer since %s, %u "
			  "polls failed",
			d->name, d->link->name, since, dev->failed);
		if (dev->state == FG_DEVICE_QUARANTINED)
			for (size_t i = 0; i < d->group_count; i++)
				fg_schedule_resume(core, now, &core->groups[d->groups[i].index]);
		wake_neighbours(core, now, d);
	}
	dev->failed = 0;
	dev->reason = FG_REASON_NONE;
	dev->last_ok_wall_ms = now.wall_us / 1000;
	dev->answer_us = result->done_mono_us - result->started_mono_us;
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
	dev->reason = r->reason;
	dev->detail = r->detail;
	fg_reason_text(r->reason, r->detail, why);
	if (dev->state < FG_DEVICE_FAILING) {
		fg_warning("device '%s' (link '%s'): poll failed: %s", d->name, d->link->name, why);
		dev->failing_since_wall_ms = now.wall_us / 1000;
		set_state(core, now, dev, FG_DEVICE_FAILING);
	} else if (dev->state == FG_DEVICE_FAILING && dev->failed >= QUARANTINE_AFTER) {
		set_state(core, now, dev, FG_DEVICE_QUARANTINED);
		fg_warning("device '%s' (link '%s'): %u polls in a row failed (%s); it is probed "
			   "every "
			   "%" PRId64 " s from now on",
			d->name, d->link->name, dev->failed, why,
			fg_schedule_probe_us(core, dev) / 1000000);
		for (size_t i = 0; i < d->group_count; i++)
			core->groups[d->groups[i].index].due_mono_us =
				now.mono_us + fg_schedule_probe_us(core, dev);
	} else if (reason_changed) {
		fg_documents_touch(core, FG_DOC_DEVICES + d->index);
	}
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
	const struct fg_reading *first;

	dev->polls++;
	dev->requests += result->requests;
	dev->answers += result->answers;
	if (result->batch->count == 0)
		return;
	run->failed = failed(result->batch, &first);
	if (!run->failed)
		good_poll(core, now, dev, result);
	else if (answers_elsewhere(core, run))
		dev->failures++;
	else
		failed_poll(core, now, dev, first);
}
