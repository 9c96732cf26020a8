/* SPDX-License-Identifier: EUPL-1.2 */
/* Delivery to one destination: what is acknowledged and what is not. See publisher.h; the lanes are
 * in publisher_lanes.c, messages in publisher_payloads.c, what is in flight in publisher_flights.c,
 * the connection in publisher_link.c. */
#include "gateway/publisher.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/plant.h"
#include "base/status.h"
#include "gateway/publisher_private.h"

#define SAVE_EVERY_US 1000000
/* Refusals are added up so long before they are written as gaps. */
#define REJECTS_EVERY_US 60000000

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
	};
	fg_ranges_init(unacked);
	fg_ranges_init(&p->backlog);
	fg_ranges_init(&p->held);
	fg_ranges_init(&p->batch);
	fg_ranges_init(&p->doubt);
	fg_ranges_init(&p->again);
	fg_rejects_init(&p->rejects);
	p->budget.limit = conf->daily_budget;
	p->page = calloc(1, sizeof(*p->page));
	if (!p->page || fg_pub_payloads_init(p) < 0 || fg_pub_flights_init(p) < 0)
		return FG_ENOMEM;
	return fg_publisher_set_documents(p, documents);
}

void fg_publisher_fini(struct fg_publisher *p)
{
	fg_ranges_fini(&p->unacked);
	fg_ranges_fini(&p->backlog);
	fg_ranges_fini(&p->held);
	fg_ranges_fini(&p->batch);
	fg_ranges_fini(&p->doubt);
	fg_ranges_fini(&p->again);
	fg_rejects_fini(&p->rejects);
	fg_budget_fini(&p->budget);
	fg_pub_flights_fini(p);
	fg_pub_payloads_fini(p);
	if (p->page_pending)
		p->page->orphan = true; /* the reader still writes to it */
	else
		free(p->page);
	free(p->dirty);
	free(p->sent);
	free(p->clear_at);
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

void fg_publisher_touch_device(struct fg_publisher *p, const struct fg_device *device)
{
	for (size_t i = 0; i < p->payload_count; i++) {
		const struct fg_payload *payload = &p->payloads[i];

		if (device->index + 1 < payload->documents)
			fg_publisher_touch(p, payload->first_document + device->index + 1);
	}
}

void fg_pub_touch_all(struct fg_publisher *p)
{
	memset(p->dirty, 1, p->dirty_count);
	p->dirty_any = p->dirty_count;
}

int fg_publisher_set_documents(struct fg_publisher *p, size_t documents)
{
	struct fg_pub_sent *sent;
	uint8_t *dirty;

	if (fg_pub_payloads_site(p) < 0)
		return FG_ENOMEM;
	p->core_documents = documents;
	documents = fg_pub_payloads_documents(p, documents);
	dirty = malloc(documents + 1);
	/* What is gone keeps its place for a while; where there is much of it, all goes out again.
	 */
	if (p->sent_count > 4 * (documents + 16))
		p->sent_count = 0;
	sent = dirty ? realloc(p->sent, (p->sent_count + documents + 1) * sizeof(*sent)) : NULL;
	if (!sent) {
		free(dirty);
		return FG_ENOMEM;
	}
	memset(dirty, 1, documents + 1);
	fg_pub_forget_untold(p);
	free(p->dirty);
	p->sent = sent;
	p->dirty = dirty;
	p->dirty_count = p->dirty_any = documents;
	return FG_OK;
}

/* ---- what is not owed any more ---- */

void fg_pub_forget(struct fg_publisher *p, uint64_t from, uint64_t to)
{
	fg_ranges_remove(&p->doubt, from, to);
	fg_ranges_remove(&p->again, from, to);
	if (fg_ranges_remove(&p->unacked, from, to) == FG_OK)
		p->unacked_dirty = true;
}

void fg_pub_mark_acked(struct fg_publisher *p, uint64_t seq)
{
	fg_pub_forget(p, seq, seq + 1);
}

/* ---- refusals ---- */

static bool transient(int code)
{
	/* unspecified, implementation, packet id in use, quota */
	return code == 0x80 || code == 0x83 || code == 0x91 || code == 0x97;
}

static void save(struct fg_publisher *p)
{
	p->unacked_dirty = p->ports->save(p->ports->arg, p, &p->unacked) < 0;
	p->saved_mono_us = p->now_mono_us;
}

/* What is lacked once what was refused is told as gaps. */
static int without_rejects(const struct fg_publisher *p, struct fg_ranges *ret)
{
	const struct fg_ranges *numbers = &p->rejects.numbers;
	int status = fg_ranges_copy(ret, &p->unacked);

	for (size_t i = 0; i < numbers->count && status == FG_OK; i++)
		status = fg_ranges_remove(ret, numbers->items[i].from, numbers->items[i].to);
	return status;
}

/* Gaps and what is lacked beside them in one transaction: neither without the other. */
static int store_rejects(struct fg_publisher *p)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges unacked = {0};
	struct fg_item items[FG_REJECTS_MAX];
	size_t n = fg_rejects_items(&p->rejects, p->conf->name, items);
	int status = without_rejects(p, &unacked);

	return status < 0 ? status : p->ports->gaps(p->ports->arg, p, items, n, &unacked);
}

void fg_pub_write_rejects(struct fg_publisher *p, bool now)
{
	struct fg_rejects *r = &p->rejects;

	if (r->count == 0 ||
		(!now && r->written_mono_us &&
			p->now_mono_us - r->written_mono_us < REJECTS_EVERY_US))
		return;
	if (store_rejects(p) < 0)
		return;
	for (size_t i = 0; i < r->numbers.count; i++)
		fg_pub_forget(p, r->numbers.items[i].from, r->numbers.items[i].to);
	fg_rejects_clear(r);
	r->written_mono_us = p->now_mono_us;
	p->unacked_dirty = false;
	p->saved_mono_us = p->now_mono_us;
}

/* It will never be taken: told as a gap where it counts, and not tried again. What the destination
 * has already (a retained value, a reading that people asked for again) is not missing. */
void fg_pub_reject(struct fg_publisher *p, const struct fg_carried *c)
{
	bool lacks = fg_ranges_has(&p->unacked, c->seq) && !fg_ranges_has(&p->again, c->seq);

	if (!c->counts || !lacks || fg_planted(FG_PLANT_REFUSED_UNTOLD)) {
		fg_debug(FG_DEBUG_mqtt,
			"destination '%s': message %" PRIu64
			" was refused (reason code 0x%02x) and is given up",
			p->conf->name, c->seq, c->refused);
		fg_pub_mark_acked(p, c->seq);
		return;
	}
	if (fg_rejects_add(&p->rejects, c->seq, c->point, c->refused, c->wall_ms) < 0) {
		fg_pub_write_rejects(p, true);
		/* where even this finds no room it stays, and is tried with the next connection */
		fg_rejects_add(&p->rejects, c->seq, c->point, c->refused, c->wall_ms);
	}
}

bool fg_pub_keep_back(struct fg_publisher *p, const struct fg_item *item)
{
	if (fg_rejects_add(&p->rejects, item->seq, item->point, 0, item->wall_ms) < 0) {
		fg_pub_write_rejects(p, true);
		if (fg_rejects_add(&p->rejects, item->seq, item->point, 0, item->wall_ms) < 0)
			return false;
	}
	p->kept_back++;
	return true;
}

/* A message of a parcel was answered; with the last one its readings have arrived, or not. */
static void settle(struct fg_publisher *p, const struct fg_flight *f, uint8_t refused)
{
	struct fg_parcel *parcel = fg_pub_parcel(p, f);
	struct fg_carried *carried = parcel ? &p->carried[parcel->from] : NULL;

	if (!parcel)
		return;
	for (uint32_t i = 0; i < parcel->count && refused && f->decides; i++)
		if (f->whole || i == f->entry)
			carried[i].refused = refused;
	if (--parcel->waiting)
		return;
	parcel->waiting = 1; /* until it is looked through */
	for (uint32_t i = 0; i < parcel->count; i++) {
		if (carried[i].refused) {
			fg_pub_reject(p, &carried[i]);
			continue;
		}
		p->acknowledged += carried[i].reading;
		fg_pub_mark_acked(p, carried[i].seq);
	}
	fg_pub_end_parcel(p, parcel);
}

/* The broker has said that it did not take it, so that there is no doubt, unless other messages
 * carry the same readings. */
static void not_taken(struct fg_publisher *p, const struct fg_flight *f)
{
	struct fg_parcel *parcel = fg_pub_parcel(p, f);

	if (parcel && parcel->messages == 1)
		fg_pub_end_parcel(p, parcel);
}

/* Once for each reason: who refuses a topic refuses all that comes there. The status counts. */
static void say_refused(struct fg_publisher *p, int code)
{
	uint8_t *told = &p->refused_told[(code >> 3) & 31];
	const uint8_t bit = (uint8_t)(1u << (code & 7));

	if (!(*told & bit))
		fg_warning("destination '%s': the broker refuses to take a message (reason code "
			   "0x%02x); it is %s",
			p->conf->name, (unsigned)code,
			transient(code) ? "kept" : "told as a gap");
	*told |= bit;
}

static void publication_refused(
	struct fg_publisher *p, struct fg_now now, const struct fg_flight *f, int code)
{
	const bool document = f && f->token & FG_TOKEN_DOCUMENT;

	p->refused++;
	if (document && !transient(code) && (f->token & FG_TOKEN_CLEAR) != FG_TOKEN_CLEAR)
		fg_pub_untold(p, f->token & ~FG_TOKEN_DOCUMENT, NULL,
			code == 0x95 ? FG_PUB_TOO_LONG_FOR_BROKER : FG_PUB_DENIED, (uint8_t)code);
	else
		say_refused(p, code);
	p->refused_code = code;
	if (!transient(code)) {
		if (f)
			settle(p, f, (uint8_t)code);
		return;
	}
	if (f)
		not_taken(p, f);
	if (p->state == FG_PUB_ONLINE)
		fg_pub_leave(p, now, code);
}

/* An acknowledgement that came behind the end of its connection is true all the same, where it is
 * of all that carries the reading. */
static void acked_late(struct fg_publisher *p, uint64_t token)
{
	if (!(token & FG_TOKEN_DOCUMENT) && p->message_max == 1)
		fg_pub_mark_acked(p, FG_TOKEN_SEQ(token));
}

void fg_publisher_acked(
	struct fg_publisher *p, struct fg_now now, uint32_t epoch, uint64_t token, int code)
{
	struct fg_flight flight;
	bool known;

	if (epoch != p->epoch)
		return;
	p->now_mono_us = now.mono_us;
	known = fg_pub_landed(p, token, &flight);
	p->progress_mono_us = now.mono_us;
	p->blocked = false;
	if (known)
		fg_pub_suspect_landed(p, &flight);
	if (known && code < 0x80 && flight.token & FG_TOKEN_DOCUMENT)
		fg_pub_told(p, flight.token & ~FG_TOKEN_DOCUMENT);
	if (known && (token & FG_TOKEN_CLEAR) == FG_TOKEN_CLEAR &&
		(code < 0x80 || !transient(code)))
		fg_pub_clear_acked(p);
	if (code >= 0x80)
		publication_refused(p, now, known ? &flight : NULL, code);
	else if (known)
		settle(p, &flight, 0);
	else
		acked_late(p, token);
}

/* ---- what the store tells ---- */

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
	fg_ranges_remove(&p->batch, from, to);
	fg_pub_forget(p, from, to);
}

int fg_publisher_doubt(const struct fg_publisher *p, struct fg_ranges *ret)
{
	int r = fg_ranges_copy(ret, &p->doubt);

	if (r == FG_OK)
		r = fg_pub_under_way(p, ret);
	for (size_t i = 0; i < p->rejects.numbers.count && r == FG_OK; i++)
		r = fg_ranges_add(
			ret, p->rejects.numbers.items[i].from, p->rejects.numbers.items[i].to);
	return r;
}

void fg_publisher_doubt_start(struct fg_publisher *p, uint64_t n, uint64_t newest)
{
	uint64_t at = 0, last = p->committed_next > newest ? p->committed_next - newest : 0;
	struct fg_range r;

	while (fg_ranges_next(&p->unacked, at, &r) && r.from < p->committed_next) {
		uint64_t end = FG_MIN(r.to, p->committed_next), take = FG_MIN(end - r.from, n);

		if (take)
			fg_ranges_add(&p->doubt, r.from, r.from + take);
		n -= take;
		if (end > last)
			fg_ranges_add(&p->doubt, FG_MAX(r.from, last), end);
		at = end;
	}
}

void fg_publisher_freeze(struct fg_publisher *p, uint64_t below)
{
	p->frozen_below = below;
	if (below)
		fg_pub_lanes_freeze(p, below);
}

uint64_t fg_publisher_live_from(const struct fg_publisher *p)
{
	/* what the ring no longer holds is left to the backlog */
	return p->state == FG_PUB_ONLINE ? FG_MAX(p->live_next, p->recent->first) : FG_SEQ_END;
}

/* Queues what of it is stored and does not wait already. */
static uint64_t again_part(struct fg_publisher *p, struct fg_range part)
{
	uint64_t n = 0;

	part.to = FG_MIN(part.to, p->committed_next);
	while (part.from < part.to) {
		struct fg_range waiting = {part.to, part.to};
		uint64_t end;

		fg_ranges_next(&p->unacked, part.from, &waiting);
		end = FG_MIN(waiting.from, part.to);
		if (end > part.from && fg_ranges_add(&p->again, part.from, end) == FG_OK &&
			fg_ranges_add(&p->unacked, part.from, end) == FG_OK) {
			if (p->state == FG_PUB_ONLINE)
				fg_ranges_add(&p->backlog, part.from, end);
			n += end - part.from;
		}
		part.from = FG_MAX(waiting.to, end);
	}
	return n;
}

int64_t fg_publisher_again(struct fg_publisher *p, const struct fg_ranges *ranges)
{
	uint64_t n = 0;

	for (size_t i = 0; i < ranges->count; i++)
		n += again_part(p, ranges->items[i]);
	p->unacked_dirty |= n > 0;
	return (int64_t)n;
}

void fg_publisher_inherit(struct fg_publisher *p, struct fg_publisher *from)
{
	fg_pub_forget_flights(from);
	p->doubt = from->doubt;
	p->again = from->again;
	p->rejects = from->rejects;
	p->frozen_below = from->frozen_below;
	p->commit_first = from->commit_first;
	p->losses = from->losses;
	p->losses_out = from->losses_out;
	p->conflict = from->conflict;
	p->published = from->published;
	p->acknowledged = from->acknowledged;
	p->not_stored = from->not_stored;
	p->kept_back = from->kept_back;
	p->refused = from->refused;
	p->refused_code = from->refused_code;
	p->connections = from->connections;
	p->budget = from->budget;
	p->budget.limit = p->conf->daily_budget;
	from->budget = (struct fg_budget){0};
	fg_pub_payloads_inherit(p, from);
	fg_ranges_init(&from->doubt);
	fg_ranges_init(&from->again);
	fg_rejects_init(&from->rejects);
}

/* ---- run, stop, status ---- */

static void save_if_due(struct fg_publisher *p)
{
	if (p->unacked_dirty && p->now_mono_us - p->saved_mono_us >= SAVE_EVERY_US)
		save(p);
}

int64_t fg_publisher_run(struct fg_publisher *p, struct fg_now now)
{
	int64_t next, again_us;

	p->now_mono_us = now.mono_us;
	p->now_wall_ms = now.wall_us / 1000;
	if (p->in_flight == 0)
		p->blocked = false; /* no acknowledgement will come that could end it */
	next = fg_pub_link_run(p, now);
	if (p->state == FG_PUB_ONLINE && !p->blocked && !p->returning) {
		again_us = fg_pub_lanes_run(p, now);
		next = FG_MIN(next, again_us);
	}
	fg_pub_write_rejects(p, p->stopping);
	if (p->rejects.count)
		next = FG_MIN(next, FG_MAX(p->rejects.written_mono_us + REJECTS_EVERY_US,
					    now.mono_us + SAVE_EVERY_US));
	fg_pub_oldest_run(p);
	save_if_due(p);
	if (p->unacked_dirty)
		next = FG_MIN(next, p->saved_mono_us + SAVE_EVERY_US);
	return next;
}

bool fg_publisher_idle(const struct fg_publisher *p)
{
	return p->state != FG_PUB_ONLINE ||
	       (p->spark && !fg_spark_may_speak(p->spark)) ||
	       (!p->in_flight && !p->dirty_any && !p->batch.count &&
		       p->live_next >= p->committed_next);
}

void fg_publisher_stop(struct fg_publisher *p, struct fg_now now)
{
	p->stopping = true;
	p->stop_mono_us = now.mono_us;
	if (p->spark) {
		fg_spark_stop(p->spark);
		fg_publisher_touch(p, p->payloads[0].first_document);
	}
	if (p->state != FG_PUB_ONLINE)
		p->state = FG_PUB_STOPPED;
}

uint64_t fg_publisher_backlog(const struct fg_publisher *p)
{
	return fg_ranges_count_below(&p->unacked, p->committed_next) - fg_pub_batch_waiting(p);
}

void fg_publisher_status(const struct fg_publisher *p, struct fg_json *j, struct fg_now now)
{
	static const char *const states[] = {"waiting", "connecting", "connected", "stopped"};
	uint64_t oldest = fg_ranges_first(&p->unacked);

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
	if (oldest < p->committed_next)
		fg_json_uint(j, "oldest_unsent_seq", oldest);
	if (fg_publisher_oldest_ms(p))
		fg_json_time(j, "oldest_unsent", fg_publisher_oldest_ms(p));
	fg_json_uint(j, "in_flight", p->in_flight);
	fg_json_uint(j, "published", p->published);
	fg_json_uint(j, "acknowledged", p->acknowledged);
	fg_pub_payloads_status(p, j);
	fg_pub_batch_status(p, j);
	fg_json_object(j, "retained");
	fg_json_uint(j, "topics", p->retained_topics);
	if (p->clear)
		fg_json_uint(j, "to_clear", p->clear->count);
	fg_json_end_object(j);
	if (p->spark)
		fg_spark_status(p->spark, j);
	if (p->not_stored)
		fg_json_uint(j, "not_stored_in_time", p->not_stored);
	if (p->doubt.count)
		fg_json_uint(j, "in_doubt", fg_ranges_count_below(&p->doubt, FG_SEQ_END));
	if (p->losses)
		fg_json_uint(j, "losses_to_tell", p->losses);
	fg_json_uint(j, "refused", p->refused);
	if (p->refused)
		fg_json_int(j, "refused_code", p->refused_code);
	fg_pub_link_status(p, j, now);
	fg_budget_status(&p->budget, j, now.wall_us / 1000);
	fg_json_end_object(j);
}
