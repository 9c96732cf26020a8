/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: what is told of hours and of longer periods.
 *
 * No sums are kept. What is committed marks the hour that it belongs to; when the hour is over and
 * has settled, its readings are asked for in the store, and what they come to is told unless it is
 * what was told before. So a late reading, a correction, a restamp and a restart are one case. What
 * is not in the ring of recent readings (the store's own corrections, what was stored before the
 * time was known or before this start) is looked through in the store. All that outlives a restart
 * is the number from which on readings may belong to an hour that is not told yet. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "base/varint.h"
#include "base/zone.h"
#include "gateway/core_hours.h"
#include "gateway/core_state.h"
#include "storage/record.h"

/* Late readings of an hour are waited for so long: those of polls under way, and of a commit. */
#define SETTLE_MS 60000
/* A day is told a little after its last hour. */
#define DAY_SETTLE_MS 90000
#define SCAN_MAX 65536
/* So many are looked at together, if they come as often as they should: 10 to 20 MiB. */
#define READINGS_MAX (1 << 18)
#define RETRY_US 1000000
#define SAVE_EVERY_US 60000000
/* After a suspend that was longer, the hours before are not told one by one. */
#define TICKS_MAX 48

static int64_t wall_ms(const struct fg_core *core)
{
	return core->now.wall_us / 1000;
}

/* ---- marks ---- */

static struct mark *find_mark(struct fg_hours *h, size_t target, int64_t to_ms)
{
	for (uint32_t i = h->targets[target].marks; i; i = h->marks[i - 1].next)
		if (h->marks[i - 1].to_ms == to_ms)
			return &h->marks[i - 1];
	return NULL;
}

static size_t marks_max(const struct fg_hours *h)
{
	return FG_HOURS_MARKS_LEAST + FG_HOURS_MARKS_EACH * h->count;
}

void fg_hours_link_mark(struct fg_hours *h, size_t mark)
{
	struct mark *m = &h->marks[mark];

	m->next = h->targets[m->target].marks;
	h->targets[m->target].marks = (uint32_t)mark + 1;
}

/* What leads to a mark in its list. */
static uint32_t *link_to(struct fg_hours *h, size_t mark)
{
	uint32_t *at = &h->targets[h->marks[mark].target].marks;

	while (*at != mark + 1)
		at = &h->marks[*at - 1].next;
	return at;
}

static bool want_mark(struct fg_hours *h)
{
	size_t cap = FG_MIN(h->mark_cap ? h->mark_cap * 2 : 64, marks_max(h));
	void *marks;

	if (h->mark_count < h->mark_cap)
		return true;
	marks = cap > h->mark_cap ? realloc(h->marks, cap * sizeof(*h->marks)) : NULL;
	if (!marks)
		return false;
	h->marks = marks;
	h->mark_cap = cap;
	return true;
}

/* told_only: see struct mark. */
static void mark_as(struct fg_core *core, size_t target, int64_t from_ms, int64_t to_ms,
	int64_t due_ms, uint64_t seq, bool moved, bool told_only)
{
	struct fg_hours *h = core->hours;
	struct mark *m = find_mark(h, target, to_ms);

	if (m) {
		m->told_only &= told_only;
		m->first_seq = FG_MIN(m->first_seq, seq);
		m->moved |= moved;
		m->again |= m->busy;
		m->need = 0;
		return;
	}
	if (!want_mark(h)) { /* it is found again when there is room */
		fg_ranges_add(&h->untimed, seq, seq + 1);
		h->crowded = true;
		return;
	}
	h->marks[h->mark_count++] = (struct mark){.target = target, .from_ms = from_ms,
		.to_ms = to_ms, .due_ms = due_ms, .first_seq = seq, .moved = moved,
		.told_only = told_only};
	fg_hours_link_mark(h, h->mark_count - 1);
}

static void mark(struct fg_core *core, size_t target, int64_t from_ms, int64_t to_ms,
	int64_t due_ms, uint64_t seq, bool moved)
{
	mark_as(core, target, from_ms, to_ms, due_ms, seq, moved, false);
}

static void mark_hour_as(struct fg_core *core, size_t target, int64_t to_ms, uint64_t seq,
	bool moved, bool told_only)
{
	struct fg_hours *h = core->hours;
	struct target *t = &h->targets[target];
	int64_t held_to_ms = FG_MIN(fg_hour_end(to_ms - 1 + t->told.ask.hold_ms), h->last_hour_ms);

	if (t->noted_to_ms == to_ms && !moved)
		return;
	t->noted_to_ms = told_only ? t->noted_to_ms : to_ms;
	/* a late one changes what the readings before it stand for, and stands for others itself */
	do
		mark_as(core, target, to_ms - FG_HOUR_MS, to_ms,
			FG_MAX(to_ms, wall_ms(core)) + SETTLE_MS, seq,
			moved || t->told.ask.hold_ms, told_only);
	while ((to_ms += FG_HOUR_MS) <= held_to_ms);
}

static void mark_hour(
	struct fg_core *core, size_t target, int64_t to_ms, uint64_t seq, bool moved)
{
	mark_hour_as(core, target, to_ms, seq, moved, false);
}

static void mark_day(struct fg_core *core, size_t target, int64_t hour_to_ms, uint64_t seq)
{
	int64_t from_ms, to_ms;

	fg_zone_day(hour_to_ms - 1, &from_ms, &to_ms);
	mark(core, target, from_ms, to_ms, FG_MAX(to_ms + DAY_SETTLE_MS, wall_ms(core)), seq, true);
}

static int64_t length_of(enum fg_told_period period)
{
	return (period == FG_TOLD_RUNNING_24H ? 24 : 8) * FG_HOUR_MS;
}

/* An hour was told: the longer periods that it is part of, as far as they are over. */
static void mark_longer(struct fg_core *core, size_t hour, int64_t hour_to_ms, uint64_t seq)
{
	struct fg_hours *h = core->hours;

	for (size_t i = hour + 1; i < h->count && h->targets[i].hour == hour; i++) {
		enum fg_told_period period = h->targets[i].told.ask.period;
		int64_t length_ms = length_of(period);

		if (period == FG_TOLD_DAY) {
			mark_day(core, i, hour_to_ms, seq);
			/* the first eight-hour means of a day begin on the day before */
			if (h->targets[i].told.ask.stat == FG_STAT_MAX_8H_MEAN)
				mark_day(core, i, hour_to_ms + 7 * FG_HOUR_MS, seq);
			continue;
		}
		for (int64_t to_ms = hour_to_ms;
			to_ms < hour_to_ms + length_ms &&
			(to_ms == hour_to_ms || to_ms <= h->last_hour_ms);
			to_ms += FG_HOUR_MS)
			mark(core, i, to_ms - length_ms, to_ms, wall_ms(core), seq, true);
	}
}

/* The class of the station follows what was told of a pollutant. */
static void mark_station(struct fg_core *core, size_t target, int64_t to_ms, uint64_t seq)
{
	size_t station = core->hours->targets[target].station;

	if (station)
		mark(core, station - 1, to_ms - FG_HOUR_MS, to_ms, wall_ms(core), seq, true);
}

static void drop_mark(struct fg_hours *h, struct mark *m)
{
	const size_t at = (size_t)(m - h->marks), last = h->mark_count - 1;

	*link_to(h, at) = m->next;
	if (at != last) {
		*link_to(h, last) = (uint32_t)at + 1;
		*m = h->marks[last];
	}
	h->mark_count--;
}

/* ---- what marks hours ---- */

void fg_hours_committed(struct fg_core *core, uint64_t next_seq)
{
	struct fg_hours *h = core->hours;

	if (!h || !h->count || !core->ports.read_hours) {
		if (h)
			h->live_next = FG_MAX(h->live_next, next_seq);
		return;
	}
	for (; h->live_next < next_seq; h->live_next++) {
		const struct fg_recent_entry *e = fg_recent_get(&core->recent, h->live_next);
		const struct fg_item *item = e ? &e->item : NULL;

		if (!item) {
			fg_ranges_add(&h->todo, h->live_next, h->live_next + 1);
			continue;
		}
		if (item->kind != FG_ITEM_READING || item->point >= h->id_count ||
			!h->by_id[item->point])
			continue;
		if (!e->timed)
			fg_ranges_add(&h->untimed, h->live_next, h->live_next + 1);
		else if (!item->uncertainty_s && !item->not_stored)
			mark_hour(core, h->by_id[item->point] - 1, fg_hour_end(item->wall_ms),
				h->live_next, item->replaces != 0);
	}
}

static void move_untimed(struct fg_hours *h)
{
	for (size_t i = 0; i < h->untimed.count; i++)
		fg_ranges_add(&h->todo, h->untimed.items[i].from, h->untimed.items[i].to);
	fg_ranges_fini(&h->untimed);
	fg_ranges_init(&h->untimed);
}

void fg_hours_time_known(struct fg_core *core)
{
	if (core->hours)
		move_untimed(core->hours);
}

void fg_hours_refused(struct fg_core *core, const struct fg_item *item)
{
	struct fg_hours *h = core->hours;

	if (!h || item->kind != FG_ITEM_AGGREGATE)
		return;
	for (size_t i = 0; i < h->count; i++)
		if (h->targets[i].series->id == item->point) {
			h->refused++;
			mark(core, i, item->aggregate ? item->aggregate->from_ms : item->wall_ms,
				item->wall_ms, wall_ms(core) + 10 * SETTLE_MS, item->seq, true);
			return;
		}
}

/* An hour is over: each point is told, even where nothing came. */
static void tick(struct fg_core *core)
{
	struct fg_hours *h = core->hours;
	int64_t hour_ms = fg_hour_end(wall_ms(core)) - FG_HOUR_MS;
	unsigned n = 0;

	if (!h->last_hour_ms || h->last_hour_ms > hour_ms + FG_HOUR_MS)
		h->last_hour_ms = hour_ms; /* the first one, or the clock was set back */
	for (; h->last_hour_ms < hour_ms; n++) {
		h->last_hour_ms = hour_ms - h->last_hour_ms > TICKS_MAX * FG_HOUR_MS ?
					  hour_ms :
					  h->last_hour_ms + FG_HOUR_MS;
		for (size_t i = 0; i < h->source_count; i++)
			mark_hour(core, h->source_target[i], h->last_hour_ms, h->live_next, false);
	}
}

/* After a start: the longer periods that the last run may not have told. */
static void resume(struct fg_core *core)
{
	struct fg_hours *h = core->hours;
	int64_t now_ms = wall_ms(core), hour_ms = fg_hour_end(now_ms) - FG_HOUR_MS;

	h->resumed = true;
	fg_hours_end_slow(h, now_ms);
	if (!h->last_hour_ms)
		return;
	for (size_t i = 0; i < h->source_count; i++) {
		mark_longer(core, h->source_target[i], h->last_hour_ms, h->live_next);
		mark_station(core, h->source_target[i], h->last_hour_ms, h->live_next);
	}
	h->last_hour_ms = hour_ms; /* of the hours between nobody was there to tell */
}

/* ---- what is asked, and what is told ---- */

static bool start(struct fg_core *core)
{
	struct fg_hours *h = core->hours;

	h->work->config = fg_config_ref(h->config);
	h->work->status = FG_OK;
	h->busy = core->ports.read_hours(core->ports.arg, h->work) >= 0;
	if (h->busy)
		return true;
	fg_config_unref(h->work->config);
	h->work->config = NULL;
	h->retry_mono_us = core->now.mono_us + RETRY_US;
	return false;
}

static bool scan_for(struct fg_core *core, size_t source_from, size_t source_to, uint64_t from,
	uint64_t to)
{
	struct fg_hours *h = core->hours;
	struct fg_hours_work *w = h->work;

	w->scan = true;
	w->from = from;
	w->to = FG_MIN(to, from + SCAN_MAX);
	w->sources = h->sources;
	w->source_from = source_from;
	w->source_count = source_to;
	return start(core);
}

static bool start_scan(struct fg_core *core)
{
	struct fg_hours *h = core->hours;
	struct fg_range r;

	h->work->behind = false;
	if (fg_ranges_next(&h->todo, 0, &r) && r.from < core->committed_next)
		return scan_for(core, 0, h->source_count, r.from,
			FG_MIN(r.to, core->committed_next));
	if (h->crowded || h->mark_count > marks_max(h) / 2)
		return false; /* what is found is told first */
	for (size_t i = 0; i < h->source_count; i++) {
		const struct target *t = &h->targets[h->source_target[i]];

		if (t->behind_from >= t->behind_to)
			continue;
		h->work->behind = true;
		return scan_for(core, i, i + 1, t->behind_from, t->behind_to);
	}
	return false;
}

static bool hour_first(const struct fg_hours *h, const struct mark *m, int64_t now_ms)
{
	const size_t hour = h->targets[m->target].hour;

	for (uint32_t i = hour == NO_HOUR ? 0 : h->targets[hour].marks; i; i = h->marks[i - 1].next)
		if (h->marks[i - 1].to_ms <= m->to_ms && h->marks[i - 1].due_ms <= now_ms)
			return true;
	return false;
}

/* What the class of a station is made of is looked at first. */
static bool pollutant_first(struct fg_hours *h, const struct mark *m, int64_t now_ms)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct mark *of = h->targets[i].station == m->target + 1 ?
						find_mark(h, i, m->to_ms) :
						NULL;

		if (of && of->due_ms <= now_ms)
			return true;
	}
	return false;
}

/* Whether it is time to look at it. */
static bool ready(struct fg_core *core, struct mark *m)
{
	struct fg_hours *h = core->hours;
	int64_t now_ms = wall_ms(core);

	if (m->due_ms > now_ms)
		return false;
	if (h->targets[m->target].hour != m->target && hour_first(h, m, now_ms))
		return false;
	if (h->targets[m->target].told.pollutants && pollutant_first(h, m, now_ms))
		return false;
	if (!m->need)
		m->need = core->next_seq;
	return m->need <= core->committed_next;
}

/* Rows of it may have expired: what was told stays. */
static bool too_old(const struct fg_core *core, const struct mark *m)
{
	return m->from_ms + core->config->storage.keep_us / 1000 < wall_ms(core);
}

static void take_mark(struct fg_hours *h, struct mark *m)
{
	struct fg_hours_work *w = h->work;
	const struct target *t = &h->targets[m->target];

	m->busy = true;
	m->again = false;
	h->targets[m->target].noted_to_ms = 0;
	w->targets[w->count] = t->told;
	if (m->from_ms < t->slow_until_ms && t->slow_step_ms > t->told.ask.step_ms)
		fg_hours_set_step(&w->targets[w->count].ask, t->slow_step_ms);
	w->tags[w->count++] = h->targets[m->target].series->id;
}

/* How many readings a period is made of, about. */
static int64_t weight_of(const struct fg_hours *h, const struct mark *m)
{
	const struct fg_hours_series *t = &h->targets[m->target].told;
	int64_t step_ms = t->ask.period == FG_TOLD_HOUR ? FG_MAX(t->ask.step_ms, 1) : FG_HOUR_MS;

	return (m->to_ms - m->from_ms) / step_ms * (t->speed.point ? 2 : 1);
}

static bool start_period(struct fg_core *core)
{
	struct fg_hours *h = core->hours;
	struct fg_hours_work *w = h->work;
	const struct mark *first = NULL;
	int64_t weight = 0;

	w->scan = false;
	w->count = 0;
	for (size_t i = 0; i < h->mark_count && w->count < FG_HOURS_TARGETS; i++) {
		struct mark *m = &h->marks[i];

		if (first && (m->from_ms != w->from_ms || m->to_ms != w->to_ms))
			continue;
		if (!ready(core, m))
			continue;
		if (too_old(core, m)) {
			drop_mark(h, m);
			i--;
			continue;
		}
		weight += weight_of(h, m);
		if (first && weight > READINGS_MAX)
			break;
		first = m;
		w->from_ms = m->from_ms;
		w->to_ms = m->to_ms;
		take_mark(h, m);
	}
	return w->count && start(core);
}

static uint64_t seen(const struct fg_aggregate *a)
{
	return (uint64_t)a->count + a->suspect + a->fail + a->maintenance;
}

/* Whether the answer is news. Where readings have gone that nobody corrected, the store has dropped
 * them: what was told while they were there stays. */
static bool is_news(const struct fg_hours_answer *a, bool moved)
{
	if (!a->told)
		return !a->empty;
	if (fg_period_same(&a->now, &a->before))
		return false;
	return moved || seen(&a->now.a) >= seen(&a->before.a);
}

static struct mark *mark_of(struct fg_hours *h, uint32_t tag, int64_t to_ms)
{
	const size_t target = fg_hours_target_of(h, tag);

	return target < h->count ? find_mark(h, target, to_ms) : NULL;
}

static void lay_out(const struct fg_hours_work *w, size_t i, uint64_t seq, struct fg_item *ret)
{
	const struct fg_hours_answer *a = &w->answers[i];

	*ret = (struct fg_item){.seq = seq, .kind = FG_ITEM_AGGREGATE, .point = w->tags[i],
		.wall_ms = w->to_ms, .replaces = a->told ? a->place : 0, .qc = a->now.qc,
		.aggregate = &a->now.a};
	if (a->now.qc == FG_QC_MISSING)
		ret->reason = FG_REASON_COVERAGE;
	else
		ret->value = (struct fg_value){.kind = FG_KIND_DECIMAL, .f = a->now.value};
}

static int append(struct fg_core *core, struct fg_item *items, unsigned count)
{
	const struct fg_record_head head = {.era = core->era, .count = count};
	int r;

	if (!count)
		return FG_OK;
	fg_buf_clear(&core->record);
	fg_record_encode_aggregates(&core->record, &head, items);
	r = fg_core_append_entries(core, items, count);
	for (unsigned i = 0; i < count && r >= 0 && core->ports.watch; i++)
		core->ports.watch(core->ports.arg, &items[i],
			&fg_series_by_id(core->series, items[i].point)->desc);
	return r;
}

/* Longer periods follow what was looked at, also where it was told before: the end may have come
 * between the two. */
static void mark_all_longer(struct fg_core *core, const bool left_out[FG_HOURS_TARGETS])
{
	struct fg_hours *h = core->hours;
	const struct fg_hours_work *w = h->work;

	for (size_t i = 0; i < w->count; i++) {
		const size_t t = fg_hours_target_of(h, w->tags[i]);

		if (t == h->count || left_out[i])
			continue;
		if (h->targets[t].hour == t)
			mark_longer(core, t, w->to_ms, core->next_seq);
		mark_station(core, t, w->to_ms, core->next_seq);
	}
}

/* Marks of what was looked at go, unless they were marked again. */
static void settle(struct fg_core *core, const struct fg_item *items, unsigned count,
	const bool left_out[FG_HOURS_TARGETS])
{
	struct fg_hours *h = core->hours;
	const struct fg_hours_work *w = h->work;

	for (size_t i = 0; i < w->count; i++) {
		struct mark *m = mark_of(h, w->tags[i], w->to_ms);

		if (!m)
			continue;
		m->busy = false;
		if (m->again)
			m->due_ms = wall_ms(core) + SETTLE_MS;
		else
			drop_mark(h, m);
	}
	for (unsigned i = 0; i < count; i++) {
		h->told++;
		h->told_again += items[i].replaces != 0;
	}
	mark_all_longer(core, left_out);
	h->appended_next = core->next_seq;
}

static void take_periods(struct fg_core *core)
{
	struct fg_hours *h = core->hours;
	struct fg_hours_work *w = h->work;
	struct fg_item items[FG_HOURS_TARGETS];
	bool left_out[FG_HOURS_TARGETS] = {false};
	unsigned count = 0;

	for (size_t i = 0; i < w->count; i++) {
		const struct mark *m = mark_of(h, w->tags[i], w->to_ms);

		left_out[i] = m && m->told_only && !w->answers[i].told;
		if (m && !left_out[i] && is_news(&w->answers[i], m->moved))
			lay_out(w, i, core->next_seq + count, &items[count]), count++;
	}
	if (append(core, items, count) < 0) {
		h->retry_mono_us = core->now.mono_us + RETRY_US;
		return;
	}
	settle(core, items, count, left_out);
}

static void take_scan(struct fg_core *core)
{
	struct fg_hours *h = core->hours;
	const struct fg_hours_work *w = h->work;

	for (size_t i = 0; i < w->hit_count; i++) {
		const struct fg_hours_hit *hit = &w->hits[i];
		const size_t target = h->source_target[hit->source];

		mark_hour_as(core, target, hit->to_ms, hit->seq, hit->moved,
			w->behind && hit->place >= h->targets[target].behind_left);
	}
	if (w->behind)
		h->targets[h->source_target[w->source_from]].behind_from = w->scanned_to;
	else
		fg_ranges_remove(&h->todo, w->from, w->scanned_to);
	h->past_due |= w->behind;
	if (w->untimed)
		fg_ranges_add(&h->untimed, w->untimed, w->scanned_to);
}

void fg_core_hours(struct fg_core *core, struct fg_now now, struct fg_hours_work *work)
{
	struct fg_hours *h = core->hours;
	bool same = work->config == h->config;

	core->now = fg_core_now(core, now);
	h->busy = false;
	fg_hours_work_back(work);
	if (work->status < 0 || core->stopping) {
		h->retry_mono_us = core->now.mono_us + RETRY_US;
		same = false;
	}
	if (same && work->scan)
		take_scan(core);
	else if (same)
		take_periods(core);
	for (size_t i = 0; i < h->mark_count; i++)
		h->marks[i].busy = false;
}

/* ---- what outlives a restart ---- */

#define NOTE_VERSION 1

uint64_t fg_hours_undone(const struct fg_hours *h, size_t target)
{
	uint64_t seq = FG_MIN(h->live_next,
		FG_MIN(fg_ranges_first(&h->todo), fg_ranges_first(&h->untimed)));

	for (uint32_t i = h->targets[target].marks; i; i = h->marks[i - 1].next)
		seq = FG_MIN(seq, h->marks[i - 1].first_seq);
	return seq;
}

static uint64_t cursor(const struct fg_hours *h)
{
	uint64_t seq = FG_MIN(h->live_next,
		FG_MIN(fg_ranges_first(&h->todo), fg_ranges_first(&h->untimed)));

	for (size_t i = 0; i < h->mark_count; i++)
		if (h->targets[h->marks[i].target].hour == h->marks[i].target)
			seq = FG_MIN(seq, h->marks[i].first_seq);
	return seq;
}

/* A period that is made of hours is due: only the hours tell of it after a restart. */
static bool longer_due(const struct fg_core *core)
{
	const struct fg_hours *h = core->hours;

	for (size_t i = 0; i < h->mark_count; i++)
		if (h->targets[h->marks[i].target].hour != h->marks[i].target &&
			h->marks[i].due_ms <= wall_ms(core))
			return true;
	return false;
}

static void save(struct fg_core *core)
{
	struct fg_hours *h = core->hours;
	uint64_t seq = cursor(h);
	char mem[32];
	struct fg_buf note;

	if (seq <= h->saved || h->appended_next > core->committed_next ||
		core->now.mono_us < h->save_mono_us || longer_due(core))
		return;
	h->save_mono_us = core->now.mono_us + SAVE_EVERY_US;
	fg_buf_wrap(&note, mem, sizeof(mem));
	fg_buf_putc(&note, NOTE_VERSION);
	fg_put_varint(&note, seq);
	fg_put_svarint(&note, h->last_hour_ms);
	if (fg_core_set_state(core, "hours", "told", note.data, note.len) == FG_OK)
		h->saved = seq;
}

/* Nothing is told by the hour now: where it goes on is told of each series by itself, and what
 * comes meanwhile is none of a later start's. */
static void forget(struct fg_core *core)
{
	struct fg_hours *h = core->hours;

	if (h->saved && !h->past_due &&
		fg_core_set_state(core, "hours", "told", "", 0) == FG_OK)
		h->saved = 0;
}

int fg_hours_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	struct fg_hours *h = core->hours;
	struct fg_bytes in = {.at = bytes, .end = (const unsigned char *)bytes + len};
	int64_t last_ms;
	uint64_t seq;
	bool good;

	(void)key;
	good = fg_get_byte(&in) == NOTE_VERSION;
	seq = fg_get_varint(&in);
	last_ms = fg_get_svarint(&in);
	if (!good || in.bad || seq > core->committed_next || last_ms < 0)
		return FG_OK;
	h->saved = seq;
	if (!h->count)
		return FG_OK;
	h->last_hour_ms = last_ms;
	return seq < core->committed_next ? fg_ranges_add(&h->todo, seq, core->committed_next) :
					    FG_OK;
}

/* ---- the loop ---- */

static int64_t next_due_us(const struct fg_core *core)
{
	const struct fg_hours *h = core->hours;
	int64_t next_ms = fg_hour_end(wall_ms(core));

	for (size_t i = 0; i < h->mark_count; i++)
		if (h->marks[i].due_ms > wall_ms(core))
			next_ms = FG_MIN(next_ms, h->marks[i].due_ms);
	return core->now.mono_us + next_ms * 1000 - core->now.wall_us;
}

int64_t fg_hours_run(struct fg_core *core)
{
	struct fg_hours *h = core->hours;

	if (!h || !core->ports.read_hours || core->stopping)
		return INT64_MAX;
	fg_hours_settle_past(core);
	fg_hours_save_past(core);
	if (!h->count)
		forget(core);
	if (!h->count || !core->trusted)
		return INT64_MAX;
	if (!h->resumed)
		resume(core);
	tick(core);
	save(core);
	if (h->busy)
		return next_due_us(core);
	if (h->retry_mono_us > core->now.mono_us)
		return h->retry_mono_us;
	if (start_scan(core) || start_period(core))
		return next_due_us(core);
	if (h->crowded && h->mark_count < marks_max(h) / 2) {
		h->crowded = false;
		move_untimed(h);
	}
	return next_due_us(core);
}

void fg_hours_status(const struct fg_core *core, struct fg_json *j)
{
	const struct fg_hours *h = core->hours;
	size_t pending = 0;

	if (!h || !h->count)
		return;
	for (size_t i = 0; i < h->mark_count; i++)
		pending += h->marks[i].due_ms <= wall_ms(core);
	fg_json_object(j, "hourly");
	fg_json_uint(j, "points", h->source_count);
	fg_json_uint(j, "pending", pending);
	if (h->last_hour_ms)
		fg_json_time(j, "last", h->last_hour_ms);
	fg_json_uint(j, "told", h->told);
	fg_json_uint(j, "told_again", h->told_again);
	fg_json_end_object(j);
}
