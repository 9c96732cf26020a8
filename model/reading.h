/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_READING_H
#define FG_MODEL_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/qc.h"
#include "model/reason.h"
#include "model/value.h"

/* One value of one point at one time, as a driver hands it over: either a value, or none and the
 * cause. The driver sets qc to
 *   FG_QC_NOT_EVALUATED  a value that nothing is known against,
 *   FG_QC_SUSPECT        the sensor's own quality register calls it suspect,
 *   FG_QC_FAIL           with SENSOR_QUALITY (value kept where there is one) or NOT_A_NUMBER,
 *   FG_QC_MISSING        no value: SENTINEL and all causes of failure.
 * The quality room turns NOT_EVALUATED into a verdict where tests apply. */
struct fg_reading {
	uint32_t point;	       /* fg_point.index of the configuration in force */
	int64_t taken_mono_us; /* when the answer arrived, or the failure was certain */
	enum fg_qc qc;
	enum fg_reason reason;
	uint8_t detail; /* of the reason: exception or CoAP code */
	fg_tests tests;
	struct fg_value value; /* text points into the batch */
	/* The sensor told when: on its own clock, whatever this gateway's says. */
	bool told;
	int64_t told_wall_ms;
};

/* The readings of one job: room for one reading a point and for their texts, sized when the group
 * is built. The driver appends; the core copies what it keeps before the next job of the group. */
struct fg_batch {
	struct fg_reading *readings;
	size_t count, cap;
	char *text;
	size_t text_len, text_cap;
};

/* Appends a reading; returns it, or NULL where the batch is full (a driver's bug). */
struct fg_reading *fg_batch_add(struct fg_batch *batch, uint32_t point, int64_t taken_mono_us);

/* Copies text into the batch and sets the reading's value; cut at the room that is left. */
void fg_batch_set_text(struct fg_batch *batch, struct fg_reading *r, const char *text, size_t len);

#endif
