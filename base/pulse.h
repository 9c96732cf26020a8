/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_PULSE_H
#define FG_BASE_PULSE_H

/* Whether a thread goes on: it says when it takes work up and when it waits for more, and another
 * looks now and then. It counts looks and no time, so that a suspended machine or a clock that is
 * set deceives nobody. */

#include <stdatomic.h>
#include <stdbool.h>

/* Odd: at work. Written by its thread alone. */
struct fg_pulse {
	_Atomic unsigned count;
};

/* The thread takes up a piece of work, or the next one. */
static inline void fg_pulse_work(struct fg_pulse *p)
{
	unsigned count = atomic_load_explicit(&p->count, memory_order_relaxed);

	atomic_store_explicit(&p->count, count + (count & 1 ? 2 : 1), memory_order_relaxed);
}

/* It has none, and waits. */
static inline void fg_pulse_wait(struct fg_pulse *p)
{
	unsigned count = atomic_load_explicit(&p->count, memory_order_relaxed);

	atomic_store_explicit(&p->count, (count + 1) & ~1u, memory_order_relaxed);
}

/* What somebody else has seen of it; {0} at first. */
struct fg_pulse_seen {
	unsigned count, looks;
};

/* In how many looks, this one included, the thread has not gone on with the piece of work that it
 * is at, or (`asked`) that waits for it; 0: it goes on, or waits. */
static inline unsigned fg_pulse_look(
	const struct fg_pulse *p, struct fg_pulse_seen *seen, bool asked)
{
	unsigned count = atomic_load_explicit(&p->count, memory_order_relaxed);

	if (count != seen->count || !(asked || count & 1))
		seen->looks = 0;
	else
		seen->looks++;
	seen->count = count;
	return seen->looks;
}

#endif
