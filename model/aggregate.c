/* SPDX-License-Identifier: EUPL-1.2 */
/* Names of what is told of a period. */
#include "model/aggregate.h"

const char *fg_told_period_text(enum fg_told_period period)
{
	static const char *const texts[FG_TOLD_COUNT] = {
		[FG_TOLD_NONE] = "",
		[FG_TOLD_HOUR] = "PT1H",
		[FG_TOLD_RUNNING_8H] = "PT8H",
		[FG_TOLD_RUNNING_24H] = "PT24H",
		[FG_TOLD_DAY] = "P1D",
	};

	return period < FG_TOLD_COUNT ? texts[period] : "";
}

const char *fg_stat_text(enum fg_stat stat)
{
	static const char *const texts[FG_STAT_COUNT] = {
		[FG_STAT_NONE] = "",
		[FG_STAT_MEAN] = "mean",
		[FG_STAT_SUM] = "sum",
		[FG_STAT_CIRCULAR_MEAN] = "circular_mean",
		[FG_STAT_VECTOR_MEAN] = "vector_mean",
		[FG_STAT_MAX_8H_MEAN] = "max_8h_mean",
		[FG_STAT_WORST_CLASS] = "worst_class",
	};

	return stat < FG_STAT_COUNT ? texts[stat] : "";
}

const char *fg_aggregate_root(enum fg_told_period period, enum fg_stat stat)
{
	static const char *const roots[FG_TOLD_COUNT] = {
		[FG_TOLD_NONE] = "obs",
		[FG_TOLD_HOUR] = "hourly",
		[FG_TOLD_RUNNING_8H] = "running-8h",
		[FG_TOLD_RUNNING_24H] = "running-24h",
		[FG_TOLD_DAY] = "daily",
	};

	if (period == FG_TOLD_DAY && stat == FG_STAT_MAX_8H_MEAN)
		return "daily-max-8h";
	return period < FG_TOLD_COUNT ? roots[period] : "obs";
}

double fg_aggregate_coverage(const struct fg_aggregate *a)
{
	if (a->count == 0 || a->expected == 0)
		return 0;
	return a->count >= a->expected ? 1 : (double)a->count / a->expected;
}
