/* SPDX-License-Identifier: EUPL-1.2 */
/* The coap driver: keys, checks and the plan. What happens at run time is in coap_io.c. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/node.h"
#include "base/number.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"
#include "drivers/payload_keys.h"

#define PORT_COAP  5683
#define PORT_COAPS 5684
#define TEXT_ROOM  256 /* a text of a point, as fg_payload_text allows it */
#define MIN_ACK_US 1000000
#define PATH_MAX_LEN 500 /* what fg_coap_add_path() has room for, with all options' heads */
#define SEGMENT_MAX_LEN 255

static const struct fg_key link_keys[] = {
	{.name = "uri",
		.type = FG_KEY_TEXT,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct fg_coap_link, uri),
		.help = "coap://HOST[:PORT], coaps://, coap+tcp:// or coaps+tcp://; HOST is an "
			"IPv4 "
			"address, an IPv6 address in brackets, or a name. Ports: 5683 and 5684."},
	{.name = "psk_identity",
		.type = FG_KEY_TEXT,
		.offset = offsetof(struct fg_coap_link, psk_identity),
		.help = "With coaps: the identity that this gateway presents."},
	{.name = "psk_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = offsetof(struct fg_coap_link, psk_file),
		.help = "With coaps: a file of identity:hexkey lines, read at each connect."},
	{.name = "ca_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = offsetof(struct fg_coap_link, ca_file),
		.help = "With coaps and certificates: the authorities (PEM) that may have signed "
			"the server's, read at each connect."},
	{.name = "cert_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = offsetof(struct fg_coap_link, cert_file),
		.help = "With ca_file: this gateway's certificate (PEM), where the server asks "
			"for one."},
	{.name = "key_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = offsetof(struct fg_coap_link, key_file),
		.help = "With cert_file: its private key (PEM)."},
	{.name = "server_name",
		.type = FG_KEY_TEXT,
		.offset = offsetof(struct fg_coap_link, server_name),
		.help = "With ca_file: the name that the server's certificate bears, where it is "
			"not the host of the uri."},
	{0},
};

static const struct fg_key device_keys[] = {
	{.name = "observe",
		.type = FG_KEY_BOOL,
		.dflt = "false",
		.offset = offsetof(struct fg_coap_device, observe),
		.help = "Observe (RFC 7641): the device tells its values by itself where its "
			"resources allow it; otherwise they are polled."},
	FG_PAYLOAD_DEVICE_KEYS(struct fg_coap_device, payload),
	{.name = "path",
		.type = FG_KEY_TEXT,
		.offset = offsetof(struct fg_coap_device, path),
		.help = "The resource of all its points that name none of their own."},
	{.name = "confirmable",
		.type = FG_KEY_BOOL,
		.dflt = "true",
		.offset = offsetof(struct fg_coap_device, confirmable),
		.help = "Requests are confirmable and repeated (RFC 7252). `false`: each is sent "
			"once, and after one without an answer no other before PROBING_RATE "
			"allows it."},
	{0},
};

static const struct fg_key point_keys[] = {
	{.name = "path",
		.type = FG_KEY_TEXT,
		.offset = offsetof(struct fg_coap_point, in.path),
		.help = "The resource, with its query where it has one: /sensors/pm25?avg=1. "
			"Default: the device's `path`."},
	FG_PAYLOAD_POINT_KEYS(struct fg_coap_point, in),
	{0},
};

static struct fg_place place_of(const struct fg_node *node, const char *key)
{
	const struct fg_node *value = fg_node_get(node, key);

	return value ? value->at : node->at;
}

/* ---- the uri ---- */

static const char *parse_scheme(const char *uri, struct fg_coap_link *conf, const char **ret_rest)
{
	static const struct {
		const char *text;
		bool secure, tcp;
	} schemes[] = {
		{"coap://", false, false},
		{"coaps://", true, false},
		{"coap+tcp://", false, true},
		{"coaps+tcp://", true, true},
	};

	for (size_t i = 0; i < FG_COUNT(schemes); i++) {
		size_t len = strlen(schemes[i].text);

		if (strncasecmp(uri, schemes[i].text, len) != 0)
			continue;
		conf->secure = schemes[i].secure;
		conf->tcp = schemes[i].tcp;
		*ret_rest = uri + len;
		return NULL;
	}
	if (strncasecmp(uri, "coap+ws", 7) == 0 || strncasecmp(uri, "coaps+ws", 8) == 0)
		return "CoAP over WebSockets is not supported; use coap+tcp:// or coaps+tcp://";
	return "must begin with coap://, coaps://, coap+tcp:// or coaps+tcp://";
}

/* Copies the host; a zone may be written %eth0 or, as in URIs, %25eth0. */
static const char *take_host(const char *host, size_t len, struct fg_coap_link *conf)
{
	const char *zone = memchr(host, '%', len);
	size_t head = len, skip = 0;

	if (zone) {
		head = (size_t)(zone - host) + 1;
		skip = len - head >= 2 && memcmp(zone + 1, "25", 2) == 0 ? 2 : 0;
	}
	if (!len)
		return "has no host";
	if (len >= sizeof(conf->host) || memchr(host, '@', len))
		return "has no usable host";
	memcpy(conf->host, host, head);
	memcpy(conf->host + head, host + head + skip, len - head - skip);
	conf->host[len - skip] = '\0';
	return NULL;
}

/* Splits a uri into its parts; returns what is wrong with it, or NULL. */
static const char *parse_uri(const char *uri, struct fg_coap_link *conf)
{
	const char *rest = uri, *host_end, *wrong = parse_scheme(uri, conf, &rest);
	int64_t port = conf->secure ? PORT_COAPS : PORT_COAP;
	char digits[8];
	size_t len;

	if (wrong)
		return wrong;
	if (*rest == '[') {
		host_end = strchr(++rest, ']');
		if (!host_end)
			return "lacks the closing bracket of its IPv6 address";
		wrong = take_host(rest, (size_t)(host_end - rest), conf);
		host_end++;
	} else {
		host_end = rest + strcspn(rest, ":/?#");
		wrong = take_host(rest, (size_t)(host_end - rest), conf);
	}
	if (wrong)
		return wrong;
	len = strcspn(host_end, "/?#");
	if (*host_end == ':') {
		snprintf(digits, sizeof(digits), "%.*s", (int)FG_MIN(len - 1, (size_t)7),
			host_end + 1);
		if (strspn(digits, "0123456789") != len - 1 ||
			fg_integer_parse(digits, &port) < 0 || port < 1 || port > 65535)
			return "has a port that is not 1 to 65535";
	} else if (len) {
		return "has something else than a port behind its host";
	}
	if (host_end[len] && strcmp(host_end + len, "/") != 0)
		return "names a path; paths belong to the points (`path:`)";
	conf->port = (uint16_t)port;
	return NULL;
}

/* What secures a link: a key or certificates, and nothing without coaps. */
static void check_secrets(
	const struct fg_link *link, const struct fg_coap_link *conf, struct fg_report *rep)
{
	const char *psk = conf->psk_identity ? "psk_identity" : conf->psk_file ? "psk_file" : NULL;
	const char *pki = conf->ca_file	      ? "ca_file"
			  : conf->cert_file   ? "cert_file"
			  : conf->key_file    ? "key_file"
			  : conf->server_name ? "server_name"
					      : NULL;
	const char *first = psk ? psk : pki;

	if (!conf->secure && first)
		fg_report_error(rep, place_of(link->node, first),
			"links.%s.%s: keys and certificates are for coaps:// and coaps+tcp:// "
			"alone; otherwise nothing is encrypted",
			link->name, first);
	else if (conf->secure && psk && pki)
		fg_report_error(rep, place_of(link->node, pki),
			"links.%s.%s: either a key (psk_identity and psk_file) or certificates "
			"(ca_file …), not both",
			link->name, pki);
	else if (conf->secure && pki && !conf->ca_file)
		fg_report_error(rep, place_of(link->node, pki),
			"links.%s.%s: needs ca_file, or the server would be anybody", link->name,
			pki);
	else if (conf->secure && !pki && (!conf->psk_identity || !conf->psk_file))
		fg_report_error(rep, link->node->at,
			"links.%s: coaps needs psk_identity and psk_file, or ca_file", link->name);
	if (conf->secure && !conf->cert_file != !conf->key_file)
		fg_report_error(rep,
			place_of(link->node, conf->cert_file ? "cert_file" : "key_file"),
			"links.%s: cert_file and key_file go together", link->name);
}

static void check_link(const struct fg_link *link, void *conf_area, struct fg_report *rep)
{
	struct fg_coap_link *conf = conf_area;
	const char *wrong;

	if (!conf->uri)
		return; /* told already */
	wrong = parse_uri(conf->uri, conf);
	if (wrong) {
		fg_report_error(rep, place_of(link->node, "uri"), "links.%s.uri: '%s' %s",
			link->name, conf->uri, wrong);
		return;
	}
	check_secrets(link, conf, rep);
}

static bool over_tcp(const struct fg_device *dev)
{
	const struct fg_coap_link *conf = dev->link ? dev->link->conf : NULL;

	return conf && conf->tcp;
}

static void check_device(const struct fg_device *dev, void *conf_area, struct fg_report *rep)
{
	const struct fg_coap_device *conf = conf_area;

	fg_payload_check_conf(dev, &conf->payload, rep);
	if (conf->confirmable && !over_tcp(dev) && dev->retries > 0 && dev->timeout_us < MIN_ACK_US)
		fg_report_warning(rep, place_of(dev->node, "timeout"),
			"devices.%s.timeout: CoAP repeats a request after 1s at the soonest; "
			"less holds only with `retries: 0`",
			dev->name);
}

/* RFC 3986: two hexadecimal digits behind each %; no blanks, no fragment. RFC 7252: 255 bytes at
 * most between two slashes. */
static const char *path_fault(const char *path)
{
	if (*path != '/')
		return "must begin with '/'";
	if (strlen(path) > PATH_MAX_LEN)
		return "is longer than 500 characters";
	for (const char *p = path; *p; p++) {
		if (*p == '%' && (strspn(p + 1, "0123456789abcdefABCDEF") < 2))
			return "has a % without two hexadecimal digits";
		if (*p == '#' || *p == ' ')
			return "holds a character that must be written %20 or %23";
		if (strcspn(p, "/?&") > SEGMENT_MAX_LEN)
			return "has more than 255 characters between two slashes";
	}
	return NULL;
}

static void check_point(const struct fg_point *point, void *conf_area, struct fg_report *rep)
{
	struct fg_coap_point *conf = conf_area;
	static const struct fg_payload_conf nothing = {0};
	const struct fg_coap_device *dev = point->device->conf;
	const char *path = conf->in.path ? conf->in.path : dev ? dev->path : NULL;
	const char *wrong = path ? path_fault(path) : NULL;

	conf->in.path = path;
	if (!path)
		fg_report_error(rep, point->node->at,
			"devices.%s.points.%s: missing key 'path', here or for the whole device",
			point->device->name, point->name);

	if (wrong)
		fg_report_error(rep, place_of(point->node, "path"),
			"devices.%s.points.%s.path: '%s' %s", point->device->name, point->name,
			path, wrong);
	fg_payload_check_point(point, &conf->in, dev ? &dev->payload : &nothing, rep);
}

static bool same_port(const struct fg_link *a, const struct fg_link *b)
{
	const struct fg_coap_link *ca = a->conf, *cb = b->conf;

	return *ca->host && strcasecmp(ca->host, cb->host) == 0 && ca->port == cb->port &&
	       ca->tcp == cb->tcp;
}

/* ---- the plan: one request a path ---- */

static struct fg_coap_request *find_request(
	struct fg_coap_request *reqs, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(reqs[i].path, path) == 0)
			return &reqs[i];
	return NULL;
}

/* A server is asked for a format only where all points of the path can read it. */
static enum fg_coap_wants wants_of(const struct fg_payload_point *conf)
{
	if (conf->senml)
		return FG_COAP_WANTS_PACK;
	return conf->json ? FG_COAP_WANTS_DOCUMENT : FG_COAP_WANTS_ANY;
}

static int plan(struct fg_group *group, struct fg_arena *arena)
{
	struct fg_coap_request *reqs = fg_arena_array(arena, group->count, sizeof(*reqs));
	size_t n = 0;

	for (size_t i = 0; i < group->count; i++) {
		const struct fg_point *point = group->points[i];
		const struct fg_payload_point *conf = point->conf;
		struct fg_coap_request *req = find_request(reqs, n, conf->path);

		if (!req) {
			req = &reqs[n++];
			req->path = conf->path;
			req->wants = wants_of(conf);
			req->points = fg_arena_array(arena, group->count - i, sizeof(*req->points));
		}
		if (req->wants != wants_of(conf))
			req->wants = FG_COAP_WANTS_ANY;
		req->points[req->count++] = point;
	}
	group->plan = reqs;
	group->observed = ((const struct fg_coap_device *)group->device->conf)->observe;
	group->request_count = n;
	return FG_OK;
}

static size_t text_room(const struct fg_group *group)
{
	return group->count * TEXT_ROOM;
}

static void describe(const struct fg_group *group, size_t i, struct fg_request_info *ret_info)
{
	const struct fg_coap_request *req = (const struct fg_coap_request *)group->plan + i;

	snprintf(ret_info->text, sizeof(ret_info->text), "GET %.70s (%zu point%s)", req->path,
		req->count, req->count == 1 ? "" : "s");
	ret_info->wire_us = 0;
}

static const char *const count_names[] = {
	[FG_COAP_COUNT_NOTIFIED] = "notifications",
	[FG_COAP_COUNT_LATE] = "late",
	[FG_COAP_COUNT_REFUSED] = "refused",
	[FG_COAP_COUNT_STALE] = "max_age_passed",
	[FG_COAP_COUNT_VALID] = "unchanged",
	[FG_COAP_COUNT_HELD] = "held_back",
	[FG_COAP_COUNT_STRAY] = "stray",
	[FG_COAP_COUNTS] = NULL,
};

const struct fg_driver fg_driver_coap = {
	.name = "coap",
	.help = "CoAP over UDP, DTLS, TCP or TLS (RFC 7252, 8323): resources are polled with GET",
	.flags = FG_DRIVER_SHARED,
	.count_names = count_names,
	.link_size = sizeof(struct fg_coap_link),
	.device_size = sizeof(struct fg_coap_device),
	.point_size = sizeof(struct fg_coap_point),
	.link_keys = link_keys,
	.device_keys = device_keys,
	.point_keys = point_keys,
	.state_size = sizeof(struct fg_coap_endpoint),
	.host_size = sizeof(struct fg_coap_host),
	.check_link = check_link,
	.check_device = check_device,
	.check_point = check_point,
	.same_port = same_port,
	.plan = plan,
	.text_room = text_room,
	.describe = describe,
	.open = fg_coap_open,
	.close = fg_coap_close,
	.poll = fg_coap_poll,
	.cancel = fg_coap_cancel,
	.host_open = fg_coap_host_open,
	.host_close = fg_coap_host_close,
	.host_fd = fg_coap_host_fd,
	.host_process = fg_coap_host_process,
};
