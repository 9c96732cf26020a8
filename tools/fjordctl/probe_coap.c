/* SPDX-License-Identifier: EUPL-1.2 */
/* `probe coap URI`: one GET, or an observation, with all that can be seen of it. Needs no daemon.
 * Blocks are asked for one by one here, so that each message is seen. */
#include <coap3/coap.h>

#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/secret.h"
#include "base/status.h"
#include "drivers/payload.h"
#include "probe_coap.h"
#include "protocol/coap_message.h"

#define SECOND_US	   INT64_C(1000000)
#define DEFAULT_TIMEOUT_US (2 * SECOND_US)
#define DEFAULT_OBSERVE_US (60 * SECOND_US)
#define REPEATS		   2
#define BODY_MAX	   65536
#define KEY_MAX		   64
#define CORE		   "/.well-known/core"

static volatile sig_atomic_t interrupted;

/* libcoap's log has no argument to come back by: the probe at work. */
static struct coap_probe *at_work;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

void coap_probe_hint(struct coap_probe *p, const char *fmt, ...)
{
	va_list ap;

	if (p->hint_count == FG_COUNT(p->hints))
		return;
	va_start(ap, fmt);
	vsnprintf(p->hints[p->hint_count], sizeof(p->hints[0]), fmt, ap);
	va_end(ap);
	ctl_plain(p->hints[p->hint_count++]);
}

/* ---- what is asked for ---- */

static int usage_fault(const char *what, const char *why)
{
	fprintf(stderr, "fjordctl: %s: %s\n", what, why);
	return EX_USAGE;
}

static int parse_uri(struct coap_probe *p, const char *text)
{
	coap_uri_t uri;

	if (strncasecmp(text, "coap", 4) != 0 ||
		coap_split_uri((const uint8_t *)text, strlen(text), &uri) < 0)
		return usage_fault(text, "is no URI such as coap://192.0.2.7/sensors/pm25, "
					 "coaps://[2001:db8::7]:5684/ or coap+tcp://NAME/");
	p->secure = uri.scheme == COAP_URI_SCHEME_COAPS || uri.scheme == COAP_URI_SCHEME_COAPS_TCP;
	p->tcp = uri.scheme == COAP_URI_SCHEME_COAP_TCP || uri.scheme == COAP_URI_SCHEME_COAPS_TCP;
	p->port = uri.port;
	snprintf(p->scheme, sizeof(p->scheme), "coap%s%s", p->secure ? "s" : "",
		p->tcp ? "+tcp" : "");
	snprintf(p->host, sizeof(p->host), "%.*s", (int)uri.host.length, (const char *)uri.host.s);
	if (!*p->host || uri.host.length >= sizeof(p->host) ||
		uri.path.length + uri.query.length + 3 > sizeof(p->path))
		return usage_fault(text, "has no usable host, or too long a path");
	snprintf(p->path, sizeof(p->path), "/%.*s%s%.*s", (int)uri.path.length,
		(const char *)uri.path.s, uri.query.length ? "?" : "", (int)uri.query.length,
		(const char *)uri.query.s);
	if (strcmp(p->path, "/") == 0)
		snprintf(p->path, sizeof(p->path), CORE);
	p->list = strncmp(p->path, CORE, strlen(CORE)) == 0;
	snprintf(p->base, sizeof(p->base), strchr(p->host, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
		p->scheme, p->host, p->port);
	return EX_OK;
}

static int parse_accept(struct coap_probe *p, const char *text)
{
	static const struct {
		const char *name;
		int format;
	} names[] = {{"text", 0}, {"json", 50}, {"cbor", 60}, {"senml-json", 110},
		{"senml-cbor", 112}, {"tlv", 11542}, {"link-format", 40}, {"bytes", 42}};
	int64_t number;

	p->accept = -1;
	if (!text)
		return EX_OK;
	for (size_t i = 0; i < FG_COUNT(names); i++)
		if (strcmp(names[i].name, text) == 0)
			p->accept = names[i].format;
	for (int i = 0; i < 65536 && p->accept < 0; i++) {
		const char *name = fg_coap_format_name((unsigned)i);

		if (name && strcmp(name, text) == 0)
			p->accept = i;
	}
	if (p->accept < 0 && fg_integer_parse(text, &number) == FG_OK && number >= 0 &&
		number <= 65535)
		p->accept = (int)number;
	return p->accept >= 0 ? EX_OK
			      : usage_fault("--accept", "takes a number, or one of text json cbor "
							"senml-json senml-cbor tlv link-format");
}

static int check_keys(const struct coap_probe *p)
{
	const struct ctl *ctl = p->ctl;

	if (!ctl->psk_identity != !ctl->psk_file)
		return usage_fault("--psk-identity", "goes together with --psk-file");
	if (!ctl->cert_file != !ctl->key_file)
		return usage_fault("--cert-file", "goes together with --key-file");
	if (p->secure && !ctl->psk_file && !ctl->ca_file)
		return usage_fault(p->scheme,
			"needs --psk-identity and --psk-file, or --ca-file for a certificate");
	if (!p->secure && (ctl->psk_file || ctl->ca_file || ctl->cert_file))
		return usage_fault(p->scheme, "has no keys or certificates; coaps has");
	return EX_OK;
}

/* ---- what is seen ---- */

static struct coap_seen *note_message(struct coap_probe *p, const coap_pdu_t *pdu, bool sent)
{
	coap_bin_const_t token = coap_pdu_get_token(pdu);
	struct coap_seen *seen;
	coap_opt_iterator_t it;
	const coap_opt_t *option;
	const uint8_t *data;
	struct fg_buf out;
	unsigned last = 0;
	size_t len;

	if (p->seen_count == COAP_SEEN)
		return NULL;
	seen = &p->seen[p->seen_count++];
	seen->sent = sent;
	seen->after_s = (double)(fg_clock_mono_us() - p->started_us) / 1e6;
	fg_buf_wrap(&out, seen->bytes, sizeof(seen->bytes));
	fg_coap_put_head(&out, (enum fg_coap_type)coap_pdu_get_type(pdu), coap_pdu_get_code(pdu),
		(uint16_t)coap_pdu_get_mid(pdu), token.s, token.length);
	coap_option_iterator_init(pdu, &it, COAP_OPT_ALL);
	while ((option = coap_option_next(&it)))
		fg_coap_put_option(&out, &last, it.number, coap_opt_value(option),
			coap_opt_length(option));
	if (coap_get_data(pdu, &len, &data))
		fg_coap_put_payload(&out, data, len);
	seen->len = out.len;
	return seen;
}

static uint64_t option_of(const coap_pdu_t *pdu, uint16_t number, uint64_t absent)
{
	coap_opt_iterator_t it;
	const coap_opt_t *o = coap_check_option(pdu, number, &it);

	return o ? coap_decode_var_bytes8(coap_opt_value(o), coap_opt_length(o)) : absent;
}

static void take_answer(struct coap_probe *p, const coap_pdu_t *pdu)
{
	uint64_t block = option_of(pdu, COAP_OPTION_BLOCK2, 0);
	const uint8_t *data;
	size_t len;

	p->code = coap_pdu_get_code(pdu);
	p->max_age = (int64_t)option_of(pdu, COAP_OPTION_MAXAGE, UINT64_MAX);
	if (block >> 4 == 0) {
		fg_buf_clear(&p->body);
		p->block_num = 0;
		p->format = (int)option_of(pdu, COAP_OPTION_CONTENT_FORMAT, (uint64_t)-1);
	}
	if (!coap_get_data(pdu, &len, &data))
		len = 0;
	if (p->code >> 5 == 2 && (block >> 4 != p->block_num || p->body.overflow)) {
		p->event = COAP_BAD_BLOCKS;
		return;
	}
	fg_buf_put(&p->body, data, len);
	p->block_num++;
	p->block_szx = block & 7;
	p->event = p->body.overflow ? COAP_BAD_BLOCKS : block & 8 ? COAP_MORE : COAP_ANSWERED;
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
	const coap_pdu_t *received, const coap_mid_t mid)
{
	struct coap_probe *p = coap_session_get_app_data(session);
	coap_bin_const_t token = coap_pdu_get_token(received);

	(void)sent;
	(void)mid;
	if (!p || token.length != sizeof(p->token) ||
		memcmp(token.s, p->token, sizeof(p->token)) != 0)
		return COAP_RESPONSE_FAIL;
	note_message(p, received, false);
	if (p->observing && option_of(received, COAP_OPTION_OBSERVE, UINT64_MAX) != UINT64_MAX)
		p->is_observed = true;
	take_answer(p, received);
	return COAP_RESPONSE_OK;
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
	const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct coap_probe *p = coap_session_get_app_data(session);

	(void)sent;
	(void)mid;
	if (!p || p->event == COAP_ANSWERED)
		return;
	switch (reason) {
	case COAP_NACK_ICMP_ISSUE:
		p->event = COAP_UNREACHABLE;
		break;
	case COAP_NACK_RST:
		p->event = COAP_RESET;
		break;
	case COAP_NACK_TLS_FAILED:
		p->event = COAP_NO_HANDSHAKE;
		break;
	case COAP_NACK_TOO_MANY_RETRIES:
		p->event = COAP_SILENT;
		break;
	case COAP_NACK_NOT_DELIVERABLE:
	default:
		p->event = p->secure && !p->tcp ? COAP_NO_HANDSHAKE : COAP_UNREACHABLE;
		break;
	}
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
	struct coap_probe *p = coap_session_get_app_data(session);

	if (p && event == COAP_EVENT_DTLS_CONNECTED)
		p->connected = true;
	if (p && event == COAP_EVENT_DTLS_ERROR && p->event == COAP_NOTHING)
		p->event = COAP_NO_HANDSHAKE;
	if (p && event == COAP_EVENT_TCP_FAILED)
		p->event = COAP_UNREACHABLE;
	return 0;
}

/* What only the log of libcoap tells: alerts, how far a handshake came, what was thrown away. */
static void on_log(coap_log_t level, const char *message)
{
	const char *alert = strstr(message, "SSL3 alert ");
	struct coap_probe *p = at_work;

	if (!p)
		return;
	if (level <= LOG_WARNING) {
		snprintf(p->warning, sizeof(p->warning), "%.*s", (int)strcspn(message, "\n"),
			message);
		ctl_plain(p->warning);
	}
	if (strstr(message, "read server hello") || strstr(message, "read hello verify"))
		p->heard_hello = true;
	if (strstr(message, "discard") || strstr(message, "malformed"))
		p->malformed = true;
	if (strstr(message, "ICMP: ") && p->event == COAP_NOTHING)
		p->event = COAP_UNREACHABLE;
	if (strstr(message, "connect failed"))
		p->event = COAP_UNREACHABLE;
	if (alert && !strstr(alert, "close notify")) {
		p->heard_alert |= strncmp(alert + 11, "read", 4) == 0;
		snprintf(p->alert, sizeof(p->alert), "%.*s", (int)strcspn(alert + 11, "\n"),
			alert + 11);
		ctl_plain(p->alert);
	}
	if (strstr(message, "depth=") || strstr(message, "not match") ||
		strstr(message, "expired") || strstr(message, "unable to get")) {
		snprintf(p->untrusted, sizeof(p->untrusted), "%.*s", (int)strcspn(message, "\n"),
			message);
		ctl_plain(p->untrusted);
	}
}

/* ---- the session ---- */

static coap_session_t *open_psk(struct coap_probe *p, const coap_address_t *to, int *ret_code)
{
	char hex[2 * KEY_MAX + 1];
	uint8_t key[KEY_MAX];
	coap_dtls_cpsk_t setup;
	coap_session_t *session;
	char why[160];
	int r = fg_secret_psk(
		p->ctl->psk_file, p->ctl->psk_identity, hex, sizeof(hex), why, sizeof(why));
	size_t len = r < 0 ? 0 : strlen(hex) / 2;

	if (r < 0) {
		fprintf(stderr, "fjordctl: no key for '%s' in %s: %s\n", p->ctl->psk_identity,
			p->ctl->psk_file, why);
		*ret_code = EX_NOINPUT;
		return NULL;
	}
	for (size_t i = 0; i < len; i++) {
		const char two[] = {hex[2 * i], hex[2 * i + 1], '\0'};

		key[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	explicit_bzero(hex, sizeof(hex));
	memset(&setup, 0, sizeof(setup));
	setup.version = COAP_DTLS_CPSK_SETUP_VERSION;
	setup.psk_info.identity.s = (const uint8_t *)p->ctl->psk_identity;
	setup.psk_info.identity.length = strlen(p->ctl->psk_identity);
	setup.psk_info.key.s = key;
	setup.psk_info.key.length = len;
	session = coap_new_client_session_psk2(
		p->ctx, NULL, to, p->tcp ? COAP_PROTO_TLS : COAP_PROTO_DTLS, &setup);
	explicit_bzero(key, sizeof(key));
	return session;
}

static coap_session_t *open_pki(struct coap_probe *p, const coap_address_t *to)
{
	coap_dtls_pki_t setup;

	memset(&setup, 0, sizeof(setup));
	setup.version = COAP_DTLS_PKI_SETUP_VERSION;
	setup.verify_peer_cert = 1;
	setup.check_common_ca = 1;
	setup.cert_chain_validation = 1;
	setup.cert_chain_verify_depth = 5;
	setup.client_sni = p->host;
	setup.pki_key.key_type = COAP_PKI_KEY_PEM;
	setup.pki_key.key.pem.ca_file = p->ctl->ca_file;
	setup.pki_key.key.pem.public_cert = p->ctl->cert_file;
	setup.pki_key.key.pem.private_key = p->ctl->key_file;
	return coap_new_client_session_pki(
		p->ctx, NULL, to, p->tcp ? COAP_PROTO_TLS : COAP_PROTO_DTLS, &setup);
}

static int open_session(struct coap_probe *p)
{
	struct addrinfo hints = {.ai_socktype = p->tcp ? SOCK_STREAM : SOCK_DGRAM}, *ai;
	int64_t timeout_us = FG_MAX(p->ctl->timeout_us, SECOND_US);
	coap_address_t to;
	char port[8];
	int r, code = EX_OK;

	snprintf(port, sizeof(port), "%u", p->port);
	r = getaddrinfo(p->host, port, &hints, &ai);
	if (r) {
		fprintf(stderr, "fjordctl: no address for '%s': %s\n", p->host, gai_strerror(r));
		return EX_NOHOST;
	}
	coap_address_init(&to);
	to.size = ai->ai_addrlen;
	memcpy(&to.addr, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	if (p->ctl->psk_file)
		p->session = open_psk(p, &to, &code);
	else if (p->secure)
		p->session = open_pki(p, &to);
	else
		p->session = coap_new_client_session(
			p->ctx, NULL, &to, p->tcp ? COAP_PROTO_TCP : COAP_PROTO_UDP);
	if (!p->session) {
		p->event = p->event == COAP_NOTHING ? COAP_NO_SOCKET : p->event;
		return code;
	}
	coap_session_set_app_data(p->session, p);
	coap_session_set_ack_random_factor(p->session, (coap_fixed_point_t){1, 0});
	coap_session_set_ack_timeout(p->session,
		(coap_fixed_point_t){(uint16_t)(timeout_us / SECOND_US),
			(uint16_t)(timeout_us / 1000 % 1000)});
	coap_session_set_max_retransmit(p->session, REPEATS);
	return EX_OK;
}

static int set_up(struct coap_probe *p)
{
	coap_startup();
	coap_set_log_handler(on_log);
	coap_set_show_pdu_output(0); /* not to stdout */
	coap_set_log_level(LOG_DEBUG);
	coap_dtls_set_log_level(LOG_DEBUG);
	at_work = p;
	p->ctx = coap_new_context(NULL);
	if (!p->ctx)
		return EX_OSERR;
	coap_register_response_handler(p->ctx, on_response);
	coap_register_nack_handler(p->ctx, on_nack);
	coap_register_event_handler(p->ctx, on_event);
	return open_session(p);
}

static void close_session(struct coap_probe *p)
{
	if (p->session) {
		coap_session_set_app_data(p->session, NULL);
		coap_session_disconnected(p->session, COAP_NACK_NOT_DELIVERABLE);
		coap_session_release(p->session);
	}
	if (p->ctx)
		coap_free_context(p->ctx);
	at_work = NULL;
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

static bool add_number(coap_pdu_t *pdu, uint16_t number, unsigned v)
{
	uint8_t mem[4];

	return coap_add_option(pdu, number, coap_encode_var_safe(mem, sizeof(mem), v), mem);
}

static bool add_path(coap_pdu_t *pdu, const char *path)
{
	size_t len = strlen(path) - 1, path_len = strcspn(path + 1, "?");
	const uint8_t *text = (const uint8_t *)path + 1;
	unsigned char room[700];
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

/* Numbers: 0 registers, 1 cancels, negative: no option. */
static bool send_get(struct coap_probe *p, int observe)
{
	coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, COAP_REQUEST_CODE_GET, p->session);
	bool more = p->event == COAP_MORE;

	if (!pdu)
		return false;
	if (!coap_add_token(pdu, sizeof(p->token), p->token) ||
		(observe >= 0 && !add_number(pdu, COAP_OPTION_OBSERVE, (unsigned)observe)) ||
		!add_path(pdu, p->path) ||
		(p->accept >= 0 && !add_number(pdu, COAP_OPTION_ACCEPT, (unsigned)p->accept)) ||
		(more && !add_number(pdu, COAP_OPTION_BLOCK2,
				 p->block_num << 4 | p->block_szx))) {
		coap_delete_pdu(pdu);
		return false;
	}
	note_message(p, pdu, true);
	p->event = COAP_NOTHING;
	return coap_send(p->session, pdu) != COAP_INVALID_MID;
}

/* Until something was seen, or the time is over. */
static void await_event(struct coap_probe *p, int64_t until_us)
{
	int64_t now_us = fg_clock_mono_us();

	while (p->event == COAP_NOTHING && !interrupted && now_us < until_us) {
		coap_io_process(p->ctx,
			(uint32_t)FG_MAX(FG_MIN((until_us - now_us) / 1000, INT64_C(200)),
				INT64_C(1)));
		now_us = fg_clock_mono_us();
	}
}

/* The rest of an answer in blocks, and what is in it. */
static void finish_answer(struct coap_probe *p)
{
	int64_t patience_us = FG_MAX(p->ctl->timeout_us, SECOND_US) * 7;

	while (p->event == COAP_MORE && !interrupted) {
		if (!send_get(p, -1))
			p->event = COAP_SILENT;
		await_event(p, fg_clock_mono_us() + patience_us);
		if (p->event == COAP_NOTHING)
			p->event = COAP_SILENT;
	}
	if (p->event != COAP_ANSWERED || p->code != FG_COAP_CODE(2, 5))
		return;
	if (p->list || p->format == 40) {
		ctl_resources_parse(&p->resources, p->body.data, p->body.len);
		return;
	}
	coap_records_take(&p->records, p->format, p->path, p->body.data ? p->body.data : "",
		p->body.len, (double)fg_clock_wall_us() / 1e6);
	coap_records_guess(&p->records, p->path, "");
}

static void ask(struct coap_probe *p)
{
	int64_t timeout_us = FG_MAX(p->ctl->timeout_us, SECOND_US);

	p->started_us = fg_clock_mono_us();
	if (!send_get(p, p->observing ? 0 : -1) && p->event == COAP_NOTHING)
		p->event = COAP_NO_SOCKET;
	await_event(p, p->started_us + timeout_us * ((2 << REPEATS) - 1));
	if (p->event == COAP_NOTHING)
		p->event = p->secure && !p->connected ? COAP_NO_HANDSHAKE : COAP_SILENT;
	finish_answer(p);
}

static void show(const struct coap_probe *p)
{
	if (p->ctl->json)
		coap_probe_json(p);
	else
		coap_probe_print(p);
	fflush(stdout);
}

/* Shows each notification until the time is over, then takes the observation back. */
static void observe(struct coap_probe *p)
{
	int64_t end_us = fg_clock_mono_us() +
			 (p->ctl->for_us ? p->ctl->for_us : DEFAULT_OBSERVE_US);

	while (!interrupted && fg_clock_mono_us() < end_us) {
		p->event = COAP_NOTHING;
		p->seen_count = 0;
		await_event(p, end_us);
		if (p->event == COAP_NOTHING)
			break;
		finish_answer(p);
		if (p->event != COAP_ANSWERED || p->code >> 5 != 2) {
			coap_probe_diagnose(p);
			show(p);
			return;
		}
		show(p);
	}
	interrupted = 0;
	p->event = COAP_NOTHING;
	if (send_get(p, 1))
		await_event(p, fg_clock_mono_us() + 2 * SECOND_US);
}

static int run(struct coap_probe *p)
{
	const struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	bool good;

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	if (p->session)
		ask(p);
	good = p->event == COAP_ANSWERED && p->code >> 5 == 2;
	if (!good)
		coap_probe_diagnose(p);
	else if (p->observing && !p->is_observed)
		coap_probe_hint(p, "it is not observable: it answered without Observe, and the "
				   "gateway would poll it");
	show(p);
	if (good && p->is_observed)
		observe(p);
	return good ? EX_OK : EX_TEMPFAIL;
}

int ctl_probe_coap(const struct ctl *ctl)
{
	struct coap_probe *p = calloc(1, sizeof(*p));
	struct ctl with_timeout = *ctl;
	int code;

	if (!p)
		return EX_OSERR;
	with_timeout.timeout_us = ctl->timeout_us ? ctl->timeout_us : DEFAULT_TIMEOUT_US;
	p->ctl = &with_timeout;
	p->observing = ctl->observe;
	p->max_age = -1;
	p->format = -1;
	fg_buf_init(&p->body, BODY_MAX);
	code = getrandom(p->token, sizeof(p->token), 0) == sizeof(p->token) ? EX_OK : EX_OSERR;
	if (code == EX_OK)
		code = parse_uri(p, ctl->words[2]);
	if (code == EX_OK)
		code = parse_accept(p, ctl->accept);
	if (code == EX_OK)
		code = check_keys(p);
	if (code == EX_OK)
		code = set_up(p);
	if (code == EX_OK)
		code = run(p);
	close_session(p);
	coap_records_free(&p->records);
	ctl_resources_free(&p->resources);
	fg_buf_fini(&p->body);
	free(p);
	return code;
}
