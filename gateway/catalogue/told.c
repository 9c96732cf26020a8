/* SPDX-License-Identifier: EUPL-1.2 */
/* Under which topic, and as what, a destination gets the readings of a point: asked of the encoder
 * itself, by a reading that stands for all. */
#include "base/status.h"
#include "gateway/catalogue/catalogue.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"

/* Of one reading, in any form. */
#define PAYLOAD_MAX 8192

static bool has_json(const struct fg_destination *dest)
{
	return dest->payload >> FG_ENCODER_json & 1;
}

bool fg_catalogue_is_json(const struct fg_destination *dest)
{
	return has_json(dest);
}

static void put_site(struct fg_site *site, const struct fg_config *c)
{
	*site = (struct fg_site){.gateway = c->gateway.id,
		.contact = c->gateway.contact,
		.stations = c->stations,
		.station_count = c->station_count,
		.devices = c->devices,
		.device_count = c->device_count};
}

static bool ask(const struct fg_catalogue *c, size_t number, const struct fg_point_desc *desc,
	struct fg_buf *topic)
{
	static const struct fg_aggregate aggregate = {.expected = 1, .count = 1};
	const bool period = desc->period != FG_TOLD_NONE;
	const struct fg_entry entry = {.desc = desc,
		.newest = true,
		.item = {.kind = period ? FG_ITEM_AGGREGATE : FG_ITEM_READING,
			.aggregate = period ? &aggregate : NULL,
			.qc = FG_QC_PASS,
			.value = {.kind = FG_KIND_INT}}};
	struct fg_site site;
	const struct fg_encoding e = {.site = &site,
		.prefix = c->dest->prefix,
		.options = c->dest->options[number]};
	char mem[PAYLOAD_MAX];
	struct fg_buf payload;

	put_site(&site, c->config);
	fg_buf_wrap(&payload, mem, sizeof(mem));
	fg_buf_clear(topic);
	return fg_encoders[number]->encode(&e, &entry, 1, topic, &payload) == FG_OK &&
	       !topic->overflow;
}

bool fg_catalogue_told_as(const struct fg_catalogue *c, size_t number,
	const struct fg_point_desc *desc, struct fg_buf *topic, struct fg_catalogue_told *ret)
{
	const struct fg_encoder *encoder = fg_encoders[number];
	bool text;

	if (!(c->dest->payload >> number & 1) || !encoder->encode || !ask(c, number, desc, topic))
		return false;
	*ret = (struct fg_catalogue_told){.form = fg_encoder_names[number],
		.content_type = encoder->content_type(c->dest->options[number], &text),
		.retained = encoder->retained};
	return true;
}

bool fg_catalogue_told(const struct fg_catalogue *c, const struct fg_point_desc *desc,
	struct fg_buf *topic, struct fg_catalogue_told *ret)
{
	const struct fg_destination *dest = c->dest;

	*ret = (struct fg_catalogue_told){.form = "json", .content_type = "application/json",
		.retained = true};
	if (has_json(dest))
		return fg_catalogue_batches(dest) && desc->period == FG_TOLD_NONE
			       ? fg_topic_batch(topic, dest->prefix, desc)
			       : fg_topic_reading(topic, dest->prefix, desc);
	for (size_t i = 0; i < fg_encoder_count; i++)
		if (fg_catalogue_told_as(c, i, desc, topic, ret))
			return true;
	return false;
}
