/* SPDX-License-Identifier: EUPL-1.2 */
/* Notices that rules write of certificates and of alarms: when, of what, in which words. */
#include "fake.h"

#define DAY_US INT64_C(86400000000)

static const char yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"notices: {certificate_expiring: true, alarm: true}\n"
	"devices:\n"
	"  gauge: {station: pier, domain: water, link: plc, unit_id: 2, interval: 60s, points: {\n"
	"    x_level: {title: Water, table: input, address: 0, type: u16, unit: Cel,\n"
	"      alarm: {above: 2.5, below: -1, rate: 0.05, hysteresis: 0.5}},\n"
	"    x_ratio: {table: input, address: 8, type: u16, unit: \"1\",\n"
	"      alarm: {above: 1000}}}}\n";

static struct fake f;
static size_t polls_seen;
static double shows;

static int begin(void **state)
{
	(void)state;
	fake_init(&f, yaml);
	polls_seen = 0;
	shows = 1;
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

/* Polls are answered at once. */
static void live(int64_t us)
{
	for (; us > 0; us -= 5 * SEC) {
		pass(5 * SEC);
		for (; polls_seen < f.poll_count; polls_seen++)
			fake_answer(&f, f.polls[polls_seen].group, shows);
	}
	fake_commit(&f);
	fake_turn(&f, 0);
}

static void restart(int64_t off_us)
{
	f.now.mono_us += off_us;
	f.now.wall_us += off_us;
	fake_restart(&f);
	polls_seen = f.poll_count;
	fg_core_clock(f.core, f.now, FG_CLOCK_RIGHT);
	fake_timed(&f);
	pass(2 * SEC);
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

static unsigned in_force(void)
{
	unsigned n = 0;

	for (const struct fg_service_notice *i = f.core->notices.list; i; i = i->next)
		n += i->ended_ms == 0;
	return n;
}

static void connected_with(int64_t broker_ms, int64_t authority_ms, int64_t client_ms)
{
	const struct fg_certificates c = {{broker_ms, authority_ms, client_ms}};

	fg_core_certificates(f.core, fake_publisher(&f, 0), &c);
	pass(2 * SEC);
}

/* ---- certificates ---- */

static void test_a_certificate_that_ends_is_told_ahead(void **state)
{
	const int64_t end_ms = (f.now.wall_us + 31 * DAY_US) / 1000;

	(void)state;
	connected_with(end_ms, end_ms + 400 * DAY_US / 1000, 0);
	pass(DAY_US - 60 * SEC);
	assert_int_equal(in_force(), 0);
	pass(120 * SEC);
	assert_int_equal(in_force(), 1);
	assert_true(told("\"kind\":\"planned\",\"cause\":\"certificate_expiring\""));
	assert_true(told("\"affected\":{\"destinations\":[\"town\"]}"));
	assert_true(f.core->notices.list->is.from_ms == end_ms);
	assert_true(told("\"en\":\"The connection to 'town' may break on "));
	assert_true(told(": the broker's certificate ends then.\""));
	assert_true(told("\"nb\":\"Forbindelsen til «town» kan bli brutt "));
	assert_true(told(": da utløper brokerens sertifikat.\""));
	assert_true(told("\"nn\":\"Sambandet til «town» kan bli brote "));
	assert_true(told(": då går sertifikatet til brokeren ut.\""));
	connected_with(end_ms + 90 * DAY_US / 1000, 0, end_ms);
	assert_int_equal(in_force(), 1); /* another is in use; and ours is still that of before */
	assert_true(told("the gateway's certificate ends"));
	connected_with(end_ms + 90 * DAY_US / 1000, 0, end_ms + 90 * DAY_US / 1000);
	assert_false(told("certificate"));
}

static void test_a_certificate_that_has_ended_is_a_fault(void **state)
{
	const int64_t end_ms = (f.now.wall_us + 2 * DAY_US) / 1000;

	(void)state;
	connected_with(0, end_ms, 0);
	assert_true(told("planned"));
	pass(2 * DAY_US);
	assert_int_equal(in_force(), 1);
	assert_true(told("\"kind\":\"fault\",\"cause\":\"certificate_expiring\""));
	assert_true(told("may be broken since "));
	assert_true(told(": the authority's certificate ended then."));
	assert_true(told("kan være brutt siden ") && told(": da utløp utstederens sertifikat."));
	assert_true(told("kan vere brote sidan ") &&
		    told(": då gjekk sertifikatet til utferdaren ut."));
}

/* Readings are as good as ever. */
static void test_no_reading_is_marked(void **state)
{
	const struct fake_reading *r;

	(void)state;
	connected_with(f.now.wall_us / 1000 - 1000, 0, 0);
	assert_int_equal(in_force(), 1);
	live(120 * SEC);
	r = &f.stored[f.appended_next - 1 - FAKE_FIRST_SEQ];
	assert_int_equal(r->item.kind, FG_ITEM_READING);
	assert_int_equal(r->item.notice, 0);
}

/* Until a connection shows what is in use. */
static void test_what_was_told_of_certificates_stays(void **state)
{
	const int64_t end_ms = (f.now.wall_us + 20 * DAY_US) / 1000;
	uint32_t id;

	(void)state;
	connected_with(end_ms, 0, 0);
	id = f.core->notices.last_id;
	live(10 * SEC);
	restart(60 * SEC);
	assert_int_equal(in_force(), 1);
	connected_with(end_ms, 0, 0);
	assert_int_equal(f.core->notices.last_id, id);
	restart(60 * SEC);
	assert_int_equal(in_force(), 1);
	connected_with(0, 0, 0);
	assert_int_equal(in_force(), 0);
}

/* ---- alarms ---- */

static void test_an_alarm_is_told_while_it_holds(void **state)
{
	uint32_t id;

	(void)state;
	live(120 * SEC);
	assert_int_equal(in_force(), 0);
	shows = 3;
	live(120 * SEC);
	assert_int_equal(in_force(), 1);
	id = f.core->notices.last_id;
	assert_true(told("\"kind\":\"alarm\",\"cause\":\"alarm\""));
	assert_true(told("\"affected\":{\"points\":[\"pier/x_level\"]}"));
	assert_true(told("\"en\":\"Alarm: Water, Pier is above the limit of 2.5 °C.\""));
	assert_true(told("\"nb\":\"Alarm: Water, Pier er over grensen 2,5 °C.\""));
	assert_true(told("\"nn\":\"Alarm: Water, Pier er over grensa 2,5 °C.\""));
	assert_int_equal(fg_core_notice_clear(f.core, f.now, id), FG_EREFUSED);
	restart(10 * SEC);
	live(60 * SEC);
	assert_int_equal(f.core->notices.last_id, id); /* it is the same one */
	assert_int_equal(in_force(), 1);
	shows = 2;
	live(120 * SEC);
	assert_int_equal(in_force(), 0);
}

static void test_each_rule_of_an_alarm_has_its_words(void **state)
{
	(void)state;
	live(120 * SEC);
	shows = -2;
	live(120 * SEC);
	assert_true(told("\"en\":\"Alarm: Water, Pier is below the limit of -1 °C.\""));
	assert_true(told(" er under grensen -1 °C.") && told(" er under grensa -1 °C."));
	shows = 0.5;
	live(120 * SEC);
	assert_int_equal(in_force(), 0);
	shows = 2000;
	live(120 * SEC);
	assert_int_equal(in_force(), 2);
	assert_true(told(" is above the limit of 1000.\"")); /* a ratio has no unit */
}

static void test_a_rate_has_its_words(void **state)
{
	(void)state;
	shows = -0.9;
	live(120 * SEC);
	shows = 2.4;
	live(65 * SEC);
	assert_true(told("\"en\":\"Alarm: Water, Pier changes faster than 0.05 °C per "
			 "second.\""));
	assert_true(told(" endrer seg raskere enn 0,05 °C i sekundet."));
	assert_true(told(" endrar seg raskare enn 0,05 °C i sekundet."));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_certificate_that_ends_is_told_ahead),
		TEST(test_a_certificate_that_has_ended_is_a_fault),
		TEST(test_no_reading_is_marked),
		TEST(test_what_was_told_of_certificates_stays),
		TEST(test_an_alarm_is_told_while_it_holds),
		TEST(test_each_rule_of_an_alarm_has_its_words),
		TEST(test_a_rate_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
