/* SPDX-License-Identifier: EUPL-1.2 */
/* The last readings of a series, as a ring in the caller's memory or as the series itself. */
#include "quality/window.h"

#include <math.h>

void fg_window_init(struct fg_window *w, struct fg_sample *samples, uint32_t room)
{
	*w = (struct fg_window){.samples = samples, .room = room};
}

void fg_window_push(struct fg_window *w, struct fg_sample sample)
{
	if (!w->room)
		return;
	w->samples[w->next] = sample;
	w->next = w->next + 1 == w->room ? 0 : w->next + 1;
	if (w->count < w->room)
		w->count++;
}

const struct fg_sample *fg_window_at(const struct fg_window *w, uint32_t age)
{
	struct view v = view_of_window(w);

	return age < w->count ? view_at(&v, age) : NULL;
}

struct view view_of_window(const struct fg_window *w)
{
	return (struct view){w->samples, w->room, w->next, w->count};
}

struct view view_of_series(const struct fg_sample *samples, size_t last)
{
	return (struct view){.samples = samples, .next = last + 1, .count = last + 1};
}

const struct fg_sample *view_at(const struct view *v, size_t age)
{
	size_t back = age + 1;

	return &v->samples[v->next >= back ? v->next - back : v->next + v->room - back];
}

/* From the reading before; clocks can be anything. */
static int64_t interval_ms(const struct fg_sample *samples, size_t i)
{
	int64_t d;

	if (__builtin_sub_overflow(samples[i].time_ms, samples[i - 1].time_ms, &d))
		return samples[i].time_ms < 0 ? INT64_MIN : INT64_MAX;
	return d;
}

/* How many of the times between readings are at most `limit`. */
static size_t at_most(const struct fg_sample *samples, size_t count, int64_t limit)
{
	size_t n = 0;

	for (size_t i = 1; i < count; i++)
		n += interval_ms(samples, i) <= limit;
	return n;
}

/* The rank-th smallest (from 1) of the times between readings. */
static int64_t ranked(const struct fg_sample *samples, size_t count, size_t rank)
{
	int64_t low = INT64_MAX, high = INT64_MIN;

	for (size_t i = 1; i < count; i++) {
		int64_t d = interval_ms(samples, i);

		low = d < low ? d : low;
		high = d > high ? d : high;
	}
	while (low < high) {
		int64_t middle = low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2);

		if (at_most(samples, count, middle) >= rank)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

double median_interval_s(const struct fg_sample *samples, size_t count)
{
	size_t n = count - 1;
	int64_t lower, upper;

	if (count < 2)
		return NAN;
	lower = ranked(samples, count, (n + 1) / 2);
	upper = n % 2 ? lower : ranked(samples, count, n / 2 + 1);
	return trunc(((double)lower + (double)upper) / 2000);
}
