/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CORE_EVENTS_H
#define FG_GATEWAY_CORE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "gateway/ledger.h"
#include "model/device.h"
#include "model/item.h"
#include "model/reading.h"
#include "quality/events.h"

/* What happens to points and devices beside their readings, as the core's files share it: report by
 * exception and alarms. Part of core_state.h. */

struct fg_core;
struct fg_now;
struct fg_device_run;
struct fg_point_run;

/* Of a point at run time. */
struct fg_point_events {
	/* core_calibration.c: of its reading in the frame at hand, what it was without */
	bool has_raw;
	double raw;
	struct fg_calibrations *calibrations; /* what was added; NULL: nothing */
	/* core_report.c: what was told last */
	struct fg_told {
		bool has;
		bool maintenance;
		uint64_t seq;
		enum fg_qc qc;
		enum fg_reason reason;
		enum fg_alarm alarm;
		fg_tests tests;
		struct fg_told_value value;
	} told;
	/* core_alarm.c */
	struct fg_alarm_state alarm;
	int64_t alarm_since_wall_ms;
	double alarm_value; /* the newest that it was judged by */
};

/* core_report.c: report by exception */
/* Whether a reading of a point that is reported by exception is told. */
bool fg_report_worth_telling(const struct fg_point_run *run, const struct fg_point *point,
	const struct fg_item *item, int64_t taken_mono_us);
void fg_report_told(struct fg_point_run *run, const struct fg_item *item);
/* Numbers from <= seq < to were told as lost after all: nobody has what was told with them. */
void fg_report_forget(struct fg_core *core, uint64_t from, uint64_t to);

/* core_alarm.c */
/* The rule that holds with this reading. */
enum fg_alarm fg_alarm_assess(
	struct fg_core *core, const struct fg_point *point, const struct fg_reading *r);
/* The shortest interval that an alarm may ask of the group. */
int64_t fg_alarm_shortest_us(const struct fg_group *g);
/* The groups of a device are read at the pace that its alarms ask for. */
void fg_alarm_pace(struct fg_core *core, struct fg_now now, const struct fg_device *device);
/* A device of the last configuration: what holds of it still holds if the limit is still there. */
void fg_alarm_carry(struct fg_point_run *to, const struct fg_point *point,
	const struct fg_point_run *from);
/* Ends all alarms of a device, with a word on why. */
void fg_alarm_end_all(struct fg_core *core, const struct fg_device *device, const char *why);
int fg_alarm_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len);
int fg_alarm_save_note(struct fg_core *core, const struct fg_device_run *dev);
double fg_alarm_limit(const struct fg_alarm_conf *conf, enum fg_alarm alarm);
void fg_alarm_status(const struct fg_core *core, struct fg_json *j);

/* core_events.c: what happens to a device or a point, told once */
enum fg_event_kind {
	FG_EVENT_ALARM_BEGINS,
	FG_EVENT_ALARM_ENDS,
	FG_EVENT_MAINTENANCE_BEGINS,
	FG_EVENT_MAINTENANCE_ENDS,
	FG_EVENT_CALIBRATION_OVERDUE, /* since when */
	FG_EVENT_CERTIFICATE_ENDS,    /* of a destination; `why` says whose, since: now */
};
struct fg_event {
	enum fg_event_kind kind;
	const struct fg_device *device;
	const struct fg_point *point; /* NULL: of the device */
	enum fg_alarm alarm;
	double value, limit;
	int64_t since_wall_ms; /* of what ends */
	int64_t until_wall_ms; /* when it will end; 0: nobody has said */
	const char *why;       /* NULL: it speaks for itself */
	const char *destination; /* of what concerns one, and no device */
};
/* Says it in the log. What else wants to know of events (service notices) is called from here. */
void fg_event_tell(struct fg_core *core, const struct fg_event *event);
/* Tells what of service notices is due and hands notes to the store; returns when it wants to be
 * called again. */
int64_t fg_events_run(struct fg_core *core, struct fg_now now);
void fg_events_free(struct fg_core *core); /* maintenance, notices, calibrations */
void fg_events_save(struct fg_core *core, struct fg_device_run *dev);

/* core_calibration.c */
/* Makes of what was read what it is worth. Before any test. */
void fg_calibration_apply(struct fg_core *core, struct fg_reading *r);
void fg_calibration_status(const struct fg_core *core, struct fg_now now, struct fg_json *j);

/* The record that is valid at a time: the newest of the configuration's and the added; NULL: none.
 * Of two of one time the configuration's. */
const struct fg_calibration *fg_calibration_of(
	const struct fg_core *core, const struct fg_point *p, int64_t at_ms);
/* Tells what has become overdue; returns when to look again. */
int64_t fg_calibration_run(struct fg_core *core, struct fg_now now);

/* core_calibration_notes.c: of a point, what was added while the gateway ran */
struct fg_calibrations {
	struct fg_calibrations *next;
	int64_t told_due_ms; /* of which due it was told that it has passed; 0: of none */
	bool due;	     /* the store is yet to be told */
	struct fg_calibration *records; /* in order of time; their texts are its own */
	size_t count;
	char key[]; /* DEVICE/POINT */
};
/* Hands what is due to the store. */
void fg_calibrations_save(struct fg_core *core);
/* After a reload: which are of which point. */
void fg_calibrations_link(struct fg_core *core);
/* It was told that this due has passed. */
void fg_calibrations_told(struct fg_core *core, const struct fg_point *p, int64_t due_ms);
int fg_calibrations_take_note(
	struct fg_core *core, const char *key, const void *bytes, size_t len);
void fg_calibrations_free(struct fg_core *core);

/* core_budget.c */
/* What is to be looked at beside the publishers' own work; returns when to look again. */
int64_t fg_destinations_run(struct fg_core *core, struct fg_now now);
/* Which day it is for the budgets of destinations; returns when to look again. */
int64_t fg_budget_run(struct fg_core *core, struct fg_now now);
/* What the next start must know. */
void fg_budget_stop(struct fg_core *core);
int fg_budget_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len);

/* core_certificates.c */
/* Tells what ends soon; returns when to look again. */
int64_t fg_certificates_run(struct fg_core *core, struct fg_now now);

/* core_maintenance.c */
/* Looks which windows are open; returns when to look again. */
int64_t fg_maintenance_run(struct fg_core *core, struct fg_now now);
int fg_maintenance_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len);
int fg_maintenance_save_note(struct fg_core *core, const struct fg_device_run *dev);
void fg_maintenance_free(struct fg_core *core);
void fg_maintenance_status(
	const struct fg_core *core, const struct fg_device_run *dev, struct fg_json *j);
/* Calls back for each window that is open or ahead, those of the configuration included. */
struct fg_maintenance_window;
void fg_maintenance_each(const struct fg_core *core,
	void (*fn)(void *arg, const struct fg_device *device,
		const struct fg_maintenance_window *window), void *arg);
/* Of the window that is open; NULL. */
const char *fg_maintenance_reason(const struct fg_core *core, const struct fg_device_run *dev);

/* core_ledger_note.c: what the store's entries do not tell of a device's readings since its row of
 * the ledger: those that were suppressed, and a schedule that changed */
int fg_ledger_note_take(struct fg_core *core, const char *key, const void *bytes, size_t len);
int fg_ledger_note_save(struct fg_core *core, const struct fg_ledger *l,
	const struct fg_ledger_row *row, const struct fg_device *device);
/* The ledger goes on from this row: what was noted beside it is known. */
int fg_ledger_note_resume(
	struct fg_core *core, struct fg_ledger *l, const struct fg_ledger_row *row);
/* Reckons by the note; false: there is none for the point. */
bool fg_ledger_note_reckon(const struct fg_core *core, struct fg_ledger *l, size_t point,
	uint32_t id, int64_t first_us);
void fg_ledger_note_done(struct fg_core *core, const struct fg_ledger *l);
void fg_ledger_notes_free(struct fg_core *core);

#endif
