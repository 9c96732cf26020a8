/* SPDX-License-Identifier: EUPL-1.2 */
/* Times that people give while nobody knows the time: "from now on, for two hours" on a board that
 * began in 1970, or with the time at which it was switched off. They are reckoned from the newest
 * time that is stored, and moved when the time is known. */
#ifndef FG_GATEWAY_CORE_RECKON_H
#define FG_GATEWAY_CORE_RECKON_H

#include <stdbool.h>
#include <stdint.h>

struct fg_core;

/* All zero: there is nothing to move. */
struct fg_reckoned {
	bool open;
	int64_t mono_us; /* when it was reckoned, */
	int64_t at_ms;	 /* and what time that was taken for */
};

/* The time, or while nobody knows it the clock's, or if that is later what is stored and the time
 * since the start. */
int64_t fg_reckon_now_ms(const struct fg_core *core);

/* One that somebody gave who read it off the board's clock: of 1970 it is moved to the time above.
 */
int64_t fg_reckon_given_ms(const struct fg_core *core, int64_t ms);

/* What begins, or is counted, from now on. */
struct fg_reckoned fg_reckon_from_now(const struct fg_core *core);

/* By how much it is to be moved now; 0: not, or not yet. Once for each change. */
int64_t fg_reckoned_by_ms(const struct fg_core *core, struct fg_reckoned *r);

#endif
