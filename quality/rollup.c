/* SPDX-License-Identifier: EUPL-1.2 */
/* The roll-up of several verdicts into one. */
#include "quality/quality.h"

static int weight(enum fg_qc flag)
{
	switch (flag) {
	case FG_QC_FAIL:
		return 4;
	case FG_QC_SUSPECT:
		return 3;
	case FG_QC_PASS:
		return 2;
	case FG_QC_NOT_EVALUATED:
		return 1;
	case FG_QC_MISSING:
		break;
	}
	return 0;
}

enum fg_qc fg_qc_rollup(const enum fg_qc *flags, size_t count)
{
	enum fg_qc worst = count ? flags[0] : FG_QC_NOT_EVALUATED;

	for (size_t i = 1; i < count; i++)
		if (weight(flags[i]) > weight(worst))
			worst = flags[i];
	return worst;
}
