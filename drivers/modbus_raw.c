/* SPDX-License-Identifier: EUPL-1.2 */
/* Single exchanges for a person at the cabinet. */
#include "drivers/modbus_raw.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/modbus_common.h"
#include "drivers/modbus_frame.h"
#include "protocol/modbus_identity.h"

#define SETTLE_US 20000	 /* USB adapters hand over what they received each 16 ms */
#define DRAIN_US  500000 /* a line that never falls silent is used all the same */
#define HEADER	  7

/* Reads what is there behind what was heard. What does not fit is noise: it is read and forgotten.
 * FG_EAGAIN: nothing there; the end of the file is the end of the link. */
static int hear(int fd, struct fg_raw *x)
{
	uint8_t bytes[FG_RAW_HEARD];
	ssize_t n = read(fd, bytes, sizeof(bytes));
	size_t room = sizeof(x->heard) - x->heard_len;

	if (n == 0)
		return -EIO;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? FG_EAGAIN : -errno;
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(x->heard + x->heard_len, bytes, room);
	x->heard_len += room;
	return FG_OK;
}

/* Waits for bytes and takes them: FG_OK, FG_EAGAIN at the end of the time, or the link's end. */
static int listen_until(int fd, struct fg_raw *x, int64_t until_us)
{
	int r = fg_modbus_wait(fd, until_us);

	if (r == 0)
		return FG_EAGAIN;
	return r < 0 ? r : hear(fd, x);
}

/* Listens until the line has been silent so long; what comes is nobody's. */
static int quiet(int fd, struct fg_raw *x, int64_t silence_us)
{
	int64_t until_us = fg_clock_mono_us() + DRAIN_US;
	int r;

	do
		r = listen_until(fd, x, fg_clock_mono_us() + silence_us);
	while (r == FG_OK && fg_clock_mono_us() < until_us);
	x->heard_len = 0;
	return r == FG_EAGAIN ? FG_OK : r;
}

static void take(struct fg_raw *x, const uint8_t *pdu, size_t len)
{
	memcpy(x->answer, pdu, FG_MIN(len, sizeof(x->answer)));
	x->answer_len = FG_MIN(len, sizeof(x->answer));
	x->status = FG_OK;
}

/* Looks for the answer in what was heard behind the echo. */
static bool find_rtu(const struct fg_frame_query *q, struct fg_raw *x)
{
	size_t echo = fg_frame_echo(q, x->heard, x->heard_len), at, len;

	x->echo = echo > 0;
	if (fg_frame_find(q, x->heard + echo, x->heard_len - echo, &at, &len) != FG_OK)
		return false;
	take(x, x->heard + echo + at + 1, len - 3);
	return true;
}

/* What came will not become the answer by waiting on. */
static bool is_damaged(const struct fg_frame_query *q, const struct fg_raw *x)
{
	size_t echo = fg_frame_echo(q, x->heard, x->heard_len);

	return fg_frame_judge(q, x->heard + echo, x->heard_len - echo) == FG_EFRAME;
}

int fg_raw_rtu(int fd, fg_raw_send_fn send, void *arg, int64_t silence_us, struct fg_raw *x)
{
	struct fg_frame_query q = {.len = 0};
	int64_t until_us, settle_us = FG_MAX(silence_us, SETTLE_US), leaves_us = 0;
	int r;

	fg_frame_ask(&q, x->unit, x->pdu, x->pdu_len, fg_modbus_answer_bytes(x->pdu, x->pdu_len));
	memcpy(x->sent, q.adu, q.len);
	x->sent_len = q.len;
	x->status = FG_ETIMEOUT;
	r = quiet(fd, x, silence_us);
	if (r == FG_OK)
		leaves_us = send(arg, q.adu, q.len);
	if (leaves_us < 0)
		r = (int)leaves_us;
	until_us = fg_clock_mono_us() + leaves_us + x->timeout_us;
	while (r == FG_OK) {
		int64_t now_us = fg_clock_mono_us();

		/* a frame is over when nothing comes for a while */
		r = listen_until(
			fd, x, x->heard_len ? FG_MIN(until_us, now_us + settle_us) : until_us);
		if (r == FG_OK && find_rtu(&q, x))
			return FG_OK;
		if (r == FG_EAGAIN && is_damaged(&q, x))
			break;
		if (r == FG_EAGAIN || r == FG_OK)
			r = fg_clock_mono_us() < until_us ? FG_OK : FG_EAGAIN;
	}
	if (x->heard_len > (x->echo ? q.len : 0))
		x->status = FG_EFRAME;
	return r == FG_EAGAIN ? FG_OK : r;
}

/* Takes the frames out of the stream. FG_PENDING: the answer is not there yet; FG_EFRAME: this is
 * no Modbus TCP. */
static int find_tcp(uint16_t transaction, struct fg_raw *x)
{
	size_t at = 0;

	while (x->heard_len >= at + 6) {
		const uint8_t *adu = x->heard + at;
		size_t len = 6u + ((size_t)adu[4] << 8 | adu[5]);

		if (adu[2] || adu[3] || len <= HEADER || len > HEADER + FG_MODBUS_PDU_MAX)
			return FG_EFRAME;
		if (x->heard_len < at + len)
			break;
		if ((adu[0] << 8 | adu[1]) == transaction && adu[6] == x->unit) {
			take(x, adu + HEADER, len - HEADER);
			return FG_OK;
		}
		at += len;
	}
	return FG_PENDING;
}

int fg_raw_tcp(int fd, uint16_t transaction, struct fg_raw *x)
{
	int64_t until_us = fg_clock_mono_us() + x->timeout_us;
	ssize_t n;
	int r;

	x->sent[0] = (uint8_t)(transaction >> 8);
	x->sent[1] = (uint8_t)(transaction & 0xFF);
	x->sent[2] = x->sent[3] = x->sent[4] = 0;
	x->sent[5] = (uint8_t)(1 + x->pdu_len);
	x->sent[6] = x->unit;
	memcpy(x->sent + HEADER, x->pdu, x->pdu_len);
	x->sent_len = HEADER + x->pdu_len;
	x->status = FG_ETIMEOUT;
	n = send(fd, x->sent, x->sent_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n != (ssize_t)x->sent_len)
		return n < 0 && errno != EAGAIN ? -errno : -EPIPE;
	do {
		r = listen_until(fd, x, until_us);
		if (r < 0 && r != FG_EAGAIN)
			return r == -EIO ? -ECONNRESET : r;
		r = r == FG_OK ? find_tcp(transaction, x) : FG_PENDING;
	} while (r == FG_PENDING && fg_clock_mono_us() < until_us);
	if (r != FG_OK && x->heard_len)
		x->status = FG_EFRAME;
	return FG_OK;
}
