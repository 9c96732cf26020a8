/* SPDX-License-Identifier: EUPL-1.2 */
/* A Modbus bus for probe and scan. The gateway's own drivers speak, here or in the gateway. */
#include "modbus.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "base/node.h"
#include "base/report.h"
#include "base/status.h"
#include "gateway/config/config.h"

#define DEFAULT_TIMEOUT_US 1000000

static void print_fault(void *arg, bool error, const char *text)
{
	(void)arg;
	(void)error;
	fprintf(stderr, "%s\n", text);
}

/* ---- a URL ---- */

static const struct scheme {
	const char *prefix, *driver;
} schemes[] = {
	{"tcp://", "modbus-tcp"},
	{"rtutcp://", "modbus-rtu-tcp"},
	{"rtu:", "modbus-rtu"},
};

static const struct scheme *scheme_of(const char *target)
{
	for (size_t i = 0; i < FG_COUNT(schemes); i++)
		if (strncmp(target, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			return &schemes[i];
	return NULL;
}

static void put_key(struct fg_buf *yaml, const char *key, const char *value, size_t len)
{
	fg_buf_puts(yaml, yaml->len > 1 ? ", " : "");
	fg_buf_printf(yaml, "%s: ", key);
	fg_json_quote(yaml, value, len);
}

/* HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT */
static void put_host(struct fg_buf *yaml, const char *text, size_t len)
{
	const char *end = text + len, *host = text, *host_end = end, *port = NULL;

	if (len && text[0] == '[') {
		const char *close = memchr(text, ']', len);

		host = text + 1;
		host_end = close ? close : end;
		if (close && close + 1 < end && close[1] == ':')
			port = close + 2;
	} else {
		port = memchr(text, ':', len);
		host_end = port ? port : end;
		port = port ? port + 1 : NULL;
	}
	put_key(yaml, "host", host, (size_t)(host_end - host));
	if (port)
		put_key(yaml, "port", port, (size_t)(end - port));
}

/* The words that people use for the keys of a link, and their short values. */
static const char *key_name(const char *key, size_t len)
{
	static const char *const pairs[][2] = {
		{"stop", "stop_bits"}, {"stopbits", "stop_bits"}, {"data", "data_bits"}};

	for (size_t i = 0; i < FG_COUNT(pairs); i++)
		if (strlen(pairs[i][0]) == len && memcmp(pairs[i][0], key, len) == 0)
			return pairs[i][1];
	return NULL;
}

static void put_parameter(
	struct fg_buf *yaml, const char *key, size_t key_len, const char *value, size_t len)
{
	static const char *const parities[][2] = {{"N", "none"}, {"E", "even"}, {"O", "odd"}};
	const char *known = key_name(key, key_len);
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)FG_MIN(key_len, sizeof(name) - 1), key);
	for (size_t i = 0; i < FG_COUNT(parities) && strcmp(name, "parity") == 0; i++)
		if (len == 1 && strncasecmp(value, parities[i][0], 1) == 0) {
			value = parities[i][1];
			len = strlen(value);
		}
	put_key(yaml, known ? known : name, value, len);
}

/* The parameters of a URL but those that scan sets. */
static void put_parameters(struct ctl_bus *bus, struct fg_buf *yaml, const char *query)
{
	while (*query) {
		size_t len = strcspn(query, "&"), key_len = FG_MIN(strcspn(query, "="), len);
		const char *value = query + key_len + (key_len < len);
		bool set = (bus->baud[0] && key_len == 4 && memcmp(query, "baud", 4) == 0) ||
			   (bus->parity[0] && key_len == 6 && memcmp(query, "parity", 6) == 0);

		if (key_len && !set)
			put_parameter(yaml, query, key_len, value, (size_t)(query + len - value));
		query += len + (query[len] == '&');
	}
	if (bus->baud[0])
		put_parameter(yaml, "baud", 4, bus->baud, strlen(bus->baud));
	if (bus->parity[0])
		put_parameter(yaml, "parity", 6, bus->parity, strlen(bus->parity));
}

/* Makes the link of a URL as the loader would make it of a configuration: the same keys, the same
 * checks, the same words. */
static int link_of_url(struct ctl_bus *bus)
{
	const struct scheme *scheme = scheme_of(bus->url);
	const char *rest = bus->url + strlen(scheme->prefix);
	size_t len = strcspn(rest, "?");
	struct fg_report *rep = fg_report_new();
	struct fg_bind bind = {.rep = rep, .no_files = true};
	struct fg_node *root = NULL;
	char mem[2048];
	struct fg_buf yaml;
	void *conf;
	int code = EX_OK;

	fg_arena_free(bus->arena);
	bus->arena = bind.arena = fg_arena_new();
	conf = fg_arena_alloc(bus->arena, bus->driver->link_size);
	fg_buf_wrap(&yaml, mem, sizeof(mem));
	fg_buf_putc(&yaml, '{');
	if (strcmp(scheme->prefix, "rtu:") == 0)
		put_key(&yaml, "device", strncmp(rest, "//", 2) == 0 ? rest + 2 : rest,
			len - (strncmp(rest, "//", 2) == 0 ? 2 : 0));
	else
		put_host(&yaml, rest, len);
	put_parameters(bus, &yaml, rest + len + (rest[len] == '?'));
	fg_buf_putc(&yaml, '}');
	if (yaml.overflow ||
		fg_yaml_load_text(bus->arena, yaml.data, yaml.len, bus->url, rep, &root) < 0 ||
		fg_bind_struct(&bind, root, bus->driver->link_keys, NULL, conf, NULL,
			(struct fg_place){bus->url, 0, 0}) > 0)
		code = EX_USAGE;
	fg_report_each(rep, print_fault, NULL);
	fg_report_free(rep);
	bus->link = (struct fg_link){.name = bus->url,
		.driver = bus->driver,
		.driver_name = bus->driver->name,
		.conf = conf};
	return code;
}

/* ---- the gateway ---- */

struct search {
	struct ctl_bus *bus;
	const char *name; /* the link's; NULL: by port */
	bool found;
};

static bool same_port(const struct ctl_bus *bus, const char *port)
{
	char mine[PATH_MAX], other[PATH_MAX];

	if (bus->on != FG_ON_SERIAL)
		return strcasecmp(bus->port, port) == 0;
	return strcmp(bus->port, port) == 0 ||
	       (realpath(bus->port, mine) && realpath(port, other) && strcmp(mine, other) == 0);
}

static int on_link(void *arg, const char *text)
{
	struct search *s = arg;
	struct ctl_bus *bus = s->bus;
	cJSON *doc = cJSON_Parse(text);
	const char *name = ctl_text(doc, "link"), *port = ctl_text(doc, "port");
	bool serial = strcmp(ctl_text(doc, "driver"), "modbus-rtu") == 0;

	if (s->name ? strcmp(s->name, name) == 0
		    : serial == (bus->on == FG_ON_SERIAL) && same_port(bus, port)) {
		s->found = true;
		bus->driver = fg_driver_find(ctl_text(doc, "driver"));
		bus->on = fg_heard_on(ctl_text(doc, "driver"));
		snprintf(bus->link_name, sizeof(bus->link_name), "%s", name);
		snprintf(bus->port, sizeof(bus->port), "%s", port);
	}
	cJSON_Delete(doc);
	return 0;
}

/* Whether a gateway runs that has the link or port. Silent where none runs. */
static bool find_at_gateway(struct ctl_bus *bus, const char *name)
{
	static const char *const words[] = {"links"};
	struct search s = {.bus = bus, .name = name};
	char *socket = ctl_find_socket(bus->ctl);

	if (socket && ctl_daemon_answers(socket))
		ctl_request(bus->ctl, words, 1, on_link, &s);
	free(socket);
	return s.found;
}

static size_t take_hex(const cJSON *doc, const char *key, uint8_t *ret, size_t size)
{
	const char *text = ctl_text(doc, key);
	size_t n = FG_MIN(strlen(text) / 2, size);

	for (size_t i = 0; i < n; i++) {
		char byte[3] = {text[2 * i], text[2 * i + 1], '\0'};

		ret[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return n;
}

static int on_raw(void *arg, const char *text)
{
	struct fg_raw *x = arg;
	cJSON *doc = cJSON_Parse(text);

	x->status = (int)ctl_number(doc, "status");
	x->sent_len = take_hex(doc, "sent", x->sent, sizeof(x->sent));
	x->answer_len = take_hex(doc, "answer", x->answer, sizeof(x->answer));
	x->heard_len = take_hex(doc, "heard", x->heard, sizeof(x->heard));
	x->echo = ctl_true(doc, "echo");
	snprintf(x->why, sizeof(x->why), "%s", ctl_text(doc, "why"));
	cJSON_Delete(doc);
	return 0;
}

static int borrow(struct ctl_bus *bus, struct fg_raw *x)
{
	char unit[8], pdu[2 * sizeof(x->pdu) + 1] = "", timeout[24];
	const char *words[] = {"raw", bus->link_name, unit, pdu, timeout};

	snprintf(unit, sizeof(unit), "%u", x->unit);
	snprintf(timeout, sizeof(timeout), "%lld", (long long)(x->timeout_us / 1000));
	for (size_t i = 0; i < x->pdu_len; i++)
		snprintf(pdu + 2 * i, 3, "%02x", x->pdu[i]);
	x->status = -EPIPE;
	ctl_request(bus->ctl, words, FG_COUNT(words), on_raw, x);
	return x->status == FG_OK || x->status == FG_ETIMEOUT || x->status == FG_EFRAME ? FG_OK
											: x->status;
}

/* ---- opening ---- */

static void print_failure(const struct ctl_bus *bus, const struct fg_heard *h)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, 65536);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "port", bus->port);
	fg_json_text(&j, "driver", bus->driver->name);
	fg_json_text(&j, "why", bus->state.why);
	fg_heard_put(h, &j);
	fg_json_end_object(&j);
	puts(out.data);
	fg_buf_fini(&out);
}

static int open_here(struct ctl_bus *bus)
{
	struct fg_heard h;
	int r;

	bus->state = (struct fg_link_state){.link = &bus->link};
	bus->state.state = calloc(1, bus->driver->state_size + 1);
	r = bus->state.state ? bus->driver->open(&bus->state) : FG_ENOMEM;
	if (r < 0) {
		fg_heard_from_open(r, bus->on, bus->port, &h);
		if (bus->ctl->json)
			print_failure(bus, &h);
		else
			ctl_bus_tell(bus, &h, stderr);
		return r == -EACCES ? EX_NOPERM : EX_TEMPFAIL;
	}
	bus->state.open = true;
	return EX_OK;
}

static void close_here(struct ctl_bus *bus)
{
	if (bus->state.state)
		bus->driver->close(&bus->state);
	free(bus->state.state);
	bus->state.state = NULL;
	bus->state.open = false;
}

static void name_port(struct ctl_bus *bus)
{
	struct fg_buf port;

	fg_buf_wrap(&port, bus->port, sizeof(bus->port));
	if (bus->driver->port)
		bus->driver->port(&bus->link, &port);
}

static int open_url(struct ctl_bus *bus, const char *target)
{
	int code;

	bus->url = target;
	bus->driver = fg_driver_find(scheme_of(target)->driver);
	if (!bus->driver || !bus->driver->raw) {
		fprintf(stderr, "fjordctl: driver %s is not built in\n", scheme_of(target)->driver);
		return EX_UNAVAILABLE;
	}
	bus->on = fg_heard_on(bus->driver->name);
	code = link_of_url(bus);
	if (code != EX_OK)
		return code;
	name_port(bus);
	if (find_at_gateway(bus, NULL)) {
		fprintf(stderr, "%s is the gateway's link '%s': borrowed between its polls\n",
			bus->port, bus->link_name);
		return EX_OK;
	}
	return open_here(bus);
}

static int open_link(struct ctl_bus *bus, const char *name)
{
	const struct fg_link *link = NULL;

	if (find_at_gateway(bus, name)) {
		if (bus->driver && bus->driver->raw)
			return EX_OK;
		fprintf(stderr, "fjordctl: link '%s' is no Modbus link\n", name);
		return EX_USAGE;
	}
	bus->config = ctl_load_config(bus->ctl);
	if (!bus->config)
		return EX_CONFIG;
	for (size_t i = 0; i < bus->config->link_count; i++)
		if (strcmp(bus->config->links[i].name, name) == 0)
			link = &bus->config->links[i];
	if (!link || !link->driver || !link->driver->raw) {
		fprintf(stderr,
			"fjordctl: '%s' is no Modbus link of the configuration; nor is it "
			"tcp://HOST:PORT, rtutcp://HOST:PORT or rtu:/dev/PORT?baud=9600&parity=E\n",
			name);
		return EX_USAGE;
	}
	bus->link = *link;
	bus->driver = link->driver;
	bus->on = fg_heard_on(bus->driver->name);
	name_port(bus);
	return open_here(bus);
}

int ctl_bus_open(const struct ctl *ctl, const char *target, struct ctl_bus *bus)
{
	memset(bus, 0, sizeof(*bus));
	bus->ctl = ctl;
	bus->timeout_us = ctl->timeout_us ? ctl->timeout_us : DEFAULT_TIMEOUT_US;
	return scheme_of(target) ? open_url(bus, target) : open_link(bus, target);
}

void ctl_bus_close(struct ctl_bus *bus)
{
	close_here(bus);
	fg_arena_free(bus->arena);
	fg_config_unref(bus->config);
	bus->arena = NULL;
	bus->config = NULL;
}

bool ctl_bus_is_tunable(const struct ctl_bus *bus)
{
	return bus->url && bus->on == FG_ON_SERIAL && !bus->link_name[0];
}

int ctl_bus_retune(struct ctl_bus *bus, const char *baud, const char *parity)
{
	int code;

	snprintf(bus->baud, sizeof(bus->baud), "%s", baud ? baud : "");
	snprintf(bus->parity, sizeof(bus->parity), "%s", parity ? parity : "");
	close_here(bus);
	code = link_of_url(bus);
	return code == EX_OK ? open_here(bus) : code;
}

/* ---- exchanges ---- */

int ctl_bus_exchange(
	struct ctl_bus *bus, uint8_t unit, const uint8_t *pdu, size_t len, struct fg_raw *x)
{
	int r;

	*x = (struct fg_raw){
		.link = &bus->link, .unit = unit, .pdu_len = len, .timeout_us = bus->timeout_us};
	memcpy(x->pdu, pdu, len);
	if (bus->link_name[0])
		return borrow(bus, x);
	if (!bus->state.open && bus->driver->open(&bus->state) < 0)
		return x->status = -EIO;
	bus->state.open = true;
	r = bus->driver->raw(&bus->state, x);
	if (r < 0) {
		x->status = r;
		bus->driver->close(&bus->state);
		bus->state.open = false;
	}
	return r;
}

int ctl_bus_read(struct ctl_bus *bus, uint8_t unit, const struct fg_request *req, struct fg_raw *x,
	uint16_t *ret_cells, unsigned *ret_exception)
{
	uint8_t pdu[5];
	size_t len = fg_modbus_request(req, pdu);
	int r = ctl_bus_exchange(bus, unit, pdu, len, x);

	if (r < 0 || x->status != FG_OK)
		return x->status;
	return fg_modbus_answer(req, x->answer, x->answer_len, ret_cells, ret_exception);
}

/* ---- in words ---- */

static bool has_open(const char *pid, const char *real)
{
	char path[PATH_MAX + 64], target[PATH_MAX];
	const struct dirent *f;
	bool yes = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	fds = opendir(path);
	while (fds && !yes && (f = readdir(fds))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, f->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		yes = strcmp(target, real) == 0;
	}
	if (fds)
		closedir(fds);
	return yes;
}

static void tell_holder(const char *pid, FILE *out)
{
	char path[PATH_MAX], name[64] = "?";
	FILE *comm;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	comm = fopen(path, "re");
	if (comm && fgets(name, sizeof(name), comm))
		name[strcspn(name, "\n")] = '\0';
	if (comm)
		fclose(comm);
	fprintf(out, "  it is open in: %s (process %s)\n", ctl_plain(name), pid);
}

/* Programs that have the port open, as far as this user may see. */
static void tell_holders(const char *port, FILE *out)
{
	DIR *proc = opendir("/proc");
	const struct dirent *p;
	char real[PATH_MAX];
	bool told = false;

	while (proc && realpath(port, real) && (p = readdir(proc))) {
		if (p->d_name[0] < '1' || p->d_name[0] > '9' ||
			strtol(p->d_name, NULL, 10) == getpid() || !has_open(p->d_name, real))
			continue;
		tell_holder(p->d_name, out);
		told = true;
	}
	if (proc)
		closedir(proc);
	if (!told)
		fprintf(out, "  by whom only root can see: `sudo fuser -v %s`\n", port);
}

static void tell_ports(FILE *out)
{
	static const char folder[] = "/dev/serial/by-id";
	DIR *d = opendir(folder);
	const struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			fprintf(out, "%s  %s/%s\n", n++ ? "" : "  ports that are there:\n", folder,
				e->d_name);
	if (d)
		closedir(d);
	if (!n)
		fprintf(out, "  there is no USB serial adapter (%s is empty)\n", folder);
}

void ctl_bus_tell(const struct ctl_bus *bus, const struct fg_heard *h, FILE *out)
{
	char mem[600];
	struct fg_buf line;

	fg_buf_wrap(&line, mem, sizeof(mem));
	fg_heard_words(h, &line);
	fprintf(out, "%s\n", mem);
	if (h->kind == FG_HEARD_BUSY)
		tell_holders(bus->port, out);
	if (h->kind == FG_HEARD_NO_PORT)
		tell_ports(out);
	for (size_t i = 0;; i++) {
		fg_buf_clear(&line);
		if (!fg_heard_try(h, i, &line))
			break;
		fprintf(out, "  %s %s\n", i ? "-" : "try:\n  -", mem);
	}
}
