/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_LOSS_H
#define FG_STORAGE_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/item.h"
#include "storage/spool.h"

/* Adding up what is dropped before a destination has acknowledged it, within one transaction; and
 * the table `loss` that keeps the sums until they are told (README.md, Losses). */

#define FG_LOSS_BUCKETS 256

struct fg_loss; /* one destination, point and cause */

struct fg_loss_set {
	struct fg_spool *s;
	const struct fg_owed *owed;
	size_t owed_count;
	enum fg_reason reason; /* of readings that are dropped now */
	struct fg_loss *buckets[FG_LOSS_BUCKETS];
	bool has_era; /* the era whose offset is known here */
	uint32_t era;
	bool has_offset;
	int64_t offset_us;
};

/* owed is lent. A destination "" with no range in unacked has nothing at all: it stands for all
 * of them. */
void fg_loss_init(struct fg_loss_set *set, struct fg_spool *s, const struct fg_owed *owed,
	size_t count, enum fg_reason reason);
void fg_loss_fini(struct fg_loss_set *set);

/* Adds what a row's entries are to those that lack them. step_ms: where the row is thinned, the
 * time between those that stay, read when the set is stored; it lives as long. *ret_readings grows
 * by the readings that somebody loses. A damaged row adds nothing. */
int fg_loss_add_row(struct fg_loss_set *set, uint64_t seq, const void *record, size_t len,
	const int64_t *step_ms, unsigned *ret_readings);

/* Adds the sums to the table; in a transaction. */
int fg_loss_store(struct fg_loss_set *set);

/* Whether a destination lacks any of the numbers first .. last. */
bool fg_owed_lacks(const struct fg_owed *owed, uint64_t first, uint64_t last);
/* Whether any of them was sent and not acknowledged. */
bool fg_owed_doubts(const struct fg_owed *owed, uint64_t first, uint64_t last);

#endif
