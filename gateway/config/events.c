/* SPDX-License-Identifier: EUPL-1.2 */
/* Report by exception and alarms of a point: what the keys say, and what cannot be meant. */
#include <math.h>

#include "base/timefmt.h"
#include "gateway/config/loader.h"

static bool given(const struct fg_node *node, const char *key)
{
	const struct fg_node *value = node ? fg_node_get(node, key) : NULL;

	return value && !fg_node_is_null(value);
}

static void take_report(struct fg_point *p, const struct fg_raw_point *raw)
{
	p->at_least_every_us = raw->at_least_every_us;
	p->by_change = given(fg_node_get(p->node, "report"), "on_change");
	p->on_change = raw->on_change;
}

/* ---- alarms ---- */

static void check_limits(struct fg_loader *l, const struct fg_point *p, const struct fg_node *node)
{
	const struct fg_alarm_conf *a = &p->alarm;

	if (isnan(a->above) && isnan(a->below) && isnan(a->rate))
		fg_report_error(l->rep, node->at,
			"%s.alarm: no limit; give above, below or rate", l->bind.path);
	if (a->rate == 0)
		fg_report_error(l->rep, fg_place_of(node, "rate"),
			"%s.alarm.rate: 0 would hold for ever; give units per second",
			l->bind.path);
	if (a->above < a->below)
		fg_report_error(l->rep, fg_place_of(node, "above"),
			"%s.alarm.above: %g is less than below: %g; one of them would always hold",
			l->bind.path, a->above, a->below);
	else if (a->above - a->hysteresis < a->below)
		fg_report_error(l->rep, fg_place_of(node, "hysteresis"),
			"%s.alarm.hysteresis: %g is more than what lies between below (%g) and "
			"above (%g); at most %g",
			l->bind.path, a->hysteresis, a->below, a->above, a->above - a->below);
}

/* What fails the gross range test raises no alarm. */
static void check_reach(struct fg_loader *l, const struct fg_point *p, const struct fg_node *node)
{
	const double *fail = p->qc.gross_range.fail;

	if (!p->qc.gross_range.on)
		return;
	if (p->alarm.above >= fail[1])
		fg_report_warning(l->rep, fg_place_of(node, "above"),
			"%s.alarm.above: values above %g fail qc.gross_range (%g): they are qc 4 "
			"and raise no alarm", l->bind.path, p->alarm.above, fail[1]);
	if (p->alarm.below <= fail[0])
		fg_report_warning(l->rep, fg_place_of(node, "below"),
			"%s.alarm.below: values below %g fail qc.gross_range (%g): they are qc 4 "
			"and raise no alarm", l->bind.path, p->alarm.below, fail[0]);
}

static void check_alarm_interval(
	struct fg_loader *l, const struct fg_point *p, const struct fg_node *node)
{
	const int64_t day_us = INT64_C(86400000000);
	char is[32], own[32];

	if (!p->alarm.interval_us)
		return;
	fg_duration_text(p->alarm.interval_us, is, sizeof(is));
	fg_duration_text(p->interval_us, own, sizeof(own));
	if (p->alarm.interval_us > p->interval_us)
		fg_report_error(l->rep, fg_place_of(node, "interval"),
			"%s.alarm.interval: %s is longer than the interval without an alarm (%s)",
			l->bind.path, is, own);
	else if (p->device->align && day_us % p->alarm.interval_us != 0)
		fg_report_error(l->rep, fg_place_of(node, "interval"),
			"%s.alarm.interval: align needs an interval that divides a day, such as "
			"1s, 10s or 1m",
			l->bind.path);
}

static void take_alarm(struct fg_loader *l, struct fg_point *p, const struct fg_raw_point *raw)
{
	const struct fg_node *node = fg_node_get(p->node, "alarm");

	if (!node || node->kind != FG_NODE_MAPPING)
		return;
	p->alarm = raw->alarm;
	p->alarm.on = true;
	if (!given(node, "above"))
		p->alarm.above = NAN;
	if (!given(node, "below"))
		p->alarm.below = NAN;
	if (!given(node, "rate"))
		p->alarm.rate = NAN;
	check_limits(l, p, node);
	check_reach(l, p, node);
	check_alarm_interval(l, p, node);
}

void fg_take_events(
	struct fg_loader *l, struct fg_point *p, const struct fg_raw_point *raw, bool clean)
{
	take_report(p, raw);
	if (!clean)
		return;
	take_alarm(l, p, raw);
	fg_take_calibration(l, p, &raw->calibration);
}
