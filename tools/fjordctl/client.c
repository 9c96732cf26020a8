/* SPDX-License-Identifier: EUPL-1.2 */
/* Talking to the daemon over its control socket. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/report.h"
#include "ctl.h"
#include "gateway/config/config.h"

#define LINE_MAX_BYTES (8u << 20)

static void print_fault(void *arg, bool error, const char *text)
{
	(void)arg;
	if (error)
		fprintf(stderr, "%s\n", text);
}

struct fg_config *ctl_load_config(const struct ctl *ctl)
{
	const struct fg_load_options options = {.no_files = true};
	struct fg_report *rep = fg_report_new();
	struct fg_config *config = NULL;

	const char *path = ctl->config ? ctl->config : CTL_DEFAULT_CONFIG;

	if (fg_config_load(path, &options, rep, &config) < 0) {
		fg_report_each(rep, print_fault, NULL);
		config = NULL;
	}
	fg_report_free(rep);
	return config;
}

/* The socket that a configuration names; NULL where the file is faulty. */
static char *socket_of_config(const struct ctl *ctl)
{
	struct fg_config *config = ctl_load_config(ctl);
	char *socket = config ? strdup(config->control.socket) : NULL;

	if (config)
		fg_config_unref(config);
	return socket;
}

char *ctl_find_socket(const struct ctl *ctl)
{
	const char *env = getenv("FJORDGATE_SOCKET");

	if (ctl->socket)
		return strdup(ctl->socket);
	if (ctl->config)
		return socket_of_config(ctl);
	if (env && *env)
		return strdup(env);
	return strdup(fg_config_default_socket());
}

int ctl_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool ctl_daemon_answers(const char *socket)
{
	int fd = ctl_connect(socket);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Where it does not go through, the answer says why: a stranger is turned away unheard. */
static void send_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	while (len && (n = send(fd, bytes, len, MSG_NOSIGNAL)) > 0) {
		bytes += n;
		len -= (size_t)n;
	}
}

static bool send_request(int fd, const char *const *words, size_t count)
{
	char mem[1024]; /* what the daemon takes */
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	for (size_t i = 0; i < count; i++) {
		if (strpbrk(words[i], "\t\n"))
			return false;
		if (i)
			fg_buf_putc(&out, '\t');
		fg_buf_puts(&out, words[i]);
	}
	fg_buf_putc(&out, '\n');
	if (!out.overflow)
		send_all(fd, out.data, out.len);
	return !out.overflow;
}

/* The last line says how it went: -1 for any other. */
static int last_line(const char *text)
{
	cJSON *doc;
	int code = -1;

	if (strcmp(text, "{\"end\":true}") == 0)
		return EX_OK;
	if (strncmp(text, "{\"error\":", 9) != 0)
		return -1;
	doc = cJSON_Parse(text);
	if (cJSON_GetObjectItemCaseSensitive(doc, "exit")) {
		fprintf(stderr, "fjordctl: %s\n", ctl_text(doc, "error"));
		code = (int)ctl_number(doc, "exit");
	}
	cJSON_Delete(doc);
	return code;
}

static int read_answer(int fd, int (*line)(void *arg, const char *text), void *arg)
{
	struct fg_buf buf;
	int code = -1;

	fg_buf_init(&buf, LINE_MAX_BYTES);
	while (code < 0 && fg_buf_room(&buf, 65536)) {
		ssize_t n = read(fd, buf.data + buf.len, 65536);
		char *at = buf.data, *end;

		if (n <= 0)
			break;
		buf.len += (size_t)n;
		while (code < 0 && (end = memchr(at, '\n', buf.len - (size_t)(at - buf.data)))) {
			*end = '\0';
			code = last_line(at);
			if (code < 0 && line(arg, at) != 0)
				code = EX_OK;
			at = end + 1;
		}
		buf.len -= (size_t)(at - buf.data);
		memmove(buf.data, at, buf.len);
	}
	fg_buf_fini(&buf);
	if (code < 0) {
		fprintf(stderr, "fjordctl: the daemon closed the connection\n");
		code = EX_UNAVAILABLE;
	}
	return code;
}

int ctl_ask(int fd, const char *const *words, size_t count,
	int (*line)(void *arg, const char *text), void *arg)
{
	if (send_request(fd, words, count))
		return read_answer(fd, line, arg);
	fprintf(stderr, "fjordctl: the request cannot be sent\n");
	return EX_USAGE;
}

/* Returns the exit code. */
static int tell_unreachable(const char *path, int error)
{
	const struct group *g = NULL;
	struct stat st;

	if (error != EACCES && error != EPERM) {
		fprintf(stderr, "fjordctl: no daemon at %s: %s\n", path,
			error == ENOENT || error == ECONNREFUSED ? "is fjordgate running?"
								 : strerror(error));
		return EX_UNAVAILABLE;
	}
	if (stat(path, &st) == 0)
		g = getgrgid(st.st_gid);
	fprintf(stderr,
		"fjordctl: you may not use %s: it needs group '%s'; ask with sudo, or: "
		"sudo usermod -aG %s $USER, and log in anew\n",
		path, g ? g->gr_name : "fjordgate", g ? g->gr_name : "fjordgate");
	return EX_NOPERM;
}

int ctl_request(const struct ctl *ctl, const char *const *words, size_t count,
	int (*line)(void *arg, const char *text), void *arg)
{
	char *path = ctl_find_socket(ctl);
	int fd, code;

	if (!path)
		return EX_CONFIG;
	fd = ctl_connect(path);
	if (fd < 0) {
		code = tell_unreachable(path, errno);
		free(path);
		return code;
	}
	free(path);
	code = ctl_ask(fd, words, count, line, arg);
	close(fd);
	return code;
}
