/* SPDX-License-Identifier: EUPL-1.2 */
/* Budgets of the destinations: which day it is, and what of it a restart must know. */
#include <string.h>

#include "base/status.h"
#include "base/zone.h"
#include "gateway/core_state.h"

#define NOTE	      "budget"
#define NOTE_EVERY_US 60000000

/* A day begins only by a clock that is right: one that is set later would give it twice. */
static void roll(const struct fg_core *core, struct fg_budget *b, int64_t now_ms)
{
	int64_t from_ms, to_ms;

	if (!core->trusted || (now_ms >= b->from_ms && now_ms < b->to_ms))
		return;
	fg_zone_day(now_ms, &from_ms, &to_ms);
	fg_budget_day(b, from_ms, to_ms);
}

static void save(struct fg_core *core, const struct fg_publisher *p)
{
	unsigned char note[FG_BUDGET_NOTE];

	if (!p->budget.to_ms)
		return;
	fg_budget_put(&p->budget, note);
	fg_core_set_state(core, NOTE, p->conf->name, note, sizeof(note)); /* else in a minute */
}

int64_t fg_budget_run(struct fg_core *core, struct fg_now now)
{
	const int64_t now_ms = fg_core_wall_us(core, now.mono_us) / 1000;
	const bool due = now.mono_us >= core->budget_due_mono_us;
	bool any = false;

	for (size_t i = 0; i < core->publisher_count; i++) {
		struct fg_publisher *p = core->publishers[i];

		if (!p->budget.limit)
			continue;
		any = true;
		roll(core, &p->budget, now_ms);
		if (due)
			save(core, p);
	}
	if (due)
		core->budget_due_mono_us = now.mono_us + NOTE_EVERY_US;
	return any ? core->budget_due_mono_us : INT64_MAX;
}

int64_t fg_destinations_run(struct fg_core *core, struct fg_now now)
{
	int64_t budgets_us = fg_budget_run(core, now), certificates_us;

	certificates_us = fg_certificates_run(core, now);
	return FG_MIN(budgets_us, certificates_us);
}

void fg_budget_stop(struct fg_core *core)
{
	for (size_t i = 0; i < core->publisher_count; i++)
		if (core->publishers[i]->budget.limit)
			save(core, core->publishers[i]);
}

int fg_budget_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	struct fg_publisher *p = fg_core_publisher(core, key);

	if (p && p->budget.limit)
		fg_budget_take(&p->budget, bytes, len);
	return FG_OK;
}
