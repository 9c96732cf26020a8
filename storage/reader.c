/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading the spool through a connection of its own. A damaged row is counted and passed over:
 * the rows behind it are as good as before. */
#include "storage/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "storage/descriptor.h"
#include "storage/record.h"
#include "storage/schema.h"
#include "storage/sql.h"
#include "storage/times.h"

#define POINTS_MAX 1000000

enum {
	ST_RANGE,
	ST_NEWEST,
	ST_POINT,
	ST_BOOT,
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
	[ST_NEWEST] = "SELECT seq, record FROM reading ORDER BY seq DESC LIMIT ?1",
	[ST_POINT] = "SELECT id, descriptor FROM point WHERE id = ?1",
	[ST_BOOT] = "SELECT offset_us FROM era WHERE number = ?1",
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

/* One call's way through rows. */
struct walk {
	struct fg_reader *r;
	uint64_t from, to; /* only these numbers */
	bool history;      /* only these points and times */
	const char *station, *point;
	int64_t since_ms, until_ms;
	bool has_boot; /* the boot whose offset is known here */
	uint32_t era;
	bool has_offset;
	int64_t offset_us;
	fg_reader_fn fn;
	void *arg;
	long given;
	bool stopped;
	int rc; /* a failure within a row */
};

int fg_reader_open(const char *file, struct fg_buf *why, struct fg_reader **ret)
{
	struct fg_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r) {
		fg_buf_puts(why, "out of memory");
		return FG_ENOMEM;
	}
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

/* Whether the era's true time is known, and its offset. */
static int find_offset(struct walk *w, uint32_t era)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = w->r->st[ST_BOOT];
	int rc;

	if (w->has_boot && w->era == era)
		return FG_OK;
	sqlite3_bind_int64(st, 1, era);
	rc = fg_sql_step(st);
	if (rc < 0)
		return rc;
	w->has_boot = true;
	w->era = era;
	w->has_offset = rc > 0 && sqlite3_column_type(st, 0) != SQLITE_NULL;
	w->offset_us = w->has_offset ? sqlite3_column_int64(st, 0) : 0;
	return FG_OK;
}

static bool wanted(const struct walk *w, const struct fg_item *item,
	const struct fg_point_desc *desc, bool uncertain)
{
	if (!w->history)
		return true;
	return !uncertain && item->wall_ms >= w->since_ms && item->wall_ms < w->until_ms &&
	       strcmp(desc->point, w->point) == 0 && strcmp(desc->station, w->station) == 0;
}

static int give(void *arg, const struct fg_record_head *head, const struct fg_item *stored,
	int64_t mono_us)
{
	struct walk *w = arg;
	struct fg_item item = *stored;
	const struct fg_point_desc *desc = NULL;
	bool uncertain = false;

	if (item.seq < w->from)
		return 0;
	if (item.seq >= w->to)
		return 1;
	w->rc = find_point(w->r, item.point, &desc);
	if (w->rc == FG_ECORRUPT) {
		w->r->damaged++;
		w->rc = FG_OK;
		return 0;
	}
	if (w->rc == FG_OK && !head->has_wall) {
		w->rc = find_offset(w, head->era);
		uncertain = !w->has_offset;
		item.wall_ms = fg_wall_ms(mono_us, w->offset_us);
	}
	if (w->rc < 0)
		return 1;
	if (wanted(w, &item, desc, uncertain)) {
		w->given++;
		w->stopped = w->fn(w->arg, &item, desc, uncertain) != 0;
	}
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

struct newest {
	struct fg_item *items; /* of one row */
	int64_t *mono_us;
	size_t count, cap;
	unsigned char *seen; /* a bit a point */
	size_t seen_size;
};

static int collect(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct newest *n = arg;

	if (n->cap < head->count) {
		struct fg_item *items = realloc(n->items, head->count * sizeof(*items));
		int64_t *times;

		if (items)
			n->items = items;
		times = realloc(n->mono_us, head->count * sizeof(*times));
		if (times)
			n->mono_us = times;
		if (!items || !times)
			return 1;
		n->cap = head->count;
	}
	n->items[n->count] = *item;
	n->mono_us[n->count++] = mono_us;
	return 0;
}

/* Whether this is the first reading of a point; notes it. */
static bool first_seen(struct newest *n, uint32_t id)
{
	size_t at = id / 8;
	unsigned char bit = (unsigned char)(1u << id % 8);

	if (at >= n->seen_size) {
		size_t size = FG_MAX(at + 1, n->seen_size * 2);
		unsigned char *seen = id <= POINTS_MAX ? realloc(n->seen, size) : NULL;

		if (!seen)
			return false;
		memset(seen + n->seen_size, 0, size - n->seen_size);
		n->seen = seen;
		n->seen_size = size;
	}
	if (n->seen[at] & bit)
		return false;
	n->seen[at] |= bit;
	return true;
}

static void give_newest_row(struct walk *w, struct newest *n, sqlite3_stmt *st)
{
	const void *record = sqlite3_column_blob(st, 1);
	size_t len = (size_t)sqlite3_column_bytes(st, 1);
	struct fg_record_head head;

	n->count = 0;
	if (fg_record_decode(record, len, (uint64_t)sqlite3_column_int64(st, 0), collect, n) < 0 ||
		fg_record_head(record, len, &head) < 0) {
		w->r->damaged++;
		return;
	}
	if (n->count != head.count) {
		w->rc = FG_ENOMEM;
		return;
	}
	for (size_t i = n->count; i-- > 0 && !w->stopped && w->rc == FG_OK;)
		if (first_seen(n, n->items[i].point))
			give(w, &head, &n->items[i], n->mono_us[i]);
}

long fg_reader_latest(struct fg_reader *r, unsigned rows, fg_reader_fn fn, void *arg)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = r->st[ST_NEWEST];
	struct walk w = {.r = r, .to = UINT64_MAX, .fn = fn, .arg = arg};
	struct newest n = {0};
	int rc = 0;

	sqlite3_bind_int64(st, 1, rows);
	while (!w.stopped && w.rc == FG_OK && (rc = fg_sql_step(st)) > 0)
		give_newest_row(&w, &n, st);
	free(n.items);
	free(n.mono_us);
	free(n.seen);
	if (w.rc < 0)
		return w.rc;
	return rc < 0 ? rc : w.given;
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
	return from_ms < w->until_ms && to_ms >= w->since_ms;
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

long fg_reader_history(struct fg_reader *r, const char *station, const char *point,
	int64_t since_ms, int64_t until_ms, uint64_t after, fg_reader_fn fn, void *arg)
{
	struct walk w = {.r = r, .history = true, .station = station, .point = point,
		.since_ms = since_ms, .until_ms = until_ms, .fn = fn, .arg = arg};
	int rc;

	if (after >= FG_SQL_SEQ_END)
		return 0;
	rc = fg_sql_run(r->st[ST_BEGIN]); /* one state of the store for both parts */
	if (rc < 0)
		return rc;
	rc = walk_spans(&w, after);
	if (rc == FG_OK)
		rc = walk_tail(&w, after);
	fg_sql_run(r->st[ST_END]);
	return rc < 0 ? rc : w.given;
}
