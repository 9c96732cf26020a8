/* SPDX-License-Identifier: EUPL-1.2 */
/* Simulated CoAP resources, on libcoap's server. A resource is text/plain, or a JSON document made
 * of all the points with its path. */
#include <coap3/coap.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/number.h"
#include "base/secret.h"
#include "base/status.h"
#include "sim.h"

#define KEY_MAX	      64
#define MAX_RESOURCES 256

struct resource {
	struct coap_port *port;
	struct sim_unit *unit;
	const char *path;
};

struct coap_port {
	coap_context_t *ctx;
	struct sim_model *model;
	const char *psk_file;
	uint8_t key[KEY_MAX];
	coap_bin_const_t key_view;
	struct resource resources[MAX_RESOURCES];
	coap_resource_t *handles[MAX_RESOURCES];
	size_t count;
};

/* ---- documents ---- */

/* The object that holds the last token of a pointer, made on the way; ret_token: that token. */
static cJSON *descend(cJSON *object, const char *pointer, char *ret_token, size_t size)
{
	while (object && *pointer == '/') {
		size_t len = strcspn(++pointer, "/");
		cJSON *child;

		snprintf(ret_token, size, "%.*s", (int)FG_MIN(len, size - 1), pointer);
		pointer += len;
		if (!*pointer)
			return object;
		child = cJSON_GetObjectItemCaseSensitive(object, ret_token);
		object = child ? child : cJSON_AddObjectToObject(object, ret_token);
	}
	return object;
}

static void put_number(const struct sim_point *p, double v, struct fg_buf *out)
{
	fg_number_put_fixed(out, v, (int)p->decimals);
}

/* True where it is JSON. */
static bool put_body(struct resource *res, struct fg_now now, struct fg_buf *out)
{
	const struct sim_point *points = sim_points(res->unit);
	cJSON *doc = NULL;
	char *text;

	for (size_t i = 0; i < sim_point_count(res->unit); i++) {
		char number[400], token[64] = "";
		struct fg_buf buf;
		cJSON *at;
		double v;

		if (strcmp(points[i].path, res->path) != 0)
			continue;
		v = sim_read(res->port->model, res->unit, i, now);
		if (!points[i].json) {
			put_number(&points[i], v, out);
			return false;
		}
		fg_buf_wrap(&buf, number, sizeof(number));
		put_number(&points[i], v, &buf);
		doc = doc ? doc : cJSON_CreateObject();
		at = descend(doc, points[i].json, token, sizeof(token));
		if (at)
			cJSON_AddRawToObject(at, token, number);
	}
	text = doc ? cJSON_PrintUnformatted(doc) : NULL;
	if (text)
		fg_buf_puts(out, text);
	cJSON_free(text);
	cJSON_Delete(doc);
	return true;
}

/* ---- requests ---- */

/* The fault of a kind that this resource meets: of the device, or of a point in it. */
static const struct sim_fault *fault_of(
	const struct resource *res, enum sim_fault_kind kind, int64_t now_us)
{
	const struct sim_fault *f = sim_fault_at(res->unit, kind, SIZE_MAX, now_us);

	for (size_t i = 0; !f && i < sim_point_count(res->unit); i++)
		if (strcmp(sim_points(res->unit)[i].path, res->path) == 0)
			f = sim_fault_at(res->unit, kind, i, now_us);
	return f;
}

/* libcoap can be told to lose what it sends. The switch is one for the whole library, so it is set
 * anew for each request. */
static void set_mute(bool mute)
{
	coap_debug_set_packet_loss(mute ? "100%" : "0%");
}

/* Acknowledges now and answers later. True: not yet. */
static bool postpone(const struct resource *res, coap_session_t *session, const coap_pdu_t *request,
	int64_t now_us)
{
	const struct sim_fault *f = fault_of(res, SIM_SLOW, now_us);
	int64_t delay_us = res->unit->device->delay_us + (f ? f->conf.delay_us : 0);

	if (delay_us <= 0 || coap_find_async(session, coap_pdu_get_token(request)))
		return false;
	return coap_register_async(
		session, request, (coap_tick_t)delay_us * COAP_TICKS_PER_SECOND / 1000000);
}

static coap_pdu_code_t error_code(int64_t code)
{
	if (code < 400 || code > 599 || code % 100 > 31)
		return COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE;
	return (coap_pdu_code_t)(code / 100 << 5 | code % 100);
}

static void release_body(coap_session_t *session, void *body)
{
	(void)session;
	free(body);
}

static void send_body(struct resource *res, coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct fg_now now = fg_clock_now();
	struct fg_buf body;
	uint16_t format;

	fg_buf_init(&body, 65536);
	format = put_body(res, now, &body) ? COAP_MEDIATYPE_APPLICATION_JSON
					   : COAP_MEDIATYPE_TEXT_PLAIN;
	if (fault_of(res, SIM_SHORT, now.mono_us))
		body.len /= 2;
	if (fault_of(res, SIM_GARBAGE, now.mono_us))
		for (size_t i = 0; i < body.len; i++)
			body.data[i] = (char)(body.data[i] * 37 + 141 + (int)i);
	if (body.overflow || !body.data) {
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_INTERNAL_ERROR);
		fg_buf_fini(&body);
		return;
	}
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
	coap_add_data_large_response(resource, session, request, response, query, format, -1, 0,
		body.len, (const uint8_t *)body.data, release_body, body.data);
}

static void on_get(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
	const coap_string_t *query, coap_pdu_t *response)
{
	struct resource *res = coap_resource_get_userdata(resource);
	int64_t now_us = fg_clock_mono_us();
	const struct sim_fault *f = fault_of(res, SIM_MUTE, now_us);

	set_mute(f);
	if (f || postpone(res, session, request, now_us))
		return; /* without a code: an empty ACK, or nothing at all */
	f = fault_of(res, SIM_EXCEPTION, now_us);
	if (f)
		coap_pdu_set_code(response, error_code(f->conf.code));
	else
		send_body(res, resource, session, request, query, response);
}

/* ---- the port ---- */

static void ready(struct sim_source *source)
{
	struct sim_port *port = (struct sim_port *)source;
	struct coap_port *cp = port->coap;

	coap_io_process(cp->ctx, COAP_IO_NO_WAIT);
	set_mute(false);
}

static const coap_bin_const_t *find_key(
	coap_bin_const_t *identity, coap_session_t *session, void *arg)
{
	struct coap_port *cp = arg;
	char name[128], hex[2 * KEY_MAX + 1];
	size_t len;

	(void)session;
	if (identity->length >= sizeof(name))
		return NULL;
	memcpy(name, identity->s, identity->length);
	name[identity->length] = '\0';
	if (fg_secret_psk(cp->psk_file, name, hex, sizeof(hex)) < 0) {
		fg_warning("no key for identity '%s'", name);
		return NULL;
	}
	len = strlen(hex) / 2;
	for (size_t i = 0; i < len; i++) {
		const char two[] = {hex[2 * i], hex[2 * i + 1], '\0'};

		cp->key[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	cp->key_view.s = cp->key;
	cp->key_view.length = len;
	return &cp->key_view;
}

static int set_keys(struct coap_port *cp)
{
	coap_dtls_spsk_t setup;

	memset(&setup, 0, sizeof(setup));
	setup.version = COAP_DTLS_SPSK_SETUP_VERSION;
	setup.validate_id_call_back = find_key;
	setup.id_call_back_arg = cp;
	setup.psk_info.key.s = (const uint8_t *)"unused";
	setup.psk_info.key.length = 6;
	return coap_context_set_psk2(cp->ctx, &setup) ? FG_OK : FG_ENOMEM;
}

static void on_log(coap_log_t level, const char *message)
{
	if (level <= LOG_ERR)
		fg_warning("libcoap: %s", message);
}

int sim_coap_open(struct sim_port *port, struct fg_buf *where)
{
	struct coap_port *cp = calloc(1, sizeof(*cp));
	struct sockaddr_storage a;
	coap_address_t addr;
	unsigned len;

	port->coap = cp;
	if (!cp || sim_parse_address(port->address, &a, &len) < 0)
		return cp ? FG_EINVAL : FG_ENOMEM;
	coap_startup();
	coap_set_log_handler(on_log);
	coap_set_log_level(LOG_ERR);
	coap_dtls_set_log_level(LOG_ERR);
	cp->psk_file = port->endpoint->psk_file;
	cp->ctx = coap_new_context(NULL);
	if (!cp->ctx)
		return FG_ENOMEM;
	coap_context_set_block_mode(cp->ctx, COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY);
	if (cp->psk_file && set_keys(cp) < 0)
		return FG_ENOMEM;
	coap_address_init(&addr);
	addr.size = len;
	memcpy(&addr.addr, &a, len);
	if (!coap_new_endpoint(cp->ctx, &addr, cp->psk_file ? COAP_PROTO_DTLS : COAP_PROTO_UDP))
		return -EADDRINUSE;
	port->source = (struct sim_source){.fd = coap_context_get_coap_fd(cp->ctx), .ready = ready};
	fg_buf_printf(where, "%s://%s", cp->psk_file ? "coaps" : "coap", port->address);
	return sim_watch(&port->source);
}

void sim_coap_close(struct sim_port *port)
{
	struct coap_port *cp = port->coap;

	if (!cp)
		return;
	if (cp->ctx)
		coap_free_context(cp->ctx); /* closes the descriptor and frees the resources */
	port->source.fd = -1;
	free(cp);
	port->coap = NULL;
}

static void remove_resources(struct coap_port *cp)
{
	while (cp->count)
		coap_delete_resource(cp->ctx, cp->handles[--cp->count]);
}

static bool has_path(const struct coap_port *cp, const char *path)
{
	for (size_t i = 0; i < cp->count; i++)
		if (strcmp(cp->resources[i].path, path) == 0)
			return true;
	return false;
}

static int add_resource(struct coap_port *cp, struct sim_unit *unit, const char *path)
{
	size_t len = strcspn(path + 1, "?");
	coap_str_const_t *name;
	coap_resource_t *handle;

	if (has_path(cp, path))
		return FG_OK;
	if (cp->count == MAX_RESOURCES)
		return FG_EFULL;
	name = coap_new_str_const((const uint8_t *)path + 1, len);
	handle = name ? coap_resource_init(name, COAP_RESOURCE_FLAGS_RELEASE_URI) : NULL;
	if (!handle)
		return FG_ENOMEM;
	cp->resources[cp->count] = (struct resource){.port = cp, .unit = unit, .path = path};
	coap_resource_set_userdata(handle, &cp->resources[cp->count]);
	coap_register_handler(handle, COAP_REQUEST_GET, on_get);
	coap_add_resource(cp->ctx, handle);
	cp->handles[cp->count++] = handle;
	return FG_OK;
}

int sim_coap_apply(struct sim_port *port, struct sim_model *model)
{
	struct coap_port *cp = port->coap;
	int r = FG_OK;

	remove_resources(cp);
	cp->model = model;
	cp->psk_file = port->endpoint->psk_file;
	for (size_t i = 0; i < model->unit_count; i++) {
		struct sim_unit *u = &model->units[i];

		if (sim_find_endpoint(model, u->device->endpoint) != port->endpoint)
			continue;
		for (size_t k = 0; k < sim_point_count(u) && r == FG_OK; k++)
			r = add_resource(cp, u, sim_points(u)[k].path);
	}
	return r;
}
