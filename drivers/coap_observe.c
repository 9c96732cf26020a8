/* SPDX-License-Identifier: EUPL-1.2 */
/* Observe (RFC 7641): what is registered at the server of a link, and what comes from there.
 *
 * Registering is a poll: a GET with Observe, whose answer is the poll's. While all requests of a
 * group are registered the core does not poll it. A notification is a delivery; a confirmable one
 * is acknowledged when its readings are durable, so that what was acknowledged is in the store.
 * libcoap 4.3.1 acknowledges when its handler returns: it is shown a message that need not be
 * confirmed, and the acknowledgement is sent from here.
 *
 * What ends a registration (a session that is dropped, an error, silence beyond Max-Age) makes the
 * group be polled again at once, which registers again. */
#include <coap3/coap.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"

#define WATCHES_MAX   64 /* of a link */
#define UNACKED_MAX   32 /* of a link, on their way to the store: one leaves room for others */
#define TEXT_ROOM     256
#define REORDER_US    INT64_C(128000000) /* RFC 7641 3.4 */
#define SEQ_HALF      (1u << 23)
#define MARGIN_MIN_US INT64_C(2000000)
#define MARGIN_MAX_US INT64_C(15000000)
#define FRESH_MAX_S   86400
#define PLAIN_US      INT64_C(600000000) /* polled without asking, where it was refused */
#define PAUSE_US      INT64_C(60000000)	 /* the same, where it failed */
#define SILENCES_MAX  6u
#define ACKED	      8
#define RETRY_US      INT64_C(500000)

/* A resource that is registered, or that is to be with the next poll. */
struct fg_coap_watch {
	struct fg_coap_watch *next;
	const struct fg_group *group; /* NULL: of a configuration that is gone */
	const struct fg_coap_request *req;
	char *path;
	char device[64];
	uint32_t token;
	bool on;   /* the server has said that it will notify */
	bool known_there; /* the same, and it was not told otherwise since */
	bool over; /* the core is still to be told that it does no longer */
	uint32_t seq;
	int64_t seq_mono_us, fresh_until_mono_us;
	unsigned late;	       /* dropped since the last delivery */
	uint16_t acked[ACKED]; /* messages that were acknowledged last */
	unsigned acked_count;
	bool owed; /* the acknowledgement of `first`, which answered the registration */
	uint16_t first;
};

/* A notification whose readings are not durable yet. */
struct fg_coap_unacked {
	struct fg_coap_unacked *next;
	struct fg_coap_endpoint *ep;
	struct fg_delivery *delivery;
	uint32_t session, token;
	uint16_t mid;
	bool confirmable;
};

/* ---- the list ---- */

static struct fg_coap_watch *by_token(const struct fg_coap_endpoint *ep, uint32_t token)
{
	for (struct fg_coap_watch *w = ep->watches; w; w = w->next)
		if (w->token == token)
			return w;
	return NULL;
}

uint32_t fg_coap_new_token(const struct fg_coap_endpoint *ep)
{
	uint32_t token;

	do
		token = (uint32_t)fg_random_seed();
	while (token == ep->token || by_token(ep, token));
	return token;
}

struct fg_coap_watch *fg_coap_watch_of(const struct fg_coap_endpoint *ep, const coap_pdu_t *pdu)
{
	coap_bin_const_t token = coap_pdu_get_token(pdu);
	uint32_t value;

	if (token.length != FG_COAP_TOKEN_SIZE)
		return NULL;
	memcpy(&value, token.s, sizeof(value));
	return by_token(ep, value);
}

static struct fg_coap_watch *find(
	const struct fg_coap_endpoint *ep, const struct fg_group *group, const char *path)
{
	for (struct fg_coap_watch *w = ep->watches; w; w = w->next) {
		if (strcmp(w->path, path) != 0 || strcmp(w->device, group->device->name) != 0)
			continue;
		if (!w->group || w->group == group)
			return w;
	}
	return NULL;
}

static void take_out(struct fg_coap_endpoint *ep, struct fg_coap_watch *watch)
{
	for (struct fg_coap_watch **at = &ep->watches; *at; at = &(*at)->next) {
		if (*at != watch)
			continue;
		*at = watch->next;
		ep->watch_count--;
		break;
	}
	if (ep->watching == watch)
		ep->watching = NULL;
	free(watch->path);
	free(watch);
}

/* What a reload has left behind gives way. */
static bool take_out_orphan(struct fg_coap_endpoint *ep)
{
	for (struct fg_coap_watch *w = ep->watches; w; w = w->next) {
		if (w->group)
			continue;
		take_out(ep, w);
		return true;
	}
	return false;
}

static struct fg_coap_watch *add(
	struct fg_coap_endpoint *ep, const struct fg_group *group, const char *path)
{
	struct fg_coap_watch *w;

	if (ep->watch_count >= WATCHES_MAX && !take_out_orphan(ep)) {
		fg_debug(FG_DEBUG_coap, "link %s: %d resources are observed; %s is polled",
			ep->ls->link->name, WATCHES_MAX, path);
		return NULL;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->path = strdup(path);
	if (!w->path) {
		free(w);
		return NULL;
	}
	snprintf(w->device, sizeof(w->device), "%s", group->device->name);
	w->token = fg_coap_new_token(ep);
	w->next = ep->watches;
	ep->watches = w;
	ep->watch_count++;
	return w;
}

/* ---- cancelling ---- */

static coap_pdu_t *make_cancel(const struct fg_coap_endpoint *ep, const struct fg_coap_watch *w)
{
	coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_NON, COAP_REQUEST_CODE_GET, ep->session);
	uint8_t token[FG_COAP_TOKEN_SIZE], one = COAP_OBSERVE_CANCEL;

	if (!pdu)
		return NULL;
	memcpy(token, &w->token, sizeof(token));
	if (coap_add_token(pdu, sizeof(token), token) && fg_coap_add_host(ep, pdu) &&
		coap_add_option(pdu, COAP_OPTION_OBSERVE, 1, &one) &&
		fg_coap_add_path(pdu, w->path))
		return pdu;
	coap_delete_pdu(pdu);
	return NULL;
}

/* One message, without waiting for its answer: a server that does not get it learns from the RST
 * that its next notification earns. */
static void cancel(struct fg_coap_endpoint *ep, struct fg_coap_watch *w)
{
	coap_pdu_t *pdu =
		w->known_there && ep->session && ep->connected ? make_cancel(ep, w) : NULL;

	w->known_there = false;
	if (!pdu)
		return;
	fg_coap_debug_message(ep, '>', pdu, w->path, FG_COAP_FORMAT_NONE, 0);
	coap_send(ep->session, pdu);
}

/* ---- registering, as part of a poll ---- */

static bool asked_plainly(struct fg_coap_endpoint *ep, const struct fg_group *group, int64_t now_us)
{
	const struct fg_coap_request *reqs = group->plan;

	for (size_t i = 0; i < group->request_count; i++) {
		const struct fg_coap_kept *kept = fg_coap_kept_find(ep, reqs[i].path);

		if (kept && kept->plain_until_mono_us > now_us)
			return true;
	}
	return false;
}

struct fg_coap_watch *fg_coap_watch_for(struct fg_coap_endpoint *ep, int64_t now_us)
{
	const struct fg_job *job = ep->first;
	const struct fg_coap_request *req = fg_coap_request_of(ep);
	struct fg_coap_watch *w;

	if (!job->group->observed || job->probe || asked_plainly(ep, job->group, now_us))
		return NULL;
	w = find(ep, job->group, req->path);
	if (!w)
		w = add(ep, job->group, req->path);
	if (!w)
		return NULL;
	w->group = job->group;
	w->req = req;
	w->on = w->over = false;
	if (fg_coap_conf(ep)->tcp) /* there is no reset that would end the one before */
		cancel(ep, w);
	/* Another token each time, so that what an earlier registration still sends, late or
	 * counted otherwise, cannot be taken for this one's: it is reset, which ends it at the
	 * server. */
	w->token = fg_coap_new_token(ep);
	return w;
}

uint32_t fg_coap_watch_token(const struct fg_coap_watch *w)
{
	return w->token;
}

/* Observe of a message, or -1. */
static int64_t observe_of(const coap_pdu_t *pdu)
{
	coap_opt_iterator_t it;
	const coap_opt_t *opt = coap_check_option(pdu, COAP_OPTION_OBSERVE, &it);

	return opt ? (int64_t)(coap_decode_var_bytes(coap_opt_value(opt), coap_opt_length(opt)) &
			       0xffffff)
		   : -1;
}

/* A message that libcoap is not to acknowledge; it looks at the type when the handler returns. */
static void leave_unacknowledged(const coap_pdu_t *pdu)
{
	coap_pdu_set_type((coap_pdu_t *)pdu, COAP_MESSAGE_NON);
}

/* RFC 7641 3.4 */
static bool is_newer(const struct fg_coap_watch *w, uint32_t seq, int64_t now_us)
{
	return (w->seq < seq && seq - w->seq < SEQ_HALF) ||
	       (w->seq > seq && w->seq - seq > SEQ_HALF) || now_us > w->seq_mono_us + REORDER_US;
}

static void note_fresh(struct fg_coap_watch *w, const coap_pdu_t *pdu, int64_t now_us)
{
	int64_t age_us = (int64_t)FG_MIN(fg_coap_max_age(pdu), (unsigned)FRESH_MAX_S) * 1000000;
	int64_t margin_us = FG_MAX(MARGIN_MIN_US, FG_MIN(age_us / 4, MARGIN_MAX_US));

	w->seq = (uint32_t)FG_MAX(observe_of(pdu), INT64_C(0));
	w->seq_mono_us = now_us;
	w->fresh_until_mono_us = now_us + age_us + margin_us;
}

static bool is_older(
	const struct fg_coap_endpoint *ep, const struct fg_coap_watch *w, const coap_pdu_t *pdu)
{
	int64_t seq = observe_of(pdu);

	return w->on && !fg_coap_conf(ep)->tcp && seq >= 0 &&
	       !is_newer(w, (uint32_t)seq, fg_clock_mono_us());
}

bool fg_coap_is_late(
	const struct fg_coap_endpoint *ep, const struct fg_coap_watch *w, const coap_pdu_t *pdu)
{
	return coap_pdu_get_type(pdu) != COAP_MESSAGE_ACK && is_older(ep, w, pdu);
}

static void poll_plainly(struct fg_coap_endpoint *ep, const char *path, int64_t until_us)
{
	struct fg_coap_kept *kept = fg_coap_kept_take(ep, path);

	if (kept)
		kept->plain_until_mono_us = FG_MAX(kept->plain_until_mono_us, until_us);
}

/* Told once. */
static void refused(struct fg_coap_endpoint *ep, const struct fg_coap_watch *w, unsigned code)
{
	const struct fg_coap_kept *kept = fg_coap_kept_find(ep, w->path);

	if (!kept || !kept->plain_until_mono_us)
		fg_notice("device '%s': %s cannot be observed (%u.%02u%s); it is polled", w->device,
			w->path, code >> 5, code & 31, code >> 5 == 2 ? " without Observe" : "");
	poll_plainly(ep, w->path, fg_clock_mono_us() + PLAIN_US);
}

void fg_coap_note_registration(
	struct fg_coap_endpoint *ep, struct fg_coap_watch *w, const coap_pdu_t *pdu)
{
	unsigned code = coap_pdu_get_code(pdu);

	w->on = code >> 5 == 2 && observe_of(pdu) >= 0;
	w->known_there = w->on;
	w->acked_count = 0;
	w->owed = w->on && !fg_coap_conf(ep)->tcp && coap_pdu_get_type(pdu) == COAP_MESSAGE_CON;
	w->first = (uint16_t)coap_pdu_get_mid(pdu);
	if (w->owed)
		leave_unacknowledged(pdu);
	if (w->on)
		note_fresh(w, pdu, fg_clock_mono_us());
	else if ((code >> 5 == 2 || code >> 5 == 4) && code != COAP_RESPONSE_CODE(406) &&
		 code != COAP_RESPONSE_CODE(402))
		refused(ep, w, code);
}

/* ---- what a poll of a group has come to ---- */

/* All of a group or nothing of it: what is not registered would have to be polled. */
bool fg_coap_watch_settle(struct fg_coap_endpoint *ep, const struct fg_group *group, int64_t now_us)
{
	const struct fg_coap_request *reqs = group->plan;
	bool plainly = !group->observed || asked_plainly(ep, group, now_us), all = !plainly;

	for (size_t i = 0; i < group->request_count && !plainly; i++) {
		const struct fg_coap_watch *w = find(ep, group, reqs[i].path);

		if (w && w->on && w->group)
			continue;
		poll_plainly(ep, reqs[i].path, now_us + PAUSE_US);
		all = false;
	}
	for (size_t i = 0; !all && i < group->request_count; i++) {
		struct fg_coap_watch *w = find(ep, group, reqs[i].path);

		if (!w)
			continue;
		cancel(ep, w);
		take_out(ep, w);
	}
	return all;
}

/* A server that is silent to Observe alone is asked without it; one that is silent to both is gone,
 * and will be asked again as at first. */
static void note_silence(struct fg_coap_endpoint *ep)
{
	const char *path = fg_coap_request_of(ep)->path;
	struct fg_coap_kept *kept = fg_coap_kept_take(ep, path);

	if (!kept)
		return;
	if (ep->watching) {
		kept->silences = FG_MIN(kept->silences + 1, SILENCES_MAX);
		poll_plainly(ep, path, fg_clock_mono_us() + (PAUSE_US << (kept->silences - 1)));
	} else {
		kept->silences = 0;
		kept->plain_until_mono_us = 0;
	}
}

void fg_coap_watch_failed(struct fg_coap_endpoint *ep)
{
	const struct fg_group *group = ep->first->group;

	if (group->observed && ep->phase == FG_COAP_WAITING && ep->connected)
		note_silence(ep);
	for (struct fg_coap_watch *w = ep->watches; w; w = w->next)
		if (w->group == group)
			w->on = w->over = false;
}

void fg_coap_watches_lost(struct fg_coap_endpoint *ep)
{
	ep->session_number++;
	for (struct fg_coap_watch *w = ep->watches; w; w = w->next) {
		w->over |= w->on;
		w->on = w->known_there = false;
		w->token = fg_coap_new_token(ep);
	}
}

/* ---- notifications ---- */

static void is_over(struct fg_coap_watch *w)
{
	w->over |= w->on;
	w->on = false;
}

static void send_empty(struct fg_coap_endpoint *ep, coap_pdu_type_t type, uint16_t mid)
{
	coap_pdu_t *pdu = fg_coap_conf(ep)->tcp ? NULL : coap_pdu_init(type, 0, mid, 0);

	if (pdu)
		coap_send(ep->session, pdu);
}

static void forget_unacked(struct fg_coap_endpoint *ep, struct fg_coap_unacked *u)
{
	for (struct fg_coap_unacked **at = &ep->unacked; *at; at = &(*at)->next) {
		if (*at != u)
			continue;
		*at = u->next;
		ep->unacked_count--;
		break;
	}
	free(u);
}

static void conclude(struct fg_coap_endpoint *ep, const struct fg_coap_unacked *u, int status)
{
	struct fg_coap_watch *w = by_token(ep, u->token);

	if (status == FG_OK) {
		if (u->confirmable)
			send_empty(ep, COAP_MESSAGE_ACK, u->mid);
		if (w && u->confirmable)
			w->acked[w->acked_count++ % ACKED] = u->mid;
		return;
	}
	/* not acknowledged: asked again when there is room */
	fg_coap_count(ep, FG_COAP_COUNT_REFUSED);
	send_empty(ep, COAP_MESSAGE_RST, u->mid);
	if (w)
		is_over(w);
	if (w && status == FG_ECANCELED) /* nobody wants it any more */
		take_out(ep, w);
}

static void on_delivered(struct fg_delivery *d)
{
	struct fg_coap_unacked *u = d->user;
	struct fg_coap_endpoint *ep = u->ep;

	if (u->session == ep->session_number && ep->session && (u->confirmable || d->status < 0))
		conclude(ep, u, d->status);
	forget_unacked(ep, u);
	fg_delivery_free(d);
}

/* A delivery with the readings of a notification; NULL without memory. */
static struct fg_delivery *decode(struct fg_coap_endpoint *ep, const struct fg_coap_watch *w,
	int format, const char *data, size_t len)
{
	int64_t now_us = fg_clock_mono_us();
	struct fg_delivery *d =
		fg_delivery_new(w->group->device, w->req->count, w->req->count * TEXT_ROOM, now_us);
	struct fg_job job = {.link = ep->ls, .group = w->group};

	if (!d)
		return NULL;
	job.batch = &d->batch;
	d->group = w->group;
	fg_coap_decode(&job, w->req, format, data, len, now_us);
	return d;
}

/* What the message is the representation of; false: not to be had from it alone. */
static bool representation(struct fg_coap_endpoint *ep, const struct fg_coap_watch *w,
	const coap_pdu_t *pdu, int *ret_format, const char **ret_data, size_t *ret_len)
{
	const struct fg_coap_kept *kept = fg_coap_kept_find(ep, w->path);
	const uint8_t *data = NULL;
	coap_block_b_t block;

	if (coap_pdu_get_code(pdu) == COAP_RESPONSE_CODE_VALID) {
		if (!fg_coap_same_etag(kept, pdu))
			return false; /* it may be older than what was kept since */
		fg_coap_count(ep, FG_COAP_COUNT_VALID);
		*ret_format = kept->format;
		*ret_data = kept->body;
		*ret_len = kept->len;
		return true;
	}
	if (coap_get_block_b(ep->session, pdu, COAP_OPTION_BLOCK2, &block) &&
		(block.m || block.num))
		return false;
	*ret_format = fg_coap_content_format(pdu);
	*ret_len = 0;
	if (!coap_get_data(pdu, ret_len, &data))
		*ret_len = 0;
	*ret_data = data ? (const char *)data : "";
	return *ret_len <= FG_COAP_BODY_MAX;
}

/* Gives d away; what became of it is answered to message `mid`, where that is confirmable. */
static bool hand_over(struct fg_coap_endpoint *ep, const struct fg_coap_watch *w,
	struct fg_delivery *d, uint16_t mid, bool confirmable)
{
	struct fg_coap_unacked *u =
		ep->unacked_count < UNACKED_MAX ? calloc(1, sizeof(*u)) : NULL;

	if (!u)
		return false;
	*u = (struct fg_coap_unacked){.ep = ep,
		.delivery = d,
		.session = ep->session_number,
		.token = w->token,
		.mid = mid,
		.confirmable = confirmable};
	d->kept = confirmable;
	d->late = w->late;
	d->done = on_delivered;
	d->user = u;
	if (fg_link_deliver(ep->ls, d) != FG_PENDING) {
		free(u);
		return false;
	}
	u->next = ep->unacked;
	ep->unacked = u;
	ep->unacked_count++;
	return true;
}

static bool was_acked(const struct fg_coap_watch *w, const coap_pdu_t *pdu)
{
	for (unsigned i = 0; i < FG_MIN(w->acked_count, (unsigned)ACKED); i++)
		if (w->acked[i] == (uint16_t)coap_pdu_get_mid(pdu))
			return true;
	return false;
}

static bool is_on_its_way(
	const struct fg_coap_endpoint *ep, const struct fg_coap_watch *w, const coap_pdu_t *pdu)
{
	for (const struct fg_coap_unacked *u = ep->unacked; u; u = u->next)
		if (u->confirmable && u->session == ep->session_number && u->token == w->token &&
			u->mid == (uint16_t)coap_pdu_get_mid(pdu))
			return true;
	return false;
}

static bool is_owed(const struct fg_coap_watch *w, const coap_pdu_t *pdu)
{
	return w->owed && w->first == (uint16_t)coap_pdu_get_mid(pdu);
}

/* Dropped without harm; but where a confirmable one was never acknowledged it must not be now. */
static bool drop_late(struct fg_coap_endpoint *ep, struct fg_coap_watch *w, const coap_pdu_t *pdu,
	bool confirmable)
{
	fg_coap_count(ep, FG_COAP_COUNT_LATE);
	w->late++;
	fg_debug(FG_DEBUG_coap, "link %s: a late notification of %s is dropped", ep->ls->link->name,
		w->path);
	if (!confirmable || was_acked(w, pdu))
		return true;
	if (is_on_its_way(ep, w, pdu) || is_owed(w, pdu)) { /* acknowledged once it is durable */
		leave_unacknowledged(pdu);
		return true;
	}
	is_over(w);
	return false;
}

/* The readings of a notification go to the core. False: it is to be reset. */
static bool take(struct fg_coap_endpoint *ep, struct fg_coap_watch *w, const coap_pdu_t *pdu,
	bool confirmable)
{
	const char *data;
	size_t len;
	int format;
	struct fg_delivery *d;

	if (!representation(ep, w, pdu, &format, &data, &len)) {
		is_over(w); /* the poll that follows fetches all blocks */
		return !confirmable;
	}
	d = decode(ep, w, format, data, len);
	if (!d || !hand_over(ep, w, d, (uint16_t)coap_pdu_get_mid(pdu), confirmable)) {
		fg_delivery_free(d);
		fg_coap_count(ep, FG_COAP_COUNT_REFUSED);
		is_over(w);
		return !confirmable;
	}
	w->late = 0;
	if (confirmable)
		leave_unacknowledged(pdu);
	fg_coap_count(ep, FG_COAP_COUNT_NOTIFIED);
	if (observe_of(pdu) < 0) {
		is_over(w); /* this was the last */
		w->known_there = false;
	} else {
		note_fresh(w, pdu, fg_clock_mono_us());
	}
	return true;
}

bool fg_coap_notified(struct fg_coap_endpoint *ep, struct fg_coap_watch *w, const coap_pdu_t *pdu)
{
	unsigned code = coap_pdu_get_code(pdu);
	bool confirmable = !fg_coap_conf(ep)->tcp && coap_pdu_get_type(pdu) == COAP_MESSAGE_CON;

	if (!w->group) { /* of a device that a reload took away, or changed */
		take_out(ep, w);
		return false;
	}
	if (!w->on)
		return false;
	fg_coap_debug_message(ep, '<', pdu, w->path, fg_coap_content_format(pdu), 0);
	if (code != COAP_RESPONSE_CODE_CONTENT && code != COAP_RESPONSE_CODE_VALID) {
		w->known_there = false;
		is_over(w); /* an error ends it; the poll that follows tells which */
		return true;
	}
	/* the answer on an ACK too, where a notification has overtaken it and was taken for it */
	if (is_older(ep, w, pdu))
		return drop_late(ep, w, pdu, confirmable);
	return take(ep, w, pdu, confirmable);
}

/* ---- from time to time ---- */

static bool tell_over(struct fg_coap_endpoint *ep, const struct fg_coap_watch *w)
{
	struct fg_delivery *d = fg_delivery_new(w->group->device, 0, 0, fg_clock_mono_us());

	if (!d)
		return false;
	d->over = true;
	d->group = w->group;
	d->late = w->late;
	if (fg_link_deliver(ep->ls, d) == FG_PENDING)
		return true;
	fg_delivery_free(d);
	return false;
}

/* One delivery is enough for all resources of a group. */
static void told_over(struct fg_coap_endpoint *ep, const struct fg_group *group)
{
	for (struct fg_coap_watch *w = ep->watches; w; w = w->next)
		if (w->group == group)
			w->over = false;
}

void fg_coap_watch_look(struct fg_coap_endpoint *ep)
{
	if (ep->watched_link == ep->ls->link)
		return;
	ep->watched_link = ep->ls->link;
	for (struct fg_coap_watch *w = ep->watches; w; w = w->next) {
		w->group = NULL;
		w->req = NULL;
		w->over = false;
	}
}

void fg_coap_watch_process(struct fg_coap_endpoint *ep, int64_t now_us)
{
	fg_coap_watch_look(ep);
	for (struct fg_coap_watch *w = ep->watches; w; w = w->next) {
		if (w->on && w->group && now_us > w->fresh_until_mono_us) {
			fg_debug(FG_DEBUG_coap, "link %s: no notification of %s within Max-Age",
				ep->ls->link->name, w->path);
			fg_coap_count(ep, FG_COAP_COUNT_STALE);
			is_over(w);
		}
		if (w->over && w->group && tell_over(ep, w))
			told_over(ep, w->group);
	}
}

/* The first notification may be what answers the registration, where the answer was lost. Its
 * readings go with the poll: an empty report after it is done when they are durable. What is not
 * handed over is tried again; the server sends the message again meanwhile. */
static void settle_first(struct fg_coap_endpoint *ep, struct fg_coap_watch *w)
{
	struct fg_delivery *d = fg_delivery_new(w->group->device, 0, 0, fg_clock_mono_us());

	if (!d)
		return;
	if (!hand_over(ep, w, d, w->first, true)) {
		fg_delivery_free(d);
		return;
	}
	w->owed = false;
	w->late = 0;
}

void fg_coap_watch_acknowledge(struct fg_coap_endpoint *ep)
{
	for (struct fg_coap_watch *w = ep->watches; w; w = w->next) {
		w->owed = w->owed && w->on && w->group;
		if (w->owed && !(ep->first && ep->first->group == w->group))
			settle_first(ep, w);
	}
}

int64_t fg_coap_watch_due_in(const struct fg_coap_endpoint *ep, int64_t now_us)
{
	int64_t due_us = INT64_MAX;

	for (const struct fg_coap_watch *w = ep->watches; w; w = w->next) {
		if ((w->over || w->owed) && w->group)
			due_us = FG_MIN(due_us, RETRY_US);
		else if (w->on && w->group)
			due_us = FG_MIN(
				due_us, FG_MAX(w->fresh_until_mono_us - now_us + 1, INT64_C(0)));
	}
	return due_us;
}

void fg_coap_watches_end(struct fg_coap_endpoint *ep)
{
	while (ep->watches) {
		cancel(ep, ep->watches);
		take_out(ep, ep->watches);
	}
	while (ep->unacked) {
		ep->unacked->delivery->done = NULL;
		forget_unacked(ep, ep->unacked);
	}
}
