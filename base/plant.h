/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_PLANT_H
#define FG_BASE_PLANT_H

#include <stdbool.h>

/* Mistakes on purpose, so that the simulation can show that it finds such. They exist only where
 * FG_PLANT is defined, in libraries that nothing but tests/simulation links; everywhere else
 * fg_planted() is the constant false and a compiler leaves nothing of it.
 *
 * X(constant, name, what a programmer did) */
#define FG_PLANT_BUGS(X)                                                                           \
	X(SKIP_FSYNC, "skip-fsync", "the store does not sync its log at a commit")                 \
	X(COMMIT_EARLY, "commit-early", "what is handed to the store counts as committed")         \
	X(REUSE_SEQ, "reuse-seq", "numbers go on after the last row, whatever was reserved")       \
	X(RESTAMP_TWICE, "restamp-twice", "a correction's progress is stored one short")           \
	X(SPLIT_LOSES, "split-loses", "a set of numbers that is split loses the part behind")      \
	X(DROP_THEN_TELL, "drop-then-tell", "losses are stored after the rows are deleted")        \
	X(DROP_ACCOUNT, "drop-account", "an account that is dropped is lost to nobody")            \
	X(THIN_UNTOLD, "thin-untold", "what thinning drops is not told")                           \
	X(NEWEST_UNTOLD, "newest-untold", "what a full store refuses is not told")                 \
	X(EXPIRE_OWED, "expire-owed", "`keep` holds for what nobody has acknowledged too")         \
	X(LOST_IS_ACKED, "lost-is-acked", "a lost connection acknowledges what is in flight")      \
	X(SENT_IS_ACKED, "sent-is-acked", "delivery is saved ahead of the acknowledgement")        \
	X(RETAIN_ALL, "retain-all", "backlog readings are retained, newest or not")                \
	X(STALE_PAGE, "stale-page", "a page of the backlog outlives its connection")               \
	X(REFUSED_UNTOLD, "refused-untold", "a refused reading is given up without a gap")         \
	X(HOUR_TWICE, "hour-twice", "what is missing at the hour is in two accounts")              \
	X(POLL_FORGOTTEN, "poll-forgotten", "a stop forgets the polls that are under way")         \
	X(SUSPEND_UNTOLD, "suspend-untold", "regular times in a suspend are in no account")        \
	X(SLOT_LOST, "slot-lost", "the end of a quarantine passes over a regular time")            \
	X(OFF_TWICE, "off-twice", "gaps that are stored are reckoned as missing again")            \
	X(ROW_FIRST, "row-first", "the ledger's row is stored before its account")                 \
	X(FULL_IS_SENT, "full-is-sent", "readings that the store has no room for count as sent")   \
	X(UNTIMED_SENT, "untimed-sent", "readings go out before the time is known")                \
	X(ESTIMATE_IS_TRUE, "estimate-is-true", "an estimated time does not say that it is one")   \
	X(UNCORRECTED, "uncorrected", "what a wrong clock stamped is never corrected")             \
	X(WRONG_ERA, "wrong-era", "records of this run name the era of the last one")              \
	X(DELIVERY_LEAKS, "delivery-leaks", "the engine keeps each delivery state in memory")      \
	X(REPLACES_FIRST, "replaces-first", "each run of corrections in a row names the first")   \
	X(SUPPRESSED_TWICE, "suppressed-twice", "what is not told by exception counts twice")      \
	X(PACE_UNCOUNTED, "pace-uncounted", "what an alarm's pace adds is in no account")          \
	X(SPIKE_UNTOLD, "spike-untold", "a spike is not corrected where the next is not told")     \
	X(TESTS_FORGET, "tests-forget", "tests begin anew at each start")                          \
	X(WORK_FORGOTTEN, "work-forgotten", "maintenance ends with the run")

enum fg_plant {
	FG_PLANT_NONE,
#define X(constant, name, text) FG_PLANT_##constant,
	FG_PLANT_BUGS(X)
#undef X
	FG_PLANT_COUNT
};

#ifdef FG_PLANT
/* The one that is planted; the program that links such libraries defines it. */
extern enum fg_plant fg_plant_bug;
#define fg_planted(bug) (fg_plant_bug == (bug))
#else
#define fg_planted(bug) false
#endif

#endif
