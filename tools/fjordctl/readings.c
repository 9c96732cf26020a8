/* SPDX-License-Identifier: EUPL-1.2 */
/* `watch`, `read` and `history`: readings for people, as JSON, as CSV. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "ctl.h"

static const char *quality_word(int qc)
{
	switch (qc) {
	case 1:
		return "pass";
	case 2:
		return "unchecked";
	case 3:
		return "suspect";
	case 4:
		return "fail";
	default:
		return "missing";
	}
}

/* The value of a reading: numbers as they stand in the text, with all their digits. */
static const char *value_of(const cJSON *r, const char *line, char *mem, size_t size)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(r, "value");
	const char *at = strstr(line, "\"value\":");

	if (!cJSON_IsNumber(v) || !at)
		return ctl_value(v, mem, size);
	at += strlen("\"value\":");
	snprintf(mem, size, "%.*s", (int)strcspn(at, ",}"), at);
	return mem;
}

/* Tests and rules that speak against it, what was told of how it came about, what a mean is of. */
static void print_remarks(const cJSON *r)
{
	static const char *const texts[] = {"reason", "alarm", "period", "stat"};
	const cJSON *item;

	for (size_t i = 0; i < FG_COUNT(texts); i++)
		if (*ctl_text(r, texts[i]))
			printf(" %s%s", strcmp(texts[i], "alarm") == 0 ? "alarm:" : "",
				ctl_text(r, texts[i]));
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(r, "qc_tests"))
		printf(" %s:%.0f", item->string, item->valuedouble);
	if (cJSON_GetObjectItemCaseSensitive(r, "coverage"))
		printf(" coverage:%.4g", ctl_number(r, "coverage"));
	item = cJSON_GetObjectItemCaseSensitive(r, "class");
	if (item)
		printf(" class:%.0f (%s)", ctl_number(item, "index"), ctl_text(item, "key"));
	if (ctl_true(r, "maintenance"))
		printf(" maintenance");
	if (cJSON_GetObjectItemCaseSensitive(r, "raw"))
		printf(" raw:%.15g", ctl_number(r, "raw"));
	if (*ctl_text(r, "replaces"))
		printf(" replaces:%s", ctl_text(r, "replaces"));
}

static void print_reading(const cJSON *r, const char *line)
{
	char value[280];

	printf("%s  %-16s %-24s %14s %-8s %-9s", ctl_text(r, "time"), ctl_text(r, "station"),
		ctl_text(r, "point"), value_of(r, line, value, sizeof(value)), ctl_text(r, "unit"),
		quality_word((int)ctl_number(r, "qc")));
	print_remarks(r);
	putchar('\n');
}

static void print_csv_text(const char *text)
{
	if (!strpbrk(text, ",\"\n")) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++)
		printf(*text == '"' ? "\"\"" : "%c", *text);
	putchar('"');
}

/* What a mean has beside: nothing where it has no range or no class. */
static void print_csv_mean(const cJSON *r)
{
	static const char *const numbers[] = {"coverage", "count", "min", "max"};
	const cJSON *item;

	printf(",%s", ctl_text(r, "stat"));
	for (size_t i = 0; i < FG_COUNT(numbers); i++) {
		putchar(',');
		if (cJSON_GetObjectItemCaseSensitive(r, numbers[i]))
			printf("%.15g", ctl_number(r, numbers[i]));
	}
	item = cJSON_GetObjectItemCaseSensitive(r, "class");
	printf(",%s,%s", item ? ctl_text(item, "scheme") : "", item ? ctl_text(item, "key") : "");
	printf(",%s", ctl_text(r, "replaces"));
}

static void print_csv(const cJSON *r, const char *line)
{
	static const char *const columns[] = {"id", "time", "station", "device", "point"};
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(r, "value");
	char value[280];

	for (size_t i = 0; i < FG_COUNT(columns); i++)
		printf("%s,", ctl_text(r, columns[i]));
	if (cJSON_IsString(v))
		print_csv_text(v->valuestring);
	else if (!cJSON_IsNull(v))
		print_csv_text(value_of(r, line, value, sizeof(value)));
	putchar(',');
	print_csv_text(ctl_text(r, "unit"));
	printf(",%.0f,%s", ctl_number(r, "qc"), ctl_text(r, "reason"));
	if (*ctl_text(r, "period"))
		print_csv_mean(r);
	putchar('\n');
}

static int on_reading(void *arg, const char *text)
{
	const struct ctl *ctl = arg;
	cJSON *r;

	if (ctl->json) {
		puts(text);
		return fflush(stdout) != 0;
	}
	r = cJSON_Parse(text);
	if (cJSON_GetObjectItemCaseSensitive(r, "lost"))
		fprintf(stderr, "(%.0f readings not shown: this terminal is too slow)\n",
			ctl_number(r, "lost"));
	else if (ctl->csv)
		print_csv(r, text);
	else
		print_reading(r, text);
	cJSON_Delete(r);
	return fflush(stdout) != 0;
}

int ctl_watch(const struct ctl *ctl)
{
	return ctl_request(ctl, ctl->words, (size_t)ctl->count, on_reading, (void *)ctl);
}

/* What may be wrong, and what to try. */
static void print_advice(const cJSON *advice)
{
	const cJSON *item;

	printf("%s\n  try:\n", ctl_text(advice, "diagnosis"));
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(advice, "try"))
		printf("  - %s\n", cJSON_IsString(item) ? item->valuestring : "");
}

struct read_answer {
	const struct ctl *ctl;
	bool without_value; /* a point that was asked for */
};

static void print_read(const cJSON *doc)
{
	const cJSON *item;
	char value[280];

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(doc, "steps"))
		printf("  %s\n", cJSON_IsString(item) ? ctl_plain(item->valuestring) : "");
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(doc, "readings")) printf(
		"%-24s %14s %-8s %-9s %s\n", ctl_text(item, "point"),
		ctl_value(cJSON_GetObjectItemCaseSensitive(item, "value"), value, sizeof(value)),
		ctl_text(item, "unit"), quality_word((int)ctl_number(item, "qc")),
		ctl_text(item, "reason"));
	printf("%.0f request%s, %.0f answer%s, %.3f s\n", ctl_number(doc, "requests"),
		ctl_number(doc, "requests") == 1 ? "" : "s", ctl_number(doc, "answers"),
		ctl_number(doc, "answers") == 1 ? "" : "s", ctl_number(doc, "took_s"));
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(doc, "advice"))
		print_advice(item);
}

static int on_read(void *arg, const char *text)
{
	struct read_answer *answer = arg;
	cJSON *doc = cJSON_Parse(text);
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(doc, "readings"))
	{
		answer->without_value |=
			cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(item, "value"));
	}
	if (answer->ctl->json)
		puts(text);
	else
		print_read(doc);
	cJSON_Delete(doc);
	return 0;
}

/* A script is told by the exit code whether it has what it asked for. */
int ctl_read(const struct ctl *ctl)
{
	struct read_answer answer = {.ctl = ctl};
	int code = ctl_request(ctl, ctl->words, (size_t)ctl->count, on_read, &answer);

	return code == EX_OK && answer.without_value ? EX_TEMPFAIL : code;
}

bool ctl_parse_time(const char *text, int64_t *ret_ms)
{
	int64_t age_us;

	if (fg_duration_parse(text, &age_us) == FG_OK) {
		*ret_ms = (fg_clock_wall_us() - age_us) / 1000;
		return true;
	}
	if (fg_rfc3339_parse(text, ret_ms) == FG_OK)
		return true;
	fprintf(stderr,
		"fjordctl: '%s' is neither a time (2026-07-01T12:00:00Z) nor an age (24h)\n", text);
	return false;
}

bool ctl_take_window(const struct ctl *ctl, char from[CTL_TIME_WORD], char end[CTL_TIME_WORD])
{
	int64_t from_ms = 0, end_ms = 0;

	if (ctl->until && ctl->for_us) {
		fprintf(stderr, "fjordctl: --for and --until say the same; one is enough\n");
		return false;
	}
	if ((ctl->from && !ctl_parse_time(ctl->from, &from_ms)) ||
		(ctl->until && !ctl_parse_time(ctl->until, &end_ms)))
		return false;
	snprintf(from, CTL_TIME_WORD, "%lld", (long long)from_ms);
	if (ctl->for_us) /* the gateway counts: this clock may not be right */
		snprintf(end, CTL_TIME_WORD, "+%lld", (long long)(ctl->for_us / 1000));
	else
		snprintf(end, CTL_TIME_WORD, "%lld", (long long)end_ms);
	return true;
}

int ctl_history(const struct ctl *ctl)
{
	int64_t since_ms, until_ms = INT64_MAX;
	char since[24], until[24];
	const char *words[] = {"history", ctl->words[1], since, until, "hourly"};

	if (!ctl_parse_time(ctl->since ? ctl->since : "24h", &since_ms) ||
		(ctl->until && !ctl_parse_time(ctl->until, &until_ms)))
		return EX_USAGE;
	snprintf(since, sizeof(since), "%lld", (long long)since_ms);
	snprintf(until, sizeof(until), "%lld", (long long)until_ms);
	if (ctl->csv)
		printf("id,time,station,device,point,value,unit,qc,reason%s\n",
			ctl->hourly ? ",stat,coverage,count,min,max,scheme,class,replaces" : "");
	return ctl_request(
		ctl, words, FG_COUNT(words) - !ctl->hourly, on_reading, (void *)ctl);
}
