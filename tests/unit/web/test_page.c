/* SPDX-License-Identifier: EUPL-1.2 */
/* The status page's text, the pictures of a day, and the GeoJSON of stations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "web/html.h"
#include "web/page.h"
#include "web/spark.h"
#include "web/stations.h"
#include "web/text.h"
#include "web/view.h"

#define NOW_MS INT64_C(1790000000000)

static struct fg_view *v;
static struct fg_buf out;
static struct fg_page_ask ask;
static const struct fg_property water = {
	.name = "water_temperature", .unit = "Cel", .decimals = 1,
	.title[FG_LANG_EN] = "Water temperature"};

static void add_points(size_t count)
{
	v->points = fg_view_alloc(v, count, sizeof(*v->points));
	v->point_count = count;
	for (size_t i = 0; i < count; i++)
		v->points[i] = (struct fg_view_point){.name = "wt",
			.property = "water_temperature",
			.unit = "Cel",
			.domain = "bathing",
			.known = &water,
			.title = {"Vanntemperatur", "Vasstemperatur", "Water temperature"},
			.max_age_ms = 60000,
			.has_reading = true,
			.timed = true,
			.time_ms = NOW_MS - 5000,
			.qc = FG_QC_PASS,
			.value = "-1234.5",
			.number = -1234.5};
}

static int begin(void **state)
{
	(void)state;
	v = fg_view_new(NULL, NULL);
	v->gateway = "g";
	v->title = "Town";
	v->version = "0";
	v->wall_ms = NOW_MS;
	v->clock_trusted = v->store_writable = true;
	v->stations = fg_view_alloc(v, 2, sizeof(*v->stations));
	v->station_count = 2;
	v->stations[0] = (struct fg_view_station){.name = "pier", .title = "The pier"};
	v->stations[1] = (struct fg_view_station){.name = "park",
		.title = "The park",
		.has_position = true,
		.latitude = 59.5,
		.longitude = 10.25,
		.elevation = NAN};
	v->devices = fg_view_alloc(v, 1, sizeof(*v->devices));
	v->devices[0] =
		(struct fg_view_device){.name = "probe", .title = "Probe", .state = "ok"};
	v->device_count = 1;
	add_points(1);
	ask = (struct fg_page_ask){.language = 2, .station = FG_PAGE_ALL};
	fg_buf_init(&out, 4 << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fg_view_unref(v);
	fg_buf_fini(&out);
	return 0;
}

static const char *page(void)
{
	fg_buf_clear(&out);
	fg_page_put(&out, v, &ask);
	assert_false(out.overflow);
	return out.data;
}

static void has(const char *text)
{
	if (!strstr(out.data, text))
		fail_msg("no '%s' in %s", text, out.data);
}

static void lacks(const char *text)
{
	if (strstr(out.data, text))
		fail_msg("'%s' in %s", text, out.data);
}

static void no_markup_comes_through(void **state)
{
	static const char nasty[] = "<script>alert(1)</script>\"'&\xff\x01";
	static const char harmless[] = "&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;"
				       "\xef\xbf\xbd\xef\xbf\xbd";

	(void)state;
	fg_html_text(&out, nasty);
	assert_string_equal(out.data, harmless);
	/* wherever a text of others stands */
	v->title = v->operator= v->contact = v->licence = v->version = nasty;
	v->stations[0].title = nasty;
	v->devices[0].title = v->devices[0].work = v->devices[0].reason = nasty;
	v->devices[0].state = nasty;
	v->points[0].title[2] = v->points[0].unit = v->points[0].text = nasty;
	v->points[0].calibration_due_ms = NOW_MS - 1;
	v->destinations = fg_view_alloc(v, 1, sizeof(*v->destinations));
	v->destinations[0] =
		(struct fg_view_destination){.name = nasty, .state = nasty, .error = nasty};
	v->notices = fg_view_alloc(v, 1, sizeof(*v->notices));
	v->notices[0] = (struct fg_view_notice){
		.kind = nasty, .from_ms = 1, .to_ms = 2, .text = {nasty, nasty, nasty}};
	v->destination_count = v->notice_count = 1;
	page();
	has(harmless);
	lacks("<script>");
	lacks("alert(1)</script>");
	lacks("\"'&\xff");
	lacks("\x01");
}

static void each_language(void **state)
{
	static const char *const words[3][4] = {
		{"<html lang=\"nb\">", "Vanntemperatur", "−1234,5&nbsp;°C", "for 5 s siden"},
		{"<html lang=\"nn\">", "Vasstemperatur", "Siste døgn", "for 5 s sidan"},
		{"<html lang=\"en\">", "Water temperature", "−1234.5&nbsp;°C", ">5 s ago<"}};

	(void)state;
	for (int l = 0; l < 3; l++) {
		ask.language = l;
		page();
		for (int i = 0; i < 4; i++)
			has(words[l][i]);
		for (int other = 0; other < 3; other++)
			if (other != l)
				lacks(words[other][0]);
		for (int t = 0; t < FG_TEXT_COUNT; t++)
			assert_true(fg_text((enum fg_text)t, l)[0]);
	}
}

static void quality_in_words_and_shapes(void **state)
{
	static const struct {
		enum fg_qc qc;
		const char *mark;
	} cases[] = {
		{FG_QC_PASS, "mark q1\"><svg aria-hidden=\"true\"><use href=\"#q1\"/></svg> Good"},
		{FG_QC_NOT_EVALUATED, "<use href=\"#q2\"/></svg> Not checked"},
		{FG_QC_SUSPECT, "<use href=\"#q3\"/></svg> Suspect"},
		{FG_QC_FAIL, "<use href=\"#q4\"/></svg> Bad"},
		{FG_QC_MISSING, "<use href=\"#q9\"/></svg> Missing"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		v->points[0].qc = cases[i].qc;
		page();
		has(cases[i].mark);
		lacks("out of date");
	}
	v->points[0].qc = FG_QC_FAIL;
	v->points[0].reason = "exception:2";
	v->points[0].alarm = FG_ALARM_ABOVE;
	v->points[0].maintenance = true;
	v->points[0].time_ms = NOW_MS - 600000;
	page();
	has("refuses the request");
	has("Limit exceeded");
	has("Maintenance");
	has("out of date");
	has("10 min ago");
	v->points[0].timed = false;
	page();
	has("time unknown");
	lacks("out of date");
	v->points[0].has_reading = false;
	page();
	has("none yet");
}

static void what_is_wrong(void **state)
{
	(void)state;
	page();
	has("All instruments answer.");
	has(" hidden>The gateway does not respond");
	ask.stale = true;
	v->devices[0].state = "quarantined";
	v->devices[0].reason = "no_response";
	v->store_writable = v->clock_trusted = false;
	page();
	lacks(" hidden>");
	lacks("All instruments answer.");
	has("out of service");
	has("does not answer");
	has("cannot be written");
	has("readings are held back");
}

static void calibrations_that_are_due(void **state)
{
	(void)state;
	v->points[0].calibration_due_ms = NOW_MS + INT64_C(31) * 86400000;
	page();
	lacks("Calibration");
	v->points[0].calibration_due_ms = NOW_MS + INT64_C(29) * 86400000;
	page();
	has("Calibration");
	lacks("overdue");
	v->points[0].calibration_due_ms = NOW_MS;
	page();
	has("overdue");
}

/* However much there is, a page stays small. */
static void many_points(void **state)
{
	(void)state;
	add_points(5000);
	v->points[4999].station = 1;
	v->points[4999].qc = FG_QC_FAIL;
	page();
	assert_true(out.len < 30000);
	has("<a href=\"?lang=en&amp;station=park\">The park</a></th><td>1</td>");
	has("<use href=\"#q4\"/></svg> Bad");
	lacks("Water temperature");
	ask.station = 0;
	page();
	assert_true(out.len < 60000);
	has("+ 4959 more, see /api/status");
	has("?lang=nb&amp;station=pier");
	ask.station = 1;
	page();
	lacks("more, see");
	has("Water temperature");
}

/* ---- pictures ---- */

static void a_day(void **state)
{
	struct fg_spark s;
	double low, high;

	(void)state;
	fg_spark_init(&s);
	assert_false(fg_spark_range(&s, NOW_MS, &low, &high));
	fg_spark_add(&s, NOW_MS, 7);
	fg_spark_add(&s, NOW_MS - 3600000, 5);
	fg_spark_add(&s, NOW_MS - 3600000, 9);
	fg_spark_add(&s, NOW_MS - INT64_C(86400000), 1000); /* a day ago is over */
	fg_spark_add(&s, NOW_MS, NAN);
	fg_spark_add(&s, -5, 1);
	assert_true(fg_spark_range(&s, NOW_MS, &low, &high));
	assert_true(fabs(low - 5) + fabs(high - 9) < 1e-6);
	/* twelve hours on they are still of the day; a day on they are not */
	assert_true(fg_spark_range(&s, NOW_MS + 43200000, &low, &high));
	assert_false(fg_spark_range(&s, NOW_MS + INT64_C(86400000), &low, &high));
	fg_spark_add(&s, NOW_MS + INT64_C(86400000), 3);
	assert_true(fg_spark_range(&s, NOW_MS + INT64_C(86400000), &low, &high));
	assert_true(fabs(low - 3) + fabs(high - 3) < 1e-6);
	fg_spark_add(&s, NOW_MS + 100 * INT64_C(86400000), 4);
	assert_true(fg_spark_range(&s, NOW_MS + 100 * INT64_C(86400000), &low, &high));
	assert_true(fabs(low - 4) + fabs(high - 4) < 1e-6);
}

static size_t count(const char *text)
{
	size_t n = 0;

	for (const char *p = out.data; (p = strstr(p, text)); p++)
		n++;
	return n;
}

static void a_picture(void **state)
{
	struct fg_spark s;

	(void)state;
	fg_spark_svg(&out, NULL, NOW_MS);
	assert_non_null(strstr(out.data, "</svg>"));
	lacks("<path");
	fg_spark_init(&s);
	for (int i = 0; i < 48; i++)
		if (i != 20) /* a hole */
			for (int k = 0; k < 2; k++)
				fg_spark_add(&s, NOW_MS - i * FG_SPARK_BIN_MS, sin(i) + k * 0.5);
	fg_buf_clear(&out);
	fg_spark_svg(&out, &s, NOW_MS);
	assert_int_equal(count("fill=\"none\""), 2);
	lacks("nan");
	lacks("inf");
	assert_true(out.len < 2000);
	fg_spark_init(&s); /* one value: a dot */
	fg_spark_add(&s, NOW_MS, 5);
	fg_buf_clear(&out);
	fg_spark_svg(&out, &s, NOW_MS);
	assert_int_equal(count("h2\""), 1);
	lacks("nan");
}

/* ---- stations ---- */

static void stations_as_geojson(void **state)
{
	(void)state;
	v->points[0].station = 1;
	v->points[0].json = "{\"v\":1}";
	v->stations[1].title = "a \"park\"";
	fg_stations_put(&out, v);
	assert_string_equal(out.data,
		"{\"type\":\"FeatureCollection\",\"features\":["
		"{\"type\":\"Feature\",\"id\":\"pier\",\"geometry\":null,\"properties\":{"
		"\"station\":\"pier\",\"title\":\"The pier\",\"gateway\":\"g\",\"points\":[]}},"
		"{\"type\":\"Feature\",\"id\":\"park\",\"geometry\":{\"type\":\"Point\","
		"\"coordinates\":[10.25,59.5]},\"properties\":{\"station\":\"park\","
		"\"title\":\"a \\\"park\\\"\",\"gateway\":\"g\",\"points\":[{\"point\":\"wt\","
		"\"property\":\"water_temperature\",\"domain\":\"bathing\",\"device\":\"probe\","
		"\"title\":\"Vanntemperatur\",\"unit\":\"Cel\",\"interval_s\":0,\"max_age_s\":60,"
		"\"readings\":\"/api/readings?point=park/wt\",\"latest\":{\"v\":1}}]}}]}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_markup_comes_through, begin, end),
		cmocka_unit_test_setup_teardown(each_language, begin, end),
		cmocka_unit_test_setup_teardown(quality_in_words_and_shapes, begin, end),
		cmocka_unit_test_setup_teardown(what_is_wrong, begin, end),
		cmocka_unit_test_setup_teardown(calibrations_that_are_due, begin, end),
		cmocka_unit_test_setup_teardown(many_points, begin, end),
		cmocka_unit_test_setup_teardown(a_day, begin, end),
		cmocka_unit_test_setup_teardown(a_picture, begin, end),
		cmocka_unit_test_setup_teardown(stations_as_geojson, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
