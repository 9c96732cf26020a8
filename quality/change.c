/* SPDX-License-Identifier: EUPL-1.2 */
/* Report by exception: whether a value is another one than that which was told last. */
#include <float.h>
#include <math.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "quality/events.h"

static uint64_t hash(const char *text, uint32_t len)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	for (uint32_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
	return h ^ len;
}

struct fg_told_value fg_told_value(const struct fg_value *v)
{
	struct fg_told_value told = {.value = *v};

	if (v->kind != FG_KIND_TEXT)
		return told;
	told.hash = hash(v->text, v->len);
	told.value = (struct fg_value){.kind = FG_KIND_TEXT};
	return told;
}

static bool is_whole(enum fg_kind kind)
{
	return kind == FG_KIND_INT || kind == FG_KIND_UINT;
}

static bool is_number(enum fg_kind kind)
{
	return is_whole(kind) || kind == FG_KIND_FLOAT || kind == FG_KIND_DOUBLE ||
	       kind == FG_KIND_DECIMAL;
}

/* How far off two numbers of this kind may be from what the sensor meant, together. */
static double rounding(const struct fg_value *a, const struct fg_value *b)
{
	bool is_float = a->kind == FG_KIND_FLOAT || b->kind == FG_KIND_FLOAT;
	double largest = FG_MAX(fabs(fg_value_number(a)), fabs(fg_value_number(b)));

	return largest * (is_float ? (double)FLT_EPSILON : 4 * DBL_EPSILON);
}

static bool number_changed(const struct fg_value *a, const struct fg_value *b, double by)
{
	double difference = fabs(fg_value_number(a) - fg_value_number(b));

	if (by > 0) /* but no change at all is none, however small `by` is */
		return difference > 0 && difference + rounding(a, b) >= by;
	if (is_whole(a->kind) && a->kind == b->kind) /* 64 bits are more than a double holds */
		return a->u != b->u;
	return difference != 0;
}

bool fg_value_changed(const struct fg_told_value *told, const struct fg_value *v, double by)
{
	const struct fg_value *a = &told->value;

	if (is_number(a->kind) && is_number(v->kind))
		return number_changed(a, v, by);
	if (a->kind != v->kind)
		return true;
	if (v->kind == FG_KIND_BOOL)
		return a->b != v->b;
	return v->kind == FG_KIND_TEXT && told->hash != hash(v->text, v->len);
}
