/* SPDX-License-Identifier: EUPL-1.2 */
/* What the catalogue asks of the configuration: licences, contact, organisation, addresses. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "harness.h"

/* The keys of the gateway stand on line 1; `more` among those of the destination on line 4. */
static struct loaded load_with(const char *gateway, const char *server, const char *more)
{
	char text[2000];

	snprintf(text, sizeof(text),
		"gateway: {id: g%s}\n"
		"stations: {pier: {position: {latitude: 59, longitude: 10}}, park: {}}\n"
		"storage: {file: readings.db}\n"
		"mqtt: {town: {servers: [\"%s\"]%s}}\n"
		"links: {plc: {driver: modbus-tcp, host: 127.0.0.1}}\n"
		"devices: {a: {station: pier, domain: water, link: plc, unit_id: 1,\n"
		"  interval: 60s, points: {ph: {reference: 30001}}}}\n",
		gateway, server, more);
	return load_text(text);
}

#define HERE  "mqtt://127.0.0.1:1"
#define THERE "mqtts://mqtt.example.no"

static void told(const char *gateway, const char *expected)
{
	struct loaded l = load_with(gateway, HERE, "");

	assert_has(l.out.data, expected);
	unload(&l);
}

static void fine(const char *gateway)
{
	struct loaded l = load_with(gateway, HERE, "");

	if (l.status != FG_OK)
		fail_msg("%s", l.out.data);
	assert_string_equal(l.out.data, "\n");
	unload(&l);
}

static void who_runs_it(void **state)
{
	(void)state;
	told(", contact: ring Ola", "fjordgate.yaml:1:27: error: gateway.contact: 'ring Ola' is "
				    "neither a web address nor a mail address");
	told(", contact: \"@no\"", "neither a web");
	told(", contact: \"a@b\"", "neither a web");
	told(", contact: \"ftp://example.no\"", "neither a web");
	fine(", contact: \"https://www.example.no/miljo\"");
	fine(", contact: miljo@example.no");
	told(", organisation: \"97476067\"", "'97476067' is not nine digits");
	told(", organisation: \"97476067x\"", "is not nine digits");
	told(", organisation: \"974760674\"", "its digits do not fit together");
	fine(", organisation: \"974760673\"");
	fine(", organisation: \"991825827\"");
}

static void licences(void **state)
{
	(void)state;
	fine(", licence: CC-BY-4.0");
	fine(", licence: NLOD-2.0");
	told(", licence: MIT", "warning: gateway.licence: the EU's list of licences has no 'MIT'");
	assert_string_equal(fg_licence_code("NLOD-2.0"), "NLOD_2_0");
	assert_string_equal(fg_licence_code("CC0-1.0"), "CC0");
	assert_null(fg_licence_code("NLOD"));
}

static void what_is_missing(void **state)
{
	struct loaded l = load_with("", THERE, "");

	(void)state;
	assert_has(l.out.data,
		"fjordgate.yaml:1:10: warning: what is published as open data lacks: "
		"gateway.operator, gateway.contact, gateway.licence, the position of 1 station;");
	unload(&l);
	l = load_with("", THERE, ", catalogue: false");
	assert_lacks(l.out.data, "lacks");
	unload(&l);
	l = load_with("", HERE, "");
	assert_lacks(l.out.data, "lacks");
	unload(&l);
}

static void addresses(void **state)
{
	struct loaded l = load_with("", HERE, ", public: [\"mqtts://a.example.no\", "
					      "\"mqtt://[2001:db8::1]:1884\"]");
	const struct fg_destination *d;

	(void)state;
	if (l.status != FG_OK)
		fail_msg("%s", l.out.data);
	d = &l.config->destinations[0];
	assert_true(d->catalogue);
	assert_int_equal(d->public_count, 2);
	assert_string_equal(d->public_servers[0].host, "a.example.no");
	assert_int_equal(d->public_servers[0].port, 8883);
	assert_int_equal(d->public_servers[1].port, 1884);
	unload(&l);
	l = load_with("", HERE, ", public: http://a.example.no");
	assert_has(l.out.data, "'http://a.example.no' is not a server");
	unload(&l);
}

/* Of a buoy and a bathing place at one pier. */
static struct loaded load_twins(const char *destination, const char *of_point)
{
	char text[2000];

	snprintf(text, sizeof(text),
		"gateway: {id: g}\n"
		"stations: {pier: {position: {latitude: 59, longitude: 10}}}\n"
		"storage: {file: readings.db}\n"
		"mqtt: {town: {servers: [\"" HERE "\"], %s}}\n"
		"links: {plc: {driver: modbus-tcp, host: 127.0.0.1}}\n"
		"devices:\n"
		"  a: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {water_temperature: {reference: 30001, unit: Cel}}}\n"
		"  b: {station: pier, domain: bathing, link: plc, unit_id: 2, interval: 60s,\n"
		"    points: {water_temperature: {reference: 30001, unit: Cel%s}}}\n",
		destination, of_point);
	return load_text(text);
}

static void twins(const char *destination, const char *of_point, const char *expected)
{
	struct loaded l = load_twins(destination, of_point);

	if (!expected && l.status != FG_OK)
		fail_msg("%s", l.out.data);
	if (expected)
		assert_has(l.out.data, expected);
	unload(&l);
}

static void names_of_their_own(void **state)
{
	(void)state;
	twins("payload: [json, sensorthings]", "",
		"fjordgate.yaml:4:57: error: mqtt.town.payload: 'sensorthings' would tell points "
		"'water_temperature' of 'a' and 'water_temperature' of 'b' as one, "
		"'pier:water_temperature'; give one of them a `datastream` of its own");
	twins("payload: [json, wis2], wis2: {link: \"https://a.no\"}", "", NULL);
	twins("payload: [senml]", "",
		"fjordgate.yaml:4:57: warning: mqtt.town.payload: 'senml' would tell points "
		"'water_temperature' of 'a' and 'water_temperature' of 'b' as one, "
		"'pier/water_temperature'; only the topics tell them apart; give one of them "
		"another name");
	twins("payload: [senml]", "", NULL);
	twins("payload: [sensorthings]", ", datastream: 42", NULL);
	twins("payload: [sensorthings]", ", datastream: \"pier:water_temperature\"", "as one");
	twins("payload: [sensorthings], select: {domains: [bathing]}", "", NULL);
	twins("payload: [sensorthings], select: {stations: [pier]}", "", "as one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_runs_it),
		cmocka_unit_test(licences),
		cmocka_unit_test(what_is_missing),
		cmocka_unit_test(addresses),
		cmocka_unit_test(names_of_their_own),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
