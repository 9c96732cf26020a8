/* SPDX-License-Identifier: EUPL-1.2 */
/* How rows are put together in spans. */
#include "storage/span.h"

#include "base/cleanup.h"
#include "base/status.h"

#define SPAN_MS (10 * 60 * 1000)
#define SPAN_BYTES (64 * 1024)
#define ROWS_MIN 16 /* readings with scattered times do not make a span of every row */

static int widen(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct fg_span *s = arg;
	int64_t ms = head->has_wall ? item->wall_ms : mono_us / 1000;

	if (item->seq == s->first) {
		s->era = head->era;
		s->timed = head->has_wall;
		s->from_ms = s->to_ms = ms;
	}
	s->from_ms = FG_MIN(s->from_ms, ms);
	s->to_ms = FG_MAX(s->to_ms, ms);
	s->last = item->seq;
	return 0;
}

int fg_span_of_record(uint64_t seq, unsigned count, const void *record, size_t len,
	struct fg_span *ret)
{
	struct fg_span s = {.first = seq, .rows = 1, .bytes = len};
	int rc = fg_record_decode(record, len, seq, widen, &s);

	if (rc < 0)
		return rc;
	if (s.last - s.first != count - 1)
		return FG_ECORRUPT;
	*ret = s;
	return FG_OK;
}

bool fg_span_fits(const struct fg_span *open, const struct fg_span *next)
{
	if (!open->rows)
		return true;
	if (open->era != next->era || open->timed != next->timed ||
		open->bytes + next->bytes > SPAN_BYTES)
		return false;
	return open->rows < ROWS_MIN || FG_MAX(open->to_ms, next->to_ms) -
						FG_MIN(open->from_ms, next->from_ms) <= SPAN_MS;
}

void fg_span_join(struct fg_span *open, const struct fg_span *next)
{
	if (!open->rows) {
		*open = *next;
		return;
	}
	open->last = next->last;
	open->from_ms = FG_MIN(open->from_ms, next->from_ms);
	open->to_ms = FG_MAX(open->to_ms, next->to_ms);
	open->rows += next->rows;
	open->bytes += next->bytes;
}
