/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_STORE_H
#define FG_GATEWAY_STORE_H

#include "base/pulse.h"
#include "gateway/store_engine.h"

/* The storage thread: the only one that writes the spool. A flush on an SD card can take seconds;
 * nobody else waits for it. What comes in is kept until the group commit that holds it is durable:
 * a commit that fails is tried again, with everything that was in it. What happens in which order
 * is the engine's (store_engine.h); here is the thread around it. */
struct fg_store;

/* Takes the spool over and starts the thread; events come in it. */
int fg_store_start(struct fg_spool *spool, const struct fg_store_engine_conf *conf,
	fg_store_event_fn event, void *arg, struct fg_store **ret);

/* Where the functions of store_message.h put their messages; from the core thread. */
struct fg_store_sink *fg_store_sink(struct fg_store *s);

/* In how many looks it has not gone on with what it does (base/pulse.h). */
unsigned fg_store_look(struct fg_store *s, struct fg_pulse_seen *seen);

/* Commits what is there without waiting for the interval. */
void fg_store_flush(struct fg_store *s);

/* Commits the rest, gives unused numbers back, ends the thread and closes the spool. Blocks. */
void fg_store_stop(struct fg_store *s, uint64_t next_seq);

#endif
