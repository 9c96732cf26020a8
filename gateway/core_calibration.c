/* SPDX-License-Identifier: EUPL-1.2 */
/* Calibration: each reading carries the value by the record that is valid at its time. */
#include <math.h>

#include "base/json.h"
#include "gateway/core_state.h"
#include "quality/calibration.h"

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

void fg_calibration_apply(struct fg_core *core, struct fg_reading *r)
{
	const struct fg_point *point = core->config->points[r->point];
	struct fg_point_events *events = &core->points[r->point].events;
	const struct fg_calibration *c;
	double raw = fg_value_number(&r->value);

	events->has_raw = false;
	if (point->calibration_count == 0 || r->qc == FG_QC_MISSING ||
		r->value.kind == FG_KIND_BOOL || isnan(raw))
		return;
	c = fg_calibration_at(point->calibrations, point->calibration_count, time_of(core, r));
	if (!c)
		return;
	events->has_raw = true;
	events->raw = raw;
	set_value(r, fg_calibrated(c, raw));
}

static bool is_overdue(const struct fg_point *p, int64_t now_ms, int64_t *ret_since_ms)
{
	const struct fg_calibration *c =
		fg_calibration_at(p->calibrations, p->calibration_count, now_ms);

	if (!c || !c->next_ms || c->next_ms > now_ms)
		return false;
	*ret_since_ms = c->next_ms;
	return true;
}

void fg_calibration_status(const struct fg_core *core, struct fg_now now, struct fg_json *j)
{
	int64_t now_ms = fg_core_wall_us(core, now.mono_us) / 1000, since_ms;

	fg_json_array(j, "calibrations_overdue");
	for (size_t i = 0; i < core->config->point_count; i++) {
		const struct fg_point *p = core->config->points[i];

		if (!is_overdue(p, now_ms, &since_ms))
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

void fg_core_calibrations(const struct fg_core *core, struct fg_now now,
	const struct fg_point *p, struct fg_json *j)
{
	const struct fg_calibration *valid = fg_calibration_at(p->calibrations,
		p->calibration_count, fg_core_wall_us(core, now.mono_us) / 1000);

	fg_json_array(j, "calibration");
	for (size_t i = 0; i < p->calibration_count; i++) {
		const struct fg_calibration *c = &p->calibrations[i];
		double slope, offset;

		fg_json_object(j, NULL);
		fg_json_time(j, "date", c->at_ms);
		fg_json_bool(j, "in_force", c == valid);
		if (c->by)
			fg_json_text(j, "by", c->by);
		if (c->next_ms)
			fg_json_time(j, "next", c->next_ms);
		fg_json_array(j, "polynomial");
		for (int k = 0; k < c->terms; k++)
			fg_json_double(j, NULL, c->c[k]);
		fg_json_end_array(j);
		if (i && fg_calibration_drift(c - 1, c, &slope, &offset)) {
			fg_json_double(j, "slope_drift", slope - 1);
			fg_json_double(j, "offset_drift", offset);
		}
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}
