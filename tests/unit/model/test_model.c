/* SPDX-License-Identifier: EUPL-1.2 */
/* Units, properties, reasons, flags, scaling and batches. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/point.h"
#include "model/plausible.h"
#include "model/property.h"
#include "model/qc.h"
#include "model/reading.h"
#include "model/reason.h"
#include "model/unit.h"
#include "model/value.h"

static double convert(double v, const char *from, const char *to)
{
	const struct fg_unit *a = fg_unit_find(from), *b = fg_unit_find(to);
	double factor, offset;

	if (!a || !b)
		fail_msg("unknown unit: %s or %s", from, to);
	if (!fg_unit_convert(a, b, &factor, &offset))
		fail_msg("%s does not convert to %s", from, to);
	return v * factor + offset;
}

/* A value in one unit and the same in another; both ways. */
static void units_convert(void **state)
{
	static const struct {
		double a;
		const char *from;
		double b;
		const char *to;
	} rows[] = {
		{0, "Cel", 273.15, "K"}, {20, "Cel", 68, "[degF]"}, {-40, "Cel", -40, "[degF]"},
		{0, "K", -459.67, "[degF]"}, {1500, "ug/m3", 1.5, "mg/m3"},
		{1, "ug/m3", 1000, "ng/m3"}, {1, "g/m3", 1000, "mg/m3"}, {1, "kg/m3", 1000, "g/m3"},
		{8.5, "mg/L", 8500, "ug/L"}, {1, "g/L", 1000, "mg/L"}, {0.4, "[ppm]", 400, "[ppb]"},
		{1013.25, "hPa", 101325, "Pa"}, {1013.25, "hPa", 101.325, "kPa"},
		{1013.25, "hPa", 0.101325, "MPa"}, {1013.25, "hPa", 1.01325, "bar"},
		{1, "hPa", 1, "mbar"}, {1013.25, "hPa", 14.695948775513, "[psi]"},
		{1013.25, "hPa", 760.0, "mm[Hg]"}, {1013.25, "hPa", 0.76, "m[Hg]"},
		{10, "m/s", 36, "km/h"}, {1, "m/s", 100, "cm/s"},
		{1, "[kn_i]", 0.514444444444, "m/s"}, {180, "deg", 3.14159265358979, "rad"},
		{1500, "uS/cm", 1.5, "mS/cm"}, {1500, "uS/cm", 0.15, "S/m"},
		{1500, "uS/cm", 150, "mS/m"}, {230, "mV", 0.23, "V"}, {1.234, "m", 1234, "mm"},
		{1.234, "m", 123.4, "cm"}, {1, "km", 1000, "m"}, {1, "[ft_i]", 0.3048, "m"},
		{1, "[in_i]", 0.0254, "m"}, {1, "[in_i'Hg]", 33.86388640341, "hPa"},
		{10, "mm[H2O]", 0.980665, "hPa"}, {1, "m[H2O]", 98.0665, "hPa"},
		{1, "m3/s", 1000, "L/s"}, {3.6, "m3/h", 1, "L/s"}, {60, "L/min", 1, "L/s"},
		{1, "h", 60, "min"}, {1, "min", 60, "s"}, {1, "s", 1000, "ms"},
		{1, "A", 1000, "mA"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		double there = convert(rows[i].a, rows[i].from, rows[i].to);
		double back = convert(rows[i].b, rows[i].to, rows[i].from);
		double size = fabs(rows[i].a) + fabs(rows[i].b);

		if (fabs(there - rows[i].b) > 1e-6 * size || fabs(back - rows[i].a) > 1e-6 * size)
			fail_msg("%s to %s: %.12g, back %.12g", rows[i].from, rows[i].to, there,
				back);
	}
}

static void a_unit_is_itself_exactly(void **state)
{
	static const char *const names[] = {"Cel", "K", "[degF]", "%", "1", "hPa", "mm/h",
		"dB[SPL]", "[pH]", "{NTU}", "{FNU}", "{CFU}/(100.mL)", "{dBm}", "W/m2", "lx"};
	double factor, offset;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(names); i++) {
		const struct fg_unit *u = fg_unit_find(names[i]);

		if (!u)
			fail_msg("unknown unit: %s", names[i]);
		assert_true(fg_unit_convert(u, u, &factor, &offset));
		assert_true(factor == 1.0 && offset == 0.0);
		assert_true(fg_unit_plausible(names[i]));
	}
	assert_false(fg_unit_convert(fg_unit_find("Cel"), fg_unit_find("hPa"), &factor, &offset));
	assert_false(fg_unit_convert(fg_unit_find("mg/m3"), fg_unit_find("mg/L"), &factor,
		&offset));
	assert_false(fg_unit_convert(fg_unit_find("{NTU}"), fg_unit_find("{FNU}"), &factor,
		&offset));
}

static void spellings_are_understood(void **state)
{
	static const struct {
		const char *text, *ucum;
	} rows[] = {
		{"°C", "Cel"}, {"degC", "Cel"}, {"C", "Cel"}, {"celsius", "Cel"}, {"°F", "[degF]"},
		{"degF", "[degF]"}, {"µg/m³", "ug/m3"}, {"µg/m3", "ug/m3"}, {"ug/m³", "ug/m3"},
		{"mg/m³", "mg/m3"}, {"mg/l", "mg/L"}, {"µg/l", "ug/L"}, {"µg/L", "ug/L"},
		{"ug/l", "ug/L"}, {"ppm", "[ppm]"}, {"ppb", "[ppb]"}, {"%RH", "%"},
		{"mmHg", "mm[Hg]"}, {"psi", "[psi]"}, {"kn", "[kn_i]"}, {"°", "deg"},
		{"dB(A)", "dB[SPL]"}, {"dBA", "dB[SPL]"}, {"dB", "dB[SPL]"}, {"pH", "[pH]"},
		{"NTU", "{NTU}"}, {"[NTU]", "{NTU}"}, {"FNU", "{FNU}"}, {"µS/cm", "uS/cm"},
		{"{PSU}", "1"}, {"PSU", "1"}, {"ft", "[ft_i]"}, {"in", "[in_i]"},
		{"inHg", "[in_i'Hg]"}, {"PSI", "[psi]"}, {"mmH2O", "mm[H2O]"},
		{"mH2O", "m[H2O]"}, {"l/s", "L/s"}, {"m³/s", "m3/s"},
		{"%EL", "%"}, {"/", "1"}, {"l/min", "L/min"}, {"g/l", "g/L"}, {"lat", "deg"},
		{"lon", "deg"}, {"m³/h", "m3/h"}, {"[CFU]/(100.mL)", "{CFU}/(100.mL)"},
		{"dBm", "{dBm}"}, {"count", "1"}, {"l", "L"}, {"VA", "V.A"}, {"Wh", "W.h"},
		{"kWh", "kW.h"}, {"Ah", "A.h"}, {"kVA", "kV.A"},
	};
	static const char *const unknown[] = {"", "grad", "CEL", "cel", " Cel", "Cel ", "mg", "oC"};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		const struct fg_unit *u = fg_unit_find(rows[i].text);

		if (!u || strcmp(u->ucum, rows[i].ucum) != 0)
			fail_msg("%s is not %s", rows[i].text, rows[i].ucum);
	}
	for (size_t i = 0; i < FG_COUNT(unknown); i++)
		assert_null(fg_unit_find(unknown[i]));
}

static void implausible_units(void **state)
{
	static const char *const bad[] = {"", "a b", "[x", "x]", "{", "}{", "(m", "m\"", "m\\",
		"µm", "a\n", "0123456789012345678901234567890123456789x"};
	static const char *const good[] = {"umol/m2/s", "{count}", "10*3/uL", "mm[Hg]", "%{vol}"};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(bad); i++)
		assert_false(fg_unit_plausible(bad[i]));
	for (size_t i = 0; i < FG_COUNT(good); i++)
		assert_true(fg_unit_plausible(good[i]));
}

static void properties_are_sound(void **state)
{
	(void)state;
	assert_true(fg_property_count > 25);
	for (size_t i = 0; i < fg_property_count; i++) {
		const struct fg_property *p = &fg_properties[i];

		assert_ptr_equal(fg_property_find(p->name), p); /* no name stands twice */
		assert_true(strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
			    strlen(p->name));
		assert_int_not_equal(strncmp(p->name, "x_", 2), 0);
		if (!fg_unit_find(p->unit) || strcmp(fg_unit_find(p->unit)->ucum, p->unit) != 0)
			fail_msg("%s: unit %s is not a known UCUM code", p->name, p->unit);
		assert_in_range(p->decimals, 0, 6);
		for (int l = 0; l < FG_LANG_COUNT; l++)
			assert_true(strlen(p->title[l]) > 0);
		assert_non_null(p->note);
	}
	assert_null(fg_property_find("x_own"));
	assert_null(fg_property_find(""));
	assert_string_equal(fg_domain_name(FG_DOMAIN_BATHING), "bathing");
	assert_string_equal(fg_domain_name(FG_DOMAIN_COUNT), "unknown");
}

static void reasons_have_texts(void **state)
{
	static const struct {
		enum fg_reason reason;
		unsigned detail;
		const char *text;
	} rows[] = {
		{FG_REASON_SENTINEL, 7, "sentinel"},
		{FG_REASON_SENSOR_QUALITY, 0, "sensor_quality"},
		{FG_REASON_NOT_A_NUMBER, 0, "not_a_number"},
		{FG_REASON_NO_RESPONSE, 0, "no_response"}, {FG_REASON_LINK_DOWN, 0, "link_down"},
		{FG_REASON_EXCEPTION, 2, "exception:2"},
		{FG_REASON_EXCEPTION, 255, "exception:255"},
		{FG_REASON_FRAME, 0, "frame"}, {FG_REASON_DECODE, 0, "decode"},
		{FG_REASON_COAP, 4 << 5 | 4, "coap:4.04"}, {FG_REASON_COAP, 5 << 5, "coap:5.00"},
		{FG_REASON_COAP, 255, "coap:7.31"}, {FG_REASON_CONTENT_FORMAT, 0, "content_format"},
		{FG_REASON_NOT_REPORTED, 0, "not_reported"}, {(enum fg_reason)200, 0, "unknown"},
	};
	char text[FG_REASON_SIZE];

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++)
		assert_string_equal(fg_reason_text(rows[i].reason, rows[i].detail, text),
			rows[i].text);
	for (unsigned i = 0; i < FG_REASON_COUNT; i++)
		assert_true(strlen(fg_reason_text((enum fg_reason)i, 0, text)) > 3);
}

static void tests_are_kept_apart(void **state)
{
	static const enum fg_qc flags[] = {1, 2, 3, 4, 9};
	fg_tests t = 0;

	(void)state;
	for (unsigned i = 0; i < FG_TEST_COUNT; i++) {
		assert_int_equal(fg_tests_get(t, (enum fg_test)i), 0);
		t = fg_tests_set(t, (enum fg_test)i, FG_QC_MISSING);
		t = fg_tests_set(t, (enum fg_test)i, flags[i % 5]);
	}
	for (unsigned i = 0; i < FG_TEST_COUNT; i++) {
		assert_int_equal(fg_tests_get(t, (enum fg_test)i), flags[i % 5]);
		assert_string_not_equal(fg_test_name((enum fg_test)i), "unknown");
	}
	assert_string_equal(fg_test_name(FG_TEST_GROSS_RANGE), "gross_range");
	assert_string_equal(fg_test_name(FG_TEST_COUNT), "unknown");
}

static void values_scale(void **state)
{
	static const struct {
		enum fg_kind kind, want_kind;
		double in, scale, offset, want;
	} rows[] = {
		{FG_KIND_INT, FG_KIND_INT, 194, 1, 0, 194},
		{FG_KIND_INT, FG_KIND_DECIMAL, 194, 0.1, 0, 19.4},
		{FG_KIND_INT, FG_KIND_DECIMAL, -5, 1, 0.5, -4.5},
		{FG_KIND_UINT, FG_KIND_DECIMAL, 10, 0.5, 1, 6},
		{FG_KIND_FLOAT, FG_KIND_FLOAT, 1.5, 2, 1, 4},
		{FG_KIND_DOUBLE, FG_KIND_DOUBLE, 1.5, 1, 0, 1.5},
		{FG_KIND_DECIMAL, FG_KIND_DECIMAL, 19.4, 10, 0, 194},
	};
	struct fg_value v = {.kind = FG_KIND_UINT, .u = UINT64_MAX};
	struct fg_point point = {.scale = 1};

	(void)state;
	fg_point_scale(&point, &v);
	assert_true(v.kind == FG_KIND_UINT && v.u == UINT64_MAX); /* all its digits */
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		point.scale = rows[i].scale;
		point.offset = rows[i].offset;
		v = (struct fg_value){.kind = rows[i].kind};
		if (v.kind == FG_KIND_INT || v.kind == FG_KIND_UINT)
			v.i = (int64_t)rows[i].in;
		else
			v.f = rows[i].in;
		fg_point_scale(&point, &v);
		assert_int_equal(v.kind, rows[i].want_kind);
		assert_true(fabs(fg_value_number(&v) - rows[i].want) < 1e-9);
	}
	v = (struct fg_value){.kind = FG_KIND_TEXT, .text = "x", .len = 1};
	fg_point_scale(&point, &v);
	assert_string_equal(v.text, "x");
	assert_true(isnan(fg_value_number(&v)));
	v = (struct fg_value){.kind = FG_KIND_BOOL, .b = true};
	fg_point_scale(&point, &v);
	assert_true(v.kind == FG_KIND_BOOL && fg_value_number(&v) == 1);
	v = (struct fg_value){.kind = FG_KIND_NONE};
	assert_true(isnan(fg_value_number(&v)));
}

static void missing_patterns(void **state)
{
	static const struct fg_missing missing[] = {
		{.raw = true, .bits = 0x7FC00000}, {.value = -9999}, {.value = -999.9},
		{.value = 3.4028235e38}, {.value = 1e39},
	};
	static const struct {
		struct fg_value v;
		bool missing;
	} cases[] = {
		{{.kind = FG_KIND_INT, .i = -9999}, true},
		{{.kind = FG_KIND_INT, .i = 0x7FC00000}, false},
		{{.kind = FG_KIND_FLOAT, .f = (double)-999.9f}, true},
		{{.kind = FG_KIND_FLOAT, .f = (double)-999.8f}, false},
		{{.kind = FG_KIND_FLOAT, .f = (double)3.4028235e38f}, true},
		{{.kind = FG_KIND_FLOAT, .f = (double)INFINITY}, false},
		{{.kind = FG_KIND_FLOAT, .f = (double)NAN}, false},
		{{.kind = FG_KIND_DOUBLE, .f = -999.9}, true},
		{{.kind = FG_KIND_DOUBLE, .f = (double)-999.9f}, false},
		{{.kind = FG_KIND_DECIMAL, .f = -999.9}, true},
	};
	struct fg_point point = {.missing = missing, .missing_count = FG_COUNT(missing)};

	(void)state;
	assert_true(fg_point_is_missing_raw(&point, 0x7FC00000));
	assert_false(fg_point_is_missing_raw(&point, 0));
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_int_equal(
			fg_point_is_missing_value(&point, &cases[i].v), cases[i].missing);
}

static void batches_are_bounded(void **state)
{
	struct fg_reading readings[2];
	char text[5];
	struct fg_batch batch = {.readings = readings, .cap = 2, .text = text, .text_cap = 5};
	struct fg_reading *r;

	(void)state;
	r = fg_batch_add(&batch, 7, 1000);
	assert_int_equal(r->point, 7);
	assert_int_equal(r->taken_mono_us, 1000);
	assert_int_equal(r->qc, FG_QC_NOT_EVALUATED);
	assert_int_equal(r->value.kind, FG_KIND_NONE);
	fg_batch_set_text(&batch, r, "abc", 3);
	r = fg_batch_add(&batch, 8, 2000);
	fg_batch_set_text(&batch, r, "defg", 4);
	assert_int_equal(r->value.len, 2); /* cut at the room there is */
	assert_memory_equal(readings[0].value.text, "abcde", 5);
	assert_int_equal(readings[0].value.len, 3);
	assert_null(fg_batch_add(&batch, 9, 3000));
	assert_int_equal(batch.count, 2);
}

static void what_is_plausible(void **state)
{
	double range[2];
	size_t known = 0;

	(void)state;
	for (size_t i = 0; i < fg_property_count; i++)
		known += fg_plausible_range(fg_properties[i].name, range) && range[0] < range[1];
	assert_true(known >= 30);
	assert_false(fg_plausible_range("x_own", range));
	assert_true(fg_plausible_range("water_temperature", range));
	assert_true(fg_plausible(range, 14.2));
	assert_true(fg_plausible(range, -0.5));
	assert_false(fg_plausible(range, 0)); /* says nothing */
	assert_false(fg_plausible(range, 1e-41));
	assert_false(fg_plausible(range, 142));
	assert_false(fg_plausible(range, (double)NAN));
	assert_int_equal(fg_plausible_decimals(range, 14), 0);
	assert_int_equal(fg_plausible_decimals(range, 142), 1);
	assert_int_equal(fg_plausible_decimals(range, 14200), 3);
	assert_int_equal(fg_plausible_decimals(range, 142000), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_plausible),
		cmocka_unit_test(units_convert),
		cmocka_unit_test(a_unit_is_itself_exactly),
		cmocka_unit_test(spellings_are_understood),
		cmocka_unit_test(implausible_units),
		cmocka_unit_test(properties_are_sound),
		cmocka_unit_test(reasons_have_texts),
		cmocka_unit_test(tests_are_kept_apart),
		cmocka_unit_test(values_scale),
		cmocka_unit_test(missing_patterns),
		cmocka_unit_test(batches_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
