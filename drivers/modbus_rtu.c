/* SPDX-License-Identifier: EUPL-1.2 */
/* Modbus RTU on a serial line. libmodbus opens and sets up the port (RS485 included) and sends;
 * it adds the checksum. Receiving passes by it: on a shared bus an answer may come behind noise, an
 * echo, another unit's answer, or a late one, and there is one deadline for all of it. So what came
 * in is searched for the one frame that can answer the request. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/modbus_common.h"
#include "drivers/modbus_frame.h"

#define SETTLE_US 20000	 /* USB adapters hand over what they received each 16 ms */
#define DRAIN_US  500000 /* a line that never falls silent is used all the same */

struct rtu_conf {
	const char *device;
	int baud, parity, stop_bits, data_bits;
	bool rs485;
};

/* What a unit may still send although nobody waits for it. */
struct late {
	int64_t until_us;
	struct fg_request req;
	uint8_t answers; /* at most so many */
	bool mixed;	 /* of different requests */
};

struct rtu_state {
	modbus_t *ctx;
	int fd;
	int64_t gap_us;	   /* 3.5 characters */
	int64_t settle_us; /* this long nothing: a frame is over */
	int64_t heard_us;  /* last byte either way */
	struct fg_frame_query query;
	uint8_t rx[2 * FG_FRAME_MAX];
	size_t rx_len;
	struct late late[256]; /* by unit id */
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
	const struct fg_modbus_device *d = conf;
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
}

static void set_times(struct rtu_state *s, const struct rtu_conf *conf)
{
	s->gap_us = fg_frame_silence_us((unsigned)conf->baud, char_bits(conf));
	s->settle_us = FG_MAX(s->gap_us, SETTLE_US);
	s->heard_us = fg_clock_mono_us();
	s->rx_len = 0;
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
	s->fd = modbus_get_socket(s->ctx);
	set_times(s, conf);
	return FG_OK;
}

/* ---- bytes ---- */

static void drop_front(struct rtu_state *s, size_t len)
{
	s->rx_len -= len;
	memmove(s->rx, s->rx + len, s->rx_len);
}

/* Reads what fg_modbus_wait() announced. Nothing there is the end: the port was unplugged. */
static int fill(struct rtu_state *s)
{
	ssize_t n;

	if (s->rx_len == sizeof(s->rx))
		drop_front(s, FG_FRAME_MAX); /* noise without end: keep what an answer can be in */
	n = read(s->fd, s->rx + s->rx_len, sizeof(s->rx) - s->rx_len);
	if (n == 0)
		return -EIO;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? FG_EAGAIN : -errno;
	s->rx_len += (size_t)n;
	s->heard_us = fg_clock_mono_us();
	return FG_OK;
}

static void throw_away(struct fg_job *job, struct rtu_state *s)
{
	if (s->rx_len)
		fg_modbus_trace(job, 'x', s->rx, s->rx_len);
	s->rx_len = 0;
}

/* Listens until the line has been silent for `silence_us`, or until `until_us`. */
static int drain(struct fg_job *job, struct rtu_state *s, int64_t silence_us, int64_t until_us)
{
	for (;;) {
		int r = fg_modbus_wait(s->fd, FG_MIN(s->heard_us + silence_us, until_us));

		if (r == 0)
			break;
		r = r > 0 ? fill(s) : r;
		if (r < 0 && r != FG_EAGAIN)
			return r;
		if (fg_clock_mono_us() >= until_us)
			break;
	}
	throw_away(job, s);
	return FG_OK;
}

/* ---- late answers ---- */

/* RTU answers do not say which request they answer. Only function and count can be told apart, so
 * what could be taken for the next request's answer must have come, or not be coming any more. */
static bool confusable(const struct late *l, const struct fg_request *req)
{
	if (l->mixed)
		return true;
	return l->req.table == req->table && l->req.count == req->count &&
	       l->req.address != req->address;
}

static void note_late(struct fg_job *job, struct late *l, const struct fg_request *req)
{
	int64_t now = fg_clock_mono_us();
	bool pending = l->until_us > now && l->answers;

	l->mixed = pending && (l->mixed || l->req.address != req->address ||
				      l->req.table != req->table || l->req.count != req->count);
	l->answers = pending && l->answers < UINT8_MAX ? (uint8_t)(l->answers + 1) : 1;
	l->req = *req;
	l->until_us = now + job->group->device->timeout_us;
}

/* Lets late answers of this unit come in. */
static int await_late(
	struct fg_job *job, struct rtu_state *s, const struct fg_request *req, int64_t until_us)
{
	uint8_t unit = (uint8_t)fg_modbus_device_of(job)->unit_id;
	struct late *l = &s->late[unit];
	int r = FG_OK;

	if (!l->answers || l->until_us <= fg_clock_mono_us() || !confusable(l, req))
		return FG_OK;
	fg_job_explain(job, "  waiting for late answers");
	until_us = FG_MIN(l->until_us, until_us);
	while (l->answers) {
		r = fg_modbus_wait(s->fd, until_us);
		if (r <= 0)
			break;
		r = drain(job, s, s->settle_us, FG_MIN(until_us, fg_clock_mono_us() + DRAIN_US));
		if (r < 0)
			break;
		l->answers--;
	}
	if (l->until_us <= fg_clock_mono_us())
		l->answers = 0;
	return r < 0 ? r : FG_OK;
}

/* ---- transport ---- */

static int ready(struct fg_job *job, const struct fg_request *req, int64_t until_us)
{
	struct rtu_state *s = job->link->state;
	int r;

	if (!s->ctx)
		return -ENODEV;
	r = await_late(job, s, req, until_us);
	if (r < 0)
		return r;
	r = fg_modbus_wait(s->fd, 0); /* what came in between two polls is nobody's */
	if (r > 0)
		r = fill(s);
	if (r < 0 && r != FG_EAGAIN)
		return r;
	return drain(job, s, s->rx_len ? s->settle_us : s->gap_us,
		FG_MIN(until_us, fg_clock_mono_us() + DRAIN_US));
}

static size_t answer_length(const struct fg_request *req)
{
	bool bits = req->table == FG_TABLE_COIL || req->table == FG_TABLE_DISCRETE;

	return 2u + (bits ? (req->count + 7u) / 8 : 2u * req->count);
}

static int send_request(struct fg_job *job, struct rtu_state *s, const struct fg_request *req)
{
	struct fg_frame_query *q = &s->query;
	uint8_t pdu[5];

	fg_modbus_request(req, pdu);
	fg_frame_ask(q, (uint8_t)fg_modbus_device_of(job)->unit_id, pdu, sizeof(pdu),
		answer_length(req));
	fg_modbus_trace(job, '>', q->adu, q->len);
	if (modbus_send_raw_request(s->ctx, q->adu, (int)q->len - 2) != (int)q->len)
		return errno > 0 && errno < MODBUS_ENOBASE && errno != EAGAIN ? -errno : -EIO;
	s->heard_us = fg_clock_mono_us();
	return FG_OK;
}

/* Adapters that hear themselves give the request back first. */
static void skip_echo(struct fg_job *job, struct rtu_state *s)
{
	size_t len = fg_frame_echo(&s->query, s->rx, s->rx_len);

	if (!len)
		return;
	fg_modbus_trace(job, 'x', s->rx, len);
	drop_front(s, len);
}

static int take_answer(struct fg_job *job, struct rtu_state *s, const struct fg_request *req,
	uint16_t *ret_cells, unsigned *ret_exception)
{
	size_t at, len;
	int r = fg_frame_find(&s->query, s->rx, s->rx_len, &at, &len);

	if (r != FG_OK)
		return r;
	if (at)
		fg_modbus_trace(job, 'x', s->rx, at);
	fg_modbus_trace(job, '<', s->rx + at, len);
	r = fg_modbus_answer(req, s->rx + at + 1, len - 3, ret_cells, ret_exception);
	drop_front(s, at + len);
	return r;
}

static int judge_silence(struct fg_job *job, struct rtu_state *s)
{
	int r = fg_frame_judge(&s->query, s->rx, s->rx_len);

	if (r == FG_EFRAME) {
		fg_modbus_trace(job, '<', s->rx, s->rx_len);
		fg_job_explain(job, "  wrong checksum or length");
		s->rx_len = 0;
	} else if (fg_frame_is_whole(s->rx, s->rx_len)) {
		throw_away(job, s);
	}
	return r;
}

static int receive(struct fg_job *job, struct rtu_state *s, const struct fg_request *req,
	int64_t until_us, uint16_t *ret_cells, unsigned *ret_exception)
{
	bool heard = false, judged = true;
	int r;

	for (;;) {
		int64_t silent_us = judged ? until_us : s->heard_us + s->settle_us;

		r = fg_modbus_wait(s->fd, FG_MIN(silent_us, until_us));
		if (r < 0)
			return r;
		if (r > 0) {
			r = fill(s);
			if (r < 0 && r != FG_EAGAIN)
				return r;
			skip_echo(job, s);
			judged = s->rx_len == 0;
			heard = heard || !judged;
			r = take_answer(job, s, req, ret_cells, ret_exception);
		} else if (!judged) {
			r = judge_silence(job, s);
			judged = true;
		} else {
			break;
		}
		if (r != FG_PENDING)
			return r;
		if (fg_clock_mono_us() >= until_us)
			break;
	}
	throw_away(job, s);
	fg_modbus_trace_event(job, "timeout");
	note_late(job, &s->late[s->query.adu[0]], req);
	return heard ? FG_EFRAME : FG_ETIMEOUT;
}

static int exchange(struct fg_job *job, const struct fg_request *req, int64_t until_us,
	uint16_t *ret_cells, unsigned *ret_exception)
{
	struct rtu_state *s = job->link->state;
	struct late *l;
	int r = send_request(job, s, req);

	if (r < 0)
		return r;
	r = receive(job, s, req, until_us, ret_cells, ret_exception);
	l = &s->late[s->query.adu[0]];
	if ((r == FG_OK || r == FG_EREFUSED) && l->answers && l->until_us > fg_clock_mono_us())
		l->until_us = fg_clock_mono_us() + job->group->device->timeout_us;
	return r;
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
	.rate = rate,
	.open = link_open,
	.close = link_close,
	.poll = rtu_poll,
};
