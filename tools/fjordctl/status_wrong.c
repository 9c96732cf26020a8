/* SPDX-License-Identifier: EUPL-1.2 */
/* What is wrong, in a line each: the headline of `fjordctl status`. */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define LINE_MAX_BYTES 300
#define LINES_MAX      512 /* of a gateway where all is wrong; beyond they are only counted */

struct wrong {
	char text[LINES_MAX][LINE_MAX_BYTES];
	unsigned count; /* also those that have no room */
};

FG_PRINTF(2, 3)
static void add(struct wrong *w, const char *fmt, ...)
{
	va_list ap;

	if (w->count < LINES_MAX) {
		va_start(ap, fmt);
		vsnprintf(w->text[w->count], LINE_MAX_BYTES, fmt, ap);
		va_end(ap);
		ctl_plain(w->text[w->count]);
	}
	w->count++;
}

static void of_store(struct wrong *w, const cJSON *doc)
{
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(doc, "store");

	if (!ctl_true(s, "writable"))
		add(w, "store: cannot be written: %s", ctl_text(s, "error"));
	if (*ctl_text(s, "salvaged"))
		add(w, "store: it was damaged: %s", ctl_text(s, "salvaged"));
	if (ctl_number(s, "dropped_max_size") > 0)
		add(w, "store: %.0f readings were given up for want of room",
			ctl_number(s, "dropped_max_size"));
	if (ctl_number(s, "dropped_queue_full") > 0)
		add(w, "store: %.0f readings were lost while it was behind",
			ctl_number(s, "dropped_queue_full"));
}

static void of_clock(struct wrong *w, const cJSON *doc)
{
	const cJSON *clock = cJSON_GetObjectItemCaseSensitive(doc, "clock");

	if (!ctl_true(clock, "trusted") || strcmp(ctl_text(clock, "level"), "estimated") == 0)
		add(w, "clock: %s", status_clock_level(clock));
	if (ctl_true(clock, "holding"))
		add(w, "clock: the system's clock stepped by %.1f s and is not followed",
			ctl_number(clock, "system_clock_off_s"));
}

static void of_certificates(struct wrong *w, const cJSON *d)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(d, "certificates"))
	{
		if (ctl_true(c, "warning"))
			add(w, "destination '%s': the certificate of the %s ends in %.0f days",
				ctl_text(d, "name"), ctl_text(c, "of"), ctl_number(c, "days_left"));
	}
}

static void of_destination(struct wrong *w, const cJSON *doc, const cJSON *d)
{
	const char *name = ctl_text(d, "name"), *error = ctl_text(d, "error");
	const char *oldest = ctl_text(d, "oldest_unsent");
	char age[32];

	if (ctl_true(d, "conflict"))
		add(w, "destination '%s': another gateway has this id", name);
	if (!ctl_true(d, "connected") && *oldest)
		add(w, "destination '%s': not connected; %.0f readings wait, for %s%s%s", name,
			ctl_number(d, "backlog"),
			ctl_age(status_since(doc, oldest), age, sizeof(age)), *error ? ": " : "",
			error);
	else if (!ctl_true(d, "connected"))
		add(w, "destination '%s': not connected%s%s", name, *error ? ": " : "", error);
	else if (*error)
		add(w, "destination '%s': %s", name, error);
	else if (status_waits_for_host(d))
		add(w, "destination '%s': waits for its primary host; %.0f readings wait", name,
			ctl_number(d, "backlog"));
	if (ctl_number(d, "refused") > 0)
		add(w, "destination '%s': the broker refused %.0f messages (code %.0f)", name,
			ctl_number(d, "refused"), ctl_number(d, "refused_code"));
	of_certificates(w, d);
}

static bool link_is_down(const cJSON *doc, const char *name)
{
	const cJSON *l;

	cJSON_ArrayForEach(l, cJSON_GetObjectItemCaseSensitive(doc, "links"))
	{
		if (strcmp(ctl_text(l, "name"), name) == 0)
			return strcmp(ctl_text(l, "state"), "down") == 0;
	}
	return false;
}

static void of_links(struct wrong *w, const cJSON *doc)
{
	const cJSON *l;

	cJSON_ArrayForEach(l, cJSON_GetObjectItemCaseSensitive(doc, "links"))
	{
		if (strcmp(ctl_text(l, "state"), "down") == 0)
			add(w, "link '%s': down, with %.0f devices", ctl_text(l, "name"),
				ctl_number(l, "devices"));
	}
}

/* What a link that is down explains is told with the link. */
static void of_device(struct wrong *w, const cJSON *doc, const cJSON *d)
{
	const char *state = ctl_text(d, "state"), *reason = ctl_text(d, "reason");
	char age[32];

	if (status_device_well(d) || strcmp(state, "maintenance") == 0)
		return;
	if (strcmp(reason, "link_down") == 0 && link_is_down(doc, ctl_text(d, "link")))
		return;
	if (strcmp(state, "failing") == 0 || strcmp(state, "quarantined") == 0)
		add(w, "device '%s': %s since %s%s%s", ctl_text(d, "name"), state,
			ctl_age(status_since(doc, ctl_text(d, "since")), age, sizeof(age)),
			*reason ? ": " : "", reason);
	else if (ctl_number(d, "points_bad") > 0)
		add(w, "device '%s': %.0f of %.0f points are bad", ctl_text(d, "name"),
			ctl_number(d, "points_bad"), ctl_number(d, "points"));
}

static void of_points(struct wrong *w, const cJSON *doc)
{
	const cJSON *a;

	cJSON_ArrayForEach(a, cJSON_GetObjectItemCaseSensitive(doc, "alarms"))
	{
		add(w, "%s/%s: alarm '%s': %.6g %s (limit %.6g)", ctl_text(a, "station"),
			ctl_text(a, "point"), ctl_text(a, "alarm"), ctl_number(a, "value"),
			ctl_text(a, "unit"), ctl_number(a, "limit"));
	}
	cJSON_ArrayForEach(a, cJSON_GetObjectItemCaseSensitive(doc, "point_conflicts"))
	{
		add(w, "%s/%s: gateway '%s' publishes it too", ctl_text(a, "station"),
			ctl_text(a, "point"), ctl_text(a, "gateway"));
	}
	cJSON_ArrayForEach(a, cJSON_GetObjectItemCaseSensitive(doc, "calibrations_overdue"))
	{
		add(w, "%s/%s: calibration was due %.10s", ctl_text(a, "station"),
			ctl_text(a, "point"), ctl_text(a, "due"));
	}
}

static void find(struct wrong *w, const cJSON *doc)
{
	const cJSON *http = cJSON_GetObjectItemCaseSensitive(doc, "http"), *d;

	of_store(w, doc);
	of_clock(w, doc);
	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "destinations"))
	{
		of_destination(w, doc, d);
	}
	of_links(w, doc);
	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "devices"))
	{
		of_device(w, doc, d);
	}
	of_points(w, doc);
	if (*ctl_text(http, "error"))
		add(w, "http: cannot listen on %s: %s", ctl_text(http, "listen"),
			ctl_text(http, "error"));
}

static unsigned print_well(const cJSON *doc, bool color)
{
	printf("%sall is well%s: %d devices, %d destinations\n", color ? "\033[1;32m" : "",
		color ? "\033[0m" : "",
		cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(doc, "devices")),
		cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(doc, "destinations")));
	return 1;
}

unsigned status_print_wrong(const cJSON *doc, unsigned most, unsigned columns, bool color)
{
	static struct wrong w; /* large, and once */
	unsigned shown;

	w.count = 0;
	find(&w, doc);
	if (w.count == 0)
		return print_well(doc, color);
	printf("%s%u %s wrong%s:\n", color ? "\033[1;31m" : "", w.count,
		w.count == 1 ? "thing is" : "things are", color ? "\033[0m" : "");
	shown = FG_MIN(w.count, (unsigned)LINES_MAX);
	if (shown > most)
		shown = most > 1 ? most - 1 : 1;
	for (unsigned i = 0; i < shown; i++)
		ctl_print_cut(w.text[i], 2, columns);
	if (shown == w.count)
		return 1 + shown;
	printf("  and %u more\n", w.count - shown);
	return 2 + shown;
}
