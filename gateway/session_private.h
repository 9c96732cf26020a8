/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_SESSION_PRIVATE_H
#define FG_GATEWAY_SESSION_PRIVATE_H

/* What the session's own files share; nobody else includes it. */

#include <mosquitto.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/ring.h"
#include "gateway/session.h"
#include "gateway/tls/tls.h"

/* What may come from a broker at first, its greeting included. */
#define FG_ASKED_BYTES (1u << 20)

/* A message on the wire that is not acknowledged. */
struct fg_pending {
	int mid;
	uint64_t token;
};

/* Bytes of a connection. */
struct fg_traffic {
	uint64_t received; /* what TCP carries */
	uint64_t wire;	   /* both ways, with the heads of IP and TCP */
};

struct fg_session {
	struct fg_session_conf conf;
	char *status_topic, *will, *session;
	pthread_t thread;
	int wake_fd;
	struct fg_ring ring;
	_Atomic bool cut; /* the connection is to be left */
	_Atomic bool said_offline;
	_Atomic bool parting; /* no later connection takes its session at the broker back */
	_Atomic bool stop_asked; /* not in the ring, which may have no room */

	/* session_door.c: a thread that looks at another server, while this one is kept */
	pthread_t look;
	bool looking, joined;
	_Atomic bool look_ended;
	size_t look_server;
	uint32_t look_epoch;

	/* the thread's own */
	struct mosquitto *mosq;
	struct fg_tls *tls; /* of mosq; NULL: none */
	const struct fg_server *server;
	uint32_t epoch;
	bool online, refused;
	int status_mid; /* of the subscription to our status */
	bool deaf_told; /* that we may not read what others say of our stations */
	bool seen_own; /* our status, as the broker sends it back */
	bool unfenced; /* messages of QoS 0 wait for a fence (session_sparkplug.c) */
	int fence_mid; /* of the one that is out; 0: none */
	int64_t connect_deadline_us;
	char why[128];
	char tls_why[80]; /* the last that OpenSSL said */
	struct fg_limits limits;
	uint64_t asked_bytes;	  /* as much may come, for what we sent */
	int64_t online_mono_us;
	uint64_t counted_wire;	  /* bytes of this connection */
	uint64_t untold_wire;	  /* of it and earlier ones: the core is yet to be told */
	struct fg_pending *pending;
	unsigned pending_count;
	unsigned pending_max; /* what this broker takes at once */
	char *command;	      /* the next one, kept while the wire is full */
	long command_len;
	struct fg_session_event acks; /* collected */
	mosquitto_property *payload_props[FG_ENCODER_COUNT], *document_props;
	size_t props_len; /* of the longest of them, on the wire, or a little more */
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
void fg_session_post(struct fg_session *s, const struct fg_session_event *event);
void fg_session_flush_acks(struct fg_session *s);

/* session_sparkplug.c */
bool fg_session_is_sparkplug(const struct fg_session *s);
/* Its will: the death of the edge node, with the number of this connection. */
int fg_session_set_death(struct fg_session *s);
/* To commands, and the state of the primary host. */
void fg_session_subscribe_sparkplug(struct fg_session *s);
/* The broker answered one of these subscriptions. */
void fg_session_say_deaf(struct fg_session *s, int mid, bool refused);
void fg_session_hear_sparkplug(struct fg_session *s, const struct mosquitto_message *m);
/* Nobody acknowledges QoS 0. What the broker answers to a packet behind such messages says that
 * they arrived, since it takes packets in their order: here the end of a subscription that there
 * never was. One is out at a time, for all messages before it. */
void fg_session_note_unfenced(struct fg_session *s, uint64_t token);
void fg_session_send_fence(struct fg_session *s);
void fg_session_forget_fence(struct fg_session *s);
void fg_session_listen_for_fences(struct fg_session *s);

/* session_guard.c */
/* Takes what the socket has: as mosquitto_loop_read(), and a packet for which libmosquitto would
 * end the process is malformed. */
int fg_session_read(struct fg_session *s);

/* session_traffic.c */
bool fg_session_traffic(int fd, struct fg_traffic *ret);
/* Adds what the connection has cost since it was counted last; nothing where it has no socket. */
void fg_session_count_wire(struct fg_session *s);

/* session_door.c */
/* Whether it takes connections, as far as TCP tells; blocks, by its name look-up for long. A server
 * on loopback is not asked unless it is wished. False: `why` says that its name is unknown, or
 * errno why not. */
bool fg_session_door_open(
	const struct fg_server *server, bool even_loopback, char *why, size_t size);

/* session_limits.c */
/* What the broker said of itself as it took the connection. Negative: it takes too little. */
int fg_session_take_limits(struct fg_session *s, const mosquitto_property *props);
/* Whether a PUBLISH is short enough for it, but for a few bytes. To be asked before libmosquitto
 * is: 2.0 ends the process where a packet is too long. */
bool fg_session_fits(const struct fg_session *s, size_t topic_len, size_t payload_len);
/* The broker's own words on why it refuses or ends a connection, or else those of the standard. */
void fg_session_broker_says(
	struct fg_session *s, const char *what, int code, const mosquitto_property *props);

#endif
