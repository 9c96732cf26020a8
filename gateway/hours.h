/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_HOURS_H
#define FG_GATEWAY_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config/config.h"
#include "model/item.h"
#include "quality/period.h"
#include "storage/reader.h"

/* What the core wants to know of the store for its hourly and longer values: asked for by the port
 * read_hours, answered by fg_core_hours(). The work is done by fg_hours_read(), which has neither
 * state nor clock, in whatever thread the reader belongs to. */

/* All series of a configuration that go into the store: those of the points by their index, then
 * those of periods. */
size_t fg_series_count(const struct fg_config *config);
struct fg_point_desc fg_series_desc_at(const struct fg_config *config, size_t i);

/* A period that is told of a point: its descriptor, and what it is made of. */
struct fg_hours_series {
	const struct fg_point *point;
	struct fg_point_desc desc, source, speed; /* speed.point NULL: none */
	struct fg_period_ask ask;		  /* without the times */
	/* The class of a station, of so many pollutants, made of what was told of them for the same
	 * time; ask.index is its index. 0: it is not that. point is one of them. */
	unsigned pollutants;
};
/* How many are told of a point, and the n-th of them: its hours first. */
size_t fg_hours_count_of(const struct fg_point *point);
struct fg_hours_series fg_hours_series_of(const struct fg_point *point, size_t n);
/* The class of the station, of a point that leads (hourly.leads). */
struct fg_hours_series fg_hours_station_class(
	const struct fg_config *config, const struct fg_point *leader);
/* Whether the hours of a point count in such a class. */
bool fg_hours_is_in_class(
	const struct fg_point *point, const struct fg_hours_series *station_class);
/* The period behind descriptor i, which is not below point_count. */
struct fg_hours_series fg_hours_series_at(const struct fg_config *config, size_t i);

/* Readings of it come in such steps. */
void fg_hours_set_step(struct fg_period_ask *ask, int64_t step_ms);

#define FG_HOURS_TARGETS 64
#define FG_HOURS_HITS 512

/* A reading that was told: it belongs to that hour of that series. */
struct fg_hours_hit {
	unsigned source; /* index into sources */
	int64_t to_ms;	 /* the end of the hour */
	uint64_t seq;	 /* the least */
	uint64_t place;	 /* likewise, of what it corrects */
	bool moved;	 /* a correction: others of the hour may have changed or gone */
};

/* The answer for one target. */
struct fg_hours_answer {
	struct fg_period_answer now;
	/* what was told last of that period, and the number under which it was told first */
	bool told;
	bool empty; /* of a station: nothing was told of any pollutant */
	uint64_t place, seq;
	struct fg_period_answer before;
};

struct fg_hours_work {
	bool orphan;		  /* the core is gone: whoever holds it frees it */
	struct fg_config *config; /* held while it is under way: what is lent belongs to it */
	bool scan;		  /* else: periods */
	/* scan: which hours of the sources from source_from on the entries from..to are of.
	 * sources: lent */
	uint64_t from, to, scanned_to;
	const struct fg_point_desc *const *sources;
	size_t source_from, source_count;
	bool behind; /* for one of them alone, which was not there at the time */
	struct fg_hours_hit hits[FG_HOURS_HITS];
	size_t hit_count;
	uint64_t untimed; /* the least number of one whose time is not known yet; 0: none */
	/* periods that end at to_ms; descriptors are lent */
	int64_t from_ms, to_ms;
	size_t count;
	struct fg_hours_series targets[FG_HOURS_TARGETS];
	uint32_t tags[FG_HOURS_TARGETS]; /* the core's */
	struct fg_hours_answer answers[FG_HOURS_TARGETS];
	int status; /* negative: the store could not be read */
	/* what `sources` are, where another configuration came meanwhile: its own from then on */
	void *left[2];
};

/* It is back: what it held and what was left to it goes. */
void fg_hours_work_back(struct fg_hours_work *work);
void fg_hours_work_free(struct fg_hours_work *work);

void fg_hours_read(struct fg_reader *reader, struct fg_hours_work *work);

#endif
