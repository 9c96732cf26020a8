/* SPDX-License-Identifier: EUPL-1.2 */
/* What the store knows of the time since each device's last account. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "gateway/startup.h"

struct device {
	struct fg_ledger_row row;
	struct fg_core_known_point *points;
	size_t count;
};

struct ledger {
	struct device *devices;
	size_t count, last; /* last: that of the item before, mostly that of the next one too */
	uint64_t from_seq;
	int status;
};

static void on_row(void *arg, const struct fg_ledger_row *row)
{
	struct ledger *l = arg;
	struct device *list = realloc(l->devices, (l->count + 1) * sizeof(*list));

	if (!list) {
		l->status = FG_ENOMEM;
		return;
	}
	l->devices = list;
	list[l->count++] = (struct device){.row = *row};
	l->from_seq = FG_MIN(l->from_seq, row->from_seq);
}

static struct device *find_device(struct ledger *l, const char *name)
{
	for (size_t n = 0; n < l->count; n++) {
		size_t i = (l->last + n) % l->count;

		if (strcmp(l->devices[i].row.device, name) == 0) {
			l->last = i;
			return &l->devices[i];
		}
	}
	return NULL;
}

static struct fg_core_known_point *find_point(
	struct device *d, uint32_t id, const struct fg_point_desc *desc)
{
	struct fg_core_known_point *list;

	for (size_t i = 0; i < d->count; i++)
		if (d->points[i].id == id)
			return &d->points[i];
	list = realloc(d->points, (d->count + 1) * sizeof(*list));
	if (!list)
		return NULL;
	d->points = list;
	list[d->count] = (struct fg_core_known_point){.id = id, .desc = desc};
	return &list[d->count++];
}

static bool counts(const struct fg_item *item)
{
	if (item->kind == FG_ITEM_GAP)
		return !item->gap->destination || !*item->gap->destination;
	return item->kind == FG_ITEM_READING && !item->replaces && item->qc >= FG_QC_PASS &&
	       item->qc <= FG_QC_FAIL;
}

/* A reading whose time is not known yet has been taken since: it has a number from from_seq on. */
static int on_item(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct ledger *l = arg;
	struct device *d = counts(item) ? find_device(l, desc->device) : NULL;
	struct fg_core_known_point *p;

	if (!d || item->seq < d->row.from_seq || (!uncertain && item->wall_ms < d->row.to_ms))
		return 0;
	p = find_point(d, item->point, desc);
	if (!p) {
		l->status = FG_ENOMEM;
		return 1;
	}
	if (item->kind == FG_ITEM_GAP)
		p->missing += (uint32_t)item->gap->count;
	else
		p->sent++;
	return 0;
}

int fg_startup_known(struct fg_spool *spool, struct fg_reader *reader,
	int (*known)(void *arg, const struct fg_core_known *known), void *arg)
{
	struct ledger l = {.from_seq = FG_SEQ_END};
	int r = fg_spool_ledger(spool, on_row, &l);

	if (r >= 0)
		r = l.status;
	if (r >= 0 && l.count) {
		long n = fg_reader_range(reader, l.from_seq, FG_SEQ_END, on_item, &l);

		r = n < 0 ? (int)n : l.status;
	}
	for (size_t i = 0; i < l.count && r >= 0; i++) {
		const struct device *d = &l.devices[i];
		const struct fg_core_known k = {
			.row = d->row, .points = d->points, .count = d->count};

		r = known(arg, &k);
	}
	for (size_t i = 0; i < l.count; i++)
		free(l.devices[i].points);
	free(l.devices);
	return r < 0 ? r : FG_OK;
}
