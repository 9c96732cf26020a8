/* SPDX-License-Identifier: EUPL-1.2 */
/* The simulator's CoAP payloads, byte for byte, and the keys of its resources and pushers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "sim.h"

static const struct sim_point points[] = {
	{.name = "pm25", .path = "/all", .unit = "ug/m3", .decimals = 1, .scale = 1},
	{.name = "no2", .path = "/all", .senml = "gas", .decimals = 2, .scale = 1},
	{.name = "deep", .path = "/doc", .json = "/a/b", .decimals = 2, .scale = 1},
	{.name = "flat", .path = "/doc", .json = "/c", .decimals = 0, .scale = 1},
	{.name = "warm",
		.path = "/3303/0",
		.senml = "3303/0/5700",
		.unit = "Cel",
		.type = SIM_F32,
		.decimals = 1,
		.scale = 1},
	{.name = "raw", .path = "/bin", .type = SIM_I16, .order = SIM_DCBA, .address = 1,
		.scale = 0.1},
	{.name = "byte", .path = "/bin", .type = SIM_U8, .address = 3, .scale = 1},
};
static const struct sim_device device = {
	.name = "node", .points = {(void *)points, FG_COUNT(points)}};

/* 2026-07-01T12:00:00.5Z and a minute later. */
static const double first[] = {8.4, 31.25, 1.5, -3, 21.5, -12.3, 200};
static const double second[] = {9, 30, 2.5, 4, 22, 4.5, 7};
static const struct sim_row rows[] = {
	{INT64_C(1782907200500000), first}, {INT64_C(1782907260500000), second}};

static struct fg_buf out;

static const char *put(const char *path, struct sim_body body, size_t count, bool timed)
{
	fg_buf_clear(&out);
	sim_payload_put(&device, path, &body, (enum sim_format)body.format, rows, count, timed,
		&out);
	assert_false(out.overflow);
	return out.data;
}

static void assert_hex(const char *want)
{
	char hex[512] = "";

	for (size_t i = 0; i < out.len; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)out.data[i]);
	assert_string_equal(want, hex);
}

static void test_text_and_json(void **state)
{
	(void)state;
	assert_string_equal("8.4", put("/all", (struct sim_body){.format = SIM_TEXT}, 1, false));
	assert_string_equal("{\"a\":{\"b\":1.5},\"c\":-3}",
		put("/doc", (struct sim_body){.format = SIM_JSON}, 1, false));
	assert_string_equal("{\"a\":{\"b\":2.5},\"c\":4,\"at\":1782907260.5,\"pad\":\"abc\"}",
		put("/doc", (struct sim_body){.format = SIM_JSON, .time = "/at", .pad = 3}, 2,
			true));
	put("/doc", (struct sim_body){.format = SIM_CBOR}, 1, false);
	assert_hex("a2"
		   "6161a16162fa3fc00000"
		   "616322");
}

static void test_senml(void **state)
{
	(void)state;
	assert_string_equal("[{\"bn\":\"urn:x:\",\"n\":\"pm25\",\"u\":\"ug/m3\",\"v\":8.4},"
			    "{\"n\":\"gas\",\"v\":31.25}]",
		put("/all", (struct sim_body){.format = SIM_SENML_JSON, .base_name = "urn:x:"}, 1,
			false));
	assert_string_equal("[{\"bt\":1782907200.5,\"n\":\"pm25\",\"u\":\"ug/m3\",\"v\":8.4},"
			    "{\"n\":\"gas\",\"v\":31.25},"
			    "{\"n\":\"pm25\",\"u\":\"ug/m3\",\"t\":60,\"v\":9},"
			    "{\"n\":\"gas\",\"t\":60,\"v\":30}]",
		put("/all", (struct sim_body){.format = SIM_SENML_JSON}, 2, true));
	put("/doc", (struct sim_body){.format = SIM_SENML_CBOR, .base_name = "x:"}, 2, true);
	assert_hex("84"
		   "a42162783a22fb41da9140502000000064646565"
		   "7002fa3fc00000"
		   "a20064666c61740222"
		   "a3006464656570"
		   "06183c02fa40200000"
		   "a30064666c617406183c0204");
}

static void test_tlv_and_binary(void **state)
{
	(void)state;
	put("/3303/0", (struct sim_body){.format = SIM_TLV}, 1, false);
	assert_hex("e4164441ac0000e316454365"
		   "6c");
	put("/bin", (struct sim_body){.format = SIM_BINARY, .bytes = "aa0000FFbb"}, 1, false);
	assert_hex("aa85ffc8bb"); /* -123, low byte first; 200 */
}

static void test_formats(void **state)
{
	(void)state;
	assert_int_equal(SIM_TEXT, sim_format_of(&device, "/all", NULL));
	assert_int_equal(SIM_JSON, sim_format_of(&device, "/doc", NULL));
	assert_int_equal(SIM_SENML_CBOR, sim_format_accepted(SIM_SENML_JSON, 112));
	assert_int_equal(SIM_JSON, sim_format_accepted(SIM_CBOR, 50));
	assert_int_equal(SIM_FORMAT_AUTO, sim_format_accepted(SIM_TEXT, 50));
	assert_int_equal(SIM_TLV, sim_format_accepted(SIM_TLV, 11542));
}

/* Whether a file is refused with a text in its faults; NULL: it is good. */
static void check_file(const char *devices, const char *fault)
{
	char path[] = "/tmp/simcoapXXXXXX", text[4096] = "";
	struct fg_report *rep = fg_report_new();
	int fd = mkstemp(path), r;
	struct sim_model *m = NULL;
	struct fg_buf faults;

	dprintf(fd,
		"endpoints: {roof: {kind: coap, listen: '127.0.0.1:0'},\n"
		"  bus: {kind: modbus-tcp, listen: '127.0.0.1:0'}}\n"
		"devices:\n%s\n",
		devices);
	close(fd);
	r = sim_model_load(path, rep, 0, &m);
	unlink(path);
	fg_buf_wrap(&faults, text, sizeof(text));
	fg_report_print(rep, &faults);
	fg_report_free(rep);
	sim_model_free(m);
	assert_int_equal(fault ? FG_ECONFIG : FG_OK, r);
	if (fault && !strstr(text, fault))
		fail_msg("'%s' is not in: %s", fault, text);
}

static void test_files(void **state)
{
	(void)state;
	check_file("  a: {endpoint: roof, resources: [{path: /x, observe: true}], points: {n: "
		   "{path: /x}}}\n"
		   "  b: {push: {uri: 'coap://h/x', format: senml-json}, points: {n: {}}}",
		NULL);
	check_file("  a: {points: {n: {}}}", "missing key 'endpoint'");
	check_file("  a: {endpoint: roof, resources: [{path: /y}], points: {n: {path: /x}}}",
		"no point has the path '/y'");
	check_file("  a: {endpoint: bus, resources: [{path: /y}], points: {n: {}}}",
		"of kind coap");
	check_file("  a: {push: {uri: 'http://h/x'}, points: {n: {}}}", "must begin with coap://");
	check_file("  a: {push: {uri: 'coaps://h/x'}, points: {n: {}}}", "needs psk_file");
	check_file("  a: {push: {uri: 'coap://h/x', psk_identity: x}, points: {n: {}}}",
		"belong together");
	check_file("  a: {push: {uri: 'coap://h/x', format: binary}, points: {n: {}}}",
		"needs 'bytes'");
	check_file("  a: {push: {uri: 'coap://h/x', format: text, time: /t}, points: {n: {}}}",
		"for json and cbor");
	check_file("  a: {push: {uri: 'coap://h/x', format: senm}, points: {n: {}}}", "senm");
}

static int begin(void **state)
{
	(void)state;
	fg_buf_init(&out, 65536);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fg_buf_fini(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_and_json),
		cmocka_unit_test(test_senml),
		cmocka_unit_test(test_tlv_and_binary),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
