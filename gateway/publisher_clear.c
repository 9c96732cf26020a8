/* SPDX-License-Identifier: EUPL-1.2 */
/* A publisher's last lane: what is retained under topics that are not ours any more is cleared, by
 * an empty message that is retained (MQTT 5, 3.3.1.3). */
#include <stdlib.h>

#include "gateway/publisher_private.h"

void fg_publisher_clear(struct fg_publisher *p, const struct fg_topic_set *topics, uint64_t after)
{
	p->clear = topics;
	p->clear_after = after;
	p->cleared = false;
	fg_pub_clear_begin(p);
}

void fg_pub_clear_begin(struct fg_publisher *p)
{
	p->clears_out = 0;
	p->clear_sent = p->clear_pending = false;
	if (!p->clear)
		return;
	if (!p->clear_at)
		p->clear_at = malloc(sizeof(*p->clear_at));
	if (p->clear_at)
		fg_topic_set_first(p->clear_at, p->clear);
}

bool fg_pub_clear_run(struct fg_publisher *p)
{
	struct fg_message m = {
		.token = FG_TOKEN_CLEAR, .payload = "", .retain = true, .document = true};

	if (!p->clear || !p->clear_at || p->clear_sent || p->live_next < p->clear_after)
		return true;
	while (p->clear_pending || fg_topic_next(p->clear_at)) {
		p->clear_pending = true;
		m.topic = p->clear_at->text;
		if (fg_pub_send_document(p, &m) < 0)
			return false;
		fg_pub_forget_document(p, m.topic);
		p->clear_pending = false;
		p->clears_out++;
	}
	p->clear_sent = true;
	p->cleared = p->clears_out == 0;
	return true;
}

/* A topic that the broker does not let us write to is not ours to clear either. */
void fg_pub_clear_acked(struct fg_publisher *p)
{
	if (p->clears_out)
		p->clears_out--;
	p->cleared = p->clear && p->clear_sent && p->clears_out == 0;
}
