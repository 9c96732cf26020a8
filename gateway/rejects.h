/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_REJECTS_H
#define FG_GATEWAY_REJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/item.h"
#include "storage/ranges.h"

/* Readings that a broker refused for good, or that `select` keeps back (code 0):
 * added up for each point and reason code, until they are
 * written as gaps. Their numbers stay unacknowledged so long, so that a crash loses none. Bounded.
 */
#define FG_REJECTS_MAX 32

struct fg_rejects {
	struct {
		uint32_t point; /* the store's id */
		uint8_t code;
		struct fg_gap gap;
	} items[FG_REJECTS_MAX];
	size_t count;
	struct fg_ranges numbers;
	int64_t written_mono_us;
};

void fg_rejects_init(struct fg_rejects *r);
void fg_rejects_fini(struct fg_rejects *r);

/* FG_EFULL where there is no place for another kind; nothing changes for a number that is in. */
int fg_rejects_add(struct fg_rejects *r, uint64_t seq, uint32_t point, uint8_t code,
	int64_t wall_ms);
/* Lays them out as items for a record of gaps; they lend from r. */
size_t fg_rejects_items(struct fg_rejects *r, const char *destination,
	struct fg_item ret_items[FG_REJECTS_MAX]);
/* They are written. */
void fg_rejects_clear(struct fg_rejects *r);

#endif
