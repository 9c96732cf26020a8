/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_TLS_CERTIFICATES_H
#define FG_GATEWAY_TLS_CERTIFICATES_H

#include <stdint.h>

/* When certificates of a connection end; 0: there is none. */
enum fg_certificate {
	FG_CERTIFICATE_BROKER,
	FG_CERTIFICATE_AUTHORITY, /* the first of those that vouch for the broker's */
	FG_CERTIFICATE_CLIENT,	  /* ours */
	FG_CERTIFICATES,
};
struct fg_certificates {
	int64_t ends_ms[FG_CERTIFICATES];
};
#define FG_CERTIFICATE_WARN_MS (30 * INT64_C(86400000))

#endif
