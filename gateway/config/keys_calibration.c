/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of calibration records, and what cannot be meant by them. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "gateway/config/loader.h"
#include "quality/calibration_check.h"

#define AT(field)   .offset = offsetof(struct fg_raw_calibration, field)

int fg_parse_time(struct fg_bind *b, const struct fg_node *node, void *field)
{
	if (node->kind == FG_NODE_SCALAR && fg_rfc3339_parse(node->text, field) == FG_OK)
		return FG_OK;
	fg_bind_error(b, node, FG_CALIBRATION_TIME_FORM);
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
	{"date", FG_KEY_CUSTOM, FG_KEY_REQUIRED, AT(date_ms), .parse = fg_parse_time,
		.form = "a time", .schema = TIME_SCHEMA,
		.help = "From here on it is valid. A date alone is its midnight, UTC."},
	{"by", FG_KEY_TEXT, AT(by), .help = "Who did it."},
	{"next", FG_KEY_CUSTOM, AT(next_ms), .parse = fg_parse_time, .form = "a time",
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

static void report(struct fg_loader *l, const struct fg_node *node,
	const struct fg_calibration_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		const struct fg_calibration_fault *f = &faults->items[i];
		struct fg_place at = f->key ? fg_place_of(node, f->key) : node->at;
		const char *dot = f->key ? "." : "", *key = f->key ? f->key : "";

		if (f->warning)
			fg_report_warning(l->rep, at, "%s.calibration%s%s: %s", l->bind.path, dot,
				key, f->text);
		else
			fg_report_error(l->rep, at, "%s.calibration%s%s: %s", l->bind.path, dot,
				key, f->text);
	}
}

static void take_record(struct fg_loader *l, const struct fg_raw_calibration *raw,
	const struct fg_calibration *before, struct fg_calibration *c)
{
	const struct fg_node *node = raw->named.node;
	struct fg_calibration_faults faults = {.count = 0};
	struct fg_calibration_given given = {
		.has_raw = has(node, "raw"),
		.has_reference = has(node, "reference"),
		.has_polynomial = has(node, "polynomial"),
		.terms = (int)raw->polynomial.count,
	};

	memcpy(given.raw, raw->raw, sizeof(given.raw));
	memcpy(given.reference, raw->reference, sizeof(given.reference));
	memcpy(given.polynomial, raw->polynomial.v, sizeof(given.polynomial));
	*c = (struct fg_calibration){.at_ms = raw->date_ms, .next_ms = raw->next_ms,
		.by = raw->by, .note = raw->note};
	if (fg_calibration_take(&given, c, &faults)) {
		if (before && c->at_ms <= before->at_ms)
			fg_calibration_fault(&faults, "date", false,
				"not later than the record before; the oldest comes first");
		fg_calibration_check(before, c, fg_clock_now().wall_us / 1000, &faults);
	}
	report(l, node, &faults);
}

void fg_take_calibration(struct fg_loader *l, struct fg_point *p, const struct fg_items *items)
{
	const struct fg_raw_calibration *raw = items->items;
	struct fg_calibration *records;

	if (items->count == 0)
		return;
	records = fg_arena_array(l->arena, items->count, sizeof(*records));
	for (size_t i = 0; i < items->count; i++)
		take_record(l, &raw[i], i ? &records[i - 1] : NULL, &records[i]);
	p->calibrations = records;
	p->calibration_count = items->count;
}
