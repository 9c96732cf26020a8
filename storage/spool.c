/* SPDX-License-Identifier: EUPL-1.2 */
/* The spool's writer: reservation, points, group commits, delivery state. Opening is in open.c,
 * deleting in tidy.c, reading in reader.c. */
#include "storage/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/plant.h"
#include "base/status.h"
#include "storage/descriptor.h"
#include "storage/files.h"
#include "storage/freed.h"
#include "storage/loss.h"
#include "storage/mark.h"
#include "storage/spool_private.h"

#define RANGES_BYTES_MAX (FG_RANGES_MAX * 20 + 32)
#define DESCRIPTOR_BYTES_MAX 4096

int fg_spool_fail(struct fg_spool *s, int status, const char *doing)
{
	struct fg_buf text;

	fg_buf_wrap(&text, s->error, sizeof(s->error));
	fg_buf_printf(&text, "cannot %s: ", doing);
	/* what SQLite did not complain of is our own refusal */
	if (sqlite3_errcode(s->db) == SQLITE_OK || sqlite3_errcode(s->db) == SQLITE_DONE ||
		sqlite3_errcode(s->db) == SQLITE_ROW)
		fg_buf_puts(&text, fg_strerror(status));
	else
		fg_sql_describe(s->db, &text);
	fg_debug(FG_DEBUG_spool, "spool: %s", s->error);
	s->damaged = status == FG_ECORRUPT;
	return status;
}

/* A refusal that has a text of its own. */
static int refuse(struct fg_spool *s, int status, const char *text)
{
	snprintf(s->error, sizeof(s->error), "%s", text);
	s->damaged = false;
	fg_debug(FG_DEBUG_spool, "spool: %s", s->error);
	return status;
}

bool fg_spool_damaged(const struct fg_spool *s)
{
	return s->damaged;
}

const char *fg_spool_error(const struct fg_spool *s)
{
	return s->error;
}

int fg_spool_used_pages(struct fg_spool *s, int64_t *ret)
{
	int64_t pages, unused, changes = sqlite3_total_changes64(s->db);
	int rc = FG_OK;

	/* SQLite makes such a statement anew each time: not asked where nothing was written */
	if (s->used_pages < 0 || s->used_at != changes) {
		rc = fg_sql_step_int(s->st[ST_PAGES], &pages);
		if (rc == FG_OK)
			rc = fg_sql_step_int(s->st[ST_PAGES_FREE], &unused);
		if (rc < 0)
			return fg_spool_fail(s, rc, "measure the store");
		s->used_pages = pages - unused;
		s->used_at = changes;
	}
	*ret = s->used_pages;
	return FG_OK;
}

static int store_reserved(struct fg_spool *s, uint64_t limit)
{
	int64_t found;
	int rc = fg_sql_run(s->st[ST_BEGIN]);

	if (rc < 0)
		return fg_spool_fail(s, rc, "reserve numbers");
	rc = fg_sql_step_int(s->st[ST_RESERVED], &found);
	if (rc == FG_OK && (uint64_t)found != s->stored_reserved)
		rc = FG_EAGAIN;
	if (rc == FG_OK) {
		sqlite3_bind_int64(s->st[ST_RESERVE], 1, (int64_t)limit);
		rc = fg_sql_run(s->st[ST_RESERVE]);
	}
	if (rc == FG_OK)
		rc = fg_sql_run(s->st[ST_COMMIT]);
	if (rc < 0) {
		if (rc == FG_EAGAIN)
			refuse(s, rc, "another process writes to this store; two gateways must "
				      "not share one");
		else
			fg_spool_fail(s, rc, "reserve numbers");
		if (!sqlite3_get_autocommit(s->db))
			fg_sql_run(s->st[ST_ROLLBACK]);
		return rc;
	}
	s->stored_reserved = limit;
	return FG_OK;
}

static int store_mark(struct fg_spool *s, uint64_t next)
{
	int rc = fg_mark_write(s->mark, next);

	if (rc < 0)
		snprintf(s->error, sizeof(s->error), "cannot write '%s': %s", s->mark,
			fg_strerror(rc));
	return rc;
}

int fg_spool_reserve(struct fg_spool *s, uint64_t limit)
{
	int rc = FG_OK;

	if (s->group != GROUP_NONE || limit >= FG_SEQ_MAX)
		return refuse(s, FG_EINVAL, "cannot reserve numbers: within a group commit, or "
					    "none are left");
	if (limit <= s->reserved)
		return FG_OK;
	if (limit > s->stored_reserved)
		rc = store_reserved(s, limit);
	if (rc == FG_OK)
		rc = store_mark(s, limit);
	if (rc == FG_OK)
		s->reserved = limit;
	return rc;
}

int fg_spool_release(struct fg_spool *s, uint64_t next_seq)
{
	int rc;

	if (s->group != GROUP_NONE || next_seq > s->reserved || next_seq < s->next_seq ||
		next_seq <= s->now.last_seq)
		return refuse(s, FG_EINVAL, "cannot give numbers back: they were used");
	rc = store_reserved(s, next_seq);
	if (rc < 0)
		return rc;
	s->reserved = s->next_seq = next_seq;
	return store_mark(s, next_seq);
}

int fg_spool_resume(struct fg_spool *s, uint64_t next_seq)
{
	if (s->group != GROUP_NONE)
		return refuse(s, FG_EINVAL, "cannot resume within a group commit");
	s->next_seq = FG_MIN(s->next_seq, FG_MAX(next_seq, s->now.last_seq + 1));
	return FG_OK;
}

static int find_point(struct fg_spool *s, const struct fg_buf *bytes, uint32_t *ret_id)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_POINT_FIND];
	int64_t id;
	int rc;

	sqlite3_bind_blob(st, 1, bytes->data, (int)bytes->len, SQLITE_STATIC);
	rc = fg_sql_step(st);
	if (rc < 0)
		return fg_spool_fail(s, rc, "look up a point");
	if (rc == 0)
		return FG_ENOENT;
	id = sqlite3_column_int64(st, 0);
	if (id < 1 || id > FG_POINTS_MAX)
		return refuse(s, FG_ECORRUPT, "the store has a point of an impossible number");
	*ret_id = (uint32_t)id;
	return FG_OK;
}

int fg_spool_intern(struct fg_spool *s, const struct fg_point_desc *desc, uint32_t *ret_id)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf bytes;
	struct fg_pending_point *p;
	int rc;

	fg_buf_init(&bytes, DESCRIPTOR_BYTES_MAX);
	fg_descriptor_encode(desc, &bytes);
	if (!desc->station || !desc->point || desc->decimals < -1 || desc->decimals > 99)
		return refuse(s, FG_EINVAL, "cannot store a point without station or name");
	if (bytes.overflow || s->next_point > FG_POINTS_MAX)
		return refuse(s, FG_EINVAL, "cannot store a point: its texts are too long, or "
					    "there are too many");
	rc = find_point(s, &bytes, ret_id);
	if (rc != FG_ENOENT)
		return rc;
	for (p = s->pending; p; p = p->next)
		if (p->len == bytes.len && memcmp(p->bytes, bytes.data, p->len) == 0)
			break;
	if (!p) {
		p = malloc(sizeof(*p) + bytes.len);
		if (!p)
			return refuse(s, FG_ENOMEM, "out of memory");
		p->next = s->pending;
		p->id = s->next_point++;
		p->len = bytes.len;
		memcpy(p->bytes, bytes.data, bytes.len);
		s->pending = p;
	}
	*ret_id = p->id;
	return FG_OK;
}

static int write_pending(struct fg_spool *s)
{
	sqlite3_stmt *st = s->st[ST_POINT_ADD];
	int rc = FG_OK;

	for (struct fg_pending_point *p = s->pending; p && rc == FG_OK; p = p->next) {
		sqlite3_bind_int64(st, 1, p->id);
		sqlite3_bind_blob(st, 2, p->bytes, (int)p->len, SQLITE_STATIC);
		rc = fg_sql_run(st);
	}
	return rc;
}

/* A reader that stays on an old state keeps the log from being written back; it must not grow
 * for ever. */
static int bound_wal(struct fg_spool *s)
{
	int rc;

	if (fg_file_bytes(s->wal) <= s->limits.wal_bytes)
		return FG_OK;
	sqlite3_busy_timeout(s->db, 100);
	rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(s->db, FG_SQL_BUSY_MS);
	if (rc == SQLITE_OK)
		return FG_OK;
	if (rc == SQLITE_BUSY)
		return refuse(s, FG_EAGAIN, "the write-ahead log is full and a reader holds it");
	return fg_spool_fail(s, fg_sql_status(s->db, rc), "write the log back");
}

/* Whether appends are to be refused: delivery state is stored all the same, or a full store would
 * never empty. That begins above what tidying keeps to, for it runs now and then only: what was
 * delivered gives way before anything new is refused. */
static int note_fullness(struct fg_spool *s)
{
	int64_t used;
	int rc;

	s->full = false;
	if (s->limits.when_full != FG_FULL_DROP_NEWEST)
		return FG_OK;
	rc = fg_spool_used_pages(s, &used);
	s->full = rc == FG_OK && used >= (s->limits.pages_high + s->limits.pages_max) / 2;
	return rc;
}

/* A refusal (FG_EINVAL) leaves the group open; here it is lost. Our statements are right: where
 * SQLite refuses one, the tables are not ours. */
int fg_spool_fail_group(struct fg_spool *s, int status, const char *doing)
{
	s->group = GROUP_FAILED;
	return fg_spool_fail(s, status == FG_EINVAL ? FG_ECORRUPT : status, doing);
}

int fg_spool_begin(struct fg_spool *s)
{
	int rc;

	if (s->group != GROUP_NONE)
		return refuse(s, FG_EINVAL, "a group commit is open already");
	rc = bound_wal(s);
	if (rc == FG_OK)
		rc = note_fullness(s);
	if (rc < 0)
		return rc;
	rc = fg_sql_run(s->st[ST_BEGIN]);
	if (rc < 0)
		return fg_spool_fail(s, rc, "begin a group commit");
	s->before = s->now;
	s->group = GROUP_OPEN;
	return FG_OK;
}

static int close_span(struct fg_spool *s)
{
	const struct fg_span *open = &s->now.open;
	sqlite3_stmt *st = s->st[ST_SPAN_ADD];

	sqlite3_bind_int64(st, 1, (int64_t)open->first);
	sqlite3_bind_int64(st, 2, (int64_t)open->last);
	sqlite3_bind_int64(st, 3, open->era);
	sqlite3_bind_int64(st, 4, open->timed);
	sqlite3_bind_int64(st, 5, open->from_ms);
	sqlite3_bind_int64(st, 6, open->to_ms);
	sqlite3_bind_int64(st, 7, (int64_t)open->rows);
	sqlite3_bind_int64(st, 8, (int64_t)open->bytes);
	return fg_sql_run(st);
}

/* That a record is not stored is nothing that a start after a crash may find out by itself. */
static int note_refused(struct fg_spool *s, uint64_t first_seq, const void *record, size_t len)
{
	struct fg_freed_set set;
	int rc = fg_freed_init(&set, s);

	if (rc == FG_OK)
		rc = fg_freed_add_row(&set, first_seq, record, len);
	if (rc == FG_OK)
		rc = fg_freed_store(&set);
	fg_freed_fini(&set);
	return rc;
}

/* Adds a record that is not stored to what all destinations lose. */
static int lose(struct fg_spool *s, uint64_t first_seq, const void *record, size_t len)
{
	const struct fg_owed all = {.destination = "", .domains = UINT32_MAX};
	struct fg_loss_set set;
	unsigned readings = 0;
	int rc;

	fg_loss_init(&set, s, &all, 1, FG_REASON_MAX_SIZE);
	rc = fg_loss_add_row(&set, first_seq, record, len, NULL, &readings);
	if (rc == FG_OK)
		rc = fg_loss_store(&set);
	fg_loss_fini(&set);
	return rc == FG_OK ? note_refused(s, first_seq, record, len) : rc;
}

static int store_row(struct fg_spool *s, uint64_t first_seq, const struct fg_buf *record)
{
	sqlite3_stmt *st = s->st[ST_APPEND];

	sqlite3_bind_int64(st, 1, (int64_t)first_seq);
	sqlite3_bind_blob(st, 2, record->data, (int)record->len, SQLITE_STATIC);
	return fg_sql_run(st);
}

int fg_spool_append(struct fg_spool *s, uint64_t first_seq, unsigned count, const void *record,
	size_t len)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf bound;
	struct fg_span span;
	int rc;

	fg_buf_init(&bound, FG_MIN(len, (size_t)INT32_MAX) + 1);
	if (s->group != GROUP_OPEN)
		return refuse(s, FG_EINVAL, "an append needs an open group commit");
	if (count == 0 || len > INT32_MAX || first_seq <= s->now.last_seq ||
		first_seq < s->next_seq || first_seq >= s->reserved ||
		count > s->reserved - first_seq)
		return refuse(s, FG_EINVAL, "an append with numbers that are used or not reserved");
	if (fg_span_of_record(first_seq, count, record, len, &span) < 0)
		return refuse(s, FG_EINVAL, "an append that is no record of so many readings");
	if (s->full) {
		rc = fg_planted(FG_PLANT_NEWEST_UNTOLD) ? FG_OK :
							  lose(s, first_seq, record, len);
		return rc < 0 ? fg_spool_fail_group(s, rc, "note what is not stored")
			      : refuse(s, FG_EFULL,
					"the store has reached max_size and keeps what it has");
	}
	if (!fg_span_fits(&s->now.open, &span)) {
		rc = close_span(s);
		if (rc < 0)
			return fg_spool_fail_group(s, rc, "store the index of time");
		s->now.open = (struct fg_span){0};
	}
	fg_record_bind(&bound, record, len, first_seq);
	rc = bound.overflow ? FG_ENOMEM : store_row(s, first_seq, &bound);
	if (rc < 0)
		return fg_spool_fail_group(s, rc, "store readings");
	fg_span_join(&s->now.open, &span);
	s->now.last_seq = span.last;
	s->now.rows++;
	return FG_OK;
}

int fg_spool_set_delivery(struct fg_spool *s, const char *destination, const struct fg_ranges *r)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf bytes;
	sqlite3_stmt *st = s->st[ST_DELIVERY_SET];
	int rc;

	fg_buf_init(&bytes, RANGES_BYTES_MAX);
	if (s->group != GROUP_OPEN)
		return refuse(s, FG_EINVAL, "delivery state needs an open group commit");
	fg_ranges_encode(r, &bytes);
	if (bytes.overflow)
		return refuse(s, FG_ENOMEM, "out of memory");
	sqlite3_bind_text(st, 1, destination, -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, 2, bytes.data, (int)bytes.len, SQLITE_STATIC);
	rc = fg_sql_run(st);
	return rc < 0 ? fg_spool_fail_group(s, rc, "store delivery state") : FG_OK;
}

int fg_spool_forget_destination(struct fg_spool *s, const char *destination)
{
	sqlite3_stmt *st = s->st[ST_DELIVERY_FORGET];
	int rc;

	if (s->group == GROUP_FAILED)
		return refuse(s, FG_EINVAL, "the group commit has failed");
	sqlite3_bind_text(st, 1, destination, -1, SQLITE_STATIC);
	rc = fg_sql_run(st);
	if (rc < 0 && s->group == GROUP_OPEN)
		return fg_spool_fail_group(s, rc, "forget a destination");
	return rc < 0 ? fg_spool_fail(s, rc, "forget a destination") : FG_OK;
}

int fg_spool_commit(struct fg_spool *s)
{
	int rc;

	if (s->group != GROUP_OPEN)
		return refuse(s, FG_EINVAL, "there is no group to commit, or it has failed");
	rc = write_pending(s);
	if (rc == FG_OK)
		rc = fg_sql_run(s->st[ST_COMMIT]);
	if (rc < 0)
		return fg_spool_fail_group(s, rc, "commit");
	fg_spool_forget_pending(s);
	s->group = GROUP_NONE;
	return FG_OK;
}

void fg_spool_rollback(struct fg_spool *s)
{
	if (s->group == GROUP_NONE)
		return;
	/* after some failures SQLite has rolled back by itself */
	if (!sqlite3_get_autocommit(s->db))
		fg_sql_run(s->st[ST_ROLLBACK]);
	s->now = s->before;
	s->group = GROUP_NONE;
	s->used_pages = -1; /* what was found in it holds no more */
	s->lossless = false;
}

int fg_spool_delivery(struct fg_spool *s, const char *destination, struct fg_ranges *ret)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_DELIVERY];
	int rc;

	sqlite3_bind_text(st, 1, destination, -1, SQLITE_STATIC);
	rc = fg_sql_step(st);
	if (rc < 0)
		return fg_spool_fail(s, rc, "read delivery state");
	if (rc == 0)
		return FG_ENOENT;
	rc = fg_ranges_decode(sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0), ret);
	return rc < 0 ? refuse(s, rc, "the stored delivery state is damaged") : FG_OK;
}
