/* SPDX-License-Identifier: EUPL-1.2 */
/* What is held for true time. See clock.h; who acts on it is core_clock.c. */
#include "gateway/clock.h"

#include "base/cleanup.h"

static bool within(int64_t us, int64_t bound_us)
{
	return us <= bound_us && us >= -bound_us;
}

void fg_clock_init(struct fg_clock *c, struct fg_now now, bool always)
{
	*c = (struct fg_clock){.always = always, .offset_us = now.wall_us - now.mono_us};
	c->system_us = c->offset_us;
}

static enum fg_clock_verdict look_unknown(struct fg_clock *c, enum fg_clock_level level)
{
	/* an estimate was told already: only what is certain is worth a correction */
	if (c->estimated)
		return level == FG_CLOCK_RIGHT ? FG_CLOCK_CORRECTS : FG_CLOCK_FOLLOWS;
	if (level > FG_CLOCK_UNKNOWN)
		return FG_CLOCK_IS_KNOWN;
	c->offset_us = c->system_us;
	return FG_CLOCK_FOLLOWS;
}

enum fg_clock_verdict fg_clock_look(
	struct fg_clock *c, struct fg_now now, enum fg_clock_level level)
{
	int64_t offset = now.wall_us - now.mono_us;
	bool step = !within(offset - c->system_us, FG_CLOCK_SLEW_US);

	c->system_us = offset;
	if (c->level == FG_CLOCK_UNKNOWN)
		return look_unknown(c, level);
	c->holding |= step;
	if (c->holding && !within(offset - c->offset_us, FG_CLOCK_SLEW_US)) {
		/* What was said before the step may be what we are told now: the next look counts.
		 */
		if (!c->always && (step || level != FG_CLOCK_RIGHT))
			return FG_CLOCK_HOLDS;
		return c->level == FG_CLOCK_RTC &&
				       !within(offset - c->offset_us, FG_CLOCK_WEAK_US)
			       ? FG_CLOCK_CORRECTS
			       : FG_CLOCK_STEPS;
	}
	fg_clock_take(c, FG_MAX(level, c->level));
	return FG_CLOCK_FOLLOWS;
}

void fg_clock_take(struct fg_clock *c, enum fg_clock_level level)
{
	c->level = level;
	c->offset_us = c->system_us;
	c->estimated = c->holding = false;
	c->uncertainty_s = 0;
}

int64_t fg_clock_estimate(const struct fg_clock *c, int64_t newest_ms, int64_t started_mono_us)
{
	int64_t least_us = FG_MAX(newest_ms, FG_CLOCK_OLDEST_MS) * 1000 - started_mono_us;

	return FG_MAX(c->system_us, least_us);
}

/* ---- bounds ---- */

static bool wants_bounds(const struct fg_open_era *e)
{
	return !e->era.timed && !e->same_boot && e->has_rows;
}

static int64_t length_us(const struct fg_open_era *e)
{
	return FG_MAX(e->to_mono_us - e->from_mono_us, 0);
}

static int64_t lower_us(const struct fg_open_era *e)
{
	return FG_MAX(e->before_ms, FG_CLOCK_OLDEST_MS) * 1000;
}

/* Those in a row, [from, to), lie one behind the other between lower and upper; all that they do
 * not fill is theirs together. */
static void share(struct fg_open_era *eras, size_t from, size_t to, int64_t upper_us)
{
	int64_t at_us = lower_us(&eras[from]), room_us = upper_us - at_us, uncertainty_s;

	for (size_t i = from; i < to; i++)
		if (wants_bounds(&eras[i]))
			room_us -= length_us(&eras[i]);
	room_us = FG_MAX(room_us, 0);
	uncertainty_s = room_us / 2000000 + 1;
	for (size_t i = from; i < to; i++) {
		struct fg_open_era *e = &eras[i];

		if (!wants_bounds(e))
			continue;
		e->era.offset_us = at_us + room_us / 2 - e->from_mono_us;
		e->era.uncertainty_s = (uint32_t)FG_MIN(uncertainty_s, FG_UNCERTAIN_UNBOUNDED);
		at_us += length_us(e);
	}
	for (size_t i = from; i < to; i++)
		eras[i].era.timed |= wants_bounds(&eras[i]);
}

void fg_clock_bounds(struct fg_open_era *eras, size_t count, int64_t boot_us)
{
	size_t from = 0;

	while (from < count) {
		size_t to = from + 1;
		int64_t upper_us = boot_us;

		if (!wants_bounds(&eras[from])) {
			from++;
			continue;
		}
		/* where something later is known, what is before it ends there */
		while (to < count && lower_us(&eras[to]) <= lower_us(&eras[from]))
			to++;
		if (to < count)
			upper_us = FG_MIN(upper_us, lower_us(&eras[to]));
		share(eras, from, to, upper_us);
		from = to;
	}
}

bool fg_clock_line_up(struct fg_open_era *e, int64_t *at_us)
{
	if (!e->has_rows)
		return false;
	*at_us = FG_MAX(*at_us, lower_us(e));
	if (e->era.timed && !e->same_boot)
		*at_us = FG_MAX(*at_us, e->to_mono_us + e->era.offset_us);
	if (!wants_bounds(e))
		return false;
	e->era.timed = true;
	e->era.offset_us = *at_us - e->from_mono_us;
	e->era.uncertainty_s = FG_UNCERTAIN_UNBOUNDED;
	*at_us += length_us(e);
	return true;
}
