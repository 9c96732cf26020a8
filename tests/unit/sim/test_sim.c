/* SPDX-License-Identifier: EUPL-1.2 */
/* The simulator's model: curves, registers, requests, faults, and its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "sim.h"

#define HOUR INT64_C(3600000000)

static double at(const struct sim_curve *c, int64_t us)
{
	return sim_curve_at(c, 7, us, us, 0);
}

static void test_curves(void **state)
{
	struct sim_curve daily = {.shape = SIM_DAILY, .mean = 10, .amplitude = 3, .peak = 15};
	struct sim_curve tidal = {.shape = SIM_TIDAL, .mean = 1, .amplitude = 2};
	struct sim_curve walk = {.shape = SIM_WALK, .mean = 5, .amplitude = 2};
	struct sim_curve counter = {.shape = SIM_COUNTER, .mean = 100};
	double low = 1e9, high = -1e9, step = 0;

	(void)state;
	assert_true(fabs(at(&daily, 15 * HOUR) - 13) < 1e-6);
	assert_true(fabs(at(&daily, 3 * HOUR) - 7) < 1e-6);
	assert_true(fabs(at(&daily, 24 * 365 * HOUR + 9 * HOUR) - 10) < 1e-6);
	assert_true(fabs(at(&tidal, 0) - 3) < 1e-9); /* both tides high */
	assert_true(at(&tidal, 6 * HOUR + HOUR / 5) < -0.9);
	for (int64_t minute = 0; minute < 3000; minute++) {
		double v = at(&walk, minute * HOUR / 60);

		step = fmax(step, fabs(v - at(&walk, (minute + 1) * HOUR / 60)));
		low = fmin(low, v);
		high = fmax(high, v);
	}
	assert_true(low >= 3 && high <= 7 && high - low > 1.5); /* it wanders, within its bounds */
	assert_true(step < 0.8);
	assert_true(sim_curve_at(&counter, 7, 0, 0, 12) == 112);
}

static void test_noise(void **state)
{
	struct sim_curve c = {.shape = SIM_CONSTANT, .mean = 20, .noise = 0.5};
	double sum = 0, squares = 0;
	const int n = 20000;

	(void)state;
	for (int i = 0; i < n; i++) {
		double d = at(&c, i * INT64_C(1000000)) - 20;

		sum += d;
		squares += d * d;
	}
	assert_true(fabs(sum / n) < 0.02);
	assert_true(fabs(sqrt(squares / n) - 0.5) < 0.02);
	assert_true(at(&c, 5000000) == at(&c, 5999999)); /* the same within a second */
	assert_true(at(&c, 5000000) != at(&c, 6000000));
	assert_true(at(&c, 5000000) != sim_curve_at(&c, 8, 5000000, 5000000, 0));
}

static void test_encode(void **state)
{
	static const struct {
		int type, order;
		double v;
		unsigned width;
		uint16_t want[4];
	} cases[] = {
		{SIM_U16, SIM_ABCD, 0x1234, 1, {0x1234}},
		{SIM_U16, SIM_BADC, 0x1234, 1, {0x3412}},
		{SIM_U16, SIM_ABCD, -5, 1, {0}},
		{SIM_U16, SIM_ABCD, 70000, 1, {0xFFFF}},
		{SIM_I16, SIM_ABCD, -2, 1, {0xFFFE}},
		{SIM_I16, SIM_ABCD, -40000, 1, {0x8000}},
		{SIM_I16, SIM_ABCD, 40000, 1, {0x7FFF}},
		{SIM_U32, SIM_ABCD, 0x12345678, 2, {0x1234, 0x5678}},
		{SIM_U32, SIM_CDAB, 0x12345678, 2, {0x5678, 0x1234}},
		{SIM_U32, SIM_BADC, 0x12345678, 2, {0x3412, 0x7856}},
		{SIM_U32, SIM_DCBA, 0x12345678, 2, {0x7856, 0x3412}},
		{SIM_I32, SIM_ABCD, -1, 2, {0xFFFF, 0xFFFF}},
		{SIM_I64, SIM_CDAB, 1, 4, {1, 0, 0, 0}},
		{SIM_U64, SIM_ABCD, 65536, 4, {0, 0, 1, 0}},
		{SIM_F32, SIM_ABCD, 19.4, 2, {0x419B, 0x3333}},
		{SIM_F32, SIM_CDAB, 19.4, 2, {0x3333, 0x419B}},
		{SIM_F64, SIM_ABCD, 1, 4, {0x3FF0, 0, 0, 0}},
		{SIM_BCD16, SIM_ABCD, 1234, 1, {0x1234}},
		{SIM_BCD32, SIM_ABCD, 12345678, 2, {0x1234, 0x5678}},
		{SIM_BOOL, SIM_ABCD, 3, 1, {1}},
		{SIM_U16, SIM_ABCD, NAN, 1, {0}},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		uint16_t registers[4];

		assert_int_equal(sim_encode(cases[i].type, cases[i].order, cases[i].v, registers),
			cases[i].width);
		assert_memory_equal(registers, cases[i].want, 2 * cases[i].width);
	}
}

/* ---- a model from a file ---- */

static struct sim_model *load(const char *yaml, struct fg_buf *faults)
{
	char path[] = "/tmp/fjordsim-test-XXXXXX";
	struct fg_report *rep = fg_report_new();
	struct sim_model *m = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	sim_model_load(path, rep, 0, &m);
	fg_report_print(rep, faults);
	fg_report_free(rep);
	unlink(path);
	return m;
}

static const char model_yaml[] = "endpoints:\n"
				 "  e: {kind: modbus-tcp, listen: '127.0.0.1:0'}\n"
				 "devices:\n"
				 "  probe:\n"
				 "    endpoint: e\n"
				 "    unit_id: 3\n"
				 "    count: 2\n"
				 "    delay: 5ms\n"
				 "    vendor: Acme\n"
				 "    product: TH\n"
				 "    points:\n"
				 "      level: {address: 10, type: u16, scale: 0.1, mean: 19.4}\n"
				 "      count: {address: 12, type: u32, curve: counter}\n"
				 "      wet: {table: discrete, address: 1, type: bool, mean: 1}\n"
				 "    faults:\n"
				 "      - {kind: mute, after: 10s, for: 5s, repeat: 60s}\n";

static struct sim_model *load_good(void)
{
	struct fg_buf faults;
	struct sim_model *m;
	char text[2000];

	fg_buf_wrap(&faults, text, sizeof(text));
	m = load(model_yaml, &faults);
	assert_string_equal(text, "");
	assert_non_null(m);
	return m;
}

/* The answer to a request at a second, in hexadecimal; "-" where there is none. */
static const char *ask(struct sim_model *m, unsigned unit, int64_t second, const char *hex)
{
	static char text[600];
	uint8_t pdu[64];
	struct sim_answer a;
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		pdu[i] = (uint8_t)byte;
	}
	sim_modbus_answer(m, &m->units[unit], pdu, len,
		(struct fg_now){second * 1000000, second * 1000000}, &a);
	if (!a.len)
		return "-";
	for (size_t i = 0; i < a.len; i++)
		snprintf(text + 2 * i, 3, "%02x", a.pdu[i]);
	return text;
}

static void test_requests(void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{"03000a0001", "030200c2"},
		{"03000a0002", "030400c20000"}, /* nothing is measured at 11: zero */
		{"0300090001", "8302"},		/* before the block */
		{"03000a0005", "8302"},		/* beyond it */
		{"0300000000", "8303"},		/* no registers */
		{"030000007e", "8303"},		/* 126 of them */
		{"04000a0001", "8402"},		/* not an input register */
		{"0200010001", "020101"},	/* discrete */
		{"0600010001", "8601"},		/* no writing */
		{"2b0e0100", "2b0e0101000003000441636d65010254480200"},
		{"11", "110501ff544820"},
		{"2b0d0100", "ab01"},
		{"03000a", "8303"},		/* cut */
		{"03000c0002", "030400000000"}, /* a counter, one more with each read */
		{"03000c0002", "030400000001"}, {"03000d0001", "03020002"}, /* half of a value */
	};
	struct sim_model *m = load_good();

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_string_equal(ask(m, 0, 0, cases[i].request), cases[i].answer);
	assert_string_equal(m->units[1].name, "probe-2");
	assert_int_equal(m->units[1].unit_id, 4);
	assert_string_equal(ask(m, 1, 0, "03000c0002"), "030400000000"); /* its own counter */
	sim_model_free(m);
}

static void test_schedule(void **state)
{
	struct sim_model *m = load_good();

	(void)state;
	for (int64_t s = 0; s < 200; s++) {
		bool mute = s >= 10 && (s - 10) % 60 < 5;

		assert_string_equal(ask(m, 0, s, "03000a0001"), mute ? "-" : "030200c2");
	}
	sim_model_free(m);
}

static const char *order(struct sim_model *m, const char *line, int64_t second)
{
	static char text[2000];
	struct fg_buf out;

	fg_buf_wrap(&out, text, sizeof(text));
	sim_order(m, line, second * 1000000, &out);
	return text;
}

static void test_orders(void **state)
{
	struct sim_model *m = load_good();

	(void)state;
	assert_string_equal(order(m, "clear\n", 0), "ok\n");
	assert_string_equal(order(m, "exception probe on code=6 after=1s for=2s\n", 100), "ok\n");
	assert_string_equal(ask(m, 0, 100, "03000a0001"), "030200c2");
	assert_string_equal(ask(m, 0, 101, "03000a0001"), "8306");
	assert_string_equal(ask(m, 1, 102, "03000a0001"), "8306");
	assert_string_equal(ask(m, 0, 103, "03000a0001"), "030200c2");
	assert_string_equal(order(m, "mute probe-2/level on", 103), "ok\n");
	assert_string_equal(ask(m, 1, 103, "03000a0001"), "-");
	assert_string_equal(ask(m, 0, 103, "03000a0001"), "030200c2"); /* the other copy */
	assert_string_equal(ask(m, 1, 103, "03000c0001"), "03020000"); /* another point */
	assert_string_equal(order(m, "mute probe-2/level off", 104), "ok\n");
	assert_string_equal(ask(m, 1, 104, "03000a0001"), "030200c2");
	assert_string_equal(order(m, "stuck probe/level on value=1.5", 105), "ok\n");
	assert_string_equal(ask(m, 1, 105, "03000a0001"), "0302000f");
	assert_string_equal(order(m, "clear probe", 105), "ok\n");
	assert_string_equal(order(m, "spike probe-1/level on every=3 amount=-9.4", 106), "ok\n");
	for (int i = 0, spikes = 0; i < 9; i++) {
		spikes += strcmp(ask(m, 0, 106, "03000a0001"), "03020064") == 0;
		if (i == 8)
			assert_int_equal(spikes, 3);
	}
	assert_string_equal(order(m, "list", 106), "probe-1 spike/level\nprobe-2\nok\n");
	assert_string_equal(order(m, "mute nobody on", 0), "error: no such device\n");
	assert_string_equal(order(m, "mute probe/no on", 0), "error: no such point\n");
	assert_memory_equal(order(m, "mute probe", 0), "error", 5);
	assert_memory_equal(order(m, "mute probe maybe", 0), "error", 5);
	assert_memory_equal(order(m, "dance", 0), "error", 5);
	assert_memory_equal(order(m, "slow probe on delay=fast", 0), "error", 5);
	assert_string_equal(order(m, "  \n", 0), "");
	sim_model_free(m);
}

static void test_bad_files(void **state)
{
	static const char *const cases[][2] = {
		{"endpoints: {}\n", "missing key 'devices'"},
		{"endpoints: {e: {kind: modbus-rtu}}\ndevices: {}\n", "missing key 'pty'"},
		{"endpoints: {e: {kind: modbus-tcp, listen: a, psk_file: /x}}\ndevices: {}\n",
			"psk_file"},
		{"endpoints: {}\ndevices: {d: {endpoint: x, points: {}}}\n", "no endpoint 'x'"},
		{"endpoints: {e: {kind: coap, listen: a}}\n"
		 "devices: {d: {endpoint: e, points: {p: {path: a}}}}\n",
			"begins with '/'"},
		{"endpoints: {e: {kind: modbus-tcp, listen: a}}\n"
		 "devices: {d: {endpoint: e, points: {}}, f: {endpoint: e, points: {}}}\n",
			"unit id 1 of endpoint e is d's"},
		{"endpoints: {e: {kind: modbus-tcp, listen: a}}\n"
		 "devices: {d: {endpoint: e, points: {}, faults: [{kind: dance}]}}\n",
			"dance"},
		{"endpoints: {e: {kind: modbus-tcp, listen: a}}\n"
		 "devices: {d: {endpoint: e, points: {}, faults: [{kind: mute, point: q}]}}\n",
			"no point 'q'"},
		{"endpoints: {e: {kind: modbus-tcp, listen: a}}\n"
		 "devices: {d: {endpoint: e, unit_id: 200, count: 57, points: {}}}\n",
			"end at 255"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		char text[2000] = "";
		struct fg_buf faults;

		fg_buf_wrap(&faults, text, sizeof(text));
		assert_null(load(cases[i][0], &faults));
		if (!strstr(text, cases[i][1]))
			fail_msg("'%s' does not say '%s'", text, cases[i][1]);
	}
}

static void test_crc(void **state)
{
	(void)state;
	/* Modbus over serial line V1.02, section 6.2.2: 02 07 gives 0x1241 */
	assert_int_equal(sim_crc16((const uint8_t *)"\x02\x07", 2), 0x1241);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_curves),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_crc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
