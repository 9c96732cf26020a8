/* SPDX-License-Identifier: EUPL-1.2 */
/* The ledger of one device. See ledger.h. */
#include "gateway/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/plant.h"
#include "base/status.h"

#define SEC_US	INT64_C(1000000)
#define HOUR_US (3600 * SEC_US)
#define DAY_US	(24 * HOUR_US)
/* After the full hour, for what was measured before it and is not here yet. */
#define SETTLE_US (5 * SEC_US)
/* A poll that began before the hour is waited for, but not for ever. */
#define PATIENCE_US (HOUR_US / 2)
/* A gap is written when its point has been good for so long. */
#define GOOD_US (60 * SEC_US)
/* Kinds of gaps that a point may have open; with more the oldest is written, and where even that is
 * refused the last places are shared. */
#define KINDS	  4
#define KINDS_MAX 8
#define GAPS_MAX  64 /* of one record */

enum { RUNNING, BEFORE };

struct open_gap {
	unsigned period;
	struct fg_ledger_missing m;
};

struct counts {
	uint64_t sent, suppressed, missing;
};

struct ledger_point {
	uint32_t id;
	const struct fg_point_desc *desc;
	bool gone;
	bool bad; /* its last outcome */
	int64_t good_since_us;
	struct counts counts[2]; /* by period */
	uint64_t known;		 /* outcomes before this run */
	struct open_gap gaps[KINDS_MAX];
	unsigned gap_count;
};

struct period {
	int64_t from_us;
	uint64_t from_seq;
};

struct fg_ledger {
	char device[64];
	bool timed;
	struct period period[2];
	bool pending;	      /* the period before is not written yet */
	bool at_once;	      /* nor is anything awaited for it: it ended now, not at an hour */
	int64_t before_to_us; /* its end */
	int64_t newest_us;    /* of the outcomes of the running period */
	int64_t row_to_ms;    /* what the row says while time is unknown */
	struct fg_ledger_row stored; /* the row that the store has, where it is known */
	bool has_stored;
	int64_t known_newest_us; /* of what was stored before this run; 0: nothing */
	bool end_early; /* times before the present one may come up for what is stored */
	bool reckon, was_clean; /* it goes on from a row; that one's word */
	int64_t reckon_from_ms; /* as it said at the start */
	bool rowless, row_due, clean, closing, done;
	int64_t close_us;
	uint64_t close_seq;
	bool close_clean;
	int64_t look_us;  /* a gap may be ripe */
	uint64_t missing_all, missing_today;
	int64_t today;
	size_t point_count, point_cap;
	struct ledger_point *points;
};

/* ---- construction ---- */

struct fg_ledger *fg_ledger_new(const char *device, int64_t from_us, uint64_t from_seq)
{
	struct fg_ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	snprintf(l->device, sizeof(l->device), "%s", device);
	l->period[RUNNING] = (struct period){from_us / 1000 * 1000, from_seq};
	l->newest_us = INT64_MIN;
	l->look_us = INT64_MAX;
	l->row_due = l->rowless = true;
	return l;
}

void fg_ledger_free(struct fg_ledger *l)
{
	if (!l)
		return;
	free(l->points);
	free(l);
}

const char *fg_ledger_device(const struct fg_ledger *l)
{
	return l->device;
}

int fg_ledger_add_point(
	struct fg_ledger *l, uint32_t id, const struct fg_point_desc *desc, bool gone)
{
	if (l->point_count == l->point_cap) {
		size_t cap = l->point_cap ? l->point_cap * 2 : 8;
		struct ledger_point *points = realloc(l->points, cap * sizeof(*points));

		if (!points)
			return FG_ENOMEM;
		l->points = points;
		l->point_cap = cap;
	}
	l->points[l->point_count++] =
		(struct ledger_point){.id = id, .desc = desc, .gone = gone};
	return FG_OK;
}

void fg_ledger_resume(struct fg_ledger *l, const struct fg_ledger_row *row, int64_t oldest_ms,
	int64_t newest_ms)
{
	/* time was never known while it was written, but may have been later */
	l->row_to_ms = row->to_ms ? row->to_ms : oldest_ms;
	l->known_newest_us = newest_ms * 1000;
	l->end_early = row->to_ms == 0;
	l->period[RUNNING].from_seq = row->from_seq;
	if (l->timed && l->row_to_ms)
		l->period[RUNNING].from_us = l->row_to_ms * 1000;
	l->reckon = l->row_to_ms != 0;
	l->reckon_from_ms = l->row_to_ms;
	l->was_clean = row->clean;
	l->rowless = false;
	l->row_due = row->clean; /* from now on readings are taken */
	l->stored = *row;
	l->has_stored = true;
}

void fg_ledger_add_known(struct fg_ledger *l, size_t point, uint32_t sent, uint32_t missing)
{
	struct counts *c = &l->points[point].counts[RUNNING];

	c->sent += sent;
	c->missing += missing;
	l->points[point].known += (uint64_t)sent + missing;
	if (fg_planted(FG_PLANT_OFF_TWICE))
		l->points[point].known -= missing;
}

void fg_ledger_add_known_suppressed(struct fg_ledger *l, size_t point, uint64_t count)
{
	l->points[point].counts[RUNNING].suppressed += count;
	l->points[point].known += count;
}

int fg_ledger_find_point(const struct fg_ledger *l, uint32_t id)
{
	for (size_t i = 0; i < l->point_count; i++)
		if (l->points[i].id == id)
			return (int)i;
	return FG_ENOENT;
}

void fg_ledger_has_row(struct fg_ledger *l)
{
	l->row_due = l->rowless = false;
}

bool fg_ledger_is_rowless(const struct fg_ledger *l)
{
	return l->rowless;
}

/* ---- time ---- */

void fg_ledger_timed(struct fg_ledger *l, int64_t offset_us)
{
	if (l->timed)
		return;
	l->timed = true;
	l->period[RUNNING].from_us += offset_us;
	l->period[RUNNING].from_us -= l->period[RUNNING].from_us % 1000;
	if (l->row_to_ms)
		l->period[RUNNING].from_us = l->row_to_ms * 1000;
	else
		l->row_due = true; /* now it can say since when */
	if (l->closing)
		l->close_us = (l->close_us + offset_us) / 1000 * 1000;
	if (l->newest_us != INT64_MIN)
		l->newest_us += offset_us;
	for (size_t i = 0; i < l->point_count; i++) {
		struct ledger_point *p = &l->points[i];

		p->good_since_us += offset_us;
		for (unsigned k = 0; k < p->gap_count; k++) {
			p->gaps[k].m.from_us += offset_us;
			p->gaps[k].m.to_us += offset_us;
		}
	}
	l->look_us = INT64_MIN;
}

bool fg_ledger_is_timed(const struct fg_ledger *l)
{
	return l->timed;
}

int64_t fg_ledger_from_us(const struct fg_ledger *l)
{
	return l->period[RUNNING].from_us;
}

/* ---- outcomes ---- */

/* The period that an outcome of this time belongs to. One that comes after its period was written
 * counts in the running one. */
static unsigned place(struct fg_ledger *l, int64_t at_us)
{
	if (l->pending && at_us < l->before_to_us)
		return BEFORE;
	l->newest_us = FG_MAX(l->newest_us, at_us);
	return RUNNING;
}

static void good(struct fg_ledger *l, struct ledger_point *p, int64_t at_us)
{
	if (!p->bad)
		return;
	p->bad = false;
	p->good_since_us = at_us;
	l->look_us = FG_MIN(l->look_us, at_us + GOOD_US);
}

void fg_ledger_sent(struct fg_ledger *l, size_t point, int64_t at_us)
{
	struct ledger_point *p = &l->points[point];

	p->counts[place(l, at_us)].sent++;
	good(l, p, at_us);
}

void fg_ledger_suppressed(struct fg_ledger *l, size_t point, int64_t at_us)
{
	struct ledger_point *p = &l->points[point];

	p->counts[place(l, at_us)].suppressed += fg_planted(FG_PLANT_SUPPRESSED_TWICE) ? 2 : 1;
	good(l, p, at_us);
}

static struct open_gap *find_gap(
	struct ledger_point *p, unsigned period, const struct fg_ledger_missing *m)
{
	struct open_gap *last = NULL;

	for (unsigned k = 0; k < p->gap_count; k++) {
		struct open_gap *g = &p->gaps[k];

		if (g->period != period)
			continue;
		if (g->m.reason == m->reason && g->m.detail == m->detail &&
			g->m.estimated == m->estimated)
			return g;
		last = g;
	}
	/* no place: the sum matters more than the cause */
	return p->gap_count == KINDS_MAX ? last : NULL;
}

static void drop_gap(struct ledger_point *p, unsigned k)
{
	p->gap_count--;
	memmove(&p->gaps[k], &p->gaps[k + 1], (p->gap_count - k) * sizeof(p->gaps[0]));
}

/* Puts two gaps of the period into one place. */
static void squeeze(struct ledger_point *p, unsigned period)
{
	struct open_gap *first = NULL;

	for (unsigned k = 0; k < p->gap_count; k++) {
		struct open_gap *g = &p->gaps[k];

		if (g->period != period)
			continue;
		if (!first) {
			first = g;
			continue;
		}
		first->m.from_us = FG_MIN(first->m.from_us, g->m.from_us);
		first->m.to_us = FG_MAX(first->m.to_us, g->m.to_us);
		first->m.count += g->m.count;
		drop_gap(p, k);
		return;
	}
}

static void add_gap(struct fg_ledger *l, struct ledger_point *p, unsigned period,
	const struct fg_ledger_missing *m)
{
	struct open_gap *g = find_gap(p, period, m);

	if (!g && p->gap_count == KINDS_MAX)
		squeeze(p, !period); /* all are of the other one */
	if (g) {
		g->m.from_us = FG_MIN(g->m.from_us, m->from_us);
		g->m.to_us = FG_MAX(g->m.to_us, m->to_us);
		g->m.count += m->count;
		return;
	}
	p->gaps[p->gap_count++] = (struct open_gap){.period = period, .m = *m};
	if (p->gap_count > KINDS)
		l->look_us = INT64_MIN;
}

static void add_totals(struct fg_ledger *l, int64_t at_us, uint64_t count)
{
	int64_t today = at_us / DAY_US;

	l->missing_all += count;
	if (today != l->today)
		l->missing_today = 0;
	l->today = today;
	l->missing_today += count;
}

void fg_ledger_missing(struct fg_ledger *l, size_t point, const struct fg_ledger_missing *m)
{
	struct ledger_point *p = &l->points[point];
	struct fg_ledger_missing at = *m;
	unsigned period;

	if (m->count == 0)
		return;
	period = place(l, m->to_us);
	if (period == RUNNING && l->timed) {
		/* by its times a gap is found to be in this period after a restart */
		at.from_us = FG_MAX(at.from_us, l->period[RUNNING].from_us);
		at.to_us = FG_MAX(at.to_us, l->period[RUNNING].from_us);
	}
	p->counts[period].missing += m->count;
	p->bad = true;
	add_gap(l, p, period, &at);
	add_totals(l, at.to_us, m->count);
}

void fg_ledger_slots(struct fg_ledger *l, size_t point, enum fg_reason reason, int64_t first_us,
	int64_t step_us, uint64_t count)
{
	struct fg_ledger_missing m = {.reason = reason, .from_us = first_us};

	if (l->pending && first_us < l->before_to_us) {
		m.count = (uint64_t)((l->before_to_us - 1 - first_us) / step_us) + 1;
		m.count = FG_MIN(m.count, count);
		m.to_us = first_us + (int64_t)(m.count - 1) * step_us;
		fg_ledger_missing(l, point, &m);
		m.from_us = m.to_us + step_us;
		count -= m.count;
	}
	m.count = count;
	m.to_us = m.from_us + ((int64_t)count - 1) * step_us;
	fg_ledger_missing(l, point, &m);
}

/* ---- a start ---- */

bool fg_ledger_wants_reckoning(const struct fg_ledger *l)
{
	return l->reckon;
}

void fg_ledger_succeed(struct fg_ledger *to, struct fg_ledger *from)
{
	from->close_clean = false;
	if (!from->reckon)
		return;
	to->reckon = true;
	to->reckon_from_ms = from->reckon_from_ms;
	to->was_clean = from->was_clean;
	for (size_t i = 0; i < to->point_count; i++)
		for (size_t k = 0; k < from->point_count; k++)
			if (to->points[i].id == from->points[k].id)
				to->points[i].known = from->points[k].known;
	from->reckon = false;
}

void fg_ledger_reckoned(struct fg_ledger *l)
{
	l->reckon = false;
}

void fg_ledger_reckon(struct fg_ledger *l, size_t point, int64_t first_us, int64_t interval_us)
{
	int64_t from_us = l->reckon_from_ms * 1000;

	if (from_us < first_us)
		fg_ledger_reckon_noted(l, point, first_us, interval_us, 0, from_us);
}

void fg_ledger_reckon_noted(struct fg_ledger *l, size_t point, int64_t first_us,
	int64_t interval_us, uint64_t total, int64_t slot_us)
{
	int64_t due = (int64_t)total + FG_MAX(first_us - slot_us, 0) / interval_us;
	int64_t missing = due - (int64_t)l->points[point].known;
	struct fg_ledger_missing m = {
		.reason = FG_REASON_GATEWAY_OFF, .estimated = !l->was_clean};

	if (!l->reckon || missing <= 0)
		return;
	m.count = (uint64_t)missing;
	m.to_us = first_us - interval_us;
	m.from_us = first_us - missing * interval_us;
	fg_ledger_missing(l, point, &m);
}

/* ---- periods ---- */

/* The running period ends at to_us. */
static void turn(struct fg_ledger *l, int64_t to_us, uint64_t next_seq)
{
	l->period[BEFORE] = l->period[RUNNING];
	l->before_to_us = to_us;
	l->pending = true;
	l->period[RUNNING] = (struct period){to_us, next_seq};
	l->newest_us = INT64_MIN;
	l->known_newest_us = 0;
	l->end_early = false;
	for (size_t i = 0; i < l->point_count; i++) {
		struct ledger_point *p = &l->points[i];

		p->counts[BEFORE] = p->counts[RUNNING];
		p->counts[RUNNING] = (struct counts){0};
		if (fg_planted(FG_PLANT_HOUR_TWICE) && p->bad)
			p->counts[RUNNING].missing = p->counts[BEFORE].missing;
		for (unsigned k = 0; k < p->gap_count; k++)
			p->gaps[k].period = BEFORE;
	}
}

void fg_ledger_roll(struct fg_ledger *l, int64_t now_us, uint64_t next_seq)
{
	int64_t hour_us = now_us - now_us % HOUR_US;

	if (!l->timed || l->pending || l->closing)
		return;
	l->newest_us = FG_MAX(l->newest_us, l->known_newest_us ? l->known_newest_us : INT64_MIN);
	/* in the other cases the clock was set back */
	if (l->end_early || now_us / 1000 * 1000 < l->period[RUNNING].from_us ||
		l->newest_us > now_us + HOUR_US)
		l->at_once = true;
	if (l->at_once)
		turn(l, now_us / 1000 * 1000, next_seq);
	else if (hour_us > l->period[RUNNING].from_us && hour_us > l->newest_us)
		turn(l, hour_us, next_seq);
}

void fg_ledger_close(struct fg_ledger *l, int64_t now_us, uint64_t next_seq, bool clean)
{
	if (l->closing)
		return;
	l->closing = true;
	l->close_us = l->timed ? now_us / 1000 * 1000 : now_us;
	l->close_seq = next_seq;
	l->close_clean = clean;
}

bool fg_ledger_is_done(const struct fg_ledger *l)
{
	return l->done;
}

/* ---- writing ---- */

/* Says that all is written up to where a period begins. */
static struct fg_ledger_row row_of(const struct fg_ledger *l, const struct period *p)
{
	struct fg_ledger_row row = {.to_ms = l->timed ? p->from_us / 1000 : l->row_to_ms,
		.from_seq = p->from_seq,
		.clean = l->clean};

	memcpy(row.device, l->device, sizeof(row.device));
	return row;
}

static void row_written(struct fg_ledger *l, const struct fg_ledger_row *row)
{
	l->row_due = l->rowless = false;
	l->row_to_ms = row->to_ms;
	l->stored = *row;
	l->has_stored = true;
}

struct fg_ledger_row fg_ledger_row_in_force(const struct fg_ledger *l)
{
	return l->has_stored ? l->stored : row_of(l, &l->period[l->pending ? BEFORE : RUNNING]);
}

bool fg_ledger_since(const struct fg_ledger *l, const struct fg_ledger_row *row, size_t point,
	struct fg_ledger_since *ret)
{
	const struct counts *c;

	if (point >= l->point_count)
		return false;
	c = l->points[point].counts;
	*ret = (struct fg_ledger_since){
		.id = l->points[point].id, .known = l->points[point].known};
	for (unsigned p = RUNNING; p <= BEFORE; p++) {
		/* the row of an account that is being written is that of the running period */
		if (p == BEFORE && (!l->pending || (row->from_seq == l->period[RUNNING].from_seq &&
			row->to_ms == l->period[RUNNING].from_us / 1000)))
			break;
		ret->suppressed += c[p].suppressed;
		ret->total += c[p].suppressed + c[p].sent + c[p].missing;
	}
	return true;
}

static int note(const struct fg_ledger *l, const struct fg_ledger_row *row,
	const struct fg_ledger_sink *sink)
{
	return sink->note ? sink->note(sink->arg, l, row) : FG_OK;
}

int fg_ledger_write_row(struct fg_ledger *l, const struct fg_ledger_sink *sink)
{
	const struct fg_ledger_row row = row_of(l, &l->period[l->pending ? BEFORE : RUNNING]);
	int r;

	if (!l->row_due)
		return FG_OK;
	r = sink->row(sink->arg, &row);
	if (r < 0)
		return r;
	row_written(l, &row);
	note(l, &row, sink); /* it is written again soon anyway */
	return FG_OK;
}

/* Whether a gap goes out now. Those of a full point go from the oldest on. */
static bool ripe(const struct fg_ledger *l, const struct ledger_point *p, unsigned k,
	unsigned period, int64_t now_us)
{
	if (p->gaps[k].period != period)
		return false;
	if (period == BEFORE)
		return true;
	if (l->pending)
		return false; /* gaps go out in order */
	return (!p->bad && now_us - p->good_since_us >= GOOD_US) || p->gap_count - k > KINDS;
}

struct batch {
	struct fg_item items[GAPS_MAX];
	struct fg_gap gaps[GAPS_MAX];
	struct ledger_point *points[GAPS_MAX];
	unsigned slots[GAPS_MAX], count;
};

static void put_gap(struct fg_ledger *l, struct batch *b, struct ledger_point *p, unsigned k)
{
	const struct open_gap *g = &p->gaps[k];
	struct fg_gap *gap = &b->gaps[b->count];
	int64_t last_ms = g->m.to_us / 1000, first_ms = g->m.from_us / 1000;

	if (g->period == BEFORE) {
		/* where the clock was set back it lies after the end: by its times it is to be
		 * found in this period */
		last_ms = FG_MIN(last_ms, l->before_to_us / 1000 - 1);
		first_ms = FG_MIN(first_ms, last_ms);
	}
	*gap = (struct fg_gap){.from_ms = first_ms, .to_ms = last_ms, .count = g->m.count,
		.estimated = g->m.estimated};
	b->items[b->count] = (struct fg_item){.kind = FG_ITEM_GAP, .point = p->id,
		.wall_ms = last_ms, .gap = gap, .qc = FG_QC_MISSING, .reason = g->m.reason,
		.detail = g->m.detail};
	b->points[b->count] = p;
	b->slots[b->count++] = k;
}

static int flush(struct batch *b, const struct fg_ledger_sink *sink)
{
	int r = b->count ? sink->gaps(sink->arg, b->items, b->count) : FG_OK;

	for (unsigned i = b->count; i-- > 0 && r >= 0;)
		drop_gap(b->points[i], b->slots[i]);
	b->count = 0;
	return r;
}

/* A point's gaps are in one batch, so that places do not move under it. */
static int write_gaps(struct fg_ledger *l, unsigned period, int64_t now_us,
	const struct fg_ledger_sink *sink)
{
	struct batch b = {.count = 0};
	int r = FG_OK;

	for (size_t i = 0; i < l->point_count && r >= 0; i++) {
		struct ledger_point *p = &l->points[i];

		if (b.count + p->gap_count > GAPS_MAX)
			r = flush(&b, sink);
		for (unsigned k = 0; k < p->gap_count && r >= 0; k++)
			if (ripe(l, p, k, period, now_us))
				put_gap(l, &b, p, k);
	}
	return r < 0 ? r : flush(&b, sink);
}

static uint32_t count32(uint64_t n)
{
	return (uint32_t)FG_MIN(n, UINT32_MAX);
}

static bool has_line(const struct ledger_point *p)
{
	const struct counts *c = &p->counts[BEFORE];

	return !p->gone || c->sent || c->suppressed || c->missing;
}

static size_t put_lines(
	struct fg_ledger *l, struct fg_account_line lines[FG_ACCOUNT_LINES], size_t *at)
{
	size_t n = 0;

	for (; *at < l->point_count && n < FG_ACCOUNT_LINES; ++*at) {
		const struct ledger_point *p = &l->points[*at];
		const struct counts *c = &p->counts[BEFORE];

		if (!has_line(p))
			continue;
		lines[n] = (struct fg_account_line){.point = p->id, .desc = p->desc,
			.sent = count32(c->sent), .suppressed = count32(c->suppressed),
			.missing = count32(c->missing)};
		lines[n].scheduled = lines[n].sent + lines[n].suppressed + lines[n].missing;
		n++;
	}
	return n;
}

/* As many accounts as the points need. */
static int write_accounts(struct fg_ledger *l, const struct fg_ledger_sink *sink)
{
	struct fg_account_line lines[FG_ACCOUNT_LINES];
	struct fg_account account = {.from_ms = l->period[BEFORE].from_us / 1000,
		.to_ms = l->before_to_us / 1000, .lines = lines};
	size_t at = 0;
	int r = FG_OK;

	while (at < l->point_count && r >= 0) {
		account.count = put_lines(l, lines, &at);
		if (account.count)
			r = sink->account(sink->arg, &account);
	}
	return r;
}

/* And the row with them: else after a crash they would be written once more. */
static int write_account(struct fg_ledger *l, const struct fg_ledger_sink *sink)
{
	const struct fg_ledger_row row = row_of(l, &l->period[RUNNING]);
	int r, end = FG_OK;

	if (sink->begin)
		sink->begin(sink->arg);
	r = write_accounts(l, sink);
	if (r >= 0)
		r = sink->row(sink->arg, &row);
	if (r >= 0)
		r = note(l, &row, sink);
	if (sink->end)
		end = sink->end(sink->arg, r >= 0);
	if (r < 0 || end < 0)
		return r < 0 ? r : end;
	row_written(l, &row);
	return FG_OK;
}

static bool nothing_before(const struct fg_ledger *l)
{
	if (l->before_to_us != l->period[BEFORE].from_us)
		return false;
	for (size_t i = 0; i < l->point_count; i++) {
		const struct counts *c = &l->points[i].counts[BEFORE];

		if (c->sent || c->suppressed || c->missing)
			return false;
	}
	return true;
}

static int write_before(struct fg_ledger *l, int64_t now_us, const struct fg_ledger_sink *sink)
{
	bool nothing = nothing_before(l);
	int r = write_gaps(l, BEFORE, now_us, sink);

	if (r >= 0 && !nothing)
		r = write_account(l, sink);
	if (r < 0)
		return r;
	l->pending = l->at_once = false;
	l->row_due |= nothing;
	for (size_t i = 0; i < l->point_count; i++)
		l->points[i].counts[BEFORE] = (struct counts){0};
	return FG_OK;
}

/* Whether nothing more is to come of the period before. */
static bool settled(const struct fg_ledger *l, int64_t now_us, int64_t oldest_poll_us)
{
	if (l->closing || l->at_once || now_us < l->before_to_us - HOUR_US ||
		now_us >= l->before_to_us + PATIENCE_US)
		return true;
	return now_us >= l->before_to_us + SETTLE_US && oldest_poll_us >= l->before_to_us;
}

static int write_end(struct fg_ledger *l, int64_t now_us, const struct fg_ledger_sink *sink)
{
	int r = FG_OK;

	if (!l->pending && l->close_us != INT64_MIN) {
		turn(l, l->close_us, l->close_seq);
		l->close_us = INT64_MIN; /* once */
		l->clean = l->close_clean;
	}
	if (l->pending)
		r = write_before(l, now_us, sink);
	if (r < 0)
		return r;
	l->row_due |= l->clean != l->close_clean;
	l->clean = l->close_clean;
	r = fg_ledger_write_row(l, sink);
	l->done = r >= 0;
	return r;
}

static void look_again(struct fg_ledger *l)
{
	l->look_us = INT64_MAX;
	for (size_t i = 0; i < l->point_count; i++) {
		const struct ledger_point *p = &l->points[i];

		if (p->gap_count && !p->bad)
			l->look_us = FG_MIN(l->look_us, p->good_since_us + GOOD_US);
	}
}

int fg_ledger_write(struct fg_ledger *l, int64_t now_us, int64_t oldest_poll_us,
	const struct fg_ledger_sink *sink)
{
	int r = fg_ledger_write_row(l, sink);

	if (r < 0 || !l->timed || l->done)
		return r;
	if (l->pending && settled(l, now_us, oldest_poll_us)) {
		r = write_before(l, now_us, sink);
		if (r >= 0)
			r = fg_ledger_write_row(l, sink);
	}
	if (r >= 0 && !l->pending && now_us >= l->look_us) {
		r = write_gaps(l, RUNNING, now_us, sink);
		if (r >= 0)
			look_again(l);
	}
	return r >= 0 && l->closing ? write_end(l, now_us, sink) : r;
}

int64_t fg_ledger_wake_us(const struct fg_ledger *l, int64_t now_us)
{
	int64_t hour_us = l->period[RUNNING].from_us - l->period[RUNNING].from_us % HOUR_US;

	if (!l->timed || l->done)
		return INT64_MAX;
	if (l->pending && l->at_once)
		return now_us + 1;
	if (l->pending)
		return FG_MAX(l->before_to_us + SETTLE_US, now_us + SEC_US);
	hour_us = FG_MAX(hour_us, now_us - now_us % HOUR_US);
	return FG_MAX(FG_MIN(l->look_us, hour_us + HOUR_US), now_us + 1);
}

void fg_ledger_totals(
	const struct fg_ledger *l, int64_t now_us, uint64_t *ret_all, uint64_t *ret_today)
{
	*ret_all = l->missing_all;
	*ret_today = now_us / DAY_US == l->today ? l->missing_today : 0;
}
