/* SPDX-License-Identifier: EUPL-1.2 */
/* A new configuration under a running core: what is the same goes on as it was. */
#include "fake.h"

#include <stdio.h>

static struct fake f;
static struct fake_broker *town;

static const char before[] = FAKE_HEAD
	"mqtt:\n"
	"  town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town}\n"
	"  lab: {servers: [\"mqtt://127.0.0.1:2\"], prefix: lab}\n" FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s,\n"
	"    points: {ph: {table: input, address: 0, type: u16},\n"
	"             water_level: {table: input, address: 1, type: u16, interval: 1h}}}\n"
	"  probe: {station: pier, domain: bathing, link: plc, unit_id: 2, interval: 10s,\n"
	"    points: {water_temperature: {table: input, address: 0, type: u16, unit: Cel}}}\n";

/* sonde is the same, but no longer the first; probe has other keys; lab is gone. */
static const char after[] = FAKE_HEAD
	"mqtt:\n"
	"  town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town}\n" FAKE_LINK
	"devices:\n"
	"  anemometer: {station: park, domain: weather, link: plc, unit_id: 7, interval: 10s,\n"
	"    points: {wind_speed: {table: input, address: 0, type: u16, unit: m/s}}}\n"
	"  probe: {station: pier, domain: bathing, link: plc, unit_id: 3, interval: 10s,\n"
	"    points: {water_temperature: {table: input, address: 0, type: u16, unit: Cel}}}\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s,\n"
	"    points: {ph: {table: input, address: 0, type: u16},\n"
	"             water_level: {table: input, address: 1, type: u16, interval: 1h}}}\n";

/* As `before`, but town is another broker. */
static const char moved[] = FAKE_HEAD
	"mqtt:\n"
	"  town: {servers: [\"mqtt://127.0.0.1:9\"], prefix: town}\n"
	"  lab: {servers: [\"mqtt://127.0.0.1:2\"], prefix: lab}\n" FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s,\n"
	"    points: {ph: {table: input, address: 0, type: u16},\n"
	"             water_level: {table: input, address: 1, type: u16, interval: 1h}}}\n"
	"  probe: {station: pier, domain: bathing, link: plc, unit_id: 2, interval: 10s,\n"
	"    points: {water_temperature: {table: input, address: 0, type: u16, unit: Cel}}}\n";

/* As `before`, but the link goes elsewhere: all its devices are others. */
static const char other_link[] = FAKE_HEAD FAKE_TOWN
	"links: {plc: {driver: modbus-tcp, host: 127.0.0.2}}\n"
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s,\n"
	"    points: {ph: {table: input, address: 0, type: u16},\n"
	"             water_level: {table: input, address: 1, type: u16, interval: 1h}}}\n";

static int begin(void **state)
{
	(void)state;
	fake_init(&f, before);
	town = strcmp(f.brokers[0].name, "town") == 0 ? &f.brokers[0] : &f.brokers[1];
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static struct fg_group_run *run_of(const char *device, size_t i)
{
	return &f.core->groups[fake_group(&f, device, i)->index];
}

static void test_unchanged_devices_go_on(void **state)
{
	struct fg_device_run was;
	int64_t due, due_slow;

	(void)state;
	fake_turn(&f, 0); /* sonde's first group is polled: in flight from here on */
	assert_true(run_of("sonde", 0)->busy);
	for (int i = 0; i < 4; i++)
		fake_fail(&f, fake_group(&f, "sonde", 1), FG_REASON_NO_RESPONSE);
	fake_answer(&f, fake_group(&f, "probe", 0), 20);
	run_of("sonde", 0)->busy = true;
	was = *fake_device(&f, "sonde");
	due = run_of("sonde", 0)->due_mono_us;
	due_slow = run_of("sonde", 1)->due_mono_us;
	f.now.mono_us += 3 * SEC;
	fake_reload(&f, after);
	assert_int_equal(fake_device(&f, "sonde")->state, FG_DEVICE_QUARANTINED);
	assert_int_equal(fake_device(&f, "sonde")->failed, was.failed);
	assert_true(fake_device(&f, "sonde")->since_wall_ms == was.since_wall_ms);
	assert_ptr_equal(fake_device(&f, "sonde")->device, fake_group(&f, "sonde", 0)->device);
	assert_true(run_of("sonde", 0)->due_mono_us == due);
	assert_true(run_of("sonde", 1)->due_mono_us == due_slow);
	assert_true(run_of("sonde", 0)->busy);
	assert_ptr_equal(run_of("sonde", 0)->group, fake_group(&f, "sonde", 0));
	fake_answer(&f, fake_group(&f, "sonde", 0), 7); /* the poll that was in flight */
	assert_false(run_of("sonde", 0)->busy);
	assert_int_equal(fake_device(&f, "sonde")->state, FG_DEVICE_OK);
	assert_int_equal(fake_device(&f, "probe")->state, FG_DEVICE_UNKNOWN);
	assert_int_equal(fake_device(&f, "probe")->polls, 0);
	assert_int_equal(fake_device(&f, "anemometer")->state, FG_DEVICE_UNKNOWN);
}

/* What was told of a failure is not told again, and readings find their points. */
static void test_unchanged_points_go_on(void **state)
{
	uint64_t at;

	(void)state;
	fake_fail(&f, fake_group(&f, "sonde", 0), FG_REASON_NO_RESPONSE);
	fake_fail(&f, fake_group(&f, "probe", 0), FG_REASON_NO_RESPONSE);
	at = f.appended_next;
	fake_reload(&f, after);
	fake_fail(&f, fake_group(&f, "sonde", 0), FG_REASON_NO_RESPONSE);
	assert_int_equal(f.appended_next, at);
	fake_fail(&f, fake_group(&f, "probe", 0), FG_REASON_NO_RESPONSE);
	assert_int_equal(f.appended_next, at + 1); /* another device now: its state begins */
	fake_answer(&f, fake_group(&f, "sonde", 0), 7);
	fake_answer(&f, fake_group(&f, "anemometer", 0), 7);
	assert_string_equal(fg_series_by_id(&f.series, f.stored[at + 1 - FAKE_FIRST_SEQ].item.point)
		->desc.point, "ph");
	assert_string_equal(fg_series_by_id(&f.series, f.stored[at + 2 - FAKE_FIRST_SEQ].item.point)
		->desc.point, "wind_speed");
}

static void test_unchanged_destination_stays_connected(void **state)
{
	size_t mark;

	(void)state;
	fake_connect(&f, town, true);
	fake_reading(&f, fake_group(&f, "sonde", 0), 7);
	fake_turn(&f, 0);
	mark = town->sent_count;
	fake_reload(&f, after);
	assert_int_equal(town->connects, 1);
	assert_int_equal(town->disconnects, 0);
	assert_int_equal(fg_core_publisher(f.core, "town")->state, FG_PUB_ONLINE);
	fake_ack_all(&f, town);
	assert_int_equal(fg_publisher_backlog(fg_core_publisher(f.core, "town")), 0);
	fake_turn(&f, 0);
	assert_int_equal(fake_readings(town, mark), 0);
	assert_int_equal(fake_count(town, mark, 0), 2); /* status and sonde: all documents again */
}

static void test_removed_destination_goes_and_is_saved(void **state)
{
	struct fake_broker *lab = town == &f.brokers[0] ? &f.brokers[1] : &f.brokers[0];
	uint64_t seq;

	(void)state;
	fake_connect(&f, lab, true);
	fake_reading(&f, fake_group(&f, "sonde", 0), 7);
	fake_settle(&f);
	fake_ack_all(&f, lab);
	seq = fake_reading(&f, fake_group(&f, "sonde", 0), 8);
	fake_reload(&f, after);
	assert_null(fg_core_publisher(f.core, "lab"));
	assert_int_equal(lab->disconnects, 1);
	assert_int_equal(fg_ranges_first(&lab->saved), seq);
	fg_core_seen_offline(f.core, "lab");
	fake_turn(&f, 60 * SEC);
	assert_int_equal(lab->connects, 1);
}

static void test_changed_destination_keeps_what_it_lacks(void **state)
{
	uint32_t old;
	uint64_t acked, open;
	struct fg_publisher *p;

	(void)state;
	fake_connect(&f, town, true);
	acked = fake_reading(&f, fake_group(&f, "sonde", 0), 7);
	fake_turn(&f, 0);
	fake_ack_all(&f, town);
	fake_reading(&f, fake_group(&f, "sonde", 0), 9);
	fake_turn(&f, 0);
	fake_ack(&f, town, 1, 0x87);
	open = fake_reading(&f, fake_group(&f, "sonde", 0), 8);
	fake_turn(&f, 0);
	old = town->epoch;
	fake_reload(&f, moved);
	p = fg_core_publisher(f.core, "town");
	assert_int_equal(town->disconnects, 1);
	assert_int_equal(p->refused, 1);
	assert_int_equal(p->refused_code, 0x87);
	assert_false(fg_ranges_has(&p->unacked, acked));
	assert_true(fg_ranges_has(&p->unacked, open));
	fg_publisher_connected(p, f.now, old, true); /* late news of the old connection */
	fake_turn(&f, 0);
	assert_true(town->connecting);
	assert_true(town->epoch > old);
	fake_connect(&f, town, true);
	fake_settle(&f);
	assert_int_equal(fake_count(town, 0, acked), 1);
	assert_int_equal(fake_count(town, 0, open), 2);
}

/* The page that an old publisher asked for comes back to nobody. */
static void test_a_page_under_way(void **state)
{
	struct fg_page *page;

	(void)state;
	for (int i = 0; i < 50; i++)
		fake_reading(&f, fake_group(&f, "sonde", 0), i);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	page = town->page;
	town->page = NULL;
	assert_non_null(page);
	fake_reload(&f, moved);
	assert_true(page->orphan);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	assert_ptr_not_equal(town->page, page);
	fg_core_page(f.core, f.now, page);
	for (int i = 0; i < 60; i++) {
		fake_turn(&f, SEC / 20);
		fake_page(&f, town);
		fake_ack_all(&f, town);
	}
	assert_int_equal(fg_publisher_backlog(fg_core_publisher(f.core, "town")), 0);
}

static void test_changed_link_changes_its_devices(void **state)
{
	(void)state;
	fake_answer(&f, fake_group(&f, "sonde", 0), 7);
	assert_int_equal(fake_device(&f, "sonde")->state, FG_DEVICE_OK);
	fake_reload(&f, before);
	assert_int_equal(fake_device(&f, "sonde")->state, FG_DEVICE_OK);
	fake_reload(&f, other_link);
	assert_int_equal(fake_device(&f, "sonde")->state, FG_DEVICE_UNKNOWN);
	assert_int_equal(f.core->publisher_count, 1);
}

/* Many points, and a long time between commits: all of them are at hand when the commit comes. */
static void test_the_ring_grows(void **state)
{
	const struct fg_recent *recent = &f.core->recent;
	size_t cap = recent->cap;
	char text[sizeof(before) + 64];
	const char *at = strstr(before, "readings.db") + strlen("readings.db");
	uint64_t seq;

	(void)state;
	fake_answer(&f, fake_group(&f, "sonde", 0), 7);
	seq = f.appended_next - 1;
	snprintf(text, sizeof(text), "%.*s, commit_interval: 1h%s", (int)(at - before), before, at);
	fake_reload(&f, text);
	assert_in_range(recent->cap, cap + 600, 65536);
	assert_non_null(fg_recent_get(recent, seq));
	assert_int_equal(fg_recent_get(recent, seq)->item.seq, seq);
	assert_int_equal(fg_recent_get(recent, seq)->item.value.kind, FG_KIND_DOUBLE);
}

static void test_new_destination_gets_what_comes_from_now_on(void **state)
{
	struct fake_broker *lab = town == &f.brokers[0] ? &f.brokers[1] : &f.brokers[0];
	uint64_t seq;

	(void)state;
	fake_reload(&f, after);
	fake_reading(&f, fake_group(&f, "sonde", 0), 7);
	fake_reload(&f, before);
	fake_connect(&f, lab, true);
	seq = fake_reading(&f, fake_group(&f, "sonde", 0), 8);
	fake_settle(&f);
	assert_int_equal(fake_readings(lab, 0), 1);
	assert_int_equal(fake_count(lab, 0, seq), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unchanged_devices_go_on),
		TEST(test_unchanged_points_go_on),
		TEST(test_unchanged_destination_stays_connected),
		TEST(test_removed_destination_goes_and_is_saved),
		TEST(test_changed_destination_keeps_what_it_lacks),
		TEST(test_a_page_under_way),
		TEST(test_changed_link_changes_its_devices),
		TEST(test_the_ring_grows),
		TEST(test_new_destination_gets_what_comes_from_now_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
