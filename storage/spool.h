/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_SPOOL_H
#define FG_STORAGE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/item.h"
#include "storage/ranges.h"
#include "storage/record.h"

/* The spool: every reading, durable, until all destinations have acknowledged it, and from then on
 * history. One SQLite database in WAL mode with synchronous=FULL, one row a device poll (see
 * README.md for the layout and the numbered invariants). One thread at a time for each object:
 * the writer belongs to the storage thread, each reader to whoever opened it. */

enum fg_when_full {
	FG_FULL_DROP_OLDEST,
	FG_FULL_THIN,
	FG_FULL_DROP_NEWEST,
};

struct fg_spool_conf {
	const char *file;
	int64_t keep_ms;   /* history kept after delivery */
	int64_t max_bytes; /* database, WAL and side files together */
	enum fg_when_full when_full;
};

struct fg_spool;

/* Opens or creates. On failure returns a negative status and a text for people in `why`. */
int fg_spool_open(const struct fg_spool_conf *conf, struct fg_buf *why, struct fg_spool **ret);
void fg_spool_close(struct fg_spool *s);

/* The limits may change while it is open. */
void fg_spool_set_limits(struct fg_spool *s, const struct fg_spool_conf *conf);

struct fg_spool_info {
	uint64_t next_seq;      /* at open and after release: the first never used (spool I2) */
	uint64_t reserved;      /* numbers below it may be used; see fg_spool_reserve */
	uint64_t first_seq, last_seq; /* stored readings; 0, 0: none */
	bool new_store;         /* neither database nor mark was found when it was opened */
	uint32_t boot;          /* the number of this boot in the store */
	int64_t bytes;          /* on disk now, side files included */
	uint64_t rows;
	uint64_t dropped;       /* readings dropped unsent since open, for want of room */
};
void fg_spool_info(struct fg_spool *s, struct fg_spool_info *ret);

/* Makes numbers below `limit` usable, durably, in the database and in the mark beside it, before
 * any is used (spool I2). Outside a group commit; blocks for a flush. FG_EAGAIN where another
 * process has reserved numbers in this store meanwhile: two gateways run on one database. */
int fg_spool_reserve(struct fg_spool *s, uint64_t limit);
/* At a clean end: gives back what was reserved and not used, `next_seq` and above. */
int fg_spool_release(struct fg_spool *s, uint64_t next_seq);

/* The store's id of a point descriptor, from 1: the same for the same content, for ever. Durable
 * with the next commit; a rollback does not lose it. Station and point are required. */
int fg_spool_intern(struct fg_spool *s, const struct fg_point_desc *desc, uint32_t *ret_id);

/* A group commit: begin, any number of append and set_delivery, commit. After a failure of any of
 * them: rollback; nothing of the group is stored then. commit returns only when it is durable.
 * -ENOSPC: no room on the disk or within max_bytes; fg_spool_tidy may make some. FG_EAGAIN from
 * begin: a reader or another process is in the way. */
int fg_spool_begin(struct fg_spool *s);
/* `record` is an encoded record (record.h) of the numbers first_seq .. first_seq + count - 1, which
 * are reserved and above all appended before; FG_EINVAL otherwise. FG_EFULL (drop-newest only): the
 * store has reached its size, the record is not stored. After either the group goes on. */
int fg_spool_append(struct fg_spool *s, uint64_t first_seq, unsigned count, const void *record,
	size_t len);
int fg_spool_set_delivery(struct fg_spool *s, const char *destination, const struct fg_ranges *r);
int fg_spool_forget_destination(struct fg_spool *s, const char *destination);
int fg_spool_commit(struct fg_spool *s);
void fg_spool_rollback(struct fg_spool *s);

/* What a destination has not acknowledged; *ret is overwritten. FG_ENOENT for a new destination;
 * FG_ECORRUPT where the stored state is damaged: then everything counts as not acknowledged. */
int fg_spool_delivery(struct fg_spool *s, const char *destination, struct fg_ranges *ret);

/* True time of this boot: wall = mono + offset. Stored once known; readings of the boot that were
 * stored without a time get it from here. */
int fg_spool_set_boot_offset(struct fg_spool *s, int64_t offset_us);

/* Housekeeping, a bounded step each call, outside a group commit: expires delivered history and
 * keeps the size. `now_wall_ms`: 0 while wall time is not right, then nothing expires by age.
 * `delivered_below`: every destination has all numbers below. Readings dropped unsent are told
 * through dropped(): `count` of them with from <= seq < to. Returns 1 while there is more to do,
 * 0 when there is not, or negative. */
int fg_spool_tidy(struct fg_spool *s, int64_t now_wall_ms, uint64_t delivered_below,
	void (*dropped)(void *arg, uint64_t from, uint64_t to, unsigned count), void *arg);

/* The text of the last failure. */
const char *fg_spool_error(const struct fg_spool *s);

#endif
