/* SPDX-License-Identifier: EUPL-1.2 */
/* S12: readings that were taken while somebody worked on the device say so, and no others; the
 * alarm in a reading is what its value says, and there is none meanwhile. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "checker_private.h"

/* Beginning and end are looked for each second. */
#define EDGE_US (3 * US_PER_S)

enum { NOT_MAINTAINED, MAINTAINED, UNSURE };

static struct work *works_of(struct checker *c, unsigned device, size_t *ret_count)
{
	*ret_count = c->work_count[device];
	return c->works[device];
}

void checker_work(struct checker *c, int64_t true_us, unsigned device, int64_t from_us,
	int64_t until_us)
{
	size_t n = c->work_count[device];

	c->now_us = true_us;
	if (n == CHECKER_WORKS)
		return;
	c->works[device][n] = (struct work){from_us, until_us, true_us, false};
	c->work_count[device]++;
}

/* All is called off, also what is planned; what was planned in the configuration too, once it has
 * begun. */
void checker_work_over(struct checker *c, int64_t true_us, unsigned device)
{
	size_t n, left = 0;
	struct work *w = works_of(c, device, &n);

	c->now_us = true_us;
	for (size_t i = 0; i < n; i++)
		if (w[i].until_us <= true_us || (w[i].configured && w[i].from_us > true_us))
			w[left++] = w[i];
	c->work_count[device] = left;
	c->commanded_us[device] = true_us;
	c->work_unsure[device] = false;
}

void checker_work_configured(struct checker *c)
{
	const struct plan *p = c->plan;

	for (unsigned i = 0; i < p->devices && p->work_until_us; i++) {
		if (i != p->work_device)
			continue;
		checker_work(c, 0, i, p->work_from_us, p->work_until_us);
		c->works[i][0].configured = true;
	}
}

/* What was said right before an end that was not clean, or that could not be stored, is perhaps
 * forgotten. */
void checker_work_ended(struct checker *c, bool clean, int64_t disk_well_since_us)
{
	int64_t sure_us = c->now_us - c->plan->commit_us - SLACK_US;

	if (disk_well_since_us > sure_us - STARVED_US)
		sure_us = INT64_MIN;
	for (unsigned i = 0; i < c->plan->devices && !clean; i++) {
		size_t n;
		const struct work *w = works_of(c, i, &n);

		c->work_unsure[i] |= c->commanded_us[i] > sure_us;
		for (size_t k = 0; k < n; k++)
			c->work_unsure[i] |= w[k].set_us > sure_us;
	}
}

static uint8_t state_at(struct checker *c, unsigned device, int64_t at_us)
{
	size_t n;
	const struct work *w = works_of(c, device, &n);
	bool by_wall = false, sure = c->plan->clocks == CLOCKS_RIGHT && !c->plan->damaged;

	if (c->work_unsure[device] || c->plan->damaged)
		return UNSURE;
	for (size_t i = 0; i < n; i++)
		if (w[i].until_us == INT64_MAX && w[i].from_us <= at_us)
			return MAINTAINED;
	for (size_t i = 0; i < n; i++) {
		int64_t since_us = at_us - w[i].from_us, left_us = w[i].until_us - at_us;

		if (since_us > EDGE_US && left_us > EDGE_US && sure)
			return MAINTAINED;
		by_wall |= !sure || (since_us >= -EDGE_US && left_us >= -EDGE_US);
	}
	return by_wall ? UNSURE : NOT_MAINTAINED;
}

void checker_marks_gave(struct checker *c, struct given *g)
{
	g->maintained = state_at(c, g->point / PLAN_POINTS, g->true_us);
}

/* ---- what is told ---- */

/* Above what the point's alarm holds; 0: it has none. */
static int64_t limit_of(const struct plan *p, unsigned point)
{
	unsigned inputs[2];

	if (!p->device[point / PLAN_POINTS].alarms || plan_inputs(p, point, inputs))
		return 0;
	return plan_tested(p, point) ? PLAN_LEVEL_ALARM * PLAN_LEVEL : PLAN_ALARM;
}

static void check_alarm(struct checker *c, const struct given *g, const struct parsed *m,
	const char *where)
{
	int64_t limit = limit_of(c->plan, g->point);
	bool above = limit && plan_value(c->plan, g->point, g->true_us) > limit;
	char name[16];

	if (m->qc == 4 || g->maintained == UNSURE)
		return; /* what held before goes on */
	c->alarms += m->alarm;
	if (m->alarm != (above && g->maintained == NOT_MAINTAINED))
		checker_found(c, "S12", "%s: reading %" PRIu64 " of %s: %salarm", where, m->seq,
			checker_name(g->point, name), m->alarm ? "" : "no ");
}

void checker_marks_told(
	struct checker *c, const struct given *g, const struct parsed *m, const char *where)
{
	char name[16];

	c->maintained += m->maintenance;
	if (g->maintained != UNSURE && m->maintenance != (g->maintained == MAINTAINED))
		checker_found(c, "S12", "%s: reading %" PRIu64 " of %s is %smarked as taken during "
			"maintenance", where, m->seq, checker_name(g->point, name),
			m->maintenance ? "" : "not ");
	if (m->has_value && !m->replaces)
		check_alarm(c, g, m, where);
}
