/* SPDX-License-Identifier: EUPL-1.2 */
/* Times of quality tests that are shorter than the interval: every reading would be flagged. */
#include "base/timefmt.h"
#include "gateway/config/loader.h"
#include "quality/tests.h"

static void check(struct fg_loader *l, const struct fg_point *p, enum fg_test test,
	const char *key, double seconds, bool too_short)
{
	const struct fg_node *qc = fg_node_get(p->node, "qc");
	const struct fg_node *of = qc ? fg_node_get(qc, fg_test_name(test)) : NULL;
	char is[32], interval[32];

	if (!fg_qc_is_on(p->qc.tests, test) || !too_short)
		return;
	fg_duration_text((int64_t)(seconds * 1e6), is, sizeof(is));
	fg_duration_text(p->interval_us, interval, sizeof(interval));
	fg_report_error(l->rep, of ? fg_place_of(of, key) : p->node->at,
		"devices.%s.points.%s.qc.%s.%s: %s hold no two readings, which come every %s; "
		"each would be flagged",
		p->device->name, p->name, fg_test_name(test), key, is, interval);
}

/* Comparisons with NaN are false: what is not given is not too short. */
static void check_point(struct fg_loader *l, const struct fg_point *p)
{
	const struct fg_qc_tests *t = p->qc.tests;
	double interval_s = (double)p->interval_us / 1e6;

	check(l, p, FG_TEST_FLAT_LINE, "suspect", t->flat_line.suspect_s,
		t->flat_line.suspect_s < interval_s);
	check(l, p, FG_TEST_FLAT_LINE, "fail", t->flat_line.fail_s,
		t->flat_line.fail_s < interval_s);
	check(l, p, FG_TEST_ATTENUATED_SIGNAL, "period", t->attenuated.period_s,
		t->attenuated.period_s <= interval_s);
	check(l, p, FG_TEST_TIME_GAP, "fail", t->time_gap.span_s, t->time_gap.span_s <= interval_s);
}

void fg_check_qc_short(struct fg_loader *l)
{
	for (size_t i = 0; i < l->config->point_count; i++)
		if (!l->config->points[i]->qc.off && l->config->points[i]->qc.tests)
			check_point(l, l->config->points[i]);
}
