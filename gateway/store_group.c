/* SPDX-License-Identifier: EUPL-1.2 */
/* One group of the store's engine: its messages, applied in one transaction or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/plant.h"
#include "base/status.h"
#include "gateway/store_engine_state.h"

void fg_engine_tell(struct fg_store_engine *e, struct fg_store_event event)
{
	e->event(e->arg, &event);
}

size_t fg_engine_length_at(const char *at)
{
	uint32_t len;

	memcpy(&len, at, sizeof(len));
	return sizeof(len) + len;
}

void fg_engine_cut_out(struct fg_buf *b, size_t at, size_t n)
{
	b->len -= n;
	memmove(b->data + at, b->data + at + n, b->len - at);
}

static void message_at(const struct fg_store_engine *e, size_t at, struct fg_store_message *ret)
{
	memcpy(ret, e->pending.data + at + sizeof(uint32_t), sizeof(*ret));
}

void fg_engine_choose_group(struct fg_store_engine *e)
{
	struct fg_store_message m;
	size_t at = 0;

	do {
		message_at(e, at, &m);
		at += fg_engine_length_at(e->pending.data + at);
	} while (at < e->pending.len && (m.joined || at < e->group_most));
	e->group_len = at;
}

int fg_engine_each(struct fg_store_engine *e, fg_engine_message_fn fn)
{
	char *at = e->pending.data, *end = at + e->group_len;
	int r = FG_OK;

	while (at < end && r >= 0) {
		const size_t head = sizeof(uint32_t) + sizeof(struct fg_store_message);
		size_t n = fg_engine_length_at(at);
		struct fg_store_message m;

		memcpy(&m, at + sizeof(uint32_t), sizeof(m));
		r = fn(e, &m, at + head, n - head);
		memcpy(at + sizeof(uint32_t), &m, sizeof(m));
		at += n;
	}
	return r;
}

static bool in_group(enum fg_store_message_type type)
{
	return type <= FG_STORE_MSG_DESTINATIONS;
}

/* Whether what a destination lacks is bundled with something: later states of it speak of that. */
static bool waits_bundled(const struct fg_store_engine *e, const char *destination)
{
	struct fg_store_message m;

	for (size_t at = 0; at < e->pending.len;
		at += fg_engine_length_at(e->pending.data + at)) {
		message_at(e, at, &m);
		if (m.bundled && m.type == FG_STORE_MSG_DELIVERY &&
			strcmp(m.name, destination) == 0)
			return true;
	}
	return false;
}

/* What needs little room and must not wait for readings. A ledger's row does: it speaks of an
 * account that is appended before it. So does delivery state where gaps tell what it lacks no
 * longer. */
bool fg_engine_is_small(const struct fg_store_engine *e, const struct fg_store_message *m)
{
	switch (m->type) {
	case FG_STORE_MSG_DELIVERY:
		return !waits_bundled(e, m->name);
	case FG_STORE_MSG_ERA:
	case FG_STORE_MSG_DESTINATIONS:
		return true;
	case FG_STORE_MSG_LEDGER:
		return fg_planted(FG_PLANT_ROW_FIRST);
	default:
		return false;
	}
}

/* A refusal that would be the same for ever must not hold up the rest. */
static int for_good(struct fg_store_engine *e, int r, const char *what)
{
	if (r != FG_EINVAL)
		return r;
	fg_error("store: %s is refused: %s", what, fg_spool_error(e->spool));
	return FG_OK;
}

enum { TAKEN = 0, REFUSED = 1 }; /* in `b` of an append, or of a note */

static int apply_append(struct fg_store_engine *e, struct fg_store_message *m, const void *payload,
	size_t len)
{
	int r;

	m->b = TAKEN;
	e->appended_next = m->a + m->count;
	if (e->appended_next <= e->salvaged_last + 1 && e->salvaged_last)
		return FG_OK; /* it was durable when the damage was found */
	r = fg_spool_append(e->spool, m->a, m->count, payload, len);
	if (r == FG_EFULL || r == FG_EINVAL) { /* told once the commit is done, the rest goes on */
		m->b = REFUSED;
		e->losses_changed = true;
		return r == FG_EFULL ? FG_OK : for_good(e, r, "a record");
	}
	return r;
}

#define MORE (UINT64_C(1) << 32) /* in `b` beside the count */

/* Whether numbers that were given away were used already when the damage was found: then as many of
 * them as reach to what is there. */
static bool used_before(struct fg_store_engine *e, struct fg_store_message *m)
{
	if (!e->salvaged_last || m->a > e->salvaged_last)
		return false;
	e->appended_next = m->a + m->count;
	m->b = FG_MIN(e->salvaged_last - m->a + 1, m->count) | MORE;
	return true;
}

static int apply_restamp(struct fg_store_engine *e, struct fg_store_message *m)
{
	unsigned used = 0;
	bool more = true;
	int r;

	if (used_before(e, m))
		return FG_OK;
	r = fg_spool_restamp(e->spool, m->a, m->count, &used, &more);
	e->appended_next = m->a + m->count;
	if (r == FG_EFULL || r == FG_EINVAL) { /* with other numbers, later */
		used = 0;
		more = true;
		r = r == FG_EFULL ? FG_OK : for_good(e, r, "a correction");
	}
	m->b = used | (more ? MORE : 0);
	return r;
}

static int apply_issue(struct fg_store_engine *e, struct fg_store_message *m)
{
	unsigned used = 0;
	int r;

	e->losses_changed = true;
	if (used_before(e, m))
		return FG_OK;
	r = fg_spool_issue_losses(e->spool, m->name, m->a, m->count, &used);
	e->appended_next = m->a + m->count;
	if (r == FG_EFULL || r == FG_EINVAL) {
		used = 0;
		r = r == FG_EFULL ? FG_OK : for_good(e, r, "what was lost");
	}
	m->b = used | (used == m->count ? MORE : 0);
	return r;
}

static int apply_delivery(struct fg_store_engine *e, const struct fg_store_message *m,
	const void *payload, size_t len)
{
	struct fg_ranges ranges;
	int r;

	fg_ranges_init(&ranges);
	r = fg_ranges_decode(payload, len, &ranges);
	if (r == FG_OK)
		r = fg_spool_set_delivery(e->spool, m->name, &ranges);
	if (!fg_planted(FG_PLANT_DELIVERY_LEAKS))
		fg_ranges_fini(&ranges);
	return r;
}

static int apply_ledger(struct fg_store_engine *e, const void *payload)
{
	struct fg_ledger_row row;

	memcpy(&row, payload, sizeof(row));
	return for_good(e, fg_spool_set_ledger(e->spool, &row), "a ledger's row");
}

static int apply_era(struct fg_store_engine *e, const void *payload)
{
	struct fg_era era;

	memcpy(&era, payload, sizeof(era));
	return for_good(e, fg_spool_set_era(e->spool, &era), "an era");
}

static int apply_state(struct fg_store_engine *e, struct fg_store_message *m, const void *payload,
	size_t len)
{
	struct fg_store_note note;
	int r = fg_store_note_decode(payload, len, &note);

	if (r == FG_OK)
		r = fg_spool_set_state(e->spool, note.kind, note.key, note.bytes, note.len);
	m->b = r == FG_EINVAL ? REFUSED : TAKEN;
	return for_good(e, r, "a note");
}

static int apply_destinations(struct fg_store_engine *e, const struct fg_store_message *m,
	const char *payload, size_t len)
{
	const char **names = calloc(m->count + 1, sizeof(*names));
	size_t n = 0;
	int r;

	if (!names)
		return FG_ENOMEM;
	for (const char *at = payload; at < payload + len && n < m->count; at += strlen(at) + 1)
		names[n++] = at;
	r = fg_spool_set_destinations(e->spool, names, n, (int64_t)m->a);
	free(names);
	return r;
}

static int apply(struct fg_store_engine *e, struct fg_store_message *m, const void *payload,
	size_t len)
{
	switch (m->type) {
	case FG_STORE_MSG_APPEND:
		return apply_append(e, m, payload, len);
	case FG_STORE_MSG_DELIVERY:
		return apply_delivery(e, m, payload, len);
	case FG_STORE_MSG_ERA:
		return apply_era(e, payload);
	case FG_STORE_MSG_RESTAMP_BEGIN:
		return for_good(e, fg_spool_restamp_begin(e->spool, m->count, (int64_t)m->a),
			"a correction");
	case FG_STORE_MSG_RESTAMP:
		return apply_restamp(e, m);
	case FG_STORE_MSG_ISSUE_LOSSES:
		return apply_issue(e, m);
	case FG_STORE_MSG_LEDGER:
		return apply_ledger(e, payload);
	case FG_STORE_MSG_FORGET_LEDGER:
		return for_good(e, fg_spool_forget_ledger(e->spool, m->name), "a ledger's row");
	case FG_STORE_MSG_STATE:
		return apply_state(e, m, payload, len);
	case FG_STORE_MSG_DESTINATIONS:
		return apply_destinations(e, m, payload, len);
	default:
		return FG_OK; /* outside the group commit */
	}
}

static int apply_small(struct fg_store_engine *e, struct fg_store_message *m, const void *payload,
	size_t len)
{
	return fg_engine_is_small(e, m) ? apply(e, m, payload, len) : FG_OK;
}

/* What must be durable before the readings of this commit are, or needs no commit. */
int fg_engine_before(struct fg_store_engine *e, struct fg_store_message *m, const void *payload,
	size_t len)
{
	(void)payload;
	(void)len;
	if (m->type == FG_STORE_MSG_RESERVE && m->a > e->reserved) {
		int r = fg_spool_reserve(e->spool, m->a);

		if (r < 0)
			return r;
		e->reserved = m->a;
		fg_engine_tell(e, (struct fg_store_event){.type = FG_STORE_RESERVED, .a = m->a});
	}
	return FG_OK;
}

static void remember_era(struct fg_store_engine *e, const void *payload)
{
	struct fg_era era;
	size_t i = 0;

	memcpy(&era, payload, sizeof(era));
	while (i < e->era_count && e->eras[i].number != era.number)
		i++;
	if (i == FG_ENGINE_ERAS_MAX) {
		memmove(e->eras, e->eras + 1, (FG_ENGINE_ERAS_MAX - 1) * sizeof(e->eras[0]));
		i--;
	}
	e->era_count = FG_MAX(e->era_count, i + 1);
	e->eras[i] = era;
	fg_engine_tell(e, (struct fg_store_event){.type = FG_STORE_ERA, .a = era.number});
}

static void tell_used(struct fg_store_engine *e, const struct fg_store_message *m)
{
	struct fg_store_event event = {.type = FG_STORE_NUMBERS_USED,
		.a = m->a,
		.b = m->count,
		.c = m->b & (MORE - 1),
		.more = m->b & MORE,
		.corrections = m->type == FG_STORE_MSG_RESTAMP};

	snprintf(event.text, sizeof(event.text), "%s", m->name);
	fg_engine_tell(e, event);
}

/* Who publishes retained waits for it; who changed something by hand waits for a refusal. */
static void tell_noted(struct fg_store_engine *e, const struct fg_store_message *m,
	const void *payload, size_t len)
{
	struct fg_store_event event = {.type = FG_STORE_NOTED};
	struct fg_store_note note;

	if (fg_store_note_decode(payload, len, &note) < 0)
		return;
	if (m->b == REFUSED) {
		struct fg_store_event refused = {.type = FG_STORE_NOTE_REFUSED};

		snprintf(refused.text, sizeof(refused.text), "%s %s", note.kind, note.key);
		fg_engine_tell(e, refused);
	}
	if (strcmp(note.kind, "retained") != 0)
		return;
	snprintf(event.text, sizeof(event.text), "%s", note.key);
	fg_engine_tell(e, event);
}

/* What a commit has done, told before the commit is, so that nobody takes for stored what is not.
 */
int fg_engine_tell_done(struct fg_store_engine *e, struct fg_store_message *m, const void *payload,
	size_t len)
{
	switch (m->type) {
	case FG_STORE_MSG_APPEND:
		if (m->b == REFUSED)
			fg_engine_tell(e, (struct fg_store_event){.type = FG_STORE_DROPPED,
					.a = m->a,
					.b = m->a + m->count,
					.c = m->count});
		break;
	case FG_STORE_MSG_RESTAMP:
	case FG_STORE_MSG_ISSUE_LOSSES:
		tell_used(e, m);
		break;
	case FG_STORE_MSG_ERA:
		remember_era(e, payload);
		break;
	case FG_STORE_MSG_STATE:
		tell_noted(e, m, payload, len);
		break;
	case FG_STORE_MSG_DESTINATIONS:
		fg_buf_clear(&e->names);
		fg_buf_put(&e->names, payload, len);
		e->losses_changed = true;
		break;
	default:
		break;
	}
	return FG_OK;
}

int fg_engine_tell_small(struct fg_store_engine *e, struct fg_store_message *m, const void *payload,
	size_t len)
{
	return fg_engine_is_small(e, m) ? fg_engine_tell_done(e, m, payload, len) : FG_OK;
}

static int look_for_group(struct fg_store_engine *e, struct fg_store_message *m,
	const void *payload, size_t len)
{
	(void)e;
	(void)payload;
	(void)len;
	return in_group(m->type) ? FG_EAGAIN : FG_OK;
}

static int look_for_small(struct fg_store_engine *e, struct fg_store_message *m,
	const void *payload, size_t len)
{
	(void)payload;
	(void)len;
	return fg_engine_is_small(e, m) ? FG_EAGAIN : FG_OK;
}

int fg_engine_commit_group(struct fg_store_engine *e, bool small)
{
	int r;

	if (fg_engine_each(e, small ? look_for_small : look_for_group) == FG_OK)
		return FG_OK; /* nothing to commit */
	r = fg_spool_begin(e->spool);
	if (r == FG_OK)
		r = fg_engine_each(e, small ? apply_small : apply);
	if (r >= 0)
		r = fg_spool_commit(e->spool);
	fg_debug(FG_DEBUG_spool, "spool: commit of %s: %s",
		small ? "notes and acknowledgements" : "readings", r < 0 ? fg_strerror(r) : "done");
	if (r < 0)
		fg_spool_rollback(e->spool);
	return r;
}

