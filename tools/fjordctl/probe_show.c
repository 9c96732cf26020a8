/* SPDX-License-Identifier: EUPL-1.2 */
/* Registers in every type and order. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "model/plausible.h"
#include "probe.h"
#include "protocol/encode.h"

#define ORDERS	  4
#define TEXT_SIZE 300

/* The types as a configuration names them; those that this build does not know are left out. */
static const char *const types[] = {
	"u16", "i16", "bcd16", "f16", "u32", "i32", "f32", "bcd32", "u64", "i64", "f64", "bcd64"};
static const char *const order_names[ORDERS] = {"ABCD", "CDAB", "BADC", "DCBA"};

const char *probe_table_name(enum fg_table table)
{
	static const char *const names[] = {"holding", "input", "coil", "discrete"};

	return names[table];
}

unsigned probe_reference(enum fg_table table, unsigned address)
{
	static const unsigned digits[] = {4, 3, 0, 1};

	return digits[table] * (address >= 9999 ? 100000u : 10000u) + address + 1;
}

static bool is_bits(enum fg_table table)
{
	return table == FG_TABLE_COIL || table == FG_TABLE_DISCRETE;
}

/* ---- one value ---- */

struct cell {
	bool there; /* the order means something, and the registers decode */
	struct fg_value value;
	int decimals; /* plausible as it is (0) or divided by a power of ten; -1: not */
	bool exact;   /* a float: nothing to divide */
};

static bool decode(const struct probe *p, const char *type, size_t order, const uint16_t *cells,
	size_t n, struct cell *ret)
{
	struct fg_regspec spec = {.order = (enum fg_order)order};
	char text[8];
	uint64_t raw;
	unsigned width;

	memset(ret, 0, sizeof(*ret));
	ret->decimals = -1;
	if (fg_regtype_parse(type, &spec) < 0)
		return false;
	spec.order = (enum fg_order)order;
	width = fg_regspec_width(&spec);
	if (width > n)
		return false;
	ret->exact = type[0] == 'f';
	/* one register has two orders only */
	if ((width > 1 || order == FG_ORDER_ABCD || order == FG_ORDER_BADC) &&
		fg_reg_decode(&spec, cells, &ret->value, &raw, text) == FG_OK)
		ret->there = true;
	if (ret->there && p->has_range) {
		double v = fg_value_number(&ret->value);

		ret->decimals = ret->exact ? (fg_plausible(p->range, v) ? 0 : -1)
					   : fg_plausible_decimals(p->range, v);
		if (ret->decimals > 0 && order != FG_ORDER_ABCD)
			ret->decimals = -1; /* swapped and scaled: that fits too much */
	}
	return true;
}

/* Whole numbers of one register mostly have one or two decimals. */
static bool is_likely(const struct cell *c, const char *type)
{
	return c->decimals == 0 ||
	       (c->decimals > 0 && c->decimals <= 2 && strcmp(type + 1, "16") == 0);
}

bool probe_any_plausible(const struct probe *p, const uint16_t *cells, size_t n)
{
	for (size_t t = 0; t < FG_COUNT(types); t++)
		for (size_t order = 0; order < ORDERS; order++) {
			struct cell c;

			if (decode(p, types[t], order, cells, n, &c) && is_likely(&c, types[t]))
				return true;
		}
	return false;
}

/* ---- tables ---- */

static void put_raw(const uint16_t *cells, unsigned n, char *mem, size_t size)
{
	struct fg_buf out;

	fg_buf_wrap(&out, mem, size);
	for (unsigned i = 0; i < n; i++)
		fg_buf_printf(&out, "%s%04x", i ? " " : "", cells[i]);
}

static void add_value(struct ctl_table *t, const struct cell *c)
{
	static const unsigned powers[] = {1, 10, 100, 1000};
	char mem[80];
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	if (!c->there) {
		ctl_table_cell(t, "%s", "");
		return;
	}
	fg_encode_value(&out, &c->value, -1);
	if (c->decimals == 0)
		fg_buf_puts(&out, " *");
	else if (c->decimals > 0)
		fg_buf_printf(&out, " (/%u *)", powers[c->decimals]);
	ctl_table_cell(t, "%s", mem);
}

static unsigned width_of(const char *type)
{
	struct fg_regspec spec = {.lo = 0};

	return fg_regtype_parse(type, &spec) < 0 ? 0 : fg_regspec_width(&spec);
}

static void print_registers(const struct probe *p)
{
	static const char *const heads[] = {"ADDRESS", "REFERENCE", "REGISTERS", "TYPE",
		"ABCD (AB)", "CDAB", "BADC (BA)", "DCBA"};
	struct ctl_table *table = ctl_table_new(heads, FG_COUNT(heads));

	for (unsigned i = 0; i < p->req.count; i++) {
		for (size_t t = 0; t < FG_COUNT(types); t++) {
			const uint16_t *cells = p->cells + i;
			size_t n = p->req.count - i;
			unsigned width = width_of(types[t]);
			char raw[32];

			if (!width || width > n)
				continue;
			put_raw(cells, width, raw, sizeof(raw));
			ctl_table_cell(table, "%u", p->req.address + i);
			ctl_table_cell(
				table, "%u", probe_reference(p->req.table, p->req.address + i));
			ctl_table_cell(table, "%s", raw);
			ctl_table_cell(table, "%s", types[t]);
			for (size_t order = 0; order < ORDERS; order++) {
				struct cell c;

				decode(p, types[t], order, cells, n, &c);
				add_value(table, &c);
			}
		}
	}
	ctl_table_print(table, p->ctl->color);
	ctl_table_free(table);
}

static void print_bits(const struct probe *p)
{
	static const char *const heads[] = {"ADDRESS", "REFERENCE", "VALUE"};
	struct ctl_table *t = ctl_table_new(heads, FG_COUNT(heads));

	for (unsigned i = 0; i < p->req.count; i++) {
		ctl_table_cell(t, "%u", p->req.address + i);
		ctl_table_cell(t, "%05u", probe_reference(p->req.table, p->req.address + i));
		ctl_table_cell(t, "%u", p->cells[i]);
	}
	ctl_table_print(t, p->ctl->color);
	ctl_table_free(t);
}

/* Two characters a register, '.' for what is none. */
static void put_text(const struct probe *p, char mem[TEXT_SIZE])
{
	size_t n = 0;

	for (unsigned i = 0; i < p->req.count && n + 2 < TEXT_SIZE; i++)
		for (int shift = 8; shift >= 0; shift -= 8) {
			char c = (char)(p->cells[i] >> shift & 0xFF);

			mem[n++] = c >= 0x20 && c < 0x7F ? c : '.';
		}
	mem[n] = '\0';
}

void probe_print(const struct probe *p)
{
	char text[TEXT_SIZE];

	if (is_bits(p->req.table)) {
		print_bits(p);
	} else {
		print_registers(p);
		put_text(p, text);
		printf("as text: %s\n", text);
		if (p->has_range)
			printf("* plausible for %s: %g to %g %s\n", p->property, p->range[0],
				p->range[1], p->unit_text);
	}
	for (size_t i = 0; i < p->hint_count; i++)
		printf("- %s\n", p->hints[i]);
}

/* ---- as JSON ---- */

static void put_values(const struct probe *p, struct fg_json *j, unsigned i)
{
	fg_json_object(j, "values");
	for (size_t t = 0; t < FG_COUNT(types); t++) {
		unsigned width = width_of(types[t]);

		if (!width || width > p->req.count - i)
			continue;
		fg_json_object(j, types[t]);
		for (size_t order = 0; order < ORDERS; order++) {
			struct fg_buf text;
			char mem[80];
			struct cell c;

			decode(p, types[t], order, p->cells + i, p->req.count - i, &c);
			if (!c.there)
				continue;
			fg_buf_wrap(&text, mem, sizeof(mem));
			fg_encode_value(&text, &c.value, -1);
			if (isfinite(fg_value_number(&c.value)))
				fg_json_raw(j, order_names[order], text.data, text.len);
			else
				fg_json_null(j, order_names[order]);
		}
		fg_json_end_object(j);
	}
	fg_json_end_object(j);
}

static void put_plausible(const struct probe *p, struct fg_json *j, unsigned i)
{
	fg_json_array(j, "plausible");
	for (size_t t = 0; t < FG_COUNT(types); t++)
		for (size_t order = 0; order < ORDERS; order++) {
			struct cell c;

			if (!decode(p, types[t], order, p->cells + i, p->req.count - i, &c) ||
				c.decimals < 0)
				continue;
			fg_json_object(j, NULL);
			fg_json_text(j, "type", types[t]);
			fg_json_text(j, "order", order_names[order]);
			fg_json_double(j, "scale",
				c.decimals == 0	  ? 1
				: c.decimals == 1 ? 0.1
				: c.decimals == 2 ? 0.01
						  : 0.001);
			fg_json_end_object(j);
		}
	fg_json_end_array(j);
}

void probe_put(const struct probe *p, struct fg_json *j)
{
	fg_json_array(j, "registers");
	for (unsigned i = 0; i < p->req.count; i++) {
		fg_json_object(j, NULL);
		fg_json_uint(j, "address", p->req.address + i);
		fg_json_uint(j, "reference", probe_reference(p->req.table, p->req.address + i));
		fg_json_uint(j, "raw", p->cells[i]);
		if (!is_bits(p->req.table)) {
			put_values(p, j, i);
			if (p->has_range)
				put_plausible(p, j, i);
		}
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}
