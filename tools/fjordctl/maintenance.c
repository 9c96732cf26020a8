/* SPDX-License-Identifier: EUPL-1.2 */
/* `maintenance`: work on a device is announced, now or for later, and ended. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/timefmt.h"
#include "ctl.h"

struct maintenance {
	const struct ctl *ctl;
	bool on;
	int64_t from_ms, until_ms;
};

static int on_line(void *arg, const char *text)
{
	const struct maintenance *m = arg;
	const char *device = m->ctl->words[1];
	char from[FG_RFC3339_SIZE] = "now on", until[FG_RFC3339_SIZE];

	if (m->ctl->json) {
		puts(text);
		return 0;
	}
	if (m->from_ms)
		fg_rfc3339(m->from_ms, from);
	if (!m->on)
		printf("'%s' is no longer in maintenance\n", device);
	else if (m->until_ms == 0)
		printf("'%s' is in maintenance from %s; `fjordctl maintenance %s off` ends it\n",
			device, from, device);
	else
		printf("'%s' is in maintenance from %s to %s\n", device, from,
			(fg_rfc3339(m->until_ms, until), until));
	return 0;
}

/* False with a word on stderr. */
static bool take_times(struct maintenance *m)
{
	const struct ctl *ctl = m->ctl;
	int64_t begin_ms = fg_clock_now().wall_us / 1000;

	if (ctl->until && ctl->for_us) {
		fprintf(stderr, "fjordctl: --for and --until say the same; one is enough\n");
		return false;
	}
	if (ctl->from && !ctl_parse_time(ctl->from, &m->from_ms))
		return false;
	if (ctl->from)
		begin_ms = m->from_ms;
	if (ctl->until && !ctl_parse_time(ctl->until, &m->until_ms))
		return false;
	if (ctl->for_us)
		m->until_ms = begin_ms + ctl->for_us / 1000;
	return true;
}

static int turn_on(struct maintenance *m)
{
	const struct ctl *ctl = m->ctl;
	char from[24], until[24];
	const char *words[] = {"maintenance", ctl->words[1], "on", from, until,
		ctl->reason ? ctl->reason : ""};

	if (!take_times(m))
		return EX_USAGE;
	if (ctl->reason && (strlen(ctl->reason) > 127 || strpbrk(ctl->reason, "\t\n\r"))) {
		fprintf(stderr, "fjordctl: --reason: one line of at most 127 bytes\n");
		return EX_USAGE;
	}
	snprintf(from, sizeof(from), "%lld", (long long)m->from_ms);
	snprintf(until, sizeof(until), "%lld", (long long)m->until_ms);
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
