/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_QC_H
#define FG_TOOLS_QC_H

#include "ctl.h"
#include "model/qc.h"

/* What `fjordctl qc` finds out (qc.c), and how it is shown (qc_show.c, qc_chart.c). */

struct qc_reading {
	int64_t time_ms;
	uint64_t arrived;   /* its number, or that of what it corrects */
	double value;	    /* NaN: missing */
	bool timed;	    /* its time is certain */
	bool inside;	    /* of the period that was asked for; else it only leads up to it */
	char id[40];	    /* its last part: the number */
	fg_tests told, now, other;
};

struct qc_replay {
	const struct ctl *ctl;
	cJSON *point;	 /* the daemon's answer: station, point, unit, interval_s, qc */
	double interval_s;
	int64_t since_ms, until_ms, from_ms;
	struct qc_reading *readings;
	size_t count, cap;
	size_t inside, missing;
	bool too_many, no_memory;
	char *other_text; /* the tests with the settings, as JSON; NULL: there are none */
};

/* With settings: those; else what is in force. */
fg_tests qc_shown(const struct qc_replay *q, const struct qc_reading *r);

void qc_print(const struct qc_replay *q);
void qc_print_json(const struct qc_replay *q);

/* --- a picture --- */

struct qc_dot {
	int64_t time_ms;
	double value; /* finite */
	fg_tests tests;
	bool was_flagged; /* by the tests in force; told where it is no longer */
};

#define QC_CHART_WIDTH 80

/* Time from left to right, values upwards, in plain characters and at most QC_CHART_WIDTH columns:
 * a dot where there are good readings, the letter of the test where one is flagged (qc_letter: a
 * capital for fail), 'o' where it is no longer. The scale is that of good readings, with room for
 * others; what is beyond stands at the edge. Nothing where there are no dots. */
void qc_chart(FILE *out, const struct qc_dot *dots, size_t count, bool color);
char qc_letter(enum fg_test test, enum fg_qc flag);

#endif
