/* SPDX-License-Identifier: EUPL-1.2 */
/* The dataset as Norwegian data portals harvest it: DCAT-AP-NO 2.2, as JSON-LD. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "gateway/catalogue/catalogue.h"
#include "gateway/series.h"

#define AUTHORITY "http://publications.europa.eu/resource/authority/"
#define ID_SIZE	  200

static const char *const languages[] = {"nb", "nn", "en"};

/* "urn:fjordgate:drammen-01:dataset" */
static const char *id_of(const struct fg_catalogue *c, const char *part, char text[ID_SIZE])
{
	snprintf(text, ID_SIZE, "urn:fjordgate:%s:%s", c->config->gateway.id, part);
	return text;
}

static void put_ref(struct fg_json *j, const char *key, const char *iri)
{
	fg_json_object(j, key);
	fg_json_text(j, "@id", iri);
	fg_json_end_object(j);
}

static void put_said(struct fg_json *j, const char *language, const char *text)
{
	fg_json_object(j, NULL);
	fg_json_text(j, "@language", language);
	fg_json_text(j, "@value", text);
	fg_json_end_object(j);
}

static void put_context(struct fg_json *j)
{
	fg_json_object(j, "@context");
	fg_json_text(j, "dcat", "http://www.w3.org/ns/dcat#");
	fg_json_text(j, "dct", "http://purl.org/dc/terms/");
	fg_json_text(j, "foaf", "http://xmlns.com/foaf/0.1/");
	fg_json_text(j, "geo", "http://www.opengis.net/ont/geosparql#");
	fg_json_text(j, "vcard", "http://www.w3.org/2006/vcard/ns#");
	fg_json_end_object(j);
}

/* ---- who ---- */

/* Norwegian organisations have an address at the register of entities. */
static const char *publisher_of(const struct fg_catalogue *c, char text[ID_SIZE])
{
	const char *number = c->config->gateway.organisation;

	if (!number)
		return id_of(c, "publisher", text);
	snprintf(text, ID_SIZE, "https://data.brreg.no/enhetsregisteret/api/enheter/%s", number);
	return text;
}

static void put_publisher(struct fg_json *j, const struct fg_catalogue *c)
{
	const struct fg_gateway_conf *g = &c->config->gateway;
	char id[ID_SIZE];

	fg_json_object(j, NULL);
	fg_json_text(j, "@id", publisher_of(c, id));
	fg_json_text(j, "@type", "foaf:Agent");
	fg_json_text(j, "foaf:name", g->operator ? g->operator : g->id);
	if (g->organisation)
		fg_json_text(j, "dct:identifier", g->organisation);
	fg_json_end_object(j);
}

static void put_contact(struct fg_json *j, const struct fg_catalogue *c)
{
	const struct fg_gateway_conf *g = &c->config->gateway;
	char mem[512], id[ID_SIZE];
	struct fg_buf uri;

	fg_buf_wrap(&uri, mem, sizeof(mem));
	fg_json_object(j, NULL);
	fg_json_text(j, "@id", id_of(c, "contact", id));
	fg_json_text(j, "@type", "vcard:Organization");
	fg_json_text(j, "vcard:fn", g->operator ? g->operator : g->id);
	if (fg_catalogue_put_contact(&uri, g->contact))
		put_ref(j, uri.data[0] == 'm' && uri.data[1] == 'a' ? "vcard:hasEmail"
								    : "vcard:hasURL",
			uri.data);
	fg_json_end_object(j);
}

/* ---- what ---- */

static void put_title(struct fg_json *j, const struct fg_catalogue *c)
{
	static const char *const tails[] = {
		": målinger i sanntid", ": målingar i sanntid", ": live measurements"};
	const struct fg_gateway_conf *g = &c->config->gateway;
	char mem[600];
	struct fg_buf text;

	fg_json_array(j, "dct:title");
	for (size_t i = 0; i < 3; i++) {
		fg_buf_wrap(&text, mem, sizeof(mem));
		fg_buf_puts(&text, g->title ? g->title : g->id);
		fg_buf_puts(&text, tails[i]);
		put_said(j, languages[i], text.data);
	}
	fg_json_end_array(j);
}

static unsigned domains_of(const struct fg_catalogue *c)
{
	unsigned domains = 0;
	struct fg_hours_series class;

	for (size_t i = 0; i < c->config->point_count; i++)
		if (fg_catalogue_has(c->dest, c->config->points[i]))
			domains |= 1u << c->config->points[i]->device->domain;
	for (size_t i = 0, at = 0; i < c->config->station_count; i++, at = 0)
		if (fg_catalogue_next_class(
			    c->config, c->dest, &c->config->stations[i], &at, &class))
			domains |= 1u << FG_DOMAIN_AIR;
	return domains;
}

static void put_description(struct fg_json *j, const struct fg_catalogue *c)
{
	static const char *const words[3][FG_DOMAIN_COUNT] = {
		{"luftkvalitet", "vann", "badevann", "vær"},
		{"luftkvalitet", "vatn", "badevatn", "vêr"},
		{"air quality", "water", "bathing water", "weather"}};
	static const char *const forms[] = {
		"Målinger fra faste stasjoner med kvalitetsmerke etter QARTOD, publisert over MQTT "
		"når de er tatt. Omfatter: ",
		"Målingar frå faste stasjonar med kvalitetsmerke etter QARTOD, publiserte over "
		"MQTT når dei er tekne. Omfattar: ",
		"Measurements of fixed stations with QARTOD quality flags, published over MQTT as "
		"they are taken. They cover: "};
	unsigned domains = domains_of(c);
	char mem[600];
	struct fg_buf text;

	fg_json_array(j, "dct:description");
	for (size_t i = 0; i < 3; i++) {
		bool any = false;

		fg_buf_wrap(&text, mem, sizeof(mem));
		fg_buf_puts(&text, forms[i]);
		for (int d = 0; d < FG_DOMAIN_COUNT; d++) {
			if (!(domains >> d & 1))
				continue;
			fg_buf_puts(&text, any ? ", " : "");
			fg_buf_puts(&text, words[i][d]);
			any = true;
		}
		fg_buf_puts(&text, ".");
		put_said(j, languages[i], text.data);
	}
	fg_json_end_array(j);
}

/* The names of what is measured, each once. */
static void put_keywords(struct fg_json *j, const struct fg_catalogue *c)
{
	fg_json_array(j, "dcat:keyword");
	for (size_t k = 0; k < fg_property_count; k++) {
		const struct fg_property *p = &fg_properties[k];
		size_t i = 0;

		while (i < c->config->point_count && (c->config->points[i]->known != p ||
				!fg_catalogue_has(c->dest, c->config->points[i])))
			i++;
		if (i == c->config->point_count)
			continue;
		put_said(j, "nb", p->title[FG_LANG_NB]);
		put_said(j, "nn", p->title[FG_LANG_NN]);
		put_said(j, "en", p->title[FG_LANG_EN]);
	}
	fg_json_end_array(j);
}

/* The box around all stations that say where they are. */
static bool box_of(const struct fg_config *config, double ret[4])
{
	bool any = false;

	for (size_t i = 0; i < config->station_count; i++) {
		const struct fg_station *s = &config->stations[i];

		if (!s->has_position)
			continue;
		ret[0] = any ? fmin(ret[0], s->longitude) : s->longitude;
		ret[1] = any ? fmin(ret[1], s->latitude) : s->latitude;
		ret[2] = any ? fmax(ret[2], s->longitude) : s->longitude;
		ret[3] = any ? fmax(ret[3], s->latitude) : s->latitude;
		any = true;
	}
	return any;
}

static void put_box(struct fg_json *j, const struct fg_catalogue *c, const double b[4])
{
	char text[300], id[ID_SIZE];

	snprintf(text, sizeof(text), "POLYGON((%.6f %.6f,%.6f %.6f,%.6f %.6f,%.6f %.6f,%.6f %.6f))",
		b[0], b[1], b[2], b[1], b[2], b[3], b[0], b[3], b[0], b[1]);
	fg_json_object(j, NULL);
	fg_json_text(j, "@id", id_of(c, "area", id));
	fg_json_text(j, "@type", "dct:Location");
	fg_json_object(j, "dcat:bbox");
	fg_json_text(j, "@type", "geo:wktLiteral");
	fg_json_text(j, "@value", text);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

/* Portals search by country; who keeps Norwegian time is there. */
static void put_area(struct fg_json *j, const struct fg_catalogue *c)
{
	double b[4];

	fg_json_array(j, "dct:spatial");
	if (strcmp(c->config->gateway.timezone, "Europe/Oslo") == 0)
		put_ref(j, NULL, AUTHORITY "country/NOR");
	if (box_of(c->config, b))
		put_box(j, c, b);
	fg_json_end_array(j);
}

/* ---- where ---- */

static void put_servers(struct fg_json *j, const struct fg_catalogue *c, const char *key)
{
	size_t n;
	const struct fg_server *servers = fg_catalogue_servers(c->dest, &n);

	fg_json_array(j, key);
	for (size_t i = 0; i < n; i++) {
		char mem[1024];
		struct fg_buf uri;

		fg_buf_wrap(&uri, mem, sizeof(mem));
		fg_buf_puts(&uri, servers[i].tls ? "mqtts://" : "mqtt://");
		fg_catalogue_put_address(&uri, &servers[i]);
		put_ref(j, NULL, uri.data);
	}
	fg_json_end_array(j);
}

static void put_licence(struct fg_json *j, const struct fg_catalogue *c)
{
	char mem[256];
	struct fg_buf uri;

	if (!c->config->gateway.licence)
		return;
	fg_buf_wrap(&uri, mem, sizeof(mem));
	fg_catalogue_put_licence(&uri, c->config->gateway.licence);
	put_ref(j, "dct:license", uri.data);
}

/* The EU's list of file types; what it has no name for is "provisional" there. */
static const char *file_type(const char *content_type)
{
	static const struct {
		const char *tail, *name;
	} types[] = {{"/ld+json", "JSON_LD"}, {"/geo+json", "GEOJSON"}, {"json", "JSON"}};
	const size_t len = strlen(content_type);

	for (size_t i = 0; i < FG_COUNT(types); i++) {
		const size_t n = strlen(types[i].tail);

		if (len >= n && strcmp(content_type + len - n, types[i].tail) == 0)
			return types[i].name;
	}
	return "OP_DATPRO";
}

/* Of the first point that is told. */
static void put_format(struct fg_json *j, const struct fg_catalogue *c)
{
	char mem[512], text[160];
	struct fg_catalogue_told told;
	struct fg_buf topic;

	for (size_t i = 0; i < c->config->point_count; i++) {
		const struct fg_point_desc desc = fg_series_desc(c->config->points[i]);

		fg_buf_wrap(&topic, mem, sizeof(mem));
		if (!fg_catalogue_has(c->dest, c->config->points[i]) ||
			!fg_catalogue_told(c, &desc, &topic, &told))
			continue;
		snprintf(text, sizeof(text), AUTHORITY "file-type/%s",
			file_type(told.content_type));
		put_ref(j, "dct:format", text);
		snprintf(text, sizeof(text),
			"https://www.iana.org/assignments/media-types/%s", told.content_type);
		put_ref(j, "dcat:mediaType", text);
		return;
	}
}

static void put_distribution(struct fg_json *j, const struct fg_catalogue *c)
{
	char id[ID_SIZE], text[400];

	fg_json_object(j, NULL);
	fg_json_text(j, "@id", id_of(c, "distribution", id));
	fg_json_text(j, "@type", "dcat:Distribution");
	if (fg_catalogue_is_json(c->dest))
		snprintf(text, sizeof(text),
			"MQTT: %s/%s/#; %s/hourly/#. Schema: %s/schema/reading. AsyncAPI: "
			"%s/gateways/%s/asyncapi",
			c->dest->prefix, fg_catalogue_batches(c->dest) ? "batch" : "obs",
			c->dest->prefix, c->dest->prefix, c->dest->prefix, c->config->gateway.id);
	else
		snprintf(text, sizeof(text), "MQTT: the topics of %s/gateways/%s/asyncapi",
			c->dest->prefix, c->config->gateway.id);
	fg_json_array(j, "dct:description");
	put_said(j, "en", text);
	fg_json_end_array(j);
	put_servers(j, c, "dcat:accessURL");
	put_licence(j, c);
	put_format(j, c);
	put_ref(j, "dcat:accessService", id_of(c, "service", id));
	fg_json_end_object(j);
}

static void put_service(struct fg_json *j, const struct fg_catalogue *c)
{
	char id[ID_SIZE];

	fg_json_object(j, NULL);
	fg_json_text(j, "@id", id_of(c, "service", id));
	fg_json_text(j, "@type", "dcat:DataService");
	fg_json_text(j, "dct:identifier", id);
	put_title(j, c);
	put_ref(j, "dct:publisher", publisher_of(c, id));
	put_ref(j, "dcat:contactPoint", id_of(c, "contact", id));
	put_servers(j, c, "dcat:endpointURL");
	put_licence(j, c);
	put_ref(j, "dct:accessRights", AUTHORITY "access-right/PUBLIC");
	put_ref(j, "dcat:servesDataset", id_of(c, "dataset", id));
	fg_json_end_object(j);
}

static void put_dataset(struct fg_json *j, const struct fg_catalogue *c)
{
	char id[ID_SIZE];

	fg_json_object(j, NULL);
	fg_json_text(j, "@id", id_of(c, "dataset", id));
	fg_json_text(j, "@type", "dcat:Dataset");
	fg_json_text(j, "dct:identifier", id);
	put_title(j, c);
	put_description(j, c);
	put_ref(j, "dct:publisher", publisher_of(c, id));
	put_ref(j, "dcat:contactPoint", id_of(c, "contact", id));
	put_ref(j, "dcat:theme", AUTHORITY "data-theme/ENVI");
	put_keywords(j, c);
	put_ref(j, "dct:accessRights", AUTHORITY "access-right/PUBLIC");
	put_ref(j, "dct:accrualPeriodicity", AUTHORITY "frequency/CONT");
	put_area(j, c);
	put_ref(j, "dcat:distribution", id_of(c, "distribution", id));
	fg_json_end_object(j);
}

void fg_catalogue_dataset(struct fg_buf *out, const struct fg_catalogue *c)
{
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	put_context(&j);
	fg_json_array(&j, "@graph");
	put_dataset(&j, c);
	put_distribution(&j, c);
	put_service(&j, c);
	put_publisher(&j, c);
	put_contact(&j, c);
	fg_json_end_array(&j);
	fg_json_end_object(&j);
}
