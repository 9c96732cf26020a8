/* SPDX-License-Identifier: EUPL-1.2 */
/* Links and the keys that their drivers declare. */
#include <string.h>

#include "base/cleanup.h"
#include "gateway/config/loader.h"

void fg_driver_tables(const struct fg_key *sub, const struct fg_driver *driver,
	const struct fg_key *ret[FG_MAX_DRIVERS])
{
	size_t n = 0;

	for (size_t i = 0; fg_drivers[i] && n + 1 < FG_MAX_DRIVERS; i++) {
		const struct fg_key *keys = fg_key_driver_part(sub, fg_drivers[i]);

		if (keys && (!driver || driver == fg_drivers[i]))
			ret[n++] = keys;
	}
	ret[n] = NULL;
}

static bool is_unsupported(const char *name)
{
	for (size_t i = 0; fg_drivers_unsupported[i]; i++)
		if (strcmp(fg_drivers_unsupported[i], name) == 0)
			return true;
	return false;
}

static void unknown_driver(struct fg_loader *l, const struct fg_node *name)
{
	const char *names[FG_MAX_DRIVERS];
	char mem[200];
	struct fg_buf hint;
	size_t n = 0;

	if (is_unsupported(name->text)) {
		fg_bind_error(&l->bind, name, "driver '%s' is not supported yet", name->text);
		return;
	}
	for (size_t i = 0; fg_drivers[i] && n < FG_MAX_DRIVERS; i++)
		names[n++] = fg_drivers[i]->name;
	fg_buf_wrap(&hint, mem, sizeof(mem));
	fg_put_suggestion(&hint, name->text, names, n, "there is");
	fg_bind_error(&l->bind, name, "unknown driver '%.60s'%s", name->text, mem);
}

static const struct fg_driver *find_driver(struct fg_loader *l, const struct fg_node *node)
{
	const struct fg_node *name = fg_node_get(node, "driver");
	const struct fg_driver *driver;
	size_t mark;

	if (!name || name->kind != FG_NODE_SCALAR || fg_node_is_null(name))
		return NULL; /* told by the key's own type */
	driver = fg_driver_find(name->text);
	if (!driver && fg_name_valid(name->text)) {
		mark = fg_bind_enter(&l->bind, "driver");
		unknown_driver(l, name);
		fg_bind_leave(&l->bind, mark);
	}
	return driver;
}

static void bind_link(struct fg_loader *l, struct fg_link *link, const struct fg_pair *pair)
{
	const struct fg_key *tables[FG_MAX_DRIVERS];
	const struct fg_driver *driver = find_driver(l, pair->value);
	const char *driver_name = NULL;
	struct fg_bind *b = &l->bind;
	size_t faults;
	void *conf;

	fg_driver_tables(fg_keys_link, driver, tables);
	b->partial = !driver && fg_node_get(pair->value, "driver"); /* nobody knows its keys */
	faults = fg_bind_struct(b, pair->value, fg_keys_link, tables, &driver_name, NULL, pair->at);
	b->partial = true;
	if (driver && pair->value->kind == FG_NODE_MAPPING) {
		conf = fg_arena_alloc(l->arena, driver->link_size);
		link->driver = driver;
		link->driver_name = driver->name;
		link->conf = conf;
		faults += fg_bind_struct(
			b, pair->value, driver->link_keys, NULL, conf, NULL, pair->at);
		if (faults)
			link->conf = NULL; /* half read: further checks would only confuse */
		else if (driver->check_link)
			driver->check_link(link, conf, l->rep);
	}
	b->partial = false;
}

static bool same_port(const struct fg_link *a, const struct fg_link *b)
{
	return a->driver && a->driver == b->driver && a->conf && b->conf && a->driver->same_port &&
	       a->driver->same_port(a, b);
}

static void check_ports(struct fg_loader *l, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct fg_link *a = &l->links[k], *b = &l->links[i];

			if (!same_port(a, b))
				continue;
			fg_report_error(l->rep, b->node->at,
				"links.%s: same port as link '%s' (%s:%d); devices of one port "
				"share "
				"one link",
				b->name, a->name, a->node->at.file, a->node->at.line);
			break;
		}
	}
}

void fg_build_links(struct fg_loader *l)
{
	const struct fg_node *node = fg_node_get(l->root, "links");
	size_t n = 0, mark;

	if (!node || node->kind != FG_NODE_MAPPING || !fg_within(l, node, "links", FG_MAX_LINKS))
		return;
	l->links = fg_arena_array(l->arena, node->count, sizeof(*l->links));
	mark = fg_bind_enter(&l->bind, "links");
	for (size_t i = 0; i < node->count; i++) {
		const struct fg_pair *pair = &node->pairs[i];
		struct fg_link *link = &l->links[n];
		size_t inner;

		if (fg_node_is_null(pair->value) && !fg_node_is_empty(pair->value))
			continue;
		inner = fg_bind_enter(&l->bind, pair->key);
		fg_bind_check_name(&l->bind, pair);
		link->name = fg_arena_strdup(l->arena, pair->key);
		link->node = pair->value;
		link->index = (uint32_t)n++;
		link->fingerprint = fg_node_hash(pair->value);
		bind_link(l, link, pair);
		fg_bind_leave(&l->bind, inner);
	}
	fg_bind_leave(&l->bind, mark);
	check_ports(l, n);
	l->config->links = l->links;
	l->config->link_count = n;
}
