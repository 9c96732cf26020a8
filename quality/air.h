/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_AIR_H
#define FG_QUALITY_AIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/qc.h"

/* Means of air quality and classes of published indices. Concentrations in ug/m3; a missing one is
 * NaN. Pure; any thread. */

/* --- Means over time: Directive 2008/50/EC, annex VII A and annex XI A. --- */

/* What an hour, or any other time, has had. Zeroed: nothing. Holds no pointers: it can be stored
 * and restored as it is. */
struct fg_mean {
	uint32_t count;	   /* accepted */
	uint32_t excluded; /* missing, or of a flag that is not accepted */
	double sum, rest;  /* rest: what the additions have rounded off */
	double low, high;  /* of what was accepted; only with a count */
};

/* The flags that a mean may be of, as bits. */
#define FG_ACCEPT(flag) (1u << (unsigned)(flag))

void fg_mean_add(struct fg_mean *m, double value, enum fg_qc flag, unsigned accept);
/* The mean, or NaN where less than the share `capture` (over 0, at most 1; by the directive 0.75,
 * annex VII A.2) of the `expected` readings were accepted. */
double fg_mean_of(const struct fg_mean *m, double expected, double capture);

/* The mean of each n hours: ret[i] is of hours i - n + 1 .. i of a series of hourly means, those
 * before the series missing. NaN where fewer than `least` are there (8 hours: 6; 24 hours: 18). */
void fg_running_mean(
	const double *hourly, size_t count, unsigned hours, unsigned least, double *ret);

/* What a day has. */
struct fg_day {
	unsigned valid; /* hours, or windows of 8 hours, that it has */
	double value;	/* NaN: too few */
};

/* A day is the `hours` hours (24; 23 or 25 where summer time begins or ends) from index `first` of
 * a series of hourly means; hours outside the series are missing. */
struct fg_day fg_day_mean(
	const double *hourly, size_t count, int64_t first, unsigned hours, unsigned least);
/* The largest of the day's running means over 8 hours: a window belongs to the day on which it
 * ends, so the first of a day begins at 17:00 on the day before (annex VII A.2). A window needs
 * least_hours (6) hours, the day least_windows (18) windows. */
struct fg_day fg_day_max_8h(const double *hourly, size_t count, int64_t first, unsigned hours,
	unsigned least_windows, unsigned least_hours);

/* --- Classes of an index. --- */

#define FG_AIR_BOUNDS 5

/* The classes of one pollutant in one version of one index. */
struct fg_air_limits {
	const char *pollutant;	      /* "pm25" "pm10" "no2" "o3" "so2" */
	unsigned mean_hours;	      /* what a value is the mean of */
	double bounds[FG_AIR_BOUNDS]; /* between the classes; as many as classes - 1 */
	const char *source;
};

/* One version of one index: named, and never changed. */
struct fg_air_index {
	const char *name;   /* of this version: "eaqi_2024" */
	const char *scheme; /* of all its versions, in what is published: "eaqi" */
	const char *version;
	const char *series; /* the point under which a station's class is told */
	const char *title;
	unsigned classes;	   /* 1 is the best */
	const char *const *keys;   /* of the classes, for programs: "very_poor" */
	const char *const *labels; /* for people, in the language of the authority */
	bool bound_is_worse; /* what equals a bound is of the worse class; else of the better */
	const struct fg_air_limits *limits;
	size_t limit_count;
};

/* NULL where there is none of the name; by number, NULL behind the last. */
const struct fg_air_index *fg_air_index_find(const char *name);
const struct fg_air_index *fg_air_index_at(size_t number);
/* NULL where the index does not have the pollutant. */
const struct fg_air_limits *fg_air_limits_find(
	const struct fg_air_index *index, const char *pollutant);

/* 1 .. index->classes; 0 for a value that is not finite. Below zero is class 1. No rounding. */
unsigned fg_air_class(
	const struct fg_air_index *index, const struct fg_air_limits *limits, double value);
/* The class with its fraction, as api.met.no gives it for the Norwegian index: 1.0 up to 4.999;
 * the open class grows by value / last bound. NaN for a value that is not finite, and for an index
 * that has no such number. */
double fg_air_continuous(
	const struct fg_air_index *index, const struct fg_air_limits *limits, double value);

#endif
