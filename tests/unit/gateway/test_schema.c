/* SPDX-License-Identifier: EUPL-1.2 */
/* The published schema describes each member that can be written, and none that cannot. What is
 * written here has all there is; that it is valid is shown by a validator of others
 * (tests/system/catalogue_valid.py, tests/system/hourly.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "base/cleanup.h"
#include "gateway/catalogue/catalogue.h"
#include "gateway/documents.h"
#include "protocol/encode.h"

static const struct fg_point_desc point = {.station = "pier", .device = "sonde",
	.point = "no2", .property = "no2", .unit = "ug/m3", .domain = "air", .decimals = 1,
	.rules = {"pm_order"}};
static const struct fg_point_desc hour = {.station = "pier", .device = "sonde", .point = "no2",
	.property = "no2", .unit = "ug/m3", .domain = "air", .decimals = 1,
	.period = FG_TOLD_HOUR, .stat = FG_STAT_MEAN};
static const struct fg_aggregate aggregate = {.from_ms = 1, .expected = 60, .count = 40,
	.suspect = 1, .fail = 2, .missing = 3, .maintenance = 14, .has_range = true, .low = 1,
	.high = 5, .scheme = "eaqi", .version = "2024", .key = "moderate", .index = 3,
	.by = "pm25 pm10"};
static const struct fg_gap gap = {.from_ms = 1, .to_ms = 2, .step_ms = 1500, .count = 3,
	.estimated = true};
static const struct fg_account_line line = {.point = 1, .desc = &point, .scheduled = 4, .sent = 2,
	.suppressed = 1, .missing = 1};
static const struct fg_account account = {.from_ms = 1, .to_ms = 2, .count = 1, .lines = &line};

static struct fg_item blemished(enum fg_item_kind kind)
{
	return (struct fg_item){.seq = 2, .kind = kind, .point = 1, .wall_ms = 1, .replaces = 1,
		.uncertainty_s = 3, .gap = &gap, .account = &account,
		.aggregate = kind == FG_ITEM_AGGREGATE ? &aggregate : NULL, .qc = FG_QC_FAIL,
		.reason = FG_REASON_EXCEPTION, .detail = 2, .not_stored = true,
		.maintenance = true, .alarm = FG_ALARM_ABOVE, .notice = 7,
		.tests = fg_tests_set(fg_tests_set(0, FG_TEST_SPIKE, FG_QC_FAIL),
			(enum fg_test)FG_TEST_COUNT, FG_QC_SUSPECT),
		.value = {.kind = FG_KIND_DECIMAL, .f = 2}};
}

static cJSON *schema;

static int begin(void **state)
{
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, FG_DOCUMENT_MAX);
	fg_catalogue_schema(&out);
	schema = cJSON_Parse(out.data);
	fg_buf_fini(&out);
	return schema ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	cJSON_Delete(schema);
	return 0;
}

/* What describes a member: its own description, or that of all others. */
static const cJSON *description_of(const cJSON *of, const char *name)
{
	const cJSON *own = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(of, "properties"), name);

	return own ? own : cJSON_GetObjectItemCaseSensitive(of, "additionalProperties");
}

static void check_written(const cJSON *object, const cJSON *of)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, object)
	{
		const cJSON *as = description_of(of, member->string);

		if (!as || cJSON_IsFalse(as))
			fail_msg("the schema does not know '%s'", member->string);
		if (cJSON_IsObject(member))
			check_written(member, as);
	}
}

/* A member that is described as `false` may not be there. Of the tests one stands for all. */
static void check_described(const cJSON *object, const cJSON *of)
{
	const cJSON *as;

	cJSON_ArrayForEach(as, cJSON_GetObjectItemCaseSensitive(of, "properties"))
	{
		const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, as->string);

		if (!cJSON_IsFalse(as) && !member)
			fail_msg("the schema has '%s', which is not written", as->string);
		if (cJSON_IsObject(member) && strcmp(as->string, "qc_tests") != 0)
			check_described(member, as);
	}
}

static void agree(const char *definition, const struct fg_point_desc *desc,
	enum fg_item_kind kind)
{
	const cJSON *of = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(schema, "$defs"), definition);
	const struct fg_item item = blemished(kind);
	char mem[4096];
	struct fg_buf out;
	cJSON *written;

	fg_buf_wrap(&out, mem, sizeof(mem));
	assert_true(fg_encode_item(&out, "gw", desc, &item));
	written = cJSON_Parse(mem);
	assert_non_null(of);
	assert_non_null(written);
	check_written(written, of);
	check_described(written, of);
	cJSON_Delete(written);
}

static void test_reading(void **state)
{
	(void)state;
	agree("reading", &point, FG_ITEM_READING);
}

static void test_mean(void **state)
{
	(void)state;
	agree("mean", &hour, FG_ITEM_AGGREGATE);
}

static void test_gap(void **state)
{
	(void)state;
	agree("gap", &point, FG_ITEM_GAP);
}

static void test_account(void **state)
{
	(void)state;
	agree("account", &point, FG_ITEM_ACCOUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_mean),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_account),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
