/* SPDX-License-Identifier: EUPL-1.2 */
/* A configuration cut, changed and overgrown: every one is taken or told, none crashes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "base/clock.h"
#include "base/rng.h"

static void load_bytes(const char *text, size_t len)
{
	static const struct fg_load_options no_files = {.no_files = true, .keep_tree = true};
	struct loaded l;
	struct fg_buf out;

	write_file("fjordgate.yaml", text, len);
	l = load_here(&no_files);
	if (l.config) {
		fg_buf_init(&out, 1 << 20);
		fg_config_print_effective(l.config, &out);
		fg_config_print_plan(l.config, &out);
		fg_buf_fini(&out);
	}
	unload(&l);
}

static void every_prefix(void **state)
{
	(void)state;
	for (size_t n = 0; n <= strlen(good); n++)
		load_bytes(good, n);
}

static void every_byte_replaced(void **state)
{
	static const char others[] = {'\0', '\n', ' ', ':', '-', '~', '0', 'x', '{', ']', '"', '&',
		'*', '#', '\t', (char)0xE5, (char)0xC3};
	struct fg_rng rng = {11};
	size_t len = strlen(good);
	char *text = edit(good, "", "");

	(void)state;
	for (size_t i = 0; i < len; i++) {
		for (int k = 0; k < 2; k++) {
			text[i] = others[fg_rng_below(&rng, sizeof(others))];
			load_bytes(text, len);
		}
		text[i] = good[i];
	}
	free(text);
}

static void every_line_removed_or_repeated(void **state)
{
	(void)state;
	for (const char *line = good; *line;) {
		size_t n = strcspn(line, "\n") + 1, before = (size_t)(line - good);
		struct fg_buf b;

		fg_buf_init(&b, 1 << 20);
		fg_buf_put(&b, good, before);
		fg_buf_puts(&b, line + n);
		load_bytes(b.data, b.len);
		fg_buf_clear(&b);
		fg_buf_put(&b, good, before + n);
		fg_buf_puts(&b, line);
		load_bytes(b.data, b.len);
		fg_buf_fini(&b);
		line += n;
	}
}

/* Any value may be any kind of node. */
static void every_value_of_another_kind(void **state)
{
	static const char *const values[] = {" []", " {}", " ~", "", " \"\"", " [[[]]]",
		" {a: {b: c}}", " -1e308", " 99999999999999999999999999", " [~, ~]", " &a [*a]"};

	(void)state;
	for (const char *line = good; *line; line += strcspn(line, "\n") + 1) {
		size_t n = strcspn(line, "\n"), colon = strcspn(line, ":");

		for (size_t i = 0; i < FG_COUNT(values) && colon < n; i++) {
			struct fg_buf b;

			fg_buf_init(&b, 1 << 20);
			fg_buf_put(&b, good, (size_t)(line - good) + colon + 1);
			fg_buf_puts(&b, values[i]);
			fg_buf_puts(&b, line + n);
			load_bytes(b.data, b.len);
			fg_buf_fini(&b);
		}
	}
}

static void overgrown(void **state)
{
	static const struct {
		const char *head, *line;
		int n;
	} cases[] = {
		{"gateway: {id: a}\nlinks:\n", "  l%d: {driver: modbus-tcp, host: h%d}\n", 9999},
		{"gateway: {id: a}\nlinks:\n", "  l%d: {driver: modbus-tcp, host: h}\n", 500},
		{"gateway: {id: a}\nlinks: {l: {driver: modbus-tcp, host: h}}\ndevices:\n",
			"  d%d: {link: l, unit_id: 1, station: s, domain: air, points: {pm25: "
			"{}}}\n",
			9999},
		{"gateway: {id: a}\nlinks: {l: {driver: modbus-tcp, host: h}}\nstations: {s: "
		 "{}}\ndevices:\n",
			"  d%d: {link: l, unit_id: 1, station: s, domain: air, points: {x: "
			"{property: pm25, "
			"table: input, address: 1, type: u16}}}\n",
			1500},
		{"gateway: {id: a}\nstations:\n", "  s%d: {}\n", 9999},
		{"gateway: {id: a}\nmqtt:\n", "  m%d: {servers: mqtt://localhost, prefix: p}\n",
			9999},
		{"gateway:\n", "  unknown%d: 1\n", 9999},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		int64_t before = fg_clock_cpu_us();
		struct fg_buf b;

		fg_buf_init(&b, 4 << 20);
		fg_buf_puts(&b, cases[i].head);
		for (int k = 0; k < cases[i].n; k++) {
			char line[300];
			const char *mark = cases[i].line;
			size_t n = 0;

			for (; *mark; mark++) { /* %d: the number */
				if (mark[0] == '%' && mark[1] == 'd') {
					n += (size_t)snprintf(line + n, sizeof(line) - n, "%d", k);
					mark++;
				} else {
					line[n++] = *mark;
				}
			}
			fg_buf_put(&b, line, n);
		}
		load_bytes(b.data, b.len);
		fg_buf_fini(&b);
		if (fg_clock_cpu_us() - before > 20000000)
			fail_msg("case %zu takes too long", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(every_byte_replaced),
		cmocka_unit_test(every_line_removed_or_repeated),
		cmocka_unit_test(every_value_of_another_kind),
		cmocka_unit_test(overgrown),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
