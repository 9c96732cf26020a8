/* SPDX-License-Identifier: EUPL-1.2 */
/* How much one address may send: a bucket for each of the last addresses. */
#include "base/cleanup.h"
#include "drivers/coap_server.h"

#define BURST 10

uint64_t fg_push_hash(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h ? h : 1;
}

static double filled(const struct fg_push_bucket *b, double rate, int64_t now_us)
{
	return FG_MIN(b->tokens + rate * (double)(now_us - b->at_us) / 1e6, rate * BURST);
}

/* Its own, or the one that was quiet for the longest time. */
static struct fg_push_bucket *find(struct fg_push_limit *l, uint64_t address)
{
	struct fg_push_bucket *oldest = &l->peers[0];

	for (size_t i = 0; i < FG_PUSH_PEERS; i++) {
		if (l->peers[i].address == address)
			return &l->peers[i];
		if (!l->peers[i].address || l->peers[i].at_us < oldest->at_us)
			oldest = &l->peers[i];
		if (!oldest->address)
			break;
	}
	return oldest;
}

bool fg_push_allow(struct fg_push_limit *l, uint64_t address, double rate, int64_t now_us)
{
	struct fg_push_bucket *b = find(l, address);

	if (b->address != address)
		*b = (struct fg_push_bucket){.address = address, .at_us = now_us,
			.tokens = rate * BURST};
	b->tokens = filled(b, rate, now_us);
	b->at_us = now_us;
	if (b->tokens < 1)
		return false;
	b->tokens -= 1;
	return true;
}
