/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading the spool through a connection of its own. A damaged row is counted and passed over:
 * the rows behind it are as good as before. */
#include "storage/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "storage/descriptor.h"
#include "storage/files.h"
#include "storage/record.h"
#include "storage/schema.h"
#include "storage/sql.h"
#include "storage/times.h"

#define POINTS_MAX 1000000

enum {
	ST_RANGE,
	ST_NEWEST,
	ST_POINT,
	ST_ERA,
	ST_SPANS,
	ST_SPAN_LAST,
	ST_BEGIN,
	ST_END,
	ST_COUNT
};

static const char *const texts[ST_COUNT] = {
	/* from the row that holds number ?1, which may begin below it */
	[ST_RANGE] = "SELECT seq, record FROM reading WHERE seq >="
		     " coalesce((SELECT max(seq) FROM reading WHERE seq <= ?1), ?1)"
		     " AND seq < ?2 ORDER BY seq",
	[ST_NEWEST] = "SELECT seq, record FROM reading ORDER BY seq DESC",
	[ST_POINT] = "SELECT id, descriptor FROM point WHERE id = ?1",
	[ST_ERA] = "SELECT e.offset_us, e.uncertainty_s, r.next_seq FROM (SELECT ?1 AS n)"
		   " LEFT JOIN era AS e ON e.number = n LEFT JOIN restamp AS r ON r.era = n",
	[ST_SPANS] = ("SELECT first, last, timed, from_ms, to_ms, offset_us"
		      " FROM span LEFT JOIN era ON number = span.era ORDER BY first"),
	[ST_SPAN_LAST] = "SELECT last FROM span ORDER BY first DESC LIMIT 1",
	[ST_BEGIN] = "BEGIN",
	[ST_END] = "COMMIT",
};

struct fg_reader {
	sqlite3 *db;
	sqlite3_stmt *st[ST_COUNT];
	struct fg_point_desc **points; /* by id; NULL: not seen yet */
	size_t point_cap;
	uint64_t damaged;
};

/* What is stored of an era. */
struct era {
	bool known; /* this is filled in */
	uint32_t number;
	bool has_offset;
	int64_t offset_us;
	uint32_t uncertainty_s;
	uint64_t corrected_below; /* its readings below have a correction */
};

/* One call's way through rows. */
/* A spike is corrected right after it; what was worked out of it since, all together. */
#define HELD_MAX 32

struct held {
	struct fg_item item;
	const struct fg_point_desc *desc;
};

struct walk {
	struct fg_reader *r;
	uint64_t from, to; /* only these numbers */
	bool timed;	   /* only these times, and no reading that has a correction */
	int64_t since_ms, until_ms;
	const char *station, *point; /* only entries of these; NULL: all entries */
	enum fg_told_period period; /* then: of readings, or of aggregates of that period */
	struct era era;		     /* the one asked for last */
	fg_reader_fn fn;
	void *arg;
	long given;
	bool stopped;
	/* of one point: the last readings, which corrections that come soon may stand for; a ring,
	 * number 0 where one did */
	struct held held[HELD_MAX];
	unsigned held_first, held_count;
	int rc; /* a failure within a row */
	/* an account with its descriptors */
	struct fg_account account;
	struct fg_account_line lines[FG_ACCOUNT_LINES];
};

static int open_file(struct fg_reader *r, const char *file, struct fg_buf *why)
{
	int rc;

	/* not READONLY: the first to open after a crash recovers the write-ahead log */
	rc = fg_sql_open(file, SQLITE_OPEN_READWRITE, &r->db);
	if (rc < 0)
		fg_sql_explain(r->db, file, rc, why);
	else
		rc = fg_schema_check(r->db, file, why);
	if (rc == FG_OK) {
		rc = fg_sql_exec(r->db, "PRAGMA query_only = ON");
		if (rc == FG_OK)
			rc = fg_sql_prepare(r->db, texts, ST_COUNT, r->st);
		if (rc < 0)
			fg_sql_explain(r->db, file, rc, why);
	}
	return rc;
}

int fg_reader_open(const char *file, struct fg_buf *why, struct fg_reader **ret)
{
	struct fg_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r) {
		fg_buf_puts(why, "out of memory");
		return FG_ENOMEM;
	}
	fg_file_names_lock();
	rc = open_file(r, file, why);
	fg_file_names_unlock();
	if (rc < 0) {
		fg_reader_close(r);
		return rc;
	}
	*ret = r;
	return FG_OK;
}

void fg_reader_close(struct fg_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(r->st[i]);
	sqlite3_close(r->db);
	for (size_t i = 0; i < r->point_cap; i++)
		free(r->points[i]);
	free(r->points);
	free(r);
}

uint64_t fg_reader_damaged(const struct fg_reader *r)
{
	return r->damaged;
}

/* ---- descriptors ---- */

static int make_room(struct fg_reader *r, size_t id)
{
	size_t cap = FG_MAX(id + 1, FG_MIN(r->point_cap * 2, (size_t)POINTS_MAX + 1));
	struct fg_point_desc **points;

	if (id < r->point_cap)
		return FG_OK;
	points = realloc(r->points, cap * sizeof(struct fg_point_desc *));
	if (!points)
		return FG_ENOMEM;
	memset(points + r->point_cap, 0, (cap - r->point_cap) * sizeof(struct fg_point_desc *));
	r->points = points;
	r->point_cap = cap;
	return FG_OK;
}

/* Keeps the descriptor of a row of `point`. */
static int keep_point(struct fg_reader *r, sqlite3_stmt *st)
{
	int64_t id = sqlite3_column_int64(st, 0);
	int rc;

	if (id < 1 || id > POINTS_MAX)
		return FG_ECORRUPT;
	rc = make_room(r, (size_t)id);
	if (rc < 0 || r->points[id])
		return rc;
	return fg_descriptor_decode(sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
		&r->points[id]);
}

static int find_point(struct fg_reader *r, uint32_t id, const struct fg_point_desc **ret)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = r->st[ST_POINT];
	int rc;

	if (id < r->point_cap && r->points[id]) {
		*ret = r->points[id];
		return FG_OK;
	}
	sqlite3_bind_int64(st, 1, id);
	rc = fg_sql_step(st);
	if (rc > 0)
		rc = keep_point(r, st);
	else if (rc == 0)
		rc = FG_ECORRUPT;
	if (rc < 0)
		return rc;
	*ret = r->points[id];
	return FG_OK;
}

/* ---- items ---- */

/* Fills in w->era. */
static int find_era(struct walk *w, uint32_t number)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = w->r->st[ST_ERA];
	int64_t next;
	int rc;

	if (w->era.known && w->era.number == number)
		return FG_OK;
	sqlite3_bind_int64(st, 1, number);
	rc = fg_sql_step(st);
	if (rc < 0)
		return rc;
	next = sqlite3_column_int64(st, 2);
	w->era = (struct era){
		.known = true,
		.number = number,
		.has_offset = sqlite3_column_type(st, 0) != SQLITE_NULL,
		.offset_us = sqlite3_column_int64(st, 0),
		.uncertainty_s = (uint32_t)sqlite3_column_int64(st, 1),
		.corrected_below = (uint64_t)(next < 0 ? -1 - next : next), /* restamp.c */
	};
	return FG_OK;
}

/* A copy of an account with descriptors; *ret is that of its first line. */
static int resolve_account(struct walk *w, struct fg_item *item, const struct fg_point_desc **ret)
{
	int rc = FG_OK;

	w->account = *item->account;
	w->account.lines = w->lines;
	for (size_t i = 0; i < w->account.count && rc == FG_OK; i++) {
		w->lines[i] = item->account->lines[i];
		rc = find_point(w->r, w->lines[i].point, &w->lines[i].desc);
	}
	item->account = &w->account;
	*ret = w->lines[0].desc;
	return rc;
}

/* The time of a reading that was stored without. */
static int find_time(struct walk *w, const struct fg_record_head *head, int64_t mono_us,
	struct fg_item *item, bool *ret_uncertain)
{
	int rc = find_era(w, head->era);

	if (rc < 0)
		return rc;
	*ret_uncertain = !w->era.has_offset;
	item->wall_ms = fg_wall_ms(mono_us, w->era.offset_us);
	item->uncertainty_s = w->era.uncertainty_s;
	return FG_OK;
}

/* Whether an item of the right time has a correction, which is given in its place: those of an era
 * are written in the order of their numbers, and the store knows how far (spool I16). */
static bool replaced(struct walk *w, const struct fg_record_head *head, const struct fg_item *item)
{
	if (item->kind != FG_ITEM_READING || item->replaces || item->qc == FG_QC_MISSING)
		return false;
	w->rc = find_era(w, head->era);
	return w->rc < 0 || item->seq < w->era.corrected_below;
}

static bool wanted(struct walk *w, const struct fg_record_head *head, const struct fg_item *item,
	const struct fg_point_desc *desc, bool uncertain)
{
	/* the end of an account is the first moment that it does not tell of */
	int64_t last_ms = item->wall_ms - (item->kind == FG_ITEM_ACCOUNT);

	if (!w->timed)
		return true;
	if (uncertain || last_ms < w->since_ms || last_ms >= w->until_ms)
		return false;
	if (w->point && (strcmp(desc->point, w->point) != 0 ||
				strcmp(desc->station, w->station) != 0 ||
				desc->period != w->period))
		return false;
	return !replaced(w, head, item);
}

static void hand_over(struct walk *w, const struct fg_item *item,
	const struct fg_point_desc *desc, bool uncertain)
{
	w->given++;
	w->stopped = w->fn(w->arg, item, desc, uncertain) != 0;
}

/* Gives the oldest that are held, but for `keep`. */
static void let_go(struct walk *w, unsigned keep)
{
	while (w->held_count > keep && !w->stopped) {
		const struct held *h = &w->held[w->held_first];

		w->held_first = (w->held_first + 1) % HELD_MAX;
		w->held_count--;
		if (h->item.seq)
			hand_over(w, &h->item, h->desc, false);
	}
}

/* The one that this corrects, as it was told last. */
static void drop_corrected(struct walk *w, const struct fg_item *item)
{
	for (unsigned i = 0; i < w->held_count && item->replaces; i++) {
		struct fg_item *held = &w->held[(w->held_first + i) % HELD_MAX].item;

		if (item->replaces == (held->replaces ? held->replaces : held->seq))
			held->seq = 0;
	}
}

/* Only what is a reading may be corrected, and only what lends nothing can be held. */
static bool may_be_corrected(const struct fg_item *item)
{
	return item->kind == FG_ITEM_READING && item->qc != FG_QC_MISSING &&
	       item->value.kind != FG_KIND_TEXT;
}

/* Of a reading and the verdict on it that came later, the second alone. */
static void give_last(struct walk *w, const struct fg_item *item, const struct fg_point_desc *desc)
{
	const bool hold = may_be_corrected(item);

	drop_corrected(w, item);
	let_go(w, hold ? HELD_MAX - 1 : 0);
	if (w->stopped)
		return;
	if (hold)
		w->held[(w->held_first + w->held_count++) % HELD_MAX] = (struct held){*item, desc};
	else
		hand_over(w, item, desc, false);
}

static int give(void *arg, const struct fg_record_head *head, const struct fg_item *stored,
	int64_t mono_us)
{
	struct walk *w = arg;
	struct fg_item item = *stored;
	const struct fg_point_desc *desc = NULL;
	bool uncertain = false, good;

	if (item.seq < w->from || (w->point && !fg_item_is_state(&item)))
		return 0;
	if (item.seq >= w->to)
		return 1;
	w->rc = item.kind == FG_ITEM_ACCOUNT ? resolve_account(w, &item, &desc) :
					       find_point(w->r, item.point, &desc);
	if (w->rc == FG_ECORRUPT) {
		w->r->damaged++;
		w->rc = FG_OK;
		return 0;
	}
	if (w->rc == FG_OK && !head->has_wall)
		w->rc = find_time(w, head, mono_us, &item, &uncertain);
	if (w->rc < 0)
		return 1;
	good = wanted(w, head, &item, desc, uncertain);
	if (w->rc < 0)
		return 1;
	if (good && w->point)
		give_last(w, &item, desc);
	else if (good)
		hand_over(w, &item, desc, uncertain);
	return w->stopped;
}

/* Gives the items of the row that a statement stands on. */
static void give_row(struct walk *w, sqlite3_stmt *st)
{
	int rc = fg_record_decode(sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
		(uint64_t)sqlite3_column_int64(st, 0), give, w);

	if (rc == FG_ECORRUPT)
		w->r->damaged++;
}

static int walk_range(struct walk *w, uint64_t from, uint64_t to)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = w->r->st[ST_RANGE];
	int rc = 0;

	sqlite3_bind_int64(st, 1, fg_sql_seq(from));
	sqlite3_bind_int64(st, 2, fg_sql_seq(to));
	w->from = from;
	w->to = to;
	while (!w->stopped && w->rc == FG_OK && (rc = fg_sql_step(st)) > 0)
		give_row(w, st);
	return w->rc < 0 ? w->rc : FG_MIN(rc, FG_OK);
}

long fg_reader_range(struct fg_reader *r, uint64_t from, uint64_t to, fg_reader_fn fn, void *arg)
{
	struct walk w = {.r = r, .fn = fn, .arg = arg};
	int rc = from < to ? walk_range(&w, from, to) : FG_OK;

	return rc < 0 ? rc : w.given;
}

/* ---- the newest of each point ---- */

/* Rows without readings of their own (corrections, gaps, accounts) that are looked through for each
 * of the others. */
#define OTHER_ROWS 8

/* The newest reading of a point, by the number that it had at first, and the entry that tells it:
 * itself or its correction. */
struct best {
	uint64_t reading, entry;
	bool aggregate; /* the newest is that of the newest period */
	bool own_time; /* what a sensor kept may come after what is newer */
	bool has_wall;
	int64_t wall_ms;
};

struct newest {
	struct walk w;
	struct best *best; /* by the point's id */
	size_t best_count;
	bool deciding; /* first the best are found, then they are given */
	struct fg_item *items; /* of one row */
	struct fg_aggregate *aggregates;
	int64_t *mono_us;
	size_t count, cap;
	bool has_readings; /* the row */
};

static bool is_newer(const struct best *a, const struct best *b)
{
	if (b->entry == 0)
		return true;
	if (a->aggregate)
		return a->wall_ms > b->wall_ms;
	if ((a->own_time || b->own_time) && a->has_wall && b->has_wall && a->wall_ms != b->wall_ms)
		return a->wall_ms > b->wall_ms;
	return a->reading > b->reading;
}

/* Notes an item if it is the newest of its point as yet; rows come from the last one on. */
static int note_best(
	struct newest *n, const struct fg_record_head *head, const struct fg_item *item)
{
	size_t id = item->point;
	const struct best it = {.reading = item->replaces ? item->replaces : item->seq,
		.entry = item->seq,
		.aggregate = item->kind == FG_ITEM_AGGREGATE,
		.own_time = item->own_time,
		.has_wall = head->has_wall,
		.wall_ms = item->wall_ms};

	if (id > POINTS_MAX)
		return FG_OK; /* damaged: there is no such point */
	if (id >= n->best_count) {
		size_t count = FG_MAX(id + 1, FG_MIN(n->best_count * 2, (size_t)POINTS_MAX + 1));
		struct best *best = realloc(n->best, count * sizeof(*best));

		if (!best)
			return FG_ENOMEM;
		memset(best + n->best_count, 0, (count - n->best_count) * sizeof(*best));
		n->best = best;
		n->best_count = count;
	}
	if (is_newer(&it, &n->best[id]))
		n->best[id] = it;
	return FG_OK;
}

/* Keeps an item, so that a row can be given from its end. */
static int keep(struct newest *n, const struct fg_item *item, int64_t mono_us)
{
	if (n->count == n->cap) {
		size_t cap = FG_MAX(n->cap * 2, (size_t)32);
		struct fg_item *items = realloc(n->items, cap * sizeof(*items));
		struct fg_aggregate *aggregates;
		int64_t *times;

		if (items)
			n->items = items;
		times = realloc(n->mono_us, cap * sizeof(*times));
		if (times)
			n->mono_us = times;
		aggregates = realloc(n->aggregates, cap * sizeof(*aggregates));
		if (aggregates)
			n->aggregates = aggregates;
		if (!items || !times || !aggregates)
			return FG_ENOMEM;
		n->cap = cap;
	}
	if (item->aggregate)
		n->aggregates[n->count] = *item->aggregate;
	n->items[n->count] = *item;
	n->mono_us[n->count++] = mono_us;
	return FG_OK;
}

static int on_newest(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct newest *n = arg;

	if (!fg_item_is_state(item))
		return 1;
	n->has_readings |= item->kind == FG_ITEM_READING && !item->replaces;
	if (n->deciding)
		n->w.rc = note_best(n, head, item);
	else if (item->point < n->best_count && n->best[item->point].entry == item->seq)
		n->w.rc = keep(n, item, mono_us);
	return n->w.rc < 0;
}

static void newest_row(struct newest *n, sqlite3_stmt *st)
{
	const void *record = sqlite3_column_blob(st, 1);
	size_t len = (size_t)sqlite3_column_bytes(st, 1);
	struct fg_record_head head;
	int rc;

	n->count = 0;
	n->has_readings = false;
	rc = fg_record_decode(record, len, (uint64_t)sqlite3_column_int64(st, 0), on_newest, n);
	if (rc < 0 || fg_record_head(record, len, &head) < 0) {
		n->has_readings = true; /* perhaps */
		n->w.r->damaged += !n->deciding;
		return;
	}
	for (size_t i = n->count; i-- > 0 && !n->w.stopped && n->w.rc == FG_OK;) {
		if (n->items[i].aggregate)
			n->items[i].aggregate = &n->aggregates[i];
		give(&n->w, &head, &n->items[i], n->mono_us[i]);
	}
}

static int walk_newest(struct newest *n, unsigned rows)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = n->w.r->st[ST_NEWEST];
	uint64_t others = (uint64_t)rows * OTHER_ROWS;
	int rc = 0;

	while (rows && others && !n->w.stopped && n->w.rc == FG_OK && (rc = fg_sql_step(st)) > 0) {
		newest_row(n, st);
		if (n->has_readings)
			rows--;
		else
			others--;
	}
	return n->w.rc < 0 ? n->w.rc : FG_MIN(rc, FG_OK);
}

long fg_reader_latest(struct fg_reader *r, unsigned rows, fg_reader_fn fn, void *arg)
{
	struct newest n = {.w = {.r = r, .to = UINT64_MAX, .fn = fn, .arg = arg},
		.deciding = true};
	int rc = fg_sql_run(r->st[ST_BEGIN]), again; /* one state of the store for both ways */

	if (rc < 0)
		return rc;
	rc = walk_newest(&n, rows);
	n.deciding = false;
	/* rows come from the last one on: what damage hides is older than all that was found */
	if (n.w.rc == FG_OK) {
		again = walk_newest(&n, rows);
		rc = FG_MIN(rc, again);
	}
	fg_sql_run(r->st[ST_END]);
	free(n.best);
	free(n.items);
	free(n.aggregates);
	free(n.mono_us);
	return rc < 0 ? rc : n.w.given;
}

/* ---- history ---- */

/* Whether a span can hold times that are wanted. */
static bool span_meets(const struct walk *w, sqlite3_stmt *st)
{
	int64_t from_ms = sqlite3_column_int64(st, 3), to_ms = sqlite3_column_int64(st, 4);

	if (!sqlite3_column_int(st, 2)) {
		int64_t offset_us = sqlite3_column_int64(st, 5);

		if (sqlite3_column_type(st, 5) == SQLITE_NULL)
			return false;
		/* a millisecond wider, for what rounding may have taken */
		from_ms = fg_time_add(from_ms, offset_us / 1000 - 1);
		to_ms = fg_time_add(to_ms, offset_us / 1000 + 1);
	}
	/* until_ms too: an account may end there */
	return from_ms <= w->until_ms && to_ms >= w->since_ms;
}

static int walk_spans(struct walk *w, uint64_t after)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = w->r->st[ST_SPANS];
	uint64_t next = after + 1;
	int rc = 0;

	while (!w->stopped && (rc = fg_sql_step(st)) > 0) {
		uint64_t first = (uint64_t)sqlite3_column_int64(st, 0);
		uint64_t last = (uint64_t)sqlite3_column_int64(st, 1);

		if (last < next || last > INT64_MAX || !span_meets(w, st))
			continue;
		rc = walk_range(w, FG_MAX(first, next), last + 1);
		if (rc < 0)
			return rc;
		next = last + 1;
	}
	return rc;
}

/* The rows behind the last closed span are not in the index. */
static int walk_tail(struct walk *w, uint64_t after)
{
	int64_t last = 0;
	int rc = fg_sql_step_int(w->r->st[ST_SPAN_LAST], &last);

	if (w->stopped || (rc < 0 && rc != FG_ENOENT))
		return w->stopped ? FG_OK : rc;
	return walk_range(w, FG_MAX(after, (uint64_t)last) + 1, FG_SQL_SEQ_END);
}

static long walk_times(struct walk *w, uint64_t after)
{
	int rc = fg_sql_run(w->r->st[ST_BEGIN]); /* one state of the store for both parts */

	if (rc < 0)
		return rc;
	rc = walk_spans(w, after);
	if (rc == FG_OK)
		rc = walk_tail(w, after);
	if (rc == FG_OK)
		let_go(w, 0);
	fg_sql_run(w->r->st[ST_END]);
	return rc < 0 ? rc : w->given;
}

long fg_reader_times(struct fg_reader *r, int64_t since_ms, int64_t until_ms, fg_reader_fn fn,
	void *arg)
{
	struct walk w = {.r = r, .timed = true, .since_ms = since_ms, .until_ms = until_ms,
		.fn = fn, .arg = arg};

	return walk_times(&w, 0);
}

long fg_reader_aggregates(struct fg_reader *r, const char *station, const char *point,
	enum fg_told_period period, int64_t since_ms, int64_t until_ms, uint64_t after,
	fg_reader_fn fn, void *arg)
{
	struct walk w = {.r = r, .timed = true, .station = station, .point = point,
		.period = period, .since_ms = since_ms, .until_ms = until_ms, .fn = fn, .arg = arg};

	return after >= FG_SQL_SEQ_END ? 0 : walk_times(&w, after);
}

long fg_reader_history(struct fg_reader *r, const char *station, const char *point,
	int64_t since_ms, int64_t until_ms, uint64_t after, fg_reader_fn fn, void *arg)
{
	struct walk w = {.r = r, .timed = true, .station = station, .point = point,
		.since_ms = since_ms, .until_ms = until_ms, .fn = fn, .arg = arg};

	return after >= FG_SQL_SEQ_END ? 0 : walk_times(&w, after);
}

/* ---- a period ---- */

struct period {
	struct fg_ranges *numbers;
	int rc;
};

static int add_number(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct period *p = arg;

	(void)desc;
	(void)uncertain;
	p->rc = fg_ranges_add(p->numbers, item->seq, item->seq + 1);
	if (p->rc == FG_OK && item->replaces)
		p->rc = fg_ranges_add(p->numbers, item->replaces, item->replaces + 1);
	return p->rc < 0;
}

int fg_reader_period(struct fg_reader *r, int64_t since_ms, int64_t until_ms,
	struct fg_ranges *ret)
{
	struct period p = {.numbers = ret};
	struct walk w = {.r = r, .timed = true, .since_ms = since_ms, .until_ms = until_ms,
		.fn = add_number, .arg = &p};
	long given = walk_times(&w, 0);

	if (given < 0)
		return (int)given;
	return p.rc < 0 ? p.rc : FG_OK;
}

/* ---- what was freed ---- */

long fg_reader_freed(struct fg_reader *r,
	void (*fn)(void *arg, const struct fg_freed_count *f), void *arg)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	long given = 0;
	int rc = fg_sql_make(r->db, "SELECT kind, point, last_seq, count, slot, from_ms, to_ms"
				    " FROM freed ORDER BY last_seq, kind, point", &st);

	while (rc >= 0 && (rc = fg_sql_step(st)) > 0) {
		struct fg_freed_count f = {
			.kind = (enum fg_freed_kind)sqlite3_column_int(st, 0),
			.point = (uint32_t)sqlite3_column_int64(st, 1),
			.last_seq = (uint64_t)sqlite3_column_int64(st, 2),
			.count = (uint64_t)sqlite3_column_int64(st, 3),
			.timed = sqlite3_column_int64(st, 4) >= 0,
			.from_ms = sqlite3_column_int64(st, 5),
			.to_ms = sqlite3_column_int64(st, 6),
		};

		rc = find_point(r, f.point, &f.desc);
		if (rc == FG_ECORRUPT) {
			r->damaged++;
			rc = FG_OK;
		} else if (rc == FG_OK) {
			fn(arg, &f);
			given++;
		}
	}
	return rc < 0 ? rc : given;
}
