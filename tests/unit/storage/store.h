/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_STORE_H
#define TESTS_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "storage/ranges.h"
#include "storage/reader.h"
#include "storage/spool.h"

/* A spool in a folder of its own. Every reading's content follows from its number, so that it can
 * be checked wherever it turns up. */
struct store {
	char dir[64], file[80], mark[88];
	struct fg_spool_conf conf;
	struct fg_spool *s;
	char why[512];
	uint32_t point[4]; /* store ids, by seq % 4 */
	uint32_t era;	   /* of what is appended; 0: that of this start */
	bool circumstances; /* what is appended has some: maintenance, alarm, a raw value */
};

#define STORE_WALL_MS INT64_C(1790000000000)

void store_init(struct store *t);
void store_fini(struct store *t);
int store_setup(void **state);
int store_teardown(void **state);

/* Opens, and interns the points. */
int store_try_open(struct store *t);
void store_open(struct store *t);
void store_close(struct store *t);
void store_remove(struct store *t, const char *suffix);

/* The descriptor behind point[i]. */
const struct fg_point_desc *store_desc(unsigned i);

/* One row of `count` readings from `seq`; taken at mono_us; with wall time if wall_ms is not 0. */
int store_append(struct store *t, uint64_t seq, unsigned count, int64_t mono_us, int64_t wall_ms);
/* Whether an item has the content of the reading that was appended with number seq. */
bool store_same(const struct store *t, const struct fg_item *item, uint64_t seq);
/* Gives an era its time, in a group of its own. */
void store_time_era(struct store *t, uint32_t era, int64_t offset_us, uint32_t uncertainty_s);
/* A group commit of one row, which must work. */
void store_put(struct store *t, uint64_t seq, unsigned count, int64_t wall_ms);

/* Reads everything through a reader of its own, checks each reading's content and order, and adds
 * its number to *ret_seen. Returns how many. */
long store_read(struct store *t, struct fg_ranges *ret_seen);

#endif
