/* SPDX-License-Identifier: EUPL-1.2 */
/* Simulated CoAP resources, on libcoap's server: polled and observed. What they say is put together
 * in payload.c. */
#include <coap3/coap.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/status.h"
#include "sim.h"

#define MAX_RESOURCES 256
#define BODY_MAX      262144
#define SECOND_US     INT64_C(1000000)

struct resource {
	struct coap_port *port;
	struct sim_unit *unit;
	const char *path;
	const struct sim_resource *conf; /* NULL: nothing is said about the path */
	coap_resource_t *handle;
	int64_t due_mono_us; /* of the next notification */
	double *told;	     /* on_change: the values of the last one */
};

struct coap_port {
	coap_context_t *ctx;
	struct sim_model *model;
	struct sim_endpoint *endpoint;
	uint8_t key[SIM_KEY_MAX];
	coap_bin_const_t key_view;
	struct resource resources[MAX_RESOURCES];
	size_t count;
	bool notifying;
};

/* ---- what a resource says ---- */

static bool is_at(const struct resource *res, size_t point)
{
	return strcmp(sim_points(res->unit)[point].path, res->path) == 0;
}

static void read_values(const struct resource *res, struct fg_now now, double *ret)
{
	for (size_t i = 0; i < sim_point_count(res->unit); i++)
		if (is_at(res, i))
			ret[i] = sim_read(res->port->model, res->unit, i, now);
}

/* What was measured at an earlier time: the same whenever it is asked for. */
static void recall_values(const struct resource *res, int64_t wall_us, double *ret)
{
	const struct sim_model *m = res->port->model;
	int64_t step_us = FG_MAX(res->conf->step_us, INT64_C(1000));

	for (size_t i = 0; i < sim_point_count(res->unit); i++)
		if (is_at(res, i))
			ret[i] = sim_curve_at(&sim_points(res->unit)[i].curve,
				res->unit->seed + i * 101, wall_us, wall_us + m->zone_us,
				(uint64_t)(wall_us / step_us));
}

static int64_t clock_of(const struct sim_unit *unit, struct fg_now now)
{
	const struct sim_fault *f = sim_fault_at(unit, SIM_CLOCK, SIZE_MAX, now.mono_us);

	return now.wall_us + (f ? (int64_t)(f->conf.amount * 1e6) : 0);
}

static size_t rows_of(const struct resource *res, enum sim_format format)
{
	return res->conf && sim_format_takes_rows(format) ? (size_t)res->conf->history + 1 : 1;
}

/* False where there is no memory. */
static bool put_body(
	const struct resource *res, enum sim_format format, struct fg_now now, struct fg_buf *out)
{
	size_t n = rows_of(res, format), width = sim_point_count(res->unit);
	struct sim_row *rows = calloc(n, sizeof(*rows));
	double *values = calloc(n * width, sizeof(*values));
	int64_t wall_us = clock_of(res->unit, now), shift_us = wall_us - now.wall_us;
	const struct sim_body *body = res->conf ? &res->conf->body : NULL;
	bool good = rows && values;

	if (good) {
		for (size_t k = 0; k + 1 < n; k++) {
			int64_t step_us = res->conf->step_us;
			int64_t at_us = now.wall_us / step_us * step_us -
					(int64_t)(n - 2 - k) * step_us;

			rows[k] = (struct sim_row){at_us + shift_us, values + k * width};
			recall_values(res, at_us, values + k * width);
		}
		rows[n - 1] = (struct sim_row){wall_us, values + (n - 1) * width};
		read_values(res, now, values + (n - 1) * width);
		sim_payload_put(res->unit->device, res->path, body, format, rows, n,
			n > 1 || (body && body->time), out);
	}
	free(rows);
	free(values);
	return good;
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

static void add_number(coap_pdu_t *pdu, uint16_t option, unsigned v)
{
	uint8_t mem[8];

	coap_add_option(pdu, option, coap_encode_var_safe(mem, sizeof(mem), v), mem);
}

static void refuse(coap_pdu_t *response, const struct sim_fault_conf *fault)
{
	coap_pdu_set_code(response, error_code(fault->code));
	if (fault->max_age_us)
		add_number(response, COAP_OPTION_MAXAGE, (unsigned)(fault->max_age_us / SECOND_US));
}

static void release_body(coap_session_t *session, void *body)
{
	(void)session;
	free(body);
}

/* The format to answer in; SIM_FORMAT_AUTO: none that the client accepts. */
static enum sim_format choose_format(const struct resource *res, const coap_pdu_t *request)
{
	enum sim_format own = sim_format_of(
		res->unit->device, res->path, res->conf ? &res->conf->body : NULL);
	coap_opt_iterator_t it;
	const coap_opt_t *accept = coap_check_option(request, COAP_OPTION_ACCEPT, &it);

	return accept ? sim_format_accepted(own, coap_decode_var_bytes(coap_opt_value(accept),
							 coap_opt_length(accept)))
		      : own;
}

static uint64_t hash(const char *bytes, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)bytes[i]) * UINT64_C(1099511628211);
	return h | 1; /* 0 means none */
}

static bool client_has(const coap_pdu_t *request, uint64_t etag)
{
	coap_opt_iterator_t it;
	coap_opt_filter_t filter;
	const coap_opt_t *option;

	coap_option_filter_clear(&filter);
	coap_option_filter_set(&filter, COAP_OPTION_ETAG);
	coap_option_iterator_init(request, &it, &filter);
	while ((option = coap_option_next(&it)))
		if (coap_decode_var_bytes8(coap_opt_value(option), coap_opt_length(option)) == etag)
			return true;
	return false;
}

static void confirm_body(const struct resource *res, coap_pdu_t *response, uint64_t etag)
{
	uint8_t mem[8];

	coap_pdu_set_code(response, COAP_RESPONSE_CODE_VALID);
	coap_add_option(response, COAP_OPTION_ETAG, coap_encode_var_safe8(mem, sizeof(mem), etag),
		mem);
	if (res->conf->max_age_us)
		add_number(response, COAP_OPTION_MAXAGE,
			(unsigned)(res->conf->max_age_us / SECOND_US));
}

static void spoil(const struct resource *res, int64_t now_us, struct fg_buf *body)
{
	if (fault_of(res, SIM_SHORT, now_us))
		body->len /= 2;
	if (fault_of(res, SIM_GARBAGE, now_us))
		for (size_t i = 0; i < body->len; i++)
			body->data[i] = (char)(body->data[i] * 37 + 141 + (int)i);
}

static void send_body(struct resource *res, coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct fg_now now = fg_clock_now();
	enum sim_format format = choose_format(res, request);
	int max_age = res->conf && res->conf->max_age_us ? (int)(res->conf->max_age_us / SECOND_US)
							 : -1;
	struct fg_buf body;
	uint64_t etag;

	if (format == SIM_FORMAT_AUTO) {
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_NOT_ACCEPTABLE);
		return;
	}
	fg_buf_init(&body, BODY_MAX);
	if (!put_body(res, format, now, &body) || body.overflow || !body.data) {
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_INTERNAL_ERROR);
		fg_buf_fini(&body);
		return;
	}
	spoil(res, now.mono_us, &body);
	etag = res->conf && res->conf->etag ? hash(body.data, body.len) : 0;
	if (etag && client_has(request, etag)) {
		confirm_body(res, response, etag);
		fg_buf_fini(&body);
		return;
	}
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
	coap_add_data_large_response(resource, session, request, response, query,
		sim_format_code(format), max_age, etag, body.len, (const uint8_t *)body.data,
		release_body, body.data);
}

static bool is_notification(const struct resource *res, const coap_pdu_t *request)
{
	coap_opt_iterator_t it;

	return res->port->notifying && coap_check_option(request, COAP_OPTION_OBSERVE, &it);
}

static void on_get(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
	const coap_string_t *query, coap_pdu_t *response)
{
	struct resource *res = coap_resource_get_userdata(resource);
	int64_t now_us = fg_clock_mono_us();
	const struct sim_fault *f = fault_of(res, SIM_MUTE, now_us);
	bool notification = is_notification(res, request);

	set_mute(f);
	if (f || (!notification && postpone(res, session, request, now_us)))
		return; /* without a code: an empty ACK, or nothing at all */
	if (notification)
		res->unit->counts.notified++;
	else
		res->unit->counts.answered++;
	f = fault_of(res, SIM_EXCEPTION, now_us);
	if (f)
		refuse(response, &f->conf);
	else
		send_body(res, resource, session, request, query, response);
}

/* ---- notifications ---- */

/* Whether a value moved far enough; it then counts as told. */
static bool has_moved(struct resource *res, struct fg_now now)
{
	bool moved = false;

	for (size_t i = 0; i < sim_point_count(res->unit); i++) {
		struct sim_state before = res->unit->states[i];
		double v;

		if (!is_at(res, i))
			continue;
		v = sim_read(res->port->model, res->unit, i, now);
		res->unit->states[i] = before; /* only a look */
		if (fabs(v - res->told[i]) <= res->conf->on_change)
			continue;
		res->told[i] = v;
		moved = true;
	}
	return moved;
}

int sim_coap_run(struct sim_port *port, struct fg_now now)
{
	struct coap_port *cp = port->coap;
	int64_t next_us = INT64_MAX;
	bool any = false;

	for (size_t i = 0; i < cp->count; i++) {
		struct resource *res = &cp->resources[i];

		if (!res->conf || !res->conf->observe)
			continue;
		if (now.mono_us >= res->due_mono_us) {
			res->due_mono_us = now.mono_us + FG_MAX(res->conf->notify_us,
								 INT64_C(10000));
			if (res->conf->on_change <= 0 || has_moved(res, now))
				any |= coap_resource_notify_observers(res->handle, NULL) != 0;
		}
		next_us = FG_MIN(next_us, res->due_mono_us);
	}
	if (any) {
		cp->notifying = true;
		coap_io_process(cp->ctx, COAP_IO_NO_WAIT);
		cp->notifying = false;
		set_mute(false);
	}
	return next_us == INT64_MAX ? -1 : (int)FG_MIN((next_us - now.mono_us + 999) / 1000,
						     INT64_C(60000));
}

/* ---- the port ---- */

static void ready(struct sim_source *source)
{
	struct sim_port *port = (struct sim_port *)source;
	struct coap_port *cp = port->coap;

	coap_io_process(cp->ctx, COAP_IO_NO_WAIT);
	set_mute(false);
}

int sim_coap_key(const char *file, const char *identity, uint8_t ret[SIM_KEY_MAX], size_t *ret_len)
{
	char hex[2 * SIM_KEY_MAX + 1];
	int r = fg_secret_psk(file, identity, hex, sizeof(hex), NULL, 0);

	if (r < 0)
		return r;
	*ret_len = strlen(hex) / 2;
	for (size_t i = 0; i < *ret_len; i++) {
		const char two[] = {hex[2 * i], hex[2 * i + 1], '\0'};

		ret[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	explicit_bzero(hex, sizeof(hex));
	return FG_OK;
}

static const coap_bin_const_t *find_key(
	coap_bin_const_t *identity, coap_session_t *session, void *arg)
{
	struct coap_port *cp = arg;
	char name[128];

	(void)session;
	if (identity->length >= sizeof(name))
		return NULL;
	memcpy(name, identity->s, identity->length);
	name[identity->length] = '\0';
	cp->key_view.s = cp->key;
	if (sim_coap_key(cp->endpoint->psk_file, name, cp->key, &cp->key_view.length) == FG_OK)
		return &cp->key_view;
	fg_warning("no key for identity '%s'", name);
	return NULL;
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

static int set_certificate(struct coap_port *cp)
{
	const struct sim_endpoint *e = cp->endpoint;
	coap_dtls_pki_t setup;

	memset(&setup, 0, sizeof(setup));
	setup.version = COAP_DTLS_PKI_SETUP_VERSION;
	setup.verify_peer_cert = e->ca_file != NULL;
	setup.check_common_ca = e->ca_file != NULL;
	setup.check_cert_revocation = 0;
	setup.pki_key.key_type = COAP_PKI_KEY_PEM;
	setup.pki_key.key.pem.ca_file = e->ca_file;
	setup.pki_key.key.pem.public_cert = e->cert_file;
	setup.pki_key.key.pem.private_key = e->key_file;
	return coap_context_set_pki(cp->ctx, &setup) ? FG_OK : FG_EINVAL;
}

static void on_log(coap_log_t level, const char *message)
{
	if (level <= LOG_ERR)
		fg_warning("libcoap: %.*s", (int)strcspn(message, "\n"), message);
}

void sim_coap_startup(void)
{
	coap_startup();
	coap_set_log_handler(on_log);
	coap_set_log_level(LOG_ERR);
	coap_dtls_set_log_level(LOG_ERR);
}

/* RFC 7252, 12.8. */
static void join_groups(const struct coap_port *cp, bool v6)
{
	static const char *const groups[] = {"224.0.1.187", "ff02::fd", "ff05::fd"};
	bool any = false;

	for (size_t i = 0; i < (v6 ? FG_COUNT(groups) : 1); i++)
		any |= coap_join_mcast_group_intf(cp->ctx, groups[i], cp->endpoint->multicast) == 0;
	if (!any)
		fg_warning("endpoint %s: cannot join All-CoAP-Nodes on %s", cp->endpoint->name,
			cp->endpoint->multicast);
}

static coap_proto_t proto_of(const struct sim_endpoint *e)
{
	bool secure = e->psk_file || e->cert_file;

	if (e->tcp)
		return secure ? COAP_PROTO_TLS : COAP_PROTO_TCP;
	return secure ? COAP_PROTO_DTLS : COAP_PROTO_UDP;
}

int sim_coap_open(struct sim_port *port, struct fg_buf *where)
{
	struct coap_port *cp = calloc(1, sizeof(*cp));
	const struct sim_endpoint *e = port->endpoint;
	struct sockaddr_storage a;
	coap_address_t addr;
	unsigned len;

	port->coap = cp;
	if (!cp || sim_parse_address(port->address, &a, &len) < 0)
		return cp ? FG_EINVAL : FG_ENOMEM;
	sim_coap_startup();
	cp->endpoint = port->endpoint;
	cp->ctx = coap_new_context(NULL);
	if (!cp->ctx)
		return FG_ENOMEM;
	coap_context_set_block_mode(cp->ctx, COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY);
	if ((e->psk_file && set_keys(cp) < 0) || (e->cert_file && set_certificate(cp) < 0))
		return FG_EINVAL;
	coap_address_init(&addr);
	addr.size = len;
	memcpy(&addr.addr, &a, len);
	if (!coap_new_endpoint(cp->ctx, &addr, proto_of(e)))
		return -EADDRINUSE;
	if (e->multicast)
		join_groups(cp, a.ss_family == AF_INET6);
	port->source = (struct sim_source){.fd = coap_context_get_coap_fd(cp->ctx), .ready = ready};
	fg_buf_printf(where, "%s%s://%s", e->psk_file || e->cert_file ? "coaps" : "coap",
		e->tcp ? "+tcp" : "", port->address);
	return sim_watch(&port->source);
}

static void remove_resources(struct coap_port *cp)
{
	while (cp->count) {
		struct resource *res = &cp->resources[--cp->count];

		coap_delete_resource(cp->ctx, res->handle);
		free(res->told);
	}
}

void sim_coap_close(struct sim_port *port)
{
	struct coap_port *cp = port->coap;

	if (!cp)
		return;
	remove_resources(cp);
	if (cp->ctx)
		coap_free_context(cp->ctx); /* closes the descriptor */
	port->source.fd = -1;
	free(cp);
	port->coap = NULL;
}

static bool has_path(const struct coap_port *cp, const char *path)
{
	for (size_t i = 0; i < cp->count; i++)
		if (strcmp(cp->resources[i].path, path) == 0)
			return true;
	return false;
}

static const struct sim_resource *find_conf(const struct sim_device *d, const char *path)
{
	const struct sim_resource *r = d->resources.items;

	for (size_t i = 0; i < d->resources.count; i++)
		if (strcmp(r[i].path, path) == 0)
			return &r[i];
	return NULL;
}

/* An attribute of the resource in .well-known/core. */
static void add_attribute(coap_resource_t *handle, const char *name, const char *value, bool quote)
{
	char text[300];
	int len = snprintf(text, sizeof(text), quote ? "\"%s\"" : "%s", value);

	coap_add_attr(handle, coap_new_str_const((const uint8_t *)name, strlen(name)),
		coap_new_str_const((const uint8_t *)text, (size_t)len),
		COAP_ATTR_FLAGS_RELEASE_NAME | COAP_ATTR_FLAGS_RELEASE_VALUE);
}

static void describe(const struct resource *res)
{
	enum sim_format own = sim_format_of(
		res->unit->device, res->path, res->conf ? &res->conf->body : NULL);
	char formats[16];

	snprintf(formats, sizeof(formats), "%u", sim_format_code(own));
	add_attribute(res->handle, "ct", formats, false);
	if (!res->conf)
		return;
	if (res->conf->rt)
		add_attribute(res->handle, "rt", res->conf->rt, true);
	if (res->conf->iface)
		add_attribute(res->handle, "if", res->conf->iface, true);
	coap_resource_set_get_observable(res->handle, res->conf->observe);
}

static int add_resource(struct coap_port *cp, struct sim_unit *unit, const char *path)
{
	const struct sim_resource *conf = find_conf(unit->device, path);
	struct resource *res = &cp->resources[cp->count];
	size_t len = strcspn(path + 1, "?");
	coap_str_const_t *name;

	if (has_path(cp, path))
		return FG_OK;
	if (cp->count == MAX_RESOURCES)
		return FG_EFULL;
	name = coap_new_str_const((const uint8_t *)path + 1, len);
	*res = (struct resource){.port = cp, .unit = unit, .path = path, .conf = conf};
	res->told = calloc(sim_point_count(unit), sizeof(*res->told));
	res->handle = name && res->told
			      ? coap_resource_init(name,
					COAP_RESOURCE_FLAGS_RELEASE_URI |
						(conf && conf->confirmable
								? COAP_RESOURCE_FLAGS_NOTIFY_CON
								: COAP_RESOURCE_FLAGS_NOTIFY_NON))
			      : NULL;
	if (!res->handle) {
		free(res->told);
		return FG_ENOMEM;
	}
	coap_resource_set_userdata(res->handle, res);
	coap_register_handler(res->handle, COAP_REQUEST_GET, on_get);
	describe(res);
	coap_add_resource(cp->ctx, res->handle);
	cp->count++;
	return FG_OK;
}

int sim_coap_apply(struct sim_port *port, struct sim_model *model)
{
	struct coap_port *cp = port->coap;
	int r = FG_OK;

	remove_resources(cp);
	cp->model = model;
	cp->endpoint = port->endpoint;
	for (size_t i = 0; i < model->unit_count; i++) {
		struct sim_unit *u = &model->units[i];

		if (!u->device->endpoint ||
			sim_find_endpoint(model, u->device->endpoint) != port->endpoint)
			continue;
		for (size_t k = 0; k < sim_point_count(u) && r == FG_OK; k++)
			r = add_resource(cp, u, sim_points(u)[k].path);
	}
	return r;
}
