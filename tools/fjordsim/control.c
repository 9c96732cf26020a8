/* SPDX-License-Identifier: EUPL-1.2 */
/* The control: a unix socket that takes one order a line and answers each. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/status.h"
#include "sim.h"

#define MAX_ORDERS_ROOM 65536

struct client {
	struct sim_source source;
	struct client *next;
	char line[512];
	size_t len;
};

struct sim_control {
	struct sim_source source;
	struct client *clients; /* closed ones stay until the end of the round: fd -1 */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void carry_out(struct client *c)
{
	struct fg_buf out;

	fg_buf_init(&out, MAX_ORDERS_ROOM);
	sim_order(sim_loop.model, c->line, fg_clock_mono_us(), &out);
	if (out.len && write(c->source.fd, out.data, out.len) < 0)
		sim_unwatch(&c->source);
	fg_buf_fini(&out);
}

static void client_ready(struct sim_source *source)
{
	struct client *c = (struct client *)source;
	ssize_t n = read(source->fd, c->line + c->len, sizeof(c->line) - 1 - c->len);
	char *end;

	if (n <= 0) {
		sim_unwatch(source);
		return;
	}
	c->len += (size_t)n;
	while (source->fd >= 0 && (end = memchr(c->line, '\n', c->len))) {
		size_t used = (size_t)(end - c->line) + 1;

		*end = '\0';
		carry_out(c);
		memmove(c->line, end + 1, c->len - used);
		c->len -= used;
	}
	if (c->len == sizeof(c->line) - 1)
		c->len = 0;
}

static void free_closed(struct sim_control *control)
{
	for (struct client **at = &control->clients; *at;) {
		struct client *c = *at;

		if (c->source.fd >= 0) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c);
	}
}

static void accept_ready(struct sim_source *source)
{
	struct sim_control *control = (struct sim_control *)source;
	struct client *c;
	int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->source = (struct sim_source){.fd = fd, .ready = client_ready};
	c->next = control->clients;
	control->clients = c;
	if (sim_watch(&c->source) < 0)
		sim_unwatch(&c->source);
}

void sim_control_tidy(void)
{
	if (sim_loop.control)
		free_closed(sim_loop.control);
}

int sim_control_open(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct sim_control *control;
	struct stat st;

	if (strlen(path) >= sizeof(a.sun_path))
		return FG_EINVAL;
	control = calloc(1, sizeof(*control));
	if (!control)
		return FG_ENOMEM;
	sim_loop.control = control;
	memcpy(a.sun_path, path, strlen(path) + 1);
	control->source.ready = accept_ready;
	control->source.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (control->source.fd < 0)
		return -errno;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	if (bind(control->source.fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	memcpy(control->path, path, strlen(path) + 1);
	return listen(control->source.fd, 8) < 0 ? -errno : sim_watch(&control->source);
}

void sim_control_close(void)
{
	struct sim_control *control = sim_loop.control;

	if (!control)
		return;
	for (struct client *c = control->clients; c; c = c->next)
		if (c->source.fd >= 0)
			sim_unwatch(&c->source);
	free_closed(control);
	if (control->source.fd >= 0)
		sim_unwatch(&control->source);
	if (*control->path)
		unlink(control->path);
	free(control);
	sim_loop.control = NULL;
}
