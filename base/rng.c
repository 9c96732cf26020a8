/* SPDX-License-Identifier: EUPL-1.2 */
/* splitmix64. */
#include "base/rng.h"

#include <sys/random.h>

#include "base/clock.h"

uint64_t fg_rng_next(struct fg_rng *rng)
{
	uint64_t z = (rng->state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint64_t fg_rng_below(struct fg_rng *rng, uint64_t n)
{
	return fg_rng_next(rng) % n; /* the bias is far below what jitter can show */
}

uint64_t fg_random_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != (long)sizeof(seed))
		seed = (uint64_t)fg_clock_mono_us() ^ (uint64_t)fg_clock_wall_us() << 20;
	return seed;
}
