/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_PAYLOAD_H
#define FG_PROTOCOL_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/value.h"

/* Values out of the payloads that CoAP sensors give, as pure functions over hostile bytes. */

/* text/plain: one number (surrounding blanks allowed), true or false, or else a text of at most
 * 250 bytes of UTF-8 without controls. A number becomes INT (UINT above INT64_MAX), DECIMAL, or
 * DOUBLE where it has more than 15 significant digits; "nan" and "inf" a DOUBLE that is not finite.
 * Text is lent from the payload. FG_EDECODE where it is none. */
int fg_payload_text(const char *payload, size_t len, struct fg_value *ret_value);

/* application/json with an RFC 6901 pointer ("" is the whole document). At most 64 KiB, 32 levels,
 * 1024 keys in the objects open at once; duplicate keys, trailing text, an escaped NUL and numbers
 * that are not finite are FG_EDECODE; the pointer leading nowhere is FG_ENOENT; null is FG_OK with
 * kind NONE; an object or array is FG_EDECODE. Text is copied into `text` (cut at text_cap - 1,
 * never inside a character). */
int fg_payload_json(const char *payload, size_t len, const char *pointer, char *text,
	size_t text_cap, struct fg_value *ret_value);

/* application/cbor with the same pointer: a token names a text key or, in decimal, an integer key
 * of a map, or an element of an array. At most 64 KiB and 32 levels; half, single and double
 * floats, decimal fractions (tag 4), indefinite lengths; other tags only comment, but bignums,
 * bigfloats and rationals are FG_EDECODE, as are a key that stands twice on the way, bytes, and
 * anything behind the item; null and undefined are FG_OK with kind NONE. Text as with
 * fg_payload_json(). */
int fg_payload_cbor(const char *payload, size_t len, const char *pointer, char *text,
	size_t text_cap, struct fg_value *ret_value);

/* Whether a pointer is well-formed: empty, or begins with '/', '~' only as ~0 and ~1. */
bool fg_json_pointer_valid(const char *pointer);

#endif
