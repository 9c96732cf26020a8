/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_OPTIONS_H
#define FG_BASE_OPTIONS_H

/* Options of a command line, from a table that also makes help, manual page and completion. */

#include <stddef.h>
#include <stdio.h>

#define FG_OPTIONS_MAX 64

struct fg_option {
	char letter; /* 0: none */
	const char *name;
	const char *argument; /* what to call its value; NULL: it takes none */
	const char *help;
};

/* The place of the next option in the table of at most FG_OPTIONS_MAX, its value in `optarg`; -1
 * after the last, with `optind` at what is no option; -2 where it is none of the table or lacks
 * its value, which is told on standard error. As getopt_long(3), with its state: for one thread. */
int fg_option_next(int argc, char **argv, const struct fg_option *table, size_t count);

/* A line for each option. */
void fg_option_usage(FILE *out, const struct fg_option *table, size_t count);

#endif
