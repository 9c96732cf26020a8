/* SPDX-License-Identifier: EUPL-1.2 */
/* The tests of a point, applied to one reading of it. */
#include "quality/quality.h"

#include <math.h>
#include <stdbool.h>

void fg_quality_judge(const struct fg_point *point, struct fg_reading *r)
{
	enum fg_qc flag;
	double value;

	if (r->qc == FG_QC_MISSING || point->qc.off || !point->qc.gross_range.on ||
		r->value.kind < FG_KIND_INT || r->value.kind > FG_KIND_DECIMAL)
		return;
	value = fg_value_number(&r->value);
	if (isnan(value))
		return;
	flag = fg_qc_gross_range(&point->qc.gross_range, value);
	if (flag == FG_QC_NOT_EVALUATED)
		return;
	r->tests = fg_tests_set(r->tests, FG_TEST_GROSS_RANGE, flag);
	r->qc = fg_qc_rollup_tests(r->qc, fg_tests_set(0, FG_TEST_GROSS_RANGE, flag));
}
