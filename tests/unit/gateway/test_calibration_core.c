/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings carry the value by the record that is valid at their time; the raw one is kept. */
#include "fake.h"

#include <math.h>

#include "quality/calibration_check.h"

/* The world begins at 2026-09-21T14:30:00Z; the second record is of a minute later. */
static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s, points: {\n"
	"    ph: {table: input, address: 0, type: u16, qc: {gross_range: {fail: [0, 12]}},\n"
	"      calibration: [\n"
	"        {date: 2026-01-01, raw: [4, 7], reference: [4.3, 7.3], next: 2026-07-01, by: A},\n"
	"        {date: \"2026-09-21T14:31:00Z\", polynomial: [0, 1, 0.1]}]},\n"
	"    turbidity: {table: input, address: 1, type: u16, unit: \"[NTU]\"}}}\n";

static struct fake f;
static const struct fg_group *sonde;

static int begin(void **state)
{
	(void)state;
	fake_init(&f, yaml);
	sonde = fake_group(&f, "sonde", 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static const struct fg_item *stored(uint64_t back)
{
	return &f.stored[f.appended_next - back - FAKE_FIRST_SEQ].item;
}

static void test_by_the_record_of_its_time(void **state)
{
	(void)state;
	fake_answer(&f, sonde, 6);
	assert_true(fabs(stored(2)->value.f - 6.3) < 1e-12);
	assert_true(stored(2)->has_raw && stored(2)->raw == 6);
	assert_false(stored(1)->has_raw); /* a point without records */
	assert_true(stored(1)->value.f == 6);
	fake_turn(&f, 120 * SEC);
	fake_answer(&f, sonde, 6);
	assert_true(fabs(stored(2)->value.f - 9.6) < 1e-12);
	assert_true(stored(2)->raw == 6);
}

/* Tests judge what is told. */
static void test_calibration_comes_before_the_tests(void **state)
{
	(void)state;
	fake_answer(&f, sonde, 11.8);
	assert_int_equal(stored(2)->qc, FG_QC_FAIL);
	assert_true(stored(2)->has_raw && stored(2)->raw == 11.8);
	fake_turn(&f, 120 * SEC);
	fake_answer(&f, sonde, 1e200); /* no number comes of it */
	assert_int_equal(stored(2)->qc, FG_QC_FAIL);
	assert_int_equal(stored(2)->reason, FG_REASON_NOT_A_NUMBER);
	assert_int_equal(stored(2)->value.kind, FG_KIND_NONE);
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	assert_false(stored(2)->has_raw);
}

static void test_status_names_what_is_overdue(void **state)
{
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	fg_core_status(f.core, f.now, &out);
	fg_buf_putc(&out, '\0');
	assert_non_null(strstr(out.data, "\"calibrations_overdue\":[{\"device\":\"sonde\","
		"\"station\":\"pier\",\"point\":\"ph\",\"due\":\"2026-07-01T00:00:00.000Z\"}]"));
	fake_turn(&f, 120 * SEC); /* the next record says nothing of another */
	fg_buf_clear(&out);
	fg_core_status(f.core, f.now, &out);
	fg_buf_putc(&out, '\0');
	assert_non_null(strstr(out.data, "\"calibrations_overdue\":[]"));
	fg_buf_fini(&out);
}

/* ---- records that are added ---- */

/* 2026-09-21T14:30:00Z */
#define BEGIN_MS INT64_C(1790001000000)

static const struct fg_point *point_of(const char *name)
{
	const struct fg_config *config = f.core->config;

	for (size_t i = 0; i < config->point_count; i++)
		if (strcmp(config->points[i]->name, name) == 0)
			return config->points[i];
	return NULL;
}

static int add_line(const char *point, struct fg_calibration c, double raw0,
	struct fg_calibration_faults *faults)
{
	const struct fg_calibration_given given = {.has_raw = true,
		.has_reference = true,
		.raw = {raw0, 10},
		.reference = {1, 11}};

	*faults = (struct fg_calibration_faults){.count = 0};
	return fg_core_calibration_add(f.core, f.now, point_of(point), &given, &c, faults);
}

static void test_an_added_record(void **state)
{
	const struct fg_calibration c = {.by = "B", .note = "buffer 4 and 7"};
	struct fg_calibration_faults faults;

	(void)state;
	assert_int_equal(add_line("turbidity", c, 0, &faults), FG_OK);
	assert_int_equal(faults.count, 0);
	fake_answer(&f, sonde, 5);
	assert_true(stored(1)->value.f == 6 && stored(1)->raw == 5);
	fake_commit(&f);
	fake_restart(&f);
	fake_timed(&f);
	sonde = fake_group(&f, "sonde", 0);
	fake_answer(&f, sonde, 5);
	assert_true(stored(1)->value.f == 6 && stored(1)->raw == 5);
}

/* Between records of the configuration: the newest that is not later, whoever has it. */
static void test_added_and_configured(void **state)
{
	const struct fg_calibration c = {.at_ms = BEGIN_MS - 60000};
	struct fg_calibration_faults faults;

	(void)state;
	assert_int_equal(add_line("ph", c, 0, &faults), FG_OK);
	fake_answer(&f, sonde, 6);
	assert_true(stored(2)->value.f == 7);
	fake_turn(&f, 120 * SEC);
	fake_answer(&f, sonde, 6);
	assert_true(fabs(stored(2)->value.f - 9.6) < 1e-12);
}

static void test_what_cannot_be_added(void **state)
{
	static const struct {
		struct fg_calibration c;
		const char *key, *text;
	} cases[] = {
		{{.at_ms = BEGIN_MS + 60000}, "date",
			"there is a record of this time in the configuration"},
		{{.at_ms = BEGIN_MS - 1000}, "date",
			"there is a record of this time among those that were added"},
		{{.at_ms = BEGIN_MS, .next_ms = BEGIN_MS}, "next", "due before it was done"},
	};
	struct fg_calibration_faults faults;

	(void)state;
	assert_int_equal(
		add_line("ph", (struct fg_calibration){.at_ms = BEGIN_MS - 1000}, 0, &faults),
		FG_OK);
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		assert_int_equal(add_line("ph", cases[i].c, 0, &faults), FG_ECONFIG);
		assert_string_equal(faults.items[0].key, cases[i].key);
		assert_string_equal(faults.items[0].text, cases[i].text);
	}
	assert_int_equal(add_line("ph", (struct fg_calibration){.at_ms = 1}, 10, &faults),
		FG_ECONFIG);
	assert_string_equal(faults.items[0].text, "both are 10; no line goes through them");
	fake_answer(&f, sonde, 6);
	assert_true(stored(2)->value.f == 7);
}

static void test_added_records_have_a_bound(void **state)
{
	struct fg_calibration_faults faults;

	(void)state;
	for (int i = 0; i < FG_CALIBRATIONS_ADDED_MAX; i++)
		assert_int_equal(add_line("turbidity", (struct fg_calibration){.at_ms = 1000 + i},
			0, &faults), FG_OK);
	assert_int_equal(add_line("turbidity", (struct fg_calibration){.at_ms = 1}, 0, &faults),
		FG_EFULL);
	assert_int_equal(
		fg_core_calibration_remove(f.core, f.now, point_of("turbidity"), 1000), FG_OK);
	assert_int_equal(
		fg_core_calibration_remove(f.core, f.now, point_of("turbidity"), 1000), FG_ENOENT);
	assert_int_equal(add_line("turbidity", (struct fg_calibration){.at_ms = 1}, 0, &faults),
		FG_OK);
}

static const char *list_of(const char *point, struct fg_buf *out)
{
	struct fg_json j;

	fg_buf_clear(out);
	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_core_calibrations(f.core, f.now, point_of(point), &j);
	fg_json_end_object(&j);
	fg_buf_putc(out, '\0');
	return out->data;
}

/* What was added and then written into the configuration: that of the configuration holds. */
static void test_a_record_that_came_into_the_configuration(void **state)
{
	static const char with[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {ph: {table: input, address: 0, type: u16,\n"
		"      calibration: [{date: 2026-01-01, polynomial: [0, 3]}]},\n"
		"    turbidity: {table: input, address: 1, type: u16, unit: \"[NTU]\"}}}\n";
	const struct fg_calibration c = {.at_ms = INT64_C(1767225600000)}; /* 2026-01-01 */
	struct fg_calibration_faults faults;
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, 1 << 16);
	assert_int_equal(add_line("turbidity", c, 0, &faults), FG_OK);
	list_of("turbidity", &out);
	assert_non_null(strstr(out.data, "\"source\":\"added\",\"in_force\":true,"));
	assert_non_null(strstr(
		out.data, "\"raw\":[0,10],\"reference\":[1,11],\"polynomial\":[1,1]"));
	assert_int_equal(add_line("ph", (struct fg_calibration){.at_ms = c.at_ms + 1000}, 0,
		&faults), FG_OK);
	fake_reload(&f, with);
	sonde = fake_group(&f, "sonde", 0);
	fake_answer(&f, sonde, 6);
	assert_true(stored(1)->value.f == 7 && stored(2)->value.f == 7);
	assert_int_equal(
		fg_core_calibration_remove(f.core, f.now, point_of("ph"), c.at_ms + 1000), FG_OK);
	fake_turn(&f, 60 * SEC);
	fake_answer(&f, sonde, 6);
	assert_true(stored(2)->value.f == 18);
	fg_buf_fini(&out);
}

static void test_configuration_wins(void **state)
{
	static const char with[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {ph: {table: input, address: 0, type: u16}, turbidity: {\n"
		"      table: input, address: 1, type: u16, unit: \"[NTU]\",\n"
		"      calibration: [{date: 2026-01-01, polynomial: [0, 3]}]}}}\n";
	const struct fg_calibration c = {.at_ms = INT64_C(1767225600000)};
	struct fg_calibration_faults faults;
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, 1 << 16);
	assert_int_equal(add_line("turbidity", c, 0, &faults), FG_OK);
	fake_reload(&f, with);
	sonde = fake_group(&f, "sonde", 0);
	fake_answer(&f, sonde, 6);
	assert_true(stored(1)->value.f == 18);
	list_of("turbidity", &out);
	assert_non_null(strstr(out.data, "\"source\":\"configuration\",\"in_force\":true"));
	assert_non_null(strstr(
		out.data, "\"source\":\"added\",\"in_force\":false,\"replaced\":true"));
	assert_null(strstr(out.data, "drift"));
	fg_buf_fini(&out);
}

/* ---- what is overdue is told once ---- */

static unsigned told;
static int64_t told_due_ms;

void __wrap_fg_event_tell(struct fg_core *core, const struct fg_event *event);

void __wrap_fg_event_tell(struct fg_core *core, const struct fg_event *event)
{
	(void)core;
	if (event->kind != FG_EVENT_CALIBRATION_OVERDUE)
		return;
	told++;
	told_due_ms = event->since_wall_ms;
}

static void begin_again(void)
{
	fake_commit(&f);
	fake_restart(&f);
	told = 0;
	fake_turn(&f, 120 * SEC);
	assert_int_equal(told, 0); /* nobody knows the time */
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	fake_timed(&f);
	fake_turn(&f, 120 * SEC);
}

static void test_overdue_is_told_once(void **state)
{
	/* from 2026-09-21T14:20:00Z on; due at 15:00:00 */
	const struct fg_calibration c = {
		.at_ms = BEGIN_MS - 600000, .next_ms = BEGIN_MS + 1800000};
	struct fg_calibration_faults faults;

	(void)state;
	told = 0;
	assert_int_equal(add_line("turbidity", c, 0, &faults), FG_OK);
	fake_turn(&f, 600 * SEC);
	assert_int_equal(told, 0);
	fake_turn(&f, 1300 * SEC);
	assert_int_equal(told, 1);
	assert_true(told_due_ms == c.next_ms);
	fake_turn(&f, 3600 * SEC);
	assert_int_equal(told, 1);
	begin_again();
	assert_int_equal(told, 0);
	assert_int_equal(fg_core_calibration_remove(
		f.core, f.now, point_of("turbidity"), c.at_ms), FG_OK);
	begin_again();
	assert_int_equal(told, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_the_record_of_its_time),
		TEST(test_calibration_comes_before_the_tests),
		TEST(test_status_names_what_is_overdue),
		TEST(test_an_added_record),
		TEST(test_added_and_configured),
		TEST(test_what_cannot_be_added),
		TEST(test_added_records_have_a_bound),
		TEST(test_a_record_that_came_into_the_configuration),
		TEST(test_configuration_wins),
		TEST(test_overdue_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
