/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/health.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

#define SECOND_US INT64_C(1000000)

static const struct fg_health_destination *find(const struct fg_health *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (strcmp(h->destinations[i].name, name) == 0)
			return &h->destinations[i];
	return NULL;
}

/* A backlog that falls is progress too: what was dropped or acknowledged is no more. */
static struct fg_health_destination look(const struct fg_health *h, const struct fg_view *v,
	const struct fg_view_destination *d)
{
	const struct fg_health_destination *was = find(h, d->name);

	if (was && was->acknowledged == d->acknowledged && d->backlog >= was->backlog)
		return (struct fg_health_destination){d->name, was->acknowledged, was->backlog,
			was->since_mono_us};
	return (struct fg_health_destination){d->name, d->acknowledged, d->backlog, v->mono_us};
}

void fg_health_see(struct fg_health *h, struct fg_view *v)
{
	struct fg_health_destination next[FG_HEALTH_DESTINATIONS];
	size_t n = FG_MIN(v->destination_count, (size_t)FG_HEALTH_DESTINATIONS);

	for (size_t i = 0; i < n; i++)
		next[i] = look(h, v, &v->destinations[i]);
	if (n)
		memcpy(h->destinations, next, n * sizeof(*next));
	h->count = n;
	if (v->store_writable)
		h->unwritable_mono_us = 0;
	else if (!h->unwritable_mono_us)
		h->unwritable_mono_us = v->mono_us;
	fg_view_ref(v);
	fg_view_unref(h->seen);
	h->seen = v;
}

void fg_health_fini(struct fg_health *h)
{
	fg_view_unref(h->seen);
	h->seen = NULL;
}

static bool all_links_down(const struct fg_view *v)
{
	for (size_t i = 0; i < v->link_count; i++)
		if (strcmp(v->links[i].state, "down") != 0)
			return false;
	return v->link_count > 0;
}

/* The list, opened by the first reason. */
static void reason(struct fg_json *j, bool *any, const char *text)
{
	if (!*any) {
		fg_json_text(j, "status", "failing");
		fg_json_array(j, "reasons");
	}
	*any = true;
	fg_json_text(j, NULL, text);
}

static void put_store(
	const struct fg_health *h, int64_t now_us, struct fg_json *j, bool *any)
{
	const char *why = h->seen->store_error ? h->seen->store_error : "not known";
	char text[240];

	if (!h->unwritable_mono_us || now_us - h->unwritable_mono_us < FG_HEALTH_STORE_US)
		return;
	snprintf(text, sizeof(text), "the store cannot be written for %lld s: %.150s",
		(long long)((now_us - h->unwritable_mono_us) / SECOND_US), why);
	reason(j, any, text);
}

static void put_deliveries(
	const struct fg_health *h, int64_t now_us, struct fg_json *j, bool *any)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct fg_health_destination *d = &h->destinations[i];
		const uint64_t backlog = h->seen->destinations[i].backlog;
		char text[240];

		if (now_us - d->since_mono_us < FG_HEALTH_DELIVERY_US || backlog <= d->backlog)
			continue;
		snprintf(text, sizeof(text),
			"destination '%.63s' has acknowledged nothing for %lld s while %llu "
			"readings wait",
			d->name, (long long)((now_us - d->since_mono_us) / SECOND_US),
			(unsigned long long)backlog);
		reason(j, any, text);
	}
}

bool fg_health_put(const struct fg_health *h, int64_t now_mono_us, struct fg_buf *out)
{
	struct fg_json j;
	bool any = false;
	char text[80];

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	if (!h->seen) {
		reason(&j, &any, "the core has not begun yet");
	} else {
		if (now_mono_us - h->seen->mono_us >= FG_HEALTH_STALLED_US) {
			snprintf(text, sizeof(text), "the core has stood still for %lld s",
				(long long)((now_mono_us - h->seen->mono_us) / SECOND_US));
			reason(&j, &any, text);
		}
		put_store(h, now_mono_us, &j, &any);
		if (all_links_down(h->seen))
			reason(&j, &any, "all links are down");
		put_deliveries(h, now_mono_us, &j, &any);
	}
	if (any)
		fg_json_end_array(&j);
	else
		fg_json_text(&j, "status", "ok");
	fg_json_end_object(&j);
	fg_buf_putc(out, '\n');
	return !any;
}
