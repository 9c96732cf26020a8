/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_SHA256_H
#define FG_BASE_SHA256_H

#include <stddef.h>

#define FG_SHA256_SIZE 32

/* SHA-256 (FIPS 180-4) of a text that is at hand as a whole. */
void fg_sha256(const void *bytes, size_t len, unsigned char ret_digest[FG_SHA256_SIZE]);

#endif
