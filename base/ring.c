/* SPDX-License-Identifier: EUPL-1.2 */
/* A byte ring with length-prefixed messages. */
#include "base/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"

int fg_ring_init(struct fg_ring *r, size_t bytes)
{
	size_t cap = 64;

	while (cap < bytes)
		cap *= 2;
	*r = (struct fg_ring){.cap = cap, .data = malloc(cap)};
	if (!r->data)
		return FG_ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	return FG_OK;
}

void fg_ring_fini(struct fg_ring *r)
{
	if (!r->data)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r->data);
	*r = (struct fg_ring){0};
}

static void copy_in(struct fg_ring *r, const void *from, size_t len)
{
	size_t at = (size_t)(r->tail & (r->cap - 1)), first = FG_MIN(len, r->cap - at);

	if (!len)
		return;
	memcpy(r->data + at, from, first);
	if (len > first)
		memcpy(r->data, (const char *)from + first, len - first);
	r->tail += len;
}

static void copy_out(const struct fg_ring *r, uint64_t from, void *to, size_t len)
{
	size_t at = (size_t)(from & (r->cap - 1)), first = FG_MIN(len, r->cap - at);

	memcpy(to, r->data + at, first);
	if (len > first)
		memcpy((char *)to + first, r->data, len - first);
}

int fg_ring_push(struct fg_ring *r, const struct fg_part *parts, size_t n)
{
	size_t total = 0;
	uint32_t len;
	int ret;

	for (size_t i = 0; i < n; i++)
		total += parts[i].len;
	if (total + sizeof(len) > r->cap)
		return FG_EFULL;
	len = (uint32_t)total;
	pthread_mutex_lock(&r->lock);
	if (r->closed) {
		ret = FG_ECANCELED;
	} else if (r->cap - (size_t)(r->tail - r->head) < total + sizeof(len)) {
		ret = FG_EFULL;
	} else {
		ret = r->head == r->tail;
		if (ret) /* the same memory again: what was never needed is never touched */
			r->head = r->tail = 0;
		copy_in(r, &len, sizeof(len));
		for (size_t i = 0; i < n; i++)
			copy_in(r, parts[i].data, parts[i].len);
	}
	pthread_mutex_unlock(&r->lock);
	return ret;
}

long fg_ring_pop(struct fg_ring *r, void *mem, size_t cap)
{
	uint32_t len;
	long ret = 0;

	pthread_mutex_lock(&r->lock);
	if (r->head != r->tail) {
		copy_out(r, r->head, &len, sizeof(len));
		if (len > cap) {
			ret = FG_EFULL;
		} else {
			copy_out(r, r->head + sizeof(len), mem, len);
			r->head += sizeof(len) + len;
			ret = (long)len;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return ret;
}

void fg_ring_close(struct fg_ring *r)
{
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	pthread_mutex_unlock(&r->lock);
}

size_t fg_ring_used(struct fg_ring *r)
{
	size_t used;

	pthread_mutex_lock(&r->lock);
	used = (size_t)(r->tail - r->head);
	pthread_mutex_unlock(&r->lock);
	return used;
}
