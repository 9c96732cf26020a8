/* SPDX-License-Identifier: EUPL-1.2 */
/* Devices: profile and own keys laid together, references resolved. */
#include <string.h>

#include "base/cleanup.h"
#include "gateway/config/loader.h"

/* A device's keys over those of its profile. NULL where the profile cannot be had. */
static const struct fg_node *effective(
	struct fg_loader *l, const struct fg_node *own, struct fg_device *dev)
{
	const struct fg_node *name = fg_node_get(own, "profile"), *profile;
	const struct fg_profile_meta *meta = NULL;
	size_t mark;

	if (!name || fg_node_is_null(name))
		return fg_lay_device(l, NULL, own);
	mark = fg_bind_enter(&l->bind, "profile");
	profile = fg_profile_load(l, name, &meta);
	fg_bind_leave(&l->bind, mark);
	if (profile && meta->vendor)
		dev->vendor = fg_arena_strdup(l->arena, meta->vendor);
	if (profile && meta->model)
		dev->model = fg_arena_strdup(l->arena, meta->model);
	return profile ? fg_lay_device(l, profile, own) : NULL;
}

static void dangling(struct fg_loader *l, const struct fg_node *node, const char *key,
	const char *plural, const char *const *names, size_t n)
{
	const struct fg_node *value = fg_node_get(node, key);
	size_t mark = fg_bind_enter(&l->bind, key);
	char mem[260];
	struct fg_buf hint;

	fg_buf_wrap(&hint, mem, sizeof(mem));
	fg_put_suggestion(&hint, value->text, names, n, plural);
	fg_bind_error(&l->bind, value, "unknown %s '%.63s'%s", key, value->text, mem);
	fg_bind_leave(&l->bind, mark);
}

static const struct fg_station *find_station(
	struct fg_loader *l, const struct fg_node *node, const char *name)
{
	const struct fg_config *c = l->config;
	const char **names = fg_arena_array(l->arena, c->station_count, sizeof(*names));

	for (size_t i = 0; i < c->station_count; i++) {
		if (strcmp(c->stations[i].name, name) == 0)
			return &c->stations[i];
		names[i] = c->stations[i].name;
	}
	dangling(l, node, "station", "stations are", names, c->station_count);
	return NULL;
}

static const struct fg_link *find_link(struct fg_loader *l, const struct fg_node *node)
{
	const struct fg_node *name = fg_node_get(node, "link");
	const struct fg_config *c = l->config;
	const char **names = fg_arena_array(l->arena, c->link_count, sizeof(*names));

	if (!name || name->kind != FG_NODE_SCALAR || !fg_name_valid(name->text))
		return NULL; /* told by the key's own type */
	for (size_t i = 0; i < c->link_count; i++) {
		if (strcmp(c->links[i].name, name->text) == 0)
			return &c->links[i];
		names[i] = c->links[i].name;
	}
	dangling(l, node, "link", "links are", names, c->link_count);
	return NULL;
}

/* Reads the keys that every device has. Where the link's driver is not known, the keys of all
 * drivers are; where the driver is one that is not built, any key is. */
static size_t bind_common(struct fg_loader *l, const struct fg_link *link,
	const struct fg_node *node, const struct fg_key *const *tables, struct fg_raw_device *raw)
{
	size_t faults;

	l->bind.partial = link && !link->driver;
	faults = fg_bind_struct(&l->bind, node, fg_keys_device, tables, raw, NULL, node->at);
	l->bind.partial = false;
	return faults;
}

static size_t bind_driver_keys(struct fg_loader *l, struct fg_device *dev)
{
	const struct fg_driver *driver = dev->link ? dev->link->driver : NULL;
	size_t faults;
	void *conf;

	if (!driver)
		return 1;
	conf = fg_arena_alloc(l->arena, driver->device_size);
	dev->conf = conf;
	l->bind.partial = true;
	faults = fg_bind_struct(
		&l->bind, dev->node, driver->device_keys, NULL, conf, NULL, dev->node->at);
	l->bind.partial = false;
	return faults;
}

static void take_raw(struct fg_device *dev, const struct fg_raw_device *raw)
{
	dev->title = raw->title ? raw->title : dev->name;
	dev->domain = (enum fg_domain)raw->domain;
	dev->interval_us = raw->interval_us;
	dev->timeout_us = raw->timeout_us;
	dev->retries = (int)raw->retries;
	dev->align = raw->align;
	dev->allow_commands = raw->allow_commands;
}

static void check_timing(struct fg_loader *l, const struct fg_device *dev)
{
	if (dev->interval_us && dev->timeout_us > dev->interval_us)
		fg_report_warning(l->rep, fg_place_of(dev->node, "timeout"),
			"devices.%s: the timeout is longer than the interval; a dead device makes "
			"polls late",
			dev->name);
}

static void build_device(struct fg_loader *l, struct fg_device *dev, const struct fg_pair *pair)
{
	const struct fg_key *tables[FG_MAX_DRIVERS], *point_tables[FG_MAX_DRIVERS];
	struct fg_raw_device raw = {0};
	size_t before = fg_report_errors(l->rep);

	dev->name = fg_arena_strdup(l->arena, pair->key);
	dev->node = effective(l, pair->value, dev);
	if (!dev->node) {
		dev->node = pair->value;
		return;
	}
	dev->fingerprint = fg_node_hash(dev->node);
	dev->link = find_link(l, dev->node);
	fg_driver_tables(fg_keys_device, dev->link ? dev->link->driver : NULL, tables);
	fg_driver_tables(fg_keys_point, dev->link ? dev->link->driver : NULL, point_tables);
	bind_common(l, dev->link, dev->node, tables, &raw);
	bind_driver_keys(l, dev);
	take_raw(dev, &raw);
	fg_take_maintenance(l, dev, &raw.maintenance);
	check_timing(l, dev);
	if (raw.station)
		dev->station = find_station(l, dev->node, raw.station);
	fg_build_points(l, dev, point_tables);
	if (fg_report_errors(l->rep) == before && dev->link->conf &&
		dev->link->driver->check_device)
		dev->link->driver->check_device(dev, (void *)(uintptr_t)dev->conf, l->rep);
}

static void attach_to_links(struct fg_loader *l)
{
	struct fg_config *c = l->config;

	for (size_t i = 0; i < c->link_count; i++) {
		struct fg_link *link = &l->links[i];
		const struct fg_device **mine;
		size_t n = 0;

		for (size_t k = 0; k < c->device_count; k++)
			n += c->devices[k]->link == link;
		mine = fg_arena_array(l->arena, n, sizeof(*mine));
		for (size_t k = 0; k < c->device_count; k++)
			if (c->devices[k]->link == link)
				mine[link->device_count++] = c->devices[k];
		link->devices = mine;
		if (link->device_count == 0)
			fg_report_warning(
				l->rep, link->node->at, "links.%s: no device uses it", link->name);
	}
}

void fg_build_devices(struct fg_loader *l)
{
	const struct fg_node *node = fg_node_get(l->root, "devices");
	size_t count = node && node->kind == FG_NODE_MAPPING ? node->count : 0, n = 0, mark;
	const struct fg_device **devices = fg_arena_array(l->arena, count, sizeof(*devices));

	if (count && !fg_within(l, node, "devices", FG_MAX_DEVICES))
		return;
	l->devices = fg_arena_array(l->arena, count, sizeof(*l->devices));
	mark = fg_bind_enter(&l->bind, "devices");
	for (size_t i = 0; i < count; i++) {
		const struct fg_pair *pair = &node->pairs[i];
		size_t inner;

		if (fg_node_is_null(pair->value) && !fg_node_is_empty(pair->value))
			continue;
		inner = fg_bind_enter(&l->bind, pair->key);
		fg_bind_check_name(&l->bind, pair);
		l->devices[n].index = (uint32_t)n;
		build_device(l, &l->devices[n], pair);
		devices[n] = &l->devices[n];
		n++;
		fg_bind_leave(&l->bind, inner);
	}
	fg_bind_leave(&l->bind, mark);
	l->config->devices = devices;
	l->config->device_count = n;
	attach_to_links(l);
	if (n == 0)
		fg_report_warning(
			l->rep, node ? node->at : l->root->at, "no devices: nothing is polled");
}
