/* SPDX-License-Identifier: EUPL-1.2 */
/* Times and durations as text, without the C library's calendar (its time_t may have 32 bits). */
#include "base/timefmt.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"

#define DAY_MS INT64_C(86400000)

/* Civil calendar from days since 1970-01-01 and back (Gregorian, proleptic): years are counted
 * from March, so that the leap day is the last of its year. */
static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static int64_t days_from_civil(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

static void put_digits(char *at, int width, int value)
{
	while (width-- > 0) {
		at[width] = (char)('0' + value % 10);
		value /= 10;
	}
}

void fg_rfc3339(int64_t wall_ms, char ret_text[FG_RFC3339_SIZE])
{
	const int64_t first = days_from_civil(0, 1, 1) * DAY_MS;
	const int64_t last = days_from_civil(10000, 1, 1) * DAY_MS - 1;
	int64_t ms = FG_MIN(FG_MAX(wall_ms, first), last);
	int64_t days = ms / DAY_MS - (ms % DAY_MS < 0), in_day = ms - days * DAY_MS;
	int year, month, day;

	civil_from_days(days, &year, &month, &day);
	memcpy(ret_text, "0000-00-00T00:00:00.000Z", FG_RFC3339_SIZE);
	put_digits(ret_text, 4, year);
	put_digits(ret_text + 5, 2, month);
	put_digits(ret_text + 8, 2, day);
	put_digits(ret_text + 11, 2, (int)(in_day / 3600000));
	put_digits(ret_text + 14, 2, (int)(in_day / 60000 % 60));
	put_digits(ret_text + 17, 2, (int)(in_day / 1000 % 60));
	put_digits(ret_text + 20, 3, (int)(in_day % 1000));
}

/* Reads exactly `width` digits. */
static int get_digits(const char **p, int width, int *ret)
{
	int v = 0;

	for (int i = 0; i < width; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return FG_EINVAL;
		v = v * 10 + ((*p)[i] - '0');
	}
	*p += width;
	*ret = v;
	return FG_OK;
}

static int expect(const char **p, char c)
{
	if (**p != c)
		return FG_EINVAL;
	(*p)++;
	return FG_OK;
}

static int get_date(const char **p, int64_t *ret_days)
{
	static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day, y, m, d;

	if (get_digits(p, 4, &year) < 0 || expect(p, '-') < 0 || get_digits(p, 2, &month) < 0 ||
		expect(p, '-') < 0 || get_digits(p, 2, &day) < 0)
		return FG_EINVAL;
	if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1])
		return FG_EINVAL;
	*ret_days = days_from_civil(year, month, day);
	civil_from_days(*ret_days, &y, &m, &d);
	return d == day ? FG_OK : FG_EINVAL; /* 29 February of a common year */
}

static int get_clock(const char **p, int64_t *ret_ms)
{
	int h, m, s, scale = 100;
	int64_t ms = 0;

	if (get_digits(p, 2, &h) < 0 || expect(p, ':') < 0 || get_digits(p, 2, &m) < 0 ||
		expect(p, ':') < 0 || get_digits(p, 2, &s) < 0 || h > 23 || m > 59 || s > 60)
		return FG_EINVAL;
	if (**p == '.') {
		(*p)++;
		if (!isdigit((unsigned char)**p))
			return FG_EINVAL;
		for (; isdigit((unsigned char)**p); (*p)++, scale /= 10)
			ms += (**p - '0') * scale;
	}
	*ret_ms = ((h * 60 + m) * 60 + s) * INT64_C(1000) + ms;
	return FG_OK;
}

static int get_zone(const char **p, int64_t *ret_ms)
{
	int h, m, sign;

	*ret_ms = 0;
	if (**p == 'Z' || **p == 'z') {
		(*p)++;
		return FG_OK;
	}
	if (**p != '+' && **p != '-')
		return FG_EINVAL;
	sign = *(*p)++ == '-' ? -1 : 1;
	if (get_digits(p, 2, &h) < 0 || expect(p, ':') < 0 || get_digits(p, 2, &m) < 0 || h > 23 ||
		m > 59)
		return FG_EINVAL;
	*ret_ms = sign * (h * 60 + m) * INT64_C(60000);
	return FG_OK;
}

int fg_rfc3339_parse(const char *text, int64_t *ret_wall_ms)
{
	int64_t days, clock_ms = 0, zone_ms = 0;

	if (get_date(&text, &days) < 0)
		return FG_EINVAL;
	if (*text) {
		if (*text != 'T' && *text != 't' && *text != ' ')
			return FG_EINVAL;
		text++;
		if (get_clock(&text, &clock_ms) < 0 || get_zone(&text, &zone_ms) < 0)
			return FG_EINVAL;
	}
	if (*text)
		return FG_EINVAL;
	*ret_wall_ms = days * DAY_MS + clock_ms - zone_ms;
	return FG_OK;
}

static const struct {
	const char *name;
	int64_t us;
} units[] = {
	{"d", INT64_C(86400000000)},
	{"h", INT64_C(3600000000)},
	{"m", INT64_C(60000000)},
	{"s", INT64_C(1000000)},
	{"ms", INT64_C(1000)},
	{"us", INT64_C(1)},
};

int fg_duration_parse(const char *text, int64_t *ret_us)
{
	char *end;
	double v;

	if (!isdigit((unsigned char)*text))
		return FG_EINVAL;
	v = strtod(text, &end);
	if (strspn(text, "0123456789.") != (size_t)(end - text)) /* no hexadecimal, no exponent */
		return FG_EINVAL;
	if (!*end && v == 0) { /* zero needs no unit */
		*ret_us = 0;
		return FG_OK;
	}
	for (size_t i = 0; i < FG_COUNT(units); i++) {
		if (strcmp(end, units[i].name) == 0) {
			double us = v * (double)units[i].us;

			if (us > 9e18)
				return FG_EINVAL;
			*ret_us = (int64_t)(us + 0.5);
			return FG_OK;
		}
	}
	return FG_EINVAL;
}

const char *fg_duration_text(int64_t us, char *text, size_t size)
{
	if (us == 0) {
		snprintf(text, size, "0s");
		return text;
	}
	for (size_t i = 0; i < FG_COUNT(units); i++) {
		if (us % units[i].us == 0) {
			snprintf(
				text, size, "%lld%s", (long long)(us / units[i].us), units[i].name);
			return text;
		}
	}
	return text;
}
