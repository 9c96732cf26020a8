/* SPDX-License-Identifier: EUPL-1.2 */
/* Modbus TCP. libmodbus makes the connection. Requests and answers pass by it: its raw requests
 * all carry transaction 0 and it takes any transaction for an answer, so a late answer would become
 * the next one's. Here transactions rise, and whole frames are cut from the stream by their length,
 * so what is late or foreign is recognised and thrown away without losing the place. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/modbus_command.h"
#include "drivers/modbus_connect.h"
#include "drivers/modbus_raw.h"

#define HEADER	7
#define ADU_MAX (HEADER + FG_MODBUS_PDU_MAX)

struct tcp_state {
	struct fg_modbus_link link; /* first: drivers/modbus_command.c */
	modbus_t *ctx;		    /* NULL: not connected */
	int fd;
	bool stale;	  /* a fresh connection is needed before the next request */
	int64_t heard_us; /* end of the last exchange */
	uint16_t transaction;
	bool owed; /* requests since first_owed got no answer: it may come late */
	uint16_t first_owed;
	uint8_t rx[2 * ADU_MAX];
	size_t rx_len;
};

static const struct fg_key link_keys[] = {
	{.name = "port",
		.type = FG_KEY_INT,
		.offset = offsetof(struct fg_modbus_host, port),
		.min = 1,
		.max = 65535,
		.dflt = "502",
		.help = "TCP port."},
	FG_MODBUS_HOST_KEYS,
	{.name = NULL},
};

/* ---- connection ---- */

static void disconnect(struct tcp_state *s)
{
	fg_modbus_disconnect(&s->ctx);
	s->stale = false;
	s->owed = false;
	s->rx_len = 0;
}

static int connect_link(struct fg_link_state *ls, int64_t until_us)
{
	struct tcp_state *s = ls->state;
	int r;

	disconnect(s);
	r = fg_modbus_connect(ls->link->conf, until_us, &s->ctx, ls->why, sizeof(ls->why));
	if (r == FG_OK)
		s->fd = modbus_get_socket(s->ctx);
	return r;
}

static int link_open(struct fg_link_state *ls)
{
	return connect_link(ls, INT64_MAX);
}

static void link_close(struct fg_link_state *ls)
{
	struct tcp_state *s = ls->state;

	disconnect(s);
	fg_modbus_link_fini(&s->link);
}

/* ---- frames ---- */

/* Reads what is there. FG_OK, FG_EAGAIN where there is nothing, or the connection's end. */
static int fill(struct tcp_state *s)
{
	ssize_t n = recv(s->fd, s->rx + s->rx_len, sizeof(s->rx) - s->rx_len, MSG_DONTWAIT);

	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? FG_EAGAIN : -errno;
	s->rx_len += (size_t)n;
	return FG_OK;
}

static size_t frame_length(const uint8_t *adu)
{
	return 6u + ((size_t)adu[4] << 8 | adu[5]);
}

/* The length of the whole frame at the front of the stream, 0 where it is not yet there. FG_EFRAME
 * where this is no Modbus: then nothing says where the next frame begins. */
static int front_frame(const struct tcp_state *s, size_t *ret_len)
{
	size_t len;

	*ret_len = 0;
	if (s->rx_len < 6)
		return FG_OK;
	len = frame_length(s->rx);
	if (s->rx[2] || s->rx[3] || len <= HEADER || len > ADU_MAX)
		return FG_EFRAME;
	if (s->rx_len >= len)
		*ret_len = len;
	return FG_OK;
}

static void drop_front(struct tcp_state *s, size_t len)
{
	s->rx_len -= len;
	memmove(s->rx, s->rx + len, s->rx_len);
}

/* Whether a frame answers an earlier request of ours that was given up. */
static bool is_late(const struct tcp_state *s, uint16_t transaction)
{
	return s->owed &&
	       (uint16_t)(transaction - s->first_owed) < (uint16_t)(s->transaction - s->first_owed);
}

/* The answer to this function, or its refusal. */
static int take_reply(const struct fg_modbus_query *q, const uint8_t *pdu, size_t len,
	struct fg_modbus_reply *ret)
{
	if (len < 2 || (pdu[0] & 0x7F) != (q->pdu[0] & 0x7F) || (pdu[0] & 0x80 && len != 2))
		return FG_EFRAME;
	memcpy(ret->pdu, pdu, len);
	ret->len = len;
	return FG_OK;
}

/* Takes the frame at the front. FG_PENDING: it is nobody's; *foreign is set unless it is late. */
static int take_front(struct fg_job *job, struct tcp_state *s, size_t len,
	const struct fg_modbus_query *q, struct fg_modbus_reply *ret, bool *foreign)
{
	uint16_t transaction = (uint16_t)(s->rx[0] << 8 | s->rx[1]);
	bool ours = transaction == s->transaction && s->rx[6] == q->unit;
	int r = FG_PENDING;

	fg_modbus_trace(job, ours ? '<' : 'x', s->rx, len);
	if (ours)
		r = take_reply(q, s->rx + HEADER, len - HEADER, ret);
	else if (!is_late(s, transaction))
		*foreign = true;
	drop_front(s, len);
	return r;
}

/* Takes what is left over from before out of the stream, without waiting. */
static int discard(struct fg_job *job, struct tcp_state *s)
{
	size_t len;
	int r;

	do {
		r = fill(s);
		if (r < 0 && r != FG_EAGAIN)
			return r;
		if (front_frame(s, &len) < 0)
			return FG_EFRAME;
		if (len) {
			fg_modbus_trace(job, 'x', s->rx, len);
			drop_front(s, len);
		}
	} while (r == FG_OK || len);
	return FG_OK;
}

/* ---- transport ---- */

/* A device may close an idle connection: that is no failure, a new one is made. */
static int ready(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us)
{
	struct tcp_state *s = job->link->state;

	if (s->ctx && !s->stale && discard(job, s) == FG_OK) {
		if (q->gap_us)
			fg_modbus_wait(-1, FG_MIN(s->heard_us + q->gap_us, until_us));
		return FG_OK;
	}
	return connect_link(job->link, until_us);
}

static int send_request(struct fg_job *job, struct tcp_state *s, const struct fg_modbus_query *q)
{
	uint8_t adu[ADU_MAX];
	size_t len = HEADER + q->len;
	ssize_t n;

	s->transaction++;
	adu[0] = (uint8_t)(s->transaction >> 8);
	adu[1] = (uint8_t)(s->transaction & 0xFF);
	adu[2] = adu[3] = adu[4] = 0;
	adu[5] = (uint8_t)(1 + q->len);
	adu[6] = q->unit;
	memcpy(adu + HEADER, q->pdu, q->len);
	fg_modbus_trace(job, '>', adu, len);
	n = send(s->fd, adu, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == (ssize_t)len)
		return FG_OK;
	return n < 0 && errno != EAGAIN ? -errno : -EPIPE;
}

static void note_owed(struct tcp_state *s)
{
	if (!s->owed)
		s->first_owed = s->transaction;
	s->owed = true;
}

/* Half a frame at the end of the time: what follows would be taken for the next frame's front. */
static int out_of_time(struct fg_job *job, struct tcp_state *s, bool foreign)
{
	note_owed(s);
	if (s->rx_len) {
		fg_modbus_trace(job, 'x', s->rx, s->rx_len);
		s->stale = true;
		foreign = true;
	}
	fg_modbus_trace_event(job, "timeout");
	return foreign ? FG_EFRAME : FG_ETIMEOUT;
}

static int receive(struct fg_job *job, struct tcp_state *s, const struct fg_modbus_query *q,
	int64_t until_us, struct fg_modbus_reply *ret)
{
	bool foreign = false;

	for (;;) {
		size_t len;
		int r = front_frame(s, &len);

		if (r == FG_OK && len) {
			r = take_front(job, s, len, q, ret, &foreign);
			if (r != FG_PENDING)
				return r;
			continue;
		}
		if (r < 0) {
			fg_modbus_trace(job, 'x', s->rx, s->rx_len);
			s->stale = true;
			return r;
		}
		r = fg_modbus_wait(s->fd, until_us);
		if (r == 0 || fg_clock_mono_us() >= until_us)
			return out_of_time(job, s, foreign);
		if (r > 0)
			r = fill(s);
		if (r < 0 && r != FG_EAGAIN)
			return r;
	}
}

static int exchange(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us,
	struct fg_modbus_reply *ret)
{
	struct tcp_state *s = job->link->state;
	int64_t sent_us = fg_clock_mono_us();
	int r = send_request(job, s, q);

	if (r == FG_OK)
		r = receive(job, s, q, until_us, ret);
	s->heard_us = fg_clock_mono_us();
	if (r == FG_OK) {
		ret->answer_us = FG_MAX(s->heard_us - sent_us, 1);
		s->owed = false;
	} else if (r != FG_ETIMEOUT && r != FG_EFRAME) {
		fg_modbus_trace_event(job, "closed");
		s->stale = true;
	}
	return r;
}

/* A device that answers no attempt may have lost the connection without telling. */
static void gave_up(struct fg_job *job)
{
	struct tcp_state *s = job->link->state;

	s->stale = true;
}

static int tcp_poll(struct fg_job *job)
{
	static const struct fg_modbus_transport transport = {ready, exchange, gave_up};

	return fg_modbus_poll(job, &transport);
}

/* One exchange for a person. A late answer is told by its transaction; half a frame is not. */
static int tcp_raw(struct fg_link_state *ls, struct fg_raw *x)
{
	struct tcp_state *s = ls->state;
	int r = FG_OK;

	if (!s->ctx || s->stale || discard(NULL, s) < 0)
		r = connect_link(ls, INT64_MAX);
	if (r < 0)
		return r;
	s->transaction++;
	r = fg_raw_tcp(s->fd, s->transaction, x);
	if (r < 0 || x->status == FG_EFRAME)
		s->stale = true;
	else if (x->status == FG_ETIMEOUT)
		note_owed(s);
	return r;
}

static int tcp_plan(struct fg_group *group, struct fg_arena *arena)
{
	/* a round trip on a local network; behind a gateway each byte takes its time as well */
	static const struct fg_modbus_costs costs = {.max_registers = 125,
		.request_ns = 10000000,
		.byte_ns = 10000,
		.turn_us = FG_MODBUS_TURN_US};

	return fg_modbus_plan(group, arena, &costs);
}

static void beside(const struct fg_group *group, struct fg_beside *ret_beside)
{
	fg_modbus_beside(group, 0, 0, ret_beside);
}

const struct fg_driver fg_driver_modbus_tcp = {
	.name = "modbus-tcp",
	.help = "Modbus TCP devices, and serial ones behind a Modbus TCP gateway",
	.link_size = sizeof(struct fg_modbus_host),
	.device_size = sizeof(struct fg_modbus_device),
	.point_size = sizeof(struct fg_modbus_point),
	.link_keys = link_keys,
	.device_keys = fg_modbus_device_keys,
	.point_keys = fg_modbus_point_keys,
	.state_size = sizeof(struct tcp_state),
	.check_device = fg_modbus_check_device,
	.has_point = fg_modbus_has_point,
	.check_point = fg_modbus_check_point,
	.same_port = fg_modbus_same_host,
	.check_pair = fg_modbus_check_pair,
	.plan = tcp_plan,
	.text_room = fg_modbus_text_room,
	.describe = fg_modbus_describe,
	.beside = beside,
	.open = link_open,
	.close = link_close,
	.poll = tcp_poll,
	.raw = tcp_raw,
	.port = fg_modbus_host_port,
};
