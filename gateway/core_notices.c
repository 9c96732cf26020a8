/* SPDX-License-Identifier: EUPL-1.2 */
/* The set of service notices: what is added, ends and is forgotten; which points it speaks of; its
 * notes in the store. */
#include "gateway/core_notices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/number.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "base/varint.h"
#include "gateway/core_state.h"

#define KIND	     "notice"
#define LAST	     "last"
#define NOTE_VERSION 1
#define NOTE_MAX     (8u << 10)
/* Wall time may step: edges are looked for this often. */
#define LOOK_US 1000000
/* Rules leave some places to people. */
#define RULES_MAX (FG_NOTICES_MAX - 16)
/* Gaps are told late, up to an hour after what they lack. */
#define REMEMBER_US (2 * INT64_C(3600000000))
/* Of those that have ended. */
#define ENDED_MAX 64
/* Where the store is not told that they have: nothing new until it is. */
#define UNTOLD_MAX (2 * ENDED_MAX)

/* ---- which points ---- */

static bool goes_on(const char **at, const char *end, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(end - *at) < n || memcmp(*at, text, n) != 0)
		return false;
	*at += n;
	return true;
}

/* kind "device:": "device:a", or "point:a/b". Asked for each point, notice and word whenever a
 * notice begins or ends. */
static bool word_is(const char *word, size_t len, const char *kind, const char *a, const char *b)
{
	const char *at = word, *end = word + len;

	return goes_on(&at, end, kind) && goes_on(&at, end, a) &&
	       (!b || (goes_on(&at, end, "/") && goes_on(&at, end, b))) && at == end;
}

/* Without a word it speaks of all. */
static bool speaks_of(const struct fg_service_notice *n, const struct fg_point_desc *desc)
{
	const char *word = n->is.affected;

	if (!*word)
		return true;
	while (*word) {
		size_t len = strcspn(word, " ");

		if (word_is(word, len, "device:", desc->device, NULL) ||
			word_is(word, len, "station:", desc->station, NULL) ||
			word_is(word, len, "point:", desc->station, desc->point))
			return true;
		word += len + (word[len] == ' ');
	}
	return false;
}

/* 0: nobody knows. */
static int64_t end_of(const struct fg_service_notice *n)
{
	return n->ended_ms ? n->ended_ms : n->is.to_ms;
}

uint32_t fg_notices_of(const struct fg_core *core, const struct fg_point_desc *desc,
	int64_t from_ms, int64_t to_ms)
{
	uint32_t found = 0;

	for (const struct fg_service_notice *n = core->notices.list; n; n = n->next) {
		int64_t end_ms = end_of(n);

		if (n->is.from_ms <= to_ms && (!end_ms || end_ms > from_ms) && speaks_of(n, desc))
			found = n->id;
	}
	return found;
}

/* What readings are marked with, until something begins or ends. */
static void mark(struct fg_core *core, int64_t now_ms)
{
	struct fg_notices *s = &core->notices;

	s->marked_ms = now_ms;
	s->next_edge_ms = INT64_MAX;
	for (const struct fg_service_notice *n = s->list; n; n = n->next) {
		if (n->is.from_ms > now_ms)
			s->next_edge_ms = FG_MIN(s->next_edge_ms, n->is.from_ms);
		if (!n->ended_ms && n->is.to_ms > now_ms)
			s->next_edge_ms = FG_MIN(s->next_edge_ms, n->is.to_ms);
	}
	for (size_t i = 0; i < core->config->point_count; i++) {
		struct fg_point_run *run = &core->points[i];

		run->notice = s->list ? fg_notices_of(core, &run->series->desc, now_ms, now_ms) : 0;
	}
}

/* ---- the set ---- */

static void insert(struct fg_notices *s, struct fg_service_notice *n)
{
	struct fg_service_notice **at = &s->list;

	while (*at && (*at)->id < n->id)
		at = &(*at)->next;
	n->next = *at;
	*at = n;
}

static unsigned count(const struct fg_notices *s, bool ended)
{
	unsigned all = 0;

	for (const struct fg_service_notice *n = s->list; n; n = n->next)
		all += (n->ended_ms != 0) == ended;
	return all;
}

/* The day and a count, so that ids do not come again with an empty store: 260701001. Never less
 * than the last. */
static uint32_t next_id(const struct fg_core *core, int64_t now_ms)
{
	char t[FG_RFC3339_SIZE]; /* 2026-07-01T… */
	uint32_t day = 0;

	fg_rfc3339(now_ms, t);
	for (const char *c = t + 2; c < t + 10; c++)
		if (*c >= '0' && *c <= '9')
			day = day * 10 + (uint32_t)(*c - '0');
	day = fg_core_timed(core) ? day * 1000 + 1 : 1;
	return FG_MAX(day, core->notices.last_id + 1);
}

static void end(struct fg_core *core, struct fg_service_notice *n, int64_t at_ms)
{
	n->ended_ms = at_ms;
	n->forget_mono_us = core->now.mono_us + REMEMBER_US;
	n->due = true;
	core->notices.changed = true;
	fg_notice("service notice: n%u ends", n->id);
}

static int save(struct fg_core *core, struct fg_service_notice *n)
{
	char key[16];
	struct fg_buf out;
	int r;

	snprintf(key, sizeof(key), "%u", n->id);
	fg_buf_init(&out, NOTE_MAX);
	if (!n->ended_ms) {
		const char *texts[] = {n->key, n->is.affected, n->is.text[0], n->is.text[1],
			n->is.text[2]};

		fg_put_varint(&out, NOTE_VERSION);
		fg_put_varint(&out, (uint64_t)n->is.kind);
		fg_put_varint(&out, (uint64_t)n->cause);
		fg_put_svarint(&out, n->created_ms);
		fg_put_svarint(&out, n->is.from_ms);
		fg_put_svarint(&out, n->is.to_ms);
		for (size_t i = 0; i < FG_COUNT(texts); i++) {
			fg_put_varint(&out, strlen(texts[i]));
			fg_buf_puts(&out, texts[i]);
		}
	}
	r = out.overflow ? FG_EINVAL : fg_core_set_state(core, KIND, key, out.data, out.len);
	fg_buf_fini(&out);
	if (r >= 0 || r == FG_EINVAL)
		n->due = false;
	return r;
}

static void save_due(struct fg_core *core)
{
	struct fg_notices *s = &core->notices;
	char text[16];

	if (s->last_due) {
		snprintf(text, sizeof(text), "%u", s->last_id);
		s->last_due = fg_core_set_state(core, KIND, LAST, text, strlen(text)) == FG_EFULL;
	}
	for (struct fg_service_notice *n = s->list; n; n = n->next)
		if (n->due)
			save(core, n);
}

/* What has ended is known for a while, and of too many the oldest goes. */
static void forget(struct fg_core *core)
{
	struct fg_notices *s = &core->notices;
	unsigned ended = count(s, true);

	for (struct fg_service_notice **at = &s->list; *at;) {
		struct fg_service_notice *n = *at;

		if (!n->ended_ms || n->due ||
			(core->now.mono_us < n->forget_mono_us && ended <= ENDED_MAX)) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		free(n);
		ended--;
	}
}

static int add(struct fg_core *core, enum fg_notice_cause cause, const char *key,
	const struct fg_notice_given *given, struct fg_service_notice **ret)
{
	struct fg_notices *s = &core->notices;
	int64_t now_ms = fg_reckon_now_ms(core);
	struct fg_service_notice *n;

	if (count(s, false) >= (cause == FG_NOTICE_BY_HAND ? FG_NOTICES_MAX : RULES_MAX) ||
		count(s, true) >= UNTOLD_MAX)
		return FG_EFULL;
	n = calloc(1, sizeof(*n));
	if (!n)
		return FG_ENOMEM;
	n->id = next_id(core, now_ms);
	n->cause = cause;
	snprintf(n->key, sizeof(n->key), "%s", key);
	n->is = *given;
	n->is.from_ms = given->from_ms ? given->from_ms : now_ms;
	n->created_ms = now_ms;
	n->reckoned = fg_reckon_from_now(core);
	n->begins_now = given->from_ms == 0;
	n->ends_after = n->begins_now && given->for_ms;
	n->due = n->wanted = true;
	s->last_id = n->id;
	s->last_due = s->changed = true;
	s->look_mono_us = core->now.mono_us;
	insert(s, n);
	*ret = n;
	return FG_OK;
}

static struct fg_service_notice *find(
	const struct fg_core *core, enum fg_notice_cause cause, const char *key)
{
	for (struct fg_service_notice *n = core->notices.list; n; n = n->next)
		if (!n->ended_ms && n->cause == cause && strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

/* ---- rules ---- */

struct fg_service_notice *fg_notices_want(struct fg_core *core, enum fg_notice_cause cause,
	const char *key, const struct fg_notice_given *given, const char *why)
{
	struct fg_service_notice *n = find(core, cause, key);
	struct fg_notice_given with_texts = *given;

	if (n) {
		n->wanted = true;
		return n;
	}
	fg_notice_write_texts(core->config, cause, why, &with_texts);
	if (add(core, cause, key, &with_texts, &n) < 0) {
		if (core->notices.not_told++ == 0)
			fg_warning("there are too many service notices; what rules ask for beyond "
				   "%d is not told", RULES_MAX);
		return NULL;
	}
	fg_notice("service notice: n%u begins: %s", n->id, n->is.text[FG_LANG_EN]);
	return n;
}

void fg_notices_keep(struct fg_core *core, enum fg_notice_cause cause, const char *key)
{
	struct fg_service_notice *n = find(core, cause, key);

	if (n)
		n->wanted = true;
}

/* The time is known, or better known: what was reckoned from then on goes with it. */
static void move_reckoned(struct fg_core *core)
{
	for (struct fg_service_notice *n = core->notices.list; n; n = n->next) {
		int64_t by_ms = fg_reckoned_by_ms(core, &n->reckoned);

		if (by_ms == 0)
			continue;
		n->created_ms += by_ms;
		if (n->begins_now)
			n->is.from_ms += by_ms;
		if (n->ends_after)
			n->is.to_ms += by_ms;
		if (n->ended_ms)
			n->ended_ms += by_ms;
		n->due = core->notices.changed = true;
	}
}

static void follow_rules(struct fg_core *core, int64_t now_ms)
{
	struct fg_service_notice *n;

	for (n = core->notices.list; n; n = n->next)
		n->wanted = n->cause == FG_NOTICE_BY_HAND;
	fg_notice_rules(core, now_ms);
	for (n = core->notices.list; n; n = n->next)
		if (!n->ended_ms && !n->wanted)
			end(core, n, now_ms);
}

static void expire(struct fg_core *core, int64_t now_ms)
{
	for (struct fg_service_notice *n = core->notices.list; n; n = n->next)
		if (!n->ended_ms && n->is.to_ms && n->is.to_ms <= now_ms)
			end(core, n, n->is.to_ms);
}

static void tell(struct fg_core *core, int64_t now_ms)
{
	struct fg_notices *s = &core->notices;

	if (!s->changed && now_ms < s->next_edge_ms && now_ms >= s->marked_ms)
		return;
	if (s->changed)
		fg_documents_touch(core, FG_DOC_NOTICES, 0);
	s->changed = false;
	mark(core, now_ms);
}

int64_t fg_notices_run(struct fg_core *core, struct fg_now now)
{
	struct fg_notices *s = &core->notices;
	int64_t now_ms = fg_reckon_now_ms(core);

	if (!s->list && !s->last_due && !s->changed && !fg_notice_rules_on(core))
		return INT64_MAX;
	if (now.mono_us < s->look_mono_us)
		return s->look_mono_us;
	s->look_mono_us = now.mono_us + LOOK_US;
	if (fg_core_timed(core) && !core->stopping) {
		move_reckoned(core);
		follow_rules(core, now_ms);
		expire(core, now_ms);
	}
	tell(core, now_ms);
	save_due(core);
	forget(core);
	return s->look_mono_us;
}

void fg_notices_reloaded(struct fg_core *core)
{
	core->notices.changed = true; /* rules may be others, and points are unmarked */
	core->notices.look_mono_us = core->now.mono_us;
}

/* ---- notes ---- */

static bool get_text(struct fg_bytes *in, char *ret, size_t size)
{
	uint64_t len = fg_get_varint(in);
	const void *text;

	if (in->bad || len >= size)
		return false;
	text = fg_get_bytes(in, (size_t)len);
	if (!text)
		return false;
	memcpy(ret, text, (size_t)len);
	ret[len] = '\0';
	return true;
}

static bool get_note(struct fg_bytes *in, struct fg_service_notice *n)
{
	uint64_t version = fg_get_varint(in), kind = fg_get_varint(in), cause = fg_get_varint(in);

	if (in->bad || version != NOTE_VERSION || kind >= FG_NOTICE_KINDS ||
		cause >= FG_NOTICE_CAUSES)
		return false;
	n->is.kind = (enum fg_notice_kind)kind;
	n->cause = (enum fg_notice_cause)cause;
	n->created_ms = fg_get_svarint(in);
	n->is.from_ms = fg_get_svarint(in);
	n->is.to_ms = fg_get_svarint(in);
	return get_text(in, n->key, sizeof(n->key)) &&
	       get_text(in, n->is.affected, sizeof(n->is.affected)) &&
	       get_text(in, n->is.text[0], sizeof(n->is.text[0])) &&
	       get_text(in, n->is.text[1], sizeof(n->is.text[1])) &&
	       get_text(in, n->is.text[2], sizeof(n->is.text[2])) && !in->bad;
}

static bool get_id(const char *text, size_t len, uint32_t *ret)
{
	char mem[16];
	int64_t v;

	if (len >= sizeof(mem))
		return false;
	memcpy(mem, text, len);
	mem[len] = '\0';
	if (fg_integer_parse(mem, &v) < 0 || v < 1 || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

int fg_notices_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	struct fg_bytes in = {bytes, (const unsigned char *)bytes + len, false};
	struct fg_notices *s = &core->notices;
	struct fg_service_notice *n;
	uint32_t id;

	if (strcmp(key, LAST) == 0) {
		if (get_id(bytes, len, &id))
			s->last_id = FG_MAX(s->last_id, id);
		return FG_OK;
	}
	if (!get_id(key, strlen(key), &id) || count(s, false) >= FG_NOTICES_MAX)
		return FG_OK;
	n = calloc(1, sizeof(*n));
	if (!n)
		return FG_ENOMEM;
	n->id = id;
	if (!get_note(&in, n)) {
		free(n);
		return FG_OK;
	}
	insert(s, n);
	s->last_id = FG_MAX(s->last_id, id);
	s->changed = true;
	return FG_OK;
}

void fg_notices_free(struct fg_core *core)
{
	while (core->notices.list) {
		struct fg_service_notice *n = core->notices.list;

		core->notices.list = n->next;
		free(n);
	}
}

/* ---- commands ---- */

int fg_core_notice_add(struct fg_core *core, struct fg_now now,
	const struct fg_notice_given *given, uint32_t *ret_id)
{
	struct fg_notice_given with_texts = *given;
	struct fg_service_notice *n;
	int64_t now_ms;
	int r;

	core->now = now = fg_core_now(core, now);
	now_ms = fg_reckon_now_ms(core);
	with_texts.from_ms = fg_reckon_given_ms(core, given->from_ms);
	with_texts.to_ms = fg_reckon_given_ms(core, given->to_ms);
	if (given->for_ms)
		with_texts.to_ms = (given->from_ms ? with_texts.from_ms : now_ms) + given->for_ms;
	if (with_texts.to_ms && with_texts.to_ms <= FG_MAX(with_texts.from_ms, now_ms))
		return FG_EINVAL;
	fg_notice_write_texts(core->config, FG_NOTICE_BY_HAND, NULL, &with_texts);
	r = add(core, FG_NOTICE_BY_HAND, "", &with_texts, &n);
	if (r < 0)
		return r;
	*ret_id = n->id;
	r = save(core, n);
	tell(core, now_ms);
	if (r != FG_EINVAL)
		return FG_OK;
	end(core, n, now_ms); /* the store has no room for it, so it would be gone with a restart */
	return -ENOSPC;
}

static int clear_one(struct fg_core *core, uint32_t id)
{
	for (struct fg_service_notice *n = core->notices.list; n; n = n->next) {
		if (n->id != id || n->ended_ms)
			continue;
		if (n->cause != FG_NOTICE_BY_HAND)
			return FG_EREFUSED;
		end(core, n, fg_reckon_now_ms(core));
		return 1;
	}
	return FG_ENOENT;
}

int fg_core_notice_clear(struct fg_core *core, struct fg_now now, uint32_t id)
{
	int r = 0;

	core->now = now = fg_core_now(core, now);
	if (id) {
		r = clear_one(core, id);
	} else {
		for (struct fg_service_notice *n = core->notices.list; n; n = n->next)
			if (!n->ended_ms && n->cause == FG_NOTICE_BY_HAND) {
				end(core, n, fg_reckon_now_ms(core));
				r++;
			}
	}
	core->notices.look_mono_us = now.mono_us;
	tell(core, fg_reckon_now_ms(core));
	return r;
}
