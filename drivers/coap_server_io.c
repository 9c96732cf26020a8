/* SPDX-License-Identifier: EUPL-1.2 */
/* The coap-server driver at run time: libcoap's side. Each link has a context of its own, so that
 * keys, limits and sessions of links do not mix. What a request means is decided in
 * coap_server_request.c; who may open a session in coap_server_keys.c. */
#include <coap3/coap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/coap_server_io.h"

#define IDLE_US	       INT64_C(60000000)
#define HANDSHAKES_MAX 32
#define SESSION_S      300
/* An answer that takes longer is announced with an empty ACK, well before the sensor would send
 * again (ACK_TIMEOUT, 2 s). */
#define ACK_US	       INT64_C(1000000)
/* Nobody waits for longer: it is told to send again, and is known then. */
#define PATIENCE_US    INT64_C(30000000)
/* A wall clock before 2026 is not set. */
#define SET_SINCE_US   INT64_C(1767225600000000)
#define BODY_MAX       32768

/* A request whose readings are on their way into the store. */
struct waiting {
	struct waiting *next;
	struct fg_push_server *server;
	struct fg_delivery *delivery; /* NULL: its end is not awaited any more */
	coap_session_t *session;      /* held */
	coap_mid_t mid;
	bool confirmable, reliable, acked;
	uint8_t token[8];
	size_t token_len;
	int block1;    /* of the last block; -1: it came as a whole */
	uint64_t last; /* the message of that; 0: nobody repeats it alone */
	int64_t since_us;
};

/* ---- counting ---- */

static void count(struct fg_push_server *s, enum fg_push_count what)
{
	atomic_fetch_add(&s->ls->counts[what], 1);
}

static void count_code(struct fg_push_server *s, unsigned code)
{
	if (code >> 5 == 4)
		count(s, FG_PUSH_REFUSED);
	else if (code >> 5 == 5)
		count(s, FG_PUSH_NOT_NOW);
}

/* Each fault is told once an hour at most: a sensor repeats what it does. */
static void tell(struct fg_push_server *s, const char *path, unsigned code, const char *why)
{
	int64_t *told_us = &s->told_us[code & 31], now_us = fg_clock_mono_us();

	fg_debug(FG_DEBUG_coap, "link %s: %s: %u.%02u %s", s->ls->link->name, path, code >> 5,
		code & 31, why);
	if (code >> 5 != 4 || (*told_us && now_us - *told_us < TELL_AGAIN_US))
		return;
	*told_us = now_us;
	fg_warning("link '%s': what came for %s was refused with %u.%02u: %s; `fjordctl status` "
		   "counts more of it",
		s->ls->link->name, path, code >> 5, code & 31, why);
}

/* ---- options ---- */

static int number_option(const coap_pdu_t *pdu, uint16_t number)
{
	coap_opt_iterator_t it;
	const coap_opt_t *opt = coap_check_option(pdu, number, &it);

	return opt ? (int)coap_decode_var_bytes(coap_opt_value(opt), coap_opt_length(opt)) : -1;
}

/* ---- answers ---- */

static void add_number(coap_pdu_t *pdu, uint16_t option, unsigned value)
{
	uint8_t mem[4];

	coap_add_option(pdu, option, coap_encode_var_safe(mem, sizeof(mem), value), mem);
}

/* Options come in the order of their numbers: format 12, Max-Age 14, Block2 23, Block1 27. */
static void fill(coap_pdu_t *pdu, const struct fg_push_answer *a, int block1)
{
	coap_pdu_set_code(pdu, (coap_pdu_code_t)a->code);
	if (a->max_age_s)
		add_number(pdu, COAP_OPTION_MAXAGE, a->max_age_s);
	if (block1 >= 0)
		add_number(pdu, COAP_OPTION_BLOCK1, (unsigned)block1);
	if (a->why[0])
		coap_add_data(pdu, strlen(a->why), (const uint8_t *)a->why);
}

static void fill_body(coap_session_t *session, const coap_pdu_t *request, coap_pdu_t *pdu,
	const struct fg_push_answer *a)
{
	const uint8_t *bytes = (const uint8_t *)a->body->data;
	size_t len = a->body->len;
	coap_block_t block = {.szx = 6};

	coap_pdu_set_code(pdu, (coap_pdu_code_t)a->code);
	add_number(pdu, COAP_OPTION_CONTENT_FORMAT, (unsigned)a->format);
	if (len <= 512 && !coap_get_block(request, COAP_OPTION_BLOCK2, &block)) {
		coap_add_data(pdu, len, bytes);
		return;
	}
	block.szx = FG_MIN(block.szx, 5u); /* no larger than what was asked for it by far */
	(void)session;
	if (((size_t)block.num << (block.szx + 4)) >= FG_MAX(len, (size_t)1) ||
		coap_write_block_opt(&block, COAP_OPTION_BLOCK2, pdu, len) < 0) {
		coap_pdu_set_code(pdu, COAP_RESPONSE_CODE_BAD_OPTION);
		return;
	}
	coap_add_block(pdu, len, bytes, block.num, (unsigned char)block.szx);
}

/* Sends what the request got: on its ACK as long as that has not gone. */
static void send_answer(struct waiting *w, const struct fg_push_answer *a)
{
	bool separate = w->acked || !w->confirmable || w->reliable;
	coap_pdu_type_t type = !separate	? COAP_MESSAGE_ACK
			       : w->confirmable ? COAP_MESSAGE_CON
						: COAP_MESSAGE_NON;
	coap_pdu_t *pdu = coap_pdu_init(type, (coap_pdu_code_t)a->code,
		separate ? coap_new_message_id(w->session) : w->mid,
		coap_session_max_pdu_size(w->session));

	if (!pdu)
		return;
	if (w->token_len)
		coap_add_token(pdu, w->token_len, w->token);
	fill(pdu, a, w->block1);
	coap_send(w->session, pdu);
}

static void send_empty_ack(struct waiting *w)
{
	coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, COAP_EMPTY_CODE, w->mid, 0);

	w->acked = true;
	if (pdu)
		coap_send(w->session, pdu);
}

/* ---- requests that wait ---- */

static void waiting_free(struct waiting *w)
{
	struct waiting **at = &w->server->waiting;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
	w->server->waiting_count--;
	if (w->delivery) { /* whoever gives it back finds nobody */
		w->delivery->done = NULL;
		w->delivery->user = NULL;
	}
	coap_session_release(w->session);
	free(w);
}

static void on_outcome(struct fg_delivery *d)
{
	struct waiting *w = d->user;
	struct fg_push_answer a = {0};
	bool known = d->known && d->known == d->batch.count;

	if (w) {
		w->delivery = NULL;
		fg_push_outcome(d->status, &a);
		if (d->status == FG_OK)
			count(w->server, known ? FG_PUSH_KNOWN : FG_PUSH_ACCEPTED);
		if (d->status == FG_OK && w->last)
			fg_push_note_ended(&w->server->ended, w->last, fg_clock_mono_us());
		count_code(w->server, a.code);
		tell(w->server, d->device->name, a.code, a.why);
		send_answer(w, &a);
		waiting_free(w);
	}
	fg_delivery_free(d);
}

/* The same message again while the first is on its way: its answer will do for both. */
static struct waiting *find_waiting(
	struct fg_push_server *s, const coap_session_t *session, coap_mid_t mid)
{
	for (struct waiting *w = s->waiting; w; w = w->next)
		if (w->session == session && w->mid == mid && !w->reliable)
			return w;
	return NULL;
}

static struct waiting *wait_for(struct fg_push_server *s, coap_session_t *session,
	const coap_pdu_t *request, struct fg_delivery *d)
{
	coap_bin_const_t token = coap_pdu_get_token(request);
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->server = s;
	w->delivery = d;
	w->session = coap_session_reference(session);
	w->mid = coap_pdu_get_mid(request);
	w->confirmable = coap_pdu_get_type(request) == COAP_MESSAGE_CON;
	w->reliable = fg_push_is_reliable(session);
	w->block1 = number_option(request, COAP_OPTION_BLOCK1);
	w->token_len = FG_MIN(token.length, sizeof(w->token));
	memcpy(w->token, token.s, w->token_len);
	w->since_us = fg_clock_mono_us();
	w->next = s->waiting;
	s->waiting = w;
	s->waiting_count++;
	return w;
}

/* No answer at all, now or ever: libcoap drops an empty message that is no ACK. */
static void say_nothing(coap_pdu_t *response)
{
	coap_pdu_set_type(response, COAP_MESSAGE_NON);
	coap_pdu_set_code(response, COAP_EMPTY_CODE);
}

/* ---- requests ---- */

static void to_path(const coap_pdu_t *request, char path[512])
{
	coap_string_t *text = coap_get_uri_path(request);

	snprintf(path, 512, "/%.*s", text ? (int)FG_MIN(text->length, (size_t)500) : 0,
		text ? (const char *)text->s : "");
	coap_delete_string(text);
}

/* What tells the message from others of its sender. A stream repeats nothing by itself. */
static uint64_t message_of(const coap_session_t *session, const coap_pdu_t *request,
	const struct fg_push_request *req)
{
	coap_bin_const_t token = coap_pdu_get_token(request);
	coap_mid_t mid = coap_pdu_get_mid(request);
	const coap_address_t *peer = coap_session_get_addr_remote(session);
	uint64_t h = fg_push_hash(FG_PUSH_HASH, &mid, sizeof(mid));

	if (fg_push_is_reliable(session))
		return 0;
	h = fg_push_hash(h, token.s, token.length);
	h = fg_push_hash(h, req->path, strlen(req->path));
	h = fg_push_hash(h, req->data, req->len);
	if (req->identity)
		return fg_push_hash(h, req->identity, strlen(req->identity));
	return fg_push_hash(h, &peer->addr, peer->size);
}

static void deliver(struct fg_push_server *s, coap_session_t *session, const coap_pdu_t *request,
	coap_pdu_t *response, struct fg_push_answer *a, uint64_t last)
{
	struct fg_delivery *d = FG_TAKE(a->delivery);
	struct waiting *w = s->waiting_count < FG_DELIVERIES_MAX
				    ? wait_for(s, session, request, d) : NULL;
	int r = FG_EFULL;

	if (w) {
		w->last = last;
		d->user = w;
		d->done = on_outcome;
		r = fg_link_deliver(s->ls, d);
	}
	if (r == FG_PENDING) {
		say_nothing(response);
		return;
	}
	if (w) {
		w->delivery = NULL;
		waiting_free(w);
	}
	fg_delivery_free(d);
	fg_push_outcome(FG_EFULL, a);
	count_code(s, a->code);
	fill(response, a, number_option(request, COAP_OPTION_BLOCK1));
}

/* One block of several. Returns as fg_push_block(), or 2.04 for a last one that comes again. */
static unsigned take_block(struct fg_push_server *s, coap_session_t *session,
	const coap_pdu_t *request, const coap_block_t *block, const struct fg_push_request *req,
	struct fg_push_body **ret_body, uint64_t *ret_last)
{
	const struct fg_push_link *conf = s->ls->link->conf;
	uint64_t key = fg_push_hash(FG_PUSH_HASH, req->path, strlen(req->path));

	key = fg_push_hash(key, &req->method, sizeof(req->method));
	*ret_last = block->m ? 0 : message_of(session, request, req);
	if (fg_push_has_ended(&s->ended, *ret_last, req->arrived_mono_us)) {
		count(s, FG_PUSH_KNOWN);
		return FG_COAP_CODE(2, 4);
	}
	return fg_push_block(&s->bodies, session, key, block->num, block->szx & 7, block->m,
		req->data, req->len, (size_t)conf->max_payload, req->arrived_mono_us, ret_body);
}

/* The payload, which may be a block of several. False: the response is ready. */
static bool take_payload(struct fg_push_server *s, coap_session_t *session,
	const coap_pdu_t *request, coap_pdu_t *response, struct fg_push_request *req,
	struct fg_push_body **ret_body, uint64_t *ret_last)
{
	const struct fg_push_link *conf = s->ls->link->conf;
	struct fg_push_answer a = {0};
	const uint8_t *data = NULL;
	coap_block_t block;
	size_t len = 0;

	if (!coap_get_data(request, &len, &data))
		len = 0;
	req->data = data ? (const char *)data : "";
	req->len = len;
	if (!coap_get_block(request, COAP_OPTION_BLOCK1, &block))
		a.code = len > (size_t)conf->max_payload ? FG_COAP_CODE(4, 13) : 0;
	else
		a.code = take_block(s, session, request, &block, req, ret_body, ret_last);
	if (a.code == 0) {
		if (*ret_body) {
			req->data = (*ret_body)->bytes.data;
			req->len = (*ret_body)->bytes.len;
		}
		return true;
	}
	count_code(s, a.code);
	fill(response, &a, number_option(request, COAP_OPTION_BLOCK1));
	if (a.code == FG_COAP_CODE(4, 13))
		add_number(response, COAP_OPTION_SIZE1, (unsigned)conf->max_payload);
	return false;
}

static void answer(struct fg_push_server *s, coap_session_t *session, const coap_pdu_t *request,
	coap_pdu_t *response, struct fg_push_request *req, uint64_t last)
{
	struct fg_push_answer a = {.body = &s->body};

	fg_buf_clear(&s->body);
	req->message = message_of(session, request, req);
	fg_push_answer(s->ls->link, req, &a);
	if (a.delivery) {
		deliver(s, session, request, response, &a, last);
		return;
	}
	count_code(s, a.code);
	tell(s, req->path, a.code, a.why);
	if (a.body->len && a.code >> 5 == 2)
		fill_body(session, request, response, &a);
	else
		fill(response, &a, number_option(request, COAP_OPTION_BLOCK1));
}

static uint64_t address_of(const coap_session_t *session)
{
	const coap_address_t *peer = coap_session_get_addr_remote(session);

	if (peer->addr.sa.sa_family == AF_INET6)
		return fg_push_hash(FG_PUSH_HASH, &peer->addr.sin6.sin6_addr,
			sizeof(peer->addr.sin6.sin6_addr));
	return fg_push_hash(
		FG_PUSH_HASH, &peer->addr.sin.sin_addr, sizeof(peer->addr.sin.sin_addr));
}

static void on_request(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct fg_push_server *s = coap_get_app_data(coap_session_get_context(session));
	const struct fg_push_link *conf = s->ls->link->conf;
	struct fg_push_body *body = NULL;
	uint64_t last = 0;
	struct fg_push_request req = {.method = coap_pdu_get_code(request),
		.identity = fg_push_identity(s, session),
		.format = number_option(request, COAP_OPTION_CONTENT_FORMAT),
		.accept = number_option(request, COAP_OPTION_ACCEPT),
		.arrived_mono_us = fg_clock_mono_us(),
		.wall_us = fg_clock_wall_us()};
	char path[512];

	(void)resource;
	(void)query;
	count(s, FG_PUSH_REQUESTS);
	if (!fg_push_allow(&s->limit, address_of(session), conf->rate, req.arrived_mono_us)) {
		count(s, FG_PUSH_DROPPED);
		say_nothing(response);
		return;
	}
	if (find_waiting(s, session, coap_pdu_get_mid(request))) {
		say_nothing(response);
		return;
	}
	if (req.wall_us < SET_SINCE_US)
		req.wall_us = 0;
	to_path(request, path);
	req.path = path;
	if (take_payload(s, session, request, response, &req, &body, &last))
		answer(s, session, request, response, &req, last);
	if (body)
		fg_push_body_end(body);
}

/* ---- life ---- */

static void on_libcoap_log(coap_log_t level, const char *text)
{
	fg_debug(FG_DEBUG_coap, "libcoap (%d): %.*s", (int)level, (int)strcspn(text, "\n"), text);
}

static bool add_endpoint(struct fg_push_server *s, coap_proto_t proto)
{
	const struct fg_push_link *conf = s->ls->link->conf;
	coap_address_t addr;

	coap_address_init(&addr);
	addr.size = conf->addr_len;
	memcpy(&addr.addr, &conf->addr, conf->addr_len);
	return coap_new_endpoint(s->ctx, &addr, proto) != NULL;
}

static int listen_on(struct fg_push_server *s)
{
	const struct fg_push_link *conf = s->ls->link->conf;
	bool secure = fg_push_is_secure(conf);

	if (!add_endpoint(s, secure ? COAP_PROTO_DTLS : COAP_PROTO_UDP) ||
		(conf->tcp && !add_endpoint(s, secure ? COAP_PROTO_TLS : COAP_PROTO_TCP))) {
		snprintf(s->ls->why, sizeof(s->ls->why),
			"cannot listen on %.80s: is the port free, and the address this machine's?",
			conf->listen);
		return -EADDRINUSE;
	}
	if (secure)
		s->fd = fg_push_find_socket(&conf->addr, conf->addr_len);
	return FG_OK;
}

static void add_handlers(struct fg_push_server *s)
{
	static const coap_request_t methods[] = {COAP_REQUEST_GET, COAP_REQUEST_POST,
		COAP_REQUEST_DELETE, COAP_REQUEST_FETCH, COAP_REQUEST_PATCH, COAP_REQUEST_IPATCH};
	coap_resource_t *any = coap_resource_unknown_init(on_request);
	coap_resource_t *known = coap_resource_init(coap_make_str_const(".well-known/core"), 0);

	for (size_t i = 0; i < FG_COUNT(methods); i++)
		coap_register_request_handler(any, methods[i], on_request);
	coap_register_request_handler(known, COAP_REQUEST_GET, on_request);
	coap_add_resource(s->ctx, any);
	coap_add_resource(s->ctx, known);
}

static int start(struct fg_push_server *s)
{
	const struct fg_push_link *conf = s->ls->link->conf;
	int r;

	s->ctx = coap_new_context(NULL);
	if (!s->ctx)
		return FG_ENOMEM;
	coap_set_app_data(s->ctx, s);
	coap_context_set_block_mode(s->ctx, 0); /* blocks are ours: they are bounded */
	coap_context_set_max_idle_sessions(s->ctx, (unsigned)conf->max_sessions);
	coap_context_set_max_handshake_sessions(s->ctx, HANDSHAKES_MAX);
	coap_context_set_session_timeout(s->ctx, SESSION_S);
	coap_context_set_csm_max_message_size(s->ctx, (uint32_t)conf->max_payload + 1024);
	coap_register_event_handler(s->ctx, fg_push_on_event);
	add_handlers(s);
	r = fg_push_set_keys(s);
	return r < 0 ? r : listen_on(s);
}

int fg_push_open(struct fg_link_state *ls)
{
	struct fg_push_state *state = ls->state;
	struct fg_push_host *host = ls->host->state;
	struct fg_push_server *s = calloc(1, sizeof(*s));
	struct epoll_event event = {.events = EPOLLIN};
	int r;

	if (!s)
		return FG_ENOMEM;
	s->ls = ls;
	s->fd = -1;
	fg_buf_init(&s->body, BODY_MAX);
	s->next = host->first;
	host->first = s;
	state->server = s;
	r = start(s);
	if (r == FG_OK && epoll_ctl(host->epoll_fd, EPOLL_CTL_ADD,
				  coap_context_get_coap_fd(s->ctx), &event) < 0)
		r = -errno;
	if (r == FG_OK)
		fg_notice("link '%s': listening on %s%s", ls->link->name,
			((const struct fg_push_link *)ls->link->conf)->listen,
			fg_push_is_secure(ls->link->conf) ? "" : ", without encryption");
	return r;
}

void fg_push_close(struct fg_link_state *ls)
{
	struct fg_push_state *state = ls->state;
	struct fg_push_host *host = ls->host->state;
	struct fg_push_server *s = FG_TAKE(state->server), **at = &host->first;

	if (!s)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	while (s->waiting)
		waiting_free(s->waiting);
	fg_push_bodies_forget(&s->bodies, NULL);
	if (s->ctx)
		coap_free_context(s->ctx); /* takes its descriptor out of ours as it closes it */
	fg_push_peers_free(s);
	fg_buf_fini(&s->body);
	atomic_store(&ls->counts[FG_PUSH_SESSIONS], 0);
	free(s);
}

void fg_push_reload(struct fg_link_state *ls)
{
	struct fg_push_state *state = ls->state;

	if (state->server)
		fg_push_check_keys(state->server);
}

int fg_push_host_open(struct fg_host *h)
{
	struct fg_push_host *host = h->state;

	coap_startup();
	coap_set_log_handler(on_libcoap_log);
	coap_set_log_level(LOG_WARNING);
	coap_dtls_set_log_level(LOG_WARNING);
	host->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return host->epoll_fd < 0 ? -errno : FG_OK;
}

void fg_push_host_close(struct fg_host *h)
{
	struct fg_push_host *host = h->state;

	while (host->first)
		fg_push_close(host->first->ls);
	close(host->epoll_fd);
}

int fg_push_host_fd(struct fg_host *h)
{
	const struct fg_push_host *host = h->state;

	return host->epoll_fd;
}

/* Who has waited too long is told so, and to send it again: it will be known then. */
static int64_t look_at_waiting(struct fg_push_server *s, int64_t now_us)
{
	struct fg_push_answer late = {0};
	struct waiting *w, *next;
	int64_t wait_us = IDLE_US;

	for (w = s->waiting; w; w = next) {
		next = w->next;
		if (now_us - w->since_us >= PATIENCE_US) {
			fg_push_outcome(FG_EFULL, &late);
			count_code(s, late.code);
			send_answer(w, &late);
			waiting_free(w);
			continue;
		}
		if (w->confirmable && !w->acked && !w->reliable &&
			now_us - w->since_us >= ACK_US)
			send_empty_ack(w);
		wait_us = FG_MIN(wait_us, w->since_us +
						  (w->acked || !w->confirmable || w->reliable
								  ? PATIENCE_US : ACK_US) -
						  now_us);
	}
	return wait_us;
}

int64_t fg_push_host_process(struct fg_host *h)
{
	struct fg_push_host *host = h->state;
	int64_t wait_us = IDLE_US, now_us;

	for (struct fg_push_server *s = host->first; s; s = s->next) {
		if (!s->ctx)
			continue;
		fg_push_look_ahead(s);
		coap_io_process(s->ctx, COAP_IO_NO_WAIT);
		fg_push_end_bad(s);
		now_us = fg_clock_mono_us();
		wait_us = FG_MIN(wait_us, look_at_waiting(s, now_us));
	}
	return FG_MAX(wait_us, INT64_C(0));
}
