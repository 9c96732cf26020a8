/* SPDX-License-Identifier: EUPL-1.2 */
/* What may be sent to a device at all, and what a configuration says of commands. The cycles
 * themselves are in tests/replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/modbus_command.h"

/* ---- the guard ---- */

static unsigned sent;

static int count_sent(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us,
	struct fg_modbus_reply *ret)
{
	(void)job;
	(void)until_us;
	sent++;
	ret->pdu[0] = q->pdu[0];
	ret->len = q->answer;
	return FG_OK;
}

static bool goes_out(unsigned function, unsigned second, unsigned unit, bool allowed)
{
	static const struct fg_modbus_transport transport = {NULL, count_sent, NULL};
	const uint8_t pdu[5] = {(uint8_t)function, (uint8_t)second};
	const struct fg_modbus_query q = {
		.unit = (uint8_t)unit, .pdu = pdu, .len = sizeof(pdu), .answer = 5};
	struct fg_modbus_device conf = {.unit_id = unit};
	struct fg_link link = {.name = "link"};
	struct fg_device dev = {
		.name = "dev", .link = &link, .conf = &conf, .allow_commands = allowed};
	struct fg_group group = {.device = &dev};
	struct fg_link_state ls = {.link = &link};
	struct fg_job job = {.link = &ls, .group = &group};
	struct fg_modbus_reply reply;
	int r;

	sent = 0;
	r = fg_modbus_exchange(&job, &transport, &q, INT64_MAX, &reply);
	assert_int_equal(r, sent ? FG_OK : FG_ECANCELED);
	assert_int_equal(job.requests, sent);
	return sent;
}

/* Every function there is: only those that read go out unless commands are allowed, and to all
 * units at once none ever. */
static void test_guard(void **state)
{
	(void)state;
	for (unsigned function = 0; function < 256; function++) {
		bool reads = (function >= 1 && function <= 4) || function == 17;

		assert_int_equal(goes_out(function, 0, 7, false), reads);
		assert_int_equal(goes_out(function, 0, 7, true), true);
		assert_int_equal(goes_out(function, 0, 0, true), reads);
	}
	assert_true(goes_out(43, 14, 7, false));
	assert_false(goes_out(43, 13, 7, false)); /* CANopen: may write */
}

/* ---- configuration ---- */

struct world {
	struct fg_arena *arena;
	struct fg_report *rep;
	struct fg_modbus_device conf;
	struct fg_buf said;
};

/* Loads the keys of a device and checks them. */
static void load(struct world *w, bool allowed, const char *text)
{
	struct fg_bind b = {0};
	struct fg_device dev = {.name = "dev", .conf = &w->conf, .allow_commands = allowed};
	struct fg_node *node = NULL;

	w->arena = b.arena = fg_arena_new();
	w->rep = b.rep = fg_report_new();
	memset(&w->conf, 0, sizeof(w->conf));
	assert_int_equal(fg_yaml_load_text(w->arena, text, strlen(text), "t", w->rep, &node), 0);
	fg_bind_struct(&b, node, fg_modbus_device_keys, NULL, &w->conf, NULL, node->at);
	dev.node = node;
	if (!fg_report_errors(w->rep))
		fg_modbus_check_cycle(&dev, &w->conf.cycle, w->rep);
	fg_buf_init(&w->said, 1 << 16);
	fg_report_print(w->rep, &w->said);
	fg_buf_putc(&w->said, '\0');
}

static void fini(struct world *w)
{
	fg_buf_fini(&w->said);
	fg_report_free(w->rep);
	fg_arena_free(w->arena);
}

static const struct fg_modbus_command *first(const struct world *w)
{
	assert_string_equal(w->said.data, "");
	assert_int_equal(w->conf.cycle.commands.count, 1);
	return &w->conf.cycle.commands.items[0];
}

#define COMMAND(text) "{unit_id: 3, commands: [{name: c, " text "}]}"

static void test_commands(void **state)
{
	static const struct {
		const char *text;
		uint8_t pdu[16];
		size_t len, answer;
	} cases[] = {
		{COMMAND("function: 5, address: 9, value: 1"), {5, 0, 9, 0xff, 0}, 5, 5},
		{COMMAND("function: 6, reference: 40010, value: 0x1234"), {6, 0, 9, 0x12, 0x34}, 5,
			5},
		{COMMAND("function: 16, table: holding, address: 1, value: [1, 2]"),
			{16, 0, 1, 0, 2, 4, 0, 1, 0, 2}, 10, 5},
		{COMMAND("raw: \"03 25 00 00 00\", answer: 5"), {3, 0x25, 0, 0, 0}, 5, 5},
		{COMMAND("raw: 6501, answer: 2"), {0x65, 1}, 2, 2},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		const struct fg_modbus_command *c;
		struct world w;

		load(&w, true, cases[i].text);
		c = first(&w);
		assert_int_equal(c->len, cases[i].len);
		assert_memory_equal(c->pdu, cases[i].pdu, cases[i].len);
		assert_int_equal(c->answer_len, cases[i].answer);
		assert_int_equal(c->when, FG_MODBUS_WHEN_POLL);
		fini(&w);
	}
}

static void test_faults(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{COMMAND("function: 7, address: 1, value: 1"), "function 7 is no write"},
		{COMMAND("function: 6, value: 1"), "address (or reference) is missing"},
		{COMMAND("function: 6, reference: 30001, value: 1"),
			"function 6 writes to table holding"},
		{COMMAND("function: 5, address: 1, value: 2"), "a coil is 0 or 1"},
		{COMMAND("function: 6, address: 1"), "takes one value, not 0"},
		{COMMAND("function: 6, address: 1, value: [1, 2]"), "takes one value, not 2"},
		{COMMAND("function: 16, address: 65535, value: [1, 2]"), "beyond the last address"},
		{COMMAND("wait: 1s"), "function (5, 6 or 16) is missing, or raw"},
		{COMMAND("raw: \"03 2\", answer: 2"), "two hexadecimal digits each"},
		{COMMAND("raw: \"03\""), "answer is missing"},
		{COMMAND("raw: \"83 00\", answer: 2"), "131 is no function code"},
		{COMMAND("raw: \"03\", answer: 2, function: 6"), "no function, address or value"},
		{COMMAND("function: 6, address: 1, value: 1, answer: 5"), "answer goes with raw"},
		{COMMAND("function: 6, address: 1, value: 1, whem: poll"), "unknown key 'whem'"},
		{COMMAND("function: 6, address: 1, value: 1, wait_from: {table: input}"),
			"address (or reference) is missing"},
		{"{unit_id: 3, commands: {name: c}}", "a list of at most 16 commands"},
		{"{unit_id: 0, commands: [{name: c, function: 6, address: 1, value: 1}]}",
			"unit_id 0 is the broadcast address"},
		{"{unit_id: 3, wake: {wait: 1s}}", "wake: address (or reference) is missing"},
		{"{unit_id: 3, wake: {table: input, address: 65535, count: 2}}",
			"beyond the last address"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct world w;

		load(&w, true, cases[i].text);
		assert_true(fg_report_errors(w.rep) > 0);
		if (!strstr(w.said.data, cases[i].said))
			fail_msg("%s: %s", cases[i].text, w.said.data);
		fini(&w);
	}
}

/* A profile's commands that the device does not allow: told, no fault. */
static void test_not_allowed(void **state)
{
	struct world w;

	(void)state;
	load(&w, false, COMMAND("function: 6, address: 1, value: 1"));
	assert_int_equal(fg_report_errors(w.rep), 0);
	assert_int_equal(fg_report_warnings(w.rep), 1);
	assert_non_null(strstr(w.said.data, "not sent, as allow_commands is false"));
	fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_not_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
