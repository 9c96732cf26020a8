/* SPDX-License-Identifier: EUPL-1.2 */
/* What a view tells of the core, and that it lives longer than what it was made of. */
#include "fake.h"

#include <math.h>

#include "gateway/core_view.h"

static struct fake f;
static struct fg_view *v;

static const char town[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  a: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s, timeout: 1s,\n"
	"    title: Sonde, points: {ph: {table: input, address: 0, type: u16,\n"
	"      calibration: [{date: 2026-01-01, raw: [0, 10], reference: [0, 10],\n"
	"        next: 2026-06-01}]}}}\n"
	"  b: {station: park, domain: air, link: plc, unit_id: 2, interval: 10s, timeout: 1s,\n"
	"    points: {pm25: {table: input, address: 0, type: u16, unit: ug/m3}}}\n";

static const char other[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  c: {station: park, domain: weather, link: plc, unit_id: 3, interval: 60s, timeout: 1s,\n"
	"    points: {wind_speed: {table: input, address: 0, type: u16}}}\n";

static int begin(void **state)
{
	(void)state;
	fake_init(&f, town);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fg_view_unref(v);
	v = NULL;
	fake_fini(&f);
	return 0;
}

static void look(void)
{
	fg_view_unref(v);
	v = NULL;
	assert_int_equal(fg_core_view(f.core, f.now, &v), FG_OK);
}

static void test_before_the_first_poll(void **state)
{
	(void)state;
	look();
	assert_string_equal(v->gateway, "gw");
	assert_string_equal(v->title, "T");
	assert_true(v->clock_trusted);
	assert_int_equal(v->mono_us, f.now.mono_us);
	assert_int_equal(v->wall_ms, f.now.wall_us / 1000);
	assert_int_equal(v->station_count, 2);
	assert_int_equal(v->point_count, 2);
	assert_false(v->points[0].has_reading);
	assert_true(isnan(v->points[0].number));
	assert_string_equal(v->devices[0].state, "unknown");
	assert_string_equal(v->links[0].state, "unknown");
	assert_int_equal(v->destination_count, 1);
	assert_non_null(strstr(v->status, "\"gateway\":{\"id\":\"gw\""));
	assert_int_equal(strlen(v->status), v->status_len);
}

static void test_readings_and_states(void **state)
{
	const struct fg_view_point *p;

	(void)state;
	fake_reading(&f, fake_group(&f, "a", 0), 7);
	for (int i = 0; i < 3; i++)
		fake_fail(&f, fake_group(&f, "b", 0), FG_REASON_EXCEPTION);
	fake_commit(&f);
	look();
	p = &v->points[0];
	assert_string_equal(v->stations[p->station].title, "Pier");
	assert_string_equal(v->devices[p->device].title, "Sonde");
	assert_string_equal(p->title[0], "pH");
	assert_true(p->has_reading && p->timed);
	assert_true(p->number > 6.99 && p->number < 7.01);
	assert_string_equal(p->value, "7");
	assert_int_equal(p->time_ms, f.now.wall_us / 1000);
	assert_non_null(strstr(p->json, "\"station\":\"pier\",\"device\":\"a\",\"point\":\"ph\""));
	assert_null(strstr(p->json, "\"raw\""));
	assert_true(p->calibration_due_ms > p->calibrated_ms && p->calibrated_ms > 0);
	assert_true(p->max_age_ms >= 10000);
	assert_string_equal(v->devices[0].state, "ok");
	assert_null(v->devices[0].reason);
	assert_int_equal(v->devices[0].polls, 1);
	assert_string_equal(v->devices[1].state, "quarantined");
	assert_string_equal(v->devices[1].reason, "exception:0");
	assert_int_equal(v->points[1].qc, FG_QC_MISSING);
	assert_string_equal(v->points[1].value, "null");
	assert_string_equal(v->links[0].state, "up");
	assert_int_equal(v->links[0].devices_ok, 1);
	assert_true(v->destinations[0].backlog >= 1);
	assert_false(v->destinations[0].connected);
}

static void test_it_outlives_the_configuration(void **state)
{
	(void)state;
	fake_reading(&f, fake_group(&f, "a", 0), 7);
	look();
	fake_reload(&f, other);
	fake_turn(&f, SEC);
	assert_string_equal(v->devices[0].name, "a");
	assert_string_equal(v->points[1].name, "pm25");
	assert_string_equal(v->points[0].value, "7");
	look();
	assert_int_equal(v->device_count, 1);
	assert_string_equal(v->devices[0].name, "c");
}

static void test_notices_and_maintenance(void **state)
{
	const struct fg_notice_given given = {
		.kind = FG_NOTICE_REPAIR, .text = {[FG_LANG_NN] = "Vi bøter."}};
	struct fg_maintenance_window window = {.reason = "new probe"};
	uint32_t id;

	(void)state;
	assert_int_equal(fg_core_notice_add(f.core, f.now, &given, &id), FG_OK);
	assert_int_equal(fg_core_maintenance_on(f.core, f.now, "a", &window), FG_OK);
	fake_turn(&f, SEC);
	look();
	assert_int_equal(v->notice_count, 1);
	assert_string_equal(v->notices[0].kind, "repair");
	assert_string_equal(v->notices[0].text[FG_LANG_NN], "Vi bøter.");
	assert_true(v->notices[0].text[FG_LANG_EN][0]);
	assert_string_equal(v->devices[0].state, "maintenance");
	assert_string_equal(v->devices[0].work, "new probe");
	assert_null(v->devices[1].work);
}

static void test_what_the_web_server_does(void **state)
{
	(void)state;
	look();
	assert_null(strstr(v->status, "\"http\""));
	fg_core_http(f.core, "127.0.0.1:80", "in use");
	look();
	assert_non_null(strstr(v->status, "\"http\":{\"listen\":\"127.0.0.1:80\","
					  "\"error\":\"in use\"}"));
	fg_core_http(f.core, NULL, NULL);
	look();
	assert_null(strstr(v->status, "\"http\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_before_the_first_poll, begin, end),
		cmocka_unit_test_setup_teardown(test_readings_and_states, begin, end),
		cmocka_unit_test_setup_teardown(test_it_outlives_the_configuration, begin, end),
		cmocka_unit_test_setup_teardown(test_notices_and_maintenance, begin, end),
		cmocka_unit_test_setup_teardown(test_what_the_web_server_does, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
