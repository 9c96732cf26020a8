/* SPDX-License-Identifier: EUPL-1.2 */
/* The ends of certificates are told thirty days ahead, a week ahead and when they have come, once
 * each; and the status has them all the time. */
#include "fake.h"

#define DAY_US INT64_C(86400000000)

static struct fake f;
static unsigned told;
static int64_t told_end_ms;
static char told_of[16];

void __wrap_fg_event_tell(struct fg_core *core, const struct fg_event *event);

void __wrap_fg_event_tell(struct fg_core *core, const struct fg_event *event)
{
	(void)core;
	if (event->kind != FG_EVENT_CERTIFICATE_ENDS)
		return;
	assert_string_equal(event->destination, "town");
	snprintf(told_of, sizeof(told_of), "%s", event->why);
	told_end_ms = event->until_wall_ms;
	told++;
}

static int begin(void **state)
{
	(void)state;
	fake_init(&f, fake_yaml);
	told = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void pass(int64_t us)
{
	fake_turn(&f, us);
	fake_turn(&f, 0);
}

static void connected_with(int64_t broker_ms, int64_t authority_ms, int64_t client_ms)
{
	const struct fg_certificates c = {{broker_ms, authority_ms, client_ms}};

	fg_core_certificates(f.core, fake_publisher(&f, 0), &c);
	pass(SEC);
}

static void test_told_once_at_each_distance(void **state)
{
	const int64_t end_ms = (FAKE_WALL_US + 31 * DAY_US) / 1000;

	(void)state;
	connected_with(end_ms, end_ms + 400 * DAY_US / 1000, 0);
	assert_int_equal(told, 0);
	for (int i = 0; i < 12; i++)
		pass(DAY_US / 6);
	assert_int_equal(told, 1);
	assert_string_equal(told_of, "broker");
	assert_int_equal(told_end_ms, end_ms);
	connected_with(end_ms, 0, 0); /* a new connection shows the same */
	assert_int_equal(told, 1);
	pass(23 * DAY_US);
	assert_int_equal(told, 2);
	pass(7 * DAY_US);
	assert_int_equal(told, 3);
	pass(7 * DAY_US);
	assert_int_equal(told, 3);
	connected_with(end_ms + 90 * DAY_US / 1000, 0, 0);
	assert_int_equal(told, 3);
	connected_with(end_ms + 90 * DAY_US / 1000, 0, end_ms + 20 * DAY_US / 1000);
	assert_int_equal(told, 4);
	assert_string_equal(told_of, "client");
}

static void status_has(const char *text, bool yes)
{
	struct fg_buf out;

	fg_buf_init(&out, 1 << 20);
	fg_core_status(f.core, f.now, &out);
	fg_buf_putc(&out, '\0');
	assert_int_equal(strstr(out.data, text) != NULL, yes);
	fg_buf_fini(&out);
}

static void test_status(void **state)
{
	(void)state;
	status_has("certificates\":[{", false);
	connected_with((FAKE_WALL_US + 40 * DAY_US) / 1000, 0, (FAKE_WALL_US + 20 * DAY_US) / 1000);
	status_has("\"of\":\"broker\",\"ends\":\"2026-10-31T", true);
	status_has("\"days_left\":39}", true);
	status_has("\"days_left\":19,\"warning\":true}", true);
	status_has("authority", false);
}

static void test_limits_of_the_broker(void **state)
{
	const struct fg_limits few = {.inflight = 5, .packet = 4096, .qos = 2, .no_retain = true};
	struct fg_publisher *p = fake_publisher(&f, 0);

	(void)state;
	fg_publisher_limits(p, p->epoch + 1, &few); /* of another connection */
	status_has("broker_inflight", false);
	fg_publisher_limits(p, p->epoch, &few);
	status_has("\"broker_inflight\":5,\"broker_packet_max\":4096,"
		   "\"broker_retains_nothing\":true", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told_once_at_each_distance, begin, end),
		cmocka_unit_test_setup_teardown(test_status, begin, end),
		cmocka_unit_test_setup_teardown(test_limits_of_the_broker, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
