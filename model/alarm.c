/* SPDX-License-Identifier: EUPL-1.2 */
/* Names of the rules of alarms. */
#include "model/alarm.h"

const char *fg_alarm_text(enum fg_alarm alarm)
{
	static const char *const texts[FG_ALARM_COUNT] = {
		[FG_ALARM_NONE] = "",
		[FG_ALARM_ABOVE] = "above",
		[FG_ALARM_BELOW] = "below",
		[FG_ALARM_RATE] = "rate",
	};

	return alarm < FG_ALARM_COUNT ? texts[alarm] : "";
}
