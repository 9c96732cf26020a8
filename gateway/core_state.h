/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CORE_STATE_H
#define FG_GATEWAY_CORE_STATE_H

/* What the core's own files share; nobody else includes it. */

#include "gateway/core.h"
#include "gateway/core_events.h"
#include "gateway/core_notices.h"
#include "gateway/documents.h"
#include "gateway/ledger.h"
#include "quality/derivation.h"
#include "quality/rules.h"

/* Numbers are reserved in blocks of this many, the next block when half is used. */
#define FG_SEQ_BLOCK 65536u

/* Numbers for corrections, and for what is lost to a destination, are given away in lots of this
 * many, one lot a commit interval. */
#define FG_CORE_RESTAMP_LOT 256u
#define FG_CORE_LOSSES_LOT  64

/* A group at run time. */
struct fg_group_run {
	const struct fg_group *group;
	int64_t due_mono_us;	    /* the next poll, or probe */
	int64_t slot_mono_us;	    /* the next regular time; earlier ones are noted */
	int64_t interval_us;	    /* in force: the group's, or that of an alarm */
	int64_t regular_mono_us;    /* a time of the group's own phase, while an alarm holds */
	int64_t first_slot_mono_us; /* of this run */
	bool busy;
	bool probe;		 /* the poll under way is one of a quarantined device */
	int64_t started_mono_us; /* of the poll under way */
	int64_t took_us; /* its last poll, or the last that was no failure */
	bool failed; /* its last poll */
	uint64_t polls, overruns;
	/* core_reports.c */
	bool observing; /* its readings come by themselves; those of a pushed group always do */
	bool late;	/* and have not for too long */
};

/* A device at run time. */
struct fg_device_run {
	const struct fg_device *device;
	enum fg_device_state state;
	int64_t since_wall_ms, failing_since_wall_ms, failing_since_mono_us;
	unsigned failed; /* polls in a row */
	enum fg_reason reason;
	uint8_t detail;
	uint64_t polls, failures, requests, answers, overruns;
	int64_t last_ok_wall_ms;
	int64_t answer_us; /* of the last good poll, from start to end */
	int64_t longest_us; /* the longest wait for one answer; falls slowly; 0: none yet */
	unsigned splits;    /* requests more than planned */
	/* the last failure of a poll, kept when it is over */
	enum fg_reason last_error;
	uint8_t last_error_detail;
	int64_t last_error_wall_ms;
	/* probe.c, while quarantined */
	bool probe_now;	   /* something came back: no pause, no place to wait for */
	bool probe_placed; /* its due time is that of a free place on the bus */
	unsigned probe_tries;
	uint64_t probes, dead_us;    /* since the start; the bus time that they took in vain */
	int64_t dead_mono_us;	     /* when it was given up */
	int64_t probed_mono_us, patient_mono_us;
	int64_t rest_mono_us; /* no probe on its link before */
	struct fg_ledger *ledger; /* its points are the device's, in that order */
	/* core_reports.c */
	struct fg_seen *seen;	  /* what it reported lately; NULL: nothing */
	bool heard_due; /* core_heard.c: the store is yet to be told */
	int64_t reported_wall_ms; /* its last report; 0: none */
	uint64_t reports, reports_known, reports_refused, reports_untimely;
	uint64_t reports_late; /* dropped by the driver: older than what was there, or twice */
	/* core_events.c: notes that the store is yet to be told */
	bool alarms_due, ledger_note_due;
	bool ledger_note_soon; /* with the next round: what was suppressed */
	bool maintenance, maintenance_due; /* core_maintenance.c: now; its note is to be stored */
	int64_t maintenance_since_ms;
};

struct fg_quality; /* core_quality.c: what the tests of a point remember */

/* A point at run time. */
struct fg_point_run {
	struct fg_quality *quality; /* NULL: no test needs to */
	struct fg_series *series;
	bool seen;    /* in the batch at hand */
	bool missing; /* its last reading was one without a value */
	enum fg_reason reason;
	uint8_t detail;
	int64_t announced_mono_us;
	bool heard;    /* core_heard.c: its device has ever told it by itself */
	bool has_last; /* for status */
	enum fg_qc last_qc;
	/* core_derive.c: its newest reading; that of the frame at hand, perhaps an older one */
	struct fg_known known, at_hand;
	uint64_t frame; /* in which it was last */
	struct fg_point_events events; /* core_events.h */
	uint32_t notice; /* core_notices.c: the service notice in force; 0: none */
};

/* True time: core_clock.c. */
struct fg_core_time {
	struct fg_clock clock;
	int64_t since_mono_us; /* of its level */
	int64_t newest_ms;     /* of the newest stored reading at the start */
	struct fg_era held;    /* of this start: what was taken before its time was known */
	bool held_stored;      /* its time is durable */
	struct fg_open_era *open; /* of earlier runs */
	size_t open_count;
	bool bounded; /* those of other boots have their estimates */
	bool unfounded; /* the last run guessed the time with nothing to go by: when it ended
			 * nobody knows */
	/* what the store is yet to be told: times of eras, then eras to be corrected */
	struct fg_era *todo, *corrections;
	size_t todo_count, todo_at, correction_count, correction_at;
	bool restamping, lot_out; /* corrections are under way; numbers for them are given away */
	int64_t restamp_due_mono_us;
	uint64_t estimated_eras, corrected;
};

struct fg_core {
	struct fg_config *config;
	struct fg_core_ports ports;
	struct fg_publisher_ports publisher_ports;
	struct fg_series_set *series;
	struct fg_rng rng;
	struct fg_recent recent;
	char session[40];
	struct fg_now now; /* of the call under way; its wall time is the core's own */
	int64_t started_wall_ms, started_mono_us;

	uint64_t next_seq, seq_limit, committed_next;
	bool reserving;
	uint32_t era, next_era;
	bool new_store, unclean;

	struct fg_core_time time;
	bool trusted; /* wall time is known: time.clock.level is not UNKNOWN */
	int64_t aligned_offset_us; /* wall - mono when polls were last aligned */
	int64_t wanted_mono_us;	   /* when the core wanted to run at the latest */
	uint64_t untimed_from;	/* readings from here on wait for their time; FG_SEQ_END: none */
	bool commit_first;   /* publishers wait for commits however long they take */
	uint64_t room_below; /* what was frozen for the store to make room; 0: nothing */
	int64_t room_mono_us; /* since when */
	bool room_wanted;    /* it asked and was not answered yet */
	uint64_t refusals_below; /* gaps of what brokers refused have numbers below */
	int64_t refusals_mono_us; /* since when */

	bool store_writable;
	char store_error[128];
	char store_salvaged[200]; /* since the start; empty: nothing had to be */
	int64_t store_bytes;
	uint64_t store_rows;

	struct fg_group_run *groups;   /* by group.index */
	struct fg_device_run *devices; /* by device.index */
	struct fg_point_run *points;   /* by point.index */
	/* ledgers of devices that have gone or changed, until they are written */
	uint64_t ledger_first_seq; /* of the accounts that are being handed over */
	bool ledger_singly; /* they are more than one message holds: each for itself */
	struct fg_ledger **leaving;
	size_t leaving_count;
	int64_t ledger_retry_mono_us; /* the store took nothing */
	struct fg_ledger_note *ledger_notes; /* of the last run, until they are reckoned with */
	int64_t notes_due_mono_us;	     /* core_events.c */
	struct fg_maintenance *maintenance;  /* core_maintenance.c */
	struct fg_notices notices;	     /* core_notices.c */
	struct fg_calibrations *calibrations; /* core_calibration_notes.c */
	int64_t calibration_due_mono_us;      /* core_calibration.c: to look again */
	uint64_t catalogue_hash; /* documents_catalogue.c: of what was told of calibrations */
	bool maintained;		     /* there is, or was just now */
	int64_t certificates_due_mono_us; /* core_certificates.c */
	int64_t budget_due_mono_us; /* core_budget.c */
	struct fg_publisher **publishers;
	size_t publisher_count;
	bool stopping, ledgers_ended;
	bool publishers_stopped; /* they were told */
	int64_t stop_mono_us;
	int64_t status_due_mono_us, tidy_due_mono_us;
	uint64_t tidied_below; /* what the store was last told of as delivered, and when */
	int64_t tidied_mono_us;
	bool store_refuses; /* new readings, until all that is delivered has given way */

	/* the web server, for the status: where it listens (empty: nowhere), why it does not */
	char http_listen[64], http_error[128];
	char debug_topics[80]; /* of the log; "": none */
	int64_t debug_until_mono_us; /* 0: for good */

	/* since the start */
	uint64_t derived; /* readings that were worked out; not in polled */
	uint64_t polled, readings, refused; /* refused: of the readings, by the full store */
	uint64_t suppressed, overruns, dropped_full, dropped_size;

	/* reports that wait for their commit, in order (core_reports.c) */
	struct fg_waiting_report *waiting;
	size_t waiting_count, waiting_cap;
	int64_t hurry_mono_us, hurried_mono_us; /* when to ask for it; INT64_MAX: not at all */
	struct fg_reading *arrived;		/* sorted by time */
	size_t arrived_cap;

	struct fg_hours *hours; /* core_hours.c */
	struct fg_retained *retained; /* core_retained.c */
	struct fg_conflict *conflicts; /* core_conflicts.c */

	/* one record under construction */
	struct fg_item *items;
	int64_t *item_mono_us;
	uint32_t *item_point;
	size_t item_cap;
	struct fg_buf record;
	/* readings of one time of one device, under judgement, with what is derived of them */
	struct fg_reading *frame;
	size_t frame_cap;
	uint64_t frame_number;
	struct fg_water_window *windows; /* by fg_rule.window */

	/* core_quality.c: verdicts on readings that are told already */
	struct fg_correction *corrections;
	size_t correction_count, correction_cap;
	unsigned laid_out; /* items of the frames of the batch before the present one */
	uint64_t batch_no;
	size_t known_at; /* at the start: where the point of the next reading may be */
	uint64_t qc_corrected, qc_not_told; /* since the start */
};

/* core.c, for core_reload.c */
int fg_core_init_items(struct fg_core *core, const struct fg_config *config);
/* Room for so many readings at least. */
int fg_core_want_items(struct fg_core *core, size_t n);
int fg_core_init_runs(struct fg_core *core, const struct fg_config *config, struct fg_now now);
void fg_core_free_runs(struct fg_core *core);
size_t fg_core_recent_cap(const struct fg_config *config);

/* Readings may go out: the time is known, or an estimate of it is stored. */
static inline bool fg_core_timed(const struct fg_core *core)
{
	return core->trusted || (core->time.clock.estimated && core->time.held_stored);
}

/* core.c. What the store is given between them it stores together or not at all (core.h). */
void fg_core_begin(struct fg_core *core);
int fg_core_end(struct fg_core *core, bool keep);

/* core.c. Give numbers to what is in core->record once it is encoded; for core_ledger.c. */
int fg_core_append_entries(struct fg_core *core, struct fg_item *items, unsigned count);
/* Takes back the numbers from next_seq on: what has them was not taken after all. */
void fg_core_take_back(struct fg_core *core, uint64_t next_seq);

/* core.c. Appends the n readings that are laid out, and before them the corrections that they are
 * the reason for, also where n is 0; `own`: all with a time of their own. Their numbers begin at
 * core->next_seq until fg_core_keep_recent(). */
int fg_core_append_record(struct fg_core *core, unsigned n, bool own);
/* And together with them, or not at all, the note that this message came. */
int fg_core_append_noted(
	struct fg_core *core, unsigned n, bool own, const struct fg_arrival *noted);
void fg_core_keep_recent(struct fg_core *core, unsigned n, bool reported);
void fg_core_reserve_ahead(struct fg_core *core);

/* core_reports.c: readings that nobody polled */
/* Whether a group is not polled now, as its readings come by themselves. */
static inline bool fg_reports_by_itself(const struct fg_group_run *run)
{
	return run->group->pushed || run->observing;
}
/* Such a group: what has not come for too long is told. Sets run->due_mono_us. */
void fg_reports_run(struct fg_core *core, struct fg_now now, struct fg_group_run *run);
void fg_reports_expect(struct fg_now now, struct fg_group_run *run);
/* A poll said that from now on they come by themselves, or no longer do. */
void fg_reports_observing(struct fg_now now, struct fg_group_run *run, bool observing);
/* core_heard.c: which points a device that reports by itself has ever told */
/* Whether the point is missing where its device is late. */
bool fg_heard_expected(const struct fg_core *core, const struct fg_point *point);
void fg_heard_note(struct fg_core *core, const struct fg_device *d, const struct fg_batch *batch);
/* The note of it, where there is something new. */
void fg_heard_store(struct fg_core *core, const struct fg_device *d);
int fg_heard_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len);
/* Points of pushed groups that are not seen yet: how many, and the first of their names. */
void fg_heard_status(const struct fg_core *core, const struct fg_device *d, struct fg_json *j);
/* A note of an earlier run: a device's last messages. */
int fg_reports_note(struct fg_core *core, const struct fg_arrival *a);
int fg_reports_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len);
void fg_reports_committed(struct fg_core *core);
/* The store refused these numbers. */
void fg_reports_dropped(struct fg_core *core, uint64_t from, uint64_t to);
/* Asks for a commit where somebody waits; returns when to look again. */
int64_t fg_reports_hurry(struct fg_core *core, struct fg_now now);
/* Those of a device that goes, and of all at the end (NULL). */
void fg_reports_free(struct fg_core *core, struct fg_device_run *dev);

/* core_judge.c: what a reading is worth, and whether it is told */
/* Judges the batch and lays what is told out in core->items; returns how many. `due`: each point
 * was to be read, so what has no value is missing. */
unsigned fg_judge_batch(struct fg_core *core, const struct fg_batch *batch, bool due);
/* A point that was due and is not in the batch at all is missing too. */
void fg_judge_unseen(struct fg_core *core, const struct fg_poll_result *result, bool due);
/* Of the n readings laid out, those with a value are sent once the store has taken them, or else
 * lost. */
void fg_judge_note(struct fg_core *core, unsigned n, bool taken);
/* Wall time is later by so much than it was held for: so much earlier was what sensors told with
 * times of their own. What comes next is not older than that. */
void fg_judge_clock(struct fg_core *core, int64_t by_us);
/* The item goes to the store. */
void fg_judge_told(struct fg_point_run *run, const struct fg_item *item, int64_t mono_us);

/* core_derive.c: points that are worked out of others */
/* It is the newest reading of its point from now on. */
void fg_derive_note(struct fg_core *core, const struct fg_reading *r);
/* The reading of a derived point with the frame at hand; false: its trigger is not in it. */
bool fg_derive(const struct fg_core *core, const struct fg_point *point, struct fg_reading *ret);
/* How many readings are worked out of a batch, at most. */
size_t fg_derive_most(const struct fg_core *core, const struct fg_batch *batch);
/* What its inputs are flagged with since it was worked out flags it too. */
void fg_derive_flag(const struct fg_core *core, struct fg_reading *r);
/* The flag of what was noted has become another one. */
void fg_derive_flagged(struct fg_core *core, const struct fg_reading *r);
/* What is known of a point: of the frame at hand, or else the newest. */
const struct fg_known *fg_known_of(const struct fg_core *core, const struct fg_point *point);

/* core_rules.c: rules of stations */
int fg_rules_init(struct fg_core *core, const struct fg_config *config);
/* Judges a reading of the frame at hand. */
void fg_rules_judge(struct fg_core *core, struct fg_reading *r);
/* The point's readings have other times now: windows begin anew. */
void fg_rules_clock(struct fg_core *core, const struct fg_point *point);
/* What rules that are the same have in their windows. */
void fg_rules_carry(const struct fg_core *from, struct fg_core *to);

/* core_quality.c: tests that look at a point's earlier readings */
int fg_quality_init_runs(struct fg_point_run *points, const struct fg_config *config);
void fg_quality_free_runs(struct fg_point_run *points, const struct fg_config *config);
int fg_quality_init_items(struct fg_core *core, const struct fg_config *config);
/* What points knew goes over to those of the same series. */
void fg_quality_carry(struct fg_core *core, struct fg_point_run *next, size_t count);
/* Judges a reading, and notes in core->corrections what it says of the one before. */
void fg_quality_step(struct fg_core *core, const struct fg_point *point, struct fg_reading *r);
/* The reading that was judged last is core->items[at]. */
void fg_quality_laid_out(struct fg_core *core, struct fg_point_run *run, unsigned at);
/* core->items[at] has its number and is on its way into the store. */
void fg_quality_told(struct fg_core *core, struct fg_point_run *run, unsigned at);
/* The times of what was known are others by so much. */
void fg_quality_clock(struct fg_point_run *run, int64_t by_ms);
/* Appends the corrections, in the bundle with what comes next. */
int fg_quality_append(struct fg_core *core);

/* core_ledger.c: the ledgers of all devices */
/* Gives each device that has none one that begins now. */
int fg_ledgers_begin(struct fg_core *core, struct fg_now now);
void fg_ledgers_free(struct fg_core *core);
/* Before anything of `now` is noted. */
void fg_ledgers_roll(struct fg_core *core, struct fg_now now);
/* Before a reading of the device is appended: negative where the store could not be told that there
 * is a ledger, so that it would be in no account after a crash. */
int fg_ledgers_ready(struct fg_core *core, const struct fg_device *device);
/* Writes what is due; returns when it wants to be called again. */
int64_t fg_ledgers_write(struct fg_core *core, struct fg_now now);
/* A device goes, or changes: its ledger ends. */
int fg_ledgers_leave(struct fg_core *core, struct fg_now now, const struct fg_device *device);
/* At the end: all are closed once no poll is under way, or has been waited for long enough. What
 * comes after that is told as missing already. */
void fg_ledgers_stop(struct fg_core *core, struct fg_now now);
bool fg_ledgers_idle(const struct fg_core *core);
/* Readings that were due at first_mono_us and so many intervals after it did not come. */
void fg_ledgers_slots(struct fg_core *core, const struct fg_group_run *run, enum fg_reason reason,
	int64_t first_mono_us, uint64_t count);
/* The poll under way was cut short by the end. */
void fg_ledgers_cut_short(struct fg_core *core, struct fg_now now, const struct fg_group_run *run);
void fg_ledgers_missing(struct fg_core *core, const struct fg_point *point, enum fg_reason reason,
	uint8_t detail, int64_t mono_us);
/* wall_ms: as the reading tells it. */
void fg_ledgers_suppressed(struct fg_core *core, const struct fg_point *point, int64_t mono_us);
void fg_ledgers_sent(
	struct fg_core *core, const struct fg_point *point, int64_t mono_us, int64_t wall_ms);
/* The next n numbers are somebody else's: they are in no ring and come back from the store. Call
 * fg_core_may_give() first; where it says no, more are asked for. */
#define FG_CORE_NO_ROOM_US 60000000 /* the pause where the store used none of them */
bool fg_core_may_give(struct fg_core *core, unsigned n);
void fg_core_give(struct fg_core *core, unsigned n);

/* core_notes.c: what is kept for the next start. Each kind is one line of the table there. */
int fg_core_set_state(struct fg_core *core, const char *kind, const char *key, const void *bytes,
	size_t len);

/* core_sparkplug.c: a publisher's port. */
void fg_core_publisher_connects(
	void *arg, struct fg_publisher *p, size_t server, uint32_t epoch);
int fg_core_sparkplug_take_note(
	struct fg_core *core, const char *key, const void *bytes, size_t len);

/* core_hours.c: what is told of hours and of longer periods */
/* At the start, and when another configuration comes. */
int fg_hours_begin(struct fg_core *core, struct fg_config *config);
void fg_hours_free(struct fg_core *core);
/* Entries below next_seq are durable. */
void fg_hours_committed(struct fg_core *core, uint64_t next_seq);
/* The time of readings that had none may be known now. */
void fg_hours_time_known(struct fg_core *core);
/* The full store refused it. */
void fg_hours_refused(struct fg_core *core, const struct fg_item *item);
int fg_hours_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len);
#define FG_STATE_HOURLY "hourly"
int fg_hours_take_past(struct fg_core *core, const char *key, const void *bytes, size_t len);
/* Asks for what is due; returns when to call again. */
int64_t fg_hours_run(struct fg_core *core);
void fg_hours_status(const struct fg_core *core, struct fg_json *j);

/* core_clock.c */
int fg_core_clock_init(struct fg_core *core, const struct fg_core_start *start, struct fg_now now);
void fg_core_clock_fini(struct fg_core *core);
/* Tells the store what it is yet to be told of eras; returns when to call again. */
int64_t fg_core_clock_run(struct fg_core *core);
void fg_core_restamped(struct fg_core *core, unsigned used, bool more);
/* What was told with a wrong time is not all corrected yet. */
bool fg_core_correcting(const struct fg_core *core);
void fg_core_clock_status(const struct fg_core *core, struct fg_now now, struct fg_json *j);

/* core_delivery.c: what publishers and store arrange between them */
int64_t fg_core_delivery_run(struct fg_core *core);
void fg_core_doubt_start(struct fg_core *core, struct fg_publisher *p);
int fg_core_append_gaps(void *arg, struct fg_publisher *p, const struct fg_item *items, size_t n,
	const struct fg_ranges *unacked);

/* schedule.c */
/* Whether the core itself was away: the board slept, or the process was stopped. */
bool fg_schedule_away(const struct fg_core *core, struct fg_now now);
/* Notes the regular times up to now that passed without a poll. */
void fg_schedule_pass(struct fg_core *core, struct fg_now now, struct fg_group_run *run,
	enum fg_reason reason);
void fg_schedule_init(struct fg_core *core, struct fg_now now, struct fg_group_run *run);
/* The next regular time, on the group's own phase: after a quarantine. */
void fg_schedule_resume(struct fg_core *core, struct fg_now now, struct fg_group_run *run);
/* Starts what is due; returns the next due time. */
int64_t fg_schedule_run(struct fg_core *core, struct fg_now now);
/* From now on one poll each interval_us: the group's own, or a shorter one while an alarm holds. */
void fg_schedule_pace(
	struct fg_core *core, struct fg_now now, struct fg_group_run *run, int64_t interval_us);
void fg_schedule_wake(struct fg_core *core, const struct fg_device *device, int64_t due_mono_us);

/* probe.c */
/* How long a poll had the link. */
int64_t fg_probe_took_us(const struct fg_poll_result *result);
/* The shortest pause between two probes of a device; its bus may ask for more. */
int64_t fg_probe_pause_us(const struct fg_device_run *dev);
/* A probe is due: how long to wait for the answer, or 0: not now. *ret_due_us: when to ask
 * again. */
int64_t fg_probe_start(struct fg_core *core, struct fg_device_run *dev, int64_t now_us,
	int64_t *ret_due_us);
void fg_probe_ended(struct fg_core *core, struct fg_device_run *dev,
	const struct fg_poll_result *result, bool good);
/* Lowers the attempts of a poll and the time for an answer (0: the device's) where the device fails
 * and others need the time. */
void fg_probe_limit(const struct fg_core *core, const struct fg_group_run *run, int64_t now_us,
	unsigned *attempts, int64_t *ret_timeout_us);
/* A device answers again: those that were lost with it are tried at once. */
void fg_probe_wake_neighbours(
	struct fg_core *core, const struct fg_device_run *back, int64_t now_us);

/* health.c */
/* The device reported, or is late with all it reports. */
void fg_health_reported(struct fg_core *core, struct fg_now now, struct fg_device_run *dev);
void fg_health_late(struct fg_core *core, struct fg_now now, struct fg_device_run *dev);
void fg_health_polled(struct fg_core *core, struct fg_now now, const struct fg_poll_result *result);

/* core_conflicts.c */
/* Another configuration: all is heard anew. */
void fg_conflicts_begin(struct fg_core *core);
void fg_conflicts_free(struct fg_core *core);
/* Asks for what others say of our stations, where that was not asked on this connection. */
void fg_conflicts_run(struct fg_core *core);
/* An array `point_conflicts` where there are any; destination NULL: of all, with their names. */
void fg_conflicts_put(const struct fg_core *core, const char *destination, struct fg_json *j);

/* core_retained.c */
#define FG_STATE_RETAINED "retained"
/* Another configuration, or another destination: what is published where is worked out anew. */
void fg_retained_plan(struct fg_core *core);
/* Returns when to call again. */
int64_t fg_retained_run(struct fg_core *core);
int fg_retained_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len);
/* And what is told of others (core_conflicts.c). */
void fg_retained_free(struct fg_core *core);

/* documents.c */
enum fg_pub_document fg_document(
	void *arg, struct fg_publisher *p, size_t id, struct fg_buf *topic, struct fg_buf *payload);
/* The retained payload of {prefix}/gateways/{gateway}/status. */
void fg_document_status(const char *gateway, const char *state, const struct fg_core *core,
	const char *destination,
	struct fg_now now, struct fg_buf *out);

const char *fg_device_state_name(enum fg_device_state state);

#endif
