/* SPDX-License-Identifier: EUPL-1.2 */
#include "gateway/budget.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Of the limit: kept for what is urgent. */
#define URGENT_SHARE 20
#define MINUTE_US    60000000
/* How much the newest minute says of the rate. */
#define RATE_WEIGHT 0.2
/* A reading's cost while few were sent: MQTT, TCP, IP, and the acknowledgement. */
#define COST_GUESS   400.0
#define COST_ENOUGH  20
/* Around each message: heads of MQTT, TCP and IP, properties, the acknowledgement. */
#define MESSAGE_GUESS 120
/* Ids of points are small numbers; beyond, none saves up. */
#define POINTS_MAX (1u << 20)

void fg_budget_fini(struct fg_budget *b)
{
	free(b->saved);
	b->saved = NULL;
	b->saved_count = 0;
}

void fg_budget_day(struct fg_budget *b, int64_t from_ms, int64_t to_ms)
{
	b->to_ms = to_ms;
	if (from_ms == b->from_ms)
		return; /* it goes on, perhaps after a restart */
	if (from_ms < b->from_ms) { /* the clock was set back, and what was spent is spent */
		b->from_ms = from_ms;
		return;
	}
	b->from_ms = from_ms;
	b->wire = b->guessed = b->readings = b->thinned = 0;
}

void fg_budget_wire(struct fg_budget *b, uint64_t n)
{
	b->wire += n;
	if (n) /* else nobody has counted: the guess holds */
		b->guessed = 0;
}

void fg_budget_sent(struct fg_budget *b, size_t n, size_t readings)
{
	b->guessed += n + MESSAGE_GUESS;
	b->readings += readings;
}

static double spent(const struct fg_budget *b)
{
	return (double)b->wire + (double)b->guessed;
}

static double cost(const struct fg_budget *b)
{
	return b->readings >= COST_ENOUGH ? spent(b) / (double)b->readings : COST_GUESS;
}

/* What is spent, and what is promised to those that were told to go. */
static double bound(const struct fg_budget *b)
{
	return spent(b) + (double)b->gathered * cost(b);
}

/* What all live readings of the rest of the day would cost. */
static double need(const struct fg_budget *b, int64_t now_ms)
{
	return b->rate * cost(b) * (double)FG_MAX(b->to_ms - now_ms, 0) / 1000;
}

/* What is left for readings. */
static double left(const struct fg_budget *b)
{
	return (double)(b->limit - b->limit / URGENT_SHARE) - bound(b);
}

enum fg_budget_level fg_budget_level(const struct fg_budget *b, int64_t now_ms)
{
	double needed = need(b, now_ms), has = left(b);

	if (b->limit == 0)
		return FG_BUDGET_ENOUGH;
	if (bound(b) >= (double)b->limit)
		return FG_BUDGET_SPENT;
	if (has <= 0)
		return FG_BUDGET_URGENT;
	if (needed > has)
		return FG_BUDGET_THINNED;
	/* until it is known what live readings need, nothing else is paid */
	return b->rate > 0 && needed + cost(b) <= has ? FG_BUDGET_ENOUGH : FG_BUDGET_NO_BACKLOG;
}

static void count_offered(struct fg_budget *b, int64_t mono_us)
{
	double minute;

	if (!b->offered_since_us)
		b->offered_since_us = mono_us;
	if (mono_us - b->offered_since_us >= MINUTE_US) {
		minute = (double)b->offered / ((double)(mono_us - b->offered_since_us) / 1e6);
		b->rate = b->rate > 0 ? b->rate + RATE_WEIGHT * (minute - b->rate) : minute;
		b->offered = 0;
		b->offered_since_us = mono_us;
	}
	b->offered++;
}

/* As even as may be: a point saves up a part of a reading each time, and pays with a whole one. */
static bool pays(struct fg_budget *b, uint32_t point, double part)
{
	if (point >= b->saved_count && point < POINTS_MAX) {
		size_t count = FG_MAX((size_t)point + 1, b->saved_count * 2);
		float *saved = realloc(b->saved, count * sizeof(*saved));

		if (saved) {
			for (size_t i = b->saved_count; i < count; i++)
				saved[i] = 1; /* the first goes out */
			b->saved = saved;
			b->saved_count = count;
		}
	}
	if (point >= b->saved_count)
		return false;
	b->saved[point] += (float)part;
	if (b->saved[point] < 1)
		return false;
	b->saved[point] = FG_MIN(b->saved[point] - 1, 1.0f);
	return true;
}

bool fg_budget_live(struct fg_budget *b, int64_t now_ms, int64_t mono_us, uint64_t seq,
	uint32_t point, bool urgent)
{
	if (b->limit == 0)
		return true;
	if (seq <= b->asked_seq)
		return seq < b->asked_seq || b->answer;
	count_offered(b, mono_us);
	b->asked_seq = seq;
	switch (fg_budget_level(b, now_ms)) {
	case FG_BUDGET_ENOUGH:
	case FG_BUDGET_NO_BACKLOG:
		b->answer = true;
		break;
	case FG_BUDGET_THINNED:
		b->answer = urgent || pays(b, point, left(b) / need(b, now_ms));
		break;
	case FG_BUDGET_URGENT:
		b->answer = urgent;
		break;
	case FG_BUDGET_SPENT:
		b->answer = false;
		break;
	}
	b->thinned += !b->answer;
	return b->answer;
}

void fg_budget_status(const struct fg_budget *b, struct fg_json *j, int64_t now_ms)
{
	static const char *const levels[] = {[FG_BUDGET_ENOUGH] = "enough",
		[FG_BUDGET_NO_BACKLOG] = "backlog waits",
		[FG_BUDGET_THINNED] = "live readings thinned",
		[FG_BUDGET_URGENT] = "urgent only",
		[FG_BUDGET_SPENT] = "spent"};

	if (b->limit == 0)
		return;
	fg_json_object(j, "budget");
	fg_json_int(j, "bytes_a_day", b->limit);
	fg_json_uint(j, "bytes_today", b->wire + b->guessed);
	fg_json_uint(j, "readings_today", b->readings);
	if (b->readings)
		fg_json_uint(j, "bytes_per_reading", (uint64_t)(spent(b) / (double)b->readings));
	fg_json_uint(j, "left_to_backlog_today", b->thinned);
	fg_json_text(j, "state", levels[fg_budget_level(b, now_ms)]);
	fg_json_time(j, "day_ends", b->to_ms);
	fg_json_end_object(j);
}

/* ---- over a restart ---- */

static void put_u64(unsigned char *to, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t get_u64(const unsigned char *from)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)from[i] << 8 * i;
	return v;
}

void fg_budget_put(const struct fg_budget *b, unsigned char note[FG_BUDGET_NOTE])
{
	put_u64(note, (uint64_t)b->from_ms);
	put_u64(note + 8, b->wire + b->guessed);
	put_u64(note + 16, b->readings);
	put_u64(note + 24, b->thinned);
	put_u64(note + 32, (uint64_t)(b->rate * 1e6)); /* of a million seconds */
}

bool fg_budget_take(struct fg_budget *b, const unsigned char *note, size_t len)
{
	if (len != FG_BUDGET_NOTE || get_u64(note) > INT64_MAX || get_u64(note + 32) > INT64_MAX)
		return false;
	b->from_ms = (int64_t)get_u64(note);
	b->wire = get_u64(note + 8);
	b->readings = get_u64(note + 16);
	b->thinned = get_u64(note + 24);
	b->rate = (double)get_u64(note + 32) / 1e6;
	return true;
}
