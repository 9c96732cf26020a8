/* SPDX-License-Identifier: EUPL-1.2 */
/* From a request to its answer: which document there is, who may have it, and in what form. */
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/status.h"
#include "gateway/http_private.h"
#include "web/accept.h"
#include "web/metrics.h"

/* ---- the request ---- */

const char *fg_http_header(const struct fg_http_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

const char *fg_http_argument(const struct fg_http_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct arguments {
	const char *const *known;
	const char *other;
};

static enum MHD_Result on_argument(
	void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct arguments *a = arg;

	(void)kind;
	(void)value;
	for (const char *const *name = a->known; *name; name++)
		if (strcmp(*name, key) == 0)
			return MHD_YES;
	a->other = key;
	return MHD_NO;
}

const char *fg_http_unknown_argument(const struct fg_http_request *q, const char *const names[])
{
	struct arguments a = {.known = names};

	MHD_get_connection_values(q->connection, MHD_GET_ARGUMENT_KIND, on_argument, &a);
	return a.other;
}

static bool within_rate(struct fg_http *h, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *from = info ? info->client_addr : NULL;

	if (from && from->sa_family == AF_INET)
		return fg_rates_take(&h->rates, &((const struct sockaddr_in *)from)->sin_addr, 4,
			fg_clock_mono_us());
	if (from && from->sa_family == AF_INET6)
		return fg_rates_take(&h->rates, &((const struct sockaddr_in6 *)from)->sin6_addr,
			16, fg_clock_mono_us());
	return true;
}

/* ---- the answer ---- */

struct body {
	struct fg_http *h;
	size_t size;
	char *bytes;
};

static void free_body(void *arg)
{
	struct body *b = arg;

	b->h->body_bytes -= b->size;
	free(b->bytes);
	free(b);
}

struct MHD_Response *fg_http_body(struct fg_http *h, struct fg_buf *b)
{
	char *fit = b->len ? realloc(b->data, b->len) : NULL;
	struct body *body = malloc(sizeof(*body));
	struct MHD_Response *r;

	if (fit) { /* not what it might have grown to */
		b->data = fit;
		b->cap = b->len;
	}
	if (h->body_bytes + b->cap > FG_HTTP_BODIES_BYTES && !h->made_room) {
		h->made_room = true;
		fg_http_forget_cached(h); /* those that nobody reads */
	}
	if (!body || b->overflow || h->body_bytes + b->cap > FG_HTTP_BODIES_BYTES) {
		free(body);
		fg_buf_fini(b);
		return NULL;
	}
	*body = (struct body){.h = h, .size = b->cap, .bytes = b->data};
	h->body_bytes += body->size;
	r = MHD_create_response_from_buffer_with_free_callback_cls(
		b->len, b->data, free_body, body);
	if (!r)
		free_body(body);
	*b = (struct fg_buf){0};
	return r;
}

void fg_http_heads(struct MHD_Response *r, const char *type, bool data)
{
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(r, "Content-Security-Policy",
		"default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
		"connect-src 'self'; base-uri 'none'; form-action 'self'; "
		"frame-ancestors 'none'");
	if (data) {
		MHD_add_response_header(r, "Access-Control-Allow-Origin", "*");
		MHD_add_response_header(r, "Access-Control-Expose-Headers", "ETag, Retry-After");
	}
}

enum MHD_Result fg_http_queue(
	const struct fg_http_request *q, unsigned status, struct MHD_Response *r)
{
	enum MHD_Result done = MHD_queue_response(q->connection, status, r);

	q->h->requests[FG_MIN(status / 100, 5u)]++;
	MHD_destroy_response(r);
	return done;
}

enum MHD_Result fg_http_refuse(
	const struct fg_http_request *q, unsigned status, const char *fmt, ...)
{
	char text[256], mem[1024];
	struct MHD_Response *r;
	struct fg_buf out;
	struct fg_json j;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "error", text);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	r = MHD_create_response_from_buffer(out.len, mem, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	fg_http_heads(r, "application/json", true);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(r, "Retry-After", "2");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, "Allow", "GET, HEAD, OPTIONS");
	return fg_http_queue(q, status, r);
}

/* ---- documents ---- */

static void write_status(struct fg_http *h, unsigned variant, struct fg_buf *out)
{
	(void)variant;
	fg_buf_put(out, h->view->status, h->view->status_len);
}

/* The second number of /proc/self/statm: pages in RAM. */
static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void write_metrics(struct fg_http *h, unsigned variant, struct fg_buf *out)
{
	struct fg_metrics_own own = {.cpu_s = (double)fg_clock_cpu_us() / 1e6,
		.resident_bytes = resident_bytes(),
		.connections = h->connections};

	(void)variant;
	memcpy(own.requests, h->requests, sizeof(own.requests));
	fg_metrics_put(out, h->view, &own);
}

static const struct fg_http_document documents[] = {
	{"/api/status", "application/json", true, write_status, NULL},
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", false, write_metrics, NULL},
	{"/api/stations", "application/geo+json", true, fg_http_write_stations, NULL},
	{"/", "text/html; charset=utf-8", false, fg_http_write_page, fg_http_page_variant},
	{"/page.css", "text/css; charset=utf-8", false, fg_http_write_style, NULL},
	{"/page.js", "text/javascript; charset=utf-8", false, fg_http_write_script, NULL},
	{"/icon.svg", "image/svg+xml", false, fg_http_write_icon, NULL},
};

void fg_http_forget_cached(struct fg_http *h)
{
	for (size_t i = 0; i < FG_HTTP_CACHED; i++) {
		if (h->cached[i].document)
			MHD_destroy_response(h->cached[i].response);
		h->cached[i].document = NULL;
	}
}

/* The same with a 304 (RFC 9110, 15.4.5). */
static void add_cache_heads(
	struct MHD_Response *r, const struct fg_http_document *d, const char *etag)
{
	MHD_add_response_header(r, "ETag", etag);
	MHD_add_response_header(r, "Cache-Control", "no-cache");
	if (d->variant)
		MHD_add_response_header(r, "Vary", "Accept-Language");
}

/* Makes it; NULL: there is no room. That is found out once a view, since it costs as much as an
 * answer. */
static struct fg_http_cached *make(
	struct fg_http *h, const struct fg_http_document *d, unsigned variant)
{
	const uint32_t bit = UINT32_C(1) << (d - documents);
	struct fg_http_cached *c = NULL;
	struct fg_buf out;
	uint64_t hash;

	if (h->no_room & bit)
		return NULL;
	for (size_t i = 0; i < FG_HTTP_CACHED && !c; i++)
		c = h->cached[i].document ? NULL : &h->cached[i];
	if (!c) { /* more forms than places */
		fg_http_forget_cached(h);
		c = h->cached;
	}
	fg_buf_init(&out, FG_HTTP_BODIES_BYTES);
	d->write(h, variant, &out);
	hash = fg_hash(FG_HASH_START, out.data, out.len);
	c->response = fg_http_body(h, &out);
	if (!c->response) {
		h->no_room |= bit;
		return NULL;
	}
	c->document = d;
	c->variant = variant;
	snprintf(c->etag, sizeof(c->etag), "\"%016llx\"", (unsigned long long)hash);
	fg_http_heads(c->response, d->type, d->data);
	add_cache_heads(c->response, d, c->etag);
	return c;
}

static enum MHD_Result give_unchanged(
	const struct fg_http_request *q, const struct fg_http_document *d, const char *etag)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

	if (!r)
		return MHD_NO;
	fg_http_heads(r, d->type, d->data);
	add_cache_heads(r, d, etag);
	return fg_http_queue(q, MHD_HTTP_NOT_MODIFIED, r);
}

static enum MHD_Result give_document(
	const struct fg_http_request *q, const struct fg_http_document *d)
{
	struct fg_http *h = q->h;
	struct fg_http_cached *c = NULL;
	unsigned variant;

	atomic_store(&h->asked_mono_us, fg_clock_mono_us());
	if (!h->view)
		return fg_http_refuse(
			q, MHD_HTTP_SERVICE_UNAVAILABLE, "the gateway has just started");
	variant = d->variant ? d->variant(q) : 0;
	if (variant == FG_HTTP_NO_VARIANT)
		return fg_http_refuse(
			q, MHD_HTTP_NOT_FOUND, "no such station; /api/stations lists them");
	for (size_t i = 0; i < FG_HTTP_CACHED && !c; i++)
		if (h->cached[i].document == d && h->cached[i].variant == variant)
			c = &h->cached[i];
	if (!c)
		c = make(h, d, variant);
	if (!c)
		return fg_http_refuse(q, MHD_HTTP_SERVICE_UNAVAILABLE,
			"too many slow clients; try again later");
	if (fg_accept_matches(fg_http_header(q, "If-None-Match"), c->etag))
		return give_unchanged(q, d, c->etag);
	h->requests[2]++;
	return MHD_queue_response(q->connection, MHD_HTTP_OK, c->response);
}

static enum MHD_Result give_health(const struct fg_http_request *q)
{
	struct MHD_Response *r;
	struct fg_buf out;
	bool well;

	/* short, and given whatever others have not read */
	fg_buf_init(&out, 64u << 10);
	well = fg_health_put(&q->h->health, fg_clock_mono_us(), &out);
	r = MHD_create_response_from_buffer(out.len, out.data, MHD_RESPMEM_MUST_COPY);
	fg_buf_fini(&out);
	if (!r)
		return MHD_NO;
	fg_http_heads(r, "application/json", true);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	return fg_http_queue(q, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, r);
}

/* A browser asks before a page from elsewhere may send heads of its own. */
static enum MHD_Result give_options(const struct fg_http_request *q)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	bool data = strncmp(q->path, "/api/", 5) == 0 || strcmp(q->path, "/healthz") == 0;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Allow", "GET, HEAD, OPTIONS");
	if (data) {
		MHD_add_response_header(r, "Access-Control-Allow-Origin", "*");
		MHD_add_response_header(r, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
		MHD_add_response_header(r, "Access-Control-Allow-Headers", "If-None-Match");
		MHD_add_response_header(r, "Access-Control-Max-Age", "86400");
	}
	return fg_http_queue(q, MHD_HTTP_NO_CONTENT, r);
}

/* ---- which ---- */

static enum MHD_Result give(const struct fg_http_request *q)
{
	if (strcmp(q->path, "/healthz") == 0)
		return give_health(q);
	for (size_t i = 0; i < FG_COUNT(documents); i++)
		if (strcmp(q->path, documents[i].path) == 0)
			return give_document(q, &documents[i]);
	if (strcmp(q->path, "/api/readings") == 0)
		return fg_http_readings(q);
	if (fg_http_is_spark(q->path))
		return fg_http_give_spark(q);
	return fg_http_refuse(q, MHD_HTTP_NOT_FOUND,
		"there is nothing here; docs/http.md says what there is");
}

static bool has_body(const struct fg_http_request *q)
{
	const char *length = fg_http_header(q, "Content-Length");

	return fg_http_header(q, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

enum MHD_Result fg_http_answer(void *arg, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **request)
{
	const struct fg_http_request q = {.h = arg, .connection = connection, .path = url};

	(void)version;
	(void)upload;
	(void)upload_size;
	fg_http_allow(connection, FG_HTTP_ANSWER_S);
	/* An answer to this first call ends the connection: for whoever wants to send something. */
	if (!*request && !has_body(&q)) {
		*request = arg;
		return MHD_YES;
	}
	if (strcmp(method, "OPTIONS") == 0)
		return give_options(&q);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return fg_http_refuse(
			&q, MHD_HTTP_METHOD_NOT_ALLOWED, "this server is for reading only");
	if (strcmp(url, "/healthz") != 0 && !within_rate(q.h, connection))
		return fg_http_refuse(
			&q, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests; try again later");
	return give(&q);
}
