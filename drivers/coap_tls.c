/* SPDX-License-Identifier: EUPL-1.2 */
/* Sessions with certificates. libcoap 4.3.1 checks the chain and the dates; the name it would
 * compare is the first of the certificate alone and never an address, so the name is checked here.
 */
#include <coap3/coap.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/coap_internal.h"

#define CHAIN_DEPTH 5

/* Who the server is to be. */
static const char *wanted_name(const struct fg_coap_endpoint *ep)
{
	const struct fg_coap_link *conf = fg_coap_conf(ep);

	return conf->server_name ? conf->server_name : conf->host;
}

/* An address as it stands in certificates: without its zone. */
static bool bears_address(X509 *cert, const char *host)
{
	char text[256];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(host, "%"), host);
	return X509_check_ip_asc(cert, text, 0) == 1;
}

static bool bears_name(const struct fg_coap_endpoint *ep, const uint8_t *der, size_t len)
{
	const char *name = wanted_name(ep);
	X509 *cert = d2i_X509(NULL, &der, (long)len);
	bool good;

	if (!cert)
		return false;
	good = X509_check_host(cert, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1 ||
	       bears_address(cert, name);
	X509_free(cert);
	return good;
}

/* For each certificate of a chain that is good so far; depth 0 is the server's own. */
static int on_certificate(const char *cn, const uint8_t *der, size_t len, coap_session_t *session,
	unsigned depth, int validated, void *arg)
{
	struct fg_coap_endpoint *ep = arg;

	(void)session;
	if (depth || !validated || bears_name(ep, der, len))
		return 1;
	ep->wrong_name = true;
	snprintf(ep->tls_why, sizeof(ep->tls_why), "the certificate is of '%.40s', not of '%.40s'",
		cn ? cn : "?", wanted_name(ep));
	return 0;
}

void fg_coap_note_tls_failure(struct fg_coap_endpoint *ep)
{
	coap_tls_library_t library;
	const SSL *ssl = ep->session ? coap_session_get_tls(ep->session, &library) : NULL;
	long verdict;

	if (ep->wrong_name || !ep->own || !ssl) /* it may be gone already, with its verdict */
		return;
	verdict = SSL_get_verify_result(ssl);
	if (verdict != X509_V_OK)
		snprintf(ep->tls_why, sizeof(ep->tls_why), "the certificate is refused: %.80s",
			X509_verify_cert_error_string(verdict));
}

static coap_context_t *new_context(struct fg_coap_endpoint *ep)
{
	const struct fg_coap_link *conf = fg_coap_conf(ep);
	coap_context_t *ctx = coap_new_context(NULL);
	struct epoll_event event = {.events = EPOLLIN};

	if (!ctx)
		return NULL;
	fg_coap_set_callbacks(ctx);
	if (!coap_context_set_pki_root_cas(ctx, conf->ca_file, NULL)) {
		fg_coap_tell(
			ep, FG_COAP_NO_KEY, "no certificates of authorities in %s", conf->ca_file);
		coap_free_context(ctx);
		return NULL;
	}
	epoll_ctl(fg_coap_host_of(ep)->epoll_fd, EPOLL_CTL_ADD, coap_context_get_coap_fd(ctx),
		&event);
	return ctx;
}

void fg_coap_free_own(struct fg_coap_endpoint *ep)
{
	coap_context_t *ctx = FG_TAKE(ep->own);

	if (!ctx)
		return;
	epoll_ctl(
		fg_coap_host_of(ep)->epoll_fd, EPOLL_CTL_DEL, coap_context_get_coap_fd(ctx), NULL);
	coap_free_context(ctx);
	free(FG_TAKE(ep->cert_file));
	free(FG_TAKE(ep->key_file));
}

/* Copies: the configuration may go before the handshake begins, which is after the connection. */
static bool copy_names(struct fg_coap_endpoint *ep)
{
	const struct fg_coap_link *conf = fg_coap_conf(ep);

	snprintf(ep->sni, sizeof(ep->sni), "%s", wanted_name(ep));
	ep->cert_file = conf->cert_file ? strdup(conf->cert_file) : NULL;
	ep->key_file = conf->key_file ? strdup(conf->key_file) : NULL;
	return (ep->cert_file || !conf->cert_file) && (ep->key_file || !conf->key_file);
}

coap_session_t *fg_coap_new_pki_session(struct fg_coap_endpoint *ep, const struct fg_address *to)
{
	const struct fg_coap_link *conf = fg_coap_conf(ep);
	coap_dtls_pki_t setup;
	coap_address_t addr;
	coap_session_t *session;

	fg_coap_free_own(ep);
	ep->own = new_context(ep);
	if (!ep->own || !copy_names(ep))
		return NULL;
	ep->wrong_name = false;
	ep->tls_why[0] = '\0';
	memset(&setup, 0, sizeof(setup));
	setup.version = COAP_DTLS_PKI_SETUP_VERSION;
	setup.verify_peer_cert = 1;
	setup.cert_chain_validation = 1;
	setup.cert_chain_verify_depth = CHAIN_DEPTH;
	setup.validate_cn_call_back = on_certificate;
	setup.cn_call_back_arg = ep;
	setup.client_sni = ep->named || conf->server_name ? ep->sni : NULL;
	setup.pki_key.key_type = COAP_PKI_KEY_PEM;
	setup.pki_key.key.pem.public_cert = ep->cert_file;
	setup.pki_key.key.pem.private_key = ep->key_file;
	coap_address_init(&addr);
	addr.size = to->len;
	memcpy(&addr.addr, &to->addr, to->len);
	session = coap_new_client_session_pki(
		ep->own, NULL, &addr, conf->tcp ? COAP_PROTO_TLS : COAP_PROTO_DTLS, &setup);
	if (!session)
		fg_coap_tell(ep, FG_COAP_NO_SOCKET,
			"cannot begin a session with %s: no socket, no route, or no usable "
			"certificate and key in cert_file and key_file",
			conf->uri);
	return session;
}
