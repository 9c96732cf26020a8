/* SPDX-License-Identifier: EUPL-1.2 */
/* Delivery while wall time is not right yet: nothing goes out, and then everything with its true
 * time. */
#include "fake.h"

#include <stdio.h>

#include "base/timefmt.h"

static struct fake f;
static struct fake_broker *town;
static const struct fg_group *sonde;

/* The board thinks that it is 1970. */
static int begin(void **state)
{
	(void)state;
	fake_init_untimed(&f, fake_yaml);
	f.now.wall_us = f.now.mono_us;
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

static void serve(int64_t seconds)
{
	for (int64_t i = 0; i < seconds * 20; i++) {
		fake_turn(&f, SEC / 20);
		while (fake_page(&f, town))
			fake_turn(&f, 0);
		fake_ack_all(&f, town);
	}
}

/* A reading each second; seq - FAKE_FIRST_SEQ says when it was taken. */
static void readings(int n)
{
	for (int i = 0; i < n; i++) {
		f.now.mono_us = 2000 * SEC + (int64_t)(f.appended_next - FAKE_FIRST_SEQ) * SEC;
		f.now.wall_us = f.core->trusted ? FAKE_WALL_US + f.now.mono_us : f.now.mono_us;
		fake_reading(&f, sonde, i);
	}
}

static void clock_is_right(void)
{
	f.now.wall_us = FAKE_WALL_US + f.now.mono_us;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
}

static void all_went_out_once_with_true_times(size_t n)
{
	assert_int_equal(fake_readings(town, 0), n);
	for (size_t i = 0; i < n; i++) {
		const struct fake_sent *s = fake_sent_reading(town, 0, i);
		int64_t taken_us = 2000 * SEC + (int64_t)(s->seq - FAKE_FIRST_SEQ) * SEC;
		char want[FG_RFC3339_SIZE];

		fg_rfc3339((FAKE_WALL_US + taken_us) / 1000, want);
		assert_string_equal(s->time, want);
		assert_int_equal(fake_count(town, 0, s->seq), 1);
	}
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
}

/* Where the first readings stand when the connection comes, and when the time does. */
static void test_held_then_released(void **state)
{
	(void)state;
	readings(300); /* before the connection: a backlog of two pages */
	fake_connect(&f, town, true);
	serve(3);
	readings(20); /* live */
	serve(3);
	assert_int_equal(fake_readings(town, 0), 0);
	assert_true(town->sent_count > 0); /* documents do go out */
	assert_non_null(strstr(town->document, "\"trusted\":false"));
	clock_is_right();
	assert_true(f.offset_us == FAKE_WALL_US);
	serve(3);
	assert_int_equal(fake_readings(town, 0), 0); /* not before the store has recorded it */
	fake_timed(&f);
	serve(3);
	all_went_out_once_with_true_times(320);
	for (size_t i = 0; i < 320; i++)
		assert_int_equal(fake_sent_reading(town, 0, i)->retain, i == 319);
	assert_non_null(strstr(town->document, "\"trusted\":true"));
}

static void test_readings_after_the_clock_do_not_wait(void **state)
{
	(void)state;
	fake_connect(&f, town, true);
	readings(5);
	serve(1);
	clock_is_right();
	readings(1);
	serve(1);
	assert_int_equal(fake_readings(town, 0), 1);
	assert_int_equal(fake_sent_reading(town, 0, 0)->seq, FAKE_FIRST_SEQ + 5);
	fake_timed(&f);
	serve(2);
	all_went_out_once_with_true_times(6);
	assert_false(fake_sent_reading(town, 0, 5)->retain); /* older than what is retained */
}

static void test_clock_before_the_connection(void **state)
{
	(void)state;
	readings(50);
	clock_is_right();
	fake_timed(&f);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	assert_int_equal(fake_sent_reading(town, 0, 0)->seq, FAKE_FIRST_SEQ + 49);
	assert_true(fake_sent_reading(town, 0, 0)->retain);
	serve(3);
	all_went_out_once_with_true_times(50);
}

/* A page read before the time was stored that comes after: what it calls uncertain is not. */
static void test_a_page_read_before_the_time(void **state)
{
	struct fg_page *page;

	(void)state;
	readings(50);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	page = town->page;
	assert_non_null(page);
	clock_is_right();
	page->count = 50;
	page->scanned_to = page->to;
	page->status = FG_OK;
	for (size_t i = 0; i < 50; i++) {
		page->items[i] = f.stored[i].item;
		page->descs[i] = &f.series.items[0]->desc;
		page->uncertain[i] = true;
	}
	town->page = NULL;
	fake_timed(&f);
	fg_core_page(f.core, f.now, page);
	serve(3);
	all_went_out_once_with_true_times(50);
}

/* The page came in time, but the rate left most of it for later. */
static void test_a_page_half_sent(void **state)
{
	(void)state;
	readings(50);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	fake_page(&f, town);
	clock_is_right();
	fake_timed(&f);
	serve(3);
	all_went_out_once_with_true_times(50);
}

/* The live lane is stuck behind a broker that does not acknowledge. */
static void test_live_lane_stuck(void **state)
{
	(void)state;
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	fake_ack_all(&f, town);
	town->no_room = true;
	readings(5);
	fake_turn(&f, 0);
	clock_is_right();
	readings(5);
	fake_timed(&f);
	town->no_room = false;
	serve(2);
	all_went_out_once_with_true_times(10);
}

/* Readings of an earlier run in this boot are released too; those of another boot never are. */
static void test_earlier_run_of_this_boot(void **state)
{
	(void)state;
	readings(20);
	for (int i = 0; i < 5; i++)
		f.stored[i].earlier_boot = true;
	f.core->untimed_from = FG_SEQ_END; /* as after a restart: this run has none */
	f.series.items[0]->has_newest = false;
	fake_connect(&f, town, true);
	serve(2);
	assert_int_equal(fake_readings(town, 0), 0);
	clock_is_right();
	fake_timed(&f);
	serve(2);
	assert_int_equal(fake_readings(town, 0), 15);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 5);
	serve(5); /* they are not looked for again and again */
	assert_true(town->pages < 10);
}

static void test_the_offset_is_asked_for_until_it_is_taken(void **state)
{
	unsigned asked;

	(void)state;
	readings(5);
	f.offset_fails = true;
	fake_connect(&f, town, true);
	for (int i = 0; i < 3; i++)
		clock_is_right(); /* the daemon looks each second */
	serve(1);
	assert_int_equal(f.offsets, 3);
	f.offset_fails = false;
	clock_is_right();
	serve(1);
	asked = f.offsets;
	fake_timed(&f);
	serve(1);
	assert_int_equal(f.offsets, asked);
	all_went_out_once_with_true_times(5);
}

/* Once right, always right: a later doubt changes nothing, and a later step is no correction. */
static void test_the_clock_steps_later(void **state)
{
	(void)state;
	readings(5);
	clock_is_right();
	fg_core_clock(f.core, f.now, FG_CLOCK_UNKNOWN);
	assert_true(f.core->trusted);
	f.now.wall_us += 3600 * SEC;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	assert_int_equal(f.offsets, 2); /* trust: always */
	assert_int_equal(f.eras[1].number, 2);
	assert_int_equal(f.job_count, 0);
	fake_timed(&f);
	fake_connect(&f, town, true);
	serve(2);
	all_went_out_once_with_true_times(5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_held_then_released),
		TEST(test_readings_after_the_clock_do_not_wait),
		TEST(test_clock_before_the_connection),
		TEST(test_a_page_read_before_the_time),
		TEST(test_a_page_half_sent),
		TEST(test_live_lane_stuck),
		TEST(test_earlier_run_of_this_boot),
		TEST(test_the_offset_is_asked_for_until_it_is_taken),
		TEST(test_the_clock_steps_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
