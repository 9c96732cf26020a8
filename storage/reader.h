/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_READER_H
#define FG_STORAGE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/item.h"
#include "storage/ranges.h"

/* Reads the spool through a connection of its own, beside the writer; sees what is committed. */
struct fg_reader;

int fg_reader_open(const char *file, struct fg_buf *why, struct fg_reader **ret);
void fg_reader_close(struct fg_reader *r);

/* Rows, or readings of them, that were passed over since it was opened because what is stored is
 * damaged. */
uint64_t fg_reader_damaged(const struct fg_reader *r);

/* Called for each entry: readings, gaps and accounts (history gives readings alone); returns 0 to
 * go on, not 0 to stop. It must be quick and call no function
 * of the reader: while it runs, the writer's log cannot be written back. Item and its text are
 * lent for the call; the descriptor lives as long as the reader. `uncertain`: of an era
 * whose time is not known; wall_ms is then meaningless. The descriptor of an account is that of its
 * first line. */
typedef int (*fg_reader_fn)(void *arg, const struct fg_item *item,
	const struct fg_point_desc *desc, bool uncertain);

/* Readings with from <= seq < to in order of seq. Returns how many were given, or negative. */
long fg_reader_range(struct fg_reader *r, uint64_t from, uint64_t to, fg_reader_fn fn, void *arg);

/* The newest reading of each point among the last `rows` rows that hold readings, in falling order
 * of seq. The newest is the one that was taken last: a correction counts as what it corrects, and
 * is given in its place. Returns how many. */
long fg_reader_latest(struct fg_reader *r, unsigned rows, fg_reader_fn fn, void *arg);

/* Readings of a station's point with since_ms <= time < until_ms, in order of seq, beginning after
 * number `after`; those of unknown time are none of them. Of a reading that was corrected, only the
 * correction is given, at its own place in the order of seq and by its own time; a verdict that
 * comes more than 32 readings of the point behind what it is on is given beside it. Returns how
 * many were given. */
long fg_reader_history(struct fg_reader *r, const char *station, const char *point,
	int64_t since_ms, int64_t until_ms, uint64_t after, fg_reader_fn fn, void *arg);
/* The same of the means and other values of that period: a place, a period may have several, each
 * replacing the one before. */
long fg_reader_aggregates(struct fg_reader *r, const char *station, const char *point,
	enum fg_told_period period, int64_t since_ms, int64_t until_ms, uint64_t after,
	fg_reader_fn fn, void *arg);
/* All entries of that time, whatever of. */
long fg_reader_times(struct fg_reader *r, int64_t since_ms, int64_t until_ms, fg_reader_fn fn,
	void *arg);

/* The numbers of all entries with since_ms <= time < until_ms, added to `ret`: for a backfill. Gaps
 * and accounts belong where they end; a reading that was corrected belongs where its correction
 * does. */
int fg_reader_period(struct fg_reader *r, int64_t since_ms, int64_t until_ms,
	struct fg_ranges *ret);

/* ---- what was freed before an account told of it ---- */

enum fg_freed_kind {
	FG_FREED_SENT,	  /* readings of quality 1 to 4, corrections not */
	FG_FREED_MISSING, /* in gaps for all destinations */
	FG_FREED_ACCOUNT, /* for all destinations; of the device of its first point */
};

/* So many of a point, within an hour; an account by itself. */
struct fg_freed_count {
	enum fg_freed_kind kind;
	uint32_t point;
	const struct fg_point_desc *desc; /* lives as long as the reader */
	uint64_t last_seq, count;
	bool timed;
	int64_t from_ms, to_ms; /* where timed */
};

/* In order of last_seq. Returns how many were given, or negative. */
long fg_reader_freed(struct fg_reader *r,
	void (*fn)(void *arg, const struct fg_freed_count *f), void *arg);

#endif
