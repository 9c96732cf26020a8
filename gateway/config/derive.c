/* SPDX-License-Identifier: EUPL-1.2 */
/* Derived points: what they are worked out of is found once the points of all devices are known.
 * An input is a point of the same station; at least one is read from the same device, and with each
 * reading of the first of these there is a new value. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"
#include "gateway/config/loader.h"
#include "model/unit.h"

/* Intervals of an input after which its newest reading is none, unless max_age says otherwise. */
#define AGE_INTERVALS 3

FG_PRINTF(4, 5)
static void fault(struct fg_loader *l, const struct fg_derived_point *d, struct fg_place at,
	const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_report_error(l->rep, at, "%s.%s", d->path, text);
}

/* ---- what is left out ---- */

static bool is_left_out(const struct fg_loader *l, const char *name)
{
	const struct fg_left_out *out = l->left_out;

	while (out && strcmp(out->name, name) != 0)
		out = out->next;
	return out;
}

static bool names_left_out(const struct fg_loader *l, const struct fg_raw_derive *raw)
{
	const struct fg_node *from = raw->from;

	if (from && from->kind == FG_NODE_SCALAR)
		return is_left_out(l, from->text);
	for (size_t i = 0; from && from->kind == FG_NODE_MAPPING && i < from->count; i++)
		if (from->pairs[i].value->kind == FG_NODE_SCALAR &&
			is_left_out(l, from->pairs[i].value->text))
			return true;
	return false;
}

bool fg_take_derived(struct fg_loader *l, struct fg_point *p, const struct fg_raw_derive *raw)
{
	struct fg_derived_point *d;

	if (names_left_out(l, raw))
		return false;
	d = fg_arena_alloc(l->arena, sizeof(*d));
	d->point = p;
	d->raw = *raw;
	memcpy(d->path, l->bind.path, sizeof(d->path));
	d->derivation = fg_arena_alloc(l->arena, sizeof(*d->derivation));
	p->derived = d->derivation;
	*l->derived_end = d;
	l->derived_end = &d->next;
	return true;
}

/* ---- names ---- */

static const struct fg_point *point_of(const struct fg_device *dev, const char *name)
{
	for (size_t i = 0; i < dev->point_count; i++)
		if (strcmp(dev->points[i].name, name) == 0)
			return &dev->points[i];
	return NULL;
}

static void put_names(struct fg_loader *l, const struct fg_device *dev, const char *word,
	const char *label, struct fg_buf *out)
{
	const char **names = fg_arena_array(l->arena, dev->point_count, sizeof(*names));

	for (size_t i = 0; i < dev->point_count; i++)
		names[i] = dev->points[i].name;
	fg_put_suggestion(out, word, names, FG_MIN(dev->point_count, (size_t)12), label);
}

/* DEVICE/POINT */
static const struct fg_point *find_far(struct fg_loader *l, const struct fg_point_ref *ref,
	const char *text, const char *slash, struct fg_buf *why)
{
	const char *name = fg_arena_strndup(l->arena, text, (size_t)(slash - text));
	const char **names = fg_arena_array(l->arena, l->config->device_count, sizeof(*names));
	const struct fg_point *found;
	size_t n = 0;

	for (size_t i = 0; i < l->config->device_count; i++) {
		const struct fg_device *dev = &l->devices[i];

		if (dev->station == ref->station)
			names[n++] = dev->name;
		if (strcmp(dev->name, name) != 0)
			continue;
		if (dev->station != ref->station) {
			fg_buf_printf(why, "device '%s' is at station '%s'; points of '%s' are "
					   "wanted",
				name, dev->station ? dev->station->name : "?", ref->station->name);
			return NULL;
		}
		found = point_of(dev, slash + 1);
		if (!found) {
			fg_buf_printf(why, "device '%s' has no point '%.63s'", name, slash + 1);
			put_names(l, dev, slash + 1, "points are", why);
		}
		return found;
	}
	fg_buf_printf(why, "unknown device '%.63s'", name);
	fg_put_suggestion(why, name, names, FG_MIN(n, (size_t)12), "at the station are");
	return NULL;
}

static const struct fg_point *find_near(struct fg_loader *l, const struct fg_point_ref *ref,
	const char *text, struct fg_buf *why)
{
	const struct fg_point *found = ref->device ? point_of(ref->device, text) : NULL, *p;
	const char *names[64];
	size_t n = 0;

	for (size_t i = 0; !found && i < l->config->device_count; i++) {
		const struct fg_device *dev = &l->devices[i];

		if (dev->station != ref->station)
			continue;
		for (size_t k = 0; k < dev->point_count && n < FG_COUNT(names); k++)
			names[n++] = dev->points[k].name;
		p = point_of(dev, text);
		if (!p)
			continue;
		for (i++; i < l->config->device_count; i++) {
			if (l->devices[i].station != ref->station ||
				!point_of(&l->devices[i], text))
				continue;
			fg_buf_printf(why, "'%.63s' is a point of '%s' and of '%s'; write "
					   "DEVICE/POINT",
				text, dev->name, l->devices[i].name);
			return NULL;
		}
		return p;
	}
	if (found)
		return found;
	fg_buf_printf(why, "no point '%.63s' at station '%s'", text, ref->station->name);
	fg_put_suggestion(why, text, names, n, n <= 12 ? "there are" : NULL);
	return NULL;
}

const struct fg_point *fg_find_point(struct fg_loader *l, const struct fg_point_ref *ref,
	const char *text, struct fg_buf *why)
{
	const char *slash = strchr(text, '/');

	return slash ? find_far(l, ref, text, slash, why) : find_near(l, ref, text, why);
}

/* ---- inputs ---- */

/* The published value is put into the formula's unit. */
static bool convert(struct fg_loader *l, const struct fg_derived_point *d,
	struct fg_derivation_input *in, const char *unit, struct fg_place at)
{
	const struct fg_unit *from = fg_unit_find(in->point->unit);
	const struct fg_unit *to = unit ? fg_unit_find(unit) : NULL;

	in->scale = 1;
	if (!unit || strcmp(unit, in->point->unit) == 0)
		return true;
	if (from && to && fg_unit_convert(from, to, &in->scale, &in->offset))
		return true;
	fault(l, d, at, "from: '%s' is published in '%s'%s%s%s, the formula takes '%s' (%s)",
		in->point->name, in->point->unit, from ? " (" : "", from ? from->dimension : "",
		from ? ")" : "", unit, to ? to->dimension : "a number");
	return false;
}

static bool set_point(struct fg_loader *l, const struct fg_derived_point *d,
	struct fg_derivation_input *in, const char *name, const char *unit, struct fg_place at)
{
	const struct fg_device *dev = d->point->device;
	const struct fg_point_ref ref = {dev->station, dev};
	char mem[300];
	struct fg_buf why;

	fg_buf_wrap(&why, mem, sizeof(mem));
	in->point = fg_find_point(l, &ref, name, &why);
	if (!in->point) {
		fault(l, d, at, "from: %s", mem);
		return false;
	}
	if (in->point == d->point) {
		fault(l, d, at, "from: '%s' would be worked out of itself", name);
		return false;
	}
	in->max_age_us = d->raw.max_age_us ? d->raw.max_age_us
					   : AGE_INTERVALS * in->point->interval_us;
	return convert(l, d, in, unit, at);
}

/* A point, or a number. `unit` NULL: as it is published. */
static bool set_input(struct fg_loader *l, const struct fg_derived_point *d,
	struct fg_derivation_input *in, const struct fg_node *node,
	const struct fg_formula_input *form, const char *unit)
{
	if (node->kind != FG_NODE_SCALAR || fg_node_is_null(node)) {
		fault(l, d, node->at, "from: takes the name of a point, DEVICE/POINT or a number");
		return false;
	}
	if (fg_number_parse(node->text, &in->fixed) == FG_OK)
		return true;
	if (form && form->fixed) {
		fault(l, d, node->at, "from.%s: '%.63s' is not a number (in %s)", form->name,
			node->text, form->unit);
		return false;
	}
	return set_point(l, d, in, node->text, unit, node->at);
}

/* ---- formulas ---- */

static const char *choice_name(const struct fg_choice *choices, int value)
{
	for (; choices->name; choices++)
		if (choices->value == value)
			return choices->name;
	return NULL;
}

static const struct fg_formula *find_formula(struct fg_loader *l, const struct fg_derived_point *d)
{
	const char *name = choice_name(fg_formula_choices, d->raw.formula);
	const char *method = choice_name(fg_method_choices, d->raw.method);
	const struct fg_formula *f = fg_formula_find(name, method);
	char mem[200] = "";
	struct fg_buf names;

	if (f)
		return f;
	fg_buf_wrap(&names, mem, sizeof(mem));
	for (size_t i = 0; i < fg_formula_count; i++)
		if (strcmp(fg_formulas[i].name, name) == 0 && fg_formulas[i].method)
			fg_buf_printf(&names, "%s %s", names.len ? "" : "; it has",
				fg_formulas[i].method);
	fault(l, d, fg_place_of(d->point->node, "method"), "method: '%s' is none of %s%s", method,
		name, mem);
	return NULL;
}

static const struct fg_node *input_node(const struct fg_node *from, const char *name, bool first)
{
	if (from && from->kind == FG_NODE_SCALAR)
		return first ? from : NULL;
	return from ? fg_node_get(from, name) : NULL;
}

static double molar_mass(const struct fg_point *p)
{
	static const struct {
		const char *property, *gas;
	} gases[] = {{"no2", "NO2"}, {"nox", "NO2"}, {"o3", "O3"}, {"so2", "SO2"}, {"co", "CO"},
		{"no", "NO"}};

	for (size_t i = 0; i < FG_COUNT(gases); i++)
		if (strcmp(gases[i].property, p->property) == 0)
			return fg_derive_molar_mass(gases[i].gas);
	return NAN;
}

static bool set_default(struct fg_loader *l, const struct fg_derived_point *d,
	struct fg_derivation_input *in, const struct fg_formula_input *form)
{
	const struct fg_station *station = d->point->device->station;

	in->fixed = form->elevation && station->has_position ? station->elevation
		    : form->molar_mass			     ? molar_mass(d->point)
							     : form->dflt;
	if (!isnan(in->fixed))
		return true;
	fault(l, d, fg_place_of(d->point->node, "from"),
		"from: '%s' is missing%s: a %s in %s%s", form->name,
		form->elevation ? ", and the station has no elevation" : "",
		form->fixed ? "number" : "point or a number", form->unit,
		form->molar_mass ? ", as the property names no gas" : "");
	return false;
}

static bool check_input_names(
	struct fg_loader *l, const struct fg_derived_point *d, const struct fg_formula *f)
{
	const struct fg_node *from = d->raw.from;
	const char *names[FG_FORMULA_INPUTS];
	size_t n = 0;
	bool ok = true;

	while (f->inputs[n].name) {
		names[n] = f->inputs[n].name;
		n++;
	}
	for (size_t i = 0; from->kind == FG_NODE_MAPPING && i < from->count; i++) {
		char mem[200];
		struct fg_buf hint;
		size_t k = 0;

		while (k < n && strcmp(names[k], from->pairs[i].key) != 0)
			k++;
		if (k < n)
			continue;
		fg_buf_wrap(&hint, mem, sizeof(mem));
		fg_put_suggestion(&hint, from->pairs[i].key, names, n, "it takes");
		fault(l, d, from->pairs[i].at, "from: %s has no input '%.63s'%s", f->name,
			from->pairs[i].key, mem);
		ok = false;
	}
	return ok;
}

static bool set_formula(struct fg_loader *l, struct fg_derived_point *d)
{
	const struct fg_formula *f = find_formula(l, d);
	struct fg_derivation *out = d->derivation;
	bool ok = f && check_input_names(l, d, f);

	for (size_t i = 0; f && f->inputs[i].name; i++) {
		const struct fg_formula_input *form = &f->inputs[i];
		const struct fg_node *node = input_node(d->raw.from, form->name, i == 0);
		struct fg_derivation_input *in = &out->inputs[i];

		ok = (node ? set_input(l, d, in, node, form, form->unit)
			   : set_default(l, d, in, form)) && ok;
		out->input_count++;
	}
	out->formula = f;
	return ok;
}

/* ---- expressions and tables ---- */

static struct fg_place place_in(const struct fg_node *text, size_t offset)
{
	struct fg_place at = text->at;

	at.column += (int)offset + !text->plain;
	return at;
}

static bool set_expression(struct fg_loader *l, struct fg_derived_point *d)
{
	const struct fg_node *text = fg_node_get(d->point->node, "expression"), *from = d->raw.from;
	struct fg_expression *e = fg_arena_alloc(l->arena, sizeof(*e));
	struct fg_expression_fault bad;
	bool ok = true;

	if (fg_expression_compile(l->arena, d->raw.expression, e, &bad) < 0) {
		fault(l, d, place_in(text, bad.place), "expression: %s", bad.text);
		return false;
	}
	d->derivation->expression = e;
	for (size_t i = 0; i < e->name_count; i++) {
		const struct fg_node *node = from ? fg_node_get(from, e->names[i]) : NULL;
		struct fg_derivation_input *in = &d->derivation->inputs[i];

		d->derivation->input_count++;
		if (!(node ? set_input(l, d, in, node, NULL, NULL)
			   : set_point(l, d, in, e->names[i], NULL, place_in(text, e->places[i]))))
			ok = false;
	}
	for (size_t i = 0; from && i < from->count; i++) {
		size_t k = 0;

		while (k < e->name_count && strcmp(e->names[k], from->pairs[i].key) != 0)
			k++;
		if (k < e->name_count)
			continue;
		fault(l, d, from->pairs[i].at, "from: the expression does not use '%.63s'",
			from->pairs[i].key);
		ok = false;
	}
	return ok;
}

static bool set_rating(struct fg_loader *l, struct fg_derived_point *d)
{
	struct fg_derivation *out = d->derivation;
	const struct fg_node *from = d->raw.from;
	bool flow = strcmp(d->point->property, "flow") == 0;
	const struct fg_unit *unit;

	if (!set_input(l, d, &out->inputs[0], from, NULL, NULL))
		return false;
	out->input_count = 1;
	if (!out->inputs[0].point) {
		fault(l, d, from->at, "from: takes the name of a point");
		return false;
	}
	unit = fg_unit_find(out->inputs[0].point->unit);
	if (flow && (!unit || strcmp(unit->dimension, "length") != 0)) {
		fault(l, d, from->at, "from: flow is looked up by a level; '%s' is published in "
				      "'%s'",
			from->text, out->inputs[0].point->unit);
		return false;
	}
	out->rating = fg_rating_load(l, d, &out->rating_count);
	return out->rating;
}

/* ---- one point ---- */

/* Which keys go together. */
static bool check_form(struct fg_loader *l, const struct fg_derived_point *d)
{
	const struct fg_raw_derive *raw = &d->raw;
	int ways = !!raw->formula + !!raw->expression + !!raw->rating + !!raw->rating_file;
	const struct fg_node *from = raw->from;

	if (ways > 1) {
		fault(l, d, d->point->node->at,
			"derive, expression, rating and rating_file: one of them is enough");
		return false;
	}
	if (raw->method && !raw->formula) {
		fault(l, d, fg_place_of(d->point->node, "method"), "method: goes with derive");
		return false;
	}
	if (!from && raw->expression)
		return true;
	if (!from || (from->kind == FG_NODE_SEQUENCE) ||
		(from->kind == FG_NODE_SCALAR && raw->expression) ||
		(from->kind == FG_NODE_MAPPING && (raw->rating || raw->rating_file))) {
		fault(l, d, fg_place_of(d->point->node, "from"), "%s",
			raw->expression ? "from: takes a mapping of names to points or numbers"
			: raw->formula	? "from: takes a mapping of inputs to points or numbers"
					: "from: takes the name of the point that is looked up");
		return false;
	}
	return true;
}

static struct fg_derived_point *pending(struct fg_loader *l, const struct fg_point *p)
{
	struct fg_derived_point *d = l->derived;

	while (d && d->point != p)
		d = d->next;
	return d;
}

/* The first input that is of the device says when; the root of what is derived itself. */
static bool set_trigger(struct fg_loader *l, struct fg_derived_point *d)
{
	struct fg_derivation *out = d->derivation;

	for (size_t i = 0; i < out->input_count && !out->trigger; i++) {
		const struct fg_point *p = out->inputs[i].point;

		if (p && p->device == d->point->device)
			out->trigger = p->derived ? p->derived->trigger : p;
	}
	if (!out->trigger) {
		fault(l, d, fg_place_of(d->point->node, "from"),
			"from: no input is a point of device '%s'; declare it under a device that "
			"one of them is of",
			d->point->device->name);
		return false;
	}
	d->point->interval_us = out->trigger->interval_us;
	return true;
}

struct order {
	const struct fg_point **points;
	size_t count;
	const struct fg_derived_point *chain[64]; /* under way */
	size_t depth;
};

static void tell_cycle(
	struct fg_loader *l, const struct fg_derived_point *d, const struct order *o)
{
	char mem[300];
	struct fg_buf way;
	size_t i = o->depth;

	while (i > 0 && o->chain[i - 1] != d)
		i--;
	fg_buf_wrap(&way, mem, sizeof(mem));
	for (i = i ? i - 1 : 0; i < o->depth; i++)
		fg_buf_printf(&way, "%s <- ", o->chain[i]->point->name);
	fault(l, d, d->point->node->at, "from: is worked out of itself: %s%s", mem, d->point->name);
}

/* Inputs first, so that each point stands behind what it is worked out of. */
static bool settle(struct fg_loader *l, struct fg_derived_point *d, struct order *o)
{
	struct fg_derivation *out = d->derivation;
	bool ok;

	if (d->state != FG_DERIVED_NEW)
		return d->state == FG_DERIVED_DONE;
	d->state = FG_DERIVED_BAD;
	if (!d->point->device->station || !d->point->unit || !check_form(l, d))
		return false;
	ok = d->raw.formula	 ? set_formula(l, d)
	     : d->raw.expression ? set_expression(l, d)
				 : set_rating(l, d);
	if (!ok)
		return false;
	if (o->depth == FG_COUNT(o->chain)) {
		fault(l, d, d->point->node->at, "from: more than %zu points are worked out of each "
						"other",
			FG_COUNT(o->chain));
		return false;
	}
	o->chain[o->depth++] = d;
	d->state = FG_DERIVED_BEGUN;
	for (size_t i = 0; i < out->input_count && ok; i++) {
		struct fg_derived_point *in =
			out->inputs[i].point ? pending(l, out->inputs[i].point) : NULL;

		if (in && in->state == FG_DERIVED_BEGUN)
			tell_cycle(l, in, o);
		ok = !in || settle(l, in, o);
		if (in && ok && !d->raw.max_age_us)
			out->inputs[i].max_age_us = AGE_INTERVALS * in->point->interval_us;
	}
	o->depth--;
	ok = ok && set_trigger(l, d);
	d->state = ok ? FG_DERIVED_DONE : FG_DERIVED_BAD;
	if (ok)
		o->points[o->count++] = d->point;
	return ok;
}

/* Each device gets its own, in the order of all. */
static void share_out(struct fg_loader *l, const struct order *o)
{
	for (size_t i = 0; i < l->config->device_count; i++) {
		struct fg_device *dev = &l->devices[i];
		const struct fg_point **mine;
		size_t n = 0;

		for (size_t k = 0; k < o->count; k++)
			n += o->points[k]->device == dev;
		mine = fg_arena_array(l->arena, n, sizeof(*mine));
		for (size_t k = 0; k < o->count; k++)
			if (o->points[k]->device == dev)
				mine[dev->derived_count++] = o->points[k];
		dev->derived = mine;
	}
}

void fg_build_derived(struct fg_loader *l)
{
	struct order o = {0};
	size_t n = 0;

	for (struct fg_derived_point *d = l->derived; d; d = d->next)
		n++;
	if (n == 0)
		return;
	o.points = fg_arena_array(l->arena, n, sizeof(*o.points));
	for (struct fg_derived_point *d = l->derived; d; d = d->next)
		settle(l, d, &o);
	share_out(l, &o);
}
