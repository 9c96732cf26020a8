/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of a configuration file but for devices: gateway, stations, store, clock, brokers. */
#include "gateway/config/keys.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"

#define MS		INT64_C(1000)
#define SECOND		(1000 * MS)
#define HOUR		(3600 * SECOND)
#define DAY		(24 * HOUR)
#define AT(type, field) .offset = offsetof(struct type, field)

const char *const fg_drivers_unsupported[] = {NULL};

static const struct fg_choice languages[] = {
	{"nb", FG_LANG_NB, false, "Bokmål"},
	{"nn", FG_LANG_NN, false, "Nynorsk"},
	{"en", FG_LANG_EN, false, "English"},
	{0},
};

static const struct fg_key gateway_keys[] = {
	{"id", FG_KEY_NAME, FG_KEY_REQUIRED, AT(fg_gateway_conf, id),
		.help = "The gateway's name, unique in the town. It begins the id of every "
			"reading, so it "
			"never changes."},
	{"title", FG_KEY_TEXT, AT(fg_gateway_conf, title),
		.help = "Its name for people. Default: the id."},
	{"operator", FG_KEY_TEXT, AT(fg_gateway_conf, operator), .help = "Who runs it."},
	{"contact", FG_KEY_TEXT, AT(fg_gateway_conf, contact),
		.help = "Where consumers of the data can ask: a web or mail address."},
	{"licence", FG_KEY_TEXT, AT(fg_gateway_conf, licence), .max = 64,
		.help = "The SPDX identifier of the licence of the data, such as `NLOD-2.0` or "
			"`CC-BY-4.0`."},
	{"language", FG_KEY_CHOICE, AT(fg_gateway_conf, language), .choices = languages,
		.dflt = "nb", .help = "Language of texts for the public."},
	{"timezone", FG_KEY_TEXT, AT(fg_gateway_conf, timezone), .max = 64, .dflt = "Europe/Oslo",
		.help = "Time zone of local days. Everything that is published is UTC."},
	{"organisation", FG_KEY_TEXT, AT(fg_gateway_conf, organisation), .max = 16,
		.help = "The operator's Norwegian organisation number, nine digits: what data "
			"portals know it by."},
	{0},
};

/* Links and devices are read by the loader, which knows their drivers; rules once points are. */
static int parse_later(struct fg_bind *b, const struct fg_node *node, void *field)
{
	(void)field;
	if (node->kind == FG_NODE_MAPPING)
		return FG_OK;
	fg_bind_error(b, node, "a %s cannot stand here; it takes a mapping of names",
		node->kind == FG_NODE_SCALAR ? "text" : "list");
	return FG_ECONFIG;
}

/* ---- stations ---- */

static const struct fg_key position_keys[] = {
	{"latitude", FG_KEY_NUMBER, FG_KEY_REQUIRED, AT(fg_station, latitude), .fmin = -90,
		.fmax = 90, .unit = "degrees", .help = "WGS 84, north is positive."},
	{"longitude", FG_KEY_NUMBER, FG_KEY_REQUIRED, AT(fg_station, longitude), .fmin = -180,
		.fmax = 180, .unit = "degrees", .help = "WGS 84, east is positive."},
	{"elevation", FG_KEY_NUMBER, AT(fg_station, elevation), .fmin = -500, .fmax = 9000,
		.unit = "metres", .help = "Above sea level."},
	{0},
};

const struct fg_key fg_keys_station[] = {
	{"title", FG_KEY_TEXT, AT(fg_station, title),
		.help = "Its name for people. Default: the station's name."},
	{"position", FG_KEY_STRUCT, .sub = position_keys, .help = "Where it is."},
	{"rules", FG_KEY_CUSTOM, .parse = parse_later, .sub = fg_keys_rule,
		.form = "a mapping of names",
		.help = "Quality tests across points of the station; see docs/quality.md. The name "
			"stands in `qc_tests` of what it finds suspect."},
	{0},
};

/* ---- storage ---- */

static const struct fg_choice full_choices[] = {
	{"drop-oldest", 0, false, "the oldest readings go"},
	{"thin", 1, false,
		"every second of the oldest stays, then every fourth, evenly over time"},
	{"drop-newest", 2, false, "new readings are refused until there is room"},
	{0},
};

static const struct fg_key storage_keys[] = {
	{"file", FG_KEY_PATH, AT(fg_storage_conf, file), .dflt = "/var/lib/fjordgate/readings.db",
		.help = "The database. Its folder must exist. A change needs a restart."},
	{"commit_interval", FG_KEY_DURATION, AT(fg_storage_conf, commit_interval_us), .max = HOUR,
		.dflt = "1s",
		.help = "Readings are written together this often: what a power cut can take at "
			"most. "
			"Longer spares the card; 0 writes each batch at once."},
	{"max_delay", FG_KEY_DURATION, AT(fg_storage_conf, max_delay_us), .min = 100 * MS,
		.max = HOUR, .dflt = "5s",
		.help = "A live reading waits this long for its place in the store, then goes out "
			"marked `stored: false`. Where `commit_interval` is longer, from when its "
			"commit was due."},
	{"keep", FG_KEY_DURATION, AT(fg_storage_conf, keep_us), .max = 36500 * DAY, .dflt = "30d",
		.help = "How long delivered readings stay as local history."},
	{"max_size", FG_KEY_SIZE, AT(fg_storage_conf, max_size), .min = 1 << 20,
		.max = INT64_C(1) << 44, .dflt = "512MiB",
		.help = "Hard bound of the database with its side files."},
	{"when_full", FG_KEY_CHOICE, AT(fg_storage_conf, when_full), .choices = full_choices,
		.dflt = "drop-oldest",
		.help = "What gives when `max_size` is reached before a broker took the readings. "
			"Each lost "
			"range is recorded and published as a gap."},
	{0},
};

/* ---- clock, control ---- */

static int parse_trust(struct fg_bind *b, const struct fg_node *node, void *field)
{
	static const char *const names[] = {"auto", "kernel", "always"};
	struct fg_clock_conf *clock = field;
	char mem[200];
	struct fg_buf hint;

	if (node->kind == FG_NODE_SCALAR && node->text[0] == '/' && strlen(node->text) < 1024) {
		clock->trust = FG_TRUST_FILE;
		clock->trust_file = fg_arena_strdup(b->arena, node->text);
		return FG_OK;
	}
	for (size_t i = 0; i < FG_COUNT(names) && node->kind == FG_NODE_SCALAR; i++) {
		if (strcmp(node->text, names[i]) == 0) {
			clock->trust = (int)i; /* enum fg_trust, in this order */
			return FG_OK;
		}
	}
	fg_buf_wrap(&hint, mem, sizeof(mem));
	if (node->kind == FG_NODE_SCALAR)
		fg_put_suggestion(&hint, node->text, names, FG_COUNT(names), "it takes");
	fg_bind_error(b, node, "'%.60s' is not auto, kernel, always or an absolute path%s",
		node->kind == FG_NODE_SCALAR ? node->text : "a list", mem);
	return FG_ECONFIG;
}

static const struct fg_key clock_keys[] = {
	{"trust", FG_KEY_CUSTOM, .offset = 0, .parse = parse_trust, .dflt = "auto",
		.form = "auto, kernel, always or the absolute path of a file",
		.schema = "{\"type\":\"string\",\"pattern\":\"^(auto|kernel|always|/.+)$\"}",
		.help = "When wall time is right. `auto`: the kernel or the time service says so, "
			"or a "
			"hardware clock set the time. `kernel`: the kernel alone. `always`: from "
			"the "
			"beginning. A path: once that file exists. Until then readings are stored "
			"and not "
			"published."},
	{"max_wait", FG_KEY_DURATION, AT(fg_clock_conf, max_wait_us), .max = 36500 * DAY,
		.dflt = "30m",
		.help = "Not right by then: readings are published with an estimated time and "
			"`time_uncertainty`, and corrected once the time is known."},
	{0},
};

static const struct fg_key control_keys[] = {
	{"socket", FG_KEY_PATH, AT(fg_control_conf, socket), .dflt = "/run/fjordgate/control.sock",
		.help = "Where `fjordctl` reaches the daemon. A change needs a restart."},
	{"group", FG_KEY_TEXT, AT(fg_control_conf, group), .max = 32, .dflt = "fjordgate",
		.help = "The group that may use it: ask and change."},
	{"read_group", FG_KEY_TEXT, AT(fg_control_conf, read_group), .max = 32,
		.help = "A group whose members may look (`status`, `watch`, `read`, `history`, "
			"`qc`, lists) and change nothing. With it the socket's mode is 0666, and "
			"the gateway looks who asks."},
	{0},
};

/* ---- brokers ---- */

static bool host_ok(const char *host, bool literal)
{
	const char *set =
		literal ? "0123456789abcdefABCDEF:.%"
			: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t n = strlen(host);

	return n > 0 && n <= 253 && host[0] != '-' && host[0] != '.' && strspn(host, set) == n &&
	       (!literal || strchr(host, ':'));
}

/* HOST, HOST:PORT or [IPV6]:PORT. */
static bool parse_host_port(struct fg_bind *b, const char *text, struct fg_server *s)
{
	bool literal = text[0] == '[';
	size_t n = literal ? strcspn(text + 1, "]") : strcspn(text, ":");
	const char *rest = text + n + (literal ? 1 + (text[n + 1] == ']') : 0);
	int64_t port;

	if (literal && text[n + 1] != ']')
		return false;
	s->host = fg_arena_strndup(b->arena, text + literal, n);
	if (!host_ok(s->host, literal))
		return false;
	if (!*rest)
		return true;
	if (rest[0] != ':' || !isdigit((unsigned char)rest[1]) || strlen(rest) > 6 ||
		fg_integer_parse(rest + 1, &port) < 0 || port < 1 || port > 65535)
		return false;
	s->port = (int)port;
	return true;
}

static int parse_server(struct fg_bind *b, const struct fg_node *node, struct fg_server *s)
{
	const char *text = node->kind == FG_NODE_SCALAR ? node->text : "";
	char *rest;
	size_t len;

	s->url = fg_arena_strdup(b->arena, text);
	s->tls = strncmp(text, "mqtts://", 8) == 0;
	s->port = s->tls ? 8883 : 1883;
	if (strncmp(text, "ws://", 5) == 0 || strncmp(text, "wss://", 6) == 0) {
		fg_bind_error(b, node,
			"'%.60s': MQTT over websockets is not there, since libmosquitto has it "
			"for brokers alone; write mqtts://HOST:PORT",
			text);
		return FG_ECONFIG;
	}
	if (!s->tls && strncmp(text, "mqtt://", 7) != 0) {
		fg_bind_error(b, node,
			"'%.60s' is not a server; write mqtts://HOST:PORT, or mqtt://HOST:PORT "
			"without TLS",
			text);
		return FG_ECONFIG;
	}
	rest = fg_arena_strdup(b->arena, text + (s->tls ? 8 : 7));
	if (strchr(rest, '@')) {
		fg_bind_error(b, node,
			"no login in the address; use the keys username and password_file");
		return FG_ECONFIG;
	}
	len = strlen(rest);
	if (len && rest[len - 1] == '/')
		rest[len - 1] = '\0';
	if (!parse_host_port(b, rest, s)) {
		fg_bind_error(b, node,
			"'%.60s': the host or port is wrong; write %s://HOST:PORT with a port of 1 "
			"to 65535",
			text, s->tls ? "mqtts" : "mqtt");
		return FG_ECONFIG;
	}
	return FG_OK;
}

static int parse_servers(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_raw_servers *out = field;
	size_t n = node->kind == FG_NODE_SEQUENCE ? node->count : 1;
	struct fg_server *items = fg_arena_array(b->arena, n, sizeof(*items));
	int r = FG_OK;

	if (n == 0 || n > 16) {
		fg_bind_error(b, node, "%zu servers; 1 to 16 are allowed", n);
		return FG_ECONFIG;
	}
	for (size_t i = 0; i < n; i++) {
		const struct fg_node *item = node->kind == FG_NODE_SEQUENCE ? node->items[i] : node;

		if (parse_server(b, item, &items[i]) < 0)
			r = FG_ECONFIG;
	}
	if (r == FG_OK)
		*out = (struct fg_raw_servers){items, n};
	return r;
}

static const struct fg_choice versions[] = {
	{"5", 5, false, ""},
	{"3.1.1", 3, false, ""},
	{0},
};

static const struct fg_choice sessions[] = {
	{"kept", FG_SESSION_KEPT, false,
		"the broker knows us again, so after a break only what it lacks goes out"},
	{"clean", FG_SESSION_CLEAN, false,
		"it forgets us; with each connection the newest reading of every point goes out"},
	{0},
};

/* The bits of payloads that are not built yet are never set. */
enum { NOT_BUILT = 31 };

static const struct fg_choice payloads[] = {
#define FG_ENCODER(symbol, name, help) {name, FG_ENCODER_##symbol, false, help},
#define FG_ENCODER_KEYS FG_ENCODER
#include "protocol/encoders.def"
#undef FG_ENCODER
#undef FG_ENCODER_KEYS
	{0},
};

static const struct fg_choice domains[] = {
	{"air", FG_DOMAIN_AIR, false, ""},
	{"water", FG_DOMAIN_WATER, false, ""},
	{"bathing", FG_DOMAIN_BATHING, false, ""},
	{"weather", FG_DOMAIN_WEATHER, false, ""},
	{0},
};

static const struct fg_choice qualities[] = {
	{"1", FG_QC_PASS, false, ""},
	{"2", FG_QC_NOT_EVALUATED, false, ""},
	{"3", FG_QC_SUSPECT, false, ""},
	{"4", FG_QC_FAIL, false, ""},
	{"9", FG_QC_MISSING, false, ""},
	{0},
};

static const struct fg_key select_keys[] = {
	{"stations", FG_KEY_NAMES, AT(fg_raw_destination, d.stations),
		.help = "Points of these stations alone. Default: all."},
	{"properties", FG_KEY_TEXTS, AT(fg_raw_destination, d.properties),
		.help = "Points of these properties alone. Default: all."},
	{"quality", FG_KEY_CHOICES, AT(fg_raw_destination, d.quality), .choices = qualities,
		.help = "Readings of these flags alone; the others are told as gaps "
			"`not_selected`. Without 9 a dead sensor's last value stays retained. A "
			"correction goes out whatever its flag. Default: all."},
	{"domains", FG_KEY_CHOICES, AT(fg_raw_destination, d.domains), .choices = domains,
		.help = "Readings of these domains go there. Default: all."},
	{0},
};

#define SERVERS_SCHEMA                                                                             \
	"{\"anyOf\":[{\"$ref\":\"#/$defs/server\"},"                                               \
	"{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,"                                      \
	"\"items\":{\"$ref\":\"#/$defs/server\"}}]}"

const struct fg_key fg_keys_mqtt[] = {
	{"servers", FG_KEY_CUSTOM, FG_KEY_REQUIRED, AT(fg_raw_destination, servers),
		.parse = parse_servers, .form = "a list of mqtts://HOST:PORT or mqtt://HOST:PORT",
		.schema = SERVERS_SCHEMA,
		.help = "Doors to one broker or cluster, tried in order. Ports default to 8883 "
			"with TLS "
			"(`mqtts`) and 1883 without. Independent brokers are two destinations."},
	{"version", FG_KEY_CHOICE, AT(fg_raw_destination, d.version), .choices = versions,
		.dflt = "5",
		.help = "MQTT version. With 3.1.1 a broker that refuses a message does not say "
			"so."},
	{"client_id", FG_KEY_TEXT, AT(fg_raw_destination, d.client_id), .max = 120,
		.help = "Default: `GATEWAY-DESTINATION`. Two clients of one broker never share "
			"one."},
	{"username", FG_KEY_TEXT, AT(fg_raw_destination, d.username),
		.help = "Login at the broker."},
	{"password_file", FG_KEY_PATH, FG_KEY_FILE, AT(fg_raw_destination, d.password_file),
		.help = "File with the password; a newline at its end is cut. It is read at each "
			"connect."},
	{"ca_file", FG_KEY_PATH, FG_KEY_FILE, AT(fg_raw_destination, d.ca_file),
		.help = "Certificates (PEM) that the broker's is checked against. Default: the "
			"system's."},
	{"cert_file", FG_KEY_PATH, FG_KEY_FILE, AT(fg_raw_destination, d.cert_file),
		.help = "Client certificate (PEM)."},
	{"key_file", FG_KEY_PATH, FG_KEY_FILE, AT(fg_raw_destination, d.key_file),
		.help = "Its key (PEM)."},
	{"psk_identity", FG_KEY_TEXT, AT(fg_raw_destination, d.psk_identity),
		.help = "TLS with a pre-shared key instead of certificates: who we are."},
	{"psk_file", FG_KEY_PATH, FG_KEY_FILE, AT(fg_raw_destination, d.psk_file),
		.help = "File with `identity:hexkey` lines."},
	{"insecure", FG_KEY_BOOL, AT(fg_raw_destination, d.insecure), .dflt = "false",
		.help = "Allows `mqtt://` (no TLS) to a server that is not on loopback."},
	{"prefix", FG_KEY_TEXT, AT(fg_raw_destination, d.prefix), .max = 120, .dflt = "fjordgate",
		.help = "What every topic begins with."},
	{"payload", FG_KEY_CHOICES, AT(fg_raw_destination, d.payload), .choices = payloads,
		.dflt = "json", .help = "Forms in which readings are published."},
#define FG_ENCODER(symbol, name, help)
#define FG_ENCODER_KEYS(symbol, name, about)                                                       \
	{name, FG_KEY_STRUCT, AT(fg_raw_destination, options[FG_ENCODER_##symbol]),                \
		.sub = fg_encoder_keys_##symbol,                                                   \
		.help = "How payload `" name "` is written: " about "."},
#include "protocol/encoders.def"
#undef FG_ENCODER
#undef FG_ENCODER_KEYS
	{"qos", FG_KEY_INT, AT(fg_raw_destination, qos), .min = 1, .max = 2, .dflt = "1",
		.help = "MQTT quality of service. 0 is not offered: nothing would acknowledge a "
			"reading."},
	{"inflight", FG_KEY_INT, AT(fg_raw_destination, inflight), .min = 1, .max = 1000,
		.dflt = "100", .unit = "messages",
		.help = "How many messages may wait for their acknowledgement."},
	{"backlog_rate", FG_KEY_RATE, AT(fg_raw_destination, d.backlog_rate), .fmin = 0.001,
		.fmax = 100000, .dflt = "500/s",
		.help = "How fast the backlog is sent after an outage, beside the live readings."},
	{"batch", FG_KEY_DURATION, AT(fg_raw_destination, d.batch_us), .max = 3600 * SECOND,
		.dflt = "0s",
		.help = "One message a device for all its readings of this time, for a metered "
			"link; see docs/payloads.md. An alarm, or a device that fails, does not "
			"wait."},
	{"daily_budget", FG_KEY_SIZE, AT(fg_raw_destination, d.daily_budget), .max = 1LL << 50,
		.dflt = "0", .unit = "bytes a day",
		.help = "Bytes of a local day (gateway.timezone) on a metered link, in both "
			"directions. Where they do not suffice the backlog waits first, then live "
			"readings are thinned and go out as backlog later. 0: no limit."},
	{"will_delay", FG_KEY_DURATION, AT(fg_raw_destination, d.will_delay_us), .max = 365 * DAY,
		.dflt = "30s",
		.help = "MQTT 5: a break shorter than this is not told as `offline`."},
	{"expiry", FG_KEY_DURATION, AT(fg_raw_destination, d.expiry_us), .max = 10 * 365 * DAY,
		.dflt = "0s",
		.help = "MQTT 5: the broker drops a queued message after this time. 0: never."},
	{"session", FG_KEY_CHOICE, AT(fg_raw_destination, d.session), .choices = sessions,
		.dflt = "kept", .help = "What the broker keeps of us while we are away."},
	{"keepalive", FG_KEY_DURATION, AT(fg_raw_destination, d.keepalive_us), .min = 5 * SECOND,
		.max = 65535 * SECOND, .dflt = "60s",
		.help = "A silent connection is tried so often, and the broker tells the will "
			"after one and a half of it. A broker of MQTT 5 may ask for another."},
	{"return_after", FG_KEY_DURATION, AT(fg_raw_destination, d.return_after_us),
		.max = 365 * DAY, .dflt = "5m",
		.help = "Connected to another than the first server: after this time the first is "
			"tried, and taken again if it answers; later and later, up to twelve times "
			"this, where it did not hold. 0: never."},
	{"select", FG_KEY_STRUCT, .sub = select_keys,
		.help = "What goes there. Default: everything."},

	{"catalogue", FG_KEY_BOOL, AT(fg_raw_destination, d.catalogue), .dflt = "true",
		.help = "Publishes the catalogue of stations there, which is sent with each new "
			"session; see docs/catalogue.md. `false` spares a metered link."},
	{"withdraw", FG_KEY_BOOL, AT(fg_raw_destination, d.withdraw), .dflt = "false",
		.help = "Takes back all that the gateway has published retained there, and "
			"publishes nothing any more: before the destination is removed."},
	{"public", FG_KEY_CUSTOM, AT(fg_raw_destination, public_servers), .parse = parse_servers,
		.form = "a list of mqtts://HOST:PORT or mqtt://HOST:PORT", .schema = SERVERS_SCHEMA,
		.help = "Where consumers of the data reach the broker, if not at `servers`: it "
			"stands in the catalogue."},
	{0},
};

/* ---- the file ---- */

const struct fg_key fg_keys_root[] = {
	{"gateway", FG_KEY_STRUCT, FG_KEY_REQUIRED, AT(fg_raw_root, gateway), .sub = gateway_keys,
		.help = "Who this gateway is."},
	{"stations", FG_KEY_MAP, AT(fg_raw_root, stations), .sub = fg_keys_station,
		.size = sizeof(struct fg_station),
		.help = "Places. Topics and the catalogue speak of stations."},
	{"storage", FG_KEY_STRUCT, AT(fg_raw_root, storage), .sub = storage_keys,
		.help = "Where readings are kept until every destination has them."},
	{"mqtt", FG_KEY_MAP, AT(fg_raw_root, mqtt), .sub = fg_keys_mqtt,
		.size = sizeof(struct fg_raw_destination),
		.help = "Destinations. Each gets every reading it selects."},
	{"clock", FG_KEY_STRUCT, AT(fg_raw_root, clock), .sub = clock_keys,
		.help = "When wall time can be believed."},
	{"http", FG_KEY_STRUCT, AT(fg_raw_root, http), .sub = fg_keys_http,
		.help = "Status page, HTTP API and metrics; see docs/http.md."},
	{"control", FG_KEY_STRUCT, AT(fg_raw_root, control), .sub = control_keys,
		.help = "The control socket."},
	{"notices", FG_KEY_STRUCT, AT(fg_raw_root, notices), .sub = fg_keys_notices,
		.help = "Which service notices for consumers the gateway writes by itself; others "
			"come from `fjordctl notice`."},
	{"links", FG_KEY_CUSTOM, .parse = parse_later, .sub = fg_keys_link,
		.form = "a mapping of names",
		.help = "Transports that devices share: a serial bus, a TCP or CoAP endpoint. Each "
			"takes "
			"the keys of its driver besides."},
	{"devices", FG_KEY_CUSTOM, .parse = parse_later, .sub = fg_keys_device,
		.form = "a mapping of names",
		.help = "Instruments. Each takes the keys of its link's driver besides."},
	{0},
};

bool fg_key_is_map(const struct fg_key *key)
{
	return key->type == FG_KEY_MAP || key->sub == fg_keys_link || key->sub == fg_keys_device ||
	       key->sub == fg_keys_point || key->sub == fg_keys_rule;
}

const struct fg_key *fg_key_driver_part(const struct fg_key *sub, const struct fg_driver *driver)
{
	if (sub == fg_keys_link)
		return driver->link_keys;
	if (sub == fg_keys_device)
		return driver->device_keys;
	return sub == fg_keys_point ? driver->point_keys : NULL;
}
