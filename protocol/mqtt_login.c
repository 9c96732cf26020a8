/* SPDX-License-Identifier: EUPL-1.2 */
/* The beginning of an MQTT session: MQTT 5 and 3.1.1, chapters 3.1, 3.2 and 3.14. */
#include "protocol/mqtt_login.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"
#include "base/varint.h"

#define TYPE_CONNECT	0x10
#define TYPE_CONNACK	0x20
#define TYPE_DISCONNECT 0xE0

#define FLAG_CLEAN    0x02
#define FLAG_PASSWORD 0x40
#define FLAG_USERNAME 0x80

#define KEEPALIVE_S  30
#define ANSWER_MAX   65536 /* more is nothing that greets us */
#define LENGTH_BYTES 4

static void put_u16(struct fg_buf *out, size_t v)
{
	fg_buf_putc(out, (char)(v >> 8 & 0xFF));
	fg_buf_putc(out, (char)(v & 0xFF));
}

static void put_text(struct fg_buf *out, const char *text)
{
	size_t len = strlen(text);

	if (len > UINT16_MAX) {
		out->overflow = true;
		return;
	}
	put_u16(out, len);
	fg_buf_put(out, text, len);
}

static size_t text_bytes(const char *text)
{
	return text ? 2 + strlen(text) : 0;
}

void fg_mqtt_put_connect(struct fg_buf *out, const struct fg_mqtt_login *login)
{
	bool is_5 = login->version == 5;
	unsigned flags = FLAG_CLEAN | (login->username ? FLAG_USERNAME : 0) |
			 (login->password ? FLAG_PASSWORD : 0);

	fg_buf_putc(out, TYPE_CONNECT);
	fg_put_varint(out, 10 + (is_5 ? 1u : 0u) + text_bytes(login->client_id) +
				   text_bytes(login->username) + text_bytes(login->password));
	put_text(out, "MQTT");
	fg_buf_putc(out, is_5 ? 5 : 4);
	fg_buf_putc(out, (char)flags);
	put_u16(out, KEEPALIVE_S);
	if (is_5) /* no properties: the session ends with the connection */
		fg_buf_putc(out, 0);
	put_text(out, login->client_id);
	if (login->username)
		put_text(out, login->username);
	if (login->password)
		put_text(out, login->password);
}

void fg_mqtt_put_disconnect(struct fg_buf *out, int version)
{
	(void)version; /* without a reason code both are alike */
	fg_buf_putc(out, (char)TYPE_DISCONNECT);
	fg_buf_putc(out, 0);
}

/* Of the packet behind its first byte; FG_EAGAIN where it is not all there. */
static int read_length(struct fg_bytes *in, size_t *ret)
{
	size_t len = 0;

	for (unsigned i = 0; i < LENGTH_BYTES; i++) {
		unsigned byte = fg_get_byte(in);

		if (in->bad)
			return FG_EAGAIN;
		len |= (size_t)(byte & 0x7F) << (7 * i);
		if (!(byte & 0x80)) {
			*ret = len;
			return len > ANSWER_MAX ? FG_EFRAME : FG_OK;
		}
	}
	return FG_EFRAME;
}

int fg_mqtt_read_answer(const void *bytes, size_t len, int version, unsigned *ret_code)
{
	struct fg_bytes in = {.at = bytes, .end = (const unsigned char *)bytes + len};
	unsigned type = fg_get_byte(&in);
	size_t rest;
	int r;

	if (in.bad)
		return FG_EAGAIN;
	if (type != TYPE_CONNACK && !(type == TYPE_DISCONNECT && version == 5))
		return FG_EFRAME;
	r = read_length(&in, &rest);
	if (r < 0)
		return r;
	if (type == TYPE_CONNACK && rest < 2)
		return FG_EFRAME;
	if ((size_t)(in.end - in.at) < rest)
		return FG_EAGAIN;
	if (type == TYPE_CONNACK)
		fg_get_byte(&in); /* whether there was a session */
	*ret_code = rest ? fg_get_byte(&in) : 0;
	if (type == TYPE_DISCONNECT && *ret_code == 0)
		return FG_EFRAME; /* it goes without having said why */
	return FG_OK;
}

struct words {
	unsigned code;
	const char *text;
};

static const struct words words_3[] = {
	{0, "welcome"},
	{1, "the broker does not speak this version of MQTT"},
	{2, "the client id is refused"},
	{3, "the broker is not available at present"},
	{4, "wrong user name or password"},
	{5, "not allowed to log in"},
};

static const struct words words_5[] = {
	{0x00, "welcome"},
	{0x01, "the broker does not speak this version of MQTT"},
	{0x80, "refused without a reason"},
	{0x81, "the packet is malformed"},
	{0x82, "an error of the protocol"},
	{0x83, "refused for a reason of the broker's own"},
	{0x84, "the broker does not speak this version of MQTT"},
	{0x85, "the client id is refused"},
	{0x86, "wrong user name or password"},
	{0x87, "not allowed to log in"},
	{0x88, "the broker is not available at present"},
	{0x89, "the broker is busy"},
	{0x8A, "banned by the broker"},
	{0x8B, "the broker shuts down"},
	{0x8C, "the broker wants another method of authentication"},
	{0x95, "the packet is too large for the broker"},
	{0x97, "a quota of the broker's is used up"},
	{0x9C, "use another server for now"},
	{0x9D, "the server has moved"},
	{0x9F, "too many connections at once"},
};

const char *fg_mqtt_code_text(unsigned code, int version)
{
	const struct words *table = version == 5 ? words_5 : words_3;
	size_t n = version == 5 ? FG_COUNT(words_5) : FG_COUNT(words_3);

	for (size_t i = 0; i < n; i++)
		if (table[i].code == code)
			return table[i].text;
	return "refused with an unknown code";
}
