/* SPDX-License-Identifier: EUPL-1.2 */
/* Memory of a view: blocks that are freed together, and a count of those who hold it. */
#include "web/view.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BLOCK_BYTES (16u << 10)

struct block {
	struct block *next;
	size_t used, cap;
	max_align_t bytes[];
};

struct holder {
	struct fg_view view; /* first: a view is its holder */
	atomic_uint refs;
	void *owner;
	void (*release)(void *owner);
	struct block *blocks;
	size_t total;
	bool failed;
};

struct fg_view *fg_view_new(void *owner, void (*release)(void *owner))
{
	struct holder *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	atomic_init(&h->refs, 1);
	h->owner = owner;
	h->release = release;
	return &h->view;
}

struct fg_view *fg_view_ref(struct fg_view *v)
{
	struct holder *h = (struct holder *)v;

	if (h)
		atomic_fetch_add(&h->refs, 1);
	return v;
}

void fg_view_unref(struct fg_view *v)
{
	struct holder *h = (struct holder *)v;
	struct block *next;

	if (!h || atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	for (struct block *b = h->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	if (h->release)
		h->release(h->owner);
	free(h);
}

/* A block with room for n bytes; large ones are for one object and go behind the first, which may
 * still have room for small ones. */
static struct block *block_for(struct holder *h, size_t n)
{
	size_t cap = FG_MAX(n, (size_t)BLOCK_BYTES);
	struct block *b = h->blocks;

	if (b && b->cap - b->used >= n)
		return b;
	if (h->total > FG_VIEW_MAX || cap > FG_VIEW_MAX - h->total)
		return NULL;
	b = malloc(sizeof(*b) + cap);
	if (!b)
		return NULL;
	b->used = 0;
	b->cap = cap;
	h->total += cap;
	if (n > BLOCK_BYTES / 2 && h->blocks) {
		b->next = h->blocks->next;
		h->blocks->next = b;
	} else {
		b->next = h->blocks;
		h->blocks = b;
	}
	return b;
}

static void *take(struct holder *h, size_t n)
{
	const size_t align = sizeof(max_align_t);
	size_t rounded = (n + align - 1) / align * align;
	struct block *b = rounded >= n ? block_for(h, rounded) : NULL;
	void *p;

	if (!b) {
		h->failed = true;
		return NULL;
	}
	p = (char *)b->bytes + b->used;
	b->used += rounded;
	return p;
}

void *fg_view_alloc(struct fg_view *v, size_t count, size_t size)
{
	struct holder *h = (struct holder *)v;
	void *p;

	if (count > FG_VIEW_MAX / size) {
		h->failed = true;
		return NULL;
	}
	p = take(h, count * size);
	if (p)
		memset(p, 0, count * size);
	return p;
}

const char *fg_view_bytes(struct fg_view *v, const char *bytes, size_t len)
{
	char *p = take((struct holder *)v, len + 1);

	if (!p)
		return NULL;
	memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

const char *fg_view_text(struct fg_view *v, const char *text)
{
	return text ? fg_view_bytes(v, text, strlen(text)) : NULL;
}

bool fg_view_whole(const struct fg_view *v)
{
	return !((const struct holder *)v)->failed;
}
