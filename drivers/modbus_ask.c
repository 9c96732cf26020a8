/* SPDX-License-Identifier: EUPL-1.2 */
/* One request: attempts, deadlines, and the one place where what may be sent is decided. */
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/modbus_common.h"

#define BUSY_PAUSE_US 50000

bool fg_modbus_link_failed(int status)
{
	return status < 0 && status != FG_EREFUSED && status != FG_ETIMEOUT &&
	       status != FG_EFRAME && status != FG_EDECODE && status != FG_ECANCELED;
}

int64_t fg_modbus_timeout_us(const struct fg_job *job)
{
	return job->timeout_us > 0 ? job->timeout_us : job->group->device->timeout_us;
}

/* Functions that change nothing in a device: reads, its identification. */
static bool only_reads(const struct fg_modbus_query *q)
{
	return (q->pdu[0] >= 1 && q->pdu[0] <= 4) || q->pdu[0] == 17 ||
	       (q->pdu[0] == 43 && q->len > 1 && q->pdu[1] == 14);
}

static bool may_send(const struct fg_device *dev, const struct fg_modbus_query *q)
{
	if (q->len < 1 || q->len > FG_MODBUS_PDU_MAX)
		return false;
	return only_reads(q) || (dev->allow_commands && q->unit != 0);
}

int fg_modbus_exchange(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_modbus_query *q, int64_t until_us, struct fg_modbus_reply *ret)
{
	int r;

	if (!may_send(job->group->device, q)) {
		fg_job_explain(job, "  not sent: commands are not allowed");
		return FG_ECANCELED;
	}
	job->requests++;
	ret->answer_us = 0;
	r = t->exchange(job, q, until_us, ret);
	if (r != FG_OK)
		return r;
	job->answers++;
	job->answer_us = FG_MAX(job->answer_us, ret->answer_us);
	return FG_OK;
}

/* A device that is busy says so and means it for a moment only. */
static bool is_busy(const struct fg_modbus_outcome *o)
{
	return o->status == FG_EREFUSED && (o->exception == 5 || o->exception == 6);
}

static void attempt(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_modbus_query *q, struct fg_modbus_reply *reply,
	struct fg_modbus_outcome *ret)
{
	int64_t now = fg_clock_mono_us();
	int64_t until = FG_MIN(now + fg_modbus_timeout_us(job), job->deadline_mono_us);

	ret->status = fg_modbus_exchange(job, t, q, until, reply);
	ret->taken_us = fg_clock_mono_us();
	if (ret->status == FG_OK && reply->len == 2 && reply->pdu[0] & 0x80) {
		ret->status = FG_EREFUSED;
		ret->exception = reply->pdu[1];
	} else if (ret->status == FG_OK && q->answer && reply->len != q->answer) {
		ret->status = FG_EFRAME;
	}
}

/* A broken connection is an attempt lost: ready() makes a new one, or says that there is none. */
void fg_modbus_ask(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_modbus_query *q, struct fg_modbus_reply *ret_reply,
	struct fg_modbus_outcome *ret)
{
	unsigned attempts = FG_MAX(job->attempts, 1u);

	*ret = (struct fg_modbus_outcome){.status = FG_ETIMEOUT};
	for (unsigned i = 0; i < attempts; i++) {
		int r;

		if (is_busy(ret))
			fg_modbus_wait(-1,
				FG_MIN(fg_clock_mono_us() + BUSY_PAUSE_US, job->deadline_mono_us));
		ret->taken_us = fg_clock_mono_us();
		if (ret->taken_us >= job->deadline_mono_us)
			break;
		r = t->ready(job, q, job->deadline_mono_us);
		if (r < 0) {
			ret->status = r;
			ret->taken_us = fg_clock_mono_us();
			return;
		}
		if (fg_clock_mono_us() >= job->deadline_mono_us)
			break;
		attempt(job, t, q, ret_reply, ret);
		if (ret->status == FG_OK || ret->status == FG_ECANCELED ||
			(ret->status == FG_EREFUSED && !is_busy(ret)))
			return;
	}
	if (ret->status == FG_ETIMEOUT && t->gave_up)
		t->gave_up(job);
}

void fg_modbus_run_request(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_request *req, uint16_t *cells, struct fg_modbus_outcome *ret)
{
	const struct fg_modbus_device *dev = fg_modbus_device_of(job);
	struct fg_modbus_reply reply;
	uint8_t pdu[5];
	const struct fg_modbus_query q = {
		.unit = (uint8_t)dev->unit_id,
		.pdu = pdu,
		.len = fg_modbus_request(req, pdu),
		.answer = fg_modbus_answer_length(req),
		.gap_us = dev->cycle.request_gap_us,
	};

	fg_modbus_ask(job, t, &q, &reply, ret);
	if (ret->status == FG_OK)
		ret->status = fg_modbus_answer(req, reply.pdu, reply.len, cells, &ret->exception);
}
