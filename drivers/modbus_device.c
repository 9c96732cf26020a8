/* SPDX-License-Identifier: EUPL-1.2 */
/* What a configuration says about a Modbus device as a whole: how much it can be asked for at once,
 * where, and how often. */
#include <stdio.h>

#include "base/status.h"
#include "base/timefmt.h"
#include "drivers/modbus_command.h"

#define MAX_AREAS 64

/* ---- parsing of keys ---- */

/* Where an area is; FG_EINVAL (told) where that is not clear. */
static int resolve(struct fg_bind *b, const struct fg_node *node, const struct fg_modbus_area *area,
	struct fg_request *ret)
{
	struct fg_span span = {0};
	char why[160];

	if (!fg_modbus_resolve(&area->place, &span, why, sizeof(why))) {
		fg_bind_error(b, node, "%s", why);
		return FG_EINVAL;
	}
	if (span.address + area->count > 65536) {
		fg_bind_error(b, node, "%u and %d more go beyond the last address, 65535",
			span.address, (int)area->count - 1);
		return FG_EINVAL;
	}
	*ret = (struct fg_request){span.table, span.address, (uint16_t)area->count};
	return FG_OK;
}

static int parse_areas(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_areas *areas = field;
	struct fg_request *items;
	int r = FG_OK;

	if (node->kind != FG_NODE_SEQUENCE || node->count > MAX_AREAS) {
		fg_bind_error(b, node,
			"a list of at most %d areas, each {table: holding, address: 0, count: 10}",
			MAX_AREAS);
		return FG_EINVAL;
	}
	items = fg_arena_array(b->arena, node->count + 1, sizeof(*items));
	for (size_t i = 0; i < node->count; i++) {
		const struct fg_node *item = node->items[i];
		struct fg_modbus_area area = {0};

		if (fg_bind_struct(b, item, fg_modbus_area_keys, NULL, &area, NULL, item->at) ||
			resolve(b, item, &area, &items[i]) < 0)
			r = FG_EINVAL;
	}
	areas->items = items;
	areas->count = node->count;
	return r;
}

/* ---- the keys ---- */

static const struct fg_choice aligns[] = {
	{.name = "1", .value = 1},
	{.name = "2", .value = 2},
	{.name = "4", .value = 4},
	{.name = NULL},
};

#define AREAS                                                                                      \
	.type = FG_KEY_CUSTOM, .flags = FG_KEY_ADVANCED, .parse = parse_areas,                     \
	.form = "a list of areas: {table: holding, address: 0, count: 10}",                        \
	.schema = "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"

const struct fg_key fg_modbus_device_keys[] = {
	{.name = "unit_id",
		.type = FG_KEY_INT,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct fg_modbus_device, unit_id),
		.min = 0,
		.max = 255,
		.help = "Address of the device on its link. 1..247 on a serial line."},
	{.name = "max_registers",
		.type = FG_KEY_INT,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct fg_modbus_device, max_registers),
		.min = 1,
		.max = 125,
		.dflt = "125",
		.help = "Most registers that one request asks for."},
	{.name = "max_bits",
		.type = FG_KEY_INT,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct fg_modbus_device, max_bits),
		.min = 1,
		.max = 2000,
		.dflt = "2000",
		.help = "Most coils or discrete inputs that one request asks for."},
	{.name = "max_gap",
		.type = FG_KEY_INT,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct fg_modbus_device, max_gap),
		.min = 0,
		.max = 124,
		.dflt = "16",
		.help = "Most registers (or bits) that no point asks for between two points of one "
			"request. Two are joined only where that takes less time than two "
			"requests. A device that refuses such a request is read in parts."},
	{.name = "read_align",
		.type = FG_KEY_CHOICE,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct fg_modbus_device, read_align),
		.choices = aligns,
		.dflt = "1",
		.help = "Start address and count of each request are multiples of it: for devices "
			"that give whole values only."},
	{.name = "no_read",
		.offset = offsetof(struct fg_modbus_device, no_read),
		.help = "Areas that no request may touch.",
		AREAS},
	{.name = "blocks",
		.offset = offsetof(struct fg_modbus_device, blocks),
		.help = "A point inside such a block is read by a request for exactly this block, "
			"and no other request touches it.",
		AREAS},
	{.name = "min_interval",
		.type = FG_KEY_DURATION,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct fg_modbus_device, min_interval_us),
		.min = 0,
		.max = INT64_C(86400000000),
		.dflt = "0s",
		.help = "The shortest interval that the device can stand. Profiles say it."},
	{.name = "response_time",
		.type = FG_KEY_DURATION,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct fg_modbus_device, response_us),
		.min = 0,
		.max = INT64_C(60000000),
		.dflt = "0s",
		.help = "How long the device usually takes to begin its answer: for the plan of "
			"requests and the forecast of `fjordctl check`. 0: not known, 10 ms are "
			"assumed."},
	FG_MODBUS_LAYOUT_KEYS,
	FG_MODBUS_CYCLE_KEYS(struct fg_modbus_device, cycle),
	{.name = NULL},
};

/* ---- checks ---- */

static struct fg_place place_of(const struct fg_node *node, const char *key)
{
	const struct fg_node *value = node ? fg_node_get(node, key) : NULL;

	return value ? value->at : node ? node->at : (struct fg_place){0};
}

static void check_alarms(
	const struct fg_device *dev, const struct fg_modbus_device *conf, struct fg_report *rep)
{
	for (size_t i = 0; i < dev->point_count; i++) {
		const struct fg_point *p = &dev->points[i];
		char least[32];

		if (!p->alarm.interval_us || p->alarm.interval_us >= conf->min_interval_us)
			continue;
		fg_duration_text(conf->min_interval_us, least, sizeof(least));
		fg_report_error(rep, place_of(fg_node_get(p->node, "alarm"), "interval"),
			"devices.%s.points.%s.alarm.interval: the device cannot be read more "
			"often than each %s (min_interval)",
			dev->name, p->name, least);
	}
}

static void check_interval(
	const struct fg_device *dev, const struct fg_modbus_device *conf, struct fg_report *rep)
{
	for (size_t i = 0; i < dev->read_count; i++) {
		const struct fg_point *p = &dev->points[i];
		bool own = p->interval_us != dev->interval_us;
		char is[32], least[32];

		if (p->interval_us >= conf->min_interval_us)
			continue;
		fg_duration_text(p->interval_us, is, sizeof(is));
		fg_duration_text(conf->min_interval_us, least, sizeof(least));
		fg_report_error(rep, place_of(own ? p->node : dev->node, "interval"),
			"devices.%s.%s%s%sinterval: %s, but the device cannot be read more often "
			"than each %s (min_interval)",
			dev->name, own ? "points." : "", own ? p->name : "", own ? "." : "", is,
			least);
		if (!own)
			return; /* once for all points */
	}
	check_alarms(dev, conf, rep);
}

static bool overlap(const struct fg_request *a, const struct fg_request *b)
{
	return a->table == b->table && a->address < b->address + b->count &&
	       b->address < a->address + a->count;
}

static void describe_area(const struct fg_request *r, char *mem, size_t size)
{
	if (r->count == 1)
		snprintf(mem, size, "%s %u", fg_modbus_table_name(r->table), r->address);
	else
		snprintf(mem, size, "%s %u..%u", fg_modbus_table_name(r->table), r->address,
			(unsigned)r->address + r->count - 1u);
}

/* Blocks are requests of their own: they must keep the limits, and be apart. */
static void check_blocks(
	const struct fg_device *dev, const struct fg_modbus_device *conf, struct fg_report *rep)
{
	for (size_t i = 0; i < conf->blocks.count; i++) {
		const struct fg_request *b = &conf->blocks.items[i];
		bool bits = b->table == FG_TABLE_COIL || b->table == FG_TABLE_DISCRETE;
		unsigned max = bits ? (unsigned)conf->max_bits : (unsigned)conf->max_registers;
		char text[48], other[48];

		describe_area(b, text, sizeof(text));
		if (b->count > max)
			fg_report_error(rep, place_of(dev->node, "blocks"),
				"devices.%s.blocks: %s is longer than the %u that one request may "
				"ask for",
				dev->name, text, max);
		for (size_t k = 0; k < conf->no_read.count; k++) {
			if (!overlap(b, &conf->no_read.items[k]))
				continue;
			describe_area(&conf->no_read.items[k], other, sizeof(other));
			fg_report_error(rep, place_of(dev->node, "blocks"),
				"devices.%s.blocks: %s touches %s, which no_read forbids",
				dev->name, text, other);
		}
		for (size_t k = 0; k < i; k++) {
			if (!overlap(b, &conf->blocks.items[k]))
				continue;
			describe_area(&conf->blocks.items[k], other, sizeof(other));
			fg_report_error(rep, place_of(dev->node, "blocks"),
				"devices.%s.blocks: %s and %s overlap", dev->name, other, text);
		}
	}
}

/* What a request for these registers reads at least: as many more as read_align asks for. */
static struct fg_request rounded(const struct fg_modbus_device *conf, const struct fg_span *span)
{
	const struct fg_plan_limits limits = {.align = (unsigned)conf->read_align};
	unsigned address = span->address, end = address + span->width;

	fg_plan_round(&limits, &address, &end);
	return (struct fg_request){span->table, (uint16_t)address, (uint16_t)(end - address)};
}

static bool is_inside(const struct fg_span *span, const struct fg_request *block)
{
	return span->table == block->table && span->address >= block->address &&
	       span->address + span->width <= block->address + block->count;
}

static unsigned most_of(const struct fg_modbus_device *conf, enum fg_table table)
{
	return (unsigned)(fg_modbus_is_bit_table(table) ? conf->max_bits : conf->max_registers);
}

/* One request has to hold what a read is rounded to. */
static void check_align(
	const struct fg_device *dev, const struct fg_modbus_device *conf, struct fg_report *rep)
{
	if (conf->max_registers && conf->max_registers < conf->read_align)
		fg_report_error(rep, place_of(dev->node, "max_registers"),
			"devices.%s.max_registers: %u is less than read_align, %d: no request "
			"could be sent", dev->name, (unsigned)conf->max_registers,
			conf->read_align);
}

static void check_rounded(const struct fg_modbus_device *conf, const struct fg_point *p,
	const char *key, const struct fg_span *span, const struct fg_request *at,
	struct fg_report *rep)
{
	unsigned most = most_of(conf, span->table);

	/* what is too long by itself, or can hold nothing at all, is told elsewhere */
	if (!most || span->width > most || at->count <= most ||
		(unsigned)conf->read_align > most)
		return;
	fg_report_error(rep, place_of(p->node, key),
		"devices.%s.points.%s: with read_align its request asks for %u, but %s is %u",
		p->device->name, p->name, at->count,
		fg_modbus_is_bit_table(span->table) ? "max_bits" : "max_registers", most);
}

/* A value must be readable at all: outside of no_read, and not across the edge of a block. */
static void check_value(const struct fg_modbus_device *conf, const struct fg_point *p,
	const char *key, const struct fg_span *span, struct fg_report *rep)
{
	const struct fg_request at = rounded(conf, span);
	const char *aligned = at.count == span->width ? "" : " (with read_align)";
	char text[48], area[48];
	bool inside = false;

	describe_area(&at, text, sizeof(text));
	for (size_t i = 0; span->space == 0 && i < conf->blocks.count; i++)
		inside = inside || is_inside(span, &conf->blocks.items[i]);
	if (span->space || inside)
		return; /* that block's faults are told with it */
	check_rounded(conf, p, key, span, &at, rep);
	for (size_t i = 0; i < conf->no_read.count; i++) {
		if (!overlap(&at, &conf->no_read.items[i]))
			continue;
		describe_area(&conf->no_read.items[i], area, sizeof(area));
		fg_report_error(rep, place_of(p->node, key),
			"devices.%s.points.%s: %s%s lies in %s, which no_read forbids",
			p->device->name, p->name, text, aligned, area);
	}
	for (size_t i = 0; i < conf->blocks.count; i++) {
		if (!overlap(&at, &conf->blocks.items[i]))
			continue;
		describe_area(&conf->blocks.items[i], area, sizeof(area));
		fg_report_error(rep, place_of(p->node, key),
			"devices.%s.points.%s: %s%s lies partly in the block %s; a value is read "
			"by one request",
			p->device->name, p->name, text, aligned, area);
	}
}

static void check_values(
	const struct fg_modbus_device *conf, const struct fg_point *p, struct fg_report *rep)
{
	const struct fg_modbus_source *sources[FG_MODBUS_SOURCES];
	const struct fg_modbus_point *mp = p->conf;
	size_t n = fg_modbus_sources(mp, sources);

	check_value(conf, p, "address", &mp->read, rep);
	for (size_t i = 0; i < n; i++)
		if (!sources[i]->inside)
			check_value(conf, p, sources[i]->key, &sources[i]->span, rep);
}

void fg_modbus_check_device(const struct fg_device *dev, void *conf, struct fg_report *rep)
{
	struct fg_modbus_device *d = conf;

	fg_modbus_check_cycle(dev, &d->cycle, rep);
	check_interval(dev, d, rep);
	check_align(dev, d, rep);
	check_blocks(dev, d, rep);
	for (size_t i = 0; i < dev->read_count; i++)
		check_values(d, &dev->points[i], rep);
	fg_modbus_check_layout(dev, conf, rep);
}
