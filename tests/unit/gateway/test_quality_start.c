/* SPDX-License-Identifier: EUPL-1.2 */
/* What the quality tests of a core know at its start comes from the real store: they go on as if
 * nothing had ended, whatever the store has of the last while. */
#include "fake.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/quality_start.h"
#include "storage/record.h"
#include "storage/spool.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS	  (60 * MINUTE_MS)
/* So many numbers are looked back on at most. */
#define ENTRIES_MAX 1000000u
/* When the fake's core begins; its first reading comes a minute later. */
#define NOW_MS ((FAKE_WALL_US + 1000 * SEC) / 1000)

static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s, points: {\n"
	"    water_temperature: {table: input, address: 0, type: u16, qc: {\n"
	"      spike: {suspect: 1, fail: 3, method: differential}, rate_of_change: {fail: 0.01},\n"
	"      flat_line: {tolerance: 0.001, suspect: 3m, fail: 5m}, time_gap: {fail: 10m}}},\n"
	"    x_other: {table: input, address: 1, type: u16, unit: \"1\", qc: off}}}\n";

enum { TEMPERATURE = 1, OTHER }; /* ids of series, in the fake and in the store */

static struct fake f;
static struct fg_spool *spool;
static struct fg_spool_info info;
static uint64_t next; /* number in the store */
static char file[80];
static const struct fg_group *sonde;

static void open_spool(void)
{
	const struct fg_spool_conf conf = {.file = file, .max_bytes = 8 << 20};
	struct fg_buf why;
	char text[256];

	fg_buf_wrap(&why, text, sizeof(text));
	assert_int_equal(fg_spool_open(&conf, &why, &spool), FG_OK);
	fg_spool_info(spool, &info);
	next = info.next_seq;
	assert_int_equal(fg_spool_reserve(spool, next + ENTRIES_MAX + 800), FG_OK);
}

static int begin(void **state)
{
	(void)state;
	fake_init_untimed(&f, yaml);
	snprintf(file, sizeof(file), "%s/r.db", f.dir);
	open_spool();
	for (uint32_t want = TEMPERATURE; want <= OTHER; want++) {
		const struct fg_point_desc desc = fg_series_desc_at(f.config, want - 1);
		uint32_t id;

		assert_int_equal(fg_spool_intern(spool, &desc, &id), FG_OK);
		assert_int_equal(id, want);
		assert_int_equal(fg_series_find(&f.series, &desc)->id, want);
	}
	sonde = f.config->groups[0];
	return 0;
}

static int end(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".mark"};
	char path[96];

	(void)state;
	fg_spool_close(spool);
	for (size_t i = 0; i < FG_COUNT(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", file, ends[i]);
		unlink(path);
	}
	fake_fini(&f);
	return 0;
}

/* ---- what the store has ---- */

struct put {
	uint32_t point, era; /* 0: the temperature; that of this start of the store */
	int64_t ago_ms;
	double value; /* NAN: missing */
	uint64_t replaces;
	bool untimed; /* it was taken as long ago by the monotonic clock; the era tells when */
	bool own_time; /* by the sensor's own clock */
};

static uint64_t put(struct put p)
{
	const int64_t mono_us = 1000 * SEC - p.ago_ms * 1000;
	const struct fg_record_head head = {.era = p.own_time ? 0 : p.era ? p.era : info.era,
		.replaces = p.replaces, .mono_us = mono_us, .wall_ms = NOW_MS - p.ago_ms,
		.has_wall = !p.untimed, .count = 1};
	struct fg_item item = {.point = p.point ? p.point : TEMPERATURE,
		.wall_ms = NOW_MS - p.ago_ms, .qc = p.replaces ? FG_QC_FAIL : FG_QC_PASS,
		.value = {.kind = FG_KIND_DOUBLE, .f = p.value}};
	char mem[256];
	struct fg_buf out;

	if (isnan(p.value)) {
		item.qc = FG_QC_MISSING;
		item.reason = FG_REASON_NO_RESPONSE;
		item.value.kind = FG_KIND_NONE;
	}
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode(&out, &head, &item, &mono_us);
	assert_int_equal(fg_spool_begin(spool), FG_OK);
	assert_int_equal(fg_spool_append(spool, next, 1, out.data, out.len), FG_OK);
	assert_int_equal(fg_spool_commit(spool), FG_OK);
	return next++;
}

static uint64_t put_minutes_ago(int minutes, double value)
{
	return put((struct put){.ago_ms = minutes * MINUTE_MS, .value = value});
}

static void set_era(uint32_t number, int64_t late_ms, uint32_t uncertainty_s)
{
	const struct fg_era era = {.number = number, .timed = true,
		.offset_us = FAKE_WALL_US + late_ms * 1000, .uncertainty_s = uncertainty_s};

	assert_int_equal(fg_spool_begin(spool), FG_OK);
	assert_int_equal(fg_spool_set_era(spool, &era), FG_OK);
	assert_int_equal(fg_spool_commit(spool), FG_OK);
}

/* ---- the start ---- */

static void start_at(int64_t newest_ms, uint64_t next_seq)
{
	struct fg_reader *reader;
	struct fg_buf why;
	char text[256];

	fg_buf_wrap(&why, text, sizeof(text));
	assert_int_equal(fg_reader_open(file, &why, &reader), FG_OK);
	assert_int_equal(fg_quality_start(f.core, reader, newest_ms, next_seq), FG_OK);
	fg_reader_close(reader);
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	fake_timed(&f);
}

static void start(void)
{
	start_at(NOW_MS, next);
}

/* A minute later the value is read. Returns its number; corrections come before it. */
static uint64_t read_value(double value)
{
	uint64_t first = f.appended_next;

	fake_turn(&f, 60 * SEC);
	fake_answer(&f, sonde, value);
	fake_commit(&f);
	for (; first < f.appended_next; first++) {
		const struct fg_item *i = &f.stored[first - FAKE_FIRST_SEQ].item;

		if (i->kind == FG_ITEM_READING && i->point != OTHER && !i->replaces)
			return first;
	}
	fail_msg("no reading");
	return 0;
}

static const struct fg_item *item(uint64_t seq)
{
	return &f.stored[seq - FAKE_FIRST_SEQ].item;
}

static void expect(uint64_t seq, enum fg_test test, enum fg_qc flag)
{
	assert_int_equal(fg_tests_get(item(seq)->tests, test), flag);
}

/* What a correction of this run replaces; 0 where there is none; there is one at most. */
static uint64_t corrected(void)
{
	uint64_t found = 0;

	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++) {
		if (item(seq)->kind != FG_ITEM_READING || !item(seq)->replaces)
			continue;
		assert_int_equal(found, 0);
		found = item(seq)->replaces;
	}
	return found;
}

/* ---- */

static void an_empty_store(void **state)
{
	uint64_t seq;

	(void)state;
	start_at(INT64_MIN, next);
	seq = read_value(10);
	expect(seq, FG_TEST_FLAT_LINE, FG_QC_PASS);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_NOT_EVALUATED);
}

/* What lies between the readings of a point (another's, gaps in time) does not disturb. */
static void a_window_is_whole_again(void **state)
{
	uint64_t seq;

	(void)state;
	for (int ago = 4; ago >= 0; ago--) {
		put_minutes_ago(ago, 10);
		put((struct put){.point = OTHER, .ago_ms = ago * MINUTE_MS, .value = 50});
	}
	start();
	seq = read_value(10);
	expect(seq, FG_TEST_FLAT_LINE, FG_QC_FAIL);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_PASS);
	expect(seq, FG_TEST_RATE_OF_CHANGE, FG_QC_PASS);
	expect(read_value(11.5), FG_TEST_RATE_OF_CHANGE, FG_QC_FAIL);
}

static void a_shorter_past_fills_less(void **state)
{
	(void)state;
	put_minutes_ago(1, 10);
	put_minutes_ago(0, 10);
	start();
	expect(read_value(10), FG_TEST_FLAT_LINE, FG_QC_PASS);
	expect(read_value(10), FG_TEST_FLAT_LINE, FG_QC_SUSPECT);
}

/* Not what other numbers say than those that were durable at the start. */
static void numbers_that_are_not_of_the_past(void **state)
{
	uint64_t most;

	(void)state;
	put_minutes_ago(1, 10);
	put_minutes_ago(0, 10);
	most = next;
	put((struct put){.ago_ms = 0, .value = 90});
	start_at(NOW_MS, most);
	expect(read_value(10), FG_TEST_RATE_OF_CHANGE, FG_QC_PASS);
	assert_int_equal(corrected(), 0);
}

static void the_gap_since_the_newest(void **state)
{
	uint64_t seq;

	(void)state;
	put_minutes_ago(31, 10);
	put_minutes_ago(30, 10);
	start_at(NOW_MS - 30 * MINUTE_MS, next);
	seq = read_value(10.5);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_FAIL);
	expect(seq, FG_TEST_RATE_OF_CHANGE, FG_QC_PASS);
}

/* Only as far back as the longest window (and a little) from the newest on, however much there is:
 * what an older reading would have said is not known any more. */
static void no_further_back_than_windows_go(void **state)
{
	const int64_t span_ms = fg_core_quality_span_us(f.core) / 1000;
	uint64_t seq;

	(void)state;
	assert_true(span_ms >= 5 * MINUTE_MS && span_ms < HOUR_MS);
	put_minutes_ago(120, 10);
	put((struct put){.point = OTHER, .ago_ms = 0, .value = 1});
	start();
	seq = read_value(20);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_NOT_EVALUATED);
}

static void known_from(int64_t ago_ms, bool known)
{
	fg_tests tests;

	put((struct put){.ago_ms = ago_ms, .value = 10});
	put((struct put){.point = OTHER, .ago_ms = 0, .value = 1});
	start();
	tests = item(read_value(10))->tests;
	assert_int_equal(fg_tests_get(tests, FG_TEST_TIME_GAP) != FG_QC_NOT_EVALUATED, known);
}

static int64_t span_ms(void)
{
	return fg_core_quality_span_us(f.core) / 1000;
}

static void the_first_moment_of_the_span(void **state)
{
	(void)state;
	known_from(span_ms(), true);
}

static void the_moment_before_the_span(void **state)
{
	(void)state;
	known_from(span_ms() + 1, false);
}

/* However long windows are, and however dense readings: numbers are counted as well. */
static void so_many_numbers(unsigned between, bool known)
{
	put_minutes_ago(0, 10);
	next += between;
	start();
	expect(read_value(10), FG_TEST_TIME_GAP, known ? FG_QC_PASS : FG_QC_NOT_EVALUATED);
}

static void as_many_numbers_as_are_looked_at(void **state)
{
	(void)state;
	so_many_numbers(ENTRIES_MAX - 1, true);
}

static void one_number_more(void **state)
{
	(void)state;
	so_many_numbers(ENTRIES_MAX, false);
}

static void a_spike_of_the_run_before(void **state)
{
	uint64_t high, seq;

	(void)state;
	put_minutes_ago(1, 10);
	high = put_minutes_ago(0, 15);
	start();
	seq = read_value(10);
	assert_int_equal(corrected(), high);
	assert_int_equal(item(seq - 1)->qc, FG_QC_FAIL);
	assert_true(item(seq - 1)->wall_ms == NOW_MS);
	read_value(10);
	assert_int_equal(corrected(), high); /* once */
}

/* It was corrected before the process ended. */
static void a_spike_that_was_corrected(void **state)
{
	uint64_t high;

	(void)state;
	put_minutes_ago(1, 10);
	high = put_minutes_ago(0, 15);
	put((struct put){.ago_ms = 0, .value = 15, .replaces = high});
	start();
	expect(read_value(10), FG_TEST_RATE_OF_CHANGE, FG_QC_FAIL);
	assert_int_equal(corrected(), 0);
}

/* The correction of an older reading says nothing of the newest. */
static void a_correction_of_an_older_one(void **state)
{
	uint64_t older, high;

	(void)state;
	put_minutes_ago(3, 10);
	older = put_minutes_ago(2, 15);
	put((struct put){.ago_ms = 2 * MINUTE_MS, .value = 15, .replaces = older});
	put_minutes_ago(1, 10);
	high = put_minutes_ago(0, 15);
	start();
	read_value(10);
	assert_int_equal(corrected(), high);
}

static void neighbours_that_are_missing(void **state)
{
	(void)state;
	put_minutes_ago(2, 10);
	put_minutes_ago(1, 15);
	put_minutes_ago(0, (double)NAN);
	start();
	expect(read_value(10), FG_TEST_TIME_GAP, FG_QC_PASS);
	assert_int_equal(corrected(), 0); /* nobody saw what came after 15 */
}

/* What a sensor had kept and handed over late is judged by itself; so it is at the start. */
static void what_came_late(void **state)
{
	uint64_t high, seq;

	(void)state;
	for (int ago = 4; ago >= 1; ago--)
		put_minutes_ago(ago, 10);
	high = put_minutes_ago(0, 15);
	for (int ago = 6; ago >= 3; ago--)
		put((struct put){.ago_ms = ago * MINUTE_MS - 30000, .value = 70, .own_time = true});
	start();
	seq = read_value(10);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_PASS);
	assert_int_equal(corrected(), high);
}

/* The newest is one that the sensor timed itself. */
static void the_sensors_own_time(void **state)
{
	uint64_t high;

	(void)state;
	put((struct put){.ago_ms = MINUTE_MS, .value = 10, .own_time = true});
	high = put((struct put){.ago_ms = 0, .value = 15, .own_time = true});
	start();
	read_value(10);
	assert_int_equal(corrected(), high);
}

/* ---- eras ---- */

/* Stored without wall time, which came later: of an era that is timed, readings are like others. */
static void an_era_that_was_timed_later(void **state)
{
	uint64_t seq;

	(void)state;
	for (int ago = 4; ago >= 0; ago--)
		put((struct put){.ago_ms = ago * MINUTE_MS, .value = 10, .untimed = true});
	set_era(info.era, 0, 0);
	start();
	seq = read_value(10);
	expect(seq, FG_TEST_FLAT_LINE, FG_QC_FAIL);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_PASS);
}

/* Nobody knows when: they are not taken for anything. */
static void an_era_without_time(void **state)
{
	uint64_t seq;

	(void)state;
	put_minutes_ago(20, 10);
	for (int ago = 4; ago >= 0; ago--)
		put((struct put){.ago_ms = ago * MINUTE_MS, .value = 70, .untimed = true,
			.era = info.next_era});
	start_at(NOW_MS - 20 * MINUTE_MS, next);
	seq = read_value(10);
	expect(seq, FG_TEST_RATE_OF_CHANGE, FG_QC_PASS);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_FAIL);
	assert_int_equal(corrected(), 0);
}

/* Its time is an estimate, which the store itself may correct: no verdict on it is told. */
static void an_estimated_spike(void **state)
{
	(void)state;
	put((struct put){.ago_ms = MINUTE_MS, .value = 10, .untimed = true});
	put((struct put){.ago_ms = 0, .value = 15, .untimed = true});
	set_era(info.era, 0, 60);
	start();
	expect(read_value(10), FG_TEST_RATE_OF_CHANGE, FG_QC_FAIL);
	assert_int_equal(corrected(), 0);
}

/* All of the first era is told again, by the right time. */
static void correct_era(unsigned readings)
{
	unsigned used;
	bool more;

	assert_int_equal(fg_spool_begin(spool), FG_OK);
	assert_int_equal(fg_spool_restamp_begin(spool, info.era, FAKE_WALL_US), FG_OK);
	assert_int_equal(fg_spool_restamp(spool, next, 10, &used, &more), FG_OK);
	assert_int_equal(fg_spool_commit(spool), FG_OK);
	assert_int_equal(used, readings);
	next += used;
}

/* The last five minutes; the first three of them by a time that proved wrong and was corrected,
 * before or after the next reading came. One of them was missing. */
static void a_corrected_era(int64_t late_ms, bool correction_first)
{
	put((struct put){.ago_ms = 4 * MINUTE_MS, .value = 10, .untimed = true});
	put((struct put){.ago_ms = 3 * MINUTE_MS + 1000, .value = (double)NAN, .untimed = true});
	put((struct put){.ago_ms = 3 * MINUTE_MS, .value = 10, .untimed = true});
	put((struct put){.ago_ms = 2 * MINUTE_MS, .value = 10, .untimed = true});
	set_era(info.era, late_ms, 7200);
	set_era(info.next_era, 0, 0);
	if (!correction_first)
		put((struct put){.ago_ms = MINUTE_MS, .value = 10, .era = info.next_era});
	correct_era(3);
	if (correction_first)
		put((struct put){.ago_ms = MINUTE_MS, .value = 10, .era = info.next_era});
	put((struct put){.ago_ms = 0, .value = 10.0001, .era = info.next_era});
}

static void restamped_from_a_late_time(void **state)
{
	uint64_t seq;

	(void)state;
	a_corrected_era(HOUR_MS, true);
	start();
	seq = read_value(10);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_PASS);
	expect(seq, FG_TEST_RATE_OF_CHANGE, FG_QC_PASS);
	expect(seq, FG_TEST_FLAT_LINE, FG_QC_FAIL);
	expect(read_value(11.5), FG_TEST_RATE_OF_CHANGE, FG_QC_FAIL);
}

/* By the time that was told first there would be an hour between them and what follows. */
static void restamped_from_an_early_time(void **state)
{
	uint64_t seq;

	(void)state;
	put((struct put){.ago_ms = MINUTE_MS, .value = 10, .untimed = true});
	put((struct put){.ago_ms = 0, .value = 10, .untimed = true});
	set_era(info.era, -HOUR_MS, 7200);
	correct_era(2);
	start();
	seq = read_value(10);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_PASS);
	expect(seq, FG_TEST_FLAT_LINE, FG_QC_PASS);
	expect(read_value(10), FG_TEST_FLAT_LINE, FG_QC_SUSPECT);
}

/* What was corrected after a newer reading had come is older than that: windows begin there. */
static void restamped_after_a_newer_reading(void **state)
{
	uint64_t seq;

	(void)state;
	a_corrected_era(HOUR_MS, false);
	start();
	seq = read_value(10);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_PASS);
	expect(seq, FG_TEST_FLAT_LINE, FG_QC_PASS);
	expect(read_value(10), FG_TEST_FLAT_LINE, FG_QC_SUSPECT);
	expect(read_value(11.5), FG_TEST_RATE_OF_CHANGE, FG_QC_FAIL);
}

/* The newest is one whose time was corrected: it is told under two numbers, and none of them is
 * corrected again. */
static void a_restamped_spike(void **state)
{
	(void)state;
	put((struct put){.ago_ms = MINUTE_MS, .value = 10, .untimed = true});
	put((struct put){.ago_ms = 0, .value = 15, .untimed = true});
	set_era(info.era, -HOUR_MS, 7200);
	correct_era(2);
	start();
	expect(read_value(10), FG_TEST_RATE_OF_CHANGE, FG_QC_FAIL);
	assert_int_equal(corrected(), 0);
}

/* ---- points that changed ---- */

static const char moved_yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: park, domain: water, link: plc, unit_id: 1, interval: 60s, points: {\n"
	"    water_temperature: {table: input, address: 0, type: u16, qc: {\n"
	"      spike: {suspect: 1, fail: 3, method: differential}, rate_of_change: {fail: 0.01},\n"
	"      flat_line: {tolerance: 0.001, suspect: 3m, fail: 5m}, time_gap: {fail: 10m}}}}}\n";

/* Under the same name it is another series: what the store has of the old one is none of its. */
static void a_point_at_another_station(void **state)
{
	uint64_t seq;

	(void)state;
	for (int ago = 4; ago >= 0; ago--)
		put_minutes_ago(ago, 10);
	fake_reload(&f, moved_yaml);
	fake_restart(&f);
	sonde = f.config->groups[0];
	start();
	seq = read_value(10);
	assert_int_equal(item(seq)->point, OTHER + 1);
	expect(seq, FG_TEST_TIME_GAP, FG_QC_NOT_EVALUATED);
	expect(seq, FG_TEST_FLAT_LINE, FG_QC_PASS);
	assert_int_equal(corrected(), 0);
}

/* Other tests than those that judged it: they look at what was measured. */
static void a_point_with_other_tests(void **state)
{
	static const char with[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {x_other: {table: input, address: 1, type: u16, unit: \"1\", qc: {\n"
		"      flat_line: {tolerance: 0.001, suspect: 3m, fail: 5m}}}}}\n";
	const struct fg_item *i;

	(void)state;
	for (int ago = 4; ago >= 0; ago--)
		put((struct put){.point = OTHER, .ago_ms = ago * MINUTE_MS, .value = 50});
	fake_reload(&f, with);
	fake_restart(&f);
	start();
	fake_turn(&f, 60 * SEC);
	fake_answer(&f, f.config->groups[0], 50);
	i = item(f.appended_next - 1);
	assert_int_equal(i->point, OTHER);
	assert_int_equal(fg_tests_get(i->tests, FG_TEST_FLAT_LINE), FG_QC_FAIL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_empty_store),
		T(a_window_is_whole_again),
		T(a_shorter_past_fills_less),
		T(numbers_that_are_not_of_the_past),
		T(the_gap_since_the_newest),
		T(no_further_back_than_windows_go),
		T(the_first_moment_of_the_span),
		T(the_moment_before_the_span),
		T(as_many_numbers_as_are_looked_at),
		T(one_number_more),
		T(a_spike_of_the_run_before),
		T(a_spike_that_was_corrected),
		T(a_correction_of_an_older_one),
		T(neighbours_that_are_missing),
		T(what_came_late),
		T(the_sensors_own_time),
		T(an_era_that_was_timed_later),
		T(an_era_without_time),
		T(an_estimated_spike),
		T(restamped_from_a_late_time),
		T(restamped_from_an_early_time),
		T(restamped_after_a_newer_reading),
		T(a_restamped_spike),
		T(a_point_at_another_station),
		T(a_point_with_other_tests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
