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

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"

#define MAX_BODY	(64u << 10)
#define RESOLVE_LOOK_US 20000
#define IDLE_US		INT64_C(60000000)

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

static int content_format(const coap_pdu_t *pdu)
{
	coap_opt_iterator_t it;
	const coap_opt_t *opt = coap_check_option(pdu, COAP_OPTION_CONTENT_FORMAT, &it);

	return opt ? (int)coap_decode_var_bytes(coap_opt_value(opt), coap_opt_length(opt)) : -1;
}

/* All blocks must be of one state of the resource. */
static bool same_etag(struct fg_coap_endpoint *ep, const coap_pdu_t *pdu)
{
	coap_opt_iterator_t it;
	const coap_opt_t *opt = coap_check_option(pdu, COAP_OPTION_ETAG, &it);
	size_t len = opt ? FG_MIN(coap_opt_length(opt), (uint32_t)sizeof(ep->etag)) : 0;

	if (!ep->block) {
		ep->etag_len = len;
		if (len)
			memcpy(ep->etag, coap_opt_value(opt), len);
		return true;
	}
	return len == ep->etag_len && (!len || memcmp(ep->etag, coap_opt_value(opt), len) == 0);
}

/* Takes a payload that may be one block of several. */
static enum fg_coap_event take_content(
	struct fg_coap_endpoint *ep, const coap_pdu_t *pdu, const uint8_t *data, size_t len)
{
	int format = content_format(pdu);
	coap_block_b_t block;
	bool blockwise = coap_get_block_b(ep->session, pdu, COAP_OPTION_BLOCK2, &block);
	int64_t now_us = fg_clock_mono_us();

	if (!blockwise && ep->block)
		return FG_COAP_BAD_ANSWER;
	if (blockwise &&
		((size_t)block.num << (block.szx + 4) != ep->body.len || !same_etag(ep, pdu) ||
			(block.m && len != (size_t)16 << block.szx)))
		return FG_COAP_BAD_ANSWER;
	if (blockwise && (block.m || block.num)) {
		fg_buf_put(&ep->body, data, len);
		if (ep->body.overflow)
			return FG_COAP_BAD_ANSWER;
		if (block.m) {
			ep->block = block.num + 1;
			ep->szx = block.szx;
			return FG_COAP_MORE;
		}
		data = (const uint8_t *)ep->body.data;
		len = ep->body.len;
	}
	fg_coap_decode(ep->first, fg_coap_request_of(ep), format, (const char *)data, len, now_us);
	return FG_COAP_ANSWERED;
}

/* A refusal is a valid answer: it holds for the points of this request. */
static void take_refusal(struct fg_coap_endpoint *ep, unsigned code)
{
	const struct fg_coap_request *req = fg_coap_request_of(ep);
	int64_t now_us = fg_clock_mono_us();

	fg_job_explain(ep->first, "  refused: %u.%02u", code >> 5, code & 31);
	for (size_t i = 0; i < req->count; i++)
		fg_job_missing(ep->first, req->points[i], FG_REASON_COAP, code, now_us);
}

/* Not acceptable, or an Accept option that the device does not know (it is a critical one). With
 * none left to try, the next poll begins with the first again: devices learn, too. */
static bool is_about_accept(struct fg_coap_endpoint *ep, unsigned code)
{
	enum fg_coap_wants wants = fg_coap_request_of(ep)->wants;
	uint8_t *choice = fg_coap_accept_of(ep);

	if (code != COAP_RESPONSE_CODE(406) && code != COAP_RESPONSE_CODE(402))
		return false;
	if (fg_coap_accept(wants, *choice) == FG_COAP_FORMAT_NONE) {
		*choice = 0;
		return false;
	}
	fg_job_explain(ep->first, "  not as content format %d (%u.%02u)",
		fg_coap_accept(wants, *choice), code >> 5, code & 31);
	++*choice;
	return true;
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
	const coap_pdu_t *received, const coap_mid_t mid)
{
	struct fg_coap_endpoint *ep = coap_session_get_app_data(session);
	unsigned code = coap_pdu_get_code(received);
	const uint8_t *data = NULL;
	size_t len = 0;

	(void)sent;
	(void)mid;
	if (!is_ours(ep, received)) {
		fg_debug(FG_DEBUG_coap,
			"coap: an answer (%u.%02u) that nobody waits for is dropped", code >> 5,
			code & 31);
		/* Reset tells the peer to stop repeating it; what rides on an ACK is over anyway.
		 */
		return coap_pdu_get_type(received) == COAP_MESSAGE_ACK ? COAP_RESPONSE_OK
								       : COAP_RESPONSE_FAIL;
	}
	if (!coap_get_data(received, &len, &data))
		len = 0;
	fg_coap_debug_message(
		ep, '<', received, fg_coap_request_of(ep)->path, content_format(received), len);
	if (code == COAP_RESPONSE_CODE_CONTENT) {
		ep->event = take_content(ep, received, data ? data : (const uint8_t *)"", len);
	} else if (is_about_accept(ep, code)) {
		ep->event = FG_COAP_OTHER_FORMAT;
	} else if (code >> 5 == 4 || code >> 5 == 5) {
		take_refusal(ep, code);
		ep->event = FG_COAP_ANSWERED;
	} else {
		ep->event = FG_COAP_BAD_ANSWER;
	}
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
	if (event == COAP_EVENT_DTLS_CONNECTED) {
		fg_debug(FG_DEBUG_coap, "link %s: DTLS handshake done", ep->ls->link->name);
		ep->connected = true;
		if (ep->phase == FG_COAP_WAITING)
			fg_coap_set_times(ep, ep->first, fg_clock_mono_us());
	} else if (event == COAP_EVENT_DTLS_CLOSED || event == COAP_EVENT_DTLS_ERROR) {
		ep->broken = true;
	}
	return 0;
}

/* ---- one exchange after the other ---- */

/* How many times libcoap has sent again by now. It does not tell, so this goes by its times, which
 * are rounded to milliseconds and more. */
static unsigned repeated(
	const struct fg_coap_endpoint *ep, const struct fg_job *job, int64_t now_us)
{
	unsigned n = 0;

	while (n + 1 < job->attempts && n < 8 &&
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
	fg_coap_drop_session(ep);
	finish(ep, status);
}

static void give_up_silent(struct fg_coap_endpoint *ep, int64_t now_us)
{
	bool refused = ep->refused;

	ep->first->requests += ep->connected ? repeated(ep, ep->first, now_us) : 0;
	if (!ep->connected)
		fg_coap_tell(ep, FG_COAP_NO_HANDSHAKE,
			"no DTLS handshake with %s: nobody there, or the identity or "
			"key is not the one that it knows",
			fg_coap_conf(ep)->uri);
	give_up(ep, refused ? FG_REASON_LINK_DOWN : FG_REASON_NO_RESPONSE, FG_OK, now_us);
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
		r = fg_coap_send_get(ep, now_us);
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

	if (++ep->request == job->group->request_count)
		finish(ep, FG_OK);
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
		ep->first->requests += repeated(ep, ep->first, now_us);
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

/* Does all that can be done for a link now. */
static void advance(struct fg_coap_endpoint *ep, int64_t now_us)
{
	bool moved = true;

	while (moved && ep->first) {
		switch (ep->phase) {
		case FG_COAP_IDLE:
			if (now_us < ep->first->deadline_mono_us) {
				begin(ep, now_us);
			} else { /* it waited too long for the jobs before it */
				fail_requests(ep->first, 0, FG_REASON_NO_RESPONSE, now_us);
				finish(ep, FG_OK);
			}
			break;
		case FG_COAP_RESOLVING:
			moved = step_resolve(ep, now_us);
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
	fg_buf_init(&ep->body, MAX_BODY + 1);
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
	fg_coap_drop_session(ep);
	fg_resolve_abandon(ep->resolving);
	fg_buf_fini(&ep->body);
	ep->ls = NULL;
}

int fg_coap_poll(struct fg_job *job)
{
	struct fg_coap_endpoint *ep = job->link->state;

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

int fg_coap_host_open(struct fg_host *h)
{
	struct fg_coap_host *host = h->state;

	coap_startup();
	coap_set_log_handler(on_libcoap_log);
	coap_set_log_level(LOG_WARNING);
	coap_dtls_set_log_level(LOG_WARNING);
	host->ctx = coap_new_context(NULL);
	if (!host->ctx)
		return FG_ENOMEM;
	host->token = (uint32_t)fg_random_seed();
	coap_context_set_block_mode(host->ctx, 0);
	coap_register_response_handler(host->ctx, on_response);
	coap_register_nack_handler(host->ctx, on_nack);
	coap_register_event_handler(host->ctx, on_event);
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
}

int fg_coap_host_fd(struct fg_host *h)
{
	struct fg_coap_host *host = h->state;

	return coap_context_get_coap_fd(host->ctx);
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

	coap_io_process(host->ctx, COAP_IO_NO_WAIT);
	now_us = fg_clock_mono_us();
	for (struct fg_coap_endpoint *ep = host->endpoints; ep; ep = ep->next)
		advance(ep, now_us);
	run_finished(host);
	for (struct fg_coap_endpoint *ep = host->endpoints; ep; ep = ep->next)
		wait_us = FG_MIN(wait_us, due_in(ep, now_us));
	return wait_us;
}
