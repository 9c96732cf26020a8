/* SPDX-License-Identifier: EUPL-1.2 */
/* Each server of each destination, from its name to its welcome. The login is a real one under a
 * client id of its own: the gateway's would end the gateway's session. */
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "doctor.h"
#include "gateway/tls/tls.h"
#include "protocol/mqtt_login.h"

#define DAY_MS	    INT64_C(86400000)
#define SECRET_MAX  4096
#define PACKET_MAX  16384
#define ANSWER_ROOM 4096

struct talk {
	struct doctor_check *check;
	const struct fg_destination *dest;
	const struct fg_server *server;
	int fd;
	struct fg_tls *tls;
	SSL *ssl;
	char why[300];
};

/* ---- bytes ---- */

/* Whether the operation may be tried again: what it waits for has come in time. */
static bool again(struct talk *t, int result)
{
	int error = SSL_get_error(t->ssl, result);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		if (doctor_wait(t->fd, error == SSL_ERROR_WANT_WRITE, t->check->until_mono_us))
			return true;
		snprintf(t->why, sizeof(t->why), "no answer in time");
	}
	return false;
}

static void explain_tls(struct talk *t)
{
	unsigned long error = ERR_peek_last_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (*fg_tls_refusal(t->tls))
		snprintf(t->why, sizeof(t->why), "%s", fg_tls_refusal(t->tls));
	else if (!t->why[0])
		snprintf(t->why, sizeof(t->why), "%s",
			reason ? reason : "the broker closed the connection");
}

static bool send_all(struct talk *t, const char *bytes, size_t len)
{
	while (len) {
		int chunk = (int)FG_MIN(len, (size_t)PACKET_MAX);
		ssize_t n = t->ssl ? SSL_write(t->ssl, bytes, chunk)
				   : send(t->fd, bytes, len, MSG_NOSIGNAL);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (t->ssl ? !again(t, (int)n)
				  : errno != EAGAIN ||
					    !doctor_wait(t->fd, true, t->check->until_mono_us)) {
			return false;
		}
	}
	return true;
}

/* How many; 0: the end, or an error, or too late. */
static size_t receive(struct talk *t, char *bytes, size_t size)
{
	for (;;) {
		ssize_t n =
			t->ssl ? SSL_read(t->ssl, bytes, (int)size) : recv(t->fd, bytes, size, 0);

		if (n > 0)
			return (size_t)n;
		if (t->ssl) {
			if (!again(t, (int)n))
				return 0;
		} else if (n == 0 || errno != EAGAIN) {
			return 0;
		} else if (!doctor_wait(t->fd, false, t->check->until_mono_us)) {
			snprintf(t->why, sizeof(t->why), "no answer in time");
			return 0;
		}
	}
}

/* ---- TLS ---- */

static void tell_ends(struct talk *t)
{
	static const char *const whose[FG_CERTIFICATES] = {
		"the broker's certificate", "an authority's certificate", "our certificate"};
	struct fg_certificates ends = fg_tls_certificates(t->ssl);
	int64_t now_ms = fg_clock_wall_us() / 1000;
	char date[FG_RFC3339_SIZE], name[100] = "";

	for (size_t i = 0; i < FG_CERTIFICATES; i++) {
		long long days = (ends.ends_ms[i] - now_ms) / DAY_MS;

		if (!ends.ends_ms[i])
			continue;
		fg_rfc3339(ends.ends_ms[i], date);
		if (ends.ends_ms[i] < now_ms)
			doctor_tell(t->check, DOCTOR_FAIL, "renew it", "%s ended on %.10s",
				whose[i], date);
		else if (ends.ends_ms[i] - now_ms < FG_CERTIFICATE_WARN_MS)
			doctor_tell(t->check, DOCTOR_WARN, "renew it before",
				"%s ends on %.10s, in %lld days", whose[i], date, days);
		else if (i == FG_CERTIFICATE_BROKER)
			snprintf(name, sizeof(name),
				", its certificate is good until %.10s, %lld days", date, days);
	}
	doctor_tell(t->check, DOCTOR_OK, "", "%s with %s%s", SSL_get_version(t->ssl),
		t->dest->psk_file ? "the pre-shared key" : "a certificate that is believed", name);
}

/* What to do goes by what was refused. */
static const char *remedy(const struct talk *t)
{
	static const struct {
		const char *word, *todo;
	} table[] = {
		{"expired", "the broker's operator renews it; is this board's clock right?"},
		{"not yet valid", "is this board's clock right? date"},
		{"mismatch", "use the name that the certificate bears (openssl s_client shows it), "
			     "in the URL"},
		{"client certificate", "cert_file and key_file of this gateway"},
		{"not accepted", "ca_file must hold the authority that signed the broker's "
				 "certificate"},
		{"no key for", "the line identity:hexkey in psk_file"},
		{"says:", "the broker's log says more; cert_file, key_file, psk_identity"},
		{"cannot use", "the file, and that the gateway's user may read it"},
	};

	for (size_t i = 0; i < FG_COUNT(table); i++)
		if (strstr(t->why, table[i].word))
			return table[i].todo;
	return "does this port speak TLS? (8883, as a rule; mqtt:// without)";
}

static bool begin_tls(struct talk *t)
{
	int r = fg_tls_new(t->dest, t->server, &t->tls, t->why, sizeof(t->why));

	if (r < 0) {
		if (!t->why[0])
			snprintf(t->why, sizeof(t->why), "%s", fg_strerror(r));
		doctor_tell(t->check, DOCTOR_FAIL, remedy(t), "TLS: %s", t->why);
		return false;
	}
	t->ssl = SSL_new(fg_tls_context(t->tls));
	if (!t->ssl || SSL_set_fd(t->ssl, t->fd) != 1)
		return false;
	SSL_set_tlsext_host_name(t->ssl, t->server->host);
	for (;;) {
		r = SSL_connect(t->ssl);
		if (r == 1)
			break;
		if (!again(t, r)) {
			explain_tls(t);
			doctor_tell(t->check, DOCTOR_FAIL, remedy(t), "TLS: %s", t->why);
			return false;
		}
	}
	tell_ends(t);
	return true;
}

/* ---- login ---- */

static bool put_login(struct talk *t, struct fg_buf *out)
{
	const struct fg_destination *d = t->dest;
	char secret[SECRET_MAX] = "", id[160];
	const struct fg_mqtt_login login = {.version = d->version,
		.client_id = id,
		.username = d->username,
		.password = d->username && d->password_file ? secret : NULL};
	int r = login.password ? fg_secret_read(d->password_file, secret, sizeof(secret)) : FG_OK;

	snprintf(id, sizeof(id), "%s-doctor-%d", d->client_id, (int)getpid());
	if (r == FG_OK)
		fg_mqtt_put_connect(out, &login);
	explicit_bzero(secret, sizeof(secret));
	if (r < 0)
		doctor_tell(t->check, r == -EACCES ? DOCTOR_WARN : DOCTOR_FAIL,
			r == -EACCES ? "look with sudo" : "write the password into it",
			"password_file %s: %s", d->password_file, fg_strerror(r));
	return r == FG_OK && !out->overflow;
}

static int read_answer(struct talk *t, unsigned *ret_code)
{
	char bytes[ANSWER_ROOM];
	size_t len = 0, n;
	int r = FG_EAGAIN;

	while (r == FG_EAGAIN && len < sizeof(bytes) &&
		(n = receive(t, bytes + len, sizeof(bytes) - len))) {
		len += n;
		r = fg_mqtt_read_answer(bytes, len, t->dest->version, ret_code);
	}
	return r;
}

static const char *login_remedy(unsigned code, int version)
{
	const char *text = fg_mqtt_code_text(code, version);

	if (strstr(text, "version"))
		return "version: 3.1.1 for this destination (or 5)";
	if (strstr(text, "password") || strstr(text, "not allowed"))
		return "username and password_file, and the broker's list of users";
	return "ask the broker's operator; its log says why";
}

static void tell_login(struct talk *t, int r, unsigned code)
{
	int version = t->dest->version;

	if (r == FG_EFRAME) {
		doctor_tell(t->check, DOCTOR_FAIL, "the port; is it TLS (mqtts://), or websockets?",
			"what answers there is no MQTT broker");
	} else if (r < 0) {
		if (t->ssl)
			explain_tls(t);
		doctor_tell(t->check, DOCTOR_FAIL,
			t->ssl ? remedy(t)
			       : "the port; is it TLS (mqtts://)? The broker's log says why",
			"login: %s",
			t->why[0] ? t->why : "the broker closed the connection without a word");
	} else if (code == 0) {
		doctor_tell(t->check, DOCTOR_OK, "", "the login is taken%s%s",
			t->dest->username ? ", as user " : "",
			t->dest->username ? t->dest->username : "");
	} else if (strstr(fg_mqtt_code_text(code, version), "client id")) {
		doctor_tell(t->check, DOCTOR_WARN, "fjordctl status tells how the gateway fares",
			"the broker takes no other client id than the gateway's: the login cannot "
			"be tried");
	} else {
		doctor_tell(t->check, DOCTOR_FAIL, login_remedy(code, version),
			"login refused: %s (code %u)", fg_mqtt_code_text(code, version), code);
	}
}

static void log_in(struct talk *t)
{
	struct fg_buf out;
	unsigned code = 0;
	int r;

	fg_buf_init(&out, PACKET_MAX);
	if (put_login(t, &out)) {
		r = send_all(t, out.data, out.len) ? read_answer(t, &code) : -EPIPE;
		tell_login(t, r, code);
		fg_buf_clear(&out);
		fg_mqtt_put_disconnect(&out, t->dest->version);
		if (r == FG_OK && code == 0)
			send_all(t, out.data, out.len);
	}
	if (out.data)
		explicit_bzero(out.data, out.cap);
	fg_buf_fini(&out);
}

/* ---- all ---- */

static const char *connect_remedy(int error)
{
	switch (error) {
	case FG_ENOENT:
		return "the name in `servers`; cat /etc/resolv.conf; is the network up?";
	case -ECONNREFUSED:
		return "does the broker run, and listen on that port?";
	case -ENETUNREACH:
	case -EHOSTUNREACH:
		return "ip route; is the network (cable, modem) up?";
	default:
		return "a firewall on the way, or the broker is off";
	}
}

static void check_server(struct doctor_check *c)
{
	struct talk t = {.check = c, .dest = c->about, .server = c->more};

	t.fd = doctor_connect(
		t.server->host, t.server->port, c->until_mono_us, t.why, sizeof(t.why));
	if (t.fd < 0) {
		doctor_tell(c, DOCTOR_FAIL, connect_remedy(t.fd), "%s", t.why);
		return;
	}
	if (!t.server->tls || begin_tls(&t))
		log_in(&t);
	SSL_free(t.ssl);
	fg_tls_free(t.tls);
	close(t.fd);
}

/* Secrets are for the gateway's user and nobody else. */
static void check_secret(struct doctor_check *c)
{
	const char *path = c->about;
	struct stat st;

	if (stat(path, &st) < 0)
		doctor_tell(c, errno == EACCES ? DOCTOR_OK : DOCTOR_FAIL,
			errno == EACCES ? "" : "make the file, for the gateway's user alone", "%s",
			errno == EACCES ? "you may not see it, rightly" : fg_strerror(-errno));
	else if (!doctor_may_read(&c->doctor->user, path))
		doctor_tell(c, DOCTOR_FAIL, "chgrp fjordgate, chmod 640; folders above it too",
			"user %s may not read it", c->doctor->user.name);
	else if (st.st_mode & 0007)
		doctor_tell(c, DOCTOR_WARN, "chmod o= for it",
			"everybody on this board may read or write it");
	else
		doctor_tell(c, DOCTOR_OK, "", "only who needs it may read it");
}

void doctor_add_brokers(struct doctor *d)
{
	for (size_t i = 0; i < d->config->destination_count; i++) {
		const struct fg_destination *dest = &d->config->destinations[i];
		const char *const secrets[] = {dest->password_file, dest->key_file, dest->psk_file};

		for (size_t k = 0; k < FG_COUNT(secrets); k++)
			if (secrets[k])
				doctor_add(d, "secret", secrets[k], check_secret)->about =
					secrets[k];
		for (size_t k = 0; k < dest->server_count; k++) {
			char subject[160];
			struct doctor_check *c;

			snprintf(subject, sizeof(subject), "%s (%s)", dest->name,
				dest->servers[k].url);
			c = doctor_add(d, "broker", subject, check_server);
			c->about = dest;
			c->more = &dest->servers[k];
		}
	}
}
