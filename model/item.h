/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_ITEM_H
#define FG_MODEL_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "model/qc.h"
#include "model/reason.h"
#include "model/value.h"

/* What an encoder needs to know of a point; the strings outlive the calls. It is kept with the
 * stored readings, so that an old reading is told as it was taken, whatever the configuration says
 * today. */
struct fg_point_desc {
	const char *station, *device, *point, *property, *unit;
	const char *domain; /* "water" */
	int decimals;	    /* -1: shortest text */
};

/* One reading as it goes out: an entry of the store, or about to be one. */
struct fg_item {
	uint64_t seq;
	uint32_t point;	 /* the store's id of the descriptor */
	int64_t wall_ms; /* when it was measured */
	enum fg_qc qc;
	enum fg_reason reason;
	uint8_t detail;
	bool not_stored; /* stored: false */
	fg_tests tests;
	struct fg_value value;
};

#endif
