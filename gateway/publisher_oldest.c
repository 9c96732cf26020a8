/* SPDX-License-Identifier: EUPL-1.2 */
/* Since when a destination lacks readings: the time of the oldest that is owed. The ring of recent
 * readings forgets it within the hour, and a restart at once; then the store is asked, once. */
#include "base/status.h"
#include "gateway/publisher_private.h"

static void note(struct fg_publisher *p, uint64_t seq, int64_t wall_ms)
{
	p->oldest_seq = seq;
	p->oldest_ms = wall_ms;
}

/* Numbers that a crash left empty are owed until somebody looks: the first that there is counts. */
static bool in_page(struct fg_publisher *p, uint64_t seq)
{
	const struct fg_page *page = p->page;
	size_t i = 0;

	if (page->from > seq || page->scanned_to <= seq)
		return false;
	while (i < page->count && !fg_ranges_has(&p->unacked, page->items[i].seq))
		i++;
	if (i == page->count || page->uncertain[i])
		return false;
	note(p, seq, page->items[i].wall_ms);
	return true;
}

/* Connected, the backlog's own pages tell it. */
static void ask(struct fg_publisher *p, uint64_t seq)
{
	if (p->state == FG_PUB_ONLINE || p->stopping || p->page_pending || seq == p->oldest_asked)
		return;
	p->oldest_asked = seq;
	p->page->from = seq;
	p->page->to = p->committed_next;
	p->page_valid = false;
	p->page_pending = true;
	p->ports->read_page(p->ports->arg, p, p->page);
}

void fg_pub_oldest_run(struct fg_publisher *p)
{
	const uint64_t seq = fg_ranges_first(&p->unacked);
	const struct fg_recent_entry *e;

	if (seq >= p->committed_next)
		p->oldest_ms = 0;
	if (seq >= p->committed_next || (seq == p->oldest_seq && p->oldest_ms))
		return;
	e = fg_recent_get(p->recent, seq);
	if (e && e->timed)
		note(p, seq, e->item.wall_ms);
	else if (!e && (!p->page_valid || !in_page(p, seq)))
		ask(p, seq);
}

void fg_pub_oldest_page(struct fg_publisher *p)
{
	if (p->page->status >= 0)
		in_page(p, fg_ranges_first(&p->unacked));
}

int64_t fg_publisher_oldest_ms(const struct fg_publisher *p)
{
	return fg_ranges_first(&p->unacked) < p->committed_next ? p->oldest_ms : 0;
}
