/* SPDX-License-Identifier: EUPL-1.2 */
/* Profiles: the folder they come from, a device's profile with what it extends, and the list of
 * all for people. */
#include "gateway/config/profiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "gateway/config/loader.h"

static const char *profile_dir(struct fg_loader *l)
{
	struct stat st;

	if (!l->profile_dir)
		l->profile_dir = getenv("FJORDGATE_PROFILES");
	if (!l->profile_dir || !l->profile_dir[0]) {
		l->profile_dir = fg_files_beside(l, "profiles");
		if (stat(l->profile_dir, &st) < 0 || !S_ISDIR(st.st_mode))
			l->profile_dir = FG_PROFILE_DIR;
	}
	return l->profile_dir;
}

static void unknown_profile(struct fg_loader *l, const struct fg_node *name)
{
	struct fg_listing *found = fg_arena_alloc(l->tree, sizeof(*found));
	char mem[300];
	struct fg_buf hint;

	fg_buf_wrap(&hint, mem, sizeof(mem));
	fg_files_list(l, profile_dir(l), false, found);
	for (size_t i = 0; i < found->count; i++)
		found->names[i] = fg_arena_strndup(
			l->tree, found->names[i], strlen(found->names[i]) - strlen(".yaml"));
	fg_put_suggestion(&hint, name->text, found->names, found->count, "there is");
	fg_bind_error(
		&l->bind, name, "unknown profile '%.63s' in %s%s", name->text, profile_dir(l), mem);
}

/* Reads what a profile says of itself; the rest is checked with the device that uses it. */
static void read_meta(
	struct fg_loader *l, const struct fg_node *root, struct fg_profile_meta *ret_meta)
{
	struct fg_bind bind = {.arena = l->tree, .rep = l->rep, .no_files = true};
	const struct fg_node *meta = fg_node_get(root, "profile");

	memset(ret_meta, 0, sizeof(*ret_meta));
	if (meta)
		fg_bind_struct(
			&bind, meta, fg_keys_profile_meta, NULL, ret_meta, "profile", meta->at);
	else
		fg_report_error(
			l->rep, root->at, "missing key 'profile'; it says which model this is");
}

/* The profile laid over the one that it extends, whose own description stays behind. */
static const struct fg_node *extended(struct fg_loader *l, const struct fg_node *root)
{
	const struct fg_node *name = fg_node_get(fg_node_get(root, "profile"), "extends"), *base;
	char path[sizeof(l->bind.path)];

	memcpy(path, l->bind.path, sizeof(path));
	memcpy(l->bind.path, "profile.extends", sizeof("profile.extends"));
	base = fg_profile_load(l, name, NULL);
	memcpy(l->bind.path, path, sizeof(path));
	if (!base)
		return NULL;
	return fg_node_merge(l->tree, fg_node_without(l->tree, base, "profile"), root);
}

static const struct fg_node *read_profile(
	struct fg_loader *l, const struct fg_node *name, struct fg_profile_meta *ret_meta)
{
	const char *path = fg_arena_printf(l->tree, "%s/%s.yaml", profile_dir(l), name->text);
	struct fg_node *root = NULL;
	struct stat st;

	if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		unknown_profile(l, name);
		return NULL;
	}
	if (fg_yaml_load_file(l->tree, path, path, l->rep, &root) < 0 ||
		!fg_files_is_mapping(l, root))
		return NULL;
	read_meta(l, root, ret_meta);
	return ret_meta->extends ? extended(l, root) : root;
}

static struct fg_profile_file *find_file(struct fg_loader *l, const char *name)
{
	for (struct fg_profile_file *p = l->profiles; p; p = p->next)
		if (strcmp(p->name, name) == 0 && (p->root || p->reading))
			return p;
	return NULL;
}

const struct fg_node *fg_profile_load(
	struct fg_loader *l, const struct fg_node *name, const struct fg_profile_meta **ret_meta)
{
	struct fg_profile_file *p;

	if (name->kind != FG_NODE_SCALAR || !fg_name_valid(name->text))
		return NULL; /* told by the key's own type */
	p = find_file(l, name->text);
	if (p && p->reading) {
		fg_bind_error(&l->bind, name, "profile '%s' extends itself by way of this one",
			name->text);
		return NULL;
	}
	if (!p) {
		p = fg_arena_alloc(l->tree, sizeof(*p));
		p->name = name->text;
		p->meta = fg_arena_alloc(l->tree, sizeof(*p->meta));
		p->next = l->profiles;
		l->profiles = p;
		p->reading = true;
		p->root = read_profile(l, name, p->meta);
		p->reading = false;
	}
	if (ret_meta)
		*ret_meta = p->meta;
	return p->root;
}

/* ---- the list ---- */

static bool has_text(const char *const *items, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i], text) == 0)
			return true;
	return false;
}

static void find_measures(struct fg_arena *arena, struct fg_profile_info *info)
{
	const struct fg_node *points = fg_node_get(info->root, "points");
	const char **found;

	if (!points || points->kind != FG_NODE_MAPPING)
		return;
	found = fg_arena_array(arena, points->count, sizeof(*found));
	for (size_t i = 0; i < points->count; i++) {
		const struct fg_node *point = points->pairs[i].value;
		const struct fg_node *property = fg_node_get(point, "property");
		const char *text = property && property->kind == FG_NODE_SCALAR
					   ? property->text
					   : points->pairs[i].key;

		if (!has_text(found, info->measure_count, text))
			found[info->measure_count++] = text;
	}
	info->measures = found;
}

static bool load_one(struct fg_loader *l, const char *file, struct fg_profile_info *info)
{
	size_t before = fg_report_errors(l->rep);
	const struct fg_profile_meta *meta = NULL;
	struct fg_node name = {.kind = FG_NODE_SCALAR};

	info->path = fg_arena_printf(l->tree, "%s/%s", profile_dir(l), file);
	info->name = fg_arena_strndup(l->tree, file, strlen(file) - strlen(".yaml"));
	name.text = info->name;
	name.at.file = info->path;
	if (!fg_name_valid(info->name)) {
		fg_report_error(l->rep, name.at, "'%s' is no name of a profile", info->name);
		return false;
	}
	info->root = fg_profile_load(l, &name, &meta);
	if (!info->root || fg_report_errors(l->rep) > before)
		return false;
	info->meta = *meta;
	find_measures(l->tree, info);
	return true;
}

struct fg_profile_list *fg_profiles_load(
	const char *config_path, const char *dir, struct fg_report *rep)
{
	struct fg_arena *arena = fg_arena_new();
	struct fg_profile_list *list = fg_arena_alloc(arena, sizeof(*list));
	struct fg_loader *l = fg_arena_alloc(arena, sizeof(*l));
	struct fg_listing *found = fg_arena_alloc(arena, sizeof(*found));
	struct fg_profile_info *items;
	int r;

	l->arena = l->tree = list->arena = arena;
	l->rep = rep;
	l->path = fg_arena_strdup(arena, config_path);
	l->profile_dir = dir;
	l->bind = (struct fg_bind){.arena = arena, .rep = rep, .no_files = true};
	list->folder = profile_dir(l);
	r = fg_files_list(l, list->folder, false, found);
	if (r < 0)
		fg_report_error(rep, (struct fg_place){list->folder, 0, 0},
			"the folder of profiles: %s", fg_strerror(r));
	items = fg_arena_array(arena, found->count, sizeof(*items));
	for (size_t i = 0; i < found->count; i++) {
		items[list->count] = (struct fg_profile_info){0};
		list->count += load_one(l, found->names[i], &items[list->count]);
	}
	list->items = items;
	return list;
}

void fg_profiles_free(struct fg_profile_list *list)
{
	if (list)
		fg_arena_free(list->arena);
}

const struct fg_profile_info *fg_profile_get(const struct fg_profile_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}
