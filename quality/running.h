/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_RUNNING_H
#define FG_QUALITY_RUNNING_H

#include "quality/qartod.h"

/* A window whose smallest and largest values and sums are kept as readings come, so that a verdict
 * costs the same whether the window is long or short, and whether the signal moves or not. The
 * flags are those of fg_qc_flat_line_step() and fg_qc_attenuated_step() on the window. Times rise.
 * Memory is the caller's, who may read `window`; the rest is its own. Any thread. */

/* The samples that are smaller (larger) than all after them, by their places in the ring: the first
 * of them that is in a span is the span's smallest (largest). What moved much is not in any span
 * that could be flat, so a signal that lives leaves nothing to search. */
struct fg_extremes {
	uint32_t *places;
	uint32_t first, count;
};

struct fg_running {
	struct fg_window window;

	const struct fg_flat_line *flat;	 /* NULL: off, also below */
	const struct fg_attenuated *attenuated;	 /* has a period */
	bool ranged;				 /* the extremes are needed */
	double suspect_back, fail_back;		 /* readings before that flat line looks at */
	double least;				 /* values that attenuated needs */

	/* The newest sample is in none of these: another may take its place. */
	struct fg_extremes smallest, largest;
	double step;	  /* a move from one value to the next that no threshold calls flat */
	double last;	  /* value; NaN: none yet */
	uint32_t run;	  /* samples behind the last such move; the extremes are theirs */
	uint32_t missing; /* since the last value */
	uint32_t span; /* samples in the period, with missing ones */
	uint32_t values;
	double origin;	     /* sums are of differences from it */
	double sum, squares;
	double peak;	     /* the most that squares has been since they were added up anew */
	uint32_t changes;    /* since then */
};

/* age 0 is the newest; age < r->window.count. */
static inline const struct fg_sample *fg_running_at(const struct fg_running *r, uint32_t age)
{
	const struct fg_window *w = &r->window;

	return &w->samples[w->next > age ? w->next - age - 1 : w->next + w->room - age - 1];
}

/* In samples, of a window with this room. */
size_t fg_running_memory(uint32_t room);
/* Empty. What is not NULL is lent and has no fault; interval_s is over 0; the room is at least
 * fg_qc_flat_line_room() and fg_qc_attenuated_room(). */
void fg_running_init(struct fg_running *r, const struct fg_flat_line *flat,
	const struct fg_attenuated *attenuated, double interval_s, struct fg_sample *memory,
	uint32_t room);
void fg_running_push(struct fg_running *r, struct fg_sample sample);
/* Instead of the newest, of which there is one. */
void fg_running_replace(struct fg_running *r, struct fg_sample sample);

/* The newest reading, which is there; each where its test is on. */
enum fg_qc fg_running_flat_line(const struct fg_running *r);
enum fg_qc fg_running_attenuated(struct fg_running *r);

#endif
