/* SPDX-License-Identifier: EUPL-1.2 */
/* Modbus RTU frames, checksum included, over TCP: serial servers that pass bytes on as they are.
 * The connection is made as for Modbus TCP; what goes over it is as on a serial line, without its
 * times: nothing says which request an answer is for. */
#include <modbus.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/modbus_command.h"
#include "drivers/modbus_connect.h"
#include "drivers/modbus_line.h"

#define GAP_US	   4000	   /* the line behind it is silent for 3.5 characters, at 9600 baud */
#define NETWORK_NS 5000000 /* there and back */
#define SETTLE_US  100000  /* frames come in pieces, as networks deliver them */

struct state {
	struct fg_modbus_link link; /* first: drivers/modbus_command.c */
	modbus_t *ctx;		    /* NULL: not connected */
	bool stale;		    /* a fresh connection is needed before the next request */
	struct fg_line line;
};

static const struct fg_key link_keys[] = {
	{.name = "port",
		.type = FG_KEY_INT,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct fg_modbus_host, port),
		.min = 1,
		.max = 65535,
		.help = "TCP port on which the serial server passes the line on, often 4001 or "
			"502."},
	FG_MODBUS_HOST_KEYS,
	{.name = NULL},
};

static void check_device(const struct fg_device *dev, void *conf, struct fg_report *rep)
{
	fg_modbus_check_serial_unit(dev, conf, rep);
	fg_modbus_check_device(dev, conf, rep);
}

/* ---- connection ---- */

static int connect_link(struct fg_link_state *ls, int64_t until_us)
{
	struct state *s = ls->state;
	int r;

	fg_modbus_disconnect(&s->ctx);
	s->stale = false;
	s->line.gap_us = GAP_US;
	s->line.settle_us = SETTLE_US;
	r = fg_modbus_connect(ls->link->conf, until_us, &s->ctx, ls->why, sizeof(ls->why));
	if (r == FG_OK)
		fg_line_reset(&s->line, modbus_get_socket(s->ctx));
	return r;
}

static int link_open(struct fg_link_state *ls)
{
	return connect_link(ls, INT64_MAX);
}

static void link_close(struct fg_link_state *ls)
{
	struct state *s = ls->state;

	fg_modbus_disconnect(&s->ctx);
	fg_modbus_link_fini(&s->link);
}

/* ---- transport ---- */

/* A server may close an idle connection: that is no failure, a new one is made. */
static int ready(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us)
{
	struct state *s = job->link->state;
	int r;

	if (s->ctx && !s->stale && fg_line_ready(job, &s->line, q, until_us) == FG_OK)
		return FG_OK;
	r = connect_link(job->link, until_us);
	/* late answers may come over the new connection as well */
	return r < 0 ? r : fg_line_ready(job, &s->line, q, until_us);
}

/* A connection that breaks is an attempt lost: the next one makes a new one. */
static int exchange(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us,
	struct fg_modbus_reply *ret)
{
	struct state *s = job->link->state;
	int r = fg_line_exchange(job, &s->line, q, until_us, ret);

	if (fg_modbus_link_failed(r)) {
		fg_modbus_trace_event(job, "closed");
		s->stale = true;
	}
	return r;
}

/* A device that answers no attempt may be dead, or the connection: it is, where nothing came over
 * it from any device since the last such. */
static void gave_up(struct fg_job *job)
{
	struct state *s = job->link->state;

	s->stale = !s->line.heard;
	s->line.heard = false;
}

static int rtu_tcp_poll(struct fg_job *job)
{
	static const struct fg_modbus_transport transport = {ready, exchange, gave_up};

	return fg_modbus_poll(job, &transport);
}

static int rtu_tcp_raw(struct fg_link_state *ls, struct fg_raw *x)
{
	struct state *s = ls->state;
	int r = s->ctx && !s->stale ? FG_OK : connect_link(ls, INT64_MAX);

	if (r == FG_OK)
		r = fg_line_raw(&s->line, x);
	s->stale = s->stale || r < 0;
	return r;
}

static int rtu_tcp_plan(struct fg_group *group, struct fg_arena *arena)
{
	/* nothing says which line there is behind it: most often this one */
	struct fg_modbus_costs costs = fg_modbus_serial_costs(9600, 10, 125);

	costs.request_ns += NETWORK_NS;
	return fg_modbus_plan(group, arena, &costs);
}

static void beside(const struct fg_group *group, struct fg_beside *ret_beside)
{
	fg_modbus_beside(group, 0, 0, ret_beside);
}

const struct fg_driver fg_driver_modbus_rtu_tcp = {
	.name = "modbus-rtu-tcp",
	.help = "Modbus RTU devices behind a serial server that passes bytes on over TCP",
	.link_size = sizeof(struct fg_modbus_host),
	.device_size = sizeof(struct fg_modbus_device),
	.point_size = sizeof(struct fg_modbus_point),
	.link_keys = link_keys,
	.device_keys = fg_modbus_device_keys,
	.point_keys = fg_modbus_point_keys,
	.state_size = sizeof(struct state),
	.check_device = check_device,
	.has_point = fg_modbus_has_point,
	.check_point = fg_modbus_check_point,
	.same_port = fg_modbus_same_host,
	.check_pair = fg_modbus_check_pair,
	.plan = rtu_tcp_plan,
	.text_room = fg_modbus_text_room,
	.describe = fg_modbus_describe,
	.beside = beside,
	.open = link_open,
	.close = link_close,
	.poll = rtu_tcp_poll,
	.raw = rtu_tcp_raw,
	.port = fg_modbus_host_port,
};
