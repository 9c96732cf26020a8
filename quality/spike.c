/* SPDX-License-Identifier: EUPL-1.2 */
/* QARTOD test 6, spike, and test 7, rate of change: a reading and its neighbours. */
#include "quality/qartod.h"

#include <math.h>

static bool is_limit(double v)
{
	return isnan(v) || (v >= 0 && v <= 1e300);
}

static enum fg_qc by_limits(double v, double suspect, double fail)
{
	if (v > fail)
		return FG_QC_FAIL;
	return v > suspect ? FG_QC_SUSPECT : FG_QC_PASS;
}

const char *fg_qc_spike_fault(const struct fg_spike *conf)
{
	if (conf->method != FG_SPIKE_AVERAGE && conf->method != FG_SPIKE_DIFFERENTIAL)
		return "the method is average or differential";
	if (!is_limit(conf->suspect) || !is_limit(conf->fail))
		return "a threshold is a number of 0 or more";
	return NULL;
}

/* Halves first: their sum cannot overflow. */
static double by_average(double before, double v, double after)
{
	return fabs(v - (before / 2 + after / 2));
}

static double by_difference(double before, double v, double after)
{
	double up = v - before, down = after - v;

	if ((up > 0 && down < 0) || (up < 0 && down > 0))
		return fmin(fabs(up), fabs(down));
	return 0;
}

static double off(double threshold)
{
	return threshold == 0 ? NAN : threshold;
}

/* The verdict on the last reading of the state, now that `after` has come. */
static enum fg_qc judge_last(
	const struct fg_spike *conf, const struct fg_spike_state *s, double after)
{
	double height;

	if (!isfinite(s->last))
		return FG_QC_MISSING;
	if (s->count < 2 || !isfinite(s->before) || !isfinite(after))
		return FG_QC_NOT_EVALUATED;
	height = conf->method == FG_SPIKE_AVERAGE ? by_average(s->before, s->last, after)
						  : by_difference(s->before, s->last, after);
	return by_limits(height, off(conf->suspect), off(conf->fail));
}

enum fg_qc fg_qc_spike_step(const struct fg_spike *conf, struct fg_spike_state *state, double value,
	enum fg_qc *ret_previous)
{
	*ret_previous = state->count ? judge_last(conf, state, value) : (enum fg_qc)0;
	state->before = state->last;
	state->last = value;
	if (state->count < 2)
		state->count++;
	return isfinite(value) ? FG_QC_NOT_EVALUATED : FG_QC_MISSING;
}

void fg_qc_spike(const struct fg_spike *conf, const struct fg_sample *samples, size_t count,
	enum fg_qc *ret_flags)
{
	struct fg_spike_state state = {0};

	for (size_t i = 0; i < count; i++) {
		enum fg_qc previous;

		ret_flags[i] = fg_qc_spike_step(conf, &state, samples[i].value, &previous);
		if (i)
			ret_flags[i - 1] = previous;
	}
}

const char *fg_qc_rate_fault(const struct fg_rate *conf)
{
	if (!is_limit(conf->suspect) || !is_limit(conf->fail))
		return "a threshold is a number of 0 or more, in units a second";
	return NULL;
}

/* Times are whole milliseconds of any two moments: their difference as a double cannot overflow. */
static double whole_seconds(int64_t from_ms, int64_t to_ms)
{
	double s = fabs(trunc(((double)to_ms - (double)from_ms) / 1000));

	return s < 1 ? 1 : s;
}

enum fg_qc fg_qc_rate_step(
	const struct fg_rate *conf, struct fg_rate_state *state, struct fg_sample sample)
{
	struct fg_rate_state before = *state;
	double rate;

	state->known = isfinite(sample.value);
	state->last = sample;
	if (!state->known)
		return FG_QC_MISSING;
	if (!before.known)
		return FG_QC_PASS;
	rate = fabs(sample.value - before.last.value) /
	       whole_seconds(before.last.time_ms, sample.time_ms);
	return by_limits(rate, conf->suspect, conf->fail);
}

void fg_qc_rate(const struct fg_rate *conf, const struct fg_sample *samples, size_t count,
	enum fg_qc *ret_flags)
{
	struct fg_rate_state state = {0};

	for (size_t i = 0; i < count; i++)
		ret_flags[i] = fg_qc_rate_step(conf, &state, samples[i]);
}
