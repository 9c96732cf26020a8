/* SPDX-License-Identifier: EUPL-1.2 */
/* What `qc` found: counts by test, the picture, and which readings change their verdict. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "qc.h"
#include "quality/replay.h"

#define LISTED 20 /* of the readings, for people */

static enum fg_qc worst(fg_tests tests)
{
	enum fg_test test;

	return fg_qc_worst(tests, &test);
}

static bool is_flagged(fg_tests tests)
{
	return worst(tests) >= FG_QC_SUSPECT;
}

/* ---- counts ---- */

enum column {
	TOLD,
	NOW,
	OTHER,
	COLUMNS
};

struct counts {
	size_t n[FG_TEST_COUNT + 1][COLUMNS][2]; /* suspect, fail; last: any test */
	size_t newly, no_longer, changed;
};

static void count_tests(struct counts *c, fg_tests tests, enum column column)
{
	enum fg_qc any = worst(tests);

	for (unsigned t = 0; t < FG_TEST_COUNT; t++) {
		enum fg_qc flag = fg_tests_get(tests, (enum fg_test)t);

		if (flag == FG_QC_SUSPECT || flag == FG_QC_FAIL)
			c->n[t][column][flag - FG_QC_SUSPECT]++;
	}
	if (any >= FG_QC_SUSPECT)
		c->n[FG_TEST_COUNT][column][any - FG_QC_SUSPECT]++;
}

enum change {
	SAME,
	NEWLY,
	NO_LONGER,
	CHANGED, /* from suspect to fail, or back */
};

/* From what is in force to the settings. */
static enum change change_of(const struct qc_replay *q, const struct qc_reading *r)
{
	enum fg_qc now = worst(r->now), other = worst(qc_shown(q, r));

	if (!r->inside || (now == other) || (now < FG_QC_SUSPECT && other < FG_QC_SUSPECT))
		return SAME;
	return now < FG_QC_SUSPECT ? NEWLY : other < FG_QC_SUSPECT ? NO_LONGER : CHANGED;
}

static void count_all(const struct qc_replay *q, struct counts *c)
{
	*c = (struct counts){0};
	for (size_t i = 0; i < q->count; i++) {
		const struct qc_reading *r = &q->readings[i];

		if (!r->inside)
			continue;
		count_tests(c, r->told, TOLD);
		count_tests(c, r->now, NOW);
		count_tests(c, r->other, OTHER);
		c->newly += change_of(q, r) == NEWLY;
		c->no_longer += change_of(q, r) == NO_LONGER;
		c->changed += change_of(q, r) == CHANGED;
	}
}

/* ---- for people ---- */

static void put_count(struct ctl_table *t, const size_t n[2])
{
	ctl_table_cell(t, n[0] ? "%zu" : "-", n[0]);
	ctl_table_cell(t, n[1] ? "%zu" : "-", n[1]);
}

static void print_counts(const struct qc_replay *q, const struct counts *c)
{
	static const char *const heads[] = {"TEST", "MARK", "TOLD: 3", "4", "IN FORCE: 3", "4",
		"--set: 3", "4"};
	const size_t columns = q->other_text ? 8 : 6;
	struct ctl_table *t = ctl_table_new(heads, columns);

	for (unsigned i = 0; i <= FG_TEST_COUNT; i++) {
		size_t any = 0;

		for (unsigned k = 0; k < COLUMNS; k++)
			any += c->n[i][k][0] + c->n[i][k][1];
		if (!any && i < FG_TEST_COUNT)
			continue;
		if (i < FG_TEST_COUNT) {
			ctl_table_cell(t, "%s", fg_test_name((enum fg_test)i));
			ctl_table_cell(t, "%c %c", qc_letter((enum fg_test)i, FG_QC_SUSPECT),
				qc_letter((enum fg_test)i, FG_QC_FAIL));
		} else {
			ctl_table_cell(t, "any");
			ctl_table_cell(t, " ");
		}
		put_count(t, c->n[i][TOLD]);
		put_count(t, c->n[i][NOW]);
		if (q->other_text)
			put_count(t, c->n[i][OTHER]);
	}
	ctl_table_print(t, q->ctl->color);
	ctl_table_free(t);
}

static void print_picture(const struct qc_replay *q)
{
	struct qc_dot *dots = calloc(q->count + 1, sizeof(*dots));
	size_t n = 0;

	for (size_t i = 0; dots && i < q->count; i++) {
		const struct qc_reading *r = &q->readings[i];

		if (r->inside && isfinite(r->value))
			dots[n++] = (struct qc_dot){r->time_ms, r->value, qc_shown(q, r),
				is_flagged(r->now)};
	}
	if (n)
		putchar('\n');
	if (dots)
		qc_chart(stdout, dots, n, q->ctl->color);
	free(dots);
}

static void print_tests(fg_tests tests)
{
	for (unsigned t = 0; t < FG_TEST_COUNT; t++) {
		enum fg_qc flag = fg_tests_get(tests, (enum fg_test)t);

		if (flag == FG_QC_SUSPECT || flag == FG_QC_FAIL)
			printf(" %s:%d", fg_test_name((enum fg_test)t), (int)flag);
	}
}

/* Those that matter: with settings the ones of that change, else the flagged. */
static bool is_listed(const struct qc_replay *q, const struct qc_reading *r, enum change change)
{
	if (change == SAME)
		return r->inside && is_flagged(r->now);
	return change_of(q, r) == change;
}

static void print_list(
	const struct qc_replay *q, enum change change, size_t count, const char *title)
{
	size_t before = 0;

	if (!count)
		return;
	printf("\n%s: %zu%s\n", title, count, count > LISTED ? "; the newest:" : "");
	for (size_t i = 0; i < q->count; i++) {
		const struct qc_reading *r = &q->readings[i];
		char time[FG_RFC3339_SIZE];

		if (!is_listed(q, r, change) || ++before + LISTED <= count)
			continue;
		fg_rfc3339(r->time_ms, time);
		printf("  %s %14.10g ", time, r->value);
		print_tests(change == NO_LONGER ? r->now : qc_shown(q, r));
		putchar('\n');
	}
}

void qc_print(const struct qc_replay *q)
{
	char since[FG_RFC3339_SIZE], *now;
	const cJSON *conf = cJSON_GetObjectItemCaseSensitive(q->point, "qc");
	struct counts c;

	count_all(q, &c);
	fg_rfc3339(q->since_ms, since);
	now = cJSON_PrintUnformatted(conf);
	printf("%s/%s in %s: %zu readings since %s, %zu without a value\n",
		ctl_text(q->point, "station"), ctl_text(q->point, "point"),
		ctl_text(q->point, "unit"), q->inside, since, q->missing);
	printf("in force: %s\n", ctl_true(q->point, "off") ? "off" : now ? now : "");
	if (q->other_text)
		printf("--set:    %s\n", q->other_text);
	cJSON_free(now);
	putchar('\n');
	print_counts(q, &c);
	print_picture(q);
	if (!q->other_text) {
		print_list(q, SAME,
			c.n[FG_TEST_COUNT][NOW][0] + c.n[FG_TEST_COUNT][NOW][1], "flagged");
		return;
	}
	print_list(q, NEWLY, c.newly, "newly flagged");
	print_list(q, NO_LONGER, c.no_longer, "no longer flagged");
	print_list(q, CHANGED, c.changed, "flagged otherwise");
	if (c.newly + c.no_longer + c.changed == 0)
		puts("\nthe settings change no verdict");
}

/* ---- for programs ---- */

static void put_flags(struct fg_json *j, const char *key, const size_t n[2])
{
	fg_json_object(j, key);
	fg_json_uint(j, "3", n[0]);
	fg_json_uint(j, "4", n[1]);
	fg_json_end_object(j);
}

static void put_counts(const struct qc_replay *q, const struct counts *c, struct fg_json *j)
{
	fg_json_object(j, "tests");
	for (unsigned t = 0; t <= FG_TEST_COUNT; t++) {
		fg_json_object(j, t < FG_TEST_COUNT ? fg_test_name((enum fg_test)t) : "any");
		put_flags(j, "told", c->n[t][TOLD]);
		put_flags(j, "now", c->n[t][NOW]);
		if (q->other_text)
			put_flags(j, "set", c->n[t][OTHER]);
		fg_json_end_object(j);
	}
	fg_json_end_object(j);
}

static void put_tests(struct fg_json *j, const char *key, fg_tests tests)
{
	fg_json_object(j, key);
	for (unsigned t = 0; t < FG_TEST_COUNT; t++) {
		enum fg_qc flag = fg_tests_get(tests, (enum fg_test)t);

		if (flag == FG_QC_SUSPECT || flag == FG_QC_FAIL)
			fg_json_int(j, fg_test_name((enum fg_test)t), flag);
	}
	fg_json_end_object(j);
}

/* Every reading that one of the verdicts flags. */
static void put_readings(const struct qc_replay *q, struct fg_json *j)
{
	static const char *const words[] = {"same", "newly_flagged", "no_longer_flagged",
		"flagged_otherwise"};

	fg_json_array(j, "flagged");
	for (size_t i = 0; i < q->count; i++) {
		const struct qc_reading *r = &q->readings[i];

		if (!r->inside ||
			!(is_flagged(r->told) || is_flagged(r->now) || is_flagged(r->other)))
			continue;
		fg_json_object(j, NULL);
		fg_json_text(j, "id", r->id);
		fg_json_time(j, "time", r->time_ms);
		fg_json_double(j, "value", r->value);
		put_tests(j, "told", r->told);
		put_tests(j, "now", r->now);
		if (q->other_text) {
			put_tests(j, "set", r->other);
			fg_json_text(j, "change", words[change_of(q, r)]);
		}
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

void qc_print_json(const struct qc_replay *q)
{
	char *now = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(q->point, "qc"));
	struct counts c;
	struct fg_buf out;
	struct fg_json j;

	count_all(q, &c);
	fg_buf_init(&out, (size_t)1 << 30);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "station", ctl_text(q->point, "station"));
	fg_json_text(&j, "point", ctl_text(q->point, "point"));
	fg_json_text(&j, "unit", ctl_text(q->point, "unit"));
	fg_json_double(&j, "interval_s", q->interval_s);
	fg_json_time(&j, "since", q->since_ms);
	fg_json_uint(&j, "readings", q->inside);
	fg_json_uint(&j, "missing", q->missing);
	fg_json_raw(&j, "now", now ? now : "null", strlen(now ? now : "null"));
	if (q->other_text) {
		fg_json_raw(&j, "set", q->other_text, strlen(q->other_text));
		fg_json_uint(&j, "newly_flagged", c.newly);
		fg_json_uint(&j, "no_longer_flagged", c.no_longer);
		fg_json_uint(&j, "flagged_otherwise", c.changed);
	}
	put_counts(q, &c, &j);
	put_readings(q, &j);
	fg_json_end_object(&j);
	cJSON_free(now);
	puts(out.data);
	fg_buf_fini(&out);
}
