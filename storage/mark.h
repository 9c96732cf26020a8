/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_MARK_H
#define FG_STORAGE_MARK_H

#include <stdint.h>

/* The mark: a small file beside the database that holds the next sequence number, so that no
 * number comes twice where the database is lost. */

/* FG_OK; FG_ENOENT where there is no file; FG_ECORRUPT where it holds something else. */
int fg_mark_read(const char *path, uint64_t *ret_next);

/* Replaces the file in one step. Returns when it is durable; after a failure the old or the new
 * one is in place, never a part. */
int fg_mark_write(const char *path, uint64_t next);

#endif
