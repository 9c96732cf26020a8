/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_MODBUS_LINE_H
#define FG_DRIVERS_MODBUS_LINE_H

#include "drivers/modbus_common.h"
#include "drivers/modbus_frame.h"

/* One exchange of RTU frames over a descriptor: a serial port, or a connection to a serial server.
 * Keeps the silent times, one deadline for all of an answer, and late answers apart. */

/* What a unit may still send although nobody waits for it. */
struct fg_line_late {
	int64_t until_us;
	uint8_t function;
	uint16_t crc; /* of the request: which one it was */
	uint16_t answer;
	uint8_t answers; /* at most so many */
	bool mixed;	 /* of different requests */
};

struct fg_line {
	int fd; /* non-blocking */
	/* Set by who opens it. */
	unsigned baud, char_bits; /* 0: a stream, on which bytes take no time */
	int64_t gap_us;		  /* silence before each request, at least */
	int64_t settle_us;	  /* this long nothing: a frame is over */
	/* Switches the direction before and after sending; NULL: nothing to switch. */
	int (*direction)(struct fg_line *l, bool send);
	const void *direction_arg;

	int64_t heard_us; /* last byte either way */
	bool heard;	  /* bytes came since this was last cleared */
	bool echoes;	  /* the line gives requests back */
	struct fg_frame_query query;
	uint8_t rx[2 * FG_FRAME_MAX];
	size_t rx_len;
	struct fg_line_late late[256]; /* by unit id */
};

/* For a line that was opened: nothing was heard yet. What late answers may come stays known. */
void fg_line_reset(struct fg_line *l, int fd);

/* As struct fg_modbus_transport has them. */
int fg_line_ready(
	struct fg_job *job, struct fg_line *l, const struct fg_modbus_query *q, int64_t until_us);
int fg_line_exchange(struct fg_job *job, struct fg_line *l, const struct fg_modbus_query *q,
	int64_t until_us, struct fg_modbus_reply *ret);
/* fg_driver.raw. */
int fg_line_raw(struct fg_line *l, struct fg_raw *x);

#endif
