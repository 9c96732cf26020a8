/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_TIMES_H
#define FG_STORAGE_TIMES_H

#include <stdint.h>

/* Arithmetic with times that come from disk and may be anything. */

/* The sum, held at the ends of the range. */
static inline int64_t fg_time_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return b < 0 ? INT64_MIN : INT64_MAX;
}

/* Wall time in milliseconds, rounded down, of a moment of a boot. */
static inline int64_t fg_wall_ms(int64_t mono_us, int64_t offset_us)
{
	int64_t us = fg_time_add(mono_us, offset_us);

	return us / 1000 - (us % 1000 < 0);
}

#endif
