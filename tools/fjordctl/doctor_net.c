/* SPDX-License-Identifier: EUPL-1.2 */
/* Connections with an end of their time. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "doctor.h"

#define ADDRESS_US 4000000 /* that one address may take where there are more */

bool doctor_wait(int fd, bool write, int64_t until_mono_us)
{
	struct pollfd p = {.fd = fd, .events = write ? POLLOUT : POLLIN};

	for (;;) {
		int64_t left_us = until_mono_us - fg_clock_mono_us();
		int n = poll(&p, 1, left_us > 0 ? (int)((left_us + 999) / 1000) : 0);

		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			return false;
	}
}

/* The descriptor, or a negative errno. */
static int try_address(const struct addrinfo *ai, int64_t until_mono_us)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = ETIMEDOUT;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return fd;
	if (errno != EINPROGRESS)
		error = errno;
	else if (doctor_wait(fd, true, until_mono_us))
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error == 0)
		return fd;
	close(fd);
	return -error;
}

int doctor_connect(const char *host, int port, int64_t until_mono_us, char *why, size_t size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	char service[8];
	int r, fd = -ETIMEDOUT;

	snprintf(service, sizeof(service), "%d", port);
	r = getaddrinfo(host, service, &hints, &list);
	if (r != 0) {
		snprintf(why, size, "the name '%s' is not found: %s", host, gai_strerror(r));
		return FG_ENOENT;
	}
	for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
		int64_t own_us = fg_clock_mono_us() + ADDRESS_US;

		fd = try_address(ai, FG_MIN(own_us, until_mono_us));
	}
	freeaddrinfo(list);
	if (fd < 0)
		snprintf(why, size, "%s port %d: %s", host, port, fg_strerror(fd));
	return fd;
}
