/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_ENCODE_H
#define FG_PROTOCOL_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/item.h"

/* An encoder turns readings into payloads. One file with one table entry each; adding one touches
 * nothing else. */
struct fg_encoder {
	const char *name; /* as in `payload:` */
	const char *content_type;
	const char *topic_root; /* "obs" */
	/* Appends one payload; false where it does not fit into `out`. Pure. */
	bool (*encode)(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
		const struct fg_item *item);
};

extern const struct fg_encoder *const fg_encoders[];
const struct fg_encoder *fg_encoder_find(const char *name);

/* Reading as the JSON object of docs/consumers.md; also used by history and watch. */
bool fg_encode_json(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item);

/* A value as JSON. */
void fg_encode_value(struct fg_buf *out, const struct fg_value *value, int decimals);

/* {prefix}/obs/{domain}/{station}/{point}; false where it does not fit. */
bool fg_topic_reading(struct fg_buf *out, const char *prefix, const struct fg_point_desc *desc);
/* {prefix}/gateways/{gateway}/{tail} */
bool fg_topic_gateway(struct fg_buf *out, const char *prefix, const char *gateway,
	const char *tail);

#endif
