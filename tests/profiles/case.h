/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TESTS_PROFILES_CASE_H
#define FG_TESTS_PROFILES_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A case file: what instruments of one model hold, and what a gateway has to make of it. Its form
 * is told in README.md. */

enum { TABLE_COIL, TABLE_DISCRETE, TABLE_HOLDING, TABLE_INPUT, TABLES };

struct area {
	int table;
	unsigned address, count;
	const uint16_t *cells; /* NULL: refused, whatever else is said of it */
};

struct talk { /* a request that is no reading, and its answer; both from the function code on */
	uint8_t request[256], answer[256];
	size_t request_len, answer_len;
	unsigned seen;
};

struct message { /* what a device sent, or answered */
	int line, format;
	char *path;
	uint8_t bytes[1024];
	size_t len;
};

struct expect {
	int line;
	bool met;
	bool has_time;
	long long time_ms; /* since 1970 */
	char *point, *value, *unit;
	unsigned qc;
	const char *reason;
};

struct fg_case {
	int line;
	const char *title;
	char *device; /* YAML, keys of the device */
	struct area *areas;
	size_t area_count;
	struct message *messages; /* instead of registers: the profile is one of payloads */
	size_t message_count;
	char *identity; /* that they tell; NULL: not looked at */
	struct talk *talks;
	size_t talk_count;
	struct expect *expects;
	size_t expect_count;
	unsigned limit;	 /* most registers of one request */
	unsigned asleep; /* so many requests at first are not answered */
	unsigned align;	 /* first and count of each request are multiples of it */
	bool exact;	 /* each request is for exactly one area as it is written */
};

struct case_file {
	const char *path;
	bool example, made; /* where its numbers come from */
	struct fg_case *cases;
	size_t count;
};

/* Ends the program with a message where the file cannot be read or understood. Never freed. */
struct case_file *case_file_read(const char *path);

#endif
