/* SPDX-License-Identifier: EUPL-1.2 */
/* The beginning of a connection: who we are, whom we believe, what is said when we are gone. */
#include <errno.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/status.h"
#include "gateway/session_private.h"

#define CONNECT_TIMEOUT_US 15000000
#define SESSION_EXPIRY_S   86400

/* Name, password, PSK and certificates; secrets are read anew each time and not kept. */
static int set_credentials(struct fg_session *s)
{
	const struct fg_destination *d = s->conf.dest;
	char secret[4096] = ""; /* some brokers take a token as the password */
	int r = FG_OK;

	if (d->username) {
		if (d->password_file)
			r = fg_secret_read(d->password_file, secret, sizeof(secret));
		if (r == FG_OK && mosquitto_username_pw_set(s->mosq, d->username,
					  d->password_file ? secret : NULL) != MOSQ_ERR_SUCCESS)
			r = FG_EINVAL;
		explicit_bzero(secret, sizeof(secret));
		if (r < 0)
			snprintf(s->why, sizeof(s->why), "cannot read %s: %s", d->password_file,
				fg_strerror(r));
	}
	return r;
}

/* libmosquitto's log is the only place where OpenSSL's errors are named. */
static void on_log(struct mosquitto *mosq, void *obj, int level, const char *text)
{
	static const char head[] = "OpenSSL Error[";
	struct fg_session *s = obj;
	const char *cause = strrchr(text, ':');

	(void)mosq;
	if (level == MOSQ_LOG_ERR && cause && strncmp(text, head, strlen(head)) == 0)
		snprintf(s->tls_why, sizeof(s->tls_why), "%s", cause + 1);
}

static int set_tls(struct fg_session *s)
{
	int r;

	if (!s->server->tls)
		return FG_OK;
	r = fg_tls_new(s->conf.dest, s->server, &s->tls, s->why, sizeof(s->why));
	if (r < 0)
		return r;
	mosquitto_log_callback_set(s->mosq, on_log);
	if (mosquitto_int_option(s->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) != MOSQ_ERR_SUCCESS ||
		mosquitto_void_option(s->mosq, MOSQ_OPT_SSL_CTX, fg_tls_context(s->tls)) !=
			MOSQ_ERR_SUCCESS)
		return FG_EINVAL;
	return FG_OK;
}

static int set_will(struct fg_session *s)
{
	const struct fg_destination *d = s->conf.dest;
	mosquitto_property *props = NULL;
	int r;

	if (d->version == 5 && d->will_delay_us > 0)
		mosquitto_property_add_int32(&props, MQTT_PROP_WILL_DELAY_INTERVAL,
			(uint32_t)(d->will_delay_us / 1000000));
	if (d->version == 5) {
		mosquitto_property_add_byte(&props, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, 1);
		mosquitto_property_add_string(&props, MQTT_PROP_CONTENT_TYPE, "application/json");
	}
	/* libmosquitto owns the properties once it has taken them */
	r = mosquitto_will_set_v5(
		s->mosq, s->status_topic, (int)strlen(s->will), s->will, 1, true, props);
	if (r != MOSQ_ERR_SUCCESS)
		mosquitto_property_free_all(&props);
	return r == MOSQ_ERR_SUCCESS ? FG_OK : FG_EINVAL;
}

static int new_client(struct fg_session *s)
{
	const struct fg_destination *d = s->conf.dest;
	int r;

	s->mosq = mosquitto_new(d->client_id, d->session == FG_SESSION_CLEAN, s);
	if (!s->mosq)
		return FG_ENOMEM;
	mosquitto_int_option(s->mosq, MOSQ_OPT_PROTOCOL_VERSION,
		d->version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
	mosquitto_int_option(s->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_int_option(s->mosq, MOSQ_OPT_SEND_MAXIMUM, 65535);
	fg_session_listen(s);
	r = fg_session_is_sparkplug(s) ? fg_session_set_death(s) : set_will(s);
	if (r == FG_OK)
		r = set_credentials(s);
	if (r == FG_OK)
		r = set_tls(s);
	return r;
}

void fg_session_drop(struct fg_session *s)
{
	fg_session_count_wire(s);
	if (s->mosq)
		mosquitto_destroy(s->mosq);
	s->mosq = NULL;
	fg_tls_free(s->tls);
	s->tls = NULL;
	s->online = false;
}

void fg_session_say_why(struct fg_session *s, int rc)
{
	const int error = errno;
	const char *cause = "";

	if (s->why[0])
		return;
	if (s->tls && (rc == MOSQ_ERR_TLS || rc == MOSQ_ERR_CONN_LOST || rc == MOSQ_ERR_ERRNO))
		cause = fg_tls_refusal(s->tls);
	if (!*cause)
		cause = s->tls_why;
	if (!*cause)
		cause = rc != MOSQ_ERR_ERRNO ? mosquitto_strerror(rc)
			: error		     ? fg_strerror(-error)
					     : "the broker closed the connection";
	snprintf(s->why, sizeof(s->why), "%s: %s", s->server->url, cause);
}

int fg_session_open(struct fg_session *s, size_t server, uint32_t epoch)
{
	const struct fg_destination *d = s->conf.dest;
	int64_t expiry_s = d->will_delay_us / 1000000;
	mosquitto_property *props = NULL;
	int r;

	fg_session_drop(s);
	fg_debug(FG_DEBUG_mqtt, "mqtt %s > CONNECT to %s, version %s, client id %s, %s",
		d->name, d->servers[server].url, d->version == 5 ? "5" : "3.1.1", d->client_id,
		d->username ? "with a login" : "without a login");
	/* what another door kept may be of an earlier run */
	s->seen_own = s->seen_own && s->server == &d->servers[server];
	s->server = &d->servers[server];
	s->epoch = epoch;
	s->refused = false;
	s->why[0] = s->tls_why[0] = '\0';
	s->limits = (struct fg_limits){0};
	s->pending_count = s->acks.count = 0;
	s->counted_wire = 0;
	s->asked_bytes = FG_ASKED_BYTES;
	fg_session_forget_fence(s);
	s->pending_max = (unsigned)FG_MAX(d->inflight, 1);
	r = new_client(s);
	if (r < 0) {
		if (!s->why[0])
			snprintf(s->why, sizeof(s->why), "%s", fg_strerror(r));
		return r;
	}
	/* a will waits for its delay only as long as its session lives */
	if (d->session == FG_SESSION_KEPT)
		expiry_s = FG_MAX(SESSION_EXPIRY_S, expiry_s);
	if (d->version == 5)
		mosquitto_property_add_int32(
			&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, (uint32_t)expiry_s);
	/* libmosquitto 2.0 takes MQTT 5 properties only in its blocking connect, which waits for
	 * minutes where a host is gone. So the port is tried first, with a bound of our own (not on
	 * loopback, where nothing can hang). */
	r = fg_session_door_open(s->server, false, s->why, sizeof(s->why))
		    ? mosquitto_connect_bind_v5(s->mosq, s->server->host, s->server->port,
			      (int)(d->keepalive_us / 1000000), NULL, props)
		    : MOSQ_ERR_ERRNO;
	mosquitto_property_free_all(&props);
	/* from here on: a slow name look-up is not the broker's time */
	s->connect_deadline_us = fg_clock_mono_us() + CONNECT_TIMEOUT_US;
	if (r == MOSQ_ERR_SUCCESS)
		return FG_OK;
	fg_session_say_why(s, r);
	return FG_EINVAL;
}
