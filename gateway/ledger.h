/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_LEDGER_H
#define FG_GATEWAY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/item.h"
#include "storage/spool.h"

/* The ledger of one device: what became of each reading that was due. Each has exactly one outcome,
 * sent, suppressed or missing, so scheduled = sent + suppressed + missing holds by construction.
 * Out of it come gaps and, each full hour, an account; the accounts of a device follow each other
 * without a hole: each begins where the one before ended.
 *
 * Times are microseconds: monotonic as long as nobody knows better, wall time from
 * fg_ledger_timed() on; before that nothing is written. There are at most two periods: the running
 * one and the one before it, which is kept for a moment after its end for what is late. Pure: time
 * comes as an argument, what is written goes through the sink. */
struct fg_ledger;

/* Each takes what it is given or returns a negative status: then the ledger keeps it and tries
 * again. gaps and account give numbers. The accounts of a period and the row that says so are
 * handed over between begin and end, and are stored together or not at all: where end fails nothing
 * of it was taken. Both NULL: each for itself. */
struct fg_ledger_sink {
	int (*gaps)(void *arg, struct fg_item *items, unsigned count); /* sets their seq */
	int (*account)(void *arg, const struct fg_account *account);
	int (*row)(void *arg, const struct fg_ledger_row *row);
	/* After each row: what the store's entries do not tell of the time since (suppressed
	 * readings, a schedule that changed) may be noted beside it. May be NULL. */
	int (*note)(void *arg, const struct fg_ledger *l, const struct fg_ledger_row *row);
	void *arg;
	void (*begin)(void *arg);
	int (*end)(void *arg, bool keep);
};

/* A ledger that begins at from_us; readings from now on have numbers from from_seq on. */
struct fg_ledger *fg_ledger_new(const char *device, int64_t from_us, uint64_t from_seq);
void fg_ledger_free(struct fg_ledger *l);
const char *fg_ledger_device(const struct fg_ledger *l);

/* Adds a point; they count from 0. `gone`: it is no longer configured, and told of only where
 * something is known of it. desc outlives the ledger. */
int fg_ledger_add_point(
	struct fg_ledger *l, uint32_t id, const struct fg_point_desc *desc, bool gone);

/* It goes on from a row of the store: the period began there. Before anything else is called.
 * Between oldest and newest lies what the store knows since; 0: nothing of known time. */
void fg_ledger_resume(struct fg_ledger *l, const struct fg_ledger_row *row, int64_t oldest_ms,
	int64_t newest_ms);
/* Outcomes that the store knows already, gaps of them included. */
void fg_ledger_add_known(struct fg_ledger *l, size_t point, uint32_t sent, uint32_t missing);
void fg_ledger_add_known_suppressed(struct fg_ledger *l, size_t point, uint64_t count);
/* The place of the point with this id; FG_ENOENT. */
int fg_ledger_find_point(const struct fg_ledger *l, uint32_t id);
/* Once time is known: notes as missing what was due from the row's time on, up to the first regular
 * time of this run (wall), and is not known. Then fg_ledger_reckoned(). */
bool fg_ledger_wants_reckoning(const struct fg_ledger *l);
/* The device changed, or came back, before all was written of what it was: readings follow after
 * all, and what is yet to be reckoned is the successor's. */
void fg_ledger_succeed(struct fg_ledger *to, struct fg_ledger *from);
void fg_ledger_reckon(struct fg_ledger *l, size_t point, int64_t first_us, int64_t interval_us);
/* The same where a schedule that changed was noted: `total` were due before slot_us, and from then
 * on one each interval. */
void fg_ledger_reckon_noted(struct fg_ledger *l, size_t point, int64_t first_us,
	int64_t interval_us, uint64_t total, int64_t slot_us);
void fg_ledger_reckoned(struct fg_ledger *l);
/* The store has its row: it need not be told of where the ledger begins. */
void fg_ledger_has_row(struct fg_ledger *l);
/* The store knows nothing of it yet: after a crash nobody would account for what is stored now. */
bool fg_ledger_is_rowless(const struct fg_ledger *l);

/* wall = mono + offset: what was noted in monotonic time gets wall time. */
void fg_ledger_timed(struct fg_ledger *l, int64_t offset_us);
bool fg_ledger_is_timed(const struct fg_ledger *l);
/* Where its running period began. */
int64_t fg_ledger_from_us(const struct fg_ledger *l);

/* The row that the store has, or will have next: what is noted beside it is of the time since. */
struct fg_ledger_row fg_ledger_row_in_force(const struct fg_ledger *l);
/* What became of a point's readings since that row; false: there is no such point. */
struct fg_ledger_since {
	uint32_t id;
	uint64_t suppressed, total; /* total: suppressed, sent and missing */
	uint64_t known;		    /* of the total, before this run */
};
bool fg_ledger_since(const struct fg_ledger *l, const struct fg_ledger_row *row, size_t point,
	struct fg_ledger_since *ret);

/* Outcomes. */
void fg_ledger_sent(struct fg_ledger *l, size_t point, int64_t at_us);
void fg_ledger_suppressed(struct fg_ledger *l, size_t point, int64_t at_us);

struct fg_ledger_missing {
	enum fg_reason reason;
	uint8_t detail;
	bool estimated;
	int64_t from_us, to_us; /* of the first and the last */
	uint64_t count;
};
void fg_ledger_missing(struct fg_ledger *l, size_t point, const struct fg_ledger_missing *m);
/* So many of them, one each step_us, each in the period of its time. */
void fg_ledger_slots(struct fg_ledger *l, size_t point, enum fg_reason reason, int64_t first_us,
	int64_t step_us, uint64_t count);

/* Begins a new period where an hour is full, or where time fell behind the beginning of the running
 * one. To be called before outcomes of `now` are noted. next_seq: the next number to be given. */
void fg_ledger_roll(struct fg_ledger *l, int64_t now_us, uint64_t next_seq);

/* The end: everything up to now is to be written, and no outcome follows. `clean`: nor will any
 * reading before the next start. */
void fg_ledger_close(struct fg_ledger *l, int64_t now_us, uint64_t next_seq, bool clean);
/* All is written after the end. */
bool fg_ledger_is_done(const struct fg_ledger *l);

/* The row, where the store has to learn it. */
int fg_ledger_write_row(struct fg_ledger *l, const struct fg_ledger_sink *sink);
/* Writes what is due. oldest_poll_us: when the oldest poll under way began; INT64_MAX: none. */
int fg_ledger_write(struct fg_ledger *l, int64_t now_us, int64_t oldest_poll_us,
	const struct fg_ledger_sink *sink);
/* When it wants to be looked at again; INT64_MAX: never. */
int64_t fg_ledger_wake_us(const struct fg_ledger *l, int64_t now_us);

/* How many were missing since the ledger began, and today (UTC). */
void fg_ledger_totals(
	const struct fg_ledger *l, int64_t now_us, uint64_t *ret_all, uint64_t *ret_today);

#endif
