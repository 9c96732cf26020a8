/* SPDX-License-Identifier: EUPL-1.2 */
/* The invariants of checker.h, as messages and rows come. */
#include "checker_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "base/timefmt.h"

void FG_PRINTF(3, 4) checker_found(struct checker *c, const char *invariant, const char *fmt, ...)
{
	char text[300], time[FG_RFC3339_SIZE];
	va_list args;

	if (c->faults++ >= FAULTS_TOLD)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fg_rfc3339(c->now_us / 1000, time);
	printf("seed %" PRIu64 ": %s: %s: %s\n", c->plan->seed, time, invariant, text);
}

void *checker_grown(void *items, size_t *cap, size_t count, size_t size)
{
	if (count < *cap)
		return items;
	*cap = FG_MAX(*cap * 2, (size_t)256);
	items = realloc(items, *cap * size);
	if (!items)
		abort();
	return items;
}

struct checker *checker_new(const struct plan *plan)
{
	struct checker *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->plan = plan;
	c->repeats_from_us = INT64_MAX;
	for (size_t i = 0; i < POINTS; i++)
		for (unsigned d = 0; d < PLAN_DESTS; d++)
			c->points[i].retained[d] = c->points[i].newest[d] = NONE;
	checker_work_configured(c);
	return c;
}

void checker_free(struct checker *c)
{
	for (size_t i = 0; i < POINTS; i++)
		free(c->points[i].given);
	for (size_t i = 0; i < SEQ_CHUNKS; i++)
		free(c->numbers[i]);
	for (size_t i = 0; i < POINTS; i++)
		for (unsigned d = 0; d < PLAN_DESTS; d++)
			free(c->points[i].accounts[d]);
	free(c->starts_us);
	free(c->given);
	free(c->by_value);
	free(c->clocks);
	free(c->boots);
	free(c->records);
	checker_hours_free(c);
	checker_series_free(c);
	free(c);
}

bool checker_selects(const struct checker *c, unsigned dest, unsigned point)
{
	return dest < c->plan->dests &&
	       (!c->plan->bathing_only[dest] || c->plan->device[point / PLAN_POINTS].bathing);
}

const char *checker_name(unsigned point, char text[16])
{
	snprintf(text, 16, "d%u/x_p%u", point / PLAN_POINTS, point % PLAN_POINTS);
	return text;
}

static void remember_value(struct checker *c, uint32_t i);

void checker_gave(struct checker *c, int64_t true_us, unsigned point, enum checker_cause cause)
{
	struct point *p = &c->points[point];

	c->now_us = true_us;
	c->given = checker_grown(c->given, &c->given_cap, c->given_count, sizeof(*c->given));
	p->given = checker_grown(p->given, &p->cap, p->count, sizeof(*p->given));
	p->given[p->count++] = (uint32_t)c->given_count;
	c->given[c->given_count++] = (struct given){.true_us = true_us,
		.point = point,
		.cause = (uint8_t)cause,
		.boot = c->boot_count - 1,
		.run = c->starts};
	remember_value(c, (uint32_t)c->given_count - 1);
	checker_series_gave(c, (uint32_t)c->given_count - 1);
	checker_marks_gave(c, &c->given[c->given_count - 1]);
}

/* ---- S2: what a message or a row speaks of ---- */

static const char *reason_of(enum checker_cause cause)
{
	static const char *const texts[] = {"", "sentinel", "no_response", "exception:2"};

	return texts[cause];
}

static bool fits(const struct checker *c, const struct given *g, const struct parsed *m)
{
	double value = (double)plan_value(c->plan, g->point, g->true_us);
	bool by_series = m->has_value && plan_tested(c->plan, g->point);

	if (m->has_value != (g->cause == CHECKER_VALUE) ||
		(!by_series && m->qc != checker_qc(c, g)))
		return false;
	if (m->has_value)
		return fabs(value - m->value) < 0.5 && !m->reason[0];
	return strcmp(m->reason, reason_of((enum checker_cause)g->cause)) == 0;
}

/* The one that fits and lies nearest to the time, within a second; NONE. An alarm that begins or
 * ends moves the polls, so that two of them may be closer to each other. */
static uint32_t find_given(const struct checker *c, const struct parsed *m)
{
	const struct point *p = &c->points[m->point];
	int64_t at_us = m->time_ms * 1000, best_us = TIME_US + 1, off_us;
	uint32_t best = NONE;
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->given[p->given[mid]].true_us < at_us - TIME_US)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < p->count && c->given[p->given[low]].true_us <= at_us + TIME_US; low++) {
		off_us = c->given[p->given[low]].true_us - at_us;
		off_us = off_us < 0 ? -off_us : off_us;
		if (off_us >= best_us || !fits(c, &c->given[p->given[low]], m))
			continue;
		best = p->given[low];
		best_us = off_us;
	}
	return best;
}

static size_t place_of(const struct checker *c, unsigned point, int64_t value)
{
	uint64_t h = ((uint64_t)value ^ (uint64_t)point << 40) * UINT64_C(0x9E3779B97F4A7C15);

	return (size_t)(h >> 20) & (c->by_value_cap - 1);
}

static void put_value(struct checker *c, uint32_t i)
{
	const struct given *g = &c->given[i];
	size_t at = place_of(c, g->point, plan_value(c->plan, g->point, g->true_us));

	while (c->by_value[at] != NONE)
		at = (at + 1) & (c->by_value_cap - 1);
	c->by_value[at] = i;
}

static void remember_value(struct checker *c, uint32_t i)
{
	if (2 * (size_t)i >= c->by_value_cap) {
		c->by_value_cap = FG_MAX(c->by_value_cap * 4, (size_t)4096);
		free(c->by_value);
		c->by_value = malloc(c->by_value_cap * sizeof(*c->by_value));
		if (!c->by_value)
			abort();
		memset(c->by_value, 0xFF, c->by_value_cap * sizeof(*c->by_value));
		for (uint32_t k = 0; k < i; k++)
			if (c->given[k].cause == CHECKER_VALUE)
				put_value(c, k);
	}
	if (c->given[i].cause == CHECKER_VALUE)
		put_value(c, i);
}

/* Values are as good as random: two are alike once in many runs. */
uint32_t checker_find_value(const struct checker *c, const struct parsed *m)
{
	uint32_t best = NONE;
	int64_t best_us = INT64_MAX, off_us;
	size_t at;

	if (c->by_value_cap == 0)
		return NONE;
	for (at = place_of(c, m->point, (int64_t)m->value); c->by_value[at] != NONE;
		at = (at + 1) & (c->by_value_cap - 1)) {
		const struct given *g = &c->given[c->by_value[at]];

		off_us = m->time_ms * 1000 - g->true_us;
		off_us = off_us < 0 ? -off_us : off_us;
		if (g->point != m->point || off_us >= best_us || !fits(c, g, m))
			continue;
		best = c->by_value[at];
		best_us = off_us;
	}
	return best;
}

static bool near(int64_t us, int64_t bound_us)
{
	return us <= bound_us && us >= -bound_us;
}

/* Whether a clock that the gateway may have believed, then or later in the same boot, was so far
 * off. A correction is never by a weak one. */
static bool believed(const struct checker *c, const struct given *g, int64_t off_us, bool corrects)
{
	for (size_t i = c->clock_count; i-- > c->boots[g->boot].first_clock;) {
		const struct clock *k = &c->clocks[i];

		if (k->boot > g->boot)
			continue;
		if (k->level > FG_CLOCK_UNKNOWN && !(corrects && k->level == FG_CLOCK_RTC) &&
			near(off_us - k->off_us, TIME_US))
			return true;
		if (k->true_us < g->true_us - LOOK_US)
			break;
	}
	return false;
}

/* Else it has the time of what it corrects. */
static bool corrects_time(const struct parsed *m)
{
	return m->replaces && !m->tests[CHECKER_SPIKE];
}

static void check_time(
	struct checker *c, const struct given *g, const struct parsed *m, const char *where)
{
	int64_t off_us = m->time_ms * 1000 - g->true_us;
	int64_t tolerance_us = TIME_US + (int64_t)(m->uncertainty_s * (double)US_PER_S);
	char name[16];

	if (m->uncertainty_s > 0) /* bounds are reckoned from what clocks have said */
		tolerance_us += c->clock_worst_us;
	if (near(off_us, tolerance_us) || believed(c, g, off_us, corrects_time(m)))
		return;
	checker_found(c, "S2",
		"%s: reading %" PRIu64 "%s of %s is %.3f s off its true time (uncertainty "
		"%.0f s)",
		where, m->seq, m->replaces ? " (a correction)" : "", checker_name(m->point, name),
		(double)off_us / 1e6, m->uncertainty_s);
}

/* What has no value is known by its time alone; NONE without a fault where that says nothing. */
uint32_t checker_identify(struct checker *c, const struct parsed *m, const char *where)
{
	uint32_t i = m->has_value ? checker_find_value(c, m) : find_given(c, m);
	char name[16];

	if (!m->has_value && c->plan->clocks != CLOCKS_RIGHT)
		return NONE;
	if (i == NONE)
		checker_found(c, "S2",
			"%s: reading %" PRIu64 " of %s was never given: qc %d, value %.0f "
			"%s",
			where, m->seq, checker_name(m->point, name), m->qc, m->value, m->reason);
	else if (!m->untimed)
		check_time(c, &c->given[i], m, where);
	return i;
}

/* ---- S3 ---- */

struct number *checker_number(struct checker *c, uint64_t seq)
{
	uint64_t at = seq - PLAN_FIRST_SEQ, chunk = at / SEQ_CHUNK;

	if (seq < PLAN_FIRST_SEQ || chunk >= SEQ_CHUNKS)
		return NULL;
	if (!c->numbers[chunk]) {
		c->numbers[chunk] = calloc(SEQ_CHUNK, sizeof(struct number));
		if (!c->numbers[chunk])
			abort();
	}
	return &c->numbers[chunk][at % SEQ_CHUNK];
}

static uint32_t hash_of(const void *bytes, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const unsigned char *)bytes)[i]) * 16777619u;
	return h;
}

/* One id, one content; one content, one id. */
static struct number *check_number(
	struct checker *c, const struct parsed *m, uint32_t given, uint32_t hash)
{
	struct number *n = checker_number(c, m->seq);

	if (!n) {
		checker_found(c, "S3", "number %" PRIu64 " is out of any range", m->seq);
		return NULL;
	}
	if (n->seen && !m->not_stored && n->hash != hash)
		checker_found(c, "S3", "number %" PRIu64 " stands for two contents; time %" PRId64,
			m->seq, m->time_ms);
	if (!m->not_stored) {
		n->hash = hash;
		n->seen = true;
	}
	n->given = given;
	if (given != NONE && !m->replaces) {
		struct given *g = &c->given[given];

		if (g->seq && g->seq != m->seq)
			checker_found(c, "S3",
				"numbers %" PRIu64 " and %" PRIu64 " are one reading", g->seq,
				m->seq);
		g->seq = m->seq;
	}
	return n;
}

/* A correction names what it replaces, and a reading is corrected once. */
static void check_correction(struct checker *c, struct given *g, const struct parsed *m)
{
	if (g->seq && g->seq != m->replaces)
		checker_found(c, "S3", "%" PRIu64 " replaces %" PRIu64
			", but is a correction of %" PRIu64, m->seq, m->replaces, g->seq);
	if (g->correction && g->correction != m->seq)
		checker_found(c, "S3", "%" PRIu64 " and %" PRIu64 " are corrections of one reading",
			g->correction, m->seq);
	g->correction = m->seq;
}

/* ---- messages ---- */

/* S4 */
static void check_order(
	struct checker *c, unsigned dest, uint64_t connection, const struct parsed *m)
{
	struct point *p = &c->points[m->point];
	char name[16];

	if (p->connection[dest] == connection && m->seq <= p->last_backlog[dest])
		checker_found(c, "S4", "dest%u: %s: %" PRIu64 " after %" PRIu64, dest,
			checker_name(m->point, name), m->seq, p->last_backlog[dest]);
	p->connection[dest] = connection;
	p->last_backlog[dest] = m->seq;
}

/* S7 */
static void check_latency(
	struct checker *c, unsigned dest, const struct given *g, int64_t well_since_us)
{
	int64_t late_us = c->now_us - g->true_us, waits_us = dest ? 0 : c->plan->batch_us;
	char name[16];

	if (well_since_us > g->true_us - SLACK_US)
		return;
	c->in_time++;
	c->slowest_us = FG_MAX(c->slowest_us, late_us);
	if (late_us > c->plan->commit_us + c->plan->max_delay_us + LATE_US + waits_us)
		checker_found(c, "S7", "dest%u: a reading of %s came after %.1f s", dest,
			checker_name(g->point, name), (double)late_us / 1e6);
}

/* S9 */
static void check_repeat(struct checker *c, unsigned dest, const struct given *g, bool retain)
{
	char name[16];

	c->repeats++;
	if (c->plan->damaged)
		return; /* what was acknowledged may be forgotten with the rest */
	if (!(g->acked >> dest & 1) || g->acked_us[dest] >= c->repeats_from_us)
		return;
	if (retain && c->forgot[dest])
		return;
	checker_found(c, "S9",
		"dest%u: reading %" PRIu64 " of %s came again (%s), acknowledged "
		"%.1f s ago, %.1f s old",
		dest, g->seq, checker_name(g->point, name), retain ? "retained" : "backlog",
		(double)(c->now_us - g->acked_us[dest]) / 1e6,
		(double)(c->now_us - g->true_us) / 1e6);
}

/* Told by a weak clock that was wrong, or as an estimate: a correction sets it right. */
static void note_doubt(struct checker *c, struct given *g, const struct parsed *m, unsigned dest)
{
	int64_t off_us = m->time_ms * 1000 - g->true_us;
	uint8_t bit = (uint8_t)(1u << dest);

	/* the newest of a point goes first, so a correction may come before what it corrects */
	if (corrects_time(m)) {
		g->wrong &= (uint8_t)~bit;
		g->corrected |= bit;
	} else if (!m->replaces && !(g->corrected & bit) && !near(off_us, WEAK_US) &&
		   !believed(c, g, off_us, true) &&
		   (m->uncertainty_s == 0 || m->uncertainty_s >= FG_UNCERTAIN_UNBOUNDED)) {
		g->wrong |= bit;
	}
}

/* S5: what is retained is never older than what was. Before a reading is stored it may be lost, or
 * what is stored may come before it once more. */
static void check_progress(struct checker *c, unsigned dest, const struct point *p,
	const struct given *g)
{
	const struct given *was;
	char name[16];

	if (p->retained[dest] == NONE)
		return;
	was = &c->given[p->retained[dest]];
	if (was->ever_early || was->true_us <= g->true_us)
		return;
	checker_found(c, "S5", "dest%u: %s: %" PRIu64 " is retained in the place of %" PRIu64
		", which is newer", dest, checker_name(g->point, name), g->seq, was->seq);
}

static size_t take_reading(struct checker *c, unsigned dest, uint64_t connection,
	const struct parsed *m, uint32_t hash, bool retain, int64_t well_since_us)
{
	uint32_t i = checker_identify(c, m, "message");
	struct number *n = check_number(c, m, i, hash);
	struct point *p = &c->points[m->point];
	struct given *g;

	if (!retain)
		check_order(c, dest, connection, m);
	if (i == NONE || !n)
		return SIZE_MAX - 1;
	g = &c->given[i];
	if (g->got >> dest & 1 && !m->replaces)
		check_repeat(c, dest, g, retain);
	else if (!m->replaces)
		check_latency(c, dest, g, well_since_us);
	if (!(n->got >> dest & 1) && !m->replaces && m->qc <= 4)
		p->readings[dest]++; /* each number once, corrections not */
	g->got |= (uint8_t)(1u << dest);
	n->got |= (uint8_t)(1u << dest);
	if (m->not_stored)
		g->early |= (uint8_t)(1u << dest);
	g->ever_early |= m->not_stored;
	if (!checker_series_told(c, dest, g, m, "message") && m->replaces)
		check_correction(c, g, m);
	checker_marks_told(c, g, m, "message");
	if (retain)
		check_progress(c, dest, p, g);
	note_doubt(c, g, m, dest);
	if (p->newest[dest] == NONE || c->given[p->newest[dest]].true_us < g->true_us)
		p->newest[dest] = i;
	if (retain)
		p->retained[dest] = i;
	c->records =
		checker_grown(c->records, &c->record_cap, c->record_count, sizeof(*c->records));
	c->records[c->record_count] = (struct record){i, (uint8_t)dest};
	return c->record_count++;
}

/* What is told of losses and periods counts once. */
static void take_ledger(struct checker *c, unsigned dest, const struct parsed *m, uint32_t hash)
{
	struct number *n = check_number(c, m, NONE, hash);

	if (!n || n->got >> dest & 1)
		return;
	n->got |= (uint8_t)(1u << dest);
	if (m->kind == PARSED_GAP)
		c->points[m->point].gaps[dest] += m->count;
	for (size_t i = 0; i < m->line_count; i++) {
		const struct parsed_line *l = &m->lines[i];
		struct point *p = &c->points[l->point];

		p->scheduled[dest] += l->scheduled;
		p->sent[dest] += l->sent;
		p->suppressed[dest] += l->suppressed;
		p->missing[dest] += l->missing;
		p->accounts[dest] = checker_grown(p->accounts[dest], &p->account_cap[dest],
			p->account_count[dest], sizeof(*p->accounts[dest]));
		p->accounts[dest][p->account_count[dest]++] =
			(struct span){m->from_ms * 1000, m->to_ms * 1000, l->scheduled};
	}
}

size_t checker_received(struct checker *c, int64_t true_us, unsigned dest, uint64_t connection,
	const char *topic, const void *payload, size_t len, bool retain, int64_t well_since_us)
{
	uint32_t hash = hash_of(payload, len);
	struct parsed m;

	c->now_us = true_us;
	c->messages++;
	if (len == 0 && retain)
		return SIZE_MAX - 1; /* what is retained of a topic that has gone is cleared */
	parse_message(topic, payload, len, &m);
	if (m.kind == PARSED_READING)
		checker_hours_reading(c, dest, &m);
	if (m.kind == PARSED_MEAN)
		checker_hours_told(c, dest, &m);
	if (m.kind == PARSED_READING)
		return take_reading(c, dest, connection, &m, hash, retain, well_since_us);
	if (m.kind == PARSED_FAULTY)
		checker_found(c, "S2", "dest%u: %s: %s is missing or wrong: %.*s", dest, topic,
			m.fault, (int)FG_MIN(len, (size_t)160), (const char *)payload);
	if (m.kind == PARSED_GAP || m.kind == PARSED_ACCOUNT)
		take_ledger(c, dest, &m, hash);
	return SIZE_MAX - 1;
}

void checker_refused(struct checker *c, int64_t true_us, unsigned dest, const char *topic,
	const void *payload, size_t len)
{
	struct parsed m;
	struct number *n;
	uint32_t i;

	c->now_us = true_us;
	parse_message(topic, payload, len, &m);
	if (m.kind != PARSED_READING)
		return;
	n = checker_number(c, m.seq);
	if (n)
		n->refused |= (uint8_t)(1u << dest);
	i = checker_identify(c, &m, "refused");
	if (i == NONE)
		return;
	/* it came, which the gateway was not told, or had not stored before a cut, and again */
	if (c->given[i].got >> dest & 1 && !(c->given[i].refused >> dest & 1) &&
		(!(c->given[i].acked >> dest & 1) ||
			c->given[i].acked_us[dest] >= c->repeats_from_us))
		c->points[m.point].unstored[dest]++;
	c->given[i].refused |= (uint8_t)(1u << dest);
}

void checker_acked(struct checker *c, int64_t true_us, size_t record)
{
	const struct record *r;
	struct given *g;

	c->now_us = true_us;
	if (record >= c->record_count)
		return;
	r = &c->records[record];
	g = &c->given[r->given];
	g->acked |= (uint8_t)(1u << r->dest);
	g->acked_us[r->dest] = true_us;
}

void checker_forgot(struct checker *c, unsigned dest, bool retained)
{
	c->forgot[dest] = true;
	for (size_t i = 0; retained && i < POINTS; i++)
		c->points[i].retained[dest] = NONE;
}
