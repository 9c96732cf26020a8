/* SPDX-License-Identifier: EUPL-1.2 */
/* Points that stand for several, over profiles too; ranges and bounds of points. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "harness.h"

/* `good` with a device more. */
static struct loaded load_with(const char *device)
{
	size_t size = strlen(good) + strlen(device) + 200;
	char *text = malloc(size);
	struct loaded l;

	snprintf(text, size,
		"%s\n  string:\n    station: no\n    domain: weather\n    link: plc\n"
		"    unit_id: 77\n%s",
		good, device);
	l = load_text(text);
	free(text);
	return l;
}

static void write_profile(const char *text)
{
	char whole[2000];

	snprintf(whole, sizeof(whole), "profile: {title: Chain}\n%s", text);
	mkdir("profiles", 0700);
	write_text("profiles/chain.yaml", whole);
}

static void names_of(const struct fg_device *dev, char *ret, size_t size)
{
	struct fg_buf out;

	fg_buf_wrap(&out, ret, size);
	fg_buf_puts(&out, "");
	for (size_t i = 0; i < dev->point_count; i++)
		fg_buf_printf(&out, "%s%s", i ? " " : "", dev->points[i].name);
}

static void repeat_is_written_out(void **state)
{
	struct loaded l =
		load_with("    points:\n"
			  "      water_temperature_{n}:\n"
			  "        {table: input, address: 10, scale: 0.1, title: 'Depth {n}',\n"
			  "         repeat: {count: 3, stride: 2}}\n"
			  "      x_raw: {table: input, address: 100,\n"
			  "         repeat: {count: 2, stride: 1, from: 0}}\n"
			  "      ph: {table: input, address: 200}\n");
	const struct fg_point *p;
	char names[200];

	(void)state;
	if (!l.config)
		fail_msg("%s", l.out.data);
	names_of(device(l.config, "string"), names, sizeof(names));
	assert_string_equal(names, "water_temperature_1 water_temperature_2 water_temperature_3 "
				   "x_raw_0 x_raw_1 ph");
	p = point(l.config, "string", "water_temperature_3");
	assert_string_equal(p->property, "water_temperature");
	assert_string_equal(p->title, "Depth 3");
	assert_int_equal(p->repeat_index, 2);
	assert_int_equal(p->repeat_stride, 2);
	assert_true(p->scale == 0.1);
	p = point(l.config, "string", "x_raw_0");
	assert_string_equal(p->property, "x_raw");
	assert_int_equal(p->repeat_index, 0);
	assert_int_equal(point(l.config, "string", "ph")->repeat_stride, 0);
	unload(&l);
}

/* One of them, all of them, and how many there are can be said over a profile. */
static void repeat_over_a_profile(void **state)
{
	static const struct {
		const char *points, *names;
		double scale2;
	} cases[] = {
		{"", "t1 t2 t3 ph", 0.1},
		{"    points: {t2: {scale: 0.5}}\n", "t1 t2 t3 ph", 0.5},
		{"    points: {t1: ~, ph: ~}\n", "t2 t3", 0.1},
		{"    points: {'t{n}': {scale: 0.2}}\n", "t1 t2 t3 ph", 0.2},
		{"    points: {'t{n}': {repeat: {count: 2}}, t2: {scale: 0.7}}\n", "t1 t2 ph", 0.7},
		{"    points: {'t{n}': ~, t2: {table: input, address: 1, property: x_t}}\n",
			"ph t2", 1},
		{"    points: {'u{n}': {table: input, address: 1, property: x_u, repeat: {count: "
		 "1, stride: 1}}}\n",
			"t1 t2 t3 ph u1", 0.1},
	};

	(void)state;
	write_profile(
		"points:\n"
		"  t{n}: {property: water_temperature, table: input, address: 10, scale: 0.1,\n"
		"         repeat: {count: 3, stride: 2}}\n"
		"  ph: {table: input, address: 200}\n");
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char device_text[300], names[200];
		struct loaded l;

		snprintf(device_text, sizeof(device_text), "    profile: chain\n%s",
			cases[i].points);
		l = load_with(device_text);
		if (!l.config)
			fail_msg("%s\n%s", cases[i].points, l.out.data);
		names_of(device(l.config, "string"), names, sizeof(names));
		assert_string_equal(names, cases[i].names);
		assert_true(point(l.config, "string", "t2")->scale == cases[i].scale2);
		unload(&l);
	}
}

static void faults_are_told(void **state)
{
	static const struct {
		const char *point, *fault;
	} cases[] = {
		{"ph: {table: input, address: 1, repeat: {}}",
			"devices.string.points.ph.repeat: missing key 'count'"},
		{"ph: {table: input, address: 1, repeat: {count: 0, stride: 1}}",
			"repeat.count: 0 is out of range"},
		{"ph: {table: input, address: 1, repeat: 3}", "repeat: a text cannot stand here"},
		{"ph: {table: input, address: 1, repeat: {count: 1, strides: 1}}",
			"did you mean 'stride'"},
		{"'p {n}': {table: input, address: 1, repeat: {count: 1, stride: 1}}",
			"is not a name"},
		{"'p{n}': {table: input, address: 1}", "'p{n}' is not a name"},
		{"x_a: {table: input, address: 1, range: {raw: [0, 100], value: [1, 1]}}",
			"range.value: both are 1"},
		{"x_a: {table: input, address: 1, range: {raw: [0, 100]}}", "missing key 'value'"},
		{"x_a: {table: input, address: 1, scale: 2, range: {raw: [0, 9], value: [0, 1]}}",
			"range: scale or offset is given as well"},
		{"x_a: {table: input, address: 1, range: {raw: 4, value: [0, 1]}}", "two numbers"},
		{"x_a: {table: input, address: 1, valid: [5, 1]}", "lower bound comes first"},
		{"x_a: {table: input, address: 65535, repeat: {count: 2, stride: 1}}",
			"points.x_a_2.address: 65536 is no address"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char text[300];
		struct loaded l;

		snprintf(text, sizeof(text), "    points:\n      %s\n", cases[i].point);
		l = load_with(text);
		assert_null(l.config);
		if (!strstr(l.out.data, cases[i].fault))
			fail_msg(
				"%s\ntells %s\nnot %s", cases[i].point, l.out.data, cases[i].fault);
		unload(&l);
	}
}

static void ranges_and_bounds(void **state)
{
	struct loaded l = load_with("    points:\n"
				    "      water_temperature: {table: input, address: 1, unit: K,\n"
				    "        range: {raw: [0, 65535], value: [223.15, 423.15]}}\n"
				    "      x_inverse: {table: input, address: 2, range: {raw: [4, "
				    "20], value: [10, 0]},\n"
				    "        valid: [~, 21]}\n");
	const struct fg_point *t, *x;

	(void)state;
	if (!l.config)
		fail_msg("%s", l.out.data);
	t = point(l.config, "string", "water_temperature");
	x = point(l.config, "string", "x_inverse");
	assert_true(fabs(t->offset + 50) < 1e-9);
	assert_true(fabs(65535 * t->scale + t->offset - 150) < 1e-9);
	assert_false(t->has_valid);
	assert_true(fabs(4 * x->scale + x->offset - 10) < 1e-9);
	assert_true(fabs(20 * x->scale + x->offset) < 1e-9);
	assert_true(x->has_valid && isnan(x->valid[0]) && x->valid[1] == 21);
	unload(&l);
}

/* Where a device's list of fields lacks one, its point is left out; another list needs no other
 * key. */
static void fields_that_are_not_there(void **state)
{
	struct loaded l;
	char names[100];

	(void)state;
	write_profile(
		"fields: {table: holding, address: 0, list: [{speed: 1}, {dew: 2}, {ph: 1}]}\n"
		"points:\n"
		"  x_speed: {field: speed}\n"
		"  x_dew: {field: dew, type: f32}\n"
		"  ph: {field: ph, scale: 0.01}\n");
	l = load_with("    profile: chain\n    fields: {list: [{ph: 1}, {speed: 1}]}\n");
	if (!l.config)
		fail_msg("%s", l.out.data);
	names_of(device(l.config, "string"), names, sizeof(names));
	assert_string_equal(names, "x_speed ph");
	assert_has(l.out.data,
		"warning: devices.string.points.x_dew: the device's fields do not have "
		"it; it is left out");
	unload(&l);
}

/* The printed configuration shows each point with what it has. */
static void effective_shows_each(void **state)
{
	struct loaded l =
		load_with("    points:\n"
			  "      t{n}: {property: x_t, table: input, address: 1, title: 'No "
			  "{n}',\n"
			  "        repeat: {count: 2, stride: 1}}\n");
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	fg_config_print_effective(l.config, &out);
	assert_has(out.data, "devices.string.points.t1.address = 1 ");
	assert_has(out.data, "devices.string.points.t2.title = \"No 2\" ");
	assert_lacks(out.data, "{n}");
	assert_lacks(out.data, "repeat");
	fg_buf_fini(&out);
	unload(&l);
}

/* What a period is made of is in the store until it is told. */
static void hours_outlive_the_readings_kept(void **state)
{
	static const struct {
		const char *keep, *hourly, *says;
	} cases[] = {
		{"25h", "{ph: {also: [daily]}}",
			"storage.keep: after 25h the readings are gone that "
			"devices.weir-sonde.hourly.ph is made of; at least 26h"},
		{"26h", "{ph: {also: [daily]}}", NULL},
		{"32h", "{water_temperature: true, ph: {also: [daily-max-8h, daily]}}",
			"hourly.ph is made of; at least 33h"},
		{"24h", "{ph: {also: [running-24h, running-8h]}}", "at least 25h"},
		{"8h", "{ph: {also: [running-8h]}}", "at least 9h"},
		{"0s", "{ph: true}", "after 0s the readings are gone"},
		{"2h", "{ph: true}", NULL},
		{"0s", "{ph: false}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char keep[64], hourly[200], *base, *text;
		struct loaded l;

		snprintf(keep, sizeof(keep), "commit_interval: 1s\n  keep: %s", cases[i].keep);
		snprintf(hourly, sizeof(hourly), "interval: 10s\n    hourly: %s", cases[i].hourly);
		base = edit(good, "commit_interval: 1s", keep);
		text = edit(base, "interval: 10s", hourly);
		l = load_text(text);
		assert_int_equal(l.config != NULL, cases[i].says == NULL);
		if (cases[i].says)
			assert_has(l.out.data, cases[i].says);
		unload(&l);
		free(text);
		free(base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeat_is_written_out),
		cmocka_unit_test(repeat_over_a_profile),
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(ranges_and_bounds),
		cmocka_unit_test(fields_that_are_not_there),
		cmocka_unit_test(effective_shows_each),
		cmocka_unit_test(hours_outlive_the_readings_kept),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
