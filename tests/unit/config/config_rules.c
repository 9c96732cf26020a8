/* SPDX-License-Identifier: EUPL-1.2 */
/* Rules of stations: what a configuration makes of them, and every way to get one wrong. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "harness.h"
#include "quality/rules.h"

/* The rules stand on line 3, from column 12 on. */
static const char *const parts[] = {
	"gateway: {id: gw, title: T, operator: O, licence: CC0-1.0}\n"
	"stations:\n"
	"  pier: {rules: {",
	"}}\n"
	"  park: {}\n"
	"storage: {file: readings.db}\n"
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"]}}\n"
	"links: {plc: {driver: modbus-tcp, host: 127.0.0.1}}\n"
	"devices:\n"
	"  a: {station: pier, domain: bathing, link: plc, unit_id: 1, interval: 60s,\n"
	"    points: {water_temperature: {reference: 30001}, x_a: {reference: 30002},\n"
	"      oxygen_saturation: {reference: 30003}, x_d: {expression: x_a * 2},\n"
	"      pm25: {reference: 30004}}}\n"
	"  b: {station: pier, domain: air, link: plc, unit_id: 2, interval: 10m,\n"
	"    points: {air_temperature: {reference: 30001}, pm10: {reference: 30002},\n"
	"      co: {reference: 30003}, water_temperature: {reference: 30004}}}\n"
	"  c: {station: park, domain: air, link: plc, unit_id: 3,\n"
	"    points: {air_temperature: {reference: 30001}}}\n",
};

static struct loaded load_rules(const char *rules)
{
	size_t size = strlen(parts[0]) + strlen(rules) + strlen(parts[1]) + 1;
	char *text = malloc(size);
	struct loaded l;

	snprintf(text, size, "%s%s%s", parts[0], rules, parts[1]);
	l = load_text(text);
	free(text);
	return l;
}

static void rules_of_all_tests(void **state)
{
	struct loaded l = load_rules(
		"twins: {test: disagree, points: [a/water_temperature, b/water_temperature],\n"
		"   tolerance: 0.5, percent: 2},\n"
		"fine: {test: order, points: [pm25, co]},\n"
		"bubbles: {test: bounds, points: oxygen_saturation, high: 150},\n"
		"dry: {test: out_of_water, points: [a/water_temperature, air_temperature]}");
	const struct fg_point *p;
	const struct fg_rule *r;

	(void)state;
	if (l.status != FG_OK)
		fail_msg("%s", l.out.data);
	assert_int_equal(l.config->rule_count, 4);
	assert_int_equal(l.config->window_count, 1);
	p = point(l.config, "a", "water_temperature");
	assert_int_equal(p->rule_count, 2);
	r = p->rules[0];
	assert_string_equal(r->name, "twins");
	assert_ptr_equal(r, point(l.config, "b", "water_temperature")->rules[0]);
	assert_true(r->tolerance == 0.5 && r->percent == 2);
	assert_true(r->max_age_us[0] == 180000000 && r->max_age_us[1] == 1800000000);
	r = p->rules[1];
	assert_string_equal(r->name, "dry");
	assert_int_equal(r->water.slots, 36); /* six hours of readings each ten minutes */
	assert_true(r->water.slot_us == 600000000 && r->water.correlation == 0.9);
	assert_true(r->water.ratio == 0.5 && r->water.spread == 1);
	assert_int_equal(point(l.config, "b", "air_temperature")->rule_count, 0);
	r = point(l.config, "a", "pm25")->rules[0];
	assert_true(r->scale == 1000); /* co is in mg/m3 */
	r = point(l.config, "a", "oxygen_saturation")->rules[0];
	assert_true(isnan(r->low) && r->high == 150);
	unload(&l);
}

/* Another name makes the device another one, as its readings are told otherwise. */
static void the_fingerprint_knows(void **state)
{
	static const char *const texts[] = {"", "r: {test: bounds, points: x_a, high: 1}",
		"s: {test: bounds, points: x_a, high: 1}",
		"r: {test: bounds, points: x_a, high: 2}"};
	uint64_t prints[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct loaded l = load_rules(texts[i]);

		assert_int_equal(l.status, FG_OK);
		prints[i] = device(l.config, "a")->fingerprint;
		unload(&l);
	}
	assert_true(prints[0] != prints[1] && prints[1] != prints[2] && prints[1] == prints[3]);
}

#define EIGHT                                                                                      \
	"r1: {test: bounds, points: x_a, high: 1}, r2: {test: bounds, points: x_a, high: 1}, "     \
	"r3: {test: bounds, points: x_a, high: 1}, r4: {test: bounds, points: x_a, high: 1}, "     \
	"r5: {test: bounds, points: x_a, high: 1}, r6: {test: bounds, points: x_a, high: 1}, "     \
	"r7: {test: bounds, points: x_a, high: 1}, r8: {test: bounds, points: x_a, high: 1}"
#define SEVEN                                                                                      \
	"r1: {test: bounds, points: x_d, high: 1}, r2: {test: bounds, points: x_d, high: 1}, "     \
	"r3: {test: bounds, points: x_d, high: 1}, r4: {test: bounds, points: x_d, high: 1}, "     \
	"r5: {test: bounds, points: x_d, high: 1}, r6: {test: bounds, points: x_d, high: 1}, "     \
	"r7: {test: bounds, points: x_d, high: 1}"

static const struct {
	const char *rules, *fault; /* NULL: none */
} cases[] = {
	{EIGHT, NULL},
	{SEVEN, NULL},
	{EIGHT ", r9: {test: bounds, points: x_a, high: 1}",
		"stations.pier.rules.r9.points: 'x_a' has 8 rules already"},
	{SEVEN ", r8: {test: bounds, points: x_d, high: 1}",
		"'x_d' has 7 rules already, as many as it may have (it is derived"},
	{"r: {test: disagre, points: [x_a, pm10]}", "did you mean 'disagree'?"},
	{"r: {points: [x_a, pm10]}", "missing key 'test'"},
	{"r: {test: order}", "missing key 'points'"},
	{"r: {test: order, points: [x_a]}", ":3:43: error: stations.pier.rules.r.points: 1; this "
					    "test takes two points"},
	{"r: {test: bounds, points: [x_a, x_d], high: 1}", "this test takes one point"},
	{"r: {test: order, points: [x_a, x_a]}", "both are the same point"},
	{"r: {test: order, points: [x_a, nothing]}",
		":3:49: error: stations.pier.rules.r.points: no point 'nothing' at station 'pier'"},
	{"r: {test: order, points: [pm10, pm2]}", "did you mean 'pm25'?"},
	{"r: {test: order, points: [pm25, c/air_temperature]}",
		"device 'c' is at station 'park'; points of 'pier' are wanted"},
	{"r: {test: order, points: [pm25, water_temperature]}",
		"'water_temperature' is a point of 'a' and of 'b'; write DEVICE/POINT"},
	{"r: {test: order, points: [pm25, air_temperature]}",
		"'pm25' is published in 'ug/m3' and 'air_temperature' in 'Cel'; they cannot be "
		"compared"},
	{"r: {test: out_of_water, points: [pm25, pm10]}", "and no temperature"},
	{"r: {test: out_of_water, points: [a/water_temperature, air_temperature], window: 1h}",
		"window: holds 6 readings at these intervals; at least 8 are needed"},
	{"r: {test: out_of_water, points: [a/water_temperature, air_temperature], tolerance: 1}",
		"tolerance: this test does not use it"},
	{"r: {test: order, points: [pm25, pm10], high: 3}", "high: this test does not use it"},
	{"r: {test: disagree, points: [pm25, pm10]}", "disagree needs a tolerance or percent"},
	{"r: {test: disagree, points: [pm25, pm10], tolerance: -1}", "tolerance"},
	{"r: {test: bounds, points: [pm25]}", "bounds needs low or high"},
	{"r: {test: bounds, points: [pm25], low: 3, high: 3}", "high: 3 is not above low, 3"},
	{"spike: {test: bounds, points: [pm25], high: 3}", "a quality test has this name"},
	{"inputs: {test: bounds, points: [pm25], high: 3}", "the inputs of derived points have"},
	{"Bad: {test: bounds, points: [pm25], high: 3}", "Bad"},
	{"r: {test: bounds, points: [pm25], hihg: 3}", "did you mean 'high'?"},
	{"r: 3", "stations.pier.rules.r"},
};

static void faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct loaded l = load_rules(cases[i].rules);

		if (!cases[i].fault ? l.status != FG_OK
				    : l.status == FG_OK || !strstr(l.out.data, cases[i].fault))
			fail_msg("%s\n%s", cases[i].rules, l.out.data);
		unload(&l);
	}
}

static void effective_shows_them(void **state)
{
	static const struct fg_load_options options = {.no_files = true, .keep_tree = true};
	struct loaded l = load_rules("hot: {test: bounds, points: [x_a], high: 3}");
	char mem[8000];
	struct fg_buf out;

	(void)state;
	unload(&l);
	l = load_here(&options);
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_config_print_effective(l.config, &out);
	assert_has(mem, "stations.pier.rules.hot.high = 3  # fjordgate.yaml:3\n");
	assert_has(mem, "stations.pier.rules.hot.points = [x_a]  # fjordgate.yaml:3\n");
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_all_tests),
		cmocka_unit_test(the_fingerprint_knows),
		cmocka_unit_test(faults),
		cmocka_unit_test(effective_shows_them),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
