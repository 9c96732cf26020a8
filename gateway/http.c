/* SPDX-License-Identifier: EUPL-1.2 */
/* The web server's thread: socket, loop, and what comes from the core's thread. libmicrohttpd runs
 * by its external interface, so that this thread alone touches it, and so that reading the store
 * for long answers takes turns with everybody else. */
#include "gateway/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/thread.h"
#include "gateway/http_private.h"

#define LISTEN_QUEUE 64
#define PATIENCE_MS  1000
#define NICE	     5 /* polls and brokers come first */

/* ---- the socket ---- */

static socklen_t make_address(
	const struct fg_http_conf *conf, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, conf->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)conf->port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, conf->host, &v6->sin6_addr) != 1)
		return 0;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)conf->port);
	return sizeof(*v6);
}

static int listen_on(const struct fg_http_conf *conf, struct fg_buf *why, int *ret_fd)
{
	struct sockaddr_storage address;
	socklen_t len = make_address(conf, &address);
	const int yes = 1, buffer = FG_HTTP_SEND_BYTES;
	int fd, r;

	if (!len)
		return FG_EINVAL;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd >= 0) /* of its connections; else the kernel lets each grow to megabytes */
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 ||
		listen(fd, LISTEN_QUEUE) < 0) {
		r = -errno;
		fg_buf_puts(why, fg_strerror(r));
		if (fd >= 0)
			close(fd);
		return r;
	}
	*ret_fd = fd;
	return FG_OK;
}

/* ---- what comes from other threads ---- */

static void wake(struct fg_http *h)
{
	const uint64_t one = 1;

	if (write(h->wake_fd, &one, sizeof(one)) < 0)
		return; /* it is awake already */
}

void fg_http_post(struct fg_http *h, struct fg_view *v)
{
	struct fg_view *old;

	pthread_mutex_lock(&h->lock);
	old = h->posted;
	h->posted = v;
	pthread_mutex_unlock(&h->lock);
	fg_view_unref(old);
	wake(h);
}

bool fg_http_asked_since(const struct fg_http *h, int64_t mono_us)
{
	return atomic_load(&h->asked_mono_us) >= mono_us;
}

void fg_http_reopen_store(struct fg_http *h)
{
	atomic_store(&h->reopen, true);
	wake(h);
}

bool fg_http_found_damage(struct fg_http *h)
{
	return atomic_exchange(&h->damaged, false);
}

static void take_posted(struct fg_http *h)
{
	struct fg_view *v;

	pthread_mutex_lock(&h->lock);
	v = h->posted;
	h->posted = NULL;
	pthread_mutex_unlock(&h->lock);
	if (!v)
		return;
	fg_http_forget_cached(h);
	fg_view_unref(h->view);
	h->view = v;
	h->made_room = false;
	h->no_room = 0;
	fg_health_see(&h->health, v);
}

/* ---- the thread ---- */

static void on_log(void *arg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void on_log(void *arg, const char *fmt, va_list ap)
{
	char text[200];

	(void)arg;
	if (!fg_debug_on(FG_DEBUG_core))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	fg_debug(FG_DEBUG_core, "http: %s", text);
}

/* ---- connections ---- */

/* libmicrohttpd ends a connection on which nothing moves; a byte now and then would keep it for
 * days. So each step of a client has an end of its own. */
struct fg_http_connection {
	struct fg_http_connection *next;
	int fd;
	int64_t until_us;
	bool ended; /* the socket is shut: the library finds out */
};

static struct fg_http_connection *of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

void fg_http_allow(struct MHD_Connection *connection, unsigned seconds)
{
	struct fg_http_connection *c = of(connection);

	if (c)
		c->until_us = fg_clock_mono_us() + seconds * INT64_C(1000000);
}

static void *add_connection(struct fg_http *h, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct fg_http_connection *c = info ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	c->fd = info->connect_fd;
	c->until_us = fg_clock_mono_us() + FG_HTTP_ASK_S * INT64_C(1000000);
	c->next = h->first;
	h->first = c;
	return c;
}

static void drop_connection(struct fg_http *h, struct fg_http_connection *c)
{
	for (struct fg_http_connection **at = &h->first; *at; at = &(*at)->next) {
		if (*at != c)
			continue;
		*at = c->next;
		free(c);
		return;
	}
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct fg_http *h = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		h->connections++;
		*context = add_connection(h, connection);
	} else {
		h->connections--;
		drop_connection(h, *context);
	}
}

static void on_answered(void *arg, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)request;
	(void)code;
	fg_http_allow(connection, FG_HTTP_ASK_S);
}

static void end_late(struct fg_http *h)
{
	int64_t now_us = fg_clock_mono_us();

	for (struct fg_http_connection *c = h->first; c; c = c->next) {
		if (c->ended || now_us < c->until_us)
			continue;
		c->ended = true;
		shutdown(c->fd, SHUT_RDWR);
	}
}

/* ---- the loop ---- */

static int timeout_of(struct fg_http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(h->mhd, &ms) != MHD_YES || ms > PATIENCE_MS)
		return PATIENCE_MS;
	return (int)ms;
}

static void *run(void *arg)
{
	struct fg_http *h = arg;
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[2] = {
		{.fd = info->epoll_fd, .events = POLLIN}, {.fd = h->wake_fd, .events = POLLIN}};
	bool more = false;
	uint64_t n;

	if (setpriority(PRIO_PROCESS, 0, NICE) < 0) /* Linux: of this thread */
		fg_debug(FG_DEBUG_core, "http: the thread keeps its priority");
	while (!atomic_load(&h->ending)) {
		if (poll(fds, 2, more ? 0 : timeout_of(h)) < 0 && errno != EINTR)
			break;
		if (fds[1].revents && read(h->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
			break;
		take_posted(h);
		if (atomic_exchange(&h->reopen, false)) {
			fg_reader_close(h->reader);
			h->reader = NULL;
			fg_http_sparks_free(h->sparks);
			h->sparks = NULL;
		}
		end_late(h);
		MHD_run(h->mhd);
		more = fg_http_sparks_turn(h);
	}
	return NULL;
}

/* ---- start and stop ---- */

static int start_server(struct fg_http *h)
{
	h->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		fg_http_answer, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, h->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)FG_HTTP_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)FG_HTTP_OF_ONE, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)FG_HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)FG_HTTP_HEADER_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_NOTIFY_COMPLETED,
		on_answered, h, MHD_OPTION_END);
	return h->mhd ? FG_OK : FG_ENOMEM;
}

static void free_server(struct fg_http *h)
{
	fg_http_forget_cached(h);
	if (h->mhd)
		MHD_stop_daemon(h->mhd); /* closes the listening socket too */
	else if (h->listen_fd >= 0)
		close(h->listen_fd);
	if (h->wake_fd >= 0)
		close(h->wake_fd);
	fg_reader_close(h->reader);
	fg_http_sparks_free(h->sparks);
	fg_health_fini(&h->health);
	fg_view_unref(h->view);
	fg_view_unref(h->posted);
	pthread_mutex_destroy(&h->lock);
	free(h->store_file);
	free(h);
}

int fg_http_open(const struct fg_http_conf *conf, const char *store_file, struct fg_buf *why,
	struct fg_http **ret)
{
	struct fg_http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return FG_ENOMEM;
	h->listen_fd = -1;
	h->store_file = strdup(store_file);
	fg_rates_init(&h->rates, conf->rate_limit);
	pthread_mutex_init(&h->lock, NULL);
	h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = h->wake_fd < 0 || !h->store_file ? FG_ENOMEM : FG_OK;
	if (r == FG_OK)
		r = listen_on(conf, why, &h->listen_fd);
	if (r == FG_OK)
		r = start_server(h);
	if (r == FG_OK)
		r = fg_thread_start(&h->thread, "http", run, h);
	if (r < 0) {
		if (why->len == 0)
			fg_buf_puts(why, fg_strerror(r));
		free_server(h);
		return r;
	}
	*ret = h;
	return FG_OK;
}

bool fg_http_end(struct fg_http *h, int64_t wait_us)
{
	if (!h)
		return true;
	atomic_store(&h->ending, true);
	wake(h);
	if (!fg_thread_join(h->thread, wait_us))
		return false;
	free_server(h);
	return true;
}
