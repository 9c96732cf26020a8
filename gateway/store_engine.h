/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_STORE_ENGINE_H
#define FG_GATEWAY_STORE_ENGINE_H

#include "base/clock.h"
#include "gateway/store_message.h"

/* The store's state machine: messages become group commits, what fails is tried again, room is
 * made between. No thread, clock or lock: time is an argument, so the storage thread drives it in
 * real time and a simulation in invented time. One thread at a time.
 *
 * What a caller may rely on, and what a simulation may do:
 * - One run() does at most one of these: a salvage (or another try of what follows it), a group
 *   commit (with the reservations before and the calls after it, and after a full disk a second,
 *   small one), a step of housekeeping.
 *   Each is told by its own events, all from within that run().
 * - Events may be delivered later than they are told (a commit that takes long), but in order, and
 *   what is pushed meanwhile comes after. Between an event that is not delivered yet and a power
 *   cut nothing has to be done: what it tells is durable.
 * - After push() or flush(), run() has to be called once to learn when it is due now. */
struct fg_store_engine;

struct fg_store_engine_conf {
	int64_t commit_interval_us;
	/* to open it again after damage; the file's name is copied, boot_id lent */
	struct fg_spool_conf spool;
};

/* The spool is taken over where this succeeds. */
int fg_store_engine_new(struct fg_spool *spool, const struct fg_store_engine_conf *conf,
	fg_store_event_fn event, void *arg, struct fg_store_engine **ret);

/* FG_EFULL: it holds all it can. */
int fg_store_engine_push(struct fg_store_engine *e, const struct fg_store_message *m,
	const void *payload, size_t len, bool urgent);
/* The same for the functions of store_message.h. */
struct fg_store_sink *fg_store_engine_sink(struct fg_store_engine *e);

/* Does one thing that is due; returns when it wants to run again (mono µs; INT64_MAX: not before
 * the next push). */
int64_t fg_store_engine_run(struct fg_store_engine *e, struct fg_now now);
/* The next run commits what is there without waiting for the interval. */
void fg_store_engine_flush(struct fg_store_engine *e);

/* Bytes of messages that are not committed yet. */
size_t fg_store_engine_pending(const struct fg_store_engine *e);
/* Whether a message of the longest kind fits. */
bool fg_store_engine_has_room(const struct fg_store_engine *e);

/* For the end: commits what it holds, with a few tries; false where it cannot. */
bool fg_store_engine_rest(struct fg_store_engine *e, struct fg_now now);
/* Gives unused numbers back, closes the spool and frees the engine. */
void fg_store_engine_close(struct fg_store_engine *e, uint64_t next_seq);
/* Frees the engine alone and returns the spool (NULL: it could not be opened again): for a
 * simulated power cut. */
struct fg_spool *fg_store_engine_abandon(struct fg_store_engine *e);

#endif
