/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether a server takes connections: before one is made, and beside one that is kept. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/status.h"
#include "base/thread.h"
#include "gateway/session_private.h"

#define PROBE_MS 5000

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
	return (ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24) == 127;
}

static bool answers(const struct addrinfo *ai)
{
	struct pollfd fd = {
		.fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
		.events = POLLOUT};
	int error = ETIMEDOUT;
	socklen_t len = sizeof(error);

	if (fd.fd < 0)
		return false;
	if (connect(fd.fd, ai->ai_addr, ai->ai_addrlen) == 0)
		error = 0;
	else if (errno == EINPROGRESS && poll(&fd, 1, PROBE_MS) > 0)
		getsockopt(fd.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	close(fd.fd);
	errno = error;
	return error == 0;
}

bool fg_session_door_open(
	const struct fg_server *server, bool even_loopback, char *why, size_t size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *ai;
	char port[8];
	bool ok = false;
	int r;

	snprintf(port, sizeof(port), "%d", server->port);
	r = getaddrinfo(server->host, port, &hints, &list);
	if (r != 0) {
		snprintf(why, size, "%s: %s", server->url, gai_strerror(r));
		return false;
	}
	for (ai = list; ai && !ok; ai = ai->ai_next)
		ok = (is_loopback(ai->ai_addr) && !even_loopback) || answers(ai);
	freeaddrinfo(list);
	return ok;
}

/* ---- beside a connection ---- */

static void *look(void *arg)
{
	struct fg_session *s = arg;
	struct fg_session_event event = {.type = FG_SESSION_DOOR,
		.destination = s->conf.number,
		.epoch = s->look_epoch};

	event.open = fg_session_door_open(
		&s->conf.dest->servers[s->look_server], true, event.text, sizeof(event.text));
	while (!s->conf.event(s->conf.arg, &event) && !s->stop_asked)
		poll(NULL, 0, 20);
	s->look_ended = true;
	return NULL;
}

void fg_session_look(struct fg_session *s, size_t server, uint32_t epoch)
{
	if (s->looking && (!s->look_ended || !fg_thread_join(s->look, 0)))
		return; /* the last one hangs, in name look-up say: it will answer */
	s->look_ended = false;
	s->look_server = server;
	s->look_epoch = epoch;
	s->looking = fg_thread_start(&s->look, "mqtt-look", look, s) == FG_OK;
}
