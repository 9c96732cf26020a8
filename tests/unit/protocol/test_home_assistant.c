/* SPDX-License-Identifier: EUPL-1.2 */
/* Device discovery of Home Assistant: one message, a sensor for each point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"

extern const struct fg_encoder fg_encoder_home_assistant;

static const struct fg_station station = {.name = "bragernes", .title = "Bragernes strand"};
static struct fg_device device;
static struct fg_point points[4];
static const struct fg_device *const devices[] = {&device};
static struct fg_site site;
static const struct {
	const char *prefix;
} options = {"homeassistant"};
static char topic_mem[200], payload_mem[16384];

static int setup(void **state)
{
	static const char *const properties[] = {"water_temperature", "ph", "x_pump",
		"wind_from_direction"};
	static const char *const units[] = {"Cel", "[pH]", "1", "deg"};

	(void)state;
	device = (struct fg_device){.name = "probe", .station = &station,
		.domain = FG_DOMAIN_BATHING, .points = points, .point_count = 4};
	for (size_t i = 0; i < 4; i++)
		points[i] = (struct fg_point){.name = properties[i], .device = &device,
			.property = properties[i], .known = fg_property_find(properties[i]),
			.unit = units[i], .decimals = -1};
	site = (struct fg_site){.gateway = "drammen-01", .title = "Drammenselva",
		.operator= "Drammen kommune", .contact = "https://www.example.no/miljo",
		.stations = &station, .station_count = 1, .devices = devices, .device_count = 1};
	return 0;
}

/* `arg`: the only point that is selected; none: all are. */
static bool selects(void *arg, const struct fg_point *point)
{
	return !arg || point == arg;
}

static cJSON *message(struct fg_point *only)
{
	const struct fg_encoding e = {.site = &site, .prefix = "drammen", .options = &options,
		.selects = selects, .arg = only};
	struct fg_buf topic, payload;
	bool retain = false;
	cJSON *json;

	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&payload, payload_mem, sizeof(payload_mem));
	assert_int_equal(fg_encoder_home_assistant.documents(&e), 1);
	assert_int_equal(
		fg_encoder_home_assistant.document(&e, 0, &topic, &payload, &retain), FG_OK);
	assert_true(retain);
	json = cJSON_Parse(payload_mem);
	assert_non_null(json);
	assert_int_equal(
		fg_encoder_home_assistant.document(&e, 1, &topic, &payload, &retain), FG_ENOENT);
	return json;
}

static cJSON *at(cJSON *json, const char *a, const char *b)
{
	json = cJSON_GetObjectItemCaseSensitive(json, a);
	return b ? cJSON_GetObjectItemCaseSensitive(json, b) : json;
}

static const char *text(cJSON *json, const char *a, const char *b)
{
	return cJSON_GetStringValue(at(json, a, b));
}

static void test_message(void **state)
{
	cJSON *json = message(NULL), *available, *sensor;

	(void)state;
	assert_string_equal(topic_mem, "homeassistant/device/drammen-01/config");
	assert_string_equal(text(json, "device", "name"), "Drammenselva");
	assert_string_equal(text(json, "device", "manufacturer"), "Drammen kommune");
	assert_string_equal(text(json, "origin", "name"), "fjordgate");
	available = cJSON_GetArrayItem(at(json, "availability", NULL), 0);
	assert_string_equal(text(available, "topic", NULL), "drammen/gateways/drammen-01/status");
	assert_string_equal(text(available, "value_template", NULL), "{{ value_json.state }}");
	assert_string_equal(text(available, "payload_available", NULL), "online");
	assert_string_equal(text(available, "payload_not_available", NULL), "offline");

	assert_int_equal(cJSON_GetArraySize(at(json, "components", NULL)), 4);
	sensor = at(json, "components", "drammen-01_bathing_bragernes_water_temperature");
	assert_string_equal(text(sensor, "platform", NULL), "sensor");
	assert_string_equal(text(sensor, "unique_id", NULL), sensor->string);
	assert_string_equal(text(sensor, "name", NULL), "Bragernes strand Vanntemperatur");
	assert_string_equal(text(sensor, "state_topic", NULL),
		"drammen/obs/bathing/bragernes/water_temperature");
	assert_string_equal(text(sensor, "value_template", NULL), "{{ value_json.value }}");
	assert_string_equal(text(sensor, "device_class", NULL), "temperature");
	assert_string_equal(text(sensor, "unit_of_measurement", NULL), "°C");
	assert_string_equal(text(sensor, "state_class", NULL), "measurement");
	assert_int_equal(at(sensor, "suggested_display_precision", NULL)->valueint, 1);
	cJSON_Delete(json);
	site.language = FG_LANG_NN;
	json = message(NULL);
	sensor = at(json, "components", "drammen-01_bathing_bragernes_water_temperature");
	assert_string_equal(text(sensor, "name", NULL), "Bragernes strand Vasstemperatur");
	cJSON_Delete(json);
}

/* What Home Assistant would refuse or misread is left out. */
static void test_classes(void **state)
{
	cJSON *json, *sensor;

	(void)state;
	site.language = FG_LANG_EN;
	json = message(NULL);
	sensor = at(json, "components", "drammen-01_bathing_bragernes_ph");
	assert_string_equal(text(sensor, "device_class", NULL), "ph");
	assert_null(at(sensor, "unit_of_measurement", NULL));
	assert_string_equal(text(sensor, "name", NULL), "Bragernes strand pH");
	sensor = at(json, "components", "drammen-01_bathing_bragernes_x_pump");
	assert_string_equal(text(sensor, "name", NULL), "Bragernes strand x_pump");
	assert_null(at(sensor, "device_class", NULL));
	assert_null(at(sensor, "unit_of_measurement", NULL));
	assert_null(at(sensor, "state_class", NULL)); /* it may be a text */
	sensor = at(json, "components", "drammen-01_bathing_bragernes_wind_from_direction");
	assert_string_equal(text(sensor, "state_class", NULL), "measurement_angle");
	cJSON_Delete(json);

	points[2].unit = "bar";
	json = message(NULL);
	sensor = at(json, "components", "drammen-01_bathing_bragernes_x_pump");
	assert_string_equal(text(sensor, "unit_of_measurement", NULL), "bar");
	cJSON_Delete(json);
}

static void test_hourly_and_selection(void **state)
{
	cJSON *json, *sensor;

	(void)state;
	points[0].hourly.on = true;
	points[0].hourly.stat = FG_STAT_MEAN;
	json = message(NULL);
	assert_int_equal(cJSON_GetArraySize(at(json, "components", NULL)), 5);
	sensor = at(json, "components", "drammen-01_bathing_bragernes_water_temperature_hourly");
	assert_string_equal(text(sensor, "state_topic", NULL),
		"drammen/hourly/bathing/bragernes/water_temperature");
	cJSON_Delete(json);
	json = message(&points[1]);
	assert_int_equal(cJSON_GetArraySize(at(json, "components", NULL)), 1);
	assert_non_null(at(json, "components", "drammen-01_bathing_bragernes_ph"));
	cJSON_Delete(json);
}

/* Each property of the model has its class, and none that is not there. */
static void test_table_is_complete(void **state)
{
	static const char *const names[] = {
#define CLASS(property, name, unit) #property,
#include "protocol/home_assistant.def"
#undef CLASS
	};

	(void)state;
	assert_int_equal(FG_COUNT(names), fg_property_count);
	for (size_t i = 0; i < FG_COUNT(names); i++)
		assert_non_null(fg_property_find(names[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_message, setup),
		cmocka_unit_test_setup(test_classes, setup),
		cmocka_unit_test_setup(test_hourly_and_selection, setup),
		cmocka_unit_test_setup(test_table_is_complete, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
