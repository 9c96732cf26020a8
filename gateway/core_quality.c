/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: quality tests that look at the earlier readings of a point, and corrections where a
 * reading shows that the one before was a spike. Times are those of the monotonic clock, which no
 * correction of the wall clock touches; what a restart finds in the store is moved to it as soon as
 * the relation of the two is known. */
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/plant.h"
#include "base/status.h"
#include "gateway/core_state.h"
#include "quality/quality.h"
#include "quality/tests.h"
#include "storage/record.h"

/* A reading that is told and may yet prove a spike. */
struct previous {
	bool known;
	struct fg_item item; /* its value is a number, so nothing in it is lent */
	int64_t mono_us;
	uint32_t era; /* 0: by the sensor's own clock */
};

struct fg_quality {
	struct fg_qc_history history;
	bool stored; /* what it knows comes from the store, with wall times */
	struct previous previous;
	bool fresh;	   /* its newest reading is not laid out yet; then it is */
	uint64_t batch_no; /* core->items[at] of that batch */
	unsigned at;
	struct fg_sample samples[];
};

/* The item has the verdict. */
struct fg_correction {
	struct previous of;
	struct fg_series *series;
};

/* ---- memory ---- */

static double interval_s(const struct fg_point *point)
{
	return (double)point->interval_us / 1e6;
}

static struct fg_quality *new_quality(const struct fg_point *point)
{
	size_t memory = fg_qc_history_memory(point->qc.tests, interval_s(point));
	struct fg_quality *q = calloc(1, sizeof(*q) + memory * sizeof(q->samples[0]));

	if (q)
		fg_qc_history_init(&q->history, point->qc.tests, interval_s(point), q->samples);
	return q;
}

int fg_quality_init_runs(struct fg_point_run *points, const struct fg_config *config)
{
	for (size_t i = 0; i < config->point_count; i++) {
		const struct fg_point *point = config->points[i];

		if (point->qc.off || !point->qc.tests)
			continue;
		points[i].quality = new_quality(point);
		if (!points[i].quality)
			return FG_ENOMEM;
	}
	return FG_OK;
}

void fg_quality_free_runs(struct fg_point_run *points, const struct fg_config *config)
{
	for (size_t i = 0; points && i < config->point_count; i++)
		free(points[i].quality);
}

/* A batch is of one device, and what comes again within it needs none; of what was worked out of
 * its points there is mostly one reading each. */
int fg_quality_init_items(struct fg_core *core, const struct fg_config *config)
{
	size_t cap = 1;

	for (size_t i = 0; i < config->device_count; i++)
		cap = FG_MAX(cap, config->devices[i]->point_count);
	for (size_t i = 0; i < config->point_count; i++)
		cap += config->points[i]->derived != NULL;
	free(core->corrections);
	core->correction_count = 0;
	core->correction_cap = cap;
	core->corrections = calloc(cap, sizeof(*core->corrections));
	return core->corrections ? FG_OK : FG_ENOMEM;
}

static void take_over(struct fg_quality *q, const struct fg_quality *from)
{
	fg_qc_history_take(&q->history, &from->history);
	q->previous = from->previous;
	q->stored = from->stored;
}

void fg_quality_carry(struct fg_core *core, struct fg_point_run *next, size_t count)
{
	for (size_t i = 0; i < core->config->point_count; i++) {
		const struct fg_point_run *from = &core->points[i];

		for (size_t k = 0; from->quality && k < count; k++)
			if (next[k].quality && next[k].series == from->series)
				take_over(next[k].quality, from->quality);
	}
}

/* ---- one reading ---- */

/* From the store's times to those of this run. Where the wall clock cannot be trusted, nobody knows
 * how long ago that was. */
static void settle(struct fg_core *core, struct fg_quality *q, int64_t mono_us)
{
	int64_t offset_ms;

	if (!q->stored)
		return;
	offset_ms = (fg_core_wall_us(core, mono_us) - mono_us) / 1000;
	q->stored = false;
	fg_qc_history_shift(&q->history, -offset_ms);
	q->previous.known &= core->time.clock.level == FG_CLOCK_RIGHT;
	if (core->trusted && q->history.last_ms < mono_us / 1000)
		return;
	fg_qc_history_unknown_gap(&q->history);
	q->previous.known = false;
}

static double number_of(const struct fg_value *v)
{
	bool number = v->kind >= FG_KIND_INT && v->kind <= FG_KIND_DECIMAL;

	return number ? fg_value_number(v) : (double)NAN;
}

static void worsen(struct fg_item *item, enum fg_test test, enum fg_qc verdict)
{
	const enum fg_qc tests[] = {fg_tests_get(item->tests, test), verdict};
	const enum fg_qc flags[] = {item->qc, verdict};

	item->tests = fg_tests_set(item->tests, test,
		tests[0] ? fg_qc_rollup(tests, FG_COUNT(tests)) : verdict);
	item->qc = fg_qc_rollup(flags, FG_COUNT(flags));
}

/* What is corrected twice in a batch is told once. */
static void correct(struct fg_core *core, const struct previous *of, struct fg_series *series,
	enum fg_test test, enum fg_qc verdict)
{
	struct fg_correction *c = core->corrections;

	for (size_t i = 0; i < core->correction_count; i++, c++) {
		if (c->of.item.seq != of->item.seq)
			continue;
		worsen(&c->of.item, test, verdict);
		return;
	}
	if (core->correction_count == core->correction_cap) {
		core->qc_not_told++;
		return;
	}
	*c = (struct fg_correction){.of = *of, .series = series};
	worsen(&c->of.item, test, verdict);
	core->correction_count++;
}

/* ---- what was worked out of a spike ---- */

static bool is_made_of(const struct fg_point *point, const struct fg_point *input)
{
	const struct fg_derivation *d = point->derived;

	for (size_t i = 0; d && i < d->input_count; i++)
		if (d->inputs[i].point &&
			(d->inputs[i].point == input || is_made_of(d->inputs[i].point, input)))
			return true;
	return false;
}

/* Of the same batch, and not numbered yet. */
static void worsen_laid_out(
	struct fg_core *core, const struct fg_point *input, unsigned from, enum fg_qc verdict)
{
	for (unsigned i = from; i < core->laid_out; i++) {
		const struct fg_point *p = core->config->points[core->item_point[i]];

		if (core->items[i].qc != FG_QC_MISSING && is_made_of(p, input))
			worsen(&core->items[i], FG_TEST_RULE(p->rule_count), verdict);
	}
}

/* As it was told last. */
static void take_newest_form(const struct fg_core *core, struct fg_item *item)
{
	for (uint64_t seq = item->seq + 1; seq < core->recent.next; seq++) {
		const struct fg_recent_entry *e = fg_recent_get(&core->recent, seq);

		if (!e || e->absent || e->item.kind != FG_ITEM_READING ||
			e->item.replaces != item->seq)
			continue;
		item->tests = e->item.tests;
		item->qc = e->item.qc;
	}
}

static void correct_derived(struct fg_core *core, const struct fg_point *p,
	const struct previous *input, enum fg_qc verdict)
{
	struct fg_point_run *run = &core->points[p->index];

	for (uint64_t seq = input->item.seq + 1; seq < core->recent.next; seq++) {
		const struct fg_recent_entry *e = fg_recent_get(&core->recent, seq);
		struct previous of;

		if (!e || e->absent || e->series != run->series ||
			e->item.kind != FG_ITEM_READING || e->item.replaces ||
			e->item.qc == FG_QC_MISSING || !isfinite(number_of(&e->item.value)))
			continue;
		of = (struct previous){.known = true, .item = e->item, .mono_us = e->mono_us,
			.era = e->item.own_time ? 0 : core->era};
		take_newest_form(core, &of.item);
		correct(core, &of, run->series, FG_TEST_RULE(p->rule_count), verdict);
		if (run->quality && run->quality->previous.item.seq == seq)
			worsen(&run->quality->previous.item, FG_TEST_RULE(p->rule_count), verdict);
	}
}

/* Whatever was told of derived points since the input was told was worked out of it. */
static void correct_all_derived(struct fg_core *core, const struct fg_point *input,
	const struct previous *of, enum fg_qc verdict)
{
	for (size_t i = 0; i < core->config->point_count; i++)
		if (is_made_of(core->config->points[i], input))
			correct_derived(core, core->config->points[i], of, verdict);
}

/* The reading before was a spike: what is not numbered yet is told so at once. None is corrected
 * whose time may prove wrong: the store corrects that itself, later, and knows nothing of this
 * verdict. Nor across eras. */
static void judge_before(struct fg_core *core, const struct fg_point *point, enum fg_qc verdict)
{
	const struct fg_point_run *run = &core->points[point->index];
	const struct fg_quality *q = run->quality;

	if (verdict != FG_QC_SUSPECT && verdict != FG_QC_FAIL)
		return;
	if (q->batch_no == core->batch_no) {
		worsen(&core->items[q->at], FG_TEST_SPIKE, verdict);
		worsen_laid_out(core, point, q->at + 1, verdict);
		return;
	}
	if (!q->previous.known)
		return;
	if (q->previous.era && q->previous.era != core->era) {
		core->qc_not_told++;
		return;
	}
	correct(core, &q->previous, run->series, FG_TEST_SPIKE, verdict);
	correct_all_derived(core, point, &q->previous, verdict);
}

/* When it was measured, by the monotonic clock: a sensor may have told when by the wall. */
static int64_t time_ms(const struct fg_core *core, const struct fg_reading *r)
{
	int64_t offset_us;

	if (!r->told)
		return r->taken_mono_us / 1000;
	offset_us = fg_core_wall_us(core, r->taken_mono_us) - r->taken_mono_us;
	return r->told_wall_ms - offset_us / 1000;
}

static int64_t calendar_ms(const struct fg_core *core, const struct fg_reading *r)
{
	if (r->told)
		return r->told_wall_ms;
	return core->trusted ? fg_core_wall_us(core, r->taken_mono_us) / 1000 : FG_NO_TIME;
}

void fg_quality_step(struct fg_core *core, const struct fg_point *point, struct fg_reading *r)
{
	struct fg_point_run *run = &core->points[point->index];
	struct fg_quality *q = run->quality;
	const double value = r->qc == FG_QC_MISSING ? (double)NAN : number_of(&r->value);
	struct fg_sample sample = {.value = value};
	struct fg_qc_verdict v;

	if (!q)
		return;
	sample.time_ms = time_ms(core, r);
	settle(core, q, r->taken_mono_us);
	q->fresh = !q->history.known || sample.time_ms > q->history.last_ms;
	v = fg_qc_tests_step(point->qc.tests, &q->history, interval_s(point), sample,
		calendar_ms(core, r));
	if (isfinite(value)) {
		r->tests |= v.tests;
		r->qc = fg_qc_rollup_tests(r->qc, v.tests);
	}
	if (!q->fresh)
		return; /* older than what is known: judged by itself */
	judge_before(core, point, v.spike_before);
	q->previous.known = false;
	q->batch_no = 0;
}

void fg_quality_laid_out(struct fg_core *core, struct fg_point_run *run, unsigned at)
{
	struct fg_quality *q = run->quality;

	if (!q || !q->fresh)
		return;
	q->fresh = false;
	q->batch_no = core->batch_no;
	q->at = at;
}

void fg_quality_told(struct fg_core *core, struct fg_point_run *run, unsigned at)
{
	const struct fg_item *item = &core->items[at];
	struct fg_quality *q = run->quality;

	if (!q || q->batch_no != core->batch_no || q->at != at ||
		!isfinite(number_of(&item->value)))
		return;
	if (!item->own_time && core->time.clock.level != FG_CLOCK_RIGHT)
		return;
	q->previous = (struct previous){.known = true,
		.item = *item,
		.mono_us = core->item_mono_us[at],
		.era = item->own_time ? 0 : core->era};
}

void fg_quality_clock(struct fg_point_run *run, int64_t by_ms)
{
	if (run->quality && !run->quality->stored)
		fg_qc_history_shift(&run->quality->history, by_ms);
}

/* ---- corrections ---- */

static int append_one(struct fg_core *core, const struct fg_correction *c)
{
	const struct fg_record_head head = {.era = c->of.era,
		.replaces = c->of.item.seq,
		.mono_us = c->of.mono_us,
		.wall_ms = c->of.item.wall_ms,
		.has_wall = true,
		.count = 1};
	struct fg_recent_entry e = {.item = c->of.item,
		.series = c->series,
		.mono_us = c->of.mono_us,
		.came_mono_us = core->now.mono_us,
		.timed = c->of.item.own_time || fg_core_timed(core)};
	int r;

	e.item.replaces = c->of.item.seq;
	e.item.seq = core->next_seq;
	if (core->next_seq + 1 > core->seq_limit)
		return FG_EFULL;
	fg_buf_clear(&core->record);
	fg_record_encode(&core->record, &head, &e.item, &e.mono_us);
	r = core->record.overflow ? FG_EFULL :
				    core->ports.append(core->ports.arg, core->next_seq, 1,
					    core->record.data, core->record.len);
	if (r < 0)
		return r;
	fg_recent_add(&core->recent, &e);
	if (!e.timed && core->untimed_from == FG_SEQ_END)
		core->untimed_from = core->next_seq;
	if (core->ports.watch)
		core->ports.watch(core->ports.arg, &e.item, &e.series->desc);
	core->next_seq++;
	return FG_OK;
}

int fg_quality_append(struct fg_core *core)
{
	int r = FG_OK;

	for (size_t i = 0; i < core->correction_count && r >= 0; i++)
		r = append_one(core, &core->corrections[i]);
	return r;
}

/* ---- from the store ---- */

int64_t fg_core_quality_span_us(const struct fg_core *core)
{
	int64_t longest = 0;

	for (size_t i = 0; i < core->config->point_count; i++) {
		const struct fg_quality *q = core->points[i].quality;
		int64_t interval_us = core->config->points[i]->interval_us;

		if (q)
			longest = FG_MAX(longest,
				(q->history.running.window.room + 3) * interval_us);
	}
	return longest;
}

/* Readings of a poll lie in the order of their points: the next one is mostly the one. */
static size_t find_run(struct fg_core *core, uint32_t id)
{
	const size_t count = core->config->point_count;

	for (size_t i = 0; i < count; i++) {
		size_t at = (core->known_at + i) % count;

		if (core->points[at].series->id == id) {
			core->known_at = at + 1;
			return at;
		}
	}
	return count;
}

void fg_core_quality_known(struct fg_core *core, const struct fg_item *item)
{
	const size_t index = find_run(core, item->point);
	struct fg_quality *q =
		index < core->config->point_count ? core->points[index].quality : NULL;
	const struct fg_point *point;
	struct fg_sample sample = {item->wall_ms, NAN};
	bool newest;

	if (!q || fg_planted(FG_PLANT_TESTS_FORGET))
		return;
	if (item->replaces) /* what was corrected is not corrected again */
		q->previous.known &= q->previous.item.seq != item->replaces;
	point = core->config->points[index];
	if (item->qc != FG_QC_MISSING)
		sample.value = number_of(&item->value);
	newest = !q->history.known || sample.time_ms > q->history.last_ms;
	fg_qc_tests_step(point->qc.tests, &q->history, interval_s(point), sample, FG_NO_TIME);
	q->stored = true;
	if (!newest)
		return;
	/* told in the present era, with the time that it has */
	q->previous = (struct previous){
		.known = isfinite(sample.value) && !item->uncertainty_s && !item->replaces,
		.item = *item,
		.mono_us = core->now.mono_us,
		.era = item->own_time ? 0 : core->era};
}
