/* SPDX-License-Identifier: EUPL-1.2 */
/* The storage thread: a ring, and waiting. */
#include "gateway/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ring.h"
#include "base/status.h"
#include "base/thread.h"

#define RING_BYTES  (512u << 10)
/* Readings leave this much to other messages, which must come through a full store. */
#define RING_SPARE  (96u << 10)
#define MESSAGE_MAX (FG_STORE_PAYLOAD_MAX + sizeof(struct fg_store_message))
#define SLOW_US	    100000
/* So long is told, and not again before a while has passed. */
#define TELL_SLOW_US  2000000
#define TELL_AFTER_US INT64_C(600000000)

struct fg_store {
	struct fg_store_sink sink;
	pthread_t thread;
	struct fg_ring ring;

	pthread_mutex_t lock; /* of the five below */
	pthread_cond_t wake;
	bool some, flush, stop;
	bool damaged;
	struct fg_buf room; /* a message that must not wait behind others; empty: none */

	struct fg_pulse pulse;

	/* the thread's own */
	struct fg_store_engine *engine;
	char *scratch;
	int64_t tell_slow_us; /* not before then */
};

/* ---- core's side ---- */

/* The lock is held. */
static int put_aside(struct fg_store *s, const struct fg_store_message *m, const void *payload,
	size_t len)
{
	if (m->type == FG_STORE_MSG_DAMAGED) {
		s->damaged = true;
		return FG_OK;
	}
	fg_buf_clear(&s->room);
	fg_buf_put(&s->room, m, sizeof(*m));
	fg_buf_put(&s->room, payload, len);
	if (!s->room.overflow)
		return FG_OK;
	fg_buf_clear(&s->room);
	return FG_ENOMEM;
}

static void wake(struct fg_store *s, bool flush)
{
	pthread_mutex_lock(&s->lock);
	s->some = true;
	s->flush |= flush;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

static int push(void *arg, const struct fg_store_message *m, const void *payload, size_t len,
	bool urgent)
{
	struct fg_store *s = arg;
	const struct fg_part parts[] = {{m, sizeof(*m)}, {payload, len}};
	int r;

	if (m->type == FG_STORE_MSG_ROOM || m->type == FG_STORE_MSG_DAMAGED) {
		pthread_mutex_lock(&s->lock);
		r = put_aside(s, m, payload, len);
		pthread_mutex_unlock(&s->lock);
		wake(s, true);
		return r;
	}
	if ((m->type == FG_STORE_MSG_APPEND || m->type == FG_STORE_MSG_BUNDLE) &&
		fg_ring_used(&s->ring) + sizeof(*m) + len > RING_BYTES - RING_SPARE)
		return FG_EFULL;
	r = fg_ring_push(&s->ring, parts, len ? 2 : 1);
	if (r < 0)
		return r;
	urgent |= fg_ring_used(&s->ring) > RING_BYTES / 2;
	if (r == 1 || urgent)
		wake(s, urgent);
	return FG_OK;
}

struct fg_store_sink *fg_store_sink(struct fg_store *s)
{
	return &s->sink;
}

void fg_store_flush(struct fg_store *s)
{
	wake(s, true);
}

/* ---- the thread ---- */

static void take_aside(struct fg_store *s)
{
	struct fg_store_sink *to = fg_store_engine_sink(s->engine);
	struct fg_store_message m;
	size_t len = 0;
	bool damaged;

	pthread_mutex_lock(&s->lock);
	damaged = s->damaged;
	s->damaged = false;
	if (s->room.len) {
		len = s->room.len;
		memcpy(s->scratch, s->room.data, len);
		fg_buf_clear(&s->room);
	}
	pthread_mutex_unlock(&s->lock);
	if (damaged)
		fg_store_found_damage(to);
	if (!len)
		return;
	memcpy(&m, s->scratch, sizeof(m));
	to->push(to->arg, &m, s->scratch + sizeof(m), len - sizeof(m), true);
}

/* Moves messages from the ring to the engine as far as it has room for them. */
static void drain(struct fg_store *s)
{
	struct fg_store_message m;
	long n;

	take_aside(s);
	while (fg_store_engine_has_room(s->engine) &&
		(n = fg_ring_pop(&s->ring, s->scratch, MESSAGE_MAX)) > 0) {
		memcpy(&m, s->scratch, sizeof(m));
		fg_store_engine_push(s->engine, &m, s->scratch + sizeof(m),
			(size_t)n - sizeof(m), false);
	}
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

/* Until the engine is due, something urgent comes, or, where it waits for nothing, anything.
 * False: it is time to end. */
static bool wait_for_work(struct fg_store *s, int64_t due_us)
{
	bool go_on;

	pthread_mutex_lock(&s->lock);
	if (due_us == INT64_MAX)
		while (!s->some && !s->stop)
			pthread_cond_wait(&s->wake, &s->lock);
	else
		while (!s->flush && !s->stop && fg_clock_mono_us() < due_us)
			wait_until(s, due_us);
	if (s->flush)
		fg_store_engine_flush(s->engine);
	s->some = s->flush = false;
	go_on = !s->stop;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

/* Without the time of a suspend. */
static int64_t awake_us(void)
{
	struct timespec ts;

	fg_clock_deadline(0, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void note_turn(struct fg_store *s, int64_t began_us)
{
	int64_t now_us = awake_us(), took_us = now_us - began_us;

	if (took_us > SLOW_US)
		fg_debug(FG_DEBUG_spool, "a turn of the store took %lld ms",
			(long long)took_us / 1000);
	if (took_us < TELL_SLOW_US || now_us < s->tell_slow_us)
		return;
	s->tell_slow_us = now_us + TELL_AFTER_US;
	fg_warning("store: a write took %.1f s: the disk is slow or worn; live readings go out "
		   "after storage.max_delay without waiting for it",
		(double)took_us / 1e6);
}

unsigned fg_store_look(struct fg_store *s, struct fg_pulse_seen *seen)
{
	return fg_pulse_look(&s->pulse, seen, false);
}

/* To salvage a store of some size takes long, and is no standstill. */
static void on_progress(void *arg, const char *doing, uint64_t rows)
{
	struct fg_store *s = arg;

	(void)doing;
	(void)rows;
	fg_pulse_work(&s->pulse);
}

static void *run(void *arg)
{
	struct fg_store *s = arg;
	int64_t due_us;
	bool left;

	do {
		struct fg_now now = fg_clock_now();
		int64_t began_us = awake_us();

		fg_pulse_work(&s->pulse);
		drain(s);
		left = fg_ring_used(&s->ring) > 0;
		due_us = fg_store_engine_run(s->engine, now);
		if (left && due_us == INT64_MAX)
			due_us = 0; /* what had no room has some now, and nobody wakes us for it */
		note_turn(s, began_us);
		fg_pulse_wait(&s->pulse);
	} while (wait_for_work(s, due_us));
	do
		drain(s);
	while (fg_store_engine_rest(s->engine, fg_clock_now()) && fg_ring_used(&s->ring));
	if (fg_store_engine_pending(s->engine))
		fg_error("store: what waited in memory cannot be written and is lost; after the "
			 "next start a gap tells of it");
	return NULL;
}

/* ---- life ---- */

static void store_free(struct fg_store *s)
{
	fg_ring_fini(&s->ring);
	fg_buf_fini(&s->room);
	free(s->scratch);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int fg_store_start(struct fg_spool *spool, const struct fg_store_engine_conf *conf,
	fg_store_event_fn event, void *arg, struct fg_store **ret)
{
	struct fg_store_engine_conf watched = *conf;
	struct fg_store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return FG_ENOMEM;
	watched.spool.progress = (struct fg_progress){on_progress, s};
	s->sink = (struct fg_store_sink){.push = push, .arg = s};
	pthread_mutex_init(&s->lock, NULL);
	fg_cond_init(&s->wake);
	fg_buf_init(&s->room, MESSAGE_MAX + 1);
	s->scratch = malloc(MESSAGE_MAX);
	r = fg_ring_init(&s->ring, RING_BYTES);
	if (r == FG_OK)
		r = s->scratch ? fg_store_engine_new(spool, &watched, event, arg, &s->engine)
			       : FG_ENOMEM;
	if (r == FG_OK)
		r = fg_thread_start(&s->thread, "store", run, s);
	if (r < 0) {
		if (s->engine)
			fg_store_engine_abandon(s->engine); /* the spool stays the caller's */
		store_free(s);
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
	fg_store_engine_close(s->engine, next_seq);
	store_free(s);
}
