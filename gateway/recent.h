/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_RECENT_H
#define FG_GATEWAY_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/series.h"
#include "model/item.h"

/* The readings of the last moments, by sequence number: those that wait for their commit, and those
 * that the live lanes have yet to publish. A ring: the oldest give way. What gives way is no
 * loss, a destination that has not seen it gets it from the store. Core thread. */
struct fg_recent_entry {
	struct fg_item item; /* text, gap, account, aggregate are owned by the ring */
	struct fg_series *series;
	int64_t mono_us;
	int64_t came_mono_us; /* when it was taken over; much later where a sensor kept it */
	bool timed; /* item.wall_ms is right */
	bool absent; /* the number was given away: the store knows what became of it */
};

struct fg_recent {
	struct fg_recent_entry *entries;
	size_t cap;
	uint64_t first, next; /* numbers held: first <= seq < next */
};

int fg_recent_init(struct fg_recent *r, size_t cap, uint64_t next_seq);
/* Makes place for so many, where it has less; without memory it stays as it is. */
void fg_recent_grow(struct fg_recent *r, size_t cap);
void fg_recent_fini(struct fg_recent *r);

/* Appends the entry for number r->next; copies its text, gap, account or aggregate (a text that
 * finds no memory is cut to nothing in this copy, the others are NULL; the store has them whole).
 * Descriptors of an account's lines are lent. */
void fg_recent_add(struct fg_recent *r, const struct fg_recent_entry *entry);

/* The next n numbers are not here and never will be. */
void fg_recent_skip(struct fg_recent *r, size_t n);

/* The last n were not given after all. */
void fg_recent_take_back(struct fg_recent *r, uint64_t n);

/* NULL where the ring no longer, or not yet, holds that number. */
const struct fg_recent_entry *fg_recent_get(const struct fg_recent *r, uint64_t seq);

/* The same, to be changed. */
struct fg_recent_entry *fg_recent_edit(struct fg_recent *r, uint64_t seq);

#endif
