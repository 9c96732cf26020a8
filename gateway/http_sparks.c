/* SPDX-License-Identifier: EUPL-1.2 */
/* The last day of every point, for the pictures of the status page: read from the store once, slice
 * by slice between requests, and then what is new of it when somebody looks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gateway/http_private.h"
#include "model/item.h"
#include "web/spark.h"

#define DAY_MS	   INT64_C(86400000)
#define SLICE_MS   INT64_C(900000)
#define AHEAD_MS   INT64_C(60000)
#define FRESH_US   INT64_C(5000000)
#define LOT	   4000u /* entries that one turn takes */
#define POINTS_MAX 4096u
#define IDS_MAX	   65536u

struct fg_http_sparks {
	struct fg_view *view; /* whose points these are; held */
	struct fg_spark *items; /* by the view's points */
	size_t count;
	uint16_t *by_id; /* of the store's point: index + 1; 0: not seen yet; NOBODY */
	size_t id_cap;
	int64_t slice_ms; /* the next to be read of the day before the start; 0: all are */
	int64_t until_ms;
	uint64_t last_seq; /* of what is read by number; the day before has those below */
	int64_t looked_us;
	unsigned taken; /* in this turn */
};
#define NOBODY UINT16_MAX

void fg_http_sparks_free(struct fg_http_sparks *k)
{
	if (!k)
		return;
	fg_view_unref(k->view);
	free(k->items);
	free(k->by_id);
	free(k);
}

static struct fg_http_sparks *begin(struct fg_view *v)
{
	struct fg_http_sparks *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->count = FG_MIN(v->point_count, (size_t)POINTS_MAX);
	k->items = malloc((k->count + 1) * sizeof(*k->items));
	if (!k->items) {
		free(k);
		return NULL;
	}
	for (size_t i = 0; i < k->count; i++)
		fg_spark_init(&k->items[i]);
	k->view = fg_view_ref(v);
	k->until_ms = v->wall_ms + AHEAD_MS;
	k->slice_ms = FG_MAX(v->wall_ms - DAY_MS, INT64_C(1));
	k->last_seq = v->committed_next - 1; /* what comes late may belong to a slice read before */
	return k;
}

/* ---- entries ---- */

static uint16_t find_point(const struct fg_http_sparks *k, const struct fg_point_desc *desc)
{
	if (desc->period)
		return NOBODY;
	for (size_t i = 0; i < k->count; i++) {
		const struct fg_view_point *p = &k->view->points[i];

		if (strcmp(p->name, desc->point) == 0 && strcmp(p->unit, desc->unit) == 0 &&
			strcmp(k->view->stations[p->station].name, desc->station) == 0)
			return (uint16_t)(i + 1);
	}
	return NOBODY;
}

static struct fg_spark *spark_of(
	struct fg_http_sparks *k, uint32_t id, const struct fg_point_desc *desc)
{
	if (id >= IDS_MAX)
		return NULL;
	if (id >= k->id_cap) {
		size_t cap = FG_MAX((size_t)id + 1, k->id_cap * 2);
		uint16_t *by_id = realloc(k->by_id, cap * sizeof(*by_id));

		if (!by_id)
			return NULL;
		memset(by_id + k->id_cap, 0, (cap - k->id_cap) * sizeof(*by_id));
		k->by_id = by_id;
		k->id_cap = cap;
	}
	if (!k->by_id[id])
		k->by_id[id] = find_point(k, desc);
	return k->by_id[id] == NOBODY ? NULL : &k->items[k->by_id[id] - 1];
}

static int on_item(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct fg_http_sparks *k = arg;
	struct fg_spark *s;
	double v;

	if (k->slice_ms == 0)
		k->last_seq = FG_MAX(k->last_seq, item->seq);
	k->taken++;
	if (item->kind == FG_ITEM_READING && !uncertain && item->qc < FG_QC_FAIL) {
		v = fg_value_number(&item->value);
		s = isfinite(v) ? spark_of(k, item->point, desc) : NULL;
		if (s)
			fg_spark_add(s, item->wall_ms, v);
	}
	return k->slice_ms == 0 && k->taken >= LOT;
}

/* ---- turns ---- */

static bool same_points(const struct fg_view *a, const struct fg_view *b)
{
	return a->gateway == b->gateway; /* both held, so of one configuration */
}

/* One slice of the day, or a lot of what is new. */
static void read_some(struct fg_http *h, struct fg_http_sparks *k, struct fg_reader *reader)
{
	long r;

	k->taken = 0;
	if (k->slice_ms) {
		r = fg_reader_times(reader, k->slice_ms, k->slice_ms + SLICE_MS, on_item, k);
		k->slice_ms += SLICE_MS;
		if (k->slice_ms >= k->until_ms)
			k->slice_ms = 0;
	} else {
		r = fg_reader_range(reader, k->last_seq + 1, INT64_MAX, on_item, k);
		if (k->taken < LOT)
			k->looked_us = fg_clock_mono_us();
	}
	fg_http_read_status(h, r);
}

bool fg_http_sparks_turn(struct fg_http *h)
{
	struct fg_http_sparks *k = h->sparks;
	struct fg_reader *reader;

	if (k && h->view && !same_points(k->view, h->view)) {
		fg_http_sparks_free(k);
		k = h->sparks = NULL;
	}
	if (!k && h->view && h->view->clock_trusted)
		k = h->sparks = begin(h->view);
	if (!k || (k->slice_ms == 0 && !h->sparks_wanted))
		return false;
	reader = fg_http_reader(h);
	if (!reader)
		return h->sparks_wanted = false;
	read_some(h, k, reader);
	if (k->slice_ms == 0 && k->looked_us)
		h->sparks_wanted = false;
	return k->slice_ms || h->sparks_wanted;
}

const struct fg_spark *fg_http_spark(struct fg_http *h, size_t point)
{
	struct fg_http_sparks *k = h->sparks;

	if (!k || !h->view || !same_points(k->view, h->view) || point >= k->count)
		return NULL;
	if (fg_clock_mono_us() - k->looked_us > FRESH_US) {
		k->looked_us = 0;
		h->sparks_wanted = true; /* with the next turn */
	}
	return &k->items[point];
}

bool fg_http_sparks_ready(const struct fg_http *h)
{
	return h->sparks && h->sparks->slice_ms == 0;
}
