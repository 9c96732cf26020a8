/* SPDX-License-Identifier: EUPL-1.2 */
/* A device over its profile, and points that stand for several: written out as nodes, before
 * anything is read from them. */
#include <stdio.h>
#include <string.h>

#include "gateway/config/loader.h"

#define MARK "{n}"

/* `text` with every {n} replaced; without one, "_n" is put behind it where `append`. */
static const char *numbered(struct fg_loader *l, const char *text, const char *number, bool append)
{
	size_t marks = 0, len = 0;
	const char *p, *next;
	char *out;

	for (p = strstr(text, MARK); p; p = strstr(p + strlen(MARK), MARK))
		marks++;
	if (!marks)
		return append ? fg_arena_printf(l->arena, "%s_%s", text, number) : text;
	out = fg_arena_alloc(l->arena, strlen(text) + marks * strlen(number) + 1);
	for (p = text; (next = strstr(p, MARK)); p = next + strlen(MARK)) {
		memcpy(out + len, p, (size_t)(next - p));
		len += (size_t)(next - p);
		memcpy(out + len, number, strlen(number));
		len += strlen(number);
	}
	memcpy(out + len, p, strlen(p) + 1);
	return out;
}

/* What a repeated point's name is without its number: "_{n}" and "{n}" go. */
static const char *base_name(struct fg_loader *l, const char *name)
{
	const char *at = strstr(name, MARK);
	size_t len = at ? (size_t)(at - name) : 0;

	if (!at)
		return name;
	if (len > 0 && (name[len - 1] == '_' || name[len - 1] == '-'))
		len--;
	return fg_arena_printf(l->arena, "%.*s%s", (int)len, name, at + strlen(MARK));
}

/* The point without `repeat`, its texts with the number. */
static struct fg_node *write_out(
	struct fg_loader *l, const struct fg_node *point, const char *number)
{
	struct fg_node *copy = fg_arena_alloc(l->tree, sizeof(*copy));

	*copy = *point;
	copy->count = 0;
	copy->pairs = fg_arena_array(l->tree, point->count, sizeof(*copy->pairs));
	for (size_t i = 0; i < point->count; i++) {
		const struct fg_node *value = point->pairs[i].value;
		struct fg_pair *pair = &copy->pairs[copy->count];

		if (strcmp(point->pairs[i].key, "repeat") == 0)
			continue;
		*pair = point->pairs[i];
		copy->count++;
		if (value->kind != FG_NODE_SCALAR || !strstr(value->text, MARK))
			continue;
		pair->value = fg_arena_alloc(l->tree, sizeof(*pair->value));
		*pair->value = *value;
		pair->value->text = numbered(l, value->text, number, false);
	}
	return copy;
}

static void remember(
	struct fg_loader *l, const char *name, const char *base, uint32_t index, int64_t stride)
{
	struct fg_repeated *r = fg_arena_alloc(l->arena, sizeof(*r));

	*r = (struct fg_repeated){name, base, index, stride, l->repeated};
	l->repeated = r;
}

static const struct fg_node *repeat_of(const struct fg_pair *pair)
{
	const struct fg_node *repeat = fg_node_get(pair->value, "repeat");

	return repeat && !fg_node_is_null(repeat) ? repeat : NULL;
}

static bool read_repeat(struct fg_loader *l, const struct fg_pair *pair, struct fg_raw_repeat *ret)
{
	const struct fg_node *repeat = repeat_of(pair);
	size_t points = fg_bind_enter(&l->bind, "points"), faults;

	fg_bind_enter(&l->bind, pair->key);
	faults = fg_bind_struct(&l->bind, repeat, fg_keys_repeat, NULL, ret, "repeat", repeat->at);
	fg_bind_leave(&l->bind, points);
	return faults == 0;
}

/* Appends what a pair stands for; `into` has room. */
static void expand(struct fg_loader *l, const struct fg_pair *pair, struct fg_node *into)
{
	struct fg_raw_repeat repeat = {.from = 1};
	char number[24];

	if (!repeat_of(pair)) {
		into->pairs[into->count++] = *pair;
		return;
	}
	if (!read_repeat(l, pair, &repeat))
		return;
	for (int64_t i = 0; i < repeat.count; i++) {
		struct fg_pair *out = &into->pairs[into->count++];

		snprintf(number, sizeof(number), "%lld", (long long)(repeat.from + i));
		*out = *pair;
		out->key = numbered(l, pair->key, number, true);
		out->value = write_out(l, pair->value, number);
		remember(l, out->key, base_name(l, pair->key), (uint32_t)i, repeat.stride);
	}
}

/* An upper bound of the points that a mapping stands for. */
static size_t room(const struct fg_node *points)
{
	size_t n = 0;

	for (size_t i = 0; i < points->count; i++)
		n += repeat_of(&points->pairs[i]) ? 1000 : 1;
	return n;
}

static bool has_repeat(const struct fg_node *points)
{
	return points && points->kind == FG_NODE_MAPPING && room(points) > points->count;
}

/* Of the device's own points: those that are meant for the points as the profile writes them
 * (`part` false), or for what they are written out to. */
static struct fg_node *own_part(
	struct fg_loader *l, const struct fg_node *own, const struct fg_node *groups, bool part)
{
	struct fg_node *out = fg_arena_alloc(l->tree, sizeof(*out));

	*out = *own;
	out->count = 0;
	out->pairs = fg_arena_array(l->tree, own->count, sizeof(*out->pairs));
	for (size_t i = 0; i < own->count; i++) {
		const struct fg_pair *pair = &own->pairs[i];
		bool group = repeat_of(pair) || (groups && fg_node_get(groups, pair->key));

		if (group != part)
			out->pairs[out->count++] = *pair;
	}
	return out;
}

static struct fg_node *expanded(
	struct fg_loader *l, const struct fg_node *groups, const struct fg_node *own)
{
	static const struct fg_node nothing = {.kind = FG_NODE_MAPPING};
	struct fg_node *all = fg_arena_alloc(l->tree, sizeof(*all));
	const struct fg_node *merged = groups;

	if (!groups)
		groups = &nothing;
	merged = own ? fg_node_merge(l->tree, groups, own_part(l, own, groups, false)) : groups;
	*all = *merged;
	all->count = 0;
	all->pairs = fg_arena_array(l->tree, room(merged), sizeof(*all->pairs));
	for (size_t i = 0; i < merged->count; i++)
		expand(l, &merged->pairs[i], all);
	return own ? fg_node_merge(l->tree, all, own_part(l, own, groups, true)) : all;
}

static void set_points(struct fg_loader *l, struct fg_node *device, struct fg_node *points)
{
	struct fg_pair *pairs = fg_arena_array(l->tree, device->count, sizeof(*pairs));

	memcpy(pairs, device->pairs, device->count * sizeof(*pairs));
	for (size_t i = 0; i < device->count; i++)
		if (strcmp(pairs[i].key, "points") == 0)
			pairs[i].value = points;
	device->pairs = pairs;
}

const struct fg_node *fg_lay_device(
	struct fg_loader *l, const struct fg_node *profile, const struct fg_node *own)
{
	const struct fg_node *groups = fg_node_get(profile, "points");
	const struct fg_node *points = fg_node_get(own, "points");
	struct fg_node *merged = NULL;

	l->repeated = NULL;
	if (points && points->kind != FG_NODE_MAPPING)
		points = NULL;
	if (profile) {
		merged = fg_node_merge(l->tree, profile, own);
		merged->at = own->at; /* a key that both lack is for the device to give */
	}
	if (!has_repeat(groups) && !has_repeat(points))
		return merged ? merged : own;
	if (!merged) {
		merged = fg_arena_alloc(l->tree, sizeof(*merged));
		*merged = *own;
	}
	set_points(l, merged, expanded(l, groups, points));
	return merged;
}
