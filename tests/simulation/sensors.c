/* SPDX-License-Identifier: EUPL-1.2 */
/* Sensors on their links: one poll at a time a link, and whatever state the plan has put them
 * in. */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

struct poll {
	unsigned device, generation;
	enum plan_device state;
	int64_t started_mono_us;
};

static enum plan_device state_of(const struct sim *s, unsigned device)
{
	return s->now_us < s->devices[device].until_us ? s->devices[device].state : DEVICE_WELL;
}

static int64_t answer_us(
	struct sim *s, const struct fg_group *group, enum plan_device state, unsigned attempts,
	int64_t timeout_us)
{
	switch (state) {
	case DEVICE_SILENT:
		return FG_MAX(attempts, 1u) *
		       (timeout_us ? timeout_us : group->device->timeout_us);
	case DEVICE_SLOW:
		return sim_between(s, US_PER_S, group->interval_us * 5 / 2);
	default:
		return sim_between(s, 20000, 300000);
	}
}

void sim_sensors_poll(
	struct sim *s, const struct fg_group *group, unsigned attempts, int64_t timeout_us)
{
	HEAP_OF(HEAP_WORLD);
	struct poll *p = calloc(1, sizeof(*p));
	unsigned link = group->device->link->index;
	int64_t begin_us = FG_MAX(s->now_us, s->link_busy_us[link]), done_us;

	if (!p || sscanf(group->device->name, "d%u", &p->device) != 1)
		abort();
	p->generation = s->generation[p->device];
	p->state = state_of(s, p->device);
	p->started_mono_us = sim_clock(s).mono_us;
	done_us = begin_us + answer_us(s, group, p->state, attempts, timeout_us);
	s->link_busy_us[link] = done_us;
	sim_at(s, done_us, (struct sim_event){.type = SIM_POLLED, .run = s->runs, .data = p});
}

static enum checker_cause cause_of(const struct sim *s, const struct poll *p, unsigned point)
{
	switch (p->state) {
	case DEVICE_SILENT:
		return CHECKER_NO_RESPONSE;
	case DEVICE_EXCEPTION:
		return CHECKER_EXCEPTION;
	case DEVICE_SENTINEL: /* one of its points has lost its probe */
		return point == s->plan.seed % s->plan.device[p->device].read ? CHECKER_SENTINEL
									      : CHECKER_VALUE;
	default:
		return CHECKER_VALUE;
	}
}

static void read_point(
	struct sim *s, const struct poll *p, const struct fg_point *point, struct fg_reading *r)
{
	unsigned number, id;
	enum checker_cause cause;

	if (sscanf(point->name, "x_p%u", &number) != 1)
		abort();
	id = p->device * PLAN_POINTS + number;
	cause = cause_of(s, p, number);
	r->qc = cause == CHECKER_VALUE ? FG_QC_NOT_EVALUATED : FG_QC_MISSING;
	if (cause == CHECKER_VALUE)
		r->value = (struct fg_value){
			.kind = FG_KIND_INT, .i = plan_value(&s->plan, id, s->now_us)};
	else if (cause == CHECKER_SENTINEL)
		r->reason = FG_REASON_SENTINEL;
	else if (cause == CHECKER_NO_RESPONSE)
		r->reason = FG_REASON_NO_RESPONSE;
	else
		r->reason = FG_REASON_EXCEPTION;
	r->detail = cause == CHECKER_EXCEPTION ? 2 : 0;
	checker_gave(s->checker, s->now_us, id, cause);
}

/* What the gateway is to make of what was read. */
static void tell_derived(struct sim *s, const struct poll *p)
{
	const struct plan_device_conf *d = &s->plan.device[p->device];

	for (unsigned i = d->read; i < d->points; i++) {
		unsigned inputs[2], id = p->device * PLAN_POINTS + i;
		unsigned n = plan_inputs(&s->plan, id, inputs);
		enum checker_cause cause = CHECKER_VALUE;

		for (unsigned k = 0; k < n && cause == CHECKER_VALUE; k++)
			cause = cause_of(s, p, inputs[k] % PLAN_POINTS);
		checker_gave(s->checker, s->now_us, id, cause);
	}
}

void sim_sensors_polled(struct sim *s, struct sim_event *e)
{
	struct poll *p = e->data;
	struct fg_reading readings[PLAN_POINTS];
	struct fg_batch batch = {.readings = readings, .cap = PLAN_POINTS};
	struct fg_poll_result result = {.batch = &batch, .requests = 1};

	/* who asked may be gone, or have become another */
	if (s->gateway && e->run == s->runs && !sim_gateway_stopping(s) &&
		p->generation == s->generation[p->device]) {
		result.group = sim_gateway_group(s, p->device);
		result.answers = p->state != DEVICE_SILENT;
		result.started_mono_us = p->started_mono_us;
		result.done_mono_us = sim_clock(s).mono_us;
		for (size_t i = 0; i < result.group->count; i++) {
			const struct fg_point *point = result.group->points[i];

			read_point(s, p, point,
				fg_batch_add(&batch, point->index, result.done_mono_us));
		}
		tell_derived(s, p);
		sim_gateway_polled(s, &result);
		sim_hurry(s);
	}
	free(p);
}
