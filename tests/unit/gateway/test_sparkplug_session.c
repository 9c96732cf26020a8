/* SPDX-License-Identifier: EUPL-1.2 */
/* What a Sparkplug session says and when: births before data, numbers in order, deaths, history of
 * what is dead or gone, rebirths, the primary host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "gateway/sparkplug.h"
#include "protocol/encode_sparkplug.h"
#include "protocol/sparkplug.h"

#define NOW    INT64_C(1782907200000)
#define MINUTE INT64_C(60000000) /* in us */
#define NCMD   "spBv1.0/town/NCMD/gw"

enum { AIR, WATER, DEVICES };

static struct fg_station station;
static struct fg_device devices[DEVICES];
static struct fg_point points[DEVICES];
static const struct fg_device *const list[] = {&devices[AIR], &devices[WATER]};
static struct fg_config config;
static struct fg_site site;
static struct fg_sparkplug_options options;
static const void *option_list[FG_ENCODER_COUNT];
static struct fg_destination conf;
static struct fg_series_set series;
static bool up[DEVICES];
static struct fg_spark *s;
static char topic_mem[200], payload_mem[8192];
static struct fg_buf topic, payload;

static bool device_up(void *arg, const struct fg_device *device)
{
	(void)arg;
	return up[device->index];
}

static struct fg_encoding encoding(void)
{
	return (struct fg_encoding){.site = &site, .prefix = "town", .now_ms = NOW,
		.device_up = device_up};
}

/* As the core does for a point of the configuration in force. */
static void add_series(uint32_t id, const struct fg_point_desc *desc)
{
	struct fg_series *added = fg_series_add(&series, id, desc);

	assert_non_null(added);
	added->current = true;
}

static void add_device(int i, const char *name, const char *point, enum fg_domain domain)
{
	struct fg_point_desc desc;

	devices[i] = (struct fg_device){.name = name, .index = (uint32_t)i, .station = &station,
		.domain = domain, .points = &points[i], .point_count = 1};
	points[i] = (struct fg_point){.name = point, .device = &devices[i], .property = point,
		.unit = "1", .decimals = -1};
	desc = fg_series_desc(&points[i]);
	add_series((uint32_t)i + 1, &desc);
}

static int setup(void **state)
{
	(void)state;
	station = (struct fg_station){.name = "quay", .title = "The quay"};
	series = (struct fg_series_set){0};
	add_device(AIR, "node", "pm25", FG_DOMAIN_AIR);
	add_device(WATER, "probe", "ph", FG_DOMAIN_WATER);
	config = (struct fg_config){.devices = list, .device_count = DEVICES};
	site = (struct fg_site){.gateway = "gw", .stations = &station, .station_count = 1,
		.devices = list, .device_count = DEVICES};
	options = (struct fg_sparkplug_options){.group = "town"};
	option_list[FG_ENCODER_sparkplug] = &options;
	conf = (struct fg_destination){.name = "main.sparkplug", .options = option_list,
		.domains = ~0u};
	up[AIR] = up[WATER] = true;
	assert_int_equal(fg_spark_new(&s), FG_OK);
	assert_int_equal(fg_spark_configure(s, &config, &conf, &site, &series), FG_OK);
	fg_spark_connected(s, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fg_spark_free(s);
	fg_series_set_fini(&series);
	return 0;
}

/* ---- what was said ---- */

static uint64_t varint(const unsigned char **p)
{
	uint64_t v = 0;
	unsigned shift = 0;

	do
		v |= (uint64_t)(**p & 0x7F) << shift;
	while (shift += 7, *(*p)++ & 0x80);
	return v;
}

/* The seq of the payload, or -1; *ret_metrics: how many it has. */
static int seq_of(unsigned *ret_metrics)
{
	const unsigned char *p = (const unsigned char *)payload.data, *end = p + payload.len;
	int seq = -1;

	*ret_metrics = 0;
	while (p < end) {
		unsigned key = *p++;
		uint64_t v = varint(&p);

		if (key == 0x12) {
			(*ret_metrics)++;
			p += v;
		} else if (key == 0x18) {
			seq = (int)v;
		}
	}
	assert_ptr_equal(p, end);
	return seq;
}

static bool has_text(const char *text)
{
	return memmem(payload.data, payload.len, text, strlen(text)) != NULL;
}

static void begin(void)
{
	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&payload, payload_mem, sizeof(payload_mem));
}

/* The last level but the node's name: "NBIRTH 0", "DDATA/probe 3", "NDEATH -1". */
static void assert_said(const char *want)
{
	char got[250];
	unsigned metrics;
	const char *kind = topic_mem + strlen("spBv1.0/town/"), *node = strstr(kind, "/gw");

	assert_non_null(node);
	snprintf(got, sizeof(got), "%.*s%s %d", (int)(node - kind), kind, node + strlen("/gw"),
		seq_of(&metrics));
	assert_string_equal(got, want);
}

/* NULL: there is no such document now. */
static void document(size_t number, const char *want)
{
	const struct fg_encoding e = encoding();
	bool certain;
	int r;

	begin();
	r = fg_spark_document(s, &e, number, &topic, &payload, &certain);
	if (!want) {
		assert_int_equal(r, FG_ENOENT);
		return;
	}
	assert_int_equal(r, FG_OK);
	assert_said(want);
	assert_int_equal(certain, strncmp(want, "NDEATH", 6) == 0);
	fg_spark_sent(s);
}

static struct fg_entry entry_of(int device, double v, bool newest)
{
	return (struct fg_entry){.desc = &series.items[device]->desc, .newest = newest,
		.item = {.point = (uint32_t)device + 1, .seq = 7, .wall_ms = NOW - 1000,
			.qc = FG_QC_PASS, .value = {.kind = FG_KIND_DOUBLE, .f = v}}};
}

static size_t before(const struct fg_entry *entry)
{
	const struct fg_encoding e = encoding();

	return fg_spark_before(s, &e, entry, 1);
}

static void data(const struct fg_entry *entry, const char *want)
{
	const struct fg_encoding e = encoding();
	int r;

	assert_int_equal(before(entry), 0);
	begin();
	r = fg_spark_encode(s, &e, entry, 1, &topic, &payload);
	if (!want) {
		assert_int_equal(r, FG_ENOENT);
		return;
	}
	assert_int_equal(r, FG_OK);
	assert_said(want);
	fg_spark_sent(s);
}

static void births(void)
{
	document(0, "NBIRTH 0");
	document(1, "DBIRTH/node 1");
	document(2, "DBIRTH/probe 2");
}

/* ---- tests ---- */

static void test_births_come_first(void **state)
{
	const struct fg_entry entry = entry_of(WATER, 7.1, true);

	(void)state;
	assert_int_equal(fg_spark_documents(s), 3);
	document(1, NULL); /* nothing is born before the node */
	assert_false(fg_spark_is_born(s));
	births();
	assert_true(fg_spark_is_born(s));
	document(0, NULL);
	document(1, NULL);
	data(&entry, "DDATA/probe 3");
	data(&entry, "DDATA/probe 4");
}

static void test_seq_wraps_and_is_kept_where_nothing_goes_out(void **state)
{
	const struct fg_entry entry = entry_of(WATER, 7.1, true);
	const struct fg_encoding e = encoding();
	char want[30];

	(void)state;
	births();
	for (int i = 3; i < 600; i++) {
		begin(); /* the session had no room for it */
		assert_int_equal(fg_spark_encode(s, &e, &entry, 1, &topic, &payload), FG_OK);
		snprintf(want, sizeof(want), "DDATA/probe %d", i % 256);
		data(&entry, want);
	}
}

static void test_birth_tells_the_newest(void **state)
{
	struct fg_entry entry = entry_of(WATER, 7.125, true);
	const double v = 7.125;
	unsigned metrics;

	(void)state;
	fg_series_update(series.items[WATER], &entry.item, 0, true);
	document(0, "NBIRTH 0");
	assert_true(has_text("Node Control/Rebirth"));
	document(2, "DBIRTH/probe 1");
	assert_non_null(memmem(payload.data, payload.len, &v, sizeof(v)));
	assert_true(has_text("Properties/Station"));
	assert_int_equal(seq_of(&metrics), 1);
	assert_int_equal(metrics, 1 + 3);
}

static void test_only_what_is_selected_is_born(void **state)
{
	(void)state;
	conf.domains = 1u << FG_DOMAIN_WATER;
	document(0, "NBIRTH 0");
	document(1, NULL);
	document(2, "DBIRTH/probe 1");
}

static void test_only_selected_properties_are_born(void **state)
{
	const char *const ph = "ph", *const elsewhere = "harbour";

	(void)state;
	conf.properties = (struct fg_texts){&ph, 1};
	document(0, "NBIRTH 0");
	document(1, NULL);
	document(2, "DBIRTH/probe 1");
	conf.stations = (struct fg_texts){&elsewhere, 1};
	fg_spark_connected(s, 2);
	document(0, "NBIRTH 0");
	document(1, NULL);
	document(2, NULL);
}

/* A device has points of which some are selected: the others are no metrics of it. */
static void test_metrics_that_are_not_selected(void **state)
{
	const char *const ph = "ph";
	struct fg_point both[2] = {points[WATER], points[WATER]};
	struct fg_point_desc desc;

	(void)state;
	both[1].name = both[1].property = "turbidity";
	devices[WATER].points = both;
	devices[WATER].point_count = 2;
	desc = fg_series_desc(&both[1]);
	add_series(9, &desc);
	document(0, "NBIRTH 0");
	document(2, "DBIRTH/probe 1");
	assert_true(has_text("turbidity"));
	conf.properties = (struct fg_texts){&ph, 1};
	fg_spark_connected(s, 2);
	document(0, "NBIRTH 0");
	document(2, "DBIRTH/probe 1");
	assert_false(has_text("turbidity"));
	assert_true(has_text("ph"));
}

/* A birth does not tell the reading that `select` keeps back. */
static void test_newest_that_is_not_selected(void **state)
{
	struct fg_entry entry = entry_of(WATER, 7.125, true);
	const double v = 7.125;

	(void)state;
	entry.item.qc = FG_QC_FAIL;
	fg_series_update(series.items[WATER], &entry.item, 0, true);
	document(0, "NBIRTH 0");
	document(2, "DBIRTH/probe 1");
	assert_non_null(memmem(payload.data, payload.len, &v, sizeof(v)));
	conf.quality = 1u << FG_QC_PASS;
	fg_spark_connected(s, 2);
	document(0, "NBIRTH 0");
	document(2, "DBIRTH/probe 1");
	assert_null(memmem(payload.data, payload.len, &v, sizeof(v)));
}

static void test_device_dies_and_returns(void **state)
{
	struct fg_entry entry = entry_of(WATER, 7.1, true);

	(void)state;
	births();
	up[WATER] = false;
	document(2, "DDEATH/probe 3");
	document(2, NULL);
	entry.item.qc = FG_QC_MISSING;
	entry.item.reason = FG_REASON_NO_RESPONSE;
	data(&entry, NULL); /* its death says so */
	up[WATER] = true;
	document(2, "DBIRTH/probe 4");
	data(&entry, "DDATA/probe 5");
}

static void test_one_that_never_answered_is_not_born(void **state)
{
	const struct fg_encoding e = encoding();

	(void)state;
	up[WATER] = false;
	document(0, "NBIRTH 0");
	document(1, "DBIRTH/node 1");
	document(2, NULL);
	assert_int_equal(fg_spark_idle(s, &e, 0), 0);
}

/* The backlog of a device that is dead: born to tell of it, and dead again behind it. */
static void test_past_of_a_dead_device(void **state)
{
	const struct fg_entry entry = entry_of(WATER, 7.1, false);
	const struct fg_encoding e = encoding();

	(void)state;
	up[WATER] = false;
	document(0, "NBIRTH 0");
	assert_int_equal(before(&entry), 2);
	document(2, "DBIRTH/probe 1");
	data(&entry, "DDATA/probe 2");
	document(2, NULL); /* not while there is more to tell */
	data(&entry, "DDATA/probe 3");
	assert_int_equal(fg_spark_idle(s, &e, 0), 2);
	document(2, "DDEATH/probe 4");
	assert_int_equal(fg_spark_idle(s, &e, 0), 0);
}

/* It returns while its past is told: born again, as one that lives. */
static void test_dead_device_returns_with_its_past(void **state)
{
	const struct fg_entry entry = entry_of(WATER, 7.1, false);
	const struct fg_encoding e = encoding();

	(void)state;
	up[WATER] = false;
	document(0, "NBIRTH 0");
	assert_int_equal(before(&entry), 2);
	document(2, "DBIRTH/probe 1");
	up[WATER] = true;
	document(2, "DBIRTH/probe 2");
	assert_int_equal(fg_spark_idle(s, &e, 0), 0);
	document(2, NULL);
}

/* One whose document cannot be sent now keeps none of the others, and is asked for once a turn. */
static void test_idle_goes_on(void **state)
{
	const struct fg_entry water = entry_of(WATER, 7.1, false), air = entry_of(AIR, 3, false);
	const struct fg_encoding e = encoding();

	(void)state;
	up[WATER] = up[AIR] = false;
	document(0, "NBIRTH 0");
	assert_int_equal(before(&air), 1);
	document(1, "DBIRTH/node 1");
	assert_int_equal(before(&water), 2);
	document(2, "DBIRTH/probe 2");
	assert_int_equal(fg_spark_idle(s, &e, 0), 1);
	assert_int_equal(fg_spark_idle(s, &e, 1), 2);
	assert_int_equal(fg_spark_idle(s, &e, 2), 0);
	document(2, "DDEATH/probe 3");
	assert_int_equal(fg_spark_idle(s, &e, 0), 1);
	assert_int_equal(fg_spark_idle(s, &e, 1), 0);
}

static void test_device_that_is_gone(void **state)
{
	static const struct fg_point_desc old = {.station = "quay", .device = "old",
		.point = "flow", .property = "flow", .unit = "L/s", .domain = "water",
		.decimals = -1};
	const struct fg_encoding e = encoding();
	struct fg_entry entry = entry_of(WATER, 1, false);

	(void)state;
	births();
	entry.desc = &old;
	entry.item.point = 77;
	assert_int_equal(before(&entry), 3);
	document(3, "DBIRTH/old 3");
	assert_true(has_text("flow (L/s)"));
	data(&entry, "DDATA/old 4");
	assert_int_equal(fg_spark_idle(s, &e, 0), 3);
	document(3, "DDEATH/old 5");
}

/* One that has left, with the same name as one that is there, is not born beside it. */
static void test_series_that_has_left(void **state)
{
	struct fg_point_desc old = series.items[WATER]->desc;

	unsigned alone, beside;

	(void)state;
	document(0, "NBIRTH 0");
	document(2, "DBIRTH/probe 1");
	seq_of(&alone);
	old.decimals = 3;
	assert_non_null(fg_series_add(&series, 9, &old));
	fg_spark_connected(s, 2);
	document(0, "NBIRTH 0");
	document(2, "DBIRTH/probe 1");
	seq_of(&beside);
	assert_int_equal(beside, alone);
}

/* A point that had another unit: its old readings are a metric of their own. */
static void test_point_that_is_another_now(void **state)
{
	struct fg_point_desc old = series.items[WATER]->desc;
	struct fg_entry entry = entry_of(WATER, 1, false);

	(void)state;
	births();
	old.unit = "mV";
	entry.desc = &old;
	entry.item.point = 77;
	assert_int_equal(before(&entry), 2);
	document(2, "DBIRTH/probe 3");
	assert_true(has_text("ph (mV)"));
	data(&entry, "DDATA/probe 4");
}

static void test_type_changes(void **state)
{
	struct fg_entry entry = entry_of(WATER, 7.1, true);

	(void)state;
	births();
	data(&entry, "DDATA/probe 3");
	entry.item.value = (struct fg_value){.kind = FG_KIND_INT, .i = 7};
	data(&entry, "DDATA/probe 4"); /* a Double can say it */
	entry.item.value = (struct fg_value){.kind = FG_KIND_TEXT, .text = "off", .len = 3};
	assert_int_equal(before(&entry), 2);
	document(2, "DBIRTH/probe 5");
	data(&entry, "DDATA/probe 6");
	assert_true(has_text("off"));
}

static void test_gap(void **state)
{
	const struct fg_gap gap = {.from_ms = NOW - 5000, .to_ms = NOW, .count = 5};
	struct fg_entry entry = entry_of(WATER, 0, false);

	(void)state;
	entry.item.kind = FG_ITEM_GAP;
	entry.item.gap = &gap;
	entry.item.reason = FG_REASON_GATEWAY_OFF;
	births();
	data(&entry, "NDATA 3");
	assert_true(has_text("\"count\":5"));
}

static enum fg_spark_news rebirth_at(int64_t mono_us, const char *to)
{
	const struct fg_spb_metric metric = {
		.name = FG_SPB_REBIRTH, .type = FG_SPB_BOOLEAN, .b = true};

	begin();
	fg_spb_begin(&payload, NOW);
	fg_spb_put(&payload, &metric);
	fg_spb_end(&payload, -1);
	return fg_spark_heard(s, mono_us, to, payload.data, payload.len);
}

/* Long after any other. */
static enum fg_spark_news rebirth(const char *to)
{
	static int64_t at_us = MINUTE;

	at_us += 2 * MINUTE;
	return rebirth_at(at_us, to);
}

static void test_rebirth(void **state)
{
	const struct fg_entry entry = entry_of(WATER, 7.1, true);

	(void)state;
	assert_int_equal(rebirth("spBv1.0/town/NCMD/gw"), FG_SPARK_NOTHING); /* it comes anyway */
	births();
	data(&entry, "DDATA/probe 3");
	assert_int_equal(rebirth("spBv1.0/town/NCMD/gx"), FG_SPARK_NOTHING);
	assert_int_equal(rebirth("spBv1.0/STATE/gw"), FG_SPARK_NOTHING);
	assert_int_equal(rebirth("spBv1.0/town/NCMD/gw"), FG_SPARK_BIRTHS);
	births();
	assert_int_equal(fg_spark_heard(s, MINUTE, NCMD, "{}", 2), FG_SPARK_NOTHING);
	data(&entry, "DDATA/probe 3");
}

/* The first is given at once, those behind it together after a pause that grows. */
static void test_rebirths_have_pauses(void **state)
{
	const int64_t start = 5 * MINUTE, second = MINUTE / 60;
	int64_t next = INT64_MAX;

	(void)state;
	births();
	assert_int_equal(rebirth_at(start, NCMD), FG_SPARK_BIRTHS);
	births();
	assert_false(fg_spark_rebirth_due(s, start + 10 * second, &next)); /* nobody asked */
	assert_int_equal(next, INT64_MAX);
	assert_int_equal(rebirth_at(start + 1, NCMD), FG_SPARK_NOTHING);
	assert_int_equal(rebirth_at(start + 2, NCMD), FG_SPARK_NOTHING);
	assert_true(fg_spark_is_born(s));
	assert_false(fg_spark_rebirth_due(s, start + second - 1, &next));
	assert_int_equal(next, start + second);
	assert_true(fg_spark_rebirth_due(s, start + second, &next));
	births();
	assert_false(fg_spark_rebirth_due(s, start + 90 * second, &next));
	assert_int_equal(rebirth_at(start + 2 * second, NCMD), FG_SPARK_NOTHING);
	assert_false(fg_spark_rebirth_due(s, start + 3 * second - 1, &next));
	assert_true(fg_spark_rebirth_due(s, start + 3 * second, &next));
	births();
}

static void test_storm_of_rebirths(void **state)
{
	const int64_t start = 5 * MINUTE;
	int64_t next = INT64_MAX;
	unsigned given = 0;

	(void)state;
	births();
	for (int64_t at = start; at < start + 60 * MINUTE; at += MINUTE / 600) {
		if (rebirth_at(at, NCMD) == FG_SPARK_BIRTHS ||
			fg_spark_rebirth_due(s, at, &next)) {
			given++;
			births();
		}
	}
	assert_in_range(given, 60, 70); /* once a minute, a little more as it begins */
	/* and when it is over the next one is given at once again */
	assert_int_equal(rebirth_at(start + 62 * MINUTE, NCMD), FG_SPARK_BIRTHS);
}

static void assert_asked(const char *want)
{
	char mem[1000];
	struct fg_buf out;
	struct fg_json j;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_spark_status(s, &j);
	fg_json_end_object(&j);
	assert_non_null(strstr(mem, want));
}

/* One that comes while births are on their way is answered by them, and counted too. */
static void test_rebirth_amid_births(void **state)
{
	int64_t next = INT64_MAX;

	(void)state;
	births();
	assert_int_equal(rebirth(NCMD), FG_SPARK_BIRTHS);
	assert_int_equal(rebirth(NCMD), FG_SPARK_NOTHING);
	births();
	assert_false(fg_spark_rebirth_due(s, 9 * MINUTE, &next));
	assert_asked("\"rebirths_asked\":2}");
}

/* It ends before the births that were asked for went out: the host heard of its life. */
static void test_end_behind_a_rebirth(void **state)
{
	(void)state;
	births();
	assert_int_equal(rebirth(NCMD), FG_SPARK_BIRTHS);
	fg_spark_stop(s);
	document(0, "NDEATH -1");
	document(0, NULL);
	assert_int_equal(rebirth(NCMD), FG_SPARK_NOTHING);
}

static enum fg_spark_news host(const char *json)
{
	return fg_spark_heard(s, MINUTE, "spBv1.0/STATE/scada", json, strlen(json));
}

static void test_primary_host(void **state)
{
	(void)state;
	assert_true(fg_spark_may_speak(s));
	options.primary_host = "scada";
	assert_false(fg_spark_may_speak(s));
	assert_int_equal(host("rubbish"), FG_SPARK_NOTHING);
	assert_int_equal(host("{\"online\":false,\"timestamp\":1000}"), FG_SPARK_NOTHING);
	assert_false(fg_spark_may_speak(s));
	assert_int_equal(host("{\"online\":true,\"timestamp\":2000}"), FG_SPARK_BIRTHS);
	assert_true(fg_spark_may_speak(s));
	births();
	assert_int_equal(host("{\"online\":true,\"timestamp\":3000}"), FG_SPARK_NOTHING);
	/* the will of an earlier session of the host */
	assert_int_equal(host("{\"online\":false,\"timestamp\":2000}"), FG_SPARK_NOTHING);
	assert_true(fg_spark_may_speak(s));
	assert_int_equal(host("{\"online\":false,\"timestamp\":3000}"), FG_SPARK_HOST_GONE);
	assert_false(fg_spark_may_speak(s));
	fg_spark_connected(s, 2);
	assert_false(fg_spark_may_speak(s));
	assert_int_equal(host("{\"online\":true,\"timestamp\":4000}"), FG_SPARK_BIRTHS);
	births();
}

static void test_end(void **state)
{
	const struct fg_entry entry = entry_of(WATER, 7.1, true);

	(void)state;
	fg_spark_stop(s);
	document(0, NULL); /* never born */
	fg_spark_free(s);
	assert_int_equal(fg_spark_new(&s), FG_OK);
	assert_int_equal(fg_spark_configure(s, &config, &conf, &site, &series), FG_OK);
	fg_spark_connected(s, 300);
	births();
	assert_non_null(memmem(payload.data, payload.len, "ph", 2));
	fg_spark_stop(s);
	data(&entry, "DDATA/probe 3");
	document(0, "NDEATH -1");
	/* the number of the connection, modulo 256 */
	assert_int_equal((unsigned char)payload.data[payload.len - 1], (300 - 1) % 256);
	assert_false(fg_spark_is_born(s));
	document(1, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_births_come_first),
		TEST(test_seq_wraps_and_is_kept_where_nothing_goes_out),
		TEST(test_birth_tells_the_newest),
		TEST(test_only_what_is_selected_is_born),
		TEST(test_only_selected_properties_are_born),
		TEST(test_metrics_that_are_not_selected),
		TEST(test_newest_that_is_not_selected),
		TEST(test_series_that_has_left),
		TEST(test_device_dies_and_returns),
		TEST(test_one_that_never_answered_is_not_born),
		TEST(test_past_of_a_dead_device),
		TEST(test_dead_device_returns_with_its_past),
		TEST(test_device_that_is_gone),
		TEST(test_idle_goes_on),
		TEST(test_point_that_is_another_now),
		TEST(test_type_changes),
		TEST(test_gap),
		TEST(test_rebirth),
		TEST(test_rebirths_have_pauses),
		TEST(test_storm_of_rebirths),
		TEST(test_rebirth_amid_births),
		TEST(test_end_behind_a_rebirth),
		TEST(test_primary_host),
		TEST(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
