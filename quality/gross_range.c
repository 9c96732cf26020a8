/* SPDX-License-Identifier: EUPL-1.2 */
/* QARTOD test 4, gross range: what the sensor or the place cannot give. */
#include "quality/quality.h"

#include <math.h>
#include <stdbool.h>

static bool absent(const double span[2])
{
	return isnan(span[0]) && isnan(span[1]);
}

/* A bound that is NaN compares false and so excludes nothing. */
static bool outside(const double span[2], double v)
{
	bool reversed = span[0] > span[1];

	return v < span[reversed] || v > span[!reversed];
}

enum fg_qc fg_qc_gross_range(const struct fg_gross_range *range, double v)
{
	if (!range->on || (absent(range->fail) && absent(range->suspect)))
		return FG_QC_NOT_EVALUATED;
	if (isnan(v))
		return FG_QC_MISSING;
	if (outside(range->fail, v))
		return FG_QC_FAIL;
	if (outside(range->suspect, v))
		return FG_QC_SUSPECT;
	return FG_QC_PASS;
}
