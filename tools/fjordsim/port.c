/* SPDX-License-Identifier: EUPL-1.2 */
/* Ports that Modbus comes in by: TCP listeners with their connections, and pseudo-terminals. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/status.h"
#include "sim.h"

#define FRAME_MAX  300
#define IN_MAX	   2048
#define OUT_MAX	   8192
#define RTU_GAP_US 30000 /* what stands longer than this is no longer part of a frame */

/* A connection, or a serial line. */
struct sim_stream {
	struct sim_source source;
	struct sim_stream *next;
	struct sim_port *port;
	bool serial, closed;
	uint8_t in[IN_MAX];
	size_t in_len;
	int64_t last_mono_us;
	uint8_t out[OUT_MAX];
	size_t out_len;
};

struct sim_pending {
	struct sim_pending *next;
	int64_t due_mono_us;
	struct sim_stream *stream;
	size_t len;
	uint8_t bytes[FRAME_MAX];
};

/* ---- addresses ---- */

int sim_parse_address(const char *text, struct sockaddr_storage *ret, unsigned *ret_len)
{
	const char *colon = strrchr(text, ':');
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;
	char host[128];
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!len || len >= sizeof(host))
		return FG_EINVAL;
	if (*text == '[' && colon[-1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &ai))
		return FG_EINVAL;
	memcpy(ret, ai->ai_addr, ai->ai_addrlen);
	*ret_len = ai->ai_addrlen;
	freeaddrinfo(ai);
	return FG_OK;
}

void sim_print_address(int fd, struct fg_buf *where)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	char host[64], port[8];

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0 ||
		getnameinfo((struct sockaddr *)&a, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	fg_buf_printf(where, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* ---- sending ---- */

static void close_stream(struct sim_stream *s)
{
	struct sim_stream **at = &sim_loop.streams;

	if (s->closed)
		return;
	s->closed = true;
	for (struct sim_pending **p = &sim_loop.pending; *p;) {
		struct sim_pending *old = *p;

		if (old->stream != s) {
			p = &old->next;
			continue;
		}
		*p = old->next;
		free(old);
	}
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	sim_unwatch(&s->source);
	s->next = sim_loop.dead;
	sim_loop.dead = s;
}

/* A peer that does not take its answers is cut off: they are small, and it asked for them. */
static void flush_out(struct sim_stream *s)
{
	size_t len = s->out_len;

	s->out_len = 0;
	if (!len || s->closed || write(s->source.fd, s->out, len) == (ssize_t)len)
		return;
	if (!s->serial)
		close_stream(s);
}

void sim_free_dead(void)
{
	struct sim_stream *s;

	while ((s = sim_loop.dead)) {
		sim_loop.dead = s->next;
		free(s);
	}
	sim_control_tidy();
}

static void send_later(struct sim_stream *s, const uint8_t *bytes, size_t len, int64_t due_us)
{
	struct sim_pending *p = calloc(1, sizeof(*p)), **at = &sim_loop.pending;

	if (!p)
		return;
	p->stream = s;
	p->due_mono_us = due_us;
	p->len = len;
	memcpy(p->bytes, bytes, len);
	while (*at && (*at)->due_mono_us <= due_us)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

static void send_frame(
	struct sim_stream *s, const uint8_t *bytes, size_t len, int64_t delay_us, int64_t now_us)
{
	if (delay_us > 0) {
		send_later(s, bytes, len, now_us + delay_us);
		return;
	}
	if (s->out_len + len > sizeof(s->out))
		flush_out(s);
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
}

int sim_pending_run(int64_t now_mono_us)
{
	struct sim_pending *p;

	while ((p = sim_loop.pending) && p->due_mono_us <= now_mono_us) {
		sim_loop.pending = p->next;
		memcpy(p->stream->out, p->bytes, p->len);
		p->stream->out_len = p->len;
		flush_out(p->stream);
		free(p);
	}
	return p ? (int)FG_MIN((p->due_mono_us - now_mono_us + 999) / 1000, INT64_C(60000)) : -1;
}

/* ---- frames ---- */

static void spoil(uint8_t *bytes, size_t len, int64_t now_us)
{
	uint64_t x = (uint64_t)now_us | 1;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (uint8_t)x;
	}
}

/* An instrument's answer in the frame of its transport; 0: no answer. */
static size_t frame_answer(const uint8_t *head, bool serial, struct sim_unit *unit,
	const struct sim_answer *a, int64_t now_us, uint8_t *out)
{
	uint8_t id = (uint8_t)(unit->unit_id + (a->wrong_unit ? 1 : 0));
	size_t len;
	uint16_t crc;

	if (!a->len)
		return 0;
	if (serial) {
		out[0] = id;
		memcpy(out + 1, a->pdu, a->len);
		crc = sim_crc16(out, a->len + 1);
		out[a->len + 1] = (uint8_t)crc;
		out[a->len + 2] = (uint8_t)(crc >> 8);
		len = a->len + 3;
	} else {
		memcpy(out, head, 4); /* transaction and protocol */
		out[4] = (uint8_t)((a->len + 1) >> 8);
		out[5] = (uint8_t)(a->len + 1);
		out[6] = id;
		memcpy(out + 7, a->pdu, a->len);
		len = a->len + 7;
	}
	if (a->garbage)
		spoil(out, len, now_us);
	return a->half ? len / 2 : len;
}

static void serve(struct sim_stream *s, const uint8_t *head, uint8_t unit_id, const uint8_t *pdu,
	size_t len, struct fg_now now)
{
	struct sim_unit *unit = s->port->endpoint->units[unit_id];
	uint8_t frame[FRAME_MAX];
	struct sim_answer a;
	size_t n;

	if (!unit)
		return; /* a bus is silent where nobody has that address */
	sim_modbus_answer(sim_loop.model, unit, pdu, len, now, &a);
	n = frame_answer(head, s->serial, unit, &a, now.mono_us, frame);
	if (n)
		send_frame(s, frame, n, a.delay_us, now.mono_us);
}

/* Takes one whole request off the front; how many bytes it had, 0: not there yet, negative: this
 * is no Modbus TCP. */
static long take_tcp(struct sim_stream *s, const uint8_t *in, size_t len, struct fg_now now)
{
	size_t body;

	if (len < 8)
		return 0;
	body = (size_t)in[4] << 8 | in[5];
	if (in[2] || in[3] || body < 2 || body > 254)
		return FG_EFRAME;
	if (len < 6 + body)
		return 0;
	serve(s, in, in[6], in + 7, body - 1, now);
	return (long)(6 + body);
}

/* Requests for reads have 8 bytes, those for the identity 4 and 7. Others end where the line falls
 * silent, which nobody here waits for: what has no right checksum by then is thrown away with the
 * next silence. */
static long take_rtu(struct sim_stream *s, const uint8_t *in, size_t len, struct fg_now now)
{
	size_t whole = len >= 2 && in[1] == 17 ? 4 : len >= 2 && in[1] == 43 ? 7 : 8;
	uint16_t crc;

	if (len < whole)
		return 0;
	crc = sim_crc16(in, whole - 2);
	if (in[whole - 2] != (uint8_t)crc || in[whole - 1] != crc >> 8)
		return 0;
	serve(s, NULL, in[0], in + 1, whole - 3, now);
	return (long)whole;
}

static void stream_ready(struct sim_source *source)
{
	struct sim_stream *s = (struct sim_stream *)source;
	struct fg_now now = fg_clock_now();
	size_t at = 0;
	ssize_t n;
	long used = 0;

	if (s->closed)
		return;
	if (s->serial && now.mono_us - s->last_mono_us > RTU_GAP_US)
		s->in_len = 0;
	s->last_mono_us = now.mono_us;
	n = read(source->fd, s->in + s->in_len, sizeof(s->in) - s->in_len);
	if (n <= 0) {
		if (!s->serial && (n == 0 || (errno != EAGAIN && errno != EINTR)))
			close_stream(s);
		return;
	}
	s->in_len += (size_t)n;
	while (at < s->in_len &&
		(used = (s->serial ? take_rtu : take_tcp)(s, s->in + at, s->in_len - at, now)) > 0)
		at += (size_t)used;
	memmove(s->in, s->in + at, s->in_len - at);
	s->in_len -= at;
	flush_out(s);
	if (used < 0 && !s->closed)
		close_stream(s);
	else if (s->in_len == sizeof(s->in))
		s->in_len = 0; /* serial rubbish without a gap */
}

static struct sim_stream *new_stream(struct sim_port *port, int fd, bool serial)
{
	struct sim_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->source = (struct sim_source){.fd = fd, .ready = stream_ready};
	s->port = port;
	s->serial = serial;
	if (sim_watch(&s->source) < 0) {
		free(s);
		return NULL;
	}
	s->next = sim_loop.streams;
	sim_loop.streams = s;
	return s;
}

/* ---- opening ---- */

static void accept_ready(struct sim_source *source)
{
	int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!new_stream((struct sim_port *)source, fd, false))
		close(fd);
}

static int open_tcp(struct sim_port *p, struct fg_buf *where)
{
	struct sockaddr_storage a;
	unsigned len;
	int on = 1, fd;

	if (sim_parse_address(p->address, &a, &len) < 0)
		return FG_EINVAL;
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	p->source = (struct sim_source){.fd = fd, .ready = accept_ready};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 128) < 0 ||
		sim_watch(&p->source) < 0)
		return -errno;
	sim_print_address(fd, where);
	return FG_OK;
}

/* Replaces a link of an earlier run, and nothing else. */
static int make_link(const char *target, const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		unlink(path);
	return symlink(target, path) < 0 ? -errno : FG_OK;
}

static int open_pty(struct sim_port *p, struct fg_buf *where)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), r;
	struct termios t;
	char name[64];

	if (fd < 0)
		return -errno;
	if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, sizeof(name)) ||
		fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
		(p->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 ||
		tcgetattr(p->slave, &t) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	cfmakeraw(&t);
	tcsetattr(p->slave, TCSANOW, &t);
	r = make_link(name, p->address);
	p->linked = r == FG_OK;
	if (r < 0 || !new_stream(p, fd, true)) {
		close(fd);
		return r < 0 ? r : FG_ENOMEM;
	}
	fg_buf_printf(where, "%s -> %s", p->address, name);
	return FG_OK;
}

static void close_port(struct sim_port *p)
{
	struct sim_port **at = &sim_loop.ports;

	for (struct sim_stream *s = sim_loop.streams, *next; s; s = next) {
		next = s->next;
		if (s->port == p)
			close_stream(s);
	}
	if (p->transport == SIM_COAP)
		sim_coap_close(p);
	else if (p->source.fd >= 0)
		sim_unwatch(&p->source);
	if (p->slave >= 0)
		close(p->slave);
	if (p->linked)
		unlink(p->address);
	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
	free(p);
}

static const char *address_of(const struct sim_endpoint *e)
{
	return e->transport == SIM_MODBUS_RTU ? e->pty : e->listen;
}

static struct sim_port *find_port(const struct sim_endpoint *e)
{
	for (struct sim_port *p = sim_loop.ports; p; p = p->next)
		if (p->transport == e->transport && strcmp(p->address, address_of(e)) == 0)
			return p;
	return NULL;
}

static int open_port(struct sim_endpoint *e)
{
	struct sim_port *p = calloc(1, sizeof(*p));
	char text[400];
	struct fg_buf where;
	int r;

	if (!p)
		return FG_ENOMEM;
	p->source.fd = p->slave = -1;
	p->endpoint = e;
	p->transport = e->transport;
	p->kept = true;
	p->next = sim_loop.ports;
	sim_loop.ports = p;
	snprintf(p->address, sizeof(p->address), "%s", address_of(e));
	fg_buf_wrap(&where, text, sizeof(text));
	r = p->transport == SIM_MODBUS_TCP   ? open_tcp(p, &where)
	    : p->transport == SIM_MODBUS_RTU ? open_pty(p, &where)
					     : sim_coap_open(p, &where);
	if (r < 0) {
		fg_error("endpoint %s: cannot open %s: %s", e->name, p->address, fg_strerror(r));
		close_port(p);
		return r;
	}
	printf("%s: %s\n", e->name, text);
	fflush(stdout);
	return FG_OK;
}

int sim_ports_apply(struct sim_model *model)
{
	struct sim_endpoint *e = model->conf.endpoints.items;
	int r = FG_OK, one;

	for (struct sim_port *p = sim_loop.ports; p; p = p->next)
		p->kept = false;
	for (size_t i = 0; i < model->conf.endpoints.count; i++) {
		struct sim_port *p = find_port(&e[i]);

		if (p) {
			p->endpoint = &e[i];
			p->kept = true;
		} else if ((one = open_port(&e[i])) < 0) {
			r = one;
		}
	}
	for (struct sim_port *p = sim_loop.ports, *next; p; p = next) {
		next = p->next;
		if (!p->kept)
			close_port(p);
		else if (p->transport == SIM_COAP && (one = sim_coap_apply(p, model)) < 0)
			r = one;
	}
	return r;
}

void sim_ports_close(void)
{
	while (sim_loop.ports)
		close_port(sim_loop.ports);
}
