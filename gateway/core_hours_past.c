/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: what is remembered of points that are told by the hour, over another configuration and
 * over a restart. An hour in which the interval changed goes by the longer one, so the interval
 * before is known. And what comes of a point while it is not configured (corrections of its time
 * above all) marks no hour; from which number on that is so is kept until it is configured again,
 * and then these numbers are looked through for it. One entry a series, in notes of so many series
 * each; they are written when a configuration or a scan has changed them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/status.h"
#include "base/varint.h"
#include "gateway/core_hours.h"
#include "gateway/core_state.h"

#define NOTE_VERSION 1
#define NOTE_IDS     1024 /* series a note, by their numbers in the store */
#define NOTE_BYTES   (48u << 10)
#define NOTES_MAX    1024
/* Of series that are not told any more so many are remembered, those that left last. */
#define GONE_MAX     1024

static struct past *find_past(struct fg_hours *h, uint32_t id)
{
	for (size_t i = 0; i < h->past_count; i++)
		if (h->past[i].id == id)
			return &h->past[i];
	return NULL;
}

static void drop_past(struct fg_hours *h, struct past *p)
{
	*p = h->past[--h->past_count];
}

/* Where there is no memory, an hour may be told by the wrong interval, or not again. */
static void keep_past(struct fg_hours *h, struct past entry)
{
	struct past *p = find_past(h, entry.id);

	if (!p && h->past_count == h->past_cap) {
		size_t cap = h->past_cap ? h->past_cap * 2 : 16;
		void *past = realloc(h->past, cap * sizeof(*h->past));

		if (!past)
			return;
		h->past = past;
		h->past_cap = cap;
	}
	if (!p)
		p = &h->past[h->past_count++];
	*p = entry;
}

static void forget_oldest(struct fg_hours *h)
{
	while (h->past_count > GONE_MAX) {
		struct past *oldest = &h->past[0];

		for (size_t i = 1; i < h->past_count; i++)
			if (h->past[i].from < oldest->from)
				oldest = &h->past[i];
		drop_past(h, oldest);
	}
}

/* ---- one configuration after the other ---- */

/* The hours of a series; h->count: it is not told. */
static size_t find_target(const struct fg_hours *h, uint32_t id)
{
	size_t i = fg_hours_target_of(h, id);

	return i < h->count && h->targets[i].hour == i ? i : h->count;
}

static bool is_behind(const struct target *t)
{
	return t->behind_from < t->behind_to;
}

static struct past past_of(const struct target *t)
{
	return (struct past){.id = t->series->id, .step_ms = t->told.ask.step_ms,
		.slow_step_ms = t->slow_step_ms, .slow_until_ms = t->slow_until_ms};
}

/* Of readings that come closer than before, what lies in one of the longer steps is one value. */
static void follow(struct target *t, const struct past *p, int64_t now_ms, int64_t until_ms)
{
	t->slow_until_ms = p->slow_until_ms;
	t->slow_step_ms = p->slow_step_ms;
	if (p->step_ms == t->told.ask.step_ms)
		return;
	t->slow_step_ms = p->slow_until_ms > now_ms - FG_HOUR_MS ?
				  FG_MAX(p->slow_step_ms, p->step_ms) :
				  p->step_ms;
	t->slow_until_ms = until_ms;
}

/* It is told again: nobody has looked at what came of it meanwhile. */
static void join(
	struct fg_core *core, struct target *t, struct past *p, int64_t now_ms, int64_t until_ms)
{
	struct fg_hours *h = core->hours;

	follow(t, p, now_ms, until_ms);
	if (p->from && p->from < core->committed_next) {
		t->behind_from = p->from;
		t->behind_to = core->committed_next;
		t->behind_left = p->left;
		h->behind = true;
	}
	drop_past(h, p);
}

static void leave(struct fg_hours *h, const struct fg_hours *was, size_t target)
{
	const struct target *t = &was->targets[target];
	struct past p = past_of(t);

	p.from = fg_hours_undone(was, target);
	p.left = was->live_next;
	if (t->behind_to) { /* it left again before it was caught up with */
		p.from = FG_MIN(p.from, t->behind_from);
		p.left = t->behind_left;
	}
	keep_past(h, p);
}

static void stay(struct target *t, const struct target *from, int64_t now_ms, int64_t until_ms)
{
	const struct past p = past_of(from);

	follow(t, &p, now_ms, until_ms);
	t->behind_from = from->behind_from;
	t->behind_to = from->behind_to;
	t->behind_left = from->behind_left;
}

void fg_hours_carry_past(struct fg_core *core, const struct fg_hours *was)
{
	struct fg_hours *h = core->hours;
	const int64_t now_ms = fg_core_wall_us(core, core->now.mono_us) / 1000;
	const int64_t until_ms = core->trusted ? now_ms : FG_HOURS_UNTIL_NOW;

	for (size_t i = 0; i < was->count; i++) {
		size_t k;

		if (was->targets[i].hour != i)
			continue;
		k = find_target(h, was->targets[i].series->id);
		if (k < h->count)
			stay(&h->targets[k], &was->targets[i], now_ms, until_ms);
		else
			leave(h, was, i);
	}
	for (size_t i = 0; i < h->count; i++) {
		struct past *p = h->targets[i].hour == i ?
					 find_past(h, h->targets[i].series->id) :
					 NULL;

		if (p)
			join(core, &h->targets[i], p, now_ms, until_ms);
	}
	forget_oldest(h);
	h->past_due = true;
}

void fg_hours_settle_past(struct fg_core *core)
{
	struct fg_hours *h = core->hours;
	const int64_t now_ms = fg_core_wall_us(core, core->now.mono_us) / 1000;
	size_t i = 0;

	if (!h->past_unsettled)
		return;
	h->past_unsettled = false;
	while (i < h->past_count) {
		size_t k = find_target(h, h->past[i].id);

		if (k < h->count) {
			join(core, &h->targets[k], &h->past[i], now_ms, FG_HOURS_UNTIL_NOW);
			continue;
		}
		if (!h->past[i].from) /* told to where all were told */
			h->past[i].from = h->saved ? h->saved : core->committed_next;
		if (!h->past[i].left)
			h->past[i].left = core->committed_next;
		i++;
	}
	forget_oldest(h);
}

void fg_hours_end_slow(struct fg_hours *h, int64_t now_ms)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->targets[i].slow_until_ms == FG_HOURS_UNTIL_NOW) {
			h->targets[i].slow_until_ms = now_ms;
			h->past_due = true;
		}
}

/* ---- notes ---- */

/* Since when a series that is told is behind, as far as what was found is told. What it marked
 * outlives a restart only so. */
static uint64_t behind_of(const struct fg_hours *h, size_t target)
{
	const struct target *t = &h->targets[target];
	uint64_t undone = fg_hours_undone(h, target);

	if (is_behind(t))
		return FG_MIN(t->behind_from, undone);
	return t->behind_to && undone < t->behind_to ? undone : 0;
}

static void put_entry(struct fg_buf *out, const struct past *p)
{
	fg_put_varint(out, p->id);
	fg_put_varint(out, (uint64_t)p->step_ms);
	fg_put_varint(out, (uint64_t)p->slow_step_ms);
	fg_put_svarint(out, p->slow_until_ms);
	fg_put_varint(out, p->from);
	fg_put_varint(out, p->left);
}

static void write_note(const struct fg_hours *h, size_t note, struct fg_buf *out)
{
	fg_buf_putc(out, NOTE_VERSION);
	for (size_t i = 0; i < h->count; i++) {
		struct past p;

		if (h->targets[i].hour != i || h->targets[i].series->id / NOTE_IDS != note)
			continue;
		p = past_of(&h->targets[i]);
		if (p.slow_until_ms == FG_HOURS_UNTIL_NOW) /* it is the same after a start */
			p.step_ms = FG_MAX(p.slow_step_ms, p.step_ms);
		p.from = behind_of(h, i);
		p.left = p.from ? h->targets[i].behind_left : 0;
		put_entry(out, &p);
	}
	for (size_t i = 0; i < h->past_count; i++)
		if (h->past[i].id / NOTE_IDS == note)
			put_entry(out, &h->past[i]);
}

/* False where the store takes nothing now. */
static bool save_note(struct fg_core *core, size_t note)
{
	struct fg_hours *h = core->hours;
	struct fg_buf out;
	char key[24];
	uint64_t hash;
	int status = FG_OK;

	fg_buf_init(&out, NOTE_BYTES);
	write_note(h, note, &out);
	hash = fg_hash(FG_HASH_START, out.data, out.len);
	snprintf(key, sizeof(key), "%zu", note);
	if (!out.overflow && (out.len > 1 || h->past_saved[note]) && hash != h->past_saved[note]) {
		status = fg_core_set_state(core, FG_STATE_HOURLY, key, out.data, out.len);
		if (status == FG_OK)
			h->past_saved[note] = hash;
	}
	fg_buf_fini(&out);
	return status != FG_EFULL;
}

static bool want_notes(struct fg_hours *h, size_t count)
{
	uint64_t *saved;

	if (count <= h->past_notes)
		return true;
	saved = count <= NOTES_MAX ? realloc(h->past_saved, count * sizeof(*saved)) : NULL;
	if (!saved)
		return false;
	memset(saved + h->past_notes, 0, (count - h->past_notes) * sizeof(*saved));
	h->past_saved = saved;
	h->past_notes = count;
	return true;
}

static uint32_t greatest_id(const struct fg_hours *h)
{
	uint32_t id = 0;

	for (size_t i = 0; i < h->count; i++)
		if (h->targets[i].hour == i)
			id = FG_MAX(id, h->targets[i].series->id);
	for (size_t i = 0; i < h->past_count; i++)
		id = FG_MAX(id, h->past[i].id);
	return id;
}

/* What was found behind is told: it is like any other from now on. */
static void catch_up(struct fg_hours *h)
{
	bool any = false;

	for (size_t i = 0; i < h->count && h->behind; i++) {
		struct target *t = &h->targets[i];

		if (!t->behind_to)
			continue;
		if (is_behind(t) || fg_hours_undone(h, i) < t->behind_to) {
			any = true;
			continue;
		}
		t->behind_from = t->behind_to = 0;
		h->past_due = true;
	}
	h->behind = any;
}

void fg_hours_save_past(struct fg_core *core)
{
	struct fg_hours *h = core->hours;
	size_t notes;
	bool taken = true;

	catch_up(h);
	if (!h->past_due)
		return;
	notes = FG_MAX((size_t)greatest_id(h) / NOTE_IDS + 1, h->past_notes);
	for (size_t i = 0; i < notes && want_notes(h, notes); i++)
		taken &= save_note(core, i);
	h->past_due = !taken;
}

int fg_hours_take_past(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	struct fg_hours *h = core->hours;
	struct fg_bytes in = {.at = bytes, .end = (const unsigned char *)bytes + len};
	size_t note = (size_t)strtoul(key, NULL, 10);

	if (fg_get_byte(&in) != NOTE_VERSION || note >= NOTES_MAX)
		return FG_OK;
	if (!want_notes(h, note + 1))
		return FG_ENOMEM;
	h->past_saved[note] = fg_hash(FG_HASH_START, bytes, len);
	while (!in.bad && in.at < in.end) {
		struct past p = {.id = (uint32_t)fg_get_varint(&in)};

		p.step_ms = (int64_t)fg_get_varint(&in);
		p.slow_step_ms = (int64_t)fg_get_varint(&in);
		p.slow_until_ms = fg_get_svarint(&in);
		p.from = fg_get_varint(&in);
		p.left = fg_get_varint(&in);
		if (!in.bad && p.id && p.step_ms > 0 && p.slow_step_ms >= 0)
			keep_past(h, p);
	}
	h->past_unsettled = true;
	h->past_due = true;
	return FG_OK;
}
