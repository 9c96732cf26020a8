/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_LOG_H
#define FG_BASE_LOG_H

#include <stdbool.h>

#include "base/buf.h"
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

/* Main changes of state, with the id that each has in the journal (journalctl MESSAGE_ID=…). An id
 * stays with its event for ever. X(name, id, help) */
#define FG_STATE_IDS(X) \
	X(NONE, NULL, "any other line") \
	X(STARTED, "f16a3a509ce1136b42b27b6cf3372cd7", \
		"the gateway has started") \
	X(STOPPED, "1e7e68b0265662bc022cc1fdded39d60", \
		"it has stopped, in order") \
	X(DEVICE_FAILING, "3c351f97c29e4024131335d493624ea4", \
		"a device's poll failed for the first time") \
	X(DEVICE_QUARANTINED, "902bbc340bc22e0bc90322f7fcc1c404", \
		"it is left alone but for probes") \
	X(DEVICE_OK, "8b5067a943d566d266d88d2bfae75b7f", \
		"it answers or reports again") \
	X(LINK_DOWN, "21b58c962ac0f611d61ccf493d206ab6", \
		"a link is down") \
	X(LINK_UP, "9503b53531b21cabb4e1b6637f5c1114", \
		"it is up again") \
	X(DESTINATION_CONNECTED, "39ca916a80960cdddb0f39396b52fba8", \
		"a broker has taken our connection") \
	X(DESTINATION_LOST, "830e051c2a0543c7784dab7fc0565abc", \
		"a connection is lost, or cannot be made") \
	X(STORE_FAILING, "c99093311124922c43f5a5b576ecadab", \
		"the store cannot be written") \
	X(STORE_OK, "a22eb13cbd01f8cf83e59cf1680c175f", \
		"it can be written again") \
	X(ALARM_BEGINS, "12709b752f8318e40b949ebbd1004d20", \
		"an alarm of a point begins") \
	X(ALARM_ENDS, "c5a993402ff8e813267eb5304b013cb7", \
		"it ends") \
	X(RELOADED, "24890a02a95801bc3f69232ab597b020", \
		"a new configuration is in force") \
	X(RELOAD_REFUSED, "025adaf7a67afd82a5c64ba123703dad", \
		"a new configuration is refused")

enum fg_state_id {
#define X(name, id, help) FG_STATE_##name,
	FG_STATE_IDS(X)
#undef X
	FG_STATE_COUNT
};

/* Writes one line: an entry with fields where stderr is the journal (base/journal.h), "<N>text" to
 * stderr where that cannot be had, else text with the time.
 * Any thread; may block as long as stderr does. A line over 1 KiB is cut. */
void fg_log(enum fg_log_level level, const char *fmt, ...) FG_PRINTF(2, 3);

/* The same of an event. */
void fg_log_event(enum fg_log_level level, enum fg_state_id event, const char *fmt, ...)
	FG_PRINTF(3, 4);

#define fg_error(...) fg_log(FG_LOG_ERR, __VA_ARGS__)
#define fg_warning(...) fg_log(FG_LOG_WARNING, __VA_ARGS__)
#define fg_notice(...) fg_log(FG_LOG_NOTICE, __VA_ARGS__)
#define fg_info(...) fg_log(FG_LOG_INFO, __VA_ARGS__)

#define fg_error_of(id, ...) fg_log_event(FG_LOG_ERR, FG_STATE_##id, __VA_ARGS__)
#define fg_warning_of(id, ...) fg_log_event(FG_LOG_WARNING, FG_STATE_##id, __VA_ARGS__)
#define fg_notice_of(id, ...) fg_log_event(FG_LOG_NOTICE, FG_STATE_##id, __VA_ARGS__)

/* Debug lines are made only where their topic is on. */
bool fg_debug_on(enum fg_debug_topic topic);
#define fg_debug(topic, ...)                                                                       \
	do {                                                                                       \
		if (fg_debug_on(topic))                                                            \
			fg_log(FG_LOG_DEBUG, __VA_ARGS__);                                         \
	} while (0)

#define FG_DEBUG_WORDS "config, schedule, modbus, coap, spool, mqtt, core"

/* The topics of a text: "modbus,spool", "all", or "none". FG_EINVAL for an unknown name. */
int fg_debug_parse(const char *topics, unsigned *ret_mask);
/* Turns those topics on and all others off; which are on. */
void fg_debug_set(unsigned mask);
unsigned fg_debug_mask(void);
/* As fg_debug_parse() takes them; nothing for none. */
void fg_debug_names(unsigned mask, struct fg_buf *out);

/* Lines less urgent than this are dropped (default FG_LOG_DEBUG). */
void fg_log_set_level(enum fg_log_level level);

#endif
