/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/rates.h"

#include <string.h>

#include "base/cleanup.h"

void fg_rates_init(struct fg_rates *r, double rate)
{
	memset(r, 0, sizeof(*r));
	r->rate = rate;
}

static bool is_mapped(const unsigned char *a)
{
	static const unsigned char head[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a, head, sizeof(head)) == 0;
}

/* An IPv4 address however it came; of IPv6 the network, since a host has 2^64 of the rest. */
static void make_key(unsigned char key[16], const unsigned char *address, size_t len)
{
	memset(key, 0, 16);
	if (len == 4) {
		key[10] = key[11] = 0xff;
		memcpy(key + 12, address, 4);
	} else if (is_mapped(address)) {
		memcpy(key, address, 16);
	} else {
		memcpy(key, address, 8);
	}
}

static struct fg_rates_client *find(
	struct fg_rates *r, const unsigned char key[16], int64_t now_us)
{
	struct fg_rates_client *oldest = &r->clients[0];

	for (size_t i = 0; i < FG_RATES_CLIENTS; i++) {
		struct fg_rates_client *c = &r->clients[i];

		if (c->at_us && memcmp(c->key, key, 16) == 0)
			return c;
		if (c->at_us < oldest->at_us)
			oldest = c;
	}
	memcpy(oldest->key, key, 16);
	oldest->tokens = FG_RATES_BURST(r->rate);
	oldest->at_us = now_us;
	return oldest;
}

bool fg_rates_take(struct fg_rates *r, const void *address, size_t len, int64_t now_us)
{
	unsigned char key[16];
	struct fg_rates_client *c;

	if (r->rate <= 0)
		return true;
	make_key(key, address, len);
	c = find(r, key, now_us);
	c->tokens += r->rate * (double)FG_MAX(now_us - c->at_us, 0) / 1e6;
	c->tokens = FG_MIN(c->tokens, FG_RATES_BURST(r->rate));
	c->at_us = now_us;
	if (c->tokens < 1)
		return false;
	c->tokens -= 1;
	return true;
}
