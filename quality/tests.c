/* SPDX-License-Identifier: EUPL-1.2 */
/* All tests of a point on one reading after the other. */
#include "quality/tests.h"

#include <math.h>

#include "base/cleanup.h"

uint32_t fg_qc_tests_room(const struct fg_qc_tests *t, double interval_s)
{
	uint32_t room = 0;

	if (fg_qc_is_on(t, FG_TEST_FLAT_LINE))
		room = fg_qc_flat_line_room(&t->flat_line, interval_s);
	if (fg_qc_is_on(t, FG_TEST_ATTENUATED_SIGNAL))
		room = FG_MAX(room, fg_qc_attenuated_room(&t->attenuated, interval_s));
	return room;
}

void fg_qc_history_init(struct fg_qc_history *h, struct fg_sample *samples, uint32_t room)
{
	*h = (struct fg_qc_history){0};
	fg_window_init(&h->window, samples, room);
}

/* A reading takes the newest one's place where it comes within a quarter more than an interval
 * after the sample before that: so samples are about an interval apart, however often readings
 * come, and regular ones are all there. */
static void add_to_window(struct fg_window *w, double interval_s, struct fg_sample sample)
{
	const struct fg_sample *newest = fg_window_at(w, 0), *before = fg_window_at(w, 1);

	if (before && isfinite(newest->value) && isfinite(sample.value) &&
		(double)(sample.time_ms - before->time_ms) < interval_s * 1250) {
		w->samples[w->next ? w->next - 1 : w->room - 1] = sample;
		return;
	}
	fg_window_push(w, sample);
}

static enum fg_qc climate_of(const struct fg_qc_tests *t, double value, int64_t wall_ms)
{
	const struct fg_sample sample = {wall_ms, value};

	if (wall_ms == FG_NO_TIME)
		return FG_QC_NOT_EVALUATED;
	return fg_qc_climatology(t->climate, t->climate_count, sample, NAN);
}

static void step_missing(
	const struct fg_qc_tests *t, struct fg_qc_history *h, struct fg_sample sample)
{
	struct fg_qc_verdict none;

	if (h->missing || !h->known)
		return;
	h->missing = true;
	fg_qc_spike_step(&t->spike, &h->spike, NAN, &none.spike_before);
	h->rate.known = false;
	fg_window_push(&h->window, sample);
}

static fg_tests by_window(const struct fg_qc_tests *t, struct fg_qc_history *h, double interval_s,
	struct fg_sample sample)
{
	fg_tests tests = 0;

	if (h->window.room)
		add_to_window(&h->window, interval_s, sample);
	if (fg_qc_is_on(t, FG_TEST_FLAT_LINE))
		tests = fg_tests_set(tests, FG_TEST_FLAT_LINE,
			fg_qc_flat_line_step(&t->flat_line, interval_s, &h->window));
	if (fg_qc_is_on(t, FG_TEST_ATTENUATED_SIGNAL))
		tests = fg_tests_set(tests, FG_TEST_ATTENUATED_SIGNAL,
			fg_qc_attenuated_step(&t->attenuated, interval_s, &h->window));
	return tests;
}

/* A value that is later than all before. What is off is remembered too, where it costs nothing: a
 * test that is switched on then knows the past. */
static void step_value(const struct fg_qc_tests *t, struct fg_qc_history *h, double interval_s,
	struct fg_sample sample, struct fg_qc_verdict *v)
{
	enum fg_qc flag, before;

	h->missing = false;
	flag = fg_qc_spike_step(&t->spike, &h->spike, sample.value, &before);
	if (fg_qc_is_on(t, FG_TEST_SPIKE)) {
		v->tests = fg_tests_set(v->tests, FG_TEST_SPIKE, flag);
		v->spike_before = before;
	}
	flag = fg_qc_rate_step(&t->rate, &h->rate, sample);
	if (fg_qc_is_on(t, FG_TEST_RATE_OF_CHANGE))
		v->tests = fg_tests_set(v->tests, FG_TEST_RATE_OF_CHANGE, flag);
	flag = fg_qc_time_gap_step(&t->time_gap, &h->gap, sample.time_ms);
	if (fg_qc_is_on(t, FG_TEST_TIME_GAP))
		v->tests = fg_tests_set(v->tests, FG_TEST_TIME_GAP, flag);
	v->tests |= by_window(t, h, interval_s, sample);
}

struct fg_qc_verdict fg_qc_tests_step(const struct fg_qc_tests *t, struct fg_qc_history *h,
	double interval_s, struct fg_sample sample, int64_t wall_ms)
{
	struct fg_qc_verdict v = {0};
	bool value = isfinite(sample.value);

	if (value && fg_qc_is_on(t, FG_TEST_CLIMATOLOGY))
		v.tests = fg_tests_set(v.tests, FG_TEST_CLIMATOLOGY,
			climate_of(t, sample.value, wall_ms));
	if (h->known && sample.time_ms <= h->last_ms)
		return v;
	if (value)
		step_value(t, h, interval_s, sample, &v);
	else
		step_missing(t, h, sample);
	h->known = true;
	h->last_ms = sample.time_ms;
	return v;
}

void fg_qc_history_unknown_gap(struct fg_qc_history *h)
{
	h->rate.known = h->gap.known = h->known = false;
	for (uint32_t i = 0; i < h->window.count; i++)
		h->window.samples[i].time_ms = INT64_MIN / 4; /* in no period */
}

void fg_qc_history_shift(struct fg_qc_history *h, int64_t by_ms)
{
	for (uint32_t i = 0; i < h->window.count; i++)
		h->window.samples[i].time_ms += by_ms;
	h->rate.last.time_ms += by_ms;
	h->gap.last_ms += by_ms;
	h->last_ms += by_ms;
}

void fg_qc_history_take(struct fg_qc_history *h, const struct fg_qc_history *from)
{
	struct fg_window window = h->window;

	for (uint32_t age = from->window.count; age-- > 0;)
		fg_window_push(&window, *fg_window_at(&from->window, age));
	*h = *from;
	h->window = window;
}
