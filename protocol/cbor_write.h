/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_CBOR_WRITE_H
#define FG_PROTOCOL_CBOR_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* CBOR (RFC 8949) in its preferred, shortest form, item by item. */

void fg_cbor_put_uint(struct fg_buf *out, uint64_t v);
void fg_cbor_put_int(struct fg_buf *out, int64_t v);
/* As the shortest of an integer, half, single or double that gives back the same number. */
void fg_cbor_put_double(struct fg_buf *out, double v);
void fg_cbor_put_bool(struct fg_buf *out, bool v);
/* len bytes of UTF-8. */
void fg_cbor_put_text(struct fg_buf *out, const char *text, size_t len);
/* Any bytes, as text: what is no UTF-8 becomes U+FFFD, as it does in JSON. */
void fg_cbor_put_utf8(struct fg_buf *out, const char *text, size_t len);
/* n items, or n pairs, follow. */
void fg_cbor_put_array(struct fg_buf *out, size_t n);
void fg_cbor_put_map(struct fg_buf *out, size_t n);

#endif
