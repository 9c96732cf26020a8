/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_LOG_LIMIT_H
#define FG_BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

/* What the world does may repeat without end: a cable that is loose, a broker that takes a
 * connection and ends it. Of lines alike (one place of the code, and the same names in front of the
 * first colon) FG_LOG_BURST are written, then one in FG_LOG_EACH_US. What is left out is counted,
 * and told with the last of it, so that the log ends with how things are. Debug lines are not
 * limited. Any thread. */

#define FG_LOG_BURST   20
#define FG_LOG_EACH_US INT64_C(300000000)

/* From now on; without it nothing is left out. */
void fg_log_limit_start(void);

/* Tells what was left out and is due at that time; now and then, and INT64_MAX at the end, which
 * also ends the limit. */
void fg_log_limit_turn(int64_t mono_us);

/* log.c: whether the line may be written. place: its format. */
bool fg_log_limit_take(enum fg_log_level level, enum fg_state_id event, const char *place,
	const char *message);
/* log.c: writes a line, without a look at limits. */
void fg_log_put(enum fg_log_level level, enum fg_state_id event, const char *message);

#endif
