/* SPDX-License-Identifier: EUPL-1.2 */
/* Corrections of a whole era: its readings are appended again with true time. A job's progress is
 * stored in the transaction that stores its corrections, so each reading is corrected once
 * (spool I16), whatever happens in between. */
#include <stdlib.h>

#include "base/plant.h"
#include "base/status.h"
#include "storage/spool_private.h"
#include "storage/times.h"

#define ROWS_MAX 2000		       /* looked at in one call */
#define OFFSET_LIMIT (INT64_C(1) << 59) /* record.h: beyond it are no times */

/* A job as it is stored: next_seq is the first number not looked at; -1 - next_seq when it is
 * done. It is kept until its era is gone, so that nobody begins it again. */
struct job {
	uint32_t era;
	uint64_t next;
	int64_t offset_us;
};

/* One call's work. */
struct work {
	struct fg_spool *s;
	struct job job;
	uint64_t upto;	/* the last number stored when it began */
	uint64_t seq;	/* for the next correction */
	unsigned left, rows;
	/* the readings of one row that are to be corrected */
	struct fg_item *items;
	int64_t *mono_us;
	size_t count, cap;
	bool no_memory;
	struct fg_buf row, out;
};

int fg_spool_restamp_begin(struct fg_spool *s, uint32_t era, int64_t true_offset_us)
{
	sqlite3_stmt *st = s->st[ST_RESTAMP_ADD];
	int rc;

	if (s->group != GROUP_OPEN || era == 0 || true_offset_us <= -OFFSET_LIMIT ||
		true_offset_us >= OFFSET_LIMIT)
		return fg_spool_fail(s, FG_EINVAL, "begin to correct an era");
	sqlite3_bind_int64(st, 1, era);
	sqlite3_bind_int64(st, 2, true_offset_us);
	rc = fg_sql_run(st);
	return rc < 0 ? fg_spool_fail_group(s, rc, "begin to correct an era") : FG_OK;
}

/* The first job that is not done: 1, or 0 for none. */
static int find_job(struct fg_spool *s, struct job *ret)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_RESTAMP_JOB];
	int rc = fg_sql_step(st);

	if (rc > 0)
		*ret = (struct job){.era = (uint32_t)sqlite3_column_int64(st, 0),
			.next = (uint64_t)sqlite3_column_int64(st, 1),
			.offset_us = sqlite3_column_int64(st, 2)};
	return rc;
}

static int save_job(struct work *w, bool done)
{
	sqlite3_stmt *st = w->s->st[ST_RESTAMP_STEP];
	int64_t next = fg_sql_seq(w->job.next) - (fg_planted(FG_PLANT_RESTAMP_TWICE) && !done);

	sqlite3_bind_int64(st, 1, w->job.era);
	sqlite3_bind_int64(st, 2, done ? -1 - next : next);
	return fg_sql_run(st);
}

/* The next stretch of numbers in which the era has rows: 1, or 0 for none. */
static int find_stretch(struct work *w, uint64_t *ret_from, uint64_t *ret_to)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = w->s->st[ST_RESTAMP_SPAN];
	int rc;

	sqlite3_bind_int64(st, 1, w->job.era);
	sqlite3_bind_int64(st, 2, fg_sql_seq(w->job.next));
	rc = fg_sql_step(st);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		*ret_from = FG_MAX((uint64_t)sqlite3_column_int64(st, 0), w->job.next);
		*ret_to = (uint64_t)sqlite3_column_int64(st, 1);
	} else if (!w->s->now.open.rows) {
		return 0;
	} else { /* the open span is in no index */
		*ret_from = FG_MAX(w->s->now.open.first, w->job.next);
		*ret_to = w->upto;
	}
	return *ret_from <= *ret_to && *ret_from <= w->upto;
}

/* Copies the row that holds `from`, or the next one up to `to`: 1, or 0 for none. *ret_end: the
 * first number behind it. */
static int read_row(struct work *w, uint64_t from, uint64_t to, uint64_t *ret_first,
	uint64_t *ret_end)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = w->s->st[ST_RESTAMP_ROW];
	int rc;

	sqlite3_bind_int64(st, 1, fg_sql_seq(from));
	sqlite3_bind_int64(st, 2, fg_sql_seq(to));
	while ((rc = fg_sql_step(st)) > 0) {
		const void *record = sqlite3_column_blob(st, 1);
		size_t len = (size_t)sqlite3_column_bytes(st, 1);
		struct fg_record_head head;

		*ret_first = (uint64_t)sqlite3_column_int64(st, 0);
		*ret_end = *ret_first + 1;
		if (fg_record_head(record, len, &head) == FG_OK)
			*ret_end = *ret_first + head.count;
		if (*ret_end <= from)
			continue;
		fg_buf_clear(&w->row);
		fg_buf_put(&w->row, record, len);
		return w->row.overflow ? FG_ENOMEM : 1;
	}
	return rc;
}

static bool make_room(struct work *w, size_t cap)
{
	struct fg_item *items = realloc(w->items, cap * sizeof(*items));
	int64_t *times;

	if (items)
		w->items = items;
	times = realloc(w->mono_us, cap * sizeof(*times));
	if (times)
		w->mono_us = times;
	if (items && times)
		w->cap = cap;
	return items && times;
}

static int collect(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct work *w = arg;

	if (item->kind != FG_ITEM_READING || head->replaces || head->era != w->job.era)
		return 1;
	if (item->seq < w->job.next || item->qc == FG_QC_MISSING)
		return 0;
	if (w->count == w->cap && !make_room(w, head->count)) {
		w->no_memory = true;
		return 1;
	}
	w->items[w->count] = *item;
	w->items[w->count].wall_ms = fg_wall_ms(mono_us, w->job.offset_us);
	w->mono_us[w->count++] = mono_us;
	return 0;
}

/* Appends the correction of items with numbers that follow each other. */
static int append_run(struct work *w, size_t at, unsigned count)
{
	const struct fg_record_head head = {
		.era = w->s->now.next_era - 1, /* in which it is told */
		.replaces = w->items[fg_planted(FG_PLANT_REPLACES_FIRST) ? 0 : at].seq,
		.mono_us = w->mono_us[at],
		.wall_ms = w->items[at].wall_ms,
		.has_wall = true,
		.count = count,
	};
	int rc;

	fg_buf_clear(&w->out);
	fg_record_encode(&w->out, &head, w->items + at, w->mono_us + at);
	if (w->out.overflow)
		return FG_ENOMEM;
	rc = fg_spool_append(w->s, w->seq, count, w->out.data, w->out.len);
	if (rc < 0)
		return rc;
	w->seq += count;
	w->left -= count;
	return FG_OK;
}

static int append_corrections(struct work *w, size_t count)
{
	size_t at = 0;
	int rc = FG_OK;

	while (at < count && rc == FG_OK) {
		unsigned n = 1;

		while (at + n < count && w->items[at + n].seq == w->items[at].seq + n)
			n++;
		rc = append_run(w, at, n);
		at += n;
	}
	return rc;
}

/* Corrects the row that was read, from number `from` on: 1, or 0 where it must wait
 * for more numbers. */
static int correct_row(struct work *w, uint64_t from, uint64_t first, uint64_t end, bool fresh)
{
	size_t count;
	int rc;

	w->count = 0;
	w->no_memory = false;
	if (fg_record_decode(w->row.data, w->row.len, first, collect, w) < 0) {
		w->job.next = FG_MAX(first, from) + 1; /* what it says of its end is as bad */
		return 1;
	}
	if (w->no_memory)
		return FG_ENOMEM;
	if (w->count > w->left && !fresh)
		return 0;
	count = FG_MIN(w->count, w->left);
	rc = append_corrections(w, count);
	if (rc < 0)
		return rc;
	w->job.next = count < w->count ? w->items[count].seq : end;
	return count == w->count;
}

/* As much of one job as there are numbers and rows for: 1 when it is done, 0 before. */
static int run_job(struct work *w, unsigned max)
{
	uint64_t from = 0, to = 0, first, end;
	int rc;

	while ((rc = find_stretch(w, &from, &to)) > 0) {
		while ((rc = read_row(w, from, to, &first, &end)) > 0) {
			if (w->left == 0 || w->rows == 0)
				return 0;
			w->rows--;
			rc = correct_row(w, from, first, end, w->left == max);
			if (rc <= 0)
				return rc;
			from = w->job.next;
		}
		if (rc < 0)
			return rc;
		w->job.next = FG_MAX(to + 1, from);
	}
	return rc < 0 ? rc : 1;
}

static int run_jobs(struct work *w, unsigned max, bool *ret_more)
{
	int rc, done = 1;

	while ((rc = find_job(w->s, &w->job)) > 0 && done > 0) {
		done = run_job(w, max);
		if (done < 0)
			return done;
		rc = save_job(w, done > 0);
		if (rc < 0)
			return rc;
	}
	*ret_more = rc > 0;
	return FG_MIN(rc, FG_OK);
}

int fg_spool_restamp(struct fg_spool *s, uint64_t first_seq, unsigned max, unsigned *ret_used,
	bool *ret_more)
{
	struct work w = {.s = s, .upto = s->now.last_seq, .seq = first_seq, .left = max,
		.rows = ROWS_MAX};
	bool more = false;
	int rc;

	if (s->group != GROUP_OPEN ||
		(max && (first_seq <= s->now.last_seq || first_seq < s->next_seq ||
				first_seq >= s->reserved || max > s->reserved - first_seq)))
		return fg_spool_fail(s, FG_EINVAL, "correct readings without numbers for it");
	if (s->full && max)
		return fg_spool_fail(s, FG_EFULL, "correct readings");
	fg_buf_init(&w.row, INT32_MAX);
	fg_buf_init(&w.out, INT32_MAX);
	rc = run_jobs(&w, max, &more);
	fg_buf_fini(&w.row);
	fg_buf_fini(&w.out);
	free(w.items);
	free(w.mono_us);
	if (rc < 0)
		return fg_spool_fail_group(s, rc, "correct readings");
	*ret_used = max - w.left;
	*ret_more = more;
	return FG_OK;
}

int fg_spool_restamping(struct fg_spool *s, bool *ret)
{
	unsigned used;
	int rc = fg_spool_begin(s);

	if (rc < 0)
		return rc;
	rc = fg_spool_restamp(s, 0, 0, &used, ret);
	if (rc == FG_OK)
		rc = fg_spool_commit(s);
	fg_spool_rollback(s); /* without effect after a commit */
	return rc;
}
