/* SPDX-License-Identifier: EUPL-1.2 */
/* The tests of a point once more over readings that are stored. */
#include "quality/replay.h"

#include <math.h>

#include "quality/quality.h"

static fg_tests by_range(const struct fg_qc_conf *qc, double value)
{
	enum fg_qc flag = fg_qc_gross_range(&qc->gross_range, value);

	return flag == FG_QC_NOT_EVALUATED ? 0 : fg_tests_set(0, FG_TEST_GROSS_RANGE, flag);
}

/* The one that fg_qc_tests_step() speaks of as the one before: the newest by time that came
 * earlier. What was late changed nothing. */
static void judge_before(struct fg_replay_reading *before, enum fg_qc verdict)
{
	if (before && verdict && isfinite(before->sample.value))
		before->tests = fg_tests_set(before->tests, FG_TEST_SPIKE, verdict);
}

void fg_qc_replay(const struct fg_qc_conf *qc, double interval_s, struct fg_sample *memory,
	struct fg_replay_reading *readings, size_t count)
{
	struct fg_replay_reading *newest = NULL;
	struct fg_qc_history history;

	fg_qc_history_init(&history, qc->tests, interval_s, memory);
	for (size_t i = 0; i < count; i++) {
		struct fg_replay_reading *r = &readings[i];
		struct fg_qc_verdict v = {0};

		r->tests = 0;
		if (qc->off)
			continue;
		if (qc->tests)
			v = fg_qc_tests_step(qc->tests, &history, interval_s, r->sample,
				r->timed ? r->sample.time_ms : FG_NO_TIME);
		if (isfinite(r->sample.value))
			r->tests = v.tests |
				   (qc->gross_range.on ? by_range(qc, r->sample.value) : 0);
		if (newest && r->sample.time_ms <= newest->sample.time_ms)
			continue;
		judge_before(newest, v.spike_before);
		newest = r;
	}
}

static int rank(enum fg_qc flag)
{
	return flag == FG_QC_MISSING ? -1 : (int)flag;
}

enum fg_qc fg_qc_worst(fg_tests tests, enum fg_test *ret_test)
{
	enum fg_qc worst = FG_QC_NOT_EVALUATED;

	*ret_test = FG_TEST_COUNT;
	for (unsigned t = 0; t < FG_TEST_COUNT; t++) {
		enum fg_qc flag = fg_tests_get(tests, (enum fg_test)t);

		if (flag == FG_QC_PASS && worst == FG_QC_NOT_EVALUATED)
			worst = FG_QC_PASS;
		if (rank(flag) < FG_QC_SUSPECT || rank(flag) <= rank(worst))
			continue;
		worst = flag;
		*ret_test = (enum fg_test)t;
	}
	return worst;
}
