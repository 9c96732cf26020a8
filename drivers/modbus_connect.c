/* SPDX-License-Identifier: EUPL-1.2 */
/* TCP connections to devices and serial servers. */
#include "drivers/modbus_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/status.h"
#include "drivers/modbus_common.h"

#define UNACKED_MS 5000 /* a peer that takes no bytes for so long is gone */

bool fg_modbus_same_host(const struct fg_link *a, const struct fg_link *b)
{
	const struct fg_modbus_host *ca = a->conf, *cb = b->conf;

	return ca->port == cb->port && strcasecmp(ca->host, cb->host) == 0;
}

void fg_modbus_disconnect(modbus_t **ctx)
{
	if (*ctx) {
		modbus_close(*ctx);
		modbus_free(*ctx);
	}
	*ctx = NULL;
}

/* One address, through libmodbus, which waits for the connection as for a response. */
static int connect_address(modbus_t **ctx, const struct addrinfo *ai, int64_t until_us)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	int64_t left = until_us - fg_clock_mono_us();
	unsigned unacked_ms = UNACKED_MS;
	int r, fd;

	if (left <= 0)
		return FG_ETIMEOUT;
	if (getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return FG_EINVAL;
	*ctx = modbus_new_tcp_pi(host, port);
	if (!*ctx)
		return FG_ENOMEM;
	modbus_set_error_recovery(*ctx, MODBUS_ERROR_RECOVERY_NONE);
	modbus_set_response_timeout(
		*ctx, (uint32_t)(left / 1000000), (uint32_t)FG_MAX(left % 1000000, 1));
	if (modbus_connect(*ctx) < 0) {
		if (errno == EINPROGRESS) /* its time is over */
			errno = ETIMEDOUT;
		r = errno > 0 && errno < MODBUS_ENOBASE ? -errno : -EIO;
		fg_modbus_disconnect(ctx);
		return r;
	}
	fd = modbus_get_socket(*ctx);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof(unacked_ms));
	return FG_OK;
}

static int connect_host(
	const struct fg_modbus_host *conf, int64_t until_us, modbus_t **ctx, const char **ret_why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char port[8];
	int r;

	if (!fg_modbus_descriptor_fits()) {
		*ret_why = "too many open files";
		return -EMFILE;
	}
	snprintf(port, sizeof(port), "%d", (int)conf->port);
	r = getaddrinfo(conf->host, port, &hints, &list);
	if (r != 0) {
		*ret_why = gai_strerror(r);
		return -ENOENT;
	}
	r = -EHOSTUNREACH;
	for (const struct addrinfo *ai = list; ai && r < 0; ai = ai->ai_next) {
		int64_t now_us = fg_clock_mono_us();

		/* one that swallows packets leaves time for the others */
		r = connect_address(
			ctx, ai, ai->ai_next ? now_us + (until_us - now_us) / 2 : until_us);
	}
	freeaddrinfo(list);
	*ret_why = fg_strerror(r);
	return r == FG_ETIMEOUT ? -EHOSTUNREACH : r; /* a time-out is a device's, not a link's */
}

int fg_modbus_connect(const struct fg_modbus_host *h, int64_t until_us, modbus_t **ret_ctx,
	char *why, size_t size)
{
	const char *words = "";
	int r;

	*ret_ctx = NULL;
	r = connect_host(
		h, FG_MIN(until_us, fg_clock_mono_us() + h->connect_timeout_us), ret_ctx, &words);
	if (r < 0)
		snprintf(why, size, "connect to %s port %d: %s", h->host, (int)h->port, words);
	return r;
}

void fg_modbus_host_port(const struct fg_link *link, struct fg_buf *out)
{
	const struct fg_modbus_host *h = link->conf;

	fg_buf_printf(out, "%s:%d", h->host, (int)h->port);
}
