/* SPDX-License-Identifier: EUPL-1.2 */
/* The control socket: clients, status and watch. */
#include "gateway/control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/status.h"
#include "protocol/encode.h"

#define CLIENTS_MAX	32
#define ASK_US		INT64_C(10000000) /* a client has so long to say what it wants */
#define WATCH_QUEUE_MAX (256u << 10)
#define STATUS_MAX	(4u << 20)
#define WORDS_MAX	12

struct fg_control {
	struct fg_daemon *daemon;
	uv_pipe_t server;
	struct fg_client *clients;
	unsigned client_count, watchers;
	char *path;
};

/* ---- clients ---- */

static void free_if_done(struct fg_client *c)
{
	if (!c->closing || c->busy)
		return;
	free(c->filter);
	free(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct fg_client *c = handle->data;

	c->busy--;
	free_if_done(c);
}

static void client_close(struct fg_client *c)
{
	struct fg_control *control = c->control;

	if (c->closing)
		return;
	c->closing = true;
	if (control) {
		for (struct fg_client **at = &control->clients; *at; at = &(*at)->next) {
			if (*at == c) {
				*at = c->next;
				break;
			}
		}
		control->client_count--;
		control->watchers -= c->watching;
	}
	c->busy++;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
}

void fg_client_hold(struct fg_client *c)
{
	c->busy++;
}

void fg_client_release(struct fg_client *c)
{
	c->busy--;
	free_if_done(c);
}

struct write_req {
	uv_write_t req;
	struct fg_client *client;
	char bytes[];
};

static void on_written(uv_write_t *req, int status)
{
	struct write_req *w = (struct write_req *)req;
	struct fg_client *c = w->client;

	free(w);
	if (status < 0)
		client_close(c);
	else if (c->ended && uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) == 0)
		client_close(c);
	if (c->drained) /* also where the client has gone: what waits for this has to let go */
		c->drained(c);
	fg_client_release(c);
}

void fg_client_write(struct fg_client *c, const char *bytes, size_t len)
{
	struct write_req *w;
	uv_buf_t buf;

	if (c->closing)
		return;
	w = malloc(sizeof(*w) + len);
	if (!w) {
		client_close(c);
		return;
	}
	memcpy(w->bytes, bytes, len);
	w->client = c;
	buf = uv_buf_init(w->bytes, (unsigned)len);
	c->busy++;
	if (uv_write(&w->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
		c->busy--;
		free(w);
		client_close(c);
	}
}

void fg_client_end(struct fg_client *c)
{
	static const char end[] = "{\"end\":true}\n";

	c->drained = NULL;
	c->ended = true;
	fg_client_write(c, end, sizeof(end) - 1);
}

void fg_client_error(struct fg_client *c, int exit_code, const char *fmt, ...)
{
	char text[256], mem[640];
	struct fg_buf out;
	struct fg_json j;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "error", text);
	fg_json_int(&j, "exit", exit_code);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	c->drained = NULL;
	c->ended = true;
	fg_client_write(c, out.data, out.len);
}

/* ---- commands ---- */

static void cmd_status(struct fg_client *c)
{
	struct fg_buf out;

	fg_buf_init(&out, STATUS_MAX);
	fg_core_status(c->daemon->core, fg_clock_now(), &out);
	fg_buf_putc(&out, '\n');
	if (out.overflow) {
		fg_client_error(c, EX_TEMPFAIL, "the status is too long");
	} else {
		fg_client_write(c, out.data, out.len);
		fg_client_end(c);
	}
	fg_buf_fini(&out);
}

/* A filter must name something, or a slip of the pen would show silence. */
static bool filter_known(const struct fg_config *config, const char *filter)
{
	const char *slash = strchr(filter, '/');
	size_t len = slash ? (size_t)(slash - filter) : strlen(filter);

	for (size_t i = 0; i < config->device_count; i++) {
		const struct fg_device *d = config->devices[i];

		if (!slash && strcmp(d->name, filter) == 0)
			return true;
		if (strlen(d->station->name) != len || memcmp(d->station->name, filter, len) != 0)
			continue;
		if (!slash)
			return true;
		for (size_t k = 0; k < d->point_count; k++)
			if (strcmp(d->points[k].name, slash + 1) == 0)
				return true;
	}
	return false;
}

static void cmd_watch(struct fg_client *c, const char *filter)
{
	if (filter && !filter_known(c->daemon->config, filter)) {
		fg_client_error(c, EX_USAGE, "no device or station '%s'%s", filter,
			strchr(filter, '/') ? " with such a point" : "");
		return;
	}
	c->filter = filter ? strdup(filter) : NULL;
	c->watching = true;
	c->control->watchers++;
}

static bool wanted(const struct fg_client *c, const struct fg_point_desc *desc)
{
	size_t len;

	if (!c->filter || strcmp(c->filter, desc->device) == 0 ||
		strcmp(c->filter, desc->station) == 0)
		return true;
	len = strlen(desc->station);
	return strncmp(c->filter, desc->station, len) == 0 && c->filter[len] == '/' &&
	       strcmp(c->filter + len + 1, desc->point) == 0;
}

void fg_control_watch(
	struct fg_control *control, const struct fg_item *item, const struct fg_point_desc *desc)
{
	char mem[FG_READING_JSON_MAX];
	struct fg_buf out;

	if (control->watchers == 0)
		return;
	fg_buf_wrap(&out, mem, sizeof(mem) - 1);
	if (!fg_encode_json(&out, control->daemon->config->gateway.id, desc, item))
		return;
	mem[out.len] = '\n';
	for (struct fg_client *c = control->clients, *next; c; c = next) {
		next = c->next;
		if (!c->watching || !wanted(c, desc))
			continue;
		if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > WATCH_QUEUE_MAX) {
			c->lost++;
			continue;
		}
		if (c->lost) {
			char lost[48];
			int n = snprintf(lost, sizeof(lost), "{\"lost\":%llu}\n",
				(unsigned long long)c->lost);

			c->lost = 0;
			fg_client_write(c, lost, (size_t)n);
		}
		fg_client_write(c, mem, out.len + 1);
	}
}

/* With one group the socket's mode has done this already. */
static enum fg_access access_of(const struct fg_client *c)
{
	const struct fg_control_conf *conf = &c->daemon->config->control;

	if (!conf->read_group)
		return FG_ACCESS_CHANGE;
	return fg_access_of(&c->peer, geteuid(), fg_access_find_group(conf->group),
		fg_access_find_group(conf->read_group));
}

static bool allowed(struct fg_client *c, char *const words[])
{
	enum fg_access access = access_of(c);

	if (access == FG_ACCESS_CHANGE ||
		(access == FG_ACCESS_READ && !fg_access_is_change(words)))
		return true;
	fg_client_error(c, EX_NOPERM, "'%.40s' changes the gateway: it needs group '%s'", words[0],
		c->daemon->config->control.group);
	return false;
}

static void dispatch(struct fg_client *c)
{
	char *words[WORDS_MAX + 1] = {NULL}, *rest = c->line, *word;
	size_t n = 0;

	while (n < WORDS_MAX && (word = strsep(&rest, "\t")))
		words[n++] = word;
	if (!allowed(c, words))
		return;
	if (strcmp(words[0], "status") == 0)
		cmd_status(c);
	else if (strcmp(words[0], "watch") == 0)
		cmd_watch(c, words[1]);
	else if (strcmp(words[0], "read") == 0 && words[1])
		fg_control_read(c, words[1], words[2]);
	else if (strcmp(words[0], "debug") == 0)
		fg_control_debug(c, words[1], words[1] ? words[2] : NULL);
	else if (strcmp(words[0], "links") == 0)
		fg_control_links(c);
	else if (strcmp(words[0], "raw") == 0 && words[4])
		fg_control_raw(c, words[1], words[2], words[3], words[4]);
	else if (strcmp(words[0], "history") == 0 && words[3])
		fg_control_history(c, words[1], words[2], words[3], words[4]);
	else if (strcmp(words[0], "backfill") == 0 && words[3])
		fg_control_backfill(c, words[1], words[2], words[3]);
	else if (strcmp(words[0], "calibration") == 0 && words[2])
		fg_control_calibration(c, words + 1);
	else if (strcmp(words[0], "qc") == 0 && words[1])
		fg_control_qc(c, words[1]);
	else if (strcmp(words[0], "maintenance") == 0 && words[2])
		fg_control_maintenance(c, words[1], words[2], words[3], words[4], words[5]);
	else if (strcmp(words[0], "notice") == 0 && words[1])
		fg_control_notice(c, words + 1);
	else
		fg_client_error(c, EX_USAGE, "unknown request '%s'", words[0]);
}

/* ---- the socket ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct fg_client *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->line + c->line_len, (unsigned)(sizeof(c->line) - 1 - c->line_len));
}

static bool has_asked(const struct fg_client *c)
{
	return c->ended || c->watching || c->user;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct fg_client *c = stream->data;
	bool asked = has_asked(c);
	char *newline;

	(void)buf;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->line_len += (size_t)n;
	newline = memchr(c->line, '\n', c->line_len);
	if (newline) {
		*newline = '\0';
		c->line_len = 0; /* what comes after it is nobody's: only the end matters */
		if (!asked)
			dispatch(c);
	} else if (c->line_len == sizeof(c->line) - 1) {
		c->line_len = 0;
		if (!asked)
			fg_client_error(c, EX_USAGE, "request too long");
	}
}

/* Who may not even look takes no place of those who may: it is told so before it has asked. */
static bool turned_away(const struct fg_control *control, struct fg_client *c)
{
	const struct fg_control_conf *conf = &c->daemon->config->control;

	if (access_of(c) == FG_ACCESS_NONE)
		fg_client_error(c, EX_NOPERM, "it needs group '%s', or '%s', which may also change",
			conf->read_group, conf->group);
	else if (control->client_count >= CLIENTS_MAX)
		fg_client_error(c, EX_TEMPFAIL,
			"%d clients are connected already; end some, or try again", CLIENTS_MAX);
	return c->ended;
}

static void on_connection(uv_stream_t *server, int status)
{
	struct fg_control *control = server->data;
	struct fg_client *c;
	uv_os_fd_t fd;

	if (status < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->daemon = control->daemon;
	uv_pipe_init(&control->daemon->loop, &c->pipe, 0);
	c->pipe.data = c;
	if (uv_accept(server, (uv_stream_t *)&c->pipe) < 0) {
		client_close(c);
		return;
	}
	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) == 0)
		fg_peer_take(fd, &c->peer);
	if (turned_away(control, c))
		return;
	c->control = control;
	c->since_us = fg_clock_mono_us();
	c->next = control->clients;
	control->clients = c;
	control->client_count++;
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

/* Whether somebody listens on the socket already. */
static bool in_use(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes;

	memcpy(address.sun_path, path, strlen(path) + 1);
	yes = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return yes;
}

static void make_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];

	if (!slash || slash == path)
		return;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	mkdir(folder, 0755); /* its absence shows when the socket is bound */
}

static int bind_socket(struct fg_control *c, const char *path)
{
	mode_t old;
	int r;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		fg_warning("control socket '%s': the path is too long", path);
		return FG_EINVAL;
	}
	if (in_use(path)) {
		fg_warning("control socket '%s': in use by another gateway", path);
		return FG_EAGAIN;
	}
	make_folder(path);
	unlink(path);
	old = umask(0117);
	r = uv_pipe_bind(&c->server, path);
	umask(old);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&c->server, 8, on_connection);
	if (r < 0)
		fg_warning("control socket '%s': %s", path, uv_strerror(r));
	return r;
}

int fg_control_start(struct fg_daemon *d, struct fg_control **ret)
{
	const struct fg_control_conf *conf = &d->config->control;
	struct fg_control *c = calloc(1, sizeof(*c));

	if (!c)
		return FG_ENOMEM;
	c->daemon = d;
	uv_pipe_init(&d->loop, &c->server, 0);
	c->server.data = c;
	if (bind_socket(c, conf->socket) < 0) {
		fg_warning("fjordctl cannot reach this gateway; measuring goes on");
	} else {
		c->path = strdup(conf->socket);
		fg_access_set(conf, conf->socket);
	}
	*ret = c;
	return FG_OK;
}

void fg_control_turn(struct fg_control *control)
{
	int64_t now_us = fg_clock_mono_us();

	for (struct fg_client *c = control ? control->clients : NULL, *next; c; c = next) {
		next = c->next;
		if (!has_asked(c) && now_us - c->since_us > ASK_US)
			client_close(c);
	}
}

void fg_control_reloaded(struct fg_control *c)
{
	if (c && c->path)
		fg_access_set(&c->daemon->config->control, c->path);
}

static void on_server_closed(uv_handle_t *handle)
{
	struct fg_control *c = handle->data;

	free(c->path);
	free(c);
}

void fg_control_stop(struct fg_control *c)
{
	if (!c)
		return;
	fg_stored_stop(c->daemon);
	fg_debug_stop(c->daemon);
	while (c->clients)
		client_close(c->clients);
	if (c->path)
		unlink(c->path);
	uv_close((uv_handle_t *)&c->server, on_server_closed);
}
