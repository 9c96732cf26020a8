/* SPDX-License-Identifier: EUPL-1.2 */
/* Days of local time, by the C library's time zones. */
#include "base/zone.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

#define DAY_MS INT64_C(86400000)
/* The year 10000: beyond it, as before 1970, days are those of UTC. */
#define CALENDAR_END_MS INT64_C(253402300800000)

void fg_zone_set(const char *name)
{
	const char *now = getenv("TZ");

	if (now && strcmp(now, name) == 0)
		return;
	setenv("TZ", name, 1);
	tzset();
}

/* Midnight of a day of the calendar. Where summer time begins at midnight, its first moment. */
static int64_t midnight_ms(const struct tm *day, int ahead)
{
	struct tm t = {.tm_year = day->tm_year, .tm_mon = day->tm_mon,
		.tm_mday = day->tm_mday + ahead, .tm_isdst = -1};

	return (int64_t)mktime(&t) * 1000;
}

static int64_t floor_day(int64_t ms)
{
	int64_t rest = ms % DAY_MS;

	return ms - rest - (rest < 0 ? DAY_MS : 0);
}

void fg_zone_day(int64_t wall_ms, int64_t *ret_from_ms, int64_t *ret_to_ms)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm local;

	if (wall_ms < 0 || wall_ms > CALENDAR_END_MS || !localtime_r(&s, &local)) {
		*ret_from_ms = floor_day(
			FG_MAX(FG_MIN(wall_ms, CALENDAR_END_MS), -CALENDAR_END_MS));
		*ret_to_ms = *ret_from_ms + DAY_MS;
		return;
	}
	*ret_from_ms = midnight_ms(&local, 0);
	*ret_to_ms = midnight_ms(&local, 1);
}
