/* SPDX-License-Identifier: EUPL-1.2 */
/* What a simulated point says: its curve with the faults of values, and its registers. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "sim.h"

double sim_read(const struct sim_model *m, struct sim_unit *unit, size_t point, struct fg_now now)
{
	const struct sim_point *p = &sim_points(unit)[point];
	struct sim_state *st = &unit->states[point];
	double v = sim_curve_at(&p->curve, unit->seed + point * 101, now.wall_us,
		now.wall_us + m->zone_us, st->reads);
	const struct sim_fault *f;

	st->reads++;
	if (!unit->fault_count)
		return v;
	f = sim_fault_at(unit, SIM_SPIKE, point, now.mono_us);
	if (f && st->reads % (uint64_t)FG_MAX(f->conf.every, 1) == 0)
		v += f->conf.amount;
	f = sim_fault_at(unit, SIM_STUCK, point, now.mono_us);
	if (!f) {
		st->held = false;
	} else if (fg_number_parse(f->value, &v) < 0) { /* no value given: where it is now */
		if (!st->held)
			st->held_value = v;
		st->held = true;
		v = st->held_value;
	}
	return v;
}

unsigned sim_type_width(int type)
{
	switch ((enum sim_type)type) {
	case SIM_U32:
	case SIM_I32:
	case SIM_F32:
	case SIM_BCD32:
		return 2;
	case SIM_U64:
	case SIM_I64:
	case SIM_F64:
		return 4;
	case SIM_BOOL:
	case SIM_U16:
	case SIM_I16:
	case SIM_BCD16:
	case SIM_U8:
	case SIM_I8:
		break;
	}
	return 1;
}

static uint64_t unsigned_bits(double v, unsigned bits)
{
	double max = ldexp(1, (int)bits);

	if (!(v > 0))
		return 0;
	return v >= max ? UINT64_MAX >> (64 - bits) : (uint64_t)v;
}

static uint64_t signed_bits(double v, unsigned bits)
{
	double max = ldexp(1, (int)bits - 1);

	if (v >= max)
		return UINT64_MAX >> (65 - bits);
	return (uint64_t)(v < -max ? (int64_t)-max : (int64_t)v);
}

static uint64_t bcd_bits(double v, unsigned digits)
{
	uint64_t n = unsigned_bits(v, 32), bits = 0;

	for (unsigned i = 0; i < digits; i++) {
		bits |= n % 10 << (4 * i);
		n /= 10;
	}
	return bits;
}

static uint64_t float_bits(double v, unsigned width)
{
	float f = (float)v;
	uint64_t wide;
	uint32_t narrow;

	if (width == 4) {
		memcpy(&wide, &v, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, &f, sizeof(narrow));
	return narrow;
}

static uint64_t value_bits(int type, double v)
{
	unsigned width = sim_type_width(type);
	double whole = isfinite(v) ? round(v) : 0;

	switch ((enum sim_type)type) {
	case SIM_BOOL:
		return v >= 0.5;
	case SIM_U8:
		return unsigned_bits(whole, 8);
	case SIM_I8:
		return signed_bits(whole, 8);
	case SIM_U16:
	case SIM_U32:
	case SIM_U64:
		return unsigned_bits(whole, 16 * width);
	case SIM_I16:
	case SIM_I32:
	case SIM_I64:
		return signed_bits(whole, 16 * width);
	case SIM_BCD16:
	case SIM_BCD32:
		return bcd_bits(whole, 4 * width);
	case SIM_F32:
	case SIM_F64:
		break;
	}
	return float_bits(v, width);
}

unsigned sim_encode(int type, int order, double v, uint16_t ret_registers[4])
{
	unsigned width = sim_type_width(type);
	uint64_t bits = value_bits(type, v);
	bool swap_words = order == SIM_CDAB || order == SIM_DCBA;
	bool swap_bytes = order == SIM_BADC || order == SIM_DCBA;

	for (unsigned i = 0; i < width; i++) {
		uint16_t word = (uint16_t)(bits >> (16 * (width - 1 - i)));

		if (swap_bytes)
			word = (uint16_t)(word << 8 | word >> 8);
		ret_registers[swap_words ? width - 1 - i : i] = word;
	}
	return width;
}
