/* SPDX-License-Identifier: EUPL-1.2 */
/* What became of the readings since the last account of each device, out of the store: the part of
 * the ledger that the last run had in memory. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/status.h"
#include "gateway/ledger_start.h"

struct device_known {
	struct fg_ledger_row row;
	uint64_t account_seq; /* of its account; 0: not seen */
	int64_t oldest_ms, newest_ms;
	struct fg_core_known_point *points;
	size_t count, cap;
};

struct scan {
	struct device_known *devices;
	size_t count;
	int status;
};

static struct device_known *find(struct scan *s, const char *device, uint64_t seq)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->devices[i].row.device, device) == 0)
			return seq >= s->devices[i].row.from_seq ? &s->devices[i] : NULL;
	return NULL;
}

static bool for_all(const char *destination)
{
	return !destination || !*destination;
}

/* An account may have become durable without its row: then it says how far things are told. */
static void note_account(struct device_known *d, uint64_t seq, int64_t from_ms, int64_t to_ms)
{
	if (from_ms == d->row.to_ms) {
		d->row.to_ms = to_ms;
		d->row.clean = false;
	}
	if (to_ms == d->row.to_ms)
		d->account_seq = seq;
}

static int on_account(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct device_known *d = find(arg, desc->device, item->seq);

	(void)uncertain;
	if (!d || item->kind != FG_ITEM_ACCOUNT || !for_all(item->account->destination))
		return 0;
	note_account(d, item->seq, item->account->from_ms, item->account->to_ms);
	return 0;
}

static struct fg_core_known_point *point_of(
	struct device_known *d, uint32_t id, const struct fg_point_desc *desc)
{
	size_t cap = d->cap ? d->cap * 2 : 8;
	void *points;

	for (size_t i = 0; i < d->count; i++)
		if (d->points[i].id == id)
			return &d->points[i];
	if (d->count == d->cap) {
		points = realloc(d->points, cap * sizeof(*d->points));
		if (!points)
			return NULL;
		d->points = points;
		d->cap = cap;
	}
	d->points[d->count] = (struct fg_core_known_point){.id = id, .desc = desc};
	return &d->points[d->count++];
}

static void count_item(struct fg_core_known_point *p, const struct fg_item *item)
{
	if (item->kind == FG_ITEM_READING)
		p->sent++;
	else
		p->missing += (uint32_t)item->gap->count;
}

/* What a gap tells once more was counted when it came, or is among what was freed. */
static bool counts(const struct fg_item *item)
{
	if (item->kind == FG_ITEM_READING)
		return !item->replaces && item->qc != FG_QC_MISSING;
	return item->kind == FG_ITEM_GAP && for_all(item->gap->destination) && !item->gap->retold;
}

/* Whether it came after the account. What was stored later did, whatever the clock said; what was
 * stored before it is told by its time: it may be of the period that had begun. Where the account
 * is not among what the row points to, all of that is later. */
static bool after_account(
	const struct device_known *d, uint64_t seq, int64_t at_ms, bool uncertain)
{
	return seq > d->account_seq || (!uncertain && at_ms >= d->row.to_ms);
}

static void note_time(struct device_known *d, int64_t from_ms, int64_t to_ms)
{
	d->oldest_ms = d->oldest_ms ? FG_MIN(d->oldest_ms, from_ms) : from_ms;
	d->newest_ms = FG_MAX(d->newest_ms, to_ms);
}

static int on_item(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct scan *s = arg;
	struct device_known *d = find(s, desc->device, item->seq);
	struct fg_core_known_point *p;
	int64_t at_ms = item->kind == FG_ITEM_GAP ? item->gap->to_ms : item->wall_ms;

	if (!d || !counts(item) || !after_account(d, item->seq, at_ms, uncertain))
		return 0;
	p = point_of(d, item->point, desc);
	if (!p) {
		s->status = FG_ENOMEM;
		return 1;
	}
	count_item(p, item);
	if (!uncertain)
		note_time(d, at_ms, at_ms);
	return 0;
}

/* ---- what was freed meanwhile ---- */

static void on_freed_account(void *arg, const struct fg_freed_count *f)
{
	struct device_known *d = find(arg, f->desc->device, f->last_seq);

	if (d && f->kind == FG_FREED_ACCOUNT)
		note_account(d, f->last_seq, f->from_ms, f->to_ms);
}

static void on_freed(void *arg, const struct fg_freed_count *f)
{
	struct scan *s = arg;
	struct device_known *d = find(s, f->desc->device, f->last_seq);
	struct fg_core_known_point *p;

	if (!d || f->kind == FG_FREED_ACCOUNT ||
		!after_account(d, f->last_seq, f->to_ms, !f->timed))
		return;
	p = point_of(d, f->point, f->desc);
	if (!p) {
		s->status = FG_ENOMEM;
		return;
	}
	*(f->kind == FG_FREED_MISSING ? &p->missing : &p->sent) += (uint32_t)f->count;
	if (f->timed)
		note_time(d, f->from_ms, f->to_ms);
}

/* Damage that is met here is no reason not to measure: it is dealt with when the store meets it. */
static int read_all(struct fg_reader *reader, struct scan *s, uint64_t from, uint64_t to)
{
	long freed = fg_reader_freed(reader, on_freed_account, s);
	long accounts = fg_reader_range(reader, from, to, on_account, s);
	long items = fg_reader_range(reader, from, to, on_item, s);

	if (freed >= 0)
		freed = fg_reader_freed(reader, on_freed, s);

	if (accounts < 0 || items < 0 || freed < 0)
		fg_error("store: not all that was stored since the last accounts can be read: %s; "
			 "the next accounts may be wrong",
			fg_strerror((int)FG_MIN(FG_MIN(accounts, items), freed)));
	return s->status;
}

int fg_ledger_known(struct fg_reader *reader, const struct fg_ledger_row *rows, size_t count,
	uint64_t next_seq, fg_ledger_known_fn fn, void *arg)
{
	struct scan s = {.count = count};
	uint64_t from = next_seq;
	int r = FG_OK;

	s.devices = calloc(count + 1, sizeof(*s.devices));
	if (!s.devices)
		return FG_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		s.devices[i].row = rows[i];
		if (rows[i].from_seq < from)
			from = rows[i].from_seq;
	}
	if (from < next_seq)
		r = read_all(reader, &s, from, next_seq);
	for (size_t i = 0; i < count && r >= 0; i++) {
		const struct fg_core_known known = {.row = s.devices[i].row,
			.oldest_ms = s.devices[i].oldest_ms,
			.newest_ms = s.devices[i].newest_ms,
			.points = s.devices[i].points,
			.count = s.devices[i].count};

		r = fn(arg, &known);
	}
	for (size_t i = 0; i < count; i++)
		free(s.devices[i].points);
	free(s.devices);
	return r;
}

struct rows {
	struct fg_ledger_row *items;
	size_t count;
	int status;
};

static void add_row(void *arg, const struct fg_ledger_row *row)
{
	struct rows *rows = arg;
	void *items = realloc(rows->items, (rows->count + 1) * sizeof(*rows->items));

	if (!items) {
		rows->status = FG_ENOMEM;
		return;
	}
	rows->items = items;
	rows->items[rows->count++] = *row;
}

static int into_core(void *arg, const struct fg_core_known *known)
{
	return fg_core_known(arg, known);
}

int fg_ledger_start(struct fg_core *core, struct fg_spool *spool, struct fg_reader *reader)
{
	struct rows rows = {0};
	struct fg_spool_info info;
	int r = fg_spool_ledger(spool, add_row, &rows);

	fg_spool_info(spool, &info);
	if (r >= 0)
		r = rows.status;
	if (r >= 0)
		r = fg_ledger_known(
			reader, rows.items, rows.count, info.next_seq, into_core, core);
	free(rows.items);
	return r;
}
