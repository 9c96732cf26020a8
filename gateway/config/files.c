/* SPDX-License-Identifier: EUPL-1.2 */
/* The files of a configuration: the main one, its drop-ins, and profiles. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "gateway/config/loader.h"

#define MAX_LISTED 1000 /* files of one folder */

struct listing {
	const char *names[MAX_LISTED];
	size_t count;
};

static bool ends_with(const char *text, const char *tail)
{
	size_t n = strlen(text), m = strlen(tail);

	return n > m && strcmp(text + n - m, tail) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The folder's files NAME.yaml in name order. A folder that is not there has none. */
static int list_folder(struct fg_loader *l, const char *dir, bool warn, struct listing *ret)
{
	DIR *d = opendir(dir);
	struct fg_place at = {dir, 0, 0};
	const struct dirent *e;

	ret->count = 0;
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (ends_with(e->d_name, ".yaml") && ret->count < MAX_LISTED)
			ret->names[ret->count++] = fg_arena_strdup(l->tree, e->d_name);
		else if (warn && ends_with(e->d_name, ".yaml"))
			fg_report_error(l->rep, at, "more than %d files", MAX_LISTED);
		else if (warn && ends_with(e->d_name, ".yml"))
			fg_report_warning(
				l->rep, at, "'%s' is not read; drop-ins end with .yaml", e->d_name);
	}
	closedir(d);
	qsort(ret->names, ret->count, sizeof(ret->names[0]), by_name);
	return FG_OK;
}

/* A neighbour of the main file, named as the main file is. */
static const char *beside(struct fg_loader *l, const char *name)
{
	const char *slash = strrchr(l->path, '/');

	return fg_arena_printf(
		l->tree, "%.*s%s", slash ? (int)(slash - l->path) + 1 : 0, l->path, name);
}

static bool is_mapping(struct fg_loader *l, const struct fg_node *root)
{
	if (root->kind == FG_NODE_MAPPING)
		return true;
	fg_report_error(l->rep, root->at, "the file is a %s; it takes a mapping of keys",
		root->kind == FG_NODE_SCALAR ? "text" : "list");
	return false;
}

int fg_files_load(struct fg_loader *l)
{
	const char *dir = beside(l, "conf.d");
	struct listing *found = fg_arena_alloc(l->tree, sizeof(*found));
	int r = fg_yaml_load_file(l->tree, l->path, l->path, l->rep, &l->root), listed;

	if (r == FG_OK && !is_mapping(l, l->root))
		r = FG_ECONFIG;
	listed = list_folder(l, dir, true, found);
	if (listed < 0 && listed != -ENOENT && r == FG_OK) {
		fg_report_error(l->rep, (struct fg_place){dir, 0, 0}, "cannot read it: %s",
			fg_strerror(listed));
		r = FG_ECONFIG;
	}
	for (size_t i = 0; i < found->count; i++) {
		const char *path = fg_arena_printf(l->tree, "%s/%s", dir, found->names[i]);
		struct fg_node *over;

		if (fg_yaml_load_file(l->tree, path, path, l->rep, &over) < 0 ||
			!is_mapping(l, over))
			r = FG_ECONFIG;
		else if (r == FG_OK)
			l->root = fg_node_merge(l->tree, l->root, over);
	}
	return r;
}

static const char *profile_dir(struct fg_loader *l)
{
	struct stat st;

	if (!l->profile_dir)
		l->profile_dir = getenv("FJORDGATE_PROFILES");
	if (!l->profile_dir || !l->profile_dir[0]) {
		l->profile_dir = beside(l, "profiles");
		if (stat(l->profile_dir, &st) < 0 || !S_ISDIR(st.st_mode))
			l->profile_dir = FG_PROFILE_DIR;
	}
	return l->profile_dir;
}

static void unknown_profile(struct fg_loader *l, const struct fg_node *name)
{
	struct listing *found = fg_arena_alloc(l->tree, sizeof(*found));
	char mem[300];
	struct fg_buf hint;

	fg_buf_wrap(&hint, mem, sizeof(mem));
	list_folder(l, profile_dir(l), false, found);
	for (size_t i = 0; i < found->count; i++)
		found->names[i] = fg_arena_strndup(
			l->tree, found->names[i], strlen(found->names[i]) - strlen(".yaml"));
	fg_put_suggestion(&hint, name->text, found->names, found->count, "there is");
	fg_bind_error(
		&l->bind, name, "unknown profile '%.63s' in %s%s", name->text, profile_dir(l), mem);
}

/* Checks what a profile says of itself; the rest is checked with the device that uses it. */
static void check_meta(struct fg_loader *l, const struct fg_node *root)
{
	struct fg_bind bind = {.arena = l->tree, .rep = l->rep, .no_files = true};
	const struct fg_node *meta = fg_node_get(root, "profile");
	struct fg_raw_profile raw;

	if (meta)
		fg_bind_struct(&bind, meta, fg_keys_profile_meta, NULL, &raw, "profile", meta->at);
	else
		fg_report_error(
			l->rep, root->at, "missing key 'profile'; it says which model this is");
}

static const struct fg_node *read_profile(struct fg_loader *l, const struct fg_node *name)
{
	const char *path = fg_arena_printf(l->tree, "%s/%s.yaml", profile_dir(l), name->text);
	struct fg_node *root = NULL;
	struct stat st;

	if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		unknown_profile(l, name);
		return NULL;
	}
	if (fg_yaml_load_file(l->tree, path, path, l->rep, &root) < 0 || !is_mapping(l, root))
		return NULL;
	check_meta(l, root);
	return root;
}

const struct fg_node *fg_profile_load(struct fg_loader *l, const struct fg_node *name)
{
	struct fg_profile_file *p;

	if (name->kind != FG_NODE_SCALAR || !fg_name_valid(name->text))
		return NULL; /* told by the key's own type */
	for (p = l->profiles; p; p = p->next)
		if (strcmp(p->name, name->text) == 0 && p->root)
			return p->root;
	p = fg_arena_alloc(l->tree, sizeof(*p));
	p->name = name->text;
	p->root = read_profile(l, name);
	p->next = l->profiles;
	l->profiles = p;
	return p->root;
}
