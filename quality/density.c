/* SPDX-License-Identifier: EUPL-1.2 */
/* QARTOD test 12, density inversion: a profile in which lighter water is below heavier. */
#include "quality/qartod.h"

#include <math.h>

#include "quality/quality.h"

const char *fg_qc_density_fault(const struct fg_density *conf)
{
	if (isinf(conf->suspect) || isinf(conf->fail))
		return "a threshold is a number";
	return NULL;
}

/* What the pair says of both its readings. A pair at one depth says nothing. */
static enum fg_qc judge_pair(const struct fg_density *conf, const struct fg_density_state *s,
	double density, double depth)
{
	double growth = density - s->density;

	if (depth < s->depth)
		growth = -growth;
	else if (!(depth > s->depth))
		growth = 0;
	if (growth < conf->fail)
		return FG_QC_FAIL;
	return growth < conf->suspect ? FG_QC_SUSPECT : FG_QC_PASS;
}

/* The verdict on the last reading, when the next is judged to be `pair`. */
static enum fg_qc last_verdict(const struct fg_density_state *s, enum fg_qc pair)
{
	enum fg_qc both[2] = {s->flag, pair};

	if (s->flag == FG_QC_MISSING)
		return FG_QC_MISSING;
	if (pair == FG_QC_MISSING)
		return s->flag == FG_QC_NOT_EVALUATED ? FG_QC_PASS : s->flag;
	return fg_qc_rollup(both, 2);
}

enum fg_qc fg_qc_density_step(const struct fg_density *conf, struct fg_density_state *state,
	double density, double depth, enum fg_qc *ret_previous)
{
	bool here = isfinite(density) && isfinite(depth);
	bool before = isfinite(state->density) && isfinite(state->depth);
	enum fg_qc pair = FG_QC_MISSING;

	if (here && !state->count)
		pair = FG_QC_NOT_EVALUATED;
	else if (here && before)
		pair = judge_pair(conf, state, density, depth);
	*ret_previous = state->count ? last_verdict(state, pair) : (enum fg_qc)0;
	state->count = state->count ? 2 : 1;
	state->flag = pair;
	state->density = density;
	state->depth = depth;
	return pair;
}

void fg_qc_density(const struct fg_density *conf, const double *densities, const double *depths,
	size_t count, enum fg_qc *ret_flags)
{
	struct fg_density_state state = {0};

	for (size_t i = 0; i < count; i++) {
		enum fg_qc previous;

		ret_flags[i] = fg_qc_density_step(conf, &state, densities[i], depths[i], &previous);
		if (i)
			ret_flags[i - 1] = previous;
	}
	if (count == 1)
		ret_flags[0] = FG_QC_NOT_EVALUATED;
}
