/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of simulated CoAP resources and of devices that push, and their checks. */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim.h"

#define RESOURCE(member) offsetof(struct sim_resource, member)
#define PUSH(member)	 offsetof(struct sim_push, member)

static const struct fg_choice formats[] = {
	{.name = "auto", .value = SIM_FORMAT_AUTO},
	{.name = "text", .value = SIM_TEXT},
	{.name = "json", .value = SIM_JSON},
	{.name = "cbor", .value = SIM_CBOR},
	{.name = "senml-json", .value = SIM_SENML_JSON},
	{.name = "senml-cbor", .value = SIM_SENML_CBOR},
	{.name = "tlv", .value = SIM_TLV},
	{.name = "binary", .value = SIM_BINARY},
	{0},
};

static const struct fg_choice methods[] = {
	{.name = "post", .value = 0},
	{.name = "put", .value = 1},
	{0},
};

/* What a resource and a push have in common. */
#define BODY_KEYS(at)                                                                              \
	{.name = "format",                                                                         \
		.type = FG_KEY_CHOICE,                                                             \
		.offset = at(body.format),                                                         \
		.dflt = "auto",                                                                    \
		.choices = formats,                                                                \
		.help = "How values are told; auto: JSON where points have `json`, else text."},   \
		{.name = "base_name",                                                              \
			.type = FG_KEY_TEXT,                                                       \
			.offset = at(body.base_name),                                              \
			.help = "SenML: the base name."},                                          \
		{.name = "bytes",                                                                  \
			.type = FG_KEY_TEXT,                                                       \
			.offset = at(body.bytes),                                                  \
			.max = 4096,                                                               \
			.help = "binary: the payload in hexadecimal; values are put over it."},    \
		{.name = "time",                                                                   \
			.type = FG_KEY_TEXT,                                                       \
			.offset = at(body.time),                                                   \
			.help = "JSON, CBOR: a pointer to the seconds since 1970."},               \
		{.name = "pad", .type = FG_KEY_INT, .offset = at(body.pad), .max = 60000,          \
			.dflt = "0",                                                               \
			.help = "JSON, CBOR, SenML: a text of so many bytes more."}

const struct fg_key sim_resource_keys[] = {
	{.name = "path",
		.type = FG_KEY_TEXT,
		.flags = FG_KEY_REQUIRED,
		.offset = RESOURCE(path),
		.help = "The path of points."},
	BODY_KEYS(RESOURCE),
	{.name = "observe",
		.type = FG_KEY_BOOL,
		.offset = RESOURCE(observe),
		.dflt = "false",
		.help = "Whether it may be observed (RFC 7641)."},
	{.name = "notify",
		.type = FG_KEY_DURATION,
		.offset = RESOURCE(notify_us),
		.max = INT64_MAX,
		.dflt = "10s",
		.help = "Notifications at this interval; with on_change: looks this often."},
	{.name = "on_change",
		.type = FG_KEY_NUMBER,
		.offset = RESOURCE(on_change),
		.fmax = 1e9,
		.dflt = "0",
		.help = "Notifies only where a value moved by more than this; 0: always."},
	{.name = "confirmable",
		.type = FG_KEY_BOOL,
		.offset = RESOURCE(confirmable),
		.dflt = "false",
		.help = "Notifications are confirmable; else only now and then one."},
	{.name = "etag",
		.type = FG_KEY_BOOL,
		.offset = RESOURCE(etag),
		.dflt = "false",
		.help = "Answers have an ETag, and 2.03 where the client knows it."},
	{.name = "max_age",
		.type = FG_KEY_DURATION,
		.offset = RESOURCE(max_age_us),
		.max = INT64_C(4000000000000000),
		.dflt = "0s",
		.help = "Max-Age of answers, in seconds; 0: none is told (60s)."},
	{.name = "history",
		.type = FG_KEY_INT,
		.offset = RESOURCE(history),
		.max = 2000,
		.dflt = "0",
		.help = "SenML: so many older values, each with its time."},
	{.name = "step",
		.type = FG_KEY_DURATION,
		.offset = RESOURCE(step_us),
		.min = 1000,
		.max = INT64_MAX,
		.dflt = "60s",
		.help = "How far apart they are."},
	{.name = "rt", .type = FG_KEY_TEXT, .offset = RESOURCE(rt), .help = "Resource type."},
	{.name = "if",
		.type = FG_KEY_TEXT,
		.offset = RESOURCE(iface),
		.help = "Interface description."},
	{0},
};

const struct fg_key sim_push_keys[] = {
	{.name = "uri",
		.type = FG_KEY_TEXT,
		.offset = PUSH(uri),
		.help = "coap://ADDRESS[:PORT]/PATH, coaps://, coap+tcp:// or coaps+tcp://."},
	BODY_KEYS(PUSH),
	{.name = "method",
		.type = FG_KEY_CHOICE,
		.offset = PUSH(method),
		.dflt = "post",
		.choices = methods,
		.help = "POST or PUT."},
	{.name = "interval",
		.type = FG_KEY_DURATION,
		.offset = PUSH(interval_us),
		.min = 10000,
		.max = INT64_MAX,
		.dflt = "10s",
		.help = "How often it wakes up and reports."},
	{.name = "sample",
		.type = FG_KEY_DURATION,
		.offset = PUSH(sample_us),
		.max = INT64_MAX,
		.dflt = "0s",
		.help = "How often it measures; 0: when it reports."},
	{.name = "batch",
		.type = FG_KEY_INT,
		.offset = PUSH(batch),
		.min = 1,
		.max = 1000,
		.dflt = "20",
		.help = "Samples of one message, in SenML; other formats hold one."},
	{.name = "keep",
		.type = FG_KEY_INT,
		.offset = PUSH(keep),
		.min = 1,
		.max = 100000,
		.dflt = "1000",
		.help = "Samples that it keeps until they are acknowledged."},
	{.name = "confirmable",
		.type = FG_KEY_BOOL,
		.offset = PUSH(confirmable),
		.dflt = "true",
		.help = "Confirmable messages."},
	{.name = "ack_timeout",
		.type = FG_KEY_DURATION,
		.offset = PUSH(ack_timeout_us),
		.min = 1000000,
		.max = 60000000,
		.dflt = "2s",
		.help = "RFC 7252, 4.8."},
	{.name = "max_retransmit",
		.type = FG_KEY_INT,
		.offset = PUSH(max_retransmit),
		.min = 1,
		.max = 10,
		.dflt = "4",
		.help = "RFC 7252, 4.8."},
	{.name = "timeout",
		.type = FG_KEY_DURATION,
		.offset = PUSH(timeout_us),
		.min = 100000,
		.max = INT64_MAX,
		.dflt = "93s",
		.help = "An answer later than this is none: the samples are sent again."},
	{.name = "new_session",
		.type = FG_KEY_BOOL,
		.offset = PUSH(new_session),
		.dflt = "false",
		.help = "Each message from a new port, with a new handshake."},
	{.name = "psk_identity",
		.type = FG_KEY_TEXT,
		.offset = PUSH(psk_identity),
		.help = "coaps: its identity."},
	{.name = "psk_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = PUSH(psk_file),
		.help = "coaps: lines of identity:hexkey."},
	{.name = "ca_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = PUSH(ca_file),
		.help = "coaps: the authority of the server's certificate."},
	{.name = "cert_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = PUSH(cert_file),
		.help = "coaps: its own certificate."},
	{.name = "key_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = PUSH(key_file),
		.help = "Its key."},
	{.name = "log",
		.type = FG_KEY_PATH,
		.offset = PUSH(log),
		.help = "A file that each acknowledged value is written to, a line of JSON each."},
	{0},
};

/* ---- checks ---- */

static bool is_hex(const char *text)
{
	size_t n = strspn(text, "0123456789abcdefABCDEF");

	return n && n % 2 == 0 && !text[n];
}

static void check_body(const struct sim_device *d, const char *what, const struct fg_node *node,
	const struct sim_body *b, struct fg_report *rep)
{
	bool document = b->format == SIM_JSON || b->format == SIM_CBOR;

	if ((b->format == SIM_BINARY) != (b->bytes != NULL) || (b->bytes && !is_hex(b->bytes)))
		fg_report_error(rep, node->at,
			"devices.%s.%s: binary needs 'bytes' in hexadecimal, and nothing else has "
			"them",
			d->name, what);
	if (b->time && (*b->time != '/' || !document))
		fg_report_error(rep, node->at,
			"devices.%s.%s.time: a pointer that begins with '/', for json and cbor",
			d->name, what);
}

static bool has_point_at(const struct sim_device *d, const char *path)
{
	const struct sim_point *points = d->points.items;

	for (size_t i = 0; i < d->points.count; i++)
		if (points[i].path && strcmp(points[i].path, path) == 0)
			return true;
	return false;
}

static void check_push(const struct sim_device *d, struct fg_report *rep)
{
	static const char *const schemes[] = {"coap://", "coaps://", "coap+tcp://", "coaps+tcp://"};
	const struct sim_push *p = &d->push;
	bool known = false, secure = strncmp(p->uri, "coaps", 5) == 0;

	for (size_t i = 0; i < FG_COUNT(schemes); i++)
		known |= strncmp(p->uri, schemes[i], strlen(schemes[i])) == 0;
	if (!known)
		fg_report_error(rep, d->node->at,
			"devices.%s.push.uri: must begin with coap://, coaps://, coap+tcp:// or "
			"coaps+tcp://",
			d->name);
	if (!p->psk_identity != !p->psk_file || !p->cert_file != !p->key_file)
		fg_report_error(rep, d->node->at,
			"devices.%s.push: psk_identity and psk_file belong together, as do "
			"cert_file and key_file",
			d->name);
	if (secure != (p->psk_file || p->ca_file))
		fg_report_error(rep, d->node->at,
			"devices.%s.push: coaps needs psk_file or ca_file, coap has neither",
			d->name);
	check_body(d, "push", d->node, &p->body, rep);
}

void sim_check_coap(
	const struct sim_device *d, const struct sim_endpoint *at, struct fg_report *rep)
{
	const struct sim_resource *r = d->resources.items;

	if (d->resources.count && (!at || at->transport != SIM_COAP))
		fg_report_error(rep, d->node->at,
			"devices.%s.resources: are for an endpoint of kind coap", d->name);
	for (size_t i = 0; i < d->resources.count; i++) {
		if (!has_point_at(d, r[i].path))
			fg_report_error(rep, r[i].node->at,
				"devices.%s.resources: no point has the path '%s'", d->name,
				r[i].path);
		check_body(d, "resources", r[i].node, &r[i].body, rep);
	}
	if (d->push.uri)
		check_push(d, rep);
}
