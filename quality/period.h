/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_PERIOD_H
#define FG_QUALITY_PERIOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/aggregate.h"
#include "model/qc.h"
#include "quality/air.h"

/* What is told of a period, from what was told of its moments. Pure. */

/* The flags whose values are in a mean: what is suspect is not. */
#define FG_PERIOD_ACCEPT (FG_ACCEPT(FG_QC_PASS) | FG_ACCEPT(FG_QC_NOT_EVALUATED))
/* Directive 2008/50/EC, annex VII A.2 and XI: 75 % of the readings; 6 of 8 and 18 of 24 hours. */
#define FG_PERIOD_CAPTURE 0.75

#define FG_HOUR_MS INT64_C(3600000)

/* The end of the hour that a moment is in; its first moment is in it, its end is not. */
static inline int64_t fg_hour_end(int64_t ms)
{
	int64_t rest = ms % FG_HOUR_MS;

	return ms - rest + (rest < 0 ? 0 : FG_HOUR_MS);
}

/* A reading, or an hour. */
struct fg_sample {
	uint64_t place; /* the number under which it was first told; the latest of a place counts */
	uint64_t seq;
	int64_t at_ms; /* of an hour: its end */
	double value;  /* NaN: none */
	enum fg_qc qc;
	bool maintenance;
};

struct fg_samples {
	struct fg_sample *items;
	size_t count, cap;
};

/* Leaves the latest of each place, in order of time. */
void fg_samples_settle(struct fg_samples *s);

struct fg_period_ask {
	enum fg_told_period period;
	enum fg_stat stat;
	int64_t from_ms, to_ms; /* from <= reading < to; of hours: from < end <= to */
	int64_t step_ms;	/* between readings */
	double factor;		/* of a sum: what a reading of 1 adds; 0: 1 */
	/* A reading stands for those after it that were like it and were not told: each step until
	 * the next one, no longer than this; 0: each stands for itself. Of speeds alike. */
	int64_t hold_ms, speed_hold_ms;
	const struct fg_air_index *index; /* NULL: no class */
	const struct fg_air_limits *limits;
};

struct fg_period_answer {
	double value; /* NaN: none */
	enum fg_qc qc;
	struct fg_aggregate a;
};

/* Of readings (FG_TOLD_HOUR) or of hours (all others); settled samples. speeds: of
 * FG_STAT_VECTOR_MEAN, beside the directions: a direction is as heavy as the speed that was
 * measured last, no longer than two steps (or speed_hold_ms) before it. Readings from before the
 * period are looked at for both, and fg_period_since() says from when on they are wanted. */
void fg_period_of(const struct fg_period_ask *ask, const struct fg_samples *samples,
	const struct fg_samples *speeds, struct fg_period_answer *ret);

/* How many readings an hour has where all come. */
uint32_t fg_period_expected(const struct fg_period_ask *ask);

/* The earliest time that matters to a period that begins at from_ms. */
int64_t fg_period_since(const struct fg_period_ask *ask, int64_t from_ms);

/* Whether two answers tell the same. */
bool fg_period_same(const struct fg_period_answer *a, const struct fg_period_answer *b);

#endif
