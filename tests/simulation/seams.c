/* SPDX-License-Identifier: EUPL-1.2 */
/* Chance and identity of the simulated machine: the linker sends the program's questions here. */
#include "seams.h"

#include <stdio.h>

#include "base/clock.h"

static struct fg_rng rng;
static unsigned boot;

uint64_t __wrap_fg_random_seed(void);
void __wrap_fg_clock_boot_id(char ret_id[FG_BOOT_ID_SIZE]);

void seams_reset(uint64_t seed)
{
	rng.state = seed;
	boot = 0;
}

void seams_boot(void)
{
	boot++;
}

const char *seams_boot_id(void)
{
	static char id[FG_BOOT_ID_SIZE];

	snprintf(id, sizeof(id), "51713a7e-0000-4000-8000-%012u", boot);
	return id;
}

uint64_t __wrap_fg_random_seed(void)
{
	return fg_rng_next(&rng);
}

void __wrap_fg_clock_boot_id(char ret_id[FG_BOOT_ID_SIZE])
{
	snprintf(ret_id, FG_BOOT_ID_SIZE, "%s", seams_boot_id());
}
