/* SPDX-License-Identifier: EUPL-1.2 */
/* What sensors send by themselves: the first three bytes choose method, path, identity and content
 * format of a request, the rest is its payload, as a whole and in blocks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "drivers/coap_server.h"

#define DEVICES 5
#define ARRIVED INT64_C(1000000000)
#define MAX_LEN 600

static const char *const paths[] = {"/east", "/stations/west", "/m", "/a/../m/", "/time",
	"/.well-known/core", "/", ""};
static const char *const identities[] = {NULL, "east", "west", "logger"};
static const int formats[] = {-1, 0, 40, 42, 50, 60, 110, 112, 11542};

static struct fg_push_link link_conf = {.time_path = "/time", .max_payload = MAX_LEN};
static struct fg_push_device confs[DEVICES] = {
	{.path = NULL},
	{.path = "/stations/west", .payload = {.format = FG_PAYLOAD_SENML}},
	{.path = "/m", .identity = "logger", .sender = "g1", .payload = {.identity.json = "/id"}},
	{.path = "/m", .identity = "logger", .sender = "g2",
		.payload = {.identity.json = "/id", .time.json = "/t"}},
	{.path = "/m", .identity = "west",
		.payload = {.format = FG_PAYLOAD_BINARY, .byte_order = 1, .length = {true, 4},
			.identity = {.at = {true, 0},
				.type = {true, false, FG_BINARY_UNSIGNED, 2}}}},
};
static const char *const names[DEVICES] = {"east", "west", "gauge-1", "gauge-2", "770"};
static struct fg_push_point places[DEVICES] = {{{.senml = "a"}}, {{.senml = "a"}},
	{{.json = "/v"}}, {{.json = "/v"}},
	{{.at = {true, 2}, .type = {true, false, FG_BINARY_SIGNED, 2}}}};
static struct fg_point points[DEVICES];
static struct fg_device devices[DEVICES];
static const struct fg_device *list[DEVICES];
static struct fg_link push = {
	.name = "push", .conf = &link_conf, .devices = list, .device_count = DEVICES};

static void set_up(void)
{
	for (uint32_t i = 0; i < DEVICES; i++) {
		points[i] = (struct fg_point){.name = "p", .index = i, .device = &devices[i],
			.scale = 1, .unit = "Cel", .conf = &places[i]};
		devices[i] = (struct fg_device){.name = names[i], .index = i, .link = &push,
			.points = &points[i], .point_count = 1, .read_count = 1,
			.conf = &confs[i]};
		list[i] = &devices[i];
	}
}

static void ensure(bool holds)
{
	if (!holds)
		abort();
}

/* Only for whom the peer may speak, at least one reading of its own points, none of the future. */
static void look_at(const struct fg_push_request *req, const struct fg_push_answer *a)
{
	const struct fg_delivery *d = a->delivery;
	const char *own;

	ensure(a->code >> 5 == 2 || a->code >> 5 == 4 || a->code >> 5 == 5);
	ensure(memchr(a->why, '\0', sizeof(a->why)) != NULL);
	ensure((a->code >> 5 == 2) == (a->why[0] == '\0'));
	if (!d)
		return;
	own = ((const struct fg_push_device *)d->device->conf)->identity;
	ensure(!req->identity || strcmp(own ? own : d->device->name, req->identity) == 0);
	ensure(a->code == FG_COAP_CODE(2, 4) && d->kept && d->message == req->message);
	ensure(d->batch.count > 0 && d->batch.count <= FG_DELIVERY_READINGS);
	for (size_t i = 0; i < d->batch.count; i++) {
		ensure(d->batch.readings[i].point == d->device->index);
		ensure(d->batch.readings[i].taken_mono_us <= ARRIVED);
	}
}

static void ask(struct fg_push_request *req, struct fg_buf *body)
{
	struct fg_push_answer a = {.body = body};

	fg_buf_clear(body);
	fg_push_answer(&push, req, &a);
	look_at(req, &a);
	ensure(a.body == body);
	fg_delivery_free(a.delivery);
}

/* In blocks of 16 bytes, one of them twice: what comes together is what was sent. */
static void in_blocks(const uint8_t *data, size_t size, unsigned twice)
{
	static struct fg_push_bodies bodies;
	struct fg_push_body *whole = NULL;
	unsigned code = 0, last = (unsigned)(size ? (size - 1) / 16 : 0);

	for (unsigned num = 0; num <= last; num++) {
		size_t at = (size_t)num * 16, len = FG_MIN(size - at, (size_t)16);

		for (unsigned k = 0; k <= (num == twice && num < last); k++)
			code = fg_push_block(&bodies, data, 1, num, 0, num < last, data + at, len,
				MAX_LEN, ARRIVED, &whole);
		ensure(code == (at + len > MAX_LEN ? FG_COAP_CODE(4, 13)
				       : num < last ? FG_COAP_CODE(2, 31) : 0));
		if (code == FG_COAP_CODE(4, 13))
			break;
	}
	if (whole) {
		ensure(whole->bytes.len == size);
		ensure(!size || memcmp(whole->bytes.data, data, size) == 0);
		fg_push_body_end(whole);
	}
	/* and in any order */
	for (size_t i = 0; i + 2 < size; i += 3) {
		whole = NULL;
		code = fg_push_block(&bodies, data, data[i] & 1, data[i + 1], data[i] >> 5,
			(data[i] & 2) != 0, data, FG_MIN(size, (size_t)data[i + 2]), MAX_LEN,
			ARRIVED, &whole);
		ensure((code == 0) == (whole != NULL));
		ensure(!whole || whole->bytes.len <= MAX_LEN);
		if (whole)
			fg_push_body_end(whole);
	}
	fg_push_bodies_forget(&bodies, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char mem[400]; /* too little for some answers */
	struct fg_push_request req = {.arrived_mono_us = ARRIVED, .message = 77};
	struct fg_buf body;

	if (size < 3)
		return 0;
	set_up();
	fg_buf_wrap(&body, mem, sizeof(mem));
	req.method = data[0] & 7;
	req.path = paths[data[0] >> 3 & 7];
	req.identity = identities[data[1] & 3];
	req.accept = data[1] & 4 ? formats[(data[1] >> 3) % FG_COUNT(formats)] : -1;
	req.format = formats[data[2] % FG_COUNT(formats)];
	req.wall_us = data[2] & 128 ? INT64_C(1790000000000000) : 0;
	req.data = (const char *)data + 3;
	req.len = size - 3;
	link_conf.psk_file = data[0] & 64 ? "keys" : NULL;
	ask(&req, &body);
	in_blocks(data + 3, size - 3, data[1]);
	return 0;
}
