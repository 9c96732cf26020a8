/* SPDX-License-Identifier: EUPL-1.2 */
/* True time in the core: eras, what waits for its time, what is corrected. The reckoning itself is
 * in clock.c. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/plant.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "gateway/core_state.h"

#define RESTAMP_LOT (fg_planted(FG_PLANT_RESTAMP_TWICE) ? 8u : FG_CORE_RESTAMP_LOT)

/* A guess that goes by an earlier guess is as good as that one; runs that never had a time at all
 * wrote no times. */
static bool unfounded(const struct fg_core_start *start)
{
	uint32_t last = start->era - 1;

	for (size_t i = start->era_count; i-- > 0; last--) {
		const struct fg_open_era *e = &start->eras[i];

		if (e->era.number != last)
			return false;
		if (e->era.timed && !e->era.uncertainty_s)
			return false; /* it went by a clock, if a weak one */
		if (e->era.timed && e->before_ms == INT64_MIN)
			return true;
	}
	return false;
}

int fg_core_clock_init(struct fg_core *core, const struct fg_core_start *start, struct fg_now now)
{
	struct fg_core_time *t = &core->time;
	size_t n = start->era_count;

	fg_clock_init(&t->clock, now, core->config->clock.trust == FG_TRUST_ALWAYS);
	t->since_mono_us = now.mono_us;
	t->newest_ms = start->newest_ms;
	core->era = t->held.number = start->era;
	core->next_era = FG_MAX(start->next_era, start->era + 1);
	core->untimed_from = FG_SEQ_END;
	t->restamping = start->restamping;
	t->unfounded = unfounded(start);
	t->open = calloc(n + 1, sizeof(*t->open));
	t->todo = calloc(2 * n + 2, sizeof(*t->todo)); /* each twice: a weak time is confirmed */
	t->corrections = calloc(n + 2, sizeof(*t->corrections));
	if (!t->open || !t->todo || !t->corrections)
		return FG_ENOMEM;
	for (size_t i = 0; i < n; i++)
		t->open[i] = start->eras[i];
	t->open_count = n;
	return FG_OK;
}

void fg_core_clock_fini(struct fg_core *core)
{
	free(core->time.open);
	free(core->time.todo);
	free(core->time.corrections);
}

struct fg_now fg_core_now(const struct fg_core *core, struct fg_now now)
{
	return (struct fg_now){
		.mono_us = now.mono_us, .wall_us = fg_core_wall_us(core, now.mono_us)};
}

int64_t fg_core_wall_us(const struct fg_core *core, int64_t mono_us)
{
	return core->time.clock.offset_us + mono_us;
}

bool fg_core_clock_doubted(const struct fg_core *core)
{
	return core->time.clock.holding;
}

/* ---- what was stamped with another relation ---- */

static void shift(int64_t *wall_ms, int64_t by_us)
{
	if (*wall_ms)
		*wall_ms += by_us / 1000;
}

/* States tell since when they last: on the clock that is held for right now. */
static void shift_states(struct fg_core *core, int64_t by_us)
{
	if (by_us == 0)
		return;
	fg_judge_clock(core, by_us);
	shift(&core->started_wall_ms, by_us);
	for (size_t i = 0; i < core->config->device_count; i++) {
		struct fg_device_run *dev = &core->devices[i];

		shift(&dev->since_wall_ms, by_us);
		shift(&dev->failing_since_wall_ms, by_us);
		shift(&dev->last_ok_wall_ms, by_us);
		fg_documents_touch(core, FG_DOC_DEVICE, i);
	}
	for (size_t i = 0; i < core->publisher_count; i++)
		shift(&core->publishers[i]->state_since_wall_ms, by_us);
}

static void give_time(struct fg_item *item, int64_t mono_us, const struct fg_era *era)
{
	item->wall_ms = (mono_us + era->offset_us) / 1000;
	item->uncertainty_s = era->uncertainty_s;
}

/* What was taken before the time was known gets it now, here as in the store. */
static void give_times(struct fg_core *core)
{
	const struct fg_era *era = &core->time.held;

	if (core->untimed_from == FG_SEQ_END)
		return;
	for (size_t i = 0; i < core->series->count; i++) {
		struct fg_series *s = core->series->items[i];

		if (!s->has_newest || s->newest_timed || s->newest.seq < core->untimed_from)
			continue;
		give_time(&s->newest, s->newest_mono_us, era);
		s->newest_timed = true;
	}
	for (uint64_t seq = FG_MAX(core->untimed_from, core->recent.first);
		seq < core->recent.next; seq++) {
		struct fg_recent_entry *e = fg_recent_edit(&core->recent, seq);

		if (!e || e->timed)
			continue;
		give_time(&e->item, e->mono_us, era);
		e->timed = true;
	}
	core->untimed_from = FG_SEQ_END;
}

void fg_core_era_stored(struct fg_core *core, struct fg_now now, uint32_t number)
{
	core->now = fg_core_now(core, now);
	if (number == core->time.held.number && core->time.held.timed) {
		core->time.held_stored = true;
		give_times(core);
	}
	/* in any case: it may be one of an earlier run */
	fg_hours_time_known(core);
	for (size_t i = 0; i < core->publisher_count; i++)
		fg_publisher_release(core->publishers[i]);
}

/* ---- eras ---- */

static bool set_era(struct fg_core *core, const struct fg_era *era)
{
	return core->ports.set_era && core->ports.set_era(core->ports.arg, era) >= 0;
}

/* False where the store has no place for all that it is yet to be told. */
static bool tell_eras(struct fg_core *core)
{
	struct fg_core_time *t = &core->time;

	for (; t->todo_at < t->todo_count; t->todo_at++)
		if (!set_era(core, &t->todo[t->todo_at]))
			return false;
	return true;
}

/* Only what becomes of those that wait is told to the store; the queue has a place for each. */
static void correct_later(struct fg_core *core, uint32_t number, int64_t offset_us)
{
	struct fg_core_time *t = &core->time;

	t->corrections[t->correction_count++] =
		(struct fg_era){.number = number, .timed = true, .offset_us = offset_us};
}

static void time_later(struct fg_core *core, struct fg_open_era *e)
{
	core->time.todo[core->time.todo_count++] = e->era;
}

static bool proved_wrong(const struct fg_era *era, int64_t offset_us)
{
	int64_t by_us = era->offset_us - offset_us;

	return era->uncertainty_s || by_us > FG_CLOCK_WEAK_US || by_us < -FG_CLOCK_WEAK_US;
}

/* What an era of this boot was told with is judged by what is right. */
static void judge_era(struct fg_core *core, struct fg_open_era *e, int64_t offset_us)
{
	bool wrong = proved_wrong(&e->era, offset_us);

	if (!e->era.uncertainty_s && !e->era.weak)
		return;
	e->era.weak = false;
	if (wrong)
		correct_later(core, e->era.number, offset_us);
	else
		time_later(core, e);
	if (wrong)
		e->era.uncertainty_s = 0;
}

/* Earlier runs of this boot: their monotonic time is ours, so their time is known as well as ours.
 * An estimate of theirs, and the time of a weak clock, are corrected by what is certain alone. */
static void time_same_boot(struct fg_core *core, const struct fg_era *as)
{
	struct fg_core_time *t = &core->time;

	for (size_t i = 0; i < t->open_count; i++) {
		struct fg_open_era *e = &t->open[i];

		if (!e->same_boot)
			continue;
		if (!e->era.timed) {
			e->era.timed = true;
			e->era.offset_us = as->offset_us;
			e->era.uncertainty_s = as->uncertainty_s;
			e->era.weak = as->weak;
			time_later(core, e);
		} else if (t->clock.level == FG_CLOCK_RIGHT) {
			judge_era(core, e, as->offset_us);
		}
	}
}

static void told_other_boots(struct fg_core *core, size_t n)
{
	core->time.estimated_eras += n;
	if (n)
		fg_notice("clock: readings of %zu earlier starts that never knew the time are "
			  "published with time_uncertainty",
			n);
}

/* Earlier boots. A weak clock may yet prove wrong, and an era's time is given once. */
static void time_other_boots(struct fg_core *core)
{
	struct fg_core_time *t = &core->time;
	size_t n = 0;

	if (t->bounded || t->clock.level == FG_CLOCK_UNKNOWN)
		return;
	if (t->clock.level < FG_CLOCK_RIGHT &&
		core->now.mono_us - core->started_mono_us < core->config->clock.max_wait_us)
		return;
	t->bounded = true;
	for (size_t i = 0; i < t->open_count; i++)
		t->open[i].has_rows &= !t->open[i].era.timed; /* those that have a time keep it */
	fg_clock_bounds(t->open, t->open_count, t->clock.offset_us);
	for (size_t i = 0; i < t->open_count; i++) {
		if (t->open[i].same_boot || !t->open[i].has_rows)
			continue;
		time_later(core, &t->open[i]);
		n++;
	}
	told_other_boots(core, n);
}

/* Earlier boots, when this one goes on with an estimate. Gives the least offset with which this
 * boot lies behind them. */
static int64_t line_up_other_boots(struct fg_core *core)
{
	struct fg_core_time *t = &core->time;
	int64_t at_us = FG_CLOCK_OLDEST_MS * 1000, mono_us = core->started_mono_us;
	size_t n = 0;

	for (size_t i = 0; i < t->open_count; i++) {
		struct fg_open_era *e = &t->open[i];

		if (fg_clock_line_up(e, &at_us)) {
			time_later(core, e);
			n++;
		}
		if (e->same_boot && e->has_rows && !e->era.timed)
			mono_us = FG_MIN(mono_us, e->from_mono_us); /* begins with that run */
	}
	told_other_boots(core, n);
	return at_us - mono_us;
}

/* ---- what the looks bring ---- */

static void told_level(struct fg_core *core)
{
	core->trusted = core->time.clock.level > FG_CLOCK_UNKNOWN;
	core->time.since_mono_us = core->now.mono_us;
	fg_documents_touch(core, FG_DOC_STATUS, 0);
}

static void becomes_known(struct fg_core *core, enum fg_clock_level level)
{
	struct fg_core_time *t = &core->time;
	int64_t was_us = t->clock.offset_us;
	const struct fg_era era = {.number = core->era,
		.timed = true,
		.offset_us = t->clock.system_us,
		.weak = level < FG_CLOCK_RIGHT};

	if (!set_era(core, &era))
		return; /* asked again with the next look */
	t->held = era;
	fg_clock_take(&t->clock, level);
	shift_states(core, t->clock.offset_us - was_us);
	time_same_boot(core, &era);
	fg_notice("clock: wall time is %s; readings are published",
		level == FG_CLOCK_RIGHT ? "right" : "that of the hardware clock");
	told_level(core);
}

/* A new relation begins; with `corrects` what was told by the present one is wrong. */
static void new_relation(struct fg_core *core, bool corrects, enum fg_clock_level level)
{
	struct fg_core_time *t = &core->time;
	int64_t by_us = t->clock.system_us - t->clock.offset_us;
	const struct fg_era era = {
		.number = core->next_era, .timed = true, .offset_us = t->clock.system_us};

	if (!set_era(core, &era))
		return;
	if (corrects && !fg_planted(FG_PLANT_UNCORRECTED))
		correct_later(core, core->era, era.offset_us);
	core->era = core->next_era++;
	fg_clock_take(&t->clock, level);
	shift_states(core, by_us);
	time_same_boot(core, &era);
	fg_warning("clock: stepped by %.3f s and is right%s", (double)by_us / 1e6,
		corrects ? "; corrections of what was published follow" : "");
	told_level(core);
}

/* Readings go out in order: the store has the times of earlier boots before that of this one. */
static void estimate(struct fg_core *core)
{
	struct fg_core_time *t = &core->time;
	int64_t was_us = t->clock.offset_us, least_us = line_up_other_boots(core);
	const struct fg_era era = {.number = core->era,
		.timed = true,
		.offset_us = FG_MAX(least_us,
			fg_clock_estimate(&t->clock, t->newest_ms, core->started_mono_us)),
		.uncertainty_s = fg_planted(FG_PLANT_ESTIMATE_IS_TRUE) ? 0 :
									 FG_UNCERTAIN_UNBOUNDED};

	if (!tell_eras(core) || !set_era(core, &era))
		return;
	t->held = era;
	t->clock.estimated = true;
	t->clock.offset_us = era.offset_us;
	t->clock.uncertainty_s = era.uncertainty_s;
	shift_states(core, era.offset_us - was_us);
	time_same_boot(core, &era);
	t->estimated_eras++;
	fg_warning("clock: wall time is still not known; readings are published with an estimate "
		   "(time_uncertainty)");
	told_level(core);
}

/* It was taken from a weak clock; told once, since without it a later start would at worst correct
 * what is right by as little as it was set since. */
static void confirm_held(struct fg_core *core)
{
	struct fg_era *held = &core->time.held;

	if (!held->weak)
		return;
	held->weak = false;
	set_era(core, held);
}

static void follows(struct fg_core *core, const struct fg_clock *was)
{
	struct fg_clock *c = &core->time.clock;

	if (c->level == FG_CLOCK_UNKNOWN) {
		shift_states(core, c->offset_us - was->offset_us);
		if (!c->estimated && core->now.mono_us - core->started_mono_us >=
					     core->config->clock.max_wait_us)
			estimate(core);
		return;
	}
	if (was->holding && !c->holding)
		fg_notice("clock: the system's clock is back where it was");
	if (c->level != was->level) {
		const struct fg_era as = {.offset_us = c->offset_us};

		confirm_held(core);
		time_same_boot(core, &as);
		fg_notice("clock: wall time is confirmed");
		told_level(core);
	}
}

void fg_core_clock(struct fg_core *core, struct fg_now now, enum fg_clock_level level)
{
	const struct fg_clock was = core->time.clock;
	enum fg_clock_verdict verdict;

	core->time.clock.always = core->config->clock.trust == FG_TRUST_ALWAYS; /* may be new */
	verdict = fg_clock_look(&core->time.clock, now, level);
	core->now = fg_core_now(core, now);
	switch (verdict) {
	case FG_CLOCK_FOLLOWS:
		follows(core, &was);
		break;
	case FG_CLOCK_HOLDS:
		if (!was.holding) {
			fg_warning("clock: the system's clock stepped by %.3f s and nobody says "
				   "that this is right; the gateway's own time goes on",
				(double)(core->time.clock.system_us - was.system_us) / 1e6);
			fg_documents_touch(core, FG_DOC_STATUS, 0);
		}
		break;
	case FG_CLOCK_IS_KNOWN:
		becomes_known(core, level);
		break;
	case FG_CLOCK_STEPS:
		new_relation(core, false, FG_CLOCK_RIGHT);
		break;
	case FG_CLOCK_CORRECTS:
		new_relation(core, true, FG_CLOCK_RIGHT);
		break;
	}
	core->now = fg_core_now(core, now);
	if (was.holding != core->time.clock.holding)
		fg_documents_touch(core, FG_DOC_STATUS, 0);
	time_other_boots(core);
}

/* ---- corrections under way ---- */

bool fg_core_correcting(const struct fg_core *core)
{
	const struct fg_core_time *t = &core->time;

	return t->restamping || t->correction_at < t->correction_count;
}

/* In order, and an era's time before its corrections. */
static void tell_store(struct fg_core *core)
{
	struct fg_core_time *t = &core->time;

	if (!tell_eras(core))
		return;
	for (; t->correction_at < t->correction_count; t->correction_at++) {
		const struct fg_era *e = &t->corrections[t->correction_at];

		if (!core->ports.restamp_begin ||
			core->ports.restamp_begin(core->ports.arg, e->number, e->offset_us) < 0)
			return;
		t->restamping = true;
	}
}

int64_t fg_core_clock_run(struct fg_core *core)
{
	struct fg_core_time *t = &core->time;
	uint64_t first = core->next_seq;

	tell_store(core);
	if (!t->restamping || t->lot_out || core->stopping || !core->ports.restamp)
		return INT64_MAX;
	if (core->now.mono_us < t->restamp_due_mono_us)
		return t->restamp_due_mono_us;
	t->restamp_due_mono_us =
		core->now.mono_us + FG_MAX(core->config->storage.commit_interval_us, 100000);
	if (!fg_core_may_give(core, RESTAMP_LOT) ||
		core->ports.restamp(core->ports.arg, first, RESTAMP_LOT) < 0)
		return t->restamp_due_mono_us;
	t->lot_out = true;
	fg_core_give(core, RESTAMP_LOT);
	return INT64_MAX;
}

void fg_core_restamped(struct fg_core *core, unsigned used, bool more)
{
	core->time.lot_out = false;
	if (used == 0)
		core->time.restamp_due_mono_us = core->now.mono_us + FG_CORE_NO_ROOM_US;
	core->time.corrected += used;
	if (core->time.restamping && !more)
		fg_notice("clock: all corrections are stored, %" PRIu64 " since the start",
			core->time.corrected);
	core->time.restamping = more;
}

/* ---- status ---- */

void fg_core_clock_status(const struct fg_core *core, struct fg_now now, struct fg_json *j)
{
	static const char *const levels[] = {"unknown", "hardware_clock", "right"};
	const struct fg_core_time *t = &core->time;
	uint64_t waiting = core->untimed_from == FG_SEQ_END ? 0
							    : core->next_seq - core->untimed_from;

	fg_json_object(j, "clock");
	fg_json_bool(j, "trusted", core->trusted);
	fg_json_text(j, "level", t->clock.estimated ? "estimated" : levels[t->clock.level]);
	fg_json_time(j, "time", fg_core_wall_us(core, now.mono_us) / 1000);
	fg_json_time(j, "since", fg_core_wall_us(core, t->since_mono_us) / 1000);
	fg_json_bool(j, "holding", t->clock.holding);
	if (t->clock.holding)
		fg_json_seconds(j, "system_clock_off_s", t->clock.system_us - t->clock.offset_us);
	if (waiting)
		fg_json_uint(j, "waiting_for_time", waiting);
	if (t->estimated_eras)
		fg_json_uint(j, "estimated_eras", t->estimated_eras);
	if (fg_core_correcting(core))
		fg_json_bool(j, "correcting", true);
	if (t->corrected)
		fg_json_uint(j, "corrected", t->corrected);
	fg_json_end_object(j);
}
