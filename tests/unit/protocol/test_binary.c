/* SPDX-License-Identifier: EUPL-1.2 */
/* Binary layouts by table, and series in protocol buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/binary.h"
#include "protocol/encode.h"

static char told_text[4000];
static struct fg_buf told_out;

/* Copies of payloads end where their memory ends, so that a read beyond is seen. */
static void *exact(const void *bytes, size_t len)
{
	void *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	return copy;
}

static size_t from_hex(const char *hex, unsigned char *out, size_t cap)
{
	int64_t n = fg_binary_unhex(hex, strlen(hex), out, cap);

	assert_true(n >= 0);
	return (size_t)n;
}

static int put_value(void *arg, const struct fg_binary_value *v)
{
	int *left = arg;

	if (left && (*left)-- == 0)
		return FG_EFULL;
	fg_buf_printf(&told_out, "%zu.%s=", v->record, v->field->name);
	fg_encode_value(&told_out, &v->value, -1);
	if (v->has_time)
		fg_buf_printf(&told_out, "@%lld", (long long)v->time_s);
	fg_buf_putc(&told_out, ' ');
	return FG_OK;
}

static const char *told(const struct fg_binary_layout *layout, const char *hex)
{
	unsigned char bytes[200];
	size_t len = from_hex(hex, bytes, sizeof(bytes));
	void *copy = exact(bytes, len);
	int r;

	fg_buf_wrap(&told_out, told_text, sizeof(told_text));
	r = fg_binary_decode(layout, copy, len, put_value, NULL);
	free(copy);
	if (r < 0) {
		assert_int_equal(r, FG_EDECODE);
		assert_int_equal(told_out.len, 0);
		return "decode";
	}
	return told_text;
}

/* Dragino S31-NB: a head, and a history of temperature, humidity and time. */
static const struct fg_binary_field s31_head[] = {
	{.name = "id", .type = FG_BINARY_HEX, .offset = 0, .size = 8},
	{.name = "model", .offset = 8, .size = 2, .low_bit = 8, .bits = 8},
	{.name = "battery", .offset = 10, .size = 2, .scale = 0.001},
	{.name = "signal", .offset = 12, .size = 1, .has_missing = true, .missing = 99},
	{.name = "probe",
		.type = FG_BINARY_SIGNED,
		.offset = 14,
		.size = 2,
		.scale = 0.1,
		.has_missing = true,
		.missing = 0x7FFF},
	{.name = "temperature", .type = FG_BINARY_SIGNED, .offset = 19, .size = 2, .scale = 0.1},
	{.name = "humidity", .offset = 21, .size = 2, .scale = 0.1},
	{.name = "time", .role = FG_BINARY_TIME, .offset = 23, .size = 4},
};
static const struct fg_binary_field s31_record[] = {
	{.name = "temperature", .type = FG_BINARY_SIGNED, .offset = 0, .size = 2, .scale = 0.1},
	{.name = "humidity", .offset = 2, .size = 2, .scale = 0.1},
	{.name = "time", .role = FG_BINARY_TIME, .offset = 4, .size = 4},
};
static const struct fg_binary_layout s31 = {
	.head = {27, s31_head, FG_COUNT(s31_head)},
	.record = {8, s31_record, FG_COUNT(s31_record)},
	.selector_offset = 13,
	.selector_mask = 0xFF,
	.selector_equals = 1,
};

#define S31_HEAD                                                                                   \
	"f868411056754138"                                                                         \
	"0b78"                                                                                     \
	"0ce4"                                                                                     \
	"16"                                                                                       \
	"01"                                                                                       \
	"7fff"                                                                                     \
	"00"                                                                                       \
	"03f1"                                                                                     \
	"ffe0"                                                                                     \
	"0329"                                                                                     \
	"636a3b10"

static void test_layout(void **state)
{
	(void)state;
	assert_string_equal(told(&s31, S31_HEAD),
		"0.id=\"f868411056754138\"@1667906320 0.model=11@1667906320 "
		"0.battery=3.3@1667906320 0.signal=22@1667906320 0.probe=null@1667906320 "
		"0.temperature=-3.2@1667906320 0.humidity=80.9@1667906320 ");
	/* a history has times of its own; 0 is none */
	assert_non_null(strstr(told(&s31, S31_HEAD "00eb01f4636a379000ec01f500000000"),
		" 1.temperature=23.5@1667905424 1.humidity=50@1667905424 "
		"2.temperature=23.6 2.humidity=50.1 "));
	/* half a record, half a head, another model's selector */
	assert_string_equal(told(&s31, S31_HEAD "00eb01f4"), "decode");
	assert_string_equal(told(&s31, "f868411056754138"), "decode");
	assert_string_equal(told(&s31, ""), "decode");
	assert_string_equal(
		told(&s31, "f8684110567541380b780ce416027fff0003f1ffe00329636a3b10"), "decode");
}

/* Every kind of number, and a byte that takes a reading away. */
static void test_fields(void **state)
{
	static const struct fg_binary_field fields[] = {
		{.name = "big", .offset = 1, .size = 3},
		{.name = "little", .offset = 1, .size = 3, .little = true},
		{.name = "signed", .type = FG_BINARY_SIGNED, .offset = 1, .size = 3},
		{.name = "nibble",
			.type = FG_BINARY_SIGNED,
			.offset = 0,
			.size = 1,
			.low_bit = 4,
			.bits = 4},
		{.name = "flag", .offset = 0, .size = 1, .low_bit = 0, .bits = 1},
		{.name = "single", .type = FG_BINARY_FLOAT, .offset = 4, .size = 4},
		{.name = "double", .type = FG_BINARY_FLOAT, .offset = 8, .size = 8, .little = true},
		{.name = "wide", .offset = 16, .size = 8},
		{.name = "wide_signed", .type = FG_BINARY_SIGNED, .offset = 16, .size = 8},
		{.name = "biased", .offset = 3, .size = 1, .scale = 0.5, .bias = -40},
		{.name = "when_off", .offset = 3, .size = 1, .invalid_mask = 0x02},
		{.name = "when_on",
			.offset = 3,
			.size = 1,
			.invalid_mask = 0x01,
			.invalid_equals = 0x01},
		{.name = "when_two",
			.offset = 3,
			.size = 1,
			.invalid_mask = 0x03,
			.invalid_equals = 0x02},
	};
	static const struct fg_binary_layout layout = {.head = {24, fields, FG_COUNT(fields)}};

	(void)state;
	assert_string_equal(told(&layout, "c1800102419b33336666666666663340ffffffffffffffff"),
		"0.big=8388866 0.little=131456 0.signed=-8388350 0.nibble=-4 0.flag=1 "
		"0.single=19.4 0.double=19.4 0.wide=18446744073709551615 0.wide_signed=-1 "
		"0.biased=-39 0.when_off=null 0.when_on=null 0.when_two=2 ");
	assert_string_equal(
		told(&layout, "c1800102419b33336666666666663340ffffffffffffffff00"), "decode");
}

/* Records without times of their own are a step apart, here backwards. */
static void test_step(void **state)
{
	static const struct fg_binary_field head[] = {
		{.name = "now", .role = FG_BINARY_TIME, .offset = 0, .size = 4}};
	static const struct fg_binary_field record[] = {{.name = "v", .offset = 0, .size = 1}};
	static const struct fg_binary_layout strict = {
		.head = {4, head, 1}, .record = {1, record, 1}, .step_s = -900};
	static const struct fg_binary_layout loose = {
		.head = {4, head, 1}, .record = {2, record, 1}, .step_s = -900, .loose = true};
	static const unsigned char payload[] = {0, 0, 16, 0, 1, 2, 3};
	int allowed = 2;

	(void)state;
	assert_string_equal(told(&strict, "636a3b100102"), "1.v=1@1667905420 2.v=2@1667904520 ");
	assert_string_equal(told(&strict, "000000000102"), "1.v=1 2.v=2 ");
	assert_string_equal(told(&loose, "636a3b10010203"), "1.v=1@1667905420 ");
	/* a sink that has had enough */
	fg_buf_wrap(&told_out, told_text, sizeof(told_text));
	assert_int_equal(
		fg_binary_decode(&strict, payload, sizeof(payload), put_value, &allowed), FG_EFULL);
	assert_string_equal(told_text, "1.v=1@3196 2.v=2@2296 ");
}

static void test_unhex(void **state)
{
	unsigned char out[4];

	(void)state;
	assert_int_equal(fg_binary_unhex("00fFAa", 6, out, sizeof(out)), 3);
	assert_memory_equal(out, "\x00\xff\xaa", 3);
	assert_int_equal(fg_binary_unhex("", 0, out, sizeof(out)), 0);
	assert_int_equal(fg_binary_unhex("0", 1, out, sizeof(out)), FG_EDECODE);
	assert_int_equal(fg_binary_unhex("0g", 2, out, sizeof(out)), FG_EDECODE);
	assert_int_equal(fg_binary_unhex("0\0", 2, out, sizeof(out)), FG_EDECODE);
	assert_int_equal(fg_binary_unhex("0P", 2, out, sizeof(out)), FG_EDECODE);
	assert_int_equal(fg_binary_unhex("0011223344", 10, out, sizeof(out)), FG_EFULL);
}

/* ---- series ---- */

/* Efento: types 5 and 7 are switches. */
static const uint8_t efento_switches[] = {5, 7};
static const struct fg_series_layout efento = {
	.period = 3,
	.period_factor = 8,
	.channel = 4,
	.type = 1,
	.time = 2,
	.start = 4,
	.offsets = 5,
	.error_first = 8355840,
	.error_last = 8388607,
	.switches = efento_switches,
	.switch_count = FG_COUNT(efento_switches),
};

static int put_sample(void *arg, const struct fg_series_value *v)
{
	(void)arg;
	fg_buf_printf(&told_out, "%zu/%u.%zu=", v->channel, v->type, v->sample);
	fg_encode_value(&told_out, &v->value, -1);
	fg_buf_printf(&told_out, "@%lld ", (long long)v->time_s);
	return FG_OK;
}

static const char *told_series(const char *hex)
{
	unsigned char bytes[400];
	size_t len = from_hex(hex, bytes, sizeof(bytes));
	void *copy = exact(bytes, len);
	int r;

	fg_buf_wrap(&told_out, told_text, sizeof(told_text));
	r = fg_series_decode(&efento, copy, len, put_sample, NULL);
	free(copy);
	if (r < 0) {
		assert_int_equal(r, FG_EDECODE);
		assert_int_equal(told_out.len, 0);
		return "decode";
	}
	return told_text;
}

static void test_series(void **state)
{
	static const struct {
		const char *hex, *want;
	} cases[] = {
		/* of a real sensor: 23.3 degrees twice, 57 % twice, a minute apart */
		{"0a06282c02424eed1001183c220f080110b8d0a7c20620d2032a020000220e080210b8d0a7c20620"
		 "722a0200002896d5a7c20640014809820100",
			"0/1.0=233@1749674040 0/1.1=233@1749674100 1/2.0=57@1749674040 "
			"1/2.1=57@1749674100 "},
		/* the period may stand behind the channels, and has a factor: 60 * 5 */
		{"220b0801106420022a03000204183c4005", "0/1.0=1@100 0/1.1=2@400 0/1.2=3@700 "},
		/* no period; a negative start; the sensor's failure 8388605 is no reading */
		{"220c0801106420132a04faffff07", "0/1.0=null@100 "},
		{"220b0801106420132a03000204", "0/1.0=-10@100 0/1.1=-9@100 "
					       "0/1.2=-8@100 "},
		{"220d0801106420132a0500faffff07", "0/1.0=-10@100 0/1.1=null@100 "},
		/* a switch: on from 100 + 4, off from 100 + 9; 0 is neither */
		{"2209080510642a030a1300", "0/5.0=true@104 0/5.1=false@109 "},
		/* a channel that is not in use, and fields that nobody declared */
		{"2200183c9d0600000000590000000000000000", ""},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_string_equal(told_series(cases[i].hex), cases[i].want);
}

static void test_series_faults(void **state)
{
	static const char *const cases[] = {
		"", "22", "2205", "220b0801106420022a0300", /* cut short */
		"00",					    /* field 0 */
		"0b",					    /* a group */
		"18ffffffffffffffffff02",		    /* more than 64 bits */
		"18ffffffffffffffffffff01", "18ffffffff1f", /* a period above 32 bits */
		"18ffffffff0f40ffffffff0f",		    /* and by its factor */
		"220b0801106420022a0300020418ffffffff0f",   /* so long that times overflow */
		"1a00",					    /* a period of another wire type */
		"2001",					    /* a channel that is a number */
		"22050a002a0100",			    /* a type that is a message */
		"220508012a0100",			    /* no time */
		"220510642a0100",			    /* no type */
		"2206080110642801",			    /* offsets not packed */
		"220a080110642a01002a0100",		    /* twice */
		"2207080110642a0180",			    /* half an offset */
		"220b080110642a05ffffffff7f",		    /* an offset above 32 bits */
		"2210080110ffffffffffffffffff012a0100",	    /* before 1970 */
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		if (strcmp(told_series(cases[i]), "decode") != 0)
			fail_msg("'%s': %s", cases[i], told_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_unhex),
		cmocka_unit_test(test_series),
		cmocka_unit_test(test_series_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
