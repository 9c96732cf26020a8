/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_RECORD_H
#define FG_STORAGE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/item.h"

/* One row of the spool: the readings of one device poll, in a compact form of its own (README.md).
 * Pure functions. */
struct fg_record_head {
	uint32_t era;      /* spool.h: whose time; 0, with wall time: the sensors' own */
	uint64_t replaces; /* the number that the first reading corrects, the next one the next; 0:
			    * these are no corrections */
	int64_t mono_us;   /* of the first reading */
	int64_t wall_ms;   /* of the first reading; only where has_wall */
	bool has_wall;     /* wall time was right when it was taken */
	unsigned count;    /* at least 1 */
};

/* Gaps, one number each: items of kind FG_ITEM_GAP with their `gap`. They are always told in wall
 * time. head: only `count` and `era` are used. */
void fg_record_encode_gaps(struct fg_buf *out, const struct fg_record_head *head,
	const struct fg_item *items);

/* One account, one number. */
void fg_record_encode_account(struct fg_buf *out, const struct fg_record_head *head,
	const struct fg_account *account);

/* Aggregates, one number each: items of kind FG_ITEM_AGGREGATE with their `aggregate`, and each
 * with its own `replaces`. They are always told in wall time. head: only `count` and `era` are
 * used. */
void fg_record_encode_aggregates(struct fg_buf *out, const struct fg_record_head *head,
	const struct fg_item *items);

/* Appends one record of readings or, where head->replaces is set, of corrections: head, then count
 * items (items[i].point, wall_ms, qc, reason, detail, tests, maintenance, alarm, notice, raw
 * and value count; seq follows from the row). Times of items are kept relative to the first.
 * mono_us[i] is each item's monotonic time. Times lie within 2^59 of zero: what does not is no
 * record when it is read. */
void fg_record_encode(struct fg_buf *out, const struct fg_record_head *head,
	const struct fg_item *items, const int64_t *mono_us);

/* Appends a record in the form in which it is stored: its checksum covers its first number too. */
void fg_record_bind(struct fg_buf *out, const void *bytes, size_t len, uint64_t first_seq);

/* Called for each item; returns not 0 to stop. */
typedef int (*fg_record_fn)(void *arg, const struct fg_record_head *head,
	const struct fg_item *item, int64_t mono_us);

/* Reads a record; fn is called for each item with seq = first_seq + i, until it returns not 0.
 * Where !head->has_wall, item->wall_ms is meaningless and the caller works the time out from
 * mono_us and the era. Text is lent from bytes. FG_ECORRUPT where the bytes are no record, or one
 * that is bound to another number: their checksum is looked at before anything is given. Copes
 * with any bytes. */
int fg_record_decode(const void *bytes, size_t len, uint64_t first_seq, fg_record_fn fn, void *arg);

/* Reads the head alone, without looking at the checksum. */
int fg_record_head(const void *bytes, size_t len, struct fg_record_head *ret);

#endif
