/* SPDX-License-Identifier: EUPL-1.2 */
/* Chunks of growing size, freed together. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "base/log.h"

struct chunk {
	struct chunk *next;
	size_t used, cap;
	max_align_t data[];
};

struct fg_arena {
	struct chunk *chunks;
	size_t used;
};

static void *must(void *p)
{
	if (!p) {
		fg_error("out of memory");
		exit(EX_OSERR);
	}
	return p;
}

struct fg_arena *fg_arena_new(void)
{
	return must(calloc(1, sizeof(struct fg_arena)));
}

void fg_arena_free(struct fg_arena *a)
{
	struct chunk *c, *next;

	if (!a)
		return;
	for (c = a->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(a);
}

void *fg_arena_alloc(struct fg_arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct chunk *c = a->chunks;
	void *p;

	if (size > SIZE_MAX / 2)
		must(NULL);
	size = (size + align - 1) / align * align;
	if (!c || c->cap - c->used < size) {
		size_t cap = FG_MAX(size, c ? FG_MIN(c->cap * 2, (size_t)1 << 18) : (size_t)2048);

		c = must(calloc(1, sizeof(*c) + cap));
		c->cap = cap;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = (char *)c->data + c->used;
	c->used += size;
	a->used += size;
	return p;
}

void *fg_arena_array(struct fg_arena *a, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / 2 / size)
		must(NULL);
	return fg_arena_alloc(a, count * size);
}

char *fg_arena_strndup(struct fg_arena *a, const char *text, size_t len)
{
	char *copy = fg_arena_alloc(a, len + 1);

	memcpy(copy, text, len);
	return copy;
}

char *fg_arena_strdup(struct fg_arena *a, const char *text)
{
	return fg_arena_strndup(a, text, strlen(text));
}

char *fg_arena_printf(struct fg_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text = fg_arena_alloc(a, (size_t)FG_MAX(n, 0) + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)FG_MAX(n, 0) + 1, fmt, ap);
	va_end(ap);
	return text;
}

size_t fg_arena_used(const struct fg_arena *a)
{
	return a->used;
}
