/* SPDX-License-Identifier: EUPL-1.2 */
/* Variable-length integers of the spool's records. */
#include "base/varint.h"

void fg_put_varint(struct fg_buf *out, uint64_t v)
{
	unsigned char bytes[10];
	size_t n = 0;

	while (v >= 0x80) {
		bytes[n++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	bytes[n++] = (unsigned char)v;
	fg_buf_put(out, bytes, n);
}

void fg_put_svarint(struct fg_buf *out, int64_t v)
{
	fg_put_varint(out, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

uint64_t fg_get_varint(struct fg_bytes *in)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned b = fg_get_byte(in);

		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7F) << shift;
		if (!(b & 0x80))
			return in->bad ? 0 : v;
	}
	in->bad = true;
	return 0;
}

int64_t fg_get_svarint(struct fg_bytes *in)
{
	uint64_t v = fg_get_varint(in);

	return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

unsigned fg_get_byte(struct fg_bytes *in)
{
	const unsigned char *p = fg_get_bytes(in, 1);

	return p ? *p : 0;
}

const void *fg_get_bytes(struct fg_bytes *in, size_t n)
{
	const unsigned char *p = in->at;

	if (in->bad || (size_t)(in->end - in->at) < n) {
		in->bad = true;
		return NULL;
	}
	in->at += n;
	return p;
}
