/* SPDX-License-Identifier: EUPL-1.2 */
/* What windows of quality tests hold in memory: what `check` says of them, and where. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD                                                                                       \
	"gateway: {id: g, title: T, operator: O, licence: NLOD-2.0, contact: a@example.no}\n"      \
	"stations: {s: {title: S, position: {latitude: 59, longitude: 10}}}\n"                     \
	"storage: {file: readings.db}\n"                                                           \
	"mqtt: {m: {servers: [mqtt://127.0.0.1], prefix: p}}\n"                                    \
	"links: {plc: {driver: modbus-tcp, host: 127.0.0.1}}\n"                                    \
	"devices:\n"

/* A device with a point whose tests are these, read each second. */
static size_t put_device(char *to, size_t size, unsigned i, const char *qc)
{
	return (size_t)snprintf(to, size,
		"  d%u: {station: s, domain: water, link: plc, unit_id: %u, interval: 1s,\n"
		"    timeout: 500ms, points: {x_a%u: {table: input, address: 0, unit: Cel,\n"
		"      qc: {%s}}}}\n", i, i + 1, i, qc);
}

static struct loaded load_devices(unsigned devices, const char *qc)
{
	size_t size = sizeof(HEAD) + 400u * devices, len = sizeof(HEAD) - 1;
	char *text = malloc(size);
	struct loaded l;

	assert_non_null(text);
	memcpy(text, HEAD, sizeof(HEAD));
	for (unsigned i = 0; i < devices; i++)
		len += put_device(text + len, size - len, i, qc);
	l = load_text(text);
	free(text);
	return l;
}

static void says(unsigned devices, const char *qc, int status, const char *what)
{
	struct loaded l = load_devices(devices, qc);

	assert_int_equal(l.status < 0, status < 0);
	if (what)
		assert_has(l.out.data, what);
	else
		assert_string_equal(l.out.data, "\n");
	unload(&l);
}

static void test_of_a_point(void **state)
{
	(void)state;
	says(1, "flat_line: {tolerance: 1, suspect: 1h, fail: 9999s}", 0, NULL);
	says(1, "flat_line: {tolerance: 1, suspect: 1h, fail: 10000s}", 0,
		"fjordgate.yaml:9:57: warning: devices.d0.points.x_a0.qc.flat_line.fail: looks "
		"back over 10001 readings at this interval, 234 KiB of memory; usual are up to "
		"10000: up to 2h, or a longer interval");
	says(1, "flat_line: {tolerance: 1, suspect: 3h}", 0,
		"x_a0.qc.flat_line.suspect: looks back over 10801 readings");
	says(1, "attenuated_signal: {suspect: 1, period: 3h}, flat_line: {tolerance: 1, fail: 1h}",
		0, "fjordgate.yaml:9:52: warning: devices.d0.points.x_a0.qc.attenuated_signal."
		   "period: looks back over 10802 readings");
	says(1, "attenuated_signal: {suspect: 1, period: 3h}, flat_line: {tolerance: 1, fail: 4h}",
		0, "x_a0.qc.flat_line.fail: looks back over 14401 readings");
	says(1, "flat_line: {tolerance: 1, fail: 19999s}", 0, "warning: devices.d0");
	says(1, "flat_line: {tolerance: 1, fail: 20000s}", -1,
		"error: devices.d0.points.x_a0.qc.flat_line.fail: looks back over 20001 readings "
		"at this interval, 469 KiB of memory; at most 20000, so up to 5h, or a longer "
		"interval");
}

/* The time that is told is one that fits. */
static void test_what_is_told_is_right(void **state)
{
	(void)state;
	says(1, "flat_line: {tolerance: 1, fail: 5h}", 0, "warning: devices.d0");
	says(1, "attenuated_signal: {suspect: 1, period: 5h}", 0, "warning: devices.d0");
	says(1, "flat_line: {tolerance: 1, fail: 2h}", 0, NULL);
	says(1, "attenuated_signal: {suspect: 1, period: 2h}", 0, NULL);
}

static void test_of_all_together(void **state)
{
	(void)state;
	says(20, "flat_line: {tolerance: 1, fail: 9999s}", 0, NULL);
	says(21, "flat_line: {tolerance: 1, fail: 9999s}", 0,
		"fjordgate.yaml:9:44: warning: flat_line and attenuated_signal of all points "
		"together look back over 210000 readings, 4.8 MiB of memory; usual are up to "
		"200000: see that the board has it; the most are here, 10000");
	says(50, "flat_line: {tolerance: 1, fail: 19999s}", 0, "look back over 1000000 readings");
	says(51, "flat_line: {tolerance: 1, fail: 19999s}", -1,
		"error: flat_line and attenuated_signal of all points together look back over "
		"1020000 readings, 23.3 MiB of memory; at most 1000000: shorter times");
}

/* What is worked out of others has the interval of these. */
static void test_of_a_derived_point(void **state)
{
	struct loaded l = load_text(HEAD
		"  d: {station: s, domain: water, link: plc, unit_id: 1, interval: 1s,\n"
		"    timeout: 500ms, points: {x_a: {table: input, address: 0, unit: Cel},\n"
		"      x_b: {expression: x_a * 2, unit: Cel,\n"
		"        qc: {flat_line: {tolerance: 1, fail: 6h}}}}}\n");

	(void)state;
	assert_true(l.status < 0);
	assert_has(l.out.data,
		"fjordgate.yaml:10:46: error: devices.d.points.x_b.qc.flat_line.fail: looks back "
		"over 21601 readings");
	unload(&l);
}

static void test_it_is_told(void **state)
{
	struct loaded l = load_devices(3, "flat_line: {tolerance: 1, fail: 100s}");
	struct fg_buf out;

	(void)state;
	fg_buf_init(&out, 1 << 16);
	fg_config_print_forecast(l.config, &out);
	assert_has(out.data, "quality tests: windows of 3 points hold up to 303 readings, 7 KiB; "
			     "the longest: d0/x_a0 101\n");
	fg_buf_clear(&out);
	fg_config_print_plan(l.config, &out);
	assert_has(out.data, "quality tests: windows of 3 points");
	unload(&l);
	l = load_devices(1, "spike: {suspect: 1}");
	fg_buf_clear(&out);
	fg_config_print_forecast(l.config, &out);
	assert_lacks(out.data, "quality tests");
	fg_buf_fini(&out);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_a_point),
		cmocka_unit_test(test_what_is_told_is_right),
		cmocka_unit_test(test_of_all_together),
		cmocka_unit_test(test_of_a_derived_point),
		cmocka_unit_test(test_it_is_told),
	};

	return cmocka_run_group_tests(tests, harness_enter, harness_leave);
}
