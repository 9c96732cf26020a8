/* SPDX-License-Identifier: EUPL-1.2 */
/* fjordctl compute: means of air quality, and classes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute.h"
#include "quality/air.h"

#define HOUR_S	 3600
#define DAY_S	 86400
#define MAX_TIME 1e11

static cJSON *number_or_null(double v)
{
	return isfinite(v) ? cJSON_CreateNumber(v) : cJSON_CreateNull();
}

/* A whole number from least to most. */
static bool whole(struct compute *c, const char *name, double least, double most, double otherwise,
	double *ret)
{
	if (!compute_number(c, compute_config(c), name, otherwise, ret))
		return false;
	if (!(*ret >= least && *ret <= most && trunc(*ret) == *ret))
		compute_fail(
			c, "%s: a whole number from %.0f to %.0f is needed", name, least, most);
	return !c->error[0];
}

/* How an hour's mean is taken. */
struct hours {
	double first_s, count, interval_s, capture;
	unsigned accept;
	struct fg_mean *means;
};

static bool accept_flags(struct compute *c, unsigned *ret)
{
	double *flags;
	size_t n;

	*ret = FG_ACCEPT(FG_QC_PASS);
	if (!compute_numbers(c, compute_config(c), "accept_flags", &flags, &n))
		return false;
	if (flags)
		*ret = 0;
	for (size_t i = 0; i < n; i++) {
		if (flags[i] == 1 || flags[i] == 2 || flags[i] == 3 || flags[i] == 4)
			*ret |= FG_ACCEPT((unsigned)flags[i]);
		else
			compute_fail(c, "accept_flags: 1, 2, 3 or 4 are needed");
	}
	free(flags);
	return !c->error[0];
}

static bool hours_conf(struct compute *c, struct hours *h)
{
	const cJSON *conf = compute_config(c);

	if (!whole(c, "first_hour", -MAX_TIME, MAX_TIME, NAN, &h->first_s) ||
		!whole(c, "hours", 0, 1e5, NAN, &h->count) ||
		!compute_needs_number(c, conf, "interval_s", &h->interval_s) ||
		!compute_number(c, conf, "capture", 0.75, &h->capture) ||
		!accept_flags(c, &h->accept))
		return false;
	if (!(h->interval_s > 0 && h->interval_s <= HOUR_S))
		compute_fail(c, "interval_s: must be over 0 and at most 3600");
	else if (!(h->capture > 0 && h->capture <= 1))
		compute_fail(c, "capture: must be over 0 and at most 1");
	return !c->error[0];
}

/* One sample, [time, value, flag], into its hour. */
static void take(struct compute *c, struct hours *h, const cJSON *sample)
{
	const cJSON *time = cJSON_GetArrayItem(sample, 0);
	const cJSON *value = cJSON_GetArrayItem(sample, 1);
	const cJSON *flag = cJSON_GetArrayItem(sample, 2);
	double hour, bits = cJSON_IsNumber(flag) ? flag->valuedouble : 0;

	if (!cJSON_IsNumber(time) || !(cJSON_IsNumber(value) || cJSON_IsNull(value)) ||
		!(bits == 1 || bits == 2 || bits == 3 || bits == 4 || bits == 9)) {
		compute_fail(c, "samples: [time, value or null, flag] are needed");
		return;
	}
	hour = floor((time->valuedouble - h->first_s) / HOUR_S);
	if (hour >= 0 && hour < h->count)
		fg_mean_add(&h->means[(size_t)hour],
			cJSON_IsNumber(value) ? value->valuedouble : (double)NAN,
			(enum fg_qc)(int)bits, h->accept);
}

static cJSON *hours_json(const struct hours *h)
{
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; i < (size_t)h->count; i++) {
		const struct fg_mean *m = &h->means[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddNumberToObject(o, "start", h->first_s + (double)i * HOUR_S);
		cJSON_AddNumberToObject(o, "n", m->count);
		cJSON_AddItemToObject(o, "mean",
			number_or_null(fg_mean_of(m, HOUR_S / h->interval_s, h->capture)));
		cJSON_AddItemToArray(array, o);
	}
	return array;
}

static cJSON *hourly_mean(struct compute *c)
{
	const cJSON *samples = cJSON_GetObjectItemCaseSensitive(c->in, "samples"), *sample;
	struct hours h;
	cJSON *result = NULL;

	if (!hours_conf(c, &h))
		return NULL;
	if (!cJSON_IsArray(samples))
		return compute_fail(c, "samples: an array is needed");
	h.means = calloc((size_t)h.count + 1, sizeof(*h.means));
	if (!h.means)
		return compute_fail(c, "out of memory");
	cJSON_ArrayForEach(sample, samples) take(c, &h, sample);
	if (!c->error[0])
		result = hours_json(&h);
	free(h.means);
	return result;
}

static void free_numbers(double **numbers)
{
	free(*numbers);
}

static bool hourly(struct compute *c, double **ret, size_t *ret_count)
{
	if (!compute_numbers(c, c->in, "hourly", ret, ret_count))
		return false;
	if (!*ret)
		compute_fail(c, "hourly: an array is needed");
	return *ret;
}

static cJSON *running_mean(struct compute *c)
{
	FG_CLEANUP(free_numbers) double *series = NULL, *means = NULL;
	double hours, least;
	size_t n;
	cJSON *array;

	if (!hourly(c, &series, &n) || !whole(c, "hours", 1, 10000, NAN, &hours) ||
		!whole(c, "min_valid", 1, hours, ceil(hours * 3 / 4), &least))
		return NULL;
	means = calloc(n + 1, sizeof(*means));
	if (!means)
		return compute_fail(c, "out of memory");
	fg_running_mean(series, n, (unsigned)hours, (unsigned)least, means);
	array = cJSON_CreateArray();
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(array, number_or_null(means[i]));
	return array;
}

/* Days of local time, 24 hours each. */
struct days {
	double first_s, offset_s, count, least_hours, least_windows;
	double *hourly;
	size_t hours;
};

static void days_fini(struct days *d)
{
	free(d->hourly);
}

static bool days_read(struct compute *c, struct days *d, const char *least, double most)
{
	d->hourly = NULL;
	if (!hourly(c, &d->hourly, &d->hours) ||
		!whole(c, "first_hour", -MAX_TIME, MAX_TIME, NAN, &d->first_s) ||
		!whole(c, "utc_offset_s", -DAY_S, DAY_S, 0, &d->offset_s) ||
		!whole(c, "days", 0, 1e5, NAN, &d->count) ||
		!whole(c, "min_valid_8h", 1, 24, 18, &d->least_windows))
		return false;
	return whole(c, least, 1, most, most * 3 / 4, &d->least_hours);
}

/* The number of the i-th day since 1970, and where it begins in the series. */
static int64_t day_at(const struct days *d, size_t i, int64_t *ret_first)
{
	double local = d->first_s + d->offset_s;
	double day = floor(local / DAY_S) + (double)i;

	*ret_first = (int64_t)ceil((day * DAY_S - local) / HOUR_S);
	return (int64_t)day;
}

static void add_day(
	cJSON *array, int64_t day, const char *count, const char *value, struct fg_day d)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "day", (double)day);
	cJSON_AddNumberToObject(o, count, d.valid);
	cJSON_AddItemToObject(o, value, number_or_null(d.value));
	cJSON_AddItemToArray(array, o);
}

static cJSON *daily_max_8h(struct compute *c)
{
	FG_CLEANUP(days_fini) struct days d;
	cJSON *array;

	if (!days_read(c, &d, "min_valid_hours", 8))
		return NULL;
	array = cJSON_CreateArray();
	for (size_t i = 0; i < (size_t)d.count; i++) {
		int64_t first, day = day_at(&d, i, &first);

		add_day(array, day, "n_valid", "max",
			fg_day_max_8h(d.hourly, d.hours, first, 24, (unsigned)d.least_windows,
				(unsigned)d.least_hours));
	}
	return array;
}

static cJSON *daily_mean(struct compute *c)
{
	FG_CLEANUP(days_fini) struct days d;
	cJSON *array;

	if (!days_read(c, &d, "min_valid_hours", 24))
		return NULL;
	array = cJSON_CreateArray();
	for (size_t i = 0; i < (size_t)d.count; i++) {
		int64_t first, day = day_at(&d, i, &first);

		add_day(array, day, "n", "mean",
			fg_day_mean(d.hourly, d.hours, first, 24, (unsigned)d.least_hours));
	}
	return array;
}

static const struct fg_air_index *index_of(struct compute *c, const char *otherwise)
{
	const struct fg_air_index *index;
	const char *name;

	if (!compute_text(c, compute_config(c), "index", &name))
		return NULL;
	name = name ? name : otherwise;
	index = name ? fg_air_index_find(name) : NULL;
	if (!index)
		compute_fail(c, "index: eaqi_2024, eaqi_2017 or no_hourly is needed");
	return index;
}

static const struct fg_air_limits *limits_of(
	struct compute *c, const struct fg_air_index *index, const char *pollutant)
{
	const struct fg_air_limits *limits =
		pollutant ? fg_air_limits_find(index, pollutant) : NULL;

	if (!limits)
		compute_fail(c, "%s has no pollutant '%.20s'; it has pm25, pm10, no2, o3, so2",
			index->name, pollutant ? pollutant : "");
	return limits;
}

/* The index, its limits and the value of a case that has one pollutant. */
static bool one(struct compute *c, const char *otherwise, const struct fg_air_index **ret_index,
	const struct fg_air_limits **ret_limits, double *ret_value)
{
	const char *pollutant;

	*ret_index = index_of(c, otherwise);
	if (!*ret_index || !compute_text(c, compute_config(c), "pollutant", &pollutant))
		return false;
	*ret_limits = limits_of(c, *ret_index, pollutant);
	if (!cJSON_HasObjectItem(c->in, "value"))
		compute_fail(c, "value: a number or null is needed");
	return *ret_limits && !c->error[0] && compute_number(c, c->in, "value", NAN, ret_value);
}

static cJSON *class_json(unsigned n)
{
	return n ? cJSON_CreateNumber(n) : cJSON_CreateNull();
}

static cJSON *index_class(struct compute *c)
{
	const struct fg_air_index *index;
	const struct fg_air_limits *limits;
	double value;

	if (!one(c, NULL, &index, &limits, &value))
		return NULL;
	return class_json(fg_air_class(index, limits, value));
}

static cJSON *no_continuous_aqi(struct compute *c)
{
	const struct fg_air_index *index;
	const struct fg_air_limits *limits;
	double value;

	if (!one(c, "no_hourly", &index, &limits, &value))
		return NULL;
	return number_or_null(fg_air_continuous(index, limits, value));
}

/* The class of one member of "values"; 0: missing, or told as a fault. */
static unsigned class_of(struct compute *c, const struct fg_air_index *index, const cJSON *v)
{
	const struct fg_air_limits *limits = limits_of(c, index, v->string);

	if (limits && !cJSON_IsNumber(v) && !cJSON_IsNull(v))
		compute_fail(c, "values: %s: neither a number nor null", limits->pollutant);
	return limits && cJSON_IsNumber(v) ? fg_air_class(index, limits, v->valuedouble) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The worst class, and the pollutants that have it, by name. */
static cJSON *worst(struct compute *c, const struct fg_air_index *index, const cJSON *values)
{
	const char *names[FG_AIR_BOUNDS * 4];
	size_t n = 0;
	unsigned found = 0;
	const cJSON *v;
	cJSON *o;

	cJSON_ArrayForEach(v, values)
	{
		unsigned class = class_of(c, index, v);

		if (c->error[0])
			return NULL;
		if (class > found)
			n = 0;
		if (class && class >= found && n < FG_COUNT(names))
			names[n++] = v->string;
		found = class > found ? class : found;
	}
	qsort(names, n, sizeof(names[0]), by_name);
	o = cJSON_CreateObject();
	cJSON_AddItemToObject(o, "class", class_json(found));
	cJSON_AddItemToObject(o, "drivers", cJSON_CreateStringArray(names, (int)n));
	return o;
}

static cJSON *index_overall(struct compute *c)
{
	const struct fg_air_index *index = index_of(c, NULL);
	const cJSON *values = cJSON_GetObjectItemCaseSensitive(c->in, "values");

	if (!index)
		return NULL;
	if (!cJSON_IsObject(values))
		return compute_fail(c, "values: an object of numbers is needed");
	return worst(c, index, values);
}

static const struct {
	const char *name;
	cJSON *(*run)(struct compute *c);
} operations[] = {
	{"hourly_mean", hourly_mean},
	{"running_mean", running_mean},
	{"daily_max_8h", daily_max_8h},
	{"daily_mean", daily_mean},
	{"index_class", index_class},
	{"no_continuous_aqi", no_continuous_aqi},
	{"index_overall", index_overall},
};

cJSON *compute_air(struct compute *c, const char *op)
{
	int i = compute_find(c, op, operations, FG_COUNT(operations), sizeof(operations[0]));

	return i < 0 ? NULL : operations[i].run(c);
}
