/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_SPAN_H
#define FG_STORAGE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/record.h"

/* The sparse index of time: a span is a run of rows of one era, with or without wall time, and
 * the bounds of the times in it. Rows without wall time count in monotonic milliseconds. A
 * span is closed after about ten minutes or 64 KiB, and is the step in which history is deleted.
 * The newest is open: it is kept in memory and found again from its rows. */
struct fg_span {
	uint64_t first, last; /* sequence numbers, both in it */
	uint32_t era;
	bool timed;
	int64_t from_ms, to_ms; /* bounds of wall time, or of time since the boot */
	uint64_t rows, bytes;   /* rows 0: nothing in it */
};

/* The span of one record alone; FG_ECORRUPT where it is none, or has another count of readings. */
int fg_span_of_record(uint64_t seq, unsigned count, const void *record, size_t len,
	struct fg_span *ret);

/* Whether `next` belongs to the same span. */
bool fg_span_fits(const struct fg_span *open, const struct fg_span *next);

/* Extends a span, which may be empty, by a later one. */
void fg_span_join(struct fg_span *open, const struct fg_span *next);

#endif
