/* SPDX-License-Identifier: EUPL-1.2 */
/* Looking into, merging and comparing trees of configuration. */
#include "base/node.h"

#include <stdint.h>
#include <string.h>

struct fg_node *fg_node_get(const struct fg_node *mapping, const char *key)
{
	if (!mapping || mapping->kind != FG_NODE_MAPPING)
		return NULL;
	for (size_t i = 0; i < mapping->count; i++)
		if (strcmp(mapping->pairs[i].key, key) == 0)
			return mapping->pairs[i].value;
	return NULL;
}

bool fg_node_is_null(const struct fg_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	if (node->kind != FG_NODE_SCALAR || !node->plain)
		return false;
	for (size_t i = 0; i < FG_COUNT(nulls); i++)
		if (strcmp(node->text, nulls[i]) == 0)
			return true;
	return false;
}

bool fg_node_is_empty(const struct fg_node *node)
{
	return node->kind == FG_NODE_SCALAR && node->plain && !node->text[0];
}

static struct fg_pair *find_pair(struct fg_node *mapping, const char *key)
{
	for (size_t i = 0; i < mapping->count; i++)
		if (strcmp(mapping->pairs[i].key, key) == 0)
			return &mapping->pairs[i];
	return NULL;
}

static void remove_pair(struct fg_node *mapping, struct fg_pair *pair)
{
	size_t at = (size_t)(pair - mapping->pairs);

	memmove(pair, pair + 1, (mapping->count - at - 1) * sizeof(*pair));
	mapping->count--;
}

static void lay(struct fg_arena *arena, struct fg_node *into, const struct fg_pair *over)
{
	struct fg_pair *here = find_pair(into, over->key);

	if (fg_node_is_empty(over->value) && here)
		return;
	if (fg_node_is_null(over->value) && !fg_node_is_empty(over->value)) {
		if (here)
			remove_pair(into, here);
	} else if (!here) {
		into->pairs[into->count++] = *over;
	} else if (here->value->kind == FG_NODE_MAPPING && over->value->kind == FG_NODE_MAPPING) {
		here->value = fg_node_merge(arena, here->value, over->value);
	} else {
		*here = *over;
	}
}

struct fg_node *fg_node_merge(
	struct fg_arena *arena, const struct fg_node *under, const struct fg_node *over)
{
	const struct fg_node *base =
		over->kind == FG_NODE_MAPPING && under->kind != FG_NODE_MAPPING ? over : under;
	struct fg_node *merged = fg_arena_alloc(arena, sizeof(*merged));

	if (over->kind != FG_NODE_MAPPING || base == over) {
		*merged = fg_node_is_empty(over) ? *under : *over;
		return merged;
	}
	*merged = *under;
	merged->pairs = fg_arena_array(arena, under->count + over->count, sizeof(merged->pairs[0]));
	if (under->count)
		memcpy(merged->pairs, under->pairs, under->count * sizeof(merged->pairs[0]));
	for (size_t i = 0; i < over->count; i++)
		lay(arena, merged, &over->pairs[i]);
	return merged;
}

const struct fg_node *fg_node_without(
	struct fg_arena *arena, const struct fg_node *mapping, const char *key)
{
	struct fg_node *rest;

	if (!fg_node_get(mapping, key))
		return mapping;
	rest = fg_arena_alloc(arena, sizeof(*rest));
	*rest = *mapping;
	rest->count = 0;
	rest->pairs = fg_arena_array(arena, mapping->count, sizeof(rest->pairs[0]));
	for (size_t i = 0; i < mapping->count; i++)
		if (strcmp(mapping->pairs[i].key, key) != 0)
			rest->pairs[rest->count++] = mapping->pairs[i];
	return rest;
}

/* FNV-1a, the length first so that neighbours cannot run into each other. */
static uint64_t hash_text(uint64_t h, const char *text)
{
	size_t len = strlen(text);

	h = (h ^ len) * UINT64_C(0x100000001B3);
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001B3);
	return h;
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

unsigned long long fg_node_hash(const struct fg_node *node)
{
	uint64_t h = UINT64_C(0xCBF29CE484222325) + (uint64_t)node->kind;

	switch (node->kind) {
	case FG_NODE_SCALAR:
		return mix(hash_text(h + (uint64_t)fg_node_is_null(node) * 8, node->text));
	case FG_NODE_SEQUENCE:
		for (size_t i = 0; i < node->count; i++)
			h = mix(h * 31 + fg_node_hash(node->items[i]));
		break;
	case FG_NODE_MAPPING: /* a sum, because the order of keys says nothing */
		for (size_t i = 0; i < node->count; i++)
			h += mix(hash_text(1, node->pairs[i].key) * 31 +
				 fg_node_hash(node->pairs[i].value));
		break;
	}
	return mix(h + node->count);
}
