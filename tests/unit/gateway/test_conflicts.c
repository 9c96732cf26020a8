/* SPDX-License-Identifier: EUPL-1.2 */
/* Points that two gateways publish: what is read of the other's catalogue, and what is told. */
#include "fake.h"

#include "gateway/claims.h"

#define TOWN                                                                                       \
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, catalogue: true,\n"        \
	"    select: {domains: [water, air]}}}\n"
#define SONDE                                                                                      \
	"devices:\n"                                                                               \
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"          \
	"    points: {ph: {table: input, address: 0}, turbidity: {table: input, address: 1}}}\n"   \
	"  lake: {station: park, domain: bathing, link: plc, unit_id: 2, interval: 60s,\n"         \
	"    points: {water_temperature: {table: input, address: 0}}}\n"

static const char yaml[] = FAKE_HEAD TOWN FAKE_LINK SONDE;
static struct fake f;
static char status[1 << 16];

static int begin(void **state)
{
	(void)state;
	fake_init(&f, yaml);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void heard(const char *topic, const char *claims, size_t len)
{
	fg_core_heard(f.core, f.now, "town", topic, claims, len);
}

#define HEARD(topic, claims) heard(topic, claims, sizeof(claims) - 1)

static const char *told(void)
{
	struct fg_buf out;

	fg_buf_init(&out, sizeof(status));
	fg_core_status(f.core, f.now, &out);
	snprintf(status, sizeof(status), "%s", out.data);
	fg_buf_fini(&out);
	return strstr(status, "\"point_conflicts\"");
}

static void test_conflict(void **state)
{
	(void)state;
	assert_null(strstr(told(), "gateway"));
	HEARD("town/stations/pier/gw-2", "water/ph\0air/ph\0water/none\0");
	assert_non_null(strstr(told(), "{\"destination\":\"town\",\"gateway\":\"gw-2\","
				       "\"station\":\"pier\",\"domain\":\"water\","
				       "\"point\":\"ph\"}]"));
	/* a second one, of one more point */
	HEARD("town/stations/pier/gw-3", "water/ph\0water/turbidity\0");
	assert_non_null(strstr(told(), "gw-3"));
	/* the first lists it no more, the second is gone */
	HEARD("town/stations/pier/gw-2", "water/other\0");
	assert_null(strstr(told(), "gw-2"));
	assert_non_null(strstr(told(), "gw-3"));
	HEARD("town/stations/pier/gw-3", "");
	assert_null(strstr(told(), "gw-3"));
}

static void test_no_conflict(void **state)
{
	(void)state;
	HEARD("town/stations/pier/gw", "water/ph\0");		/* ourselves */
	HEARD("other/stations/pier/gw-2", "water/ph\0");	/* another prefix */
	HEARD("town/things/pier/gw-2", "water/ph\0");
	HEARD("town/stations/quay/gw-2", "water/ph\0");		/* not our station */
	HEARD("town/stations/park/gw-2", "bathing/water_temperature\0"); /* not for this one */
	HEARD("town/stations/pier/gw/2", "water/ph\0");
	HEARD("town/stations/pier/GW", "water/ph\0");
	HEARD("town/stations/pier", "water/ph\0");
	fg_core_heard(f.core, f.now, "nobody", "town/stations/pier/gw-2", "water/ph", 9);
	assert_null(strstr(told(), "\"gateway\":\"gw-2\""));
}

/* In the document too, which goes out when it changes. */
static void test_document(void **state)
{
	struct fake_broker *town = &f.brokers[0];
	size_t mark;

	(void)state;
	fake_connect(&f, town, true);
	fake_turn(&f, SEC);
	fake_ack_all(&f, town);
	assert_null(strstr(town->document, "point_conflicts"));
	mark = town->sent_count;
	HEARD("town/stations/pier/gw-2", "water/ph\0");
	fake_turn(&f, SEC);
	fake_ack_all(&f, town);
	assert_true(town->sent_count > mark);
	assert_non_null(strstr(town->document, "\"point_conflicts\":[{\"gateway\":\"gw-2\""));
	mark = town->sent_count;
	fake_turn(&f, SEC);
	assert_int_equal(town->sent_count, mark);
	/* a configuration without the point: nothing is left of it */
	fake_reload(&f, yaml);
	assert_null(strstr(told(), "gw-2"));
}

/* Who leaves while we are not connected says it to nobody. */
static void test_gone_meanwhile(void **state)
{
	struct fake_broker *town = &f.brokers[0];

	(void)state;
	fake_connect(&f, town, true);
	fake_turn(&f, SEC);
	HEARD("town/stations/pier/gw-2", "water/ph\0");
	HEARD("town/stations/pier/gw-3", "water/ph\0");
	for (int i = 0; i < 70; i++) {
		fake_turn(&f, SEC);
		fake_ack_all(&f, town);
	}
	assert_non_null(strstr(told(), "gw-2"));
	fake_lose(&f, town);
	fake_turn(&f, 3 * SEC);
	fake_connect(&f, town, true);
	fake_turn(&f, SEC);
	HEARD("town/stations/pier/gw-3", "water/ph\0");
	assert_non_null(strstr(told(), "gw-2"));
	for (int i = 0; i < 70; i++) {
		fake_turn(&f, SEC);
		fake_ack_all(&f, town);
	}
	assert_null(strstr(told(), "gw-2"));
	assert_non_null(strstr(told(), "gw-3"));
	assert_null(strstr(town->document, "gw-2"));
}

/* However many others list however many points. */
static void test_bound(void **state)
{
	char topic[64];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(topic, sizeof(topic), "town/stations/pier/gw-%d", i);
		HEARD(topic, "water/ph\0water/turbidity\0");
	}
	for (const char *at = told(); (at = strstr(at, "\"point\":")) != NULL; at++)
		n++;
	assert_int_equal(n, 64);
}

static void listens(struct fake_broker *town, size_t count)
{
	assert_int_equal(f.subscribed, count);
	(void)town;
}

static void test_listening(void **state)
{
	struct fake_broker *town = &f.brokers[0];

	(void)state;
	fake_turn(&f, SEC);
	listens(town, 0);
	fake_connect(&f, town, true);
	fake_turn(&f, SEC);
	listens(town, 1); /* the park has nothing for this destination */
	assert_string_equal(f.filter, "town/stations/pier/+");
	fake_turn(&f, SEC);
	listens(town, 1);
	fake_reload(&f, yaml); /* what is retained is heard again */
	fake_turn(&f, SEC);
	listens(town, 2);
	fake_lose(&f, town);
	fake_turn(&f, 3 * SEC);
	fake_connect(&f, town, true);
	fake_turn(&f, SEC);
	listens(town, 3);
}

/* ---- the other's document ---- */

static void test_claims(void **state)
{
	static const char good[] =
		"{\"type\":\"Feature\",\"properties\":{\"points\":[{\"point\":\"ph\","
		"\"domain\":\"water\",\"qc\":{\"point\":\"no\"}},{\"domain\":\"air\","
		"\"point\":\"n\\u006f2\"},7,{\"point\":\"UP\",\"domain\":\"air\"}]}}";
	static const char *const bad[] = {"", "{", "[]", "{\"properties\":{}}",
		"{\"properties\":{\"points\":3}}", "{\"properties\":{\"points\":[}}",
		"{\"properties\":{\"points\":[]}} x"};
	char mem[64];
	struct fg_buf out;
	bool cut = true;

	(void)state;
	fg_buf_wrap(&out, mem, sizeof(mem));
	assert_int_equal(fg_claims_read(good, sizeof(good) - 1, &out, &cut), FG_OK);
	assert_int_equal(out.len, 17);
	assert_memory_equal(out.data, "water/ph\0air/no2", 17);
	assert_false(cut);
	fg_buf_wrap(&out, mem, 12);
	assert_int_equal(fg_claims_read(good, sizeof(good) - 1, &out, &cut), FG_OK);
	assert_int_equal(out.len, 9);
	assert_true(cut);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(fg_claims_read(bad[i], strlen(bad[i]), &out, &cut), FG_EDECODE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_conflict),
		TEST(test_no_conflict),
		TEST(test_document),
		TEST(test_gone_meanwhile),
		TEST(test_bound),
		TEST(test_listening),
		cmocka_unit_test(test_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
