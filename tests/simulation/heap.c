/* SPDX-License-Identifier: EUPL-1.2 */
/* malloc() and its kin, in the place of the C library's: each block begins with its size and owner.
 * The blocks themselves are the library's. */
#include "heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static enum heap_owner owner;
static size_t used, peak;

enum heap_owner heap_for(enum heap_owner next)
{
	enum heap_owner before = owner;

	owner = next;
	return before;
}

void heap_back(const enum heap_owner *before)
{
	owner = *before;
}

size_t heap_used(void)
{
	return used;
}

size_t heap_peak(void)
{
	return peak;
}

void heap_forget_peak(void)
{
	peak = used;
}

#if defined(SIM_HEAP) && defined(__GLIBC__)

struct head {
	size_t size;
	uint32_t before; /* bytes from the library's block to the caller's */
	uint32_t owner;
};

#define HEAD ((size_t)16) /* blocks stay aligned */
_Static_assert(sizeof(struct head) <= HEAD, "it fits before a block");

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

bool heap_counts(void)
{
	return true;
}

static struct head *head_of(void *p)
{
	return (struct head *)(void *)((char *)p - sizeof(struct head));
}

static void count(const struct head *h, bool on)
{
	if (h->owner != HEAP_GATEWAY)
		return;
	used += on ? h->size : 0 - h->size;
	peak = FG_MAX(peak, used);
}

/* Takes over a block of the library's. */
static void *begin(void *block, size_t before, size_t size, enum heap_owner whose)
{
	struct head *h;
	char *p = block;

	if (!block)
		return NULL;
	p += before;
	h = head_of(p);
	*h = (struct head){.size = size, .before = (uint32_t)before, .owner = whose};
	count(h, true);
	return p;
}

void *malloc(size_t size)
{
	if (size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	return begin(__libc_malloc(size + HEAD), HEAD, size, owner);
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	return begin(__libc_calloc(1, bytes + HEAD), HEAD, bytes, owner);
}

void free(void *p)
{
	struct head *h;

	if (!p)
		return;
	h = head_of(p);
	count(h, false);
	__libc_free((char *)p - h->before);
}

void *realloc(void *p, size_t size)
{
	struct head was;
	void *block;

	if (!p)
		return malloc(size);
	was = *head_of(p);
	if (was.before != HEAD || size > PTRDIFF_MAX) { /* nobody here resizes aligned ones */
		errno = ENOMEM;
		return NULL;
	}
	block = __libc_realloc((char *)p - HEAD, size + HEAD);
	if (!block)
		return NULL;
	count(&was, false);
	return begin(block, HEAD, size, (enum heap_owner)was.owner);
}

void *memalign(size_t alignment, size_t size)
{
	size_t before = FG_MAX(alignment, HEAD);

	return begin(__libc_memalign(alignment, size + before), before, size, owner);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	void *p = memalign(alignment, size);

	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

size_t malloc_usable_size(void *p)
{
	return p ? head_of(p)->size : 0;
}

#else

bool heap_counts(void)
{
	return false;
}

#endif
