/* SPDX-License-Identifier: EUPL-1.2 */
/* What every driver does with a decoded value. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/driver.h"

static const struct fg_missing sentinels[] = {
	{.raw = true, .bits = 0x7FC00000},
	{.value = -9999},
};

static void test_values(void **state)
{
	static const struct {
		struct fg_value value;
		uint64_t raw;
		double scale, offset;
		enum fg_qc qc;
		enum fg_reason reason;
		enum fg_kind kind;
		double want;
	} cases[] = {
		{{.kind = FG_KIND_INT, .i = 194}, 194, 0.1, 0, 2, 0, FG_KIND_DECIMAL, 194 * 0.1},
		{{.kind = FG_KIND_INT, .i = 194}, 194, 1, 0, 2, 0, FG_KIND_INT, 194},
		{{.kind = FG_KIND_INT, .i = -9999}, 0xd8f1, 0.1, 0, 9, 1, FG_KIND_NONE, 0},
		{{.kind = FG_KIND_FLOAT, .f = -9999}, 1, 1, 0, 9, 1, FG_KIND_NONE, 0},
		{{.kind = FG_KIND_FLOAT, .f = NAN}, 0x7FC00000, 1, 0, 9, 1, FG_KIND_NONE, 0},
		{{.kind = FG_KIND_FLOAT, .f = NAN}, 0x7FC00001, 1, 0, 4, 3, FG_KIND_NONE, 0},
		{{.kind = FG_KIND_DOUBLE, .f = INFINITY}, 1, 1, 0, 4, 3, FG_KIND_NONE, 0},
		{{.kind = FG_KIND_DOUBLE, .f = 1e300}, 1, 1e300, 0, 4, 3, FG_KIND_NONE, 0},
		{{.kind = FG_KIND_FLOAT, .f = 2}, 1, 2, 1, 2, 0, FG_KIND_FLOAT, 5},
		{{.kind = FG_KIND_BOOL, .b = true}, 1, 5, 1, 2, 0, FG_KIND_BOOL, 1},
		{{.kind = FG_KIND_NONE}, 0, 1, 0, 2, 0, FG_KIND_NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		const struct fg_point point = {
			.index = 7,
			.scale = cases[i].scale,
			.offset = cases[i].offset,
			.missing = sentinels,
			.missing_count = FG_COUNT(sentinels),
		};
		struct fg_reading r;
		struct fg_batch batch = {.readings = &r, .cap = 1};
		struct fg_job job = {.batch = &batch};

		fg_job_value(&job, &point, cases[i].value, true, cases[i].raw, 123);
		assert_int_equal(batch.count, 1);
		assert_int_equal(r.point, 7);
		assert_int_equal(r.taken_mono_us, 123);
		assert_int_equal(r.qc, cases[i].qc);
		assert_int_equal(r.reason, cases[i].reason);
		assert_int_equal(r.value.kind, cases[i].kind);
		if (r.value.kind != FG_KIND_NONE)
			assert_true(fg_value_number(&r.value) == cases[i].want);
		/* a batch without room is left alone */
		fg_job_value(&job, &point, cases[i].value, true, cases[i].raw, 123);
		fg_job_missing(&job, &point, FG_REASON_FRAME, 0, 123);
		assert_int_equal(batch.count, 1);
	}
}

static void test_text(void **state)
{
	const struct fg_point point = {.scale = 1};
	struct fg_reading r[2];
	char room[5], explain[20];
	struct fg_batch batch = {.readings = r, .cap = 2, .text = room, .text_cap = sizeof(room)};
	struct fg_buf words;
	struct fg_job job = {.batch = &batch};

	(void)state;
	fg_job_value(&job, &point, (struct fg_value){.kind = FG_KIND_TEXT, .text = "abc", .len = 3},
		false, 0, 1);
	fg_job_value(&job, &point, (struct fg_value){.kind = FG_KIND_TEXT, .text = "def", .len = 3},
		false, 0, 1);
	assert_int_equal(r[0].value.len, 3);
	assert_int_equal(r[1].value.len, 2); /* cut at the room that is left */
	assert_memory_equal(room, "abcde", 5);
	fg_job_explain(&job, "nobody asked");
	fg_buf_wrap(&words, explain, sizeof(explain));
	job.explain = &words;
	fg_job_explain(&job, "%s %d", "step", 1);
	assert_string_equal(explain, "step 1\n");
}

/* What stands for a number of the table must be one. */
static void test_not_a_number_at_all(void **state)
{
	static const struct fg_value values[] = {
		{.kind = FG_KIND_TEXT, .text = "error", .len = 5},
		{.kind = FG_KIND_BOOL, .b = true},
	};
	const struct fg_point point = {
		.name = "pm25", .known = fg_property_find("pm25"), .scale = 1};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(values); i++) {
		struct fg_reading r;
		char room[8];
		struct fg_batch batch = {
			.readings = &r, .cap = 1, .text = room, .text_cap = sizeof(room)};
		struct fg_job job = {.batch = &batch};

		fg_job_value(&job, &point, values[i], false, 0, 1);
		assert_int_equal(batch.count, 1);
		assert_int_equal(r.qc, FG_QC_MISSING);
		assert_int_equal(r.reason, FG_REASON_DECODE);
		assert_int_equal(r.value.kind, FG_KIND_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_not_a_number_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
