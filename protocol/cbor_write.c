/* SPDX-License-Identifier: EUPL-1.2 */
/* CBOR, written. */
#include "protocol/cbor_write.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "protocol/cbor.h"

static void put_bytes(struct fg_buf *out, uint64_t v, unsigned n)
{
	while (n--)
		fg_buf_putc(out, (char)(v >> (8 * n) & 0xFF));
}

static void put_head(struct fg_buf *out, enum fg_cbor_major major, uint64_t arg)
{
	unsigned size = 0; /* the argument has 2^size bytes */

	if (arg < 24) {
		fg_buf_putc(out, (char)((uint64_t)major << 5 | arg));
		return;
	}
	while (size < 3 && arg >> (8u << size))
		size++;
	fg_buf_putc(out, (char)((unsigned)major << 5 | (24 + size)));
	put_bytes(out, arg, 1u << size);
}

void fg_cbor_put_uint(struct fg_buf *out, uint64_t v)
{
	put_head(out, FG_CBOR_UINT, v);
}

void fg_cbor_put_int(struct fg_buf *out, int64_t v)
{
	if (v < 0)
		put_head(out, FG_CBOR_NEGATIVE, (uint64_t)-(v + 1));
	else
		put_head(out, FG_CBOR_UINT, (uint64_t)v);
}

/* The half of the same value; false where there is none. Only normal ones: others are rare. */
static bool as_half(float f, uint16_t *ret)
{
	uint32_t bits;
	int exponent;

	memcpy(&bits, &f, sizeof(bits));
	exponent = (int)(bits >> 23 & 0xFF) - 127;
	if ((bits & 0x1FFF) || exponent < -14 || exponent > 15)
		return false;
	*ret = (uint16_t)((bits >> 16 & 0x8000) | (unsigned)(exponent + 15) << 10 |
			  (bits >> 13 & 0x3FF));
	return true;
}

void fg_cbor_put_double(struct fg_buf *out, double v)
{
	const float f = (float)v;
	uint64_t bits;
	uint32_t single;
	uint16_t half;

	if (v == floor(v) && fabs(v) < 9007199254740992.0) {
		fg_cbor_put_int(out, (int64_t)v);
	} else if ((double)f < v || (double)f > v || !isfinite(f)) {
		memcpy(&bits, &v, sizeof(bits));
		fg_buf_putc(out, (char)0xFB);
		put_bytes(out, bits, 8);
	} else if (as_half(f, &half)) {
		fg_buf_putc(out, (char)0xF9);
		put_bytes(out, half, 2);
	} else {
		memcpy(&single, &f, sizeof(single));
		fg_buf_putc(out, (char)0xFA);
		put_bytes(out, single, 4);
	}
}

void fg_cbor_put_bool(struct fg_buf *out, bool v)
{
	fg_buf_putc(out, (char)(v ? 0xF5 : 0xF4));
}

void fg_cbor_put_text(struct fg_buf *out, const char *text, size_t len)
{
	put_head(out, FG_CBOR_TEXT, len);
	fg_buf_put(out, text, len);
}

/* Counts, or writes where `out` is not NULL. */
static size_t mended(struct fg_buf *out, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t total = 0;

	for (size_t i = 0; i < len;) {
		size_t n = fg_utf8_char(s + i, len - i);

		total += n ? n : 3;
		if (out && n)
			fg_buf_put(out, text + i, n);
		else if (out)
			fg_buf_puts(out, "\xEF\xBF\xBD");
		i += n ? n : 1;
	}
	return total;
}

void fg_cbor_put_utf8(struct fg_buf *out, const char *text, size_t len)
{
	put_head(out, FG_CBOR_TEXT, mended(NULL, text, len));
	mended(out, text, len);
}

void fg_cbor_put_array(struct fg_buf *out, size_t n)
{
	put_head(out, FG_CBOR_ARRAY, n);
}

void fg_cbor_put_map(struct fg_buf *out, size_t n)
{
	put_head(out, FG_CBOR_MAP, n);
}
