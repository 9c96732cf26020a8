/* SPDX-License-Identifier: EUPL-1.2 */
/* The ledgers of all devices: outcomes from the core's other parts, entries to the store. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/plant.h"
#include "base/status.h"
#include "gateway/core_state.h"
#include "storage/record.h"

/* After the store took nothing. */
#define RETRY_US 1000000
/* Polls that are under way when the end comes are awaited for so long. */
#define LAST_POLLS_US 1000000

/* ---- what goes out ---- */

static const struct fg_device *find_device(const struct fg_core *core, const char *name)
{
	for (size_t i = 0; i < core->config->device_count; i++)
		if (strcmp(core->config->devices[i]->name, name) == 0)
			return core->config->devices[i];
	return NULL;
}

static int sink_gaps(void *arg, struct fg_item *items, unsigned count)
{
	struct fg_core *core = arg;
	const struct fg_record_head head = {.era = core->era, .count = count};

	for (unsigned i = 0; i < count; i++) {
		const struct fg_series *s = fg_series_by_id(core->series, items[i].point);

		items[i].seq = core->next_seq + i;
		items[i].notice = s ? fg_notices_of(core, &s->desc, items[i].gap->from_ms,
			items[i].gap->to_ms) : 0;
	}
	fg_buf_clear(&core->record);
	fg_record_encode_gaps(&core->record, &head, items);
	return fg_core_append_entries(core, items, count);
}

static int sink_account(void *arg, const struct fg_account *account)
{
	struct fg_core *core = arg;
	const struct fg_record_head head = {.era = core->era, .count = 1};
	struct fg_item item = {.seq = core->next_seq, .kind = FG_ITEM_ACCOUNT,
		.point = account->lines[0].point, .wall_ms = account->to_ms, .account = account};

	fg_buf_clear(&core->record);
	fg_record_encode_account(&core->record, &head, account);
	return fg_core_append_entries(core, &item, 1);
}

static int sink_row(void *arg, const struct fg_ledger_row *row)
{
	struct fg_core *core = arg;
	struct fg_ledger_row last = *row;

	if (row->clean) /* what was written at the end is no reading since */
		last.from_seq = core->next_seq;
	return core->ports.set_ledger ? core->ports.set_ledger(core->ports.arg, &last) : FG_OK;
}

static int sink_note(void *arg, const struct fg_ledger *l, const struct fg_ledger_row *row)
{
	struct fg_core *core = arg;
	const struct fg_device *d = find_device(core, row->device);
	int r = FG_OK;

	if (d && core->devices[d->index].ledger == l)
		r = fg_ledger_note_save(core, l, row, d);
	return r == FG_EINVAL ? FG_OK : r; /* too long for ever: after a crash it is missing */
}

static void sink_begin(void *arg)
{
	struct fg_core *core = arg;

	core->ledger_first_seq = core->next_seq;
	if (!core->ledger_singly)
		fg_core_begin(core);
}

static int sink_end(void *arg, bool keep)
{
	struct fg_core *core = arg;
	bool singly = core->ledger_singly;
	int r;

	core->ledger_singly = false;
	if (singly)
		return FG_OK;
	r = fg_core_end(core, keep);
	core->ledger_singly = r == FG_EINVAL; /* of thousands of points; with the next try */
	if (!keep || r < 0)
		fg_core_take_back(core, core->ledger_first_seq);
	return r;
}

/* ---- construction ---- */

static struct fg_ledger *new_ledger(
	const struct fg_core *core, struct fg_now now, const struct fg_device *d)
{
	struct fg_ledger *l = fg_ledger_new(d->name, now.mono_us, core->next_seq);
	int r = l ? FG_OK : FG_ENOMEM;

	for (size_t i = 0; i < d->point_count && r == FG_OK; i++) {
		const struct fg_series *s = core->points[d->points[i].index].series;

		r = fg_ledger_add_point(l, s->id, &s->desc, false);
	}
	if (r == FG_OK)
		return l;
	fg_ledger_free(l);
	return NULL;
}

static struct fg_ledger *find_leaving(const struct fg_core *core, const char *device)
{
	for (size_t i = core->leaving_count; i-- > 0;)
		if (strcmp(fg_ledger_device(core->leaving[i]), device) == 0)
			return core->leaving[i];
	return NULL;
}

int fg_ledgers_begin(struct fg_core *core, struct fg_now now)
{
	for (size_t i = 0; i < core->config->device_count; i++) {
		const struct fg_device *d = core->config->devices[i];
		struct fg_device_run *dev = &core->devices[d->index];
		struct fg_ledger *before = find_leaving(core, d->name);

		if (dev->ledger)
			continue;
		dev->ledger = new_ledger(core, now, d);
		if (!dev->ledger)
			return FG_ENOMEM;
		if (fg_core_timed(core))
			fg_ledger_timed(dev->ledger, core->time.clock.offset_us);
		if (before && !fg_ledger_is_rowless(before))
			fg_ledger_has_row(dev->ledger); /* it will say where this one begins */
		if (before)
			fg_ledger_succeed(dev->ledger, before);
	}
	return FG_OK;
}

void fg_ledgers_free(struct fg_core *core)
{
	for (size_t i = 0; core->devices && i < core->config->device_count; i++)
		fg_ledger_free(core->devices[i].ledger);
	for (size_t i = 0; i < core->leaving_count; i++)
		fg_ledger_free(core->leaving[i]);
	free(core->leaving);
}

static int add_leaving(struct fg_core *core, struct fg_ledger *l)
{
	void *list = realloc(core->leaving, (core->leaving_count + 1) * sizeof(*core->leaving));

	if (!list)
		return FG_ENOMEM;
	core->leaving = list;
	core->leaving[core->leaving_count++] = l;
	return FG_OK;
}

/* ---- from the store ---- */

/* The place of a known point in its device's ledger; one that is no longer configured gets one. */
static int place_known(struct fg_core *core, struct fg_ledger *l, const struct fg_device *d,
	const struct fg_core_known_point *k, size_t *next, size_t *ret_place)
{
	struct fg_series *s;
	int r;

	for (size_t i = 0; d && i < d->point_count; i++)
		if (strcmp(d->points[i].name, k->desc->point) == 0) {
			*ret_place = i;
			return FG_OK;
		}
	s = fg_series_find(core->series, k->desc);
	if (!s)
		s = fg_series_add(core->series, k->id, k->desc);
	if (!s)
		return FG_ENOMEM;
	r = fg_ledger_add_point(l, s->id, &s->desc, true);
	*ret_place = (*next)++;
	return r;
}

int fg_core_known(struct fg_core *core, const struct fg_core_known *known)
{
	const struct fg_device *d = find_device(core, known->row.device);
	struct fg_ledger *l = d ? core->devices[d->index].ledger :
				  fg_ledger_new(known->row.device, core->now.mono_us,
					  known->row.from_seq);
	size_t next = d ? d->point_count : 0, at;
	int r = l ? FG_OK : FG_ENOMEM;

	if (r == FG_OK)
		fg_ledger_resume(l, &known->row, known->oldest_ms, known->newest_ms);
	for (size_t i = 0; i < known->count && r == FG_OK; i++) {
		const struct fg_core_known_point *k = &known->points[i];

		r = place_known(core, l, d, k, &next, &at);
		if (r == FG_OK)
			fg_ledger_add_known(l, at, k->sent, k->missing);
	}
	if (r == FG_OK)
		r = fg_ledger_note_resume(core, l, &known->row);
	if (r == FG_OK && d)
		core->devices[d->index].ledger_note_due = true; /* of this run's schedule */
	if (r == FG_OK && !d) {
		fg_ledger_reckoned(l); /* nobody knows since when nothing is due of it */
		if (fg_core_timed(core))
			fg_ledger_timed(l, core->time.clock.offset_us);
		fg_ledger_close(l, fg_ledger_is_timed(l) ?
				fg_core_wall_us(core, core->now.mono_us) : core->now.mono_us,
			core->next_seq, true);
		r = add_leaving(core, l);
	}
	if (r < 0 && !d)
		fg_ledger_free(l);
	return r;
}

static void reckon_point(struct fg_core *core, struct fg_ledger *l, const struct fg_point *p,
	int64_t first_us)
{
	size_t at = (size_t)(p - p->device->points);

	if (!fg_ledger_note_reckon(core, l, at, core->points[p->index].series->id, first_us))
		fg_ledger_reckon(l, at, first_us, p->interval_us);
}

/* What was due between the last account and the first regular time of this run, and is not known,
 * was lost while the gateway was off. */
static void reckon(struct fg_core *core, struct fg_ledger *l, const struct fg_device *d)
{
	for (size_t i = 0; i < d->group_count && !core->time.unfounded; i++) {
		const struct fg_group *g = &d->groups[i];
		int64_t first_us = fg_core_wall_us(core, core->groups[g->index].first_slot_mono_us);

		if (g->pushed || g->observed)
			continue; /* nobody knows what would have come */
		for (size_t k = 0; k < g->count; k++)
			reckon_point(core, l, g->points[k], first_us);
		for (size_t k = 0; k < g->derived_count; k++)
			reckon_point(core, l, g->derived[k], first_us);
	}
	fg_ledger_reckoned(l);
	fg_ledger_note_done(core, l);
	/* what was noted until now goes by the schedule of the last run */
	core->devices[d->index].ledger_note_due = true;
	core->notes_due_mono_us = core->now.mono_us;
}

/* ---- time ---- */

/* Time as ledgers take it. */
static int64_t at_us(const struct fg_core *core, const struct fg_ledger *l, int64_t mono_us)
{
	return fg_ledger_is_timed(l) ? fg_core_wall_us(core, mono_us) : mono_us;
}

static void roll(struct fg_core *core, struct fg_now now, struct fg_ledger *l)
{
	if (fg_core_timed(core))
		fg_ledger_timed(l, core->time.clock.offset_us);
	fg_ledger_roll(l, at_us(core, l, now.mono_us), core->next_seq);
}

void fg_ledgers_roll(struct fg_core *core, struct fg_now now)
{
	for (size_t i = 0; i < core->leaving_count; i++)
		roll(core, now, core->leaving[i]);
	for (size_t i = 0; i < core->config->device_count; i++) {
		const struct fg_device *d = core->config->devices[i];
		struct fg_ledger *l = core->devices[d->index].ledger;

		/* by an estimate nobody knows how long it was off */
		if (core->trusted && fg_ledger_wants_reckoning(l)) {
			fg_ledger_timed(l, core->time.clock.offset_us);
			reckon(core, l, d);
		}
		roll(core, now, l);
	}
}

/* ---- outcomes ---- */

static struct fg_ledger *ledger_of(const struct fg_core *core, const struct fg_point *point)
{
	return core->devices[point->device->index].ledger;
}

static size_t place_of(const struct fg_point *point)
{
	return (size_t)(point - point->device->points);
}

void fg_ledgers_slots(struct fg_core *core, const struct fg_group_run *run, enum fg_reason reason,
	int64_t first_mono_us, uint64_t count)
{
	const struct fg_group *g = run->group;
	struct fg_ledger *l = core->devices[g->device->index].ledger;

	for (size_t i = 0; i < g->count; i++)
		fg_ledger_slots(l, place_of(g->points[i]), reason, at_us(core, l, first_mono_us),
			run->interval_us, count);
	for (size_t i = 0; i < g->derived_count; i++)
		fg_ledger_slots(l, place_of(g->derived[i]), reason,
			at_us(core, l, first_mono_us), run->interval_us, count);
}

void fg_ledgers_missing(struct fg_core *core, const struct fg_point *point, enum fg_reason reason,
	uint8_t detail, int64_t mono_us)
{
	struct fg_ledger *l = ledger_of(core, point);
	struct fg_ledger_missing m = {.reason = reason, .detail = detail, .count = 1};

	m.from_us = m.to_us = at_us(core, l, mono_us);
	fg_ledger_missing(l, place_of(point), &m);
}

void fg_ledgers_suppressed(struct fg_core *core, const struct fg_point *point, int64_t mono_us)
{
	struct fg_ledger *l = ledger_of(core, point);

	fg_ledger_suppressed(l, place_of(point), at_us(core, l, mono_us));
	core->devices[point->device->index].ledger_note_soon = true;
}

void fg_ledgers_sent(
	struct fg_core *core, const struct fg_point *point, int64_t mono_us, int64_t wall_ms)
{
	struct fg_ledger *l = ledger_of(core, point);

	fg_ledger_sent(l, place_of(point), fg_ledger_is_timed(l) ? wall_ms * 1000 : mono_us);
}

/* ---- writing ---- */

static const struct fg_ledger_sink *sink(struct fg_core *core, struct fg_ledger_sink *s)
{
	*s = (struct fg_ledger_sink){.gaps = sink_gaps, .account = sink_account, .row = sink_row,
		.note = sink_note, .begin = sink_begin, .end = sink_end, .arg = core};
	return s;
}

int fg_ledgers_ready(struct fg_core *core, const struct fg_device *device)
{
	struct fg_ledger *l = core->devices[device->index].ledger;
	struct fg_ledger_sink s;

	return fg_ledger_is_rowless(l) ? fg_ledger_write_row(l, sink(core, &s)) : FG_OK;
}

static int64_t oldest_poll_us(
	const struct fg_core *core, const struct fg_ledger *l, const struct fg_device *d)
{
	int64_t oldest = INT64_MAX;

	for (size_t i = 0; i < d->group_count; i++) {
		const struct fg_group_run *run = &core->groups[d->groups[i].index];

		if (run->busy)
			oldest = FG_MIN(oldest, at_us(core, l, run->started_mono_us));
	}
	return oldest;
}

static void drop_leaving(struct fg_core *core, size_t i)
{
	fg_ledger_free(core->leaving[i]);
	core->leaving_count--;
	memmove(&core->leaving[i], &core->leaving[i + 1],
		(core->leaving_count - i) * sizeof(*core->leaving));
}

/* A device that is no longer configured has no row either. */
static int forget(struct fg_core *core, const char *device)
{
	int r;

	if (find_device(core, device) || !core->ports.forget_ledger)
		return FG_OK;
	r = core->ports.forget_ledger(core->ports.arg, device);
	if (r < 0)
		return r;
	fg_core_set_state(core, FG_STATE_LEDGER, device, NULL, 0); /* useless from now on */
	fg_core_set_state(core, "alarm", device, NULL, 0);
	return FG_OK;
}

static int write_leaving(struct fg_core *core, struct fg_now now)
{
	struct fg_ledger_sink s;

	for (size_t i = 0; i < core->leaving_count;) {
		struct fg_ledger *l = core->leaving[i];
		int r = fg_ledger_write(l, at_us(core, l, now.mono_us), INT64_MAX, sink(core, &s));

		if (r >= 0 && fg_ledger_is_done(l))
			r = forget(core, fg_ledger_device(l));
		if (r < 0)
			return r;
		if (fg_ledger_is_done(l))
			drop_leaving(core, i);
		else
			i++; /* time is not known yet */
	}
	return FG_OK;
}

static int write_all(struct fg_core *core, struct fg_now now)
{
	struct fg_ledger_sink s;
	int r = FG_OK;

	for (size_t i = 0; i < core->config->device_count && r >= 0; i++)
		r = fg_ledger_write_row(core->devices[i].ledger, sink(core, &s));
	if (r >= 0)
		r = write_leaving(core, now);
	/* what a device was before goes out before what it is */
	for (size_t i = 0; i < core->config->device_count && r >= 0 && !core->leaving_count; i++) {
		struct fg_ledger *l = core->devices[i].ledger;

		r = fg_ledger_write(l, at_us(core, l, now.mono_us),
			oldest_poll_us(core, l, core->devices[i].device), &s);
	}
	return r;
}

int64_t fg_ledgers_write(struct fg_core *core, struct fg_now now)
{
	int64_t next = INT64_MAX;

	if (now.mono_us < core->ledger_retry_mono_us)
		return core->ledger_retry_mono_us;
	if (write_all(core, now) < 0) {
		core->ledger_retry_mono_us = now.mono_us + RETRY_US;
		return core->ledger_retry_mono_us;
	}
	for (size_t i = 0; i < core->config->device_count; i++) {
		const struct fg_ledger *l = core->devices[i].ledger;
		int64_t now_us = at_us(core, l, now.mono_us);
		int64_t wake_us = fg_ledger_wake_us(l, now_us);

		if (wake_us != INT64_MAX)
			next = FG_MIN(next, now.mono_us + (wake_us - now_us));
	}
	return next;
}

/* ---- the end ---- */

void fg_ledgers_cut_short(struct fg_core *core, struct fg_now now, const struct fg_group_run *run)
{
	if (run->busy && !run->probe && !fg_planted(FG_PLANT_POLL_FORGOTTEN))
		fg_ledgers_slots(core, run, FG_REASON_GATEWAY_OFF, now.mono_us, 1);
}

/* Of a device's polls nothing comes any more, and its regular times are noted up to now. */
static void settle_device(struct fg_core *core, struct fg_now now, const struct fg_device *d)
{
	bool dead = core->devices[d->index].state == FG_DEVICE_QUARANTINED;

	for (size_t i = 0; i < d->group_count; i++) {
		struct fg_group_run *run = &core->groups[d->groups[i].index];

		fg_schedule_pass(core, now, run,
			dead ? FG_REASON_QUARANTINED : FG_REASON_GATEWAY_OFF);
		fg_ledgers_cut_short(core, now, run);
		run->busy = false;
	}
}

int fg_ledgers_leave(struct fg_core *core, struct fg_now now, const struct fg_device *device)
{
	struct fg_device_run *dev = &core->devices[device->index];
	int r = add_leaving(core, dev->ledger);

	if (r < 0)
		return r;
	settle_device(core, now, device);
	fg_ledger_close(
		dev->ledger, at_us(core, dev->ledger, now.mono_us), core->next_seq, false);
	dev->ledger = NULL;
	return FG_OK;
}

static bool any_busy(const struct fg_core *core)
{
	for (size_t i = 0; i < core->config->group_count; i++)
		if (core->groups[i].busy)
			return true;
	return false;
}

void fg_ledgers_stop(struct fg_core *core, struct fg_now now)
{
	if (core->ledgers_ended ||
		(any_busy(core) && now.mono_us - core->stop_mono_us < LAST_POLLS_US))
		return;
	core->ledgers_ended = true;
	fg_ledgers_roll(core, now);
	for (size_t i = 0; i < core->config->device_count; i++) {
		struct fg_ledger *l = core->devices[i].ledger;

		settle_device(core, now, core->config->devices[i]);
		fg_ledger_close(l, at_us(core, l, now.mono_us), core->next_seq, true);
	}
	core->ledger_retry_mono_us = 0;
	fg_ledgers_write(core, now);
}

bool fg_ledgers_idle(const struct fg_core *core)
{
	if (!core->ledgers_ended)
		return false;
	for (size_t i = 0; i < core->config->device_count; i++) {
		const struct fg_ledger *l = core->devices[i].ledger;

		if (fg_ledger_is_timed(l) && !fg_ledger_is_done(l))
			return false;
	}
	return true;
}
