/* SPDX-License-Identifier: EUPL-1.2 */
/* The MQTT sessions of the destinations. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/core_state.h"
#include "gateway/daemon.h"
#include "protocol/encode.h"

static struct fg_session_slot *find_slot(struct fg_daemon *d, const char *name)
{
	for (size_t i = 0; i < d->session_count; i++)
		if (strcmp(d->sessions[i].name, name) == 0)
			return &d->sessions[i];
	return NULL;
}

bool fg_sessions_post(void *arg, const struct fg_session_event *event)
{
	struct fg_daemon *d = arg;
	const uint32_t kind = FG_INBOX_SESSION;
	size_t len = sizeof(*event);
	struct fg_part parts[] = {{&kind, sizeof(kind)}, {event, len}};

	if (event->type != FG_SESSION_HEARD)
		parts[1].len = offsetof(struct fg_session_event, topic);
	if (event->type == FG_SESSION_ACKED)
		parts[1].len = offsetof(struct fg_session_event, acks) +
			       event->count * sizeof(event->acks[0]);
	if (fg_ring_push(&d->inbox, parts, 2) < 0)
		return false;
	fg_daemon_wake(d, event->type != FG_SESSION_ACKED || event->starving);
	return true;
}

static bool post_heard(
	void *arg, uint32_t destination, const char *topic, const char *claims, size_t len)
{
	struct fg_daemon *d = arg;
	const uint32_t kind = FG_INBOX_HEARD;
	const struct fg_claims_head head = {destination, (uint32_t)strlen(topic) + 1};
	const struct fg_part parts[] = {
		{&kind, sizeof(kind)}, {&head, sizeof(head)},
		{topic, head.topic_len}, {claims, len}};

	if (fg_ring_push(&d->inbox, parts, 4) < 0)
		return false;
	fg_daemon_wake(d, true);
	return true;
}

static int start_session(struct fg_daemon *d, const struct fg_destination *dest)
{
	struct fg_session_slot *slots =
		realloc(d->sessions, (d->session_count + 1) * sizeof(*slots));
	char topic_mem[512], will_mem[1024];
	struct fg_buf topic, will;
	struct fg_session_conf conf = {.config = d->config,
		.dest = dest,
		.session = d->core->session,
		.event = fg_sessions_post,
		.heard = post_heard,
		.arg = d};
	struct fg_session_slot *slot;
	int r;

	if (!slots)
		return FG_ENOMEM;
	d->sessions = slots;
	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&will, will_mem, sizeof(will_mem));
	if (!fg_topic_gateway(&topic, dest->prefix, d->config->gateway.id, "status"))
		return FG_EFULL;
	fg_document_status(d->config->gateway.id, "offline", NULL, NULL, fg_clock_now(), &will);
	conf.status_topic = topic.data;
	conf.will = will.data;
	conf.number = ++d->next_session_number;
	slot = &slots[d->session_count];
	*slot = (struct fg_session_slot){.number = conf.number};
	memcpy(slot->name, dest->name, FG_MIN(strlen(dest->name), sizeof(slot->name) - 1));
	r = fg_session_start(&conf, &slot->session);
	if (r == FG_OK)
		d->session_count++;
	return r;
}

int fg_sessions_start(struct fg_daemon *d)
{
	int r = FG_OK;

	for (size_t i = 0; i < d->config->destination_count && r == FG_OK; i++)
		if (!find_slot(d, d->config->destinations[i].name))
			r = start_session(d, &d->config->destinations[i]);
	return r;
}

static const char *client_id(const struct fg_config *c, const char *destination)
{
	for (size_t i = 0; i < c->destination_count; i++)
		if (strcmp(c->destinations[i].name, destination) == 0)
			return c->destinations[i].client_id;
	return "";
}

void fg_sessions_part(struct fg_daemon *d, const struct fg_config *next)
{
	for (size_t i = 0; i < d->session_count; i++) {
		const char *name = d->sessions[i].name;

		if (strcmp(client_id(d->config, name), client_id(next, name)) != 0)
			fg_session_part(d->sessions[i].session);
	}
}

static void end_session(struct fg_daemon *d, size_t i)
{
	struct fg_session **list = realloc(
		d->ending_sessions, (d->ending_session_count + 1) * sizeof(struct fg_session *));
	const struct fg_publisher *p = fg_core_publisher(d->core, d->sessions[i].name);
	/* one that was still connecting may be connected by now, and has said nothing */
	bool said_offline = d->stopping && p && p->state == FG_PUB_ONLINE && fg_publisher_idle(p);

	fg_session_ask_stop(d->sessions[i].session, said_offline);
	if (list) {
		d->ending_sessions = list;
		list[d->ending_session_count++] = d->sessions[i].session;
	}
	d->sessions[i] = d->sessions[--d->session_count];
}

void fg_sessions_drop(struct fg_daemon *d, const char *name)
{
	struct fg_session_slot *slot = find_slot(d, name);

	if (slot)
		end_session(d, (size_t)(slot - d->sessions));
}

void fg_sessions_stop(struct fg_daemon *d)
{
	while (d->session_count)
		end_session(d, 0);
}

/* ---- ports ---- */

void fg_sessions_connect(
	void *arg, const struct fg_destination *dest, size_t server, uint32_t epoch)
{
	struct fg_session_slot *slot = find_slot(arg, dest->name);

	if (slot)
		fg_session_connect(slot->session, server, epoch);
}

void fg_sessions_disconnect(void *arg, const struct fg_destination *dest)
{
	struct fg_session_slot *slot = find_slot(arg, dest->name);

	if (slot)
		fg_session_disconnect(slot->session);
}

void fg_sessions_look(void *arg, const struct fg_destination *dest, size_t server, uint32_t epoch)
{
	struct fg_session_slot *slot = find_slot(arg, dest->name);

	if (slot)
		fg_session_look(slot->session, server, epoch);
}

int fg_sessions_subscribe(void *arg, const struct fg_destination *dest, const char *filter)
{
	struct fg_session_slot *slot = find_slot(arg, dest->name);

	return slot ? fg_session_subscribe(slot->session, filter) : FG_EFULL;
}

int fg_sessions_publish(
	void *arg, const struct fg_destination *dest, const struct fg_message *m, size_t n)
{
	struct fg_session_slot *slot = find_slot(arg, dest->name);

	return slot ? fg_session_publish(slot->session, m, n) : FG_EFULL;
}

/* ---- events ---- */

void fg_sessions_event(struct fg_daemon *d, const struct fg_session_event *event)
{
	struct fg_now now = fg_core_now(d->core, fg_clock_now());
	struct fg_publisher *p = NULL;

	for (size_t i = 0; i < d->session_count; i++)
		if (d->sessions[i].number == event->destination)
			p = fg_core_publisher(d->core, d->sessions[i].name);
	if (!p)
		return; /* of a session that was replaced */
	if (event->type == FG_SESSION_ACKED || event->type == FG_SESSION_LOST)
		fg_publisher_wire(p, event->wire);
	switch (event->type) {
	case FG_SESSION_CONNECTED:
		fg_publisher_limits(p, event->epoch, &event->limits);
		fg_core_certificates(d->core, p, &event->certificates);
		fg_publisher_connected(p, now, event->epoch, event->session_present);
		break;
	case FG_SESSION_LOST:
		fg_publisher_lost(p, now, event->epoch, event->refused, event->text);
		break;
	case FG_SESSION_ACKED:
		for (uint32_t i = 0; i < event->count; i++)
			fg_publisher_acked(
				p, now, event->epoch, event->acks[i].token, event->acks[i].code);
		break;
	case FG_SESSION_SEEN_OFFLINE:
		fg_core_seen_offline(d->core, p->conf->name);
		break;
	case FG_SESSION_DOOR:
		fg_publisher_door(p, now, event->epoch, event->open);
		break;
	case FG_SESSION_HEARD:
		fg_publisher_heard(p, now, event->epoch, event->topic, event->heard, event->len);
		break;
	case FG_SESSION_SEEN_CONFLICT:
		fg_core_seen_conflict(d->core, p->conf->name);
		break;
	}
}

void fg_sessions_heard(struct fg_daemon *d, const void *bytes, size_t len)
{
	const char *topic = (const char *)bytes + sizeof(struct fg_claims_head);
	struct fg_claims_head head;

	memcpy(&head, bytes, sizeof(head));
	for (size_t i = 0; i < d->session_count; i++)
		if (d->sessions[i].number == head.destination)
			fg_core_heard(d->core, fg_clock_now(), d->sessions[i].name, topic,
				topic + head.topic_len, len - sizeof(head) - head.topic_len);
}
