/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_MQTT_LOGIN_H
#define FG_PROTOCOL_MQTT_LOGIN_H

#include <stddef.h>

#include "base/buf.h"

/* The beginning of an MQTT session (5 and 3.1.1) as bytes: enough to see whether a broker lets us
 * in. Sessions of the gateway are made by libmosquitto. */

struct fg_mqtt_login {
	int version; /* 5 or 3 (3.1.1) */
	const char *client_id;
	const char *username, *password; /* NULL: none */
};

/* A CONNECT that leaves nothing behind: no will, and a session that ends with the connection. A
 * text of more than 65,535 bytes makes the buffer overflow. */
void fg_mqtt_put_connect(struct fg_buf *out, const struct fg_mqtt_login *login);
void fg_mqtt_put_disconnect(struct fg_buf *out, int version);

/* The answer to it, CONNACK (or DISCONNECT with MQTT 5): FG_OK and the broker's code, 0: welcome.
 * FG_EAGAIN: more bytes are needed; FG_EFRAME: this is no answer of an MQTT broker. */
int fg_mqtt_read_answer(const void *bytes, size_t len, int version, unsigned *ret_code);

/* A code of that answer in words. */
const char *fg_mqtt_code_text(unsigned code, int version);

#endif
