/* SPDX-License-Identifier: EUPL-1.2 */
/* Modbus RTU on a serial line. libmodbus opens and sets up the port; what goes over it is
 * modbus_line.c's. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "drivers/modbus_command.h"
#include "drivers/modbus_line.h"

#define SETTLE_US 20000 /* USB adapters hand over what they received each 16 ms */

struct rtu_conf {
	const char *device;
	int baud, parity, stop_bits, data_bits;
	bool rs485;
};

struct rtu_state {
	struct fg_modbus_link link; /* first: drivers/modbus_command.c */
	modbus_t *ctx;
	struct fg_line line;
};

#define CHOICE(n)                                                                                  \
	{                                                                                          \
		.name = #n, .value = n                                                             \
	}

static const struct fg_choice bauds[] = {CHOICE(1200), CHOICE(2400), CHOICE(4800), CHOICE(9600),
	CHOICE(19200), CHOICE(38400), CHOICE(57600), CHOICE(115200), {.name = NULL}};

static const struct fg_choice parities[] = {
	{.name = "none", .value = 'N'},
	{.name = "even", .value = 'E'},
	{.name = "odd", .value = 'O'},
	{.name = NULL},
};

static const struct fg_choice stop_bits[] = {CHOICE(1), CHOICE(2), {.name = NULL}};

static const struct fg_choice data_bits[] = {
	CHOICE(8),
	{.name = "7", .value = 7, .unsupported = true, .help = "Modbus ASCII"},
	{.name = NULL},
};

static const struct fg_key link_keys[] = {
	{.name = "device",
		.type = FG_KEY_TEXT,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct rtu_conf, device),
		.max = 255,
		.help = "The serial port. A name under /dev/serial/by-id stays the same when "
			"adapters are plugged in another order. It need not exist at start."},
	{.name = "baud",
		.type = FG_KEY_CHOICE,
		.offset = offsetof(struct rtu_conf, baud),
		.choices = bauds,
		.dflt = "9600",
		.help = "Bits per second, alike on every device of the line."},
	{.name = "parity",
		.type = FG_KEY_CHOICE,
		.offset = offsetof(struct rtu_conf, parity),
		.choices = parities,
		.dflt = "none",
		.help = "The standard's default is even; most sensors are delivered with none."},
	{.name = "stop_bits",
		.type = FG_KEY_CHOICE,
		.offset = offsetof(struct rtu_conf, stop_bits),
		.choices = stop_bits,
		.dflt = "1",
		.help = "Stop bits."},
	{.name = "data_bits",
		.type = FG_KEY_CHOICE,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct rtu_conf, data_bits),
		.choices = data_bits,
		.dflt = "8",
		.help = "Always 8: Modbus RTU has no other."},
	{.name = "rs485",
		.type = FG_KEY_BOOL,
		.offset = offsetof(struct rtu_conf, rs485),
		.dflt = "false",
		.help = "Let the kernel drive the direction of an RS-485 port. Leave it off where "
			"the adapter does that itself, as nearly all USB adapters do."},
	{.name = NULL},
};

static bool same_port(const struct fg_link *a, const struct fg_link *b)
{
	const struct rtu_conf *ca = a->conf, *cb = b->conf;

	return strcmp(ca->device, cb->device) == 0;
}

static void check_device(const struct fg_device *dev, void *conf, struct fg_report *rep)
{
	struct fg_modbus_device *d = conf;
	const struct fg_node *node = dev->node ? fg_node_get(dev->node, "unit_id") : NULL;
	struct fg_place at = node ? node->at : dev->node ? dev->node->at : (struct fg_place){0};

	if (d->unit_id == 0)
		fg_report_error(rep, at,
			"devices.%s.unit_id: 0 is the broadcast address, which nobody answers; "
			"1..247",
			dev->name);
	else if (d->unit_id > 247)
		fg_report_warning(rep, at,
			"devices.%s.unit_id: 248..255 are reserved by the standard; some sensors "
			"use them all the same",
			dev->name);
	fg_modbus_check_device(dev, conf, rep);
}

static unsigned char_bits(const struct rtu_conf *conf)
{
	return 1u + 8u + (conf->parity == 'N' ? 0u : 1u) + (unsigned)conf->stop_bits;
}

/* ---- the port ---- */

static int failed(struct fg_link_state *ls, int status, const char *what)
{
	const struct rtu_conf *conf = ls->link->conf;

	snprintf(ls->why, sizeof(ls->why), "%s %s: %s", what, conf->device, fg_strerror(status));
	return status;
}

static void link_close(struct fg_link_state *ls)
{
	struct rtu_state *s = ls->state;

	if (s->ctx) {
		modbus_close(s->ctx);
		modbus_free(s->ctx);
	}
	s->ctx = NULL;
	fg_modbus_link_fini(&s->link);
}

static void set_times(struct fg_line *l, const struct rtu_conf *conf)
{
	l->baud = (unsigned)conf->baud;
	l->char_bits = char_bits(conf);
	l->gap_us = fg_frame_silence_us(l->baud, l->char_bits);
	l->settle_us = FG_MAX(l->gap_us, SETTLE_US);
}

static int link_open(struct fg_link_state *ls)
{
	struct rtu_state *s = ls->state;
	const struct rtu_conf *conf = ls->link->conf;
	int r;

	link_close(ls);
	s->ctx = modbus_new_rtu(conf->device, conf->baud, (char)conf->parity, 8, conf->stop_bits);
	if (!s->ctx)
		return failed(ls, errno == ENOMEM ? FG_ENOMEM : FG_EINVAL, "open");
	modbus_set_error_recovery(s->ctx, MODBUS_ERROR_RECOVERY_NONE);
	if (modbus_connect(s->ctx) < 0) {
		r = errno > 0 && errno < MODBUS_ENOBASE ? -errno : -EIO;
		link_close(ls);
		return failed(ls, r, "open");
	}
	if (conf->rs485 && modbus_rtu_set_serial_mode(s->ctx, MODBUS_RTU_RS485) < 0) {
		r = errno > 0 && errno < MODBUS_ENOBASE ? -errno : -EIO;
		link_close(ls);
		return failed(ls, r, "rs485: the kernel cannot drive the direction of");
	}
	set_times(&s->line, conf);
	fg_line_reset(&s->line, modbus_get_socket(s->ctx));
	return FG_OK;
}

/* ---- transport ---- */

static int ready(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us)
{
	struct rtu_state *s = job->link->state;

	return s->ctx ? fg_line_ready(job, &s->line, q, until_us) : -ENODEV;
}

static int exchange(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us,
	struct fg_modbus_reply *ret)
{
	struct rtu_state *s = job->link->state;

	return fg_line_exchange(job, &s->line, q, until_us, ret);
}

static int rtu_poll(struct fg_job *job)
{
	static const struct fg_modbus_transport transport = {ready, exchange, NULL};

	return fg_modbus_poll(job, &transport);
}

/* ---- the plan ---- */

static int64_t wire_us(const struct fg_group *group, const struct fg_request *req)
{
	const struct rtu_conf *conf = group->device->link->conf;

	return fg_modbus_rtu_wire_us(req, (unsigned)conf->baud, char_bits(conf));
}

/* On a slow line the longest request would not be over within the time for one answer; half of
 * that time is left to the device. */
static int rtu_plan(struct fg_group *group, struct fg_arena *arena)
{
	const struct rtu_conf *conf = group->device->link->conf;
	struct fg_request req = {.table = FG_TABLE_HOLDING, .count = 125};
	struct fg_modbus_costs costs;

	while (req.count > 1 && wire_us(group, &req) > group->device->timeout_us / 2)
		req.count--;
	costs = fg_modbus_serial_costs((unsigned)conf->baud, char_bits(conf), req.count);
	return fg_modbus_plan(group, arena, &costs);
}

static void describe(const struct fg_group *group, size_t i, struct fg_request_info *ret_info)
{
	fg_modbus_describe(group, i, ret_info);
	ret_info->wire_us = wire_us(group, fg_modbus_group_request(group, i));
}

const struct fg_driver fg_driver_modbus_rtu = {
	.name = "modbus-rtu",
	.help = "Modbus RTU devices on a serial line (RS-485, RS-232)",
	.link_size = sizeof(struct rtu_conf),
	.device_size = sizeof(struct fg_modbus_device),
	.point_size = sizeof(struct fg_modbus_point),
	.link_keys = link_keys,
	.device_keys = fg_modbus_device_keys,
	.point_keys = fg_modbus_point_keys,
	.state_size = sizeof(struct rtu_state),
	.check_device = check_device,
	.check_point = fg_modbus_check_point,
	.same_port = same_port,
	.check_pair = fg_modbus_check_pair,
	.plan = rtu_plan,
	.text_room = fg_modbus_text_room,
	.describe = describe,
	.open = link_open,
	.close = link_close,
	.poll = rtu_poll,
};
