/* SPDX-License-Identifier: EUPL-1.2 */
/* The files of a configuration: the main one and its drop-ins; the listing of a folder. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "gateway/config/loader.h"

static bool ends_with(const char *text, const char *tail)
{
	size_t n = strlen(text), m = strlen(tail);

	return n > m && strcmp(text + n - m, tail) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int fg_files_list(struct fg_loader *l, const char *dir, bool warn, struct fg_listing *ret)
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
		if (ends_with(e->d_name, ".yaml") && ret->count < FG_MAX_LISTED)
			ret->names[ret->count++] = fg_arena_strdup(l->tree, e->d_name);
		else if (warn && ends_with(e->d_name, ".yaml"))
			fg_report_error(l->rep, at, "more than %d files", FG_MAX_LISTED);
		else if (warn && ends_with(e->d_name, ".yml"))
			fg_report_warning(
				l->rep, at, "'%s' is not read; drop-ins end with .yaml", e->d_name);
	}
	closedir(d);
	qsort(ret->names, ret->count, sizeof(ret->names[0]), by_name);
	return FG_OK;
}

const char *fg_files_beside(struct fg_loader *l, const char *name)
{
	const char *slash = strrchr(l->path, '/');

	return fg_arena_printf(
		l->tree, "%.*s%s", slash ? (int)(slash - l->path) + 1 : 0, l->path, name);
}

bool fg_files_is_mapping(struct fg_loader *l, const struct fg_node *root)
{
	if (root->kind == FG_NODE_MAPPING)
		return true;
	fg_report_error(l->rep, root->at, "the file is a %s; it takes a mapping of keys",
		root->kind == FG_NODE_SCALAR ? "text" : "list");
	return false;
}

int fg_files_load(struct fg_loader *l)
{
	const char *dir = fg_files_beside(l, "conf.d");
	struct fg_listing *found = fg_arena_alloc(l->tree, sizeof(*found));
	int r = fg_yaml_load_file(l->tree, l->path, l->path, l->rep, &l->root), listed;

	if (r == FG_OK && !fg_files_is_mapping(l, l->root))
		r = FG_ECONFIG;
	listed = fg_files_list(l, dir, true, found);
	if (listed < 0 && listed != -ENOENT && r == FG_OK) {
		fg_report_error(l->rep, (struct fg_place){dir, 0, 0}, "cannot read it: %s",
			fg_strerror(listed));
		r = FG_ECONFIG;
	}
	for (size_t i = 0; i < found->count; i++) {
		const char *path = fg_arena_printf(l->tree, "%s/%s", dir, found->names[i]);
		struct fg_node *over;

		if (fg_yaml_load_file(l->tree, path, path, l->rep, &over) < 0 ||
			!fg_files_is_mapping(l, over))
			r = FG_ECONFIG;
		else if (r == FG_OK)
			l->root = fg_node_merge(l->tree, l->root, over);
	}
	return r;
}
