/* SPDX-License-Identifier: EUPL-1.2 */
/* What a good configuration becomes: values, merging, profiles, groups, fingerprints, documents. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"
#include "drivers/driver.h"
#include "gateway/config/keys.h"

#define SECOND INT64_C(1000000)

static void values_and_defaults(void **state)
{
	struct loaded l = load_text(good);
	const struct fg_config *c = l.config;
	const struct fg_destination *open_data, *local;
	const struct fg_device *sonde;

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->gateway.id, "drammen-01");
	assert_int_equal(c->gateway.language, FG_LANG_NB);
	assert_int_equal(c->station_count, 2);
	assert_string_equal(c->stations[1].name, "no");
	assert_true(c->stations[0].has_position && c->stations[0].elevation == 1.5);
	assert_false(c->stations[1].has_position);
	assert_true(isnan(c->stations[1].elevation));
	assert_true(c->storage.file[0] == '/' && strstr(c->storage.file, "/readings.db"));
	assert_int_equal(c->storage.keep_us, 30 * 86400 * SECOND);
	assert_int_equal(c->storage.max_size, 512 << 20);
	assert_int_equal(c->clock.trust, FG_TRUST_AUTO);
	assert_string_equal(c->control.socket, "/run/fjordgate/control.sock");

	assert_int_equal(c->destination_count, 2);
	open_data = &c->destinations[0];
	local = &c->destinations[1];
	assert_int_equal(open_data->server_count, 2);
	assert_true(open_data->servers[1].tls);
	assert_int_equal(open_data->servers[1].port, 8883);
	assert_string_equal(open_data->servers[1].host, "mqtt2.example.no");
	assert_int_equal(open_data->domains, 1u << FG_DOMAIN_BATHING | 1u << FG_DOMAIN_WATER);
	assert_int_equal(local->domains, 15);
	assert_string_equal(local->client_id, "drammen-01-local");
	assert_int_equal(local->version, 5);
	assert_int_equal(local->qos, 1);
	assert_int_equal(local->inflight, 100);
	assert_true(local->backlog_rate == 500);
	assert_int_equal(local->will_delay_us, 30 * SECOND);
	assert_int_equal(local->payload, 1);
	assert_false(local->servers[0].tls);

	assert_int_equal(c->device_count, 3);
	sonde = device(c, "weir-sonde");
	assert_string_equal(sonde->title, "weir-sonde");
	assert_int_equal(sonde->interval_us, 10 * SECOND);
	assert_int_equal(sonde->timeout_us, SECOND);
	assert_int_equal(sonde->retries, 2);
	assert_int_equal(sonde->domain, FG_DOMAIN_WATER);
	assert_string_equal(sonde->link->name, "rs485");
	assert_string_equal(sonde->link->driver_name, "modbus-rtu");
	assert_int_equal(sonde->link->device_count, 1);
	assert_ptr_equal(sonde->link->devices[0], sonde);
	assert_int_equal(device(c, "pier-probe")->interval_us, 60 * SECOND);
	unload(&l);
}

static void points_and_units(void **state)
{
	struct loaded l = load_text(good);
	const struct fg_point *t = point(l.config, "weir-sonde", "water_temperature");
	const struct fg_point *pm = point(l.config, "air-node", "pm25");

	(void)state;
	assert_string_equal(t->property, "water_temperature");
	assert_string_equal(t->unit, "Cel");
	assert_int_equal(t->decimals, -1);
	assert_int_equal(t->missing_count, 2);
	assert_true(t->missing[0].raw && t->missing[0].bits == 0x7FC00000);
	assert_true(!t->missing[1].raw && t->missing[1].value == -9999);
	assert_true(t->qc.gross_range.on && t->qc.gross_range.fail[1] == 40);
	assert_int_equal(t->at_least_every_us, 600 * SECOND);
	assert_true(pm->scale == 1000 && pm->offset == 0);
	assert_string_equal(pm->unit, "ug/m3");
	assert_string_equal(pm->source_unit, "mg/m3");
	unload(&l);
}

static void conversion_joins_scale_and_offset(void **state)
{
	static const struct {
		const char *keys, *unit;
		double scale, offset;
	} cases[] = {
		{"unit: \"°C\"", "Cel", 0.1, 0},
		{"unit: K", "Cel", 0.1, -273.15},
		{"unit: \"[degF]\"\n        offset: 5", "Cel", 0.1 * 5 / 9, (5 - 32) * 5.0 / 9},
		{"property: x_a\n        unit: kg.m-3", "kg.m-3", 0.1, 0},
		{"property: x_a\n        unit: \"°C\"", "Cel", 0.1, 0},
		{"property: x_a", "1", 0.1, 0},
		{"offset: -5", "Cel", 0.1, -5},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char line[200];
		char *text;
		struct loaded l;
		const struct fg_point *p;

		snprintf(line, sizeof(line), "scale: 0.1\n        %s\n", cases[i].keys);
		text = edit(good, "scale: 0.1\n", line);
		l = load_text(text);
		if (!l.config)
			fail_msg("%s", l.out.data);
		p = point(l.config, "pier-probe", "water_temperature");
		assert_string_equal(p->unit, cases[i].unit);
		assert_true(fabs(p->scale - cases[i].scale) < 1e-12);
		assert_true(fabs(p->offset - cases[i].offset) < 1e-9);
		unload(&l);
		free(text);
	}
}

static void groups_by_interval(void **state)
{
	struct loaded l = load_text(good);
	const struct fg_config *c = l.config;
	const struct fg_device *sonde = device(c, "weir-sonde");

	(void)state;
	assert_int_equal(sonde->group_count, 2);
	assert_int_equal(sonde->groups[0].interval_us, 10 * SECOND);
	assert_int_equal(sonde->groups[1].interval_us, 60 * SECOND);
	assert_int_equal(c->group_count, 4);
	for (size_t i = 0; i < c->group_count; i++) {
		assert_int_equal(c->groups[i]->index, i);
		assert_true(c->groups[i]->request_count > 0);
		for (size_t k = 0; k < c->groups[i]->count; k++)
			assert_ptr_equal(c->groups[i]->points[k]->device, c->groups[i]->device);
	}
	for (size_t i = 0; i < c->point_count; i++)
		assert_int_equal(c->points[i]->index, i);
	for (size_t i = 0; i < c->device_count; i++)
		assert_int_equal(c->devices[i]->index, i);
	unload(&l);
}

static void accepted_forms(void **state)
{
	static const char *const edits[][2] = {
		{"id: drammen-01", "id: no"},
		{"id: drammen-01", "id: \"5\""},
		{"prefix: local", "batch: 0s"},
		{"prefix: local", "batch: 0"},
		{"prefix: local", "batch: 15m\n    payload: [json, senml, sparkplug]"},
		{"prefix: local", "daily_budget: 0"},
		{"prefix: local", "version: 3.1.1"},
		{"prefix: local", "version: \"5\""},
		{"prefix: local", "insecure: yes"},
		{"prefix: local", "payload: json"},
		{"[mqtt://127.0.0.1:1883]", "mqtt://localhost"},
		{"[mqtt://127.0.0.1:1883]", "[\"mqtt://[::1]:1883/\"]"},
		{"[mqtt://127.0.0.1:1883]", "[mqtt://10.0.0.1]\n    insecure: true"},
		{"trust: auto", "trust: /run/gps"},
		{"interval: 10s", "interval: 10s\n    align: true\n    allow_commands: false"},
		{"interval: 60s", "qc: off"},
		{"interval: 60s", "qc: {gross_range: {fail: [~, 14]}}"},
		{"interval: 60s", "qc:"},
		{"interval: 60s", "missing: 0xFFFF"},
		{"interval: 60s", "decimals: 0"},
		{"interval: 60s", "report: {at_least_every: 1h}"},
		{"interval: 10s", "interval: ~"},
		{"devices:", "http: ~\ndevices:"},
		{"devices:", "http: {}\ndevices:"},
		{"devices:", "http: {listen: 8080}\ndevices:"},
		{"devices:", "http: {listen: \"[::]:80\", rate_limit: 0/s}\ndevices:"},
		{"devices:", "http: {listen: localhost:8080, rate_limit: 2/s}\ndevices:"},
		{"when_full: drop-oldest", "when_full: drop-newest"},
		{"commit_interval: 1s", "max_delay: 5s"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(edits); i++) {
		char *text = edit(good, edits[i][0], edits[i][1]);
		struct loaded l = load_text(text);

		if (l.status < 0)
			fail_msg("%s: %s", edits[i][1], l.out.data);
		unload(&l);
		free(text);
	}
}

static void drop_ins(void **state)
{
	struct fg_load_options options = {.no_files = true, .keep_tree = true};
	struct loaded l;

	(void)state;
	assert_int_equal(mkdir("conf.d", 0700), 0);
	write_text("fjordgate.yaml", good);
	write_text("conf.d/20-b.yaml", "gateway: {title: B}\nmqtt: {local: ~}\n");
	write_text("conf.d/10-a.yaml",
		"gateway: {title: A, operator: Somebody}\n"
		"mqtt:\n  open-data:\n    select: {domains: [air]}\n    ca_file: ca.pem\n"
		"devices:\n"); /* an empty mapping removes nothing */
	write_text("conf.d/.hidden.yaml", "nonsense: 1\n");
	write_text("conf.d/readme.txt", "nonsense: 1\n");
	l = load_here(&options);
	if (l.status < 0)
		fail_msg("%s", l.out.data);
	assert_string_equal(l.config->gateway.title, "B");
	assert_string_equal(l.config->gateway.operator, "Somebody");
	assert_int_equal(l.config->destination_count, 1);
	assert_int_equal(l.config->destinations[0].domains, 1u << FG_DOMAIN_AIR);
	assert_has(l.config->destinations[0].ca_file, "/conf.d/ca.pem"); /* relative to its file */
	assert_int_equal(l.config->device_count, 3);
	unload(&l);

	write_text("conf.d/30-c.yaml", "gateway:\n  titel: C\nstorage: {keep: 1}\n");
	write_text("conf.d/40-d.yml", "");
	l = load_here(&options);
	assert_has(l.out.data, "conf.d/30-c.yaml:2:3: error: gateway: unknown key 'titel'");
	assert_has(l.out.data, "conf.d/30-c.yaml:3:17: error: storage.keep: '1' is not a duration");
	assert_has(l.out.data, "conf.d: warning: '40-d.yml' is not read");
	unload(&l);
	write_text("conf.d/30-c.yaml", "[1]\n");
	l = load_here(&options);
	assert_has(l.out.data, "conf.d/30-c.yaml:1:1: error: the file is a list");
	unload(&l);
	/* drop-ins that cannot be listed are not drop-ins that are not there */
	assert_int_equal(rename("conf.d", "conf.d.old"), 0);
	write_text("conf.d", "");
	l = load_here(&options);
	assert_has(l.out.data, "conf.d: error: cannot read it: Not a directory");
	unload(&l);
	remove("conf.d");
	assert_int_equal(rename("conf.d.old", "conf.d"), 0);

	remove("conf.d/10-a.yaml");
	remove("conf.d/20-b.yaml");
	remove("conf.d/30-c.yaml");
	remove("conf.d/40-d.yml");
}

static const char profile[] =
	"profile:\n"
	"  title: Acme TH-20\n"
	"  vendor: Acme\n"
	"  model: TH-20\n"
	"  source: manual\n"
	"  confidence: high\n"
	"interval: 5m\n"
	"points:\n"
	"  air_temperature: {table: holding, address: 0, type: i16, scale: 0.1}\n"
	"  relative_humidity: {table: holding, address: 1, type: u16, scale: 0.1}\n";

static char *with_profile(const char *more)
{
	char lines[600];

	snprintf(lines, sizeof(lines),
		"  th:\n    station: no\n    domain: weather\n    link: plc\n    unit_id: 7\n"
		"    profile: acme-th20\n%s  air-node:\n",
		more);
	return edit(good, "  air-node:\n", lines);
}

static void profiles(void **state)
{
	struct loaded l;
	char *text;

	(void)state;
	assert_int_equal(mkdir("profiles", 0700), 0);
	write_text("profiles/acme-th20.yaml", profile);
	text = with_profile("");
	l = load_text(text);
	if (l.status < 0)
		fail_msg("%s", l.out.data);
	assert_int_equal(device(l.config, "th")->interval_us, 300 * SECOND);
	assert_int_equal(device(l.config, "th")->point_count, 2);
	unload(&l);
	free(text);

	text = with_profile("    interval: 30s\n    points:\n      relative_humidity: ~\n"
			    "      air_temperature: {offset: -0.5}\n");
	l = load_text(text);
	assert_int_equal(device(l.config, "th")->interval_us, 30 * SECOND);
	assert_int_equal(device(l.config, "th")->point_count, 1);
	assert_true(point(l.config, "th", "air_temperature")->offset == -0.5);
	assert_true(point(l.config, "th", "air_temperature")->scale == 0.1);
	unload(&l);
	free(text);

	text = with_profile("    profil: x\n");
	write_text("profiles/acme-th20.yaml", "profile: {titel: x}\npoints:\n  air_temperature: "
					      "{table: holding, adress: 0, type: i16}\n");
	l = load_text(text);
	assert_has(l.out.data, "profiles/acme-th20.yaml:1:11: error: profile: unknown key 'titel'");
	assert_has(l.out.data,
		"profiles/acme-th20.yaml:3:37: error: devices.th.points.air_temperature: "
		"unknown key 'adress'; did you mean 'address'?");
	assert_has(l.out.data, "fjordgate.yaml:81:5: error: devices.th: unknown key 'profil'");
	unload(&l);
	free(text);

	write_text("profiles/acme-th20.yaml", profile);
	text = with_profile("");
	text[strstr(text, "acme-th20") - text] = 'o';
	l = load_text(text);
	assert_has(l.out.data,
		"fjordgate.yaml:80:14: error: devices.th.profile: unknown profile 'ocme-th20'");
	assert_has(l.out.data, "did you mean 'acme-th20'?");
	unload(&l);
	free(text);
}

static void profile_folder_by_option(void **state)
{
	struct fg_load_options options = {
		.no_files = true, .keep_tree = true, .profile_dir = "elsewhere"};
	struct loaded l;
	char *text = with_profile("");

	(void)state;
	write_text("fjordgate.yaml", text);
	l = load_here(&options);
	assert_has(l.out.data, "unknown profile 'acme-th20' in elsewhere");
	unload(&l);
	assert_int_equal(mkdir("elsewhere", 0700), 0);
	write_text("elsewhere/acme-th20.yaml", profile);
	l = load_here(&options);
	assert_int_equal(l.status, 0);
	unload(&l);
	free(text);
}

static void effective(void **state)
{
	char *text = with_profile("");
	struct fg_buf out;
	struct loaded l;

	(void)state;
	write_text("profiles/acme-th20.yaml", profile);
	l = load_text(text);
	fg_buf_init(&out, 1 << 20);
	fg_config_print_effective(l.config, &out);
	assert_has(out.data, "gateway.id = drammen-01  # fjordgate.yaml:2\n");
	assert_has(out.data, "storage.keep = 30d  # default\n");
	assert_has(out.data, "mqtt.local.client_id = drammen-01-local  # default\n");
	assert_has(out.data, "links.plc.port = 502  # default\n");
	assert_has(out.data, "devices.weir-sonde.points.ph.interval = 60s  # fjordgate.yaml:63\n");
	assert_has(out.data, "devices.weir-sonde.points.ph.unit = [pH]  # default\n");
	assert_has(out.data, "devices.th.interval = 5m  # profiles/acme-th20.yaml:7\n");
	assert_has(out.data,
		"devices.th.points.air_temperature.scale = 0.1  # profiles/acme-th20.yaml:9\n");
	assert_has(out.data, "devices.weir-sonde.points.water_temperature.missing = [0x7FC00000, "
			     "-9999]  # fjord");
	assert_has(out.data, "clock.max_wait = 30m  # default\n");
	fg_buf_fini(&out);
	unload(&l);
	free(text);
}

static void plan_and_forecast(void **state)
{
	struct loaded l = load_text(good);
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	fg_config_print_plan(l.config, &out);
	assert_has(out.data, "link rs485 (modbus-rtu): 1 device, ");
	assert_has(out.data, "  weir-sonde every 10s: 1 point in 1 request, ");
	assert_has(out.data, "  weir-sonde every 1m: 1 point in 1 request, ");
	assert_has(out.data, " ms and 10.0 ms until it answers\n");
	assert_has(out.data, "store: about ");
	fg_buf_clear(&out);
	fg_config_print_forecast(l.config, &out);
	assert_has(out.data, "link rs485: ");
	assert_has(out.data, "% of the bus's time\n");
	fg_buf_fini(&out);
	unload(&l);
}

/* What changes with an edit: d device weir-sonde, l link rs485, o destination open-data. */
static void fingerprints(void **state)
{
	static const struct {
		const char *old, *replacement, *changes;
	} cases[] = {
		{"gateway:", "# moved\n\n\ngateway:", ""},
		{"unit_id: 5", "unit_id: 6", "d"},
		{"title: Nordre", "title: Other", ""},
		{"baud: 9600", "baud: 19200", "l"},
		{"order: CDAB", "order: ABCD", "d"},
		{"id: drammen-01", "id: drammen-02", "o"},
		{"username: drammen-01", "username: x", "o"},
		{"prefix: local", "prefix: other", ""},
		{"licence: NLOD-2.0", "licence: CC-BY-4.0", "o"},
		{"link: rs485\n    unit_id: 5", "unit_id: 5\n    link: rs485", ""},
	};
	struct loaded a = load_text(good);

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char *text;
		struct loaded b;
		char got[4] = "";
		size_t n = 0;

		text = edit(good, cases[i].old, cases[i].replacement);
		b = load_text(text);
		if (!b.config)
			fail_msg("%s", b.out.data);
		if (device(a.config, "weir-sonde")->fingerprint !=
			device(b.config, "weir-sonde")->fingerprint)
			got[n++] = 'd';
		if (a.config->links[0].fingerprint != b.config->links[0].fingerprint)
			got[n++] = 'l';
		if (a.config->destinations[0].fingerprint != b.config->destinations[0].fingerprint)
			got[n++] = 'o';
		if (strcmp(got, cases[i].changes) != 0)
			fail_msg("'%s' changes '%s'", cases[i].replacement, got);
		unload(&b);
		free(text);
	}
	unload(&a);
}

static void reload_obstacles(void **state)
{
	static const char *const cases[][3] = {
		{"id: drammen-01", "id: other", "gateway.id"},
		{"file: readings.db", "file: other.db", "storage.file"},
		{"clock:", "control: {socket: c.sock}\nclock:", "control.socket"},
		{"keep: 30d", "keep: 1d", NULL},
	};
	char *base = edit(good, "  commit_interval: 1s\n", "  keep: 30d\n");
	struct loaded a = load_text(base);

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char *text = edit(base, cases[i][0], cases[i][1]);
		struct loaded b = load_text(text);
		const char *why = fg_config_reload_obstacle(a.config, b.config);

		if (cases[i][2])
			assert_has(why, cases[i][2]);
		else
			assert_null(why);
		unload(&b);
		free(text);
	}
	unload(&a);
	free(base);
}

static void references(void **state)
{
	struct loaded l = load_text(good);
	struct fg_config *c = fg_config_ref(l.config);

	(void)state;
	unload(&l);
	assert_string_equal(c->gateway.id, "drammen-01"); /* still there */
	fg_config_unref(c);
	fg_config_unref(NULL);
}

static void example_loads(void **state)
{
	struct loaded l = load_text(fg_config_example);

	(void)state;
	assert_string_equal(l.out.data, "\n");
	unload(&l);
}

/* Every key, supported or not, is on the page; the schema is JSON with its parts. */
static void documents_are_complete(void **state)
{
	static const char *const names[] = {"`max_wait`", "`max_delay`", "## http",
		"thin, drop-newest", "`batch`",
		"`observe`", "`hourly`", "`alarm`", "`senml`", "`qc.spike`",
		"`commit_interval`", "`select.domains`", "`qc.gross_range.fail`", "`backlog_rate`",
		"`unit_id`", "`baud`", "`order`", "`uri`", "`report.on_change`", "`payload`",
		"`allow_commands`"};
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, 4 << 20);
	fg_config_print_reference(&out);
	assert_false(out.overflow);
	for (size_t i = 0; i < FG_COUNT(names); i++)
		assert_has(out.data, names[i]);
	assert_lacks(out.data, "(null)");
	for (const struct fg_key *k = fg_keys_root; k->name; k++)
		assert_has(out.data, k->name);
	fg_buf_clear(&out);
	fg_config_print_schema(&out);
	assert_false(out.overflow);
	assert_has(out.data, "\"$schema\":\"https://json-schema.org/draft/2020-12/schema\"");
	assert_has(out.data, "\"const\":\"modbus-rtu\"");
	assert_has(out.data, "\"max_wait\"");
	assert_has(out.data, "\"max_delay\"");
	fg_buf_fini(&out);
}

/* A default that its own key refuses would be a fault nobody can mend. */
static void defaults_are_good(void **state)
{
	static union {
		max_align_t align;
		char bytes[65536];
	} object;
	struct fg_arena *arena = fg_arena_new();
	struct fg_report *rep = fg_report_new();
	struct fg_bind b = {.arena = arena, .rep = rep, .no_files = true};
	const struct fg_place nowhere = {0};

	(void)state;
	assert_int_equal(fg_bind_struct(&b, NULL, fg_keys_root, NULL, &object, "", nowhere), 0);
	assert_int_equal(fg_bind_struct(&b, NULL, fg_keys_mqtt, NULL, &object, "", nowhere), 0);
	assert_int_equal(fg_bind_struct(&b, NULL, fg_keys_device, NULL, &object, "", nowhere), 0);
	assert_int_equal(fg_bind_struct(&b, NULL, fg_keys_point, NULL, &object, "", nowhere), 0);
	for (size_t i = 0; fg_drivers[i]; i++) {
		const struct fg_driver *d = fg_drivers[i];

		assert_int_equal(
			fg_bind_struct(&b, NULL, d->link_keys, NULL, &object, "", nowhere), 0);
		assert_int_equal(
			fg_bind_struct(&b, NULL, d->device_keys, NULL, &object, "", nowhere), 0);
		assert_int_equal(
			fg_bind_struct(&b, NULL, d->point_keys, NULL, &object, "", nowhere), 0);
	}
	fg_report_free(rep);
	fg_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_defaults),
		cmocka_unit_test(points_and_units),
		cmocka_unit_test(conversion_joins_scale_and_offset),
		cmocka_unit_test(groups_by_interval),
		cmocka_unit_test(accepted_forms),
		cmocka_unit_test(drop_ins),
		cmocka_unit_test(profiles),
		cmocka_unit_test(profile_folder_by_option),
		cmocka_unit_test(effective),
		cmocka_unit_test(plan_and_forecast),
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(reload_obstacles),
		cmocka_unit_test(references),
		cmocka_unit_test(example_loads),
		cmocka_unit_test(documents_are_complete),
		cmocka_unit_test(defaults_are_good),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
