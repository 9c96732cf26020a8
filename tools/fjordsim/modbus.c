/* SPDX-License-Identifier: EUPL-1.2 */
/* Answers to Modbus requests: the four reads, exceptions for all else. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim.h"

enum { ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3 };

struct span {
	int table;
	unsigned first, count;
};

static bool overlaps(const struct sim_point *p, const struct span *s)
{
	return p->table == s->table && p->address < s->first + s->count &&
	       p->address + sim_type_width(p->type) > s->first;
}

/* Instruments answer for the whole of a block, with zeros where nothing is measured. */
static bool in_block(const struct sim_unit *unit, const struct span *s)
{
	const struct sim_point *points = sim_points(unit);
	int64_t low = INT64_MAX, high = -1;

	for (size_t i = 0; i < sim_point_count(unit); i++) {
		if (points[i].table != s->table)
			continue;
		low = FG_MIN(low, points[i].address);
		high = FG_MAX(high, points[i].address + sim_type_width(points[i].type));
	}
	return s->first >= low && s->first + s->count <= high;
}

/* The fault of a kind that this request meets: of the unit, or of a point that it covers. */
static const struct sim_fault *fault_of(
	const struct sim_unit *unit, enum sim_fault_kind kind, const struct span *s, int64_t now_us)
{
	const struct sim_fault *f = sim_fault_at(unit, kind, SIZE_MAX, now_us);

	for (size_t i = 0; !f && i < sim_point_count(unit); i++)
		if (overlaps(&sim_points(unit)[i], s))
			f = sim_fault_at(unit, kind, i, now_us);
	return f;
}

static void fill_cells(const struct sim_model *m, struct sim_unit *unit, const struct span *s,
	struct fg_now now, uint16_t *cells)
{
	const struct sim_point *points = sim_points(unit);

	for (size_t i = 0; i < sim_point_count(unit); i++) {
		const struct sim_point *p = &points[i];
		uint16_t registers[4];
		unsigned width;
		double v;

		if (!overlaps(p, s))
			continue;
		v = sim_read(m, unit, i, now);
		if (p->table == SIM_COIL || p->table == SIM_DISCRETE)
			width = sim_encode(SIM_BOOL, SIM_ABCD, v, registers);
		else
			width = sim_encode(
				p->type, p->order, (v - p->offset) / p->scale, registers);
		for (unsigned k = 0; k < width; k++) {
			int64_t at = p->address + k - s->first;

			if (at >= 0 && at < s->count)
				cells[at] = registers[k];
		}
	}
}

static void refuse(struct sim_answer *a, uint8_t function, unsigned code)
{
	a->pdu[0] = function | 0x80;
	a->pdu[1] = (uint8_t)code;
	a->len = 2;
}

static void put_cells(
	struct sim_answer *a, uint8_t function, const struct span *s, const uint16_t *cells)
{
	bool bits = s->table == SIM_COIL || s->table == SIM_DISCRETE;
	unsigned bytes = bits ? (s->count + 7) / 8 : 2 * s->count;

	a->pdu[0] = function;
	a->pdu[1] = (uint8_t)bytes;
	memset(a->pdu + 2, 0, bytes);
	for (unsigned i = 0; i < s->count; i++) {
		if (bits) {
			a->pdu[2 + i / 8] |= (uint8_t)((cells[i] & 1) << (i % 8));
		} else {
			a->pdu[2 + 2 * i] = (uint8_t)(cells[i] >> 8);
			a->pdu[3 + 2 * i] = (uint8_t)cells[i];
		}
	}
	a->len = 2 + bytes;
}

/* Functions 17 (product and revision as a text) and 43/14 (three objects): false where the request
 * is another, or the instrument does not say who it is. */
static bool identify(
	const struct sim_device *d, const uint8_t *pdu, size_t len, struct sim_answer *a)
{
	const char *texts[] = {d->vendor ? d->vendor : "", d->product ? d->product : "",
		d->revision ? d->revision : ""};

	if (!d->vendor && !d->product)
		return false;
	if (len == 1 && pdu[0] == 17) {
		/* a server id of one byte, running, and the text */
		int n = snprintf(
			(char *)a->pdu + 4, sizeof(a->pdu) - 4, "%s %s", texts[1], texts[2]);

		a->pdu[0] = 17;
		a->pdu[1] = (uint8_t)(2 + n);
		a->pdu[2] = 1;
		a->pdu[3] = 0xFF;
		a->len = 4 + (size_t)n;
		return true;
	}
	if (len != 4 || pdu[0] != 43 || pdu[1] != 14)
		return false;
	memcpy(a->pdu, pdu, 3);
	a->pdu[3] = 1; /* basic, as a stream */
	a->pdu[4] = a->pdu[5] = 0;
	a->pdu[6] = FG_COUNT(texts);
	a->len = 7;
	for (size_t i = 0; i < FG_COUNT(texts); i++) {
		size_t n = strlen(texts[i]);

		a->pdu[a->len++] = (uint8_t)i;
		a->pdu[a->len++] = (uint8_t)n;
		memcpy(a->pdu + a->len, texts[i], n);
		a->len += n;
	}
	return true;
}

/* FG_OK, or the exception that a request gets for what it is. */
static unsigned parse(const uint8_t *pdu, size_t len, struct span *ret)
{
	static const int tables[] = {-1, SIM_COIL, SIM_DISCRETE, SIM_HOLDING, SIM_INPUT};
	bool bits = pdu[0] <= 2;

	if (pdu[0] < 1 || pdu[0] > 4)
		return ILLEGAL_FUNCTION;
	if (len != 5)
		return ILLEGAL_VALUE;
	ret->table = tables[pdu[0]];
	ret->first = (unsigned)pdu[1] << 8 | pdu[2];
	ret->count = (unsigned)pdu[3] << 8 | pdu[4];
	if (!ret->count || ret->count > (bits ? 2000u : 125u))
		return ILLEGAL_VALUE;
	return 0;
}

void sim_modbus_answer(const struct sim_model *m, struct sim_unit *unit, const uint8_t *pdu,
	size_t len, struct fg_now now, struct sim_answer *ret)
{
	struct span s = {.table = -1};
	const struct sim_fault *f;
	uint16_t cells[2000];
	unsigned exception = parse(pdu, len, &s);

	ret->len = 0;
	ret->delay_us = unit->device->delay_us;
	ret->garbage = ret->wrong_unit = ret->half = false;
	if (unit->fault_count) {
		if (fault_of(unit, SIM_MUTE, &s, now.mono_us))
			return;
		f = fault_of(unit, SIM_SLOW, &s, now.mono_us);
		ret->delay_us += f ? f->conf.delay_us : 0;
		ret->garbage = fault_of(unit, SIM_GARBAGE, &s, now.mono_us);
		ret->wrong_unit = fault_of(unit, SIM_WRONG_UNIT, &s, now.mono_us);
		ret->half = fault_of(unit, SIM_SHORT, &s, now.mono_us);
		f = fault_of(unit, SIM_EXCEPTION, &s, now.mono_us);
		if (f && !exception)
			exception = (unsigned)f->conf.code;
	}
	if (exception == ILLEGAL_FUNCTION && identify(unit->device, pdu, len, ret))
		return;
	if (!exception && !in_block(unit, &s))
		exception = ILLEGAL_ADDRESS;
	if (exception) {
		refuse(ret, pdu[0], exception);
		return;
	}
	memset(cells, 0, s.count * sizeof(*cells));
	fill_cells(m, unit, &s, now, cells);
	put_cells(ret, pdu[0], &s, cells);
}

uint16_t sim_crc16(const uint8_t *bytes, size_t len)
{
	uint16_t crc = 0xFFFF;

	while (len--) {
		crc ^= *bytes++;
		for (int i = 0; i < 8; i++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
	}
	return crc;
}
