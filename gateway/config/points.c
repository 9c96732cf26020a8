/* SPDX-License-Identifier: EUPL-1.2 */
/* Points: property, unit and conversion, quality bounds, and the driver's own keys. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "gateway/config/loader.h"
#include "model/unit.h"

FG_PRINTF(4, 5)
static void fault(
	struct fg_loader *l, const struct fg_point *p, const char *key, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_report_error(l->rep, fg_place_of(p->node, key), "%s%s%s: %s", l->bind.path,
		fg_node_get(p->node, key) ? "." : "", fg_node_get(p->node, key) ? key : "", text);
}

static const char *suggest_property(const char *name)
{
	const char *names[200];
	size_t n = FG_MIN(fg_property_count, FG_COUNT(names));

	for (size_t i = 0; i < n; i++)
		names[i] = fg_properties[i].name;
	return fg_suggest(name, names, n);
}

static const struct fg_repeated *find_repeated(const struct fg_loader *l, const char *name)
{
	const struct fg_repeated *r = l->repeated;

	while (r && strcmp(r->name, name) != 0)
		r = r->next;
	return r;
}

static void set_property(struct fg_loader *l, struct fg_point *p, const char *given)
{
	const struct fg_repeated *repeated = find_repeated(l, p->name);
	const char *near;

	p->property = given ? given : repeated ? repeated->base : p->name;
	p->known = fg_property_find(p->property);
	if (p->known || (strncmp(p->property, "x_", 2) == 0 && p->property[2]))
		return;
	near = suggest_property(p->property);
	if (near)
		fault(l, p, "property", "unknown property '%.63s'; did you mean '%s'?", p->property,
			near);
	else
		fault(l, p, "property",
			"unknown property '%.63s'; %s one of the table, or a name of your own that "
			"begins with x_",
			p->property, given ? "use" : "with `property:` say which it is:");
}

/* Published values are in the property's unit: the conversion joins scale and offset. */
static void convert(struct fg_loader *l, struct fg_point *p, const char *text)
{
	const struct fg_unit *from = fg_unit_find(text), *to = fg_unit_find(p->known->unit);
	const char *near = from ? NULL : fg_unit_suggest(text);
	double factor, offset;

	p->unit = p->known->unit;
	if (!from && near)
		fault(l, p, "unit", "unknown unit '%.40s'; did you mean '%s'?", text, near);
	else if (!from)
		fault(l, p, "unit", "unknown unit '%.40s'; %s is published in '%s'", text,
			p->property, p->known->unit);
	else if (!to || !fg_unit_convert(from, to, &factor, &offset))
		fault(l, p, "unit", "unit '%.40s' (%s) cannot be converted to '%s' (%s) of %s",
			text, from->dimension, p->known->unit, to ? to->dimension : "?",
			p->property);
	else if (from != to) {
		p->source_unit = text;
		p->scale *= factor;
		p->offset = p->offset * factor + offset;
	}
}

static void set_unit(struct fg_loader *l, struct fg_point *p, const char *text)
{
	if (p->known) {
		p->unit = p->known->unit;
		if (text)
			convert(l, p, text);
		return;
	}
	p->unit = text ? text : "1";
	if (fg_unit_plausible(p->unit))
		return;
	if (fg_unit_find(text)) /* a spelling of sensors: "°C" */
		p->unit = fg_unit_find(text)->ucum;
	else
		fault(l, p, "unit",
			"'%.40s' cannot be a UCUM unit; for example Cel, mg/L, uS/cm, %%", text);
}

static void check_gross_range(struct fg_loader *l, const struct fg_point *p)
{
	size_t mark = fg_bind_enter(&l->bind, "qc");

	fg_qc_check_gross_range(&l->bind, fg_node_get(p->node, "qc"), &p->qc);
	fg_bind_leave(&l->bind, mark);
}

/* A line through two points is a scale and an offset. */
static void take_range(struct fg_loader *l, struct fg_point *p, const struct fg_raw_range *range)
{
	const struct fg_node *node = fg_node_get(p->node, "range");

	if (!node || fg_node_is_null(node) || range->raw[0] == range->raw[1])
		return;
	if (fg_node_get(p->node, "scale") || fg_node_get(p->node, "offset"))
		fault(l, p, "range", "scale or offset is given as well; one of them is enough");
	p->scale = (range->value[1] - range->value[0]) / (range->raw[1] - range->raw[0]);
	p->offset = range->value[0] - range->raw[0] * p->scale;
}

static void take_repeated(const struct fg_loader *l, struct fg_point *p)
{
	const struct fg_repeated *r = find_repeated(l, p->name);

	p->repeat_index = r ? r->index : 0;
	p->repeat_stride = r ? r->stride : 0;
}

static void take_raw(
	struct fg_loader *l, struct fg_point *p, const struct fg_raw_point *raw, bool clean)
{
	const struct fg_node *decimals = fg_node_get(p->node, "decimals");

	p->title = raw->title;
	p->datastream = raw->datastream;
	if (p->datastream && strpbrk(p->datastream, "+#/'"))
		fault(l, p, "datastream",
			"'%s' cannot stand in a topic; + # / and ' are not allowed", p->datastream);
	p->scale = raw->scale;
	p->offset = raw->offset;
	take_range(l, p, &raw->range);
	take_repeated(l, p);
	p->has_valid = !isnan(raw->valid[0]) || !isnan(raw->valid[1]);
	memcpy(p->valid, raw->valid, sizeof(p->valid));
	p->decimals = decimals && !fg_node_is_null(decimals) ? (int)raw->decimals : -1;
	p->interval_us = raw->interval_us ? raw->interval_us : p->device->interval_us;
	p->missing = raw->missing.items;
	p->missing_count = raw->missing.count;
	p->qc = raw->qc;
	if (p->scale == 0 && clean)
		fault(l, p, "scale", "0 would make every value the offset");
	set_property(l, p, raw->property);
	set_unit(l, p, raw->unit);
	check_gross_range(l, p);
	fg_qc_complete(l, p);
	fg_take_events(l, p, raw, clean);
}

/* Polls of a wall clock need an interval that comes out even at midnight. */
static void check_align(struct fg_loader *l, const struct fg_point *p)
{
	const int64_t day_us = INT64_C(86400000000);
	bool own = fg_node_get(p->node, "interval");

	if (!p->device->align || p->interval_us <= 0 || day_us % p->interval_us == 0)
		return;
	fg_report_error(l->rep,
		own ? fg_place_of(p->node, "interval") : fg_place_of(p->device->node, "interval"),
		"%s: align needs an interval that divides a day, such as 10s, 1m or 1h",
		l->bind.path);
}

/* What is worked out is not decoded: the keys that say how do not go with it. */
static void check_not_read(struct fg_loader *l, const struct fg_point *p,
	const struct fg_key *const *tables)
{
	static const char *const decoding[] = {
		"scale", "offset", "range", "missing", "valid", "interval"};

	for (size_t i = 0; i < FG_COUNT(decoding); i++)
		if (fg_node_get(p->node, decoding[i]))
			fault(l, p, decoding[i], "a derived point is worked out, not read; %s",
				i < 3 ? "put it into an expression"
				      : "leave this out, or set it where its input is read");
	for (; *tables; tables++)
		for (const struct fg_key *k = *tables; k->name; k++)
			if (fg_node_get(p->node, k->name))
				fault(l, p, k->name,
					"a derived point is worked out, not read; leave this out");
}

/* Whatever formula there is has a unit of its own. */
static const char *derived_unit(
	struct fg_loader *l, const struct fg_point *p, const struct fg_raw_point *raw)
{
	for (size_t i = 0; raw->derive.formula && i < fg_formula_count; i++) {
		const char *unit = fg_formulas[i].unit;

		if (strcmp(fg_formulas[i].name,
			    fg_formula_choices[raw->derive.formula - 1].name) != 0)
			continue;
		if (raw->unit)
			fault(l, p, "unit", "the formula gives %s; leave this out", unit);
		return unit;
	}
	return raw->unit;
}

/* False where the device does not have the point. */
static bool build_derived(struct fg_loader *l, const struct fg_device *dev,
	const struct fg_pair *pair, const struct fg_key *const *tables, struct fg_point *p)
{
	struct fg_raw_point raw = {0};
	size_t faults;

	*p = (struct fg_point){.name = fg_arena_strdup(l->arena, pair->key), .node = pair->value,
		.device = dev};
	fg_bind_check_name(&l->bind, pair);
	faults = fg_bind_struct(
		&l->bind, p->node, fg_keys_point, tables, &raw, NULL, p->node->at);
	raw.unit = derived_unit(l, p, &raw);
	take_raw(l, p, &raw, !faults);
	check_not_read(l, p, tables);
	return faults || fg_take_derived(l, p, &raw.derive);
}

static void check_not_derived(struct fg_loader *l, const struct fg_point *p)
{
	static const char *const keys[] = {"from", "method", "max_age"};

	for (size_t i = 0; i < FG_COUNT(keys); i++)
		if (fg_node_get(p->node, keys[i]))
			fault(l, p, keys[i], "goes with a derived point (" FG_DERIVE_KEYS ")");
}

/* False where the device does not have the point. */
static bool build_point(struct fg_loader *l, const struct fg_device *dev,
	const struct fg_pair *pair, const struct fg_key *const *tables, struct fg_point *p)
{
	const struct fg_driver *driver = dev->link ? dev->link->driver : NULL;
	struct fg_bind *b = &l->bind;
	struct fg_raw_point raw = {0};
	size_t faults;
	void *conf;

	fg_bind_check_name(b, pair);
	p->name = fg_arena_strdup(l->arena, pair->key);
	p->node = pair->value;
	p->device = dev;
	b->partial = dev->link && !driver;
	faults = fg_bind_struct(b, p->node, fg_keys_point, tables, &raw, NULL, p->node->at);
	b->partial = false;
	if (p->node->kind != FG_NODE_MAPPING && !fg_node_is_empty(p->node))
		return true;
	take_raw(l, p, &raw, !faults);
	check_not_derived(l, p);
	if (!faults)
		check_align(l, p);
	if (!driver)
		return true;
	conf = fg_arena_alloc(l->arena, driver->point_size);
	p->conf = conf;
	b->partial = true;
	faults += fg_bind_struct(b, p->node, driver->point_keys, NULL, conf, NULL, p->node->at);
	b->partial = false;
	if (!faults && driver->has_point && !driver->has_point(p, conf))
		return false;
	if (!faults && driver->check_point)
		driver->check_point(p, conf, l->rep);
	return true;
}

static void build_one(struct fg_loader *l, struct fg_device *dev, const struct fg_pair *pair,
	const struct fg_key *const *tables,
	bool (*build)(struct fg_loader *l, const struct fg_device *dev, const struct fg_pair *pair,
		const struct fg_key *const *tables, struct fg_point *p),
	struct fg_point *points)
{
	struct fg_left_out *out;
	size_t mark;

	if (fg_node_is_null(pair->value) && !fg_node_is_empty(pair->value))
		return;
	mark = fg_bind_enter(&l->bind, pair->key);
	if (build(l, dev, pair, tables, &points[dev->point_count])) {
		dev->point_count++;
	} else {
		fg_report_warning(l->rep, pair->at,
			"%s: the device's fields do not have it; it is left out", l->bind.path);
		out = fg_arena_alloc(l->arena, sizeof(*out));
		*out = (struct fg_left_out){pair->key, l->left_out};
		l->left_out = out;
	}
	fg_bind_leave(&l->bind, mark);
}

void fg_build_points(struct fg_loader *l, struct fg_device *dev, const struct fg_key *const *tables)
{
	const struct fg_node *node = fg_node_get(dev->node, "points");
	size_t count = node && node->kind == FG_NODE_MAPPING ? node->count : 0;
	struct fg_point *points = fg_arena_array(l->arena, count, sizeof(*points));
	size_t mark;

	if (node && node->kind != FG_NODE_MAPPING && !fg_node_is_null(node))
		return; /* told by the key's own type */
	if (count && !fg_within(l, node, "points", FG_MAX_DEVICE_POINTS))
		return;
	mark = fg_bind_enter(&l->bind, "points");
	l->left_out = NULL;
	for (size_t i = 0; i < count; i++)
		if (!fg_raw_is_derived(node->pairs[i].value))
			build_one(l, dev, &node->pairs[i], tables, build_point, points);
	dev->read_count = dev->point_count;
	for (size_t i = 0; i < count; i++)
		if (fg_raw_is_derived(node->pairs[i].value))
			build_one(l, dev, &node->pairs[i], tables, build_derived, points);
	fg_bind_leave(&l->bind, mark);
	dev->points = points;
	fg_build_hourly(l, dev, points);
	if (dev->point_count == 0)
		fg_bind_error(&l->bind, node ? node : dev->node,
			"no points; write them under 'points' or name a 'profile'");
}
