/* SPDX-License-Identifier: EUPL-1.2 */
/* What is retained at a destination is noted before it is published, and cleared once it has left
 * the configuration, over restarts, lost connections and a store that does not take the notes. */
#include "fake.h"

#include "gateway/topic_set.h"

#define TOWN                                                                                       \
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, catalogue: true}}\n"
#define COUNTY                                                                                     \
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: county, catalogue: true}}\n"
#define PIER_ONLY                                                                                  \
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, catalogue: true,\n"        \
	"  select: {stations: [pier]}}}\n"
#define SONDE                                                                                      \
	"devices:\n"                                                                               \
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"          \
	"    points: {ph: {table: input, address: 0}}}\n"
#define NODE                                                                                       \
	"  node: {station: park, domain: air, link: plc, unit_id: 2, interval: 60s,\n"             \
	"    points: {pm25: {table: input, address: 0}}, hourly: {pm25: true}}\n"

static const char both[] = FAKE_HEAD TOWN FAKE_LINK SONDE NODE;
static const char selected[] = FAKE_HEAD PIER_ONLY FAKE_LINK SONDE NODE;
static const char one[] = FAKE_HEAD TOWN FAKE_LINK SONDE;
static struct fake f;
static struct fake_broker *const town = &f.brokers[0];

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void begin(const char *yaml)
{
	fake_init(&f, yaml);
	f.remember = true;
}

/* Everything is acknowledged and committed. */
static void turn(int seconds)
{
	for (int i = 0; i < seconds; i++) {
		fake_turn(&f, SEC);
		fake_commit(&f);
		fake_turn(&f, 0);
		fake_ack_all(&f, town);
	}
}

static size_t cleared(const char *topic, size_t from)
{
	size_t n = 0;

	for (; from < town->sent_count; from++)
		n += town->sent[from].empty && strcmp(town->sent[from].topic, topic) == 0;
	return n;
}

static size_t cleared_in_all(size_t from)
{
	size_t n = 0;

	for (; from < town->sent_count; from++)
		n += town->sent[from].empty;
	return n;
}

/* As the daemon does: with another configuration, after a kill. */
static void restart(const char *yaml)
{
	fg_config_unref(f.config);
	f.config = fake_load(&f, yaml);
	fake_restart(&f);
	f.remember = true;
}

static void test_noted_first(void **state)
{
	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	fake_turn(&f, SEC);
	assert_int_equal(town->sent_count, 0);
	fake_commit(&f);
	fake_turn(&f, 0);
	assert_true(town->sent_count > 5);
	/* no note is written where nothing has changed */
	fake_ack_all(&f, town);
	f.notes_set = 0;
	fake_reload(&f, both);
	turn(2);
	assert_int_equal(f.notes_set, 0);
}

static void test_store_takes_nothing(void **state)
{
	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	for (int i = 0; i < 9; i++)
		fake_turn(&f, SEC);
	assert_int_equal(town->sent_count, 0);
	fake_turn(&f, 2 * SEC);
	assert_true(town->sent_count > 0);
}

static void test_disk_full(void **state)
{
	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	fg_core_store_state(f.core, f.now, false, "no space");
	fake_turn(&f, SEC);
	assert_true(town->sent_count > 0);
}

#define GONE 6 /* obs, hourly, class, station, thing, device */

static void gone(size_t mark)
{
	assert_int_equal(cleared("town/obs/air/park/pm25", mark), 1);
	assert_int_equal(cleared("town/hourly/air/park/pm25", mark), 1);
	assert_int_equal(cleared("town/hourly/air/park/air_quality_no_hourly", mark), 1);
	assert_int_equal(cleared("town/stations/park/gw", mark), 1);
	assert_int_equal(cleared("town/things/park/gw", mark), 1);
	assert_int_equal(cleared("town/gateways/gw/devices/node", mark), 1);
	assert_int_equal(cleared_in_all(mark), GONE);
}

static void test_reload_clears(void **state)
{
	uint64_t seq;
	size_t mark;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	turn(1);
	seq = fake_reading(&f, fake_group(&f, "node", 0), 12);
	turn(1);
	assert_int_equal(cleared_in_all(0), 0);
	mark = town->sent_count;
	fake_reload(&f, one);
	turn(2);
	gone(mark);
	/* its newest reading is not retained again on a connection that has nothing of us */
	fake_lose(&f, town);
	turn(3);
	mark = town->sent_count;
	fake_connect(&f, town, false);
	turn(2);
	for (size_t i = mark; i < town->sent_count; i++)
		assert_true(town->sent[i].seq != seq || !town->sent[i].retain);
	assert_int_equal(cleared_in_all(mark), 0);
	/* when it comes back it is published again */
	fake_reload(&f, both);
	turn(2);
	assert_int_equal(cleared_in_all(mark), 0);
}

/* Also of the station's class, which no point has. */
static void test_series_in_force(void **state)
{
	(void)state;
	begin(both);
	for (size_t i = 0; i < f.core->series->count; i++)
		assert_true(f.core->series->items[i]->current);
	fake_reload(&f, one);
	for (size_t i = 0; i < f.core->series->count; i++)
		assert_int_equal(f.core->series->items[i]->current,
			strcmp(f.core->series->items[i]->desc.station, "pier") == 0);
}

/* What is not selected any more has left, too; the gateway has the device still. */
static void test_not_selected(void **state)
{
	size_t mark;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	turn(2);
	mark = town->sent_count;
	fake_reload(&f, selected);
	fake_connect(&f, town, true);
	turn(2);
	assert_int_equal(cleared("town/obs/air/park/pm25", mark), 1);
	assert_int_equal(cleared("town/hourly/air/park/pm25", mark), 1);
	assert_int_equal(cleared("town/stations/park/gw", mark), 1);
	assert_int_equal(cleared("town/gateways/gw/devices/node", mark), 0);
	assert_int_equal(cleared_in_all(mark), GONE - 1);
}

static void test_left_while_off(void **state)
{
	size_t mark;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	turn(2);
	restart(one);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	turn(2);
	gone(mark);
	restart(one);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	turn(2);
	assert_int_equal(cleared_in_all(mark), 0);
}

/* What was not acknowledged is cleared again on the next connection, and after a kill. */
static void test_connection_lost(void **state)
{
	size_t mark;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	turn(2);
	fake_reload(&f, one);
	mark = town->sent_count;
	for (int i = 0; i < 3; i++) {
		fake_turn(&f, SEC);
		fake_commit(&f);
	}
	gone(mark);
	fake_lose(&f, town);
	turn(3);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	for (int i = 0; i < 3; i++)
		fake_turn(&f, SEC);
	gone(mark);
	restart(one);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	turn(3);
	gone(mark);
}

static size_t told(const char *topic, size_t from)
{
	size_t n = 0;

	for (; from < town->sent_count; from++)
		n += !town->sent[from].empty && strcmp(town->sent[from].topic, topic) == 0;
	return n;
}

/* What was cleared is there again once it is configured again, on the same connection too. */
static void test_comes_back(void **state)
{
	size_t mark;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	turn(2);
	assert_int_equal(told("town/stations/park/gw", 0), 1);
	mark = town->sent_count;
	fake_reload(&f, one);
	turn(2);
	gone(mark);
	mark = town->sent_count;
	fake_reload(&f, both);
	turn(2);
	assert_int_equal(told("town/stations/park/gw", mark), 1);
	assert_int_equal(told("town/things/park/gw", mark), 1);
	assert_int_equal(told("town/stations/pier/gw", mark), 0); /* it did not leave */
}

/* A broker that does not let us write there is asked once. */
static void test_refused(void **state)
{
	size_t mark;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	turn(2);
	fake_reload(&f, one);
	mark = town->sent_count;
	for (int i = 0; i < 2; i++) {
		fake_turn(&f, SEC);
		fake_commit(&f);
	}
	fake_ack(&f, town, town->sent_count - town->acked, 0x87);
	turn(2);
	gone(mark);
	restart(one);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	turn(2);
	assert_int_equal(cleared_in_all(mark), 0);
}

static void test_prefix(void **state)
{
	static const char county[] = FAKE_HEAD COUNTY FAKE_LINK SONDE NODE;
	size_t mark;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	turn(2);
	fake_reload(&f, county);
	mark = town->sent_count;
	turn(2);
	fake_connect(&f, town, true);
	turn(2);
	assert_int_equal(cleared("town/obs/air/park/pm25", mark), 1);
	assert_int_equal(cleared("town/gateways/gw/status", mark), 1);
	/* others publish the same under these */
	assert_int_equal(cleared("town/schema/reading", mark), 0);
	assert_int_equal(cleared("town/classes", mark), 0);
}

static void test_withdraw(void **state)
{
	static const char bye[] = FAKE_HEAD
		"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, catalogue: true,\n"
		"  withdraw: true}}\n" FAKE_LINK SONDE NODE;
	size_t mark, all;

	(void)state;
	begin(both);
	fake_connect(&f, town, true);
	turn(2);
	all = fake_publisher(&f, 0)->retained_topics;
	fake_reload(&f, bye);
	mark = town->sent_count;
	turn(2);
	fake_connect(&f, town, true);
	turn(2);
	assert_int_equal(cleared_in_all(mark), all);
	assert_int_equal(cleared("town/gateways/gw/status", mark), 1);
	fake_reading(&f, fake_group(&f, "node", 0), 12);
	turn(400);
	assert_int_equal(town->sent_count - mark, all); /* and nothing else */
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
}

/* ---- sets of topics ---- */

static void test_sets(void **state)
{
	struct fg_topic_list list = {0};
	struct fg_topic_set a, b, ret;
	struct fg_topic_cursor c;
	char topic[40], before[FG_TOPIC_MAX] = "";
	size_t n = 0;

	(void)state;
	fg_topic_set_init(&a, 1 << 16);
	fg_topic_set_init(&b, 1 << 16);
	fg_topic_set_init(&ret, 1 << 16);
	for (int i = 99; i >= 0; i--) {
		snprintf(topic, sizeof(topic), "town/obs/water/pier/p%d", i);
		fg_topic_list_add(&list, topic);
		fg_topic_list_add(&list, topic);
	}
	fg_topic_list_sort(&list, &a);
	assert_int_equal(a.count, 100);
	assert_true(a.bytes.len < 500);
	fg_topic_set_append(&b, "town/obs/water/pier/p5");
	fg_topic_set_append(&b, "town/obs/water/pier/p5");
	fg_topic_set_append(&b, "town/a");
	fg_topic_set_append(&b, "town/status");
	assert_int_equal(b.count, 2);
	fg_topic_set_minus(&a, &b, &ret);
	assert_int_equal(ret.count, 99);
	fg_topic_set_first(&c, &ret);
	while (fg_topic_next(&c)) {
		assert_true(strcmp(before, c.text) < 0);
		assert_string_not_equal(c.text, "town/obs/water/pier/p5");
		memcpy(before, c.text, c.len + 1);
		n++;
	}
	assert_int_equal(n, 99);
	assert_false(c.in.bad);
	fg_topic_set_fini(&ret);
	fg_topic_set_init(&ret, 1 << 16);
	fg_topic_set_union(&a, &b, &ret);
	assert_int_equal(ret.count, 101);
	fg_topic_set_fini(&a);
	fg_topic_set_fini(&b);
	fg_topic_set_fini(&ret);
}

/* Too long, or no memory: what is there is whole, and nothing is cleared for what is lacking. */
static void test_set_that_lacks_some(void **state)
{
	struct fg_topic_set known, planned, gone;
	struct fg_topic_list list = {.failed = true};
	struct fg_topic_cursor c;
	char topic[FG_TOPIC_MAX];
	size_t n = 0;

	(void)state;
	fg_topic_set_init(&known, 1 << 16);
	fg_topic_set_init(&planned, 64);
	fg_topic_set_init(&gone, 1 << 16);
	for (int i = 10; i < 50; i++) { /* a long one does not fit, short ones behind it would */
		snprintf(topic, sizeof(topic), "town/p%d%.*s", i, i == 12 ? 60 : 0,
			"------------------------------------------------------------");
		fg_topic_set_append(&known, topic);
		fg_topic_set_append(&planned, topic);
	}
	assert_int_equal(known.count, 40);
	assert_true(planned.bytes.overflow);
	assert_int_equal(planned.count, 2);
	fg_topic_set_first(&c, &planned);
	while (fg_topic_next(&c))
		n++;
	assert_int_equal(n, 2);
	assert_false(c.in.bad);
	fg_topic_set_minus(&known, &planned, &gone);
	assert_int_equal(gone.count, 0);

	fg_topic_set_fini(&planned);
	fg_topic_set_init(&planned, 1 << 16);
	fg_topic_list_add(&list, "town/p10");
	fg_topic_list_sort(&list, &planned);
	fg_topic_set_minus(&known, &planned, &gone);
	assert_int_equal(gone.count, 0);
	fg_topic_set_fini(&known);
	fg_topic_set_fini(&planned);
	fg_topic_set_fini(&gone);
}

/* Bytes that the disk has changed are gone through to where they make no sense. */
static void test_damaged_set(void **state)
{
	struct fg_topic_set a;
	struct fg_topic_cursor c;
	unsigned char bytes[256];

	(void)state;
	fg_topic_set_init(&a, 1 << 16);
	fg_topic_set_append(&a, "town/obs/air/park/no2");
	fg_topic_set_append(&a, "town/obs/air/park/pm25");
	fg_topic_set_append(&a, "town/status");
	for (size_t at = 0; at < a.bytes.len; at++) {
		for (int value = 0; value < 256; value++) {
			size_t n = 0;

			memcpy(bytes, a.bytes.data, a.bytes.len);
			bytes[at] = (unsigned char)value;
			fg_topic_first(&c, bytes, a.bytes.len - (value == 1));
			while (fg_topic_next(&c)) {
				assert_null(strpbrk(c.text, "+#"));
				assert_int_equal(strlen(c.text), c.len);
				n++;
			}
			assert_true(n <= 3);
		}
	}
	fg_topic_set_fini(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_noted_first),
		TEST(test_store_takes_nothing),
		TEST(test_disk_full),
		TEST(test_reload_clears),
		TEST(test_series_in_force),
		TEST(test_not_selected),
		TEST(test_left_while_off),
		TEST(test_connection_lost),
		TEST(test_comes_back),
		TEST(test_refused),
		TEST(test_prefix),
		TEST(test_withdraw),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_set_that_lacks_some),
		cmocka_unit_test(test_damaged_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
