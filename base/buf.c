/* SPDX-License-Identifier: EUPL-1.2 */
/* Bounded output buffers. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fg_buf_wrap(struct fg_buf *b, void *mem, size_t cap)
{
	*b = (struct fg_buf){.data = mem, .cap = cap};
	if (cap)
		b->data[0] = '\0';
}

void fg_buf_init(struct fg_buf *b, size_t limit)
{
	*b = (struct fg_buf){.limit = limit};
}

void fg_buf_fini(struct fg_buf *b)
{
	if (b->limit)
		free(b->data);
	*b = (struct fg_buf){0};
}

void fg_buf_clear(struct fg_buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->cap)
		b->data[0] = '\0';
}

static bool grow(struct fg_buf *b, size_t need)
{
	size_t cap = FG_MAX(b->cap * 2, (size_t)256);
	char *data;

	while (cap < need)
		cap *= 2;
	cap = FG_MIN(cap, b->limit);
	if (cap < need)
		return false;
	data = realloc(b->data, cap);
	if (!data)
		return false;
	b->data = data;
	b->cap = cap;
	return true;
}

bool fg_buf_room(struct fg_buf *b, size_t n)
{
	size_t need = b->len + n + 1;

	if (need > n && need <= b->cap)
		return true;
	if (need > n && b->limit && grow(b, need))
		return true;
	b->overflow = true;
	return false;
}

void fg_buf_put(struct fg_buf *b, const void *bytes, size_t n)
{
	if (!n || !fg_buf_room(b, n))
		return;
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void fg_buf_putc(struct fg_buf *b, char c)
{
	fg_buf_put(b, &c, 1);
}

void fg_buf_puts(struct fg_buf *b, const char *text)
{
	fg_buf_put(b, text, strlen(text));
}

void fg_buf_printf(struct fg_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && fg_buf_room(b, (size_t)n)) {
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void fg_buf_put_uint(struct fg_buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	fg_buf_put(b, digits + at, sizeof(digits) - at);
}

void fg_buf_put_int(struct fg_buf *b, int64_t v)
{
	if (v < 0)
		fg_buf_putc(b, '-');
	fg_buf_put_uint(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}
