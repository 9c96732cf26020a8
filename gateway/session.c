/* SPDX-License-Identifier: EUPL-1.2 */
/* One MQTT connection at a time, in a thread of its own. How it begins is in session_connect.c. */
#include <errno.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/thread.h"
#include "gateway/claims.h"
#include "gateway/documents.h"
#include "gateway/topic_set.h"
#include "gateway/session_private.h"

#define RING_BYTES	   (256u << 10)
#define MESSAGE_MAX	   (68u << 10)
/* Longer ones do not go through the ring, which is no longer than a few of them. */
#define INLINE_MAX	   (16u << 10)
/* With so many on the wire, acknowledgements gather for a moment: a wake-up for each would cost
 * more than all of them. */
#define GATHER_MIN	   16
/* What may come from a broker beyond FG_ASKED_BYTES: for each message of ours (with TLS), and each
 * second. */
#define ASKED_PER_MESSAGE  256
#define ASKED_PER_SECOND   64
/* Ours and those of some others. */
#define ASKED_PER_STATION  (4 * FG_DOCUMENT_MAX)
#define GATHER_MS	   2

enum command_type { DO_CONNECT, DO_PUBLISH, DO_SUBSCRIBE };

struct command {
	enum command_type type;
	uint32_t epoch;
	uint64_t token; /* server for CONNECT */
	uint32_t topic_len;
	bool retain, document, at_most_once;
	void *apart; /* its payload, on the heap; NULL: it follows the topic */
	size_t apart_len;
	uint8_t encoder;
};

/* ---- core's side ---- */

static void wake(struct fg_session *s)
{
	const uint64_t one = 1;

	if (write(s->wake_fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: it is awake */
}

static int push(struct fg_session *s, const struct command *cmd, const char *topic,
	const void *payload, size_t len)
{
	const struct fg_part parts[] = {
		{cmd, sizeof(*cmd)}, {topic, cmd->topic_len}, {payload, len}};
	int r = fg_ring_push(&s->ring, parts, topic ? 3 : 1);

	if (r == 1)
		wake(s);
	return r < 0 ? r : FG_OK;
}

void fg_session_connect(struct fg_session *s, size_t server, uint32_t epoch)
{
	const struct command cmd = {.type = DO_CONNECT, .epoch = epoch, .token = server};

	push(s, &cmd, NULL, NULL, 0);
	wake(s);
}

void fg_session_disconnect(struct fg_session *s)
{
	/* no command: it must not wait behind messages that the wire does not take */
	s->cut = true;
	wake(s);
}

static int push_apart(struct fg_session *s, struct command *cmd, const struct fg_message *m)
{
	int r = FG_ENOMEM;

	cmd->apart = malloc(m->len);
	cmd->apart_len = m->len;
	if (cmd->apart) {
		memcpy(cmd->apart, m->payload, m->len);
		r = push(s, cmd, m->topic, "", 0);
	}
	if (r < 0)
		free(cmd->apart);
	return r;
}

/* Nobody else writes to the ring, so what has room now has room later. */
static bool has_room(struct fg_session *s, const struct fg_message *m, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++) {
		size_t size = sizeof(struct command) + strlen(m[i].topic) + 1 + m[i].len;

		if (size > MESSAGE_MAX)
			return false;
		total += sizeof(uint32_t) + size;
	}
	return fg_ring_used(&s->ring) + total <= s->ring.cap;
}

int fg_session_subscribe(struct fg_session *s, const char *filter)
{
	const struct command cmd = {
		.type = DO_SUBSCRIBE, .topic_len = (uint32_t)strlen(filter) + 1};

	return push(s, &cmd, filter, "", 0);
}

int fg_session_publish(struct fg_session *s, const struct fg_message *m, size_t n)
{
	int r = n == 1 || has_room(s, m, n) ? FG_OK : FG_EFULL;

	for (size_t i = 0; i < n && r == FG_OK; i++) {
		struct command cmd = {.type = DO_PUBLISH,
			.token = m[i].token,
			.retain = m[i].retain,
			.document = m[i].document,
			.encoder = m[i].encoder,
			.at_most_once = m[i].at_most_once,
			.topic_len = (uint32_t)strlen(m[i].topic) + 1};

		if (n == 1 && m->len > INLINE_MAX)
			r = push_apart(s, &cmd, m);
		else
			r = push(s, &cmd, m[i].topic, m[i].payload, m[i].len);
	}
	return r;
}

/* ---- events ---- */

void fg_session_post(struct fg_session *s, const struct fg_session_event *event)
{
	while (!s->conf.event(s->conf.arg, event) && !s->stop_asked)
		poll(NULL, 0, 20); /* the core is behind: its own bound, not ours */
}

/* What all connections have cost since it was asked last. */
static uint64_t wire_since(struct fg_session *s)
{
	uint64_t since;

	fg_session_count_wire(s);
	since = s->untold_wire;
	s->untold_wire = 0;
	return since;
}

void fg_session_flush_acks(struct fg_session *s)
{
	if (s->acks.count == 0)
		return;
	s->acks.wire = wire_since(s);
	s->acks.type = FG_SESSION_ACKED;
	s->acks.destination = s->conf.number;
	s->acks.epoch = s->epoch;
	s->acks.starving = s->command_len == 0 && s->pending_count * 2 <= s->pending_max &&
			   fg_ring_used(&s->ring) == 0;
	fg_session_post(s, &s->acks);
	s->acks.count = 0;
}

static void lost(struct fg_session *s)
{
	struct fg_session_event event = {.type = FG_SESSION_LOST,
		.destination = s->conf.number,
		.epoch = s->epoch,
		.refused = s->refused};

	snprintf(event.text, sizeof(event.text), "%s", s->why[0] ? s->why : "connection closed");
	fg_debug(FG_DEBUG_mqtt, "mqtt %s ! %s", s->conf.dest->name, event.text);
	fg_session_flush_acks(s);
	fg_session_drop(s);
	event.wire = wire_since(s);
	s->pending_count = 0;
	fg_session_post(s, &event);
}

/* ---- libmosquitto's callbacks: all come from within its loop functions, in this thread ---- */

static void on_connect(
	struct mosquitto *mosq, void *obj, int rc, int flags, const mosquitto_property *props)
{
	struct fg_session *s = obj;
	struct fg_session_event event = {.type = FG_SESSION_CONNECTED,
		.destination = s->conf.number,
		.epoch = s->epoch,
		.session_present = flags & 1};

	if (s->online) { /* its limits would no longer be those that messages were sent by */
		snprintf(s->why, sizeof(s->why), "the broker takes the connection twice");
		s->refused = true;
		return;
	}
	fg_debug(FG_DEBUG_mqtt, "mqtt %s < CONNACK code=%d session_present=%d", s->conf.dest->name,
		rc, flags & 1);
	if (rc != 0)
		fg_session_broker_says(s, "the broker refuses", rc, props);
	if (rc != 0 || fg_session_take_limits(s, props) < 0) {
		s->refused = true;
		return;
	}
	s->online = true;
	s->online_mono_us = fg_clock_mono_us();
	event.limits = s->limits;
	event.certificates = fg_tls_certificates(mosquitto_ssl_get(mosq));
	if (fg_session_is_sparkplug(s))
		fg_session_subscribe_sparkplug(s);
	else
		mosquitto_subscribe_v5(mosq, &s->status_mid, s->status_topic, 1, 0, NULL);
	fg_session_post(s, &event);
}

static void on_subscribe(struct mosquitto *mosq, void *obj, int mid, int count, const int *granted,
	const mosquitto_property *props)
{
	struct fg_session *s = obj;

	(void)mosq;
	(void)props;
	if (fg_session_is_sparkplug(s)) {
		fg_session_say_deaf(s, mid, count > 0 && granted[0] >= 0x80);
		return;
	}
	if (mid != s->status_mid) {
		if (count > 0 && granted[0] >= 0x80 && !s->deaf_told)
			fg_notice("destination '%s': we may not read other gateways' stations: "
				  "who else publishes our points is not noticed",
				s->conf.dest->name);
		s->deaf_told |= count > 0 && granted[0] >= 0x80;
		return;
	}
	for (int i = 0; i < count; i++)
		if (granted[i] >= 0x80)
			fg_warning("destination '%s': we may not read %s: an old will of ours may "
				   "stand for five minutes, and who has our id is not noticed",
				s->conf.dest->name, s->status_topic);
}

static void on_publish(
	struct mosquitto *mosq, void *obj, int mid, int code, const mosquitto_property *props)
{
	struct fg_session *s = obj;

	(void)mosq;
	(void)props;
	fg_debug(FG_DEBUG_mqtt, "mqtt %s < PUBACK mid=%d code=%d", s->conf.dest->name, mid, code);
	for (unsigned i = 0; i < s->pending_count; i++) {
		if (s->pending[i].mid != mid)
			continue;
		s->acks.acks[s->acks.count++] =
			(struct fg_ack){.token = s->pending[i].token, .code = code};
		memmove(&s->pending[i], &s->pending[i + 1],
			(--s->pending_count - i) * sizeof(*s->pending));
		if (s->acks.count == FG_ACKS_MAX)
			fg_session_flush_acks(s);
		return;
	}
}

/* Where the text of a member of a status begins; NULL where it has none. `name` is quoted: values
 * may be the same words. */
static const char *find_text(const char *text, size_t len, const char *name)
{
	const char *at = memmem(text, len, name, strlen(name)), *end = text + len;

	if (!at)
		return NULL;
	at += strlen(name);
	while (at < end && (*at == ' ' || *at == ':'))
		at++;
	return at < end && *at == '"' ? at + 1 : NULL;
}

static bool says(const char *text, size_t len, const char *name, const char *value)
{
	const char *at = find_text(text, len, name);
	size_t n = strlen(value);

	return at && (size_t)(text + len - at) > n && memcmp(at, value, n) == 0 && at[n] == '"';
}

/* Another gateway's catalogue of a station of ours; an empty one says that it is gone. What makes
 * no sense is passed over: what it said before holds. */
static void hear(struct fg_session *s, const struct mosquitto_message *m, size_t len)
{
	struct fg_buf claims;
	bool cut = false;

	fg_buf_init(&claims, FG_HEARD_MAX);
	if (s->conf.heard && strlen(m->topic) < FG_TOPIC_MAX &&
		(len == 0 || (fg_buf_room(&claims, FG_HEARD_MAX - 1) &&
				     fg_claims_read(m->payload, len, &claims, &cut) == FG_OK)))
		while (!s->conf.heard(s->conf.arg, s->conf.number, m->topic, claims.data,
			       claims.len) &&
			!s->stop_asked)
			poll(NULL, 0, 20);
	fg_buf_fini(&claims);
}

/* Our own status as the broker has it. What it kept from before ours was seen may be of an earlier
 * run of ours; anything else with the session of another is of another. */
static void on_message(struct mosquitto *mosq, void *obj, const struct mosquitto_message *m,
	const mosquitto_property *props)
{
	struct fg_session *s = obj;
	struct fg_session_event event = {.destination = s->conf.number, .epoch = s->epoch};
	size_t len = m->payloadlen > 0 ? (size_t)m->payloadlen : 0;

	(void)mosq;
	(void)props;
	if (fg_session_is_sparkplug(s)) {
		fg_session_hear_sparkplug(s, m);
		return;
	}
	if (strcmp(m->topic, s->status_topic) != 0) {
		hear(s, m, len);
		return;
	}
	event.type = FG_SESSION_SEEN_OFFLINE;
	if (len && says(m->payload, len, "\"state\"", "offline"))
		fg_session_post(s, &event);
	event.type = FG_SESSION_SEEN_CONFLICT;
	if (!len || !find_text(m->payload, len, "\"session\""))
		return;
	if (says(m->payload, len, "\"session\"", s->session))
		s->seen_own = true;
	else if (s->seen_own || !m->retain)
		fg_session_post(s, &event);
}

static void on_disconnect(
	struct mosquitto *mosq, void *obj, int rc, const mosquitto_property *props)
{
	struct fg_session *s = obj;

	const struct fg_session_event taken = {.type = FG_SESSION_SEEN_CONFLICT,
		.destination = s->conf.number,
		.epoch = s->epoch};

	(void)mosq;
	if (rc == MQTT_RC_SESSION_TAKEN_OVER) /* each of ours ends before the next begins */
		fg_session_post(s, &taken);
	if (rc >= 0x80 && !s->why[0])
		fg_session_broker_says(s, "the broker leaves", rc, props);
}

void fg_session_listen(struct fg_session *s)
{
	mosquitto_connect_v5_callback_set(s->mosq, on_connect);
	mosquitto_subscribe_v5_callback_set(s->mosq, on_subscribe);
	mosquitto_publish_v5_callback_set(s->mosq, on_publish);
	mosquitto_message_v5_callback_set(s->mosq, on_message);
	mosquitto_disconnect_v5_callback_set(s->mosq, on_disconnect);
	fg_session_listen_for_fences(s);
}

/* ---- publishing ---- */

/* What no retry would mend is answered as a broker would. */
static int refusal(int r)
{
	switch (r) {
	case MOSQ_ERR_OVERSIZE_PACKET:
	case MOSQ_ERR_PAYLOAD_SIZE:
		return MQTT_RC_PACKET_TOO_LARGE;
	case MOSQ_ERR_INVAL:
	case MOSQ_ERR_MALFORMED_UTF8:
		return MQTT_RC_TOPIC_NAME_INVALID;
	default:
		return 0;
	}
}

static void publish(struct fg_session *s, const struct command *cmd, const char *topic,
	const char *payload, size_t len)
{
	const mosquitto_property *props =
		cmd->document ? s->document_props : s->payload_props[cmd->encoder];
	bool v5 = s->conf.dest->version == 5;
	int qos = cmd->at_most_once ? 0 : FG_MIN(s->conf.dest->qos, s->limits.qos);
	int mid = 0, r;

	if (!s->online)
		return; /* the publisher counts it as not sent once it hears of the loss */
	r = !fg_session_fits(s, cmd->topic_len, len)
		    ? MOSQ_ERR_OVERSIZE_PACKET
		    : mosquitto_publish_v5(s->mosq, &mid, topic, (int)len, payload, qos,
			      cmd->retain && !s->limits.no_retain, v5 ? props : NULL);
	fg_debug(FG_DEBUG_mqtt, "mqtt %s > PUBLISH mid=%d qos=%d retain=%d %zu bytes %s%s%s",
		s->conf.dest->name, mid, qos, cmd->retain, len, topic,
		r == MOSQ_ERR_SUCCESS ? "" : ": ",
		r == MOSQ_ERR_SUCCESS ? "" : mosquitto_strerror(r));
	/* a document may be our status, which comes back */
	s->asked_bytes += ASKED_PER_MESSAGE + (cmd->document ? len : 0);
	if (r == MOSQ_ERR_SUCCESS && cmd->at_most_once) {
		fg_session_note_unfenced(s, cmd->token);
	} else if (r == MOSQ_ERR_SUCCESS) {
		s->pending[s->pending_count++] = (struct fg_pending){mid, cmd->token};
	} else if (refusal(r)) {
		s->acks.acks[s->acks.count++] =
			(struct fg_ack){.token = cmd->token, .code = refusal(r)};
	} else {
		fg_session_say_why(s, r);
		lost(s);
	}
}

/* At QoS 0: what we miss is retained. Our own is not to come back, where the version can say so. */
static void subscribe(struct fg_session *s, const char *filter)
{
	if (!s->online)
		return;
	s->asked_bytes += ASKED_PER_STATION;
	mosquitto_subscribe_v5(s->mosq, NULL, filter, 0,
		s->conf.dest->version == 5 ? MQTT_SUB_OPT_NO_LOCAL : 0, NULL);
}

/* At QoS 0: it is in order with the goodbye behind it, whatever else is on its way. */
static bool say_will(struct fg_session *s)
{
	const mosquitto_property *props = s->conf.dest->version == 5 ? s->document_props : NULL;

	return mosquitto_publish_v5(s->mosq, NULL, s->status_topic, (int)strlen(s->will), s->will,
		       0, true, props) == MOSQ_ERR_SUCCESS;
}

/* Without a goodbye of our own the broker publishes the will, so that nobody takes us for online.
 */
static void leave(struct fg_session *s, bool said_offline)
{
	bool v5 = s->conf.dest->version == 5;

	if (s->mosq && s->online && s->parting && !said_offline && !fg_session_is_sparkplug(s))
		said_offline = say_will(s);
	if (s->mosq && s->online && (v5 || said_offline)) {
		mosquitto_disconnect_v5(
			s->mosq, said_offline ? 0 : MQTT_RC_DISCONNECT_WITH_WILL_MSG, NULL);
		mosquitto_loop_write(s->mosq, 1);
	}
	fg_session_drop(s);
}

static void execute(struct fg_session *s)
{
	struct command cmd;
	const char *topic = s->command + sizeof(cmd);

	memcpy(&cmd, s->command, sizeof(cmd));
	switch (cmd.type) {
	case DO_CONNECT:
		if (fg_session_open(s, cmd.token, cmd.epoch) < 0)
			lost(s);
		break;
	case DO_SUBSCRIBE:
		subscribe(s, topic);
		break;
	case DO_PUBLISH:
		if (cmd.apart)
			publish(s, &cmd, topic, cmd.apart, cmd.apart_len);
		else
			publish(s, &cmd, topic, topic + cmd.topic_len,
				(size_t)s->command_len - sizeof(cmd) - cmd.topic_len);
		free(cmd.apart);
		break;
	}
}

/* While on, the kernel sends full segments only, so the messages of a burst share them, which costs
 * far less than a segment each. Off sends the rest at once. */
static void hold_segments(struct fg_session *s, int on)
{
	int fd = s->mosq ? mosquitto_socket(s->mosq) : -1;

	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

/* Takes commands while the wire has room: at most `inflight` messages are unacknowledged. The rest
 * waits in the ring, so that the next one goes out without a turn through the core. */
static void take_commands(struct fg_session *s)
{
	while (!s->stop_asked) {
		struct command cmd;

		if (s->acks.count == FG_ACKS_MAX)
			fg_session_flush_acks(s);
		if (s->command_len == 0)
			s->command_len = fg_ring_pop(&s->ring, s->command, MESSAGE_MAX);
		if (s->command_len <= 0) {
			s->command_len = 0;
			break;
		}
		if (atomic_exchange(&s->cut, false)) /* asked for before this command was pushed */
			leave(s, false);
		memcpy(&cmd, s->command, sizeof(cmd));
		if (cmd.type == DO_PUBLISH && s->online && s->pending_count >= s->pending_max)
			return;
		execute(s);
		s->command_len = 0;
	}
	if (atomic_exchange(&s->cut, false))
		leave(s, false);
}

/* ---- the loop ---- */

static void check(struct fg_session *s, int r)
{
	if (!s->mosq)
		return;
	if (r == MOSQ_ERR_SUCCESS && !s->refused)
		return;
	fg_session_say_why(s, r);
	lost(s);
}

/* Whoever sends without end, or one packet without end, would have our memory and our time:
 * libmosquitto has no bound of its own. */
static void check_flood(struct fg_session *s)
{
	struct fg_traffic traffic;
	int64_t online_s = s->online ? (fg_clock_mono_us() - s->online_mono_us) / 1000000 : 0;

	if (!s->mosq || !fg_session_traffic(mosquitto_socket(s->mosq), &traffic) ||
		traffic.received <= s->asked_bytes + (uint64_t)online_s * ASKED_PER_SECOND)
		return;
	s->refused = true;
	snprintf(s->why, sizeof(s->why), "the broker sends far more than was asked for");
	lost(s);
}

static void serve_socket(struct fg_session *s, short revents)
{
	int r = MOSQ_ERR_SUCCESS;

	/* where it ends now libmosquitto closes the socket, and with it goes the kernel's count */
	if (s->conf.dest->daily_budget)
		fg_session_count_wire(s);
	if (revents & (POLLIN | POLLHUP | POLLERR))
		r = fg_session_read(s);
	if (r == MOSQ_ERR_SUCCESS && s->mosq && !s->refused &&
		(revents & POLLOUT || mosquitto_want_write(s->mosq)))
		r = mosquitto_loop_write(s->mosq, 100);
	if (r == MOSQ_ERR_SUCCESS && s->mosq && !s->refused)
		r = mosquitto_loop_misc(s->mosq);
	check_flood(s); /* what it floods us with may be malformed as well */
	check(s, r);
	if (s->mosq && !s->online && fg_clock_mono_us() > s->connect_deadline_us) {
		snprintf(s->why, sizeof(s->why), "no answer from the broker");
		lost(s);
	}
}

static void wait_once(struct fg_session *s)
{
	struct pollfd fds[2] = {{.fd = s->wake_fd, .events = POLLIN}, {.fd = -1}};
	uint64_t count;
	int timeout_ms = -1;

	if (s->mosq) {
		fds[1].fd = mosquitto_socket(s->mosq);
		fds[1].events = mosquitto_want_write(s->mosq) ? POLLIN | POLLOUT : POLLIN;
		timeout_ms = s->online ? 5000 : 1000;
	}
	if (s->pending_count >= GATHER_MIN && !s->stop_asked)
		poll(NULL, 0, GATHER_MS);
	poll(fds, 2, timeout_ms);
	if (fds[0].revents & POLLIN && read(s->wake_fd, &count, sizeof(count)) < 0)
		return;
	if (s->mosq && fds[1].fd < 0)
		check(s, MOSQ_ERR_CONN_LOST);
	if (s->mosq)
		serve_socket(s, fds[1].revents);
}

static void *run(void *arg)
{
	struct fg_session *s = arg;

	while (!s->stop_asked) {
		hold_segments(s, 1);
		take_commands(s);
		fg_session_send_fence(s);
		hold_segments(s, 0);
		fg_session_flush_acks(s);
		if (!s->stop_asked)
			wait_once(s);
	}
	leave(s, s->said_offline);
	return NULL;
}

/* ---- life ---- */

static void add_common(
	const struct fg_session *s, mosquitto_property **props, const char *content_type, bool text)
{
	if (text)
		mosquitto_property_add_byte(props, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, 1);
	mosquitto_property_add_string(props, MQTT_PROP_CONTENT_TYPE, content_type);
	if (s->conf.config->gateway.licence)
		mosquitto_property_add_string_pair(props, MQTT_PROP_USER_PROPERTY, "licence",
			s->conf.config->gateway.licence);
}

static void add_schema(const struct fg_session *s, mosquitto_property **props, const char *tail)
{
	char mem[256];
	struct fg_buf schema;

	fg_buf_wrap(&schema, mem, sizeof(mem));
	fg_buf_printf(&schema, "%s/%s", s->conf.dest->prefix, tail);
	mosquitto_property_add_string_pair(
		props, MQTT_PROP_USER_PROPERTY, "schema", schema.data);
}

/* What add_common() and add_schema() add, and the expiry. */
static size_t length(const struct fg_session *s, const char *content_type, const char *tail)
{
	const char *licence = s->conf.config->gateway.licence;

	return 2 + 3 + strlen(content_type) + 12 + (licence ? strlen(licence) : 0) + 12 +
	       strlen(s->conf.dest->prefix) + (tail ? strlen(tail) : 0) + 5;
}

/* Of each payload; gaps and accounts have those of `json`, with whatever payloads. */
static void make_properties(struct fg_session *s)
{
	const struct fg_destination *d = s->conf.dest;

	add_common(s, &s->document_props, "application/json", true);
	for (size_t i = 0; i < fg_encoder_count; i++) {
		const struct fg_encoder *encoder = fg_encoders[i];
		mosquitto_property **props = &s->payload_props[i];
		bool text = false;
		const char *type = encoder->content_type(d->options[i], &text);

		add_common(s, props, type, text);
		s->props_len = FG_MAX(s->props_len, length(s, type, encoder->schema));
		if (encoder->schema)
			add_schema(s, props, encoder->schema);
		if (d->expiry_us > 0)
			mosquitto_property_add_int32(props, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL,
				(uint32_t)(d->expiry_us / 1000000));
	}
}

static void drop_commands(struct fg_session *s)
{
	struct command cmd;

	while (s->command_len > 0) {
		memcpy(&cmd, s->command, sizeof(cmd));
		free(cmd.apart);
		s->command_len = fg_ring_pop(&s->ring, s->command, MESSAGE_MAX);
	}
}

static void session_free(struct fg_session *s)
{
	if (s->command && s->ring.data && s->command_len <= 0)
		s->command_len = fg_ring_pop(&s->ring, s->command, MESSAGE_MAX);
	drop_commands(s);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	fg_ring_fini(&s->ring);
	for (size_t i = 0; i < fg_encoder_count; i++)
		mosquitto_property_free_all(&s->payload_props[i]);
	mosquitto_property_free_all(&s->document_props);
	free(s->pending);
	free(s->command);
	free(s->status_topic);
	free(s->will);
	free(s->session);
	fg_config_unref(s->conf.config);
	free(s);
}

int fg_session_start(const struct fg_session_conf *conf, struct fg_session **ret)
{
	struct fg_session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return FG_ENOMEM;
	s->conf = *conf;
	fg_config_ref(conf->config);
	s->status_topic = strdup(conf->status_topic);
	s->will = strdup(conf->will);
	s->session = strdup(conf->session);
	s->pending = calloc((size_t)FG_MAX(conf->dest->inflight, 1), sizeof(*s->pending));
	s->command = malloc(MESSAGE_MAX);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = fg_ring_init(&s->ring, RING_BYTES);
	if (r == FG_OK && (!s->status_topic || !s->will || !s->session ||
				  !s->pending || !s->command || s->wake_fd < 0))
		r = FG_ENOMEM;
	if (r == FG_OK) {
		make_properties(s);
		r = fg_thread_start(&s->thread, "mqtt", run, s);
	}
	if (r < 0) {
		session_free(s);
		return r;
	}
	*ret = s;
	return FG_OK;
}

void fg_session_part(struct fg_session *s)
{
	s->parting = true;
}

void fg_session_ask_stop(struct fg_session *s, bool said_offline)
{
	s->said_offline = said_offline;
	s->stop_asked = true;
	wake(s);
}

bool fg_session_join(struct fg_session *s, int64_t wait_us)
{
	s->joined = s->joined || fg_thread_join(s->thread, wait_us);
	if (!s->joined || (s->looking && !fg_thread_join(s->look, wait_us)))
		return false;
	session_free(s);
	return true;
}
