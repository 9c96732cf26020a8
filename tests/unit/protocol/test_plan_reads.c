/* SPDX-License-Identifier: EUPL-1.2 */
/* The planner against all ways of grouping small layouts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "protocol/registers.h"

#define MAX_SPANS 6

/* Whether the spans of one group of a grouping can be one request; the gap rule taken word by word:
 * how far is the nearest asked register. */
static bool one_request(const struct fg_span *s, const size_t *of, size_t n, size_t group,
	const struct fg_plan_limits *limits)
{
	bool asked[80] = {false};
	unsigned lo = 80, hi = 0, run = 0;
	int table = -1;

	for (size_t i = 0; i < n; i++) {
		if (of[i] != group)
			continue;
		if (table >= 0 && table != (int)s[i].table)
			return false;
		table = (int)s[i].table;
		lo = FG_MIN(lo, (unsigned)s[i].address);
		hi = FG_MAX(hi, (unsigned)s[i].address + s[i].width);
		for (unsigned a = 0; a < s[i].width; a++)
			asked[s[i].address + a] = true;
	}
	for (unsigned a = lo; a < hi; a++) {
		run = asked[a] ? 0 : run + 1;
		if (run > limits->max_gap)
			return false;
	}
	return hi - lo <= limits->max_registers;
}

/* The fewest requests over all groupings (restricted growth strings). */
static size_t fewest(const struct fg_span *s, size_t n, size_t at, size_t groups, size_t *of,
	const struct fg_plan_limits *limits, size_t best)
{
	if (groups >= best)
		return best;
	if (at == n) {
		for (size_t g = 0; g < groups; g++)
			if (!one_request(s, of, n, g, limits))
				return best;
		return groups;
	}
	for (size_t g = 0; g <= groups; g++) {
		of[at] = g;
		best = fewest(s, n, at + 1, FG_MAX(groups, g + 1), of, limits, best);
	}
	return best;
}

static void check_plan(const struct fg_span *s, size_t n, const struct fg_plan_limits *limits)
{
	struct fg_request reqs[MAX_SPANS];
	size_t of[MAX_SPANS], trial[MAX_SPANS];
	size_t count = fg_plan_reads(s, n, limits, reqs, of);

	for (size_t i = 0; i < n; i++) {
		const struct fg_request *r = &reqs[of[i]];

		assert_true(of[i] < count);
		assert_int_equal(r->table, s[i].table);
		assert_true(s[i].address >= r->address);
		assert_true(s[i].address + s[i].width <= r->address + r->count);
	}
	for (size_t i = 0; i < count; i++)
		assert_true(one_request(s, of, n, i, limits));
	assert_int_equal(count, fewest(s, n, 0, 0, trial, limits, n + 1));
}

static uint32_t pick(struct fg_rng *rng, uint32_t n)
{
	return (uint32_t)fg_rng_below(rng, n);
}

static void test_random(void **state)
{
	struct fg_rng rng = {.state = 42};

	(void)state;
	for (int round = 0; round < 4000; round++) {
		struct fg_plan_limits limits = {
			.max_registers = 4 + pick(&rng, 20),
			.max_bits = 2000,
			.max_gap = pick(&rng, 5),
		};
		struct fg_span s[MAX_SPANS];
		size_t n = 1 + pick(&rng, MAX_SPANS);

		for (size_t i = 0; i < n; i++)
			s[i] = (struct fg_span){
				.table = pick(&rng, 4) ? FG_TABLE_HOLDING : FG_TABLE_INPUT,
				.address = (uint16_t)pick(&rng, 40),
				.width = (uint16_t)(1 + pick(&rng, 4)),
			};
		check_plan(s, n, &limits);
	}
}

static void test_edges(void **state)
{
	const struct fg_plan_limits limits = {.max_registers = 125, .max_bits = 2000, .max_gap = 8};
	const struct fg_span last[] = {{FG_TABLE_INPUT, 65535, 1}, {FG_TABLE_INPUT, 65532, 2}};
	const struct fg_span far[] = {
		{FG_TABLE_COIL, 0, 1}, {FG_TABLE_COIL, 9, 1}, {FG_TABLE_COIL, 19, 1}};
	const struct fg_span wide[] = {{FG_TABLE_HOLDING, 0, 125}, {FG_TABLE_HOLDING, 125, 1}};
	const struct fg_span over[] = {{FG_TABLE_HOLDING, 0, 100}};
	const struct fg_plan_limits small = {.max_registers = 10, .max_bits = 10};
	struct fg_request reqs[3];
	size_t of[3];

	(void)state;
	assert_int_equal(fg_plan_reads(NULL, 0, &limits, reqs, of), 0);
	assert_int_equal(fg_plan_reads(last, 2, &limits, reqs, of), 1);
	assert_int_equal(reqs[0].address, 65532);
	assert_int_equal(reqs[0].count, 4);
	assert_int_equal(fg_plan_reads(far, 3, &limits, reqs, of), 2); /* gaps of 8 and of 9 */
	assert_int_equal(fg_plan_reads(wide, 2, &limits, reqs, of), 2);
	assert_int_equal(fg_plan_reads(over, 1, &small, reqs, of), 1); /* never split */
	assert_int_equal(reqs[0].count, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
