/* SPDX-License-Identifier: EUPL-1.2 */
/* Alarms of points: judged with each reading, told when they begin and end, kept over restarts; the
 * device is polled at their pace. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/status.h"
#include "base/varint.h"
#include "gateway/core_state.h"

#define NOTE_VERSION 1

/* ---- judging ---- */

double fg_alarm_limit(const struct fg_alarm_conf *conf, enum fg_alarm alarm)
{
	return alarm == FG_ALARM_ABOVE ? conf->above :
	       alarm == FG_ALARM_BELOW ? conf->below : conf->rate;
}

static void tell(struct fg_core *core, const struct fg_point *point, enum fg_event_kind kind,
	enum fg_alarm alarm, const char *why)
{
	const struct fg_point_run *run = &core->points[point->index];
	const struct fg_event e = {.kind = kind, .device = point->device, .point = point,
		.alarm = alarm, .value = run->events.alarm_value,
		.limit = fg_alarm_limit(&point->alarm, alarm),
		.since_wall_ms = run->events.alarm_since_wall_ms, .why = why};

	fg_event_tell(core, &e);
}

static void changed(struct fg_core *core, const struct fg_point *point, enum fg_alarm was,
	const char *why)
{
	struct fg_point_run *run = &core->points[point->index];

	if (was != FG_ALARM_NONE)
		tell(core, point, FG_EVENT_ALARM_ENDS, was, why);
	run->events.alarm_since_wall_ms = core->now.wall_us / 1000;
	if (run->events.alarm.holds != FG_ALARM_NONE)
		tell(core, point, FG_EVENT_ALARM_BEGINS, run->events.alarm.holds, NULL);
	core->devices[point->device->index].alarms_due = true;
	core->notes_due_mono_us = core->now.mono_us;
}

/* Suspect values count: what is not plausible at a place is what an alarm is for. What failed a
 * test, or is no number, says nothing: what held goes on. */
static bool may_judge(const struct fg_reading *r, double v)
{
	return (r->qc == FG_QC_PASS || r->qc == FG_QC_NOT_EVALUATED || r->qc == FG_QC_SUSPECT) &&
	       !isnan(v);
}

enum fg_alarm fg_alarm_assess(
	struct fg_core *core, const struct fg_point *point, const struct fg_reading *r)
{
	struct fg_point_run *run = &core->points[point->index];
	enum fg_alarm was = run->events.alarm.holds;
	double v = fg_value_number(&r->value);

	/* what is told late says nothing of now; what is shown to a technician, of the place */
	if (core->devices[point->device->index].maintenance || !point->alarm.on ||
		!may_judge(r, v) ||
		(run->events.alarm.has_last && r->taken_mono_us < run->events.alarm.last_us))
		return was;
	run->events.alarm_value = v;
	fg_alarm_judge(&point->alarm, &run->events.alarm, v, r->taken_mono_us, point->interval_us);
	if (run->events.alarm.holds != was)
		changed(core, point, was, NULL);
	return run->events.alarm.holds;
}

void fg_alarm_end_all(struct fg_core *core, const struct fg_device *device, const char *why)
{
	for (size_t i = 0; i < device->point_count; i++) {
		const struct fg_point *point = &device->points[i];
		struct fg_point_run *run = &core->points[point->index];
		enum fg_alarm was = run->events.alarm.holds;

		run->events.alarm = (struct fg_alarm_state){.holds = FG_ALARM_NONE};
		if (was != FG_ALARM_NONE)
			changed(core, point, was, why);
	}
}

/* ---- pace ---- */

/* Among some points: that of an alarm that holds, or may. */
static int64_t shortest_us(const struct fg_core *core, const struct fg_point *const *points,
	size_t count, int64_t interval_us)
{
	for (size_t i = 0; i < count; i++) {
		const struct fg_point *p = points[i];

		if (p->alarm.interval_us &&
			(!core || core->points[p->index].events.alarm.holds != FG_ALARM_NONE))
			interval_us = FG_MIN(interval_us, p->alarm.interval_us);
	}
	return interval_us;
}

static int64_t shortest_of(const struct fg_core *core, const struct fg_group *g)
{
	int64_t interval_us = shortest_us(core, g->points, g->count, g->interval_us);

	return shortest_us(core, g->derived, g->derived_count, interval_us);
}

int64_t fg_alarm_shortest_us(const struct fg_group *g)
{
	return shortest_of(NULL, g);
}

/* A dead device is probed at its own pace, and misses what was due at it; what comes by itself
 * comes when it wants. */
static int64_t pace_of(const struct fg_core *core, const struct fg_group *g)
{
	if (core->devices[g->device->index].state == FG_DEVICE_QUARANTINED ||
		fg_reports_by_itself(&core->groups[g->index]))
		return g->interval_us;
	return shortest_of(core, g);
}

void fg_alarm_pace(struct fg_core *core, struct fg_now now, const struct fg_device *device)
{
	for (size_t i = 0; i < device->group_count; i++) {
		const struct fg_group *g = &device->groups[i];
		struct fg_group_run *run = &core->groups[g->index];
		int64_t interval_us = pace_of(core, g);

		if (run->interval_us == interval_us)
			continue;
		fg_schedule_pace(core, now, run, interval_us);
		core->devices[device->index].ledger_note_due = true;
	}
}

void fg_alarm_carry(
	struct fg_point_run *to, const struct fg_point *point, const struct fg_point_run *from)
{
	const struct fg_alarm_conf *conf = &point->alarm;
	const double *limits[] = {[FG_ALARM_ABOVE] = &conf->above, [FG_ALARM_BELOW] = &conf->below,
		[FG_ALARM_RATE] = &conf->rate};

	if (!conf->on || from->events.alarm.holds == FG_ALARM_NONE ||
		isnan(*limits[from->events.alarm.holds]))
		return;
	to->events.alarm.holds = from->events.alarm.holds;
	to->events.alarm.exceeded_us = from->events.alarm.exceeded_us;
	to->events.alarm_since_wall_ms = from->events.alarm_since_wall_ms;
	to->events.alarm_value = from->events.alarm_value;
}

/* ---- over a restart ---- */

int fg_alarm_save_note(struct fg_core *core, const struct fg_device_run *dev)
{
	const struct fg_device *d = dev->device;
	struct fg_buf out;
	int r;

	fg_buf_init(&out, 32u << 10);
	fg_put_varint(&out, NOTE_VERSION);
	for (size_t i = 0; i < d->point_count; i++) {
		const struct fg_point_run *run = &core->points[d->points[i].index];
		size_t len = strlen(d->points[i].name);

		if (run->events.alarm.holds == FG_ALARM_NONE)
			continue;
		fg_put_varint(&out, run->events.alarm.holds);
		fg_put_svarint(&out, run->events.alarm_since_wall_ms);
		fg_put_varint(&out, len);
		fg_buf_put(&out, d->points[i].name, len);
	}
	/* no alarm holds: no note */
	r = out.overflow ? FG_EINVAL :
	    fg_core_set_state(core, "alarm", d->name, out.data, out.len > 1 ? out.len : 0);
	fg_buf_fini(&out);
	return r;
}

static const struct fg_point *find_point(
	const struct fg_core *core, const char *device, const unsigned char *name, size_t len)
{
	for (size_t i = 0; i < core->config->point_count; i++) {
		const struct fg_point *p = core->config->points[i];

		if (strcmp(p->device->name, device) == 0 && strlen(p->name) == len &&
			memcmp(p->name, name, len) == 0)
			return p;
	}
	return NULL;
}

static void take_alarm(struct fg_core *core, const struct fg_point *point, uint64_t alarm,
	int64_t since_ms)
{
	const struct fg_point_run was = {.events = {.alarm_since_wall_ms = since_ms,
		.alarm = {.holds = (enum fg_alarm)alarm, .exceeded_us = core->now.mono_us},
		.alarm_value = NAN}};

	fg_alarm_carry(&core->points[point->index], point, &was);
}

int fg_alarm_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	struct fg_bytes in = {bytes, (const unsigned char *)bytes + len, false};

	if (fg_get_varint(&in) != NOTE_VERSION)
		return FG_OK;
	while (in.at < in.end && !in.bad) {
		uint64_t alarm = fg_get_varint(&in);
		int64_t since_ms = fg_get_svarint(&in);
		uint64_t name_len = fg_get_varint(&in);
		const struct fg_point *point;

		if (in.bad || name_len > (uint64_t)(in.end - in.at) || alarm >= FG_ALARM_COUNT)
			return FG_OK;
		point = find_point(core, key, in.at, (size_t)name_len);
		in.at += name_len;
		if (!point)
			continue;
		take_alarm(core, point, alarm, since_ms);
		fg_alarm_pace(core, core->now, point->device);
	}
	return FG_OK;
}

/* ---- status ---- */

void fg_alarm_status(const struct fg_core *core, struct fg_json *j)
{
	fg_json_array(j, "alarms");
	for (size_t i = 0; i < core->config->point_count; i++) {
		const struct fg_point *p = core->config->points[i];
		const struct fg_point_run *run = &core->points[i];

		if (run->events.alarm.holds == FG_ALARM_NONE)
			continue;
		fg_json_object(j, NULL);
		fg_json_text(j, "device", p->device->name);
		fg_json_text(j, "station", p->device->station->name);
		fg_json_text(j, "point", p->name);
		fg_json_text(j, "alarm", fg_alarm_text(run->events.alarm.holds));
		fg_json_time(j, "since", run->events.alarm_since_wall_ms);
		if (!isnan(run->events.alarm_value))
			fg_json_double(j, "value", run->events.alarm_value);
		fg_json_double(j, "limit", fg_alarm_limit(&p->alarm, run->events.alarm.holds));
		fg_json_text(j, "unit", p->unit);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}
