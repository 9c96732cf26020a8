/* SPDX-License-Identifier: EUPL-1.2 */
/* The pass over a group, alike on every transport: attempts, deadlines, decoding, quality
 * registers, and the words for `fjordctl read`. What goes over the wire is the transport's. */
#include "drivers/modbus_common.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/modbus_command.h"
#include "protocol/encode.h"

#define STRING_SIZE  (2 * 125 + 1)
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
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until_us - fg_clock_mono_us();
		struct timespec ts;
		int n;

		left = FG_MAX(left, 0);
		ts.tv_sec = (time_t)(left / 1000000);
		ts.tv_nsec = (long)(left % 1000000) * 1000;
		n = ppoll(&p, fd >= 0 ? 1 : 0, &ts, NULL);
		if (n >= 0)
			return n;
		if (errno != EINTR)
			return -errno;
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

	fg_modbus_run_request(job, t, &read->request, plan->scratch->cells + read->cell, o);
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
	size_t i = 0;

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

/* ---- readings ---- */

static enum fg_reason reason_of(int status)
{
	switch (status) {
	case FG_EREFUSED:
		return FG_REASON_EXCEPTION;
	case FG_ETIMEOUT:
		return FG_REASON_NO_RESPONSE;
	case FG_EFRAME:
		return FG_REASON_FRAME;
	default:
		return FG_REASON_LINK_DOWN;
	}
}

static bool has_word(const struct fg_modbus_words *words, uint16_t v)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->items[i] == v)
			return true;
	return false;
}

/* What the sensor itself says of the value; a quality that could not be read vouches for nothing.
 */
static void apply_quality(struct fg_job *job, const struct fg_modbus_point *mp,
	const struct fg_modbus_outcome *o, uint16_t word, struct fg_reading *r)
{
	const char *verdict = "bad";

	if (o->status == FG_OK && has_word(&mp->quality.good, word)) {
		verdict = "good";
	} else if (o->status == FG_OK && has_word(&mp->quality.suspect, word)) {
		verdict = "suspect";
		if (r->qc == FG_QC_NOT_EVALUATED)
			r->qc = FG_QC_SUSPECT;
	} else if (r->qc == FG_QC_NOT_EVALUATED) {
		r->qc = FG_QC_FAIL;
		r->reason = FG_REASON_SENSOR_QUALITY;
	}
	if (o->status == FG_OK)
		fg_job_explain(job, "  quality register %u: %u, %s", mp->quality_span.address, word,
			verdict);
	else
		fg_job_explain(
			job, "  quality register %u could not be read", mp->quality_span.address);
}

static void explain_registers(struct fg_job *job, const struct fg_point *point,
	const uint16_t *cells, const struct fg_value *value)
{
	static const char *const types[] = {"bool", "u8", "i8", "u16", "i16", "u32", "i32", "u64",
		"i64", "f32", "f64", "bcd16", "bcd32", "string", "bits"};
	static const char *const orders[] = {"ABCD", "CDAB", "BADC", "DCBA"};
	static const char *const names[] = {"holding", "input", "coil", "discrete"};
	const struct fg_modbus_point *mp = point->conf;
	char mem[900];
	struct fg_buf b;

	if (!job->explain)
		return;
	fg_buf_wrap(&b, mem, sizeof(mem));
	fg_buf_printf(&b, "%s: %s %u =", point->name, names[mp->span.table], mp->span.address);
	for (unsigned i = 0; i < mp->span.width; i++)
		fg_buf_printf(&b, " %04x", cells[i]);
	fg_buf_printf(&b, ", %s %s = ", types[mp->spec.type], orders[mp->spec.order]);
	if (value)
		fg_encode_value(&b, value, -1);
	else
		fg_buf_puts(&b, "not decodable");
	fg_job_explain(job, "%s", mem);
	if (point->scale != 1 || point->offset != 0)
		fg_job_explain(job, "  * %.15g + %.15g", point->scale, point->offset);
}

static void explain_result(
	struct fg_job *job, const struct fg_point *point, const struct fg_reading *r)
{
	char reason[FG_REASON_SIZE], mem[700];
	struct fg_buf b;

	if (!job->explain)
		return;
	fg_buf_wrap(&b, mem, sizeof(mem));
	fg_buf_printf(&b, "= %s ", point->name);
	if (r->value.kind == FG_KIND_NONE)
		fg_buf_putc(&b, '-');
	else
		fg_encode_value(&b, &r->value, point->decimals);
	fg_buf_printf(&b, " %s qc=%u", point->unit ? point->unit : "1", (unsigned)r->qc);
	if (r->reason != FG_REASON_NONE)
		fg_buf_printf(&b, " %s", fg_reason_text(r->reason, r->detail, reason));
	fg_job_explain(job, "%s", mem);
}

static void add_value(
	struct fg_job *job, const struct fg_point *point, const uint16_t *cells, int64_t taken_us)
{
	const struct fg_modbus_point *mp = point->conf;
	struct fg_value value;
	char text[STRING_SIZE];
	uint64_t raw;

	if (fg_reg_decode(&mp->spec, cells, &value, &raw, text) < 0) {
		explain_registers(job, point, cells, NULL);
		fg_job_missing(job, point, FG_REASON_DECODE, 0, taken_us);
		return;
	}
	explain_registers(job, point, cells, &value);
	fg_job_value(job, point, value, mp->spec.type != FG_REG_STRING, raw, taken_us);
}

static void add_reading(struct fg_job *job, const struct fg_modbus_plan *plan, size_t i)
{
	const struct fg_point *point = job->group->points[i];
	const struct fg_modbus_outcome *o = fg_modbus_outcome_of(plan, i);
	size_t count = job->batch->count;
	uint32_t q = plan->quality_span[i];

	if (o->status != FG_OK)
		fg_job_missing(job, point, reason_of(o->status), o->exception, o->taken_us);
	else
		add_value(job, point, fg_modbus_cells_of(plan, i), o->taken_us);
	if (job->batch->count == count)
		return; /* the batch is too small: our own bug, told by the missing reading */
	if (q && o->status == FG_OK)
		apply_quality(job, point->conf, fg_modbus_outcome_of(plan, q),
			*fg_modbus_cells_of(plan, q), &job->batch->readings[count]);
	explain_result(job, point, &job->batch->readings[count]);
}

/* One small request tells whether the device is back; its points are read when they are due. */
static int probe(
	struct fg_job *job, const struct fg_modbus_transport *t, const struct fg_modbus_plan *plan)
{
	struct fg_modbus_read read;

	fg_modbus_probe_read(plan, &read);
	run_read(job, t, plan, &read);
	if (read.outcome.status == FG_OK)
		return FG_OK;
	if (read.outcome.status == FG_EREFUSED)
		fg_modbus_probe_refused(plan);
	for (size_t i = 0; i < job->group->count; i++)
		fg_job_missing(job, job->group->points[i], reason_of(read.outcome.status),
			read.outcome.exception, read.outcome.taken_us);
	return fg_modbus_link_failed(read.outcome.status) ? read.outcome.status : FG_OK;
}

/* The device is not read: what had to go before it failed. */
static int not_read(struct fg_job *job, int status, unsigned exception)
{
	int64_t now_us = fg_clock_mono_us();

	for (size_t i = 0; i < job->group->count; i++)
		fg_job_missing(job, job->group->points[i], reason_of(status), exception, now_us);
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
		add_reading(job, plan, i);
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
