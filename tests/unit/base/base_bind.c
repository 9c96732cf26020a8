/* SPDX-License-Identifier: EUPL-1.2 */
/* The binder: every type, its faults and its texts. */
#include <math.h>
#include <string.h>

#include "cmocka_all.h"
#include "base/key.h"
#include "base/status.h"

struct inner {
	int64_t n;
};

struct named {
	const char *name;
	const struct fg_node *node;
	int64_t n;
};

struct object {
	bool flag;
	int64_t count, time_us, bytes;
	double number, rate, pair[2];
	const char *text, *name, *path;
	int choice;
	unsigned choices;
	struct fg_texts names;
	struct inner inner;
	struct fg_items map;
	int custom;
};

static const struct fg_choice colours[] = {
	{"red", 1, false, ""}, {"green", 2, false, ""}, {"blue", 3, true, ""}, {0}};
static const struct fg_choice bauds[] = {
	{"9600", 9600, false, ""}, {"19200", 19200, false, ""}, {0}};

static int parse_even(struct fg_bind *b, const struct fg_node *node, void *field)
{
	if (node->kind != FG_NODE_SCALAR || strcmp(node->text, "even") != 0) {
		fg_bind_error(b, node, "only even");
		return FG_ECONFIG;
	}
	*(int *)field = 2;
	return FG_OK;
}

#define AT(field) .offset = offsetof(struct object, field)

static const struct fg_key inner_keys[] = {
	{"n", FG_KEY_INT, FG_KEY_REQUIRED, .offset = offsetof(struct inner, n), .min = 1, .max = 9},
	{0},
};

static const struct fg_key named_keys[] = {
	{"n", FG_KEY_INT, .offset = offsetof(struct named, n), .dflt = "4"},
	{0},
};

static const struct fg_key keys[] = {
	{"flag", FG_KEY_BOOL, AT(flag), .dflt = "true"},
	{"count", FG_KEY_INT, AT(count), .min = 1, .max = 247},
	{"time", FG_KEY_DURATION, AT(time_us), .min = 100000, .max = INT64_C(86400000000),
		.dflt = "10s"},
	{"bytes", FG_KEY_SIZE, AT(bytes), .min = 1 << 20, .max = 1 << 30},
	{"number", FG_KEY_NUMBER, AT(number), .fmin = -90, .fmax = 90},
	{"rate", FG_KEY_RATE, AT(rate)},
	{"pair", FG_KEY_PAIR, AT(pair)},
	{"text", FG_KEY_TEXT, AT(text), .max = 10},
	{"name", FG_KEY_NAME, AT(name)},
	{"path", FG_KEY_PATH, FG_KEY_FILE, AT(path)},
	{"colour", FG_KEY_CHOICE, AT(choice), .choices = colours},
	{"baud", FG_KEY_CHOICE, AT(choice), .choices = bauds},
	{"colours", FG_KEY_CHOICES, AT(choices), .choices = colours},
	{"names", FG_KEY_NAMES, AT(names)},
	{"inner", FG_KEY_STRUCT, AT(inner), .sub = inner_keys},
	{"map", FG_KEY_MAP, AT(map), .sub = named_keys, .size = sizeof(struct named)},
	{"custom", FG_KEY_CUSTOM, AT(custom), .parse = parse_even},
	{"later", FG_KEY_DURATION, FG_KEY_UNSUPPORTED, .dflt = "0s"},
	{"never", FG_KEY_STRUCT, FG_KEY_UNSUPPORTED, .sub = inner_keys},
	{0},
};

static const struct fg_key renamed_keys[] = {
	{"units", FG_KEY_INT, AT(count), .min = 1, .max = 9, .was = "amount"},
	{0},
};

static const struct fg_key required_keys[] = {
	{"host", FG_KEY_TEXT, FG_KEY_REQUIRED, AT(text)},
	{0},
};

struct run {
	struct fg_arena *arena;
	struct fg_report *rep;
	struct fg_buf out;
	struct object o;
	size_t faults;
};

static struct run bind(const char *text, const struct fg_key *table)
{
	struct run r = {.arena = fg_arena_new(), .rep = fg_report_new()};
	struct fg_bind b = {.arena = r.arena, .rep = r.rep};
	struct fg_node *root = NULL;

	assert_int_equal(
		fg_yaml_load_text(r.arena, text, strlen(text), "/etc/f.yaml", r.rep, &root), FG_OK);
	r.faults = fg_bind_struct(&b, root, table, NULL, &r.o, "x", root->at);
	assert_string_equal(b.path, "");
	fg_buf_init(&r.out, 1 << 16);
	fg_report_print(r.rep, &r.out);
	fg_buf_putc(&r.out, '\n');
	assert_int_equal(r.faults, fg_report_errors(r.rep));
	return r;
}

static void done(struct run *r)
{
	fg_buf_fini(&r->out);
	fg_report_free(r->rep);
	fg_arena_free(r->arena);
}

static void good_values(void **state)
{
	struct run r =
		bind("flag: No\ncount: 0x10\ntime: 1.5s\nbytes: 64MiB\nnumber: -1.5\n"
		     "rate: 30/min\npair: [-2, 40]\ntext: no\nname: weir-1\npath: ../bin/sh\n"
		     "colour: green\ncolours: [red, green]\nnames: [a, b]\ninner: {n: 3}\n"
		     "map: {a: {n: 1}, b: {}, c: ~, d: }\ncustom: even\nlater: 0\n",
			keys);
	const struct named *items = r.o.map.items;

	(void)state;
	assert_string_equal(r.out.data, "\n");
	assert_false(r.o.flag);
	assert_int_equal(r.o.count, 16);
	assert_int_equal(r.o.time_us, 1500000);
	assert_int_equal(r.o.bytes, 64 << 20);
	assert_true(r.o.number == -1.5);
	assert_true(r.o.rate == 0.5);
	assert_true(r.o.pair[0] == -2 && r.o.pair[1] == 40);
	assert_string_equal(r.o.text, "no");
	assert_string_equal(r.o.name, "weir-1");
	assert_string_equal(r.o.path, "/etc/../bin/sh");
	assert_int_equal(r.o.choice, 2);
	assert_int_equal(r.o.choices, 1 << 1 | 1 << 2);
	assert_int_equal(r.o.names.count, 2);
	assert_string_equal(r.o.names.items[1], "b");
	assert_int_equal(r.o.inner.n, 3);
	assert_int_equal(r.o.map.count, 3); /* c is removed */
	assert_string_equal(items[0].name, "a");
	assert_int_equal(items[0].n, 1);
	assert_int_equal(items[1].n, 4);
	assert_string_equal(items[2].name, "d");
	assert_int_equal(r.o.custom, 2);
	done(&r);
}

static void defaults(void **state)
{
	struct run r = bind("time: ~\n", keys);

	(void)state;
	assert_int_equal(r.faults, 0);
	assert_true(r.o.flag);
	assert_int_equal(r.o.time_us, 10000000);
	assert_true(isnan(r.o.pair[0]) && isnan(r.o.pair[1]));
	assert_null(r.o.text);
	done(&r);
}

static void one_sided_pairs_and_single_choices(void **state)
{
	struct run r = bind("pair: [~, 5]\ncolours: red\nnames: a\ntext: |\n  line\n", keys);

	(void)state;
	assert_string_equal(r.out.data, "\n");
	assert_true(isnan(r.o.pair[0]) && r.o.pair[1] == 5);
	assert_int_equal(r.o.choices, 1 << 1);
	assert_int_equal(r.o.names.count, 1);
	assert_string_equal(r.o.text, "line");
	done(&r);
	r = bind("pair: [-1, null]\ntext: x\n", keys); /* as JSON has it */
	assert_string_equal(r.out.data, "\n");
	assert_true(r.o.pair[0] == -1 && isnan(r.o.pair[1]));
	done(&r);
}

static void faults(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"flag: maybe\n", "1:7: error: x.flag: 'maybe' is not true or false"},
		{"count: 0\n", "1:8: error: x.count: 0 is out of range; 1 to 247 is allowed"},
		{"count: 1.5\n", "x.count: '1.5' is not a whole number from 1 to 247"},
		{"count: [1]\n", "x.count: a list cannot stand here; it takes a whole number"},
		{"count: 99999999999999999999\n", "is not a whole number"},
		{"count:\n", "1:7: error: x.count: no value; write one, or ~ for the default"},
		{"time: 10\n", "x.time: '10' is not a duration such as 500ms"},
		{"time: 10ms\n", "x.time: 10ms is out of range; 100ms to 1d is allowed"},
		{"bytes: 64MB\n", "x.bytes: '64MB' is not a size such as 64KiB"},
		{"bytes: 1KiB\n", "x.bytes: 1KiB is out of range; 1MiB to 1GiB is allowed"},
		{"bytes: 9999999999TiB\n", "is not a size"},
		{"number: 91\n", "x.number: 91 is out of range; -90 to 90 is allowed"},
		{"number: 1,5\n", "x.number: '1,5' is not a number"},
		{"rate: 500\n", "x.rate: '500' is not a rate such as 500/s"},
		{"rate: 1/year\n", "is not a rate"},
		{"rate: -1/s\n", "is not a rate"},
		{"pair: [4, 2]\n", "x.pair: [4, 2] is empty; the lower bound comes first"},
		{"pair: [1]\n", "x.pair: a list cannot stand here; it takes [low, high]"},
		{"pair: [1, a]\n", "1:11: error: x.pair: [low, high] takes two numbers"},
		{"pair: [~, ~]\n", "both bounds are open"},
		{"pair: 5\n", "x.pair: '5' is not [low, high]"},
		{"text: 12345678901\n", "x.text: too long: 11 bytes; at most 10"},
		{"text: \"\"\n", "x.text: too short"},
		{"text: \"a\\nb\"\n", "x.text: a text with control characters"},
		{"text: \"\\x85\"\n", "x.text: a text with control characters"},
		{"name: Weir\n", "x.name: 'Weir' is not a name; it takes a-z"},
		{"name: -a\n", "is not a name"},
		{"path: nothere\n",
			"x.path: cannot open '/etc/nothere': No such file or directory"},
		{"path: .\n", "is a folder; a file is wanted"},
		{"colour: gren\n",
			"1:9: error: x.colour: unknown colour 'gren'; did you mean 'green'?"},
		{"colour: yellow\n", "x.colour: 'yellow' is not one of red, green"},
		{"colour: blue\n", "x.colour: 'blue' is not supported yet; there is red, green"},
		{"baud: 9601\n", "x.baud: 9601 is not one of 9600, 19200"},
		{"colours: [red, red]\n", "1:16: error: x.colours: 'red' twice in the list"},
		{"colours: []\n", "x.colours: an empty list chooses nothing"},
		{"colours: {a: 1}\n", "x.colours: a mapping cannot stand here"},
		{"names: [a, B]\n", "1:12: error: x.names: 'B' is not a name"},
		{"inner: 5\n", "x.inner: '5' is not a mapping"},
		{"inner: {}\n", "1:8: error: x.inner: missing key 'n'"},
		{"inner: {n: 10}\n", "x.inner.n: 10 is out of range; 1 to 9"},
		{"inner: {nn: 1}\n", "1:9: error: x.inner: unknown key 'nn'; did you mean 'n'?"},
		{"map: {A: {}}\n", "1:7: error: x.map.A: 'A' is not a name"},
		{"map: {a: 5}\n", "x.map.a: a text cannot stand here; it takes a mapping"},
		{"map: {a: {q: 5}}\n", "x.map.a: unknown key 'q'"},
		{"custom: odd\n", "x.custom: only even"},
		{"later: 5s\n", "1:8: error: x.later: not supported yet"},
		{"later: nonsense\n", "x.later: not supported yet"},
		{"never: {}\n", "x.never: not supported yet"},
		{"cuont: 5\n", "1:1: error: x: unknown key 'cuont'; did you mean 'count'?"},
		{"zzz: 5\n", "x: unknown key 'zzz'; there is flag, count, time"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct run r = bind(cases[i].text, keys);

		if (!strstr(r.out.data, cases[i].fault))
			fail_msg("%s: no \"%s\" in\n%s", cases[i].text, cases[i].fault, r.out.data);
		done(&r);
	}
}

static void all_faults_in_one_run(void **state)
{
	struct run r = bind("flag: x\ncount: x\ntime: x\ninner: {m: 1}\nzzz: 1\n", keys);

	(void)state;
	assert_int_equal(r.faults, 6); /* inner has two */
	done(&r);
}

static void missing_keys_stand_at_their_mapping(void **state)
{
	struct run r = bind("# nothing\n\n", required_keys);

	(void)state;
	assert_string_equal(r.out.data, "/etc/f.yaml:1:1: error: x: missing key 'host'\n\n");
	done(&r);
	r = bind("host: ~\n", required_keys);
	assert_non_null(strstr(r.out.data, "missing key 'host'"));
	done(&r);
}

static void two_tables_over_one_mapping(void **state)
{
	static const char text[] = "host: a\nflag: no\nhots: b\n";
	static const struct fg_key *const others[] = {keys, NULL};
	struct fg_arena *arena = fg_arena_new();
	struct fg_report *rep = fg_report_new();
	struct fg_bind b = {.arena = arena, .rep = rep};
	struct fg_node *root;
	struct object o = {0};

	(void)state;
	assert_int_equal(fg_yaml_load_text(arena, text, strlen(text), "f", rep, &root), FG_OK);
	assert_int_equal(fg_bind_struct(&b, root, required_keys, others, &o, NULL, root->at), 1);
	assert_string_equal(o.text, "a");
	b.partial = true; /* the unknown key is told once */
	assert_int_equal(fg_bind_struct(&b, root, keys, NULL, &o, NULL, root->at), 0);
	assert_false(o.flag);
	fg_report_free(rep);
	fg_arena_free(arena);
}

static void partial_ends_at_the_mapping(void **state)
{
	static const char text[] = "inner: {n: 1, m: 2}\nzzz: 1\n";
	struct fg_arena *arena = fg_arena_new();
	struct fg_report *rep = fg_report_new();
	struct fg_bind b = {.arena = arena, .rep = rep, .partial = true};
	struct fg_node *root;
	struct object o = {0};

	(void)state;
	assert_int_equal(fg_yaml_load_text(arena, text, strlen(text), "f", rep, &root), FG_OK);
	assert_int_equal(fg_bind_struct(&b, root, keys, NULL, &o, NULL, root->at), 1);
	fg_report_free(rep);
	fg_arena_free(arena);
}

static void a_key_under_its_older_name(void **state)
{
	struct run r = bind("amount: 7\n", renamed_keys);

	(void)state;
	assert_int_equal(r.faults, 0);
	assert_int_equal(r.o.count, 7);
	assert_int_equal(fg_report_warnings(r.rep), 1);
	assert_non_null(strstr(r.out.data,
		"f.yaml:1:9: warning: x: 'amount' was renamed to 'units'; it is still read"));
	done(&r);
	r = bind("units: 3\n", renamed_keys);
	assert_int_equal(r.o.count, 3);
	assert_int_equal(fg_report_warnings(r.rep), 0);
	done(&r);
	r = bind("units: 3\namount: 7\n", renamed_keys);
	assert_int_equal(r.faults, 1);
	assert_non_null(strstr(r.out.data,
		"f.yaml:2:9: error: x: 'amount' was renamed to 'units', which is there too"));
	done(&r);
	r = bind("amount: 70\n", renamed_keys);
	assert_int_equal(r.faults, 1);
	assert_non_null(strstr(r.out.data, "error: x.units: 70"));
	done(&r);
	r = bind("amound: 7\n", renamed_keys);
	assert_int_equal(r.faults, 1);
	done(&r);
}

static void paths(void **state)
{
	struct fg_arena *arena = fg_arena_new();

	(void)state;
	assert_string_equal(
		fg_path_resolve(arena, (struct fg_place){"/a/b.yaml", 1, 1}, "c"), "/a/c");
	assert_string_equal(
		fg_path_resolve(arena, (struct fg_place){"/b.yaml", 1, 1}, "c/d"), "/c/d");
	assert_string_equal(
		fg_path_resolve(arena, (struct fg_place){"x/b.yaml", 1, 1}, "/c"), "/c");
	assert_non_null(
		strstr(fg_path_resolve(arena, (struct fg_place){"x/b.yaml", 1, 1}, "c"), "/x/c"));
	fg_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_values),
		cmocka_unit_test(defaults),
		cmocka_unit_test(one_sided_pairs_and_single_choices),
		cmocka_unit_test(faults),
		cmocka_unit_test(all_faults_in_one_run),
		cmocka_unit_test(missing_keys_stand_at_their_mapping),
		cmocka_unit_test(two_tables_over_one_mapping),
		cmocka_unit_test(partial_ends_at_the_mapping),
		cmocka_unit_test(a_key_under_its_older_name),
		cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
