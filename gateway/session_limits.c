/* SPDX-License-Identifier: EUPL-1.2 */
/* What a broker says of itself with MQTT 5: what it takes, and why it refuses or leaves. */
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "gateway/session_private.h"

/* libmosquitto keeps Receive Maximum and Maximum Packet Size by itself, but holds back what is too
 * much in a queue of its own; here it stays in the ring. Server Keep Alive is its own alone. */
int fg_session_take_limits(struct fg_session *s, const mosquitto_property *props)
{
	struct fg_limits *l = &s->limits;
	uint16_t receive = UINT16_MAX, keepalive = 0;
	uint32_t packet = 0;
	uint8_t qos = 2, retain = 1;

	mosquitto_property_read_int16(props, MQTT_PROP_RECEIVE_MAXIMUM, &receive, false);
	mosquitto_property_read_int32(props, MQTT_PROP_MAXIMUM_PACKET_SIZE, &packet, false);
	mosquitto_property_read_byte(props, MQTT_PROP_MAXIMUM_QOS, &qos, false);
	mosquitto_property_read_byte(props, MQTT_PROP_RETAIN_AVAILABLE, &retain, false);
	mosquitto_property_read_int16(props, MQTT_PROP_SERVER_KEEP_ALIVE, &keepalive, false);
	*l = (struct fg_limits){.inflight = receive,
		.packet = packet,
		.keepalive_s = keepalive,
		.qos = qos,
		.no_retain = retain == 0};
	s->pending_max = FG_MIN(
		FG_MAX((unsigned)receive, 1u), (unsigned)FG_MAX(s->conf.dest->inflight, 1));
	if (qos == 0)
		snprintf(s->why, sizeof(s->why),
			"the broker takes QoS 0 alone, so it would acknowledge nothing");
	else if (!fg_session_fits(s, strlen(s->status_topic), strlen(s->will)))
		snprintf(s->why, sizeof(s->why),
			"the broker takes packets of %u bytes, too few for our status", packet);
	else
		return FG_OK;
	return FG_EINVAL;
}

/* Fixed head, length of the topic, packet id, length of the properties. */
#define PUBLISH_HEAD (5 + 2 + 2 + 4)

bool fg_session_fits(const struct fg_session *s, size_t topic_len, size_t payload_len)
{
	return !s->limits.packet ||
	       PUBLISH_HEAD + topic_len + s->props_len + payload_len <= s->limits.packet;
}

/* From a peer that is not believed: one line of printable text. */
static void put_words(char *why, size_t size, const char *before, const char *words)
{
	size_t len = strlen(why);

	if (!words || !*words || len + strlen(before) + 4 >= size)
		return;
	snprintf(why + len, size - len, "%s%s", before, words);
	for (char *p = why + len; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7F)
			*p = '?';
}

void fg_session_broker_says(
	struct fg_session *s, const char *what, int code, const mosquitto_property *props)
{
	bool v5 = s->conf.dest->version == 5;
	char *reason = NULL, *other = NULL;

	if (v5 && code >= 0x80)
		snprintf(s->why, sizeof(s->why), "%s: %s (0x%02x)", what,
			mosquitto_reason_string(code), (unsigned)code);
	else
		snprintf(s->why, sizeof(s->why), "%s: %s", what, mosquitto_connack_string(code));
	mosquitto_property_read_string(props, MQTT_PROP_REASON_STRING, &reason, false);
	mosquitto_property_read_string(props, MQTT_PROP_SERVER_REFERENCE, &other, false);
	put_words(s->why, sizeof(s->why), ", ", reason);
	/* told, and left to people: whoever can answer for the broker must not choose another */
	put_words(s->why, sizeof(s->why), ", it names ", other);
	if (code == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION)
		put_words(s->why, sizeof(s->why), "", "; try version: 3.1.1");
	free(reason);
	free(other);
}
