/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_GATEWAY_HOURS_FAKE_H
#define TESTS_GATEWAY_HOURS_FAKE_H

/* What tests of hours share: the fake with a reader of its entries, steps of five minutes, and what
 * was told. A program each includes it once. */
#include "fake.h"

#include <math.h>
#include <stdlib.h>

#include "gateway/core_hours.h"

#define STEP_US (300 * SEC)
#define HOUR_MS INT64_C(3600000)

static struct fake f;
static struct fg_hours_work *asked;
static bool store_fails;

/* ---- the store's reader ---- */

static inline bool give(
	uint64_t seq, fg_reader_fn fn, void *arg, int64_t since_ms, int64_t until_ms)
{
	const struct fake_reading *r = &f.stored[seq - FAKE_FIRST_SEQ];
	bool has_wall = r->has_wall || r->item.kind != FG_ITEM_READING;
	struct fg_item item = r->item;

	if (r->gone || (item.kind == FG_ITEM_ACCOUNT))
		return false;
	if (!has_wall)
		item.wall_ms = (r->mono_us + f.offset_us) / 1000;
	if (item.wall_ms < since_ms || item.wall_ms >= until_ms)
		return false;
	return fn(arg, &item, &fg_series_by_id(&f.series, item.point)->desc,
		       r->earlier_boot || (!has_wall && !f.has_offset)) != 0;
}

long __wrap_fg_reader_range(
	struct fg_reader *r, uint64_t from, uint64_t to, fg_reader_fn fn, void *arg)
{
	(void)r;
	for (uint64_t seq = from; seq < to && seq < f.committed_next; seq++)
		if (give(seq, fn, arg, INT64_MIN, INT64_MAX))
			break;
	return store_fails ? (long)FG_ECORRUPT : 0;
}

long __wrap_fg_reader_times(
	struct fg_reader *r, int64_t since_ms, int64_t until_ms, fg_reader_fn fn, void *arg)
{
	(void)r;
	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.committed_next; seq++)
		if (give(seq, fn, arg, since_ms, until_ms))
			break;
	return store_fails ? (long)FG_ECORRUPT : 0;
}

static inline int port_read_hours(void *arg, struct fg_hours_work *work)
{
	(void)arg;
	assert_null(asked);
	asked = work;
	return FG_OK;
}

/* ---- time ---- */

/* Each mark is in the list of its target, and nothing else is. */
static inline void check_marks(void)
{
	const struct fg_hours *h = f.core->hours;
	size_t n = 0;

	for (size_t i = 0; h && i < h->count; i++)
		for (uint32_t m = h->targets[i].marks; m; m = h->marks[m - 1].next, n++) {
			assert_true(m <= h->mark_count && n < h->mark_count);
			assert_int_equal(h->marks[m - 1].target, i);
		}
	assert_int_equal(n, h ? h->mark_count : 0);
}

static inline void answer_reads(void)
{
	for (int i = 0; i < 200; i++) {
		struct fg_hours_work *work = asked;

		fake_commit(&f);
		fake_turn(&f, 0);
		if (!work)
			continue;
		asked = NULL;
		fg_hours_read(NULL, work);
		fg_core_hours(f.core, f.now, work);
		check_marks();
		if (!asked && i > 4 && f.committed_next == f.appended_next)
			fake_turn(&f, 0);
	}
}

/* The hour that is over has settled and is asked for, but not answered. */
static inline void until_asked(void)
{
	fake_turn(&f, 61 * SEC);
	for (int i = 0; i < 5 && !asked; i++) {
		fake_commit(&f);
		fake_turn(&f, 0);
	}
	assert_non_null(asked);
	assert_false(asked->scan);
}

static inline void answer_one(void)
{
	struct fg_hours_work *work = asked;

	asked = NULL;
	fg_hours_read(NULL, work);
	fg_core_hours(f.core, f.now, work);
	fake_commit(&f);
}

static inline void listen(void)
{
	f.core->ports.read_hours = port_read_hours;
}

static inline void begin_with(const char *yaml)
{
	asked = NULL;
	store_fails = false;
	fake_init(&f, yaml);
	listen();
}

static inline int end(void **state)
{
	(void)state;
	check_marks();
	fake_fini(&f);
	fg_hours_work_free(asked); /* where it was left unanswered */
	return 0;
}

static inline void restart(void)
{
	struct fg_hours_work *was = asked;

	asked = NULL;
	fake_restart(&f);
	if (was) { /* whoever holds it frees it */
		assert_true(was->orphan);
		fg_hours_work_free(was);
	}
	listen();
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	fake_timed(&f);
}

static inline void answer(double value)
{
	const struct fg_group *g = fake_group(&f, "air", 0);

	f.core->groups[g->index].busy = true; /* it was due */
	if (isnan(value))
		fake_fail(&f, g, FG_REASON_NO_RESPONSE);
	else
		fake_answer(&f, g, value);
	fake_commit(&f);
}

/* n steps of five minutes, a reading behind each. */
static inline void steps_of(int64_t step_us, int n, double value)
{
	for (; n; n--) {
		fake_turn(&f, step_us);
		answer(value);
		answer_reads();
	}
}

static inline void steps(int n, double value)
{
	steps_of(STEP_US, n, value);
}

static inline int64_t now_ms(void)
{
	return f.now.wall_us / 1000;
}

/* To the first step of the next hour that is begun, a reading each. */
static inline int64_t to_the_hour(double value)
{
	do
		steps(1, value);
	while (now_ms() % HOUR_MS);
	return now_ms();
}

/* ---- what was told ---- */

static inline const struct fg_item *told(
	enum fg_told_period period, enum fg_stat stat, int64_t to_ms, size_t *ret_count)
{
	const struct fg_item *last = NULL;
	size_t n = 0;

	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++) {
		const struct fg_item *i = &f.stored[seq - FAKE_FIRST_SEQ].item;
		const struct fg_point_desc *d;

		if (i->kind != FG_ITEM_AGGREGATE)
			continue;
		d = &fg_series_by_id(&f.series, i->point)->desc;
		if (d->period == period && d->stat == stat && (!to_ms || i->wall_ms == to_ms))
			last = i, n++;
	}
	*ret_count = n;
	return last;
}

static inline const struct fg_item *hour(int64_t to_ms, size_t times)
{
	size_t n;
	const struct fg_item *i = told(FG_TOLD_HOUR, FG_STAT_MEAN, to_ms, &n);

	assert_int_equal(n, times);
	return i;
}

static inline void expect(const struct fg_item *i, double value, unsigned count)
{
	assert_non_null(i);
	assert_int_equal(i->aggregate->count, count);
	assert_int_equal(i->qc == FG_QC_MISSING, isnan(value));
	assert_int_equal(i->reason, isnan(value) ? FG_REASON_COVERAGE : FG_REASON_NONE);
	if (!isnan(value))
		assert_true(fabs(fg_value_number(&i->value) - value) < 1e-9);
}

/* A reading in another form, by the store. */
static inline void correct(uint64_t seq, double value, enum fg_qc qc)
{
	struct fake_reading *r = &f.stored[f.appended_next - FAKE_FIRST_SEQ];

	f.restamp = (struct fake_lot){.first = f.appended_next, .max = 1};
	f.appended_next++;
	*r = f.stored[seq - FAKE_FIRST_SEQ];
	assert_int_equal(r->item.kind, FG_ITEM_READING);
	r->item.replaces = seq;
	r->item.seq = f.appended_next - 1;
	r->item.value.f = value;
	r->item.qc = qc;
	f.core->next_seq = f.appended_next;
	fake_commit(&f);
}

/* The last reading of no2 before a time. */
static inline uint64_t last_no2(int64_t before_ms)
{
	uint64_t seq = f.appended_next - 1;

	for (;; seq--) {
		const struct fg_item *i = &f.stored[seq - FAKE_FIRST_SEQ].item;

		if (i->kind == FG_ITEM_READING && i->wall_ms < before_ms &&
			strcmp(fg_series_by_id(&f.series, i->point)->desc.point, "no2") == 0)
			return seq;
	}
}

#endif
