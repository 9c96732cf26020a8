/* SPDX-License-Identifier: EUPL-1.2 */
/* Who may open a session with the coap-server driver: keys by identity, certificates, and what
 * became of them after a reload. */
#include <coap3/coap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/secret.h"
#include "base/status.h"
#include "drivers/coap_server_io.h"

#define CHAIN_MAX 5

static const struct fg_push_link *conf_of(const struct fg_push_server *s)
{
	return s->ls->link->conf;
}

/* ---- peers ---- */

static struct fg_push_peer *find(const struct fg_push_server *s, const coap_session_t *session)
{
	for (struct fg_push_peer *p = s->peers; p; p = p->next)
		if (p->session == session)
			return p;
	return NULL;
}

static struct fg_push_peer *peer_of(struct fg_push_server *s, coap_session_t *session)
{
	struct fg_push_peer *p = find(s, session);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->session = session;
	p->hello = s->hello;
	p->next = s->peers;
	s->peers = p;
	atomic_fetch_add(&s->ls->counts[FG_PUSH_SESSIONS], 1);
	return p;
}

static void forget(struct fg_push_server *s, const coap_session_t *session)
{
	for (struct fg_push_peer **at = &s->peers; *at; at = &(*at)->next) {
		struct fg_push_peer *p = *at;

		if (p->session != session)
			continue;
		*at = p->next;
		free(p);
		atomic_fetch_sub(&s->ls->counts[FG_PUSH_SESSIONS], 1);
		return;
	}
}

void fg_push_peers_free(struct fg_push_server *s)
{
	while (s->peers)
		forget(s, s->peers->session);
}

const char *fg_push_identity(struct fg_push_server *s, const coap_session_t *session)
{
	const struct fg_push_peer *p = find(s, session);

	return p && p->identity[0] && !p->bad ? p->identity : NULL;
}

static void stranger(struct fg_push_server *s, const char *what)
{
	int64_t now_us = fg_clock_mono_us();

	atomic_fetch_add(&s->ls->counts[FG_PUSH_STRANGERS], 1);
	if (s->stranger_us && now_us - s->stranger_us < TELL_AGAIN_US)
		return;
	s->stranger_us = now_us;
	fg_warning("link '%s': %s was turned away; `fjordctl status` counts more of them",
		s->ls->link->name, what);
}

int fg_push_on_event(coap_session_t *session, const coap_event_t event)
{
	struct fg_push_server *s = coap_get_app_data(coap_session_get_context(session));
	struct fg_push_peer *p;

	switch (event) {
	case COAP_EVENT_SERVER_SESSION_NEW:
		peer_of(s, session);
		break;
	case COAP_EVENT_SERVER_SESSION_DEL:
		fg_push_bodies_forget(&s->bodies, session);
		forget(s, session);
		break;
	case COAP_EVENT_DTLS_CONNECTED:
		p = peer_of(s, session);
		if (p)
			p->ready = true;
		atomic_fetch_add(&s->ls->counts[FG_PUSH_HANDSHAKES], 1);
		break;
	case COAP_EVENT_DTLS_ERROR:
		stranger(s, "a peer whose key or certificate is not right");
		break;
	default:
		break;
	}
	return 0;
}

/* ---- keys ---- */

static unsigned digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

/* The key of an identity as bytes; its length, or negative with the cause in `why`. */
static long read_key(const struct fg_push_server *s, const char *identity, uint8_t *ret, size_t cap,
	char *why, size_t why_size)
{
	char hex[2 * 64 + 1];
	int r = fg_secret_psk(
		conf_of(s)->psk_file, identity, hex, sizeof(hex), why, why_size);
	size_t len = r < 0 ? 0 : strlen(hex) / 2;

	for (size_t i = 0; i < len && i < cap; i++)
		ret[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
	explicit_bzero(hex, sizeof(hex));
	return r < 0 ? r : (long)FG_MIN(len, cap);
}

/* Of the identity that a client presents. What is not printable is nobody's. */
static const coap_bin_const_t *on_identity(
	coap_bin_const_t *identity, coap_session_t *session, void *arg)
{
	struct fg_push_server *s = arg;
	struct fg_push_peer *p = peer_of(s, session);
	char name[FG_PUSH_NAME], text[240], why[160] = "";
	long len = FG_ENOENT;

	if (p && identity->length < sizeof(name) && identity->length &&
		!memchr(identity->s, '\0', identity->length) &&
		!memchr(identity->s, '\n', identity->length)) {
		memcpy(name, identity->s, identity->length);
		name[identity->length] = '\0';
		len = read_key(s, name, s->psk, sizeof(s->psk), why, sizeof(why));
	}
	if (len <= 0) {
		if (len == FG_ENOENT)
			snprintf(text, sizeof(text),
				"an identity that is not in psk_file (%zu bytes)",
				identity->length);
		else /* it is ours to mend */
			snprintf(text, sizeof(text), "an identity whose key cannot be used: %s",
				why);
		stranger(s, text);
		return NULL;
	}
	memcpy(p->identity, name, sizeof(p->identity));
	p->key = fg_push_hash(FG_PUSH_HASH, s->psk, (size_t)len);
	s->psk_lent = (coap_bin_const_t){.s = s->psk, .length = (size_t)len};
	return &s->psk_lent;
}

/* The chain was found good; the last one is the sensor's own, and its name who it is. */
static int on_name(const char *cn, const uint8_t *cert, size_t len, coap_session_t *session,
	unsigned depth, int validated, void *arg)
{
	struct fg_push_server *s = arg;
	struct fg_push_peer *p;

	(void)cert;
	(void)len;
	if (!validated)
		return 0;
	if (depth > 0)
		return 1;
	p = peer_of(s, session);
	if (!p || !cn || !*cn || strlen(cn) >= sizeof(p->identity))
		return 0;
	memcpy(p->identity, cn, strlen(cn) + 1);
	p->key = 0;
	return 1;
}

static int set_certificates(struct fg_push_server *s)
{
	const struct fg_push_link *conf = conf_of(s);
	const coap_dtls_pki_t setup = {
		.version = COAP_DTLS_PKI_SETUP_VERSION,
		.verify_peer_cert = 1,
		.check_common_ca = 1,
		.cert_chain_validation = 1,
		.cert_chain_verify_depth = CHAIN_MAX,
		.validate_cn_call_back = on_name,
		.cn_call_back_arg = s,
		.pki_key = {.key_type = COAP_PKI_KEY_PEM,
			.key.pem = {.ca_file = conf->ca_file,
				.public_cert = conf->cert_file,
				.private_key = conf->key_file}},
	};

	if (coap_context_set_pki(s->ctx, &setup))
		return FG_OK;
	snprintf(s->ls->why, sizeof(s->ls->why),
		"certificate or key cannot be used: cert_file, key_file, ca_file");
	return FG_EINVAL;
}

int fg_push_set_keys(struct fg_push_server *s)
{
	const struct fg_push_link *conf = conf_of(s);
	const uint64_t nobodys[] = {fg_random_seed(), fg_random_seed()};
	coap_dtls_spsk_t setup = {
		.version = COAP_DTLS_SPSK_SETUP_VERSION,
		.validate_id_call_back = on_identity,
		.id_call_back_arg = s,
		/* libcoap wants one; nobody has it */
		.psk_info = {.key = {.s = (const uint8_t *)nobodys, .length = sizeof(nobodys)}},
	};

	if (conf->psk_file && !coap_context_set_psk2(s->ctx, &setup)) {
		snprintf(s->ls->why, sizeof(s->ls->why), "libcoap has no DTLS with keys");
		return FG_EINVAL;
	}
	return conf->cert_file ? set_certificates(s) : FG_OK;
}

/* ---- a reload ---- */

void fg_push_check_keys(struct fg_push_server *s)
{
	uint8_t key[64];
	long len;

	for (struct fg_push_peer *p = s->peers; p; p = p->next) {
		if (!p->key)
			continue;
		len = read_key(s, p->identity, key, sizeof(key), NULL, 0);
		p->bad |= len <= 0 || fg_push_hash(FG_PUSH_HASH, key, (size_t)len) != p->key;
	}
	explicit_bzero(key, sizeof(key));
}

static struct fg_push_peer *find_bad(const struct fg_push_server *s)
{
	for (struct fg_push_peer *p = s->peers; p; p = p->next)
		if (p->bad)
			return p;
	return NULL;
}

void fg_push_end_bad(struct fg_push_server *s)
{
	struct fg_push_peer *p;

	while ((p = find_bad(s))) { /* ending one may take it off the list */
		p->bad = false;
		fg_notice("link '%s': the session of '%s' ends: its key has changed or gone",
			s->ls->link->name, p->identity);
		p->identity[0] = '\0';
		coap_session_disconnected(p->session, COAP_NACK_NOT_DELIVERABLE);
	}
}
