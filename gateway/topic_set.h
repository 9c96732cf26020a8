/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_TOPIC_SET_H
#define FG_GATEWAY_TOPIC_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/varint.h"

/* A set of topics in a few bytes each: sorted, and each tells only where it differs from the one
 * before. As it is in memory it is stored. Zeroed: empty. */

#define FG_TOPIC_MAX 512 /* with its NUL */

struct fg_topic_set {
	struct fg_buf bytes;
	size_t count;
	char last[FG_TOPIC_MAX];
};

/* limit: of its bytes. What does not fit sets bytes.overflow, and what would come behind it is not
 * taken either. */
void fg_topic_set_init(struct fg_topic_set *s, size_t limit);
void fg_topic_set_fini(struct fg_topic_set *s);
/* Behind all others; what is there already, or too long, is passed over. */
void fg_topic_set_append(struct fg_topic_set *s, const char *topic);

/* Goes through a set, or through bytes of one that may be damaged. */
struct fg_topic_cursor {
	struct fg_bytes in;
	size_t len;
	char text[FG_TOPIC_MAX];
};
void fg_topic_first(struct fg_topic_cursor *c, const void *bytes, size_t len);
static inline void fg_topic_set_first(struct fg_topic_cursor *c, const struct fg_topic_set *s)
{
	fg_topic_first(c, s->bytes.data, s->bytes.len);
}
/* The next is in c->text; false behind the last, and where the bytes make no sense from here on
 * (c->in.bad). */
bool fg_topic_next(struct fg_topic_cursor *c);

/* What is in either; what is in a and not in b, which is nothing where b lacks what did not fit.
 * *ret is initialised and empty. */
void fg_topic_set_union(
	const struct fg_topic_set *a, const struct fg_topic_set *b, struct fg_topic_set *ret);
void fg_topic_set_minus(
	const struct fg_topic_set *a, const struct fg_topic_set *b, struct fg_topic_set *ret);

/* For collecting in any order. */
struct fg_topic_list {
	char **items;
	size_t count, cap;
	bool failed; /* out of memory */
};
void fg_topic_list_add(struct fg_topic_list *l, const char *topic);
/* Moves all into *ret, which is initialised and empty; frees the list. A list that lacks some sets
 * bytes.overflow. */
void fg_topic_list_sort(struct fg_topic_list *l, struct fg_topic_set *ret);

#endif
