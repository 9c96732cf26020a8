/* SPDX-License-Identifier: EUPL-1.2 */
/* Destinations: what their keys leave open, and what must fit together. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "gateway/config/loader.h"
#include "model/property.h"
#include "protocol/encode_home_assistant.h"
#include "protocol/encode_sparkplug.h"
#include "protocol/encode_wis2.h"

#define ALL_DOMAINS ((1u << FG_DOMAIN_COUNT) - 1)

/* Of "key", or of "key.within". */
static struct fg_place place_of(const struct fg_destination *d, const char *key)
{
	const char *dot = strchr(key, '.');
	const struct fg_node *sub;
	char first[64];

	if (!dot)
		return fg_place_of(d->node, key);
	snprintf(first, sizeof(first), "%.*s", (int)(dot - key), key);
	sub = fg_node_get(d->node, first);
	return sub ? fg_place_of(sub, dot + 1) : d->node->at;
}

FG_PRINTF(4, 5)
static void fault(
	struct fg_loader *l, const struct fg_destination *d, const char *key, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_report_error(l->rep, place_of(d, key), "mqtt.%s.%s: %s", d->name, key, text);
}

bool fg_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(host, "localhost") == 0;
}

static void check_servers(struct fg_loader *l, const struct fg_destination *d)
{
	bool tls = false;

	for (size_t i = 0; i < d->server_count; i++) {
		const struct fg_server *s = &d->servers[i];

		tls = tls || s->tls;
		if (!s->tls && !fg_is_loopback(s->host) && !d->insecure)
			fault(l, d, "servers",
				"%s is not encrypted and not on loopback; use mqtts://, or say "
				"insecure: true",
				s->url);
	}
	if (!tls && d->server_count && (d->ca_file || d->cert_file || d->psk_file))
		fg_report_warning(l->rep, fg_place_of(d->node, "servers"),
			"mqtt.%s: no server is mqtts://, so its certificates or keys are not used",
			d->name);
}

static void check_login(struct fg_loader *l, const struct fg_destination *d)
{
	if (d->password_file && !d->username)
		fault(l, d, "password_file", "a password without username; add username");
	if (d->key_file && !d->cert_file)
		fault(l, d, "key_file", "a key without cert_file; add the certificate");
	if (d->cert_file && !d->key_file)
		fault(l, d, "cert_file", "a certificate without key_file; add its key");
	if (d->psk_identity && !d->psk_file)
		fault(l, d, "psk_identity",
			"an identity without psk_file; add the file with its key");
	if (d->psk_file && !d->psk_identity)
		fault(l, d, "psk_file", "a key without psk_identity; add the identity");
	if (d->psk_file && (d->ca_file || d->cert_file))
		fault(l, d, "psk_file",
			"either certificates or a pre-shared key; leave out ca_file and cert_file, "
			"or "
			"psk_file");
}

static void check_prefix(struct fg_loader *l, const struct fg_destination *d)
{
	const char *p = d->prefix;
	size_t n = p ? strlen(p) : 0;

	if (!p)
		return;
	if (strpbrk(p, "+#"))
		fault(l, d, "prefix", "'%s' has a wildcard; + and # cannot stand in a topic", p);
	else if (p[0] == '$')
		fault(l, d, "prefix", "'%s' begins with $, which brokers keep for themselves", p);
	else if (p[0] == '/' || p[n - 1] == '/' || strstr(p, "//"))
		fault(l, d, "prefix", "'%s' has an empty level; write it as town or town/part", p);
}

static void check_select(struct fg_loader *l, const struct fg_destination *d)
{
	const struct fg_node *select = fg_node_get(d->node, "select");
	const struct fg_config *c = l->config;

	for (size_t i = 0; i < d->stations.count; i++) {
		size_t k = 0;

		while (k < c->station_count &&
			strcmp(c->stations[k].name, d->stations.items[i]) != 0)
			k++;
		if (k == c->station_count)
			fg_report_error(l->rep, fg_place_of(select, "stations"),
				"mqtt.%s.select.stations: no station '%s'; stations are keys of "
				"stations",
				d->name, d->stations.items[i]);
	}
	for (size_t i = 0; i < d->properties.count; i++)
		if (strncmp(d->properties.items[i], "x_", 2) != 0 &&
			!fg_property_find(d->properties.items[i]))
			fg_report_error(l->rep, fg_place_of(select, "properties"),
				"mqtt.%s.select.properties: unknown property '%.60s'; they are in "
				"docs/properties.md",
				d->name, d->properties.items[i]);
}

static bool share_server(const struct fg_destination *a, const struct fg_destination *b)
{
	for (size_t i = 0; i < a->server_count; i++)
		for (size_t k = 0; k < b->server_count; k++)
			if (a->servers[i].port == b->servers[k].port &&
				strcasecmp(a->servers[i].host, b->servers[k].host) == 0)
				return true;
	return false;
}

/* An edge node is its group and the gateway's id. */
static bool same_edge_node(const struct fg_destination *a, const struct fg_destination *b)
{
	const unsigned bit = 1u << FG_ENCODER_sparkplug;
	const struct fg_sparkplug_options *x = a->options[FG_ENCODER_sparkplug],
					  *y = b->options[FG_ENCODER_sparkplug];

	return a->payload & b->payload & bit && strcmp(x->group, y->group) == 0;
}

/* The topic of discovery has the gateway's id and no prefix of the destination. */
static bool same_discovery(const struct fg_destination *a, const struct fg_destination *b)
{
	const struct fg_home_assistant_options *x = a->options[FG_ENCODER_home_assistant],
					       *y = b->options[FG_ENCODER_home_assistant];

	return a->payload & b->payload & 1u << FG_ENCODER_home_assistant &&
	       strcmp(x->prefix, y->prefix) == 0;
}

static void check_pair(
	struct fg_loader *l, const struct fg_destination *a, const struct fg_destination *b)
{
	const bool parts = strchr(a->name, '.') || strchr(b->name, '.');

	if (!share_server(a, b))
		return;
	if (same_edge_node(a, b))
		fault(l, b, "sparkplug.group",
			"one edge node twice: destination '%s' (%s:%d) has the same server and "
			"group; one of them must differ",
			a->name, a->node->at.file, a->node->at.line);
	if (same_discovery(a, b))
		fault(l, b, "home-assistant.prefix",
			"one discovery topic twice: destination '%s' (%s:%d) has the same server "
			"and prefix of Home Assistant; one of them must differ",
			a->name, a->node->at.file, a->node->at.line);
	if (!parts && a->prefix && b->prefix && strcmp(a->prefix, b->prefix) == 0)
		fault(l, b, "prefix",
			"same server and prefix '%s' as destination '%s' (%s:%d); one of them must "
			"differ",
			b->prefix, a->name, a->node->at.file, a->node->at.line);
	if (strcmp(a->client_id, b->client_id) == 0)
		fault(l, b, "client_id",
			"'%s' is also that of destination '%s' at the same server, which would cut "
			"off "
			"one of them; choose another",
			b->client_id, a->name);
}

static uint64_t fingerprint(struct fg_loader *l, const struct fg_destination *d)
{
	const struct fg_node *gateway = fg_node_get(l->root, "gateway");

	/* the gateway's keys stand in its payloads and in its client id */
	return fg_node_hash(d->node) * 31 + (gateway ? fg_node_hash(gateway) : 0);
}

static const void *const *options_of(
	struct fg_loader *l, const struct fg_raw_destination *raw)
{
	const void **out = fg_arena_array(l->arena, FG_ENCODER_COUNT, sizeof(*out));

	for (size_t i = 0; i < FG_ENCODER_COUNT; i++)
		out[i] = &raw->options[i]; /* of the configuration's memory, too */
	return out;
}

/* ---- payloads with keys of their own ---- */

static bool has(const struct fg_destination *d, unsigned encoder)
{
	return d->payload >> encoder & 1;
}

static bool is_url(const char *text)
{
	static const char *const schemes[] = {"https://", "http://", "sftp://", "ftp://"};

	for (size_t i = 0; text && i < FG_COUNT(schemes); i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static void check_wis2(
	struct fg_loader *l, const struct fg_destination *d, const struct fg_wis2_options *o)
{
	const char *contact = l->config->gateway.contact;

	if (o->link && !is_url(o->link))
		fault(l, d, "wis2.link", "'%s' is no link; write https://…", o->link);
	else if (!o->link && !is_url(contact))
		fault(l, d, "wis2.link",
			"a notification names where its data can be had; add link, or an https "
			"address as gateway.contact");
}

static void check_level(
	struct fg_loader *l, const struct fg_destination *d, const char *key, const char *text)
{
	if (text && strpbrk(text, "/+#"))
		fault(l, d, key, "'%s' has one of / + #, which cannot stand in an id", text);
}

/* The group of a prefix of several levels is one level. */
static const char *group_of(struct fg_loader *l, const char *prefix)
{
	char *group = fg_arena_strdup(l->arena, prefix ? prefix : "");

	for (char *at = group; *at; at++)
		if (*at == '/')
			*at = '-';
	return group;
}

static void complete_sparkplug(struct fg_loader *l, const struct fg_destination *d,
	struct fg_sparkplug_options *o)
{
	check_level(l, d, "sparkplug.group", o->group);
	check_level(l, d, "sparkplug.primary_host", o->primary_host);
	if (o->group && strcmp(o->group, "STATE") == 0)
		fault(l, d, "sparkplug.group", "STATE is where hosts say whether they are there");
	if (!o->group)
		o->group = group_of(l, d->prefix);
}

static void check_batch(struct fg_loader *l, const struct fg_destination *d)
{
	for (size_t i = 0; i < fg_encoder_count && d->batch_us; i++)
		if (has(d, (unsigned)i) && !fg_encoders[i]->batches)
			fault(l, d, "batch",
				"payload '%s' has no message for readings of several moments; "
				"leave out one of them",
				fg_encoder_names[i]);
}

static void complete_payloads(
	struct fg_loader *l, struct fg_raw_destination *raw, struct fg_destination *d)
{
	void *sparkplug = &raw->options[FG_ENCODER_sparkplug];

	if (has(d, FG_ENCODER_home_assistant)) /* its states are those topics */
		d->payload |= 1u << FG_ENCODER_json;
	if (has(d, FG_ENCODER_wis2))
		check_wis2(l, d, (const void *)&raw->options[FG_ENCODER_wis2]);
	if (has(d, FG_ENCODER_sparkplug))
		complete_sparkplug(l, d, sparkplug);
	check_batch(l, d);
}

/* Sparkplug demands a session that ends with its connection, and with it at once the will. */
static void keep_nothing(struct fg_destination *d)
{
	d->sparkplug = true;
	d->catalogue = false;
	d->session = FG_SESSION_CLEAN;
	d->will_delay_us = 0;
}

/* Sparkplug beside other payloads becomes *ret. */
static bool split_sparkplug(
	struct fg_loader *l, struct fg_destination *d, struct fg_destination *ret)
{
	const unsigned bit = 1u << FG_ENCODER_sparkplug;

	if (d->payload == bit)
		keep_nothing(d);
	if (!(d->payload & bit) || d->payload == bit)
		return false;
	if (d->withdraw) { /* it has nothing to take back */
		d->payload &= ~bit;
		return false;
	}
	*ret = *d;
	d->payload &= ~bit;
	ret->payload = bit;
	ret->name = fg_arena_printf(l->arena, "%s.sparkplug", d->name);
	ret->client_id = fg_arena_printf(l->arena, "%s-sparkplug", d->client_id);
	ret->fingerprint = d->fingerprint * 31 + 1;
	keep_nothing(ret);
	return true;
}

/* ---- all of it ---- */

static void complete(struct fg_loader *l, struct fg_raw_destination *raw, struct fg_destination *d)
{
	*d = raw->d;
	d->name = raw->name;
	d->node = raw->node;
	d->servers = raw->servers.items;
	d->server_count = raw->servers.count;
	d->public_servers = raw->public_servers.items;
	d->public_count = raw->public_servers.count;
	d->qos = (int)raw->qos;
	d->inflight = (int)raw->inflight;
	d->options = options_of(l, raw);
	if (!d->client_id)
		d->client_id = fg_arena_printf(l->arena, "%s-%s", l->config->gateway.id, d->name);
	if (!d->domains)
		d->domains = ALL_DOMAINS;
	if (d->withdraw)
		d->domains = 0;
	d->fingerprint = fingerprint(l, d);
	check_servers(l, d);
	check_login(l, d);
	check_prefix(l, d);
	check_select(l, d);
	complete_payloads(l, raw, d);
	if (d->version == 3 && d->expiry_us > 0)
		fg_report_warning(l->rep, fg_place_of(d->node, "expiry"),
			"mqtt.%s.expiry: MQTT 3.1.1 has none; it needs version: 5", d->name);
}

void fg_build_destinations(struct fg_loader *l)
{
	struct fg_raw_destination *raw = l->raw.mqtt.items;
	size_t n = l->raw.mqtt.count, count = 0;
	struct fg_destination *out = fg_arena_array(l->arena, 2 * n, sizeof(*out));
	const struct fg_node *mqtt = fg_node_get(l->root, "mqtt");

	if (n && !fg_within(l, mqtt, "destinations", FG_MAX_DESTINATIONS))
		return;
	for (size_t i = 0; i < n; i++) {
		struct fg_destination *d = &out[count];

		complete(l, &raw[i], d);
		count += split_sparkplug(l, d, d + 1) ? 2 : 1;
		for (struct fg_destination *one = d; one < out + count; one++) {
			one->index = (uint32_t)(one - out);
			for (struct fg_destination *k = out; k < d; k++)
				check_pair(l, k, one);
		}
	}
	l->config->destinations = out;
	l->config->destination_count = count;
	if (n == 0)
		fg_report_warning(l->rep, mqtt ? mqtt->at : l->root->at,
			"no destination under mqtt: readings are stored and published nowhere");
}
