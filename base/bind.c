/* SPDX-License-Identifier: EUPL-1.2 */
/* From nodes to objects by tables of keys. Every fault is told, none ends the reading. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/key.h"
#include "base/number.h"
#include "base/status.h"
#include "base/timefmt.h"

#define MAX_KNOWN 160 /* names that a message can choose a suggestion from */
#define MAX_SHOWN 60  /* bytes of a value in a message */

void fg_bind_error(struct fg_bind *b, const struct fg_node *node, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_report_error(b->rep, node->at, "%s%s%s", b->path, b->path[0] ? ": " : "", text);
}

size_t fg_bind_enter(struct fg_bind *b, const char *name)
{
	size_t mark = strlen(b->path);

	snprintf(b->path + mark, sizeof(b->path) - mark, "%s%.80s", mark ? "." : "", name);
	return mark;
}

void fg_bind_leave(struct fg_bind *b, size_t mark)
{
	b->path[mark] = '\0';
}

bool fg_name_valid(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n >= 1 && n <= 63 && !text[n] && text[0] != '-' && text[0] != '_';
}

const char *fg_path_resolve(struct fg_arena *arena, struct fg_place at, const char *path)
{
	const char *file = at.file ? at.file : "", *slash = strrchr(file, '/');
	int dir_len = slash ? (int)(slash - file) + 1 : 0;
	char cwd[4096];

	if (path[0] == '/')
		return fg_arena_strdup(arena, path);
	if (file[0] == '/')
		return fg_arena_printf(arena, "%.*s%s", dir_len, file, path);
	if (!getcwd(cwd, sizeof(cwd)))
		cwd[0] = '\0';
	return fg_arena_printf(arena, "%s/%.*s%s", cwd, dir_len, file, path);
}

/* ---- values ---- */

/* "'x' is not a duration such as …" */
static size_t wrong(struct fg_bind *b, const struct fg_key *key, const struct fg_node *node)
{
	char mem[300];
	struct fg_buf form;

	fg_buf_wrap(&form, mem, sizeof(mem));
	fg_key_form(key, &form);
	if (node->kind == FG_NODE_SCALAR)
		fg_bind_error(b, node, "'%.*s' is not %s", MAX_SHOWN, node->text, mem);
	else
		fg_bind_error(b, node, "a %s cannot stand here; it takes %s",
			node->kind == FG_NODE_MAPPING ? "mapping" : "list", mem);
	return 1;
}

static size_t out_of_range(struct fg_bind *b, const struct fg_key *key, const struct fg_node *node)
{
	char mem[100];
	struct fg_buf range;

	fg_buf_wrap(&range, mem, sizeof(mem));
	fg_key_range(key, &range);
	fg_bind_error(b, node, "%.*s is out of range; %s is allowed", MAX_SHOWN, node->text, mem);
	return 1;
}

static size_t bind_bool(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < FG_COUNT(words); i++) {
		if (strcasecmp(node->text, words[i]) == 0) {
			*(bool *)field = i & 1;
			return 0;
		}
	}
	return wrong(b, key, node);
}

static int size_parse(const char *text, int64_t *ret)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	size_t digits = strspn(text, "0123456789");
	char number[20];
	int64_t v, factor = 1;

	if (digits == 0 || digits >= sizeof(number))
		return FG_EINVAL;
	memcpy(number, text, digits);
	number[digits] = '\0';
	if (fg_integer_parse(number, &v) < 0)
		return FG_EINVAL;
	if (text[digits]) {
		size_t i = 0;

		for (; i < FG_COUNT(units) && strcmp(text + digits, units[i]) != 0; i++)
			factor *= 1024;
		if (i == FG_COUNT(units))
			return FG_EINVAL;
		factor *= 1024;
	}
	if (v > INT64_MAX / factor)
		return FG_EINVAL;
	*ret = v * factor;
	return FG_OK;
}

/* INT, DURATION, SIZE: whole numbers written in different ways. */
static size_t bind_whole(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	int64_t v;
	int r;

	if (key->type == FG_KEY_DURATION)
		r = fg_duration_parse(node->text, &v);
	else if (key->type == FG_KEY_SIZE)
		r = size_parse(node->text, &v);
	else
		r = fg_integer_parse(node->text, &v);
	if (r < 0)
		return wrong(b, key, node);
	if (key->min < key->max && (v < key->min || v > key->max))
		return out_of_range(b, key, node);
	*(int64_t *)field = v;
	return 0;
}

static int rate_parse(struct fg_bind *b, const char *text, double *ret)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	const char *slash = strchr(text, '/');
	double v;

	if (!slash ||
		fg_number_parse(fg_arena_strndup(b->arena, text, (size_t)(slash - text)), &v) < 0 ||
		v < 0)
		return FG_EINVAL;
	for (size_t i = 0; i < FG_COUNT(units); i++) {
		if (strcmp(slash + 1, units[i].name) == 0) {
			*ret = v / units[i].seconds;
			return FG_OK;
		}
	}
	return FG_EINVAL;
}

static size_t bind_number(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	double v;
	int r = key->type == FG_KEY_RATE ? rate_parse(b, node->text, &v)
					 : fg_number_parse(node->text, &v);

	if (r < 0)
		return wrong(b, key, node);
	if (key->fmin < key->fmax && (v < key->fmin || v > key->fmax))
		return out_of_range(b, key, node);
	*(double *)field = v;
	return 0;
}

/* Control characters would break lines of logs and topics: C0, DEL and C1. */
static bool has_controls(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	for (; *s; s++)
		if (*s < 0x20 || *s == 0x7F || (*s == 0xC2 && s[1] < 0xA0))
			return true;
	return false;
}

static size_t bind_text(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	bool limits = key->type == FG_KEY_TEXT || key->type == FG_KEY_TEXTS;
	size_t min = limits && key->min ? (size_t)key->min : 1;
	size_t max = limits && key->max ? (size_t)key->max : key->type == FG_KEY_PATH ? 1024 : 255;
	size_t len = strlen(node->text);
	const char *text;

	len -= len && node->text[len - 1] == '\n'; /* of a block scalar */
	text = fg_arena_strndup(b->arena, node->text, len);
	if (has_controls(text))
		fg_bind_error(b, node, "a text with control characters or line breaks");
	else if (len < min)
		fg_bind_error(
			b, node, "too short; at least %zu character%s", min, min == 1 ? "" : "s");
	else if (len > max)
		fg_bind_error(b, node, "too long: %zu bytes; at most %zu", len, max);
	else {
		*(const char **)field = text;
		return 0;
	}
	return 1;
}

static size_t bind_name(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	(void)key;
	if (!fg_name_valid(node->text)) {
		fg_bind_error(b, node,
			"'%.*s' is not a name; it takes a-z, 0-9, - and _, begins with a letter or "
			"digit and has at most 63",
			MAX_SHOWN, node->text);
		return 1;
	}
	if (field)
		*(const char **)field = fg_arena_strdup(b->arena, node->text);
	return 0;
}

size_t fg_bind_check_name(struct fg_bind *b, const struct fg_pair *pair)
{
	const struct fg_node node = {.at = pair->at, .text = pair->key};

	return bind_name(b, NULL, &node, NULL);
}

static size_t bind_path(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	struct stat st;
	const char *path;
	size_t faults = bind_text(b, key, node, &path);

	if (faults)
		return faults;
	path = fg_path_resolve(b->arena, node->at, path);
	if (key->flags & FG_KEY_FILE && !b->no_files) {
		/* EACCES is no fault: the daemon's user may read what this one may not. */
		if (stat(path, &st) < 0 && errno != EACCES) {
			fg_bind_error(b, node, "cannot open '%s': %s", path, fg_strerror(-errno));
			return 1;
		}
		if (S_ISDIR(st.st_mode)) {
			fg_bind_error(b, node, "'%s' is a folder; a file is wanted", path);
			return 1;
		}
	}
	*(const char **)field = path;
	return 0;
}

static bool all_digits(const char *text)
{
	return text[0] && !text[strspn(text, "0123456789.")];
}

static size_t bind_choice(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, int *ret)
{
	const char *names[MAX_KNOWN];
	char mem[400];
	struct fg_buf out;
	size_t n = 0;

	fg_buf_wrap(&out, mem, sizeof(mem));
	for (const struct fg_choice *c = key->choices; c->name; c++) {
		if (strcmp(c->name, node->text) == 0 && c->unsupported) {
			fg_key_choices(key, &out);
			fg_bind_error(b, node, "'%s' is not supported yet%s%s", node->text,
				out.len ? "; there is " : "", mem);
			return 1;
		}
		if (strcmp(c->name, node->text) == 0) {
			*ret = c->value;
			return 0;
		}
		if (!c->unsupported && n < MAX_KNOWN)
			names[n++] = c->name;
	}
	if (!all_digits(node->text) && fg_suggest(node->text, names, n)) {
		fg_put_suggestion(&out, node->text, names, n, "");
		fg_bind_error(
			b, node, "unknown %s '%.*s'%s", key->name, MAX_SHOWN, node->text, mem);
		return 1;
	}
	fg_key_choices(key, &out);
	fg_bind_error(b, node,
		all_digits(node->text) ? "%.*s is not one of %s" : "'%.*s' is not one of %s",
		MAX_SHOWN, node->text, mem);
	return 1;
}

static size_t bind_choices(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	size_t n = node->kind == FG_NODE_SEQUENCE ? node->count : 1, faults = 0;
	unsigned bits = 0;

	if (n == 0) {
		fg_bind_error(b, node, "an empty list chooses nothing; name at least one");
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		const struct fg_node *item = node->kind == FG_NODE_SEQUENCE ? node->items[i] : node;
		int value = 0;
		size_t bad = item->kind == FG_NODE_SCALAR ? bind_choice(b, key, item, &value)
							  : wrong(b, key, item);

		if (!bad && bits & 1u << value) {
			fg_bind_error(b, item, "'%s' twice in the list", item->text);
			bad = 1;
		}
		if (!bad)
			bits |= 1u << value;
		faults += bad;
	}
	*(unsigned *)field = bits;
	return faults;
}

static size_t bind_list(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	size_t n = node->kind == FG_NODE_SEQUENCE ? node->count : 1, faults = 0;
	const char **items = fg_arena_array(b->arena, n, sizeof(*items));

	for (size_t i = 0; i < n; i++) {
		const struct fg_node *item = node->kind == FG_NODE_SEQUENCE ? node->items[i] : node;

		if (item->kind != FG_NODE_SCALAR)
			faults += wrong(b, key, item);
		else if (key->type == FG_KEY_NAMES)
			faults += bind_name(b, key, item, &items[i]);
		else
			faults += bind_text(b, key, item, &items[i]);
	}
	if (!faults)
		*(struct fg_texts *)field = (struct fg_texts){items, n};
	return faults;
}

static size_t bind_pair(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	double v[2] = {NAN, NAN};

	if (node->kind != FG_NODE_SEQUENCE || node->count != 2)
		return wrong(b, key, node);
	for (size_t i = 0; i < 2; i++) {
		const struct fg_node *item = node->items[i];

		if (fg_node_is_null(item) && !fg_node_is_empty(item))
			continue;
		if (item->kind != FG_NODE_SCALAR || fg_number_parse(item->text, &v[i]) < 0) {
			fg_bind_error(b, item, "[low, high] takes two numbers");
			return 1;
		}
	}
	if (isnan(v[0]) && isnan(v[1])) {
		fg_bind_error(b, node, "both bounds are open; give one or leave the key out");
		return 1;
	}
	if (v[0] >= v[1]) {
		fg_bind_error(
			b, node, "[%g, %g] is empty; the lower bound comes first", v[0], v[1]);
		return 1;
	}
	memcpy(field, v, sizeof(v));
	return 0;
}

static size_t bind_map(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	struct fg_items out = {.items = fg_arena_array(b->arena, node->count, key->size)};
	size_t faults = 0;

	for (size_t i = 0; i < node->count; i++) {
		const struct fg_pair *pair = &node->pairs[i];
		struct fg_named *item = (void *)((char *)out.items + out.count * key->size);
		size_t mark;

		if (fg_node_is_null(pair->value) && !fg_node_is_empty(pair->value))
			continue;
		out.count++;
		mark = fg_bind_enter(b, pair->key);
		faults += fg_bind_check_name(b, pair);
		item->name = fg_arena_strdup(b->arena, pair->key);
		item->node = pair->value;
		faults += fg_bind_struct(b, pair->value, key->sub, NULL, item, NULL, pair->at);
		fg_bind_leave(b, mark);
	}
	*(struct fg_items *)field = out;
	return faults;
}

/* One mapping alone is a list of one. */
static size_t bind_items(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	size_t n = node->kind == FG_NODE_SEQUENCE ? node->count : 1, faults = 0;
	struct fg_items out = {.count = n};
	char index[24];

	if (key->max && n > (size_t)key->max) {
		fg_bind_error(b, node, "%zu in the list; at most %lld are allowed", n,
			(long long)key->max);
		return 1;
	}
	out.items = fg_arena_array(b->arena, n, key->size);
	for (size_t i = 0; i < n; i++) {
		const struct fg_node *at = node->kind == FG_NODE_SEQUENCE ? node->items[i] : node;
		struct fg_named *item = (void *)((char *)out.items + i * key->size);
		size_t mark = strlen(b->path);

		snprintf(index, sizeof(index), "%zu", i + 1);
		if (node->kind == FG_NODE_SEQUENCE)
			mark = fg_bind_enter(b, index);
		item->node = at;
		faults += fg_bind_struct(b, at, key->sub, NULL, item, NULL, at->at);
		fg_bind_leave(b, mark);
	}
	*(struct fg_items *)field = out;
	return faults;
}

/* Where nothing behind a key means a mapping without keys. */
static bool wants_mapping(const struct fg_key *key)
{
	return key->type == FG_KEY_STRUCT || key->type == FG_KEY_MAP ||
	       (key->type == FG_KEY_CUSTOM && key->sub);
}

static bool wants_scalar(enum fg_key_type type)
{
	return type <= FG_KEY_CHOICE;
}

static size_t bind_kind(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	int choice;

	switch (key->type) {
	case FG_KEY_BOOL:
		return bind_bool(b, key, node, field);
	case FG_KEY_INT:
	case FG_KEY_DURATION:
	case FG_KEY_SIZE:
		return bind_whole(b, key, node, field);
	case FG_KEY_NUMBER:
	case FG_KEY_RATE:
		return bind_number(b, key, node, field);
	case FG_KEY_TEXT:
		return bind_text(b, key, node, field);
	case FG_KEY_NAME:
		return bind_name(b, key, node, field);
	case FG_KEY_PATH:
		return bind_path(b, key, node, field);
	case FG_KEY_CHOICE:
		if (bind_choice(b, key, node, &choice))
			return 1;
		*(int *)field = choice;
		return 0;
	case FG_KEY_CHOICES:
		return bind_choices(b, key, node, field);
	case FG_KEY_NAMES:
	case FG_KEY_TEXTS:
		return bind_list(b, key, node, field);
	case FG_KEY_PAIR:
		return bind_pair(b, key, node, field);
	case FG_KEY_MAP:
		return bind_map(b, key, node, field);
	case FG_KEY_STRUCT:
		return fg_bind_struct(b, node, key->sub, NULL, field, NULL, node->at);
	case FG_KEY_LIST:
		return bind_items(b, key, node, field);
	case FG_KEY_CUSTOM:
		return key->parse && key->parse(b, node, field) < 0;
	}
	return 0;
}

size_t fg_bind_value(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node, void *field)
{
	if ((key->type == FG_KEY_STRUCT || key->type == FG_KEY_MAP) &&
		node->kind != FG_NODE_MAPPING)
		return wrong(b, key, node);
	if (wants_scalar(key->type) && node->kind != FG_NODE_SCALAR)
		return wrong(b, key, node);
	return bind_kind(b, key, node, field);
}

static size_t bind_default(struct fg_bind *b, const struct fg_key *key, void *field)
{
	struct fg_node *node;

	if (key->type == FG_KEY_PAIR) {
		((double *)field)[0] = ((double *)field)[1] = NAN;
	} else if (key->type == FG_KEY_STRUCT) {
		return fg_bind_struct(b, NULL, key->sub, NULL, field, NULL, (struct fg_place){0});
	}
	if (!key->dflt)
		return 0;
	node = fg_arena_alloc(b->arena, sizeof(*node)); /* parse() may keep it */
	node->plain = true;
	node->text = key->dflt;
	return fg_bind_value(b, key, node, field);
}

/* The one value that a key without a function may have: its default, written out. */
static size_t bind_unsupported(
	struct fg_bind *b, const struct fg_key *key, const struct fg_node *node)
{
	union {
		unsigned char bytes[sizeof(double) * 2];
		int64_t i;
		double d;
	} here = {{0}}, dflt = {{0}};
	struct fg_report *rep = b->rep;
	bool same = false;

	if (fg_node_is_null(node) && !fg_node_is_empty(node))
		return 0;
	if (key->dflt && wants_scalar(key->type) && node->kind == FG_NODE_SCALAR &&
		key->type != FG_KEY_TEXT && key->type != FG_KEY_NAME && key->type != FG_KEY_PATH) {
		b->rep = fg_report_new(); /* whatever is wrong with it, it is not the default */
		same = fg_bind_value(b, key, node, &here) == 0 && bind_default(b, key, &dflt) == 0;
		same = same && memcmp(&here, &dflt, sizeof(here)) == 0;
		fg_report_free(b->rep);
		b->rep = rep;
	}
	if (same)
		return 0;
	fg_bind_error(b, node, "not supported yet; leave it out");
	return 1;
}

static size_t bind_key(struct fg_bind *b, const struct fg_key *key, const struct fg_node *node,
	void *object, struct fg_place at)
{
	void *field = (char *)object + key->offset;
	size_t mark, faults;

	if (!node || (fg_node_is_null(node) && !fg_node_is_empty(node))) {
		if (key->flags & FG_KEY_REQUIRED && at.file) {
			fg_report_error(b->rep, at, "%s%smissing key '%s'", b->path,
				b->path[0] ? ": " : "", key->name);
			return 1;
		}
		if (key->flags & FG_KEY_UNSUPPORTED)
			return 0;
	}
	mark = fg_bind_enter(b, key->name);
	if (!node || (fg_node_is_null(node) && !fg_node_is_empty(node)))
		faults = bind_default(b, key, field);
	else if (key->flags & FG_KEY_UNSUPPORTED)
		faults = bind_unsupported(b, key, node);
	else if (fg_node_is_empty(node) && wants_mapping(key))
		faults = key->flags & FG_KEY_REQUIRED && key->type == FG_KEY_STRUCT
				 ? fg_bind_struct(b, NULL, key->sub, NULL, field, NULL, node->at)
				 : bind_default(b, key, field);
	else if (fg_node_is_empty(node)) {
		fg_bind_error(b, node, "no value; write one, or ~ for the default");
		faults = 1;
	} else {
		faults = fg_bind_value(b, key, node, field);
	}
	fg_bind_leave(b, mark);
	return faults;
}

static bool in_table(const struct fg_key *keys, const char *name)
{
	for (; keys && keys->name; keys++)
		if (strcmp(keys->name, name) == 0 || (keys->was && strcmp(keys->was, name) == 0))
			return true;
	return false;
}

/* What a mapping has for a key, under the name that it has or the one it had. */
static const struct fg_node *find(struct fg_bind *b, const struct fg_node *mapping,
	const struct fg_key *key, size_t *ret_faults)
{
	const struct fg_node *now = fg_node_get(mapping, key->name), *old = NULL;
	const char *dot = b->path[0] ? ": " : "";

	if (key->was)
		old = fg_node_get(mapping, key->was);
	if (!old)
		return now;
	if (now) {
		fg_report_error(b->rep, old->at, "%s%s'%s' was renamed to '%s', which is there too",
			b->path, dot, key->was, key->name);
		++*ret_faults;
		return now;
	}
	fg_report_warning(b->rep, old->at, "%s%s'%s' was renamed to '%s'; it is still read",
		b->path, dot, key->was, key->name);
	return old;
}

static size_t add_names(const struct fg_key *keys, const char **names, size_t n)
{
	for (; keys && keys->name && n < MAX_KNOWN; keys++)
		if (!(keys->flags & FG_KEY_UNSUPPORTED))
			names[n++] = keys->name;
	return n;
}

static size_t check_unknown(struct fg_bind *b, const struct fg_node *node,
	const struct fg_key *keys, const struct fg_key *const *others)
{
	size_t faults = 0;

	for (size_t i = 0; i < node->count; i++) {
		const struct fg_pair *pair = &node->pairs[i];
		const char *names[MAX_KNOWN];
		char mem[260];
		struct fg_buf hint;
		size_t n;
		bool known = in_table(keys, pair->key);

		for (size_t k = 0; !known && others && others[k]; k++)
			known = in_table(others[k], pair->key);
		if (known)
			continue;
		n = add_names(keys, names, 0);
		for (size_t k = 0; others && others[k]; k++)
			n = add_names(others[k], names, n);
		fg_buf_wrap(&hint, mem, sizeof(mem));
		fg_put_suggestion(&hint, pair->key, names, n, "there is");
		fg_report_error(b->rep, pair->at, "%s%sunknown key '%.*s'%s", b->path,
			b->path[0] ? ": " : "", MAX_SHOWN, pair->key, mem);
		faults++;
	}
	return faults;
}

static size_t bind_mapping(struct fg_bind *b, const struct fg_node *node, const struct fg_key *keys,
	const struct fg_key *const *others, void *object, struct fg_place at)
{
	size_t faults = 0;
	bool partial = b->partial; /* of this mapping, not of those inside it */

	if (node && fg_node_is_empty(node))
		node = NULL;
	if (node && node->kind != FG_NODE_MAPPING) {
		fg_bind_error(b, node, "a %s cannot stand here; it takes a mapping of keys",
			node->kind == FG_NODE_SCALAR ? "text" : "list");
		return 1;
	}
	if (node && !partial)
		faults += check_unknown(b, node, keys, others);
	b->partial = false;
	for (; keys && keys->name; keys++) {
		const struct fg_node *value = find(b, node, keys, &faults);

		faults += bind_key(b, keys, value, object, at);
	}
	b->partial = partial;
	return faults;
}

size_t fg_bind_struct(struct fg_bind *b, const struct fg_node *node, const struct fg_key *keys,
	const struct fg_key *const *others, void *object, const char *path, struct fg_place at)
{
	size_t mark = strlen(b->path), faults;

	if (path && strcmp(path, b->path) != 0)
		fg_bind_enter(b, path);
	faults = bind_mapping(b, node, keys, others, object, at);
	fg_bind_leave(b, mark);
	return faults;
}
