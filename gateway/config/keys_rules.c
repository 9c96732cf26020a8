/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of rules over points of a station. */
#include "gateway/config/keys.h"

#define SECOND		INT64_C(1000000)
#define HOUR		(3600 * SECOND)
#define AT(type, field) .offset = offsetof(struct type, field)

static const struct fg_choice tests[] = {
	{"disagree", FG_RULE_DISAGREE + 1, false, "two sensors of one property differ"},
	{"order", FG_RULE_ORDER + 1, false, "the first point is above the second"},
	{"bounds", FG_RULE_BOUNDS + 1, false, "the point is below `low` or above `high`"},
	{"out_of_water", FG_RULE_OUT_OF_WATER + 1, false,
		"the first point, a probe in water, behaves as the second, air temperature"},
	{0},
};

const struct fg_key fg_keys_rule[] = {
	{"test", FG_KEY_CHOICE, FG_KEY_REQUIRED, AT(fg_raw_rule, test), .choices = tests,
		.help = "What makes a reading suspect (qc 3, with the rule's name in `qc_tests`)."},
	{"points", FG_KEY_TEXTS, FG_KEY_REQUIRED, AT(fg_raw_rule, points),
		.help = "The points that it is about, by name or as `DEVICE/POINT`: two, or one "
			"for `bounds`."},
	{"tolerance", FG_KEY_NUMBER, AT(fg_raw_rule, tolerance), .fmin = 0, .fmax = 1e12,
		.help = "`disagree`, `order`: so much is good, in the first point's unit."},
	{"percent", FG_KEY_NUMBER, AT(fg_raw_rule, percent), .fmin = 0, .fmax = 100, .unit = "%",
		.help = "`disagree`: so much of the larger one is good as well."},
	{"low", FG_KEY_NUMBER, AT(fg_raw_rule, low), .help = "`bounds`: below is suspect."},
	{"high", FG_KEY_NUMBER, AT(fg_raw_rule, high), .help = "`bounds`: above is suspect."},
	{"window", FG_KEY_DURATION, AT(fg_raw_rule, window_us), .min = 600 * SECOND,
		.max = 168 * HOUR, .dflt = "6h", .help = "`out_of_water`: what is looked at."},
	{"correlation", FG_KEY_NUMBER, AT(fg_raw_rule, correlation), .fmin = 0.01, .fmax = 1,
		.dflt = "0.9", .help = "`out_of_water`: with air, from here on suspect …"},
	{"ratio", FG_KEY_NUMBER, AT(fg_raw_rule, ratio), .fmin = 0.01, .fmax = 10, .dflt = "0.5",
		.help = "… where the standard deviation is this share of the air's."},
	{"spread", FG_KEY_NUMBER, AT(fg_raw_rule, spread), .fmin = 0.01, .fmax = 100, .dflt = "1",
		.unit = "K",
		.help = "`out_of_water`: where the air's standard deviation is less nothing is "
			"judged."},
	{"max_age", FG_KEY_DURATION, AT(fg_raw_rule, max_age_us), .min = SECOND / 10,
		.max = 8760 * HOUR,
		.help = "A reading of the other point that is older is not compared with. Default: "
			"three of its intervals."},
	{0},
};
