/* SPDX-License-Identifier: EUPL-1.2 */
/* replay FILE: runs a captured exchange through the real driver, against a peer that knows its
 * lines. The file's form is told in README.md. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/key.h"
#include "base/node.h"
#include "base/number.h"
#include "base/status.h"
#include "drivers/driver.h"
#include "protocol/encode.h"

#define MAX_LINES   400
#define MAX_POINTS  32
#define MAX_FRAME   600
#define PATIENCE_US 5000000
#define POLL_US	    10000000

struct common_device {
	int64_t timeout_us, retries;
	bool allow_commands;
};

struct missing_list {
	struct fg_missing items[8];
	size_t count;
};

struct common_point {
	const char *unit;
	double scale, offset;
	int64_t decimals;
	struct missing_list missing;
};

struct line {
	int number;
	char mark; /* > < ! = */
	char *text;
};

/* The sensor's side. */
struct peer {
	bool serial;
	bool numbered; /* frames begin with a transaction */
	int listener, fd; /* fd: pty master, or the connection; -1: none */
	const struct line *lines;
	size_t count;
	uint8_t sent[64][2], seen[64][2]; /* transactions as recorded, and as they are now */
	size_t transactions;
	char fault[2000];
};

struct replay {
	struct fg_arena *arena;
	struct fg_report *rep;
	const char *path;
	struct line lines[MAX_LINES];
	size_t count;
	struct fg_link link;
	struct fg_device device;
	struct fg_point points[MAX_POINTS];
	const struct fg_point *pointers[MAX_POINTS];
	struct fg_group group;
	struct fg_link_state state;
	struct peer peer;
	char tty[64];
	int slave;
	int faults;
};

static void die(const char *what)
{
	fprintf(stderr, "replay: %s\n", what);
	exit(2);
}

/* ---- the file ---- */

/* A line of the log may be pasted as it is: what stands before the mark is skipped. */
static bool parse_line(char *text, struct line *ret)
{
	static const char *const marks[] = {" > ", " < ", " ! ", " x "};
	char *at = NULL;

	if (strchr("><!=x", text[0]) && text[0] && text[1] == ' ')
		at = text - 1;
	for (size_t i = 0; !at && i < FG_COUNT(marks); i++)
		at = strstr(text, marks[i]);
	if (!at)
		return false;
	ret->mark = at[1] == 'x' ? '<' : at[1];
	ret->text = at + 3;
	return true;
}

/* The head (YAML, until the first ---) is given back; the lines behind it are taken apart. */
static char *read_file(struct replay *r)
{
	FILE *f = fopen(r->path, "r");
	char buf[2000], *head = NULL;
	size_t head_len = 0;
	bool in_head = true;
	int number = 0;

	if (!f)
		die("cannot open the file");
	while (fgets(buf, sizeof(buf), f)) {
		size_t len = strcspn(buf, "\r\n");
		struct line *line = &r->lines[r->count];

		number++;
		if (in_head && strncmp(buf, "---", 3) != 0) {
			head = realloc(head, head_len + strlen(buf) + 1);
			memcpy(head + head_len, buf, strlen(buf) + 1);
			head_len += strlen(buf);
			continue;
		}
		in_head = false;
		buf[len] = '\0';
		if (buf[0] == '#' || !buf[0])
			continue;
		if (r->count == MAX_LINES)
			die("too many lines");
		*line = (struct line){.number = number, .mark = '-'};
		if (strcmp(buf, "---") != 0 && !parse_line(fg_arena_strdup(r->arena, buf), line)) {
			fprintf(stderr, "%s:%d: neither frame nor reading\n", r->path, number);
			exit(2);
		}
		r->count++;
	}
	fclose(f);
	return head;
}

static size_t parse_hex(const char *text, uint8_t *ret, size_t cap)
{
	size_t n = 0;
	unsigned byte;
	int used;

	while (n < cap && sscanf(text, "%2x%n", &byte, &used) == 1) {
		ret[n++] = (uint8_t)byte;
		text += used;
	}
	return n;
}

/* ---- the configuration in the head ---- */

static int parse_missing(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct missing_list *list = field;

	for (size_t i = 0; i < node->count && i < FG_COUNT(list->items); i++) {
		struct fg_missing *m = &list->items[list->count++];
		const char *text = node->items[i]->text;

		m->raw = strncmp(text, "0x", 2) == 0;
		m->bits = strtoull(text, NULL, 0);
		if (!m->raw && fg_number_parse(text, &m->value) < 0)
			fg_bind_error(b, node, "no number");
	}
	return FG_OK;
}

static const struct fg_key link_keys[] = {
	{.name = "driver", .type = FG_KEY_CUSTOM, .help = "which driver"},
	{.name = NULL},
};

static const struct fg_key device_keys[] = {
	{.name = "timeout",
		.type = FG_KEY_DURATION,
		.offset = offsetof(struct common_device, timeout_us),
		.dflt = "200ms"},
	{.name = "retries",
		.type = FG_KEY_INT,
		.offset = offsetof(struct common_device, retries),
		.dflt = "0"},
	{.name = "allow_commands",
		.type = FG_KEY_BOOL,
		.offset = offsetof(struct common_device, allow_commands),
		.dflt = "false"},
	{.name = NULL},
};

static const struct fg_key point_keys[] = {
	{.name = "unit",
		.type = FG_KEY_TEXT,
		.offset = offsetof(struct common_point, unit),
		.dflt = "1"},
	{.name = "scale",
		.type = FG_KEY_NUMBER,
		.offset = offsetof(struct common_point, scale),
		.dflt = "1"},
	{.name = "offset",
		.type = FG_KEY_NUMBER,
		.offset = offsetof(struct common_point, offset),
		.dflt = "0"},
	{.name = "decimals",
		.type = FG_KEY_INT,
		.offset = offsetof(struct common_point, decimals),
		.dflt = "-1"},
	{.name = "missing",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct common_point, missing),
		.parse = parse_missing},
	{.name = NULL},
};

static void *bind_object(struct replay *r, const struct fg_node *node, const struct fg_key *keys,
	const struct fg_key *other, size_t size)
{
	const struct fg_key *const others[] = {other, NULL};
	struct fg_bind b = {.arena = r->arena, .rep = r->rep};
	void *object = fg_arena_alloc(r->arena, size ? size : 1);

	fg_bind_struct(&b, node, keys, others, object, "", node->at);
	return object;
}

/* The port of the peer, which only this run knows, is laid over the file's link. */
static void load_link(struct replay *r, struct fg_node *root)
{
	struct fg_node *node = fg_node_get(root, "link"), *over = NULL;
	const struct fg_node *name = node ? fg_node_get(node, "driver") : NULL;
	struct sockaddr_in addr = {0};
	socklen_t len = sizeof(addr);
	char *text;

	r->link.driver = name ? fg_driver_find(name->text) : NULL;
	if (!r->link.driver)
		die("link: {driver: …} names no driver");
	r->peer.serial = strcmp(r->link.driver->name, "modbus-rtu") == 0;
	r->peer.numbered = strcmp(r->link.driver->name, "modbus-tcp") == 0;
	if (r->peer.serial) {
		text = fg_arena_printf(r->arena, "device: %s\n", r->tty);
	} else {
		getsockname(r->peer.listener, (struct sockaddr *)&addr, &len);
		text = fg_arena_printf(
			r->arena, "host: 127.0.0.1\nport: %d\n", ntohs(addr.sin_port));
	}
	if (fg_yaml_load_text(r->arena, text, strlen(text), "peer", r->rep, &over) < 0)
		die("cannot name the peer");
	node = fg_node_merge(r->arena, node, over);
	r->link.name = "link";
	r->link.conf = bind_object(
		r, node, r->link.driver->link_keys, link_keys, r->link.driver->link_size);
}

static void load_device(struct replay *r, struct fg_node *node)
{
	const struct fg_driver *d = r->link.driver;
	const struct common_device *c;
	void *conf;

	if (!node)
		die("device: is missing");
	c = bind_object(r, node, device_keys, d->device_keys, sizeof(*c));
	conf = bind_object(r, node, d->device_keys, device_keys, d->device_size);
	r->device = (struct fg_device){
		.name = "device",
		.node = node,
		.link = &r->link,
		.timeout_us = c->timeout_us,
		.retries = (int)c->retries,
		.allow_commands = c->allow_commands,
		.conf = conf,
		.points = r->points,
	};
	if (d->check_device)
		d->check_device(&r->device, conf, r->rep);
}

static void load_point(struct replay *r, const struct fg_pair *pair)
{
	const struct fg_driver *d = r->link.driver;
	struct fg_point *p = &r->points[r->device.point_count];
	const struct common_point *c;
	void *conf;

	if (r->device.point_count == MAX_POINTS)
		die("too many points");
	c = bind_object(r, pair->value, point_keys, d->point_keys, sizeof(*c));
	conf = bind_object(r, pair->value, d->point_keys, point_keys, d->point_size);
	*p = (struct fg_point){
		.name = pair->key,
		.node = pair->value,
		.index = (uint32_t)r->device.point_count,
		.device = &r->device,
		.property = pair->key,
		.unit = c->unit,
		.scale = c->scale,
		.offset = c->offset,
		.decimals = (int)c->decimals,
		.missing = c->missing.items,
		.missing_count = c->missing.count,
		.conf = conf,
	};
	r->pointers[r->device.point_count++] = p;
	r->device.read_count = r->device.point_count;
	if (d->check_point)
		d->check_point(p, conf, r->rep);
}

static void load(struct replay *r, const char *head)
{
	struct fg_node *root, *points;

	if (!head || fg_yaml_load_text(r->arena, head, strlen(head), r->path, r->rep, &root) < 0)
		return;
	load_link(r, root);
	load_device(r, fg_node_get(root, "device"));
	points = fg_node_get(root, "points");
	for (size_t i = 0; points && i < points->count; i++)
		load_point(r, &points->pairs[i]);
	r->group = (struct fg_group){
		.device = &r->device,
		.points = r->pointers,
		.count = r->device.point_count,
	};
}

/* ---- the peer ---- */

static void FG_PRINTF(3, 4) complain(struct peer *p, const struct line *line, const char *fmt, ...)
{
	size_t n = strlen(p->fault);
	va_list ap;

	n += (size_t)snprintf(p->fault + n, sizeof(p->fault) - n, "line %d: ", line->number);
	if (n >= sizeof(p->fault))
		return;
	va_start(ap, fmt);
	vsnprintf(p->fault + n, sizeof(p->fault) - n, fmt, ap);
	va_end(ap);
}

static bool readable(int fd, int64_t wait_us)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, fd >= 0 ? 1 : 0, (int)(wait_us / 1000)) > 0;
}

static bool need_connection(struct peer *p)
{
	if (p->fd < 0 && !p->serial && readable(p->listener, PATIENCE_US))
		p->fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	return p->fd >= 0;
}

static void hang_up(struct peer *p)
{
	if (p->fd >= 0 && !p->serial) {
		close(p->fd);
		p->fd = -1;
	}
}

/* The number that this run has for a recorded transaction; unknown ones stay as they are. */
static void translate(struct peer *p, uint8_t *frame)
{
	for (size_t i = p->transactions; i-- > 0;) {
		if (memcmp(p->sent[i], frame, 2) == 0) {
			memcpy(frame, p->seen[i], 2);
			return;
		}
	}
}

static void expect_frame(struct peer *p, const struct line *line)
{
	uint8_t want[MAX_FRAME], got[MAX_FRAME];
	size_t n = parse_hex(line->text, want, sizeof(want)), have = 0;

	if (!need_connection(p)) {
		complain(p, line, "the driver did not connect\n");
		return;
	}
	while (have < n && readable(p->fd, PATIENCE_US)) {
		ssize_t k = read(p->fd, got + have, n - have);

		if (k <= 0)
			break;
		have += (size_t)k;
	}
	if (have == n && p->numbered && p->transactions < FG_COUNT(p->sent)) {
		memcpy(p->sent[p->transactions], want, 2);
		memcpy(p->seen[p->transactions++], got, 2);
		memcpy(want, got, 2);
	}
	if (have == n && memcmp(want, got, n) == 0)
		return;
	complain(p, line, "the driver sent other than expected, %zu of %zu bytes:", have, n);
	for (size_t i = 0; i < have; i++)
		snprintf(p->fault + strlen(p->fault), sizeof(p->fault) - strlen(p->fault), " %02x",
			got[i]);
	snprintf(p->fault + strlen(p->fault), sizeof(p->fault) - strlen(p->fault), "\n");
}

static void answer(struct peer *p, const struct line *line)
{
	uint8_t frame[MAX_FRAME];
	size_t n = parse_hex(line->text, frame, sizeof(frame));

	if (p->numbered && n >= 2 && strstr(line->text, "as is") == NULL)
		translate(p, frame);
	if (!need_connection(p) || write(p->fd, frame, n) != (ssize_t)n)
		complain(p, line, "could not answer\n");
}

static void expect_end(struct peer *p, const struct line *line)
{
	char byte;

	if (!readable(p->fd, PATIENCE_US) || read(p->fd, &byte, 1) > 0)
		complain(p, line, "the driver did not close the connection\n");
	hang_up(p);
}

static void *run_peer(void *arg)
{
	struct peer *p = arg;

	for (size_t i = 0; i < p->count; i++) {
		const struct line *line = &p->lines[i];
		int ms;

		if (p->fault[0])
			break;
		if (line->mark == '>')
			expect_frame(p, line);
		else if (line->mark == '<')
			answer(p, line);
		else if (line->mark == '!' && strcmp(line->text, "close") == 0)
			hang_up(p);
		else if (line->mark == '!' && strcmp(line->text, "reconnect") == 0)
			expect_end(p, line);
		else if (line->mark == '!' && sscanf(line->text, "wait %d ms", &ms) == 1)
			readable(-1, ms * 1000);
	}
	return NULL;
}

/* ---- the run ---- */

static void put_reading(
	struct fg_buf *out, const struct fg_point *point, const struct fg_reading *reading)
{
	char reason[FG_REASON_SIZE];

	fg_buf_printf(out, "%s ", point->name);
	if (reading->value.kind == FG_KIND_NONE)
		fg_buf_putc(out, '-');
	else
		fg_encode_value(out, &reading->value, point->decimals);
	fg_buf_printf(out, " %s qc=%u", point->unit, (unsigned)reading->qc);
	if (reading->reason)
		fg_buf_printf(out, " %s", fg_reason_text(reading->reason, reading->detail, reason));
}

static void compare(
	struct replay *r, const struct line *lines, size_t count, const struct fg_batch *batch)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		char mem[500];
		struct fg_buf got;

		if (lines[i].mark != '=')
			continue;
		fg_buf_wrap(&got, mem, sizeof(mem));
		if (at < batch->count)
			put_reading(
				&got, &r->points[batch->readings[at].point], &batch->readings[at]);
		at++;
		if (strcmp(mem, lines[i].text) == 0)
			continue;
		r->faults++;
		fprintf(stderr, "%s:%d: expected %s\n%s:%d: got      %s\n", r->path,
			lines[i].number, lines[i].text, r->path, lines[i].number, mem);
	}
	if (at != batch->count || batch->count != r->group.count) {
		r->faults++;
		fprintf(stderr, "%s: %zu readings expected, %zu came, %zu points\n", r->path, at,
			batch->count, r->group.count);
	}
}

static bool has_event(const struct line *lines, size_t count, const char *event)
{
	for (size_t i = 0; i < count; i++)
		if (lines[i].mark == '!' && strcmp(lines[i].text, event) == 0)
			return true;
	return false;
}

static void check_rest(struct replay *r)
{
	if (r->peer.fd < 0 || !readable(r->peer.fd, 0))
		return;
	if (!r->peer.serial) {
		char byte;

		if (recv(r->peer.fd, &byte, 1, MSG_PEEK) <= 0)
			return;
	}
	r->faults++;
	fprintf(stderr, "%s: the driver sent more than the file has\n", r->path);
}

static void run_poll(struct replay *r, const struct line *lines, size_t count)
{
	const struct fg_driver *d = r->link.driver;
	struct fg_reading readings[MAX_POINTS];
	char text[4096], explain[20000];
	struct fg_batch batch = {.readings = readings,
		.cap = r->group.count,
		.text = text,
		.text_cap = d->text_room(&r->group)};
	struct fg_buf words;
	struct fg_job job = {
		.link = &r->state,
		.group = &r->group,
		.deadline_mono_us = fg_clock_mono_us() + POLL_US,
		.attempts = 1 + (unsigned)r->device.retries,
		.batch = &batch,
		.explain = &words,
	};
	bool down = has_event(lines, count, "down");
	pthread_t thread;
	int status, faults = r->faults;

	fg_buf_wrap(&words, explain, sizeof(explain));
	r->peer.lines = lines;
	r->peer.count = count;
	if (pthread_create(&thread, NULL, run_peer, &r->peer) != 0)
		die("no thread");
	while ((status = d->poll(&job)) == FG_AGAIN) /* as the link's worker does */
		poll(NULL, 0, (int)((job.resume_mono_us - fg_clock_mono_us()) / 1000) + 1);
	pthread_join(thread, NULL);
	if ((status < 0) != down) {
		r->faults++;
		fprintf(stderr, "%s:%d: poll gave %d\n", r->path, lines[0].number, status);
	}
	if (r->peer.fault[0]) {
		r->faults++;
		fprintf(stderr, "%s: %s", r->path, r->peer.fault);
	}
	compare(r, lines, count, &batch);
	check_rest(r);
	if (r->faults != faults)
		fprintf(stderr, "%s\n", explain);
	if (status < 0) { /* as the link's worker does */
		d->close(&r->state);
		d->open(&r->state);
	}
}

static int bind_listener(int fd, struct sockaddr_in *addr)
{
	if (fd < 0 || bind(fd, (struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	return listen(fd, 4) < 0 ? -errno : 0;
}

static void open_peer(struct replay *r)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct termios tio;

	r->peer.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (r->peer.fd < 0 || grantpt(r->peer.fd) < 0 || unlockpt(r->peer.fd) < 0 ||
		ptsname_r(r->peer.fd, r->tty, sizeof(r->tty)) != 0)
		die("no pty");
	r->slave = open(r->tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (r->slave < 0 || tcgetattr(r->slave, &tio) < 0)
		die("no pty");
	cfmakeraw(&tio);
	tcsetattr(r->slave, TCSANOW, &tio);
	r->peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind_listener(r->peer.listener, &addr) < 0)
		die("no port");
}

int main(int argc, char **argv)
{
	static struct replay r;
	struct fg_buf out;
	char *head;

	if (argc != 2)
		die("usage: replay FILE");
	r.path = argv[1];
	r.arena = fg_arena_new();
	r.rep = fg_report_new();
	open_peer(&r);
	head = read_file(&r);
	load(&r, head);
	fg_buf_init(&out, 65536);
	fg_report_print(r.rep, &out);
	if (fg_report_errors(r.rep)) {
		fprintf(stderr, "%s", out.data);
		return 2;
	}
	if (!r.peer.serial) {
		close(r.peer.fd);
		r.peer.fd = -1;
	}
	r.link.driver->plan(&r.group, r.arena);
	r.state = (struct fg_link_state){
		.link = &r.link, .state = fg_arena_alloc(r.arena, r.link.driver->state_size)};
	if (r.link.driver->open(&r.state) < 0)
		die("open failed");
	for (size_t i = 0, next; i < r.count; i = next) {
		for (next = i + 1; next < r.count && r.lines[next].mark != '-';)
			next++;
		run_poll(&r, r.lines + i + 1, next - i - 1);
	}
	r.link.driver->close(&r.state);
	fg_buf_fini(&out);
	fg_report_free(r.rep);
	fg_arena_free(r.arena);
	free(head);
	close(r.slave);
	printf("%s: %s\n", r.path, r.faults ? "FAILED" : "ok");
	return r.faults ? 1 : 0;
}
