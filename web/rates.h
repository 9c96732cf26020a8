/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_RATES_H
#define FG_WEB_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many requests each client may make: a token bucket for each address, in a table of fixed
 * size. Where it is full, whoever was silent for the longest gives way. */
#define FG_RATES_CLIENTS 256

struct fg_rates {
	double rate; /* a second; 0: no limit */
	struct fg_rates_client {
		unsigned char key[16];
		double tokens;
		int64_t at_us; /* 0: a free place */
	} clients[FG_RATES_CLIENTS];
};

/* Ten seconds' worth, and what a page with all its pictures takes. */
#define FG_RATES_BURST(rate) ((rate) * 10 + 60)

void fg_rates_init(struct fg_rates *r, double rate);
/* address: 4 or 16 bytes. now_us: above 0. False: too many. */
bool fg_rates_take(struct fg_rates *r, const void *address, size_t len, int64_t now_us);

#endif
