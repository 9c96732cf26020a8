/* SPDX-License-Identifier: EUPL-1.2 */
/* Making room where only what some destination lacks could go: all of the oldest, or every second
 * of it. Spans are read, what goes is added up, what stays is written again without the holes:
 * half-empty pages would give no room. */
#include <stdlib.h>
#include <string.h>

#include "base/plant.h"
#include "base/status.h"
#include "storage/freed.h"
#include "storage/loss.h"
#include "storage/room.h"

#define STEP_BYTES (64 * 1024)
#define KEPT_BYTES_MAX (64 << 20) /* a record of one poll is never as large */
#define JOINED_BYTES (16 * 1024)

struct kept_row {
	uint64_t seq;
	size_t at, len; /* in the buffer of bytes */
};

/* A run of numbers that went, to be told once that is durable. */
struct run {
	uint64_t from, to;
	unsigned count;
};

struct step {
	struct fg_spool *s;
	const struct fg_tidy *tidy;
	const struct fg_owed *owed;
	size_t count;
	enum fg_room_pass pass;
	struct fg_loss_set losses;
	struct fg_freed_set freed;
	struct fg_buf bytes; /* rows of the span that stay */
	struct kept_row *kept;
	size_t kept_count, kept_cap;
	struct run *runs;
	size_t run_count, run_cap;
	uint64_t read_bytes, rows_gone, rows_read;
	unsigned readings;
	struct fg_room_span last; /* the span before, as far as it stays */
};

/* ---- who lacks what ---- */

static bool lacked(const struct step *x, uint64_t first, uint64_t last)
{
	for (size_t i = 0; i < x->count; i++)
		if (fg_owed_lacks(&x->owed[i], first, last))
			return true;
	return false;
}

static bool doubted(const struct step *x, uint64_t first, uint64_t last)
{
	for (size_t i = 0; i < x->count; i++)
		if (fg_owed_doubts(&x->owed[i], first, last))
			return true;
	return false;
}

/* Whether the configured destinations have all of a span: those come first in `owed`, and removed
 * ones must not keep room from them. */
static bool delivered(const struct step *x, const struct fg_room_span *span)
{
	for (size_t i = 0; i < x->tidy->owed_count; i++)
		if (fg_owed_lacks(&x->owed[i], span->first, span->last))
			return false;
	return true;
}

/* ---- one row ---- */

static bool add_run(struct step *x, uint64_t from, uint64_t to, unsigned count)
{
	struct run *last = x->run_count ? &x->runs[x->run_count - 1] : NULL;

	if (x->pass == FG_ROOM_THIN) /* too many: only their count is told */
		from = to = 0;
	if (last && last->to == from) {
		last->to = to;
		last->count += count;
		return true;
	}
	if (x->run_count == x->run_cap) {
		size_t cap = x->run_cap ? 2 * x->run_cap : 16;
		struct run *runs = realloc(x->runs, cap * sizeof(*runs));

		if (!runs)
			return false;
		x->runs = runs;
		x->run_cap = cap;
	}
	x->runs[x->run_count++] = (struct run){from, to, count};
	return true;
}

static int keep_row(struct step *x, uint64_t seq, const void *record, size_t len)
{
	if (x->kept_count == x->kept_cap) {
		size_t cap = x->kept_cap ? 2 * x->kept_cap : 64;
		struct kept_row *kept = realloc(x->kept, cap * sizeof(*kept));

		if (!kept)
			return FG_ENOMEM;
		x->kept = kept;
		x->kept_cap = cap;
	}
	x->kept[x->kept_count++] = (struct kept_row){seq, x->bytes.len, len};
	fg_buf_put(&x->bytes, record, len);
	return x->bytes.overflow ? FG_ENOMEM : FG_OK;
}

static bool stays(struct step *x, uint64_t seq, uint64_t last, const void *record, size_t len,
	const int64_t **ret_step_ms)
{
	*ret_step_ms = NULL;
	switch (x->pass) {
	case FG_ROOM_DELIVERED:
	case FG_ROOM_DOUBTFUL:
		return false;
	case FG_ROOM_OLDEST:
		return doubted(x, seq, last);
	case FG_ROOM_THIN:
		if (!lacked(x, seq, last))
			return false; /* delivered by all: nothing is lost */
		if (fg_thin_keeps(x->s->thin, seq, record, len, ret_step_ms))
			return true;
		return doubted(x, seq, last);
	}
	return true;
}

static int judge_row(struct step *x, uint64_t seq, const void *record, size_t len)
{
	unsigned readings = x->readings;
	struct fg_record_head head;
	const int64_t *step_ms;
	uint64_t last = seq;
	int rc;

	if (fg_record_head(record, len, &head) == FG_OK)
		last = seq + head.count - 1;
	x->rows_read++;
	x->read_bytes += len;
	if (stays(x, seq, last, record, len, &step_ms))
		return keep_row(x, seq, record, len);
	if (x->pass == FG_ROOM_THIN && fg_planted(FG_PLANT_THIN_UNTOLD))
		rc = FG_OK;
	else
		rc = fg_loss_add_row(&x->losses, seq, record, len, step_ms, &x->readings);
	if (rc == FG_OK)
		rc = fg_freed_add_row(&x->freed, seq, record, len);
	if (rc < 0)
		return rc;
	x->rows_gone++;
	return add_run(x, seq, last + 1, x->readings - readings) ? FG_OK : FG_ENOMEM;
}

/* ---- one span ---- */

static int read_rows(struct step *x, const struct fg_room_span *span)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = x->s->st[ST_ROWS];
	int rc;

	x->kept_count = 0;
	fg_buf_clear(&x->bytes);
	sqlite3_bind_int64(st, 1, fg_sql_seq(span->first));
	sqlite3_bind_int64(st, 2, fg_sql_seq(span->last));
	while ((rc = fg_sql_step(st)) > 0) {
		rc = judge_row(x, (uint64_t)sqlite3_column_int64(st, 0),
			sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int run2(sqlite3 *db, const char *sql, int64_t a, int64_t b)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(db, sql, &st);

	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, a);
	sqlite3_bind_int64(st, 2, b);
	return fg_sql_step(st);
}

static int write_kept(struct step *x)
{
	sqlite3_stmt *st = x->s->st[ST_APPEND];
	int rc = FG_OK;

	for (size_t i = 0; i < x->kept_count && rc == FG_OK; i++) {
		sqlite3_bind_int64(st, 1, fg_sql_seq(x->kept[i].seq));
		sqlite3_bind_blob(st, 2, x->bytes.data + x->kept[i].at, (int)x->kept[i].len,
			SQLITE_STATIC);
		rc = fg_sql_run(st);
	}
	return rc;
}

/* Thinned spans are joined, or the index of time would outgrow what it points at. */
static bool joins(const struct step *x, const struct fg_room_span *span)
{
	const struct fg_room_span *last = &x->last;

	return x->pass == FG_ROOM_THIN && last->rows && last->era == span->era &&
	       last->timed == span->timed && last->bytes + span->bytes <= JOINED_BYTES;
}

static int write_span(struct step *x, struct fg_room_span *span)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	sqlite3 *db = x->s->db;
	int rc = FG_OK;

	span->rows = x->kept_count;
	span->bytes = x->bytes.len;
	if (!span->rows || joins(x, span))
		rc = run2(db, "DELETE FROM span WHERE first = ?1", fg_sql_seq(span->first), 0);
	if (rc < 0 || !span->rows)
		return rc;
	if (joins(x, span)) {
		struct fg_room_span *last = &x->last;

		last->last = span->last;
		last->from_ms = FG_MIN(last->from_ms, span->from_ms);
		last->to_ms = FG_MAX(last->to_ms, span->to_ms);
		last->rows += span->rows;
		last->bytes += span->bytes;
	} else {
		x->last = *span;
	}
	rc = fg_sql_make(db, "UPDATE span SET last = ?2, from_ms = ?3, to_ms = ?4, rows = ?5,"
			     " bytes = ?6 WHERE first = ?1", &st);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, fg_sql_seq(x->last.first));
	sqlite3_bind_int64(st, 2, fg_sql_seq(x->last.last));
	sqlite3_bind_int64(st, 3, x->last.from_ms);
	sqlite3_bind_int64(st, 4, x->last.to_ms);
	sqlite3_bind_int64(st, 5, (int64_t)x->last.rows);
	sqlite3_bind_int64(st, 6, (int64_t)x->last.bytes);
	return fg_sql_step(st);
}

static int do_span(struct step *x, struct fg_room_span *span)
{
	uint64_t gone = x->rows_gone;
	int rc = read_rows(x, span);

	if (rc < 0)
		return rc;
	if (x->rows_gone == gone) {
		x->last = (struct fg_room_span){0};
		return FG_OK;
	}
	rc = run2(x->s->db, "DELETE FROM reading WHERE seq >= ?1 AND seq <= ?2",
		fg_sql_seq(span->first), fg_sql_seq(span->last));
	if (rc == FG_OK)
		rc = write_kept(x);
	if (rc == FG_OK)
		rc = write_span(x, span);
	return rc;
}

/* ---- the step ---- */

/* The next span from number `from` on; FG_ENOENT where there is none. */
static int next_span(struct fg_spool *s, uint64_t from, struct fg_room_span *ret)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(s->db, "SELECT first, last, era, timed, from_ms, to_ms, rows, bytes"
		" FROM span WHERE first >= ?1 ORDER BY first LIMIT 1", &st);

	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, fg_sql_seq(from));
	rc = fg_sql_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : FG_ENOENT;
	*ret = (struct fg_room_span){
		.first = (uint64_t)sqlite3_column_int64(st, 0),
		.last = (uint64_t)sqlite3_column_int64(st, 1),
		.era = sqlite3_column_int64(st, 2),
		.timed = sqlite3_column_int(st, 3),
		.from_ms = sqlite3_column_int64(st, 4),
		.to_ms = sqlite3_column_int64(st, 5),
		.rows = (uint64_t)sqlite3_column_int64(st, 6),
		.bytes = (uint64_t)sqlite3_column_int64(st, 7),
	};
	return FG_OK;
}

static bool wanted(const struct step *x, const struct fg_room_span *span)
{
	return x->pass != FG_ROOM_DELIVERED || delivered(x, span);
}

/* Behind a span, and behind all that lies in the same gap of a configured destination: where most
 * of a store is not delivered, looking at each span of it would take longer than all the rest. */
static uint64_t behind(const struct step *x, const struct fg_room_span *span)
{
	uint64_t at = span->last + 1;
	struct fg_range r;

	for (size_t i = 0; i < x->tidy->owed_count; i++)
		if (fg_ranges_next(&x->owed[i].unacked, span->first, &r) && r.from <= span->last)
			at = FG_MAX(at, r.to);
	return at;
}

/* Whether the step has read its share. Rows that may have arrived lie at the front, and there are
 * few of them; those behind them go first. */
static bool read_enough(const struct step *x)
{
	return x->read_bytes >= STEP_BYTES && (x->pass != FG_ROOM_OLDEST || x->rows_gone);
}

/* Spans from *at on, until a step's worth was read; *at moves on. */
static int do_spans(struct step *x, uint64_t *at)
{
	struct fg_room_span span;
	int rc = FG_OK;

	while (rc == FG_OK && !read_enough(x)) {
		rc = next_span(x->s, *at, &span);
		if (rc == FG_ENOENT || (rc == FG_OK && span.last >= x->tidy->drop_below))
			return FG_OK;
		if (rc == FG_OK && !wanted(x, &span)) {
			*at = behind(x, &span);
			continue;
		}
		if (rc == FG_OK && x->pass == FG_ROOM_THIN)
			fg_thin_enter(x->s->thin, span.first);
		if (rc == FG_OK)
			rc = do_span(x, &span);
		*at = span.last + 1;
	}
	return rc;
}

static int in_group(struct step *x)
{
	uint64_t at = x->pass == FG_ROOM_THIN ? fg_thin_at(x->s->thin) : 0;
	int rc = fg_freed_init(&x->freed, x->s);

	if (rc == FG_OK)
		rc = do_spans(x, &at);
	if (rc == FG_OK)
		rc = fg_freed_store(&x->freed);
	if (rc == FG_OK && x->rows_gone && !fg_planted(FG_PLANT_DROP_THEN_TELL))
		rc = fg_loss_store(&x->losses);
	if (rc == FG_OK && x->pass == FG_ROOM_THIN)
		rc = fg_thin_store(x->s->thin, x->s->db, at, x->read_bytes >= STEP_BYTES,
			x->rows_gone > 0);
	return rc;
}

static void tell(struct step *x)
{
	struct fg_spool *s = x->s;

	s->now.rows -= FG_MIN(x->rows_gone, s->now.rows);
	s->dropped += x->readings;
	if (x->pass == FG_ROOM_DELIVERED)
		return;
	for (size_t i = 0; i < x->run_count && x->tidy->dropped; i++)
		if (x->runs[i].count || x->runs[i].to)
			x->tidy->dropped(x->tidy->arg, x->runs[i].from, x->runs[i].to,
				x->runs[i].count);
}

/* One pass: 1 where something went, 0 where nothing there may go. */
static int do_pass(struct step *x, enum fg_room_pass pass)
{
	struct fg_spool *s = x->s;
	int rc = fg_spool_begin(s);

	if (rc < 0)
		return rc;
	x->pass = pass;
	fg_loss_init(&x->losses, s, x->owed, x->count,
		pass == FG_ROOM_THIN ? FG_REASON_THINNED : FG_REASON_MAX_SIZE);
	rc = in_group(x);
	if (rc < 0)
		fg_spool_fail(s, rc, "make room");
	else if (x->rows_gone || pass == FG_ROOM_THIN)
		rc = fg_spool_commit(s);
	if (rc == FG_OK && x->rows_gone && fg_planted(FG_PLANT_DROP_THEN_TELL))
		rc = fg_loss_store(&x->losses);
	fg_spool_rollback(s); /* without effect after a commit */
	fg_loss_fini(&x->losses);
	fg_freed_fini(&x->freed);
	if (rc < 0) {
		fg_thin_free(FG_TAKE(s->thin)); /* it is ahead of what is stored */
		return rc;
	}
	tell(x);
	return x->rows_gone > 0 || (pass == FG_ROOM_THIN && fg_thin_goes_on(s->thin));
}

static int one_pass(struct fg_spool *s, const struct fg_tidy *tidy, const struct fg_owed *owed,
	size_t count, enum fg_room_pass pass)
{
	struct step x = {.s = s, .tidy = tidy, .owed = owed, .count = count};
	int rc;

	fg_buf_init(&x.bytes, KEPT_BYTES_MAX);
	rc = do_pass(&x, pass);
	fg_buf_fini(&x.bytes);
	free(x.kept);
	free(x.runs);
	return rc;
}

int fg_room_step(struct fg_spool *s, const struct fg_tidy *tidy, const struct fg_owed *owed,
	size_t count)
{
	int rc = one_pass(s, tidy, owed, count, FG_ROOM_DELIVERED);

	if (rc == 0 && s->limits.when_full == FG_FULL_DROP_NEWEST)
		return FG_TIDY_DONE;
	if (rc == 0 && s->limits.when_full == FG_FULL_THIN) {
		rc = fg_thin_load(s);
		if (rc == FG_OK && fg_thin_goes_on(s->thin))
			rc = one_pass(s, tidy, owed, count, FG_ROOM_THIN);
	}
	if (rc == 0)
		rc = one_pass(s, tidy, owed, count, FG_ROOM_OLDEST);
	if (rc == 0)
		rc = one_pass(s, tidy, owed, count, FG_ROOM_DOUBTFUL);
	if (rc < 0)
		return rc;
	return rc ? FG_TIDY_MORE : FG_TIDY_WANTS_ROOM;
}
