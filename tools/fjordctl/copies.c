/* SPDX-License-Identifier: EUPL-1.2 */
/* `backup`, `restore` and `backfill`: readings carried to another board, or sent once more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/report.h"
#include "base/status.h"
#include "ctl.h"
#include "gateway/config/config.h"
#include "storage/mark.h"
#include "storage/spool.h"

/* What was done, as text or as JSON. next: 0 where it does not matter. */
static void report(const struct ctl *ctl, const char *from, const char *to, uint64_t next,
	const char *text)
{
	char mem[2048];
	struct fg_buf out;
	struct fg_json j;

	if (!ctl->json) {
		printf("%s -> %s%s%s\n", from, to, *text ? ": " : "", text);
		if (next)
			printf("numbers go on from %llu\n", (unsigned long long)next);
		return;
	}
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "from", from);
	fg_json_text(&j, "to", to);
	if (next)
		fg_json_uint(&j, "next_seq", next);
	if (*text)
		fg_json_text(&j, "text", text);
	fg_json_end_object(&j);
	puts(out.data);
}

/* On a terminal: a store of hundreds of megabytes takes minutes on an SD card. */
static void show(void *arg, const char *doing, uint64_t rows)
{
	(void)arg;
	(void)rows;
	fprintf(stderr, "\r%-40s", doing);
}

static struct fg_progress shown(void)
{
	return (struct fg_progress){.fn = isatty(STDERR_FILENO) ? show : NULL};
}

static void show_end(const struct fg_progress *p)
{
	if (p->fn)
		fprintf(stderr, "\r%40s\r", "");
}

int ctl_backup(const struct ctl *ctl)
{
	const struct fg_progress progress = shown();
	struct fg_config *config = ctl_load_config(ctl);
	const char *file, *copy = ctl->words[1];
	char text[512] = "";
	struct fg_buf why;
	int r;

	if (!config)
		return EX_CONFIG;
	file = config->storage.file;
	fg_buf_wrap(&why, text, sizeof(text));
	r = fg_spool_backup(file, copy, &progress, &why);
	show_end(&progress);
	if (r < 0)
		fprintf(stderr, "fjordctl: cannot copy '%s' to '%s': %s\n", file, copy,
			why.len ? text : fg_strerror(r));
	else
		report(ctl, file, copy, 0, text);
	fg_config_unref(config);
	return r < 0 ? EX_IOERR : EX_OK;
}

static uint64_t next_number(const char *file)
{
	char path[4096];
	uint64_t next;

	snprintf(path, sizeof(path), "%s.mark", file);
	return fg_mark_read(path, &next) == FG_OK ? next : 0;
}

static int restore(const struct ctl *ctl, const char *file)
{
	const struct fg_progress progress = shown();
	const char *copy = ctl->words[1];
	char text[512] = "";
	struct fg_buf why;
	int r;

	fg_buf_wrap(&why, text, sizeof(text));
	r = fg_spool_restore(copy, file, &progress, &why);
	show_end(&progress);
	if (r < 0)
		fprintf(stderr, "fjordctl: cannot restore '%s' from '%s': %s\n", file, copy,
			why.len ? text : fg_strerror(r));
	else
		report(ctl, copy, file, next_number(file), text);
	return r < 0 ? EX_IOERR : EX_OK;
}

int ctl_restore(const struct ctl *ctl)
{
	struct fg_config *config = ctl_load_config(ctl);
	const char *socket;
	int code;

	if (!config)
		return EX_CONFIG;
	socket = ctl->socket ? ctl->socket : config->control.socket;
	if (ctl_daemon_answers(socket)) {
		fprintf(stderr,
			"fjordctl: a gateway is running (it answers at %s); stop it first\n",
			socket);
		code = EX_TEMPFAIL;
	} else {
		code = restore(ctl, config->storage.file);
	}
	fg_config_unref(config);
	return code;
}

static int on_queued(void *arg, const char *text)
{
	const struct ctl *ctl = arg;
	cJSON *doc;

	if (ctl->json) {
		puts(text);
		return 0;
	}
	doc = cJSON_Parse(text);
	printf("%.0f readings are queued again for '%s'\n", ctl_number(doc, "queued"),
		ctl_text(doc, "destination"));
	cJSON_Delete(doc);
	return 0;
}

int ctl_backfill(const struct ctl *ctl)
{
	int64_t since_ms, until_ms;
	char since[24], until[24];
	const char *words[] = {"backfill", ctl->words[1], since, until};

	if (!ctl->since || !ctl->until) {
		fprintf(stderr, "fjordctl: backfill needs --since and --until\n");
		return EX_USAGE;
	}
	if (!ctl_parse_time(ctl->since, &since_ms) || !ctl_parse_time(ctl->until, &until_ms))
		return EX_USAGE;
	snprintf(since, sizeof(since), "%lld", (long long)since_ms);
	snprintf(until, sizeof(until), "%lld", (long long)until_ms);
	return ctl_request(ctl, words, FG_COUNT(words), on_queued, (void *)ctl);
}
