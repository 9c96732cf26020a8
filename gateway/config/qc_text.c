/* SPDX-License-Identifier: EUPL-1.2 */
/* The quality tests of a point as a text, and back with other thresholds. */
#include "gateway/config/qc_text.h"

#include <math.h>
#include <string.h>

#include "base/key.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "gateway/config/keys.h"
#include "quality/tests.h"

#define SETTING "--set"

/* ---- to a text ---- */

static void put_number(struct fg_json *j, const char *key, double v)
{
	if (isfinite(v) && v != 0)
		fg_json_double(j, key, v);
}

static void put_duration(struct fg_json *j, const char *key, double s)
{
	char text[32];

	if (isfinite(s) && s > 0)
		fg_json_text(j, key, fg_duration_text(llround(s * 1e6), text, sizeof(text)));
}

static void put_pair(struct fg_json *j, const char *key, const double v[2])
{
	if (isnan(v[0]) && isnan(v[1]))
		return;
	fg_json_array(j, key);
	fg_json_double(j, NULL, v[0]);
	fg_json_double(j, NULL, v[1]);
	fg_json_end_array(j);
}

static void put_gross_range(struct fg_json *j, const struct fg_gross_range *range)
{
	fg_json_object(j, fg_test_name(FG_TEST_GROSS_RANGE));
	put_pair(j, "fail", range->fail);
	put_pair(j, "suspect", range->suspect);
	fg_json_end_object(j);
}

static const char *calendar_key(enum fg_calendar period)
{
	switch (period) {
	case FG_CALENDAR_QUARTER:
		return "quarter";
	case FG_CALENDAR_WEEK:
		return "week";
	case FG_CALENDAR_DAY_OF_YEAR:
		return "day_of_year";
	case FG_CALENDAR_HOUR:
		return "hour";
	default:
		return "month"; /* a configuration has no others */
	}
}

static void put_climatology(struct fg_json *j, const struct fg_qc_tests *t)
{
	fg_json_array(j, fg_test_name(FG_TEST_CLIMATOLOGY));
	for (size_t i = 0; i < t->climate_count; i++) {
		const struct fg_climate *m = &t->climate[i];

		fg_json_object(j, NULL);
		put_pair(j, calendar_key(m->period), m->time);
		put_pair(j, "suspect", m->suspect);
		put_pair(j, "fail", m->fail);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

static void put_spike(struct fg_json *j, const struct fg_qc_tests *t)
{
	put_number(j, "suspect", t->spike.suspect);
	put_number(j, "fail", t->spike.fail);
	fg_json_text(j, "method",
		t->spike.method == FG_SPIKE_DIFFERENTIAL ? "differential" : "average");
}

static void put_rate(struct fg_json *j, const struct fg_qc_tests *t)
{
	put_number(j, "suspect", t->rate.suspect);
	put_number(j, "fail", t->rate.fail);
}

static void put_flat_line(struct fg_json *j, const struct fg_qc_tests *t)
{
	put_number(j, "tolerance", t->flat_line.tolerance);
	put_duration(j, "suspect", t->flat_line.suspect_s);
	put_duration(j, "fail", t->flat_line.fail_s);
}

static void put_attenuated(struct fg_json *j, const struct fg_qc_tests *t)
{
	const struct fg_attenuated *a = &t->attenuated;

	put_number(j, "suspect", a->suspect);
	put_number(j, "fail", a->fail);
	put_duration(j, "period", a->period_s);
	fg_json_text(j, "method", a->range ? "range" : "deviation");
	if (a->min_obs)
		fg_json_uint(j, "min_obs", a->min_obs);
	if (a->min_period_s != a->period_s / 2) /* the default; it may be below what is allowed */
		put_duration(j, "min_period", a->min_period_s);
}

static void put_time_gap(struct fg_json *j, const struct fg_qc_tests *t)
{
	put_duration(j, "fail", t->time_gap.span_s);
}

static void (*const writers[FG_TEST_COUNT])(struct fg_json *j, const struct fg_qc_tests *t) = {
	[FG_TEST_SPIKE] = put_spike,
	[FG_TEST_RATE_OF_CHANGE] = put_rate,
	[FG_TEST_FLAT_LINE] = put_flat_line,
	[FG_TEST_ATTENUATED_SIGNAL] = put_attenuated,
	[FG_TEST_TIME_GAP] = put_time_gap,
};

void fg_qc_put(struct fg_json *j, const char *key, const struct fg_qc_conf *qc)
{
	fg_json_object(j, key);
	if (!qc->off && qc->gross_range.on)
		put_gross_range(j, &qc->gross_range);
	for (unsigned t = 0; !qc->off && t < FG_TEST_COUNT; t++) {
		if (!fg_qc_is_on(qc->tests, (enum fg_test)t))
			continue;
		if (t == FG_TEST_CLIMATOLOGY) {
			put_climatology(j, qc->tests);
		} else if (writers[t]) {
			fg_json_object(j, fg_test_name((enum fg_test)t));
			writers[t](j, qc->tests);
			fg_json_end_object(j);
		}
	}
	fg_json_end_object(j);
}

/* ---- and back ---- */

static struct fg_node *mapping_of(
	struct fg_arena *arena, struct fg_place at, const char *key, struct fg_node *value)
{
	struct fg_node *node = fg_arena_alloc(arena, sizeof(*node));

	node->kind = FG_NODE_MAPPING;
	node->at = at;
	node->count = 1;
	node->pairs = fg_arena_array(arena, 1, sizeof(*node->pairs));
	node->pairs[0] = (struct fg_pair){key, at, value};
	return node;
}

/* "spike.suspect=1.5" as {spike: {suspect: 1.5}}; NULL with a fault. */
static struct fg_node *read_set(struct fg_arena *arena, const char *set, struct fg_report *rep)
{
	const struct fg_place at = {fg_arena_printf(arena, SETTING " %s", set), 0, 0};
	const char *equals = strchr(set, '='), *dot;
	struct fg_node *value;
	const char *text;
	char *key;

	if (!equals || equals == set) {
		fg_report_error(rep, at, "is not TEST.KEY=VALUE, for example spike.suspect=1.5");
		return NULL;
	}
	text = fg_arena_printf(arena, "value: %s", equals + 1);
	if (fg_yaml_load_text(arena, text, strlen(text), at.file, rep, &value) < 0)
		return NULL;
	value = fg_node_get(value, "value");
	if (!value || fg_node_is_empty(value)) {
		fg_report_error(rep, at, "no value; ~ takes the key away");
		return NULL;
	}
	value->at = at;
	key = fg_arena_strndup(arena, set, (size_t)(equals - set));
	dot = strchr(key, '.');
	if (dot) {
		value = mapping_of(arena, at, dot + 1, value);
		key[dot - key] = '\0';
	}
	return mapping_of(arena, at, key, value);
}

int fg_qc_read(struct fg_arena *arena, const char *text, const char *const *sets, size_t count,
	double interval_s, struct fg_report *rep, struct fg_qc_conf *ret)
{
	struct fg_bind b = {.arena = arena, .rep = rep, .path = "qc"};
	struct fg_qc_conf qc = {.gross_range = {.fail = {NAN, NAN}, .suspect = {NAN, NAN}}};
	struct fg_node *root;
	uint32_t room;

	if (fg_yaml_load_text(arena, text, strlen(text), "qc", rep, &root) < 0)
		return FG_ECONFIG;
	for (size_t i = 0; i < count; i++) {
		struct fg_node *set = read_set(arena, sets[i], rep);

		if (set)
			root = fg_node_merge(arena, root, set);
	}
	if (fg_report_errors(rep) || fg_parse_qc(&b, root, &qc) < 0)
		return FG_ECONFIG;
	fg_qc_check_gross_range(&b, root, &qc);
	room = fg_qc_tests_room(qc.tests, interval_s);
	if (room > FG_QC_WINDOW_MAX)
		fg_bind_error(&b, root, "flat_line or attenuated_signal looks back over %u "
			"readings at this interval; at most %u", room, FG_QC_WINDOW_MAX);
	if (fg_report_errors(rep))
		return FG_ECONFIG;
	*ret = qc;
	return FG_OK;
}
