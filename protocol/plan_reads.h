/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_PLAN_READS_H
#define FG_PROTOCOL_PLAN_READS_H

#include "protocol/registers.h"

/* Which requests read many values in the least time. Pure; runs when a configuration is loaded. */

struct fg_plan_limits {
	unsigned max_registers; /* of one request, at most 125 */
	unsigned max_bits;      /* at most 2000 */
	unsigned max_gap;       /* unasked registers that a request may hold between two values */
	unsigned align;		/* start and count of a request are multiples of it; 0 as 1 */
	/* No request touches these; of the plain space, like the blocks. */
	const struct fg_request *no_read;
	size_t no_read_count;
	/* A value inside a block is read by a request for exactly the block, and no other request
	 * touches it. */
	const struct fg_request *blocks;
	size_t block_count;
	/* The time of a request: request_ns + byte_ns for each byte of data in its answer. */
	int64_t request_ns, byte_ns;
};

/* Whether a request of this range keeps to the limits, but for max_gap, which is the spans' affair.
 * A single value that breaks them is read all the same: a value is never split. */
bool fg_plan_allows(const struct fg_plan_limits *limits, unsigned space, enum fg_table table,
	unsigned address, unsigned end);

int64_t fg_plan_cost_ns(const struct fg_plan_limits *limits, const struct fg_request *req);

/* The range as it is asked for: rounded to the alignment where addresses reach that far. */
void fg_plan_round(
	const struct fg_plan_limits *limits, unsigned *address, unsigned *end);

struct fg_plan_work {
	int64_t cost_ns;
	uint32_t count; /* of requests */
	uint32_t from, span;
	struct fg_request req;
};

/* The requests that cover all spans in the least time; of two such sets, one with fewer requests.
 * Spans may overlap. They are joined only within one table and space, and never split. `work`,
 * `ret` and `ret_space` (may be NULL) have room for n. Returns how many requests there are: those
 * for blocks, then the others in the order of space, table and address; ret_of[i] is the one that
 * covers span i. */
size_t fg_plan_reads(const struct fg_span *spans, size_t n, const struct fg_plan_limits *limits,
	struct fg_plan_work *work, struct fg_request *ret, uint8_t *ret_space, size_t *ret_of);

#endif
