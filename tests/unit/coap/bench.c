/* SPDX-License-Identifier: EUPL-1.2 */
/* A driver with one link, one device and one group, turned by hand. */
#include "bench.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_done(struct fg_job *job)
{
	((struct bench *)job->owner)->done++;
}

static int take_delivery(struct fg_link_state *ls, struct fg_delivery *d)
{
	struct bench *b = ls->owner;

	if (b->full || b->deliveries == FG_COUNT(b->delivered))
		return FG_EFULL;
	b->over += d->over;
	if (d->batch.count)
		b->delivered[b->deliveries++] = d;
	else
		fg_delivery_free(d);
	return FG_PENDING;
}

void give_back(struct bench *b, size_t i, int status)
{
	struct fg_delivery *d = b->delivered[i];

	memmove(&b->delivered[i], &b->delivered[i + 1],
		(--b->deliveries - i) * sizeof(struct fg_delivery *));
	d->status = status;
	if (d->done)
		d->done(d);
	else
		fg_delivery_free(d);
}

int udp_server(uint16_t *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

void bench_open(struct bench *b, const char *host, uint16_t port, const char *psk_file,
	const char *const *paths)
{
	memset(b, 0, sizeof(*b));
	b->server = -1;
	b->arena = fg_arena_new();
	snprintf(b->uri, sizeof(b->uri), "coap://%s:%u", host, port);
	b->link_conf.uri = b->uri;
	snprintf(b->link_conf.host, sizeof(b->link_conf.host), "%s", host);
	b->link_conf.port = port;
	b->link_conf.secure = psk_file;
	b->link_conf.psk_file = psk_file;
	b->link_conf.psk_identity = "gateway";
	b->link =
		(struct fg_link){.name = "pond", .driver = &fg_driver_coap, .conf = &b->link_conf};
	b->device = (struct fg_device){.name = "node",
		.link = &b->link,
		.timeout_us = 1000000,
		.retries = 0,
		.conf = &b->device_conf};
	b->device_conf.confirmable = true;
	for (; paths[2 * b->group.count]; b->group.count++) {
		size_t i = b->group.count;

		b->point_conf[i].path = paths[2 * i];
		if (paths[2 * i + 1] && *paths[2 * i + 1] != '/')
			b->point_conf[i].senml = paths[2 * i + 1];
		else
			b->point_conf[i].json = paths[2 * i + 1];
		b->points[i] = (struct fg_point){.name = "p",
			.index = (uint32_t)i,
			.scale = 1,
			.decimals = -1,
			.device = &b->device,
			.conf = &b->point_conf[i]};
		b->pointers[i] = &b->points[i];
	}
	b->group.device = &b->device;
	b->group.points = b->pointers;
	assert_int_equal(fg_driver_coap.plan(&b->group, b->arena), FG_OK);
	b->host.driver = &fg_driver_coap;
	b->host.state = calloc(1, fg_driver_coap.host_size);
	assert_int_equal(fg_driver_coap.host_open(&b->host), FG_OK);
	b->ls = (struct fg_link_state){.link = &b->link,
		.host = &b->host,
		.state = calloc(1, fg_driver_coap.state_size),
		.deliver = take_delivery,
		.owner = b};
	assert_int_equal(fg_driver_coap.open(&b->ls), FG_OK);
}

void bench_close(struct bench *b)
{
	fg_driver_coap.close(&b->ls);
	while (b->deliveries)
		give_back(b, 0, FG_ECANCELED);
	fg_driver_coap.host_close(&b->host);
	free(b->ls.state);
	free(b->host.state);
	fg_arena_free(b->arena);
	if (b->server >= 0)
		close(b->server);
}

int start(struct bench *b, int64_t deadline_us, unsigned attempts)
{
	int r;

	b->batch = (struct fg_batch){.readings = b->readings,
		.cap = b->group.count,
		.text = b->text,
		.text_cap = sizeof(b->text)};
	fg_buf_wrap(&b->explain, b->explained, sizeof(b->explained));
	b->job = (struct fg_job){.link = &b->ls,
		.group = &b->group,
		.attempts = attempts,
		.deadline_mono_us = fg_clock_mono_us() + deadline_us,
		.batch = &b->batch,
		.explain = &b->explain,
		.done = on_done,
		.owner = b};
	b->done = 0;
	r = fg_driver_coap.poll(&b->job);
	if (r != FG_PENDING) { /* as the worker takes it: there may be no such name, at once */
		b->job.status = r;
		b->done++;
	}
	return r;
}

bool turn(struct bench *b, int timeout_ms)
{
	int64_t wait_us = fg_driver_coap.host_process(&b->host);
	struct pollfd fds[2] = {{.fd = fg_driver_coap.host_fd(&b->host), .events = POLLIN},
		{.fd = b->server, .events = POLLIN}};

	if (b->done)
		return false;
	poll(fds, 2, (int)FG_MIN((wait_us + 999) / 1000, (int64_t)timeout_ms));
	return b->server >= 0 && fds[1].revents & POLLIN;
}

bool wait_delivery(struct bench *b, size_t count, unsigned over)
{
	int64_t end = fg_clock_mono_us() + 10000000;

	while ((b->deliveries < count || b->over < over) && fg_clock_mono_us() < end) {
		b->done = 0; /* else nothing is turned */
		turn(b, 20);
	}
	return b->deliveries >= count && b->over >= over;
}

void wait_done(struct bench *b)
{
	int64_t end = fg_clock_mono_us() + 10000000;

	while (!b->done && fg_clock_mono_us() < end)
		turn(b, 50);
	assert_int_equal(b->done, 1);
	assert_int_equal(b->batch.count, b->group.count); /* one reading a point, always */
}

bool wait_request(struct bench *b, struct request *req, int64_t within_us)
{
	int64_t end = fg_clock_mono_us() + within_us;
	socklen_t from_len = sizeof(req->from);

	while (!b->done && fg_clock_mono_us() < end) {
		if (!turn(b, 50))
			continue;
		req->len = (size_t)recvfrom(b->server, req->bytes, sizeof(req->bytes), 0,
			(struct sockaddr *)&req->from, &from_len);
		return true;
	}
	return false;
}

void answer(struct bench *b, const struct request *req, unsigned code, const void *rest, size_t len)
{
	size_t tkl = req->bytes[0] & 15;
	uint8_t out[2048] = {(uint8_t)(0x60 | tkl), (uint8_t)code, req->bytes[2], req->bytes[3]};

	memcpy(out + 4, req->bytes + 4, tkl);
	memcpy(out + 4 + tkl, rest, len);
	sendto(b->server, out, 4 + tkl + len, 0, (const struct sockaddr *)&req->from,
		sizeof(req->from));
}

void open_with_server(struct bench *b, const char *const *paths)
{
	uint16_t port;
	int fd = udp_server(&port);

	bench_open(b, "127.0.0.1", port, NULL, paths);
	b->server = fd;
}
