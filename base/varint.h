/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_VARINT_H
#define FG_BASE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Whole numbers in 1 to 10 bytes, least significant 7 bits first (LEB128); signed ones zigzag. */
void fg_put_varint(struct fg_buf *out, uint64_t v);
void fg_put_svarint(struct fg_buf *out, int64_t v);

/* Reading from bytes that may be damaged: every get checks the end; after the first failure `bad`
 * stays set and every further get gives 0. */
struct fg_bytes {
	const unsigned char *at, *end;
	bool bad;
};

uint64_t fg_get_varint(struct fg_bytes *in);
int64_t fg_get_svarint(struct fg_bytes *in);
unsigned fg_get_byte(struct fg_bytes *in);
/* n bytes in place, or NULL. */
const void *fg_get_bytes(struct fg_bytes *in, size_t n);

#endif
