/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_MODBUS_COMMON_H
#define FG_DRIVERS_MODBUS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "protocol/modbus.h"
#include "protocol/registers.h"

/* What the Modbus drivers share: the keys of devices and points with their checks, the plan of a
 * group, and the pass over it. A driver adds its link keys and a transport. */

/* ---- configuration ---- */

/* Where something stands: `table` with `address`, or `reference`. */
struct fg_modbus_place {
	int table; /* 1 + enum fg_table; 0: not given */
	struct fg_modbus_number {
		bool set;
		enum fg_table table; /* of a reference */
		uint16_t address;
	} address, reference;
};

/* A list of register values. */
struct fg_modbus_words {
	const uint16_t *items;
	size_t count;
};

struct fg_modbus_device {
	int64_t unit_id;
	int64_t max_registers;
	int64_t max_gap;
};

struct fg_modbus_point {
	/* as configured */
	struct fg_modbus_place place;
	struct fg_modbus_type {
		bool set;
		struct fg_regspec spec;
	} type;
	int order; /* index + 1 in the list of orders; 0: not given */
	int byte;  /* FG_MODBUS_BYTE_… */
	struct fg_modbus_quality {
		struct fg_modbus_place place;
		struct fg_modbus_words good, suspect;
	} quality;

	/* completed by fg_modbus_check_point() */
	struct fg_regspec spec;
	struct fg_span span;
	bool has_quality;
	struct fg_span quality_span;
};

enum { FG_MODBUS_BYTE_UNSET, FG_MODBUS_BYTE_HIGH, FG_MODBUS_BYTE_LOW };

extern const struct fg_key fg_modbus_device_keys[];
extern const struct fg_key fg_modbus_point_keys[];

void fg_modbus_check_point(const struct fg_point *point, void *conf, struct fg_report *rep);
void fg_modbus_check_pair(
	const struct fg_device *a, const struct fg_device *b, struct fg_report *rep);
size_t fg_modbus_text_room(const struct fg_group *group);

/* ---- the plan ---- */

/* One way of reading all spans of a group. */
struct fg_modbus_layout {
	const struct fg_request *requests;
	const uint32_t *first_cell; /* of each request, in the scratch cells */
	size_t count;
	const uint32_t *request_of, *cell_of; /* of each span */
};

/* Spans 0..points-1 are the points' own; those of quality registers follow. The scratch memory is
 * written by the link's worker alone, so that a poll needs to allocate nothing. */
struct fg_modbus_plan {
	struct fg_modbus_layout joined; /* reads across gaps that nobody asked for */
	struct fg_modbus_layout strict; /* asks for nothing but what is configured */
	const uint32_t *quality_span;	/* of each point; 0: none */
	struct fg_modbus_scratch {
		uint16_t *cells;
		struct fg_modbus_outcome *outcomes;
		bool strict; /* the device refuses to read across gaps */
	} * scratch;
};

/* limits->max_registers may be lower than the device's where a slow line asks for it. */
int fg_modbus_plan(struct fg_group *group, struct fg_arena *arena, unsigned max_registers);
void fg_modbus_describe(const struct fg_group *group, size_t i, struct fg_request_info *ret_info);
const struct fg_request *fg_modbus_group_request(const struct fg_group *group, size_t i);

/* ---- the pass ---- */

/* How one request ended. */
struct fg_modbus_outcome {
	int status; /* FG_OK, FG_EREFUSED, FG_ETIMEOUT, FG_EFRAME, or another: the link is down */
	unsigned exception;
	int64_t taken_us;
};

/* What a driver does for one exchange; never beyond the time given, never with another device's or
 * another request's answer. */
struct fg_modbus_transport {
	/* Makes the link fit for a request. Negative: it is down. */
	int (*ready)(struct fg_job *job, const struct fg_request *req, int64_t until_us);
	/* FG_OK with the cells, or another status as in fg_modbus_outcome. */
	int (*exchange)(struct fg_job *job, const struct fg_request *req, int64_t until_us,
		uint16_t *ret_cells, unsigned *ret_exception);
	/* The last attempt at a request got no answer; may be NULL. */
	void (*gave_up)(struct fg_job *job);
};

/* fg_driver.poll for both. */
int fg_modbus_poll(struct fg_job *job, const struct fg_modbus_transport *transport);

/* ---- helpers for transports ---- */

const struct fg_modbus_device *fg_modbus_device_of(const struct fg_job *job);

/* Shows a frame ('>' sent, '<' received, 'x' thrown away) to --debug=modbus and to job->explain, in
 * the form that tests/replay reads. job may be NULL: nothing is shown. */
void fg_modbus_trace(struct fg_job *job, char mark, const uint8_t *bytes, size_t len);
void fg_modbus_trace_event(struct fg_job *job, const char *what);

/* Waits until a descriptor can be read: 1, 0 at `until_us`, negative errno. With fd -1 it only
 * waits: the wire has silent times that must pass. */
int fg_modbus_wait(int fd, int64_t until_us);

/* Whether a descriptor opened now would be one that libmodbus can select() on: it writes beyond an
 * fd_set from 1024 up. */
bool fg_modbus_descriptor_fits(void);

#endif
