/* SPDX-License-Identifier: EUPL-1.2 */
/* Several servers of one destination: on to the next where one fails, back to the first when it
 * takes connections again, later and later where it does not hold; and a status that says offline,
 * which is corrected, but not without end. */
#include "fake.h"

#include <stdlib.h>
#include <time.h>

static const char yaml[] = FAKE_HEAD
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\", \"mqtt://127.0.0.1:2\","
	" \"mqtt://127.0.0.1:3\"], prefix: town, return_after: 60s}}\n" FAKE_LINK
	"devices: {d: {station: pier, domain: water, link: plc, unit_id: 1,\n"
	"  points: {ph: {table: input, address: 0, type: u16}}}}\n";

static struct fake f;
static struct fake_broker *town;
static unsigned looks;

static void port_look(
	void *arg, const struct fg_destination *dest, size_t server, uint32_t epoch)
{
	(void)arg;
	(void)dest;
	assert_int_equal(server, 0);
	assert_int_equal(epoch, town->epoch);
	looks++;
}

static int begin(void **state)
{
	(void)state;
	fake_init(&f, yaml);
	town = &f.brokers[0];
	f.core->ports.look = port_look;
	looks = 0;
	fake_connect(&f, town, true);
	assert_int_equal(town->server, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void door(bool open)
{
	fg_publisher_door(fake_publisher(&f, 0), f.now, town->epoch, open);
}

/* Seconds until the first is looked at. */
static unsigned until_look(void)
{
	unsigned before = looks, n = 0;

	for (; looks == before && n < 10000; n++) {
		fake_turn(&f, SEC);
		fake_ack_all(&f, town);
	}
	assert_int_equal(looks, before + 1);
	return n;
}

static void to_the_second(void)
{
	fake_turn(&f, 40 * SEC);
	fake_lose(&f, town);
	fake_connect(&f, town, true);
	assert_int_equal(town->server, 1);
}

static void test_the_next_comes_soon(void **state)
{
	int64_t lost_us;

	(void)state;
	fake_turn(&f, 60 * SEC);
	fake_lose(&f, town);
	lost_us = f.now.mono_us;
	for (int i = 0; i < 100 && !town->connecting; i++)
		fake_turn(&f, SEC / 20);
	assert_int_equal(town->server, 1);
	assert_true(f.now.mono_us - lost_us < SEC);
	fake_lose(&f, town);
	for (int i = 0; i < 100 && !town->connecting; i++)
		fake_turn(&f, SEC / 20);
	assert_int_equal(town->server, 2);
	assert_int_equal(looks, 0);
}

static void test_back_to_the_first(void **state)
{
	unsigned wait;

	(void)state;
	to_the_second();
	wait = until_look();
	assert_in_range(wait, 29, 61);
	door(false);
	fake_turn(&f, SEC);
	assert_true(town->online);
	until_look();
	fake_reading(&f, f.config->groups[0], 1); /* on its way, and not acknowledged */
	fake_settle(&f);
	door(true);
	fake_turn(&f, SEC);
	assert_true(town->online);
	fake_answer(&f, f.config->groups[0], 2);
	fake_commit(&f);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 1); /* nothing more goes out here */
	fake_ack_all(&f, town);
	fake_turn(&f, SEC / 10);
	assert_int_equal(town->disconnects, 1);
	assert_true(town->connecting);
	assert_int_equal(town->server, 0);
	fake_connect(&f, town, true);
	fake_settle(&f);
	assert_int_equal(fake_readings(town, 0), 2); /* the first one once */
	looks = 0;
	fake_turn(&f, 3600 * SEC);
	assert_int_equal(looks, 0);
}

static void test_what_is_not_acknowledged_is_not_awaited_for_ever(void **state)
{
	(void)state;
	to_the_second();
	until_look();
	fake_reading(&f, f.config->groups[0], 1);
	fake_settle(&f);
	door(true);
	fake_turn(&f, 6 * SEC);
	assert_int_equal(town->server, 0);
	assert_true(town->connecting);
}

static void test_later_and_later(void **state)
{
	unsigned pause = 60;

	(void)state;
	to_the_second();
	for (int i = 0; i < 8; i++) {
		assert_in_range(until_look(), pause / 2 - 1, pause + 1);
		door(true); /* it takes connections, and nothing more */
		fake_turn(&f, 0);
		assert_int_equal(town->server, 0);
		fake_lose(&f, town);
		fake_connect(&f, town, true);
		assert_int_equal(town->server, 1);
		pause = pause * 2 > 720 ? 720 : pause * 2;
	}
	/* one that held is trusted again */
	until_look();
	door(true);
	fake_turn(&f, 0);
	fake_connect(&f, town, true);
	to_the_second();
	assert_in_range(until_look(), 29, 61);
}

/* ---- offline ---- */

static size_t statuses(void)
{
	size_t n = 0;

	for (size_t i = 0; i < town->sent_count; i++)
		n += strcmp(town->sent[i].topic, "town/gateways/gw/status") == 0;
	return n;
}

static void test_offline_is_corrected_with_pauses(void **state)
{
	size_t before, said;

	(void)state;
	fake_turn(&f, SEC);
	fake_ack_all(&f, town);
	before = statuses();
	fg_core_seen_offline(f.core, "town");
	fake_turn(&f, 0);
	assert_int_equal(statuses(), before + 1); /* at once */
	fake_ack_all(&f, town);
	fg_core_seen_offline(f.core, "town");
	fake_turn(&f, 0);
	assert_int_equal(statuses(), before + 1);
	fake_turn(&f, 2 * SEC);
	assert_int_equal(statuses(), before + 2); /* late, but it is */
	for (int i = 0; i < 36000; i++) {
		fg_core_seen_offline(f.core, "town");
		fake_turn(&f, SEC / 10);
		fake_ack_all(&f, town);
	}
	said = statuses() - before;
	assert_in_range(said, 60, 90); /* an hour of it */
	fake_turn(&f, 120 * SEC); /* the last of them */
	fake_ack_all(&f, town);
	fake_turn(&f, 120 * SEC);
	fake_ack_all(&f, town);
	said = statuses();
	fg_core_seen_offline(f.core, "town");
	fake_turn(&f, 0);
	assert_int_equal(statuses(), said + 1); /* after some quiet: at once again */
}

/* ---- the day of a budget ---- */

/* It is the local one, also where no hours are told. */
static void test_a_budgets_day_is_local(void **state)
{
	static const char metered[] = FAKE_HEAD
		"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town,\n"
		"  daily_budget: 1MiB}}\n"
		FAKE_LINK "devices: {d: {station: pier, domain: water, link: plc, unit_id: 1,\n"
		"  points: {ph: {table: input, address: 0, type: u16}}}}\n";
	const struct fg_budget *b;

	(void)state;
	unsetenv("TZ");
	tzset();
	fake_init(&f, metered);
	fake_turn(&f, SEC);
	b = &fake_publisher(&f, 0)->budget;
	assert_int_equal(b->to_ms - b->from_ms, 24 * 3600 * INT64_C(1000));
	/* Oslo, in summer */
	assert_int_equal((b->from_ms / 1000 + 2 * 3600) % (24 * 3600), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_next_comes_soon, begin, end),
		cmocka_unit_test_setup_teardown(test_back_to_the_first, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_is_not_acknowledged_is_not_awaited_for_ever, begin, end),
		cmocka_unit_test_setup_teardown(test_later_and_later, begin, end),
		cmocka_unit_test_setup_teardown(test_offline_is_corrected_with_pauses, begin, end),
		cmocka_unit_test_teardown(test_a_budgets_day_is_local, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
