/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_RNG_H
#define FG_BASE_RNG_H

#include <stdint.h>

/* A small seeded generator (splitmix64) for jitter and simulation; not for secrets. */
struct fg_rng {
	uint64_t state;
};

uint64_t fg_rng_next(struct fg_rng *rng);
/* Evenly from 0 to n - 1; n > 0. */
uint64_t fg_rng_below(struct fg_rng *rng, uint64_t n);
/* From the kernel's random source. */
uint64_t fg_random_seed(void);

#endif
