/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_CTL_H
#define FG_TOOLS_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/cleanup.h"

#define CTL_DEFAULT_CONFIG "/etc/fjordgate/fjordgate.yaml"

/* What the commands of fjordctl share. Exit codes follow sysexits. */
struct ctl {
	const char *config; /* -c */
	const char *socket; /* --socket */
	bool json, csv, hourly, plan, effective, no_files, color;
	const char *since, *until;
	const char *unit, *table, *address, *reference, *count_text, *property; /* probe */
	const char *units, *baud, *parity;				   /* scan */
	/* coap */
	const char *psk_identity, *psk_file, *ca_file, *cert_file, *key_file, *accept;
	bool observe;
	const char *from, *reason; /* maintenance */
	const char *date, *by, *next, *raw, *polynomial, *note; /* calibration */
	bool all;
	const char *device, *station, *point, *nb, *nn, *en; /* notice */
	const char *sets[32]; /* qc */
	size_t set_count;
	int64_t timeout_us;	/* of one answer; 0: the default */
	int64_t for_us;		/* how long to listen; 0: the default */
	const char *words[4]; /* the command and its arguments */
	int count;
};

/* Each returns the exit code. */
int ctl_check(const struct ctl *ctl);
int ctl_status(const struct ctl *ctl);
int ctl_watch(const struct ctl *ctl);
int ctl_read(const struct ctl *ctl);
int ctl_history(const struct ctl *ctl);
int ctl_backup(const struct ctl *ctl);
int ctl_restore(const struct ctl *ctl);
int ctl_profile(const struct ctl *ctl);
int ctl_probe(const struct ctl *ctl);
int ctl_scan(const struct ctl *ctl);
int ctl_backfill(const struct ctl *ctl);
int ctl_compute(const struct ctl *ctl);
int ctl_calibration(const struct ctl *ctl);
int ctl_maintenance(const struct ctl *ctl);
int ctl_qc(const struct ctl *ctl);
int ctl_notice(const struct ctl *ctl);
int ctl_doctor(const struct ctl *ctl);
int ctl_debug(const struct ctl *ctl);

/* A table of the notices in a document; nothing where there are none. */
void ctl_print_notices(const cJSON *doc, bool color);
/* What brokers do not take; status_untold.c. */
void ctl_print_untold(const cJSON *doc, bool color);

/* Sends one request (words joined by tabs) and calls line() with each line of the answer but the
 * last; line() returns not 0 to stop. Returns the exit code; faults were told on stderr. */
int ctl_request(const struct ctl *ctl, const char *const *words, size_t count,
	int (*line)(void *arg, const char *text), void *arg);

/* The same in two steps: a connection (negative, with errno), and a request on it. */
int ctl_connect(const char *path);
int ctl_ask(int fd, const char *const *words, size_t count,
	int (*line)(void *arg, const char *text), void *arg);

/* The control socket, by the rules of the usage text; NULL where the configuration that would name
 * it is faulty. Free it. */
char *ctl_find_socket(const struct ctl *ctl);
/* Whether a daemon listens there. */
bool ctl_daemon_answers(const char *socket);
/* The configuration of -c, or the one at its usual place; NULL where it is faulty, which is told.
 * No file that it names is read. */
struct fg_config;
struct fg_config *ctl_load_config(const struct ctl *ctl);
/* A time, or an age before now; false with a word on stderr for anything else. */
bool ctl_parse_time(const char *text, int64_t *ret_ms);
/* --from, and --until or --for, as the gateway takes them: 0 for now and for no end, +MS for so
 * long. False with a word on stderr. */
#define CTL_TIME_WORD 24
bool ctl_take_window(const struct ctl *ctl, char from[CTL_TIME_WORD], char end[CTL_TIME_WORD]);

/* A whole number of an option, decimal or 0x…; false with a word on stderr. */
bool ctl_parse_int(
	const char *option, const char *text, unsigned min, unsigned max, unsigned *ret);

/* Members of a JSON object; "" or 0 where there is none. */
const char *ctl_text(const cJSON *object, const char *name);
double ctl_number(const cJSON *object, const char *name);
bool ctl_true(const cJSON *object, const char *name);
/* Makes control characters blanks, in place: a sensor's text must not steer the terminal. */
char *ctl_plain(char *text);
/* A value as a person reads it, into mem. */
const char *ctl_value(const cJSON *value, char *mem, size_t size);

/* An aligned table: cells are copied; printed when it is complete. */
struct ctl_table;
struct ctl_table *ctl_table_new(const char *const *heads, size_t columns);
void ctl_table_cell(struct ctl_table *t, const char *fmt, ...) FG_PRINTF(2, 3);
void ctl_table_print(struct ctl_table *t, bool color);
/* The same with lines of at most so many columns (0: any): what is beyond is cut. */
void ctl_table_print_cut(struct ctl_table *t, bool color, unsigned columns);
void ctl_table_free(struct ctl_table *t);
/* A line of text, indented, cut likewise. */
void ctl_print_cut(const char *text, unsigned indent, unsigned columns);

/* "3 min" from seconds. */
const char *ctl_age(double seconds, char *mem, size_t size);

#endif
