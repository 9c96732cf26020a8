/* SPDX-License-Identifier: EUPL-1.2 */
/* Observations for an OGC SensorThings 1.1 service (OGC 18-088, clause 14: created over MQTT). The
 * service has Things, Sensors and Datastreams already; it makes no difference between a message
 * that comes again and a new one. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"

static void identity(struct fg_buf *out, const struct fg_point *p)
{
	if (p->datastream)
		fg_buf_puts(out, p->datastream);
	else
		fg_buf_printf(out, "%s:%s", p->device->station->name, p->name);
}

/* As the service addresses it: a number, or a text in quotes. False where there is none: a
 * configured one is of the readings. */
static bool put_datastream(
	struct fg_buf *out, const struct fg_site *site, const struct fg_point_desc *desc)
{
	const struct fg_point *p = fg_site_point(site, desc);
	const char *id = p ? p->datastream : NULL;

	if (id && desc->period != FG_TOLD_NONE)
		return false;
	if (id && strspn(id, "0123456789") == strlen(id))
		fg_buf_puts(out, id);
	else if (id)
		fg_buf_printf(out, "'%s'", id);
	else if (desc->period == FG_TOLD_NONE)
		fg_buf_printf(out, "'%s:%s'", desc->station, desc->point);
	else
		fg_buf_printf(out, "'%s:%s:%s'", desc->station, desc->point,
			fg_aggregate_root(desc->period, desc->stat));
	return true;
}

static void put_time(struct fg_buf *out, const struct fg_item *item)
{
	char from[FG_RFC3339_SIZE], to[FG_RFC3339_SIZE];

	fg_rfc3339(item->wall_ms, to);
	if (item->aggregate) {
		fg_rfc3339(item->aggregate->from_ms, from);
		fg_buf_printf(out, "{\"phenomenonTime\":\"%s/%s\"", from, to);
	} else {
		fg_buf_printf(out, "{\"phenomenonTime\":\"%s\"", to);
	}
}

static void put_parameters(struct fg_buf *out, const char *gateway,
	const struct fg_point_desc *desc, const struct fg_item *item)
{
	char reason[FG_REASON_SIZE];

	fg_buf_printf(out, ",\"parameters\":{\"id\":\"%s:", gateway);
	fg_buf_put_uint(out, item->seq);
	fg_buf_puts(out, "\",\"unit\":");
	fg_json_quote(out, desc->unit, strlen(desc->unit));
	fg_buf_printf(out, ",\"device\":\"%s\"", desc->device);
	if (item->qc == FG_QC_FAIL && item->reason != FG_REASON_NONE)
		fg_buf_printf(out, ",\"reason\":\"%s\"",
			fg_reason_text(item->reason, item->detail, reason));
	if (item->maintenance)
		fg_buf_puts(out, ",\"maintenance\":true");
	if (item->uncertainty_s)
		fg_buf_printf(out, ",\"time_uncertainty\":%u", (unsigned)item->uncertainty_s);
	if (item->replaces) {
		fg_buf_printf(out, ",\"replaces\":\"%s:", gateway);
		fg_buf_put_uint(out, item->replaces);
		fg_buf_putc(out, '"');
	}
	fg_buf_puts(out, "}}");
}

static int encode(const struct fg_encoding *e, const struct fg_entry *entries, size_t n,
	struct fg_buf *topic, struct fg_buf *payload)
{
	const struct fg_item *item = &entries->item;

	(void)n;
	if (item->qc == FG_QC_MISSING)
		return FG_ENOENT; /* an announcement is no observation */
	fg_buf_puts(topic, "v1.1/Datastreams(");
	if (!put_datastream(topic, e->site, entries->desc))
		return FG_ENOENT;
	fg_buf_puts(topic, ")/Observations");
	put_time(payload, item);
	fg_buf_puts(payload, ",\"result\":");
	fg_encode_value(payload, &item->value, entries->desc->decimals);
	fg_buf_printf(payload, ",\"resultQuality\":{\"scheme\":\"QARTOD\",\"flag\":%d}",
		(int)item->qc);
	put_parameters(payload, e->site->gateway, entries->desc, item);
	return topic->overflow || payload->overflow ? FG_EFULL : FG_OK;
}

static const char *content_type(const void *options, bool *ret_text)
{
	(void)options;
	*ret_text = true;
	return "application/json";
}

const struct fg_encoder fg_encoder_sensorthings = {
	.form = FG_ENCODER_EACH,
	.content_type = content_type,
	.encode = encode,
	.identity = identity,
	.identity_hint = "give one of them a `datastream` of its own",
};
