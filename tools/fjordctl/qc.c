/* SPDX-License-Identifier: EUPL-1.2 */
/* `qc`: the quality tests once more over stored readings, with the thresholds in force and with
 * others, by the daemon's own code. */
#include "qc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "base/timefmt.h"
#include "gateway/config/qc_text.h"
#include "quality/replay.h"

#define READINGS_MAX 2000000u

fg_tests qc_shown(const struct qc_replay *q, const struct qc_reading *r)
{
	return q->other_text ? r->other : r->now;
}

/* ---- the readings ---- */

static struct qc_reading *add(struct qc_replay *q)
{
	if (q->count == q->cap) {
		size_t cap = q->cap ? 2 * q->cap : 1024;
		void *more = cap <= 2 * READINGS_MAX ?
				     realloc(q->readings, cap * sizeof(*q->readings)) : NULL;

		if (!more)
			return NULL;
		q->readings = more;
		q->cap = cap;
	}
	q->readings[q->count] = (struct qc_reading){0};
	return &q->readings[q->count++];
}

/* The number at the end of "GATEWAY:NUMBER". */
static uint64_t number_of(const char *id)
{
	const char *colon = strrchr(id, ':');
	int64_t n;

	return colon && fg_integer_parse(colon + 1, &n) == 0 ? (uint64_t)n : 0;
}

static fg_tests told_tests(const cJSON *r)
{
	const cJSON *tests = cJSON_GetObjectItemCaseSensitive(r, "qc_tests");
	fg_tests told = 0;

	for (unsigned t = 0; t < FG_TEST_COUNT; t++) {
		int flag = (int)ctl_number(tests, fg_test_name((enum fg_test)t));

		if (flag == FG_QC_SUSPECT || flag == FG_QC_FAIL)
			told = fg_tests_set(told, (enum fg_test)t, (enum fg_qc)flag);
	}
	return told;
}

static int on_reading(void *arg, const char *text)
{
	struct qc_replay *q = arg;
	cJSON *doc = cJSON_Parse(text);
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(doc, "value");
	const char *id = ctl_text(doc, "id"), *replaces = ctl_text(doc, "replaces");
	struct qc_reading *r;
	int64_t time_ms;

	if (fg_rfc3339_parse(ctl_text(doc, "time"), &time_ms) < 0 ||
		cJSON_HasObjectItem(doc, "period")) {
		cJSON_Delete(doc);
		return 0;
	}
	q->too_many = q->count >= READINGS_MAX;
	r = q->too_many ? NULL : add(q);
	if (r) {
		r->time_ms = time_ms;
		r->arrived = number_of(*replaces ? replaces : id);
		r->value = cJSON_IsNumber(value) ? value->valuedouble : (double)NAN;
		r->timed = !cJSON_HasObjectItem(doc, "time_uncertainty");
		r->inside = time_ms >= q->since_ms;
		r->told = told_tests(doc);
		snprintf(r->id, sizeof(r->id), "%.39s", id);
		q->inside += r->inside;
		q->missing += r->inside && isnan(r->value);
	}
	q->no_memory = !r && !q->too_many;
	cJSON_Delete(doc);
	return r ? 0 : 1;
}

static int by_arrival(const void *a, const void *b)
{
	const struct qc_reading *x = a, *y = b;

	return (x->arrived > y->arrived) - (x->arrived < y->arrived);
}

/* From so much earlier on that all windows are full when the period begins. */
static int read_history(struct qc_replay *q)
{
	char since[24], until[24];
	const char *words[] = {"history", q->ctl->words[1], since, until};
	int code;

	snprintf(since, sizeof(since), "%lld", (long long)q->from_ms);
	snprintf(until, sizeof(until), "%lld", (long long)q->until_ms);
	code = ctl_request(q->ctl, words, FG_COUNT(words), on_reading, q);
	if (q->too_many) {
		fprintf(stderr, "fjordctl: more than %u readings; take a shorter period\n",
			READINGS_MAX);
		return EX_USAGE;
	}
	if (q->no_memory) {
		fprintf(stderr, "fjordctl: out of memory\n");
		return EX_OSERR;
	}
	if (q->count)
		qsort(q->readings, q->count, sizeof(*q->readings), by_arrival);
	return code;
}

/* ---- the tests ---- */

static void print_fault(void *arg, bool error, const char *text)
{
	(void)arg;
	(void)error;
	fprintf(stderr, "fjordctl: %s\n", text);
}

static bool read_tests(const struct qc_replay *q, struct fg_arena *arena, const char *const *sets,
	size_t count, struct fg_qc_conf *ret)
{
	char *text = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(q->point, "qc"));
	struct fg_report *rep = fg_report_new();
	bool fine = text && fg_qc_read(arena, text, sets, count, q->interval_s, rep, ret) == 0;

	fg_report_each(rep, print_fault, NULL);
	fg_report_free(rep);
	cJSON_free(text);
	return fine;
}

static int run(struct qc_replay *q, const struct fg_qc_conf *qc, size_t offset)
{
	struct fg_replay_reading *in = calloc(q->count + 1, sizeof(*in));
	struct fg_sample *memory =
		calloc(fg_qc_history_memory(qc->tests, q->interval_s) + 1, sizeof(*memory));

	for (size_t i = 0; in && i < q->count; i++)
		in[i] = (struct fg_replay_reading){
			.sample = {q->readings[i].time_ms, q->readings[i].value},
			.timed = q->readings[i].timed};
	if (in && memory)
		fg_qc_replay(qc, q->interval_s, memory, in, q->count);
	for (size_t i = 0; in && i < q->count; i++)
		memcpy((char *)&q->readings[i] + offset, &in[i].tests, sizeof(in[i].tests));
	free(memory);
	free(in);
	return in && memory ? EX_OK : EX_OSERR;
}

/* As the daemon would show them. */
static void note_other(struct qc_replay *q, const struct fg_qc_conf *qc)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, 64u << 10);
	fg_json_init(&j, &out);
	fg_qc_put(&j, NULL, qc);
	q->other_text = strdup(out.len ? out.data : "{}");
	fg_buf_fini(&out);
}

static int replay(struct qc_replay *q, struct fg_arena *arena)
{
	const struct ctl *ctl = q->ctl;
	struct fg_qc_conf now, other;
	uint32_t room;
	int code;

	if (!read_tests(q, arena, NULL, 0, &now))
		return EX_DATAERR;
	if (!read_tests(q, arena, ctl->sets, ctl->set_count, &other))
		return EX_USAGE;
	room = FG_MAX(fg_qc_tests_room(now.tests, q->interval_s),
		fg_qc_tests_room(other.tests, q->interval_s));
	q->from_ms = q->since_ms - llround((room + 3) * q->interval_s * 1000);
	code = read_history(q);
	if (code != EX_OK)
		return code;
	code = run(q, &now, offsetof(struct qc_reading, now));
	if (code == EX_OK && ctl->set_count) {
		note_other(q, &other);
		code = run(q, &other, offsetof(struct qc_reading, other));
	}
	return code;
}

/* ---- the command ---- */

static int on_point(void *arg, const char *text)
{
	struct qc_replay *q = arg;

	cJSON_Delete(q->point);
	q->point = cJSON_Parse(text);
	return 0;
}

int ctl_qc(const struct ctl *ctl)
{
	struct qc_replay q = {.ctl = ctl, .until_ms = INT64_MAX};
	const char *words[] = {"qc", ctl->words[1]};
	struct fg_arena *arena;
	int code;

	if (!ctl_parse_time(ctl->since ? ctl->since : "7d", &q.since_ms) ||
		(ctl->until && !ctl_parse_time(ctl->until, &q.until_ms)))
		return EX_USAGE;
	code = ctl_request(ctl, words, FG_COUNT(words), on_point, &q);
	if (code != EX_OK || !q.point) {
		cJSON_Delete(q.point);
		return code != EX_OK ? code : EX_PROTOCOL;
	}
	q.interval_s = FG_MAX(ctl_number(q.point, "interval_s"), 0.001);
	arena = fg_arena_new();
	code = replay(&q, arena);
	if (code == EX_OK && ctl->json)
		qc_print_json(&q);
	else if (code == EX_OK)
		qc_print(&q);
	fg_arena_free(arena);
	cJSON_Delete(q.point);
	free(q.other_text);
	free(q.readings);
	return code;
}
