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

/* Readings that the seconds hold, cut off as ioos_qc does: whole seconds, then whole readings. */
double window_steps(double seconds, double interval_s);
/* Whether a sample is in the window that ends with `newest`: (t - period, t]. */
static inline bool window_has(
	double period_s, const struct fg_sample *newest, const struct fg_sample *s)
{
	double age_s = ((double)newest->time_ms - (double)s->time_ms) / 1000;

	return !(period_s > 0) || (age_s >= 0 && age_s < period_s);
}
/* Values that a window needs to be judged. */
double window_least(const struct fg_attenuated *conf, double interval_s);
/* The verdict on a deviation, or on a range. */
enum fg_qc window_by_least(const struct fg_attenuated *conf, double v);
/* The newest reading, by a look at all. */
enum fg_qc window_attenuated(
	const struct fg_attenuated *conf, double least, const struct fg_window *w);

#endif
