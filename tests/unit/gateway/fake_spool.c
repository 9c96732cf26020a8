/* SPDX-License-Identifier: EUPL-1.2 */
/* A spool that does as it is told. */
#include "fake_spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/status.h"

struct fg_spool spool;

FG_PRINTF(2, 3) static int note(struct fg_spool *s, const char *fmt, ...)
{
	size_t len = strlen(s->group);
	va_list ap;

	assert_true(s->open);
	assert_true(s->in_group);
	va_start(ap, fmt);
	vsnprintf(s->group + len, sizeof(s->group) - len, fmt, ap);
	va_end(ap);
	return FG_OK;
}

int fg_spool_open(const struct fg_spool_conf *conf, struct fg_buf *why, struct fg_spool **ret)
{
	assert_string_equal(conf->file, "r.db");
	assert_false(spool.open);
	spool.opens++;
	if (spool.open_status < 0) {
		fg_buf_puts(why, "no way");
		return spool.open_status;
	}
	spool.open = true;
	spool.damaged = false;
	*ret = &spool;
	return FG_OK;
}

void fg_spool_close(struct fg_spool *s)
{
	assert_true(s->open);
	assert_false(s->in_group);
	s->open = false;
	s->closes++;
}

int fg_spool_salvage(const struct fg_spool_conf *conf, int64_t now_wall_ms, struct fg_buf *why)
{
	assert_false(spool.open); /* nobody has it open */
	assert_string_equal(conf->file, "r.db");
	spool.salvages++;
	spool.salvage_wall_ms = now_wall_ms;
	fg_buf_puts(why, "nearly all was saved");
	return spool.salvage_status;
}

int fg_spool_resume(struct fg_spool *s, uint64_t next_seq)
{
	s->resumed_from = next_seq;
	return FG_OK;
}

void fg_spool_info(struct fg_spool *s, struct fg_spool_info *ret)
{
	*ret = (struct fg_spool_info){.next_seq = 100, .reserved = 1000, .bytes = 4096, .era = 7,
		.last_seq = s->last_seq};
}

int fg_spool_reserve(struct fg_spool *s, uint64_t limit)
{
	(void)limit;
	assert_false(s->in_group);
	return FG_OK;
}

int fg_spool_release(struct fg_spool *s, uint64_t next)
{
	(void)s;
	(void)next;
	return FG_OK;
}

int fg_spool_begin(struct fg_spool *s)
{
	assert_true(s->open);
	assert_false(s->in_group);
	s->in_group = true;
	s->group[0] = '\0';
	return FG_OK;
}

int fg_spool_append(struct fg_spool *s, uint64_t first_seq, unsigned count, const void *record,
	size_t len)
{
	(void)record;
	(void)len;
	if (s->append_status < 0)
		return s->append_status;
	if (s->full)
		return -ENOSPC;
	return note(s, "append %d+%u\n", (int)first_seq, count);
}

int fg_spool_set_delivery(struct fg_spool *s, const char *destination, const struct fg_ranges *r)
{
	return note(s, "delivery %s %d\n", destination, (int)fg_ranges_first(r));
}

int fg_spool_set_era(struct fg_spool *s, const struct fg_era *era)
{
	if (s->era_status < 0)
		return s->era_status;
	return note(s, "era %u%s\n", era->number, era->timed ? " timed" : "");
}

int fg_spool_restamp_begin(struct fg_spool *s, uint32_t era, int64_t true_offset_us)
{
	return note(s, "restamp era %u to %d\n", era, (int)true_offset_us);
}

int fg_spool_restamp(struct fg_spool *s, uint64_t first_seq, unsigned max, unsigned *ret_used,
	bool *ret_more)
{
	if (s->restamp_status < 0)
		return s->restamp_status;
	*ret_used = s->restamp_used;
	*ret_more = s->restamp_more;
	return note(s, "restamp %d max %u\n", (int)first_seq, max);
}

int fg_spool_losses(struct fg_spool *s, const char *destination, unsigned *ret)
{
	assert_false(s->in_group);
	*ret = s->losses + (unsigned)strlen(destination);
	return FG_OK;
}

int fg_spool_issue_losses(struct fg_spool *s, const char *destination, uint64_t first_seq,
	unsigned max, unsigned *ret_used)
{
	if (s->issue_status < 0)
		return s->issue_status;
	*ret_used = s->issue_used;
	return note(s, "issue '%s' %d max %u\n", destination, (int)first_seq, max);
}

int fg_spool_set_ledger(struct fg_spool *s, const struct fg_ledger_row *row)
{
	return note(s, "ledger %s to %d from %d%s\n", row->device, (int)row->to_ms,
		(int)row->from_seq, row->clean ? " clean" : "");
}

int fg_spool_forget_ledger(struct fg_spool *s, const char *device)
{
	return note(s, "forget %s\n", device);
}

int fg_spool_set_state(
	struct fg_spool *s, const char *kind, const char *key, const void *bytes, size_t len)
{
	if (s->state_status < 0)
		return s->state_status;
	return note(s, "note %s/%s '%.*s'\n", kind, key, (int)len, (const char *)bytes);
}

int fg_spool_set_destinations(struct fg_spool *s, const char *const *names, size_t count,
	int64_t now_wall_ms)
{
	note(s, "destinations");
	for (size_t i = 0; i < count; i++)
		note(s, " %s", names[i]);
	return note(s, " at %d\n", (int)now_wall_ms);
}

int fg_spool_commit(struct fg_spool *s)
{
	size_t len = strlen(s->done);

	assert_true(s->in_group);
	if (s->fail_commit > 0) {
		s->fail_commit--;
		return s->commit_status;
	}
	snprintf(s->done + len, sizeof(s->done) - len, "%s", s->group);
	s->in_group = false;
	return FG_OK;
}

void fg_spool_rollback(struct fg_spool *s)
{
	s->in_group = false;
}

void fg_spool_set_limits(struct fg_spool *s, const struct fg_spool_conf *conf)
{
	assert_false(s->in_group);
	assert_string_equal(conf->file, "r.db");
	s->max_bytes = conf->max_bytes;
}

int fg_spool_use_reserve(struct fg_spool *s)
{
	assert_false(s->in_group);
	s->reserve_uses++;
	return FG_OK;
}

bool fg_spool_damaged(const struct fg_spool *s)
{
	return s->damaged;
}

int fg_spool_tidy(struct fg_spool *s, const struct fg_tidy *t)
{
	int result = s->tidies < (int)FG_COUNT(s->tidy_results) ? s->tidy_results[s->tidies] :
								  FG_TIDY_DONE;

	s->tidies++;

	assert_false(s->in_group);
	s->owed[0] = '\0';
	s->tidy_drop_below = t->drop_below;
	s->tidy_delivered_below = t->delivered_below;
	for (size_t i = 0; t->owed && i < t->owed_count; i++)
		snprintf(s->owed + strlen(s->owed), sizeof(s->owed) - strlen(s->owed),
			"%s %u %d %d;", t->owed[i].destination, t->owed[i].domains,
			(int)fg_ranges_count_below(&t->owed[i].unacked, t->drop_below),
			(int)fg_ranges_count_below(&t->owed[i].doubt, t->drop_below));
	if (result == FG_TIDY_MORE && t->owed)
		t->dropped(t->arg, 1, 5, 4);
	return result;
}

const char *fg_spool_error(const struct fg_spool *s)
{
	(void)s;
	return "as told";
}
