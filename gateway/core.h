/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CORE_H
#define FG_GATEWAY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rng.h"
#include "gateway/clock.h"
#include "gateway/config/config.h"
#include "gateway/publisher.h"
#include "gateway/recent.h"
#include "gateway/series.h"
#include "model/reading.h"
#include "storage/spool.h"

/* The core: a deterministic state machine that owns all state of the gateway. What comes in are
 * finished polls, commits, MQTT events, pages of the backlog, the clock's standing and time itself,
 * as an argument; what goes out are calls of the ports. No clock, socket, file or thread inside,
 * so a test drives it through a year with invented time, links, store and brokers. */

enum fg_device_state {
	FG_DEVICE_UNKNOWN, /* not polled yet */
	FG_DEVICE_OK,
	FG_DEVICE_FAILING,     /* from the first failed poll */
	FG_DEVICE_QUARANTINED, /* after three in a row: probed, no longer polled */
};

struct fg_core;
struct fg_hours_work;

/* What a finished poll brings. */
struct fg_poll_result {
	const struct fg_group *group;
	const struct fg_batch *batch;
	unsigned requests, answers;
	unsigned splits;   /* requests more than planned, for gaps that the device refuses */
	int64_t answer_us; /* the longest wait for an answer; 0: not measured */
	int64_t started_mono_us, done_mono_us;
	int64_t slept_us; /* between the two, when the link was left to others */
	bool observing; /* from now on the group's readings come by themselves */
};

/* Readings that nobody polled, as in struct fg_delivery (drivers/driver.h). */
struct fg_arrival {
	const struct fg_device *device;
	const struct fg_batch *batch;
	int64_t arrived_mono_us;
	uint64_t message;
	bool kept;
	unsigned late; /* messages of the device that were dropped before it */
	const struct fg_group *over; /* of which nothing more comes by itself; NULL: none */
	void *token;		     /* for the port `reported` */
};

struct fg_core_ports {
	/* Starts a poll; its result comes through fg_core_polled(). attempts: for each request; 0:
	 * a probe, one attempt at one request, whose batch may be empty where it is answered.
	 * timeout_us: for one answer; 0: the device's own. */
	void (*poll)(void *arg, const struct fg_group *group, unsigned attempts,
		int64_t timeout_us);
	/* Whether the group's poll under way leaves the link to others just now, waiting for its
	 * device. May be NULL: none ever does. */
	bool (*asleep)(void *arg, const struct fg_group *group);
	/* Takes a record for the next group commit; FG_EFULL where the store is too far behind. */
	int (*append)(
		void *arg, uint64_t first_seq, unsigned count, const void *record, size_t len);
	/* What fails is tried again. */
	int (*save_delivery)(
		void *arg, const struct fg_destination *dest, const struct fg_ranges *unacked);
	/* Asks for numbers below limit; fg_core_reserved() says when they may be used. */
	void (*reserve)(void *arg, uint64_t limit);
	void (*expire)(void *arg, int64_t now_wall_ms, uint64_t delivered_below);
	/* Stores an era, or its time, with the next group commit; fg_core_era_stored() says when it
	 * is durable. These six: FG_EFULL: not now, the core asks again. */
	int (*set_era)(void *arg, const struct fg_era *era);
	/* Begins corrections of an era (spool.h) in the group of what was handed over last. */
	int (*restamp_begin)(void *arg, uint32_t era, int64_t true_offset_us);
	/* Both take numbers from first_seq on, at most max, in order with appends; the core has
	 * given them away. fg_core_numbers_used() says how many are stored. */
	int (*restamp)(void *arg, uint64_t first_seq, unsigned max);
	int (*issue_losses)(
		void *arg, const char *destination, uint64_t first_seq, unsigned max);
	/* What is appended and saved between the two is stored together or not at all. `keep`:
	 * else it is dropped. Nothing of it was taken where end fails: FG_EFULL, not now;
	 * FG_EINVAL, it is too much for ever. May be NULL. */
	void (*begin)(void *arg);
	int (*end)(void *arg, bool keep);
	int (*set_ledger)(void *arg, const struct fg_ledger_row *row);
	int (*forget_ledger)(void *arg, const char *device);
	/* Keeps a note for the next start (spool.h), between begin and end together with what is
	 * appended; len 0 forgets it. FG_EFULL: not now; FG_EINVAL: too long for ever. May be NULL:
	 * nothing is kept. */
	int (*set_state)(void *arg, const char *kind, const char *key, const void *bytes,
		size_t len);
	/* Undelivered readings below drop_below may go; none of them is published until
	 * fg_core_room_made(). Copies what it is given. */
	int (*make_room)(
		void *arg, const struct fg_owed *owed, size_t count, uint64_t drop_below);

	void (*connect)(
		void *arg, const struct fg_destination *dest, size_t server, uint32_t epoch);
	void (*disconnect)(void *arg, const struct fg_destination *dest);
	/* Asks whether another server takes connections; the answer is fg_publisher_door(). May be
	 * NULL: nobody knows. */
	void (*look)(
		void *arg, const struct fg_destination *dest, size_t server, uint32_t epoch);
	/* All n messages, or none; copies them. */
	/* What comes is given to fg_core_heard(). Negative: not now. May be NULL. */
	int (*subscribe)(void *arg, const struct fg_destination *dest, const char *filter);
	int (*publish)(void *arg, const struct fg_destination *dest, const struct fg_message *m,
		size_t n);
	void (*read_page)(void *arg, const struct fg_destination *dest, struct fg_page *page);

	/* Somebody waits for the commit: it need not wait for its interval. May be NULL. */
	void (*hurry)(void *arg);
	/* What was handed over with fg_core_reported() and is under way: all is durable, or
	 * refused. known: how many of its readings were there before. May be NULL. */
	void (*reported)(void *arg, void *token, int status, unsigned known);
	/* What the driver counts of a link, as many as it has names for; false: nothing yet. May be
	 * NULL. */
	bool (*counts)(void *arg, const struct fg_link *link, uint64_t *ret);

	/* Has fg_hours_read() work (hours.h); the answer comes through fg_core_hours(). May be
	 * NULL: nothing is told of hours. Negative: not now. */
	int (*read_hours)(void *arg, struct fg_hours_work *work);

	/* A reading was taken (stored or about to be): for `fjordctl watch`. May be NULL. */
	void (*watch)(void *arg, const struct fg_item *item, const struct fg_point_desc *desc);
	void *arg;
};

/* What the store knew at the start. */
struct fg_core_start {
	uint64_t next_seq, seq_limit;
	uint32_t era, next_era; /* of this start; the first that was never used */
	bool new_store;
	bool unclean; /* the last run did not end in order, or not all that it sent is known */
	bool restamping; /* corrections may be under way: true where that is not known */
	int64_t newest_ms; /* time of the newest stored reading; 0: none */
	const struct fg_open_era *eras; /* of fg_spool_open_eras; copied */
	size_t era_count;
	const char *session; /* of the status: new at each start */
};

/* The configuration is held. Series must have been added for all its points, delivery states are
 * handed over by fg_core_add_destination before the first run. */
int fg_core_new(struct fg_config *config, const struct fg_core_ports *ports,
	const struct fg_core_start *start, struct fg_series_set *series, uint64_t seed,
	struct fg_now now, struct fg_core **ret);
void fg_core_free(struct fg_core *core);

/* For each destination of the configuration: what it has not acknowledged (taken over). */
int fg_core_add_destination(
	struct fg_core *core, const struct fg_destination *dest, struct fg_ranges *unacked);

/* A device's row of the ledger, and what the store holds of the time since. */
struct fg_core_known_point {
	uint32_t id; /* the store's */
	const struct fg_point_desc *desc;
	uint32_t sent;	  /* readings with qc 1-4 */
	uint32_t missing; /* in gaps */
};
struct fg_core_known {
	struct fg_ledger_row row;
	int64_t oldest_ms, newest_ms; /* of them, where their time is known; 0: of none */
	const struct fg_core_known_point *points;
	size_t count;
};
/* Before the first run, for each row of the ledger. Copies what it is given. */
int fg_core_known(struct fg_core *core, const struct fg_core_known *known);

/* Before the first run, for each note of the store; what it is given is lent for the call. One that
 * nobody knows what to do with is left as it is. Those of this kind come before fg_core_known(),
 * which adds what they say to what it is given; all others after it. */
#define FG_STATE_LEDGER "ledger"
int fg_core_known_state(struct fg_core *core, const char *kind, const char *key, const void *bytes,
	size_t len);

/* How far back readings are to be given that tests remember (0: none), and how to: before the first
 * run, in the order of the store. */
int64_t fg_core_quality_span_us(const struct fg_core *core);
void fg_core_quality_known(struct fg_core *core, const struct fg_item *item);

/* Does what is due; returns when it wants to be called again at the latest. */
int64_t fg_core_run(struct fg_core *core, struct fg_now now);

void fg_core_polled(struct fg_core *core, struct fg_now now, const struct fg_poll_result *result);
/* Readings that nobody polled; none, but `kept`: it asks for all that came before. FG_PENDING: the
 * port `reported` tells, later, what became of them. Else it is not called: FG_OK, all of it was
 * there, durably, before (*ret_known readings); negative as in fg_delivery.status. */
int fg_core_reported(struct fg_core *core, struct fg_now now, const struct fg_arrival *arrival,
	unsigned *ret_known);
/* Before the first run: a reading with a time of its own that the store has; the newest ones, so
 * that what comes twice is known. */
void fg_core_known_report(struct fg_core *core, const struct fg_item *item);
/* Readings below next_seq are durable. */
void fg_core_committed(struct fg_core *core, struct fg_now now, uint64_t next_seq);
void fg_core_reserved(struct fg_core *core, uint64_t limit);
void fg_core_dropped(struct fg_core *core, uint64_t from, uint64_t to, unsigned count);
void fg_core_store_state(struct fg_core *core, struct fg_now now, bool writable, const char *why);
void fg_core_store_size(struct fg_core *core, int64_t bytes, uint64_t rows);
/* Once a second, for ever: how good the evidence is that now.wall_us is right. */
void fg_core_clock(struct fg_core *core, struct fg_now now, enum fg_clock_level level);
/* The system's clock has stepped: only evidence that is newer than the step counts. */
bool fg_core_clock_doubted(const struct fg_core *core);
/* The core's own wall time, which is what everything is stamped with. */
int64_t fg_core_wall_us(const struct fg_core *core, int64_t mono_us);
/* The same moment on it. The core does this itself with what it is given; whoever calls a publisher
 * directly does too. */
struct fg_now fg_core_now(const struct fg_core *core, struct fg_now now);

/* The reading of a derived point, by the readings of a poll (judged) that is only shown, and what
 * is known else; false: it does not come with that poll. config: what both are of. */
bool fg_derive_shown(const struct fg_core *core, const struct fg_config *config,
	const struct fg_batch *batch, const struct fg_point *point, struct fg_reading *ret);

/* A damaged store was set aside; `text`: what was saved of it. */
void fg_core_salvaged(struct fg_core *core, const char *text);

/* ---- what the store tells ---- */

/* A note of the kind "retained" is durable, or refused for good. */
void fg_core_noted(struct fg_core *core, const char *key);
void fg_core_era_stored(struct fg_core *core, struct fg_now now, uint32_t number);
/* Of [first_seq, first_seq + max) that restamp (destination NULL) or issue_losses was given, the
 * first `used` are stored, the others will never be; `more`: there is more to do. */
void fg_core_numbers_used(struct fg_core *core, struct fg_now now, const char *destination,
	uint64_t first_seq, unsigned max, unsigned used, bool more);
/* `rows` losses wait to be told to a destination. */
void fg_core_losses(struct fg_core *core, const char *destination, unsigned rows);
/* Only undelivered readings could make room: the core answers with make_room. */
void fg_core_wants_room(struct fg_core *core, struct fg_now now);
void fg_core_room_made(struct fg_core *core, struct fg_now now);

/* A page that read_page() gave out is filled; frees it where its publisher is gone. */
void fg_core_page(struct fg_core *core, struct fg_now now, struct fg_page *page);

/* What read_hours() was asked is answered. */
void fg_core_hours(struct fg_core *core, struct fg_now now, struct fg_hours_work *work);

/* NULL for a destination that is no longer configured. */
struct fg_publisher *fg_core_publisher(struct fg_core *core, const char *name);
/* The gateway's own retained state was seen to say offline while it is not. */
void fg_core_seen_offline(struct fg_core *core, const char *destination);
/* The certificates of a connection that begins. */
void fg_core_certificates(
	struct fg_core *core, struct fg_publisher *p, const struct fg_certificates *certificates);
/* What the broker gave out under a topic that was subscribed to, read by fg_claims_read(). */
void fg_core_heard(struct fg_core *core, struct fg_now now, const char *destination,
	const char *topic, const char *claims, size_t len);
/* Another gateway was seen to use the same id with this destination's broker. */
void fg_core_seen_conflict(struct fg_core *core, const char *destination);

/* Sends stored readings to a destination again, not retained. Returns how many are queued that
 * were not already; FG_ENOENT: no such destination. */
int64_t fg_core_backfill(struct fg_core *core, struct fg_now now, const char *destination,
	const struct fg_ranges *ranges);

/* Replaces the configuration. The series of all new points are in the set; unacked of destinations
 * that are new or changed were stored (changed ones: by this core before). Links, devices and
 * destinations that are the same go on as they were. The caller has seen to it that no poll of a
 * group of a changed device is under way. */
int fg_core_reload(struct fg_core *core, struct fg_now now, struct fg_config *next);

/* Whether a device of two configurations is one and the same. */
bool fg_device_same(const struct fg_device *a, const struct fg_device *b);

/* The records of a point, and which is in force: an array `calibration`. */
struct fg_json;
void fg_core_calibrations(const struct fg_core *core, struct fg_now now,
	const struct fg_point *point, struct fg_json *j);
/* One more for a point, kept beside the configuration; record: its dates and texts (without a date:
 * now), copied; its curve is set from what is given. FG_ECONFIG: faults say why, and there may be
 * warnings of one that was added. FG_EFULL: the point has as many as it may have; FG_EINVAL: the
 * store has no room for it. */
#define FG_CALIBRATIONS_ADDED_MAX 32
struct fg_calibration_given;
struct fg_calibration_faults;
int fg_core_calibration_add(struct fg_core *core, struct fg_now now, const struct fg_point *point,
	const struct fg_calibration_given *given, struct fg_calibration *record,
	struct fg_calibration_faults *faults);
/* Takes back one that was added, by its date; FG_ENOENT. What was told by it stays. */
int fg_core_calibration_remove(struct fg_core *core, struct fg_now now,
	const struct fg_point *point, int64_t at_ms);

/* Why the store cannot be written; NULL: it can. */
const char *fg_core_store_fault(const struct fg_core *core);
/* Whether the store was given all notes of what people change: calibration, maintenance, service
 * notices. */
bool fg_core_notes_handed(const struct fg_core *core);

/* Work on a device: its readings are marked, and no alarm of it begins. */
struct fg_maintenance_window {
	int64_t since_ms; /* set by the core */
	int64_t from_ms;  /* 0: at once */
	int64_t until_ms; /* 0: until it is called off */
	int64_t for_ms;	  /* instead of an end: so long from its beginning; 0: until_ms holds */
	char reason[FG_MAINTENANCE_REASON];
};
/* Sets the window's end, where it is given as a length. FG_ENOENT: no such device; FG_EINVAL: it is
 * over, or empty; FG_EFULL: too many are planned. */
int fg_core_maintenance_on(struct fg_core *core, struct fg_now now, const char *device,
	struct fg_maintenance_window *window);
/* Ends what is open, or `all` that is planned too; returns how many windows those were, or
 * FG_ENOENT. */
int fg_core_maintenance_off(struct fg_core *core, struct fg_now now, const char *device, bool all);

/* What consumers are told of a fault, a repair or planned downtime. */
enum fg_notice_kind {
	FG_NOTICE_FAULT,
	FG_NOTICE_REPAIR,
	FG_NOTICE_PLANNED,
	FG_NOTICE_ALARM, /* by a rule alone */
	FG_NOTICE_KINDS
};
#define FG_NOTICES_MAX	    64
#define FG_NOTICE_LANGUAGES 3
#define FG_NOTICE_TEXT	    501 /* with its NUL */
#define FG_NOTICE_AFFECTED  512
struct fg_notice_given {
	enum fg_notice_kind kind;
	int64_t from_ms; /* 0: from now on */
	int64_t to_ms;	 /* 0: until it is cleared */
	int64_t for_ms;	 /* instead of an end: so long from its beginning; 0: to_ms holds */
	/* "device:NAME", "station:NAME", "point:STATION/POINT" with blanks between; empty: all;
	 * "destination:NAME": no point */
	char affected[FG_NOTICE_AFFECTED];
	char text[FG_NOTICE_LANGUAGES][FG_NOTICE_TEXT]; /* by fg_language; empty: it is made */
};
/* FG_EINVAL: it is over; FG_EFULL: there are too many; -ENOSPC: the store has no room. The texts
 * that are not given are made. */
int fg_core_notice_add(struct fg_core *core, struct fg_now now,
	const struct fg_notice_given *given, uint32_t *ret_id);
/* 0: all that were added. Returns how many, or FG_ENOENT; FG_EREFUSED: it is a rule's. */
int fg_core_notice_clear(struct fg_core *core, struct fg_now now, uint32_t id);
/* {"notices":[…]}, as they are published. */
void fg_core_notices(const struct fg_core *core, struct fg_buf *out);

/* Publishes the last status and lets go: after it only acknowledgements are taken. */
void fg_core_stop(struct fg_core *core, struct fg_now now);
/* Nothing is in flight any more. */
bool fg_core_idle(const struct fg_core *core);
/* From where on reserved numbers are given back at the end. Where messages may have arrived that
 * nobody acknowledged none are: by that the next start knows (unclean). */
uint64_t fg_core_release_from(const struct fg_core *core);

/* What the status tells of the web server; listen NULL: there is none; error NULL: it listens. */
void fg_core_http(struct fg_core *core, const char *listen, const char *error);
/* Which debug lines the log has, and until when (0: for good); that as a member of a document. */
void fg_core_debug(struct fg_core *core, const char *topics, int64_t until_mono_us);
void fg_core_debug_status(const struct fg_core *core, struct fg_now now, struct fg_json *j);

/* The document of `fjordctl status --json`. */
void fg_core_status(const struct fg_core *core, struct fg_now now, struct fg_buf *out);

#endif
