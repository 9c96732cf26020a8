/* SPDX-License-Identifier: EUPL-1.2 */
/* What is different about a session that speaks Sparkplug: its will, what it listens to, and how it
 * knows that messages of QoS 0 arrived. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "gateway/session_private.h"
#include "protocol/encode_sparkplug.h"

/* Of messages of QoS 0, in place of a number: nothing was sent behind them, or the fence was. */
enum { UNFENCED = 0, FENCED = -1 };

static const struct fg_sparkplug_options *options_of(const struct fg_session *s)
{
	return s->conf.dest->options[FG_ENCODER_sparkplug];
}

bool fg_session_is_sparkplug(const struct fg_session *s)
{
	return s->conf.dest->sparkplug;
}

int fg_session_set_death(struct fg_session *s)
{
	char topic_mem[512], payload_mem[128];
	struct fg_buf topic, payload;
	int r;

	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&payload, payload_mem, sizeof(payload_mem));
	if (!fg_spb_topic(&topic, options_of(s)->group, "NDEATH", s->conf.config->gateway.id,
		    NULL) ||
		!fg_spb_node_death(&payload, fg_clock_now().wall_us / 1000,
			fg_spark_bd_seq(s->epoch)))
		return FG_EFULL;
	r = mosquitto_will_set(s->mosq, topic_mem, (int)payload.len, payload.data, 1, false);
	return r == MOSQ_ERR_SUCCESS ? FG_OK : FG_EINVAL;
}

/* ---- what comes in ---- */

void fg_session_subscribe_sparkplug(struct fg_session *s)
{
	const char *host = options_of(s)->primary_host;
	char mem[512];
	struct fg_buf topic;

	fg_buf_wrap(&topic, mem, sizeof(mem));
	if (fg_spb_topic(&topic, options_of(s)->group, "NCMD", s->conf.config->gateway.id, NULL))
		mosquitto_subscribe_v5(s->mosq, &s->status_mid, mem, 1, 0, NULL);
	fg_buf_wrap(&topic, mem, sizeof(mem));
	if (host && fg_spb_state_topic(&topic, host))
		mosquitto_subscribe_v5(s->mosq, NULL, mem, 1, 0, NULL);
}

void fg_session_say_deaf(struct fg_session *s, int mid, bool refused)
{
	if (!refused || s->deaf_told)
		return;
	if (mid != s->status_mid)
		fg_error("destination '%s': the broker does not let us read the state of primary "
			 "host '%s', so nothing is sent there", s->conf.dest->name,
			options_of(s)->primary_host);
	else
		fg_warning("destination '%s': the broker does not let us read commands: no host "
			   "can ask for a rebirth", s->conf.dest->name);
	s->deaf_told = mid != s->status_mid;
}

void fg_session_hear_sparkplug(struct fg_session *s, const struct mosquitto_message *m)
{
	const size_t len = m->payloadlen > 0 ? (size_t)m->payloadlen : 0;
	struct fg_session_event event = {.type = FG_SESSION_HEARD,
		.destination = s->conf.number,
		.epoch = s->epoch,
		.len = (uint32_t)FG_MIN(len, sizeof(event.heard))};

	snprintf(event.topic, sizeof(event.topic), "%s", m->topic);
	if (event.len)
		memcpy(event.heard, m->payload, event.len);
	fg_session_post(s, &event);
}

/* ---- fences ---- */

void fg_session_note_unfenced(struct fg_session *s, uint64_t token)
{
	s->pending[s->pending_count++] = (struct fg_pending){UNFENCED, token};
	s->unfenced = true;
}

void fg_session_send_fence(struct fg_session *s)
{
	if (!s->online || !s->unfenced || s->fence_mid)
		return;
	if (mosquitto_unsubscribe_v5(s->mosq, &s->fence_mid, s->status_topic, NULL) !=
		MOSQ_ERR_SUCCESS) {
		s->fence_mid = 0; /* the connection is in trouble, which its loop tells */
		return;
	}
	s->unfenced = false;
	for (unsigned i = 0; i < s->pending_count; i++)
		if (s->pending[i].mid == UNFENCED)
			s->pending[i].mid = FENCED;
}

void fg_session_forget_fence(struct fg_session *s)
{
	s->unfenced = false;
	s->fence_mid = 0;
}

/* What was sent before the fence has arrived. */
static void on_unsubscribe(
	struct mosquitto *mosq, void *obj, int mid, const mosquitto_property *props)
{
	struct fg_session *s = obj;
	unsigned kept = 0;

	(void)mosq;
	(void)props;
	if (mid != s->fence_mid)
		return;
	s->fence_mid = 0;
	for (unsigned i = 0; i < s->pending_count; i++) {
		if (s->pending[i].mid != FENCED) {
			s->pending[kept++] = s->pending[i];
			continue;
		}
		if (s->acks.count == FG_ACKS_MAX)
			fg_session_flush_acks(s);
		s->acks.acks[s->acks.count++] = (struct fg_ack){.token = s->pending[i].token};
	}
	s->pending_count = kept;
}

void fg_session_listen_for_fences(struct fg_session *s)
{
	mosquitto_unsubscribe_v5_callback_set(s->mosq, on_unsubscribe);
}
