/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_ZONE_H
#define FG_BASE_ZONE_H

#include <stdint.h>

/* Days of local time. The zone is the process's own (TZ), as the C library has only one. */

/* "Europe/Oslo"; an unknown one is UTC. Not while another thread asks for local times. */
void fg_zone_set(const char *name);

/* The beginning of the local day that a moment lies in, and of the next one. Before 1970
 * and after the year 9999 days are those of UTC, the last one for all behind it. */
void fg_zone_day(int64_t wall_ms, int64_t *ret_from_ms, int64_t *ret_to_ms);

#endif
