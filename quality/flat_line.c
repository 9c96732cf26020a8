/* SPDX-License-Identifier: EUPL-1.2 */
/* QARTOD test 8, flat line, and test 10, attenuated signal: readings that move too little. */
#include "quality/window.h"

#include <math.h>

#include "base/status.h"

#define MAX_SECONDS 1e9

static bool is_duration(double s)
{
	return s >= 0 && s <= MAX_SECONDS;
}

static uint32_t room_for(double readings)
{
	return readings < UINT32_MAX - 1 ? (uint32_t)readings + 1 : UINT32_MAX;
}

double window_steps(double seconds, double interval_s)
{
	return trunc(trunc(seconds) / interval_s);
}

const char *fg_qc_flat_line_fault(const struct fg_flat_line *conf)
{
	if (!is_duration(conf->suspect_s) && !isnan(conf->suspect_s))
		return "the time after which it is suspect is from 0 to 1e9 seconds";
	if (!is_duration(conf->fail_s) && !isnan(conf->fail_s))
		return "the time after which it fails is from 0 to 1e9 seconds";
	if (!(conf->tolerance >= 0) || isinf(conf->tolerance))
		return "the tolerance is a number of 0 or more";
	return NULL;
}

uint32_t fg_qc_flat_line_room(const struct fg_flat_line *conf, double interval_s)
{
	double longest = fmax(conf->suspect_s, conf->fail_s);

	return isnan(longest) ? 1 : room_for(window_steps(longest, interval_s));
}

/* Whether the newest and the `back` before it lie within the tolerance. */
static bool is_flat(const struct view *v, double back, double tolerance)
{
	double low = INFINITY, high = -INFINITY;

	if (!(back < (double)v->count))
		return false;
	for (size_t age = 0; age <= (size_t)back; age++) {
		double value = view_at(v, age)->value;

		if (!isfinite(value))
			continue;
		low = value < low ? value : low;
		high = value > high ? value : high;
		if (!(high - low < tolerance))
			return false;
	}
	return low <= high;
}

static enum fg_qc flat_line(const struct fg_flat_line *conf, double interval_s, struct view v)
{
	if (!v.count || !isfinite(view_at(&v, 0)->value))
		return FG_QC_MISSING;
	if (is_flat(&v, window_steps(conf->fail_s, interval_s), conf->tolerance))
		return FG_QC_FAIL;
	if (is_flat(&v, window_steps(conf->suspect_s, interval_s), conf->tolerance))
		return FG_QC_SUSPECT;
	return FG_QC_PASS;
}

enum fg_qc fg_qc_flat_line_step(
	const struct fg_flat_line *conf, double interval_s, const struct fg_window *w)
{
	return flat_line(conf, interval_s, view_of_window(w));
}

int fg_qc_flat_line(const struct fg_flat_line *conf, const struct fg_sample *samples, size_t count,
	enum fg_qc *ret_flags)
{
	double interval_s = median_interval_s(samples, count);

	if (count >= 3 && !(interval_s >= 1))
		return FG_EINVAL;
	for (size_t i = 0; i < count; i++)
		ret_flags[i] =
			count < 3 ? FG_QC_PASS
				  : flat_line(conf, interval_s, view_of_series(samples, i));
	return FG_OK;
}

static bool is_threshold(double v)
{
	return isnan(v) || (v >= 0 && !isinf(v));
}

static bool has_period(const struct fg_attenuated *conf)
{
	return conf->period_s > 0;
}

const char *fg_qc_attenuated_fault(const struct fg_attenuated *conf)
{
	if (!is_threshold(conf->suspect) || !is_threshold(conf->fail))
		return "a threshold is a number of 0 or more";
	if (!is_duration(conf->period_s) && !isnan(conf->period_s))
		return "the period is from 0 to 1e9 seconds";
	if (!is_duration(conf->min_period_s) && !isnan(conf->min_period_s))
		return "the least period is from 0 to 1e9 seconds";
	return NULL;
}

uint32_t fg_qc_attenuated_room(const struct fg_attenuated *conf, double interval_s)
{
	/* One more than the period holds: intervals are not exact. */
	return has_period(conf) ? room_for(ceil(conf->period_s / interval_s) + 1) : 1;
}

/* What is in a window. Sums are of differences from the first value, so that equal values have a
 * deviation of exactly 0. */
struct spread {
	size_t values, missing;
	double low, high, first, sum;
};

static void spread_add(struct spread *s, double v)
{
	if (!isfinite(v)) {
		s->missing++;
		return;
	}
	if (!s->values++)
		s->first = s->low = s->high = v;
	s->low = v < s->low ? v : s->low;
	s->high = v > s->high ? v : s->high;
	s->sum += v - s->first;
}

static struct spread spread_of(const struct view *v, double period_s)
{
	struct spread s = {0};

	for (size_t age = 0; age < v->count; age++)
		if (window_has(period_s, view_at(v, 0), view_at(v, age)))
			spread_add(&s, view_at(v, age)->value);
	return s;
}

/* The standard deviation of the values as they are, not of what they are a sample of. */
static double deviation(const struct view *v, double period_s, const struct spread *s)
{
	double mean = s->sum / (double)s->values, squares = 0;

	for (size_t age = 0; age < v->count; age++) {
		const struct fg_sample *x = view_at(v, age);
		double d = x->value - s->first - mean;

		if (isfinite(x->value) && window_has(period_s, view_at(v, 0), x))
			squares += d * d;
	}
	return sqrt(squares / (double)s->values);
}

double window_least(const struct fg_attenuated *conf, double interval_s)
{
	double n = conf->min_obs;

	if (!conf->min_obs && !isnan(conf->min_period_s))
		n = trunc(conf->min_period_s / interval_s);
	return n < 1 ? 1 : n;
}

enum fg_qc window_by_least(const struct fg_attenuated *conf, double v)
{
	if (v < conf->fail)
		return FG_QC_FAIL;
	return v < conf->suspect ? FG_QC_SUSPECT : FG_QC_PASS;
}

/* The verdict on a window with enough values in it. */
static enum fg_qc spread_verdict(
	const struct fg_attenuated *conf, const struct view *v, const struct spread *s)
{
	return window_by_least(
		conf, conf->range ? s->high - s->low : deviation(v, conf->period_s, s));
}

static enum fg_qc attenuated(const struct fg_attenuated *conf, double least, struct view v)
{
	struct spread s;

	if (!v.count || !isfinite(view_at(&v, 0)->value))
		return FG_QC_MISSING;
	s = spread_of(&v, conf->period_s);
	if ((double)s.values < least || (conf->range && s.missing))
		return FG_QC_NOT_EVALUATED;
	return spread_verdict(conf, &v, &s);
}

enum fg_qc window_attenuated(
	const struct fg_attenuated *conf, double least, const struct fg_window *w)
{
	return attenuated(conf, least, view_of_window(w));
}

enum fg_qc fg_qc_attenuated_step(
	const struct fg_attenuated *conf, double interval_s, const struct fg_window *w)
{
	return window_attenuated(conf, window_least(conf, interval_s), w);
}

static void whole(const struct fg_attenuated *conf, const struct fg_sample *samples, size_t count,
	enum fg_qc *ret_flags)
{
	struct view v = view_of_series(samples, count - 1);
	struct spread s = spread_of(&v, 0);
	enum fg_qc flag = s.values ? spread_verdict(conf, &v, &s) : FG_QC_MISSING;

	for (size_t i = 0; i < count; i++)
		ret_flags[i] = isfinite(samples[i].value) ? flag : FG_QC_MISSING;
}

static bool times_rise(const struct fg_sample *samples, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (samples[i].time_ms < samples[i - 1].time_ms)
			return false;
	return true;
}

/* The part of the series that the window of reading `last` can reach: from `*first` on. */
static struct view reach(const struct fg_attenuated *conf, const struct fg_sample *samples,
	size_t last, size_t *first)
{
	while (!window_has(conf->period_s, &samples[last], &samples[*first]))
		(*first)++;
	return view_of_series(&samples[*first], last - *first);
}

int fg_qc_attenuated(const struct fg_attenuated *conf, const struct fg_sample *samples,
	size_t count, enum fg_qc *ret_flags)
{
	double interval_s = median_interval_s(samples, count);
	double least = window_least(conf, interval_s);
	bool by_interval = !conf->min_obs && !isnan(conf->min_period_s);
	size_t first = 0;

	if (!count)
		return FG_OK;
	if (!has_period(conf)) {
		whole(conf, samples, count, ret_flags);
		return FG_OK;
	}
	if (!times_rise(samples, count) || (by_interval && !(interval_s >= 1)))
		return FG_EINVAL;
	for (size_t i = 0; i < count; i++)
		ret_flags[i] = attenuated(conf, least, reach(conf, samples, i, &first));
	return FG_OK;
}
