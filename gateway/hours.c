/* SPDX-License-Identifier: EUPL-1.2 */
/* Hourly and longer values out of the store: see hours.h. */
#include "gateway/hours.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "gateway/config/air_class.h"
#include "gateway/series.h"
#include "quality/classes.h"

/* ---- which series there are ---- */

static const struct {
	enum fg_also also;
	enum fg_told_period period;
	bool max;
} longer[] = {
	{FG_ALSO_RUNNING_8H, FG_TOLD_RUNNING_8H, false},
	{FG_ALSO_RUNNING_24H, FG_TOLD_RUNNING_24H, false},
	{FG_ALSO_DAY, FG_TOLD_DAY, false},
	{FG_ALSO_DAY_MAX_8H, FG_TOLD_DAY, true},
};

size_t fg_hours_count_of(const struct fg_point *p)
{
	size_t n = p->hourly.on;

	for (size_t i = 0; p->hourly.on && i < FG_COUNT(longer); i++)
		n += p->hourly.also >> longer[i].also & 1;
	return n;
}

size_t fg_series_count(const struct fg_config *config)
{
	size_t n = config->point_count;

	for (size_t i = 0; i < config->point_count; i++)
		n += fg_hours_count_of(config->points[i]) + config->points[i]->hourly.leads;
	return n;
}

/* What is measured each hour in mm is summed up in mm. */
static bool is_rate(const struct fg_point *p)
{
	return strcmp(p->unit, "mm/h") == 0;
}

static void set_class(struct fg_hours_series *t, const struct fg_point *p, unsigned hours)
{
	const struct fg_air_index *index;
	const struct fg_air_limits *limits = fg_air_of_point(p, &index);

	if (!limits || limits->mean_hours != hours)
		return;
	t->ask.limits = limits;
	t->ask.index = index;
}

/* How long a reading may stand for those that were not told: until it is told again, and the poll
 * that does it may be a little late. */
static int64_t hold_ms(const struct fg_point *p)
{
	return p->by_change ? (p->at_least_every_us + p->interval_us) / 1000 : 0;
}

void fg_hours_set_step(struct fg_period_ask *ask, int64_t step_ms)
{
	ask->step_ms = step_ms;
	if (ask->factor != 0)
		ask->factor = (double)step_ms / (double)FG_HOUR_MS;
}

static struct fg_hours_series told(
	const struct fg_point *p, enum fg_told_period period, enum fg_stat stat)
{
	struct fg_hours_series t = {.point = p, .desc = fg_series_desc(p)};

	t.source = t.desc;
	t.desc.period = period;
	t.desc.stat = stat;
	memset(t.desc.rules, 0, sizeof(t.desc.rules));
	if (p->hourly.stat == FG_STAT_SUM && is_rate(p))
		t.desc.unit = "mm";
	if (period != FG_TOLD_HOUR) {
		t.source = t.desc;
		t.source.period = FG_TOLD_HOUR;
		t.source.stat = p->hourly.stat;
	} else if (p->hourly.speed) {
		t.speed = fg_series_desc(p->hourly.speed);
	}
	t.ask = (struct fg_period_ask){.period = period, .stat = stat,
		.step_ms = FG_MAX(p->interval_us / 1000, 1), .hold_ms = hold_ms(p),
		.speed_hold_ms = p->hourly.speed ? hold_ms(p->hourly.speed) : 0};
	t.ask.factor = stat == FG_STAT_SUM && is_rate(p); /* of a step */
	fg_hours_set_step(&t.ask, t.ask.step_ms);
	set_class(&t, p, period == FG_TOLD_HOUR ? 1 : period == FG_TOLD_RUNNING_24H ? 24 : 0);
	return t;
}

struct fg_hours_series fg_hours_series_of(const struct fg_point *p, size_t n)
{
	size_t at = 0;

	if (n == 0)
		return told(p, FG_TOLD_HOUR, p->hourly.stat);
	for (size_t i = 0; i < FG_COUNT(longer); i++)
		if ((p->hourly.also >> longer[i].also & 1) && ++at == n)
			return told(p, longer[i].period,
				longer[i].max ? FG_STAT_MAX_8H_MEAN : p->hourly.stat);
	return (struct fg_hours_series){0};
}

static bool is_of_station(const struct fg_point *p, const struct fg_point *leader)
{
	return p->device->station == leader->device->station &&
	       p->hourly.scheme == leader->hourly.scheme && fg_air_is_told(p);
}

/* How many pollutants a station has; two sensors of one are one. */
static unsigned pollutants_of(const struct fg_config *config, const struct fg_point *leader)
{
	unsigned n = 0;

	for (size_t i = leader->index; i < config->point_count; i++) {
		size_t k = leader->index;

		if (!is_of_station(config->points[i], leader))
			continue;
		while (k < i && (!is_of_station(config->points[k], leader) ||
					strcmp(config->points[k]->property,
						config->points[i]->property) != 0))
			k++;
		n += k == i;
	}
	return n;
}

/* A station's class is a series by itself, of no device. */
struct fg_hours_series fg_hours_station_class(
	const struct fg_config *config, const struct fg_point *leader)
{
	struct fg_hours_series t = {.point = leader, .pollutants = pollutants_of(config, leader)};

	fg_air_of_point(leader, &t.ask.index);
	t.ask.period = FG_TOLD_HOUR;
	t.ask.stat = FG_STAT_WORST_CLASS;
	t.desc = (struct fg_point_desc){.station = leader->device->station->name,
		.device = "",
		.point = t.ask.index->series,
		.property = "x_air_quality_class",
		.unit = "1",
		.domain = fg_domain_name(FG_DOMAIN_AIR),
		.decimals = -1,
		.period = FG_TOLD_HOUR,
		.stat = FG_STAT_WORST_CLASS};
	t.source = t.desc;
	return t;
}

bool fg_hours_is_in_class(
	const struct fg_point *point, const struct fg_hours_series *station_class)
{
	return is_of_station(point, station_class->point);
}

struct fg_hours_series fg_hours_series_at(const struct fg_config *config, size_t i)
{
	size_t at = config->point_count;

	for (size_t k = 0; k < config->point_count; k++) {
		size_t n = fg_hours_count_of(config->points[k]);

		if (i - at < n)
			return fg_hours_series_of(config->points[k], i - at);
		at += n;
	}
	for (size_t k = 0; k < config->point_count; k++)
		if (config->points[k]->hourly.leads && at++ == i)
			return fg_hours_station_class(config, config->points[k]);
	return (struct fg_hours_series){0};
}

struct fg_point_desc fg_series_desc_at(const struct fg_config *config, size_t i)
{
	return i < config->point_count ? fg_series_desc(config->points[i]) :
					 fg_hours_series_at(config, i).desc;
}

/* ---- reading ---- */

/* One and the same quantity at one and the same place, whatever else has changed of it. */
static bool same_series(const struct fg_point_desc *a, const struct fg_point_desc *b)
{
	return a->period == b->period && a->stat == b->stat && strcmp(a->point, b->point) == 0 &&
	       strcmp(a->station, b->station) == 0 && a->domain && b->domain &&
	       strcmp(a->domain, b->domain) == 0 && a->unit && b->unit &&
	       strcmp(a->unit, b->unit) == 0;
}

/* ---- scan ---- */

struct scan {
	struct fg_hours_work *work;
	/* numbers that corrections replace: their old times have changed hours too */
	uint64_t replaced_from, replaced_to;
	bool again; /* reading those */
	bool full;
};

static void add_hit(struct scan *s, unsigned source, const struct fg_item *item, bool moved)
{
	struct fg_hours_work *w = s->work;
	const int64_t to_ms = fg_hour_end(item->wall_ms);
	const uint64_t place = item->replaces ? item->replaces : item->seq;

	for (size_t i = 0; i < w->hit_count; i++) {
		struct fg_hours_hit *h = &w->hits[i];

		if (h->source == source && h->to_ms == to_ms) {
			h->seq = FG_MIN(h->seq, item->seq);
			h->place = FG_MIN(h->place, place);
			h->moved |= moved;
			return;
		}
	}
	if (w->hit_count == FG_HOURS_HITS) {
		s->full = true;
		return;
	}
	w->hits[w->hit_count++] =
		(struct fg_hours_hit){source, to_ms, item->seq, place, moved};
}

static int on_scanned(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct scan *s = arg;
	struct fg_hours_work *w = s->work;
	unsigned i = (unsigned)w->source_from;

	if (item->kind != FG_ITEM_READING)
		return 0;
	while (i < w->source_count && !same_series(w->sources[i], desc))
		i++;
	if (i == w->source_count)
		return 0;
	if (uncertain || item->uncertainty_s) {
		if (!s->again && uncertain && (!w->untimed || item->seq < w->untimed))
			w->untimed = item->seq;
		return 0;
	}
	if (item->replaces && !s->again) {
		s->replaced_from = s->replaced_to ? FG_MIN(s->replaced_from, item->replaces) :
						    item->replaces;
		s->replaced_to = FG_MAX(s->replaced_to, item->replaces + 1);
	}
	add_hit(s, i, item, s->again || item->replaces);
	return s->full;
}

/* False where there is no room for all hours. */
static bool scan_to(struct fg_reader *reader, struct fg_hours_work *w, uint64_t to)
{
	struct scan s = {.work = w};
	long n;

	w->scanned_to = to;
	w->hit_count = 0;
	w->untimed = 0;
	n = fg_reader_range(reader, w->from, to, on_scanned, &s);
	s.again = true;
	if (n >= 0 && s.replaced_to && !s.full)
		n = fg_reader_range(reader, s.replaced_from, s.replaced_to, on_scanned, &s);
	w->status = n < 0 ? (int)n : FG_OK;
	return !s.full || n < 0;
}

static void scan(struct fg_reader *reader, struct fg_hours_work *w)
{
	uint64_t to = w->to;

	while (!scan_to(reader, w, to) && to > w->from + 1)
		to = w->from + (to - w->from) / 2;
}

/* ---- periods ---- */

struct gather {
	struct fg_hours_work *work;
	struct fg_samples samples[FG_HOURS_TARGETS], speeds[FG_HOURS_TARGETS];
	struct fg_classes classes[FG_HOURS_TARGETS]; /* of stations */
	bool no_memory;
};

static bool want_sample(struct fg_samples *s)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	void *items;

	if (s->count < s->cap)
		return true;
	items = realloc(s->items, cap * sizeof(*s->items));
	if (!items)
		return false;
	s->items = items;
	s->cap = cap;
	return true;
}

static void add_sample(struct gather *g, struct fg_samples *to, const struct fg_item *item)
{
	const struct fg_sample sample = {.place = item->replaces ? item->replaces : item->seq,
		.seq = item->seq, .at_ms = item->wall_ms, .qc = item->qc,
		.value = fg_value_number(&item->value), .maintenance = item->maintenance};

	if (want_sample(to))
		to->items[to->count++] = sample;
	else
		g->no_memory = true;
}

/* Readings that nobody has, where those before might stand for others. */
static void add_gap(struct gather *g, const struct fg_item *item, const struct fg_point_desc *desc)
{
	struct fg_hours_work *w = g->work;
	struct fg_item begin = {.seq = item->seq, .wall_ms = item->gap->from_ms,
		.qc = FG_QC_MISSING};

	if (item->gap->destination || item->gap->retold)
		return;
	for (size_t i = 0; i < w->count; i++)
		if (w->targets[i].ask.hold_ms && same_series(&w->targets[i].source, desc))
			add_sample(g, &g->samples[i], &begin);
}

/* What was told of the period itself. Later ones have greater numbers. */
static void note_told(struct fg_hours_answer *a, const struct fg_item *item)
{
	if (a->told && item->seq < a->seq)
		return;
	a->seq = item->seq;
	a->place = item->replaces ? item->replaces : item->seq;
	a->told = true;
	a->before = (struct fg_period_answer){.qc = item->qc, .a = *item->aggregate,
		.value = fg_value_number(&item->value)};
}

/* Whether it tells of a pollutant of the station what the index has classes for. */
static bool is_classed(const struct fg_hours_series *t, const struct fg_point_desc *desc)
{
	const struct fg_air_limits *limits;

	if (desc->stat != FG_STAT_MEAN || strcmp(desc->station, t->desc.station) != 0 ||
		!desc->domain || strcmp(desc->domain, t->desc.domain) != 0)
		return false;
	limits = fg_air_limits_find(t->ask.index, desc->property);
	return limits && desc->period == (limits->mean_hours == 24 ? FG_TOLD_RUNNING_24H
								   : FG_TOLD_HOUR);
}

static bool want_classed(struct fg_classes *c)
{
	size_t cap = c->cap ? c->cap * 2 : 8;
	void *items;

	if (c->count < c->cap)
		return true;
	items = realloc(c->items, cap * sizeof(*c->items));
	if (!items)
		return false;
	c->items = items;
	c->cap = cap;
	return true;
}

static void add_classed(struct gather *g, size_t target, const struct fg_item *item,
	const struct fg_point_desc *desc)
{
	const struct fg_hours_work *w = g->work;
	const struct fg_hours_series *t = &w->targets[target];

	if (item->kind != FG_ITEM_AGGREGATE || item->wall_ms != w->to_ms || !is_classed(t, desc))
		return;
	if (!want_classed(&g->classes[target]))
		g->no_memory = true;
	else
		fg_classes_add(&g->classes[target], t->ask.index, item, desc->property);
}

static int on_gathered(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct gather *g = arg;
	struct fg_hours_work *w = g->work;

	if (item->kind == FG_ITEM_GAP)
		add_gap(g, item, desc);
	if (!fg_item_is_state(item) || uncertain || item->uncertainty_s)
		return g->no_memory;
	for (size_t i = 0; i < w->count; i++) {
		const struct fg_hours_series *t = &w->targets[i];

		if (item->kind == FG_ITEM_AGGREGATE && item->wall_ms == w->to_ms &&
			same_series(&t->desc, desc))
			note_told(&w->answers[i], item);
		if (t->pollutants)
			add_classed(g, i, item, desc);
		else if (same_series(&t->source, desc))
			add_sample(g, &g->samples[i], item);
		else if (t->speed.point && same_series(&t->speed, desc))
			add_sample(g, &g->speeds[i], item);
	}
	return g->no_memory;
}

/* An hour that was told is told again by the interval of its readings, which may be another one
 * by now. */
static void set_times(const struct fg_hours_work *w, const struct fg_hours_answer *a,
	struct fg_period_ask *ask)
{
	uint32_t expected = a->told ? a->before.a.expected : 0;

	ask->from_ms = w->from_ms;
	ask->to_ms = w->to_ms;
	if (ask->period == FG_TOLD_HOUR && expected && expected != fg_period_expected(ask))
		fg_hours_set_step(ask, FG_MAX((w->to_ms - w->from_ms) / expected, 1));
}

static void periods(struct fg_reader *reader, struct fg_hours_work *w)
{
	struct gather g = {.work = w};
	int64_t since_ms = w->from_ms;
	long n;

	memset(w->answers, 0, sizeof(w->answers));
	for (size_t i = 0; i < w->count; i++)
		since_ms = FG_MIN(since_ms, fg_period_since(&w->targets[i].ask, w->from_ms));
	n = fg_reader_times(reader, since_ms, w->to_ms + 1, on_gathered, &g);
	w->status = n < 0 ? (int)n : g.no_memory ? FG_ENOMEM : FG_OK;
	for (size_t i = 0; i < w->count; i++) {
		struct fg_period_ask ask = w->targets[i].ask;

		set_times(w, &w->answers[i], &ask);
		fg_samples_settle(&g.samples[i]);
		fg_samples_settle(&g.speeds[i]);
		if (w->status == FG_OK && w->targets[i].pollutants)
			fg_classes_worst(&g.classes[i], &ask, w->targets[i].pollutants,
				&w->answers[i].now);
		else if (w->status == FG_OK)
			fg_period_of(&ask, &g.samples[i], &g.speeds[i], &w->answers[i].now);
		w->answers[i].empty = w->targets[i].pollutants && !g.classes[i].count;
		free(g.classes[i].items);
		free(g.samples[i].items);
		free(g.speeds[i].items);
	}
}

void fg_hours_read(struct fg_reader *reader, struct fg_hours_work *work)
{
	if (work->scan)
		scan(reader, work);
	else
		periods(reader, work);
}
