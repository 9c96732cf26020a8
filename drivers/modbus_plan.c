/* SPDX-License-Identifier: EUPL-1.2 */
/* The plan of a group: which requests are sent, and where in their answers each point stands. */
#include <stdio.h>

#include "base/status.h"
#include "drivers/modbus_common.h"

#define MAX_BITS 2000

struct spans {
	struct fg_span *items;
	size_t count;
};

/* The points' spans first, one each; then those of their quality registers. */
static struct spans collect(
	const struct fg_group *group, struct fg_arena *arena, uint32_t *quality_span)
{
	struct spans s = {.items = fg_arena_array(arena, 2 * group->count + 1, sizeof(*s.items))};

	for (size_t i = 0; i < group->count; i++) {
		const struct fg_modbus_point *mp = group->points[i]->conf;

		s.items[s.count++] = mp->span;
	}
	for (size_t i = 0; i < group->count; i++) {
		const struct fg_modbus_point *mp = group->points[i]->conf;

		if (!mp->has_quality)
			continue;
		quality_span[i] = (uint32_t)s.count;
		s.items[s.count++] = mp->quality_span;
	}
	return s;
}

/* Returns how many cells the layout's answers take. */
static size_t lay_out(const struct spans *s, const struct fg_plan_limits *limits,
	struct fg_arena *arena, struct fg_modbus_layout *ret)
{
	struct fg_request *requests = fg_arena_array(arena, s->count + 1, sizeof(*requests));
	size_t *of = fg_arena_array(arena, s->count + 1, sizeof(*of));
	uint32_t *request_of = fg_arena_array(arena, s->count + 1, sizeof(*request_of));
	uint32_t *cell_of = fg_arena_array(arena, s->count + 1, sizeof(*cell_of));
	uint32_t *first_cell, cells = 0;

	ret->count = fg_plan_reads(s->items, s->count, limits, requests, of);
	first_cell = fg_arena_array(arena, ret->count + 1, sizeof(*first_cell));
	for (size_t i = 0; i < ret->count; i++) {
		first_cell[i] = cells;
		cells += requests[i].count;
	}
	for (size_t i = 0; i < s->count; i++) {
		request_of[i] = (uint32_t)of[i];
		cell_of[i] = first_cell[of[i]] + s->items[i].address - requests[of[i]].address;
	}
	ret->requests = requests;
	ret->first_cell = first_cell;
	ret->request_of = request_of;
	ret->cell_of = cell_of;
	return cells;
}

int fg_modbus_plan(struct fg_group *group, struct fg_arena *arena, unsigned max_registers)
{
	const struct fg_modbus_device *dev = group->device->conf;
	struct fg_modbus_plan *plan = fg_arena_alloc(arena, sizeof(*plan));
	uint32_t *quality_span = fg_arena_array(arena, group->count + 1, sizeof(*quality_span));
	struct spans spans = collect(group, arena, quality_span);
	struct fg_plan_limits limits = {
		.max_registers = FG_MIN(max_registers, (unsigned)dev->max_registers),
		.max_bits = FG_MIN(MAX_BITS, 16 * max_registers),
		.max_gap = (unsigned)dev->max_gap,
	};
	size_t cells, strict_cells;

	cells = lay_out(&spans, &limits, arena, &plan->joined);
	limits.max_gap = 0;
	strict_cells = lay_out(&spans, &limits, arena, &plan->strict);
	plan->quality_span = quality_span;
	plan->scratch = fg_arena_alloc(arena, sizeof(*plan->scratch));
	plan->scratch->cells =
		fg_arena_array(arena, FG_MAX(cells, strict_cells) + 1, sizeof(uint16_t));
	plan->scratch->outcomes =
		fg_arena_array(arena, FG_MAX(plan->joined.count, plan->strict.count) + 1,
			sizeof(struct fg_modbus_outcome));
	group->plan = plan;
	group->request_count = plan->joined.count;
	return FG_OK;
}

const struct fg_request *fg_modbus_group_request(const struct fg_group *group, size_t i)
{
	const struct fg_modbus_plan *plan = group->plan;

	return &plan->joined.requests[i];
}

void fg_modbus_describe(const struct fg_group *group, size_t i, struct fg_request_info *ret_info)
{
	static const char *const names[] = {"holding", "input", "coil", "discrete"};
	const struct fg_request *req = fg_modbus_group_request(group, i);
	bool bits = req->table == FG_TABLE_COIL || req->table == FG_TABLE_DISCRETE;
	const char *unit = bits ? "bit" : "register";

	*ret_info = (struct fg_request_info){0};
	if (req->count == 1)
		snprintf(ret_info->text, sizeof(ret_info->text), "%s %u (1 %s)", names[req->table],
			req->address, unit);
	else
		snprintf(ret_info->text, sizeof(ret_info->text), "%s %u..%u (%u %ss)",
			names[req->table], req->address, req->address + req->count - 1u, req->count,
			unit);
}
