/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_KEY_H
#define FG_BASE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/node.h"
#include "base/report.h"

/* The table of keys: everything a configuration file can say is declared in arrays of fg_key, one
 * array for each kind of mapping. The same arrays drive the loader (fg_bind), the reference page,
 * the JSON Schema and `check --effective`. */

enum fg_key_type {
	FG_KEY_BOOL,     /* bool: true false yes no on off */
	FG_KEY_INT,      /* int64_t, decimal or 0x…; min and max hold where min < max */
	FG_KEY_NUMBER,   /* double; fmin and fmax hold where fmin < fmax */
	FG_KEY_DURATION, /* int64_t microseconds; min and max in microseconds, where min < max */
	FG_KEY_SIZE,     /* int64_t bytes: 64KiB 512MiB 2GiB, or plain; min and max likewise */
	FG_KEY_RATE,     /* double per second: 500/s, 30/min, 2/h; fmin and fmax in per second */
	FG_KEY_TEXT,     /* const char *; min (0: 1) and max (0: 255) bytes, no controls */
	FG_KEY_NAME,     /* const char *: [a-z0-9][a-z0-9_-]{0,62} */
	FG_KEY_PATH,     /* const char *: made absolute against the file it stands in */
	FG_KEY_CHOICE,   /* int: the value of the choice */
	FG_KEY_CHOICES,  /* unsigned: a list of choices as bits (1 << value), or one choice alone */
	FG_KEY_NAMES,    /* struct fg_texts: a list of names */
	FG_KEY_TEXTS,    /* struct fg_texts: a list of texts */
	FG_KEY_PAIR,     /* double[2]: [low, high], low < high, `~`: open; NaN where absent */
	FG_KEY_STRUCT,   /* a mapping with the keys of `sub`, in place at offset */
	FG_KEY_MAP,      /* struct fg_items: names to mappings with the keys of `sub` */
	FG_KEY_LIST,     /* struct fg_items: mappings with the keys of `sub`, or one; max: most */
	FG_KEY_CUSTOM,   /* parse() reads the node; dflt as a plain scalar, where there is one */
};

enum {
	FG_KEY_REQUIRED = 1u << 0,
	/* Known, but its function is not built: "not supported yet" for all but dflt written out.
	 * The field is not touched. */
	FG_KEY_UNSUPPORTED = 1u << 1,
	FG_KEY_FILE = 1u << 2,     /* PATH: must exist, unless --no-files */
	FG_KEY_ADVANCED = 1u << 3, /* rarely needed; the reference says so */
};

struct fg_choice {
	const char *name; /* NULL ends the list */
	int value;
	bool unsupported; /* "not supported yet" */
	const char *help;
};

struct fg_bind;

struct fg_key {
	const char *name; /* NULL ends the array */
	enum fg_key_type type;
	unsigned flags;
	size_t offset; /* of the field in the object */
	int64_t min, max;
	double fmin, fmax;
	const char *dflt;    /* as a user would write it; NULL: the field stays zero */
	const char *unit;    /* for people: "per second", "bytes" */
	const struct fg_choice *choices;
	const struct fg_key *sub; /* STRUCT, MAP; CUSTOM that may be a mapping: for the documents */
	size_t size;              /* MAP, LIST: of one item; its first member is a fg_named */
	int (*parse)(struct fg_bind *b, const struct fg_node *node, void *field);
	const char *form;   /* CUSTOM: what is allowed, for people */
	const char *schema; /* CUSTOM: a JSON Schema fragment */
	const char *help;   /* one or two sentences */
	const char *was;    /* its name in older releases: still read, with a warning; NULL: none */
};

struct fg_texts {
	const char *const *items;
	size_t count;
};

/* What each object of a MAP or LIST begins with. */
struct fg_named {
	const char *name;           /* NULL in a LIST */
	const struct fg_node *node; /* where it stands; lives as long as the arena */
};

struct fg_items {
	void *items; /* array of objects of fg_key.size, in the order of the file */
	size_t count;
};

/* One binding of nodes to objects. */
struct fg_bind {
	struct fg_arena *arena;
	struct fg_report *rep;
	bool no_files;  /* do not look whether files exist */
	bool partial;   /* unknown keys are no fault: another call over the mapping tells them */
	char path[256]; /* of the key being read: "devices.weir-sonde.points.ph.type" */
};

/* Fills an object from a mapping by its table; NULL node: all defaults. Every fault is reported:
 * unknown key (with a suggestion), wrong kind, not of the type, out of range, missing (at `at`),
 * not supported yet, under its older name and its own. `~` means the default; a key with nothing
 * behind it is a fault unless a mapping is wanted. `path`, where it is not b->path itself, is
 * appended to b->path, which goes before the key names in messages. Keys in `others` (a
 * NULL-terminated array of tables, may be NULL) belong to somebody else and are not unknown.
 * Returns the number of faults. */
size_t fg_bind_struct(struct fg_bind *b, const struct fg_node *node, const struct fg_key *keys,
	const struct fg_key *const *others, void *object, const char *path, struct fg_place at);

/* A fault at a node, with the current path before the text. */
void fg_bind_error(struct fg_bind *b, const struct fg_node *node, const char *fmt, ...)
	FG_PRINTF(3, 4);

bool fg_name_valid(const char *text);
/* A fault at a key that is no name. */
size_t fg_bind_check_name(struct fg_bind *b, const struct fg_pair *pair);

/* Reads one value by its key, as fg_bind_struct does; b->path is the key's. For parse(). */
size_t fg_bind_value(struct fg_bind *b, const struct fg_key *key, const struct fg_node *node,
	void *field);

/* Appends ".name" to b->path, which messages begin with; returns what fg_bind_leave takes. */
size_t fg_bind_enter(struct fg_bind *b, const char *name);
void fg_bind_leave(struct fg_bind *b, size_t mark);

/* A path made absolute against the file that `at` names. */
const char *fg_path_resolve(struct fg_arena *arena, struct fg_place at, const char *path);

/* "; did you mean 'x'?", else "; LABEL a, b, c" of what there is; empty where there is nothing. */
void fg_put_suggestion(struct fg_buf *out, const char *word, const char *const *names, size_t n,
	const char *label);

/* What a key takes, for people: "a whole number, 1 to 247". */
void fg_key_form(const struct fg_key *key, struct fg_buf *out);
/* Its range ("1 to 247"; nothing where it has none), and its choices that are supported. */
void fg_key_range(const struct fg_key *key, struct fg_buf *out);
void fg_key_choices(const struct fg_key *key, struct fg_buf *out);

#endif
