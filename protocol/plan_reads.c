/* SPDX-License-Identifier: EUPL-1.2 */
/* Planning of reads: many points, few requests. Runs when a configuration is loaded. */
#include "protocol/registers.h"

#define UNPLACED SIZE_MAX

static bool before(const struct fg_span *a, const struct fg_span *b)
{
	return a->table != b->table ? a->table < b->table : a->address < b->address;
}

/* The first span in address order that no request covers yet; n where none is left. */
static size_t next_span(const struct fg_span *spans, size_t n, const size_t *of)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++)
		if (of[i] == UNPLACED && (best == n || before(&spans[i], &spans[best])))
			best = i;
	return best;
}

/* Lengthens a request to cover a span that does not begin before it; false where it must not. */
static bool extend(
	struct fg_request *req, const struct fg_span *span, const struct fg_plan_limits *limits)
{
	bool bits = span->table == FG_TABLE_COIL || span->table == FG_TABLE_DISCRETE;
	unsigned max = bits ? limits->max_bits : limits->max_registers;
	unsigned req_end = (unsigned)req->address + req->count;
	unsigned span_end = (unsigned)span->address + span->width;

	if (span->table != req->table)
		return false;
	if (span_end <= req_end)
		return true;
	if (span->address > req_end + limits->max_gap || span_end - req->address > max)
		return false;
	req->count = (uint16_t)(span_end - req->address);
	return true;
}

/* Taking the spans in address order and lengthening the last request as far as it goes is the
 * fewest: a span that does not fit begins a request which any later span fits at least as well. */
size_t fg_plan_reads(const struct fg_span *spans, size_t n, const struct fg_plan_limits *limits,
	struct fg_request *ret, size_t *ret_of)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		ret_of[i] = UNPLACED;
	for (size_t i = next_span(spans, n, ret_of); i < n; i = next_span(spans, n, ret_of)) {
		if (count == 0 || !extend(&ret[count - 1], &spans[i], limits))
			ret[count++] = (struct fg_request){
				.table = spans[i].table,
				.address = spans[i].address,
				.count = spans[i].width,
			};
		ret_of[i] = count - 1;
	}
	return count;
}
