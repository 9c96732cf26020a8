/* SPDX-License-Identifier: EUPL-1.2 */
/* What publishers and store arrange between them through the core: room, losses, refusals,
 * backfill. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/core_state.h"
#include "storage/record.h"

/* Asked again before this, the store has not seen the answer yet. */
#define ROOM_ANSWER_US 30000000
/* A gap that tells of a refusal is stored before room is made: of what was refused nobody says any
 * more that it is lacked. But not for ever, since the store may have no room for it. */
#define REFUSALS_US 10000000
/* Losses wait while so many stored entries do: those are told first. */
#define LOSSES_BACKLOG 4096

/* ---- refusals ---- */

int fg_core_append_gaps(void *arg, struct fg_publisher *p, const struct fg_item *items, size_t n,
	const struct fg_ranges *unacked)
{
	struct fg_core *core = arg;
	const struct fg_record_head head = {.era = core->era, .count = (unsigned)n};
	int r, end;

	if (!fg_core_may_give(core, (unsigned)n))
		return FG_EFULL;
	fg_buf_clear(&core->record);
	fg_record_encode_gaps(&core->record, &head, items);
	if (core->record.overflow)
		return FG_EFULL;
	fg_core_begin(core);
	r = core->ports.append(core->ports.arg, core->next_seq, (unsigned)n, core->record.data,
		core->record.len);
	if (r >= 0)
		r = core->ports.save_delivery(core->ports.arg, p->conf, unacked);
	end = fg_core_end(core, r >= 0);
	if (r < 0 || end < 0)
		return r < 0 ? r : end;
	fg_core_give(core, (unsigned)n); /* publishers find them in the store */
	core->refusals_below = core->next_seq;
	core->refusals_mono_us = core->now.mono_us;
	return FG_OK;
}

/* ---- room ---- */

void fg_core_doubt_start(struct fg_core *core, struct fg_publisher *p)
{
	uint64_t most = fg_publisher_carries(p);

	(void)core;
	fg_publisher_doubt_start(p, most + (uint64_t)(p->conf->backlog_rate * 2), most);
}

uint64_t fg_core_release_from(const struct fg_core *core)
{
	bool doubt = false;

	for (size_t i = 0; i < core->publisher_count && !doubt; i++) {
		struct fg_ranges r;

		fg_ranges_init(&r);
		doubt = fg_publisher_doubt(core->publishers[i], &r) < 0 || r.count;
		fg_ranges_fini(&r);
	}
	return doubt ? core->seq_limit : core->next_seq;
}

/* What people asked for again it had already: it is no loss. */
static int lacks(const struct fg_publisher *p, struct fg_ranges *ret)
{
	int r = fg_ranges_copy(ret, &p->unacked);

	for (size_t i = 0; i < p->again.count && r == FG_OK; i++)
		r = fg_ranges_remove(ret, p->again.items[i].from, p->again.items[i].to);
	return r;
}

static int fill_owed(const struct fg_publisher *p, struct fg_owed *ret)
{
	int r;

	*ret = (struct fg_owed){.destination = p->conf->name, .domains = p->conf->domains};
	fg_ranges_init(&ret->unacked);
	fg_ranges_init(&ret->doubt);
	r = lacks(p, &ret->unacked);
	return r < 0 ? r : fg_publisher_doubt(p, &ret->doubt);
}

static bool refusals_pending(const struct fg_core *core)
{
	return core->committed_next < core->refusals_below &&
	       core->now.mono_us - core->refusals_mono_us < REFUSALS_US;
}

/* Below this number room may be made. Where a full store refuses new readings nothing goes that
 * somebody lacks, so what a live lane has still to send would only be sent behind the backlog. */
static uint64_t room_end(const struct fg_core *core)
{
	uint64_t end = core->committed_next;

	if (core->config->storage.when_full != FG_FULL_DROP_NEWEST)
		return end;
	for (size_t i = 0; i < core->publisher_count; i++)
		end = FG_MIN(end, fg_publisher_live_from(core->publishers[i]));
	return end;
}

/* Publishers stand still below drop_below until the store has told what it dropped, so that what
 * it was told of them stays true. */
static void make_room(struct fg_core *core)
{
	const uint64_t below = room_end(core);
	size_t n = core->publisher_count;
	struct fg_owed *owed = refusals_pending(core) ? NULL : calloc(n + 1, sizeof(*owed));
	int r = owed && core->ports.make_room ? FG_OK : FG_EAGAIN;

	for (size_t i = 0; i < n && r == FG_OK; i++)
		r = fill_owed(core->publishers[i], &owed[i]);
	if (r == FG_OK)
		r = core->ports.make_room(core->ports.arg, owed, n, below);
	if (r >= 0) {
		core->room_wanted = false;
		core->room_below = below;
		core->room_mono_us = core->now.mono_us;
		for (size_t i = 0; i < n; i++)
			fg_publisher_freeze(core->publishers[i], core->room_below);
	}
	for (size_t i = 0; owed && i < n; i++) {
		fg_ranges_fini(&owed[i].unacked);
		fg_ranges_fini(&owed[i].doubt);
	}
	free(owed);
}

void fg_core_wants_room(struct fg_core *core, struct fg_now now)
{
	core->now = fg_core_now(core, now);
	/* A second answer would outlast the room that is made with the first: what it says would be
	 * used while publishers go on. */
	if (core->room_below && now.mono_us - core->room_mono_us < ROOM_ANSWER_US)
		return;
	core->room_wanted = true;
	make_room(core);
}

void fg_core_room_made(struct fg_core *core, struct fg_now now)
{
	core->now = fg_core_now(core, now);
	core->room_below = 0;
	for (size_t i = 0; i < core->publisher_count; i++)
		fg_publisher_freeze(core->publishers[i], 0);
}

/* ---- losses ---- */

void fg_core_losses(struct fg_core *core, const char *destination, unsigned rows)
{
	struct fg_publisher *p = fg_core_publisher(core, destination);

	if (p)
		p->losses = rows;
}

/* They are told where somebody listens and is not busy with what is stored already. Returns when to
 * look again. */
static int64_t tell_losses(struct fg_core *core, struct fg_publisher *p)
{
	uint64_t first = core->next_seq;
	int64_t interval_us = FG_MAX(core->config->storage.commit_interval_us, 100000);

	if (!p->losses || p->losses_out || p->state != FG_PUB_ONLINE || !core->ports.issue_losses)
		return INT64_MAX;
	if (core->now.mono_us < p->losses_due_mono_us)
		return p->losses_due_mono_us;
	p->losses_due_mono_us = core->now.mono_us + interval_us;
	if (fg_ranges_count_below(&p->backlog, core->committed_next) > LOSSES_BACKLOG ||
		!fg_core_may_give(core, FG_CORE_LOSSES_LOT) ||
		core->ports.issue_losses(
			core->ports.arg, p->conf->name, first, FG_CORE_LOSSES_LOT) < 0)
		return p->losses_due_mono_us;
	p->losses_out = true;
	fg_core_give(core, FG_CORE_LOSSES_LOT);
	return INT64_MAX;
}

void fg_core_numbers_used(struct fg_core *core, struct fg_now now, const char *destination,
	uint64_t first_seq, unsigned max, unsigned used, bool more)
{
	struct fg_publisher *p = destination ? fg_core_publisher(core, destination) : NULL;

	core->now = fg_core_now(core, now);
	for (size_t i = 0; i < core->publisher_count && used < max; i++)
		fg_publisher_dropped(core->publishers[i], first_seq + used, first_seq + max);
	if (!destination)
		fg_core_restamped(core, used, more);
	if (p) {
		p->losses_out = false;
		p->losses = more ? FG_MAX(p->losses, 1) : 0;
		if (used == 0) /* no room for them: numbers are not given for nothing */
			p->losses_due_mono_us = now.mono_us + FG_CORE_NO_ROOM_US;
	}
	/* what is told of is stored, and all before it */
	fg_core_committed(core, now, first_seq + max);
}

int64_t fg_core_delivery_run(struct fg_core *core)
{
	int64_t next = fg_retained_run(core), other_us = fg_destinations_run(core, core->now);

	fg_conflicts_run(core);
	next = FG_MIN(next, other_us);
	if (core->room_wanted)
		make_room(core);
	if (core->room_wanted)
		next = FG_MIN(next, core->now.mono_us + 100000);
	for (size_t i = 0; i < core->publisher_count && !core->stopping; i++) {
		int64_t again_us = tell_losses(core, core->publishers[i]);

		next = FG_MIN(next, again_us);
	}
	return next;
}

/* ---- backfill ---- */

int64_t fg_core_backfill(struct fg_core *core, struct fg_now now, const char *destination,
	const struct fg_ranges *ranges)
{
	struct fg_publisher *p = fg_core_publisher(core, destination);

	core->now = fg_core_now(core, now);
	return p ? fg_publisher_again(p, ranges) : FG_ENOENT;
}
