/* SPDX-License-Identifier: EUPL-1.2 */
/* Payloads of fixed binary layout, decoded by a table. */
#include "protocol/binary.h"

#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "model/point.h"

#define MAX_BYTES (64u << 10)
#define MAX_HEX	  64 /* digits of a field */

static const char digits[] = "0123456789abcdef";

/* ---- one field ---- */

static uint64_t number_at(const unsigned char *p, unsigned size, bool little)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v = v << 8 | p[little ? size - 1 - i : i];
	return v;
}

/* The bits that the field declares, and how many they are. */
static uint64_t bits_of(
	const struct fg_binary_field *f, const unsigned char *part, unsigned *ret_bits)
{
	uint64_t v = number_at(part + f->offset, f->size, f->little);

	*ret_bits = f->bits ? f->bits : f->size * 8u;
	if (!f->bits)
		return v;
	v >>= f->low_bit;
	return f->bits < 64 ? v & ((UINT64_C(1) << f->bits) - 1) : v;
}

static void take_float(uint64_t bits, unsigned size, struct fg_value *ret)
{
	uint32_t low = (uint32_t)bits;
	float single;

	if (size == 4) {
		memcpy(&single, &low, sizeof(single));
		ret->kind = FG_KIND_FLOAT;
		ret->f = (double)single;
	} else {
		ret->kind = FG_KIND_DOUBLE;
		memcpy(&ret->f, &bits, sizeof(ret->f));
	}
}

static void take_integer(uint64_t bits, unsigned count, bool with_sign, struct fg_value *ret)
{
	if (with_sign && count < 64 && bits >> (count - 1))
		bits |= UINT64_MAX << count;
	if (!with_sign && bits > INT64_MAX) {
		ret->kind = FG_KIND_UINT;
		ret->u = bits;
		return;
	}
	ret->kind = FG_KIND_INT;
	memcpy(&ret->i, &bits, sizeof(ret->i));
}

static void take_hex(const unsigned char *p, unsigned size, char *text, struct fg_value *ret)
{
	for (unsigned i = 0; i < size; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	ret->kind = FG_KIND_TEXT;
	ret->text = text;
	ret->len = 2 * size;
}

static void take_text(const unsigned char *p, size_t size, struct fg_value *ret)
{
	const unsigned char *nul = memchr(p, '\0', size);
	size_t len = nul ? (size_t)(nul - p) : size;

	while (len && p[len - 1] == ' ')
		len--;
	for (size_t i = 0, n; i < len; i += n) {
		n = fg_utf8_char(p + i, len - i);
		if (!n || p[i] < 0x20 || p[i] == 0x7f)
			return;
	}
	ret->kind = FG_KIND_TEXT;
	ret->text = (const char *)p;
	ret->len = (uint32_t)len;
}

static bool is_number(enum fg_binary_type type)
{
	return type != FG_BINARY_HEX && type != FG_BINARY_TEXT;
}

static struct fg_value take_field(const struct fg_binary_field *f, const unsigned char *part,
	char text[MAX_HEX], uint64_t *ret_raw)
{
	struct fg_value v = {.kind = FG_KIND_NONE};
	unsigned count = 0;
	uint64_t bits = is_number(f->type) ? bits_of(f, part, &count) : 0;

	*ret_raw = bits;
	if (f->has_missing && bits == f->missing)
		return v;
	if (f->invalid_mask && (part[f->invalid_offset] & f->invalid_mask) == f->invalid_equals)
		return v;
	switch (f->type) {
	case FG_BINARY_HEX:
		take_hex(part + f->offset, f->size, text, &v);
		return v;
	case FG_BINARY_TEXT:
		take_text(part + f->offset, f->size, &v);
		return v;
	case FG_BINARY_BOOL:
		v.kind = FG_KIND_BOOL;
		v.b = bits != 0;
		return v;
	case FG_BINARY_FLOAT:
		take_float(bits, f->size, &v);
		break;
	case FG_BINARY_UNSIGNED:
	case FG_BINARY_SIGNED:
		take_integer(bits, count, f->type == FG_BINARY_SIGNED, &v);
	}
	fg_value_scale(&v, f->scale < 0 || f->scale > 0 ? f->scale : 1, f->bias);
	return v;
}

/* ---- parts ---- */

/* The time that a part tells; false where it has no field for it or says 0. */
static bool time_of(const struct fg_binary_part *part, const unsigned char *p, int64_t *ret_time_s)
{
	for (size_t i = 0; i < part->count; i++) {
		unsigned count;
		uint64_t bits;

		if (part->fields[i].role != FG_BINARY_TIME)
			continue;
		bits = bits_of(&part->fields[i], p, &count);
		if (!bits || bits > UINT32_MAX)
			return false;
		*ret_time_s = (int64_t)bits;
		return true;
	}
	return false;
}

static bool has_time_field(const struct fg_binary_part *part)
{
	for (size_t i = 0; i < part->count; i++)
		if (part->fields[i].role == FG_BINARY_TIME)
			return true;
	return false;
}

static int give_part(const struct fg_binary_part *part, const unsigned char *p,
	struct fg_binary_value *v, fg_binary_sink sink, void *arg)
{
	char text[MAX_HEX];
	int r = FG_OK;

	for (size_t i = 0; i < part->count && r >= 0; i++) {
		if (part->fields[i].role == FG_BINARY_TIME)
			continue;
		v->field = &part->fields[i];
		v->value = take_field(v->field, p, text, &v->raw);
		r = sink(arg, v);
	}
	return r < 0 ? r : FG_OK;
}

bool fg_binary_fits(const struct fg_binary_layout *layout, const void *payload, size_t len)
{
	const unsigned char *p = payload;
	size_t rest;

	if (len < layout->head.size || len > MAX_BYTES)
		return false;
	if (layout->selector_mask && (layout->selector_offset >= len ||
					     (p[layout->selector_offset] & layout->selector_mask) !=
						     layout->selector_equals))
		return false;
	rest = len - layout->head.size;
	return layout->loose || (layout->record.size ? rest % layout->record.size == 0 : rest == 0);
}

int fg_binary_decode(const struct fg_binary_layout *layout, const void *payload, size_t len,
	fg_binary_sink sink, void *arg)
{
	const unsigned char *p = payload, *end = p + len;
	struct fg_binary_value v = {.record = 0};
	bool own_time = has_time_field(&layout->record);
	int r;

	if (!fg_binary_fits(layout, payload, len))
		return FG_EDECODE;
	v.has_time = time_of(&layout->head, p, &v.time_s);
	r = give_part(&layout->head, p, &v, sink, arg);
	p += layout->head.size;
	while (r == FG_OK && layout->record.size && (size_t)(end - p) >= layout->record.size) {
		v.record++;
		if (own_time)
			v.has_time = time_of(&layout->record, p, &v.time_s);
		else
			v.time_s += v.has_time ? layout->step_s : 0;
		r = give_part(&layout->record, p, &v, sink, arg);
		p += layout->record.size;
	}
	return r;
}

int64_t fg_binary_unhex(const void *text, size_t len, void *out, size_t cap)
{
	const unsigned char *p = text;
	unsigned char *o = out;

	if (len % 2)
		return FG_EDECODE;
	if (len / 2 > cap)
		return FG_EFULL;
	for (size_t i = 0; i < len; i++) {
		const char *d =
			p[i] ? strchr(digits, p[i] >= 'A' && p[i] <= 'F' ? p[i] | 32 : p[i]) : NULL;

		if (!d)
			return FG_EDECODE;
		if (i % 2)
			o[i / 2] = (unsigned char)(o[i / 2] | (d - digits));
		else
			o[i / 2] = (unsigned char)((d - digits) << 4);
	}
	return (int64_t)(len / 2);
}
