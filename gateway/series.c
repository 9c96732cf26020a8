/* SPDX-License-Identifier: EUPL-1.2 */
/* The stored series of each point. */
#include "gateway/series.h"

#include <stdlib.h>
#include <string.h>

#include "quality/rules.h"

static void free_newest(struct fg_series *s)
{
	if (s->has_newest && s->newest.value.kind == FG_KIND_TEXT)
		free((char *)s->newest.value.text);
	free(s->has_newest ? (void *)s->newest.aggregate : NULL);
}

static void series_free(struct fg_series *s)
{
	if (!s)
		return;
	free_newest(s);
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

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool rules_equal(const struct fg_point_desc *a, const struct fg_point_desc *b)
{
	for (size_t i = 0; i < FG_RULES; i++)
		if (!same_text(a->rules[i], b->rules[i]))
			return false;
	return true;
}

static bool desc_equal(const struct fg_point_desc *a, const struct fg_point_desc *b)
{
	return a->decimals == b->decimals && strcmp(a->point, b->point) == 0 &&
	       strcmp(a->station, b->station) == 0 && strcmp(a->device, b->device) == 0 &&
	       strcmp(a->property, b->property) == 0 && strcmp(a->unit, b->unit) == 0 &&
	       strcmp(a->domain, b->domain) == 0 && a->period == b->period &&
	       a->stat == b->stat && rules_equal(a, b);
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

#define TEXTS (6 + FG_RULES)

/* The places of a descriptor's texts; the first six are always there. */
static void fields_of(struct fg_point_desc *desc, const char **fields[TEXTS])
{
	const char **const six[] = {&desc->station, &desc->device, &desc->point, &desc->property,
		&desc->unit, &desc->domain};

	memcpy(fields, six, sizeof(six));
	for (size_t i = 0; i < FG_RULES; i++)
		fields[6 + i] = &desc->rules[i];
}

/* Copies the texts into one block; desc->station is its beginning. */
static bool copy_desc(struct fg_point_desc *to, const struct fg_point_desc *from)
{
	const char **fields[TEXTS];
	size_t size = 0;
	char *block;

	*to = *from;
	fields_of(to, fields);
	for (size_t i = 0; i < TEXTS; i++)
		size += *fields[i] ? strlen(*fields[i]) + 1 : 0;
	block = malloc(size);
	if (!block) {
		*to = (struct fg_point_desc){0};
		return false;
	}
	for (size_t i = 0; i < TEXTS; i++) {
		size_t len = *fields[i] ? strlen(*fields[i]) + 1 : 0;

		if (!len)
			continue;
		memcpy(block, *fields[i], len);
		*fields[i] = block;
		block += len;
	}
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

bool fg_series_is_older(const struct fg_series *s, const struct fg_item *item)
{
	return s->has_newest && s->newest_timed && (item->own_time || s->newest.own_time) &&
	       place(item) != place(&s->newest) && item->wall_ms < s->newest.wall_ms;
}

bool fg_series_is_newer(const struct fg_series *s, const struct fg_item *item)
{
	if (!fg_item_is_state(item) || fg_series_is_older(s, item))
		return false;
	if (item->kind == FG_ITEM_AGGREGATE && s->has_newest) /* late ones are of older periods */
		return item->wall_ms > s->newest.wall_ms ||
		       (item->wall_ms == s->newest.wall_ms && item->seq > s->newest.seq);
	if (!s->has_newest || place(item) != place(&s->newest))
		return !s->has_newest || place(item) > place(&s->newest);
	return item->seq > s->newest.seq;
}

void fg_series_update(struct fg_series *s, const struct fg_item *item, int64_t mono_us, bool timed)
{
	struct fg_aggregate *aggregate = NULL;
	char *text = NULL;

	if (!fg_series_is_newer(s, item))
		return;
	if (item->aggregate) {
		aggregate = malloc(sizeof(*aggregate));
		if (!aggregate)
			return; /* the older one stays the newest known */
		*aggregate = *item->aggregate;
	}
	if (item->value.kind == FG_KIND_TEXT) {
		text = malloc(item->value.len + 1);
		if (!text) {
			free(aggregate);
			return;
		}
		memcpy(text, item->value.text, item->value.len);
	}
	free_newest(s);
	s->newest = *item;
	s->newest.aggregate = aggregate;
	s->newest.point = s->id;
	if (text)
		s->newest.value.text = text;
	s->newest_mono_us = mono_us;
	s->newest_timed = timed;
	s->has_newest = true;
}

void fg_series_forget(struct fg_series *s)
{
	free_newest(s);
	s->newest = (struct fg_item){0};
	s->has_newest = false;
	s->forgotten = true;
}

struct fg_point_desc fg_series_desc(const struct fg_point *point)
{
	struct fg_point_desc desc = {
		.station = point->device->station->name,
		.device = point->device->name,
		.point = point->name,
		.property = point->property,
		.unit = point->unit,
		.domain = fg_domain_name(point->device->domain),
		.decimals = point->decimals,
	};

	for (size_t i = 0; i < point->rule_count; i++)
		desc.rules[i] = point->rules[i]->name;
	if (point->derived)
		desc.rules[point->rule_count] = FG_INPUTS_RULE;
	return desc;
}
