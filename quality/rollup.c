/* SPDX-License-Identifier: EUPL-1.2 */
/* The roll-up of several verdicts into one. */
#include "quality/quality.h"

#include "base/cleanup.h"

static const unsigned char weights[] = {
	[FG_QC_MISSING] = 0,
	[FG_QC_NOT_EVALUATED] = 1,
	[FG_QC_PASS] = 2,
	[FG_QC_SUSPECT] = 3,
	[FG_QC_FAIL] = 4,
};

static unsigned weight(enum fg_qc flag)
{
	return (size_t)flag < FG_COUNT(weights) ? weights[flag] : 0;
}

enum fg_qc fg_qc_rollup(const enum fg_qc *flags, size_t count)
{
	enum fg_qc worst = count ? flags[0] : FG_QC_NOT_EVALUATED;

	for (size_t i = 1; i < count; i++)
		if (weight(flags[i]) > weight(worst))
			worst = flags[i];
	return worst;
}

/* Four bits a verdict: 4 alone has the third, 9 alone the fourth, 3 the first and the second. */
static enum fg_qc worst_of(fg_tests tests)
{
	const uint64_t ones = UINT64_C(0x1111111111111111);

	if (tests >> 2 & ones)
		return FG_QC_FAIL;
	if (tests & tests >> 1 & ones)
		return FG_QC_SUSPECT;
	if (tests & ~(tests >> 3) & ones)
		return FG_QC_PASS;
	return tests >> 1 & ones ? FG_QC_NOT_EVALUATED : FG_QC_MISSING;
}

enum fg_qc fg_qc_rollup_tests(enum fg_qc flag, fg_tests tests)
{
	enum fg_qc worst = worst_of(tests);

	return tests && weight(worst) > weight(flag) ? worst : flag;
}
