/* SPDX-License-Identifier: EUPL-1.2 */
/* Alarms of one point: a level with hysteresis, or a rate. */
#include <math.h>
#include <stddef.h>

#include "quality/events.h"

/* A level holds until the value is back by the hysteresis. Comparisons with NaN are false: a limit
 * that is not set never holds. */
static enum fg_alarm level(const struct fg_alarm_conf *conf, enum fg_alarm holds, double v)
{
	double back = conf->hysteresis;

	if (v > conf->above || (holds == FG_ALARM_ABOVE && v > conf->above - back))
		return FG_ALARM_ABOVE;
	if (v < conf->below || (holds == FG_ALARM_BELOW && v < conf->below + back))
		return FG_ALARM_BELOW;
	return FG_ALARM_NONE;
}

static bool exceeds_rate(
	const struct fg_alarm_conf *conf, const struct fg_alarm_state *s, double v, int64_t at_us)
{
	double seconds = (double)(at_us - s->last_us) / 1e6;

	return s->has_last && seconds > 0 && fabs(v - s->last) / seconds > conf->rate;
}

enum fg_alarm fg_alarm_judge(const struct fg_alarm_conf *conf, struct fg_alarm_state *s, double v,
	int64_t at_us, int64_t calm_us)
{
	enum fg_alarm now = level(conf, s->holds, v);
	bool fast = exceeds_rate(conf, s, v, at_us);

	if (fast)
		s->exceeded_us = at_us;
	if (now == FG_ALARM_NONE && !isnan(conf->rate) &&
		(fast || (s->holds == FG_ALARM_RATE && at_us - s->exceeded_us < calm_us)))
		now = FG_ALARM_RATE;
	if (!s->has_last || at_us > s->last_us) {
		s->has_last = true;
		s->last = v;
		s->last_us = at_us;
	}
	s->holds = now;
	return now;
}
