/* SPDX-License-Identifier: EUPL-1.2 */
/* Flat line and attenuated signal of readings as they come, without looking at the whole window.
 * The range is exact. Sums round; a verdict that they leave in doubt is that of the window. */
#include "quality/running.h"

#include <math.h>
#include <stddef.h>

#include "quality/window.h"

/* ---- smallest and largest ---- */

static uint32_t age_of(const struct fg_window *w, uint32_t place)
{
	return w->next > place ? w->next - place - 1 : w->next + w->room - place - 1;
}

static uint32_t *entry(const struct fg_extremes *e, uint32_t room, uint32_t i)
{
	uint32_t at = e->first + i;

	return &e->places[at < room ? at : at - room];
}

/* Behind those that are smaller (larger). Nobody will ask for the others again. */
static inline void enter(
	struct fg_extremes *e, const struct fg_window *w, uint32_t place, bool largest)
{
	double value = w->samples[place].value;

	while (e->count) {
		double last = w->samples[*entry(e, w->room, e->count - 1)].value;

		if (largest ? last > value : last < value)
			break;
		e->count--;
	}
	*entry(e, w->room, e->count++) = place;
}

/* Missing ones that lie between two values whose difference is a move belong to the second. */
static void enter_both(struct fg_running *r, uint32_t place, double value)
{
	r->run += r->run < r->window.room; /* no span is longer */
	if (!isfinite(value)) {
		r->missing++;
		return;
	}
	if (fabs(value - r->last) >= r->step) {
		r->smallest.count = r->largest.count = 0;
		r->run = r->missing + 1;
	}
	enter(&r->smallest, &r->window, place, false);
	enter(&r->largest, &r->window, place, true);
	r->last = value;
	r->missing = 0;
}

static void leave(struct fg_extremes *e, uint32_t room, uint32_t place)
{
	if (!e->count || *entry(e, room, 0) != place)
		return;
	e->first = e->first + 1 == room ? 0 : e->first + 1;
	e->count--;
}

/* Of the samples of ages 1 to `back`, at most `run`; `none` where no value is among them. They lie
 * from the oldest to the newest. */
static double extreme(
	const struct fg_extremes *e, const struct fg_window *w, uint32_t back, double none)
{
	uint32_t low = 0, high = e->count;

	if (high && age_of(w, *entry(e, w->room, 0)) <= back)
		high = 0; /* mostly: no window is much longer than the longest span */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (age_of(w, *entry(e, w->room, middle)) <= back)
			high = middle;
		else
			low = middle + 1;
	}
	return low < e->count ? w->samples[*entry(e, w->room, low)].value : none;
}

/* Largest less smallest of the newest and the `back` before it. */
static double range_of(const struct fg_running *r, uint32_t back)
{
	double newest = fg_running_at(r, 0)->value;
	double low = extreme(&r->smallest, &r->window, back, newest);
	double high = extreme(&r->largest, &r->window, back, newest);

	return (newest > high ? newest : high) - (newest < low ? newest : low);
}

/* ---- sums of the period ---- */

static void add(struct fg_running *r, double value)
{
	double d;

	if (!isfinite(value))
		return;
	if (!r->values++) {
		r->origin = value;
		r->sum = r->squares = r->peak = 0;
	}
	d = value - r->origin;
	r->sum += d;
	r->squares += d * d;
	r->peak = r->squares > r->peak ? r->squares : r->peak;
	r->changes++;
}

static void subtract(struct fg_running *r, double value)
{
	double d = value - r->origin;

	if (!isfinite(value))
		return;
	r->values--;
	r->sum -= d;
	r->squares -= d * d;
	r->changes++;
}

/* Once more from the samples: what was rounded is forgotten, and the origin is near. */
static void add_up(struct fg_running *r)
{
	r->values = 0;
	for (uint32_t age = 1; age <= r->span; age++)
		add(r, fg_running_at(r, age)->value);
	r->changes = 0;
}

/* Samples that the newest has left behind. */
static void expire(struct fg_running *r)
{
	const struct fg_sample *newest = fg_running_at(r, 0);

	while (r->span) {
		const struct fg_sample *oldest = fg_running_at(r, r->span);

		if (window_has(r->attenuated->period_s, newest, oldest))
			break;
		subtract(r, oldest->value);
		r->span--;
	}
}

/* ---- the window ---- */

_Static_assert(4 * sizeof(uint32_t) == sizeof(struct fg_sample), "four places a sample");

size_t fg_running_memory(uint32_t room)
{
	return room + ((size_t)room + 1) / 2;
}

void fg_running_init(struct fg_running *r, const struct fg_flat_line *flat,
	const struct fg_attenuated *attenuated, double interval_s, struct fg_sample *memory,
	uint32_t room)
{
	*r = (struct fg_running){.flat = flat, .attenuated = attenuated, .last = NAN};
	fg_window_init(&r->window, memory, room);
	if (!room)
		return;
	r->smallest.places = (uint32_t *)(void *)(memory + room);
	r->largest.places = r->smallest.places + room;
	if (flat) {
		r->ranged = true;
		r->step = flat->tolerance;
		r->suspect_back = window_steps(flat->suspect_s, interval_s);
		r->fail_back = window_steps(flat->fail_s, interval_s);
	}
	if (attenuated)
		r->least = window_least(attenuated, interval_s);
	if (attenuated && attenuated->range) {
		r->ranged = true;
		r->step = fmax(r->step, fmax(attenuated->suspect, attenuated->fail));
	}
}

/* Another comes, so this one stays what it is. */
static void keep_newest(struct fg_running *r)
{
	const struct fg_window *w = &r->window;
	uint32_t place = w->next ? w->next - 1 : w->room - 1;
	double value = w->samples[place].value;

	if (r->ranged)
		enter_both(r, place, value);
	if (!r->attenuated)
		return;
	add(r, value);
	r->span++;
}

/* The ring is full: its oldest gives place. */
static void drop_oldest(struct fg_running *r)
{
	const struct fg_window *w = &r->window;

	leave(&r->smallest, w->room, w->next);
	leave(&r->largest, w->room, w->next);
	if (r->span < w->room)
		return;
	subtract(r, w->samples[w->next].value);
	r->span--;
}

void fg_running_push(struct fg_running *r, struct fg_sample sample)
{
	struct fg_window *w = &r->window;

	if (!w->room)
		return;
	if (w->count)
		keep_newest(r);
	if (w->count == w->room)
		drop_oldest(r);
	else
		w->count++;
	w->samples[w->next] = sample;
	w->next = w->next + 1 == w->room ? 0 : w->next + 1;
	if (r->changes / 32 > w->room)
		add_up(r);
}

void fg_running_replace(struct fg_running *r, struct fg_sample sample)
{
	struct fg_window *w = &r->window;

	w->samples[w->next ? w->next - 1 : w->room - 1] = sample;
}

/* ---- verdicts ---- */

/* Most signals move from one reading to the next, so that their run answers at once. */
static bool is_flat(const struct fg_running *r, double back)
{
	return back <= r->run && range_of(r, (uint32_t)back) < r->flat->tolerance;
}

enum fg_qc fg_running_flat_line(const struct fg_running *r)
{
	if (!isfinite(fg_running_at(r, 0)->value))
		return FG_QC_MISSING;
	if (is_flat(r, r->fail_back))
		return FG_QC_FAIL;
	return is_flat(r, r->suspect_back) ? FG_QC_SUSPECT : FG_QC_PASS;
}

enum side { BELOW, ABOVE, UNSURE };

/* On which side of the threshold a deviation lies whose square times n is `spread`. What rounding
 * does to a window of 20,000 values, here and where it is looked at whole, is less than a third of
 * 1e-7 of what was added. What is no number is unsure. */
static enum side side_of(double spread, double added, double n, double threshold)
{
	double limit = threshold * threshold * n;
	double margin = 1e-7 * (added + limit);

	if (!(threshold > 0) || spread - margin > limit)
		return ABOVE;
	return spread + margin < limit ? BELOW : UNSURE;
}

static enum fg_qc by_sums(struct fg_running *r, double value)
{
	const struct fg_attenuated *conf = r->attenuated;
	double n = (double)r->values + 1, d = value - r->origin;
	double sum = r->sum + d, added = r->peak + d * d;
	double spread = r->squares + d * d - sum * sum / n;
	enum side fail = side_of(spread, added, n, conf->fail);
	enum side suspect = side_of(spread, added, n, conf->suspect);

	if (!r->values) /* one value has no deviation */
		return window_by_least(conf, 0);
	if (fail == BELOW)
		return FG_QC_FAIL;
	if (fail == ABOVE && suspect != UNSURE)
		return suspect == BELOW ? FG_QC_SUSPECT : FG_QC_PASS;
	add_up(r);
	return window_attenuated(conf, r->least, &r->window);
}

enum fg_qc fg_running_attenuated(struct fg_running *r)
{
	double value = fg_running_at(r, 0)->value;

	if (!isfinite(value))
		return FG_QC_MISSING;
	expire(r);
	if ((double)r->values + 1 < r->least)
		return FG_QC_NOT_EVALUATED;
	if (!r->attenuated->range)
		return by_sums(r, value);
	if (r->values < r->span)
		return FG_QC_NOT_EVALUATED;
	return r->run < r->span ? FG_QC_PASS
				: window_by_least(r->attenuated, range_of(r, r->span));
}
