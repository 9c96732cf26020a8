/* SPDX-License-Identifier: EUPL-1.2 */
/* S11: tests that look at earlier readings, by their definitions in docs/quality.md, reckoned here
 * once more from what the sensors gave. A start knows what the store has; what that is was looked
 * at when the run before ended. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "checker_private.h"

#define GOOD	1u
#define SUSPECT 2u
#define FAIL	4u
#define ANY	(GOOD | SUSPECT | FAIL)
/* Between two times of the store lies a wandering clock. */
#define UNSURE_US (US_PER_S / 10)
#define WINDOW	  (PLAN_FLAT_FAIL + 1)
/* A start reads three intervals more than the window holds. */
#define SPAN	 (WINDOW + 3)
#define OCTOBER_US (INT64_C(1790812800) * US_PER_S) /* 2026-10-01 */
#define YOUNG_US (2 * INT64_C(3600) * US_PER_S)

struct sample {
	int64_t at_us;
	double value; /* NaN: the sensor gave none */
};

struct list {
	struct sample *items;
	size_t count, cap;
};

/* A row of the store. */
struct stored {
	uint64_t seq;
	struct sample sample;
	uint32_t given;
	unsigned point;
};

/* Of one point. */
struct series {
	struct list past;   /* missing readings in a row are one */
	struct list spaced; /* an interval apart, for the flat line */
	bool began_missing;
	uint32_t newest; /* what the next reading may correct */
	unsigned blind;	 /* so many more intervals nobody can say what they are worth */
};

struct checker_series {
	struct series series[3];
	struct stored *rows;
	size_t row_count, row_cap;
	uint64_t *corrected; /* what the store has a correction of */
	size_t corrected_count, corrected_cap;
	int64_t newest_us; /* of all rows */
};

static struct checker_series *all_of(struct checker *c)
{
	if (!c->series)
		c->series = calloc(1, sizeof(*c->series));
	if (!c->series)
		abort();
	return c->series;
}

void checker_series_free(struct checker *c)
{
	for (size_t i = 0; c->series && i < FG_COUNT(c->series->series); i++) {
		free(c->series->series[i].past.items);
		free(c->series->series[i].spaced.items);
	}
	if (c->series) {
		free(c->series->rows);
		free(c->series->corrected);
	}
	free(c->series);
}

static void push(struct list *l, struct sample s)
{
	l->items = checker_grown(l->items, &l->cap, l->count, sizeof(*l->items));
	l->items[l->count++] = s;
}

static const struct sample *back(const struct list *l, size_t age)
{
	return age < l->count ? &l->items[l->count - 1 - age] : NULL;
}

/* ---- the tests ---- */

static unsigned above(double v, double suspect, double fail)
{
	return v > fail ? FAIL : v > suspect ? SUSPECT : GOOD;
}

static unsigned outside(double v, int low, int high, unsigned verdict)
{
	const double unit = (double)PLAN_LEVEL;

	return v < low * unit || v > high * unit ? verdict : 0;
}

static unsigned by_range(double v)
{
	unsigned fail = outside(v, PLAN_LEVEL_FAIL_LOW, PLAN_LEVEL_FAIL_HIGH, FAIL);
	unsigned suspect = outside(v, PLAN_LEVEL_SUSPECT_LOW, PLAN_LEVEL_SUSPECT_HIGH, SUSPECT);

	return fail ? fail : suspect ? suspect : GOOD;
}

static unsigned by_month(double v, bool september)
{
	unsigned fail, suspect;

	if (september) {
		suspect = outside(v, PLAN_SEPTEMBER_LOW, PLAN_SEPTEMBER_HIGH, SUSPECT);
		return suspect ? suspect : GOOD;
	}
	fail = outside(v, PLAN_LATER_FAIL_LOW, PLAN_LATER_FAIL_HIGH, FAIL);
	suspect = outside(v, PLAN_LATER_LOW, PLAN_LATER_HIGH, SUSPECT);
	return fail ? fail : suspect ? suspect : GOOD;
}

/* Where the gateway's clock may be wrong, or nobody vouches for it: any month, or none. */
static unsigned by_climate(const struct checker *c, double v, int64_t at_us)
{
	int64_t off_us = at_us - OCTOBER_US;

	if (c->plan->clocks != CLOCKS_RIGHT)
		return by_month(v, true) | by_month(v, false) | GOOD;
	if (off_us > -UNSURE_US && off_us < UNSURE_US)
		return by_month(v, true) | by_month(v, false);
	return by_month(v, off_us < 0);
}

static unsigned by_rate(const struct series *s, struct sample now, double interval_s)
{
	const double unit = (double)PLAN_LEVEL / interval_s;
	const struct sample *last = back(&s->past, 0);
	unsigned may = 0;

	if (!last || isnan(last->value))
		return GOOD;
	for (int64_t by = -UNSURE_US; by <= UNSURE_US; by += UNSURE_US) {
		double seconds = floor((double)(now.at_us - last->at_us + by) / 1e6);

		may |= above(fabs(now.value - last->value) / fmax(seconds, 1),
			PLAN_RATE_SUSPECT * unit, PLAN_RATE_FAIL * unit);
	}
	return may;
}

static unsigned by_gap(const struct series *s, struct sample now, int64_t interval_us)
{
	int64_t limit_us = PLAN_GAP * interval_us / 10, since_us;

	for (size_t age = 0; age < s->past.count; age++) {
		const struct sample *last = back(&s->past, age);

		if (isnan(last->value))
			continue;
		since_us = now.at_us - last->at_us;
		return (since_us > limit_us - UNSURE_US ? FAIL : 0) |
		       (since_us < limit_us + UNSURE_US ? GOOD : 0);
	}
	return GOOD;
}

/* The newest and so many before it. */
static bool is_flat(const struct series *s, size_t steps)
{
	double low = INFINITY, high = -INFINITY;

	for (size_t age = 0; age <= steps && age < s->spaced.count; age++) {
		double v = back(&s->spaced, age)->value;

		if (isnan(v))
			continue;
		low = fmin(low, v);
		high = fmax(high, v);
	}
	return high - low < (double)PLAN_LEVEL;
}

static unsigned flat_for(const struct series *s, size_t steps, unsigned verdict)
{
	if (!is_flat(s, steps) || s->spaced.count + s->began_missing <= steps)
		return 0;
	/* whether a missing one at the very beginning counts */
	return s->spaced.count > steps ? verdict : verdict | ANY;
}

static unsigned by_flatness(const struct series *s)
{
	unsigned fail = flat_for(s, PLAN_FLAT_FAIL, FAIL);
	unsigned suspect = flat_for(s, PLAN_FLAT_SUSPECT, SUSPECT);

	return fail ? fail : suspect ? suspect : GOOD;
}

/* The verdict on the reading before; 0: there is none. */
static unsigned by_neighbours(const struct series *s, double after, bool by_difference)
{
	const double suspect = PLAN_SPIKE_SUSPECT * (double)PLAN_LEVEL;
	const double fail = PLAN_SPIKE_FAIL * (double)PLAN_LEVEL;
	const struct sample *it = back(&s->past, 0), *before = back(&s->past, 1);
	double up, down;

	if (!it || !before || isnan(it->value) || isnan(before->value) || isnan(after))
		return 0;
	if (!by_difference)
		return above(fabs(it->value - (before->value + after) / 2), suspect, fail);
	up = it->value - before->value;
	down = it->value - after;
	return up * down > 0 ? above(fmin(fabs(up), fabs(down)), suspect, fail) : GOOD;
}

/* ---- a series goes on ---- */

/* What comes sooner than an interval takes the place of the newest; to how much sooner, see
 * quality/tests.c. */
static void space(struct series *s, struct sample now, int64_t interval_us)
{
	const struct sample *before = back(&s->spaced, 1), *newest = back(&s->spaced, 0);
	int64_t since_us;

	if (!before || isnan(newest->value)) {
		push(&s->spaced, now);
		return;
	}
	since_us = now.at_us - before->at_us - interval_us * 5 / 4;
	if (since_us < 0)
		s->spaced.count--;
	if (since_us > -UNSURE_US && since_us < UNSURE_US)
		s->blind = FG_MAX(s->blind, (unsigned)WINDOW + 1);
	push(&s->spaced, now);
}

static void go_on(struct series *s, struct sample now, int64_t interval_us)
{
	const struct sample *last = back(&s->past, 0);

	if (!isnan(now.value)) {
		push(&s->past, now);
		space(s, now, interval_us);
	} else if (!last) {
		s->began_missing = true;
	} else if (!isnan(last->value)) {
		push(&s->past, now);
		push(&s->spaced, now);
	}
}

/* What the reading says of the one before. */
static void judge_before(struct checker *c, const struct series *s, uint32_t i, double value)
{
	unsigned verdict = by_neighbours(s, value, plan_by_difference(c->given[i].point));
	struct given *before;

	if (s->newest == NONE)
		return;
	before = &c->given[s->newest];
	before->spike_may |= (uint8_t)(s->blind ? ANY : verdict);
	before->spike_next = i;
	before->spike_due = !s->blind && verdict > GOOD;
}

static void judge(struct checker *c, struct series *s, struct given *g, struct sample now)
{
	int64_t interval_us = c->plan->device[g->point / PLAN_POINTS].interval_us;
	unsigned may = by_range(now.value), climate = by_climate(c, now.value, now.at_us);
	unsigned rate = by_rate(s, now, (double)interval_us / 1e6);
	unsigned gap = by_gap(s, now, interval_us);
	size_t spaced = s->spaced.count;

	go_on(s, now, interval_us);
	may |= climate << 3 * CHECKER_CLIMATE;
	if (s->blind)
		rate = gap = ANY;
	if (s->blind && s->spaced.count > spaced)
		s->blind--;
	may |= rate << 3 * CHECKER_RATE | gap << 3 * CHECKER_GAP;
	g->may = (uint16_t)(may | (s->blind ? ANY : by_flatness(s)) << 3 * CHECKER_FLAT);
}

void checker_series_gave(struct checker *c, uint32_t i)
{
	struct given *g = &c->given[i];
	struct sample now = {g->true_us, NAN};
	struct series *s;

	if (!plan_tested(c->plan, g->point))
		return;
	s = &all_of(c)->series[g->point / PLAN_POINTS];
	if (g->cause == CHECKER_VALUE)
		now.value = (double)plan_value(c->plan, g->point, g->true_us);
	judge_before(c, s, i, now.value);
	s->newest = isnan(now.value) ? NONE : i;
	if (isnan(now.value))
		go_on(s, now, c->plan->device[g->point / PLAN_POINTS].interval_us);
	else
		judge(c, s, g, now);
}

/* ---- what the store has ---- */

void checker_series_look(struct checker *c)
{
	struct checker_series *all = all_of(c);

	all->row_count = all->corrected_count = 0;
	all->newest_us = 0;
}

void checker_series_row(struct checker *c, const struct fg_item *item, unsigned point,
	uint32_t given, bool uncertain)
{
	struct checker_series *all = all_of(c);
	struct sample s = {item->wall_ms * 1000,
		item->qc == FG_QC_MISSING ? (double)NAN : fg_value_number(&item->value)};

	if (!c->plan->tested || uncertain)
		return;
	all->newest_us = FG_MAX(all->newest_us, s.at_us);
	if (item->replaces) {
		all->corrected = checker_grown(all->corrected, &all->corrected_cap,
			all->corrected_count, sizeof(*all->corrected));
		all->corrected[all->corrected_count++] = item->replaces;
		return;
	}
	all->rows = checker_grown(all->rows, &all->row_cap, all->row_count, sizeof(*all->rows));
	all->rows[all->row_count++] = (struct stored){item->seq, s, given, point};
}

static bool is_corrected(const struct checker_series *all, uint64_t seq)
{
	for (size_t i = 0; i < all->corrected_count; i++)
		if (all->corrected[i] == seq)
			return true;
	return false;
}

void checker_series_started(struct checker *c)
{
	struct checker_series *all = all_of(c);
	bool sure = c->plan->clocks == CLOCKS_RIGHT && !c->plan->damaged, reached = false;

	for (size_t i = 0; i < FG_COUNT(all->series); i++) {
		struct series *s = &all->series[i];

		s->past.count = s->spaced.count = 0;
		s->began_missing = false;
		s->newest = NONE;
		s->blind = sure ? 0 : WINDOW + 1;
	}
	for (size_t i = 0; i < all->row_count; i++) {
		const struct stored *r = &all->rows[i];
		int64_t interval_us = c->plan->device[r->point / PLAN_POINTS].interval_us;
		struct series *s;

		reached |= r->sample.at_us >= all->newest_us - SPAN * interval_us;
		if (!reached || !plan_tested(c->plan, r->point))
			continue;
		s = &all->series[r->point / PLAN_POINTS];
		go_on(s, r->sample, interval_us);
		s->newest = isnan(r->sample.value) || is_corrected(all, r->seq) ? NONE : r->given;
	}
}

/* ---- what is told ---- */

static unsigned bit_of(uint8_t verdict)
{
	return verdict == 4 ? FAIL : verdict == 3 ? SUSPECT : GOOD;
}

static void check_tests(struct checker *c, const struct given *g, const struct parsed *m,
	const char *where)
{
	static const char *const names[] = {"gross_range", "climatology", "rate_of_change",
		"flat_line", "time_gap", "spike"};
	unsigned spike_may = GOOD;
	int worst = 1;
	char name[16];

	if (m->replaces) /* which neighbours a damaged store has nobody can say */
		spike_may |= c->plan->damaged ? ANY : g->spike_may;
	for (unsigned t = 0; t < PARSED_TESTS; t++) {
		unsigned may = t == CHECKER_SPIKE ? spike_may : g->may >> 3 * t & ANY;

		worst = FG_MAX(worst, (int)m->tests[t]);
		if (!(bit_of(m->tests[t]) & may))
			checker_found(c, "S11", "%s: reading %" PRIu64 "%s of %s: %s says %d; it "
				"may be %s%s%s", where, m->seq,
				m->replaces ? " (a correction)" : "",
				checker_name(g->point, name), names[t], m->tests[t],
				may & GOOD ? "good " : "", may & SUSPECT ? "3 " : "",
				may & FAIL ? "4" : "");
	}
	if (m->qc != worst)
		checker_found(c, "S11", "%s: reading %" PRIu64 " of %s is %d, the worst test %d",
			where, m->seq, checker_name(g->point, name), m->qc, worst);
	c->verdicts += !m->replaces;
}

/* By spike: of an earlier number and the same time; one a reading, unless the store never had the
 * first. */
static void check_spike(struct checker *c, unsigned dest, struct given *g, const struct parsed *m)
{
	char name[16];

	if (m->replaces >= m->seq || (g->told && m->time_ms != g->told_ms))
		checker_found(c, "S11", "%" PRIu64 " of %s replaces %" PRIu64 ": %" PRId64
			" ms from it", m->seq, checker_name(g->point, name), m->replaces,
			m->time_ms - g->told_ms);
	if (g->spike && g->spike != m->seq)
		checker_found(c, "S11", "%" PRIu64 " and %" PRIu64 " say that %" PRIu64
			" was a spike", g->spike, m->seq, m->replaces);
	if (!m->not_stored)
		g->spike = m->seq;
	g->spiked |= (uint8_t)(1u << dest);
}

bool checker_series_told(struct checker *c, unsigned dest, struct given *g,
	const struct parsed *m, const char *where)
{
	if (!plan_tested(c->plan, g->point) || !m->has_value)
		return false;
	check_tests(c, g, m, where);
	if (m->tests[CHECKER_SPIKE] && m->replaces) {
		check_spike(c, dest, g, m);
		return true;
	}
	if (!m->replaces && !g->told) {
		g->told = true;
		g->told_ms = m->time_ms;
	}
	return false;
}

/* ---- the end ---- */

/* Whether a destination acknowledged a later reading of the point and the run: so what said that
 * this one was a spike was stored. */
static bool acked_later(const struct checker *c, unsigned dest, const struct given *g)
{
	const struct given *next = &c->given[g->spike_next];
	const struct point *p = &c->points[g->point];

	for (size_t i = p->count; i-- > 0 && p->given[i] >= g->spike_next;) {
		const struct given *later = &c->given[p->given[i]];

		if (later->run == next->run && later->acked >> dest & 1)
			return true;
	}
	return false;
}

static void check_spiked(struct checker *c, unsigned dest, const struct given *g)
{
	char name[16];

	if (!(g->acked >> dest & 1) || g->refused || !acked_later(c, dest, g))
		return;
	c->spikes++;
	if (!(g->spiked >> dest & 1))
		checker_found(c, "S11", "dest%u was not told that %" PRIu64 " of %s, %.0f s old, "
			"was a spike", dest, g->seq, checker_name(g->point, name),
			(double)(c->now_us - g->true_us) / 1e6);
}

void checker_series_finish(struct checker *c)
{
	if (!c->plan->tested || c->plan->clocks != CLOCKS_RIGHT || c->plan->tight)
		return; /* a small store has no room for all */
	for (size_t i = 0; i < c->given_count; i++) {
		const struct given *g = &c->given[i];

		for (unsigned d = 0; g->spike_due && d < c->plan->dests; d++)
			if (g->true_us < c->now_us - YOUNG_US && checker_selects(c, d, g->point))
				check_spiked(c, d, g);
	}
}
