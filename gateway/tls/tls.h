/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_TLS_TLS_H
#define FG_GATEWAY_TLS_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/config/config.h"
#include "gateway/tls/certificates.h"

/* TLS to a broker: which certificates and keys are believed, and what they say. libmosquitto is
 * given a finished context, since its own neither names the cause of a refusal nor insists on the
 * pre-shared key. */
struct fg_tls;

/* A context for one connection; files are read anew. 1.2 at least. The broker shows a certificate
 * of an authority that is believed, with the name or the address of `server`; or it proves that it
 * has the pre-shared key, and nothing else will do. Negative: `why` says what is wrong. */
int fg_tls_new(const struct fg_destination *d, const struct fg_server *server, struct fg_tls **ret,
	char *why, size_t why_size);
/* The key is gone from memory then. Not while the context is in use. */
void fg_tls_free(struct fg_tls *tls);

/* For mosquitto_void_option(MOSQ_OPT_SSL_CTX). */
void *fg_tls_context(struct fg_tls *tls);

/* Why the broker's certificate was not accepted, or what the broker said to ours; "" while nobody
 * has refused. */
const char *fg_tls_refusal(const struct fg_tls *tls);

/* When the certificates of a connection end. ssl: mosquitto_ssl_get(). */
struct fg_certificates fg_tls_certificates(void *ssl);

#endif
