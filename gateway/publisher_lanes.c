/* SPDX-License-Identifier: EUPL-1.2 */
/* A publisher's lanes: documents, first, live, backlog. See publisher.h. */
#include <string.h>

#include "base/hash.h"
#include "base/plant.h"
#include "base/status.h"
#include "gateway/documents.h"
#include "gateway/publisher_private.h"

/* How long the last acknowledgements are awaited before the status goes out all the same. */
#define GOODBYE_US 1000000
/* Documents in flight: a large catalogue goes out in parts, for there are small machines. */
#define DOCUMENTS_MAX (512u << 10)
/* A birth of 2,000 points, each with names as long as they may be and means of its own. */
#define BIRTH_MAX (4u << 20)

/* ---- documents ---- */

/* The place of what was sent last under a topic; the next free one where nothing was. */
static struct fg_pub_sent *sent_under(struct fg_publisher *p, uint64_t topic)
{
	size_t i = 0;

	while (i < p->sent_count && p->sent[i].topic != topic)
		i++;
	return &p->sent[i]; /* there are as many places as documents */
}

static void note_sent(struct fg_publisher *p, struct fg_pub_sent *place, struct fg_pub_sent sent)
{
	if (place == &p->sent[p->sent_count])
		p->sent_count++;
	*place = sent;
}

void fg_pub_forget_document(struct fg_publisher *p, const char *topic)
{
	struct fg_pub_sent *place =
		sent_under(p, fg_hash(FG_HASH_START, topic, strlen(topic)));

	if (place < &p->sent[p->sent_count])
		*place = p->sent[--p->sent_count];
}

enum fg_pub_document fg_pub_write_document(struct fg_publisher *p, size_t id,
	struct fg_buf *topic, struct fg_buf *payload, struct fg_message *m)
{
	if (p->spark)
		return fg_pub_spark_document(p, id, topic, payload, m);
	if (id < p->core_documents)
		return p->ports->document(p->ports->arg, p, id, topic, payload);
	return fg_pub_encoder_document(p, id, topic, payload, m);
}

/* Whether it can go out at all; a birth that cannot leaves its device unborn. */
static bool fits(struct fg_publisher *p, size_t id, enum fg_pub_document is,
	const struct fg_buf *topic, const struct fg_buf *payload)
{
	enum fg_pub_untold_why why = FG_PUB_TOO_LONG;

	if (is != FG_PUB_DOCUMENT_TOO_LONG) {
		if (!fg_pub_too_long_for_broker(p, topic->len, payload->len))
			return true;
		why = FG_PUB_TOO_LONG_FOR_BROKER;
	}
	fg_pub_untold(p, id, topic->data, why, 0);
	if (p->spark)
		fg_spark_refused(p->spark, id - p->payloads[0].first_document);
	return false;
}

bool fg_pub_tell_document(struct fg_publisher *p, size_t id)
{
	char topic_mem[512];
	struct fg_buf topic, payload;
	struct fg_message m = {.token = FG_TOKEN_DOCUMENT | id, .retain = true, .document = true};
	struct fg_pub_sent sent, *before = NULL;
	enum fg_pub_document is;
	bool room = true;

	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_init(&payload, p->spark ? BIRTH_MAX : FG_DOCUMENT_MAX);
	is = fg_pub_write_document(p, id, &topic, &payload, &m);
	if (is != FG_PUB_NO_DOCUMENT && !fits(p, id, is, &topic, &payload))
		is = FG_PUB_NO_DOCUMENT;
	if (is == FG_PUB_DOCUMENT_WHEN_CHANGED) {
		sent.topic = fg_hash(FG_HASH_START, topic.data, topic.len);
		sent.bytes = fg_hash(FG_HASH_START, payload.data, payload.len);
		before = sent_under(p, sent.topic);
		if (before < &p->sent[p->sent_count] && before->bytes == sent.bytes)
			is = FG_PUB_NO_DOCUMENT;
	}
	if (is != FG_PUB_NO_DOCUMENT) {
		m.topic = topic.data;
		m.payload = payload.data;
		m.len = payload.len;
		room = fg_pub_send_document(p, &m) == FG_OK;
		if (room && before)
			note_sent(p, before, sent);
		if (room && p->spark)
			fg_spark_sent(p->spark);
	}
	fg_buf_fini(&payload);
	return room;
}

/* The session and its library keep a copy each until the acknowledgement. The first is the status,
 * which is short and may be the last word. */
static bool may_go(const struct fg_publisher *p, size_t id)
{
	return fg_pub_has_room(p, 1, 0) && (id == 0 || p->document_bytes < DOCUMENTS_MAX);
}

static bool pump_documents(struct fg_publisher *p)
{
	for (size_t id = 0; p->dirty_any && id < p->dirty_count; id++) {
		if (!p->dirty[id])
			continue;
		if (!fg_pub_breaks(p, id) && (!may_go(p, id) || !fg_pub_tell_document(p, id)))
			return false;
		p->dirty[id] = 0;
		p->dirty_any--;
	}
	return true;
}

/* ---- first ---- */

static bool wanted_first(const struct fg_publisher *p, const struct fg_series *s)
{
	uint64_t seq = s->newest.seq;

	if (p->spark) /* births tell it */
		return false;
	if (!s->has_newest || !s->current || !s->newest_timed || seq >= p->live_next ||
		fg_pub_choose(p, &s->newest, &s->desc) != FG_PUB_CHOSEN)
		return false;
	if (!p->first_all && !fg_ranges_has(&p->unacked, seq))
		return false;
	return !fg_ranges_has(&p->rejects.numbers, seq) && !fg_ranges_has(&p->again, seq) &&
	       !(p->first_all && fg_pub_is_shunned(p, &s->newest));
}

static bool pump_first(struct fg_publisher *p)
{
	while (p->first_next < p->series->count) {
		struct fg_load load;
		size_t at = p->first_next, sent;

		load.count = 0;
		for (; at < p->series->count; at++) {
			const struct fg_series *s = p->series->items[at];

			if (wanted_first(p, s) &&
				!fg_pub_load(p, &load, &s->newest, &s->desc, true, at))
				break;
		}
		sent = load.count ? fg_pub_send_load(p, &load) : 0;
		for (size_t i = 0; i < sent; i++) {
			uint64_t seq = load.entries[i].item.seq;

			fg_ranges_remove(&p->backlog, seq, seq + 1);
		}
		if (load.count && !sent)
			return false;
		p->first_next = sent < load.count ? load.at[sent] : at;
	}
	return true;
}

/* ---- live ---- */

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

/* When an entry that waits for its commit goes out all the same. Where commits are meant to be
 * rarer than that, one that is not due yet is not late. */
static int64_t early_us(const struct fg_publisher *p, const struct fg_recent_entry *e)
{
	const struct fg_storage_conf *conf = &p->config->storage;
	bool rare = conf->commit_interval_us >= conf->max_delay_us;

	return e->came_mono_us + conf->max_delay_us + (rare ? conf->commit_interval_us : 0);
}

/* A reading taken now is the newest of its point; a mean told now may be of an hour long ago. */
bool fg_pub_retained_live(const struct fg_recent_entry *e, const struct fg_item *item)
{
	if (!e->series->current)
		return false; /* of a point that has left the configuration */
	return (item->kind == FG_ITEM_READING && !fg_series_is_older(e->series, item)) ||
	       (item->kind == FG_ITEM_AGGREGATE &&
		       (!e->series->has_newest || e->series->newest.seq == item->seq));
}

enum live_way {
	LIVE_NOW,
	LIVE_NEVER,
	LIVE_BACKLOG,
	LIVE_HELD,
	LIVE_NOT_FOR_US,
};

bool fg_pub_is_urgent(const struct fg_item *item)
{
	return item->alarm != FG_ALARM_NONE || item->qc == FG_QC_MISSING || item->replaces;
}

/* Gaps, accounts and means have no pace of their own: they go as long as any reading does. */
static bool budget_allows(struct fg_publisher *p, const struct fg_item *item)
{
	if (!p->budget.limit)
		return true;
	if (item->kind == FG_ITEM_READING)
		return fg_budget_live(&p->budget, p->now_wall_ms, p->now_mono_us, item->seq,
			item->point, fg_pub_is_urgent(item));
	return fg_budget_level(&p->budget, p->now_wall_ms) < FG_BUDGET_URGENT;
}

/* Whether an entry may go out now; what cannot by this way is left to others. */
static enum live_way way_of(
	struct fg_publisher *p, uint64_t seq, const struct fg_recent_entry *e)
{
	if (!fg_ranges_has(&p->unacked, seq))
		return LIVE_NEVER; /* the store refused it */
	if (!e || e->item.replaces ||
		(e->item.kind != FG_ITEM_READING &&
			(seq >= p->committed_next ||
				!(e->item.gap || e->item.account || e->item.aggregate))))
		return LIVE_BACKLOG; /* the store has it, or nobody */
	if (!e->timed)
		return LIVE_HELD;
	switch (fg_pub_choose(p, &e->item, &e->series->desc)) {
	case FG_PUB_CHOSEN:
		break;
	case FG_PUB_NOT_FOR_IT:
		return LIVE_NOT_FOR_US;
	case FG_PUB_KEPT_BACK:
		return LIVE_BACKLOG; /* which tells of it once it is stored */
	}
	return budget_allows(p, &e->item) ? LIVE_NOW : LIVE_BACKLOG;
}

/* False: it waits for its commit. *ret_next: how long. */
bool fg_pub_live_due(const struct fg_publisher *p, const struct fg_recent_entry *e, uint64_t seq,
	int64_t mono_us, int64_t *ret_next)
{
	if (seq < p->committed_next)
		return true;
	if (p->commit_first)
		return false;
	if (e && mono_us < early_us(p, e)) {
		*ret_next = FG_MIN(*ret_next, early_us(p, e));
		return false;
	}
	return true;
}

/* The entry at live_next, which may go out, and those behind it that go with it. */
static void load_live(
	struct fg_publisher *p, struct fg_load *load, int64_t mono_us, int64_t *ret_next)
{
	const uint64_t end = FG_MAX(p->committed_next, p->recent->next);

	for (uint64_t seq = p->live_next; seq < end; seq++) {
		const struct fg_recent_entry *e = fg_recent_get(p->recent, seq);
		struct fg_item item;

		if (!e || (load->count && (!fg_pub_live_due(p, e, seq, mono_us, ret_next) ||
						  way_of(p, seq, e) != LIVE_NOW)))
			return;
		/* an account goes alone, and there is room for the part of one */
		item = load->count ? e->item : fg_pub_selected_part(p, &e->item);
		item.not_stored = seq >= p->committed_next;
		if (!fg_pub_load(p, load, &item, &e->series->desc, fg_pub_retained_live(e, &item),
			    (size_t)(seq - p->live_next)))
			return;
		if (p->pack_max == 1)
			return;
	}
}

/* False where the session has no room. */
static bool send_live(struct fg_publisher *p, int64_t mono_us, int64_t *ret_next)
{
	struct fg_load load;
	size_t sent;

	load.count = 0;
	load_live(p, &load, mono_us, ret_next);
	sent = fg_pub_send_load(p, &load);
	for (size_t i = 0; i < sent; i++)
		p->not_stored += load.entries[i].item.not_stored;
	if (sent)
		p->live_next = load.entries[sent - 1].item.seq + 1;
	return sent > 0;
}

/* *ret_next: when the first that waits for its commit has waited long enough. */
static bool pump_live(struct fg_publisher *p, int64_t mono_us, int64_t *ret_next)
{
	uint64_t end;

	if (!fg_pub_batch_send(p))
		return false;
	if (p->live_next < p->recent->first)
		skip_live(p, p->recent->first);
	end = fg_pub_batch_end(p, mono_us, ret_next);
	while (p->live_next < end) {
		const uint64_t seq = p->live_next;
		const struct fg_recent_entry *e = fg_recent_get(p->recent, seq);

		if (!fg_pub_live_due(p, e, seq, mono_us, ret_next))
			break;
		switch (way_of(p, seq, e)) {
		case LIVE_NOW:
			if (p->conf->batch_us && e->item.kind == FG_ITEM_READING) {
				fg_ranges_add(&p->batch, seq, seq + 1);
				p->budget.gathered++;
				break;
			}
			if (!send_live(p, mono_us, ret_next))
				return false;
			continue;
		case LIVE_BACKLOG:
			fg_ranges_add(&p->backlog, seq, seq + 1);
			break;
		case LIVE_HELD:
			fg_ranges_add(&p->held, seq, seq + 1);
			break;
		case LIVE_NOT_FOR_US:
			fg_pub_mark_acked(p, seq);
			break;
		case LIVE_NEVER:
			break;
		}
		p->live_next++;
	}
	return fg_pub_batch_send(p);
}

/* ---- backlog ---- */

static void refill_tokens(struct fg_publisher *p, int64_t mono_us)
{
	double burst = FG_MAX(p->conf->backlog_rate * FG_PUB_STEP_US / 1e6, 1.0);

	p->tokens += p->conf->backlog_rate * (double)(mono_us - p->tokens_mono_us) / 1e6;
	p->tokens = FG_MIN(p->tokens, burst);
	p->tokens_mono_us = mono_us;
}

/* Gaps and accounts are news, not a state. Of readings and corrections the newest of their point is
 * retained; what people asked for again is not. */
static bool retained(const struct fg_publisher *p, const struct fg_item *item)
{
	const struct fg_series *s = fg_series_by_id(p->series, item->point);

	if (fg_planted(FG_PLANT_RETAIN_ALL))
		return fg_item_is_state(item);
	return fg_item_is_state(item) && s && s->current && s->has_newest &&
	       s->newest.seq == item->seq && !fg_ranges_has(&p->again, item->seq);
}

enum page_way { PAGE_NOW, PAGE_DONE, PAGE_HELD, PAGE_NOT_FOR_US, PAGE_KEPT_BACK };

static enum page_way page_way_of(const struct fg_publisher *p, size_t i)
{
	const struct fg_item *item = &p->page->items[i];

	if (!fg_ranges_has(&p->backlog, item->seq))
		return PAGE_DONE;
	switch (fg_pub_choose(p, item, p->page->descs[i])) {
	case FG_PUB_NOT_FOR_IT:
		return PAGE_NOT_FOR_US;
	case FG_PUB_KEPT_BACK:
		return p->page->uncertain[i] ? PAGE_HELD : PAGE_KEPT_BACK;
	case FG_PUB_CHOSEN:
		break;
	}
	return p->page->uncertain[i] && item->kind == FG_ITEM_READING ? PAGE_HELD : PAGE_NOW;
}

/* Whether entry i of the page, which does not go along, may be passed by for those behind it: with
 * `batch` they come from other polls, and other devices' are between them. */
static bool is_passed(const struct fg_publisher *p, const struct fg_load *load, size_t i)
{
	const struct fg_entry *first = &load->entries[0];

	return p->conf->batch_us && first->item.kind == FG_ITEM_READING &&
	       load->count < p->pack_max &&
	       !(p->page->items[i].kind == FG_ITEM_READING &&
		       fg_pub_of_one_device(first->desc, p->page->descs[i]));
}

/* The entry at page_at, which may go out, and those behind it that go with it. */
static bool send_from_page(struct fg_publisher *p)
{
	struct fg_load load;
	size_t sent;

	load.count = 0;
	for (size_t i = p->page_at; i < p->page->count; i++) {
		struct fg_item item = p->page->items[i];

		if (load.count && page_way_of(p, i) != PAGE_NOW) {
			if (is_passed(p, &load, i))
				continue;
			break;
		}
		if (!load.count) /* an account goes alone, and there is room for the part of one */
			item = fg_pub_selected_part(p, &item);
		if (!fg_pub_load(p, &load, &item, p->page->descs[i], retained(p, &item), i)) {
			if (is_passed(p, &load, i))
				continue;
			break;
		}
		if (p->pack_max == 1)
			break;
	}
	sent = fg_pub_send_load(p, &load);
	for (size_t i = 0; i < sent; i++) {
		uint64_t seq = load.entries[i].item.seq;

		fg_ranges_remove(&p->backlog, seq, seq + 1);
		p->tokens -= 1;
	}
	if (sent) /* what was passed by comes next; what was sent is not in the backlog any more */
		p->page_at++;
	return sent > 0;
}

/* False where the session has no room. */
static bool page_step(struct fg_publisher *p)
{
	const uint64_t seq = p->page->items[p->page_at].seq;

	switch (page_way_of(p, p->page_at)) {
	case PAGE_NOW:
		return send_from_page(p);
	case PAGE_NOT_FOR_US:
		fg_pub_mark_acked(p, seq);
		break;
	case PAGE_HELD:
		fg_ranges_add(&p->held, seq, seq + 1);
		break;
	case PAGE_KEPT_BACK: /* where it cannot be told now, it is with the next connection */
		fg_pub_keep_back(p, &p->page->items[p->page_at]);
		break;
	case PAGE_DONE:
		break;
	}
	fg_ranges_remove(&p->backlog, seq, seq + 1);
	p->page_at++;
	return true;
}

/* The store makes corrections, so the core meets them here first; and what it had to forget. Where
 * nothing is known of a point its newest reading lies far behind in the store: what is corrected
 * may be any before it. */
static void learn_newest(struct fg_publisher *p)
{
	for (size_t i = 0; i < p->page->count; i++) {
		const struct fg_item *item = &p->page->items[i];
		struct fg_series *s;

		if (p->page->uncertain[i])
			continue;
		s = fg_series_by_id(p->series, item->point);
		if (s && ((item->replaces && s->has_newest) || s->forgotten))
			fg_series_update(s, item, 0, true);
	}
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
			fg_pub_forget(p, at, seq);
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
		while (p->page_at < p->page->count && p->tokens >= 1)
			if (!page_step(p))
				return;
		if (p->page_at < p->page->count)
			return;
	}
	ask_for_page(p, mono_us);
}

void fg_publisher_page(struct fg_publisher *p, struct fg_now now)
{
	bool stale = p->page_stale;

	p->page_pending = p->page_stale = false;
	fg_pub_oldest_page(p);
	if (p->state != FG_PUB_ONLINE || stale)
		return;
	/* the store is in trouble, which it tells itself: later again */
	if (p->page->status < 0 || p->page->scanned_to <= p->page->from) {
		p->page_retry_mono_us = now.mono_us + 1000000;
		return;
	}
	forget_holes(p);
	learn_newest(p);
	p->page_valid = true;
	p->page_at = 0;
}

/* ---- all of them ---- */

void fg_pub_lanes_begin(struct fg_publisher *p, int64_t mono_us)
{
	const struct fg_ranges *rejected = &p->rejects.numbers;

	p->page_valid &= fg_planted(FG_PLANT_STALE_PAGE);
	fg_ranges_fini(&p->held);
	fg_pub_batch_begin(p);
	p->live_next = p->committed_next;
	p->first_next = 0;
	p->tokens = 0;
	p->tokens_mono_us = mono_us;
	if (fg_ranges_copy(&p->backlog, &p->unacked) < 0)
		return;
	if (p->committed_next < FG_SEQ_END)
		fg_ranges_remove(&p->backlog, p->committed_next, FG_SEQ_END);
	for (size_t i = 0; i < rejected->count; i++)
		fg_ranges_remove(&p->backlog, rejected->items[i].from, rejected->items[i].to);
}

void fg_pub_lanes_freeze(struct fg_publisher *p, uint64_t below)
{
	p->page_valid = false;
	p->page_stale = p->page_pending;
	if (p->state != FG_PUB_ONLINE)
		return;
	while (fg_ranges_first(&p->batch) < below)
		fg_pub_batch_leave(p, fg_ranges_first(&p->batch));
	if (p->live_next < below)
		skip_live(p, below);
}

/* The end: what is live goes out, and when it is acknowledged, or has had its time, the status that
 * says offline, so that it is the last word. */
static void pump_last(struct fg_publisher *p, int64_t mono_us)
{
	int64_t never = INT64_MAX;

	if (pump_live(p, mono_us, &never) &&
		(p->in_flight == 0 || mono_us - p->stop_mono_us >= GOODBYE_US))
		pump_documents(p);
}

static bool all_told(const struct fg_publisher *p)
{
	return !p->blocked && p->live_next >= p->committed_next &&
	       fg_ranges_first(&p->backlog) >= p->committed_next;
}

int64_t fg_pub_lanes_run(struct fg_publisher *p, struct fg_now now)
{
	enum fg_budget_level budget;
	int64_t next = INT64_MAX;

	if (p->spark && !fg_spark_may_speak(p->spark))
		return next;
	if (p->stopping) {
		if (p->live_next >= p->frozen_below)
			pump_last(p, now.mono_us);
		return next;
	}
	if (p->hold)
		return next;
	budget = fg_budget_level(&p->budget, now.wall_us / 1000);
	if (budget == FG_BUDGET_SPENT) { /* what is live meanwhile is left to the backlog */
		if (!p->frozen_below)
			pump_live(p, now.mono_us, &next);
		return next;
	}
	if (!pump_documents(p))
		return next;
	/* while the store may drop what is below, only what is above goes out */
	if (p->frozen_below) {
		if (p->live_next >= p->frozen_below)
			pump_live(p, now.mono_us, &next);
		return next;
	}
	if ((budget >= FG_BUDGET_URGENT || pump_first(p)) &&
		pump_live(p, now.mono_us, &next) && fg_pub_clear_run(p) &&
		budget == FG_BUDGET_ENOUGH)
		pump_backlog(p, now.mono_us);
	if (p->spark && all_told(p))
		fg_pub_spark_idle(p);
	if (budget != FG_BUDGET_ENOUGH)
		return next;
	/* what is not committed yet is waited for, not looked for */
	if (fg_ranges_first(&p->backlog) < p->committed_next && !p->page_pending && !p->blocked)
		next = FG_MIN(next, now.mono_us + FG_PUB_STEP_US);
	return next;
}
