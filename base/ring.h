/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_RING_H
#define FG_BASE_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bounded queue of messages of varying length between threads: many writers, one reader. All
 * memory is taken at init. The lock is held for a copy and nothing else. A message that does not
 * fit is refused (FG_EFULL): the writer decides what that means, nothing is dropped in here. */
struct fg_ring {
	pthread_mutex_t lock;
	unsigned char *data;
	size_t cap;        /* a power of two */
	uint64_t head, tail; /* bytes ever read, ever written */
	bool closed;
};

/* Room for messages of `bytes` in all, their 4-byte lengths included (rounded up). */
int fg_ring_init(struct fg_ring *r, size_t bytes);
void fg_ring_fini(struct fg_ring *r);

struct fg_part {
	const void *data;
	size_t len;
};

/* Appends one message made of n parts. Returns 1 when the ring was empty before (the reader may
 * need a wake-up), 0 when it was not, FG_EFULL when it does not fit, FG_ECANCELED when closed. */
int fg_ring_push(struct fg_ring *r, const struct fg_part *parts, size_t n);

/* Takes the oldest message out into mem. Returns its length, 0 when there is none. A message
 * longer than cap stays where it is and FG_EFULL is returned. */
long fg_ring_pop(struct fg_ring *r, void *mem, size_t cap);

/* Further pushes are refused; what is in can still be read. */
void fg_ring_close(struct fg_ring *r);

size_t fg_ring_used(struct fg_ring *r);

#endif
