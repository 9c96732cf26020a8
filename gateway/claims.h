/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CLAIMS_H
#define FG_GATEWAY_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* What the catalogue of a station says that another gateway publishes: hostile bytes from a broker.
 * Appends "domain/point", each with its NUL, as many as fit; *ret_cut: there are more. FG_EDECODE
 * where it is no such document (at most FG_DOCUMENT_MAX bytes of strict JSON). Pure. */
int fg_claims_read(const void *payload, size_t len, struct fg_buf *out, bool *ret_cut);

/* The station and the gateway of {prefix}/stations/{station}/{gateway}; false for other topics and
 * for what are no names. */
#define FG_CLAIM_NAME 64
bool fg_claims_topic(const char *topic, const char *prefix, char ret_station[FG_CLAIM_NAME],
	char ret_gateway[FG_CLAIM_NAME]);

#endif
