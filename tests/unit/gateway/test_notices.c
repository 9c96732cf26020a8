/* SPDX-License-Identifier: EUPL-1.2 */
/* Service notices: what is told to whom and when, what rules see, and what outlives a restart. */
#include "fake.h"

#include "base/timefmt.h"

#define HOUR (3600 * SEC)
#define MS_NOW (f.now.wall_us / 1000)

static const char devices[] =
	"devices:\n"
	"  sonde: {title: Weir sonde, station: pier, domain: water, link: plc, unit_id: 1,\n"
	"    interval: 60s, points: {\n"
	"    x_calm: {table: input, address: 0, type: u16, unit: \"1\"},\n"
	"    x_deep: {title: Depth, table: input, address: 4, type: u16, unit: \"1\"}}}\n"
	"  gauge: {station: park, domain: water, link: plc, unit_id: 2, interval: 60s, points: {\n"
	"    x_level: {table: input, address: 0, type: u16, unit: \"1\",\n"
	"      calibration: [{date: 2026-01-01, next: 2026-06-01, raw: [0, 1],\n"
	"        reference: [0, 1]}]}}}\n";

static struct fake f;
static size_t polls_seen;
static bool silent; /* the sonde does not answer */

static void begin_with(const char *rules)
{
	char yaml[4096];

	snprintf(yaml, sizeof(yaml), "%s%s%s%s%s", FAKE_HEAD, FAKE_TOWN, FAKE_LINK, rules, devices);
	fake_init(&f, yaml);
	polls_seen = 0;
	silent = false;
}

static int begin(void **state)
{
	(void)state;
	begin_with("");
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void live(int64_t us)
{
	int64_t until_us = f.now.mono_us + us;

	do {
		int64_t next_us = fake_turn(&f, 0);

		for (; polls_seen < f.poll_count; polls_seen++) {
			const struct fg_group *g = f.polls[polls_seen].group;

			if (silent && strcmp(g->device->name, "sonde") == 0)
				fake_fail(&f, g, FG_REASON_NO_RESPONSE);
			else
				fake_answer(&f, g, 10);
		}
		next_us = FG_MIN(FG_MAX(FG_MIN(fake_turn(&f, 0), next_us), f.now.mono_us + 1),
			until_us);
		f.now.wall_us += next_us - f.now.mono_us;
		f.now.mono_us = next_us;
	} while (f.now.mono_us < until_us);
	fake_turn(&f, 0);
	fake_commit(&f);
	fake_turn(&f, 0);
}

static uint32_t id_of(const char *point)
{
	for (size_t i = 0; i < f.config->point_count; i++)
		if (strcmp(f.config->points[i]->name, point) == 0)
			return f.core->points[i].series->id;
	fail_msg("no point %s", point);
	return 0;
}

/* Of the newest entry of the kind. */
static const struct fake_reading *newest(enum fg_item_kind kind, const char *point)
{
	for (uint64_t seq = f.appended_next; seq-- > FAKE_FIRST_SEQ;) {
		const struct fake_reading *r = &f.stored[seq - FAKE_FIRST_SEQ];

		if (r->item.kind == kind && r->item.point == id_of(point))
			return r;
	}
	return NULL;
}

static uint32_t reading_notice(const char *point)
{
	const struct fake_reading *r = newest(FG_ITEM_READING, point);

	assert_non_null(r);
	return r->item.notice;
}

static const char *document(void)
{
	static char mem[FG_DOCUMENT_MAX];
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	assert_true(fg_document_notices.write(&out, f.core, NULL, 0));
	assert_false(out.overflow);
	return mem;
}

static bool told(const char *text)
{
	return strstr(document(), text) != NULL;
}

static uint32_t add(struct fg_notice_given given)
{
	uint32_t id = 0;

	assert_int_equal(fg_core_notice_add(f.core, f.now, &given, &id), FG_OK);
	assert_true(id > 0);
	return id;
}

static void restart(int64_t off_us)
{
	f.now.mono_us += off_us;
	f.now.wall_us += off_us;
	fake_restart(&f);
	polls_seen = f.poll_count;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	fake_timed(&f);
}

/* ---- by hand ---- */

static void test_readings_of_affected_points_refer_to_it(void **state)
{
	uint32_t id;

	(void)state;
	live(120 * SEC);
	assert_int_equal(reading_notice("x_calm"), 0);
	id = add((struct fg_notice_given){.affected = "point:pier/x_calm"});
	live(120 * SEC);
	assert_int_equal(reading_notice("x_calm"), id);
	assert_int_equal(reading_notice("x_deep"), 0);
	assert_int_equal(reading_notice("x_level"), 0);
	assert_int_equal(fg_core_notice_clear(f.core, f.now, id), 1);
	live(120 * SEC);
	assert_int_equal(reading_notice("x_calm"), 0);
	assert_string_equal(document(), "{\"gateway\":\"gw\",\"notices\":[]}");
	assert_int_equal(fg_core_notice_clear(f.core, f.now, id), FG_ENOENT);
}

static void test_it_may_speak_of_devices_stations_or_all(void **state)
{
	uint32_t device, station, all;

	(void)state;
	device = add((struct fg_notice_given){.affected = "device:sonde"});
	live(120 * SEC);
	assert_int_equal(reading_notice("x_deep"), device);
	assert_int_equal(reading_notice("x_level"), 0);
	station = add((struct fg_notice_given){.affected = "device:gone station:park"});
	live(120 * SEC);
	assert_int_equal(reading_notice("x_deep"), device);
	assert_int_equal(reading_notice("x_level"), station);
	all = add((struct fg_notice_given){.affected = ""});
	live(120 * SEC);
	assert_int_equal(reading_notice("x_deep"), all); /* the newest */
	assert_int_equal(reading_notice("x_level"), all);
	assert_true(all > station && station > device);
}

static void test_it_speaks_of_whole_names(void **state)
{
	(void)state;
	add((struct fg_notice_given){.affected = "device:sond device:sondeX station:pie "
		"point:pier/x_cal point:pier/x_calmer point:pie/rx_calm point:pier device: x"});
	live(120 * SEC);
	assert_int_equal(reading_notice("x_calm"), 0);
}

static void test_texts_are_made_of_titles_where_none_is_given(void **state)
{
	struct fg_notice_given given = {.kind = FG_NOTICE_PLANNED,
		.affected = "device:sonde point:pier/x_deep", .to_ms = MS_NOW + 1000};

	(void)state;
	snprintf(given.text[FG_LANG_NN], FG_NOTICE_TEXT, "Vi skiftar batteri \"no\".");
	add(given);
	assert_true(told("\"kind\":\"planned\",\"cause\":\"operator\""));
	assert_true(told("\"affected\":{\"devices\":[\"sonde\"],\"points\":[\"pier/x_deep\"]}"));
	assert_true(told("\"nb\":\"Planlagt driftsstans: Weir sonde; Depth, Pier. Målinger vil "
			 "mangle.\""));
	assert_true(told("\"nn\":\"Vi skiftar batteri \\\"no\\\".\""));
	assert_true(told("\"en\":\"Planned downtime: Weir sonde; Depth, Pier. Readings will be "
			 "missing.\""));
	add((struct fg_notice_given){.kind = FG_NOTICE_FAULT});
	assert_true(told("\"affected\":{},\"text\":{\"nb\":\"Feil: T. "));
}

static void test_texts_of_many_things_are_cut_between_characters(void **state)
{
	struct fg_notice_given given = {.kind = FG_NOTICE_FAULT};
	size_t at = 0;

	(void)state;
	for (int i = 0; i < 12; i++)
		at += (size_t)snprintf(given.affected + at, sizeof(given.affected) - at,
			"%sdevice:a-device-that-is-not-known-%02d", i ? " " : "", i);
	add(given);
	assert_true(told("; …. Readings may be missing or wrong."));
	assert_null(strstr(document(), "\xEF\xBF\xBD"));
}

static void test_what_is_planned_is_told_before_and_ends_by_itself(void **state)
{
	uint32_t id;
	size_t mark = f.brokers[0].sent_count;

	(void)state;
	fake_connect(&f, &f.brokers[0], false);
	id = add((struct fg_notice_given){.kind = FG_NOTICE_PLANNED,
		.affected = "station:pier", .from_ms = MS_NOW + 300000, .to_ms = MS_NOW + 600000});
	live(200 * SEC);
	assert_true(told("\"kind\":\"planned\""));
	assert_int_equal(reading_notice("x_calm"), 0);
	live(220 * SEC);
	assert_int_equal(reading_notice("x_calm"), id);
	assert_true(told("\"kind\":\"planned\""));
	live(300 * SEC);
	assert_int_equal(reading_notice("x_calm"), 0);
	assert_false(told("planned"));
	for (; mark < f.brokers[0].sent_count; mark++)
		if (strstr(f.brokers[0].sent[mark].topic, "/notices"))
			assert_true(f.brokers[0].sent[mark].retain);
}

static size_t notices_sent(void)
{
	size_t n = 0;

	for (size_t i = 0; i < f.brokers[0].sent_count; i++)
		n += strcmp(f.brokers[0].sent[i].topic, "town/gateways/gw/notices") == 0;
	return n;
}

/* A broker that acknowledges. */
static void live_with_broker(int64_t us)
{
	for (; us > 0; us -= 5 * SEC) {
		live(5 * SEC);
		fake_ack_all(&f, &f.brokers[0]);
	}
}

static void test_it_is_published_when_it_changes(void **state)
{
	uint32_t id;

	(void)state;
	fake_connect(&f, &f.brokers[0], false);
	live_with_broker(5 * SEC);
	assert_int_equal(notices_sent(), 1); /* that there are none */
	live_with_broker(600 * SEC);
	assert_int_equal(notices_sent(), 1);
	id = add((struct fg_notice_given){.affected = ""});
	live_with_broker(5 * SEC);
	assert_int_equal(notices_sent(), 2);
	live_with_broker(600 * SEC);
	assert_int_equal(notices_sent(), 2);
	fg_core_notice_clear(f.core, f.now, id);
	live_with_broker(5 * SEC);
	assert_int_equal(notices_sent(), 3);
}

static void test_what_cannot_be_is_refused(void **state)
{
	struct fg_notice_given given = {.to_ms = MS_NOW - 1};
	uint32_t id;

	(void)state;
	assert_int_equal(fg_core_notice_add(f.core, f.now, &given, &id), FG_EINVAL);
	given = (struct fg_notice_given){.from_ms = MS_NOW + 20, .to_ms = MS_NOW + 10};
	assert_int_equal(fg_core_notice_add(f.core, f.now, &given, &id), FG_EINVAL);
	given = (struct fg_notice_given){.from_ms = 0};
	for (int i = 0; i < FG_NOTICES_MAX; i++)
		add(given);
	assert_int_equal(fg_core_notice_add(f.core, f.now, &given, &id), FG_EFULL);
	assert_int_equal(fg_core_notice_clear(f.core, f.now, 0), FG_NOTICES_MAX);
	add(given);
}

/* Five hundred bytes in each language, of all there may be: it can be published. */
static void test_the_longest_list_fits(void **state)
{
	struct fg_notice_given given = {.kind = FG_NOTICE_FAULT};

	(void)state;
	for (int l = 0; l < FG_NOTICE_LANGUAGES; l++)
		memset(given.text[l], '"', FG_NOTICE_TEXT - 1);
	memset(given.affected, 'x', FG_NOTICE_AFFECTED - 1);
	for (int i = 0; i < FG_NOTICES_MAX; i++)
		add(given);
	assert_true(strlen(document()) > (size_t)FG_NOTICES_MAX * 3 * 1000);
}

/* ---- over a restart ---- */

static size_t held(void)
{
	size_t n = 0;

	for (const struct fg_service_notice *i = f.core->notices.list; i; i = i->next)
		n++;
	return n;
}

/* What has ended is kept until the store knows, but not without bound. */
static void test_a_store_that_takes_nothing(void **state)
{
	struct fg_notice_given given = {.affected = "station:pier"};
	uint32_t id;

	(void)state;
	live(2 * SEC);
	f.ledger_full = true;
	for (int i = 0; i < 500; i++) {
		if (fg_core_notice_add(f.core, f.now, &given, &id) == FG_OK)
			assert_int_equal(fg_core_notice_clear(f.core, f.now, id), 1);
		fake_turn(&f, 2 * SEC);
	}
	assert_int_equal(held(), 128);
	f.ledger_full = false;
	live(4 * SEC);
	assert_int_equal(held(), 64);
	add(given);
}

static void test_it_outlives_a_restart(void **state)
{
	uint32_t id, next;

	(void)state;
	live(60 * SEC);
	id = add((struct fg_notice_given){.kind = FG_NOTICE_REPAIR, .affected = "device:sonde",
		.to_ms = MS_NOW + 3600000});
	next = add((struct fg_notice_given){.affected = "device:gauge"});
	fg_core_notice_clear(f.core, f.now, next);
	live(60 * SEC);
	restart(60 * SEC);
	live(120 * SEC);
	assert_true(told("\"kind\":\"repair\""));
	assert_int_equal(reading_notice("x_calm"), id);
	assert_int_equal(reading_notice("x_level"), 0);
	assert_true(add((struct fg_notice_given){.from_ms = 0}) > next); /* none comes twice */
	live(HOUR);
	assert_false(told("\"kind\":\"repair\""));
	restart(10 * SEC);
	live(120 * SEC);
	assert_false(told("\"kind\":\"repair\""));
}

static int64_t newest_stored_ms;

static void set_newest(struct fg_core_start *start)
{
	start->newest_ms = newest_stored_ms;
}

/* A board that began in 1970: what was said meanwhile is of the time that it turns out to be. */
static void test_it_moves_when_the_time_is_known(void **state)
{
	char from[FG_RFC3339_SIZE], to[FG_RFC3339_SIZE];
	int64_t right_us = f.now.wall_us - f.now.mono_us, began_ms;
	uint32_t id;

	(void)state;
	live(60 * SEC);
	newest_stored_ms = MS_NOW;
	fake_before_start = set_newest;
	f.now.wall_us = 1000 * SEC;
	fake_restart(&f);
	fake_before_start = NULL;
	polls_seen = f.poll_count;
	live(120 * SEC);
	began_ms = (f.now.mono_us + right_us) / 1000;
	id = add((struct fg_notice_given){
		.kind = FG_NOTICE_REPAIR, .affected = "device:sonde", .for_ms = 7200000});
	assert_false(told("\"from\":\"1970"));
	f.now.wall_us = f.now.mono_us + right_us + 86400 * SEC;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	fake_timed(&f);
	live(6000 * SEC);
	fg_rfc3339(began_ms + 86400000, from);
	fg_rfc3339(began_ms + 86400000 + 7200000, to);
	assert_true(told(from));
	assert_true(told(to));
	assert_int_equal(reading_notice("x_calm"), id);
	live(1500 * SEC);
	assert_false(told("repair"));
}

/* An id is of its day: an empty store does not give away the same ones. */
static void test_ids_are_of_their_day(void **state)
{
	char day[FG_RFC3339_SIZE];
	uint32_t id;

	(void)state;
	fg_rfc3339(MS_NOW, day); /* 2026-09-21T… */
	id = add((struct fg_notice_given){.from_ms = 0});
	assert_int_equal(id / 1000, (day[2] - '0') * 100000 + (day[3] - '0') * 10000 +
		(day[5] - '0') * 1000 + (day[6] - '0') * 100 + (day[8] - '0') * 10 + day[9] - '0');
}

static void test_bytes_of_another_version_are_as_none(void **state)
{
	const unsigned char bytes[] = {9, 0, 0, 0};

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++)
		assert_int_equal(fg_notices_take_note(f.core, "7", bytes, len), FG_OK);
	assert_int_equal(fg_notices_take_note(f.core, "seven", bytes, 4), FG_OK);
	assert_int_equal(fg_notices_take_note(f.core, "last", "none", 4), FG_OK);
	assert_null(f.core->notices.list);
}

static void test_a_gap_of_planned_downtime_refers_to_it(void **state)
{
	const struct fake_reading *gap;
	uint32_t id;

	(void)state;
	live(120 * SEC);
	id = add((struct fg_notice_given){.kind = FG_NOTICE_PLANNED, .from_ms = MS_NOW + 60000,
		.to_ms = MS_NOW + 600000});
	live(30 * SEC);
	restart(3 * HOUR); /* it is over when the gateway comes back */
	live(HOUR + 60 * SEC);
	gap = newest(FG_ITEM_GAP, "x_calm");
	assert_non_null(gap);
	assert_int_equal(gap->item.reason, FG_REASON_GATEWAY_OFF);
	assert_int_equal(gap->item.notice, id);
	assert_int_equal(reading_notice("x_calm"), 0);
	assert_false(told("planned"));
}

/* ---- rules ---- */

static int begin_failing(void **state)
{
	(void)state;
	begin_with("notices: {device_failing: 1h}\n");
	return 0;
}

static void test_a_device_that_fails_for_an_hour_is_told(void **state)
{
	const struct fake_reading *gap;
	uint32_t id;

	(void)state;
	live(120 * SEC);
	silent = true;
	live(HOUR - 120 * SEC);
	assert_false(told("device_failing"));
	live(300 * SEC);
	assert_true(told("\"kind\":\"fault\",\"cause\":\"device_failing\""));
	assert_true(told("\"affected\":{\"devices\":[\"sonde\"]}"));
	assert_true(told("\"en\":\"No readings from Weir sonde: it does not answer, or answers "
			 "wrongly. Reason: no_response.\""));
	live(900 * SEC); /* the next announcement */
	id = f.core->notices.last_id;
	assert_int_equal(reading_notice("x_calm"), id);
	assert_int_equal(reading_notice("x_level"), 0);
	assert_int_equal(fg_core_notice_clear(f.core, f.now, id), FG_EREFUSED);
	restart(10 * SEC);
	live(60 * SEC);
	assert_int_equal(f.core->notices.last_id, id); /* it is the same one */
	assert_true(told("device_failing"));
	silent = false;
	live(120 * SEC);
	assert_false(told("device_failing"));
	assert_int_equal(reading_notice("x_calm"), 0);
	live(120 * SEC);
	gap = newest(FG_ITEM_GAP, "x_calm"); /* told after the recovery, of the time before */
	assert_non_null(gap);
	assert_int_equal(gap->item.notice, id);
}

static void test_without_its_rule_it_ends(void **state)
{
	char yaml[4096];

	(void)state;
	silent = true;
	live(HOUR + 300 * SEC);
	assert_true(told("device_failing"));
	snprintf(yaml, sizeof(yaml), "%s%s%s%s", FAKE_HEAD, FAKE_TOWN, FAKE_LINK, devices);
	fake_reload(&f, yaml);
	polls_seen = f.poll_count; /* the others were of groups that are gone */
	live(60 * SEC);
	assert_false(told("device_failing"));
}

static int begin_maintenance(void **state)
{
	(void)state;
	begin_with("notices: {maintenance: true}\n");
	return 0;
}

static void test_maintenance_is_told_from_when_it_is_planned(void **state)
{
	struct fg_maintenance_window w = {.from_ms = MS_NOW + 600000, .until_ms = MS_NOW + 900000,
		.reason = "new lamp"};

	(void)state;
	assert_int_equal(fg_core_maintenance_on(f.core, f.now, "sonde", &w), FG_OK);
	live(60 * SEC);
	assert_true(told("\"kind\":\"planned\",\"cause\":\"maintenance\""));
	assert_true(told("\"en\":\"Work on Weir sonde. Readings are marked while it goes on. "
			 "Reason: new lamp.\""));
	assert_int_equal(reading_notice("x_calm"), 0);
	live(660 * SEC);
	assert_int_equal(reading_notice("x_calm"), f.core->notices.last_id);
	assert_int_equal(fg_core_maintenance_off(f.core, f.now, "sonde", false), 1);
	live(60 * SEC);
	assert_false(told("maintenance"));
	w = (struct fg_maintenance_window){.from_ms = 0};
	assert_int_equal(fg_core_maintenance_on(f.core, f.now, "gauge", &w), FG_OK);
	live(60 * SEC);
	assert_true(told("\"kind\":\"repair\",\"cause\":\"maintenance\""));
}

static int begin_calibration(void **state)
{
	(void)state;
	begin_with("notices: {calibration_overdue: true}\n");
	return 0;
}

static void test_an_overdue_calibration_is_told(void **state)
{
	(void)state;
	live(60 * SEC);
	assert_true(told("\"cause\":\"calibration_overdue\""));
	assert_true(told("\"from\":\"2026-06-01T00:00:00.000Z\""));
	assert_true(told("\"points\":[\"park/x_level\"]"));
	live(60 * SEC);
	assert_int_equal(reading_notice("x_level"), f.core->notices.last_id);
	assert_int_equal(reading_notice("x_calm"), 0);
}

/* Nothing is looked for where there is nothing to see. */
static void test_without_rules_and_notices_it_costs_no_turn(void **state)
{
	(void)state;
	live(120 * SEC);
	assert_int_equal(fg_notices_run(f.core, f.now), INT64_MAX);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_readings_of_affected_points_refer_to_it),
		TEST(test_it_may_speak_of_devices_stations_or_all),
		TEST(test_it_speaks_of_whole_names),
		TEST(test_texts_are_made_of_titles_where_none_is_given),
		TEST(test_texts_of_many_things_are_cut_between_characters),
		TEST(test_what_is_planned_is_told_before_and_ends_by_itself),
		TEST(test_it_is_published_when_it_changes),
		TEST(test_what_cannot_be_is_refused),
		TEST(test_the_longest_list_fits),
		TEST(test_a_store_that_takes_nothing),
		TEST(test_it_outlives_a_restart),
		TEST(test_it_moves_when_the_time_is_known),
		TEST(test_ids_are_of_their_day),
		TEST(test_bytes_of_another_version_are_as_none),
		TEST(test_a_gap_of_planned_downtime_refers_to_it),
		TEST(test_without_rules_and_notices_it_costs_no_turn),
		cmocka_unit_test_setup_teardown(
			test_a_device_that_fails_for_an_hour_is_told, begin_failing, end),
		cmocka_unit_test_setup_teardown(test_without_its_rule_it_ends, begin_failing, end),
		cmocka_unit_test_setup_teardown(
			test_maintenance_is_told_from_when_it_is_planned, begin_maintenance, end),
		cmocka_unit_test_setup_teardown(
			test_an_overdue_calibration_is_told, begin_calibration, end),
	};

	return cmocka_run_group_tests_name("notices", tests, NULL, NULL);
}
