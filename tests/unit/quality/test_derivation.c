/* SPDX-License-Identifier: EUPL-1.2 */
/* Derived points: each formula is reached by its name with its own defaults, and a reading tells
 * what is known of its inputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "quality/derivation.h"

#define S INT64_C(1000000)

/* The value with the first inputs given and the others as they are by default; in the formula's
 * units. Expected numbers are printed in the sources that docs/quality.md names, or are those of
 * the conformance cases. */
static void test_formulas(void **state)
{
	static const struct {
		const char *name, *method;
		size_t given;
		double in[4], value;
	} cases[] = {
		{"specific_conductance_25", NULL, 2, {500, 15}, 625},
		{"specific_conductance_25", "linear", 3, {1278, 20, 0.0194}, 1415.282392026578},
		{"specific_conductance_25", "en-27888", 2, {420, 12.3}, 564.396},
		{"salinity", NULL, 2, {10, 12}, 7.69328772820458},
		{"salinity", "pss-78", 3, {34.681, 10.26, 25}, 31.204503263727982},
		{"salinity", "hill", 2, {0.1, 10}, 0.06603404602453489},
		{"oxygen_solubility", NULL, 1, {25}, 8.263},
		{"oxygen_solubility", NULL, 3, {12.5, 0, 1000.07775}, 10.515187931189168},
		{"oxygen_saturation", NULL, 2, {8.2629, 25}, 99.9932631},
		{"dissolved_oxygen", NULL, 2, {50, 25}, 4.1315},
		{"ph", NULL, 2, {177.4794, 25}, 3.99997716433932},
		{"pt100", NULL, 1, {119.397125}, 50},
		{"pt1000", NULL, 1, {1193.97125}, 50},
		{"dew_point", NULL, 2, {20, 50}, 9.2551745989812559},
		{"absolute_humidity", NULL, 2, {20, 50}, 8.6204335908019},
		{"gas_concentration", NULL, 2, {10, 46.0055}, 19.130106818465435},
		{"pm_dry", NULL, 2, {35.5, 80}, 18.02307692307692},
		{"pm_dry", "epa-2021", 2, {12, 50}, 7.728},
		{"pm_dry", "epa-smoke", 2, {49.9, 30}, 42.32003100000001},
		{"sea_level_pressure", NULL, 4, {1000, 10, 70, 100}, 1012.0804623584936},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		const struct fg_formula *f = fg_formula_find(cases[i].name, cases[i].method);
		double in[FG_FORMULA_INPUTS], v;

		if (!f)
			fail_msg("no %s", cases[i].name);
		for (size_t k = 0; f->inputs[k].name; k++)
			in[k] = k < cases[i].given ? cases[i].in[k] : f->inputs[k].dflt;
		v = f->value(in);
		/* tables are printed with three or four digits behind the point */
		if (!(fabs(v - cases[i].value) < 5.1e-4))
			fail_msg("%s: %.9g", cases[i].name, v);
	}
	assert_null(fg_formula_find("salinity", "linear"));
	assert_null(fg_formula_find("x", NULL));
}

/* Pressures in bar and humidities in percent are those of the formulas in dbar and parts. */
static void test_units_of_formulas(void **state)
{
	const struct fg_formula *hill = fg_formula_find("salinity", "hill");
	const struct fg_formula *kappa = fg_formula_find("pm_dry", "kappa");

	(void)state;
	assert_true(hill->value((double[]){2, 10, 25}) == fg_derive_salinity_low(2, 10, 250));
	assert_true(fg_derive_salinity_low(2, 10, 250) != fg_derive_salinity_low(2, 10, 25));
	assert_true(kappa->value((double[]){35.5, 90, 0.4, 80}) ==
		    fg_derive_pm_dry(35.5, 90, 0.4, 0.8));
	assert_true(kappa->inputs[3].dflt == 95);
}

static struct fg_point points[3];
static struct fg_derivation derivation;
static struct fg_expression expression;
static struct fg_arena *arena;

static int begin(void **state)
{
	struct fg_expression_fault fault;

	(void)state;
	arena = fg_arena_new();
	fg_expression_compile(arena, "a / b", &expression, &fault);
	derivation = (struct fg_derivation){.expression = &expression,
		.inputs = {{.point = &points[0], .scale = 1, .max_age_us = 30 * S},
			{.point = &points[1], .scale = 0.1, .offset = 1, .max_age_us = 20 * S}},
		.input_count = 2, .trigger = &points[0]};
	points[2] = (struct fg_point){.index = 2, .scale = 1, .derived = &derivation};
	return 0;
}

static int end(void **state)
{
	(void)state;
	fg_arena_free(arena);
	return 0;
}

static struct fg_known known(double value, int64_t at_s, enum fg_qc qc, enum fg_reason reason)
{
	return (struct fg_known){.seen = true, .value = value, .taken_mono_us = at_s * S, .qc = qc,
		.reason = reason, .detail = reason == FG_REASON_EXCEPTION ? 2 : 0};
}

static void expect(const struct fg_known *a, const struct fg_known *b, enum fg_qc qc,
	enum fg_reason reason, double value)
{
	const struct fg_known inputs[] = {*a, *b};
	struct fg_reading r = fg_derivation_reading(&points[2], inputs, 100 * S);

	assert_int_equal(r.point, 2);
	assert_int_equal(r.taken_mono_us, 100 * S);
	assert_int_equal(r.qc, qc);
	assert_int_equal(r.reason, reason);
	assert_int_equal(r.detail, reason == FG_REASON_EXCEPTION ? 2 : 0);
	assert_int_equal(r.value.kind, isnan(value) ? FG_KIND_NONE : FG_KIND_DECIMAL);
	if (!isnan(value))
		assert_true(fabs(r.value.f - value) < 1e-12);
}

static void test_flag_is_the_worst_of_the_inputs(void **state)
{
	static const enum fg_qc flags[] = {FG_QC_PASS, FG_QC_NOT_EVALUATED, FG_QC_SUSPECT,
		FG_QC_FAIL};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(flags); i++)
		for (size_t k = 0; k < FG_COUNT(flags); k++) {
			struct fg_known a = known(6, 100, flags[i], FG_REASON_NONE);
			struct fg_known b = known(10, 100, flags[k], FG_REASON_NONE);

			expect(&a, &b, flags[FG_MAX(i, k)], FG_REASON_NONE, 3);
		}
}

static void test_inputs_that_are_not_there(void **state)
{
	const struct fg_known a = known(6, 100, FG_QC_PASS, FG_REASON_NONE);
	struct fg_known b = {.seen = false};

	(void)state;
	expect(&a, &b, FG_QC_MISSING, FG_REASON_NO_INPUT, NAN);
	b = known(10, 80, FG_QC_PASS, FG_REASON_NONE); /* as old as it may be */
	expect(&a, &b, FG_QC_PASS, FG_REASON_NONE, 3);
	b = known(10, 79, FG_QC_PASS, FG_REASON_NONE);
	expect(&a, &b, FG_QC_MISSING, FG_REASON_NO_INPUT, NAN);
	b = known(10, 120, FG_QC_PASS, FG_REASON_NONE); /* the trigger is a late one */
	expect(&a, &b, FG_QC_PASS, FG_REASON_NONE, 3);
	b = known(10, 121, FG_QC_PASS, FG_REASON_NONE);
	expect(&a, &b, FG_QC_MISSING, FG_REASON_NO_INPUT, NAN);
	b = known(NAN, 10, FG_QC_MISSING, FG_REASON_EXCEPTION); /* still, since then */
	expect(&a, &b, FG_QC_MISSING, FG_REASON_EXCEPTION, NAN);
	b = known(NAN, 100, FG_QC_FAIL, FG_REASON_SENSOR_QUALITY);
	expect(&a, &b, FG_QC_FAIL, FG_REASON_SENSOR_QUALITY, NAN);
	b = known(10, 100, FG_QC_FAIL, FG_REASON_SENSOR_QUALITY);
	expect(&a, &b, FG_QC_FAIL, FG_REASON_SENSOR_QUALITY, 3);
	b = known(NAN, 100, FG_QC_NOT_EVALUATED, FG_REASON_NONE); /* a text */
	expect(&a, &b, FG_QC_FAIL, FG_REASON_NOT_A_NUMBER, NAN);
	b = known(-10, 100, FG_QC_PASS, FG_REASON_NONE); /* converted: 0 */
	expect(&a, &b, FG_QC_FAIL, FG_REASON_NOT_A_NUMBER, NAN);
	b = known(-10, 100, FG_QC_FAIL, FG_REASON_NONE);
	expect(&a, &b, FG_QC_FAIL, FG_REASON_NOT_A_NUMBER, NAN);
}

/* Of two that are equally bad the first tells why. */
static void test_the_first_of_equals_tells(void **state)
{
	const struct fg_known a = known(1, 100, FG_QC_FAIL, FG_REASON_SENSOR_QUALITY);
	const struct fg_known b = known(2, 100, FG_QC_FAIL, FG_REASON_NOT_A_NUMBER);

	(void)state;
	expect(&a, &b, FG_QC_FAIL, FG_REASON_SENSOR_QUALITY, 1 / 1.2);
}

/* Scale and offset of the point come after the formula. */
static void test_scale_and_offset(void **state)
{
	const struct fg_point scaled = {
		.index = 2, .scale = 2, .offset = 3, .derived = &derivation};

	(void)state;
	assert_true(fg_derivation_value(&scaled, (double[]){3, 5}).f == 7); /* 3 / 1.5 */
}

static void test_a_table(void **state)
{
	static const struct fg_rating rows[] = {{0.1, 20}, {0.2, 65}};
	struct fg_derivation table = {.rating = rows, .rating_count = 2,
		.inputs = {{.point = &points[0], .scale = 1}}, .input_count = 1};
	struct fg_point flow = {.scale = 1000, .derived = &table};
	struct fg_known level = known(0.15, 100, FG_QC_PASS, FG_REASON_NONE);
	struct fg_reading r = fg_derivation_reading(&flow, &level, 100 * S);

	(void)state;
	assert_int_equal(r.value.kind, FG_KIND_FLOAT);
	assert_true(r.value.f == 42500);
	level.value = 0.21;
	r = fg_derivation_reading(&flow, &level, 100 * S);
	assert_int_equal(r.qc, FG_QC_FAIL);
	assert_int_equal(r.reason, FG_REASON_OUT_OF_RANGE);
	assert_int_equal(r.value.kind, FG_KIND_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formulas),
		cmocka_unit_test(test_units_of_formulas),
		cmocka_unit_test(test_the_first_of_equals_tells),
		cmocka_unit_test(test_scale_and_offset),
		cmocka_unit_test(test_flag_is_the_worst_of_the_inputs),
		cmocka_unit_test(test_inputs_that_are_not_there),
		cmocka_unit_test(test_a_table),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
