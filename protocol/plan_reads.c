/* SPDX-License-Identifier: EUPL-1.2 */
/* Planning of reads: many values, the requests that take the least time. Dynamic programming over
 * the spans in address order. That order is enough: in an optimal set no request lies inside
 * another one, so starts and ends both rise, and where of two spans the earlier one is read by the
 * later request, every span from it on fits that request as well. */
#include "protocol/plan_reads.h"

#include "base/cleanup.h"

#define ADDRESSES 65536u

static bool is_bits(enum fg_table table)
{
	return table == FG_TABLE_COIL || table == FG_TABLE_DISCRETE;
}

static unsigned end_of(const struct fg_span *s)
{
	return (unsigned)s->address + s->width;
}

int64_t fg_plan_cost_ns(const struct fg_plan_limits *limits, const struct fg_request *req)
{
	int64_t bytes = is_bits(req->table) ? (req->count + 7) / 8 : 2 * (int64_t)req->count;

	return limits->request_ns + bytes * limits->byte_ns;
}

void fg_plan_round(const struct fg_plan_limits *limits, unsigned *address, unsigned *end)
{
	unsigned align = FG_MAX(limits->align, 1u);

	*address -= *address % align;
	*end = FG_MIN(*end + (align - *end % align) % align, ADDRESSES);
}

static bool touches(const struct fg_request *areas, size_t n, enum fg_table table, unsigned address,
	unsigned end)
{
	for (size_t i = 0; i < n; i++)
		if (areas[i].table == table && areas[i].address < end &&
			address < (unsigned)areas[i].address + areas[i].count)
			return true;
	return false;
}

bool fg_plan_allows(const struct fg_plan_limits *limits, unsigned space, enum fg_table table,
	unsigned address, unsigned end)
{
	unsigned max = is_bits(table) ? limits->max_bits : limits->max_registers;

	fg_plan_round(limits, &address, &end);
	if (end - address > max)
		return false;
	return space != 0 ||
	       (!touches(limits->no_read, limits->no_read_count, table, address, end) &&
		       !touches(limits->blocks, limits->block_count, table, address, end));
}

/* The block that a span is read with, or NULL. */
static const struct fg_request *block_of(
	const struct fg_plan_limits *limits, const struct fg_span *s)
{
	for (size_t i = 0; s->space == 0 && i < limits->block_count; i++) {
		const struct fg_request *b = &limits->blocks[i];

		if (b->table == s->table && b->address <= s->address &&
			end_of(s) <= (unsigned)b->address + b->count)
			return b;
	}
	return NULL;
}

/* What sorting goes by: the wider of two that begin alike comes first. */
struct sort_key {
	unsigned space, table, address, width;
};

static struct sort_key key_of(const struct fg_span *s)
{
	return (struct sort_key){s->space, (unsigned)s->table, s->address, s->width};
}

static bool before(const struct fg_span *a, const struct fg_span *b)
{
	const struct sort_key ka = key_of(a), kb = key_of(b);

	if (ka.space != kb.space)
		return ka.space < kb.space;
	if (ka.table != kb.table)
		return ka.table < kb.table;
	if (ka.address != kb.address)
		return ka.address < kb.address;
	return ka.width > kb.width;
}

/* Heap sort of work[0..n).span: no memory but what is there. */
static void sift(const struct fg_span *spans, struct fg_plan_work *work, size_t at, size_t n)
{
	for (size_t child = 2 * at + 1; child < n; at = child, child = 2 * at + 1) {
		uint32_t swap = work[at].span;

		if (child + 1 < n && before(&spans[work[child].span], &spans[work[child + 1].span]))
			child++;
		if (!before(&spans[swap], &spans[work[child].span]))
			return;
		work[at].span = work[child].span;
		work[child].span = swap;
	}
}

static void sort(const struct fg_span *spans, struct fg_plan_work *work, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(spans, work, i, n);
	for (size_t i = n; i-- > 1;) {
		uint32_t last = work[i].span;

		work[i].span = work[0].span;
		work[0].span = last;
		sift(spans, work, 0, i);
	}
}

static struct fg_request make_request(
	const struct fg_plan_limits *limits, enum fg_table table, unsigned address, unsigned end)
{
	fg_plan_round(limits, &address, &end);
	return (struct fg_request){
		.table = table, .address = (uint16_t)address, .count = (uint16_t)(end - address)};
}

/* Takes the request for work[i..j] where it makes the best of what ends with j. */
static void offer(const struct fg_plan_limits *limits, struct fg_plan_work *work, size_t i,
	size_t j, const struct fg_request *req)
{
	int64_t cost = fg_plan_cost_ns(limits, req) + (i ? work[i - 1].cost_ns : 0);
	uint32_t count = 1 + (i ? work[i - 1].count : 0);
	struct fg_plan_work *w = &work[j];

	if (w->count && (w->cost_ns < cost || (w->cost_ns == cost && w->count <= count)))
		return;
	w->cost_ns = cost;
	w->count = count;
	w->from = (uint32_t)i;
	w->req = *req;
}

/* Offers every request that begins with work[i]. What ends the loop holds for all that follow: they
 * begin no earlier, so a request with them is no shorter. */
static void offer_from(const struct fg_span *spans, size_t n, const struct fg_plan_limits *limits,
	struct fg_plan_work *work, size_t i)
{
	const struct fg_span *first = &spans[work[i].span];
	unsigned end = end_of(first);

	for (size_t j = i; j < n; j++) {
		const struct fg_span *s = &spans[work[j].span];
		struct fg_request req;

		if (s->space != first->space || s->table != first->table ||
			s->address > end + limits->max_gap)
			return;
		end = FG_MAX(end, end_of(s));
		if (end > end_of(first) && /* else it is what the first takes anyway */
			!fg_plan_allows(limits, first->space, first->table, first->address, end))
			return;
		req = make_request(limits, first->table, first->address, end);
		offer(limits, work, i, j, &req);
	}
}

/* Those inside blocks: a request for each block that holds one. */
static size_t plan_blocks(const struct fg_span *spans, size_t n,
	const struct fg_plan_limits *limits, struct fg_request *ret, size_t *ret_of)
{
	size_t count = 0;

	for (size_t b = 0; b < limits->block_count; b++) {
		bool used = false;

		for (size_t i = 0; i < n; i++) {
			if (block_of(limits, &spans[i]) != &limits->blocks[b])
				continue;
			ret_of[i] = count;
			used = true;
		}
		if (used)
			ret[count++] = limits->blocks[b];
	}
	return count;
}

size_t fg_plan_reads(const struct fg_span *spans, size_t n, const struct fg_plan_limits *limits,
	struct fg_plan_work *work, struct fg_request *ret, uint8_t *ret_space, size_t *ret_of)
{
	size_t free_spans = 0, count = plan_blocks(spans, n, limits, ret, ret_of), at;

	for (size_t i = 0; ret_space && i < count; i++)
		ret_space[i] = 0;
	for (size_t i = 0; i < n; i++)
		if (!block_of(limits, &spans[i]))
			work[free_spans++] = (struct fg_plan_work){.span = (uint32_t)i};
	sort(spans, work, free_spans);
	for (size_t i = 0; i < free_spans; i++)
		offer_from(spans, free_spans, limits, work, i);
	if (free_spans)
		count += work[free_spans - 1].count;
	at = count;
	for (size_t end = free_spans; end > 0; end = work[end - 1].from) {
		const struct fg_plan_work *last = &work[end - 1];

		ret[--at] = last->req;
		if (ret_space)
			ret_space[at] = spans[last->span].space;
		for (size_t i = last->from; i < end; i++)
			ret_of[work[i].span] = at;
	}
	return count;
}
