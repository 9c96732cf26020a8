/* SPDX-License-Identifier: EUPL-1.2 */
/* The pass over a group, alike on every transport: attempts, deadlines, what was refused, and the
 * words for `fjordctl read`. What goes over the wire is the transport's. */
#include "drivers/modbus_common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/wait.h"
#include "drivers/modbus_command.h"

#define ADU_MAX	     260
#define SELECT_LIMIT 1000 /* below 1024, with room for what other threads open at that moment */

/* ---- helpers for transports ---- */

const struct fg_modbus_device *fg_modbus_device_of(const struct fg_job *job)
{
	return job->group->device->conf;
}

static void trace_line(struct fg_job *job, const char *line)
{
	fg_debug(FG_DEBUG_modbus, "modbus %s/%s %s", job->link->link->name,
		job->group->device->name, line);
	fg_job_explain(job, "%s", line);
}

void fg_modbus_trace(struct fg_job *job, char mark, const uint8_t *bytes, size_t len)
{
	char line[2 + 3 * ADU_MAX + 1];
	size_t n = 0;

	if (!job || (!job->explain && !fg_debug_on(FG_DEBUG_modbus)))
		return;
	line[n++] = mark;
	for (size_t i = 0; i < FG_MIN(len, (size_t)ADU_MAX); i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, " %02x", bytes[i]);
	line[n] = '\0';
	trace_line(job, line);
}

void fg_modbus_trace_event(struct fg_job *job, const char *what)
{
	char line[80];

	if (!job || (!job->explain && !fg_debug_on(FG_DEBUG_modbus)))
		return;
	snprintf(line, sizeof(line), "! %s", what);
	trace_line(job, line);
}

int fg_modbus_wait(int fd, int64_t until_us)
{
	for (;;) {
		int64_t left_us = until_us - fg_clock_mono_us();
		int r = fg_wait_readable(fd, FG_MAX(left_us, INT64_C(0)));

		if (r != -EINTR)
			return r;
	}
}

bool fg_modbus_descriptor_fits(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0 && fd < SELECT_LIMIT;
}

/* ---- requests ---- */

static void fill(const struct fg_modbus_plan *plan, size_t from, int status, int64_t taken_us)
{
	struct fg_modbus_scratch *s = plan->scratch;

	for (size_t i = from; i < s->read_count; i++)
		s->reads[i].outcome =
			(struct fg_modbus_outcome){.status = status, .taken_us = taken_us};
}

static void run_read(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_modbus_plan *plan, struct fg_modbus_read *read)
{
	struct fg_modbus_outcome *o = &read->outcome;
	struct fg_request req;

	if (!fg_modbus_place_request(plan, read->space, &read->request, &req)) {
		*o = (struct fg_modbus_outcome){
			.status = FG_EDECODE, .taken_us = fg_clock_mono_us()};
		return;
	}
	fg_modbus_run_request(job, t, &req, plan->scratch->cells + read->cell, o);
	if (o->status == FG_EREFUSED)
		fg_job_explain(job, "  refused: exception %u, %s", o->exception,
			fg_modbus_exception_text(o->exception));
}

/* Sends the plan's requests; negative where the link is down. A device whose first request gets
 * no answer at all is not asked for the rest, which would cost the bus a time-out each. */
static int read_all(
	struct fg_job *job, const struct fg_modbus_transport *t, const struct fg_modbus_plan *plan)
{
	struct fg_modbus_scratch *s = plan->scratch;
	int r = fg_modbus_find_bases(job, t, plan);
	size_t i = 0;

	if (r < 0) {
		fill(plan, 0, r, fg_clock_mono_us());
		return fg_modbus_link_failed(r) ? r : FG_OK;
	}
	while (i < s->read_count) {
		struct fg_modbus_outcome o;

		run_read(job, t, plan, &s->reads[i]);
		if (fg_modbus_split(job, plan, i))
			continue;
		o = s->reads[i].outcome;
		if (fg_modbus_link_failed(o.status)) {
			fill(plan, i + 1, o.status, o.taken_us);
			return o.status;
		}
		if (i == 0 && o.status == FG_ETIMEOUT) {
			fill(plan, 1, FG_ETIMEOUT, o.taken_us);
			return FG_OK;
		}
		i++;
	}
	return FG_OK;
}

/* One small request tells whether the device is back; its points are read when they are due. */
static int probe(
	struct fg_job *job, const struct fg_modbus_transport *t, const struct fg_modbus_plan *plan)
{
	struct fg_modbus_read read;

	fg_modbus_probe_read(plan, &read);
	read.outcome = (struct fg_modbus_outcome){.taken_us = fg_clock_mono_us()};
	if (read.space) /* a base that is not known is as good a question */
		read.outcome.status = fg_modbus_find_bases(job, t, plan);
	if (job->requests == 0)
		run_read(job, t, plan, &read);
	if (read.outcome.status == FG_OK)
		return FG_OK;
	if (read.outcome.status == FG_EREFUSED)
		fg_modbus_probe_refused(plan);
	for (size_t i = 0; i < job->group->count; i++)
		fg_job_missing(job, job->group->points[i], fg_modbus_reason(read.outcome.status),
			read.outcome.exception, read.outcome.taken_us);
	return fg_modbus_link_failed(read.outcome.status) ? read.outcome.status : FG_OK;
}

/* The device is not read: what had to go before it failed. */
static int not_read(struct fg_job *job, int status, unsigned exception)
{
	int64_t now_us = fg_clock_mono_us();

	for (size_t i = 0; i < job->group->count; i++)
		fg_job_missing(job, job->group->points[i], fg_modbus_reason(status), exception,
			now_us);
	return fg_modbus_link_failed(status) ? status : FG_OK;
}

static int read_group(struct fg_job *job, const struct fg_modbus_transport *transport)
{
	const struct fg_modbus_plan *plan = job->group->plan;
	int r;

	fg_modbus_split_begin(plan, fg_clock_mono_us());
	r = read_all(job, transport, plan);
	fg_modbus_split_end(job, plan);
	for (size_t i = 0; i < job->group->count; i++)
		fg_modbus_add_reading(job, plan, i);
	if (job->answers == 0)
		fg_modbus_forget_bases(plan);
	return r;
}

int fg_modbus_poll(struct fg_job *job, const struct fg_modbus_transport *transport)
{
	unsigned exception;
	int r = fg_modbus_prepare(job, transport, &exception);

	if (r == FG_AGAIN)
		return r;
	if (r != FG_OK)
		r = not_read(job, r, exception);
	else if (job->probe)
		r = probe(job, transport, job->group->plan);
	else
		r = read_group(job, transport);
	fg_modbus_finish(job, r);
	job->status = r;
	return r;
}
