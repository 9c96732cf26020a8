/* SPDX-License-Identifier: EUPL-1.2 */
/* When each group is polled: at its interval, on a phase of its own, without drift. */
#include "base/log.h"
#include "drivers/driver.h"
#include "gateway/core_state.h"

/* Polls start on a grid of this width: ten devices that are due at nearly one time cost one
 * wake-up, not ten. */
#define GRID_US 100000
/* Probes of a dead device where others share its link, and where nobody does. */
#define PROBE_SHARED_US 30000000
#define PROBE_ALONE_US	5000000
/* All dead devices of a link may take one fiftieth of its time. */
#define PROBE_SHARE 50

/* The next multiple of the interval on the wall clock, as monotonic time. */
static int64_t aligned_due(const struct fg_group *g, struct fg_now now)
{
	int64_t in = now.wall_us % g->interval_us;

	if (in < 0)
		in += g->interval_us;
	return now.mono_us + (g->interval_us - in);
}

/* Multiples of the golden ratio fall evenly however many there are, so groups may come and go. */
static int64_t phase(const struct fg_group *g)
{
	uint64_t fraction = (uint64_t)g->index * UINT64_C(11400714819323198485);
	int64_t phase_us =
		(int64_t)((double)fraction / 18446744073709551616.0 * (double)g->interval_us);

	return phase_us / GRID_US * GRID_US;
}

void fg_schedule_init(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	(void)core;
	if (run->group->device->align)
		run->due_mono_us = aligned_due(run->group, now);
	else
		run->due_mono_us = now.mono_us + phase(run->group);
	run->first_due_mono_us = run->due_mono_us;
}

void fg_schedule_resume(struct fg_now now, struct fg_group_run *run)
{
	int64_t since = now.mono_us - run->first_due_mono_us, interval = run->group->interval_us;

	if (run->group->device->align)
		run->due_mono_us = aligned_due(run->group, now);
	else
		run->due_mono_us = run->first_due_mono_us + (since / interval + 1) * interval;
}

static unsigned dead_on_link(const struct fg_core *core, const struct fg_link *link)
{
	unsigned n = 0;

	for (size_t i = 0; i < link->device_count; i++)
		n += core->devices[link->devices[i]->index].state == FG_DEVICE_QUARANTINED;
	return n;
}

int64_t fg_schedule_probe_us(const struct fg_core *core, const struct fg_device_run *dev)
{
	const struct fg_device *d = dev->device;
	int64_t pause = PROBE_ALONE_US;

	/* A link that is down costs its neighbours nothing. */
	if (d->link->device_count > 1 && dev->reason != FG_REASON_LINK_DOWN)
		pause = FG_MAX(PROBE_SHARED_US,
			d->timeout_us * PROBE_SHARE * (int64_t)dead_on_link(core, d->link));
	return FG_MAX(pause, d->interval_us);
}

void fg_schedule_wake(struct fg_core *core, const struct fg_device *device, int64_t due_mono_us)
{
	for (size_t i = 0; i < device->group_count; i++) {
		struct fg_group_run *run = &core->groups[device->groups[i].index];

		run->due_mono_us = FG_MIN(run->due_mono_us, due_mono_us);
	}
}

/* Sets the next time; times that have passed already are overruns. */
static void advance(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	struct fg_device_run *dev = &core->devices[run->group->device->index];
	int64_t interval = run->group->interval_us, missed;

	if (dev->state == FG_DEVICE_QUARANTINED) {
		run->due_mono_us = now.mono_us + fg_schedule_probe_us(core, dev);
		return;
	}
	if (run->group->device->align) {
		run->due_mono_us = aligned_due(run->group, now);
		/* a small step of the wall clock may put this poll a little before its mark */
		if (run->due_mono_us - now.mono_us < interval / 2)
			run->due_mono_us += interval;
		return;
	}
	run->due_mono_us += interval;
	if (run->due_mono_us <= now.mono_us) {
		missed = (now.mono_us - run->due_mono_us) / interval + 1;
		run->due_mono_us += missed * interval;
		run->overruns += (uint64_t)missed;
		dev->overruns += (uint64_t)missed;
		core->overruns += (uint64_t)missed;
	}
}

/* One poll of a device at a time: its groups share one instrument. */
static bool device_busy(const struct fg_core *core, const struct fg_device *d)
{
	for (size_t i = 0; i < d->group_count; i++)
		if (core->groups[d->groups[i].index].busy)
			return true;
	return false;
}

static void start(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	const struct fg_device *d = run->group->device;
	struct fg_device_run *dev = &core->devices[d->index];

	if (run->busy) { /* the last one still runs: skipped and counted, never queued twice */
		run->overruns++;
		dev->overruns++;
		core->overruns++;
		fg_debug(FG_DEBUG_schedule, "device '%s': overrun", d->name);
		advance(core, now, run);
		return;
	}
	if (dev->state == FG_DEVICE_QUARANTINED && run->group != &d->groups[0]) {
		advance(core, now, run); /* one group is probe enough */
		return;
	}
	if (device_busy(core, d))
		return; /* another group of it is being read: right after */
	run->busy = true;
	run->polls++;
	advance(core, now, run);
	core->ports.poll(core->ports.arg, run->group,
		dev->state == FG_DEVICE_QUARANTINED ? 1 : (unsigned)d->retries + 1);
}

int64_t fg_schedule_run(struct fg_core *core, struct fg_now now)
{
	int64_t next = INT64_MAX, offset = now.wall_us - now.mono_us;
	int64_t jump = offset - core->wall_offset_us;
	bool realign = jump > GRID_US || jump < -GRID_US;

	core->wall_offset_us = offset;
	for (size_t i = 0; i < core->config->group_count; i++) {
		struct fg_group_run *run = &core->groups[i];

		if (realign && run->group->device->align)
			run->due_mono_us = aligned_due(run->group, now);
		if (run->due_mono_us <= now.mono_us)
			start(core, now, run);
		if (run->due_mono_us > now.mono_us)
			next = FG_MIN(next, run->due_mono_us);
	}
	return next;
}
