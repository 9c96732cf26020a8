/* SPDX-License-Identifier: EUPL-1.2 */
/* What a broker does not take, whatever is tried: a message on which it ends the connection, a
 * document that is too long. */
#include "fake.h"

#include "base/rng.h"

static struct fake f;
static struct fake_broker *town;
static struct fg_publisher *p;
static const struct fg_group *sonde, *other;

static const char two_devices[] = FAKE_HEAD
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, inflight: 100,\n"
	"  backlog_rate: 100/s, catalogue: true}}\n" FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n"
	"  other: {station: pier, domain: water, link: plc, unit_id: 2, interval: 60s,\n"
	"    points: {orp: {table: input, address: 0, type: u16, unit: mV}}}\n";

#define POISON "town/obs/water/pier/ph"

static void begin(void)
{
	fake_init(&f, two_devices);
	town = &f.brokers[0];
	p = fake_publisher(&f, 0);
	sonde = fake_group(&f, "sonde", 0);
	other = fake_group(&f, "other", 0);
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

/* A broker that acknowledges in order, and ends the connection when a message comes on that topic.
 * Its acknowledgements may be lost with it. Returns how often it did. */
static unsigned serve(const char *poison, bool forgets, int64_t seconds)
{
	unsigned closings = 0;

	for (int64_t i = 0; i < seconds * 20; i++) {
		if (!town->online)
			fake_connect(&f, town, true);
		fake_turn(&f, SEC / 20);
		while (fake_page(&f, town))
			fake_turn(&f, 0);
		for (size_t at = town->acked; at < town->sent_count && town->online; at++)
			if (poison && strcmp(town->sent[at].topic, poison) == 0) {
				if (!forgets)
					fake_ack(&f, town, at - town->acked, 0);
				fake_lose(&f, town);
				closings++;
			}
		if (town->online)
			fake_ack_all(&f, town);
	}
	return closings;
}

/* The gap that tells of readings given up; NULL: none was stored. */
static const struct fake_reading *gap(void)
{
	for (size_t i = 0; i < f.appended_next - FAKE_FIRST_SEQ; i++)
		if (f.stored[i].item.kind == FG_ITEM_GAP &&
			f.stored[i].item.reason == FG_REASON_REJECTED)
			return &f.stored[i];
	return NULL;
}

/* Readings that gaps tell of as given up. */
static uint64_t told(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < f.appended_next - FAKE_FIRST_SEQ; i++)
		if (f.stored[i].item.kind == FG_ITEM_GAP &&
			f.stored[i].item.reason == FG_REASON_REJECTED)
			n += f.stored[i].gap.count;
	return n;
}

static bool is_owed(uint64_t seq)
{
	return fg_ranges_has(&p->unacked, seq);
}

static void check_one_is_told(uint64_t bad, uint64_t before, uint64_t behind)
{
	assert_false(is_owed(bad));
	assert_false(is_owed(before));
	assert_false(is_owed(behind));
	assert_int_equal(p->suspect.given_up, 1);
	assert_non_null(gap());
	assert_int_equal(gap()->item.reason, FG_REASON_REJECTED);
	assert_int_equal(gap()->item.detail, 0x80);
	assert_int_equal(told(), 1);
}

static void one_of_several(bool forgets)
{
	uint64_t before, bad, behind;
	unsigned closings;

	begin();
	before = fake_reading(&f, other, 1);
	bad = fake_reading(&f, sonde, 2);
	behind = fake_reading(&f, other, 3);
	closings = serve(POISON, forgets, 40);
	assert_in_range(closings, 13, 14);
	serve(NULL, false, 70);
	fake_commit(&f);
	serve(NULL, false, 2);
	check_one_is_told(bad, before, behind);
	assert_false(p->suspect.alone);
}

static void test_one_message_of_several(void **state)
{
	(void)state;
	one_of_several(false);
}

/* What is first on its way is another one then. */
static void test_acknowledgements_are_lost_with_the_connection(void **state)
{
	(void)state;
	one_of_several(true);
}

/* Every reading of the point breaks it: after some nothing of it is sent any more, for an hour. */
static void test_a_point_that_is_never_taken(void **state)
{
	uint64_t seq = 0;
	size_t mark;

	(void)state;
	begin();
	for (int i = 0; i < 5; i++) {
		fake_reading(&f, sonde, i);
		seq = fake_reading(&f, other, i);
		serve(POISON, false, 60);
	}
	assert_false(is_owed(seq));
	mark = town->sent_count;
	assert_int_equal(p->suspect.given_up, 3);
	fake_reading(&f, sonde, 9);
	assert_int_equal(serve(POISON, false, 60), 0);
	for (size_t i = mark; i < town->sent_count; i++)
		assert_string_not_equal(town->sent[i].topic, POISON);
	fake_turn(&f, 3600 * SEC);
	fake_lose(&f, town);
	seq = fake_reading(&f, sonde, 10);
	serve(NULL, false, 60);
	assert_false(is_owed(seq));
	assert_int_equal(fake_count(town, mark, seq), 1);
	assert_int_equal(p->suspect.bad_count, 0);
}

/* A link that ends, whatever is on its way, costs nothing. */
static void test_a_link_that_breaks_costs_nothing(void **state)
{
	uint64_t seq;

	(void)state;
	begin();
	for (int i = 0; i < 30; i++) {
		seq = fake_reading(&f, i % 2 ? sonde : other, i);
		fake_connect(&f, town, true);
		fake_settle(&f);
		/* the status is taken, and what is next is not */
		fake_ack(&f, town, 1, 0);
		fake_settle(&f);
		if (i % 3 == 0 && town->acked < town->sent_count)
			fake_ack(&f, town, 1, 0);
		fake_turn(&f, 11 * SEC); /* it hangs before it is lost */
		fake_lose(&f, town);
	}
	assert_int_equal(p->suspect.given_up, 0);
	serve(NULL, false, 60);
	assert_false(is_owed(seq));
	assert_null(gap());
}

/* One that breaks on every second message, whichever: thousands of times. */
static void test_a_link_that_breaks_at_once(void **state)
{
	struct fg_rng rng = {.state = 7};
	uint64_t seq = 0;

	(void)state;
	begin();
	for (int i = 0; i < 3000; i++) {
		if (i % 4 == 0)
			seq = fake_reading(&f, i % 8 ? sonde : other, i);
		if (!town->online)
			fake_connect(&f, town, true);
		fake_settle(&f);
		while (town->acked < town->sent_count && fg_rng_below(&rng, 2)) {
			fake_ack(&f, town, 1, 0);
			fake_settle(&f);
		}
		fake_turn(&f, SEC / 10);
		if (town->acked < town->sent_count)
			fake_lose(&f, town);
	}
	assert_int_equal(p->suspect.given_up, 0);
	serve(NULL, false, 60);
	assert_false(is_owed(seq));
	assert_null(gap());
}

/* A broker that lets documents pass and no reading, as one does that ends the connection where
 * publishing is not allowed: that is not a fault of each of them. */
static void test_a_broker_that_takes_no_reading(void **state)
{
	uint64_t first, last;

	(void)state;
	begin();
	first = fake_reading(&f, sonde, 1);
	last = fake_reading(&f, other, 2);
	for (int i = 0; i < 200; i++) {
		fake_connect(&f, town, true);
		fake_settle(&f);
		while (town->acked < town->sent_count &&
			!strstr(town->sent[town->acked].topic, "/obs/")) {
			fake_ack(&f, town, 1, 0);
			fake_settle(&f);
		}
		fake_lose(&f, town);
	}
	assert_int_equal(p->suspect.given_up, 1);
	assert_int_equal(is_owed(first) + is_owed(last), 1);
}

/* A broker that takes nothing at all has no message that is at fault. */
static void test_a_broker_that_takes_nothing(void **state)
{
	uint64_t seq;

	(void)state;
	begin();
	seq = fake_reading(&f, sonde, 1);
	for (int i = 0; i < 30; i++) {
		fake_connect(&f, town, true);
		fake_settle(&f);
		fake_lose(&f, town);
	}
	assert_int_equal(p->suspect.given_up, 0);
	serve(NULL, false, 40);
	assert_false(is_owed(seq));
}

static const char *status(void)
{
	static char text[16384];
	struct fg_buf out;
	struct fg_json j;

	fg_buf_wrap(&out, text, sizeof(text));
	fg_json_init(&j, &out);
	fg_publisher_status(p, &j, f.now);
	assert_false(out.overflow);
	return text;
}

static void test_a_document_that_breaks_it(void **state)
{
	const char *const topic = "town/gateways/gw/asyncapi";
	uint64_t seq;

	(void)state;
	begin();
	seq = fake_reading(&f, sonde, 1);
	assert_in_range(serve(topic, false, 60), 13, 14);
	assert_false(is_owed(seq));
	assert_null(gap());
	assert_non_null(strstr(status(), "{\"topic\":\"town/gateways/gw/asyncapi\","
					 "\"why\":\"ends_connection\"}"));
	assert_int_equal(serve(topic, false, 60), 0);
	/* another configuration may have another one */
	fake_reload(&f, two_devices);
	p = fake_publisher(&f, 0);
	serve(NULL, false, 5);
	assert_null(strstr(status(), "documents_not_sent"));
}

static void test_documents_too_long_for_the_broker(void **state)
{
	size_t mark;

	(void)state;
	begin();
	p->limits.packet = 1200;
	serve(NULL, false, 5);
	for (size_t i = 0; i < town->sent_count; i++)
		assert_string_not_equal(town->sent[i].topic, "town/gateways/gw/asyncapi");
	assert_non_null(strstr(status(), "{\"topic\":\"town/gateways/gw/asyncapi\","
					 "\"why\":\"too_long_for_broker\"}"));
	/* another broker of the cluster takes more */
	mark = town->sent_count;
	fake_lose(&f, town);
	p->limits.packet = 0;
	serve(NULL, false, 5);
	assert_true(town->sent_count > mark);
	assert_null(strstr(status(), "documents_not_sent"));
}

static void test_a_document_that_is_refused(void **state)
{
	(void)state;
	begin();
	fake_connect(&f, town, true);
	fake_settle(&f);
	while (town->acked < town->sent_count) {
		bool deny = strcmp(town->sent[town->acked].topic, "town/classes") == 0;

		fake_ack(&f, town, 1, deny ? 0x87 : 0);
		fake_settle(&f);
	}
	assert_non_null(strstr(status(),
		"{\"topic\":\"town/classes\",\"why\":\"refused\",\"code\":135}"));
}

static const char sparks[] = FAKE_HEAD
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, inflight: 100,\n"
	"  payload: sparkplug, sparkplug: {group: town}}}\n" FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
	"    title: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaa,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n"
	"  other: {station: pier, domain: water, link: plc, unit_id: 2, interval: 60s,\n"
	"    points: {orp: {table: input, address: 0, type: u16, unit: mV}}}\n";

static size_t sent_on(const char *topic)
{
	size_t n = 0;

	for (size_t i = 0; i < town->sent_count; i++)
		n += strcmp(town->sent[i].topic, topic) == 0;
	return n;
}

/* Nothing is said of a device whose birth the broker does not take; its readings are told as gaps.
 */
static void test_a_birth_that_is_too_long(void **state)
{
	uint64_t seq;

	(void)state;
	fake_init(&f, sparks);
	town = &f.brokers[0];
	p = fake_publisher(&f, 0);
	sonde = fake_group(&f, "sonde", 0);
	other = fake_group(&f, "other", 0);
	p->limits.packet = 1250;
	seq = fake_reading(&f, sonde, 1);
	fake_reading(&f, other, 1);
	serve(NULL, false, 5);
	fake_reading(&f, sonde, 2);
	fake_reading(&f, other, 2);
	serve(NULL, false, 65);
	fake_commit(&f);
	serve(NULL, false, 5);
	assert_int_equal(sent_on("spBv1.0/town/DBIRTH/gw/other"), 1);
	assert_true(sent_on("spBv1.0/town/DDATA/gw/other") >= 1);
	assert_int_equal(sent_on("spBv1.0/town/DBIRTH/gw/sonde"), 0);
	assert_int_equal(sent_on("spBv1.0/town/DDATA/gw/sonde"), 0);
	assert_int_equal(sent_on("spBv1.0/town/DDEATH/gw/sonde"), 0);
	assert_false(is_owed(seq));
	assert_non_null(gap());
	assert_int_equal(gap()->item.detail, 0x95);
	assert_int_equal(told(), 2);
	assert_true(sent_on("spBv1.0/town/NDATA/gw") >= 1); /* which tells it */
	assert_non_null(strstr(status(), "\"not_born\":[\"sonde\"]"));
	assert_non_null(strstr(status(), "DBIRTH/gw/sonde\",\"why\":\"too_long_for_broker\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_one_message_of_several, end),
		cmocka_unit_test_teardown(
			test_acknowledgements_are_lost_with_the_connection, end),
		cmocka_unit_test_teardown(test_a_point_that_is_never_taken, end),
		cmocka_unit_test_teardown(test_a_link_that_breaks_costs_nothing, end),
		cmocka_unit_test_teardown(test_a_link_that_breaks_at_once, end),
		cmocka_unit_test_teardown(test_a_broker_that_takes_no_reading, end),
		cmocka_unit_test_teardown(test_a_broker_that_takes_nothing, end),
		cmocka_unit_test_teardown(test_a_document_that_breaks_it, end),
		cmocka_unit_test_teardown(test_documents_too_long_for_the_broker, end),
		cmocka_unit_test_teardown(test_a_document_that_is_refused, end),
		cmocka_unit_test_teardown(test_a_birth_that_is_too_long, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
