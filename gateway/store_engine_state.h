/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_STORE_ENGINE_STATE_H
#define FG_GATEWAY_STORE_ENGINE_STATE_H

/* What the engine's own files share; nobody else includes it. */

#include "gateway/store_engine.h"

#define FG_ENGINE_ERAS_MAX 16

struct fg_store_engine {
	struct fg_spool *spool; /* NULL: damaged and not open again yet */
	struct fg_store_engine_conf conf;
	char *file;
	fg_store_event_fn event;
	void *arg;
	struct fg_store_sink sink;
	struct fg_now now; /* of the run under way */

	struct fg_buf pending; /* in order: length, message, payload */
	size_t group_len;      /* those of the commit under way */
	size_t group_most;     /* less than all where there was no room for so many */
	bool flush, due_known;
	int64_t group_due_us; /* where due_known: not before the first run after a push */
	bool failed;
	uint64_t appended_next;	 /* with the group under way */
	uint64_t committed_next; /* numbers below are dealt with; 0: none yet */
	uint64_t first_next;	 /* the first number of this run */
	uint64_t reserved;

	bool sized, expire_asked, more_to_tidy, tidied_last, losses_changed;
	int64_t expire_now_ms;
	uint64_t expire_below;
	bool reserve_used;
	int64_t room_ask_us; /* housekeeping that wants room is looked at again then */
	struct fg_buf room_bytes; /* of `room`, whose names point into it */
	struct fg_store_room room;
	bool room_stale; /* it does not know all destinations */
	struct fg_buf names; /* of destinations, each with its NUL */

	bool damaged, salvaging;
	bool resuming; /* it is open again, but not yet told what the readings to come rely on */
	int64_t salvage_due_us;
	int64_t retry_us; /* what failed of that is not tried again before, whoever comes */
	uint64_t salvaged_last;		/* numbers up to it are in the salvaged store */
	struct fg_era eras[FG_ENGINE_ERAS_MAX];	/* of this run, the newest last */
	size_t era_count;
};

/* store_group.c */
void fg_engine_tell(struct fg_store_engine *e, struct fg_store_event event);

/* Of a message in the pending ones, with its length. */
size_t fg_engine_length_at(const char *at);
void fg_engine_cut_out(struct fg_buf *b, size_t at, size_t n);
/* What needs little room and must not wait for readings. */
bool fg_engine_is_small(const struct fg_store_engine *e, const struct fg_store_message *m);

/* Chooses the next group: whole messages and whole bundles, at least one. */
void fg_engine_choose_group(struct fg_store_engine *e);
typedef int (*fg_engine_message_fn)(struct fg_store_engine *e, struct fg_store_message *m,
	const void *payload, size_t len);
/* Calls fn for each message of the group until it fails; what fn changes in the message stays. */
int fg_engine_each(struct fg_store_engine *e, fg_engine_message_fn fn);
/* All of the group, or nothing of it; `small`: of its small messages alone. */
int fg_engine_commit_group(struct fg_store_engine *e, bool small);

/* For fg_engine_each: what comes before the commit, and what is told of it. */
int fg_engine_before(struct fg_store_engine *e, struct fg_store_message *m, const void *payload,
	size_t len);
int fg_engine_tell_done(struct fg_store_engine *e, struct fg_store_message *m,
	const void *payload, size_t len);
int fg_engine_tell_small(struct fg_store_engine *e, struct fg_store_message *m,
	const void *payload, size_t len);

#endif
