/* SPDX-License-Identifier: EUPL-1.2 */
/* The coap-server driver: keys, checks and the plan, which is empty: sensors send by themselves. */
#include "drivers/coap_server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/node.h"
#include "base/number.h"
#include "base/status.h"
#include "drivers/driver.h"
#include "drivers/payload_keys.h"

#define TEXT_ROOM 256

static const struct fg_key link_keys[] = {
	{.name = "listen",
		.type = FG_KEY_TEXT,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct fg_push_link, listen),
		.help = "ADDRESS:PORT to listen on: [::]:5684 for all, 192.0.2.1:5684 for one. "
			"Usual ports: 5684 with keys or certificates, 5683 without."},
	{.name = "tcp",
		.type = FG_KEY_BOOL,
		.dflt = "false",
		.offset = offsetof(struct fg_push_link, tcp),
		.help = "Listens for CoAP over TCP or TLS (RFC 8323) on the same port, too."},
	{.name = "psk_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = offsetof(struct fg_push_link, psk_file),
		.help = "A file of identity:hexkey lines, one a sensor. Read at each handshake; "
			"at a reload sessions whose key has changed or gone are ended."},
	{.name = "cert_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = offsetof(struct fg_push_link, cert_file),
		.help = "The gateway's certificate with its chain (PEM), for sensors with "
			"certificates."},
	{.name = "key_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = offsetof(struct fg_push_link, key_file),
		.help = "Its private key (PEM)."},
	{.name = "ca_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = offsetof(struct fg_push_link, ca_file),
		.help = "Who signs the sensors' certificates (PEM)."},
	{.name = "insecure",
		.type = FG_KEY_BOOL,
		.dflt = "false",
		.offset = offsetof(struct fg_push_link, insecure),
		.help = "Without keys or certificates anybody can report readings: beyond "
			"127.0.0.1 and ::1 only where this says `true`."},
	{.name = "time_path",
		.type = FG_KEY_TEXT,
		.dflt = "/time",
		.offset = offsetof(struct fg_push_link, time_path),
		.help = "Sensors ask the time here: GET gives seconds since 1970 as a text, POST "
			"as four bytes (Efento: /t)."},
	{.name = "rate",
		.type = FG_KEY_RATE,
		.fmin = 0.1,
		.fmax = 10000,
		.dflt = "10/s",
		.offset = offsetof(struct fg_push_link, rate),
		.help = "How many messages one address may send, ten seconds' worth of them at "
			"once; what is more is dropped and counted."},
	{.name = "max_sessions",
		.type = FG_KEY_INT,
		.min = 1,
		.max = 10000,
		.dflt = "200",
		.offset = offsetof(struct fg_push_link, max_sessions),
		.help = "Idle sessions that are kept; the oldest give way."},
	{.name = "max_payload",
		.type = FG_KEY_SIZE,
		.min = 64,
		.max = 65536,
		.dflt = "16KiB",
		.offset = offsetof(struct fg_push_link, max_payload),
		.help = "The longest payload, in how many blocks it may come."},
	{0},
};

static const struct fg_key device_keys[] = {
	{.name = "path",
		.type = FG_KEY_TEXT,
		.offset = offsetof(struct fg_push_device, path),
		.help = "Where the device sends its readings to. Default: / and its id. With "
			"`payload: {identity: …}` several may share one."},
	{.name = "identity",
		.type = FG_KEY_TEXT,
		.offset = offsetof(struct fg_push_device, identity),
		.help = "Its PSK identity, or the name in its certificate. Default: its id."},
	{.name = "sender",
		.type = FG_KEY_TEXT,
		.offset = offsetof(struct fg_push_device, sender),
		.help = "What its payload says of itself, where several devices share path and "
			"identity. Default: its id."},
	FG_PAYLOAD_DEVICE_KEYS(struct fg_push_device, payload),
	{0},
};

static const struct fg_key point_keys[] = {
	{.name = "path",
		.type = FG_KEY_TEXT,
		.offset = offsetof(struct fg_push_point, in.path),
		.help = "A path of its own, where the device sends this point apart from others."},
	FG_PAYLOAD_POINT_KEYS(struct fg_push_point, in),
	{0},
};

static struct fg_place place_of(const struct fg_node *node, const char *key)
{
	const struct fg_node *value = fg_node_get(node, key);

	return value ? value->at : node->at;
}

/* ---- the address ---- */

static bool parse_port(const char *text, uint16_t *ret)
{
	int64_t port;

	if (fg_integer_parse(text, &port) < 0 || port < 1 || port > 65535)
		return false;
	*ret = (uint16_t)port;
	return true;
}

bool fg_push_parse_listen(
	const char *text, struct sockaddr_storage *ret, socklen_t *ret_len, bool *ret_loopback)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	char host[64];
	uint16_t port;
	size_t len;

	memset(ret, 0, sizeof(*ret));
	if (!colon || !parse_port(colon + 1, &port))
		return false;
	len = (size_t)(colon - text);
	if (len < 2 || len >= sizeof(host))
		return false;
	if (*text == '[' && colon[-1] == ']') {
		memcpy(host, text + 1, len - 2);
		host[len - 2] = '\0';
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		*ret_len = sizeof(*six);
		if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1)
			return false;
		*ret_loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
		return true;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	*ret_len = sizeof(*four);
	*ret_loopback = strncmp(host, "127.", 4) == 0;
	return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

/* ---- checks ---- */

static void check_link(const struct fg_link *link, void *conf_area, struct fg_report *rep)
{
	struct fg_push_link *conf = conf_area;

	if (!conf->listen)
		return; /* told already */
	if (!fg_push_parse_listen(conf->listen, &conf->addr, &conf->addr_len, &conf->loopback)) {
		fg_report_error(rep, place_of(link->node, "listen"),
			"links.%s.listen: '%s' is not ADDRESS:PORT, such as [::]:5684 or "
			"192.0.2.1:5684",
			link->name, conf->listen);
		return;
	}
	if (!conf->cert_file != !conf->key_file)
		fg_report_error(rep, link->node->at,
			"links.%s: cert_file and key_file go together", link->name);
	if (conf->cert_file && !conf->ca_file)
		fg_report_error(rep, link->node->at,
			"links.%s: ca_file says who signs the sensors' certificates; without it "
			"any certificate would do",
			link->name);
	if (!fg_push_is_secure(conf) && !conf->loopback && !conf->insecure)
		fg_report_error(rep, place_of(link->node, "listen"),
			"links.%s.listen: without psk_file or cert_file anybody can report "
			"readings; set one of them, or `insecure: true`",
			link->name);
	if (fg_push_is_secure(conf) && conf->insecure)
		fg_report_warning(rep, place_of(link->node, "insecure"),
			"links.%s.insecure: has no effect, as there are keys", link->name);
}

/* RFC 3986, as in the uri of a request. */
static bool path_valid(const char *path)
{
	if (*path != '/' || path[1] == '\0')
		return false;
	for (const char *p = path; *p; p++)
		if (*p <= ' ' || *p == '#' || *p == '?' || *p == '"' || *p == '>')
			return false;
	return true;
}

static void check_path(
	const struct fg_node *node, const char *owner, const char *path, struct fg_report *rep)
{
	if (path && !path_valid(path))
		fg_report_error(rep, place_of(node, "path"),
			"%s.path: '%s' is not a path such as /stations/pier", owner, path);
}

static void check_device(const struct fg_device *dev, void *conf_area, struct fg_report *rep)
{
	const struct fg_push_device *conf = conf_area;
	char owner[100];

	snprintf(owner, sizeof(owner), "devices.%s", dev->name);
	check_path(dev->node, owner, conf->path, rep);
	fg_payload_check_conf(dev, &conf->payload, rep);
}

static void check_point(const struct fg_point *point, void *conf_area, struct fg_report *rep)
{
	static const struct fg_payload_conf nothing = {0};
	struct fg_push_point *conf = conf_area;
	const struct fg_push_device *dev = point->device->conf;
	char owner[200];

	snprintf(owner, sizeof(owner), "devices.%s.points.%s", point->device->name, point->name);
	check_path(point->node, owner, conf->in.path, rep);
	fg_payload_check_point(point, &conf->in, dev ? &dev->payload : &nothing, rep);
}

/* Two devices that nothing tells apart. */
static void check_pair(const struct fg_device *a, const struct fg_device *b, struct fg_report *rep)
{
	const struct fg_push_device *ca = a->conf, *cb = b->conf;
	const char *path_a = ca->path ? ca->path : a->name;
	const char *path_b = cb->path ? cb->path : b->name;
	const char *sender_a = ca->sender ? ca->sender : a->name;
	const char *sender_b = cb->sender ? cb->sender : b->name;

	path_a += *path_a == '/';
	path_b += *path_b == '/';
	if (strcmp(path_a, path_b) == 0 && strcmp(sender_a, sender_b) == 0 &&
		strcmp(ca->identity ? ca->identity : a->name,
			cb->identity ? cb->identity : b->name) == 0)
		fg_report_error(rep, b->node->at,
			"devices.%s: path, identity and sender are those of '%s': nothing tells "
			"their readings apart",
			b->name, a->name);
}

static bool same_port(const struct fg_link *a, const struct fg_link *b)
{
	const struct fg_push_link *ca = a->conf, *cb = b->conf;

	return ca->addr_len && ca->addr_len == cb->addr_len &&
	       memcmp(&ca->addr, &cb->addr, ca->addr_len) == 0;
}

static int plan(struct fg_group *group, struct fg_arena *arena)
{
	(void)arena;
	group->pushed = true;
	group->request_count = 0;
	return FG_OK;
}

static size_t text_room(const struct fg_group *group)
{
	return group->count * TEXT_ROOM;
}

/* Nobody polls it but a person (`fjordctl read`), who learns that it cannot be. */
static int poll_nothing(struct fg_job *job)
{
	fg_job_explain(job, "  the device sends by itself; `fjordctl watch %s` shows what comes",
		job->group->device->name);
	for (size_t i = 0; i < job->group->count && !job->probe; i++)
		fg_job_missing(job, job->group->points[i], FG_REASON_NOT_REPORTED, 0,
			job->deadline_mono_us);
	return FG_OK;
}

static void cancel_nothing(struct fg_job *job)
{
	job->done(job);
}

static void port(const struct fg_link *link, struct fg_buf *out)
{
	const struct fg_push_link *conf = link->conf;

	fg_buf_puts(out, conf->listen);
}

static const char *const count_names[] = {
	[FG_PUSH_REQUESTS] = "requests",
	[FG_PUSH_ACCEPTED] = "accepted",
	[FG_PUSH_KNOWN] = "known",
	[FG_PUSH_REFUSED] = "refused",
	[FG_PUSH_NOT_NOW] = "not_now",
	[FG_PUSH_DROPPED] = "dropped_rate",
	[FG_PUSH_SESSIONS] = "sessions",
	[FG_PUSH_HANDSHAKES] = "handshakes",
	[FG_PUSH_STRANGERS] = "strangers",
	[FG_PUSH_COUNTS] = NULL,
};

const struct fg_driver fg_driver_coap_server = {
	.name = "coap-server",
	.help = "CoAP server for sensors that send by themselves (RFC 7252), over UDP, DTLS, TCP "
		"or TLS",
	.flags = FG_DRIVER_SHARED | FG_DRIVER_LISTENS,
	.thread = "coap",
	.count_names = count_names,
	.link_size = sizeof(struct fg_push_link),
	.device_size = sizeof(struct fg_push_device),
	.point_size = sizeof(struct fg_push_point),
	.link_keys = link_keys,
	.device_keys = device_keys,
	.point_keys = point_keys,
	.state_size = FG_PUSH_STATE_SIZE,
	.host_size = FG_PUSH_HOST_SIZE,
	.check_link = check_link,
	.check_device = check_device,
	.check_point = check_point,
	.check_pair = check_pair,
	.same_port = same_port,
	.plan = plan,
	.text_room = text_room,
	.port = port,
	.open = fg_push_open,
	.close = fg_push_close,
	.reload = fg_push_reload,
	.poll = poll_nothing,
	.cancel = cancel_nothing,
	.host_open = fg_push_host_open,
	.host_close = fg_push_host_close,
	.host_fd = fg_push_host_fd,
	.host_process = fg_push_host_process,
};
