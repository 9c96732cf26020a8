/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_COAP_SERVER_H
#define FG_DRIVERS_COAP_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "drivers/driver.h"
#include "drivers/payload.h"

/* What the parts of the coap-server driver share. Its pure part knows nothing of libcoap, sockets
 * or time: what a request means, and what is answered. */

struct fg_push_link {
	const char *listen, *psk_file, *cert_file, *key_file, *ca_file, *time_path;
	bool insecure, tcp;
	double rate; /* messages a second that one address may send */
	int64_t max_sessions, max_payload;
	/* taken from `listen` by check_link() */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	bool loopback;
};

static inline bool fg_push_is_secure(const struct fg_push_link *conf)
{
	return conf->psk_file || conf->cert_file;
}

struct fg_push_point {
	struct fg_payload_point in; /* path NULL: the device's */
};

struct fg_push_device {
	const char *path;     /* NULL: "/" and the device's name */
	const char *identity; /* of the peer; NULL: the device's name */
	const char *sender;   /* what its payload says of itself; NULL: the device's name */
	struct fg_payload_conf payload;
};

/* Takes the address out of HOST:PORT; false where it is none. */
bool fg_push_parse_listen(
	const char *text, struct sockaddr_storage *ret, socklen_t *ret_len, bool *ret_loopback);

/* ---- what a request means (coap_server_request.c) ---- */

/* Codes of CoAP, class << 5 | detail. */
#define FG_COAP_CODE(class, detail) ((unsigned)(class) << 5 | (unsigned)(detail))

enum fg_push_method {
	FG_PUSH_GET = 1,
	FG_PUSH_POST = 2,
	FG_PUSH_PUT = 3, /* others by their numbers */
};

struct fg_push_request {
	unsigned method;
	const char *path;     /* with its first '/' */
	const char *identity; /* of the session; NULL: nobody asked who it is */
	int format;	      /* FG_COAP_FORMAT_… */
	int accept;	      /* FG_COAP_FORMAT_NONE: whatever */
	const char *data;
	size_t len;
	int64_t arrived_mono_us;
	int64_t wall_us; /* for those who ask the time; 0: not known */
	uint64_t message; /* fg_delivery.message */
};

/* What is to be done: deliver, or answer with `code` at once. */
struct fg_push_answer {
	unsigned code;
	int format; /* of the body; NONE: it is a text for a person */
	uint32_t max_age_s; /* 0: not told */
	struct fg_delivery *delivery; /* the caller's; code is that of the good end then */
	char why[FG_PAYLOAD_WHY]; /* for the peer and for the log */
	struct fg_buf *body;	  /* the caller's, cleared; what is larger goes there */
};

/* Copes with any request. ret->body is set by the caller. */
void fg_push_answer(const struct fg_link *link, const struct fg_push_request *req,
	struct fg_push_answer *ret);

/* What became of a delivery, as an answer. */
void fg_push_outcome(int status, struct fg_push_answer *ret);

/* ---- how much one address may send (coap_server_limit.c) ---- */

#define FG_PUSH_PEERS 256

struct fg_push_bucket {
	uint64_t address; /* a hash; 0: free */
	int64_t at_us;
	double tokens;
};

/* The last FG_PUSH_PEERS addresses. */
struct fg_push_limit {
	struct fg_push_bucket peers[FG_PUSH_PEERS];
};

/* Whether one more message of the address is taken: `rate` a second, ten times that at once. */
bool fg_push_allow(struct fg_push_limit *l, uint64_t address, double rate, int64_t now_us);

/* FNV-1a; never 0. */
uint64_t fg_push_hash(uint64_t h, const void *bytes, size_t len);
#define FG_PUSH_HASH UINT64_C(14695981039346656037)

/* ---- payloads in several blocks (coap_server_blocks.c) ---- */

#define FG_PUSH_BODIES 16
#define FG_PUSH_BODY_US INT64_C(247000000) /* EXCHANGE_LIFETIME */

struct fg_push_body {
	const void *session; /* NULL: free */
	uint64_t key;	     /* path and method */
	int64_t at_us;
	struct fg_buf bytes;
};

/* What is being put together, at most so many at once: the oldest gives way. */
struct fg_push_bodies {
	struct fg_push_body items[FG_PUSH_BODIES];
};

/* Takes a block. Returns the code to answer with: 2.31 for more, 4.08 where blocks are missing,
 * 4.13 where it becomes too large; 0: the body is whole, in *ret, until fg_push_body_end(). */
unsigned fg_push_block(struct fg_push_bodies *b, const void *session, uint64_t key, unsigned num,
	unsigned szx, bool more, const void *data, size_t len, size_t max, int64_t now_us,
	struct fg_push_body **ret);
void fg_push_body_end(struct fg_push_body *body);
void fg_push_bodies_forget(struct fg_push_bodies *b, const void *session); /* NULL: all */

/* Messages that ended a payload and got 2.04: when the answer was lost the last block comes alone,
 * after the others have gone. */
#define FG_PUSH_ENDED 32

struct fg_push_ended {
	struct {
		uint64_t message; /* 0: free */
		int64_t at_us;
	} items[FG_PUSH_ENDED];
	size_t next;
};

void fg_push_note_ended(struct fg_push_ended *e, uint64_t message, int64_t now_us);
bool fg_push_has_ended(const struct fg_push_ended *e, uint64_t message, int64_t now_us);

/* What tells a DTLS ClientHello from others; 0: the datagram begins with none. */
uint64_t fg_push_hello(const unsigned char *datagram, size_t len);

/* ---- at run time (coap_server_io.c) ---- */

int fg_push_open(struct fg_link_state *ls);
void fg_push_close(struct fg_link_state *ls);
void fg_push_reload(struct fg_link_state *ls);
int fg_push_host_open(struct fg_host *host);
void fg_push_host_close(struct fg_host *host);
int fg_push_host_fd(struct fg_host *host);
int64_t fg_push_host_process(struct fg_host *host);

/* Pointers to what coap_server_io.c knows alone. */
struct fg_push_server;
struct fg_push_host {
	struct fg_push_server *first;
	int epoll_fd;
};
struct fg_push_state {
	struct fg_push_server *server; /* NULL: closed */
};
#define FG_PUSH_STATE_SIZE sizeof(struct fg_push_state)
#define FG_PUSH_HOST_SIZE  sizeof(struct fg_push_host)

/* What the link counts, for people. */
enum fg_push_count {
	FG_PUSH_REQUESTS,
	FG_PUSH_ACCEPTED,  /* stored */
	FG_PUSH_KNOWN,	   /* came twice */
	FG_PUSH_REFUSED,   /* 4.xx */
	FG_PUSH_NOT_NOW,   /* 5.xx: the sensor is to send it again */
	FG_PUSH_DROPPED,   /* by the limit of messages */
	FG_PUSH_SESSIONS,  /* open now */
	FG_PUSH_HANDSHAKES, /* DTLS, good ones */
	FG_PUSH_STRANGERS, /* unknown identities, wrong keys, bad certificates */
	FG_PUSH_COUNTS
};

#endif
