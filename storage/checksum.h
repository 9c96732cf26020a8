/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_CHECKSUM_H
#define FG_STORAGE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* CRC-32 as in IEEE 802.3 and zlib. SQLite checks nothing of what it reads back from the database
 * file, and a flash card that flips a bit must not change a published value. */
uint32_t fg_crc32(const void *bytes, size_t len);

/* Appends the checksum of what stands in `out` from byte `start` on: four bytes, least first. */
void fg_seal(struct fg_buf *out, size_t start);

/* Whether bytes end with the right seal; *ret_len is their length without it. */
bool fg_seal_check(const void *bytes, size_t len, size_t *ret_len);

/* The same with a salt: the seal is right only beside what the salt stands for. */
void fg_seal_with(struct fg_buf *out, size_t start, uint32_t salt);
bool fg_seal_check_with(const void *bytes, size_t len, uint32_t salt, size_t *ret_len);

#endif
