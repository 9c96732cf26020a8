/* SPDX-License-Identifier: EUPL-1.2 */
/* A publisher's connection: attempts, back-off, loss. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/publisher_private.h"

#define BACKOFF_MIN_US 1000000
#define BACKOFF_MAX_US 120000000
/* A tenth of the outage so far: waiting adds little to any outage, and a long one is tried rarely.
 */
#define BACKOFF_SHARE 10
/* A connection that held this long was a good one: with the next failure a new outage begins. */
#define STEADY_US 30000000
/* An attempt that nobody tells the end of is over by then: a session takes longer only where its
 * command was lost, or behind two addresses that the kernel tries for 130 s each. */
#define CONNECT_LIMIT_US 300000000
/* A connection without any acknowledgement for so long, while some are due, is given up. */
#define STALL_US 60000000
/* So long acknowledgements are awaited before the first server is returned to. */
#define RETURN_DRAIN_US 5000000
/* The pause between returns that did not hold grows to so many times return_after. */
#define RETURN_PAUSE_MAX 12
/* Of corrections of a status that says offline. */
#define CORRECT_MIN_US 1000000
#define CORRECT_MAX_US 60000000

static void set_state(struct fg_publisher *p, enum fg_publisher_state state, struct fg_now now)
{
	p->state = state;
	p->state_since_wall_ms = now.wall_us / 1000;
}

static void start_connection(struct fg_publisher *p, struct fg_now now)
{
	p->epoch++;
	p->next_attempt_mono_us = now.mono_us + CONNECT_LIMIT_US;
	if (p->state != FG_PUB_CONNECTING)
		set_state(p, FG_PUB_CONNECTING, now);
	p->ports->connect(p->ports->arg, p, p->server, p->epoch);
}

/* With jitter over half of it, as for back-off. */
static int64_t look_pause_us(struct fg_publisher *p)
{
	p->return_pause_us = FG_MAX(p->return_pause_us, p->conf->return_after_us);
	return p->return_pause_us / 2 +
	       (int64_t)fg_rng_below(p->rng, (uint64_t)p->return_pause_us / 2 + 1);
}

void fg_publisher_limits(struct fg_publisher *p, uint32_t epoch, const struct fg_limits *limits)
{
	if (epoch == p->epoch)
		p->limits = *limits;
}

void fg_publisher_connected(
	struct fg_publisher *p, struct fg_now now, uint32_t epoch, bool session_present)
{
	if (epoch != p->epoch || p->state != FG_PUB_CONNECTING)
		return;
	set_state(p, FG_PUB_ONLINE, now);
	p->online_since_mono_us = now.mono_us;
	fg_notice_of(DESTINATION_CONNECTED,
		"destination '%s': connected to %s, %" PRIu64 " readings waiting", p->conf->name,
		p->conf->servers[p->server].url, fg_publisher_backlog(p));
	p->error[0] = '\0';
	p->error_logged = false;
	p->blocked = p->returning = false;
	p->look_mono_us = now.mono_us + look_pause_us(p);
	fg_pub_forget_flights(p);
	p->sent_count = 0;
	fg_pub_clear_begin(p);
	fg_pub_touch_all(p);
	if (p->spark)
		fg_spark_connected(p->spark, epoch);
	p->first_all = !session_present;
	p->connections++;
	fg_pub_suspect_connected(p);
	fg_pub_lanes_begin(p, now.mono_us);
}

/* From 1 s to 2 min, with jitter over half of it: a thousand gateways do not return at once. With
 * several servers the next one is tried soon; the wait comes when each has had its turn. */
static void back_off(struct fg_publisher *p, struct fg_now now)
{
	int64_t share = (now.mono_us - p->outage_mono_us) / BACKOFF_SHARE;
	int64_t most = FG_MIN(FG_MAX(share, BACKOFF_MIN_US), BACKOFF_MAX_US);
	int64_t wait = most / 2 + (int64_t)fg_rng_below(p->rng, (uint64_t)most / 2 + 1);

	p->server = (p->server + 1) % p->conf->server_count;
	if (p->server != 0)
		wait = FG_MIN(wait, BACKOFF_MIN_US / 4);
	p->next_attempt_mono_us = now.mono_us + wait;
}

static void log_loss(struct fg_publisher *p, bool was_online)
{
	if (p->error_logged && !was_online)
		return;
	fg_warning_of(DESTINATION_LOST,
		"destination '%s': %s: %s; readings are kept, trying again", p->conf->name,
		was_online ? "connection lost" : "cannot connect", p->error);
	p->error_logged = true;
}

static void lost(struct fg_publisher *p, struct fg_now now, bool refused, const char *why)
{
	bool was_online = p->state == FG_PUB_ONLINE;
	bool changed = strcmp(p->error, why) != 0;

	if (p->server == 0 && was_online && now.mono_us - p->online_since_mono_us > STEADY_US)
		p->return_pause_us = 0; /* the first held */
	if (!p->outage_mono_us || (was_online && now.mono_us - p->online_since_mono_us > STEADY_US))
		p->outage_mono_us = now.mono_us;
	p->broker_refused = refused;
	snprintf(p->error, sizeof(p->error), "%s", why);
	if (changed)
		p->error_logged = false;
	log_loss(p, was_online);
	set_state(p, p->stopping ? FG_PUB_STOPPED : FG_PUB_WAITING, now);
	fg_pub_forget_flights(p);
	back_off(p, now);
}

void fg_publisher_lost(
	struct fg_publisher *p, struct fg_now now, uint32_t epoch, bool refused, const char *why)
{
	if (epoch != p->epoch || p->state == FG_PUB_WAITING || p->state == FG_PUB_STOPPED)
		return;
	if (p->state == FG_PUB_ONLINE)
		fg_pub_suspect_lost(p, now);
	lost(p, now, refused, why);
}

void fg_publisher_heard(struct fg_publisher *p, struct fg_now now, uint32_t epoch,
	const char *topic, const void *payload, size_t len)
{
	if (epoch != p->epoch || p->state != FG_PUB_ONLINE || !p->spark)
		return;
	switch (fg_spark_heard(p->spark, now.mono_us, topic, payload, len)) {
	case FG_SPARK_NOTHING:
		break;
	case FG_SPARK_BIRTHS:
		fg_pub_touch_all(p);
		break;
	case FG_SPARK_HOST_GONE: /* the will tells of our death */
		p->ports->disconnect(p->ports->arg, p);
		lost(p, now, false, "the primary host is offline");
		break;
	}
}

void fg_pub_leave(struct fg_publisher *p, struct fg_now now, int code)
{
	char why[64];

	snprintf(why, sizeof(why), "publication refused, reason code 0x%02x", (unsigned)code);
	p->ports->disconnect(p->ports->arg, p);
	lost(p, now, true, why);
}

/* A broker that answers pings and acknowledges nothing would keep what is in flight for ever.
 * Returns when to look again. */
static int64_t end_stall(struct fg_publisher *p, struct fg_now now)
{
	int64_t until_us = p->progress_mono_us + STALL_US;

	if (now.mono_us < until_us)
		return until_us;
	p->ports->disconnect(p->ports->arg, p);
	lost(p, now, false, "no acknowledgement for a minute");
	return p->next_attempt_mono_us;
}

void fg_publisher_wire(struct fg_publisher *p, uint64_t bytes)
{
	if (p->budget.limit)
		fg_budget_wire(&p->budget, bytes);
}

/* ---- the way back to the first server ---- */

/* Returns when to look again. */
static int64_t look_back(struct fg_publisher *p, struct fg_now now)
{
	if (p->server == 0 || p->conf->return_after_us == 0 || p->returning || p->stopping)
		return INT64_MAX;
	if (now.mono_us >= p->look_mono_us) {
		p->look_mono_us = now.mono_us + look_pause_us(p);
		p->ports->look(p->ports->arg, p, 0, p->epoch);
	}
	return p->look_mono_us;
}

void fg_publisher_door(struct fg_publisher *p, struct fg_now now, uint32_t epoch, bool open)
{
	if (!open || epoch != p->epoch || p->state != FG_PUB_ONLINE || p->server == 0 ||
		p->stopping || p->returning)
		return;
	p->returning = true;
	p->returning_mono_us = now.mono_us;
}

/* What is on its way is acknowledged first, so that little goes out twice. */
static int64_t go_back(struct fg_publisher *p, struct fg_now now)
{
	int64_t until_us = p->returning_mono_us + RETURN_DRAIN_US;
	int64_t most_us = p->conf->return_after_us * RETURN_PAUSE_MAX;

	if (p->in_flight && now.mono_us < until_us)
		return until_us;
	fg_notice("destination '%s': %s takes connections, returning to it", p->conf->name,
		p->conf->servers[0].url);
	p->return_pause_us = FG_MIN(p->return_pause_us * 2, most_us);
	p->ports->disconnect(p->ports->arg, p);
	fg_pub_forget_flights(p);
	p->returning = false;
	p->server = 0;
	p->outage_mono_us = now.mono_us;
	start_connection(p, now);
	return p->next_attempt_mono_us;
}

/* ---- a status that says offline ---- */

bool fg_publisher_may_correct(struct fg_publisher *p, struct fg_now now)
{
	int64_t quiet_us = now.mono_us - p->corrected_mono_us;

	if (p->correct_mono_us)
		return false; /* it will be */
	if (p->corrected_mono_us && quiet_us < p->correct_pause_us) {
		p->correct_mono_us = p->corrected_mono_us + p->correct_pause_us;
		return false;
	}
	p->correct_pause_us = !p->corrected_mono_us || quiet_us > CORRECT_MAX_US
				      ? CORRECT_MIN_US
				      : FG_MIN(p->correct_pause_us * 2, CORRECT_MAX_US);
	p->corrected_mono_us = now.mono_us;
	return true;
}

bool fg_publisher_correction_due(struct fg_publisher *p, struct fg_now now, int64_t *next)
{
	if (!p->correct_mono_us)
		return false;
	if (now.mono_us < p->correct_mono_us) {
		*next = FG_MIN(*next, p->correct_mono_us);
		return false;
	}
	p->correct_mono_us = 0;
	p->correct_pause_us = FG_MIN(p->correct_pause_us * 2, CORRECT_MAX_US);
	p->corrected_mono_us = now.mono_us;
	return true;
}

int64_t fg_pub_link_run(struct fg_publisher *p, struct fg_now now)
{
	int64_t next = INT64_MAX, again_us;

	if (p->state == FG_PUB_WAITING) {
		if (now.mono_us >= p->next_attempt_mono_us)
			start_connection(p, now);
		else
			next = p->next_attempt_mono_us;
	}
	if (p->state == FG_PUB_CONNECTING) {
		if (now.mono_us >= p->next_attempt_mono_us)
			lost(p, now, false, "no answer from the session");
		next = p->next_attempt_mono_us;
	}
	if (p->state == FG_PUB_ONLINE) {
		again_us = p->returning ? go_back(p, now) : look_back(p, now);
		next = FG_MIN(next, again_us);
	}
	if (p->state == FG_PUB_ONLINE) {
		again_us = fg_pub_suspect_run(p, now);
		next = FG_MIN(next, again_us);
	}
	if (p->state == FG_PUB_ONLINE && p->spark &&
		fg_spark_rebirth_due(p->spark, now.mono_us, &next))
		fg_pub_touch_all(p);
	if (p->state == FG_PUB_ONLINE && p->in_flight) {
		again_us = end_stall(p, now);
		next = FG_MIN(next, again_us);
	}
	return next;
}
