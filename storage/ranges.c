/* SPDX-License-Identifier: EUPL-1.2 */
/* Sets of sequence numbers as sorted intervals. */
#include "storage/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "base/plant.h"
#include "base/status.h"
#include "base/varint.h"
#include "storage/checksum.h"

#define VERSION 1

void fg_ranges_init(struct fg_ranges *r)
{
	*r = (struct fg_ranges){0};
}

void fg_ranges_fini(struct fg_ranges *r)
{
	free(r->items);
	*r = (struct fg_ranges){0};
}

static int make_room(struct fg_ranges *r, size_t need)
{
	size_t cap = FG_MAX(need, FG_MIN(r->cap * 2, (size_t)FG_RANGES_MAX + 1));
	struct fg_range *items;

	if (need <= r->cap)
		return FG_OK;
	items = realloc(r->items, cap * sizeof(*items));
	if (!items)
		return FG_ENOMEM;
	r->items = items;
	r->cap = cap;
	return FG_OK;
}

int fg_ranges_copy(struct fg_ranges *to, const struct fg_ranges *from)
{
	int rc = make_room(to, from->count);

	if (rc < 0)
		return rc;
	if (from->count)
		memcpy(to->items, from->items, from->count * sizeof(*from->items));
	to->count = from->count;
	return FG_OK;
}

/* The first interval that ends above seq; r->count where none does. */
static size_t find(const struct fg_ranges *r, uint64_t seq)
{
	size_t lo = 0, hi = r->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->items[mid].to > seq)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Puts `n` intervals in the place of those from index `first` up to `last`. There is room. */
static void replace(struct fg_ranges *r, size_t first, size_t last, const struct fg_range *with,
	size_t n)
{
	memmove(r->items + first + n, r->items + last, (r->count - last) * sizeof(*r->items));
	if (n)
		memcpy(r->items + first, with, n * sizeof(*with));
	r->count = r->count - (last - first) + n;
}

/* Joins the two intervals that lie nearest. */
static void join_nearest(struct fg_ranges *r)
{
	struct fg_range joined;
	size_t best = 0;

	for (size_t i = 1; i + 1 < r->count; i++)
		if (r->items[i + 1].from - r->items[i].to <
			r->items[best + 1].from - r->items[best].to)
			best = i;
	joined = (struct fg_range){r->items[best].from, r->items[best + 1].to};
	replace(r, best, best + 2, &joined, 1);
}

int fg_ranges_add(struct fg_ranges *r, uint64_t from, uint64_t to)
{
	struct fg_range joined = {from, to};
	size_t first, last;
	int rc;

	if (from >= to)
		return FG_EINVAL;
	rc = make_room(r, r->count + 1);
	if (rc < 0)
		return rc;
	first = from ? find(r, from - 1) : 0; /* one that ends at `from` touches, and joins */
	for (last = first; last < r->count && r->items[last].from <= to; last++)
		;
	if (last > first) {
		joined.from = FG_MIN(from, r->items[first].from);
		joined.to = FG_MAX(to, r->items[last - 1].to);
	}
	replace(r, first, last, &joined, 1);
	if (r->count > FG_RANGES_MAX)
		join_nearest(r);
	return FG_OK;
}

int fg_ranges_remove(struct fg_ranges *r, uint64_t from, uint64_t to)
{
	struct fg_range rest[2];
	size_t first, last, n = 0;
	int rc;

	if (from >= to)
		return FG_EINVAL;
	first = find(r, from);
	for (last = first; last < r->count && r->items[last].from < to; last++)
		;
	if (last == first)
		return FG_OK;
	rc = make_room(r, r->count + 1);
	if (rc < 0)
		return rc;
	if (r->items[first].from < from)
		rest[n++] = (struct fg_range){r->items[first].from, from};
	if (r->items[last - 1].to > to && !(n && fg_planted(FG_PLANT_SPLIT_LOSES)))
		rest[n++] = (struct fg_range){to, r->items[last - 1].to};
	replace(r, first, last, rest, n);
	if (r->count > FG_RANGES_MAX)
		join_nearest(r);
	return FG_OK;
}

bool fg_ranges_has(const struct fg_ranges *r, uint64_t seq)
{
	size_t i = find(r, seq);

	return i < r->count && r->items[i].from <= seq;
}

bool fg_ranges_next(const struct fg_ranges *r, uint64_t seq, struct fg_range *ret)
{
	size_t i = find(r, seq);

	if (i == r->count)
		return false;
	*ret = (struct fg_range){FG_MAX(seq, r->items[i].from), r->items[i].to};
	return true;
}

uint64_t fg_ranges_first(const struct fg_ranges *r)
{
	return r->count ? r->items[0].from : FG_SEQ_END;
}

uint64_t fg_ranges_count_below(const struct fg_ranges *r, uint64_t limit)
{
	uint64_t count = 0;

	for (size_t i = 0; i < r->count && r->items[i].from < limit; i++)
		count += FG_MIN(r->items[i].to, limit) - r->items[i].from;
	return count;
}

/* Version, count, then for each interval the distance from the end of the one before and its
 * length; length 0 is an open end. */
void fg_ranges_encode(const struct fg_ranges *r, struct fg_buf *out)
{
	size_t start = out->len;
	uint64_t at = 0;

	fg_buf_putc(out, VERSION);
	fg_put_varint(out, r->count);
	for (size_t i = 0; i < r->count; i++) {
		const struct fg_range *x = &r->items[i];

		fg_put_varint(out, x->from - at);
		fg_put_varint(out, x->to == FG_SEQ_END ? 0 : x->to - x->from);
		at = x->to;
	}
	fg_seal(out, start);
}

static int decode_one(struct fg_bytes *in, bool first, uint64_t at, struct fg_range *ret)
{
	uint64_t distance = fg_get_varint(in), len = fg_get_varint(in);

	if (in->bad || (!first && distance == 0) || distance >= FG_SEQ_END - at)
		return FG_ECORRUPT;
	ret->from = at + distance;
	if (len >= FG_SEQ_END - ret->from)
		return FG_ECORRUPT;
	ret->to = len ? ret->from + len : FG_SEQ_END;
	return FG_OK;
}

int fg_ranges_decode(const void *bytes, size_t len, struct fg_ranges *ret)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges r = {0};
	struct fg_bytes in = {.at = bytes};
	uint64_t count, at = 0;
	int rc;

	if (!fg_seal_check(bytes, len, &len))
		return FG_ECORRUPT;
	in.end = in.at + len;
	if (fg_get_byte(&in) != VERSION)
		return FG_ECORRUPT;
	count = fg_get_varint(&in);
	if (count > FG_RANGES_MAX)
		return FG_ECORRUPT;
	rc = make_room(&r, (size_t)count);
	while (rc == FG_OK && r.count < count) {
		rc = decode_one(&in, r.count == 0, at, &r.items[r.count]);
		if (rc == FG_OK)
			at = r.items[r.count++].to; /* behind an open end nothing decodes */
	}
	if (rc < 0)
		return rc;
	if (in.bad || in.at != in.end)
		return FG_ECORRUPT;
	*ret = r;
	r = (struct fg_ranges){0};
	return FG_OK;
}
