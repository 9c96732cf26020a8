/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_HEALTH_H
#define FG_WEB_HEALTH_H

#include "base/buf.h"
#include "web/view.h"

/* What /healthz says: whether somebody has to look after the gateway, and why. It sees nothing but
 * views, one after the other, and time as an argument. */

/* A core that has not said anything for so long stands still. */
#define FG_HEALTH_STALLED_US   INT64_C(30000000)
#define FG_HEALTH_STORE_US     INT64_C(60000000)
#define FG_HEALTH_DELIVERY_US  INT64_C(600000000)
#define FG_HEALTH_DESTINATIONS 64

struct fg_health {
	int64_t unwritable_mono_us; /* since when; 0: it can be written */
	/* by the index of the view: since when nothing was acknowledged, and what waited then */
	struct fg_health_destination {
		const char *name; /* of the configuration that `seen` holds */
		uint64_t acknowledged, backlog;
		int64_t since_mono_us;
	} destinations[FG_HEALTH_DESTINATIONS];
	size_t count;
	struct fg_view *seen; /* the last one; held */
};

/* Takes a reference to the view. */
void fg_health_see(struct fg_health *h, struct fg_view *v);
void fg_health_fini(struct fg_health *h);

/* Writes {"status":"ok"} or {"status":"failing","reasons":["…",…]}; true: it is well. */
bool fg_health_put(const struct fg_health *h, int64_t now_mono_us, struct fg_buf *out);

#endif
