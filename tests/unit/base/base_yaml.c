/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading YAML, good and hostile; merging; fingerprints; suggestions; the report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "base/clock.h"
#include "base/node.h"
#include "base/status.h"

struct doc {
	struct fg_arena *arena;
	struct fg_report *rep;
	struct fg_node *root;
	struct fg_buf out; /* the faults */
	int status;
};

static struct doc load_bytes(const char *text, size_t len)
{
	struct doc d = {.arena = fg_arena_new(), .rep = fg_report_new()};

	d.status = fg_yaml_load_text(d.arena, text, len, "f.yaml", d.rep, &d.root);
	fg_buf_init(&d.out, 1 << 20);
	fg_report_print(d.rep, &d.out);
	fg_buf_putc(&d.out, '\n');
	return d;
}

static struct doc load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static void done(struct doc *d)
{
	fg_buf_fini(&d->out);
	fg_report_free(d->rep);
	fg_arena_free(d->arena);
}

static void assert_fault(const char *text, size_t len, const char *expected)
{
	struct doc d = load_bytes(text, len);

	if (!strstr(d.out.data, expected))
		fail_msg("'%.60s': no \"%s\" in\n%s", text, expected, d.out.data);
	done(&d);
}

static void places_and_kinds(void **state)
{
	struct doc d = load("a: 1\nb:\n  c: \"no\"\n  d: [x, ~]\ne: {f: g}\nh:\n");
	const struct fg_node *b;

	(void)state;
	assert_int_equal(d.status, FG_OK);
	b = fg_node_get(d.root, "b");
	assert_int_equal(b->kind, FG_NODE_MAPPING);
	assert_int_equal(b->at.line, 2); /* a block stands at its key */
	assert_int_equal(b->at.column, 1);
	assert_int_equal(fg_node_get(b, "c")->at.line, 3);
	assert_int_equal(fg_node_get(b, "c")->at.column, 6);
	assert_false(fg_node_get(b, "c")->plain);
	assert_int_equal(fg_node_get(b, "d")->count, 2);
	assert_true(fg_node_is_null(fg_node_get(b, "d")->items[1]));
	assert_int_equal(fg_node_get(d.root, "e")->at.column, 4);
	assert_true(fg_node_is_empty(fg_node_get(d.root, "h")));
	assert_null(fg_node_get(d.root, "x"));
	assert_null(fg_node_get(NULL, "x"));
	done(&d);
}

static void empty_files(void **state)
{
	static const char *const texts[] = {"", "# only this\n", "---\n", "~\n", "\xEF\xBB\xBF"};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(texts); i++) {
		struct doc d = load(texts[i]);

		assert_int_equal(d.status, FG_OK);
		assert_int_equal(d.root->kind, FG_NODE_MAPPING);
		assert_int_equal(d.root->count, 0);
		done(&d);
	}
}

static void faults_have_places(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"a: 1\nb: 2\na: 3\n",
			"f.yaml:3:1: error: key 'a' twice; it stands in line 1 already"},
		{"a: {b: 1, b: 2}\n", "f.yaml:1:11: error: key 'b' twice"},
		{"a: [1, 2\nb: 3\n", "f.yaml:2:2: error: did not find expected ',' or ']'"},
		{"a: 1\n  b: 2\n", "f.yaml:2:4: error: mapping values are not allowed"},
		{"a:\n\tb: 1\n", "f.yaml:2:1: error: a tab cannot indent"},
		{"? [1, 2]\n: x\n", "f.yaml:1:3: error: a key must be a text"},
		{"a: *x\n", "f.yaml:1:4: error: alias '*x' has no anchor"},
		{"a: &x [1, *x]\n", "f.yaml:1:11: error: alias '*x' contains itself"},
		{"a: &x {b: {c: *x}}\n", "alias '*x' contains itself"},
		{"a: !!int 5\n",
			"f.yaml:1:4: error: the tag 'tag:yaml.org,2002:int' has no meaning"},
		{"a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second document"},
		{"a: \"x\\0y\"\n", "f.yaml:1:4: error: a text with a NUL"},
		{"a: 1\nb: \xE5\n", "f.yaml:2:4: error: byte 0xE5 is not UTF-8"},
		{"a: \x01\n", "f.yaml:1:4: error: a control character"},
		{"a: \"unfinished\n", "error:"},
		{"%YAML 9.9\n---\na: 1\n", "f.yaml:1:1: error: found incompatible YAML document"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_fault(cases[i].text, strlen(cases[i].text), cases[i].fault);
	assert_fault("a: b\0c\n", 7, "f.yaml:1:5: error: a control character (byte 0x00)");
}

static void all_repetitions_are_told(void **state)
{
	struct doc d = load("a: 1\na: 2\nb: {c: 1, c: 2}\na: 3\n");

	(void)state;
	assert_int_equal(fg_report_errors(d.rep), 3);
	assert_int_equal(d.status, FG_OK); /* the first holds, so that other faults can be told */
	assert_string_equal(fg_node_get(d.root, "a")->text, "1");
	done(&d);
}

/* n times a piece of text, with a head and a tail. */
static char *repeat(const char *head, const char *piece, size_t n, const char *tail)
{
	struct fg_buf b;

	fg_buf_init(&b, 32 << 20);
	fg_buf_puts(&b, head);
	for (size_t i = 0; i < n; i++)
		fg_buf_puts(&b, piece);
	fg_buf_puts(&b, tail);
	assert_false(b.overflow);
	return b.data;
}

static void hostile_files(void **state)
{
	static const struct {
		const char *head, *piece;
		size_t n;
		const char *tail, *fault;
	} cases[] = {
		{"a: ", "[", 2000000, "", "nested more than 32 deep"},
		{"a: ", "{x: ", 900000, "", "nested more than 32 deep"},
		{"", "- ", 1000000, "x\n", "nested more than 32 deep"},
		{"", "? ", 1000000, "x\n", "nested more than 32 deep"},
		{"a: [", "&x 1, ", 600000, "]\n", "more than 256 anchors"},
		{"a: [", "1,", 400000, "]\n", "more than 200000 values"},
		{"a: &x [1,2,3,4,5,6,7,8]\nb: [", "*x,", 300000, "]\n", "more than 200000 values"},
		{"a: [", "x,\n", 150000, "]\n", ""},
		{"a: ", "x", 5000000, "\n", "larger than 4 MiB"},
		{"a: \"", "y", 4000000, "\"\n", ""},
		{"", "a: 1\n", 9999, "", "key 'a' twice"},
		{"", "k: 1\n", 10001, "", "more than 10000 keys"},
		{"a: 'x", "\n", 2000000, "'\n", ""},
		{"", "#", 4000000, "\n", ""},
		{"", "\n", 4000000, "a: 1\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char *text = repeat(cases[i].head, cases[i].piece, cases[i].n, cases[i].tail);
		int64_t before = fg_clock_cpu_us();

		assert_fault(text, strlen(text), cases[i].fault);
		if (fg_clock_cpu_us() - before > 10000000)
			fail_msg("case %zu takes too long", i);
		free(text);
	}
}

/* Nine levels that each use the level before nine times. */
static void alias_bomb(void **state)
{
	struct fg_buf b;
	struct doc d;

	(void)state;
	fg_buf_init(&b, 1 << 16);
	fg_buf_puts(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 9; i++) {
		fg_buf_printf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			fg_buf_printf(&b, "*a%d, ", i - 1);
		fg_buf_puts(&b, "]\n");
	}
	d = load(b.data);
	assert_int_equal(d.status, FG_ECONFIG);
	assert_non_null(strstr(d.out.data, "too much"));
	assert_true(fg_arena_used(d.arena) < 1 << 20);
	done(&d);
	fg_buf_clear(&b);
	fg_buf_puts(&b, "a0: &a0 [x]\n");
	for (int i = 1; i < 60; i++) /* each one deeper */
		fg_buf_printf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	d = load(b.data);
	assert_non_null(strstr(d.out.data, "nested more than 32 deep"));
	done(&d);
	fg_buf_fini(&b);
}

static void unreadable_files(void **state)
{
	struct fg_arena *arena = fg_arena_new();
	struct fg_report *rep = fg_report_new();
	struct fg_node *root = NULL;
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, 4096);
	assert_int_equal(fg_yaml_load_file(arena, "/nowhere/f", "f", rep, &root), FG_ECONFIG);
	assert_int_equal(fg_yaml_load_file(arena, "/", "root", rep, &root), FG_ECONFIG);
	assert_null(root);
	fg_report_print(rep, &out);
	assert_string_equal(out.data, "f: error: cannot read it: No such file or directory\n"
				      "root: error: cannot read it: Is a directory\n");
	fg_buf_fini(&out);
	fg_report_free(rep);
	fg_arena_free(arena);
}

static void merging(void **state)
{
	static const struct {
		const char *under, *over, *result;
	} cases[] = {
		{"a: 1\nb: 2\n", "b: 3\nc: 4\n", "{a: 1, b: 3, c: 4}"},
		{"a: {x: 1, y: 2}\n", "a: {y: 3}\n", "{a: {x: 1, y: 3}}"},
		{"a: {x: 1, y: 2}\n", "a: {x: ~}\n", "{a: {y: 2}}"},
		{"a: {x: 1}\nb: 1\n", "a: ~\n", "{b: 1}"},
		{"a: {x: 1}\nb: 1\n", "a: null\n", "{b: 1}"},
		{"a: {x: 1}\n", "a:\n", "{a: {x: 1}}"}, /* nothing said, nothing removed */
		{"a: [1, 2]\n", "a: [3]\n", "{a: [3]}"},
		{"a: {x: 1}\n", "a: 5\n", "{a: 5}"},
		{"a: 5\n", "a: {x: 1}\n", "{a: {x: 1}}"},
		{"a: 1\n", "", "{a: 1}"},
		{"", "a: 1\n", "{a: 1}"},
		{"a: 1\n", "b: ~\n", "{a: 1}"},
		{"a: 1\n", "a: \"~\"\n", "{a: '~'}"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct doc under = load(cases[i].under), over = load(cases[i].over),
			   result = load(cases[i].result);
		unsigned long long before = fg_node_hash(under.root);
		struct fg_node *m = fg_node_merge(under.arena, under.root, over.root);

		if (fg_node_hash(m) != fg_node_hash(result.root))
			fail_msg("case %zu", i);
		assert_true(fg_node_hash(under.root) == before);
		done(&under);
		done(&over);
		done(&result);
	}
}

static void fingerprints(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{"a: 1\nb: 2\n", "b: 2\n\n# moved\na: 1\n", true},
		{"a: 1\n", "{\"a\": \"1\"}", true},
		{"a: 1\n", "a: 2\n", false},
		{"a: 1\n", "b: 1\n", false},
		{"a: [1, 2]\n", "a: [2, 1]\n", false},
		{"a: [[1], 2]\n", "a: [1, [2]]\n", false},
		{"a: {b: c}\n", "a: b\nc: ~\n", false},
		{"a: b\nc: d\n", "a: d\nc: b\n", false},
		{"a: ~\n", "a: \"~\"\n", false},
		{"a: {}\n", "a: []\n", false},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct doc a = load(cases[i].a), b = load(cases[i].b);

		if ((fg_node_hash(a.root) == fg_node_hash(b.root)) != cases[i].equal)
			fail_msg("case %zu", i);
		done(&a);
		done(&b);
	}
}

static void suggestions(void **state)
{
	static const char *const names[] = {
		"float32", "float64", "interval", "baud", "u16", "station", "no"};
	static const struct {
		const char *word, *name;
	} cases[] = {
		{"flaot32", "float32"},
		{"intervall", "interval"},
		{"Baud", "baud"},
		{"bud", "baud"},
		{"u61", "u16"},
		{"sation", "station"},
		{"xyz", NULL},
		{"", NULL},
		{"x", NULL},
		{"temperature", NULL},
		{"float3", "float32"},
		{"FLOAT64", "float64"},
	};
	char longer[200];

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		const char *found = fg_suggest(cases[i].word, names, FG_COUNT(names));

		if (!found != !cases[i].name || (found && strcmp(found, cases[i].name) != 0))
			fail_msg("'%s' suggests %s", cases[i].word, found ? found : "nothing");
	}
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_null(fg_suggest(longer, names, FG_COUNT(names)));
	assert_null(fg_suggest("x", names, 0));
}

static void report_is_in_order_and_bounded(void **state)
{
	struct fg_report *rep = fg_report_new();
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	fg_report_error(rep, (struct fg_place){"b", 9, 1}, "late");
	fg_report_warning(rep, (struct fg_place){"b", 2, 7}, "early\nwith\x1b[31m \xC3\xA5 \xE5");
	fg_report_error(rep, (struct fg_place){"a", 1, 1}, "other file");
	fg_report_error(rep, (struct fg_place){"b", 2, 3}, "earlier");
	fg_report_print(rep, &out);
	assert_string_equal(out.data, "b:2:3: error: earlier\n"
				      "b:2:7: warning: early?with?[31m \xC3\xA5 \n"
				      "b:9:1: error: late\n"
				      "a:1:1: error: other file\n");
	for (int i = 0; i < 1000; i++)
		fg_report_error(rep, (struct fg_place){"b", 10 + i, 1}, "%01000d", i);
	assert_int_equal(fg_report_errors(rep), 1003);
	assert_int_equal(fg_report_warnings(rep), 1);
	fg_buf_clear(&out);
	fg_report_print(rep, &out);
	assert_non_null(strstr(out.data, "and 504 more\n"));
	fg_buf_fini(&out);
	fg_report_free(rep);
	fg_report_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_and_kinds),
		cmocka_unit_test(empty_files),
		cmocka_unit_test(faults_have_places),
		cmocka_unit_test(all_repetitions_are_told),
		cmocka_unit_test(hostile_files),
		cmocka_unit_test(alias_bomb),
		cmocka_unit_test(unreadable_files),
		cmocka_unit_test(merging),
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(report_is_in_order_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
