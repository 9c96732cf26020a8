/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of the web server. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"
#include "gateway/config/keys.h"

#define LOOPBACK "127.0.0.1"

/* 1 to 65535, or 0. */
static int port_of(const char *text)
{
	int64_t port;

	if (!isdigit((unsigned char)text[0]) || strlen(text) > 5 ||
		fg_integer_parse(text, &port) < 0 || port < 1 || port > 65535)
		return 0;
	return (int)port;
}

static bool is_address(int family, const char *text)
{
	unsigned char bytes[16];

	return inet_pton(family, text, bytes) == 1;
}

/* ADDRESS:PORT, [ADDRESS]:PORT, or PORT alone; NULL: it was told why not. */
static const char *split(struct fg_bind *b, const struct fg_node *node, const char **ret_port)
{
	const char *text = node->text, *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (text[0] && strspn(text, "0123456789") == strlen(text)) {
		*ret_port = text;
		return LOOPBACK;
	}
	if (!colon || len == 0) {
		fg_bind_error(b, node,
			"'%.60s' is not an address and a port; write 127.0.0.1:8080, [::1]:8080, "
			"or 8080 alone for this machine only",
			text);
		return NULL;
	}
	*ret_port = colon + 1;
	if (text[0] == '[' && text[len - 1] == ']')
		return fg_arena_strndup(b->arena, text + 1, len - 2);
	if (memchr(text, ':', len)) {
		fg_bind_error(b, node, "'%.60s': an IPv6 address stands in brackets: [::1]:8080",
			text);
		return NULL;
	}
	return fg_arena_strndup(b->arena, text, len);
}

static int parse_listen(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_http_conf *http = field;
	const char *host, *port;

	if (node->kind != FG_NODE_SCALAR) {
		fg_bind_error(b, node, "a %s cannot stand here; write an address and a port such "
				       "as 127.0.0.1:8080",
			node->kind == FG_NODE_MAPPING ? "mapping" : "list");
		return FG_ECONFIG;
	}
	host = split(b, node, &port);
	if (!host)
		return FG_ECONFIG;
	if (strcmp(host, "localhost") == 0)
		host = LOOPBACK;
	if (strcmp(host, "*") == 0) {
		fg_bind_error(b, node, "'*' is no address; all interfaces are 0.0.0.0 or [::]");
		return FG_ECONFIG;
	}
	if (!is_address(AF_INET, host) && !is_address(AF_INET6, host)) {
		fg_bind_error(b, node,
			"'%.60s' is a name; write the address of an interface of this machine, "
			"such as 127.0.0.1, or 0.0.0.0 for all",
			host);
		return FG_ECONFIG;
	}
	http->port = port_of(port);
	if (!http->port) {
		fg_bind_error(b, node, "'%.60s' has no port from 1 to 65535", node->text);
		return FG_ECONFIG;
	}
	http->host = host;
	http->listen = strchr(host, ':')
			       ? fg_arena_printf(b->arena, "[%s]:%d", host, http->port)
			       : fg_arena_printf(b->arena, "%s:%d", host, http->port);
	return FG_OK;
}

const struct fg_key fg_keys_http[] = {
	{"listen", FG_KEY_CUSTOM, .offset = 0, .parse = parse_listen,
		.form = "an address and a port such as 127.0.0.1:8080 or [::1]:8080, or a port "
			"alone",
		.schema = "{\"type\":[\"string\",\"integer\"]}",
		.help = "Where the status page, the HTTP API, `/metrics` and `/healthz` are "
			"served. A port alone is 127.0.0.1, which only this machine reaches; "
			"0.0.0.0 or [::] are all interfaces. Without it no port is opened."},
	{"rate_limit", FG_KEY_RATE, .offset = offsetof(struct fg_http_conf, rate_limit), .fmin = 0,
		.fmax = 100000, .dflt = "20/s",
		.help = "Requests of one client (an IPv4 address, or an IPv6 network of 64 bits), "
			"on average; ten seconds' worth and 60 more may come at once. What is more "
			"is answered with 429. `0/s`: no limit, for where a proxy has one."},
	{0},
};
