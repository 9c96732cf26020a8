/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_BUDGET_H
#define FG_GATEWAY_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* Bytes a day for one destination (`daily_budget`), and what gives where they do not suffice: first
 * the backlog, which goes only with what live readings will leave of the day; then live readings,
 * of each point as many as the rest of the day can pay, the others left to the backlog; in the end
 * everything but what is urgent, and then that. Nothing is lost: what does not go out waits.
 *
 * Pure: times and counts come as arguments. All days are local ones. */
struct fg_budget {
	int64_t limit; /* bytes; 0: there is none, and all else stays 0 */
	int64_t from_ms, to_ms; /* the day in force; 0: none yet */
	uint64_t wire;	  /* of the day, as the kernel counted */
	uint64_t guessed; /* of what was handed over since */
	uint64_t readings; /* of the day */
	uint64_t gathered; /* readings that may go out, and wait for others (`batch`) */
	/* how many readings come: of the minute at hand, and of those before */
	uint64_t offered;
	int64_t offered_since_us;
	double rate; /* a second; 0: not known yet */
	uint64_t thinned; /* of the day: left to the backlog */
	/* by id of a point: the part of a reading that it has saved up */
	float *saved;
	size_t saved_count;
	uint64_t asked_seq; /* the last that was asked for, and the answer */
	bool answer;
};

enum fg_budget_level {
	FG_BUDGET_ENOUGH,
	FG_BUDGET_NO_BACKLOG,
	FG_BUDGET_THINNED, /* of each point some */
	FG_BUDGET_URGENT,  /* alarms, announcements, documents */
	FG_BUDGET_SPENT,
};

void fg_budget_fini(struct fg_budget *b);
/* The local day of now; what was spent in an earlier one is forgotten. */
void fg_budget_day(struct fg_budget *b, int64_t from_ms, int64_t to_ms);
/* n bytes went over the wire, in both directions. */
void fg_budget_wire(struct fg_budget *b, uint64_t n);
/* A message of n bytes was handed over, with so many readings. */
void fg_budget_sent(struct fg_budget *b, size_t n, size_t readings);

enum fg_budget_level fg_budget_level(const struct fg_budget *b, int64_t now_ms);
/* Whether a live reading goes out now; false: it is left to the backlog. Of numbers that rise; one
 * may be asked for again. */
bool fg_budget_live(struct fg_budget *b, int64_t now_ms, int64_t mono_us, uint64_t seq,
	uint32_t point, bool urgent);

void fg_budget_status(const struct fg_budget *b, struct fg_json *j, int64_t now_ms);

/* What a restart needs of it. */
#define FG_BUDGET_NOTE 40
void fg_budget_put(const struct fg_budget *b, unsigned char note[FG_BUDGET_NOTE]);
/* False: it makes no sense, and nothing is taken. */
bool fg_budget_take(struct fg_budget *b, const unsigned char *note, size_t len);

#endif
