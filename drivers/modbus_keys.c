/* SPDX-License-Identifier: EUPL-1.2 */
/* What a configuration says about Modbus devices and points, and what is impossible in it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/status.h"
#include "drivers/modbus_common.h"

#define MAX_WORDS 256

const struct fg_choice fg_modbus_tables[] = {
	{.name = "holding", .value = 1 + FG_TABLE_HOLDING, .help = "function 3"},
	{.name = "input", .value = 1 + FG_TABLE_INPUT, .help = "function 4"},
	{.name = "coil", .value = 1 + FG_TABLE_COIL, .help = "function 1"},
	{.name = "discrete", .value = 1 + FG_TABLE_DISCRETE, .help = "function 2"},
	{.name = NULL},
};

static const struct fg_choice orders[] = {
	{.name = "AB", .value = 1},
	{.name = "BA", .value = 2},
	{.name = "ABCD", .value = 3},
	{.name = "CDAB", .value = 4},
	{.name = "BADC", .value = 5},
	{.name = "DCBA", .value = 6},
	{.name = NULL},
};

static const struct fg_choice byte_choices[] = {
	{.name = "high", .value = FG_MODBUS_BYTE_HIGH},
	{.name = "low", .value = FG_MODBUS_BYTE_LOW},
	{.name = NULL},
};

/* ---- parsing of keys ---- */

static const char *scalar(const struct fg_node *node)
{
	return node->kind == FG_NODE_SCALAR && node->text ? node->text : "";
}

/* A faulty number counts as given, so that it is not called missing as well. */
int fg_modbus_parse_address(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_number *n = field;
	int64_t v;

	n->set = true;
	if (fg_integer_parse(scalar(node), &v) < 0 || v < 0 || v > 65535) {
		fg_bind_error(
			b, node, "'%s' is no address; 0..65535, as on the wire", scalar(node));
		return FG_EINVAL;
	}
	n->address = (uint16_t)v;
	return FG_OK;
}

/* Five digits: the table's and four that count from 1; six digits: the table's and five. */
static bool split_reference(const char *text, struct fg_modbus_number *ret)
{
	static const int table_of[] = {
		FG_TABLE_COIL, FG_TABLE_DISCRETE, -1, FG_TABLE_INPUT, FG_TABLE_HOLDING};
	size_t len = strlen(text);
	int64_t v, base = len == 6 ? 100000 : 10000, number;

	if (len < 1 || len > 6 || strspn(text, "0123456789") != len)
		return false;
	v = 0;
	for (size_t i = 0; i < len; i++)
		v = v * 10 + (text[i] - '0');
	number = v % base;
	if (v / base > 4 || table_of[v / base] < 0 || number < 1 || number > 65536)
		return false;
	ret->table = (enum fg_table)table_of[v / base];
	ret->address = (uint16_t)(number - 1);
	return true;
}

int fg_modbus_parse_reference(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_number *n = field;

	n->set = true;
	if (!split_reference(scalar(node), n)) {
		fg_bind_error(b, node,
			"'%s' is no reference; 1.. for coils, 10001.. for discrete inputs, 30001.. "
			"for input registers, 40001.. for holding registers, or the same with six "
			"digits",
			scalar(node));
		return FG_EINVAL;
	}
	return FG_OK;
}

int fg_modbus_parse_type(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_type *t = field;
	const char *near;

	t->set = true;
	if (fg_regtype_parse(scalar(node), &t->spec) == FG_OK)
		return FG_OK;
	near = fg_suggest(scalar(node), fg_regtype_names, fg_regtype_count);
	if (near)
		fg_bind_error(b, node, "unknown type '%s'; did you mean '%s'?", scalar(node), near);
	else
		fg_bind_error(b, node,
			"unknown type '%s'; one of bool u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 "
			"bcd16 bcd32 string(1..125) bits(lo..hi)",
			scalar(node));
	return FG_EINVAL;
}

static int parse_word(struct fg_bind *b, const struct fg_node *node, uint16_t *ret)
{
	int64_t v;

	if (fg_integer_parse(scalar(node), &v) < 0 || v < 0 || v > 65535) {
		fg_bind_error(b, node, "'%s' is no register value; 0..65535", scalar(node));
		return FG_EINVAL;
	}
	*ret = (uint16_t)v;
	return FG_OK;
}

int fg_modbus_parse_words(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_words *words = field;
	size_t n = node->kind == FG_NODE_SEQUENCE ? node->count : 1;
	uint16_t *items;
	int r = FG_OK;

	if (node->kind == FG_NODE_MAPPING || n > MAX_WORDS) {
		fg_bind_error(b, node, "a list of at most %d register values", MAX_WORDS);
		return FG_EINVAL;
	}
	items = fg_arena_array(b->arena, n + 1, sizeof(*items));
	for (size_t i = 0; i < n; i++)
		if (parse_word(b, node->kind == FG_NODE_SEQUENCE ? node->items[i] : node,
			    &items[i]) < 0)
			r = FG_EINVAL;
	words->items = items;
	words->count = n;
	return r;
}

/* ---- tables of keys ---- */

#define WORDS_SCHEMA                                                                               \
	"{\"type\":[\"array\",\"integer\"],\"items\":{\"type\":\"integer\",\"minimum\":0,"         \
	"\"maximum\":65535}}"

static const struct fg_key quality_keys[] = {
	FG_MODBUS_PLACE_KEYS(struct fg_modbus_quality, place),
	{.name = "good",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_quality, good),
		.parse = fg_modbus_parse_words,
		.form = "list of register values",
		.schema = WORDS_SCHEMA,
		.help = "Values of the quality register that mean a good reading."},
	{.name = "suspect",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_quality, suspect),
		.parse = fg_modbus_parse_words,
		.form = "list of register values",
		.schema = WORDS_SCHEMA,
		.help = "Values that mean a suspect reading (qc 3). Any other value is qc 4."},
	{.name = NULL},
};

const struct fg_key fg_modbus_point_keys[] = {
	FG_MODBUS_PLACE_KEYS(struct fg_modbus_point, place),
	{.name = "type",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_point, type),
		.parse = fg_modbus_parse_type,
		.form = "bool u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bcd16 bcd32 string(n) "
			"bits(lo..hi)",
		.schema = "{\"type\":\"string\"}",
		.help = "How the registers are read; u16 for registers, bool for coils and "
			"discrete inputs where nothing is said."},
	{.name = "order",
		.type = FG_KEY_CHOICE,
		.offset = offsetof(struct fg_modbus_point, order),
		.choices = orders,
		.help = "Where the bytes of the value go: AB BA for one register and for strings, "
			"ABCD CDAB BADC DCBA for two or four. Default: as the standard has it (AB, "
			"ABCD)."},
	{.name = "byte",
		.type = FG_KEY_CHOICE,
		.offset = offsetof(struct fg_modbus_point, byte),
		.choices = byte_choices,
		.help = "Which byte of the register u8 and i8 take. Default: low."},
	{.name = "quality_from",
		.type = FG_KEY_STRUCT,
		.offset = offsetof(struct fg_modbus_point, quality),
		.sub = quality_keys,
		.help = "A register (or bit) in which the sensor says how good this value is."},
	{.name = NULL},
};

const struct fg_key fg_modbus_area_keys[] = {
	FG_MODBUS_PLACE_KEYS(struct fg_modbus_area, place),
	{.name = "count",
		.type = FG_KEY_INT,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct fg_modbus_area, count),
		.min = 1,
		.max = 65535,
		.help = "How many registers (or bits)."},
	{.name = NULL},
};

/* ---- checks ---- */

/* A fault at a key of a point, or at the point where the key is absent. `key` NULL: the point. */
static void FG_PRINTF(4, 5) fault(
	struct fg_report *rep, const struct fg_point *point, const char *key, const char *fmt, ...)
{
	const struct fg_node *at = point->node;
	const struct fg_node *node = key && at ? fg_node_get(at, key) : NULL;
	struct fg_place place = {0};
	char text[400];
	va_list ap;

	if (node)
		at = node;
	if (at)
		place = at->at;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_report_error(rep, place, "devices.%s.points.%s%s%s: %s", point->device->name,
		point->name, key ? "." : "", key ? key : "", text);
}

static bool is_bit_table(enum fg_table table)
{
	return table == FG_TABLE_COIL || table == FG_TABLE_DISCRETE;
}

static const char *table_name(enum fg_table table)
{
	return fg_modbus_tables[table].name;
}

bool fg_modbus_resolve(
	const struct fg_modbus_place *place, struct fg_span *ret, char *why, size_t size)
{
	if (place->address.set == place->reference.set) {
		snprintf(why, size, "%s",
			place->address.set ? "both address and reference are given; one of them "
					     "says where it is"
					   : "address (or reference) is missing");
		return false;
	}
	if (!place->reference.set && !place->table) {
		snprintf(why, size, "table is missing: holding, input, coil or discrete");
		return false;
	}
	if (!place->reference.set) {
		ret->table = (enum fg_table)(place->table - 1);
		ret->address = place->address.address;
		return true;
	}
	ret->table = place->reference.table;
	ret->address = place->reference.address;
	if (!place->table || place->table - 1 == (int)ret->table)
		return true;
	snprintf(why, size, "table is %s, but the reference is one of table %s",
		fg_modbus_tables[place->table - 1].name, fg_modbus_tables[ret->table].name);
	return false;
}

static bool resolve(const struct fg_modbus_place *place, const struct fg_point *point,
	const char *key, struct fg_report *rep, struct fg_span *ret)
{
	char why[160];

	if (fg_modbus_resolve(place, ret, why, sizeof(why)))
		return true;
	fault(rep, point, key, "%s", why);
	return false;
}

static void check_order(
	const struct fg_point *point, struct fg_modbus_point *mp, struct fg_report *rep)
{
	const char *name = mp->order ? orders[mp->order - 1].name : NULL;
	bool single = fg_regspec_width(&mp->spec) == 1 || mp->spec.type == FG_REG_STRING;

	mp->spec.order = FG_ORDER_ABCD;
	if (!name)
		return;
	if (is_bit_table(mp->span.table))
		fault(rep, point, "order", "a single bit has no order");
	else if (mp->spec.type == FG_REG_U8 || mp->spec.type == FG_REG_I8)
		fault(rep, point, "order",
			"one byte has no order; `byte: high` takes the other one");
	else if (fg_order_parse(name, &mp->spec, &mp->spec.order) < 0)
		fault(rep, point, "order", "%s does not fit the type; %s", name,
			single ? "AB or BA" : "ABCD, CDAB, BADC or DCBA");
}

/* Bits of the raw pattern that `missing: 0x…` is compared with; 0: there is none. */
static unsigned raw_bits(const struct fg_modbus_point *mp)
{
	switch (mp->spec.type) {
	case FG_REG_STRING:
		return 0;
	case FG_REG_U8:
	case FG_REG_I8:
		return 8;
	case FG_REG_BITS:
		return mp->spec.hi - mp->spec.lo + 1u;
	default:
		return is_bit_table(mp->span.table) ? 1 : 16 * fg_regspec_width(&mp->spec);
	}
}

static void check_missing(
	const struct fg_point *point, const struct fg_modbus_point *mp, struct fg_report *rep)
{
	unsigned bits = raw_bits(mp);

	for (size_t i = 0; i < point->missing_count; i++) {
		const struct fg_missing *m = &point->missing[i];

		if (bits == 0)
			fault(rep, point, "missing", "a text has no missing values");
		else if (m->raw && bits < 64 && m->bits >> bits)
			fault(rep, point, "missing", "0x%llX is wider than the type's %u bits",
				(unsigned long long)m->bits, bits);
	}
}

static void check_type(
	const struct fg_point *point, struct fg_modbus_point *mp, struct fg_report *rep)
{
	const struct fg_modbus_device *dev = point->device->conf;
	unsigned width;

	mp->spec = mp->type.spec;
	if (!mp->type.set)
		mp->spec.type = is_bit_table(mp->span.table) ? FG_REG_BOOL : FG_REG_U16;
	if (is_bit_table(mp->span.table) && mp->spec.type != FG_REG_BOOL)
		fault(rep, point, "type", "table %s holds single bits; only bool fits",
			table_name(mp->span.table));
	else if (point->known && (mp->spec.type == FG_REG_BOOL || mp->spec.type == FG_REG_STRING))
		fault(rep, point, "type",
			"%s is a number; a %s needs a property of your own that begins with x_",
			point->property, mp->spec.type == FG_REG_BOOL ? "single bit" : "text");
	if (mp->byte && mp->spec.type != FG_REG_U8 && mp->spec.type != FG_REG_I8)
		fault(rep, point, "byte", "only u8 and i8 take one byte of a register");
	mp->spec.high_byte = mp->byte == FG_MODBUS_BYTE_HIGH;
	width = fg_regspec_width(&mp->spec);
	mp->span.width = (uint16_t)width;
	if (mp->span.address + width > 65536)
		fault(rep, point, mp->place.reference.set ? "reference" : "address",
			"%u and the %u registers of the type go beyond the last address, 65535",
			mp->span.address, width);
	if (dev && dev->max_registers && width > dev->max_registers)
		fault(rep, point, "type", "takes %u registers, but max_registers is %d", width,
			(int)dev->max_registers);
}

static bool has_word(const struct fg_modbus_words *words, uint16_t v)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->items[i] == v)
			return true;
	return false;
}

static void check_quality(
	const struct fg_point *point, struct fg_modbus_point *mp, struct fg_report *rep)
{
	const struct fg_modbus_quality *q = &mp->quality;
	const struct fg_modbus_place *place = &q->place;

	mp->has_quality = place->table || place->address.set || place->reference.set ||
			  q->good.count || q->suspect.count ||
			  (point->node && fg_node_get(point->node, "quality_from"));
	if (!mp->has_quality)
		return;
	mp->quality_span.width = 1;
	mp->has_quality = resolve(place, point, "quality_from", rep, &mp->quality_span);
	if (mp->has_quality && !q->good.count && !q->suspect.count)
		fault(rep, point, "quality_from",
			"good (or suspect) is missing: which values of the register mean that the "
			"reading can be used");
	for (size_t i = 0; i < q->good.count; i++)
		if (has_word(&q->suspect, q->good.items[i]))
			fault(rep, point, "quality_from", "%u is both good and suspect",
				q->good.items[i]);
}

void fg_modbus_check_point(const struct fg_point *point, void *conf, struct fg_report *rep)
{
	struct fg_modbus_point *mp = conf;

	mp->span.width = 1;
	if (resolve(&mp->place, point, NULL, rep, &mp->span)) {
		check_type(point, mp, rep);
		check_order(point, mp, rep);
		check_missing(point, mp, rep);
	}
	check_quality(point, mp, rep);
}

/* ---- devices that share a unit id ---- */

static bool is_part(enum fg_regtype type)
{
	return type == FG_REG_BITS || type == FG_REG_BOOL || type == FG_REG_U8 || type == FG_REG_I8;
}

static bool overlap(const struct fg_span *a, const struct fg_span *b)
{
	return a->table == b->table && a->address < b->address + b->width &&
	       b->address < a->address + a->width;
}

/* Whether two points that share registers can both be right. */
static bool agree(const struct fg_point *a, const struct fg_point *b)
{
	const struct fg_modbus_point *ma = a->conf, *mb = b->conf;

	if (ma->span.address != mb->span.address || ma->spec.order != mb->spec.order)
		return false;
	if (is_part(ma->spec.type) && is_part(mb->spec.type) &&
		(ma->spec.type != mb->spec.type || ma->spec.lo != mb->spec.lo ||
			ma->spec.hi != mb->spec.hi || ma->spec.high_byte != mb->spec.high_byte))
		return true; /* different parts of one register */
	return ma->spec.type == mb->spec.type && ma->span.width == mb->span.width &&
	       a->scale == b->scale && a->offset == b->offset &&
	       (!a->property || !b->property || strcmp(a->property, b->property) == 0);
}

static void check_points(
	const struct fg_point *a, const struct fg_point *b, int unit_id, struct fg_report *rep)
{
	const struct fg_modbus_point *ma = a->conf, *mb = b->conf;

	if (overlap(&ma->span, &mb->span) && !agree(a, b))
		fault(rep, b, NULL,
			"%s %u is read with another meaning by devices.%s.points.%s: both have "
			"unit id %d on link %s; one of them is wrong",
			table_name(mb->span.table), mb->span.address, a->device->name, a->name,
			unit_id, b->device->link ? b->device->link->name : "?");
}

void fg_modbus_check_pair(
	const struct fg_device *a, const struct fg_device *b, struct fg_report *rep)
{
	const struct fg_modbus_device *da = a->conf, *db = b->conf;

	if (da->unit_id != db->unit_id)
		return;
	for (size_t i = 0; i < a->point_count; i++)
		for (size_t j = 0; j < b->point_count; j++)
			check_points(&a->points[i], &b->points[j], (int)da->unit_id, rep);
}

size_t fg_modbus_text_room(const struct fg_group *group)
{
	size_t room = 0;

	for (size_t i = 0; i < group->count; i++) {
		const struct fg_modbus_point *mp = group->points[i]->conf;

		if (mp->spec.type == FG_REG_STRING)
			room += 2u * mp->spec.string_registers;
	}
	return room;
}
