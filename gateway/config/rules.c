/* SPDX-License-Identifier: EUPL-1.2 */
/* Rules of stations: their points are found, and each point learns what judges it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "gateway/config/loader.h"
#include "model/unit.h"

#define MAX_RULES     64 /* of a station */
#define AGE_INTERVALS 3

struct draft {
	struct fg_loader *l;
	const struct fg_station *station;
	const struct fg_node *node;
	struct fg_raw_rule raw;
	struct fg_rule *rule;
};

static struct fg_place place_of(const struct draft *d, const char *key)
{
	return fg_place_of(d->node, key);
}

FG_PRINTF(3, 4)
static bool fault(const struct draft *d, const char *key, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_report_error(d->l->rep, place_of(d, key), "%s.%s: %s", d->l->bind.path, key, text);
	return false;
}

static bool given(const struct draft *d, const char *key)
{
	const struct fg_node *node = fg_node_get(d->node, key);

	return node && !fg_node_is_null(node);
}

/* Keys of other tests are no keys of this one. */
static bool check_keys(const struct draft *d)
{
	static const struct {
		const char *key;
		unsigned kinds;
	} uses[] = {
		{"tolerance", 1u << FG_RULE_DISAGREE | 1u << FG_RULE_ORDER},
		{"percent", 1u << FG_RULE_DISAGREE},
		{"low", 1u << FG_RULE_BOUNDS},
		{"high", 1u << FG_RULE_BOUNDS},
		{"window", 1u << FG_RULE_OUT_OF_WATER},
		{"correlation", 1u << FG_RULE_OUT_OF_WATER},
		{"ratio", 1u << FG_RULE_OUT_OF_WATER},
		{"spread", 1u << FG_RULE_OUT_OF_WATER},
		{"max_age", ~(1u << FG_RULE_BOUNDS)},
	};
	bool ok = true;

	for (size_t i = 0; i < FG_COUNT(uses); i++)
		if (given(d, uses[i].key) && !(uses[i].kinds >> d->rule->kind & 1))
			ok = fault(d, uses[i].key, "this test does not use it");
	if (d->rule->kind == FG_RULE_DISAGREE && !given(d, "tolerance") && !given(d, "percent"))
		ok = fault(d, "test", "disagree needs a tolerance or percent");
	if (d->rule->kind == FG_RULE_BOUNDS && !given(d, "low") && !given(d, "high"))
		ok = fault(d, "test", "bounds needs low or high");
	if (given(d, "low") && given(d, "high") && d->raw.low >= d->raw.high)
		ok = fault(d, "high", "%g is not above low, %g", d->raw.high, d->raw.low);
	return ok;
}

static bool find_points(const struct draft *d)
{
	const struct fg_point_ref ref = {.station = d->station};
	const struct fg_node *node = fg_node_get(d->node, "points");
	size_t want = d->rule->kind == FG_RULE_BOUNDS ? 1 : 2;
	bool ok = true;

	if (d->raw.points.count != want)
		return fault(d, "points", "%zu; this test takes %s", d->raw.points.count,
			want == 1 ? "one point" : "two points");
	for (size_t i = 0; i < want; i++) {
		struct fg_place at = node->kind == FG_NODE_SEQUENCE ? node->items[i]->at : node->at;
		char mem[300];
		struct fg_buf why;

		fg_buf_wrap(&why, mem, sizeof(mem));
		d->rule->points[i] = fg_find_point(d->l, &ref, d->raw.points.items[i], &why);
		if (d->rule->points[i])
			continue;
		fg_report_error(d->l->rep, at, "%s.points: %s", d->l->bind.path, mem);
		ok = false;
	}
	d->rule->point_count = want;
	if (ok && want == 2 && d->rule->points[0] == d->rule->points[1])
		ok = fault(d, "points", "both are the same point");
	return ok;
}

/* The second point is put into the first one's unit. */
static bool check_units(const struct draft *d)
{
	const struct fg_point *a = d->rule->points[0], *b = d->rule->points[1];
	const struct fg_unit *to = fg_unit_find(a->unit), *from = b ? fg_unit_find(b->unit) : NULL;

	d->rule->scale = 1;
	if (d->rule->kind == FG_RULE_OUT_OF_WATER &&
		(!to || strcmp(to->dimension, "temperature") != 0))
		return fault(d, "points", "'%s' is published in '%s' and no temperature", a->name,
			a->unit);
	if (!b || strcmp(a->unit, b->unit) == 0)
		return true;
	if (from && to && fg_unit_convert(from, to, &d->rule->scale, &d->rule->offset))
		return true;
	return fault(d, "points", "'%s' is published in '%s' and '%s' in '%s'; they cannot be "
				  "compared",
		a->name, a->unit, b->name, b->unit);
}

/* As many slots as readings fall into, up to a bound. */
static bool set_window(const struct draft *d)
{
	int64_t each_us = FG_MAX(d->rule->points[0]->interval_us, d->rule->points[1]->interval_us);
	int64_t slots = FG_MIN(d->raw.window_us / each_us, FG_WINDOW_SLOTS);

	if (slots < FG_WINDOW_SLOTS_MIN)
		return fault(d, "window", "holds %d readings at these intervals; at least %d are "
					  "needed",
			(int)slots, FG_WINDOW_SLOTS_MIN);
	d->rule->water = (struct fg_water_limits){.slots = (unsigned)slots,
		.slot_us = d->raw.window_us / slots,
		.correlation = d->raw.correlation,
		.ratio = d->raw.ratio,
		.spread = d->raw.spread};
	return true;
}

/* A name in qc_tests says one thing. */
static bool check_name(const struct draft *d, const struct fg_pair *pair)
{
	for (int t = 0; t < FG_TEST_COUNT; t++)
		if (strcmp(fg_test_name((enum fg_test)t), pair->key) == 0)
			fg_report_error(d->l->rep, pair->at,
				"%s: a quality test has this name; choose another",
				d->l->bind.path);
	if (strcmp(pair->key, FG_INPUTS_RULE) == 0)
		fg_report_error(d->l->rep, pair->at,
			"%s: the inputs of derived points have this name; choose another",
			d->l->bind.path);
	return !fg_bind_check_name(&d->l->bind, pair);
}

static uint64_t name_hash(const char *name)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return h;
}

static bool attach_to(const struct draft *d, struct fg_point *p)
{
	struct fg_device *dev = (struct fg_device *)(uintptr_t)p->device;
	const struct fg_rule **rules;
	size_t most = FG_RULES - (p->derived ? 1 : 0);

	if (p->rule_count >= most)
		return fault(d, "points", "'%s' has %zu rules already, as many as it may have%s",
			p->name, p->rule_count,
			p->derived ? " (it is derived, and its inputs count as one)" : "");
	if (!p->rules)
		p->rules = fg_arena_array(d->l->arena, FG_RULES, sizeof(*rules));
	rules = (const struct fg_rule **)(uintptr_t)p->rules;
	rules[p->rule_count++] = d->rule;
	/* its readings have another descriptor: a device with other rules is another one */
	dev->fingerprint ^= name_hash(d->rule->name) + (uint64_t)(p - dev->points);
	dev->fingerprint *= UINT64_C(1099511628211);
	return true;
}

static bool settle(struct draft *d, const struct fg_pair *pair)
{
	struct fg_rule *r = d->rule;

	r->kind = (enum fg_rule_kind)(d->raw.test - 1);
	r->tolerance = d->raw.tolerance;
	r->percent = d->raw.percent;
	r->low = given(d, "low") ? d->raw.low : NAN;
	r->high = given(d, "high") ? d->raw.high : NAN;
	if (!check_name(d, pair) || !check_keys(d) || !find_points(d) || !check_units(d) ||
		(r->kind == FG_RULE_OUT_OF_WATER && !set_window(d)))
		return false;
	for (size_t i = 0; i < r->point_count; i++) {
		r->max_age_us[i] = d->raw.max_age_us
					   ? d->raw.max_age_us
					   : AGE_INTERVALS * r->points[i]->interval_us;
		if (fg_rule_judges(r, i) &&
			!attach_to(d, (struct fg_point *)(uintptr_t)r->points[i]))
			return false;
	}
	return true;
}

static void build_rule(struct fg_loader *l, const struct fg_station *s, const struct fg_pair *pair)
{
	struct draft d = {.l = l, .station = s, .node = pair->value};
	struct fg_config *c = l->config;

	d.rule = fg_arena_alloc(l->arena, sizeof(*d.rule));
	d.rule->name = fg_arena_strdup(l->arena, pair->key);
	d.rule->station = s->name;
	if (fg_bind_struct(
		    &l->bind, d.node, fg_keys_rule, NULL, &d.raw, NULL, pair->value->at) > 0 ||
		!settle(&d, pair))
		return;
	c->rule_count++;
	if (d.rule->kind != FG_RULE_OUT_OF_WATER)
		return;
	d.rule->window = c->window_count;
	((const struct fg_rule **)(uintptr_t)c->windows)[c->window_count++] = d.rule;
}

static const struct fg_node *rules_of(const struct fg_station *s)
{
	const struct fg_node *rules = s->node ? fg_node_get(s->node, "rules") : NULL;

	return rules && rules->kind == FG_NODE_MAPPING ? rules : NULL;
}

static void build_station(struct fg_loader *l, const struct fg_station *s)
{
	const struct fg_node *rules = rules_of(s);
	size_t mark, inner;

	if (!rules)
		return;
	mark = fg_bind_enter(&l->bind, s->name);
	inner = fg_bind_enter(&l->bind, "rules");
	for (size_t i = 0; fg_within(l, rules, "rules", MAX_RULES) && i < rules->count; i++) {
		const struct fg_pair *pair = &rules->pairs[i];
		size_t own;

		if (fg_node_is_null(pair->value) && !fg_node_is_empty(pair->value))
			continue;
		own = fg_bind_enter(&l->bind, pair->key);
		build_rule(l, s, pair);
		fg_bind_leave(&l->bind, own);
	}
	fg_bind_leave(&l->bind, inner);
	fg_bind_leave(&l->bind, mark);
}

void fg_build_rules(struct fg_loader *l)
{
	struct fg_config *c = l->config;
	size_t n = 0, mark;

	for (size_t i = 0; i < c->station_count; i++)
		n += rules_of(&c->stations[i]) ? rules_of(&c->stations[i])->count : 0;
	c->windows = fg_arena_array(l->arena, n, sizeof(*c->windows));
	mark = fg_bind_enter(&l->bind, "stations");
	for (size_t i = 0; i < c->station_count; i++)
		build_station(l, &c->stations[i]);
	fg_bind_leave(&l->bind, mark);
}
