/* SPDX-License-Identifier: EUPL-1.2 */
/* Messages to the store: how they are laid out. */
#include "gateway/store_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static int push(struct fg_store_sink *to, const struct fg_store_message *m, const void *payload,
	size_t len, bool urgent)
{
	return to->push(to->arg, m, payload, len, urgent);
}

static struct fg_store_message named(enum fg_store_message_type type, const char *name)
{
	struct fg_store_message m = {.type = type};

	snprintf(m.name, sizeof(m.name), "%s", name);
	return m;
}

int fg_store_append(struct fg_store_sink *to, uint64_t first_seq, unsigned count,
	const void *record, size_t len)
{
	const struct fg_store_message m = {
		.type = FG_STORE_MSG_APPEND, .a = first_seq, .count = count};

	return len > FG_STORE_PAYLOAD_MAX ? FG_EFULL : push(to, &m, record, len, false);
}

int fg_store_save_delivery(
	struct fg_store_sink *to, const char *destination, const struct fg_ranges *r)
{
	const struct fg_store_message m = named(FG_STORE_MSG_DELIVERY, destination);
	struct fg_buf bytes;
	int ret;

	fg_buf_init(&bytes, FG_STORE_PAYLOAD_MAX);
	fg_ranges_encode(r, &bytes);
	ret = bytes.overflow ? FG_ENOMEM : push(to, &m, bytes.data, bytes.len, false);
	fg_buf_fini(&bytes);
	return ret;
}

int fg_store_reserve(struct fg_store_sink *to, uint64_t limit)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_RESERVE, .a = limit};

	return push(to, &m, NULL, 0, true);
}

int fg_store_set_era(struct fg_store_sink *to, const struct fg_era *era)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_ERA, .a = era->number};

	return push(to, &m, era, sizeof(*era), era->timed); /* readings wait for their time */
}

int fg_store_restamp_begin(struct fg_store_sink *to, uint32_t era, int64_t true_offset_us)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_RESTAMP_BEGIN,
		.count = era,
		.a = (uint64_t)true_offset_us};

	return push(to, &m, NULL, 0, false);
}

int fg_store_restamp(struct fg_store_sink *to, uint64_t first_seq, unsigned max)
{
	const struct fg_store_message m = {
		.type = FG_STORE_MSG_RESTAMP, .a = first_seq, .count = max};

	return push(to, &m, NULL, 0, false);
}

int fg_store_issue_losses(
	struct fg_store_sink *to, const char *destination, uint64_t first_seq, unsigned max)
{
	struct fg_store_message m = named(FG_STORE_MSG_ISSUE_LOSSES, destination);

	m.a = first_seq;
	m.count = max;
	return push(to, &m, NULL, 0, false);
}

int fg_store_set_ledger(struct fg_store_sink *to, const struct fg_ledger_row *row)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_LEDGER};

	return push(to, &m, row, sizeof(*row), false);
}

int fg_store_forget_ledger(struct fg_store_sink *to, const char *device)
{
	const struct fg_store_message m = named(FG_STORE_MSG_FORGET_LEDGER, device);

	return push(to, &m, NULL, 0, false);
}

int fg_store_set_destinations(struct fg_store_sink *to, const char *const *names, size_t count,
	int64_t now_wall_ms)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_DESTINATIONS,
		.count = (uint32_t)count,
		.a = (uint64_t)now_wall_ms};
	struct fg_buf bytes;
	int r;

	fg_buf_init(&bytes, FG_STORE_PAYLOAD_MAX);
	for (size_t i = 0; i < count; i++)
		fg_buf_put(&bytes, names[i], strlen(names[i]) + 1);
	r = bytes.overflow ? FG_EFULL : push(to, &m, bytes.data, bytes.len, false);
	fg_buf_fini(&bytes);
	return r;
}

int fg_store_set_state(struct fg_store_sink *to, const char *kind, const char *key,
	const void *bytes, size_t len)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_STATE};
	const size_t kind_len = strlen(kind) + 1, key_len = strlen(key) + 1;
	struct fg_buf note;
	int r;

	if (kind_len + key_len > FG_STATE_NAME_MAX || len > FG_STATE_NOTE_MAX)
		return FG_EINVAL;
	fg_buf_init(&note, FG_STORE_PAYLOAD_MAX);
	fg_buf_put(&note, kind, kind_len);
	fg_buf_put(&note, key, key_len);
	fg_buf_put(&note, bytes, len);
	r = note.overflow ? FG_EFULL : push(to, &m, note.data, note.len, false);
	fg_buf_fini(&note);
	return r;
}

int fg_store_note_decode(const void *payload, size_t len, struct fg_store_note *ret)
{
	const char *kind = payload, *end = kind + len;
	const char *kind_end = len ? memchr(kind, '\0', len) : NULL;
	const char *key_end = NULL;

	if (kind_end)
		key_end = memchr(kind_end + 1, '\0', (size_t)(end - kind_end - 1));
	if (!key_end)
		return FG_ECORRUPT;
	*ret = (struct fg_store_note){.kind = kind, .key = kind_end + 1, .bytes = key_end + 1,
		.len = (size_t)(end - key_end - 1)};
	return FG_OK;
}

int fg_store_expire(struct fg_store_sink *to, int64_t now_wall_ms, uint64_t delivered_below)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_EXPIRE,
		.a = (uint64_t)now_wall_ms,
		.b = delivered_below};

	return push(to, &m, NULL, 0, false);
}

int fg_store_set_limits(struct fg_store_sink *to, int64_t commit_interval_us,
	const struct fg_spool_conf *conf)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_LIMITS,
		.a = (uint64_t)commit_interval_us};
	struct fg_spool_conf limits = *conf;

	limits.file = limits.boot_id = NULL;
	return push(to, &m, &limits, sizeof(limits), true);
}

int fg_store_call(struct fg_store_sink *to, struct fg_store_call *call)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_CALL, .call = call};

	return push(to, &m, NULL, 0, true);
}

int fg_store_found_damage(struct fg_store_sink *to)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_DAMAGED};

	return push(to, &m, NULL, 0, true);
}

/* ---- several at once ---- */

static int bundle_push(void *arg, const struct fg_store_message *m, const void *payload, size_t len,
	bool urgent)
{
	struct fg_store_bundle *b = arg;
	struct fg_store_message one = *m;
	const uint32_t n = (uint32_t)(sizeof(one) + len);

	(void)urgent;
	one.bundled = one.joined = true;
	b->last = b->bytes.len;
	fg_buf_put(&b->bytes, &n, sizeof(n));
	fg_buf_put(&b->bytes, &one, sizeof(one));
	fg_buf_put(&b->bytes, payload, len);
	if (b->bytes.overflow)
		b->status = FG_EINVAL;
	return b->status;
}

void fg_store_bundle_begin(struct fg_store_bundle *b)
{
	*b = (struct fg_store_bundle){.sink = {.push = bundle_push, .arg = b}};
	fg_buf_init(&b->bytes, FG_STORE_PAYLOAD_MAX);
}

int fg_store_bundle_end(struct fg_store_bundle *b, bool keep, struct fg_store_sink *to)
{
	const struct fg_store_message m = {.type = FG_STORE_MSG_BUNDLE};
	char *joined = b->bytes.data + b->last + sizeof(uint32_t) +
		       offsetof(struct fg_store_message, joined);
	const bool no = false;
	int r = b->status;

	if (keep && r == FG_OK && b->bytes.len) {
		memcpy(joined, &no, sizeof(no));
		r = push(to, &m, b->bytes.data, b->bytes.len, false);
	}
	fg_buf_fini(&b->bytes);
	return r;
}

/* ---- room ---- */

/* Appends the part of a set below `limit`: its length, then its stored form. */
static int put_ranges(struct fg_buf *out, const struct fg_ranges *set, uint64_t limit)
{
	struct fg_ranges cut;
	struct fg_buf bytes;
	uint32_t len;
	int r;

	fg_ranges_init(&cut);
	fg_buf_init(&bytes, FG_STORE_PAYLOAD_MAX);
	r = fg_ranges_copy(&cut, set);
	if (r == FG_OK && limit < FG_SEQ_END)
		r = fg_ranges_remove(&cut, limit, FG_SEQ_END);
	if (r == FG_OK) {
		fg_ranges_encode(&cut, &bytes);
		len = (uint32_t)bytes.len;
		fg_buf_put(out, &len, sizeof(len));
		fg_buf_put(out, bytes.data, bytes.len);
		out->overflow |= bytes.overflow;
	}
	fg_buf_fini(&bytes);
	fg_ranges_fini(&cut);
	return r;
}

static int encode_room(
	struct fg_buf *out, const struct fg_owed *owed, size_t count, uint64_t limit)
{
	int r = FG_OK;

	fg_buf_clear(out);
	for (size_t i = 0; i < count && r == FG_OK; i++) {
		uint32_t domains = owed[i].domains;

		fg_buf_put(out, owed[i].destination, strlen(owed[i].destination) + 1);
		fg_buf_put(out, &domains, sizeof(domains));
		r = put_ranges(out, &owed[i].unacked, limit);
		if (r == FG_OK)
			r = put_ranges(out, &owed[i].doubt, limit);
	}
	return r;
}

/* Below the number returned, no set has more than n intervals. */
static uint64_t limit_for(const struct fg_owed *owed, size_t count, size_t n)
{
	uint64_t limit = FG_SEQ_END;

	for (size_t i = 0; i < count; i++) {
		const struct fg_ranges *sets[] = {&owed[i].unacked, &owed[i].doubt};

		for (size_t k = 0; k < 2; k++)
			if (sets[k]->count > n)
				limit = FG_MIN(limit, sets[k]->items[n].from);
	}
	return limit;
}

int fg_store_make_room(struct fg_store_sink *to, const struct fg_owed *owed, size_t count,
	uint64_t drop_below)
{
	struct fg_store_message m = {.type = FG_STORE_MSG_ROOM, .count = (uint32_t)count};
	uint64_t limit = drop_below;
	struct fg_buf bytes;
	int r = FG_EFULL;

	fg_buf_init(&bytes, FG_STORE_PAYLOAD_MAX);
	for (size_t n = FG_RANGES_MAX; n > 0; n /= 2) {
		limit = FG_MIN(drop_below, limit_for(owed, count, n));
		r = encode_room(&bytes, owed, count, limit);
		if (r < 0 || !bytes.overflow)
			break;
	}
	m.a = limit;
	if (r == FG_OK)
		r = bytes.overflow ? FG_EFULL : push(to, &m, bytes.data, bytes.len, true);
	fg_buf_fini(&bytes);
	return r;
}

static int take_ranges(const char **at, const char *end, struct fg_ranges *ret)
{
	uint32_t len;
	int r;

	if ((size_t)(end - *at) < sizeof(len))
		return FG_ECORRUPT;
	memcpy(&len, *at, sizeof(len));
	*at += sizeof(len);
	if ((size_t)(end - *at) < len)
		return FG_ECORRUPT;
	r = fg_ranges_decode(*at, len, ret);
	*at += len;
	return r;
}

static int take_owed(const char **at, const char *end, struct fg_owed *ret)
{
	const char *nul = memchr(*at, '\0', (size_t)(end - *at));
	uint32_t domains;
	int r;

	if (!nul || (size_t)(end - nul - 1) < sizeof(domains))
		return FG_ECORRUPT;
	ret->destination = *at;
	memcpy(&domains, nul + 1, sizeof(domains));
	ret->domains = domains;
	*at = nul + 1 + sizeof(domains);
	r = take_ranges(at, end, &ret->unacked);
	return r < 0 ? r : take_ranges(at, end, &ret->doubt);
}

int fg_store_room_decode(const struct fg_store_message *m, const void *payload, size_t len,
	struct fg_store_room *ret)
{
	const char *at = payload, *end = at + len;
	int r = FG_OK;

	*ret = (struct fg_store_room){.drop_below = m->a};
	ret->owed = calloc(m->count + 1, sizeof(*ret->owed));
	if (!ret->owed)
		return FG_ENOMEM;
	while (ret->count < m->count && r == FG_OK) {
		struct fg_owed *owed = &ret->owed[ret->count++];

		fg_ranges_init(&owed->unacked);
		fg_ranges_init(&owed->doubt);
		r = take_owed(&at, end, owed);
	}
	if (r < 0)
		fg_store_room_fini(ret);
	return r;
}

void fg_store_room_fini(struct fg_store_room *room)
{
	for (size_t i = 0; i < room->count; i++) {
		fg_ranges_fini(&room->owed[i].unacked);
		fg_ranges_fini(&room->owed[i].doubt);
	}
	free(room->owed);
	*room = (struct fg_store_room){0};
}
