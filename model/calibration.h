/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_CALIBRATION_H
#define FG_MODEL_CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

#define FG_CALIBRATION_TERMS 6

/* One dated record: how a value follows from what the sensor gave, in the published unit. */
struct fg_calibration {
	int64_t at_ms;	 /* it is valid from here on */
	int64_t next_ms; /* the next is due; 0: nobody has said */
	const char *by;	 /* NULL: nobody has said */
	const char *note;
	int terms;		      /* of the polynomial; 2: a line */
	double c[FG_CALIBRATION_TERMS]; /* c[0] + c[1] raw + … */
	bool by_points; /* what the line goes through */
	double raw[2], reference[2];
};

#endif
