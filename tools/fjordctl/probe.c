/* SPDX-License-Identifier: EUPL-1.2 */
/* `probe modbus TARGET`: registers in every type and word order, so that the right one can be
 * recognised; and, where nothing comes, why that may be. */
#include "probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/key.h"
#include "base/status.h"
#include "coap.h"
#include "model/plausible.h"
#include "modbus.h"
#include "model/property.h"

#define OUTPUT_MAX (8u << 20)

void probe_hint(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	if (p->hint_count == PROBE_HINTS)
		return;
	va_start(ap, fmt);
	vsnprintf(p->hints[p->hint_count++], sizeof(p->hints[0]), fmt, ap);
	va_end(ap);
}

/* ---- what is asked for ---- */

static bool parse_table(const struct ctl *ctl, struct probe *p)
{
	if (!ctl->table)
		return true;
	for (int t = FG_TABLE_HOLDING; t <= FG_TABLE_DISCRETE; t++)
		if (strcmp(probe_table_name((enum fg_table)t), ctl->table) == 0) {
			p->req.table = (enum fg_table)t;
			return true;
		}
	fprintf(stderr, "fjordctl: --table: '%s' is not one of holding, input, coil, discrete\n",
		ctl->table);
	return false;
}

/* 40001 and 400001 are holding 0, 30001 input 0, 10001 discrete 0, 00001 coil 0. */
static bool take_reference(const char *text, struct probe *p)
{
	static const enum fg_table tables[] = {
		FG_TABLE_COIL, FG_TABLE_DISCRETE, FG_TABLE_COIL, FG_TABLE_INPUT, FG_TABLE_HOLDING};
	size_t n = strlen(text);
	unsigned value, place = n == 6 ? 100000 : 10000, digit;

	if ((n != 5 && n != 6) || strspn(text, "0123456789") != n)
		return false;
	value = (unsigned)strtoul(text, NULL, 10);
	digit = value / place;
	if (digit > 4 || digit == 2 || value % place == 0 || value % place > 65536)
		return false;
	p->req.table = tables[digit];
	p->req.address = (uint16_t)(value % place - 1);
	return true;
}

static bool parse_where(const struct ctl *ctl, struct probe *p)
{
	unsigned address = 0;

	if (ctl->reference) {
		if (!ctl->address && !ctl->table && take_reference(ctl->reference, p))
			return true;
		fprintf(stderr,
			"fjordctl: --reference takes 30001, 40001, 400001 or the like, and stands "
			"without --table and --address\n");
		return false;
	}
	if (!parse_table(ctl, p) ||
		(ctl->address && !ctl_parse_int("--address", ctl->address, 0, 65535, &address)))
		return false;
	p->req.address = (uint16_t)address;
	return true;
}

static bool parse_property(const struct ctl *ctl, struct probe *p)
{
	const struct fg_property *known = ctl->property ? fg_property_find(ctl->property) : NULL;
	const char *names[200];
	char mem[300] = "";
	struct fg_buf hint;
	size_t n = 0;

	if (!ctl->property)
		return true;
	if (!known) {
		for (; n < fg_property_count && n < FG_COUNT(names); n++)
			names[n] = fg_properties[n].name;
		fg_buf_wrap(&hint, mem, sizeof(mem));
		fg_put_suggestion(&hint, ctl->property, names, n, "there are");
		fprintf(stderr, "fjordctl: --property: unknown property '%s'%s\n", ctl->property,
			mem);
		return false;
	}
	p->property = known->name;
	p->unit_text = known->unit;
	p->has_range = fg_plausible_range(known->name, p->range);
	if (!p->has_range)
		probe_hint(
			p, "nothing is known of what %s can be: no value is marked", known->name);
	return true;
}

static bool parse(const struct ctl *ctl, struct probe *p)
{
	unsigned unit = 1, count = 4;
	bool bits;

	p->ctl = ctl;
	if (!parse_where(ctl, p) || !parse_property(ctl, p) ||
		(ctl->unit && !ctl_parse_int("--unit", ctl->unit, 0, 255, &unit)))
		return false;
	bits = p->req.table == FG_TABLE_COIL || p->req.table == FG_TABLE_DISCRETE;
	if (ctl->count_text &&
		!ctl_parse_int("--count", ctl->count_text, 1, bits ? 2000 : 125, &count))
		return false;
	p->unit = (uint8_t)unit;
	p->req.count = (uint16_t)FG_MIN(count, 65536u - p->req.address);
	return true;
}

/* ---- hints ---- */

/* 30001 given as an address. */
static void hint_reference(struct probe *p)
{
	char text[8];
	struct probe meant = {.unit = 0};

	snprintf(text, sizeof(text), "%05u", p->req.address);
	if (p->req.address < 10000 || !take_reference(text, &meant))
		return;
	probe_hint(p,
		"address %s is 5 digits long, as manuals count: there it means --table %s "
		"--address %u, or --reference %s",
		text, probe_table_name(meant.req.table), meant.req.address, text);
}

static bool answers(struct ctl_bus *bus, const struct probe *p, enum fg_table table,
	unsigned address, unsigned count, uint16_t *cells)
{
	struct fg_request req = {table, (uint16_t)address, (uint16_t)count};
	struct fg_raw x;
	unsigned exception;

	return ctl_bus_read(bus, p->unit, &req, &x, cells, &exception) == FG_OK;
}

static enum fg_table other_table(enum fg_table table)
{
	static const enum fg_table others[] = {
		FG_TABLE_INPUT, FG_TABLE_HOLDING, FG_TABLE_DISCRETE, FG_TABLE_COIL};

	return others[table];
}

/* It refused: what lies near that it does not refuse? */
static void hint_refused(struct ctl_bus *bus, struct probe *p, unsigned exception)
{
	enum fg_table other = other_table(p->req.table);
	unsigned a = p->req.address;
	uint16_t cells[2000];

	if (exception < 1 || exception > 4)
		return;
	if (p->req.count > 1 && answers(bus, p, p->req.table, a, 1, cells))
		probe_hint(p, "one register at address %u is given, %u are not: a lower --count", a,
			p->req.count);
	else if (a > 0 && answers(bus, p, p->req.table, a - 1, 1, cells))
		probe_hint(p,
			"address %u is given: does the manual count from 1? Then --address %u is "
			"meant",
			a - 1, a - 1);
	if (answers(bus, p, other, a, p->req.count, cells))
		probe_hint(p, "the table %s has this address: --table %s", probe_table_name(other),
			probe_table_name(other));
	else if (a > 0 && answers(bus, p, other, a - 1, p->req.count, cells))
		probe_hint(p, "the table %s has address %u: --table %s --address %u",
			probe_table_name(other), a - 1, probe_table_name(other), a - 1);
}

static bool all_are(const struct probe *p, uint16_t value)
{
	for (unsigned i = 0; i < p->req.count; i++)
		if (p->cells[i] != value)
			return false;
	return true;
}

/* Nothing fits where it was asked: what of one before, one after? */
static void hint_neighbours(struct ctl_bus *bus, struct probe *p)
{
	uint16_t cells[126];
	unsigned a = p->req.address, n = FG_MIN(p->req.count, (uint16_t)4);

	if (!p->has_range || probe_any_plausible(p, p->cells, n))
		return;
	for (unsigned i = 1; i < p->req.count; i++)
		if (probe_any_plausible(p, p->cells + i, p->req.count - i)) {
			probe_hint(p, "nothing at %u is a plausible %s, but at %u something is", a,
				p->property, a + i);
			return;
		}
	if (a > 0 && answers(bus, p, p->req.table, a - 1, FG_MIN(n + 1, 4u), cells) &&
		probe_any_plausible(p, cells, FG_MIN(n + 1, 4u)))
		probe_hint(p,
			"nothing at %u is a plausible %s, but at %u something is: manuals count "
			"from 1, the wire from 0; try --address %u",
			a, p->property, a - 1, a - 1);
	else
		probe_hint(p, "nothing here looks like a plausible %s: another table or address?",
			p->property);
}

static void hint_registers(struct ctl_bus *bus, struct probe *p)
{
	if (p->req.table == FG_TABLE_COIL || p->req.table == FG_TABLE_DISCRETE)
		return;
	if (p->req.count == 1)
		probe_hint(p, "one register: values of 32 bits need --count 2, of 64 bits 4");
	if (all_are(p, 0))
		probe_hint(p, "all zero: not measured yet, or nothing is kept here");
	else if (all_are(p, 0xFFFF) || all_are(p, 0x8000))
		probe_hint(p, "all %04x: often a sign for 'no value' (`missing`)", p->cells[0]);
	hint_neighbours(bus, p);
}

/* ---- the command ---- */

static void put_head(const struct probe *p, const struct ctl_bus *bus, struct fg_json *j)
{
	fg_json_text(j, "port", bus->port);
	fg_json_text(j, "driver", bus->driver->name);
	if (bus->link_name[0])
		fg_json_text(j, "link", bus->link_name);
	fg_json_uint(j, "unit", p->unit);
	fg_json_text(j, "table", probe_table_name(p->req.table));
	fg_json_uint(j, "address", p->req.address);
	fg_json_uint(j, "count", p->req.count);
}

static void print_json(const struct probe *p, const struct ctl_bus *bus, const struct fg_heard *h)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, OUTPUT_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	put_head(p, bus, &j);
	if (h)
		fg_heard_put(h, &j);
	else
		probe_put(p, &j);
	fg_json_array(&j, "hints");
	for (size_t i = 0; i < p->hint_count; i++)
		fg_json_text(&j, NULL, p->hints[i]);
	fg_json_end_array(&j);
	fg_json_end_object(&j);
	puts(out.data);
	fg_buf_fini(&out);
}

static void print_hex(const char *label, const uint8_t *bytes, size_t n, FILE *out)
{
	fprintf(out, "%s", label);
	for (size_t i = 0; i < n; i++)
		fprintf(out, " %02x", bytes[i]);
	fprintf(out, "%s\n", n ? "" : " nothing");
}

static void print_text(const struct probe *p, const struct ctl_bus *bus, const struct fg_raw *x,
	const struct fg_heard *h)
{
	FILE *out = h ? stderr : stdout;
	char last[16] = "";

	if (p->req.count > 1)
		snprintf(last, sizeof(last), " to %u", p->req.address + p->req.count - 1u);
	fprintf(out, "%s, unit %u, %s %u%s (reference %u)\n", bus->port, p->unit,
		probe_table_name(p->req.table), p->req.address, last,
		probe_reference(p->req.table, p->req.address));
	print_hex("sent ", x->sent, x->sent_len, out);
	print_hex("heard", x->heard, x->heard_len, out);
	fputc('\n', out);
	if (!h) {
		probe_print(p);
		return;
	}
	for (size_t i = 0; i < p->hint_count; i++)
		fprintf(out, "found: %s\n", p->hints[i]);
	ctl_bus_tell(bus, h, out);
}

static int run(struct probe *p, struct ctl_bus *bus)
{
	unsigned exception = 0;
	struct fg_heard h;
	struct fg_raw x;
	bool bad;
	int r;

	hint_reference(p);
	r = ctl_bus_read(bus, p->unit, &p->req, &x, p->cells, &exception);
	bad = fg_heard_from_raw(&x, bus->on, bus->port, &h);
	if (r == FG_EFRAME && !bad) { /* a whole frame, and not of this request */
		h.kind = FG_HEARD_OTHER_ANSWER;
		bad = true;
	}
	if (r == FG_OK)
		hint_registers(bus, p);
	else if (r == FG_EREFUSED)
		hint_refused(bus, p, exception);
	else if (x.why[0])
		probe_hint(p, "%s", x.why);
	if (p->ctl->json)
		print_json(p, bus, bad ? &h : NULL);
	else
		print_text(p, bus, &x, bad ? &h : NULL);
	return r == FG_OK ? EX_OK : EX_TEMPFAIL;
}

int ctl_probe(const struct ctl *ctl)
{
	struct ctl_bus bus = {0};
	int code = EX_USAGE;
	struct probe *p;

	if (strcmp(ctl->words[1], "coap") == 0)
		return ctl_probe_coap(ctl);
	p = calloc(1, sizeof(*p));
	if (!p)
		return EX_OSERR;
	if (strcmp(ctl->words[1], "modbus") != 0)
		fprintf(stderr, "fjordctl: probe takes 'modbus' and a target, or 'coap' and a "
				"URI\n");
	else if (parse(ctl, p))
		code = ctl_bus_open(ctl, ctl->words[2], &bus);
	if (code == EX_OK)
		code = run(p, &bus);
	ctl_bus_close(&bus);
	free(p);
	return code;
}
