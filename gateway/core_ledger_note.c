/* SPDX-License-Identifier: EUPL-1.2 */
/* What the store's entries do not tell of a device's readings since its row of the ledger: how many
 * were suppressed, and how many were due where an alarm has changed the schedule. It is noted
 * beside the row, with it and now and then. What was suppressed after the last note is known to
 * nobody after a crash, and is told as missing. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "base/varint.h"
#include "gateway/core_state.h"
#include "storage/spool.h"

#define NOTE_VERSION 1

struct note_point {
	struct fg_ledger_since since;
	/* the schedule: `total` were due before slot_us (wall), then one each interval; 0: as it
	 * always was */
	int64_t slot_us, interval_us;
};

struct fg_ledger_note {
	struct fg_ledger_note *next;
	char device[64];
	int64_t to_ms; /* of the row */
	uint64_t from_seq;
	size_t count;
	struct note_point points[];
};

static struct fg_ledger_note **find(struct fg_core *core, const char *device)
{
	struct fg_ledger_note **at = &core->ledger_notes;

	while (*at && strcmp((*at)->device, device) != 0)
		at = &(*at)->next;
	return at;
}

static bool is_beside(const struct fg_ledger_note *n, const struct fg_ledger_row *row)
{
	return n->to_ms == row->to_ms && (row->to_ms || n->from_seq == row->from_seq);
}

/* In the note of the last run; row: only where it stood beside this one. */
static const struct note_point *find_point(const struct fg_core *core, const char *device,
	uint32_t id, const struct fg_ledger_row *row)
{
	const struct fg_ledger_note *n = core->ledger_notes;

	while (n && strcmp(n->device, device) != 0)
		n = n->next;
	if (n && row && !is_beside(n, row))
		return NULL;
	for (size_t i = 0; n && i < n->count; i++)
		if (n->points[i].since.id == id)
			return &n->points[i];
	return NULL;
}

static void drop(struct fg_ledger_note **at)
{
	struct fg_ledger_note *n = *at;

	if (!n)
		return;
	*at = n->next;
	free(n);
}

void fg_ledger_notes_free(struct fg_core *core)
{
	while (core->ledger_notes)
		drop(&core->ledger_notes);
}

/* ---- to the store ---- */

/* Only devices of which the entries do not tell all. */
static bool is_noting(const struct fg_device *d)
{
	for (size_t i = 0; i < d->point_count; i++)
		if (d->points[i].by_change || d->points[i].alarm.interval_us)
			return true;
	return false;
}

/* Where it is yet to be reckoned how long the gateway was off, the schedule stays as it was noted,
 * and what was due in this run is taken out of the time that is reckoned. At which of two paces the
 * rest was due nobody knows: a gap that is too small is better than one that was invented. */
static void go_on(const struct fg_group_run *run, const struct note_point *before,
	struct note_point *p, bool under_way)
{
	uint64_t in_run = p->since.total - FG_MIN(p->since.known, p->since.total) + under_way;

	p->since.total = before->since.total;
	p->slot_us = before->slot_us;
	p->interval_us = before->interval_us;
	if (!p->slot_us || !p->interval_us || run->group->pushed || run->group->observed)
		return;
	p->since.total += in_run;
	p->slot_us += run->slot_mono_us - run->first_slot_mono_us;
	p->interval_us = FG_MAX(p->interval_us, run->interval_us);
}

/* A poll under way has had its regular time, and no outcome yet. */
static void set_schedule(const struct fg_core *core, const struct fg_ledger *l,
	const struct fg_ledger_row *row, const struct fg_group_run *run, struct note_point *p)
{
	const struct note_point *before =
		find_point(core, fg_ledger_device(l), p->since.id, row);
	bool under_way = run->busy && !run->probe;

	if (before) {
		go_on(run, before, p, under_way);
	} else if (fg_ledger_is_timed(l) && !fg_ledger_wants_reckoning(l)) {
		p->since.total += under_way;
		p->slot_us = fg_core_wall_us(core, run->slot_mono_us);
		p->interval_us = run->interval_us;
	}
}

static void put_point(struct fg_buf *out, const struct note_point *p)
{
	fg_put_varint(out, p->since.id);
	fg_put_varint(out, p->since.suppressed);
	fg_put_varint(out, p->since.total);
	fg_put_svarint(out, p->slot_us);
	fg_put_varint(out, (uint64_t)p->interval_us);
}

static void put_configured(const struct fg_core *core, const struct fg_ledger *l,
	const struct fg_ledger_row *row, const struct fg_group_run *run,
	const struct fg_point *point, struct fg_buf *out)
{
	struct note_point p = {.slot_us = 0};

	if (!fg_ledger_since(l, row, (size_t)(point - point->device->points), &p.since))
		return;
	set_schedule(core, l, row, run, &p);
	put_point(out, &p);
}

static void put_points(const struct fg_core *core, const struct fg_ledger *l,
	const struct fg_ledger_row *row, const struct fg_device *d, struct fg_buf *out)
{
	struct note_point p;

	for (size_t i = 0; i < d->group_count; i++) {
		const struct fg_group *g = &d->groups[i];
		const struct fg_group_run *run = &core->groups[g->index];

		for (size_t k = 0; k < g->count; k++)
			put_configured(core, l, row, run, g->points[k], out);
		for (size_t k = 0; k < g->derived_count; k++)
			put_configured(core, l, row, run, g->derived[k], out);
	}
	/* points that are no longer configured */
	for (size_t i = d->point_count; fg_ledger_since(l, row, i, &p.since); i++) {
		p.slot_us = p.interval_us = 0;
		if (p.since.suppressed)
			put_point(out, &p);
	}
}

int fg_ledger_note_save(struct fg_core *core, const struct fg_ledger *l,
	const struct fg_ledger_row *row, const struct fg_device *device)
{
	struct fg_buf out;
	int r;

	if (!is_noting(device))
		return FG_OK;
	fg_buf_init(&out, FG_STATE_NOTE_MAX);
	fg_put_varint(&out, NOTE_VERSION);
	fg_put_svarint(&out, row->to_ms);
	fg_put_varint(&out, row->from_seq);
	put_points(core, l, row, device, &out);
	if (out.overflow)
		r = FG_EINVAL;
	else
		r = fg_core_set_state(core, FG_STATE_LEDGER, device->name, out.data, out.len);
	fg_buf_fini(&out);
	return r;
}

/* ---- from the store ---- */

static bool get_point(struct fg_bytes *in, struct note_point *ret)
{
	ret->since.id = (uint32_t)fg_get_varint(in);
	ret->since.suppressed = fg_get_varint(in);
	ret->since.total = fg_get_varint(in);
	ret->slot_us = fg_get_svarint(in);
	ret->interval_us = (int64_t)fg_get_varint(in);
	return !in->bad && ret->interval_us >= 0 && ret->since.suppressed <= UINT32_MAX &&
	       ret->since.total <= UINT32_MAX;
}

int fg_ledger_note_take(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	struct fg_bytes in = {bytes, (const unsigned char *)bytes + len, false};
	const size_t most = len / 5; /* bytes of a point, at least */
	struct fg_ledger_note *n;

	if (fg_get_varint(&in) != NOTE_VERSION || strlen(key) >= sizeof(n->device))
		return FG_OK;
	n = calloc(1, sizeof(*n) + most * sizeof(n->points[0]));
	if (!n)
		return FG_ENOMEM;
	memcpy(n->device, key, strlen(key));
	n->to_ms = fg_get_svarint(&in);
	n->from_seq = fg_get_varint(&in);
	while (in.at < in.end && n->count < most && get_point(&in, &n->points[n->count]))
		n->count++;
	if (in.bad || in.at < in.end) {
		free(n);
		return FG_OK;
	}
	drop(find(core, key));
	n->next = core->ledger_notes;
	core->ledger_notes = n;
	return FG_OK;
}

static int add_known(struct fg_core *core, struct fg_ledger *l, const struct fg_ledger_since *s)
{
	const struct fg_series *series;
	int at = fg_ledger_find_point(l, s->id);

	if (s->suppressed == 0)
		return FG_OK;
	if (at < 0) {
		series = fg_series_by_id(core->series, s->id);
		if (!series)
			return FG_OK; /* nobody knows what it was */
		at = fg_ledger_add_point(l, s->id, &series->desc, true);
		if (at < 0)
			return at;
		at = fg_ledger_find_point(l, s->id);
	}
	fg_ledger_add_known_suppressed(l, (size_t)at, s->suppressed);
	return FG_OK;
}

int fg_ledger_note_resume(
	struct fg_core *core, struct fg_ledger *l, const struct fg_ledger_row *row)
{
	struct fg_ledger_note **at = find(core, fg_ledger_device(l));
	int r = FG_OK;

	if (!*at)
		return FG_OK;
	if (!is_beside(*at, row)) {
		drop(at); /* of another time */
		return FG_OK;
	}
	for (size_t i = 0; i < (*at)->count && r == FG_OK; i++)
		r = add_known(core, l, &(*at)->points[i].since);
	return r;
}

bool fg_ledger_note_reckon(const struct fg_core *core, struct fg_ledger *l, size_t point,
	uint32_t id, int64_t first_us)
{
	const struct note_point *p = find_point(core, fg_ledger_device(l), id, NULL);

	if (!p || !p->slot_us || !p->interval_us)
		return false;
	fg_ledger_reckon_noted(l, point, first_us, p->interval_us, p->since.total, p->slot_us);
	return true;
}

void fg_ledger_note_done(struct fg_core *core, const struct fg_ledger *l)
{
	drop(find(core, fg_ledger_device(l)));
}
