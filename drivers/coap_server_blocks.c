/* SPDX-License-Identifier: EUPL-1.2 */
/* Payloads that come in several blocks (RFC 7959, Block1): put together in order, bounded in size,
 * number and time. libcoap would take whatever a peer sends. */
#include <string.h>

#include "drivers/coap_server.h"

void fg_push_body_end(struct fg_push_body *body)
{
	fg_buf_fini(&body->bytes);
	*body = (struct fg_push_body){0};
}

void fg_push_bodies_forget(struct fg_push_bodies *b, const void *session)
{
	for (size_t i = 0; i < FG_PUSH_BODIES; i++)
		if (b->items[i].session && (!session || b->items[i].session == session))
			fg_push_body_end(&b->items[i]);
}

static struct fg_push_body *find(
	struct fg_push_bodies *b, const void *session, uint64_t key, int64_t now_us)
{
	for (size_t i = 0; i < FG_PUSH_BODIES; i++) {
		struct fg_push_body *body = &b->items[i];

		if (body->session && now_us - body->at_us > FG_PUSH_BODY_US)
			fg_push_body_end(body);
		if (body->session == session && body->key == key)
			return body;
	}
	return NULL;
}

static struct fg_push_body *begin(
	struct fg_push_bodies *b, const void *session, uint64_t key, size_t max)
{
	struct fg_push_body *body = &b->items[0];

	for (size_t i = 1; i < FG_PUSH_BODIES && body->session; i++)
		if (!b->items[i].session || b->items[i].at_us < body->at_us)
			body = &b->items[i];
	if (body->session)
		fg_push_body_end(body);
	body->session = session;
	body->key = key;
	fg_buf_init(&body->bytes, max + 1);
	return body;
}

unsigned fg_push_block(struct fg_push_bodies *b, const void *session, uint64_t key, unsigned num,
	unsigned szx, bool more, const void *data, size_t len, size_t max, int64_t now_us,
	struct fg_push_body **ret)
{
	const size_t size = (size_t)16 << szx, at = (size_t)num << (szx + 4);
	struct fg_push_body *body = find(b, session, key, now_us);

	if (szx > 6 || (more && len != size) || len > size)
		return FG_COAP_CODE(4, 0);
	if (at + len > max) {
		if (body)
			fg_push_body_end(body);
		return FG_COAP_CODE(4, 13);
	}
	if (num == 0) {
		if (body)
			fg_push_body_end(body);
		body = begin(b, session, key, max);
	}
	if (!body || at > body->bytes.len)
		return FG_COAP_CODE(4, 8);
	body->at_us = now_us;
	if (at + len <= body->bytes.len && more)
		return FG_COAP_CODE(2, 31); /* once more: its answer was lost */
	body->bytes.len = at;
	fg_buf_put(&body->bytes, data, len);
	if (body->bytes.overflow) {
		fg_push_body_end(body);
		return FG_COAP_CODE(4, 13);
	}
	if (more)
		return FG_COAP_CODE(2, 31);
	*ret = body;
	return 0;
}

void fg_push_note_ended(struct fg_push_ended *e, uint64_t message, int64_t now_us)
{
	e->items[e->next].message = message;
	e->items[e->next].at_us = now_us;
	e->next = (e->next + 1) % FG_PUSH_ENDED;
}

bool fg_push_has_ended(const struct fg_push_ended *e, uint64_t message, int64_t now_us)
{
	for (size_t i = 0; message && i < FG_PUSH_ENDED; i++)
		if (e->items[i].message == message && now_us - e->items[i].at_us < FG_PUSH_BODY_US)
			return true;
	return false;
}
