/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_SEAMS_H
#define TESTS_SIMULATION_SEAMS_H

#include <stdint.h>

#include "base/rng.h"

/* What the program asks the machine for and a seed answers. */
void seams_reset(uint64_t seed);
/* Another boot begins: another boot id. */
void seams_boot(void);
const char *seams_boot_id(void);

#endif
