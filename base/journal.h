/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_JOURNAL_H
#define FG_BASE_JOURNAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/log.h"

/* Log lines as entries with fields, in systemd's journal by its native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): one datagram an entry. */

#define FG_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* The fields of a line: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, MESSAGE_ID where the event has one,
 * and what the line begins with: FJORDGATE_DEVICE, _LINK, _POINT, _DESTINATION of "device 'a' (link
 * 'b'), point 'c': …". Messages begin with names of our configuration, so what a sensor sent can
 * make no field. */
void fg_journal_put(
	struct fg_buf *out, enum fg_log_level level, enum fg_state_id event, const char *message);

/* Sends what is in the buffer; false where the journal does not take it. Never blocks. Any
 * thread. */
bool fg_journal_send(const char *socket_path, const struct fg_buf *entry);

/* The MESSAGE_ID of an event, 32 digits; NULL: it has none. */
const char *fg_journal_id(enum fg_state_id event);

#endif
