/* SPDX-License-Identifier: EUPL-1.2 */
/* What the simulated gateway asks of its store for hours: answered a little later. */
#include "base/status.h"
#include "gateway_private.h"

int sim_read_hours(void *arg, struct fg_hours_work *work)
{
	struct sim_gateway *g = arg;

	sim_at(g->sim, g->sim->now_us + sim_between(g->sim, 1000, 50000),
		(struct sim_event){.type = SIM_HOURS, .run = g->sim->runs});
	g->hours = work;
	return FG_OK;
}

void sim_answer_hours(struct sim_gateway *g)
{
	struct fg_hours_work *work = g->hours;

	g->hours = NULL;
	if (!work)
		return;
	fg_hours_read(g->reader, work);
	if (work->status == FG_ECORRUPT && !g->damage_told) {
		g->damage_told = true;
		fg_store_found_damage(g->sink);
	}
	fg_core_hours(g->core, sim_clock(g->sim), work);
}
