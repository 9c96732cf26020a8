/* SPDX-License-Identifier: EUPL-1.2 */
/* The plan of a group: which requests are sent, and where in their answers each point stands. */
#include <stdio.h>
#include <stdlib.h>

#include "base/status.h"
#include "drivers/modbus_common.h"

#define MAX_BITS      2000
#define MAX_REGISTERS 125

struct spans {
	struct fg_span *items;
	size_t count;
};

/* The points' spans first, one each; then those of their sources elsewhere. */
static struct spans collect(
	const struct fg_group *group, struct fg_arena *arena, struct fg_modbus_plan *plan)
{
	const struct fg_modbus_source *sources[FG_MODBUS_SOURCES];
	struct spans s = {0};
	uint32_t *source_span = fg_arena_array(arena, group->count + 1, sizeof(*source_span));

	s.items =
		fg_arena_array(arena, (1 + FG_MODBUS_SOURCES) * group->count + 1, sizeof(*s.items));
	for (size_t i = 0; i < group->count; i++) {
		const struct fg_modbus_point *mp = group->points[i]->conf;

		s.items[s.count++] = mp->read;
		if (mp->read.space)
			plan->bases_used |= (uint16_t)(1u << (mp->read.space - 1));
	}
	for (size_t i = 0; i < group->count; i++) {
		size_t n = fg_modbus_sources(group->points[i]->conf, sources);

		source_span[i] = (uint32_t)s.count;
		for (size_t k = 0; k < n; k++)
			if (!sources[k]->inside)
				s.items[s.count++] = sources[k]->span;
	}
	plan->source_span = source_span;
	return s;
}

struct fg_modbus_costs fg_modbus_serial_costs(
	unsigned baud, unsigned char_bits, unsigned max_registers)
{
	const struct fg_request one = {.table = FG_TABLE_HOLDING, .count = 1};
	int64_t byte_ns = INT64_C(1000000000) * char_bits / baud;

	return (struct fg_modbus_costs){
		.max_registers = max_registers,
		.request_ns = 1000 * fg_modbus_rtu_wire_us(&one, baud, char_bits) - 2 * byte_ns,
		.byte_ns = byte_ns,
		.turn_us = FG_MODBUS_TURN_US,
	};
}

static int64_t turn_us(const struct fg_modbus_device *dev, const struct fg_modbus_costs *costs)
{
	return dev->response_us ? dev->response_us : costs->turn_us;
}

static struct fg_plan_limits limits_of(
	const struct fg_modbus_device *dev, const struct fg_modbus_costs *costs)
{
	unsigned max = dev->max_registers ? (unsigned)dev->max_registers : MAX_REGISTERS;
	unsigned bits = dev->max_bits ? (unsigned)dev->max_bits : MAX_BITS;

	return (struct fg_plan_limits){
		.max_registers = FG_MIN(max, costs->max_registers),
		.max_bits = FG_MIN(bits, 16 * costs->max_registers),
		.max_gap = (unsigned)dev->max_gap,
		.align = (unsigned)dev->read_align,
		.no_read = dev->no_read.items,
		.no_read_count = dev->no_read.count,
		.blocks = dev->blocks.items,
		.block_count = dev->blocks.count,
		.request_ns = costs->request_ns + 1000 * turn_us(dev, costs),
		.byte_ns = costs->byte_ns,
	};
}

/* ---- pieces ---- */

/* A span with its request, for sorting. */
struct part {
	uint32_t request, span;
	unsigned address, end; /* rounded */
};

static int by_place(const void *va, const void *vb)
{
	const struct part *a = va, *b = vb;

	if (a->request != b->request)
		return a->request < b->request ? -1 : 1;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->span < b->span ? -1 : a->span > b->span;
}

static bool is_block(const struct fg_plan_limits *limits, const struct fg_request *r)
{
	for (size_t i = 0; i < limits->block_count; i++)
		if (limits->blocks[i].table == r->table &&
			limits->blocks[i].address == r->address &&
			limits->blocks[i].count == r->count)
			return true;
	return false;
}

static struct part *sorted_parts(const struct spans *s, const size_t *of,
	const struct fg_request *requests, const struct fg_plan_limits *limits,
	struct fg_arena *arena)
{
	struct part *parts = fg_arena_array(arena, s->count + 1, sizeof(*parts));

	for (size_t i = 0; i < s->count; i++) {
		const struct fg_request *r = &requests[of[i]];
		struct part p = {.request = (uint32_t)of[i],
			.span = (uint32_t)i,
			.address = s->items[i].address,
			.end = (unsigned)s->items[i].address + s->items[i].width};

		if (is_block(limits, r)) { /* never in parts */
			p.address = r->address;
			p.end = (unsigned)r->address + r->count;
		} else {
			fg_plan_round(limits, &p.address, &p.end);
		}
		parts[i] = p;
	}
	qsort(parts, s->count, sizeof(*parts), by_place);
	return parts;
}

/* Adds a part to the last piece, or begins a new one. Returns whether it did. */
static bool add_part(struct fg_modbus_piece *last, const struct part *p,
	const struct fg_request *r, uint32_t request_cell, bool first)
{
	unsigned end = (unsigned)last->hull.address + last->hull.count;

	if (!first && p->address <= end) {
		last->hull.count = (uint16_t)(FG_MAX(end, p->end) - last->hull.address);
		return false;
	}
	last[first ? 0 : 1] = (struct fg_modbus_piece){
		.hull = {r->table, (uint16_t)p->address, (uint16_t)(p->end - p->address)},
		.cell = request_cell + p->address - r->address};
	return true;
}

/* Cuts the requests at the registers that nobody asked for; returns how many pieces there are. */
static size_t cut(const struct spans *s, struct part *parts, const struct fg_modbus_plan *plan,
	struct fg_modbus_piece *pieces, uint32_t *first_piece, uint32_t *piece_of,
	uint32_t *cell_of)
{
	uint32_t cell = 0, of = UINT32_MAX;
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct part *p = &parts[i];
		const struct fg_request *r = &plan->requests[p->request];
		bool first = p->request != of;

		if (first) {
			if (of != UINT32_MAX)
				cell += plan->requests[of].count;
			of = p->request;
			first_piece[of] = (uint32_t)n;
		}
		n += add_part(n && !first ? &pieces[n - 1] : &pieces[n], p, r, cell, first);
		piece_of[p->span] = (uint32_t)n - 1;
		cell_of[p->span] = cell + s->items[p->span].address - r->address;
	}
	first_piece[plan->request_count] = (uint32_t)n;
	return n;
}

/* ---- the plan ---- */

static struct fg_modbus_scratch *make_scratch(
	const struct fg_modbus_plan *plan, size_t pieces, struct fg_arena *arena)
{
	struct fg_modbus_scratch *s = fg_arena_alloc(arena, sizeof(*s));
	size_t cells = 1;

	for (size_t i = 0; i < plan->request_count; i++)
		cells += plan->requests[i].count;
	s->cells = fg_arena_array(arena, cells, sizeof(*s->cells));
	s->reads = fg_arena_array(arena, pieces + 1, sizeof(*s->reads));
	s->read_of = fg_arena_array(arena, pieces + 1, sizeof(*s->read_of));
	s->known = fg_arena_array(arena, pieces + 1, sizeof(*s->known));
	for (size_t i = 1; i < pieces; i++)
		if (plan->pieces[i].hull.count < plan->pieces[s->probe].hull.count)
			s->probe = (uint32_t)i;
	return s;
}

int fg_modbus_plan(
	struct fg_group *group, struct fg_arena *arena, const struct fg_modbus_costs *costs)
{
	const struct fg_modbus_device *dev = group->device->conf;
	struct fg_plan_limits limits = limits_of(dev, costs);
	struct fg_modbus_plan *plan = fg_arena_alloc(arena, sizeof(*plan));
	struct spans spans = collect(group, arena, plan);
	size_t n = spans.count + 1;
	struct fg_request *requests = fg_arena_array(arena, n, sizeof(*requests));
	uint8_t *spaces = fg_arena_array(arena, n, sizeof(*spaces));
	struct fg_plan_work *work = fg_arena_array(arena, n, sizeof(*work));
	size_t *of = fg_arena_array(arena, n, sizeof(*of)), pieces;
	struct fg_modbus_piece *piece = fg_arena_array(arena, n, sizeof(*piece));
	uint32_t *first_piece = fg_arena_array(arena, n + 1, sizeof(*first_piece));
	uint32_t *piece_of = fg_arena_array(arena, n, sizeof(*piece_of));
	uint32_t *cell_of = fg_arena_array(arena, n, sizeof(*cell_of));

	plan->requests = requests;
	plan->spaces = spaces;
	plan->request_count =
		fg_plan_reads(spans.items, spans.count, &limits, work, requests, spaces, of);
	pieces = cut(&spans, sorted_parts(&spans, of, requests, &limits, arena), plan, piece,
		first_piece, piece_of, cell_of);
	plan->first_piece = first_piece;
	plan->pieces = piece;
	plan->piece_of = piece_of;
	plan->cell_of = cell_of;
	plan->turn_us = turn_us(dev, costs);
	plan->scratch = make_scratch(plan, pieces, arena);
	group->plan = plan;
	group->request_count = plan->request_count;
	fg_modbus_split_forget(plan);
	fg_modbus_forget_bases(plan);
	return FG_OK;
}

const struct fg_request *fg_modbus_group_request(const struct fg_group *group, size_t i)
{
	const struct fg_modbus_plan *plan = group->plan;

	return &plan->requests[i];
}

/* `base` goes before the address. */
static void put_request(const char *base, const struct fg_request *req, char *text, size_t size)
{
	const char *unit = fg_modbus_is_bit_table(req->table) ? "bit" : "register";
	char last[16] = "";

	if (req->count != 1)
		snprintf(last, sizeof(last), "..%u", req->address + req->count - 1u);
	snprintf(text, size, "%s %s%u%s (%u %s%s)", fg_modbus_table_name(req->table), base,
		req->address, last, req->count, unit, req->count == 1 ? "" : "s");
}

void fg_modbus_request_text(const struct fg_request *req, char *text, size_t size)
{
	put_request("", req, text, size);
}

void fg_modbus_describe(const struct fg_group *group, size_t i, struct fg_request_info *ret_info)
{
	const struct fg_modbus_device *dev = group->device->conf;
	const struct fg_modbus_base *bases = dev->bases.items;
	const struct fg_modbus_plan *plan = group->plan;
	unsigned asked = 0;
	char base[40] = "";

	*ret_info = (struct fg_request_info){.turn_us = plan->turn_us};
	if (plan->spaces[i])
		snprintf(base, sizeof(base), "%.32s + ", bases[plan->spaces[i] - 1].named.name);
	put_request(base, &plan->requests[i], ret_info->text, sizeof(ret_info->text));
	for (uint32_t p = plan->first_piece[i]; p < plan->first_piece[i + 1]; p++)
		asked += plan->pieces[p].hull.count;
	ret_info->unasked = plan->requests[i].count - asked;
}
