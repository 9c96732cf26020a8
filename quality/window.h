/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_WINDOW_H
#define FG_QUALITY_WINDOW_H

#include "quality/qartod.h"

/* Of this room only: the newest `count` samples of a ring, or the beginning of a series. */
struct view {
	const struct fg_sample *samples;
	size_t room, next, count;
};

struct view view_of_window(const struct fg_window *w);
/* The samples of a series up to and with `last`. */
struct view view_of_series(const struct fg_sample *samples, size_t last);
/* age 0 is the newest; age < view.count. */
const struct fg_sample *view_at(const struct view *v, size_t age);

/* The median time between the readings of a series in whole seconds, cut off, as ioos_qc has it;
 * NaN for less than two. Nothing is kept: it is found by halving, in count times 64 steps. */
double median_interval_s(const struct fg_sample *samples, size_t count);

#endif
