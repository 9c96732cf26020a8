/* SPDX-License-Identifier: EUPL-1.2 */
/* The coap driver at run time: one libcoap context for all links, one exchange at a time on each.
 *
 * libcoap repeats confirmable messages and runs DTLS. This file decides when a request is over: its
 * timers are ours, on the monotonic clock, because libcoap's follow wall time, which jumps on
 * boards without a battery clock. Block-wise answers are fetched here as well: libcoap would
 * allocate whatever size the peer announces.
 *
 * A request that got no answer costs its session: the next one has a new port (and a new DTLS
 * handshake), so a late answer to the old request has nobody to reach, and a peer that has
 * forgotten our DTLS session is met afresh. */
#include <coap3/coap.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"

#define RESOLVE_LOOK_US 20000
#define IDLE_US		INT64_C(60000000)
#define CSM_SIZE	1152 /* the least that stands in RFC 8323: no larger blocks (BERT) */
#define CSM_TIMEOUT_S	30

static void on_libcoap_log(coap_log_t level, const char *message)
{
	(void)level;
	fg_debug(FG_DEBUG_coap, "libcoap: %s", message);
}

/* ---- jobs ---- */

static void take_off(struct fg_coap_endpoint *ep, struct fg_job *job)
{
	struct fg_job *before = NULL;

	for (struct fg_job *j = ep->first; j != job; j = j->driver_data)
		before = j;
	if (before)
		before->driver_data = job->driver_data;
	else
		ep->first = job->driver_data;
	if (ep->last == job)
		ep->last = before;
	job->driver_data = NULL;
}

/* Every point of requests from..end that has no reading yet gets one without a value. */
static void fail_requests(struct fg_job *job, size_t from, enum fg_reason reason, int64_t now_us)
{
	const struct fg_coap_request *reqs = job->group->plan;

	for (size_t i = from; i < job->group->request_count; i++)
		for (size_t k = 0; k < reqs[i].count; k++)
			fg_job_missing(job, reqs[i].points[k], reason, 0, now_us);
}

/* The job at work is over; done() is called later, when nothing is being walked through. */
static void finish(struct fg_coap_endpoint *ep, int status)
{
	struct fg_coap_host *host = fg_coap_host_of(ep);
	struct fg_job *job = ep->first;

	take_off(ep, job);
	job->status = status;
	job->driver_data = host->finished;
	host->finished = job;
	ep->phase = FG_COAP_IDLE;
	ep->event = FG_COAP_NOTHING;
	ep->request = 0;
}

static bool take_finished(struct fg_coap_host *host, struct fg_job *job)
{
	struct fg_job *before = NULL;

	for (struct fg_job *j = host->finished; j; before = j, j = j->driver_data) {
		if (j != job)
			continue;
		if (before)
			before->driver_data = j->driver_data;
		else
			host->finished = j->driver_data;
		j->driver_data = NULL;
		return true;
	}
	return false;
}

static void run_finished(struct fg_coap_host *host)
{
	struct fg_job *job;

	while ((job = host->finished)) { /* done() may poll, cancel or close */
		take_finished(host, job);
		job->done(job);
	}
}

/* ---- libcoap's callbacks ---- */

static bool is_ours(const struct fg_coap_endpoint *ep, const coap_pdu_t *pdu)
{
	coap_bin_const_t token = coap_pdu_get_token(pdu);

	return ep && ep->phase == FG_COAP_WAITING && ep->event == FG_COAP_NOTHING &&
	       token.length == FG_COAP_TOKEN_SIZE &&
	       memcmp(token.s, &ep->token, FG_COAP_TOKEN_SIZE) == 0;
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
	const coap_pdu_t *received, const coap_mid_t mid)
{
	struct fg_coap_endpoint *ep = coap_session_get_app_data(session);
	unsigned code = coap_pdu_get_code(received);

	struct fg_coap_watch *watch = ep ? fg_coap_watch_of(ep, received) : NULL;

	(void)sent;
	(void)mid;
	if (watch && (!is_ours(ep, received) || fg_coap_is_late(ep, watch, received)))
		return fg_coap_notified(ep, watch, received) ||
				       coap_pdu_get_type(received) == COAP_MESSAGE_ACK
			       ? COAP_RESPONSE_OK
			       : COAP_RESPONSE_FAIL;
	if (!is_ours(ep, received)) {
		if (ep)
			fg_coap_count(ep, FG_COAP_COUNT_STRAY);
		fg_debug(FG_DEBUG_coap,
			"coap: an answer (%u.%02u) that nobody waits for is dropped", code >> 5,
			code & 31);
		/* Reset tells the peer to stop repeating it; what rides on an ACK is over anyway.
		 */
		return coap_pdu_get_type(received) == COAP_MESSAGE_ACK ? COAP_RESPONSE_OK
								       : COAP_RESPONSE_FAIL;
	}
	if (watch && watch == ep->watching)
		fg_coap_note_registration(ep, watch, received);
	ep->event = fg_coap_take_answer(ep, received);
	return COAP_RESPONSE_OK;
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
	const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct fg_coap_endpoint *ep = coap_session_get_app_data(session);

	(void)mid;
	if (!sent || !is_ours(ep, sent))
		return;
	switch (reason) {
	case COAP_NACK_ICMP_ISSUE: /* libcoap goes on repeating: it may be starting up just now */
		ep->refused = true;
		break;
	case COAP_NACK_RST:
		ep->event = FG_COAP_RESET;
		break;
	case COAP_NACK_TLS_FAILED:
		ep->event = FG_COAP_TLS_FAILED;
		break;
	case COAP_NACK_TOO_MANY_RETRIES:
	case COAP_NACK_NOT_DELIVERABLE:
		ep->event = FG_COAP_SILENT;
		break;
	}
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
	struct fg_coap_endpoint *ep = coap_session_get_app_data(session);

	if (!ep)
		return 0;
	switch (event) {
	case COAP_EVENT_DTLS_CONNECTED:
		fg_debug(FG_DEBUG_coap, "link %s: handshake done", ep->ls->link->name);
		ep->connected = !fg_coap_conf(ep)->tcp;
		if (ep->connected && ep->phase == FG_COAP_WAITING)
			fg_coap_set_times(ep, ep->first, fg_clock_mono_us());
		break;
	case COAP_EVENT_SESSION_CONNECTED: /* both have told their capabilities (CSM) */
		ep->connected = true;
		break;
	case COAP_EVENT_TCP_FAILED:
		ep->refused = true;
		ep->broken = true;
		break;
	case COAP_EVENT_DTLS_ERROR:
		fg_coap_note_tls_failure(ep);
		ep->broken = true;
		break;
	case COAP_EVENT_DTLS_CLOSED:
	case COAP_EVENT_TCP_CLOSED:
	case COAP_EVENT_SESSION_CLOSED:
	case COAP_EVENT_SESSION_FAILED:
		ep->broken = true;
		break;
	default:
		break;
	}
	return 0;
}

/* ---- one exchange after the other ---- */

/* How many times libcoap has sent again by now. It does not tell, so this goes by its times, which
 * are rounded to milliseconds and more. */
static unsigned repeated(const struct fg_coap_endpoint *ep, int64_t now_us)
{
	unsigned n = 0;

	while (n < ep->repeats &&
		now_us - ep->sent_mono_us + 20000 >= (ep->wait_us << (n + 1)) - ep->wait_us)
		n++;
	return n;
}

/* The job ends here: what is not read yet stays without a value. An endpoint that does not answer
 * at all is not asked for the other paths. */
static void give_up(struct fg_coap_endpoint *ep, enum fg_reason reason, int status, int64_t now_us)
{
	struct fg_job *job = ep->first;
	char text[FG_REASON_SIZE];

	fg_debug(FG_DEBUG_coap, "link %s: given up: %s", ep->ls->link->name,
		fg_reason_text(reason, 0, text));
	fg_job_explain(job, "  %s", fg_reason_text(reason, 0, text));
	fail_requests(job, ep->request, reason, now_us);
	fg_coap_watch_failed(ep);
	fg_coap_drop_session(ep);
	finish(ep, status);
}

static void tell_unconnected(struct fg_coap_endpoint *ep)
{
	const struct fg_coap_link *conf = fg_coap_conf(ep);

	if (ep->tls_why[0])
		fg_coap_tell(
			ep, FG_COAP_NO_TRUST, "no handshake with %s: %s", conf->uri, ep->tls_why);
	else if (conf->secure && !ep->refused)
		fg_coap_tell(ep, FG_COAP_NO_HANDSHAKE,
			"no %s handshake with %s: nobody there, or one does not trust the other's "
			"%s (--debug=coap says more)",
			conf->tcp ? "TLS" : "DTLS", conf->uri,
			conf->ca_file ? "certificate" : "identity or key");
	else
		fg_coap_tell(ep, FG_COAP_NO_SOCKET, "no connection with %s", conf->uri);
}

static void give_up_silent(struct fg_coap_endpoint *ep, int64_t now_us)
{
	bool refused = ep->refused;

	ep->first->requests += ep->connected ? repeated(ep, now_us) : 0;
	if (ep->connected)
		fg_coap_note_silence(ep);
	else
		tell_unconnected(ep);
	give_up(ep, refused ? FG_REASON_LINK_DOWN : FG_REASON_NO_RESPONSE, FG_OK, now_us);
}

/* Over TCP libcoap would block in its call until the connection stands. */
static int wait_connected(struct fg_coap_endpoint *ep)
{
	ep->phase = FG_COAP_CONNECTING;
	ep->refused = false;
	ep->give_up_mono_us = ep->first->deadline_mono_us;
	return FG_OK;
}

/* What must not be sent now: true when the request is over without having begun. */
static bool held_back(struct fg_coap_endpoint *ep, int64_t now_us)
{
	const struct fg_coap_request *req = fg_coap_request_of(ep);
	const struct fg_coap_kept *kept = fg_coap_kept_find(ep, req->path);
	struct fg_job *job = ep->first;

	if (kept && kept->not_before_mono_us > now_us) {
		fg_coap_count(ep, FG_COAP_COUNT_HELD);
		fg_job_explain(job,
			"GET %s\n  not sent: the server said %u.%02u, and to come again "
			"in %" PRId64 "s",
			req->path, kept->code >> 5, kept->code & 31,
			(kept->not_before_mono_us - now_us + 999999) / 1000000);
		for (size_t i = 0; i < req->count; i++)
			fg_job_missing(job, req->points[i], FG_REASON_COAP, kept->code, now_us);
		return true;
	}
	if (fg_coap_device_of(ep)->confirmable || fg_coap_conf(ep)->tcp ||
		ep->quiet_until_mono_us <= now_us)
		return false;
	fg_coap_count(ep, FG_COAP_COUNT_HELD);
	fg_job_explain(
		job, "GET %s\n  not sent: the last one had no answer (PROBING_RATE)", req->path);
	for (size_t i = 0; i < req->count; i++)
		fg_job_missing(job, req->points[i], FG_REASON_NO_RESPONSE, 0, now_us);
	return true;
}

/* Begins the request of the job at work, or the first step towards it. */
static void begin(struct fg_coap_endpoint *ep, int64_t now_us)
{
	int r = FG_OK;

	ep->event = FG_COAP_NOTHING;
	fg_buf_clear(&ep->body);
	ep->block = 0;
	if (ep->broken)
		fg_coap_drop_session(ep);
	if (!ep->session && ep->address_used == ep->address_count && ep->named) {
		r = fg_resolve_start(
			fg_coap_conf(ep)->host, fg_coap_conf(ep)->port, &ep->resolving);
		if (r == FG_OK) {
			ep->phase = FG_COAP_RESOLVING;
			return;
		}
	}
	if (!ep->session && ep->address_used == ep->address_count)
		ep->address_used = 0;
	while (!ep->session && r == FG_OK && ep->address_used < ep->address_count)
		if (fg_coap_open_session(ep) < 0 && ep->address_used == ep->address_count)
			r = -EHOSTUNREACH;
	if (r == FG_OK)
		r = ep->connected || !fg_coap_conf(ep)->tcp ? fg_coap_send_get(ep, now_us)
							    : wait_connected(ep);
	if (r < 0)
		give_up(ep, FG_REASON_LINK_DOWN, r, now_us);
}

/* Goes on with a look-up. False: still running. */
static bool step_resolve(struct fg_coap_endpoint *ep, int64_t now_us)
{
	const struct fg_coap_link *conf = fg_coap_conf(ep);
	const char *why = NULL;
	int r = fg_resolve_poll(ep->resolving, ep->addresses, &ep->address_count, &why);

	if (r == FG_PENDING && now_us < ep->first->deadline_mono_us)
		return false;
	if (r == FG_PENDING) {
		fg_resolve_abandon(ep->resolving);
		why = "no answer from the name server";
		r = FG_ETIMEOUT;
	}
	ep->resolving = NULL;
	if (r < 0) {
		fg_coap_tell(ep, FG_COAP_NO_NAME, "cannot resolve '%s': %s", conf->host, why);
		give_up(ep, FG_REASON_LINK_DOWN, r, now_us);
		return true;
	}
	ep->address_used = 0;
	begin(ep, now_us);
	return true;
}

static void next_request(struct fg_coap_endpoint *ep, int64_t now_us)
{
	struct fg_job *job = ep->first;

	ep->changes = 0;
	do
		ep->request++;
	while (ep->request < job->group->request_count && held_back(ep, now_us));
	if (ep->request < job->group->request_count) {
		begin(ep, now_us);
		return;
	}
	job->observing = fg_coap_watch_settle(ep, job->group, now_us);
	finish(ep, FG_OK);
}

static void first_request(struct fg_coap_endpoint *ep, int64_t now_us)
{
	ep->changes = 0;
	if (held_back(ep, now_us))
		next_request(ep, now_us);
	else
		begin(ep, now_us);
}

static void next_block(struct fg_coap_endpoint *ep, int64_t now_us)
{
	int r = now_us < ep->first->deadline_mono_us ? fg_coap_send_get(ep, now_us) : FG_OK;

	if (r < 0)
		give_up(ep, FG_REASON_LINK_DOWN, r, now_us);
	else if (ep->event != FG_COAP_NOTHING)
		give_up(ep, FG_REASON_NO_RESPONSE, FG_OK, now_us);
}

static void bad_answer(struct fg_coap_endpoint *ep, int64_t now_us)
{
	const struct fg_coap_request *req = fg_coap_request_of(ep);

	fg_job_explain(ep->first, "  not a usable answer (block order, size over 64 KiB, or code)");
	for (size_t i = 0; i < req->count; i++)
		fg_job_missing(ep->first, req->points[i], FG_REASON_FRAME, 0, now_us);
	next_request(ep, now_us);
}

/* Goes on with an exchange. False: nothing has happened. */
static bool step_wait(struct fg_coap_endpoint *ep, int64_t now_us)
{
	switch (ep->event) {
	case FG_COAP_ANSWERED:
		fg_coap_tell_fine(ep);
		ep->first->requests += repeated(ep, now_us);
		ep->first->answers++;
		ep->address_used = ep->address; /* a good one: the next session tries it first */
		ep->proven = true;
		next_request(ep, now_us);
		return true;
	case FG_COAP_MORE:
		ep->first->answers++;
		next_block(ep, now_us);
		return true;
	case FG_COAP_BAD_ANSWER:
		bad_answer(ep, now_us);
		return true;
	case FG_COAP_CHANGED:
	case FG_COAP_OTHER_FORMAT:
		ep->first->answers++;
		ep->proven = true;
		begin(ep, now_us); /* an own request, with all its attempts */
		return true;
	case FG_COAP_TLS_FAILED:
		ep->broken = true;
		break;
	case FG_COAP_RESET:
	case FG_COAP_SILENT:
		give_up_silent(ep, now_us);
		return true;
	case FG_COAP_NOTHING:
		break;
	}
	if (ep->broken && ep->proven && now_us < ep->first->deadline_mono_us)
		begin(ep, now_us); /* the peer ended a session that was good: once more, afresh */
	else if (ep->broken || now_us >= ep->give_up_mono_us)
		give_up_silent(ep, now_us);
	else
		return false;
	return true;
}

/* Goes on with a connection. False: nothing has happened. */
static bool step_connect(struct fg_coap_endpoint *ep, int64_t now_us)
{
	if (ep->connected)
		begin(ep, now_us);
	else if (ep->broken || now_us >= ep->give_up_mono_us)
		give_up_silent(ep, now_us);
	else
		return false;
	return true;
}

/* Does all that can be done for a link now. */
static void advance(struct fg_coap_endpoint *ep, int64_t now_us)
{
	bool moved = true;

	while (moved && ep->first) {
		switch (ep->phase) {
		case FG_COAP_IDLE:
			if (now_us < ep->first->deadline_mono_us) {
				first_request(ep, now_us);
			} else { /* it waited too long for the jobs before it */
				fail_requests(ep->first, 0, FG_REASON_NO_RESPONSE, now_us);
				finish(ep, FG_OK);
			}
			break;
		case FG_COAP_RESOLVING:
			moved = step_resolve(ep, now_us);
			break;
		case FG_COAP_CONNECTING:
			moved = step_connect(ep, now_us);
			break;
		case FG_COAP_WAITING:
			moved = step_wait(ep, now_us);
			break;
		}
	}
}

/* ---- the driver's functions ---- */

int fg_coap_open(struct fg_link_state *ls)
{
	struct fg_coap_endpoint *ep = ls->state;
	struct fg_coap_host *host = ls->host->state;
	const struct fg_coap_link *conf = ls->link->conf;

	memset(ep, 0, sizeof(*ep));
	ep->ls = ls;
	ep->watched_link = ls->link;
	fg_buf_init(&ep->body, FG_COAP_BODY_MAX + 1);
	ep->named = fg_resolve_numeric(conf->host, conf->port, &ep->addresses[0]) < 0;
	ep->address_count = ep->named ? 0 : 1;
	ep->next = host->endpoints;
	host->endpoints = ep;
	return FG_OK; /* the session is opened, and a name looked up, with the first poll */
}

void fg_coap_close(struct fg_link_state *ls)
{
	struct fg_coap_endpoint *ep = ls->state, **at;
	struct fg_coap_host *host = ls->host->state;

	if (!ep->ls)
		return;
	while (ep->first)
		fg_coap_cancel(ep->first);
	for (at = &host->endpoints; *at; at = &(*at)->next) {
		if (*at == ep) {
			*at = ep->next;
			break;
		}
	}
	fg_coap_watches_end(ep);
	fg_coap_drop_session(ep);
	fg_resolve_abandon(ep->resolving);
	fg_buf_fini(&ep->body);
	fg_coap_kept_free(ep);
	ep->ls = NULL;
}

int fg_coap_poll(struct fg_job *job)
{
	struct fg_coap_endpoint *ep = job->link->state;

	fg_coap_watch_look(ep);
	job->driver_data = NULL;
	job->status = FG_OK;
	if (ep->first)
		ep->last->driver_data = job;
	else
		ep->first = job;
	ep->last = job;
	if (ep->first == job) {
		advance(ep, fg_clock_mono_us());
		if (take_finished(fg_coap_host_of(ep), job)) /* it failed at once */
			return job->status;
	}
	return FG_PENDING;
}

void fg_coap_cancel(struct fg_job *job)
{
	struct fg_coap_endpoint *ep = job->link->state;
	struct fg_coap_host *host = fg_coap_host_of(ep);
	int64_t now_us = fg_clock_mono_us();

	if (!take_finished(host, job)) {
		fail_requests(
			job, job == ep->first ? ep->request : 0, FG_REASON_NO_RESPONSE, now_us);
		if (job == ep->first) {
			fg_resolve_abandon(FG_TAKE(ep->resolving));
			fg_coap_drop_session(ep);
			finish(ep, FG_ECANCELED);
			take_finished(host, job);
		} else {
			take_off(ep, job);
			job->status = FG_ECANCELED;
		}
	}
	job->done(job);
}

void fg_coap_set_callbacks(coap_context_t *ctx)
{
	coap_context_set_block_mode(ctx, 0);
	coap_context_set_csm_max_message_size(ctx, CSM_SIZE);
	coap_context_set_csm_timeout(ctx, CSM_TIMEOUT_S);
	coap_register_response_handler(ctx, on_response);
	coap_register_nack_handler(ctx, on_nack);
	coap_register_event_handler(ctx, on_event);
}

int fg_coap_host_open(struct fg_host *h)
{
	struct fg_coap_host *host = h->state;
	struct epoll_event event = {.events = EPOLLIN};

	coap_startup();
	coap_set_log_handler(on_libcoap_log);
	coap_set_log_level(LOG_WARNING);
	coap_dtls_set_log_level(LOG_WARNING);
	host->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (host->epoll_fd < 0)
		return -errno;
	host->ctx = coap_new_context(NULL);
	if (!host->ctx)
		return FG_ENOMEM;
	fg_coap_set_callbacks(host->ctx);
	if (epoll_ctl(host->epoll_fd, EPOLL_CTL_ADD, coap_context_get_coap_fd(host->ctx), &event) <
		0)
		return -errno;
	host->rng.state = fg_random_seed();
	return FG_OK;
}

void fg_coap_host_close(struct fg_host *h)
{
	struct fg_coap_host *host = h->state;
	struct fg_coap_trouble *t;

	while (host->endpoints)
		fg_coap_close(host->endpoints->ls);
	while ((t = host->troubles)) {
		host->troubles = t->next;
		free(t);
	}
	if (host->ctx)
		coap_free_context(host->ctx);
	host->ctx = NULL;
	if (host->epoll_fd > 0)
		close(host->epoll_fd);
	host->epoll_fd = 0;
}

int fg_coap_host_fd(struct fg_host *h)
{
	struct fg_coap_host *host = h->state;

	return host->epoll_fd;
}

static int64_t due_in(const struct fg_coap_endpoint *ep, int64_t now_us)
{
	if (!ep->first)
		return IDLE_US;
	if (ep->phase == FG_COAP_RESOLVING)
		return RESOLVE_LOOK_US;
	return FG_MAX(ep->give_up_mono_us - now_us, INT64_C(0));
}

int64_t fg_coap_host_process(struct fg_host *h)
{
	struct fg_coap_host *host = h->state;
	int64_t now_us, wait_us = IDLE_US;

	for (struct fg_coap_endpoint *ep = host->endpoints; ep; ep = ep->next)
		fg_coap_watch_look(ep); /* before a notification can be for what is gone */
	coap_io_process(host->ctx, COAP_IO_NO_WAIT);
	for (struct fg_coap_endpoint *ep = host->endpoints; ep; ep = ep->next)
		if (ep->own)
			coap_io_process(ep->own, COAP_IO_NO_WAIT);
	now_us = fg_clock_mono_us();
	for (struct fg_coap_endpoint *ep = host->endpoints; ep; ep = ep->next) {
		advance(ep, now_us);
		fg_coap_watch_process(ep, now_us);
	}
	run_finished(host);
	for (struct fg_coap_endpoint *ep = host->endpoints; ep; ep = ep->next)
		fg_coap_watch_acknowledge(ep);
	for (struct fg_coap_endpoint *ep = host->endpoints; ep; ep = ep->next)
		wait_us = FG_MIN(
			wait_us, FG_MIN(due_in(ep, now_us), fg_coap_watch_due_in(ep, now_us)));
	return wait_us;
}
