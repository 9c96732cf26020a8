/* SPDX-License-Identifier: EUPL-1.2 */
/* The stored form of means and of other values of periods. README.md has the layout. */
#include <string.h>

#include "base/status.h"
#include "storage/checksum.h"
#include "storage/record_private.h"

#define KIND_MASK 0x07
#define QC_SHIFT 3
#define QC_MASK 0x07
#define HAS_RANGE 0x40
#define HAS_CLASS 0x80
/* In the byte of a class's index. */
#define HAS_BY 0x80

/* What one aggregate inherits from the one before it. */
struct state {
	uint32_t point;
	int64_t to_ms;
};

static void put_short(struct fg_buf *out, const char *text)
{
	size_t len = strnlen(text, FG_CLASS_TEXT - 1);

	fg_put_varint(out, len);
	fg_buf_put(out, text, len);
}

static void put_counts(struct fg_buf *out, const struct fg_aggregate *a)
{
	const uint32_t counts[] = {
		a->expected, a->count, a->suspect, a->fail, a->missing, a->maintenance};

	for (size_t i = 0; i < FG_COUNT(counts); i++)
		fg_put_varint(out, counts[i]);
}

static void put_item(struct fg_buf *out, struct state *last, const struct fg_item *item)
{
	const struct fg_aggregate *a = item->aggregate;

	fg_put_svarint(out, (int64_t)item->point - last->point);
	fg_buf_putc(out, (char)((unsigned)item->value.kind |
				 fg_record_qc_code(item->qc) << QC_SHIFT |
				 (a->has_range ? HAS_RANGE : 0u) | (a->index ? HAS_CLASS : 0u)));
	fg_put_svarint(out, item->wall_ms - last->to_ms);
	fg_put_svarint(out, item->wall_ms - a->from_ms);
	fg_put_varint(out, item->replaces);
	fg_put_varint(out, (uint64_t)item->reason);
	fg_put_varint(out, item->uncertainty_s);
	put_counts(out, a);
	fg_record_put_value(out, &item->value);
	if (a->has_range) {
		fg_record_put_number(out, a->low);
		fg_record_put_number(out, a->high);
	}
	if (a->index) {
		fg_buf_putc(out, (char)(a->index | (a->by[0] ? HAS_BY : 0u)));
		put_short(out, a->scheme);
		put_short(out, a->version);
		put_short(out, a->key);
		if (a->by[0])
			put_short(out, a->by);
	}
	*last = (struct state){item->point, item->wall_ms};
}

void fg_record_encode_aggregates(struct fg_buf *out, const struct fg_record_head *head,
	const struct fg_item *items)
{
	const struct fg_record_head h = {.era = head->era, .has_wall = true,
		.wall_ms = items[0].wall_ms, .count = head->count};
	struct state last = {.to_ms = h.wall_ms};
	size_t start = out->len;

	fg_record_put_head(out, FG_RECORD_AGGREGATES, &h);
	for (unsigned i = 0; i < h.count; i++)
		put_item(out, &last, &items[i]);
	fg_seal(out, start);
}

static void get_short(struct fg_bytes *in, char text[FG_CLASS_TEXT])
{
	uint64_t len = fg_get_varint(in);
	const char *bytes = len < FG_CLASS_TEXT ? fg_get_bytes(in, (size_t)len) : NULL;

	if (!bytes || memchr(bytes, '\0', (size_t)len)) {
		in->bad = true;
		return;
	}
	memcpy(text, bytes, (size_t)len);
	text[len] = '\0';
}

static uint32_t get_number32(struct fg_bytes *in)
{
	uint64_t v = fg_get_varint(in);

	in->bad |= v > UINT32_MAX;
	return (uint32_t)v;
}

static void get_rest(struct fg_bytes *in, unsigned flags, struct fg_aggregate *a)
{
	a->has_range = flags & HAS_RANGE;
	if (a->has_range) {
		a->low = fg_record_get_number(in);
		a->high = fg_record_get_number(in);
	}
	if (flags & HAS_CLASS) {
		unsigned index = fg_get_byte(in);

		a->index = (uint8_t)(index & ~(unsigned)HAS_BY);
		in->bad |= a->index == 0;
		get_short(in, a->scheme);
		get_short(in, a->version);
		get_short(in, a->key);
		if (index & HAS_BY)
			get_short(in, a->by);
	}
}

static void get_item(struct fg_bytes *in, struct state *s, struct fg_item *ret,
	struct fg_aggregate *a)
{
	int64_t step = fg_get_svarint(in), length_ms;
	unsigned flags = fg_get_byte(in);
	uint64_t reason;

	*a = (struct fg_aggregate){0};
	if (step < -(int64_t)s->point || step > (int64_t)UINT32_MAX - (int64_t)s->point ||
		!fg_record_qc_of(flags >> QC_SHIFT & QC_MASK, &ret->qc)) {
		in->bad = true;
		return;
	}
	s->point = (uint32_t)(s->point + step);
	s->to_ms = fg_record_add_time(in, s->to_ms);
	length_ms = fg_record_add_time(in, 0);
	a->from_ms = s->to_ms - length_ms;
	ret->point = s->point;
	ret->wall_ms = s->to_ms;
	ret->replaces = fg_get_varint(in);
	reason = fg_get_varint(in);
	in->bad |= reason > UINT8_MAX || length_ms <= 0;
	ret->reason = (enum fg_reason)(reason & UINT8_MAX);
	ret->uncertainty_s = get_number32(in);
	a->expected = get_number32(in);
	a->count = get_number32(in);
	a->suspect = get_number32(in);
	a->fail = get_number32(in);
	a->missing = get_number32(in);
	a->maintenance = get_number32(in);
	fg_record_get_value(in, (enum fg_kind)(flags & KIND_MASK), &ret->value);
	get_rest(in, flags, a);
}

void fg_record_decode_aggregates(struct fg_bytes *in, const struct fg_record_head *head,
	uint64_t first_seq, fg_record_fn fn, void *arg, bool *ret_stopped)
{
	struct state s = {.to_ms = head->wall_ms};
	struct fg_aggregate a;
	struct fg_item item = {.kind = FG_ITEM_AGGREGATE, .aggregate = &a};

	for (unsigned i = 0; i < head->count; i++) {
		item.seq = first_seq + i;
		get_item(in, &s, &item, &a);
		if (in->bad)
			return;
		if (fn(arg, head, &item, head->mono_us) != 0) {
			*ret_stopped = true;
			return;
		}
	}
}
