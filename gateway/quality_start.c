/* SPDX-License-Identifier: EUPL-1.2 */
/* What quality tests remember, found again from the store at the start. Nothing of it is written
 * while the gateway runs: after a crash the store has just what consumers may have seen, so that
 * tests go on as a test of the published series would. Of a reading whose time was corrected the
 * correction alone counts; where newer readings had come before it, it is too late for that, and
 * windows begin with those. */
#include "gateway/quality_start.h"

#include "base/status.h"
#include "gateway/core_state.h"

/* However long a window is: about what a small board reads in ten seconds. */
#define ENTRIES_MAX 1000000u

struct start {
	struct fg_core *core;
	uint64_t from, to; /* numbers */
};

/* A missing reading by an estimated time is told once, and never again by the right one. */
static bool is_known(const struct start *s, const struct fg_item *item)
{
	return item->kind == FG_ITEM_READING && item->seq >= s->from && item->seq < s->to &&
	       !(item->qc == FG_QC_MISSING && item->uncertainty_s);
}

static int on_item(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	const struct start *s = arg;

	(void)desc;
	(void)uncertain; /* these have no time, and are not given */
	if (is_known(s, item))
		fg_core_quality_known(s->core, item);
	return 0;
}

int fg_quality_start(struct fg_core *core, struct fg_reader *reader, int64_t newest_ms,
	uint64_t next_seq)
{
	const int64_t span_us = fg_core_quality_span_us(core);
	struct start s = {.core = core, .to = next_seq,
		.from = next_seq > ENTRIES_MAX ? next_seq - ENTRIES_MAX : 0};
	long n;

	if (!span_us || newest_ms <= 0)
		return FG_OK;
	n = fg_reader_times(reader, newest_ms - span_us / 1000, INT64_MAX, on_item, &s);
	return n < 0 ? (int)n : FG_OK;
}
