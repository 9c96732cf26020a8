/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CORE_HOURS_H
#define FG_GATEWAY_CORE_HOURS_H

#include "storage/ranges.h"
#include "gateway/hours.h"

/* What core_hours.c and core_hours_targets.c share: the periods that are told, and which of them
 * are to be looked at. */

struct target {
	struct fg_hours_series told;
	struct fg_series *series;
	size_t hour; /* the target of its hours; itself; NO_HOUR: of a station */
	size_t station; /* the target of its station's class + 1; 0: it has none */
	int64_t noted_to_ms; /* the newest hour that is marked already */
	/* readings came in longer steps until then; 0: not so */
	int64_t slow_until_ms, slow_step_ms;
};

#define NO_HOUR SIZE_MAX

/* A period of a target that is to be told, or told again. */
struct mark {
	size_t target;
	int64_t from_ms, to_ms, due_ms;
	uint64_t first_seq; /* of what marked it */
	uint64_t need;	    /* it is looked at when all below is committed; 0: not settled yet */
	bool moved;	    /* readings may have gone from it */
	bool busy;
	bool again; /* marked while it was looked at */
};

struct fg_hours {
	struct fg_config *config;
	struct target *targets;
	size_t count;
	const struct fg_point_desc **sources;
	size_t *source_target;
	size_t source_count;
	size_t *by_id; /* the store's id of a point to its target + 1 */
	size_t id_count;
	struct mark *marks;
	size_t mark_count, mark_cap;
	/* numbers to be looked through: now, and when the time is known */
	struct fg_ranges todo, untimed;
	uint64_t live_next;
	struct fg_hours_work *work;
	bool busy;
	int64_t last_hour_ms; /* the end of the last hour that was marked because it was over */
	bool crowded;	      /* there was no room for a mark */
	bool resumed;	      /* longer periods of the last run are marked */
	uint64_t saved;
	int64_t save_mono_us, retry_mono_us;
	uint64_t appended_next;
	uint64_t told, told_again, refused;
};

#endif
