/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_QARTOD_H
#define FG_QUALITY_QARTOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/qc.h"

/* QARTOD tests of one series, by the IOOS manuals ("Manual for Real-Time Quality Control of In-situ
 * Temperature and Salinity Data", version 2.1, tests 1..12, and its sisters for other quantities)
 * with the conventions of IOOS's own program ioos_qc. Gross range (test 4) and the roll-up are in
 * quality.h. Pure: what a test remembers is in its argument. Any thread.
 *
 * Each test has three forms:
 *   fg_qc_X_fault()  what is wrong with a configuration, as a text of what would be right; NULL:
 *                    nothing. The others take only one that has no fault.
 *   fg_qc_X_step()   the flag of a reading as it arrives. A zeroed state knows nothing; a state
 *                    has no pointers, so that it can be stored and restored as it is.
 *   fg_qc_X()        the flags of a whole series, in ret_flags[count].
 *
 * Limits that are NaN are absent. Comparisons are strict: what equals its limit is good. A value
 * that is not finite is missing, FG_QC_MISSING. */

/* A reading as the tests see it. */
struct fg_sample {
	int64_t time_ms; /* UTC, since 1970 */
	double value;
};

/* --- Climatology, test 5: values that this place does not have at this time of the year. --- */

/* What the two numbers of a time span count; all by the calendar in UTC. */
enum fg_calendar {
	FG_CALENDAR_TIME = 0, /* seconds since 1970: one span, once */
	FG_CALENDAR_YEAR,
	FG_CALENDAR_QUARTER,     /* 1..4 */
	FG_CALENDAR_MONTH,       /* 1..12 */
	FG_CALENDAR_WEEK,	       /* 1..53, ISO 8601 */
	FG_CALENDAR_DAY_OF_YEAR, /* 1..366 */
	FG_CALENDAR_DAY,	       /* of the month, 1..31 */
	FG_CALENDAR_DAY_OF_WEEK, /* Monday 0 .. Sunday 6 */
	FG_CALENDAR_HOUR,	       /* 0..23 */
	FG_CALENDAR_COUNT
};

/* One span of time (and of depth) with its limits. All spans include both ends; a pair in reverse
 * order is put right. */
struct fg_climate {
	enum fg_calendar period;
	double time[2];
	double suspect[2]; /* outside: FG_QC_SUSPECT */
	double fail[2];	   /* outside: FG_QC_FAIL; NaN: absent */
	double depth[2];   /* in m, positive downwards; NaN: any depth, and none */
};

const char *fg_qc_climatology_fault(const struct fg_climate *members, size_t count);
/* Where several members hold, the last decides; where none: FG_QC_NOT_EVALUATED. depth NaN: not
 * known, so members with a depth do not hold. */
enum fg_qc fg_qc_climatology(
	const struct fg_climate *members, size_t count, struct fg_sample sample, double depth);

/* A day of the Gregorian calendar. */
struct fg_date {
	int64_t year;
	int month, day, of_year; /* from 1 */
	int of_week;		 /* Monday 0 */
};

/* The day of the last reading, whose date need not be worked out again. Zeroed: none. */
struct fg_today {
	bool dated;
	int64_t days; /* since 1970-01-01 */
	struct fg_date date;
};

/* The same on arrival; what it remembers changes no flag. */
enum fg_qc fg_qc_climatology_step(const struct fg_climate *members, size_t count,
	struct fg_today *day, struct fg_sample sample, double depth);
/* A period by its name ("month", "weekofyear" …); false where there is none. */
bool fg_calendar_parse(const char *name, enum fg_calendar *ret);

/* --- Spike, test 6: one reading that stands out from its neighbours. --- */

enum fg_spike_method {
	FG_SPIKE_AVERAGE,      /* how far from the mean of the two neighbours */
	FG_SPIKE_DIFFERENTIAL, /* the smaller of the two jumps, where they go opposite ways */
};

struct fg_spike {
	enum fg_spike_method method;
	double suspect, fail; /* in the unit of the value; 0 or NaN: off */
};

struct fg_spike_state {
	uint32_t count; /* of readings seen; stays at 2 */
	double before, last;
};

const char *fg_qc_spike_fault(const struct fg_spike *conf);
/* A reading is judged when the next has come: on arrival it is FG_QC_NOT_EVALUATED or MISSING, and
 * *ret_previous is the verdict on the one before; 0 where there is none. The first, the last, and
 * neighbours of a missing reading are FG_QC_NOT_EVALUATED. */
enum fg_qc fg_qc_spike_step(const struct fg_spike *conf, struct fg_spike_state *state, double value,
	enum fg_qc *ret_previous);
void fg_qc_spike(const struct fg_spike *conf, const struct fg_sample *samples, size_t count,
	enum fg_qc *ret_flags);

/* --- Rate of change, test 7. --- */

struct fg_rate {
	double suspect, fail; /* units of the value in a second */
};

struct fg_rate_state {
	bool known; /* there is a reading before, and it has a value */
	struct fg_sample last;
};

const char *fg_qc_rate_fault(const struct fg_rate *conf);
/* |change| / time, the time in whole seconds as ioos_qc has it (cut off; less than one is one). The
 * first reading and the one after a missing one are good. */
enum fg_qc fg_qc_rate_step(
	const struct fg_rate *conf, struct fg_rate_state *state, struct fg_sample sample);
void fg_qc_rate(const struct fg_rate *conf, const struct fg_sample *samples, size_t count,
	enum fg_qc *ret_flags);

/* --- The last readings, for the tests that look at more than two. --- */

/* A ring in the caller's memory. To store it, read it by age; to restore it, push the samples from
 * the oldest to the newest. */
struct fg_window {
	struct fg_sample *samples;
	uint32_t room, count, next;
};

void fg_window_init(struct fg_window *w, struct fg_sample *samples, uint32_t room);
void fg_window_push(struct fg_window *w, struct fg_sample sample);
/* age 0 is the newest; NULL where there is none so old. */
const struct fg_sample *fg_window_at(const struct fg_window *w, uint32_t age);

/* --- Flat line, test 8: values that do not move although they should. --- */

struct fg_flat_line {
	double suspect_s, fail_s; /* seconds without a change; at most 1e9 */
	double tolerance;	  /* a range below it is flat; 0: off */
};

const char *fg_qc_flat_line_fault(const struct fg_flat_line *conf);
/* How many samples the window needs with readings every interval_s (over 0). */
uint32_t fg_qc_flat_line_room(const struct fg_flat_line *conf, double interval_s);
/* The newest reading of the window: flat where the range of it and of the k before it is below the
 * tolerance; k = seconds / interval_s, cut off. Missing readings count, but have no value. */
enum fg_qc fg_qc_flat_line_step(
	const struct fg_flat_line *conf, double interval_s, const struct fg_window *w);
/* The interval is the median of those in the series, in whole seconds; a series of less than three
 * readings is good. FG_EINVAL where the median is less than a second. */
int fg_qc_flat_line(const struct fg_flat_line *conf, const struct fg_sample *samples, size_t count,
	enum fg_qc *ret_flags);

/* --- Attenuated signal, test 10: values that move less than they should. --- */

struct fg_attenuated {
	bool range;	      /* largest less smallest; else the standard deviation */
	double suspect, fail; /* below: flagged */
	double period_s;      /* the window is (t - period, t]; 0 or NaN: the whole series */
	uint32_t min_obs;     /* values that the window needs; 0: by min_period_s */
	double min_period_s;  /* as many as come in this time; NaN: one */
};

const char *fg_qc_attenuated_fault(const struct fg_attenuated *conf);
/* How many samples the window needs with readings every interval_s (over 0). */
uint32_t fg_qc_attenuated_room(const struct fg_attenuated *conf, double interval_s);
/* The newest reading of the window; conf has a period. FG_QC_NOT_EVALUATED with too few values, and
 * for the range also where one in the window is missing, as ioos_qc has it. */
enum fg_qc fg_qc_attenuated_step(
	const struct fg_attenuated *conf, double interval_s, const struct fg_window *w);
/* FG_EINVAL where the times do not rise, or where min_period_s is used with a median interval of
 * less than a second. */
int fg_qc_attenuated(const struct fg_attenuated *conf, const struct fg_sample *samples,
	size_t count, enum fg_qc *ret_flags);

/* --- Time gap, test 1: readings that come late. --- */

/* Of no time at all. */
#define FG_NO_TIME INT64_MIN

struct fg_time_gap {
	double span_s; /* over 0, at most 1e9; longer than this since the reading before: late */
};

struct fg_time_gap_state {
	bool known; /* a reading has come */
	int64_t last_ms;
};

const char *fg_qc_time_gap_fault(const struct fg_time_gap *conf);
/* FG_QC_FAIL: late. The first reading and one after FG_NO_TIME: FG_QC_NOT_EVALUATED. FG_NO_TIME
 * itself: FG_QC_MISSING. */
enum fg_qc fg_qc_time_gap_step(
	const struct fg_time_gap *conf, struct fg_time_gap_state *state, int64_t time_ms);
/* As by step, but the first of several is good. */
void fg_qc_time_gap(const struct fg_time_gap *conf, const int64_t *times_ms, size_t count,
	enum fg_qc *ret_flags);

/* --- Density inversion, test 12: water that is lighter below than above. --- */

struct fg_density {
	double suspect, fail; /* kg/m3; a growth with depth below it is flagged: negative numbers */
};

struct fg_density_state {
	uint32_t count;	 /* of readings seen; stays at 2 */
	enum fg_qc flag; /* of the last */
	double density, depth;
};

const char *fg_qc_density_fault(const struct fg_density *conf);
/* A pair in which the deeper is lighter flags both: *ret_previous is the verdict on the one before,
 * 0 where there is none. A reading without density or depth and the one after it are
 * FG_QC_MISSING. The first is FG_QC_NOT_EVALUATED until the second comes. */
enum fg_qc fg_qc_density_step(const struct fg_density *conf, struct fg_density_state *state,
	double density, double depth, enum fg_qc *ret_previous);
/* One reading alone, whatever it is, is FG_QC_NOT_EVALUATED. */
void fg_qc_density(const struct fg_density *conf, const double *densities, const double *depths,
	size_t count, enum fg_qc *ret_flags);

/* --- Location, test 3: a place where it cannot be, or too far from the one before. --- */

struct fg_location {
	double west, south, east, north; /* degrees; the bounds themselves are good */
	double range_max;		 /* m from the place before; more is suspect; NaN: off */
};

struct fg_location_state {
	bool known; /* a place has come, and both numbers were there */
	double longitude, latitude;
};

const char *fg_qc_location_fault(const struct fg_location *conf);
/* Both numbers missing: FG_QC_MISSING; one of them: FG_QC_FAIL. */
enum fg_qc fg_qc_location_step(const struct fg_location *conf, struct fg_location_state *state,
	double longitude, double latitude);
void fg_qc_location(const struct fg_location *conf, const double *longitudes,
	const double *latitudes, size_t count, enum fg_qc *ret_flags);
/* Metres along the ellipsoid WGS 84 (Vincenty 1975, to 1 mm; nearly opposite places by the sphere,
 * to 0.6 %); NaN for a latitude beyond a pole. */
double fg_geo_distance(double longitude1, double latitude1, double longitude2, double latitude2);

#endif
