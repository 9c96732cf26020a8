/* SPDX-License-Identifier: EUPL-1.2 */
/* NGSI-LD entities by the Smart Data Models AirQualityObserved, WaterQualityObserved and
 * WeatherObserved: as key-values, or normalized (ETSI GS CIM 009). One entity a device. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"

enum form { FORM_KEY_VALUES, FORM_NORMALIZED };

struct options {
	int form;
};

/* ---- models ---- */

enum model { AIR, WATER, WEATHER };

static const struct {
	const char *type, *context;
	bool has_device; /* a property refDevice */
} models[] = {
	[AIR] = {"AirQualityObserved",
		"https://raw.githubusercontent.com/smart-data-models/dataModel.Environment/master/"
		"context.jsonld",
		true},
	[WATER] = {"WaterQualityObserved",
		"https://raw.githubusercontent.com/smart-data-models/dataModel.WaterQuality/master/"
		"context.jsonld",
		false},
	[WEATHER] = {"WeatherObserved",
		"https://raw.githubusercontent.com/smart-data-models/dataModel.Weather/master/"
		"context.jsonld",
		true},
};

static enum model model_of(const char *domain)
{
	if (strcmp(domain, "air") == 0)
		return AIR;
	return strcmp(domain, "weather") == 0 ? WEATHER : WATER;
}

struct attribute {
	enum model model;
	const char *property, *unit; /* ours; of another unit nothing is told */
	const char *name, *code;     /* the model's; UN/CEFACT code of its unit, NULL: none */
	double scale;		     /* the model's = ours * scale; 0: as it is */
	double low, high;	     /* what the model's schema allows */
};

#define ANY	 -HUGE_VAL, HUGE_VAL
#define POSITIVE 0, HUGE_VAL

static const struct attribute attributes[] = {
	{AIR, "pm25", "ug/m3", "pm25", "GQ", 0, POSITIVE},
	{AIR, "pm10", "ug/m3", "pm10", "GQ", 0, POSITIVE},
	{AIR, "pm1", "ug/m3", "pm1", "GQ", 0, ANY},
	{AIR, "no2", "ug/m3", "no2", "GQ", 0, POSITIVE},
	{AIR, "no", "ug/m3", "no", "GQ", 0, POSITIVE},
	{AIR, "nox", "ug/m3", "nox", "GQ", 0, POSITIVE},
	{AIR, "o3", "ug/m3", "o3", "GQ", 0, POSITIVE},
	{AIR, "so2", "ug/m3", "so2", "GQ", 0, POSITIVE},
	{AIR, "co", "mg/m3", "co", "GP", 0, POSITIVE},
	{AIR, "co2", "[ppm]", "co2", "59", 0, POSITIVE},
	{AIR, "air_temperature", "Cel", "temperature", "CEL", 0, ANY},
	{AIR, "relative_humidity", "%", "relativeHumidity", "C62", 0.01, 0, 1},
	{AIR, "air_pressure", "hPa", "pressure", "A97", 0, POSITIVE},
	{AIR, "wind_speed", "m/s", "windSpeed", "MTS", 0, POSITIVE},
	{AIR, "wind_from_direction", "deg", "windDirection", "DD", 0, -180, 180},
	{WATER, "water_temperature", "Cel", "temperature", "CEL", 0, ANY},
	{WATER, "ph", "[pH]", "pH", NULL, 0, 0, 14},
	{WATER, "turbidity", "{NTU}", "turbidity", NULL, 0, POSITIVE},
	{WATER, "conductivity", "uS/cm", "conductivity", "D10", 1e-4, POSITIVE},
	{WATER, "specific_conductance", "uS/cm", "conductance", "D10", 1e-4, POSITIVE},
	{WATER, "salinity", "1", "salinity", NULL, 0, POSITIVE},
	{WATER, "dissolved_oxygen", "mg/L", "O2", "M1", 0, POSITIVE},
	{WATER, "orp", "mV", "orp", "2Z", 0, POSITIVE},
	{WATER, "chlorophyll_a", "ug/L", "Chla", "H29", 0, POSITIVE},
	{WATER, "e_coli", "{CFU}/(100.mL)", "escherichiaColi", NULL, 0, POSITIVE},
	{WATER, "enterococci", "{CFU}/(100.mL)", "enterococci", NULL, 0, POSITIVE},
	{WATER, "flow", "L/s", "flow", "MQH", 3.6, ANY},
	{WEATHER, "air_temperature", "Cel", "temperature", "CEL", 0, ANY},
	{WEATHER, "relative_humidity", "%", "relativeHumidity", "C62", 0.01, 0, 1},
	{WEATHER, "dew_point", "Cel", "dewPoint", "CEL", 0, ANY},
	{WEATHER, "air_pressure", "hPa", "atmosphericPressure", "A97", 0, POSITIVE},
	{WEATHER, "wind_speed", "m/s", "windSpeed", "MTS", 0, POSITIVE},
	{WEATHER, "wind_from_direction", "deg", "windDirection", "DD", 0, 0, 360},
};

static const struct attribute *attribute_of(const struct fg_point_desc *desc)
{
	const enum model model = model_of(desc->domain);

	for (size_t i = 0; i < FG_COUNT(attributes); i++)
		if (attributes[i].model == model &&
			strcmp(attributes[i].property, desc->property) == 0)
			return strcmp(attributes[i].unit, desc->unit) == 0 ? &attributes[i] : NULL;
	return NULL;
}

/* ---- values ---- */

/* The value in the model's unit and range; a direction behind half a turn is a negative one where
 * the model goes from -180. */
static double value_of(const struct fg_entry *e, const struct attribute *a)
{
	double v = fg_value_number(&e->item.value);

	if (a->scale > 0)
		v *= a->scale;
	return a->low > -181 && a->low < -179 && v > 180 ? v - 360 : v;
}

/* What the model's schema does not allow is not told, nor a failed value as key-value, where
 * nothing would tell it from a good one. */
static const struct attribute *told_as(const struct fg_entry *e, enum form form)
{
	const struct attribute *a = attribute_of(e->desc);
	double v;

	if (!a || e->item.kind != FG_ITEM_READING || e->item.qc == FG_QC_MISSING ||
		e->item.value.kind == FG_KIND_NONE ||
		(e->item.qc == FG_QC_FAIL && form == FORM_KEY_VALUES))
		return NULL;
	v = value_of(e, a);
	return isfinite(v) && v >= a->low && v <= a->high ? a : NULL;
}

static void put_number(struct fg_buf *out, const struct fg_entry *e, const struct attribute *a)
{
	const double plain = fg_value_number(&e->item.value), v = value_of(e, a);
	const struct fg_value moved = {.kind = FG_KIND_DECIMAL, .f = v};

	if (v < plain || v > plain)
		fg_encode_value(out, &moved, -1);
	else
		fg_encode_value(out, &e->item.value, e->desc->decimals);
}

/* ---- the entity ---- */

static void put_text(struct fg_buf *out, const char *text)
{
	fg_json_quote(out, text, strlen(text));
}

static void put_time(struct fg_buf *out, int64_t ms)
{
	char text[FG_RFC3339_SIZE];

	fg_rfc3339(ms, text);
	put_text(out, text);
}

static void put_name(struct fg_buf *out, const char *name)
{
	fg_buf_printf(out, ",\"%s\":", name);
}

/* A property of the entity as a whole. */
static void put_property(struct fg_buf *out, enum form form, const char *name, const char *text)
{
	if (!text)
		return;
	put_name(out, name);
	if (form == FORM_NORMALIZED)
		fg_buf_puts(out, "{\"type\":\"Property\",\"value\":");
	put_text(out, text);
	if (form == FORM_NORMALIZED)
		fg_buf_putc(out, '}');
}

static void put_coordinate(struct fg_buf *out, double degrees)
{
	const struct fg_value v = {.kind = FG_KIND_DECIMAL, .f = degrees};

	fg_encode_value(out, &v, 7);
}

static void put_location(struct fg_buf *out, enum form form, const struct fg_station *station)
{
	put_name(out, "location");
	if (form == FORM_NORMALIZED)
		fg_buf_puts(out, "{\"type\":\"GeoProperty\",\"value\":");
	fg_buf_puts(out, "{\"type\":\"Point\",\"coordinates\":[");
	put_coordinate(out, station->longitude);
	fg_buf_putc(out, ',');
	put_coordinate(out, station->latitude);
	fg_buf_puts(out, form == FORM_NORMALIZED ? "]}}" : "]}");
}

static void put_device(
	struct fg_buf *out, enum form form, const char *gateway, const struct fg_point_desc *desc)
{
	put_name(out, "refDevice");
	if (form == FORM_NORMALIZED)
		fg_buf_puts(out, "{\"type\":\"Relationship\",\"object\":");
	fg_buf_printf(out, "\"urn:ngsi-ld:Device:%s:%s\"", gateway, desc->device);
	if (form == FORM_NORMALIZED)
		fg_buf_putc(out, '}');
}

static void put_date(struct fg_buf *out, enum form form, int64_t ms)
{
	put_name(out, "dateObserved");
	if (form == FORM_NORMALIZED)
		fg_buf_puts(out, "{\"type\":\"Property\",\"value\":"
				 "{\"@type\":\"DateTime\",\"@value\":");
	put_time(out, ms);
	if (form == FORM_NORMALIZED)
		fg_buf_puts(out, "}}");
}

static void put_attribute(
	struct fg_buf *out, enum form form, const struct fg_entry *e, const struct attribute *a)
{
	put_name(out, a->name);
	if (form == FORM_KEY_VALUES) {
		put_number(out, e, a);
		return;
	}
	fg_buf_puts(out, "{\"type\":\"Property\",\"value\":");
	put_number(out, e, a);
	if (a->code)
		fg_buf_printf(out, ",\"unitCode\":\"%s\"", a->code);
	fg_buf_puts(out, ",\"observedAt\":");
	put_time(out, e->item.wall_ms);
	fg_buf_printf(out, ",\"qc\":{\"type\":\"Property\",\"value\":%d}}", (int)e->item.qc);
}

static void put_head(const struct fg_encoding *e, enum form form, const struct fg_point_desc *desc,
	const struct fg_station *station, int64_t newest_ms, struct fg_buf *out)
{
	const enum model model = model_of(desc->domain);

	fg_buf_printf(out, "{\"id\":\"urn:ngsi-ld:%s:%s:%s\",\"type\":\"%s\"", models[model].type,
		desc->station, desc->device, models[model].type);
	put_date(out, form, newest_ms);
	put_location(out, form, station);
	put_property(out, form, "name", station->title);
	put_property(out, form, "dataProvider", e->site->operator);
	if (models[model].has_device)
		put_device(out, form, e->site->gateway, desc);
}

/* Whether an entry before this one has the same attribute, which an entity has once. */
static bool is_again(
	const struct fg_entry *entries, size_t i, const struct attribute *a, enum form form)
{
	for (size_t k = 0; k < i; k++)
		if (told_as(&entries[k], form) == a)
			return true;
	return false;
}

static int encode(const struct fg_encoding *e, const struct fg_entry *entries, size_t n,
	struct fg_buf *topic, struct fg_buf *payload)
{
	const enum form form = (enum form)((const struct options *)e->options)->form;
	const struct fg_point_desc *desc = entries->desc;
	const struct fg_station *station = fg_site_station(e->site, desc->station);
	int64_t newest_ms = 0;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!told_as(&entries[i], form))
			continue;
		newest_ms =
			any ? FG_MAX(newest_ms, entries[i].item.wall_ms) : entries[i].item.wall_ms;
		any = true;
	}
	/* the models ask for a place */
	if (!any || !station || !station->has_position)
		return FG_ENOENT;
	fg_buf_printf(topic, "%s/ngsi-ld/%s/%s", e->prefix, desc->domain, desc->station);
	put_head(e, form, desc, station, newest_ms, payload);
	for (size_t i = 0; i < n; i++) {
		const struct attribute *a = told_as(&entries[i], form);

		if (a && !is_again(entries, i, a, form))
			put_attribute(payload, form, &entries[i], a);
	}
	fg_buf_printf(payload,
		",\"@context\":[\"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld\","
		"\"%s\"]}",
		models[model_of(desc->domain)].context);
	return topic->overflow || payload->overflow ? FG_EFULL : FG_OK;
}

static const char *content_type(const void *options, bool *ret_text)
{
	(void)options;
	*ret_text = true;
	return "application/ld+json";
}

static const struct fg_choice forms[] = {
	{"key-values", FORM_KEY_VALUES, false,
		"names and values, as the models' schemas have them"},
	{"normalized", FORM_NORMALIZED, false,
		"each value with its unit, its time and its quality (ETSI GS CIM 009)"},
	{0},
};

const struct fg_key fg_encoder_keys_ngsi_ld[] = {
	{"form", FG_KEY_CHOICE, .offset = offsetof(struct options, form), .choices = forms,
		.dflt = "key-values", .help = "How entities are written."},
	{0},
};

const struct fg_encoder fg_encoder_ngsi_ld = {
	.form = FG_ENCODER_PACK,
	.retained = true,
	.needs_position = true,
	.content_type = content_type,
	.encode = encode,
};
