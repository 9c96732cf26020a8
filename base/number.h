/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_NUMBER_H
#define FG_BASE_NUMBER_H

#include <stdint.h>

#include "base/buf.h"

/* Numbers as JSON text, independent of the locale. Not finite: "null". Negative zero: "0". */

/* The shortest decimal text that reads back to the same double. */
void fg_number_put_double(struct fg_buf *out, double v);

/* The shortest decimal text that reads back to the same float. */
void fg_number_put_float(struct fg_buf *out, float v);

/* A double whose exact value was a decimal (a whole number times a decimal scale): at most 15
 * significant digits, so that 194 * 0.1 is 19.4. */
void fg_number_put_decimal(struct fg_buf *out, double v);

/* With `decimals` (0..15) digits behind the point, trailing zeros cut. */
void fg_number_put_fixed(struct fg_buf *out, double v, int decimals);

/* Reads a whole text as a decimal number (no hexadecimal, no blank); FG_EINVAL otherwise, also
 * for what is not finite. */
int fg_number_parse(const char *text, double *ret);

/* Reads a whole text as an integer, decimal or 0x…; FG_EINVAL otherwise. */
int fg_integer_parse(const char *text, int64_t *ret);

#endif
