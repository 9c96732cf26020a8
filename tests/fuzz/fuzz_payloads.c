/* SPDX-License-Identifier: EUPL-1.2 */
/* What devices send, through the interface of the drivers: the first byte chooses the payload's
 * declaration and its content format, the rest is the payload. Each declaration is what
 * fg_payload_check_point() makes of a configuration. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/report.h"
#include "base/status.h"
#include "drivers/payload.h"

#define N(x)                                                                                       \
	{                                                                                          \
		true, x                                                                            \
	}

static const int64_t lengths[] = {10, 2}, one[] = {1}, field[] = {4, 1},
		     errors[] = {8355840, 8388607}, switches[] = {5, 7}, bits[] = {3, 9};

static const struct fg_payload_conf confs[] = {
	{.identity.json = "/id", .time.json = "/t"},
	{.format = FG_PAYLOAD_BINARY,
		.byte_order = 1,
		.length = N(8),
		.time = {.at = N(4), .type = {true, false, FG_BINARY_UNSIGNED, 4}},
		.identity = {.at = N(0), .type = {true, false, FG_BINARY_HEX, 8}},
		.logged = {.length = N(7), .time = N(3)}},
	{.format = FG_PAYLOAD_BINARY,
		.byte_order = 2,
		.length = N(5),
		.longer = true,
		.identity = {.at = N(1), .type = {true, false, FG_BINARY_UNSIGNED, 2}},
		.select = {.at = N(0), .mask = N(0x0F), .equals = {one, 1}},
		.logged = {.length = N(3), .step_us = 60000000}},
	{.format = FG_PAYLOAD_BINARY,
		.byte_order = 1,
		.length = N(5),
		.blocks = {.flags = N(3), .lengths = {lengths, 2}}},
	{.format = FG_PAYLOAD_PROTOBUF,
		.identity.field = {one, 1},
		.time.field = {field, 2},
		.series = {N(4), N(1), N(2), N(4), N(5), N(3), N(8), {errors, 2}, {switches, 2}}},
	{.format = FG_PAYLOAD_SENML},
	{.format = FG_PAYLOAD_TLV},
};
static const int formats[] = {-1, 0, 42, 50, 60, 110, 112, 11542};

static struct fg_payload_point places[] = {
	{.senml = "a", .path = "/3303/0/5700"},
	{.senml = "3303/0/5700"},
	{.senml = "a", .type = {true, true, FG_PROTOBUF_BYTES, 0}},
	{.senml = "dev:b", .sum = true},
	{.json = "/a", .exponent = "/e", .when = {.json = "/k", .equals = {one, 1}}},
	{.json = "/0"},
	{.column = N(3)},
	{.path = NULL},
	{.at = N(0), .type = {true, false, FG_BINARY_SIGNED, 3}, .bits = {bits, 2}},
	{.at = N(1),
		.logged = N(0),
		.type = {true, false, FG_BINARY_FLOAT, 4},
		.invalid = {.at = N(2), .equals = {one, 1}}},
	{.logged = N(0),
		.type = {true, false, FG_BINARY_TEXT, 3},
		.when = {.at = N(9), .equals = {one, 1}}},
	{.at = N(1), .block = N(0), .type = {true, false, FG_BINARY_HEX, 8}},
	{.at = N(0), .block = N(1), .type = {true, false, FG_BINARY_UNSIGNED, 2}},
	{.field = {field, 2}, .type = {true, true, FG_PROTOBUF_SINT, 0}},
	{.field = {one, 1}, .type = {true, true, FG_PROTOBUF_BYTES, 0}},
	{.channel = N(1), .divide = N(3), .nth = N(2)},
};

#define POINTS FG_COUNT(places)

static size_t given;

static int take(void *arg, const struct fg_payload_reading *r)
{
	const struct fg_value *v = &r->reading.value;

	(void)arg;
	given++;
	if (r->reading.qc == FG_QC_MISSING && (v->kind != FG_KIND_NONE || !r->reading.reason))
		abort();
	if (v->kind == FG_KIND_TEXT)
		for (size_t i = 0, n; i < v->len; i += n) {
			n = fg_utf8_char((const unsigned char *)v->text + i, v->len - i);
			if (!n)
				abort(); /* what is published is always UTF-8 */
		}
	return FG_OK;
}

/* The points that the declaration can have, as a loader would let them through. */
static size_t points_of(const struct fg_payload_conf *conf, struct fg_point *points,
	struct fg_payload_point *at, const struct fg_point **ret)
{
	static const struct fg_device device = {.name = "d"};
	size_t n = 0;

	for (size_t i = 0; i < POINTS; i++) {
		struct fg_report *rep = fg_report_new();

		at[n] = places[i];
		points[n] = (struct fg_point){
			.name = "p", .device = &device, .scale = 1, .unit = "Cel", .conf = &at[n]};
		fg_payload_check_point(&points[n], &at[n], conf, rep);
		ret[n] = &points[n];
		n += fg_report_errors(rep) == 0;
		fg_report_free(rep);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fg_point points[POINTS];
	struct fg_payload_point at[POINTS];
	const struct fg_point *list[POINTS];
	char why[FG_PAYLOAD_WHY], who[80];
	const struct fg_payload_conf *conf;
	struct fg_payload p = {.path = "/3303/0"};
	size_t count;
	int r;

	if (!size)
		return 0;
	conf = &confs[(*data >> 3) % FG_COUNT(confs)];
	p.format = formats[*data & 7];
	p.data = (const char *)data + 1;
	p.len = size - 1;
	count = points_of(conf, points, at, list);
	given = 0;
	r = fg_payload_all(conf, list, count, &p, take, NULL, why);
	if ((r < 0 && given) || (r == FG_OK && !given))
		abort(); /* a payload is taken or not at all */
	given = 0;
	fg_payload_newest(conf, list, count, &p, take, NULL);
	if (given != count)
		abort();
	if (fg_payload_identity(conf, &p, who, sizeof(who)) == FG_OK && !*who)
		abort();
	return 0;
}
