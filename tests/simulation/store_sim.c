/* SPDX-License-Identifier: EUPL-1.2 */
/* Messages become group commits; what fails is tried again each second. */
#include "store_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"

#define PENDING_MAX (670u << 10)
#define RETRY_US    1000000

enum type { APPEND, DELIVERY, RESERVE, OFFSET, EXPIRE, CALL };

struct message {
	struct message *next;
	enum type type;
	uint64_t a, b;
	unsigned count;
	char name[64];
	struct fg_ranges ranges;
	struct fg_store_call *call;
	size_t len;
	unsigned char bytes[];
};

struct store_sim {
	struct fg_spool *spool;
	int64_t commit_us, due_us;
	bool due_known, urgent, failed, tidy;
	bool offset_asked;
	int64_t offset_us;
	fg_store_event_fn event;
	void *arg;
	struct message *first, **end;
	size_t pending;
	uint64_t appended_next;
	int64_t expire_ms;
	uint64_t expire_below;
};

static void tell(struct store_sim *s, struct fg_store_event event)
{
	s->event(s->arg, &event);
}

struct store_sim *store_sim_new(struct fg_spool *spool, int64_t commit_us, fg_store_event_fn event,
	void *arg)
{
	struct store_sim *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	*s = (struct store_sim){
		.spool = spool, .commit_us = commit_us, .event = event, .arg = arg};
	s->end = &s->first;
	return s;
}

static struct message *push(struct store_sim *s, enum type type, const void *bytes, size_t len)
{
	struct message *m = s->pending + len > PENDING_MAX ? NULL : calloc(1, sizeof(*m) + len);

	if (!m)
		return NULL;
	m->type = type;
	m->len = len;
	if (len)
		memcpy(m->bytes, bytes, len);
	s->pending += sizeof(*m) + len;
	*s->end = m;
	s->end = &m->next;
	s->urgent |= type == RESERVE || type == OFFSET || type == CALL;
	return m;
}

int store_sim_append(struct store_sim *s, uint64_t first_seq, unsigned count, const void *record,
	size_t len)
{
	struct message *m = push(s, APPEND, record, len);

	if (!m)
		return FG_EFULL;
	m->a = first_seq;
	m->count = count;
	return FG_OK;
}

int store_sim_save_delivery(struct store_sim *s, const char *name, const struct fg_ranges *r)
{
	struct message *m = push(s, DELIVERY, NULL, 0);

	if (!m)
		return FG_EFULL;
	snprintf(m->name, sizeof(m->name), "%s", name);
	fg_ranges_init(&m->ranges);
	return fg_ranges_copy(&m->ranges, r);
}

static int push_numbers(struct store_sim *s, enum type type, uint64_t a, uint64_t b)
{
	struct message *m = push(s, type, NULL, 0);

	if (!m)
		return FG_EFULL;
	m->a = a;
	m->b = b;
	return FG_OK;
}

int store_sim_reserve(struct store_sim *s, uint64_t limit)
{
	return push_numbers(s, RESERVE, limit, 0);
}

int store_sim_boot_offset(struct store_sim *s, int64_t offset_us)
{
	return push_numbers(s, OFFSET, (uint64_t)offset_us, 0);
}

int store_sim_expire(struct store_sim *s, int64_t now_wall_ms, uint64_t delivered_below)
{
	s->tidy = true;
	s->expire_ms = now_wall_ms;
	s->expire_below = delivered_below;
	return FG_OK;
}

int store_sim_call(struct store_sim *s, struct fg_store_call *call)
{
	struct message *m = push(s, CALL, NULL, 0);

	if (m)
		m->call = call;
	return m ? FG_OK : FG_EFULL;
}

static void forget(struct store_sim *s)
{
	while (s->first) {
		struct message *m = s->first;

		s->first = m->next;
		fg_ranges_fini(&m->ranges);
		free(m);
	}
	s->end = &s->first;
	s->pending = 0;
}

static int before(struct store_sim *s, const struct message *m)
{
	int r = m->type == RESERVE ? fg_spool_reserve(s->spool, m->a) : FG_OK;

	if (r == FG_OK && m->type == RESERVE)
		tell(s, (struct fg_store_event){.type = FG_STORE_RESERVED, .a = m->a});
	return r;
}

static int apply(struct store_sim *s, const struct message *m)
{
	if (m->type == DELIVERY)
		return fg_spool_set_delivery(s->spool, m->name, &m->ranges);
	if (m->type != APPEND)
		return FG_OK;
	s->appended_next = m->a + m->count;
	return fg_spool_append(s->spool, m->a, m->count, m->bytes, m->len);
}

static int after(struct store_sim *s, const struct message *m)
{
	if (m->type == OFFSET) {
		s->offset_asked = true;
		s->offset_us = (int64_t)m->a;
	} else if (m->type == CALL) {
		m->call->result = m->call->run(s->spool, m->call->arg);
		tell(s, (struct fg_store_event){.type = FG_STORE_CALLED, .call = m->call});
	}
	return FG_OK;
}

static int each(struct store_sim *s, int (*fn)(struct store_sim *, const struct message *))
{
	int r = FG_OK;

	for (const struct message *m = s->first; m && r >= 0; m = m->next)
		r = fn(s, m);
	return r;
}

static int commit_group(struct store_sim *s)
{
	bool any = false;
	int r;

	for (const struct message *m = s->first; m; m = m->next)
		any |= m->type == APPEND || m->type == DELIVERY;
	if (!any)
		return FG_OK;
	r = fg_spool_begin(s->spool);
	if (r == FG_OK)
		r = each(s, apply);
	if (r >= 0)
		r = fg_spool_commit(s->spool);
	if (r < 0)
		fg_spool_rollback(s->spool);
	return r;
}

static int store_offset(struct store_sim *s)
{
	struct fg_spool_info info;
	struct fg_era era = {.timed = true, .offset_us = s->offset_us};
	int r = fg_spool_begin(s->spool);

	fg_spool_info(s->spool, &info);
	era.number = info.era;
	if (r == FG_OK)
		r = fg_spool_set_era(s->spool, &era);
	if (r >= 0)
		r = fg_spool_commit(s->spool);
	if (r < 0)
		fg_spool_rollback(s->spool);
	return r;
}

static int commit(struct store_sim *s)
{
	struct fg_store_event event = {.type = FG_STORE_FAILED};
	int r = each(s, before);

	if (r >= 0)
		r = commit_group(s);
	if (r < 0) {
		snprintf(event.text, sizeof(event.text), "cannot write: %s",
			fg_spool_error(s->spool));
		tell(s, event);
		s->failed = true;
		return r;
	}
	if (s->failed)
		tell(s, (struct fg_store_event){.type = FG_STORE_RECOVERED});
	s->failed = false;
	if (s->appended_next)
		tell(s, (struct fg_store_event){.type = FG_STORE_COMMITTED, .a = s->appended_next});
	each(s, after);
	forget(s);
	if (s->offset_asked && store_offset(s) >= 0) {
		s->offset_asked = false;
		tell(s, (struct fg_store_event){.type = FG_STORE_BOOT_TIMED});
	}
	return FG_OK;
}

static void on_dropped(void *arg, uint64_t from, uint64_t to, unsigned count)
{
	tell(arg,
		(struct fg_store_event){.type = FG_STORE_DROPPED, .a = from, .b = to, .c = count});
}

static void tidy(struct store_sim *s)
{
	const struct fg_tidy t = {.now_wall_ms = s->expire_ms,
		.delivered_below = s->expire_below, .dropped = on_dropped, .arg = s};

	s->tidy = fg_spool_tidy(s->spool, &t) == FG_TIDY_MORE;
}

int64_t store_sim_run(struct store_sim *s, int64_t mono_us)
{
	if (s->first && !s->due_known)
		s->due_us = mono_us + s->commit_us;
	s->due_known = s->first;
	if (s->urgent && !s->failed)
		s->due_us = FG_MIN(s->due_us, mono_us);
	s->urgent = false;
	if (s->first && mono_us >= s->due_us) {
		s->due_known = false;
		if (commit(s) < 0) {
			s->due_us = mono_us + RETRY_US;
			s->due_known = true;
		}
	} else if (s->tidy) {
		tidy(s);
	}
	if (s->tidy)
		return mono_us;
	return s->first ? s->due_us : INT64_MAX;
}

bool store_sim_rest(struct store_sim *s)
{
	for (int tries = 3; s->first && tries; tries--)
		commit(s);
	return !s->first;
}

struct fg_spool *store_sim_abandon(struct store_sim *s)
{
	struct fg_spool *spool = s->spool;

	forget(s);
	free(s);
	return spool;
}
