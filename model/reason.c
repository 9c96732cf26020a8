/* SPDX-License-Identifier: EUPL-1.2 */
/* Reasons as consumers read them. */
#include "model/reason.h"

#include <stdio.h>

static const char *const names[FG_REASON_COUNT] = {
	[FG_REASON_NONE] = "none",
	[FG_REASON_SENTINEL] = "sentinel",
	[FG_REASON_SENSOR_QUALITY] = "sensor_quality",
	[FG_REASON_NOT_A_NUMBER] = "not_a_number",
	[FG_REASON_NO_RESPONSE] = "no_response",
	[FG_REASON_LINK_DOWN] = "link_down",
	[FG_REASON_EXCEPTION] = "exception",
	[FG_REASON_FRAME] = "frame",
	[FG_REASON_DECODE] = "decode",
	[FG_REASON_COAP] = "coap",
	[FG_REASON_CONTENT_FORMAT] = "content_format",
	[FG_REASON_NOT_REPORTED] = "not_reported",
	[FG_REASON_GATEWAY_OFF] = "gateway_off",
	[FG_REASON_OVERRUN] = "overrun",
	[FG_REASON_QUARANTINED] = "quarantined",
	[FG_REASON_QUEUE_FULL] = "queue_full",
	[FG_REASON_MAX_SIZE] = "dropped:max_size",
	[FG_REASON_THINNED] = "thinned",
	[FG_REASON_STORAGE] = "storage",
	[FG_REASON_TIME_UNKNOWN] = "time_unknown",
	[FG_REASON_REJECTED] = "rejected",
	[FG_REASON_COVERAGE] = "coverage",
	[FG_REASON_NO_INPUT] = "no_input",
	[FG_REASON_OUT_OF_RANGE] = "out_of_range",
	[FG_REASON_NOT_SELECTED] = "not_selected",
};

const char *fg_reason_text(enum fg_reason reason, unsigned detail, char text[FG_REASON_SIZE])
{
	const char *name = reason < FG_REASON_COUNT ? names[reason] : "unknown";

	if (reason == FG_REASON_EXCEPTION || reason == FG_REASON_REJECTED)
		snprintf(text, FG_REASON_SIZE, "%s:%u", name, detail & 0xFF);
	else if (reason == FG_REASON_COAP)
		snprintf(text, FG_REASON_SIZE, "%s:%u.%02u", name, detail >> 5 & 7, detail & 31);
	else
		snprintf(text, FG_REASON_SIZE, "%s", name);
	return text;
}
