/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_MODBUS_COMMAND_H
#define FG_DRIVERS_MODBUS_COMMAND_H

#include "drivers/modbus_common.h"

/* What goes before the reading of a device: a read that wakes it, commands, and the waits that
 * they need, during which the bus serves others. Included at the end of modbus_common.h's own
 * structs; see struct fg_modbus_cycle there. */

#define FG_MODBUS_COMMANDS 16 /* most of one device */

enum { FG_MODBUS_WHEN_POLL = 1, FG_MODBUS_WHEN_APPEAR };

/* A list of register values. */
struct fg_modbus_words {
	const uint16_t *items;
	size_t count;
};

struct fg_modbus_command {
	/* as configured */
	const char *name;
	int when;
	int64_t function; /* 5, 6, 16; 0: raw */
	struct fg_modbus_place place;
	struct fg_modbus_words values;
	struct fg_modbus_raw {
		uint8_t bytes[FG_MODBUS_PDU_MAX];
		size_t len;
	} raw;
	int64_t answer;
	int64_t wait_us;
	struct fg_modbus_wait_from {
		struct fg_modbus_place place;
		struct fg_modbus_type type;
		double scale;
		int64_t margin_us;
	} wait_from;
	int64_t settle_us;

	/* completed by fg_modbus_check_cycle() */
	uint8_t pdu[FG_MODBUS_PDU_MAX];
	size_t len, answer_len;
	bool waits_from;
	struct fg_request wait_read;
};

/* Faults and warnings; completes commands. For check_device(). */
void fg_modbus_check_cycle(
	const struct fg_device *dev, struct fg_modbus_cycle *cycle, struct fg_report *rep);

/* What unit ids mean where there is a serial line. */
void fg_modbus_check_serial_unit(
	const struct fg_device *dev, const struct fg_modbus_device *conf, struct fg_report *rep);

/* What a poll takes besides the plan's requests, on a line of so many bits a second; baud 0: bytes
 * take no time. */
void fg_modbus_beside(const struct fg_group *group, unsigned baud, unsigned char_bits,
	struct fg_beside *ret_beside);

/* Does what has to go before the reading of job's device. FG_OK: read now. FG_AGAIN: call again at
 * job->resume_mono_us. Another code: how a request ended after which reading is of no use
 * (*ret_exception for FG_EREFUSED). */
int fg_modbus_prepare(
	struct fg_job *job, const struct fg_modbus_transport *t, unsigned *ret_exception);

/* After a pass that ended with `status`: notes whether the device answers, and marks readings that
 * came while it settles or warms up. */
void fg_modbus_finish(struct fg_job *job, int status);

/* For close(): forgets what is known of devices, so that they appear anew. */
void fg_modbus_link_fini(struct fg_modbus_link *link);

#endif
