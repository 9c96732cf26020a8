/* SPDX-License-Identifier: EUPL-1.2 */
/* The worst air-quality class of a station's pollutants. */
#include "quality/classes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

static struct fg_classed *find(struct fg_classes *c, uint32_t series)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->items[i].series == series)
			return &c->items[i];
	return NULL;
}

int fg_classes_add(struct fg_classes *c, const struct fg_air_index *index,
	const struct fg_item *item, const char *pollutant)
{
	const struct fg_aggregate *a = item->aggregate;
	struct fg_classed *of = find(c, item->point);
	bool same = strcmp(a->scheme, index->scheme) == 0 &&
		    strcmp(a->version, index->version) == 0 && a->index <= index->classes;

	if (of && of->seq > item->seq)
		return FG_OK;
	if (!of && c->count == c->cap)
		return FG_EFULL;
	if (!of)
		of = &c->items[c->count++];
	*of = (struct fg_classed){.series = item->point, .seq = item->seq, .qc = item->qc,
		.index = same && item->qc != FG_QC_MISSING ? a->index : 0};
	snprintf(of->pollutant, sizeof(of->pollutant), "%s", pollutant);
	return FG_OK;
}

/* The worst of a pollutant's sensors; 0: none has a class. */
static unsigned worst_of(const struct fg_classes *c, const char *pollutant, bool *unjudged)
{
	unsigned worst = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (!c->items[i].index || strcmp(c->items[i].pollutant, pollutant) != 0)
			continue;
		*unjudged |= c->items[i].qc == FG_QC_NOT_EVALUATED;
		if (c->items[i].index > worst)
			worst = c->items[i].index;
	}
	return worst;
}

static void note_worst(struct fg_aggregate *a, unsigned class, const char *pollutant)
{
	size_t len = class == a->index ? strlen(a->by) : 0;

	if (class < a->index)
		return;
	a->index = (uint8_t)class;
	snprintf(a->by + len, sizeof(a->by) - len, "%s%s", len ? " " : "", pollutant);
}

static void name(const struct fg_air_index *index, struct fg_aggregate *a)
{
	snprintf(a->scheme, sizeof(a->scheme), "%s", index->scheme);
	snprintf(a->version, sizeof(a->version), "%s", index->version);
	snprintf(a->key, sizeof(a->key), "%s", index->keys[a->index - 1]);
}

void fg_classes_worst(const struct fg_classes *c, const struct fg_period_ask *ask,
	unsigned pollutants, struct fg_period_answer *ret)
{
	const struct fg_air_index *index = ask->index;
	bool unjudged = false;

	*ret = (struct fg_period_answer){.value = NAN, .qc = FG_QC_MISSING,
		.a = {.from_ms = ask->from_ms, .expected = pollutants}};
	for (size_t i = 0; i < index->limit_count; i++) {
		unsigned class = worst_of(c, index->limits[i].pollutant, &unjudged);

		if (!class)
			continue;
		ret->a.count++;
		note_worst(&ret->a, class, index->limits[i].pollutant);
	}
	ret->a.missing = pollutants > ret->a.count ? pollutants - ret->a.count : 0;
	if (!ret->a.index)
		return;
	name(index, &ret->a);
	ret->value = ret->a.index;
	ret->qc = unjudged ? FG_QC_NOT_EVALUATED : FG_QC_PASS;
}
