/* SPDX-License-Identifier: EUPL-1.2 */
/* Destinations with several payloads, and with packs: what goes out together, and when a reading is
 * acknowledged. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

static struct fake f;
static struct fake_broker *town;
static const struct fg_group *sonde;

#define POINTS                                                                                     \
	"devices:\n"                                                                               \
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"          \
	"    points: {ph: {table: input, address: 0, type: u16},\n"                                \
	"      water_level: {table: input, address: 1, type: u16, unit: m},\n"                     \
	"      turbidity: {table: input, address: 2, type: u16}}}\n"                               \
	"  other: {station: pier, domain: water, link: plc, unit_id: 2, interval: 60s,\n"          \
	"    points: {orp: {table: input, address: 0, type: i16, unit: mV}}}\n"
#define PACKS(payload, more)                                                                       \
	FAKE_HEAD                                                                                  \
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town,\n"                         \
	"  payload: " payload more "}}\n" FAKE_LINK POINTS

static const char both[] = PACKS("[json, senml]", ", inflight: 100");
static const char both_narrow[] = PACKS("[json, senml]", ", inflight: 1");
static const char only_packs[] = PACKS("senml", ", inflight: 100");
static const char without_json[] = PACKS("[ngsi-ld, sensorthings]", ", inflight: 100");
static const char selected[] =
	PACKS("[json, senml]", ", inflight: 100, select: {properties: [ph, orp]}");

static void begin(const char *yaml)
{
	fake_init(&f, yaml);
	town = &f.brokers[0];
	sonde = fake_group(&f, "sonde", 0);
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

static size_t sent_by(size_t from, uint8_t encoder)
{
	size_t n = 0;

	for (size_t i = from; i < town->sent_count; i++)
		n += town->sent[i].seq && town->sent[i].encoder == encoder;
	return n;
}

static const struct fake_sent *pack(size_t from, size_t number)
{
	for (size_t i = from; i < town->sent_count; i++)
		if (town->sent[i].encoder == FG_ENCODER_senml && number-- == 0)
			return &town->sent[i];
	fail_msg("no such pack");
	return NULL;
}

static size_t records(const struct fake_sent *s)
{
	size_t n = 0;

	for (const char *at = s->pack; (at = strstr(at, "\"n\":")) != NULL; at++)
		n++;
	return n;
}

static void test_a_poll_is_one_pack(void **state)
{
	size_t mark;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 5);
	serve(1);
	mark = town->sent_count;
	fake_reading(&f, sonde, 7);
	fake_reading(&f, fake_group(&f, "other", 0), 3);
	fake_settle(&f);
	assert_int_equal(sent_by(mark, FG_ENCODER_json), 4);
	assert_int_equal(sent_by(mark, FG_ENCODER_senml), 2);
	assert_string_equal(pack(mark, 0)->topic, "town/senml/water/pier/sonde");
	assert_string_equal(pack(mark, 1)->topic, "town/senml/water/pier/other");
	assert_int_equal(records(pack(mark, 0)), 3);
	assert_int_equal(records(pack(mark, 1)), 1);
	assert_true(pack(mark, 0)->retain);
	assert_non_null(strstr(pack(mark, 0)->pack,
		"{\"n\":\"water_level\",\"u\":\"m\",\"v\":7}"));
}

/* The last of its messages settles a reading, whichever it is. */
static void test_acknowledged_when_all_messages_are(void **state)
{
	struct fg_publisher *p;
	uint64_t acknowledged;
	size_t mark;

	(void)state;
	begin(both);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	serve(1);
	acknowledged = p->acknowledged;
	assert_int_equal(acknowledged, 3);
	fake_reading(&f, sonde, 2);
	fake_settle(&f);
	fake_ack(&f, town, 3, 0); /* JSON */
	assert_int_equal(fg_publisher_backlog(p), 3);
	assert_int_equal(p->acknowledged, acknowledged);
	fake_lose(&f, town);
	assert_int_equal(fg_ranges_count_below(&p->doubt, FG_SEQ_END), 3);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	fake_settle(&f);
	assert_int_equal(sent_by(mark, FG_ENCODER_json), 3);
	assert_int_equal(sent_by(mark, FG_ENCODER_senml), 1);
	serve(1);
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_int_equal(p->acknowledged, acknowledged + 3);
	assert_int_equal(p->in_flight, 0);
	assert_int_equal(p->carried_now, 0);
}

/* After an outage: the newest of all points at once, retained; the rest poll by poll, not. */
static void test_backlog_goes_poll_by_poll(void **state)
{
	size_t packs;

	(void)state;
	begin(only_packs);
	for (int i = 0; i < 40; i++) {
		fake_reading(&f, sonde, i);
		fake_reading(&f, fake_group(&f, "other", 0), i);
	}
	fake_connect(&f, town, true);
	serve(4);
	packs = sent_by(0, FG_ENCODER_senml);
	assert_int_equal(packs, 80);
	for (size_t i = 0; i < packs; i++) {
		const struct fake_sent *s = pack(0, i);

		assert_int_equal(records(s), strstr(s->topic, "sonde") ? 3 : 1);
		assert_int_equal(s->retain, i < 2);
		if (i > 2)
			assert_true(s->seq > pack(0, i - 1)->seq);
	}
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
	assert_int_equal(sent_by(0, FG_ENCODER_json), 0);
}

static uint64_t gaps_told(void)
{
	uint64_t n = 0;

	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++)
		if (f.stored[seq - FAKE_FIRST_SEQ].item.kind == FG_ITEM_GAP)
			n += f.stored[seq - FAKE_FIRST_SEQ].gap.count;
	return n;
}

/* The first payload decides: what JSON consumers have is not told to them as missing. */
static void test_refused_in_one_payload(void **state)
{
	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	serve(1);
	fake_reading(&f, sonde, 2);
	fake_settle(&f);
	fake_ack(&f, town, 3, 0);
	fake_ack(&f, town, 1, 0x87); /* the pack: not authorized */
	serve(3);
	assert_int_equal(gaps_told(), 0);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
	fake_reading(&f, sonde, 3);
	fake_settle(&f);
	fake_ack(&f, town, 1, 0x87); /* one reading as JSON */
	fake_ack(&f, town, 3, 0);
	serve(3);
	assert_int_equal(gaps_told(), 1);
}

static void test_refused_pack_tells_each_reading(void **state)
{
	(void)state;
	begin(only_packs);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	serve(1);
	fake_reading(&f, sonde, 2);
	fake_settle(&f);
	fake_ack(&f, town, 1, 0x87);
	serve(3);
	assert_int_equal(gaps_told(), 3);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
}

/* Where the first has nothing to say the next one decides. */
static void test_refused_where_the_first_is_silent(void **state)
{
	(void)state;
	begin(without_json); /* no station has a position, so NGSI-LD says nothing */
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	serve(1);
	fake_reading(&f, sonde, 2);
	fake_settle(&f);
	fake_ack(&f, town, 1, 0x87);
	fake_ack(&f, town, 2, 0);
	serve(3);
	assert_int_equal(gaps_told(), 1);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
}

/* Quota: nobody knows of its other messages, so all come again, and nothing is told as missing. */
static void test_refused_for_now(void **state)
{
	struct fg_publisher *p;

	(void)state;
	begin(both);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	serve(1);
	fake_reading(&f, sonde, 2);
	fake_settle(&f);
	fake_ack(&f, town, 1, 0x97);
	assert_int_equal(p->state, FG_PUB_WAITING);
	assert_int_equal(fg_publisher_backlog(p), 3);
	town->online = false;
	fake_connect(&f, town, true);
	serve(3);
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_int_equal(gaps_told(), 0);
}

/* A parcel has more messages than may be in flight with such a setting, and goes out all the same.
 */
static void test_narrow(void **state)
{
	struct fg_publisher *p;

	(void)state;
	begin(both_narrow);
	p = fake_publisher(&f, 0);
	for (int i = 0; i < 30; i++)
		fake_reading(&f, sonde, i);
	fake_connect(&f, town, true);
	serve(20);
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_int_equal(sent_by(0, FG_ENCODER_json), 90);
	assert_int_equal(sent_by(0, FG_ENCODER_senml), 30);
}

static void test_session_without_room(void **state)
{
	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	town->no_room = true;
	fake_reading(&f, sonde, 1);
	fake_settle(&f);
	assert_int_equal(town->sent_count, 0);
	town->no_room = false;
	serve(2);
	assert_int_equal(sent_by(0, FG_ENCODER_json), 3);
	assert_int_equal(sent_by(0, FG_ENCODER_senml), 1);
}

/* What one payload has nothing to say of is no matter of its messages. */
static void test_nothing_to_say(void **state)
{
	struct fg_publisher *p;

	(void)state;
	begin(only_packs);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	serve(1);
	fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
	fake_commit(&f);
	serve(2);
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_int_equal(sent_by(0, FG_ENCODER_senml), 1);
	assert_int_equal(p->in_flight, 0);
}

static void test_another_payload_at_reload(void **state)
{
	struct fg_publisher *p;
	size_t mark;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	serve(1);
	fake_reading(&f, sonde, 2);
	fake_settle(&f); /* in flight */
	fake_reload(&f, only_packs);
	sonde = fake_group(&f, "sonde", 0);
	p = fake_publisher(&f, 0);
	assert_int_equal(p->payload_count, 1);
	assert_int_equal(fg_publisher_backlog(p), 3);
	town->online = false;
	mark = town->sent_count;
	fake_connect(&f, town, true);
	serve(2);
	assert_int_equal(sent_by(mark, FG_ENCODER_senml), 1);
	for (size_t i = mark; i < town->sent_count; i++) /* but to clear what was retained */
		assert_true(town->sent[i].encoder != FG_ENCODER_json || town->sent[i].retain);
	assert_int_equal(fg_publisher_backlog(p), 0);
}

/* Many in flight, acknowledged from the end: places are found again. */
static void test_acknowledged_out_of_order(void **state)
{
	struct fg_publisher *p;
	size_t from;

	(void)state;
	begin(both);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	serve(1);
	for (int round = 0; round < 60; round++) {
		from = town->sent_count;
		for (int i = 0; i < 10; i++)
			fake_reading(&f, sonde, i);
		fake_settle(&f);
		assert_true(town->sent_count - from >= 40);
		for (size_t i = town->sent_count; i-- > from;)
			fg_publisher_acked(p, f.now, town->epoch, town->sent[i].token, 0);
		town->acked = town->sent_count;
	}
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_int_equal(p->carried_now, 0);
}

static void test_bytes_are_counted(void **state)
{
	char mem[4096];
	struct fg_buf out;
	struct fg_json j;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	serve(1);
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_json_init(&j, &out);
	fg_publisher_status(fake_publisher(&f, 0), &j, f.now);
	assert_non_null(strstr(mem, "{\"name\":\"json\",\"messages\":3,\"readings\":3,\"bytes\":"));
	assert_non_null(
		strstr(mem, "{\"name\":\"senml\",\"messages\":1,\"readings\":3,\"bytes\":"));
	assert_non_null(strstr(mem, "\"bytes_per_reading\":"));
}

/* Of accounts that name the point. */
static size_t accounts_of(size_t from, const char *point)
{
	size_t n = 0;

	for (size_t i = from; i < town->sent_count; i++)
		n += strstr(town->sent[i].topic, "/account") && strstr(town->sent[i].pack, point);
	return n;
}

/* Accounts of several devices that end together, of which a part is selected. */
static void test_selected_accounts_stay_apart(void **state)
{
	const struct fg_group *other;
	size_t mark = 0;

	(void)state;
	begin(selected);
	other = fake_group(&f, "other", 0);
	fake_connect(&f, town, true);
	for (int way = 0; way < 2; way++) { /* live, then from the store */
		for (int minute = 0; minute < 60; minute++) {
			fake_turn(&f, 59 * SEC);
			fake_answer(&f, sonde, minute);
			fake_reading(&f, other, minute);
			serve(1);
		}
		fake_turn(&f, SEC);
		fake_commit(&f);
		if (way == 1) {
			mark = town->sent_count;
			town->connecting = false; /* an attempt that was given up long ago */
			fake_connect(&f, town, true);
		}
		serve(60);
		assert_int_equal(accounts_of(mark, "\"ph\""), 1);
		assert_int_equal(accounts_of(mark, "\"orp\""), 1);
		assert_int_equal(accounts_of(mark, "\"turbidity\""), 0);
		fake_lose(&f, town);
	}
}

/* A device with as many points as it may have is born before its data. */
static void test_birth_of_many(void **state)
{
	const size_t size = 300000;
	char *yaml = malloc(size);
	const struct fake_sent *data = NULL, *birth = NULL;
	size_t n;

	(void)state;
	assert_non_null(yaml);
	n = (size_t)snprintf(yaml, size, "%s",
		FAKE_HEAD "mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town,\n"
		"  payload: sparkplug, sparkplug: {group: town}}}\n" FAKE_LINK
		"devices:\n"
		"  other: {station: pier, domain: water, link: plc, unit_id: 2, interval: 60s,\n"
		"    points: {orp: {table: input, address: 0, type: i16, unit: mV}}}\n"
		"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {ph: {table: input, address: 0, type: u16, interval: 10s}");
	for (int i = 1; i < 2000; i++)
		n += (size_t)snprintf(yaml + n, size - n,
			",\n     x_the_temperature_of_the_heat_exchanger_%d: {table: input, "
			"address: %d, type: u16, unit: Cel}", i, i);
	snprintf(yaml + n, size - n, "}}\n");
	begin(yaml);
	free(yaml);
	fake_connect(&f, town, true);
	fake_settle(&f);
	fake_reading(&f, sonde, 7);
	serve(2);
	for (size_t i = 0; i < town->sent_count; i++) {
		const struct fake_sent *s = &town->sent[i];

		if (!birth && strcmp(s->topic, "spBv1.0/town/DBIRTH/gw/sonde") == 0)
			birth = s;
		if (!data && strcmp(s->topic, "spBv1.0/town/DDATA/gw/sonde") == 0)
			data = s;
	}
	assert_non_null(data);
	assert_non_null(birth);
	assert_true(birth < data);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_poll_is_one_pack),
		TEST(test_acknowledged_when_all_messages_are),
		TEST(test_backlog_goes_poll_by_poll),
		TEST(test_refused_in_one_payload),
		TEST(test_refused_pack_tells_each_reading),
		TEST(test_refused_where_the_first_is_silent),
		TEST(test_refused_for_now),
		TEST(test_narrow),
		TEST(test_session_without_room),
		TEST(test_nothing_to_say),
		TEST(test_another_payload_at_reload),
		TEST(test_acknowledged_out_of_order),
		TEST(test_bytes_are_counted),
		TEST(test_selected_accounts_stay_apart),
		TEST(test_birth_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
