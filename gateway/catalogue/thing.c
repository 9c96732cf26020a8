/* SPDX-License-Identifier: EUPL-1.2 */
/* A station as a Thing (W3C Web of Things Thing Description 1.1) with the MQTT binding: each point
 * is a property that can be observed. */
#include <stdio.h>

#include "gateway/catalogue/catalogue.h"
#include "gateway/hours.h"
#include "gateway/series.h"
#include "protocol/encode.h"

#define MQV "https://www.w3.org/2019/wot/mqtt#"

static void put_context(struct fg_json *j, int language)
{
	fg_json_array(j, "@context");
	fg_json_text(j, NULL, "https://www.w3.org/2022/wot/td/v1.1");
	fg_json_object(j, NULL);
	fg_json_text(j, "@language", fg_catalogue_language(language));
	fg_json_text(j, "mqv", MQV);
	fg_json_text(j, "schema", "https://schema.org/");
	fg_json_end_object(j);
	fg_json_end_array(j);
}

static void put_form(
	struct fg_json *j, const struct fg_catalogue *c, const struct fg_server *s,
	const char *topic, const struct fg_catalogue_told *told)
{
	char mem[1024];
	struct fg_buf href;

	fg_buf_wrap(&href, mem, sizeof(mem));
	fg_buf_puts(&href, s->tls ? "mqtts://" : "mqtt://");
	fg_catalogue_put_address(&href, s);
	fg_json_object(j, NULL);
	fg_json_text(j, "href", href.data);
	fg_json_text(j, "contentType", told->content_type);
	fg_json_array(j, "op");
	fg_json_text(j, NULL, "observeproperty");
	fg_json_text(j, NULL, "unobserveproperty");
	fg_json_end_array(j);
	fg_json_text(j, "mqv:controlPacket", "subscribe");
	fg_json_text(j, "mqv:filter", topic);
	fg_json_text(j, "mqv:qos", c->dest->qos == 2 ? "2" : "1");
	fg_json_bool(j, "mqv:retain", told->retained);
	fg_json_end_object(j);
}

static void put_forms(struct fg_json *j, const struct fg_catalogue *c, const char *topic,
	const struct fg_catalogue_told *told)
{
	size_t n;
	const struct fg_server *servers = fg_catalogue_servers(c->dest, &n);

	fg_json_array(j, "forms");
	for (size_t i = 0; i < n; i++)
		put_form(j, c, &servers[i], topic, told);
	fg_json_end_array(j);
}

static void put_reading(struct fg_json *j, const char *unit)
{
	fg_json_text(j, "type", "object");
	fg_json_object(j, "properties");
	fg_json_object(j, "time");
	fg_json_text(j, "type", "string");
	fg_json_text(j, "format", "date-time");
	fg_json_end_object(j);
	fg_json_object(j, "value");
	fg_json_text(j, "unit", unit);
	fg_json_end_object(j);
	fg_json_object(j, "qc");
	fg_json_text(j, "type", "integer");
	fg_json_end_object(j);
	fg_json_end_object(j);
	fg_json_array(j, "required");
	fg_json_text(j, NULL, "time");
	fg_json_text(j, NULL, "value");
	fg_json_text(j, NULL, "qc");
	fg_json_end_array(j);
}

/* What a consumer finds in the payload; all of it is in the schema. Of other forms than `json` the
 * content type says it. */
static void put_payload(
	struct fg_json *j, const struct fg_destination *dest, const char *unit, bool batch)
{
	fg_json_bool(j, "readOnly", true);
	fg_json_bool(j, "observable", true);
	if (!fg_catalogue_is_json(dest))
		return;
	if (batch) { /* of the device's other points, too */
		fg_json_text(j, "type", "array");
		fg_json_object(j, "items");
	}
	put_reading(j, unit);
	if (batch)
		fg_json_end_object(j);
}

/* The name is that of the topic with `:` for `/`: two domains may have points of one name. */
static void put_property(struct fg_json *j, const struct fg_catalogue *c,
	const struct fg_point_desc *desc, const char *title)
{
	char name[160], mem[512];
	struct fg_catalogue_told told;
	struct fg_buf topic;

	fg_buf_wrap(&topic, mem, sizeof(mem));
	if (!fg_catalogue_told(c, desc, &topic, &told))
		return;
	snprintf(name, sizeof(name), "%s:%s:%s", fg_aggregate_root(desc->period, desc->stat),
		desc->domain, desc->point);
	fg_json_object(j, name);
	fg_json_text(j, "title", title);
	put_payload(j, c->dest, desc->unit,
		fg_catalogue_batches(c->dest) && desc->period == FG_TOLD_NONE);
	put_forms(j, c, topic.data, &told);
	fg_json_end_object(j);
}

static void put_point(struct fg_json *j, const struct fg_catalogue *c, const struct fg_point *p)
{
	const struct fg_point_desc desc = fg_series_desc(p);
	const char *title = fg_catalogue_title(p, c->config->gateway.language);

	put_property(j, c, &desc, title);
	for (size_t i = 0; i < fg_hours_count_of(p); i++) {
		const struct fg_hours_series s = fg_hours_series_of(p, i);
		char text[200];

		snprintf(text, sizeof(text), "%s (%s, %s)", title,
			fg_told_period_text(s.desc.period), fg_stat_text(s.desc.stat));
		put_property(j, c, &s.desc, text);
	}
}

static void put_classes(
	struct fg_json *j, const struct fg_catalogue *c, const struct fg_station *station)
{
	const char *title = fg_catalogue_class_title(c->config->gateway.language);
	struct fg_hours_series s;
	size_t at = 0;

	while (fg_catalogue_next_class(c->config, c->dest, station, &at, &s)) {
		char text[200];

		snprintf(text, sizeof(text), "%s (%s %s)", title, s.ask.index->scheme,
			s.ask.index->version);
		put_property(j, c, &s.desc, text);
	}
}

static void put_links(struct fg_json *j, const struct fg_gateway_conf *g)
{
	char mem[256];
	struct fg_buf uri;

	if (!g->licence)
		return;
	fg_buf_wrap(&uri, mem, sizeof(mem));
	fg_catalogue_put_licence(&uri, g->licence);
	fg_json_array(j, "links");
	fg_json_object(j, NULL);
	fg_json_text(j, "rel", "license");
	fg_json_text(j, "href", uri.data);
	fg_json_end_object(j);
	fg_json_end_array(j);
}

/* What a consumer needs to log in with is the broker's affair: to read open data, nothing. */
static void put_security(struct fg_json *j)
{
	fg_json_object(j, "securityDefinitions");
	fg_json_object(j, "open");
	fg_json_text(j, "scheme", "nosec");
	fg_json_end_object(j);
	fg_json_end_object(j);
	fg_json_text(j, "security", "open");
}

static void put_place(struct fg_json *j, const struct fg_station *station)
{
	if (!station->has_position)
		return;
	fg_json_object(j, "schema:geo");
	fg_json_text(j, "@type", "schema:GeoCoordinates");
	fg_json_double(j, "schema:latitude", station->latitude);
	fg_json_double(j, "schema:longitude", station->longitude);
	fg_json_end_object(j);
}

void fg_catalogue_thing(
	struct fg_buf *out, const struct fg_catalogue *c, const struct fg_station *station)
{
	const struct fg_gateway_conf *g = &c->config->gateway;
	char id[160], mem[512];
	struct fg_buf contact;
	struct fg_json j;

	fg_buf_wrap(&contact, mem, sizeof(mem));
	snprintf(id, sizeof(id), "urn:fjordgate:%s:%s", g->id, station->name);
	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	put_context(&j, g->language);
	fg_json_text(&j, "id", id);
	fg_json_text(&j, "title", station->title ? station->title : station->name);
	if (fg_catalogue_put_contact(&contact, g->contact))
		fg_json_text(&j, "support", contact.data);
	put_place(&j, station);
	put_security(&j);
	fg_json_object(&j, "properties");
	for (size_t i = 0; i < c->config->point_count; i++)
		if (c->config->points[i]->device->station == station &&
			fg_catalogue_has(c->dest, c->config->points[i]))
			put_point(&j, c, c->config->points[i]);
	put_classes(&j, c, station);
	fg_json_end_object(&j);
	put_links(&j, g);
	fg_json_end_object(&j);
}
