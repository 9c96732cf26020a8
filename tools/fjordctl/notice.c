/* SPDX-License-Identifier: EUPL-1.2 */
/* `notice`: consumers are told of faults, repairs and planned downtime. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/timefmt.h"
#include "ctl.h"

#define AFFECTED_MAX 512

/* ---- add ---- */

static int on_added(void *arg, const char *text)
{
	const struct ctl *ctl = arg;
	cJSON *doc;

	if (ctl->json) {
		puts(text);
		return 0;
	}
	doc = cJSON_Parse(text);
	printf("notice n%.0f is published; `fjordctl notice clear n%.0f` withdraws it\n",
		ctl_number(doc, "id"), ctl_number(doc, "id"));
	cJSON_Delete(doc);
	return 0;
}

/* Names with commas between become words: "device:a device:b". */
static bool put_words(char out[AFFECTED_MAX], const char *kind, const char *names)
{
	size_t at = strlen(out);

	for (const char *name = names; name && *name;) {
		size_t len = strcspn(name, ",");
		int n = snprintf(out + at, AFFECTED_MAX - at, "%s%s:%.*s", at ? " " : "", kind,
			(int)len, name);

		if (len == 0 || memchr(name, ' ', len)) {
			fprintf(stderr, "fjordctl: --%s: names with commas between, no blanks\n",
				kind);
			return false;
		}
		if (n < 0 || (size_t)n >= AFFECTED_MAX - at) {
			fprintf(stderr, "fjordctl: --%s: too many for one notice\n", kind);
			return false;
		}
		at += (size_t)n;
		name += len + (name[len] == ',');
	}
	return true;
}

static int add(const struct ctl *ctl)
{
	const char *texts[] = {ctl->nb, ctl->nn, ctl->en};
	char affected[AFFECTED_MAX] = "", from[CTL_TIME_WORD], to[CTL_TIME_WORD];

	if (ctl->count < 3) {
		fprintf(stderr, "usage: fjordctl notice add fault|repair|planned …\n");
		return EX_USAGE;
	}
	for (size_t i = 0; i < FG_COUNT(texts); i++)
		if (texts[i] && strpbrk(texts[i], "\t\n\r")) {
			fprintf(stderr, "fjordctl: --nb, --nn, --en: one line each\n");
			return EX_USAGE;
		}
	if (!put_words(affected, "device", ctl->device) ||
		!put_words(affected, "station", ctl->station) ||
		!put_words(affected, "point", ctl->point) || !ctl_take_window(ctl, from, to))
		return EX_USAGE;
	return ctl_request(ctl,
		(const char *[]){"notice", "add", ctl->words[2], from, to, affected,
			ctl->nb ? ctl->nb : "", ctl->nn ? ctl->nn : "", ctl->en ? ctl->en : ""},
		9, on_added, (void *)(uintptr_t)ctl);
}

/* ---- list ---- */

static void put_names(char *mem, size_t size, const cJSON *affected, const char *key)
{
	const cJSON *name;

	cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(affected, key))
	{
		size_t at = strlen(mem);

		if (cJSON_IsString(name))
			snprintf(mem + at, size - at, "%s%s", at ? " " : "", name->valuestring);
	}
}

void ctl_print_notices(const cJSON *doc, bool color)
{
	static const char *const heads[] = {"NOTICE", "KIND", "FROM", "TO", "AFFECTS", "TEXT"};
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "notices"), *n;
	struct ctl_table *t;

	if (cJSON_GetArraySize(list) == 0)
		return;
	t = ctl_table_new(heads, FG_COUNT(heads));
	cJSON_ArrayForEach(n, list)
	{
		const char *id = strrchr(ctl_text(n, "id"), ':');
		const cJSON *affected = cJSON_GetObjectItemCaseSensitive(n, "affected");
		char names[AFFECTED_MAX] = "";

		put_names(names, sizeof(names), affected, "stations");
		put_names(names, sizeof(names), affected, "devices");
		put_names(names, sizeof(names), affected, "points");
		put_names(names, sizeof(names), affected, "destinations");
		ctl_table_cell(t, "%s", id ? id + 1 : "");
		ctl_table_cell(t, "%s", ctl_text(n, "kind"));
		ctl_table_cell(t, "%s", ctl_text(n, "from"));
		ctl_table_cell(t, "%s", *ctl_text(n, "to") ? ctl_text(n, "to") : "-");
		ctl_table_cell(t, "%s", *names ? names : "all");
		ctl_table_cell(t, "%s",
			ctl_text(cJSON_GetObjectItemCaseSensitive(n, "text"), "en"));
	}
	ctl_table_print(t, color);
	ctl_table_free(t);
}

static int on_list(void *arg, const char *text)
{
	const struct ctl *ctl = arg;
	cJSON *doc;

	if (ctl->json) {
		puts(text);
		return 0;
	}
	doc = cJSON_Parse(text);
	if (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(doc, "notices")) == 0)
		puts("no notices");
	ctl_print_notices(doc, ctl->color);
	cJSON_Delete(doc);
	return 0;
}

/* ---- clear ---- */

static int on_cleared(void *arg, const char *text)
{
	const struct ctl *ctl = arg;
	cJSON *doc;

	if (ctl->json) {
		puts(text);
		return 0;
	}
	doc = cJSON_Parse(text);
	printf("%.0f withdrawn\n", ctl_number(doc, "cleared"));
	cJSON_Delete(doc);
	return 0;
}

static int clear(const struct ctl *ctl)
{
	if ((ctl->count == 3) == ctl->all) {
		fprintf(stderr, "fjordctl: notice clear takes the id of a notice, or --all\n");
		return EX_USAGE;
	}
	return ctl_request(ctl,
		(const char *[]){"notice", "clear", ctl->all ? "all" : ctl->words[2]}, 3,
		on_cleared, (void *)(uintptr_t)ctl);
}

int ctl_notice(const struct ctl *ctl)
{
	const char *what = ctl->words[1];

	if (strcmp(what, "add") == 0)
		return add(ctl);
	if (strcmp(what, "clear") == 0)
		return clear(ctl);
	if (strcmp(what, "list") != 0 || ctl->count > 2) {
		fprintf(stderr, "fjordctl: notices are added, listed or cleared\n");
		return EX_USAGE;
	}
	return ctl_request(
		ctl, (const char *[]){"notice", "list"}, 2, on_list, (void *)(uintptr_t)ctl);
}
