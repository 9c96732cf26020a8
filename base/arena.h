/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_ARENA_H
#define FG_BASE_ARENA_H

#include <stddef.h>

/* Memory for objects that are built once and freed together. Not for the polling path. */
struct fg_arena;

struct fg_arena *fg_arena_new(void);
void fg_arena_free(struct fg_arena *a);

/* Zeroed memory, aligned for any type. Running out of memory here ends the process with a message:
 * an arena is only used while a configuration is built, where there is nothing better to do. */
void *fg_arena_alloc(struct fg_arena *a, size_t size);
void *fg_arena_array(struct fg_arena *a, size_t count, size_t size);
char *fg_arena_strdup(struct fg_arena *a, const char *text);
char *fg_arena_strndup(struct fg_arena *a, const char *text, size_t len);
char *fg_arena_printf(struct fg_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Bytes handed out so far. */
size_t fg_arena_used(const struct fg_arena *a);

#endif
