/* SPDX-License-Identifier: EUPL-1.2 */
/* Numbers to text and back. The programs never call setlocale, so the C locale's point holds. */
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* What snprintf gave, as a JSON number: "1e+06" is legal JSON already; "-0" loses its sign. */
static void put_text(struct fg_buf *out, const char *text)
{
	fg_buf_puts(out, strcmp(text, "-0") == 0 ? "0" : text);
}

/* Whole numbers of moderate size, by far the most common, need no search. */
static bool put_whole(struct fg_buf *out, double v)
{
	if (!isfinite(v)) {
		fg_buf_puts(out, "null");
		return true;
	}
	if (v == trunc(v) && fabs(v) < 1e15) {
		fg_buf_put_int(out, (int64_t)v);
		return true;
	}
	return false;
}

/* ---- few digits ----
 *
 * What sensors measure has a few decimals. Such a value is found as n / 10^d, without printing and
 * reading it back: n and 10^d are exact doubles, so the quotient is the double nearest to that
 * decimal text, and the first d that gives back the value is the shortest. */

#define FEW_MIN 1e-3
#define FEW_MAX 1e8 /* with six decimals n stays below 15 digits */
#define FEW_DECIMALS 6

static const uint64_t powers[FEW_DECIMALS + 1] = {1, 10, 100, 1000, 10000, 100000, 1000000};

enum precision { AS_FLOAT, AS_DOUBLE, AS_DECIMAL };

static bool is_same(double candidate, double v, enum precision precision)
{
	if (precision == AS_FLOAT)
		return (float)candidate == (float)v;
	if (precision == AS_DECIMAL) /* less than half a unit of the 15th digit away */
		return fabs(candidate - v) < 3.5e-16 * v;
	return candidate == v;
}

/* n / 10^decimals */
static void put_scaled(struct fg_buf *out, bool negative, uint64_t n, unsigned decimals)
{
	char text[24];
	size_t at = sizeof(text);

	for (unsigned i = 0; i < decimals; i++, n /= 10)
		text[--at] = (char)('0' + n % 10);
	if (decimals)
		text[--at] = '.';
	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	if (negative)
		text[--at] = '-';
	fg_buf_put(out, text + at, sizeof(text) - at);
}

static bool put_few(struct fg_buf *out, double v, enum precision precision)
{
	double a = fabs(v);

	if (a < FEW_MIN || a >= FEW_MAX)
		return false;
	for (unsigned d = 0; d <= FEW_DECIMALS; d++) {
		uint64_t n = (uint64_t)(a * (double)powers[d] + 0.5);

		if (is_same((double)n / (double)powers[d], a, precision)) {
			put_scaled(out, v < 0, n, d);
			return true;
		}
	}
	return false;
}

/* Rounded to `decimals`; what lies near the middle between two texts needs exact arithmetic. */
static bool put_rounded(struct fg_buf *out, double v, int decimals)
{
	double a = fabs(v), x;
	unsigned d = (unsigned)decimals;
	uint64_t n;

	if (decimals < 0 || decimals > FEW_DECIMALS || a >= FEW_MAX)
		return false;
	x = a * (double)powers[d];
	if (fabs(x - floor(x) - 0.5) < 1e-6)
		return false;
	n = (uint64_t)(x + 0.5);
	for (; d > 0 && n % 10 == 0; d--)
		n /= 10;
	put_scaled(out, v < 0 && n > 0, n, d);
	return true;
}

void fg_number_put_double(struct fg_buf *out, double v)
{
	char text[32];

	if (put_whole(out, v) || put_few(out, v, AS_DOUBLE))
		return;
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (digits == 17 || strtod(text, NULL) == v)
			break;
	}
	put_text(out, text);
}

void fg_number_put_float(struct fg_buf *out, float v)
{
	char text[32];

	if (put_whole(out, (double)v) || put_few(out, (double)v, AS_FLOAT))
		return;
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, (double)v);
		if (digits == 9 || strtof(text, NULL) == v)
			break;
	}
	put_text(out, text);
}

void fg_number_put_decimal(struct fg_buf *out, double v)
{
	char text[32];

	if (put_whole(out, v) || put_few(out, v, AS_DECIMAL))
		return;
	snprintf(text, sizeof(text), "%.15g", v);
	put_text(out, text);
}

void fg_number_put_fixed(struct fg_buf *out, double v, int decimals)
{
	char text[352]; /* the largest double has 309 digits before its point */
	size_t len;

	if (put_whole(out, v) || put_rounded(out, v, decimals))
		return;
	len = (size_t)snprintf(text, sizeof(text), "%.*f", FG_MIN(decimals, 15), v);
	if (memchr(text, '.', len)) {
		while (text[len - 1] == '0')
			len--;
		if (text[len - 1] == '.')
			len--;
		text[len] = '\0';
	}
	put_text(out, text);
}

int fg_number_parse(const char *text, double *ret)
{
	const char *p = text + (*text == '-' || *text == '+');
	char *end;
	double v;

	if (!isdigit((unsigned char)*p) && *p != '.')
		return FG_EINVAL;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		return FG_EINVAL;
	v = strtod(text, &end);
	if (*end || end == text || !isfinite(v))
		return FG_EINVAL;
	*ret = v;
	return FG_OK;
}

int fg_integer_parse(const char *text, int64_t *ret)
{
	const char *p = text + (*text == '-' || *text == '+');
	bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	char *end;
	long long v;

	if (!isdigit((unsigned char)*p))
		return FG_EINVAL;
	errno = 0;
	v = strtoll(text, &end, hex ? 16 : 10);
	if (*end || errno)
		return FG_EINVAL;
	*ret = v;
	return FG_OK;
}
