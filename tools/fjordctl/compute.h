/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_COMPUTE_H
#define FG_TOOLS_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/cleanup.h"

/* One case of `fjordctl compute`: a JSON object with "op" and what the operation needs. */
struct compute {
	const cJSON *in;
	cJSON *more;	 /* members of the answer beside "result"; an object */
	char error[200]; /* where there is no result */
};

/* A family of operations: `op` is the name behind its prefix ("spike" of "qartod.spike"). Each
 * returns the result, or NULL with the error told. */
cJSON *compute_air(struct compute *c, const char *op);
cJSON *compute_derive(struct compute *c, const char *op);
cJSON *compute_qartod(struct compute *c, const char *op);

/* Tells what is wrong with the case, once; returns NULL. */
cJSON *compute_fail(struct compute *c, const char *fmt, ...) FG_PRINTF(2, 3);
/* An operation of a family's table by its name; -1 with the error told. */
int compute_find(struct compute *c, const char *op, const void *table, size_t count, size_t size);

/* Members of `config` and of the case. Where one is there but is not what it should be, or is not
 * there although it must, the error is told and they return false. */
const cJSON *compute_config(const struct compute *c);
/* A number; `otherwise` where it is not there or null. */
bool compute_number(
	struct compute *c, const cJSON *object, const char *name, double otherwise, double *ret);
bool compute_needs_number(struct compute *c, const cJSON *object, const char *name, double *ret);
/* Two numbers; NaN both where it is not there or null. */
bool compute_pair(struct compute *c, const cJSON *object, const char *name, double ret[2]);
/* A text; NULL where it is not there or null. */
bool compute_text(struct compute *c, const cJSON *object, const char *name, const char **ret);
/* An array of numbers, null as NaN, in new memory; NULL and 0 where it is not there. */
bool compute_numbers(
	struct compute *c, const cJSON *object, const char *name, double **ret, size_t *ret_count);

#endif
