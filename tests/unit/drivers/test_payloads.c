/* SPDX-License-Identifier: EUPL-1.2 */
/* What devices send by themselves: all readings of a payload with their times, and who sent it. */
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
#include "drivers/payload.h"
#include "protocol/encode.h"

/* Bytes of a literal without the NUL behind it. */
#define B(text) text, sizeof(text) - 1

static struct fg_payload_point places[4];
static struct fg_point points[4];
static const struct fg_point *const all[] = {&points[0], &points[1], &points[2], &points[3]};

static char told_text[8000];
static struct fg_buf told;
static int stop_after;

static void set_point(unsigned i, const char *name, const char *unit, struct fg_payload_point at)
{
	places[i] = at;
	points[i] = (struct fg_point){.name = name,
		.index = i,
		.unit = unit,
		.scale = 1,
		.decimals = -1,
		.conf = &places[i]};
}

static int tell(void *arg, const struct fg_payload_reading *r)
{
	static const char *const clocks[] = {"", "@+", "@"};

	(void)arg;
	fg_buf_printf(&told, "%s=", r->point->name);
	if (r->reading.reason)
		fg_buf_puts(&told, fg_reason_text(r->reading.reason, 0, (char[FG_REASON_SIZE]){0}));
	else
		fg_encode_value(&told, &r->reading.value, -1);
	fg_buf_puts(&told, clocks[r->clock]);
	if (r->clock)
		fg_buf_printf(&told, "%lld", (long long)r->time_us / 1000);
	fg_buf_putc(&told, ' ');
	assert_int_equal(r->reading.taken_mono_us, 7);
	assert_int_equal(r->reading.point, r->point->index);
	return stop_after && !--stop_after ? FG_EFULL : FG_OK;
}

/* Copies end where their memory ends, so that a read beyond is seen. */
static const char *decode(const struct fg_payload_conf *conf, size_t count, int format,
	const char *path, const char *data, size_t len)
{
	char *copy = malloc(len ? len : 1), why[FG_PAYLOAD_WHY];
	const struct fg_payload p = {format, copy, len, path, 7};
	int r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	fg_buf_wrap(&told, told_text, sizeof(told_text));
	r = fg_payload_all(conf, all, count, &p, tell, NULL, why);
	free(copy);
	if (r == FG_OK || r == FG_EFULL)
		return told_text;
	assert_int_equal(told.len, 0);
	fg_buf_printf(&told, "%s: %s",
		r == FG_EINVAL	 ? "format"
		: r == FG_ENOENT ? "none"
				 : "bad",
		why);
	return told_text;
}

#define PACK                                                                                       \
	"[{\"bn\":\"dev:\",\"bt\":1.8e9,\"bu\":\"Cel\",\"n\":\"a\",\"t\":-60,\"v\":2},"            \
	"{\"n\":\"b\",\"u\":\"V\",\"v\":9},{\"n\":\"a\",\"v\":3},"                                 \
	"{\"n\":\"c\",\"vs\":\"on\",\"bt\":0},{\"n\":\"c\",\"vs\":\"off\",\"t\":-10.5}]"

static void test_pack(void **state)
{
	(void)state;
	set_point(0, "a", "Cel", (struct fg_payload_point){.senml = "a"});
	set_point(1, "b", "Cel", (struct fg_payload_point){.senml = "dev:b"});
	set_point(2, "c", NULL, (struct fg_payload_point){.senml = "c"});
	set_point(3, "d", NULL, (struct fg_payload_point){.senml = "d"});
	/* all of a name in the pack's order, with times; a wrong unit is no reading; no d in it */
	assert_string_equal(decode(NULL, 4, 110, "/push", B(PACK)),
		"a=2@1799999940000 a=3@1800000000000 b=decode@1800000000000 c=\"on\" "
		"c=\"off\"@+-10500 ");
	assert_string_equal(
		decode(NULL, 1, -1, "/push", B(PACK)), "a=2@1799999940000 a=3@1800000000000 ");
	assert_string_equal(decode(NULL, 1, 110, "/", B("[{\"n\":\"a\",\"v\":1},{\"v\":2}]")),
		"bad: SenML: record 2: bad name '': letters and digits, behind the first also - : "
		". / _");
	assert_string_equal(decode(NULL, 1, 110, "/", B("[{\"n\":\"x\",\"v\":1}]")),
		"none: nothing in it is for one of the points");
	assert_string_equal(decode(NULL, 2, 99, "/", B("x")),
		"format: content format 99, which none of the points can be read from");
	assert_string_equal(
		decode(NULL, 1, 110, "/", B("[{\"n\":\"a\",\"v\":1,\"t\":1e300}]")), "a=decode ");
	/* data, in JSON and CBOR */
	set_point(0, "a", NULL,
		(struct fg_payload_point){
			.senml = "a", .type = {true, true, FG_PROTOBUF_BYTES, 0}});
	assert_string_equal(decode(NULL, 1, 110, "/", B("[{\"n\":\"a\",\"vd\":\"aGkA_w\"}]")),
		"a=\"686900ff\" ");
	assert_string_equal(decode(NULL, 1, 112, "/", B("\x81\xa2\x00\x61\x61\x08\x42\x00\x01")),
		"a=\"0001\" ");
	/* a sum, whose unit is not that of the value */
	set_point(0, "a", "V", (struct fg_payload_point){.senml = "a", .sum = true});
	assert_string_equal(
		decode(NULL, 1, 110, "/", B("[{\"n\":\"a\",\"u\":\"W\",\"v\":1,\"s\":7}]")),
		"a=7 ");
	set_point(0, "a", "Cel", (struct fg_payload_point){.senml = "a"});
	stop_after = 2;
	assert_string_equal(
		decode(NULL, 3, 110, "/push", B(PACK)), "a=2@1799999940000 a=3@1800000000000 ");
}

static void test_documents(void **state)
{
	(void)state;
	set_point(0, "a", NULL, (struct fg_payload_point){.json = "/a"});
	set_point(1, "b", NULL, (struct fg_payload_point){.json = "/b"});
	set_point(2, "t", NULL, (struct fg_payload_point){.path = "/t"});
	assert_string_equal(decode(NULL, 2, 50, "/", B("{\"a\":1,\"b\":null}")), "a=1 b=sentinel ");
	assert_string_equal(decode(NULL, 2, 50, "/", B("{\"a\":[]}")), "a=decode ");
	assert_string_equal(decode(NULL, 3, 50, "/", B("{\"a\":1")),
		"bad: not JSON (RFC 8259) that can be read");
	assert_string_equal(decode(NULL, 2, 60, "/",
				    B("\xa1\x61"
				      "a\x05")),
		"a=5 ");
	assert_string_equal(
		decode(NULL, 2, 60, "/", B("\xa1")), "bad: not CBOR (RFC 8949) that can be read");
	assert_string_equal(decode(NULL, 3, 0, "/t", B("21.5")), "t=21.5 ");
	assert_string_equal(
		decode(NULL, 3, 0, "/t", B("\xff")), "bad: not a text that can be read");
}

/* An instance with its value, unit and time stamp. */
#define INSTANCE                                                                                   \
	"\x08\x00\x14\xe4\x16\x44\x41\xb4\x00\x00\xe3\x16\x45"                                     \
	"Cel\xe4\x15\x8e\x6b\x49\xd2\x00"

static void test_objects(void **state)
{
	(void)state;
	set_point(0, "a", "Cel", (struct fg_payload_point){.senml = "3303/0/5700"});
	assert_string_equal(
		decode(NULL, 1, 11542, "/report", B(INSTANCE)), "a=22.5@1800000000000 ");
	assert_string_equal(
		decode(NULL, 1, 11542, "/3303", B("\x08\x00")), "bad: TLV: not well-formed");
	/* an instance in an instance's resource */
	assert_string_equal(decode(NULL, 1, 11542, "/3303", B("\x02\x00\x82\x00\x80\x00")),
		"bad: TLV: not well-formed");
}

/* What SenML tells, for a property in its unit. */
static void test_units(void **state)
{
	static const struct {
		const char *property, *unit, *told, *value, *want;
	} cases[] = {
		{"oxygen_saturation", "%", "/", "0.975", "97.5"},
		{"oxygen_saturation", "%", "/100", "97.5", "97.5"},
		{"relative_humidity", "%", "%RH", "54", "54"},
		{"co2", "[ppm]", "/", "4.2e-4", "420"},
		{"co2", "[ppm]", "ppm", "420", "420"},
		{"salinity", "1", "/", "0.035", "35"},
		{"salinity", "1", "/1000", "35", "35"},
		{"salinity", "1", "V", "35", "decode"},
		{"x_share", "1", "/", "0.035", "0.035"},
		{"x_share", "1", "/100", "3.5", "0.035"},
		{"rainfall_rate", "mm/h", "m/s", "1e-6", "3.6"},
		{"rainfall_rate", "mm/h", "m/h", "0.0036", "3.6"},
		{"wind_speed", "m/s", "m/s", "3.5", "3.5"},
		{"wind_speed", "m/s", "km/h", "36", "10"},
		{"dissolved_oxygen", "mg/L", "kg/m3", "0.0085", "8.5"},
		{"chlorophyll_a", "ug/L", "kg/m3", "2.5e-6", "2.5"},
		{"pm25", "ug/m3", "kg/m3", "1.25e-8", "12.5"},
		{"pm25", "ug/m3", "mg/L", "1", "decode"},
		{"rssi", "{dBm}", "dBW", "-120", "-90"},
		{"rssi", "{dBm}", "dBm", "-90", "-90"},
		{"air_pressure", "hPa", "Pa", "101325", "1013.25"},
		{"conductivity", "uS/cm", "S/m", "0.125", "1250"},
		{"ph", "[pH]", "pH", "7.5", "7.5"},
		{"turbidity", "{NTU}", "NTU", "1.5", "1.5"},
		{"x_energy", "kW.h", "Wh", "1500", "1.5"},
		{"x_volume", "L", "m3", "0.25", "250"},
		{"x_event", "1", "count", "3", "3"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char pack[200], want[40];
		int n = snprintf(pack, sizeof(pack), "[{\"n\":\"a\",\"u\":\"%s\",\"v\":%s}]",
			cases[i].told, cases[i].value);

		set_point(0, "a", cases[i].unit, (struct fg_payload_point){.senml = "a"});
		points[0].property = cases[i].property;
		snprintf(want, sizeof(want), "a=%s ", cases[i].want);
		assert_string_equal(decode(NULL, 1, 110, "/", pack, (size_t)n), want);
	}
}

/* What is told of units: once for each point, whatever a device says, and not for ever. */
static void test_notes(void **state)
{
	static struct fg_payload_notes notes;
	struct fg_point point = {.name = "p", .unit = "Cel"};
	struct fg_payload_reading r = {.point = &point, .unit = "K", .why = ""};
	char name[8];
	size_t told_of;

	(void)state;
	point.name = name;
	for (unsigned i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		fg_payload_note(&notes, &r);
		told_of = 0;
		for (size_t k = 0; k < FG_COUNT(notes.hashes); k++)
			told_of += notes.hashes[k] != 0;
		assert_int_equal(told_of, FG_MIN(i + 1, 512u));
		if (i == 0) {
			r.unit = "degF";
			fg_payload_note(&notes, &r);
			fg_payload_note(&notes, &r);
		}
	}
}

static const char *identity(const char *pointer, int format, const char *data, size_t len)
{
	static char out[12];
	const struct fg_payload_conf conf = {.identity.json = pointer};
	const struct fg_payload p = {format, data, len, "/", 7};
	int r = fg_payload_identity(&conf, &p, out, sizeof(out));

	return r == FG_OK ? out : r == FG_ENOENT ? "none" : "bad";
}

static void test_identity(void **state)
{
	(void)state;
	assert_string_equal(
		identity(NULL, 110, B("[{\"bn\":\"dev:1/\",\"n\":\"a\",\"v\":1}]")), "dev:1/");
	assert_string_equal(identity(NULL, 110, B("[{\"n\":\"a\",\"v\":1}]")), "none");
	assert_string_equal(
		identity(NULL, 110, B("[{\"bn\":\"dev:1234567890\",\"n\":\"a\",\"v\":1}]")), "bad");
	assert_string_equal(identity(NULL, 110, B("[{\"n\":\"a\"}]")), "bad");
	assert_string_equal(identity(NULL, 112, B("\x81\xa2\x21\x61x\x02\x01")), "x");
	assert_string_equal(identity("/id", 50, B("{\"id\":\"s-1\"}")), "s-1");
	assert_string_equal(identity("/id", 50, B("{\"id\":352656}")), "352656");
	assert_string_equal(identity("/id", 50, B("{\"id\":1.5}")), "bad");
	assert_string_equal(identity("/id", 50, B("{\"x\":1.5}")), "none");
	assert_string_equal(identity(NULL, 50, B("{\"x\":1.5}")), "none");
	assert_string_equal(identity(NULL, 0, B("12")), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
