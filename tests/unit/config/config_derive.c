/* SPDX-License-Identifier: EUPL-1.2 */
/* Points that are worked out of others: what a configuration makes of them, and every way to get
 * one wrong. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "harness.h"
#include "quality/derivation.h"

#define SECOND 1000000

/* A station with two devices, one more elsewhere; the text goes under the points of `a`, which
 * begin on line 18. */
static const char head[] =
	"gateway: {id: gw, title: T, operator: O, licence: CC0-1.0}\n"
	"stations:\n"
	"  pier: {title: P, position: {latitude: 59, longitude: 10, elevation: 40}}\n"
	"  park: {title: Park}\n"
	"storage: {file: readings.db}\n"
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"]}}\n"
	"links: {plc: {driver: modbus-tcp, host: 127.0.0.1}}\n"
	"devices:\n"
	"  b: {station: pier, domain: air, link: plc, unit_id: 2, interval: 30s,\n"
	"    points: {air_temperature: {reference: 30001}, relative_humidity: {reference: 30002},\n"
	"      air_pressure: {reference: 30003}, both: {reference: 30004, property: x_b}}}\n"
	"  c: {station: park, domain: air, link: plc, unit_id: 3,\n"
	"    points: {air_temperature: {reference: 30001}}}\n"
	"  a: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s,\n"
	"    points: {conductivity: {reference: 30001}, water_temperature: {reference: 30002},\n"
	"      water_level: {reference: 30003}, x_slow: {reference: 30004, interval: 1m},\n"
	"      both: {reference: 30005, property: x_b}, x_no2: {reference: 30006, unit: ppb},\n";

static struct loaded load_with(const char *points)
{
	size_t size = sizeof(head) + strlen(points) + 20;
	char *text = malloc(size);
	struct loaded l;

	snprintf(text, size, "%s      %s}}\n", head, points);
	l = load_text(text);
	free(text);
	return l;
}

static const struct fg_derivation *derived(struct loaded *l, const char *name)
{
	const struct fg_point *p;

	if (l->status != FG_OK)
		fail_msg("%s", l->out.data);
	p = point(l->config, "a", name);
	assert_non_null(p->derived);
	assert_null(p->conf);
	return p->derived;
}

static double worked_out(struct loaded *l, const char *name, double a, double b, double c)
{
	const double values[] = {a, b, c};
	struct fg_value v;

	derived(l, name);
	v = fg_derivation_value(point(l->config, "a", name), values);
	return v.kind == FG_KIND_NONE ? NAN : v.f;
}

static void near(double v, double expected)
{
	if (!(fabs(v - expected) <= 1e-6 * fabs(expected)))
		fail_msg("%.9g instead of %.9g", v, expected);
}

static void formulas(void **state)
{
	struct loaded l = load_with(
		"specific_conductance: {derive: specific_conductance_25, method: en-27888,\n"
		"  from: {conductivity: conductivity, temperature: water_temperature}},\n"
		"salinity: {derive: salinity, from: {conductivity: conductivity, "
		 "temperature: 12}},\n"
		"x_dew: {derive: dew_point, from: {temperature: b/air_temperature,\n"
		"  humidity: relative_humidity}, property: dew_point, max_age: 5m},\n"
		"sea_level_pressure: {derive: sea_level_pressure, from: {pressure: air_pressure,\n"
		"  temperature: water_temperature, humidity: 70}},\n"
		"no2: {derive: gas_concentration, from: x_no2},\n"
		"co: {derive: gas_concentration, from: {fraction: x_no2}}");
	const struct fg_derivation *d;

	(void)state;
	assert_int_not_equal(l.status, FG_OK); /* dew point: nothing of device a */
	assert_has(l.out.data, ":21:34: error: devices.a.points.x_dew.from: no input is a point of "
			       "device 'a'");
	unload(&l);
	l = load_with(
		"specific_conductance: {derive: specific_conductance_25, method: en-27888,\n"
		"  from: {conductivity: conductivity, temperature: water_temperature}},\n"
		"salinity: {derive: salinity, from: {conductivity: conductivity, "
		 "temperature: 12}},\n"
		"sea_level_pressure: {derive: sea_level_pressure, from: {pressure: air_pressure,\n"
		"  temperature: water_temperature, humidity: 70}, max_age: 5m},\n"
		"no2: {derive: gas_concentration, from: x_no2},\n"
		"co: {derive: gas_concentration, from: {fraction: x_no2}}");
	near(worked_out(&l, "specific_conductance", 420, 12.3, 0), 564.396);
	near(worked_out(&l, "salinity", 10000, 0, 0), 7.69328772820458); /* of uS/cm */
	near(worked_out(&l, "sea_level_pressure", 1000, 10, 0), 1004.81812);
	near(worked_out(&l, "no2", 10, 0, 0), 19.130106818465435);
	near(worked_out(&l, "co", 1000, 0, 0), 1.16471791); /* in mg/m3 */
	d = derived(&l, "sea_level_pressure");
	assert_ptr_equal(d->inputs[0].point, point(l.config, "b", "air_pressure"));
	assert_ptr_equal(d->trigger, point(l.config, "a", "water_temperature"));
	assert_int_equal(d->inputs[0].max_age_us, 300LL * SECOND);
	d = derived(&l, "specific_conductance");
	assert_int_equal(d->inputs[0].max_age_us, 30LL * SECOND);
	assert_int_equal(point(l.config, "a", "specific_conductance")->interval_us, 10 * SECOND);
	assert_string_equal(point(l.config, "a", "co")->unit, "mg/m3");
	unload(&l);
}

static void groups_keep_them_apart(void **state)
{
	struct loaded l = load_with(
		"x_sum: {expression: x_twice + x_slow},\n"
		"x_twice: {expression: 2 * water_level}, x_far: {expression: x_slow + b,\n"
		"  from: {b: b/air_temperature}}");
	const struct fg_device *a;
	struct fg_buf out;
	char mem[4000];

	(void)state;
	derived(&l, "x_sum");
	a = device(l.config, "a");
	assert_int_equal(a->derived_count, 3);
	assert_string_equal(a->derived[0]->name, "x_twice"); /* before what it is for */
	assert_string_equal(a->derived[1]->name, "x_sum");
	assert_int_equal(a->group_count, 2);
	assert_int_equal(a->groups[0].count, 5); /* none is asked for */
	assert_int_equal(a->groups[0].derived_count, 2);
	assert_int_equal(a->groups[1].count, 1);
	assert_int_equal(a->groups[1].derived_count, 1);
	assert_string_equal(a->groups[1].derived[0]->name, "x_far");
	assert_int_equal(derived(&l, "x_sum")->inputs[0].max_age_us, 30LL * SECOND);
	assert_int_equal(derived(&l, "x_sum")->inputs[1].max_age_us, 180LL * SECOND);
	assert_string_equal(derived(&l, "x_sum")->trigger->name, "water_level");
	near(worked_out(&l, "x_sum", 1.5, 4, 0), 5.5);
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_config_print_plan(l.config, &out);
	assert_has(mem, "    x_sum: worked out of x_twice, x_slow, with each water_level\n");
	assert_has(mem, "    x_far: worked out of x_slow, b/air_temperature, with each x_slow\n");
	assert_has(mem, "a every 10s: 5 points");
	unload(&l);
}

static void ratings(void **state)
{
	struct loaded l = load_with("flow: {rating: [[0.1, 0.02], [0.5, 0.4]], from: water_level,\n"
				    " unit: m3/s}");

	(void)state;
	near(worked_out(&l, "flow", 0.3, 0, 0), 210);
	assert_true(isnan(worked_out(&l, "flow", 0.6, 0, 0)));
	unload(&l);
	write_text("weir.csv", "# level m, flow L/s\n0.1,20\n\n0.2; 65 # gauged\n 0.3\t120\r\n");
	l = load_with("flow: {rating_file: weir.csv, from: water_level}");
	near(worked_out(&l, "flow", 0.25, 0, 0), 92.5);
	assert_int_equal(derived(&l, "flow")->rating_count, 3);
	unload(&l);
	l = load_with("flow: {rating_file: none.csv, from: water_level}");
	assert_int_equal(l.status, FG_OK); /* files are not looked for */
	unload(&l);
	l = load_here(NULL);
	assert_has(l.out.data, "devices.a.points.flow.rating_file: ");
	assert_has(l.out.data, "none.csv");
	unload(&l);
}

/* What is wrong with points under `a`, and how it is told. */
static const struct {
	const char *points, *fault;
} wrong[] = {
	{"x_a: {expression: water_levle * 2}",
		":18:25: error: devices.a.points.x_a.from: no point 'water_levle' at "
		"station 'pier'; did you mean 'water_level'?"},
	{"x_a: {expression: \"1 + nothing\"}", ":18:30: error: "
	 "devices.a.points.x_a.from: no "
					       "point 'nothing'"},
	{"x_a: {expression: water_level / 0}",
		":18:37: error: devices.a.points.x_a.expression: divides by zero"},
	{"x_a: {expression: water_level +}", ":18:38: error: "
	 "devices.a.points.x_a.expression: "
					     "it ends where a value is expected"},
	{"x_a: {expression: 1 + 2}", "expression: names no point"},
	{"x_a: {expression: x_a + 1}", "'x_a' would be worked out of itself"},
	{"x_a: {expression: x_b}, x_b: {expression: x_c}, x_c: {expression: x_a + 1}",
		"devices.a.points.x_a.from: is worked out of itself: x_a <- x_b <- x_c <- "
		"x_a"},
	{"x_a: {expression: water_level + air_temperature, from: {air_temperature: "
	 "c/air_temperature}}",
		"device 'c' is at station 'park'; points of 'pier' are wanted"},
	{"x_a: {expression: water_level + t, from: {t: d/air_temperature}}",
		"unknown device 'd'"},
	{"x_a: {expression: water_level + t, from: {t: b/air_temperatur}}",
		"device 'b' has no point 'air_temperatur'; did you mean "
		 "'air_temperature'?"},
	{"x_a: {expression: water_level, from: {t: 3}}", "the expression does not use 't'"},
	{"x_a: {expression: water_level, from: water_level}",
		"from: takes a mapping of names to points or numbers"},
	{"x_a: {expression: air_temperature + relative_humidity}",
		"no input is a point of device 'a'"},
	{"x_a: {expression: water_level, from: {water_level: [1]}}",
		"from: takes the name of a point, DEVICE/POINT or a number"},
	{"x_a: {expression: water_level, scale: 2}", "scale: a derived point is "
	 "worked out"},
	{"x_a: {expression: water_level, address: 2}", "address: a derived point is "
	 "worked out"},
	{"x_a: {expression: water_level, interval: 1m}",
		"interval: a derived point is worked out"},
	{"x_a: {reference: 30010, from: water_level}",
		"from: goes with a derived point (derive, expression, rating or "
		"rating_file)"},
	{"x_a: {expression: water_level, derive: dew_point}", "one of them is enough"},
	{"x_a: {expression: water_level, method: hill}", "method: goes with derive"},
	{"x_a: {derive: dew_piont, from: {temperature: 1}}", "did you mean 'dew_point'?"},
	{"x_a: {derive: salinity, method: linear, from: {conductivity: conductivity}}",
		"method: 'linear' is none of salinity; it has pss-78 hill"},
	{"x_a: {derive: dew_point, from: {temprature: water_temperature}}",
		":18:39: error: devices.a.points.x_a.from: dew_point has no input "
		"'temprature'; did you mean 'temperature'?"},
	{"x_a: {derive: dew_point, from: {temperature: water_temperature}}",
		"from: 'humidity' is missing: a point or a number in %"},
	{"x_a: {derive: dew_point, from: {temperature: water_level, humidity: 50}}",
		":18:52: error: devices.a.points.x_a.from: 'water_level' is published in "
		 "'m' "
		"(length), the formula takes 'Cel' (temperature)"},
	{"x_a: {derive: dew_point, from: {temperature: x_slow, humidity: 50}}",
		"'x_slow' is published in '1' (number), the formula takes 'Cel'"},
	{"x_a: {derive: dew_point}", "from: takes a mapping of inputs"},
	{"x_a: {derive: dew_point, from: [1]}", "from: takes a mapping of inputs"},
	{"x_a: {derive: gas_concentration, from: x_no2}",
		"'molar_mass' is missing: a number in g/mol, as the property names no gas"},
	{"no2: {derive: gas_concentration, from: {fraction: x_no2, molar_mass: x_slow}}",
		"from.molar_mass: 'x_slow' is not a number (in g/mol)"},
	{"dew_point: {derive: dew_point, unit: K, from: {temperature: water_temperature, "
	 "humidity: 50}}",
		"unit: the formula gives Cel; leave this out"},
	{"water_level_2: {derive: dew_point, property: water_level, from: {temperature: "
	 "water_temperature, humidity: 50}}",
		"cannot be converted to 'm'"},
	{"flow: {rating: [[1, 2]], from: water_level}", "takes a list of 2 to 1000 pairs"},
	{"flow: {rating: [], from: water_level}", "takes a list of 2 to 1000 pairs"},
	{"flow: {rating: [[1, 2], [1, 3]], from: water_level}",
		":18:31: error: devices.a.points.flow.rating: row 2: its first number is "
		 "not "
		"above"},
	{"flow: {rating: [[1, 2], [2, 1]], from: water_level}", "its second number falls"},
	{"flow: {rating: [[1, 2], [2, x]], from: water_level}", "takes two numbers"},
	{"flow: {rating: [[1, 2], [2, nan]], from: water_level}", "takes two numbers"},
	{"flow: {rating: [[1, 2], [2, 3]], from: water_temperature}",
		"flow is looked up by a level; 'water_temperature' is published in 'Cel'"},
	{"flow: {rating: [[1, 2], [2, 3]], from: 3}", "takes the name of a point"},
	{"flow: {rating: [[1, 2], [2, 3]]}",
		"from: takes the name of the point that is looked up"},
	{"flow: {rating_file: bad.csv, from: water_level}",
		"bad.csv:3:1: error: devices.a.points.flow.rating_file: takes two numbers"},
	{"flow: {rating_file: short.csv, from: water_level}", "fewer than two rows"},
	{"x_z: {expression: b/air_temperature + 1}", "no point 'b' at station 'pier'"},
	{"x_z: {expression: both + c, from: {c: both}}, x_y: {expression: both2 + both, "
	 "from: {both2: nobody}}",
		"no point 'nobody'"},
};

static void faults(void **state)
{
	(void)state;
	write_text("bad.csv", "1,2\n# x\n3\n");
	write_text("short.csv", "1,2\n");
	for (size_t i = 0; i < FG_COUNT(wrong); i++) {
		struct loaded l = load_with(wrong[i].points);

		if (l.status == FG_OK || !strstr(l.out.data, wrong[i].fault))
			fail_msg("%s\n%s", wrong[i].points, l.out.data);
		unload(&l);
	}
}

/* A point of the device itself goes before another's of the same name; without one there must be
 * one alone. */
static void names_of_a_station(void **state)
{
	struct loaded l = load_with("x_a: {expression: both + air_temperature}");

	(void)state;
	assert_ptr_equal(derived(&l, "x_a")->inputs[0].point, point(l.config, "a", "both"));
	assert_ptr_equal(
		derived(&l, "x_a")->inputs[1].point, point(l.config, "b", "air_temperature"));
	unload(&l);
	l = load_with("}}\n  d: {station: pier, domain: weather, link: plc, unit_id: 4, points: {\n"
		      "    wind_speed: {reference: 30001}, x_a: {expression: wind_speed * both}");
	assert_int_not_equal(l.status, FG_OK);
	assert_has(l.out.data, "'both' is a point of 'b' and of 'a'; write DEVICE/POINT");
	unload(&l);
}

static void formulas_have_choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < fg_formula_count; i++) {
		const struct fg_formula *f = &fg_formulas[i];
		char text[300];
		struct loaded l;

		snprintf(text, sizeof(text), "x_a: {derive: %s%s%s, from: {no: 1}}", f->name,
			f->method ? ", method: " : "", f->method ? f->method : "");
		l = load_with(text);
		snprintf(text, sizeof(text), "%s has no input 'no'", f->name);
		assert_has(l.out.data, text);
		assert_lacks(l.out.data, "is not one of");
		unload(&l);
	}
}

static void what_a_device_lacks_is_left_out(void **state)
{
	struct loaded l = load_with("gone: {reference: 30051}"); /* only that the text holds */

	(void)state;
	unload(&l);
	mkdir("profiles", 0700);
	write_text("profiles/sonde.yaml",
		"profile: {title: Sonde}\npoints:\n  water_temperature: {reference: 30002}\n"
		"  salinity: {derive: salinity, from: {conductivity: conductivity, temperature: "
		"water_temperature}}\n  conductivity: {reference: 30001}\n");
	l = load_with("}}\n  d: {station: park, domain: water, link: plc, unit_id: 4, profile: "
		      "sonde, points: {water_temperature: {reference: 30004}");
	assert_int_equal(l.status, FG_OK);
	assert_non_null(point(l.config, "d", "salinity")->derived);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formulas),
		cmocka_unit_test(groups_keep_them_apart),
		cmocka_unit_test(ratings),
		cmocka_unit_test(faults),
		cmocka_unit_test(names_of_a_station),
		cmocka_unit_test(formulas_have_choices),
		cmocka_unit_test(what_a_device_lacks_is_left_out),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
