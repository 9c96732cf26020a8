/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_BUF_H
#define FG_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* A text or byte buffer that is written to at its end and never beyond its bound. What does not
 * fit is dropped and `overflow` is set; the writer checks once, at the end. Text writers keep a
 * NUL behind the last byte (not counted in len). One thread at a time. */
struct fg_buf {
	char *data;
	size_t len, cap; /* cap counts the NUL */
	size_t limit;    /* growable up to this; 0 for memory of the caller's */
	bool overflow;
};

/* Over the caller's memory; nothing to release. */
void fg_buf_wrap(struct fg_buf *b, void *mem, size_t cap);

/* On the heap, growing to at most `limit` bytes; release with fg_buf_fini. Running out of memory
 * counts as overflow. */
void fg_buf_init(struct fg_buf *b, size_t limit);
void fg_buf_fini(struct fg_buf *b);
void fg_buf_clear(struct fg_buf *b);

/* Makes room for n more bytes and the NUL; false and overflow where there is none. */
bool fg_buf_room(struct fg_buf *b, size_t n);

void fg_buf_put(struct fg_buf *b, const void *bytes, size_t n);
void fg_buf_putc(struct fg_buf *b, char c);
void fg_buf_puts(struct fg_buf *b, const char *text);
void fg_buf_printf(struct fg_buf *b, const char *fmt, ...) FG_PRINTF(2, 3);

/* Appends a whole number in decimal. */
void fg_buf_put_int(struct fg_buf *b, int64_t v);
void fg_buf_put_uint(struct fg_buf *b, uint64_t v);

#endif
