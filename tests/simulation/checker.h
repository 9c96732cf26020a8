/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_CHECKER_H
#define TESTS_SIMULATION_CHECKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"
#include "gateway/clock.h"
#include "plan.h"

/* Looks at a run from outside. It knows what the sensors gave, what the brokers received, when the
 * gateway was on, and what a disk holds after a cut; it never sees the gateway's own state.
 *
 * S1  Every reading that was committed is acknowledged, or still in the store, or in a gap; what
 *     was given longer than commit_interval before a power cut, with the disk well, was
 *     committed.
 * S2  None is invented or altered: value, unit, quality and cause are the sensor's, the time is
 *     within a second of true time, or within time_uncertainty, or what a clock said that was to
 *     be believed; what a weak one said, or an estimate, is corrected when better is known.
 * S3  An id stands for one content, a content has one id.
 * S4  Within a connection the backlog of a point comes in order of its numbers.
 * S5  At the end the retained value of a point is its newest.
 * S6  The files never take more than max_size, the gateway never more memory than its configuration
 *     implies; an end leaves nothing of that.
 * S7  While broker, disk and clock are well, a reading is there within commit_interval, max_delay
 *     and a second.
 * S8  For each point and destination: scheduled = readings with qc 1-4 + suppressed + gaps; and
 *     scheduled is what time and interval say.
 * S9  What was acknowledged does not come again, but for what was in flight or acknowledged right
 *     before a restart, and the newest where the broker has forgotten the session.
 * S10 What is told of an hour is what its readings say (checker_hours.c).
 * S11 What a reading is worth is what tests by their definition say of it and of those before it
 *     that the gateway can know: those of the run, and at a start those that the store has. What
 *     proves a spike is corrected, once (checker_series.c).
 * S12 Readings say that they were taken during maintenance, and that an alarm holds, where it is so
 *     (checker_marks.c). */

struct checker;

enum checker_cause {
	CHECKER_VALUE,
	CHECKER_SENTINEL,
	CHECKER_NO_RESPONSE,
	CHECKER_EXCEPTION, /* code 2 */
};

struct checker *checker_new(const struct plan *plan);
void checker_free(struct checker *c);

/* A sensor gave this to the gateway, for one point, at a true time. */
void checker_gave(struct checker *c, int64_t true_us, unsigned point, enum checker_cause cause);

/* A broker took a message. well_since_us: nothing is wrong on the way since; INT64_MAX: something
 * is. Returns a number for checker_acked. */
size_t checker_received(struct checker *c, int64_t true_us, unsigned dest, uint64_t connection,
	const char *topic, const void *payload, size_t len, bool retain, int64_t well_since_us);
/* A broker refused one for good: it will be told as a gap. */
void checker_refused(struct checker *c, int64_t true_us, unsigned dest, const char *topic,
	const void *payload, size_t len);
/* The gateway has got its acknowledgement. */
void checker_acked(struct checker *c, int64_t true_us, size_t record);
/* The broker has lost the gateway's session, or also what it retained. */
void checker_forgot(struct checker *c, unsigned dest, bool retained);

/* Another program fills the disk, or has gone. Then delivered readings give room, also those that
 * wait for a correction, and those that only a removed destination lacks. */
void checker_disk_full(struct checker *c, int64_t true_us, bool full);
/* What is in force has the second destination, or not. */
void checker_configured(struct checker *c, int64_t true_us, bool removed);
/* Somebody works on a device from then on until then (INT64_MAX: until it is called off); calls all
 * of it off. */
void checker_work(struct checker *c, int64_t true_us, unsigned device, int64_t from_us,
	int64_t until_us);
void checker_work_over(struct checker *c, int64_t true_us, unsigned device);
/* The gateway starts; is gone: in order or not. disk_well_since_us as above. The disk is what
 * there is then. */
void checker_started(struct checker *c, int64_t true_us);
void checker_ended(struct checker *c, int64_t true_us, bool clean, int64_t disk_well_since_us,
	const struct disk *disk);
/* Bytes on the disk, the most since the last call. */
void checker_disk(struct checker *c, int64_t true_us, int64_t peak);
/* Bytes of memory that the gateway holds, or held when it was gone; and how many it may. */
void checker_memory(struct checker *c, int64_t true_us, int64_t bytes, int64_t bound);

/* The machine boots; what its clock says from now on, and how far that is from true time. */
void checker_booted(struct checker *c, int64_t true_us);
void checker_clock(struct checker *c, int64_t true_us, enum fg_clock_level level, int64_t off_us);
/* The gateway has looked at a right clock for minutes, and could store what it saw. */
void checker_time_certain(struct checker *c);

/* After the last checker_ended(): everything was well for a day. What the store still owes counts
 * as told. Returns how many faults were found in all. */
unsigned checker_finish(struct checker *c, int64_t true_us, const struct disk *disk);
unsigned checker_faults(const struct checker *c);
/* What was looked at, for people. */
void checker_summary(const struct checker *c, char *text, size_t size);

#endif
