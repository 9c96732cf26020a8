/* SPDX-License-Identifier: EUPL-1.2 */
/* Live readings that wait for others of their device, for a link on which messages cost more than
 * time (`batch`). They wait where they are, ahead in the live lane: in the ring of recent readings,
 * and stored. When the first has waited long enough, or there are many, or one is urgent, all that
 * are committed are gathered by device and go out. */
#include "base/status.h"
#include "gateway/publisher_private.h"

/* What makes a batch go before its time. NULL entries are left to the backlog. */
static bool hurries(const struct fg_publisher *p, const struct fg_recent_entry *e)
{
	return e && fg_pub_is_urgent(&e->item) && !e->item.replaces &&
	       fg_pub_choose(p, &e->item, &e->series->desc) == FG_PUB_CHOSEN;
}

/* Looks through what has come since the last look. */
static void look_for_urgent(struct fg_publisher *p, uint64_t end)
{
	for (p->batch_seen = FG_MAX(p->batch_seen, p->live_next); p->batch_seen < end;
		p->batch_seen++)
		if (p->batch_urgent < p->live_next &&
			hurries(p, fg_recent_get(p->recent, p->batch_seen)))
			p->batch_urgent = p->batch_seen;
}

/* When the first that waits has waited long enough. */
static int64_t ready_us(const struct fg_publisher *p, uint64_t end)
{
	for (uint64_t seq = p->live_next; seq < end; seq++) {
		const struct fg_recent_entry *e = fg_recent_get(p->recent, seq);

		if (e)
			return e->came_mono_us + p->conf->batch_us;
	}
	return 0; /* nothing but numbers that were given away */
}

/* Whether the urgent one may go out, which is to say that it is stored, or nobody knows when. */
static bool urgent_is_due(const struct fg_publisher *p, int64_t mono_us, int64_t *ret_next)
{
	const uint64_t seq = p->batch_urgent;

	return seq && seq >= p->live_next &&
	       fg_pub_live_due(p, fg_recent_get(p->recent, seq), seq, mono_us, ret_next);
}

uint64_t fg_pub_batch_end(struct fg_publisher *p, int64_t mono_us, int64_t *ret_next)
{
	const uint64_t end = FG_MAX(p->committed_next, p->recent->next);
	int64_t at_us;
	bool urgent;

	if (!p->conf->batch_us || p->live_next >= end)
		return end;
	if (p->live_next < p->batch_to)
		return p->batch_to;
	look_for_urgent(p, end);
	at_us = ready_us(p, end);
	urgent = urgent_is_due(p, mono_us, ret_next);
	if (!p->stopping && mono_us < at_us && end - p->live_next < FG_BATCH_MAX && !urgent) {
		*ret_next = FG_MIN(*ret_next, at_us);
		return p->live_next;
	}
	p->batch_to = p->committed_next > p->live_next ? p->committed_next : end;
	if (urgent && p->batch_urgent >= p->batch_to)
		p->batch_to = end; /* the store does not commit it in time */
	p->batch_to = FG_MIN(p->batch_to, p->live_next + FG_BATCH_MAX);
	return p->batch_to;
}

void fg_pub_batch_begin(struct fg_publisher *p)
{
	fg_ranges_fini(&p->batch);
	p->batch_to = p->batch_seen = p->batch_urgent = 0;
	p->budget.gathered = 0;
}

void fg_pub_batch_leave(struct fg_publisher *p, uint64_t seq)
{
	fg_ranges_remove(&p->batch, seq, seq + 1);
	fg_ranges_add(&p->backlog, seq, seq + 1);
}

/* The first that is left and those of its device behind it, in their order. */
static void gather(struct fg_publisher *p, struct fg_load *load)
{
	struct fg_range r;

	for (uint64_t seq = 0; load->count < p->pack_max && fg_ranges_next(&p->batch, seq, &r);
		seq = r.from + 1) {
		const struct fg_recent_entry *e = fg_recent_get(p->recent, r.from);
		struct fg_item item;

		if (!fg_ranges_has(&p->unacked, r.from)) { /* the store refused or dropped it */
			fg_ranges_remove(&p->batch, r.from, r.from + 1);
			continue;
		}
		if (!e) {
			fg_pub_batch_leave(p, r.from);
			continue;
		}
		item = e->item;
		item.not_stored = item.seq >= p->committed_next;
		if (item.not_stored && p->commit_first)
			continue; /* gathered before the store was so full */
		fg_pub_load(p, load, &item, &e->series->desc, fg_pub_retained_live(e, &item), 0);
	}
}

static bool send_gathered(struct fg_publisher *p)
{
	struct fg_load load;

	while (p->batch.count) {
		size_t sent;

		load.count = 0;
		gather(p, &load);
		if (!load.count)
			return true;
		sent = fg_pub_send_load(p, &load);
		for (size_t i = 0; i < sent; i++) {
			const struct fg_item *item = &load.entries[i].item;

			fg_ranges_remove(&p->batch, item->seq, item->seq + 1);
			p->not_stored += item->not_stored;
		}
		if (!sent)
			return false;
	}
	return true;
}

bool fg_pub_batch_send(struct fg_publisher *p)
{
	const bool room = !p->batch.count || send_gathered(p);

	p->budget.gathered = fg_ranges_count_below(&p->batch, FG_SEQ_END);
	return room;
}

void fg_pub_batch_status(const struct fg_publisher *p, struct fg_json *j)
{
	if (!p->conf->batch_us)
		return;
	fg_json_object(j, "batch");
	fg_json_seconds(j, "time_s", p->conf->batch_us);
	fg_json_uint(j, "waiting", fg_pub_batch_waiting(p));
	fg_json_end_object(j);
}

uint64_t fg_pub_batch_waiting(const struct fg_publisher *p)
{
	const uint64_t from = FG_MAX(p->live_next, p->recent->first);

	if (!p->conf->batch_us || p->state != FG_PUB_ONLINE || from >= p->committed_next)
		return 0;
	return fg_ranges_count_below(&p->unacked, p->committed_next) -
	       fg_ranges_count_below(&p->unacked, from);
}
