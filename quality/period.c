/* SPDX-License-Identifier: EUPL-1.2 */
/* Means, sums and directions of hours, and of longer periods that are made of hours. */
#include "quality/period.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "quality/derive.h"

static int by_place(const void *a, const void *b)
{
	const struct fg_sample *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int by_time(const void *a, const void *b)
{
	const struct fg_sample *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return by_place(a, b);
}

void fg_samples_settle(struct fg_samples *s)
{
	size_t kept = 0;

	if (!s->count)
		return;
	qsort(s->items, s->count, sizeof(*s->items), by_place);
	for (size_t i = 0; i < s->count; i++)
		if (i + 1 == s->count || s->items[i + 1].place != s->items[i].place)
			s->items[kept++] = s->items[i];
	s->count = kept;
	qsort(s->items, s->count, sizeof(*s->items), by_time);
}

/* ---- an hour of readings ---- */

/* What an hour has had. */
struct hour {
	const struct fg_period_ask *ask;
	struct fg_period_answer *out;
	struct fg_mean mean;
	struct fg_wind wind;
	bool unjudged; /* one of a flag that says that nobody looked */
	/* readings that come closer than they should: while an alarm holds */
	bool dense;
	int64_t slot;
	struct fg_mean in_slot;
};

static bool within(const struct fg_period_ask *ask, const struct fg_sample *s)
{
	return s->at_ms >= ask->from_ms && s->at_ms < ask->to_ms;
}

static bool accepted(const struct fg_sample *s)
{
	return !s->maintenance && isfinite(s->value) && (FG_PERIOD_ACCEPT & FG_ACCEPT(s->qc));
}

/* Counts what is not part of it. What did not come is reckoned at the end. */
static void leave_out(struct fg_aggregate *a, const struct fg_sample *s)
{
	if (s->qc == FG_QC_MISSING)
		return;
	if (s->maintenance)
		a->maintenance++;
	else if (s->qc == FG_QC_SUSPECT)
		a->suspect++;
	else
		a->fail++;
}

static int64_t step_of(const struct fg_period_ask *ask)
{
	return FG_MAX(ask->step_ms, 1);
}

uint32_t fg_period_expected(const struct fg_period_ask *ask)
{
	int64_t n = (ask->to_ms - ask->from_ms) / step_of(ask);

	return (uint32_t)FG_MAX(FG_MIN(n, (int64_t)UINT32_MAX), 1);
}

static double mean_of(const struct fg_mean *m)
{
	return fg_mean_of(m, m->count, 1);
}

static void end_slot(struct hour *h)
{
	if (h->in_slot.count)
		fg_mean_add(&h->mean, mean_of(&h->in_slot), FG_QC_PASS, FG_PERIOD_ACCEPT);
	h->in_slot = (struct fg_mean){0};
}

/* An accepted value. Where readings are closer than usual, what lies in one step is one value. */
static void take(struct hour *h, const struct fg_sample *s)
{
	int64_t slot = (s->at_ms - h->ask->from_ms) / step_of(h->ask);

	h->unjudged |= s->qc == FG_QC_NOT_EVALUATED;
	h->out->a.low = h->out->a.has_range ? fmin(h->out->a.low, s->value) : s->value;
	h->out->a.high = h->out->a.has_range ? fmax(h->out->a.high, s->value) : s->value;
	h->out->a.has_range = true;
	if (!h->dense) {
		fg_mean_add(&h->mean, s->value, s->qc, FG_PERIOD_ACCEPT);
		return;
	}
	if (slot != h->slot)
		end_slot(h);
	h->slot = slot;
	fg_mean_add(&h->in_slot, s->value, s->qc, FG_PERIOD_ACCEPT);
}

/* The speed that was measured last before a direction, or with it. */
static double speed_at(const struct fg_period_ask *ask, const struct fg_samples *speeds,
	int64_t at_ms, size_t *next)
{
	const struct fg_sample *s;

	while (*next < speeds->count && speeds->items[*next].at_ms <= at_ms)
		(*next)++;
	if (*next == 0)
		return NAN;
	s = &speeds->items[*next - 1];
	return accepted(s) && at_ms - s->at_ms <= FG_MAX(2 * ask->step_ms, ask->speed_hold_ms) ?
		       s->value :
		       (double)NAN;
}

static bool is_direction(enum fg_stat stat)
{
	return stat == FG_STAT_CIRCULAR_MEAN || stat == FG_STAT_VECTOR_MEAN;
}

static void take_direction(struct hour *h, const struct fg_sample *s, double speed)
{
	uint32_t before = h->wind.count;

	h->unjudged |= s->qc == FG_QC_NOT_EVALUATED;
	fg_wind_add(&h->wind, speed, s->value);
	h->mean.count += h->wind.count - before;
}

static double sum_of(const struct hour *h)
{
	double factor = h->ask->factor != 0 ? h->ask->factor : 1;

	return (h->mean.sum + h->mean.rest) * factor;
}

static double value_of(const struct hour *h)
{
	double v;

	if (!h->mean.count || h->mean.count < FG_PERIOD_CAPTURE * h->out->a.expected)
		return NAN;
	if (is_direction(h->ask->stat))
		v = fg_wind_direction(&h->wind);
	else if (h->ask->stat == FG_STAT_SUM)
		v = sum_of(h);
	else
		v = mean_of(&h->mean);
	return isfinite(v) ? v : (double)NAN;
}

static void close_hour(struct hour *h)
{
	struct fg_aggregate *a = &h->out->a;
	uint64_t seen;

	end_slot(h);
	a->count = h->mean.count;
	seen = (uint64_t)a->count + a->suspect + a->fail + a->maintenance;
	a->missing = seen < a->expected ? a->expected - (uint32_t)seen : 0;
	h->out->value = value_of(h);
	h->out->qc = isnan(h->out->value) ? FG_QC_MISSING :
		     h->unjudged	  ? FG_QC_NOT_EVALUATED :
					    FG_QC_PASS;
}

/* Whether what a step has is one value, however many readings it has: not so of amounts, each of
 * which is to be added, nor of directions. */
static bool by_step(const struct fg_period_ask *ask)
{
	return ask->stat == FG_STAT_MEAN || (ask->stat == FG_STAT_SUM && ask->factor != 0);
}

struct speeds {
	const struct fg_samples *samples;
	size_t next;
};

static void visit(struct hour *h, const struct fg_sample *s, struct speeds *speeds)
{
	if (!within(h->ask, s))
		return;
	if (!accepted(s))
		leave_out(&h->out->a, s);
	else if (h->ask->stat == FG_STAT_VECTOR_MEAN)
		take_direction(h, s, speed_at(h->ask, speeds->samples, s->at_ms, &speeds->next));
	else if (h->ask->stat == FG_STAT_CIRCULAR_MEAN)
		take_direction(h, s, 1);
	else
		take(h, s);
}

/* The readings between s and the next one that were not told, as they were like s. */
static void visit_held(struct hour *h, const struct fg_sample *s, const struct fg_sample *next,
	struct speeds *speeds)
{
	const int64_t step_ms = step_of(h->ask);
	int64_t last_ms = FG_MIN(s->at_ms + h->ask->hold_ms, h->ask->to_ms);
	struct fg_sample held = *s;

	if (next) /* polls do not come to the millisecond */
		last_ms = FG_MIN(last_ms, next->at_ms - (step_ms + 1) / 2);
	if (s->at_ms < h->ask->from_ms)
		held.at_ms += (h->ask->from_ms - s->at_ms - 1) / step_ms * step_ms;
	while ((held.at_ms += step_ms) <= last_ms)
		visit(h, &held, speeds);
}

static void of_readings(const struct fg_period_ask *ask, const struct fg_samples *samples,
	const struct fg_samples *speeds, struct fg_period_answer *ret)
{
	struct hour h = {.ask = ask, .out = ret};
	struct speeds beside = {.samples = speeds};
	size_t good = 0;

	ret->a.expected = fg_period_expected(ask);
	for (size_t i = 0; i < samples->count; i++)
		good += within(ask, &samples->items[i]) && accepted(&samples->items[i]);
	h.dense = good > (size_t)ret->a.expected + 2 && by_step(ask);
	for (size_t i = 0; i < samples->count; i++) {
		const struct fg_sample *s = &samples->items[i];

		visit(&h, s, &beside);
		if (ask->hold_ms)
			visit_held(&h, s, i + 1 < samples->count ? s + 1 : NULL, &beside);
	}
	close_hour(&h);
}

/* ---- longer periods, of hours ---- */

#define HOURS_MAX 64

static void note_hour(struct fg_aggregate *a, double v)
{
	a->low = a->has_range ? fmin(a->low, v) : v;
	a->high = a->has_range ? fmax(a->high, v) : v;
	a->has_range = true;
}

static double sum_hours(const double *hourly, unsigned hours)
{
	struct fg_mean m = {0};

	for (unsigned i = 0; i < hours; i++)
		fg_mean_add(&m, hourly[i], FG_QC_PASS, FG_PERIOD_ACCEPT);
	return m.sum + m.rest;
}

/* Of a day's means over 8 hours the first needs seven hours before it. */
#define BEFORE 7

static void of_hours(const struct fg_period_ask *ask, const struct fg_samples *samples,
	struct fg_period_answer *ret)
{
	unsigned hours = (unsigned)FG_MIN(
		(ask->to_ms - ask->from_ms) / FG_HOUR_MS, HOURS_MAX - BEFORE);
	unsigned least = (unsigned)ceil(FG_PERIOD_CAPTURE * hours);
	double hourly[HOURS_MAX];
	bool unjudged = false;
	struct fg_day day;

	for (unsigned i = 0; i < HOURS_MAX; i++)
		hourly[i] = NAN;
	for (size_t i = 0; i < samples->count; i++) {
		const struct fg_sample *s = &samples->items[i];
		/* where local days begin at half past, an hour is of the day that it ends in */
		int64_t at = (s->at_ms - ask->from_ms + (BEFORE + 1) * FG_HOUR_MS - 1) / FG_HOUR_MS;

		if (--at < 0 || at >= BEFORE + (int64_t)hours || !accepted(s))
			continue;
		hourly[at] = s->value;
		if (at < BEFORE)
			continue;
		unjudged |= s->qc == FG_QC_NOT_EVALUATED;
		note_hour(&ret->a, s->value);
	}
	day = ask->stat == FG_STAT_MAX_8H_MEAN ?
		      fg_day_max_8h(hourly, HOURS_MAX, BEFORE, hours, least, 6) :
		      fg_day_mean(hourly, HOURS_MAX, BEFORE, hours, least);
	if (ask->stat == FG_STAT_SUM && !isnan(day.value))
		day.value = sum_hours(hourly + BEFORE, hours);
	ret->a.expected = hours;
	ret->a.count = day.valid;
	ret->a.missing = day.valid < hours ? hours - day.valid : 0;
	ret->value = day.value;
	ret->qc = isnan(day.value) ? FG_QC_MISSING :
		  unjudged	   ? FG_QC_NOT_EVALUATED :
				     FG_QC_PASS;
}

/* ---- both ---- */

static void classify(const struct fg_period_ask *ask, struct fg_period_answer *ret)
{
	unsigned n = fg_air_class(ask->index, ask->limits, ret->value);

	if (!n)
		return;
	ret->a.index = (uint8_t)n;
	snprintf(ret->a.scheme, sizeof(ret->a.scheme), "%s", ask->index->scheme);
	snprintf(ret->a.version, sizeof(ret->a.version), "%s", ask->index->version);
	snprintf(ret->a.key, sizeof(ret->a.key), "%s", ask->index->keys[n - 1]);
}

void fg_period_of(const struct fg_period_ask *ask, const struct fg_samples *samples,
	const struct fg_samples *speeds, struct fg_period_answer *ret)
{
	*ret = (struct fg_period_answer){.value = NAN, .a = {.from_ms = ask->from_ms}};
	if (ask->period == FG_TOLD_HOUR)
		of_readings(ask, samples, speeds, ret);
	else
		of_hours(ask, samples, ret);
	if (ask->index && ask->limits && !isnan(ret->value))
		classify(ask, ret);
}

int64_t fg_period_since(const struct fg_period_ask *ask, int64_t from_ms)
{
	if (ask->period == FG_TOLD_HOUR)
		return from_ms - FG_MAX(ask->hold_ms,
					 FG_MAX(2 * ask->step_ms, ask->speed_hold_ms));
	return ask->stat == FG_STAT_MAX_8H_MEAN ? from_ms - BEFORE * FG_HOUR_MS : from_ms;
}

static bool same_number(double a, double b)
{
	return isnan(a) ? isnan(b) : a == b;
}

bool fg_period_same(const struct fg_period_answer *a, const struct fg_period_answer *b)
{
	const struct fg_aggregate *x = &a->a, *y = &b->a;

	return same_number(a->value, b->value) && a->qc == b->qc && x->from_ms == y->from_ms &&
	       x->expected == y->expected && x->count == y->count && x->suspect == y->suspect &&
	       x->fail == y->fail && x->missing == y->missing &&
	       x->maintenance == y->maintenance && x->has_range == y->has_range &&
	       same_number(x->low, y->low) && same_number(x->high, y->high) &&
	       x->index == y->index && strcmp(x->scheme, y->scheme) == 0 &&
	       strcmp(x->version, y->version) == 0 && strcmp(x->key, y->key) == 0 &&
	       strcmp(x->by, y->by) == 0;
}
