/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_TLV_H
#define FG_PROTOCOL_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/value.h"

/* Objects of LwM2M (OMA) and their values in TLV (content format 11542), as pure functions over
 * hostile bytes. */

/* A resource: 3303/0/5700, or one instance of a multiple one: 6/0/0/1. */
struct fg_object_path {
	uint16_t object, instance, resource, resource_instance;
	unsigned depth; /* how many of the four are given */
};

/* Reads ids separated by '/', with or without one in front, up to the end or a '?'; false where
 * the text is something else, or has more than four ids. */
bool fg_object_path_parse(const char *text, struct fg_object_path *ret);

/* Whether a resource lies at or below what `base` names. */
bool fg_object_path_below(const struct fg_object_path *path, const struct fg_object_path *base);

/* Whether the bytes are TLV: at most 64 KiB, entries nested as the kinds allow. FG_EDECODE. */
int fg_tlv_check(const void *payload, size_t len);

/* The value of a resource in the answer to a request for `asked` (an object, an instance, or the
 * resource itself). Its type is that of the OMA registry: TLV does not tell. Text is lent from the
 * payload. Of a multiple resource the instance must be named, except where it has only one.
 * FG_ENOENT: not there. FG_EDECODE: not TLV, at most 64 KiB, or a value of another type or of a
 * resource whose type is not known here. */
int fg_tlv_value(const void *payload, size_t len, const struct fg_object_path *asked,
	const struct fg_object_path *path, struct fg_value *ret_value);

#endif
