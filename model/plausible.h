/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_PLAUSIBLE_H
#define FG_MODEL_PLAUSIBLE_H

#include <stdbool.h>

/* What a quantity can be outdoors in this country, widely taken and in the property's unit: to
 * recognise the right registers of an instrument by. No test of readings, whose limits belong to a
 * place. False where the property is not in the table. */
bool fg_plausible_range(const char *property, double ret[2]);

/* Whether a decoded number may be the property's. Zero says nothing, so it is not plausible; nor
 * are numbers that only the wrong order of words makes, such as 1e-41. */
bool fg_plausible(const double range[2], double value);

/* The power of ten, 0 to 3, by which a whole number has to be divided to be plausible (194 may be
 * 19.4 Cel); -1: none. */
int fg_plausible_decimals(const double range[2], double value);

#endif
