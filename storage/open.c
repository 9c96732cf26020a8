/* SPDX-License-Identifier: EUPL-1.2 */
/* Opening a spool: the database, the mark beside it, and what of both is kept in memory. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plant.h"
#include "base/rng.h"
#include "base/status.h"
#include "storage/copy.h"
#include "storage/files.h"
#include "storage/mark.h"
#include "storage/salvage.h"
#include "storage/schema.h"
#include "storage/spool_private.h"

#define BYTES_MIN (INT64_C(1) << 20)
#define PAGES_MAX INT64_C(1073741823) /* as many as SQLite counts */
#define SIDE_BYTES (64 * 1024)              /* -shm and the mark */
#define RESERVE_MORE (16 * 1024)     /* the mark, and what a file system needs by itself */
#define FRAME_HEADER 24 /* of a page in the write-ahead log */
#define WAL_BYTES_MIN (128 << 10)
#define WAL_BYTES_MAX (4000 << 10)
#define STATE_BYTES_MIN (72 << 10)
#define STATE_BYTES_MAX (4 << 20)
#define MARGIN_BYTES_MIN (64 << 10)
#define MARGIN_BYTES_MAX (4 << 20)

static const char *const texts[ST_COUNT] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_RESERVED] = "SELECT value FROM meta WHERE key = 'reserved'",
	[ST_RESERVE] = "UPDATE meta SET value = ?1 WHERE key = 'reserved'",
	[ST_APPEND] = "INSERT INTO reading (seq, record) VALUES (?1, ?2)",
	[ST_SPAN_ADD] = "INSERT INTO span (first, last, era, timed, from_ms, to_ms, rows, bytes)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[ST_DELIVERY] = "SELECT ranges FROM delivery WHERE destination = ?1",
	[ST_DELIVERY_SET] = "INSERT INTO delivery (destination, ranges) VALUES (?1, ?2)"
			    " ON CONFLICT (destination) DO UPDATE SET ranges = ?2",
	[ST_DELIVERY_FORGET] = "DELETE FROM delivery WHERE destination = ?1",
	[ST_POINT_FIND] = "SELECT id FROM point WHERE descriptor = ?1",
	[ST_POINT_ADD] = "INSERT INTO point (id, descriptor) VALUES (?1, ?2)",
	[ST_ROWS] = "SELECT seq, record FROM reading WHERE seq >= ?1 AND seq <= ?2 ORDER BY seq",
	[ST_FIRST] = "SELECT min(seq) FROM reading",
	[ST_SPANS] = "SELECT last, timed, from_ms, to_ms, bytes, era.offset_us, uncertainty_s,"
		     " last >= next_seq FROM span LEFT JOIN era ON number = span.era"
		     " LEFT JOIN restamp ON restamp.era = span.era AND next_seq >= 0"
		     " ORDER BY first",
	[ST_DELETE_ROWS] = "DELETE FROM reading WHERE seq <= ?1",
	[ST_DELETE_SPANS] = "DELETE FROM span WHERE first <= ?1",
	/* boots rise with the sequence: those before the oldest span have no rows left */
	[ST_DELETE_BOOTS] = "DELETE FROM era WHERE number <"
			    " (SELECT era FROM span ORDER BY first LIMIT 1)",
	[ST_PAGES] = "PRAGMA page_count",
	[ST_PAGES_FREE] = "PRAGMA freelist_count",
	[ST_ERA] = "SELECT offset_us, uncertainty_s, EXISTS (SELECT 1 FROM meta WHERE key ="
		   " 'weak_' || number) FROM era WHERE number = ?1",
	[ST_ERA_ADOPT] = "INSERT OR IGNORE INTO era (number, boot_id)"
			 " SELECT DISTINCT era, '' FROM span"
			 " WHERE timed = 0 AND era BETWEEN 1 AND 2147483647"
			 " UNION SELECT ?1, '' WHERE ?1 > 0",
	[ST_ERA_BEGIN] = "INSERT INTO era (number, boot_id) SELECT 1 + max(?2,"
			 " coalesce((SELECT max(number) FROM era), 0),"
			 " coalesce((SELECT max(era) FROM span WHERE era <= 2147483647), 0)), ?1"
			 " RETURNING number",
	[ST_ERA_SET] = "INSERT INTO era (number, boot_id, offset_us, uncertainty_s)"
		       " VALUES (?1, ?2, ?3, ?4)"
		       " ON CONFLICT (number) DO UPDATE SET offset_us = ?3, uncertainty_s = ?4",
	[ST_ERA_WEAK] = "INSERT OR IGNORE INTO meta (key, value) VALUES ('weak_' || ?1, 1)",
	[ST_ERA_CONFIRM] = "DELETE FROM meta WHERE key = 'weak_' || ?1",
	[ST_ERA_WEAK_CLEAN] = "DELETE FROM meta WHERE key GLOB 'weak_*' AND"
			      " CAST(substr(key, 6) AS INTEGER) NOT IN (SELECT number FROM era)",
	[ST_ERA_OPEN] = "SELECT number, boot_id, offset_us, uncertainty_s, lo, hi, weak FROM"
			" (SELECT *, EXISTS (SELECT 1 FROM meta WHERE key = 'weak_' || number)"
			" AS weak FROM era)"
			" LEFT JOIN (SELECT era AS e, min(first) AS lo, max(last) AS hi"
			" FROM span WHERE timed = 0 GROUP BY era) ON e = number"
			" WHERE (offset_us IS NULL OR uncertainty_s > 0 OR weak) AND number <> ?1"
			" AND number NOT IN (SELECT era FROM restamp) ORDER BY number",
	[ST_ERA_BEFORE] = "SELECT last, coalesce(offset_us, 0)"
			  " FROM span LEFT JOIN era ON number = span.era"
			  " WHERE first < ?1 AND span.era NOT IN (SELECT era FROM restamp)"
			  " AND coalesce(uncertainty_s, 0) = 0 AND (timed OR offset_us IS NOT NULL)"
			  " ORDER BY CASE WHEN timed THEN to_ms ELSE to_ms + offset_us / 1000 END"
			  " DESC",
	[ST_ROW_BEFORE] = "SELECT seq, record FROM reading WHERE seq <= ?1"
			  " ORDER BY seq DESC LIMIT 1",
	[ST_RESTAMP_ADD] = "INSERT OR IGNORE INTO restamp (era, next_seq, offset_us)"
			   " VALUES (?1, 0, ?2)",
	[ST_RESTAMP_JOB] = "SELECT era, next_seq, offset_us FROM restamp WHERE next_seq >= 0"
			   " ORDER BY era LIMIT 1",
	[ST_RESTAMP_STEP] = "UPDATE restamp SET next_seq = ?2 WHERE era = ?1",
	[ST_RESTAMP_SPAN] = "SELECT first, last FROM span WHERE era = ?1 AND last >= ?2"
			    " ORDER BY first LIMIT 1",
	/* from the row that holds number ?1, which may begin below it */
	[ST_RESTAMP_ROW] = "SELECT seq, record FROM reading WHERE seq >="
			   " coalesce((SELECT max(seq) FROM reading WHERE seq <= ?1), ?1)"
			   " AND seq <= ?2 ORDER BY seq",
	[ST_RESTAMP_CLEAN] = "DELETE FROM restamp WHERE next_seq < 0"
			     " AND era NOT IN (SELECT number FROM era)",
	[ST_LEDGER] = "SELECT device, to_ms, from_seq, clean FROM ledger",
	[ST_LEDGER_SET] = "INSERT INTO ledger (device, to_ms, from_seq, clean)"
			  " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (device) DO UPDATE"
			  " SET to_ms = ?2, from_seq = ?3, clean = ?4",
	[ST_LEDGER_FORGET] = "DELETE FROM ledger WHERE device = ?1",
	[ST_FREED_CLEAN] = "DELETE FROM freed WHERE last_seq < (SELECT"
			   " coalesce(min(from_seq), 9223372036854775807) FROM ledger)",
	[ST_LEDGER_FIRST] = "SELECT coalesce(min(from_seq), 9223372036854775807) FROM ledger",
	[ST_STATE] = "SELECT kind, key, value FROM state ORDER BY kind, key",
	[ST_STATE_SIZE] = "SELECT coalesce(sum(length(kind) + length(key) + length(value)), 0)"
			  " FROM state WHERE ?1 IS NULL OR (kind = ?1 AND key = ?2)",
	[ST_STATE_SET] = "INSERT INTO state (kind, key, value) VALUES (?1, ?2, ?3)"
			 " ON CONFLICT (kind, key) DO UPDATE SET value = ?3",
	[ST_STATE_FORGET] = "DELETE FROM state WHERE kind = ?1 AND key = ?2",
	[ST_NEWEST] = "SELECT coalesce(max(to_ms), 0) FROM span WHERE timed",
	[ST_LOSS_ANY] = "SELECT EXISTS (SELECT 1 FROM loss)",
	[ST_LOSSES] = "SELECT count(*) FROM loss WHERE" FG_LOSS_TELLABLE,
	[ST_GRACE_BEGIN] = "SELECT count(*) FROM delivery WHERE removed_ms = 0 OR removed_ms > ?1",
	[ST_REMOVED] = "SELECT destination, ranges, removed_ms FROM delivery"
		       " WHERE removed_ms IS NOT NULL",
};

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static void share_out(const struct fg_spool_conf *conf, struct fg_spool_limits *l)
{
	int64_t bytes = FG_MAX(conf->max_bytes, BYTES_MIN), page = l->page_size;
	int64_t wal_pages = clamp(bytes / 8, WAL_BYTES_MIN, WAL_BYTES_MAX) / page;
	int64_t margin;

	l->keep_ms = conf->keep_ms;
	l->when_full = conf->when_full;
	l->wal_pages = wal_pages;
	l->wal_bytes = 2 * wal_pages * (page + FRAME_HEADER);
	l->reserve_bytes = l->wal_bytes + RESERVE_MORE;
	l->pages_max = (bytes - l->wal_bytes - l->reserve_bytes - SIDE_BYTES) / page;
	margin = clamp(l->pages_max * page / 16, MARGIN_BYTES_MIN, MARGIN_BYTES_MAX) / page;
	l->pages_high = l->pages_max - margin;
	l->pages_low = l->pages_high - margin / 4;
	l->state_bytes = clamp(bytes / 16, STATE_BYTES_MIN, STATE_BYTES_MAX);
}

void fg_spool_set_limits(struct fg_spool *s, const struct fg_spool_conf *conf)
{
	struct fg_spool_limits *l = &s->limits;
	int64_t wal_pages;
	char pragmas[160];

	share_out(conf, l);
	wal_pages = l->wal_pages;
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA wal_autocheckpoint = %" PRId64 ";"
		"PRAGMA journal_size_limit = %" PRId64 ";"
		"PRAGMA max_page_count = %" PRId64 ";",
		wal_pages, wal_pages * (l->page_size + FRAME_HEADER),
		FG_MIN(l->pages_max, PAGES_MAX));
	if (fg_sql_exec(s->db, pragmas) < 0)
		fg_spool_fail(s, FG_EINVAL, "set the store's limits");
}

static int use_wal(sqlite3 *db, const char *file, struct fg_buf *why)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &st, NULL);
	bool on;

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		on = rc == SQLITE_ROW && sqlite3_column_text(st, 0) &&
		     strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
		rc = sqlite3_finalize(st);
		if (on && rc == SQLITE_OK)
			return FG_OK;
	}
	fg_buf_printf(why, "the file system of '%s' cannot do write-ahead logging: ", file);
	fg_sql_describe(db, why);
	return rc == SQLITE_OK ? FG_EINVAL : fg_sql_status(db, rc);
}

/* A store that starts anew must not come near the numbers of the one whose place it takes. */
uint64_t fg_first_number(const struct fg_spool_conf *conf)
{
	if (conf->first_seq)
		return conf->first_seq;
	return (fg_random_seed() % ((UINT64_C(1) << 20) - 1) + 1) << 32;
}

/* Our statements are right: where SQLite refuses one, the tables of a file that says it is ours are
 * not. */
static int as_damage(int status)
{
	return status == FG_EINVAL ? FG_ECORRUPT : status;
}

static int open_database(struct fg_spool *s, uint64_t first_seq, struct fg_buf *why,
	bool *ret_created)
{
	int rc = fg_sql_open(s->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &s->db);

	if (rc == FG_OK)
		rc = fg_sql_exec(s->db, FG_SQL_SET_PAGE_SIZE
					"PRAGMA auto_vacuum = NONE;"
					"PRAGMA secure_delete = OFF;"
					"PRAGMA synchronous = FULL;");
	if (rc == FG_OK && fg_planted(FG_PLANT_SKIP_FSYNC))
		rc = fg_sql_exec(s->db, "PRAGMA synchronous = NORMAL;");
	if (rc < 0) {
		fg_sql_explain(s->db, s->file, rc, why);
		return rc;
	}
	rc = fg_schema_prepare(s->db, s->file, first_seq, why, ret_created);
	if (rc == FG_OK)
		rc = use_wal(s->db, s->file, why);
	if (rc < 0)
		return rc;
	rc = as_damage(fg_sql_prepare(s->db, texts, ST_COUNT, s->st));
	if (rc == FG_OK)
		rc = fg_sql_int(s->db, "PRAGMA page_size", &s->limits.page_size);
	if (rc < 0)
		fg_sql_explain(s->db, s->file, rc, why);
	return rc;
}

/* Finds the open span again from the rows behind the last closed one. A damaged row is counted
 * and passed over. */
static int load_rows(struct fg_spool *s, int64_t after)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_ROWS];
	int rc;

	sqlite3_bind_int64(st, 1, after + 1);
	sqlite3_bind_int64(st, 2, INT64_MAX);
	while ((rc = fg_sql_step(st)) > 0) {
		uint64_t seq = (uint64_t)sqlite3_column_int64(st, 0);
		const void *record = sqlite3_column_blob(st, 1);
		size_t len = (size_t)sqlite3_column_bytes(st, 1);
		struct fg_record_head head;
		struct fg_span span;

		s->now.rows++;
		s->now.last_seq = seq;
		if (fg_record_head(record, len, &head) < 0 ||
			fg_span_of_record(seq, head.count, record, len, &span) < 0)
			continue;
		s->now.last_seq = span.last;
		fg_span_join(&s->now.open, &span);
	}
	return rc;
}

/* What no writer of ours stores. By the index rows are deleted, so it must not be believed then. */
static bool span_possible(sqlite3_stmt *st, int64_t last_before)
{
	int64_t first = sqlite3_column_int64(st, 0), last = sqlite3_column_int64(st, 1);
	int64_t rows = sqlite3_column_int64(st, 2);

	return first > last_before && last >= first && last < (int64_t)FG_SEQ_MAX && rows > 0 &&
	       rows <= last - first + 1 && sqlite3_column_int64(st, 3) > 0 &&
	       sqlite3_column_int64(st, 4) <= sqlite3_column_int64(st, 5);
}

static int load_tail(struct fg_spool *s)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int64_t last = 0;
	int rc = fg_sql_make(s->db, "SELECT first, last, rows, bytes, from_ms, to_ms FROM span"
		" ORDER BY first", &st);

	while (rc == FG_OK && (rc = fg_sql_step(st)) > 0) {
		rc = span_possible(st, last) ? FG_OK : FG_ECORRUPT;
		last = sqlite3_column_int64(st, 1);
		s->now.rows += (uint64_t)sqlite3_column_int64(st, 2);
	}
	if (rc < 0)
		return rc;
	s->now.last_seq = (uint64_t)last;
	return load_rows(s, last);
}

static int load_counters(struct fg_spool *s, uint64_t marked)
{
	int64_t reserved, point;
	int rc = fg_sql_step_int(s->st[ST_RESERVED], &reserved);

	if (rc == FG_OK)
		rc = fg_sql_int(s->db, "SELECT coalesce(max(id), 0) FROM point", &point);
	if (rc < 0)
		return rc;
	if (reserved < 0 || reserved >= (int64_t)FG_SEQ_MAX || point < 0 || point > FG_POINTS_MAX)
		return FG_ECORRUPT;
	s->next_point = (uint32_t)point + 1;
	s->stored_reserved = (uint64_t)reserved;
	if (s->now.last_seq >= s->stored_reserved)
		return FG_ECORRUPT; /* a row, or the index, has a number that was never reserved */
	/* spool I2: above everything that may ever have been used */
	s->reserved = FG_MAX(s->stored_reserved, marked);
	s->reserved = FG_MAX(s->reserved, s->now.last_seq + 1);
	s->next_seq = s->reserved;
	if (s->now.last_seq && fg_planted(FG_PLANT_REUSE_SEQ))
		s->next_seq = s->now.last_seq + 1;
	return FG_OK;
}

static int load(struct fg_spool *s, const struct fg_spool_conf *conf, uint64_t marked,
	struct fg_buf *why)
{
	int rc = load_tail(s);

	if (rc == FG_OK)
		rc = fg_spool_begin_era(s, conf->boot_id);
	if (rc == FG_OK)
		rc = load_counters(s, marked);
	if (rc == FG_OK)
		rc = fg_spool_load_state(s);
	rc = as_damage(rc);
	if (rc < 0) {
		fg_buf_printf(why, "cannot read the state of '%s': %s", s->file,
			fg_strerror(rc));
		fg_buf_puts(why, "; ");
		if (rc == FG_ECORRUPT && fg_sql_status(s->db, sqlite3_errcode(s->db)) != rc)
			fg_buf_puts(why, "its index of time or its counters are impossible");
		else
			fg_sql_describe(s->db, why);
	}
	return rc;
}

static int read_mark(struct fg_spool *s, struct fg_buf *why, uint64_t *ret_next)
{
	int rc = fg_mark_read(s->mark, ret_next);

	if (rc == FG_ENOENT || rc == FG_ECORRUPT) {
		*ret_next = 0;
		return FG_OK;
	}
	if (rc < 0)
		fg_buf_printf(why, "cannot read '%s': %s", s->mark, fg_strerror(rc));
	return rc;
}

static int make_paths(struct fg_spool *s, const char *file)
{
	s->file = strdup(file);
	if (!s->file || asprintf(&s->mark, "%s.mark", file) < 0 ||
		asprintf(&s->wal, "%s-wal", file) < 0 ||
		asprintf(&s->reserve, "%s.reserve", file) < 0 ||
		asprintf(&s->shm, "%s-shm", file) < 0)
		return FG_ENOMEM;
	return FG_OK;
}

/* That it was salvaged is told once. */
static int take_salvaged(struct fg_spool *s, struct fg_buf *why)
{
	int64_t ms;
	int rc = fg_sql_int(s->db, "DELETE FROM meta WHERE key = 'salvaged_ms' RETURNING value",
		&ms);

	s->salvaged = rc == FG_OK;
	if (rc == FG_OK || rc == FG_ENOENT)
		return FG_OK;
	fg_sql_explain(s->db, s->file, rc, why);
	return rc;
}

static int open_spool(struct fg_spool *s, const struct fg_spool_conf *conf, struct fg_buf *why)
{
	bool created;
	uint64_t marked;
	int rc = make_paths(s, conf->file);

	if (rc < 0) {
		fg_buf_puts(why, "out of memory");
		return rc;
	}
	s->used_pages = -1;
	s->limits.page_size = fg_sql_file_page_size(s->file);
	share_out(conf, &s->limits);
	rc = fg_salvage_finish(s->file, why);
	if (rc < 0)
		return rc;
	fg_copy_shrink(s->file, s->limits.pages_max, s->limits.page_size, &conf->progress);
	rc = read_mark(s, why, &marked);
	if (rc == FG_OK)
		rc = open_database(s, marked ? marked : fg_first_number(conf), why, &created);
	if (rc == FG_OK)
		rc = load(s, conf, marked, why);
	if (rc < 0)
		return rc;
	s->new_store = created && !marked;
	if (marked < s->reserved) {
		rc = fg_mark_write(s->mark, s->reserved);
		if (rc < 0) {
			fg_buf_printf(why, "cannot write '%s': %s", s->mark, fg_strerror(rc));
			return rc;
		}
	}
	fg_spool_set_limits(s, conf);
	fg_reserve_keep(s);
	return take_salvaged(s, why);
}

static int try_open(const struct fg_spool_conf *conf, struct fg_buf *why, struct fg_spool **ret)
{
	struct fg_spool *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		fg_buf_puts(why, "out of memory");
		return FG_ENOMEM;
	}
	rc = open_spool(s, conf, why);
	if (rc == -ENOSPC && s->reserve && fg_file_bytes(s->reserve) > 0 &&
		fg_file_remove(s->reserve) == FG_OK)
		rc = FG_EAGAIN;
	else if (rc == FG_EAGAIN)
		rc = -EBUSY;
	if (rc < 0) {
		fg_spool_close(s);
		return rc;
	}
	*ret = s;
	return FG_OK;
}

int fg_spool_open(const struct fg_spool_conf *conf, struct fg_buf *why, struct fg_spool **ret)
{
	int rc;

	/* saves a lock at every allocation; without effect once SQLite is in use */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	rc = try_open(conf, why, ret);
	if (rc == FG_EAGAIN) { /* on a full disk: once more with the room that was held */
		fg_buf_clear(why);
		rc = try_open(conf, why, ret);
	}
	return rc == -EBUSY ? FG_EAGAIN : rc;
}

void fg_spool_forget_pending(struct fg_spool *s)
{
	while (s->pending) {
		struct fg_pending_point *p = s->pending;

		s->pending = p->next;
		free(p);
	}
}

void fg_spool_close(struct fg_spool *s)
{
	if (!s)
		return;
	if (s->group != GROUP_NONE)
		fg_spool_rollback(s);
	fg_spool_forget_pending(s);
	for (size_t i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	free(s->file);
	free(s->mark);
	free(s->wal);
	free(s->shm);
	free(s->reserve);
	free(s->domains);
	fg_thin_free(s->thin);
	free(s);
}

void fg_spool_info(struct fg_spool *s, struct fg_spool_info *ret)
{
	int64_t first = 0;

	*ret = (struct fg_spool_info){
		.next_seq = s->next_seq,
		.reserved = s->reserved,
		.new_store = s->new_store,
		.salvaged = s->salvaged,
		.era = s->era,
		.next_era = s->now.next_era,
		.bytes = fg_file_bytes(s->file) + fg_file_bytes(s->wal) +
			 fg_file_bytes(s->shm) + fg_file_bytes(s->mark) +
			 fg_file_bytes(s->reserve),
		.rows = s->now.rows,
		.dropped = s->dropped,
	};
	if (s->now.rows && fg_sql_step_int(s->st[ST_FIRST], &first) == FG_OK && first > 0) {
		ret->first_seq = (uint64_t)first;
		ret->last_seq = s->now.last_seq;
	}
}
