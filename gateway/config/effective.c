/* SPDX-License-Identifier: EUPL-1.2 */
/* Every value in force, with the file and line it comes from. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "gateway/config/loader.h"

struct printer {
	const struct fg_config *config;
	struct fg_arena *arena; /* for absolute paths */
	struct fg_buf *out;
	struct fg_buf path;
	char mem[512];
};

static void print_keys(struct printer *p, const struct fg_node *node, const struct fg_key *keys);

static size_t enter(struct printer *p, const char *name)
{
	size_t mark = p->path.len;

	fg_buf_printf(&p->path, "%s%s", mark ? "." : "", name);
	return mark;
}

static void leave(struct printer *p, size_t mark)
{
	p->path.len = mark;
	p->path.data[mark] = '\0';
	p->path.overflow = false;
}

/* On one line, as YAML's flow style writes it. */
static void put_flow(struct fg_buf *out, const struct fg_node *node)
{
	bool mapping = node->kind == FG_NODE_MAPPING;

	if (node->kind == FG_NODE_SCALAR) {
		if (node->plain)
			fg_buf_puts(out, node->text);
		else
			fg_json_quote(out, node->text, strlen(node->text));
		return;
	}
	fg_buf_putc(out, mapping ? '{' : '[');
	for (size_t i = 0; i < node->count; i++) {
		if (i)
			fg_buf_puts(out, ", ");
		if (mapping)
			fg_buf_printf(out, "%s: ", node->pairs[i].key);
		put_flow(out, mapping ? node->pairs[i].value : node->items[i]);
	}
	fg_buf_putc(out, mapping ? '}' : ']');
}

static void print_default(struct printer *p, const char *name, const char *value)
{
	size_t mark = enter(p, name);

	if (value)
		fg_buf_printf(p->out, "%s = %s  # default\n", p->path.data, value);
	leave(p, mark);
}

static void print_value(struct printer *p, const struct fg_key *key, const struct fg_node *node)
{
	fg_buf_printf(p->out, "%s = ", p->path.data);
	if (key->type == FG_KEY_PATH && node->kind == FG_NODE_SCALAR)
		fg_buf_puts(p->out, fg_path_resolve(p->arena, node->at, node->text));
	else
		put_flow(p->out, node);
	fg_buf_printf(p->out, "  # %s:%d\n", node->at.file, node->at.line);
}

static const struct fg_link *find_link(const struct fg_config *c, const char *name)
{
	for (size_t i = 0; i < c->link_count; i++)
		if (strcmp(c->links[i].name, name) == 0)
			return &c->links[i];
	return NULL;
}

/* Defaults that are made of other values stand in the objects, not in the tables. */
static void print_computed(
	struct printer *p, const struct fg_node *node, const char *key, const char *value)
{
	const struct fg_node *given = fg_node_get(node, key);

	if (!given || fg_node_is_null(given))
		print_default(p, key, value);
}

/* Tests that nobody spoke of. */
static void print_tests(struct printer *p, const struct fg_point *point)
{
	size_t mark = enter(p, "qc");
	char mem[200];
	struct fg_buf text;

	for (unsigned t = 0; t < FG_TEST_COUNT; t++) {
		fg_buf_wrap(&text, mem, sizeof(mem));
		if (fg_qc_put_default(point, (enum fg_test)t, &text))
			print_default(p, fg_test_name((enum fg_test)t), mem);
	}
	leave(p, mark);
}

static void print_points(struct printer *p, const struct fg_device *dev)
{
	char text[32];

	for (size_t i = 0; i < dev->point_count; i++) {
		const struct fg_point *point = &dev->points[i];
		size_t mark = enter(p, point->name);

		print_computed(p, point->node, "property", point->property);
		print_computed(p, point->node, "unit", point->unit);
		print_computed(p, point->node, "interval",
			fg_duration_text(point->interval_us, text, sizeof(text)));
		print_keys(p, point->node, fg_keys_point);
		if (!point->derived)
			print_keys(p, point->node, dev->link->driver->point_keys);
		print_tests(p, point);
		leave(p, mark);
	}
}

static void print_devices(struct printer *p)
{
	for (size_t i = 0; i < p->config->device_count; i++) {
		const struct fg_device *dev = p->config->devices[i];
		size_t mark = enter(p, dev->name), inner;

		print_computed(p, dev->node, "title", dev->title);
		print_keys(p, dev->node, fg_keys_device);
		print_keys(p, dev->node, dev->link->driver->device_keys);
		inner = enter(p, "points");
		print_points(p, dev);
		leave(p, inner);
		leave(p, mark);
	}
}

static void print_named(struct printer *p, const struct fg_key *key, const struct fg_node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		const struct fg_pair *pair = &node->pairs[i];
		const struct fg_link *link;
		size_t mark;

		if (fg_node_is_null(pair->value) && !fg_node_is_empty(pair->value))
			continue;
		mark = enter(p, pair->key);
		print_keys(p, pair->value, key->sub);
		if (key->sub == fg_keys_link) {
			link = find_link(p->config, pair->key);
			print_keys(p, pair->value, link->driver->link_keys);
		} else if (key->sub == fg_keys_mqtt) {
			for (size_t d = 0; d < p->config->destination_count; d++)
				if (strcmp(p->config->destinations[d].name, pair->key) == 0)
					print_computed(p, pair->value, "client_id",
						p->config->destinations[d].client_id);
		}
		leave(p, mark);
	}
}

static void print_key(struct printer *p, const struct fg_key *key, const struct fg_node *node)
{
	bool absent = !node || (fg_node_is_null(node) && !fg_node_is_empty(node));
	size_t mark;

	if (key->flags & FG_KEY_UNSUPPORTED && absent)
		return;
	if (key->sub == fg_keys_point)
		return; /* printed with their computed defaults */
	if (key->type == FG_KEY_CUSTOM || key->type == FG_KEY_LIST || !key->sub) {
		if (absent) {
			print_default(p, key->name, key->dflt);
			return;
		}
	}
	mark = enter(p, key->name);
	if (key->sub == fg_keys_device)
		print_devices(p);
	else if (fg_key_is_map(key) && !absent && node->kind == FG_NODE_MAPPING)
		print_named(p, key, node);
	else if (key->sub && !fg_key_is_map(key) &&
		 (absent || node->kind == FG_NODE_MAPPING || fg_node_is_empty(node)))
		print_keys(p, absent ? NULL : node, key->sub);
	else if (!absent && !fg_key_is_map(key))
		print_value(p, key, node);
	leave(p, mark);
}

static void print_keys(struct printer *p, const struct fg_node *node, const struct fg_key *keys)
{
	for (; keys && keys->name; keys++)
		print_key(p, keys, fg_node_get(node, keys->name));
}

void fg_config_print_effective(const struct fg_config *c, struct fg_buf *out)
{
	struct printer p = {.config = c, .out = out, .arena = fg_arena_new()};

	fg_buf_wrap(&p.path, p.mem, sizeof(p.mem));
	print_keys(&p, c->root, fg_keys_root);
	fg_arena_free(p.arena);
}
