/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/spark.h"

#include <math.h>

#define STEP   4 /* units a half hour */
#define WIDTH  (STEP * FG_SPARK_BINS)
#define HEIGHT 64
#define MARGIN 4
/* On white and on black at least 4 to 1, so that one picture is for both. */
#define COLOUR "#1f7fb8"

static void clear(struct fg_spark *s, int64_t bin)
{
	s->low[bin % FG_SPARK_BINS] = INFINITY;
	s->high[bin % FG_SPARK_BINS] = -INFINITY;
}

void fg_spark_init(struct fg_spark *s)
{
	s->last = 0;
	for (int64_t i = 0; i < FG_SPARK_BINS; i++)
		clear(s, i);
}

void fg_spark_add(struct fg_spark *s, int64_t wall_ms, double value)
{
	int64_t bin = wall_ms / FG_SPARK_BIN_MS;
	float v = (float)value;
	float *low, *high;

	if (wall_ms < 0 || !isfinite(v) || bin <= s->last - FG_SPARK_BINS)
		return;
	if (bin > s->last) {
		int64_t from = bin - s->last >= FG_SPARK_BINS ? bin - FG_SPARK_BINS : s->last;

		while (from < bin)
			clear(s, ++from);
		s->last = bin;
	}
	low = &s->low[bin % FG_SPARK_BINS];
	high = &s->high[bin % FG_SPARK_BINS];
	*low = v < *low ? v : *low;
	*high = v > *high ? v : *high;
}

/* Whether a half hour of the day that ends with `end` has values. */
static bool has(const struct fg_spark *s, int64_t bin)
{
	return bin >= 0 && bin <= s->last && bin > s->last - FG_SPARK_BINS &&
	       s->low[bin % FG_SPARK_BINS] <= s->high[bin % FG_SPARK_BINS];
}

bool fg_spark_range(const struct fg_spark *s, int64_t now_ms, double *ret_low, double *ret_high)
{
	int64_t end = now_ms / FG_SPARK_BIN_MS;
	double low = INFINITY, high = -INFINITY;

	for (int64_t bin = end - FG_SPARK_BINS + 1; bin <= end; bin++) {
		if (!has(s, bin))
			continue;
		low = fmin(low, (double)s->low[bin % FG_SPARK_BINS]);
		high = fmax(high, (double)s->high[bin % FG_SPARK_BINS]);
	}
	if (low > high)
		return false;
	*ret_low = low;
	*ret_high = high;
	return true;
}

struct scale {
	double low, high;
	int64_t first; /* half hour at the left edge */
};

static double y_of(const struct scale *c, double v)
{
	double span = c->high - c->low;
	double share = span > 0 ? (v - c->low) / span : 0.5;

	return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN);
}

static int x_of(const struct scale *c, int64_t bin)
{
	return (int)(bin - c->first) * STEP + STEP / 2;
}

/* A run of half hours with values: [from, to). */
static void put_run(struct fg_buf *out, const struct fg_spark *s, const struct scale *c,
	int64_t from, int64_t to)
{
	fg_buf_puts(out, "<path fill=\"" COLOUR "\" fill-opacity=\".25\" d=\"");
	for (int64_t b = from; b < to; b++)
		fg_buf_printf(out, "%c%d %.0f", b == from ? 'M' : 'L', x_of(c, b),
			y_of(c, (double)s->high[b % FG_SPARK_BINS]));
	for (int64_t b = to; b-- > from;)
		fg_buf_printf(out, "L%d %.0f", x_of(c, b),
			y_of(c, (double)s->low[b % FG_SPARK_BINS]));
	fg_buf_puts(out, "Z\"/><path fill=\"none\" stroke=\"" COLOUR "\" stroke-width=\"3\""
			 " stroke-linecap=\"round\" stroke-linejoin=\"round\" d=\"");
	for (int64_t b = from; b < to; b++) {
		double low = (double)s->low[b % FG_SPARK_BINS];
		double high = (double)s->high[b % FG_SPARK_BINS];

		fg_buf_printf(out, "%c%d %.0f", b == from ? 'M' : 'L', x_of(c, b),
			y_of(c, (low + high) / 2));
	}
	fg_buf_puts(out, from + 1 == to ? "h2\"/>" : "\"/>"); /* a dot */
}

void fg_spark_svg(struct fg_buf *out, const struct fg_spark *s, int64_t now_ms)
{
	struct scale c = {.first = now_ms / FG_SPARK_BIN_MS - FG_SPARK_BINS + 1};
	int64_t end = c.first + FG_SPARK_BINS;

	fg_buf_printf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\" preserveAspectRatio=\"none\">",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	if (s && fg_spark_range(s, now_ms, &c.low, &c.high)) {
		for (int64_t from = c.first; from < end; from++) {
			int64_t to = from;

			while (to < end && has(s, to))
				to++;
			if (to > from)
				put_run(out, s, &c, from, to);
			from = to > from ? to : from;
		}
	}
	fg_buf_puts(out, "</svg>\n");
}
