/* SPDX-License-Identifier: EUPL-1.2 */
/* QARTOD test 1, time gap: readings that come late. */
#include "quality/qartod.h"

#include <math.h>

const char *fg_qc_time_gap_fault(const struct fg_time_gap *conf)
{
	if (!(conf->span_s > 0 && conf->span_s <= 1e9))
		return "the span is over 0 and at most 1e9 seconds";
	return NULL;
}

static bool longer(double span_s, int64_t from_ms, int64_t to_ms)
{
	return ((double)to_ms - (double)from_ms) / 1000 > span_s;
}

enum fg_qc fg_qc_time_gap_step(
	const struct fg_time_gap *conf, struct fg_time_gap_state *state, int64_t time_ms)
{
	struct fg_time_gap_state before = *state;

	state->known = time_ms != FG_NO_TIME;
	state->last_ms = time_ms;
	if (!state->known)
		return FG_QC_MISSING;
	if (!before.known)
		return FG_QC_NOT_EVALUATED;
	return longer(conf->span_s, before.last_ms, time_ms) ? FG_QC_FAIL : FG_QC_PASS;
}

void fg_qc_time_gap(const struct fg_time_gap *conf, const int64_t *times_ms, size_t count,
	enum fg_qc *ret_flags)
{
	struct fg_time_gap_state state = {0};

	for (size_t i = 0; i < count; i++)
		ret_flags[i] = fg_qc_time_gap_step(conf, &state, times_ms[i]);
	if (count > 1 && ret_flags[0] == FG_QC_NOT_EVALUATED)
		ret_flags[0] = FG_QC_PASS;
}
