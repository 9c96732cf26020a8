/* SPDX-License-Identifier: EUPL-1.2 */
/* Quality tests with a memory, in the core: flags on arrival, corrections of spikes, and what a
 * restart, a reload and a full store leave of both. */
#include "fake.h"

#include <stdlib.h>

#include "base/cleanup.h"

static struct fake f;
static struct fake_broker *town;
static const struct fg_group *sonde;

#define SONDE(more)                                                                                \
	FAKE_HEAD FAKE_TOWN FAKE_LINK "devices:\n"                                                 \
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s, " more "\n" \
	"    points: {water_temperature: {table: input, address: 0, type: u16, qc: {\n"            \
	"      spike: {suspect: 1, fail: 3, method: differential},\n"                              \
	"      rate_of_change: {fail: 1},\n"                                                       \
	"      flat_line: {tolerance: 0.001, suspect: 3m, fail: 5m}, time_gap: {fail: 10m},\n"     \
	"      climatology: {season: autumn, suspect: [0, 20]}}}}}\n"

static int begin(void **state)
{
	(void)state;
	fake_init(&f, SONDE(""));
	town = &f.brokers[0];
	sonde = f.config->groups[0];
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

/* A minute later the value is read, and committed. */
static uint64_t read_value(double value)
{
	fake_turn(&f, 60 * SEC);
	fake_answer(&f, f.config->groups[0], value);
	fake_commit(&f);
	return f.appended_next - 1;
}

static const struct fg_item *item(uint64_t seq)
{
	return &f.stored[seq - FAKE_FIRST_SEQ].item;
}

static enum fg_qc flag(uint64_t seq, enum fg_test test)
{
	return fg_tests_get(item(seq)->tests, test);
}

static unsigned corrections(void)
{
	unsigned n = 0;

	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++)
		n += item(seq)->kind == FG_ITEM_READING && item(seq)->replaces;
	return n;
}

/* After a restart: the clock is right again. */
static void restart(bool trusted)
{
	fake_restart(&f);
	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.committed_next; seq++)
		if (item(seq)->kind == FG_ITEM_READING && f.stored[seq - FAKE_FIRST_SEQ].has_wall)
			fg_core_quality_known(f.core, item(seq));
	sonde = f.config->groups[0];
	if (!trusted)
		return;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	fake_timed(&f);
}

static void a_spike_is_told_by_a_correction(void **state)
{
	uint64_t high, next;

	(void)state;
	read_value(10);
	read_value(11);
	high = read_value(15);
	assert_int_equal(item(high)->qc, FG_QC_PASS); /* by the tests that can tell at once */
	assert_int_equal(flag(high, FG_TEST_SPIKE), FG_QC_NOT_EVALUATED);
	next = read_value(11);
	assert_int_equal(next, high + 2); /* the correction comes before what shows it */
	assert_int_equal(item(high + 1)->replaces, high);
	assert_int_equal(item(high + 1)->qc, FG_QC_FAIL);
	assert_int_equal(flag(high + 1, FG_TEST_SPIKE), FG_QC_FAIL);
	assert_int_equal(flag(high + 1, FG_TEST_RATE_OF_CHANGE), FG_QC_PASS);
	assert_true(item(high + 1)->wall_ms == item(high)->wall_ms);
	assert_true(fg_value_number(&item(high + 1)->value) == 15);
	assert_int_equal(item(next)->qc, FG_QC_PASS);
	assert_int_equal(item(next)->replaces, 0);
	read_value(11);
	read_value(12.5);
	read_value(11);
	assert_int_equal(corrections(), 2);
	assert_int_equal(item(f.appended_next - 2)->qc, FG_QC_SUSPECT);
	read_value(11.5);
	read_value(11);
	assert_int_equal(corrections(), 2);
	assert_int_equal(f.core->qc_corrected, 2);
	assert_int_equal(f.core->qc_not_told, 0);
}

/* A newer reading of the point is retained already. */
static void a_correction_is_published_not_retained(void **state)
{
	const struct fake_sent *sent = NULL;
	uint64_t high;

	(void)state;
	read_value(10);
	read_value(10);
	high = read_value(15);
	read_value(10);
	fake_connect(&f, town, true);
	for (int i = 0; i < 20; i++) {
		fake_turn(&f, SEC);
		fake_settle(&f);
		fake_page(&f, town);
		fake_ack_all(&f, town);
	}
	for (size_t i = 0; i < town->sent_count; i++)
		if (town->sent[i].seq == high + 1)
			sent = &town->sent[i];
	assert_non_null(sent);
	assert_int_equal(sent->replaces, high);
	assert_false(sent->retain);
}

static void neighbours_that_are_missing_tell_nothing(void **state)
{
	uint64_t seq;

	(void)state;
	read_value(10);
	fake_turn(&f, 60 * SEC);
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	read_value(15);
	read_value(10);
	fake_turn(&f, 60 * SEC);
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	seq = read_value(10);
	assert_int_equal(corrections(), 0);
	assert_int_equal(flag(seq, FG_TEST_RATE_OF_CHANGE), FG_QC_PASS);
}

static void what_does_not_move_is_flat(void **state)
{
	static const enum fg_qc want[] = {1, 1, 1, 3, 3, 4, 4};
	uint64_t seq;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(want); i++) {
		seq = read_value(10);
		assert_int_equal(flag(seq, FG_TEST_FLAT_LINE), want[i]);
		assert_int_equal(item(seq)->qc, want[i]);
	}
	seq = read_value(10.5);
	assert_int_equal(flag(seq, FG_TEST_FLAT_LINE), FG_QC_PASS);
	fake_turn(&f, 700 * SEC);
	seq = read_value(10.6);
	assert_int_equal(flag(seq, FG_TEST_TIME_GAP), FG_QC_FAIL);
	assert_int_equal(flag(read_value(21), FG_TEST_CLIMATOLOGY), FG_QC_SUSPECT);
}

static void tests_go_on_after_a_restart(void **state)
{
	uint64_t high, seq;

	(void)state;
	for (int i = 0; i < 5; i++)
		read_value(10);
	restart(true);
	assert_int_equal(flag(read_value(10), FG_TEST_FLAT_LINE), FG_QC_FAIL);
	high = read_value(15);
	restart(true);
	seq = read_value(10);
	assert_int_equal(item(seq - 1)->replaces, high); /* of the run before */
	assert_int_equal(item(seq - 1)->qc, FG_QC_FAIL);
	assert_true(item(seq - 1)->wall_ms == item(high)->wall_ms);
	restart(true);
	read_value(10);
	assert_int_equal(corrections(), 1); /* once */
	read_value(15);
	f.appended_next = f.committed_next -= 1; /* and what was not committed never was */
	restart(true);
	read_value(10);
	assert_int_equal(corrections(), 1);
	fake_turn(&f, 700 * SEC);
	restart(true);
	assert_int_equal(flag(read_value(10), FG_TEST_TIME_GAP), FG_QC_FAIL);
}

/* Nobody knows how long ago the readings before it were. */
static void a_restart_without_the_time(void **state)
{
	uint64_t seq;

	(void)state;
	for (int i = 0; i < 3; i++)
		read_value(10);
	read_value(70);
	restart(false);
	seq = read_value(10);
	assert_int_equal(flag(seq, FG_TEST_TIME_GAP), FG_QC_NOT_EVALUATED);
	assert_int_equal(flag(seq, FG_TEST_RATE_OF_CHANGE), FG_QC_PASS);
	assert_int_equal(flag(seq, FG_TEST_CLIMATOLOGY), FG_QC_NOT_EVALUATED);
	assert_int_equal(corrections(), 0);
	seq = read_value(71);
	assert_int_equal(flag(seq, FG_TEST_RATE_OF_CHANGE), FG_QC_FAIL);
}

static void tests_go_on_after_a_reload(void **state)
{
	uint64_t high;

	(void)state;
	for (int i = 0; i < 5; i++)
		read_value(10);
	fake_reload(&f, SONDE(""));
	assert_int_equal(flag(read_value(10), FG_TEST_FLAT_LINE), FG_QC_FAIL);
	high = read_value(15);
	fake_reload(&f, SONDE("title: Other, "));
	read_value(10);
	assert_int_equal(corrections(), 1);
	assert_int_equal(item(f.appended_next - 2)->replaces, high);
	fake_reload(&f, fake_yaml); /* without tests, and without the point */
	fake_reload(&f, SONDE(""));
	assert_int_equal(flag(read_value(10), FG_TEST_FLAT_LINE), FG_QC_PASS);
}

/* Correction and reading are stored together or not at all. */
static void a_full_store_takes_both_or_none(void **state)
{
	uint64_t seq;

	(void)state;
	read_value(10);
	read_value(10);
	seq = read_value(15);
	f.bundle_full = true;
	assert_int_equal(read_value(10), seq);
	assert_int_equal(f.core->dropped_full, 1);
	assert_int_equal(f.core->qc_not_told, 1);
	assert_int_equal(corrections(), 0);
	f.bundle_full = false;
	assert_int_equal(read_value(10), seq + 1); /* no number is wasted */
	read_value(15);
	f.store_full = true;
	read_value(10);
	f.store_full = false;
	read_value(10);
	assert_int_equal(corrections(), 0);
	assert_int_equal(f.core->qc_not_told, 2);
}

static void give_batch(const double *values, const int *ages_s, size_t count)
{
	struct fg_reading readings[8];
	struct fg_batch batch = {.readings = readings, .cap = 8};
	struct fg_poll_result result = {.group = f.config->groups[0], .batch = &batch,
		.requests = 1, .answers = 1, .started_mono_us = f.now.mono_us,
		.done_mono_us = f.now.mono_us};

	for (size_t i = 0; i < count; i++) {
		struct fg_reading *r = fg_batch_add(&batch, 0, f.now.mono_us - ages_s[i] * SEC);

		r->qc = FG_QC_NOT_EVALUATED;
		r->value = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = values[i]};
	}
	fg_core_polled(f.core, f.now, &result);
}

/* What arrives together needs no correction; what is older changes nothing. */
static void several_readings_at_once(void **state)
{
	static const int ages_s[] = {40, 30, 20, 10}, old_s[] = {500, 400};
	uint64_t first = FAKE_FIRST_SEQ;

	(void)state;
	assert_int_equal(fg_core_want_items(f.core, 8), FG_OK);
	fake_turn(&f, 600 * SEC);
	give_batch((const double[]){10, 10, 15, 10}, ages_s, 4);
	assert_int_equal(f.appended_next, first + 4);
	assert_int_equal(item(first + 2)->qc, FG_QC_FAIL);
	assert_int_equal(flag(first + 2, FG_TEST_SPIKE), FG_QC_FAIL);
	assert_int_equal(item(first + 3)->qc, FG_QC_PASS);
	give_batch((const double[]){16, 19}, old_s, 2);
	assert_int_equal(item(first + 5)->tests & ~(UINT64_C(15) << 4 * FG_TEST_CLIMATOLOGY) &
		~UINT64_C(15), 0);
	fake_turn(&f, 30 * SEC);
	give_batch((const double[]){10}, (const int[]){0}, 1);
	assert_int_equal(corrections(), 0); /* 10 was no spike between 15 and 10 */
	assert_int_equal(flag(f.appended_next - 1, FG_TEST_RATE_OF_CHANGE), FG_QC_PASS);
}

/* A reading that was not told cannot be replaced, nor is another one in its place. */
static void a_spike_that_was_suppressed(void **state)
{
	static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {water_temperature: {table: input, address: 0, type: u16,\n"
		"      report: {on_change: 100, at_least_every: 1h}, qc: {flat_line: off,\n"
		"      spike: {suspect: 1, fail: 3, method: differential}}}}}\n";
	uint64_t told;

	(void)state;
	fake_reload(&f, yaml);
	for (int i = 0; i < 5; i++)
		read_value(10 + i % 2 * 0.1);
	told = read_value(10);
	assert_int_equal(read_value(15), told); /* suppressed */
	assert_int_equal(read_value(10), told);
	assert_int_equal(read_value(10), told);
	assert_int_equal(corrections(), 0);
	assert_int_equal(f.core->qc_not_told, 0);
	assert_true(f.core->suppressed >= 4);
	/* one that was told between two that were not is corrected */
	told = read_value(115);
	read_value(10);
	assert_int_equal(corrections(), 1);
	assert_int_equal(item(told + 1)->replaces, told);
}

/* A minute later it comes by itself, with the sensor's time where it has one. */
static void report_told(double value, int64_t told_ms)
{
	struct fg_reading reading;
	struct fg_batch batch = {.readings = &reading, .cap = 1};
	struct fg_arrival a = {.device = f.config->devices[0], .batch = &batch};
	struct fg_reading *r;
	unsigned known;

	fake_turn(&f, 60 * SEC);
	r = fg_batch_add(&batch, 0, f.now.mono_us);
	r->qc = FG_QC_NOT_EVALUATED;
	r->value = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = value};
	r->told = told_ms != 0;
	r->told_wall_ms = told_ms;
	a.arrived_mono_us = f.now.mono_us;
	assert_true(fg_core_reported(f.core, f.now, &a, &known) >= 0);
	fake_commit(&f);
}

static void report(double value)
{
	report_told(value, 0);
}

/* What shows the spike is not far enough from it to be told itself. */
static void a_spike_before_one_that_is_suppressed(void **state)
{
	static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {water_temperature: {table: input, address: 0, type: u16,\n"
		"      report: {on_change: 4, at_least_every: 1h}, qc: {flat_line: off,\n"
		"      spike: {suspect: 1, fail: 3, method: differential}}}}}\n";
	uint64_t told;

	(void)state;
	fake_reload(&f, yaml);
	read_value(10);
	told = read_value(14.5);
	assert_int_equal(read_value(11), told + 1);
	assert_int_equal(corrections(), 1);
	assert_int_equal(item(told + 1)->replaces, told);
	assert_int_equal(item(told + 1)->qc, FG_QC_FAIL);
	assert_int_equal(f.core->qc_corrected, 1);
	assert_int_equal(f.core->dropped_full, 0);
	/* and in the same way where readings come by themselves */
	report(18.9);
	told = f.appended_next - 1;
	assert_true(fg_value_number(&item(told)->value) == 18.9);
	report(15.2);
	assert_int_equal(f.appended_next, told + 2);
	assert_int_equal(corrections(), 2);
	assert_int_equal(item(told + 1)->replaces, told);
	assert_int_equal(item(told + 1)->qc, FG_QC_FAIL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* A gateway that has given up waiting for the time takes what sensors say of it, which is later by
 * far than its own estimate; then it learns the time, and what comes next is no older for that. */
static void a_sensor_knows_the_time_before_the_gateway(void **state)
{
	static const char yaml[] =
		"gateway: {id: gw, title: T, operator: O, licence: CC0-1.0}\n"
		"stations: {pier: {title: Pier}}\n"
		"storage: {file: readings.db}\n"
		"clock: {max_wait: 1m}\n" FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {water_temperature: {table: input, address: 0, alarm: {above: 20},\n"
		"      qc: {rate_of_change: {fail: 0.1}, time_gap: {fail: 10m}}},\n"
		"      x_doubled: {expression: 2 * water_temperature, unit: Cel}}}\n";
	int64_t ahead_us = 300 * 86400 * SEC;

	(void)state;
	fake_fini(&f);
	fake_init_untimed(&f, yaml);
	sonde = f.config->groups[0];
	fg_core_clock(f.core, f.now, FG_CLOCK_UNKNOWN);
	fake_turn(&f, 120 * SEC);
	fg_core_clock(f.core, f.now, FG_CLOCK_UNKNOWN);
	fake_timed(&f);
	for (int i = 0; i < 3; i++)
		report_told(10, (f.now.wall_us + ahead_us) / 1000 + 60000);
	assert_int_equal(flag(f.appended_next - 2, FG_TEST_RATE_OF_CHANGE), FG_QC_PASS);
	f.now.wall_us += ahead_us;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	assert_true(f.core->trusted);
	report_told(30, f.now.wall_us / 1000 + 60000);
	assert_int_equal(flag(f.appended_next - 2, FG_TEST_RATE_OF_CHANGE), FG_QC_FAIL);
	assert_int_equal(flag(f.appended_next - 2, FG_TEST_TIME_GAP), FG_QC_PASS);
	assert_true(fg_value_number(&item(f.appended_next - 1)->value) == 60);
	report_told(30, f.now.wall_us / 1000 + 60000);
	assert_int_equal(item(f.appended_next - 2)->alarm, FG_ALARM_ABOVE);
	assert_true(fg_known_of(f.core, f.config->points[0])->value == 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_sensor_knows_the_time_before_the_gateway),
		T(a_spike_is_told_by_a_correction),
		T(a_correction_is_published_not_retained),
		T(neighbours_that_are_missing_tell_nothing),
		T(what_does_not_move_is_flat),
		T(tests_go_on_after_a_restart),
		T(a_restart_without_the_time),
		T(tests_go_on_after_a_reload),
		T(a_full_store_takes_both_or_none),
		T(several_readings_at_once),
		T(a_spike_that_was_suppressed),
		T(a_spike_before_one_that_is_suppressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
