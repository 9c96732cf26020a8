/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_FREED_H
#define FG_STORAGE_FREED_H

#include "storage/reader.h"
#include "storage/spool_private.h"

/* Entries that went for want of room, or were refused for it, before an account told of them: a
 * start after a crash would look for them and take them for missing. They are counted, by point and
 * hour, in the transaction that deletes or refuses them, until the ledger's row is beyond them. */

struct fg_freed; /* so many of a point */

#define FG_FREED_BUCKETS 64

struct fg_freed_ledger;

struct fg_freed_set {
	struct fg_spool *s;
	uint64_t first; /* nothing below is to be noted */
	struct fg_freed_ledger *ledgers;
	size_t ledger_count;
	struct fg_freed *buckets[FG_FREED_BUCKETS];
	int rc;
};

/* In a transaction; fini also after a failure. */
int fg_freed_init(struct fg_freed_set *set, struct fg_spool *s);
void fg_freed_fini(struct fg_freed_set *set);

/* From this number on ledgers still count on rows. */
uint64_t fg_freed_first(const struct fg_freed_set *set);
/* A row that goes, or is not stored. A damaged one adds nothing. */
int fg_freed_add_row(struct fg_freed_set *set, uint64_t seq, const void *record, size_t len);
/* Adds the counts to the table. */
int fg_freed_store(struct fg_freed_set *set);

#endif
