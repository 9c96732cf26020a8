/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_SALVAGE_H
#define FG_STORAGE_SALVAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A value of a row as it stands in the file. */
struct fg_cell_value {
	enum { FG_CELL_NULL, FG_CELL_INT, FG_CELL_TEXT, FG_CELL_BLOB } type;
	int64_t i;
	const unsigned char *bytes; /* lent for the call */
	size_t len;
};
#define FG_CELL_VALUES 4

/* A row of a table (rowid), or of one without rowids (no_rowid). */
typedef int (*fg_cell_fn)(void *arg, bool no_rowid, int64_t rowid,
	const struct fg_cell_value *values, size_t count);

/* Looks through all pages of a database file and of the log beside it, but for those that are
 * free, and gives every cell of a leaf that can be read. What a page is of is not known: the
 * caller tells rows by what is in them. Copes with any bytes; its memory is eight bytes a page.
 * Negative where fn was, or where the file cannot be read. */
int fg_pages_scan(const char *file, const char *wal, fg_cell_fn fn, void *arg);

/* At a start: ends a salvage that was cut short when its result was complete. 1 where there was
 * one. */
int fg_salvage_finish(const char *file, struct fg_buf *why);

#endif
