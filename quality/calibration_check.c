/* SPDX-License-Identifier: EUPL-1.2 */
/* What cannot be meant by a calibration record. */
#include "quality/calibration_check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "quality/calibration.h"

/* A slope that changes by more than a fifth from one record to the next is a mistake more often
 * than a worn sensor. */
#define DRIFT_MOST 0.2
/* Clocks of two desks may differ by this. */
#define AHEAD_MS 86400000

void fg_calibration_fault(
	struct fg_calibration_faults *faults, const char *key, bool warning, const char *fmt, ...)
{
	struct fg_calibration_fault *f;
	va_list ap;

	if (faults->count == FG_CALIBRATION_FAULTS)
		return;
	f = &faults->items[faults->count++];
	f->key = key;
	f->warning = warning;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

bool fg_calibration_faulty(const struct fg_calibration_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++)
		if (!faults->items[i].warning)
			return true;
	return false;
}

static void take_line(const struct fg_calibration_given *given, struct fg_calibration *ret,
	struct fg_calibration_faults *faults)
{
	ret->by_points = true;
	memcpy(ret->raw, given->raw, sizeof(ret->raw));
	memcpy(ret->reference, given->reference, sizeof(ret->reference));
	if (given->raw[0] == given->raw[1])
		fg_calibration_fault(faults, "raw", false, "both are %g; no line goes through them",
			given->raw[0]);
	else if (given->reference[0] == given->reference[1])
		fg_calibration_fault(faults, "reference", false,
			"both are %g; every value would be that", given->reference[0]);
	else if (!fg_calibration_line(given->raw, given->reference, ret))
		fg_calibration_fault(faults, NULL, false,
			"the line through raw and reference has no slope that is a number");
}

static void take_polynomial(const struct fg_calibration_given *given, struct fg_calibration *ret,
	struct fg_calibration_faults *faults)
{
	bool some = false;

	ret->terms = given->terms;
	memcpy(ret->c, given->polynomial, sizeof(ret->c));
	for (int i = 1; i < ret->terms; i++)
		some |= ret->c[i] != 0;
	if (!some)
		fg_calibration_fault(
			faults, "polynomial", false, "every value would be %g", ret->c[0]);
}

bool fg_calibration_take(const struct fg_calibration_given *given, struct fg_calibration *ret,
	struct fg_calibration_faults *faults)
{
	if (given->has_raw == given->has_polynomial || given->has_raw != given->has_reference) {
		fg_calibration_fault(
			faults, NULL, false, "give raw and reference, or polynomial");
		return false;
	}
	if (given->has_raw)
		take_line(given, ret, faults);
	else
		take_polynomial(given, ret, faults);
	return true;
}

void fg_calibration_check(const struct fg_calibration *before, const struct fg_calibration *c,
	int64_t now_ms, struct fg_calibration_faults *faults)
{
	double slope, offset;

	if (c->next_ms && c->next_ms <= c->at_ms)
		fg_calibration_fault(faults, "next", false, "due before it was done");
	if (c->at_ms > now_ms + AHEAD_MS)
		fg_calibration_fault(faults, "date", true,
			"lies ahead; until then the record before holds");
	if (before && fg_calibration_drift(before, c, &slope, &offset) &&
		fabs(slope - 1) > DRIFT_MOST)
		fg_calibration_fault(faults, NULL, true,
			"the slope is %g times that of the record before; a worn sensor, or a "
			"slip of the pen", slope);
}
