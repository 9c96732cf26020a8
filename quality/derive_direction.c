/* SPDX-License-Identifier: EUPL-1.2 */
/* Means of what goes round: winds and directions. */
#include "quality/derive.h"

#include <math.h>

#define RADIAN	  57.29577951308232 /* degrees */
#define CANCELLED 1e-6

void fg_wind_add(struct fg_wind *w, double speed, double direction)
{
	double angle = remainder(direction, 360) / RADIAN;

	if (!(speed >= 0) || isinf(speed) || (speed > 0 && !isfinite(angle)))
		return;
	w->count++;
	w->speed += speed;
	if (speed > 0) {
		w->east += speed * sin(angle);
		w->north += speed * cos(angle);
	}
}

double fg_wind_direction(const struct fg_wind *w)
{
	double d = atan2(w->east, w->north) * RADIAN;

	if (!w->count || !(hypot(w->east, w->north) > CANCELLED * w->speed))
		return NAN;
	if (d < 0)
		d += 360;
	return d < 360 ? d : 0; /* -1e-20 + 360 is 360 */
}

double fg_wind_vector_speed(const struct fg_wind *w)
{
	return w->count ? hypot(w->east, w->north) / w->count : (double)NAN;
}

double fg_wind_scalar_speed(const struct fg_wind *w)
{
	return w->count ? w->speed / w->count : (double)NAN;
}
