/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_PLAN_H
#define TESTS_SIMULATION_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rng.h"

/* What a seed stands for: a configuration, and everything that will go wrong, with its time. Both
 * world and checker know it; neither knows more of the other. */

#define US_PER_S	INT64_C(1000000)
#define US_PER_DAY	(86400 * US_PER_S)
#define PLAN_START_US	(INT64_C(1790000000) * US_PER_S) /* true time at which it begins */
#define PLAN_DEVICES	64
#define PLAN_POINTS	8 /* a device */
#define PLAN_DESTS	2
#define PLAN_FIRST_SEQ	1000
#define PLAN_ROOMY	(64 << 20) /* a max_size that is never needed */
#define PLAN_DB		"/sim/readings.db"

enum plan_what {
	PLAN_POWER_CUT,	   /* in the middle of writing; off for `a` µs */
	PLAN_KILL,	   /* the process dies; again after `a` µs */
	PLAN_RESTART,	   /* a clean stop; again after `a` µs */
	PLAN_SUSPEND,	   /* for `a` µs */
	PLAN_RELOAD,	   /* to the configuration `b` (enum plan_variant) */
	PLAN_WORK,	   /* on device `who`, for `a` µs; `b`: enum plan_work */
	PLAN_BROKER_DOWN,  /* `who`, for `a` µs; `b`: what it keeps, enum plan_memory */
	PLAN_BROKER_HANG,  /* answers nothing for `a` µs */
	PLAN_BROKER_SLOW,  /* each acknowledgement takes `b` µs, for `a` µs */
	PLAN_BROKER_DROP,  /* loses the connection once */
	PLAN_BROKER_REFUSE, /* reason code `b`, for `a` µs */
	PLAN_BROKER_DOUBLE, /* acknowledges twice, for `a` µs */
	PLAN_CLOCK_NTP,	   /* the time service is wrong by `b` µs, for `a` µs */
	PLAN_CLOCK_HAND,   /* somebody sets the clock, wrong by `b` µs; right again after `a` µs */
	PLAN_CLOCK_LOST,   /* no time service for `a` µs */
	PLAN_DAMAGE,	   /* bytes of the database change: `b` bits flip; 0: a sector is zeroed */
	PLAN_DEVICE,	   /* `who` is in state `b` (enum plan_device) for `a` µs */
	PLAN_DISK_FULL,	   /* another program fills it, for `a` µs */
	PLAN_DISK_EIO,	   /* writes fail, for `a` µs */
	PLAN_DISK_SYNC,	   /* syncs fail, for `a` µs */
	PLAN_DISK_READ_ONLY, /* for `a` µs */
	PLAN_DISK_SLOW,	   /* each sync takes `b` µs, for `a` µs */
	PLAN_WHAT_COUNT
};

enum plan_memory { BROKER_KEEPS_ALL, BROKER_FORGETS_SESSION, BROKER_FORGETS_ALL };
enum plan_device { DEVICE_WELL, DEVICE_SILENT, DEVICE_EXCEPTION, DEVICE_SENTINEL, DEVICE_SLOW };

/* Maintenance: until it is called off; until a time; planned an hour ahead. All is called off. */
enum plan_work { WORK_ON, WORK_UNTIL, WORK_PLANNED };

enum plan_full { FULL_DROP_OLDEST, FULL_THIN, FULL_DROP_NEWEST };
/* What a reload makes of the configuration, bits. */
enum plan_variant {
	VARIANT_RATE = 1,     /* another rate: publishers are replaced */
	VARIANT_FEWER = 2,    /* the last device is gone */
	VARIANT_CHANGED = 4,  /* the first one has another key */
	VARIANT_NO_DEST1 = 8, /* the second destination is gone; it comes back within a day */
	VARIANTS = 16
};

enum plan_clocks {
	CLOCKS_RIGHT,	/* at each boot at once */
	CLOCKS_LATE,	/* a while after a boot */
	CLOCKS_TROUBLED /* that, hardware clocks, boots that never know, steps */
};

/* Seeds from 1000 on: towns in which one misfortune comes again and again. seed / 1000. */
#define PLAN_BATCHES 20000 /* from that seed on readings wait for others of their device */
enum plan_special {
	SPECIAL_NONE,
	SPECIAL_SUSPEND,  /* hours of sleep, with a right clock */
	SPECIAL_PAIRS,	  /* a long time without power, and another end soon after the start */
	SPECIAL_FULL_CUT, /* power cuts at full hours while the disk is full */
	SPECIAL_NO_DISK,  /* many readings, and a disk that takes nothing for hours */
	SPECIAL_DROPS,	  /* connections that end while a backlog drains */
	SPECIAL_FULL_STORE, /* a small store, brokers that are away, ends again and again */
	SPECIAL_COUNT
};

struct plan_event {
	int64_t at_us;
	enum plan_what what;
	unsigned who;
	int64_t a, b;
	bool busy; /* it waits until something is under way */
};

struct plan_device_conf {
	unsigned points, read; /* the others are worked out of those */
	unsigned link;
	int64_t interval_us;
	bool bathing; /* its domain; else water */
	bool align;
	bool by_change; /* reported by exception */
	bool alarms;	/* above PLAN_ALARM, read six times as often while it holds */
};

struct plan {
	uint64_t seed;
	int64_t end_us; /* of the time in which things go wrong */
	int64_t drain_us; /* after that all is well for so long */
	unsigned devices, links, dests;
	struct plan_device_conf device[PLAN_DEVICES];
	bool bathing_only[PLAN_DESTS]; /* what a destination selects; else everything */
	bool derived; /* points that are worked out of others, and rules */
	bool tested; /* points with tests that look at earlier readings: plan_series.c */
	bool damaged; /* bytes change on the disk: what is lost is lost, but nothing is invented */
	enum plan_special special;
	bool tight; /* the store, or memory, is too small for what an outage leaves */
	enum plan_full when_full;
	int inflight[PLAN_DESTS];
	double backlog_rate[PLAN_DESTS];
	int64_t commit_us, keep_us, max_size, timeout_us, max_delay_us;
	int64_t batch_us; /* of the first destination; 0: none */
	enum plan_clocks clocks;
	unsigned work_device; /* its work is planned in the configuration, */
	int64_t work_from_us, work_until_us;
	struct plan_event *events; /* in order of time */
	size_t event_count, event_cap;
};

void plan_make(struct plan *p, uint64_t seed, double days);
void plan_fini(struct plan *p);
void plan_add(struct plan *p, struct plan_event e);
/* plan_series.c: work on devices */
void plan_work(struct plan *p);
void plan_work_yaml(const struct plan *p, unsigned device, struct fg_buf *out);
void plan_yaml(const struct plan *p, unsigned variant, struct fg_buf *out);
/* Bytes of memory that the gateway may take. */
int64_t plan_memory(const struct plan *p);
const char *plan_what_name(enum plan_what what);

/* What a sensor shows: from the seed, point (device * PLAN_POINTS + its number) and true time. */
int64_t plan_value(const struct plan *p, unsigned point, int64_t true_us);
/* Of the points' gross range test. */
#define PLAN_FAIL_LOW	  50000000
#define PLAN_SUSPECT_LOW  100000000
#define PLAN_SUSPECT_HIGH 4000000000
#define PLAN_FAIL_HIGH	  4100000000
#define PLAN_ALARM	  3500000000
#define PLAN_CHANGE	  2000000000
#define PLAN_AT_LEAST	  7 /* intervals */

/* In some towns each device has, behind the points that it reads, */
#define PLAN_DIFFERENCE 3 /* the first less the second */
#define PLAN_MORE	4 /* and the third and one more, */
/* and its station a rule: the first may be above the second by so much. */
#define PLAN_ORDER 1000000000
/* The inputs of a point that is worked out; 0: it is read. */
unsigned plan_inputs(const struct plan *p, unsigned point, unsigned inputs[2]);

/* Whether a point has the tests below; then it is PLAN_TESTED of its device. */
bool plan_tested(const struct plan *p, unsigned point);
bool plan_by_difference(unsigned point); /* its spike test's method; else by average */
int64_t plan_series_value(const struct plan *p, unsigned point, int64_t true_us);
void plan_series_yaml(const struct plan *p, unsigned point, struct fg_buf *out);
#define PLAN_TESTED 2
/* Of its limits; all but times are in levels. */
#define PLAN_LEVEL	        (INT64_C(1) << 32)
#define PLAN_LEVEL_FAIL_LOW     400
#define PLAN_LEVEL_SUSPECT_LOW  720
#define PLAN_LEVEL_SUSPECT_HIGH 1500
#define PLAN_LEVEL_FAIL_HIGH    1700
#define PLAN_SEPTEMBER_LOW      740
#define PLAN_SEPTEMBER_HIGH     1280
#define PLAN_LATER_LOW	        700
#define PLAN_LATER_HIGH	        1200
#define PLAN_LATER_FAIL_LOW     600
#define PLAN_LATER_FAIL_HIGH    1600
#define PLAN_SPIKE_SUSPECT      120
#define PLAN_SPIKE_FAIL	        250
#define PLAN_RATE_SUSPECT       150 /* in an interval */
#define PLAN_RATE_FAIL	        300
#define PLAN_FLAT_SUSPECT       12 /* intervals */
#define PLAN_FLAT_FAIL	        24
#define PLAN_GAP	        25 /* tenths of an interval */
#define PLAN_LEVEL_CHANGE       140
#define PLAN_LEVEL_ALARM        1150

#endif
