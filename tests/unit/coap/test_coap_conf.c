/* SPDX-License-Identifier: EUPL-1.2 */
/* What the coap driver accepts in a configuration, and how it tells what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "drivers/coap_internal.h"

extern const struct fg_driver fg_driver_coap;

static const struct link_case {
	const char *uri, *identity, *file;
	const char *host; /* NULL: refused */
	unsigned port;
	const char *fault;
} link_cases[] = {
	{"coap://192.0.2.1", NULL, NULL, "192.0.2.1", 5683, NULL},
	{"coap://192.0.2.1:61616/", NULL, NULL, "192.0.2.1", 61616, NULL},
	{"COAP://sensor.example.no", NULL, NULL, "sensor.example.no", 5683, NULL},
	{"coap://[fd00::5]", NULL, NULL, "fd00::5", 5683, NULL},
	{"coap://[fd00::5]:7000", NULL, NULL, "fd00::5", 7000, NULL},
	{"coap://[fe80::1%25eth0]", NULL, NULL, "fe80::1%eth0", 5683, NULL},
	{"coap://[fe80::1%eth0]", NULL, NULL, "fe80::1%eth0", 5683, NULL},
	{"coaps://[fd00::5]", "gw", "keys", "fd00::5", 5684, NULL},
	{"coaps://[fd00::5]", NULL, NULL, NULL, 0, "psk_identity and psk_file, or ca_file"},
	{"coaps://[fd00::5]", "gw", NULL, NULL, 0, "psk_identity and psk_file, or ca_file"},
	{"coap://192.0.2.1", "gw", "keys", NULL, 0, "coaps+tcp:// alone"},
	{"coap+tcp://192.0.2.1", NULL, NULL, "192.0.2.1", 5683, NULL},
	{"coaps+tcp://[fd00::5]", "gw", "keys", "fd00::5", 5684, NULL},
	{"coap+ws://192.0.2.1", NULL, NULL, NULL, 0, "WebSockets"},
	{"http://192.0.2.1", NULL, NULL, NULL, 0, "must begin with"},
	{"192.0.2.1", NULL, NULL, NULL, 0, "must begin with"},
	{"coap://", NULL, NULL, NULL, 0, "no host"},
	{"coap://:5683", NULL, NULL, NULL, 0, "no host"},
	{"coap://[]", NULL, NULL, NULL, 0, "no host"},
	{"coap://[fd00::5", NULL, NULL, NULL, 0, "bracket"},
	{"coap://[fd00::5]x", NULL, NULL, NULL, 0, "else than a port"},
	{"coap://a@b", NULL, NULL, NULL, 0, "no usable host"},
	{"coap://a:0", NULL, NULL, NULL, 0, "1 to 65535"},
	{"coap://a:65536", NULL, NULL, NULL, 0, "1 to 65535"},
	{"coap://a:", NULL, NULL, NULL, 0, "1 to 65535"},
	{"coap://a:5x", NULL, NULL, NULL, 0, "1 to 65535"},
	{"coap://a:123456789012", NULL, NULL, NULL, 0, "1 to 65535"},
	{"coap://a/path", NULL, NULL, NULL, 0, "names a path"},
	{"coap://a?q", NULL, NULL, NULL, 0, "names a path"},
};

static const struct fg_node node = {
	.kind = FG_NODE_MAPPING, .at = {.file = "f.yaml", .line = 3, .column = 1}};

static void expect_fault(struct fg_report *rep, const char *fault)
{
	char text[1000] = "";
	struct fg_buf buf;

	fg_buf_wrap(&buf, text, sizeof(text));
	fg_report_print(rep, &buf);
	if (!fault)
		assert_string_equal(text, "");
	else if (!strstr(text, fault))
		fail_msg("'%s' does not say '%s'", text, fault);
	fg_report_free(rep);
}

static void test_links(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(link_cases); i++) {
		const struct link_case *c = &link_cases[i];
		struct fg_coap_link conf = {
			.uri = c->uri, .psk_identity = c->identity, .psk_file = c->file};
		struct fg_link link = {.name = "pond", .node = &node, .conf = &conf};
		struct fg_report *rep = fg_report_new();

		fg_driver_coap.check_link(&link, &conf, rep);
		if (c->host) {
			assert_string_equal(conf.host, c->host);
			assert_int_equal(conf.port, c->port);
		}
		expect_fault(rep, c->fault);
	}
}

static void test_same_port(void **state)
{
	struct fg_coap_link a = {.host = "a.example", .port = 5683},
			    b = {.host = "A.Example", .port = 5683},
			    c = {.host = "a.example", .port = 5684};
	struct fg_link la = {.conf = &a}, lb = {.conf = &b}, lc = {.conf = &c};

	(void)state;
	assert_true(fg_driver_coap.same_port(&la, &lb));
	assert_false(fg_driver_coap.same_port(&la, &lc));
}

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A256 A64 A64 A64 A64

static void test_points(void **state)
{
	static const struct {
		const char *path, *json, *fault, *senml;
	} cases[] = {
		{"/a", NULL, NULL, "urn:dev:ow:10e2:pm10"},
		{"/a", NULL, NULL, "3303/0/5700"},
		{"/a", "/v", "json and senml exclude each other", "pm10"},
		{"/a", NULL, "senml: 'pm 10' is not a name", "pm 10"},
		{"/a", NULL, "senml: '' is not a name", ""},
		{"/", NULL, NULL, NULL},
		{"/a/b%20c?x=1&y", "/v/0", NULL, NULL},
		{"a", NULL, "must begin with '/'", NULL},
		{"", NULL, "must begin with '/'", NULL},
		{"/a%2", NULL, "two hexadecimal digits", NULL},
		{"/a%zz", NULL, "two hexadecimal digits", NULL},
		{"/a b", NULL, "%20", NULL},
		{"/a#b", NULL, "%23", NULL},
		{"/" A64 A64 A64 "/" A256, NULL, "more than 255 characters", NULL},
		{"/" A64 A64 A64 "/" A64 A64 A64, NULL, NULL, NULL},
		{"/" A64 A64 A64 "/" A64 A64 A64 "/" A64 A64, NULL, "longer than 500", NULL},
		{"/a", "v", "RFC 6901", NULL},
		{"/a", "/v~", "RFC 6901", NULL},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_payload_point conf = {
			.path = cases[i].path, .json = cases[i].json, .senml = cases[i].senml};
		struct fg_device dev = {.name = "node", .node = &node};
		struct fg_point point = {.name = "p", .node = &node, .device = &dev};
		struct fg_report *rep = fg_report_new();

		fg_driver_coap.check_point(&point, &conf, rep);
		expect_fault(rep, cases[i].fault);
	}
}

/* There are no registers whose bits could be compared. */
static void test_raw_pattern(void **state)
{
	static const struct fg_missing missing[] = {
		{.value = -9999}, {.raw = true, .bits = 0x7FFF}};
	struct fg_payload_point conf = {.path = "/a"};
	struct fg_device dev = {.name = "node", .node = &node};
	struct fg_point point = {.name = "p", .node = &node, .device = &dev, .missing = missing};

	(void)state;
	for (size_t n = 1; n <= FG_COUNT(missing); n++) {
		struct fg_report *rep = fg_report_new();

		point.missing_count = n;
		fg_driver_coap.check_point(&point, &conf, rep);
		expect_fault(rep, n == 2 ? "missing: 0x7FFF is a pattern of bits" : NULL);
	}
}

static void test_devices(void **state)
{
	struct fg_coap_device conf = {.confirmable = true};
	struct fg_device dev = {.name = "node", .node = &node, .timeout_us = 1000000, .retries = 2};
	struct fg_report *rep = fg_report_new();

	(void)state;
	fg_driver_coap.check_device(&dev, &conf, rep);
	expect_fault(rep, NULL);
	dev.timeout_us = 999999;
	rep = fg_report_new();
	fg_driver_coap.check_device(&dev, &conf, rep);
	assert_int_equal(fg_report_errors(rep), 0);
	assert_int_equal(fg_report_warnings(rep), 1);
	expect_fault(rep, "1s at the soonest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_same_port),
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_raw_pattern),
		cmocka_unit_test(test_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
