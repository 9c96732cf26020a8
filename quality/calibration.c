/* SPDX-License-Identifier: EUPL-1.2 */
/* What a sensor gave and what it was worth, by dated records. */
#include "quality/calibration.h"

#include <math.h>

double fg_calibrated(const struct fg_calibration *c, double raw)
{
	double v = 0;

	for (int i = c->terms; i-- > 0;)
		v = v * raw + c->c[i];
	return v;
}

bool fg_calibration_line(
	const double raw[2], const double reference[2], struct fg_calibration *ret)
{
	double slope = (reference[1] - reference[0]) / (raw[1] - raw[0]);

	if (!isfinite(slope) || slope == 0) /* equal raws: infinite, or none */
		return false;
	ret->terms = 2;
	ret->c[1] = slope;
	ret->c[0] = reference[0] - slope * raw[0];
	return isfinite(ret->c[0]);
}

const struct fg_calibration *fg_calibration_at(
	const struct fg_calibration *records, size_t count, int64_t at_ms)
{
	while (count > 0 && records[count - 1].at_ms > at_ms)
		count--;
	return count ? &records[count - 1] : NULL;
}

bool fg_calibration_drift(const struct fg_calibration *before,
	const struct fg_calibration *after, double *ret_slope, double *ret_offset)
{
	if (before->terms != 2 || after->terms != 2)
		return false;
	*ret_slope = after->c[1] / before->c[1];
	*ret_offset = after->c[0] - before->c[0];
	return true;
}
