/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_COPY_H
#define FG_STORAGE_COPY_H

#include <stdint.h>

#include "storage/spool.h"
#include "storage/sql.h"

/* A database that is written anew beside FILE and takes its place by a rename. */

/* Where FILE is larger than pages_max pages and its content is not, writes it anew without free
 * pages. Does nothing where another process has it open, or it is not ours. A failure leaves the
 * file as it was. */
void fg_copy_shrink(const char *file, int64_t pages_max, int64_t page_size,
	const struct fg_progress *progress);

/* Writes the content of db into `to`, which is replaced; durable but for its name. progress: told
 * how much is done, in words and without rows; may be NULL, it and its function. */
int fg_copy_into(sqlite3 *db, const char *to, const struct fg_progress *progress);

/* Takes the database alone: nobody else has it open, and its log is written back and gone.
 * FG_EAGAIN where somebody has. */
int fg_copy_alone(sqlite3 *db);

/* FILE with a suffix, to be freed; NULL: out of memory. */
char *fg_copy_path(const char *file, const char *suffix);

#endif
