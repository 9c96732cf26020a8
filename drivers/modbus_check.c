/* SPDX-License-Identifier: EUPL-1.2 */
/* What is impossible in what a configuration says of Modbus points, and their completion. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "drivers/modbus_common.h"
#include "model/unit.h"

/* A mapping of the configuration that is being checked: a point, or one of its sources. */
struct spot {
	struct fg_report *rep;
	const struct fg_point *point;
	const struct fg_node *node; /* may be NULL */
	const char *path;	    /* ".unit_from"; "" for the point itself */
	const char *key;	    /* "unit_from"; NULL for the point itself */
};

/* A fault at a key of the mapping, or at the mapping where the key is absent. */
static void FG_PRINTF(3, 4) fault(const struct spot *s, const char *key, const char *fmt, ...)
{
	const struct fg_node *node = key && s->node ? fg_node_get(s->node, key) : NULL;
	struct fg_place place = {0};
	char text[400];
	va_list ap;

	if (node || s->node)
		place = node ? node->at : s->node->at;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_report_error(s->rep, place, "devices.%s.points.%s%s%s%s: %s", s->point->device->name,
		s->point->name, s->path, key ? "." : "", key ? key : "", text);
}

/* ---- places ---- */

bool fg_modbus_is_bit_table(enum fg_table table)
{
	return table == FG_TABLE_COIL || table == FG_TABLE_DISCRETE;
}

const char *fg_modbus_table_name(enum fg_table table)
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
		fg_modbus_tables[place->table - 1].name, fg_modbus_table_name(ret->table));
	return false;
}

static bool is_placed(const struct fg_modbus_place *place)
{
	return place->table || place->address.set || place->reference.set || place->relative.set;
}

/* Moves a span; false (told) where it then is not within the table. */
static bool move(const struct spot *s, const char *key, int64_t by, struct fg_span *span)
{
	int64_t address = span->address + by;

	if (address < 0 || address > 65535) {
		fault(s, key, "%lld is no address; 0..65535", (long long)address);
		return false;
	}
	span->address = (uint16_t)address;
	return true;
}

static const char *place_key(const struct fg_modbus_place *place)
{
	return place->relative.set ? "relative" : place->reference.set ? "reference" : "address";
}

/* ---- what the registers hold ---- */

static void check_order(const struct spot *s, struct fg_modbus_source *src)
{
	const char *name = src->order ? fg_modbus_orders[src->order - 1].name : NULL;
	bool single = fg_regspec_width(&src->spec) == 1 || fg_regtype_is_text(src->spec.type);

	src->spec.order = FG_ORDER_ABCD;
	if (!name)
		return;
	if (fg_modbus_is_bit_table(src->span.table))
		fault(s, "order", "a single bit has no order");
	else if (src->spec.type == FG_REG_U8 || src->spec.type == FG_REG_I8)
		fault(s, "order", "one byte has no order; `byte: high` takes the other one");
	else if (fg_order_parse(name, &src->spec, &src->spec.order) < 0)
		fault(s, "order", "%s does not fit the type; %s", name,
			single ? "AB or BA" : "ABCD, CDAB, BADC or DCBA");
}

static void check_mask(const struct spot *s, struct fg_modbus_source *src)
{
	enum fg_regtype type = src->spec.type;
	unsigned bits = fg_regspec_bits(&src->spec);

	if (!src->mask)
		return;
	if (fg_modbus_is_bit_table(src->span.table) || fg_regtype_is_text(type) ||
		fg_regtype_is_float(type) || type == FG_REG_BITS)
		fault(s, "mask", "goes with whole numbers of registers only");
	else if (bits < 64 && src->mask >> bits)
		fault(s, "mask", "0x%llX is wider than the type's %u bits",
			(unsigned long long)src->mask, bits);
	else
		src->spec.mask = src->mask;
}

/* The type of a source whose table is known; its width is then known too. */
static void check_type(const struct spot *s, struct fg_modbus_source *src)
{
	bool bit = fg_modbus_is_bit_table(src->span.table);

	src->spec = src->type.spec;
	if (!src->type.set)
		src->spec.type = bit ? FG_REG_BOOL : FG_REG_U16;
	if (!src->type.set && src->byte && s->path[0])
		src->spec.type = FG_REG_U8; /* of a code there is no doubt about its sign */
	if (bit && src->spec.type != FG_REG_BOOL)
		fault(s, "type", "table %s holds single bits; only bool fits",
			fg_modbus_table_name(src->span.table));
	if (src->byte && src->spec.type != FG_REG_U8 && src->spec.type != FG_REG_I8)
		fault(s, "byte", "only u8 and i8 take one byte of a register");
	src->spec.high_byte = src->byte == FG_MODBUS_BYTE_HIGH;
	src->span.width = (uint16_t)fg_regspec_width(&src->spec);
	if (src->span.address + src->span.width > 65536)
		fault(s, place_key(&src->place),
			"%u and the %u registers of the type go beyond the last address, 65535",
			src->span.address, src->span.width);
	check_order(s, src);
	check_mask(s, src);
}

/* ---- the value's own registers ---- */

static bool find_field(const struct spot *s, const struct fg_modbus_device *dev,
	struct fg_modbus_point *mp, const struct fg_modbus_field **ret)
{
	char why[160];

	if (is_placed(&mp->own.place) || mp->base || s->point->repeat_stride) {
		fault(s, "field",
			"a field says where it is; table, address, reference, base and repeat do "
			"not go with it");
		return false;
	}
	*ret = dev ? fg_modbus_find_field(dev, mp->field) : NULL;
	if (!*ret) {
		fault(s, "field", "the device's fields have no '%s'", mp->field);
		return false;
	}
	/* an unclear place is told once, with the device */
	return fg_modbus_resolve(&dev->fields.place, &mp->own.span, why, sizeof(why)) &&
	       move(s, "field", (*ret)->first, &mp->own.span);
}

static bool place_own(
	const struct spot *s, const struct fg_modbus_device *dev, struct fg_modbus_point *mp)
{
	struct fg_modbus_source *own = &mp->own;
	char why[160];

	if (!fg_modbus_resolve(&own->place, &own->span, why, sizeof(why))) {
		fault(s, NULL, "%s", why);
		return false;
	}
	if (mp->base) {
		own->span.space = dev ? fg_modbus_find_base(dev, mp->base) : 0;
		if (!own->span.space) {
			fault(s, "base", "the device's bases have no '%s'", mp->base);
			return false;
		}
	}
	return move(s, place_key(&own->place),
		(int64_t)s->point->repeat_index * s->point->repeat_stride, &own->span);
}

/* Bits of the raw pattern that `missing: 0x…` is compared with; 0: there is none. */
static unsigned raw_bits(const struct fg_modbus_point *mp)
{
	return fg_modbus_is_bit_table(mp->span.table) ? 1 : fg_regspec_bits(&mp->spec);
}

static void check_missing(const struct spot *s, const struct fg_modbus_point *mp)
{
	unsigned bits = raw_bits(mp);

	for (size_t i = 0; i < s->point->missing_count; i++) {
		const struct fg_missing *m = &s->point->missing[i];

		if (bits == 0)
			fault(s, "missing", "a text has no missing values");
		else if (m->raw && bits < 64 && m->bits >> bits)
			fault(s, "missing", "0x%llX is wider than the type's %u bits",
				(unsigned long long)m->bits, bits);
	}
	if (bits == 0 && s->point->has_valid)
		fault(s, "valid", "a text has no bounds");
}

static bool check_own(
	const struct spot *s, const struct fg_modbus_device *dev, struct fg_modbus_point *mp)
{
	const struct fg_modbus_field *field = NULL;

	if (mp->field ? !find_field(s, dev, mp, &field) : !place_own(s, dev, mp))
		return false;
	check_type(s, &mp->own);
	mp->spec = mp->own.spec;
	mp->span = mp->read = mp->own.span;
	if (field && field->count != mp->span.width)
		fault(s, "field", "the field has %u registers, but the type takes %u", field->count,
			mp->span.width);
	if (s->point->known && (mp->spec.type == FG_REG_BOOL || fg_regtype_is_text(mp->spec.type)))
		fault(s, "type",
			"%s is a number; a %s needs a property of your own that begins with x_",
			s->point->property, mp->spec.type == FG_REG_BOOL ? "single bit" : "text");
	check_missing(s, mp);
	return true;
}

/* ---- sources beside the value ---- */

/* The point reads them together. */
static void include(struct fg_span *read, const struct fg_span *more)
{
	unsigned begin = FG_MIN(read->address, more->address);
	unsigned end = FG_MAX(
		(unsigned)read->address + read->width, (unsigned)more->address + more->width);

	read->address = (uint16_t)begin;
	read->width = (uint16_t)(end - begin);
}

static bool place_source(
	const struct spot *s, const struct fg_modbus_point *mp, struct fg_modbus_source *src)
{
	int64_t stride = src->stride.set ? src->stride.n : s->point->repeat_stride;
	char why[160];

	if (src->place.relative.set) {
		src->inside = true;
		src->span = mp->span;
		if (!src->place.table && !src->place.address.set && !src->place.reference.set)
			return move(s, "relative", src->place.relative.n, &src->span);
		fault(s, "relative",
			"says where it is; table, address and reference do not go with it");
		return false;
	}
	if (!fg_modbus_resolve(&src->place, &src->span, why, sizeof(why))) {
		fault(s, NULL, "%s", why);
		return false;
	}
	return move(
		s, place_key(&src->place), (int64_t)s->point->repeat_index * stride, &src->span);
}

/* False where nothing more can be said of it. */
static bool check_source(
	const struct spot *s, struct fg_modbus_point *mp, struct fg_modbus_source *src, bool real)
{
	src->given = place_source(s, mp, src);
	src->key = s->key;
	if (!src->given)
		return false;
	check_type(s, src);
	if (fg_regtype_is_text(src->spec.type) || (!real && fg_regtype_is_float(src->spec.type))) {
		fault(s, "type", "only a whole number can be compared");
		return false;
	}
	if (src->inside)
		include(&mp->read, &src->span);
	return true;
}

/* Whether a code can stand in the register at all. */
static void check_code(
	const struct spot *s, const char *key, const struct fg_regspec *spec, int64_t code)
{
	bool negative = spec->type == FG_REG_I8 || spec->type == FG_REG_I16 ||
			spec->type == FG_REG_I32 || spec->type == FG_REG_I64;
	unsigned bits = spec->type == FG_REG_BOOL ? 1 : fg_regspec_bits(spec);
	uint64_t size = code < 0   ? ~(uint64_t)code << 1
			: negative ? (uint64_t)code << 1
				   : (uint64_t)code;

	if ((code < 0 && !negative) || (bits < 64 && size >> bits))
		fault(s, key, "%lld is no value that %u bit%s can hold", (long long)code, bits,
			bits == 1 ? "" : "s");
}

static void check_codes(const struct spot *s, const char *key, const struct fg_regspec *spec,
	const struct fg_modbus_codes *codes)
{
	for (size_t i = 0; i < codes->count; i++)
		check_code(s, key, spec, codes->items[i]);
}

static void check_scale(const struct spot *s, struct fg_modbus_point *mp)
{
	struct fg_modbus_scale *scale = &mp->scale;
	bool real = !scale->map.count &&
		    (scale->as == FG_MODBUS_AS_UNSET || scale->as == FG_MODBUS_AS_FACTOR);

	if (!check_source(s, mp, &scale->source, real))
		return;
	if (scale->map.count && scale->as)
		fault(s, "as", "map says what the register means; one of them is enough");
	for (size_t i = 0; i < scale->map.count; i++)
		check_code(s, "map", &scale->source.spec, scale->map.items[i].code);
}

static void check_expect(const struct spot *s, struct fg_modbus_point *mp)
{
	if (check_source(s, mp, &mp->expect.source, false))
		check_codes(s, "values", &mp->expect.source.spec, &mp->expect.values);
}

/* A unit that a sensor can name, to the unit that is published. */
static void check_unit_of(const struct spot *s, struct fg_modbus_meaning *m)
{
	const struct fg_unit *from = fg_unit_find(m->text), *to = fg_unit_find(s->point->unit);
	const struct spot at = {s->rep, s->point, m->node, s->path, s->key};
	const char *near = from ? NULL : fg_unit_suggest(m->text);

	m->scale = 1;
	if (strcmp(m->text, s->point->unit) == 0)
		return;
	if (!from && near)
		fault(&at, NULL, "unknown unit '%.40s'; did you mean '%s'?", m->text, near);
	else if (!from)
		fault(&at, NULL, "unknown unit '%.40s'; %s is published in '%s'", m->text,
			s->point->property, s->point->unit);
	else if (!to || !fg_unit_convert(from, to, &m->scale, &m->offset))
		fault(&at, NULL, "unit '%.40s' (%s) cannot be converted to '%s' (%s) of %s",
			m->text, from->dimension, s->point->unit, to ? to->dimension : "?",
			s->point->property);
}

static void check_unit(const struct spot *s, struct fg_modbus_point *mp)
{
	const struct fg_node *unit = fg_node_get(s->point->node, "unit");
	struct fg_modbus_map *map = &mp->unit.map;

	if (!check_source(s, mp, &mp->unit.source, false))
		return;
	if (s->point->known && unit && !fg_node_is_null(unit))
		fault(s, NULL,
			"unit is given as well; remove it (~) where the sensor tells its own");
	if (!map->count)
		fault(s, "map", "is empty; which unit does each value of the register mean?");
	for (size_t i = 0; i < map->count; i++) {
		check_code(s, "map", &mp->unit.source.spec, map->items[i].code);
		check_unit_of(s, &map->items[i]);
	}
}

/* ---- quality ---- */

static bool has_code(const struct fg_modbus_codes *codes, int64_t v)
{
	for (size_t i = 0; i < codes->count; i++)
		if (codes->items[i] == v)
			return true;
	return false;
}

static void check_verdicts(const struct spot *s, const struct fg_modbus_quality *q)
{
	bool lists = q->good.count || q->suspect.count, sets = q->suspect_bits || q->fail_bits;
	const struct fg_regspec *spec = &q->source.spec;
	uint64_t sets_bits = q->suspect_bits | q->fail_bits;
	unsigned bits = fg_regspec_bits(spec);

	if (!lists && !sets)
		fault(s, NULL,
			"good (or suspect, suspect_bits, fail_bits) is missing: which values of "
			"the register mean that the reading can be used");
	if (lists && sets)
		fault(s, NULL,
			"good and suspect are lists of values, suspect_bits and fail_bits sets of "
			"bits; give the one or the other");
	if (sets && q->digit)
		fault(s, "digit", "a digit has no bits; give good and suspect");
	if (sets && bits < 64 && sets_bits >> bits)
		fault(s, NULL, "0x%llX is wider than the type's %u bits",
			(unsigned long long)sets_bits, bits);
	for (size_t i = 0; i < q->good.count; i++)
		if (has_code(&q->suspect, q->good.items[i]))
			fault(s, NULL, "%lld is both good and suspect",
				(long long)q->good.items[i]);
	check_codes(s, "good", spec, &q->good);
	check_codes(s, "suspect", spec, &q->suspect);
}

static void check_qualities(const struct spot *point, struct fg_modbus_point *mp)
{
	struct fg_modbus_quality *items = mp->qualities.items;
	char path[40] = ".quality_from";

	for (size_t i = 0; i < mp->qualities.count; i++) {
		struct spot s = *point;

		if (mp->qualities.count > 1)
			snprintf(path, sizeof(path), ".quality_from.%zu", i + 1);
		s.node = items[i].named.node;
		s.path = path;
		s.key = "quality_from";
		if (check_source(&s, mp, &items[i].source, false))
			check_verdicts(&s, &items[i]);
	}
}

/* ---- the point ---- */

static bool has_key(const struct fg_point *point, const char *key)
{
	const struct fg_node *node = point->node ? fg_node_get(point->node, key) : NULL;

	return node && (node->kind == FG_NODE_MAPPING || fg_node_is_empty(node));
}

static void check_sources(const struct spot *point, struct fg_modbus_point *mp)
{
	static const struct {
		const char *key, *path;
		void (*check)(const struct spot *s, struct fg_modbus_point *mp);
	} parts[] = {
		{"scale_from", ".scale_from", check_scale},
		{"unit_from", ".unit_from", check_unit},
		{"expect", ".expect", check_expect},
	};
	bool number = mp->spec.type != FG_REG_BOOL && !fg_regtype_is_text(mp->spec.type);

	for (size_t i = 0; i < FG_COUNT(parts); i++) {
		struct spot s = *point;

		if (!has_key(point->point, parts[i].key))
			continue;
		s.node = fg_node_get(point->node, parts[i].key);
		s.path = parts[i].path;
		s.key = parts[i].key;
		if (!number && parts[i].check != check_expect)
			fault(&s, NULL, "only a number has a scale and a unit");
		else
			parts[i].check(&s, mp);
	}
	check_qualities(point, mp);
}

void fg_modbus_check_point(const struct fg_point *point, void *conf, struct fg_report *rep)
{
	const struct fg_modbus_device *dev = point->device->conf;
	const struct spot s = {rep, point, point->node, "", NULL};
	struct fg_modbus_point *mp = conf;
	unsigned most;

	if (!check_own(&s, dev, mp))
		return;
	check_sources(&s, mp);
	most = fg_modbus_is_bit_table(mp->read.table) ? 2000
	       : dev && dev->max_registers	      ? (unsigned)dev->max_registers
						      : 125;
	if (mp->span.width > most)
		fault(&s, "type", "takes %u registers, but max_registers is %u", mp->span.width,
			most);
	else if (mp->read.width > most)
		fault(&s, NULL,
			"takes %u registers with what is relative to it, but max_registers is %u",
			mp->read.width, most);
}

bool fg_modbus_has_point(const struct fg_point *point, const void *conf)
{
	const struct fg_modbus_point *mp = conf;
	const struct fg_modbus_device *dev = point->device->conf;

	return !mp->field || !dev || !dev->fields.list.count ||
	       fg_modbus_find_field(dev, mp->field);
}

size_t fg_modbus_sources(
	const struct fg_modbus_point *mp, const struct fg_modbus_source *ret[FG_MODBUS_SOURCES])
{
	const struct fg_modbus_source *const first[] = {
		&mp->scale.source, &mp->unit.source, &mp->expect.source};
	const struct fg_modbus_quality *q = mp->qualities.items;
	size_t n = 0;

	for (size_t i = 0; i < FG_COUNT(first); i++)
		if (first[i]->given)
			ret[n++] = first[i];
	for (size_t i = 0; i < mp->qualities.count; i++)
		if (q[i].source.given)
			ret[n++] = &q[i].source;
	return n;
}

/* ---- devices that share a unit id ---- */

static bool is_part(const struct fg_regspec *spec)
{
	return spec->type == FG_REG_BITS || spec->type == FG_REG_BOOL || spec->type == FG_REG_U8 ||
	       spec->type == FG_REG_I8 || spec->mask;
}

static bool same_part(const struct fg_regspec *a, const struct fg_regspec *b)
{
	return a->type == b->type && a->lo == b->lo && a->hi == b->hi &&
	       a->high_byte == b->high_byte && a->mask == b->mask;
}

static bool overlap(const struct fg_span *a, const struct fg_span *b)
{
	return a->table == b->table && !a->space && !b->space &&
	       a->address < b->address + b->width && b->address < a->address + a->width;
}

/* Whether two points that share registers can both be right. */
static bool agree(const struct fg_point *a, const struct fg_point *b)
{
	const struct fg_modbus_point *ma = a->conf, *mb = b->conf;

	if (ma->span.address != mb->span.address || ma->spec.order != mb->spec.order)
		return false;
	if (is_part(&ma->spec) && is_part(&mb->spec) && !same_part(&ma->spec, &mb->spec))
		return true; /* different parts of one register */
	return ma->spec.type == mb->spec.type && ma->span.width == mb->span.width &&
	       ma->spec.mask == mb->spec.mask && a->scale == b->scale && a->offset == b->offset &&
	       (!a->property || !b->property || strcmp(a->property, b->property) == 0);
}

static void check_points(
	const struct fg_point *a, const struct fg_point *b, int unit_id, struct fg_report *rep)
{
	const struct fg_modbus_point *ma = a->conf, *mb = b->conf;
	const struct spot s = {rep, b, b->node, "", NULL};

	if (overlap(&ma->span, &mb->span) && !agree(a, b))
		fault(&s, NULL,
			"%s %u is read with another meaning by devices.%s.points.%s: both have "
			"unit id %d on link %s; one of them is wrong",
			fg_modbus_table_name(mb->span.table), mb->span.address, a->device->name,
			a->name, unit_id, b->device->link ? b->device->link->name : "?");
}

void fg_modbus_check_pair(
	const struct fg_device *a, const struct fg_device *b, struct fg_report *rep)
{
	const struct fg_modbus_device *da = a->conf, *db = b->conf;

	if (da->unit_id != db->unit_id)
		return;
	for (size_t i = 0; i < a->read_count; i++)
		for (size_t j = 0; j < b->read_count; j++)
			check_points(&a->points[i], &b->points[j], (int)da->unit_id, rep);
}

size_t fg_modbus_text_room(const struct fg_group *group)
{
	size_t room = 0;

	for (size_t i = 0; i < group->count; i++) {
		const struct fg_modbus_point *mp = group->points[i]->conf;

		if (fg_regtype_is_text(mp->spec.type))
			room += 2u * mp->spec.string_registers;
	}
	return room;
}
