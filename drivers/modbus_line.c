/* SPDX-License-Identifier: EUPL-1.2 */
/* One exchange of RTU frames. On a shared bus an answer may come behind noise, an echo, another
 * unit's answer, or a late one, and there is one deadline for all of it. */
#include "drivers/modbus_line.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/modbus_raw.h"

#define DRAIN_US 500000	 /* a line that never falls silent is used all the same */
#define WRITE_US 1000000 /* a port that takes no bytes for so long is hung */

void fg_line_reset(struct fg_line *l, int fd)
{
	l->fd = fd;
	l->heard_us = fg_clock_mono_us();
	l->rx_len = 0;
	l->echoes = false;
}

/* ---- bytes ---- */

static void drop_front(struct fg_line *l, size_t len)
{
	l->rx_len -= len;
	memmove(l->rx, l->rx + len, l->rx_len);
}

/* Reads what fg_modbus_wait() announced. Nothing there is the end: the port was unplugged, or the
 * peer closed the connection. */
static int fill(struct fg_line *l)
{
	ssize_t n;

	if (l->rx_len == sizeof(l->rx))
		drop_front(l, FG_FRAME_MAX); /* noise without end: keep what an answer can be in */
	n = read(l->fd, l->rx + l->rx_len, sizeof(l->rx) - l->rx_len);
	if (n == 0)
		return l->baud ? -EIO : -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? FG_EAGAIN : -errno;
	l->rx_len += (size_t)n;
	l->heard_us = fg_clock_mono_us();
	l->heard = true;
	return FG_OK;
}

static void throw_away(struct fg_job *job, struct fg_line *l)
{
	if (l->rx_len)
		fg_modbus_trace(job, 'x', l->rx, l->rx_len);
	l->rx_len = 0;
}

/* Listens until the line has been silent for `silence_us`, or until `until_us`. */
static int drain(struct fg_job *job, struct fg_line *l, int64_t silence_us, int64_t until_us)
{
	for (;;) {
		int r = fg_modbus_wait(l->fd, FG_MIN(l->heard_us + silence_us, until_us));

		if (r == 0)
			break;
		r = r > 0 ? fill(l) : r;
		if (r < 0 && r != FG_EAGAIN)
			return r;
		if (fg_clock_mono_us() >= until_us)
			break;
	}
	throw_away(job, l);
	return FG_OK;
}

static int await_room(int fd, int64_t until_us)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int64_t left_ms = (until_us - fg_clock_mono_us()) / 1000;

	if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0)
		return -EIO;
	return p.revents & (POLLERR | POLLHUP) ? -EIO : FG_OK;
}

/* Never blocks on a port that is hung. */
static int write_all(struct fg_line *l, const uint8_t *bytes, size_t len)
{
	int64_t until_us = fg_clock_mono_us() + WRITE_US;
	size_t done = 0;

	while (done < len) {
		ssize_t n = l->baud ? write(l->fd, bytes + done, len - done)
				    : send(l->fd, bytes + done, len - done, MSG_NOSIGNAL);
		int r = FG_OK;

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		else
			r = await_room(l->fd, until_us);
		if (r < 0)
			return r;
	}
	return FG_OK;
}

/* ---- late answers ---- */

/* RTU answers do not say which request they answer. Only function and length can be told apart, so
 * what could be taken for the next request's answer must have come, or not be coming any more. */
static bool confusable(const struct fg_line_late *l, const struct fg_modbus_query *q, uint16_t crc)
{
	if (l->mixed)
		return true;
	return l->function == q->pdu[0] && l->answer == q->answer && l->crc != crc;
}

static uint16_t identity(const struct fg_modbus_query *q)
{
	return fg_frame_crc(q->pdu, q->len);
}

static void note_late(struct fg_line *line, const struct fg_modbus_query *q, int64_t for_us)
{
	struct fg_line_late *l = &line->late[q->unit];
	int64_t now = fg_clock_mono_us();
	bool pending = l->until_us > now && l->answers;
	uint16_t crc = identity(q);

	l->mixed = pending && (l->mixed || l->crc != crc);
	l->answers = pending && l->answers < UINT8_MAX ? (uint8_t)(l->answers + 1) : 1;
	l->function = q->pdu[0];
	l->answer = (uint16_t)q->answer;
	l->crc = crc;
	l->until_us = now + for_us;
}

/* Lets late answers of this unit come in. */
static int await_late(
	struct fg_job *job, struct fg_line *line, const struct fg_modbus_query *q, int64_t until_us)
{
	struct fg_line_late *l = &line->late[q->unit];
	int r = FG_OK;

	if (!l->answers || l->until_us <= fg_clock_mono_us() || !confusable(l, q, identity(q)))
		return FG_OK;
	fg_job_explain(job, "  waiting for late answers");
	until_us = FG_MIN(l->until_us, until_us);
	while (l->answers) {
		r = fg_modbus_wait(line->fd, until_us);
		if (r <= 0)
			break;
		r = drain(job, line, line->settle_us,
			FG_MIN(until_us, fg_clock_mono_us() + DRAIN_US));
		if (r < 0)
			break;
		l->answers--;
	}
	if (l->until_us <= fg_clock_mono_us())
		l->answers = 0;
	return r < 0 ? r : FG_OK;
}

/* ---- one exchange ---- */

int fg_line_ready(
	struct fg_job *job, struct fg_line *l, const struct fg_modbus_query *q, int64_t until_us)
{
	int64_t gap_us = FG_MAX(l->gap_us, q->gap_us);
	int r = await_late(job, l, q, until_us);

	if (r < 0)
		return r;
	r = fg_modbus_wait(l->fd, 0); /* what came in between two polls is nobody's */
	if (r > 0)
		r = fill(l);
	if (r < 0 && r != FG_EAGAIN)
		return r;
	return drain(job, l, l->rx_len ? FG_MAX(l->settle_us, gap_us) : gap_us,
		FG_MIN(until_us, fg_clock_mono_us() + gap_us + DRAIN_US));
}

/* The time is that at which the last byte has left, which is later than that of the write. */
static int send_frame(struct fg_line *l)
{
	int r = FG_OK;

	if (l->direction)
		r = l->direction(l, true);
	if (r == FG_OK)
		r = write_all(l, l->query.adu, l->query.len);
	if (r < 0)
		return r;
	l->heard_us = fg_clock_mono_us();
	if (l->baud)
		l->heard_us += fg_frame_chars_us(l->query.len, l->baud, l->char_bits);
	if (l->direction) {
		fg_modbus_wait(-1, l->heard_us);
		r = l->direction(l, false);
	}
	return r;
}

static int send_request(struct fg_job *job, struct fg_line *l, const struct fg_modbus_query *q)
{
	fg_frame_ask(&l->query, q->unit, q->pdu, q->len, q->answer);
	l->query.echoes = l->echoes;
	fg_modbus_trace(job, '>', l->query.adu, l->query.len);
	return send_frame(l);
}

/* Whether a good answer can be the same as its request. */
static bool answer_repeats_request(const struct fg_modbus_query *q)
{
	return q->answer == q->len && q->pdu[0] > 4;
}

/* Adapters that hear themselves give the request back first. */
static void skip_echo(struct fg_job *job, struct fg_line *l, const struct fg_modbus_query *q)
{
	size_t len = fg_frame_echo(&l->query, l->rx, l->rx_len);

	if (!len || (answer_repeats_request(q) && !l->query.echoes))
		return;
	fg_modbus_trace(job, 'x', l->rx, len);
	drop_front(l, len);
	l->query.echoes = false;
	l->echoes = true;
}

static int take_answer(struct fg_job *job, struct fg_line *l, struct fg_modbus_reply *ret)
{
	size_t at, len;
	int r = fg_frame_find(&l->query, l->rx, l->rx_len, &at, &len);

	if (r != FG_OK)
		return r;
	if (at)
		fg_modbus_trace(job, 'x', l->rx, at);
	fg_modbus_trace(job, '<', l->rx + at, len);
	ret->len = len - 3;
	memcpy(ret->pdu, l->rx + at + 1, ret->len);
	drop_front(l, at + len);
	return FG_OK;
}

static int judge_silence(struct fg_job *job, struct fg_line *l)
{
	int r = fg_frame_judge(&l->query, l->rx, l->rx_len);

	if (r == FG_EFRAME) {
		fg_modbus_trace(job, '<', l->rx, l->rx_len);
		fg_job_explain(job, "  wrong checksum or length");
		l->rx_len = 0;
	} else if (fg_frame_is_whole(l->rx, l->rx_len)) {
		throw_away(job, l);
	}
	return r;
}

/* One step of receiving: what came in, or what the silence says. *judged: nothing came in since
 * the last verdict. */
static int step(struct fg_job *job, struct fg_line *l, const struct fg_modbus_query *q,
	int64_t until_us, bool *judged, struct fg_modbus_reply *ret)
{
	int64_t silent_us = *judged ? until_us : l->heard_us + l->settle_us;
	int r = fg_modbus_wait(l->fd, FG_MIN(silent_us, until_us));

	if (r < 0)
		return r;
	if (r > 0) {
		r = fill(l);
		if (r < 0 && r != FG_EAGAIN)
			return r;
		skip_echo(job, l, q);
		*judged = l->rx_len == 0;
		return take_answer(job, l, ret);
	}
	if (*judged)
		return FG_ETIMEOUT;
	*judged = true;
	return judge_silence(job, l);
}

static int receive(struct fg_job *job, struct fg_line *l, const struct fg_modbus_query *q,
	int64_t for_us, struct fg_modbus_reply *ret)
{
	int64_t until_us = FG_MIN(l->heard_us + for_us, job->deadline_mono_us);
	bool heard = false, judged = true;

	for (;;) {
		int r = step(job, l, q, until_us, &judged, ret);

		heard = heard || !judged;
		if (r == FG_PENDING && fg_clock_mono_us() >= until_us)
			r = FG_ETIMEOUT;
		if (r == FG_PENDING)
			continue;
		if (r != FG_ETIMEOUT)
			return r;
		throw_away(job, l);
		fg_modbus_trace_event(job, "timeout");
		note_late(l, q, for_us);
		return heard ? FG_EFRAME : FG_ETIMEOUT;
	}
}

int fg_line_exchange(struct fg_job *job, struct fg_line *l, const struct fg_modbus_query *q,
	int64_t until_us, struct fg_modbus_reply *ret)
{
	struct fg_line_late *late = &l->late[q->unit];
	int64_t for_us = until_us - fg_clock_mono_us(), sent_us;
	int r = send_request(job, l, q);

	if (r < 0)
		return r;
	sent_us = l->heard_us;
	r = receive(job, l, q, for_us, ret);
	if (r != FG_OK)
		return r;
	ret->answer_us = FG_MAX(l->heard_us - sent_us, 1);
	if (late->answers && late->until_us > fg_clock_mono_us())
		late->until_us = fg_clock_mono_us() + for_us;
	if (l->query.echoes && !answer_repeats_request(q))
		l->echoes = false;
	return FG_OK;
}

/* ---- a person's exchange ---- */

static int64_t send_raw(void *arg, const uint8_t *adu, size_t len)
{
	struct fg_line *l = arg;
	int r;

	memcpy(l->query.adu, adu, FG_MIN(len, sizeof(l->query.adu)));
	l->query.len = len;
	r = send_frame(l);
	return r < 0 ? r : FG_MAX(l->heard_us - fg_clock_mono_us(), 0);
}

/* An answer that comes too late must not become that of a poll. */
int fg_line_raw(struct fg_line *l, struct fg_raw *x)
{
	struct fg_line_late *late = &l->late[x->unit];
	int r = fg_raw_rtu(l->fd, send_raw, l, l->gap_us, x);

	l->heard_us = FG_MAX(l->heard_us, fg_clock_mono_us());
	l->rx_len = 0;
	if (x->status != FG_OK) {
		late->mixed = true;
		late->answers = 1;
		late->until_us = FG_MAX(late->until_us, l->heard_us + x->timeout_us);
	}
	return r;
}
