/* SPDX-License-Identifier: EUPL-1.2 */
/* The pure parts of the web server: what a request asks for, who asks too often, what health says
 * of views, the metrics' text, and the memory of a view. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "web/accept.h"
#include "web/health.h"
#include "web/metrics.h"
#include "web/rates.h"
#include "web/view.h"

#define SEC INT64_C(1000000)

/* ---- what is asked for ---- */

static void types_by_weight(void **state)
{
	static const char *const types[] = {"application/json", "text/csv"};
	static const struct {
		const char *accept;
		int is;
	} cases[] = {
		{NULL, 0}, {"", 0}, {"*/*", 0}, {"text/csv", 1}, {"TEXT/CSV", 1}, {"text/*", 1},
		{"text/html", -1}, {"text/html, */*;q=0.1", 0},
		{"application/json;q=0.5,text/csv", 1},
		{"application/json;q=0.5,text/csv;q=0.4", 0}, {"*/*, application/json;q=0", 1},
		{"text/csv;header=present;q=0.9, application/json;q=0.95", 0},
		{"text/csv ; q=0.2 , application/*;q=0.1", 1}, {"text/csv;q=0", -1},
		{"text/csv;q=junk", 1}, {",,;q=1,", -1}, {"*/*;q=0", -1}, {"application/jso", -1},
		{"application/json;q=0.001", 0}, {"application/json;q=0.0001", -1},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		if (fg_accept_type(cases[i].accept, types, 2) != cases[i].is)
			fail_msg("'%s'", cases[i].accept);
}

static void languages_by_weight(void **state)
{
	static const char *const languages[] = {"nb", "nn", "en"};
	static const struct {
		const char *accept;
		int is;
	} cases[] = {
		{NULL, -1}, {"de, fr;q=0.9", -1}, {"nn", 1}, {"no", 0}, {"no-NO", 0}, {"NB-no", 0},
		{"en-GB,en;q=0.9,nn;q=0.95", 2}, {"nn-NO,nn;q=0.9,nb;q=0.8", 1}, {"*", 0},
		{"de, *;q=0.1", 0}, {"en;q=0.1, nn;q=0.2", 1}, {"nonsense", -1}, {"engels", -1},
		{"nb;q=0, no;q=0.5", 0}, {"de;q=1, en;q=0", -1},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		if (fg_accept_language(cases[i].accept, languages, 3) != cases[i].is)
			fail_msg("'%s'", cases[i].accept);
}

static void tags(void **state)
{
	(void)state;
	assert_false(fg_accept_matches(NULL, "\"a\""));
	assert_true(fg_accept_matches("\"a\"", "\"a\""));
	assert_true(fg_accept_matches("\"b\", W/\"a\"", "\"a\""));
	assert_true(fg_accept_matches("*", "\"a\""));
	assert_false(fg_accept_matches("\"ab\"", "\"a\""));
	assert_false(fg_accept_matches("a", "\"a\""));
}

/* ---- rates ---- */

static void a_client_has_its_burst_and_its_rate(void **state)
{
	static struct fg_rates r;
	const unsigned char v4[4] = {10, 0, 0, 1}, other[4] = {10, 0, 0, 2};
	int64_t now = SEC;

	(void)state;
	fg_rates_init(&r, 2);
	for (int i = 0; i < 80; i++)
		assert_true(fg_rates_take(&r, v4, 4, now));
	assert_false(fg_rates_take(&r, v4, 4, now));
	assert_true(fg_rates_take(&r, other, 4, now));
	assert_true(fg_rates_take(&r, v4, 4, now += SEC));
	assert_true(fg_rates_take(&r, v4, 4, now));
	assert_false(fg_rates_take(&r, v4, 4, now));
	now += 1000 * SEC; /* no more than the burst is saved */
	for (int i = 0; i < 80; i++)
		assert_true(fg_rates_take(&r, v4, 4, now));
	assert_false(fg_rates_take(&r, v4, 4, now));
}

static void networks_and_mapped_addresses(void **state)
{
	static struct fg_rates r;
	unsigned char v6[16] = {0x20, 1, 0xd, 0xb8}, mapped[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
	const unsigned char v4[4] = {10, 0, 0, 1};

	(void)state;
	fg_rates_init(&r, 1);
	for (int i = 0; i < 70; i++) {
		v6[15] = (unsigned char)i;
		assert_true(fg_rates_take(&r, v6, 16, SEC));
	}
	assert_false(fg_rates_take(&r, v6, 16, SEC));
	v6[7] = 1;
	assert_true(fg_rates_take(&r, v6, 16, SEC));
	for (int i = 0; i < 70; i++)
		assert_true(fg_rates_take(&r, v4, 4, SEC));
	assert_false(fg_rates_take(&r, mapped, 16, SEC));
	mapped[15] = 2;
	assert_true(fg_rates_take(&r, mapped, 16, SEC));
}

/* Where there are more clients than places, one that is busy keeps its place. */
static void many_clients(void **state)
{
	static struct fg_rates r;
	const unsigned char busy[4] = {10, 0, 0, 1};
	int64_t now = SEC;

	(void)state;
	fg_rates_init(&r, 1);
	while (fg_rates_take(&r, busy, 4, now))
		;
	for (unsigned i = 0; i < 4 * FG_RATES_CLIENTS; i++) {
		const unsigned char a[4] = {11, 0, (unsigned char)(i >> 8), (unsigned char)i};

		assert_true(fg_rates_take(&r, a, 4, ++now));
		assert_false(fg_rates_take(&r, busy, 4, ++now));
	}
	fg_rates_init(&r, 0);
	for (int i = 0; i < 1000; i++)
		assert_true(fg_rates_take(&r, busy, 4, now));
}

/* ---- views ---- */

static int released;

static void on_release(void *owner)
{
	(*(int *)owner)++;
}

/* One link, one device with a point, one destination. */
static struct fg_view *view_at(int64_t mono_us)
{
	struct fg_view *v = fg_view_new(&released, on_release);

	assert_non_null(v);
	v->mono_us = mono_us;
	v->gateway = "g";
	v->version = "0";
	v->store_writable = true;
	v->stations = fg_view_alloc(v, 1, sizeof(*v->stations));
	v->links = fg_view_alloc(v, 1, sizeof(*v->links));
	v->devices = fg_view_alloc(v, 1, sizeof(*v->devices));
	v->points = fg_view_alloc(v, 1, sizeof(*v->points));
	v->destinations = fg_view_alloc(v, 1, sizeof(*v->destinations));
	v->station_count = v->link_count = v->device_count = 1;
	v->point_count = v->destination_count = 1;
	v->stations[0].name = "pier";
	v->links[0] = (struct fg_view_link){.name = "plc", .driver = "modbus-tcp", .state = "up"};
	v->devices[0] = (struct fg_view_device){.name = "probe", .state = "ok"};
	v->points[0] = (struct fg_view_point){.name = "ph", .property = "ph", .unit = "[pH]",
		.domain = "water", .number = NAN};
	v->destinations[0].name = "main";
	assert_true(fg_view_whole(v));
	return v;
}

static void a_view_is_freed_by_the_last(void **state)
{
	struct fg_view *v = view_at(0);
	const char *text = fg_view_text(v, "a text");
	char *large = fg_view_alloc(v, 100000, 1);

	(void)state;
	released = 0;
	assert_non_null(large);
	memset(large, 'x', 100000);
	for (int i = 0; i < 10000; i++)
		assert_string_equal(fg_view_text(v, "another"), "another");
	assert_string_equal(text, "a text");
	assert_null(fg_view_text(v, NULL));
	assert_ptr_equal(fg_view_ref(v), v);
	fg_view_unref(v);
	assert_int_equal(released, 0);
	assert_string_equal(text, "a text");
	fg_view_unref(v);
	assert_int_equal(released, 1);
	fg_view_unref(NULL);
}

static void a_view_is_bounded(void **state)
{
	struct fg_view *v = view_at(0);

	(void)state;
	while (fg_view_alloc(v, 1, 1 << 20))
		;
	assert_false(fg_view_whole(v));
	assert_null(fg_view_alloc(v, SIZE_MAX / 2, 16));
	fg_view_unref(v);
}

/* ---- health ---- */

static struct fg_health health;
static char said[4096];

static void see(struct fg_view *v)
{
	fg_health_see(&health, v);
	fg_view_unref(v);
}

static bool well(int64_t now_us)
{
	struct fg_buf out;
	bool is;

	fg_buf_wrap(&out, said, sizeof(said));
	is = fg_health_put(&health, now_us, &out);
	assert_false(out.overflow);
	return is;
}

static int end_health(void **state)
{
	(void)state;
	fg_health_fini(&health);
	memset(&health, 0, sizeof(health));
	return 0;
}

static void health_of_the_core(void **state)
{
	(void)state;
	assert_false(well(SEC));
	assert_string_equal(said,
		"{\"status\":\"failing\",\"reasons\":[\"the core has not begun yet\"]}\n");
	see(view_at(100 * SEC));
	assert_true(well(100 * SEC));
	assert_string_equal(said, "{\"status\":\"ok\"}\n");
	assert_true(well(130 * SEC - 1));
	assert_false(well(130 * SEC));
	assert_string_equal(said, "{\"status\":\"failing\",\"reasons\":[\"the core has stood still "
				  "for 30 s\"]}\n");
	see(view_at(131 * SEC));
	assert_true(well(132 * SEC));
}

static void health_of_the_store(void **state)
{
	struct fg_view *v;

	(void)state;
	for (int64_t t = 100; t <= 160; t += 10) {
		v = view_at(t * SEC);
		v->store_writable = false;
		v->store_error = "disk \"full\"";
		see(v);
		assert_int_equal(well(t * SEC), t < 160);
	}
	assert_non_null(
		strstr(said, "\"the store cannot be written for 60 s: disk \\\"full\\\"\""));
	see(view_at(170 * SEC));
	assert_true(well(170 * SEC));
	v = view_at(180 * SEC); /* counted anew */
	v->store_writable = false;
	see(v);
	assert_true(well(180 * SEC));
}

static void health_of_links(void **state)
{
	struct fg_view *v = view_at(SEC);

	(void)state;
	v->links[0].state = "down";
	see(v);
	assert_false(well(SEC));
	assert_non_null(strstr(said, "[\"all links are down\"]"));
	v = view_at(2 * SEC);
	v->links[0].state = "down";
	v->link_count = 0; /* none at all is no fault */
	see(v);
	assert_true(well(2 * SEC));
}

static void give(int64_t second, uint64_t acknowledged, uint64_t backlog)
{
	struct fg_view *v = view_at(second * SEC);

	v->destinations[0].acknowledged = acknowledged;
	v->destinations[0].backlog = backlog;
	see(v);
}

static void health_of_deliveries(void **state)
{
	(void)state;
	for (int64_t t = 0; t < 600; t += 10) {
		give(1000 + t, 5, 10 + (uint64_t)t);
		assert_true(well((1000 + t) * SEC));
	}
	give(1600, 5, 700);
	assert_false(well(1600 * SEC));
	assert_non_null(strstr(said, "\"destination 'main' has acknowledged nothing for 600 s "
				     "while 700 readings wait\""));
	give(1610, 6, 700); /* one acknowledgement, and it is counted anew */
	assert_true(well(1610 * SEC));
	give(2200, 6, 800);
	assert_true(well(2200 * SEC));
	give(2210, 6, 800);
	assert_false(well(2210 * SEC));
	give(2220, 6, 100); /* what waited has gone another way */
	assert_true(well(2220 * SEC));
	for (int64_t t = 2230; t < 4000; t += 10)
		give(t, 6, 100); /* nothing to send: no fault */
	assert_true(well(3990 * SEC));
}

/* ---- metrics ---- */

static void metrics_have_their_form(void **state)
{
	static const struct fg_metrics_own own = {.cpu_s = 1.5, .connections = 3,
		.requests = {[2] = 7}};
	struct fg_view *v = view_at(SEC);
	struct fg_buf out;

	(void)state;
	v->version = "a\"b\\c\nd";
	v->points[0].has_reading = v->points[0].timed = true;
	v->points[0].number = 7.25;
	v->points[0].qc = FG_QC_SUSPECT;
	v->points[0].time_ms = INT64_C(1790000000123);
	v->destinations[0].certificates[1].of = "broker";
	v->destinations[0].certificates[1].ends_ms = INT64_C(1790000000000);
	v->told[FG_QC_MISSING] = 4;
	fg_buf_init(&out, 1 << 20);
	fg_metrics_put(&out, v, &own);
	assert_false(out.overflow);
#define HAS(text) assert_non_null(strstr(out.data, text))
	HAS("\nfjordgate_build_info{version=\"a\\\"b\\\\c\\nd\",gateway=\"g\"} 1\n");
	HAS("\nfjordgate_reading_value{station=\"pier\",point=\"ph\",domain=\"water\","
	    "device=\"probe\",property=\"ph\",unit=\"[pH]\"} 7.25\n");
	HAS("device=\"probe\"} 3\n");
	HAS("\nfjordgate_reading_timestamp_seconds{station=\"pier\",point=\"ph\","
	    "domain=\"water\",device=\"probe\"} 1790000000.123\n");
	HAS("\nfjordgate_readings_total{qc=\"9\"} 4\n");
	HAS("\nfjordgate_device_state{device=\"probe\",station=\"pier\",state=\"ok\"} 1\n");
	HAS("\nfjordgate_device_state{device=\"probe\",station=\"pier\",state=\"failing\"} 0\n");
	HAS("certificate=\"broker\"} 1790000000.000\n");
	HAS("\nfjordgate_http_requests_total{code=\"2xx\"} 7\n");
	HAS("\nprocess_cpu_seconds_total 1.5\n");
	assert_null(strstr(out.data, "process_resident_memory_bytes"));
#undef HAS
	fg_buf_fini(&out);
	fg_view_unref(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_by_weight),
		cmocka_unit_test(languages_by_weight),
		cmocka_unit_test(tags),
		cmocka_unit_test(a_client_has_its_burst_and_its_rate),
		cmocka_unit_test(networks_and_mapped_addresses),
		cmocka_unit_test(many_clients),
		cmocka_unit_test(a_view_is_freed_by_the_last),
		cmocka_unit_test(a_view_is_bounded),
		cmocka_unit_test_teardown(health_of_the_core, end_health),
		cmocka_unit_test_teardown(health_of_the_store, end_health),
		cmocka_unit_test_teardown(health_of_links, end_health),
		cmocka_unit_test_teardown(health_of_deliveries, end_health),
		cmocka_unit_test(metrics_have_their_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
