/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_COAP_SERVER_IO_H
#define FG_DRIVERS_COAP_SERVER_IO_H

/* What the run-time parts of the coap-server driver share; they know libcoap. */

#include <coap3/coap.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "drivers/coap_server.h"

#define TELL_AGAIN_US INT64_C(3600000000)
#define FG_PUSH_NAME  65 /* of an identity; libcoap takes no more */

/* Whom a session is with. */
struct fg_push_peer {
	struct fg_push_peer *next;
	coap_session_t *session; /* not held: lives until libcoap says that it ends */
	char identity[FG_PUSH_NAME]; /* "": not known yet */
	uint64_t key; /* a hash of its key, to see whether it changed; 0: by certificate */
	bool bad;     /* to be ended */
	bool ready;   /* the handshake is over */
	uint64_t hello; /* which ClientHello began it */
};

struct waiting;

struct fg_push_server {
	struct fg_push_server *next;
	struct fg_link_state *ls;
	coap_context_t *ctx;
	struct waiting *waiting;
	unsigned waiting_count;
	struct fg_push_peer *peers;
	int fd;		/* of the DTLS endpoint; -1: none */
	uint64_t hello; /* of the datagram at hand; 0: it is none */
	struct fg_push_limit limit;
	struct fg_push_bodies bodies;
	struct fg_push_ended ended;
	struct fg_buf body; /* of an answer */
	int64_t told_us[32], stranger_us; /* when 4.xx was told; 0: never */
	/* of the handshake under way; libcoap copies it */
	uint8_t psk[64];
	coap_bin_const_t psk_lent;
};

static inline bool fg_push_is_reliable(const coap_session_t *session)
{
	coap_proto_t proto = coap_session_get_proto(session);

	return proto == COAP_PROTO_TCP || proto == COAP_PROTO_TLS;
}

/* coap_server_anew.c */
/* Before libcoap takes one datagram: ends the session of a peer that begins anew. */
void fg_push_look_ahead(struct fg_push_server *s);
int fg_push_find_socket(const struct sockaddr_storage *addr, socklen_t addr_len);

/* coap_server_keys.c */
/* Hands keys and certificates to libcoap; negative, with ls->why, where they cannot be read. */
int fg_push_set_keys(struct fg_push_server *s);
/* After a reload: sessions whose key has changed or gone are to be ended; by fg_push_end_bad(),
 * outside of libcoap's callbacks. */
void fg_push_check_keys(struct fg_push_server *s);
void fg_push_end_bad(struct fg_push_server *s);
/* Who the peer of a session is; NULL: not known, or nobody asked. */
const char *fg_push_identity(struct fg_push_server *s, const coap_session_t *session);
int fg_push_on_event(coap_session_t *session, const coap_event_t event);
void fg_push_peers_free(struct fg_push_server *s);

#endif
