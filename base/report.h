/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_REPORT_H
#define FG_BASE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* A place in a file that a person wrote. Lines and columns count from 1; line 0: the whole file. */
struct fg_place {
	const char *file; /* as the user named it; lives as long as the report and the nodes */
	int line, column;
};

/* Collects every fault of a configuration, so that one run shows them all. Bounded: after 500 only
 * the count goes on. Faults print as "file:line:column: error: text", in file and line order. */
struct fg_report;

struct fg_report *fg_report_new(void);
void fg_report_free(struct fg_report *rep);

void fg_report_error(struct fg_report *rep, struct fg_place at, const char *fmt, ...)
	FG_PRINTF(3, 4);
void fg_report_warning(struct fg_report *rep, struct fg_place at, const char *fmt, ...)
	FG_PRINTF(3, 4);

size_t fg_report_errors(const struct fg_report *rep);
size_t fg_report_warnings(const struct fg_report *rep);

/* All faults, a line each. */
void fg_report_print(struct fg_report *rep, struct fg_buf *out);
/* Calls line() with each fault's text in order. */
void fg_report_each(struct fg_report *rep, void (*line)(void *arg, bool error, const char *text),
	void *arg);

#endif
