/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_HASH_H
#define FG_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a, 64 bits: to tell whether bytes are the same as before, not for hostile ones. Begin with
 * FG_HASH_START; what it gives may be gone on from. It is stored, so it never changes. */
#define FG_HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t fg_hash(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

#endif
