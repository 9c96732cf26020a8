/* SPDX-License-Identifier: EUPL-1.2 */
/* Delivery to one destination: lanes, acknowledgements, back-off. See publisher.h. */
#include "gateway/publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "protocol/encode.h"

#define BACKOFF_MIN_US 1000000
#define BACKOFF_MAX_US 120000000
/* A tenth of the outage so far: waiting adds little to any outage, and a long one is tried rarely.
 */
#define BACKOFF_SHARE 10
/* A connection that held this long was a good one: with the next failure a new outage begins. */
#define STEADY_US 30000000
/* Backlog goes out in steps of this length, not message by message: wake-ups cost more than work.
 */
#define STEP_US	      50000
#define SAVE_EVERY_US 1000000
/* An attempt that nobody tells the end of is over by then: a session takes longer only where its
 * command was lost, or behind two addresses that the kernel tries for 130 s each. */
#define CONNECT_LIMIT_US 300000000

/* A connection without any acknowledgement for so long, while some are due, is given up. */
#define STALL_US 60000000
/* How long the last acknowledgements are awaited before the status goes out all the same. */
#define GOODBYE_US 1000000

#define TOKEN_DOCUMENT (UINT64_C(1) << 63)

int fg_publisher_init(struct fg_publisher *p, struct fg_config *config,
	const struct fg_destination *conf, const struct fg_publisher_ports *ports,
	struct fg_rng *rng, const struct fg_recent *recent, const struct fg_series_set *series,
	struct fg_ranges *unacked, size_t documents, uint64_t committed_next)
{
	*p = (struct fg_publisher){
		.conf = conf,
		.config = fg_config_ref(config),
		.gateway = config->gateway.id,
		.ports = ports,
		.rng = rng,
		.recent = recent,
		.series = series,
		.unacked = *unacked,
		.committed_next = committed_next,
		.window = (unsigned)FG_MAX(conf->inflight, 1) * 2,
	};
	fg_ranges_init(unacked);
	fg_ranges_init(&p->backlog);
	fg_ranges_init(&p->held);
	p->page = calloc(1, sizeof(*p->page));
	if (!p->page)
		return FG_ENOMEM;
	return fg_publisher_set_documents(p, documents);
}

void fg_publisher_fini(struct fg_publisher *p)
{
	fg_ranges_fini(&p->unacked);
	fg_ranges_fini(&p->backlog);
	fg_ranges_fini(&p->held);
	if (p->page_pending)
		p->page->orphan = true; /* the reader still writes to it */
	else
		free(p->page);
	free(p->dirty);
	if (p->config)
		fg_config_unref(p->config);
	*p = (struct fg_publisher){0};
}

/* ---- documents ---- */

void fg_publisher_touch(struct fg_publisher *p, size_t document)
{
	if (document >= p->dirty_count || p->dirty[document])
		return;
	p->dirty[document] = 1;
	p->dirty_any++;
}

int fg_publisher_set_documents(struct fg_publisher *p, size_t documents)
{
	uint8_t *dirty = malloc(documents + 1);

	if (!dirty)
		return FG_ENOMEM;
	memset(dirty, 1, documents + 1);
	free(p->dirty);
	p->dirty = dirty;
	p->dirty_count = p->dirty_any = documents;
	return FG_OK;
}

/* ---- sending ---- */

static int send_message(struct fg_publisher *p, const struct fg_message *m)
{
	int r;

	if (p->in_flight >= p->window)
		return FG_EFULL;
	r = p->ports->publish(p->ports->arg, p, m);
	if (r < 0) {
		p->blocked = true;
		return FG_EFULL;
	}
	if (p->in_flight++ == 0)
		p->progress_mono_us = p->now_mono_us;
	return FG_OK;
}

static bool selected(const struct fg_publisher *p, enum fg_domain domain)
{
	return p->conf->domains >> domain & 1;
}

static void mark_acked(struct fg_publisher *p, uint64_t seq)
{
	if (fg_ranges_remove(&p->unacked, seq, seq + 1) == FG_OK)
		p->unacked_dirty = true;
}

static int send_reading(struct fg_publisher *p, const struct fg_item *item,
	const struct fg_point_desc *desc, bool retain)
{
	char topic_mem[512], payload_mem[16384]; /* an account of 64 points */
	struct fg_buf topic, payload;
	struct fg_message m = {
		.token = item->seq, .retain = retain && item->kind == FG_ITEM_READING};

	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&payload, payload_mem, sizeof(payload_mem));
	if (!fg_topic_item(&topic, p->conf->prefix, p->gateway, desc, item) ||
		!fg_encode_item(&payload, p->gateway, desc, item)) {
		/* Names and texts are bounded far below; it cannot be sent by any retry. */
		fg_error("destination '%s': reading %" PRIu64
			 " of point '%s' is too long to publish",
			p->conf->name, item->seq, desc->point);
		mark_acked(p, item->seq);
		p->refused++;
		return FG_OK;
	}
	m.topic = topic.data;
	m.payload = payload.data;
	m.len = payload.len;
	if (send_message(p, &m) < 0)
		return FG_EFULL;
	p->published++;
	return FG_OK;
}

static bool pump_documents(struct fg_publisher *p)
{
	char topic_mem[512];
	struct fg_buf topic, payload;
	bool room = true;

	for (size_t id = 0; p->dirty_any && room && id < p->dirty_count; id++) {
		struct fg_message m = {
			.token = TOKEN_DOCUMENT | id, .retain = true, .document = true};

		if (!p->dirty[id])
			continue;
		fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
		fg_buf_init(&payload, 1u << 16);
		if (p->ports->document(p->ports->arg, p, id, &topic, &payload)) {
			m.topic = topic.data;
			m.payload = payload.data;
			m.len = payload.len;
			room = send_message(p, &m) == FG_OK;
		}
		fg_buf_fini(&payload);
		if (room) {
			p->dirty[id] = 0;
			p->dirty_any--;
		}
	}
	return room;
}

static bool pump_first(struct fg_publisher *p)
{
	for (; p->first_next < p->series->count; p->first_next++) {
		const struct fg_series *s = p->series->items[p->first_next];
		uint64_t seq = s->newest.seq;

		if (!s->has_newest || !s->newest_timed || !selected(p, s->domain) ||
			seq >= p->live_next)
			continue;
		if (!p->first_all && !fg_ranges_has(&p->unacked, seq))
			continue;
		if (send_reading(p, &s->newest, &s->desc, true) < 0)
			return false;
		fg_ranges_remove(&p->backlog, seq, seq + 1);
	}
	return true;
}

/* What the ring no longer holds, and what cannot go out yet, is left to the backlog. */
static void skip_live(struct fg_publisher *p, uint64_t to)
{
	struct fg_range r;

	while (p->live_next < to && fg_ranges_next(&p->unacked, p->live_next, &r) && r.from < to) {
		fg_ranges_add(&p->backlog, r.from, FG_MIN(r.to, to));
		p->live_next = FG_MIN(r.to, to);
	}
	p->live_next = to;
}

static bool pump_live(struct fg_publisher *p)
{
	if (p->live_next < p->recent->first)
		skip_live(p, FG_MIN(p->recent->first, p->committed_next));
	for (; p->live_next < p->committed_next; p->live_next++) {
		const struct fg_recent_entry *e = fg_recent_get(p->recent, p->live_next);

		if (!e || !fg_ranges_has(&p->unacked, p->live_next))
			continue; /* the store refused it */
		if (!e->timed) {
			fg_ranges_add(&p->held, p->live_next, p->live_next + 1);
			continue;
		}
		if (!selected(p, e->series->domain)) {
			mark_acked(p, p->live_next);
			continue;
		}
		if (send_reading(p, &e->item, &e->series->desc, true) < 0)
			return false;
	}
	return true;
}

/* ---- backlog ---- */

static void refill_tokens(struct fg_publisher *p, int64_t mono_us)
{
	double burst = FG_MAX(p->conf->backlog_rate * STEP_US / 1e6, 1.0);

	p->tokens += p->conf->backlog_rate * (double)(mono_us - p->tokens_mono_us) / 1e6;
	p->tokens = FG_MIN(p->tokens, burst);
	p->tokens_mono_us = mono_us;
}

static bool domain_selected(const struct fg_publisher *p, const char *domain)
{
	for (int d = 0; d < FG_DOMAIN_COUNT; d++)
		if (strcmp(fg_domain_name((enum fg_domain)d), domain) == 0)
			return selected(p, (enum fg_domain)d);
	return true;
}

/* One reading of the page: false where the session has no room. */
static bool send_from_page(struct fg_publisher *p, size_t i)
{
	const struct fg_item *item = &p->page->items[i];
	const struct fg_point_desc *desc = p->page->descs[i];
	const struct fg_series *s;
	bool newest;

	if (!fg_ranges_has(&p->backlog, item->seq))
		return true;
	if (!domain_selected(p, desc->domain)) {
		mark_acked(p, item->seq);
	} else if (p->page->uncertain[i]) {
		fg_ranges_add(&p->held, item->seq, item->seq + 1);
	} else {
		s = fg_series_by_id(p->series, item->point);
		newest = s && s->has_newest && s->newest.seq == item->seq;
		if (send_reading(p, item, desc, newest) < 0)
			return false;
		p->tokens -= 1;
	}
	fg_ranges_remove(&p->backlog, item->seq, item->seq + 1);
	return true;
}

/* Numbers of the page's span that the store does not have will never come: they were given out and
 * not committed before a crash, or have been dropped. */
static void forget_holes(struct fg_publisher *p)
{
	uint64_t at = p->page->from;

	for (size_t i = 0; i <= p->page->count; i++) {
		uint64_t seq = i < p->page->count ? p->page->items[i].seq : p->page->scanned_to;

		if (seq > at) {
			fg_ranges_remove(&p->backlog, at, seq);
			if (fg_ranges_remove(&p->unacked, at, seq) == FG_OK)
				p->unacked_dirty = true;
		}
		at = seq + 1;
	}
}

static void ask_for_page(struct fg_publisher *p, int64_t mono_us)
{
	struct fg_range r;

	if (p->page_pending || mono_us < p->page_retry_mono_us ||
		!fg_ranges_next(&p->backlog, 0, &r))
		return;
	p->page->from = r.from;
	p->page->to = FG_MIN(r.to, p->committed_next);
	p->page_valid = false;
	if (p->page->from >= p->page->to)
		return;
	p->page_pending = true;
	p->ports->read_page(p->ports->arg, p, p->page);
}

static void pump_backlog(struct fg_publisher *p, int64_t mono_us)
{
	refill_tokens(p, mono_us);
	if (p->page_valid) {
		while (p->page_at < p->page->count && p->tokens >= 1) {
			if (!send_from_page(p, p->page_at))
				return;
			p->page_at++;
		}
		if (p->page_at < p->page->count)
			return;
	}
	ask_for_page(p, mono_us);
}

void fg_publisher_page(struct fg_publisher *p, struct fg_now now)
{
	bool stale = p->page_stale;

	p->page_pending = p->page_stale = false;
	if (p->state != FG_PUB_ONLINE || stale)
		return;
	/* the store is in trouble, which it tells itself: later again */
	if (p->page->status < 0 || p->page->scanned_to <= p->page->from) {
		p->page_retry_mono_us = now.mono_us + 1000000;
		return;
	}
	forget_holes(p);
	p->page_valid = true;
	p->page_at = 0;
}

/* ---- the connection ---- */

static void set_state(struct fg_publisher *p, enum fg_publisher_state state, struct fg_now now)
{
	p->state = state;
	p->state_since_wall_ms = now.wall_us / 1000;
}

static void start_connection(struct fg_publisher *p, struct fg_now now)
{
	p->epoch++;
	p->next_attempt_mono_us = now.mono_us + CONNECT_LIMIT_US;
	if (p->state != FG_PUB_CONNECTING)
		set_state(p, FG_PUB_CONNECTING, now);
	p->ports->connect(p->ports->arg, p, p->server, p->epoch);
}

void fg_publisher_connected(
	struct fg_publisher *p, struct fg_now now, uint32_t epoch, bool session_present)
{
	if (epoch != p->epoch || p->state != FG_PUB_CONNECTING)
		return;
	set_state(p, FG_PUB_ONLINE, now);
	p->online_since_mono_us = now.mono_us;
	fg_notice("destination '%s': connected to %s, %" PRIu64 " readings waiting", p->conf->name,
		p->conf->servers[p->server].url, fg_publisher_backlog(p));
	p->error[0] = '\0';
	p->error_logged = false;
	p->in_flight = 0;
	p->blocked = false;
	p->page_valid = false;
	fg_ranges_fini(&p->held);
	p->live_next = p->committed_next;
	p->first_next = 0;
	p->first_all = !session_present;
	memset(p->dirty, 1, p->dirty_count);
	p->dirty_any = p->dirty_count;
	p->tokens = 0;
	p->tokens_mono_us = now.mono_us;
	if (fg_ranges_copy(&p->backlog, &p->unacked) == FG_OK && p->committed_next < FG_SEQ_END)
		fg_ranges_remove(&p->backlog, p->committed_next, FG_SEQ_END);
}

/* From 1 s to 2 min, with jitter over half of it: a thousand gateways do not return at once. With
 * several servers the next one is tried soon; the wait comes when each has had its turn. */
static void back_off(struct fg_publisher *p, struct fg_now now)
{
	int64_t share = (now.mono_us - p->outage_mono_us) / BACKOFF_SHARE;
	int64_t most = FG_MIN(FG_MAX(share, BACKOFF_MIN_US), BACKOFF_MAX_US);
	int64_t wait = most / 2 + (int64_t)fg_rng_below(p->rng, (uint64_t)most / 2 + 1);

	p->server = (p->server + 1) % p->conf->server_count;
	if (p->server != 0)
		wait = FG_MIN(wait, BACKOFF_MIN_US / 4);
	p->next_attempt_mono_us = now.mono_us + wait;
}

static void log_loss(struct fg_publisher *p, bool was_online)
{
	if (p->error_logged && !was_online)
		return;
	fg_warning("destination '%s': %s: %s; readings are kept, trying again", p->conf->name,
		was_online ? "connection lost" : "cannot connect", p->error);
	p->error_logged = true;
}

void fg_publisher_lost(
	struct fg_publisher *p, struct fg_now now, uint32_t epoch, bool refused, const char *why)
{
	bool was_online = p->state == FG_PUB_ONLINE;
	bool changed = strcmp(p->error, why) != 0;

	if (epoch != p->epoch || p->state == FG_PUB_WAITING || p->state == FG_PUB_STOPPED)
		return;
	if (!p->outage_mono_us || (was_online && now.mono_us - p->online_since_mono_us > STEADY_US))
		p->outage_mono_us = now.mono_us;
	p->broker_refused = refused;
	snprintf(p->error, sizeof(p->error), "%s", why);
	if (changed)
		p->error_logged = false;
	log_loss(p, was_online);
	set_state(p, p->stopping ? FG_PUB_STOPPED : FG_PUB_WAITING, now);
	p->in_flight = 0;
	back_off(p, now);
}

static bool transient(int code)
{
	return code == 0x80 || code == 0x83 ||
	       code == 0x97; /* unspecified, implementation, quota */
}

static void publication_refused(struct fg_publisher *p, struct fg_now now, int code)
{
	char why[64];

	p->refused++;
	if (p->refused_code != code)
		fg_warning("destination '%s': the broker refuses to take a message (reason code "
			   "0x%02x); "
			   "it is kept",
			p->conf->name, (unsigned)code);
	p->refused_code = code;
	if (!transient(code) || p->state != FG_PUB_ONLINE)
		return;
	snprintf(why, sizeof(why), "publication refused, reason code 0x%02x", (unsigned)code);
	p->ports->disconnect(p->ports->arg, p);
	fg_publisher_lost(p, now, p->epoch, true, why);
}

void fg_publisher_acked(
	struct fg_publisher *p, struct fg_now now, uint32_t epoch, uint64_t token, int code)
{
	if (epoch != p->epoch)
		return;
	if (p->in_flight > 0)
		p->in_flight--;
	p->progress_mono_us = now.mono_us;
	p->blocked = false;
	if (code >= 0x80) {
		publication_refused(p, now, code);
		return;
	}
	if (token & TOKEN_DOCUMENT)
		return;
	p->acknowledged++;
	mark_acked(p, token);
}

void fg_publisher_committed(struct fg_publisher *p, struct fg_now now, uint64_t committed_next)
{
	(void)now;
	p->committed_next = committed_next;
}

void fg_publisher_release(struct fg_publisher *p)
{
	/* a page from before still calls them uncertain: it is read again */
	p->page_valid = false;
	p->page_stale = p->page_pending;
	for (size_t i = 0; i < p->held.count; i++)
		fg_ranges_add(&p->backlog, p->held.items[i].from, p->held.items[i].to);
	fg_ranges_fini(&p->held);
}

void fg_publisher_dropped(struct fg_publisher *p, uint64_t from, uint64_t to)
{
	fg_ranges_remove(&p->backlog, from, to);
	fg_ranges_remove(&p->held, from, to);
	if (fg_ranges_remove(&p->unacked, from, to) == FG_OK)
		p->unacked_dirty = true;
}

static void save_if_due(struct fg_publisher *p, int64_t mono_us)
{
	if (!p->unacked_dirty || mono_us - p->saved_mono_us < SAVE_EVERY_US)
		return;
	p->ports->save(p->ports->arg, p, &p->unacked);
	p->unacked_dirty = false;
	p->saved_mono_us = mono_us;
}

/* The end: what is live goes out, and when it is acknowledged, or has had its time, the status that
 * says offline, so that it is the last word. */
static void pump_last(struct fg_publisher *p, int64_t mono_us)
{
	if (pump_live(p) && (p->in_flight == 0 || mono_us - p->stop_mono_us >= GOODBYE_US))
		pump_documents(p);
}

/* A broker that answers pings and acknowledges nothing would keep what is in flight for ever.
 * Returns when to look again. */
static int64_t end_stall(struct fg_publisher *p, struct fg_now now)
{
	int64_t until_us = p->progress_mono_us + STALL_US;

	if (now.mono_us < until_us)
		return until_us;
	p->ports->disconnect(p->ports->arg, p);
	fg_publisher_lost(p, now, p->epoch, false, "no acknowledgement for a minute");
	return p->next_attempt_mono_us;
}

int64_t fg_publisher_run(struct fg_publisher *p, struct fg_now now)
{
	int64_t next = INT64_MAX;

	p->now_mono_us = now.mono_us;
	if (p->in_flight == 0)
		p->blocked = false; /* no acknowledgement will come that could end it */
	if (p->state == FG_PUB_WAITING) {
		if (now.mono_us >= p->next_attempt_mono_us)
			start_connection(p, now);
		else
			next = p->next_attempt_mono_us;
	}
	if (p->state == FG_PUB_CONNECTING) {
		if (now.mono_us >= p->next_attempt_mono_us)
			fg_publisher_lost(p, now, p->epoch, false, "no answer from the session");
		next = p->next_attempt_mono_us;
	}
	if (p->state == FG_PUB_ONLINE && p->in_flight) {
		int64_t again_us = end_stall(p, now);

		next = FG_MIN(next, again_us);
	}
	if (p->state == FG_PUB_ONLINE && !p->blocked) {
		if (p->stopping)
			pump_last(p, now.mono_us);
		else if (pump_documents(p) && pump_first(p) && pump_live(p))
			pump_backlog(p, now.mono_us);
	}
	if (p->state == FG_PUB_ONLINE && p->backlog.count && !p->page_pending && !p->blocked &&
		!p->stopping)
		next = FG_MIN(next, now.mono_us + STEP_US);
	save_if_due(p, now.mono_us);
	if (p->unacked_dirty)
		next = FG_MIN(next, p->saved_mono_us + SAVE_EVERY_US);
	return next;
}

bool fg_publisher_idle(const struct fg_publisher *p)
{
	return p->state != FG_PUB_ONLINE ||
	       (!p->in_flight && !p->dirty_any && p->live_next >= p->committed_next);
}

void fg_publisher_stop(struct fg_publisher *p, struct fg_now now)
{
	p->stopping = true;
	p->stop_mono_us = now.mono_us;
	if (p->state != FG_PUB_ONLINE)
		p->state = FG_PUB_STOPPED;
}

uint64_t fg_publisher_backlog(const struct fg_publisher *p)
{
	return fg_ranges_count_below(&p->unacked, p->committed_next);
}

void fg_publisher_status(const struct fg_publisher *p, struct fg_json *j, struct fg_now now)
{
	static const char *const states[] = {"waiting", "connecting", "connected", "stopped"};
	uint64_t oldest = fg_ranges_first(&p->unacked);
	const struct fg_recent_entry *e;

	fg_json_object(j, NULL);
	fg_json_text(j, "name", p->conf->name);
	fg_json_bool(j, "connected", p->state == FG_PUB_ONLINE);
	fg_json_text(j, "state", states[p->state]);
	fg_json_time(j, "since", p->state_since_wall_ms);
	fg_json_text(j, "server", p->conf->servers[p->server].url);
	if (p->error[0]) {
		fg_json_text(j, "error", p->error);
		fg_json_bool(j, "refused_by_broker", p->broker_refused);
	}
	if (p->conflict)
		fg_json_bool(j, "conflict", true);
	if (p->state == FG_PUB_WAITING)
		fg_json_seconds(
			j, "next_attempt_s", FG_MAX(p->next_attempt_mono_us - now.mono_us, 0));
	fg_json_uint(j, "backlog", fg_publisher_backlog(p));
	e = oldest < p->committed_next ? fg_recent_get(p->recent, oldest) : NULL;
	if (oldest < p->committed_next)
		fg_json_uint(j, "oldest_unsent_seq", oldest);
	if (e && e->timed)
		fg_json_time(j, "oldest_unsent", e->item.wall_ms);
	fg_json_uint(j, "in_flight", p->in_flight);
	fg_json_uint(j, "published", p->published);
	fg_json_uint(j, "acknowledged", p->acknowledged);
	fg_json_uint(j, "refused", p->refused);
	if (p->refused)
		fg_json_int(j, "refused_code", p->refused_code);
	fg_json_end_object(j);
}
