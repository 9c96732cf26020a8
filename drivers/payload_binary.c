/* SPDX-License-Identifier: EUPL-1.2 */
/* Values out of binary layouts and protocol buffers that a configuration declares. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "drivers/payload_internal.h"

#define MAX_HEX	   1024 /* bytes of a payload that is sent as hexadecimal text */
#define MAX_BLOCKS 16

struct bytes {
	const unsigned char *at;
	size_t len;
	unsigned char unhexed[MAX_HEX];
};

/* ---- binary layouts ---- */

/* Some devices can be told to send their bytes as hexadecimal digits. */
static void take_bytes(const struct fg_payload *p, struct bytes *b)
{
	int64_t n = fg_binary_unhex(p->data, p->len, b->unhexed, sizeof(b->unhexed));

	b->at = n > 0 ? b->unhexed : (const unsigned char *)p->data;
	b->len = n > 0 ? (size_t)n : p->len;
}

static bool holds(const struct fg_payload_condition *c, const struct bytes *b)
{
	int64_t mask = c->mask.given ? c->mask.v : 0xFF;

	if (!c->at.given)
		return true;
	if ((size_t)c->at.v >= b->len)
		return false;
	for (size_t i = 0; i < c->equals.count; i++)
		if ((b->at[c->at.v] & mask) == c->equals.items[i])
			return true;
	return false;
}

/* Where a block stands: behind the head and those before it that are there. Without an index, the
 * end of all. FG_ENOENT where it is not there. */
static int find_block(
	const struct fg_payload_conf *conf, const struct bytes *b, size_t index, size_t *ret_offset)
{
	const struct fg_payload_blocks *blocks = &conf->blocks;
	const unsigned char *f = b->at + blocks->flags.v;
	unsigned flags =
		conf->byte_order == 2 ? f[0] | (unsigned)f[1] << 8 : (unsigned)f[0] << 8 | f[1];
	size_t offset = (size_t)conf->length.v;

	for (size_t i = 0; i < FG_MIN(index, blocks->lengths.count); i++)
		offset += flags >> i & 1 ? (size_t)blocks->lengths.items[i] : 0;
	*ret_offset = offset;
	if (index >= blocks->lengths.count)
		return FG_OK;
	if (!(flags >> index & 1))
		return FG_ENOENT;
	return offset + (size_t)blocks->lengths.items[index] <= b->len ? FG_OK : FG_EDECODE;
}

static bool length_fits(const struct fg_payload_conf *conf, const struct bytes *b)
{
	size_t head = (size_t)conf->length.v, rest, all;

	if (b->len < head)
		return false;
	if (conf->blocks.flags.given) {
		find_block(conf, b, SIZE_MAX, &all);
		return conf->longer ? b->len >= all : b->len == all;
	}
	rest = b->len - head;
	return conf->longer ||
	       (conf->logged.length.given ? rest % (size_t)conf->logged.length.v == 0 : rest == 0);
}

static int check_bytes(struct fg_payload_search *s, const struct bytes *b)
{
	if (!length_fits(s->conf, b))
		return fg_payload_fail(s, FG_EDECODE,
			"%zu bytes, which the layout of %lld cannot be", b->len,
			(long long)s->conf->length.v);
	if (!holds(&s->conf->select, b))
		return fg_payload_fail(s, FG_EDECODE,
			"byte %lld is not what this layout has there (`select:`)",
			(long long)s->conf->select.at.v);
	return FG_OK;
}

int fg_payload_check_binary(struct fg_payload_search *s)
{
	struct bytes b;

	take_bytes(s->payload, &b);
	return check_bytes(s, &b);
}

struct taken {
	struct fg_payload_search *search;
	bool invalid; /* a flag of the head says so, of all records */
	int status;
};

static int take_field(void *arg, const struct fg_binary_value *v)
{
	struct taken *t = arg;
	struct fg_payload_search *s = t->search;
	struct fg_payload_found f = {.value = v->value, .has_raw = true, .raw = v->raw};

	if (v->value.kind == FG_KIND_TEXT)
		f.has_raw = false;
	if (t->invalid && !v->record)
		f.value.kind = FG_KIND_NONE;
	if (v->has_time) {
		f.clock = FG_PAYLOAD_WALL;
		f.time_us = v->time_s * 1000000;
	} else if (v->record && s->at->layout.step_s) {
		f.clock = FG_PAYLOAD_RELATIVE;
		f.time_us = (int64_t)v->record * s->at->layout.step_s * 1000000;
	}
	t->status = s->sink(s->arg, &f);
	return t->status;
}

int fg_payload_search_binary(struct fg_payload_search *s)
{
	struct taken t = {.search = s, .status = FG_ENOENT};
	const struct fg_payload_point *at = s->at;
	struct bytes b;
	size_t offset = 0, len;
	int r;

	take_bytes(s->payload, &b);
	r = check_bytes(s, &b);
	if (r < 0)
		return r;
	if (!holds(&at->when, &b))
		return fg_payload_fail(s, FG_ENOENT, "not in a payload of this kind (`when:`)");
	len = b.len;
	if (at->block.given) {
		r = find_block(s->conf, &b, (size_t)at->block.v, &offset);
		if (r < 0)
			return fg_payload_fail(s, r, "its block is not in this payload");
		len = at->layout.head.size;
	}
	t.invalid = at->invalid.at.given && holds(&at->invalid, &b);
	r = fg_binary_decode(&at->layout, b.at + offset, len, take_field, &t);
	if (t.status == FG_ENOENT)
		return fg_payload_fail(s, r < 0 ? r : FG_ENOENT, "not in this payload");
	return r;
}

struct one {
	struct fg_payload_found *f;
};

static int take_one(void *arg, const struct fg_binary_value *v)
{
	struct fg_payload_found *f = ((struct one *)arg)->f;

	f->value = v->value;
	if (v->value.kind == FG_KIND_TEXT) {
		f->value.len = FG_MIN(v->value.len, (uint32_t)sizeof(f->text));
		memcpy(f->text, v->value.text, f->value.len);
		f->value.text = f->text;
	}
	return FG_OK;
}

int fg_payload_find_binary(struct fg_payload_search *s, const struct fg_payload_place *place,
	struct fg_payload_found *f)
{
	const struct fg_binary_field field = {.type = (enum fg_binary_type)place->type.kind,
		.offset = (uint16_t)place->at.v,
		.size = place->type.size,
		.little = s->conf->byte_order == 2};
	const struct fg_binary_layout layout = {
		.head = {(uint16_t)s->conf->length.v, &field, 1}, .loose = true};
	struct one one = {f};
	struct bytes b;
	int r;

	take_bytes(s->payload, &b);
	r = check_bytes(s, &b);
	return r < 0 ? r : fg_binary_decode(&layout, b.at, b.len, take_one, &one);
}

/* ---- protocol buffers ---- */

int fg_payload_check_protobuf(struct fg_payload_search *s)
{
	if (fg_protobuf_check(s->payload->data, s->payload->len) < 0)
		return fg_payload_fail(s, FG_EDECODE, "not a message of protocol buffers");
	return FG_OK;
}

static int find_field(struct fg_payload_search *s, const struct fg_payload_numbers *numbers,
	const struct fg_payload_type *type, struct fg_payload_found *f)
{
	const struct fg_payload *p = s->payload;
	enum fg_protobuf_type kind = !type->given     ? FG_PROTOBUF_UINT
				     : type->protobuf ? (enum fg_protobuf_type)type->kind
						      : FG_PROTOBUF_BOOL; /* of both worlds */
	uint32_t path[FG_PROTOBUF_DEPTH];
	size_t depth = FG_MIN(numbers->count, FG_COUNT(path));
	int r;

	for (size_t i = 0; i < depth; i++)
		path[i] = (uint32_t)numbers->items[i];
	r = fg_protobuf_value(p->data, p->len, path, depth, kind, f->text, &f->value);
	if (r == FG_ENOENT)
		return fg_payload_fail(s, r, "the field is not in this message");
	if (r < 0)
		return fg_payload_fail(s, r, "not a message, or the field is of another type");
	if (kind == FG_PROTOBUF_STRING) {
		memcpy(f->text, f->value.text, f->value.len);
		f->value.text = f->text;
	}
	return FG_OK;
}

int fg_payload_find_protobuf(struct fg_payload_search *s, const struct fg_payload_place *place,
	struct fg_payload_found *f)
{
	struct fg_payload_type type = place->type;

	if (!type.given && place == &s->conf->identity) /* a serial number */
		type = (struct fg_payload_type){true, true, FG_PROTOBUF_BYTES, 0};
	return find_field(s, &place->field, &type, f);
}

/* The series that a channel is. */
struct series {
	struct fg_payload_search *search;
	size_t seen, channel; /* channels of this kind so far, and the last of them */
	int status;
};

static int take_sample(void *arg, const struct fg_series_value *v)
{
	struct series *t = arg;
	struct fg_payload_search *s = t->search;
	int64_t wanted = s->at->nth.given ? s->at->nth.v : 1, divide = s->at->divide.v;
	struct fg_payload_found f = {.value = v->value, .clock = FG_PAYLOAD_WALL};

	if ((int64_t)v->type != s->at->channel.v)
		return FG_OK;
	t->seen += !t->seen || t->channel != v->channel;
	t->channel = v->channel;
	if ((int64_t)t->seen != wanted)
		return FG_OK;
	if (s->at->divide.given && v->value.kind == FG_KIND_INT)
		f.value.i /= divide;
	f.time_us = v->time_s * 1000000;
	t->status = s->sink(s->arg, &f);
	return t->status;
}

static struct fg_series_layout series_layout(
	const struct fg_payload_series *c, uint8_t switches[MAX_BLOCKS])
{
	struct fg_series_layout l = {.period = (uint32_t)c->period.v,
		.period_factor = (uint32_t)c->factor.v,
		.channel = (uint32_t)c->message.v,
		.type = (uint32_t)c->kind.v,
		.time = (uint32_t)c->time.v,
		.start = (uint32_t)c->start.v,
		.offsets = (uint32_t)c->offsets.v,
		.error_first = 1,
		.switches = switches};

	if (c->errors.count == 2) {
		l.error_first = (int32_t)c->errors.items[0];
		l.error_last = (int32_t)c->errors.items[1];
	}
	for (; l.switch_count < FG_MIN(c->switches.count, (size_t)MAX_BLOCKS); l.switch_count++)
		switches[l.switch_count] = (uint8_t)c->switches.items[l.switch_count];
	return l;
}

static int search_series(struct fg_payload_search *s)
{
	struct series t = {.search = s, .status = FG_ENOENT};
	uint8_t switches[MAX_BLOCKS];
	struct fg_series_layout layout = series_layout(&s->conf->series, switches);
	int r = fg_series_decode(&layout, s->payload->data, s->payload->len, take_sample, &t);

	if (r < 0 && t.status == FG_ENOENT)
		return fg_payload_fail(s, r, "not a message with a series in it");
	if (t.status == FG_ENOENT)
		return fg_payload_fail(s, FG_ENOENT, "no channel %lld in this message",
			(long long)s->at->channel.v);
	return r;
}

int fg_payload_search_protobuf(struct fg_payload_search *s)
{
	struct fg_payload_found f = {.clock = FG_PAYLOAD_NOW}, time = {.clock = FG_PAYLOAD_NOW};
	int r;

	if (s->at->channel.given)
		return search_series(s);
	r = find_field(s, &s->at->field, &s->at->type, &f);
	if (r < 0)
		return r;
	if (s->at->divide.given && f.value.kind == FG_KIND_INT)
		f.value.i /= s->at->divide.v;
	if (s->conf->time.field.count &&
		fg_payload_find_protobuf(s, &s->conf->time, &time) == FG_OK &&
		time.value.kind == FG_KIND_INT && time.value.i > 0 &&
		time.value.i < INT64_C(9000000000)) {
		f.clock = FG_PAYLOAD_WALL;
		f.time_us = time.value.i * 1000000;
	}
	return s->sink(s->arg, &f);
}
