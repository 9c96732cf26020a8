/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_GATEWAY_FAKE_SPOOL_H
#define TESTS_GATEWAY_FAKE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/spool.h"

/* A spool that does as it is told, in the place of the real one. */

#define FG_SPOOL_LOG_MAX 40000

/* One store on disk: what is committed is a text of what was done, in order. */
struct fg_spool {
	char done[FG_SPOOL_LOG_MAX], group[FG_SPOOL_LOG_MAX];
	bool open, in_group;
	int closes, opens, salvages;
	/* what it answers */
	int fail_commit, commit_status; /* how many commits fail, and how */
	bool full;			/* appends alone do not fit: -ENOSPC */
	int append_status, state_status, issue_status, restamp_status, era_status;
	int open_status, salvage_status;
	bool damaged;
	unsigned restamp_used, issue_used, losses;
	bool restamp_more;
	int reserve_uses;
	int tidies, tidy_results[16];
	uint64_t tidy_drop_below, tidy_delivered_below;
	char owed[2000];
	int64_t salvage_wall_ms, max_bytes;
	uint64_t resumed_from, last_seq;
};

extern struct fg_spool spool;

#endif
