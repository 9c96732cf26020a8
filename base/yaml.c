/* SPDX-License-Identifier: EUPL-1.2 */
/* YAML to nodes. Event by event, so that depth, number of nodes and the use of aliases are bounded
 * while the file is read and not after a tree of it has been made. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/node.h"
#include "base/status.h"

struct anchor {
	const char *name;
	const struct fg_node *node; /* NULL while the node is being read */
	size_t nodes;		    /* it stands for */
	int height;
};

struct loader {
	yaml_parser_t parser;
	struct fg_arena *arena;
	struct fg_report *rep;
	const char *name;
	const char *text;
	size_t len;
	size_t nodes;
	struct anchor anchors[FG_YAML_MAX_ANCHORS];
	size_t anchor_count;
};

static int read_node(
	struct loader *l, yaml_event_t *ev, int depth, struct fg_node **ret, int *ret_height);

static struct fg_place place(const struct loader *l, yaml_mark_t mark)
{
	return (struct fg_place){l->name, (int)mark.line + 1, (int)mark.column + 1};
}

/* What libyaml says, with a hint where it is the usual slip. */
static int syntax_error(struct loader *l)
{
	const yaml_parser_t *p = &l->parser;
	const char *problem = p->problem ? p->problem : "out of memory";
	size_t at = p->problem_mark.index;
	struct fg_place where = place(l, p->problem_mark);

	if (p->error == YAML_READER_ERROR || p->error == YAML_MEMORY_ERROR)
		where.line = 0;
	if (p->error == YAML_SCANNER_ERROR && at < l->len && l->text[at] == '\t')
		fg_report_error(l->rep, where, "a tab cannot indent in YAML; use blanks");
	else if (p->context && p->context_mark.line != p->problem_mark.line)
		fg_report_error(l->rep, where, "%s, %s from line %zu on", problem, p->context,
			p->context_mark.line + 1);
	else if (p->context)
		fg_report_error(l->rep, where, "%s, %s", problem, p->context);
	else
		fg_report_error(l->rep, where, "%s", problem);
	return FG_ECONFIG;
}

static int next(struct loader *l, yaml_event_t *ev)
{
	return yaml_parser_parse(&l->parser, ev) ? FG_OK : syntax_error(l);
}

static int count_nodes(struct loader *l, size_t n, struct fg_place at)
{
	l->nodes += n;
	if (l->nodes <= FG_YAML_MAX_NODES)
		return FG_OK;
	fg_report_error(l->rep, at, "too much: more than %d values, aliases counted at each use",
		FG_YAML_MAX_NODES);
	return FG_ECONFIG;
}

static int too_deep(struct loader *l, struct fg_place at)
{
	fg_report_error(l->rep, at, "nested more than %d deep", FG_YAML_MAX_DEPTH);
	return FG_ECONFIG;
}

static int open_anchor(struct loader *l, const yaml_char_t *name, struct fg_place at)
{
	if (!name)
		return FG_OK;
	if (l->anchor_count == FG_YAML_MAX_ANCHORS) {
		fg_report_error(l->rep, at, "more than %d anchors", FG_YAML_MAX_ANCHORS);
		return FG_ECONFIG;
	}
	l->anchors[l->anchor_count++] = (struct anchor){
		.name = fg_arena_strdup(l->arena, (const char *)name),
		.nodes = l->nodes,
	};
	return FG_OK;
}

static int read_alias(
	struct loader *l, const yaml_event_t *ev, int depth, struct fg_node **ret, int *ret_height)
{
	const char *name = (const char *)ev->data.alias.anchor;
	struct fg_place at = place(l, ev->start_mark);
	const struct anchor *a = NULL;

	for (size_t i = l->anchor_count; i-- > 0 && !a;) /* the last of a name holds */
		if (strcmp(l->anchors[i].name, name) == 0)
			a = &l->anchors[i];
	if (!a || !a->node) {
		fg_report_error(l->rep, at,
			a ? "alias '*%s' contains itself"
			  : "alias '*%s' has no anchor '&%s' before it",
			name, name);
		return FG_ECONFIG;
	}
	if (count_nodes(l, a->nodes, at) < 0)
		return FG_ECONFIG;
	if (depth + a->height > FG_YAML_MAX_DEPTH)
		return too_deep(l, at);
	*ret = fg_arena_alloc(l->arena, sizeof(**ret));
	**ret = *a->node;
	*ret_height = a->height;
	return FG_OK;
}

static void refuse_tag(struct loader *l, const yaml_char_t *tag, struct fg_place at)
{
	if (tag)
		fg_report_error(l->rep, at, "the tag '%s' has no meaning here; leave it out",
			(const char *)tag);
}

static int read_scalar(struct loader *l, const yaml_event_t *ev, struct fg_node *node)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;

	refuse_tag(l, ev->data.scalar.tag, node->at);
	if (memchr(text, '\0', len)) {
		fg_report_error(l->rep, node->at, "a text with a NUL character in it");
		return FG_ECONFIG;
	}
	node->kind = FG_NODE_SCALAR;
	node->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = fg_arena_strndup(l->arena, text, len);
	return FG_OK;
}

/* Room for one more element in an array of the arena. */
static void *grow(struct loader *l, void *array, size_t count, size_t size)
{
	void *bigger;

	if (count & (count - 1) || (count && count < 4)) /* full at 0, 4, 8, 16 … */
		return array;
	bigger = fg_arena_array(l->arena, count ? count * 2 : 4, size);
	if (count)
		memcpy(bigger, array, count * size);
	return bigger;
}

/* Reads the nodes of a collection until its end; add() takes each. */
static int read_sequence(struct loader *l, int depth, struct fg_node *node, int *ret_height)
{
	node->kind = FG_NODE_SEQUENCE;
	for (;;) {
		yaml_event_t ev;
		struct fg_node *item;
		int r, height = 0;

		if (next(l, &ev) < 0)
			return FG_ECONFIG;
		if (ev.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&ev);
			return FG_OK;
		}
		r = read_node(l, &ev, depth + 1, &item, &height);
		yaml_event_delete(&ev);
		if (r < 0)
			return r;
		node->items = grow(l, node->items, node->count, sizeof(node->items[0]));
		node->items[node->count++] = item;
		*ret_height = FG_MAX(*ret_height, height + 1);
	}
}

struct entry {
	const struct fg_pair *pair;
	size_t at;
};

static int by_key(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int c = strcmp(a->pair->key, b->pair->key);

	return c ? c : a->at < b->at ? -1 : a->at > b->at;
}

/* Every repetition of a key is a fault that names the place of the first. */
static void check_twice(struct loader *l, const struct fg_node *node)
{
	struct entry *sorted = fg_arena_array(l->arena, node->count, sizeof(*sorted));
	const struct fg_pair *first = NULL;

	for (size_t i = 0; i < node->count; i++)
		sorted[i] = (struct entry){&node->pairs[i], i};
	qsort(sorted, node->count, sizeof(*sorted), by_key);
	for (size_t i = 0; i < node->count; i++) {
		const struct fg_pair *pair = sorted[i].pair;

		if (first && strcmp(first->key, pair->key) == 0)
			fg_report_error(l->rep, pair->at,
				"key '%.80s' twice; it stands in line %d already", pair->key,
				first->at.line);
		else
			first = pair;
	}
}

static int read_value(
	struct loader *l, int depth, struct fg_node *node, struct fg_node *key, int *ret_height)
{
	struct fg_pair *pair;
	struct fg_node *value;
	yaml_event_t ev;
	bool block;
	int r, height = 0;

	if (next(l, &ev) < 0)
		return FG_ECONFIG;
	block = (ev.type == YAML_MAPPING_START_EVENT &&
			ev.data.mapping_start.style != YAML_FLOW_MAPPING_STYLE) ||
		(ev.type == YAML_SEQUENCE_START_EVENT &&
			ev.data.sequence_start.style != YAML_FLOW_SEQUENCE_STYLE);
	r = read_node(l, &ev, depth + 1, &value, &height);
	yaml_event_delete(&ev);
	if (r < 0)
		return r;
	*ret_height = FG_MAX(*ret_height, height + 1);
	if (key->kind != FG_NODE_SCALAR) {
		fg_report_error(l->rep, key->at, "a key must be a text, not a list or mapping");
		return FG_OK;
	}
	if (block)
		value->at = key->at;
	node->pairs = grow(l, node->pairs, node->count, sizeof(node->pairs[0]));
	pair = &node->pairs[node->count++];
	*pair = (struct fg_pair){key->text, key->at, value};
	return FG_OK;
}

static int read_mapping(struct loader *l, int depth, struct fg_node *node, int *ret_height)
{
	node->kind = FG_NODE_MAPPING;
	for (;;) {
		yaml_event_t ev;
		struct fg_node *key;
		int r, height = 0;

		if (next(l, &ev) < 0)
			return FG_ECONFIG;
		if (ev.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&ev);
			check_twice(l, node);
			return FG_OK;
		}
		r = read_node(l, &ev, depth + 1, &key, &height);
		yaml_event_delete(&ev);
		if (r < 0)
			return r;
		if (node->count == FG_YAML_MAX_PAIRS) {
			fg_report_error(l->rep, key->at, "more than %d keys in one mapping",
				FG_YAML_MAX_PAIRS);
			return FG_ECONFIG;
		}
		r = read_value(l, depth, node, key, ret_height);
		if (r < 0)
			return r;
	}
}

static const yaml_char_t *anchor_of(const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return ev->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return ev->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return ev->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static int read_content(
	struct loader *l, const yaml_event_t *ev, int depth, struct fg_node *node, int *ret_height)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(l, ev, node);
	case YAML_SEQUENCE_START_EVENT:
		refuse_tag(l, ev->data.sequence_start.tag, node->at);
		return read_sequence(l, depth, node, ret_height);
	case YAML_MAPPING_START_EVENT:
		refuse_tag(l, ev->data.mapping_start.tag, node->at);
		return read_mapping(l, depth, node, ret_height);
	default:
		fg_report_error(l->rep, node->at, "a value is missing");
		return FG_ECONFIG;
	}
}

/* The node that begins with an event; the caller deletes the event. */
static int read_node(
	struct loader *l, yaml_event_t *ev, int depth, struct fg_node **ret, int *ret_height)
{
	struct fg_place at = place(l, ev->start_mark);
	size_t index = l->anchor_count, before = l->nodes;
	struct fg_node *node;

	*ret_height = 0;
	if (depth > FG_YAML_MAX_DEPTH)
		return too_deep(l, at);
	if (ev->type == YAML_ALIAS_EVENT)
		return read_alias(l, ev, depth, ret, ret_height);
	if (count_nodes(l, 1, at) < 0 || open_anchor(l, anchor_of(ev), at) < 0)
		return FG_ECONFIG;
	node = fg_arena_alloc(l->arena, sizeof(*node));
	node->at = at;
	if (read_content(l, ev, depth, node, ret_height) < 0)
		return FG_ECONFIG;
	if (anchor_of(ev)) {
		l->anchors[index].node = node;
		l->anchors[index].nodes = l->nodes - before;
		l->anchors[index].height = *ret_height;
	}
	*ret = node;
	return FG_OK;
}

/* Skips to what follows; the type of that event, which is deleted. */
static int step(struct loader *l, yaml_event_type_t *ret_type, struct fg_place *ret_at)
{
	yaml_event_t ev;

	if (next(l, &ev) < 0)
		return FG_ECONFIG;
	*ret_type = ev.type;
	*ret_at = place(l, ev.start_mark);
	yaml_event_delete(&ev);
	return FG_OK;
}

static int read_document(struct loader *l, struct fg_node **ret_root)
{
	struct fg_place at;
	yaml_event_type_t type;
	yaml_event_t ev;
	int r, height;

	if (step(l, &type, &at) < 0 || step(l, &type, &at) < 0)
		return FG_ECONFIG;
	if (type != YAML_STREAM_END_EVENT) {
		if (next(l, &ev) < 0)
			return FG_ECONFIG;
		r = read_node(l, &ev, 0, ret_root, &height);
		yaml_event_delete(&ev);
		if (r < 0 || step(l, &type, &at) < 0 || step(l, &type, &at) < 0)
			return FG_ECONFIG;
		if (type != YAML_STREAM_END_EVENT) {
			fg_report_error(l->rep, at, "a second document; a file holds one");
			return FG_ECONFIG;
		}
	}
	if (!*ret_root || fg_node_is_null(*ret_root)) {
		*ret_root = fg_arena_alloc(l->arena, sizeof(**ret_root));
		(*ret_root)->kind = FG_NODE_MAPPING;
		(*ret_root)->at = (struct fg_place){l->name, 1, 1};
	}
	return FG_OK;
}

/* Whether YAML allows a character (its section 5.1). */
static bool printable(const unsigned char *s, size_t n)
{
	if (n == 1)
		return (*s >= 0x20 && *s != 0x7F) || *s == '\t' || *s == '\n' || *s == '\r';
	if (n == 2 && s[0] == 0xC2)
		return s[1] >= 0xA0 || s[1] == 0x85;
	return !(n == 3 && s[0] == 0xEF && s[1] == 0xBF && s[2] >= 0xBE);
}

/* libyaml gives no line for bad characters, so they are looked for here, first of all. */
static int check_characters(struct loader *l)
{
	const unsigned char *s = (const unsigned char *)l->text;
	struct fg_place at = {l->name, 1, 1};
	size_t n;

	for (size_t i = 0; i < l->len; i += n) {
		n = fg_utf8_char(s + i, l->len - i);
		if (n == 0) {
			fg_report_error(l->rep, at,
				"byte 0x%02X is not UTF-8; save the file as UTF-8", s[i]);
			return FG_ECONFIG;
		}
		if (!printable(s + i, n)) {
			fg_report_error(l->rep, at,
				"a control character (byte 0x%02X) cannot stand here", s[i]);
			return FG_ECONFIG;
		}
		at.column++;
		if (s[i] == '\n') {
			at.line++;
			at.column = 1;
		}
	}
	return FG_OK;
}

int fg_yaml_load_text(struct fg_arena *arena, const char *text, size_t len, const char *name,
	struct fg_report *rep, struct fg_node **ret_root)
{
	struct loader *l = fg_arena_alloc(arena, sizeof(*l));
	struct fg_node *root = NULL;
	int r;

	l->arena = arena;
	l->rep = rep;
	l->name = fg_arena_strdup(arena, name);
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a mark that editors leave */
		text += 3;
		len -= 3;
	}
	l->text = text;
	l->len = len;
	if (len > FG_YAML_MAX_BYTES) {
		fg_report_error(rep, (struct fg_place){l->name, 0, 0}, "larger than %u MiB",
			FG_YAML_MAX_BYTES >> 20);
		return FG_ECONFIG;
	}
	if (check_characters(l) < 0)
		return FG_ECONFIG;
	if (!yaml_parser_initialize(&l->parser))
		return FG_ENOMEM;
	yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&l->parser, (const unsigned char *)text, len);
	r = read_document(l, &root);
	yaml_parser_delete(&l->parser);
	if (r == FG_OK)
		*ret_root = root;
	return r;
}

/* Reads up to one byte more than is allowed, so that the caller sees that it is too much. */
static ssize_t read_all(int fd, char *mem, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, mem + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int fg_yaml_load_file(struct fg_arena *arena, const char *path, const char *name,
	struct fg_report *rep, struct fg_node **ret_root)
{
	char *mem = malloc(FG_YAML_MAX_BYTES + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = -1;
	int r;

	if (!mem)
		errno = ENOMEM;
	else if (fd >= 0)
		len = read_all(fd, mem, FG_YAML_MAX_BYTES + 1);
	if (len < 0) {
		fg_report_error(rep, (struct fg_place){name, 0, 0}, "cannot read it: %s",
			fg_strerror(-errno));
		r = FG_ECONFIG;
	} else {
		r = fg_yaml_load_text(arena, mem, (size_t)len, name, rep, ret_root);
	}
	if (fd >= 0)
		close(fd);
	free(mem);
	return r;
}
