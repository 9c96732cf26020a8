/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TESTS_COAP_BENCH_H
#define FG_TESTS_COAP_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"

#define MAX_POINTS 4

extern const struct fg_driver fg_driver_coap;

/* A driver, one link, one device, one group. */
struct bench {
	struct fg_arena *arena;
	struct fg_coap_link link_conf;
	struct fg_payload_point point_conf[MAX_POINTS];
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
/* Until done(), which must come once and with one reading a point. */
void wait_done(struct bench *b);

#endif
