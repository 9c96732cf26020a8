/* SPDX-License-Identifier: EUPL-1.2 */
/* From a finished poll to a numbered reading: numbers, the store's faults, what is told of failed
 * polls, housekeeping, and the end. */
#include "fake.h"

#include <stdlib.h>

static struct fake f;
static struct fake_broker *town;
static const struct fg_group *sonde;

static int begin(void **state)
{
	(void)state;
	fake_init(&f, fake_yaml);
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

static void test_numbers_stay_below_the_reserved_limit(void **state)
{
	(void)state;
	f.core->seq_limit = FAKE_FIRST_SEQ + 10;
	fake_answer(&f, sonde, 1);
	assert_int_equal(f.reserve_asked, FAKE_FIRST_SEQ + 10 + FG_SEQ_BLOCK);
	for (int i = 0; i < 20; i++) /* the store does not confirm: port_append checks the limit */
		fake_answer(&f, sonde, i);
	assert_int_equal(f.core->next_seq, FAKE_FIRST_SEQ + 10);
	assert_int_equal(f.core->dropped_full, 11);
	assert_int_equal(f.reserves, 1); /* asked once, while it is under way */
	fg_core_reserved(f.core, f.reserve_asked);
	fake_answer(&f, sonde, 1);
	assert_int_equal(f.core->next_seq, FAKE_FIRST_SEQ + 11);
	assert_int_equal(f.reserves, 1);
	fg_core_reserved(f.core, FAKE_FIRST_SEQ); /* never falls */
	assert_int_equal(f.core->seq_limit, FAKE_FIRST_SEQ + 10 + FG_SEQ_BLOCK);
}

static void test_reservation_ahead_and_again_when_refused(void **state)
{
	(void)state;
	fake_answer(&f, sonde, 1);
	assert_int_equal(f.reserves, 0); /* more than half a block is left */
	f.core->seq_limit = f.core->next_seq + FG_SEQ_BLOCK / 2 + 1;
	f.reserve_fails = true;
	fake_answer(&f, sonde, 1);
	fake_answer(&f, sonde, 1);
	assert_int_equal(f.reserves, 2);
	f.reserve_fails = false;
	fake_answer(&f, sonde, 1);
	assert_int_equal(f.reserves, 3);
	assert_true(f.reserve_asked >= f.core->next_seq + FG_SEQ_BLOCK);
}

static void test_store_too_far_behind_is_counted(void **state)
{
	char mem[8192];
	struct fg_buf out;

	(void)state;
	fake_reading(&f, sonde, 1);
	f.store_full = true;
	fake_answer(&f, sonde, 2);
	fake_answer(&f, sonde, 3);
	f.store_full = false;
	assert_int_equal(f.core->dropped_full, 2);
	assert_int_equal(fake_reading(&f, sonde, 4), FAKE_FIRST_SEQ + 1); /* no number is wasted */
	fg_core_store_state(f.core, f.now, false, "disk is gone");
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_core_status(f.core, f.now, &out);
	assert_non_null(strstr(mem, "\"dropped_queue_full\":2"));
	assert_non_null(strstr(mem, "\"writable\":false,\"error\":\"disk is gone\""));
	fake_connect(&f, town, true);
	fake_turn(&f, SEC);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 2);
}

/* An announcement that the store did not take is made with the next poll. */
static void test_delivery_that_is_not_taken_is_saved_again(void **state)
{
	struct fake_broker *b = town;
	unsigned saves;

	(void)state;
	fake_connect(&f, b, true);
	fake_reading(&f, sonde, 0);
	fake_settle(&f);
	saves = b->saves;
	f.save_fails = true;
	fake_ack_all(&f, b);
	fake_turn(&f, 2000000);
	assert_int_equal(b->saves, saves);
	f.save_fails = false;
	fake_turn(&f, 2000000);
	assert_true(b->saves > saves);
}

static void test_announcement_lost_by_a_full_store(void **state)
{
	(void)state;
	fake_reading(&f, sonde, 1);
	f.store_full = true;
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	f.store_full = false;
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 2);
	assert_int_equal(f.stored[1].item.qc, FG_QC_MISSING);
}

/* Readings that the store refused were never stored: they do not go out, live or first. */
static void test_refused_by_the_store_is_not_published(void **state)
{
	uint64_t kept, refused;

	(void)state;
	fake_connect(&f, town, true);
	kept = fake_reading(&f, sonde, 1);
	fake_settle(&f);
	fake_ack_all(&f, town);
	fake_answer(&f, sonde, 2);
	refused = f.appended_next - 1;
	f.stored[refused - FAKE_FIRST_SEQ].gone = true;
	fg_core_dropped(f.core, refused, refused + 1, 1);
	fake_commit(&f);
	fake_settle(&f);
	assert_int_equal(fake_count(town, 0, refused), 0);
	fake_lose(&f, town);
	fake_connect(&f, town, false);
	fake_settle(&f);
	assert_int_equal(fake_count(town, 0, refused), 0);
	assert_int_equal(fake_count(town, 0, kept), 2);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
}

static unsigned told_since(uint64_t *at)
{
	unsigned n = (unsigned)(f.appended_next - *at);

	*at = f.appended_next;
	return n;
}

static void test_failed_polls_are_told_rarely(void **state)
{
	/* a minute each; default at_least_every is 10 minutes */
	static const struct {
		enum fg_reason reason;
		unsigned told;
	} polls[] = {
		{FG_REASON_NONE, 1}, {FG_REASON_NO_RESPONSE, 1}, {FG_REASON_NO_RESPONSE, 0},
		{FG_REASON_NO_RESPONSE, 0}, {FG_REASON_LINK_DOWN, 1}, {FG_REASON_LINK_DOWN, 0},
		{FG_REASON_NO_RESPONSE, 1}, {FG_REASON_NO_RESPONSE, 0}, {FG_REASON_NONE, 1},
		{FG_REASON_SENTINEL, 1}, {FG_REASON_SENTINEL, 1}, {FG_REASON_SENTINEL, 1},
		{FG_REASON_FRAME, 1}, {FG_REASON_FRAME, 0}, {FG_REASON_NONE, 1},
	};
	uint64_t at = f.appended_next;

	(void)state;
	for (size_t i = 0; i < sizeof(polls) / sizeof(polls[0]); i++) {
		f.now.mono_us += 60 * SEC;
		if (polls[i].reason)
			fake_fail(&f, sonde, polls[i].reason);
		else
			fake_answer(&f, sonde, 1);
		if (told_since(&at) != polls[i].told)
			fail_msg("poll %zu", i);
	}
	for (int i = 0; i < 60; i++) {
		f.now.mono_us += 60 * SEC;
		fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	}
	assert_int_equal(told_since(&at), 6);
	assert_int_equal(f.core->suppressed, 5 + 54);
	assert_int_equal(f.watched, f.appended_next - FAKE_FIRST_SEQ);
}

static void test_times_of_readings(void **state)
{
	struct fg_reading r = {.point = 0, .taken_mono_us = f.now.mono_us - 3 * SEC,
		.qc = FG_QC_NOT_EVALUATED, .value = {.kind = FG_KIND_INT, .i = 7}};
	struct fg_batch batch = {.readings = &r, .count = 1, .cap = 1};
	const struct fg_poll_result result = {.group = sonde, .batch = &batch, .answers = 1};

	(void)state;
	fg_core_polled(f.core, f.now, &result);
	assert_true(f.stored[0].item.wall_ms == (f.now.wall_us - 3 * SEC) / 1000);
	assert_true(f.stored[0].has_wall);
	assert_true(f.stored[0].mono_us == r.taken_mono_us);
}

static void test_housekeeping(void **state)
{
	(void)state;
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	fake_settle(&f);
	fake_turn(&f, 60 * SEC);
	assert_int_equal(f.expires, 1);
	assert_int_equal(f.expire_below, FAKE_FIRST_SEQ); /* not acknowledged yet */
	assert_true(f.expire_now_ms == f.now.wall_us / 1000);
	fake_ack_all(&f, town);
	for (int i = 0; i < 10; i++)
		fake_turn(&f, 60 * SEC);
	assert_int_equal(f.expires, 11);
	assert_int_equal(f.expire_below, f.committed_next);
}

/* Where the store refuses what is new, what was delivered since it was tidied gives way at once. */
static void test_a_store_that_refuses_hears_soon_what_is_delivered(void **state)
{
	uint64_t kept, refused;

	(void)state;
	f.config->storage.when_full = FG_FULL_DROP_NEWEST;
	fake_connect(&f, town, true);
	kept = fake_reading(&f, sonde, 1);
	fake_settle(&f);
	fake_turn(&f, 60 * SEC);
	assert_int_equal(f.expires, 1);
	fake_answer(&f, sonde, 2);
	refused = f.appended_next - 1;
	f.stored[refused - FAKE_FIRST_SEQ].gone = true;
	fg_core_dropped(f.core, refused, refused + 1, 1);
	fake_turn(&f, SEC);
	assert_int_equal(f.expires, 1); /* nothing was delivered meanwhile */
	assert_true(f.core->publishers[0]->commit_first); /* and nothing goes out early */
	fake_ack_all(&f, town);
	fake_turn(&f, SEC);
	assert_int_equal(f.expires, 2);
	assert_true(f.expire_below > kept);
}

/* Without the time nothing is old, but the store's size is kept. */
static void test_housekeeping_without_the_time(void **state)
{
	(void)state;
	fake_fini(&f);
	fake_init_untimed(&f, fake_yaml);
	fake_turn(&f, 60 * SEC);
	assert_int_equal(f.expires, 1);
	assert_true(f.expire_now_ms == 0);
}

/* Where times are wrong that are being corrected nobody knows what is old. */
static void test_housekeeping_while_times_are_corrected(void **state)
{
	(void)state;
	f.core->time.restamping = true;
	fake_turn(&f, 60 * SEC);
	assert_int_equal(f.expires, 1);
	assert_true(f.expire_now_ms == 0);
	fg_core_restamped(f.core, 1, false);
	fake_turn(&f, 60 * SEC);
	assert_true(f.expire_now_ms == f.now.wall_us / 1000);
}

static void test_stop_says_offline_and_is_idle(void **state)
{
	size_t mark;

	(void)state;
	for (int i = 0; i < 3000; i++)
		fake_reading(&f, sonde, i);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	fg_core_stop(f.core, f.now);
	assert_false(fg_core_idle(f.core));
	fake_page(&f, town);
	for (int i = 0; i < 40; i++) {
		fake_turn(&f, SEC / 20);
		fake_commit(&f);
		fake_ack_all(&f, town);
	}
	assert_true(fg_core_idle(f.core)); /* although a backlog is left */
	assert_true(fg_publisher_backlog(fake_publisher(&f, 0)) > 400);
	mark = town->sent_count;
	assert_int_equal(town->sent[mark - 1].seq, 0); /* the last word */
	assert_non_null(strstr(town->document, "\"state\":\"offline\""));
	fg_core_seen_offline(f.core, "town"); /* that is what we wanted */
	f.poll_count = 0;
	fake_turn(&f, 600 * SEC);
	assert_int_equal(f.poll_count, 0);
	assert_int_equal(town->sent_count, mark);
	fake_lose(&f, town);
	fake_turn(&f, 600 * SEC);
	assert_false(town->connecting);
}

/* The status that says offline is the last word: it waits for what is in flight, not for ever. */
static void test_offline_comes_last(void **state)
{
	for (int patient = 0; patient < 2; patient++) {
		if (patient) {
			end(state);
			begin(state);
		}
		fake_connect(&f, town, true);
		fake_turn(&f, 0);
		fake_ack_all(&f, town);
		fake_reading(&f, sonde, 1);
		fake_turn(&f, 0);
		fg_core_stop(f.core, f.now);
		fake_turn(&f, SEC); /* polls under way are waited for */
		fake_commit(&f);
		fake_turn(&f, SEC / 10);
		assert_null(strstr(town->document, "offline"));
		if (patient)
			fake_ack_all(&f, town);
		fake_turn(&f, patient ? 0 : SEC);
		assert_non_null(strstr(town->document, "\"state\":\"offline\""));
		assert_false(fg_core_idle(f.core));
		fake_ack_all(&f, town);
		assert_true(fg_core_idle(f.core));
	}
}

static void test_stop_without_a_connection(void **state)
{
	(void)state;
	fg_core_stop(f.core, f.now);
	assert_false(fg_core_idle(f.core)); /* the last account is on its way */
	fake_commit(&f);
	fake_turn(&f, 0);
	assert_true(fg_core_idle(f.core));
	fake_turn(&f, 600 * SEC);
	assert_false(town->connecting);
}

/* A store that does not write is not waited for for ever, one that says so not at all. */
static void test_stop_with_a_store_that_hangs(void **state)
{
	(void)state;
	fake_reading(&f, sonde, 1);
	fg_core_stop(f.core, f.now);
	fake_turn(&f, SEC);
	assert_false(fg_core_idle(f.core));
	fake_turn(&f, SEC);
	assert_true(fg_core_idle(f.core));
}

static void test_stop_with_a_store_that_fails(void **state)
{
	(void)state;
	fake_reading(&f, sonde, 1);
	fg_core_store_state(f.core, f.now, false, "full");
	fg_core_stop(f.core, f.now);
	fake_turn(&f, 0);
	assert_true(fg_core_idle(f.core));
}

/* Polls that the end cut short say nothing of their device; a true answer is stored. */
static void test_polls_that_come_back_at_the_end(void **state)
{
	(void)state;
	fake_reading(&f, sonde, 1);
	fake_turn(&f, 60 * SEC);
	assert_true(f.core->groups[sonde->index].busy);
	fg_core_stop(f.core, f.now);
	assert_false(fg_core_idle(f.core));
	fake_fail(&f, sonde, FG_REASON_LINK_DOWN);
	assert_int_equal(fake_stored(&f, FG_ITEM_READING), 1);
	assert_int_equal(fake_device(&f, "sonde")->state, FG_DEVICE_OK);
}

static void test_an_answer_that_comes_at_the_end(void **state)
{
	(void)state;
	fake_turn(&f, 0);
	assert_true(f.core->groups[sonde->index].busy);
	fg_core_stop(f.core, f.now);
	fake_answer(&f, sonde, 2);
	assert_int_equal(fake_stored(&f, FG_ITEM_READING), 1);
	fake_turn(&f, 0);
	fake_commit(&f);
	fake_turn(&f, 0);
	assert_true(fg_core_idle(f.core));
	fake_answer(&f, sonde, 3); /* too late: the account is closed */
	assert_int_equal(fake_stored(&f, FG_ITEM_READING), 1);
	assert_int_equal(fake_stored(&f, FG_ITEM_GAP), 0);
	assert_int_equal(fake_stored(&f, FG_ITEM_ACCOUNT), 1);
}

/* A poll that does not come back is not awaited for ever: its readings are told as missing. */
static void test_a_poll_that_hangs_at_the_end(void **state)
{
	(void)state;
	fake_turn(&f, 0);
	fg_core_stop(f.core, f.now);
	fake_turn(&f, SEC - 1);
	assert_false(fg_core_idle(f.core));
	assert_int_equal(fake_stored(&f, FG_ITEM_ACCOUNT), 0);
	fake_turn(&f, 1);
	assert_int_equal(fake_stored(&f, FG_ITEM_GAP), 1);
	assert_int_equal(fake_stored(&f, FG_ITEM_ACCOUNT), 1);
	assert_int_equal(f.row_count, 1);
	assert_true(f.rows[0].clean);
}

static void test_page_of_nobody(void **state)
{
	struct fg_page *page = calloc(1, sizeof(*page));

	(void)state;
	page->orphan = true;
	fg_core_page(f.core, f.now, page); /* freed: the leak checker looks */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers_stay_below_the_reserved_limit),
		TEST(test_reservation_ahead_and_again_when_refused),
		TEST(test_store_too_far_behind_is_counted),
		TEST(test_delivery_that_is_not_taken_is_saved_again),
		TEST(test_announcement_lost_by_a_full_store),
		TEST(test_refused_by_the_store_is_not_published),
		TEST(test_failed_polls_are_told_rarely),
		TEST(test_times_of_readings),
		TEST(test_housekeeping),
		TEST(test_a_store_that_refuses_hears_soon_what_is_delivered),
		TEST(test_housekeeping_without_the_time),
		TEST(test_housekeeping_while_times_are_corrected),
		TEST(test_stop_says_offline_and_is_idle),
		TEST(test_offline_comes_last),
		TEST(test_stop_without_a_connection),
		TEST(test_stop_with_a_store_that_hangs),
		TEST(test_stop_with_a_store_that_fails),
		TEST(test_polls_that_come_back_at_the_end),
		TEST(test_an_answer_that_comes_at_the_end),
		TEST(test_a_poll_that_hangs_at_the_end),
		TEST(test_page_of_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
