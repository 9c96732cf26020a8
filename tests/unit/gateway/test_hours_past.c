/* SPDX-License-Identifier: EUPL-1.2 */
/* Hours over another configuration: the interval of before over a restart, and what came of a point
 * while it was not told by the hour. */
#include "hours_fake.h"

#define POINT(interval, hourly)                                                                    \
	FAKE_HEAD FAKE_TOWN FAKE_LINK                                                              \
	"devices:\n"                                                                               \
	"  air: {station: pier, domain: air, link: plc, unit_id: 1, interval: " interval ",\n"    \
	"    points: {no2: {table: input, address: 0, qc: off}}" hourly "}\n"

static const char slow[] = POINT("5m", ", hourly: {no2: true}");
static const char fast[] = POINT("1m", ", hourly: {no2: true}");
static const char none[] = POINT("5m", "");

/* The next start finds another configuration. */
static void restart_with(const char *yaml)
{
	struct fg_config *was = f.config;

	f.config = fake_load(&f, yaml);
	restart();
	fg_config_unref(was);
}

static void minutes(int n, double value)
{
	steps_of(60 * SEC, n, value);
}

static void idle(int turns)
{
	for (; turns; turns--) {
		fake_turn(&f, 30 * SEC);
		answer_reads();
	}
}

/* An hour goes by the longer interval of those that it had. */
static void test_another_interval_after_a_start(void **state)
{
	int64_t t;

	(void)state;
	begin_with(slow);
	t = to_the_hour(10);
	steps(6, 10);
	restart_with(fast);
	minutes(15, 10);
	restart(); /* and it still does after another one */
	minutes(17, 10);
	expect(hour(t + HOUR_MS, 1), 10, 12);
	assert_int_equal(hour(t + HOUR_MS, 1)->aggregate->expected, 12);
	minutes(60, 10);
	expect(hour(t + 2 * HOUR_MS, 1), 10, 60);
	/* back again: readings that came closer are as many as there are steps */
	minutes(20, 10);
	restart_with(slow);
	steps(8, 10);
	expect(hour(t + 3 * HOUR_MS, 1), 10, 12);
}

/* An hour that was not told before the end is none of the new interval. */
static void test_an_hour_before_the_start(void **state)
{
	int64_t t;

	(void)state;
	begin_with(slow);
	t = to_the_hour(10);
	steps(11, 10);
	restart_with(fast);
	idle(20);
	expect(hour(t + HOUR_MS, 1), 10, 12);
	assert_int_equal(hour(t + HOUR_MS, 1)->aggregate->expected, 12);
}

/* An hour of tens is told; returns its end. */
static int64_t an_hour(void)
{
	int64_t t;

	begin_with(slow);
	t = to_the_hour(10) + HOUR_MS;
	steps(13, 10);
	expect(hour(t, 1), 10, 12);
	return t;
}

/* What is corrected of a point while it is not told by the hour is told when it is again. */
static void test_corrected_while_it_was_away(void **state)
{
	uint64_t last;
	int64_t t;

	(void)state;
	t = an_hour();
	last = last_no2(t);
	fake_reload(&f, none);
	correct(last, 22, FG_QC_PASS);
	idle(4);
	hour(t, 1);
	fake_reload(&f, slow);
	idle(4);
	expect(hour(t, 2), 11, 12);
	assert_true(hour(t, 2)->replaces != 0);
	/* with the end of this hour, too, it is caught up with */
	idle(130);
	assert_int_equal(f.core->hours->targets[0].behind_to, 0);
	correct(last, 34, FG_QC_PASS);
	idle(4);
	expect(hour(t, 3), 12, 12);
}

static void test_a_restart_while_it_was_away(void **state)
{
	int64_t t;

	(void)state;
	t = an_hour();
	fake_reload(&f, none);
	idle(1);
	correct(last_no2(t), 22, FG_QC_PASS);
	restart_with(none);
	idle(2);
	fake_reload(&f, slow);
	idle(4);
	expect(hour(t, 2), 11, 12);
}

/* It left while nobody ran, and came back so. */
static void test_away_from_start_to_start(void **state)
{
	int64_t t;

	(void)state;
	t = an_hour();
	idle(4);
	restart_with(none);
	idle(2);
	correct(last_no2(t), 22, FG_QC_PASS);
	idle(2);
	restart_with(slow);
	idle(4);
	expect(hour(t, 2), 11, 12);
	/* and is not looked through again */
	idle(130);
	restart();
	fake_turn(&f, 0);
	assert_int_equal(f.core->hours->targets[0].behind_to, 0);
}

/* What came of it while it was not told by the hour is not told all at once. */
static void test_nothing_is_told_of_the_time_between(void **state)
{
	uint64_t last;
	int64_t t;
	size_t n;

	(void)state;
	t = an_hour();
	last = last_no2(t);
	fake_reload(&f, none);
	for (int i = 0; i < 3; i++)
		to_the_hour(10);
	correct(last, 22, FG_QC_PASS);
	steps(2, 10);
	fake_reload(&f, slow);
	idle(10);
	expect(hour(t, 2), 11, 12);
	/* that in which it left had begun, and this one is not over */
	expect(hour(t + HOUR_MS, 1), 10, 12);
	told(FG_TOLD_HOUR, FG_STAT_MEAN, 0, &n);
	assert_int_equal(n, 4); /* with the first half of an hour */
	to_the_hour(10);
	steps(2, 10);
	told(FG_TOLD_HOUR, FG_STAT_MEAN, 0, &n);
	assert_int_equal(n, 5);
}

/* Neither when it is told again from a start on. */
static void test_nothing_is_told_of_the_time_before_a_start(void **state)
{
	int64_t t;
	size_t n;

	(void)state;
	t = an_hour();
	fake_reload(&f, none);
	for (int i = 0; i < 3; i++)
		to_the_hour(10);
	steps(2, 10);
	restart_with(slow);
	idle(10);
	hour(t, 1);
	hour(t + HOUR_MS, 1);
	told(FG_TOLD_HOUR, FG_STAT_MEAN, 0, &n);
	assert_int_equal(n, 3); /* with the first half of an hour */
}

/* The end comes when it is known which hours are wrong, and none is told. */
static void test_a_crash_while_it_catches_up(void **state)
{
	int64_t t;

	(void)state;
	t = an_hour();
	fake_reload(&f, none);
	correct(last_no2(t), 22, FG_QC_PASS);
	idle(4);
	fake_reload(&f, slow);
	for (int i = 0; i < 10; i++) { /* less than an hour settles in */
		fake_turn(&f, SEC);
		answer_reads();
	}
	hour(t, 1);
	assert_true(f.core->hours->mark_count > 0);
	restart();
	idle(4);
	expect(hour(t, 2), 11, 12);
}

/* Bytes that make no sense are as none. */
static void test_notes_that_make_no_sense(void **state)
{
	unsigned char bytes[64];

	(void)state;
	begin_with(slow);
	for (unsigned seed = 0; seed < 2000; seed++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)(seed * 2654435761u >> i % 24);
		bytes[0] = seed % 4 ? 1 : (unsigned char)seed;
		assert_int_equal(fg_core_known_state(f.core, "hourly", seed % 2 ? "0" : "99999",
			bytes, seed % sizeof(bytes)), FG_OK);
	}
	fake_turn(&f, 0);
	assert_true(f.core->hours->past_count <= 1024);
	to_the_hour(10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_another_interval_after_a_start, end),
		cmocka_unit_test_teardown(test_an_hour_before_the_start, end),
		cmocka_unit_test_teardown(test_corrected_while_it_was_away, end),
		cmocka_unit_test_teardown(test_a_restart_while_it_was_away, end),
		cmocka_unit_test_teardown(test_away_from_start_to_start, end),
		cmocka_unit_test_teardown(test_nothing_is_told_of_the_time_between, end),
		cmocka_unit_test_teardown(test_nothing_is_told_of_the_time_before_a_start, end),
		cmocka_unit_test_teardown(test_a_crash_while_it_catches_up, end),
		cmocka_unit_test_teardown(test_notes_that_make_no_sense, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
