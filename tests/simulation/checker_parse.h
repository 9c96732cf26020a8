/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_CHECKER_PARSE_H
#define TESTS_SIMULATION_CHECKER_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a consumer reads in a message. Strict: a member that has to be there and is not, or that is
 * of another type, makes it a FAULTY one. */

#define PARSED_LINES 64
#define PARSED_TESTS 6

enum parsed_kind {
	PARSED_READING,
	PARSED_GAP,
	PARSED_ACCOUNT,
	PARSED_DOCUMENT,
	PARSED_MEAN,
	PARSED_FAULTY
};

struct parsed_line {
	unsigned point;
	double scheduled, sent, suppressed, missing;
};

/* Of an hour. */
struct parsed_mean {
	bool has_value;
	double value, count, coverage, low, high;
};

struct parsed {
	enum parsed_kind kind;
	const char *fault;
	uint64_t seq, replaces; /* 0: none */
	unsigned point;		/* device * PLAN_POINTS + number; of an account: device's first */
	int64_t time_ms;
	bool maintenance, alarm;
	bool has_value, not_stored, estimated;
	bool untimed; /* a row that waits for its time */
	double value;
	int qc;
	uint8_t tests[PARSED_TESTS]; /* 3, 4 or 0: range, climate, rate, flat, gap, spike */
	char reason[32]; /* empty: none */
	double uncertainty_s;
	int64_t from_ms, to_ms;
	double count;
	struct parsed_mean mean;
	size_t line_count;
	struct parsed_line lines[PARSED_LINES];
};

void parse_message(const char *topic, const void *payload, size_t len, struct parsed *ret);

#endif
