/* SPDX-License-Identifier: EUPL-1.2 */
/* A station as a GeoJSON Feature (RFC 7946). */
#include <math.h>

#include "gateway/catalogue/catalogue.h"
#include "gateway/config/qc_text.h"
#include "gateway/hours.h"
#include "gateway/series.h"
#include "protocol/encode.h"
#include "quality/derivation.h"
#include "quality/rules.h"

#define URI_SIZE 256

static void put_topic(struct fg_json *j, const struct fg_catalogue *c,
	const struct fg_point_desc *desc)
{
	char mem[512];
	struct fg_catalogue_told told;
	struct fg_buf topic;

	fg_buf_wrap(&topic, mem, sizeof(mem));
	if (!fg_catalogue_told(c, desc, &topic, &told))
		return; /* no payload has words for it */
	fg_json_text(j, "topic", topic.data);
	if (!fg_catalogue_is_json(c->dest))
		fg_json_text(j, "content_type", told.content_type);
}

/* ---- a point ---- */

static void put_sensor(struct fg_json *j, const struct fg_device *device)
{
	fg_json_object(j, "sensor");
	fg_json_text(j, "title", device->title);
	if (device->vendor)
		fg_json_text(j, "make", device->vendor);
	if (device->model)
		fg_json_text(j, "model", device->model);
	fg_json_end_object(j);
}

static void put_calibration(struct fg_json *j, const struct fg_catalogue_now *now)
{
	if (!now->calibration)
		return;
	fg_json_time(j, "calibrated", now->calibration->at_ms);
	if (now->calibration->next_ms)
		fg_json_time(j, "calibration_due", now->calibration->next_ms);
	if (now->overdue)
		fg_json_bool(j, "calibration_overdue", true);
}

static void put_rules(struct fg_json *j, const struct fg_point *p)
{
	if (!p->rule_count)
		return;
	fg_json_array(j, "rules");
	for (size_t i = 0; i < p->rule_count; i++)
		fg_json_text(j, NULL, p->rules[i]->name);
	fg_json_end_array(j);
}

static void put_derivation(struct fg_json *j, const struct fg_point *p)
{
	const struct fg_derivation *d = p->derived;

	if (!d)
		return;
	fg_json_array(j, "derived_from");
	for (size_t i = 0; i < d->input_count; i++)
		if (d->inputs[i].point)
			fg_json_text(j, NULL, d->inputs[i].point->name);
	fg_json_end_array(j);
}

/* Hourly and longer values of the point, each with a topic of its own. */
static void put_periods(struct fg_json *j, const struct fg_catalogue *c, const struct fg_point *p)
{
	size_t n = fg_hours_count_of(p);

	if (!n)
		return;
	fg_json_array(j, "periods");
	for (size_t i = 0; i < n; i++) {
		const struct fg_hours_series s = fg_hours_series_of(p, i);

		fg_json_object(j, NULL);
		fg_json_text(j, "period", fg_told_period_text(s.desc.period));
		fg_json_text(j, "stat", fg_stat_text(s.desc.stat));
		fg_json_text(j, "unit", s.desc.unit);
		if (s.ask.index) {
			fg_json_text(j, "scheme", s.ask.index->scheme);
			fg_json_text(j, "scheme_version", s.ask.index->version);
		}
		put_topic(j, c, &s.desc);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

static void put_point(struct fg_json *j, const struct fg_catalogue *c, const struct fg_point *p)
{
	const struct fg_point_desc desc = fg_series_desc(p);
	struct fg_catalogue_now now = {0};

	if (c->now)
		c->now(c->arg, p, &now);
	fg_json_object(j, NULL);
	fg_json_text(j, "point", p->name);
	fg_json_text(j, "property", p->property);
	fg_json_text(j, "domain", fg_domain_name(p->device->domain));
	fg_json_text(j, "device", p->device->name);
	fg_json_text(j, "title", fg_catalogue_title(p, c->config->gateway.language));
	fg_json_text(j, "unit", p->unit);
	fg_json_double(j, "interval_s", (double)p->interval_us / 1e6);
	put_topic(j, c, &desc);
	put_sensor(j, p->device);
	put_calibration(j, &now);
	fg_qc_put(j, "qc", &p->qc);
	put_rules(j, p);
	fg_json_int(j, "max_age_s",
		fg_catalogue_max_age_s(c->config, p) + (c->dest->batch_us + 999999) / 1000000);
	put_derivation(j, p);
	put_periods(j, c, p);
	if (now.maintenance)
		fg_json_bool(j, "maintenance", true);
	fg_json_end_object(j);
}

/* ---- the station ---- */

static void put_class(
	struct fg_json *j, const struct fg_catalogue *c, const struct fg_hours_series *s)
{
	fg_json_object(j, NULL);
	fg_json_text(j, "point", s->desc.point);
	fg_json_text(j, "property", s->desc.property);
	fg_json_text(j, "domain", s->desc.domain);
	fg_json_text(j, "title", fg_catalogue_class_title(c->config->gateway.language));
	fg_json_text(j, "unit", s->desc.unit);
	fg_json_text(j, "period", fg_told_period_text(s->desc.period));
	fg_json_text(j, "stat", fg_stat_text(s->desc.stat));
	fg_json_text(j, "scheme", s->ask.index->scheme);
	fg_json_text(j, "scheme_version", s->ask.index->version);
	fg_json_array(j, "derived_from");
	for (size_t i = s->point->index; i < c->config->point_count; i++)
		if (fg_hours_is_in_class(c->config->points[i], s))
			fg_json_text(j, NULL, c->config->points[i]->name);
	fg_json_end_array(j);
	put_topic(j, c, &s->desc);
	fg_json_end_object(j);
}

/* Of the station as a whole, worked out of its points. */
static void put_classes(
	struct fg_json *j, const struct fg_catalogue *c, const struct fg_station *station)
{
	struct fg_hours_series s;
	size_t at = 0;
	bool any = false;

	while (fg_catalogue_next_class(c->config, c->dest, station, &at, &s)) {
		if (!any)
			fg_json_array(j, "classes");
		any = true;
		put_class(j, c, &s);
	}
	if (any)
		fg_json_end_array(j);
}

static void put_geometry(struct fg_json *j, const struct fg_station *station)
{
	if (!station->has_position) {
		fg_json_null(j, "geometry"); /* RFC 7946, 3.2: unlocated */
		return;
	}
	fg_json_object(j, "geometry");
	fg_json_text(j, "type", "Point");
	fg_json_array(j, "coordinates");
	fg_json_double(j, NULL, station->longitude);
	fg_json_double(j, NULL, station->latitude);
	if (isfinite(station->elevation))
		fg_json_double(j, NULL, station->elevation);
	fg_json_end_array(j);
	fg_json_end_object(j);
}

static void put_owner(struct fg_json *j, const struct fg_gateway_conf *g)
{
	char mem[URI_SIZE];
	struct fg_buf uri;

	fg_json_text(j, "gateway", g->id);
	if (g->operator)
		fg_json_text(j, "operator", g->operator);
	if (g->contact)
		fg_json_text(j, "contact", g->contact);
	if (!g->licence)
		return;
	fg_buf_wrap(&uri, mem, sizeof(mem));
	fg_catalogue_put_licence(&uri, g->licence);
	fg_json_text(j, "licence", g->licence);
	fg_json_text(j, "licence_uri", uri.data);
}

void fg_catalogue_station(
	struct fg_buf *out, const struct fg_catalogue *c, const struct fg_station *station)
{
	const struct fg_config *config = c->config;
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "type", "Feature");
	fg_json_text(&j, "id", station->name);
	put_geometry(&j, station);
	fg_json_object(&j, "properties");
	fg_json_text(&j, "station", station->name);
	fg_json_text(&j, "title", station->title ? station->title : station->name);
	put_owner(&j, &config->gateway);
	fg_json_array(&j, "points");
	for (size_t i = 0; i < config->point_count; i++)
		if (config->points[i]->device->station == station &&
			fg_catalogue_has(c->dest, config->points[i]))
			put_point(&j, c, config->points[i]);
	fg_json_end_array(&j);
	put_classes(&j, c, station);
	fg_json_end_object(&j);
	fg_json_end_object(&j);
}
