/* SPDX-License-Identifier: EUPL-1.2 */
/* AsyncAPI 3.0: the topics that this gateway writes, and what is in them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "gateway/catalogue/catalogue.h"
#include "gateway/hours.h"
#include "gateway/series.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"

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

/* The classes of a station that are on such topics, one after the other: *at begins with 0. */
static bool next_class(const struct fg_catalogue *c, const struct fg_station *station,
	enum fg_domain domain, const char *root, size_t *at, struct fg_hours_series *ret)
{
	while (fg_catalogue_next_class(c->config, c->dest, station, at, ret))
		if (strcmp(ret->desc.domain, fg_domain_name(domain)) == 0 &&
			strcmp(fg_aggregate_root(ret->desc.period, ret->desc.stat), root) == 0)
			return true;
	return false;
}

static bool any_point(const struct fg_catalogue *c, const struct fg_station *station,
	enum fg_domain domain, const char *root)
{
	struct fg_hours_series class;
	size_t at = 0;

	for (size_t i = 0; i < c->config->device_count; i++) {
		const struct fg_device *d = c->config->devices[i];

		for (size_t k = 0; is_of(d, station, domain) && k < d->point_count; k++)
			if (fg_catalogue_has(c->dest, &d->points[k]) &&
				has_root(&d->points[k], root))
				return true;
	}
	return next_class(c, station, domain, root, &at, &class);
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

/* Topics of other payloads than `json`: each is a channel of its own, once. */
struct seen {
	uint64_t *topics; /* by hash */
	size_t count, room;
};

static bool is_new(struct seen *seen, const char *topic)
{
	const uint64_t h = fg_hash(FG_HASH_START, topic, strlen(topic));

	for (size_t i = 0; i < seen->count; i++)
		if (seen->topics[i] == h)
			return false;
	if (seen->count == seen->room)
		return false;
	seen->topics[seen->count++] = h;
	return true;
}

static void other_channel(struct fg_json *j, const struct fg_catalogue *c, size_t payload,
	const struct fg_point_desc *desc, struct seen *seen, channel_fn fn)
{
	char mem[300], name[sizeof(mem)];
	struct fg_catalogue_told told;
	struct fg_buf topic;
	struct channel ch = {.name = name, .address = mem};
	size_t i = 0;

	fg_buf_wrap(&topic, mem, sizeof(mem));
	if (!fg_catalogue_told_as(c, payload, desc, &topic, &told) || !is_new(seen, mem))
		return;
	for (; mem[i]; i++)
		name[i] = isalnum((unsigned char)mem[i]) ? mem[i] : '-';
	name[i] = '\0';
	ch.message = told.form;
	ch.retain = told.retained;
	fn(j, c, &ch, NULL, FG_DOMAIN_COUNT, NULL);
}

static void other_channels(struct fg_json *j, const struct fg_catalogue *c,
	const struct fg_point_desc *desc, struct seen *seen, channel_fn fn)
{
	for (size_t i = 0; i < fg_encoder_count; i++)
		if (i != FG_ENCODER_json)
			other_channel(j, c, i, desc, seen, fn);
}

static size_t series_count(const struct fg_config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->point_count; i++)
		n += 2 + fg_hours_count_of(config->points[i]); /* it may lead a class */
	return n * fg_encoder_count;
}

static void each_other(struct fg_json *j, const struct fg_catalogue *c, channel_fn fn)
{
	struct seen seen = {.room = series_count(c->config)};

	seen.topics = calloc(seen.room + 1, sizeof(*seen.topics));
	for (size_t i = 0; i < c->config->point_count && seen.topics; i++) {
		const struct fg_point *p = c->config->points[i];
		struct fg_point_desc desc = fg_series_desc(p);

		if (!fg_catalogue_has(c->dest, p))
			continue;
		other_channels(j, c, &desc, &seen, fn);
		for (size_t n = 0; n < fg_hours_count_of(p); n++) {
			desc = fg_hours_series_of(p, n).desc;
			other_channels(j, c, &desc, &seen, fn);
		}
	}
	for (size_t i = 0; i < c->config->station_count && seen.topics; i++) {
		struct fg_hours_series class;
		size_t at = 0;

		while (fg_catalogue_next_class(
			c->config, c->dest, &c->config->stations[i], &at, &class))
			other_channels(j, c, &class.desc, &seen, fn);
	}
	free(seen.topics);
}

static const struct {
	const char *name, *tail, *message;
	bool retain;
} own[] = {
	{"status", "status", "document", true},
	{"device", "devices/{device}", "document", true},
	{"gaps", "gaps", "gap", false},
	{"account", "account", "account", false},
	{"notices", "notices", "notices", true},
	{"dataset", "catalogue", "document", true},
	{"asyncapi", "asyncapi", "document", true},
};

/* Beside the topics of the gateway itself. */
static const struct {
	const char *name, *topic;
	bool ends_in_id; /* the gateway's */
} documents[] = {
	{"stations", "stations/{station}", true},
	{"things", "things/{station}", true},
	{"schema", "schema/reading", false},
	{"classes", "classes", false},
};

static void each_document(struct fg_json *j, const struct fg_catalogue *c, channel_fn fn)
{
	char address[300];

	for (size_t i = 0; i < FG_COUNT(documents); i++) {
		const bool id = documents[i].ends_in_id;
		const struct channel ch = {.name = documents[i].name, .address = address,
			.message = "document", .retain = true};

		snprintf(address, sizeof(address), "%s/%s%s%s", c->dest->prefix,
			documents[i].topic, id ? "/" : "", id ? c->config->gateway.id : "");
		fn(j, c, &ch, NULL, FG_DOMAIN_COUNT, NULL);
	}
}

static void each_channel(struct fg_json *j, const struct fg_catalogue *c, channel_fn fn)
{
	char mem[300];
	struct fg_buf topic;

	each_other(j, c, fn);
	for (size_t i = 0; i < c->config->station_count && fg_catalogue_is_json(c->dest); i++)
		for (int d = 0; d < FG_DOMAIN_COUNT; d++)
			each_root(j, c, &c->config->stations[i], (enum fg_domain)d, fn);
	for (size_t i = 0; i < FG_COUNT(own); i++) {
		const struct channel ch = {.name = own[i].name, .address = mem,
			.message = own[i].message, .retain = own[i].retain};

		fg_buf_wrap(&topic, mem, sizeof(mem));
		fg_topic_gateway(&topic, c->dest->prefix, c->config->gateway.id, own[i].tail);
		fn(j, c, &ch, NULL, FG_DOMAIN_COUNT, NULL);
	}
	each_document(j, c, fn);
}

static void put_points(struct fg_json *j, const struct fg_catalogue *c,
	const struct fg_station *station, enum fg_domain domain, const char *root)
{
	struct fg_hours_series class;
	size_t at = 0;

	for (size_t i = 0; i < c->config->device_count; i++) {
		const struct fg_device *d = c->config->devices[i];

		for (size_t k = 0; is_of(d, station, domain) && k < d->point_count; k++)
			if (fg_catalogue_has(c->dest, &d->points[k]) &&
				has_root(&d->points[k], root))
				fg_json_text(j, NULL, d->points[k].name);
	}
	while (next_class(c, station, domain, root, &at, &class))
		fg_json_text(j, NULL, class.desc.point);
}

/* Of a station and domain, or all. */
static void put_devices(struct fg_json *j, const struct fg_catalogue *c,
	const struct fg_station *station, enum fg_domain domain)
{
	for (size_t i = 0; i < c->config->device_count; i++)
		if (!station || is_of(c->config->devices[i], station, domain))
			fg_json_text(j, NULL, c->config->devices[i]->name);
}

static void put_stations(struct fg_json *j, const struct fg_catalogue *c)
{
	for (size_t i = 0; i < c->config->station_count; i++)
		if (fg_catalogue_has_station(c->config, c->dest, &c->config->stations[i]))
			fg_json_text(j, NULL, c->config->stations[i].name);
}

static void put_parameter(struct fg_json *j, const struct fg_catalogue *c, const char *name,
	const struct fg_station *station, enum fg_domain domain, const char *root)
{
	fg_json_object(j, "parameters");
	fg_json_object(j, name);
	fg_json_array(j, "enum");
	if (strcmp(name, "point") == 0)
		put_points(j, c, station, domain, root);
	else if (strcmp(name, "station") == 0)
		put_stations(j, c);
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
		put_parameter(j, c, strstr(ch->address, "{point}")	? "point"
				    : strstr(ch->address, "{station}") ? "station"
									: "device",
			station, domain, root);
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

/* What its standard describes has no schema here. */
static void put_other_messages(struct fg_json *j, const struct fg_destination *dest)
{
	bool text;

	for (size_t i = 0; i < fg_encoder_count; i++) {
		if (i == FG_ENCODER_json || !(dest->payload >> i & 1) || !fg_encoders[i]->encode)
			continue;
		fg_json_object(j, fg_encoder_names[i]);
		fg_json_text(j, "contentType",
			fg_encoders[i]->content_type(dest->options[i], &text));
		fg_json_end_object(j);
	}
}

static void put_components(struct fg_json *j, const struct fg_destination *dest)
{
	static const char *const names[] = {
		"reading", "readings", "mean", "gap", "account", "notices",
		"document"};

	fg_json_object(j, "components");
	fg_json_object(j, "messages");
	for (size_t i = 0; i < FG_COUNT(names); i++)
		put_message(j, names[i]);
	put_other_messages(j, dest);
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
	put_components(&j, c->dest);
	fg_json_end_object(&j);
}
