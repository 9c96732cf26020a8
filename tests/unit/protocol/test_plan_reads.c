/* SPDX-License-Identifier: EUPL-1.2 */
/* The planner against all ways of grouping small layouts: no grouping costs less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "protocol/plan_reads.h"

#define MAX_SPANS 6
#define ROUNDS	  6000
#define NO_WAY	  INT64_MAX

static bool bits(enum fg_table table)
{
	return table == FG_TABLE_COIL || table == FG_TABLE_DISCRETE;
}

static bool inside(const struct fg_span *s, const struct fg_request *area)
{
	return s->space == 0 && s->table == area->table && s->address >= area->address &&
	       s->address + s->width <= area->address + area->count;
}

static bool hit(const struct fg_request *areas, size_t n, enum fg_table table, unsigned lo,
	unsigned hi)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned a = lo; a < hi; a++)
			if (areas[i].table == table && a >= areas[i].address &&
				a < (unsigned)areas[i].address + areas[i].count)
				return true;
	return false;
}

/* The rules taken word by word, register by register, for the spans of one group of a grouping;
 * what its request costs, or NO_WAY. */
static int64_t group_cost(const struct fg_span *s, const size_t *of, size_t n, size_t group,
	const struct fg_plan_limits *l)
{
	bool asked[128] = {false};
	unsigned lo = 128, hi = 0, run = 0, align = FG_MAX(l->align, 1u), max, size, from, to;
	const struct fg_span *first = NULL;
	const struct fg_request *block = NULL;
	size_t members = 0, in_block = 0;
	bool one = false; /* one value needs all of it: a value is never split */

	for (size_t i = 0; i < n; i++) {
		if (of[i] != group)
			continue;
		if (first && (first->table != s[i].table || first->space != s[i].space))
			return NO_WAY;
		first = &s[i];
		members++;
		lo = FG_MIN(lo, (unsigned)s[i].address);
		hi = FG_MAX(hi, (unsigned)s[i].address + s[i].width);
		for (unsigned a = 0; a < s[i].width; a++)
			asked[s[i].address + a] = true;
		for (size_t b = 0; b < l->block_count && !block; b++)
			if (inside(&s[i], &l->blocks[b]))
				block = &l->blocks[b];
	}
	for (size_t i = 0; i < n; i++) {
		if (of[i] != group)
			continue;
		one |= s[i].address == lo && s[i].address + s[i].width == hi;
		in_block += block && inside(&s[i], block);
	}
	if (block)
		return in_block == members ? fg_plan_cost_ns(l, block) : NO_WAY;
	for (unsigned a = lo; a < hi; a++) {
		run = asked[a] ? 0 : run + 1;
		if (run > l->max_gap)
			return NO_WAY;
	}
	for (from = lo; from % align; from--)
		;
	for (to = hi; to % align; to++)
		;
	size = to - from;
	max = bits(first->table) ? l->max_bits : l->max_registers;
	if (!one && size > max)
		return NO_WAY;
	if (!one && first->space == 0 &&
		(hit(l->no_read, l->no_read_count, first->table, from, to) ||
			hit(l->blocks, l->block_count, first->table, from, to)))
		return NO_WAY;
	return l->request_ns +
	       l->byte_ns * (int64_t)(bits(first->table) ? (size + 7) / 8 : 2 * size);
}

/* The least cost over all groupings (restricted growth strings). */
static int64_t cheapest(const struct fg_span *s, size_t n, size_t at, size_t groups, size_t *of,
	const struct fg_plan_limits *limits, int64_t best)
{
	int64_t sum = 0;

	if (at < n) {
		for (size_t g = 0; g <= groups; g++) {
			of[at] = g;
			best = cheapest(
				s, n, at + 1, FG_MAX(groups, g + 1), of, limits, best);
		}
		return best;
	}
	for (size_t g = 0; g < groups; g++) {
		int64_t cost = group_cost(s, of, n, g, limits);

		if (cost == NO_WAY)
			return best;
		sum += cost;
	}
	return FG_MIN(best, sum);
}

static void check_plan(const struct fg_span *s, size_t n, const struct fg_plan_limits *limits)
{
	struct fg_plan_work work[MAX_SPANS];
	struct fg_request reqs[MAX_SPANS];
	uint8_t space[MAX_SPANS];
	size_t of[MAX_SPANS], trial[MAX_SPANS];
	size_t count = fg_plan_reads(s, n, limits, work, reqs, space, of);
	int64_t cost = 0, sum = 0;

	for (size_t i = 0; i < n; i++) {
		const struct fg_request *r = &reqs[of[i]];

		assert_true(of[i] < count);
		assert_int_equal(r->table, s[i].table);
		assert_int_equal(space[of[i]], s[i].space);
		assert_true(s[i].address >= r->address);
		assert_true(s[i].address + s[i].width <= r->address + r->count);
	}
	for (size_t i = 0; i < count; i++) {
		int64_t by_rule = group_cost(s, of, n, i, limits);

		assert_true(by_rule != NO_WAY);
		sum += by_rule;
		cost += fg_plan_cost_ns(limits, &reqs[i]);
	}
	assert_int_equal(cost, sum); /* and the requests are those that the rule asks for */
	assert_int_equal(cost, cheapest(s, n, 0, 0, trial, limits, NO_WAY));
}

static uint32_t pick(struct fg_rng *rng, uint32_t n)
{
	return (uint32_t)fg_rng_below(rng, n);
}

static void some_areas(struct fg_rng *rng, struct fg_request *areas, size_t n, unsigned align)
{
	for (size_t i = 0; i < n; i++)
		areas[i] = (struct fg_request){
			.table = pick(rng, 2) ? FG_TABLE_HOLDING : FG_TABLE_COIL,
			.address = (uint16_t)(pick(rng, 40 / align) * align),
			.count = (uint16_t)(align * (1 + pick(rng, 3))),
		};
}

static void test_random(void **state)
{
	static const enum fg_table tables[] = {
		FG_TABLE_HOLDING, FG_TABLE_HOLDING, FG_TABLE_HOLDING, FG_TABLE_COIL};
	struct fg_rng rng = {.state = 42};

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		unsigned align = 1u << pick(&rng, 3);
		struct fg_request no_read[2], blocks[1];
		struct fg_plan_limits limits = {
			.max_registers = 4 + pick(&rng, 20),
			.max_bits = 4 + pick(&rng, 30),
			.max_gap = pick(&rng, 12),
			.align = align,
			.no_read = no_read,
			.no_read_count = pick(&rng, 3),
			.blocks = blocks,
			.block_count = pick(&rng, 2),
			.request_ns = pick(&rng, 40),
			.byte_ns = 1 + pick(&rng, 3),
		};
		struct fg_span s[MAX_SPANS];
		size_t n = 1 + pick(&rng, MAX_SPANS);

		some_areas(&rng, no_read, limits.no_read_count, align);
		some_areas(&rng, blocks, limits.block_count, align);
		for (size_t i = 0; i < n; i++)
			s[i] = (struct fg_span){
				.table = tables[pick(&rng, FG_COUNT(tables))],
				.address = (uint16_t)pick(&rng, 50),
				.width = (uint16_t)(1 + pick(&rng, pick(&rng, 8) ? 4 : 24)),
				.space = pick(&rng, 5) == 0,
			};
		check_plan(s, n, &limits);
	}
}

/* What 9600 8N1 costs, 10 ms for the device to begin its answer: a gap is worth a request where it
 * is short enough, whatever max_gap would allow. */
static void test_a_gap_is_read_where_that_is_cheaper(void **state)
{
	const struct fg_plan_limits limits = {.max_registers = 125, .max_bits = 2000,
		.max_gap = 124, .request_ns = 20 * 1041667 + 10000000, .byte_ns = 1041667};
	struct fg_span near[] = {
		{FG_TABLE_INPUT, 0, 2, 0}, {FG_TABLE_INPUT, 16, 2, 0}};
	struct fg_plan_work work[2];
	struct fg_request reqs[2];
	size_t of[2];

	(void)state;
	assert_int_equal(fg_plan_reads(near, 2, &limits, work, reqs, NULL, of), 1);
	assert_int_equal(reqs[0].count, 18); /* 14 unasked: 29.2 ms; another request: 30.8 ms */
	near[1].address = 17;
	assert_int_equal(fg_plan_reads(near, 2, &limits, work, reqs, NULL, of), 2);
}

static void test_edges(void **state)
{
	const struct fg_plan_limits limits = {.max_registers = 125, .max_bits = 2000,
		.max_gap = 8, .request_ns = 1000, .byte_ns = 1};
	const struct fg_span last[] = {
		{FG_TABLE_INPUT, 65535, 1, 0}, {FG_TABLE_INPUT, 65532, 2, 0}};
	const struct fg_span far[] = {{FG_TABLE_COIL, 0, 1, 0}, {FG_TABLE_COIL, 9, 1, 0},
		{FG_TABLE_COIL, 19, 1, 0}};
	const struct fg_span wide[] = {
		{FG_TABLE_HOLDING, 0, 125, 0}, {FG_TABLE_HOLDING, 125, 1, 0}};
	const struct fg_span over[] = {
		{FG_TABLE_HOLDING, 4, 1, 0}, {FG_TABLE_HOLDING, 0, 100, 0}};
	const struct fg_plan_limits small = {.max_registers = 10, .max_bits = 10};
	const struct fg_plan_limits fours = {.max_registers = 8, .max_bits = 8, .align = 4};
	struct fg_plan_work work[3];
	struct fg_request reqs[3];
	size_t of[3];

	(void)state;
	assert_int_equal(fg_plan_reads(NULL, 0, &limits, work, reqs, NULL, of), 0);
	assert_int_equal(fg_plan_reads(last, 2, &limits, work, reqs, NULL, of), 1);
	assert_int_equal(reqs[0].address, 65532);
	assert_int_equal(reqs[0].count, 4);
	/* gaps of 8 and of 9 */
	assert_int_equal(fg_plan_reads(far, 3, &limits, work, reqs, NULL, of), 2);
	assert_int_equal(fg_plan_reads(wide, 2, &limits, work, reqs, NULL, of), 2);
	/* never split */
	assert_int_equal(fg_plan_reads(over, 2, &small, work, reqs, NULL, of), 1);
	assert_int_equal(reqs[0].count, 100);
	assert_int_equal(fg_plan_reads(last, 1, &fours, work, reqs, NULL, of), 1);
	assert_int_equal(reqs[0].address, 65532);
	assert_int_equal(reqs[0].count, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_a_gap_is_read_where_that_is_cheaper),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
