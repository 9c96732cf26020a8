/* SPDX-License-Identifier: EUPL-1.2 */
/* The storage thread. */
#include "gateway/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ring.h"
#include "base/status.h"
#include "base/thread.h"

#define RING_BYTES  (512u << 10)
#define RETRY_US    1000000
#define LAST_TRIES  3
#define SLOW_US	    100000
#define MESSAGE_MAX (80u << 10)
#define PENDING_MAX (RING_BYTES + 2 * MESSAGE_MAX)

enum message_type {
	MSG_APPEND,
	MSG_REFUSED, /* an append that the full store did not take */
	MSG_DELIVERY,
	MSG_RESERVE,
	MSG_BOOT_OFFSET,
	MSG_EXPIRE,
	MSG_CALL,
};

struct message {
	enum message_type type;
	uint32_t count;
	uint64_t a, b;
	char name[64];
	struct fg_store_call *call;
};

struct fg_store {
	struct fg_spool *spool;
	fg_store_event_fn event;
	void *arg;
	pthread_t thread;
	struct fg_ring ring;

	pthread_mutex_t lock; /* of the four below */
	pthread_cond_t wake;
	bool some, flush, stop;
	int64_t interval_us;

	/* the thread's own */
	struct fg_buf pending; /* messages to commit, in order: length, message, payload */
	size_t group_len;      /* those of the commit under way */
	size_t group_most;     /* less than all where there was no room for so many */
	bool failed;
	uint64_t appended_next, reserved;
	bool offset_asked, offset_failed;
	int64_t offset_us;
	bool expire_asked, more_to_tidy;
	int64_t expire_now_ms;
	uint64_t expire_below;
};

/* ---- core's side ---- */

static int push(
	struct fg_store *s, const struct message *m, const void *payload, size_t len, bool urgent)
{
	const struct fg_part parts[] = {{m, sizeof(*m)}, {payload, len}};
	int r = fg_ring_push(&s->ring, parts, payload ? 2 : 1);

	if (r < 0)
		return r;
	urgent |= fg_ring_used(&s->ring) > RING_BYTES / 2;
	if (r == 1 || urgent) {
		pthread_mutex_lock(&s->lock);
		s->some = true;
		s->flush |= urgent;
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->lock);
	}
	return FG_OK;
}

int fg_store_append(
	struct fg_store *s, uint64_t first_seq, unsigned count, const void *record, size_t len)
{
	const struct message m = {.type = MSG_APPEND, .a = first_seq, .count = count};

	return push(s, &m, record, len, false);
}

int fg_store_save_delivery(struct fg_store *s, const char *destination, const struct fg_ranges *r)
{
	struct message m = {.type = MSG_DELIVERY};
	struct fg_buf bytes;
	int ret;

	snprintf(m.name, sizeof(m.name), "%s", destination);
	fg_buf_init(&bytes, MESSAGE_MAX - sizeof(m));
	fg_ranges_encode(r, &bytes);
	ret = bytes.overflow ? FG_ENOMEM : push(s, &m, bytes.data, bytes.len, false);
	fg_buf_fini(&bytes);
	return ret;
}

int fg_store_reserve(struct fg_store *s, uint64_t limit)
{
	const struct message m = {.type = MSG_RESERVE, .a = limit};

	return push(s, &m, NULL, 0, true);
}

int fg_store_boot_offset(struct fg_store *s, int64_t offset_us)
{
	const struct message m = {.type = MSG_BOOT_OFFSET, .a = (uint64_t)offset_us};

	return push(s, &m, NULL, 0, true);
}

int fg_store_expire(struct fg_store *s, int64_t now_wall_ms, uint64_t delivered_below)
{
	const struct message m = {
		.type = MSG_EXPIRE, .a = (uint64_t)now_wall_ms, .b = delivered_below};

	return push(s, &m, NULL, 0, false);
}

int fg_store_call(struct fg_store *s, struct fg_store_call *call)
{
	const struct message m = {.type = MSG_CALL, .call = call};

	return push(s, &m, NULL, 0, true);
}

void fg_store_set_interval(struct fg_store *s, int64_t commit_interval_us)
{
	pthread_mutex_lock(&s->lock);
	s->interval_us = commit_interval_us;
	pthread_mutex_unlock(&s->lock);
}

void fg_store_flush(struct fg_store *s)
{
	pthread_mutex_lock(&s->lock);
	s->some = s->flush = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

/* ---- the thread ---- */

static void tell(struct fg_store *s, struct fg_store_event event)
{
	s->event(s->arg, &event);
}

/* Moves all messages of the ring behind those of a commit that failed, as far as there is room. */
static void drain(struct fg_store *s)
{
	while (fg_buf_room(&s->pending, MESSAGE_MAX + sizeof(uint32_t))) {
		char *at = s->pending.data + s->pending.len;
		long n = fg_ring_pop(&s->ring, at + sizeof(uint32_t), MESSAGE_MAX);
		uint32_t len;

		if (n <= 0)
			break;
		len = (uint32_t)n;
		memcpy(at, &len, sizeof(len));
		s->pending.len += sizeof(len) + len;
	}
	s->pending.overflow = false;
}

/* Chooses the next group: whole messages, at least one. */
static void choose_group(struct fg_store *s)
{
	size_t at = 0;
	uint32_t len;

	do {
		memcpy(&len, s->pending.data + at, sizeof(len));
		at += sizeof(len) + len;
	} while (at < s->pending.len && at < s->group_most);
	s->group_len = at;
}

/* The group is done. */
static void forget_group(struct fg_store *s)
{
	s->pending.len -= s->group_len;
	memmove(s->pending.data, s->pending.data + s->group_len, s->pending.len);
	s->group_most = FG_MIN(s->group_most * 2, (size_t)PENDING_MAX);
}

/* Calls fn for each message of the group until it fails. */
static int each(struct fg_store *s,
	int (*fn)(struct fg_store *, const struct message *, const void *payload, size_t len))
{
	const char *at = s->pending.data, *end = at + s->group_len;
	int r = FG_OK;

	while (at < end && r >= 0) {
		struct message m;
		uint32_t len;

		memcpy(&len, at, sizeof(len));
		memcpy(&m, at + sizeof(len), sizeof(m));
		r = fn(s, &m, at + sizeof(len) + sizeof(m), len - sizeof(m));
		at += sizeof(len) + len;
	}
	return r;
}

/* The message stands right before its payload. */
static void mark_refused(const struct message *m, const void *payload)
{
	struct message refused = *m;

	refused.type = MSG_REFUSED;
	memcpy((char *)payload - sizeof(refused), &refused, sizeof(refused));
}

static int apply(struct fg_store *s, const struct message *m, const void *payload, size_t len)
{
	struct fg_ranges ranges;
	int r;

	switch (m->type) {
	case MSG_APPEND:
		r = fg_spool_append(s->spool, m->a, m->count, payload, len);
		if (r == FG_EFULL) { /* drop-newest: told once the commit is done, the rest goes on
				      */
			mark_refused(m, payload);
			r = FG_OK;
		}
		s->appended_next = m->a + m->count;
		return r;
	case MSG_DELIVERY:
		fg_ranges_init(&ranges);
		r = fg_ranges_decode(payload, len, &ranges);
		if (r == FG_OK)
			r = fg_spool_set_delivery(s->spool, m->name, &ranges);
		fg_ranges_fini(&ranges);
		return r;
	default:
		return FG_OK; /* outside the group commit */
	}
}

/* What must be durable before the readings of this commit are, or needs no commit. */
static int before(struct fg_store *s, const struct message *m, const void *payload, size_t len)
{
	(void)payload;
	(void)len;
	if (m->type == MSG_RESERVE && m->a > s->reserved) {
		int r = fg_spool_reserve(s->spool, m->a);

		if (r < 0)
			return r;
		s->reserved = m->a;
		tell(s, (struct fg_store_event){.type = FG_STORE_RESERVED, .a = m->a});
	}
	return FG_OK;
}

/* Told before the commit is, so that nobody takes them for stored. */
static int tell_refused(struct fg_store *s, const struct message *m, const void *payload,
	size_t len)
{
	(void)payload;
	(void)len;
	if (m->type == MSG_REFUSED)
		tell(s, (struct fg_store_event){.type = FG_STORE_DROPPED,
				.a = m->a,
				.b = m->a + m->count,
				.c = m->count});
	return FG_OK;
}

static int after(struct fg_store *s, const struct message *m, const void *payload, size_t len)
{
	(void)payload;
	(void)len;
	switch (m->type) {
	case MSG_BOOT_OFFSET:
		s->offset_asked = true;
		s->offset_us = (int64_t)m->a;
		break;
	case MSG_EXPIRE:
		s->expire_asked = true;
		s->expire_now_ms = (int64_t)m->a;
		s->expire_below = m->b;
		break;
	case MSG_CALL:
		m->call->result = m->call->run(s->spool, m->call->arg);
		tell(s, (struct fg_store_event){.type = FG_STORE_CALLED, .call = m->call});
		break;
	default:
		break;
	}
	return FG_OK;
}

static int in_group(struct fg_store *s, const struct message *m, const void *payload, size_t len)
{
	(void)s;
	(void)payload;
	(void)len;
	return m->type == MSG_APPEND || m->type == MSG_DELIVERY ? FG_EAGAIN : FG_OK;
}

static int commit_group(struct fg_store *s)
{
	int64_t began = fg_clock_mono_us();
	int r;

	if (each(s, in_group) == FG_OK)
		return FG_OK; /* nothing to commit */
	r = fg_spool_begin(s->spool);
	if (r == FG_OK)
		r = each(s, apply);
	if (r >= 0)
		r = fg_spool_commit(s->spool);
	if (r < 0) {
		fg_spool_rollback(s->spool);
		return r;
	}
	if (fg_clock_mono_us() - began > SLOW_US)
		fg_debug(FG_DEBUG_spool, "commit took %lld ms",
			(long long)(fg_clock_mono_us() - began) / 1000);
	return FG_OK;
}

static void told_failure(struct fg_store *s)
{
	struct fg_store_event event = {.type = FG_STORE_FAILED};

	snprintf(event.text, sizeof(event.text), "cannot write: %s", fg_spool_error(s->spool));
	tell(s, event);
	s->failed = true;
}

static void told_size(struct fg_store *s)
{
	struct fg_spool_info info;

	fg_spool_info(s->spool, &info);
	tell(s, (struct fg_store_event){
			.type = FG_STORE_SIZE, .a = (uint64_t)info.bytes, .b = info.rows});
}

/* Readings wait for this time, so it is told only once it is stored; tried again each round. */
static int set_offset(struct fg_store *s)
{
	struct fg_era era = {.timed = true, .offset_us = s->offset_us};
	struct fg_spool_info info;
	int r;

	fg_spool_info(s->spool, &info);
	era.number = info.era;
	r = fg_spool_begin(s->spool);
	if (r >= 0)
		r = fg_spool_set_era(s->spool, &era);
	if (r >= 0)
		r = fg_spool_commit(s->spool);
	if (r < 0)
		fg_spool_rollback(s->spool);
	return r == FG_EINVAL ? FG_OK : r; /* it has one already, and keeps it */
}

static void store_offset(struct fg_store *s)
{
	if (!s->offset_asked)
		return;
	if (set_offset(s) < 0) {
		if (!s->offset_failed)
			fg_error("store: cannot record the boot's time, trying again: %s",
				fg_spool_error(s->spool));
		s->offset_failed = true;
		return;
	}
	s->offset_asked = false;
	tell(s, (struct fg_store_event){.type = FG_STORE_BOOT_TIMED});
}

/* One round: a group becomes durable, or all stays pending. */
static bool commit(struct fg_store *s)
{
	int r;

	drain(s);
	if (s->pending.len == 0)
		return true;
	choose_group(s);
	r = each(s, before);
	if (r >= 0)
		r = commit_group(s);
	if (r < 0) {
		told_failure(s);
		if (r == -ENOSPC) { /* room has to be made first, and there may never be so much */
			s->more_to_tidy = true;
			s->group_most = s->group_len / 2;
		}
		return false;
	}
	if (s->failed)
		tell(s, (struct fg_store_event){.type = FG_STORE_RECOVERED});
	s->failed = false;
	each(s, tell_refused);
	if (s->appended_next)
		tell(s, (struct fg_store_event){.type = FG_STORE_COMMITTED, .a = s->appended_next});
	each(s, after);
	forget_group(s);
	store_offset(s);
	return true;
}

static void on_dropped(void *arg, uint64_t from, uint64_t to, unsigned count)
{
	tell(arg,
		(struct fg_store_event){.type = FG_STORE_DROPPED, .a = from, .b = to, .c = count});
}

/* A bounded step of housekeeping between commits. */
static void tidy(struct fg_store *s)
{
	const struct fg_tidy t = {.now_wall_ms = s->expire_now_ms,
		.delivered_below = s->expire_below,
		.dropped = on_dropped,
		.arg = s};

	if (!s->expire_asked && !s->more_to_tidy)
		return;
	s->more_to_tidy = fg_spool_tidy(s->spool, &t) == FG_TIDY_MORE;
	s->expire_asked = false;
	if (!s->more_to_tidy)
		told_size(s);
}

/* Waits on the condition until mono_us (CLOCK_BOOTTIME has no condition clock: the difference is
 * taken to CLOCK_MONOTONIC, which only suspend tells apart). Lock held. */
static void wait_until(struct fg_store *s, int64_t mono_us)
{
	int64_t left = mono_us - fg_clock_mono_us();
	struct timespec ts;

	if (left <= 0)
		return;
	fg_clock_deadline(left, &ts);
	pthread_cond_timedwait(&s->wake, &s->lock, &ts);
}

/* Sleeps until there is a group to commit; false when it is time to end. */
static bool wait_for_work(struct fg_store *s)
{
	int64_t due;
	bool go_on;

	pthread_mutex_lock(&s->lock);
	/* what did not fit into the last group is still there, and nobody wakes us for it */
	while (!s->some && !s->stop && !s->more_to_tidy && !s->expire_asked && !s->pending.len &&
		fg_ring_used(&s->ring) == 0)
		pthread_cond_wait(&s->wake, &s->lock);
	due = fg_clock_mono_us() + (s->more_to_tidy || s->pending.len ? 0 : s->interval_us);
	while (!s->flush && !s->stop && fg_clock_mono_us() < due)
		wait_until(s, due);
	s->some = s->flush = false;
	go_on = !s->stop;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

/* After a failure: a while without writes, unless it is time to end. */
static bool wait_for_retry(struct fg_store *s)
{
	int64_t due = fg_clock_mono_us() + RETRY_US;
	bool stop;

	pthread_mutex_lock(&s->lock);
	while (!s->stop && fg_clock_mono_us() < due)
		wait_until(s, due);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return !stop;
}

static void *run(void *arg)
{
	struct fg_store *s = arg;
	int tries = LAST_TRIES;

	told_size(s);
	while (wait_for_work(s)) {
		while (!commit(s)) {
			tidy(s);
			if (!s->more_to_tidy && !wait_for_retry(s))
				break;
		}
		tidy(s);
	}
	/* the rest; it may be more than one group, and a passing fault must not cost it */
	while (tries && (s->pending.len || fg_ring_used(&s->ring))) {
		bool failed = !commit(s);

		tidy(s);
		tries -= failed && !s->more_to_tidy;
	}
	return NULL;
}

int fg_store_start(struct fg_spool *spool, int64_t commit_interval_us, fg_store_event_fn event,
	void *arg, struct fg_store **ret)
{
	struct fg_store *s = calloc(1, sizeof(*s));
	struct fg_spool_info info;
	int r;

	if (!s)
		return FG_ENOMEM;
	s->spool = spool;
	s->event = event;
	s->arg = arg;
	s->interval_us = commit_interval_us;
	fg_spool_info(spool, &info);
	s->reserved = info.reserved;
	pthread_mutex_init(&s->lock, NULL);
	fg_cond_init(&s->wake);
	fg_buf_init(&s->pending, PENDING_MAX);
	s->group_most = PENDING_MAX;
	r = fg_ring_init(&s->ring, RING_BYTES);
	if (r == FG_OK)
		r = fg_thread_start(&s->thread, "store", run, s);
	if (r < 0) {
		fg_ring_fini(&s->ring);
		free(s);
		return r;
	}
	*ret = s;
	return FG_OK;
}

void fg_store_stop(struct fg_store *s, uint64_t next_seq)
{
	if (!s)
		return;
	fg_ring_close(&s->ring);
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	fg_spool_release(s->spool, next_seq);
	fg_spool_close(s->spool);
	fg_ring_fini(&s->ring);
	fg_buf_fini(&s->pending);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
