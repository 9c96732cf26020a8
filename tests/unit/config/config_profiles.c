/* SPDX-License-Identifier: EUPL-1.2 */
/* The profile library: profiles that extend others, the list, and how an instrument is known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gateway/config/profiles.h"
#include "harness.h"

static const char base[] =
	"profile: {title: Acme TH, vendor: Acme, model: TH, not_verified: [the order]}\n"
	"interval: 5m\n"
	"points:\n"
	"  air_temperature: {table: input, address: 0, type: i16, scale: 0.1}\n"
	"  relative_humidity: {table: input, address: 1, type: u16}\n";

static const char over[] = "profile: {title: Acme TH2, extends: acme-th}\n"
			   "interval: 1m\n"
			   "points:\n"
			   "  air_temperature: {scale: 0.01}\n"
			   "  relative_humidity: ~\n"
			   "  battery_voltage: {table: input, address: 7, type: u16}\n";

static int empty_folder(void **state)
{
	static const char *const names[] = {
		"acme-th", "acme-th2", "lost", "one", "two", "faulty", "bad"};

	(void)state;
	mkdir("profiles", 0700);
	for (size_t i = 0; i < FG_COUNT(names); i++) {
		char path[64];

		snprintf(path, sizeof(path), "profiles/%s.yaml", names[i]);
		unlink(path);
	}
	return 0;
}

static struct loaded load_with(const char *profile)
{
	char device[300], *text;
	struct loaded l;

	snprintf(device, sizeof(device),
		"  th: {station: bragernes, domain: weather, link: plc, unit_id: 9, profile: %s}\n"
		"  air-node:\n",
		profile);
	text = edit(good, "  air-node:\n", device);
	l = load_text(text);
	free(text);
	return l;
}

static void a_profile_extends_another(void **state)
{
	const struct fg_device *dev;
	struct loaded l;

	(void)state;
	write_text("profiles/acme-th.yaml", base);
	write_text("profiles/acme-th2.yaml", over);
	l = load_with("acme-th2");
	assert_non_null(l.config);
	dev = device(l.config, "th");
	assert_int_equal(dev->interval_us, 60000000);
	assert_int_equal(dev->point_count, 2);
	assert_true(point(l.config, "th", "air_temperature")->scale == 0.01);
	assert_non_null(point(l.config, "th", "battery_voltage"));
	unload(&l);
}

static void what_cannot_be_extended_is_told_where_it_is_asked_for(void **state)
{
	struct loaded l;

	(void)state;
	write_text("profiles/acme-th.yaml", base);
	write_text("profiles/lost.yaml", "profile: {extends: acme-tg}\n");
	l = load_with("lost");
	assert_has(l.out.data, "profiles/lost.yaml:1:20: error: profile.extends: unknown profile "
			       "'acme-tg' in profiles; did you mean 'acme-th'?");
	unload(&l);

	write_text("profiles/one.yaml", "profile: {extends: two}\n");
	write_text("profiles/two.yaml", "profile: {extends: one}\n");
	l = load_with("one");
	assert_has(l.out.data, "profiles/two.yaml:1:20: error: profile.extends: profile 'one' "
			       "extends itself by way of this one");
	unload(&l);
}

static void faults_of_the_description_have_their_place(void **state)
{
	static const struct {
		const char *meta, *fault;
	} cases[] = {
		{"identify: {vendr: x}", "profile.identify: unknown key 'vendr'"},
		{"identify: {registers: 5}", "it takes a list of at most 16 mappings"},
		{"identify: {registers: [{table: input}]}", "missing key 'address'"},
		{"identify: {registers: [{address: 70000}]}", "70000"},
		{"identify: {registers: [{address: 1, values: [70000]}]}", "70000"},
		{"not_verified: {a: b}", "profile.not_verified"},
		{"extends: Not/A/Name", "profile.extends"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char text[200];
		struct loaded l;

		snprintf(text, sizeof(text), "profile: {%s}\n", cases[i].meta);
		write_text("profiles/faulty.yaml", text);
		l = load_with("faulty");
		assert_has(l.out.data, "profiles/faulty.yaml:1:");
		assert_has(l.out.data, cases[i].fault);
		unload(&l);
	}
}

static void the_list_has_what_is_good_and_tells_the_rest(void **state)
{
	struct fg_report *rep = fg_report_new();
	struct fg_profile_list *list;
	const struct fg_profile_info *p;

	(void)state;
	write_text("profiles/acme-th.yaml", base);
	write_text("profiles/acme-th2.yaml", over);
	write_text("profiles/bad.yaml", "profile: {titel: x}\n");
	list = fg_profiles_load("fjordgate.yaml", NULL, rep);
	assert_string_equal(list->folder, "profiles");
	assert_int_equal(list->count, 2);
	assert_int_equal(fg_report_errors(rep), 1);
	assert_null(fg_profile_get(list, "bad"));
	p = fg_profile_get(list, "acme-th");
	assert_string_equal(p->meta.vendor, "Acme");
	assert_int_equal(p->meta.not_verified.count, 1);
	p = fg_profile_get(list, "acme-th2");
	assert_null(p->meta.vendor); /* what is said of one model is not said of another */
	assert_int_equal(p->measure_count, 2);
	assert_string_equal(p->measures[0], "air_temperature");
	assert_string_equal(p->measures[1], "battery_voltage");
	fg_profiles_free(list);
	fg_report_free(rep);

	rep = fg_report_new();
	list = fg_profiles_load("fjordgate.yaml", "nowhere", rep);
	assert_int_equal(list->count, 0);
	assert_int_equal(fg_report_errors(rep), 1);
	fg_profiles_free(list);
	fg_report_free(rep);
}

/* An instrument with "ACME" from holding register 10 on, and 513 in 20. */
static bool give(void *arg, enum fg_table table, uint16_t address, unsigned count, uint16_t *cells)
{
	static const uint16_t text[] = {0x4143, 0x4D45};

	(*(unsigned *)arg)++;
	if (table != FG_TABLE_HOLDING)
		return false;
	if (address == 20 && count == 1)
		*cells = 513;
	else if (address == 10 && count <= 2)
		memcpy(cells, text, count * sizeof(*text));
	else
		return false;
	return true;
}

static void an_instrument_is_known_by_all_that_is_asked_for(void **state)
{
	static const uint16_t right[] = {7, 513}, wrong[] = {7};
	static const struct fg_identify_probe text = {.address = 10, .text = "acme"},
					      other = {.address = 10, .text = "ACNE"},
					      value = {.address = 20,
						      .values = right,
						      .value_count = 2},
					      none = {.address = 20,
						      .values = wrong,
						      .value_count = 1},
					      there = {.address = 20}, gone = {.address = 21},
					      input = {.table = FG_TABLE_INPUT, .address = 20};
	static const struct {
		struct fg_identify want;
		bool yes;
	} cases[] = {
		{{.vendor = NULL}, false}, /* asks for nothing */
		{{.vendor = "acme"}, true},
		{{.vendor = "acne"}, false},
		{{.vendor = "acme", .product = "th-20"}, true},
		{{.vendor = "acme", .product = "TH-21"}, false},
		{{.server_id = "v1.4"}, true},
		{{.server_id = "v1.5"}, false},
		{{.registers = {&text, 1}}, true},
		{{.registers = {&other, 1}}, false},
		{{.registers = {&value, 1}}, true},
		{{.registers = {&none, 1}}, false},
		{{.registers = {&there, 1}}, true},
		{{.registers = {&gone, 1}}, false},
		{{.registers = {&input, 1}}, false},
		{{.vendor = "acme", .registers = {&none, 1}}, false},
	};
	unsigned reads = 0;
	const struct fg_identity have = {.vendor = "Acme Inc",
		.product = "TH-20 / sensor",
		.server_id = "fw V1.4",
		.read = give,
		.arg = &reads};
	struct fg_identify both = {.vendor = "other", .registers = {&text, 1}};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		if ((fg_identify_match(&cases[i].want, &have) > 0) != cases[i].yes)
			fail_msg("case %zu", i);
	reads = 0;
	assert_int_equal(fg_identify_match(&both, &have), 0);
	assert_int_equal(reads, 0); /* the bus is asked for nothing that is of no use */
	both.vendor = "Acme";
	both.product = "TH-20";
	assert_true(fg_identify_match(&both, &have) > fg_identify_match(&cases[7].want, &have));
}

int main(void)
{
#define IN_FOLDER(t) cmocka_unit_test_setup(t, empty_folder)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_profile_extends_another),
		IN_FOLDER(what_cannot_be_extended_is_told_where_it_is_asked_for),
		IN_FOLDER(faults_of_the_description_have_their_place),
		IN_FOLDER(the_list_has_what_is_good_and_tells_the_rest),
		cmocka_unit_test(an_instrument_is_known_by_all_that_is_asked_for),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
