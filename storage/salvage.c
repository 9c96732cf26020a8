/* SPDX-License-Identifier: EUPL-1.2 */
/* A damaged store is set aside, and what can be read of it goes into a new one. The new one is
 * complete, and named FILE.salvaged, before the old one is touched: whenever the power goes, the
 * next start has either the damaged file yet or the whole result. */
#include "storage/salvage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/status.h"
#include "storage/copy.h"
#include "storage/descriptor.h"
#include "storage/files.h"
#include "storage/mark.h"
#include "storage/schema.h"
#include "storage/span.h"
#include "storage/spool_private.h"

#define JUMP (UINT64_C(1) << 20) /* over what may have been used, where nothing tells how much */
#define BATCH 1000
#define STEPS 1000 /* between two words of progress */
#define RECORD_MAX (16 << 20)

struct salvage {
	const char *file;
	char *mark, *wal, *work, *done;
	sqlite3 *from; /* NULL: it cannot be opened */
	sqlite3 *to;
	sqlite3_stmt *add_row, *add_point, *add_era, *add_delivery;
	struct fg_progress progress;
	uint64_t steps;
	unsigned batch;
	uint64_t rows, lost, readings;
	/* rows between low and high, and above top, were not read by SQL */
	uint64_t low, high, top;
	bool delivery_lost, points_lost, eras_lost;
	uint64_t next;
	uint32_t point; /* the highest in a row */
};

/* Reading a table of the old one, writing one of the new, column by column. */
static const struct {
	const char *select;
	const char *insert;
} tables[] = {
	{"SELECT id, descriptor FROM point",
		"INSERT OR IGNORE INTO point (id, descriptor) VALUES (?1, ?2)"},
	{"SELECT number, boot_id, offset_us, uncertainty_s FROM era",
		"INSERT OR IGNORE INTO era (number, boot_id, offset_us, uncertainty_s)"
		" VALUES (?1, ?2, ?3, ?4)"},
	{"SELECT destination, ranges, removed_ms FROM delivery",
		"INSERT OR IGNORE INTO delivery (destination, ranges, removed_ms)"
		" VALUES (?1, ?2, ?3)"},
	{"SELECT device, to_ms, from_seq, clean FROM ledger",
		"INSERT OR IGNORE INTO ledger (device, to_ms, from_seq, clean)"
		" VALUES (?1, ?2, ?3, ?4)"},
	{"SELECT destination, point, reason, detail, from_ms, to_ms, step_ms, missing,"
	 " scheduled, sent, suppressed, estimated FROM loss",
		"INSERT OR IGNORE INTO loss (destination, point, reason, detail, from_ms, to_ms,"
		" step_ms, missing, scheduled, sent, suppressed, estimated) VALUES (?1, ?2, ?3,"
		" ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"},
	{"SELECT point, kind, since, slot, last_seq, from_ms, to_ms, count FROM freed",
		"INSERT OR IGNORE INTO freed (point, kind, since, slot, last_seq, from_ms, to_ms,"
		" count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
	{"SELECT era, next_seq, offset_us FROM restamp",
		"INSERT OR IGNORE INTO restamp (era, next_seq, offset_us) VALUES (?1, ?2, ?3)"},
	{"SELECT kind, key, value FROM state",
		"INSERT OR IGNORE INTO state (kind, key, value) VALUES (?1, ?2, ?3)"},
	{"SELECT key, value FROM meta WHERE key GLOB 'thin_*' OR key GLOB 'weak_*'",
		"INSERT OR IGNORE INTO meta (key, value) VALUES (?1, ?2)"},
};
enum { T_POINT, T_ERA, T_DELIVERY, T_LEDGER, T_LOSS };

/* Reading what layout 1 had otherwise. */
static const char *const layout_1[FG_COUNT(tables)] = {
	[T_ERA] = "SELECT number, boot_id, offset_us, 0 FROM boot",
	[T_DELIVERY] = "SELECT destination, ranges, NULL FROM delivery",
};

/* ---- one row ---- */

static bool good_descriptor(const void *bytes, size_t len)
{
	struct fg_point_desc *desc;

	if (!bytes || fg_descriptor_decode(bytes, len, &desc) < 0)
		return false;
	free(desc);
	return true;
}

static bool good_ranges(const void *bytes, size_t len)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges r = {0};

	return bytes && fg_ranges_decode(bytes, len, &r) == FG_OK;
}

static bool good_record(uint64_t seq, const void *record, size_t len, struct fg_span *ret)
{
	struct fg_record_head head;

	return record && seq > 0 && seq < FG_SEQ_MAX &&
	       fg_record_head(record, len, &head) == FG_OK &&
	       fg_span_of_record(seq, head.count, record, len, ret) == FG_OK;
}

/* A step of work: whoever waits for the end hears now and then that it goes on. */
static void step(struct salvage *x)
{
	if (x->progress.fn && x->steps++ % STEPS == 0)
		x->progress.fn(x->progress.arg, "saving what can be read of a damaged store",
			x->batch);
}

/* A commit now and then: the work takes little memory however much there is. */
static int next_batch(struct salvage *x)
{
	int rc = FG_OK;

	if (++x->batch % BATCH == 0) {
		rc = fg_sql_exec(x->to, "COMMIT");
		if (rc == FG_OK)
			rc = fg_sql_exec(x->to, "BEGIN");
	}
	return rc;
}

static int add_row(struct salvage *x, uint64_t seq, const void *record, size_t len)
{
	struct fg_span span;
	int rc;

	if (!good_record(seq, record, len, &span)) {
		x->lost++;
		return FG_OK;
	}
	sqlite3_bind_int64(x->add_row, 1, (int64_t)seq);
	sqlite3_bind_blob(x->add_row, 2, record, (int)len, SQLITE_STATIC);
	rc = fg_sql_run(x->add_row);
	return rc == FG_OK ? next_batch(x) : rc;
}

/* ---- by SQL ---- */

/* A loss is told as it stands: what cannot be is not told. */
static bool good_loss(sqlite3_stmt *st)
{
	int64_t point = sqlite3_column_int64(st, 1), reason = sqlite3_column_int64(st, 2);
	int64_t detail = sqlite3_column_int64(st, 3), step_ms = sqlite3_column_int64(st, 6);
	bool good = point >= 1 && point <= FG_POINTS_MAX && reason >= 0 &&
		    reason < FG_REASON_COUNT && detail >= 0 && detail <= UINT8_MAX && step_ms >= 0;

	for (int i = 7; i <= 10; i++) /* missing, scheduled, sent, suppressed */
		good &= sqlite3_column_int64(st, i) >= 0 &&
			sqlite3_column_int64(st, i) <= UINT32_MAX;
	return good;
}

static bool good_values(size_t table, sqlite3_stmt *st)
{
	const void *bytes = sqlite3_column_blob(st, 1);
	size_t len = (size_t)sqlite3_column_bytes(st, 1);

	if (table == T_POINT)
		return good_descriptor(bytes, len);
	if (table == T_LOSS)
		return good_loss(st);
	return table != T_DELIVERY || good_ranges(bytes, len);
}

static int read_table(sqlite3 *db, size_t table, sqlite3_stmt **ret)
{
	int rc = fg_sql_make(db, tables[table].select, ret);

	return rc < 0 && layout_1[table] ? fg_sql_make(db, layout_1[table], ret) : rc;
}

/* *ret_whole: all of it could be read. Negative only where the new one cannot be written. */
static int copy_table(struct salvage *x, size_t table, bool *ret_whole)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *from = NULL;
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *to = NULL;
	int rc = fg_sql_make(x->to, tables[table].insert, &to), got;

	*ret_whole = false;
	if (rc < 0 || !x->from || read_table(x->from, table, &from) < 0)
		return rc;
	while ((got = fg_sql_step(from)) > 0) {
		if (!good_values(table, from))
			continue;
		for (int i = 0; i < sqlite3_bind_parameter_count(to); i++)
			sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
		rc = fg_sql_run(to);
		if (rc == -ENOSPC || rc == -EIO || rc == -EROFS)
			return rc;
	}
	*ret_whole = got == 0;
	return FG_OK;
}

/* A row that was read and waits for the one behind it. */
struct waiting {
	bool is;
	uint64_t first, last;
	struct fg_buf record;
};

static int let_go(struct salvage *x, struct waiting *w, uint64_t *ret_end)
{
	if (!w->is)
		return FG_OK;
	w->is = false;
	*ret_end = w->first;
	return add_row(x, w->first, w->record.data, w->record.len);
}

/* Checksums of layout 1 do not cover the number of a row: where two are out of order one has a
 * wrong number, and neither is believed. */
static int weigh_row(struct salvage *x, struct waiting *w, bool rising, sqlite3_stmt *st,
	uint64_t *ret_end)
{
	const void *record = sqlite3_column_blob(st, 1);
	size_t len = (size_t)sqlite3_column_bytes(st, 1);
	struct fg_span span;
	int rc;

	step(x);
	if (!good_record((uint64_t)sqlite3_column_int64(st, 0), record, len, &span)) {
		x->lost++;
		return FG_OK;
	}
	if (w->is && (rising ? span.first <= w->last : span.last >= w->first)) {
		w->is = false;
		x->lost += 2;
		return FG_OK;
	}
	rc = let_go(x, w, ret_end);
	w->is = true;
	w->first = span.first;
	w->last = span.last;
	fg_buf_clear(&w->record);
	fg_buf_put(&w->record, record, len);
	return w->record.overflow ? FG_ENOMEM : rc;
}

/* Rows from one end until the first that cannot be read; *ret_end is the last that could. */
static int copy_rows(struct salvage *x, bool rising, uint64_t *ret_end, bool *ret_whole)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	struct waiting w = {0};
	int got = FG_ECORRUPT, rc = FG_OK;

	if (x->from)
		got = fg_sql_make(x->from, rising ?
			"SELECT seq, record FROM reading ORDER BY seq" :
			"SELECT seq, record FROM reading ORDER BY seq DESC", &st);
	fg_buf_init(&w.record, RECORD_MAX);
	while (got >= 0 && rc == FG_OK && (got = fg_sql_step(st)) > 0)
		rc = weigh_row(x, &w, rising, st, ret_end);
	if (rc == FG_OK)
		rc = let_go(x, &w, ret_end);
	fg_buf_fini(&w.record);
	*ret_whole = got == 0;
	return rc;
}

static int copy_readings(struct salvage *x)
{
	bool whole;
	int rc = copy_rows(x, true, &x->low, &whole);

	x->high = FG_SEQ_MAX;
	if (rc < 0)
		return rc;
	if (whole) { /* behind it there may be rows in a log whose middle is damaged */
		x->top = x->low;
		x->high = x->low;
		return FG_OK;
	}
	rc = copy_rows(x, false, &x->high, &whole);
	x->top = x->high;
	return rc;
}

static int copy_by_sql(struct salvage *x)
{
	bool whole;
	int rc = FG_OK;

	for (size_t i = 0; i < FG_COUNT(tables) && rc == FG_OK; i++) {
		rc = copy_table(x, i, &whole);
		x->points_lost |= i == T_POINT && !whole;
		x->eras_lost |= i == T_ERA && !whole;
		x->delivery_lost |= i == T_DELIVERY && !whole;
	}
	return rc == FG_OK ? copy_readings(x) : rc;
}

/* ---- by looking through pages ---- */

static int take_blob(struct salvage *x, int64_t rowid, const struct fg_cell_value *v)
{
	uint64_t seq = (uint64_t)rowid;
	struct fg_span span;

	if (((seq > x->low && seq < x->high) || seq > x->top) &&
		good_record(seq, v->bytes, v->len, &span))
		return add_row(x, seq, v->bytes, v->len);
	if (rowid < 1 || rowid > FG_POINTS_MAX || !good_descriptor(v->bytes, v->len))
		return FG_OK;
	sqlite3_bind_int64(x->add_point, 1, rowid);
	sqlite3_bind_blob(x->add_point, 2, v->bytes, (int)v->len, SQLITE_STATIC);
	return fg_sql_run(x->add_point);
}

/* Layout 1 had no uncertainty, and a row of it has none for ever. */
static int take_era(struct salvage *x, int64_t rowid, const struct fg_cell_value *v, size_t count)
{
	static const struct fg_cell_value right = {.type = FG_CELL_INT};
	const struct fg_cell_value *uncertainty = count > 3 ? &v[3] : &right;
	bool timed = v[2].type == FG_CELL_INT;

	if (!x->eras_lost || rowid < 1 || rowid > UINT32_MAX || v[1].type != FG_CELL_TEXT ||
		v[1].len != FG_BOOT_ID_SIZE - 1 || uncertainty->type != FG_CELL_INT ||
		uncertainty->i < 0 || uncertainty->i > FG_UNCERTAIN_UNBOUNDED)
		return FG_OK;
	sqlite3_bind_int64(x->add_era, 1, rowid);
	sqlite3_bind_text(x->add_era, 2, (const char *)v[1].bytes, (int)v[1].len, SQLITE_STATIC);
	if (timed)
		sqlite3_bind_int64(x->add_era, 3, v[2].i);
	sqlite3_bind_int64(x->add_era, 4, uncertainty->i);
	return fg_sql_run(x->add_era);
}

static int take_delivery(struct salvage *x, const struct fg_cell_value *v)
{
	if (!x->delivery_lost || v[0].type != FG_CELL_TEXT || v[1].type != FG_CELL_BLOB ||
		!v[0].len || !good_ranges(v[1].bytes, v[1].len))
		return FG_OK;
	sqlite3_bind_text(x->add_delivery, 1, (const char *)v[0].bytes, (int)v[0].len,
		SQLITE_STATIC);
	sqlite3_bind_blob(x->add_delivery, 2, v[1].bytes, (int)v[1].len, SQLITE_STATIC);
	return fg_sql_run(x->add_delivery);
}

static int take_cell(void *arg, bool no_rowid, int64_t rowid, const struct fg_cell_value *v,
	size_t count)
{
	struct salvage *x = arg;

	step(x);
	if (no_rowid)
		return count >= 2 && count <= 3 ? take_delivery(x, v) : FG_OK;
	if (count == 2 && v[0].type == FG_CELL_NULL && v[1].type == FG_CELL_BLOB)
		return take_blob(x, rowid, &v[1]);
	if ((count == 3 || count == 4) && v[0].type == FG_CELL_NULL)
		return take_era(x, rowid, v, count);
	return FG_OK;
}

/* ---- the whole ---- */

static int add_span(struct salvage *x, const struct fg_span *span)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(x->to, "INSERT OR REPLACE INTO span (first, last, era, timed, from_ms,"
		" to_ms, rows, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", &st);

	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)span->first);
	sqlite3_bind_int64(st, 2, (int64_t)span->last);
	sqlite3_bind_int64(st, 3, span->era);
	sqlite3_bind_int(st, 4, span->timed);
	sqlite3_bind_int64(st, 5, span->from_ms);
	sqlite3_bind_int64(st, 6, span->to_ms);
	sqlite3_bind_int64(st, 7, (int64_t)span->rows);
	sqlite3_bind_int64(st, 8, (int64_t)span->bytes);
	return fg_sql_step(st);
}

static int drop_row(struct salvage *x, uint64_t seq)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(x->to, "DELETE FROM reading WHERE seq = ?1", &st);

	if (rc < 0)
		return rc;
	x->lost++;
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	return fg_sql_step(st);
}

/* The next two rows behind *after whose numbers overlap: 1, and *after is the second one; 0: none.
 */
static int find_overlapping(struct salvage *x, uint64_t *after, uint64_t *ret_first)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	struct fg_span last = {0}, span;
	int rc = fg_sql_make(x->to,
		"SELECT seq, record FROM reading WHERE seq > ?1 ORDER BY seq", &st);

	if (rc == FG_OK)
		sqlite3_bind_int64(st, 1, (int64_t)*after);
	while (rc == FG_OK && (rc = fg_sql_step(st)) > 0) {
		uint64_t seq = (uint64_t)sqlite3_column_int64(st, 0);

		rc = FG_OK;
		step(x);
		if (!good_record(seq, sqlite3_column_blob(st, 1),
			    (size_t)sqlite3_column_bytes(st, 1), &span))
			continue;
		if (last.rows && seq <= last.last) {
			*ret_first = last.first;
			*after = seq;
			return 1;
		}
		last = span;
	}
	return rc;
}

/* The checksum of a record of layout 1 does not cover its number: of rows whose numbers overlap,
 * one at least has a wrong one, and neither is believed. What is before a pair ends before it, so
 * the search goes on behind it. */
static int drop_overlapping(struct salvage *x)
{
	uint64_t after = 0, first = 0;
	int rc;

	while ((rc = find_overlapping(x, &after, &first)) > 0) {
		rc = drop_row(x, first);
		if (rc == FG_OK)
			rc = drop_row(x, after);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int note_point(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct salvage *x = arg;

	(void)head;
	(void)mono_us;
	if (item->point <= FG_POINTS_MAX)
		x->point = FG_MAX(x->point, item->point);
	return 0;
}

/* A point whose descriptor is lost must not get another one: its number stays taken. */
static int keep_point_taken(struct salvage *x)
{
	static const char lost[] = "lost";

	if (!x->point)
		return FG_OK;
	sqlite3_bind_int64(x->add_point, 1, x->point);
	sqlite3_bind_blob(x->add_point, 2, lost, sizeof(lost), SQLITE_STATIC);
	return fg_sql_run(x->add_point);
}

/* The index of time, all spans closed. */
static int make_spans(struct salvage *x)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	struct fg_span open = {0}, span;
	int rc = fg_sql_make(x->to, "SELECT seq, record FROM reading ORDER BY seq", &st);

	while (rc == FG_OK && (rc = fg_sql_step(st)) > 0) {
		rc = FG_OK;
		step(x);
		if (!good_record((uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_blob(st, 1),
			    (size_t)sqlite3_column_bytes(st, 1), &span))
			continue;
		fg_record_decode(sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
			span.first, note_point, x);
		x->rows++;
		x->readings += span.last - span.first + 1;
		x->next = FG_MAX(x->next, span.last + 1);
		if (!fg_span_fits(&open, &span)) {
			rc = add_span(x, &open);
			open = (struct fg_span){0};
		}
		fg_span_join(&open, &span);
	}
	return rc == FG_OK && open.rows ? add_span(x, &open) : rc;
}

static int set_meta(struct salvage *x, const char *key, int64_t value)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(x->to, "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",
		&st);

	if (rc < 0)
		return rc;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, value);
	return fg_sql_step(st);
}

/* Above everything that may have been used (spool I2). */
static int set_numbers(struct salvage *x, const struct fg_spool_conf *conf, int64_t now_wall_ms)
{
	int64_t reserved;
	uint64_t marked;
	int rc;

	if (x->from && fg_sql_int(x->from, "SELECT value FROM meta WHERE key = 'reserved'",
			       &reserved) == FG_OK && reserved > 0 &&
		(uint64_t)reserved < FG_SEQ_MAX)
		x->next = FG_MAX(x->next, (uint64_t)reserved);
	if (fg_mark_read(x->mark, &marked) == FG_OK)
		x->next = FG_MAX(x->next, marked);
	else if (x->next > 1)
		x->next += JUMP;
	else
		x->next = fg_first_number(conf);
	rc = set_meta(x, "reserved", (int64_t)x->next);
	return rc == FG_OK ? set_meta(x, "salvaged_ms", FG_MAX(now_wall_ms, 1)) : rc;
}

static int prepare(struct salvage *x, struct fg_buf *why)
{
	static const char *const texts[] = {
		"INSERT OR IGNORE INTO reading (seq, record) VALUES (?1, ?2)",
		"INSERT OR IGNORE INTO point (id, descriptor) VALUES (?1, ?2)",
		("INSERT OR IGNORE INTO era (number, boot_id, offset_us, uncertainty_s)"
		 " VALUES (?1, ?2, ?3, ?4)"),
		"INSERT OR IGNORE INTO delivery (destination, ranges) VALUES (?1, ?2)",
	};
	sqlite3_stmt **const kept[] = {&x->add_row, &x->add_point, &x->add_era, &x->add_delivery};
	bool created;
	int rc = fg_sql_open(x->work, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &x->to);

	/* without meaning until it is complete: then all of it is made durable at once */
	if (rc == FG_OK)
		rc = fg_sql_exec(x->to, FG_SQL_SET_PAGE_SIZE
					"PRAGMA journal_mode = MEMORY;"
					"PRAGMA synchronous = OFF;");
	if (rc == FG_OK)
		rc = fg_schema_prepare(x->to, x->work, 1, why, &created);
	for (size_t i = 0; i < FG_COUNT(texts) && rc == FG_OK; i++)
		rc = fg_sql_make(x->to, texts[i], kept[i]);
	return rc;
}

/* Whether the file is somebody else's: that is no damage. */
static int open_damaged(struct salvage *x, struct fg_buf *why)
{
	char text[256];
	struct fg_buf cause;
	int rc = fg_sql_open(x->file, SQLITE_OPEN_READWRITE, &x->from);

	fg_buf_wrap(&cause, text, sizeof(text));
	if (x->from) /* what is set aside stays as it was found */
		sqlite3_db_config(x->from, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == FG_OK)
		rc = fg_schema_layout(x->from, x->file, &cause);
	if (rc == FG_EINVAL) {
		fg_buf_puts(why, text);
		return rc;
	}
	if (rc <= 0) {
		sqlite3_close(x->from);
		x->from = NULL;
	}
	return FG_OK;
}

static int fill(struct salvage *x, const struct fg_spool_conf *conf, int64_t now_wall_ms)
{
	int rc = fg_sql_exec(x->to, "BEGIN");

	if (rc == FG_OK)
		rc = copy_by_sql(x);
	if (rc == FG_OK)
		rc = fg_pages_scan(x->file, x->wal, take_cell, x);
	if (rc == FG_OK)
		rc = drop_overlapping(x);
	if (rc == FG_OK)
		rc = make_spans(x);
	if (rc == FG_OK)
		rc = keep_point_taken(x);
	if (rc == FG_OK)
		rc = set_numbers(x, conf, now_wall_ms);
	return rc == FG_OK ? fg_sql_exec(x->to, "COMMIT") : rc;
}

static void close_all(struct salvage *x)
{
	sqlite3_finalize(FG_TAKE(x->add_row));
	sqlite3_finalize(FG_TAKE(x->add_point));
	sqlite3_finalize(FG_TAKE(x->add_era));
	sqlite3_finalize(FG_TAKE(x->add_delivery));
	sqlite3_close(FG_TAKE(x->from));
	sqlite3_close(FG_TAKE(x->to));
}

static int rescue(struct salvage *x, const struct fg_spool_conf *conf, int64_t now_wall_ms,
	struct fg_buf *why)
{
	int rc = fg_file_remove(x->work);

	if (rc == FG_OK)
		rc = open_damaged(x, why);
	if (rc < 0)
		return rc;
	rc = prepare(x, why);
	if (rc == FG_OK)
		rc = fill(x, conf, now_wall_ms);
	if (rc < 0) {
		fg_buf_printf(why, "cannot write '%s': %s", x->work, fg_strerror(rc));
		return rc;
	}
	close_all(x);
	rc = fg_file_sync(x->work);
	return rc == FG_OK ? fg_file_rename(x->work, x->done) : rc;
}

/* ---- changing places ---- */

static void date_text(int64_t ms, char text[32])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&s, &tm) || !strftime(text, 32, "%Y%m%dT%H%M%SZ", &tm))
		snprintf(text, 32, "19700101T000000Z");
}

static int set_aside(const char *file, const char *date, const char *suffix)
{
	char *from, *to = NULL;
	int rc = FG_ENOMEM;

	if (asprintf(&from, "%s%s", file, suffix) < 0)
		return rc;
	if (asprintf(&to, "%s.damaged-%s%s", file, date, suffix) >= 0) {
		rc = fg_file_rename(from, to);
		free(to);
	}
	free(from);
	return rc == FG_ENOENT ? FG_OK : rc;
}

/* Nobody opens the file by its name meanwhile. */
static int put_in_place(const char *file, const char *done, const char *date)
{
	int rc;

	fg_file_names_lock();
	rc = set_aside(file, date, "-wal");
	if (rc == FG_OK)
		rc = set_aside(file, date, "-shm");
	if (rc == FG_OK)
		rc = set_aside(file, date, "");
	if (rc == FG_OK)
		rc = fg_file_rename(done, file);
	fg_file_names_unlock();
	return rc;
}

int fg_salvage_finish(const char *file, struct fg_buf *why)
{
	char *done = fg_copy_path(file, ".salvaged"), date[32];
	sqlite3 *db = NULL;
	int64_t ms = 0, bytes;
	int rc = done ? fg_file_size(done, &bytes) : FG_ENOMEM;

	if (rc < 0) {
		free(done);
		return rc == FG_ENOENT ? FG_OK : rc;
	}
	if (fg_sql_open(done, SQLITE_OPEN_READWRITE, &db) == FG_OK)
		fg_sql_int(db, "SELECT value FROM meta WHERE key = 'salvaged_ms'", &ms);
	sqlite3_close(db);
	date_text(ms, date);
	rc = put_in_place(file, done, date);
	if (rc < 0)
		fg_buf_printf(why, "cannot set '%s' aside: %s", file, fg_strerror(rc));
	free(done);
	return rc < 0 ? rc : 1;
}

int fg_spool_salvage(const struct fg_spool_conf *conf, int64_t now_wall_ms, struct fg_buf *why)
{
	struct salvage x = {.file = conf->file, .next = 1, .progress = conf->progress,
		.mark = fg_copy_path(conf->file, ".mark"), .wal = fg_copy_path(conf->file, "-wal"),
		.work = fg_copy_path(conf->file, ".salvage"),
		.done = fg_copy_path(conf->file, ".salvaged")};
	int rc = x.mark && x.wal && x.work && x.done ? FG_OK : FG_ENOMEM;

	if (rc == FG_OK)
		rc = fg_salvage_finish(conf->file, why);
	if (rc == FG_OK) {
		rc = rescue(&x, conf, now_wall_ms, why);
		if (rc == FG_OK)
			rc = fg_salvage_finish(conf->file, why);
		if (rc >= 0)
			fg_buf_printf(why, "the damaged store is set aside; %" PRIu64 " entries in "
				"%" PRIu64 " rows are saved, %" PRIu64 " rows were damaged%s",
				x.readings, x.rows, x.lost,
				x.delivery_lost ? ", not all delivery state is known" : "");
	}
	close_all(&x);
	free(x.mark);
	free(x.wal);
	free(x.work);
	free(x.done);
	return rc < 0 ? rc : FG_OK;
}
