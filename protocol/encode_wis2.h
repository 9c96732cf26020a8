/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_ENCODE_WIS2_H
#define FG_PROTOCOL_ENCODE_WIS2_H

#include "protocol/encoder.h"

/* What the keys of `wis2` fill. */
struct fg_wis2_options {
	const char *link;	 /* NULL: the gateway's contact */
	const char *metadata_id; /* NULL: none */
};

#endif
