/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_SERIES_H
#define FG_GATEWAY_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/device.h"
#include "model/item.h"

/* What is known of a point beyond one configuration: its descriptor in the store and its newest
 * reading. Lives as long as the daemon, so that a reading in flight never outlives what it points
 * to; a reload that changes nothing of a point finds its series again. Core thread. */
struct fg_series {
	uint32_t id; /* the store's */
	struct fg_point_desc desc;
	enum fg_domain domain;
	bool has_newest;
	bool current; /* a point of the configuration in force has it (core_retained.c) */
	bool forgotten; /* a newest one was: what is found in the store may be it */
	bool newest_timed; /* newest.wall_ms is right */
	int64_t newest_mono_us;
	struct fg_item newest; /* committed; its text and aggregate are owned here */
};

struct fg_series_set {
	struct fg_series **items;
	size_t count, cap;
};

void fg_series_set_fini(struct fg_series_set *set);

/* NULL where the set has none of that content, or of that id. */
struct fg_series *fg_series_find(const struct fg_series_set *set, const struct fg_point_desc *desc);
struct fg_series *fg_series_by_id(const struct fg_series_set *set, uint32_t id);

/* Adds a series with copies of the texts; NULL when out of memory. */
struct fg_series *fg_series_add(
	struct fg_series_set *set, uint32_t id, const struct fg_point_desc *desc);

/* Whether nothing newer of the point is known: measured later, or a correction of the newest. */
bool fg_series_is_newer(const struct fg_series *s, const struct fg_item *item);

/* Whether it was measured before the newest that is known, as what a sensor kept for a while. */
bool fg_series_is_older(const struct fg_series *s, const struct fg_item *item);

/* Makes `item` the newest where it is newer; copies its text. */
void fg_series_update(struct fg_series *s, const struct fg_item *item, int64_t mono_us, bool timed);

/* The store no longer has the newest reading, and it was told as lost: nobody may have it. */
void fg_series_forget(struct fg_series *s);

/* The descriptor that a configured point's readings get. Lends the configuration's texts. */
struct fg_point_desc fg_series_desc(const struct fg_point *point);

#endif
