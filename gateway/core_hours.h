/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CORE_HOURS_H
#define FG_GATEWAY_CORE_HOURS_H

#include "storage/ranges.h"
#include "gateway/hours.h"

/* What core_hours.c, core_hours_past.c and core_hours_targets.c share: the periods that are told,
 * and which of them are to be looked at. */

struct fg_core;

struct target {
	struct fg_hours_series told;
	struct fg_series *series;
	size_t hour; /* the target of its hours; itself; NO_HOUR: of a station */
	size_t station; /* the target of its station's class + 1; 0: it has none */
	int64_t noted_to_ms; /* the newest hour that is marked already */
	/* readings came in longer steps until then; 0: not so; FG_HOURS_UNTIL_NOW: until the time
	 * is known */
	int64_t slow_until_ms, slow_step_ms;
	/* it was not configured then: numbers that are yet to be looked through for it alone;
	 * behind_to 0: none. Of readings from behind_left on hours are told again, but none anew */
	uint64_t behind_from, behind_to, behind_left;
	uint32_t marks; /* the first of its marks + 1, from which `next` leads on; 0: it has none */
};

#define FG_HOURS_UNTIL_NOW INT64_MAX

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
	bool told_only; /* where it was not told before it is not told now */
	uint32_t next; /* of the same target, + 1 */
};

/* So many marks are held: several of each target, where late readings or a long suspend make them,
 * and enough for a few targets that are wrong for weeks. Beyond that readings are looked through
 * again when there is room. */
#define FG_HOURS_MARKS_LEAST 8192
#define FG_HOURS_MARKS_EACH  16


/* A series of hours that is not told now, or (until fg_hours_settle_past()) was told by the last
 * run: how its readings came, from which number on nobody has looked at them (0: it was told to the
 * end), and from which on they came when it was not told. */
struct past {
	uint32_t id;
	int64_t step_ms, slow_step_ms, slow_until_ms;
	uint64_t from, left;
};

struct fg_hours {
	struct fg_config *config;
	struct target *targets;
	size_t count;
	const struct fg_point_desc **sources;
	size_t *source_target;
	size_t source_count;
	size_t *by_id; /* the store's id of a point to its target + 1 */
	size_t *by_series; /* that of what is told of it to the target + 1 */
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
	/* core_hours_past.c */
	struct past *past;
	size_t past_count, past_cap;
	uint64_t *past_saved; /* hashes of its notes, by their number */
	size_t past_notes;
	bool past_due, past_unsettled; /* to be stored; as the notes of the last run say */
	bool behind; /* a target may be */
};

/* Puts a mark into the list of its target. */
void fg_hours_link_mark(struct fg_hours *h, size_t mark);
/* The target of a series; h->count: it is not told. */
size_t fg_hours_target_of(const struct fg_hours *h, uint32_t id);
/* The first number that is not looked at yet for the hours of a target. */
uint64_t fg_hours_undone(const struct fg_hours *h, size_t target);

/* core_hours_past.c */
/* Before the first turn, and before another configuration: what the notes say holds from now. */
void fg_hours_settle_past(struct fg_core *core);
/* Another configuration is in force: what the one before knew goes over, or is kept until it is
 * wanted again. Marks still are those of `was`. */
void fg_hours_carry_past(struct fg_core *core, const struct fg_hours *was);
/* The time is known: what lasted until now ends. */
void fg_hours_end_slow(struct fg_hours *h, int64_t now_ms);
/* Stores what has changed. */
void fg_hours_save_past(struct fg_core *core);

#endif
