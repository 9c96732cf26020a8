/* SPDX-License-Identifier: EUPL-1.2 */
#include "gateway/tls/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "base/status.h"

/* Those in which only the key proves who the broker is; in TLS 1.3 the suites do not say. */
#define PSK_SUITES "kPSK:kECDHEPSK:kDHEPSK"

struct fg_tls {
	SSL_CTX *ctx;
	char *identity;
	unsigned char key[80];
	size_t key_len;
	bool asked; /* for a certificate of ours, and there is none */
	char refusal[128];
};

/* ---- refusals ---- */

FG_PRINTF(3, 4)
static int fail(char *why, size_t size, const char *fmt, ...)
{
	char cause[96] = "";
	unsigned long error = ERR_peek_last_error();
	size_t len;
	va_list ap;

	if (error && ERR_reason_error_string(error))
		snprintf(cause, sizeof(cause), ": %s", ERR_reason_error_string(error));
	ERR_clear_error();
	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	len = strlen(why);
	snprintf(why + len, size - len, "%s", cause);
	return FG_EINVAL;
}

/* Keeps OpenSSL's verdict, and the first cause of a refusal. */
static int verified(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct fg_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const X509 *cert = X509_STORE_CTX_get_current_cert(store);
	char name[48] = "";

	if (ok || tls->refusal[0])
		return ok;
	if (cert)
		X509_NAME_get_text_by_NID(
			X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
	snprintf(tls->refusal, sizeof(tls->refusal), "certificate '%s' is not accepted: %s", name,
		X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
	return ok;
}

/* The broker's word on why it does not want us. With TLS 1.3 it comes after the handshake. */
static void informed(const SSL *ssl, int where, int alert)
{
	struct fg_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT || alert >> 8 != SSL3_AL_FATAL ||
		tls->refusal[0])
		return;
	snprintf(tls->refusal, sizeof(tls->refusal), "the broker's TLS says: %s",
		SSL_alert_desc_string_long(alert));
}

/* A broker that cannot do without resets the connection, and that overtakes what it says. */
static int asked_for_ours(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
	struct fg_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)cert;
	(void)key;
	tls->asked = true;
	return 0;
}

const char *fg_tls_refusal(const struct fg_tls *tls)
{
	if (tls->asked)
		return "the broker asks for a client certificate; there is no cert_file";
	return tls->refusal;
}

/* ---- a pre-shared key ---- */

static unsigned give_key(SSL *ssl, const char *hint, char *identity, unsigned identity_size,
	unsigned char *key, unsigned key_size)
{
	const struct fg_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)hint;
	if (strlen(tls->identity) >= identity_size || tls->key_len > key_size)
		return 0;
	memcpy(identity, tls->identity, strlen(tls->identity) + 1);
	memcpy(key, tls->key, tls->key_len);
	return (unsigned)tls->key_len;
}

static int set_psk(struct fg_tls *tls, const struct fg_destination *d, char *why, size_t size)
{
	char hex[sizeof(tls->key) * 2 + 1], cause[160] = "";
	int r = fg_secret_psk(
		d->psk_file, d->psk_identity, hex, sizeof(hex), cause, sizeof(cause));

	if (r == FG_OK && !OPENSSL_hexstr2buf_ex(tls->key, sizeof(tls->key), &tls->key_len, hex, 0))
		r = FG_EINVAL;
	explicit_bzero(hex, sizeof(hex));
	ERR_clear_error();
	if (r < 0)
		return fail(why, size, "no key for '%s' in %s: %s", d->psk_identity, d->psk_file,
			cause);
	tls->identity = strdup(d->psk_identity);
	if (!tls->identity)
		return FG_ENOMEM;
	SSL_CTX_set_psk_client_callback(tls->ctx, give_key);
	if (!SSL_CTX_set_cipher_list(tls->ctx, PSK_SUITES))
		return fail(why, size, "TLS: no suite with a pre-shared key");
	return FG_OK; /* no authority is believed: a certificate will not do instead */
}

/* ---- certificates ---- */

/* Nobody is there who could type one. */
static int no_passphrase(char *mem, int size, int writing, void *arg)
{
	(void)mem;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

static int set_own(SSL_CTX *ctx, const struct fg_destination *d, char *why, size_t size)
{
	if (!d->cert_file) {
		SSL_CTX_set_client_cert_cb(ctx, asked_for_ours);
		return FG_OK;
	}
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, d->cert_file) != 1)
		return fail(why, size, "cannot use the certificate %s", d->cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, d->key_file, SSL_FILETYPE_PEM) != 1)
		return fail(why, size, "cannot use the key %s", d->key_file);
	return FG_OK;
}

static int set_name(SSL_CTX *ctx, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
	struct in6_addr any;

	if (inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, host, 0);
}

static int set_certificates(struct fg_tls *tls, const struct fg_destination *d,
	const struct fg_server *server, char *why, size_t size)
{
	if (d->ca_file && SSL_CTX_load_verify_file(tls->ctx, d->ca_file) != 1)
		return fail(why, size, "cannot use the authorities in %s", d->ca_file);
	if (!d->ca_file && SSL_CTX_set_default_verify_paths(tls->ctx) != 1)
		return fail(why, size, "cannot use the system's authorities");
	if (set_name(tls->ctx, server->host) != 1)
		return fail(why, size, "%s: no name to check", server->url);
	return set_own(tls->ctx, d, why, size);
}

/* ---- life ---- */

int fg_tls_new(const struct fg_destination *d, const struct fg_server *server, struct fg_tls **ret,
	char *why, size_t why_size)
{
	struct fg_tls *tls = calloc(1, sizeof(*tls));
	int r;

	if (!tls)
		return FG_ENOMEM;
	ERR_clear_error();
	tls->ctx = SSL_CTX_new(TLS_client_method());
	if (!tls->ctx) {
		free(tls);
		return fail(why, why_size, "TLS");
	}
	SSL_CTX_set_app_data(tls->ctx, tls);
	SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, verified);
	SSL_CTX_set_info_callback(tls->ctx, informed);
	SSL_CTX_set_mode(tls->ctx, SSL_MODE_RELEASE_BUFFERS);
	r = d->psk_file ? set_psk(tls, d, why, why_size)
			: set_certificates(tls, d, server, why, why_size);
	if (r < 0) {
		fg_tls_free(tls);
		return r;
	}
	*ret = tls;
	return FG_OK;
}

void fg_tls_free(struct fg_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls->identity);
	explicit_bzero(tls->key, sizeof(tls->key));
	free(tls);
}

void *fg_tls_context(struct fg_tls *tls)
{
	return tls->ctx;
}

/* ---- when they end ---- */

/* By days, and no time_t is given to the library: on a 32-bit board its own has 32 bits and ours
 * 64, so that it would take another register. 0: nothing legible. */
static int64_t ends_ms(const X509 *cert)
{
	ASN1_TIME *epoch = ASN1_TIME_new();
	int days = 0, seconds = 0;
	bool ok = cert && epoch && ASN1_TIME_set_string(epoch, "19700101000000Z") == 1 &&
		  ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(cert)) == 1;

	ASN1_TIME_free(epoch);
	return ok ? (days * INT64_C(86400) + seconds) * 1000 : 0;
}

struct fg_certificates fg_tls_certificates(void *ssl)
{
	const STACK_OF(X509) *chain = ssl ? SSL_get0_verified_chain(ssl) : NULL;
	struct fg_certificates ret = {0};

	if (ssl)
		ret.ends_ms[FG_CERTIFICATE_CLIENT] = ends_ms(SSL_get_certificate(ssl));
	for (int i = 0; chain && i < sk_X509_num(chain); i++) {
		int64_t ms = ends_ms(sk_X509_value(chain, i));
		int64_t *end = &ret.ends_ms[i ? FG_CERTIFICATE_AUTHORITY : FG_CERTIFICATE_BROKER];

		*end = *end ? FG_MIN(*end, ms) : ms;
	}
	return ret;
}
