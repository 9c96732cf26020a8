/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_LOG_H
#define FG_BASE_LOG_H

#include <stdbool.h>

#include "base/cleanup.h"

/* Severities as syslog and the journal number them. */
enum fg_log_level {
	FG_LOG_ERR = 3,
	FG_LOG_WARNING = 4,
	FG_LOG_NOTICE = 5,
	FG_LOG_INFO = 6,
	FG_LOG_DEBUG = 7,
};

/* What --debug can select. "modbus" prints every frame in the form of tests/replay. */
#define FG_DEBUG_TOPICS(X) X(config) X(schedule) X(modbus) X(coap) X(spool) X(mqtt) X(core)

enum fg_debug_topic {
#define X(name) FG_DEBUG_##name,
	FG_DEBUG_TOPICS(X)
#undef X
	FG_DEBUG_COUNT
};

/* Writes one line to stderr, as "<N>text" when stderr is the journal, else as text with the time.
 * Any thread; may block as long as stderr does. A line over 1 KiB is cut. */
void fg_log(enum fg_log_level level, const char *fmt, ...) FG_PRINTF(2, 3);

#define fg_error(...) fg_log(FG_LOG_ERR, __VA_ARGS__)
#define fg_warning(...) fg_log(FG_LOG_WARNING, __VA_ARGS__)
#define fg_notice(...) fg_log(FG_LOG_NOTICE, __VA_ARGS__)
#define fg_info(...) fg_log(FG_LOG_INFO, __VA_ARGS__)

/* Debug lines are made only where their topic is on. */
bool fg_debug_on(enum fg_debug_topic topic);
#define fg_debug(topic, ...)                                                                       \
	do {                                                                                       \
		if (fg_debug_on(topic))                                                            \
			fg_log(FG_LOG_DEBUG, __VA_ARGS__);                                         \
	} while (0)

/* Turns topics on: "modbus,spool" or "all". Returns FG_EINVAL for an unknown name; nothing is
 * changed then. */
int fg_debug_select(const char *topics);

/* Lines less urgent than this are dropped (default FG_LOG_DEBUG). */
void fg_log_set_level(enum fg_log_level level);

#endif
