/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_CALIBRATION_H
#define FG_QUALITY_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/calibration.h"

/* Calibration records as pure functions. Any thread. */

/* value = c0 + c1 raw + c2 raw² … */
double fg_calibrated(const struct fg_calibration *c, double raw);

/* The line through two points of (raw, reference). False where the raws are equal, the references
 * are, or a number is none. */
bool fg_calibration_line(
	const double raw[2], const double reference[2], struct fg_calibration *ret);

/* Of records in order of time the one that is valid at a time: the newest that is not later; NULL
 * before the first. */
const struct fg_calibration *fg_calibration_at(
	const struct fg_calibration *records, size_t count, int64_t at_ms);

/* How far two records are apart at two points of raw: slope as a factor (1: the same), offset as
 * the difference of values at zero. False where one of them is no line. */
bool fg_calibration_drift(const struct fg_calibration *before,
	const struct fg_calibration *after, double *ret_slope, double *ret_offset);

#endif
