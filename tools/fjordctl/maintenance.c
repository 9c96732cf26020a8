/* SPDX-License-Identifier: EUPL-1.2 */
/* `maintenance`: work on a device is announced, now or for later, and ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/timefmt.h"
#include "ctl.h"

struct maintenance {
	const struct ctl *ctl;
	bool on;
	char from[CTL_TIME_WORD], until[CTL_TIME_WORD]; /* as the gateway is given them */
};

static void say(const struct maintenance *m, const cJSON *doc)
{
	const char *device = m->ctl->words[1];
	char from[FG_RFC3339_SIZE] = "now on", until[FG_RFC3339_SIZE];
	const int64_t from_ms = strtoll(m->from, NULL, 10);
	const int64_t until_ms = (int64_t)ctl_number(doc, "until_ms");

	if (from_ms)
		fg_rfc3339(from_ms, from);
	if (!m->on)
		printf("'%s' is no longer in maintenance\n", device);
	else if (until_ms == 0)
		printf("'%s' is in maintenance from %s; `fjordctl maintenance %s off` ends it\n",
			device, from, device);
	else
		printf("'%s' is in maintenance from %s to %s\n", device, from,
			(fg_rfc3339(until_ms, until), until));
}

static int on_line(void *arg, const char *text)
{
	const struct maintenance *m = arg;
	cJSON *doc;

	if (m->ctl->json) {
		puts(text);
		return 0;
	}
	doc = cJSON_Parse(text);
	say(m, doc);
	cJSON_Delete(doc);
	return 0;
}

static int turn_on(struct maintenance *m)
{
	const struct ctl *ctl = m->ctl;
	const char *words[] = {"maintenance", ctl->words[1], "on", m->from, m->until,
		ctl->reason ? ctl->reason : ""};

	if (!ctl_take_window(ctl, m->from, m->until))
		return EX_USAGE;
	if (ctl->reason && (strlen(ctl->reason) > 127 || strpbrk(ctl->reason, "\t\n\r"))) {
		fprintf(stderr, "fjordctl: --reason: one line of at most 127 bytes\n");
		return EX_USAGE;
	}
	return ctl_request(ctl, words, FG_COUNT(words), on_line, m);
}

int ctl_maintenance(const struct ctl *ctl)
{
	struct maintenance m = {.ctl = ctl, .on = strcmp(ctl->words[2], "on") == 0};
	const char *words[] = {"maintenance", ctl->words[1], "off", "all"};

	if (m.on)
		return turn_on(&m);
	if (strcmp(ctl->words[2], "off") != 0) {
		fprintf(stderr, "fjordctl: maintenance is on or off\n");
		return EX_USAGE;
	}
	return ctl_request(ctl, words, ctl->all ? 4 : 3, on_line, &m);
}
