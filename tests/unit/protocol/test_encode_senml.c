/* SPDX-License-Identifier: EUPL-1.2 */
/* SenML packs: exact bytes of both forms, units, what is left out, bounds; and any readings come
 * back the same through the reader. A foreign reader is in tests/system/payload_senml.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/status.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"
#include "protocol/senml.h"

#define NOON_MS INT64_C(1782907200000)

static const struct fg_site site = {.gateway = "gw"};
static const int json_form = 0, cbor_form = 1;
static char topic_mem[200], mem[4096];
static struct fg_buf topic, out;

static struct fg_point_desc desc_of(const char *point, const char *property, const char *unit)
{
	return (struct fg_point_desc){.station = "pier",
		.device = "sonde",
		.point = point,
		.property = property,
		.unit = unit,
		.domain = "water",
		.decimals = -1};
}

static int encode(const struct fg_entry *entries, size_t n, const int *form, size_t cap)
{
	const struct fg_encoding e = {.site = &site, .prefix = "town", .options = form};

	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&out, mem, cap);
	return fg_encoders[FG_ENCODER_senml]->encode(&e, entries, n, &topic, &out);
}

static struct fg_entry entry(const struct fg_point_desc *desc, int64_t wall_ms, double v)
{
	return (struct fg_entry){.desc = desc,
		.item = {.wall_ms = wall_ms, .qc = FG_QC_PASS,
			.value = {.kind = FG_KIND_DECIMAL, .f = v}}};
}

static void assert_hex(const char *want)
{
	char got[2 * sizeof(mem) + 1] = "";

	for (size_t i = 0; i < out.len; i++)
		snprintf(got + 2 * i, 3, "%02x", (unsigned char)out.data[i]);
	assert_string_equal(got, want);
}

static void test_pack(void **state)
{
	const struct fg_point_desc temperature = desc_of("top", "water_temperature", "Cel"),
				   ph = desc_of("ph", "ph", "[pH]"),
				   bacteria = desc_of("e_coli", "e_coli", "{CFU}/(100.mL)");
	struct fg_entry entries[] = {entry(&temperature, NOON_MS + 250, 194 * 0.1),
		entry(&ph, NOON_MS + 250, 7), entry(&bacteria, NOON_MS + 1250, 120)};

	(void)state;
	entries[1].item.qc = FG_QC_SUSPECT;
	assert_int_equal(encode(entries, 3, &json_form, sizeof(mem)), FG_OK);
	assert_string_equal(topic_mem, "town/senml/water/pier/sonde");
	assert_string_equal(mem,
		"[{\"bn\":\"pier/\",\"bt\":1782907200.25,\"n\":\"top\",\"u\":\"Cel\",\"v\":19.4},"
		"{\"n\":\"ph\",\"u\":\"pH\",\"v\":7,\"qc\":3},"
		"{\"n\":\"e_coli\",\"t\":1,\"v\":120}]");
	assert_int_equal(encode(entries, 3, &cbor_form, sizeof(mem)), FG_OK);
	assert_hex("83"
		   "a5" "2165706965722f" "22fb41da914050100000" "0063746f70" "016343656c"
		   "02fb4033666666666666"
		   "a4" "00627068" "01627048" "0207" "62716303"
		   "a3" "0066655f636f6c69" "0601" "021878");
}

/* A secondary unit anywhere makes it a pack of version 26; else it is of the version all know. */
static void test_units(void **state)
{
	static const struct {
		const char *property, *unit, *senml;
		double value, told;
		bool secondary;
	} cases[] = {
		{"pm25", "ug/m3", "ug/m3", 8.4, 8.4, true},
		{"co", "mg/m3", "kg/m3", 0.4, 4e-7, false},
		{"relative_humidity", "%", "%RH", 55, 55, false},
		{"battery_level", "%", "%EL", 55, 55, false},
		{"oxygen_saturation", "%", "/100", 96.5, 96.5, true},
		{"wind_from_direction", "deg", "rad", 180, 3.14159265358979, false},
		{"conductivity", "uS/cm", "S/m", 250, 0.025, false},
		{"dissolved_oxygen", "mg/L", "mg/l", 9.1, 9.1, true},
		{"flow", "L/s", "m3/s", 12, 0.012, false},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		const struct fg_point_desc desc = desc_of("p", cases[i].property, cases[i].unit);
		const struct fg_entry e = entry(&desc, NOON_MS, cases[i].value);
		char text[64];
		struct fg_senml_record r;
		struct fg_senml s;

		assert_int_equal(encode(&e, 1, &json_form, sizeof(mem)), FG_OK);
		assert_int_equal(fg_senml_open(&s, FG_SENML_JSON, 0, mem, out.len, 0, text,
					 sizeof(text)), FG_OK);
		assert_int_equal(fg_senml_next(&s, &r), FG_OK);
		assert_string_equal(r.unit, cases[i].senml);
		assert_true(fg_value_number(&r.value) == cases[i].told);
		assert_int_equal(strstr(mem, "\"bver\":26") != NULL, cases[i].secondary);
	}
}

static void test_what_is_left_out(void **state)
{
	const struct fg_point_desc desc = desc_of("ph", "ph", "[pH]");
	struct fg_entry entries[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		entries[i] = entry(&desc, NOON_MS, 7);
	entries[0].item.qc = FG_QC_MISSING;
	entries[1].item.value.kind = FG_KIND_NONE;
	entries[2].item.value.f = NAN;
	assert_int_equal(encode(entries, 3, &json_form, sizeof(mem)), FG_ENOENT);
	assert_int_equal(encode(entries, 3, &cbor_form, sizeof(mem)), FG_ENOENT);
	assert_int_equal(encode(entries, 4, &json_form, sizeof(mem)), FG_OK);
	assert_string_equal(mem,
		"[{\"bn\":\"pier/\",\"bt\":1782907200,\"n\":\"ph\",\"u\":\"pH\",\"v\":7}]");
	assert_int_equal(encode(entries, 4, &cbor_form, sizeof(mem)), FG_OK);
	assert_int_equal((unsigned char)mem[0], 0x81);
}

static void test_hours_have_a_name_and_a_topic(void **state)
{
	struct fg_point_desc desc = desc_of("pm25", "pm25", "ug/m3");
	struct fg_entry e;

	(void)state;
	desc.period = FG_TOLD_HOUR;
	desc.stat = FG_STAT_MEAN;
	e = entry(&desc, NOON_MS, 8.25);
	assert_int_equal(encode(&e, 1, &json_form, sizeof(mem)), FG_OK);
	assert_string_equal(topic_mem, "town/senml/water/pier/sonde/hourly");
	assert_non_null(strstr(mem, "\"n\":\"pm25/hourly\""));
	assert_int_equal(encode(&e, 1, &cbor_form, sizeof(mem)), FG_OK);
	assert_non_null(memmem(mem, out.len, "kpm25/hourly", 12));
}

static void test_texts_and_flags(void **state)
{
	const struct fg_point_desc desc = desc_of("state", "x_state", "1");
	struct fg_entry e = entry(&desc, NOON_MS, 0);

	(void)state;
	e.item.value = (struct fg_value){.kind = FG_KIND_TEXT, .text = "a\"\xFF", .len = 3};
	assert_int_equal(encode(&e, 1, &json_form, sizeof(mem)), FG_OK);
	assert_non_null(strstr(mem, "\"vs\":\"a\\\"\xEF\xBF\xBD\""));
	assert_int_equal(encode(&e, 1, &cbor_form, sizeof(mem)), FG_OK);
	assert_non_null(memmem(mem, out.len, "\x03\x65" "a\"\xEF\xBF\xBD", 7));
	e.item.value = (struct fg_value){.kind = FG_KIND_BOOL, .b = true};
	assert_int_equal(encode(&e, 1, &json_form, sizeof(mem)), FG_OK);
	assert_non_null(strstr(mem, "\"vb\":true"));
	assert_int_equal(encode(&e, 1, &cbor_form, sizeof(mem)), FG_OK);
	assert_int_equal((unsigned char)mem[out.len - 1], 0xF5);
}

static struct fg_value any_number(struct fg_rng *rng)
{
	double d = ((double)fg_rng_next(rng) / 1e19 - 0.9) * pow(10, (double)fg_rng_below(rng, 9));

	switch (fg_rng_below(rng, 6)) {
	case 0:
		return (struct fg_value){.kind = FG_KIND_INT, .i = (int64_t)fg_rng_next(rng) >> 12};
	case 1:
		return (struct fg_value){.kind = FG_KIND_FLOAT, .f = (double)(float)d};
	case 2:
		return (struct fg_value){.kind = FG_KIND_DOUBLE, .f = d};
	case 3: /* a half */
		return (struct fg_value){.kind = FG_KIND_DOUBLE, .f = round(d) / 8};
	case 4:
		return (struct fg_value){.kind = FG_KIND_UINT, .u = fg_rng_below(rng, 70000)};
	default:
		return (struct fg_value){.kind = FG_KIND_DECIMAL,
			.f = (double)fg_rng_below(rng, 100000) * 0.01};
	}
}

/* Both forms give one and the same number, which is that of `json`. */
static void test_any_number_comes_back(void **state)
{
	const struct fg_point_desc desc = desc_of("x", "x_test", "K");
	struct fg_rng rng = {.state = 7};

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct fg_entry e = entry(&desc, NOON_MS + (int64_t)fg_rng_below(&rng, 5000), 0);
		char text[64], told[64];
		struct fg_senml_record r[2];
		struct fg_senml s;
		struct fg_buf b;

		e.item.value = any_number(&rng);
		for (int form = 0; form < 2; form++) {
			assert_int_equal(encode(&e, 1, &form, sizeof(mem)), FG_OK);
			assert_int_equal(fg_senml_open(&s, form ? FG_SENML_CBOR : FG_SENML_JSON, 0,
						 mem, out.len, 0, text, sizeof(text)), FG_OK);
			assert_int_equal(fg_senml_next(&s, &r[form]), FG_OK);
		}
		fg_buf_wrap(&b, told, sizeof(told));
		fg_encode_value(&b, &e.item.value, -1);
		assert_true(fg_value_number(&r[0].value) == strtod(told, NULL));
		assert_true(fg_value_number(&r[1].value) == strtod(told, NULL));
		assert_true(llround(r[0].time * 1000) == e.item.wall_ms);
		assert_true(llround(r[1].time * 1000) == e.item.wall_ms);
	}
}

static void test_no_room(void **state)
{
	const struct fg_point_desc desc = desc_of("ph", "ph", "[pH]");
	const struct fg_entry entries[] = {entry(&desc, NOON_MS, 7), entry(&desc, NOON_MS, 8)};

	(void)state;
	for (int form = 0; form < 2; form++) {
		size_t len;

		assert_int_equal(encode(entries, 2, &form, sizeof(mem)), FG_OK);
		len = out.len;
		for (size_t cap = 0; cap <= len; cap++)
			assert_int_equal(encode(entries, 2, &form, cap), FG_EFULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_what_is_left_out),
		cmocka_unit_test(test_hours_have_a_name_and_a_topic),
		cmocka_unit_test(test_texts_and_flags),
		cmocka_unit_test(test_any_number_comes_back),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
