/* SPDX-License-Identifier: EUPL-1.2 */
/* `debug`: which debug lines the running daemon logs, for a while. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "ctl.h"

#define DEFAULT_US (INT64_C(600) * 1000000)
#define MOST_US	   (INT64_C(86400) * 1000000)

static int on_line(void *arg, const char *text)
{
	const struct ctl *ctl = arg;
	const cJSON *debug;
	char left[32];
	cJSON *doc;

	if (ctl->json) {
		puts(text);
		return 0;
	}
	doc = cJSON_Parse(text);
	debug = cJSON_GetObjectItemCaseSensitive(doc, "debug");
	if (!debug)
		printf("no debug lines are logged\n");
	else if (!cJSON_HasObjectItem(debug, "left_s"))
		printf("debug lines of %s are logged, as the daemon was started with --debug\n",
			ctl_text(debug, "topics"));
	else
		printf("debug lines of %s are logged for %s from now on; `fjordctl debug none` "
		       "ends it\nread them with: journalctl -u fjordgate -f\n",
			ctl_text(debug, "topics"),
			ctl_age(ctl_number(debug, "left_s"), left, sizeof(left)));
	cJSON_Delete(doc);
	return 0;
}

int ctl_debug(const struct ctl *ctl)
{
	int64_t for_us = ctl->for_us ? ctl->for_us : DEFAULT_US;
	char seconds[24];
	const char *words[] = {"debug", ctl->words[1], seconds};
	unsigned mask;

	if (ctl->count > 1 && fg_debug_parse(ctl->words[1], &mask) < 0) {
		fprintf(stderr,
			"fjordctl: '%s': topics are " FG_DEBUG_WORDS ", with commas between them, "
			"or all, or none\n",
			ctl->words[1]);
		return EX_USAGE;
	}
	if (for_us < 1000000 || for_us > MOST_US) {
		fprintf(stderr, "fjordctl: --for: debug lines are for 1s to 24h\n");
		return EX_USAGE;
	}
	snprintf(seconds, sizeof(seconds), "%lld", (long long)(for_us / 1000000));
	return ctl_request(ctl, words, ctl->count > 1 ? 3 : 1, on_line, (void *)ctl);
}
