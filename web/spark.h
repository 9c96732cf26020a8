/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_SPARK_H
#define FG_WEB_SPARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* The last day of a point in halves of an hour: the least and the greatest value of each. */
#define FG_SPARK_BINS	48
#define FG_SPARK_BIN_MS INT64_C(1800000)

struct fg_spark {
	int64_t last; /* the newest half hour, since 1970 */
	float low[FG_SPARK_BINS], high[FG_SPARK_BINS]; /* by number modulo; low > high: nothing */
};

void fg_spark_init(struct fg_spark *s);
/* Values may come in any order; those that are older than a day are left out. */
void fg_spark_add(struct fg_spark *s, int64_t wall_ms, double value);
/* The least and greatest of the day that ends at now_ms; false where there is none. */
bool fg_spark_range(const struct fg_spark *s, int64_t now_ms, double *ret_low, double *ret_high);
/* A picture of that day as SVG: the range as an area, its middle as a line with a break where there
 * was nothing. s may be NULL: an empty one. */
void fg_spark_svg(struct fg_buf *out, const struct fg_spark *s, int64_t now_ms);

#endif
