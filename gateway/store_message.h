/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_STORE_MESSAGE_H
#define FG_GATEWAY_STORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config/config.h"
#include "storage/spool.h"

/* What the core says to the store and what the store tells. The functions below make messages and
 * hand them to a sink: the storage thread's (store.h), or the engine's own where a simulation has
 * no threads (store_engine.h). */

enum fg_store_event_type {
	FG_STORE_COMMITTED, /* a: what was handed over with numbers below is dealt with for good */
	FG_STORE_RESERVED,  /* a: numbers below may be used */
	FG_STORE_FAILED, /* text: why */
	FG_STORE_RECOVERED,
	FG_STORE_DROPPED,      /* a, b: numbers [a, b); c: how many readings */
	FG_STORE_SIZE,	       /* a: bytes; b: rows */
	FG_STORE_CALLED,       /* call: done */
	FG_STORE_ERA,	       /* a: number; its time is durable */
	FG_STORE_NUMBERS_USED, /* text: destination, or corrections; a: first; b: max; c: used;
				* more */
	FG_STORE_LOSSES,       /* text: destination, empty for all; a: rows that wait */
	FG_STORE_WANTS_ROOM,   /* answered by fg_store_make_room */
	FG_STORE_ROOM_MADE,
	FG_STORE_NOTED, /* text: the key of a note of the kind "retained", stored or refused */
	FG_STORE_NOTE_REFUSED, /* text: kind and key of a note that there is no room for, ever */
	FG_STORE_DAMAGED,  /* text: the file is damaged; it is set aside next */
	FG_STORE_SALVAGED, /* text: what was saved; writing goes on */
};

struct fg_store_call {
	int (*run)(struct fg_spool *spool, void *arg); /* outside a group commit */
	void *arg;
	int result;
};

struct fg_store_event {
	enum fg_store_event_type type;
	uint64_t a, b, c;
	bool more, corrections;
	struct fg_store_call *call;
	char text[200];
};

typedef void (*fg_store_event_fn)(void *arg, const struct fg_store_event *event);

enum fg_store_message_type {
	/* in group commits, in this order of arrival */
	FG_STORE_MSG_APPEND,
	FG_STORE_MSG_DELIVERY,
	FG_STORE_MSG_ERA,
	FG_STORE_MSG_RESTAMP_BEGIN,
	FG_STORE_MSG_RESTAMP,
	FG_STORE_MSG_ISSUE_LOSSES,
	FG_STORE_MSG_LEDGER,
	FG_STORE_MSG_FORGET_LEDGER,
	FG_STORE_MSG_STATE,
	FG_STORE_MSG_DESTINATIONS,
	/* before or after the group that they stand in */
	FG_STORE_MSG_RESERVE,
	FG_STORE_MSG_EXPIRE,
	FG_STORE_MSG_LIMITS,
	FG_STORE_MSG_CALL,
	/* overtake everything; the newest replaces an older one */
	FG_STORE_MSG_ROOM,
	FG_STORE_MSG_DAMAGED,
	/* several of those in group commits, which are stored together or not at all */
	FG_STORE_MSG_BUNDLE,
};

struct fg_store_message {
	enum fg_store_message_type type;
	uint32_t count;
	uint64_t a, b;
	char name[FG_DESTINATION_NAME];
	struct fg_store_call *call;
	bool bundled, joined; /* one of a bundle; another one of it follows */
};

/* The longest payload of any message. */
#define FG_STORE_PAYLOAD_MAX (80u << 10)

/* Takes a copy. urgent: the receiver is not to wait for its commit interval. FG_EFULL: no room. */
struct fg_store_sink {
	int (*push)(void *arg, const struct fg_store_message *m, const void *payload, size_t len,
		bool urgent);
	void *arg;
};

/* None blocks. FG_EFULL: the store is too far behind, nothing was taken. */
int fg_store_append(struct fg_store_sink *to, uint64_t first_seq, unsigned count,
	const void *record, size_t len);
int fg_store_save_delivery(
	struct fg_store_sink *to, const char *destination, const struct fg_ranges *r);
int fg_store_reserve(struct fg_store_sink *to, uint64_t limit);
int fg_store_set_era(struct fg_store_sink *to, const struct fg_era *era);
int fg_store_restamp_begin(struct fg_store_sink *to, uint32_t era, int64_t true_offset_us);
/* Both take numbers from first_seq on, in order with appends and below the reservation, like
 * them; FG_STORE_NUMBERS_USED says how many. */
int fg_store_restamp(struct fg_store_sink *to, uint64_t first_seq, unsigned max);
int fg_store_issue_losses(
	struct fg_store_sink *to, const char *destination, uint64_t first_seq, unsigned max);
int fg_store_set_ledger(struct fg_store_sink *to, const struct fg_ledger_row *row);
int fg_store_forget_ledger(struct fg_store_sink *to, const char *device);
/* A note (spool.h, notes). FG_EINVAL: it is longer than one may be, for ever. */
int fg_store_set_state(struct fg_store_sink *to, const char *kind, const char *key,
	const void *bytes, size_t len);
/* now_wall_ms: 0 while it is not known. Losses are told for these and for all ("") from then on. */
int fg_store_set_destinations(struct fg_store_sink *to, const char *const *names, size_t count,
	int64_t now_wall_ms);
int fg_store_expire(struct fg_store_sink *to, int64_t now_wall_ms, uint64_t delivered_below);
/* Of `conf` only the limits: keep_ms, max_bytes, when_full. */
int fg_store_set_limits(struct fg_store_sink *to, int64_t commit_interval_us,
	const struct fg_spool_conf *conf);
int fg_store_call(struct fg_store_sink *to, struct fg_store_call *call);
/* Sets that are too long for a message are cut at their upper end, and drop_below with them: what
 * may go is always told exactly. */
int fg_store_make_room(struct fg_store_sink *to, const struct fg_owed *owed, size_t count,
	uint64_t drop_below);
/* A reader found the file damaged. */
int fg_store_found_damage(struct fg_store_sink *to);

/* What a STATE message says: names and bytes within its payload. FG_ECORRUPT. */
struct fg_store_note {
	const char *kind, *key;
	const void *bytes;
	size_t len;
};
int fg_store_note_decode(const void *payload, size_t len, struct fg_store_note *ret);

/* Collects what is to be stored together: what is pushed into its sink waits for the end, which
 * hands it over as one message. A push that failed makes the end fail. */
struct fg_store_bundle {
	struct fg_store_sink sink;
	struct fg_buf bytes; /* as they wait in the engine: length, message, payload */
	size_t last;	     /* where the last message begins */
	int status;
};
void fg_store_bundle_begin(struct fg_store_bundle *b);
/* keep: otherwise what was collected is dropped. Nothing was taken where it fails; FG_EINVAL: it is
 * more than one message can hold. */
int fg_store_bundle_end(struct fg_store_bundle *b, bool keep, struct fg_store_sink *to);

/* The sets of a ROOM message, whose payload has to outlive it. FG_ECORRUPT, FG_ENOMEM. */
struct fg_store_room {
	struct fg_owed *owed;
	size_t count;
	uint64_t drop_below;
};
int fg_store_room_decode(const struct fg_store_message *m, const void *payload, size_t len,
	struct fg_store_room *ret);
void fg_store_room_fini(struct fg_store_room *room);

#endif
