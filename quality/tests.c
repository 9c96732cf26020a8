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

size_t fg_qc_history_memory(const struct fg_qc_tests *t, double interval_s)
{
	return fg_running_memory(fg_qc_tests_room(t, interval_s));
}

void fg_qc_history_init(struct fg_qc_history *h, const struct fg_qc_tests *t, double interval_s,
	struct fg_sample *memory)
{
	const bool flat = fg_qc_is_on(t, FG_TEST_FLAT_LINE);
	const bool attenuated = fg_qc_is_on(t, FG_TEST_ATTENUATED_SIGNAL);

	*h = (struct fg_qc_history){0};
	fg_running_init(&h->running, flat ? &t->flat_line : NULL,
		attenuated ? &t->attenuated : NULL, interval_s, memory,
		fg_qc_tests_room(t, interval_s));
}

/* A reading takes the newest one's place where it comes within a quarter more than an interval
 * after the sample before that: so samples are about an interval apart, however often readings
 * come, and regular ones are all there. */
static void add_to_window(struct fg_running *r, double interval_s, struct fg_sample sample)
{
	if (r->window.count > 1 && isfinite(sample.value) &&
		isfinite(fg_running_at(r, 0)->value) &&
		(double)(sample.time_ms - fg_running_at(r, 1)->time_ms) < interval_s * 1250)
		fg_running_replace(r, sample);
	else
		fg_running_push(r, sample);
}

static enum fg_qc climate_of(
	const struct fg_qc_tests *t, struct fg_today *day, double value, int64_t wall_ms)
{
	const struct fg_sample sample = {wall_ms, value};

	if (wall_ms == FG_NO_TIME)
		return FG_QC_NOT_EVALUATED;
	return fg_qc_climatology_step(t->climate, t->climate_count, day, sample, NAN);
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
	fg_running_push(&h->running, sample);
}

static fg_tests verdict(const struct fg_qc_tests *t, enum fg_test test, enum fg_qc flag)
{
	return fg_qc_is_on(t, test) ? fg_tests_set(0, test, flag) : 0;
}

static fg_tests by_window(struct fg_running *r, double interval_s, struct fg_sample sample)
{
	fg_tests tests = 0;

	if (!r->window.room)
		return 0;
	add_to_window(r, interval_s, sample);
	if (r->flat)
		tests |= fg_tests_set(0, FG_TEST_FLAT_LINE, fg_running_flat_line(r));
	if (r->attenuated)
		tests |= fg_tests_set(0, FG_TEST_ATTENUATED_SIGNAL, fg_running_attenuated(r));
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
	if (fg_qc_is_on(t, FG_TEST_SPIKE))
		v->spike_before = before;
	v->tests |= verdict(t, FG_TEST_SPIKE, flag);
	flag = fg_qc_rate_step(&t->rate, &h->rate, sample);
	v->tests |= verdict(t, FG_TEST_RATE_OF_CHANGE, flag);
	flag = fg_qc_time_gap_step(&t->time_gap, &h->gap, sample.time_ms);
	v->tests |= verdict(t, FG_TEST_TIME_GAP, flag);
	v->tests |= by_window(&h->running, interval_s, sample);
}

struct fg_qc_verdict fg_qc_tests_step(const struct fg_qc_tests *t, struct fg_qc_history *h,
	double interval_s, struct fg_sample sample, int64_t wall_ms)
{
	struct fg_qc_verdict v = {0};
	bool value = isfinite(sample.value);

	if (value && fg_qc_is_on(t, FG_TEST_CLIMATOLOGY))
		v.tests = fg_tests_set(0, FG_TEST_CLIMATOLOGY,
			climate_of(t, &h->day, sample.value, wall_ms));
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
	for (uint32_t i = 0; i < h->running.window.count; i++)
		h->running.window.samples[i].time_ms = INT64_MIN / 4; /* in no period */
}

void fg_qc_history_shift(struct fg_qc_history *h, int64_t by_ms)
{
	for (uint32_t i = 0; i < h->running.window.count; i++)
		h->running.window.samples[i].time_ms += by_ms;
	h->rate.last.time_ms += by_ms;
	h->gap.last_ms += by_ms;
	h->last_ms += by_ms;
}

void fg_qc_history_take(struct fg_qc_history *h, const struct fg_qc_history *from)
{
	const struct fg_window *w = &from->running.window;
	struct fg_running running = h->running;

	for (uint32_t age = w->count; age-- > 0;)
		fg_running_push(&running, *fg_window_at(w, age));
	*h = *from;
	h->running = running;
}
