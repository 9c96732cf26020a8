/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_CBOR_H
#define FG_PROTOCOL_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/value.h"

/* CBOR (RFC 8949) as hostile bytes, without a heap: for the decoders of this room. */

enum fg_cbor_major {
	FG_CBOR_UINT,
	FG_CBOR_NEGATIVE,
	FG_CBOR_BYTES,
	FG_CBOR_TEXT,
	FG_CBOR_ARRAY,
	FG_CBOR_MAP,
	FG_CBOR_TAG,
	FG_CBOR_SIMPLE,
};

struct fg_cbor_span {
	const unsigned char *at, *end;
};

/* What stands before an item's content. */
struct fg_cbor_head {
	enum fg_cbor_major major;
	unsigned info;	 /* the low five bits */
	uint64_t arg;	 /* number, length, count, tag or the bits of a float */
	bool indefinite; /* chunks or elements up to a break */
};

/* Whether the bytes are exactly one well-formed item: at most 64 KiB, 32 levels, texts of UTF-8.
 * Integers and lengths need not be as short as can be. FG_EDECODE where they are not. */
int fg_cbor_check(const void *payload, size_t len);

/* The rest is for what fg_cbor_check() has checked: no fault is looked for again. */

/* Takes an item's head; what follows in `rest` is its content. */
struct fg_cbor_head fg_cbor_head(struct fg_cbor_span *rest);
/* Takes the break that ends an item of indefinite length. */
bool fg_cbor_break(struct fg_cbor_span *rest);
/* Whether another element (pair, in a map) follows. `left` begins as head.arg. */
bool fg_cbor_more(struct fg_cbor_span *rest, const struct fg_cbor_head *head, uint64_t *left);
/* Steps over one item and gives it. */
struct fg_cbor_span fg_cbor_step(struct fg_cbor_span *rest);

/* An integer, a float of any width, or a decimal fraction (tag 4): INT, UINT, FLOAT (half and
 * single), DOUBLE or DECIMAL. FG_EDECODE where it is none of them. */
int fg_cbor_number(struct fg_cbor_span item, struct fg_value *ret);

/* A text's or byte string's content, its chunks joined, with a NUL behind, cut at cap - 1 (a text
 * never inside a character); returns its length. */
size_t fg_cbor_copy(struct fg_cbor_span item, char *out, size_t cap, bool *ret_cut);

#endif
