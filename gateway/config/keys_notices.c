/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of service notices that the gateway writes by itself. */
#include "gateway/config/keys.h"

#define SECOND		INT64_C(1000000)
#define DAY		(86400 * SECOND)
#define AT(field) .offset = offsetof(struct fg_notices_conf, field)

const struct fg_key fg_keys_notices[] = {
	{"device_failing", FG_KEY_DURATION, AT(device_failing_us), .min = SECOND, .max = 365 * DAY,
		.help = "A device that has failed for so long is told as a fault, until it answers "
			"again. Default: it is not."},
	{"maintenance", FG_KEY_BOOL, AT(maintenance), .dflt = "false",
		.help = "Maintenance of a device is told: as planned before it begins, until it "
			"ends."},
	{"calibration_overdue", FG_KEY_BOOL, AT(calibration_overdue), .dflt = "false",
		.help = "A point whose calibration is overdue is told, until it has a new one."},
	{"certificate_expiring", FG_KEY_BOOL, AT(certificate_expiring), .dflt = "false",
		.help = "A certificate that a connection to a broker depends on is told from 30 "
			"days before its end, until a connection has another."},
	{"alarm", FG_KEY_BOOL, AT(alarm), .dflt = "false",
		.help = "An alarm of a point is told while it holds."},
	{0},
};
