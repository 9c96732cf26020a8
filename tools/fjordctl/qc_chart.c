/* SPDX-License-Identifier: EUPL-1.2 */
/* A series as a picture in plain characters. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/timefmt.h"
#include "qc.h"
#include "quality/replay.h"

#define ROWS	16
#define LABEL	10 /* of the scale, with the blank behind it */
#define COLUMNS (QC_CHART_WIDTH - LABEL - 2)

struct cell {
	char mark; /* 0: nothing */
	int rank;  /* of what is there: the worst is seen */
};

struct chart {
	struct cell cells[ROWS][COLUMNS];
	double low, high;
	int64_t from_ms, to_ms;
	bool beyond;
};

char qc_letter(enum fg_test test, enum fg_qc flag)
{
	static const char letters[FG_TEST_COUNT] = {[FG_TEST_GROSS_RANGE] = 'g',
		[FG_TEST_CLIMATOLOGY] = 'c',
		[FG_TEST_SPIKE] = 's',
		[FG_TEST_RATE_OF_CHANGE] = 'r',
		[FG_TEST_FLAT_LINE] = 'f',
		[FG_TEST_ATTENUATED_SIGNAL] = 'a',
		[FG_TEST_TIME_GAP] = 't',
		[FG_TEST_WARM_UP] = 'w'};

	return flag == FG_QC_FAIL ? (char)toupper(letters[test]) : letters[test];
}

static bool flagged(const struct qc_dot *d)
{
	enum fg_test test;

	return fg_qc_worst(d->tests, &test) >= FG_QC_SUSPECT;
}

/* Of all dots, or only of good ones; false where there are none. */
static bool span(const struct qc_dot *dots, size_t count, bool all, double ret[2])
{
	ret[0] = INFINITY;
	ret[1] = -INFINITY;
	for (size_t i = 0; i < count; i++) {
		if (!all && flagged(&dots[i]))
			continue;
		ret[0] = fmin(ret[0], dots[i].value);
		ret[1] = fmax(ret[1], dots[i].value);
	}
	return ret[0] <= ret[1];
}

/* One absurd value must not press all others into one row. */
static void set_scale(struct chart *c, const struct qc_dot *dots, size_t count)
{
	double all[2], good[2], room;

	span(dots, count, true, all);
	if (!span(dots, count, false, good))
		memcpy(good, all, sizeof(good));
	room = fmax(good[1] - good[0], (fabs(good[0]) + fabs(good[1])) * 0.005);
	c->low = fmax(all[0], good[0] - room);
	c->high = fmin(all[1], good[1] + room);
	c->beyond = all[0] < c->low || all[1] > c->high;
	if (!(c->high > c->low)) {
		room = fmax(fabs(c->low) * 0.01, 0.5);
		c->low -= room;
		c->high += room;
	}
}

static size_t place(double share, size_t cells)
{
	double at = floor(share * (double)cells);

	return at < 0 ? 0 : at >= (double)cells ? cells - 1 : (size_t)at;
}

static void put_dot(struct chart *c, const struct qc_dot *d)
{
	double time = c->to_ms > c->from_ms ? (double)(d->time_ms - c->from_ms) /
						      (double)(c->to_ms - c->from_ms) : 0.5;
	size_t row = place((c->high - d->value) / (c->high - c->low), ROWS);
	struct cell *cell = &c->cells[row][place(time, COLUMNS)];
	enum fg_test test;
	enum fg_qc flag = fg_qc_worst(d->tests, &test);
	int rank = flag >= FG_QC_SUSPECT ? (int)flag : d->was_flagged ? 2 : 1;

	if (rank <= cell->rank)
		return;
	cell->rank = rank;
	cell->mark = flag >= FG_QC_SUSPECT ? qc_letter(test, flag) : d->was_flagged ? 'o' : '.';
}

static void print_cell(FILE *out, const struct cell *cell, bool color)
{
	static const char *const codes[] = {NULL, NULL, "\033[32m", "\033[33m", "\033[31m"};
	const char *code = color ? codes[cell->rank] : NULL;

	fprintf(out, "%s%c%s", code ? code : "", cell->mark ? cell->mark : ' ',
		code ? "\033[0m" : "");
}

static void print_label(FILE *out, double v)
{
	char text[40];
	int digits = fabs(v) >= 1e4 && fabs(v) < 1e8 ? 8 : 4;

	v = digits == 8 ? round(v) : v;
	do
		snprintf(text, sizeof(text), "%.*g", digits, v);
	while (strlen(text) > LABEL - 1 && --digits > 0);
	fprintf(out, "%*s |", LABEL - 1, text);
}

static void print_row(FILE *out, const struct chart *c, size_t row, bool color)
{
	size_t used = COLUMNS;

	if (row % 5 == 0)
		print_label(out, c->high - (c->high - c->low) * (double)row / (ROWS - 1));
	else
		fprintf(out, "%*s|", LABEL, "");
	while (used && !c->cells[row][used - 1].mark)
		used--;
	for (size_t i = 0; i < used; i++)
		print_cell(out, &c->cells[row][i], color);
	fputc('\n', out);
}

static void print_times(FILE *out, const struct chart *c)
{
	char from[FG_RFC3339_SIZE], to[FG_RFC3339_SIZE];

	fg_rfc3339(c->from_ms, from);
	fg_rfc3339(c->to_ms, to);
	fprintf(out, "%*s+", LABEL, "");
	for (size_t i = 0; i < COLUMNS; i++)
		fputc('-', out);
	fprintf(out, "\n%*s%.19sZ%*s%.19sZ\n", LABEL + 1, "", from, COLUMNS - 40, "", to);
}

void qc_chart(FILE *out, const struct qc_dot *dots, size_t count, bool color)
{
	struct chart c = {0};

	if (!count)
		return;
	set_scale(&c, dots, count);
	c.from_ms = c.to_ms = dots[0].time_ms;
	for (size_t i = 1; i < count; i++) {
		c.from_ms = FG_MIN(c.from_ms, dots[i].time_ms);
		c.to_ms = FG_MAX(c.to_ms, dots[i].time_ms);
	}
	for (size_t i = 0; i < count; i++)
		put_dot(&c, &dots[i]);
	for (size_t row = 0; row < ROWS; row++)
		print_row(out, &c, row, color);
	print_times(out, &c);
	if (c.beyond)
		fprintf(out, "%*sbeyond the scale: at its edge\n", LABEL + 1, "");
}
