/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_RECORD_PRIVATE_H
#define FG_STORAGE_RECORD_PRIVATE_H

#include "base/varint.h"
#include "storage/record.h"

/* What record.c, record_ledger.c and record_aggregate.c share: the head that all records have, and
 * numbers. */

enum fg_record_type {
	FG_RECORD_READINGS = 1,
	FG_RECORD_CORRECTIONS = 2,
	FG_RECORD_GAPS = 3,
	FG_RECORD_ACCOUNT = 4,
	FG_RECORD_AGGREGATES = 5,
};

void fg_record_put_head(struct fg_buf *out, enum fg_record_type type,
	const struct fg_record_head *head);

/* Adds a stored difference to a time; bad where the result is no time. */
int64_t fg_record_add_time(struct fg_bytes *in, int64_t t);

/* A number in the shortest form that gives the same bits back; a value whose kind is known. */
void fg_record_put_number(struct fg_buf *out, double v);
double fg_record_get_number(struct fg_bytes *in);
void fg_record_put_value(struct fg_buf *out, const struct fg_value *v);
void fg_record_get_value(struct fg_bytes *in, enum fg_kind kind, struct fg_value *ret);

/* A flag as a number of three bits; false for one that is none. */
unsigned fg_record_qc_code(enum fg_qc qc);
bool fg_record_qc_of(unsigned code, enum fg_qc *ret);

/* The items of a record whose head was read; returns when fn has returned not 0, with *ret_stopped
 * set, or at the end, or where the bytes are bad. */
void fg_record_decode_gaps(struct fg_bytes *in, const struct fg_record_head *head,
	uint64_t first_seq, fg_record_fn fn, void *arg, bool *ret_stopped);
void fg_record_decode_account(struct fg_bytes *in, const struct fg_record_head *head,
	uint64_t first_seq, fg_record_fn fn, void *arg, bool *ret_stopped);
void fg_record_decode_aggregates(struct fg_bytes *in, const struct fg_record_head *head,
	uint64_t first_seq, fg_record_fn fn, void *arg, bool *ret_stopped);

#endif
