/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: which hours and longer periods a configuration tells, and of what they are made. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/zone.h"
#include "gateway/core_hours.h"
#include "gateway/core_state.h"

static void free_targets(struct fg_hours *h)
{
	free(h->targets);
	free(h->sources);
	free(h->source_target);
	free(h->by_id);
	free(h->by_series);
	fg_config_unref(h->config);
	h->targets = NULL;
	h->sources = NULL;
	h->source_target = NULL;
	h->by_id = h->by_series = NULL;
	h->config = NULL;
	h->count = h->source_count = h->id_count = 0;
}

/* Whoever scans the store reads them from another thread until the work is back. */
static void leave_to_scan(struct fg_hours *of)
{
	struct fg_hours_work *w = of->work;

	if (!of->busy || !w->scan || w->sources != of->sources)
		return;
	w->left[0] = of->targets;
	w->left[1] = of->sources;
	of->targets = NULL;
	of->sources = NULL;
}

void fg_hours_free(struct fg_core *core)
{
	struct fg_hours *h = core->hours;

	if (!h)
		return;
	leave_to_scan(h);
	free_targets(h);
	free(h->marks);
	free(h->past);
	free(h->past_saved);
	fg_ranges_fini(&h->todo);
	fg_ranges_fini(&h->untimed);
	if (h->work && h->busy)
		h->work->orphan = true; /* whoever holds it frees it */
	else
		fg_hours_work_free(h->work);
	free(h);
	core->hours = NULL;
}

void fg_hours_work_free(struct fg_hours_work *work)
{
	if (work)
		fg_hours_work_back(work);
	free(work);
}

void fg_hours_work_back(struct fg_hours_work *work)
{
	fg_config_unref(work->config);
	work->config = NULL;
	for (size_t i = 0; i < FG_COUNT(work->left); i++) {
		free(work->left[i]);
		work->left[i] = NULL;
	}
}

size_t fg_hours_target_of(const struct fg_hours *h, uint32_t id)
{
	return id < h->id_count && h->by_series[id] ? h->by_series[id] - 1 : h->count;
}

static int set_sources(struct fg_core *core, struct fg_hours *h)
{
	size_t ids = 0;

	for (size_t i = 0; i < core->series->count; i++)
		ids = FG_MAX(ids, (size_t)core->series->items[i]->id + 1);
	h->by_id = calloc(ids + 1, sizeof(*h->by_id));
	h->by_series = calloc(ids + 1, sizeof(*h->by_series));
	h->sources = calloc(h->count + 1, sizeof(*h->sources));
	h->source_target = calloc(h->count + 1, sizeof(*h->source_target));
	if (!h->by_id || !h->by_series || !h->sources || !h->source_target)
		return FG_ENOMEM;
	h->id_count = ids;
	for (size_t i = 0; i < h->count; i++) {
		const struct fg_series *s;

		h->by_series[h->targets[i].series->id] = i + 1;
		if (h->targets[i].hour != i)
			continue;
		s = fg_series_find(core->series, &h->targets[i].told.source);
		if (s && s->id < ids)
			h->by_id[s->id] = i + 1;
		h->source_target[h->source_count] = i;
		h->sources[h->source_count++] = &h->targets[i].told.source;
	}
	return FG_OK;
}

/* Which targets a station's class is made of. */
static void set_station(struct fg_hours *h, size_t station)
{
	const struct fg_hours_series *of = &h->targets[station].told;

	for (size_t i = 0; i < h->count; i++) {
		struct target *t = &h->targets[i];

		if (!t->told.pollutants && t->told.ask.index == of->ask.index &&
			t->told.point->device->station == of->point->device->station)
			t->station = station + 1;
	}
}

static int set_targets(struct fg_core *core, struct fg_hours *h, struct fg_config *config)
{
	const size_t first = config->point_count, all = fg_series_count(config);

	h->config = fg_config_ref(config);
	h->targets = calloc(all - first + 1, sizeof(*h->targets));
	if (!h->targets)
		return FG_ENOMEM;
	for (size_t i = first; i < all; i++) {
		struct target *t = &h->targets[h->count];

		t->told = fg_hours_series_at(config, i);
		t->series = fg_series_find(core->series, &t->told.desc);
		if (!t->series)
			return FG_EINVAL; /* the caller forgot to intern it */
		t->hour = t->told.pollutants			 ? NO_HOUR :
			  t->told.ask.period == FG_TOLD_HOUR ? h->count :
								   h->targets[h->count - 1].hour;
		h->count++;
	}
	for (size_t i = 0; i < h->count; i++)
		if (h->targets[i].told.pollutants)
			set_station(h, i);
	return set_sources(core, h);
}

/* What was marked of a series that is still told stays marked. */
static void carry_marks(struct fg_hours *h, const struct target *before)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->mark_count; i++) {
		struct mark m = h->marks[i];
		const size_t k = fg_hours_target_of(h, before[m.target].series->id);

		if (k == h->count)
			continue;
		m.target = k;
		m.busy = false;
		h->marks[kept] = m;
		fg_hours_link_mark(h, kept++);
	}
	h->mark_count = kept;
}

int fg_hours_begin(struct fg_core *core, struct fg_config *config)
{
	struct fg_hours *h = core->hours, was;
	int r;

	if (!h) {
		h = core->hours = calloc(1, sizeof(*h));
		if (!h)
			return FG_ENOMEM;
		fg_ranges_init(&h->todo);
		fg_ranges_init(&h->untimed);
		h->live_next = core->committed_next; /* nothing is saved: the first look does */
	}
	fg_hours_settle_past(core);
	was = *h;
	h->targets = NULL;
	h->sources = NULL;
	h->source_target = NULL;
	h->by_id = h->by_series = NULL;
	h->config = NULL;
	h->count = h->source_count = h->id_count = 0;
	r = set_targets(core, h, config);
	h->resumed &= was.count > 0; /* nothing was told before: of the hours since, nothing is */
	fg_hours_carry_past(core, &was);
	carry_marks(h, was.targets);
	leave_to_scan(&was);
	free_targets(&was);
	fg_zone_set(config->gateway.timezone); /* days of budgets are those of it too */
	if (r == FG_OK && h->count && !h->work) {
		h->work = calloc(1, sizeof(*h->work));
		r = h->work ? FG_OK : FG_ENOMEM;
	}
	return r;
}
