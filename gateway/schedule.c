/* SPDX-License-Identifier: EUPL-1.2 */
/* When each group is polled: at its interval, on a phase of its own, without drift. */
#include "base/log.h"
#include "base/plant.h"
#include "drivers/driver.h"
#include "gateway/core_state.h"

/* Polls start on a grid of this width: ten devices that are due at nearly one time cost one
 * wake-up, not ten. */
#define GRID_US 100000
/* The core was to run at a time that it gave; later than this, something kept it from running. */
#define AWAY_US 10000000

bool fg_schedule_away(const struct fg_core *core, struct fg_now now)
{
	return now.mono_us - core->wanted_mono_us > AWAY_US;
}

static int64_t since_mark(int64_t wall_us, int64_t interval_us)
{
	int64_t in = wall_us % interval_us;

	return in < 0 ? in + interval_us : in;
}

/* The next multiple of the interval on the wall clock, as monotonic time. */
static int64_t aligned_due(
	const struct fg_core *core, const struct fg_group_run *run, struct fg_now now)
{
	return now.mono_us + run->interval_us -
	       since_mark(fg_core_wall_us(core, now.mono_us), run->interval_us);
}

/* The multiple that is nearest: small steps of the wall clock neither skip a mark nor take one
 * twice. */
static int64_t nearest_mark(
	const struct fg_core *core, const struct fg_group_run *run, int64_t mono_us)
{
	int64_t in = since_mark(fg_core_wall_us(core, mono_us), run->interval_us);

	return mono_us - in + (in * 2 >= run->interval_us ? run->interval_us : 0);
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
	run->interval_us = run->group->interval_us;
	if (run->group->device->align)
		run->due_mono_us = aligned_due(core, run, now);
	else
		run->due_mono_us = now.mono_us + phase(run->group);
	run->slot_mono_us = run->first_slot_mono_us = run->due_mono_us;
	run->regular_mono_us = run->slot_mono_us;
	if (fg_reports_by_itself(run))
		fg_reports_expect(now, run);
}

/* Goes so many regular times on. */
static void next_slot(const struct fg_core *core, struct fg_group_run *run, int64_t count)
{
	run->slot_mono_us += count * run->interval_us;
	if (run->group->device->align)
		run->slot_mono_us = nearest_mark(core, run, run->slot_mono_us);
}

void fg_schedule_pass(struct fg_core *core, struct fg_now now, struct fg_group_run *run,
	enum fg_reason reason)
{
	int64_t interval = run->interval_us;
	uint64_t count;

	if (fg_reports_by_itself(run))
		return; /* it has no regular times */
	/* twice where the nearest mark after the last one has passed as well */
	while (run->slot_mono_us <= now.mono_us) {
		count = (uint64_t)((now.mono_us - run->slot_mono_us) / interval) + 1;
		if (fg_schedule_away(core, now))
			reason = FG_REASON_GATEWAY_OFF;
		if (!fg_schedule_away(core, now) || !fg_planted(FG_PLANT_SUSPEND_UNTOLD))
			fg_ledgers_slots(core, run, reason, run->slot_mono_us, count);
		next_slot(core, run, (int64_t)count);
		if (reason != FG_REASON_OVERRUN)
			continue;
		run->overruns += count;
		core->devices[run->group->device->index].overruns += count;
		core->overruns += count;
	}
}

void fg_schedule_resume(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	if (fg_reports_by_itself(run))
		return;
	fg_schedule_pass(core, now, run, FG_REASON_QUARANTINED);
	if (fg_planted(FG_PLANT_SLOT_LOST))
		next_slot(core, run, 1);
	run->due_mono_us = run->slot_mono_us;
}

/* The next time on the group's own phase, or at a faster pace a whole number of steps before it. */
static int64_t paced_slot(struct fg_group_run *run, int64_t now_us)
{
	int64_t own_us = run->group->interval_us;

	if (run->regular_mono_us <= now_us)
		run->regular_mono_us += ((now_us - run->regular_mono_us) / own_us + 1) * own_us;
	return run->regular_mono_us -
	       (run->regular_mono_us - now_us - 1) / run->interval_us * run->interval_us;
}

void fg_schedule_pace(
	struct fg_core *core, struct fg_now now, struct fg_group_run *run, int64_t interval_us)
{
	bool dead = core->devices[run->group->device->index].state == FG_DEVICE_QUARANTINED;
	bool before_first;

	if (run->interval_us == interval_us)
		return;
	fg_schedule_pass(core, now, run, dead ? FG_REASON_QUARANTINED : FG_REASON_OVERRUN);
	before_first = run->slot_mono_us == run->first_slot_mono_us;
	if (run->interval_us == run->group->interval_us)
		run->regular_mono_us = run->slot_mono_us;
	run->interval_us = interval_us;
	if (fg_reports_by_itself(run))
		return;
	run->slot_mono_us = run->group->device->align ? aligned_due(core, run, now) :
							paced_slot(run, now.mono_us);
	if (before_first)
		run->first_slot_mono_us = run->slot_mono_us;
	if (!dead)
		run->due_mono_us = run->slot_mono_us;
}

void fg_schedule_wake(struct fg_core *core, const struct fg_device *device, int64_t due_mono_us)
{
	for (size_t i = 0; i < device->group_count; i++) {
		struct fg_group_run *run = &core->groups[device->groups[i].index];

		if (!fg_reports_by_itself(run))
			run->due_mono_us = FG_MIN(run->due_mono_us, due_mono_us);
	}
}

/* Sets the next time after a poll was started at a regular one; those that have passed already are
 * overruns. */
static void advance(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	next_slot(core, run, 1);
	fg_schedule_pass(core, now, run, FG_REASON_OVERRUN);
	run->due_mono_us = run->slot_mono_us;
}

/* One poll of a device at a time: its groups share one instrument. */
static bool device_busy(const struct fg_core *core, const struct fg_device *d)
{
	for (size_t i = 0; i < d->group_count; i++)
		if (core->groups[d->groups[i].index].busy)
			return true;
	return false;
}

static void begin(struct fg_now now, struct fg_group_run *run, bool probe)
{
	run->busy = true;
	run->probe = probe;
	run->started_mono_us = now.mono_us;
	run->polls++;
}

static void poll(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	unsigned attempts = (unsigned)run->group->device->retries + 1;
	int64_t timeout_us;

	fg_probe_limit(core, run, now.mono_us, &attempts, &timeout_us);
	begin(now, run, false);
	advance(core, now, run);
	core->ports.poll(core->ports.arg, run->group, attempts, timeout_us);
}

/* A quarantined device: its regular times pass without a poll; one group is probe enough. */
static void probe(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	const struct fg_device *d = run->group->device;
	struct fg_device_run *dev = &core->devices[d->index];
	int64_t timeout_us;

	if (run->due_mono_us > now.mono_us)
		return;
	if (run->group != &d->groups[0]) {
		run->due_mono_us = now.mono_us + fg_probe_pause_us(dev);
		return;
	}
	if (device_busy(core, d))
		return;
	timeout_us = fg_probe_start(core, dev, now.mono_us, &run->due_mono_us);
	if (timeout_us == 0)
		return;
	begin(now, run, true);
	core->ports.poll(core->ports.arg, run->group, 0, timeout_us);
}

static void start(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	const struct fg_device *d = run->group->device;

	if (run->due_mono_us > now.mono_us)
		return;
	if (run->busy) { /* the last one still runs: skipped and counted, never queued twice */
		fg_debug(FG_DEBUG_schedule, "device '%s': overrun", d->name);
		fg_schedule_pass(core, now, run, FG_REASON_OVERRUN);
		run->due_mono_us = run->slot_mono_us;
		return;
	}
	if (device_busy(core, d))
		return; /* another group of it is being read: right after */
	fg_debug(FG_DEBUG_schedule, "device '%s': poll of %zu points, %lld ms late", d->name,
		run->group->count, (long long)(now.mono_us - run->due_mono_us) / 1000);
	poll(core, now, run);
}

/* After a step of wall time. A regular time that has come already is polled all the same. */
static void realign(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	if (!run->group->device->align || run->slot_mono_us <= now.mono_us ||
		fg_reports_by_itself(run))
		return;
	if (run->slot_mono_us == run->first_slot_mono_us)
		run->first_slot_mono_us = aligned_due(core, run, now);
	run->slot_mono_us = aligned_due(core, run, now);
	if (core->devices[run->group->device->index].state != FG_DEVICE_QUARANTINED)
		run->due_mono_us = run->slot_mono_us;
}

int64_t fg_schedule_run(struct fg_core *core, struct fg_now now)
{
	int64_t next = INT64_MAX, jump = core->time.clock.offset_us - core->aligned_offset_us;
	bool stepped = jump > GRID_US || jump < -GRID_US;

	core->aligned_offset_us = core->time.clock.offset_us;
	for (size_t i = 0; i < core->config->group_count; i++) {
		struct fg_group_run *run = &core->groups[i];
		const struct fg_device *d = run->group->device;

		if (fg_reports_by_itself(run))
			fg_reports_run(core, now, run);
		if (fg_reports_by_itself(run)) {
			/* waits for the device to speak */
		} else if (core->devices[d->index].state == FG_DEVICE_QUARANTINED) {
			fg_schedule_pass(core, now, run, FG_REASON_QUARANTINED);
			if (stepped)
				realign(core, now, run);
			probe(core, now, run);
		} else {
			if (stepped)
				realign(core, now, run);
			start(core, now, run);
		}
		if (run->due_mono_us > now.mono_us)
			next = FG_MIN(next, run->due_mono_us);
	}
	return next;
}
