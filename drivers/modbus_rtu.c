/* SPDX-License-Identifier: EUPL-1.2 */
/* Modbus RTU on a serial line. libmodbus opens and sets up the port; what goes over it is
 * modbus_line.c's. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/modbus_command.h"
#include "drivers/modbus_line.h"
#include "drivers/modbus_serial.h"

#define SETTLE_US 20000 /* USB adapters hand over what they received each 16 ms */

struct rtu_conf {
	const char *device;
	int baud, parity, stop_bits, data_bits;
	int rs485; /* enum fg_rs485 */
	int64_t rts_delay_us;
};

struct rtu_state {
	struct fg_modbus_link link; /* first: drivers/modbus_command.c */
	modbus_t *ctx;
	int lock_fd; /* 0: none */
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

static const struct fg_choice directions[] = {
	{.name = "false", .value = FG_RS485_OFF, .help = "nobody, or the adapter itself"},
	{.name = "true", .value = FG_RS485_KERNEL, .help = "as kernel"},
	{.name = "kernel", .value = FG_RS485_KERNEL, .help = "the kernel (TIOCSRS485)"},
	{.name = "rts", .value = FG_RS485_RTS, .help = "the gateway: RTS is on while it sends"},
	{.name = "rts-inverted",
		.value = FG_RS485_RTS_INVERTED,
		.help = "the gateway: RTS is off while it sends"},
	{.name = NULL},
};

static const struct fg_key link_keys[] = {
	{.name = "device",
		.type = FG_KEY_PATH,
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
		.type = FG_KEY_CHOICE,
		.offset = offsetof(struct rtu_conf, rs485),
		.choices = directions,
		.dflt = "false",
		.help = "Who switches the direction of an RS-485 transceiver. Leave it off where "
			"the adapter does that itself, as nearly all USB adapters do."},
	{.name = "rts_delay",
		.type = FG_KEY_DURATION,
		.flags = FG_KEY_ADVANCED,
		.offset = offsetof(struct rtu_conf, rts_delay_us),
		.min = 0,
		.max = 100000,
		.dflt = "0s",
		.help = "Between switching and the first byte, and between the last byte and "
			"switching back. The kernel counts in whole milliseconds."},
	{.name = NULL},
};

static bool same_port(const struct fg_link *a, const struct fg_link *b)
{
	const struct rtu_conf *ca = a->conf, *cb = b->conf;

	return strcmp(ca->device, cb->device) == 0;
}

static void check_device(const struct fg_device *dev, void *conf, struct fg_report *rep)
{
	fg_modbus_check_serial_unit(dev, conf, rep);
	fg_modbus_check_device(dev, conf, rep);
}

static unsigned char_bits(const struct rtu_conf *conf)
{
	return 1u + 8u + (conf->parity == 'N' ? 0u : 1u) + (unsigned)conf->stop_bits;
}

/* ---- the port ---- */

static void link_close(struct fg_link_state *ls)
{
	struct rtu_state *s = ls->state;

	if (s->ctx) {
		if (modbus_get_socket(s->ctx) >= 0)
			fg_serial_release(modbus_get_socket(s->ctx));
		modbus_close(s->ctx);
		modbus_free(s->ctx);
	}
	s->ctx = NULL;
	if (s->lock_fd > 0)
		close(s->lock_fd);
	s->lock_fd = 0;
	fg_modbus_link_fini(&s->link);
}

static int direction(struct fg_line *l, bool send)
{
	const struct rtu_conf *conf = l->direction_arg;
	int r;

	if (!send)
		fg_modbus_wait(-1, fg_clock_mono_us() + conf->rts_delay_us);
	r = fg_serial_direction(l->fd, (enum fg_rs485)conf->rs485, send);
	if (send)
		fg_modbus_wait(-1, fg_clock_mono_us() + conf->rts_delay_us);
	return r;
}

static void set_times(struct fg_line *l, const struct rtu_conf *conf)
{
	l->baud = (unsigned)conf->baud;
	l->char_bits = char_bits(conf);
	l->gap_us = fg_frame_silence_us(l->baud, l->char_bits);
	l->settle_us = FG_MAX(l->gap_us, SETTLE_US);
}

/* libmodbus opens the port once more and sets it up. */
static int set_up(struct fg_link_state *ls)
{
	struct rtu_state *s = ls->state;
	const struct rtu_conf *conf = ls->link->conf;
	int r;

	s->ctx = modbus_new_rtu(conf->device, conf->baud, (char)conf->parity, 8, conf->stop_bits);
	if (!s->ctx)
		return errno == ENOMEM ? FG_ENOMEM : FG_EINVAL;
	modbus_set_error_recovery(s->ctx, MODBUS_ERROR_RECOVERY_NONE);
	if (modbus_connect(s->ctx) == 0)
		return FG_OK;
	r = errno > 0 && errno < MODBUS_ENOBASE ? -errno : -EIO;
	fg_serial_explain(r, conf->device, ls->why, sizeof(ls->why));
	return r;
}

static int open_port(struct fg_link_state *ls)
{
	struct rtu_state *s = ls->state;
	const struct rtu_conf *conf = ls->link->conf;
	int r = fg_serial_lock(conf->device, ls->why, sizeof(ls->why));

	if (r < 0)
		return r;
	s->lock_fd = r;
	r = set_up(ls);
	if (r < 0)
		return r;
	fg_serial_claim(modbus_get_socket(s->ctx));
	return fg_serial_rs485(modbus_get_socket(s->ctx), (enum fg_rs485)conf->rs485,
		conf->rts_delay_us, conf->device, ls->why, sizeof(ls->why));
}

static int link_open(struct fg_link_state *ls)
{
	struct rtu_state *s = ls->state;
	const struct rtu_conf *conf = ls->link->conf;
	int r;

	link_close(ls);
	r = open_port(ls);
	if (r < 0) {
		link_close(ls);
		return r;
	}
	prctl(PR_SET_TIMERSLACK, 1000); /* ns, of this worker's waits: silences are short */
	set_times(&s->line, conf);
	s->line.direction = conf->rs485 >= FG_RS485_RTS ? direction : NULL;
	fg_line_reset(&s->line, modbus_get_socket(s->ctx));
	return FG_OK;
}

/* ---- transport ---- */

/* Says what the port failed with. */
static int judge(struct fg_job *job, int r)
{
	const struct rtu_conf *conf = job->link->link->conf;

	if (fg_modbus_link_failed(r) && !job->link->why[0])
		snprintf(job->link->why, sizeof(job->link->why), "%s: %s", conf->device,
			fg_strerror(r));
	return r;
}

static int ready(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us)
{
	struct rtu_state *s = job->link->state;

	return judge(job, s->ctx ? fg_line_ready(job, &s->line, q, until_us) : -ENODEV);
}

/* Nothing came: whether the adapter is at fault, which often does not tell. */
static int judge_port(struct fg_job *job, const struct rtu_state *s)
{
	const struct rtu_conf *conf = job->link->link->conf;
	const char *what;

	if (fg_serial_moved(s->line.fd, conf->device))
		what = "is not the port that was opened; unplugged?";
	else if (fg_serial_stuck(s->line.fd))
		what = "takes bytes but does not send them";
	else
		return FG_ETIMEOUT;
	snprintf(job->link->why, sizeof(job->link->why), "%s %s", conf->device, what);
	return -ENODEV;
}

static int exchange(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us,
	struct fg_modbus_reply *ret)
{
	struct rtu_state *s = job->link->state;
	int r;

	s->line.direction_arg = job->link->link->conf; /* a reload renews it */
	r = fg_line_exchange(job, &s->line, q, until_us, ret);
	return judge(job, r == FG_ETIMEOUT ? judge_port(job, s) : r);
}

static int rtu_poll(struct fg_job *job)
{
	static const struct fg_modbus_transport transport = {ready, exchange, NULL};

	return fg_modbus_poll(job, &transport);
}

/* ---- a person's exchanges ---- */

static int rtu_raw(struct fg_link_state *ls, struct fg_raw *x)
{
	struct rtu_state *s = ls->state;

	return s->ctx ? fg_line_raw(&s->line, x) : -ENODEV;
}

static void port(const struct fg_link *link, struct fg_buf *out)
{
	const struct rtu_conf *conf = link->conf;

	fg_buf_puts(out, conf->device);
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

static unsigned rate(const struct fg_link *link)
{
	const struct rtu_conf *conf = link->conf;

	return (unsigned)conf->baud;
}

static void describe(const struct fg_group *group, size_t i, struct fg_request_info *ret_info)
{
	fg_modbus_describe(group, i, ret_info);
	ret_info->wire_us = wire_us(group, fg_modbus_group_request(group, i));
}

static void beside(const struct fg_group *group, struct fg_beside *ret_beside)
{
	const struct rtu_conf *conf = group->device->link->conf;

	fg_modbus_beside(group, (unsigned)conf->baud, char_bits(conf), ret_beside);
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
	.has_point = fg_modbus_has_point,
	.check_point = fg_modbus_check_point,
	.same_port = same_port,
	.check_pair = fg_modbus_check_pair,
	.plan = rtu_plan,
	.text_room = fg_modbus_text_room,
	.describe = describe,
	.beside = beside,
	.rate = rate,
	.open = link_open,
	.close = link_close,
	.poll = rtu_poll,
	.raw = rtu_raw,
	.port = port,
};
