/* SPDX-License-Identifier: EUPL-1.2 */
/* `links` and `raw`: what fjordctl needs to look at a bus that the gateway holds. An exchange runs
 * in the link's worker between two polls, and only requests that change nothing are let through. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/number.h"
#include "base/status.h"
#include "gateway/control.h"
#include "protocol/modbus_identity.h"

#define TIMEOUT_MIN_MS 10
#define TIMEOUT_MAX_MS 5000

struct raw_request {
	struct fg_client *client;
	struct fg_config *config;
	struct fg_raw raw;
	struct fg_poll poll;
};

void fg_control_links(struct fg_client *c)
{
	const struct fg_config *config = c->daemon->config;

	for (size_t i = 0; i < config->link_count; i++) {
		const struct fg_link *link = &config->links[i];
		char mem[1200], port_mem[400] = "";
		struct fg_buf out, port;
		struct fg_json j;

		fg_buf_wrap(&port, port_mem, sizeof(port_mem));
		if (link->driver->port)
			link->driver->port(link, &port);
		fg_buf_wrap(&out, mem, sizeof(mem));
		fg_json_init(&j, &out);
		fg_json_object(&j, NULL);
		fg_json_text(&j, "link", link->name);
		fg_json_text(&j, "driver", link->driver_name);
		fg_json_text(&j, "port", port_mem);
		fg_json_end_object(&j);
		fg_buf_putc(&out, '\n');
		fg_client_write(c, out.data, out.len);
	}
	fg_client_end(c);
}

static void put_hex(struct fg_json *j, const char *key, const uint8_t *bytes, size_t n)
{
	char mem[2 * FG_RAW_HEARD + 1];
	struct fg_buf hex;

	fg_buf_wrap(&hex, mem, sizeof(mem));
	for (size_t i = 0; i < n; i++)
		fg_buf_printf(&hex, "%02x", bytes[i]);
	fg_json_text(j, key, n ? mem : "");
}

static void answer(struct raw_request *r)
{
	const struct fg_raw *x = &r->raw;
	char mem[4096];
	struct fg_buf out;
	struct fg_json j;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_int(&j, "status", x->status);
	put_hex(&j, "sent", x->sent, x->sent_len);
	put_hex(&j, "answer", x->answer, x->answer_len);
	put_hex(&j, "heard", x->heard, x->heard_len);
	fg_json_bool(&j, "echo", x->echo);
	fg_json_text(&j, "why", x->why);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	fg_client_write(r->client, out.data, out.len);
	fg_client_end(r->client);
}

static void on_finished(struct fg_daemon *d, struct fg_poll *poll)
{
	struct raw_request *r = poll->user;
	struct fg_client *c = r->client;

	(void)d;
	answer(r);
	fg_config_unref(poll->job.config);
	fg_config_unref(r->config);
	free(r);
	c->user = NULL;
	fg_client_release(c);
}

static bool parse_number(const char *text, unsigned max, unsigned *ret)
{
	double v;

	if (fg_number_parse(text, &v) < 0 || v < 0 || v > max || v != (double)(unsigned)v)
		return false;
	*ret = (unsigned)v;
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_pdu(const char *text, struct fg_raw *x)
{
	size_t n = strlen(text);

	if (n % 2 || n / 2 > sizeof(x->pdu))
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int hi = hex_digit(text[i]), lo = hex_digit(text[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		x->pdu[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	x->pdu_len = n / 2;
	return fg_modbus_only_looks(x->pdu, x->pdu_len);
}

static const struct fg_link *find_link(const struct fg_config *config, const char *name)
{
	for (size_t i = 0; i < config->link_count; i++)
		if (strcmp(config->links[i].name, name) == 0)
			return &config->links[i];
	return NULL;
}

static void submit(struct fg_client *c, const struct fg_raw *x)
{
	struct fg_worker *worker = fg_links_worker(c->daemon, x->link);
	struct raw_request *r = worker ? calloc(1, sizeof(*r)) : NULL;

	if (!r) {
		fg_client_error(c, EX_TEMPFAIL, "cannot exchange now");
		return;
	}
	r->client = c;
	r->config = fg_config_ref(c->daemon->config);
	r->raw = *x;
	r->poll.daemon = c->daemon;
	r->poll.finished = on_finished;
	r->poll.user = r;
	r->poll.job.batch = &r->poll.batch;
	r->poll.job.raw = &r->raw;
	c->user = r;
	fg_client_hold(c);
	fg_worker_submit(worker, r->config, &r->poll.job);
}

void fg_control_raw(struct fg_client *c, const char *link, const char *unit, const char *pdu,
	const char *timeout_ms)
{
	struct fg_raw x = {.link = find_link(c->daemon->config, link)};
	unsigned unit_id, ms;

	if (!x.link)
		fg_client_error(c, EX_USAGE, "no link '%s'", link);
	else if (!x.link->driver->raw)
		fg_client_error(c, EX_USAGE, "link '%s' is no Modbus link", link);
	else if (!parse_number(unit, 255, &unit_id) || !parse_number(timeout_ms, UINT16_MAX, &ms))
		fg_client_error(c, EX_USAGE, "a unit id or time-out that is none");
	else if (!parse_pdu(pdu, &x))
		fg_client_error(c, EX_USAGE,
			"only reads (functions 1 to 4, 17 and 43/14) go through the gateway");
	else {
		x.unit = (uint8_t)unit_id;
		x.timeout_us = INT64_C(1000) * FG_MAX(FG_MIN(ms, TIMEOUT_MAX_MS), TIMEOUT_MIN_MS);
		submit(c, &x);
	}
}
