/* SPDX-License-Identifier: EUPL-1.2 */
/* One fault a case: what it says, and exactly where. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

struct fault {
	const char *old, *replacement; /* the edit of the good configuration */
	const char *at; /* a text of the result; the fault stands behind its bar, or at it */
	const char *says;
};

#define QC(text, at, says)                                                                         \
	{                                                                                          \
		"interval: 60s", "qc: {" text "}", at, says                                        \
	}

static const struct fault faults[] = {
	/* the file as a whole */
	{"gateway:\n", "getaway:\n", "getaway:", "unknown key 'getaway'; did you mean 'gateway'?"},
	{"gateway:\n", "getaway:\n", "getaway:", "error: missing key 'gateway'"},
	{"clock:\n", "clock:\n  trust: kernel\n", "trust: auto",
		"key 'trust' twice; it stands in line 29"},
	{"  id: drammen-01\n", "  id: drammen-01\n\tx: 1\n", "\tx: 1", "a tab cannot indent"},
	{"stations:\n", "stations: [\n", NULL, "error: did not find expected"},

	/* gateway */
	{"  id: drammen-01\n", "", "gateway:", "gateway: missing key 'id'"},
	{"id: drammen-01", "id: Drammen 01", "id: |Drammen 01",
		"gateway.id: 'Drammen 01' is not a name"},
	{"title: Drammenselva", "title: [a]", "title: |[a]",
		"gateway.title: a list cannot stand here"},
	{"title: Drammenselva", "titel: x", "titel: x",
		"gateway: unknown key 'titel'; did you mean 'title'?"},
	{"licence: NLOD-2.0", "licence: free data", "licence: |free",
		"gateway.licence: 'free data' is not an SPDX"},
	{"timezone: Europe/Oslo", "timezone: ../etc/passwd", "timezone: |../", "unknown time zone"},
	{"timezone: Europe/Oslo", "language: no", "language: |no",
		"unknown language 'no'; did you mean 'nb'?"},

	/* stations */
	{"latitude: 59.7421", "latitude: 91", "latitude: |91",
		"position.latitude: 91 is out of range; -90 to 90"},
	{"latitude: 59.7421, ", "", "position: |{",
		"stations.bragernes.position: missing key 'latitude'"},
	{"    title: Nordre", "    titel: Nordre", "titel: Nordre",
		"stations.no: unknown key 'titel'"},
	{"  bragernes:\n    title", "  Bragernes:\n    title", "Bragernes:\n",
		"'Bragernes' is not a name"},

	/* storage */
	{"max_size: 512MiB", "max_size: 512kB", "max_size: |512kB",
		"storage.max_size: '512kB' is not a size"},
	{"max_size: 512MiB", "max_size: 1023KiB", "max_size: |1023KiB", "out of range; 1MiB to"},
	{"commit_interval: 1s", "commit_interval: 1", "commit_interval: |1\n",
		"'1' is not a duration"},
	{"commit_interval: 1s", "max_delay: 10ms", "max_delay: |10ms", "out of range; 100ms to"},
	{"when_full: drop-oldest", "when_full: drop_oldest", "when_full: |drop_",
		"did you mean 'drop-oldest'?"},
	{"when_full: drop-oldest", "when_full: thinn", "when_full: |thinn",
		"did you mean 'thin'?"},

	/* destinations */
	{"    servers: [mqtt://127.0.0.1:1883]\n", "", "local:\n",
		"mqtt.local: missing key 'servers'"},
	{"mqtt://127.0.0.1:1883", "mqtt://10.0.0.1:1883", "servers: |[mqtt://10",
		"mqtt://10.0.0.1:1883 is not encrypted"},
	{"mqtt://127.0.0.1:1883", "127.0.0.1:1883", "servers: [|127",
		"'127.0.0.1:1883' is not a server; write mqtts://"},
	{"mqtt://127.0.0.1:1883", "mqtt://127.0.0.1:70000", "servers: [|mqtt://127",
		"the host or port is wrong"},
	{"mqtt://127.0.0.1:1883", "mqtt://:1883",
		"servers: [|mqtt://:", "the host or port is wrong"},
	{"mqtt://127.0.0.1:1883", "mqtt://u:p@127.0.0.1", "servers: [|mqtt://u",
		"no login in the address"},
	{"mqtt://127.0.0.1:1883", "mqtt://", "servers: [|mqtt://]", "the host or port is wrong"},
	{"[mqtt://127.0.0.1:1883]", "[]", "servers: |[]", "0 servers; 1 to 16"},
	{"prefix: local", "prefix: local/#", "prefix: |local/#", "has a wildcard"},
	{"prefix: local", "prefix: /local", "prefix: |/local", "has an empty level"},
	{"prefix: local", "prefix: $SYS", "prefix: |$SYS", "begins with $"},
	{"prefix: local", "version: 4", "version: |4",
		"mqtt.local.version: 4 is not one of 5, 3.1.1"},
	{"prefix: local", "qos: 0", "qos: |0", "mqtt.local.qos: 0 is out of range; 1 to 2"},
	{"prefix: local", "backlog_rate: 500", "backlog_rate: |500",
		"'500' is not a rate such as 500/s"},
	{"prefix: local", "inflight: many", "inflight: |many",
		"'many' is not a whole number from 1 to 1000"},
	{"mqtt://127.0.0.1:1883", "wss://b.example.no", "servers: [|wss://b",
		"MQTT over websockets is not there"},
	{"prefix: local", "session: keep", "session: |keep",
		"'keep' is not one of kept, clean"},
	{"prefix: local", "keepalive: 1s", "keepalive: |1s", "1s is out of range; 5s to"},
	{"prefix: local", "return_after: 400d", "return_after: |400d", "out of range; 0s to 365d"},
	{"prefix: local", "batch: 5", "batch: |5", "'5' is not a duration"},
	{"prefix: local", "batch: 2h", "batch: |2h", "out of range; 0s to 1h"},
	{"prefix: local", "batch: 5s\n    payload: [json, wis2]", "batch: |5s",
		"mqtt.local.batch: payload 'wis2' has no message for readings of several moments"},
	{"prefix: local", "daily_budget: much", "daily_budget: |much", "'much' is not a size"},
	{"prefix: local", "ngsi-ld: {form: keyvalues}", "ngsi-ld: {form: |keyvalues",
		"unknown form 'keyvalues'; did you mean 'key-values'?"},
	{"payload: [json]", "payload: [json, sparkplug]\n    sparkplug: {group: a/b}",
		"sparkplug: {group: |a/b", "'a/b' has one of / + #"},
	{"payload: [json]", "payload: [sparkplug]\n    sparkplug: {primary_host: a+}",
		"{primary_host: |a+", "'a+' has one of / + #"},
	{"payload: [json]", "payload: [sparkplug]\n    sparkplug: {group: STATE}",
		"{group: |STATE", "STATE is where hosts say"},
	{"payload: [json]", "payload: [wis2]\n    wis2: {link: data.example.no}",
		"{link: |data", "'data.example.no' is no link; write https://"},
	{"prefix: local", "wis2: {lnk: a}", "wis2: {|lnk", "did you mean 'link'?"},
	{"prefix: local", "home-assistant: {prefx: a}", "home-assistant: {|prefx",
		"did you mean 'prefix'?"},
	{"prefix: local", "senml: {form: xml}", "senml: {form: |xml",
		"mqtt.local.senml.form: 'xml' is not one of json, cbor"},
	{"payload: [json]", "payload: [jsn]", "payload: [|jsn",
		"unknown payload 'jsn'; did you mean 'json'?"},
	{"domains: [bathing, water]", "domains: [bathing, wather]", "[bathing, |wather",
		"did you mean 'water'?"},
	{"domains: [bathing, water]", "quality: [1, 5]", "quality: [1, |5",
		"5 is not one of 1, 2, 3, 4, 9"},
	{"domains: [bathing, water]", "stations: [nowhere]", "stations: |[nowhere]",
		"mqtt.open-data.select.stations: no station 'nowhere'"},
	{"domains: [bathing, water]", "properties: [ph, colour]", "properties: |[ph",
		"unknown property 'colour'"},
	{"domains: [bathing, water]", "domains: []", "domains: |[]",
		"an empty list chooses nothing"},
	{"    username: drammen-01\n", "", "password_file: |password",
		"a password without username"},
	{"    prefix: drammen\n", "    prefix: drammen\n    key_file: k\n", "key_file: |k",
		"a key without cert_file"},
	{"    prefix: drammen\n", "    prefix: drammen\n    psk_identity: k\n", "psk_identity: |k",
		"without psk_file"},
	{"  local:\n    servers: [mqtt://127.0.0.1:1883]\n    prefix: local",
		"  local:\n    servers: [mqtts://MQTT2.example.no:8883]\n    prefix: drammen",
		"prefix: |drammen\nclock",
		"same server and prefix 'drammen' as destination 'open-data' (fjordgate.yaml:18)"},
	{"    prefix: local",
		"    prefix: local\n    client_id: c\n  two:\n    servers: [mqtt://127.0.0.1]\n"
		"    client_id: c",
		"client_id: |c\nclock", "'c' is also that of destination 'local'"},
	{"    prefix: local",
		"    prefix: local\n    payload: [sparkplug]\n    sparkplug: {group: g}\n"
		"  two:\n    servers: [mqtt://127.0.0.1]\n    client_id: c\n    prefix: two\n"
		"    payload: [json, sparkplug]\n    sparkplug: {group: g}",
		"{group: |g}\nclock", "one edge node twice: destination 'local'"},
	{"    prefix: local",
		"    prefix: local\n    payload: [home-assistant]\n  two:\n"
		"    servers: [mqtt://127.0.0.1]\n    client_id: c\n    prefix: two\n"
		"    payload: [home-assistant]\n    home-assistant: {prefix: homeassistant}",
		"{prefix: |homeassistant}\nclock",
		"one discovery topic twice: destination 'local'"},

	/* clock, control, http */
	{"trust: auto", "trust: atuo", "trust: |atuo", "did you mean 'auto'?"},
	{"trust: auto", "max_wait: 30", "max_wait: |30\n", "'30' is not a duration"},
	{"links:\n", "http: {listen: 127.0.0.1}\nlinks:\n", "listen: |127",
		"http.listen: '127.0.0.1' is not an address and a port; write 127.0.0.1:8080"},
	{"links:\n", "http: {listen: 127.0.0.1:0}\nlinks:\n", "listen: |127",
		"'127.0.0.1:0' has no port from 1 to 65535"},
	{"links:\n", "http: {listen: \"[::1]:80800\"}\nlinks:\n", "listen: |\"[",
		"'[::1]:80800' has no port from 1 to 65535"},
	{"links:\n", "http: {listen: \"::1:8080\"}\nlinks:\n", "listen: |\"::",
		"an IPv6 address stands in brackets: [::1]:8080"},
	{"links:\n", "http: {listen: board.example.no:80}\nlinks:\n", "listen: |board",
		"'board.example.no' is a name; write the address of an interface of this machine"},
	{"links:\n", "http: {listen: \"*:80\"}\nlinks:\n", "listen: |\"*",
		"'*' is no address; all interfaces are 0.0.0.0 or [::]"},
	{"links:\n", "http: {listen: [8080]}\nlinks:\n", "listen: |[",
		"http.listen: a list cannot stand here"},
	{"links:\n", "http: {lisen: 8080}\nlinks:\n", "lisen: 8080",
		"http: unknown key 'lisen'; did you mean 'listen'?"},
	{"links:\n", "http: {rate_limit: 5}\nlinks:\n", "rate_limit: |5",
		"http.rate_limit"},

	/* links */
	{"    driver: modbus-tcp\n", "", "plc:\n    host", "links.plc: missing key 'driver'"},
	{"driver: modbus-tcp", "driver: modbus-tpc", "driver: |modbus-tpc",
		"unknown driver 'modbus-tpc'; did you mean 'modbus-tcp'?"},
	{"driver: modbus-tcp", "driver: lora", "driver: |lora",
		"links.plc.driver: unknown driver 'lora'; there is modbus-"},
	{"    host: 127.0.0.1\n", "", "plc:\n", "links.plc: missing key 'host'"},
	{"host: 127.0.0.1", "host: 127.0.0.1\n    prot: 502", "prot: 502",
		"unknown key 'prot'; did you mean 'port'?"},
	{"baud: 9600", "baud: 9601", "baud: |9601",
		"links.rs485.baud: 9601 is not one of 1200, 2400, 4800, 9600"},
	{"  pond:\n", "  plc2: {driver: modbus-tcp, host: 127.0.0.1}\n  pond:\n", "plc2: |{",
		"same port as link 'plc'"},
	{"  plc:\n    driver", "  PLC:\n    driver", "PLC:\n", "links.PLC: 'PLC' is not a name"},

	/* devices */
	{"    station: no\n", "", "pier-probe:", "devices.pier-probe: missing key 'station'"},
	{"station: no", "station: nordre", "station: |nordre",
		"devices.pier-probe.station: unknown station 'nordre'; stations are bragernes, no"},
	{"station: bragernes\n    domain: water", "station: bragernse\n    domain: water",
		"station: |bragernse", "did you mean 'bragernes'?"},
	{"link: plc", "link: plcc", "link: |plcc",
		"devices.pier-probe.link: unknown link 'plcc'; did you mean 'plc'?"},
	{"domain: bathing", "domain: bating", "domain: |bating",
		"devices.pier-probe.domain: unknown domain 'bating'; did you mean 'bathing'?"},
	{"interval: 10s", "intervall: 10s", "intervall: 10s",
		"devices.weir-sonde: unknown key 'intervall'; did you mean 'interval'?"},
	{"interval: 10s", "interval: 50ms", "interval: |50ms", "50ms is out of range; 100ms to"},
	{"interval: 10s", "timeout: 0s", "timeout: |0s", "0s is out of range; 10ms to 1m"},
	{"interval: 10s", "retries: 99", "retries: |99",
		"devices.weir-sonde.retries: 99 is out of range; 0 to 10"},
	{"interval: 10s", "interval: 7s\n    align: true", "interval: |7s",
		"align needs an interval that divides a day"},
	{"interval: 10s", "allow_commands: perhaps", "allow_commands: |perhaps",
		"devices.weir-sonde.allow_commands"},
	{"interval: 10s", "hourly: {water_temperatur: true}", "temperatur: |true",
		"devices.weir-sonde.hourly.water_temperatur: the device has no point "
		"'water_temperatur'; did you mean 'water_temperature'?"},
	{"interval: 10s", "hourly: {water_temperature: maybe}", "temperature: |maybe",
		"devices.weir-sonde.hourly.water_temperature"},
	{"interval: 10s", "hourly: {water_temperature: [true]}", "temperature: |[",
		"takes true, false or a mapping of options"},
	{"interval: 10s", "hourly: {water_temperature: {stats: mean}}", "{|stats",
		"unknown key 'stats'; did you mean 'stat'?"},
	{"interval: 10s", "hourly: {water_temperature: {also: [dayly]}}", "[|dayly",
		"did you mean 'daily'?"},
	{"interval: 10s", "hourly: {water_temperature: {stat: direction, also: [daily]}}",
		"temperature: |{", "directions are told by the hour alone"},
	{"interval: 10s", "hourly: {water_temperature: {stat: sum, also: [daily-max-8h]}}",
		"temperature: |{", "daily-max-8h is of means"},
	{"interval: 10s", "hourly: {water_temperature: {speed: ph}}", "temperature: |{",
		"'speed' belongs to directions"},
	{"interval: 10s", "hourly: 5", "hourly: |5",
		"devices.weir-sonde.hourly: a text cannot stand here"},
	{"interval: 10s", "profile: none-such", "profile: |none-such",
		"unknown profile 'none-such'"},
	{"unit_id: 5", "unit_id: 300", "unit_id: |300", "devices.weir-sonde.unit_id: 300"},
	{"    points:\n      pm25: {path: /sensors/pm25, unit: mg/m3}\n", "",
		"air-node:", "devices.air-node: no points"},
	{"      pm25: {path: /sensors/pm25, unit: mg/m3}\n", "      ~\n", "points:\n      |~",
		"no points"},
	{"pm25: {path: /sensors/pm25, unit: mg/m3}", "pm25: 5", "pm25: |5",
		"devices.air-node.points.pm25: a text cannot stand here"},

	/* points */
	{"type: float32", "type: flaot32", "type: |flaot32",
		"devices.weir-sonde.points.water_temperature.type: unknown type 'flaot32'; did you "
		"mean 'float32'?"},
	{"unit: Cel", "datastream: a/b", "datastream: |a/b", "'a/b' cannot stand in a topic"},
	{"unit: Cel", "unit: mg/L", "unit: |mg/L",
		"unit 'mg/L' (mass concentration in water) cannot be converted to 'Cel' "
		"(temperature)"},
	{"unit: Cel", "unit: Cle", "unit: |Cle", "unknown unit 'Cle'; did you mean 'Cel'?"},
	{"unit: Cel", "unit: furlong", "unit: |furlong",
		"unknown unit 'furlong'; water_temperature is published in 'Cel'"},
	{"unit: Cel", "property: x_a\n        unit: \"a b\"", "unit: |\"a b",
		"'a b' cannot be a UCUM unit"},
	{"      ph:\n", "      phh:\n", "phh:",
		"devices.weir-sonde.points.phh: unknown property 'phh'; did you mean 'ph'?"},
	{"unit: Cel", "property: watr_temperature", "property: |watr",
		".property: unknown property 'watr_temperature'; did you mean "
		"'water_temperature'?"},
	{"unit: Cel", "property: zzzzzz", "property: |zzzzzz",
		"use one of the table, or a name of your own that begins with x_"},
	{"scale: 0.1\n", "scale: 0\n", "scale: |0\n", "0 would make every value the offset"},
	{"scale: 0.1\n", "scale: 0,1\n", "scale: |0,1", "'0,1' is not a number"},
	{"scale: 0.1\n", "decimals: 11\n", "decimals: |11", "11 is out of range; 0 to 10"},
	{"missing: [0x7FC00000, -9999]", "missing: [0x7FC0000G]", "missing: [|0x7FC0000G",
		"is neither a raw pattern"},
	{"fail: [-2, 40]", "fail: [40, -2]", "fail: |[40",
		"[40, -2] is empty; the lower bound comes first"},
	{"suspect: [0, 30]", "suspect: [-3, 30]", "suspect: |[-3",
		"[-3, 30] is not within fail [-2, 40]"},
	{"{fail: [-2, 40], suspect: [0, 30]}", "{}", "gross_range: |{}", "gross_range: no bounds"},
	{"{fail: [-2, 40], suspect: [0, 30]}", "{fial: [1, 2]}", "{|fial",
		"unknown key 'fial'; did you mean 'fail'?"},
	QC("spike: 3", "spike: |3", "qc.spike: '3' is neither off nor a mapping"),
	QC("spike: {}", "spike: |{", "no threshold; give suspect, fail or both"),
	QC("spike: {suspect: 0}", "suspect: |0", "a threshold is above 0"),
	QC("spike: {suspect: -1}", "suspect: |-1", "a threshold is above 0"),
	QC("spike: {suspect: .nan}", "suspect: |.nan", "'.nan' is not a number"),
	QC("spike: {suspect: .inf}", "suspect: |.inf", "'.inf' is not a number"),
	QC("spike: {suspect: 1e999}", "suspect: |1e999", "'1e999' is not a number"),
	QC("spike: {suspect: 2e300}", "spike: |{", "qc.spike: a threshold is a number of 0"),
	QC("spike: {suspect: 3, fail: 1}", "fail: |1}", "qc.spike.fail: is below suspect"),
	QC("spike: {suspect: 1, metod: average}", "|metod", "did you mean 'method'?"),
	QC("spike: {suspect: 1, method: averag}", "method: |averag", "did you mean 'average'?"),
	QC("spke: {suspect: 1}", "|spke", "unknown key 'spke'; did you mean 'spike'?"),
	QC("rate_of_change: {}", "rate_of_change: |{", "no threshold"),
	QC("rate_of_change: {suspect: 2, fail: 1}", "fail: |1}", "is below suspect"),
	QC("flat_line: {suspect: 1h}", "flat_line: |{", "missing key 'tolerance'"),
	QC("flat_line: {tolerance: -1, suspect: 1h}", "tolerance: |-1", "is above 0"),
	QC("flat_line: {tolerance: 0, suspect: 1h}", "tolerance: |0", "is above 0"),
	QC("flat_line: {tolerance: 1}", "flat_line: |{", "no threshold"),
	QC("flat_line: {tolerance: 1, suspect: 2h, fail: 1h}", "fail: |1h", "is below suspect"),
	QC("flat_line: {tolerance: 1, fail: 90d}", "fail: |90d",
		"qc.flat_line.fail: looks back over 777601 readings at this interval, 18225 KiB of "
		"memory; at most 20000, so up to 55h, or a longer interval"),
	QC("attenuated_signal: {suspect: 1, period: 90d}", "period: |90d",
		"qc.attenuated_signal.period: looks back over 777602 readings"),
	QC("attenuated_signal: {suspect: 1}", "signal: |{", "missing key 'period'"),
	QC("attenuated_signal: {suspect: 1, fail: 2, period: 1h}", "fail: |2", "above suspect"),
	QC("attenuated_signal: {suspect: 1, period: 1h, min_period: 2h}", "min_period: |2h",
		"is longer than the period"),
	QC("attenuated_signal: {suspect: 1, period: 1h, min_obs: 0}", "min_obs: |0",
		"out of range"),
	QC("flat_line: {tolerance: 1, suspect: 9s, fail: 10s}", "suspect: |9s",
		"qc.flat_line.suspect: 9s hold no two readings, which come every 10s"),
	QC("flat_line: {tolerance: 1, fail: 5s}", "fail: |5s", "qc.flat_line.fail: 5s hold"),
	QC("attenuated_signal: {suspect: 1, period: 10s}", "period: |10s",
		"qc.attenuated_signal.period: 10s hold no two readings"),
	QC("time_gap: {fail: 10s}", "fail: |10s", "qc.time_gap.fail: 10s hold no two readings"),
	QC("time_gap: {}", "time_gap: |{", "missing key 'fail'"),
	QC("time_gap: {fail: 0s}", "fail: |0s", "out of range"),
	QC("climatology: {}", "climatology: |{", "no span of time; for example"),
	QC("climatology: []", "climatology: |[", "no span of time; for example"),
	QC("climatology: {season: summer}", "climatology: |{", "missing key 'suspect'"),
	QC("climatology: {suspect: [1, 2]}", "climatology: |{", "does not say when"),
	QC("climatology: {month: 1, hour: 2, suspect: [1, 2]}", "climatology: |{",
		"says when twice"),
	QC("climatology: {month: 13, suspect: [1, 2]}", "month: |13", "there is no such one"),
	QC("climatology: {month: 1.5, suspect: [1, 2]}", "month: |1.5", "takes a whole number"),
	QC("climatology: {season: sumer, suspect: [1, 2]}", "season: |sumer",
		"did you mean 'summer'?"),
	QC("climatology: {month: 1, suspect: [2, 1]}", "suspect: |[2", "is empty"),
	QC("climatology: {month: 1, suspect: [~, 1]}", "suspect: |[~", "neither end is open"),
	QC("climatology: {month: 1, suspect: [0.5, 3], fail: [1, 4]}", "suspect: |[0.5",
		"is not within fail"),
	{"interval: 60s", "report: {on_change: -0.1}", "on_change: |-0.1", "is out of range"},
	{"interval: 60s", "report: {on_change: nan}", "on_change: |nan", "'nan' is not a number"},
	{"interval: 60s", "report: {on_chnage: 1}", "{|on_chnage", "did you mean 'on_change'?"},
	{"interval: 60s", "alarm: {interval: 1s}", "alarm: |{", "alarm: no limit; give above"},
	{"interval: 60s", "alarm: {above: 1, below: 2}", "above: |1", "1 is less than below: 2"},
	{"interval: 60s", "alarm: {above: 9, hysteresis: -1}", "hysteresis: |-1",
		"is out of range"},
	{"interval: 60s", "alarm: {above: 9, below: 5, hysteresis: 5}", "hysteresis: |5",
		"5 is more than what lies between below (5) and above (9); at most 4"},
	{"interval: 60s", "alarm: {rate: 0}", "rate: |0", "0 would hold for ever"},
	{"interval: 60s", "alarm: {above: 9, interval: 20s}", "interval: |20s",
		"alarm.interval: 20s is longer than the interval without an alarm (10s)"},
	{"interval: 60s", "alarm: {above: 9, interval: 10ms}", "interval: |10ms",
		"is out of range"},
	{"interval: 10s", "maintenance: {from: 2026-05-02, until: 2026-05-01}", "until: |2026",
		"devices.weir-sonde.maintenance.until: it ends before it begins"},
	{"interval: 60s", "calibration: {date: 2026-01-01}", "calibration: |{",
		"give raw and reference, or polynomial"},
	{"interval: 60s", "calibration: {date: 2026-01-01, raw: [4, 4], reference: [4, 7]}",
		"raw: |[4, 4]", "both are 4; no line goes through them"},
	{"interval: 60s", "calibration: {date: 2026-01-01, raw: [4, 7], reference: [7, 7]}",
		"reference: |[7, 7]", "both are 7; every value would be that"},
	{"interval: 60s", "calibration: {date: soon, polynomial: [0, 1]}", "date: |soon",
		"takes a time such as"},
	{"interval: 60s", "calibration: {date: 2026-01-01, polynomial: [1, 0]}",
		"polynomial: |[1, 0]", "every value would be 1"},
	{"interval: 60s", "calibration: {date: 2026-01-01, polynomial: [1, nan]}",
		"polynomial: [1, |nan", "is not a number"},
	{"interval: 60s", "calibration: {date: 2026-01-01, polynomial: [1, 2, 3, 4, 5, 6, 7]}",
		"polynomial: |[1", "takes 2 to 6 numbers"},
	{"interval: 60s", "calibration: {date: 2026-01-01, next: 2025-01-01, polynomial: [0, 1]}",
		"next: |2025", "due before it was done"},
	{"interval: 60s", "calibration: [{date: 2026-01-01, polynomial: [0, 1]}, "
		"{date: 2025-01-01, polynomial: [0, 1]}]",
		"date: |2025", "not later than the record before; the oldest comes first"},
	{"interval: 60s", "alarm: {over: 9}", "{|over", "unknown key 'over'"},
	{"interval: 60s", "qc: of", "qc: |of", "'of' is neither off nor a mapping of tests"},
	{"interval: 60s", "report: {at_least_every: 10}", "at_least_every: |10",
		"'10' is not a duration"},
	{"      pm25: {path", "      pm25: {paht", "{|paht",
		"unknown key 'paht'; did you mean 'path'?"},
	{"      pm25: {path: /sensors/pm25, unit: mg/m3}", "      pm25: {unit: mg/m3}", "pm25: |{",
		"devices.air-node.points.pm25: missing key 'path'"},
	{"        address: 2\n", "", NULL, "devices.weir-sonde.points.ph"},
	{"    station: no\n    domain: bathing", "    station: bragernes\n    domain: water",
		"water_temperature:\n        table: holding",
		"station 'bragernes' has this point in water already, of device 'weir-sonde'"},
};

/* Line and column of the text behind the bar, or of the whole. */
static void find_place(const char *text, const char *marked, int *ret_line, int *ret_column)
{
	const char *bar = strchr(marked, '|');
	char plain[200];
	const char *at;
	int skip = bar ? (int)(bar - marked) : 0;

	snprintf(plain, sizeof(plain), "%.*s%s", skip, marked, bar ? bar + 1 : marked);
	at = strstr(text, plain);
	if (!at)
		fail_msg("no '%s' in the edited text", plain);
	*ret_line = *ret_column = 1;
	for (const char *p = text; p < at + skip; p++) {
		*ret_column = *p == '\n' ? 1 : *ret_column + 1;
		*ret_line += *p == '\n';
	}
}

static void check(const struct fault *f)
{
	char *text = edit(good, f->old, f->replacement);
	struct loaded l = load_text(text);
	char start[64];
	int line, column;
	bool found = false;

	if (l.status == 0)
		fail_msg("'%s' is taken", f->replacement);
	if (f->at) {
		find_place(text, f->at, &line, &column);
		snprintf(start, sizeof(start), "fjordgate.yaml:%d:%d: error: ", line, column);
		for (const char *p = l.out.data; !found && (p = strstr(p, start)); p++)
			found = strstr(p, f->says) != NULL;
		if (!found)
			fail_msg("no \"%s… %s\" in\n%s", start, f->says, l.out.data);
	} else {
		assert_has(l.out.data, f->says);
	}
	unload(&l);
	free(text);
}

static void each_fault_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(faults); i++)
		check(&faults[i]);
}

static void all_faults_are_told_at_once(void **state)
{
	static const char *const edits[][2] = {
		{"id: drammen-01", "id: X"},
		{"max_size: 512MiB", "max_size: 5"},
		{"trust: auto", "trust: no"},
		{"driver: modbus-tcp", "driver: x"},
		{"type: float32", "type: y"},
		{"station: no", "station: q"},
		{"    prefix: local\n", "    prefix: local\n    prefix: local\n"},
		{"unit: mg/m3", "unit: Cel"},
	};
	static const char *const says[] = {"gateway.id: 'X'", "storage.max_size", "clock.trust",
		"unknown driver 'x'", "type", "unknown station 'q'", "key 'prefix' twice",
		"cannot be converted to 'ug/m3'"};
	char *text = edit(good, "", "");
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(edits); i++) {
		char *next = edit(text, edits[i][0], edits[i][1]);

		free(text);
		text = next;
	}
	l = load_text(text);
	for (size_t i = 0; i < FG_COUNT(says); i++)
		assert_has(l.out.data, says[i]);
	assert_true(fg_report_errors(l.rep) >= FG_COUNT(says));
	unload(&l);
	free(text);
}

static void files_must_exist(void **state)
{
	char *text = edit(good, "file: readings.db", "file: nowhere/readings.db");
	struct fg_load_options options = {0};
	struct loaded l;

	(void)state;
	write_text("fjordgate.yaml", text);
	l = load_here(&options);
	assert_has(l.out.data, "fjordgate.yaml:13:9: error: storage.file: no folder '");
	assert_has(l.out.data,
		"fjordgate.yaml:21:20: error: mqtt.open-data.password_file: cannot open '");
	assert_int_equal(fg_report_errors(l.rep), 2);
	unload(&l);
	assert_int_equal(mkdir("nowhere", 0700), 0);
	write_text("password", "x\n");
	l = load_here(&options);
	assert_int_equal(l.status, 0);
	unload(&l);
	free(text);
	text = edit(good, "timezone: Europe/Oslo", "timezone: Europe/Olso");
	write_text("fjordgate.yaml", text);
	l = load_here(&options);
	if (access("/usr/share/zoneinfo", F_OK) == 0)
		assert_has(l.out.data,
			"fjordgate.yaml:5:13: error: gateway.timezone: unknown time zone");
	unload(&l);
	free(text);
	remove("password");
}

static void warnings(void **state)
{
	static const struct {
		const char *old, *replacement, *says;
	} cases[] = {
		{"interval: 10s", "interval: 500ms",
			"warning: devices.weir-sonde: the timeout is longer"},
		{"  pond:\n", "  spare: {driver: modbus-tcp, host: h}\n  pond:\n",
			"warning: links.spare: no device uses it"},
		{"prefix: local", "version: 3.1.1\n    expiry: 5s",
			"warning: mqtt.local.expiry: MQTT 3.1.1 has none"},
		{"payload: [json]", "payload: [ngsi-ld]",
			"'ngsi-ld' tells nothing of station 'no', which has no position"},
		{"prefix: local", "ca_file: x", "warning: mqtt.local: no server is mqtts://"},
		{"baud: 9600\n", "baud: 1200\n  x: {driver: modbus-tcp, host: h}\n",
			"links.x: no device"},
	};
	char *slow = edit(good, "baud: 9600", "baud: 1200");
	char *busy = edit(slow, "interval: 10s", "interval: 100ms\n    timeout: 100ms");
	struct loaded l = load_text(good);

	(void)state;
	/* the good one has nothing to tell but of the catalogue (config_catalogue.c) */
	assert_has(l.out.data, "lacks: gateway.operator, gateway.contact, the position of 1 sta");
	assert_null(strstr(strstr(l.out.data, "warning") + 1, "warning"));
	unload(&l);
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char *text = edit(good, cases[i].old, cases[i].replacement);

		l = load_text(text);
		if (l.status < 0)
			fail_msg("%s", l.out.data);
		assert_has(l.out.data, cases[i].says);
		unload(&l);
		free(text);
	}
	l = load_text(busy);
	assert_true(l.status < 0);
	assert_has(l.out.data, "% of the bus's time), so intervals cannot be kept");
	unload(&l);
	free(slow);
	free(busy);
	l = load_text("gateway: {id: a}\n");
	assert_int_equal(l.status, 0);
	assert_has(l.out.data, "warning: no devices: nothing is polled");
	assert_has(l.out.data, "warning: no destination under mqtt");
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_has_its_place),
		cmocka_unit_test(all_faults_are_told_at_once),
		cmocka_unit_test(files_must_exist),
		cmocka_unit_test(warnings),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
