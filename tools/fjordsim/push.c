/* SPDX-License-Identifier: EUPL-1.2 */
/* Simulated sensors that wake up and report (CoAP client). A sample stays in its queue until a 2.xx
 * has acknowledged it, as a real one does that must not lose any. */
#include <coap3/coap.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/number.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "sim.h"

#define BODY_MAX   262144
#define ONE_BLOCK  1024
#define SECOND_US  INT64_C(1000000)
#define TOKEN_SIZE 4

/* What libcoap's callbacks saw of the message under way. */
enum event { NOTHING, ACKED, REFUSED, LOST };

struct pusher {
	struct pusher *next;
	char name[80];
	struct sim_unit *unit;
	const struct sim_push *conf;
	bool kept; /* over a reload */

	/* the queue: a ring of samples, the oldest first */
	size_t width, cap, first, count;
	int64_t *times;
	double *values;

	coap_session_t *session;
	uint32_t token;
	struct fg_buf body; /* of the last message */
	size_t in_message;  /* samples that it holds */
	bool busy;	    /* it is under way */
	bool echo;	    /* it was acknowledged already, and is sent once more */
	bool awake;
	enum event event;
	uint64_t messages, batches;
	int64_t wake_us, sample_us, give_up_us, hold_us;
	FILE *log;
};

struct sim_pushers {
	struct sim_source source;
	coap_context_t *ctx;
	struct pusher *list;
	uint32_t token;
};

/* ---- the queue ---- */

static const struct sim_point *points_of(const struct pusher *p)
{
	return p->unit->device->points.items;
}

static void take_sample(struct pusher *p, struct fg_now now)
{
	const struct sim_fault *f = sim_fault_at(p->unit, SIM_CLOCK, SIZE_MAX, now.mono_us);
	size_t at;

	if (p->count == p->cap) {
		p->first = (p->first + 1) % p->cap;
		p->count--;
		p->in_message -= p->in_message > 0;
		p->unit->counts.forgotten++;
	}
	at = (p->first + p->count++) % p->cap;
	p->times[at] = now.wall_us / 1000 * 1000 + (f ? (int64_t)(f->conf.amount * 1e6) : 0);
	for (size_t i = 0; i < p->width; i++)
		p->values[at * p->width + i] = sim_read(sim_loop.model, p->unit, i, now);
}

static void log_sample(struct pusher *p, size_t at)
{
	char time[FG_RFC3339_SIZE], number[400];
	struct fg_buf buf;

	fg_rfc3339(p->times[at] / 1000, time);
	for (size_t i = 0; i < p->width; i++) {
		fg_buf_wrap(&buf, number, sizeof(number));
		fg_number_put_fixed(
			&buf, p->values[at * p->width + i], (int)points_of(p)[i].decimals);
		fprintf(p->log,
			"{\"device\":\"%s\",\"point\":\"%s\",\"time\":\"%s\",\"value\":%s}\n",
			p->name, points_of(p)[i].name, time, number);
	}
	fflush(p->log);
}

static void forget_acknowledged(struct pusher *p)
{
	for (; p->in_message; p->in_message--) {
		if (p->log)
			log_sample(p, p->first);
		p->first = (p->first + 1) % p->cap;
		p->count--;
		p->unit->counts.acked++;
	}
}

/* ---- the session ---- */

static bool resolve(const coap_uri_t *uri, coap_address_t *ret, char *host, size_t size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *ai;
	char port[8];

	snprintf(host, size, "%.*s", (int)uri->host.length, (const char *)uri->host.s);
	snprintf(port, sizeof(port), "%u", uri->port);
	if (getaddrinfo(host, port, &hints, &ai))
		return false;
	coap_address_init(ret);
	ret->size = ai->ai_addrlen;
	memcpy(&ret->addr, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	return true;
}

static coap_session_t *open_psk(
	const struct sim_push *conf, const coap_address_t *to, coap_proto_t proto)
{
	uint8_t key[SIM_KEY_MAX];
	coap_dtls_cpsk_t setup;
	size_t len;

	if (sim_coap_key(conf->psk_file, conf->psk_identity, key, &len) < 0) {
		fg_warning("no key for identity '%s' in %s", conf->psk_identity, conf->psk_file);
		return NULL;
	}
	memset(&setup, 0, sizeof(setup));
	setup.version = COAP_DTLS_CPSK_SETUP_VERSION;
	setup.psk_info.identity.s = (const uint8_t *)conf->psk_identity;
	setup.psk_info.identity.length = strlen(conf->psk_identity);
	setup.psk_info.key.s = key;
	setup.psk_info.key.length = len;
	return coap_new_client_session_psk2(sim_loop.pushers->ctx, NULL, to, proto, &setup);
}

static coap_session_t *open_pki(
	const struct sim_push *conf, const coap_address_t *to, coap_proto_t proto, char *host)
{
	coap_dtls_pki_t setup;

	memset(&setup, 0, sizeof(setup));
	setup.version = COAP_DTLS_PKI_SETUP_VERSION;
	setup.verify_peer_cert = 1;
	setup.check_common_ca = 1;
	setup.client_sni = host;
	setup.pki_key.key_type = COAP_PKI_KEY_PEM;
	setup.pki_key.key.pem.ca_file = conf->ca_file;
	setup.pki_key.key.pem.public_cert = conf->cert_file;
	setup.pki_key.key.pem.private_key = conf->key_file;
	return coap_new_client_session_pki(sim_loop.pushers->ctx, NULL, to, proto, &setup);
}

static bool split(const struct pusher *p, coap_uri_t *ret)
{
	return coap_split_uri((const uint8_t *)p->conf->uri, strlen(p->conf->uri), ret) == 0;
}

static void open_session(struct pusher *p)
{
	const struct sim_push *conf = p->conf;
	coap_address_t to;
	char host[128];
	coap_uri_t uri;
	bool tcp;

	if (!split(p, &uri) || !resolve(&uri, &to, host, sizeof(host)))
		return;
	tcp = uri.scheme == COAP_URI_SCHEME_COAP_TCP || uri.scheme == COAP_URI_SCHEME_COAPS_TCP;
	if (conf->psk_file)
		p->session = open_psk(conf, &to, tcp ? COAP_PROTO_TLS : COAP_PROTO_DTLS);
	else if (conf->ca_file)
		p->session = open_pki(conf, &to, tcp ? COAP_PROTO_TLS : COAP_PROTO_DTLS, host);
	else
		p->session = coap_new_client_session(sim_loop.pushers->ctx, NULL, &to,
			tcp ? COAP_PROTO_TCP : COAP_PROTO_UDP);
	if (!p->session)
		return;
	coap_session_set_app_data(p->session, p);
	coap_session_set_ack_timeout(
		p->session, (coap_fixed_point_t){(uint16_t)(conf->ack_timeout_us / SECOND_US),
				    (uint16_t)(conf->ack_timeout_us / 1000 % 1000)});
	coap_session_set_max_retransmit(p->session, (uint16_t)conf->max_retransmit);
}

static void close_session(struct pusher *p, bool in_vain)
{
	coap_session_t *session = FG_TAKE(p->session);

	if (!session)
		return;
	coap_session_set_app_data(session, NULL); /* our callbacks are deaf from here */
	if (in_vain) /* a message that is being repeated holds its session */
		coap_session_disconnected(session, COAP_NACK_NOT_DELIVERABLE);
	coap_session_release(session);
}

/* ---- messages ---- */

static bool add_options(coap_pdu_t *pdu, uint16_t number, int count, const unsigned char *options)
{
	while (count-- > 0) {
		if (!coap_add_option(
			    pdu, number, coap_opt_length(options), coap_opt_value(options)))
			return false;
		options += coap_opt_size(options);
	}
	return true;
}

static bool add_target(const struct pusher *p, coap_pdu_t *pdu, enum sim_format format)
{
	unsigned char room[600], number[2];
	size_t size = sizeof(room);
	coap_uri_t uri;

	if (!split(p, &uri) ||
		(uri.path.length && !add_options(pdu, COAP_OPTION_URI_PATH,
					    coap_split_path(uri.path.s, uri.path.length, room,
						    &size),
					    room)) ||
		!coap_add_option(pdu, COAP_OPTION_CONTENT_FORMAT,
			coap_encode_var_safe(number, sizeof(number), sim_format_code(format)),
			number))
		return false;
	size = sizeof(room);
	return !uri.query.length ||
	       add_options(pdu, COAP_OPTION_URI_QUERY,
		       coap_split_query(uri.query.s, uri.query.length, room, &size), room);
}

static enum sim_format format_of(const struct pusher *p)
{
	return sim_format_of(p->unit->device, NULL, &p->conf->body);
}

/* Sends p->body once; mid: that of an earlier message that this one repeats, or negative. */
static coap_mid_t send_message(struct pusher *p, coap_mid_t mid)
{
	const uint8_t *data = (const uint8_t *)p->body.data;
	coap_pdu_t *pdu = coap_new_pdu(p->conf->confirmable ? COAP_MESSAGE_CON : COAP_MESSAGE_NON,
		p->conf->method ? COAP_REQUEST_CODE_PUT : COAP_REQUEST_CODE_POST, p->session);
	uint8_t token[TOKEN_SIZE];

	if (!pdu)
		return COAP_INVALID_MID;
	if (mid >= 0)
		coap_pdu_set_mid(pdu, mid);
	memcpy(token, &p->token, sizeof(token));
	if (!coap_add_token(pdu, sizeof(token), token) || !add_target(p, pdu, format_of(p)) ||
		!(p->body.len <= ONE_BLOCK
				? coap_add_data(pdu, p->body.len, data)
				: coap_add_data_large_request(
					  p->session, pdu, p->body.len, data, NULL, NULL))) {
		coap_delete_pdu(pdu);
		return COAP_INVALID_MID;
	}
	return coap_send(p->session, pdu);
}

static void spoil(const struct pusher *p, int64_t now_us, struct fg_buf *body)
{
	if (sim_fault_at(p->unit, SIM_SHORT, SIZE_MAX, now_us))
		body->len /= 2;
	if (sim_fault_at(p->unit, SIM_GARBAGE, SIZE_MAX, now_us))
		for (size_t i = 0; i < body->len; i++)
			body->data[i] = (char)(body->data[i] * 37 + 141 + (int)i);
}

static void make_body(struct pusher *p, struct fg_now now)
{
	bool rows = sim_format_takes_rows(format_of(p));
	size_t n = rows ? FG_MIN(p->count, (size_t)p->conf->batch) : 1;
	struct sim_row *list = calloc(n, sizeof(*list));

	if (!list)
		return;
	for (size_t k = 0; k < n; k++) {
		size_t at = (p->first + k) % p->cap;

		list[k] = (struct sim_row){p->times[at], p->values + at * p->width};
	}
	fg_buf_clear(&p->body);
	sim_payload_put(p->unit->device, NULL, &p->conf->body, format_of(p), list, n,
		rows || p->conf->body.time, &p->body);
	spoil(p, now.mono_us, &p->body);
	p->in_message = n;
	p->unit->counts.pushed += n;
	free(list);
}

/* Whether it is the turn of a fault that meets every so many. */
static bool is_turn(const struct pusher *p, enum sim_fault_kind kind, uint64_t n, int64_t now_us)
{
	const struct sim_fault *f = sim_fault_at(p->unit, kind, SIZE_MAX, now_us);

	return f && n % (uint64_t)FG_MAX(f->conf.every, INT64_C(1)) == 0;
}

static void start_message(struct pusher *p, struct fg_now now)
{
	coap_mid_t mid;

	if (!p->session)
		open_session(p);
	p->event = NOTHING;
	p->token = sim_loop.pushers->token++;
	p->busy = true;
	p->give_up_us = now.mono_us + p->conf->timeout_us;
	mid = p->session ? send_message(p, -1) : COAP_INVALID_MID;
	if (mid == COAP_INVALID_MID)
		p->event = LOST;
	else if (is_turn(p, SIM_DUPLICATE, ++p->messages, now.mono_us) && p->body.len <= ONE_BLOCK)
		send_message(p, mid);
}

/* ---- what comes back ---- */

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
	const coap_pdu_t *received, const coap_mid_t mid)
{
	struct pusher *p = coap_session_get_app_data(session);
	coap_bin_const_t token = coap_pdu_get_token(received);
	unsigned code = coap_pdu_get_code(received);
	coap_opt_iterator_t it;
	const coap_opt_t *age = coap_check_option(received, COAP_OPTION_MAXAGE, &it);

	(void)sent;
	(void)mid;
	if (!p || !p->busy || token.length != TOKEN_SIZE || memcmp(token.s, &p->token, TOKEN_SIZE))
		return COAP_RESPONSE_OK;
	if (code >> 5 == 2) {
		p->event = code == COAP_RESPONSE_CODE_CONTINUE ? NOTHING : ACKED;
		return COAP_RESPONSE_OK;
	}
	p->event = REFUSED;
	if (age)
		p->hold_us = fg_clock_mono_us() +
			     SECOND_US * coap_decode_var_bytes(
						 coap_opt_value(age), coap_opt_length(age));
	return COAP_RESPONSE_OK;
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
	const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct pusher *p = coap_session_get_app_data(session);

	(void)sent;
	(void)mid;
	/* ICMP: the repetitions go on, the server may be starting up just now */
	if (p && p->busy && p->event == NOTHING && reason != COAP_NACK_ICMP_ISSUE)
		p->event = LOST;
}

static void push_ready(struct sim_source *source)
{
	(void)source;
	coap_io_process(sim_loop.pushers->ctx, COAP_IO_NO_WAIT);
}

static void acknowledged(struct pusher *p, struct fg_now now)
{
	if (p->echo) {
		p->echo = false;
	} else {
		forget_acknowledged(p);
		p->echo = is_turn(p, SIM_AGAIN, ++p->batches, now.mono_us);
	}
	if (p->conf->new_session)
		close_session(p, false);
	if (p->echo)
		start_message(p, now);
	else
		p->awake = p->count > 0;
}

static void finish(struct pusher *p, struct fg_now now)
{
	enum event event = p->event;

	if (event == NOTHING && now.mono_us >= p->give_up_us)
		event = LOST;
	if (event == NOTHING)
		return;
	p->busy = false;
	p->event = NOTHING;
	if (event == ACKED) {
		acknowledged(p, now);
		return;
	}
	p->echo = p->awake = false; /* until it wakes up again */
	p->in_message = 0;
	if (event == REFUSED)
		p->unit->counts.refused++;
	if (event == LOST || p->conf->new_session)
		close_session(p, true);
}

/* ---- time ---- */

static int64_t run_pusher(struct pusher *p, struct fg_now now)
{
	const struct sim_push *conf = p->conf;

	if (p->busy)
		finish(p, now);
	if (conf->sample_us && now.mono_us >= p->sample_us) {
		take_sample(p, now);
		p->sample_us += conf->sample_us;
	}
	if (now.mono_us >= p->wake_us) {
		if (!conf->sample_us)
			take_sample(p, now);
		p->awake = true;
		p->wake_us += conf->interval_us;
	}
	if (p->awake && !p->busy && p->count && now.mono_us >= p->hold_us &&
		!sim_fault_at(p->unit, SIM_MUTE, SIZE_MAX, now.mono_us)) {
		make_body(p, now);
		start_message(p, now);
		coap_io_process(sim_loop.pushers->ctx, COAP_IO_NO_WAIT);
	}
	p->unit->counts.waiting = p->count;
	if (p->busy && p->event != NOTHING)
		return now.mono_us;
	return FG_MIN(FG_MIN(p->wake_us, conf->sample_us ? p->sample_us : INT64_MAX),
		p->busy ? p->give_up_us : INT64_MAX);
}

int sim_push_run(struct fg_now now)
{
	int64_t next_us = INT64_MAX;

	if (!sim_loop.pushers)
		return -1;
	for (struct pusher *p = sim_loop.pushers->list; p; p = p->next)
		next_us = FG_MIN(next_us, run_pusher(p, now));
	if (next_us == INT64_MAX)
		return -1;
	return (int)FG_MIN(FG_MAX((next_us - now.mono_us + 999) / 1000, 0), INT64_C(60000));
}

/* ---- setting up ---- */

static void free_pusher(struct pusher *p)
{
	close_session(p, true);
	if (p->log)
		fclose(p->log);
	fg_buf_fini(&p->body);
	free(p->times);
	free(p->values);
	free(p);
}

static struct pusher *new_pusher(const struct sim_unit *unit, struct fg_now now)
{
	const struct sim_device *d = unit->device;
	struct pusher *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	snprintf(p->name, sizeof(p->name), "%s", unit->name);
	p->width = d->points.count;
	p->cap = (size_t)d->push.keep;
	p->times = calloc(p->cap, sizeof(*p->times));
	p->values = calloc(p->cap * FG_MAX(p->width, (size_t)1), sizeof(*p->values));
	fg_buf_init(&p->body, BODY_MAX);
	p->wake_us = now.mono_us + d->push.interval_us;
	p->sample_us = now.mono_us + d->push.sample_us;
	if (!p->times || !p->values) {
		free_pusher(p);
		return NULL;
	}
	p->next = sim_loop.pushers->list;
	sim_loop.pushers->list = p;
	return p;
}

static struct pusher *find_pusher(const struct sim_unit *unit)
{
	for (struct pusher *p = sim_loop.pushers->list; p; p = p->next)
		if (strcmp(p->name, unit->name) == 0 && p->width == unit->device->points.count &&
			p->cap == (size_t)unit->device->push.keep)
			return p;
	return NULL;
}

static int apply_one(struct sim_unit *unit, struct fg_now now)
{
	struct pusher *p = find_pusher(unit);

	p = p ? p : new_pusher(unit, now);
	if (!p)
		return FG_ENOMEM;
	close_session(p, true);
	p->busy = p->echo = false;
	p->in_message = 0;
	p->kept = true;
	p->unit = unit;
	p->conf = &unit->device->push;
	p->wake_us = FG_MIN(p->wake_us, now.mono_us + p->conf->interval_us);
	if (p->log)
		fclose(p->log);
	p->log = p->conf->log ? fopen(p->conf->log, "ae") : NULL;
	if (p->conf->log && !p->log) {
		fg_error("device %s: cannot write %s: %s", unit->name, p->conf->log,
			fg_strerror(-errno));
		return -EACCES;
	}
	return FG_OK;
}

static int open_context(void)
{
	struct sim_pushers *all = calloc(1, sizeof(*all));

	if (!all)
		return FG_ENOMEM;
	sim_coap_startup();
	all->source.fd = -1;
	all->ctx = coap_new_context(NULL);
	if (!all->ctx) {
		free(all);
		return FG_ENOMEM;
	}
	/* no two runs of the simulator begin with the same token */
	all->token = (uint32_t)fg_clock_wall_us();
	coap_context_set_block_mode(all->ctx, COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY);
	coap_register_response_handler(all->ctx, on_response);
	coap_register_nack_handler(all->ctx, on_nack);
	all->source = (struct sim_source){
		.fd = coap_context_get_coap_fd(all->ctx), .ready = push_ready};
	sim_loop.pushers = all;
	return sim_watch(&all->source);
}

int sim_push_apply(struct sim_model *model)
{
	struct fg_now now = fg_clock_now();
	int r = FG_OK, one;

	for (size_t i = 0; i < model->unit_count; i++) {
		if (!model->units[i].device->push.uri)
			continue;
		if (!sim_loop.pushers && (one = open_context()) < 0)
			return one;
		one = apply_one(&model->units[i], now);
		r = one < 0 ? one : r;
	}
	if (!sim_loop.pushers)
		return r;
	for (struct pusher **at = &sim_loop.pushers->list; *at;) {
		struct pusher *p = *at;

		if (p->kept) {
			p->kept = false;
			at = &p->next;
		} else {
			*at = p->next;
			free_pusher(p);
		}
	}
	return r;
}

void sim_push_close(void)
{
	struct sim_pushers *all = sim_loop.pushers;

	if (!all)
		return;
	while (all->list) {
		struct pusher *p = all->list;

		all->list = p->next;
		free_pusher(p);
	}
	coap_free_context(all->ctx);
	free(all);
	sim_loop.pushers = NULL;
}
