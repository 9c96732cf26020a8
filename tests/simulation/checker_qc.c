/* SPDX-License-Identifier: EUPL-1.2 */
/* What a reading is worth: by its range, by the rule of its station, by what it is worked out
 * of. */
#include "base/cleanup.h"
#include "checker_private.h"

static int qc_by_range(int64_t v)
{
	if (v < PLAN_FAIL_LOW || v > PLAN_FAIL_HIGH)
		return 4;
	return v < PLAN_SUSPECT_LOW || v > PLAN_SUSPECT_HIGH ? 3 : 1;
}

/* Whether the device had lost the probe of the point then: nothing else takes one value alone. */
static bool alone(const struct checker *c, unsigned point, int64_t true_us)
{
	const struct point *p = &c->points[point];
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->given[p->given[mid]].true_us < true_us)
			low = mid + 1;
		else
			high = mid;
	}
	return low == p->count || c->given[p->given[low]].true_us != true_us ||
	       c->given[p->given[low]].cause != CHECKER_VALUE;
}

/* By its range, and by the rule of the station over the first two points of the device. */
static int qc_of_read(const struct checker *c, unsigned point, int64_t true_us)
{
	unsigned first = point - point % PLAN_POINTS, other = 2 * first + 1 - point;
	int64_t v = plan_value(c->plan, point, true_us), w;
	int qc = qc_by_range(v);

	if (!c->plan->derived || point > first + 1 || qc == 4 || alone(c, other, true_us))
		return qc;
	w = plan_value(c->plan, other, true_us);
	if (qc_by_range(w) == 4)
		return qc;
	return (point == first ? v - w : w - v) > PLAN_ORDER ? 3 : qc;
}

int checker_qc(const struct checker *c, const struct given *g)
{
	unsigned inputs[2], n = plan_inputs(c->plan, g->point, inputs);
	int worst = 1;

	if (g->cause != CHECKER_VALUE)
		return 9;
	if (n == 0)
		return qc_of_read(c, g->point, g->true_us);
	for (unsigned i = 0; i < n; i++)
		worst = FG_MAX(worst, qc_of_read(c, inputs[i], g->true_us));
	return worst;
}
