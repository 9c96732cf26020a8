/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_CHECKER_PRIVATE_H
#define TESTS_SIMULATION_CHECKER_PRIVATE_H

/* What the checker's files share. */

#include "base/buf.h"
#include "checker.h"
#include "checker_parse.h"
#include "storage/reader.h"

#define POINTS	    (PLAN_DEVICES * PLAN_POINTS)
#define NONE	    UINT32_MAX
#define TIME_US	    US_PER_S	    /* S2 */
#define LATE_US	    US_PER_S	    /* S7, beside what is configured */
#define SLACK_US    (US_PER_S / 2)  /* for what takes time between an instant and a commit */
#define LOOK_US	    (61 * US_PER_S) /* between two looks at the clock */
#define WEAK_US	    (3 * US_PER_S)  /* what is told less wrong than that is not corrected */
#define SAVE_US	    (2 * US_PER_S)  /* acknowledgements are stored this late */
#define STARVED_US  (61 * US_PER_S) /* so long a disk that was full is not known to have room */
#define FAULTS_TOLD 12
#define CHECKER_FULL_MAX 256
#define CHECKER_WORKS	 64
#define SEQ_CHUNK   4096
#define SEQ_CHUNKS  65536

/* What a sensor gave for one point. */
struct given {
	int64_t true_us;
	uint64_t seq; /* 0: no message and no row had it yet */
	uint32_t point, boot, run;
	uint64_t correction;	   /* 0: none came */
	uint8_t cause, acked, got; /* bits of destinations */
	uint8_t refused;	   /* by destinations */
	uint8_t early;		   /* destinations that got it before it was stored */
	bool ever_early;	   /* one got it before it was stored */
	bool on_disk, gone;	   /* in the last look at the disk; lost with a power cut */
	uint8_t corrected;	   /* for destinations */
	uint8_t wrong;		   /* destinations that were told a time by what is not certain */
	int64_t acked_us[PLAN_DESTS];
	/* of points with tests: checker_series.c */
	uint16_t may;	     /* what tests may say: three bits each, good, suspect, fail */
	uint8_t spike_may;   /* the same of a correction */
	uint8_t spiked;	     /* destinations that were told that it is a spike */
	bool spike_due;	     /* it is one by what came after it: */
	uint32_t spike_next;
	uint64_t spike;	     /* number of the correction; 0: none came */
	uint8_t maintained;  /* checker_marks.c */
	bool told;	     /* with told_ms */
	int64_t told_ms;
};

/* Tests as in struct parsed. */
enum { CHECKER_RANGE, CHECKER_CLIMATE, CHECKER_RATE, CHECKER_FLAT, CHECKER_GAP, CHECKER_SPIKE };

/* What a number was seen with. */
struct number {
	uint32_t given; /* NONE: a gap or an account */
	uint32_t hash;	/* of the content */
	bool seen;
	uint8_t got, refused; /* by destinations */
};

struct record {
	uint32_t given;
	uint8_t dest;
};

/* Of an account, for one point. */
struct span {
	int64_t from_us, to_us;
	double scheduled;
};

struct point {
	uint32_t *given; /* in order of time */
	size_t count, cap;
	/* per destination */
	uint64_t last_backlog[PLAN_DESTS], connection[PLAN_DESTS];
	uint32_t retained[PLAN_DESTS]; /* NONE: nothing */
	uint32_t newest[PLAN_DESTS];   /* of what was received */
	double scheduled[PLAN_DESTS], sent[PLAN_DESTS], suppressed[PLAN_DESTS], missing[PLAN_DESTS];
	uint64_t readings[PLAN_DESTS];
	double gaps[PLAN_DESTS];
	struct span *accounts[PLAN_DESTS];
	size_t account_count[PLAN_DESTS], account_cap[PLAN_DESTS];
	/* came with stored:false and were never stored: a start after that tells them as missing */
	uint64_t unstored[PLAN_DESTS];
};

/* What the machine's clock says from a moment on. */
struct clock {
	int64_t true_us, off_us;
	enum fg_clock_level level;
	uint32_t boot;
};

struct boot {
	size_t first_clock;
	int64_t certain_us; /* the gateway knew the time for certain; 0: never */
	uint32_t certain_run;
	int64_t full_us; /* what was given before went perhaps for room, before certain_us */
	int64_t off_us; /* how long the gateway was off before the starts in it */
};

/* On a device. */
struct work {
	int64_t from_us, until_us, set_us;
	bool configured;
};

struct checker {
	const struct plan *plan;
	struct given *given;
	size_t given_count, given_cap;
	struct record *records;
	size_t record_count, record_cap;
	struct number *numbers[SEQ_CHUNKS];
	struct point points[POINTS];
	uint32_t *by_value; /* hashed; NONE: free */
	size_t by_value_cap;
	struct clock *clocks;
	size_t clock_count, clock_cap;
	struct boot *boots;
	size_t boot_cap;
	uint32_t boot_count;
	int64_t clock_worst_us; /* the farthest off that one was that was believed */
	int64_t clock_believed_us, clock_slack_us; /* the last; all changes of it */
	int64_t now_us, first_start_us, last_end_us;
	unsigned starts;
	int64_t *starts_us;
	size_t starts_cap;
	int64_t repeats_from_us; /* what was acknowledged since then may come again */
	bool forgot[PLAN_DESTS];
	bool disk_full, removed; /* the second destination */
	int64_t full_until_us, removed_us;
	/* what was given before, and the second destination lacked, went perhaps for room */
	int64_t given_up_us;
	unsigned faults;
	struct checker_hours *hours; /* checker_hours.c */
	struct checker_series *series; /* checker_series.c */
	struct work works[PLAN_DEVICES][CHECKER_WORKS];
	size_t work_count[PLAN_DEVICES];
	int64_t commanded_us[PLAN_DEVICES];
	bool work_unsure[PLAN_DEVICES];
	uint64_t verdicts, spikes, maintained, alarms; /* for people */
	int64_t full_from_us[CHECKER_FULL_MAX], full_to_us[CHECKER_FULL_MAX]; /* a full disk */
	size_t full_count;
	/* for people */
	uint64_t hours_checked, hours_equal;
	uint64_t messages, repeats, stored, lost_in_cuts, in_time;
	int64_t slowest_us;
};

void FG_PRINTF(3, 4) checker_found(struct checker *c, const char *invariant, const char *fmt, ...);
void *checker_grown(void *items, size_t *cap, size_t count, size_t size);
bool checker_selects(const struct checker *c, unsigned dest, unsigned point);
const char *checker_name(unsigned point, char text[16]);
/* checker_hours.c: a reading, or what an hour came to, has come; at the end they are compared. */
void checker_hours_reading(struct checker *c, unsigned dest, const struct parsed *m);
void checker_hours_told(struct checker *c, unsigned dest, const struct parsed *m);
void checker_hours_finish(struct checker *c);
void checker_hours_free(struct checker *c);
/* checker_series.c: a reading was given; the disk is looked at, with each of its rows; a start. */
void checker_series_gave(struct checker *c, uint32_t i);
void checker_series_look(struct checker *c);
void checker_series_row(struct checker *c, const struct fg_item *item, unsigned point,
	uint32_t given, bool uncertain);
void checker_series_started(struct checker *c);
/* It is told, or stored; whether this is a correction by the spike test. */
bool checker_series_told(struct checker *c, unsigned dest, struct given *g, const struct parsed *m,
	const char *where);
void checker_series_finish(struct checker *c);
void checker_series_free(struct checker *c);
/* checker_marks.c */
void checker_work_configured(struct checker *c);
void checker_work_ended(struct checker *c, bool clean, int64_t disk_well_since_us);
void checker_marks_gave(struct checker *c, struct given *g);
void checker_marks_told(
	struct checker *c, const struct given *g, const struct parsed *m, const char *where);
/* NULL: out of any range. */
struct number *checker_number(struct checker *c, uint64_t seq);
/* What was given for a message or a row with a value; NONE. */
uint32_t checker_find_value(const struct checker *c, const struct parsed *m);
/* The same, and what has no value by its time; NONE: a fault was found, or time says nothing. */
uint32_t checker_identify(struct checker *c, const struct parsed *m, const char *where);
/* Whether it is told whenever it is given; a failure is told only when it begins or changes. */
bool checker_always_told(const struct checker *c, const struct given *g);
/* The flag that it has to have (checker_qc.c). */
int checker_qc(const struct checker *c, const struct given *g);
/* POINTS: there is no such point. */
unsigned checker_point_of(const struct fg_point_desc *desc);
void checker_row(const struct fg_item *item, unsigned point, struct parsed *m);
/* The last instant until now at which delivered readings gave room on a full disk. */
int64_t checker_starved_us(const struct checker *c);
/* All rows of the store on a disk, without changing it. */
long checker_read_store(struct checker *c, const struct disk *disk, fg_reader_fn fn, void *arg);
/* checker_losses.c: what a full store could not take, and is yet to tell, counts as told. */
void checker_add_losses(struct checker *c, unsigned dest, const struct disk *disk);

#endif
