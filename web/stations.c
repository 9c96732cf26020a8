/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/stations.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

static void put_geometry(struct fg_json *j, const struct fg_view_station *s)
{
	if (!s->has_position) {
		fg_json_null(j, "geometry"); /* RFC 7946, 3.2: unlocated */
		return;
	}
	fg_json_object(j, "geometry");
	fg_json_text(j, "type", "Point");
	fg_json_array(j, "coordinates");
	fg_json_double(j, NULL, s->longitude);
	fg_json_double(j, NULL, s->latitude);
	if (isfinite(s->elevation))
		fg_json_double(j, NULL, s->elevation);
	fg_json_end_array(j);
	fg_json_end_object(j);
}

static void put_point(
	struct fg_json *j, const struct fg_view *v, const struct fg_view_point *p)
{
	char link[192];

	fg_json_object(j, NULL);
	fg_json_text(j, "point", p->name);
	fg_json_text(j, "property", p->property);
	fg_json_text(j, "domain", p->domain);
	fg_json_text(j, "device", v->devices[p->device].name);
	fg_json_text(j, "title", p->title[v->language]);
	fg_json_text(j, "unit", p->unit);
	fg_json_double(j, "interval_s", p->interval_s);
	fg_json_double(j, "max_age_s", (double)p->max_age_ms / 1000);
	if (p->calibrated_ms)
		fg_json_time(j, "calibrated", p->calibrated_ms);
	if (p->calibration_due_ms)
		fg_json_time(j, "calibration_due", p->calibration_due_ms);
	snprintf(link, sizeof(link), "/api/readings?point=%s/%s", v->stations[p->station].name,
		p->name); /* names need no escape */
	fg_json_text(j, "readings", link);
	if (p->json)
		fg_json_raw(j, "latest", p->json, strlen(p->json));
	else
		fg_json_null(j, "latest");
	fg_json_end_object(j);
}

static void put_station(struct fg_json *j, const struct fg_view *v, uint32_t index)
{
	const struct fg_view_station *s = &v->stations[index];

	fg_json_object(j, NULL);
	fg_json_text(j, "type", "Feature");
	fg_json_text(j, "id", s->name);
	put_geometry(j, s);
	fg_json_object(j, "properties");
	fg_json_text(j, "station", s->name);
	fg_json_text(j, "title", s->title);
	fg_json_text(j, "gateway", v->gateway);
	if (v->operator)
		fg_json_text(j, "operator", v->operator);
	if (v->contact)
		fg_json_text(j, "contact", v->contact);
	if (v->licence)
		fg_json_text(j, "licence", v->licence);
	fg_json_array(j, "points");
	for (size_t i = 0; i < v->point_count; i++)
		if (v->points[i].station == index)
			put_point(j, v, &v->points[i]);
	fg_json_end_array(j);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

void fg_stations_put(struct fg_buf *out, const struct fg_view *v)
{
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "type", "FeatureCollection");
	fg_json_array(&j, "features");
	for (uint32_t i = 0; i < v->station_count; i++)
		put_station(&j, v, i);
	fg_json_end_array(&j);
	fg_json_end_object(&j);
	fg_buf_putc(out, '\n');
}
