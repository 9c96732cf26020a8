/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings carry the value by the record that is valid at their time; the raw one is kept. */
#include "fake.h"

#include <math.h>

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_the_record_of_its_time),
		TEST(test_calibration_comes_before_the_tests),
		TEST(test_status_names_what_is_overdue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
