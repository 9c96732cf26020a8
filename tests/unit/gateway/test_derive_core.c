/* SPDX-License-Identifier: EUPL-1.2 */
/* Points that are worked out of others, in the core: when there is a reading, what it says, what
 * the ledger counts, over restarts and reloads. */
#include "fake.h"

#include <math.h>
#include <stdio.h>

#define DEVICES                                                                                    \
	"devices:\n"                                                                               \
	"  a: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"             \
	"    points: {x_one: {table: input, address: 0, qc: {gross_range: {fail: [0, 100],\n"     \
	"        suspect: [0, 50]}}},\n"                                                           \
	"      x_sum: {expression: x_half + 1, qc: {gross_range: {suspect: [0, 20]}}},\n"         \
	"      x_half: {expression: x_one / x_two},\n"                                             \
	"      x_two: {table: input, address: 1},\n"                                               \
	"      x_rare: {table: input, address: 2, interval: 5m},\n"                                \
	"      x_far: {expression: x_one - t, from: {t: b/air_temperature}},\n"                    \
	"      x_mix: {expression: x_one - x_rare}}}\n"                                            \
	"  b: {station: pier, domain: air, link: plc, unit_id: 2, interval: 60s,\n"               \
	"    points: {air_temperature: {table: input, address: 0, qc: off}}}\n"

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

static const struct fg_point *point(const char *device, const char *name)
{
	for (size_t i = 0; i < f.config->point_count; i++)
		if (strcmp(f.config->points[i]->device->name, device) == 0 &&
			strcmp(f.config->points[i]->name, name) == 0)
			return f.config->points[i];
	return NULL;
}

static void add(struct fg_batch *batch, const char *name, double value)
{
	struct fg_reading *r = fg_batch_add(batch, point("a", name)->index, f.now.mono_us);

	r->qc = isnan(value) ? FG_QC_MISSING : FG_QC_NOT_EVALUATED;
	r->reason = isnan(value) ? FG_REASON_EXCEPTION : FG_REASON_NONE;
	r->detail = isnan(value) ? 2 : 0;
	if (!isnan(value))
		r->value = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = value};
}

/* A poll of the first group of `a`; NaN: refused by the device. */
static void answer(double one, double two)
{
	struct fg_reading readings[2];
	struct fg_batch batch = {.readings = readings, .cap = 2};
	struct fg_poll_result result = {.group = fake_group(&f, "a", 0), .batch = &batch,
		.requests = 1, .answers = 1, .started_mono_us = f.now.mono_us,
		.done_mono_us = f.now.mono_us};

	add(&batch, "x_one", one);
	add(&batch, "x_two", two);
	f.core->groups[result.group->index].busy = true; /* it was due */
	fg_core_polled(f.core, f.now, &result);
}

/* The last stored reading of a point from number `from` on; NULL: none. */
static const struct fg_item *last(const char *name, uint64_t from)
{
	for (uint64_t seq = f.appended_next; seq-- > from;) {
		const struct fg_item *i = &f.stored[seq - FAKE_FIRST_SEQ].item;

		if (i->kind == FG_ITEM_READING &&
			i->point == f.core->points[point("a", name)->index].series->id)
			return i;
	}
	return NULL;
}

static void expect(const char *name, uint64_t from, enum fg_qc qc, enum fg_reason reason,
	double value)
{
	const struct fg_item *i = last(name, from);

	if (!i)
		fail_msg("nothing of %s", name);
	assert_int_equal(i->qc, qc);
	assert_int_equal(i->reason, reason);
	if (isnan(value))
		assert_int_equal(i->value.kind, FG_KIND_NONE);
	else
		assert_true(fabs(fg_value_number(&i->value) - value) < 1e-9);
}

static void test_a_reading_with_each_of_the_trigger(void **state)
{
	uint64_t from = f.appended_next;

	(void)state;
	answer(30, 2);
	expect("x_half", from, FG_QC_NOT_EVALUATED, FG_REASON_NONE, 15);
	expect("x_sum", from, FG_QC_PASS, FG_REASON_NONE, 16); /* by its own test */
	expect("x_far", from, FG_QC_MISSING, FG_REASON_NO_INPUT, NAN);
	expect("x_mix", from, FG_QC_MISSING, FG_REASON_NO_INPUT, NAN);
	assert_int_equal(f.appended_next - from, 6);
	assert_int_equal(last("x_half", from)->wall_ms, f.now.wall_us / 1000);
	assert_int_equal(f.core->polled, 2);
	assert_int_equal(f.core->derived, 4);

	fake_answer(&f, fake_group(&f, "b", 0), 4); /* nothing hangs on it alone */
	fake_answer(&f, fake_group(&f, "a", 1), 10);
	from = f.appended_next;
	answer(60, 2); /* suspect itself */
	expect("x_half", from, FG_QC_SUSPECT, FG_REASON_NONE, 30);
	expect("x_sum", from, FG_QC_SUSPECT, FG_REASON_NONE, 31);
	expect("x_far", from, FG_QC_SUSPECT, FG_REASON_NONE, 56);
	expect("x_mix", from, FG_QC_SUSPECT, FG_REASON_NONE, 50);
	answer(200, 4);
	expect("x_half", from, FG_QC_FAIL, FG_REASON_NONE, 50);
	answer(3, 0);
	expect("x_half", from, FG_QC_FAIL, FG_REASON_NOT_A_NUMBER, NAN);
	expect("x_sum", from, FG_QC_FAIL, FG_REASON_NOT_A_NUMBER, NAN);
}

static void test_an_old_input_is_none(void **state)
{
	uint64_t from;

	(void)state;
	fake_answer(&f, fake_group(&f, "b", 0), 4);
	f.now.mono_us += 180 * SEC;
	f.now.wall_us += 180 * SEC;
	from = f.appended_next;
	answer(5, 1);
	expect("x_far", from, FG_QC_NOT_EVALUATED, FG_REASON_NONE, 1);
	f.now.mono_us += 1;
	answer(5, 1);
	expect("x_far", from, FG_QC_MISSING, FG_REASON_NO_INPUT, NAN);
	fake_fail(&f, fake_group(&f, "b", 0), FG_REASON_NO_RESPONSE);
	answer(5, 1);
	expect("x_far", from, FG_QC_MISSING, FG_REASON_NO_RESPONSE, NAN);
}

/* What is missing is told when it begins, then seldom. */
static void test_a_missing_input_is_told_once(void **state)
{
	uint64_t from;

	(void)state;
	answer(30, 2);
	from = f.appended_next;
	answer(NAN, 2);
	expect("x_one", from, FG_QC_MISSING, FG_REASON_EXCEPTION, NAN);
	expect("x_half", from, FG_QC_MISSING, FG_REASON_EXCEPTION, NAN);
	assert_int_equal(last("x_half", from)->detail, 2);
	from = f.appended_next;
	answer(NAN, 2);
	assert_null(last("x_one", from));
	assert_null(last("x_half", from));
	assert_null(last("x_sum", from));
	assert_int_equal(f.appended_next - from, 1);
}

struct sums {
	unsigned scheduled, sent, missing;
};

static struct sums sums_of(const char *name)
{
	uint32_t id = f.core->points[point("a", name)->index].series->id;
	struct sums s = {0, 0, 0};

	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++) {
		const struct fg_item *i = &f.stored[seq - FAKE_FIRST_SEQ].item;

		for (size_t k = 0; i->kind == FG_ITEM_ACCOUNT && k < i->account->count; k++) {
			const struct fg_account_line *l = &i->account->lines[k];

			if (l->point != id)
				continue;
			s.scheduled += l->scheduled;
			s.sent += l->sent;
			s.missing += l->missing;
		}
	}
	return s;
}

/* Two hours: scheduled = sent + missing, of a derived point as of what it is worked out of. */
static void test_the_ledger_counts_them(void **state)
{
	struct sums one, half, far;

	(void)state;
	for (int minute = 0; minute < 150; minute++) {
		fake_turn(&f, 60 * SEC);
		if (minute % 10 == 3)
			answer(NAN, 2);
		else if (minute % 10 == 4)
			fake_fail(&f, fake_group(&f, "a", 0), FG_REASON_NO_RESPONSE);
		else if (minute % 10 != 5) /* an overrun */
			answer(minute, 2);
		if (minute % 20 < 10)
			fake_answer(&f, fake_group(&f, "b", 0), 4);
		fake_commit(&f);
	}
	one = sums_of("x_one");
	half = sums_of("x_half");
	far = sums_of("x_far");
	assert_true(one.scheduled >= 60);
	assert_int_equal(one.scheduled, half.scheduled);
	assert_int_equal(one.sent, half.sent);
	assert_int_equal(one.missing, half.missing);
	assert_int_equal(far.scheduled, one.scheduled);
	assert_true(far.missing > one.missing);
	assert_int_equal(far.scheduled, far.sent + far.missing);
}

static void test_what_is_known_survives_a_reload_of_others(void **state)
{
	static const char more[] = FAKE_HEAD FAKE_TOWN FAKE_LINK DEVICES
		"  c: {station: park, domain: air, link: plc, unit_id: 3,\n"
		"    points: {air_temperature: {table: input, address: 0}}}\n";
	uint64_t from;

	(void)state;
	fake_answer(&f, fake_group(&f, "b", 0), 4);
	fake_reload(&f, more);
	from = f.appended_next;
	answer(5, 1);
	expect("x_far", from, FG_QC_NOT_EVALUATED, FG_REASON_NONE, 1);
}

/* A poll without some of its points, as after a split of its requests: what hangs on the trigger
 * is missing with it. */
static void test_a_trigger_that_is_not_in_the_batch(void **state)
{
	struct fg_reading readings[2];
	struct fg_batch batch = {.readings = readings, .cap = 2};
	struct fg_poll_result result = {.group = fake_group(&f, "a", 0), .batch = &batch,
		.requests = 1, .answers = 1, .started_mono_us = f.now.mono_us,
		.done_mono_us = f.now.mono_us};
	uint64_t from = f.appended_next;

	(void)state;
	add(&batch, "x_two", 3);
	fg_core_polled(f.core, f.now, &result);
	assert_int_equal(f.appended_next - from, 1);
	assert_null(last("x_half", from));
}

/* A report of several times: each is worked out of what stands beside it, with its time, and what
 * is older than the newest known does not take its place. */
static void test_a_report_of_several_times(void **state)
{
	static const double values[][2] = {{6, 2}, {30, 3}, {50, 5}};
	struct fg_reading readings[6];
	struct fg_batch batch = {.readings = readings, .cap = 6};
	const struct fg_arrival arrival = {.device = fake_group(&f, "a", 0)->device,
		.batch = &batch, .arrived_mono_us = f.now.mono_us, .kept = true};
	uint64_t from;
	unsigned known, n = 0;

	(void)state;
	answer(8, 1);
	from = f.appended_next;
	for (size_t i = 0; i < 3; i++) {
		add(&batch, "x_two", values[i][1]);
		add(&batch, "x_one", values[i][0]);
		for (size_t k = 0; k < 2; k++) {
			readings[2 * i + k].told = true;
			readings[2 * i + k].told_wall_ms =
				f.now.wall_us / 1000 - 3600000 + (int64_t)i * 1000;
		}
	}
	assert_int_equal(fg_core_reported(f.core, f.now, &arrival, &known), FG_PENDING);
	assert_int_equal(f.appended_next - from, 12); /* x_far and x_mix were told as missing */
	for (uint64_t seq = from; seq < f.appended_next; seq++) {
		const struct fg_item *i = &f.stored[seq - FAKE_FIRST_SEQ].item;

		if (i->point != f.core->points[point("a", "x_half")->index].series->id)
			continue;
		assert_true(i->value.f == (n == 0 ? 3 : 10));
		assert_int_equal(
			i->wall_ms, f.now.wall_us / 1000 - 3600000 + (int64_t)n++ * 1000);
	}
	assert_int_equal(n, 3);
	from = f.appended_next;
	fake_answer(&f, fake_group(&f, "a", 1), 1); /* x_rare alone */
	assert_true(f.core->points[point("a", "x_one")->index].known.value == 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_reading_with_each_of_the_trigger, begin, end),
		cmocka_unit_test_setup_teardown(test_an_old_input_is_none, begin, end),
		cmocka_unit_test_setup_teardown(test_a_missing_input_is_told_once, begin, end),
		cmocka_unit_test_setup_teardown(test_the_ledger_counts_them, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_is_known_survives_a_reload_of_others, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_trigger_that_is_not_in_the_batch, begin, end),
		cmocka_unit_test_setup_teardown(test_a_report_of_several_times, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
