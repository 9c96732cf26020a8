/* SPDX-License-Identifier: EUPL-1.2 */
/* What `check` says of a bus before anything is sent: its share, what cannot fit, what would. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many devices of 20 registers each on a line: 62.5 ms on the wire at 9600 baud, and 10 ms. */
static char *bus(unsigned devices, const char *interval, unsigned baud, const char *more)
{
	size_t size = 4096 + 300u * devices, len;
	char *text = malloc(size);

	assert_non_null(text);
	len = (size_t)snprintf(text, size,
		"gateway: {id: g, licence: NLOD-2.0}\n"
		"stations: {s: {title: S}}\n"
		"storage: {file: readings.db}\n"
		"mqtt: {m: {servers: [mqtt://127.0.0.1], prefix: p}}\n"
		"links: {line: {driver: modbus-rtu, device: /dev/ttyS0, baud: %u}}\n"
		"devices:\n",
		baud);
	for (unsigned i = 0; i < devices; i++)
		len += (size_t)snprintf(text + len, size - len,
			"  d%u: {station: s, domain: water, link: line, unit_id: %u,\n"
			"    interval: %s, timeout: 500ms%s, points: {\n"
			"      x_a%u: {table: input, address: 0},\n"
			"      x_b%u: {table: input, address: 10},\n"
			"      x_c%u: {table: input, address: 19}}}\n",
			i, i + 1, interval, more, i, i, i);
	return text;
}

static struct loaded load_bus(
	unsigned devices, const char *interval, unsigned baud, const char *more)
{
	char *text = bus(devices, interval, baud, more);
	struct loaded l = load_text(text);

	free(text);
	return l;
}

static void test_what_fits(void **state)
{
	struct loaded l = load_bus(10, "1s", 9600, "");
	struct fg_buf out;

	(void)state;
	assert_string_equal(l.out.data, "\n");
	fg_buf_init(&out, 1 << 16);
	fg_config_print_forecast(l.config, &out);
	assert_has(out.data, "link line: 72.5 % of the bus's time\n");
	assert_has(out.data, "  10 polls of 10 requests, 725 ms one after another; the longest: d0 "
			     "each 1s, 72 ms\n");
	assert_has(out.data, "a device that dies costs up to 1.5 s once");
	fg_buf_clear(&out);
	fg_config_print_plan(l.config, &out);
	assert_has(out.data, "  d0 every 1s: 3 points in 1 request, 72.5 ms\n");
	assert_has(out.data, "    input 0..19 (20 registers), 17 of them unasked, 62.5 ms and 10.0 "
			     "ms until it answers\n");
	fg_buf_fini(&out);
	unload(&l);
}

/* What the devices are said to need counts; what is said to fit does fit. */
static void test_what_does_not_fit(void **state)
{
	struct loaded l = load_bus(14, "1s", 9600, "");

	(void)state;
	assert_int_equal(l.status, 0);
	assert_has(l.out.data, "warning: links.line: needs 1015 ms each 1s for its polls (101 % of "
			       "the bus's time), so intervals cannot be kept; what would fit: "
			       "interval 2s, baud 19200, fewer points, or a second bus");
	unload(&l);
	l = load_bus(14, "2s", 9600, "");
	assert_string_equal(l.out.data, "\n");
	unload(&l);
	l = load_bus(14, "1s", 19200, "");
	assert_string_equal(l.out.data, "\n");
	unload(&l);
	l = load_bus(13, "1s", 9600, "");
	assert_has(l.out.data, "warning: links.line: its polls take 94 % of the bus's time; a "
			       "retry or a dead device makes them late");
	unload(&l);
	l = load_bus(10, "1s", 9600, ", response_time: 80ms");
	assert_has(l.out.data, "needs 1425 ms each 1s");
	assert_has(l.out.data, "what would fit: interval 2s, baud"); /* 115200: 80 ms each stay */
	unload(&l);
}

/* The same bus with an alarm of so many devices' first points. */
static struct loaded load_alarmed(unsigned alarmed, const char *interval, const char *pace)
{
	static const char plain[] = "{table: input, address: 0}";
	char *text = bus(10, interval, 9600, ""), *at = text;
	struct fg_buf out;
	struct loaded l;

	fg_buf_init(&out, 1 << 16);
	for (unsigned i = 0; i < alarmed; i++) {
		char *next = strstr(at, plain);

		assert_non_null(next);
		fg_buf_put(&out, at, (size_t)(next - at));
		fg_buf_printf(&out,
			"{table: input, address: 0, alarm: {above: 5, interval: %s}}", pace);
		at = next + strlen(plain);
	}
	fg_buf_puts(&out, at);
	l = load_text(out.data);
	fg_buf_fini(&out);
	free(text);
	return l;
}

/* An alarm must not take a bus from its other devices; nor must all in a flood. */
static void test_alarms_that_do_not_fit(void **state)
{
	struct loaded l = load_alarmed(1, "2s", "100ms");

	(void)state;
	assert_int_equal(l.status, 0);
	assert_has(l.out.data, "warning: devices.d0: while an alarm of its points holds, its polls "
			       "each 100ms and all others need 105 % of the time of the bus "
			       "'line', so intervals cannot be kept; what would fit: "
			       "alarm.interval 1s");
	unload(&l);
	l = load_alarmed(1, "2s", "1s");
	assert_string_equal(l.out.data, "\n");
	unload(&l);
	l = load_alarmed(10, "5s", "500ms");
	assert_has(l.out.data, "warning: links.line: while the alarms of all its devices hold, its "
			       "polls need 145 % of the bus's time");
	unload(&l);
	l = load_alarmed(5, "5s", "500ms");
	assert_string_equal(l.out.data, "\n");
	unload(&l);
}

/* Nothing can make a line faster than its rate. */
static void test_what_no_line_can_carry(void **state)
{
	struct loaded l = load_bus(17, "1s", 9600, "");

	(void)state;
	assert_true(l.status < 0);
	assert_has(l.out.data, "error: links.line: the line alone needs 1062 ms each 1s for its "
			       "polls (106 % of the bus's time)");
	unload(&l);
}

/* What goes before the requests of a poll counts as well; what only its own device waits for is
 * nobody else's time. */
static void test_what_goes_before(void **state)
{
	struct loaded l = load_bus(10, "1s", 9600, ", request_gap: 100ms");
	struct fg_buf out;

	(void)state;
	assert_has(l.out.data, "needs 1689 ms each 1s"); /* 96.4 more than it has anyway */
	unload(&l);
	l = load_bus(10, "5s", 9600, ", wake: {table: input, address: 0, after: 1s, wait: 900ms}");
	assert_has(l.out.data, "needs 5954 ms each 5s"); /* 22.9 and 500 ms of silence each */
	unload(&l);
	l = load_bus(10, "5s", 9600, ", wake: {table: input, address: 0, wait: 900ms}");
	assert_string_equal(l.out.data, "\n"); /* it stays awake */
	unload(&l);
#define WIPE ", commands: [{name: wipe, function: 6, address: 1, value: 1, wait: 8s}]"
	l = load_bus(2, "5s", 9600, ", allow_commands: true" WIPE);
	assert_has(l.out.data,
		"warning: devices.d0: one poll takes 8.1 s with the waits that it asks "
		"for, longer than its interval of 5s; what would fit: interval 10s");
	unload(&l);
	l = load_bus(2, "10s", 9600, ", allow_commands: true" WIPE);
	assert_string_equal(l.out.data, "\n");
	fg_buf_init(&out, 1 << 16);
	fg_config_print_plan(l.config, &out);
	assert_has(out.data,
		"link line (modbus-rtu): 2 devices, 2.1 % of the bus's time\n"
		"  d0 every 10s: 3 points in 1 request, 106.5 ms and 8.0 s in which the "
		"bus serves others\n"
		"    34.0 ms of them for silences, wake-up and commands\n");
	fg_buf_fini(&out);
	unload(&l);
}

/* A network has no rate, but devices behind it may be known to be slow. */
static void test_slow_over_a_network(void **state)
{
	static const char text[] =
		"gateway: {id: g, licence: NLOD-2.0}\n"
		"stations: {s: {title: S}}\n"
		"storage: {file: readings.db}\n"
		"mqtt: {m: {servers: [mqtt://127.0.0.1], prefix: p}}\n"
		"links: {plc: {driver: modbus-tcp, host: h}}\n"
		"devices: {d: {station: s, domain: water, link: plc, unit_id: 1, interval: 2s,\n"
		"  timeout: 2s%s, points: {x_a: {table: input, address: 0}}}}\n";
	char mem[sizeof(text) + 40];
	struct loaded l;

	(void)state;
	snprintf(mem, sizeof(mem), text, ", response_time: 3s");
	l = load_text(mem);
	assert_has(l.out.data, "warning: links.plc: needs 3000 ms each 2s for its polls (150 % of "
			       "the bus's time), so intervals cannot be kept; what would fit: "
			       "interval 5s, fewer points");
	unload(&l);
	snprintf(mem, sizeof(mem), text, "");
	l = load_text(mem);
	assert_string_equal(l.out.data, "\n"); /* nothing is known */
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_fits),
		cmocka_unit_test(test_what_does_not_fit),
		cmocka_unit_test(test_alarms_that_do_not_fit),
		cmocka_unit_test(test_what_no_line_can_carry),
		cmocka_unit_test(test_what_goes_before),
		cmocka_unit_test(test_slow_over_a_network),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
