/* SPDX-License-Identifier: EUPL-1.2 */
/* Lines that repeat: a budget for each kind, in a table of a fixed size. Where it is full, kinds
 * share a budget. */
#include "base/log_limit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/timefmt.h"

#define KINDS	   256
#define PLACES	   4 /* where a kind may stand */
#define NAME_BYTES 160
#define TEXT_BYTES 400 /* of the last line that was left out */

struct kind {
	uint64_t key;	 /* 0: free */
	int64_t paid_us; /* its lines so far are paid for at that time */
	int64_t since_ms, last_ms;
	uint64_t last; /* its place among all that was left out */
	unsigned left_out;
	enum fg_log_level level;
	enum fg_state_id event;
	char text[TEXT_BYTES];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kind kinds[KINDS];
static uint64_t lines; /* left out so far */
static atomic_bool on;

void fg_log_limit_start(void)
{
	pthread_mutex_lock(&lock);
	memset(kinds, 0, sizeof(kinds));
	pthread_mutex_unlock(&lock);
	atomic_store(&on, true);
}

/* The place, and the names in front: "device 'a' (link 'b')". */
static uint64_t key_of(const char *place, const char *message)
{
	const char *colon = strstr(message, ": ");
	size_t len = colon ? (size_t)(colon - message) : strlen(message);
	uint64_t key = fg_hash(FG_HASH_START, &place, sizeof(place));

	key = fg_hash(key, message, FG_MIN(len, (size_t)NAME_BYTES));
	return key ? key : 1;
}

static bool may_pay(const struct kind *k, int64_t now_us)
{
	return k->paid_us - now_us <= (FG_LOG_BURST - 1) * FG_LOG_EACH_US;
}

/* Its own, one that has nothing to remember, or one that it has to share. */
static struct kind *find(uint64_t key, int64_t now_us)
{
	struct kind *idle = NULL;

	for (size_t i = 0; i < PLACES; i++) {
		struct kind *k = &kinds[(key + i) % KINDS];

		if (k->key == key)
			return k;
		if (!idle && k->left_out == 0 && k->paid_us <= now_us)
			idle = k;
	}
	if (!idle)
		return &kinds[key % KINDS];
	idle->key = key;
	idle->paid_us = now_us;
	return idle;
}

static void leave_out(struct kind *k, enum fg_log_level level, enum fg_state_id event,
	const char *message)
{
	k->last_ms = fg_clock_wall_us() / 1000;
	if (k->left_out++ == 0)
		k->since_ms = k->last_ms;
	k->last = ++lines;
	k->level = level;
	k->event = event;
	snprintf(k->text, sizeof(k->text), "%s", message);
}

bool fg_log_limit_take(enum fg_log_level level, enum fg_state_id event, const char *place,
	const char *message)
{
	int64_t now_us = fg_clock_mono_us();
	struct kind *k;
	bool may;

	if (!atomic_load(&on))
		return true;
	pthread_mutex_lock(&lock);
	k = find(key_of(place, message), now_us);
	may = k->left_out == 0 && may_pay(k, now_us);
	if (may)
		k->paid_us = FG_MAX(k->paid_us, now_us) + FG_LOG_EACH_US;
	else
		leave_out(k, level, event, message);
	pthread_mutex_unlock(&lock);
	return may;
}

/* The one that is due and was left out first, with what it has to say; false: none is. */
static bool take_due(int64_t now_us, struct kind *ret)
{
	struct kind *due = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KINDS; i++) {
		struct kind *k = &kinds[i];

		if (k->left_out && may_pay(k, now_us) && (!due || k->last < due->last))
			due = k;
	}
	if (due) {
		*ret = *due;
		due->left_out = 0;
		due->paid_us = FG_MAX(due->paid_us, now_us) + FG_LOG_EACH_US;
	}
	pthread_mutex_unlock(&lock);
	return due;
}

void fg_log_limit_turn(int64_t mono_us)
{
	char line[TEXT_BYTES + 120], since[FG_RFC3339_SIZE], last[FG_RFC3339_SIZE];
	struct kind k;

	if (!atomic_load(&on))
		return;
	if (mono_us == INT64_MAX) {
		atomic_store(&on, false);
		mono_us /= 2;
	}
	while (take_due(mono_us, &k)) {
		fg_rfc3339(k.since_ms, since);
		fg_rfc3339(k.last_ms, last);
		snprintf(line, sizeof(line),
			"%s (%u such lines were left out since %s, this at %s)", k.text,
			k.left_out, since, last);
		fg_log_put(k.level, k.event, line);
	}
}
