/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_ENCODE_SPARKPLUG_H
#define FG_PROTOCOL_ENCODE_SPARKPLUG_H

#include "protocol/encoder.h"

/* What the keys of `sparkplug` fill. */
struct fg_sparkplug_options {
	const char *group;	  /* NULL: as the destination's prefix says */
	const char *primary_host; /* NULL: nobody is waited for */
};

#endif
