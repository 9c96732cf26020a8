/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_STORE_H
#define FG_GATEWAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/spool.h"

/* The storage thread: the only one that writes the spool. A flush on an SD card can take seconds;
 * nobody else waits for it. What comes in is kept until the group commit that holds it is durable:
 * a commit that fails is tried again, with everything that was in it. */
struct fg_store;

enum fg_store_event_type {
	FG_STORE_COMMITTED, /* a: readings below are durable */
	FG_STORE_RESERVED,  /* a: numbers below may be used */
	FG_STORE_BOOT_TIMED,
	FG_STORE_FAILED, /* text: why */
	FG_STORE_RECOVERED,
	FG_STORE_DROPPED, /* a, b: numbers [a, b); c: how many readings */
	FG_STORE_SIZE,	  /* a: bytes; b: rows */
	FG_STORE_CALLED,  /* call: done */
};

struct fg_store_call {
	int (*run)(struct fg_spool *spool, void *arg); /* storage thread, outside a group commit */
	void *arg;
	int result;
};

struct fg_store_event {
	enum fg_store_event_type type;
	uint64_t a, b, c;
	struct fg_store_call *call;
	char text[128];
};

/* Called in the storage thread. */
typedef void (*fg_store_event_fn)(void *arg, const struct fg_store_event *event);

/* Takes the spool over and starts the thread. */
int fg_store_start(struct fg_spool *spool, int64_t commit_interval_us, fg_store_event_fn event,
	void *arg, struct fg_store **ret);

/* All from the core thread; none blocks. FG_EFULL: too far behind. */
int fg_store_append(
	struct fg_store *s, uint64_t first_seq, unsigned count, const void *record, size_t len);
int fg_store_save_delivery(struct fg_store *s, const char *destination, const struct fg_ranges *r);
int fg_store_reserve(struct fg_store *s, uint64_t limit);
int fg_store_boot_offset(struct fg_store *s, int64_t offset_us);
int fg_store_expire(struct fg_store *s, int64_t now_wall_ms, uint64_t delivered_below);
int fg_store_call(struct fg_store *s, struct fg_store_call *call);
void fg_store_set_interval(struct fg_store *s, int64_t commit_interval_us);
/* Commits what is there without waiting for the interval. */
void fg_store_flush(struct fg_store *s);

/* Commits the rest, gives unused numbers back, ends the thread and closes the spool. Blocks. */
void fg_store_stop(struct fg_store *s, uint64_t next_seq);

#endif
