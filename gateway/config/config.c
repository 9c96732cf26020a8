/* SPDX-License-Identifier: EUPL-1.2 */
/* Loading a configuration: files, tables of keys, references, checks, plans; and its lifetime. */
#include "gateway/config/config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/status.h"
#include "gateway/config/loader.h"

struct holder {
	struct fg_config config; /* first: the address is the holder's */
	struct fg_arena *arena;	 /* everything lives in it, the holder too */
	struct fg_arena *tree;	 /* of the nodes; NULL once they were let go */
	atomic_uint refs;
};

struct fg_config *fg_config_ref(struct fg_config *c)
{
	atomic_fetch_add(&((struct holder *)c)->refs, 1);
	return c;
}

void fg_config_unref(struct fg_config *c)
{
	struct holder *h = (struct holder *)c;

	if (h && atomic_fetch_sub(&h->refs, 1) == 1) {
		fg_arena_free(h->tree);
		fg_arena_free(h->arena);
	}
}

struct fg_place fg_place_of(const struct fg_node *mapping, const char *key)
{
	const struct fg_node *value = fg_node_get(mapping, key);

	return value ? value->at : mapping->at;
}

bool fg_within(struct fg_loader *l, const struct fg_node *mapping, const char *what, size_t max)
{
	if (mapping->count <= max)
		return true;
	fg_report_error(
		l->rep, mapping->at, "%zu %s; at most %zu are allowed", mapping->count, what, max);
	return false;
}

static void build_stations(struct fg_loader *l)
{
	struct fg_station *stations = l->raw.stations.items;

	for (size_t i = 0; i < l->raw.stations.count; i++) {
		struct fg_station *s = &stations[i];
		const struct fg_node *position = fg_node_get(s->node, "position");

		if (!s->title)
			s->title = s->name;
		s->has_position = position && !fg_node_is_null(position);
		if (!fg_node_get(position, "elevation"))
			s->elevation = __builtin_nan("");
	}
	l->config->stations = stations;
	l->config->station_count = l->raw.stations.count;
}

static void bind_root(struct fg_loader *l)
{
	struct fg_config *c = l->config;
	const struct fg_node *control;

	fg_bind_struct(&l->bind, l->root, fg_keys_root, NULL, &l->raw, NULL, l->root->at);
	c->gateway = l->raw.gateway;
	c->storage = l->raw.storage;
	c->clock = l->raw.clock;
	c->http = l->raw.http;
	c->notices = l->raw.notices;
	c->control = l->raw.control;
	control = fg_node_get(l->root, "control");
	if (!control || !fg_node_get(control, "socket"))
		c->control.socket = fg_arena_strdup(l->arena, fg_config_default_socket());
	if (!c->gateway.id)
		c->gateway.id = "unnamed"; /* only with a fault, so that the checks go on */
	if (!c->gateway.title)
		c->gateway.title = c->gateway.id;
}

static uint64_t fingerprint(const struct fg_loader *l)
{
	uint64_t h = fg_node_hash(l->root);

	for (size_t i = 0; i < l->config->device_count; i++) /* what profiles say is in theirs */
		h = fg_hash(h, &l->config->devices[i]->fingerprint, sizeof(uint64_t));
	return h;
}

static void load(struct fg_loader *l)
{
	l->config->root = l->root;
	bind_root(l);
	build_stations(l);
	fg_build_destinations(l);
	fg_build_links(l);
	fg_build_devices(l);
	fg_check_config(l);
	fg_build_derived(l);
	fg_build_rules(l);
	fg_check_qc_memory(l);
	fg_check_qc_short(l);
	if (fg_report_errors(l->rep) == 0)
		fg_check_identities(l);
	if (fg_report_errors(l->rep) == 0)
		fg_build_groups(l);
	if (fg_report_errors(l->rep) == 0)
		fg_build_air_classes(l);
	l->config->path = l->path;
	l->config->fingerprint = fingerprint(l);
}

/* Nothing that stays points into the tree but the nodes of the objects. */
static void let_go_of_tree(struct holder *h, struct fg_loader *l)
{
	struct fg_config *c = &h->config;
	struct fg_station *stations = l->raw.stations.items;

	for (size_t i = 0; i < c->station_count; i++)
		stations[i].node = NULL;
	for (size_t i = 0; i < c->destination_count; i++)
		((struct fg_destination *)c->destinations)[i].node = NULL;
	for (size_t i = 0; i < c->link_count; i++)
		l->links[i].node = NULL;
	for (size_t i = 0; i < c->device_count; i++)
		l->devices[i].node = NULL;
	for (size_t i = 0; i < c->point_count; i++)
		((struct fg_point *)c->points[i])->node = NULL;
	c->root = NULL;
	fg_arena_free(h->tree);
	h->tree = NULL;
}

int fg_config_load(const char *path, const struct fg_load_options *options, struct fg_report *rep,
	struct fg_config **ret)
{
	static const struct fg_load_options none = {0};
	struct fg_arena *arena = fg_arena_new();
	struct holder *h = fg_arena_alloc(arena, sizeof(*h));
	struct fg_loader *l = fg_arena_alloc(arena, sizeof(*l));

	if (!options)
		options = &none;
	h->arena = arena;
	h->tree = l->tree = fg_arena_new();
	atomic_init(&h->refs, 1);
	l->arena = arena;
	l->rep = rep;
	l->path = fg_arena_strdup(arena, path);
	l->profile_dir = options->profile_dir;
	l->bind = (struct fg_bind){.arena = arena, .rep = rep, .no_files = options->no_files};
	l->config = &h->config;
	l->derived_end = &l->derived;
	if (fg_files_load(l) == FG_OK)
		load(l);
	if (fg_report_errors(rep) > 0) {
		fg_config_unref(&h->config);
		return FG_ECONFIG;
	}
	if (!options->keep_tree)
		let_go_of_tree(h, l);
	*ret = &h->config;
	return FG_OK;
}

const char *fg_config_default_socket(void)
{
	static char path[256];
	const char *folder = getenv("RUNTIME_DIRECTORY"); /* systemd's RuntimeDirectory= */

	if (!folder || !*folder || strlen(folder) > 200)
		return "/run/fjordgate/control.sock";
	snprintf(path, sizeof(path), "%.*s/control.sock", (int)strcspn(folder, ":"), folder);
	return path;
}

const char *fg_config_reload_obstacle(const struct fg_config *prev, const struct fg_config *next)
{
	if (strcmp(prev->gateway.id, next->gateway.id) != 0)
		return "gateway.id needs a restart of the daemon";
	if (strcmp(prev->storage.file, next->storage.file) != 0)
		return "storage.file needs a restart of the daemon";
	if (strcmp(prev->control.socket, next->control.socket) != 0)
		return "control.socket needs a restart of the daemon";
	return NULL;
}
