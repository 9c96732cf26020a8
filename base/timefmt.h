/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_TIMEFMT_H
#define FG_BASE_TIMEFMT_H

#include <stddef.h>
#include <stdint.h>

/* "2026-07-01T12:00:00.000Z" and NUL. */
#define FG_RFC3339_SIZE 25

/* Milliseconds since 1970 as RFC 3339 in UTC with three decimals. Own arithmetic, so it holds past
 * 2038 on boards with a 32-bit time_t. Years 0000..9999; times outside are clamped. */
void fg_rfc3339(int64_t wall_ms, char ret_text[FG_RFC3339_SIZE]);

/* Reads an RFC 3339 time ("T" or blank, optional fraction, "Z" or an offset), or a date alone.
 * Returns FG_EINVAL for anything else. */
int fg_rfc3339_parse(const char *text, int64_t *ret_wall_ms);

/* Reads a duration: a number with unit us ms s m h d. FG_EINVAL where it is none, or negative, or
 * too large for microseconds in 64 bits. */
int fg_duration_parse(const char *text, int64_t *ret_us);

/* A duration as a person writes it ("90s", "1h", "250ms"); returns text. */
const char *fg_duration_text(int64_t us, char *text, size_t size);

#endif
