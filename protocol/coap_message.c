/* SPDX-License-Identifier: EUPL-1.2 */
/* CoAP messages over datagrams: RFC 7252, section 3; names from IANA's registries. */
#include "protocol/coap_message.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/status.h"

#define HEAD   4
#define MARKER 0xff

/* ---- parsing ---- */

/* A delta or length: its nibble, and up to two bytes that extend it. */
static bool take_extended(const uint8_t **at, const uint8_t *end, unsigned nibble, size_t *ret)
{
	if (nibble < 13) {
		*ret = nibble;
		return true;
	}
	if (nibble == 13 && end - *at >= 1) {
		*ret = 13u + *(*at)++;
		return true;
	}
	if (nibble == 14 && end - *at >= 2) {
		*ret = 269u + ((size_t)(*at)[0] << 8 | (*at)[1]);
		*at += 2;
		return true;
	}
	return false;
}

static bool take_option(const uint8_t **at, const uint8_t *end, struct fg_coap_option *o)
{
	unsigned head = *(*at)++;
	size_t delta, len;

	if (!take_extended(at, end, head >> 4, &delta) ||
		!take_extended(at, end, head & 15, &len) ||
		(size_t)(end - *at) < len || o->number + delta > 65535)
		return false;
	o->number += (unsigned)delta;
	o->value = *at;
	o->len = len;
	*at += len;
	return true;
}

int fg_coap_parse(const void *bytes, size_t len, struct fg_coap_message *ret)
{
	const uint8_t *at = bytes, *end = at + len;
	struct fg_coap_message m = {.type = FG_COAP_CON};
	struct fg_coap_option o = {0};

	if (len < HEAD || at[0] >> 6 != 1 || (at[0] & 15) > FG_COAP_TOKEN_MAX)
		return FG_EDECODE;
	m.type = (enum fg_coap_type)(at[0] >> 4 & 3);
	m.token_len = at[0] & 15;
	m.code = at[1];
	m.mid = (uint16_t)(at[2] << 8 | at[3]);
	at += HEAD;
	if ((size_t)(end - at) < m.token_len || (m.code == 0 && len != HEAD))
		return FG_EDECODE;
	memcpy(m.token, at, m.token_len);
	at += m.token_len;
	m.options = at;
	while (at < end && *at != MARKER)
		if (!take_option(&at, end, &o))
			return FG_EDECODE;
	m.options_end = at;
	if (at < end && ++at == end)
		return FG_EDECODE;
	m.payload = at;
	m.payload_len = (size_t)(end - at);
	*ret = m;
	return FG_OK;
}

bool fg_coap_next_option(const struct fg_coap_message *m, struct fg_coap_option *ret)
{
	const uint8_t *at = ret->value ? ret->value + ret->len : m->options;

	return at < m->options_end && take_option(&at, m->options_end, ret);
}

bool fg_coap_find_option(
	const struct fg_coap_message *m, unsigned number, struct fg_coap_option *ret)
{
	struct fg_coap_option o = {0};

	while (fg_coap_next_option(m, &o))
		if (o.number == number) {
			*ret = o;
			return true;
		}
	return false;
}

uint64_t fg_coap_option_uint(const struct fg_coap_option *o)
{
	uint64_t v = 0;

	if (o->len > 8)
		return UINT64_MAX;
	for (size_t i = 0; i < o->len; i++)
		v = v << 8 | o->value[i];
	return v;
}

/* ---- writing ---- */

void fg_coap_put_head(struct fg_buf *out, enum fg_coap_type type, unsigned code, uint16_t mid,
	const void *token, size_t token_len)
{
	fg_buf_putc(out, (char)(0x40 | (unsigned)type << 4 | (unsigned)token_len));
	fg_buf_putc(out, (char)code);
	fg_buf_putc(out, (char)(mid >> 8));
	fg_buf_putc(out, (char)mid);
	fg_buf_put(out, token, token_len);
}

static unsigned nibble_of(size_t v)
{
	return v < 13 ? (unsigned)v : v < 269 ? 13u : 14u;
}

static void put_extension(struct fg_buf *out, size_t v)
{
	if (v >= 269) {
		fg_buf_putc(out, (char)((v - 269) >> 8));
		fg_buf_putc(out, (char)(v - 269));
	} else if (v >= 13) {
		fg_buf_putc(out, (char)(v - 13));
	}
}

void fg_coap_put_option(
	struct fg_buf *out, unsigned *last, unsigned number, const void *value, size_t len)
{
	size_t delta = number - *last;

	fg_buf_putc(out, (char)(nibble_of(delta) << 4 | nibble_of(len)));
	put_extension(out, delta);
	put_extension(out, len);
	fg_buf_put(out, value, len);
	*last = number;
}

void fg_coap_put_uint_option(struct fg_buf *out, unsigned *last, unsigned number, uint64_t value)
{
	uint8_t bytes[8];
	size_t n = 0;

	for (unsigned shift = 64; shift; shift -= 8)
		if (n || value >> (shift - 8))
			bytes[n++] = (uint8_t)(value >> (shift - 8));
	fg_coap_put_option(out, last, number, bytes, n);
}

void fg_coap_put_payload(struct fg_buf *out, const void *payload, size_t len)
{
	if (!len)
		return;
	fg_buf_putc(out, (char)MARKER);
	fg_buf_put(out, payload, len);
}

/* ---- names ---- */

static const struct {
	unsigned code;
	const char *name;
} codes[] = {
	{0, "Empty"},
	{1, "GET"},
	{2, "POST"},
	{3, "PUT"},
	{4, "DELETE"},
	{5, "FETCH"},
	{6, "PATCH"},
	{7, "iPATCH"},
	{FG_COAP_CODE(2, 1), "Created"},
	{FG_COAP_CODE(2, 2), "Deleted"},
	{FG_COAP_CODE(2, 3), "Valid"},
	{FG_COAP_CODE(2, 4), "Changed"},
	{FG_COAP_CODE(2, 5), "Content"},
	{FG_COAP_CODE(2, 31), "Continue"},
	{FG_COAP_CODE(4, 0), "Bad Request"},
	{FG_COAP_CODE(4, 1), "Unauthorized"},
	{FG_COAP_CODE(4, 2), "Bad Option"},
	{FG_COAP_CODE(4, 3), "Forbidden"},
	{FG_COAP_CODE(4, 4), "Not Found"},
	{FG_COAP_CODE(4, 5), "Method Not Allowed"},
	{FG_COAP_CODE(4, 6), "Not Acceptable"},
	{FG_COAP_CODE(4, 8), "Request Entity Incomplete"},
	{FG_COAP_CODE(4, 9), "Conflict"},
	{FG_COAP_CODE(4, 12), "Precondition Failed"},
	{FG_COAP_CODE(4, 13), "Request Entity Too Large"},
	{FG_COAP_CODE(4, 15), "Unsupported Content-Format"},
	{FG_COAP_CODE(4, 22), "Unprocessable Entity"},
	{FG_COAP_CODE(4, 29), "Too Many Requests"},
	{FG_COAP_CODE(5, 0), "Internal Server Error"},
	{FG_COAP_CODE(5, 1), "Not Implemented"},
	{FG_COAP_CODE(5, 2), "Bad Gateway"},
	{FG_COAP_CODE(5, 3), "Service Unavailable"},
	{FG_COAP_CODE(5, 4), "Gateway Timeout"},
	{FG_COAP_CODE(5, 5), "Proxying Not Supported"},
	{FG_COAP_CODE(7, 1), "CSM"},
	{FG_COAP_CODE(7, 2), "Ping"},
	{FG_COAP_CODE(7, 3), "Pong"},
	{FG_COAP_CODE(7, 4), "Release"},
	{FG_COAP_CODE(7, 5), "Abort"},
};

enum form { OPAQUE, UINT, TEXT, BLOCK, EMPTY };

static const struct {
	unsigned number;
	enum form form;
	const char *name;
} options[] = {
	{1, OPAQUE, "If-Match"},
	{3, TEXT, "Uri-Host"},
	{4, OPAQUE, "ETag"},
	{5, EMPTY, "If-None-Match"},
	{6, UINT, "Observe"},
	{7, UINT, "Uri-Port"},
	{8, TEXT, "Location-Path"},
	{9, OPAQUE, "OSCORE"},
	{11, TEXT, "Uri-Path"},
	{12, UINT, "Content-Format"},
	{14, UINT, "Max-Age"},
	{15, TEXT, "Uri-Query"},
	{16, UINT, "Hop-Limit"},
	{17, UINT, "Accept"},
	{19, BLOCK, "Q-Block1"},
	{20, TEXT, "Location-Query"},
	{23, BLOCK, "Block2"},
	{27, BLOCK, "Block1"},
	{28, UINT, "Size2"},
	{31, BLOCK, "Q-Block2"},
	{35, TEXT, "Proxy-Uri"},
	{39, TEXT, "Proxy-Scheme"},
	{60, UINT, "Size1"},
	{252, OPAQUE, "Echo"},
	{258, UINT, "No-Response"},
	{292, OPAQUE, "Request-Tag"},
};

static const struct {
	unsigned format;
	const char *name;
} formats[] = {
	{0, "text/plain"},
	{40, "application/link-format"},
	{41, "application/xml"},
	{42, "application/octet-stream"},
	{47, "application/exi"},
	{50, "application/json"},
	{60, "application/cbor"},
	{110, "application/senml+json"},
	{111, "application/sensml+json"},
	{112, "application/senml+cbor"},
	{113, "application/sensml+cbor"},
	{114, "application/senml-exi"},
	{310, "application/senml+xml"},
	{11542, "application/vnd.oma.lwm2m+tlv"},
	{11543, "application/vnd.oma.lwm2m+json"},
};

const char *fg_coap_code_text(unsigned code, char text[FG_COAP_CODE_TEXT])
{
	const char *name = NULL;

	for (size_t i = 0; i < FG_COUNT(codes); i++)
		if (codes[i].code == code)
			name = codes[i].name;
	snprintf(text, FG_COAP_CODE_TEXT, "%u.%02u%s%s", code >> 5, code & 31, name ? " " : "",
		name ? name : "");
	return text;
}

const char *fg_coap_type_name(enum fg_coap_type type)
{
	static const char *const names[] = {"CON", "NON", "ACK", "RST"};

	return names[type & 3];
}

const char *fg_coap_option_name(unsigned number)
{
	for (size_t i = 0; i < FG_COUNT(options); i++)
		if (options[i].number == number)
			return options[i].name;
	return NULL;
}

const char *fg_coap_format_name(unsigned format)
{
	for (size_t i = 0; i < FG_COUNT(formats); i++)
		if (formats[i].format == format)
			return formats[i].name;
	return NULL;
}

static enum form form_of(unsigned number)
{
	for (size_t i = 0; i < FG_COUNT(options); i++)
		if (options[i].number == number)
			return options[i].form;
	return OPAQUE;
}

void fg_coap_put_option_value(struct fg_buf *out, const struct fg_coap_option *o)
{
	uint64_t v = fg_coap_option_uint(o);

	switch (o->len > 8 && form_of(o->number) != TEXT ? OPAQUE : form_of(o->number)) {
	case UINT:
		fg_buf_put_uint(out, v);
		break;
	case BLOCK:
		fg_buf_printf(out, "%u/%s/%u", (unsigned)(v >> 4), v & 8 ? "more" : "last",
			16u << (v & 7));
		break;
	case TEXT:
		fg_json_quote(out, (const char *)o->value, o->len);
		break;
	case OPAQUE:
	case EMPTY:
		for (size_t i = 0; i < o->len; i++)
			fg_buf_printf(out, "%02x", o->value[i]);
		break;
	}
}
