/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings that nobody polled: pushed, or sent because they are observed. Judged, numbered and
 * stored like others; what comes twice is taken once, and what does not come is told. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/driver.h"
#include "gateway/core_state.h"

/* A device that reports by itself is missing after so many of its intervals. */
#define INTERVALS_LATE 3
/* A sensor's clock may be ahead of ours by so much; a time behind that is one in the future. */
#define AHEAD_US INT64_C(60000000)
/* A sensor that tells a time before 2010 has not set its clock. */
#define OLDEST_MS INT64_C(1262304000000)
/* EXCHANGE_LIFETIME of RFC 7252, 4.8.2: so long a message may come again. */
#define MESSAGE_US INT64_C(247000000)
/* Commits that are asked for come at this distance, or at the commit interval if that is shorter:
 * each costs the flash a few pages. */
#define HURRY_US   INT64_C(1000000)
#define SEEN_MIN   64
#define SEEN_MAX   2048
#define MESSAGES   32
#define WAITING_MAX 512

/* ---- what was seen already ---- */

struct seen_reading {
	uint64_t key; /* of point and time */
	uint64_t seq; /* under which it was stored */
};

struct seen_message {
	uint64_t message, seq;
	int64_t mono_us;
};

/* What a device reported lately: rings, the oldest give way. */
struct fg_seen {
	struct seen_reading *readings;
	size_t cap, count, next;
	struct seen_message messages[MESSAGES];
	size_t next_message;
};

/* A report whose readings have numbers from first on, below `end`. */
struct fg_waiting_report {
	uint64_t first, end;
	void *token;
	int status;
	unsigned known;
};

/* Spreads well and is never 0. */
static uint64_t key_of(uint32_t point, int64_t told_ms)
{
	uint64_t x = (uint64_t)told_ms ^ (uint64_t)point << 44;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return x ? x : 1;
}

static struct fg_seen *seen_of(struct fg_device_run *dev)
{
	if (!dev->seen)
		dev->seen = calloc(1, sizeof(*dev->seen));
	return dev->seen;
}

/* Makes the ring larger while it is full and may be. */
static bool grow(struct fg_seen *s)
{
	size_t cap = s->cap ? s->cap * 2 : SEEN_MIN;
	void *readings;

	if (s->count < s->cap || s->cap >= SEEN_MAX)
		return s->cap > 0;
	readings = realloc(s->readings, cap * sizeof(*s->readings));
	if (!readings)
		return s->cap > 0;
	s->readings = readings;
	s->next = s->count; /* it has not gone round yet */
	s->cap = cap;
	return true;
}

static void see_reading(struct fg_device_run *dev, uint64_t key, uint64_t seq)
{
	struct fg_seen *s = seen_of(dev);

	if (!s || !grow(s))
		return;
	s->readings[s->next] = (struct seen_reading){key, seq};
	s->next = (s->next + 1) % s->cap;
	s->count = FG_MIN(s->count + 1, s->cap);
}

/* Whether it was stored, or is about to be; and under which number. */
static bool saw_reading(const struct fg_device_run *dev, uint64_t key, uint64_t *ret_seq)
{
	const struct fg_seen *s = dev->seen;

	for (size_t i = s ? s->count : 0; i-- > 0;)
		if (s->readings[i].key == key) {
			*ret_seq = s->readings[i].seq;
			return true;
		}
	return false;
}

static void see_message(struct fg_device_run *dev, uint64_t message, uint64_t seq, int64_t mono_us)
{
	struct fg_seen *s = seen_of(dev);

	if (!s || !message)
		return;
	s->messages[s->next_message] = (struct seen_message){message, seq, mono_us};
	s->next_message = (s->next_message + 1) % MESSAGES;
}

static bool saw_message(
	const struct fg_device_run *dev, uint64_t message, int64_t mono_us, uint64_t *ret_seq)
{
	for (size_t i = 0; dev->seen && message && i < MESSAGES; i++) {
		const struct seen_message *m = &dev->seen->messages[i];

		if (m->message == message && mono_us - m->mono_us < MESSAGE_US) {
			*ret_seq = m->seq;
			return true;
		}
	}
	return false;
}

/* ---- messages, over a restart ---- */

#define NOTE "push"
#define NOTE_MESSAGES 8
#define NOTE_ENTRY 16

static void put_u64(unsigned char *to, uint64_t v)
{
	for (size_t i = 0; i < 8; i++)
		to[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t get_u64(const unsigned char *from)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 8; i++)
		v |= (uint64_t)from[i] << 8 * i;
	return v;
}

/* The last messages of a device and when they came, the newest first; together with its readings.
 */
int fg_reports_note(struct fg_core *core, const struct fg_arrival *a)
{
	const struct fg_seen *s = core->devices[a->device->index].seen;
	unsigned char note[NOTE_MESSAGES * NOTE_ENTRY];
	int64_t offset_us = core->time.clock.offset_us;
	size_t n = 1;

	put_u64(note, a->message);
	put_u64(note + 8, (uint64_t)((a->arrived_mono_us + offset_us) / 1000));
	for (size_t i = 0; s && i < MESSAGES && n < NOTE_MESSAGES; i++) {
		const struct seen_message *m =
			&s->messages[(s->next_message + MESSAGES - 1 - i) % MESSAGES];

		if (!m->message || a->arrived_mono_us - m->mono_us >= MESSAGE_US)
			continue;
		put_u64(note + n * NOTE_ENTRY, m->message);
		put_u64(note + n * NOTE_ENTRY + 8, (uint64_t)((m->mono_us + offset_us) / 1000));
		n++;
	}
	return fg_core_set_state(core, NOTE, a->device->name, note, n * NOTE_ENTRY);
}

/* How long ago they came is told by the wall clock. Where that is not right, or has been set back,
 * they count as just come: what is stored twice cannot be taken back. */
int fg_reports_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < core->config->device_count; i++) {
		const struct fg_device *d = core->config->devices[i];

		if (strcmp(d->name, key) != 0)
			continue;
		for (size_t at = len / NOTE_ENTRY; at-- > 0;) { /* the oldest first */
			int64_t ms = (int64_t)get_u64(from + at * NOTE_ENTRY + 8);
			int64_t age_ms = core->now.wall_us / 1000 - FG_MAX(ms, INT64_C(0));

			if (age_ms < 0)
				age_ms = 0;
			if (age_ms < MESSAGE_US / 1000)
				see_message(&core->devices[d->index],
					get_u64(from + at * NOTE_ENTRY), 0,
					core->now.mono_us - age_ms * 1000);
		}
	}
	return FG_OK;
}

void fg_core_known_report(struct fg_core *core, const struct fg_item *item)
{
	if (item->kind != FG_ITEM_READING || !item->own_time || item->replaces)
		return;
	for (size_t i = 0; i < core->config->point_count; i++)
		if (core->points[i].series->id == item->point) {
			const struct fg_device *d = core->config->points[i]->device;

			see_reading(&core->devices[d->index],
				key_of(item->point, item->wall_ms), item->seq);
			return;
		}
}

static void unsee(struct fg_seen *s, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->readings[i].seq >= from && s->readings[i].seq < to)
			s->readings[i].key = 0;
	for (size_t i = 0; i < MESSAGES; i++)
		if (s->messages[i].seq >= from && s->messages[i].seq < to)
			s->messages[i].message = 0;
}

static void seen_free(struct fg_seen *s)
{
	if (s)
		free(s->readings);
	free(s);
}

void fg_reports_free(struct fg_core *core, struct fg_device_run *dev)
{
	if (dev) {
		seen_free(dev->seen);
		dev->seen = NULL;
		return;
	}
	for (size_t i = 0; core->devices && i < core->config->device_count; i++)
		seen_free(core->devices[i].seen);
	for (size_t i = 0; core->ports.reported && i < core->waiting_count; i++)
		core->ports.reported(
			core->ports.arg, core->waiting[i].token, FG_ECANCELED, 0);
	free(core->waiting);
	free(core->arrived);
}

/* ---- reports that wait for their commit ---- */

static bool room_to_wait(struct fg_core *core)
{
	size_t cap = core->waiting_cap ? core->waiting_cap * 2 : 16;
	void *waiting;

	if (core->waiting_count < core->waiting_cap)
		return true;
	if (core->waiting_cap >= WAITING_MAX)
		return false;
	waiting = realloc(core->waiting, cap * sizeof(*core->waiting));
	if (!waiting)
		return false;
	core->waiting = waiting;
	core->waiting_cap = cap;
	return true;
}

/* Numbers that a report depends on: its readings', and those of what was there already. */
struct span {
	uint64_t first, end;
};

static void widen(struct span *s, uint64_t first, uint64_t end)
{
	s->first = s->end ? FG_MIN(s->first, first) : first;
	s->end = FG_MAX(s->end, end);
}

static int wait_for_commit(struct fg_core *core, const struct fg_arrival *a, struct span span,
	unsigned known)
{
	if (span.end <= core->committed_next)
		return FG_OK;
	core->waiting[core->waiting_count++] = (struct fg_waiting_report){
		.first = span.first, .end = span.end, .token = a->token, .known = known};
	core->hurry_mono_us = FG_MIN(core->hurry_mono_us,
		FG_MAX(core->now.mono_us, core->hurried_mono_us + HURRY_US));
	return FG_PENDING;
}

void fg_reports_committed(struct fg_core *core)
{
	size_t left = 0;

	for (size_t i = 0; i < core->waiting_count; i++) {
		const struct fg_waiting_report w = core->waiting[i];

		if (w.end > core->committed_next)
			core->waiting[left++] = w;
		else if (core->ports.reported)
			core->ports.reported(core->ports.arg, w.token, w.status, w.known);
	}
	core->waiting_count = left;
	if (left == 0)
		core->hurry_mono_us = INT64_MAX;
}

/* What was refused is not known when it comes again. */
void fg_reports_dropped(struct fg_core *core, uint64_t from, uint64_t to)
{
	from = FG_MAX(from, core->committed_next);
	if (from >= to)
		return;
	for (size_t i = 0; i < core->waiting_count; i++)
		if (core->waiting[i].end > from && core->waiting[i].first < to)
			core->waiting[i].status = FG_EFULL;
	for (size_t i = 0; i < core->config->device_count; i++)
		if (core->devices[i].seen)
			unsee(core->devices[i].seen, from, to);
}

int64_t fg_reports_hurry(struct fg_core *core, struct fg_now now)
{
	if (now.mono_us < core->hurry_mono_us)
		return core->hurry_mono_us;
	core->hurry_mono_us = INT64_MAX;
	core->hurried_mono_us = now.mono_us;
	if (core->ports.hurry && core->store_writable)
		core->ports.hurry(core->ports.arg);
	return INT64_MAX;
}

/* ---- what is expected ---- */

static int64_t patience_us(const struct fg_group_run *run)
{
	return INTERVALS_LATE * run->group->interval_us;
}

void fg_reports_expect(struct fg_now now, struct fg_group_run *run)
{
	run->due_mono_us = now.mono_us + patience_us(run);
}

void fg_reports_observing(struct fg_now now, struct fg_group_run *run, bool observing)
{
	if (observing) {
		run->observing = true;
		fg_reports_expect(now, run);
	} else if (run->observing) { /* from now on it has regular times again */
		run->observing = false;
		run->due_mono_us = run->slot_mono_us = now.mono_us;
	}
}

static bool all_late(const struct fg_core *core, const struct fg_device *d)
{
	for (size_t i = 0; i < d->group_count; i++)
		if (!core->groups[d->groups[i].index].late)
			return false;
	return true;
}

/* Its points have no value, for the reason that nothing came. */
static void tell_late(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	const struct fg_group *g = run->group;
	unsigned n;

	for (size_t i = 0; i < g->count; i++) {
		struct fg_reading reading = {.point = g->points[i]->index,
			.taken_mono_us = now.mono_us,
			.qc = FG_QC_MISSING,
			.reason = FG_REASON_NOT_REPORTED};
		const struct fg_batch batch = {.readings = &reading, .count = 1, .cap = 1};

		if (!fg_heard_expected(core, g->points[i]))
			continue;
		n = fg_judge_batch(core, &batch, false); /* with what is worked out of it */
		if (n == 0)
			continue;
		if (fg_ledgers_ready(core, g->device) >= 0 &&
			fg_core_append_record(core, n, false) >= 0) {
			fg_core_keep_recent(core, n, false);
			core->readings += n;
		}
		fg_core_reserve_ahead(core);
	}
}

void fg_reports_run(struct fg_core *core, struct fg_now now, struct fg_group_run *run)
{
	const struct fg_device *d = run->group->device;

	if (now.mono_us < run->due_mono_us)
		return;
	if (run->observing) { /* asking is the better way to find out why */
		fg_reports_observing(now, run, false);
		return;
	}
	if (fg_schedule_away(core, now)) { /* who was away cannot say who was late */
		fg_reports_expect(now, run);
		return;
	}
	run->late = true;
	run->due_mono_us = now.mono_us + run->group->interval_us;
	if (all_late(core, d))
		fg_health_late(core, now, &core->devices[d->index]);
	tell_late(core, now, run);
}

/* ---- what arrives ---- */

/* Readings with a time of their own are held against ours. */
static int check_times(struct fg_core *core, const struct fg_arrival *a)
{
	int64_t ahead_us = AHEAD_US + (int64_t)core->time.clock.uncertainty_s * 1000000;
	int64_t last_ms = (core->now.wall_us + ahead_us) / 1000;
	bool told = false;

	for (size_t i = 0; i < a->batch->count; i++) {
		const struct fg_reading *r = &a->batch->readings[i];

		if (!r->told)
			continue;
		told = true;
		if (r->told_wall_ms < OLDEST_MS ||
			(fg_core_timed(core) && r->told_wall_ms > last_ms))
			return FG_EINVAL;
	}
	return told && !fg_core_timed(core) ? FG_EAGAIN : FG_OK;
}

static int by_time(const void *left, const void *right)
{
	const struct fg_reading *a = left, *b = right;

	if (a->taken_mono_us != b->taken_mono_us)
		return a->taken_mono_us < b->taken_mono_us ? -1 : 1;
	return (a->point > b->point) - (a->point < b->point);
}

static bool room_for(struct fg_core *core, size_t n)
{
	struct fg_reading *arrived;

	if (n <= core->arrived_cap)
		return true;
	arrived = realloc(core->arrived, n * sizeof(*arrived));
	if (!arrived)
		return false;
	core->arrived = arrived;
	core->arrived_cap = n;
	return true;
}

/* How an arrival is known when it comes again. */
struct manner {
	bool by_time;	 /* its readings have times of their own */
	bool by_message; /* not all of them */
};

/* Where one reading tells its time all get one: then they are one record, whose times nobody
 * corrects. */
static struct manner lay_out(struct fg_core *core, const struct fg_arrival *a)
{
	int64_t offset_us = core->time.clock.offset_us;
	bool own = false, all = true;

	for (size_t i = 0; i < a->batch->count; i++) {
		own |= a->batch->readings[i].told;
		all &= a->batch->readings[i].told;
	}
	for (size_t i = 0; i < a->batch->count; i++) {
		struct fg_reading *r = &core->arrived[i];

		*r = a->batch->readings[i];
		if (own && !r->told) {
			r->told = true;
			r->told_wall_ms = (r->taken_mono_us + offset_us) / 1000;
		}
		if (r->told)
			r->taken_mono_us = r->told_wall_ms * 1000 - offset_us;
	}
	qsort(core->arrived, a->batch->count, sizeof(*core->arrived), by_time);
	return (struct manner){.by_time = own, .by_message = a->message && !all};
}

static uint64_t key_of_reading(const struct fg_core *core, const struct fg_reading *r)
{
	return key_of(core->points[r->point].series->id, r->told_wall_ms);
}

/* Takes out what was seen; returns how many are left. */
static size_t take_out_seen(struct fg_core *core, const struct fg_device_run *dev, size_t count,
	struct span *span)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		const struct fg_reading *r = &core->arrived[i];
		const struct fg_reading *before = left ? &core->arrived[left - 1] : NULL;
		uint64_t seq;

		if (before && before->point == r->point && before->told_wall_ms == r->told_wall_ms)
			continue; /* twice in one batch */
		if (!saw_reading(dev, key_of_reading(core, r), &seq))
			core->arrived[left++] = *r;
		else if (seq >= core->committed_next)
			widen(span, seq, seq + 1);
	}
	return left;
}

static void note_heard(struct fg_core *core, struct fg_now now, const struct fg_arrival *a)
{
	struct fg_device_run *dev = &core->devices[a->device->index];

	dev->reports++;
	dev->reported_wall_ms = now.wall_us / 1000;
	for (size_t i = 0; i < a->device->group_count; i++) {
		struct fg_group_run *run = &core->groups[a->device->groups[i].index];
		bool heard = false;

		for (size_t k = 0; k < a->batch->count && !heard; k++)
			for (size_t m = 0; m < run->group->count && !heard; m++)
				heard = run->group->points[m]->index ==
					a->batch->readings[k].point;
		if (!heard || !fg_reports_by_itself(run))
			continue;
		run->late = false;
		fg_reports_expect(now, run);
	}
	fg_health_reported(core, now, dev);
}

/* A report that the store cannot keep is not taken: its sender keeps it, or it is lost. */
static bool store_takes(const struct fg_core *core, size_t n)
{
	return core->store_writable && !core->store_refuses &&
	       core->next_seq + n <= core->seq_limit;
}

/* What nobody keeps is lost, and told as that. */
static void note_lost(struct fg_core *core, const struct fg_arrival *a, size_t count)
{
	enum fg_reason why = core->store_writable ? FG_REASON_QUEUE_FULL : FG_REASON_STORAGE;

	for (size_t i = 0; i < count && !a->kept; i++) {
		const struct fg_reading *r = &core->arrived[i];

		if (r->qc != FG_QC_MISSING)
			fg_ledgers_missing(core, core->config->points[r->point], why, 0,
				core->now.mono_us);
	}
}

/* What was taken, told or not, is known from now on. */
static void see_arrived(
	struct fg_core *core, const struct fg_arrival *a, size_t count, struct manner manner)
{
	struct fg_device_run *dev = &core->devices[a->device->index];
	uint64_t seq = core->next_seq - 1; /* of the last one: they are durable together */

	for (size_t i = 0; manner.by_time && i < count; i++)
		see_reading(dev, key_of_reading(core, &core->arrived[i]), seq);
	if (manner.by_message)
		see_message(dev, a->message, seq, a->arrived_mono_us);
}

/* Sets n readings down. Whatever is not worth telling is taken, too. */
static int store_arrived(
	struct fg_core *core, const struct fg_arrival *a, size_t count, struct manner manner)
{
	const struct fg_batch batch = {
		.readings = core->arrived, .count = count, .cap = core->arrived_cap};
	size_t most = count + fg_derive_most(core, &batch);
	unsigned n;
	int r;

	if (!store_takes(core, most) || fg_core_want_items(core, most) < 0 ||
		fg_ledgers_ready(core, a->device) < 0)
		return FG_EFULL;
	n = fg_judge_batch(core, &batch, false);
	if (n == 0) { /* it may say of an earlier one that was told what that was */
		fg_core_append_record(core, 0, manner.by_time);
		see_arrived(core, a, count, manner);
		return FG_OK;
	}
	r = fg_core_append_noted(core, n, manner.by_time, manner.by_message ? a : NULL);
	if (r < 0)
		return FG_EFULL;
	fg_judge_note(core, n, true);
	fg_core_keep_recent(core, n, true);
	core->readings += n;
	see_arrived(core, a, count, manner);
	return FG_OK;
}

static int refused(struct fg_core *core, const struct fg_arrival *a, int status)
{
	struct fg_device_run *dev = &core->devices[a->device->index];

	dev->reports_refused++;
	if (status == FG_EINVAL || status == FG_EAGAIN)
		dev->reports_untimely++;
	fg_debug(FG_DEBUG_schedule, "device '%s': a report is refused: %s", a->device->name,
		fg_strerror(status));
	return status;
}

static int known_already(
	struct fg_core *core, const struct fg_arrival *a, struct span span, unsigned *ret_known)
{
	core->devices[a->device->index].reports_known++;
	*ret_known = (unsigned)a->batch->count;
	return wait_for_commit(core, a, span, *ret_known);
}

static void note_over(struct fg_core *core, struct fg_now now, const struct fg_arrival *a)
{
	if (a->over)
		fg_reports_observing(now, &core->groups[a->over->index], false);
}

int fg_core_reported(struct fg_core *core, struct fg_now now, const struct fg_arrival *a,
	unsigned *ret_known)
{
	struct fg_device_run *dev = &core->devices[a->device->index];
	size_t count = a->batch->count, left;
	struct span span = {0};
	struct manner manner;
	uint64_t seq;
	int r;

	core->now = now = fg_core_now(core, now);
	if (core->ledgers_ended || core->stopping)
		return FG_ECANCELED;
	fg_ledgers_roll(core, now);
	dev->reports_late += a->late;
	note_over(core, now, a);
	if (count == 0 && !a->kept)
		return FG_OK;
	if (!room_to_wait(core) || !room_for(core, count))
		return refused(core, a, FG_EFULL);
	if (count == 0) { /* for all that came before it */
		widen(&span, core->committed_next, core->next_seq);
		return wait_for_commit(core, a, span, 0);
	}
	r = check_times(core, a);
	if (r < 0)
		return refused(core, a, r);
	note_heard(core, now, a);
	manner = lay_out(core, a);
	if (manner.by_message && saw_message(dev, a->message, a->arrived_mono_us, &seq)) {
		widen(&span, seq, seq + 1);
		return known_already(core, a, span, ret_known);
	}
	left = manner.by_time ? take_out_seen(core, dev, count, &span) : count;
	if (left == 0)
		return known_already(core, a, span, ret_known);
	seq = core->next_seq;
	fg_heard_note(core, a->device, a->batch);
	r = store_arrived(core, a, left, manner);
	fg_core_reserve_ahead(core);
	if (r < 0) {
		note_lost(core, a, left);
		return refused(core, a, r);
	}
	core->polled += left;
	fg_heard_store(core, a->device);
	if (core->next_seq > seq)
		widen(&span, seq, core->next_seq);
	*ret_known = (unsigned)(count - left);
	return wait_for_commit(core, a, span, *ret_known);
}
