/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of quality tests, and what is wrong with what they say. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"
#include "gateway/config/keys.h"
#include "quality/tests.h"

#define SECOND		INT64_C(1000000)
#define DAY		(86400 * SECOND)
#define AT(type, field) .offset = offsetof(struct type, field)
#define MEMBERS_MAX	64

/* Durations as the keys have them. */
struct raw_flat_line {
	double tolerance;
	int64_t suspect_us, fail_us;
};

struct raw_attenuated {
	int method;
	double suspect, fail;
	int64_t period_us, min_period_us;
	int64_t min_obs;
};

struct raw_time_gap {
	int64_t fail_us;
};

struct raw_climate {
	int season;
	double suspect[2], fail[2];
};

static const struct fg_key gross_range_keys[] = {
	{"fail", FG_KEY_PAIR, AT(fg_gross_range, fail),
		.help = "Outside, a reading is qc 4: what the sensor can measure."},
	{"suspect", FG_KEY_PAIR, AT(fg_gross_range, suspect),
		.help = "Outside, a reading is qc 3: what is plausible at this place."},
	{0},
};

static const struct fg_choice seasons[] = {
	{"any", 0, false, ""},
	{"winter", 1, false, "December to February"},
	{"spring", 2, false, "March to May"},
	{"summer", 3, false, "June to August"},
	{"autumn", 4, false, "September to November"},
	{0},
};

static int parse_span(struct fg_bind *b, const struct fg_node *node, void *field);

#define SPAN_SCHEMA                                                                                \
	"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,"    \
	"\"items\":{\"type\":\"integer\"}}]}"
#define SPAN(name, text)                                                                           \
	{                                                                                          \
		name, FG_KEY_CUSTOM, .parse = parse_span, .form = "a number, or [first, last]",    \
			.schema = SPAN_SCHEMA, .help = text                                        \
	}

static const struct fg_key climate_keys[] = {
	{"season", FG_KEY_CHOICE, AT(raw_climate, season), .dflt = "any", .choices = seasons,
		.help = "When: by the calendar in UTC. Or one of:"},
	SPAN("month", "1 to 12; [11, 2] goes over the new year."),
	SPAN("quarter", "1 to 4."),
	SPAN("week", "1 to 53, ISO 8601."),
	SPAN("day_of_year", "1 to 366."),
	SPAN("hour", "0 to 23."),
	{"suspect", FG_KEY_PAIR, FG_KEY_REQUIRED, AT(raw_climate, suspect),
		.help = "Outside, a reading is qc 3."},
	{"fail", FG_KEY_PAIR, AT(raw_climate, fail), .help = "Outside, a reading is qc 4."},
	{0},
};

static const struct fg_choice spike_methods[] = {
	{"average", FG_SPIKE_AVERAGE, false, "how far from the mean of its two neighbours"},
	{"differential", FG_SPIKE_DIFFERENTIAL, false,
		"the smaller of the two jumps, where they go opposite ways"},
	{0},
};

static const struct fg_key spike_keys[] = {
	{"suspect", FG_KEY_NUMBER, AT(fg_spike, suspect),
		.help = "Higher than this: qc 3, told by a correction when the next reading is "
			"there."},
	{"fail", FG_KEY_NUMBER, AT(fg_spike, fail), .help = "Higher than this: qc 4, likewise."},
	{"method", FG_KEY_CHOICE, AT(fg_spike, method), .dflt = "average", .choices = spike_methods,
		.help = "What the height is."},
	{0},
};

static const struct fg_key rate_of_change_keys[] = {
	{"suspect", FG_KEY_NUMBER, AT(fg_rate, suspect), .unit = "unit per second",
		.help = "Faster than this: qc 3."},
	{"fail", FG_KEY_NUMBER, AT(fg_rate, fail), .unit = "unit per second",
		.help = "Faster than this: qc 4."},
	{0},
};

static const struct fg_key flat_line_keys[] = {
	{"tolerance", FG_KEY_NUMBER, FG_KEY_REQUIRED, AT(raw_flat_line, tolerance),
		.help = "Values whose range is below it have not changed."},
	{"suspect", FG_KEY_DURATION, AT(raw_flat_line, suspect_us), .min = SECOND,
		.max = 365 * DAY, .help = "No change for this long: qc 3."},
	{"fail", FG_KEY_DURATION, AT(raw_flat_line, fail_us), .min = SECOND, .max = 365 * DAY,
		.help = "No change for this long: qc 4."},
	{0},
};

static const struct fg_choice attenuated_methods[] = {
	{"deviation", 0, false, "the standard deviation"},
	{"range", 1, false, "the largest less the smallest"},
	{0},
};

static const struct fg_key attenuated_keys[] = {
	{"suspect", FG_KEY_NUMBER, AT(raw_attenuated, suspect), .help = "Less than this: qc 3."},
	{"fail", FG_KEY_NUMBER, AT(raw_attenuated, fail), .help = "Less than this: qc 4."},
	{"period", FG_KEY_DURATION, FG_KEY_REQUIRED, AT(raw_attenuated, period_us), .min = SECOND,
		.max = 365 * DAY, .help = "The time that is looked at."},
	{"method", FG_KEY_CHOICE, AT(raw_attenuated, method), .dflt = "deviation",
		.choices = attenuated_methods, .help = "What varies."},
	{"min_obs", FG_KEY_INT, AT(raw_attenuated, min_obs), .min = 1, .max = 1000000,
		.help = "With fewer values in the period there is no verdict. Default: by "
			"`min_period`."},
	{"min_period", FG_KEY_DURATION, AT(raw_attenuated, min_period_us), .min = SECOND,
		.max = 365 * DAY, .help = "The same as a time. Default: half the period."},
	{0},
};

static const struct fg_key time_gap_keys[] = {
	{"fail", FG_KEY_DURATION, FG_KEY_REQUIRED, AT(raw_time_gap, fail_us), .min = SECOND,
		.max = 365 * DAY, .help = "Later than this after the reading before: qc 4."},
	{0},
};

/* ---- faults ---- */

static int fault(struct fg_bind *b, const struct fg_node *node, const char *key, const char *text)
{
	const struct fg_node *at = fg_node_get(node, key);
	size_t mark = at ? fg_bind_enter(b, key) : strlen(b->path);

	fg_bind_error(b, at ? at : node, "%s", text);
	fg_bind_leave(b, mark);
	return FG_ECONFIG;
}

static bool has(const struct fg_node *node, const char *key)
{
	const struct fg_node *v = fg_node_get(node, key);

	return v && (!fg_node_is_null(v) || fg_node_is_empty(v));
}

/* Two thresholds of which at least one is given, each above 0, fail not sooner than suspect.
 * An absent one becomes NaN. */
static int thresholds(struct fg_bind *b, const struct fg_node *node, double *suspect, double *fail,
	bool lower)
{
	const bool has_suspect = has(node, "suspect"), has_fail = has(node, "fail");

	if (!has_suspect && !has_fail)
		return fault(b, node, "", "no threshold; give suspect, fail or both");
	if (has_suspect && !(*suspect > 0))
		return fault(b, node, "suspect", "a threshold is above 0; leave it out for none");
	if (has_fail && !(*fail > 0))
		return fault(b, node, "fail", "a threshold is above 0; leave it out for none");
	if (has_suspect && has_fail && (lower ? *fail > *suspect : *fail < *suspect))
		return fault(b, node, "fail",
			lower ? "is above suspect; what fails must be suspect before" :
				"is below suspect; what fails must be suspect before");
	if (!has_suspect)
		*suspect = NAN;
	if (!has_fail)
		*fail = NAN;
	return FG_OK;
}

/* What the test's own function has against it, if anything is left. */
static int checked(struct fg_bind *b, const struct fg_node *node, const char *text)
{
	return text ? fault(b, node, "", text) : FG_OK;
}

/* ---- each test ---- */

static int read_spike(struct fg_bind *b, const struct fg_node *node, struct fg_qc_tests *t)
{
	if (fg_bind_struct(b, node, spike_keys, NULL, &t->spike, NULL, node->at) ||
		thresholds(b, node, &t->spike.suspect, &t->spike.fail, false) < 0)
		return FG_ECONFIG;
	return checked(b, node, fg_qc_spike_fault(&t->spike));
}

static int read_rate(struct fg_bind *b, const struct fg_node *node, struct fg_qc_tests *t)
{
	if (fg_bind_struct(b, node, rate_of_change_keys, NULL, &t->rate, NULL, node->at) ||
		thresholds(b, node, &t->rate.suspect, &t->rate.fail, false) < 0)
		return FG_ECONFIG;
	return checked(b, node, fg_qc_rate_fault(&t->rate));
}

static int read_flat_line(struct fg_bind *b, const struct fg_node *node, struct fg_qc_tests *t)
{
	struct raw_flat_line raw = {0};

	if (fg_bind_struct(b, node, flat_line_keys, NULL, &raw, NULL, node->at))
		return FG_ECONFIG;
	t->flat_line = (struct fg_flat_line){.tolerance = raw.tolerance,
		.suspect_s = (double)raw.suspect_us / 1e6,
		.fail_s = (double)raw.fail_us / 1e6};
	if (!(raw.tolerance > 0))
		return fault(b, node, "tolerance",
			"is above 0: a little less than the smallest step of the sensor");
	if (thresholds(b, node, &t->flat_line.suspect_s, &t->flat_line.fail_s, false) < 0)
		return FG_ECONFIG;
	return checked(b, node, fg_qc_flat_line_fault(&t->flat_line));
}

static int read_attenuated(struct fg_bind *b, const struct fg_node *node, struct fg_qc_tests *t)
{
	struct raw_attenuated raw = {0};

	if (fg_bind_struct(b, node, attenuated_keys, NULL, &raw, NULL, node->at) ||
		thresholds(b, node, &raw.suspect, &raw.fail, true) < 0)
		return FG_ECONFIG;
	if (raw.min_period_us > raw.period_us)
		return fault(b, node, "min_period", "is longer than the period itself");
	t->attenuated = (struct fg_attenuated){.range = raw.method,
		.suspect = raw.suspect,
		.fail = raw.fail,
		.period_s = (double)raw.period_us / 1e6,
		.min_obs = (uint32_t)raw.min_obs,
		.min_period_s = (double)(raw.min_period_us ? raw.min_period_us :
							    raw.period_us / 2) / 1e6};
	return checked(b, node, fg_qc_attenuated_fault(&t->attenuated));
}

static int read_time_gap(struct fg_bind *b, const struct fg_node *node, struct fg_qc_tests *t)
{
	struct raw_time_gap raw = {0};

	if (fg_bind_struct(b, node, time_gap_keys, NULL, &raw, NULL, node->at))
		return FG_ECONFIG;
	t->time_gap.span_s = (double)raw.fail_us / 1e6;
	return checked(b, node, fg_qc_time_gap_fault(&t->time_gap));
}

/* ---- climatology ---- */

static const struct {
	const char *key;
	enum fg_calendar period;
	int first, last;
} spans[] = {
	{"month", FG_CALENDAR_MONTH, 1, 12},
	{"quarter", FG_CALENDAR_QUARTER, 1, 4},
	{"week", FG_CALENDAR_WEEK, 1, 53},
	{"day_of_year", FG_CALENDAR_DAY_OF_YEAR, 1, 366},
	{"hour", FG_CALENDAR_HOUR, 0, 23},
};

/* A whole number, or the first and the last of some. */
static bool span_of(const struct fg_node *node, double ret[2])
{
	for (size_t i = 0; i < 2; i++) {
		const struct fg_node *n = node->kind == FG_NODE_SEQUENCE ?
						  (node->count == 2 ? node->items[i] : NULL) : node;

		if (!n || n->kind != FG_NODE_SCALAR || fg_number_parse(n->text, &ret[i]) < 0 ||
			ret[i] != floor(ret[i]))
			return false;
	}
	return true;
}

static int parse_span(struct fg_bind *b, const struct fg_node *node, void *field)
{
	double v[2];

	(void)field;
	if (span_of(node, v))
		return FG_OK;
	fg_bind_error(b, node, "takes a whole number, or [first, last]");
	return FG_ECONFIG;
}

/* Adds a member for first..last; one that goes over the end of its cycle is two. */
static size_t add_member(struct fg_climate *to, const struct fg_climate *m, double first,
	double last, int low, int high)
{
	to[0] = *m;
	to[0].time[0] = first;
	to[0].time[1] = last;
	if (first <= last)
		return 1;
	to[1] = to[0];
	to[0].time[1] = high;
	to[1].time[0] = low;
	return 2;
}

/* 0 where there is a fault. */
static size_t read_when(struct fg_bind *b, const struct fg_node *node, int season,
	struct fg_climate *m, struct fg_climate *to)
{
	size_t at = FG_COUNT(spans), given = season ? 1 : 0;
	double v[2];

	for (size_t i = 0; i < FG_COUNT(spans); i++)
		if (has(node, spans[i].key)) {
			at = i;
			given++;
		}
	if (given != 1) {
		fault(b, node, "", given ? "says when twice; one of season, month, quarter, week, "
					   "day_of_year, hour" :
					   "does not say when; give one of season, month, quarter, "
					   "week, day_of_year, hour");
		return 0;
	}
	if (season) {
		m->period = FG_CALENDAR_MONTH;
		return add_member(to, m, season == 1 ? 12 : 3 * season - 3, 3 * season - 1, 1, 12);
	}
	m->period = spans[at].period;
	span_of(fg_node_get(node, spans[at].key), v);
	if (fmin(v[0], v[1]) >= spans[at].first && fmax(v[0], v[1]) <= spans[at].last)
		return add_member(to, m, v[0], v[1], spans[at].first, spans[at].last);
	fault(b, node, spans[at].key, "there is no such one");
	return 0;
}

static size_t read_member(struct fg_bind *b, const struct fg_node *node, struct fg_climate *to)
{
	struct raw_climate raw = {0};
	struct fg_climate m = {.depth = {NAN, NAN}};

	if (fg_bind_struct(b, node, climate_keys, NULL, &raw, NULL, node->at))
		return 0;
	memcpy(m.suspect, raw.suspect, sizeof(m.suspect));
	memcpy(m.fail, raw.fail, sizeof(m.fail));
	if (!isfinite(m.suspect[0]) || !isfinite(m.suspect[1])) {
		fault(b, node, "suspect", "takes two numbers; neither end is open");
		return 0;
	}
	if (has(node, "fail") && (!isfinite(m.fail[0]) || !isfinite(m.fail[1]))) {
		fault(b, node, "fail", "takes two numbers; neither end is open");
		return 0;
	}
	if (m.suspect[0] < m.fail[0] || m.suspect[1] > m.fail[1]) {
		fault(b, node, "suspect", "is not within fail");
		return 0;
	}
	return read_when(b, node, raw.season, &m, to);
}

static int read_climatology(struct fg_bind *b, const struct fg_node *node, struct fg_qc_tests *t)
{
	bool list = node->kind == FG_NODE_SEQUENCE;
	size_t count = list ? node->count : 1, n = 0;
	struct fg_climate *members;

	if (count == 0 || count > MEMBERS_MAX || (!list && node->count == 0)) {
		fg_bind_error(b, node, "%s", count > MEMBERS_MAX ? "at most 64 spans of time" :
			"no span of time; for example {season: summer, suspect: [5, 25]}");
		return FG_ECONFIG;
	}
	members = fg_arena_array(b->arena, 2 * count, sizeof(*members));
	for (size_t i = 0; i < count; i++) {
		size_t more = read_member(b, list ? node->items[i] : node, members + n);

		if (!more)
			return FG_ECONFIG;
		n += more;
	}
	t->climate = members;
	t->climate_count = n;
	return checked(b, node, fg_qc_climatology_fault(members, n));
}

/* ---- all ---- */

static int read_gross_range(struct fg_bind *b, const struct fg_node *node, struct fg_qc_conf *qc)
{
	qc->gross_range.on = !fg_bind_struct(
		b, node, gross_range_keys, NULL, &qc->gross_range, NULL, node->at);
	return qc->gross_range.on ? FG_OK : FG_ECONFIG;
}

void fg_qc_check_gross_range(
	struct fg_bind *b, const struct fg_node *qc, const struct fg_qc_conf *conf)
{
	const struct fg_gross_range *g = &conf->gross_range;
	const struct fg_node *range = qc ? fg_node_get(qc, "gross_range") : NULL;
	size_t mark;

	if (!g->on || conf->off || !range)
		return;
	mark = fg_bind_enter(b, "gross_range");
	if (!fg_node_get(range, "fail") && !fg_node_get(range, "suspect"))
		fg_bind_error(b, range,
			"no bounds; give fail: [low, high] or suspect: [low, high]");
	if (g->suspect[0] < g->fail[0] || g->suspect[1] > g->fail[1]) {
		size_t inner = fg_bind_enter(b, "suspect");

		fg_bind_error(b, fg_node_get(range, "suspect"),
			"[%g, %g] is not within fail [%g, %g]", g->suspect[0], g->suspect[1],
			g->fail[0], g->fail[1]);
		fg_bind_leave(b, inner);
	}
	fg_bind_leave(b, mark);
}

static int (*const readers[FG_TEST_COUNT])(
	struct fg_bind *b, const struct fg_node *node, struct fg_qc_tests *t) = {
	[FG_TEST_CLIMATOLOGY] = read_climatology,
	[FG_TEST_SPIKE] = read_spike,
	[FG_TEST_RATE_OF_CHANGE] = read_rate,
	[FG_TEST_FLAT_LINE] = read_flat_line,
	[FG_TEST_ATTENUATED_SIGNAL] = read_attenuated,
	[FG_TEST_TIME_GAP] = read_time_gap,
};

static bool says_off(const struct fg_node *node)
{
	return node->kind == FG_NODE_SCALAR &&
	       (strcmp(node->text, "off") == 0 || strcmp(node->text, "no") == 0 ||
		       strcmp(node->text, "false") == 0);
}

/* The keys of fg_keys_qc are only for the documents and for what is unknown: the nodes are read by
 * fg_parse_qc. */
static int parse_later(struct fg_bind *b, const struct fg_node *node, void *field)
{
	(void)field;
	if (says_off(node) || node->kind != FG_NODE_SCALAR)
		return FG_OK;
	fg_bind_error(b, node, "'%.60s' is neither off nor a mapping", node->text);
	return FG_ECONFIG;
}

#define TEST(name, keys, text)                                                                     \
	{                                                                                          \
		name, FG_KEY_CUSTOM, .parse = parse_later, .sub = keys,                            \
			.form = "off, or a mapping", .help = text                                  \
	}

const struct fg_key fg_keys_qc[] = {
	TEST("gross_range", gross_range_keys,
		"Bounds in the published unit; a bound itself is good, `~` leaves one open."),
	{"climatology", FG_KEY_CUSTOM, .parse = parse_later, .sub = climate_keys,
		.max = MEMBERS_MAX, .form = "off, a mapping, or a list of such",
		.help = "Bounds of a time of the year or of the day. Where several hold, the last "
			"decides."},
	TEST("spike", spike_keys, "A value that stands out of its neighbours."),
	TEST("rate_of_change", rate_of_change_keys, "A value that changes too fast."),
	TEST("flat_line", flat_line_keys, "A value that does not change."),
	TEST("attenuated_signal", attenuated_keys, "A signal that varies too little."),
	TEST("time_gap", time_gap_keys, "A reading that comes too late."),
	{0},
};

static enum fg_test test_of(const char *key)
{
	enum fg_test t = FG_TEST_GROSS_RANGE;

	while (strcmp(fg_test_name(t), key) != 0)
		t++;
	return t;
}

/* One test that is there: off, or with its limits. */
static int read_test(struct fg_bind *b, const struct fg_node *node, enum fg_test test,
	struct fg_qc_conf *qc, struct fg_qc_tests *t)
{
	size_t mark = fg_bind_enter(b, fg_test_name(test));
	int r = FG_OK;

	qc->given |= 1u << test;
	if (!says_off(node)) {
		if (test == FG_TEST_GROSS_RANGE)
			r = read_gross_range(b, node, qc);
		else
			r = readers[test](b, node, t);
		if (r == FG_OK && test != FG_TEST_GROSS_RANGE)
			t->on |= 1u << test;
	}
	fg_bind_leave(b, mark);
	return r;
}

int fg_parse_qc(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_qc_conf *qc = field;
	struct fg_qc_tests *t;
	int r = FG_OK;

	if (node->kind == FG_NODE_SCALAR) {
		qc->off = says_off(node);
		if (qc->off)
			return FG_OK;
		fg_bind_error(b, node, "'%.60s' is neither off nor a mapping of tests", node->text);
		return FG_ECONFIG;
	}
	if (fg_bind_struct(b, node, fg_keys_qc, NULL, qc, NULL, node->at))
		return FG_ECONFIG;
	t = fg_arena_alloc(b->arena, sizeof(*t));
	for (const struct fg_key *k = fg_keys_qc; k->name; k++)
		if (has(node, k->name) &&
			read_test(b, fg_node_get(node, k->name), test_of(k->name), qc, t) < 0)
			r = FG_ECONFIG;
	if (t->on)
		qc->tests = t;
	return r;
}
