/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_COAP_INTERNAL_H
#define FG_DRIVERS_COAP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/rng.h"
#include "drivers/driver.h"
#include "drivers/payload.h"

/* What the parts of the coap driver share: its configuration, its plan, and two helpers that know
 * nothing of libcoap. */

struct fg_coap_link {
	const char *uri, *psk_identity, *psk_file;
	const char *ca_file, *cert_file, *key_file, *server_name;
	/* taken from the uri by check_link() */
	char host[256]; /* without brackets; a zone as in fe80::1%eth0 */
	uint16_t port;
	bool secure; /* coaps, coaps+tcp */
	bool tcp;    /* coap+tcp, coaps+tcp (RFC 8323) */
};

struct fg_coap_device {
	bool observe;
	bool confirmable;
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
#define FG_COAP_BODY_MAX   (64u << 10)
#define FG_COAP_KEPT_MAX   4096 /* bytes of a representation that is remembered by its ETag */

struct coap_context_t;
struct coap_session_t;
struct coap_pdu_t;

/* Where the one exchange of a link stands. */
enum fg_coap_phase {
	FG_COAP_IDLE,
	FG_COAP_RESOLVING,
	FG_COAP_CONNECTING, /* TCP, with TLS and CSM */
	FG_COAP_WAITING,    /* for the answer; under DTLS perhaps for the handshake before it */
};

/* What libcoap's callbacks saw; the exchange goes on from it once libcoap has returned, since a
 * session must not be closed beneath its own callback. */
enum fg_coap_event {
	FG_COAP_NOTHING,
	FG_COAP_ANSWERED,     /* the readings of the request are in the batch */
	FG_COAP_MORE,	      /* one block of an answer; more follow */
	FG_COAP_BAD_ANSWER,   /* not a usable answer */
	FG_COAP_OTHER_FORMAT, /* refused for its Accept; another is to be tried */
	FG_COAP_CHANGED,      /* the resource, between two blocks: once more from the first */
	FG_COAP_SILENT,	      /* all attempts used up */
	FG_COAP_RESET,
	FG_COAP_TLS_FAILED,
};

/* What is known of a resource from one poll to the next. */
struct fg_coap_kept {
	char *path; /* NULL: nothing */
	/* The representation of an ETag, for 2.03 Valid; no bytes: none. */
	uint8_t etag[8];
	size_t etag_len;
	int format;
	char *body;
	size_t len;
	/* 5.03 and 4.29 with Max-Age: it is not asked before, and has had this code. */
	int64_t not_before_mono_us;
	unsigned code;
	int64_t plain_until_mono_us; /* it could not be observed, and is not asked to before */
	unsigned silences;	     /* one after the other, where it was asked to */
};

/* What a link counts for its status (fg_link_state.counts); their names are in coap.c. */
enum fg_coap_count {
	FG_COAP_COUNT_NOTIFIED, /* notifications that were handed over */
	FG_COAP_COUNT_LATE,	/* older than what was there, or twice */
	FG_COAP_COUNT_REFUSED,	/* there was no room for them */
	FG_COAP_COUNT_STALE,	/* Max-Age has passed without any */
	FG_COAP_COUNT_VALID,	/* 2.03: what was had before is still so */
	FG_COAP_COUNT_HELD,	/* requests that were not sent: 5.03, 4.29, PROBING_RATE */
	FG_COAP_COUNT_STRAY,	/* answers that nobody waited for */
	FG_COAP_COUNTS
};

struct fg_coap_watch;
struct fg_coap_unacked;

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
	struct coap_context_t *own;	    /* with certificates: a context of the session's own */
	/* libcoap keeps pointers to these: over TCP it reads them once the connection stands. */
	char sni[256], *cert_file, *key_file;
	bool connected;	   /* DTLS handshake done, CSM exchanged; true without them */
	bool wrong_name;   /* the certificate is another's */
	char tls_why[120]; /* why a handshake failed, where that is known */
	bool broken;	   /* the session is of no further use */
	bool proven;	   /* the session has had an answer */
	bool refused;	   /* ICMP: nobody listens there */

	enum fg_coap_phase phase;
	enum fg_coap_event event;
	size_t request; /* of the job's plan */
	uint32_t token; /* of the message that is waited for */
	int64_t sent_mono_us, give_up_mono_us;
	int64_t wait_us;     /* until the first repetition */
	unsigned repeats;    /* at most */
	struct fg_buf body;  /* of a block-wise answer */
	unsigned block, szx; /* the next block to ask for, and its size */
	unsigned changes;    /* of the resource while its blocks were fetched */
	uint8_t etag[8];
	size_t etag_len;
	/* A request that need not be confirmed had no answer: no other one before (RFC 7252 4.7,
	 * PROBING_RATE). */
	int64_t quiet_until_mono_us;
	/* Which of the formats that its points can read a resource is asked for, by a hash of its
	 * path: what two paths share they only negotiate once more. */
	uint8_t accepts[FG_COAP_ACCEPTS];
	struct fg_coap_kept kept[FG_COAP_ACCEPTS]; /* by the same hash; the last path has it */

	struct fg_coap_watch *watches;	/* what is observed */
	struct fg_coap_watch *watching; /* what the request at work registers, or NULL */
	size_t watch_count;
	struct fg_coap_unacked *unacked;
	size_t unacked_count;
	const struct fg_link *watched_link; /* that the watches' groups belong to */
	uint32_t session_number;
};

enum fg_coap_trouble_kind {
	FG_COAP_FINE,
	FG_COAP_NO_NAME,
	FG_COAP_NO_SOCKET,
	FG_COAP_NO_KEY,
	FG_COAP_NO_HANDSHAKE,
	FG_COAP_NO_TRUST,
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
	int epoll_fd; /* of the context and of those that are links' own */
	struct fg_rng rng;
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

static inline const struct fg_coap_device *fg_coap_device_of(const struct fg_coap_endpoint *ep)
{
	return ep->first->group->device->conf;
}

static inline void fg_coap_count(const struct fg_coap_endpoint *ep, enum fg_coap_count what)
{
	ep->ls->counts[what]++;
}

static inline unsigned fg_coap_hash(const char *path)
{
	unsigned hash = 5381;

	for (; *path; path++)
		hash = hash * 33 + (unsigned char)*path;
	return hash % FG_COAP_ACCEPTS;
}

/* Which format the request at work is asked for. */
static inline uint8_t *fg_coap_accept_of(struct fg_coap_endpoint *ep)
{
	return &ep->accepts[fg_coap_hash(fg_coap_request_of(ep)->path)];
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

/* A request had no answer; one that need not be confirmed makes the endpoint be left alone. */
void fg_coap_note_silence(struct fg_coap_endpoint *ep);

/* Logs a trouble of a link when it is not the one told last. */
void fg_coap_tell(struct fg_coap_endpoint *ep, enum fg_coap_trouble_kind kind, const char *fmt, ...)
	FG_PRINTF(3, 4);
/* Logs that a trouble is over, where there was one. */
void fg_coap_tell_fine(struct fg_coap_endpoint *ep);
/* One line for --debug=coap; direction is '>' or '<'. */
void fg_coap_debug_message(const struct fg_coap_endpoint *ep, char direction,
	const struct coap_pdu_t *pdu, const char *path, int format, size_t len);

/* Uri-Host, where the link has a name; Uri-Path and Uri-Query. */
bool fg_coap_add_host(const struct fg_coap_endpoint *ep, struct coap_pdu_t *pdu);
bool fg_coap_add_path(struct coap_pdu_t *pdu, const char *path);

/* ---- Observe (coap_observe.c) ---- */

/* Where a reload has replaced the link's objects, what was registered waits for the poll that names
 * it again. Before each poll. */
void fg_coap_watch_look(struct fg_coap_endpoint *ep);
/* What the request at work is to register, with the token for it; NULL: nothing. */
struct fg_coap_watch *fg_coap_watch_for(struct fg_coap_endpoint *ep, int64_t now_us);
uint32_t fg_coap_watch_token(const struct fg_coap_watch *w);
/* One that no request or registration of the endpoint has, and that nobody guesses who has seen
 * others: a sensor of the same link could answer for its neighbour (RFC 7252, section 5.3.1). */
uint32_t fg_coap_new_token(const struct fg_coap_endpoint *ep);
/* Whose token the message bears; NULL: none. */
struct fg_coap_watch *fg_coap_watch_of(
	const struct fg_coap_endpoint *ep, const struct coap_pdu_t *pdu);
/* Whether it is older than what was there. */
bool fg_coap_is_late(const struct fg_coap_endpoint *ep, const struct fg_coap_watch *w,
	const struct coap_pdu_t *pdu);
/* The answer to the GET that registers. */
void fg_coap_note_registration(
	struct fg_coap_endpoint *ep, struct fg_coap_watch *w, const struct coap_pdu_t *pdu);
/* A poll of the group is over: whether its readings come by themselves now. */
bool fg_coap_watch_settle(
	struct fg_coap_endpoint *ep, const struct fg_group *group, int64_t now_us);
/* The poll at work has failed, which the core knows from that. */
void fg_coap_watch_failed(struct fg_coap_endpoint *ep);
/* The session is gone, and with it all that was registered there. */
void fg_coap_watches_lost(struct fg_coap_endpoint *ep);
/* A message that no request waits for, from within the callback. False: it is to be reset. */
bool fg_coap_notified(
	struct fg_coap_endpoint *ep, struct fg_coap_watch *w, const struct coap_pdu_t *pdu);
/* Tells what has ended, and what has been silent for too long. */
void fg_coap_watch_process(struct fg_coap_endpoint *ep, int64_t now_us);
/* Sees to acknowledgements that wait for a poll: after the jobs that are over were handed back. */
void fg_coap_watch_acknowledge(struct fg_coap_endpoint *ep);
int64_t fg_coap_watch_due_in(const struct fg_coap_endpoint *ep, int64_t now_us);
/* Cancels all; the link closes. */
void fg_coap_watches_end(struct fg_coap_endpoint *ep);

/* ---- certificates (coap_tls.c) ---- */

/* A session with certificates, in a context of its own: libcoap keeps certificates, authorities
 * and checks for each context, and one link's must not be another's. */
struct coap_session_t *fg_coap_new_pki_session(
	struct fg_coap_endpoint *ep, const struct fg_address *to);
void fg_coap_free_own(struct fg_coap_endpoint *ep);
/* In the callback that tells of a failed handshake: keeps why in ep->tls_why. */
void fg_coap_note_tls_failure(struct fg_coap_endpoint *ep);
/* Sets libcoap's callbacks, for each context (coap_io.c). */
void fg_coap_set_callbacks(struct coap_context_t *ctx);

/* ---- what an answer says (coap_answer.c) ---- */

int fg_coap_content_format(const struct coap_pdu_t *pdu);
/* Whether a 2.03 may be about what was kept: its ETag, where it has one, is that one's. */
bool fg_coap_same_etag(const struct fg_coap_kept *kept, const struct coap_pdu_t *pdu);
/* Max-Age in seconds; 60 where it is left out. */
unsigned fg_coap_max_age(const struct coap_pdu_t *pdu);
/* An answer to the request at work, with all its readings where it is the whole. */
enum fg_coap_event fg_coap_take_answer(struct fg_coap_endpoint *ep, const struct coap_pdu_t *pdu);

/* ---- what is remembered of a resource (coap_kept.c) ---- */

/* Of the path; NULL: nothing. */
struct fg_coap_kept *fg_coap_kept_find(struct fg_coap_endpoint *ep, const char *path);
/* The place of the path, emptied where another had it; NULL without memory. */
struct fg_coap_kept *fg_coap_kept_take(struct fg_coap_endpoint *ep, const char *path);
/* Keeps a representation with its ETag, or forgets the one that was kept where it has none. */
void fg_coap_kept_body(struct fg_coap_endpoint *ep, const char *path, const uint8_t *etag,
	size_t etag_len, int format, const char *data, size_t len);
void fg_coap_kept_free(struct fg_coap_endpoint *ep);

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
