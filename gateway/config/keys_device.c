/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of links, devices, points and profiles that hold for every driver. */
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"
#include "gateway/config/keys.h"

#define MS		INT64_C(1000)
#define SECOND		(1000 * MS)
#define DAY		(86400 * SECOND)
#define AT(type, field) .offset = offsetof(struct type, field)

const struct fg_key fg_keys_link[] = {
	{"driver", FG_KEY_NAME, FG_KEY_REQUIRED, .form = "the name of a driver",
		.help = "The protocol. It says which further keys there are."},
	{0},
};

/* ---- points ---- */

static bool parse_bits(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text + 2, &end, 16);
	return text[2] && !*end && !errno && strspn(text + 2, "0123456789abcdefABCDEF") >= 1;
}

static int parse_missing_item(struct fg_bind *b, const struct fg_node *node, struct fg_missing *m)
{
	const char *text = node->kind == FG_NODE_SCALAR ? node->text : "a list";

	m->raw = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	if (m->raw ? parse_bits(text, &m->bits) : fg_number_parse(text, &m->value) == FG_OK)
		return FG_OK;
	fg_bind_error(
		b, node, "'%.60s' is neither a raw pattern such as 0x7FC00000 nor a number", text);
	return FG_ECONFIG;
}

static int parse_missing(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_raw_missing *out = field;
	size_t n = node->kind == FG_NODE_SEQUENCE ? node->count : 1;
	struct fg_missing *items = fg_arena_array(b->arena, n, sizeof(*items));
	int r = FG_OK;

	if (n > 64) {
		fg_bind_error(b, node, "%zu patterns; at most 64 are allowed", n);
		return FG_ECONFIG;
	}
	for (size_t i = 0; i < n; i++) {
		const struct fg_node *item = node->kind == FG_NODE_SEQUENCE ? node->items[i] : node;

		if (parse_missing_item(b, item, &items[i]) < 0)
			r = FG_ECONFIG;
	}
	if (r == FG_OK)
		*out = (struct fg_raw_missing){items, n};
	return r;
}

/* Two numbers; the second may be the smaller one. */
static int parse_ends(struct fg_bind *b, const struct fg_node *node, void *field)
{
	double v[2] = {0, 0};

	for (size_t i = 0; i < 2; i++) {
		const struct fg_node *item = NULL;

		if (node->kind == FG_NODE_SEQUENCE && node->count == 2)
			item = node->items[i];
		if (item && item->kind == FG_NODE_SCALAR &&
			fg_number_parse(item->text, &v[i]) == FG_OK)
			continue;
		fg_bind_error(b, node, "takes two numbers, such as [0, 65535]");
		return FG_ECONFIG;
	}
	if (v[0] == v[1]) {
		fg_bind_error(b, node, "both are %g; they would say nothing", v[0]);
		return FG_ECONFIG;
	}
	memcpy(field, v, sizeof(v));
	return FG_OK;
}

#define ENDS_SCHEMA                                                                                \
	"{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":{\"type\":\"number\"}}"

static const struct fg_key range_keys[] = {
	{"raw", FG_KEY_CUSTOM, FG_KEY_REQUIRED, AT(fg_raw_range, raw), .parse = parse_ends,
		.form = "two numbers", .schema = ENDS_SCHEMA, .help = "Two decoded numbers …"},
	{"value", FG_KEY_CUSTOM, FG_KEY_REQUIRED, AT(fg_raw_range, value), .parse = parse_ends,
		.form = "two numbers", .schema = ENDS_SCHEMA,
		.help = "… and the values that they stand for."},
	{0},
};

const struct fg_key fg_keys_repeat[] = {
	{"count", FG_KEY_INT, FG_KEY_REQUIRED, AT(fg_raw_repeat, count), .min = 1, .max = 1000,
		.help = "How many points there are."},
	{"stride", FG_KEY_INT, FG_KEY_REQUIRED, AT(fg_raw_repeat, stride), .min = -65535,
		.max = 65535, .unit = "registers",
		.help = "How far the addresses move from one to the next."},
	{"from", FG_KEY_INT, AT(fg_raw_repeat, from), .min = 0, .max = 65535,
		.help = "The number of the first. Default: 1."},
	{0},
};

const struct fg_key fg_keys_point[] = {
	{"property", FG_KEY_NAME, AT(fg_raw_point, property),
		.help = "What is measured: a name of the table of properties, or one of your own "
			"that "
			"begins with `x_`. Default: the point's name."},
	{"title", FG_KEY_TEXT, AT(fg_raw_point, title), .help = "For people."},
	{"datastream", FG_KEY_TEXT, AT(fg_raw_point, datastream), .max = 120,
		.help = "Payload `sensorthings`: the id of its Datastream at the service, a number "
			"or a text. Default: the text `STATION:POINT`."},
	{"unit", FG_KEY_TEXT, AT(fg_raw_point, unit), .max = 40,
		.help = "Unit (UCUM) of the decoded value after `scale` and `offset`. It is "
			"converted to "
			"the property's, in which readings are published. Default: the "
			"property's."},
	{"scale", FG_KEY_NUMBER, AT(fg_raw_point, scale), .dflt = "1",
		.help = "Value = decoded number × scale + offset."},
	{"offset", FG_KEY_NUMBER, AT(fg_raw_point, offset), .dflt = "0", .help = "See `scale`."},
	{"range", FG_KEY_STRUCT, AT(fg_raw_point, range), .sub = range_keys,
		.help = "Instead of `scale` and `offset`: two numbers and the values that they "
			"stand for; the others lie on the line through them."},
	{"decimals", FG_KEY_INT, AT(fg_raw_point, decimals), .min = 0, .max = 10,
		.help = "Published values are rounded to it. Default: the shortest text that gives "
			"back "
			"the value as the sensor sent it."},
	{"missing", FG_KEY_CUSTOM, AT(fg_raw_point, missing), .parse = parse_missing,
		.form = "one or a list of numbers or 0x… patterns",
		.schema = "{\"anyOf\":[{\"$ref\":\"#/$defs/"
			  "pattern\"},{\"type\":\"array\",\"maxItems\":64,"
			  "\"items\":{\"$ref\":\"#/$defs/pattern\"}}]}",
		.help = "What the sensor sends for \"no reading\": `0x…` is compared with the raw "
			"bits, "
			"a number with the decoded value before `scale`."},
	{"valid", FG_KEY_PAIR, AT(fg_raw_point, valid),
		.help = "Decoded numbers (before `scale`) outside mean \"no reading\" as well; a "
			"bound "
			"itself is a reading, `~` leaves one open."},
	{"interval", FG_KEY_DURATION, AT(fg_raw_point, interval_us), .min = 100 * MS,
		.max = 365 * DAY, .help = "How often it is read. Default: the device's."},
	{"report", FG_KEY_STRUCT, .sub = fg_keys_report,
		.help = "What is reported. Default: every reading."},
	{"qc", FG_KEY_CUSTOM, AT(fg_raw_point, qc), .parse = fg_parse_qc,
		.sub = fg_keys_qc, .form = "off, or a mapping of tests",
		.help = "Quality tests (QARTOD). Where none is applied a reading is qc 2."},
	{"alarm", FG_KEY_STRUCT, AT(fg_raw_point, alarm), .sub = fg_keys_alarm,
		.help = "Bounds that are watched closely, in the published unit: while one is "
			"passed the point's readings carry `alarm`, and what is read together "
			"with it is read at the alarm's interval."},
	/* points that are worked out of others: keys_derive.c */
	{"derive", FG_KEY_CHOICE, AT(fg_raw_point, derive.formula), .choices = fg_formula_choices,
		.help = "Not read from the device but worked out of other points by a formula; "
			"docs/quality.md tells its inputs and its source."},
	{"method", FG_KEY_CHOICE, AT(fg_raw_point, derive.method), .choices = fg_method_choices,
		.help = "Which of several formulas of a quantity. Default: the first of its "
			"methods in docs/quality.md."},
	{"from", FG_KEY_CUSTOM, AT(fg_raw_point, derive.from), .parse = fg_parse_node,
		.form = "a point, or a mapping of inputs to points or numbers",
		.help = "What it is worked out of: points of the same device, points of the "
			"station by their name or as `DEVICE/POINT`, or fixed numbers. With "
			"`derive` the names are the formula's, with `expression` your own."},
	{"expression", FG_KEY_TEXT, AT(fg_raw_point, derive.expression), .max = 500,
		.help = "Not read but worked out: `+ - * / ^`, brackets, `pi`, abs sqrt exp ln "
			"log10 sin cos tan min max, over points of the device or names of `from`, "
			"in published units. The result is in `unit`."},
	{"rating", FG_KEY_CUSTOM, AT(fg_raw_point, derive.rating), .parse = fg_parse_node,
		.form = "a list of [level, flow]",
		.schema = "{\"type\":\"array\",\"minItems\":2,\"maxItems\":1000,\"items\":{"
			  "\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":{\"type\":"
			  "\"number\"}}}",
		.help = "Not read but looked up: pairs of a value of `from` (published unit) and "
			"of this point (`unit`), straight lines between them, nothing outside."},
	{"rating_file", FG_KEY_PATH, FG_KEY_FILE, AT(fg_raw_point, derive.rating_file),
		.help = "The same from a file: two numbers a line, with a comma, semicolon or "
			"blank between; `#` begins a comment."},
	{"max_age", FG_KEY_DURATION, AT(fg_raw_point, derive.max_age_us), .min = 100 * MS,
		.max = 365 * DAY,
		.help = "Of a derived point: an input that was read longer ago is missing. "
			"Default: three intervals of the input."},
	{"calibration", FG_KEY_LIST, AT(fg_raw_point, calibration), .max = FG_CALIBRATIONS_MAX,
		.sub = fg_keys_calibration, .size = sizeof(struct fg_raw_calibration),
		.help = "Dated records, the oldest first. A reading carries the value by the one "
			"that is valid at its time; what it was without is kept in the store."},
	{"repeat", FG_KEY_STRUCT, AT(fg_raw_point, repeat), .sub = fg_keys_repeat,
		.help = "The point stands for several: `{n}` in its name and texts is replaced by "
			"their numbers (without it, the number is put behind the name), and "
			"addresses "
			"move by `stride`. One of them can be changed or removed (`~`) by its "
			"name."},
	{0},
};

/* ---- devices ---- */

static const struct fg_choice domains[] = {
	{"air", FG_DOMAIN_AIR, false, ""},
	{"water", FG_DOMAIN_WATER, false, ""},
	{"bathing", FG_DOMAIN_BATHING, false, ""},
	{"weather", FG_DOMAIN_WEATHER, false, ""},
	{0},
};

static int parse_later(struct fg_bind *b, const struct fg_node *node, void *field)
{
	(void)field;
	if (node->kind == FG_NODE_MAPPING)
		return FG_OK;
	fg_bind_error(b, node, "a %s cannot stand here; it takes a mapping of points",
		node->kind == FG_NODE_SCALAR ? "text" : "list");
	return FG_ECONFIG;
}

const struct fg_key fg_keys_device[] = {
	{"title", FG_KEY_TEXT, AT(fg_raw_device, title),
		.help = "For people. Default: the device's name."},
	{"station", FG_KEY_NAME, FG_KEY_REQUIRED, AT(fg_raw_device, station),
		.help = "The place it measures: a name under `stations`."},
	{"domain", FG_KEY_CHOICE, FG_KEY_REQUIRED, AT(fg_raw_device, domain), .choices = domains,
		.help = "Where its readings belong in the topics."},
	{"link", FG_KEY_NAME, FG_KEY_REQUIRED, AT(fg_raw_device, link),
		.help = "How it is reached: a name under `links`."},
	{"profile", FG_KEY_NAME,
		.help = "A file of the profile library with the points of this model. Keys of the "
			"device "
			"go before the profile's, and `~` removes a point of it."},
	{"interval", FG_KEY_DURATION, AT(fg_raw_device, interval_us), .min = 100 * MS,
		.max = 365 * DAY, .dflt = "60s", .help = "How often its points are read."},
	{"align", FG_KEY_BOOL, AT(fg_raw_device, align), .dflt = "false",
		.help = "Read at whole multiples of the interval of wall time: 12:00:00, 12:00:10 "
			"…"},
	{"timeout", FG_KEY_DURATION, AT(fg_raw_device, timeout_us), .min = 10 * MS,
		.max = 60 * SECOND, .dflt = "1s", .help = "How long an answer may take."},
	{"retries", FG_KEY_INT, AT(fg_raw_device, retries), .min = 0, .max = 10, .dflt = "2",
		.help = "Further attempts after a first that failed."},
	{"points", FG_KEY_CUSTOM, .parse = parse_later, .sub = fg_keys_point,
		.form = "a mapping of names",
		.help = "Its quantities. The name is the property, unless `property` says "
			"otherwise."},
	{"allow_commands", FG_KEY_BOOL, AT(fg_raw_device, allow_commands), .dflt = "false",
		.help = "Send the writes that `commands` declares (start of a measurement, a "
			"wiper). Without it nothing but reads goes to the device."},
	{"maintenance", FG_KEY_LIST, AT(fg_raw_device, maintenance), .max = FG_MAINTENANCE_MAX,
		.sub = fg_keys_maintenance, .size = sizeof(struct fg_raw_maintenance),
		.help = "Work that is planned: its readings are marked meanwhile, and no alarm of "
			"it begins."},
	{"hourly", FG_KEY_CUSTOM, .parse = parse_later, .sub = fg_keys_hourly,
		.form = "a mapping of points to true, or to options",
		.help = "Points that are told by the hour too: mean with coverage, least and "
			"largest, and the air-quality class."},
	{0},
};
