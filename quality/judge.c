/* SPDX-License-Identifier: EUPL-1.2 */
/* The tests of a point, applied to one reading of it. */
#include "quality/quality.h"

#include <math.h>
#include <stdbool.h>

#include "base/cleanup.h"

static bool has_number(const struct fg_value *v)
{
	return v->kind >= FG_KIND_INT && v->kind <= FG_KIND_DECIMAL && !isnan(fg_value_number(v));
}

void fg_quality_judge(const struct fg_point *point, struct fg_reading *r)
{
	enum fg_qc flags[2] = {r->qc};

	if (r->qc == FG_QC_MISSING || point->qc.off || !point->qc.gross_range.on ||
		!has_number(&r->value))
		return;
	flags[1] = fg_qc_gross_range(&point->qc.gross_range, fg_value_number(&r->value));
	if (flags[1] == FG_QC_NOT_EVALUATED)
		return;
	r->tests = fg_tests_set(r->tests, FG_TEST_GROSS_RANGE, flags[1]);
	r->qc = fg_qc_rollup(flags, FG_COUNT(flags));
}
