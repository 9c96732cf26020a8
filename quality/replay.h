/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_REPLAY_H
#define FG_QUALITY_REPLAY_H

#include "model/point.h"
#include "quality/tests.h"

/* The tests of a point once more over readings that are stored. Pure; any thread. */

struct fg_replay_reading {
	struct fg_sample sample; /* its value NaN: missing */
	bool timed;		 /* its time was known, so the calendar has something to say */
	fg_tests tests;		 /* the result: the final verdicts, spike's too */
};

/* In the order in which they arrived, through the same steps as in the daemon; a verdict on the
 * reading before is noted at that one. `memory` has fg_qc_history_memory() samples. */
void fg_qc_replay(const struct fg_qc_conf *qc, double interval_s, struct fg_sample *memory,
	struct fg_replay_reading *readings, size_t count);

/* The worst of the verdicts; *ret_test: whose it is, the first of several. Of none:
 * FG_QC_NOT_EVALUATED with *ret_test FG_TEST_COUNT. */
enum fg_qc fg_qc_worst(fg_tests tests, enum fg_test *ret_test);

#endif
