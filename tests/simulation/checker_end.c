/* SPDX-License-Identifier: EUPL-1.2 */
/* The invariants of checker.h at the end of all, and what clocks have said. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "checker_private.h"

/* What the last store holds for a destination that has not got it: in checker_finish(). */
struct owing {
	struct checker *checker;
	unsigned dest;
};

/* ---- the clock ---- */

void checker_booted(struct checker *c, int64_t true_us)
{
	c->now_us = true_us;
	c->boots = checker_grown(c->boots, &c->boot_cap, c->boot_count, sizeof(*c->boots));
	c->boots[c->boot_count++] = (struct boot){.first_clock = c->clock_count};
}

void checker_clock(struct checker *c, int64_t true_us, enum fg_clock_level level, int64_t off_us)
{
	int64_t off = off_us < 0 ? -off_us : off_us;

	c->clocks = checker_grown(c->clocks, &c->clock_cap, c->clock_count, sizeof(*c->clocks));
	c->clocks[c->clock_count++] = (struct clock){
		.true_us = true_us, .off_us = off_us, .level = level, .boot = c->boot_count - 1};
	if (level == FG_CLOCK_UNKNOWN)
		return;
	c->clock_worst_us = FG_MAX(c->clock_worst_us, off);
	off = off_us - c->clock_believed_us;
	c->clock_slack_us += off < 0 ? -off : off;
	c->clock_believed_us = off_us;
}

void checker_time_certain(struct checker *c)
{
	struct boot *b = &c->boots[c->boot_count - 1];

	if (b->certain_us)
		return;
	b->certain_us = c->now_us;
	b->certain_run = c->starts;
	b->full_us = checker_starved_us(c);
}

/* ---- the end ---- */

/* What a roomy store, on a disk with room, still had when the time was known for certain. That an
 * earlier run of the boot had its time from a weak clock is not known to the next one: the store
 * does not say so. */
static void check_corrected(struct checker *c)
{
	char name[16];

	for (size_t i = 0; i < c->given_count; i++) {
		const struct given *g = &c->given[i];
		int64_t certain_us = c->boots[g->boot].certain_us;

		if (!g->wrong || !certain_us || g->run != c->boots[g->boot].certain_run ||
			c->plan->max_size < PLAN_ROOMY || certain_us - g->true_us > US_PER_DAY / 2)
			continue;
		if (g->true_us <= c->boots[g->boot].full_us)
			continue; /* it went for room before */
		checker_found(c, "S2", "reading %" PRIu64 " of %s was never corrected (%x)", g->seq,
			checker_name(g->point, name), g->wrong);
	}
}

static void check_delivered(struct checker *c)
{
	int64_t young_us = c->now_us - c->plan->commit_us - c->plan->max_delay_us - LATE_US;
	char name[16];

	if (c->plan->tight || c->plan->damaged)
		return; /* which are in gaps nobody can say; their sum is looked at */
	for (size_t i = 0; i < c->given_count; i++) {
		const struct given *g = &c->given[i];

		/* what was taken right before the stop may have got no further than the store */
		if (!checker_always_told(c, g) || g->gone || (g->on_disk && g->true_us > young_us))
			continue;
		for (unsigned d = 0; d < c->plan->dests; d++)
			if (checker_selects(c, d, g->point) && !((g->acked | g->refused) >> d & 1))
				checker_found(c, "S1",
					"dest%u has not acknowledged reading %" PRIu64
					" of %s, %.0f s old",
					d, g->seq, checker_name(g->point, name),
					(double)(c->now_us - g->true_us) / 1e6);
	}
}

/* After all that readings arrive. */
static void check_alive(struct checker *c, unsigned dest)
{
	char name[16];

	for (unsigned i = 0; i < POINTS; i++) {
		const struct point *p = &c->points[i];
		const struct plan_device_conf *conf = &c->plan->device[i / PLAN_POINTS];

		if (i / PLAN_POINTS >= c->plan->devices || i % PLAN_POINTS >= conf->points ||
			!checker_selects(c, dest, i))
			continue;
		if (p->newest[dest] == NONE ||
			c->given[p->newest[dest]].true_us <
				c->now_us - (conf->by_change ? PLAN_AT_LEAST + 1 : 3) *
						    conf->interval_us)
			checker_found(c, "S1", "dest%u: nothing of %s arrives any more", dest,
				checker_name(i, name));
	}
}

static void check_retained(struct checker *c, unsigned dest)
{
	char name[16];

	for (unsigned i = 0; i < POINTS; i++) {
		const struct point *p = &c->points[i];

		if (p->retained[dest] != p->newest[dest])
			checker_found(c, "S5", "dest%u retains for %s what is not the newest", dest,
				checker_name(i, name));
	}
}

static unsigned starts_within(const struct checker *c, int64_t from_us, int64_t to_us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->starts; i++)
		n += c->starts_us[i] >= from_us - TIME_US && c->starts_us[i] <= to_us + TIME_US;
	return n;
}

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->from_us < y->from_us ? -1 : x->from_us > y->from_us;
}

/* S8 for each account: what time says, but for one at each start, and one at either end where an
 * outcome came on the other side of it, or a probe was one more. Accounts that were dropped come as
 * one, which reaches over those between them: what overlaps is looked at together. */
static void check_accounts(struct checker *c, unsigned dest, unsigned point)
{
	const struct point *p = &c->points[point];
	double interval_us = (double)c->plan->device[point / PLAN_POINTS].interval_us;
	char name[16];

	if (c->plan->clocks != CLOCKS_RIGHT || !p->account_count[dest] ||
		c->plan->device[point / PLAN_POINTS].alarms)
		return; /* alarms have a schedule of their own */
	qsort(p->accounts[dest], p->account_count[dest], sizeof(struct span), by_start);
	for (size_t i = 0; i < p->account_count[dest];) {
		struct span a = p->accounts[dest][i++];
		unsigned starts;
		double due;

		for (; i < p->account_count[dest] && p->accounts[dest][i].from_us < a.to_us; i++) {
			a.to_us = FG_MAX(a.to_us, p->accounts[dest][i].to_us);
			a.scheduled += p->accounts[dest][i].scheduled;
		}
		starts = starts_within(c, a.from_us, a.to_us);
		due = (double)(a.to_us - a.from_us) / interval_us;
		if (fabs(a.scheduled - due) > 2 + starts)
			checker_found(c, "S8", "dest%u: %s: an account of %.0f min with %u starts "
				"has %.0f scheduled", dest, checker_name(point, name),
				(double)(a.to_us - a.from_us) / 6e7, starts, a.scheduled);
	}
}

/* How long the gateway was off before and after runs that never knew the time for certain: nobody
 * can say that. */
static int64_t blind_us(const struct checker *c)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < c->boot_count; i++)
		if (!c->boots[i].certain_us || (i > 0 && !c->boots[i - 1].certain_us))
			sum += c->boots[i].off_us;
	return sum;
}

/* S8: what the accounts say, what came, and what time says. */
static void check_law(struct checker *c, unsigned dest)
{
	for (unsigned i = 0; i < POINTS; i++) {
		const struct point *p = &c->points[i];
		const struct plan_device_conf *conf = &c->plan->device[i / PLAN_POINTS];
		double come = (double)p->readings[dest] + p->suppressed[dest] + p->gaps[dest];
		double due, slack;
		char name[16];

		if (i / PLAN_POINTS >= c->plan->devices || i % PLAN_POINTS >= conf->points ||
			!checker_selects(c, dest, i))
			continue;
		check_accounts(c, dest, i);
		due = (double)(c->last_end_us - c->first_start_us) / (double)conf->interval_us;
		if (p->scheduled[dest] > come ||
			come - p->scheduled[dest] > (double)p->unstored[dest])
			checker_found(c, "S8",
				"dest%u: %s: scheduled %.0f, but %" PRIu64
				" readings, %.0f suppressed, %.0f in gaps",
				dest, checker_name(i, name), p->scheduled[dest], p->readings[dest],
				p->suppressed[dest], p->gaps[dest]);
		/* the last device is not always configured, alarms have a schedule of their own */
		if (i / PLAN_POINTS == c->plan->devices - 1 || conf->alarms)
			continue;
		slack = (double)c->starts + 1 +
			(double)c->clock_slack_us / (double)conf->interval_us;
		if (p->scheduled[dest] - due > slack ||
			due - p->scheduled[dest] >
				slack + (double)blind_us(c) / (double)conf->interval_us)
			checker_found(c, "S8", "dest%u: %s: scheduled %.0f, but %.0f were due",
				dest, checker_name(i, name), p->scheduled[dest], due);
	}
}

/* The accounts of the last hour wait in the store: they count as told. */
static void add_line(struct point *p, unsigned dest, const struct fg_account_line *l)
{
	p->scheduled[dest] += l->scheduled;
	p->sent[dest] += l->sent;
	p->suppressed[dest] += l->suppressed;
	p->missing[dest] += l->missing;
}

static bool is_for(const char *destination, unsigned dest)
{
	unsigned i;

	return !destination || !*destination ||
	       (sscanf(destination, "dest%u", &i) == 1 && i == dest);
}

static int on_owed(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	const struct owing *o = arg;
	struct checker *c = o->checker;
	struct number *n = checker_number(c, item->seq);
	unsigned point = checker_point_of(desc);
	struct parsed m;
	uint32_t i;

	(void)uncertain;
	if (!n || n->got >> o->dest & 1 || !checker_selects(c, o->dest, point))
		return 0;
	if (item->kind == FG_ITEM_READING && !item->replaces && item->qc != FG_QC_MISSING) {
		checker_row(item, point, &m);
		i = checker_find_value(c, &m);
		/* what was refused is in a gap */
		if (!((n->refused | (i == NONE ? 0 : c->given[i].refused)) >> o->dest & 1))
			c->points[point].readings[o->dest]++;
	}
	if (item->kind == FG_ITEM_GAP && is_for(item->gap->destination, o->dest))
		c->points[point].gaps[o->dest] += (double)item->gap->count;
	if (item->kind != FG_ITEM_ACCOUNT || !is_for(item->account->destination, o->dest))
		return 0;
	for (size_t k = 0; k < item->account->count; k++)
		add_line(&c->points[checker_point_of(item->account->lines[k].desc)], o->dest,
			&item->account->lines[k]);
	return 0;
}

unsigned checker_finish(struct checker *c, int64_t true_us, const struct disk *disk)
{
	c->now_us = true_us;
	check_delivered(c);
	if (!c->plan->damaged)
		check_corrected(c);
	for (unsigned d = 0; d < c->plan->dests; d++) {
		check_alive(c, d);
		if (c->plan->damaged)
			continue;
		check_retained(c, d);
		checker_read_store(c, disk, on_owed, &(struct owing){c, d});
		checker_add_losses(c, d, disk);
		check_law(c, d);
	}
	if (!c->plan->damaged) {
		checker_hours_finish(c);
		checker_series_finish(c);
	}
	return c->faults;
}

unsigned checker_faults(const struct checker *c)
{
	return c->faults;
}

void checker_summary(const struct checker *c, char *text, size_t size)
{
	snprintf(text, size,
		"%zu given, %" PRIu64 " messages, %" PRIu64 " repeats, %" PRIu64
		" in time (slowest %.1f s), %u starts, %" PRIu64 " rows looked at, %" PRIu64
		" lost in cuts, %" PRIu64 " hours (%" PRIu64 " equal), %" PRIu64 " verdicts, %"
		PRIu64 " spikes, %" PRIu64 " marked, %" PRIu64 " alarms",
		c->given_count, c->messages, c->repeats, c->in_time, (double)c->slowest_us / 1e6,
		c->starts, c->stored, c->lost_in_cuts, c->hours_checked, c->hours_equal,
		c->verdicts, c->spikes, c->maintained, c->alarms);
}
