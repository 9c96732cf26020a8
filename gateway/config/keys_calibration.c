/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of calibration records, and what cannot be meant by them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "gateway/config/loader.h"
#include "quality/calibration.h"

#define AT(field)   .offset = offsetof(struct fg_raw_calibration, field)
/* A slope that changes by more than a fifth from one record to the next is a mistake more often
 * than a worn sensor. */
#define DRIFT_MOST 0.2

static int parse_time(struct fg_bind *b, const struct fg_node *node, void *field)
{
	if (node->kind == FG_NODE_SCALAR && fg_rfc3339_parse(node->text, field) == FG_OK)
		return FG_OK;
	fg_bind_error(b, node, "takes a time such as 2026-05-01T10:00:00Z, or a date");
	return FG_ECONFIG;
}

static int parse_numbers(
	struct fg_bind *b, const struct fg_node *node, double *v, size_t least, size_t most)
{
	size_t n = node->kind == FG_NODE_SEQUENCE ? node->count : 0;

	for (size_t i = 0; i < n && i < most; i++)
		if (node->items[i]->kind != FG_NODE_SCALAR ||
			fg_number_parse(node->items[i]->text, &v[i]) < 0) {
			fg_bind_error(b, node->items[i], "is not a number");
			return FG_ECONFIG;
		}
	if (n >= least && n <= most)
		return (int)n;
	if (least == most)
		fg_bind_error(b, node, "takes %zu numbers", most);
	else
		fg_bind_error(b, node, "takes %zu to %zu numbers: c0, c1, …", least, most);
	return FG_ECONFIG;
}

static int parse_two(struct fg_bind *b, const struct fg_node *node, void *field)
{
	int n = parse_numbers(b, node, field, 2, 2);

	return n < 0 ? n : FG_OK;
}

static int parse_polynomial(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_raw_polynomial *out = field;
	int n = parse_numbers(b, node, out->v, 2, FG_CALIBRATION_TERMS);

	out->count = n < 0 ? 0 : (size_t)n;
	return n < 0 ? n : FG_OK;
}

#define TIME_SCHEMA "{\"type\":\"string\"}"
#define TWO_SCHEMA                                                                                 \
	"{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":{\"type\":\"number\"}}"
#define POLYNOMIAL_SCHEMA                                                                          \
	"{\"type\":\"array\",\"minItems\":2,\"maxItems\":6,\"items\":{\"type\":\"number\"}}"

const struct fg_key fg_keys_calibration[] = {
	{"date", FG_KEY_CUSTOM, FG_KEY_REQUIRED, AT(date_ms), .parse = parse_time,
		.form = "a time", .schema = TIME_SCHEMA,
		.help = "From here on it is valid. A date alone is its midnight, UTC."},
	{"by", FG_KEY_TEXT, AT(by), .help = "Who did it."},
	{"next", FG_KEY_CUSTOM, AT(next_ms), .parse = parse_time, .form = "a time",
		.schema = TIME_SCHEMA, .help = "When the next is due."},
	{"raw", FG_KEY_CUSTOM, AT(raw), .parse = parse_two, .form = "two numbers",
		.schema = TWO_SCHEMA,
		.help = "What the sensor showed, in the published unit and without calibration …"},
	{"reference", FG_KEY_CUSTOM, AT(reference), .parse = parse_two, .form = "two numbers",
		.schema = TWO_SCHEMA, .help = "… and what it was: a line goes through both."},
	{"polynomial", FG_KEY_CUSTOM, AT(polynomial), .parse = parse_polynomial,
		.form = "two to six numbers", .schema = POLYNOMIAL_SCHEMA,
		.help = "Instead: value = c0 + c1 raw + c2 raw² …"},
	{"note", FG_KEY_TEXT, AT(note), .help = "For people."},
	{0},
};


static bool has(const struct fg_node *node, const char *key)
{
	const struct fg_node *value = fg_node_get(node, key);

	return value && !fg_node_is_null(value);
}

static bool take_curve(
	struct fg_loader *l, const struct fg_raw_calibration *raw, struct fg_calibration *c)
{
	const struct fg_node *node = raw->named.node;
	bool line = has(node, "raw") || has(node, "reference");
	bool some = false;

	if (line == has(node, "polynomial") ||
		(line && has(node, "raw") != has(node, "reference"))) {
		fg_report_error(l->rep, node->at,
			"%s.calibration: give raw and reference, or polynomial", l->bind.path);
		return false;
	}
	if (line && raw->raw[0] == raw->raw[1])
		fg_report_error(l->rep, fg_place_of(node, "raw"),
			"%s.calibration.raw: both are %g; no line goes through them", l->bind.path,
			raw->raw[0]);
	else if (line && !fg_calibration_line(raw->raw, raw->reference, c))
		fg_report_error(l->rep, fg_place_of(node, "reference"),
			"%s.calibration.reference: both are %g; every value would be that",
			l->bind.path, raw->reference[0]);
	c->terms = line ? 2 : (int)raw->polynomial.count;
	for (int i = 1; i < c->terms; i++) {
		if (!line)
			c->c[i] = raw->polynomial.v[i];
		some |= c->c[i] != 0;
	}
	if (!line) {
		c->c[0] = raw->polynomial.v[0];
		if (!some)
			fg_report_error(l->rep, fg_place_of(node, "polynomial"),
				"%s.calibration.polynomial: every value would be %g", l->bind.path,
				c->c[0]);
	}
	return true;
}

static void check_dates(struct fg_loader *l, const struct fg_raw_calibration *raw,
	const struct fg_calibration *before, const struct fg_calibration *c)
{
	const struct fg_node *node = raw->named.node;
	double slope, offset;

	if (before && c->at_ms <= before->at_ms)
		fg_report_error(l->rep, fg_place_of(node, "date"),
			"%s.calibration.date: not later than the record before; the oldest comes "
			"first", l->bind.path);
	if (c->next_ms && c->next_ms <= c->at_ms)
		fg_report_error(l->rep, fg_place_of(node, "next"),
			"%s.calibration.next: due before it was done", l->bind.path);
	if (c->at_ms > fg_clock_now().wall_us / 1000 + 86400000)
		fg_report_warning(l->rep, fg_place_of(node, "date"),
			"%s.calibration.date: lies ahead; until then the record before holds",
			l->bind.path);
	if (before && fg_calibration_drift(before, c, &slope, &offset) &&
		fabs(slope - 1) > DRIFT_MOST)
		fg_report_warning(l->rep, node->at,
			"%s.calibration: the slope is %g times that of the record before; a worn "
			"sensor, or a slip of the pen", l->bind.path, slope);
}

void fg_take_calibration(struct fg_loader *l, struct fg_point *p, const struct fg_items *items)
{
	const struct fg_raw_calibration *raw = items->items;
	struct fg_calibration *records;

	if (items->count == 0)
		return;
	records = fg_arena_array(l->arena, items->count, sizeof(*records));
	for (size_t i = 0; i < items->count; i++) {
		records[i].at_ms = raw[i].date_ms;
		records[i].next_ms = raw[i].next_ms;
		records[i].by = raw[i].by;
		if (take_curve(l, &raw[i], &records[i]))
			check_dates(l, &raw[i], i ? &records[i - 1] : NULL, &records[i]);
	}
	p->calibrations = records;
	p->calibration_count = items->count;
}
