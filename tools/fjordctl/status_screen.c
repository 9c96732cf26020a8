/* SPDX-License-Identifier: EUPL-1.2 */
/* `fjordctl status` on a terminal: what is wrong, and then as much as fits on the screen. */
#include "status.h"

#include <stdio.h>
#include <string.h>

#define WRONG_MOST 8  /* lines of the headline on a screen of 24 */
#define FIXED	   4  /* empty, gateway, store, empty */
#define LEAST	   14 /* lines that are used on whatever screen */

static void print_gateway(const cJSON *doc, unsigned columns)
{
	const cJSON *g = cJSON_GetObjectItemCaseSensitive(doc, "gateway");
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(doc, "store");
	const cJSON *t = cJSON_GetObjectItemCaseSensitive(doc, "totals");
	const cJSON *debug = cJSON_GetObjectItemCaseSensitive(doc, "debug");
	char line[400], age[32];

	snprintf(line, sizeof(line), "gateway %s, version %s, up %s, clock %s%s%s",
		ctl_text(g, "id"), ctl_text(g, "version"),
		ctl_age(ctl_number(g, "uptime_s"), age, sizeof(age)),
		status_clock_level(cJSON_GetObjectItemCaseSensitive(doc, "clock")),
		debug ? "; debug lines: " : "", ctl_text(debug, "topics"));
	ctl_print_cut(line, 0, columns);
	snprintf(line, sizeof(line),
		"store   %.1f of %.0f MiB; %.0f readings stored, %.0f acknowledged",
		ctl_number(s, "bytes") / 1048576, ctl_number(s, "max_bytes") / 1048576,
		ctl_number(t, "stored"), ctl_number(t, "acknowledged"));
	ctl_print_cut(line, 0, columns);
}

/* Those that are not well stand first in both tables. */
static bool destination_well(const cJSON *d)
{
	return ctl_true(d, "connected") && !*ctl_text(d, "error");
}

static unsigned print_destinations(const cJSON *doc, unsigned most, unsigned columns, bool color)
{
	static const char *const heads[] = {"DESTINATION", "STATE", "SINCE", "BACKLOG", "SERVER"};
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "destinations"), *d;
	struct ctl_table *t = ctl_table_new(heads, FG_COUNT(heads));
	unsigned rows = 0;
	char age[32];

	for (int well = 0; well < 2; well++) {
		cJSON_ArrayForEach(d, list)
		{
			if (destination_well(d) != (bool)well || rows >= most)
				continue;
			rows++;
			ctl_table_cell(t, "%s", ctl_text(d, "name"));
			ctl_table_cell(t, "%s", ctl_text(d, "state"));
			ctl_table_cell(t, "%s",
				ctl_age(status_since(doc, ctl_text(d, "since")), age, sizeof(age)));
			ctl_table_cell(t, "%.0f", ctl_number(d, "backlog"));
			ctl_table_cell(t, "%s", ctl_text(d, "server"));
		}
	}
	ctl_table_print_cut(t, color, columns);
	ctl_table_free(t);
	return rows + 1;
}

static void put_device(struct ctl_table *t, const cJSON *doc, const cJSON *d)
{
	const char *reason = ctl_text(d, "reason");
	char age[32];

	ctl_table_cell(t, "%s", ctl_text(d, "name"));
	ctl_table_cell(t, "%s", ctl_text(d, "station"));
	ctl_table_cell(t, "%s", ctl_text(d, "state"));
	ctl_table_cell(t, "%s", ctl_age(status_since(doc, ctl_text(d, "since")), age, sizeof(age)));
	ctl_table_cell(t, "%.0f", ctl_number(d, "polls"));
	ctl_table_cell(t, "%.0f", ctl_number(d, "failures"));
	ctl_table_cell(t, "%.0f of %.0f", ctl_number(d, "points_bad"), ctl_number(d, "points"));
	ctl_table_cell(t, "%s", *reason ? reason : "-");
}

static void print_devices(const cJSON *doc, unsigned room, unsigned columns, bool color)
{
	static const char *const heads[] = {
		"DEVICE", "STATION", "STATE", "SINCE", "POLLS", "FAILED", "BAD", "REASON"};
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "devices"), *d;
	struct ctl_table *t = ctl_table_new(heads, FG_COUNT(heads));
	unsigned count = (unsigned)cJSON_GetArraySize(list);
	unsigned most = count <= room ? count : room ? room - 1 : 0, rows = 0, ill = 0;

	for (int well = 0; well < 2; well++) {
		cJSON_ArrayForEach(d, list)
		{
			if (status_device_well(d) != (bool)well)
				continue;
			if (rows < most) {
				put_device(t, doc, d);
				rows++;
			} else {
				ill += !well;
			}
		}
	}
	ctl_table_print_cut(t, color, columns);
	ctl_table_free(t);
	if (rows < count) {
		char line[100];

		snprintf(line, sizeof(line),
			"%u more devices, %u of them not well: fjordctl status --all", count - rows,
			ill);
		ctl_print_cut(line, 0, columns);
	}
}

void status_print_screen(const cJSON *doc, unsigned rows, unsigned columns, bool color)
{
	/* the last line of the screen is the prompt's; heads of two tables, an empty line */
	const unsigned all = FG_MAX(rows, (unsigned)LEAST) - 1;
	unsigned used =
		status_print_wrong(doc, FG_MAX(2u, WRONG_MOST * all / 23 - 1), columns, color);
	unsigned room;

	putchar('\n');
	print_gateway(doc, columns);
	putchar('\n');
	used += FIXED;
	room = all > used ? all - used : 0;
	used += print_destinations(doc, FG_MAX(1u, room / 3), columns, color);
	putchar('\n');
	used += 2; /* that, and the head of the last table */
	print_devices(doc, all > used ? all - used : 0, columns, color);
}
