/* SPDX-License-Identifier: EUPL-1.2 */
/* AsyncAPI 3.0: the topics that this gateway writes, and what is in them. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "gateway/catalogue/catalogue.h"
#include "gateway/hours.h"
#include "protocol/encode.h"

#define NAME_SIZE 200

static void put_ref(struct fg_json *j, const char *key, const char *kind, const char *name)
{
	char text[NAME_SIZE + 40];

	snprintf(text, sizeof(text), "#/%s/%s", kind, name);
	fg_json_object(j, key);
	fg_json_text(j, "$ref", text);
	fg_json_end_object(j);
}

/* ---- info and servers ---- */

static void put_contact(struct fg_json *j, const struct fg_gateway_conf *g)
{
	char mem[512];
	struct fg_buf uri;

	fg_buf_wrap(&uri, mem, sizeof(mem));
	fg_json_object(j, "contact");
	fg_json_text(j, "name", g->operator ? g->operator : g->id);
	if (fg_catalogue_put_contact(&uri, g->contact)) {
		if (strncmp(uri.data, "mailto:", 7) == 0)
			fg_json_text(j, "email", uri.data + 7);
		else
			fg_json_text(j, "url", uri.data);
	}
	fg_json_end_object(j);
}

static void put_info(struct fg_json *j, const struct fg_gateway_conf *g)
{
	char mem[256];
	struct fg_buf uri;

	fg_json_object(j, "info");
	fg_json_text(j, "title", g->title ? g->title : g->id);
	fg_json_text(j, "version", FG_VERSION);
	put_contact(j, g);
	if (g->licence) {
		fg_buf_wrap(&uri, mem, sizeof(mem));
		fg_catalogue_put_licence(&uri, g->licence);
		fg_json_object(j, "license");
		fg_json_text(j, "name", g->licence);
		fg_json_text(j, "url", uri.data);
		fg_json_end_object(j);
	}
	fg_json_end_object(j);
}

static void put_servers(struct fg_json *j, const struct fg_destination *dest)
{
	size_t n;
	const struct fg_server *servers = fg_catalogue_servers(dest, &n);
	char name[32], mem[300];
	struct fg_buf host;

	fg_json_object(j, "servers");
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "server%zu", i + 1);
		fg_buf_wrap(&host, mem, sizeof(mem));
		fg_catalogue_put_address(&host, &servers[i]);
		fg_json_object(j, name);
		fg_json_text(j, "host", host.data);
		fg_json_text(j, "protocol", servers[i].tls ? "secure-mqtt" : "mqtt");
		fg_json_text(j, "protocolVersion", dest->version == 5 ? "5" : "3.1.1");
		fg_json_end_object(j);
	}
	fg_json_end_object(j);
}

/* ---- topics ----
 *
 * A channel is all topics of one station, domain and root, with its points as a parameter; and
 * each topic of the gateway itself. They are gone through twice: channels, then operations. */

struct channel {
	const char *name, *address, *message;
	bool retain;
};

typedef void (*channel_fn)(struct fg_json *j, const struct fg_catalogue *c,
	const struct channel *ch, const struct fg_station *station, enum fg_domain domain,
	const char *root);

/* The n-th topic root of a point, its own first; NULL: it has no more. */
static const char *root_of(const struct fg_point *p, size_t n)
{
	struct fg_hours_series s;

	if (n == 0)
		return fg_aggregate_root(FG_TOLD_NONE, FG_STAT_NONE);
	if (n - 1 >= fg_hours_count_of(p))
		return NULL;
	s = fg_hours_series_of(p, n - 1);
	return fg_aggregate_root(s.desc.period, s.desc.stat);
}

static bool has_root(const struct fg_point *p, const char *root)
{
	const char *r;

	for (size_t n = 0; (r = root_of(p, n)) != NULL; n++)
		if (strcmp(r, root) == 0)
			return true;
	return false;
}

static bool is_of(const struct fg_device *d, const struct fg_station *station,
	enum fg_domain domain)
{
	return d->station == station && d->domain == domain;
}

static bool any_point(const struct fg_catalogue *c, const struct fg_station *station,
	enum fg_domain domain, const char *root)
{
	for (size_t i = 0; i < c->config->device_count; i++) {
		const struct fg_device *d = c->config->devices[i];

		for (size_t k = 0; is_of(d, station, domain) && k < d->point_count; k++)
			if (fg_catalogue_has(c->dest, &d->points[k]) &&
				has_root(&d->points[k], root))
				return true;
	}
	return false;
}

static void each_root(struct fg_json *j, const struct fg_catalogue *c,
	const struct fg_station *station, enum fg_domain domain, channel_fn fn)
{
	static const char *const roots[] = {
		"obs", "hourly", "running-8h", "running-24h", "daily", "daily-max-8h"};

	for (size_t r = 0; r < FG_COUNT(roots); r++) {
		char name[NAME_SIZE], address[NAME_SIZE + 128];
		const char *root = roots[r];
		struct channel ch = {.name = name, .address = address,
			.message = r == 0 ? "reading" : "mean", .retain = true};

		if (!any_point(c, station, domain, roots[r]))
			continue;
		if (r == 0 && fg_catalogue_batches(c->dest)) {
			ch.message = "readings";
			root = "batch";
		}
		snprintf(name, sizeof(name), "%s-%s-%s", root, fg_domain_name(domain),
			station->name);
		snprintf(address, sizeof(address), "%s/%s/%s/%s/{%s}", c->dest->prefix, root,
			fg_domain_name(domain), station->name,
			root == roots[r] ? "point" : "device");
		fn(j, c, &ch, station, domain, roots[r]);
	}
}

static const struct {
	const char *name, *tail, *message;
	bool retain;
} own[] = {
	{"status", "status", "document", true},
	{"device", "devices/{device}", "document", true},
	{"gaps", "gaps", "gap", false},
	{"account", "account", "account", false},
	{"notices", "notices", "document", true},
	{"dataset", "catalogue", "document", true},
};

static void each_channel(struct fg_json *j, const struct fg_catalogue *c, channel_fn fn)
{
	char mem[300];
	struct fg_buf topic;

	for (size_t i = 0; i < c->config->station_count; i++)
		for (int d = 0; d < FG_DOMAIN_COUNT; d++)
			each_root(j, c, &c->config->stations[i], (enum fg_domain)d, fn);
	for (size_t i = 0; i < FG_COUNT(own); i++) {
		const struct channel ch = {.name = own[i].name, .address = mem,
			.message = own[i].message, .retain = own[i].retain};

		fg_buf_wrap(&topic, mem, sizeof(mem));
		fg_topic_gateway(&topic, c->dest->prefix, c->config->gateway.id, own[i].tail);
		fn(j, c, &ch, NULL, FG_DOMAIN_COUNT, NULL);
	}
}

static void put_points(struct fg_json *j, const struct fg_catalogue *c,
	const struct fg_station *station, enum fg_domain domain, const char *root)
{
	for (size_t i = 0; i < c->config->device_count; i++) {
		const struct fg_device *d = c->config->devices[i];

		for (size_t k = 0; is_of(d, station, domain) && k < d->point_count; k++)
			if (fg_catalogue_has(c->dest, &d->points[k]) &&
				has_root(&d->points[k], root))
				fg_json_text(j, NULL, d->points[k].name);
	}
}

/* Of a station and domain, or all. */
static void put_devices(struct fg_json *j, const struct fg_catalogue *c,
	const struct fg_station *station, enum fg_domain domain)
{
	for (size_t i = 0; i < c->config->device_count; i++)
		if (!station || is_of(c->config->devices[i], station, domain))
			fg_json_text(j, NULL, c->config->devices[i]->name);
}

static void put_parameter(struct fg_json *j, const struct fg_catalogue *c, const char *name,
	const struct fg_station *station, enum fg_domain domain, const char *root)
{
	fg_json_object(j, "parameters");
	fg_json_object(j, name);
	fg_json_array(j, "enum");
	if (strcmp(name, "point") == 0)
		put_points(j, c, station, domain, root);
	else
		put_devices(j, c, station, domain);
	fg_json_end_array(j);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

static void put_channel(struct fg_json *j, const struct fg_catalogue *c, const struct channel *ch,
	const struct fg_station *station, enum fg_domain domain, const char *root)
{
	fg_json_object(j, ch->name);
	fg_json_text(j, "address", ch->address);
	if (strchr(ch->address, '{'))
		put_parameter(j, c, strstr(ch->address, "{point}") ? "point" : "device", station,
			domain, root);
	fg_json_object(j, "messages");
	put_ref(j, ch->message, "components/messages", ch->message);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

static void put_operation(struct fg_json *j, const struct fg_catalogue *c,
	const struct channel *ch, const struct fg_station *station, enum fg_domain domain,
	const char *root)
{
	char name[NAME_SIZE + 8];

	(void)station;
	(void)domain;
	(void)root;
	snprintf(name, sizeof(name), "send-%s", ch->name);
	fg_json_object(j, name);
	fg_json_text(j, "action", "send");
	put_ref(j, "channel", "channels", ch->name);
	fg_json_object(j, "bindings");
	fg_json_object(j, "mqtt");
	fg_json_int(j, "qos", c->dest->qos);
	fg_json_bool(j, "retain", ch->retain);
	fg_json_text(j, "bindingVersion", "0.2.0");
	fg_json_end_object(j);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

/* ---- components ---- */

static void put_message(struct fg_json *j, const char *name)
{
	fg_json_object(j, name);
	fg_json_text(j, "contentType", "application/json");
	put_ref(j, "payload", "components/schemas", name);
	fg_json_end_object(j);
}

static void put_components(struct fg_json *j)
{
	static const char *const names[] = {
		"reading", "readings", "mean", "gap", "account", "document"};

	fg_json_object(j, "components");
	fg_json_object(j, "messages");
	for (size_t i = 0; i < FG_COUNT(names); i++)
		put_message(j, names[i]);
	fg_json_end_object(j);
	fg_json_object(j, "schemas");
	fg_catalogue_put_definitions(j);
	fg_json_object(j, "readings");
	fg_json_text(j, "type", "array");
	put_ref(j, "items", "components/schemas", "reading");
	fg_json_end_object(j);
	fg_json_object(j, "document");
	fg_json_text(j, "type", "object");
	fg_json_end_object(j);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

void fg_catalogue_asyncapi(struct fg_buf *out, const struct fg_catalogue *c)
{
	char id[160];
	struct fg_json j;

	snprintf(id, sizeof(id), "urn:fjordgate:%s", c->config->gateway.id);
	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "asyncapi", "3.0.0");
	fg_json_text(&j, "id", id);
	put_info(&j, &c->config->gateway);
	fg_json_text(&j, "defaultContentType", "application/json");
	put_servers(&j, c->dest);
	fg_json_object(&j, "channels");
	each_channel(&j, c, put_channel);
	fg_json_end_object(&j);
	fg_json_object(&j, "operations");
	each_channel(&j, c, put_operation);
	fg_json_end_object(&j);
	put_components(&j);
	fg_json_end_object(&j);
}
