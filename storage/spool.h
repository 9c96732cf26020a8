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

/* Told at the beginning and now and then while opening, salvaging or copying takes long, from
 * within it: what is being done (words for people), and how many rows so far (0: not counted). */
struct fg_progress {
	void (*fn)(void *arg, const char *doing, uint64_t rows); /* may be NULL */
	void *arg;
};

struct fg_spool_conf {
	const char *file;
	const char *boot_id; /* NULL: the kernel's */
	uint64_t first_seq; /* of a store that begins anew; 0: by chance, far from others */
	int64_t keep_ms;   /* history kept after delivery */
	int64_t max_bytes; /* database, WAL and side files together */
	enum fg_when_full when_full;
	struct fg_progress progress;
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
	uint32_t era;           /* of this start; its time is not known yet */
	uint32_t next_era;      /* the first number that was never used */
	bool salvaged;          /* a damaged file was set aside when it was opened, or since */
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
 * store has reached its size, the record is not stored but added to what all lose. After either the
 * group goes on. */
int fg_spool_append(struct fg_spool *s, uint64_t first_seq, unsigned count, const void *record,
	size_t len);
int fg_spool_set_delivery(struct fg_spool *s, const char *destination, const struct fg_ranges *r);
int fg_spool_forget_destination(struct fg_spool *s, const char *destination);
int fg_spool_commit(struct fg_spool *s);
void fg_spool_rollback(struct fg_spool *s);

/* What a destination has not acknowledged; *ret is overwritten. FG_ENOENT for a new destination;
 * FG_ECORRUPT where the stored state is damaged: then everything counts as not acknowledged. */
int fg_spool_delivery(struct fg_spool *s, const char *destination, struct fg_ranges *ret);

/* ---- time ----
 *
 * An era is a stretch of readings with one relation between monotonic and wall time. Each start of
 * the gateway begins one, and each correction of the clock while it runs. Readings of an era that
 * were stored without wall time get it from here: wall = mono + offset. Once an era has an offset
 * it never gets another one, so what was published never changes: when an estimate proves wrong,
 * corrections follow under numbers of their own. */
struct fg_era {
	uint32_t number;
	bool timed;	        /* offset_us is known */
	int64_t offset_us;
	uint32_t uncertainty_s; /* 0: it is right, not an estimate */
	bool weak; /* by a clock that nobody confirmed yet: it may prove wrong */
};
/* The largest uncertainty: nothing is known of how late it is at most (ten years). */
#define FG_UNCERTAIN_UNBOUNDED 315360000u

/* In a group. Adds an era of this boot, or gives one its time; FG_EINVAL where it has another one
 * already (the group goes on). A weak one that is given the same time again, not weak, is
 * confirmed. */
int fg_spool_set_era(struct fg_spool *s, const struct fg_era *era);

/* Eras without a time or with an estimated one, and those of this boot with a weak one, in order of
 * number, the present one not included.
 * `same_boot`: monotonic time is the present one's. from/to_mono_us: of its first and last row, if
 * it has any. before_ms: the newest wall time known in the rows before it (INT64_MIN: none). */
typedef void (*fg_era_fn)(void *arg, const struct fg_era *era, bool same_boot, bool has_rows,
	int64_t from_mono_us, int64_t to_mono_us, int64_t before_ms);
int fg_spool_open_eras(struct fg_spool *s, fg_era_fn fn, void *arg);

/* The newest wall time in the store that is no estimate, of whatever row; INT64_MIN: none. */
int fg_spool_newest_ms(struct fg_spool *s, int64_t *ret_ms);

/* Corrections of a whole era: the readings of it that have a value or a cause of their own are
 * appended again with true time, as records that replace them. The job is durable and goes on
 * after a restart; each reading is corrected once. Both in a group. */
int fg_spool_restamp_begin(struct fg_spool *s, uint32_t era, int64_t true_offset_us);
/* The next at most `max` numbers from first_seq on; *ret_used how many it took, *ret_more whether
 * any job has more to do. Same conditions as for an append. */
int fg_spool_restamp(struct fg_spool *s, uint64_t first_seq, unsigned max, unsigned *ret_used,
	bool *ret_more);
/* Whether any job has more to do. Outside a group. */
int fg_spool_restamping(struct fg_spool *s, bool *ret);

/* ---- what was lost ----
 *
 * Readings, gaps and accounts that are dropped before a destination acknowledged them are added up
 * here, in the transaction that drops them: a row for each destination, point and cause, so it is
 * bounded. When there is room and somebody to tell, they become gaps and accounts with numbers of
 * their own, and go the way of a reading. The sum over all is never wrong. */

/* What a destination has not got. `doubt`: numbers that were sent and not acknowledged; nobody
 * knows whether they arrived, so they are dropped last. They are told like the others: a count that
 * may be one too many is better than a loss that nobody hears of. */
struct fg_owed {
	const char *destination;
	unsigned domains; /* bits of enum fg_domain that it selects */
	struct fg_ranges unacked, doubt;
};

/* How many rows wait to be told for a destination (those that are for all included). */
int fg_spool_losses(struct fg_spool *s, const char *destination, unsigned *ret);
/* In a group. Turns at most `max` of them into stored gaps and accounts from first_seq on;
 * *ret_used: how many numbers were taken. FG_EINVAL where they are used or not reserved; the group
 * goes on. */
int fg_spool_issue_losses(struct fg_spool *s, const char *destination, uint64_t first_seq,
	unsigned max, unsigned *ret_used);

/* ---- the ledger ----
 *
 * How far each device's account is written: readings of it with a time from to_ms on are in no
 * account yet; they have numbers from from_seq on. */
struct fg_ledger_row {
	char device[64];
	int64_t to_ms;
	uint64_t from_seq;
	bool clean; /* nothing was taken after to_ms: the gateway ended in order */
};
int fg_spool_set_ledger(struct fg_spool *s, const struct fg_ledger_row *row); /* in a group */
int fg_spool_forget_ledger(struct fg_spool *s, const char *device);	       /* in a group */
int fg_spool_ledger(struct fg_spool *s, void (*fn)(void *arg, const struct fg_ledger_row *row),
	void *arg);

/* ---- notes ----
 *
 * What the core wants to find again at the next start: small notes by kind and key, the newest of
 * each. They are no readings: nobody is sent one, and a damaged one is simply not there. */
#define FG_STATE_NOTE_MAX (64u << 10)
#define FG_STATE_NAME_MAX 256u /* kind and key together, with their NULs */

/* In a group; what was appended in the same one is stored with it or not at all. len 0: forgets it.
 * FG_EINVAL where it is too long, a name is empty or too long, or all together would be more than a
 * 16th of the store's size (at most 4 MiB): the older note stays and the group goes on. */
int fg_spool_set_state(
	struct fg_spool *s, const char *kind, const char *key, const void *bytes, size_t len);
/* All of them, in order of kind and key. Outside a group; what it is given is lent for the call. */
typedef void (*fg_state_fn)(
	void *arg, const char *kind, const char *key, const void *bytes, size_t len);
int fg_spool_each_state(struct fg_spool *s, fg_state_fn fn, void *arg);

/* ---- housekeeping ---- */

enum fg_tidy_result {
	FG_TIDY_DONE,
	FG_TIDY_MORE,	    /* call again */
	/* nothing more can go from the front on: call with `owed`. With drop-newest what somebody
	 * lacks stays all the same, and what all have behind it goes. */
	FG_TIDY_WANTS_ROOM,
};

struct fg_tidy {
	int64_t now_wall_ms;	  /* 0 while wall time is not right: then nothing expires by age */
	uint64_t delivered_below; /* every configured destination has all numbers below */
	/* Where given, undelivered readings below drop_below may go, by when_full. The caller sees
	 * to it that none of them is published meanwhile, so that `owed` stays true. */
	const struct fg_owed *owed;
	size_t owed_count;
	uint64_t drop_below;
	/* told after the step is durable: numbers that are gone, how many undelivered readings of
	 * quality 1 to 4. Thinned rows are told by their count alone, with from = to = 0: so many
	 * holes would break up every set of ranges. */
	void (*dropped)(void *arg, uint64_t from, uint64_t to, unsigned count);
	void *arg;
};

/* A bounded step each call, outside a group: expires delivered history, frees what is kept for
 * removed destinations after their grace (the log tells), keeps the size and the ballast. Negative
 * on failure. */
int fg_spool_tidy(struct fg_spool *s, const struct fg_tidy *tidy);

/* A destination that the configuration no longer names keeps its backlog for this long. */
#define FG_REMOVED_GRACE_MS (INT64_C(24) * 3600 * 1000)
/* In a group: names those that are configured; others are removed since now_wall_ms (0: not known
 * yet, their grace begins later), if they were not already. */
int fg_spool_set_destinations(
	struct fg_spool *s, const char *const *names, size_t count, int64_t now_wall_ms);

/* Without room on the disk: gives the space back that is held for this (spool I14), so that
 * delivery state and deletions can still be written; taken again when there is room. */
int fg_spool_use_reserve(struct fg_spool *s);

/* ---- damage, copies ---- */

/* Whether the last failure means that the file itself is damaged. */
bool fg_spool_damaged(const struct fg_spool *s);
/* Right after opening what was salvaged while the gateway ran: it goes on with the numbers that it
 * had reserved, from next_seq on, as far as they are above all that is stored. Without this only
 * numbers above the reservation can be appended. */
int fg_spool_resume(struct fg_spool *s, uint64_t next_seq);
/* Sets FILE and its side files aside as FILE.damaged-DATE and writes every row that can be read
 * into a new one. `why` says what was saved and what was lost. Nobody has the file open. */
int fg_spool_salvage(const struct fg_spool_conf *conf, int64_t now_wall_ms, struct fg_buf *why);

/* A consistent copy while a gateway may be running on the file. progress may be NULL. */
int fg_spool_backup(const char *file, const char *copy, const struct fg_progress *progress,
	struct fg_buf *why);
/* Puts a copy in FILE's place; no gateway may be running. Numbers go on far above all that the
 * copy, or a store that is there, may have used. */
int fg_spool_restore(const char *copy, const char *file, const struct fg_progress *progress,
	struct fg_buf *why);

/* Reads through the file, beside a running gateway or without one (`idle`: then no side file is
 * made), until the moment `until_mono_us`. FG_OK: it is sound; FG_ETIMEOUT: so far, there was no
 * time for all of it; FG_ECORRUPT: `found` says what is damaged; FG_EAGAIN: it was not idle, what
 * seemed damaged may be sound; or why it cannot be read. */
int fg_spool_verify(const char *file, bool idle, int64_t until_mono_us, struct fg_buf *found);

/* The text of the last failure. */
const char *fg_spool_error(const struct fg_spool *s);

#endif
