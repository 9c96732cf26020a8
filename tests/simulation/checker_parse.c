/* SPDX-License-Identifier: EUPL-1.2 */
/* Messages as a consumer reads them, with a library of its own. */
#include "checker_parse.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static void fault(struct parsed *p, const char *what)
{
	p->kind = PARSED_FAULTY;
	p->fault = what;
}

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(v) ? v->valuestring : NULL;
}

static bool number_of(const cJSON *o, const char *name, double *ret)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!cJSON_IsNumber(v))
		return false;
	*ret = v->valuedouble;
	return true;
}

/* "gw:17" */
static bool id_of(const cJSON *o, const char *name, uint64_t *ret)
{
	const char *text = text_of(o, name);
	char *end;

	if (!text || strncmp(text, "gw:", 3) != 0)
		return false;
	*ret = strtoull(text + 3, &end, 10);
	return *end == '\0' && end > text + 3;
}

/* Days since 1970 of a civil date. */
static int64_t days_of(int year, int month, int day)
{
	int y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
	int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "2026-07-01T12:00:00.000Z", nothing else. */
static bool time_of(const cJSON *o, const char *name, int64_t *ret)
{
	const char *text = text_of(o, name);
	int f[7], n = 0;

	if (!text || strlen(text) != 24 ||
		sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &f[0], &f[1], &f[2], &f[3], &f[4],
			&f[5], &f[6], &n) != 7 || n != 24)
		return false;
	*ret = ((days_of(f[0], f[1], f[2]) * 24 + f[3]) * 60 + f[4]) * 60000 + f[5] * 1000 + f[6];
	return true;
}

static bool place_of(const cJSON *o, bool with_point, unsigned *ret)
{
	const char *device = text_of(o, "device"), *point = text_of(o, "point");
	unsigned d, k = 0;

	if (!device || sscanf(device, "d%u", &d) != 1 || d >= PLAN_DEVICES)
		return false;
	if (with_point && (!point || sscanf(point, "x_p%u", &k) != 1 || k >= PLAN_POINTS))
		return false;
	*ret = d * PLAN_POINTS + k;
	return true;
}

/* False where something is in it that is no verdict of a test. */
static bool tests_of(const cJSON *o, struct parsed *p)
{
	static const char *const names[PARSED_TESTS] = {"gross_range", "climatology",
		"rate_of_change", "flat_line", "time_gap", "spike"};
	const cJSON *tests = cJSON_GetObjectItemCaseSensitive(o, "qc_tests"), *t;

	if (!tests)
		return true;
	cJSON_ArrayForEach(t, tests) {
		if (!cJSON_IsNumber(t) || (t->valuedouble != 3 && t->valuedouble != 4))
			return false;
		for (size_t i = 0; i < PARSED_TESTS; i++)
			if (strcmp(t->string, names[i]) == 0)
				p->tests[i] = (uint8_t)t->valuedouble;
	}
	return cJSON_IsObject(tests) && tests->child;
}

static void parse_reading(const cJSON *o, struct parsed *p)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(o, "value");
	const char *reason = text_of(o, "reason"), *unit = text_of(o, "unit");
	double qc;

	if (!id_of(o, "id", &p->seq) || !place_of(o, true, &p->point))
		fault(p, "id, device or point");
	else if (!time_of(o, "time", &p->time_ms))
		fault(p, "time");
	else if (!number_of(o, "qc", &qc) || !unit || strcmp(unit, "1") != 0)
		fault(p, "qc or unit");
	else if (!cJSON_IsNumber(value) && !cJSON_IsNull(value))
		fault(p, "value");
	else if (!tests_of(o, p))
		fault(p, "qc_tests");
	if (p->kind == PARSED_FAULTY)
		return;
	p->qc = (int)qc;
	p->has_value = cJSON_IsNumber(value);
	p->value = p->has_value ? value->valuedouble : 0;
	snprintf(p->reason, sizeof(p->reason), "%s", reason ? reason : "");
	p->maintenance = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "maintenance"));
	p->alarm = text_of(o, "alarm") != NULL;
	p->not_stored = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(o, "stored"));
	number_of(o, "time_uncertainty", &p->uncertainty_s);
	if (cJSON_GetObjectItemCaseSensitive(o, "replaces") && !id_of(o, "replaces", &p->replaces))
		fault(p, "replaces");
}

/* A reading of an hour, with what it is made of. */
static void parse_mean(const cJSON *o, struct parsed *p)
{
	const char *period = text_of(o, "period"), *stat = text_of(o, "stat");
	struct parsed_mean *m = &p->mean;

	parse_reading(o, p);
	if (p->kind == PARSED_FAULTY)
		return;
	if (!period || strcmp(period, "PT1H") != 0 || !stat || strcmp(stat, "mean") != 0 ||
		!number_of(o, "coverage", &m->coverage) || !number_of(o, "count", &m->count) ||
		m->coverage < 0 || m->coverage > 1 ||
		(m->count > 0) != number_of(o, "min", &m->low) ||
		(m->count > 0) != number_of(o, "max", &m->high)) {
		fault(p, "a mean");
		return;
	}
	m->has_value = p->has_value;
	m->value = p->value;
}

static void parse_gap(const cJSON *o, struct parsed *p)
{
	const char *reason = text_of(o, "reason");

	if (!id_of(o, "id", &p->seq) || !place_of(o, true, &p->point) || !reason ||
		!time_of(o, "from", &p->from_ms) || !time_of(o, "to", &p->to_ms) ||
		!number_of(o, "count", &p->count) || p->count < 1 || p->from_ms > p->to_ms) {
		fault(p, "a gap");
		return;
	}
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	p->estimated = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "estimated"));
}

static void parse_account(const cJSON *o, struct parsed *p)
{
	const cJSON *points = cJSON_GetObjectItemCaseSensitive(o, "points"), *line;
	unsigned k;

	if (!id_of(o, "id", &p->seq) || !place_of(o, false, &p->point) ||
		!time_of(o, "from", &p->from_ms) || !time_of(o, "to", &p->to_ms) ||
		!cJSON_IsObject(points)) {
		fault(p, "an account");
		return;
	}
	cJSON_ArrayForEach(line, points) {
		struct parsed_line *l = &p->lines[p->line_count];

		if (p->line_count == PARSED_LINES || sscanf(line->string, "x_p%u", &k) != 1 ||
			k >= PLAN_POINTS || !number_of(line, "scheduled", &l->scheduled) ||
			!number_of(line, "sent", &l->sent) ||
			!number_of(line, "suppressed", &l->suppressed) ||
			!number_of(line, "missing", &l->missing)) {
			fault(p, "a line of an account");
			return;
		}
		l->point = p->point + k;
		p->line_count++;
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

void parse_message(const char *topic, const void *payload, size_t len, struct parsed *ret)
{
	cJSON *o = cJSON_ParseWithLength(payload, len);

	*ret = (struct parsed){.kind = PARSED_DOCUMENT};
	if (!cJSON_IsObject(o)) {
		fault(ret, "no JSON object");
	} else if (strstr(topic, "/obs/")) {
		ret->kind = PARSED_READING;
		parse_reading(o, ret);
	} else if (strstr(topic, "/hourly/")) {
		ret->kind = PARSED_MEAN;
		parse_mean(o, ret);
	} else if (ends_with(topic, "/gateways/gw/gaps")) {
		ret->kind = PARSED_GAP;
		parse_gap(o, ret);
	} else if (ends_with(topic, "/gateways/gw/account")) {
		ret->kind = PARSED_ACCOUNT;
		parse_account(o, ret);
	}
	cJSON_Delete(o);
}
