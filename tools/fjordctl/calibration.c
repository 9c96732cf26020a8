/* SPDX-License-Identifier: EUPL-1.2 */
/* `calibration`: the dated records of a point, and how far each is from the one before; more of
 * them are added to the running gateway. */
#include <stdio.h>
#include <stdlib.h>
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
	static const char *const heads[] = {
		"FROM", "IN FORCE", "SOURCE", "VALUE", "DRIFT", "BY", "NEXT", "NOTE"};
	const struct ctl *ctl = arg;
	const cJSON *records, *r, *warning;
	struct ctl_table *t;
	cJSON *doc;

	if (ctl->json) {
		puts(text);
		return 0;
	}
	doc = cJSON_Parse(text);
	records = cJSON_GetObjectItemCaseSensitive(doc, "calibration");
	t = ctl_table_new(heads, FG_COUNT(heads));
	cJSON_ArrayForEach(r, records)
	{
		ctl_table_cell(t, "%s", ctl_text(r, "date"));
		ctl_table_cell(t, "%s",
			ctl_true(r, "in_force") ? "yes" : ctl_true(r, "replaced") ? "never" : "-");
		ctl_table_cell(t, "%s", ctl_text(r, "source"));
		put_curve(t, r);
		put_drift(t, r);
		ctl_table_cell(t, "%s", *ctl_text(r, "by") ? ctl_text(r, "by") : "-");
		ctl_table_cell(t, "%s", *ctl_text(r, "next") ? ctl_text(r, "next") : "-");
		ctl_table_cell(t, "%s", *ctl_text(r, "note") ? ctl_text(r, "note") : "-");
	}
	if (cJSON_GetArraySize(records) == 0)
		puts("no calibration");
	else
		ctl_table_print(t, ctl->color);
	cJSON_ArrayForEach(warning, cJSON_GetObjectItemCaseSensitive(doc, "warnings"))
		fprintf(stderr, "fjordctl: warning: %s\n", warning->valuestring);
	ctl_table_free(t);
	cJSON_Delete(doc);
	return 0;
}

/* ---- requests ---- */

#define KEYS 7

struct addition {
	char text[KEYS][320];
	const char *words[4 + KEYS];
	size_t count;
};

/* False with a word on stderr. */
static bool put_key(struct addition *a, const char *key, const char *value)
{
	char *text = a->text[a->count - 4];

	if (!value)
		return true;
	if (strpbrk(value, "\t\n\r") || strlen(value) > 300) {
		fprintf(stderr, "fjordctl: --%s: one line of at most 300 bytes\n", key);
		return false;
	}
	snprintf(text, sizeof(a->text[0]), "%s=%s", key, value);
	a->words[a->count++] = text;
	return true;
}

static int add(const struct ctl *ctl, const char *device, const char *point)
{
	const char *user = getenv("SUDO_USER");
	struct addition a = {.words = {"calibration", device, point, "add"}, .count = 4};

	if (!user || !*user)
		user = getenv("USER");
	if (!put_key(&a, "date", ctl->date) || !put_key(&a, "next", ctl->next) ||
		!put_key(&a, "raw", ctl->raw) || !put_key(&a, "reference", ctl->reference) ||
		!put_key(&a, "polynomial", ctl->polynomial) ||
		!put_key(&a, "by", ctl->by ? ctl->by : user) || !put_key(&a, "note", ctl->note))
		return EX_USAGE;
	return ctl_request(ctl, a.words, a.count, on_line, (void *)ctl);
}

static int list_or_remove(const struct ctl *ctl, const char *device, const char *point)
{
	const char *words[] = {"calibration", device, point, "remove", ctl->words[3]};

	if (ctl->count == 2)
		return ctl_request(ctl, words, 3, on_line, (void *)ctl);
	if (strcmp(ctl->words[2], "remove") != 0 || ctl->count != 4) {
		fprintf(stderr, "fjordctl: calibration takes DEVICE/POINT, and then nothing, add "
			"with options, or remove DATE\n");
		return EX_USAGE;
	}
	return ctl_request(ctl, words, 5, on_line, (void *)ctl);
}

int ctl_calibration(const struct ctl *ctl)
{
	const char *slash = strchr(ctl->words[1], '/');
	char device[64];

	if (!slash || (size_t)(slash - ctl->words[1]) >= sizeof(device)) {
		fprintf(stderr, "fjordctl: calibration takes DEVICE/POINT\n");
		return EX_USAGE;
	}
	snprintf(device, sizeof(device), "%.*s", (int)(slash - ctl->words[1]), ctl->words[1]);
	if (ctl->count == 3 && strcmp(ctl->words[2], "add") == 0)
		return add(ctl, device, slash + 1);
	return list_or_remove(ctl, device, slash + 1);
}
