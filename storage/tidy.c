/* SPDX-License-Identifier: EUPL-1.2 */
/* Deleting what the spool need not keep: delivered history that is old, or the oldest of it where
 * there is no room. Always from the front, whole spans at a time: one commit frees whole pages,
 * and a row's page is not written again for each row that goes. What somebody still lacks is the
 * matter of room.c. */
#include <stdlib.h>
#include <string.h>

#include "base/plant.h"
#include "base/status.h"
#include "storage/freed.h"
#include "storage/loss.h"
#include "storage/removed.h"
#include "storage/spool_private.h"
#include "storage/times.h"

#define STEP_BYTES (64 * 1024)
#define SLACK_MS_MAX (24 * 3600 * INT64_C(1000))

/* What the walk over the spans needs to judge them. */
struct verdict {
	uint64_t delivered_below;
	int64_t cutoff_ms; /* delivered and before this: expired */
	int64_t future_ms; /* after this: the clock was wrong then */
	bool for_room;     /* age does not matter */
};

struct span_row {
	uint64_t last, bytes;
	bool known; /* has wall time, not an estimate alone */
	bool awaits_correction;
	int64_t to_ms;
};

static void read_span(sqlite3_stmt *st, struct span_row *ret)
{
	bool timed = sqlite3_column_int(st, 1);
	bool has_offset = sqlite3_column_type(st, 5) != SQLITE_NULL;

	ret->last = (uint64_t)sqlite3_column_int64(st, 0);
	ret->bytes = (uint64_t)sqlite3_column_int64(st, 4);
	ret->known = timed || (has_offset && sqlite3_column_int64(st, 6) == 0);
	ret->awaits_correction = sqlite3_column_int(st, 7);
	ret->to_ms = sqlite3_column_int64(st, 3);
	if (!timed && has_offset)
		ret->to_ms = fg_time_add(ret->to_ms, sqlite3_column_int64(st, 5) / 1000);
}

/* How far from the front rows may go: the last number of a span, 0 for none. Spans whose time is
 * not known, or an estimate, go with a later one that is expired; none before its corrections. */
static int choose(struct fg_spool *s, const struct verdict *v, uint64_t *ret_upto)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_SPANS];
	uint64_t bytes = 0, step_end = 0, upto = 0;
	struct span_row span;
	int rc;

	while ((rc = fg_sql_step(st)) > 0) {
		read_span(st, &span);
		if (span.last >= v->delivered_below || (span.awaits_correction && !v->for_room))
			break;
		bytes += span.bytes;
		if (!step_end || bytes <= STEP_BYTES)
			step_end = span.last;
		if (v->for_room) {
			upto = span.last;
		} else if (span.known && span.to_ms < v->future_ms) {
			if (span.to_ms >= v->cutoff_ms)
				break;
			upto = span.last;
		}
		if (upto && bytes >= STEP_BYTES)
			break;
	}
	if (rc < 0)
		return fg_spool_fail(s, rc, "look for old readings");
	*ret_upto = FG_MIN(upto, step_end);
	return FG_OK;
}

/* What removed destinations lose with the rows up to `upto`. */
static int note_losses(struct fg_spool *s, uint64_t upto, const struct fg_removed *removed)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_ROWS];
	struct fg_loss_set set;
	unsigned readings = 0;
	int rc = FG_OK;

	if (fg_removed_first(removed) > upto)
		return FG_OK;
	fg_loss_init(&set, s, removed->owed, removed->count, FG_REASON_MAX_SIZE);
	sqlite3_bind_int64(st, 1, 0);
	sqlite3_bind_int64(st, 2, fg_sql_seq(upto));
	while (rc == FG_OK && (rc = fg_sql_step(st)) > 0)
		rc = fg_loss_add_row(&set, (uint64_t)sqlite3_column_int64(st, 0),
			sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1), NULL,
			&readings);
	if (rc == FG_OK)
		rc = fg_loss_store(&set);
	fg_loss_fini(&set);
	return rc;
}

/* What the rows up to `upto` are to the ledgers. */
static int note_freed(struct fg_spool *s, uint64_t upto)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_ROWS];
	struct fg_freed_set set;
	int rc = fg_freed_init(&set, s);

	if (rc == FG_OK && fg_freed_first(&set) <= upto) {
		sqlite3_bind_int64(st, 1, fg_sql_seq(fg_freed_first(&set)));
		sqlite3_bind_int64(st, 2, fg_sql_seq(upto));
		while (rc == FG_OK && (rc = fg_sql_step(st)) > 0)
			rc = fg_freed_add_row(&set, (uint64_t)sqlite3_column_int64(st, 0),
				sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
		if (rc == FG_OK)
			rc = fg_freed_store(&set);
	}
	fg_freed_fini(&set);
	return rc;
}

static int delete_in_group(struct fg_spool *s, uint64_t upto, uint64_t *ret_rows)
{
	int rc;

	sqlite3_bind_int64(s->st[ST_DELETE_ROWS], 1, fg_sql_seq(upto));
	rc = fg_sql_run(s->st[ST_DELETE_ROWS]);
	if (rc < 0)
		return rc;
	*ret_rows = (uint64_t)sqlite3_changes64(s->db);
	sqlite3_bind_int64(s->st[ST_DELETE_SPANS], 1, fg_sql_seq(upto));
	rc = fg_sql_run(s->st[ST_DELETE_SPANS]);
	if (rc == FG_OK)
		rc = fg_sql_run(s->st[ST_DELETE_BOOTS]);
	return rc;
}

static int delete_upto(struct fg_spool *s, uint64_t upto, const struct fg_removed *removed)
{
	uint64_t rows = 0;
	int rc = fg_spool_begin(s);

	if (rc < 0)
		return rc;
	rc = note_losses(s, upto, removed);
	if (rc == FG_OK)
		rc = note_freed(s, upto);
	if (rc == FG_OK)
		rc = delete_in_group(s, upto, &rows);
	if (rc < 0)
		fg_spool_fail(s, rc, "delete old readings");
	else
		rc = fg_spool_commit(s);
	if (rc < 0) {
		fg_spool_rollback(s);
		return rc;
	}
	s->now.rows -= FG_MIN(rows, s->now.rows);
	return FG_OK;
}

/* Sets the bounds' memory: work starts at the high bound and goes on down to the low one. */
static int watch_room(struct fg_spool *s)
{
	int64_t used;
	int rc = fg_spool_used_pages(s, &used);

	if (rc < 0)
		return rc;
	if (used >= s->limits.pages_high)
		s->shrinking = true;
	else if (used <= s->limits.pages_low)
		s->shrinking = false;
	return FG_OK;
}

/* Whether pages are to be freed for what comes next, because the file cannot grow. */
static int watch_disk(struct fg_spool *s, bool *ret)
{
	int64_t unused = 0;
	int rc = s->starved ? fg_sql_step_int(s->st[ST_PAGES_FREE], &unused) : FG_OK;

	*ret = s->starved && unused < s->limits.wal_pages;
	return rc < 0 ? fg_spool_fail(s, rc, "measure the store") : FG_OK;
}

/* Below this number all is accounted for: what the ledgers' running periods count in is behind it,
 * and a start after a crash looks for it there. */
static int accounted_below(struct fg_spool *s, uint64_t *ret)
{
	int64_t seq = 0;
	int rc = fg_sql_step_int(s->st[ST_LEDGER_FIRST], &seq);

	*ret = seq > 0 ? (uint64_t)seq : 0;
	return rc < 0 ? fg_spool_fail(s, rc, "read how far accounts go") : FG_OK;
}

static int choose_expired(struct fg_spool *s, int64_t now_wall_ms, uint64_t delivered_below,
	uint64_t *ret_upto)
{
	int64_t slack = s->expiring ? 0 : FG_MIN(s->limits.keep_ms / 32, SLACK_MS_MAX);
	struct verdict v = {
		.delivered_below = fg_planted(FG_PLANT_EXPIRE_OWED) ? FG_SEQ_END : delivered_below,
		.cutoff_ms = now_wall_ms - s->limits.keep_ms - slack,
		.future_ms = now_wall_ms + SLACK_MS_MAX,
	};
	uint64_t accounted;
	int rc;

	*ret_upto = 0;
	if (now_wall_ms <= 0)
		return FG_OK;
	rc = accounted_below(s, &accounted);
	if (rc < 0)
		return rc;
	v.delivered_below = FG_MIN(v.delivered_below, accounted);
	rc = choose(s, &v, ret_upto);
	if (rc == FG_OK)
		s->expiring = *ret_upto > 0;
	return rc;
}

/* Delivered rows whatever their age: those that are accounted for first, since after a crash the
 * others would be told as missing. */
static int choose_delivered(struct fg_spool *s, uint64_t delivered_below, uint64_t *ret_upto)
{
	struct verdict v = {.for_room = true};
	uint64_t accounted;
	int rc = accounted_below(s, &accounted);

	if (rc < 0)
		return rc;
	v.delivered_below = FG_MIN(delivered_below, accounted);
	rc = choose(s, &v, ret_upto);
	if (rc < 0 || *ret_upto)
		return rc;
	v.delivered_below = delivered_below;
	return choose(s, &v, ret_upto);
}

/* Room among what somebody lacks, or behind it: where what is lacked stays (drop-newest), delivered
 * rows lie there all the same, and only the caller knows which. */
static int make_room(struct fg_spool *s, const struct fg_tidy *tidy,
	const struct fg_removed *removed)
{
	size_t count = tidy->owed_count + removed->count;
	struct fg_owed *owed;
	int rc;

	if (!tidy->owed)
		return FG_TIDY_WANTS_ROOM;
	owed = calloc(count + 1, sizeof(*owed));
	if (!owed)
		return FG_ENOMEM;
	if (tidy->owed_count)
		memcpy(owed, tidy->owed, tidy->owed_count * sizeof(*owed));
	if (removed->count)
		memcpy(owed + tidy->owed_count, removed->owed, removed->count * sizeof(*owed));
	rc = fg_room_step(s, tidy, owed, count);
	free(owed);
	return rc;
}

static int tidy_rows(struct fg_spool *s, const struct fg_tidy *tidy,
	const struct fg_removed *removed)
{
	uint64_t upto = 0;
	bool cannot_grow;
	int rc = watch_room(s);

	if (rc == FG_OK)
		rc = watch_disk(s, &cannot_grow);
	if (rc == FG_OK && (s->shrinking || cannot_grow))
		rc = choose_delivered(s, tidy->delivered_below, &upto);
	if (rc == FG_OK && !upto)
		rc = choose_expired(s, tidy->now_wall_ms,
			FG_MIN(tidy->delivered_below, fg_removed_first(removed)), &upto);
	if (rc == FG_OK && upto) {
		rc = delete_upto(s, upto, removed);
		return rc < 0 ? rc : FG_TIDY_MORE;
	}
	return rc == FG_OK && s->shrinking ? make_room(s, tidy, removed) : rc;
}

int fg_spool_tidy(struct fg_spool *s, const struct fg_tidy *tidy)
{
	struct fg_removed removed = {0};
	int rc = fg_removed_load(s, tidy->now_wall_ms, &removed);

	if (rc == FG_OK)
		rc = tidy_rows(s, tidy, &removed);
	fg_removed_fini(&removed);
	if (rc == FG_OK)
		fg_reserve_keep(s);
	return rc;
}
