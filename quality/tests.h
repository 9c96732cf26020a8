/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_TESTS_H
#define FG_QUALITY_TESTS_H

#include "quality/qartod.h"
#include "quality/running.h"

/* The tests of a point together, reading by reading, as the daemon and `fjordctl qc` run them.
 * Gross range stands beside the point (quality.h): it needs no memory. Any thread. */

/* What runs, and with which limits. Each that is on has no fault by its function of qartod.h;
 * attenuated has a period. */
struct fg_qc_tests {
	unsigned on; /* bits 1 << enum fg_test */
	const struct fg_climate *climate;
	size_t climate_count;
	struct fg_spike spike;
	struct fg_rate rate;
	struct fg_flat_line flat_line;
	struct fg_attenuated attenuated;
	struct fg_time_gap time_gap;
};

static inline bool fg_qc_is_on(const struct fg_qc_tests *t, enum fg_test test)
{
	return t && t->on >> test & 1;
}

/* Samples that the window of a point with these tests takes. */
uint32_t fg_qc_tests_room(const struct fg_qc_tests *t, double interval_s);
/* The memory that a history of them needs, in samples. */
size_t fg_qc_history_memory(const struct fg_qc_tests *t, double interval_s);

/* What tests remember of the readings before. */
struct fg_qc_history {
	struct fg_spike_state spike;
	struct fg_rate_state rate;
	struct fg_time_gap_state gap;
	struct fg_running running;
	struct fg_today day;
	bool known;	 /* a reading has come; the newest: */
	bool missing;	 /* had no value */
	int64_t last_ms;
};

/* Knows nothing. `memory` is the caller's, as much as above; t is lent (NULL: no tests). */
void fg_qc_history_init(struct fg_qc_history *h, const struct fg_qc_tests *t, double interval_s,
	struct fg_sample *memory);

struct fg_qc_verdict {
	fg_tests tests;		/* of this reading, as far as they can tell on its arrival */
	enum fg_qc spike_before; /* on the reading before, now that this one is here; 0: none */
};

/* The next reading of a point. sample.time_ms is by a clock that never steps, wall_ms what the
 * calendar is asked for (FG_NO_TIME: not known, so no climatology). A value that is not finite is a
 * missing reading: it gets no verdict, and several in a row count as one. One that is not later
 * than the newest is judged by itself alone and changes nothing. Readings that come sooner than
 * interval_s (an alarm, a sensor that reports by itself) do not fill the window sooner: there is
 * one sample of about an interval in it. t and interval_s are those of the init. */
struct fg_qc_verdict fg_qc_tests_step(const struct fg_qc_tests *t, struct fg_qc_history *h,
	double interval_s, struct fg_sample sample, int64_t wall_ms);

/* How much of what came before counts after a stretch of unknown length: nothing that is measured
 * in time does, neighbours and their number do. */
void fg_qc_history_unknown_gap(struct fg_qc_history *h);

/* The clock is another one: adds to all its times. */
void fg_qc_history_shift(struct fg_qc_history *h, int64_t by_ms);

/* Takes over what `from` knows, as far as h has room. */
void fg_qc_history_take(struct fg_qc_history *h, const struct fg_qc_history *from);

#endif
