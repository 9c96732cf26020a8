/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CORE_STATE_H
#define FG_GATEWAY_CORE_STATE_H

/* What the core's own files share; nobody else includes it. */

#include "gateway/core.h"

/* Numbers are reserved in blocks of this many, the next block when half is used. */
#define FG_SEQ_BLOCK 65536u

/* A group at run time. */
struct fg_group_run {
	const struct fg_group *group;
	int64_t due_mono_us, first_due_mono_us; /* the first one gives the phase */
	bool busy;
	bool failed; /* its last poll */
	uint64_t polls, overruns;
};

/* A device at run time. */
struct fg_device_run {
	const struct fg_device *device;
	enum fg_device_state state;
	int64_t since_wall_ms, failing_since_wall_ms;
	unsigned failed; /* polls in a row */
	enum fg_reason reason;
	uint8_t detail;
	uint64_t polls, failures, requests, answers, overruns;
	int64_t last_ok_wall_ms;
	int64_t answer_us; /* of the last good poll, from start to end */
};

/* A point at run time. */
struct fg_point_run {
	struct fg_series *series;
	bool missing; /* its last reading was one without a value */
	enum fg_reason reason;
	uint8_t detail;
	int64_t announced_mono_us;
	bool has_last; /* for status */
	enum fg_qc last_qc;
};

struct fg_core {
	struct fg_config *config;
	struct fg_core_ports ports;
	struct fg_publisher_ports publisher_ports;
	struct fg_series_set *series;
	struct fg_rng rng;
	struct fg_recent recent;
	char session[40];
	struct fg_now now; /* of the call under way */
	int64_t started_wall_ms, started_mono_us;

	uint64_t next_seq, seq_limit, committed_next;
	bool reserving;
	uint32_t era;
	bool new_store;

	bool trusted;
	int64_t wall_offset_us; /* wall - mono when last looked: a jump realigns aligned polls */
	uint64_t untimed_from;	/* readings from here on wait for their time; FG_SEQ_END: none */
	uint64_t untimed_to;
	int64_t boot_offset_us;
	bool boot_offset_sent;

	bool store_writable;
	char store_error[128];
	char store_salvaged[200]; /* since the start; empty: nothing had to be */
	int64_t store_bytes;
	uint64_t store_rows;

	struct fg_group_run *groups;   /* by group.index */
	struct fg_device_run *devices; /* by device.index */
	struct fg_point_run *points;   /* by point.index */
	struct fg_publisher **publishers;
	size_t publisher_count;
	bool stopping;
	int64_t status_due_mono_us, tidy_due_mono_us;

	/* since the start */
	uint64_t first_seq; /* of this run */
	uint64_t polled, readings, suppressed, overruns, dropped_full, dropped_size;

	/* one record under construction */
	struct fg_item *items;
	int64_t *item_mono_us;
	uint32_t *item_point;
	size_t item_cap;
	struct fg_buf record;
};

/* core.c, for core_reload.c */
int fg_core_init_items(struct fg_core *core, const struct fg_config *config);
int fg_core_init_runs(struct fg_core *core, const struct fg_config *config, struct fg_now now);
void fg_core_free_runs(struct fg_core *core);

/* schedule.c */
void fg_schedule_init(struct fg_core *core, struct fg_now now, struct fg_group_run *run);
/* The next regular time, on the group's own phase: after a quarantine. */
void fg_schedule_resume(struct fg_now now, struct fg_group_run *run);
/* Starts what is due; returns the next due time. */
int64_t fg_schedule_run(struct fg_core *core, struct fg_now now);
/* The pause of a quarantined device. */
int64_t fg_schedule_probe_us(const struct fg_core *core, const struct fg_device_run *dev);
void fg_schedule_wake(struct fg_core *core, const struct fg_device *device, int64_t due_mono_us);

/* health.c */
void fg_health_polled(struct fg_core *core, struct fg_now now, const struct fg_poll_result *result);

/* documents.c */
enum { FG_DOC_STATUS = 0, FG_DOC_DEVICES = 1 };
bool fg_document(
	void *arg, struct fg_publisher *p, size_t id, struct fg_buf *topic, struct fg_buf *payload);
void fg_documents_touch(struct fg_core *core, size_t id);
/* The retained payload of {prefix}/gateways/{gateway}/status. */
void fg_document_status(const char *gateway, const char *state, const struct fg_core *core,
	struct fg_now now, struct fg_buf *out);

const char *fg_device_state_name(enum fg_device_state state);

#endif
