/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_CALIBRATION_CHECK_H
#define FG_QUALITY_CALIBRATION_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/calibration.h"

/* What cannot be meant by a calibration record, alike for one of the configuration and one that is
 * added to a running gateway. Any thread. */

/* A curve as a person gives it: the keys of the configuration. */
struct fg_calibration_given {
	bool has_raw, has_reference, has_polynomial;
	double raw[2], reference[2];
	double polynomial[FG_CALIBRATION_TERMS];
	int terms;
};

#define FG_CALIBRATION_FAULTS 6

struct fg_calibration_faults {
	struct fg_calibration_fault {
		const char *key; /* at which key; NULL: of the record as a whole */
		bool warning;
		char text[160];
	} items[FG_CALIBRATION_FAULTS];
	size_t count;
};

void fg_calibration_fault(struct fg_calibration_faults *faults, const char *key, bool warning,
	const char *fmt, ...) FG_PRINTF(4, 5);
bool fg_calibration_faulty(const struct fg_calibration_faults *faults);

/* Sets the curve of a record; false where what is given says none (the dates are not worth a look
 * then). */
bool fg_calibration_take(const struct fg_calibration_given *given, struct fg_calibration *ret,
	struct fg_calibration_faults *faults);

/* Looks at a record's dates, and at how far it is from the record before (NULL: it is the first).
 * The order of the two is the caller's matter. */
void fg_calibration_check(const struct fg_calibration *before, const struct fg_calibration *c,
	int64_t now_ms, struct fg_calibration_faults *faults);

#define FG_CALIBRATION_TIME_FORM "takes a time such as 2026-05-01T10:00:00Z, or a date"

#endif
