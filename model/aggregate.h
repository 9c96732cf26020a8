/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_AGGREGATE_H
#define FG_MODEL_AGGREGATE_H

#include <stdbool.h>
#include <stdint.h>

/* What is told of a period instead of a moment. Numbers are stored: add at the end. */
enum fg_told_period {
	FG_TOLD_NONE = 0, /* a reading */
	FG_TOLD_HOUR,
	FG_TOLD_RUNNING_8H,
	FG_TOLD_RUNNING_24H,
	FG_TOLD_DAY, /* of local time */
	FG_TOLD_COUNT
};

enum fg_stat {
	FG_STAT_NONE = 0, /* a reading */
	FG_STAT_MEAN,
	FG_STAT_SUM,
	FG_STAT_CIRCULAR_MEAN, /* of directions */
	FG_STAT_VECTOR_MEAN,   /* of directions, each as heavy as the speed beside it */
	FG_STAT_MAX_8H_MEAN,   /* the largest running mean over 8 hours */
	FG_STAT_WORST_CLASS,   /* of a station: the worst air-quality class of its pollutants */
	FG_STAT_COUNT
};

/* "PT1H", "P1D"; "" for FG_TOLD_NONE. */
const char *fg_told_period_text(enum fg_told_period period);
/* "mean", "sum" …; "" for FG_STAT_NONE. */
const char *fg_stat_text(enum fg_stat stat);
/* The root of its topics: "obs", "hourly", "daily" …, another one for each that is told. */
const char *fg_aggregate_root(enum fg_told_period period, enum fg_stat stat);

#define FG_CLASS_TEXT 24

/* What an aggregate tells beside its value; its item's wall_ms is the end of the period. */
struct fg_aggregate {
	int64_t from_ms;   /* the beginning */
	uint32_t expected; /* readings, or hours of what is made of hours */
	uint32_t count;	   /* that it is made of */
	/* left out, each in one of these */
	uint32_t suspect, fail, missing, maintenance;
	bool has_range;
	double low, high; /* of what it is made of */
	/* of an air-quality index; index 0: none. As they were when it was told. */
	char scheme[FG_CLASS_TEXT], version[FG_CLASS_TEXT], key[FG_CLASS_TEXT];
	uint8_t index;
	/* of a station's class: whose it is, properties with blanks between; else empty */
	char by[FG_CLASS_TEXT];
};

/* The share of what was expected that it is made of: 0 to 1. */
double fg_aggregate_coverage(const struct fg_aggregate *a);

#endif
