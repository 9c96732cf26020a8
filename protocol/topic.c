/* SPDX-License-Identifier: EUPL-1.2 */
/* Topics. Names are [a-z0-9_-] by the configuration's rules, so nothing here needs escaping. */
#include "protocol/encode.h"

static void part(struct fg_buf *out, const char *text)
{
	fg_buf_putc(out, '/');
	fg_buf_puts(out, text);
}

bool fg_topic_reading(struct fg_buf *out, const char *prefix, const struct fg_point_desc *desc)
{
	fg_buf_puts(out, prefix);
	part(out, fg_aggregate_root(desc->period, desc->stat));
	part(out, desc->domain);
	part(out, desc->station);
	part(out, desc->point);
	return !out->overflow;
}

bool fg_topic_batch(struct fg_buf *out, const char *prefix, const struct fg_point_desc *desc)
{
	fg_buf_puts(out, prefix);
	part(out, "batch");
	part(out, desc->domain);
	part(out, desc->station);
	part(out, desc->device);
	return !out->overflow;
}

bool fg_topic_gateway(struct fg_buf *out, const char *prefix, const char *gateway, const char *tail)
{
	fg_buf_puts(out, prefix);
	fg_buf_puts(out, "/gateways");
	part(out, gateway);
	part(out, tail);
	return !out->overflow;
}

bool fg_topic_item(struct fg_buf *out, const char *prefix, const char *gateway,
	const struct fg_point_desc *desc, const struct fg_item *item)
{
	switch (item->kind) {
	case FG_ITEM_GAP:
		return fg_topic_gateway(out, prefix, gateway, "gaps");
	case FG_ITEM_ACCOUNT:
		return fg_topic_gateway(out, prefix, gateway, "account");
	case FG_ITEM_READING:
	case FG_ITEM_AGGREGATE:
		break;
	}
	return fg_topic_reading(out, prefix, desc);
}
