/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TESTS_COAP_BENCH_H
#define FG_TESTS_COAP_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"

#define MAX_POINTS 4
#define SOON_US	   10000000 /* for what comes at once, however busy the machine is */

extern const struct fg_driver fg_driver_coap;

/* A driver, one link, one device, one group. */
struct bench {
	struct fg_arena *arena;
	struct fg_coap_link link_conf;
	struct fg_payload_point point_conf[MAX_POINTS];
	struct fg_coap_device device_conf;
	struct fg_link link;
	struct fg_device device;
	struct fg_point points[MAX_POINTS];
	const struct fg_point *pointers[MAX_POINTS];
	struct fg_group group;
	struct fg_host host;
	struct fg_link_state ls;
	struct fg_reading readings[MAX_POINTS];
	char text[4096];
	struct fg_batch batch;
	struct fg_job job;
	int done;
	char explained[4096];
	struct fg_buf explain;
	int server;
	char uri[64];
	/* Deliveries that the driver handed over, the oldest first; those of a group that is over
	 * are counted apart. */
	struct fg_delivery *delivered[8];
	size_t deliveries;
	unsigned over;
	bool full; /* no more are taken */
};

/* A UDP socket on a free port of 127.0.0.1. */
int udp_server(uint16_t *ret_port);

/* paths: pairs of a path and a JSON pointer, a SenML name (which does not begin with '/') or NULL,
 * ended by NULL. With psk_file: coaps. */
void bench_open(struct bench *b, const char *host, uint16_t port, const char *psk_file,
	const char *const *paths);
void bench_close(struct bench *b);

/* Polls; the deadline counts from now. */
int start(struct bench *b, int64_t deadline_us, unsigned attempts);
/* One turn of the loop; true when b->server has a message. */
bool turn(struct bench *b, int timeout_ms);
/* A request as b->server has it. */
struct request {
	uint8_t bytes[512];
	size_t len;
	struct sockaddr_in from;
};

/* With a server socket of the test's own. */
void open_with_server(struct bench *b, const char *const *paths);
bool wait_request(struct bench *b, struct request *req, int64_t within_us);
/* An answer on the ACK: code, the request's mid and token, then what the case wants. */
void answer(
	struct bench *b, const struct request *req, unsigned code, const void *rest, size_t len);

/* Gives the i-th delivery back with what became of it, as the core does. */
void give_back(struct bench *b, size_t i, int status);
/* Turns until there is a delivery with readings, or `over` groups. */
bool wait_delivery(struct bench *b, size_t count, unsigned over);

/* Until done(), which must come once and with one reading a point. */
void wait_done(struct bench *b);

#endif
