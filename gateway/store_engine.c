/* SPDX-License-Identifier: EUPL-1.2 */
/* Group commits, retries, housekeeping, damage: the deterministic part of the store. */
#include "gateway/store_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/store_engine_state.h"

#define RETRY_US     1000000
#define ROOM_ASK_US  1000000
#define SALVAGE_US   60000000 /* damage right after a salvage is no reason for another one */
#define LAST_TRIES   3
#define PENDING_MAX  (832u << 10)
#define APPENDS_MAX  (704u << 10) /* the rest is for what is no reading */
#define NAMES_MAX    (64u << 10)

static void tell_text(struct fg_store_engine *e, enum fg_store_event_type type, const char *text)
{
	struct fg_store_event event = {.type = type};

	snprintf(event.text, sizeof(event.text), "%s", text);
	fg_engine_tell(e, event);
}

/* ---- what comes in ---- */

static bool is_delivery_of(const char *at, const char *name)
{
	struct fg_store_message m;

	memcpy(&m, at + sizeof(uint32_t), sizeof(m));
	return m.type == FG_STORE_MSG_DELIVERY && !m.bundled && strcmp(m.name, name) == 0;
}

/* What a destination lacks is stored as a whole: the newest state is enough. So they are bounded,
 * however long nothing can be written. */
static void forget_older_delivery(struct fg_store_engine *e, const char *name)
{
	size_t at = 0;

	while (at < e->pending.len) {
		size_t n = fg_engine_length_at(e->pending.data + at);

		if (is_delivery_of(e->pending.data + at, name)) {
			fg_engine_cut_out(&e->pending, at, n);
			return;
		}
		at += n;
	}
}

static bool is_note_of(const char *at, const struct fg_store_note *note)
{
	const size_t head = sizeof(uint32_t) + sizeof(struct fg_store_message);
	struct fg_store_message m;
	struct fg_store_note other;

	memcpy(&m, at + sizeof(uint32_t), sizeof(m));
	return m.type == FG_STORE_MSG_STATE && !m.bundled &&
	       fg_store_note_decode(at + head, fg_engine_length_at(at) - head, &other) == FG_OK &&
	       strcmp(other.kind, note->kind) == 0 && strcmp(other.key, note->key) == 0;
}

/* The newest of a note is enough, too. */
static void forget_older_note(struct fg_store_engine *e, const void *payload, size_t len)
{
	struct fg_store_note note;
	size_t at = 0;

	if (fg_store_note_decode(payload, len, &note) < 0)
		return;
	while (at < e->pending.len) {
		size_t n = fg_engine_length_at(e->pending.data + at);

		if (is_note_of(e->pending.data + at, &note)) {
			fg_engine_cut_out(&e->pending, at, n);
			return;
		}
		at += n;
	}
}

/* Other destinations: what was said before of what all have is not said of them, nor who lacks what
 * is to be dropped. Nothing goes by it any more; the core says both anew. */
static void forget_delivered(struct fg_store_engine *e)
{
	struct fg_store_message m;

	e->expire_below = 0;
	e->room_stale = e->room.owed != NULL;
	for (size_t at = 0; at < e->pending.len; at += fg_engine_length_at(e->pending.data + at)) {
		char *message = e->pending.data + at + sizeof(uint32_t);

		memcpy(&m, message, sizeof(m));
		if (m.type == FG_STORE_MSG_EXPIRE)
			m.b = 0;
		memcpy(message, &m, sizeof(m));
	}
}

static int take_room(struct fg_store_engine *e, const struct fg_store_message *m,
	const void *payload, size_t len)
{
	e->room_stale = false;
	fg_store_room_fini(&e->room);
	fg_buf_clear(&e->room_bytes);
	fg_buf_put(&e->room_bytes, payload, len);
	if (e->room_bytes.overflow)
		return FG_ENOMEM;
	return fg_store_room_decode(m, e->room_bytes.data, e->room_bytes.len, &e->room);
}

/* What it holds is laid out as it waits here. */
static int enqueue_bundle(struct fg_store_engine *e, const void *payload, size_t len)
{
	if (e->pending.len + len > APPENDS_MAX)
		return FG_EFULL;
	if (!fg_buf_room(&e->pending, len)) {
		e->pending.overflow = false;
		return FG_EFULL;
	}
	fg_buf_put(&e->pending, payload, len);
	return FG_OK;
}

static int enqueue(struct fg_store_engine *e, const struct fg_store_message *m,
	const void *payload, size_t len)
{
	const uint32_t n = (uint32_t)(sizeof(*m) + len);

	if (m->type == FG_STORE_MSG_DELIVERY)
		forget_older_delivery(e, m->name);
	if (m->type == FG_STORE_MSG_DESTINATIONS)
		forget_delivered(e);
	if (m->type == FG_STORE_MSG_STATE)
		forget_older_note(e, payload, len);
	if ((m->type == FG_STORE_MSG_APPEND || m->type == FG_STORE_MSG_STATE) &&
		e->pending.len + n > APPENDS_MAX)
		return FG_EFULL;
	if (!fg_buf_room(&e->pending, sizeof(n) + n)) {
		e->pending.overflow = false;
		return FG_EFULL;
	}
	fg_buf_put(&e->pending, &n, sizeof(n));
	fg_buf_put(&e->pending, m, sizeof(*m));
	fg_buf_put(&e->pending, payload, len);
	return FG_OK;
}

int fg_store_engine_push(struct fg_store_engine *e, const struct fg_store_message *m,
	const void *payload, size_t len, bool urgent)
{
	int r = FG_OK;

	switch (m->type) {
	case FG_STORE_MSG_ROOM:
		return take_room(e, m, payload, len);
	case FG_STORE_MSG_DAMAGED:
		/* one that still has the old file open may be late */
		e->damaged |= e->now.mono_us >= e->salvage_due_us;
		return FG_OK;
	case FG_STORE_MSG_BUNDLE:
		r = enqueue_bundle(e, payload, len);
		break;
	default:
		r = enqueue(e, m, payload, len);
		break;
	}
	e->flush |= urgent && r == FG_OK;
	return r;
}

static int sink_push(void *arg, const struct fg_store_message *m, const void *payload, size_t len,
	bool urgent)
{
	return fg_store_engine_push(arg, m, payload, len, urgent);
}

struct fg_store_sink *fg_store_engine_sink(struct fg_store_engine *e)
{
	return &e->sink;
}

void fg_store_engine_flush(struct fg_store_engine *e)
{
	e->flush = true;
}

size_t fg_store_engine_pending(const struct fg_store_engine *e)
{
	return e->pending.len;
}

bool fg_store_engine_has_room(const struct fg_store_engine *e)
{
	return e->pending.len + FG_STORE_PAYLOAD_MAX + sizeof(struct fg_store_message) +
		       sizeof(uint32_t) <= APPENDS_MAX;
}

/* ---- failures ---- */

static void told_failure(struct fg_store_engine *e)
{
	struct fg_store_event event = {.type = FG_STORE_FAILED};

	snprintf(event.text, sizeof(event.text), "cannot write: %s", fg_spool_error(e->spool));
	fg_engine_tell(e, event);
	e->failed = true;
	e->damaged |= fg_spool_damaged(e->spool);
}

/* No room for the readings: what needs next to none is stored all the same, all that waits. */
static void commit_small(struct fg_store_engine *e)
{
	size_t at = 0;

	e->group_len = e->pending.len;
	if (fg_engine_commit_group(e, true) < 0)
		return;
	fg_engine_each(e, fg_engine_tell_small);
	while (at < e->pending.len) {
		size_t n = fg_engine_length_at(e->pending.data + at);
		struct fg_store_message m;

		memcpy(&m, e->pending.data + at + sizeof(uint32_t), sizeof(m));
		if (fg_engine_is_small(e, &m))
			fg_engine_cut_out(&e->pending, at, n);
		else
			at += n;
	}
}

static void no_room(struct fg_store_engine *e)
{
	e->group_most = e->group_len / 2; /* there may never be room for so much at once */
	e->more_to_tidy = true;
	if (!e->reserve_used) {
		e->reserve_used = true;
		if (fg_spool_use_reserve(e->spool) < 0)
			fg_debug(FG_DEBUG_spool, "the reserve cannot be used: %s",
				fg_spool_error(e->spool));
	}
	commit_small(e);
}

/* ---- a commit ---- */

static void take_limits(struct fg_store_engine *e, const struct fg_store_message *m,
	const void *payload)
{
	struct fg_spool_conf limits;

	memcpy(&limits, payload, sizeof(limits));
	limits.file = e->conf.spool.file;
	limits.boot_id = e->conf.spool.boot_id;
	e->conf.spool = limits;
	e->conf.commit_interval_us = (int64_t)m->a;
	fg_spool_set_limits(e->spool, &limits);
	e->expire_asked = true; /* there may be more to free, or less */
}

static int after(struct fg_store_engine *e, struct fg_store_message *m, const void *payload,
	size_t len)
{
	(void)len;
	switch (m->type) {
	case FG_STORE_MSG_EXPIRE:
		e->expire_asked = true;
		e->expire_now_ms = (int64_t)m->a;
		e->expire_below = m->b;
		break;
	case FG_STORE_MSG_LIMITS:
		take_limits(e, m, payload);
		break;
	case FG_STORE_MSG_CALL:
		m->call->result = m->call->run(e->spool, m->call->arg);
		fg_engine_tell(e,
			(struct fg_store_event){.type = FG_STORE_CALLED, .call = m->call});
		break;
	default:
		break;
	}
	return FG_OK;
}

static void tell_losses_of(struct fg_store_engine *e, const char *name)
{
	struct fg_store_event event = {.type = FG_STORE_LOSSES};
	unsigned rows;

	if (fg_spool_losses(e->spool, name, &rows) < 0)
		return;
	event.a = rows;
	snprintf(event.text, sizeof(event.text), "%s", name);
	fg_engine_tell(e, event);
}

static void tell_losses(struct fg_store_engine *e)
{
	if (!e->losses_changed)
		return;
	e->losses_changed = false;
	tell_losses_of(e, "");
	for (size_t at = 0; at < e->names.len; at += strlen(e->names.data + at) + 1)
		tell_losses_of(e, e->names.data + at);
}

static void group_done(struct fg_store_engine *e)
{
	if (e->failed)
		fg_engine_tell(e, (struct fg_store_event){.type = FG_STORE_RECOVERED});
	e->failed = e->reserve_used = false;
	fg_engine_each(e, fg_engine_tell_done);
	e->committed_next = e->appended_next;
	if (e->committed_next)
		fg_engine_tell(e, (struct fg_store_event){
				.type = FG_STORE_COMMITTED, .a = e->committed_next});
	fg_engine_each(e, after);
	fg_engine_cut_out(&e->pending, 0, e->group_len);
	e->group_most = FG_MIN(e->group_most * 2, (size_t)PENDING_MAX);
	tell_losses(e);
}

/* One round: a group becomes durable, or all stays pending. */
static bool commit(struct fg_store_engine *e)
{
	int r;

	if (e->pending.len == 0)
		return true;
	fg_engine_choose_group(e);
	e->appended_next = e->committed_next;
	r = fg_engine_each(e, fg_engine_before);
	if (r >= 0)
		r = fg_engine_commit_group(e, false);
	if (r >= 0) {
		group_done(e);
		return true;
	}
	told_failure(e);
	if (r == -ENOSPC)
		no_room(e);
	return false;
}

/* ---- housekeeping ---- */

static void tell_size(struct fg_store_engine *e)
{
	struct fg_spool_info info;

	fg_spool_info(e->spool, &info);
	fg_engine_tell(e, (struct fg_store_event){
			.type = FG_STORE_SIZE, .a = (uint64_t)info.bytes, .b = info.rows});
}

static void on_dropped(void *arg, uint64_t from, uint64_t to, unsigned count)
{
	struct fg_store_engine *e = arg;

	e->losses_changed = true;
	fg_engine_tell(e,
		(struct fg_store_event){
			.type = FG_STORE_DROPPED, .a = from, .b = to, .c = count});
}

/* The core freezes what may go and sends its sets; asked again where that got lost. */
static void ask_for_room(struct fg_store_engine *e)
{
	if (e->now.mono_us < e->room_ask_us && e->room_ask_us != INT64_MAX)
		return;
	e->room_ask_us = e->now.mono_us + ROOM_ASK_US;
	fg_engine_tell(e, (struct fg_store_event){.type = FG_STORE_WANTS_ROOM});
}

static void end_room(struct fg_store_engine *e)
{
	e->room_stale = false;
	fg_store_room_fini(&e->room);
	fg_engine_tell(e, (struct fg_store_event){.type = FG_STORE_ROOM_MADE});
}

/* A bounded step. */
static void tidy(struct fg_store_engine *e)
{
	struct fg_tidy t = {.now_wall_ms = e->expire_now_ms,
		.delivered_below = e->expire_below,
		.drop_below = e->room.drop_below,
		.dropped = on_dropped,
		.arg = e};
	int r;

	if (e->room_stale)
		end_room(e);
	t.owed = e->room.owed;
	t.owed_count = e->room.count;
	r = fg_spool_tidy(e->spool, &t);
	e->more_to_tidy = r == FG_TIDY_MORE;
	e->expire_asked = false;
	if (r < 0)
		e->damaged |= fg_spool_damaged(e->spool);
	if (!e->more_to_tidy && e->room.owed)
		end_room(e);
	if (r == FG_TIDY_WANTS_ROOM)
		ask_for_room(e);
	else if (!e->more_to_tidy)
		e->room_ask_us = INT64_MAX;
	if (!e->more_to_tidy) {
		e->losses_changed = true; /* told each time: there may be room for them by now */
		tell_losses(e);
		tell_size(e);
	}
}

/* ---- damage ---- */

static int resume_eras(struct fg_store_engine *e)
{
	int r = e->era_count ? fg_spool_begin(e->spool) : FG_OK;

	if (!e->era_count || r < 0)
		return r;
	for (size_t i = 0; i < e->era_count && r >= 0; i++) {
		r = fg_spool_set_era(e->spool, &e->eras[i]);
		if (r == FG_EINVAL) /* it is there */
			r = FG_OK;
	}
	if (r >= 0)
		r = fg_spool_commit(e->spool);
	if (r < 0)
		fg_spool_rollback(e->spool);
	return r;
}

/* What the readings that are still to come rely on: their numbers, and the eras of this run. Tried
 * each second until it works; before, nothing is stored. */
static void resume(struct fg_store_engine *e)
{
	struct fg_spool_info info;
	int r = fg_spool_resume(e->spool, FG_MAX(e->committed_next, e->first_next));

	if (r == FG_OK)
		r = resume_eras(e);
	e->resuming = r < 0;
	if (r < 0) {
		e->retry_us = e->now.mono_us + RETRY_US;
		told_failure(e);
		return;
	}
	fg_spool_info(e->spool, &info);
	e->salvaged_last = info.last_seq;
	e->reserved = info.reserved;
	e->due_known = true;
	e->group_due_us = e->now.mono_us;
}

/* Tried each second until the store is open again; the messages wait. */
static void salvage(struct fg_store_engine *e)
{
	char text[sizeof(((struct fg_store_event *)0)->text)] = "";
	struct fg_buf why;
	int r = FG_OK;

	fg_buf_wrap(&why, text, sizeof(text));
	if (e->spool) {
		tell_text(e, FG_STORE_DAMAGED, fg_spool_error(e->spool));
		fg_spool_close(e->spool);
		e->spool = NULL;
		e->salvaging = true;
	}
	if (e->salvaging)
		r = fg_spool_salvage(&e->conf.spool, e->now.wall_us / 1000, &why);
	if (r >= 0) {
		e->salvaging = false;
		r = fg_spool_open(&e->conf.spool, &why, &e->spool);
	}
	if (r < 0) {
		e->spool = NULL;
		e->salvaging |= r == FG_ECORRUPT;
		e->retry_us = e->now.mono_us + RETRY_US;
		e->failed = true;
		tell_text(e, FG_STORE_FAILED, why.len ? text : fg_strerror(r));
		return;
	}
	e->damaged = false;
	e->salvage_due_us = e->now.mono_us + SALVAGE_US;
	resume(e);
	tell_text(e, FG_STORE_SALVAGED, text);
	e->expire_asked = true;
}

/* ---- time ---- */

static bool wants_tidy(const struct fg_store_engine *e)
{
	return e->expire_asked || e->more_to_tidy || e->room.owed ||
	       e->now.mono_us >= e->room_ask_us;
}

/* Fixes when the group is due that has begun since the last run. */
static void note_group(struct fg_store_engine *e)
{
	if (e->pending.len == 0) {
		e->due_known = e->flush = false;
		return;
	}
	if (!e->due_known)
		e->group_due_us = e->now.mono_us + e->conf.commit_interval_us;
	e->due_known = true;
	if (e->flush && !e->failed)
		e->group_due_us = FG_MIN(e->group_due_us, e->now.mono_us);
	e->flush = false;
}

static void run_commit(struct fg_store_engine *e)
{
	e->tidied_last = false;
	if (commit(e)) {
		e->due_known = e->pending.len > 0; /* the rest did not fit: at once */
		e->group_due_us = e->now.mono_us;
	} else {
		e->due_known = true;
		e->group_due_us = e->now.mono_us + RETRY_US;
	}
}

static void run_tidy(struct fg_store_engine *e)
{
	e->tidied_last = true;
	tidy(e);
	if (e->failed && e->more_to_tidy)
		e->group_due_us = e->now.mono_us; /* it may fit now */
}

static int64_t next_due(const struct fg_store_engine *e)
{
	int64_t due = e->pending.len && e->due_known ? e->group_due_us : INT64_MAX;

	if (!e->spool || e->resuming)
		return FG_MAX(e->retry_us, e->now.mono_us);
	if (e->damaged)
		due = FG_MIN(due, FG_MAX(e->salvage_due_us, e->now.mono_us));
	if (e->damaged) /* and nothing else waits for that */
		due = FG_MIN(due, e->now.mono_us + RETRY_US);
	if (wants_tidy(e))
		due = FG_MIN(due, e->now.mono_us);
	return FG_MIN(due, e->room_ask_us);
}

int64_t fg_store_engine_run(struct fg_store_engine *e, struct fg_now now)
{
	bool commit_due;

	e->now = now;
	if ((!e->spool || e->resuming) && now.mono_us < e->retry_us)
		return e->retry_us;
	if (!e->spool || (e->damaged && now.mono_us >= e->salvage_due_us)) {
		salvage(e);
		return next_due(e);
	}
	if (e->resuming) {
		resume(e);
		return next_due(e);
	}
	if (!e->sized)
		tell_size(e);
	e->sized = true;
	note_group(e);
	commit_due = e->pending.len && now.mono_us >= e->group_due_us;
	if (commit_due && !(wants_tidy(e) && !e->tidied_last))
		run_commit(e);
	else if (wants_tidy(e))
		run_tidy(e);
	return next_due(e);
}

/* ---- life ---- */

static void engine_free(struct fg_store_engine *e)
{
	fg_store_room_fini(&e->room);
	fg_buf_fini(&e->room_bytes);
	fg_buf_fini(&e->names);
	fg_buf_fini(&e->pending);
	free(e->file);
	free(e);
}

int fg_store_engine_new(struct fg_spool *spool, const struct fg_store_engine_conf *conf,
	fg_store_event_fn event, void *arg, struct fg_store_engine **ret)
{
	struct fg_store_engine *e = calloc(1, sizeof(*e));
	struct fg_spool_info info;

	if (!e)
		return FG_ENOMEM;
	fg_buf_init(&e->pending, PENDING_MAX);
	fg_buf_init(&e->room_bytes, FG_STORE_PAYLOAD_MAX + 1);
	fg_buf_init(&e->names, NAMES_MAX);
	e->conf = *conf;
	e->file = conf->spool.file ? strdup(conf->spool.file) : NULL;
	e->conf.spool.file = e->file;
	if (conf->spool.file && !e->file) {
		engine_free(e);
		return FG_ENOMEM;
	}
	e->spool = spool;
	e->event = event;
	e->arg = arg;
	e->sink = (struct fg_store_sink){.push = sink_push, .arg = e};
	e->group_most = PENDING_MAX;
	fg_spool_info(spool, &info);
	e->reserved = info.reserved;
	e->first_next = info.next_seq;
	e->salvage_due_us = INT64_MIN;
	e->room_ask_us = INT64_MAX;
	e->eras[e->era_count++] = (struct fg_era){.number = info.era};
	*ret = e;
	return FG_OK;
}

bool fg_store_engine_rest(struct fg_store_engine *e, struct fg_now now)
{
	int tries = LAST_TRIES;

	e->now = now;
	while (e->spool && !e->resuming && tries && e->pending.len) {
		bool failed = !commit(e);

		if (wants_tidy(e))
			tidy(e);
		tries -= failed && !e->more_to_tidy;
	}
	return e->pending.len == 0;
}

void fg_store_engine_close(struct fg_store_engine *e, uint64_t next_seq)
{
	if (!e)
		return;
	if (e->spool) {
		fg_spool_release(e->spool, next_seq);
		fg_spool_close(e->spool);
	}
	engine_free(e);
}

struct fg_spool *fg_store_engine_abandon(struct fg_store_engine *e)
{
	struct fg_spool *spool = e->spool;

	engine_free(e);
	return spool;
}
