/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_MODBUS_CONNECT_H
#define FG_DRIVERS_MODBUS_CONNECT_H

#include <modbus.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/key.h"
#include "model/device.h"

/* TCP connections to devices and serial servers, made by libmodbus. */

struct fg_modbus_host {
	const char *host;
	int64_t port;
	int64_t connect_timeout_us;
};

/* The keys beside `port`, in a link's conf that is a struct fg_modbus_host. */
#define FG_MODBUS_HOST_KEYS                                                                        \
	{.name = "host",                                                                           \
		.type = FG_KEY_TEXT,                                                               \
		.flags = FG_KEY_REQUIRED,                                                          \
		.offset = offsetof(struct fg_modbus_host, host),                                   \
		.max = 253,                                                                        \
		.help = "Name or address of the device or gateway."},                              \
	{                                                                                          \
		.name = "connect_timeout", .type = FG_KEY_DURATION, .flags = FG_KEY_ADVANCED,      \
		.offset = offsetof(struct fg_modbus_host, connect_timeout_us), .min = 100000,      \
		.max = 30000000, .dflt = "2500ms",                                                 \
		.help = "How long making a connection may take."                                   \
	}

/* fg_driver.same_port for both drivers. */
bool fg_modbus_same_host(const struct fg_link *a, const struct fg_link *b);

/* fg_driver.port for both drivers. */
void fg_modbus_host_port(const struct fg_link *link, struct fg_buf *out);

/* Connects, to each of the name's addresses if need be. FG_OK with a context whose socket does not
 * block; or negative with what is wrong in `why`. */
int fg_modbus_connect(const struct fg_modbus_host *h, int64_t until_us, modbus_t **ret_ctx,
	char *why, size_t size);
/* NULL from then on; NULL is fine. */
void fg_modbus_disconnect(modbus_t **ctx);

#endif
