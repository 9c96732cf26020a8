/* SPDX-License-Identifier: EUPL-1.2 */
/* fjordctl compute: the quality tests of one series. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "compute.h"
#include "quality/qartod.h"
#include "quality/quality.h"

#define MAX_SECONDS 1e11 /* year 5138; keeps milliseconds far from overflow */

/* A case's series, and the flags that it gets. */
struct series {
	size_t count;
	double *values, *depths, *times; /* seconds; NULL where not given */
	struct fg_sample *samples;
	enum fg_qc *flags, *arrival;
};

static void series_fini(struct series *s)
{
	free(s->values);
	free(s->depths);
	free(s->times);
	free(s->samples);
	free(s->flags);
	free(s->arrival);
}

/* Reads an array that is as long as those before it, if there is one. */
static bool column(struct compute *c, const char *name, double **ret, size_t *count, bool first)
{
	size_t n;

	if (!compute_numbers(c, c->in, name, ret, &n))
		return false;
	if (first) {
		if (!*ret)
			compute_fail(c, "%s: an array is needed", name);
		*count = n;
		return *ret;
	}
	if (*ret && n != *count)
		compute_fail(c, "%s: %zu numbers, but %zu are needed", name, n, *count);
	return !*ret || n == *count;
}

static bool flags_alloc(struct compute *c, struct series *s)
{
	s->samples = calloc(s->count + 1, sizeof(*s->samples));
	s->flags = calloc(s->count + 1, sizeof(*s->flags));
	s->arrival = calloc(s->count + 1, sizeof(*s->arrival));
	if (!s->samples || !s->flags || !s->arrival)
		compute_fail(c, "out of memory");
	return s->samples && s->flags && s->arrival;
}

static bool time_of(struct compute *c, double seconds, int64_t *ret)
{
	if (!(fabs(seconds) <= MAX_SECONDS)) {
		compute_fail(c, "times: seconds since 1970 are needed");
		return false;
	}
	*ret = llround(seconds * 1000);
	return true;
}

/* values, and times and depths where they are given; times must be where `timed`. */
static bool series_read(struct compute *c, struct series *s, bool timed)
{
	*s = (struct series){0};
	if (!column(c, "values", &s->values, &s->count, true) ||
		!column(c, "times", &s->times, &s->count, false) ||
		!column(c, "depths", &s->depths, &s->count, false) || !flags_alloc(c, s))
		return false;
	if (timed && !s->times) {
		compute_fail(c, "times: an array is needed");
		return false;
	}
	for (size_t i = 0; i < s->count; i++) {
		s->samples[i].value = s->values[i];
		if (timed && !time_of(c, s->times[i], &s->samples[i].time_ms))
			return false;
	}
	return true;
}

static cJSON *flags_json(const enum fg_qc *flags, size_t count)
{
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; i < count; i++)
		cJSON_AddItemToArray(array, cJSON_CreateNumber(flags[i]));
	return array;
}

static cJSON *verdict(struct compute *c, const struct series *s, const enum fg_qc *arrival)
{
	if (arrival)
		cJSON_AddItemToObject(c->more, "arrival", flags_json(arrival, s->count));
	return flags_json(s->flags, s->count);
}

static bool no_fault(struct compute *c, const char *fault)
{
	if (fault)
		compute_fail(c, "config: %s", fault);
	return !fault;
}

static cJSON *gross_range(struct compute *c)
{
	const cJSON *conf = compute_config(c);
	FG_CLEANUP(series_fini) struct series s;
	struct fg_gross_range r = {.on = true};

	if (!series_read(c, &s, false) || !compute_pair(c, conf, "fail_span", r.fail) ||
		!compute_pair(c, conf, "suspect_span", r.suspect))
		return NULL;
	if (isnan(r.fail[0]))
		return compute_fail(c, "fail_span: two numbers are needed");
	if (fmin(r.suspect[0], r.suspect[1]) < fmin(r.fail[0], r.fail[1]) ||
		fmax(r.suspect[0], r.suspect[1]) > fmax(r.fail[0], r.fail[1]))
		return compute_fail(c, "suspect_span: must lie within fail_span");
	for (size_t i = 0; i < s.count; i++)
		s.flags[i] =
			fg_qc_gross_range(&r, isfinite(s.values[i]) ? s.values[i] : (double)NAN);
	return verdict(c, &s, s.flags);
}

static cJSON *spike(struct compute *c)
{
	const cJSON *conf = compute_config(c);
	FG_CLEANUP(series_fini) struct series s;
	struct fg_spike spike = {0};
	struct fg_spike_state state = {0};
	const char *method;

	if (!series_read(c, &s, false) || !compute_text(c, conf, "method", &method) ||
		!compute_number(c, conf, "suspect_threshold", NAN, &spike.suspect) ||
		!compute_number(c, conf, "fail_threshold", NAN, &spike.fail))
		return NULL;
	if (method && strcmp(method, "differential") == 0)
		spike.method = FG_SPIKE_DIFFERENTIAL;
	else if (method && strcmp(method, "average") != 0)
		return compute_fail(
			c, "method: '%.40s' is neither average nor differential", method);
	if (!no_fault(c, fg_qc_spike_fault(&spike)))
		return NULL;
	fg_qc_spike(&spike, s.samples, s.count, s.flags);
	for (size_t i = 0; i < s.count; i++) {
		enum fg_qc previous;

		s.arrival[i] = fg_qc_spike_step(&spike, &state, s.values[i], &previous);
	}
	return verdict(c, &s, s.arrival);
}

static cJSON *rate_of_change(struct compute *c)
{
	const cJSON *conf = compute_config(c);
	FG_CLEANUP(series_fini) struct series s;
	struct fg_rate rate;

	if (!series_read(c, &s, true) ||
		!compute_needs_number(c, conf, "threshold", &rate.suspect) ||
		!compute_number(c, conf, "fail_threshold", NAN, &rate.fail) ||
		!no_fault(c, fg_qc_rate_fault(&rate)))
		return NULL;
	fg_qc_rate(&rate, s.samples, s.count, s.flags);
	return verdict(c, &s, s.flags);
}

/* The interval that readings should have, for the flags on arrival; 0: not given. */
static bool nominal_interval(struct compute *c, double *ret)
{
	if (!compute_number(c, c->in, "nominal_interval_s", 0, ret))
		return false;
	if (*ret < 0)
		compute_fail(c, "nominal_interval_s: must be over 0");
	return *ret >= 0;
}

/* The series as it arrives: each reading is pushed, then judged. */
struct arrival {
	const void *conf;
	double interval_s;
	uint32_t room;
	enum fg_qc (*step)(const void *conf, double interval_s, const struct fg_window *w);
};

static bool arrive(const struct arrival *a, const struct series *s)
{
	uint32_t room = a->room < s->count ? a->room : (uint32_t)s->count;
	struct fg_sample *memory = calloc((size_t)room + 1, sizeof(*memory));
	struct fg_window w;

	if (!memory)
		return false;
	fg_window_init(&w, memory, room);
	for (size_t i = 0; i < s->count; i++) {
		fg_window_push(&w, s->samples[i]);
		s->arrival[i] = a->step(a->conf, a->interval_s, &w);
	}
	free(memory);
	return true;
}

static enum fg_qc flat_line_step(const void *conf, double interval_s, const struct fg_window *w)
{
	return fg_qc_flat_line_step(conf, interval_s, w);
}

static cJSON *flat_line(struct compute *c)
{
	const cJSON *conf = compute_config(c);
	FG_CLEANUP(series_fini) struct series s;
	struct fg_flat_line flat;
	struct arrival a = {.conf = &flat, .step = flat_line_step};

	if (!series_read(c, &s, true) || !nominal_interval(c, &a.interval_s) ||
		!compute_needs_number(c, conf, "suspect_threshold", &flat.suspect_s) ||
		!compute_needs_number(c, conf, "fail_threshold", &flat.fail_s) ||
		!compute_number(c, conf, "tolerance", 0, &flat.tolerance) ||
		!no_fault(c, fg_qc_flat_line_fault(&flat)))
		return NULL;
	if (fg_qc_flat_line(&flat, s.samples, s.count, s.flags) < 0)
		return compute_fail(c, "times: the median interval is less than a second");
	if (a.interval_s <= 0)
		return verdict(c, &s, NULL);
	a.room = fg_qc_flat_line_room(&flat, a.interval_s);
	return verdict(c, &s, arrive(&a, &s) ? s.arrival : NULL);
}

static bool attenuated_conf(struct compute *c, struct fg_attenuated *a)
{
	const cJSON *conf = compute_config(c);
	const char *type;
	double min_obs;

	if (!compute_text(c, conf, "check_type", &type) ||
		!compute_needs_number(c, conf, "suspect_threshold", &a->suspect) ||
		!compute_needs_number(c, conf, "fail_threshold", &a->fail) ||
		!compute_number(c, conf, "test_period", NAN, &a->period_s) ||
		!compute_number(c, conf, "min_period", NAN, &a->min_period_s) ||
		!compute_number(c, conf, "min_obs", 0, &min_obs))
		return false;
	a->range = type && strcmp(type, "range") == 0;
	if (type && !a->range && strcmp(type, "std") != 0)
		compute_fail(c, "check_type: '%.40s' is neither std nor range", type);
	else if (!(min_obs >= 0 && min_obs <= 1e9))
		compute_fail(c, "min_obs: must be from 0 to 1e9");
	else
		a->min_obs = (uint32_t)min_obs;
	return !c->error[0] && no_fault(c, fg_qc_attenuated_fault(a));
}

static enum fg_qc attenuated_step(const void *conf, double interval_s, const struct fg_window *w)
{
	return fg_qc_attenuated_step(conf, interval_s, w);
}

static cJSON *attenuated_signal(struct compute *c)
{
	FG_CLEANUP(series_fini) struct series s;
	struct fg_attenuated conf;
	struct arrival a = {.conf = &conf, .step = attenuated_step, .room = UINT32_MAX};

	if (!series_read(c, &s, true) || !nominal_interval(c, &a.interval_s) ||
		!attenuated_conf(c, &conf))
		return NULL;
	if (fg_qc_attenuated(&conf, s.samples, s.count, s.flags) < 0)
		return compute_fail(
			c, "times: must rise, and min_period needs intervals of a second or more");
	/* Only a least period needs to know the interval. */
	if (!(conf.period_s > 0) ||
		(a.interval_s <= 0 && !conf.min_obs && !isnan(conf.min_period_s)))
		return verdict(c, &s, NULL);
	return verdict(c, &s, arrive(&a, &s) ? s.arrival : NULL);
}

static bool climate_member(struct compute *c, const cJSON *member, struct fg_climate *ret)
{
	const char *period;

	if (!cJSON_IsObject(member))
		compute_fail(c, "members: an array of objects is needed");
	if (!cJSON_IsObject(member) || !compute_text(c, member, "period", &period) ||
		!compute_pair(c, member, "tspan", ret->time) ||
		!compute_pair(c, member, "vspan", ret->suspect) ||
		!compute_pair(c, member, "fspan", ret->fail) ||
		!compute_pair(c, member, "zspan", ret->depth))
		return false;
	ret->period = FG_CALENDAR_TIME;
	if (period && !fg_calendar_parse(period, &ret->period)) {
		compute_fail(c,
			"period: '%.40s' is none of year, quarter, month, week, dayofyear, "
			"day, dayofweek, hour",
			period);
		return false;
	}
	return true;
}

static cJSON *climatology_flags(
	struct compute *c, struct series *s, struct fg_climate *members, size_t count)
{
	if (!no_fault(c, fg_qc_climatology_fault(members, count)))
		return NULL;
	for (size_t i = 0; i < s->count; i++)
		s->flags[i] = fg_qc_climatology(
			members, count, s->samples[i], s->depths ? s->depths[i] : (double)NAN);
	return verdict(c, s, s->flags);
}

static cJSON *climatology(struct compute *c)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(compute_config(c), "members");
	const cJSON *member;
	FG_CLEANUP(series_fini) struct series s;
	struct fg_climate *members;
	cJSON *result = NULL;
	size_t n = 0;

	if (!series_read(c, &s, true))
		return NULL;
	if (!cJSON_IsArray(array))
		return compute_fail(c, "members: an array of objects is needed");
	members = calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof(*members));
	if (!members)
		return compute_fail(c, "out of memory");
	cJSON_ArrayForEach(member, array)
	{
		if (!climate_member(c, member, &members[n]))
			break;
		n++;
	}
	if (!c->error[0])
		result = climatology_flags(c, &s, members, n);
	free(members);
	return result;
}

static cJSON *time_gap(struct compute *c)
{
	FG_CLEANUP(series_fini) struct series s = {0};
	struct fg_time_gap gap;
	struct fg_time_gap_state state = {0};
	int64_t *times_ms = NULL;
	double hours;
	cJSON *result = NULL;

	if (!compute_number(c, compute_config(c), "fail_span", 2, &hours) ||
		!column(c, "times", &s.times, &s.count, true) || !flags_alloc(c, &s))
		return NULL;
	gap.span_s = hours * 3600;
	times_ms = calloc(s.count + 1, sizeof(*times_ms));
	for (size_t i = 0; times_ms && i < s.count; i++) {
		times_ms[i] = FG_NO_TIME;
		if (!isnan(s.times[i]) && !time_of(c, s.times[i], &times_ms[i]))
			break;
		s.arrival[i] = fg_qc_time_gap_step(&gap, &state, times_ms[i]);
	}
	if (times_ms && !c->error[0] && no_fault(c, fg_qc_time_gap_fault(&gap))) {
		fg_qc_time_gap(&gap, times_ms, s.count, s.flags);
		result = verdict(c, &s, s.arrival);
	}
	free(times_ms);
	return result;
}

static cJSON *density_inversion(struct compute *c)
{
	const cJSON *conf = compute_config(c);
	FG_CLEANUP(series_fini) struct series s;
	struct fg_density_state state = {0};
	struct fg_density density;

	if (!series_read(c, &s, false) ||
		!compute_number(c, conf, "suspect_threshold", NAN, &density.suspect) ||
		!compute_number(c, conf, "fail_threshold", NAN, &density.fail) ||
		!no_fault(c, fg_qc_density_fault(&density)))
		return NULL;
	if (!s.depths)
		return compute_fail(c, "depths: an array is needed");
	fg_qc_density(&density, s.values, s.depths, s.count, s.flags);
	for (size_t i = 0; i < s.count; i++) {
		enum fg_qc previous;

		s.arrival[i] =
			fg_qc_density_step(&density, &state, s.values[i], s.depths[i], &previous);
	}
	return verdict(c, &s, s.arrival);
}

/* "bbox": west, south, east, north; the whole world where it is not given. */
static bool bounding_box(struct compute *c, struct fg_location *ret)
{
	double *box;
	size_t n;

	if (!compute_numbers(c, compute_config(c), "bbox", &box, &n))
		return false;
	*ret = (struct fg_location){-180, -90, 180, 90, NAN};
	if (n == 4)
		*ret = (struct fg_location){box[0], box[1], box[2], box[3], NAN};
	else if (box)
		compute_fail(c, "bbox: four numbers are needed: west, south, east, north");
	free(box);
	return !c->error[0];
}

static cJSON *location(struct compute *c)
{
	FG_CLEANUP(series_fini) struct series s = {0};
	struct fg_location conf;

	if (!bounding_box(c, &conf) ||
		!compute_number(c, compute_config(c), "range_max", NAN, &conf.range_max) ||
		!no_fault(c, fg_qc_location_fault(&conf)) ||
		!column(c, "lon", &s.values, &s.count, true) ||
		!column(c, "lat", &s.depths, &s.count, false) || !flags_alloc(c, &s))
		return NULL;
	if (!s.depths)
		return compute_fail(c, "lat: an array is needed");
	fg_qc_location(&conf, s.values, s.depths, s.count, s.flags);
	return verdict(c, &s, s.flags);
}

static bool is_flag(const cJSON *v)
{
	double n = cJSON_IsNumber(v) ? v->valuedouble : 0;

	return n == 1 || n == 2 || n == 3 || n == 4 || n == 9;
}

/* Rolls one more test's flags into those of the tests before it. */
static bool roll_in(struct compute *c, struct series *s, const cJSON *vector)
{
	const cJSON *v;
	size_t i = 0;

	if (!cJSON_IsArray(vector) || (size_t)cJSON_GetArraySize(vector) != s->count) {
		compute_fail(c, "vectors: arrays of one length are needed");
		return false;
	}
	cJSON_ArrayForEach(v, vector)
	{
		enum fg_qc pair[2] = {s->flags[i] ? s->flags[i] : FG_QC_MISSING};

		if (!is_flag(v)) {
			compute_fail(c, "vectors: a flag is 1, 2, 3, 4 or 9");
			return false;
		}
		pair[1] = (enum fg_qc)(int)v->valuedouble;
		s->flags[i++] = fg_qc_rollup(pair, 2);
	}
	return true;
}

static cJSON *rollup(struct compute *c)
{
	const cJSON *vectors = cJSON_GetObjectItemCaseSensitive(c->in, "vectors"), *vector;
	FG_CLEANUP(series_fini) struct series s = {0};

	if (!cJSON_IsArray(vectors) || cJSON_GetArraySize(vectors) == 0)
		return compute_fail(c, "vectors: an array of arrays of flags is needed");
	s.count = (size_t)cJSON_GetArraySize(cJSON_GetArrayItem(vectors, 0));
	if (!flags_alloc(c, &s))
		return NULL;
	cJSON_ArrayForEach(vector, vectors)
	{
		if (!roll_in(c, &s, vector))
			return NULL;
	}
	return verdict(c, &s, s.flags);
}

static const struct {
	const char *name;
	cJSON *(*run)(struct compute *c);
} operations[] = {
	{"gross_range", gross_range},
	{"spike", spike},
	{"rate_of_change", rate_of_change},
	{"flat_line", flat_line},
	{"attenuated_signal", attenuated_signal},
	{"climatology", climatology},
	{"time_gap", time_gap},
	{"density_inversion", density_inversion},
	{"location", location},
	{"rollup", rollup},
};

cJSON *compute_qartod(struct compute *c, const char *op)
{
	int i = compute_find(c, op, operations, FG_COUNT(operations), sizeof(operations[0]));

	return i < 0 ? NULL : operations[i].run(c);
}
