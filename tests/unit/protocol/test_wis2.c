/* SPDX-License-Identifier: EUPL-1.2 */
/* Notifications of WIS2: what the WNM demands, and the reading in them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/status.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"

#define NOON INT64_C(1782907200000) /* 2026-07-01T12:00:00Z */

extern const struct fg_encoder fg_encoder_wis2;

static struct fg_station stations[] = {
	{.name = "bragernes", .has_position = true, .latitude = 59.7421, .longitude = 10.2012,
		.elevation = 1.5},
	{.name = "nowhere"},
};
static const struct fg_site site = {.gateway = "drammen-01",
	.contact = "https://www.example.no/miljo",
	.stations = stations,
	.station_count = 2};
static struct {
	const char *link, *metadata_id;
} options;
static struct fg_point_desc desc;
static struct fg_entry entry;
static char topic_mem[200], payload_mem[16384];

static int setup(void **state)
{
	(void)state;
	options.link = options.metadata_id = NULL;
	desc = (struct fg_point_desc){.station = "bragernes", .device = "probe",
		.point = "water_temperature", .property = "water_temperature", .unit = "Cel",
		.domain = "bathing", .decimals = -1};
	entry = (struct fg_entry){.desc = &desc, .newest = true,
		.item = {.seq = 18231, .wall_ms = NOON, .qc = FG_QC_PASS,
			.value = {.kind = FG_KIND_DECIMAL, .f = 19.4}}};
	return 0;
}

static int encode(void)
{
	const struct fg_encoding e = {.site = &site, .prefix = "drammen", .options = &options,
		.now_ms = NOON + 1500};
	struct fg_buf topic, payload;

	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&payload, payload_mem, sizeof(payload_mem));
	return fg_encoder_wis2.encode(&e, &entry, 1, &topic, &payload);
}

static cJSON *message(void)
{
	cJSON *json;

	assert_int_equal(encode(), FG_OK);
	json = cJSON_Parse(payload_mem);
	assert_non_null(json);
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
	char reading[FG_READING_JSON_MAX];
	struct fg_buf b;
	cJSON *json = message(), *place;

	(void)state;
	assert_string_equal(topic_mem, "drammen/wis2/bathing/bragernes");
	assert_string_equal(text(json, "type", NULL), "Feature");
	place = at(json, "conformsTo", NULL);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(place, 0)),
		"http://wis.wmo.int/spec/wnm/1/conf/core");
	assert_string_equal(text(json, "properties", "pubtime"), "2026-07-01T12:00:01.500Z");
	assert_string_equal(text(json, "properties", "datetime"), "2026-07-01T12:00:00.000Z");
	assert_null(at(json, "properties", "start_datetime"));
	assert_string_equal(text(json, "properties", "data_id"),
		"drammen-01/obs/bathing/bragernes/water_temperature/2026-07-01T12:00:00.000Z");
	place = at(json, "geometry", "coordinates");
	assert_true(cJSON_GetArrayItem(place, 0)->valuedouble == 10.2012);
	assert_true(cJSON_GetArrayItem(place, 1)->valuedouble == 59.7421);
	assert_true(cJSON_GetArrayItem(place, 2)->valuedouble == 1.5);

	fg_buf_wrap(&b, reading, sizeof(reading));
	assert_true(fg_encode_json(&b, "drammen-01", &desc, &entry.item));
	place = at(json, "properties", "content");
	assert_string_equal(text(place, "value", NULL), reading);
	assert_string_equal(text(place, "encoding", NULL), "utf-8");
	assert_int_equal(at(place, "size", NULL)->valueint, b.len);
	assert_string_equal(text(at(json, "properties", "integrity"), "method", NULL), "sha256");
	assert_int_equal(strlen(text(at(json, "properties", "integrity"), "value", NULL)), 44);
	cJSON_Delete(json);
}

/* The same notification has the same id, another has another; it is a UUID of version 8. */
static void test_id(void **state)
{
	char first[40];
	cJSON *json = message();

	(void)state;
	assert_int_equal(strlen(text(json, "id", NULL)), 36);
	memcpy(first, text(json, "id", NULL), 37);
	assert_int_equal(first[14], '8');
	assert_non_null(strchr("89ab", first[19]));
	cJSON_Delete(json);
	json = message();
	assert_string_equal(text(json, "id", NULL), first);
	cJSON_Delete(json);
	entry.item.seq++;
	json = message();
	assert_string_not_equal(text(json, "id", NULL), first);
	cJSON_Delete(json);
}

static cJSON *link_of(cJSON *json)
{
	cJSON *links = at(json, "links", NULL);

	assert_int_equal(cJSON_GetArraySize(links), 1);
	return cJSON_GetArrayItem(links, 0);
}

static void test_links(void **state)
{
	cJSON *json = message();

	(void)state;
	assert_string_equal(text(link_of(json), "rel", NULL), "canonical");
	assert_string_equal(text(link_of(json), "href", NULL), "https://www.example.no/miljo");
	assert_null(at(link_of(json), "length", NULL)); /* a page about it, not the reading */
	assert_null(at(json, "properties", "metadata_id"));
	cJSON_Delete(json);

	options.link = "https://data.example.no/{domain}/{station}/{point}?since={time}&x={other}";
	options.metadata_id = "urn:wmo:md:no-drammen:bathing";
	entry.item.replaces = 18230;
	json = message();
	assert_string_equal(text(link_of(json), "rel", NULL), "update");
	assert_string_equal(text(link_of(json), "href", NULL),
		"https://data.example.no/bathing/bragernes/water_temperature"
		"?since=2026-07-01T12:00:00.000Z&x={other}");
	assert_int_equal(at(link_of(json), "length", NULL)->valueint,
		at(at(json, "properties", "content"), "size", NULL)->valueint);
	assert_string_equal(
		text(json, "properties", "metadata_id"), "urn:wmo:md:no-drammen:bathing");
	cJSON_Delete(json);
}

static void test_period(void **state)
{
	const struct fg_aggregate mean = {.from_ms = NOON - 3600000, .expected = 6, .count = 6};
	cJSON *json;

	(void)state;
	desc.period = FG_TOLD_HOUR;
	desc.stat = FG_STAT_MEAN;
	entry.item.kind = FG_ITEM_AGGREGATE;
	entry.item.aggregate = &mean;
	json = message();
	assert_null(at(json, "properties", "datetime"));
	assert_string_equal(
		text(json, "properties", "start_datetime"), "2026-07-01T11:00:00.000Z");
	assert_string_equal(text(json, "properties", "end_datetime"), "2026-07-01T12:00:00.000Z");
	assert_non_null(strstr(text(json, "properties", "data_id"), "/hourly/"));
	cJSON_Delete(json);
}

static void test_no_place_and_no_value(void **state)
{
	cJSON *json;

	(void)state;
	desc.station = "nowhere";
	json = message();
	assert_true(cJSON_IsNull(at(json, "geometry", NULL)));
	cJSON_Delete(json);
	entry.item.qc = FG_QC_MISSING;
	assert_int_equal(encode(), FG_ENOENT);
}

/* No more than 4096 bytes of content and 8192 of message. */
static void test_bounds(void **state)
{
	static char much[4000];

	(void)state;
	memset(much, 'a', sizeof(much));
	entry.item.value = (struct fg_value){.kind = FG_KIND_TEXT, .text = much, .len = 3700};
	assert_int_equal(encode(), FG_OK);
	entry.item.value.len = 3990;
	assert_int_equal(encode(), FG_EFULL);
	memset(much, '"', sizeof(much)); /* two bytes in the reading, four in the message */
	entry.item.value.len = 1900;
	assert_int_equal(encode(), FG_EFULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_message, setup),
		cmocka_unit_test_setup(test_id, setup),
		cmocka_unit_test_setup(test_links, setup),
		cmocka_unit_test_setup(test_period, setup),
		cmocka_unit_test_setup(test_no_place_and_no_value, setup),
		cmocka_unit_test_setup(test_bounds, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
