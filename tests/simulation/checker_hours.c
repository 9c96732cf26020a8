/* SPDX-License-Identifier: EUPL-1.2 */
/* S10: what is told of an hour is what the readings of that hour say that were told to the same
 * destination: mean, number, least and largest, each reading in its last form. Where readings of
 * the hour did not reach it (they are in gaps), the mean is of more; it is never of fewer. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checker_private.h"

#define HOUR_MS INT64_C(3600000)

struct checker_sample {
	unsigned point;
	uint64_t place, seq;
	int64_t time_ms, told_us;
	double value;
	bool good, unsure; /* unsure: the store may never have had it */
};

struct checker_hour {
	unsigned point;
	uint64_t place, seq;
	int64_t to_ms, told_us;
	struct parsed_mean mean;
};

struct checker_hours {
	struct checker_sample *samples[PLAN_DESTS];
	size_t sample_count[PLAN_DESTS], sample_cap[PLAN_DESTS];
	struct checker_hour *hours[PLAN_DESTS];
	size_t hour_count[PLAN_DESTS], hour_cap[PLAN_DESTS];
};

static struct checker_hours *hours_of(struct checker *c)
{
	if (!c->hours)
		c->hours = calloc(1, sizeof(*c->hours));
	if (!c->hours)
		abort();
	return c->hours;
}

void checker_hours_reading(struct checker *c, unsigned dest, const struct parsed *m)
{
	struct checker_hours *h = hours_of(c);

	if (m->point % PLAN_POINTS)
		return;
	h->samples[dest] = checker_grown(h->samples[dest], &h->sample_cap[dest],
		h->sample_count[dest], sizeof(*h->samples[dest]));
	h->samples[dest][h->sample_count[dest]++] = (struct checker_sample){m->point,
		m->replaces ? m->replaces : m->seq, m->seq, m->time_ms, c->now_us, m->value,
		m->has_value && m->qc <= 2 && !m->maintenance && m->uncertainty_s == 0,
		m->not_stored};
}

void checker_hours_told(struct checker *c, unsigned dest, const struct parsed *m)
{
	struct checker_hours *h = hours_of(c);

	if (m->point % PLAN_POINTS || m->time_ms % HOUR_MS)
		checker_found(c, "S10", "%" PRIu64 " is of no hour that was asked for", m->seq);
	h->hours[dest] = checker_grown(
		h->hours[dest], &h->hour_cap[dest], h->hour_count[dest], sizeof(*h->hours[dest]));
	h->hours[dest][h->hour_count[dest]++] = (struct checker_hour){m->point,
		m->replaces ? m->replaces : m->seq, m->seq, m->time_ms, c->now_us, m->mean};
}

void checker_hours_free(struct checker *c)
{
	for (unsigned i = 0; c->hours && i < PLAN_DESTS; i++) {
		free(c->hours->samples[i]);
		free(c->hours->hours[i]);
	}
	free(c->hours);
}

/* By point and place, the last form last. */
static int by_place(const void *a, const void *b)
{
	const struct checker_sample *x = a, *y = b;

	if (x->point != y->point)
		return x->point < y->point ? -1 : 1;
	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int by_time(const void *a, const void *b)
{
	const struct checker_sample *x = a, *y = b;

	if (x->point != y->point)
		return x->point < y->point ? -1 : 1;
	return x->time_ms < y->time_ms ? -1 : x->time_ms > y->time_ms;
}

static int by_hour(const void *a, const void *b)
{
	const struct checker_hour *x = a, *y = b;

	if (x->point != y->point)
		return x->point < y->point ? -1 : 1;
	if (x->to_ms != y->to_ms)
		return x->to_ms < y->to_ms ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static size_t last_forms(struct checker_sample *s, size_t count)
{
	size_t kept = 0;

	qsort(s, count, sizeof(*s), by_place);
	for (size_t i = 0; i < count; i++)
		if (i + 1 == count || s[i + 1].place != s[i].place ||
			s[i + 1].point != s[i].point)
			s[kept++] = s[i];
	qsort(s, kept, sizeof(*s), by_time);
	return kept;
}

/* Whether a full disk may have made room of readings of the hour before it was told. */
static bool starved(const struct checker *c, const struct checker_hour *h)
{
	int64_t from_us = (h->to_ms - HOUR_MS) * 1000;

	if (c->plan->tight) /* so may a store that is small */
		return true;
	for (size_t i = 0; i < c->full_count; i++)
		if (c->full_from_us[i] <= h->told_us + STARVED_US && c->full_to_us[i] >= from_us)
			return true;
	return false;
}

/* How many readings of the hour the broker refused. */
static double refused_of(const struct checker *c, unsigned dest, const struct checker_hour *h)
{
	int64_t from_us = (h->to_ms - HOUR_MS) * 1000, to_us = h->to_ms * 1000;
	double n = 0;

	for (size_t i = 0; i < c->given_count; i++) {
		const struct given *g = &c->given[i];

		n += g->point == h->point && (g->refused >> dest & 1) &&
		     g->true_us >= from_us - STARVED_US && g->true_us <= to_us + STARVED_US;
	}
	return n;
}

/* Whether an hour is of fewer readings than came because an alarm made them denser than its steps:
 * then what lies in one step is one value. The store had those too that the broker refused; where
 * as many came as there are steps, nothing else shows that they were denser. */
static bool is_dense(const struct checker *c, unsigned dest, const struct checker_hour *h,
	const struct checker_sample *s, size_t count)
{
	const int64_t step_ms = c->plan->device[h->point / PLAN_POINTS].interval_us / 1000;
	const double refused = refused_of(c, dest, h);
	double came = 0, steps = 0;
	int64_t step, last = -1;

	for (size_t i = 0; i < count; i++) {
		if (!s[i].good || s[i].unsure)
			continue;
		came++;
		step = (s[i].time_ms - h->to_ms + HOUR_MS) / step_ms;
		steps += step != last;
		last = step;
	}
	return refused > 0 && h->mean.count >= steps &&
	       (came + refused) * (double)step_ms > (double)(HOUR_MS + 2 * step_ms);
}

static void check_hour(struct checker *c, unsigned dest, const struct checker_hour *h,
	const struct checker_sample *s, size_t count)
{
	const double expected = (double)(3600 * US_PER_S) /
				(double)c->plan->device[h->point / PLAN_POINTS].interval_us;
	double sum = 0, low = INFINITY, high = -INFINITY, n = 0, unsure = 0;
	bool expired = false; /* a correction came when the hour had begun to expire */
	char name[16];

	for (size_t i = 0; i < count; i++) {
		if (!s[i].good)
			continue;
		sum += s[i].value;
		low = fmin(low, s[i].value);
		high = fmax(high, s[i].value);
		n++;
		unsure += s[i].unsure;
		expired |= s[i].told_us > (h->to_ms - HOUR_MS) * 1000 + c->plan->keep_us;
	}
	c->hours_checked++;
	if (c->plan->device[h->point / PLAN_POINTS].by_change)
		return; /* what did not change was not told */
	if (n > expected + 1 || expired || starved(c, h))
		return; /* an hour that came twice by a wrong clock; rows that went for room */
	if (h->mean.count < n - unsure && !is_dense(c, dest, h, s, count))
		checker_found(c, "S10",
			"dest%u: %s: the hour until %" PRId64 " is of %.0f readings, %.0f came",
			dest, checker_name(h->point, name), h->to_ms, h->mean.count, n);
	if (fabs(h->mean.coverage - fmin(h->mean.count / expected, 1)) > 1e-3)
		checker_found(c, "S10", "dest%u: %s: the hour until %" PRId64 ": coverage %g",
			dest, checker_name(h->point, name), h->to_ms, h->mean.coverage);
	if (h->mean.count != n || n == 0 || unsure > 0)
		return; /* some of them did not reach this destination */
	if (h->mean.high != high || h->mean.low != low || h->mean.value != sum / n)
		if (refused_of(c, dest, h) > 0) /* as many may have come all the same, but others */
			return;
	c->hours_equal++;
	if (h->mean.low != low || h->mean.high != high)
		checker_found(c, "S10", "dest%u: %s: the hour until %" PRId64 ": %.0f to %.0f told,"
			" %.0f to %.0f measured", dest, checker_name(h->point, name), h->to_ms,
			h->mean.low, h->mean.high, low, high);
	if (h->mean.has_value != (n >= 0.75 * expected) ||
		(h->mean.has_value && fabs(h->mean.value - sum / n) > 1e-9 * fabs(sum / n)))
		checker_found(c, "S10", "dest%u: %s: the hour until %" PRId64 ": mean %.3f told,"
			" %.3f of %.0f measured", dest, checker_name(h->point, name), h->to_ms,
			h->mean.value, sum / n, n);
}

static void finish(struct checker *c, unsigned dest, struct checker_hours *h)
{
	size_t count = last_forms(h->samples[dest], h->sample_count[dest]), at = 0;
	const struct checker_sample *s = h->samples[dest];

	qsort(h->hours[dest], h->hour_count[dest], sizeof(*h->hours[dest]), by_hour);
	for (size_t i = 0; i < h->hour_count[dest]; i++) {
		const struct checker_hour *x = &h->hours[dest][i], *next = x + 1;
		size_t to;

		if (i + 1 < h->hour_count[dest] && next->point == x->point &&
			next->to_ms == x->to_ms)
			continue; /* told again later */
		while (at < count && (s[at].point < x->point ||
				(s[at].point == x->point && s[at].time_ms < x->to_ms - HOUR_MS)))
			at++;
		for (to = at; to < count && s[to].point == x->point && s[to].time_ms < x->to_ms;)
			to++;
		check_hour(c, dest, x, s + at, to - at);
	}
}

void checker_hours_finish(struct checker *c)
{
	for (unsigned i = 0; c->hours && i < PLAN_DESTS; i++)
		if (c->hours->hour_count[i] && c->hours->sample_count[i])
			finish(c, i, c->hours);
}
