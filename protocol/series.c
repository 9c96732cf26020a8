/* SPDX-License-Identifier: EUPL-1.2 */
/* Series of samples and single fields in protocol buffers: a small reader of the wire format, and
 * the declared fields out of it. */
#include "protocol/binary.h"

#include <string.h>

#include "base/json.h"
#include "base/status.h"

#define MAX_BYTES  (64u << 10)
#define MAX_PERIOD (366u * 86400u) /* seconds; with it no time of a sample overflows */

enum wire { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

struct span {
	const unsigned char *at, *end;
};

struct field {
	uint32_t number;
	enum wire wire;
	uint64_t value;	  /* VARINT, FIXED32, FIXED64 */
	struct span body; /* LENGTH, else of no length */
};

struct channel {
	bool has_type, has_time;
	uint32_t type;
	int64_t time_s;
	int64_t start;
	struct span offsets;
};

/* ---- the wire format ---- */

static bool take_varint(struct span *rest, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70 && rest->at < rest->end; shift += 7) {
		unsigned char c = *rest->at++;

		if (shift == 63 && c > 1)
			return false;
		v |= (uint64_t)(c & 127) << shift;
		if (c < 128) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static int64_t zigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static bool take_fixed(struct span *rest, unsigned n, uint64_t *ret)
{
	uint64_t v = 0;

	if ((size_t)(rest->end - rest->at) < n)
		return false;
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)rest->at[i] << (8 * i);
	rest->at += n;
	*ret = v;
	return true;
}

/* FG_ENOENT at the end. Groups, which nobody uses any more, are a fault. */
static int take_field(struct span *rest, struct field *ret)
{
	uint64_t key;

	if (rest->at == rest->end)
		return FG_ENOENT;
	if (!take_varint(rest, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX >> 3)
		return FG_EDECODE;
	ret->number = (uint32_t)(key >> 3);
	ret->wire = (enum wire)(key & 7);
	ret->body = (struct span){rest->at, rest->at};
	switch (ret->wire) {
	case VARINT:
		return take_varint(rest, &ret->value) ? FG_OK : FG_EDECODE;
	case FIXED64:
		return take_fixed(rest, 8, &ret->value) ? FG_OK : FG_EDECODE;
	case FIXED32:
		return take_fixed(rest, 4, &ret->value) ? FG_OK : FG_EDECODE;
	case LENGTH:
		if (!take_varint(rest, &ret->value) || ret->value > (size_t)(rest->end - rest->at))
			return FG_EDECODE;
		ret->body.at = rest->at;
		ret->body.end = rest->at += ret->value;
		return FG_OK;
	}
	return FG_EDECODE;
}

/* ---- the series ---- */

/* An offset of a sample as the sensor counts it: 32 bits with a sign. */
static bool take_offset(struct span *rest, int64_t *ret)
{
	uint64_t v;

	if (!take_varint(rest, &v))
		return false;
	*ret = zigzag(v);
	return *ret >= INT32_MIN && *ret <= INT32_MAX;
}

static int take_member(const struct fg_series_layout *l, const struct field *f, struct channel *ch)
{
	bool number = f->number == l->type || f->number == l->time || f->number == l->start;

	if ((number && f->wire != VARINT) || (f->number == l->offsets && f->wire != LENGTH))
		return FG_EDECODE;
	if (f->number == l->type) {
		if (f->value > UINT32_MAX)
			return FG_EDECODE;
		ch->has_type = true;
		ch->type = (uint32_t)f->value;
	} else if (f->number == l->time) {
		if (f->value > UINT32_MAX)
			return FG_EDECODE; /* before 1970 */
		ch->has_time = true;
		ch->time_s = (int64_t)f->value;
	} else if (f->number == l->start) {
		ch->start = zigzag(f->value);
		if (ch->start < INT32_MIN || ch->start > INT32_MAX)
			return FG_EDECODE;
	} else if (f->number == l->offsets) {
		if (ch->offsets.at)
			return FG_EDECODE; /* packed in pieces: nobody does */
		ch->offsets = f->body;
	}
	return FG_OK;
}

/* An empty message is a channel that is not in use. */
static int take_channel(const struct fg_series_layout *l, struct span body, struct channel *ch)
{
	struct span offsets;
	struct field f;
	int64_t offset;
	int r;

	*ch = (struct channel){.start = 0};
	while ((r = take_field(&body, &f)) == FG_OK)
		if (take_member(l, &f, ch) < 0)
			return FG_EDECODE;
	if (r != FG_ENOENT)
		return r;
	for (offsets = ch->offsets; offsets.at < offsets.end;)
		if (!take_offset(&offsets, &offset))
			return FG_EDECODE;
	return !ch->offsets.at || (ch->has_type && ch->has_time) ? FG_OK : FG_EDECODE;
}

static bool is_switch(const struct fg_series_layout *l, uint32_t type)
{
	for (size_t i = 0; i < l->switch_count; i++)
		if (l->switches[i] == type)
			return true;
	return false;
}

static int give_channel(const struct fg_series_layout *l, const struct channel *ch, size_t index,
	int64_t period_s, fg_series_sink sink, void *arg)
{
	struct fg_series_value v = {.type = ch->type, .channel = index};
	struct span rest = ch->offsets;
	bool two_states = is_switch(l, ch->type);
	int64_t offset;
	int r = FG_OK;

	for (; r >= 0 && rest.at < rest.end && take_offset(&rest, &offset); v.sample++) {
		v.value.kind = FG_KIND_INT;
		v.value.i = ch->start + offset;
		v.time_s = ch->time_s + (int64_t)v.sample * period_s;
		if (offset >= l->error_first && offset <= l->error_last) {
			v.value.kind = FG_KIND_NONE;
		} else if (two_states) {
			if (!offset)
				continue; /* neither on nor off */
			v.value.kind = FG_KIND_BOOL;
			v.value.b = offset > 0;
			v.time_s = ch->time_s + (offset > 0 ? offset : -offset) - 1;
		}
		r = sink(arg, &v);
	}
	return r < 0 ? r : FG_OK;
}

/* One pass over the message: what is declared in it, and, with a sink, its samples. */
static int walk(const struct fg_series_layout *l, struct span rest, int64_t *period_s,
	fg_series_sink sink, void *arg)
{
	uint64_t period = 0, factor = 1;
	struct channel ch;
	size_t index = 0;
	struct field f;
	int r;

	while ((r = take_field(&rest, &f)) == FG_OK) {
		if (f.number == l->period || f.number == l->period_factor) {
			if (f.wire != VARINT || f.value > UINT32_MAX)
				return FG_EDECODE;
			*(f.number == l->period ? &period : &factor) = f.value;
		} else if (f.number == l->channel) {
			r = f.wire == LENGTH ? take_channel(l, f.body, &ch) : FG_EDECODE;
			if (r == FG_OK && sink)
				r = give_channel(l, &ch, index, *period_s, sink, arg);
			if (r < 0)
				return r;
			index++;
		}
	}
	if (period * factor > MAX_PERIOD)
		return FG_EDECODE;
	*period_s = sink ? *period_s : (int64_t)(period * factor);
	return r == FG_ENOENT ? FG_OK : r;
}

int fg_series_decode(const struct fg_series_layout *layout, const void *payload, size_t len,
	fg_series_sink sink, void *arg)
{
	struct span all = {payload, (const unsigned char *)payload + len};
	int64_t period_s = 0;
	int r;

	if (!len || len > MAX_BYTES)
		return FG_EDECODE;
	r = walk(layout, all, &period_s, NULL, NULL);
	return r == FG_OK ? walk(layout, all, &period_s, sink, arg) : r;
}

/* ---- single fields ---- */

static int64_t as_signed(uint64_t bits, enum wire wire)
{
	int64_t v;

	if (wire == FIXED32 && bits >> 31)
		bits |= UINT64_MAX << 32;
	memcpy(&v, &bits, sizeof(v));
	return v;
}

static void put_unsigned(uint64_t v, struct fg_value *ret)
{
	ret->kind = v > INT64_MAX ? FG_KIND_UINT : FG_KIND_INT;
	if (v > INT64_MAX)
		ret->u = v;
	else
		ret->i = (int64_t)v;
}

static void put_float(const struct field *f, struct fg_value *ret)
{
	uint32_t low = (uint32_t)f->value;
	float single;

	if (f->wire == FIXED64) {
		memcpy(&ret->f, &f->value, sizeof(ret->f));
		ret->kind = FG_KIND_DOUBLE;
		return;
	}
	memcpy(&single, &low, sizeof(single));
	ret->f = (double)single;
	ret->kind = FG_KIND_FLOAT;
}

static int put_string(struct span body, struct fg_value *ret)
{
	size_t len = (size_t)(body.end - body.at);

	if (len > 250)
		return FG_EDECODE;
	for (size_t i = 0, n; i < len; i += n) {
		n = fg_utf8_char(body.at + i, len - i);
		if (!n || body.at[i] < 0x20 || body.at[i] == 0x7f)
			return FG_EDECODE;
	}
	ret->kind = FG_KIND_TEXT;
	ret->text = (const char *)body.at;
	ret->len = (uint32_t)len;
	return FG_OK;
}

static int put_bytes(struct span body, char text[65], struct fg_value *ret)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = (size_t)(body.end - body.at);

	if (len > 32)
		return FG_EDECODE;
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[body.at[i] >> 4];
		text[2 * i + 1] = digits[body.at[i] & 15];
	}
	text[2 * len] = '\0';
	ret->kind = FG_KIND_TEXT;
	ret->text = text;
	ret->len = (uint32_t)(2 * len);
	return FG_OK;
}

static bool wire_fits(enum fg_protobuf_type type, enum wire wire)
{
	if (type <= FG_PROTOBUF_BOOL)
		return wire == VARINT;
	if (type <= FG_PROTOBUF_FLOAT)
		return wire == FIXED32 || wire == FIXED64;
	return wire == LENGTH;
}

static int put_value(
	const struct field *f, enum fg_protobuf_type type, char text[65], struct fg_value *ret)
{
	if (!wire_fits(type, f->wire))
		return FG_EDECODE;
	ret->kind = FG_KIND_INT;
	switch (type) {
	case FG_PROTOBUF_BOOL:
		ret->kind = FG_KIND_BOOL;
		ret->b = f->value != 0;
		break;
	case FG_PROTOBUF_INT:
	case FG_PROTOBUF_SFIXED:
		ret->i = as_signed(f->value, f->wire);
		break;
	case FG_PROTOBUF_SINT:
		ret->i = zigzag(f->value);
		break;
	case FG_PROTOBUF_UINT:
	case FG_PROTOBUF_FIXED:
		put_unsigned(f->value, ret);
		break;
	case FG_PROTOBUF_FLOAT:
		put_float(f, ret);
		break;
	case FG_PROTOBUF_STRING:
		return put_string(f->body, ret);
	case FG_PROTOBUF_BYTES:
		return put_bytes(f->body, text, ret);
	}
	return FG_OK;
}

/* The last field of a number; all are looked at. */
static int find_last(struct span rest, uint32_t number, struct field *ret)
{
	bool found = false;
	struct field f;
	int r;

	while ((r = take_field(&rest, &f)) == FG_OK) {
		if (f.number != number)
			continue;
		found = true;
		*ret = f;
	}
	if (r != FG_ENOENT)
		return r;
	return found ? FG_OK : FG_ENOENT;
}

int fg_protobuf_check(const void *payload, size_t len)
{
	struct span all = {payload, (const unsigned char *)payload + len};
	struct field f;
	int r = FG_EDECODE;

	if (len && len <= MAX_BYTES)
		while ((r = take_field(&all, &f)) == FG_OK)
			;
	return r == FG_ENOENT ? FG_OK : FG_EDECODE;
}

int fg_protobuf_value(const void *payload, size_t len, const uint32_t *path, size_t depth,
	enum fg_protobuf_type type, char text[65], struct fg_value *ret_value)
{
	struct span all = {payload, (const unsigned char *)payload + len};
	struct fg_value v = {.kind = FG_KIND_NONE};
	struct field f = {.number = 0};
	int r;

	if (!len || len > MAX_BYTES || !depth || depth > FG_PROTOBUF_DEPTH)
		return FG_EDECODE;
	for (size_t i = 0; i < depth; i++) {
		r = find_last(all, path[i], &f);
		if (r < 0)
			return r;
		if (i + 1 < depth && f.wire != LENGTH)
			return FG_EDECODE;
		all = f.body;
	}
	r = put_value(&f, type, text, &v);
	if (r == FG_OK)
		*ret_value = v;
	return r;
}
