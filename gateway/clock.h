/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CLOCK_H
#define FG_GATEWAY_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "storage/spool.h"

/* What the core holds for true time, apart from what the system's clock says. Pure: the standing
 * of the system's clock comes in once a second, a verdict comes out. */

/* How good the evidence for wall time is. */
enum fg_clock_level {
	FG_CLOCK_UNKNOWN,
	FG_CLOCK_RTC, /* a hardware clock set it at boot: weak, nobody else confirms it */
	FG_CLOCK_RIGHT,
};

/* A clock that moves by no more than this between two looks is slewed: one relation between
 * monotonic and wall time. More is a step. */
#define FG_CLOCK_SLEW_US 500000
/* What was told by a weak clock is corrected where it was wrong by more than this. */
#define FG_CLOCK_WEAK_US 2000000
/* No reading is older than this program: 2026-01-01T00:00:00Z. */
#define FG_CLOCK_OLDEST_MS INT64_C(1767225600000)

struct fg_clock {
	enum fg_clock_level level;
	bool always;	   /* trust: always: steps are taken at once */
	bool estimated;	   /* level is UNKNOWN, and offset_us is an estimate that was told */
	bool holding;	   /* the system's clock stepped and nobody said yet that it is right */
	int64_t offset_us; /* accepted: wall = mono + offset */
	int64_t system_us; /* the system's own, when last looked at */
	uint32_t uncertainty_s;
};

enum fg_clock_verdict {
	FG_CLOCK_FOLLOWS,  /* the same relation still, or none is known */
	FG_CLOCK_HOLDS,	   /* the accepted offset goes on, not the system's clock */
	FG_CLOCK_IS_KNOWN, /* for the first time */
	FG_CLOCK_STEPS,	   /* a new relation; what was told is right as it was told */
	FG_CLOCK_CORRECTS, /* a new relation; what was told by the one before is wrong */
};

void fg_clock_init(struct fg_clock *c, struct fg_now now, bool always);
/* What becomes of it; holding and system_us are brought up to date, and with FOLLOWS all of it. The
 * other three are asked for again with each look until fg_clock_take() was called. */
enum fg_clock_verdict fg_clock_look(
	struct fg_clock *c, struct fg_now now, enum fg_clock_level level);
/* Makes the system's clock as last looked at the accepted one. */
void fg_clock_take(struct fg_clock *c, enum fg_clock_level level);
/* The best guess while nothing is known: the system's clock, unless it is before the newest stored
 * reading (newest_ms; INT64_MIN or 0: none); then that reading and the time since the start. */
int64_t fg_clock_estimate(const struct fg_clock *c, int64_t newest_ms, int64_t started_mono_us);

/* An era of an earlier run whose time is unknown or estimated (fg_spool_open_eras). */
struct fg_open_era {
	struct fg_era era;
	bool same_boot, has_rows;
	int64_t from_mono_us, to_mono_us; /* of its first and last row */
	int64_t before_ms; /* the newest wall time known before it; INT64_MIN: none */
};

/* Estimates for those of other boots that have no time: eras in order of number; boot_us: the wall
 * time at which the present boot began. Each lies after what is known before it and before what is
 * known after it; those in a row leave room for each other. The estimate is the middle of what is
 * possible. Sets era.timed, offset_us and uncertainty_s (at least 1). */
void fg_clock_bounds(struct fg_open_era *eras, size_t count, int64_t boot_us);
/* The same while nothing bounds them above, called for each in order of number: one of another boot
 * that has no time lies as early as it can, behind at_us and what is known before it, with
 * FG_UNCERTAIN_UNBOUNDED; true where it was given that. at_us is moved behind it. */
bool fg_clock_line_up(struct fg_open_era *e, int64_t *at_us);

#endif
