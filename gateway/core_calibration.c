/* SPDX-License-Identifier: EUPL-1.2 */
/* Calibration: each reading carries the value by the record that is valid at its time. */
#include <math.h>

#include "base/json.h"
#include "gateway/core_state.h"
#include "quality/calibration.h"

/* What has become overdue is looked for this often. */
#define LOOK_US 60000000
/* While nobody knows the time. */
#define TIMELESS_US 1000000

/* Of a reading without a time yet: the newest there is. */
static int64_t time_of(const struct fg_core *core, const struct fg_reading *r)
{
	if (r->told)
		return r->told_wall_ms;
	return fg_core_timed(core) ? fg_core_wall_us(core, r->taken_mono_us) / 1000 : INT64_MAX;
}

/* A float stays one; of other numbers 15 digits say all there is. */
static void set_value(struct fg_reading *r, double v)
{
	if (isfinite(v)) {
		r->value.kind = r->value.kind == FG_KIND_FLOAT ? FG_KIND_FLOAT : FG_KIND_DECIMAL;
		r->value.f = v;
		return;
	}
	r->value = (struct fg_value){.kind = FG_KIND_NONE};
	r->qc = FG_QC_FAIL;
	r->reason = FG_REASON_NOT_A_NUMBER;
}

const struct fg_calibration *fg_calibration_of(
	const struct fg_core *core, const struct fg_point *p, int64_t at_ms)
{
	const struct fg_calibrations *k = core->points[p->index].events.calibrations;
	const struct fg_calibration *own =
		fg_calibration_at(p->calibrations, p->calibration_count, at_ms);
	const struct fg_calibration *added =
		k ? fg_calibration_at(k->records, k->count, at_ms) : NULL;

	return !own || (added && added->at_ms > own->at_ms) ? added : own;
}

void fg_calibration_apply(struct fg_core *core, struct fg_reading *r)
{
	const struct fg_point *point = core->config->points[r->point];
	struct fg_point_events *events = &core->points[r->point].events;
	const struct fg_calibration *c;
	double raw = fg_value_number(&r->value);

	events->has_raw = false;
	if ((point->calibration_count == 0 && !events->calibrations) || r->qc == FG_QC_MISSING ||
		r->value.kind == FG_KIND_BOOL || isnan(raw))
		return;
	c = fg_calibration_of(core, point, time_of(core, r));
	if (!c)
		return;
	events->has_raw = true;
	events->raw = raw;
	set_value(r, fg_calibrated(c, raw));
}

/* ---- what is overdue ---- */

/* When the next was due, where that has passed; 0. */
static int64_t overdue_since(const struct fg_core *core, const struct fg_point *p, int64_t now_ms)
{
	const struct fg_calibration *c = fg_calibration_of(core, p, now_ms);

	return c && c->next_ms && c->next_ms <= now_ms ? c->next_ms : 0;
}

static void look(struct fg_core *core, const struct fg_point *p, int64_t now_ms)
{
	const struct fg_calibrations *k = core->points[p->index].events.calibrations;
	int64_t due_ms = overdue_since(core, p, now_ms);
	const struct fg_event e = {.kind = FG_EVENT_CALIBRATION_OVERDUE,
		.device = p->device,
		.point = p,
		.since_wall_ms = due_ms};

	if (!due_ms || (k && k->told_due_ms == due_ms))
		return;
	fg_event_tell(core, &e);
	fg_calibrations_told(core, p, due_ms);
}

int64_t fg_calibration_run(struct fg_core *core, struct fg_now now)
{
	if (now.mono_us < core->calibration_due_mono_us)
		return core->calibration_due_mono_us;
	core->calibration_due_mono_us = now.mono_us + (core->trusted ? LOOK_US : TIMELESS_US);
	fg_catalogue_look(core);
	for (size_t i = 0; core->trusted && i < core->config->point_count; i++)
		look(core, core->config->points[i], now.wall_us / 1000);
	return core->calibration_due_mono_us;
}

void fg_calibration_status(const struct fg_core *core, struct fg_now now, struct fg_json *j)
{
	int64_t now_ms = fg_core_wall_us(core, now.mono_us) / 1000;

	fg_json_array(j, "calibrations_overdue");
	for (size_t i = 0; i < core->config->point_count; i++) {
		const struct fg_point *p = core->config->points[i];
		int64_t since_ms = overdue_since(core, p, now_ms);

		if (!since_ms)
			continue;
		fg_json_object(j, NULL);
		fg_json_text(j, "device", p->device->name);
		fg_json_text(j, "station", p->device->station->name);
		fg_json_text(j, "point", p->name);
		fg_json_time(j, "due", since_ms);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

/* ---- the list ---- */

static void put_points(struct fg_json *j, const struct fg_calibration *c)
{
	fg_json_array(j, "raw");
	fg_json_double(j, NULL, c->raw[0]);
	fg_json_double(j, NULL, c->raw[1]);
	fg_json_end_array(j);
	fg_json_array(j, "reference");
	fg_json_double(j, NULL, c->reference[0]);
	fg_json_double(j, NULL, c->reference[1]);
	fg_json_end_array(j);
}

static void put_record(struct fg_json *j, const struct fg_calibration *c)
{
	if (c->by)
		fg_json_text(j, "by", c->by);
	if (c->next_ms)
		fg_json_time(j, "next", c->next_ms);
	if (c->by_points)
		put_points(j, c);
	fg_json_array(j, "polynomial");
	for (int k = 0; k < c->terms; k++)
		fg_json_double(j, NULL, c->c[k]);
	fg_json_end_array(j);
	if (c->note)
		fg_json_text(j, "note", c->note);
}

static void put_drift(
	struct fg_json *j, const struct fg_calibration *before, const struct fg_calibration *c)
{
	double slope, offset;

	if (!before || !fg_calibration_drift(before, c, &slope, &offset))
		return;
	fg_json_double(j, "slope_drift", slope - 1);
	fg_json_double(j, "offset_drift", offset);
}

void fg_core_calibrations(const struct fg_core *core, struct fg_now now,
	const struct fg_point *p, struct fg_json *j)
{
	const struct fg_calibrations *k = core->points[p->index].events.calibrations;
	const struct fg_calibration *valid =
		fg_calibration_of(core, p, fg_core_wall_us(core, now.mono_us) / 1000);
	const struct fg_calibration *c, *before = NULL;
	size_t own = 0, added = 0, added_count = k ? k->count : 0;

	fg_json_array(j, "calibration");
	while (own < p->calibration_count || added < added_count) {
		bool is_own = added == added_count ||
			      (own < p->calibration_count &&
				      p->calibrations[own].at_ms <= k->records[added].at_ms);
		bool replaced;

		c = is_own ? &p->calibrations[own++] : &k->records[added++];
		replaced = before && before->at_ms == c->at_ms;
		fg_json_object(j, NULL);
		fg_json_time(j, "date", c->at_ms);
		fg_json_text(j, "source", is_own ? "configuration" : "added");
		fg_json_bool(j, "in_force", c == valid);
		if (replaced) /* the configuration has one of this time */
			fg_json_bool(j, "replaced", true);
		else
			put_drift(j, before, c);
		put_record(j, c);
		fg_json_end_object(j);
		before = replaced ? before : c;
	}
	fg_json_end_array(j);
}
