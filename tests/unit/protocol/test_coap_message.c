/* SPDX-License-Identifier: EUPL-1.2 */
/* CoAP messages taken apart, put together and told to people; lists of resources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "protocol/coap_message.h"
#include "protocol/link_format.h"

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned v;

	for (; *hex; hex += 2 + (hex[2] == ' '), n++) {
		assert_int_equal(sscanf(hex, "%2x", &v), 1);
		out[n] = (uint8_t)v;
	}
	return n;
}

static void option_text(const struct fg_coap_message *m, unsigned number, const char *want)
{
	struct fg_coap_option o;
	struct fg_buf out;
	char mem[200];

	fg_buf_wrap(&out, mem, sizeof(mem));
	assert_true(fg_coap_find_option(m, number, &o));
	fg_coap_put_option_value(&out, &o);
	assert_string_equal(mem, want);
}

/* RFC 7252, appendix A, figure 16, and a message with every length of an option. */
static void test_parse(void **state)
{
	struct fg_coap_message m;
	struct fg_coap_option o = {0};
	uint8_t bytes[400];
	size_t n = unhex("61 45 7d 35 20 c1 6e ff 32 32 2e 33 20 43", bytes);
	char text[FG_COAP_CODE_TEXT];

	(void)state;
	assert_int_equal(fg_coap_parse(bytes, n, &m), FG_OK);
	assert_int_equal(m.type, FG_COAP_ACK);
	assert_int_equal(m.mid, 0x7d35);
	assert_int_equal(m.token_len, 1);
	assert_int_equal(m.token[0], 0x20);
	assert_string_equal(fg_coap_code_text(m.code, text), "2.05 Content");
	assert_true(fg_coap_next_option(&m, &o));
	assert_int_equal(o.number, 12);
	assert_int_equal(fg_coap_option_uint(&o), 0x6e);
	assert_false(fg_coap_next_option(&m, &o));
	assert_int_equal(m.payload_len, 6);
	assert_memory_equal(m.payload, "22.3 C", 6);

	/* ETag, Observe, Uri-Path of 13, Max-Age, Block2 1/more/64, Request-Tag 292 */
	n = unhex("50 45 00 01 42 ab cd 21 05 5d 00 61 62 63 64 65 66 67 68 69 6a 6b 6c 0a "
		  "31 1e 91 1a e1 00 00 07",
		bytes);
	assert_int_equal(fg_coap_parse(bytes, n, &m), FG_OK);
	option_text(&m, FG_COAP_OPT_ETAG, "abcd");
	option_text(&m, FG_COAP_OPT_OBSERVE, "5");
	option_text(&m, FG_COAP_OPT_URI_PATH, "\"abcdefghijkl\\n\"");
	option_text(&m, FG_COAP_OPT_MAX_AGE, "30");
	option_text(&m, FG_COAP_OPT_BLOCK2, "1/more/64");
	option_text(&m, 292, "07");
	assert_string_equal(fg_coap_option_name(292), "Request-Tag");
	assert_null(fg_coap_option_name(293));
	assert_string_equal(fg_coap_format_name(112), "application/senml+cbor");
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"40 45 00",		   /* no head */
		"80 45 00 01",		   /* version 2 */
		"49 45 00 01 01 02 03 04 05 06 07 08 09", /* a token of 9 */
		"42 45 00 01 01",	   /* a token cut short */
		"40 45 00 01 ff",	   /* nothing behind the marker */
		"40 45 00 01 f0",	   /* reserved */
		"40 45 00 01 0f",	   /* reserved */
		"40 45 00 01 62 01",	   /* a value cut short */
		"40 45 00 01 d1",	   /* a delta cut short */
		"40 45 00 01 e0 ff ff",	   /* an option number above 65535 */
		"41 00 00 01 07",	   /* empty, with a token */
	};
	struct fg_coap_message m;
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t n = unhex(bad[i], bytes);

		if (fg_coap_parse(bytes, n, &m) != FG_EDECODE)
			fail_msg("taken: %s", bad[i]);
	}
	assert_int_equal(fg_coap_parse("", 0, &m), FG_EDECODE);
	assert_int_equal(fg_coap_parse("\x60\x00\x12\x34", 4, &m), FG_OK);
}

static void test_write(void **state)
{
	uint8_t want[400], mem[400];
	char path[300];
	struct fg_coap_message m;
	struct fg_coap_option o;
	struct fg_buf out;
	unsigned last = 0;
	size_t n = unhex("52 01 12 34 aa bb bb 2e 77 65 6c 6c 2d 6b 6e 6f 77 6e 04 63 6f 72 65 "
			 "61 28 d1 f3 07 ff 78",
		want);

	(void)state;
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_coap_put_head(&out, FG_COAP_NON, 1, 0x1234, "\xaa\xbb", 2);
	fg_coap_put_option(&out, &last, 11, ".well-known", 11);
	fg_coap_put_option(&out, &last, 11, "core", 4);
	fg_coap_put_uint_option(&out, &last, 17, 40);
	fg_coap_put_uint_option(&out, &last, 17 + 13 + 0xf3, 7);
	fg_coap_put_payload(&out, "x", 1);
	assert_int_equal(out.len, n);
	assert_memory_equal(mem, want, n);

	memset(path, 'p', sizeof(path)); /* long ones come back as they went in */
	fg_buf_clear(&out);
	last = 0;
	fg_coap_put_head(&out, FG_COAP_CON, 1, 1, "", 0);
	fg_coap_put_uint_option(&out, &last, 6, 0);
	fg_coap_put_option(&out, &last, 600, path, sizeof(path));
	assert_int_equal(fg_coap_parse(mem, out.len, &m), FG_OK);
	assert_true(fg_coap_find_option(&m, 600, &o));
	assert_int_equal(o.len, sizeof(path));
	assert_memory_equal(o.value, path, sizeof(path));
	assert_true(fg_coap_find_option(&m, 6, &o));
	assert_int_equal(fg_coap_option_uint(&o), 0);
}

static void test_links(void **state)
{
	/* RFC 6690, section 5, and what sensors send */
	static const char text[] =
		"</sensors>;ct=40;title=\"Sensor, \\\"Index\\\"\",</sensors/temp>;"
		"rt=\"temperature-c x\";if=sensor;obs;ct=\"110 112\" , </\x01>;anchor=\"/a\";sz=17";
	const char *at = text, *end = text + sizeof(text) - 1;
	struct fg_resource r;

	(void)state;
	assert_int_equal(fg_link_format_next(&at, end, &r), FG_OK);
	assert_string_equal(r.path, "/sensors");
	assert_string_equal(r.title, "Sensor, \"Index\"");
	assert_int_equal(r.format_count, 1);
	assert_int_equal(r.formats[0], 40);
	assert_false(r.observable);
	assert_int_equal(fg_link_format_next(&at, end, &r), FG_OK);
	assert_string_equal(r.path, "/sensors/temp");
	assert_string_equal(r.rt, "temperature-c x");
	assert_string_equal(r.iface, "sensor");
	assert_int_equal(r.format_count, 2);
	assert_int_equal(r.formats[1], 112);
	assert_true(r.observable);
	assert_int_equal(fg_link_format_next(&at, end, &r), FG_OK);
	assert_string_equal(r.path, "/?");
	assert_string_equal(r.rt, "");
	assert_int_equal(fg_link_format_next(&at, end, &r), FG_ENOENT);
}

static void test_no_links(void **state)
{
	static const char *const bad[] = {"sensors", "<a", "<a>,", "<a>;", "<a>;=1", "<a>;rt=\"x",
		"<a>;rt=\"x\\", "<a>x", "<a>,,<b>", "{}"};
	struct fg_resource r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *at = bad[i], *end = at + strlen(at);

		int status;

		while ((status = fg_link_format_next(&at, end, &r)) == FG_OK)
			continue;
		if (status != FG_EDECODE)
			fail_msg("taken: %s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_no_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
