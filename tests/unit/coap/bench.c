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
	b->device = (struct fg_device){
		.name = "node", .link = &b->link, .timeout_us = 1000000, .retries = 0};
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
	b->ls = (struct fg_link_state){
		.link = &b->link, .host = &b->host, .state = calloc(1, fg_driver_coap.state_size)};
	assert_int_equal(fg_driver_coap.open(&b->ls), FG_OK);
}

void bench_close(struct bench *b)
{
	fg_driver_coap.close(&b->ls);
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

void wait_done(struct bench *b)
{
	int64_t end = fg_clock_mono_us() + 10000000;

	while (!b->done && fg_clock_mono_us() < end)
		turn(b, 50);
	assert_int_equal(b->done, 1);
	assert_int_equal(b->batch.count, b->group.count); /* one reading a point, always */
}
