/* SPDX-License-Identifier: EUPL-1.2 */
/* `calibration`: the dated records of a point, and how far each is from the one before. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ctl.h"

static void put_drift(struct ctl_table *t, const cJSON *r)
{
	if (cJSON_HasObjectItem(r, "slope_drift"))
		ctl_table_cell(t, "%+.2f %%, %+.4g", ctl_number(r, "slope_drift") * 100,
			ctl_number(r, "offset_drift"));
	else
		ctl_table_cell(t, "-");
}

static void put_curve(struct ctl_table *t, const cJSON *r)
{
	const cJSON *terms = cJSON_GetObjectItemCaseSensitive(r, "polynomial"), *c;
	char text[200] = "";
	size_t len = 0;
	int i = 0;

	cJSON_ArrayForEach(c, terms)
	{
		int n = snprintf(text + len, sizeof(text) - len, i == 0 ? "%.6g" : " %+.6g raw",
			c->valuedouble);

		len += n > 0 ? (size_t)n : 0;
		if (i > 1 && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "^%d", i);
		i++;
		if (len >= sizeof(text))
			break;
	}
	ctl_table_cell(t, "%s", text);
}

static int on_line(void *arg, const char *text)
{
	static const char *const heads[] = {"FROM", "IN FORCE", "VALUE", "DRIFT", "BY", "NEXT"};
	const struct ctl *ctl = arg;
	const cJSON *records, *r;
	struct ctl_table *t;
	cJSON *doc;

	if (ctl->json) {
		puts(text);
		return 0;
	}
	doc = cJSON_Parse(text);
	records = cJSON_GetObjectItemCaseSensitive(doc, "calibration");
	t = ctl_table_new(heads, 6);
	cJSON_ArrayForEach(r, records)
	{
		ctl_table_cell(t, "%s", ctl_text(r, "date"));
		ctl_table_cell(t, "%s", ctl_true(r, "in_force") ? "yes" : "-");
		put_curve(t, r);
		put_drift(t, r);
		ctl_table_cell(t, "%s", *ctl_text(r, "by") ? ctl_text(r, "by") : "-");
		ctl_table_cell(t, "%s", *ctl_text(r, "next") ? ctl_text(r, "next") : "-");
	}
	if (cJSON_GetArraySize(records) == 0)
		puts("no calibration");
	else
		ctl_table_print(t, ctl->color);
	ctl_table_free(t);
	cJSON_Delete(doc);
	return 0;
}

int ctl_calibration(const struct ctl *ctl)
{
	const char *slash = strchr(ctl->words[1], '/');
	const char *words[] = {"calibration", NULL, slash ? slash + 1 : ""};
	char device[64];

	if (!slash || (size_t)(slash - ctl->words[1]) >= sizeof(device)) {
		fprintf(stderr, "fjordctl: calibration takes DEVICE/POINT\n");
		return EX_USAGE;
	}
	snprintf(device, sizeof(device), "%.*s", (int)(slash - ctl->words[1]), ctl->words[1]);
	words[1] = device;
	return ctl_request(ctl, words, FG_COUNT(words), on_line, (void *)ctl);
}
