/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings that nobody polled: times of their own, what comes twice, what cannot be kept, what does
 * not come. */
#include "fake.h"

#include <stdlib.h>

#define POLL_US	  (60 * SEC)
#define MINUTE_MS INT64_C(60000)

static struct fake f;
static struct fake_broker *town;
static const struct fg_group *sonde;
static bool observed;

/* What the port was told. */
static struct {
	void *token;
	int status;
	unsigned known, count, hurries;
} told;

static void on_reported(void *arg, void *token, int status, unsigned known)
{
	(void)arg;
	told.token = token;
	told.status = status;
	told.known = known;
	told.count++;
}

static void on_hurry(void *arg)
{
	(void)arg;
	told.hurries++;
}

/* The driver of the configuration polls: here the device pushes, or is observed. */
static void make_pushed(struct fg_core_start *start)
{
	struct fg_group *g = (struct fg_group *)(uintptr_t)f.config->groups[0];

	(void)start;
	g->pushed = !observed;
	g->observed = observed;
}

static void listen(void)
{
	f.core->ports.reported = on_reported;
	f.core->ports.hurry = on_hurry;
	memset(&told, 0, sizeof(told));
	town = &f.brokers[0];
	sonde = f.config->groups[0];
}

static int begin(void **state)
{
	(void)state;
	observed = false;
	fake_before_start = make_pushed;
	fake_init(&f, fake_yaml);
	listen();
	return 0;
}

static int begin_observed(void **state)
{
	(void)state;
	observed = true;
	fake_before_start = make_pushed;
	fake_init(&f, fake_yaml);
	listen();
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	fake_before_start = NULL;
	return 0;
}

static int64_t now_ms(void)
{
	return f.now.wall_us / 1000;
}

struct parcel {
	struct fg_reading readings[8];
	struct fg_batch batch;
	struct fg_arrival arrival;
	unsigned known;
};

static struct parcel *parcel(struct parcel *p)
{
	*p = (struct parcel){
		.arrival = {
			.device = sonde->device, .arrived_mono_us = f.now.mono_us, .kept = true}};
	p->batch = (struct fg_batch){.readings = p->readings, .cap = 8};
	p->arrival.batch = &p->batch;
	p->arrival.token = p;
	return p;
}

static void put(struct parcel *p, double value, int64_t told_ms)
{
	struct fg_reading *r = fg_batch_add(&p->batch, sonde->points[0]->index, f.now.mono_us);

	r->value = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = value};
	r->told = told_ms != 0;
	r->told_wall_ms = told_ms;
}

static int report(struct parcel *p)
{
	return fg_core_reported(f.core, f.now, &p->arrival, &p->known);
}

static int report_one(struct parcel *p, double value, int64_t told_ms)
{
	put(parcel(p), value, told_ms);
	return report(p);
}

static const struct fg_item *stored_at(uint64_t seq)
{
	return &f.stored[seq - FAKE_FIRST_SEQ].item;
}

static void test_a_report_is_told_when_it_is_durable(void **state)
{
	struct parcel p;

	(void)state;
	assert_int_equal(report_one(&p, 7, 0), FG_PENDING);
	assert_int_equal(told.count, 0);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 1);
	fake_commit(&f);
	assert_int_equal(told.count, 1);
	assert_ptr_equal(told.token, &p);
	assert_int_equal(told.status, FG_OK);
	assert_int_equal(fake_device(&f, "sonde")->state, FG_DEVICE_OK);
	assert_int_equal(f.poll_count, 0); /* and never polled */
	fake_turn(&f, 2 * POLL_US);
	assert_int_equal(f.poll_count, 0);
}

/* Whoever waits is not kept waiting for the interval, but the flash has its pause. */
static void test_the_commit_is_hurried(void **state)
{
	struct parcel p, q;

	(void)state;
	report_one(&p, 7, 0);
	fake_turn(&f, 0);
	assert_int_equal(told.hurries, 1);
	report_one(&q, 8, 0);
	fake_turn(&f, SEC / 10);
	assert_int_equal(told.hurries, 1);
	fake_turn(&f, SEC);
	assert_int_equal(told.hurries, 2);
	fake_commit(&f);
	fake_turn(&f, 2 * SEC);
	assert_int_equal(told.hurries, 2);
}

static void test_times_of_the_sensor_are_kept_and_sorted(void **state)
{
	struct parcel p;
	int64_t ms = now_ms();

	(void)state;
	parcel(&p);
	put(&p, 3, ms - 1 * MINUTE_MS);
	put(&p, 1, ms - 90 * 24 * 60 * MINUTE_MS);
	put(&p, 2, ms - 5 * MINUTE_MS);
	assert_int_equal(report(&p), FG_PENDING);
	assert_int_equal(stored_at(FAKE_FIRST_SEQ)->wall_ms, ms - 90 * 24 * 60 * MINUTE_MS);
	assert_int_equal(stored_at(FAKE_FIRST_SEQ + 2)->wall_ms, ms - 1 * MINUTE_MS);
	assert_true(stored_at(FAKE_FIRST_SEQ)->own_time);
	assert_int_equal(f.stored[0].era, 0); /* no correction of a clock touches it */
	assert_true(f.stored[0].has_wall);
}

/* An old reading is told, but does not take the place of the newest. */
static void test_backdated_is_not_retained(void **state)
{
	struct parcel p;
	int64_t ms = now_ms();

	(void)state;
	fake_connect(&f, town, true);
	report_one(&p, 1, ms);
	fake_commit(&f);
	fake_settle(&f);
	report_one(&p, 2, ms - 10 * MINUTE_MS);
	fake_commit(&f);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 2);
	assert_true(fake_sent_reading(town, 0, 0)->retain);
	assert_false(fake_sent_reading(town, 0, 1)->retain);
	assert_int_equal(f.core->points[0].series->newest.seq, FAKE_FIRST_SEQ);
	report_one(&p, 3, ms + 1);
	fake_commit(&f);
	fake_settle(&f);
	assert_true(fake_sent_reading(town, 0, 2)->retain);
}

/* Old by its own time, it is not late on its way: nobody sends it out before its commit. */
static void test_backdated_waits_for_its_commit(void **state)
{
	struct parcel p;

	(void)state;
	fake_connect(&f, town, true);
	report_one(&p, 1, now_ms() - 60 * MINUTE_MS);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 0);
	fake_commit(&f);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 1);
	assert_false(fake_sent_reading(town, 0, 0)->not_stored);
}

static void test_future_and_unset_clocks_are_refused_whole(void **state)
{
	struct parcel p;

	(void)state;
	parcel(&p);
	put(&p, 1, now_ms());
	put(&p, 2, now_ms() + 61000);
	assert_int_equal(report(&p), FG_EINVAL);
	assert_int_equal(report_one(&p, 1, 1000), FG_EINVAL);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ);
	assert_int_equal(report_one(&p, 1, now_ms() + 59000), FG_PENDING); /* a little ahead */
	assert_int_equal(fake_device(&f, "sonde")->reports_untimely, 2);
}

/* What the driver dropped before is counted with what it hands over, or with that it is over. */
static void test_late_ones_are_counted(void **state)
{
	struct parcel p;

	(void)state;
	parcel(&p)->arrival.late = 2;
	report(&p);
	put(parcel(&p), 1, now_ms());
	p.arrival.late = 1;
	assert_int_equal(report(&p), FG_PENDING);
	assert_int_equal(fake_device(&f, "sonde")->reports_late, 3);
}

/* A message without readings of its own asks when those before it are durable. */
static void test_an_empty_report_waits_for_what_came_before(void **state)
{
	struct parcel p, q;

	(void)state;
	assert_int_equal(report(parcel(&q)), FG_OK); /* nothing came before */
	report_one(&p, 1, 0);
	assert_int_equal(report(parcel(&q)), FG_PENDING);
	assert_int_equal(told.count, 0);
	fake_commit(&f);
	assert_int_equal(told.count, 2);
	assert_ptr_equal(told.token, &q);
	assert_int_equal(told.status, FG_OK);
	report_one(&p, 2, 0);
	parcel(&q)->arrival.kept = false; /* nobody waits */
	assert_int_equal(report(&q), FG_OK);
}

static void test_own_times_wait_for_ours(void **state)
{
	struct parcel p;

	(void)state;
	fake_fini(&f);
	fake_init_untimed(&f, fake_yaml);
	listen();
	assert_int_equal(report_one(&p, 1, now_ms()), FG_EAGAIN);
	assert_int_equal(report_one(&p, 1, 0), FG_PENDING); /* by ours, once it is known */
	fake_timed(&f);
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	assert_int_equal(report_one(&p, 1, now_ms()), FG_PENDING);
}

static void test_what_comes_twice_is_stored_once(void **state)
{
	struct parcel p, q;
	int64_t ms = now_ms();

	(void)state;
	report_one(&p, 1, ms);
	/* before it is durable: both wait for the same commit */
	parcel(&q);
	put(&q, 1, ms);
	put(&q, 1, ms);
	assert_int_equal(report(&q), FG_PENDING);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 1);
	fake_commit(&f);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.known, 2);
	/* after: known at once; of an overlapping batch the new is taken */
	assert_int_equal(report_one(&q, 1, ms), FG_OK);
	assert_int_equal(q.known, 1);
	parcel(&q);
	put(&q, 1, ms);
	put(&q, 2, ms - MINUTE_MS);
	assert_int_equal(report(&q), FG_PENDING);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 2);
	assert_int_equal(q.known, 1);
}

static void test_messages_are_known_for_their_lifetime(void **state)
{
	struct parcel p;

	(void)state;
	put(parcel(&p), 1, 0);
	p.arrival.message = 99;
	assert_int_equal(report(&p), FG_PENDING);
	fake_commit(&f);
	fake_turn(&f, 200 * SEC);
	put(parcel(&p), 1, 0);
	p.arrival.message = 99;
	assert_int_equal(report(&p), FG_OK);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 1);
	fake_turn(&f, 60 * SEC);
	put(parcel(&p), 1, 0);
	p.arrival.message = 99;
	assert_int_equal(report(&p), FG_PENDING); /* another message under an old number */
}

/* Where only some readings tell a time, the others are known by their message. */
static void test_a_mixed_message_is_stored_once(void **state)
{
	struct parcel p;
	int64_t ms = now_ms();

	(void)state;
	for (int i = 0; i < 2; i++) {
		parcel(&p);
		put(&p, 1, ms - MINUTE_MS);
		put(&p, 2, 0);
		p.arrival.message = 7;
		assert_int_equal(report(&p), i ? FG_OK : FG_PENDING);
		fake_commit(&f);
		fake_turn(&f, SEC);
	}
	assert_int_equal(p.known, 2);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 2);
	parcel(&p); /* another message with the old reading in it */
	put(&p, 1, ms - MINUTE_MS);
	put(&p, 3, 0);
	p.arrival.message = 8;
	assert_int_equal(report(&p), FG_PENDING);
	assert_int_equal(p.known, 1);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 3);
}

/* What depends on readings that are refused in the end is refused with them. */
static void test_overlapping_reports_are_refused_together(void **state)
{
	struct parcel p, q;
	int64_t ms = now_ms();

	(void)state;
	report_one(&p, 1, ms);
	parcel(&q);
	put(&q, 1, ms);
	put(&q, 2, ms + 1);
	assert_int_equal(report(&q), FG_PENDING);
	fg_core_dropped(f.core, FAKE_FIRST_SEQ, FAKE_FIRST_SEQ + 1, 1);
	fake_commit(&f);
	assert_int_equal(told.count, 2);
	assert_ptr_equal(told.token, &q);
	assert_int_equal(told.status, FG_EFULL);
	f.core->store_refuses = false;
	parcel(&q); /* and only what was refused is stored when it comes again */
	put(&q, 1, ms);
	put(&q, 2, ms + 1);
	assert_int_equal(report(&q), FG_PENDING);
	assert_int_equal(q.known, 1);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 3);
}

/* What was not worth telling is known, too: else it would be held against later readings. */
static void test_what_is_not_told_is_known(void **state)
{
	struct fg_point *point = (struct fg_point *)(uintptr_t)f.config->points[0];
	struct parcel p;
	int64_t ms = now_ms();

	(void)state;
	point->by_change = true;
	point->at_least_every_us = 3600 * SEC;
	report_one(&p, 1, ms - 3000);
	fake_commit(&f);
	assert_int_equal(report_one(&p, 1, ms - 2000), FG_OK); /* no commit has to come */
	assert_int_equal(p.known, 0);
	assert_int_equal(f.core->suppressed, 1);
	assert_int_equal(report_one(&p, 2, ms - 1000), FG_PENDING);
	fake_commit(&f);
	assert_int_equal(report_one(&p, 1, ms - 2000), FG_OK);
	assert_int_equal(p.known, 1);
	assert_int_equal(f.core->suppressed, 1);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 2);
}

/* Who waits when the gateway ends hears of it, so that nothing of his is left behind. */
static void test_the_end_gives_back_what_waits(void **state)
{
	struct parcel p;

	begin(state);
	report_one(&p, 1, 0);
	end(state);
	assert_int_equal(told.count, 1);
	assert_ptr_equal(told.token, &p);
	assert_int_equal(told.status, FG_ECANCELED);
}

/* What it sent is known also when its configuration has changed meanwhile. */
static void test_known_after_a_reload(void **state)
{
	static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 30s,\n"
		"    points: {ph: {table: input, address: 0, type: u16}}}\n";
	struct parcel p;
	int64_t ms = now_ms();

	(void)state;
	report_one(&p, 1, ms);
	put(parcel(&p), 2, 0);
	p.arrival.message = 5;
	report(&p);
	fake_commit(&f);
	fake_reload(&f, yaml);
	sonde = f.config->groups[0];
	assert_int_equal(report_one(&p, 1, ms), FG_OK);
	put(parcel(&p), 2, 0);
	p.arrival.message = 5;
	assert_int_equal(report(&p), FG_OK);
	assert_int_equal(p.known, 1);
	fake_reload(&f, yaml); /* nothing changes */
	sonde = f.config->groups[0];
	assert_int_equal(report_one(&p, 1, ms), FG_OK);
}

static unsigned char note[256];
static size_t note_len;

static int port_set_state(
	void *arg, const char *kind, const char *key, const void *bytes, size_t len)
{
	(void)arg;
	if (strcmp(kind, FG_STATE_RETAINED) == 0)
		return FG_EINVAL; /* of a destination; not kept here */
	assert_string_equal(key, "sonde");
	assert_in_range(len, 1, sizeof(note));
	if (strcmp(kind, "push") != 0)
		return FG_OK;
	memcpy(note, bytes, len);
	note_len = len;
	return FG_OK;
}

/* Which messages came lately is stored with their readings, and known after a restart. */
static void test_messages_are_known_after_a_restart(void **state)
{
	struct parcel p;

	(void)state;
	f.core->ports.set_state = port_set_state;
	for (uint64_t m = 1; m <= 12; m++) {
		put(parcel(&p), 1, 0);
		p.arrival.message = m;
		assert_int_equal(report(&p), FG_PENDING);
	}
	fg_reports_free(f.core, fake_device(&f, "sonde")); /* as after a restart */
	fake_turn(&f, 100 * SEC);
	assert_int_equal(fg_core_known_state(f.core, "push", "sonde", note, note_len), FG_OK);
	assert_int_equal(fg_core_known_state(f.core, "push", "gone", note, note_len), FG_OK);
	assert_int_equal(fg_core_known_state(f.core, "push", "sonde", note, 5), FG_OK);
	put(parcel(&p), 1, 0);
	p.arrival.message = 12;
	assert_int_equal(report(&p), FG_OK);
	put(parcel(&p), 1, 0);
	p.arrival.message = 5; /* the oldest of eight */
	assert_int_equal(report(&p), FG_OK);
	fake_turn(&f, 150 * SEC);
	put(parcel(&p), 1, 0);
	p.arrival.message = 12;
	assert_int_equal(report(&p), FG_PENDING);
}

static void test_known_after_a_restart(void **state)
{
	struct parcel p;
	int64_t ms = now_ms();
	const struct fg_item old = {.kind = FG_ITEM_READING,
		.own_time = true,
		.seq = 5,
		.wall_ms = ms,
		.point = f.core->points[0].series->id};

	(void)state;
	fg_core_known_report(f.core, &old);
	assert_int_equal(report_one(&p, 1, ms), FG_OK);
	assert_int_equal(report_one(&p, 1, ms + 1), FG_PENDING);
}

/* Never accept what would be lost; what is refused comes again and is taken then. */
static void test_a_store_that_cannot_keep_it_refuses(void **state)
{
	struct parcel p;
	int64_t ms = now_ms();

	(void)state;
	f.store_full = true;
	assert_int_equal(report_one(&p, 1, ms), FG_EFULL);
	f.store_full = false;
	fg_core_store_state(f.core, f.now, false, "disk full");
	assert_int_equal(report_one(&p, 1, ms), FG_EFULL);
	fg_core_store_state(f.core, f.now, true, "");
	assert_int_equal(report_one(&p, 1, ms), FG_PENDING);
	fg_core_dropped(f.core, f.appended_next - 1, f.appended_next, 1); /* drop-newest */
	fake_commit(&f);
	assert_int_equal(told.status, FG_EFULL);
	f.core->store_refuses = false;
	assert_int_equal(report_one(&p, 1, ms), FG_PENDING);
	fake_commit(&f);
	assert_int_equal(told.status, FG_OK);
}

static uint64_t lost(void)
{
	uint64_t all, today;

	fg_ledger_totals(fake_device(&f, "sonde")->ledger, f.now.wall_us, &all, &today);
	return all;
}

/* What its sender keeps is no loss, what nobody keeps is. */
static void test_only_what_nobody_keeps_is_lost(void **state)
{
	struct parcel p;

	(void)state;
	f.store_full = true;
	report_one(&p, 1, 0);
	assert_int_equal(lost(), 0);
	put(parcel(&p), 1, 0);
	p.arrival.kept = false;
	assert_int_equal(report(&p), FG_EFULL);
	assert_int_equal(lost(), 1);
}

static void test_late_after_three_intervals(void **state)
{
	struct fg_device_run *dev = fake_device(&f, "sonde");
	struct parcel p;

	(void)state;
	report_one(&p, 1, 0);
	fake_turn(&f, 3 * POLL_US - 1);
	assert_int_equal(dev->state, FG_DEVICE_OK);
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 1);
	fake_turn(&f, 1);
	assert_int_equal(dev->state, FG_DEVICE_FAILING);
	assert_int_equal(dev->reason, FG_REASON_NOT_REPORTED);
	assert_int_equal(stored_at(FAKE_FIRST_SEQ + 1)->qc, FG_QC_MISSING);
	assert_int_equal(stored_at(FAKE_FIRST_SEQ + 1)->reason, FG_REASON_NOT_REPORTED);
	fake_turn(&f, POLL_US); /* told once */
	assert_int_equal(f.appended_next, FAKE_FIRST_SEQ + 2);
	assert_int_equal(lost(), 0); /* nobody knows what would have come */
	report_one(&p, 2, 0);
	assert_int_equal(dev->state, FG_DEVICE_OK);
	fake_turn(&f, 3 * POLL_US - 1);
	assert_int_equal(dev->state, FG_DEVICE_OK);
}

/* The account counts what was received, and nothing as missing. */
static void test_accounts_count_what_was_received(void **state)
{
	struct parcel p;
	const struct fg_account *account = NULL;

	(void)state;
	for (int i = 0; i < 5; i++)
		report_one(&p, i, now_ms() - (5 - i) * 1000);
	fake_commit(&f);
	for (int i = 0; i < 70; i++)
		fake_turn(&f, POLL_US);
	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++)
		if (stored_at(seq)->kind == FG_ITEM_ACCOUNT && !account)
			account = stored_at(seq)->account;
	assert_non_null(account);
	assert_int_equal(account->lines[0].scheduled, 5);
	assert_int_equal(account->lines[0].sent, 5);
	assert_int_equal(account->lines[0].missing, 0);
	assert_int_equal(fake_stored(&f, FG_ITEM_GAP), 0);
}

static void observe(bool observing)
{
	struct fg_reading reading = {.point = sonde->points[0]->index,
		.taken_mono_us = f.now.mono_us,
		.qc = FG_QC_NOT_EVALUATED,
		.value = {.kind = FG_KIND_DOUBLE, .f = 1}};
	const struct fg_batch batch = {.readings = &reading, .count = 1, .cap = 1};
	const struct fg_poll_result result = {.group = sonde,
		.batch = &batch,
		.requests = 1,
		.answers = 1,
		.started_mono_us = f.now.mono_us,
		.done_mono_us = f.now.mono_us,
		.observing = observing};

	fg_core_polled(f.core, f.now, &result);
}

/* An observed group is polled until it is observed, and again where nothing more comes. */
static void test_observed_is_polled_when_it_falls_silent(void **state)
{
	struct parcel p;

	(void)state;
	fake_turn(&f, 0);
	assert_int_equal(f.poll_count, 1);
	observe(true);
	for (int i = 0; i < 5; i++) {
		fake_turn(&f, 2 * POLL_US);
		assert_int_equal(report_one(&p, i, 0), FG_PENDING);
	}
	assert_int_equal(f.poll_count, 1);
	fake_turn(&f, 3 * POLL_US);
	assert_int_equal(f.poll_count, 2);
	observe(false); /* refused: polled from now on */
	fake_turn(&f, POLL_US);
	assert_int_equal(f.poll_count, 3);
	assert_int_equal(lost(), 0);
}

static void test_the_end_of_an_observation_is_polled(void **state)
{
	struct parcel p;

	(void)state;
	fake_turn(&f, POLL_US);
	observe(true);
	fake_turn(&f, SEC);
	parcel(&p);
	p.arrival.over = sonde;
	p.arrival.kept = false; /* no message of the sensor's */
	assert_int_equal(report(&p), FG_OK);
	fake_turn(&f, 0);
	assert_int_equal(f.poll_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_report_is_told_when_it_is_durable, begin, end),
		cmocka_unit_test_setup_teardown(test_the_commit_is_hurried, begin, end),
		cmocka_unit_test_setup_teardown(
			test_times_of_the_sensor_are_kept_and_sorted, begin, end),
		cmocka_unit_test_setup_teardown(test_backdated_is_not_retained, begin, end),
		cmocka_unit_test_setup_teardown(test_backdated_waits_for_its_commit, begin, end),
		cmocka_unit_test_setup_teardown(
			test_future_and_unset_clocks_are_refused_whole, begin, end),
		cmocka_unit_test_setup_teardown(test_late_ones_are_counted, begin, end),
		cmocka_unit_test_setup_teardown(
			test_an_empty_report_waits_for_what_came_before, begin, end),
		cmocka_unit_test_setup_teardown(test_own_times_wait_for_ours, begin, end),
		cmocka_unit_test_setup_teardown(test_what_comes_twice_is_stored_once, begin, end),
		cmocka_unit_test_setup_teardown(test_a_mixed_message_is_stored_once, begin, end),
		cmocka_unit_test_setup_teardown(
			test_overlapping_reports_are_refused_together, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_not_told_is_known, begin, end),
		cmocka_unit_test(test_the_end_gives_back_what_waits),
		cmocka_unit_test_setup_teardown(test_known_after_a_reload, begin, end),
		cmocka_unit_test_setup_teardown(
			test_messages_are_known_for_their_lifetime, begin, end),
		cmocka_unit_test_setup_teardown(test_known_after_a_restart, begin, end),
		cmocka_unit_test_setup_teardown(
			test_messages_are_known_after_a_restart, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_store_that_cannot_keep_it_refuses, begin, end),
		cmocka_unit_test_setup_teardown(test_only_what_nobody_keeps_is_lost, begin, end),
		cmocka_unit_test_setup_teardown(test_late_after_three_intervals, begin, end),
		cmocka_unit_test_setup_teardown(test_accounts_count_what_was_received, begin, end),
		cmocka_unit_test_setup_teardown(
			test_observed_is_polled_when_it_falls_silent, begin_observed, end),
		cmocka_unit_test_setup_teardown(
			test_the_end_of_an_observation_is_polled, begin_observed, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
