/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CONTROL_H
#define FG_GATEWAY_CONTROL_H

/* What the files of the control socket share. The protocol: the client sends one line, words
 * separated by tabs; the daemon answers with lines of JSON, the last of which is {"end":true} or
 * {"error":TEXT,"exit":CODE}; after it the connection closes. A client that does not read is
 * bounded: a watcher loses lines (told in the next one it gets), anything else waits. */

#include "gateway/control_access.h"
#include "gateway/daemon.h"

#define FG_CLIENT_LINE 3072

struct fg_client {
	struct fg_client *next;
	struct fg_control *control;
	struct fg_daemon *daemon;
	uv_pipe_t pipe;
	char line[FG_CLIENT_LINE];
	size_t line_len;
	bool closing, ended;
	int64_t since_us;
	struct fg_peer peer;
	unsigned busy; /* work and writes under way: it lives as long */

	bool watching; /* with a filter: device, station, or station/point; NULL: all */
	char *filter;
	uint64_t lost;
	void (*drained)(struct fg_client *c); /* after a write is done or has failed */
	void *user;
};

/* Queues bytes (copied). */
void fg_client_write(struct fg_client *c, const char *bytes, size_t len);
void fg_client_end(struct fg_client *c);
void fg_client_error(struct fg_client *c, int exit_code, const char *fmt, ...) FG_PRINTF(3, 4);
/* Work that is not a write keeps the client alive from hold to release. */
void fg_client_hold(struct fg_client *c);
void fg_client_release(struct fg_client *c);

/* control_stored.c: the answer to a change by hand, whole but for its end. It is copied, and goes
 * out when all that the core has noted so far is durable; where the disk refuses, or after 10 s,
 * the client is told instead that this is not so (EX_TEMPFAIL). Gives the core a turn. */
void fg_client_answer_stored(struct fg_client *c, const char *bytes, size_t len);

/* control_debug.c: `debug [TOPICS|none [SECONDS]]`; NULL: only what is on */
void fg_control_debug(struct fg_client *c, const char *topics, const char *for_s);
void fg_debug_stop(struct fg_daemon *d);

/* control_read.c: `read DEVICE [POINT]` */
void fg_control_read(struct fg_client *c, const char *device, const char *point);
/* control_history.c: `history STATION/POINT SINCE_MS UNTIL_MS [hourly]` */
void fg_control_history(
	struct fg_client *c, const char *series, const char *since, const char *until,
	const char *period);
/* control_backfill.c: `backfill DESTINATION SINCE_MS UNTIL_MS` */
void fg_control_backfill(
	struct fg_client *c, const char *destination, const char *since, const char *until);
/* control_calibration.c: `calibration DEVICE POINT`, `… add KEY=VALUE …` with keys and values as in
 * the configuration (lists with commas), or `… remove DATE`. words: after the first, NULL at the
 * end */
void fg_control_calibration(struct fg_client *c, char *const words[]);
/* control_qc.c: `qc STATION/POINT`, the tests in force of a point */
void fg_control_qc(struct fg_client *c, const char *series);
/* control_maintenance.c: `maintenance DEVICE on FROM_MS UNTIL_MS [REASON]` (0: at once, open; +MS:
 * so long from its beginning), or `maintenance DEVICE off [all]` */
void fg_control_maintenance(struct fg_client *c, const char *device, const char *what,
	const char *from, const char *until, const char *reason);
/* A beginning and an end as above. False: it is none. */
bool fg_control_begin(const char *word, int64_t *ret_ms);
bool fg_control_end(const char *word, int64_t *ret_ms, int64_t *ret_for_ms);
/* control_notice.c: `notice add KIND FROM_MS TO_MS AFFECTED NB NN EN` (times as above; texts and
 * what is affected may be empty), `notice list`, `notice clear ID|all` */
void fg_control_notice(struct fg_client *c, char *const words[]);
/* control_raw.c: `links`, a line each: {"link","driver","port"}; and
 * `raw LINK UNIT PDU TIMEOUT_MS`, one exchange on a link between its polls:
 * {"status","sent","answer","heard",…}, bytes as hex */
void fg_control_links(struct fg_client *c);
void fg_control_raw(struct fg_client *c, const char *link, const char *unit, const char *pdu,
	const char *timeout_ms);

#endif
