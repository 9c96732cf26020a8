/* SPDX-License-Identifier: EUPL-1.2 */
/* The tests that a point has without being told: each limit of docs/quality.md, a value on it and
 * the next one outside, in each domain; and that all others have none. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "harness.h"
#include "quality/quality.h"
#include "quality/tests.h"

#define NONE {NAN, NAN}
#define AIR  1u
#define WATER 2u
#define BATHING 4u
#define WEATHER 8u
#define WET  (WATER | BATHING)
#define DRY  (AIR | WEATHER)
#define ALL  (WET | DRY)

static const char *const domains[] = {"air", "water", "bathing", "weather"};

static const struct expected {
	const char *property;
	unsigned domains;
	double fail[2], suspect[2];
	double spike[2]; /* suspect, fail; 0: none */
} expected[] = {
	{"air_temperature", ALL, {-80, 60}, {-53, 42}, {0}},
	{"relative_humidity", ALL, {0, 110}, {1, 105}, {0}},
	{"air_pressure", ALL, {500, 1100}, {600, 1080}, {0}},
	{"wind_speed", ALL, {0, 100}, {0, 75}, {0}},
	{"wind_from_direction", ALL, {0, 360}, NONE, {0}},
	{"rainfall_rate", ALL, {0, 2000}, {0, 500}, {0}},
	{"sound_level", ALL, {0, 160}, {10, 140}, {0}},
	{"pm1", ALL, {-50, 20000}, {-10, 2000}, {0}},
	{"pm25", ALL, {-50, 20000}, {-10, 2000}, {0}},
	{"pm10", ALL, {-50, 20000}, {-10, 5000}, {0}},
	{"no2", ALL, {-200, 20000}, {-50, 2000}, {0}},
	{"no", ALL, {-200, 20000}, {-50, 3000}, {0}},
	{"nox", ALL, {-200, 40000}, {-50, 6000}, {0}},
	{"o3", ALL, {-200, 20000}, {-50, 1000}, {0}},
	{"so2", ALL, {-200, 20000}, {-50, 3000}, {0}},
	{"co", ALL, {-10, 1500}, {-2, 150}, {0}},
	{"co2", ALL, {0, 40000}, {300, 10000}, {0}},
	{"water_temperature", WATER, {-3, 40}, {-2.3, 32}, {3, 8}},
	{"water_temperature", BATHING, {-3, 45}, {-2.3, 35}, {4, 10}},
	{"water_temperature", DRY, {-3, 100}, NONE, {0}},
	{"ph", WET, {0, 14}, {3, 11}, {0}},
	{"turbidity", WET, {-5, 10000}, {-1, 4000}, {0}},
	{"conductivity", WET, {-10, 200000}, {-1, 80000}, {0}},
	{"salinity", WET, {-1, 50}, {-0.2, 42}, {0}},
	{"dissolved_oxygen", WET, {-1, 60}, {-0.3, 30}, {0}},
	{"oxygen_saturation", WET, {-10, 500}, {-3, 250}, {0}},
	{"orp", WET, {-2000, 2000}, {-1000, 1200}, {0}},
	{"chlorophyll_a", WET, {-5, 1000}, {-1, 500}, {0}},
	{"e_coli", ALL, {0, 1e9}, NONE, {0}},
	{"enterococci", ALL, {0, 1e9}, NONE, {0}},
};

/* Their zero and size are the place's own, or they tell of the instrument. */
static const char *const without[] = {"water_level", "flow", "battery_voltage", "x_own"};

static struct loaded load_point(const char *property, const char *domain)
{
	char text[900];
	struct loaded l;

	snprintf(text, sizeof(text),
		"gateway: {id: gw, title: T, operator: O, licence: CC0-1.0}\n"
		"stations: {pier: {}}\n"
		"storage: {file: readings.db}\n"
		"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"]}}\n"
		"links: {plc: {driver: modbus-tcp, host: 127.0.0.1}}\n"
		"devices:\n"
		"  d: {station: pier, domain: %s, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {%s: {reference: 30001}}}\n", domain, property);
	l = load_text(text);
	if (l.status != FG_OK)
		fail_msg("%s in %s: %s", property, domain, l.out.data);
	return l;
}

static void check_bounds(const struct fg_gross_range *range, const double bounds[2],
	const double wider[2], enum fg_qc outside)
{
	for (int i = 0; i < 2 && !isnan(bounds[i]); i++) {
		const double out = nextafter(bounds[i], i ? INFINITY : -INFINITY);
		bool same = outside == FG_QC_SUSPECT && bounds[i] == wider[i];

		assert_true(fg_qc_gross_range(range, bounds[i]) <=
			    (outside == FG_QC_FAIL ? FG_QC_SUSPECT : FG_QC_PASS));
		assert_int_equal(fg_qc_gross_range(range, out), same ? FG_QC_FAIL : outside);
	}
}

static const struct expected *find(const char *property, unsigned domain)
{
	for (size_t i = 0; i < FG_COUNT(expected); i++)
		if (strcmp(expected[i].property, property) == 0 &&
			expected[i].domains >> domain & 1)
			return &expected[i];
	return NULL;
}

static void check(const char *property, unsigned domain)
{
	const struct expected *e = find(property, domain);
	struct loaded l = load_point(property, domains[domain]);
	const struct fg_qc_conf *qc = &point(l.config, "d", property)->qc;

	assert_false(qc->off);
	assert_int_equal(qc->gross_range.on, e != NULL);
	if (e) {
		check_bounds(&qc->gross_range, e->fail, e->fail, FG_QC_FAIL);
		check_bounds(&qc->gross_range, e->suspect, e->fail, FG_QC_SUSPECT);
		assert_int_equal(isnan(qc->gross_range.suspect[0]), isnan(e->suspect[0]));
	}
	if (e && e->spike[0] != 0) {
		assert_int_equal(qc->tests->on, 1u << FG_TEST_SPIKE);
		assert_int_equal(qc->tests->spike.method, FG_SPIKE_AVERAGE);
		assert_true(qc->tests->spike.suspect == e->spike[0]);
		assert_true(qc->tests->spike.fail == e->spike[1]);
	} else {
		assert_null(qc->tests);
	}
	unload(&l);
}

static void each_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(expected); i++)
		for (unsigned d = 0; d < FG_COUNT(domains); d++)
			check(expected[i].property, d);
}

static void none_for_what_is_the_place_s_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(without); i++)
		for (unsigned d = 0; d < FG_COUNT(domains); d++)
			check(without[i], d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_limit),
		cmocka_unit_test(none_for_what_is_the_place_s_own),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
