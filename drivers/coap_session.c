/* SPDX-License-Identifier: EUPL-1.2 */
/* The coap driver's sessions: opening and dropping them, the messages that are sent, and what is
 * said about them in the log. */
#include <coap3/coap.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/status.h"
#include "drivers/coap_internal.h"

#define MIN_ACK_US INT64_C(1000000)

/* ---- what is told about a link ---- */

static struct fg_coap_trouble *trouble_of(const struct fg_coap_endpoint *ep)
{
	struct fg_coap_host *host = fg_coap_host_of(ep);
	struct fg_coap_trouble *t;

	for (t = host->troubles; t; t = t->next)
		if (strcmp(t->link, ep->ls->link->name) == 0)
			return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	snprintf(t->link, sizeof(t->link), "%s", ep->ls->link->name);
	t->next = host->troubles;
	host->troubles = t;
	return t;
}

void fg_coap_tell(struct fg_coap_endpoint *ep, enum fg_coap_trouble_kind kind, const char *fmt, ...)
{
	struct fg_coap_trouble *t = trouble_of(ep);
	char text[300];
	va_list ap;

	if (t && t->kind == kind)
		return;
	if (t)
		t->kind = kind;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (kind == FG_COAP_FINE)
		fg_notice("link '%s': %s", ep->ls->link->name, text);
	else
		fg_warning("link '%s': %s", ep->ls->link->name, text);
}

void fg_coap_tell_fine(struct fg_coap_endpoint *ep)
{
	struct fg_coap_trouble *t = trouble_of(ep);

	if (t && t->kind != FG_COAP_FINE)
		fg_coap_tell(ep, FG_COAP_FINE, "%s answers again", fg_coap_conf(ep)->uri);
}

void fg_coap_debug_message(const struct fg_coap_endpoint *ep, char direction, const coap_pdu_t *pdu,
	const char *path, int format, size_t len)
{
	coap_bin_const_t token = coap_pdu_get_token(pdu);
	unsigned code = coap_pdu_get_code(pdu);
	char hex[2 * 8 + 1] = "";

	if (!fg_debug_on(FG_DEBUG_coap))
		return;
	for (size_t i = 0; i < token.length && i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", token.s[i]);
	fg_debug(FG_DEBUG_coap, "link %s: %c %u.%02u mid=%d token=%s path=%s format=%d length=%zu",
		ep->ls->link->name, direction, code >> 5, code & 31, coap_pdu_get_mid(pdu), hex,
		path, format, len);
}

/* ---- sessions ---- */

void fg_coap_drop_session(struct fg_coap_endpoint *ep)
{
	coap_session_t *session = FG_TAKE(ep->session);

	fg_coap_watches_lost(ep);
	ep->watching = NULL;
	ep->broken = false;
	ep->proven = false;
	ep->connected = false;
	ep->tls_why[0] = '\0';
	if (!session)
		return;
	coap_session_set_app_data(session, NULL); /* our callbacks are deaf from here */
	/* a message that is being repeated holds its session: this takes it off the queue */
	coap_session_disconnected(session, COAP_NACK_NOT_DELIVERABLE);
	coap_session_release(session);
	fg_coap_free_own(ep);
}

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* Reads the key anew, so that a changed file holds from the next connect on. */
static int read_key(const struct fg_coap_link *conf, uint8_t ret_key[FG_PSK_MAX], size_t *ret_len,
	char *why, size_t why_size)
{
	char hex[2 * FG_PSK_MAX + 1];
	int r = fg_secret_psk(
		conf->psk_file, conf->psk_identity, hex, sizeof(hex), why, why_size);
	size_t len;

	if (r < 0)
		return r;
	len = strlen(hex) / 2;
	for (size_t i = 0; i < len; i++)
		ret_key[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	explicit_bzero(hex, sizeof(hex));
	*ret_len = len;
	return FG_OK;
}

static coap_session_t *new_secure_session(struct fg_coap_endpoint *ep, const coap_address_t *addr)
{
	const struct fg_coap_link *conf = fg_coap_conf(ep);
	uint8_t key[FG_PSK_MAX];
	coap_dtls_cpsk_t setup;
	coap_session_t *session;
	size_t key_len;
	char why[160];
	int r = read_key(conf, key, &key_len, why, sizeof(why));

	if (r < 0) {
		fg_coap_tell(ep, FG_COAP_NO_KEY, "no key for identity '%s' in %s: %s",
			conf->psk_identity, conf->psk_file, why);
		return NULL;
	}
	memset(&setup, 0, sizeof(setup));
	snprintf(ep->sni, sizeof(ep->sni), "%s", conf->host);
	setup.version = COAP_DTLS_CPSK_SETUP_VERSION;
	setup.client_sni = ep->named ? ep->sni : NULL;
	setup.psk_info.identity.s = (const uint8_t *)conf->psk_identity;
	setup.psk_info.identity.length = strlen(conf->psk_identity);
	setup.psk_info.key.s = key;
	setup.psk_info.key.length = key_len;
	session = coap_new_client_session_psk2(fg_coap_host_of(ep)->ctx, NULL, addr,
		conf->tcp ? COAP_PROTO_TLS : COAP_PROTO_DTLS, &setup);
	explicit_bzero(key, sizeof(key));
	if (!session)
		fg_coap_tell(
			ep, FG_COAP_NO_SOCKET, "cannot reach %s: no socket or no route", conf->uri);
	return session;
}

/* Opens a session to the next address that was not tried yet. */
int fg_coap_open_session(struct fg_coap_endpoint *ep)
{
	const struct fg_coap_link *conf = fg_coap_conf(ep);
	const struct fg_address *to = &ep->addresses[ep->address_used];
	coap_address_t addr;

	ep->address = ep->address_used++;
	coap_address_init(&addr);
	addr.size = to->len;
	memcpy(&addr.addr, &to->addr, to->len);
	if (conf->ca_file) {
		ep->session = fg_coap_new_pki_session(ep, to);
	} else if (conf->secure) {
		ep->session = new_secure_session(ep, &addr);
	} else {
		ep->session = coap_new_client_session(fg_coap_host_of(ep)->ctx, NULL, &addr,
			conf->tcp ? COAP_PROTO_TCP : COAP_PROTO_UDP);
		if (!ep->session)
			fg_coap_tell(ep, FG_COAP_NO_SOCKET,
				"cannot reach %s: no socket or no route", conf->uri);
	}
	if (!ep->session) {
		fg_coap_free_own(ep);
		return -EHOSTUNREACH;
	}
	coap_session_set_app_data(ep->session, ep);
	ep->connected = coap_session_get_state(ep->session) == COAP_SESSION_STATE_ESTABLISHED;
	return FG_OK;
}

/* ---- sending ---- */

static bool is_confirmable(const struct fg_coap_endpoint *ep)
{
	return fg_coap_device_of(ep)->confirmable || fg_coap_conf(ep)->tcp;
}

/* RFC 7252 4.8: by chance up to half as long again, so that those who began together do not go on
 * together. Drawn here and not by libcoap: it would not tell. */
static int64_t spread(struct fg_coap_endpoint *ep, int64_t us)
{
	return us + (int64_t)fg_rng_below(&fg_coap_host_of(ep)->rng, (uint64_t)us / 2 + 1);
}

/* Times of one exchange. With repetitions libcoap waits at least a second for the first and twice
 * as long for each next one; a single attempt is over after the device's timeout. Over TCP nothing
 * is repeated, and all the time is for one. */
void fg_coap_set_times(struct fg_coap_endpoint *ep, const struct fg_job *job, int64_t now_us)
{
	unsigned attempts = FG_MAX(job->attempts, 1u), repeats = FG_MIN(attempts - 1, 8u);
	int64_t timeout_us = job->group->device->timeout_us, ack_us;

	if (!is_confirmable(ep) || fg_coap_conf(ep)->tcp)
		repeats = 0;
	if (fg_coap_conf(ep)->tcp)
		timeout_us *= attempts;
	ep->repeats = repeats;
	ep->wait_us = repeats ? spread(ep, FG_MAX(timeout_us, MIN_ACK_US)) : timeout_us;
	/* libcoap cannot be told to send only once: its first repetition comes too late instead */
	ack_us = repeats ? ep->wait_us : FG_MAX(timeout_us, MIN_ACK_US) + MIN_ACK_US;
	coap_session_set_ack_random_factor(ep->session, (coap_fixed_point_t){1, 0});
	coap_session_set_ack_timeout(
		ep->session, (coap_fixed_point_t){(uint16_t)FG_MIN(ack_us / 1000000, INT64_C(3600)),
				     (uint16_t)(ack_us / 1000 % 1000)});
	coap_session_set_max_retransmit(ep->session, (uint16_t)FG_MAX(repeats, 1u));
	ep->sent_mono_us = now_us;
	ep->give_up_mono_us =
		ep->connected ? FG_MIN(now_us + (ep->wait_us << (repeats + 1)) - ep->wait_us,
					job->deadline_mono_us)
			      : job->deadline_mono_us; /* set again after the handshake */
}

/* One byte a second on average, reckoned with the size of the request that had no answer. */
void fg_coap_note_silence(struct fg_coap_endpoint *ep)
{
	size_t size = 4 + FG_COAP_TOKEN_SIZE + 4 + strlen(fg_coap_request_of(ep)->path);

	if (!is_confirmable(ep))
		ep->quiet_until_mono_us = ep->sent_mono_us + (int64_t)size * 1000000;
}

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

bool fg_coap_add_host(const struct fg_coap_endpoint *ep, coap_pdu_t *pdu)
{
	const char *host = fg_coap_conf(ep)->host;

	return !ep->named ||
	       coap_add_option(pdu, COAP_OPTION_URI_HOST, strlen(host), (const uint8_t *)host);
}

bool fg_coap_add_path(coap_pdu_t *pdu, const char *path)
{
	const uint8_t *text = (const uint8_t *)path + 1; /* without the first slash */
	size_t len = strlen(path) - 1, path_len = strcspn(path + 1, "?");
	unsigned char room[600];
	size_t size = sizeof(room);

	if (path_len && !add_options(pdu, COAP_OPTION_URI_PATH,
				coap_split_path(text, path_len, room, &size), room))
		return false;
	size = sizeof(room);
	return path_len == len ||
	       add_options(pdu, COAP_OPTION_URI_QUERY,
		       coap_split_query(text + path_len + 1, len - path_len - 1, room, &size),
		       room);
}

static coap_pdu_t *make_get(
	struct fg_coap_endpoint *ep, const struct fg_coap_request *req, int64_t now_us)
{
	coap_pdu_t *pdu = coap_new_pdu(is_confirmable(ep) ? COAP_MESSAGE_CON : COAP_MESSAGE_NON,
		COAP_REQUEST_CODE_GET, ep->session);
	const struct fg_coap_kept *kept = fg_coap_kept_find(ep, req->path);
	int accept = fg_coap_accept(req->wants, *fg_coap_accept_of(ep));
	uint8_t token[FG_COAP_TOKEN_SIZE], block[4], format[2];

	if (!pdu)
		return NULL;
	ep->watching = ep->block ? NULL : fg_coap_watch_for(ep, now_us);
	ep->token = ep->watching ? fg_coap_watch_token(ep->watching) : fg_coap_new_token(ep);
	memcpy(token, &ep->token, FG_COAP_TOKEN_SIZE);
	/* options in the order of their numbers, as they are written */
	if (!coap_add_token(pdu, FG_COAP_TOKEN_SIZE, token) || !fg_coap_add_host(ep, pdu))
		goto fail;
	if (kept && kept->etag_len && !ep->block &&
		!coap_add_option(pdu, COAP_OPTION_ETAG, kept->etag_len, kept->etag))
		goto fail;
	if (ep->watching && !coap_add_option(pdu, COAP_OPTION_OBSERVE, 0, NULL))
		goto fail;
	if (!fg_coap_add_path(pdu, req->path))
		goto fail;
	if (accept != FG_COAP_FORMAT_NONE &&
		!coap_add_option(pdu, COAP_OPTION_ACCEPT,
			coap_encode_var_safe(format, sizeof(format), (unsigned)accept), format))
		goto fail;
	if (ep->block &&
		!coap_add_option(pdu, COAP_OPTION_BLOCK2,
			coap_encode_var_safe(block, sizeof(block), ep->block << 4 | ep->szx),
			block))
		goto fail;
	return pdu;
fail:
	coap_delete_pdu(pdu);
	return NULL;
}

/* Sends the current request, or the next block of its answer. */
int fg_coap_send_get(struct fg_coap_endpoint *ep, int64_t now_us)
{
	const struct fg_coap_request *req = fg_coap_request_of(ep);
	struct fg_job *job = ep->first;
	coap_pdu_t *pdu;

	fg_coap_set_times(ep, job, now_us);
	pdu = make_get(ep, req, now_us);
	if (!pdu)
		return FG_ENOMEM;
	fg_coap_debug_message(ep, '>', pdu, req->path, FG_COAP_FORMAT_NONE, 0);
	ep->event = FG_COAP_NOTHING;
	ep->phase = FG_COAP_WAITING;
	ep->refused = false;
	if (coap_send(ep->session, pdu) == COAP_INVALID_MID)
		return -EHOSTUNREACH;
	if (!ep->block)
		fg_job_explain(job, "GET %s", req->path);
	job->requests++;
	return FG_OK;
}
