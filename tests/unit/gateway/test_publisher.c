/* SPDX-License-Identifier: EUPL-1.2 */
/* Delivery to a destination: order, retention, acknowledgement, loss and return of the broker. */
#include "fake.h"

#include <stdio.h>

static struct fake f;
static struct fake_broker *town;
static const struct fg_group *sonde;

static void begin(const char *yaml)
{
	fake_init(&f, yaml);
	town = &f.brokers[0];
	sonde = f.config->groups[0];
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

/* n readings that nobody was there for. */
static void outage(size_t n)
{
	for (size_t i = 0; i < n; i++)
		fake_reading(&f, sonde, (double)i);
}

/* Serves pages and acknowledges until `seconds` have passed. */
static void serve(int64_t seconds)
{
	for (int64_t i = 0; i < seconds * 20; i++) {
		fake_turn(&f, SEC / 20);
		while (fake_page(&f, town))
			fake_turn(&f, 0);
		fake_ack_all(&f, town);
	}
}

static bool acknowledged(uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq < to; seq++)
		if (fg_ranges_has(&fake_publisher(&f, 0)->unacked, seq))
			return false;
	return true;
}

static void test_only_committed_readings_go_out(void **state)
{
	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	fake_answer(&f, sonde, 7);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 0);
	fake_commit(&f);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 1);
	assert_true(fake_sent_reading(town, 0, 0)->retain);
	assert_string_equal(fake_sent_reading(town, 0, 0)->topic, "town/obs/water/pier/ph");
}

static void test_acknowledged_is_forgotten_and_saved(void **state)
{
	struct fg_publisher *p;
	uint64_t a, b;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 0); /* and the device's document */
	serve(2);
	a = fake_reading(&f, sonde, 1);
	b = fake_reading(&f, sonde, 2);
	fake_settle(&f);
	assert_int_equal(fg_publisher_backlog(p), 2);
	fake_ack(&f, town, 1, 0);
	assert_false(fg_ranges_has(&p->unacked, a));
	assert_true(fg_ranges_has(&p->unacked, b));
	assert_int_equal(p->acknowledged, 2);
	fake_turn(&f, 2 * SEC);
	assert_false(fg_ranges_has(&town->saved, a));
	assert_true(fg_ranges_has(&town->saved, b));
	fake_ack(&f, town, 1, 0x10); /* MQTT 5: nobody subscribes; a success */
	assert_int_equal(fg_publisher_backlog(p), 0);
	/* at most one save a second, and the last change is not left out */
	assert_true(fake_turn(&f, 0) <= f.now.mono_us + SEC);
	fake_turn(&f, 2 * SEC);
	assert_false(fg_ranges_has(&town->saved, b));
}

static void test_lost_in_flight_comes_again_and_nothing_else_twice(void **state)
{
	uint64_t first = FAKE_FIRST_SEQ;
	size_t mark;

	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	fake_settle(&f);
	outage(10);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 10);
	fake_ack(&f, town, town->sent_count - town->acked - 4, 0);
	fake_lose(&f, town);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	serve(2);
	assert_int_equal(fake_readings(town, mark), 4);
	for (uint64_t seq = first; seq < first + 10; seq++)
		assert_int_equal(fake_count(town, mark, seq), seq >= first + 6);
	assert_true(acknowledged(first, first + 10));
}

static void test_stale_events_change_nothing(void **state)
{
	struct fg_publisher *p;
	uint32_t old;
	uint64_t seq;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	seq = fake_reading(&f, sonde, 1);
	fake_settle(&f);
	old = town->epoch;
	fake_lose(&f, town);
	fake_connect(&f, town, true);
	fg_publisher_acked(p, f.now, old, seq, 0);
	assert_true(fg_ranges_has(&p->unacked, seq));
	fg_publisher_lost(p, f.now, old, false, "old news");
	assert_int_equal(p->state, FG_PUB_ONLINE);
	fg_publisher_connected(p, f.now, old, false);
	assert_false(p->first_all);
	fg_publisher_lost(p, f.now, town->epoch, false, "closed");
	fg_publisher_acked(p, f.now, town->epoch, seq, 0); /* late, of the last connection: true */
	assert_false(fg_ranges_has(&p->unacked, seq));
	assert_int_equal(p->in_flight, 0);
}

static const char two_points[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
	"    points: {ph: {table: input, address: 0, type: u16},\n"
	"             water_level: {table: input, address: 1, type: u16, interval: 1h}}}\n";

static void test_newest_first_and_only_it_retained(void **state)
{
	const struct fg_group *slow;
	uint64_t level, last;
	size_t n;

	(void)state;
	begin(two_points);
	slow = fake_group(&f, "sonde", 1);
	level = fake_reading(&f, slow, 3);
	outage(20);
	last = f.committed_next - 1;
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	assert_int_equal(fake_readings(town, 0), 2);
	assert_int_equal(fake_count(town, 0, level), 1);
	assert_int_equal(fake_count(town, 0, last), 1);
	serve(3);
	n = fake_readings(town, 0);
	assert_int_equal(n, 21);
	for (size_t i = 0; i < n; i++) {
		const struct fake_sent *s = fake_sent_reading(town, 0, i);

		assert_int_equal(s->retain, i < 2);
		if (i > 2) /* the rest in order */
			assert_true(s->seq > fake_sent_reading(town, 0, i - 1)->seq);
	}
}

/* A broker that kept nothing of ours gets the newest of every point, acknowledged or not. */
static void test_new_session_gets_the_newest_of_every_point(void **state)
{
	uint64_t level, ph;
	size_t mark;

	(void)state;
	begin(two_points);
	fake_connect(&f, town, true);
	level = fake_reading(&f, fake_group(&f, "sonde", 1), 3);
	ph = fake_reading(&f, sonde, 7);
	serve(1);
	for (int present = 1; present >= 0; present--) {
		fake_lose(&f, town);
		mark = town->sent_count;
		fake_connect(&f, town, present);
		serve(1);
		assert_int_equal(fake_count(town, mark, level), !present);
		assert_int_equal(fake_count(town, mark, ph), !present);
	}
	assert_true(fake_sent_reading(town, mark, 0)->retain);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
}

static const char slow_town[] = FAKE_HEAD
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, inflight: 100,\n"
	"  backlog_rate: 40/s}}\n" FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n";

static void test_backlog_keeps_its_rate_and_live_goes_at_once(void **state)
{
	int64_t began;
	uint64_t live;
	size_t mark;

	(void)state;
	begin(slow_town);
	outage(1000);
	fake_connect(&f, town, true);
	began = f.now.mono_us;
	serve(5);
	assert_in_range(fake_readings(town, 0), 190, 203); /* 200, and the newest */
	live = fake_reading(&f, sonde, 1);
	mark = town->sent_count;
	fake_turn(&f, 0);
	assert_int_equal(town->sent[mark].seq, live);
	assert_true(town->sent[mark].retain);
	serve(25);
	assert_true(acknowledged(FAKE_FIRST_SEQ, f.committed_next));
	assert_int_equal(fake_readings(town, 0), 1001);
	assert_true(f.now.mono_us - began >= 999 / 40 * SEC);
}

/* A turn that comes late does not make up for it in one burst. */
static void test_backlog_has_no_bursts(void **state)
{
	size_t before;

	(void)state;
	begin(slow_town);
	outage(500);
	fake_connect(&f, town, true);
	serve(1);
	before = fake_readings(town, 0);
	fake_turn(&f, 30 * SEC);
	fake_settle(&f);
	assert_true(fake_readings(town, 0) - before <= 4);
}

static void test_backlog_waits_for_acknowledgements(void **state)
{
	(void)state;
	begin(fake_yaml);
	outage(600);
	fake_connect(&f, town, true);
	for (int i = 0; i < 200; i++) {
		fake_turn(&f, SEC / 20);
		fake_page(&f, town);
	}
	assert_int_equal(town->sent_count, fake_publisher(&f, 0)->window);
	serve(5);
	assert_true(acknowledged(FAKE_FIRST_SEQ, f.committed_next));
	assert_int_equal(fake_readings(town, 0), 600);
}

static void test_session_without_room(void **state)
{
	(void)state;
	begin(fake_yaml);
	outage(3);
	fake_connect(&f, town, true);
	town->no_room = true; /* and nothing in flight that could end it */
	fake_settle(&f);
	assert_int_equal(town->sent_count, 0);
	town->no_room = false;
	serve(2);
	assert_int_equal(fake_readings(town, 0), 3);
	town->no_room = true;
	fake_reading(&f, sonde, 1);
	serve(1);
	town->no_room = false;
	serve(1);
	assert_true(acknowledged(FAKE_FIRST_SEQ, f.committed_next));
	assert_int_equal(fake_readings(town, 0), 4);
}

/* More live readings than the ring holds while the broker acknowledges nothing. */
static void test_overrun_of_the_ring_falls_to_the_backlog(void **state)
{
	const size_t many = 6000;
	size_t retained_old = 0;
	uint64_t last;

	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	for (size_t i = 0; i < many; i++) {
		fake_reading(&f, sonde, (double)i);
		if (i % 100 == 0)
			fake_turn(&f, 0);
	}
	assert_true(f.core->recent.first > FAKE_FIRST_SEQ + 200);
	last = f.committed_next - 1;
	serve(30);
	assert_int_equal(fake_readings(town, 0), many);
	assert_true(acknowledged(FAKE_FIRST_SEQ, f.committed_next));
	assert_int_equal(fake_count(town, 0, last), 1);
	for (size_t i = 0; i < town->sent_count; i++) /* from the store: never retained */
		retained_old += town->sent[i].retain && town->sent[i].seq > FAKE_FIRST_SEQ + 200 &&
				town->sent[i].seq < FAKE_FIRST_SEQ + 1900;
	assert_int_equal(retained_old, 0);
}

static const char choosy[] = FAKE_HEAD
	"mqtt:\n"
	"  town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, select: {domains: [bathing]}}\n"
	"  lab: {servers: [\"mqtt://127.0.0.1:2\"], prefix: lab}\n" FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n"
	"  probe: {station: pier, domain: bathing, link: plc, unit_id: 2, interval: 60s,\n"
	"    points: {water_temperature: {table: input, address: 0, type: u16, unit: Cel}}}\n";

static void test_select(void **state)
{
	struct fake_broker *lab;
	const struct fg_group *bath;

	(void)state;
	begin(choosy);
	lab = &f.brokers[1];
	bath = fake_group(&f, "probe", 0);
	sonde = fake_group(&f, "sonde", 0);
	for (int i = 0; i < 10; i++) { /* in turns: of the backlog, then live */
		if (i == 5) {
			fake_connect(&f, town, false);
			fake_connect(&f, lab, false);
			serve(1);
		}
		fake_reading(&f, sonde, i);
		fake_reading(&f, bath, i);
	}
	for (int i = 0; i < 40; i++) {
		serve(1);
		fake_page(&f, lab);
		fake_ack_all(&f, lab);
	}
	assert_int_equal(fake_readings(town, 0), 10);
	for (size_t i = 0; i < 10; i++)
		assert_string_equal(fake_sent_reading(town, 0, i)->topic,
			"town/obs/bathing/pier/water_temperature");
	assert_true(acknowledged(FAKE_FIRST_SEQ, f.committed_next)); /* nothing waits for ever */
	assert_int_equal(fake_readings(lab, 0), 20);
}

/* ---- refused for good ---- */

static struct fg_gap gap;
static char gap_of[16];
static unsigned gap_code, gap_calls;
static uint64_t told_below; /* the least number that is lacked beside the gap */
static bool gaps_fail;

static int take_gaps(void *arg, struct fg_publisher *p, const struct fg_item *items, size_t n,
	const struct fg_ranges *unacked)
{
	(void)arg;
	gap_calls++;
	if (gaps_fail)
		return FG_EFULL;
	assert_int_equal(n, 1);
	assert_int_equal(items[0].kind, FG_ITEM_GAP);
	assert_int_equal(items[0].reason, FG_REASON_REJECTED);
	assert_int_equal(items[0].point, f.series.items[0]->id);
	gap = *items[0].gap;
	gap_code = items[0].detail;
	snprintf(gap_of, sizeof(gap_of), "%s", gap.destination);
	told_below = fg_ranges_first(unacked);
	(void)p;
	return FG_OK;
}

static struct fg_publisher *begin_refusals(void)
{
	begin(fake_yaml);
	f.core->publisher_ports.gaps = take_gaps;
	gap_calls = 0;
	gaps_fail = false;
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 0);
	serve(1);
	return fake_publisher(&f, 0);
}

static void test_refused_publication_becomes_a_gap(void **state)
{
	struct fg_publisher *p = begin_refusals();
	uint64_t seq;
	size_t mark;

	(void)state;
	for (int i = 0; i < 3; i++) {
		seq = fake_reading(&f, sonde, i);
		fake_settle(&f);
		mark = town->sent_count;
		fake_ack(&f, town, 1, 0x87);
		serve(5);
		assert_int_equal(fake_count(town, mark, seq), 0); /* not again */
		assert_int_equal(gap_calls, 1); /* the first at once, others together */
	}
	assert_true(gap.from_ms == gap.to_ms);
	assert_int_equal(gap.count, 1);
	assert_int_equal(gap_code, 0x87);
	assert_string_equal(gap_of, "town");
	assert_int_equal(p->state, FG_PUB_ONLINE);
	assert_int_equal(p->refused, 3);
	assert_int_equal(p->in_flight, 0);
	assert_int_equal(fg_publisher_backlog(p), 2); /* until they are written */
	fake_lose(&f, town);
	fake_connect(&f, town, false);
	mark = town->sent_count;
	serve(40);
	assert_int_equal(fake_readings(town, mark), 0);
	serve(25);
	assert_int_equal(gap_calls, 2);
	assert_int_equal(gap.count, 2);
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_true(told_below > seq); /* with them, in one commit */
}

static void test_refusals_wait_for_the_store_and_are_written_at_the_end(void **state)
{
	struct fg_publisher *p = begin_refusals();

	(void)state;
	fake_reading(&f, sonde, 1);
	fake_settle(&f);
	gaps_fail = true;
	fake_ack(&f, town, 1, 0x99);
	serve(3);
	assert_true(gap_calls > 0);
	assert_int_equal(fg_publisher_backlog(p), 1);
	gaps_fail = false;
	serve(2);
	assert_int_equal(fg_publisher_backlog(p), 0);
	fake_reading(&f, sonde, 1);
	fake_settle(&f);
	fake_ack(&f, town, 1, 0x99);
	fg_core_stop(f.core, f.now);
	fake_commit(&f);
	fake_turn(&f, 0);
	fake_ack_all(&f, town);
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_int_equal(gap.count, 1);
}

static void test_a_refusal_comes_out_as_a_stored_gap(void **state)
{
	struct fg_publisher *p = begin_refusals();
	uint64_t seq;

	(void)state;
	f.core->publisher_ports.gaps = fg_core_append_gaps;
	fake_reading(&f, sonde, 1);
	fake_settle(&f);
	fake_ack(&f, town, 1, 0x87);
	fake_turn(&f, SEC);
	seq = f.appended_next - 1;
	assert_int_equal(f.bundles, 1);
	assert_true(fg_ranges_first(&town->saved) == seq);
	assert_int_equal(f.stored[seq - FAKE_FIRST_SEQ].item.kind, FG_ITEM_GAP);
	gap = (struct fg_gap){.count = 1, .destination = "town"};
	f.stored[seq - FAKE_FIRST_SEQ].item.gap = &gap; /* what was lent is gone */
	fake_commit(&f);
	serve(3);
	assert_int_equal(fake_count(town, 0, seq), 1);
	assert_string_equal(fake_sent_entry(town, 0, 2)->topic, "town/gateways/gw/gaps");
	assert_int_equal(fg_publisher_backlog(p), 0);
}

/* Where gap and delivery state find no room together, neither is taken, and it comes again. */
static void test_a_refusal_that_finds_no_room_is_whole_later(void **state)
{
	struct fg_publisher *p = begin_refusals();
	uint64_t seq, refused;

	(void)state;
	f.core->publisher_ports.gaps = fg_core_append_gaps;
	fake_settle(&f);
	refused = fake_reading(&f, sonde, 1);
	fake_settle(&f);
	f.bundle_full = true;
	seq = f.appended_next;
	fake_ack(&f, town, 1, 0x87);
	fake_turn(&f, SEC);
	assert_true(fg_ranges_has(&p->unacked, refused));
	assert_int_equal(f.appended_next, seq);
	assert_int_equal(f.core->next_seq, seq);
	f.bundle_full = false;
	serve(2);
	assert_false(fg_ranges_has(&town->saved, refused));
	assert_int_equal(f.appended_next, seq + 1);
	fg_core_wants_room(f.core, f.now);
	assert_int_equal(f.core->room_below, 0); /* not before the gap is durable */
	fake_commit(&f);
	fake_turn(&f, SEC);
	assert_true(f.core->room_below > seq);
}

/* What counts nowhere leaves no gap. */
static void test_refused_announcement(void **state)
{
	struct fg_publisher *p = begin_refusals();

	(void)state;
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	fake_commit(&f);
	fake_settle(&f);
	fake_ack(&f, town, town->sent_count - town->acked, 0x87);
	serve(2);
	assert_int_equal(gap_calls, 0);
	assert_int_equal(fg_publisher_backlog(p), 0);
}

static void test_quota_backs_off(void **state)
{
	struct fg_publisher *p;
	int64_t wait = 0;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	outage(5);
	fake_connect(&f, town, true);
	for (int i = 0; i < 40; i++) {
		fake_settle(&f);
		assert_true(town->sent_count > town->acked);
		fake_ack(&f, town, 1, 0x97);
		assert_int_equal(p->state, FG_PUB_WAITING);
		assert_int_equal(town->disconnects, (unsigned)i + 1);
		fake_ack(&f, town, 1, 0x97); /* those behind it say the same */
		assert_int_equal(town->disconnects, (unsigned)i + 1);
		wait = p->next_attempt_mono_us - f.now.mono_us;
		fake_connect(&f, town, true);
	}
	assert_true(wait > 5 * SEC); /* it grows while nothing gets better */
	assert_int_equal(fg_publisher_backlog(p), 5);
	serve(2);
	assert_int_equal(fg_publisher_backlog(p), 0);
}

static void test_back_off(void **state)
{
	int64_t began, most = 0, least = INT64_MAX;
	bool varies = false;

	(void)state;
	begin(fake_yaml);
	fake_turn(&f, 0);
	began = f.now.mono_us;
	for (int64_t last = -1; f.now.mono_us < began + 3 * 3600 * SEC;) {
		struct fg_publisher *p = fake_publisher(&f, 0);
		int64_t share = FG_MAX((f.now.mono_us - began) / 10, SEC), wait;

		assert_true(town->connecting);
		fake_lose(&f, town);
		wait = p->next_attempt_mono_us - f.now.mono_us;
		assert_in_range(wait, FG_MIN(share, 120 * SEC) / 2, FG_MIN(share, 120 * SEC));
		assert_true(fake_turn(&f, 0) <= p->next_attempt_mono_us);
		varies |= last > 0 && wait != last;
		last = wait;
		most = FG_MAX(most, wait);
		least = FG_MIN(least, wait);
		fake_turn(&f, wait - 1);
		assert_false(town->connecting);
		fake_turn(&f, 1);
	}
	assert_true(varies);
	assert_true(most > 60 * SEC);
	assert_true(least < SEC);
	/* a connection that held ends the outage: the next one begins small */
	fake_connect(&f, town, true);
	serve(60);
	fake_lose(&f, town);
	assert_true(fake_publisher(&f, 0)->next_attempt_mono_us - f.now.mono_us <= SEC);
}

static const char two_servers[] = FAKE_HEAD
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\", \"mqtt://127.0.0.1:2\"], prefix: town}}\n"
	FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n";

static void test_two_servers_alternate(void **state)
{
	(void)state;
	begin(two_servers);
	fake_turn(&f, 0);
	for (int i = 0; i < 20; i++) {
		int64_t asked = f.now.mono_us;

		assert_int_equal(town->server, i % 2);
		fake_lose(&f, town);
		for (unsigned n = town->connects; town->connects == n;)
			fake_turn(&f, SEC / 20);
		if (i % 2 == 0) /* the other door is tried soon */
			assert_true(town->asked_us - asked <= SEC / 2);
	}
}

static void test_an_attempt_without_an_end(void **state)
{
	(void)state;
	begin(fake_yaml);
	fake_turn(&f, 0);
	assert_true(town->connecting);
	for (int i = 0; i < 400 && town->connects == 1; i++)
		fake_turn(&f, SEC);
	assert_int_equal(town->connects, 2);
}

static void test_holes_are_forgotten(void **state)
{
	struct fg_publisher *p;
	uint64_t first;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	first = f.committed_next;
	outage(600);
	for (uint64_t i = 10; i < 300; i++)
		f.stored[first + i - FAKE_FIRST_SEQ].gone = true;
	f.stored[0].gone = true;
	fake_connect(&f, town, true);
	serve(5);
	assert_int_equal(fake_readings(town, 0), 600 - 291);
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_int_equal(fg_ranges_first(&town->saved), f.committed_next);
}

/* What cannot be read now is no hole. */
static void test_a_store_that_cannot_be_read(void **state)
{
	(void)state;
	begin(fake_yaml);
	outage(50);
	f.page_fails = true;
	fake_connect(&f, town, true);
	serve(5);
	assert_true(town->pages < 10);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 49);
	f.page_fails = false;
	serve(3);
	assert_int_equal(fake_readings(town, 0), 50);
	assert_true(acknowledged(FAKE_FIRST_SEQ, f.committed_next));
}

static void test_dropped_by_the_store(void **state)
{
	struct fg_publisher *p;

	(void)state;
	begin(slow_town);
	p = fake_publisher(&f, 0);
	outage(400);
	fake_connect(&f, town, true);
	serve(1); /* a page is held, most of it not sent */
	for (uint64_t seq = FAKE_FIRST_SEQ; seq < FAKE_FIRST_SEQ + 300; seq++)
		f.stored[seq - FAKE_FIRST_SEQ].gone = true;
	fg_core_dropped(f.core, FAKE_FIRST_SEQ, FAKE_FIRST_SEQ + 300, 260);
	assert_int_equal(f.core->dropped_size, 260);
	serve(10); /* port_publish refuses what is gone */
	assert_int_equal(fg_publisher_backlog(p), 0);
}

/* The page outlives the connection it was asked for. */
static void test_a_page_across_connections(void **state)
{
	size_t mark;

	(void)state;
	begin(fake_yaml);
	outage(100);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	assert_non_null(town->page);
	fake_ack_all(&f, town);
	fake_lose(&f, town);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	mark = town->sent_count;
	assert_non_null(town->page);
	serve(3);
	assert_int_equal(fake_readings(town, 0), 100);
	assert_true(fake_readings(town, mark) <= 99);
	assert_true(acknowledged(FAKE_FIRST_SEQ, f.committed_next));
}

/* A broker that takes everything and acknowledges nothing is left; what it got goes out again. */
static void test_a_broker_that_never_acknowledges(void **state)
{
	unsigned disconnects;
	uint64_t seq;
	size_t mark;

	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	fake_settle(&f);
	fake_ack_all(&f, town);
	fake_turn(&f, 600 * SEC);
	fake_ack_all(&f, town);
	assert_int_equal(fake_publisher(&f, 0)->state, FG_PUB_ONLINE); /* nothing was due */
	seq = fake_reading(&f, fake_group(&f, "sonde", 0), 1);
	fake_turn(&f, 0);
	disconnects = town->disconnects;
	fake_turn(&f, 59 * SEC);
	assert_int_equal(town->disconnects, disconnects);
	fake_turn(&f, 2 * SEC);
	assert_int_equal(town->disconnects, disconnects + 1);
	assert_int_equal(fake_publisher(&f, 0)->state, FG_PUB_WAITING);
	fake_turn(&f, 5 * SEC);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	serve(1);
	assert_int_equal(fake_count(town, mark, seq), 1);
}

static void test_documents(void **state)
{
	size_t mark;

	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	assert_int_equal(town->sent_count, 2); /* nothing is known of the device yet */
	assert_string_equal(town->sent[0].topic, "town/gateways/gw/status");
	assert_non_null(strstr(town->document, "\"state\":\"online\""));
	fake_answer(&f, sonde, 1);
	fake_turn(&f, 0);
	assert_string_equal(town->sent[2].topic, "town/gateways/gw/devices/sonde");
	mark = town->sent_count;
	fg_core_seen_offline(f.core, "town");
	fg_core_seen_offline(f.core, "nobody");
	fake_turn(&f, 0);
	assert_string_equal(town->sent[mark].topic, "town/gateways/gw/status");
	/* repeated every five minutes, and on each connection */
	mark = town->sent_count;
	for (int i = 0; i < 301; i++)
		serve(1);
	assert_true(fake_count(town, mark, 0) >= 1);
	fake_lose(&f, town);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	assert_int_equal(fake_count(town, mark, 0), 3);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_committed_readings_go_out),
		TEST(test_acknowledged_is_forgotten_and_saved),
		TEST(test_lost_in_flight_comes_again_and_nothing_else_twice),
		TEST(test_stale_events_change_nothing),
		TEST(test_newest_first_and_only_it_retained),
		TEST(test_new_session_gets_the_newest_of_every_point),
		TEST(test_backlog_keeps_its_rate_and_live_goes_at_once),
		TEST(test_backlog_has_no_bursts),
		TEST(test_backlog_waits_for_acknowledgements),
		TEST(test_session_without_room),
		TEST(test_overrun_of_the_ring_falls_to_the_backlog),
		TEST(test_select),
		TEST(test_refused_publication_becomes_a_gap),
		TEST(test_refusals_wait_for_the_store_and_are_written_at_the_end),
		TEST(test_a_refusal_comes_out_as_a_stored_gap),
		TEST(test_a_refusal_that_finds_no_room_is_whole_later),
		TEST(test_refused_announcement),
		TEST(test_quota_backs_off),
		TEST(test_back_off),
		TEST(test_two_servers_alternate),
		TEST(test_an_attempt_without_an_end),
		TEST(test_holes_are_forgotten),
		TEST(test_a_store_that_cannot_be_read),
		TEST(test_dropped_by_the_store),
		TEST(test_a_page_across_connections),
		TEST(test_a_broker_that_never_acknowledges),
		TEST(test_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
