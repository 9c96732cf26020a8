/* SPDX-License-Identifier: EUPL-1.2 */
/* What quality tests remember, found again from the store at the start. Nothing of it is written
 * while the gateway runs: after a crash the store has just what consumers may have seen, so that
 * tests go on as a test of the published series would. */
#include "gateway/quality_start.h"

#include "base/cleanup.h"
#include "base/status.h"
#include "gateway/core_state.h"

/* However long a window is: about what a small board reads in ten seconds. */
#define ENTRIES_MAX 1000000u

static int on_item(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	(void)desc;
	if (item->kind == FG_ITEM_READING && !uncertain)
		fg_core_quality_known(arg, item);
	return 0;
}

int fg_quality_start(struct fg_core *core, struct fg_reader *reader, int64_t newest_ms,
	uint64_t next_seq)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges numbers = {0};
	const int64_t span_us = fg_core_quality_span_us(core);
	uint64_t from;
	long n;
	int r;

	if (!span_us || newest_ms <= 0)
		return FG_OK;
	r = fg_reader_period(reader, newest_ms - span_us / 1000, INT64_MAX, &numbers);
	from = fg_ranges_first(&numbers);
	if (r < 0 || from >= next_seq)
		return r;
	n = fg_reader_range(reader,
		FG_MAX(from, next_seq > ENTRIES_MAX ? next_seq - ENTRIES_MAX : 0), next_seq,
		on_item, core);
	return n < 0 ? (int)n : FG_OK;
}
