/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_DESCRIPTOR_H
#define FG_STORAGE_DESCRIPTOR_H

#include <stddef.h>

#include "base/buf.h"
#include "model/item.h"

/* The stored form of a point descriptor: equal bytes for equal content. A missing string (NULL)
 * stays one. */
void fg_descriptor_encode(const struct fg_point_desc *desc, struct fg_buf *out);

/* Back, with the strings in one block that is freed with it: free(). FG_ECORRUPT for bytes that
 * are none. */
int fg_descriptor_decode(const void *bytes, size_t len, struct fg_point_desc **ret);

#endif
