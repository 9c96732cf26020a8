/* SPDX-License-Identifier: EUPL-1.2 */
/* Rules of stations in the core: against which reading a reading is judged, what is told of it,
 * windows over a reload. */
#include "fake.h"

#include <math.h>
#include <stdio.h>

#define MQTT_LINK FAKE_TOWN FAKE_LINK
#define DEVICES                                                                                    \
	"devices:\n"                                                                               \
	"  a: {station: pier, domain: air, link: plc, unit_id: 1, interval: 60s,\n"               \
	"    points: {pm25: {table: input, address: 0, qc: {gross_range: {fail: [0, 500]}}},\n"   \
	"      pm10: {table: input, address: 1, qc: {gross_range: off}},\n"                        \
	"      x_dew: {expression: pm25 - 10, unit: ug/m3},\n"                                     \
	"      x_off: {table: input, address: 2, qc: off}}}\n"                                     \
	"  b: {station: pier, domain: air, link: plc, unit_id: 2, interval: 10m,\n"               \
	"    points: {air_temperature: {table: input, address: 0, qc: {gross_range: off}}}}\n"     \
	"  c: {station: pier, domain: bathing, link: plc, unit_id: 3, interval: 10m,\n"           \
	"    points: {water_temperature: {table: input, address: 0, qc: {gross_range: off,\n"     \
	"      spike: off}}}}\n"

static const char yaml[] =
	"gateway: {id: gw, title: T, operator: O, licence: CC0-1.0}\n"
	"stations: {pier: {rules: {pm_order: {test: order, points: [pm25, pm10]},\n"
	"  dewy: {test: order, points: [x_dew, pm10]}, off: {test: bounds, points: [x_off],\n"
	"  high: 0}, dry: {test: out_of_water, points: [water_temperature, air_temperature],\n"
	"  window: 2h}}}, park: {}}\n"
	"storage: {file: readings.db}\nclock: {trust: always}\n" MQTT_LINK DEVICES;
static struct fake f;

static int begin(void **state)
{
	(void)state;
	fake_init(&f, yaml);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static const struct fg_point *point(const char *name)
{
	for (size_t i = 0; i < f.config->point_count; i++)
		if (strcmp(f.config->points[i]->name, name) == 0)
			return f.config->points[i];
	return NULL;
}

static void pass_time(int64_t us)
{
	f.now.mono_us += us;
	f.now.wall_us += us;
}

/* Of `a`: the points in this order, NaN: not in the batch. */
static void answer(double pm25, double pm10, double off)
{
	static const char *const names[] = {"pm25", "pm10", "x_off"};
	const double values[] = {pm25, pm10, off};
	struct fg_reading readings[3];
	struct fg_batch batch = {.readings = readings, .cap = 3};
	struct fg_poll_result result = {.group = fake_group(&f, "a", 0), .batch = &batch,
		.requests = 1, .answers = 1, .started_mono_us = f.now.mono_us,
		.done_mono_us = f.now.mono_us};

	for (size_t i = 0; i < 3; i++) {
		struct fg_reading *r;

		if (isnan(values[i]))
			continue;
		r = fg_batch_add(&batch, point(names[i])->index, f.now.mono_us);
		r->qc = FG_QC_NOT_EVALUATED;
		r->value = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = values[i]};
	}
	fg_core_polled(f.core, f.now, &result);
}

static const struct fg_item *last(const char *name)
{
	for (uint64_t seq = f.appended_next; seq-- > FAKE_FIRST_SEQ;) {
		const struct fg_item *i = &f.stored[seq - FAKE_FIRST_SEQ].item;

		if (i->kind == FG_ITEM_READING &&
			i->point == f.core->points[point(name)->index].series->id)
			return i;
	}
	fail_msg("nothing of %s", name);
	return NULL;
}

/* rule: the verdict in that place; 0: it was not judged. */
static void expect(const char *name, enum fg_qc qc, unsigned place, enum fg_qc rule)
{
	const struct fg_item *i = last(name);

	assert_int_equal(i->qc, qc);
	assert_int_equal(fg_tests_get(i->tests, FG_TEST_RULE(place)), rule);
}

/* Both sides of one poll are judged against each other, whichever comes first in the batch. */
static void test_both_sides_of_one_poll(void **state)
{
	(void)state;
	answer(10, 20, 1);
	expect("pm25", FG_QC_PASS, 0, FG_QC_PASS);
	expect("pm10", FG_QC_PASS, 0, FG_QC_PASS);
	expect("x_off", FG_QC_NOT_EVALUATED, 0, (enum fg_qc)0);
	pass_time(60 * SEC);
	answer(30, 25, 1);
	expect("pm25", FG_QC_SUSPECT, 0, FG_QC_SUSPECT);
	expect("pm10", FG_QC_SUSPECT, 0, FG_QC_SUSPECT);
	assert_string_equal(
		f.core->points[point("pm10")->index].series->desc.rules[0], "pm_order");
	/* with its inputs what is worked out of them is suspect, by a name of its own */
	expect("x_dew", FG_QC_SUSPECT, 0, FG_QC_PASS);
	expect("x_dew", FG_QC_SUSPECT, 1, FG_QC_SUSPECT);
	assert_string_equal(f.core->points[point("x_dew")->index].series->desc.rules[1], "inputs");
	pass_time(60 * SEC);
	answer(40, 25, 1);
	expect("x_dew", FG_QC_SUSPECT, 0, FG_QC_SUSPECT); /* its own rule too */
	pass_time(60 * SEC);
	answer(10, 20, 1);
	expect("pm25", FG_QC_PASS, 0, FG_QC_PASS);
	expect("x_dew", FG_QC_PASS, 1, (enum fg_qc)0);
}

static void test_a_partner_that_is_missing_failed_or_old(void **state)
{
	(void)state;
	answer(30, NAN, NAN);
	expect("pm25", FG_QC_PASS, 0, (enum fg_qc)0);
	answer(NAN, 20, NAN);
	expect("pm10", FG_QC_SUSPECT, 0, FG_QC_SUSPECT); /* against the one before */
	pass_time(180 * SEC);
	answer(30, NAN, NAN);
	expect("pm25", FG_QC_SUSPECT, 0, FG_QC_SUSPECT);
	pass_time(1);
	answer(30, NAN, NAN);
	expect("pm25", FG_QC_PASS, 0, (enum fg_qc)0);
	answer(600, 20, NAN); /* out of its own range: says nothing of the other */
	expect("pm25", FG_QC_FAIL, 0, (enum fg_qc)0);
	expect("pm10", FG_QC_NOT_EVALUATED, 0, (enum fg_qc)0);
	fake_fail(&f, fake_group(&f, "a", 0), FG_REASON_NO_RESPONSE);
	answer(NAN, 20, NAN);
	expect("pm10", FG_QC_NOT_EVALUATED, 0, (enum fg_qc)0);
}

static double air(int step)
{
	return 17 + 5 * sin(step / 3.0);
}

static void both(int step)
{
	pass_time(600 * SEC);
	fake_answer(&f, fake_group(&f, "b", 0), air(step));
	fake_answer(&f, fake_group(&f, "c", 0), air(step) + 0.1);
}

static void test_a_dry_probe(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++)
		both(i);
	expect("water_temperature", FG_QC_NOT_EVALUATED, 0, (enum fg_qc)0);
	for (int i = 8; i < 20; i++)
		both(i);
	expect("water_temperature", FG_QC_SUSPECT, 0, FG_QC_SUSPECT);
	expect("air_temperature", FG_QC_NOT_EVALUATED, 0, (enum fg_qc)0); /* nobody judges air */
	/* without air nothing is said */
	pass_time(1801 * SEC);
	fake_answer(&f, fake_group(&f, "c", 0), 17);
	expect("water_temperature", FG_QC_NOT_EVALUATED, 0, (enum fg_qc)0);
}

/* A reload of something else keeps what a window holds; another window begins anew. */
static void test_windows_over_reloads(void **state)
{
	char other[sizeof(yaml) + 120];
	const char *at = strstr(yaml, "window: 2h");

	(void)state;
	for (int i = 0; i < 20; i++)
		both(i);
	snprintf(other, sizeof(other), "%s  d: {station: park, domain: air, link: plc, unit_id: 4, "
				       "points: {co2: {table: input, address: 0}}}\n",
		yaml);
	fake_reload(&f, other);
	both(20);
	expect("water_temperature", FG_QC_SUSPECT, 0, FG_QC_SUSPECT);
	snprintf(other, sizeof(other), "%.*swindow: 3h%s", (int)(at - yaml), yaml, at + 10);
	fake_reload(&f, other);
	both(21);
	expect("water_temperature", FG_QC_NOT_EVALUATED, 0, (enum fg_qc)0);
}

/* The wall clock proves wrong by a day, by which the probe's own times are held against ours. */
static void test_a_window_of_other_times_begins_anew(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		both(i);
	fg_judge_clock(f.core, 86400 * SEC);
	both(20);
	expect("water_temperature", FG_QC_SUSPECT, 0, FG_QC_SUSPECT);
	f.core->points[point("water_temperature")->index].known.told = true;
	fg_judge_clock(f.core, 86400 * SEC);
	both(21);
	expect("water_temperature", FG_QC_NOT_EVALUATED, 0, (enum fg_qc)0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_sides_of_one_poll, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_partner_that_is_missing_failed_or_old, begin, end),
		cmocka_unit_test_setup_teardown(test_a_dry_probe, begin, end),
		cmocka_unit_test_setup_teardown(test_windows_over_reloads, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_window_of_other_times_begins_anew, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
