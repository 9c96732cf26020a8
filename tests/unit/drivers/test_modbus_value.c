/* SPDX-License-Identifier: EUPL-1.2 */
/* From registers to readings, with what the device itself says of scale, unit, kind, quality and
 * addresses; and the words about it. The transport is a table of registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/status.h"
#include "drivers/modbus_common.h"
#include "protocol/encode.h"

#define MAX_POINTS 4

struct image {
	uint16_t value[4][600];
	bool there[4][600];
	bool silent;
	unsigned requests, most; /* the longest */
};

struct world {
	struct fg_modbus_link modbus; /* first, as in every link state */
	struct fg_arena *arena;
	struct fg_report *rep;
	const struct fg_driver *driver;
	struct fg_link link;
	struct fg_link_state state;
	struct fg_device device;
	struct fg_point points[MAX_POINTS];
	const struct fg_point *pointers[MAX_POINTS];
	struct fg_missing missing;
	struct fg_group group;
	struct image image;
	char words[4000];
};

/* "h37 4121 0000; d5 1": tables h, i, c, d; addresses decimal, values hexadecimal. */
static void load_image(struct image *image, const char *text)
{
	static const char tables[] = "hicd";

	*image = (struct image){.silent = strcmp(text, "silent") == 0};
	while (!image->silent && *text) {
		unsigned table = (unsigned)(strchr(tables, *text) - tables);
		char *end;
		unsigned long at = strtoul(text + 1, &end, 10);

		while (*end == ' ') {
			image->value[table][at] = (uint16_t)strtoul(end + 1, &end, 16);
			image->there[table][at++] = true;
		}
		text = *end == ';' ? end + 2 : end;
	}
}

static int ready(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us)
{
	(void)job;
	(void)q;
	(void)until_us;
	return FG_OK;
}

static void put_cell(struct fg_modbus_reply *reply, bool bits, unsigned i, uint16_t value)
{
	if (bits) {
		reply->pdu[2 + i / 8] |= (uint8_t)((value & 1u) << i % 8);
		return;
	}
	reply->pdu[2 + 2 * i] = (uint8_t)(value >> 8);
	reply->pdu[3 + 2 * i] = (uint8_t)value;
}

static int exchange(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us,
	struct fg_modbus_reply *ret)
{
	static const enum fg_table tables[] = {0, FG_TABLE_COIL, FG_TABLE_DISCRETE,
		FG_TABLE_HOLDING, FG_TABLE_INPUT};
	struct image *image = &((struct world *)job->link->state)->image;
	enum fg_table table = tables[q->pdu[0]];
	unsigned first = (unsigned)(q->pdu[1] << 8 | q->pdu[2]);
	unsigned count = (unsigned)(q->pdu[3] << 8 | q->pdu[4]);
	bool bits = q->pdu[0] <= 2;

	(void)until_us;
	image->requests++;
	image->most = FG_MAX(image->most, count);
	*ret = (struct fg_modbus_reply){.pdu = {q->pdu[0]}};
	ret->pdu[1] = (uint8_t)(bits ? (count + 7) / 8 : 2 * count);
	ret->len = 2u + ret->pdu[1];
	for (unsigned i = 0; i < count; i++) {
		unsigned at = first + i;

		if (image->silent)
			return FG_ETIMEOUT;
		if (at >= 600 || !image->there[table][at]) {
			ret->pdu[0] |= 0x80;
			ret->pdu[1] = 2;
			ret->len = 2;
			return FG_OK;
		}
		put_cell(ret, bits, i, image->value[table][at]);
	}
	return FG_OK;
}

static const struct fg_modbus_transport transport = {.ready = ready, .exchange = exchange};

static const struct fg_node *yaml(struct world *w, const char *text)
{
	struct fg_node *root = NULL;

	assert_int_equal(
		fg_yaml_load_text(w->arena, text, strlen(text), "f.yaml", w->rep, &root), 0);
	return root;
}

static void *bind_object(
	struct world *w, const struct fg_node *node, const struct fg_key *keys, size_t size)
{
	struct fg_bind b = {.arena = w->arena, .rep = w->rep, .partial = true};
	void *object = fg_arena_alloc(w->arena, size);

	fg_bind_struct(&b, node, keys, NULL, object, "", node->at);
	return object;
}

static double number(const struct fg_node *node, const char *key, double dflt)
{
	const struct fg_node *value = fg_node_get(node, key);
	double v = dflt;

	if (value)
		assert_int_equal(fg_number_parse(value->text, &v), 0);
	return v;
}

/* The keys that the loader would read. */
static void load_common(struct world *w, struct fg_point *p, const char *property)
{
	const struct fg_node *unit = fg_node_get(p->node, "unit");
	const struct fg_node *missing = fg_node_get(p->node, "missing");
	const struct fg_node *valid = fg_node_get(p->node, "valid");

	p->property = property;
	p->known = fg_property_find(property);
	p->unit = p->known ? p->known->unit : unit ? unit->text : "1";
	p->scale = number(p->node, "scale", 1);
	p->offset = number(p->node, "offset", 0);
	p->repeat_index = (uint32_t)number(p->node, "index", 0);
	p->repeat_stride = (int64_t)number(p->node, "by", 0);
	p->has_valid = valid;
	for (size_t i = 0; valid && i < 2; i++)
		assert_int_equal(fg_number_parse(valid->items[i]->text, &p->valid[i]), 0);
	if (missing) {
		w->missing =
			(struct fg_missing){.raw = true, .bits = strtoull(missing->text, NULL, 16)};
		p->missing = &w->missing;
		p->missing_count = 1;
	}
}

static void add_point(struct world *w, const char *name, const char *text)
{
	struct fg_point *p = &w->points[w->group.count];
	void *conf;

	*p = (struct fg_point){
		.name = name, .node = yaml(w, text), .device = &w->device, .decimals = -1};
	load_common(w, p, name);
	p->index = (uint32_t)w->group.count;
	conf = bind_object(w, p->node, w->driver->point_keys, w->driver->point_size);
	p->conf = conf;
	if (!fg_report_errors(w->rep))
		w->driver->check_point(p, conf, w->rep);
	w->pointers[w->group.count++] = p;
}

static void world_init(struct world *w, const char *device)
{
	void *conf;

	memset(w, 0, sizeof(*w));
	w->arena = fg_arena_new();
	w->rep = fg_report_new();
	w->driver = fg_driver_find("modbus-tcp");
	w->link = (struct fg_link){.name = "plc", .driver = w->driver};
	w->link.conf =
		bind_object(w, yaml(w, "{host: plc}"), w->driver->link_keys, w->driver->link_size);
	w->state = (struct fg_link_state){.link = &w->link, .state = w};
	w->device = (struct fg_device){
		.name = "sonde", .link = &w->link, .timeout_us = 1000000, .node = yaml(w, device)};
	conf = bind_object(w, w->device.node, w->driver->device_keys, w->driver->device_size);
	w->device.conf = conf;
	w->device.interval_us = 10000000;
	w->group = (struct fg_group){.device = &w->device, .points = w->pointers};
}

static void world_fini(struct world *w)
{
	fg_report_free(w->rep);
	fg_arena_free(w->arena);
}

static const char *faults(struct world *w, char *mem, size_t size)
{
	struct fg_buf out;

	fg_buf_wrap(&out, mem, size);
	fg_report_print(w->rep, &out);
	return mem;
}

static void make_plan(struct world *w)
{
	char mem[2000];

	w->driver->check_device(&w->device, (void *)(uintptr_t)w->device.conf, w->rep);
	if (fg_report_errors(w->rep))
		fail_msg("%s", faults(w, mem, sizeof(mem)));
	assert_int_equal(w->driver->plan(&w->group, w->arena), 0);
}

/* The readings, one a line, as `fjordctl read` ends them; the words are kept in the world. */
static void poll_once(struct world *w, char *ret, size_t size)
{
	struct fg_reading readings[MAX_POINTS] = {{0}};
	char text[600], reason[FG_REASON_SIZE];
	struct fg_batch batch = {
		.readings = readings, .cap = MAX_POINTS, .text = text, .text_cap = sizeof(text)};
	struct fg_buf out, words;
	struct fg_job job = {.link = &w->state,
		.group = &w->group,
		.deadline_mono_us = fg_clock_mono_us() + 60000000,
		.attempts = 1,
		.batch = &batch,
		.explain = &words};

	fg_buf_wrap(&words, w->words, sizeof(w->words));
	fg_buf_wrap(&out, ret, size);
	fg_modbus_poll(&job, &transport);
	assert_int_equal(batch.count, w->group.count);
	for (size_t i = 0; i < batch.count; i++) {
		const struct fg_reading *r = &readings[i];

		if (i)
			fg_buf_putc(&out, '\n');
		if (r->value.kind == FG_KIND_NONE)
			fg_buf_putc(&out, '-');
		else
			fg_encode_value(&out, &r->value, -1);
		fg_buf_printf(&out, " qc=%u", (unsigned)r->qc);
		if (r->reason)
			fg_buf_printf(&out, " %s", fg_reason_text(r->reason, r->detail, reason));
	}
}

static void check(const char *device, const char *property, const char *point,
	const char *registers, const char *want, const char *words)
{
	struct world w;
	char got[300];

	world_init(&w, device);
	add_point(&w, property, point);
	make_plan(&w);
	load_image(&w.image, registers);
	poll_once(&w, got, sizeof(got));
	if (strcmp(got, want) != 0)
		fail_msg(
			"%s\n%s\n gives %s, expected %s\n%s", point, registers, got, want, w.words);
	if (words && !strstr(w.words, words))
		fail_msg("%s\n%s\n tells %s, without: %s", point, registers, w.words, words);
	world_fini(&w);
}

struct value_case {
	const char *point, *registers, *want, *words;
};

static void check_all(const char *property, const struct value_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check("{unit_id: 1}", property, cases[i].point, cases[i].registers, cases[i].want,
			cases[i].words);
}

static void test_types(void **state)
{
	static const struct value_case cases[] = {
		{"{table: holding, address: 1}", "h1 ffff", "65535 qc=2",
			"x_v: holding 1 = ffff, u16 AB = 65535"},
		{"{table: holding, address: 1, mask: 0x0FF0}", "h1 abcd", "188 qc=2",
			"mask 0xFF0 leaves 0xBC = 188"},
		{"{table: holding, address: 1, type: i16, mask: 0xFFF0}", "h1 fff0", "-1 qc=2",
			NULL},
		{"{table: holding, address: 1, type: bits(12..35)}", "h1 0 000a bcde f123",
			"11259375 qc=2", "bits(12..35)"},
		{"{table: holding, address: 1, type: u8, byte: high}", "h1 12fe", "18 qc=2",
			"u8 high byte = 18"},
		{"{table: holding, address: 1, type: chars(3)}", "h1 42 41 0", "\"BA\" qc=2",
			"chars(3)"},
		{"{table: holding, address: 1, type: bcd64}", "h1 1234 5678 9012 3456",
			"1234567890123456 qc=2", NULL},
		{"{table: holding, address: 1, type: bcd16}", "h1 1f34", "- qc=9 decode",
			"not decodable"},
		{"{table: discrete, address: 1}", "d1 1", "true qc=2", NULL},
		{"{table: holding, address: 1}", "h2 1", "- qc=9 exception:2", NULL},
		{"{table: holding, address: 1}", "silent", "- qc=9 no_response", NULL},
	};

	(void)state;
	check_all("x_v", cases, FG_COUNT(cases));
}

static void test_sentinels(void **state)
{
	static const struct value_case cases[] = {
		{"{table: holding, address: 1, missing: 0x7FFF}", "h1 7fff", "- qc=9 sentinel",
			"raw 0x7FFF is one of `missing`"},
		{"{table: holding, address: 1, type: i16, valid: [-1385, 6085], scale: 0.1}",
			"h1 17c5", "608.5 qc=2", "* 0.1 + 0"},
		{"{table: holding, address: 1, type: i16, valid: [-1385, 6085], scale: 0.1}",
			"h1 17c6", "- qc=9 sentinel", "outside `valid`"},
		{"{table: holding, address: 1, type: i16, valid: [-1385, 6085]}", "h1 fa96",
			"- qc=9 sentinel", NULL},
		{"{table: holding, address: 1, type: i16, valid: [-1385, 6085]}", "h1 fa97",
			"-1385 qc=2", NULL},
	};

	(void)state;
	check_all("x_v", cases, FG_COUNT(cases));
}

static void test_scale(void **state)
{
#define FROM "{table: holding, address: 1, type: i16, scale_from: {relative: 1, type: i16"
	static const struct value_case cases[] = {
		{FROM "}}", "h1 7b 2", "246 qc=2", "scale (holding 2): 2, so * 2"},
		{FROM ", as: factor}}", "h1 7b ffff", "-123 qc=2", NULL},
		{FROM ", as: exponent}}", "h1 7b fffe", "1.23 qc=2",
			"scale (holding 2): -2, so * 0.01"},
		{FROM ", as: exponent}}", "h1 7b 2", "12300 qc=2", NULL},
		{FROM ", as: exponent}}", "h1 7b 0", "123 qc=2", NULL},
		{FROM ", as: decimals}}", "h1 7b 1", "12.3 qc=2", NULL},
		{FROM ", as: decimals}}", "h1 7b ffff", "1230 qc=2", NULL},
		{FROM ", as: exponent}}", "h1 7b 7fff", "- qc=9 decode", "means no factor"},
		{FROM "}}", "h1 7b 0", "- qc=9 decode", "means no factor"},
		{FROM ", map: {0: 1, 1: 0.1, 2: 0.01}}, offset: 5}", "h1 7b 2", "6.23 qc=2",
			"scale (holding 2): 2, so * 0.01"},
		{FROM ", map: {0: 1, 1: 0.1, 2: 0.01}}}", "h1 7b 3", "- qc=9 decode",
			"means no factor"},
		{"{table: holding, address: 1, scale: 0.5, offset: 1, scale_from: {table: input, "
		 "address: 9, type: f32}}",
			"h1 a; i9 3f00 0000", "3.5 qc=2", "scale (input 9): 0.5"},
		{"{table: holding, address: 1, scale_from: {table: input, address: 9}}", "h1 a",
			"- qc=9 exception:2", "scale (input 9): could not be read"},
		{"{table: holding, address: 1, missing: 0xA, scale_from: {table: input, address: "
		 "9}}",
			"h1 a", "- qc=9 sentinel", NULL},
	};

	(void)state;
	check_all("x_v", cases, FG_COUNT(cases));
}

static void test_unit(void **state)
{
#define UNIT                                                                                       \
	"{table: holding, address: 37, type: f32, unit_from: {relative: 3, map: {117: mg/L, "      \
	"118: ug/L}}"
	static const struct value_case oxygen[] = {
		{UNIT "}", "h37 4104 0 14 75", "8.25 qc=2",
			"unit code (holding 40): 117 (0x75), that is mg/L; * 1 + 0 is mg/L"},
		{UNIT "}", "h37 4600 e800 14 76", "8.25 qc=2", "that is ug/L; * 0.001 + 0 is mg/L"},
		{UNIT "}", "h37 4104 0 14 77", "- qc=9 decode",
			"unit code (holding 40): 119 (0x77), which the map of unit_from does not "
			"know"},
		{UNIT ", scale: 2, offset: 1000}", "h37 4600 e800 14 76", "17.5 qc=2", NULL},
	};
	static const struct value_case hot[] = {
		{"{table: holding, address: 2, type: f32, order: CDAB, unit_from: {relative: -2, "
		 "type: u32, order: CDAB, map: {0x2: K, 0x4: degC, 0x8: degF}}}",
			"h0 8 0 0 4250", "11.111111 qc=2",
			"unit code (holding 0): 8, that is degF"},
		{"{table: holding, address: 2, type: f32, unit_from: {table: holding, address: 20, "
		 "mask: 0x0F00, map: {1: K}}}",
			"h2 4393 8000; h20 f1ff", "21.85 qc=2", NULL},
	};

	(void)state;
	check_all("dissolved_oxygen", oxygen, FG_COUNT(oxygen));
	check_all("water_temperature", hot, FG_COUNT(hot));
	check("{unit_id: 1}", "x_level",
		"{table: holding, address: 1, unit: m, unit_from: {relative: 1, map: {0: mm, 1: "
		"m}}}",
		"h1 7d0 0", "2 qc=2", "is m");
}

static void test_expect(void **state)
{
#define EXPECT "{table: holding, address: 37, expect: {relative: 2, values: [20, 21]}}"
	static const struct value_case cases[] = {
		{EXPECT, "h37 5 0 14", "5 qc=2", "parameter (holding 39): 20 (0x14), as expected"},
		{EXPECT, "h37 5 0 15", "5 qc=2", NULL},
		{EXPECT, "h37 5 0 11", "- qc=9 decode", "another quantity"},
	};

	(void)state;
	check_all("x_v", cases, FG_COUNT(cases));
}

static void test_quality(void **state)
{
#define PLAIN "{table: input, address: 4, missing: 0xDEAD, quality_from: "
	static const struct value_case cases[] = {
		{PLAIN "{relative: 1, good: [0], suspect: [1, 2]}}", "i4 7 0", "7 qc=2",
			"quality (input 5): 0, good"},
		{PLAIN "{relative: 1, good: [0], suspect: [1, 2]}}", "i4 7 2", "7 qc=3", "suspect"},
		{PLAIN "{relative: 1, good: [0], suspect: [1, 2]}}", "i4 7 3",
			"7 qc=4 sensor_quality", "quality (input 5): 3, bad"},
		/* quality goes before the sentinel, but only where it says something worse */
		{PLAIN "{relative: 1, good: [0], suspect: [1]}}", "i4 dead 3",
			"- qc=4 sensor_quality", NULL},
		{PLAIN "{relative: 1, good: [0], suspect: [1]}}", "i4 dead 1", "- qc=9 sentinel",
			NULL},
		/* half a byte, as in 0x?1 */
		{PLAIN "{relative: -1, mask: 0x00F0, good: [1]}}", "i3 ab1c 7", "7 qc=2", NULL},
		{PLAIN "{relative: -1, mask: 0x00F0, good: [1]}}", "i3 112c 7",
			"7 qc=4 sensor_quality", NULL},
		{PLAIN "{relative: -1, type: u8, byte: high, mask: 0x0F, good: [1]}}", "i3 f1ff 7",
			"7 qc=2", NULL},
		{PLAIN "{relative: -1, byte: high, good: [2]}}", "i3 02ff 7", "7 qc=2", NULL},
		/* decimal digits: tens 2, ones 0 */
		{PLAIN "{table: holding, address: 9, byte: low, digit: 0, good: [0]}}",
			"i4 7; h9 14", "7 qc=2", "20 (0x14), digit 0: good"},
		{PLAIN "{table: holding, address: 9, byte: low, digit: 1, good: [0, 1]}}",
			"i4 7; h9 14", "7 qc=4 sensor_quality", "digit 2: bad"},
		{PLAIN "{table: holding, address: 9, type: i64, digit: 0, good: [8]}}",
			"i4 7; h9 8000 0 0 0", "7 qc=2", "digit 8: good"},
		/* sets of bits */
		{PLAIN "{relative: 1, suspect_bits: 0x0F, fail_bits: 0x80}}", "i4 7 100", "7 qc=2",
			NULL},
		{PLAIN "{relative: 1, suspect_bits: 0x0F, fail_bits: 0x80}}", "i4 7 4", "7 qc=3",
			NULL},
		{PLAIN "{relative: 1, suspect_bits: 0x0F, fail_bits: 0x80}}", "i4 7 84",
			"7 qc=4 sensor_quality", NULL},
		{PLAIN "{table: input, address: 100, type: u32, fail_bits: 0x00010000}}",
			"i4 7; i100 1 0", "7 qc=4 sensor_quality", NULL},
		/* the worst of several; a discrete input among them */
		{PLAIN "[{relative: 1, good: [0], suspect: [1]}, {table: discrete, address: 16, "
		       "good: [1]}]}",
			"i4 7 0; d16 1", "7 qc=2", "quality (discrete 16): 1, good"},
		{PLAIN "[{relative: 1, good: [0], suspect: [1]}, {table: discrete, address: 16, "
		       "good: [1]}]}",
			"i4 7 1; d16 1", "7 qc=3", NULL},
		{PLAIN "[{relative: 1, good: [0], suspect: [1]}, {table: discrete, address: 16, "
		       "good: [1]}]}",
			"i4 7 1; d16 0", "7 qc=4 sensor_quality", NULL},
		/* one that cannot be read vouches for nothing */
		{PLAIN "{table: discrete, address: 16, good: [1]}}", "i4 7",
			"7 qc=4 sensor_quality", "could not be read"},
	};

	(void)state;
	check_all("x_v", cases, FG_COUNT(cases));
	/* where the unit is unknown because the sensor is absent, its quality says so */
	check("{unit_id: 1}", "dissolved_oxygen",
		"{table: holding, address: 1, unit_from: {relative: 1, map: {117: mg/L}}, "
		"quality_from: {relative: 2, good: [0]}}",
		"h1 7 0 7", "- qc=4 sensor_quality", NULL);
	check("{unit_id: 1}", "x_v",
		"{table: holding, address: 1, type: f32, quality_from: {relative: 2, good: [0]}}",
		"h1 7fc0 0 7", "- qc=4 sensor_quality", NULL);
}

static void test_fields(void **state)
{
	static const char device[] = "{unit_id: 1, fields: {table: holding, address: 10, list: "
				     "[{node: 2}, {direction: 1}, speed, {dew: 2}]}}";

	(void)state;
	check(device, "x_a", "{field: direction}", "h12 7b", "123 qc=2", "holding 12");
	check(device, "x_a", "{field: speed, scale: 0.1}", "h13 7b", "12.3 qc=2", NULL);
	check(device, "x_a", "{field: dew, type: f32}", "h14 4104 0", "8.25 qc=2", NULL);
	check(device, "x_a", "{field: node, type: string(2)}", "h10 4142 4344", "\"ABCD\" qc=2",
		NULL);
}

static void test_repeat(void **state)
{
#define THIRD ", index: 2, by: 8}"
	(void)state;
	check("{unit_id: 1}", "x_a", "{table: input, address: 4" THIRD, "i20 9", "9 qc=2", NULL);
	check("{unit_id: 1}", "x_a",
		"{table: input, address: 4, quality_from: {relative: -1, good: [1]}" THIRD,
		"i19 1 9", "9 qc=2", NULL);
	check("{unit_id: 1}", "x_a",
		"{table: input, address: 4, quality_from: {table: discrete, address: 16, good: "
		"[1], "
		"stride: 1}" THIRD,
		"i20 9; d18 1", "9 qc=2", "quality (discrete 18)");
	check("{unit_id: 1}", "x_a",
		"{table: input, address: 4, scale_from: {table: holding, address: 5, stride: "
		"0}" THIRD,
		"i20 9; h5 2", "18 qc=2", NULL);
	check("{unit_id: 1}", "x_a",
		"{table: input, address: 4, scale_from: {table: holding, address: 5}" THIRD,
		"i20 9; h21 2", "18 qc=2", NULL);
}

/* A value and what stands beside it come in one answer, or they may not belong together. */
static void test_one_request(void **state)
{
	struct world w;
	char got[100];

	(void)state;
	world_init(&w, "{unit_id: 1, max_gap: 0}");
	add_point(&w, "dissolved_oxygen",
		"{table: holding, address: 37, type: f32, expect: {relative: 2, values: 20}, "
		"unit_from: {relative: 3, map: {117: mg/L}}, quality_from: {relative: 7, good: "
		"0}}");
	make_plan(&w);
	load_image(&w.image, "h37 4104 0 14 75 0 0 0 0");
	poll_once(&w, got, sizeof(got));
	assert_string_equal(got, "8.25 qc=2");
	assert_int_equal(w.image.requests, 1);
	assert_int_equal(w.image.most, 8);
	world_fini(&w);
}

static void test_bases(void **state)
{
	struct world w;
	char got[200];
	struct fg_request_info info;

	(void)state;
	world_init(&w, "{unit_id: 1, max_gap: 0, bases: {rdo: {reference: 49307, add: -1}, "
		       "ph: {table: input, address: 3}}}");
	add_point(&w, "x_a",
		"{table: holding, address: 37, base: rdo, expect: {relative: 1, values: 20}}");
	add_point(&w, "x_b", "{table: holding, address: 37}");
	make_plan(&w);
	assert_int_equal(w.group.request_count, 2);
	for (size_t i = 0; i < 2; i++) {
		w.driver->describe(&w.group, i, &info);
		assert_true(strcmp(info.text, "holding 37 (1 register)") == 0 ||
			    strcmp(info.text, "holding rdo + 37..38 (2 registers)") == 0);
	}

	/* a device without that register: only what needs it is missing */
	load_image(&w.image, "h37 2");
	poll_once(&w, got, sizeof(got));
	assert_string_equal(got, "- qc=9 decode\n2 qc=2");
	world_fini(&w);
}

static void test_base_follows(void **state)
{
	struct world w;
	char got[200];

	(void)state;
	world_init(&w, "{unit_id: 1, max_gap: 0, bases: {rdo: {table: input, address: 3, add: -1}, "
		       "ph: {table: input, address: 4}}}");
	add_point(&w, "x_a",
		"{table: holding, address: 7, base: rdo, expect: {relative: 1, values: 20}}");
	make_plan(&w);

	load_image(&w.image, "i3 65; h107 5 14"); /* 0x65 - 1 = 100 */
	poll_once(&w, got, sizeof(got));
	assert_string_equal(got, "5 qc=2");
	assert_non_null(strstr(w.words, "base rdo: register 3 says 100"));
	assert_int_equal(w.image.requests, 2); /* ph is nobody's */
	poll_once(&w, got, sizeof(got));
	assert_int_equal(w.image.requests, 3); /* known now */

	/* it moved: the next pass finds it again */
	load_image(&w.image, "i3 c9; h107 5 15; h207 6 14");
	poll_once(&w, got, sizeof(got));
	assert_string_equal(got, "- qc=9 decode");
	poll_once(&w, got, sizeof(got));
	assert_string_equal(got, "6 qc=2");

	/* a device that went away may come back as another */
	load_image(&w.image, "silent");
	poll_once(&w, got, sizeof(got));
	assert_string_equal(got, "- qc=9 no_response");
	load_image(&w.image, "i3 12d; h307 7 14");
	poll_once(&w, got, sizeof(got));
	assert_string_equal(got, "7 qc=2");

	/* beyond the last address */
	load_image(&w.image, "silent");
	poll_once(&w, got, sizeof(got));
	load_image(&w.image, "i3 fffe");
	poll_once(&w, got, sizeof(got));
	assert_string_equal(got, "- qc=9 decode");
	world_fini(&w);
}

static void test_faults(void **state)
{
#define AT "{table: holding, address: 1, "
	static const struct {
		const char *device, *property, *point, *fault;
	} cases[] = {
		{"{}", "x_v", AT "mask: 0x10000}",
			"mask: 0x10000 is wider than the type's 16 bits"},
		{"{}", "x_v", AT "mask: 0}", "no set of bits"},
		{"{}", "x_v", AT "type: f32, mask: 1}", "whole numbers"},
		{"{}", "x_v", AT "type: string(126)}", "unknown type"},
		{"{}", "x_v", AT "scale_from: {relative: 1, as: factor, map: {0: 1}}}",
			"as: map says"},
		{"{}", "x_v", AT "scale_from: {relative: 1, map: {0: 0}}}", "no factor"},
		{"{}", "x_v", AT "scale_from: {relative: 1, map: {x: 1}}}",
			"'x' is no register value"},
		{"{}", "x_v", AT "scale_from: {relative: 1, map: {16: 1, 0x10: 2}}}",
			"0x10 stands for two things"},
		{"{}", "x_v", AT "scale_from: {relative: 1, map: {65536: 1}}}",
			"scale_from.map: 65536 is no value that 16 bits can hold"},
		{"{}", "x_v", AT "scale_from: {relative: 1, type: f32, as: decimals}}",
			"only a whole number"},
		{"{}", "x_v", AT "scale_from: {}}",
			"points.x_v.scale_from: address (or reference) is missing"},
		{"{}", "x_v", AT "scale_from: {relative: 1, address: 2}}", "relative: says where"},
		{"{}", "x_v", AT "scale_from: {relative: -2}}", "-1 is no address"},
		{"{}", "x_v", AT "scale_from: {relative: 1, typ: u16}}", "did you mean 'type'"},
		{"{}", "x_v", AT "type: string(2), scale_from: {relative: 1}}", "only a number"},
		{"{}", "ph", AT "unit_from: {relative: 1, map: {0: mg/L}}}", "cannot be converted"},
		{"{}", "dissolved_oxygen", AT "unit_from: {relative: 1, map: {0: mg/K}}}",
			"unknown unit 'mg/K'"},
		{"{}", "dissolved_oxygen", AT "unit_from: {relative: 1}}", "map"},
		{"{}", "dissolved_oxygen", AT "unit_from: {relative: 1, map: {}}}", "is empty"},
		{"{}", "dissolved_oxygen",
			AT "unit: mg/L, unit_from: {relative: 1, map: {0: mg/L}}}",
			"unit is given as well"},
		{"{}", "x_v", AT "expect: {relative: 1, values: [-1]}}", "-1 is no value"},
		{"{}", "x_v", AT "expect: {relative: 1}}", "missing key 'values'"},
		{"{}", "x_v", AT "quality_from: [{relative: 1, good: [0]}, {relative: 1}]}",
			"quality_from.2: good (or suspect, suspect_bits, fail_bits) is missing"},
		{"{}", "x_v", AT "quality_from: {relative: 1, good: [0], fail_bits: 1}}",
			"the one or the other"},
		{"{}", "x_v", AT "quality_from: {relative: 1, digit: 1, fail_bits: 1}}", "no bits"},
		{"{}", "x_v", AT "quality_from: {relative: 1, digit: -1, good: 0}}", "no digit"},
		{"{}", "x_v", AT "quality_from: {relative: 1, type: u8, fail_bits: 0x100}}",
			"wider"},
		{"{}", "x_v", AT "quality_from: {relative: 130, good: 0}}",
			"131 registers with what is relative to it"},
		{"{}", "x_v", AT "base: rdo}", "the device's bases have no 'rdo'"},
		{"{}", "x_v", "{field: a}", "the device's fields have no 'a'"},
		{"{fields: {table: holding, address: 0, list: [a]}}", "x_v", AT "field: a}",
			"a field says where it is"},
		{"{fields: {table: holding, address: 0, list: [{a: 2}]}}", "x_v", "{field: a}",
			"the field has 2 registers, but the type takes 1"},
		{"{fields: {list: [a]}}", "x_v", "{field: a}", "devices.sonde.fields: address"},
		{"{fields: {table: holding, address: 0, list: [a, {a: 1}]}}", "x_v",
			AT "type: u16}", "'a' twice in the list"},
		{"{fields: {table: holding, address: 0, list: [{a: 0}]}}", "x_v", AT "type: u16}",
			"1..125 registers"},
		{"{fields: {table: holding, address: 65535, list: [a, b]}}", "x_v", "{field: b}",
			"65536 is no address"},
		{"{bases: {rdo: {add: 1}}}", "x_v", AT "base: rdo}",
			"devices.sonde.bases.rdo: address (or reference) is missing"},
		{"{bases: {rdo: {table: coil, address: 1}}}", "x_v", AT "base: rdo}",
			"an address is a whole number"},
		{"{}", "x_v", "{table: input, address: 60000, index: 9, by: 1000}",
			"address: 69000 is no address"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct world w;
		char mem[2000];
		const char *got;

		world_init(&w, "{unit_id: 1}");
		w.device.node = yaml(&w, cases[i].device);
		w.device.conf = bind_object(
			&w, w.device.node, w.driver->device_keys + 1, w.driver->device_size);
		((struct fg_modbus_device *)(uintptr_t)w.device.conf)->unit_id = 1;
		add_point(&w, cases[i].property, cases[i].point);
		if (!fg_report_errors(w.rep))
			w.driver->check_device(&w.device, (void *)(uintptr_t)w.device.conf, w.rep);
		got = faults(&w, mem, sizeof(mem));
		if (!strstr(got, cases[i].fault) || fg_report_errors(w.rep) != 1)
			fail_msg(
				"%s\ntells: %s\nexpected: %s", cases[i].point, got, cases[i].fault);
		world_fini(&w);
	}
}

/* Whether a device with bases is back: the register of the base is asked for, once. */
static void test_probe(void **state)
{
	struct fg_reading reading = {0};
	struct fg_batch batch = {.readings = &reading, .cap = 1};
	struct world w;
	struct fg_job job;

	(void)state;
	world_init(&w, "{unit_id: 1, bases: {rdo: {table: input, address: 3}}}");
	add_point(&w, "x_a", "{table: holding, address: 7, base: rdo}");
	make_plan(&w);
	job = (struct fg_job){.link = &w.state,
		.group = &w.group,
		.deadline_mono_us = fg_clock_mono_us() + 60000000,
		.attempts = 1,
		.probe = true,
		.batch = &batch};
	load_image(&w.image, "silent");
	assert_int_equal(fg_modbus_poll(&job, &transport), FG_OK);
	assert_int_equal(job.answers, 0);
	assert_int_equal(batch.count, 1);
	assert_int_equal(reading.reason, FG_REASON_NO_RESPONSE);
	load_image(&w.image, "i3 64");
	batch.count = job.requests = 0;
	assert_int_equal(fg_modbus_poll(&job, &transport), FG_OK);
	assert_int_equal(w.image.requests, 1);
	assert_int_equal(job.answers, 1);
	assert_int_equal(batch.count, 0);
	world_fini(&w);
}

/* What points can say does not depend on the way to the device. */
static void test_alike_on_every_transport(void **state)
{
	static const char *const names[] = {"modbus-rtu", "modbus-tcp", "modbus-rtu-tcp"};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(names); i++) {
		const struct fg_driver *d = fg_driver_find(names[i]);

		assert_non_null(d);
		assert_ptr_equal(d->point_keys, fg_modbus_point_keys);
		assert_ptr_equal(d->device_keys, fg_modbus_device_keys);
		assert_true(d->has_point == fg_modbus_has_point);
		assert_true(d->check_point == fg_modbus_check_point);
		assert_true(d->check_pair == fg_modbus_check_pair);
		assert_true(d->text_room == fg_modbus_text_room);
		assert_true(d->check_device && d->beside && d->raw && d->port);
	}
}

/* A list of fields without the point's: the device does not have it, which is no fault. */
static void test_has_point(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "{unit_id: 1, fields: {table: holding, address: 0, list: [a]}}");
	add_point(&w, "x_a", "{field: a}");
	assert_true(w.driver->has_point(&w.points[0], w.points[0].conf));
	((struct fg_modbus_point *)(uintptr_t)w.points[0].conf)->field = "b";
	assert_false(w.driver->has_point(&w.points[0], w.points[0].conf));
	/* without any list, a field is a slip that check_point() tells */
	((struct fg_modbus_device *)(uintptr_t)w.device.conf)->fields.list.count = 0;
	assert_true(w.driver->has_point(&w.points[0], w.points[0].conf));
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_sentinels),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_unit),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_quality),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_repeat),
		cmocka_unit_test(test_one_request),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_base_follows),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_has_point),
		cmocka_unit_test(test_alike_on_every_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
