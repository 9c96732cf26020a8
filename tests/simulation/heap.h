/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_HEAP_H
#define TESTS_SIMULATION_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* Whose memory is whose. All of the process comes from malloc(), that of the libraries too; what is
 * taken while the gateway runs is the gateway's, wherever it is freed. Without glibc and under
 * sanitizers, which have a malloc() of their own, nothing is counted. One thread. */

enum heap_owner { HEAP_WORLD, HEAP_GATEWAY };

bool heap_counts(void);
/* What the gateway holds now, and the most since the last call of heap_forget_peak(). */
size_t heap_used(void);
size_t heap_peak(void);
void heap_forget_peak(void);

/* From here to the end of the block memory is taken for this one. */
#define HEAP_OF(owner)                                                                             \
	FG_CLEANUP(heap_back) __attribute__((unused)) enum heap_owner heap_was_ = heap_for(owner)

/* Returns who it was before. */
enum heap_owner heap_for(enum heap_owner owner);
void heap_back(const enum heap_owner *before);

#endif
