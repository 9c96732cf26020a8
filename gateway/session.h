/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_SESSION_H
#define FG_GATEWAY_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config/config.h"
#include "gateway/publisher.h"
#include "protocol/sparkplug.h"

/* The MQTT side of one destination: a thread of its own around libmosquitto, so that a name that
 * does not resolve or a broker that hangs costs nobody else anything. It connects when told and
 * never by itself; each connection uses a fresh libmosquitto client, whose queue dies with it: what
 * is sent again is decided by the publisher alone. */
struct fg_session;

enum fg_session_event_type {
	FG_SESSION_CONNECTED,
	FG_SESSION_LOST,
	FG_SESSION_ACKED,	 /* tokens */
	FG_SESSION_SEEN_OFFLINE, /* the retained status says offline */
	FG_SESSION_SEEN_CONFLICT, /* another gateway uses our id */
	FG_SESSION_DOOR,	  /* the answer to fg_session_look() */
	FG_SESSION_HEARD,	 /* something for fg_publisher_heard() */
};

struct fg_ack {
	uint64_t token;
	int32_t code; /* MQTT 5 reason code */
	int32_t unused;
};

#define FG_ACKS_MAX 32

struct fg_session_event {
	enum fg_session_event_type type;
	uint32_t destination; /* the number given at start */
	uint32_t epoch;
	bool session_present; /* CONNECTED */
	bool refused;	      /* LOST: the broker said no */
	bool starving;	      /* ACKED: little is left to send */
	bool open;	      /* DOOR: it takes connections */
	uint32_t count;	      /* ACKED */
	uint64_t wire;	      /* ACKED, LOST: bytes on the wire since it was told last */
	struct fg_ack acks[FG_ACKS_MAX];
	char text[128]; /* LOST: why */
	struct fg_limits limits;	     /* CONNECTED */
	struct fg_certificates certificates; /* CONNECTED */
	/* HEARD; of what is longer than is looked at, one byte more than that */
	char topic[256];
	uint32_t len;
	char heard[FG_SPB_COMMAND_MAX + 1];
};

/* What others say of our stations, read by fg_claims_read(): topic and claims, lent. */
#define FG_HEARD_MAX (32u << 10)
typedef bool (*fg_session_heard_fn)(
	void *arg, uint32_t destination, const char *topic, const char *claims, size_t len);

/* Called in the session's thread. False: no room now, it will be called again. */
typedef bool (*fg_session_event_fn)(void *arg, const struct fg_session_event *event);

struct fg_session_conf {
	struct fg_config *config; /* held */
	const struct fg_destination *dest;
	uint32_t number;
	const char *status_topic, *will; /* copied */
	const char *session; /* of our status; copied */
	fg_session_event_fn event;
	fg_session_heard_fn heard; /* in the session's thread; false as with event */
	void *arg;
};

int fg_session_start(const struct fg_session_conf *conf, struct fg_session **ret);

/* All from the core thread; none blocks. */
void fg_session_connect(struct fg_session *s, size_t server, uint32_t epoch);
void fg_session_disconnect(struct fg_session *s);
/* Looks whether another server takes connections, beside the one that is in use. */
void fg_session_look(struct fg_session *s, size_t server, uint32_t epoch);
/* All n, or none: FG_EFULL. */
int fg_session_publish(struct fg_session *s, const struct fg_message *m, size_t n);

/* On this connection; FG_EFULL: not now. */
int fg_session_subscribe(struct fg_session *s, const char *filter);

/* Nobody will connect by its name any more, so a will that waits for its delay would come behind
 * whatever is told there until then: when the connection is left, what it says is said at once. */
void fg_session_part(struct fg_session *s);

/* Asks the thread to end; what it has not sent by then it never sends. said_offline: the broker has
 * acknowledged that we go; else its will for us stands. */
void fg_session_ask_stop(struct fg_session *s, bool said_offline);
/* Waits for its end at most wait_us, then frees it. False: it hangs (in name look-up, say) and is
 * still there. */
bool fg_session_join(struct fg_session *s, int64_t wait_us);

#endif
