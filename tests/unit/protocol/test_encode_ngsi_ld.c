/* SPDX-License-Identifier: EUPL-1.2 */
/* NGSI-LD entities: exact text, units and bounds of the models, what is left out. A foreign
 * validator is in tests/system/payload_ngsi_ld.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/status.h"
#include "protocol/encoder.h"

#define NOON_MS INT64_C(1782907200000)

static const struct fg_station stations[] = {
	{.name = "pier", .title = "The \"pier\"", .has_position = true, .latitude = 59.7421,
		.longitude = 10.2012},
	{.name = "nowhere", .title = "Nowhere"},
};
static const struct fg_site site = {
	.gateway = "gw", .operator= "Town", .stations = stations, .station_count = 2};
static const int key_values = 0, normalized = 1;
static char topic_mem[200], mem[4096];
static struct fg_buf topic, out;

static struct fg_point_desc desc_of(const char *domain, const char *property, const char *unit)
{
	return (struct fg_point_desc){.station = "pier",
		.device = "dev",
		.point = property,
		.property = property,
		.unit = unit,
		.domain = domain,
		.decimals = -1};
}

static struct fg_entry entry(const struct fg_point_desc *desc, double v)
{
	return (struct fg_entry){.desc = desc,
		.item = {.wall_ms = NOON_MS, .qc = FG_QC_PASS,
			.value = {.kind = FG_KIND_DECIMAL, .f = v}}};
}

static int encode(const struct fg_entry *entries, size_t n, const int *form, size_t cap)
{
	const struct fg_encoding e = {.site = &site, .prefix = "town", .options = form};

	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&out, mem, cap);
	return fg_encoders[FG_ENCODER_ngsi_ld]->encode(&e, entries, n, &topic, &out);
}

#define CONTEXT                                                                                    \
	"\"@context\":[\"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld\","           \
	"\"https://raw.githubusercontent.com/smart-data-models/dataModel.Environment/master/"      \
	"context.jsonld\"]}"

static void test_key_values(void **state)
{
	const struct fg_point_desc pm = desc_of("air", "pm25", "ug/m3"),
				   wind = desc_of("air", "wind_from_direction", "deg"),
				   humidity = desc_of("air", "relative_humidity", "%");
	struct fg_entry entries[] = {entry(&pm, 8.4), entry(&wind, 350), entry(&humidity, 55)};

	(void)state;
	entries[1].item.wall_ms += 250;
	assert_int_equal(encode(entries, 3, &key_values, sizeof(mem)), FG_OK);
	assert_string_equal(topic_mem, "town/ngsi-ld/air/pier");
	assert_string_equal(mem,
		"{\"id\":\"urn:ngsi-ld:AirQualityObserved:pier:dev\","
		"\"type\":\"AirQualityObserved\",\"dateObserved\":\"2026-07-01T12:00:00.250Z\","
		"\"location\":{\"type\":\"Point\",\"coordinates\":[10.2012,59.7421]},"
		"\"name\":\"The \\\"pier\\\"\",\"dataProvider\":\"Town\","
		"\"refDevice\":\"urn:ngsi-ld:Device:gw:dev\",\"pm25\":8.4,\"windDirection\":-10,"
		"\"relativeHumidity\":0.55," CONTEXT);
}

static void test_normalized(void **state)
{
	const struct fg_point_desc pm = desc_of("air", "pm25", "ug/m3");
	struct fg_entry e = entry(&pm, 8.4);

	(void)state;
	e.item.qc = FG_QC_FAIL;
	assert_int_equal(encode(&e, 1, &key_values, sizeof(mem)), FG_ENOENT);
	assert_int_equal(encode(&e, 1, &normalized, sizeof(mem)), FG_OK);
	assert_non_null(strstr(mem,
		"\"dateObserved\":{\"type\":\"Property\",\"value\":{\"@type\":\"DateTime\","
		"\"@value\":\"2026-07-01T12:00:00.000Z\"}}"));
	assert_non_null(strstr(mem,
		"\"refDevice\":{\"type\":\"Relationship\","
		"\"object\":\"urn:ngsi-ld:Device:gw:dev\"},"
		"\"pm25\":{\"type\":\"Property\",\"value\":8.4,\"unitCode\":\"GQ\","
		"\"observedAt\":\"2026-07-01T12:00:00.000Z\","
		"\"qc\":{\"type\":\"Property\",\"value\":4}}," CONTEXT));
}

static void test_bounds_of_the_models(void **state)
{
	static const struct {
		const char *domain, *property, *unit;
		double value;
		const char *told; /* NULL: nothing */
	} cases[] = {
		{"water", "ph", "[pH]", 14, "\"pH\":14,"},
		{"water", "ph", "[pH]", 14.1, NULL},
		{"bathing", "water_temperature", "Cel", -0.5, "\"temperature\":-0.5,"},
		{"water", "orp", "mV", -1, NULL},
		{"water", "flow", "L/s", 10, "\"flow\":36,"},
		{"water", "conductivity", "uS/cm", 250, "\"conductivity\":0.025,"},
		{"water", "water_level", "m", 1, NULL},
		{"water", "x_other", "1", 1, NULL},
		{"weather", "wind_from_direction", "deg", 350, "\"windDirection\":350,"},
		{"weather", "wind_from_direction", "deg", 361, NULL},
		{"weather", "relative_humidity", "%", 101, NULL},
		{"weather", "air_temperature", "K", 280, NULL},
		{"air", "no2", "ug/m3", -0.1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		const struct fg_point_desc desc =
			desc_of(cases[i].domain, cases[i].property, cases[i].unit);
		const struct fg_entry e = entry(&desc, cases[i].value);

		assert_int_equal(encode(&e, 1, &key_values, sizeof(mem)),
			cases[i].told ? FG_OK : FG_ENOENT);
		if (cases[i].told)
			assert_non_null(strstr(mem, cases[i].told));
	}
}

/* An entity has an attribute once, a station has a place, and a reading has a value. */
static void test_what_is_left_out(void **state)
{
	struct fg_point_desc top = desc_of("water", "water_temperature", "Cel"), bottom = top;
	struct fg_entry entries[2];

	(void)state;
	bottom.point = "bottom";
	entries[0] = entry(&top, 19);
	entries[1] = entry(&bottom, 7);
	assert_int_equal(encode(entries, 2, &key_values, sizeof(mem)), FG_OK);
	assert_non_null(strstr(mem, "\"temperature\":19,\"@context\""));
	entries[0].item.qc = FG_QC_MISSING;
	assert_int_equal(encode(entries, 2, &key_values, sizeof(mem)), FG_OK);
	assert_non_null(strstr(mem, "\"temperature\":7,\"@context\""));
	entries[1].item.value.kind = FG_KIND_NONE;
	assert_int_equal(encode(entries, 2, &key_values, sizeof(mem)), FG_ENOENT);
	entries[0] = entry(&top, 19);
	top.station = "nowhere";
	assert_int_equal(encode(entries, 1, &key_values, sizeof(mem)), FG_ENOENT);
	top.station = "gone";
	assert_int_equal(encode(entries, 1, &key_values, sizeof(mem)), FG_ENOENT);
}

static void test_no_room(void **state)
{
	const struct fg_point_desc desc = desc_of("water", "ph", "[pH]");
	const struct fg_entry e = entry(&desc, 7);

	(void)state;
	for (int form = 0; form < 2; form++) {
		size_t len;

		assert_int_equal(encode(&e, 1, &form, sizeof(mem)), FG_OK);
		len = out.len;
		for (size_t cap = 0; cap <= len; cap++)
			assert_int_equal(encode(&e, 1, &form, cap), FG_EFULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_values),
		cmocka_unit_test(test_normalized),
		cmocka_unit_test(test_bounds_of_the_models),
		cmocka_unit_test(test_what_is_left_out),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
