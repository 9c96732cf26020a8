/* SPDX-License-Identifier: EUPL-1.2 */
/* What goes before the reading of a device: a read that wakes it, commands, and waits during which
 * the bus serves others. How far a poll has come is in job->driver_data while it waits. */
#include "drivers/modbus_command.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"

/* What is known of a device with such a cycle, as long as its link is open. */
struct fg_modbus_run {
	char name[64];
	uint64_t fingerprint;
	int64_t answered_us;		      /* last; 0: never */
	int64_t since_us;		      /* it answers since then; 0: it does not */
	bool appeared;			      /* its commands for that have been sent */
	int64_t settles_us;		      /* until then readings are suspect, after a command */
	int64_t waits_us[FG_MODBUS_COMMANDS]; /* of each command, read from it; 0: unknown */
};

/* job->driver_data: where to go on. */
enum { STEP_WAKE, STEP_COMMANDS };

static bool is_active(const struct fg_device *dev)
{
	const struct fg_modbus_device *conf = dev->conf;
	const struct fg_modbus_cycle *c = &conf->cycle;

	return c->wake.given || c->warm_up_us || (c->commands.count && dev->allow_commands);
}

/* ---- what is known of devices ---- */

static bool is_on_link(const struct fg_link *link, const char *name)
{
	for (size_t i = 0; i < link->device_count; i++)
		if (strcmp(link->devices[i]->name, name) == 0)
			return true;
	return false;
}

/* One that a reload left behind is used again. NULL: out of memory. */
static struct fg_modbus_run *free_run(struct fg_modbus_link *l, const struct fg_link *link)
{
	struct fg_modbus_run *more;

	for (size_t i = 0; i < l->run_count; i++)
		if (!is_on_link(link, l->runs[i].name))
			return &l->runs[i];
	more = realloc(l->runs, (l->run_count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	l->runs = more;
	return &l->runs[l->run_count++];
}

static struct fg_modbus_run *find_run(struct fg_job *job)
{
	struct fg_modbus_link *l = job->link->state;
	const struct fg_device *dev = job->group->device;
	struct fg_modbus_run *run = NULL;

	for (size_t i = 0; !run && i < l->run_count; i++)
		if (strcmp(l->runs[i].name, dev->name) == 0)
			run = &l->runs[i];
	if (run && run->fingerprint == dev->fingerprint)
		return run;
	if (!run)
		run = free_run(l, job->link->link);
	if (!run)
		return NULL;
	memset(run, 0, sizeof(*run));
	memcpy(run->name, dev->name, FG_MIN(strlen(dev->name), sizeof(run->name) - 1));
	run->fingerprint = dev->fingerprint;
	return run;
}

void fg_modbus_link_fini(struct fg_modbus_link *link)
{
	free(link->runs);
	link->runs = NULL;
	link->run_count = 0;
}

/* ---- before the reading ---- */

/* The worker knows the plan's requests only. */
static void give_time(struct fg_job *job)
{
	job->deadline_mono_us += FG_MAX(job->attempts, 1u) * fg_modbus_timeout_us(job);
}

static int sleep_until(struct fg_job *job, int64_t until_us, uintptr_t next)
{
	job->resume_mono_us = until_us;
	job->driver_data = (void *)next; /* a number, not a place */
	return FG_AGAIN;
}

static bool must_wake(const struct fg_modbus_run *run, const struct fg_modbus_wake *w)
{
	return w->given &&
	       (!run->answered_us || fg_clock_mono_us() - run->answered_us >= w->after_us);
}

/* One request; what comes of it is nobody's, and counts neither for nor against the device. The
 * answer may take as long as the wait that follows. */
static int wake(
	struct fg_job *job, const struct fg_modbus_transport *t, const struct fg_modbus_wake *w)
{
	const struct fg_modbus_device *dev = fg_modbus_device_of(job);
	unsigned requests = job->requests, answers = job->answers;
	int64_t answer_us = job->answer_us, now_us;
	struct fg_modbus_reply reply;
	uint8_t pdu[5];
	const struct fg_modbus_query q = {
		.unit = (uint8_t)dev->unit_id,
		.pdu = pdu,
		.len = fg_modbus_request(&w->read, pdu),
		.answer = fg_modbus_answer_length(&w->read),
		.gap_us = dev->cycle.request_gap_us,
	};
	int r;

	give_time(job);
	r = t->ready(job, &q, job->deadline_mono_us);
	if (r < 0)
		return r;
	now_us = fg_clock_mono_us();
	r = fg_modbus_exchange(
		job, t, &q, now_us + FG_MIN(w->wait_us, fg_modbus_timeout_us(job)), &reply);
	job->requests = requests;
	job->answers = answers;
	job->answer_us = answer_us;
	if (fg_modbus_link_failed(r))
		return r;
	fg_job_explain(job, "  that was to wake it");
	return sleep_until(job, now_us + w->wait_us, STEP_COMMANDS);
}

static void learn_wait(struct fg_job *job, const struct fg_modbus_command *c, const uint16_t *cells,
	int64_t *ret_us)
{
	const struct fg_modbus_wait_from *w = &c->wait_from;
	struct fg_value value;
	char text[2 * 125 + 1];
	uint64_t raw;
	double ms;

	if (fg_reg_decode(&w->type.spec, cells, &value, &raw, text) < 0)
		return;
	ms = fg_value_number(&value) * w->scale;
	if (!(ms >= 0 && ms <= 600000)) {
		fg_job_explain(job, "  '%s': the device wants a wait of %g ms, which cannot be",
			c->name, ms);
		return;
	}
	*ret_us = FG_MAX((int64_t)(ms * 1000) + w->margin_us, 1);
	fg_job_explain(job, "  '%s': wait %lld ms", c->name, (long long)(*ret_us / 1000));
}

/* How long to wait after a command, asking the device for it where it is to say so. */
static int find_wait(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_modbus_command *c, int64_t *ret_us)
{
	struct fg_modbus_outcome o;
	uint16_t cells[125];

	if (!c->waits_from || *ret_us)
		return FG_OK;
	give_time(job);
	fg_modbus_run_request(job, t, &c->wait_read, cells, &o);
	if (o.status == FG_OK)
		learn_wait(job, c, cells, ret_us);
	return o.status == FG_EREFUSED ? FG_OK : o.status;
}

static int send_command(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_modbus_command *c, unsigned *ret_exception)
{
	const struct fg_modbus_device *dev = fg_modbus_device_of(job);
	const struct fg_modbus_query q = {
		.unit = (uint8_t)dev->unit_id,
		.pdu = c->pdu,
		.len = c->len,
		.answer = c->answer_len,
		.gap_us = dev->cycle.request_gap_us,
	};
	struct fg_modbus_reply reply;
	struct fg_modbus_outcome o;

	give_time(job);
	fg_job_explain(job, "  command '%s'", c->name);
	fg_modbus_ask(job, t, &q, &reply, &o);
	if (o.status == FG_OK && !c->raw.len &&
		!fg_modbus_write_confirmed(c->pdu, reply.pdu, reply.len))
		o.status = FG_EFRAME;
	if (o.status == FG_EREFUSED)
		fg_job_explain(job, "  refused: exception %u, %s", o.exception,
			fg_modbus_exception_text(o.exception));
	*ret_exception = o.exception;
	return o.status;
}

/* Sends commands from the i-th on, until one wants a wait. */
static int send_commands(struct fg_job *job, const struct fg_modbus_transport *t,
	struct fg_modbus_run *run, size_t i, unsigned *ret_exception)
{
	const struct fg_modbus_device *dev = fg_modbus_device_of(job);
	const struct fg_modbus_commands *list = &dev->cycle.commands;

	for (; i < list->count; i++) {
		const struct fg_modbus_command *c = &list->items[i];
		int64_t wait_us;
		int r;

		if (c->when == FG_MODBUS_WHEN_APPEAR && run->appeared)
			continue;
		r = find_wait(job, t, c, &run->waits_us[i]);
		if (r == FG_OK)
			r = send_command(job, t, c, ret_exception);
		if (r != FG_OK)
			return r;
		wait_us = run->waits_us[i] ? run->waits_us[i] : c->wait_us;
		run->settles_us = FG_MAX(run->settles_us, fg_clock_mono_us() + c->settle_us);
		if (wait_us)
			return sleep_until(
				job, fg_clock_mono_us() + wait_us, STEP_COMMANDS + i + 1);
	}
	return FG_OK;
}

int fg_modbus_prepare(
	struct fg_job *job, const struct fg_modbus_transport *t, unsigned *ret_exception)
{
	const struct fg_device *dev = job->group->device;
	const struct fg_modbus_device *conf = dev->conf;
	uintptr_t step = (uintptr_t)job->driver_data;
	struct fg_modbus_run *run;
	int r = FG_OK;

	*ret_exception = 0;
	if (!is_active(dev))
		return FG_OK;
	run = find_run(job);
	if (!run)
		return FG_ENOMEM;
	if (step == STEP_WAKE && must_wake(run, &conf->cycle.wake))
		return wake(job, t, &conf->cycle.wake);
	if (job->probe)
		return FG_OK; /* whether it is there at all */
	if (dev->allow_commands)
		r = send_commands(job, t, run, step > STEP_COMMANDS ? step - STEP_COMMANDS : 0,
			ret_exception);
	if (r == FG_OK)
		run->appeared = true;
	return r;
}

/* ---- after it ---- */

static void mark_suspect(struct fg_job *job, int64_t until_us)
{
	for (size_t i = 0; i < job->batch->count; i++) {
		struct fg_reading *r = &job->batch->readings[i];

		if (r->taken_mono_us >= until_us || r->qc == FG_QC_MISSING)
			continue;
		r->tests = fg_tests_set(r->tests, FG_TEST_WARM_UP, FG_QC_SUSPECT);
		if (r->qc == FG_QC_NOT_EVALUATED)
			r->qc = FG_QC_SUSPECT;
	}
}

void fg_modbus_finish(struct fg_job *job, int status)
{
	const struct fg_modbus_device *conf = fg_modbus_device_of(job);
	int64_t now_us = fg_clock_mono_us(), until_us;
	struct fg_modbus_run *run;

	if (!is_active(job->group->device))
		return;
	run = find_run(job);
	if (!run)
		return;
	if (status != FG_OK || !job->answers) {
		run->appeared = false;
		run->since_us = 0;
		memset(run->waits_us, 0, sizeof(run->waits_us));
		return;
	}
	run->answered_us = now_us;
	if (!run->since_us)
		run->since_us = now_us;
	until_us = FG_MAX(run->settles_us,
		conf->cycle.warm_up_us ? run->since_us + conf->cycle.warm_up_us : 0);
	if (now_us >= until_us)
		return;
	fg_job_explain(job, "  suspect for %lld s more: it warms up or settles",
		(long long)((until_us - now_us + 999999) / 1000000));
	mark_suspect(job, until_us);
}
