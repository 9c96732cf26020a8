/* SPDX-License-Identifier: EUPL-1.2 */
/* The stored series of each point. */
#include "gateway/series.h"

#include <stdlib.h>
#include <string.h>

static void series_free(struct fg_series *s)
{
	if (!s)
		return;
	if (s->has_newest && s->newest.value.kind == FG_KIND_TEXT)
		free((char *)s->newest.value.text);
	free((char *)s->desc.station); /* one block holds all texts */
	free(s);
}

void fg_series_set_fini(struct fg_series_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		series_free(set->items[i]);
	free(set->items);
	*set = (struct fg_series_set){0};
}

static bool desc_equal(const struct fg_point_desc *a, const struct fg_point_desc *b)
{
	return a->decimals == b->decimals && strcmp(a->point, b->point) == 0 &&
	       strcmp(a->station, b->station) == 0 && strcmp(a->device, b->device) == 0 &&
	       strcmp(a->property, b->property) == 0 && strcmp(a->unit, b->unit) == 0 &&
	       strcmp(a->domain, b->domain) == 0;
}

struct fg_series *fg_series_find(const struct fg_series_set *set, const struct fg_point_desc *desc)
{
	for (size_t i = 0; i < set->count; i++)
		if (desc_equal(&set->items[i]->desc, desc))
			return set->items[i];
	return NULL;
}

struct fg_series *fg_series_by_id(const struct fg_series_set *set, uint32_t id)
{
	/* The store counts ids up from 1, so the place is nearly always known. */
	if (id >= 1 && id <= set->count && set->items[id - 1]->id == id)
		return set->items[id - 1];
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i]->id == id)
			return set->items[i];
	return NULL;
}

/* Copies the six texts into one block; desc->station is its beginning. */
static bool copy_desc(struct fg_point_desc *to, const struct fg_point_desc *from)
{
	const char *const texts[] = {
		from->station, from->device, from->point, from->property, from->unit, from->domain};
	const char **const fields[] = {
		&to->station, &to->device, &to->point, &to->property, &to->unit, &to->domain};
	size_t size = 0;
	char *block;

	for (size_t i = 0; i < 6; i++)
		size += strlen(texts[i]) + 1;
	block = malloc(size);
	if (!block)
		return false;
	for (size_t i = 0; i < 6; i++) {
		size_t len = strlen(texts[i]) + 1;

		memcpy(block, texts[i], len);
		*fields[i] = block;
		block += len;
	}
	to->decimals = from->decimals;
	return true;
}

static enum fg_domain domain_of(const char *name)
{
	for (int d = 0; d < FG_DOMAIN_COUNT; d++)
		if (strcmp(fg_domain_name((enum fg_domain)d), name) == 0)
			return (enum fg_domain)d;
	return FG_DOMAIN_WATER;
}

struct fg_series *fg_series_add(
	struct fg_series_set *set, uint32_t id, const struct fg_point_desc *desc)
{
	struct fg_series *s = calloc(1, sizeof(*s));

	if (set->count == set->cap) {
		size_t cap = set->cap ? set->cap * 2 : 32;
		void *items = realloc(set->items, cap * sizeof(*set->items));

		if (!items) {
			free(s);
			return NULL;
		}
		set->items = items;
		set->cap = cap;
	}
	if (!s || !copy_desc(&s->desc, desc)) {
		free(s);
		return NULL;
	}
	s->id = id;
	s->domain = domain_of(desc->domain);
	set->items[set->count++] = s;
	return s;
}

/* The number under which it was first told: a correction stands in the place of what it corrects.
 */
static uint64_t place(const struct fg_item *item)
{
	return item->replaces ? item->replaces : item->seq;
}

bool fg_series_is_newer(const struct fg_series *s, const struct fg_item *item)
{
	if (item->kind != FG_ITEM_READING)
		return false;
	if (!s->has_newest || place(item) != place(&s->newest))
		return !s->has_newest || place(item) > place(&s->newest);
	return item->seq > s->newest.seq;
}

void fg_series_update(struct fg_series *s, const struct fg_item *item, int64_t mono_us, bool timed)
{
	char *text = NULL;

	if (!fg_series_is_newer(s, item))
		return;
	if (item->value.kind == FG_KIND_TEXT) {
		text = malloc(item->value.len + 1);
		if (!text)
			return; /* the older one stays the newest known */
		memcpy(text, item->value.text, item->value.len);
	}
	if (s->has_newest && s->newest.value.kind == FG_KIND_TEXT)
		free((char *)s->newest.value.text);
	s->newest = *item;
	s->newest.point = s->id;
	if (text)
		s->newest.value.text = text;
	s->newest_mono_us = mono_us;
	s->newest_timed = timed;
	s->has_newest = true;
}

void fg_series_forget(struct fg_series *s)
{
	if (s->has_newest && s->newest.value.kind == FG_KIND_TEXT)
		free((char *)s->newest.value.text);
	s->newest = (struct fg_item){0};
	s->has_newest = false;
	s->forgotten = true;
}

struct fg_point_desc fg_series_desc(const struct fg_point *point)
{
	return (struct fg_point_desc){
		.station = point->device->station->name,
		.device = point->device->name,
		.point = point->name,
		.property = point->property,
		.unit = point->unit,
		.domain = fg_domain_name(point->device->domain),
		.decimals = point->decimals,
	};
}
