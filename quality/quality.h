/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_QUALITY_H
#define FG_QUALITY_QUALITY_H

#include <stddef.h>

#include "model/point.h"
#include "model/qc.h"
#include "model/reading.h"

/* What a reading is worth: QARTOD tests as pure functions, in the words of the IOOS manuals. Any
 * thread. */

/* Gross range: the limits themselves are good, a pair in reverse order is put right. NaN is
 * FG_QC_MISSING; without any bound there is nothing to compare: FG_QC_NOT_EVALUATED. */
enum fg_qc fg_qc_gross_range(const struct fg_gross_range *range, double v);

/* The worst of several verdicts in the order 9 < 2 < 1 < 3 < 4: so 9 only where every test says 9.
 * Of none: FG_QC_NOT_EVALUATED. */
enum fg_qc fg_qc_rollup(const enum fg_qc *flags, size_t count);

/* The same of a flag and of the verdicts that are set in `tests`. */
enum fg_qc fg_qc_rollup_tests(enum fg_qc flag, fg_tests tests);

/* Runs the point's tests on a reading that has a number, notes each verdict in r->tests and rolls
 * them up with what the driver found, which is never made better: SUSPECT stays at least SUSPECT,
 * FAIL and MISSING stay. Where no test applies, qc stays as the driver set it. */
void fg_quality_judge(const struct fg_point *point, struct fg_reading *r);

#endif
