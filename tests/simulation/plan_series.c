/* SPDX-License-Identifier: EUPL-1.2 */
/* Points whose values have a past: curves with spikes, steps and stretches in which nothing moves,
 * and the tests that look at such. A value is a level and, below it, noise by which each reading is
 * known. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "plan.h"

bool plan_tested(const struct plan *p, unsigned point)
{
	return p->tested && point % PLAN_POINTS == PLAN_TESTED && point / PLAN_POINTS < 3;
}

static uint64_t dice(const struct plan *p, unsigned point, int64_t what, uint64_t salt)
{
	struct fg_rng rng = {p->seed ^ (uint64_t)point << 50 ^ (uint64_t)what ^ salt << 40};

	fg_rng_next(&rng);
	return fg_rng_next(&rng);
}

/* Up and down in 97 intervals. */
static int64_t slow(int64_t slot)
{
	int64_t phase = slot % 97;

	return 4 * (phase < 48 ? phase : 97 - phase);
}

/* The level that holds for an interval. */
static int64_t level(const struct plan *p, unsigned point, int64_t slot)
{
	int64_t stretch = slot / 50;
	uint64_t d = dice(p, point, slot, 1);

	if (dice(p, point, stretch, 2) % 4 == 0) /* nothing moves */
		return 900 + (int64_t)(dice(p, point, stretch, 3) % 200);
	if (d % 10 == 0) /* a spike, or a step */
		return 700 + (int64_t)(d / 10 % 600);
	if (d % 150 == 1)
		return 300 + (int64_t)(d / 150 % 1500);
	return 900 + slow(slot) + (int64_t)(d / 150 % 40);
}

int64_t plan_series_value(const struct plan *p, unsigned point, int64_t true_us)
{
	int64_t slot = true_us / p->device[point / PLAN_POINTS].interval_us;

	return level(p, point, slot) * PLAN_LEVEL + (int64_t)(dice(p, point, true_us, 4) >> 33);
}

/* One method each. */
bool plan_by_difference(unsigned point)
{
	return point / PLAN_POINTS > 0;
}

void plan_series_yaml(const struct plan *p, unsigned point, struct fg_buf *out)
{
	const struct plan_device_conf *d = &p->device[point / PLAN_POINTS];
	const long long unit = PLAN_LEVEL, s = d->interval_us / US_PER_S;

	fg_buf_printf(out, "qc: {gross_range: {fail: [%lld, %lld], suspect: [%lld, %lld]}, ",
		PLAN_LEVEL_FAIL_LOW * unit, PLAN_LEVEL_FAIL_HIGH * unit,
		PLAN_LEVEL_SUSPECT_LOW * unit, PLAN_LEVEL_SUSPECT_HIGH * unit);
	fg_buf_printf(out, "climatology: [{month: 9, suspect: [%lld, %lld]}, {month: [10, 8], "
		"suspect: [%lld, %lld], fail: [%lld, %lld]}], ",
		PLAN_SEPTEMBER_LOW * unit, PLAN_SEPTEMBER_HIGH * unit, PLAN_LATER_LOW * unit,
		PLAN_LATER_HIGH * unit, PLAN_LATER_FAIL_LOW * unit, PLAN_LATER_FAIL_HIGH * unit);
	fg_buf_printf(out, "spike: {suspect: %lld, fail: %lld, method: %s}, ",
		PLAN_SPIKE_SUSPECT * unit, PLAN_SPIKE_FAIL * unit,
		plan_by_difference(point) ? "differential" : "average");
	fg_buf_printf(out, "rate_of_change: {suspect: %lld, fail: %lld}, ",
		PLAN_RATE_SUSPECT * unit / s, PLAN_RATE_FAIL * unit / s);
	fg_buf_printf(out, "flat_line: {tolerance: %lld, suspect: %llds, fail: %llds}, "
		"time_gap: {fail: %llds}}",
		unit, PLAN_FLAT_SUSPECT * s, PLAN_FLAT_FAIL * s, PLAN_GAP * s / 10);
	if (d->by_change)
		fg_buf_printf(out, ", report: {on_change: %lld, at_least_every: %llds}",
			PLAN_LEVEL_CHANGE * unit, PLAN_AT_LEAST * s);
	if (d->alarms)
		fg_buf_printf(out, ", alarm: {above: %lld, interval: %llds}",
			PLAN_LEVEL_ALARM * unit, s / 6);
	fg_buf_puts(out, "}\n");
}

/* ---- work on devices ---- */

/* From dice of its own, so that all else of a seed stays what it is. */
void plan_work(struct plan *p)
{
	const int64_t hour = 3600 * US_PER_S, length = p->end_us - PLAN_START_US;
	struct fg_rng rng = {~p->seed};
	uint64_t n = 1 + (uint64_t)(length / US_PER_DAY) / 3;

	fg_rng_next(&rng);
	for (uint64_t i = 0; i < n; i++) {
		int64_t at_us = PLAN_START_US + (int64_t)fg_rng_below(&rng, (uint64_t)length);
		int64_t most_us = fg_rng_below(&rng, 4) ? 3 * hour : 30 * hour;

		plan_add(p, (struct plan_event){.at_us = at_us,
				.what = PLAN_WORK,
				.who = (unsigned)fg_rng_below(&rng, p->devices),
				.a = 60 * US_PER_S +
				     (int64_t)fg_rng_below(&rng, (uint64_t)most_us),
				.b = (int64_t)fg_rng_below(&rng, WORK_PLANNED + 1)});
	}
	if (p->seed % 3)
		return;
	p->work_device = (unsigned)fg_rng_below(&rng, 3);
	p->work_from_us = PLAN_START_US + length / 100 * (int64_t)fg_rng_below(&rng, 100);
	p->work_until_us = p->work_from_us + FG_MIN(5 * hour, length / 10);
}

void plan_work_yaml(const struct plan *p, unsigned device, struct fg_buf *out)
{
	char from[FG_RFC3339_SIZE], until[FG_RFC3339_SIZE];

	if (device != p->work_device || !p->work_until_us)
		return;
	fg_rfc3339(p->work_from_us / 1000, from);
	fg_rfc3339(p->work_until_us / 1000, until);
	fg_buf_printf(out, "    maintenance: {from: %s, until: %s}\n", from, until);
}
