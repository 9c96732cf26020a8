/* SPDX-License-Identifier: EUPL-1.2 */
/* What a broker refused for good. See rejects.h. */
#include "gateway/rejects.h"

#include "base/cleanup.h"
#include "base/status.h"

void fg_rejects_init(struct fg_rejects *r)
{
	*r = (struct fg_rejects){0};
	fg_ranges_init(&r->numbers);
}

void fg_rejects_fini(struct fg_rejects *r)
{
	fg_ranges_fini(&r->numbers);
}

int fg_rejects_add(struct fg_rejects *r, uint64_t seq, uint32_t point, uint8_t code,
	int64_t wall_ms)
{
	size_t i = 0;
	int status;

	if (fg_ranges_has(&r->numbers, seq))
		return FG_OK;
	while (i < r->count && (r->items[i].point != point || r->items[i].code != code))
		i++;
	if (i == FG_REJECTS_MAX || r->numbers.count >= FG_RANGES_MAX)
		return FG_EFULL;
	status = fg_ranges_add(&r->numbers, seq, seq + 1);
	if (status < 0)
		return status;
	if (i == r->count) {
		r->items[i].point = point;
		r->items[i].code = code;
		r->items[i].gap = (struct fg_gap){.from_ms = wall_ms, .to_ms = wall_ms};
		r->count++;
	}
	r->items[i].gap.from_ms = FG_MIN(r->items[i].gap.from_ms, wall_ms);
	r->items[i].gap.to_ms = FG_MAX(r->items[i].gap.to_ms, wall_ms);
	r->items[i].gap.count++;
	return FG_OK;
}

size_t fg_rejects_items(struct fg_rejects *r, const char *destination,
	struct fg_item ret_items[FG_REJECTS_MAX])
{
	for (size_t i = 0; i < r->count; i++) {
		r->items[i].gap.destination = destination;
		ret_items[i] = (struct fg_item){
			.kind = FG_ITEM_GAP,
			.point = r->items[i].point,
			.wall_ms = r->items[i].gap.to_ms,
			.qc = FG_QC_MISSING,
			.reason = r->items[i].code ? FG_REASON_REJECTED
						   : FG_REASON_NOT_SELECTED,
			.detail = r->items[i].code,
			.gap = &r->items[i].gap,
		};
	}
	return r->count;
}

void fg_rejects_clear(struct fg_rejects *r)
{
	fg_ranges_fini(&r->numbers);
	fg_ranges_init(&r->numbers);
	r->count = 0;
}
