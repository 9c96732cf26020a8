/* SPDX-License-Identifier: EUPL-1.2 */
/* Answers that wait for the disk: what was changed by hand is told done when it is durable. A call
 * to the store follows the notes of the change, and comes back after the commit they are in. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/status.h"
#include "gateway/control.h"

#define BOUND_MS    10000
#define ANSWERS_MAX 64 /* under way, also those that nobody waits for any more */

struct fg_stored_answer {
	struct fg_stored_answer *next;
	struct fg_store_call call;
	struct fg_daemon *daemon;
	struct fg_client *client; /* NULL: it was told already */
	uv_timer_t timer;
	bool in_store, timer_closed;
	size_t len;
	char bytes[];
};

static int nothing(struct fg_spool *spool, void *arg)
{
	(void)spool;
	(void)arg;
	return FG_OK;
}

static void free_if_done(struct fg_stored_answer *a)
{
	struct fg_stored_answer **at = &a->daemon->stored_answers;

	if (a->in_store || !a->timer_closed)
		return;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	free(a);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct fg_stored_answer *a = handle->data;

	a->timer_closed = true;
	free_if_done(a);
}

/* Nobody waits for it any more. */
static void let_go(struct fg_stored_answer *a)
{
	struct fg_client *c = a->client;

	a->client = NULL;
	c->user = NULL;
	uv_close((uv_handle_t *)&a->timer, on_timer_closed);
	fg_client_release(c);
}

static void not_yet(struct fg_client *c, const char *why)
{
	fg_client_error(c, EX_TEMPFAIL,
		"done, but not on the disk yet: %.100s; the gateway stores it when it can, and "
		"forgets it if it ends before", why);
}

static void on_timer(uv_timer_t *timer)
{
	struct fg_stored_answer *a = timer->data;

	not_yet(a->client, "that takes longer than 10 s");
	let_go(a);
}

static size_t count(const struct fg_daemon *d)
{
	size_t n = 0;

	for (const struct fg_stored_answer *a = d->stored_answers; a; a = a->next)
		n++;
	return n;
}

static void wait_for_store(struct fg_client *c, const char *bytes, size_t len)
{
	struct fg_daemon *d = c->daemon;
	struct fg_stored_answer *a =
		count(d) < ANSWERS_MAX ? calloc(1, sizeof(*a) + len) : NULL;

	if (!a) {
		not_yet(c, "the store is too far behind");
		return;
	}
	a->call = (struct fg_store_call){.run = nothing, .arg = a};
	if (fg_store_call(fg_store_sink(d->store), &a->call) < 0) {
		free(a);
		not_yet(c, "the store is too far behind");
		return;
	}
	a->in_store = true;
	a->daemon = d;
	a->client = c;
	memcpy(a->bytes, bytes, len);
	a->len = len;
	a->next = d->stored_answers;
	d->stored_answers = a;
	uv_timer_init(&d->loop, &a->timer);
	a->timer.data = a;
	uv_timer_start(&a->timer, on_timer, BOUND_MS, 0);
	c->user = a;
	fg_client_hold(c);
}

void fg_client_answer_stored(struct fg_client *c, const char *bytes, size_t len)
{
	const struct fg_core *core = c->daemon->core;
	const char *why;

	fg_daemon_turn(c->daemon); /* hands over what the core has noted */
	why = fg_core_store_fault(core);
	if (why)
		not_yet(c, why);
	else if (!fg_core_notes_handed(core))
		not_yet(c, "the store is too far behind");
	else
		wait_for_store(c, bytes, len);
}

bool fg_stored_called(struct fg_daemon *d, const struct fg_store_call *call)
{
	struct fg_stored_answer *a = d->stored_answers;

	while (a && &a->call != call)
		a = a->next;
	if (!a)
		return false;
	a->in_store = false;
	if (a->client) {
		fg_client_write(a->client, a->bytes, a->len);
		fg_client_end(a->client);
		let_go(a);
	} else {
		free_if_done(a);
	}
	return true;
}

void fg_stored_failed(struct fg_daemon *d, const char *why)
{
	for (struct fg_stored_answer *a = d->stored_answers; a; a = a->next)
		if (a->client) {
			not_yet(a->client, why);
			let_go(a);
		}
}

void fg_stored_refused(struct fg_daemon *d)
{
	for (struct fg_stored_answer *a = d->stored_answers; a; a = a->next)
		if (a->client) {
			fg_client_error(a->client, EX_TEMPFAIL,
				"done, but not on the disk: the store has no room for more notes; "
				"the gateway forgets it when it ends");
			let_go(a);
		}
}

void fg_stored_stop(struct fg_daemon *d)
{
	for (struct fg_stored_answer *a = d->stored_answers; a; a = a->next)
		if (a->client)
			let_go(a);
}

void fg_stored_free(struct fg_daemon *d)
{
	while (d->stored_answers) {
		struct fg_stored_answer *a = d->stored_answers;

		d->stored_answers = a->next;
		free(a);
	}
}
