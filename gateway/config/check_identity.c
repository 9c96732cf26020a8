/* SPDX-License-Identifier: EUPL-1.2 */
/* Payloads that know points by names of their own: no two points of a destination share one, for
 * consumers would take two sensors for one. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "gateway/config/loader.h"
#include "protocol/encoder.h"

#define NAME_MAX_LEN 256

static bool among(const struct fg_texts *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], name) == 0)
			return true;
	return list->count == 0;
}

static bool selects(const struct fg_destination *d, const struct fg_point *p)
{
	return d->domains >> p->device->domain & 1 &&
	       among(&d->stations, p->device->station->name) && among(&d->properties, p->property);
}

struct named {
	const char *name;
	const struct fg_point *point;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->point->index > y->point->index) - (x->point->index < y->point->index);
}

static void same(struct fg_loader *l, const struct fg_destination *d, size_t payload,
	const struct named *a, const struct named *b)
{
	(fg_encoders[payload]->identity_in_topic ? fg_report_warning : fg_report_error)(l->rep,
		fg_place_of(d->node, "payload"),
		"mqtt.%s.payload: '%s' would tell points '%s' of '%s' and '%s' of '%s' as one, "
		"'%s'; %s",
		d->name, fg_encoder_names[payload], a->point->name, a->point->device->name,
		b->point->name, b->point->device->name, a->name,
		fg_encoders[payload]->identity_hint);
}

static void check_payload(struct fg_loader *l, const struct fg_destination *d, size_t payload)
{
	const struct fg_config *c = l->config;
	struct named *all = fg_arena_array(l->tree, c->point_count + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < c->point_count; i++) {
		char mem[NAME_MAX_LEN];
		struct fg_buf name;

		if (!selects(d, c->points[i]))
			continue;
		fg_buf_wrap(&name, mem, sizeof(mem));
		fg_encoders[payload]->identity(&name, c->points[i]);
		all[n++] = (struct named){fg_arena_strdup(l->tree, mem), c->points[i]};
	}
	qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 1; i < n; i++)
		if (strcmp(all[i - 1].name, all[i].name) == 0)
			same(l, d, payload, &all[i - 1], &all[i]);
}

void fg_check_identities(struct fg_loader *l)
{
	for (size_t i = 0; i < l->config->destination_count; i++) {
		const struct fg_destination *d = &l->config->destinations[i];

		for (size_t k = 0; k < fg_encoder_count; k++)
			if (d->payload >> k & 1 && fg_encoders[k]->identity)
				check_payload(l, d, k);
	}
}
