/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_REMOVED_H
#define FG_STORAGE_REMOVED_H

#include "storage/spool_private.h"

/* Destinations that the configuration no longer names, within their grace. */
struct fg_removed {
	struct fg_owed *owed;
	size_t count;
};

/* Reads them; those whose grace is over are forgotten, which the log tells. */
int fg_removed_load(struct fg_spool *s, int64_t now_wall_ms, struct fg_removed *ret);
void fg_removed_fini(struct fg_removed *r);

/* The least number that one of them lacks; FG_SEQ_END for none. */
uint64_t fg_removed_first(const struct fg_removed *r);

#endif
