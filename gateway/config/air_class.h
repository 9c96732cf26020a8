/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CONFIG_AIR_CLASS_H
#define FG_GATEWAY_CONFIG_AIR_CLASS_H

#include "model/point.h"
#include "quality/air.h"

/* Which points have an air-quality class, and of which index. Any thread. */

/* The limits for the hours of a point, or for its running means over 24 hours (mean_hours says
 * which); NULL: its values have no class. */
const struct fg_air_limits *fg_air_of_point(
	const struct fg_point *p, const struct fg_air_index **ret_index);
/* Whether a value that has the class is told of it. */
bool fg_air_is_told(const struct fg_point *p);

#endif
