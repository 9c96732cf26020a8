/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of what is told of a point, and when: report by exception, alarms. */
#include "gateway/config/keys.h"

#define MS		INT64_C(1000)
#define SECOND		(1000 * MS)
#define DAY		(86400 * SECOND)
#define AT(type, field) .offset = offsetof(struct type, field)

const struct fg_key fg_keys_report[] = {
	{"on_change", FG_KEY_NUMBER, AT(fg_raw_point, on_change), .fmin = 0, .fmax = 1e300,
		.help = "Only values that differ from the one reported last by at least this "
			"much, in the published unit; 0: any change. Texts and booleans: any "
			"change. Changes of quality are always reported. Default: every reading."},
	{"at_least_every", FG_KEY_DURATION, AT(fg_raw_point, at_least_every_us), .min = SECOND,
		.max = 365 * DAY, .dflt = "10m",
		.help = "With `on_change`, how often a value is reported that does not change; "
			"without it, how often the reading of a failed device is repeated."},
	{0},
};

const struct fg_key fg_keys_alarm[] = {
	{"above", FG_KEY_NUMBER, AT(fg_alarm_conf, above), .help = "Begins above this value."},
	{"below", FG_KEY_NUMBER, AT(fg_alarm_conf, below), .help = "Begins below this value."},
	{"rate", FG_KEY_NUMBER, AT(fg_alarm_conf, rate), .fmin = 0, .fmax = 1e300,
		.unit = "units per second",
		.help = "Begins when it changes faster, up or down; ends when it has not for one "
			"`interval` of the point."},
	{"hysteresis", FG_KEY_NUMBER, AT(fg_alarm_conf, hysteresis), .fmin = 0, .fmax = 1e300,
		.dflt = "0",
		.help = "How far behind `above` or `below` the value must come back before the "
			"alarm ends."},
	{"interval", FG_KEY_DURATION, AT(fg_alarm_conf, interval_us), .min = 100 * MS,
		.max = 365 * DAY,
		.help = "Read and reported this often while it holds. Default: as always."},
	{0},
};
