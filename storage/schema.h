/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_SCHEMA_H
#define FG_STORAGE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/sql.h"

/* Sees to it that db is a spool of our version: creates the tables in an empty database, with
 * `first_seq` as the first number, brings an older layout to ours, whole or not at all, and refuses
 * what is newer or not ours, with the reason in `why`. */
int fg_schema_prepare(sqlite3 *db, const char *file, uint64_t first_seq, struct fg_buf *why,
	bool *ret_created);

/* The layout of a spool that we know; 0: an empty database; negative: neither. Writes nothing. */
int fg_schema_layout(sqlite3 *db, const char *file, struct fg_buf *why);

/* For a reader: FG_OK where db is a spool that we can read. Writes nothing. */
int fg_schema_check(sqlite3 *db, const char *file, struct fg_buf *why);

#endif
