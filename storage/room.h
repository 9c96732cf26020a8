/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_ROOM_H
#define FG_STORAGE_ROOM_H

#include "storage/spool_private.h"

/* What room.c and thin.c share. */

enum fg_room_pass {
	FG_ROOM_DELIVERED, /* spans that every configured destination has, wherever they lie */
	FG_ROOM_THIN,
	FG_ROOM_OLDEST,	   /* but for rows that may have arrived */
	FG_ROOM_DOUBTFUL,  /* and these, in the end */
};

struct fg_room_span {
	uint64_t first, last;
	int64_t era;
	bool timed;
	int64_t from_ms, to_ms;
	uint64_t rows, bytes;
};

/* Thinning goes through the store from the oldest on, again and again: the n-th time it leaves
 * every 2^n-th row of a source, counting those that are gone. A source is a kind of entry and the
 * first point of its rows. How far it got is durable; where within its turn each source was, is
 * not: after a restart one row more stays. */
int fg_thin_load(struct fg_spool *s);
/* False where a whole turn gave nothing. */
bool fg_thin_goes_on(const struct fg_thin *t);
/* From this number on. */
uint64_t fg_thin_at(const struct fg_thin *t);
/* The rows that follow begin at this number. */
void fg_thin_enter(struct fg_thin *t, uint64_t first);
/* Whether a row stays; else the time between those that stay, for as long as t lives. */
bool fg_thin_keeps(struct fg_thin *t, uint64_t seq, const void *record, size_t len,
	const int64_t **ret_step_ms);
/* How far the step went, in its transaction; unless `more`, the turn is at its end. */
int fg_thin_store(struct fg_thin *t, sqlite3 *db, uint64_t at, bool more, bool some_went);

#endif
