/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_ITEM_H
#define FG_MODEL_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "model/aggregate.h"
#include "model/alarm.h"
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
	/* the names of the declared rules whose verdicts its readings carry; NULL: none */
	const char *rules[FG_RULES];
	/* of what is told of periods: a point's means are a series of their own */
	enum fg_told_period period;
	enum fg_stat stat;
};

/* Readings of one point that were due and will not come. */
struct fg_gap {
	int64_t from_ms, to_ms; /* of the first and the last that is missing */
	int64_t step_ms;	/* thinned: between those that are left; else 0 */
	uint64_t count;
	bool estimated;		 /* a power loss hides the exact end */
	bool retold;		 /* of what was counted when it came, and then dropped or refused */
	const char *destination; /* it speaks of this one only; NULL: of all. Lent */
};

/* What became of the readings of a point that were due in a period:
 * scheduled = sent + suppressed + missing. */
struct fg_account_line {
	uint32_t point;			  /* the store's id of the descriptor */
	const struct fg_point_desc *desc; /* NULL while it is on its way into the store */
	uint32_t scheduled, sent, suppressed, missing;
};

/* The account of one device over from_ms <= time < to_ms. */
struct fg_account {
	int64_t from_ms, to_ms;
	const char *destination; /* as in a gap */
	size_t count;		 /* 1 to FG_ACCOUNT_LINES */
	const struct fg_account_line *lines;
};
#define FG_ACCOUNT_LINES 64

enum fg_item_kind {
	FG_ITEM_READING,
	FG_ITEM_GAP,	 /* point, reason and detail tell of what and why; `gap` the rest */
	FG_ITEM_ACCOUNT, /* `account`; point is that of its first line */
	FG_ITEM_AGGREGATE, /* a mean or another value of a period, which ends at wall_ms */
};

/* One entry of the store, or about to be one, as it goes out: mostly a reading. */
struct fg_item {
	uint64_t seq;
	enum fg_item_kind kind;
	uint32_t point;	     /* the store's id of the descriptor */
	int64_t wall_ms;     /* when it was measured; of gaps, accounts, aggregates: their end */
	uint64_t replaces;   /* the number that this one corrects; 0: none */
	uint32_t uncertainty_s; /* of the time; 0: it is right */
	const struct fg_gap *gap;	  /* lent, like texts */
	const struct fg_account *account; /* lent */
	const struct fg_aggregate *aggregate; /* lent */
	enum fg_qc qc;
	enum fg_reason reason;
	uint8_t detail;
	bool not_stored; /* stored: false */
	bool maintenance; /* taken while the device was in maintenance */
	bool has_raw;	  /* `raw` is the value before calibration */
	enum fg_alarm alarm; /* the rule that held */
	uint32_t notice; /* of a reading or a gap: the service notice that speaks of it; 0: none */
	double raw;	  /* stored, never published with the reading */
	/* wall_ms is what the sensor told: right as it is, and perhaps older than what came before.
	 */
	bool own_time;
	fg_tests tests;
	struct fg_value value;
};

/* Whether it has a topic of its own, on which the newest is the state of things: a reading, or what
 * is told of a period. */
static inline bool fg_item_is_state(const struct fg_item *item)
{
	return item->kind == FG_ITEM_READING || item->kind == FG_ITEM_AGGREGATE;
}

#endif
