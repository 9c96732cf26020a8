/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_REASON_H
#define FG_MODEL_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a reading has no good value. Numbers are stored: add at the end, never renumber. */
enum fg_reason {
	FG_REASON_NONE = 0,
	FG_REASON_SENTINEL,	  /* the sensor's own pattern for "no reading" */
	FG_REASON_SENSOR_QUALITY, /* its quality register says so */
	FG_REASON_NOT_A_NUMBER,
	FG_REASON_NO_RESPONSE, /* nothing within the timeout */
	FG_REASON_LINK_DOWN,
	FG_REASON_EXCEPTION, /* Modbus exception; detail is its code */
	FG_REASON_FRAME,     /* checksum, length, foreign answer */
	FG_REASON_DECODE,
	FG_REASON_COAP, /* CoAP error response; detail is its code byte, class << 5 | code */
	FG_REASON_CONTENT_FORMAT,
	FG_REASON_NOT_REPORTED, /* a pusher is late */
	/* only in gaps */
	FG_REASON_GATEWAY_OFF,
	FG_REASON_OVERRUN,     /* the poll before was still running */
	FG_REASON_QUARANTINED, /* probed instead of polled */
	FG_REASON_QUEUE_FULL,
	FG_REASON_MAX_SIZE, /* dropped:max_size */
	FG_REASON_THINNED,
	FG_REASON_STORAGE, /* the store could not keep it in time and memory was full */
	FG_REASON_TIME_UNKNOWN,
	FG_REASON_REJECTED, /* by the broker; detail is the MQTT 5 reason code */
	FG_REASON_COVERAGE, /* of a mean: too few good readings in its period */
	/* of derived points */
	FG_REASON_NO_INPUT,	/* what it is worked out of was never read, or too long ago */
	FG_REASON_OUT_OF_RANGE, /* an input lies where the formula or table says nothing */
	FG_REASON_NOT_SELECTED, /* in gaps: by the destination's `select: {quality}` */
	FG_REASON_COUNT
};

#define FG_REASON_SIZE 24

/* "sentinel", "exception:2", "coap:4.04" …; returns text. */
const char *fg_reason_text(enum fg_reason reason, unsigned detail, char text[FG_REASON_SIZE]);

#endif
