/* SPDX-License-Identifier: EUPL-1.2 */
/* From the unit that a payload tells to the one that a point is configured with. */
#include <string.h>

#include "base/cleanup.h"
#include "drivers/payload_internal.h"
#include "model/unit.h"

/* Units of SenML (RFC 8428, RFC 8798) whose meaning depends on what is measured: a ratio stands
 * for percent, parts per million and, as salt by mass, for practical salinity; a speed for rain; a
 * mass in a volume for what is in the air and what is in the water. */
static const struct {
	const char *told, *dimension; /* of the unit that is wanted */
	double factor, offset;	      /* to the base unit of that dimension */
} crossings[] = {
	{"/", "ratio", 100, 0},
	{"/100", "ratio", 1, 0},
	{"/1000", "ratio", 0.1, 0},
	{"/", "mole fraction", 1e6, 0},
	{"/100", "mole fraction", 1e4, 0},
	{"/1000", "mole fraction", 1e3, 0},
	{"/100", "number", 0.01, 0},
	{"/1000", "number", 0.001, 0},
	{"m/s", "rainfall rate", 3600e3, 0},
	{"m/h", "rainfall rate", 1000, 0},
	{"kg/m3", "mass concentration in water", 1000, 0},
	{"dBW", "signal strength", 1, 30},
	{"Bspl", "sound level", 10, 0},
};

/* Practical salinity is a number, and so is a ratio, but of 1 in 1000. */
static bool cross_salinity(const struct fg_point *point, const char *told, double *ret_factor)
{
	static const struct {
		const char *told;
		double factor;
	} ratios[] = {{"/", 1000}, {"/100", 10}, {"/1000", 1}};

	if (!point->property || strcmp(point->property, "salinity") != 0)
		return false;
	for (size_t i = 0; i < FG_COUNT(ratios); i++)
		if (strcmp(ratios[i].told, told) == 0) {
			*ret_factor = ratios[i].factor;
			return true;
		}
	return false;
}

static bool cross(
	const char *told, const struct fg_unit *to, double *ret_factor, double *ret_offset)
{
	for (size_t i = 0; i < FG_COUNT(crossings); i++) {
		if (strcmp(crossings[i].told, told) != 0 ||
			strcmp(crossings[i].dimension, to->dimension) != 0)
			continue;
		*ret_factor = crossings[i].factor / to->factor;
		*ret_offset = (crossings[i].offset - to->offset) / to->factor;
		return true;
	}
	return false;
}

const char *fg_payload_unit_of(const struct fg_point *point)
{
	return point->source_unit ? point->source_unit : point->unit;
}

bool fg_payload_scale(const struct fg_point *point, const char *told, double *ret_scale,
	double *ret_offset, bool *ret_other)
{
	const char *wanted = fg_payload_unit_of(point);
	const struct fg_unit *from = fg_unit_find(told), *to = wanted ? fg_unit_find(wanted) : NULL;
	double factor = 1, offset = 0;

	*ret_other = false;
	if (*told && wanted && *wanted) {
		*ret_other = from != to || !from;
		if (cross_salinity(point, told, &factor) ||
			(to && cross(told, to, &factor, &offset)))
			*ret_other = true;
		else if (strcmp(told, wanted) == 0)
			*ret_other = false;
		else if (!from || !to || !fg_unit_convert(from, to, &factor, &offset))
			return false;
	}
	*ret_scale = point->scale * factor;
	*ret_offset = point->scale * offset + point->offset;
	return true;
}
