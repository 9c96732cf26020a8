/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_ALARM_H
#define FG_MODEL_ALARM_H

/* The rule of a point's alarm that holds. Numbers are stored: add at the end; at most 15. */
enum fg_alarm {
	FG_ALARM_NONE = 0,
	FG_ALARM_ABOVE,
	FG_ALARM_BELOW,
	FG_ALARM_RATE,
	FG_ALARM_COUNT
};

/* "above" …; "" for none. */
const char *fg_alarm_text(enum fg_alarm alarm);

#endif
