/* SPDX-License-Identifier: EUPL-1.2 */
/* A store that asks for room: what it may drop is not published, what may have arrived is in
 * doubt. */
#include "fake.h"

static struct fake f;
static struct fake_broker *town;
static const struct fg_group *sonde;

static void begin(const char *yaml)
{
	fake_init(&f, yaml);
	town = &f.brokers[0];
	sonde = fake_group(&f, "sonde", 0);
}

static int end(void **state)
{
	(void)state;
	fake_before_start = NULL;
	fake_fini(&f);
	return 0;
}

static void serve(int64_t seconds)
{
	for (int64_t i = 0; i < seconds * 20; i++) {
		fake_turn(&f, SEC / 20);
		while (fake_page(&f, town) || fake_page(&f, &f.brokers[1]))
			fake_turn(&f, 0);
		fake_ack_all(&f, town);
		fake_ack_all(&f, &f.brokers[1]);
	}
}

static void outage(size_t n)
{
	for (size_t i = 0; i < n; i++)
		fake_reading(&f, sonde, (double)i);
}

/* ---- room ---- */

static void test_in_flight_and_in_doubt_are_told(void **state)
{
	struct fg_publisher *p;
	uint64_t seq;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	outage(50);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	fake_page(&f, town);
	fake_turn(&f, SEC / 20);
	assert_in_range(fake_readings(town, 0), 3, 40);
	fake_lose(&f, town); /* nobody knows what became of them */
	for (size_t i = 0; i < fake_readings(town, 0); i++)
		assert_true(fg_ranges_has(&p->doubt, fake_sent_reading(town, 0, i)->seq));
	assert_int_equal(
		fg_ranges_count_below(&p->doubt, FG_SEQ_END), fake_readings(town, 0));
	fake_connect(&f, town, true);
	seq = fake_reading(&f, sonde, 7);
	fake_turn(&f, 0);
	fg_core_wants_room(f.core, f.now);
	assert_int_equal(f.rooms, 1);
	assert_int_equal(f.drop_below, f.committed_next);
	for (size_t i = 0; i < fake_readings(town, 0); i++)
		assert_true(fg_ranges_has(&f.owed_doubt, fake_sent_reading(town, 0, i)->seq));
	assert_true(fg_ranges_has(&f.owed_doubt, seq)); /* in flight */
	assert_false(fg_ranges_has(&f.owed_doubt, FAKE_FIRST_SEQ + 45));
	assert_true(fg_ranges_has(&f.owed_unacked, FAKE_FIRST_SEQ + 45));
	fg_core_room_made(f.core, f.now);
	serve(3);
	assert_int_equal(p->doubt.count, 0); /* acknowledged: no doubt any more */
	assert_int_equal(fg_publisher_backlog(p), 0);
}

static void test_nothing_that_may_be_dropped_is_published(void **state)
{
	size_t mark;
	uint64_t live;

	(void)state;
	begin(fake_yaml);
	outage(500);
	fake_connect(&f, town, true);
	serve(1);
	fg_core_wants_room(f.core, f.now);
	mark = town->sent_count;
	serve(2);
	assert_int_equal(fake_readings(town, mark), 0);
	live = fake_reading(&f, sonde, 7); /* what came later may */
	serve(1);
	assert_int_equal(fake_readings(town, mark), 1);
	assert_int_equal(fake_count(town, mark, live), 1);
	for (uint64_t seq = FAKE_FIRST_SEQ + 480; seq < FAKE_FIRST_SEQ + 500; seq++)
		f.stored[seq - FAKE_FIRST_SEQ].gone = true;
	fg_core_dropped(f.core, FAKE_FIRST_SEQ + 480, FAKE_FIRST_SEQ + 500, 20);
	fg_core_room_made(f.core, f.now);
	serve(3);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
	assert_int_equal(f.rooms, 1);
}

/* A connection made meanwhile sends nothing of it either, the newest of a point included. */
static void test_room_and_a_new_connection(void **state)
{
	size_t mark;

	(void)state;
	begin(fake_yaml);
	outage(50);
	fg_core_wants_room(f.core, f.now);
	fake_connect(&f, town, false);
	mark = town->sent_count;
	serve(2);
	assert_int_equal(fake_readings(town, mark), 0);
	fg_core_room_made(f.core, f.now);
	serve(2);
	assert_int_equal(fake_readings(town, mark), 50);
	assert_true(fake_sent_reading(town, mark, 0)->retain);
}

/* The store asks each second until the answer is there; one that is on its way is enough: room is
 * told as made once, and then publishers go on. */
static void test_room_is_answered_once(void **state)
{
	(void)state;
	begin(fake_yaml);
	outage(5);
	fg_core_wants_room(f.core, f.now);
	fg_core_wants_room(f.core, f.now);
	fake_turn(&f, SEC);
	assert_int_equal(f.rooms, 1);
	fg_core_room_made(f.core, f.now);
	fake_turn(&f, SEC);
	assert_int_equal(f.rooms, 1);
	fg_core_wants_room(f.core, f.now);
	assert_int_equal(f.rooms, 2);
	fake_turn(&f, 60 * SEC); /* the answer got lost */
	fg_core_wants_room(f.core, f.now);
	assert_int_equal(f.rooms, 3);
}

static void thin(size_t from, size_t to)
{
	unsigned n = 0;

	for (size_t i = from; i < to; i += 2, n++)
		f.stored[i].gone = true;
	fg_core_dropped(f.core, 0, 0, n); /* which they are is not said */
	fg_core_room_made(f.core, f.now);
}

static void assert_thinned(size_t mark, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		assert_int_equal(fake_count(town, mark, FAKE_FIRST_SEQ + i), (i - from) % 2);
}

/* What was read of the store before it was thinned does not go out after it. */
static void test_a_page_from_before_the_room(void **state)
{
	size_t mark, at;

	(void)state;
	begin(fake_yaml);
	outage(200);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	fake_page(&f, town);
	fake_turn(&f, SEC / 20);
	at = fake_readings(town, 0);
	assert_in_range(at, 1, 100);
	fg_core_wants_room(f.core, f.now);
	mark = town->sent_count;
	thin(100, 199);
	serve(10);
	assert_thinned(mark, 100, 199);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
	/* one that is on its way meanwhile */
	outage(10);
	fake_lose(&f, town);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	assert_true(fake_publisher(&f, 0)->page_pending);
	fg_core_wants_room(f.core, f.now);
	mark = town->sent_count;
	fake_page(&f, town);
	thin(200, 209);
	serve(3);
	assert_thinned(mark, 200, 209);
	/* and over a lost connection */
	outage(10);
	fake_lose(&f, town);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	assert_true(fake_publisher(&f, 0)->page_pending);
	fake_lose(&f, town);
	fg_core_wants_room(f.core, f.now);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	fake_page(&f, town);
	thin(210, 219);
	serve(3);
	assert_thinned(mark, 210, 219);
}

/* The live lane is behind, as the session has no room. */
static void test_what_is_live_may_go(void **state)
{
	size_t mark;

	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	serve(1);
	mark = town->sent_count;
	town->no_room = true;
	outage(5);
	fg_core_wants_room(f.core, f.now);
	thin(0, 4);
	town->no_room = false;
	fake_publisher(&f, 0)->blocked = false;
	serve(3);
	assert_thinned(mark, 0, 4);
	assert_int_equal(fake_count(town, mark, FAKE_FIRST_SEQ + 4), 1);
}

/* A store that refuses new readings drops nothing that is lacked: what is live does not wait behind
 * the backlog, not even where the session had no room for it when room was wanted. */
static void test_what_is_live_stays_live_where_nothing_lacked_goes(void **state)
{
	size_t mark;
	uint64_t live;

	(void)state;
	begin(fake_yaml);
	f.core->config->storage.when_full = FG_FULL_DROP_NEWEST;
	outage(500);
	fake_connect(&f, town, true);
	serve(1);
	mark = town->sent_count;
	town->no_room = true;
	live = fake_reading(&f, sonde, 7);
	fake_turn(&f, 0);
	fg_core_wants_room(f.core, f.now);
	assert_int_equal(f.drop_below, live);
	assert_int_equal(f.core->room_below, live);
	town->no_room = false;
	fake_publisher(&f, 0)->blocked = false;
	fake_turn(&f, 0); /* while room is made */
	assert_int_equal(fake_readings(town, mark), 1);
	assert_int_equal(fake_sent_reading(town, mark, 0)->seq, live);
	fg_core_room_made(f.core, f.now);
	fake_ack_all(&f, town);
	/* who is not connected has no live lane */
	fake_lose(&f, town);
	outage(3);
	fg_core_wants_room(f.core, f.now);
	assert_int_equal(f.drop_below, f.committed_next);
}

/* The newest of a point may be among what is dropped. */
static void test_the_newest_is_told_as_lost(void **state)
{
	size_t mark;

	(void)state;
	begin(fake_yaml);
	outage(2);
	fg_core_wants_room(f.core, f.now);
	f.stored[0].gone = f.stored[1].gone = true;
	fg_core_dropped(f.core, FAKE_FIRST_SEQ, FAKE_FIRST_SEQ + 2, 2);
	fg_core_room_made(f.core, f.now);
	fake_connect(&f, town, false);
	serve(2);
	assert_int_equal(fake_readings(town, 0), 0);
	fake_lose(&f, town);
	outage(3);
	fg_core_wants_room(f.core, f.now);
	thin(3, 4);
	fake_connect(&f, town, false);
	mark = town->sent_count;
	serve(2);
	assert_int_equal(fake_readings(town, mark), 2); /* the newest is still there */
	assert_int_equal(fake_count(town, mark, FAKE_FIRST_SEQ + 3), 0);
	assert_true(fake_sent_reading(town, mark, 1)->retain);
}

static void test_room_is_answered_when_the_store_listens(void **state)
{
	(void)state;
	begin(fake_yaml);
	outage(5);
	f.room_fails = true;
	fg_core_wants_room(f.core, f.now);
	assert_int_equal(f.rooms, 0);
	assert_true(fake_turn(&f, SEC) <= f.now.mono_us + SEC);
	f.room_fails = false;
	fake_turn(&f, SEC);
	fake_turn(&f, SEC);
	assert_int_equal(f.rooms, 1);
}

static void unclean(struct fg_core_start *start)
{
	start->unclean = true;
	start->next_seq = FAKE_FIRST_SEQ + 5000;
	start->seq_limit = start->next_seq + FG_SEQ_BLOCK;
}

static void test_doubt_after_a_power_cut(void **state)
{
	struct fg_publisher p = {0}, *town_p;
	struct fg_range r;

	(void)state;
	fake_before_start = unclean;
	begin(fake_yaml); /* 5000 are not acknowledged: a window and two seconds of backlog */
	town_p = fake_publisher(&f, 0);
	assert_int_equal(fg_ranges_count_below(&town_p->doubt, FG_SEQ_END),
		2 * (uint64_t)town_p->window + (uint64_t)(2 * town_p->conf->backlog_rate));
	assert_true(fg_ranges_has(&town_p->doubt, FAKE_FIRST_SEQ));
	assert_true(fg_ranges_has(&town_p->doubt, FAKE_FIRST_SEQ + 4999)); /* live ones */
	assert_false(fg_ranges_has(&town_p->doubt, FAKE_FIRST_SEQ + 2500));
	fg_ranges_add(&p.unacked, 100, 110);
	fg_ranges_add(&p.unacked, 200, 300);
	fg_ranges_add(&p.unacked, 1000, FG_SEQ_END);
	p.committed_next = 1050;
	fg_publisher_doubt_start(&p, 30, 5);
	assert_int_equal(fg_ranges_count_below(&p.doubt, FG_SEQ_END), 35);
	assert_true(fg_ranges_next(&p.doubt, 0, &r));
	assert_true(r.from == 100 && r.to == 110);
	assert_true(fg_ranges_next(&p.doubt, 110, &r));
	assert_true(r.from == 200 && r.to == 220);
	assert_true(fg_ranges_next(&p.doubt, 300, &r));
	assert_true(r.from == 1045 && r.to == 1050);
	fg_ranges_fini(&p.doubt);
	fg_ranges_fini(&p.unacked);
}

/* What is in flight at an orderly end may have arrived: the next start is to know. */
static void test_doubt_at_the_end(void **state)
{
	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	fake_turn(&f, SEC);
	outage(1);
	fake_turn(&f, SEC);
	assert_true(fg_core_release_from(f.core) > f.core->next_seq);
	fake_ack_all(&f, town);
	assert_int_equal(fg_core_release_from(f.core), f.core->next_seq);
	outage(1);
	fake_turn(&f, SEC);
	fake_lose(&f, town);
	fg_core_stop(f.core, f.now);
	assert_true(fg_core_release_from(f.core) > f.core->next_seq);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_in_flight_and_in_doubt_are_told),
		TEST(test_nothing_that_may_be_dropped_is_published),
		TEST(test_room_and_a_new_connection),
		TEST(test_room_is_answered_once),
		TEST(test_a_page_from_before_the_room),
		TEST(test_what_is_live_may_go),
		TEST(test_what_is_live_stays_live_where_nothing_lacked_goes),
		TEST(test_the_newest_is_told_as_lost),
		TEST(test_room_is_answered_when_the_store_listens),
		TEST(test_doubt_after_a_power_cut),
		TEST(test_doubt_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
