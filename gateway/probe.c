/* SPDX-License-Identifier: EUPL-1.2 */
/* What dead devices may cost the others on their bus: when one is probed, how long it is waited
 * for, and what of a failing device's retries there is time for. */
#include "drivers/driver.h"
#include "gateway/core_state.h"

/* Pauses between two probes where others share the link, and where nobody does. */
#define PAUSE_SHARED_US 30000000
#define PAUSE_ALONE_US	5000000
/* All dead devices of a link may take one fiftieth of its time. */
#define SHARE		50
/* An answer is waited for at least so long, however busy the bus is. */
#define LEAST_US	100000
/* So often one probe of a link may take the device's whole timeout, or one that has become slow, or
 * never answered yet, would not be found on a busy bus. */
#define PATIENT_US	600000000
/* How far ahead a place for a probe is looked for. */
#define AHEAD_US	10000000
#define AHEAD_STEPS	256
/* A free place that was taken meanwhile is looked for again so often. */
#define TRIES		3
#define GRID_US		100000
/* The loop is not told at once when a poll is over: looked for again when it should be, a moment
 * later at least, and then so often. */
#define AGAIN_US	10000
#define OVERDUE_US	100000
/* Devices that fell silent within this time, or two of their intervals, were lost together. */
#define TOGETHER_MS	10000

static bool dead(const struct fg_core *core, const struct fg_device *d)
{
	return core->devices[d->index].state == FG_DEVICE_QUARANTINED;
}

/* Whether a poll of this device takes time that others on its link need. */
static bool takes_turns(const struct fg_core *core, const struct fg_device *d)
{
	if (d->link->driver->flags & FG_DRIVER_SHARED)
		return false;
	for (size_t i = 0; i < d->link->device_count; i++)
		if (d->link->devices[i] != d && !dead(core, d->link->devices[i]))
			return true;
	return false;
}

/* What is waited for at least: the longest answer ever seen, and as much again. */
static int64_t least_us(const struct fg_device_run *dev)
{
	int64_t least = FG_MAX(LEAST_US, dev->longest_us ? 2 * dev->longest_us + 20000 : 0);

	return FG_MIN(least, dev->device->timeout_us);
}

int64_t fg_probe_took_us(const struct fg_poll_result *result)
{
	return FG_MAX(result->done_mono_us - result->started_mono_us - result->slept_us, 0);
}

/* ---- the bus ahead ---- */

static const struct fg_group_run *group_run(
	const struct fg_core *core, const struct fg_device *d, size_t i)
{
	return &core->groups[d->groups[i].index];
}

/* Whether a poll is under way that has the bus, or is to have it next. */
static bool has_bus(const struct fg_core *core, const struct fg_group_run *run)
{
	const struct fg_core_ports *ports = &core->ports;

	return run->busy && !(ports->asleep && ports->asleep(ports->arg, run->group));
}

/* When the polls that are under way are over, about. */
static int64_t busy_until(const struct fg_core *core, const struct fg_link *link, int64_t now_us)
{
	int64_t sum_us = 0, first_us = now_us;

	for (size_t i = 0; i < link->device_count; i++) {
		const struct fg_device *d = link->devices[i];

		for (size_t k = 0; k < d->group_count; k++) {
			const struct fg_group_run *run = group_run(core, d, k);

			if (!has_bus(core, run))
				continue;
			sum_us += run->took_us;
			first_us = FG_MIN(first_us, run->started_mono_us);
		}
	}
	return FG_MAX(now_us, first_us + sum_us);
}

static bool busy(const struct fg_core *core, const struct fg_link *link)
{
	for (size_t i = 0; i < link->device_count; i++)
		for (size_t k = 0; k < link->devices[i]->group_count; k++)
			if (has_bus(core, group_run(core, link->devices[i], k)))
				return true;
	return false;
}

static int64_t look_again_us(const struct fg_core *core, const struct fg_link *link, int64_t now_us)
{
	int64_t until_us = busy_until(core, link, now_us);

	return until_us > now_us ? FG_MAX(until_us, now_us + AGAIN_US) : now_us + OVERDUE_US;
}

/* The next regular poll on the link after a time, and how long what is due then takes; of all
 * devices that are not dead but one. */
static int64_t next_poll(const struct fg_core *core, const struct fg_device *but, int64_t after_us,
	int64_t *ret_work_us)
{
	const struct fg_link *link = but->link;
	int64_t next = INT64_MAX;

	*ret_work_us = 0;
	for (size_t i = 0; i < link->device_count; i++) {
		const struct fg_device *d = link->devices[i];

		for (size_t k = 0; d != but && !dead(core, d) && k < d->group_count; k++) {
			const struct fg_group_run *run = group_run(core, d, k);
			int64_t at = run->due_mono_us, interval = run->interval_us;

			if (at <= after_us)
				at += ((after_us - at) / interval + 1) * interval;
			if (at < next)
				*ret_work_us = 0;
			if (at <= next)
				*ret_work_us += run->took_us;
			next = FG_MIN(next, at);
		}
	}
	return next;
}

/* How long the link is free from a time on. */
static int64_t free_us(const struct fg_core *core, const struct fg_device *d, int64_t from_us)
{
	int64_t work_us, next = next_poll(core, d, from_us, &work_us);

	return next == INT64_MAX ? INT64_MAX : next - from_us;
}

/* Where the longest time without a poll begins, of the next seconds. */
static int64_t best_place(const struct fg_core *core, const struct fg_device *d, int64_t now_us)
{
	int64_t idle_us = busy_until(core, d->link, now_us), best = idle_us, longest = -1;
	int64_t at = now_us;

	for (int i = 0; i < AHEAD_STEPS; i++) {
		int64_t work_us, next = next_poll(core, d, at, &work_us);
		int64_t length = next == INT64_MAX ? INT64_MAX : next - idle_us;

		if (length > longest) {
			longest = length;
			best = idle_us;
		}
		if (next >= now_us + AHEAD_US)
			break;
		idle_us = FG_MAX(idle_us, next) + work_us;
		at = next;
	}
	return best;
}

/* ---- pauses ---- */

int64_t fg_probe_pause_us(const struct fg_device_run *dev)
{
	const struct fg_device *d = dev->device;
	/* A link that is down costs its neighbours nothing. */
	bool shared = d->link->device_count > 1 && dev->reason != FG_REASON_LINK_DOWN;

	return FG_MAX(shared ? PAUSE_SHARED_US : PAUSE_ALONE_US, d->interval_us);
}

/* Until then the dead devices of a link have had their share. */
static int64_t rest_until(const struct fg_core *core, const struct fg_link *link)
{
	int64_t until = INT64_MIN;

	for (size_t i = 0; i < link->device_count; i++)
		until = FG_MAX(until, core->devices[link->devices[i]->index].rest_mono_us);
	return until;
}

void fg_probe_ended(struct fg_core *core, struct fg_device_run *dev,
	const struct fg_poll_result *result, bool good)
{
	const struct fg_device *d = dev->device;
	int64_t took_us = fg_probe_took_us(result);

	dev->probe_tries = 0;
	dev->probe_placed = false;
	if (good || dev->reason == FG_REASON_LINK_DOWN || !takes_turns(core, d))
		return;
	dev->dead_us += (uint64_t)took_us;
	dev->rest_mono_us =
		FG_MAX(rest_until(core, d->link), result->started_mono_us) + SHARE * took_us;
}

/* Of several that could be probed, the one whose last probe is longest ago. */
static bool is_next(const struct fg_core *core, const struct fg_device_run *dev, int64_t now_us)
{
	const struct fg_link *link = dev->device->link;

	for (size_t i = 0; i < link->device_count; i++) {
		const struct fg_device_run *other = &core->devices[link->devices[i]->index];

		if (other != dev && other->state == FG_DEVICE_QUARANTINED &&
			other->probed_mono_us < dev->probed_mono_us &&
			group_run(core, other->device, 0)->due_mono_us <= now_us + AGAIN_US)
			return false;
	}
	return true;
}

/* ---- the probe ---- */

/* One that is due now: whether it may start. If not, *ret_due_us is when to look again. */
static bool may_start(const struct fg_core *core, struct fg_device_run *dev, int64_t now_us,
	int64_t *ret_due_us)
{
	const struct fg_device *d = dev->device;
	int64_t rest_us;

	*ret_due_us = look_again_us(core, d->link, now_us);
	if (dev->probe_now)
		return !busy(core, d->link);
	rest_us = rest_until(core, d->link);
	if (rest_us > now_us) {
		*ret_due_us = rest_us;
		return false;
	}
	if (!is_next(core, dev, now_us)) {
		*ret_due_us = now_us + GRID_US;
		return false;
	}
	if (busy(core, d->link))
		return false;
	if (dev->probe_placed && free_us(core, d, now_us) >= least_us(dev))
		return true;
	if (dev->probe_tries++ >= TRIES)
		return true;
	*ret_due_us = best_place(core, d, now_us);
	dev->probe_placed = true;
	return *ret_due_us <= now_us;
}

static bool may_be_patient(const struct fg_core *core, const struct fg_device *d, int64_t now_us)
{
	if (now_us - core->devices[d->index].dead_mono_us < PATIENT_US)
		return false;
	for (size_t i = 0; i < d->link->device_count; i++)
		if (now_us - core->devices[d->link->devices[i]->index].patient_mono_us < PATIENT_US)
			return false;
	return true;
}

static int64_t probe_timeout(
	const struct fg_core *core, struct fg_device_run *dev, int64_t now_us)
{
	const struct fg_device *d = dev->device;
	int64_t until_next = free_us(core, d, now_us);

	if (until_next >= d->timeout_us)
		return d->timeout_us;
	if (may_be_patient(core, d, now_us)) {
		dev->patient_mono_us = now_us;
		return d->timeout_us;
	}
	return FG_MAX(until_next, least_us(dev));
}

int64_t fg_probe_start(struct fg_core *core, struct fg_device_run *dev, int64_t now_us,
	int64_t *ret_due_us)
{
	const struct fg_device *d = dev->device;
	int64_t timeout_us = d->timeout_us;

	if (takes_turns(core, d)) {
		if (!may_start(core, dev, now_us, ret_due_us))
			return 0;
		timeout_us = probe_timeout(core, dev, now_us);
	} else if (busy(core, d->link) && !(d->link->driver->flags & FG_DRIVER_SHARED)) {
		*ret_due_us = look_again_us(core, d->link, now_us);
		return 0;
	}
	*ret_due_us = now_us + fg_probe_pause_us(dev);
	dev->probe_now = false;
	dev->probed_mono_us = now_us;
	dev->probes++;
	return timeout_us;
}

/* ---- others ---- */

/* While a device fails, its polls take what time the others leave. */
void fg_probe_limit(const struct fg_core *core, const struct fg_group_run *run, int64_t now_us,
	unsigned *attempts, int64_t *ret_timeout_us)
{
	const struct fg_device *d = run->group->device;
	const struct fg_device_run *dev = &core->devices[d->index];
	int64_t until_next;

	*ret_timeout_us = 0;
	if (dev->state != FG_DEVICE_FAILING || dev->reason == FG_REASON_LINK_DOWN ||
		!takes_turns(core, d))
		return;
	until_next = free_us(core, d, now_us);
	if (until_next != INT64_MAX)
		until_next -= busy_until(core, d->link, now_us) - now_us;
	*ret_timeout_us = FG_MIN(FG_MAX(until_next, least_us(dev)), d->timeout_us);
	*attempts = (unsigned)FG_MAX(1, FG_MIN(*attempts, until_next / d->timeout_us));
}

/* Whether what brought one device back may have brought the other one back as well. */
static bool lost_together(const struct fg_device_run *a, const struct fg_device_run *b)
{
	int64_t apart = a->failing_since_wall_ms - b->failing_since_wall_ms;
	int64_t slower = FG_MAX(a->device->interval_us, b->device->interval_us) / 1000;

	if (a->reason == FG_REASON_LINK_DOWN || b->reason == FG_REASON_LINK_DOWN)
		return b->reason == FG_REASON_LINK_DOWN;
	return a->state == FG_DEVICE_QUARANTINED &&
	       (apart < 0 ? -apart : apart) <= FG_MAX(TOGETHER_MS, 2 * slower);
}

void fg_probe_wake_neighbours(
	struct fg_core *core, const struct fg_device_run *back, int64_t now_us)
{
	const struct fg_link *link = back->device->link;

	for (size_t i = 0; i < link->device_count; i++) {
		struct fg_device_run *dev = &core->devices[link->devices[i]->index];

		if (dev == back || dev->state != FG_DEVICE_QUARANTINED || !lost_together(back, dev))
			continue;
		dev->probe_now = true;
		fg_schedule_wake(core, dev->device, now_us);
	}
}
