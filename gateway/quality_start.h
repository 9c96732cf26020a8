/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_QUALITY_START_H
#define FG_GATEWAY_QUALITY_START_H

#include "gateway/core.h"
#include "storage/reader.h"

/* Gives the core those newest readings that its tests look back on, as the store has them: with
 * numbers below next_seq, as far back from newest_ms on as the longest window goes. For the start,
 * before the core runs. What the store no longer has, tests begin anew without. */
int fg_quality_start(struct fg_core *core, struct fg_reader *reader, int64_t newest_ms,
	uint64_t next_seq);

#endif
