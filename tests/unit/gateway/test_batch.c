/* SPDX-License-Identifier: EUPL-1.2 */
/* Destinations whose live readings wait for others of their device (`batch`). */
#include "fake.h"

static struct fake f;
static struct fake_broker *town;
static struct fg_publisher *p;
static const struct fg_group *sonde, *other;

#define BATCH (60 * SEC)
#define BATCHED(more, points)                                                                      \
	FAKE_HEAD                                                                                  \
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, catalogue: false" more     \
	"}}\n" FAKE_LINK points
#define POINTS                                                                                     \
	"devices:\n"                                                                               \
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s,\n"          \
	"    points: {ph: {table: input, address: 0, type: u16},\n"                                \
	"      turbidity: {table: input, address: 1, type: u16}}}\n"                               \
	"  other: {station: pier, domain: water, link: plc, unit_id: 2, interval: 10s,\n"          \
	"    points: {orp: {table: input, address: 0, type: i16, unit: mV}}}\n"

static const char plain[] = BATCHED("", POINTS);
static const char batched[] = BATCHED(", batch: 60s", POINTS);
static const char budgeted[] = BATCHED(", batch: 60s, daily_budget: 64KiB", POINTS);
static const char with_senml[] = BATCHED(", batch: 60s, payload: [json, senml]", POINTS);

/* Connected, with all that a new connection tells behind it. */
static void begin(const char *yaml)
{
	fake_init(&f, yaml);
	town = &f.brokers[0];
	p = fake_publisher(&f, 0);
	sonde = fake_group(&f, "sonde", 0);
	other = fake_group(&f, "other", 0);
	fake_connect(&f, town, true);
	fake_settle(&f);
	fake_ack_all(&f, town);
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

/* Both devices are polled, and what they say is committed: three readings. */
static uint64_t poll_both(double value)
{
	const uint64_t seq = fake_reading(&f, sonde, value);

	fake_reading(&f, other, value);
	return seq;
}

/* Of what is sent the documents are acknowledged. */
static void pass(int64_t us)
{
	for (const int64_t to = f.now.mono_us + us; f.now.mono_us < to;) {
		fake_turn(&f, FG_MIN(SEC, to - f.now.mono_us));
		while (town->acked < town->sent_count && town->sent[town->acked].seq == 0)
			fake_ack(&f, town, 1, 0);
	}
	fake_settle(&f);
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

static size_t times(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

/* The i-th batch from there on. */
static const struct fake_sent *batch(size_t from, size_t i)
{
	for (; from < town->sent_count; from++)
		if (strncmp(town->sent[from].topic, "town/batch/", 11) == 0 && i-- == 0)
			return &town->sent[from];
	fail_msg("no such batch");
	return NULL;
}

static size_t batches(size_t from)
{
	size_t n = 0;

	for (; from < town->sent_count; from++)
		n += strncmp(town->sent[from].topic, "town/batch/", 11) == 0;
	return n;
}

static void test_one_message_a_device(void **state)
{
	size_t mark;

	(void)state;
	begin(batched);
	mark = town->sent_count;
	poll_both(1);
	pass(10 * SEC);
	poll_both(2);
	pass(BATCH - 11 * SEC);
	assert_int_equal(fake_readings(town, mark), 0);
	assert_int_equal(fg_publisher_backlog(p), 0); /* they wait; that is no backlog */
	pass(2 * SEC);
	assert_int_equal(batches(mark), 2);
	assert_string_equal(batch(mark, 0)->topic, "town/batch/water/pier/sonde");
	assert_string_equal(batch(mark, 1)->topic, "town/batch/water/pier/other");
	assert_int_equal(times(batch(mark, 0)->pack, "{\"v\":1,"), 4);
	assert_int_equal(times(batch(mark, 1)->pack, "{\"v\":1,"), 2);
	assert_int_equal(batch(mark, 1)->pack[0], '[');
	assert_non_null(strstr(batch(mark, 1)->pack, "\"value\":1,"));
	assert_non_null(strstr(strstr(batch(mark, 1)->pack, "\"value\":1,"), "\"value\":2,"));
	assert_string_equal(strchr(batch(mark, 1)->pack, ']'), "]");
	assert_true(batch(mark, 0)->retain);
	/* and the next ones wait again */
	fake_ack_all(&f, town);
	poll_both(3);
	pass(BATCH - 2 * SEC);
	assert_int_equal(batches(mark), 2);
	pass(3 * SEC);
	assert_int_equal(batches(mark), 4);
}

static void test_acknowledged_together(void **state)
{
	size_t mark;

	(void)state;
	begin(batched);
	poll_both(1);
	poll_both(2);
	pass(BATCH + SEC);
	assert_int_equal(p->in_flight, 2);
	fake_ack(&f, town, 1, 0); /* the sonde's */
	assert_int_equal(p->acknowledged, 4);
	assert_int_equal(fg_publisher_backlog(p), 2);
	mark = town->sent_count;
	fake_lose(&f, town);
	fake_connect(&f, town, true);
	serve(2);
	assert_int_equal(p->acknowledged, 6);
	assert_int_equal(fg_publisher_backlog(p), 0);
	for (size_t i = mark; i < town->sent_count; i++)
		assert_string_not_equal(town->sent[i].topic, "town/batch/water/pier/sonde");
	assert_int_equal(p->carried_now, 0);
}

/* A broker that refuses one refuses all of its readings. */
static void test_refused_together(void **state)
{
	size_t gaps;

	(void)state;
	begin(batched);
	poll_both(1);
	poll_both(2);
	pass(BATCH + SEC);
	gaps = fake_stored(&f, FG_ITEM_GAP);
	fake_ack(&f, town, 1, 0x87);
	fake_ack(&f, town, 1, 0);
	pass(BATCH + SEC);
	fake_commit(&f);
	assert_int_equal(p->acknowledged, 2);
	assert_true(fake_stored(&f, FG_ITEM_GAP) > gaps);
}

/* What a device says of its failure does not wait, and takes along what does. */
static void test_urgent_goes_at_once(void **state)
{
	size_t mark;

	(void)state;
	begin(batched);
	poll_both(1);
	pass(5 * SEC);
	mark = town->sent_count;
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	fake_settle(&f);
	assert_int_equal(batches(mark), 0); /* not stored yet */
	fake_commit(&f);
	fake_settle(&f);
	assert_int_equal(batches(mark), 2);
	assert_int_equal(times(batch(mark, 0)->pack, "{\"v\":1,"), 4);
	assert_int_equal(times(batch(mark, 0)->pack, "\"qc\":9"), 2);
}

/* So many are not held back, whatever the time; a message takes FG_PACK_MAX of them. */
static void test_many_go_before_their_time(void **state)
{
	size_t mark;

	(void)state;
	begin(batched);
	mark = town->sent_count;
	for (int i = 0; i < FG_BATCH_MAX / 3; i++)
		poll_both(i);
	fake_settle(&f);
	assert_int_equal(batches(mark), 0);
	poll_both(0);
	for (int i = 0; i < 20; i++) {
		fake_settle(&f);
		fake_ack_all(&f, town);
	}
	/* the sonde's 683 are 10 messages of 64 and a shorter one; the other's 341 are 6 */
	assert_int_equal(batches(mark), 11 + 6);
	assert_int_equal(p->acknowledged, FG_BATCH_MAX);
}

/* What waits goes out before the end. */
static void test_stop(void **state)
{
	size_t mark;

	(void)state;
	begin(batched);
	mark = town->sent_count;
	poll_both(1);
	fg_core_stop(f.core, f.now);
	for (int i = 0; i < 40; i++) {
		fake_turn(&f, SEC / 20);
		fake_commit(&f);
		fake_ack_all(&f, town);
	}
	assert_int_equal(batches(mark), 2);
	assert_true(fg_core_idle(f.core));
	assert_int_equal(town->sent[town->sent_count - 1].seq, 0); /* the last word */
}

/* After an outage readings of many polls go together, each point's in their order. */
static void test_backlog(void **state)
{
	size_t mark;
	uint64_t last = 0;

	(void)state;
	begin(batched);
	fake_lose(&f, town);
	for (int i = 0; i < 40; i++) {
		poll_both(i);
		pass(10 * SEC);
	}
	mark = town->sent_count;
	fake_connect(&f, town, true);
	serve(4);
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_int_equal(p->acknowledged, 120);
	/* the newest of each device, retained; 78 and 39 behind them, not */
	assert_int_equal(batches(mark), 2 + 2 + 1);
	for (size_t i = 0; i < batches(mark); i++) {
		const struct fake_sent *s = batch(mark, i);

		assert_int_equal(s->retain, i < 2);
		if (i < 2 || strcmp(s->topic, "town/batch/water/pier/sonde") != 0)
			continue;
		assert_true(s->seq > last);
		last = s->seq;
	}
}

/* A broker that takes short packets gets several. */
static void test_short_packets(void **state)
{
	size_t mark;

	(void)state;
	begin(batched);
	p->limits.packet = 1500;
	mark = town->sent_count;
	for (int i = 0; i < 8; i++)
		fake_reading(&f, sonde, i);
	pass(BATCH + SEC);
	assert_true(batches(mark) > 2);
	for (size_t i = 0; i < batches(mark); i++)
		assert_true(times(batch(mark, i)->pack, "{\"v\":1,") <= 4);
	serve(1);
	assert_int_equal(p->acknowledged, 16);
}

/* Each payload has its own form, and they are acknowledged together. */
static void test_several_payloads(void **state)
{
	size_t mark, packs = 0;

	(void)state;
	begin(with_senml);
	mark = town->sent_count;
	fake_reading(&f, other, 1);
	pass(10 * SEC);
	fake_reading(&f, other, 2);
	pass(BATCH);
	assert_int_equal(batches(mark), 1);
	for (size_t i = mark; i < town->sent_count; i++)
		if (town->sent[i].encoder == FG_ENCODER_senml) {
			packs++;
			assert_int_equal(times(town->sent[i].pack, "\"n\":\"orp\""), 2);
			assert_non_null(strstr(town->sent[i].pack, "\"t\":10,"));
		}
	assert_int_equal(packs, 1);
	fake_ack(&f, town, 1, 0);
	assert_int_equal(p->acknowledged, 0);
	fake_ack(&f, town, 1, 0);
	assert_int_equal(p->acknowledged, 2);
}

/* A store that takes nothing: readings go out after batch and max_delay, and say so. */
static void test_store_in_trouble(void **state)
{
	size_t mark;

	(void)state;
	begin(batched);
	mark = town->sent_count;
	fake_answer(&f, other, 1);
	pass(BATCH - SEC);
	assert_int_equal(batches(mark), 0);
	pass(10 * SEC);
	assert_int_equal(batches(mark), 1);
	assert_non_null(strstr(batch(mark, 0)->pack, "\"stored\":false"));
}

/* What is urgent goes when the store has had its time, in the same turn as what waits before it. */
static void test_urgent_while_the_store_hangs(void **state)
{
	size_t mark;

	(void)state;
	begin(batched);
	poll_both(1);
	pass(SEC);
	mark = town->sent_count;
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	for (int64_t next = 0; next < f.config->storage.max_delay_us && !batches(mark);) {
		/* nothing else happens: the turn that is asked for has to do */
		int64_t at = fake_turn(&f, 0);

		assert_true(at < f.now.mono_us + BATCH / 2);
		next += at - f.now.mono_us;
		fake_turn(&f, at - f.now.mono_us);
	}
	assert_int_equal(batches(mark), 2);
	assert_int_equal(times(batch(mark, 0)->pack, "\"qc\":9"), 2);
	assert_int_equal(times(batch(mark, 0)->pack, "\"stored\":false"), 2);
}

/* All of a batch is asked for before any of it is sent. */
static void test_a_batch_keeps_to_the_budget(void **state)
{
	int64_t from_ms, to_ms;

	(void)state;
	begin(budgeted);
	from_ms = f.now.wall_us / 1000 - 1000;
	to_ms = from_ms + 86400000;
	fg_budget_day(&p->budget, from_ms, to_ms);
	for (int i = 0; i < 300; i++)
		poll_both(i);
	pass(BATCH + SEC);
	assert_true(batches(0) > 0);
	assert_true(p->budget.wire + p->budget.guessed <= (uint64_t)p->budget.limit);
	assert_true(fg_publisher_backlog(p) > 0);
}

/* One that found no room waits for its commit where the store may refuse it since: it would be told
 * as lost. */
static void test_not_ahead_of_a_store_that_may_refuse(void **state)
{
	size_t mark;

	(void)state;
	begin(batched);
	mark = town->sent_count;
	fake_answer(&f, other, 1);
	pass(BATCH - SEC);
	town->no_room = true;
	pass(2 * SEC);
	assert_int_equal(p->batch.count, 1); /* it was to go out early */
	p->commit_first = true;
	town->no_room = false;
	pass(SEC);
	assert_int_equal(batches(mark), 0);
	fake_commit(&f);
	fake_settle(&f);
	assert_int_equal(batches(mark), 1);
	assert_null(strstr(batch(mark, 0)->pack, "\"stored\":false"));
	assert_int_equal(p->not_stored, 0);
}

/* Where batch is switched on, the topics that are not written any more are cleared. */
static void test_topics_of_before_are_cleared(void **state)
{
	size_t mark;
	bool cleared = false;

	(void)state;
	begin(plain);
	fake_reading(&f, other, 1);
	serve(2);
	mark = town->sent_count;
	fake_reload(&f, batched);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	for (int i = 0; i < 10; i++) {
		serve(1);
		fake_commit(&f);
	}
	for (size_t i = mark; i < town->sent_count; i++)
		cleared |= town->sent[i].empty &&
			   strcmp(town->sent[i].topic, "town/obs/water/pier/orp") == 0;
	assert_true(cleared);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_message_a_device),
		TEST(test_acknowledged_together),
		TEST(test_refused_together),
		TEST(test_urgent_goes_at_once),
		TEST(test_many_go_before_their_time),
		TEST(test_stop),
		TEST(test_backlog),
		TEST(test_short_packets),
		TEST(test_several_payloads),
		TEST(test_store_in_trouble),
		TEST(test_urgent_while_the_store_hangs),
		TEST(test_a_batch_keeps_to_the_budget),
		TEST(test_not_ahead_of_a_store_that_may_refuse),
		TEST(test_topics_of_before_are_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
