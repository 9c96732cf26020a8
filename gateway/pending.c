/* SPDX-License-Identifier: EUPL-1.2 */
/* Functions of core and storage that are written elsewhere at this moment; this file goes when they
 * are there. Weak: a definition proper takes their place. */
#include "base/status.h"
#include "gateway/core.h"
#include "storage/reader.h"

#define WEAK __attribute__((weak))
#pragma GCC diagnostic ignored "-Wunused-parameter"

WEAK void fg_core_era_stored(struct fg_core *core, struct fg_now now, uint32_t number) {}
WEAK void fg_core_numbers_used(struct fg_core *core, struct fg_now now, const char *destination,
	uint64_t first_seq, unsigned max, unsigned used, bool more) {}
WEAK void fg_core_losses(struct fg_core *core, const char *destination, unsigned rows) {}
WEAK void fg_core_wants_room(struct fg_core *core, struct fg_now now) {}
WEAK void fg_core_room_made(struct fg_core *core, struct fg_now now) {}
WEAK int64_t fg_core_backfill(struct fg_core *core, struct fg_now now, const char *destination,
	const struct fg_ranges *ranges)
{
	return FG_EINVAL;
}
WEAK int fg_core_known(struct fg_core *core, const struct fg_core_known *known)
{
	return FG_OK;
}
WEAK int fg_spool_ledger(
	struct fg_spool *s, void (*fn)(void *arg, const struct fg_ledger_row *row), void *arg)
{
	return FG_OK;
}
WEAK void fg_spool_set_limits(struct fg_spool *s, const struct fg_spool_conf *conf) {}
WEAK int fg_spool_set_era(struct fg_spool *s, const struct fg_era *era)
{
	return FG_OK;
}
WEAK int fg_spool_restamp_begin(struct fg_spool *s, uint32_t era, int64_t true_offset_us)
{
	return FG_OK;
}
WEAK int fg_spool_restamp(struct fg_spool *s, uint64_t first_seq, unsigned max, unsigned *ret_used,
	bool *ret_more)
{
	return FG_EINVAL;
}
WEAK int fg_spool_losses(struct fg_spool *s, const char *destination, unsigned *ret)
{
	return FG_EINVAL;
}
WEAK int fg_spool_issue_losses(struct fg_spool *s, const char *destination, uint64_t first_seq,
	unsigned max, unsigned *ret_used)
{
	return FG_EINVAL;
}
WEAK int fg_spool_set_ledger(struct fg_spool *s, const struct fg_ledger_row *row)
{
	return FG_OK;
}
WEAK int fg_spool_forget_ledger(struct fg_spool *s, const char *device)
{
	return FG_OK;
}
WEAK int fg_spool_set_destinations(
	struct fg_spool *s, const char *const *names, size_t count, int64_t now_wall_ms)
{
	return FG_OK;
}
WEAK int fg_spool_use_reserve(struct fg_spool *s)
{
	return FG_OK;
}
WEAK bool fg_spool_damaged(const struct fg_spool *s)
{
	return false;
}
WEAK int fg_spool_salvage(const struct fg_spool_conf *conf, int64_t now_wall_ms, struct fg_buf *why)
{
	return FG_ECORRUPT;
}
WEAK int fg_reader_period(
	struct fg_reader *r, int64_t since_ms, int64_t until_ms, struct fg_ranges *ret)
{
	return FG_EINVAL;
}
