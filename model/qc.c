/* SPDX-License-Identifier: EUPL-1.2 */
/* Names of the quality tests. */
#include "model/qc.h"

const char *fg_test_name(enum fg_test test)
{
	static const char *const names[FG_TEST_COUNT] = {
		[FG_TEST_GROSS_RANGE] = "gross_range",
		[FG_TEST_CLIMATOLOGY] = "climatology",
		[FG_TEST_SPIKE] = "spike",
		[FG_TEST_RATE_OF_CHANGE] = "rate_of_change",
		[FG_TEST_FLAT_LINE] = "flat_line",
		[FG_TEST_ATTENUATED_SIGNAL] = "attenuated_signal",
		[FG_TEST_TIME_GAP] = "time_gap",
		[FG_TEST_WARM_UP] = "warm_up",
	};

	return test < FG_TEST_COUNT ? names[test] : "unknown";
}
