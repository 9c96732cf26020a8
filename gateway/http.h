/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_HTTP_H
#define FG_GATEWAY_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "gateway/config/config.h"
#include "web/view.h"

/* The web server: a thread of its own around libmicrohttpd. It knows of the gateway what views tell
 * that the core's thread posts, and reads the store through a connection of its own. Nobody waits
 * for it, whatever its clients do. */
struct fg_http;

/* What it may take, whatever is asked of it. */
#define FG_HTTP_CONNECTIONS  128 /* further ones wait for one to end */
#define FG_HTTP_OF_ONE	     112 /* of them from one address; what is more is closed */
#define FG_HTTP_IDLE_S	     30	 /* a connection on which nothing moves is closed */
#define FG_HTTP_ASK_S	     30	 /* for a whole request, from the connection or the last answer */
#define FG_HTTP_ANSWER_S     600 /* for whoever reads an answer slowly */
#define FG_HTTP_HEADER_BYTES (16u << 10) /* of a request and an answer's head */
#define FG_HTTP_SEND_BYTES   (64 << 10)	 /* of each connection that wait in the kernel (twice) */
#define FG_HTTP_BODIES_BYTES (8u << 20)	 /* of documents that clients still read */
#define FG_HTTP_PERIOD_MS    (INT64_C(31) * 86400000) /* of readings that one request may ask for */

/* Begins to listen. FG_EINVAL …, with why: the address is not there, or in use. */
int fg_http_open(const struct fg_http_conf *conf, const char *store_file, struct fg_buf *why,
	struct fg_http **ret);
/* Ends the thread and all connections, and frees it. A read of the store that is under way is
 * waited for so long (to within 5 ms); false where it goes on: then it is to be called again. */
bool fg_http_end(struct fg_http *h, int64_t wait_us);

/* Any thread. From now on it shows this; the reference is taken over. */
void fg_http_post(struct fg_http *h, struct fg_view *v);
/* Any thread. Somebody has asked for something that a view tells, after this moment. */
bool fg_http_asked_since(const struct fg_http *h, int64_t mono_us);
/* Any thread. The store's file is another one now. */
void fg_http_reopen_store(struct fg_http *h);
/* Any thread, once: the store was found damaged. */
bool fg_http_found_damage(struct fg_http *h);

#endif
