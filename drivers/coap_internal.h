/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_COAP_INTERNAL_H
#define FG_DRIVERS_COAP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "drivers/driver.h"
#include "drivers/payload.h"

/* What the parts of the coap driver share: its configuration, its plan, and two helpers that know
 * nothing of libcoap. */

struct fg_coap_link {
	const char *uri, *psk_identity, *psk_file;
	/* taken from the uri by check_link() */
	char host[256]; /* without brackets; a zone as in fe80::1%eth0 */
	uint16_t port;
	bool secure; /* coaps */
};

struct fg_coap_device {
	bool observe;
	struct fg_payload_conf payload;
	const char *path; /* of points that name none */
};

struct fg_coap_point {
	struct fg_payload_point in; /* comes first: drivers/payload.h */
};

/* What to ask a resource for (Accept), by what its points can read. */
enum fg_coap_wants {
	FG_COAP_WANTS_ANY,
	FG_COAP_WANTS_DOCUMENT,
	FG_COAP_WANTS_PACK,
};

/* One GET and the points that its answer gives. */
struct fg_coap_request {
	const char *path;
	enum fg_coap_wants wants;
	const struct fg_point **points;
	size_t count;
};

/* fg_group.plan: an array of fg_group.request_count requests. */

/* ---- names (coap_resolve.c) ---- */

#define FG_RESOLVE_MAX 4

struct fg_address {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* An address written as numbers, at once; FG_EINVAL where it is a name. */
int fg_resolve_numeric(const char *host, uint16_t port, struct fg_address *ret);

/* A look-up of a name in a thread of its own, so that a slow name server delays nobody. */
struct fg_resolve;

int fg_resolve_start(const char *host, uint16_t port, struct fg_resolve **ret);
/* FG_PENDING while it runs. Then frees it: FG_OK with the number of addresses, at least one, or
 * FG_ENOENT with the resolver's text. */
int fg_resolve_poll(struct fg_resolve *r, struct fg_address ret[FG_RESOLVE_MAX], size_t *ret_count,
	const char **ret_why);
/* Gives up waiting; the thread cleans up behind itself. NULL is fine. */
void fg_resolve_abandon(struct fg_resolve *r);

/* ---- run time ---- */

#define FG_COAP_TOKEN_SIZE 4
#define FG_COAP_ACCEPTS	   64
#define FG_PSK_MAX	   64 /* bytes of a key */

struct coap_context_t;
struct coap_session_t;
struct coap_pdu_t;

/* Where the one exchange of a link stands. */
enum fg_coap_phase {
	FG_COAP_IDLE,
	FG_COAP_RESOLVING,
	FG_COAP_WAITING, /* for the answer; under DTLS perhaps for the handshake before it */
};

/* What libcoap's callbacks saw; the exchange goes on from it once libcoap has returned, since a
 * session must not be closed beneath its own callback. */
enum fg_coap_event {
	FG_COAP_NOTHING,
	FG_COAP_ANSWERED,     /* the readings of the request are in the batch */
	FG_COAP_MORE,	      /* one block of an answer; more follow */
	FG_COAP_BAD_ANSWER,   /* not a usable answer */
	FG_COAP_OTHER_FORMAT, /* refused for its Accept; another is to be tried */
	FG_COAP_SILENT,	      /* all attempts used up */
	FG_COAP_RESET,
	FG_COAP_TLS_FAILED,
};

/* Run-time state of a link (fg_link_state.state). */
struct fg_coap_endpoint {
	struct fg_link_state *ls;
	struct fg_coap_endpoint *next;
	struct fg_job *first, *last; /* jobs through driver_data; the first is at work */
	struct coap_session_t *session;
	struct fg_resolve *resolving;
	struct fg_address addresses[FG_RESOLVE_MAX];
	size_t address_count, address_used; /* used: tried so far */
	size_t address;			    /* of the session */
	bool named;			    /* the host is a name, not an address */
	bool connected;			    /* DTLS handshake done; true without DTLS */
	bool broken;			    /* the session is of no further use */
	bool proven;			    /* the session has had an answer */
	bool refused;			    /* ICMP: nobody listens there */

	enum fg_coap_phase phase;
	enum fg_coap_event event;
	size_t request; /* of the job's plan */
	uint32_t token; /* of the message that is waited for */
	int64_t sent_mono_us, give_up_mono_us;
	int64_t wait_us;     /* until the first repetition */
	struct fg_buf body;  /* of a block-wise answer */
	unsigned block, szx; /* the next block to ask for, and its size */
	uint8_t etag[8];
	size_t etag_len;
	/* Which of the formats that its points can read a resource is asked for, by a hash of its
	 * path: what two paths share they only negotiate once more. */
	uint8_t accepts[FG_COAP_ACCEPTS];
};

enum fg_coap_trouble_kind {
	FG_COAP_FINE,
	FG_COAP_NO_NAME,
	FG_COAP_NO_SOCKET,
	FG_COAP_NO_KEY,
	FG_COAP_NO_HANDSHAKE,
};

/* What was last said about a link, so that a trouble is logged once and not at each reconnect. */
struct fg_coap_trouble {
	struct fg_coap_trouble *next;
	char link[64];
	enum fg_coap_trouble_kind kind;
};

/* Run-time state of all coap links (fg_host.state). */
struct fg_coap_host {
	struct coap_context_t *ctx;
	struct fg_coap_endpoint *endpoints;
	struct fg_job *finished; /* done() is still to be called */
	struct fg_coap_trouble *troubles;
	struct fg_payload_notes notes;
	uint32_t token;
};

static inline const struct fg_coap_link *fg_coap_conf(const struct fg_coap_endpoint *ep)
{
	return ep->ls->link->conf;
}

static inline struct fg_coap_host *fg_coap_host_of(const struct fg_coap_endpoint *ep)
{
	return ep->ls->host->state;
}

/* The request that the job at work stands at. */
static inline const struct fg_coap_request *fg_coap_request_of(const struct fg_coap_endpoint *ep)
{
	return (const struct fg_coap_request *)ep->first->group->plan + ep->request;
}

/* Which format the request at work is asked for. */
static inline uint8_t *fg_coap_accept_of(struct fg_coap_endpoint *ep)
{
	unsigned hash = 5381;

	for (const char *p = fg_coap_request_of(ep)->path; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	return &ep->accepts[hash % FG_COAP_ACCEPTS];
}

/* ---- sessions (coap_session.c); none of it from within libcoap's callbacks ---- */

/* Opens a session to the next address, ep->address_used. Negative: it cannot be had. */
int fg_coap_open_session(struct fg_coap_endpoint *ep);
/* Ends the session with all that is under way in it. */
void fg_coap_drop_session(struct fg_coap_endpoint *ep);
/* Sends the current request, or asks for the next block of its answer. */
int fg_coap_send_get(struct fg_coap_endpoint *ep, int64_t now_us);
/* The times of one exchange that begins now (this one may be called from a callback). */
void fg_coap_set_times(struct fg_coap_endpoint *ep, const struct fg_job *job, int64_t now_us);

/* Logs a trouble of a link when it is not the one told last. */
void fg_coap_tell(struct fg_coap_endpoint *ep, enum fg_coap_trouble_kind kind, const char *fmt, ...)
	FG_PRINTF(3, 4);
/* Logs that a trouble is over, where there was one. */
void fg_coap_tell_fine(struct fg_coap_endpoint *ep);
/* One line for --debug=coap; direction is '>' or '<'. */
void fg_coap_debug_message(const struct fg_coap_endpoint *ep, char direction,
	const struct coap_pdu_t *pdu, const char *path, int format, size_t len);

/* ---- the driver's functions (coap_io.c) ---- */

int fg_coap_open(struct fg_link_state *ls);
void fg_coap_close(struct fg_link_state *ls);
int fg_coap_poll(struct fg_job *job);
void fg_coap_cancel(struct fg_job *job);
int fg_coap_host_open(struct fg_host *host);
void fg_coap_host_close(struct fg_host *host);
int fg_coap_host_fd(struct fg_host *host);
int64_t fg_coap_host_process(struct fg_host *host);

/* ---- decoding (coap_decode.c) ---- */

/* The choice-th format to ask for; FG_COAP_FORMAT_NONE is the last: whatever there is. */
int fg_coap_accept(enum fg_coap_wants wants, unsigned choice);

/* Appends a reading for every point of a request from a 2.05 answer. content_format is -1 where
 * the answer has none. */
void fg_coap_decode(struct fg_job *job, const struct fg_coap_request *req, int content_format,
	const char *data, size_t len, int64_t taken_mono_us);

#endif
