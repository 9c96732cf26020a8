/* SPDX-License-Identifier: EUPL-1.2 */
/* Sets of topics. */
#include "gateway/topic_set.h"

#include <stdlib.h>
#include <string.h>

void fg_topic_set_init(struct fg_topic_set *s, size_t limit)
{
	*s = (struct fg_topic_set){0};
	fg_buf_init(&s->bytes, limit);
}

void fg_topic_set_fini(struct fg_topic_set *s)
{
	fg_buf_fini(&s->bytes);
	*s = (struct fg_topic_set){0};
}

void fg_topic_set_append(struct fg_topic_set *s, const char *topic)
{
	size_t len = strlen(topic), same = 0, before = s->bytes.len;

	if (s->bytes.overflow || len == 0 || len >= FG_TOPIC_MAX || strcmp(topic, s->last) <= 0)
		return;
	while (topic[same] && topic[same] == s->last[same])
		same++;
	fg_put_varint(&s->bytes, same);
	fg_put_varint(&s->bytes, len - same);
	fg_buf_put(&s->bytes, topic + same, len - same);
	if (s->bytes.overflow) { /* whole topics only */
		s->bytes.len = before;
		return;
	}
	memcpy(s->last, topic, len + 1);
	s->count++;
}

void fg_topic_first(struct fg_topic_cursor *c, const void *bytes, size_t len)
{
	c->in = (struct fg_bytes){.at = bytes, .end = (const unsigned char *)bytes + len};
	c->len = 0;
	c->text[0] = '\0';
}

bool fg_topic_next(struct fg_topic_cursor *c)
{
	char before;
	size_t same, more;
	const char *text;

	if (c->in.bad || c->in.at == c->in.end)
		return false;
	same = (size_t)fg_get_varint(&c->in);
	more = (size_t)fg_get_varint(&c->in);
	text = c->in.bad || more >= FG_TOPIC_MAX ? NULL : fg_get_bytes(&c->in, more);
	/* sorted, and a topic that can be published to */
	if (!text || more == 0 || same > c->len || same + more >= FG_TOPIC_MAX ||
		memchr(text, '\0', more) || memchr(text, '+', more) || memchr(text, '#', more)) {
		c->in.bad = true;
		return false;
	}
	before = c->text[same];
	memcpy(c->text + same, text, more);
	c->len = same + more;
	c->text[c->len] = '\0';
	c->in.bad = (unsigned char)c->text[same] <= (unsigned char)before;
	return !c->in.bad;
}

static void merge(const struct fg_topic_set *a, const struct fg_topic_set *b, bool both,
	struct fg_topic_set *ret)
{
	struct fg_topic_cursor ca, cb;
	bool in_a, in_b;

	fg_topic_set_first(&ca, a);
	fg_topic_set_first(&cb, b);
	in_a = fg_topic_next(&ca);
	in_b = fg_topic_next(&cb);
	while (in_a || (in_b && both)) {
		int c = !in_a ? 1 : !in_b ? -1 : strcmp(ca.text, cb.text);

		if (c < 0 || (c == 0 && both))
			fg_topic_set_append(ret, ca.text);
		else if (c > 0 && both)
			fg_topic_set_append(ret, cb.text);
		if (c <= 0)
			in_a = fg_topic_next(&ca);
		if (c >= 0)
			in_b = fg_topic_next(&cb);
	}
}

void fg_topic_set_union(
	const struct fg_topic_set *a, const struct fg_topic_set *b, struct fg_topic_set *ret)
{
	merge(a, b, true, ret);
}

void fg_topic_set_minus(
	const struct fg_topic_set *a, const struct fg_topic_set *b, struct fg_topic_set *ret)
{
	if (!b->bytes.overflow) /* else nobody knows what is not in it */
		merge(a, b, false, ret);
}

/* ---- in any order ---- */

void fg_topic_list_add(struct fg_topic_list *l, const char *topic)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		char **items = realloc(l->items, cap * sizeof(*items));

		if (!items) {
			l->failed = true;
			return;
		}
		l->items = items;
		l->cap = cap;
	}
	l->items[l->count] = strdup(topic);
	if (l->items[l->count])
		l->count++;
	else
		l->failed = true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void fg_topic_list_sort(struct fg_topic_list *l, struct fg_topic_set *ret)
{
	if (l->count)
		qsort(l->items, l->count, sizeof(*l->items), by_text);
	for (size_t i = 0; i < l->count; i++) {
		fg_topic_set_append(ret, l->items[i]);
		free(l->items[i]);
	}
	ret->bytes.overflow |= l->failed;
	free(l->items);
	*l = (struct fg_topic_list){0};
}
