/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_SECRET_H
#define FG_BASE_SECRET_H

#include <stddef.h>

/* Secrets come from files, are read when they are needed and wiped after use. Nothing here logs
 * what it read. */

/* The file's content without a trailing newline. FG_EINVAL: empty, too long, or with a NUL. */
int fg_secret_read(const char *path, char *ret_text, size_t size);

/* The key of an identity from a file of `identity:hexkey` lines; `#` begins a comment line. NULL
 * identity: the first one. FG_ENOENT: not in it; FG_EINVAL: not hexadecimal, of odd length, or too
 * long. why: what is wrong and in which line, with nothing of what the line says; may be NULL. */
int fg_secret_psk(const char *path, const char *identity, char *ret_hex, size_t size, char *why,
	size_t why_size);

#endif
