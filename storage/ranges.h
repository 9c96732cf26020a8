/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_RANGES_H
#define FG_STORAGE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A set of sequence numbers as sorted, disjoint, non-adjacent intervals [from, to): what a
 * destination has not acknowledged. The last interval is usually open: to is FG_SEQ_END. Bounded:
 * when there are more than FG_RANGES_MAX intervals, the two that lie nearest are joined, which
 * may repeat readings and never loses one. */
#define FG_SEQ_END UINT64_MAX
#define FG_RANGES_MAX 1024

struct fg_range {
	uint64_t from, to;
};

struct fg_ranges {
	struct fg_range *items;
	size_t count, cap;
};

void fg_ranges_init(struct fg_ranges *r);
void fg_ranges_fini(struct fg_ranges *r);
/* Makes `to`, which is initialised, equal to `from`. */
int fg_ranges_copy(struct fg_ranges *to, const struct fg_ranges *from);

/* Both keep the invariants; FG_EINVAL unless from < to. FG_ENOMEM leaves the set as it was. */
int fg_ranges_add(struct fg_ranges *r, uint64_t from, uint64_t to);
int fg_ranges_remove(struct fg_ranges *r, uint64_t from, uint64_t to);

bool fg_ranges_has(const struct fg_ranges *r, uint64_t seq);
/* The first interval part at or above seq: true with its bounds. */
bool fg_ranges_next(const struct fg_ranges *r, uint64_t seq, struct fg_range *ret);
/* The least member; FG_SEQ_END for an empty set. */
uint64_t fg_ranges_first(const struct fg_ranges *r);
/* How many members lie below `limit`. */
uint64_t fg_ranges_count_below(const struct fg_ranges *r, uint64_t limit);

/* A compact stored form with a checksum, and back into a set that is overwritten; FG_ECORRUPT for
 * bytes that are no such form. */
void fg_ranges_encode(const struct fg_ranges *r, struct fg_buf *out);
int fg_ranges_decode(const void *bytes, size_t len, struct fg_ranges *ret);

#endif
