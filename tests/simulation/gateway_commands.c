/* SPDX-License-Identifier: EUPL-1.2 */
/* What people ask of the simulated gateway, as fjordctl would. */
#include <stdio.h>
#include <stdlib.h>

#include "base/status.h"
#include "gateway_private.h"

/* How far ahead work is planned. */
#define AHEAD_US (3600 * US_PER_S)

static void begin(struct sim *s, unsigned device, struct fg_maintenance_window w, int64_t from_us)
{
	int64_t until_us = w.until_ms ? from_us + w.until_ms * 1000 - w.from_ms * 1000 : INT64_MAX;
	char name[16];
	int r;

	if (w.until_ms && !w.from_ms)
		until_us = w.until_ms * 1000 - (sim_clock(s).wall_us - s->now_us);
	snprintf(name, sizeof(name), "d%u", device);
	snprintf(w.reason, sizeof(w.reason), "cleaning");
	r = fg_core_maintenance_on(s->gateway->core, sim_clock(s), name, &w);
	if (r == FG_OK)
		checker_work(s->checker, s->now_us, device, from_us, until_us);
	else if (r != FG_ENOENT && r != FG_EFULL)
		abort();
}

void sim_gateway_work(struct sim *s, const struct plan_event *e)
{
	HEAP_OF(HEAP_GATEWAY);
	int64_t wall_ms;

	if (!s->gateway || s->gateway->stopping)
		return;
	wall_ms = fg_core_wall_us(s->gateway->core, sim_clock(s).mono_us) / 1000;
	if (e->b == WORK_ON)
		begin(s, e->who, (struct fg_maintenance_window){0}, s->now_us);
	else if (e->b == WORK_UNTIL)
		begin(s, e->who, (struct fg_maintenance_window){
			.until_ms = wall_ms + e->a / 1000}, s->now_us);
	else
		begin(s, e->who, (struct fg_maintenance_window){
			.from_ms = wall_ms + AHEAD_US / 1000,
			.until_ms = wall_ms + (AHEAD_US + e->a) / 1000}, s->now_us + AHEAD_US);
	sim_gateway_turn(s);
}

/* Whoever cannot reach the gateway, or is told that it does not know the device, says it later. */
void sim_gateway_work_over(struct sim *s, const struct plan_event *e)
{
	HEAP_OF(HEAP_GATEWAY);
	char name[16];

	snprintf(name, sizeof(name), "d%u", e->who);
	if (!s->gateway || s->gateway->stopping ||
		fg_core_maintenance_off(s->gateway->core, sim_clock(s), name, true) < 0) {
		sim_at(s, s->now_us + 600 * US_PER_S,
			(struct sim_event){.type = SIM_OVER, .data = (void *)(uintptr_t)e});
		return;
	}
	checker_work_over(s->checker, s->now_us, e->who);
	sim_gateway_turn(s);
}
