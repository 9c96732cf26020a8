/* SPDX-License-Identifier: EUPL-1.2 */
/* Scaling and sentinels, alike for every driver. */
#include "model/point.h"

#include <math.h>

void fg_point_scale(const struct fg_point *point, struct fg_value *v)
{
	fg_value_scale(v, point->scale, point->offset);
}

void fg_value_scale(struct fg_value *v, double scale, double offset)
{
	double x;

	if (v->kind < FG_KIND_INT || v->kind > FG_KIND_DECIMAL)
		return;
	if (scale == 1.0 && offset == 0.0)
		return;
	x = fg_value_number(v) * scale + offset;
	if (v->kind == FG_KIND_INT || v->kind == FG_KIND_UINT)
		v->kind = FG_KIND_DECIMAL;
	v->f = x;
}

/* A float32 of -999.9 is -999.900024…: the number meant is the one that the sensor can send. */
static bool is_same(double meant, const struct fg_value *decoded)
{
	double v = fg_value_number(decoded);

	if (decoded->kind == FG_KIND_FLOAT && isfinite((float)meant))
		meant = (double)(float)meant;
	return meant == v;
}

bool fg_point_is_missing_value(const struct fg_point *point, const struct fg_value *decoded)
{
	for (size_t i = 0; i < point->missing_count; i++)
		if (!point->missing[i].raw && is_same(point->missing[i].value, decoded))
			return true;
	return false;
}

bool fg_point_is_missing_raw(const struct fg_point *point, uint64_t bits)
{
	for (size_t i = 0; i < point->missing_count; i++)
		if (point->missing[i].raw && point->missing[i].bits == bits)
			return true;
	return false;
}

bool fg_point_is_sentinel(
	const struct fg_point *point, const struct fg_value *decoded, bool has_raw, uint64_t raw)
{
	double v;

	if (has_raw && fg_point_is_missing_raw(point, raw))
		return true;
	if (decoded->kind == FG_KIND_NONE || decoded->kind == FG_KIND_TEXT)
		return false;
	v = fg_value_number(decoded);
	if (point->has_valid && (v < point->valid[0] || v > point->valid[1]))
		return true; /* never true of a bound that is open, which is NaN */
	return fg_point_is_missing_value(point, decoded);
}
