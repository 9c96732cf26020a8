/* SPDX-License-Identifier: EUPL-1.2 */
/* Observations: exact text, ids of Datastreams, what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/status.h"
#include "protocol/encoder.h"

#define NOON_MS INT64_C(1782907200000)

static const struct fg_station pier = {.name = "pier"};
static struct fg_point points[] = {
	{.name = "ph", .property = "ph"},
	{.name = "numbered", .property = "ph", .datastream = "42"},
	{.name = "named", .property = "ph", .datastream = "stream 7"},
};
static const struct fg_device device = {
	.name = "dev", .station = &pier, .points = points, .point_count = 3};
static const struct fg_device *const devices[] = {&device};
static const struct fg_site site = {.gateway = "gw", .devices = devices, .device_count = 1};
static char topic_mem[200], mem[1024];
static struct fg_buf topic, out;

static struct fg_point_desc desc_of(const char *point)
{
	return (struct fg_point_desc){.station = "pier",
		.device = "dev",
		.point = point,
		.property = "ph",
		.unit = "[pH]",
		.domain = "water",
		.decimals = -1};
}

static struct fg_entry entry(const struct fg_point_desc *desc)
{
	return (struct fg_entry){.desc = desc,
		.item = {.seq = 17, .wall_ms = NOON_MS, .qc = FG_QC_PASS,
			.value = {.kind = FG_KIND_DECIMAL, .f = 7.9}}};
}

static int encode(const struct fg_entry *e, size_t cap)
{
	const struct fg_encoding encoding = {.site = &site, .prefix = "town"};

	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&out, mem, cap);
	return fg_encoders[FG_ENCODER_sensorthings]->encode(&encoding, e, 1, &topic, &out);
}

static void assert_topic(const char *point, const char *want)
{
	const struct fg_point_desc desc = desc_of(point);
	const struct fg_entry e = entry(&desc);

	assert_int_equal(encode(&e, sizeof(mem)), FG_OK);
	assert_string_equal(topic_mem, want);
}

static void test_datastreams(void **state)
{
	(void)state;
	assert_topic("ph", "v1.1/Datastreams('pier:ph')/Observations");
	assert_topic("gone", "v1.1/Datastreams('pier:gone')/Observations");
	assert_topic("numbered", "v1.1/Datastreams(42)/Observations");
	assert_topic("named", "v1.1/Datastreams('stream 7')/Observations");
}

static void test_observation(void **state)
{
	const struct fg_point_desc desc = desc_of("ph");
	struct fg_entry e = entry(&desc);

	(void)state;
	assert_int_equal(encode(&e, sizeof(mem)), FG_OK);
	assert_string_equal(mem,
		"{\"phenomenonTime\":\"2026-07-01T12:00:00.000Z\",\"result\":7.9,"
		"\"resultQuality\":{\"scheme\":\"QARTOD\",\"flag\":1},"
		"\"parameters\":{\"id\":\"gw:17\",\"unit\":\"[pH]\",\"device\":\"dev\"}}");
	e.item.qc = FG_QC_FAIL;
	e.item.reason = FG_REASON_NOT_A_NUMBER;
	e.item.value.kind = FG_KIND_NONE;
	e.item.maintenance = true;
	e.item.uncertainty_s = 5;
	e.item.replaces = 16;
	assert_int_equal(encode(&e, sizeof(mem)), FG_OK);
	assert_string_equal(mem,
		"{\"phenomenonTime\":\"2026-07-01T12:00:00.000Z\",\"result\":null,"
		"\"resultQuality\":{\"scheme\":\"QARTOD\",\"flag\":4},"
		"\"parameters\":{\"id\":\"gw:17\",\"unit\":\"[pH]\",\"device\":\"dev\","
		"\"reason\":\"not_a_number\",\"maintenance\":true,\"time_uncertainty\":5,"
		"\"replaces\":\"gw:16\"}}");
	for (size_t cap = 0; cap <= strlen(mem); cap++)
		assert_int_equal(encode(&e, cap), FG_EFULL);
	e.item.qc = FG_QC_MISSING;
	assert_int_equal(encode(&e, sizeof(mem)), FG_ENOENT);
}

static void test_periods(void **state)
{
	static const struct fg_aggregate hour = {.from_ms = NOON_MS - 3600000};
	struct fg_point_desc desc = desc_of("ph");
	struct fg_entry e;

	(void)state;
	desc.period = FG_TOLD_HOUR;
	desc.stat = FG_STAT_MEAN;
	e = entry(&desc);
	e.item.kind = FG_ITEM_AGGREGATE;
	e.item.aggregate = &hour;
	assert_int_equal(encode(&e, sizeof(mem)), FG_OK);
	assert_string_equal(topic_mem, "v1.1/Datastreams('pier:ph:hourly')/Observations");
	assert_non_null(strstr(mem,
		"{\"phenomenonTime\":\"2026-07-01T11:00:00.000Z/2026-07-01T12:00:00.000Z\","));
	desc.point = "numbered";
	assert_int_equal(encode(&e, sizeof(mem)), FG_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datastreams),
		cmocka_unit_test(test_observation),
		cmocka_unit_test(test_periods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
