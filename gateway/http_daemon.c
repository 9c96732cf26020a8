/* SPDX-License-Identifier: EUPL-1.2 */
/* The daemon's side of the web server: starts it where the configuration asks for one, and posts
 * views of the core. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/core_view.h"
#include "gateway/daemon.h"
#include "gateway/http.h"

/* While somebody looks, and while nobody does: /healthz needs to know of a core that stands still,
 * and whoever comes is shown nothing older. */
#define WATCHED_US   2000000
#define UNWATCHED_US 10000000
#define RETRY_US     10000000 /* an interface may come later than we do */

#define STOP_US	     500000
#define END_US	     100000 /* what the loop waits for a server to end; later it is looked after */

/* A disk that hangs may keep the server's thread in a read: the loop goes on meanwhile. */
static bool end_old(struct fg_daemon *d, int64_t wait_us)
{
	if (!fg_http_end(d->http_ending, wait_us))
		return false;
	d->http_ending = NULL;
	return true;
}

static void stop(struct fg_daemon *d)
{
	d->http_ending = d->http;
	free(d->http_listen);
	d->http = NULL;
	d->http_listen = NULL;
	if (!end_old(d, END_US))
		fg_notice("http: a read of the store is still under way; it ends when that does");
}

static void start(struct fg_daemon *d, const struct fg_http_conf *conf, int64_t now_us)
{
	char mem[128];
	struct fg_buf why;
	int r;

	if (now_us < d->http_retry_us)
		return;
	d->http_retry_us = now_us + RETRY_US;
	fg_buf_wrap(&why, mem, sizeof(mem));
	r = fg_http_open(conf, d->config->storage.file, &why, &d->http);
	if (r < 0) {
		if (!d->http_told)
			fg_warning("http: cannot listen on %s: %s; measuring goes on, and it is "
				   "tried again",
				conf->listen, why.data);
		d->http_told = true;
		fg_core_http(d->core, conf->listen, why.data);
		return;
	}
	d->http_told = false;
	d->http_listen = strdup(conf->listen);
	d->http_rate = conf->rate_limit;
	d->http_view_us = 0;
	fg_notice("http: listening on %s", conf->listen);
	fg_core_http(d->core, conf->listen, NULL);
}

static bool same(const struct fg_daemon *d, const struct fg_http_conf *conf)
{
	return d->http_listen && strcmp(d->http_listen, conf->listen) == 0 &&
	       !(d->http_rate < conf->rate_limit) && !(d->http_rate > conf->rate_limit);
}

static void post_view(struct fg_daemon *d)
{
	struct fg_view *v;
	int r = fg_core_view(d->core, fg_clock_now(), &v);

	if (r < 0) { /* told by /healthz as a core that stands still */
		fg_debug(FG_DEBUG_core, "http: no view of the core: %s", fg_strerror(r));
		return;
	}
	memcpy(v->told, d->told, sizeof(v->told));
	fg_http_post(d->http, v);
}

void fg_http_turn(struct fg_daemon *d)
{
	const struct fg_http_conf *conf = &d->config->http;
	int64_t now_us = fg_clock_mono_us(), pause_us;

	if (d->http && (!conf->listen || !same(d, conf))) {
		stop(d);
		d->http_retry_us = 0;
		fg_core_http(d->core, NULL, NULL);
		fg_notice("http: no longer listening there");
	}
	if (!conf->listen) {
		end_old(d, 0);
		d->http_told = false;
		fg_core_http(d->core, NULL, NULL);
		return;
	}
	if (!d->http && end_old(d, 0))
		start(d, conf, now_us);
	if (!d->http)
		return;
	if (fg_http_found_damage(d->http))
		fg_daemon_read_damage(d, FG_ECORRUPT);
	pause_us = fg_http_asked_since(d->http, now_us - UNWATCHED_US) ? WATCHED_US : UNWATCHED_US;
	if (d->http_view_us && now_us - d->http_view_us < pause_us)
		return;
	d->http_view_us = now_us;
	post_view(d);
}

bool fg_http_stop(struct fg_daemon *d)
{
	if (d->http)
		stop(d);
	return end_old(d, STOP_US);
}

void fg_http_store_changed(struct fg_daemon *d)
{
	if (d->http)
		fg_http_reopen_store(d->http);
}
