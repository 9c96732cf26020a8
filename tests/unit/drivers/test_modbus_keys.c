/* SPDX-License-Identifier: EUPL-1.2 */
/* What a configuration may say of Modbus links, devices and points, and what is told otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/modbus_common.h"

struct world {
	struct fg_arena *arena;
	struct fg_report *rep;
	const struct fg_driver *driver;
	struct fg_link link;
	struct fg_modbus_device device_conf;
	struct fg_device device;
};

static void world_init(struct world *w, const char *driver)
{
	*w = (struct world){
		.arena = fg_arena_new(),
		.rep = fg_report_new(),
		.driver = fg_driver_find(driver),
		.device_conf = {.unit_id = 3, .max_registers = 125, .max_gap = 8},
	};
	w->link = (struct fg_link){.name = "rs485", .driver = w->driver};
	w->device = (struct fg_device){
		.name = "probe", .link = &w->link, .timeout_us = 1000000, .conf = &w->device_conf};
}

static void world_fini(struct world *w)
{
	fg_report_free(w->rep);
	fg_arena_free(w->arena);
}

static struct fg_node *yaml(struct world *w, const char *text)
{
	struct fg_node *root = NULL;

	assert_int_equal(
		fg_yaml_load_text(w->arena, text, strlen(text), "f.yaml", w->rep, &root), 0);
	return root;
}

static void *bind_object(struct world *w, const struct fg_key *keys, size_t size, const char *text)
{
	struct fg_bind b = {.arena = w->arena, .rep = w->rep};
	struct fg_node *node = yaml(w, text);
	void *object = fg_arena_alloc(w->arena, size);

	fg_bind_struct(&b, node, keys, NULL, object, "", node->at);
	return object;
}

/* All faults as one text. */
static const char *faults(struct world *w, char *mem, size_t size)
{
	struct fg_buf out;

	fg_buf_wrap(&out, mem, size);
	fg_report_print(w->rep, &out);
	return mem;
}

static struct fg_point load_point(
	struct world *w, const char *text, const struct fg_missing *missing)
{
	struct fg_point p = {.name = "ph",
		.property = "ph",
		.device = &w->device,
		.scale = 1,
		.node = yaml(w, text),
		.missing = missing,
		.missing_count = missing ? 1 : 0};
	struct fg_modbus_point *conf =
		bind_object(w, w->driver->point_keys, w->driver->point_size, text);

	p.conf = conf;
	if (!fg_report_errors(w->rep))
		w->driver->check_point(&p, conf, w->rep);
	return p;
}

static void test_points(void **state)
{
	static const struct {
		const char *text, *fault; /* fault NULL: none */
		enum fg_table table;
		unsigned address, width;
	} cases[] = {
		{"{table: input, address: 7}", NULL, FG_TABLE_INPUT, 7, 1},
		{"{table: holding, address: 0x10, type: f32}", NULL, FG_TABLE_HOLDING, 16, 2},
		{"{reference: 1}", NULL, FG_TABLE_COIL, 0, 1},
		{"{reference: 9999}", NULL, FG_TABLE_COIL, 9998, 1},
		{"{reference: 00001}", NULL, FG_TABLE_COIL, 0, 1},
		{"{reference: 065536}", NULL, FG_TABLE_COIL, 65535, 1},
		{"{reference: 10001}", NULL, FG_TABLE_DISCRETE, 0, 1},
		{"{reference: 30003, type: f64}", NULL, FG_TABLE_INPUT, 2, 4},
		{"{reference: 49999}", NULL, FG_TABLE_HOLDING, 9998, 1},
		{"{reference: 400001, type: string(8)}", NULL, FG_TABLE_HOLDING, 0, 8},
		{"{reference: 365536}", NULL, FG_TABLE_INPUT, 65535, 1},
		{"{reference: 40001, table: holding}", NULL, FG_TABLE_HOLDING, 0, 1},
		{"{table: input, address: 65534, type: u32, order: CDAB}", NULL, FG_TABLE_INPUT,
			65534, 2},
		{"{table: input, address: 1, type: i8, byte: high}", NULL, FG_TABLE_INPUT, 1, 1},
		{"{table: input, address: 1, type: bits(3..4), order: BA}", NULL, FG_TABLE_INPUT, 1,
			1},
		{"{}", "address (or reference) is missing", 0, 0, 0},
		{"{address: 1}", "table is missing", 0, 0, 0},
		{"{table: input, address: 1, reference: 30002}", "both address and reference", 0, 0,
			0},
		{"{table: holding, reference: 30002}", "the reference is one of table input", 0, 0,
			0},
		{"{table: inptu, address: 1}", "f.yaml:1:9: error: table: ", 0, 0, 0},
		{"{table: input, address: 65536}", "0..65535", 0, 0, 0},
		{"{table: input, address: -1}", "0..65535", 0, 0, 0},
		{"{reference: 0}", "no reference", 0, 0, 0},
		{"{reference: 20001}", "no reference", 0, 0, 0},
		{"{reference: 40000}", "no reference", 0, 0, 0},
		{"{reference: 465537}", "no reference", 0, 0, 0},
		{"{reference: 4000001}", "no reference", 0, 0, 0},
		{"{reference: 4x001}", "no reference", 0, 0, 0},
		{"{table: input, address: 1, type: flaot32}", "did you mean 'float32'", 0, 0, 0},
		{"{table: input, address: 1, type: bits(0..64)}", "unknown type", 0, 0, 0},
		{"{table: coil, address: 1, type: u32}", "only bool fits", 0, 0, 0},
		{"{table: coil, address: 1, order: BA}", "a single bit has no order", 0, 0, 0},
		{"{table: input, address: 1, order: CDAB}", "AB or BA", 0, 0, 0},
		{"{table: input, address: 1, type: f32, order: BA}", "ABCD, CDAB, BADC or DCBA", 0,
			0, 0},
		{"{table: input, address: 1, type: u8, order: BA}", "byte: high", 0, 0, 0},
		{"{table: input, address: 1, type: f32, byte: high}", "only u8 and i8", 0, 0, 0},
		{"{table: input, address: 65535, type: u32}", "beyond the last address", 0, 0, 0},
		{"{table: input, address: 65533, type: u64}", "beyond the last address", 0, 0, 0},
		{"{table: input, address: 1, quality_from: {}}", "address (or reference)", 0, 0, 0},
		{"{table: input, address: 1, quality_from: {table: input, address: 2}}", "good", 0,
			0, 0},
		{"{table: input, address: 1, quality_from: {table: input, address: 2, good: [0, "
		 "1], "
		 "suspect: [1]}}",
			"1 is both good and suspect", 0, 0, 0},
		{"{table: input, address: 1, quality_from: {table: input, address: 2, good: "
		 "[70000]}}",
			"70000 is no value that 16 bits can hold", 0, 0, 0},
		{"{table: input, address: 1, adress: 2}", "adress", 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct world w;
		struct fg_point p;
		const struct fg_modbus_point *conf;
		char mem[2000];
		const char *got;

		world_init(&w, "modbus-tcp");
		p = load_point(&w, cases[i].text, NULL);
		conf = p.conf;
		got = faults(&w, mem, sizeof(mem));
		if (cases[i].fault ? !strstr(got, cases[i].fault) : got[0])
			fail_msg("%s\ntells: %s\nexpected: %s", cases[i].text, got, cases[i].fault);
		if (cases[i].fault) {
			assert_int_equal(fg_report_errors(w.rep), 1);
		} else {
			assert_int_equal(conf->span.table, cases[i].table);
			assert_int_equal(conf->span.address, cases[i].address);
			assert_int_equal(conf->span.width, cases[i].width);
		}
		world_fini(&w);
	}
}

static void test_missing(void **state)
{
	static const struct {
		const char *text;
		uint64_t bits;
		bool good;
	} cases[] = {
		{"{table: input, address: 1}", 0xffff, true},
		{"{table: input, address: 1}", 0x10000, false},
		{"{table: input, address: 1, type: u8}", 0xff, true},
		{"{table: input, address: 1, type: u8}", 0x100, false},
		{"{table: input, address: 1, type: f32}", 0x7fc00000, true},
		{"{table: input, address: 1, type: u64}", UINT64_MAX, true},
		{"{table: input, address: 1, type: bits(1..3)}", 7, true},
		{"{table: input, address: 1, type: bits(1..3)}", 8, false},
		{"{table: coil, address: 1}", 2, false},
		{"{table: input, address: 1, type: string(2)}", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		const struct fg_missing m = {.raw = true, .bits = cases[i].bits};
		struct world w;

		world_init(&w, "modbus-tcp");
		load_point(&w, cases[i].text, &m);
		assert_int_equal(fg_report_errors(w.rep) == 0, cases[i].good);
		world_fini(&w);
	}
}

static void test_unit_ids(void **state)
{
	static const struct {
		const char *driver, *text;
		bool good;
		size_t warnings;
	} cases[] = {
		{"modbus-rtu", "{unit_id: 1}", true, 0},
		{"modbus-rtu", "{unit_id: 247}", true, 0},
		{"modbus-rtu", "{unit_id: 248}", true, 1},
		{"modbus-rtu", "{unit_id: 255}", true, 1},
		{"modbus-rtu", "{unit_id: 0}", false, 0},
		{"modbus-tcp", "{unit_id: 0}", true, 0},
		{"modbus-tcp", "{unit_id: 255}", true, 0},
		{"modbus-tcp", "{unit_id: 256}", false, 0},
		{"modbus-tcp", "{unit_id: -1}", false, 0},
		{"modbus-tcp", "{}", false, 0},
		{"modbus-tcp", "{unit_id: x}", false, 0},
		{"modbus-tcp", "{unit_id: 1, max_registers: 126}", false, 0},
		{"modbus-tcp", "{unit_id: 1, max_registers: 0}", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct world w;

		world_init(&w, cases[i].driver);
		w.device.conf = bind_object(
			&w, w.driver->device_keys, w.driver->device_size, cases[i].text);
		if (w.driver->check_device && !fg_report_errors(w.rep))
			w.driver->check_device(&w.device, (void *)(uintptr_t)w.device.conf, w.rep);
		assert_int_equal(fg_report_errors(w.rep) == 0, cases[i].good);
		assert_int_equal(fg_report_warnings(w.rep), cases[i].warnings);
		world_fini(&w);
	}
}

/* What a device's own keys may say, together with its point at holding 10. */
static void test_areas(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"no_read: [{table: holding, address: 11, count: 5}]", NULL},
		{"no_read: [{table: holding, address: 5, count: 6}]",
			"holding 10 lies in holding 5..10, which no_read forbids"},
		{"no_read: [{reference: 40011, count: 1}]", "which no_read forbids"},
		{"no_read: [{table: holding, count: 1}]", "address (or reference) is missing"},
		{"no_read: [{address: 1, count: 1}]", "table is missing"},
		{"no_read: [{table: input, reference: 40001, count: 1}]",
			"table is input, but the reference is one of table holding"},
		{"no_read: [{table: holding, address: 65535, count: 2}]", "65535"},
		{"no_read: [{table: holding, address: 1, count: 0}]", "count"},
		{"no_read: [{table: holding, address: 1}]", "count"},
		{"no_read: {table: holding, address: 1, count: 1}", "a list of at most"},
		{"no_read: [{table: holding, adress: 1, count: 1}]", "address"},
		{"blocks: [{table: holding, address: 8, count: 10}]", NULL},
		{"max_registers: 9, blocks: [{table: holding, address: 8, count: 10}]",
			"holding 8..17 is longer than the 9 that one request may ask for"},
		{"blocks: [{table: holding, address: 8, count: 4}, {table: holding, address: 11, "
		 "count: 4}]",
			"holding 8..11 and holding 11..14 overlap"},
		{"blocks: [{table: holding, address: 8, count: 4}], no_read: [{table: holding, "
		 "address: 11, count: 4}]",
			"holding 8..11 touches holding 11..14, which no_read forbids"},
		{"read_align: 4", NULL},
		{"read_align: 4, no_read: [{table: holding, address: 11, count: 5}]",
			"holding 8..11 (with read_align) lies in holding 11..15, which no_read"},
		{"read_align: 4, no_read: [{table: holding, address: 12, count: 5}]", NULL},
		{"read_align: 4, blocks: [{table: holding, address: 11, count: 4}]",
			"holding 8..11 (with read_align) lies partly in the block holding 11..14"},
		{"read_align: 4, blocks: [{table: holding, address: 9, count: 2}], no_read: [{"
		 "table: holding, address: 8, count: 1}]",
			NULL}, /* a block is read as it is */
		{"read_align: 3", "1, 2, 4"},
		{"read_align: 2, max_registers: 1",
			"max_registers: 1 is less than read_align, 2: no request could be sent"},
		{"read_align: 4, max_registers: 3", "max_registers: 3 is less than read_align, 4"},
		{"read_align: 4, max_registers: 4", NULL},
		{"max_bits: 2001", "2000"},
		{"min_interval: 10s", NULL},
		{"min_interval: 30s",
			"10s, but the device cannot be read more often than each 30s"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct world w;
		struct fg_point p;
		char text[300], mem[1500];
		const char *got;

		world_init(&w, "modbus-tcp");
		p = load_point(&w, "{table: holding, address: 10}", NULL);
		p.interval_us = w.device.interval_us = 10000000;
		snprintf(text, sizeof(text), "{unit_id: 1, %s}", cases[i].text);
		w.device.node = yaml(&w, text);
		w.device.points = &p;
		w.device.point_count = w.device.read_count = 1;
		w.device.conf = bind_object(
			&w, w.driver->device_keys, w.driver->device_size, text);
		if (!fg_report_errors(w.rep))
			w.driver->check_device(&w.device, (void *)(uintptr_t)w.device.conf, w.rep);
		got = faults(&w, mem, sizeof(mem));
		if (cases[i].fault ? !strstr(got, cases[i].fault) : got[0])
			fail_msg("%s\ntells: %s", cases[i].text, got);
		world_fini(&w);
	}
}

/* A value across two aligned units needs them both in one request. */
static void test_aligned_value(void **state)
{
	static const char *const devices[] = {"{unit_id: 1, read_align: 4, max_registers: 4}",
		"{unit_id: 1, read_align: 4, max_registers: 8}"};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(devices); i++) {
		struct world w;
		struct fg_point p;
		char mem[1500];
		const char *got;

		world_init(&w, "modbus-tcp");
		p = load_point(&w, "{table: holding, address: 10, type: u64}", NULL);
		p.interval_us = w.device.interval_us = 10000000;
		w.device.node = yaml(&w, devices[i]);
		w.device.points = &p;
		w.device.point_count = w.device.read_count = 1;
		w.device.conf = bind_object(
			&w, w.driver->device_keys, w.driver->device_size, devices[i]);
		w.driver->check_device(&w.device, (void *)(uintptr_t)w.device.conf, w.rep);
		got = faults(&w, mem, sizeof(mem));
		if (i)
			assert_string_equal(got, "");
		else
			assert_non_null(strstr(got, "with read_align its request asks for 8, but "
						    "max_registers is 4"));
		world_fini(&w);
	}
}

static void test_links(void **state)
{
	static const struct {
		const char *driver, *text, *fault;
	} cases[] = {
		{"modbus-rtu", "{device: /dev/ttyUSB0}", NULL},
		{"modbus-rtu",
			"{device: /dev/ttyUSB0, baud: 115200, parity: odd, stop_bits: 2, "
			"data_bits: 8, rs485: true}",
			NULL},
		{"modbus-rtu", "{}", "device"},
		{"modbus-rtu", "{device: /dev/ttyUSB0, baud: 9601}",
			"9601 is not one of 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200"},
		{"modbus-rtu", "{device: /dev/ttyUSB0, data_bits: 7}", "not supported yet"},
		{"modbus-rtu", "{device: /dev/ttyUSB0, parity: E}", "none, even, odd"},
		{"modbus-tcp", "{host: plc}", NULL},
		{"modbus-tcp", "{host: plc, port: 0}", "port"},
		{"modbus-tcp", "{port: 502}", "host"},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct world w;
		char mem[1000];
		const char *got;

		world_init(&w, cases[i].driver);
		bind_object(&w, w.driver->link_keys, w.driver->link_size, cases[i].text);
		got = faults(&w, mem, sizeof(mem));
		if (cases[i].fault ? !strstr(got, cases[i].fault) : got[0])
			fail_msg("%s\ntells: %s", cases[i].text, got);
		world_fini(&w);
	}
}

static void test_same_port(void **state)
{
	struct world w;
	struct fg_link a, b;

	(void)state;
	world_init(&w, "modbus-tcp");
	a = b = w.link;
	a.conf = bind_object(&w, w.driver->link_keys, w.driver->link_size, "{host: PLC}");
	b.conf =
		bind_object(&w, w.driver->link_keys, w.driver->link_size, "{host: plc, port: 502}");
	assert_true(w.driver->same_port(&a, &b));
	b.conf =
		bind_object(&w, w.driver->link_keys, w.driver->link_size, "{host: plc, port: 503}");
	assert_false(w.driver->same_port(&a, &b));
	world_fini(&w);
}

static void test_pairs(void **state)
{
	static const struct {
		const char *a, *b;
		bool good;
	} cases[] = {
		{"{table: input, address: 0}", "{table: input, address: 0}", true},
		{"{table: input, address: 0}", "{table: holding, address: 0}", true},
		{"{table: input, address: 0}", "{table: input, address: 1}", true},
		{"{table: input, address: 0}", "{table: input, address: 0, type: i16}", false},
		{"{table: input, address: 0, type: f32}", "{table: input, address: 1}", false},
		{"{table: input, address: 0, type: f32}",
			"{table: input, address: 0, type: f32, order: CDAB}", false},
		{"{table: input, address: 0, type: bits(0..3)}",
			"{table: input, address: 0, type: bits(4..7)}", true},
		{"{table: input, address: 0, type: u8}",
			"{table: input, address: 0, type: u8, byte: high}", true},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct world w;
		struct fg_device other;
		struct fg_modbus_device elsewhere;
		struct fg_point a, b;

		world_init(&w, "modbus-rtu");
		a = load_point(&w, cases[i].a, NULL);
		b = load_point(&w, cases[i].b, NULL);
		other = w.device;
		other.name = "other";
		b.device = &other;
		w.device.points = &a;
		other.points = &b;
		w.device.point_count = w.device.read_count = 1;
		other.point_count = other.read_count = 1;
		w.driver->check_pair(&w.device, &other, w.rep);
		assert_int_equal(fg_report_errors(w.rep) == 0, cases[i].good);
		elsewhere = w.device_conf; /* another unit: no matter */
		elsewhere.unit_id++;
		other.conf = &elsewhere;
		w.driver->check_pair(&w.device, &other, w.rep);
		assert_int_equal(fg_report_errors(w.rep) == 0, cases[i].good);
		world_fini(&w);
	}
}

static void test_plan(void **state)
{
	static const char *const texts[] = {"{table: input, address: 0, type: f32}",
		"{table: input, address: 8, type: string(20)}", "{reference: 5}"};
	struct world w;
	struct fg_point points[FG_COUNT(texts)];
	const struct fg_point *pointers[FG_COUNT(texts)];
	struct fg_group group = {.points = pointers, .count = FG_COUNT(texts)};
	struct fg_request_info info;

	(void)state;
	world_init(&w, "modbus-rtu");
	w.link.conf = bind_object(
		&w, w.driver->link_keys, w.driver->link_size, "{device: /dev/x, baud: 1200}");
	for (size_t i = 0; i < FG_COUNT(texts); i++) {
		points[i] = load_point(&w, texts[i], NULL);
		pointers[i] = &points[i];
	}
	group.device = &w.device;
	assert_int_equal(w.driver->plan(&group, w.arena), 0);
	/* at 1200 baud no more than about 20 registers fit into half a second */
	assert_int_equal(group.request_count, 3);
	w.driver->describe(&group, 0, &info);
	assert_string_equal(info.text, "input 0..1 (2 registers)");
	assert_in_range(info.wire_us, 190000, 210000);
	w.driver->describe(&group, 2, &info);
	assert_string_equal(info.text, "coil 4 (1 bit)");
	assert_int_equal(w.driver->text_room(&group), 40);
	w.device.timeout_us = 5000000;
	assert_int_equal(w.driver->plan(&group, w.arena), 0);
	assert_int_equal(group.request_count, 2);
	w.driver->describe(&group, 0, &info);
	assert_string_equal(info.text, "input 0..27 (28 registers)");
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_unit_ids),
		cmocka_unit_test(test_areas),
		cmocka_unit_test(test_aligned_value),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_same_port),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
