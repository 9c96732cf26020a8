/* SPDX-License-Identifier: EUPL-1.2 */
/* Checksums of stored bytes. */
#include "storage/checksum.h"

#define SEAL_SIZE 4

uint32_t fg_crc32(const void *bytes, size_t len)
{
	/* half a byte at a time: a table of 64 bytes that stays in the cache of a small board */
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158,
		0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4,
		0xa00ae278, 0xbdbdf21c,
	};
	const unsigned char *p = bytes;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc = table[(crc ^ p[i]) & 15] ^ crc >> 4;
		crc = table[(crc ^ (unsigned)p[i] >> 4) & 15] ^ crc >> 4;
	}
	return ~crc;
}

void fg_seal(struct fg_buf *out, size_t start)
{
	fg_seal_with(out, start, 0);
}

void fg_seal_with(struct fg_buf *out, size_t start, uint32_t salt)
{
	uint32_t crc = out->len > start ? fg_crc32(out->data + start, out->len - start) : 0;
	unsigned char seal[SEAL_SIZE];

	crc ^= salt;
	for (unsigned i = 0; i < SEAL_SIZE; i++)
		seal[i] = (unsigned char)(crc >> 8 * i);
	fg_buf_put(out, seal, sizeof(seal));
}

bool fg_seal_check(const void *bytes, size_t len, size_t *ret_len)
{
	return fg_seal_check_with(bytes, len, 0, ret_len);
}

bool fg_seal_check_with(const void *bytes, size_t len, uint32_t salt, size_t *ret_len)
{
	const unsigned char *p = bytes;
	uint32_t crc = 0;

	if (len < SEAL_SIZE)
		return false;
	len -= SEAL_SIZE;
	for (unsigned i = 0; i < SEAL_SIZE; i++)
		crc |= (uint32_t)p[len + i] << 8 * i;
	if (crc != (fg_crc32(bytes, len) ^ salt))
		return false;
	*ret_len = len;
	return true;
}
