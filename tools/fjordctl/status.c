/* SPDX-License-Identifier: EUPL-1.2 */
/* `status`: what is wrong first, then everything. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "status.h"

struct status {
	const struct ctl *ctl;
	bool shown;
};

double status_since(const cJSON *doc, const char *time)
{
	int64_t then, now;
	const cJSON *clock = cJSON_GetObjectItemCaseSensitive(doc, "clock");

	if (fg_rfc3339_parse(time, &then) < 0 ||
		fg_rfc3339_parse(ctl_text(clock, "time"), &now) < 0)
		return 0;
	return (double)(now - then) / 1000;
}

const char *status_clock_level(const cJSON *clock)
{
	const char *level = ctl_text(clock, "level");

	if (strcmp(level, "estimated") == 0)
		return "an estimate: readings go out with time_uncertainty";
	if (!ctl_true(clock, "trusted"))
		return "not known to be right: readings are held back";
	return strcmp(level, "hardware_clock") == 0 ? "by the hardware clock" : "right";
}

static void print_clock(const cJSON *clock)
{
	printf("clock   %s, %s", ctl_text(clock, "time"), status_clock_level(clock));
	if (ctl_true(clock, "holding"))
		printf("; the system's clock stepped by %.1f s and is not followed",
			ctl_number(clock, "system_clock_off_s"));
	if (ctl_number(clock, "waiting_for_time") > 0)
		printf("; %.0f readings wait for it", ctl_number(clock, "waiting_for_time"));
	if (ctl_true(clock, "correcting"))
		printf("; corrections are under way");
	printf("\n");
}

static void print_http(const cJSON *doc)
{
	const cJSON *http = cJSON_GetObjectItemCaseSensitive(doc, "http");

	if (!http)
		return;
	printf("http    %s", ctl_text(http, "listen"));
	if (*ctl_text(http, "error"))
		printf(": cannot listen: %s", ctl_text(http, "error"));
	printf("\n");
}

static void print_debug(const cJSON *doc)
{
	const cJSON *debug = cJSON_GetObjectItemCaseSensitive(doc, "debug");
	char left[32];

	if (!debug)
		return;
	printf("debug   %s are logged", ctl_text(debug, "topics"));
	if (cJSON_HasObjectItem(debug, "left_s"))
		printf(" for %s more", ctl_age(ctl_number(debug, "left_s"), left, sizeof(left)));
	printf("\n");
}

static void print_gateway(const cJSON *doc)
{
	const cJSON *g = cJSON_GetObjectItemCaseSensitive(doc, "gateway");
	const cJSON *clock = cJSON_GetObjectItemCaseSensitive(doc, "clock");
	char age[32];

	printf("gateway %s (%s), version %s, up %s\n", ctl_text(g, "id"), ctl_text(g, "title"),
		ctl_text(g, "version"), ctl_age(ctl_number(g, "uptime_s"), age, sizeof(age)));
	print_clock(clock);
	print_http(doc);
	print_debug(doc);
}

static void print_links(const cJSON *doc, bool color)
{
	static const char *const heads[] = {"LINK", "DRIVER", "STATE", "DEVICES OK"};
	struct ctl_table *t = ctl_table_new(heads, 4);
	const cJSON *l;

	cJSON_ArrayForEach(l, cJSON_GetObjectItemCaseSensitive(doc, "links"))
	{
		ctl_table_cell(t, "%s", ctl_text(l, "name"));
		ctl_table_cell(t, "%s", ctl_text(l, "driver"));
		ctl_table_cell(t, "%s", ctl_text(l, "state"));
		ctl_table_cell(
			t, "%.0f of %.0f", ctl_number(l, "devices_ok"), ctl_number(l, "devices"));
	}
	ctl_table_print(t, color);
	ctl_table_free(t);
}

/* Only of links on which sensors send by themselves. */
static void print_push_links(const cJSON *doc, bool color)
{
	static const char *const heads[] = {"LISTENS", "MESSAGES", "STORED", "TWICE", "REFUSED",
		"PUT OFF", "DROPPED", "SESSIONS", "STRANGERS"};
	static const char *const names[] = {"requests", "accepted", "known", "refused", "not_now",
		"dropped_rate", "sessions", "strangers"};
	struct ctl_table *t = NULL;
	const cJSON *l;

	cJSON_ArrayForEach(l, cJSON_GetObjectItemCaseSensitive(doc, "links"))
	{
		const cJSON *counts = cJSON_GetObjectItemCaseSensitive(l, "counts");

		if (!cJSON_HasObjectItem(counts, "dropped_rate"))
			continue;
		if (!t)
			t = ctl_table_new(heads, FG_COUNT(heads));
		ctl_table_cell(t, "%s", ctl_text(l, "name"));
		for (size_t i = 0; i < FG_COUNT(names); i++)
			ctl_table_cell(t, "%.0f", ctl_number(counts, names[i]));
	}
	if (!t)
		return;
	putchar('\n');
	ctl_table_print(t, color);
	ctl_table_free(t);
}

/* What other drivers count, as far as there is any of it. */
static void print_link_counts(const cJSON *doc, bool color)
{
	static const char *const heads[] = {"LINK", "COUNTED SINCE THE START"};
	struct ctl_table *t = NULL;
	const cJSON *l, *n;

	cJSON_ArrayForEach(l, cJSON_GetObjectItemCaseSensitive(doc, "links"))
	{
		const cJSON *counts = cJSON_GetObjectItemCaseSensitive(l, "counts");
		char text[400] = "";
		size_t used = 0;

		if (cJSON_HasObjectItem(counts, "dropped_rate"))
			continue;
		cJSON_ArrayForEach(n, counts)
		{
			if (!(n->valuedouble > 0) || used >= sizeof(text))
				continue;
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %.0f",
				used ? ", " : "", n->string, n->valuedouble);
		}
		if (!used)
			continue;
		if (!t)
			t = ctl_table_new(heads, 2);
		ctl_table_cell(t, "%s", ctl_text(l, "name"));
		ctl_table_cell(t, "%s", text);
	}
	if (!t)
		return;
	putchar('\n');
	ctl_table_print(t, color);
	ctl_table_free(t);
}

/* "no_response, 3 min ago", also of a device that is well again. */
static void put_last_error(struct ctl_table *t, const cJSON *doc, const cJSON *d)
{
	const char *error = ctl_text(d, "last_error");
	char age[32];

	if (*error)
		ctl_table_cell(t, "%s, %s ago", error,
			ctl_age(status_since(doc, ctl_text(d, "last_error_at")), age, sizeof(age)));
	else
		ctl_table_cell(t, "-");
}

bool status_device_well(const cJSON *d)
{
	return strcmp(ctl_text(d, "state"), "ok") == 0 && ctl_number(d, "points_bad") == 0;
}

/* Devices that are not well stand first. */
static void print_devices(const cJSON *doc, bool color)
{
	static const char *const heads[] = {"DEVICE", "STATION", "STATE", "SINCE", "REASON",
		"POLLS", "FAILED", "PROBES", "SPLIT", "OVERRUNS", "BAD POINTS", "LAST ERROR"};
	struct ctl_table *t = ctl_table_new(heads, 12);
	char age[32];
	const cJSON *d;

	for (int well = 0; well < 2; well++) {
		cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "devices"))
		{
			if (status_device_well(d) != (bool)well)
				continue;
			ctl_table_cell(t, "%s", ctl_text(d, "name"));
			ctl_table_cell(t, "%s", ctl_text(d, "station"));
			ctl_table_cell(t, "%s", ctl_text(d, "state"));
			ctl_table_cell(t, "%s",
				ctl_age(status_since(doc, ctl_text(d, "since")), age, sizeof(age)));
			ctl_table_cell(
				t, "%s", *ctl_text(d, "reason") ? ctl_text(d, "reason") : "-");
			ctl_table_cell(t, "%.0f", ctl_number(d, "polls"));
			ctl_table_cell(t, "%.0f", ctl_number(d, "failures"));
			ctl_table_cell(t, "%.0f", ctl_number(d, "probes"));
			ctl_table_cell(t, "%.0f", ctl_number(d, "reads_split"));
			ctl_table_cell(t, "%.0f", ctl_number(d, "overruns"));
			ctl_table_cell(t, "%.0f of %.0f", ctl_number(d, "points_bad"),
				ctl_number(d, "points"));
			put_last_error(t, doc, d);
		}
	}
	ctl_table_print(t, color);
	ctl_table_free(t);
}

/* Only where devices have reported by themselves: pushed, or observed. */
static void print_reports(const cJSON *doc, bool color)
{
	static const char *const heads[] = {
		"REPORTS OF", "LAST", "REPORTS", "TWICE", "LATE", "REFUSED", "NOT SEEN YET"};
	const cJSON *devices = cJSON_GetObjectItemCaseSensitive(doc, "devices"), *d;
	struct ctl_table *t = NULL;
	char age[32];

	cJSON_ArrayForEach(d, devices)
	{
		if (!*ctl_text(d, "last_report"))
			continue;
		if (!t)
			t = ctl_table_new(heads, 7);
		ctl_table_cell(t, "%s", ctl_text(d, "name"));
		ctl_table_cell(t, "%s ago",
			ctl_age(status_since(doc, ctl_text(d, "last_report")), age, sizeof(age)));
		ctl_table_cell(t, "%.0f", ctl_number(d, "reports"));
		ctl_table_cell(t, "%.0f", ctl_number(d, "reports_known"));
		ctl_table_cell(t, "%.0f", ctl_number(d, "reports_late"));
		ctl_table_cell(t, "%.0f", ctl_number(d, "reports_refused"));
		ctl_table_cell(t, "%.0f of %.0f points", ctl_number(d, "points_not_seen"),
			ctl_number(d, "points"));
	}
	if (!t)
		return;
	putchar('\n');
	ctl_table_print(t, color);
	ctl_table_free(t);
}

/* Only where one holds. */
static void print_alarms(const cJSON *doc, bool color)
{
	static const char *const heads[] = {
		"ALARM", "STATION", "DEVICE", "POINT", "SINCE", "VALUE", "LIMIT"};
	const cJSON *alarms = cJSON_GetObjectItemCaseSensitive(doc, "alarms"), *a;
	struct ctl_table *t;
	char age[32];

	if (cJSON_GetArraySize(alarms) == 0)
		return;
	t = ctl_table_new(heads, 7);
	cJSON_ArrayForEach(a, alarms)
	{
		const char *per = strcmp(ctl_text(a, "alarm"), "rate") == 0 ? " per second" : "";

		ctl_table_cell(t, "%s", ctl_text(a, "alarm"));
		ctl_table_cell(t, "%s", ctl_text(a, "station"));
		ctl_table_cell(t, "%s", ctl_text(a, "device"));
		ctl_table_cell(t, "%s", ctl_text(a, "point"));
		ctl_table_cell(t, "%s",
			ctl_age(status_since(doc, ctl_text(a, "since")), age, sizeof(age)));
		if (cJSON_HasObjectItem(a, "value"))
			ctl_table_cell(t, "%.6g %s", ctl_number(a, "value"), ctl_text(a, "unit"));
		else
			ctl_table_cell(t, "-");
		ctl_table_cell(t, "%.6g %s%s", ctl_number(a, "limit"), ctl_text(a, "unit"), per);
	}
	ctl_table_print(t, color);
	ctl_table_free(t);
	putchar('\n');
}

/* Only where one is. */
static void print_overdue(const cJSON *doc, bool color)
{
	static const char *const heads[] = {"CALIBRATION OVERDUE", "STATION", "POINT", "DUE"};
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "calibrations_overdue"), *c;
	struct ctl_table *t;

	if (cJSON_GetArraySize(list) == 0)
		return;
	t = ctl_table_new(heads, 4);
	cJSON_ArrayForEach(c, list)
	{
		ctl_table_cell(t, "%s", ctl_text(c, "device"));
		ctl_table_cell(t, "%s", ctl_text(c, "station"));
		ctl_table_cell(t, "%s", ctl_text(c, "point"));
		ctl_table_cell(t, "%s", ctl_text(c, "due"));
	}
	ctl_table_print(t, color);
	ctl_table_free(t);
	putchar('\n');
}

/* Only where there is one. */
static void print_conflicts(const cJSON *doc, bool color)
{
	static const char *const heads[] = {
		"POINT OF TWO GATEWAYS", "STATION", "DOMAIN", "THE OTHER", "DESTINATION"};
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "point_conflicts"), *c;
	struct ctl_table *t;

	if (cJSON_GetArraySize(list) == 0)
		return;
	t = ctl_table_new(heads, 5);
	cJSON_ArrayForEach(c, list)
	{
		ctl_table_cell(t, "%s", ctl_text(c, "point"));
		ctl_table_cell(t, "%s", ctl_text(c, "station"));
		ctl_table_cell(t, "%s", ctl_text(c, "domain"));
		ctl_table_cell(t, "%s", ctl_text(c, "gateway"));
		ctl_table_cell(t, "%s", ctl_text(c, "destination"));
	}
	ctl_table_print(t, color);
	ctl_table_free(t);
	putchar('\n');
}

static void print_notices(const cJSON *doc, bool color)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "notices");
	double not_told = ctl_number(doc, "notices_not_told");

	if (cJSON_GetArraySize(list) == 0)
		return;
	ctl_print_notices(doc, color);
	if (not_told > 0)
		printf("there are too many: %.0f times a notice of a rule was not told\n",
			not_told);
	putchar('\n');
}

/* Sparkplug: nothing is sent while the host is not there. */
bool status_waits_for_host(const cJSON *d)
{
	const char *host = ctl_text(cJSON_GetObjectItemCaseSensitive(d, "sparkplug"), "host");

	return *host && strcmp(host, "online") != 0;
}

static void print_destinations(const cJSON *doc, bool color)
{
	static const char *const heads[] = {
		"DESTINATION", "STATE", "SINCE", "BACKLOG", "OLDEST UNSENT", "SERVER", "ERROR"};
	struct ctl_table *t = ctl_table_new(heads, 7);
	char age[32];
	const cJSON *d;

	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "destinations"))
	{
		const char *oldest = ctl_text(d, "oldest_unsent");

		ctl_table_cell(t, "%s", ctl_text(d, "name"));
		ctl_table_cell(t, "%s", ctl_text(d, "state"));
		ctl_table_cell(t, "%s",
			ctl_age(status_since(doc, ctl_text(d, "since")), age, sizeof(age)));
		ctl_table_cell(t, "%.0f", ctl_number(d, "backlog"));
		ctl_table_cell(t, "%s", *oldest ? oldest : "-");
		ctl_table_cell(t, "%s", ctl_text(d, "server"));
		ctl_table_cell(t, "%s",
			ctl_true(d, "conflict")	   ? "another gateway has this id"
			: *ctl_text(d, "error")	   ? ctl_text(d, "error")
			: status_waits_for_host(d) ? "waits for its primary host"
						   : "-");
	}
	ctl_table_print(t, color);
	ctl_table_free(t);
}

/* What a reading costs in each form. */
static void print_payloads(const cJSON *doc, bool color)
{
	static const char *const heads[] = {
		"PAYLOAD", "DESTINATION", "MESSAGES", "READINGS", "BYTES A READING"};
	struct ctl_table *t = ctl_table_new(heads, 5);
	const cJSON *d, *p;

	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "destinations"))
	{
		cJSON_ArrayForEach(p, cJSON_GetObjectItemCaseSensitive(d, "payloads"))
		{
			ctl_table_cell(t, "%s", ctl_text(p, "name"));
			ctl_table_cell(t, "%s", ctl_text(d, "name"));
			ctl_table_cell(t, "%.0f", ctl_number(p, "messages"));
			ctl_table_cell(t, "%.0f", ctl_number(p, "readings"));
			if (ctl_number(p, "readings") > 0)
				ctl_table_cell(t, "%.0f", ctl_number(p, "bytes_per_reading"));
			else
				ctl_table_cell(t, "-");
		}
	}
	putchar('\n');
	ctl_table_print(t, color);
	ctl_table_free(t);
}

/* What waits for others of its device, by intent. */
static void print_batches(const cJSON *doc, bool color)
{
	static const char *const heads[] = {"BATCH", "SECONDS", "WAITING"};
	struct ctl_table *t = ctl_table_new(heads, 3);
	const cJSON *d, *b;
	bool any = false;

	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "destinations"))
	{
		b = cJSON_GetObjectItemCaseSensitive(d, "batch");
		if (!b)
			continue;
		any = true;
		ctl_table_cell(t, "%s", ctl_text(d, "name"));
		ctl_table_cell(t, "%g", ctl_number(b, "time_s"));
		ctl_table_cell(t, "%.0f", ctl_number(b, "waiting"));
	}
	if (any) {
		putchar('\n');
		ctl_table_print(t, color);
	}
	ctl_table_free(t);
}

/* Only where one is set. */
static void print_budgets(const cJSON *doc, bool color)
{
	static const char *const heads[] = {
		"BUDGET OF", "BYTES A DAY", "TODAY", "PER READING", "STATE"};
	struct ctl_table *t = ctl_table_new(heads, 5);
	const cJSON *d, *b;
	bool any = false;

	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "destinations"))
	{
		b = cJSON_GetObjectItemCaseSensitive(d, "budget");
		if (!b)
			continue;
		ctl_table_cell(t, "%s", ctl_text(d, "name"));
		ctl_table_cell(t, "%.0f", ctl_number(b, "bytes_a_day"));
		ctl_table_cell(t, "%.0f", ctl_number(b, "bytes_today"));
		ctl_table_cell(t, "%.0f", ctl_number(b, "bytes_per_reading"));
		ctl_table_cell(t, "%s", ctl_text(b, "state"));
		any = true;
	}
	if (any) {
		putchar('\n');
		ctl_table_print(t, color);
	}
	ctl_table_free(t);
}

/* Only those that end soon. */
static void print_certificates(const cJSON *doc, bool color)
{
	static const char *const heads[] = {"CERTIFICATE OF", "DESTINATION", "ENDS", "DAYS LEFT"};
	struct ctl_table *t = ctl_table_new(heads, 4);
	const cJSON *d, *c;
	bool any = false;

	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "destinations"))
	{
		cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(d, "certificates"))
		{
			if (!ctl_true(c, "warning"))
				continue;
			ctl_table_cell(t, "%s", ctl_text(c, "of"));
			ctl_table_cell(t, "%s", ctl_text(d, "name"));
			ctl_table_cell(t, "%s", ctl_text(c, "ends"));
			ctl_table_cell(t, "%.0f", ctl_number(c, "days_left"));
			any = true;
		}
	}
	if (any) {
		putchar('\n');
		ctl_table_print(t, color);
	}
	ctl_table_free(t);
}

static void print_store(const cJSON *doc)
{
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(doc, "store");
	const cJSON *totals = cJSON_GetObjectItemCaseSensitive(doc, "totals");
	const cJSON *quality = cJSON_GetObjectItemCaseSensitive(doc, "quality");
	const cJSON *hourly = cJSON_GetObjectItemCaseSensitive(doc, "hourly");

	printf("store   %s: %s, %.0f readings wait for their commit, %.1f of %.0f MiB, next number "
	       "%.0f\n",
		ctl_text(s, "file"), ctl_true(s, "writable") ? "writable" : ctl_text(s, "error"),
		ctl_number(s, "waiting_for_commit"), ctl_number(s, "bytes") / 1048576,
		ctl_number(s, "max_bytes") / 1048576, ctl_number(s, "next_seq"));
	if (*ctl_text(s, "salvaged"))
		printf("DAMAGED %s\n", ctl_text(s, "salvaged"));
	if (ctl_number(s, "dropped_max_size") + ctl_number(s, "dropped_queue_full") > 0)
		printf("LOST    %.0f readings for want of room in the store, %.0f while it was "
		       "behind\n",
			ctl_number(s, "dropped_max_size"), ctl_number(s, "dropped_queue_full"));
	printf("totals  polled %.0f, worked out %.0f, stored %.0f, published %.0f, "
	       "acknowledged %.0f, not "
	       "told %.0f, overruns %.0f\n",
		ctl_number(totals, "polled"), ctl_number(totals, "derived"),
		ctl_number(totals, "stored"), ctl_number(totals, "published"),
		ctl_number(totals, "acknowledged"), ctl_number(totals, "suppressed"),
		ctl_number(totals, "overruns"));
	if (hourly)
		printf("hours   of %.0f points, last %s; told %.0f and %.0f of them again, %.0f "
		       "due\n",
			ctl_number(hourly, "points"),
			*ctl_text(hourly, "last") ? ctl_text(hourly, "last") : "none yet",
			ctl_number(hourly, "told"), ctl_number(hourly, "told_again"),
			ctl_number(hourly, "pending"));
	if (ctl_number(quality, "corrected") + ctl_number(quality, "not_told") > 0)
		printf("quality %.0f readings corrected that the next one showed to be spikes, "
		       "%.0f could not be\n",
			ctl_number(quality, "corrected"), ctl_number(quality, "not_told"));
}

static void print_all(const cJSON *doc, bool color)
{
	status_print_wrong(doc, 1000, 0, color);
	putchar('\n');
	print_gateway(doc);
	putchar('\n');
	print_destinations(doc, color);
	print_payloads(doc, color);
	print_batches(doc, color);
	print_budgets(doc, color);
	print_certificates(doc, color);
	ctl_print_untold(doc, color);
	putchar('\n');
	print_alarms(doc, color);
	print_overdue(doc, color);
	print_conflicts(doc, color);
	print_notices(doc, color);
	print_links(doc, color);
	print_push_links(doc, color);
	putchar('\n');
	print_devices(doc, color);
	print_reports(doc, color);
	print_link_counts(doc, color);
	putchar('\n');
	print_store(doc);
}

/* A person's screen is not to run over; --all, and whoever reads a pipe, wants everything. */
static void print(const struct ctl *ctl, const cJSON *doc)
{
	struct winsize size = {0};

	if (ctl->all || !isatty(STDOUT_FILENO)) {
		print_all(doc, ctl->color);
		return;
	}
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	status_print_screen(doc, size.ws_row, size.ws_col, ctl->color);
}

static int on_line(void *arg, const char *text)
{
	struct status *s = arg;
	cJSON *doc;

	if (s->ctl->json) {
		puts(text);
		return 0;
	}
	doc = cJSON_Parse(text);
	print(s->ctl, doc);
	cJSON_Delete(doc);
	return 0;
}

int ctl_status(const struct ctl *ctl)
{
	static const char *const words[] = {"status"};
	struct status s = {.ctl = ctl};

	return ctl_request(ctl, words, 1, on_line, &s);
}
