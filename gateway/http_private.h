/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_HTTP_PRIVATE_H
#define FG_GATEWAY_HTTP_PRIVATE_H

/* What the files of the web server share; nobody else includes it. All but the part that says so is
 * of the server's thread. */

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "gateway/http.h"
#include "storage/reader.h"
#include "web/health.h"
#include "web/rates.h"

struct fg_http;
struct fg_http_request;

/* A document that is made of a view alone: once, and given to whoever asks while that is the
 * newest. */
struct fg_http_document {
	const char *path, *type;
	bool data; /* readable by pages from elsewhere */
	void (*write)(struct fg_http *h, unsigned variant, struct fg_buf *out);
	/* Which of its forms the request asks for, or that there is none; NULL: there is one. */
	unsigned (*variant)(const struct fg_http_request *q);
};
#define FG_HTTP_NO_VARIANT UINT32_MAX

struct fg_http_sparks;
#define FG_HTTP_CACHED 24
struct fg_http_cached {
	const struct fg_http_document *document; /* NULL: a free place */
	unsigned variant;
	struct MHD_Response *response;
	char etag[24];
};

struct fg_http_connection;

struct fg_http {
	/* for all threads */
	char *store_file;
	double rate_limit;
	int listen_fd, wake_fd;
	pthread_t thread;
	atomic_bool ending, reopen, damaged;
	_Atomic int64_t asked_mono_us;
	pthread_mutex_t lock; /* of the next, held for an assignment */
	struct fg_view *posted;

	struct MHD_Daemon *mhd;
	struct fg_view *view; /* the newest; NULL: none yet */
	struct fg_health health;
	struct fg_rates rates;
	struct fg_reader *reader; /* NULL: not opened, or not to be used any more */
	struct fg_http_cached cached[FG_HTTP_CACHED];
	struct fg_http_sparks *sparks; /* http_sparks.c; NULL: nothing is known yet */
	bool sparks_wanted;	       /* what is new is to be read */
	size_t body_bytes; /* of all documents that somebody still reads */
	bool made_room;	   /* since the view came: documents that nobody read were let go */
	uint32_t no_room;  /* the same: for these documents there was none, by their place */
	uint64_t requests[6];
	unsigned connections;
	struct fg_http_connection *first; /* of them; http.c */
};

struct fg_http_request {
	struct fg_http *h;
	struct MHD_Connection *connection;
	const char *path;
};

/* http.c: what the client does now has to be over in so many seconds, whatever moves. */
void fg_http_allow(struct MHD_Connection *connection, unsigned seconds);
/* http_answer.c */
enum MHD_Result fg_http_answer(void *h, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **request);
/* The view is another one. */
void fg_http_forget_cached(struct fg_http *h);
const char *fg_http_header(const struct fg_http_request *q, const char *name);
/* NULL: it is not there. */
const char *fg_http_argument(const struct fg_http_request *q, const char *name);
/* Whether all its arguments are among these (NULL-terminated); else the first other one. */
const char *fg_http_unknown_argument(
	const struct fg_http_request *q, const char *const names[]);
/* Answers with {"error":TEXT}. */
enum MHD_Result fg_http_refuse(
	const struct fg_http_request *q, unsigned status, const char *fmt, ...) FG_PRINTF(3, 4);
/* Heads that all answers have; data: readable by pages from elsewhere. */
void fg_http_heads(struct MHD_Response *r, const char *type, bool data);
/* Queues it and lets go of it. */
enum MHD_Result fg_http_queue(
	const struct fg_http_request *q, unsigned status, struct MHD_Response *r);
/* A body of this server's memory, counted; takes b's bytes over. NULL: there is no room. */
struct MHD_Response *fg_http_body(struct fg_http *h, struct fg_buf *b);

/* http_page.c */
unsigned fg_http_page_variant(const struct fg_http_request *q);
void fg_http_write_page(struct fg_http *h, unsigned variant, struct fg_buf *out);
void fg_http_write_style(struct fg_http *h, unsigned variant, struct fg_buf *out);
void fg_http_write_script(struct fg_http *h, unsigned variant, struct fg_buf *out);
void fg_http_write_icon(struct fg_http *h, unsigned variant, struct fg_buf *out);
void fg_http_write_stations(struct fg_http *h, unsigned variant, struct fg_buf *out);
bool fg_http_is_spark(const char *path);
enum MHD_Result fg_http_give_spark(const struct fg_http_request *q);

/* http_sparks.c */
/* Reads a little of the store, where there is something to be read; whether there is more. */
bool fg_http_sparks_turn(struct fg_http *h);
/* The last day of a point of the view; NULL: it is not known yet. */
struct fg_spark;
const struct fg_spark *fg_http_spark(struct fg_http *h, size_t point);
bool fg_http_sparks_ready(const struct fg_http *h);
void fg_http_sparks_free(struct fg_http_sparks *k);

/* http_readings.c */
enum MHD_Result fg_http_readings(const struct fg_http_request *q);
/* The store's reader, opened where it is not; NULL: it cannot be. */
struct fg_reader *fg_http_reader(struct fg_http *h);
/* What a call of the reader came back with. */
void fg_http_read_status(struct fg_http *h, long status);

#endif
