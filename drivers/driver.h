/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_DRIVER_H
#define FG_DRIVERS_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/key.h"
#include "base/report.h"
#include "model/device.h"
#include "model/reading.h"

/* The southbound interface. A driver speaks one protocol; it knows nothing of schedules, the
 * store, quality tests or MQTT. It keeps no file-scope state that changes.
 *
 * Configuration: a driver declares its keys for links, devices and points as tables; the loader
 * fills conf areas of the given sizes (fg_link.conf, fg_device.conf, fg_point.conf), immutable
 * from then on and shared between threads without locks.
 *
 * Run time: one worker thread belongs to each link (or, with FG_DRIVER_SHARED, one thread to all
 * links of the driver). Every function below the line is called by that thread alone. */

struct fg_config;
struct fg_delivery;

#define FG_LINK_COUNTS 16

/* The run-time side of one link. Lives as long as its worker; across a reload that leaves the
 * link's own keys as they were, `link` then points to the new, equal object. */
struct fg_link_state {
	const struct fg_link *link;
	void *state; /* zeroed memory of fg_driver.state_size, before open() */
	struct fg_host *host;
	bool open;
	/* Set by the driver where open() or poll() fails: what failed and why. The worker logs it,
	 * once. */
	char why[160];
	/* What the driver counts, under its count_names; others read it. */
	_Atomic uint64_t counts[FG_LINK_COUNTS];
	/* The worker's: fg_link_deliver(). */
	int (*deliver)(struct fg_link_state *ls, struct fg_delivery *d);
	void *owner;
};

/* One due reading of one group: what the scheduler hands to a driver. */
struct fg_job {
	struct fg_link_state *link;
	const struct fg_group *group;
	int64_t deadline_mono_us; /* poll() must be over by then */
	unsigned attempts;	  /* for each request: 1 + retries */
	/* Whether the device answers at all: one attempt at one request is enough. Where it
	 * succeeds the batch may stay empty. */
	bool probe;
	int64_t timeout_us; /* for one answer; 0: the device's own */
	struct fg_batch *batch;	  /* readings go here */
	struct fg_raw *raw; /* not NULL: this exchange instead of a group, which is NULL then */
	struct fg_buf *explain; /* not NULL: frames and decoding steps for a person, line by line */

	/* set by the driver */
	int status;	   /* of poll(): FG_OK, or negative: the link itself is down */
	unsigned requests; /* sent, retries included */
	unsigned answers;  /* requests that got a valid answer, refusals included */
	int64_t answer_us; /* the longest time from the end of a request to the end of its answer;
			    * 0: not measured */
	unsigned splits; /* requests more than planned, as the device refused to read over gaps */
	/* From now on the readings of the group come by themselves (fg_link_deliver()), and it is
	 * not polled until they stay away for three intervals, or a delivery says that it is over.
	 * Where the driver plans that, it sets group->observed. */
	bool observing;
	int64_t resume_mono_us; /* with FG_AGAIN: when poll() is to go on */
	void *driver_data; /* the driver's own while the job is pending */

	/* the worker's and the core's */
	const struct fg_link *listen; /* not NULL: no poll, this link is to be open from now on */
	struct fg_job *next;
	struct fg_config *config; /* holds what group points to; drivers leave it alone */
	int64_t started_mono_us, done_mono_us;
	int64_t slept_mono_us; /* since when it sleeps, or slept last */
	int64_t slept_us;      /* in all: the link was others' meanwhile */
	_Atomic bool asleep;   /* read by the core's thread */
	void (*done)(struct fg_job *job);
	void *owner;
};

/* Readings that nobody polled, of one device: pushed by it, or sent because it is observed. */
struct fg_delivery {
	/* set by the driver */
	const struct fg_device *device; /* of the link as it is configured now */
	struct fg_batch batch; /* each with its time, on this gateway's clock or the sensor's */
	int64_t arrived_mono_us;
	/* Tells this message from all others of the device for EXCHANGE_LIFETIME (RFC 7252), so
	 * that what comes twice is taken once where the sensor tells no times; 0: nothing does.
	 * Readings with times that the sensor told are known by point and time, for much longer. */
	uint64_t message;
	bool kept; /* the sender keeps what is refused and sends it again: that is no loss. Without
		    * readings: it is done when those of the polls that are over are durable */
	unsigned late; /* messages dropped before it: older than what was there, or twice */
	bool over; /* nothing more comes by itself: the group of the readings is polled again */
	const struct fg_group *group; /* of `over`, where there are no readings */
	/* What became of it, in the link's thread. Frees it, with fg_delivery_free(). NULL: nobody
	 * waits for it. */
	void (*done)(struct fg_delivery *d);
	void *user;

	/* FG_OK: all is stored, durably, or was before. Refused, as a whole: FG_EFULL, the store
	 * cannot keep it now; FG_EAGAIN, the time is not known yet that its times could be held
	 * against; FG_EINVAL, a time in the future, or before there were such sensors;
	 * FG_ECANCELED, the device or the gateway goes. */
	int status;
	unsigned known; /* of its readings were there already */

	/* the worker's and the daemon's */
	struct fg_delivery *next;
	struct fg_config *config; /* holds what it points to */
	void *owner;
	uint64_t owner_serial;
};

/* At most so many of a link's thread are under way. */
#define FG_DELIVERIES_MAX 64
/* At most so many readings, and bytes of text, in one. */
#define FG_DELIVERY_READINGS 512
#define FG_DELIVERY_TEXT     16384

/* Room for so many readings and so much text; NULL without memory. */
struct fg_delivery *fg_delivery_new(
	const struct fg_device *device, size_t readings, size_t text, int64_t arrived_mono_us);
void fg_delivery_free(struct fg_delivery *d);

/* Hands readings over that nobody polled, at any time while the link is open; the link's thread.
 * FG_PENDING: taken, done() is called later, once. FG_EFULL: too much is under way, the delivery
 * stays the caller's. A link that closes forgets those of its deliveries that are under way: it
 * sets their done to NULL. */
int fg_link_deliver(struct fg_link_state *ls, struct fg_delivery *d);

/* One exchange outside of all plans, for a person at the cabinet (probe and scan). */
#define FG_RAW_HEARD 640
struct fg_raw {
	const struct fg_link *link;
	uint8_t unit;
	uint8_t pdu[8]; /* of a request that changes nothing */
	size_t pdu_len;
	int64_t timeout_us;

	/* set by the driver */
	int status; /* FG_OK: there is an answer, or a refusal; FG_ETIMEOUT: nothing came but the
		     * echo; FG_EFRAME: something else came; or why the link is down */
	uint8_t sent[16];
	size_t sent_len;
	uint8_t answer[256]; /* the PDU */
	size_t answer_len;
	uint8_t heard[FG_RAW_HEARD]; /* all that came, frames as they were */
	size_t heard_len;
	bool echo; /* the request came back first */
	char why[160]; /* the link is down: what failed */
};

/* What plan() made of a group, for people and for the cycle-time forecast. */
struct fg_request_info {
	char text[96];	  /* "holding 0..19 (20 registers)" */
	unsigned unasked; /* of them nobody asked for */
	int64_t wire_us;  /* bus time of request and answer; 0 where the transport has no fixed rate
			   */
	int64_t turn_us; /* how long the device is expected to take until it answers */
};

/* What a poll takes besides its requests: commands, wake-ups, silences. */
struct fg_beside {
	int64_t busy_us; /* of the link's time */
	int64_t wait_us; /* during which the link is left to others */
	bool told;	 /* the configuration says how long the device takes */
};

enum {
	/* All links of this driver run in one thread around one host area; poll() must not block
	 * and returns FG_PENDING. */
	FG_DRIVER_SHARED = 1u << 0,
	/* Its links are open all the time, not from the first poll on. */
	FG_DRIVER_LISTENS = 1u << 1,
};

/* The host of a FG_DRIVER_SHARED driver: what its links have in common. */
struct fg_host {
	const struct fg_driver *driver;
	void *state; /* zeroed memory of fg_driver.host_size */
};

struct fg_driver {
	const char *name; /* as written in the configuration */
	const char *help; /* one line */
	unsigned flags;
	const char *const *count_names; /* what its links count, for people; NULL-terminated */
	const char *thread; /* of shared drivers that run in one; NULL: one of its own */

	size_t link_size, device_size, point_size; /* of the conf areas */
	const struct fg_key *link_keys, *device_keys, *point_keys;
	size_t state_size, host_size; /* of fg_link_state.state, fg_host.state */

	/* At load; loader's thread, no I/O. check_link(), check_device() and check_point() report
	 * every fault that the key tables cannot express, and may complete the conf area. plan()
	 * turns the points of a group into few requests, in memory from the arena, and sets
	 * group->plan and group->request_count. text_room() is how many bytes of text a batch of
	 * the group can need. has_point() says whether the device, as configured, has the point at
	 * all; a point that it does not have is left out, before check_point(). Any of the checks
	 * may be NULL. */
	bool (*has_point)(const struct fg_point *point, const void *conf);
	void (*check_link)(const struct fg_link *link, void *conf, struct fg_report *rep);
	void (*check_device)(const struct fg_device *dev, void *conf, struct fg_report *rep);
	void (*check_point)(const struct fg_point *point, void *conf, struct fg_report *rep);
	/* Whether two links would open the same port or endpoint. */
	bool (*same_port)(const struct fg_link *a, const struct fg_link *b);
	/* Faults between devices of one link (one unit id, other meaning). */
	void (*check_pair)(
		const struct fg_device *a, const struct fg_device *b, struct fg_report *rep);
	int (*plan)(struct fg_group *group, struct fg_arena *arena);
	size_t (*text_room)(const struct fg_group *group);
	/* The i-th request of the plan. */
	void (*describe)(const struct fg_group *group, size_t i, struct fg_request_info *ret_info);
	/* NULL: nothing. */
	void (*beside)(const struct fg_group *group, struct fg_beside *ret_beside);
	/* Bits per second of a serial line; NULL where links have no rate of their own. */
	unsigned (*rate)(const struct fg_link *link);

	/* ---- at run time, worker's thread ---- */

	/* open() makes the link usable, within a few seconds; negative: it is down (the worker
	 * backs off and calls again). close() undoes it and copes with a half-open link. */
	int (*open)(struct fg_link_state *ls);
	void (*close)(struct fg_link_state *ls);

	/* The configuration was read again: files that it names may be others, and `ls->link` is
	 * another object with equal keys. May be NULL. */
	void (*reload)(struct fg_link_state *ls);

	/* poll() makes one pass over the group's requests and never outlasts the deadline. It
	 * appends exactly one reading for every point of the group, good or bad (but see
	 * fg_job.probe), and returns FG_OK;
	 * or a negative code when the link itself failed (the readings are appended all the same):
	 * the worker closes it and opens it again before the next job. FG_PENDING (shared drivers
	 * only): job->done(job) is called later, once, from process() or cancel(). FG_AGAIN (others
	 * only): nothing was appended yet; poll() is called with the same job once more at
	 * resume_mono_us or later, after other jobs, and with a deadline that is later by as much.
	 * What it has to remember until then is in driver_data, NULL at first. */
	int (*poll)(struct fg_job *job);
	void (*cancel)(struct fg_job *job);

	/* One exchange for a person, within its time; negative where the link itself failed. NULL
	 * where the protocol has no such thing. port() tells what the link opens: the device's
	 * path, or HOST:PORT. */
	int (*raw)(struct fg_link_state *ls, struct fg_raw *x);
	void (*port)(const struct fg_link *link, struct fg_buf *out);

	/* Shared drivers only. fd() is one descriptor to wait on for reading; process() does what
	 * is due and returns how long (µs) it may wait for the next call at most. */
	int (*host_open)(struct fg_host *host);
	void (*host_close)(struct fg_host *host);
	int (*host_fd)(struct fg_host *host);
	int64_t (*host_process)(struct fg_host *host);
};

/* NULL-terminated. */
extern const struct fg_driver *const fg_drivers[];

/* NULL where there is none of that name. */
const struct fg_driver *fg_driver_find(const char *name);

/* Helpers for drivers. */

/* Appends a reading without a value: MISSING with the reason. */
void fg_job_missing(struct fg_job *job, const struct fg_point *point, enum fg_reason reason,
	unsigned detail, int64_t taken_mono_us);

/* Appends a decoded value: sentinels by value, not-a-number, scale and offset are applied here,
 * alike for every driver. A text or a boolean where the property is a number is MISSING (decode).
 * `raw` is the value's bits for raw sentinels where has_raw. */
void fg_job_value(struct fg_job *job, const struct fg_point *point, struct fg_value value,
	bool has_raw, uint64_t raw, int64_t taken_mono_us);

/* The same with another scale and offset than the point's: where the device tells them. */
void fg_job_scaled_value(struct fg_job *job, const struct fg_point *point, struct fg_value value,
	bool has_raw, uint64_t raw, double scale, double offset, int64_t taken_mono_us);

/* The same into a reading that is no job's: its qc, reason and value; text is lent. The value is
 * left as it is where there is none to take. */
void fg_reading_set(struct fg_reading *r, const struct fg_point *point, struct fg_value value,
	bool has_raw, uint64_t raw, double scale, double offset);

/* A line for `fjordctl read`; does nothing where nobody asked. */
void fg_job_explain(struct fg_job *job, const char *fmt, ...) FG_PRINTF(2, 3);

#endif
