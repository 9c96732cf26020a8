/* SPDX-License-Identifier: EUPL-1.2 */
/* A reading that proves a spike takes with it what was worked out of it. */
#include "fake.h"

#include <math.h>

#include "base/cleanup.h"

#define DEVICES                                                                                    \
	"devices:\n"                                                                               \
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"          \
	"    points: {x_in: {table: input, address: 0,\n"                                          \
	"        qc: {spike: {suspect: 1, fail: 3, method: differential}}},\n"                     \
	"      x_up: {expression: x_in + 1},\n"                                                    \
	"      x_twice: {expression: x_up * 2,\n"                                                  \
	"        qc: {spike: {suspect: 1, fail: 100, method: differential}}},\n"                   \
	"      x_apart: {expression: x_other + 1},\n"                                              \
	"      x_other: {table: input, address: 1}}}\n"                                            \
	"  far: {station: pier, domain: air, link: plc, unit_id: 2, interval: 60s,\n"              \
	"    points: {x_own: {table: input, address: 0},\n"                                        \
	"      x_diff: {expression: x_own - t, from: {t: sonde/x_in}}}}\n"

static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK DEVICES;
static struct fake f;

static int begin(void **state)
{
	(void)state;
	fake_init(&f, yaml);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void read_device(const char *device, double value, int64_t after_us)
{
	fake_turn(&f, after_us);
	fake_answer(&f, fake_group(&f, device, 0), value);
	fake_commit(&f);
}

static const struct fg_item *item(uint64_t seq)
{
	return &f.stored[seq - FAKE_FIRST_SEQ].item;
}

static const char *name_of(const struct fg_item *i)
{
	return fg_series_by_id(&f.series, i->point)->desc.point;
}

static bool is_reading_of(const struct fg_item *i, const char *point)
{
	return i->kind == FG_ITEM_READING && strcmp(name_of(i), point) == 0;
}

/* The n-th correction of a point from 0; NULL: there is none. */
static const struct fg_item *correction(const char *point, unsigned n)
{
	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++)
		if (is_reading_of(item(seq), point) && item(seq)->replaces && !n--)
			return item(seq);
	return NULL;
}

/* The newest reading of a point before a number that is no correction. */
static const struct fg_item *before(uint64_t seq, const char *point)
{
	while (--seq >= FAKE_FIRST_SEQ)
		if (is_reading_of(item(seq), point) && !item(seq)->replaces)
			return item(seq);
	fail();
	return NULL;
}

/* It is the correction of `of`, with these verdicts. */
static void expect(const struct fg_item *i, const struct fg_item *of, enum fg_qc qc,
	enum fg_qc inputs, enum fg_qc spike)
{
	assert_non_null(i);
	assert_true(i->replaces == of->seq);
	assert_true(i->wall_ms == of->wall_ms);
	assert_true(fg_value_number(&i->value) == fg_value_number(&of->value));
	assert_int_equal(i->qc, qc);
	assert_int_equal(fg_tests_get(i->tests, FG_TEST_RULE(0)), inputs);
	assert_int_equal(fg_tests_get(i->tests, FG_TEST_SPIKE), spike);
}

static void what_is_made_of_a_spike_is_corrected(void **state)
{
	uint64_t next;

	(void)state;
	read_device("sonde", 10, 60 * SEC);
	read_device("sonde", 10, 60 * SEC);
	read_device("sonde", 16, 60 * SEC);
	next = f.appended_next;
	read_device("sonde", 10, 60 * SEC);
	expect(correction("x_in", 0), before(next, "x_in"), FG_QC_FAIL, 0, FG_QC_FAIL);
	expect(correction("x_up", 0), before(next, "x_up"), FG_QC_FAIL, FG_QC_FAIL, 0);
	/* a spike by itself as well: told once */
	expect(correction("x_twice", 0), before(next, "x_twice"), FG_QC_FAIL, FG_QC_FAIL,
		FG_QC_SUSPECT);
	assert_null(correction("x_in", 1));
	assert_null(correction("x_up", 1));
	assert_null(correction("x_twice", 1));
	assert_null(correction("x_apart", 0));
	assert_int_equal(f.core->qc_corrected, 3);
	assert_int_equal(f.core->qc_not_told, 0);
	read_device("sonde", 10, 60 * SEC);
	assert_int_equal(f.core->qc_corrected, 3);
}

/* Another device's readings were made of it as long as it was the newest. */
static void what_came_meanwhile_is_corrected(void **state)
{
	const struct fg_item *first, *second;

	(void)state;
	read_device("sonde", 10, 60 * SEC);
	read_device("far", 30, 1 * SEC);
	read_device("sonde", 10, 59 * SEC);
	read_device("far", 30, 1 * SEC); /* before the spike */
	read_device("sonde", 12, 59 * SEC);
	read_device("far", 30, 1 * SEC);
	first = before(f.appended_next, "x_diff");
	read_device("far", 31, 30 * SEC);
	second = before(f.appended_next, "x_diff");
	read_device("sonde", 10, 29 * SEC);
	expect(correction("x_diff", 0), first, FG_QC_SUSPECT, FG_QC_SUSPECT, 0);
	expect(correction("x_diff", 1), second, FG_QC_SUSPECT, FG_QC_SUSPECT, 0);
	assert_null(correction("x_diff", 2));
	read_device("far", 30, 1 * SEC);
	assert_int_equal(before(f.appended_next, "x_diff")->qc, FG_QC_NOT_EVALUATED);
}

/* A reading that has no value has none to doubt. */
static void what_has_no_value_stays(void **state)
{
	(void)state;
	read_device("sonde", 10, 60 * SEC);
	read_device("sonde", 10, 60 * SEC);
	read_device("sonde", 16, 60 * SEC);
	fake_turn(&f, SEC);
	fake_fail(&f, fake_group(&f, "far", 0), FG_REASON_NO_RESPONSE);
	fake_commit(&f);
	read_device("sonde", 10, 59 * SEC);
	assert_non_null(correction("x_up", 0));
	assert_null(correction("x_diff", 0));
}

static void add(struct fg_batch *batch, const char *name, int64_t age_us, double value)
{
	for (size_t i = 0; i < f.config->point_count; i++) {
		struct fg_reading *r;

		if (strcmp(f.config->points[i]->name, name) != 0)
			continue;
		r = fg_batch_add(batch, (uint32_t)i, f.now.mono_us - age_us);
		r->qc = FG_QC_NOT_EVALUATED;
		r->value = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = value};
	}
}

/* What arrives together is told as it is known in the end. */
static void several_at_once_need_no_correction(void **state)
{
	struct fg_reading readings[8];
	struct fg_batch batch = {.readings = readings, .cap = 8};
	struct fg_poll_result result = {.group = fake_group(&f, "sonde", 0), .batch = &batch,
		.requests = 1, .answers = 1};
	const struct fg_item *of;

	(void)state;
	assert_int_equal(fg_core_want_items(f.core, 40), FG_OK);
	fake_turn(&f, 600 * SEC);
	result.started_mono_us = result.done_mono_us = f.now.mono_us;
	add(&batch, "x_in", 40 * SEC, 10);
	add(&batch, "x_in", 30 * SEC, 10);
	add(&batch, "x_in", 20 * SEC, 16);
	add(&batch, "x_in", 10 * SEC, 10);
	fg_core_polled(f.core, f.now, &result);
	assert_null(correction("x_in", 0));
	assert_null(correction("x_up", 0));
	of = before(before(f.appended_next, "x_up")->seq, "x_up");
	assert_true(fg_value_number(&of->value) == 17);
	assert_int_equal(of->qc, FG_QC_FAIL);
	assert_int_equal(fg_tests_get(of->tests, FG_TEST_RULE(0)), FG_QC_FAIL);
	of = before(of->seq, "x_up");
	assert_int_equal(fg_tests_get(of->tests, FG_TEST_RULE(0)), 0);
	assert_int_equal(fg_tests_get(before(f.appended_next, "x_up")->tests, FG_TEST_RULE(0)), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_made_of_a_spike_is_corrected),
		T(what_came_meanwhile_is_corrected),
		T(what_has_no_value_stays),
		T(several_at_once_need_no_correction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
