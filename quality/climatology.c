/* SPDX-License-Identifier: EUPL-1.2 */
/* QARTOD test 5, climatology: what a place has at a time of the year. */
#include "quality/qartod.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

#define DAY_MS INT64_C(86400000)

static const struct {
	const char *name;
	enum fg_calendar period;
} period_names[] = {
	{"year", FG_CALENDAR_YEAR},
	{"quarter", FG_CALENDAR_QUARTER},
	{"month", FG_CALENDAR_MONTH},
	{"week", FG_CALENDAR_WEEK},
	{"weekofyear", FG_CALENDAR_WEEK},
	{"dayofyear", FG_CALENDAR_DAY_OF_YEAR},
	{"day_of_year", FG_CALENDAR_DAY_OF_YEAR},
	{"day", FG_CALENDAR_DAY},
	{"dayofweek", FG_CALENDAR_DAY_OF_WEEK},
	{"day_of_week", FG_CALENDAR_DAY_OF_WEEK},
	{"weekday", FG_CALENDAR_DAY_OF_WEEK},
	{"hour", FG_CALENDAR_HOUR},
};

bool fg_calendar_parse(const char *name, enum fg_calendar *ret)
{
	for (size_t i = 0; i < FG_COUNT(period_names); i++) {
		if (strcmp(period_names[i].name, name) == 0) {
			*ret = period_names[i].period;
			return true;
		}
	}
	return false;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The calendar repeats after 400 years, so only the years 1970..2370 are counted through. */
#define ERA_DAYS  146097
#define ERA_YEARS 400

/* Days from 1970-01-01 to the first day of a year not before it. */
static int days_before(int year)
{
	int y = year - 1;

	return 365 * (year - 1970) + y / 4 - y / 100 + y / 400 - 477;
}

/* From the day of the year. Months from March on have 153 days in five. */
static void set_month(struct fg_date *d)
{
	int february = 59 + is_leap(d->year), from_march = d->of_year - 1 - february;
	int month = (5 * from_march + 2) / 153;

	d->month = d->of_year > 31 ? 2 : 1;
	d->day = d->of_year - (d->month - 1) * 31;
	if (from_march < 0)
		return;
	d->month = month + 3;
	d->day = from_march - (153 * month + 2) / 5 + 1;
}

static struct fg_date date_of(int64_t days)
{
	int64_t era = days / ERA_DAYS - (days % ERA_DAYS < 0);
	int left = (int)(days - era * ERA_DAYS);
	int year = 1970 + left / 366;
	struct fg_date d = {.of_week = (int)(((days + 3) % 7 + 7) % 7)};

	while (days_before(year + 1) <= left)
		year++;
	d.year = year + era * ERA_YEARS;
	d.of_year = left - days_before(year) + 1;
	set_month(&d);
	return d;
}

/* ISO 8601: the week belongs to the year in which its Thursday is. */
static int iso_week(int64_t days, const struct fg_date *d)
{
	return (date_of(days - d->of_week + 3).of_year - 1) / 7 + 1;
}

static const struct fg_date *date_at(struct fg_today *d)
{
	if (!d->dated)
		d->date = date_of(d->days);
	d->dated = true;
	return &d->date;
}

/* What the calendar says of a time, in the numbers of the period. */
static double in_period(enum fg_calendar period, int64_t time_ms, struct fg_today *d)
{
	switch (period) {
	case FG_CALENDAR_YEAR:
		return (double)date_at(d)->year;
	case FG_CALENDAR_QUARTER:
		return (date_at(d)->month + 2) / 3;
	case FG_CALENDAR_MONTH:
		return date_at(d)->month;
	case FG_CALENDAR_WEEK:
		return iso_week(d->days, date_at(d));
	case FG_CALENDAR_DAY_OF_YEAR:
		return date_at(d)->of_year;
	case FG_CALENDAR_DAY:
		return date_at(d)->day;
	case FG_CALENDAR_DAY_OF_WEEK:
		return date_at(d)->of_week;
	case FG_CALENDAR_HOUR:
		return (double)((time_ms - d->days * DAY_MS) / (DAY_MS / 24));
	case FG_CALENDAR_TIME:
	case FG_CALENDAR_COUNT:
		break;
	}
	return (double)time_ms / 1000;
}

static bool absent(const double span[2])
{
	return isnan(span[0]) && isnan(span[1]);
}

static bool within(const double span[2], double v)
{
	bool reversed = span[0] > span[1];

	return v >= span[reversed] && v <= span[!reversed];
}

static bool whole_or_absent(const double span[2])
{
	return absent(span) || (isfinite(span[0]) && isfinite(span[1]));
}

static const char *member_fault(const struct fg_climate *m)
{
	if ((unsigned)m->period >= FG_CALENDAR_COUNT)
		return "the period is none of year, quarter, month, week, dayofyear, day, "
		       "dayofweek, hour";
	if (!isfinite(m->time[0]) || !isfinite(m->time[1]))
		return "a span of time is two numbers";
	if (!isfinite(m->suspect[0]) || !isfinite(m->suspect[1]))
		return "a span of values is two numbers";
	if (!whole_or_absent(m->fail) || !whole_or_absent(m->depth))
		return "a span is two numbers, or not there";
	return NULL;
}

const char *fg_qc_climatology_fault(const struct fg_climate *members, size_t count)
{
	if (!count)
		return "there is no span of time; at least one is needed";
	for (size_t i = 0; i < count; i++)
		if (member_fault(&members[i]))
			return member_fault(&members[i]);
	return NULL;
}

static bool holds(
	const struct fg_climate *m, int64_t time_ms, double depth, struct fg_today *day)
{
	if (!absent(m->depth) && !within(m->depth, depth))
		return false;
	return within(m->time, in_period(m->period, time_ms, day));
}

enum fg_qc fg_qc_climatology_step(const struct fg_climate *members, size_t count,
	struct fg_today *day, struct fg_sample sample, double depth)
{
	int64_t days = sample.time_ms / DAY_MS - (sample.time_ms % DAY_MS < 0);

	if (!isfinite(sample.value))
		return FG_QC_MISSING;
	day->dated &= day->days == days;
	day->days = days;
	for (size_t i = count; i-- > 0;) {
		const struct fg_climate *m = &members[i];

		if (!holds(m, sample.time_ms, depth, day))
			continue;
		if (!absent(m->fail) && !within(m->fail, sample.value))
			return FG_QC_FAIL;
		return within(m->suspect, sample.value) ? FG_QC_PASS : FG_QC_SUSPECT;
	}
	return FG_QC_NOT_EVALUATED;
}

enum fg_qc fg_qc_climatology(
	const struct fg_climate *members, size_t count, struct fg_sample sample, double depth)
{
	struct fg_today day = {0};

	return fg_qc_climatology_step(members, count, &day, sample, depth);
}
