/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_ENCODE_H
#define FG_PROTOCOL_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/item.h"

/* Reading or aggregate as the JSON object of docs/consumers.md; also used by watch. */
bool fg_encode_json(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item);
/* With the value before calibration (`raw`), for those who look into the gateway. */
bool fg_encode_json_raw(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item);
/* The longest that either writes: every text as long as it may be, six characters for each
 * of them. */
#define FG_READING_JSON_MAX 4096

/* A gap, an account (docs/consumers.md). desc is that of the item's point; lines of an account
 * whose descriptor is not at hand are left out, one without any cannot be written. */
bool fg_encode_gap(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item);
bool fg_encode_account(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item);
/* Whichever it is, in the form of `json`. */
bool fg_encode_item(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item);

/* "GATEWAY:nNUMBER", by which readings, gaps and the topic of notices name one. */
void fg_encode_notice_id(struct fg_buf *out, const char *gateway, uint32_t notice);

/* A value as JSON. */
void fg_encode_value(struct fg_buf *out, const struct fg_value *value, int decimals);

/* {prefix}/obs/{domain}/{station}/{point}, or with the root of an aggregate in place of obs; false
 * where it does not fit. */
bool fg_topic_reading(struct fg_buf *out, const char *prefix, const struct fg_point_desc *desc);
/* {prefix}/batch/{domain}/{station}/{device}: an array of readings. */
bool fg_topic_batch(struct fg_buf *out, const char *prefix, const struct fg_point_desc *desc);
/* {prefix}/gateways/{gateway}/{tail} */
bool fg_topic_gateway(struct fg_buf *out, const char *prefix, const char *gateway,
	const char *tail);
/* The topic of an item: of a reading, or the gateway's gaps or account. */
bool fg_topic_item(struct fg_buf *out, const char *prefix, const char *gateway,
	const struct fg_point_desc *desc, const struct fg_item *item);

#endif
