/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_NODE_H
#define FG_BASE_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/report.h"

/* A YAML document as a tree that remembers where each part stands. Scalars stay text: the key that
 * holds one says what it means. Immutable after loading but for fg_node_merge. */
enum fg_node_kind {
	FG_NODE_SCALAR,
	FG_NODE_MAPPING,
	FG_NODE_SEQUENCE,
};

struct fg_node {
	enum fg_node_kind kind;
	struct fg_place at;
	bool plain;               /* a scalar without quotes */
	const char *text;         /* scalar: UTF-8 without NUL inside */
	size_t count;             /* pairs or items */
	struct fg_pair *pairs;    /* mapping, in the order of the file */
	struct fg_node **items;   /* sequence */
};

struct fg_pair {
	const char *key;
	struct fg_place at; /* of the key */
	struct fg_node *value;
};

/* Bounds on what a file may be; beyond them it is a fault, told with its place. */
#define FG_YAML_MAX_BYTES (4u << 20)
#define FG_YAML_MAX_DEPTH 32
#define FG_YAML_MAX_NODES 200000 /* aliases counted each time they are used */
#define FG_YAML_MAX_PAIRS 10000  /* of one mapping */
#define FG_YAML_MAX_ANCHORS 256

/* Reads one file (through libyaml's events, so that every bound holds while it is read). Nodes and
 * the file's name live in the arena. A block mapping or list under a key stands at its key, where
 * a person looks for it. Faults go to rep with their place: not readable, too large, bad UTF-8,
 * YAML errors, more than one document, keys that are not scalars, the same key twice in a mapping,
 * aliases that contain themselves, tags, depth.
 * Returns FG_ECONFIG with *ret_root untouched where no tree could be made; else FG_OK with the
 * root, also where there are faults in it (the first of two keys holds): look at fg_report_errors
 * before using it. An empty file gives an empty mapping. `name` is how messages call the file, and
 * what paths in it are relative to. */
int fg_yaml_load_file(struct fg_arena *arena, const char *path, const char *name,
	struct fg_report *rep, struct fg_node **ret_root);
int fg_yaml_load_text(struct fg_arena *arena, const char *text, size_t len, const char *name,
	struct fg_report *rep, struct fg_node **ret_root);

/* The value of a key, or NULL. */
struct fg_node *fg_node_get(const struct fg_node *mapping, const char *key);

/* `~`, `null` or nothing, without quotes. */
bool fg_node_is_null(const struct fg_node *node);
/* Nothing at all behind the key. */
bool fg_node_is_empty(const struct fg_node *node);

/* Lays `over` onto `under` and returns the result (new nodes in the arena; neither is changed):
 * mappings merge by key, later scalars and sequences replace, `~` or `null` removes the key, a key
 * with nothing behind it changes nothing. Where the kinds differ, `over` replaces. */
struct fg_node *fg_node_merge(struct fg_arena *arena, const struct fg_node *under,
	const struct fg_node *over);

/* The mapping without a key; itself where it has none of that name. */
const struct fg_node *fg_node_without(
	struct fg_arena *arena, const struct fg_node *mapping, const char *key);

/* A 64-bit fingerprint of what the tree says (not where it stands); equal trees are equal. */
unsigned long long fg_node_hash(const struct fg_node *node);

/* The name nearest to `word` among n names by edit distance, for "did you mean"; NULL where none
 * is near enough to be a likely slip (about a third of its length, at least one). */
const char *fg_suggest(const char *word, const char *const *names, size_t n);

#endif
