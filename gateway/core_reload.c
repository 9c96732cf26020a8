/* SPDX-License-Identifier: EUPL-1.2 */
/* A new configuration under a running core: what is the same goes on as it was. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/core_state.h"

static const struct fg_device *find_device(const struct fg_config *c, const char *name)
{
	for (size_t i = 0; i < c->device_count; i++)
		if (strcmp(c->devices[i]->name, name) == 0)
			return c->devices[i];
	return NULL;
}

/* A device is the same when its own keys, its points and its link's keys are. */
bool fg_device_same(const struct fg_device *a, const struct fg_device *b)
{
	return a && b && a->fingerprint == b->fingerprint &&
	       a->link->fingerprint == b->link->fingerprint && a->group_count == b->group_count &&
	       a->point_count == b->point_count;
}

/* The state of an unchanged device, its groups (in flight or not) and its points moves over. */
static void carry_device(const struct fg_core *core, const struct fg_device *from,
	const struct fg_device *to, struct fg_group_run *groups, struct fg_device_run *devices,
	struct fg_point_run *points)
{
	devices[to->index] = core->devices[from->index];
	devices[to->index].device = to;
	for (size_t i = 0; i < to->group_count; i++) {
		groups[to->groups[i].index] = core->groups[from->groups[i].index];
		groups[to->groups[i].index].group = &to->groups[i];
	}
	for (size_t i = 0; i < to->point_count; i++) {
		struct fg_series *series = points[to->points[i].index].series;
		struct fg_quality *quality = points[to->points[i].index].quality;

		points[to->points[i].index] = core->points[from->points[i].index];
		points[to->points[i].index].series = series;
		points[to->points[i].index].quality = quality;
	}
}

/* When this run's first slots were stays known: how long the gateway was off before is perhaps yet
 * to be reckoned. */
static void replace_device(const struct fg_core *core, const struct fg_device *from,
	const struct fg_device *to, struct fg_group_run *groups, struct fg_point_run *points)
{
	for (size_t i = 0; from && i < to->point_count; i++)
		for (size_t k = 0; k < from->point_count; k++)
			if (strcmp(to->points[i].name, from->points[k].name) == 0) {
				points[to->points[i].index].heard =
					core->points[from->points[k].index].heard;
				fg_alarm_carry(&points[to->points[i].index], &to->points[i],
					&core->points[from->points[k].index]);
			}
	fg_notice("device '%s': %s", to->name, from ? "changed" : "new");
	for (size_t i = 0; from && from->group_count && i < to->group_count; i++)
		groups[to->groups[i].index].first_slot_mono_us =
			core->groups[from->groups[0].index].first_slot_mono_us;
}

static const struct fg_destination *find_destination(const struct fg_config *c, const char *name)
{
	for (size_t i = 0; i < c->destination_count; i++)
		if (strcmp(c->destinations[i].name, name) == 0)
			return &c->destinations[i];
	return NULL;
}

/* A publisher whose destination is unchanged gets the equal object of the new configuration. */
static int keep_publisher(
	struct fg_publisher *p, struct fg_config *next, const struct fg_destination *dest)
{
	fg_config_ref(next);
	fg_config_unref(p->config);
	p->config = next;
	p->conf = dest;
	p->gateway = next->gateway.id;
	return fg_publisher_set_documents(p, fg_documents_count(next));
}

static int replace_publisher(
	struct fg_core *core, size_t i, struct fg_config *next, const struct fg_destination *dest)
{
	struct fg_publisher *old = core->publishers[i], *p = calloc(1, sizeof(*p));
	struct fg_ranges unacked;
	int r;

	fg_ranges_init(&unacked);
	if (!p)
		return FG_ENOMEM;
	r = fg_ranges_copy(&unacked, &old->unacked);
	if (r == FG_OK)
		r = fg_publisher_init(p, next, dest, &core->publisher_ports, &core->rng,
			&core->recent, core->series, &unacked, fg_documents_count(next),
			core->committed_next);
	if (r < 0) {
		fg_ranges_fini(&unacked);
		free(p);
		return r;
	}
	fg_publisher_inherit(p, old);
	p->epoch = old->epoch; /* stale events of the old connection stay stale */
	p->unacked_dirty = true;
	core->publishers[i] = p;
	fg_publisher_fini(old);
	free(old);
	return FG_OK;
}

static int carry_publishers(struct fg_core *core, struct fg_config *next)
{
	size_t kept = 0;
	int r = FG_OK;

	for (size_t i = 0; i < core->publisher_count; i++) {
		struct fg_publisher *p = core->publishers[i];
		const struct fg_destination *dest = find_destination(next, p->conf->name);

		core->publishers[kept] = p;
		if (!dest) {
			fg_notice("destination '%s': removed", p->conf->name);
			core->ports.disconnect(core->ports.arg, p->conf);
			core->ports.save_delivery(core->ports.arg, p->conf, &p->unacked);
			fg_publisher_fini(p);
			free(p);
			continue;
		}
		if (dest->fingerprint == p->conf->fingerprint) {
			r = keep_publisher(p, next, dest);
		} else {
			fg_notice("destination '%s': changed, connecting anew", dest->name);
			core->ports.disconnect(core->ports.arg, p->conf);
			r = replace_publisher(core, kept, next, dest);
		}
		if (r < 0)
			return r;
		kept++;
	}
	core->publisher_count = kept;
	return FG_OK;
}

int fg_core_reload(struct fg_core *core, struct fg_now now, struct fg_config *next)
{
	struct fg_core fresh = {
		.config = next, .series = core->series, .time.clock = core->time.clock};
	struct fg_config *prev = core->config;
	int r;

	core->now = now = fg_core_now(core, now);
	r = fg_core_init_runs(&fresh, next, now);
	if (r == FG_OK)
		r = fg_core_init_items(core, next);
	if (r < 0) {
		fg_core_free_runs(&fresh);
		return r;
	}
	fg_ledgers_roll(core, now);
	for (size_t i = 0; i < prev->device_count && r == FG_OK; i++)
		if (!fg_device_same(
			    prev->devices[i], find_device(next, prev->devices[i]->name)))
			r = fg_ledgers_leave(core, now, prev->devices[i]);
	if (r < 0) {
		fg_ledgers_begin(core, now); /* those that have ended go on */
		fg_core_free_runs(&fresh);
		return r;
	}
	for (size_t i = 0; i < prev->device_count; i++)
		if (!find_device(next, prev->devices[i]->name))
			fg_reports_free(core, &core->devices[prev->devices[i]->index]);
	core->tidy_due_mono_us = 0; /* destinations may be others: what all have is told anew */
	for (size_t i = 0; i < next->device_count; i++) {
		const struct fg_device *to = next->devices[i];
		const struct fg_device *from = find_device(prev, to->name);

		if (fg_device_same(from, to))
			carry_device(core, from, to, fresh.groups, fresh.devices, fresh.points);
		else
			replace_device(core, from, to, fresh.groups, fresh.points);
		fresh.devices[to->index].heard_due = true; /* points may have other ids */
		if (from) { /* neither who is at work there nor what it sent is configuration */
			fresh.devices[to->index].seen = core->devices[from->index].seen;
			fresh.devices[to->index].maintenance =
				core->devices[from->index].maintenance;
			fresh.devices[to->index].maintenance_since_ms =
				core->devices[from->index].maintenance_since_ms;
		}
	}
	fg_rules_carry(core, &fresh);
	fg_quality_carry(core, fresh.points, next->point_count);
	fg_core_free_runs(core);
	core->windows = fresh.windows;
	core->groups = fresh.groups;
	core->devices = fresh.devices;
	core->points = fresh.points;
	core->config = fg_config_ref(next);
	fg_calibrations_link(core);
	fg_notices_reloaded(core);
	fg_recent_grow(&core->recent, fg_core_recent_cap(next));
	r = fg_ledgers_begin(core, now);
	if (r == FG_OK)
		r = fg_hours_begin(core, next);
	if (r < 0)
		return r;
	for (size_t i = 0; i < next->device_count; i++) {
		fg_alarm_pace(core, now, next->devices[i]);
		core->devices[i].alarms_due = core->devices[i].ledger_note_due = true;
	}
	core->notes_due_mono_us = now.mono_us;
	r = carry_publishers(core, next);
	fg_retained_plan(core);
	fg_conflicts_begin(core);
	fg_config_unref(prev);
	return r;
}
