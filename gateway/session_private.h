/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_SESSION_PRIVATE_H
#define FG_GATEWAY_SESSION_PRIVATE_H

/* What the session's own files share; nobody else includes it. */

#include <mosquitto.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/ring.h"
#include "gateway/session.h"
#include "gateway/tls.h"

/* A message on the wire that is not acknowledged. */
struct fg_pending {
	int mid;
	uint64_t token;
};

struct fg_session {
	struct fg_session_conf conf;
	char *status_topic, *will, *session;
	pthread_t thread;
	int wake_fd;
	struct fg_ring ring;
	_Atomic bool cut; /* the connection is to be left */
	_Atomic bool said_offline;
	_Atomic bool stop_asked; /* not in the ring, which may have no room */

	/* the thread's own */
	struct mosquitto *mosq;
	struct fg_tls *tls; /* of mosq; NULL: none */
	const struct fg_server *server;
	uint32_t epoch;
	bool online, refused;
	bool seen_own; /* our status, as the broker sends it back */
	int64_t connect_deadline_us;
	char why[128];
	char tls_why[80]; /* the last that OpenSSL said */
	struct fg_limits limits;
	struct fg_pending *pending;
	unsigned pending_count;
	unsigned pending_max; /* what this broker takes at once */
	char *command;	      /* the next one, kept while the wire is full */
	long command_len;
	struct fg_session_event acks; /* collected */
	mosquitto_property *payload_props[FG_ENCODER_COUNT], *document_props;
};

/* session_connect.c */
/* Begins a connection with a fresh client. Negative: `why` says what is wrong. */
int fg_session_open(struct fg_session *s, size_t server, uint32_t epoch);
/* Ends it without a word. */
void fg_session_drop(struct fg_session *s);
/* What the connection failed with, in words of a library; a better cause that is known stays. */
void fg_session_say_why(struct fg_session *s, int rc);

/* session.c */
/* Sets libmosquitto's callbacks. */
void fg_session_listen(struct fg_session *s);

/* session_limits.c */
/* What the broker said of itself as it took the connection. Negative: it takes too little. */
int fg_session_take_limits(struct fg_session *s, const mosquitto_property *props);
/* The broker's own words on why it refuses or ends a connection, or else those of the standard. */
void fg_session_broker_says(
	struct fg_session *s, const char *what, int code, const mosquitto_property *props);

#endif
