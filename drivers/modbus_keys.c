/* SPDX-License-Identifier: EUPL-1.2 */
/* What a configuration can say about Modbus points: the tables of keys, and how they are read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/status.h"
#include "drivers/modbus_common.h"

#define MAX_CODES 256

const struct fg_choice fg_modbus_tables[] = {
	{.name = "holding", .value = 1 + FG_TABLE_HOLDING, .help = "function 3"},
	{.name = "input", .value = 1 + FG_TABLE_INPUT, .help = "function 4"},
	{.name = "coil", .value = 1 + FG_TABLE_COIL, .help = "function 1"},
	{.name = "discrete", .value = 1 + FG_TABLE_DISCRETE, .help = "function 2"},
	{.name = NULL},
};

const struct fg_choice fg_modbus_orders[] = {
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

static const struct fg_choice as_choices[] = {
	{.name = "factor", .value = FG_MODBUS_AS_FACTOR, .help = "value × register"},
	{.name = "exponent", .value = FG_MODBUS_AS_EXPONENT, .help = "value × 10^register"},
	{.name = "decimals", .value = FG_MODBUS_AS_DECIMALS, .help = "value × 10^-register"},
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
			"unknown type '%s'; one of " FG_MODBUS_TYPES ", n 1..125, lo and hi 0..63",
			scalar(node));
	return FG_EINVAL;
}

static int parse_code(struct fg_bind *b, const struct fg_node *node, const char *text, int64_t *ret)
{
	if (fg_integer_parse(text, ret) == FG_OK)
		return FG_OK;
	fg_bind_error(
		b, node, "'%.60s' is no register value; a whole number, decimal or 0x…", text);
	return FG_EINVAL;
}

static int parse_codes(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_codes *codes = field;
	size_t n = node->kind == FG_NODE_SEQUENCE ? node->count : 1;
	int64_t *items;
	int r = FG_OK;

	if (node->kind == FG_NODE_MAPPING || n > MAX_CODES) {
		fg_bind_error(b, node, "a list of at most %d register values", MAX_CODES);
		return FG_EINVAL;
	}
	items = fg_arena_array(b->arena, n + 1, sizeof(*items));
	for (size_t i = 0; i < n; i++) {
		const struct fg_node *item = node->kind == FG_NODE_SEQUENCE ? node->items[i] : node;

		if (parse_code(b, item, scalar(item), &items[i]) < 0)
			r = FG_EINVAL;
	}
	codes->items = items;
	codes->count = n;
	return r;
}

static int parse_mask(struct fg_bind *b, const struct fg_node *node, void *field)
{
	const char *text = scalar(node);
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (text[0] >= '0' && text[0] <= '9' && !*end && !errno && v) {
		*(uint64_t *)field = v;
		return FG_OK;
	}
	fg_bind_error(b, node, "'%.60s' is no set of bits; a number above 0, such as 0x0FFF", text);
	return FG_EINVAL;
}

static int parse_signed(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_signed *n = field;
	int64_t v;

	n->set = true;
	if (fg_integer_parse(scalar(node), &v) < 0 || v < -65535 || v > 65535) {
		fg_bind_error(
			b, node, "'%.60s' is no number of registers; -65535..65535", scalar(node));
		return FG_EINVAL;
	}
	n->n = (int)v;
	return FG_OK;
}

static int parse_digit(struct fg_bind *b, const struct fg_node *node, void *field)
{
	int64_t v;

	if (fg_integer_parse(scalar(node), &v) < 0 || v < 0 || v > 18) {
		fg_bind_error(b, node, "'%.60s' is no digit; 0 is the ones, 1 the tens, up to 18",
			scalar(node));
		return FG_EINVAL;
	}
	*(int64_t *)field = 1 + v;
	return FG_OK;
}

/* A mapping of register values to texts. */
static int parse_map(struct fg_bind *b, const struct fg_node *node, struct fg_modbus_map *map)
{
	int r = FG_OK;

	if (node->kind != FG_NODE_MAPPING || node->count > MAX_CODES) {
		fg_bind_error(b, node, "a mapping of at most %d register values", MAX_CODES);
		return FG_EINVAL;
	}
	map->items = fg_arena_array(b->arena, node->count + 1, sizeof(*map->items));
	for (size_t i = 0; i < node->count; i++) {
		struct fg_modbus_meaning *m = &map->items[map->count];

		m->node = node->pairs[i].value;
		if (fg_node_is_null(m->node))
			continue;
		m->text = fg_arena_strdup(b->arena, scalar(m->node));
		if (parse_code(b, m->node, node->pairs[i].key, &m->code) < 0)
			r = FG_EINVAL;
		for (size_t k = 0; r == FG_OK && k < map->count; k++) {
			if (map->items[k].code == m->code) {
				fg_bind_error(
					b, m->node, "%s stands for two things", node->pairs[i].key);
				r = FG_EINVAL;
			}
		}
		map->count++;
	}
	return r;
}

static int parse_units(struct fg_bind *b, const struct fg_node *node, void *field)
{
	return parse_map(b, node, field); /* what the units are is for check_point() to say */
}

static int parse_factors(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_map *map = field;
	int r = parse_map(b, node, map);

	for (size_t i = 0; r == FG_OK && i < map->count; i++) {
		struct fg_modbus_meaning *m = &map->items[i];

		if (fg_number_parse(m->text, &m->factor) < 0 || m->factor == 0) {
			fg_bind_error(b, m->node, "'%.60s' is no factor; a number, not 0", m->text);
			r = FG_EINVAL;
		}
	}
	return r;
}

/* ---- tables of keys ---- */

#define CODE_SCHEMA "{\"type\":[\"integer\",\"string\"]}"
#define CODES_SCHEMA                                                                               \
	"{\"type\":[\"array\",\"integer\",\"string\"],\"items\":{\"type\":[\"integer\","           \
	"\"string\"]}}"

/* What part of the registers counts, and as what. */
#define PART_KEYS(object, member)                                                                  \
	{.name = "type",                                                                           \
		.type = FG_KEY_CUSTOM,                                                             \
		.offset = offsetof(object, member.type),                                           \
		.parse = fg_modbus_parse_type,                                                     \
		.form = FG_MODBUS_TYPES,                                                           \
		.schema = "{\"type\":\"string\"}",                                                 \
		.help = "How the registers are read; u16 for registers, bool for coils and "       \
			"discrete inputs where nothing is said."},                                 \
		{.name = "order",                                                                  \
			.type = FG_KEY_CHOICE,                                                     \
			.offset = offsetof(object, member.order),                                  \
			.choices = fg_modbus_orders,                                               \
			.help = "Where the bytes of the value go: AB BA for one register and for " \
				"texts, ABCD CDAB BADC DCBA for two or four. Default: as the "     \
				"standard has it (AB, ABCD)."},                                    \
		{.name = "byte",                                                                   \
			.type = FG_KEY_CHOICE,                                                     \
			.offset = offsetof(object, member.byte),                                   \
			.choices = byte_choices,                                                   \
			.help = "Which byte of the register u8 and i8 take. Default: low."},       \
	{                                                                                          \
		.name = "mask", .type = FG_KEY_CUSTOM, .offset = offsetof(object, member.mask),    \
		.parse = parse_mask, .form = "0x…, the bits that count", .schema = CODE_SCHEMA,    \
		.help = "Which bits of a whole number count; they are moved down until the "       \
			"lowest is bit 0."                                                         \
	}

/* A source beside the value. */
#define SOURCE_KEYS(object, member)                                                                \
	FG_MODBUS_PLACE_KEYS(object, member.place),                                                \
		{.name = "relative",                                                               \
			.type = FG_KEY_CUSTOM,                                                     \
			.offset = offsetof(object, member.place.relative),                         \
			.parse = parse_signed,                                                     \
			.form = "a number of registers, also negative",                            \
			.schema = "{\"type\":\"integer\"}",                                        \
			.help = "Instead of an address: counted from the value's first register "  \
				"and read in one request with it."},                               \
		PART_KEYS(object, member),                                                         \
	{                                                                                          \
		.name = "stride", .type = FG_KEY_CUSTOM, .flags = FG_KEY_ADVANCED,                 \
		.offset = offsetof(object, member.stride), .parse = parse_signed,                  \
		.form = "a number of registers", .schema = "{\"type\":\"integer\"}",               \
		.help = "How far its address moves from one point of a `repeat` to the next. "     \
			"Default: as far as the value's; 0: one for all."                          \
	}

static const struct fg_key scale_keys[] = {
	SOURCE_KEYS(struct fg_modbus_scale, source),
	{.name = "as",
		.type = FG_KEY_CHOICE,
		.offset = offsetof(struct fg_modbus_scale, as),
		.choices = as_choices,
		.help = "What the register says of the value. Default: factor."},
	{.name = "map",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_scale, map),
		.parse = parse_factors,
		.form = "a mapping of register values to factors",
		.schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}}",
		.help = "The factor for each value of the register, instead of `as`. Any other "
			"value: qc 9 decode."},
	{.name = NULL},
};

static const struct fg_key unit_keys[] = {
	SOURCE_KEYS(struct fg_modbus_unit, source),
	{.name = "map",
		.type = FG_KEY_CUSTOM,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct fg_modbus_unit, map),
		.parse = parse_units,
		.form = "a mapping of register values to units",
		.schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}",
		.help = "The unit for each value of the register. Any other value: qc 9 decode."},
	{.name = NULL},
};

static const struct fg_key expect_keys[] = {
	SOURCE_KEYS(struct fg_modbus_expect, source),
	{.name = "values",
		.type = FG_KEY_CUSTOM,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct fg_modbus_expect, values),
		.parse = parse_codes,
		.form = "list of register values",
		.schema = CODES_SCHEMA,
		.help = "What the register holds where it is the right quantity."},
	{.name = NULL},
};

static const struct fg_key quality_keys[] = {
	SOURCE_KEYS(struct fg_modbus_quality, source),
	{.name = "digit",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_quality, digit),
		.parse = parse_digit,
		.form = "0 for the ones, 1 for the tens, …",
		.schema = "{\"type\":\"integer\",\"minimum\":0,\"maximum\":18}",
		.help = "One decimal digit of the number counts."},
	{.name = "good",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_quality, good),
		.parse = parse_codes,
		.form = "list of register values",
		.schema = CODES_SCHEMA,
		.help = "Values of the quality register that mean a good reading."},
	{.name = "suspect",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_quality, suspect),
		.parse = parse_codes,
		.form = "list of register values",
		.schema = CODES_SCHEMA,
		.help = "Values that mean a suspect reading (qc 3). Any other value is qc 4."},
	{.name = "suspect_bits",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_quality, suspect_bits),
		.parse = parse_mask,
		.form = "0x…, a set of bits",
		.schema = CODE_SCHEMA,
		.help = "Instead of lists: any of these bits set means a suspect reading (qc 3)."},
	{.name = "fail_bits",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_quality, fail_bits),
		.parse = parse_mask,
		.form = "0x…, a set of bits",
		.schema = CODE_SCHEMA,
		.help = "Any of these bits set means a failed reading (qc 4); none of both: good."},
	{.name = NULL},
};

const struct fg_key fg_modbus_base_keys[] = {
	FG_MODBUS_PLACE_KEYS(struct fg_modbus_base, source.place),
	PART_KEYS(struct fg_modbus_base, source),
	{.name = "add",
		.type = FG_KEY_INT,
		.offset = offsetof(struct fg_modbus_base, add),
		.min = -65535,
		.max = 65535,
		.dflt = "0",
		.help = "Added to what the register says: -1 where it counts from 1."},
	{.name = NULL},
};

const struct fg_key fg_modbus_point_keys[] = {
	FG_MODBUS_PLACE_KEYS(struct fg_modbus_point, own.place),
	PART_KEYS(struct fg_modbus_point, own),
	{.name = "field",
		.type = FG_KEY_NAME,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct fg_modbus_point, field),
		.help = "Instead of an address: the name of one of the device's `fields`. Where "
			"the list does not have it, the device does not have the point."},
	{.name = "base",
		.type = FG_KEY_NAME,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct fg_modbus_point, base),
		.help = "`address` counts from this one of the device's `bases`."},
	{.name = "scale_from",
		.type = FG_KEY_STRUCT,
		.offset = offsetof(struct fg_modbus_point, scale),
		.sub = scale_keys,
		.help = "A register in which the sensor says how the value is scaled; `scale` and "
			"`offset` come after it."},
	{.name = "unit_from",
		.type = FG_KEY_STRUCT,
		.offset = offsetof(struct fg_modbus_point, unit),
		.sub = unit_keys,
		.help = "A register in which the sensor says the value's unit; it is converted to "
			"the property's. Instead of `unit` (but for properties of your own, whose "
			"`unit` is what is published)."},
	{.name = "expect",
		.type = FG_KEY_STRUCT,
		.offset = offsetof(struct fg_modbus_point, expect),
		.sub = expect_keys,
		.help = "A register that says what quantity this is. Where it says another, the "
			"reading is qc 9 decode."},
	{.name = "quality_from",
		.type = FG_KEY_LIST,
		.offset = offsetof(struct fg_modbus_point, qualities),
		.sub = quality_keys,
		.size = sizeof(struct fg_modbus_quality),
		.max = FG_MODBUS_QUALITIES,
		.help = "A register (or bit) in which the sensor says how good this value is; or a "
			"list of such, of which the worst counts. It goes before what the value "
			"itself looks like."},
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
