/* SPDX-License-Identifier: EUPL-1.2 */
/* The catalogue: what stands in its documents, and when they are published again. That they are
 * valid is shown by validators of others (tests/system/catalogue.py). */
#include "fake.h"

#include <stdlib.h>

#include "gateway/catalogue/catalogue.h"

#define GATEWAY                                                                                    \
	"gateway: {id: gw, title: T, operator: O, licence: NLOD-2.0, contact: a@example.no,\n"     \
	"  organisation: \"974760673\", language: en}\n"                                           \
	"stations:\n"                                                                              \
	"  pier: {title: Pier, position: {latitude: 59.5, longitude: 10.25, elevation: 2}}\n"      \
	"  park: {title: Park}\n"                                                                  \
	"storage: {file: readings.db}\n"                                                           \
	"clock: {trust: always}\n"
#define TOWN                                                                                       \
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, catalogue: true,\n"        \
	"    public: [\"mqtts://mqtt.example.no\", \"mqtt://[2001:db8::1]\"]}}\n"
#define SONDE                                                                                      \
	"devices:\n"                                                                               \
	"  sonde: {station: pier, domain: bathing, link: plc, unit_id: 1, interval: 60s,\n"        \
	"    title: Probe 7, timeout: 1s, points: {water_temperature: {table: input,\n"            \
	"      address: 0, calibration: [{date: 2026-01-02, next: 2026-10-01, raw: [0, 1],\n"      \
	"        reference: [0, 2]}]},\n"                                                          \
	"      x_sum: {expression: water_temperature + 1, unit: Cel}}}\n"
#define AIR                                                                                        \
	"  node: {station: park, domain: air, link: plc, unit_id: 2, interval: 10s,\n"             \
	"    points: {pm25: {table: input, address: 0, report: {on_change: 1}}},\n"                \
	"    hourly: {pm25: {also: [daily]}}}\n"

static const char yaml[] = GATEWAY TOWN FAKE_LINK SONDE AIR;
static const char other_payload[] = GATEWAY
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, catalogue: true,\n"
	"    payload: [senml, ngsi-ld], senml: {form: cbor}}}\n" FAKE_LINK SONDE AIR;
static struct fake f;
static struct fg_buf out;

static int begin(void **state)
{
	(void)state;
	fake_init(&f, yaml);
	fg_buf_init(&out, FG_DOCUMENT_MAX);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	fg_buf_fini(&out);
	return 0;
}

static void has(const char *part)
{
	if (!strstr(out.data, part))
		fail_msg("no %s in %s", part, out.data);
}

static void lacks(const char *part)
{
	if (strstr(out.data, part))
		fail_msg("%s in %s", part, out.data);
}

static const struct fg_calibration calibrated = {.at_ms = 1767312000000, .next_ms = 1790812800000};

static void know(void *arg, const struct fg_point *point, struct fg_catalogue_now *ret)
{
	(void)arg;
	if (strcmp(point->name, "water_temperature") != 0)
		return;
	*ret = (struct fg_catalogue_now){
		.calibration = &calibrated, .overdue = true, .maintenance = true};
}

static struct fg_catalogue catalogue(void)
{
	return (struct fg_catalogue){
		.config = f.config, .dest = &f.config->destinations[0], .now = know};
}

static void test_station(void **state)
{
	struct fg_catalogue c = catalogue();

	(void)state;
	fg_catalogue_station(&out, &c, &f.config->stations[0]);
	has("{\"type\":\"Feature\",\"id\":\"pier\",\"geometry\":{\"type\":\"Point\","
	    "\"coordinates\":[10.25,59.5,2]},\"properties\":{\"station\":\"pier\","
	    "\"title\":\"Pier\",\"gateway\":\"gw\",\"operator\":\"O\",\"contact\":\"a@example.no\","
	    "\"licence\":\"NLOD-2.0\",\"licence_uri\":\"http://publications.europa.eu/resource/"
	    "authority/licence/NLOD_2_0\",\"points\":[{\"point\":\"water_temperature\"");
	has("\"title\":\"Water temperature\",\"unit\":\"Cel\",\"interval_s\":60,"
	    "\"topic\":\"town/obs/bathing/pier/water_temperature\","
	    "\"sensor\":{\"title\":\"Probe 7\"},\"calibrated\":\"2026-01-02T00:00:00.000Z\","
	    "\"calibration_due\":\"2026-10-01T00:00:00.000Z\",\"calibration_overdue\":true,"
	    "\"qc\":{\"gross_range\":{\"fail\":[-3,45]");
	/* two intervals, the timeout and the wait for the commit */
	has("\"max_age_s\":126,\"maintenance\":true}");
	has("\"point\":\"x_sum\"");
	has("\"derived_from\":[\"water_temperature\"]");
	lacks("pm25");
	fg_buf_clear(&out);
	fg_catalogue_station(&out, &c, &f.config->stations[1]);
	has("\"geometry\":null");
	has("\"periods\":[{\"period\":\"PT1H\",\"stat\":\"mean\",\"unit\":\"ug/m3\","
	    "\"scheme\":\"no-luftkvalitet\",\"scheme_version\":\"1\","
	    "\"topic\":\"town/hourly/air/park/pm25\"},{\"period\":\"P1D\",\"stat\":\"mean\","
	    "\"unit\":\"ug/m3\",\"topic\":\"town/daily/air/park/pm25\"}]");
	/* told by exception: what has not changed is told each ten minutes */
	has("\"max_age_s\":616");
	has("}],\"classes\":[{\"point\":\"air_quality_no_hourly\","
	    "\"property\":\"x_air_quality_class\",\"domain\":\"air\","
	    "\"title\":\"Air quality class\","
	    "\"unit\":\"1\",\"period\":\"PT1H\",\"stat\":\"worst_class\","
	    "\"scheme\":\"no-luftkvalitet\",\"scheme_version\":\"1\",\"derived_from\":[\"pm25\"],"
	    "\"topic\":\"town/hourly/air/park/air_quality_no_hourly\"}]}}");
}

static void test_thing(void **state)
{
	struct fg_catalogue c = catalogue();

	(void)state;
	fg_catalogue_thing(&out, &c, &f.config->stations[1]);
	has("\"id\":\"urn:fjordgate:gw:park\"");
	has("\"support\":\"mailto:a@example.no\"");
	has("\"obs:air:pm25\":{\"title\":\"PM2.5\"");
	has("{\"href\":\"mqtts://mqtt.example.no:8883\",\"contentType\":\"application/json\","
	    "\"op\":[\"observeproperty\",\"unobserveproperty\"],"
	    "\"mqv:controlPacket\":\"subscribe\",\"mqv:filter\":\"town/obs/air/park/pm25\"");
	has("mqtt://[2001:db8::1]:1883");
	has("\"hourly:air:pm25\"");
	has("\"daily:air:pm25\"");
	has("\"hourly:air:air_quality_no_hourly\":"
	    "{\"title\":\"Air quality class (no-luftkvalitet 1)\"");
	has("\"mqv:filter\":\"town/hourly/air/park/air_quality_no_hourly\"");
	lacks("127.0.0.1");
}

static void test_gateway(void **state)
{
	struct fg_catalogue c = catalogue();

	(void)state;
	fg_catalogue_dataset(&out, &c);
	has("\"dct:license\":{\"@id\":\"http://publications.europa.eu/resource/authority/licence/"
	    "NLOD_2_0\"}");
	has("\"dct:publisher\":{\"@id\":\"https://data.brreg.no/enhetsregisteret/api/enheter/"
	    "974760673\"}");
	has("\"vcard:hasEmail\":{\"@id\":\"mailto:a@example.no\"}");
	has("They cover: air quality, bathing water.");
	has("\"@value\":\"Vanntemperatur\"");
	fg_buf_clear(&out);
	fg_catalogue_asyncapi(&out, &c);
	has("\"hourly-air-park\":{\"address\":\"town/hourly/air/park/{point}\","
	    "\"parameters\":{\"point\":{\"enum\":[\"pm25\",\"air_quality_no_hourly\"]}}");
	has("\"daily-air-park\":{\"address\":\"town/daily/air/park/{point}\","
	    "\"parameters\":{\"point\":{\"enum\":[\"pm25\"]}}");
	has("\"obs-bathing-pier\":{\"address\":\"town/obs/bathing/pier/{point}\","
	    "\"parameters\":{\"point\":{\"enum\":[\"water_temperature\",\"x_sum\"]}}");
	has("\"address\":\"town/gateways/gw/gaps\"");
	has("\"parameters\":{\"device\":{\"enum\":[\"sonde\",\"node\"]}}");
	has("\"stations\":{\"address\":\"town/stations/{station}/gw\","
	    "\"parameters\":{\"station\":{\"enum\":[\"pier\",\"park\"]}}");
	has("\"address\":\"town/schema/reading\"");
	lacks("hourly-bathing");
}

/* Without `json` the catalogue names the topics and forms that there are. */
static void test_other_payloads(void **state)
{
	struct fg_config *config = fake_load(&f, other_payload);
	struct fg_catalogue c = {.config = config, .dest = &config->destinations[0]};

	(void)state;
	fg_catalogue_station(&out, &c, &config->stations[0]);
	has("\"topic\":\"town/senml/bathing/pier/sonde\","
	    "\"content_type\":\"application/senml+cbor\"");
	lacks("/obs/");
	fg_buf_clear(&out);
	fg_catalogue_thing(&out, &c, &config->stations[0]);
	has("\"contentType\":\"application/senml+cbor\"");
	has("\"mqv:filter\":\"town/senml/bathing/pier/sonde\"");
	lacks("/obs/");
	lacks("\"type\":\"object\"");
	fg_buf_clear(&out);
	fg_catalogue_dataset(&out, &c);
	has("media-types/application/senml+cbor");
	lacks("/obs/");
	fg_buf_clear(&out);
	fg_catalogue_asyncapi(&out, &c);
	has("\"town-senml-bathing-pier-sonde\":{\"address\":\"town/senml/bathing/pier/sonde\","
	    "\"messages\":{\"senml\":{\"$ref\":\"#/components/messages/senml\"}}}");
	has("\"senml\":{\"contentType\":\"application/senml+cbor\"}");
	has("\"address\":\"town/gateways/gw/gaps\"");
	lacks("/obs/");
	fg_config_unref(config);
}

/* With `json` each payload's topics are there beside its own. */
static void test_several_payloads(void **state)
{
	struct fg_destination dest = f.config->destinations[0];
	struct fg_catalogue c = {.config = f.config, .dest = &dest};

	(void)state;
	fg_catalogue_asyncapi(&out, &c);
	lacks("senml");
	fg_buf_clear(&out);
	dest.payload |= 1u << FG_ENCODER_senml;
	fg_catalogue_asyncapi(&out, &c);
	has("\"town-senml-bathing-pier-sonde\":{\"address\":\"town/senml/bathing/pier/sonde\","
	    "\"messages\":{\"senml\":{\"$ref\":\"#/components/messages/senml\"}}}");
	has("\"senml\":{\"contentType\":\"application/senml+json\"}");
	has("\"obs-bathing-pier\":{\"address\":\"town/obs/bathing/pier/{point}\",");
}

/* What a destination does not select is not in its catalogue. */
static void test_selection(void **state)
{
	const char *class[] = {"x_air_quality_class"};
	struct fg_destination dest = f.config->destinations[0];
	struct fg_catalogue c = {.config = f.config, .dest = &dest};

	(void)state;
	dest.domains = 1u << FG_DOMAIN_AIR;
	assert_false(fg_catalogue_has_station(f.config, &dest, &f.config->stations[0]));
	assert_true(fg_catalogue_has_station(f.config, &dest, &f.config->stations[1]));
	fg_catalogue_asyncapi(&out, &c);
	lacks("water_temperature");
	fg_buf_clear(&out);
	fg_catalogue_dataset(&out, &c);
	lacks("Vanntemperatur");
	has("They cover: air quality.");
	fg_buf_clear(&out);
	/* the class alone, of points that it does not get */
	dest.domains = (1u << FG_DOMAIN_COUNT) - 1;
	dest.properties = (struct fg_texts){.items = class, .count = 1};
	assert_false(fg_catalogue_has_station(f.config, &dest, &f.config->stations[0]));
	assert_true(fg_catalogue_has_station(f.config, &dest, &f.config->stations[1]));
	fg_catalogue_station(&out, &c, &f.config->stations[1]);
	has("\"points\":[],\"classes\":[{\"point\":\"air_quality_no_hourly\"");
	fg_buf_clear(&out);
	fg_catalogue_asyncapi(&out, &c);
	has("{\"enum\":[\"air_quality_no_hourly\"]}");
	fg_buf_clear(&out);
	fg_catalogue_dataset(&out, &c);
	has("They cover: air quality.");
	dest.catalogue = false;
	for (size_t id = 0; id < fg_documents_count(f.config); id++) {
		char mem[200];
		struct fg_buf topic;

		fg_buf_wrap(&topic, mem, sizeof(mem));
		if (fg_document_topic(&topic, f.config, &dest, id))
			assert_non_null(strstr(topic.data, "town/gateways/gw/"));
	}
}

static void test_licence_without_code(void **state)
{
	(void)state;
	fg_catalogue_put_licence(&out, "ODbL-1.0");
	has("/authority/licence/ODC_BL");
	fg_buf_clear(&out);
	fg_catalogue_put_licence(&out, "OGL-Canada-2.0");
	assert_string_equal(out.data, "https://spdx.org/licenses/OGL-Canada-2.0");
}

/* ---- when they go out ---- */

static size_t times(const char *topic, size_t from)
{
	const struct fake_broker *b = &f.brokers[0];
	size_t n = 0;

	for (; from < b->sent_count; from++)
		n += strcmp(b->sent[from].topic, topic) == 0;
	return n;
}

static void turn(int seconds)
{
	for (int i = 0; i < seconds; i++) {
		fake_turn(&f, SEC);
		fake_ack_all(&f, &f.brokers[0]);
	}
}

#define PIER	"town/stations/pier/gw"
#define PARK	"town/stations/park/gw"
#define CLASSES "town/classes"

static void test_again_when_changed(void **state)
{
	static const char renamed[] =
		"gateway: {id: gw, title: T, operator: O, licence: NLOD-2.0,"
		" contact: a@example.no,\n  organisation: \"974760673\", language: en}\n"
		"stations:\n"
		"  pier: {title: Pier, position: {latitude: 59.5, longitude: 10.25,\n"
		"    elevation: 2}}\n"
		"  park: {title: The park}\n"
		"storage: {file: readings.db}\n"
		"clock: {trust: always}\n" TOWN FAKE_LINK SONDE AIR;
	struct fg_maintenance_window now = {.reason = "cleaning"};
	struct fake_broker *town = &f.brokers[0];
	size_t mark;

	(void)state;
	fake_connect(&f, town, true);
	turn(2);
	assert_int_equal(times(PIER, 0), 1);
	assert_int_equal(times(PARK, 0), 1);
	assert_int_equal(times("town/things/pier/gw", 0), 1);
	assert_int_equal(times("town/schema/reading", 0), 1);
	assert_int_equal(times(CLASSES, 0), 1);
	assert_int_equal(times("town/gateways/gw/catalogue", 0), 1);
	assert_int_equal(times("town/gateways/gw/asyncapi", 0), 1);
	/* neither with the status nor with a configuration that says the same */
	mark = town->sent_count;
	turn(301);
	assert_true(times("town/gateways/gw/status", mark) > 0);
	fake_reload(&f, yaml);
	turn(2);
	assert_int_equal(times(PIER, mark) + times(PARK, mark) + times(CLASSES, mark), 0);
	/* of what has changed, that alone */
	fake_reload(&f, renamed);
	turn(2);
	assert_int_equal(times(PARK, mark), 1);
	assert_int_equal(times(PIER, mark), 0);
	assert_int_equal(times("town/things/park/gw", mark), 1);
	/* a device in maintenance, and not any more */
	assert_int_equal(fg_core_maintenance_on(f.core, f.now, "sonde", &now), FG_OK);
	turn(2);
	assert_int_equal(times(PIER, mark), 1);
	assert_int_equal(fg_core_maintenance_off(f.core, f.now, "sonde", false), 1);
	turn(2);
	assert_int_equal(times(PIER, mark), 2);
	assert_int_equal(times(PARK, mark), 1);
	/* all of it with each connection */
	fake_lose(&f, town);
	turn(3);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	turn(2);
	assert_int_equal(times(PIER, mark), 1);
	assert_int_equal(times(CLASSES, mark), 1);
}

/* The next calibration is due ten days after the beginning: it becomes overdue by itself. */
static void test_overdue(void **state)
{
	struct fake_broker *town = &f.brokers[0];
	size_t mark;

	(void)state;
	fake_connect(&f, town, true);
	turn(2);
	mark = town->sent_count;
	f.now.mono_us += INT64_C(30) * 86400 * SEC;
	f.now.wall_us += INT64_C(30) * 86400 * SEC;
	turn(65);
	assert_int_equal(times(PIER, mark), 1);
	assert_int_equal(times(PARK, mark), 0);
}

/* ---- many stations with many points ---- */

#define STATIONS 15
#define POINTS	 160

static uint64_t tokens[512];
static size_t token_count, bytes_out, most_out, bytes_in_all;

static int port_publish(
	void *arg, const struct fg_destination *dest, const struct fg_message *m, size_t n)
{
	(void)arg;
	(void)dest;
	assert_int_equal(n, 1);
	assert_true(token_count < 512);
	tokens[token_count++] = m->token;
	bytes_out += m->len;
	bytes_in_all += m->len;
	most_out = FG_MAX(most_out, bytes_out);
	return FG_OK;
}

static char *many(void)
{
	struct fg_buf b;

	fg_buf_init(&b, 1 << 20);
	fg_buf_puts(&b, "gateway: {id: gw, title: T, operator: O, licence: CC0-1.0,\n"
			"  contact: a@example.no}\nstations:\n");
	for (int s = 0; s < STATIONS; s++)
		fg_buf_printf(&b, "  s%d: {title: S}\n", s);
	fg_buf_puts(&b, "storage: {file: readings.db}\nclock: {trust: always}\n" TOWN FAKE_LINK
			"devices:\n");
	for (int s = 0; s < STATIONS; s++) {
		fg_buf_printf(&b, "  d%d: {station: s%d, domain: water, link: plc, unit_id: %d,\n"
				  "    interval: 60s, points: {\n", s, s, s + 1);
		for (int p = 0; p < POINTS; p++)
			fg_buf_printf(&b, "      x_%d: {table: input, address: %d, unit: C}%s\n",
				p, p, p == POINTS - 1 ? "}}" : ",");
	}
	assert_false(b.overflow);
	return b.data;
}

/* A small machine has no room for all of it at once; all of it goes out. */
static void test_large_catalogue(void **state)
{
	char *text = many();
	struct fg_publisher *p;

	(void)state;
	fake_init(&f, text);
	free(text);
	token_count = bytes_out = most_out = bytes_in_all = 0;
	fake_connect(&f, &f.brokers[0], true);
	f.core->ports.publish = port_publish;
	p = fake_publisher(&f, 0);
	do {
		fake_turn(&f, SEC / 100);
		for (size_t i = 0; i < token_count; i++)
			fg_publisher_acked(p, f.now, f.brokers[0].epoch, tokens[i], 0);
		token_count = bytes_out = 0;
	} while (p->dirty_any || p->in_flight);
	assert_true(bytes_in_all > 1000000);
	assert_true(most_out < (512 << 10) + FG_DOCUMENT_MAX);
	assert_int_equal(p->document_bytes, 0);
	fake_fini(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_station),
		TEST(test_thing),
		TEST(test_gateway),
		TEST(test_selection),
		TEST(test_other_payloads),
		TEST(test_several_payloads),
		TEST(test_licence_without_code),
		TEST(test_again_when_changed),
		TEST(test_overdue),
		cmocka_unit_test(test_large_catalogue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
